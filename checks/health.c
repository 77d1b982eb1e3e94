/* SPDX-License-Identifier: Apache-2.0 */
/* Rise and fall, as keepalived counts a vrrp_script: one counter in 0..rise+fall-1, up from `rise` on. A success next
 * to the threshold jumps to the top, a failure at it falls to the bottom, so that only consecutive results count. Our
 * own addition is CHECK_GONE, which needs no second opinion. Knows nothing of checks, weights or time. */
#include "checks/health.h"

#include <assert.h>

const char *check_verdict_name(enum check_verdict verdict)
{
	static const char *const names[] = {
		[CHECK_UNKNOWN] = "unknown",
		[CHECK_ALIVE] = "alive",
		[CHECK_DEGRADED] = "degraded",
		[CHECK_DEAD] = "dead",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == _CHECK_VERDICT_MAX_, "each verdict has a name");
	assert(verdict < _CHECK_VERDICT_MAX_);
	return names[verdict];
}

void health_init(struct health *h, unsigned rise, unsigned fall, bool start_low)
{
	assert(rise >= 1 && fall >= 1);
	*h = (struct health){
		.rise = rise,
		.fall = fall,
		.counter = start_low ? 0 : rise - 1,
		.reported = start_low,
	};
}

void health_reconf(struct health *h, unsigned rise, unsigned fall)
{
	assert(rise >= 1 && fall >= 1);
	if (h->rise == rise && h->fall == fall)
		return;
	h->rise = rise;
	h->fall = fall;
	if (!h->reported)
		h->counter = rise - 1;
	else
		h->counter = h->up ? rise + fall - 1 : 0;
}

static void count_pass(struct health *h)
{
	if (h->counter + 1 < h->rise) {
		h->counter++;
		return;
	}
	h->counter = h->rise + h->fall - 1;
	h->up = true;
}

static void go_down(struct health *h)
{
	h->counter = 0;
	h->up = false;
}

static void count_fail(struct health *h)
{
	if (h->counter > h->rise)
		h->counter--;
	else
		go_down(h);
}

enum check_outcome health_wait(struct health *h, enum check_outcome outcome, uint64_t now_us, uint64_t delay_us)
{
	if (!h->up || outcome == CHECK_PASS) {
		h->gone_us = 0;
		return outcome;
	}
	if (outcome == CHECK_GONE && h->gone_us == 0)
		h->gone_us = now_us;
	if (h->gone_us == 0)
		return outcome;
	if (now_us < h->gone_us + delay_us)
		return CHECK_NOTHING;
	h->gone_us = 0;
	return CHECK_GONE;
}

uint64_t health_wake_us(const struct health *h, uint64_t delay_us)
{
	return h->gone_us ? h->gone_us + delay_us : UINT64_MAX;
}

bool health_count(struct health *h, enum check_outcome outcome)
{
	const bool was_up = h->up, had_reported = h->reported;

	switch (outcome) {
	case CHECK_NOTHING:
		return false;
	case CHECK_PASS:
		count_pass(h);
		break;
	case CHECK_FAIL:
		count_fail(h);
		break;
	case CHECK_GONE:
		go_down(h);
		break;
	}
	h->reported = true;
	return h->up != was_up || !had_reported;
}
