/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the gratuitous ARP that tells neighbours and switches where a virtual address lives now. Bytes only: who
 * sends them, how often and through which socket is decided elsewhere. */
#include "vrrp/arp.h"

#include "vrrp/cursor.h"

#include <assert.h>

enum {
	ETHERTYPE_ARP4 = 0x0806,
	ETHERTYPE_IP4 = 0x0800,
	HTYPE_ETHERNET = 1,
	OPER_REQUEST = 1,
	MAC_LEN = 6,
	IP4_LEN = 4,
};

static const uint8_t broadcast[MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void arp_gratuitous(const uint8_t mac[6], const struct ip_addr *vip, uint8_t frame[ARP_FRAME_LEN])
{
	struct writer w = { .p = frame, .left = ARP_FRAME_LEN };

	assert(vip->family == AF_INET);
	wr_bytes(&w, broadcast, MAC_LEN);
	wr_bytes(&w, mac, MAC_LEN);
	wr_be16(&w, ETHERTYPE_ARP4);

	wr_be16(&w, HTYPE_ETHERNET);
	wr_be16(&w, ETHERTYPE_IP4);
	wr_u8(&w, MAC_LEN);
	wr_u8(&w, IP4_LEN);
	wr_be16(&w, OPER_REQUEST);
	wr_bytes(&w, mac, MAC_LEN);
	wr_bytes(&w, vip->bytes, IP4_LEN);
	wr_bytes(&w, broadcast, MAC_LEN); /* RFC 5227 §3 would have zero here */
	wr_bytes(&w, vip->bytes, IP4_LEN);
	assert(!w.bad && w.left == 0);
}
