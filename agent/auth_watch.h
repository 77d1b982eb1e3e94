/* SPDX-License-Identifier: Apache-2.0 */
/* Whether somebody keeps sending adverts for our virtual router that fail authentication. Once is noise or an attack;
 * for longer than the Down time it is what two masters with different keys look like from either side: each refuses the
 * other, and each seems healthy. Pure: times are handed in. */
#pragma once

#include "vrrp/packet.h"

/* Zeroed: nothing was seen. */
struct auth_watch {
	bool seen;
	uint64_t first_us; /* of the failures that go on */
	uint64_t last_us;
	uint64_t told_us;   /* when it was last worth telling; 0: not yet */
	struct ip_addr src; /* what was told */
	enum vrrp_drop why;
};

/* Whether a refusal for this reason says that the sender has no key of ours. */
bool auth_watch_minds(enum vrrp_drop why);

/* A packet was refused for a reason that it minds. True if it should be told now: it has gone on for longer than
 * `down_us`, and was not told within the last second. */
bool auth_watch_failed(struct auth_watch *w, const struct ip_addr *src, enum vrrp_drop why, uint64_t now_us,
		       uint64_t down_us);

/* When it is over if nothing more comes. */
uint64_t auth_watch_end_us(const struct auth_watch *w, uint64_t down_us);

/* In words, for an operator: what is wrong with what the sender sends. */
const char *auth_watch_text(enum vrrp_drop why);
