/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of one virtual router: what each event causes, in which order, after how long. */
#include "test/unit/unit.h"

#include "test/unit/fsm_fixture.h"

/* --- arithmetic --------------------------------------------------------------------------------------------------- */

static void skew_and_down_have_the_values_of_the_book(void **state)
{
	struct vrrp_fsm f = fresh(conf_v2(100));

	(void)state;
	assert_int_equal(vrrp_skew_us(&f), 609375);
	assert_int_equal(vrrp_down_us(&f), 3609375);
	f = fresh(conf_v2(253));
	assert_int_equal(vrrp_skew_us(&f), 11718);
	f = fresh(conf_v3(253, S));
	assert_int_equal(vrrp_skew_us(&f), 11718);
	f = fresh(conf_v3(100, 5 * S));
	assert_int_equal(vrrp_down_us(&f), 18046875); /* 15 s and 5 * 156/256 s */
	f = fresh(conf_v2(255));
	f.conf.interval_us = f.master_interval_us = 255u * S;
	f.conf.down_adverts = 100;
	assert_int_equal(vrrp_down_us(&f), 25500003906);
	f = fresh(conf_v3(1, 40950 * MS));
	f.conf.down_adverts = 100;
	assert_int_equal(vrrp_down_us(&f), 4095000000 + 40790039);
}

/* Counted out in steps of a 256th, RFC 3768 §6.1 and RFC 9568 §6.1, in halves of a nanosecond so that nothing is lost
 * before the end. */
static uint64_t slow_skew_us(unsigned version, unsigned priority, uint64_t interval_us)
{
	uint64_t scaled = 0;

	for (unsigned step = priority; step < 256; step++)
		scaled += version == 2 ? 1000000 : interval_us;
	for (unsigned halving = 0; halving < 8; halving++)
		scaled /= 2;
	return scaled;
}

static void skew_and_down_equal_the_slow_ones_for_every_priority(void **state)
{
	static const uint32_t intervals_us[] = { 10 * MS, 20 * MS, 70 * MS, 100 * MS, S, 3 * S, 40950 * MS };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(intervals_us); i++) {
		for (unsigned priority = 1; priority <= 255; priority++) {
			uint32_t m = intervals_us[i];
			struct vrrp_fsm f = fresh(conf_v3((uint8_t)priority, m));
			uint64_t skew = slow_skew_us(3, priority, m);

			assert_int_equal(vrrp_skew_us(&f), skew);
			assert_int_equal(vrrp_skew_us(&f), (256 - priority) * (m / 10000) * 625 / 16);
			assert_int_equal(vrrp_down_us(&f), m + m + m + skew);
			f.conf.version = 2;
			skew = slow_skew_us(2, priority, m);
			assert_int_equal(vrrp_skew_us(&f), skew);
			assert_int_equal(vrrp_down_us(&f), m + m + m + skew);
		}
	}
}

/* --- start and stop ----------------------------------------------------------------------------------------------- */

static void start_waits_a_full_down_time_as_backup(void **state)
{
	struct vrrp_fsm f = fresh(conf_v2(100));

	(void)state;
	assert_step(&f, start_event(false, false), VRRP_BACKUP, "down=3609375 notify=BACKUP");
	assert_step(&f, start_event(false, false), VRRP_BACKUP, "");
}

static void state_master_gains_nothing_below_255(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(100);
	struct vrrp_fsm f;

	(void)state;
	conf.start_master = true;
	f = fresh(conf);
	assert_step(&f, start_event(false, false), VRRP_BACKUP, "down=3609375 notify=BACKUP");
}

static void owner_with_state_master_is_master_at_once(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(255);
	struct vrrp_fsm f;

	(void)state;
	conf.start_master = true;
	f = fresh(conf);
	assert_step(&f, start_event(false, false), VRRP_BACKUP, "down=1 notify=BACKUP");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER, "send advert=1000000 add announce notify=MASTER");
	f = fresh(conf_v2(255));
	assert_step(&f, start_event(false, false), VRRP_BACKUP, "down=3003906 notify=BACKUP");
}

static void start_with_a_fault_is_told_to_the_hooks(void **state)
{
	struct vrrp_fsm f = fresh(conf_v2(100));

	(void)state;
	assert_step(&f, start_event(true, false), VRRP_FAULT, "notify=FAULT");
	assert_step(&f, fault_event(false), VRRP_FAULT, "");
}

static void quiet_fault_becomes_loud_once(void **state)
{
	struct vrrp_fsm f = fresh(conf_v2(100));

	(void)state;
	assert_step(&f, start_event(true, true), VRRP_FAULT, "");
	assert_step(&f, fault_event(true), VRRP_FAULT, "");
	assert_step(&f, fault_event(false), VRRP_FAULT, "notify=FAULT");
	assert_step(&f, fault_event(false), VRRP_FAULT, "");
	assert_step(&f, fault_event(true), VRRP_FAULT, "");
	assert_step(&f, event(VRRP_EV_FAULT_CLEARED), VRRP_BACKUP, "down=3609375 notify=BACKUP");
}

static void quiet_fault_of_a_backup_is_quiet_and_of_a_master_is_not(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, fault_event(true), VRRP_FAULT, "stop-timers");
	f = in_state(conf_v2(100), VRRP_MASTER);
	assert_step(&f, fault_event(true), VRRP_FAULT, "stop-timers remove resign notify=FAULT");
	assert_step(&f, fault_event(false), VRRP_FAULT, "");
}

static void owner_that_only_waited_for_its_checks_is_master_at_once(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(255);
	struct vrrp_fsm f;

	(void)state;
	conf.start_master = true;
	f = fresh(conf);
	assert_step(&f, start_event(true, true), VRRP_FAULT, "");
	assert_step(&f, event(VRRP_EV_FAULT_CLEARED), VRRP_BACKUP, "down=1 notify=BACKUP");
	f = fresh(conf);
	assert_step(&f, start_event(true, false), VRRP_FAULT, "notify=FAULT");
	assert_step(&f, event(VRRP_EV_FAULT_CLEARED), VRRP_BACKUP, "down=3003906 notify=BACKUP");
}

static void stopping_master_removes_then_resigns_once(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	assert_step(&f, event(VRRP_EV_STOP), VRRP_INIT, "stop-timers remove resign stopped");
	assert_step(&f, event(VRRP_EV_STOP), VRRP_INIT, "");
}

static void stopping_backup_or_fault_sends_nothing(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, event(VRRP_EV_STOP), VRRP_INIT, "stop-timers stopped");
	f = in_state(conf_v2(100), VRRP_FAULT);
	assert_step(&f, event(VRRP_EV_STOP), VRRP_INIT, "stop-timers stopped");
	f = fresh(conf_v2(100));
	assert_step(&f, event(VRRP_EV_STOP), VRRP_INIT, "stopped");
	assert_step(&f, event(VRRP_EV_STOP), VRRP_INIT, "");
}

static void stopped_machine_starts_again_as_new(void **state)
{
	struct vrrp_fsm f = in_state(conf_v3(100, S), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert_every(200, ABOVE, 5 * S), VRRP_BACKUP, "down=18046875");
	assert_step(&f, event(VRRP_EV_STOP), VRRP_INIT, "stop-timers stopped");
	assert_step(&f, start_event(false, false), VRRP_BACKUP, "down=3609375 notify=BACKUP");
	assert_false(ip_is_set(&f.master));
	assert_step(&f, event(VRRP_EV_STOP), VRRP_INIT, "stop-timers stopped");
}

/* --- backup ------------------------------------------------------------------------------------------------------- */

static void backup_takes_over_when_the_master_is_silent(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER, "send advert=1000000 add announce notify=MASTER");
}

static void backup_waits_for_a_better_or_equal_master(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_true(ip_equal(&f.master, &(struct ip_addr){ AF_INET, { 192, 0, 2, 12 } }));
	assert_int_equal(f.master_priority, 200);
	assert_step(&f, advert(100, BELOW), VRRP_BACKUP, "down=3609375");
	assert_int_equal(f.master_priority, 100);
}

static void backup_waits_only_skew_time_after_priority_zero(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(0, ABOVE), VRRP_BACKUP, "down=609375");
	assert_false(ip_is_set(&f.master));
}

static void repeated_priority_zero_does_not_put_the_takeover_off(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(0, ABOVE), VRRP_BACKUP, "down=609375");
	assert_step(&f, advert(0, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, advert(200, BELOW), VRRP_BACKUP, "down=3609375"); /* another one was faster */
	assert_step(&f, advert(0, BELOW), VRRP_BACKUP, "down=609375");
}

static void backup_lets_the_timer_run_on_under_a_lower_master(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "");
	assert_true(ip_is_set(&f.master));
}

static void backup_takes_over_after_skew_when_the_master_falls_below_it(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "down=609375");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, ""); /* once */
	assert_step(&f, advert(49, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER,
		    "send advert=1000000 settle=25000 add announce notify=MASTER");
}

static void fall_from_an_equal_priority_counts_and_to_an_equal_one_does_not(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(100, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(99, ABOVE), VRRP_BACKUP, "down=609375");
}

static void master_that_recovers_in_time_is_accepted_again(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "down=609375");
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "down=609375");
}

static void lower_advert_of_somebody_else_is_no_fall_of_the_master(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(50, BELOW), VRRP_BACKUP, "");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "down=609375"); /* and does not hide one */
}

static void own_rise_above_the_master_is_no_fall_of_the_master(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(150, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, priority_event(200, 3609375), VRRP_BACKUP, "down=3218750");
	assert_step(&f, advert(150, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, advert(140, ABOVE), VRRP_BACKUP, "");
}

static void own_fall_under_the_fallen_master_calls_the_takeover_off(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(90, ABOVE), VRRP_BACKUP, "down=609375");
	assert_step(&f, priority_event(80, 500000), VRRP_BACKUP, "down=3687500");
	assert_step(&f, advert(90, ABOVE), VRRP_BACKUP, "down=3687500");
}

static void own_fall_under_a_master_that_was_to_be_preempted_calls_that_off(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(90), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(100, ABOVE), VRRP_BACKUP, "down=3648437");
	assert_step(&f, priority_event(150, 3648437), VRRP_BACKUP, "down=3414062");
	assert_step(&f, advert(100, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, priority_event(101, 900000), VRRP_BACKUP, "down=1091406"); /* still better */
	assert_step(&f, advert(100, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, priority_event(100, 100000), VRRP_BACKUP, "down=3609375"); /* an equal is accepted, too */
	/* It may be dead by now: only after its next word, which is accepted anyway, it is worth as much again. */
	assert_step(&f, priority_event(90, 100000), VRRP_BACKUP, "down=139062");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER, "send advert=1000000 add announce notify=MASTER");
}

/* The better one was heard last and may be dead; who is heard now is worse than we are all the time. */
static void own_fall_under_a_master_that_is_silent_calls_no_takeover_from_a_worse_one_off(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(120), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(150, ABOVE), VRRP_BACKUP, "down=3531250");
	assert_step(&f, advert(90, BELOW), VRRP_BACKUP, "");
	assert_step(&f, priority_event(110, 2000000), VRRP_BACKUP, "down=2039062");
	assert_step(&f, advert(90, BELOW), VRRP_BACKUP, "");
	assert_step(&f, priority_event(120, 1000000), VRRP_BACKUP, "down=960938");
	assert_step(&f, priority_event(91, 900000), VRRP_BACKUP, "down=1013281");
	assert_step(&f, priority_event(90, 900000), VRRP_BACKUP, "down=3648437"); /* its equal */
}

static void lower_advert_of_somebody_else_does_not_hide_that_the_fallen_master_is_better_again(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(90, ABOVE), VRRP_BACKUP, "down=609375");
	assert_step(&f, advert(50, BELOW), VRRP_BACKUP, "");
	assert_step(&f, priority_event(80, 500000), VRRP_BACKUP, "down=3687500");
}

static void nopreempt_accepts_any_master_but_not_silence(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(100);
	struct vrrp_fsm f;

	(void)state;
	conf.nopreempt = true;
	f = in_state(conf, VRRP_BACKUP);
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(1, ABOVE), VRRP_BACKUP, "down=3609375"); /* nor is a fall a reason */
	assert_step(&f, advert(0, ABOVE), VRRP_BACKUP, "down=609375");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER, "send advert=1000000 add announce notify=MASTER");
	assert_step(&f, advert(1, ABOVE), VRRP_MASTER, "rival send advert=1000000 announce-again");
}

static void preempting_a_living_master_lets_it_drop_the_addresses_first(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER,
		    "send advert=1000000 settle=25000 add announce notify=MASTER");
}

static void master_that_resigned_or_fell_silent_is_not_waited_for(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, advert(0, ABOVE), VRRP_BACKUP, "down=609375");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER, "send advert=1000000 add announce notify=MASTER");
	f = in_state(conf_v2(100), VRRP_BACKUP);
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, advert(200, BELOW), VRRP_BACKUP, "down=3609375");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER, "send advert=1000000 add announce notify=MASTER");
}

static void preempt_delay_starts_with_the_first_lower_advert(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(100);
	struct vrrp_fsm f;

	(void)state;
	conf.preempt_delay_us = 5 * S;
	f = in_state(conf, VRRP_BACKUP);
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "preempt=5000000 down=3609375");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_step(&f, event(VRRP_EV_PREEMPT_TIMER), VRRP_BACKUP, "");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, ""); /* the timer runs out now */
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER,
		    "send advert=1000000 settle=25000 add announce notify=MASTER");
}

static void better_advert_cancels_the_preempt_delay(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(100);
	struct vrrp_fsm f;

	(void)state;
	conf.preempt_delay_us = 5 * S;
	f = in_state(conf, VRRP_BACKUP);
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "preempt=5000000 down=3609375");
	assert_step(&f, advert(100, BELOW), VRRP_BACKUP, "preempt=0 down=3609375");
	assert_step(&f, event(VRRP_EV_PREEMPT_TIMER), VRRP_BACKUP, ""); /* late */
	assert_step(&f, advert(50, BELOW), VRRP_BACKUP, "preempt=5000000 down=3609375");
	assert_step(&f, event(VRRP_EV_PREEMPT_TIMER), VRRP_BACKUP, "");
	assert_step(&f, advert(100, BELOW), VRRP_BACKUP, "down=3609375"); /* and one that ran out */
	assert_step(&f, advert(50, BELOW), VRRP_BACKUP, "preempt=5000000 down=3609375");
}

static void preempt_delay_does_not_hold_back_from_a_silent_master(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(100);
	struct vrrp_fsm f;

	(void)state;
	conf.preempt_delay_us = 500 * S;
	f = in_state(conf, VRRP_BACKUP);
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "preempt=500000000 down=3609375");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER,
		    "send advert=1000000 preempt=0 add announce notify=MASTER");
}

static void v3_backup_learns_the_masters_interval_and_v2_does_not(void **state)
{
	struct vrrp_fsm f = in_state(conf_v3(100, S), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert_every(200, ABOVE, 5 * S), VRRP_BACKUP, "down=18046875");
	assert_step(&f, advert_every(0, ABOVE, 5 * S), VRRP_BACKUP, "down=3046875");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_MASTER,
		    "send advert=1000000 add announce notify=MASTER"); /* at our own */
	f = in_state(conf_v2(100), VRRP_BACKUP);
	assert_step(&f, advert_every(200, ABOVE, 5 * S), VRRP_BACKUP, "down=3609375");
}

static void last_word_of_a_yielding_master_does_not_shorten_the_wait_for_the_better_one(void **state)
{
	struct vrrp_fsm f = in_state(conf_v3(100, S), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert_every(200, BELOW, 5 * S), VRRP_BACKUP, "down=18046875");
	assert_step(&f, advert_every(150, ABOVE, S), VRRP_BACKUP, "down=18046875");
	assert_step(&f, advert_every(150, ABOVE, S), VRRP_BACKUP, "down=3609375"); /* it goes on: then it is the one */
	assert_step(&f, advert_every(150, BELOW, 5 * S), VRRP_BACKUP, "down=18046875");
	assert_step(&f, advert_every(200, ABOVE, S), VRRP_BACKUP, "down=3609375"); /* a better one, at once */
}

static void change_of_priority_moves_the_down_timer_by_as_much(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, priority_event(100, 2000000), VRRP_BACKUP, "");
	assert_step(&f, priority_event(228, 2000000), VRRP_BACKUP, "down=1500000");
	assert_step(&f, priority_event(100, 1500000), VRRP_BACKUP, "down=2000000");
	assert_step(&f, priority_event(228, 500000), VRRP_BACKUP, "down=1");
	assert_step(&f, priority_event(227, 0), VRRP_BACKUP, "down=3906");
	assert_step(&f, priority_event(228, 3), VRRP_BACKUP, "down=1");
}

static void fault_of_a_backup_sends_nothing(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, fault_event(false), VRRP_FAULT, "stop-timers notify=FAULT");
}

/* --- master ------------------------------------------------------------------------------------------------------- */

static void master_adverts_again_only_after_it_has_sent(void **state)
{
	static const struct {
		uint8_t priority;
		const char *src;
	} heard[] = { { 0, ABOVE }, { 1, ABOVE }, { 99, BELOW }, { 100, BELOW }, { 100, OWN } };
	struct vrrp_fsm_conf conf = conf_v2(100);

	(void)state;
	for (int silent = 0; silent <= 1; silent++) {
		conf.lower_prio_no_advert = silent;
		for (size_t i = 0; i < ELEMENTSOF(heard); i++) {
			struct vrrp_fsm f = in_state(conf, VRRP_MASTER);
			struct vrrp_event ev = advert(heard[i].priority, heard[i].src);
			struct vrrp_actions out = vrrp_fsm(&f, &ev);

			assert_int_equal(f.state, VRRP_MASTER);
			for (size_t k = 0; k < out.n; k++) {
				if (out.a[k].type == VRRP_ACT_ADVERT_TIMER)
					assert_true(k > 0 && out.a[k - 1].type == VRRP_ACT_SEND_ADVERT);
			}
		}
	}
}

static void master_sends_every_interval(void **state)
{
	struct vrrp_fsm f = in_state(conf_v3(100, 100 * MS), VRRP_MASTER);

	(void)state;
	assert_step(&f, event(VRRP_EV_ADVERT_TIMER), VRRP_MASTER, "send advert=100000");
	assert_step(&f, event(VRRP_EV_ADVERT_TIMER), VRRP_MASTER, "send advert=100000");
}

static void master_tells_a_fall_of_its_priority_at_once_but_not_a_rise(void **state)
{
	struct vrrp_fsm f = in_state(conf_v3(100, 100 * MS), VRRP_MASTER);

	(void)state;
	assert_step(&f, priority_event(70, 0), VRRP_MASTER, "send advert=100000");
	assert_int_equal(f.priority, 70);
	assert_step(&f, priority_event(100, 0), VRRP_MASTER, "");
	assert_int_equal(f.priority, 100);
}

static void master_answers_priority_zero_and_stays(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	assert_step(&f, advert(0, ABOVE), VRRP_MASTER, "send advert=1000000");
}

static void master_yields_to_a_higher_priority_without_a_word(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	assert_step(&f, advert(101, BELOW), VRRP_BACKUP, "stop-timers down=3609375 remove notify=BACKUP");
	assert_int_equal(f.master_priority, 101);
	assert_step(&f, advert(50, BELOW), VRRP_BACKUP, "down=609375"); /* it is our master now, and falls */
}

static void yielding_v3_master_learns_the_interval(void **state)
{
	struct vrrp_fsm f = in_state(conf_v3(100, S), VRRP_MASTER);

	(void)state;
	assert_step(&f, advert_every(200, ABOVE, 5 * S), VRRP_BACKUP, "stop-timers down=18046875 remove notify=BACKUP");
}

static void higher_prio_send_advert_sends_a_last_one(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(100);
	struct vrrp_fsm f;

	(void)state;
	conf.higher_prio_send_advert = true;
	f = in_state(conf, VRRP_MASTER);
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP,
		    "send advert=1000000 stop-timers down=3609375 remove notify=BACKUP");
}

static void equal_priority_is_decided_by_the_address(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);
	struct vrrp_event source = { .type = VRRP_EV_SOURCE, .src = ip("10.0.0.1") };

	(void)state;
	assert_step(&f, advert(100, BELOW), VRRP_MASTER, "rival send advert=1000000 announce-again");
	assert_step(&f, advert(100, OWN), VRRP_MASTER, "");
	assert_step(&f, advert(100, ABOVE), VRRP_BACKUP, "stop-timers down=3609375 remove notify=BACKUP");
	f = in_state(conf_v2(100), VRRP_MASTER);
	assert_step(&f, source, VRRP_MASTER, "");
	assert_step(&f, advert(100, BELOW), VRRP_BACKUP, "stop-timers down=3609375 remove notify=BACKUP");
	f = in_state(conf_v2(100), VRRP_MASTER);
	assert_step(&f, advert(100, "200.0.0.1"), VRRP_BACKUP, /* unsigned */
		    "stop-timers down=3609375 remove notify=BACKUP");
}

static void master_answers_a_lower_rival_unless_told_not_to(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(100);
	struct vrrp_fsm f = in_state(conf, VRRP_MASTER);

	(void)state;
	assert_step(&f, advert(50, ABOVE), VRRP_MASTER, "rival send advert=1000000 announce-again");
	conf.lower_prio_no_advert = true;
	f = in_state(conf, VRRP_MASTER);
	assert_step(&f, advert(50, ABOVE), VRRP_MASTER, "rival announce-again");
}

static void fault_of_a_master_removes_then_resigns_once(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	assert_step(&f, fault_event(false), VRRP_FAULT, "stop-timers remove resign notify=FAULT");
	assert_step(&f, event(VRRP_EV_ADVERT_TIMER), VRRP_FAULT, ""); /* late */
	assert_step(&f, event(VRRP_EV_FAULT_CLEARED), VRRP_BACKUP, "down=3609375 notify=BACKUP");
}

static void stolen_addresses_make_the_master_step_down_for_a_whole_down_time(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	assert_step(&f, event(VRRP_EV_VIPS_LOST), VRRP_BACKUP, "stop-timers down=3609375 remove resign notify=BACKUP");
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
}

/* --- fault -------------------------------------------------------------------------------------------------------- */

static void fault_forgets_the_interval_and_hears_nothing(void **state)
{
	struct vrrp_fsm f = in_state(conf_v3(100, S), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert_every(200, ABOVE, 5 * S), VRRP_BACKUP, "down=18046875");
	assert_step(&f, fault_event(false), VRRP_FAULT, "stop-timers notify=FAULT");
	assert_step(&f, advert_every(200, ABOVE, 5 * S), VRRP_FAULT, "");
	assert_step(&f, advert(0, ABOVE), VRRP_FAULT, "");
	assert_step(&f, priority_event(228, 0), VRRP_FAULT, "");
	assert_step(&f, event(VRRP_EV_FAULT_CLEARED), VRRP_BACKUP, "down=3109375 notify=BACKUP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skew_and_down_have_the_values_of_the_book),
		cmocka_unit_test(skew_and_down_equal_the_slow_ones_for_every_priority),
		cmocka_unit_test(start_waits_a_full_down_time_as_backup),
		cmocka_unit_test(state_master_gains_nothing_below_255),
		cmocka_unit_test(owner_with_state_master_is_master_at_once),
		cmocka_unit_test(start_with_a_fault_is_told_to_the_hooks),
		cmocka_unit_test(quiet_fault_becomes_loud_once),
		cmocka_unit_test(quiet_fault_of_a_backup_is_quiet_and_of_a_master_is_not),
		cmocka_unit_test(owner_that_only_waited_for_its_checks_is_master_at_once),
		cmocka_unit_test(stopping_master_removes_then_resigns_once),
		cmocka_unit_test(stopping_backup_or_fault_sends_nothing),
		cmocka_unit_test(stopped_machine_starts_again_as_new),
		cmocka_unit_test(backup_takes_over_when_the_master_is_silent),
		cmocka_unit_test(backup_waits_for_a_better_or_equal_master),
		cmocka_unit_test(backup_waits_only_skew_time_after_priority_zero),
		cmocka_unit_test(repeated_priority_zero_does_not_put_the_takeover_off),
		cmocka_unit_test(backup_lets_the_timer_run_on_under_a_lower_master),
		cmocka_unit_test(backup_takes_over_after_skew_when_the_master_falls_below_it),
		cmocka_unit_test(fall_from_an_equal_priority_counts_and_to_an_equal_one_does_not),
		cmocka_unit_test(master_that_recovers_in_time_is_accepted_again),
		cmocka_unit_test(lower_advert_of_somebody_else_is_no_fall_of_the_master),
		cmocka_unit_test(own_rise_above_the_master_is_no_fall_of_the_master),
		cmocka_unit_test(own_fall_under_the_fallen_master_calls_the_takeover_off),
		cmocka_unit_test(own_fall_under_a_master_that_was_to_be_preempted_calls_that_off),
		cmocka_unit_test(own_fall_under_a_master_that_is_silent_calls_no_takeover_from_a_worse_one_off),
		cmocka_unit_test(lower_advert_of_somebody_else_does_not_hide_that_the_fallen_master_is_better_again),
		cmocka_unit_test(nopreempt_accepts_any_master_but_not_silence),
		cmocka_unit_test(preempting_a_living_master_lets_it_drop_the_addresses_first),
		cmocka_unit_test(master_that_resigned_or_fell_silent_is_not_waited_for),
		cmocka_unit_test(preempt_delay_starts_with_the_first_lower_advert),
		cmocka_unit_test(better_advert_cancels_the_preempt_delay),
		cmocka_unit_test(preempt_delay_does_not_hold_back_from_a_silent_master),
		cmocka_unit_test(v3_backup_learns_the_masters_interval_and_v2_does_not),
		cmocka_unit_test(last_word_of_a_yielding_master_does_not_shorten_the_wait_for_the_better_one),
		cmocka_unit_test(change_of_priority_moves_the_down_timer_by_as_much),
		cmocka_unit_test(fault_of_a_backup_sends_nothing),
		cmocka_unit_test(master_adverts_again_only_after_it_has_sent),
		cmocka_unit_test(master_sends_every_interval),
		cmocka_unit_test(master_tells_a_fall_of_its_priority_at_once_but_not_a_rise),
		cmocka_unit_test(master_answers_priority_zero_and_stays),
		cmocka_unit_test(master_yields_to_a_higher_priority_without_a_word),
		cmocka_unit_test(yielding_v3_master_learns_the_interval),
		cmocka_unit_test(higher_prio_send_advert_sends_a_last_one),
		cmocka_unit_test(equal_priority_is_decided_by_the_address),
		cmocka_unit_test(master_answers_a_lower_rival_unless_told_not_to),
		cmocka_unit_test(fault_of_a_master_removes_then_resigns_once),
		cmocka_unit_test(stolen_addresses_make_the_master_step_down_for_a_whole_down_time),
		cmocka_unit_test(fault_forgets_the_interval_and_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
