/* SPDX-License-Identifier: Apache-2.0 */
/* A member of a sync group: what it only wishes for, and what the group then makes of it. */
#include "test/unit/unit.h"

#include "test/unit/fsm_fixture.h"

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

static void wish_to_preempt_ends_when_the_master_is_better_again(void **state)
{
	struct vrrp_fsm f = in_state(grouped(100), VRRP_BACKUP);

	(void)state;
	assert_step(&f, advert(50, ABOVE), VRRP_BACKUP, "");
	assert_step(&f, event(VRRP_EV_DOWN_TIMER), VRRP_BACKUP, "down=3609375");
	assert_true(f.wants_master);
	assert_step(&f, priority_event(40, 3000000), VRRP_BACKUP, "down=3843750");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(member_of_a_group_only_wants_to_be_master_when_its_timer_runs_out),
		cmocka_unit_test(wish_to_be_master_ends_with_a_better_advert_and_not_with_a_lower_one),
		cmocka_unit_test(wish_to_preempt_ends_when_the_master_is_better_again),
		cmocka_unit_test(wish_to_be_master_ends_with_a_fault),
		cmocka_unit_test(resignation_counts_again_after_the_timer_ran_out_in_a_group),
		cmocka_unit_test(group_takes_a_member_out_of_master_in_silence),
		cmocka_unit_test(group_takes_a_member_out_of_master_with_priority_zero_if_the_other_said_so),
		cmocka_unit_test(rival_of_another_member_is_answered_here_too),
		cmocka_unit_test(group_makes_no_master_of_a_member_in_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
