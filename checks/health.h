/* SPDX-License-Identifier: Apache-2.0 */
/* Rise and fall: outcomes -> up or down. Pure. keepalived's counter: it runs in 0..rise+fall-1, up means >= rise. It
 * starts one short of rise, so that a first success suffices. */
#pragma once

#include "checks/check.h"

struct health {
	unsigned rise, fall; /* both >= 1 */
	unsigned counter;
	bool reported; /* at least one outcome was counted; until then neither up nor down */
	bool up;
	uint64_t gone_us; /* when what is up was found dead, and is given its time to be back; 0: it is not */
};

/* `start_low`: a full `rise` is needed from the start, and it counts as reported and down (init_fail). */
void health_init(struct health *h, unsigned rise, unsigned fall, bool start_low);

/* Other thresholds; what is up stays up, what is down stays down. */
void health_reconf(struct health *h, unsigned rise, unsigned fall);

/* Patience with a restart: a death (CHECK_GONE) of what is up counts only when it is not alive again after `delay_us`.
 * Returns what is to be counted now; until then nothing but life is. Call it with each outcome, CHECK_NOTHING included,
 * and at health_wake_us(). */
enum check_outcome health_wait(struct health *h, enum check_outcome outcome, uint64_t now_us, uint64_t delay_us);
/* When the patience ends; UINT64_MAX: there is nothing to wait for. */
uint64_t health_wake_us(const struct health *h, uint64_t delay_us);

/* Counts one outcome. True if up, or "has reported", changed. */
bool health_count(struct health *h, enum check_outcome outcome);
