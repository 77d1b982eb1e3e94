/* SPDX-License-Identifier: Apache-2.0 */
/* Rise and fall counting. The slow version in here is the sentence of keepalived.conf(5) taken literally: `rise`
 * successes in a row for up, `fall` failures in a row for down. */
#include "test/unit/unit.h"

#include "checks/health.h"

static void one_success_at_start_means_up(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 3, 2, false);
	assert_false(h.reported);
	assert_true(health_count(&h, CHECK_PASS));
	assert_true(h.up && h.reported);
	assert_int_equal(h.counter, 4);
}

static void one_failure_at_start_means_down_whatever_fall_says(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 1, 5, false);
	assert_true(health_count(&h, CHECK_FAIL));
	assert_true(h.reported);
	assert_false(h.up);
}

static void start_low_needs_a_full_rise(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 2, 1, true);
	assert_true(h.reported);
	assert_false(h.up);
	assert_false(health_count(&h, CHECK_PASS));
	assert_true(health_count(&h, CHECK_PASS));
	assert_true(h.up);
}

static void other_thresholds_change_no_verdict(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 1, 1, false);
	health_count(&h, CHECK_PASS);
	health_reconf(&h, 5, 3);
	assert_true(h.up && h.reported);
	assert_false(health_count(&h, CHECK_FAIL)); /* all of the new `fall` is needed */
	assert_false(health_count(&h, CHECK_FAIL));
	assert_true(health_count(&h, CHECK_FAIL));
	health_reconf(&h, 2, 9);
	assert_true(!h.up && h.reported);
	assert_false(health_count(&h, CHECK_PASS));
	assert_true(health_count(&h, CHECK_PASS));
	health_init(&h, 3, 2, false);
	health_reconf(&h, 7, 2);
	assert_false(h.reported);
	assert_true(health_count(&h, CHECK_PASS)); /* still the first one */
	assert_true(h.up);
}

static void same_thresholds_keep_the_count(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 1, 3, false);
	health_count(&h, CHECK_PASS);
	health_count(&h, CHECK_FAIL);
	health_count(&h, CHECK_FAIL);
	health_reconf(&h, 1, 3);
	assert_true(health_count(&h, CHECK_FAIL));
}

static void nothing_changes_nothing(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 2, 2, false);
	assert_false(health_count(&h, CHECK_NOTHING));
	assert_false(h.reported);
	assert_int_equal(h.counter, 1);
}

static void a_success_between_failures_starts_fall_anew(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 1, 3, false);
	health_count(&h, CHECK_PASS);
	for (unsigned i = 0; i < 5; i++) {
		assert_false(health_count(&h, CHECK_FAIL));
		assert_false(health_count(&h, CHECK_FAIL));
		assert_false(health_count(&h, CHECK_PASS));
	}
	health_count(&h, CHECK_FAIL);
	health_count(&h, CHECK_FAIL);
	assert_true(h.up);
	assert_true(health_count(&h, CHECK_FAIL));
	assert_false(h.up);
}

static void gone_is_down_at_once_and_needs_a_full_rise(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 2, 10, false);
	health_count(&h, CHECK_PASS);
	assert_true(health_count(&h, CHECK_GONE));
	assert_false(h.up);
	assert_int_equal(h.counter, 0);
	assert_false(health_count(&h, CHECK_GONE));
	assert_false(health_count(&h, CHECK_PASS));
	assert_true(health_count(&h, CHECK_PASS));
}

static void gone_before_anything_else_counts_as_a_report(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, 1, 1, false);
	assert_true(health_count(&h, CHECK_GONE));
	assert_true(h.reported);
	assert_false(h.up);
}

/* What waiting and counting make of it: whether up changed. */
static bool live(struct health *h, enum check_outcome outcome, uint64_t now_us)
{
	return health_count(h, health_wait(h, outcome, now_us, 5000));
}

static struct health is_up(void)
{
	struct health h;

	health_init(&h, 1, 2, false);
	assert_true(live(&h, CHECK_PASS, 1));
	return h;
}

static void death_within_its_delay_has_not_happened(void **state)
{
	struct health h = is_up();

	(void)state;
	assert_false(live(&h, CHECK_GONE, 1000));
	assert_int_equal(health_wake_us(&h, 5000), 6000);
	assert_false(live(&h, CHECK_GONE, 3000));
	assert_false(live(&h, CHECK_FAIL, 4000));
	assert_false(live(&h, CHECK_FAIL, 4500));
	assert_false(live(&h, CHECK_PASS, 5999));
	assert_true(h.up);
	assert_int_equal(health_wake_us(&h, 5000), UINT64_MAX);
	/* The next one has all of its time again. */
	assert_false(live(&h, CHECK_GONE, 6500));
	assert_false(live(&h, CHECK_NOTHING, 11499));
	assert_true(live(&h, CHECK_NOTHING, 11500));
	assert_false(h.up);
}

static void delay_is_counted_from_the_death(void **state)
{
	struct health h = is_up();

	(void)state;
	assert_false(live(&h, CHECK_GONE, 1000));
	assert_false(live(&h, CHECK_GONE, 5000));
	assert_true(live(&h, CHECK_FAIL, 6000));
	assert_false(h.up);
	assert_int_equal(health_wake_us(&h, 5000), UINT64_MAX);
	/* Down is down: it comes back as ever. */
	assert_false(live(&h, CHECK_GONE, 7000));
	assert_true(live(&h, CHECK_PASS, 8000));
}

static void delay_does_not_put_off_a_hang(void **state)
{
	struct health h = is_up();

	(void)state;
	assert_false(live(&h, CHECK_FAIL, 1000));
	assert_true(live(&h, CHECK_FAIL, 2000));
	assert_false(h.up);
}

static void without_a_delay_death_is_at_once(void **state)
{
	struct health h = is_up();

	(void)state;
	assert_true(health_count(&h, health_wait(&h, CHECK_GONE, 1000, 0)));
	assert_false(h.up);
}

static void agrees_with_counting_in_a_row(void **state)
{
	(void)state;
	for (unsigned rise = 1; rise <= 4; rise++) {
		for (unsigned fall = 1; fall <= 4; fall++) {
			for (unsigned bits = 0; bits < 1u << 12; bits++) {
				struct health h;
				unsigned passes = 0, fails = 0;
				bool up = false;

				health_init(&h, rise, fall, true);
				for (unsigned i = 0; i < 12; i++) {
					const bool pass = bits >> i & 1;
					const bool was = up;

					passes = pass ? passes + 1 : 0;
					fails = pass ? 0 : fails + 1;
					if (!up && passes >= rise)
						up = true;
					else if (up && fails >= fall)
						up = false;
					assert_int_equal(health_count(&h, pass ? CHECK_PASS : CHECK_FAIL), up != was);
					assert_int_equal(h.up, up);
					assert_int_equal(h.up, h.counter >= rise);
					assert_true(h.counter <= rise + fall - 1);
				}
			}
		}
	}
}

static void verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(check_verdict_name(CHECK_UNKNOWN), "unknown");
	assert_string_equal(check_verdict_name(CHECK_DEAD), "dead");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_success_at_start_means_up),
		cmocka_unit_test(one_failure_at_start_means_down_whatever_fall_says),
		cmocka_unit_test(start_low_needs_a_full_rise),
		cmocka_unit_test(nothing_changes_nothing),
		cmocka_unit_test(other_thresholds_change_no_verdict),
		cmocka_unit_test(same_thresholds_keep_the_count),
		cmocka_unit_test(a_success_between_failures_starts_fall_anew),
		cmocka_unit_test(gone_is_down_at_once_and_needs_a_full_rise),
		cmocka_unit_test(gone_before_anything_else_counts_as_a_report),
		cmocka_unit_test(death_within_its_delay_has_not_happened),
		cmocka_unit_test(delay_is_counted_from_the_death),
		cmocka_unit_test(delay_does_not_put_off_a_hang),
		cmocka_unit_test(without_a_delay_death_is_at_once),
		cmocka_unit_test(agrees_with_counting_in_a_row),
		cmocka_unit_test(verdicts_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
