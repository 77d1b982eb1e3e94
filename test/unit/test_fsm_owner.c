/* SPDX-License-Identifier: Apache-2.0 */
/* Owners, priority 255: two of them on one link, and what preemption means to one. */
#include "test/unit/unit.h"

#include "test/unit/fsm_fixture.h"

static void of_two_owners_the_lower_address_yields(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(255), VRRP_MASTER);

	(void)state;
	assert_step(&f, advert(255, ABOVE), VRRP_BACKUP, "stop-timers down=3003906 remove notify=BACKUP");
	assert_int_equal(f.priority, 255);
}

static void owner_that_is_not_heeded_degrades_and_yields(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(255), VRRP_MASTER);

	(void)state;
	assert_step(&f, advert(255, BELOW), VRRP_MASTER, "rival send advert=1000000 announce-again");
	for (int tick = 0; tick < 3; tick++) {
		assert_step(&f, advert(255, BELOW), VRRP_MASTER, "rival announce-again");
		assert_step(&f, event(VRRP_EV_ADVERT_TIMER), VRRP_MASTER, "send advert=1000000");
	}
	assert_step(&f, advert(255, BELOW), VRRP_BACKUP, "stop-timers down=3007812 remove notify=BACKUP");
	assert_int_equal(f.priority, 254);
	assert_step(&f, advert(255, BELOW), VRRP_BACKUP, "down=3007812");
	assert_step(&f, priority_event(255, 3007812), VRRP_BACKUP, "");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER, "send advert=1000000 add announce notify=MASTER");
	assert_int_equal(f.priority, 255);
}

static void many_adverts_of_a_rival_owner_at_once_do_not_degrade(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(255), VRRP_MASTER);

	(void)state;
	assert_step(&f, advert(255, BELOW), VRRP_MASTER, "rival send advert=1000000 announce-again");
	for (int i = 0; i < 100; i++)
		assert_step(&f, advert(255, BELOW), VRRP_MASTER, "rival announce-again");
	assert_int_equal(f.priority, 255);
}

static void degraded_owner_is_restored_when_the_rival_is_gone(void **state)
{
	struct vrrp_fsm degraded = in_state(conf_v2(255), VRRP_MASTER), f;
	struct vrrp_event again = advert(255, BELOW), tick = event(VRRP_EV_ADVERT_TIMER);

	(void)state;
	for (int i = 0; i < 4; i++) {
		vrrp_fsm(&degraded, &again);
		vrrp_fsm(&degraded, &tick); /* late the last time */
	}
	assert_int_equal(degraded.priority, 254);
	f = degraded;
	assert_step(&f, advert(200, BELOW), VRRP_BACKUP, "down=3906"); /* it fell below us */
	assert_int_equal(f.priority, 255);
	f = degraded;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, ""); /* somebody else, and no better */
	assert_int_equal(f.priority, 255);
	f = degraded;
	assert_step(&f, fault_event(false), VRRP_FAULT, "stop-timers notify=FAULT");
	assert_int_equal(f.priority, 255);
}

static void rival_owner_that_falls_silent_is_forgotten(void **state)
{
	static const char rival[] = "rival send advert=1000000 announce-again";
	struct vrrp_fsm f = in_state(conf_v2(255), VRRP_MASTER);

	(void)state;
	for (int round = 0; round < 5; round++) {
		assert_step(&f, advert(255, BELOW), VRRP_MASTER, rival);
		for (int i = 0; i < 10; i++)
			assert_step(&f, event(VRRP_EV_ADVERT_TIMER), VRRP_MASTER, "send advert=1000000");
	}
}

static void rival_owner_with_a_longer_interval_is_given_its_time_and_no_more(void **state)
{
	struct vrrp_fsm_conf conf = conf_v3(255, S);
	struct vrrp_fsm f;

	(void)state;
	conf.lower_prio_no_advert = true;
	f = in_state(conf, VRRP_MASTER);
	assert_step(&f, advert_every(255, BELOW, 5 * S), VRRP_MASTER, "rival announce-again");
	assert_step(&f, advert_every(255, BELOW, 5 * S), VRRP_MASTER, "rival announce-again");
	for (int i = 0; i < 5; i++)
		assert_step(&f, event(VRRP_EV_ADVERT_TIMER), VRRP_MASTER, "send advert=1000000");
	assert_step(&f, advert_every(255, BELOW, 5 * S), VRRP_BACKUP, "stop-timers down=15039062 remove notify=BACKUP");
}

static void owner_preempts_whatever_nopreempt_says(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(255);
	struct vrrp_fsm f;

	(void)state;
	conf.nopreempt = true;
	f = in_state(conf, VRRP_BACKUP);
	assert_step(&f, advert(254, ABOVE), VRRP_BACKUP, "");
}

static void owner_that_ignores_adverts_hears_nobody(void **state)
{
	struct vrrp_fsm_conf c = conf_v2(255);
	struct vrrp_fsm f;

	(void)state;
	c.owner_ignore_adverts = true;
	f = in_state(c, VRRP_MASTER);
	assert_step(&f, advert(255, ABOVE), VRRP_MASTER, "");
	assert_step(&f, advert(100, ABOVE), VRRP_MASTER, "");
	assert_step(&f, advert(0, ABOVE), VRRP_MASTER, "");
	f = in_state(c, VRRP_BACKUP);
	assert_step(&f, advert(255, ABOVE), VRRP_BACKUP, "");
	c.priority = 254; /* only the owner has this right */
	f = in_state(c, VRRP_MASTER);
	assert_step(&f, advert(255, ABOVE), VRRP_BACKUP, "stop-timers down=3007812 remove notify=BACKUP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_owners_the_lower_address_yields),
		cmocka_unit_test(owner_that_is_not_heeded_degrades_and_yields),
		cmocka_unit_test(many_adverts_of_a_rival_owner_at_once_do_not_degrade),
		cmocka_unit_test(degraded_owner_is_restored_when_the_rival_is_gone),
		cmocka_unit_test(rival_owner_that_falls_silent_is_forgotten),
		cmocka_unit_test(rival_owner_with_a_longer_interval_is_given_its_time_and_no_more),
		cmocka_unit_test(owner_preempts_whatever_nopreempt_says),
		cmocka_unit_test(owner_that_ignores_adverts_hears_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
