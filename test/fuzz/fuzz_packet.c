/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder against arbitrary packets. The first octet of the input says how the instance speaks and whether the
 * checksum is made right (or nothing would get behind it); the rest is the packet. Over IPv6 two octets come first for
 * what a socket tells beside the message. What is accepted is encoded again and must come back the same. */
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
	OVER_IPV6 = 64,
	UNICAST = 128,
};

/* The octet after the hop limit. */
enum { TO_US = 1, FROM_US = 2, FROM_STRANGER = 4, CHECK_PEERS = 8, NO_HOP_LIMIT = 16 };

struct scene {
	struct vrrp_wire wire;
	struct ip_addr vips[VRRP_ADDRS_MAX];
	struct vrrp_unicast_peer peers[2];
	struct ip_addr own;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;
	bool good = ip_parse(text, &a);

	assert(good);
	return a;
}

static void scene_init(struct scene *s, unsigned how, unsigned also)
{
	bool v6 = how & OVER_IPV6;

	memset(s, 0, sizeof(*s));
	s->wire = (struct vrrp_wire){
		.version = v6 || how & SPEAK_V3 ? 3 : 2,
		.family = v6 ? AF_INET6 : AF_INET,
		.vrid = 51,
		.auth_type = how & SPEAK_PASS && !(how & SPEAK_V3) && !v6 ? VRRP_AUTH_PASS : VRRP_AUTH_NONE,
		.auth_data = "1111",
		.interval_us = 1000000,
		.csum = how & SPEAK_PLAIN ? VRRP_CSUM_PLAIN : VRRP_CSUM_PSEUDO,
		.group = ip(v6 ? VRRP_GROUP6 : VRRP_GROUP4),
		.addrs = s->vips,
		.n_addrs = how & MANY_VIPS ? 20 : 1,
		.unicast = how & UNICAST,
		.ttl = 64,
		.peers = s->peers,
		.n_peers = 2,
		.check_peers = also & CHECK_PEERS,
	};
	for (size_t i = 0; i < s->wire.n_addrs; i++) {
		s->vips[i] = ip(v6 ? "fe80::100" : "192.0.2.100");
		s->vips[i].bytes[ip_len(s->wire.family) - 1] += (uint8_t)i;
	}
	s->peers[0] = (struct vrrp_unicast_peer){ .addr = ip(v6 ? "fe80::11" : "192.0.2.11"), .max_ttl = 255 };
	s->peers[1] = (struct vrrp_unicast_peer){ ip(v6 ? "2001:db8::3" : "198.51.100.3"), 60, 250 };
	s->own = ip(v6 ? "fe80::12" : "192.0.2.12");
}

/* Does nothing to a packet that has no whole message. */
static void repair_checksum(unsigned how, uint8_t *data, struct vrrp_packet *p)
{
	bool v6 = p->family == AF_INET6;
	size_t header = v6 ? 0 : p->len ? (data[0] & 0xfu) * 4 : 0;
	uint8_t *msg = data + header;
	size_t msg_len;
	uint16_t sum = 0;

	if ((!v6 && header < 20) || p->len < header + 8)
		return;
	msg_len = 8 + (size_t)msg[3] * ip_len(p->family) + (msg[0] >> 4 == 2 ? VRRP_AUTH_LEN : 0);
	if (p->len < header + msg_len)
		return;
	msg[6] = msg[7] = 0;
	if (v6 || (msg[0] >> 4 == 3 && !(how & REPAIR_PLAIN))) {
		struct ip_addr src = vrrp_peek_src(p), dst = vrrp_peek_dst(p);

		sum = vrrp_csum_add(VRRP_IP_PROTO, src.bytes, ip_len(p->family));
		sum = vrrp_csum_add(sum, dst.bytes, ip_len(p->family));
		sum = vrrp_csum_add(sum, (uint8_t[]){ (uint8_t)(msg_len >> 8), (uint8_t)msg_len }, 2);
	}
	sum = (uint16_t)~vrrp_csum_add(sum, msg, msg_len);
	msg[6] = (uint8_t)(sum >> 8);
	msg[7] = (uint8_t)sum;
}

/* Says again what was heard, with the sender's addresses, and listens to that. */
static void round_trip(const struct scene *s, const struct vrrp_advert *heard, const struct vrrp_packet *packet)
{
	sa_family_t family = s->wire.family;
	const uint8_t *msg = packet->data + (family == AF_INET ? (packet->data[0] & 0xfu) * 4 : 0);
	struct ip_addr addrs[VRRP_ADDRS_MAX];
	struct vrrp_wire wire = s->wire;
	uint8_t buf[VRRP_PACKET_MAX];
	struct vrrp_packet said = *packet;
	struct vrrp_advert again;

	wire.interval_us = heard->interval_us;
	wire.addrs = addrs;
	wire.n_addrs = msg[3];
	for (size_t i = 0; i < wire.n_addrs; i++)
		addrs[i] = ip_from_bytes(family, msg + 8 + i * ip_len(family));
	said.data = buf;
	said.dst = wire.unicast ? s->own : wire.group;
	said.len = vrrp_encode(&wire, &heard->src, &said.dst, heard->priority, 7, buf, sizeof(buf));
	assert(said.len > 0 && vrrp_peek_vrid(&said) == wire.vrid);
	wire.check_peers = false; /* our own TTL need not be the one that the peer was allowed */
	assert(vrrp_decode(&wire, &s->own, &said, &again) == VRRP_OK);
	assert(again.priority == heard->priority && again.interval_us == heard->interval_us);
	assert(ip_equal(&again.src, &heard->src) && again.no_link_local == heard->no_link_local);
	assert(!again.csum_alt && !again.interval_diff && !again.addrs_differ);
}

static void tell(const struct scene *s, struct vrrp_packet *p, unsigned also, uint8_t hop_limit)
{
	p->family = s->wire.family;
	p->hop_limit = also & NO_HOP_LIMIT ? -1 : hop_limit;
	p->src = also & FROM_US ? s->own : also & FROM_STRANGER ? ip("2001:db8::66") : s->peers[0].addr;
	p->dst = also & TO_US ? s->own : s->wire.group;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrrp_packet p = { 0 };
	struct vrrp_advert ad;
	struct scene s;
	enum vrrp_drop drop;
	uint8_t *copy;
	uint8_t vrid;
	unsigned how, also = 0, hop_limit = 0;

	if (size < 1)
		return 0;
	how = data[0];
	data++, size--;
	if (how & (OVER_IPV6 | UNICAST)) {
		if (size < 2)
			return 0;
		hop_limit = data[0];
		also = data[1];
		data += 2, size -= 2;
	}
	copy = malloc(size); /* exactly as long as the packet, so that a read beyond is seen */
	if (!copy && size)
		return 0;
	if (size)
		memcpy(copy, data, size);
	scene_init(&s, how, also);
	tell(&s, &p, also, (uint8_t)hop_limit);
	p.data = copy;
	p.len = size;
	if (!(how & KEEP_CHECKSUM))
		repair_checksum(how, copy, &p);

	vrid = vrrp_peek_vrid(&p);
	drop = vrrp_decode(&s.wire, &s.own, &p, &ad);
	assert(drop < _VRRP_DROP_MAX_ && vrrp_drop_name(drop));
	if (drop == VRRP_OK) {
		struct ip_addr src = vrrp_peek_src(&p);

		assert(vrid == s.wire.vrid && ad.interval_us > 0 && !ip_equal(&ad.src, &s.own));
		assert(ip_equal(&ad.src, &src));
		assert(!s.wire.check_peers || !s.wire.unicast || vrrp_find_peer(&s.wire, &src));
		round_trip(&s, &ad, &p);
	}
	free(copy);
	return 0;
}
