/* SPDX-License-Identifier: Apache-2.0 */
/* The words of explain, for each situation that an operator may meet; the machine in them is the real one. */
#include "test/unit/unit.h"

#include "agent/explain.h"
#include "test/unit/addresses.h"

struct scene {
	struct vrrp_fsm fsm;
	struct explain_facts facts;
	char text[8192];
};

/* A host 192.168.1.2 with priority 253, advert_int 1, not started. */
static struct scene scene(void (*change)(struct vrrp_fsm_conf *c))
{
	struct vrrp_fsm_conf conf = { .version = 3, .priority = 253, .interval_us = 1000000, .down_adverts = 3 };
	const struct ip_addr own = ip("192.168.1.2");
	struct scene s = {
		.facts = {
			.name = "VI_1",
			.interface = "eth0",
			.vip = "192.168.1.100",
			.n_vips = 1,
			.since_us = 192000000,
			.heard_us = UINT64_MAX,
			.own = "192.168.1.2",
		},
	};

	if (change)
		change(&conf);
	s.facts.base = conf.priority;
	vrrp_fsm_init(&s.fsm, &conf, &own);
	return s;
}

static void feed(struct scene *s, struct vrrp_event ev)
{
	(void)vrrp_fsm(&s->fsm, &ev);
}

static void hear(struct scene *s, uint8_t priority)
{
	feed(s,
	     (struct vrrp_event){
		     .type = VRRP_EV_ADVERT, .priority = priority, .interval_us = 1000000, .src = ip("192.168.1.1") });
	s->facts.heard = "192.168.1.1";
	s->facts.heard_priority = priority;
	s->facts.heard_us = 300000;
	s->facts.master = ip_is_set(&s->fsm.master) ? "192.168.1.1" : NULL;
	s->facts.down_left_us = 2400000;
}

static struct scene backup(void (*change)(struct vrrp_fsm_conf *c))
{
	struct scene s = scene(change);

	feed(&s, (struct vrrp_event){ .type = VRRP_EV_START });
	s.facts.down_left_us = 2400000;
	return s;
}

static struct scene master(void (*change)(struct vrrp_fsm_conf *c))
{
	struct scene s = backup(change);

	feed(&s, (struct vrrp_event){ .type = VRRP_EV_DOWN_TIMER });
	s.facts.n_present = 1;
	s.facts.down_left_us = 0;
	s.facts.last = (struct explain_last){
		.time = "2026-11-25 22:50:01",
		.from = "BACKUP",
		.to = "MASTER",
		.cause = "skew timer: the master resigned",
		.peer = "192.168.1.1",
		.peer_priority = 0,
		.priority = 253,
		.mysql = "alive",
	};
	return s;
}

static const struct explain_check mysqld = {
	.what = "mysqld",
	.name = "local",
	.in = { .up = true, .reported = true, .silent_is_down = true },
	.mysql = true,
	.rise = 1,
	.fall = 1,
	.interval_us = 200000,
	.timeout_us = 1000000,
};

static struct scene fault(const struct explain_hold *holds, size_t n)
{
	struct scene s = scene(NULL);

	feed(&s, (struct vrrp_event){ .type = VRRP_EV_START, .fault = true });
	s.facts.holds = holds;
	s.facts.n_holds = n;
	return s;
}

static void assert_said(struct scene *s, const char *expected)
{
	s->facts.fsm = &s->fsm;
	assert_string_equal(explain(&s->facts, s->text, sizeof(s->text)), expected);
}

static void assert_says(struct scene *s, const char *expected)
{
	s->facts.fsm = &s->fsm;
	if (!strstr(explain(&s->facts, s->text, sizeof(s->text)), expected))
		fail_msg("\"%s\" is not in:\n%s", expected, s->text);
}

static void nopreempt(struct vrrp_fsm_conf *c)
{
	c->nopreempt = true;
}

static void preempt_delay(struct vrrp_fsm_conf *c)
{
	c->preempt_delay_us = 30000000;
}

static void owner(struct vrrp_fsm_conf *c)
{
	c->priority = 255;
}

static void version_2(struct vrrp_fsm_conf *c)
{
	c->version = 2;
}

#define TIMERS "  - the master falls silent: after Down_Time, 3.012 s = 3 x 1.000 s + Skew_Time; 2.400 s are left now"

static void master_holds_and_knows_what_ends_it(void **state)
{
	struct scene s = master(NULL);

	(void)state;
	s.facts.checks = &mysqld;
	s.facts.n_checks = 1;
	assert_said(
		&s,
		"VI_1 holds 192.168.1.100 on this host: MASTER for 3 min 12 s.\n"
		"2026-11-25 22:50:01: BACKUP -> MASTER, because: skew timer: the master resigned.\n"
		"  Then our priority was 253, 192.168.1.1 had been heard last, with priority 0, mysqld was alive.\n"
		"It keeps them until:\n"
		"  - mysqld local dies (seen at once) or hangs (seen within 0.200 s + 1.000 s);\n"
		"  - interface eth0 goes down or loses its address;\n"
		"  - a master is heard with a priority above 253, or with 253 and a higher address than 192.168.1.2;\n"
		"  - \"sqlvipctl standby\", or the agent is stopped.\n"
		"How long: the addresses go, priority 0 is sent, and the next host takes over after its Skew_Time, "
		"(256 - its priority)/256 x 1.000 s.\n"
		"  Should this host fall silent, the others first wait for 3 x 1.000 s.\n");
}

static void master_without_checks_or_addresses_says_so(void **state)
{
	struct scene s = master(NULL);

	(void)state;
	s.facts.n_vips = 3;
	assert_says(&s, "VI_1 holds 192.168.1.100 and 2 more on this host");
	assert_says(&s, "But 2 of its 3 addresses are not on the interface.\n");
	assert_says(&s, "nothing watches MySQL here: a dead mysqld changes nothing");
}

static void master_says_what_a_weight_would_do(void **state)
{
	struct explain_check check = { .what = "vrrp_script",
				       .name = "chk",
				       .in = { .weight = -60, .up = true, .reported = true },
				       .fall = 3,
				       .rise = 2,
				       .interval_us = 2000000 };
	struct scene s = master(NULL);

	(void)state;
	s.facts.checks = &check;
	s.facts.n_checks = 1;
	assert_says(&s,
		    "  - vrrp_script chk fails 3 times in a row (looked at each 2.000 s): then its priority is 193, ");
	check.in = (struct priority_input){ .weight = 10, .up = true, .reported = true };
	s.facts.base = 243;
	assert_says(&s, "Its priority is 253: 243 is configured, +10 by vrrp_script chk.\n");
	assert_says(&s, "then its priority is 243, ");
}

static void owner_yields_to_another_owner_only(void **state)
{
	struct scene s = master(owner);

	(void)state;
	assert_says(&s, "another owner, priority 255, with a higher address than 192.168.1.2 is heard");
}

static void rival_is_named(void **state)
{
	struct scene s = master(NULL);

	(void)state;
	s.facts.rival = "192.168.1.1";
	s.facts.rival_priority = 150;
	assert_says(&s, "192.168.1.1 also claims to be master, with priority 150, and has to yield.");
}

static void backup_by_priority(void **state)
{
	struct scene s = backup(NULL);

	(void)state;
	hear(&s, 254);
	assert_said(
		&s,
		"VI_1 does not hold 192.168.1.100 on this host: BACKUP for 3 min 12 s.\n"
		"The master is 192.168.1.1 with priority 254, heard 0.300 s ago.\n"
		"Its priority 254 is higher than ours, 253.\n"
		"It takes over if:\n"
		"  - the master resigns (priority 0): after Skew_Time, 0.012 s = (256 - 253)/256 x 1.000 s;\n" TIMERS
		";\n"
		"  - the master's priority falls below 253: after Skew_Time.\n"
		"Then it advertises, adds the addresses and announces them, within milliseconds.\n");
}

static void backup_by_nopreempt(void **state)
{
	struct scene s = backup(nopreempt);

	(void)state;
	hear(&s, 100);
	assert_said(
		&s,
		"VI_1 does not hold 192.168.1.100 on this host: BACKUP for 3 min 12 s.\n"
		"The master is 192.168.1.1 with priority 100, heard 0.300 s ago.\n"
		"Its priority 100 is lower than ours, 253, but nopreempt is set: this host takes over only if "
		"it stops advertising or resigns.\n"
		"It takes over if:\n"
		"  - the master resigns (priority 0): after Skew_Time, 0.012 s = (256 - 253)/256 x 1.000 s;\n" TIMERS
		".\n"
		"Then it advertises, adds the addresses and announces them, within milliseconds.\n");
}

static void backup_of_equal_priority(void **state)
{
	struct scene s = backup(NULL);

	(void)state;
	hear(&s, 253);
	assert_says(&s, "Its priority is ours, 253, too: who is master stays master.\n");
}

static void backup_that_waits_to_preempt(void **state)
{
	struct scene s = backup(NULL);

	(void)state;
	hear(&s, 100);
	assert_says(&s, "is lower than ours, 253, so this host takes over when its down timer ends, in 2.400 s.\n");
	s = backup(preempt_delay);
	hear(&s, 100);
	s.facts.preempt_left_us = 12000000;
	assert_says(&s, "is lower than ours, 253, and preempt_delay holds this host back for another 12 s.\n");
	s = backup(preempt_delay);
	hear(&s, 254);
	assert_says(&s, "falls below 253: after Skew_Time, once preempt_delay, 30 s, is over.\n");
}

static void backup_that_is_about_to_take_over(void **state)
{
	struct scene s = backup(NULL);

	(void)state;
	assert_says(&s, "No master is heard; the down timer ends in 2.400 s.\n"
			"It takes over if:\n"
			"  - no master is heard until then: after Down_Time, 3.012 s = 3 x 1.000 s + Skew_Time.\n");
	hear(&s, 254);
	hear(&s, 0);
	s.facts.down_left_us = 9000;
	assert_says(&s, "The master has resigned: this host takes over in 0.009 s.\n");
	s = backup(NULL);
	hear(&s, 254);
	hear(&s, 100);
	s.facts.down_left_us = 9000;
	assert_says(&s, "It fell below our priority: this host takes over in 0.009 s.\n");
}

static void skew_of_version_2_is_of_a_second(void **state)
{
	struct scene s = backup(version_2);

	(void)state;
	s.fsm.conf.interval_us = s.fsm.master_interval_us = 5000000;
	hear(&s, 254);
	assert_says(&s, "after Skew_Time, 0.012 s = (256 - 253)/256 x 1.000 s;");
	assert_says(&s, "after Down_Time, 15 s = 3 x 5.000 s + Skew_Time");
}

static void fault_names_what_is_in_the_way_and_what_ends_it(void **state)
{
	const struct explain_hold holds[] = {
		{ EXPLAIN_HOLD_LINK, "interface eth0 is missing or down" },
		{ EXPLAIN_HOLD_CHECK, "mysqld local: crashed: a thread is exiting" },
	};
	struct explain_check dead = mysqld;
	struct scene s = fault(holds, ELEMENTSOF(holds));

	(void)state;
	dead.in.up = false;
	dead.rise = 3;
	s.facts.checks = &dead;
	s.facts.n_checks = 1;
	assert_said(
		&s,
		"VI_1 does not hold 192.168.1.100 on this host: FAULT for 3 min 12 s.\n"
		"It takes no part in the election, because of this:\n"
		"  - interface eth0 is missing or down; looked at with each change that the kernel tells;\n"
		"  - mysqld local: crashed: a thread is exiting; it counts as up again after 3 good results, 0.200 s "
		"apart.\n"
		"No other router has been heard: nobody who is heard here has the addresses.\n"
		"When nothing of that is left it becomes BACKUP and listens for Down_Time, 3.012 s = 3 x 1.000 s + "
		"Skew_Time.\n"
		"  Then it takes over unless a better master is heard.\n");
}

static void check_that_has_not_reported_is_no_fault_of_it(void **state)
{
	const struct explain_hold pending = { EXPLAIN_HOLD_PENDING, "mysqld local: not seen alive yet" };
	struct scene s = fault(&pending, 1);

	(void)state;
	assert_says(&s, "  - mysqld local: not seen alive yet; it takes part as soon as that has been seen alive.\n");
}

static void standby_says_how_to_end_it_and_who_is_master(void **state)
{
	const struct explain_hold standby = { EXPLAIN_HOLD_STANDBY, "on standby, as ordered" };
	struct scene s = fault(&standby, 1);

	(void)state;
	s.facts.heard = "192.168.1.1";
	s.facts.heard_priority = 254;
	s.facts.heard_us = 100000;
	assert_says(&s, "  - on standby, as ordered, until \"sqlvipctl resume VI_1\".\n");
	assert_says(&s, "The master meanwhile is 192.168.1.1 with priority 254, heard 0.100 s ago.\n");
	s.facts.heard_us = 60000000;
	assert_says(&s, "Nobody advertises: 192.168.1.1 was heard last, 1 min 0 s ago, with priority 254.\n");
}

static void maintenance_is_told_in_every_state(void **state)
{
	struct scene s = master(NULL);

	(void)state;
	s.facts.maintenance = true;
	s.facts.withheld = "would give up the addresses: mysqld local: crashed";
	assert_says(&s, "Maintenance is on: whatever happens to this host it keeps the addresses, ");
	assert_says(&s, "  Without it, this host would give up the addresses: mysqld local: crashed.\n");
	assert_says(&s, "But for that and for maintenance it would keep them until:\n");
	s = backup(NULL);
	s.facts.maintenance = true;
	hear(&s, 254);
	assert_says(&s, "Maintenance is on: this host does not take the addresses, whatever happens to the master.\n");
	assert_says(&s, "Without maintenance it would take over if:\n");
	s.facts.entitled = true;
	assert_says(&s, "this host held the addresses, and takes them again if nobody has them.\n");
	assert_says(&s, "It takes over if:\n");
}

static void mysqld_that_may_restart_is_given_its_time(void **state)
{
	struct explain_check patient = mysqld;
	struct scene s = master(NULL);

	(void)state;
	patient.dead_delay_us = 5000000;
	patient.fall = 2;
	s.facts.checks = &patient;
	s.facts.n_checks = 1;
	assert_says(&s, "  - mysqld local dies (seen at once, but it has 5.000 s to be back) or hangs (seen within "
			"0.200 s + 1.000 s, 2 times in a row);\n");
}

static void observer_says_so_first(void **state)
{
	struct scene s = master(NULL);

	(void)state;
	s.facts.observe = true;
	s.facts.n_present = 0;
	assert_says(&s, "OBSERVE: this agent only watches");
	assert_says(&s, "VI_1 would hold 192.168.1.100 on this host: MASTER for 3 min 12 s.\n"
			"By the doing of others it has 0 of 1 address.\n");
}

static void text_that_does_not_fit_is_cut(void **state)
{
	struct scene s = master(NULL);
	char small[40];

	(void)state;
	s.facts.fsm = &s.fsm;
	memset(small, 'x', sizeof(small));
	explain(&s.facts, small, 20);
	assert_string_equal(small, "VI_1 holds 192.168.");
	assert_int_equal(small[20], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(master_holds_and_knows_what_ends_it),
		cmocka_unit_test(master_without_checks_or_addresses_says_so),
		cmocka_unit_test(master_says_what_a_weight_would_do),
		cmocka_unit_test(owner_yields_to_another_owner_only),
		cmocka_unit_test(rival_is_named),
		cmocka_unit_test(backup_by_priority),
		cmocka_unit_test(backup_by_nopreempt),
		cmocka_unit_test(backup_of_equal_priority),
		cmocka_unit_test(backup_that_waits_to_preempt),
		cmocka_unit_test(backup_that_is_about_to_take_over),
		cmocka_unit_test(skew_of_version_2_is_of_a_second),
		cmocka_unit_test(fault_names_what_is_in_the_way_and_what_ends_it),
		cmocka_unit_test(check_that_has_not_reported_is_no_fault_of_it),
		cmocka_unit_test(standby_says_how_to_end_it_and_who_is_master),
		cmocka_unit_test(maintenance_is_told_in_every_state),
		cmocka_unit_test(mysqld_that_may_restart_is_given_its_time),
		cmocka_unit_test(observer_says_so_first),
		cmocka_unit_test(text_that_does_not_fit_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
