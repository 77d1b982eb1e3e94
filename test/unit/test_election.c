/* SPDX-License-Identifier: Apache-2.0 */
/* Several state machines on a simulated wire in simulated time: hours of elections in milliseconds, from a seed.
 *
 * A run is some chaos (loss, cuts in one direction, faults, stops, crashes, changes of priority, stolen addresses,
 * machines that freeze and wake), then peace, then checks: how long two masters may last, that there is one in the end
 * and the right one, and that a master which leaves of its own will never shares the address with the next. The wire
 * and the machines on it are in sim_wire.h. */
#include "test/unit/unit.h"

#include "test/unit/sim_wire.h"

enum {
	PRIORITY_STEP = 12, /* apart enough that the Skew_Times differ by more than the wire takes */
	SEEDS = 2000,
};

/* --- a run ----------------------------------------------------------------------------------------------------------
 */

struct scenario {
	struct wire w;
	uint64_t interval_us; /* the longest of all */
	uint64_t preempt_delay_us;
	bool nopreempt; /* on any node */
	bool groups;    /* two hosts with two routers each */
	bool same_priority;
};

/* Distinct or equal priorities, one interval or (version 3) several, and the keywords that change who may take over. */
static void scenario_init(struct scenario *sc, uint32_t seed, bool groups)
{
	static const uint32_t intervals_us[] = { 100 * MS, 500 * MS, S, 3 * S };
	struct wire *w = &sc->w;
	bool several_intervals, two_owners;
	uint8_t version;
	uint32_t interval_us;

	memset(sc, 0, sizeof(*sc));
	w->random = seed * 2654435761u + 1;
	sc->groups = groups;
	w->n = groups ? 4 : 2 + roll(w, NODES_MAX - 1);
	version = roll(w, 2) ? 2 : 3;
	interval_us = version == 2 ? S : intervals_us[roll(w, ELEMENTSOF(intervals_us))];
	several_intervals = version == 3 && roll(w, 3) == 0;
	sc->same_priority = roll(w, 4) == 0;
	two_owners = sc->same_priority && roll(w, 3) == 0;
	sc->preempt_delay_us = roll(w, 5) == 0 ? 5 * S : 0;
	for (unsigned i = 0; i < w->n; i++) {
		unsigned rank = groups ? i / 2 : i; /* members of a host are alike */
		struct vrrp_fsm_conf conf = {
			.version = version,
			.priority = (uint8_t)(two_owners          ? 255
					      : sc->same_priority ? 100
								  : 150 + PRIORITY_STEP * rank),
			.start_master = roll(w, 2),
			.nopreempt = !sc->preempt_delay_us && !two_owners && roll(w, 8) == 0,
			.preempt_delay_us = sc->preempt_delay_us,
			.interval_us =
				several_intervals ? intervals_us[roll(w, ELEMENTSOF(intervals_us))] : interval_us,
			.down_adverts = 3,
			.lower_prio_no_advert = roll(w, 4) == 0,
			.higher_prio_send_advert = roll(w, 4) == 0,
			.expired_backup = roll(w, 4) == 0 ? 254 : 0,
			.grouped = groups,
		};
		struct ip_addr own =
			ip_from_bytes(AF_INET, (uint8_t[]){ 192, 0, 2, (uint8_t)(1 + roll(w, 60) * 4 + rank) });

		vrrp_fsm_init(&w->node[i].fsm, &conf, &own);
		w->node[i].vrid = groups ? i % 2 : 0;
		w->node[i].group = groups ? (int)(i / 2) : -1;
		w->node[i].advert_at_us = w->node[i].down_at_us = w->node[i].preempt_at_us = NEVER;
		w->node[i].lane_busy_us = NEVER;
		if (groups && i % 2) { /* one address, one rule of preemption for a host */
			w->node[i].fsm.own = w->node[i - 1].fsm.own;
			w->node[i].fsm.conf.nopreempt = conf.nopreempt = w->node[i - 1].fsm.conf.nopreempt;
			w->node[i].fsm.conf.start_master = w->node[i - 1].fsm.conf.start_master;
		}
		sc->nopreempt |= conf.nopreempt;
		sc->interval_us = conf.interval_us > sc->interval_us ? conf.interval_us : sc->interval_us;
	}
	observe(w);
}

static bool idle_in_init(const struct node *n)
{
	return n->fsm.state == VRRP_INIT && n->lane_len == 0;
}

/* The nodes that live and die with this one. */
static size_t host_of(const struct wire *w, unsigned i, unsigned *ret)
{
	ret[0] = i;
	return w->node[i].group < 0 ? 1 : members_of(w, w->node[i].group, ret);
}

/* By a multiple of all steps together, so that no two get nearer to each other than one step. */
static void new_priority(struct wire *w, const unsigned *who, size_t n)
{
	unsigned base = w->node[who[0]].fsm.conf.priority;
	uint8_t priority =
		(uint8_t)(roll(w, 2) || base == 255 ? base : base - NODES_MAX * PRIORITY_STEP * (1 + roll(w, 2)));

	for (size_t k = 0; k < n; k++)
		step(w, who[k], (struct vrrp_event){ .type = VRRP_EV_PRIORITY, .priority = priority });
}

static void start(struct wire *w, const unsigned *who, size_t n)
{
	enum vrrp_hold own = (enum vrrp_hold)roll(w, VRRP_HOLD_FAULT + 1);

	for (size_t k = 0; k < n; k++)
		if (!idle_in_init(&w->node[who[k]]))
			return;
	for (size_t k = 0; k < n; k++) {
		w->node[who[k]].own = own;
		w->node[who[k]].others = w->node[who[k]].group >= 0 ? own : VRRP_HOLD_NONE;
	}
	for (size_t k = 0; k < n; k++)
		step(w, who[k],
		     (struct vrrp_event){
			     .type = VRRP_EV_START, .fault = own != VRRP_HOLD_NONE, .quiet = own == VRRP_HOLD_QUIET });
}

static void something_happens(struct wire *w)
{
	unsigned i = roll(w, w->n), k = roll(w, w->n), who[NODES_MAX];
	size_t n = host_of(w, i, who);
	struct node *node = &w->node[i];
	uint64_t us;

	switch (roll(w, 4)) {
	case 0:
		w->loss_percent = roll(w, 2) ? 0 : roll(w, 101);
		return;
	case 1:
		w->cut[i][k] = roll(w, 2);
		return;
	}
	if (is_frozen(w, node))
		return;
	switch (roll(w, 8)) {
	case 0:
		if (node->fsm.state != VRRP_INIT)
			set_holds(w, i, (enum vrrp_hold)(1 + roll(w, VRRP_HOLD_FAULT)), node->others);
		break;
	case 1:
		set_holds(w, i, VRRP_HOLD_NONE, node->others);
		break;
	case 2:
		new_priority(w, who, n);
		break;
	case 3:
		for (size_t m = 0; m < n; m++)
			tell(w, who[m], VRRP_EV_STOP);
		break;
	case 4:
		start(w, who, n);
		break;
	case 5:
		tell(w, i, VRRP_EV_VIPS_LOST);
		break;
	case 6:
		us = roll(w, 6 * node->fsm.conf.interval_us);
		freeze(w, who, n, us, roll(w, 2));
		break;
	case 7:
		crash(w, who, n);
		break;
	}
}

static void chaos(struct scenario *sc)
{
	struct wire *w = &sc->w;

	for (unsigned i = 0; i < w->n; i++)
		tell(w, i, VRRP_EV_START);
	for (unsigned k = 0; k < 60; k++) {
		something_happens(w);
		run_for(w, roll(w, (unsigned)sc->interval_us * 3));
	}
}

/* Everybody hears everybody and is in good health, but for some who stay away. */
static void peace(struct scenario *sc)
{
	struct wire *w = &sc->w;
	unsigned who[NODES_MAX];

	w->loss_percent = 0;
	memset(w->cut, 0, sizeof(w->cut));
	run_for(w, 6 * 3 * S); /* whoever is frozen wakes */
	for (unsigned i = 0; i < w->n; i++) {
		size_t n = host_of(w, i, who);

		if (who[0] != i)
			continue;
		if (i > 0 && roll(w, 5) == 0)
			continue;
		start(w, who, n);
		for (size_t k = 0; k < n; k++)
			set_holds(w, who[k], VRRP_HOLD_NONE, w->node[who[k]].others);
	}
}

/* The longest that an election among healthy nodes may take: one full Down time until somebody is master, another one
 * until a better one preempts it, and the delay that it may have to wait before. */
static uint64_t settle_us(const struct scenario *sc)
{
	return (sc->groups ? 4 : 2) * 4 * sc->interval_us + sc->preempt_delay_us + S;
}

static int master_of_router(const struct wire *w, unsigned vrid)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (w->node[i].vrid == vrid && w->node[i].fsm.state == VRRP_MASTER)
			return (int)i;
	}
	return -1;
}

static int master_of(const struct wire *w)
{
	return master_of_router(w, 0);
}

static bool is_candidate(const struct node *n)
{
	return n->fsm.state == VRRP_BACKUP || n->fsm.state == VRRP_MASTER;
}

static int best_of(const struct wire *w)
{
	int best = -1;

	for (unsigned i = 0; i < w->n; i++) {
		if (is_candidate(&w->node[i]) && (best < 0 || w->node[i].fsm.priority > w->node[best].fsm.priority))
			best = (int)i;
	}
	return best;
}

static void assert_settled(const struct scenario *sc)
{
	const struct wire *w = &sc->w;
	int best = best_of(w), master = master_of(w);

	if (best < 0) {
		assert_int_equal(count_vips(w), 0);
		return;
	}
	assert_int_equal(count_masters(w), 1);
	assert_int_equal(count_vips(w), 1);
	assert_true(w->node[master].has_vip);
	if (!sc->nopreempt)
		assert_int_equal(w->node[master].fsm.priority, w->node[best].fsm.priority);
	if (sc->groups) { /* the other router is on the same host */
		int other = master_of_router(w, 1);

		assert_true(other >= 0 && w->node[other].has_vip);
		assert_int_equal(w->node[other].group, w->node[master].group);
	}
}

/* --- the checks -----------------------------------------------------------------------------------------------------
 */

/* Two masters that can hear each other last until the next advert of the better one; then the loser removes. */
static void settle(struct scenario *sc)
{
	struct wire *w = &sc->w;

	run_for(w, WIRE_MAX_US); /* what was under way when peace came */
	observe(w);
	run_for(w, settle_us(sc));
	assert_settled(sc);
	assert_true(w->two_masters_us <= sc->interval_us + TIMER_MAX_US + 2 * WIRE_MAX_US);
	observe(w);
	run_for(w, 10 * sc->interval_us);
	assert_settled(sc);
	assert_int_equal(w->two_masters_us, 0);
	assert_int_equal(w->two_vips_us, 0);
}

/* A master leaves of its own will. With priorities that differ nobody is master beside it, ever, and the next has the
 * address one Skew_Time after the first one's resignation. */
static bool leave(struct scenario *sc, bool by_stop)
{
	struct wire *w = &sc->w;
	int old = master_of(w), best;

	if (old < 0)
		return false;
	observe(w);
	tell(w, (unsigned)old, by_stop ? VRRP_EV_STOP : VRRP_EV_FAULT);
	best = best_of(w);
	run_for(w, VIPS_MAX_US + WIRE_MAX_US + (best < 0 ? 0 : vrrp_skew_us(&w->node[best].fsm) + VIPS_MAX_US));
	if (!sc->same_priority) {
		assert_int_equal(w->two_vips_us, 0);
		assert_true(w->two_vips_since_us == NEVER);
		assert_int_equal(master_of(w), best);
	}
	run_for(w, settle_us(sc));
	assert_settled(sc);
	return best >= 0 && !sc->same_priority;
}

/* The master falls below the best backup, which may preempt: it has the address after one advert and one Skew_Time. */
static bool fall(struct scenario *sc)
{
	struct wire *w = &sc->w;
	int old = master_of(w), best;

	if (old < 0 || sc->same_priority || sc->nopreempt || sc->preempt_delay_us)
		return false;
	step(w, (unsigned)old, (struct vrrp_event){ .type = VRRP_EV_PRIORITY, .priority = 1 });
	best = best_of(w);
	if (best == old)
		return false;
	run_for(w,
		w->node[old].fsm.conf.interval_us + TIMER_MAX_US + 2 * WIRE_MAX_US + vrrp_skew_us(&w->node[best].fsm));
	assert_int_equal(count_masters(w), 1);
	assert_int_equal(master_of(w), best);
	run_for(w, settle_us(sc));
	assert_settled(sc);
	return true;
}

/* The master freezes and wakes. Until it wakes there may be two holders; once it runs it drops the addresses if it may
 * have been replaced, and broadcast() proves that it says nothing before it has listened. */
static bool freeze_master(struct scenario *sc, bool deaf)
{
	struct wire *w = &sc->w;
	int old = master_of(w);
	uint64_t slept_us;
	unsigned who[NODES_MAX];
	size_t n;

	if (old < 0)
		return false;
	n = host_of(w, (unsigned)old, who);
	slept_us = roll(w, 8 * (unsigned)sc->interval_us);
	freeze(w, who, n, slept_us, deaf);
	run_for(w, slept_us);
	run_for(w, VIPS_MAX_US + TIMER_MAX_US + SLACK_US);
	observe(w);
	run_for(w, settle_us(sc));
	assert_settled(sc);
	assert_true(w->two_masters_us <= sc->interval_us + TIMER_MAX_US + 2 * WIRE_MAX_US);
	assert_true(w->two_vips_us <= sc->interval_us + TIMER_MAX_US + 2 * WIRE_MAX_US + VIPS_MAX_US);
	return slept_us > vrrp_lag_max_us(&w->node[old].fsm);
}

/* Of the run that is under way; 0 when it has ended well. */
static uint32_t seed_at_work;

static int tell_seed(void **state)
{
	(void)state;
	if (seed_at_work)
		print_error("seed %u\n", seed_at_work);
	seed_at_work = 0;
	return 0;
}

static void for_each_seed(unsigned least, bool groups, bool (*check)(struct scenario *sc, uint32_t seed))
{
	static struct scenario sc;
	unsigned n = 0;

	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		seed_at_work = seed;
		scenario_init(&sc, seed, groups);
		n += check(&sc, seed);
	}
	seed_at_work = 0;
	if (n < least)
		fail_msg("only %u of %d runs say something", n, SEEDS);
}

static bool settles_after_chaos(struct scenario *sc, uint32_t seed)
{
	(void)seed;
	chaos(sc);
	peace(sc);
	settle(sc);
	return best_of(&sc->w) >= 0;
}

static bool leaves_after_chaos(struct scenario *sc, uint32_t seed)
{
	settles_after_chaos(sc, seed);
	return leave(sc, seed % 2);
}

static bool falls_after_chaos(struct scenario *sc, uint32_t seed)
{
	settles_after_chaos(sc, seed);
	return fall(sc);
}

static bool freezes_after_chaos(struct scenario *sc, uint32_t seed)
{
	settles_after_chaos(sc, seed);
	return freeze_master(sc, seed % 2);
}

static void one_master_is_left_once_everybody_is_heard_again(void **state)
{
	(void)state;
	for_each_seed(SEEDS * 9 / 10, false, settles_after_chaos);
}

static void master_that_leaves_never_shares_the_address(void **state)
{
	(void)state;
	for_each_seed(SEEDS / 3, false, leaves_after_chaos);
}

static void fallen_master_is_replaced_after_one_advert_and_skew(void **state)
{
	(void)state;
	for_each_seed(SEEDS / 5, false, falls_after_chaos);
}

static void frozen_master_says_nothing_before_it_has_listened(void **state)
{
	(void)state;
	for_each_seed(SEEDS / 3, false, freezes_after_chaos);
}

static void group_is_on_one_host_once_everybody_is_heard_again(void **state)
{
	(void)state;
	for_each_seed(SEEDS * 9 / 10, true, settles_after_chaos);
}

static void group_that_froze_is_on_one_host_again(void **state)
{
	(void)state;
	for_each_seed(SEEDS / 3, true, freezes_after_chaos);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, tell_seed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_master_is_left_once_everybody_is_heard_again),
		TEST(master_that_leaves_never_shares_the_address),
		TEST(fallen_master_is_replaced_after_one_advert_and_skew),
		TEST(frozen_master_says_nothing_before_it_has_listened),
		TEST(group_is_on_one_host_once_everybody_is_heard_again),
		TEST(group_that_froze_is_on_one_host_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
