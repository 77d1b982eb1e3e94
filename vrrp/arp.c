/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the frames that tell neighbours and switches where a virtual address lives now: gratuitous ARP for IPv4,
 * unsolicited neighbour advertisement for IPv6. Bytes only: who sends them, how often and through which socket is
 * decided elsewhere. */
#include "vrrp/arp.h"

#include "vrrp/cursor.h"
#include "vrrp/packet.h"

#include <assert.h>

enum {
	ETHERTYPE_ARP4 = 0x0806,
	ETHERTYPE_IP4 = 0x0800,
	HTYPE_ETHERNET = 1,
	OPER_REQUEST = 1,
	MAC_LEN = 6,
	IP4_LEN = 4,
	ETHERTYPE_IP6 = 0x86dd,
	IP6_LEN = 16,
	IP6_AT_SRC = 14 + 8,
	NEXT_ICMP6 = 58,
	NA_TYPE = 136,
	NA_LEN = 32,
	NA_AT = 14 + 40,
	NA_ROUTER = 0x80,
	NA_OVERRIDE = 0x20,
	OPTION_TARGET_MAC = 2,
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

static void write_na(struct writer *w, const uint8_t mac[6], const struct ip_addr *vip, bool router)
{
	wr_u8(w, NA_TYPE);
	wr_u8(w, 0);
	wr_be16(w, 0); /* checksum, below */
	wr_u8(w, (uint8_t)(NA_OVERRIDE | (router ? NA_ROUTER : 0)));
	wr_u8(w, 0);
	wr_be16(w, 0);
	wr_bytes(w, vip->bytes, IP6_LEN);
	wr_u8(w, OPTION_TARGET_MAC);
	wr_u8(w, 1); /* in units of eight octets */
	wr_bytes(w, mac, MAC_LEN);
}

void na_unsolicited(const uint8_t mac[6], const struct ip_addr *vip, bool router, uint8_t frame[NA_FRAME_LEN])
{
	static const uint8_t all_nodes_mac[MAC_LEN] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const uint8_t all_nodes[IP6_LEN] = { 0xff, 2, [15] = 1 };
	struct writer w = { .p = frame, .left = NA_FRAME_LEN };
	uint16_t sum;

	assert(vip->family == AF_INET6);
	wr_bytes(&w, all_nodes_mac, MAC_LEN);
	wr_bytes(&w, mac, MAC_LEN);
	wr_be16(&w, ETHERTYPE_IP6);

	wr_be16(&w, 0x6000);
	wr_be16(&w, 0);
	wr_be16(&w, NA_LEN);
	wr_u8(&w, NEXT_ICMP6);
	wr_u8(&w, 255); /* RFC 4861 §7.1.2: nothing else is heeded */
	wr_bytes(&w, vip->bytes, IP6_LEN);
	wr_bytes(&w, all_nodes, IP6_LEN);

	write_na(&w, mac, vip, router);
	assert(!w.bad && w.left == 0);
	sum = vrrp_csum_add(NA_LEN + NEXT_ICMP6, frame + IP6_AT_SRC, 2 * IP6_LEN + NA_LEN);
	sum = (uint16_t)~sum;
	frame[NA_AT + 2] = (uint8_t)(sum >> 8);
	frame[NA_AT + 3] = (uint8_t)sum;
}
