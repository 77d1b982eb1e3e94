/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/unit.h"

#include "agent/process/patience.h"

static struct conf_instance instance(uint8_t version, uint32_t advert_us, unsigned down_adverts)
{
	return (struct conf_instance){
		.version = version, .advert_us = advert_us, .down_adverts = down_adverts, .priority = 100
	};
}

static unsigned patience_of(struct conf_instance *all, size_t n)
{
	const struct conf c = { .instances = all, .n_instances = n };

	return patience_s(&c);
}

static unsigned patience_of_one(uint8_t version, uint32_t advert_us, unsigned down_adverts)
{
	struct conf_instance one = instance(version, advert_us, down_adverts);

	return patience_of(&one, 1);
}

static void engine_without_instances_has_the_least(void **state)
{
	(void)state;
	assert_int_equal(patience_of(NULL, 0), 4);
}

static void short_intervals_do_not_make_it_less(void **state)
{
	(void)state;
	assert_int_equal(patience_of_one(3, 10000, 3), 4);
	assert_int_equal(patience_of_one(3, 1000000, 3), 4);
	assert_int_equal(patience_of_one(2, 1000000, 2), 4);
}

static void long_intervals_give_time_until_a_peer_takes_over(void **state)
{
	(void)state;
	/* At the soonest after 20.1 s: 18 ticks, two of which may be over before the first that misses it. */
	assert_int_equal(patience_of_one(3, 10000000, 3), 16);
	assert_int_equal(patience_of_one(2, 255000000, 3), 461);
	assert_int_equal(patience_of_one(3, 3000000, 3), 4);
	assert_int_equal(patience_of_one(3, 2000000, 2), 4);
}

static void more_adverts_until_down_count(void **state)
{
	(void)state;
	assert_int_equal(patience_of_one(3, 1000000, 9), 5);
}

static void tick_that_is_not_over_by_then_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(patience_of_one(3, 5400000, 3), 7);
	assert_int_equal(patience_of_one(3, 5500000, 3), 8);
}

/* 2/256 of 40.6 s are 0.3 s in version 3, and of a second nothing that matters in version 2. */
static void skew_time_of_the_version_counts(void **state)
{
	(void)state;
	assert_int_equal(patience_of_one(3, 40600000, 3), 72);
	assert_int_equal(patience_of_one(2, 40600000, 3), 71);
}

static void instance_that_is_missed_first_decides(void **state)
{
	struct conf_instance all[] = { instance(3, 20000000, 3), instance(3, 5000000, 3), instance(3, 9000000, 3) };

	(void)state;
	assert_int_equal(patience_of(all, 3), 7);
	all[2].advert_us = 100000;
	assert_int_equal(patience_of(all, 3), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engine_without_instances_has_the_least),
		cmocka_unit_test(short_intervals_do_not_make_it_less),
		cmocka_unit_test(long_intervals_give_time_until_a_peer_takes_over),
		cmocka_unit_test(more_adverts_until_down_count),
		cmocka_unit_test(tick_that_is_not_over_by_then_does_not_count),
		cmocka_unit_test(skew_time_of_the_version_counts),
		cmocka_unit_test(instance_that_is_missed_first_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
