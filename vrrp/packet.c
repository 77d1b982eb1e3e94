/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to host values and back, for version 2 (IPv4; no authentication, simple password) and version 3 (IPv4, IPv6).
 *
 * A packet is read in two steps. parse() takes it apart and knows only what the packet says of itself; judge() compares
 * that with what the instance expects, one rule and one reason each. Nothing is logged or counted here, and which
 * instance a packet is for is the caller's business (vrrp_peek_vrid). The IPv4 header's own checksum has been verified
 * by the kernel. */
#include "vrrp/packet.h"

#include "vrrp/auth.h"
#include "vrrp/cursor.h"

#include <assert.h>
#include <openssl/crypto.h>

enum {
	IP4_HEADER_LEN = 20,
	IP6_HEADER_LEN = 40,
	IP4_AT_SRC = 12,
	IP4_AT_DST = 16,
	IP4_MF_OR_OFFSET = 0x3fff, /* RFC 791 §3.1: more fragments, fragment offset */
	MSG_HEADER_LEN = 8,
	TYPE_ADVERT = 1,
	MAX_ADVER_INT_MASK = 0x0fff, /* RFC 9568 §5.2.7: the upper four bits are reserved, ignored on receipt */
	US_PER_CS = 10000,
	US_PER_S = 1000000,
	ETHERNET_MIN_PAYLOAD = 46,
};

/* What a packet says, in host order. The pointers are into the packet. */
struct parsed {
	sa_family_t family;
	size_t len;         /* as received */
	size_t header_len;  /* of what was received: none over IPv6 */
	uint16_t total_len; /* IPv4 */
	uint16_t fragment;  /* IPv4 */
	int ttl;            /* or hop limit; -1 = not known */
	uint8_t protocol;
	struct ip_addr src, dst;

	uint8_t version;
	uint8_t type;
	uint8_t vrid;
	uint8_t priority;
	uint8_t n_addrs;
	uint8_t auth_type; /* version 2 */
	uint32_t interval_us;

	const uint8_t *msg;
	size_t msg_len;         /* by the Count field; no more than was received once fits() has said so */
	const uint8_t *trailer; /* auth_hmac; NULL: none */
};

const char *vrrp_drop_name(enum vrrp_drop drop)
{
	static const char *const names[] = {
		[VRRP_OK] = "ok",
		[VRRP_DROP_LENGTH] = "packet_len_err",
		[VRRP_DROP_VRID] = "vrid_err",
		[VRRP_DROP_PROTOCOL] = "proto_err",
		[VRRP_DROP_TTL] = "ip_ttl_err",
		[VRRP_DROP_VERSION] = "vers_err",
		[VRRP_DROP_TYPE] = "invalid_type_rcvd",
		[VRRP_DROP_AUTH_INVALID] = "invalid_authtype",
		[VRRP_DROP_AUTH_MISMATCH] = "authtype_mismatch",
		[VRRP_DROP_AUTH_FAILURE] = "auth_failure",
		[VRRP_DROP_INTERVAL] = "advert_interval_err",
		[VRRP_DROP_INTERVAL_ZERO] = "advert_interval_zero",
		[VRRP_DROP_CHECKSUM] = "chk_err",
		[VRRP_DROP_CAST] = "cast_err",
		[VRRP_DROP_OWN_SRC] = "own_src",
		[VRRP_DROP_COUNT_ZERO] = "addr_count_zero",
		[VRRP_DROP_UNKNOWN_PEER] = "unknown_peer",
		[VRRP_DROP_EXT_MALFORMED] = "auth_ext_malformed",
		[VRRP_DROP_EXT_STALE] = "auth_ext_stale",
		[VRRP_DROP_EXT_UNKNOWN_KEY] = "auth_ext_unknown_key",
		[VRRP_DROP_EXT_INVALID_HMAC] = "auth_ext_invalid_hmac",
		[VRRP_DROP_EXT_REPLAY] = "auth_ext_replay",
		[VRRP_DROP_EXT_MISSING] = "auth_ext_missing",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == _VRRP_DROP_MAX_, "one name per reason");

	assert(drop < _VRRP_DROP_MAX_);
	return names[drop];
}

uint16_t vrrp_csum_add(uint16_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t acc = sum;

	for (; len >= 2; p += 2, len -= 2) {
		acc += (uint32_t)(p[0] << 8 | p[1]);
		acc = (acc & 0xffff) + (acc >> 16);
	}
	if (len)
		acc += (uint32_t)(p[0] << 8);
	return (uint16_t)((acc & 0xffff) + (acc >> 16));
}

/* The pseudo-header of IPv6 (RFC 8200 §8.1), and the one that keepalived puts before the message on IPv4, too (RFC
 * 768's form). They differ in zeros and the order of words, which the sum does not see. */
static uint16_t pseudo_sum(const struct ip_addr *src, const struct ip_addr *dst, size_t msg_len)
{
	const uint8_t tail[4] = { 0, VRRP_IP_PROTO, (uint8_t)(msg_len >> 8), (uint8_t)msg_len };
	uint16_t sum = vrrp_csum_add(0, src->bytes, ip_len(src->family));

	sum = vrrp_csum_add(sum, dst->bytes, ip_len(dst->family));
	return vrrp_csum_add(sum, tail, sizeof(tail));
}

/* What goes into the sum beside the message. */
static uint16_t first_sum(const struct vrrp_wire *wire, enum vrrp_csum dialect, const struct ip_addr *src,
			  const struct ip_addr *dst, size_t msg_len)
{
	if (wire->version == 2)
		return 0;
	if (wire->family == AF_INET6)
		return pseudo_sum(src, dst, msg_len);
	switch (dialect) {
	case VRRP_CSUM_PLAIN:
		return 0;
	case VRRP_CSUM_GROUP:
		return pseudo_sum(src, wire->unicast ? &wire->group : dst, msg_len);
	case VRRP_CSUM_PSEUDO:
	case _VRRP_CSUM_MAX_:
		break;
	}
	return pseudo_sum(src, dst, msg_len);
}

static size_t msg_len_of(sa_family_t family, unsigned version, size_t n_addrs)
{
	return MSG_HEADER_LEN + n_addrs * ip_len(family) + (version == 2 ? VRRP_AUTH_LEN : 0);
}

uint8_t vrrp_peek_vrid(const struct vrrp_packet *packet)
{
	struct cursor c = { .p = packet->data, .left = packet->len };

	if (packet->family == AF_INET) {
		uint8_t ver_ihl = cur_u8(&c);

		if (ver_ihl >> 4 != 4 || (ver_ihl & 0xf) < 5)
			return 0;
		cur_skip(&c, (ver_ihl & 0xfu) * 4 - 1);
	}
	(void)cur_u8(&c); /* version and type */
	return cur_u8(&c);
}

static struct ip_addr read_ip4(struct cursor *c)
{
	uint8_t b[4];

	cur_bytes(c, b, sizeof(b));
	return ip_from_bytes(AF_INET, b);
}

static struct ip_addr peek_ip4(const struct vrrp_packet *packet, size_t at)
{
	struct cursor c = { .p = packet->data, .left = packet->len };
	struct ip_addr a;

	cur_skip(&c, at);
	a = read_ip4(&c);
	return c.bad ? (struct ip_addr){ .family = AF_UNSPEC } : a;
}

struct ip_addr vrrp_peek_src(const struct vrrp_packet *packet)
{
	return packet->family == AF_INET ? peek_ip4(packet, IP4_AT_SRC) : packet->src;
}

struct ip_addr vrrp_peek_dst(const struct vrrp_packet *packet)
{
	return packet->family == AF_INET ? peek_ip4(packet, IP4_AT_DST) : packet->dst;
}

const struct vrrp_unicast_peer *vrrp_find_peer(const struct vrrp_wire *wire, const struct ip_addr *addr)
{
	for (size_t i = 0; i < wire->n_peers; i++)
		if (ip_equal(&wire->peers[i].addr, addr))
			return &wire->peers[i];
	return NULL;
}

/* Leaves the cursor behind the options. */
static void parse_ip4(struct cursor *c, struct parsed *p)
{
	p->header_len = (cur_u8(c) & 0xfu) * 4;
	(void)cur_u8(c); /* TOS: no rule asks for it */
	p->total_len = cur_be16(c);
	(void)cur_be16(c);
	p->fragment = cur_be16(c) & IP4_MF_OR_OFFSET;
	p->ttl = cur_u8(c);
	p->protocol = cur_u8(c);
	(void)cur_be16(c);
	p->src = read_ip4(c);
	p->dst = read_ip4(c);
	if (p->header_len < IP4_HEADER_LEN)
		c->bad = true;
	else
		cur_skip(c, p->header_len - IP4_HEADER_LEN);
}

static void parse_ip6(const struct vrrp_packet *packet, struct parsed *p)
{
	p->protocol = VRRP_IP_PROTO; /* the socket's; fragments have been put together by the kernel */
	p->ttl = packet->hop_limit;
	p->src = packet->src;
	p->dst = packet->dst;
}

/* False if there is no whole IP and VRRP header. */
static bool parse(const struct vrrp_packet *packet, struct parsed *p)
{
	struct cursor c = { .p = packet->data, .left = packet->len };
	uint8_t ver_type, fifth, sixth;

	p->family = packet->family;
	p->len = packet->len;
	if (packet->family == AF_INET6)
		parse_ip6(packet, p);
	else
		parse_ip4(&c, p);
	p->msg = c.p;
	ver_type = cur_u8(&c);
	p->version = ver_type >> 4;
	p->type = ver_type & 0xf;
	p->vrid = cur_u8(&c);
	p->priority = cur_u8(&c);
	p->n_addrs = cur_u8(&c);
	fifth = cur_u8(&c);
	sixth = cur_u8(&c);
	(void)cur_be16(&c); /* the checksum is verified over the whole message */
	if (c.bad)
		return false;

	if (p->version == 2) {
		p->auth_type = fifth;
		p->interval_us = sixth * (uint32_t)US_PER_S;
	} else {
		p->interval_us = ((uint32_t)(fifth << 8 | sixth) & MAX_ADVER_INT_MASK) * US_PER_CS;
	}
	p->msg_len = msg_len_of(p->family, p->version, p->n_addrs);
	return true;
}

static size_t trailer_len(const struct parsed *p)
{
	return p->trailer ? VRRP_AUTH_TRAILER_LEN : 0;
}

/* Nothing but the length tells that there is one. */
static void find_trailer(const struct vrrp_wire *wire, struct parsed *p)
{
	if (wire->auth && p->len == p->header_len + p->msg_len + VRRP_AUTH_TRAILER_LEN)
		p->trailer = p->msg + p->msg_len;
}

/* Whether `len` octets may hold the packet. The Ethernet minimum of 46 octets and VLAN tags of four leave short packets
 * padded by two octets more than a multiple of four; keepalived tolerates just that. With IPv6 none is so short. */
static bool fits(const struct parsed *p, size_t len)
{
	size_t expected = p->header_len + p->msg_len + trailer_len(p);

	if (len == expected)
		return true;
	return p->family == AF_INET && len > expected && expected < ETHERNET_MIN_PAYLOAD && (len - expected) % 4 == 2;
}

static enum vrrp_drop judge_header(const struct vrrp_wire *wire, const struct parsed *p)
{
	bool known = p->version == 2 || p->version == 3; /* else nobody can tell how long it should be */

	if (p->protocol != VRRP_IP_PROTO || p->fragment)
		return VRRP_DROP_PROTOCOL;
	if (p->vrid != wire->vrid)
		return VRRP_DROP_VRID;
	if (known && !fits(p, p->len))
		return VRRP_DROP_LENGTH;
	if (!wire->unicast && p->ttl != VRRP_TTL)
		return VRRP_DROP_TTL;
	if (p->version != wire->version)
		return VRRP_DROP_VERSION;
	if (p->type != TYPE_ADVERT)
		return VRRP_DROP_TYPE;
	return VRRP_OK;
}

/* Before anything else that the packet says of itself is believed. On unicast a stranger is none, whatever he signs. */
static enum vrrp_drop judge_auth(const struct vrrp_wire *wire, const struct parsed *p, uint64_t utc,
				 struct vrrp_auth_seen *ret)
{
	const struct vrrp_auth_message m = {
		.src = p->src, .version = p->version, .vrid = p->vrid, .msg = p->msg, .len = p->msg_len
	};

	if (!wire->auth)
		return VRRP_OK;
	if (wire->unicast && !vrrp_find_peer(wire, &p->src))
		return VRRP_DROP_UNKNOWN_PEER;
	if (p->trailer)
		return vrrp_auth_judge(wire->auth, &m, p->trailer, utc, ret);
	return wire->auth->mode == VRRP_AUTH_ENFORCE ? VRRP_DROP_EXT_MISSING : VRRP_OK;
}

/* RFC 3768 §7.1, with the simple password of RFC 2338 §5.3.6. */
static enum vrrp_drop judge_v2(const struct vrrp_wire *wire, const struct parsed *p)
{
	const uint8_t *auth_data = p->msg + p->msg_len - VRRP_AUTH_LEN;

	if (p->auth_type > VRRP_AUTH_AH)
		return VRRP_DROP_AUTH_INVALID;
	/* An AH advert is IP protocol 51: what came here has no authentication header, whatever the field says. */
	if (p->auth_type != wire->auth_type || p->auth_type == VRRP_AUTH_AH)
		return VRRP_DROP_AUTH_MISMATCH;
	if (p->auth_type == VRRP_AUTH_PASS && CRYPTO_memcmp(auth_data, wire->auth_data, VRRP_AUTH_LEN) != 0)
		return VRRP_DROP_AUTH_FAILURE;
	if (p->interval_us != wire->interval_us)
		return VRRP_DROP_INTERVAL;
	return VRRP_OK;
}

/* The trailer counts only for IPv6, where the checksum is the kernel's business and covers all there is. */
static size_t summed_len(sa_family_t family, size_t msg_len, size_t trailer_len)
{
	return family == AF_INET6 ? msg_len + trailer_len : msg_len;
}

static bool checksum_right(const struct vrrp_wire *wire, const struct parsed *p, enum vrrp_csum dialect)
{
	size_t len = summed_len(p->family, p->msg_len, trailer_len(p));
	uint16_t sum = first_sum(wire, dialect, &p->src, &p->dst, len);

	return vrrp_csum_add(sum, p->msg, len) == 0xffff;
}

/* Version 3 over IPv4 has several readings of what is covered (RFC 9568 §5.2.8 against RFC 5798 as keepalived reads it,
 * now and formerly); ours or any other will do, none is not enough. */
static bool judge_checksum(const struct vrrp_wire *wire, const struct parsed *p, struct vrrp_advert *ad)
{
	bool dialects = p->version == 3 && p->family == AF_INET;

	ad->csum = wire->csum;
	if (checksum_right(wire, p, wire->csum))
		return true;
	for (enum vrrp_csum d = 0; dialects && d < _VRRP_CSUM_MAX_; d++) {
		if (d == VRRP_CSUM_GROUP && (!wire->unicast || wire->csum_group_refused))
			continue;
		if (!checksum_right(wire, p, d))
			continue;
		ad->csum = d;
		ad->csum_alt = true;
		return true;
	}
	return false;
}

static bool is_multicast(const struct ip_addr *a)
{
	return a->family == AF_INET ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

/* For us? And from somebody who may speak to us? */
static enum vrrp_drop judge_ends(const struct vrrp_wire *wire, const struct ip_addr *own, const struct parsed *p)
{
	const struct vrrp_unicast_peer *peer;

	if (wire->unicast ? is_multicast(&p->dst) : !ip_equal(&p->dst, &wire->group))
		return VRRP_DROP_CAST;
	if (ip_equal(&p->src, own))
		return VRRP_DROP_OWN_SRC;
	if (p->n_addrs == 0 && wire->n_addrs > 0) /* RFC 9568 erratum 8299; an instance without VIPs hears its like */
		return VRRP_DROP_COUNT_ZERO;
	if (!wire->unicast || !wire->check_peers)
		return VRRP_OK;
	peer = vrrp_find_peer(wire, &p->src);
	if (!peer)
		return VRRP_DROP_UNKNOWN_PEER;
	return p->ttl < peer->min_ttl || p->ttl > peer->max_ttl ? VRRP_DROP_TTL : VRRP_OK;
}

/* As many addresses as ours, and each of ours among them. The order does not matter, but is usually the same. */
static bool addrs_agree(const struct vrrp_wire *wire, const struct parsed *p)
{
	const uint8_t *list = p->msg + MSG_HEADER_LEN;
	size_t len = ip_len(p->family);

	if (p->n_addrs != wire->n_addrs)
		return false;
	for (size_t i = 0; i < wire->n_addrs; i++) {
		size_t k = i;

		for (size_t tries = 0; memcmp(list + k * len, wire->addrs[i].bytes, len); tries++) {
			if (tries == p->n_addrs)
				return false;
			k = (k + 1) % p->n_addrs;
		}
	}
	return true;
}

static bool link_local(const uint8_t *addr)
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

static bool speaks(const struct vrrp_wire *wire)
{
	return wire->family == AF_INET ? wire->version == 2 || wire->version == 3
				       : wire->family == AF_INET6 && wire->version == 3;
}

enum vrrp_drop vrrp_decode(const struct vrrp_wire *wire, const struct ip_addr *own, const struct vrrp_packet *packet,
			   struct vrrp_advert *ret)
{
	struct parsed p = { 0 };
	struct vrrp_advert ad = { 0 };
	enum vrrp_drop drop;

	assert(speaks(wire));
	if (packet->family != wire->family ||
	    (packet->family == AF_INET && packet->len > 0 && packet->data[0] >> 4 != 4))
		return VRRP_DROP_PROTOCOL;
	if (!parse(packet, &p))
		return VRRP_DROP_LENGTH;
	find_trailer(wire, &p);
	drop = judge_header(wire, &p);
	if (drop == VRRP_OK)
		drop = judge_auth(wire, &p, packet->utc, &ad.auth);
	if (drop == VRRP_OK && p.version == 2)
		drop = judge_v2(wire, &p);
	if (drop != VRRP_OK)
		return drop;
	if (p.version == 3 && p.interval_us == 0) /* RFC 9568 erratum 8301: it would make the Down time zero */
		return VRRP_DROP_INTERVAL_ZERO;
	if (p.family == AF_INET && (p.total_len > p.len || !fits(&p, p.total_len)))
		return VRRP_DROP_LENGTH;
	if (!judge_checksum(wire, &p, &ad))
		return VRRP_DROP_CHECKSUM;
	drop = judge_ends(wire, own, &p);
	if (drop != VRRP_OK)
		return drop;

	ad.src = p.src;
	ad.priority = p.priority;
	ad.interval_us = p.interval_us;
	ad.interval_diff = p.interval_us != wire->interval_us;
	ad.addrs_differ = !addrs_agree(wire, &p);
	ad.no_link_local = p.family == AF_INET6 && p.n_addrs > 0 && !link_local(p.msg + MSG_HEADER_LEN);
	*ret = ad;
	return VRRP_OK;
}

static void write_ip4(struct writer *w, const struct vrrp_wire *wire, const struct ip_addr *src,
		      const struct ip_addr *dst, uint16_t total_len, uint16_t ip_id)
{
	wr_u8(w, 0x45);
	wr_u8(w, VRRP_TOS);
	wr_be16(w, total_len);
	wr_be16(w, ip_id);
	wr_be16(w, 0); /* may be fragmented, is not */
	wr_u8(w, wire->unicast ? wire->ttl : VRRP_TTL);
	wr_u8(w, VRRP_IP_PROTO);
	wr_be16(w, 0); /* the kernel's to fill */
	wr_bytes(w, src->bytes, ip_len(AF_INET));
	wr_bytes(w, dst->bytes, ip_len(AF_INET));
}

static void write_msg(struct writer *w, const struct vrrp_wire *wire, uint8_t priority)
{
	static const uint8_t no_auth_data[VRRP_AUTH_LEN];

	wr_u8(w, (uint8_t)(wire->version << 4 | TYPE_ADVERT));
	wr_u8(w, wire->vrid);
	wr_u8(w, priority);
	wr_u8(w, (uint8_t)wire->n_addrs);
	if (wire->version == 2) {
		wr_u8(w, (uint8_t)wire->auth_type);
		wr_u8(w, (uint8_t)(wire->interval_us / US_PER_S));
	} else {
		wr_be16(w, (uint16_t)(wire->interval_us / US_PER_CS & MAX_ADVER_INT_MASK));
	}
	wr_be16(w, 0); /* checksum: see vrrp_encode */
	for (size_t i = 0; i < wire->n_addrs; i++)
		wr_bytes(w, wire->addrs[i].bytes, ip_len(wire->family));
	if (wire->version == 2)
		wr_bytes(w, wire->auth_type == VRRP_AUTH_PASS ? wire->auth_data : no_auth_data, VRRP_AUTH_LEN);
}

/* False: it could not be signed. */
static bool write_trailer(struct writer *w, const struct vrrp_wire *wire, const struct ip_addr *src, const uint8_t *msg,
			  size_t msg_len)
{
	const struct vrrp_auth_message m = {
		.src = *src, .version = wire->version, .vrid = wire->vrid, .msg = msg, .len = msg_len
	};
	uint8_t trailer[VRRP_AUTH_TRAILER_LEN];

	if (!vrrp_auth_sign(wire->auth, &m, wire->auth->state.sent, trailer))
		return false;
	wr_bytes(w, trailer, sizeof(trailer));
	return true;
}

size_t vrrp_encode(const struct vrrp_wire *wire, const struct ip_addr *src, const struct ip_addr *dst, uint8_t priority,
		   uint16_t ip_id, uint8_t *buf, size_t size)
{
	struct writer w = { .p = buf, .left = size };
	size_t header_len = wire->family == AF_INET ? IP4_HEADER_LEN : 0;
	size_t ext_len = vrrp_auth_signs(wire->auth) ? VRRP_AUTH_TRAILER_LEN : 0;
	uint8_t *msg = buf + header_len;
	size_t msg_len, summed;
	uint16_t sum;

	assert(speaks(wire) && src->family == wire->family && dst->family == wire->family);
	assert(wire->auth_type != VRRP_AUTH_AH);
	if (wire->n_addrs > VRRP_ADDRS_MAX)
		return 0;
	msg_len = msg_len_of(wire->family, wire->version, wire->n_addrs);
	if (wire->family == AF_INET)
		write_ip4(&w, wire, src, dst, (uint16_t)(IP4_HEADER_LEN + msg_len + ext_len), ip_id);
	write_msg(&w, wire, priority);
	if (w.bad || (ext_len && !write_trailer(&w, wire, src, msg, msg_len)) || w.bad)
		return 0;
	assert(w.len == header_len + msg_len + ext_len);

	summed = summed_len(wire->family, msg_len, ext_len);
	sum = first_sum(wire, wire->csum, src, dst, summed);
	sum = (uint16_t)~vrrp_csum_add(sum, msg, summed);
	msg[6] = (uint8_t)(sum >> 8);
	msg[7] = (uint8_t)sum;
	return w.len;
}

size_t vrrp_addrs_that_fit(const struct vrrp_wire *wire, unsigned mtu)
{
	size_t overhead = (wire->family == AF_INET ? IP4_HEADER_LEN : IP6_HEADER_LEN) +
			  msg_len_of(wire->family, wire->version, 0) +
			  (vrrp_auth_signs(wire->auth) ? VRRP_AUTH_TRAILER_LEN : 0);
	size_t n = mtu > overhead ? (mtu - overhead) / ip_len(wire->family) : 0;

	return n < VRRP_ADDRS_MAX ? n : VRRP_ADDRS_MAX;
}
