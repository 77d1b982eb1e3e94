/* SPDX-License-Identifier: Apache-2.0 */
/* When adverts that fail authentication are worth an alarm, and when that is over. */
#include "test/unit/unit.h"

#include "agent/auth_watch.h"
#include "test/unit/addresses.h"

static const uint64_t S = 1000000, DOWN = 3609375, START = 1000000000;

static bool fails(struct auth_watch *w, uint64_t at_us)
{
	const struct ip_addr src = ip("192.0.2.9");

	return auth_watch_failed(w, &src, VRRP_DROP_AUTH_FAILURE, START + at_us, DOWN);
}

static void failures_for_longer_than_the_down_time_are_told(void **state)
{
	struct auth_watch w = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		assert_false(fails(&w, i * S));
	assert_true(fails(&w, 4 * S));
	assert_int_equal(w.why, VRRP_DROP_AUTH_FAILURE);
	assert_int_equal(w.src.bytes[3], 9);
}

static void flood_of_a_second_is_not_told(void **state)
{
	struct auth_watch w = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 10000; i++)
		assert_false(fails(&w, i * S / 10000));
}

static void flood_that_goes_on_is_told_once_a_second(void **state)
{
	struct auth_watch w = { 0 };
	unsigned told = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++)
		told += fails(&w, i * S / 10000);
	assert_in_range(told, 6, 7); /* from 3.6 s to 10 s */
}

static void failures_with_long_silences_between_are_not_told(void **state)
{
	struct auth_watch w = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		assert_false(fails(&w, i * 8 * S));
}

static void rival_with_a_longer_interval_than_ours_is_told(void **state)
{
	struct auth_watch w = { 0 };

	(void)state;
	assert_false(fails(&w, 0));
	assert_true(fails(&w, 5 * S));
	assert_true(fails(&w, 10 * S));
}

static void it_is_over_after_a_silence(void **state)
{
	struct auth_watch w = { 0 };

	(void)state;
	fails(&w, 0);
	fails(&w, 4 * S);
	assert_int_equal(auth_watch_end_us(&w, DOWN), START + 4 * S + 2 * DOWN);
	assert_int_equal(auth_watch_end_us(&w, S / 10), START + 4 * S + 5 * S);
	assert_false(fails(&w, 20 * S)); /* begins anew */
}

static void only_failures_of_authentication_count(void **state)
{
	unsigned n = 0;

	(void)state;
	for (enum vrrp_drop d = 0; d < _VRRP_DROP_MAX_; d++)
		n += auth_watch_minds(d);
	assert_int_equal(n, 9);
	assert_false(auth_watch_minds(VRRP_DROP_CHECKSUM));
	assert_true(auth_watch_minds(VRRP_DROP_EXT_MISSING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_for_longer_than_the_down_time_are_told),
		cmocka_unit_test(flood_of_a_second_is_not_told),
		cmocka_unit_test(flood_that_goes_on_is_told_once_a_second),
		cmocka_unit_test(failures_with_long_silences_between_are_not_told),
		cmocka_unit_test(rival_with_a_longer_interval_than_ours_is_told),
		cmocka_unit_test(it_is_over_after_a_silence),
		cmocka_unit_test(only_failures_of_authentication_count),
	};

	return cmocka_run_group_tests_name("auth_watch", tests, NULL, NULL);
}
