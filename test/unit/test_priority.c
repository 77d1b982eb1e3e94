/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/unit.h"

#include "agent/priority.h"

static struct priority_input up(int weight)
{
	return (struct priority_input){ .weight = weight, .up = true, .reported = true };
}

static struct priority_input down(int weight)
{
	return (struct priority_input){ .weight = weight, .reported = true };
}

static uint8_t effective(uint8_t base, struct priority_input in)
{
	return priority_sum(base, &in, 1).effective;
}

static void positive_weight_is_added_while_up(void **state)
{
	(void)state;
	assert_int_equal(effective(100, up(30)), 130);
	assert_int_equal(effective(100, down(30)), 100);
}

static void negative_weight_is_subtracted_while_down(void **state)
{
	(void)state;
	assert_int_equal(effective(100, up(-30)), 100);
	assert_int_equal(effective(100, down(-30)), 70);
}

static void reverse_mirrors_the_contribution(void **state)
{
	struct priority_input plus = up(30), minus = down(-30);

	(void)state;
	plus.reverse = minus.reverse = true;
	assert_int_equal(effective(100, plus), 70);
	assert_int_equal(effective(100, minus), 130);
}

static void weight_zero_down_is_a_fault_and_costs_no_priority(void **state)
{
	struct priority_input in = down(0);
	struct priority_result r = priority_sum(100, &in, 1);

	(void)state;
	assert_true(r.fault);
	assert_false(r.pending);
	assert_int_equal(r.effective, 100);
	in = up(0);
	assert_false(priority_sum(100, &in, 1).fault);
}

static void weight_zero_reversed_is_a_fault_while_up(void **state)
{
	struct priority_input in = up(0);

	(void)state;
	in.reverse = true;
	assert_true(priority_sum(100, &in, 1).fault);
	in = down(0);
	in.reverse = true;
	assert_false(priority_sum(100, &in, 1).fault);
}

static void required_object_that_has_not_reported_is_pending_not_fault(void **state)
{
	struct priority_input in = { .weight = 0 };
	struct priority_result r = priority_sum(100, &in, 1);

	(void)state;
	assert_false(r.fault);
	assert_true(r.pending);
}

static void silent_script_adds_nothing_but_silent_mysqld_counts_as_down(void **state)
{
	struct priority_input script = { .weight = -30 };
	struct priority_input mysqld = { .weight = -30, .silent_is_down = true };

	(void)state;
	assert_int_equal(effective(100, script), 100);
	assert_int_equal(effective(100, mysqld), 70);
}

static void sum_stays_within_1_and_254(void **state)
{
	struct priority_input high[2] = { up(200), up(100) };
	struct priority_input low[2] = { down(-200), down(-100) };

	(void)state;
	assert_int_equal(priority_sum(100, high, 2).effective, 254);
	assert_int_equal(priority_sum(100, low, 2).effective, 1);
}

static void owner_keeps_255_but_not_without_what_it_requires(void **state)
{
	struct priority_input in[2] = { down(-100), down(0) };
	struct priority_result r = priority_sum(255, in, 2);

	(void)state;
	assert_int_equal(r.effective, 255);
	assert_true(r.fault);
}

static struct priority_input number(int weight, int32_t value)
{
	return (struct priority_input){ .weight = weight, .reported = true, .by_value = true, .value = value };
}

static void c65_number_in_a_file_counts_times_its_weight(void **state)
{
	(void)state;
	assert_int_equal(effective(100, number(10, 5)), 150);
	assert_int_equal(effective(100, number(-10, 5)), 50);
	assert_int_equal(effective(100, number(1, -20)), 80);
	assert_int_equal(effective(100, number(10, 0)), 100);
}

static void c65_product_of_minus_254_or_less_is_a_fault_and_of_253_or_more_253(void **state)
{
	struct priority_input in = number(10, -26);
	struct priority_result r = priority_sum(100, &in, 1);

	(void)state;
	assert_true(r.fault);
	assert_int_equal(r.effective, 100);
	in = number(1, -253);
	assert_false(priority_sum(254, &in, 1).fault);
	assert_int_equal(priority_contribution(&in), -253);
	in = number(1, -254);
	assert_true(priority_sum(254, &in, 1).fault);
	in = number(254, INT32_MAX);
	assert_int_equal(priority_contribution(&in), 253);
	in = number(254, INT32_MIN);
	assert_true(priority_forbids(&in));
	in = number(-254, INT32_MIN);
	assert_int_equal(priority_contribution(&in), 253);
}

static void reverse_turns_the_number_round(void **state)
{
	struct priority_input in = number(10, 5);

	(void)state;
	in.reverse = true;
	assert_int_equal(effective(100, in), 50);
	in.value = 26;
	assert_true(priority_forbids(&in));
}

static void with_weight_zero_any_number_but_zero_is_a_fault(void **state)
{
	struct priority_input in = number(0, 1);

	(void)state;
	assert_true(priority_sum(100, &in, 1).fault);
	in.value = -1;
	assert_true(priority_sum(100, &in, 1).fault);
	in.value = 0;
	assert_false(priority_sum(100, &in, 1).fault);
	in.reverse = true;
	assert_true(priority_sum(100, &in, 1).fault);
}

static void what_is_absent_counts_for_nothing(void **state)
{
	struct priority_input all[] = { number(0, 1), number(10, 5), down(0), down(-30), { .weight = 0 } };
	struct priority_result r;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(all); i++)
		all[i].absent = true;
	r = priority_sum(100, all, ELEMENTSOF(all));
	assert_false(r.fault);
	assert_false(r.pending);
	assert_int_equal(r.effective, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positive_weight_is_added_while_up),
		cmocka_unit_test(negative_weight_is_subtracted_while_down),
		cmocka_unit_test(reverse_mirrors_the_contribution),
		cmocka_unit_test(weight_zero_down_is_a_fault_and_costs_no_priority),
		cmocka_unit_test(weight_zero_reversed_is_a_fault_while_up),
		cmocka_unit_test(required_object_that_has_not_reported_is_pending_not_fault),
		cmocka_unit_test(silent_script_adds_nothing_but_silent_mysqld_counts_as_down),
		cmocka_unit_test(sum_stays_within_1_and_254),
		cmocka_unit_test(owner_keeps_255_but_not_without_what_it_requires),
		cmocka_unit_test(c65_number_in_a_file_counts_times_its_weight),
		cmocka_unit_test(c65_product_of_minus_254_or_less_is_a_fault_and_of_253_or_more_253),
		cmocka_unit_test(reverse_turns_the_number_round),
		cmocka_unit_test(with_weight_zero_any_number_but_zero_is_a_fault),
		cmocka_unit_test(what_is_absent_counts_for_nothing),
	};

	return cmocka_run_group_tests_name("priority", tests, NULL, NULL);
}
