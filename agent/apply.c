/* SPDX-License-Identifier: Apache-2.0 */
/* From one configuration to the next while everything runs. Four steps: wait until no instance is in the middle of
 * something, make whatever the next one needs and may not get, stop those that must go, and, when they have let go of
 * everything, exchange the rest within one turn of the loop. The earlier configuration lives on for instances that have
 * left and still run hooks. */
#include "agent/apply.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/conf/diff.h"
#include "agent/orders.h"
#include "agent/process/privs.h"

#include <errno.h>

enum {
	STEP_US = 2000,
	REST_MAX_US = 3000000, /* an instance that does not come to rest has its hands full: nothing is changed */
	LEFT_STEP_US = 100000,
	ERROR_MAX = 512,
	/* Open files that a larger configuration must leave: for clients, programs, files that are read; and for a
	 * server's connections and the watch on its process. */
	FILES_SPARE = 40,
	FILES_PER_SERVER = 8,
	COMPLAIN_US = 10000000,
	NOBODY = -1,
};

/* An instance that is not in the configuration any more, and what it was configured by. */
struct left {
	struct left *next;
	struct instance *inst;
	struct conf *conf;
};

struct apply {
	struct apply_parts parts;
	struct left *left;
	struct loop_timer left_timer; /* looks whether their hooks have ended */

	/* One application. */
	struct conf *fresh;      /* NULL: none is under way */
	int *match;              /* for each instance of `fresh`: the running one that goes on as it, or NOBODY */
	bool *leaves;            /* for each running one */
	struct instance **after; /* those of `fresh` that are new, once they are made */
	struct orders_renaming *renaming; /* NULL: no name changes */
	bool leaving;                     /* they have been told */
	struct log_limit waits_log;
	size_t unreleased;
	uint64_t began_us;
	struct loop_timer timer;
	apply_done_fn done;
	void *user;

	void (*released)(void *user); /* while the agent is stopping */
	void *released_user;
};

/* --- those that have left ---------------------------------------------------------------------------------------- */

static bool named_in(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_instances; i++)
		if (strcmp(c->instances[i].name, name) == 0)
			return true;
	return false;
}

static void left_free(struct left *l)
{
	instance_free(l->inst);
	conf_free(l->conf);
	free(l);
}

static void look_at_left(void *user, uint64_t due_us)
{
	struct apply *a = user;
	struct left **at = &a->left;

	(void)due_us;
	while (*at) {
		struct left *l = *at;

		if (!instance_idle(l->inst)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		left_free(l);
	}
	if (a->left)
		loop_timer_in(&a->left_timer, LEFT_STEP_US);
}

static void let_go(struct apply *a, struct instance *inst, struct conf *conf)
{
	struct left *l = calloc(1, sizeof(*l));

	instance_retire(inst);
	if (!l) { /* its hooks are cut short, and say so */
		instance_free(inst);
		return;
	}
	*l = (struct left){ .next = a->left, .inst = inst, .conf = conf_ref(conf) };
	a->left = l;
	loop_timer_in(&a->left_timer, LEFT_STEP_US);
}

/* --- the plan ---------------------------------------------------------------------------------------------------- */

/* The running instance that goes on as `block`; it is spoken for from then on. Names decide where several would do, as
 * on unicast. */
static int find_running(struct apply *a, const struct conf_instance *block, bool by_name)
{
	const struct conf *now = *a->parts.conf;

	for (size_t k = 0; k < now->n_instances; k++) {
		const struct conf_instance *other = &now->instances[k];

		if (!a->leaves[k] || (by_name && strcmp(other->name, block->name) != 0) ||
		    !conf_same_router(other, block))
			continue;
		a->leaves[k] = false;
		return (int)k;
	}
	return NOBODY;
}

static int make_plan(struct apply *a)
{
	const struct conf *now = *a->parts.conf;

	a->match = calloc(a->fresh->n_instances + 1, sizeof(*a->match));
	a->leaves = calloc(now->n_instances + 1, sizeof(*a->leaves));
	if (!a->match || !a->leaves)
		return -ENOMEM;
	for (size_t k = 0; k < now->n_instances; k++)
		a->leaves[k] = true;
	for (size_t i = 0; i < a->fresh->n_instances; i++)
		a->match[i] = find_running(a, &a->fresh->instances[i], true);
	for (size_t i = 0; i < a->fresh->n_instances; i++)
		if (a->match[i] == NOBODY)
			a->match[i] = find_running(a, &a->fresh->instances[i], false);
	return 0;
}

/* What would take mastership away from an instance that has it is no way to find out about a slip of the pen. */
static bool find_obstacle(const struct apply *a, char *text, size_t size)
{
	char addr[IP_STR_MAX];

	for (size_t i = 0; i < a->fresh->n_instances; i++) {
		const struct conf_instance *block = &a->fresh->instances[i];
		const struct conf_vip *vip = NULL;

		if (a->match[i] != NOBODY)
			vip = instance_homeless_vip((*a->parts.instances)[a->match[i]], block);
		if (!vip)
			continue;
		snprintf(text, size, "%s:%u: %s: %s: there is no interface %s on this host", vip->where.file,
			 vip->where.line, block->name, ip_format(&vip->prefix.addr, addr), vip->dev);
		return true;
	}
	return false;
}

/* --- what may not be had ----------------------------------------------------------------------------------------- */

/* How many files must be left; fewer instances than before are welcome with whatever there is. */
static unsigned spare_files(const struct apply *a)
{
	const struct conf *now = *a->parts.conf, *fresh = a->fresh;
	size_t n = FILES_SPARE;

	if (fresh->n_instances <= now->n_instances && fresh->n_mysqls <= now->n_mysqls)
		return 0;
	for (size_t i = 0; i < fresh->n_mysqls; i++)
		n += FILES_PER_SERVER + fresh->mysqls[i].n_fitness;
	return (unsigned)n;
}

/* Orders are kept by name, and go along with the router that has another one now. */
static int make_renaming(struct apply *a)
{
	const struct conf *now = *a->parts.conf;
	_cleanup_(freep) struct orders_rename *names = calloc(a->fresh->n_instances + 1, sizeof(*names));
	size_t n = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < a->fresh->n_instances; i++) {
		const char *to = a->fresh->instances[i].name;
		const char *from = a->match[i] == NOBODY ? to : now->instances[a->match[i]].name;

		if (strcmp(from, to) != 0)
			names[n++] = (struct orders_rename){ from, to };
	}
	return n && a->parts.env.orders ? orders_renaming_new(names, n, &a->renaming) : 0;
}

/* For instance `i` of `fresh`. */
static int make_instance(struct apply *a, size_t i)
{
	const struct conf_instance *block = &a->fresh->instances[i];
	struct instance_env env = a->parts.env;
	int r;

	if (a->match[i] != NOBODY)
		return instance_prepare((*a->parts.instances)[a->match[i]], a->fresh, block);
	env.conf = a->fresh;
	r = instance_new(&env, block, &a->after[i]);
	return r < 0 ? r : privs_files_left(spare_files(a));
}

static int make_instances(struct apply *a, const char **what)
{
	int r = 0;

	*what = "instances";
	a->after = calloc(a->fresh->n_instances + 1, sizeof(*a->after));
	if (!a->after)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < a->fresh->n_instances; i++) {
		*what = a->fresh->instances[i].name;
		r = make_instance(a, i);
	}
	return r;
}

/* Everything that the exchange needs: from then on it cannot fail. Nothing that runs is changed; call_off() in any
 * case. 0 or -errno, and what it was. */
static int prepare(struct apply *a, const char **what)
{
	int r = links_prepare(a->parts.links, a->fresh);

	*what = "interfaces";
	if (r < 0)
		return r;
	*what = "tracked files";
	r = track_files_prepare(a->parts.files, a->fresh);
	if (r < 0)
		return r;
	*what = "tracked processes";
	r = track_procs_prepare(a->parts.procs, a->fresh);
	if (r < 0)
		return r;
	*what = "checks";
	r = checker_prepare(a->parts.checker, a->fresh);
	if (r < 0)
		return r;
	*what = "orders";
	r = make_renaming(a);
	if (r < 0)
		return r;
	*what = "sync groups";
	r = groups_prepare(a->parts.groups, a->fresh);
	return r < 0 ? r : make_instances(a, what);
}

/* What has been exchanged is not among it any more. */
static void call_off(struct apply *a)
{
	for (size_t k = 0; k < (*a->parts.conf)->n_instances; k++)
		instance_call_off((*a->parts.instances)[k]);
	for (size_t i = 0; a->after && i < a->fresh->n_instances; i++)
		instance_free(a->after[i]);
	free(a->after);
	a->after = NULL;
	a->renaming = orders_renaming_free(a->renaming);
	groups_call_off(a->parts.groups);
	checker_call_off(a->parts.checker);
	track_procs_call_off(a->parts.procs);
	track_files_call_off(a->parts.files);
	links_call_off(a->parts.links);
}

static void end(struct apply *a, const char *error)
{
	call_off(a);
	loop_timer_stop(&a->timer);
	free(a->match);
	free(a->leaves);
	a->match = NULL;
	a->leaves = NULL;
	a->leaving = false;
	a->waits_log = (struct log_limit){ 0 };
	a->fresh = conf_free(a->fresh);
	a->done(a->user, error);
}

/* --- the exchange ------------------------------------------------------------------------------------------------ */

/* The instances of `fresh`, in its order: those that go on, and new ones that are not started yet. */
static struct instance **gather(struct apply *a)
{
	struct instance **now = *a->parts.instances, **after = TAKE_PTR(a->after);

	for (size_t i = 0; i < a->fresh->n_instances; i++) {
		if (a->match[i] == NOBODY)
			continue;
		after[i] = now[a->match[i]];
		instance_reconf_begin(after[i]);
	}
	for (size_t i = 0; i < a->fresh->n_instances; i++)
		if (a->match[i] == NOBODY)
			instance_enter(after[i]);
	return after;
}

static void set_going(struct apply *a)
{
	const struct conf *c = *a->parts.conf;
	struct instance **all = *a->parts.instances;

	for (size_t i = 0; i < c->n_instances; i++)
		if (a->match[i] != NOBODY)
			instance_reconf_end(all[i]);
		else
			instance_look(all[i]);
	groups_settle(a->parts.groups);
	for (size_t i = 0; i < c->n_instances; i++)
		if (a->match[i] == NOBODY)
			instance_start(all[i]);
		else if (c->fifo_states_on_reload)
			instance_repeat_state(all[i]);
}

static void exchange(struct apply *a)
{
	struct conf *old = *a->parts.conf;
	struct instance **before = *a->parts.instances, **after;

	links_exchange(a->parts.links);
	track_files_exchange(a->parts.files);
	track_procs_exchange(a->parts.procs);
	checker_exchange(a->parts.checker);
	for (size_t k = 0; k < old->n_instances; k++) {
		instance_join_group(before[k], NULL); /* until all members know the new configuration */
		if (!named_in(a->fresh, old->instances[k].name))
			instance_forget_alarms(before[k]);
		if (a->leaves[k])
			let_go(a, before[k], old);
	}
	if (a->renaming) /* before new instances enter, which look under their names */
		orders_rename(a->parts.env.orders, a->renaming);
	after = gather(a);
	groups_exchange(a->parts.groups, after);
	*a->parts.instances = after;
	*a->parts.conf = conf_ref(a->fresh);
	wires_log_unknown(a->parts.env.wires, a->fresh->log_unknown_vrids);
	free(before);
	conf_free(old);
	set_going(a);
}

/* --- the steps --------------------------------------------------------------------------------------------------- */

static const struct instance *somebody_busy(const struct apply *a)
{
	const struct conf *now = *a->parts.conf;
	struct instance *const *all = *a->parts.instances;

	for (size_t k = 0; k < now->n_instances; k++)
		if (!a->leaves[k] && !instance_at_rest(all[k]))
			return all[k];
	return NULL;
}

static void on_released(void *user)
{
	struct apply *a = user;

	a->unreleased--;
	if (a->released)
		a->released(a->released_user);
	else if (a->unreleased == 0)
		loop_timer_in(&a->timer, 0);
}

static void tell_leaving(struct apply *a)
{
	const struct conf *now = *a->parts.conf;
	struct instance *const *all = *a->parts.instances;

	a->leaving = true;
	for (size_t k = 0; k < now->n_instances; k++)
		a->unreleased += a->leaves[k];
	for (size_t k = 0; k < now->n_instances; k++) {
		if (a->leaves[k] && named_in(a->fresh, now->instances[k].name))
			instance_stop(all[k], on_released, a);
		else if (a->leaves[k])
			instance_delete(all[k], on_released, a);
	}
}

static const char *what_it_does(const struct instance *inst)
{
	return instance_veto_is_asked(inst) ? "waiting for the answer of vip_pre_take"
					    : "adding or removing its addresses";
}

/* There is no limit to this wait: what has left cannot be called back, and an address that it could not let go of must
 * not be given to another instance, from which the next try to remove it would take it. */
static void complain(struct apply *a, const struct instance *busy)
{
	const struct conf *now = *a->parts.conf;
	uint64_t suppressed;

	if (!log_limit_pass(&a->waits_log, loop_now_us(), COMPLAIN_US, &suppressed))
		return;
	for (size_t k = 0; k < now->n_instances; k++)
		if (a->leaves[k] && !instance_at_rest((*a->parts.instances)[k]))
			log_error("the reload waits for %s, which is to leave and has not released its addresses for "
				  "%.0f s",
				  now->instances[k].name, (double)(loop_now_us() - a->began_us) / 1e6);
	if (busy)
		log_error("the reload waits for %s, which is %s", instance_name(busy), what_it_does(busy));
}

static void step(void *user, uint64_t due_us)
{
	struct apply *a = user;
	const struct instance *busy = somebody_busy(a);
	bool late = loop_now_us() - a->began_us > REST_MAX_US;
	char text[ERROR_MAX], why[ERROR_MAX / 2];
	const char *what;
	int r;

	(void)due_us;
	if (!a->leaving && busy && late) {
		snprintf(text, sizeof(text), "%s has been %s for %d s, and is not done; try again", instance_name(busy),
			 what_it_does(busy), REST_MAX_US / 1000000);
		end(a, text);
		return;
	}
	if (!a->leaving && !busy) {
		r = prepare(a, &what);
		if (r < 0) {
			snprintf(text, sizeof(text), "%s cannot be set up: %s", what,
				 privs_error_text(r, why, sizeof(why)));
			end(a, text);
			return;
		}
		tell_leaving(a);
	}
	if (busy || a->unreleased > 0) {
		if (late)
			complain(a, busy);
		loop_timer_in(&a->timer, STEP_US);
		return;
	}
	exchange(a);
	end(a, NULL);
}

void apply_start(struct apply *a, struct conf *fresh, apply_done_fn done, void *user)
{
	char text[ERROR_MAX];

	a->fresh = fresh;
	a->done = done;
	a->user = user;
	a->began_us = loop_now_us();
	if (make_plan(a) < 0)
		end(a, "out of memory");
	else if (find_obstacle(a, text, sizeof(text)))
		end(a, text);
	else
		step(a, 0);
}

/* --- the object -------------------------------------------------------------------------------------------------- */

int apply_new(const struct apply_parts *parts, struct apply **ret)
{
	struct apply *a = calloc(1, sizeof(*a));
	int r = -ENOMEM;

	if (a) {
		a->parts = *parts;
		r = loop_timer_init(&a->timer, parts->loop, LOOP_RANK_NORMAL, 1, step, a);
	}
	if (r >= 0)
		r = loop_timer_init(&a->left_timer, parts->loop, LOOP_RANK_BACKGROUND, LEFT_STEP_US, look_at_left, a);
	if (r < 0)
		a = apply_free(a);
	*ret = a;
	return r;
}

struct apply *apply_free(struct apply *a)
{
	if (!a)
		return NULL;
	while (a->left) {
		struct left *l = a->left;

		a->left = l->next;
		left_free(l);
	}
	call_off(a);
	loop_timer_done(&a->timer);
	loop_timer_done(&a->left_timer);
	conf_free(a->fresh);
	free(a->match);
	free(a->leaves);
	free(a);
	return NULL;
}

size_t apply_stop(struct apply *a, void (*released)(void *user), void *user)
{
	a->released = released;
	a->released_user = user;
	if (a->fresh)
		end(a, "the agent is stopping");
	return a->unreleased;
}

bool apply_idle(const struct apply *a)
{
	for (const struct left *l = a->left; l; l = l->next)
		if (!instance_idle(l->inst))
			return false;
	return true;
}
