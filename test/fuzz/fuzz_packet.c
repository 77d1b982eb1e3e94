/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder against arbitrary packets. The first octet of the input says how the instance speaks and whether the
 * checksum is made right (or nothing would get behind it); the rest is the packet. What is accepted is encoded again
 * and must come back the same. */
#include "vrrp/packet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	SPEAK_V3 = 1,
	SPEAK_PASS = 2,
	SPEAK_PLAIN = 4,
	KEEP_CHECKSUM = 8,
	REPAIR_PLAIN = 16,
	MANY_VIPS = 32,
};

struct peer {
	struct vrrp_wire wire;
	struct ip_addr vips[VRRP_ADDRS_MAX];
	struct ip_addr own, group;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void peer_init(struct peer *p, unsigned how)
{
	memset(p, 0, sizeof(*p));
	p->wire = (struct vrrp_wire){
		.version = how & SPEAK_V3 ? 3 : 2,
		.family = AF_INET,
		.vrid = 51,
		.auth_type = how & SPEAK_PASS && !(how & SPEAK_V3) ? VRRP_AUTH_PASS : VRRP_AUTH_NONE,
		.auth_data = "1111",
		.interval_us = 1000000,
		.csum = how & SPEAK_PLAIN ? VRRP_CSUM_PLAIN : VRRP_CSUM_PSEUDO,
		.addrs = p->vips,
		.n_addrs = how & MANY_VIPS ? 20 : 1,
	};
	for (size_t i = 0; i < p->wire.n_addrs; i++)
		p->vips[i] = ip_from_bytes(AF_INET, (uint8_t[]){ 192, 0, 2, (uint8_t)(100 + i) });
	p->own = ip_from_bytes(AF_INET, (uint8_t[]){ 192, 0, 2, 12 });
	ip_parse(VRRP_GROUP4, &p->group);
}

/* Does nothing to a packet that has no whole message. */
static void repair_checksum(unsigned how, uint8_t *packet, size_t len)
{
	size_t header = len ? (packet[0] & 0xfu) * 4 : 0;
	uint8_t *msg = packet + header;
	size_t msg_len;
	uint16_t sum = 0;

	if (header < 20 || len < header + 8)
		return;
	msg_len = 8 + (size_t)msg[3] * 4 + (msg[0] >> 4 == 2 ? VRRP_AUTH_LEN : 0);
	if (len < header + msg_len)
		return;
	msg[6] = msg[7] = 0;
	if (msg[0] >> 4 == 3 && !(how & REPAIR_PLAIN)) {
		sum = vrrp_csum_add(VRRP_IP_PROTO, packet + 12, 8);
		sum = vrrp_csum_add(sum, (uint8_t[]){ (uint8_t)(msg_len >> 8), (uint8_t)msg_len }, 2);
	}
	sum = (uint16_t)~vrrp_csum_add(sum, msg, msg_len);
	msg[6] = (uint8_t)(sum >> 8);
	msg[7] = (uint8_t)sum;
}

/* Says again what was heard, with the sender's addresses, and listens to that. */
static void round_trip(const struct peer *p, const struct vrrp_advert *heard, const uint8_t *packet)
{
	const uint8_t *msg = packet + (packet[0] & 0xfu) * 4;
	struct ip_addr addrs[VRRP_ADDRS_MAX];
	struct vrrp_wire wire = p->wire;
	uint8_t buf[VRRP_PACKET_MAX];
	struct vrrp_advert again;
	size_t len;

	wire.interval_us = heard->interval_us;
	wire.addrs = addrs;
	wire.n_addrs = msg[3];
	for (size_t i = 0; i < wire.n_addrs; i++)
		addrs[i] = ip_from_bytes(AF_INET, msg + 8 + i * 4);
	len = vrrp_encode(&wire, &heard->src, &p->group, heard->priority, 7, buf, sizeof(buf));
	assert(len > 0 && vrrp_peek_vrid(buf, len) == wire.vrid);
	assert(vrrp_decode(&wire, &p->own, &p->group, buf, len, &again) == VRRP_OK);
	assert(again.priority == heard->priority && again.interval_us == heard->interval_us);
	assert(ip_equal(&again.src, &heard->src));
	assert(!again.csum_alt && !again.interval_diff && !again.addrs_differ);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrrp_advert ad;
	struct peer p;
	enum vrrp_drop drop;
	uint8_t *packet;
	uint8_t vrid;
	unsigned how;

	if (size < 1)
		return 0;
	how = data[0];
	size--;
	packet = malloc(size); /* exactly as long as the packet, so that a read beyond is seen */
	if (!packet && size)
		return 0;
	if (size)
		memcpy(packet, data + 1, size);
	peer_init(&p, how);
	if (!(how & KEEP_CHECKSUM))
		repair_checksum(how, packet, size);

	vrid = vrrp_peek_vrid(packet, size);
	drop = vrrp_decode(&p.wire, &p.own, &p.group, packet, size, &ad);
	assert(drop < _VRRP_DROP_MAX_ && vrrp_drop_name(drop));
	if (drop == VRRP_OK) {
		assert(vrid == p.wire.vrid && ad.interval_us > 0 && !ip_equal(&ad.src, &p.own));
		round_trip(&p, &ad, packet);
	}
	free(packet);
	return 0;
}
