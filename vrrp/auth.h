/* SPDX-License-Identifier: Apache-2.0 */
/* auth_hmac: the trailer of 28 octets that says who an advert is from and that it is new (draft-cassen-vrrp-auth-hmac).
 * It stands behind the VRRP message of either version and family:
 *
 *   type 1 | key id | reserved 0 (2) | S: seconds (4), fraction (2), counter (2) | HMAC-SHA-256, first 16 octets
 *
 * S is a number that rises with each advert of a sender, and UTC at the same time. Pure: the clock is handed in, the
 * hash is a function that is handed in (vrrp/hmac.h), and what has to be remembered is a struct of the caller's. */
#pragma once

#include "vrrp/packet.h"

#include <time.h>

enum {
	VRRP_AUTH_MAC_LEN = 16,
	VRRP_AUTH_KEY_MIN = 32, /* octets. Longer keys than 64 would be hashed first */
	VRRP_AUTH_KEY_MAX = 64,
	VRRP_AUTH_WINDOW_MIN = 1, /* seconds */
	VRRP_AUTH_WINDOW_MAX = 300,
	VRRP_AUTH_MARKS = 4, /* senders that a multicast instance remembers */
};

enum vrrp_auth_mode {
	VRRP_AUTH_ENFORCE,      /* no advert without a trailer */
	VRRP_AUTH_PERMISSIVE,   /* heard without one, too; a wrong one is refused */
	VRRP_AUTH_RECEIVE_ONLY, /* the same, and none is sent */
	_VRRP_AUTH_MODE_MAX_,
};

/* "enforce" …, as in the configuration. */
const char *vrrp_auth_mode_name(enum vrrp_auth_mode mode);

struct vrrp_hmac;
/* The first octets of the HMAC of data[0..len). False: it could not be computed. */
typedef bool (*vrrp_auth_hash_fn)(struct vrrp_hmac *key, const uint8_t *data, size_t len,
				  uint8_t ret[VRRP_AUTH_MAC_LEN]);

struct vrrp_auth_key {
	uint8_t id;
	struct vrrp_hmac *hmac; /* borrowed */
};

/* The last S that was accepted from one sender. */
struct vrrp_auth_mark {
	struct ip_addr src; /* AF_UNSPEC: free */
	uint64_t seq;
	uint64_t used; /* the larger, the more recently */
};

/* What must outlive a change of the configuration, or what was recorded could be sent again. */
struct vrrp_auth_state {
	uint64_t sent; /* the last S of our own; 0 = none yet */
	uint64_t uses;
	struct vrrp_auth_mark *marks; /* borrowed; VRRP_AUTH_MARKS on multicast, one for each peer on unicast */
	size_t n_marks;
};

/* How an instance authenticates. */
struct vrrp_auth {
	enum vrrp_auth_mode mode;
	bool monotonic;    /* anti_replay: the clock does not matter, but S never goes back */
	uint32_t window_s; /* anti_replay time: how far a clock may be off */
	const struct vrrp_auth_key *keys;
	size_t n_keys;
	const struct vrrp_auth_key *active; /* signs; one of `keys` */
	vrrp_auth_hash_fn hash;
	struct vrrp_auth_state state;
};

/* What a signature covers beside the trailer itself. */
struct vrrp_auth_message {
	struct ip_addr src;
	uint8_t version, vrid;
	const uint8_t *msg; /* the VRRP message; its checksum counts as zero */
	size_t len;
};

/* S for a moment of CLOCK_REALTIME, with the counter 0. */
uint64_t vrrp_auth_clock(const struct timespec *utc);

/* S for the next advert that is sent; the same for all copies of it. `now` as vrrp_auth_clock() has it. */
uint64_t vrrp_auth_next(struct vrrp_auth *a, uint64_t now);

/* Writes the trailer of an advert. False: the hash failed, and nothing may be sent. */
bool vrrp_auth_sign(const struct vrrp_auth *a, const struct vrrp_auth_message *m, uint64_t seq,
		    uint8_t ret[VRRP_AUTH_TRAILER_LEN]);

/* Whether our adverts have a trailer. */
static inline bool vrrp_auth_signs(const struct vrrp_auth *a)
{
	return a && a->mode != VRRP_AUTH_RECEIVE_ONLY;
}

/* Judges a received trailer: VRRP_OK and `*ret`, or the first reason against it. Remembers nothing. */
enum vrrp_drop vrrp_auth_judge(const struct vrrp_auth *a, const struct vrrp_auth_message *m,
			       const uint8_t trailer[VRRP_AUTH_TRAILER_LEN], uint64_t now, struct vrrp_auth_seen *ret);

/* An advert of `src` with `seq` was accepted, after all other tests, too. If there is no room, whoever was silent for
 * longest is forgotten. */
void vrrp_auth_accept(struct vrrp_auth *a, const struct ip_addr *src, uint64_t seq);

/* Takes over what an earlier configuration of the same instance remembered: S, and the most recent marks. */
void vrrp_auth_inherit(struct vrrp_auth_state *s, const struct vrrp_auth_state *from);
