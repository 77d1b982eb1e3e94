/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as an advert to an instance with auth_hmac. The first octet says which instance, and what is mended before
 * it listens: without a right signature nothing would come further. What is accepted must be signed with a key of ours,
 * be new, and not be accepted twice. */
#include "vrrp/auth.h"
#include "vrrp/hmac.h"

#include <assert.h>
#include <stdlib.h>

enum { OVER_IPV6 = 1, VERSION_2 = 2, MONOTONIC = 4, PERMISSIVE = 8, KEEP_MAC = 16, KEEP_CHECKSUM = 32, UNICAST = 64 };
enum { TRAILER = VRRP_AUTH_TRAILER_LEN };

static const uint64_t NOW = 0x6800000080000000;

static struct vrrp_auth_key keys[2];
static struct vrrp_auth_mark marks[VRRP_AUTH_MARKS];

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;
	bool good = ip_parse(text, &a);

	assert(good);
	return a;
}

static struct vrrp_auth auth_of(unsigned how)
{
	if (!keys[0].hmac) {
		keys[0] = (struct vrrp_auth_key){ 1, vrrp_hmac_new((const uint8_t *)"0123456789abcdef0123456789abcdef",
								   32) };
		keys[1] = (struct vrrp_auth_key){ 7, vrrp_hmac_new((const uint8_t *)"fedcba9876543210fedcba9876543210",
								   32) };
	}
	memset(marks, 0, sizeof(marks));
	return (struct vrrp_auth){
		.mode = how & PERMISSIVE ? VRRP_AUTH_PERMISSIVE : VRRP_AUTH_ENFORCE,
		.monotonic = how & MONOTONIC,
		.window_s = 5,
		.keys = keys,
		.n_keys = 2,
		.active = &keys[0],
		.hash = vrrp_hmac,
		.state = { .sent = NOW, .marks = marks, .n_marks = VRRP_AUTH_MARKS },
	};
}

/* Signs under the key id and the number that stand there. Does nothing to a packet that has no room for a trailer. */
static void mend_mac(struct vrrp_auth *a, uint8_t *msg, size_t len, const struct ip_addr *src)
{
	const struct vrrp_auth_message m = { *src, msg[0] >> 4, msg[1], msg, len - TRAILER };
	uint8_t *trailer = msg + len - TRAILER, made[TRAILER];
	uint64_t seq = 0;
	bool good;

	for (int i = 4; i < 12; i++)
		seq = seq << 8 | trailer[i];
	a->active = trailer[1] == keys[1].id ? &keys[1] : &keys[0];
	good = vrrp_auth_sign(a, &m, seq, made);
	assert(good);
	memcpy(trailer + 12, made + 12, TRAILER - 12);
	a->active = &keys[0];
}

static void mend_checksum(uint8_t *msg, size_t len, const struct vrrp_packet *p)
{
	struct ip_addr src = vrrp_peek_src(p), dst = vrrp_peek_dst(p);
	uint16_t sum = 0;

	if (p->family == AF_INET)
		len -= TRAILER;
	msg[6] = msg[7] = 0;
	if (msg[0] >> 4 == 3) {
		sum = vrrp_csum_add(VRRP_IP_PROTO, src.bytes, ip_len(p->family));
		sum = vrrp_csum_add(sum, dst.bytes, ip_len(p->family));
		sum = vrrp_csum_add(sum, (uint8_t[]){ (uint8_t)(len >> 8), (uint8_t)len }, 2);
	}
	sum = (uint16_t)~vrrp_csum_add(sum, msg, len);
	msg[6] = (uint8_t)(sum >> 8);
	msg[7] = (uint8_t)sum;
}

static void mend(struct vrrp_auth *a, unsigned how, uint8_t *data, const struct vrrp_packet *p)
{
	size_t header = p->family == AF_INET6 ? 0 : p->len ? (data[0] & 0xfu) * 4 : 0;
	struct ip_addr src = vrrp_peek_src(p);

	if ((p->family == AF_INET && header < 20) || p->len < header + 8 + TRAILER || p->len > VRRP_PACKET_MAX)
		return;
	if (!(how & KEEP_CHECKSUM))
		mend_checksum(data + header, p->len - header, p);
	if (!(how & KEEP_MAC))
		mend_mac(a, data + header, p->len - header, &src);
	/* over IPv6 the sum covers the signature, which does not cover the sum */
	if (!(how & KEEP_CHECKSUM))
		mend_checksum(data + header, p->len - header, p);
}

/* A trailer of what was accepted, looked at once more by itself. */
static void check_accepted(struct vrrp_auth *a, const struct vrrp_wire *wire, const struct ip_addr *own,
			   const struct vrrp_packet *p, const struct vrrp_advert *ad)
{
	struct vrrp_advert again;
	enum vrrp_drop drop;

	if (!ad->auth.present) {
		assert(a->mode == VRRP_AUTH_PERMISSIVE);
		return;
	}
	assert(a->monotonic || (ad->auth.skew_s >= -5 && ad->auth.skew_s <= 5));
	vrrp_auth_accept(a, &ad->src, ad->auth.seq);
	drop = vrrp_decode(wire, own, p, &again);
	assert(drop == VRRP_DROP_EXT_REPLAY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip_addr vip, own, peer;
	struct vrrp_unicast_peer peers[1];
	struct vrrp_packet p = { .utc = NOW, .hop_limit = 255 };
	struct vrrp_wire wire;
	struct vrrp_advert ad;
	struct vrrp_auth auth;
	uint8_t *copy;
	unsigned how;
	bool v6;

	if (size < 2)
		return 0;
	how = data[0];
	v6 = how & OVER_IPV6;
	data++, size--;
	copy = malloc(size); /* exactly as long as the packet, so that a read beyond is seen */
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	auth = auth_of(how);
	vip = ip(v6 ? "fe80::100" : "192.0.2.100");
	own = ip(v6 ? "fe80::12" : "192.0.2.12");
	peer = ip(v6 ? "fe80::11" : "192.0.2.11");
	peers[0] = (struct vrrp_unicast_peer){ .addr = peer, .max_ttl = 255 };
	wire = (struct vrrp_wire){
		.version = how & VERSION_2 && !v6 ? 2 : 3,
		.family = v6 ? AF_INET6 : AF_INET,
		.vrid = 51,
		.interval_us = 1000000,
		.group = ip(v6 ? VRRP_GROUP6 : VRRP_GROUP4),
		.addrs = &vip,
		.n_addrs = 1,
		.unicast = how & UNICAST,
		.peers = peers,
		.n_peers = 1,
		.auth = &auth,
	};
	p.family = wire.family;
	p.data = copy;
	p.len = size;
	p.src = peer;
	p.dst = wire.unicast ? own : wire.group;
	mend(&auth, how, copy, &p);
	if (vrrp_decode(&wire, &own, &p, &ad) == VRRP_OK)
		check_accepted(&auth, &wire, &own, &p, &ad);
	free(copy);
	return 0;
}
