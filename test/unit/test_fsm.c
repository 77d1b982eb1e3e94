/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine: what each event causes, in which order, after how long. The expected lists are written as text,
 * one word per action, so that a test reads like the rule it pins. */
#include "test/unit/unit.h"

#include "vrrp/fsm.h"

enum { MS = 1000, S = 1000000 };

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_true(ip_parse(text, &a));
	return a;
}

static struct vrrp_fsm_conf conf_v2(uint8_t priority)
{
	return (struct vrrp_fsm_conf){ .version = 2, .priority = priority, .interval_us = S, .down_adverts = 3 };
}

static struct vrrp_fsm_conf conf_v3(uint8_t priority, uint32_t interval_us)
{
	return (struct vrrp_fsm_conf){
		.version = 3,
		.priority = priority,
		.interval_us = interval_us,
		.down_adverts = 3,
	};
}

/* --- actions as text ---------------------------------------------------------------------------------------------- */

static void print_action(char *buf, size_t size, const struct vrrp_action *a)
{
	unsigned long us = (unsigned long)a->us;

	switch (a->type) {
	case VRRP_ACT_SEND_ADVERT:
		snprintf(buf, size, "send");
		break;
	case VRRP_ACT_ADVERT_TIMER:
		snprintf(buf, size, "advert=%lu", us);
		break;
	case VRRP_ACT_DOWN_TIMER:
		snprintf(buf, size, "down=%lu", us);
		break;
	case VRRP_ACT_PREEMPT_TIMER:
		snprintf(buf, size, "preempt=%lu", us);
		break;
	case VRRP_ACT_STOP_TIMERS:
		snprintf(buf, size, "stop-timers");
		break;
	case VRRP_ACT_RIVAL:
		snprintf(buf, size, "rival");
		break;
	case VRRP_ACT_SETTLE:
		snprintf(buf, size, "settle=%lu", us);
		break;
	case VRRP_ACT_VIPS_ADD:
		snprintf(buf, size, "add");
		break;
	case VRRP_ACT_VIPS_REMOVE:
		snprintf(buf, size, "remove");
		break;
	case VRRP_ACT_ANNOUNCE:
		snprintf(buf, size, "announce");
		break;
	case VRRP_ACT_ANNOUNCE_AGAIN:
		snprintf(buf, size, "announce-again");
		break;
	case VRRP_ACT_RESIGN:
		snprintf(buf, size, "resign");
		break;
	case VRRP_ACT_NOTIFY:
		snprintf(buf, size, "notify=%s", vrrp_state_name(a->state));
		break;
	case VRRP_ACT_STOPPED:
		snprintf(buf, size, "stopped");
		break;
	}
}

static void assert_actions(const struct vrrp_actions *out, const char *expected)
{
	char text[512] = "";

	for (size_t i = 0; i < out->n; i++) {
		char word[48];

		print_action(word, sizeof(word), &out->a[i]);
		if (i)
			strcat(text, " ");
		strcat(text, word);
	}
	assert_string_equal(text, expected);
}

static void assert_step(struct vrrp_fsm *f, struct vrrp_event ev, enum vrrp_state state, const char *expected)
{
	struct vrrp_actions out = vrrp_fsm(f, &ev);

	assert_actions(&out, expected);
	assert_string_equal(vrrp_state_name(f->state), vrrp_state_name(state));
}

static struct vrrp_event event(enum vrrp_event_type type)
{
	return (struct vrrp_event){ .type = type };
}

static struct vrrp_event advert_every(uint8_t priority, const char *src, uint32_t interval_us)
{
	return (struct vrrp_event){
		.type = VRRP_EV_ADVERT,
		.priority = priority,
		.interval_us = interval_us,
		.src = ip(src),
	};
}

static struct vrrp_event advert(uint8_t priority, const char *src)
{
	return advert_every(priority, src, S);
}

static struct vrrp_event priority_event(uint8_t priority, uint64_t down_left_us)
{
	return (struct vrrp_event){ .type = VRRP_EV_PRIORITY, .priority = priority, .down_left_us = down_left_us };
}

static struct vrrp_event fault_event(bool quiet)
{
	return (struct vrrp_event){ .type = VRRP_EV_FAULT, .fault = true, .quiet = quiet };
}

static struct vrrp_event start_event(bool fault, bool quiet)
{
	return (struct vrrp_event){ .type = VRRP_EV_START, .fault = fault, .quiet = quiet };
}

/* Our own address is 192.0.2.11; .10 is below it, .12 above. */
#define OWN   "192.0.2.11"
#define BELOW "192.0.2.10"
#define ABOVE "192.0.2.12"

static struct vrrp_fsm fresh(struct vrrp_fsm_conf conf)
{
	struct ip_addr own = ip(OWN);
	struct vrrp_fsm f;

	vrrp_fsm_init(&f, &conf, &own);
	return f;
}

static struct vrrp_fsm in_state(struct vrrp_fsm_conf conf, enum vrrp_state state)
{
	struct vrrp_fsm f = fresh(conf);
	struct vrrp_event down = event(VRRP_EV_DOWN_TIMER), start = start_event(state == VRRP_FAULT, false);

	if (state != VRRP_INIT)
		vrrp_fsm(&f, &start);
	if (state == VRRP_MASTER)
		vrrp_fsm(&f, &down);
	assert_int_equal(f.state, state);
	return f;
}

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

/* --- owners ------------------------------------------------------------------------------------------------------- */

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

/* --- sync groups -------------------------------------------------------------------------------------------------- */

static struct vrrp_fsm_conf grouped(uint8_t priority)
{
	struct vrrp_fsm_conf c = conf_v2(priority);

	c.grouped = true;
	return c;
}

static void member_of_a_group_only_wants_to_be_master_when_its_timer_runs_out(void **state)
{
	struct vrrp_fsm f = in_state(grouped(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_BACKUP, "down=3609375");
	assert_true(f.wants_master);
	assert_step(&f, event(VRRP_EV_GROUP_MASTER), VRRP_MASTER,
		    "stop-timers send advert=1000000 add announce notify=MASTER");
	assert_false(f.wants_master);
}

static void wish_to_be_master_ends_with_a_better_advert_and_not_with_a_lower_one(void **state)
{
	struct vrrp_fsm f = in_state(grouped(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "");
	assert_true(f.wants_master);
	assert_step(&f, advert(0, ABOVE), VRRP_BACKUP, "down=609375");
	assert_true(f.wants_master);
	assert_step(&f, advert(200, ABOVE), VRRP_BACKUP, "down=3609375");
	assert_false(f.wants_master);
}

static void wish_to_be_master_ends_with_a_fault(void **state)
{
	struct vrrp_fsm f = in_state(grouped(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_BACKUP, "down=3609375");
	assert_step(&f, fault_event(false), VRRP_FAULT, "stop-timers notify=FAULT");
	assert_step(&f, event(VRRP_EV_FAULT_CLEARED), VRRP_BACKUP, "down=3609375 notify=BACKUP");
	assert_false(f.wants_master);
}

static void resignation_counts_again_after_the_timer_ran_out_in_a_group(void **state)
{
	struct vrrp_fsm f = in_state(grouped(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(0, ABOVE), VRRP_BACKUP, "down=609375");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_BACKUP, "down=3609375");
	assert_step(&f, advert(0, ABOVE), VRRP_BACKUP, "down=609375");
}

static void group_takes_a_member_out_of_master_in_silence(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);

	(void)state;
	assert_step(&f, event(VRRP_EV_GROUP_BACKUP), VRRP_BACKUP, "stop-timers down=3609375 remove notify=BACKUP");
	assert_step(&f, event(VRRP_EV_GROUP_BACKUP), VRRP_BACKUP, "");
}

static void group_takes_a_member_out_of_master_with_priority_zero_if_the_other_said_so(void **state)
{
	struct vrrp_fsm f = in_state(conf_v2(100), VRRP_MASTER);
	struct vrrp_event ev = event(VRRP_EV_GROUP_BACKUP);

	(void)state;
	ev.resign = true;
	assert_step(&f, ev, VRRP_BACKUP, "stop-timers down=3609375 remove resign notify=BACKUP");
}

static void rival_of_another_member_is_answered_here_too(void **state)
{
	struct vrrp_fsm_conf c = conf_v2(100);
	struct vrrp_fsm f = in_state(c, VRRP_MASTER);

	(void)state;
	assert_step(&f, event(VRRP_EV_GROUP_RIVAL), VRRP_MASTER, "send advert=1000000 announce-again");
	c.lower_prio_no_advert = true;
	f = in_state(c, VRRP_MASTER);
	assert_step(&f, event(VRRP_EV_GROUP_RIVAL), VRRP_MASTER, "announce-again");
	f = in_state(c, VRRP_BACKUP);
	assert_step(&f, event(VRRP_EV_GROUP_RIVAL), VRRP_BACKUP, "");
}

static void group_makes_no_master_of_a_member_in_fault(void **state)
{
	struct vrrp_fsm f = in_state(grouped(100), VRRP_FAULT);

	(void)state;
	assert_step(&f, event(VRRP_EV_GROUP_MASTER), VRRP_FAULT, "");
}

/* --- oversleeping ------------------------------------------------------------------------------------------------- */

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

/* --- every state, every event ------------------------------------------------------------------------------------- */

enum { ARMED_ADVERT = 1, ARMED_DOWN = 2, ARMED_PREEMPT = 4 };

struct watch {
	unsigned armed;
	bool has_vips; /* as the lane has been told */
	bool told_master;
	uint32_t random;
};

static unsigned next_random(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

static void watch_immediate(struct watch *w, const struct vrrp_actions *out, size_t i)
{
	const struct vrrp_action *a = &out->a[i];
	unsigned timer = 0;

	if (a->type == VRRP_ACT_STOP_TIMERS)
		w->armed = 0;
	if (a->type == VRRP_ACT_ADVERT_TIMER)
		timer = ARMED_ADVERT;
	if (a->type == VRRP_ACT_DOWN_TIMER)
		timer = ARMED_DOWN;
	if (a->type == VRRP_ACT_PREEMPT_TIMER)
		timer = ARMED_PREEMPT;
	if (timer && a->us == 0)
		assert_int_equal(timer, ARMED_PREEMPT); /* the only one that zero cancels */
	w->armed = a->us || !timer ? w->armed | timer : w->armed & ~timer;
	if (a->type == VRRP_ACT_ADVERT_TIMER)
		assert_int_equal(out->a[i - 1].type, VRRP_ACT_SEND_ADVERT);
	if (a->type == VRRP_ACT_SEND_ADVERT)
		assert_int_equal(out->a[i + 1].type, VRRP_ACT_ADVERT_TIMER);
}

/* The lane's own order: never an ARP for an address that is not there, never a resignation before it is gone. */
static void watch_lane(struct watch *w, const struct vrrp_action *a)
{
	if (a->type == VRRP_ACT_VIPS_ADD) {
		assert_false(w->has_vips);
		w->has_vips = true;
	} else if (a->type == VRRP_ACT_VIPS_REMOVE) {
		assert_true(w->has_vips);
		w->has_vips = false;
	} else if (a->type == VRRP_ACT_ANNOUNCE || a->type == VRRP_ACT_ANNOUNCE_AGAIN) {
		assert_true(w->has_vips);
	} else if (a->type == VRRP_ACT_RESIGN || a->type == VRRP_ACT_STOPPED) {
		assert_false(w->has_vips);
		w->told_master &= a->type != VRRP_ACT_STOPPED; /* notify_stop */
	} else if (a->type == VRRP_ACT_NOTIFY) {
		assert_int_equal(w->has_vips, a->state == VRRP_MASTER);
		w->told_master = a->state == VRRP_MASTER;
	}
}

/* Not to a better one, nor along with one that did, nor because it may have been replaced unheard. */
static bool leaves_by_itself(const struct vrrp_event *ev)
{
	if (ev->type == VRRP_EV_GROUP_BACKUP)
		return ev->resign;
	return ev->type != VRRP_EV_ADVERT && ev->type != VRRP_EV_OVERSLEPT;
}

static void assert_invariants(struct watch *w, const struct vrrp_fsm *f, const struct vrrp_event *ev,
			      enum vrrp_state before, const struct vrrp_actions *out)
{
	unsigned resigns = 0;
	bool lane = false;

	assert_true(out->n <= VRRP_ACTIONS_MAX);
	for (size_t i = 0; i < out->n; i++) {
		if (vrrp_act_in_lane(out->a[i].type))
			watch_lane(w, &out->a[i]);
		else
			watch_immediate(w, out, i);
		resigns += out->a[i].type == VRRP_ACT_RESIGN;
		lane |= vrrp_act_in_lane(out->a[i].type);
	}
	assert_int_equal(w->has_vips, f->state == VRRP_MASTER);
	assert_int_equal(w->told_master, f->state == VRRP_MASTER);
	assert_int_equal(w->armed & (ARMED_ADVERT | ARMED_DOWN), f->state == VRRP_MASTER   ? ARMED_ADVERT
								 : f->state == VRRP_BACKUP ? ARMED_DOWN
											   : 0);
	assert_int_equal(!!(w->armed & ARMED_PREEMPT), f->preempt_pending);
	assert_true(!f->preempt_pending || f->state == VRRP_BACKUP);
	assert_int_equal(resigns, before == VRRP_MASTER && f->state != VRRP_MASTER && leaves_by_itself(ev));
	assert_true(!f->wants_master || (f->state == VRRP_BACKUP && f->conf.grouped));
	if (f->conf.grouped && before != VRRP_MASTER && f->state == VRRP_MASTER)
		assert_int_equal(ev->type, VRRP_EV_GROUP_MASTER);
	if (before == f->state && before != VRRP_MASTER && ev->type != VRRP_EV_STOP && ev->type != VRRP_EV_FAULT)
		assert_false(lane);
}

static struct vrrp_event random_event(struct watch *w, enum vrrp_event_type type)
{
	static const char *const sources[] = { OWN, BELOW, ABOVE, "192.0.2.13" };
	static const uint8_t priorities[] = { 0, 1, 99, 100, 101, 200, 254, 255 };
	static const uint32_t intervals_us[] = { 10 * MS, S, 5 * S, 40950 * MS };

	return (struct vrrp_event){
		.type = type,
		.priority = priorities[next_random(&w->random) % ELEMENTSOF(priorities)],
		.interval_us = intervals_us[next_random(&w->random) % ELEMENTSOF(intervals_us)],
		.src = ip(sources[next_random(&w->random) % ELEMENTSOF(sources)]),
		.down_left_us = next_random(&w->random) % (4 * S),
		.fault = next_random(&w->random) % 2,
		.quiet = next_random(&w->random) % 2,
		.resign = next_random(&w->random) % 2,
	};
}

/* What the caller guarantees: a timer that is not armed may fire late (it was queued), priorities are 1..255. */
static void step_watched(struct watch *w, struct vrrp_fsm *f, enum vrrp_event_type type)
{
	struct vrrp_event ev = random_event(w, type);
	enum vrrp_state before = f->state;
	struct vrrp_actions out;

	if (type == VRRP_EV_PRIORITY && (ev.priority == 0 || f->conf.priority == 255))
		ev.priority = f->conf.priority;
	if (type == VRRP_EV_DOWN_TIMER)
		w->armed &= ~(unsigned)ARMED_DOWN;
	if (type == VRRP_EV_ADVERT_TIMER)
		w->armed &= ~(unsigned)ARMED_ADVERT;
	if (type == VRRP_EV_PREEMPT_TIMER)
		w->armed &= ~(unsigned)ARMED_PREEMPT;
	out = vrrp_fsm(f, &ev);
	assert_invariants(w, f, &ev, before, &out);
}

static struct vrrp_fsm_conf random_conf(struct watch *w)
{
	static const uint8_t priorities[] = { 1, 100, 254, 255 };

	return (struct vrrp_fsm_conf){
		.version = next_random(&w->random) % 2 ? 2 : 3,
		.priority = priorities[next_random(&w->random) % ELEMENTSOF(priorities)],
		.start_master = next_random(&w->random) % 2,
		.nopreempt = next_random(&w->random) % 4 == 0,
		.preempt_delay_us = next_random(&w->random) % 2 ? 0 : 5 * S,
		.interval_us = S,
		.down_adverts = 3,
		.lower_prio_no_advert = next_random(&w->random) % 2,
		.higher_prio_send_advert = next_random(&w->random) % 2,
		.owner_ignore_adverts = next_random(&w->random) % 2,
		.expired_backup = next_random(&w->random) % 2 ? 0 : 254,
		.grouped = next_random(&w->random) % 4 == 0,
	};
}

/* Random walks reach every pair many times; the table proves it. */
static void every_state_answers_every_event_and_keeps_its_promises(void **state)
{
	unsigned seen[_VRRP_STATE_MAX_][_VRRP_EVENT_MAX_] = { { 0 } };
	struct watch w = { .random = 1 };

	(void)state;
	for (unsigned walk = 0; walk < 2000; walk++) {
		struct vrrp_fsm f = fresh(random_conf(&w));

		w = (struct watch){ .random = w.random };
		for (unsigned step = 0; step < 100; step++) {
			enum vrrp_event_type type = next_random(&w.random) % _VRRP_EVENT_MAX_;

			if (next_random(&w.random) % 2) /* or stops and faults would leave little else */
				type = next_random(&w.random) % 2 ? VRRP_EV_ADVERT : VRRP_EV_DOWN_TIMER;
			seen[f.state][type]++;
			step_watched(&w, &f, type);
		}
	}
	for (unsigned s = 0; s < _VRRP_STATE_MAX_; s++) {
		for (unsigned e = 0; e < _VRRP_EVENT_MAX_; e++)
			assert_true(seen[s][e] > 0);
	}
}

/* --- another configuration ---------------------------------------------------------------------------------------- */

static void assert_reconf(struct vrrp_fsm *f, const struct vrrp_fsm_conf *conf, uint64_t left_us, const char *expected)
{
	enum vrrp_state before = f->state;
	uint8_t priority = f->priority;
	struct vrrp_actions out = vrrp_fsm_reconf(f, conf, left_us);

	assert_actions(&out, expected);
	assert_int_equal(f->state, before);
	assert_int_equal(f->priority, priority);
}

static struct vrrp_fsm machine(const struct vrrp_fsm_conf *conf)
{
	struct vrrp_fsm f;
	struct ip_addr own = ip("192.0.2.1");

	vrrp_fsm_init(&f, conf, &own);
	vrrp_fsm(&f, &(struct vrrp_event){ .type = VRRP_EV_START });
	return f;
}

static struct vrrp_fsm master(const struct vrrp_fsm_conf *conf)
{
	struct vrrp_fsm f = machine(conf);

	vrrp_fsm(&f, &(struct vrrp_event){ .type = VRRP_EV_DOWN_TIMER });
	assert_int_equal(f.state, VRRP_MASTER);
	return f;
}

static void same_configuration_is_no_event(void **state)
{
	const struct vrrp_fsm_conf conf = conf_v3(100, S);
	struct vrrp_fsm f = master(&conf), before = f;

	(void)state;
	assert_reconf(&f, &conf, S / 2, "");
	assert_memory_equal(&f, &before, sizeof(f));
	f = machine(&conf);
	vrrp_fsm(&f, &(struct vrrp_event){
			     .type = VRRP_EV_ADVERT, .priority = 200, .interval_us = 2 * S, .src = ip("192.0.2.2") });
	before = f;
	assert_reconf(&f, &conf, S, "");
	assert_memory_equal(&f, &before, sizeof(f));
}

static void master_with_a_shorter_interval_does_not_wait_the_old_one_out(void **state)
{
	struct vrrp_fsm_conf conf = conf_v3(100, S);
	struct vrrp_fsm f = master(&conf);

	(void)state;
	conf.interval_us = S / 10;
	assert_reconf(&f, &conf, S / 2, "advert=100000");
	conf.interval_us = 2 * S; /* a longer one comes with the next advert, which is due as it was */
	assert_reconf(&f, &conf, S / 20, "");
	assert_step(&f, event(VRRP_EV_ADVERT_TIMER), VRRP_MASTER, "send advert=2000000");
}

static void backup_moves_its_down_timer_by_the_change_of_the_down_time(void **state)
{
	struct vrrp_fsm_conf conf = conf_v3(128, S);
	struct vrrp_fsm f = machine(&conf);

	(void)state;
	conf.down_adverts = 5; /* nobody heard: 3.5 s become 5.5 s */
	assert_reconf(&f, &conf, S, "down=3000000");
	conf.down_adverts = 2;
	assert_reconf(&f, &conf, S, "down=1");
	/* A master's own interval counts, not ours. */
	vrrp_fsm(&f, &(struct vrrp_event){
			     .type = VRRP_EV_ADVERT, .priority = 200, .interval_us = 2 * S, .src = ip("192.0.2.2") });
	conf.interval_us = S / 2;
	assert_reconf(&f, &conf, S, "");
}

static void backup_of_version_2_takes_over_the_interval(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(128);
	struct vrrp_fsm f = machine(&conf);

	(void)state;
	vrrp_fsm(&f, &(struct vrrp_event){
			     .type = VRRP_EV_ADVERT, .priority = 200, .interval_us = S, .src = ip("192.0.2.2") });
	conf.interval_us = 2 * S;
	assert_reconf(&f, &conf, 3 * S, "down=6000000");
}

static void nopreempt_calls_a_takeover_from_a_living_master_off(void **state)
{
	struct vrrp_fsm_conf conf = conf_v3(128, S);
	struct vrrp_fsm f = machine(&conf);

	(void)state;
	vrrp_fsm(&f, &(struct vrrp_event){
			     .type = VRRP_EV_ADVERT, .priority = 50, .interval_us = S, .src = ip("192.0.2.2") });
	assert_true(f.preempting);
	conf.nopreempt = true;
	assert_reconf(&f, &conf, S / 4, "down=3500000");
	assert_false(f.preempting);
}

static void another_preempt_delay_begins_anew(void **state)
{
	struct vrrp_fsm_conf conf = conf_v3(128, S);
	struct vrrp_event lower = { .type = VRRP_EV_ADVERT, .priority = 50, .interval_us = S, .src = ip("192.0.2.2") };
	struct vrrp_fsm f;

	(void)state;
	conf.preempt_delay_us = 10 * S;
	f = machine(&conf);
	assert_step(&f, lower, VRRP_BACKUP, "preempt=10000000 down=3500000");
	conf.preempt_delay_us = 5 * S;
	assert_reconf(&f, &conf, S, "preempt=0");
	assert_step(&f, lower, VRRP_BACKUP, "preempt=5000000 down=3500000");
}

static void every_state_and_event_has_a_name(void **state)
{
	(void)state;
	for (unsigned s = 0; s < _VRRP_STATE_MAX_; s++)
		assert_non_null(vrrp_state_name(s));
	for (unsigned e = 0; e < _VRRP_EVENT_MAX_; e++)
		assert_non_null(vrrp_event_name(e));
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
		cmocka_unit_test(of_two_owners_the_lower_address_yields),
		cmocka_unit_test(owner_that_is_not_heeded_degrades_and_yields),
		cmocka_unit_test(many_adverts_of_a_rival_owner_at_once_do_not_degrade),
		cmocka_unit_test(degraded_owner_is_restored_when_the_rival_is_gone),
		cmocka_unit_test(rival_owner_that_falls_silent_is_forgotten),
		cmocka_unit_test(rival_owner_with_a_longer_interval_is_given_its_time_and_no_more),
		cmocka_unit_test(owner_preempts_whatever_nopreempt_says),
		cmocka_unit_test(owner_that_ignores_adverts_hears_nobody),
		cmocka_unit_test(member_of_a_group_only_wants_to_be_master_when_its_timer_runs_out),
		cmocka_unit_test(wish_to_be_master_ends_with_a_better_advert_and_not_with_a_lower_one),
		cmocka_unit_test(wish_to_be_master_ends_with_a_fault),
		cmocka_unit_test(resignation_counts_again_after_the_timer_ran_out_in_a_group),
		cmocka_unit_test(group_takes_a_member_out_of_master_in_silence),
		cmocka_unit_test(group_takes_a_member_out_of_master_with_priority_zero_if_the_other_said_so),
		cmocka_unit_test(rival_of_another_member_is_answered_here_too),
		cmocka_unit_test(group_makes_no_master_of_a_member_in_fault),
		cmocka_unit_test(master_that_overslept_drops_the_addresses_and_listens_before_it_says_a_word),
		cmocka_unit_test(overslept_master_that_hears_a_better_one_stays_backup),
		cmocka_unit_test(overslept_master_with_nopreempt_leaves_the_address_to_whoever_took_it),
		cmocka_unit_test(overslept_master_takes_the_address_back_from_a_lower_one_that_then_drops_it_first),
		cmocka_unit_test(timer_expired_backup_waits_a_whole_down_time),
		cmocka_unit_test(overslept_backup_listens_before_it_takes_silence_for_an_answer),
		cmocka_unit_test(lag_is_too_long_when_the_shortest_down_time_may_be_over),
		cmocka_unit_test(every_state_answers_every_event_and_keeps_its_promises),
		cmocka_unit_test(same_configuration_is_no_event),
		cmocka_unit_test(master_with_a_shorter_interval_does_not_wait_the_old_one_out),
		cmocka_unit_test(backup_moves_its_down_timer_by_the_change_of_the_down_time),
		cmocka_unit_test(backup_of_version_2_takes_over_the_interval),
		cmocka_unit_test(nopreempt_calls_a_takeover_from_a_living_master_off),
		cmocka_unit_test(another_preempt_delay_begins_anew),
		cmocka_unit_test(every_state_and_event_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
