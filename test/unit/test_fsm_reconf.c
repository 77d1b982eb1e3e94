/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that runs on under another configuration. */
#include "test/unit/unit.h"

#include "test/unit/fsm_fixture.h"

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
	assert_int_equal(f.preempted_priority, 50);
	conf.nopreempt = true;
	assert_reconf(&f, &conf, S / 4, "down=3500000");
	assert_int_equal(f.preempted_priority, 0);
}

static void master_that_is_to_be_preempted_is_still_known(void **state)
{
	struct vrrp_fsm_conf conf = conf_v2(120);
	struct vrrp_fsm f = machine(&conf);

	(void)state;
	assert_step(&f, advert(150, ABOVE), VRRP_BACKUP, "down=3531250");
	assert_step(&f, advert(90, BELOW), VRRP_BACKUP, "");
	conf.down_adverts = 4;
	assert_reconf(&f, &conf, S, "down=2000000");
	assert_step(&f, priority_event(110, 2 * S), VRRP_BACKUP, "down=2039062");
	assert_step(&f, priority_event(80, S), VRRP_BACKUP, "down=4687500");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_configuration_is_no_event),
		cmocka_unit_test(master_with_a_shorter_interval_does_not_wait_the_old_one_out),
		cmocka_unit_test(backup_moves_its_down_timer_by_the_change_of_the_down_time),
		cmocka_unit_test(backup_of_version_2_takes_over_the_interval),
		cmocka_unit_test(nopreempt_calls_a_takeover_from_a_living_master_off),
		cmocka_unit_test(master_that_is_to_be_preempted_is_still_known),
		cmocka_unit_test(another_preempt_delay_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
