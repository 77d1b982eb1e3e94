/* SPDX-License-Identifier: Apache-2.0 */
/* How tries become rarer: the steps that the manual pages promise. */
#include "test/unit/unit.h"

#include "agent/instance/hold.h"

static void assert_steps(uint64_t max_us, const unsigned *seconds, size_t n)
{
	uint64_t us = 0;

	for (size_t i = 0; i < n; i++) {
		us = instance_hold_us(us, max_us);
		assert_int_equal(us, seconds[i] * 1000000ull);
	}
}

static void what_robs_a_peer_is_tried_after_five_minutes_at_last(void **state)
{
	static const unsigned seconds[] = { 5, 10, 20, 40, 80, 160, 300, 300 };

	(void)state;
	assert_steps(INSTANCE_HOLD_MAX_US, seconds, ELEMENTSOF(seconds));
}

static void what_disturbs_nobody_is_tried_each_minute_at_last(void **state)
{
	static const unsigned seconds[] = { 5, 10, 20, 40, 60, 60 };

	(void)state;
	assert_steps(INSTANCE_HOLD_HARMLESS_MAX_US, seconds, ELEMENTSOF(seconds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_robs_a_peer_is_tried_after_five_minutes_at_last),
		cmocka_unit_test(what_disturbs_nobody_is_tried_each_minute_at_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
