/* SPDX-License-Identifier: Apache-2.0 */
/* Times given out for announcements. */
#include "test/unit/unit.h"

#include "agent/pacing.h"

enum { MS = 1000 };

static void each_gets_the_next_free_time(void **state)
{
	struct pacing *p = pacing_new();

	(void)state;
	assert_int_equal(pacing_take(p, 2, false, 10 * MS, 1000 * MS), 1000 * MS);
	assert_int_equal(pacing_take(p, 2, false, 10 * MS, 1000 * MS), 1010 * MS);
	assert_int_equal(pacing_take(p, 2, false, 10 * MS, 1001 * MS), 1020 * MS);
	assert_int_equal(pacing_take(p, 2, false, 10 * MS, 1029 * MS), 1030 * MS);
	assert_int_equal(pacing_take(p, 2, false, 10 * MS, 1100 * MS), 1100 * MS);
	pacing_free(p);
}

static void interfaces_and_kinds_do_not_wait_for_each_other(void **state)
{
	struct pacing *p = pacing_new();

	(void)state;
	assert_int_equal(pacing_take(p, 2, false, 10 * MS, 0), 0);
	assert_int_equal(pacing_take(p, 3, false, 10 * MS, 0), 0);
	assert_int_equal(pacing_take(p, 2, true, 10 * MS, 0), 0);
	assert_int_equal(pacing_take(p, 2, true, 10 * MS, 0), 10 * MS);
	assert_int_equal(pacing_take(p, 3, false, 10 * MS, 0), 10 * MS);
	pacing_free(p);
}

/* A place that is used again must not forget what is still to come elsewhere. */
static void place_of_an_interface_whose_time_has_passed_is_used_again(void **state)
{
	struct pacing *p = pacing_new();

	(void)state;
	for (int ifindex = 1; ifindex < 1000; ifindex++)
		assert_int_equal(pacing_take(p, ifindex, false, 10 * MS, (uint64_t)ifindex * 20 * MS),
				 (uint64_t)ifindex * 20 * MS);
	assert_int_equal(pacing_take(p, 999, false, 10 * MS, 999 * 20 * MS), 999 * 20 * MS + 10 * MS);
	pacing_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_the_next_free_time),
		cmocka_unit_test(interfaces_and_kinds_do_not_wait_for_each_other),
		cmocka_unit_test(place_of_an_interface_whose_time_has_passed_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
