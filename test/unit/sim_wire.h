/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated wire in simulated time, and the state machines on it, from a seed. Actions are carried out as the header
 * of fsm.h asks: the lane in order, the addresses slowly; late and overslept timers as agent/instance treats them. How
 * long there were two masters, or two with the address, is observed all the time. Include after "test/unit/unit.h". */
#pragma once

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

static inline unsigned roll(struct wire *w, unsigned n)
{
	w->random = w->random * 1664525 + 1013904223;
	return (unsigned)(((uint64_t)w->random * n) >> 32);
}

/* --- carrying out ---------------------------------------------------------------------------------------------------
 */

static inline bool is_frozen(const struct wire *w, const struct node *n)
{
	return w->now_us < n->frozen_until_us;
}

static inline void broadcast(struct wire *w, unsigned from, uint8_t priority)
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

static inline void lane_begin(struct wire *w, struct node *n);

/* What the first of the lane does in the end. */
static inline void lane_finish(struct wire *w, struct node *n)
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

static inline void lane_begin(struct wire *w, struct node *n)
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

static inline void carry_out(struct wire *w, struct node *n, const struct vrrp_action *a)
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
static inline unsigned count_most(const struct wire *w, bool (*is)(const struct node *n))
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

static inline bool is_master(const struct node *n)
{
	return n->fsm.state == VRRP_MASTER;
}

static inline bool has_vip(const struct node *n)
{
	return n->has_vip;
}

static inline unsigned count_masters(const struct wire *w)
{
	return count_most(w, is_master);
}

static inline unsigned count_vips(const struct wire *w)
{
	return count_most(w, has_vip);
}

static inline void observe_spell(bool two, uint64_t now_us, uint64_t *since_us, uint64_t *longest_us)
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

static inline void observe(struct wire *w)
{
	w->two_masters_since_us = w->two_vips_since_us = NEVER;
	w->two_masters_us = w->two_vips_us = 0;
}

static inline void look(struct wire *w)
{
	observe_spell(count_masters(w) > 1, w->now_us, &w->two_masters_since_us, &w->two_masters_us);
	observe_spell(count_vips(w) > 1, w->now_us, &w->two_vips_since_us, &w->two_vips_us);
}

static inline void feed(struct wire *w, unsigned i, struct vrrp_event ev)
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

static inline void group_settle(struct wire *w, int group);

/* As agent/instance has it: whoever overslept looks first, whatever wakes it. */
static inline void step(struct wire *w, unsigned i, struct vrrp_event ev)
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

static inline void tell(struct wire *w, unsigned i, enum vrrp_event_type type)
{
	step(w, i, (struct vrrp_event){ .type = type });
}

/* --- sync groups ----------------------------------------------------------------------------------------------------
 */

static inline size_t members_of(const struct wire *w, int group, unsigned *ret)
{
	size_t n = 0;

	for (unsigned i = 0; i < w->n; i++)
		if (w->node[i].group == group)
			ret[n++] = i;
	return n;
}

static inline enum vrrp_hold hold_of(const struct node *n)
{
	return n->own > n->others ? n->own : n->others;
}

/* Faults of one kind or the other, told to the machine as agent/instance does. */
static inline void set_holds(struct wire *w, unsigned i, enum vrrp_hold own, enum vrrp_hold others)
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

static inline void obey(struct wire *w, unsigned i, enum vrrp_group_order order)
{
	if (order == VRRP_GROUP_GO_MASTER)
		step(w, i, (struct vrrp_event){ .type = VRRP_EV_GROUP_MASTER });
	else if (order != VRRP_GROUP_STAY)
		step(w, i,
		     (struct vrrp_event){ .type = VRRP_EV_GROUP_BACKUP,
					  .resign = order == VRRP_GROUP_GO_BACKUP_RESIGN });
}

static inline bool look_at_member(struct wire *w, const unsigned *who, struct vrrp_group_member *m, size_t n, size_t k)
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

static inline void group_settle(struct wire *w, int group)
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

static inline bool fire(uint64_t now_us, uint64_t *at_us)
{
	if (*at_us > now_us)
		return false;
	*at_us = NEVER;
	return true;
}

static inline void deliver(struct wire *w)
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

static inline void run_due(struct wire *w)
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

static inline uint64_t next_due_us(const struct wire *w)
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

static inline void run_for(struct wire *w, uint64_t us)
{
	uint64_t end_us = w->now_us + us;

	for (uint64_t at_us = next_due_us(w); at_us <= end_us; at_us = next_due_us(w)) {
		w->now_us = at_us > w->now_us ? at_us : w->now_us;
		run_due(w);
	}
	w->now_us = end_us;
	look(w);
}

/* --- what happens to machines ---------------------------------------------------------------------------------------
 */

/* What is under way to it waits in its sockets, or is lost (`deaf`). */
static inline void freeze(struct wire *w, const unsigned *who, size_t n, uint64_t us, bool deaf)
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
static inline void crash(struct wire *w, const unsigned *who, size_t n)
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
