/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions about auth_hmac: which S to send, whether a trailer is good, whether it was seen before. Sequence numbers
 * and seconds are compared by signed difference, so that the overflow of 32-bit seconds in 2106 is no event.
 *
 * A mark is set when an advert is accepted, not when its trailer is good: a good trailer with a broken message must not
 * make a replay of the advert that follows whole. */
#include "vrrp/auth.h"

#include "vrrp/cursor.h"

#include <assert.h>
#include <openssl/crypto.h>

enum {
	TYPE_HMAC_SHA256 = 1,
	SIGNED_LEN = 12, /* the octets of the trailer before the MAC */
	CHECKSUM_AT = 6, /* in the VRRP message */
	CHECKSUM_LEN = 2,
	PSEUDO_ADDR_LEN = 16,
	PSEUDO_LEN = 4 + PSEUDO_ADDR_LEN,
	NS_PER_S = 1000000000,
};

const char *vrrp_auth_mode_name(enum vrrp_auth_mode mode)
{
	static const char *const names[] = {
		[VRRP_AUTH_ENFORCE] = "enforce",
		[VRRP_AUTH_PERMISSIVE] = "permissive",
		[VRRP_AUTH_RECEIVE_ONLY] = "receive-only",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == _VRRP_AUTH_MODE_MAX_, "one name per mode");

	assert(mode < _VRRP_AUTH_MODE_MAX_);
	return names[mode];
}

/* --- sequence numbers -------------------------------------------------------------------------------------------- */

uint64_t vrrp_auth_clock(const struct timespec *utc)
{
	return (uint64_t)(uint32_t)utc->tv_sec << 32 | (uint64_t)utc->tv_nsec * 65536 / NS_PER_S << 16;
}

static int32_t seconds_between(uint64_t a, uint64_t b)
{
	return (int32_t)((uint32_t)(a >> 32) - (uint32_t)(b >> 32));
}

static bool newer(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

static bool within(int32_t seconds, uint32_t limit_s)
{
	return seconds <= (int64_t)limit_s && seconds >= -(int64_t)limit_s;
}

uint64_t vrrp_auth_next(struct vrrp_auth *a, uint64_t now)
{
	uint64_t last = a->state.sent;
	/* The clock was stepped back, further than anybody would believe us. */
	bool stepped = !a->monotonic && seconds_between(last, now) > (int64_t)a->window_s;

	a->state.sent = last == 0 || newer(now, last) || stepped ? now : last + 1;
	return a->state.sent;
}

/* --- marks ------------------------------------------------------------------------------------------------------- */

static struct vrrp_auth_mark *find_mark(const struct vrrp_auth_state *s, const struct ip_addr *src)
{
	for (size_t i = 0; i < s->n_marks; i++) {
		if (ip_equal(&s->marks[i].src, src))
			return &s->marks[i];
	}
	return NULL;
}

static bool seen_before(const struct vrrp_auth *a, const struct ip_addr *src, uint64_t seq, uint64_t now)
{
	const struct vrrp_auth_mark *m = find_mark(&a->state, src);

	/* With anti_replay time a mark out of the window is of a clock that was wrong. */
	if (!m || (!a->monotonic && !within(seconds_between(m->seq, now), a->window_s)))
		return false;
	return !newer(seq, m->seq);
}

/* Its own mark, or the one that was not used for longest: a free one, if there is any. */
static struct vrrp_auth_mark *place_for(const struct vrrp_auth_state *s, const struct ip_addr *src)
{
	struct vrrp_auth_mark *m = find_mark(s, src);

	if (m)
		return m;
	for (size_t i = 0; i < s->n_marks; i++) {
		if (!m || s->marks[i].used < m->used)
			m = &s->marks[i];
	}
	return m;
}

static void set_mark(struct vrrp_auth_state *s, const struct ip_addr *src, uint64_t seq)
{
	struct vrrp_auth_mark *m = place_for(s, src);

	if (m)
		*m = (struct vrrp_auth_mark){ .src = *src, .seq = seq, .used = ++s->uses };
}

void vrrp_auth_accept(struct vrrp_auth *a, const struct ip_addr *src, uint64_t seq)
{
	set_mark(&a->state, src, seq);
}

void vrrp_auth_inherit(struct vrrp_auth_state *s, const struct vrrp_auth_state *from)
{
	uint64_t done = 0;

	s->sent = from->sent;
	/* From the oldest to the most recent, so that these stay if there is less room. */
	for (size_t n = 0; n < from->n_marks; n++) {
		const struct vrrp_auth_mark *next = NULL;

		for (size_t i = 0; i < from->n_marks; i++) {
			const struct vrrp_auth_mark *m = &from->marks[i];

			if (ip_is_set(&m->src) && m->used > done && (!next || m->used < next->used))
				next = m;
		}
		if (!next)
			break;
		set_mark(s, &next->src, next->seq);
		done = next->used;
	}
}

/* --- trailers ---------------------------------------------------------------------------------------------------- */

static bool mac_of(const struct vrrp_auth *a, const struct vrrp_auth_key *key, const struct vrrp_auth_message *m,
		   const uint8_t trailer[SIGNED_LEN], uint8_t ret[VRRP_AUTH_MAC_LEN])
{
	static const uint8_t zeros[VRRP_AUTH_MAC_LEN];
	uint8_t covered[PSEUDO_LEN + VRRP_PACKET_MAX + VRRP_AUTH_TRAILER_LEN];
	struct writer w = { .p = covered, .left = sizeof(covered) };

	assert(m->len >= CHECKSUM_AT + CHECKSUM_LEN && m->len <= VRRP_PACKET_MAX);
	wr_u8(&w, m->src.family == AF_INET6 ? 6 : 4);
	wr_u8(&w, m->version);
	wr_u8(&w, m->vrid);
	wr_u8(&w, 0);
	wr_bytes(&w, m->src.bytes, PSEUDO_ADDR_LEN); /* the rest of an IPv4 address is zero */
	wr_bytes(&w, m->msg, CHECKSUM_AT);
	wr_bytes(&w, zeros, CHECKSUM_LEN);
	wr_bytes(&w, m->msg + CHECKSUM_AT + CHECKSUM_LEN, m->len - CHECKSUM_AT - CHECKSUM_LEN);
	wr_bytes(&w, trailer, SIGNED_LEN);
	wr_bytes(&w, zeros, VRRP_AUTH_MAC_LEN);
	assert(!w.bad);
	return a->hash(key->hmac, covered, w.len, ret);
}

bool vrrp_auth_sign(const struct vrrp_auth *a, const struct vrrp_auth_message *m, uint64_t seq,
		    uint8_t ret[VRRP_AUTH_TRAILER_LEN])
{
	struct writer w = { .p = ret, .left = VRRP_AUTH_TRAILER_LEN };

	wr_u8(&w, TYPE_HMAC_SHA256);
	wr_u8(&w, a->active->id);
	wr_be16(&w, 0);
	for (int shift = 48; shift >= 0; shift -= 16)
		wr_be16(&w, (uint16_t)(seq >> shift));
	return mac_of(a, a->active, m, ret, ret + SIGNED_LEN);
}

static const struct vrrp_auth_key *find_key(const struct vrrp_auth *a, uint8_t id)
{
	for (size_t i = 0; i < a->n_keys; i++) {
		if (a->keys[i].id == id)
			return &a->keys[i];
	}
	return NULL;
}

enum vrrp_drop vrrp_auth_judge(const struct vrrp_auth *a, const struct vrrp_auth_message *m,
			       const uint8_t trailer[VRRP_AUTH_TRAILER_LEN], uint64_t now, struct vrrp_auth_seen *ret)
{
	struct cursor c = { .p = trailer, .left = VRRP_AUTH_TRAILER_LEN };
	uint8_t type = cur_u8(&c), id = cur_u8(&c);
	uint16_t reserved = cur_be16(&c);
	uint8_t expected[VRRP_AUTH_MAC_LEN];
	const struct vrrp_auth_key *key;
	struct vrrp_auth_seen seen = { .present = true };

	for (int i = 0; i < 4; i++)
		seen.seq = seen.seq << 16 | cur_be16(&c);
	seen.skew_s = seconds_between(seen.seq, now);
	seen.skewed = !a->monotonic && !within(seen.skew_s, a->window_s / 2);
	if (type != TYPE_HMAC_SHA256 || reserved != 0)
		return VRRP_DROP_EXT_MALFORMED;
	if (!a->monotonic && !within(seen.skew_s, a->window_s))
		return VRRP_DROP_EXT_STALE;
	key = find_key(a, id);
	if (!key)
		return VRRP_DROP_EXT_UNKNOWN_KEY;
	if (!mac_of(a, key, m, trailer, expected) || CRYPTO_memcmp(expected, c.p, VRRP_AUTH_MAC_LEN) != 0)
		return VRRP_DROP_EXT_INVALID_HMAC;
	if (seen_before(a, &m->src, seen.seq, now))
		return VRRP_DROP_EXT_REPLAY;
	*ret = seen;
	return VRRP_OK;
}
