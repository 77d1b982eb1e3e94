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
};

/* `start_low`: a full `rise` is needed from the start, and it counts as reported and down (init_fail). */
void health_init(struct health *h, unsigned rise, unsigned fall, bool start_low);

/* Other thresholds; what is up stays up, what is down stays down. */
void health_reconf(struct health *h, unsigned rise, unsigned fall);

/* Counts one outcome. True if up, or "has reported", changed. */
bool health_count(struct health *h, enum check_outcome outcome);
