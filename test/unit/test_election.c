/* SPDX-License-Identifier: Apache-2.0 */
/* Several state machines on a simulated wire in simulated time: hours of elections in milliseconds, from a seed.
 *
 * A run is some chaos (loss, cuts in one direction, faults, stops, crashes, changes of priority, stolen addresses,
 * machines that freeze and wake), then peace, then checks: how long two masters may last, that there is one in the end
 * and the right one, and that a master which leaves of its own will never shares the address with the next. Actions are
 * carried out as the header of fsm.h asks: the lane in order, the addresses slowly. */
#include "test/unit/unit.h"

#include "vrrp/fsm.h"
#include "vrrp/group.h"

enum {
	NODES_MAX = 4,
	MESSAGES_MAX = 8192,
	LANE_MAX = 64,
	MS = 1000,
	S = 1000000,
	WIRE_MAX_US = 1 * MS,  /* from sender to receiver */
	VIPS_MAX_US = 75 * MS, /* one netlink write beside much else */
	TIMER_MAX_US = 5 * MS, /* how late an advert timer may be */
	SLACK_US = 5 * MS,     /* how late a timer is without that meaning anything */
	PRIORITY_STEP = 12,    /* apart enough that the Skew_Times differ by more than the wire takes */
	SEEDS = 2000,
};

#define NEVER UINT64_MAX

struct message {
	uint64_t at_us;
	unsigned from, to;
	struct vrrp_event ev;
};

struct node {
	struct vrrp_fsm fsm;
	unsigned vrid;                   /* who hears whom */
	int group;                       /* nodes with the same are members of one sync group; -1: none */
	uint64_t frozen_until_us;        /* runs from then on */
	bool deaf;                       /* while frozen: what is sent to it is lost, as to a paused machine */
	uint64_t advert_due_us;          /* without the lateness of the timer */
	uint64_t mute_until_us;          /* overslept: it must listen till then */
	struct vrrp_group_member member; /* as last looked at */
	enum vrrp_hold own, others;      /* faults of its own, and of the rest of its group */
	bool resigned;
	uint64_t advert_at_us, down_at_us, preempt_at_us;
	struct vrrp_action lane[LANE_MAX];
	size_t lane_len;
	uint64_t lane_busy_us; /* NEVER when idle; else when lane[0] completes */
	bool has_vip;
};

struct wire {
	uint32_t random;
	uint64_t now_us;
	unsigned n;
	struct node node[NODES_MAX];
	struct message message[MESSAGES_MAX];
	size_t n_messages;
	unsigned loss_percent;
	bool cut[NODES_MAX][NODES_MAX];
	uint64_t last_us[NODES_MAX][NODES_MAX]; /* a wire does not reorder */
	/* observed since observe() */
	uint64_t two_masters_since_us, two_vips_since_us; /* NEVER while there is at most one */
	uint64_t two_masters_us, two_vips_us;             /* the longest spells */
	bool settling;                                    /* orders of a group are being carried out */
	enum vrrp_state group_state[NODES_MAX];
};

static unsigned roll(struct wire *w, unsigned n)
{
	w->random = w->random * 1664525 + 1013904223;
	return (unsigned)(((uint64_t)w->random * n) >> 32);
}

/* --- carrying out ---------------------------------------------------------------------------------------------------
 */

static bool is_frozen(const struct wire *w, const struct node *n)
{
	return w->now_us < n->frozen_until_us;
}

static void broadcast(struct wire *w, unsigned from, uint8_t priority)
{
	const struct vrrp_fsm *f = &w->node[from].fsm;

	assert_true(w->now_us >= w->node[from].mute_until_us);

	for (unsigned to = 0; to < w->n; to++) {
		uint64_t at_us = w->now_us + 100 + roll(w, WIRE_MAX_US - 100);

		if (to == from || w->node[to].vrid != w->node[from].vrid || w->cut[from][to] ||
		    roll(w, 100) < w->loss_percent || (w->node[to].deaf && is_frozen(w, &w->node[to])))
			continue;
		if (at_us < w->node[to].frozen_until_us)
			at_us = w->node[to].frozen_until_us;
		if (at_us <= w->last_us[from][to])
			at_us = w->last_us[from][to] + 1;
		w->last_us[from][to] = at_us;
		assert_true(w->n_messages < MESSAGES_MAX);
		w->message[w->n_messages++] = (struct message){
			.at_us = at_us,
			.from = from,
			.to = to,
			.ev = { .type = VRRP_EV_ADVERT,
				.priority = priority,
				.interval_us = f->conf.interval_us,
				.src = f->own },
		};
	}
}

static void lane_begin(struct wire *w, struct node *n);

/* What the first of the lane does in the end. */
static void lane_finish(struct wire *w, struct node *n)
{
	enum vrrp_action_type type = n->lane[0].type;

	n->lane_busy_us = NEVER;
	n->lane_len--;
	memmove(n->lane, n->lane + 1, n->lane_len * sizeof(n->lane[0]));
	if (type == VRRP_ACT_VIPS_ADD)
		n->has_vip = true;
	else if (type == VRRP_ACT_VIPS_REMOVE)
		n->has_vip = false;
	else if (type == VRRP_ACT_RESIGN && n->fsm.state != VRRP_MASTER)
		broadcast(w, (unsigned)(n - w->node), 0);
	lane_begin(w, n);
}

static void lane_begin(struct wire *w, struct node *n)
{
	enum vrrp_action_type type;

	if (n->lane_len == 0 || n->lane_busy_us != NEVER)
		return;
	type = n->lane[0].type;
	if (type == VRRP_ACT_SETTLE)
		n->lane_busy_us = w->now_us + n->lane[0].us;
	else if (type == VRRP_ACT_VIPS_ADD || type == VRRP_ACT_VIPS_REMOVE)
		n->lane_busy_us = w->now_us + roll(w, roll(w, 4) ? 2 * MS : VIPS_MAX_US);
	else
		lane_finish(w, n);
}

static void carry_out(struct wire *w, struct node *n, const struct vrrp_action *a)
{
	switch (a->type) {
	case VRRP_ACT_SEND_ADVERT:
		broadcast(w, (unsigned)(n - w->node), n->fsm.priority);
		break;
	case VRRP_ACT_ADVERT_TIMER:
		n->advert_due_us = w->now_us + a->us;
		n->advert_at_us = n->advert_due_us + roll(w, TIMER_MAX_US);
		break;
	case VRRP_ACT_DOWN_TIMER:
		n->down_at_us = w->now_us + a->us;
		break;
	case VRRP_ACT_PREEMPT_TIMER:
		n->preempt_at_us = a->us ? w->now_us + a->us : NEVER;
		break;
	case VRRP_ACT_STOP_TIMERS:
		n->advert_at_us = n->down_at_us = n->preempt_at_us = NEVER;
		break;
	case VRRP_ACT_RIVAL:
		break;
	case VRRP_ACT_SETTLE:
	case VRRP_ACT_VIPS_ADD:
	case VRRP_ACT_VIPS_REMOVE:
	case VRRP_ACT_ANNOUNCE:
	case VRRP_ACT_ANNOUNCE_AGAIN:
	case VRRP_ACT_RESIGN:
	case VRRP_ACT_NOTIFY:
	case VRRP_ACT_STOPPED:
		assert_true(n->lane_len < LANE_MAX);
		n->lane[n->lane_len++] = *a;
		lane_begin(w, n);
		break;
	}
}

/* The most of one virtual router. */
static unsigned count_most(const struct wire *w, bool (*is)(const struct node *n))
{
	unsigned most = 0;

	for (unsigned vrid = 0; vrid < NODES_MAX; vrid++) {
		unsigned n = 0;

		for (unsigned i = 0; i < w->n; i++)
			n += w->node[i].vrid == vrid && is(&w->node[i]);
		most = n > most ? n : most;
	}
	return most;
}

static bool is_master(const struct node *n)
{
	return n->fsm.state == VRRP_MASTER;
}

static bool has_vip(const struct node *n)
{
	return n->has_vip;
}

static unsigned count_masters(const struct wire *w)
{
	return count_most(w, is_master);
}

static unsigned count_vips(const struct wire *w)
{
	return count_most(w, has_vip);
}

static void observe_spell(bool two, uint64_t now_us, uint64_t *since_us, uint64_t *longest_us)
{
	if (!two) {
		*since_us = NEVER;
		return;
	}
	if (*since_us == NEVER)
		*since_us = now_us;
	if (now_us - *since_us > *longest_us)
		*longest_us = now_us - *since_us;
}

static void observe(struct wire *w)
{
	w->two_masters_since_us = w->two_vips_since_us = NEVER;
	w->two_masters_us = w->two_vips_us = 0;
}

static void look(struct wire *w)
{
	observe_spell(count_masters(w) > 1, w->now_us, &w->two_masters_since_us, &w->two_masters_us);
	observe_spell(count_vips(w) > 1, w->now_us, &w->two_vips_since_us, &w->two_vips_us);
}

static void feed(struct wire *w, unsigned i, struct vrrp_event ev)
{
	struct node *n = &w->node[i];
	struct vrrp_actions out;

	if (ev.type == VRRP_EV_PRIORITY && n->down_at_us != NEVER)
		ev.down_left_us = n->down_at_us > w->now_us ? n->down_at_us - w->now_us : 0;
	out = vrrp_fsm(&n->fsm, &ev);
	n->resigned = false;
	for (size_t k = 0; k < out.n; k++) {
		n->resigned |= out.a[k].type == VRRP_ACT_RESIGN;
		carry_out(w, n, &out.a[k]);
	}
	if (n->fsm.state == VRRP_INIT || n->fsm.state == VRRP_FAULT)
		assert_true(n->advert_at_us == NEVER && n->down_at_us == NEVER && n->preempt_at_us == NEVER);
	look(w);
}

static void group_settle(struct wire *w, int group);

/* As agent/instance has it: whoever overslept looks first, whatever wakes it. */
static void step(struct wire *w, unsigned i, struct vrrp_event ev)
{
	struct node *n = &w->node[i];
	uint64_t lag_us = vrrp_lag_max_us(&n->fsm);

	if (n->fsm.state == VRRP_MASTER && w->now_us > n->advert_due_us + (lag_us > SLACK_US ? lag_us : SLACK_US)) {
		feed(w, i, (struct vrrp_event){ .type = VRRP_EV_OVERSLEPT });
		n->mute_until_us = w->now_us + vrrp_skew_us(&n->fsm);
	}
	if (ev.type == VRRP_EV_ADVERT)
		n->mute_until_us = 0; /* it has listened, and heard */
	feed(w, i, ev);
	if (n->group >= 0)
		group_settle(w, n->group);
}

static void tell(struct wire *w, unsigned i, enum vrrp_event_type type)
{
	step(w, i, (struct vrrp_event){ .type = type });
}

/* --- sync groups ----------------------------------------------------------------------------------------------------
 */

static size_t members_of(const struct wire *w, int group, unsigned *ret)
{
	size_t n = 0;

	for (unsigned i = 0; i < w->n; i++)
		if (w->node[i].group == group)
			ret[n++] = i;
	return n;
}

static enum vrrp_hold hold_of(const struct node *n)
{
	return n->own > n->others ? n->own : n->others;
}

/* Faults of one kind or the other, told to the machine as agent/instance does. */
static void set_holds(struct wire *w, unsigned i, enum vrrp_hold own, enum vrrp_hold others)
{
	struct node *n = &w->node[i];
	enum vrrp_hold before = hold_of(n);

	n->own = own;
	n->others = others;
	if (n->fsm.state == VRRP_INIT)
		return;
	if (before != VRRP_HOLD_NONE && hold_of(n) == VRRP_HOLD_NONE)
		step(w, i, (struct vrrp_event){ .type = VRRP_EV_FAULT_CLEARED });
	else if (hold_of(n) > before)
		step(w, i, (struct vrrp_event){ .type = VRRP_EV_FAULT, .quiet = hold_of(n) == VRRP_HOLD_QUIET });
	else if (n->group >= 0)
		group_settle(w, n->group);
}

static void obey(struct wire *w, unsigned i, enum vrrp_group_order order)
{
	if (order == VRRP_GROUP_GO_MASTER)
		step(w, i, (struct vrrp_event){ .type = VRRP_EV_GROUP_MASTER });
	else if (order != VRRP_GROUP_STAY)
		step(w, i,
		     (struct vrrp_event){ .type = VRRP_EV_GROUP_BACKUP,
					  .resign = order == VRRP_GROUP_GO_BACKUP_RESIGN });
}

static bool look_at_member(struct wire *w, const unsigned *who, struct vrrp_group_member *m, size_t n, size_t k)
{
	struct node *node = &w->node[who[k]];
	struct vrrp_group_member before = node->member;
	struct vrrp_group_member now = { node->fsm.state, node->fsm.wants_master, node->own, node->resigned };

	m[k] = now;
	if (vrrp_group_member_equal(&before, &now))
		return false;
	node->member = now;
	for (size_t i = 0; i < n; i++)
		m[i] = w->node[who[i]].member;
	for (size_t i = 0; i < n; i++)
		set_holds(w, who[i], w->node[who[i]].own, vrrp_group_hold(m, n, i));
	for (size_t i = 0; i < n; i++)
		obey(w, who[i], vrrp_group_order(w->group_state[node->group], &before, m, n, k, i));
	return true;
}

static void group_settle(struct wire *w, int group)
{
	struct vrrp_group_member m[NODES_MAX];
	unsigned who[NODES_MAX];
	size_t n = members_of(w, group, who);
	bool changed = true;

	if (w->settling)
		return;
	w->settling = true;
	while (changed) {
		changed = false;
		for (size_t k = 0; k < n; k++)
			changed |= look_at_member(w, who, m, n, k);
	}
	w->settling = false;
	for (size_t k = 0; k < n; k++)
		m[k] = w->node[who[k]].member;
	w->group_state[group] = vrrp_group_state(w->group_state[group], m, n);
}

/* --- time -----------------------------------------------------------------------------------------------------------
 */

static bool fire(uint64_t now_us, uint64_t *at_us)
{
	if (*at_us > now_us)
		return false;
	*at_us = NEVER;
	return true;
}

static void deliver(struct wire *w)
{
	for (size_t k = 0; k < w->n_messages;) {
		struct message m = w->message[k];

		if (m.at_us > w->now_us) {
			k++;
			continue;
		}
		w->message[k] = w->message[--w->n_messages];
		step(w, m.to, m.ev); /* may send, which appends */
	}
}

static void run_due(struct wire *w)
{
	uint64_t late_us;

	deliver(w);
	for (unsigned i = 0; i < w->n; i++) {
		struct node *n = &w->node[i];

		if (is_frozen(w, n))
			continue;
		if (n->lane_busy_us <= w->now_us)
			lane_finish(w, n);
		look(w);
		if (fire(w->now_us, &n->preempt_at_us))
			tell(w, i, VRRP_EV_PREEMPT_TIMER);
		if (fire(w->now_us, &n->advert_at_us))
			tell(w, i, VRRP_EV_ADVERT_TIMER);
		late_us = w->now_us - n->down_at_us; /* if it has expired */
		if (fire(w->now_us, &n->down_at_us))
			tell(w, i,
			     late_us > n->fsm.conf.interval_us + SLACK_US ? VRRP_EV_OVERSLEPT : VRRP_EV_DOWN_TIMER);
	}
}

static uint64_t next_due_us(const struct wire *w)
{
	uint64_t at_us = NEVER;

#define SOONER(t) at_us = (t) < at_us ? (t) : at_us
	for (size_t k = 0; k < w->n_messages; k++)
		SOONER(w->message[k].at_us);
	for (unsigned i = 0; i < w->n; i++) {
		if (is_frozen(w, &w->node[i])) {
			SOONER(w->node[i].frozen_until_us);
			continue;
		}
		SOONER(w->node[i].advert_at_us);
		SOONER(w->node[i].down_at_us);
		SOONER(w->node[i].preempt_at_us);
		SOONER(w->node[i].lane_busy_us);
	}
#undef SOONER
	return at_us;
}

static void run_for(struct wire *w, uint64_t us)
{
	uint64_t end_us = w->now_us + us;

	for (uint64_t at_us = next_due_us(w); at_us <= end_us; at_us = next_due_us(w)) {
		w->now_us = at_us > w->now_us ? at_us : w->now_us;
		run_due(w);
	}
	w->now_us = end_us;
	look(w);
}

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

/* What is under way to it waits in its sockets, or is lost (`deaf`). */
static void freeze(struct wire *w, const unsigned *who, size_t n, uint64_t us, bool deaf)
{
	for (size_t k = 0; k < n; k++) {
		struct node *node = &w->node[who[k]];

		node->frozen_until_us = w->now_us + us;
		node->deaf = deaf;
		for (size_t i = 0; i < w->n_messages; i++) {
			struct message *m = &w->message[i];

			if (m->to != who[k])
				continue;
			m->at_us = deaf ? NEVER : node->frozen_until_us + (m->at_us - w->now_us);
			if (!deaf && m->at_us > w->last_us[m->from][m->to])
				w->last_us[m->from][m->to] = m->at_us;
		}
		for (size_t i = 0; i < w->n_messages;) {
			if (w->message[i].at_us == NEVER)
				w->message[i] = w->message[--w->n_messages];
			else
				i++;
		}
	}
}

/* The agent dies, and what supervises it removes the addresses at once. It starts later, as new. */
static void crash(struct wire *w, const unsigned *who, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		struct node *node = &w->node[who[k]];
		struct vrrp_fsm_conf conf = node->fsm.conf;
		struct ip_addr own = node->fsm.own;

		vrrp_fsm_init(&node->fsm, &conf, &own);
		node->advert_at_us = node->down_at_us = node->preempt_at_us = node->lane_busy_us = NEVER;
		node->lane_len = 0;
		node->has_vip = false;
		node->own = node->others = VRRP_HOLD_NONE;
		node->mute_until_us = 0;
		node->member = (struct vrrp_group_member){ .state = VRRP_INIT };
	}
	if (w->node[who[0]].group >= 0)
		w->group_state[w->node[who[0]].group] = VRRP_INIT;
	look(w);
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
