/* SPDX-License-Identifier: Apache-2.0 */
/* Sync groups: each rule by itself, and then whole groups of machines that are fed in all kinds of ways. */
#include "test/unit/unit.h"

#include "vrrp/group.h"

enum { S = 1000000, MEMBERS_MAX = 4 };

static struct vrrp_group_member backup(bool wants)
{
	return (struct vrrp_group_member){ .state = VRRP_BACKUP, .wants_master = wants };
}

static struct vrrp_group_member master(void)
{
	return (struct vrrp_group_member){ .state = VRRP_MASTER };
}

static struct vrrp_group_member fault(enum vrrp_hold own)
{
	return (struct vrrp_group_member){ .state = VRRP_FAULT, .own = own };
}

/* The order for member i after member 0 changed from `before`. */
static enum vrrp_group_order order(enum vrrp_state group, struct vrrp_group_member before,
				   const struct vrrp_group_member *m, size_t n, size_t i)
{
	return vrrp_group_order(group, &before, m, n, 0, i);
}

static void one_that_wants_to_be_master_waits_for_the_others(void **state)
{
	const struct vrrp_group_member m[] = { backup(true), backup(false), backup(true) };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(order(VRRP_BACKUP, backup(false), m, 3, i), VRRP_GROUP_STAY);
}

static void when_all_want_all_become_master(void **state)
{
	const struct vrrp_group_member m[] = { backup(true), backup(true), backup(true) };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(order(VRRP_BACKUP, backup(false), m, 3, i), VRRP_GROUP_GO_MASTER);
}

static void nobody_becomes_master_beside_one_in_fault(void **state)
{
	const struct vrrp_group_member m[] = { backup(true), fault(VRRP_HOLD_FAULT) };

	(void)state;
	assert_int_equal(order(VRRP_BACKUP, backup(false), m, 2, 0), VRRP_GROUP_STAY);
	assert_int_equal(order(VRRP_BACKUP, backup(false), m, 2, 1), VRRP_GROUP_STAY);
}

static void one_that_wants_may_join_a_group_that_is_master(void **state)
{
	const struct vrrp_group_member m[] = { backup(true), master() };

	(void)state;
	assert_int_equal(order(VRRP_MASTER, backup(false), m, 2, 0), VRRP_GROUP_GO_MASTER);
	assert_int_equal(order(VRRP_MASTER, backup(false), m, 2, 1), VRRP_GROUP_STAY);
}

static void one_that_yields_takes_the_others_along_in_silence(void **state)
{
	const struct vrrp_group_member m[] = { backup(false), master(), master(), backup(false) };

	(void)state;
	assert_int_equal(order(VRRP_MASTER, master(), m, 4, 0), VRRP_GROUP_STAY);
	assert_int_equal(order(VRRP_MASTER, master(), m, 4, 1), VRRP_GROUP_GO_BACKUP);
	assert_int_equal(order(VRRP_MASTER, master(), m, 4, 2), VRRP_GROUP_GO_BACKUP);
	assert_int_equal(order(VRRP_MASTER, master(), m, 4, 3), VRRP_GROUP_STAY);
}

static void one_that_resigned_has_the_others_resign(void **state)
{
	struct vrrp_group_member m[] = { backup(false), master() };

	(void)state;
	m[0].resigned = true;
	assert_int_equal(order(VRRP_MASTER, master(), m, 2, 1), VRRP_GROUP_GO_BACKUP_RESIGN);
}

static void one_that_stops_takes_nobody_along(void **state)
{
	const struct vrrp_group_member m[] = { { .state = VRRP_INIT }, master() };

	(void)state;
	assert_int_equal(order(VRRP_MASTER, master(), m, 2, 1), VRRP_GROUP_STAY);
}

static void fault_of_one_holds_the_others_and_not_itself(void **state)
{
	struct vrrp_group_member m[] = { fault(VRRP_HOLD_FAULT), master(), backup(false) };

	(void)state;
	assert_int_equal(vrrp_group_hold(m, 3, 0), VRRP_HOLD_NONE);
	assert_int_equal(vrrp_group_hold(m, 3, 1), VRRP_HOLD_FAULT);
	assert_int_equal(vrrp_group_hold(m, 3, 2), VRRP_HOLD_FAULT);
	m[1].own = VRRP_HOLD_FAULT; /* two at once hold each other */
	assert_int_equal(vrrp_group_hold(m, 3, 0), VRRP_HOLD_FAULT);
	m[0].own = m[1].own = VRRP_HOLD_NONE;
	assert_int_equal(vrrp_group_hold(m, 3, 2), VRRP_HOLD_NONE);
}

static void one_that_has_not_reported_holds_the_others_quietly(void **state)
{
	struct vrrp_group_member m[] = { fault(VRRP_HOLD_QUIET), fault(VRRP_HOLD_NONE), fault(VRRP_HOLD_NONE) };

	(void)state;
	assert_int_equal(vrrp_group_hold(m, 3, 1), VRRP_HOLD_QUIET);
	m[2].own = VRRP_HOLD_FAULT; /* the greater covers the less */
	assert_int_equal(vrrp_group_hold(m, 3, 1), VRRP_HOLD_FAULT);
}

static void group_has_the_state_that_all_members_have(void **state)
{
	struct vrrp_group_member m[] = { backup(false), backup(true) };

	(void)state;
	assert_int_equal(vrrp_group_state(VRRP_INIT, m, 2), VRRP_BACKUP);
	m[0] = master();
	assert_int_equal(vrrp_group_state(VRRP_BACKUP, m, 2), VRRP_BACKUP);
	m[1] = master();
	assert_int_equal(vrrp_group_state(VRRP_BACKUP, m, 2), VRRP_MASTER);
	m[0] = fault(VRRP_HOLD_FAULT);
	assert_int_equal(vrrp_group_state(VRRP_MASTER, m, 2), VRRP_MASTER);
	m[1] = fault(VRRP_HOLD_NONE);
	assert_int_equal(vrrp_group_state(VRRP_MASTER, m, 2), VRRP_FAULT);
}

static void group_that_only_waits_for_a_report_is_not_in_fault(void **state)
{
	const struct vrrp_group_member m[] = { fault(VRRP_HOLD_QUIET), fault(VRRP_HOLD_NONE) };

	(void)state;
	assert_int_equal(vrrp_group_state(VRRP_INIT, m, 2), VRRP_INIT);
	assert_int_equal(vrrp_group_state(VRRP_BACKUP, m, 2), VRRP_INIT);
	/* But whoever was master hears of its end. */
	assert_int_equal(vrrp_group_state(VRRP_MASTER, m, 2), VRRP_FAULT);
	assert_int_equal(vrrp_group_state(VRRP_FAULT, m, 2), VRRP_FAULT);
}

/* --- whole groups ------------------------------------------------------------------------------------------------- */

/* A group as a hull runs it: machines, their faults, and the orders carried out until nothing changes any more. */
struct world {
	size_t n;
	struct vrrp_fsm fsm[MEMBERS_MAX];
	struct vrrp_group_member m[MEMBERS_MAX]; /* as last looked at */
	enum vrrp_hold own[MEMBERS_MAX], group[MEMBERS_MAX];
	bool resigned[MEMBERS_MAX];
	unsigned resignations;
	enum vrrp_state state;
	uint32_t random;
};

static unsigned roll(struct world *w, unsigned n)
{
	w->random = w->random * 1664525 + 1013904223;
	return (unsigned)(((uint64_t)w->random * n) >> 32);
}

static void feed(struct world *w, size_t i, struct vrrp_event ev)
{
	struct vrrp_actions out = vrrp_fsm(&w->fsm[i], &ev);

	w->resigned[i] = false;
	for (size_t k = 0; k < out.n; k++) {
		w->resigned[i] |= out.a[k].type == VRRP_ACT_RESIGN;
		w->resignations += out.a[k].type == VRRP_ACT_RESIGN;
	}
}

/* What both kinds of faults together mean for the machine, as agent/instance has it. */
static void set_holds(struct world *w, size_t i, enum vrrp_hold own, enum vrrp_hold group)
{
	enum vrrp_hold before = w->own[i] > w->group[i] ? w->own[i] : w->group[i];
	enum vrrp_hold after = own > group ? own : group;

	w->own[i] = own;
	w->group[i] = group;
	if (before != VRRP_HOLD_NONE && after == VRRP_HOLD_NONE)
		feed(w, i, (struct vrrp_event){ .type = VRRP_EV_FAULT_CLEARED });
	else if (after > before)
		feed(w, i, (struct vrrp_event){ .type = VRRP_EV_FAULT, .quiet = after == VRRP_HOLD_QUIET });
}

static struct vrrp_group_member look(const struct world *w, size_t i)
{
	return (struct vrrp_group_member){ w->fsm[i].state, w->fsm[i].wants_master, w->own[i], w->resigned[i] };
}

static void obey(struct world *w, size_t i, enum vrrp_group_order what)
{
	if (what == VRRP_GROUP_GO_MASTER)
		feed(w, i, (struct vrrp_event){ .type = VRRP_EV_GROUP_MASTER });
	else if (what != VRRP_GROUP_STAY)
		feed(w, i,
		     (struct vrrp_event){ .type = VRRP_EV_GROUP_BACKUP,
					  .resign = what == VRRP_GROUP_GO_BACKUP_RESIGN });
}

static void settle(struct world *w)
{
	unsigned rounds = 0;

	for (bool changed = true; changed; rounds++) {
		assert_true(rounds < 10);
		changed = false;
		for (size_t who = 0; who < w->n; who++) {
			struct vrrp_group_member before = w->m[who], now = look(w, who);

			if (vrrp_group_member_equal(&before, &now))
				continue;
			changed = true;
			w->m[who] = now;
			for (size_t i = 0; i < w->n; i++)
				set_holds(w, i, w->own[i], vrrp_group_hold(w->m, w->n, i));
			for (size_t i = 0; i < w->n; i++)
				obey(w, i, vrrp_group_order(w->state, &before, w->m, w->n, who, i));
		}
	}
	w->state = vrrp_group_state(w->state, w->m, w->n);
}

static void world_init(struct world *w, size_t n)
{
	struct ip_addr own;
	const struct vrrp_fsm_conf conf = {
		.version = 2, .priority = 100, .interval_us = S, .down_adverts = 3, .grouped = true
	};

	assert_true(ip_parse("192.0.2.11", &own));
	*w = (struct world){ .n = n };
	for (size_t i = 0; i < n; i++) {
		vrrp_fsm_init(&w->fsm[i], &conf, &own);
		feed(w, i, (struct vrrp_event){ .type = VRRP_EV_START });
	}
	settle(w);
	assert_int_equal(w->state, VRRP_BACKUP);
}

static void expire(struct world *w, size_t i)
{
	feed(w, i, (struct vrrp_event){ .type = VRRP_EV_DOWN_TIMER });
	settle(w);
}

static void own_fault(struct world *w, size_t i, enum vrrp_hold own)
{
	set_holds(w, i, own, w->group[i]);
	settle(w);
}

static void make_master(struct world *w)
{
	for (size_t i = 0; i < w->n; i++)
		expire(w, i);
	assert_int_equal(w->state, VRRP_MASTER);
	w->resignations = 0;
}

static void group_takes_over_when_the_last_timer_has_run_out(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 3);
	expire(&w, 1);
	expire(&w, 1);
	expire(&w, 0);
	assert_int_equal(w.state, VRRP_BACKUP);
	expire(&w, 2);
	assert_int_equal(w.state, VRRP_MASTER);
}

static void c66_fault_of_one_master_has_all_resign_once_and_all_come_back(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 2);
	make_master(&w);
	own_fault(&w, 1, VRRP_HOLD_FAULT);
	assert_int_equal(w.state, VRRP_FAULT);
	assert_int_equal(w.resignations, 2);
	own_fault(&w, 0, VRRP_HOLD_FAULT);
	own_fault(&w, 1, VRRP_HOLD_NONE);
	assert_int_equal(w.state, VRRP_FAULT); /* the other one still has one */
	own_fault(&w, 0, VRRP_HOLD_NONE);
	assert_int_equal(w.state, VRRP_BACKUP);
	assert_int_equal(w.resignations, 2);
	make_master(&w);
}

static void better_master_beside_one_makes_all_yield_without_a_word(void **state)
{
	struct world w;
	struct vrrp_event ev = { .type = VRRP_EV_ADVERT, .priority = 200, .interval_us = S };

	(void)state;
	world_init(&w, 3);
	make_master(&w);
	assert_true(ip_parse("192.0.2.12", &ev.src));
	feed(&w, 2, ev);
	settle(&w);
	assert_int_equal(w.state, VRRP_BACKUP);
	assert_int_equal(w.resignations, 0);
}

static void group_with_stolen_addresses_resigns_as_a_whole(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 3);
	make_master(&w);
	feed(&w, 0, (struct vrrp_event){ .type = VRRP_EV_VIPS_LOST });
	settle(&w);
	assert_int_equal(w.state, VRRP_BACKUP);
	assert_int_equal(w.resignations, 3);
}

static void group_of_one_behaves_as_the_one(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1);
	expire(&w, 0);
	assert_int_equal(w.state, VRRP_MASTER);
	own_fault(&w, 0, VRRP_HOLD_FAULT);
	assert_int_equal(w.state, VRRP_FAULT);
	own_fault(&w, 0, VRRP_HOLD_NONE);
	assert_int_equal(w.state, VRRP_BACKUP);
}

static void something_happens(struct world *w, size_t i)
{
	static const enum vrrp_event_type types[] = { VRRP_EV_DOWN_TIMER, VRRP_EV_DOWN_TIMER, VRRP_EV_ADVERT,
						      VRRP_EV_VIPS_LOST,  VRRP_EV_OVERSLEPT,  VRRP_EV_ADVERT_TIMER };
	static const uint8_t priorities[] = { 0, 50, 100, 200 };
	struct vrrp_event ev = { .type = types[roll(w, ELEMENTSOF(types))], .interval_us = S };

	if (roll(w, 3) == 0) {
		set_holds(w, i, (enum vrrp_hold)roll(w, VRRP_HOLD_FAULT + 1), w->group[i]);
		return;
	}
	ev.priority = priorities[roll(w, ELEMENTSOF(priorities))];
	assert_true(ip_parse(roll(w, 2) ? "192.0.2.10" : "192.0.2.12", &ev.src));
	feed(w, i, ev);
}

static void members_always_share_one_state(void **state)
{
	struct world w;

	(void)state;
	for (uint32_t seed = 1; seed <= 500; seed++) {
		world_init(&w, 1 + seed % MEMBERS_MAX);
		w.random = seed;
		for (unsigned step = 0; step < 200; step++) {
			something_happens(&w, roll(&w, (unsigned)w.n));
			settle(&w);
			for (size_t i = 1; i < w.n; i++)
				if (w.fsm[i].state != w.fsm[0].state)
					fail_msg("seed %u step %u: member %zu is %s, member 0 is %s", seed, step, i,
						 vrrp_state_name(w.fsm[i].state), vrrp_state_name(w.fsm[0].state));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_wants_to_be_master_waits_for_the_others),
		cmocka_unit_test(when_all_want_all_become_master),
		cmocka_unit_test(nobody_becomes_master_beside_one_in_fault),
		cmocka_unit_test(one_that_wants_may_join_a_group_that_is_master),
		cmocka_unit_test(one_that_yields_takes_the_others_along_in_silence),
		cmocka_unit_test(one_that_resigned_has_the_others_resign),
		cmocka_unit_test(one_that_stops_takes_nobody_along),
		cmocka_unit_test(fault_of_one_holds_the_others_and_not_itself),
		cmocka_unit_test(one_that_has_not_reported_holds_the_others_quietly),
		cmocka_unit_test(group_has_the_state_that_all_members_have),
		cmocka_unit_test(group_that_only_waits_for_a_report_is_not_in_fault),
		cmocka_unit_test(group_takes_over_when_the_last_timer_has_run_out),
		cmocka_unit_test(c66_fault_of_one_master_has_all_resign_once_and_all_come_back),
		cmocka_unit_test(better_master_beside_one_makes_all_yield_without_a_word),
		cmocka_unit_test(group_with_stolen_addresses_resigns_as_a_whole),
		cmocka_unit_test(group_of_one_behaves_as_the_one),
		cmocka_unit_test(members_always_share_one_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
