/* SPDX-License-Identifier: Apache-2.0 */
/* A machine whose timers come too late: what may have happened meanwhile is listened for first. */
#include "test/unit/unit.h"

#include "test/unit/fsm_fixture.h"

static void master_that_overslept_drops_the_addresses_and_listens_before_it_says_a_word(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	/* One interval, in which a new master speaks, and Skew_Time. */
	assert_step(&f, event(VRRP_EV_OVERSLEPT), VRRP_BACKUP, "stop-timers down=1609375 remove notify=BACKUP");
}

static void overslept_master_that_hears_a_better_one_stays_backup(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	assert_step(&f, event(VRRP_EV_OVERSLEPT), VRRP_BACKUP, "stop-timers down=1609375 remove notify=BACKUP");
	assert_step(&f, advert(150, BELOW), VRRP_BACKUP, "down=3609375");
}

static void overslept_master_with_nopreempt_leaves_the_address_to_whoever_took_it(void **state)
{
	struct vrrp_fsm_conf c = conf_v2(100);
	struct vrrp_fsm f;

	(void)state;
	c.nopreempt = true;
	f = in_state(c, VRRP_MASTER);
	assert_step(&f, event(VRRP_EV_OVERSLEPT), VRRP_BACKUP, "stop-timers down=1609375 remove notify=BACKUP");
	assert_step(&f, advert(50, BELOW), VRRP_BACKUP, "down=3609375");
}

static void overslept_master_takes_the_address_back_from_a_lower_one_that_then_drops_it_first(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	assert_step(&f, event(VRRP_EV_OVERSLEPT), VRRP_BACKUP, "stop-timers down=1609375 remove notify=BACKUP");
	assert_step(&f, advert(50, BELOW), VRRP_BACKUP, "");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER,
		    "send advert=1000000 settle=25000 add announce notify=MASTER");
}

static void timer_expired_backup_waits_a_whole_down_time(void **state)
{
	struct vrrp_fsm_conf c = conf_v2(100);
	struct vrrp_fsm f;

	(void)state;
	c.nopreempt = true;
	c.expired_backup = 254;
	f = in_state(c, VRRP_MASTER);
	assert_step(&f, event(VRRP_EV_OVERSLEPT), VRRP_BACKUP, "stop-timers down=3609375 remove notify=BACKUP");
}

static void overslept_backup_listens_before_it_takes_silence_for_an_answer(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, event(VRRP_EV_OVERSLEPT), VRRP_BACKUP, "down=1609375");
}

static void lag_is_too_long_when_the_shortest_down_time_may_be_over(void **state)
{
	struct vrrp_fsm f = fresh(conf_v2(100));
	struct vrrp_fsm_conf c = conf_v3(100, 100 * MS);

	(void)state;
	assert_int_equal(vrrp_lag_max_us(&f), 2 * S + 2 * S / 256);
	c.down_adverts = 5;
	f = fresh(c);
	assert_int_equal(vrrp_lag_max_us(&f), 400 * MS + 2 * 100 * MS / 256);
	c.expired_backup = 128; /* no peer has more */
	f = fresh(c);
	assert_int_equal(vrrp_lag_max_us(&f), 450 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(master_that_overslept_drops_the_addresses_and_listens_before_it_says_a_word),
		cmocka_unit_test(overslept_master_that_hears_a_better_one_stays_backup),
		cmocka_unit_test(overslept_master_with_nopreempt_leaves_the_address_to_whoever_took_it),
		cmocka_unit_test(overslept_master_takes_the_address_back_from_a_lower_one_that_then_drops_it_first),
		cmocka_unit_test(timer_expired_backup_waits_a_whole_down_time),
		cmocka_unit_test(overslept_backup_listens_before_it_takes_silence_for_an_answer),
		cmocka_unit_test(lag_is_too_long_when_the_shortest_down_time_may_be_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
