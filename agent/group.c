/* SPDX-License-Identifier: Apache-2.0 */
/* The hull around vrrp/group. Members tell that something changed; what it was is found by comparing them with what
 * they were when last looked at, so nothing is lost however events nest. */
#include "agent/group.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/journal.h"
#include "agent/json.h"
#include "agent/notify.h"

#include <errno.h>

enum { CAUSE_MAX = 224, LEFT_STEP_US = 100000 };

/* A change of state that the hooks have not been told yet. */
struct change {
	enum vrrp_state from, to;
	uint64_t at_us;
	char cause[CAUSE_MAX];
};

struct group {
	const struct conf_group *conf;
	struct instance **inst;      /* the members */
	struct vrrp_group_member *m; /* as they were when last looked at */
	struct instance_group link;  /* how they reach us */
	enum vrrp_state state;
	uint64_t since_us;
	char cause[CAUSE_MAX];
	struct notify *notify;
	struct change *changes; /* a queue */
	size_t n_changes, changes_size;
	bool busy, again; /* orders are being carried out; somebody changed meanwhile */
	bool stopped;     /* told so */
	bool waits;       /* made for the next configuration: it has room for its members, and is not one yet */

	/* Of one that is no more, but still runs hooks: it has no members. */
	struct group *next_left;
	struct conf *left_conf; /* what it was configured by */
};

struct groups {
	sd_event *loop;
	struct fifos *fifos;
	struct conf *conf; /* what they are configured by */
	struct group **g;
	size_t n;
	struct conf *next_conf; /* while another configuration is prepared */
	struct group **next;
	size_t n_next;
	struct group *left;           /* those that are no more */
	struct loop_timer left_timer; /* looks whether their hooks have ended */
};

/* --- telling the hooks ------------------------------------------------------------------------------------------- */

static void push_change(struct group *g, enum vrrp_state to, const char *cause)
{
	if (g->n_changes == g->changes_size) {
		size_t size = g->changes_size ? 2 * g->changes_size : 4;
		struct change *grown = reallocarray(g->changes, size, sizeof(*grown));

		if (!grown)
			return; /* an agent that lives on is worth more than one hook */
		g->changes = grown;
		g->changes_size = size;
	}
	g->changes[g->n_changes] = (struct change){ .from = g->state, .to = to, .at_us = loop_now_us() };
	snprintf(g->changes[g->n_changes++].cause, CAUSE_MAX, "%s", cause);
}

static void tell_hooks(struct group *g, enum conf_hook hook, const char *state, const struct change *c)
{
	const struct notify_event ev = {
		.hook = hook,
		.state = state,
		.old_state = vrrp_state_name(c->from),
		.cause = c->cause,
		.at_us = c->at_us,
	};

	notify_push(g->notify, &ev);
}

/* Mastership that is over already was so before the last member had its addresses, else it would have been told then:
 * the hooks must not hear of it, neither as a state nor as the old one of what came next. */
static void drop_untold_mastership(struct group *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->n_changes; i++) {
		if (g->changes[i].to == VRRP_MASTER && i + 1 < g->n_changes)
			g->changes[i + 1].from = g->changes[i].from;
		else if (g->changes[i].from != g->changes[i].to)
			g->changes[kept++] = g->changes[i];
	}
	g->n_changes = kept;
}

/* A reload has brought members together of which one was master and others are still to join it: mastership without
 * their addresses is not told. */
static bool waits_for_members(const struct group *g)
{
	if (g->n_changes == 0 || g->state != VRRP_MASTER)
		return false;
	for (size_t i = 0; i < g->conf->n_members; i++)
		if (g->m[i].state != VRRP_MASTER)
			return true;
	return false;
}

/* What was decided has become visible with every member: now the hooks may know. */
static void tell_changes(struct group *g)
{
	static const enum conf_hook hooks[_VRRP_STATE_MAX_] = {
		[VRRP_BACKUP] = CONF_HOOK_BACKUP,
		[VRRP_MASTER] = CONF_HOOK_MASTER,
		[VRRP_FAULT] = CONF_HOOK_FAULT,
	};
	bool stopped = true;

	if (waits_for_members(g))
		return;
	for (size_t i = 0; i < g->conf->n_members; i++) {
		if (!instance_at_rest(g->inst[i]))
			return;
		stopped &= instance_is_stopped(g->inst[i]);
	}
	drop_untold_mastership(g);
	for (size_t i = 0; i < g->n_changes; i++)
		if (g->changes[i].to != VRRP_INIT)
			tell_hooks(g, hooks[g->changes[i].to], vrrp_state_name(g->changes[i].to), &g->changes[i]);
	g->n_changes = 0;
	if (stopped && !g->stopped)
		tell_hooks(g, CONF_HOOK_STOP, "STOP",
			   &(struct change){ .from = g->state, .at_us = loop_now_us(), .cause = "stop" });
	g->stopped = stopped;
}

static void set_state(struct group *g, enum vrrp_state state)
{
	const struct journal_note note = {
		.kind = JOURNAL_TRANSITION,
		.instance = g->conf->name,
		.from = vrrp_state_name(g->state),
		.to = vrrp_state_name(state),
	};

	if (state == g->state)
		return;
	journal_write(&note, "%s", g->cause);
	log_write(LOG_NOTICE, g->conf->name, "sync group %s -> %s (%s)", vrrp_state_name(g->state),
		  vrrp_state_name(state), g->cause);
	push_change(g, state, g->cause);
	g->state = state;
	g->since_us = loop_now_us();
}

/* --- orders ------------------------------------------------------------------------------------------------------ */

/* What holds member `i` is the fault of another one, which may not be the last that changed. */
static void set_hold(struct group *g, size_t i)
{
	enum vrrp_hold hold = vrrp_group_hold(g->m, g->conf->n_members, i);
	char cause[CAUSE_MAX];

	memcpy(cause, g->cause, sizeof(cause));
	for (size_t k = 0; hold != VRRP_HOLD_NONE && k < g->conf->n_members; k++) {
		if (k == i || g->m[k].own != hold)
			continue;
		snprintf(cause, sizeof(cause), "%s: %s", instance_name(g->inst[k]), instance_fault_cause(g->inst[k]));
		break;
	}
	instance_group_hold(g->inst[i], hold, cause);
}

static void set_holds(struct group *g)
{
	for (size_t i = 0; i < g->conf->n_members; i++)
		set_hold(g, i);
}

static void give_orders(struct group *g, const struct vrrp_group_member *before, size_t who)
{
	for (size_t i = 0; i < g->conf->n_members; i++) {
		enum vrrp_group_order order = vrrp_group_order(g->state, before, g->m, g->conf->n_members, who, i);

		if (order == VRRP_GROUP_GO_MASTER)
			snprintf(g->cause, sizeof(g->cause), "all members of %s can be master", g->conf->name);
		instance_group_order(g->inst[i], order, g->cause);
	}
}

static void look_at(struct group *g, size_t who)
{
	struct vrrp_group_member before = g->m[who], now = instance_member(g->inst[who]);

	if (vrrp_group_member_equal(&before, &now))
		return;
	g->again = true;
	g->m[who] = now;
	if (now.state != before.state || now.own != before.own) {
		bool fault = now.own != VRRP_HOLD_NONE;
		const char *why = fault ? instance_fault_cause(g->inst[who]) : instance_cause(g->inst[who]);

		if (fault || strcmp(why, g->cause) != 0) /* else it does as this group told it */
			snprintf(g->cause, sizeof(g->cause), "%s: %s", instance_name(g->inst[who]), why);
	}
	if (now.own != before.own)
		set_holds(g);
	give_orders(g, &before, who);
}

static void changed(void *user)
{
	struct group *g = user;

	g->again = true;
	if (g->busy)
		return;
	g->busy = true;
	while (g->again) {
		g->again = false;
		for (size_t i = 0; i < g->conf->n_members; i++)
			look_at(g, i);
	}
	g->busy = false;
	set_state(g, vrrp_group_state(g->state, g->m, g->conf->n_members));
	tell_changes(g);
}

static void rival(void *user, const struct instance *inst)
{
	struct group *g = user;
	char cause[CAUSE_MAX];

	snprintf(cause, sizeof(cause), "%s heard an inferior master", instance_name(inst));
	for (size_t i = 0; i < g->conf->n_members; i++)
		if (g->inst[i] != inst)
			instance_group_rival(g->inst[i], cause);
}

/* Members tell by themselves what we have not told. */
static enum vrrp_state state_of(void *user)
{
	const struct group *g = user;

	return waits_for_members(g) ? g->changes[g->n_changes - 1].from : g->state;
}

static const char *current_state(void *user)
{
	const struct group *g = user;

	return g->stopped ? "STOP" : vrrp_state_name(g->state);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static struct notify_owner owner_of(const struct conf_group *conf, struct fifos *fifos)
{
	return (struct notify_owner){
		.kind = "GROUP",
		.name = conf->name,
		.hooks = conf->hooks,
		.timeout_us = conf->notify_timeout_us,
		.fifos = fifos,
	};
}

/* These instances are its members now. */
static void set_members(struct group *g, struct instance *const *instances)
{
	g->waits = false;
	g->link = (struct instance_group){ g->conf->name, changed, rival, state_of, g };
	for (size_t i = 0; i < g->conf->n_members; i++) {
		g->inst[i] = instances[g->conf->members[i]];
		g->m[i] = instance_member(g->inst[i]);
		instance_join_group(g->inst[i], &g->link);
	}
}

static struct group *group_free(struct group *g)
{
	if (!g)
		return NULL;
	notify_free(g->notify);
	free(g->inst);
	free(g->m);
	free(g->changes);
	conf_free(g->left_conf);
	free(g);
	return NULL;
}

static int group_new(const struct groups *gs, const struct conf_group *conf, struct group **ret)
{
	const struct notify_owner owner = owner_of(conf, gs->fifos);
	struct group *g = calloc(1, sizeof(*g));
	int r = -ENOMEM;

	if (g) {
		g->conf = conf;
		g->state = VRRP_INIT;
		g->since_us = loop_now_us();
		g->waits = true;
		g->inst = calloc(conf->n_members + 1, sizeof(struct instance *));
		g->m = calloc(conf->n_members + 1, sizeof(*g->m));
		r = g->inst && g->m ? notify_new(gs->loop, &owner, current_state, g, &g->notify) : -ENOMEM;
	}
	if (r < 0)
		g = group_free(g);
	*ret = g;
	return r;
}

/* It goes on as `next`, which ends. */
static void group_exchange(struct group *g, struct group *next, struct fifos *fifos)
{
	const struct notify_owner owner = owner_of(next->conf, fifos);

	notify_exchange(g->notify, &owner);
	free(g->inst);
	free(g->m);
	g->conf = next->conf;
	g->inst = TAKE_PTR(next->inst);
	g->m = TAKE_PTR(next->m);
	group_free(next);
}

/* --- those that are no more -------------------------------------------------------------------------------------- */

static void look_at_left(void *user, uint64_t due_us)
{
	struct groups *gs = user;
	struct group **at = &gs->left;

	(void)due_us;
	while (*at) {
		struct group *g = *at;

		if (!notify_idle(g->notify)) {
			at = &g->next_left;
			continue;
		}
		*at = g->next_left;
		group_free(g);
	}
	if (gs->left)
		loop_timer_in(&gs->left_timer, LEFT_STEP_US);
}

/* Its hooks run to an end as they began, and those that wait come after. */
static void let_go(struct groups *gs, struct group *g, struct conf *conf)
{
	free(g->inst);
	free(g->m);
	g->inst = NULL;
	g->m = NULL;
	g->left_conf = conf_ref(conf);
	g->next_left = gs->left;
	gs->left = g;
	loop_timer_in(&gs->left_timer, LEFT_STEP_US);
}

/* --- from one configuration to the next -------------------------------------------------------------------------- */

static bool has_member(const struct group *g, const struct instance *inst)
{
	for (size_t i = 0; i < g->conf->n_members; i++)
		if (g->inst[i] == inst)
			return true;
	return false;
}

static bool has_these_members(const struct group *g, const struct conf_group *conf, struct instance *const *instances)
{
	if (g->conf->n_members != conf->n_members)
		return false;
	for (size_t i = 0; i < conf->n_members; i++)
		if (!has_member(g, instances[conf->members[i]]))
			return false;
	return true;
}

/* Takes the group that goes on as this one out of the old list. Names decide first: then only a group with another name
 * may be it by its members. */
static struct group *take_group(struct group **old, size_t n, const struct conf_group *conf,
				struct instance *const *instances, bool by_name)
{
	for (size_t i = 0; i < n; i++) {
		if (old[i] && (by_name ? strcmp(old[i]->conf->name, conf->name) == 0
				       : has_these_members(old[i], conf, instances)))
			return TAKE_PTR(old[i]);
	}
	return NULL;
}

/* Those that go on take the places of what was made for them in `g`; a second look is for those that have another
 * name. */
static void go_on(struct groups *gs, struct group **g, size_t n, struct instance *const *instances, bool by_name)
{
	for (size_t i = 0; i < n; i++) {
		struct group *before = g[i]->waits ? take_group(gs->g, gs->n, g[i]->conf, instances, by_name) : NULL;

		if (!before)
			continue;
		group_exchange(before, g[i], gs->fifos);
		g[i] = before;
		set_members(before, instances);
	}
}

/* Which of them go on is known only at the exchange, when it is known who the members are: until then each has hooks of
 * its own. */
int groups_prepare(struct groups *gs, struct conf *conf)
{
	int r;

	gs->next_conf = conf_ref(conf);
	gs->next = calloc(conf->n_groups + 1, sizeof(*gs->next));
	gs->n_next = conf->n_groups;
	r = gs->next ? 0 : -ENOMEM;
	for (size_t i = 0; r >= 0 && i < gs->n_next; i++)
		r = group_new(gs, &conf->groups[i], &gs->next[i]);
	if (r < 0)
		groups_call_off(gs);
	return r;
}

void groups_call_off(struct groups *gs)
{
	for (size_t i = 0; gs->next && i < gs->n_next; i++)
		group_free(gs->next[i]);
	free(gs->next);
	gs->next = NULL;
	gs->n_next = 0;
	gs->next_conf = conf_free(gs->next_conf);
}

void groups_exchange(struct groups *gs, struct instance *const *instances)
{
	struct group **g = TAKE_PTR(gs->next);
	const size_t n = gs->n_next;

	for (size_t i = 0; i < gs->next_conf->n_instances; i++)
		instance_join_group(instances[i], NULL);
	go_on(gs, g, n, instances, true);
	go_on(gs, g, n, instances, false);
	for (size_t i = 0; i < n; i++)
		if (g[i]->waits)
			set_members(g[i], instances);
	for (size_t i = 0; i < gs->n; i++)
		if (gs->g[i])
			let_go(gs, gs->g[i], gs->conf);
	free(gs->g);
	gs->g = g;
	gs->n = n;
	gs->n_next = 0;
	conf_free(gs->conf);
	gs->conf = TAKE_PTR(gs->next_conf);
}

/* What members hold against each other must be true of the members that there are now. And where one is master, another
 * that wants to be may join it: else neither would ever let the other in. */
static void settle(struct group *g)
{
	const enum vrrp_state state = g->state;
	bool any_master = false;
	char cause[CAUSE_MAX];

	memcpy(cause, g->cause, sizeof(cause));
	snprintf(g->cause, sizeof(g->cause), "the configuration was loaded anew");
	for (size_t i = 0; i < g->conf->n_members; i++) {
		g->m[i] = instance_member(g->inst[i]);
		if (g->m[i].own != VRRP_HOLD_NONE)
			snprintf(g->cause, sizeof(g->cause), "%s: %s", instance_name(g->inst[i]),
				 instance_fault_cause(g->inst[i]));
	}
	g->busy = true;
	set_holds(g);
	g->busy = false;
	changed(g);
	for (size_t i = 0; i < g->conf->n_members; i++)
		any_master |= g->m[i].state == VRRP_MASTER;
	if (any_master)
		set_state(g, VRRP_MASTER);
	if (g->state == state)
		memcpy(g->cause, cause, sizeof(cause));
	tell_changes(g);
}

void groups_settle(struct groups *gs)
{
	for (size_t i = 0; i < gs->n; i++)
		settle(gs->g[i]);
}

int groups_new(sd_event *loop, struct conf *conf, struct instance *const *instances, struct fifos *fifos,
	       struct groups **ret)
{
	struct groups *gs = calloc(1, sizeof(*gs));
	int r;

	if (!gs)
		return -ENOMEM;
	gs->loop = loop;
	gs->fifos = fifos;
	r = loop_timer_init(&gs->left_timer, loop, LOOP_RANK_BACKGROUND, LEFT_STEP_US, look_at_left, gs);
	if (r >= 0)
		r = groups_prepare(gs, conf);
	if (r < 0)
		gs = groups_free(gs);
	else
		groups_exchange(gs, instances);
	*ret = gs;
	return r;
}

struct groups *groups_free(struct groups *gs)
{
	if (!gs)
		return NULL;
	groups_call_off(gs);
	for (size_t i = 0; i < gs->n; i++) {
		struct group *g = gs->g[i];

		for (size_t k = 0; k < g->conf->n_members; k++)
			instance_join_group(g->inst[k], NULL);
		group_free(g);
	}
	while (gs->left) {
		struct group *g = gs->left;

		gs->left = g->next_left;
		group_free(g);
	}
	loop_timer_done(&gs->left_timer);
	free(gs->g);
	conf_free(gs->conf);
	free(gs);
	return NULL;
}

bool groups_idle(const struct groups *gs)
{
	for (size_t i = 0; i < gs->n; i++)
		if (!notify_idle(gs->g[i]->notify))
			return false;
	for (const struct group *g = gs->left; g; g = g->next_left)
		if (!notify_idle(g->notify))
			return false;
	return true;
}

json_t *groups_status(const struct groups *gs)
{
	json_t *all = json_array();

	for (size_t i = 0; i < gs->n; i++) {
		const struct group *g = gs->g[i];
		json_t *members = json_array();

		for (size_t k = 0; k < g->conf->n_members; k++)
			json_array_append_new(members, json_text(instance_name(g->inst[k])));
		json_array_append_new(all, json_pack("{s:o, s:s, s:f, s:o, s:o, s:o}", "name", json_text(g->conf->name),
						     "state", vrrp_state_name(g->state), "since_s",
						     (double)(loop_now_us() - g->since_us) / 1e6, "cause",
						     json_text(g->cause), "members", members, "hooks",
						     notify_status(g->notify)));
	}
	return all;
}
