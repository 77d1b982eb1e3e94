/* SPDX-License-Identifier: Apache-2.0 */
/* Events in, actions out: the hull around vrrp/fsm. It decides nothing about VRRP; it knows what time it is, which
 * packets came, and in which order the effects must become visible. */
#include "agent/instance/impl.h"

#include "agent/base/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>

/* --- the lane ---------------------------------------------------------------------------------------------------- */

const char *instance_mysql_verdict(const struct instance *inst)
{
	if (inst->retired || inst->conf->tracks.of[CONF_TRACK_MYSQL].n == 0)
		return "";
	return check_verdict_name(
		checker_report(inst->env.checker, inst->conf->tracks.of[CONF_TRACK_MYSQL].t[0].index)->verdict);
}

static struct errand note(const struct instance *inst, enum vrrp_state old_state)
{
	struct errand e = {
		.old_state = old_state,
		.priority = inst->fsm.priority,
		.at_us = loop_now_us(),
		.peer = inst->fsm.master,
		.mysql = instance_mysql_verdict(inst),
	};

	memcpy(e.cause, inst->cause, sizeof(e.cause));
	return e;
}

static void run_lane(struct instance *inst);

static void lane_push(struct instance *inst, const struct vrrp_action *act, enum vrrp_state old_state)
{
	if (inst->lane_len == inst->lane_size) {
		size_t size = inst->lane_size ? inst->lane_size * 2 : 16;
		struct errand *grown = realloc(inst->lane, size * sizeof(*grown));

		/* An agent that forgets to remove its addresses is worse than none: whoever restarts us removes them.
		 */
		if (!grown)
			abort();
		inst->lane = grown;
		inst->lane_size = size;
	}
	inst->lane[inst->lane_len] = note(inst, old_state);
	inst->lane[inst->lane_len++].act = *act;
}

void instance_lane_order(struct instance *inst, enum errand_kind kind)
{
	static const struct vrrp_action none = { .type = VRRP_ACT_NOTIFY };

	lane_push(inst, &none, inst->fsm.state);
	inst->lane[inst->lane_len - 1].kind = kind;
	run_lane(inst);
}

static void lane_pop(struct instance *inst)
{
	inst->lane_len--;
	memmove(inst->lane, inst->lane + 1, inst->lane_len * sizeof(*inst->lane));
}

void instance_forget_take(struct instance *inst)
{
	size_t i = 1;

	while (i < inst->lane_len && inst->lane[i].act.type != VRRP_ACT_VIPS_REMOVE &&
	       (inst->lane[i].act.type == VRRP_ACT_ANNOUNCE ||
		(inst->lane[i].act.type == VRRP_ACT_NOTIFY && inst->lane[i].act.state == VRRP_MASTER)))
		i++;
	memmove(inst->lane + 1, inst->lane + i, (inst->lane_len - i) * sizeof(*inst->lane));
	inst->lane_len -= i - 1;
}

struct notify_event instance_event(const struct errand *e, enum conf_hook hook, const char *state,
				   char peer[IP_STR_MAX])
{
	return (struct notify_event){
		.hook = hook,
		.state = state,
		.old_state = vrrp_state_name(e->old_state),
		.priority = e->priority,
		.cause = e->cause,
		.peer = ip_is_set(&e->peer) ? ip_format(&e->peer, peer) : "",
		.mysql = e->mysql,
		.at_us = e->at_us,
	};
}

static void push_hooks(struct instance *inst, enum conf_hook hook, const char *state, const struct errand *e)
{
	char peer[IP_STR_MAX];
	const struct notify_event ev = instance_event(e, hook, state, peer);

	notify_push(inst->notify, &ev);
}

static void notify_state(struct instance *inst, const struct errand *e)
{
	static const enum conf_hook hooks[_VRRP_STATE_MAX_] = {
		[VRRP_BACKUP] = CONF_HOOK_BACKUP,
		[VRRP_MASTER] = CONF_HOOK_MASTER,
		[VRRP_FAULT] = CONF_HOOK_FAULT,
	};

	push_hooks(inst, hooks[e->act.state], vrrp_state_name(e->act.state), e);
}

static void tell_released(struct instance *inst)
{
	void (*released)(void *user) = inst->released;

	inst->released = NULL;
	if (released)
		released(inst->released_user);
}

/* Starts one errand. True if the lane must wait for its completion. */
static bool run_errand(struct instance *inst, const struct errand *e)
{
	bool master = inst->fsm.state == VRRP_MASTER;

	if (e->kind == ERRAND_DROP_VIPS)
		return instance_drop_vips(inst);
	if (e->kind == ERRAND_ADD_VIPS)
		return instance_add_vips(inst);
	/* Whoever has not been heard yet takes nothing: the advert that leaves, or the end of mastership, brings us
	 * back. */
	inst->unheard.take_waits = master && !instance_is_announced(inst) &&
				   (e->act.type == VRRP_ACT_SETTLE || e->act.type == VRRP_ACT_VIPS_ADD);
	if (inst->unheard.take_waits)
		return true;
	switch (e->act.type) {
	case VRRP_ACT_SETTLE:
		loop_timer_in(&inst->settle_timer, e->act.us);
		return true;
	case VRRP_ACT_VIPS_ADD:
		/* Overtaken by events: the removal that follows in the lane has nothing to remove. */
		if (!master) {
			instance_forget_take(inst);
			return false;
		}
		if (!instance_veto_asks(inst))
			instance_addr_take(inst);
		return true;
	case VRRP_ACT_VIPS_REMOVE:
		announce_stop(inst->announce);
		return instance_addr_release(inst);
	case VRRP_ACT_ANNOUNCE:
		if (master)
			instance_announce(inst);
		else /* overtaken while they were added: nobody was told of them */
			instance_forget_take(inst);
		return false;
	case VRRP_ACT_ANNOUNCE_AGAIN:
		if (master)
			announce_again(inst->announce);
		return false;
	case VRRP_ACT_RESIGN:
		if (!master)
			instance_send_advert(inst, VRRP_PRIO_RESIGN);
		return false;
	case VRRP_ACT_NOTIFY:
		notify_state(inst, e);
		return false;
	case VRRP_ACT_STOPPED:
		push_hooks(inst, inst->deleted ? CONF_HOOK_DELETED : CONF_HOOK_STOP, inst->deleted ? "DELETED" : "STOP",
			   e);
		tell_released(inst);
		return false;
	case VRRP_ACT_SEND_ADVERT:
	case VRRP_ACT_ADVERT_TIMER:
	case VRRP_ACT_DOWN_TIMER:
	case VRRP_ACT_PREEMPT_TIMER:
	case VRRP_ACT_STOP_TIMERS:
	case VRRP_ACT_RIVAL:
		break;
	}
	assert(false); /* immediate actions do not get into the lane */
	return false;
}

static void tell_group(const struct instance *inst)
{
	if (inst->group)
		inst->group->changed(inst->group->user);
}

static void run_lane(struct instance *inst)
{
	/* An errand may cause an event and so come back here: the outermost call does the work. */
	if (inst->running_lane)
		return;
	inst->running_lane = true;
	while (inst->lane_len > 0 && !inst->lane_waits) {
		const struct errand e = inst->lane[0];

		instance_look_up(inst); /* what has waited may no longer be right */
		inst->lane_waits = run_errand(inst, &e);
		if (!inst->lane_waits)
			lane_pop(inst);
	}
	inst->running_lane = false;
	tell_group(inst);
}

void instance_lane_go_on(struct instance *inst)
{
	inst->lane_waits = false;
	lane_pop(inst);
	run_lane(inst);
}

/* --- actions ----------------------------------------------------------------------------------------------------- */

static void rival_seen(struct instance *inst)
{
	struct errand e = note(inst, inst->fsm.state);
	char addr[IP_STR_MAX];

	inst->rival_heeded = instance_rival_heard(inst);
	if (!inst->rival_heeded)
		return;
	e.peer = inst->heard.src;
	snprintf(e.cause, sizeof(e.cause), "inferior master %s", ip_format(&e.peer, addr));
	push_hooks(inst, CONF_HOOK_MASTER_RX_LOWER_PRI, "MASTER_RX_LOWER_PRI", &e);
	if (inst->group)
		inst->group->rival(inst->group->user, inst);
}

/* What the group has told already for all its members need not be told for one; but each is told of once. */
static bool told_by_group(struct instance *inst, enum vrrp_state state)
{
	bool told = inst->told;

	inst->told = true;
	return told && inst->group && inst->group->state(inst->group->user) == state;
}

static void act(struct instance *inst, const struct vrrp_action *a, enum vrrp_state old_state)
{
	switch (a->type) {
	case VRRP_ACT_SEND_ADVERT:
		instance_send_advert(inst, inst->fsm.priority);
		inst->advert_tried = true;
		break;
	case VRRP_ACT_ADVERT_TIMER:
		/* From when it was due, not when it fired: or the slack of all would add up. */
		inst->next_advert_us = (inst->advert_due_us ? inst->advert_due_us : loop_now_us()) + a->us;
		loop_timer_at(&inst->advert_timer, inst->next_advert_us);
		break;
	case VRRP_ACT_DOWN_TIMER:
		loop_timer_in(&inst->down_timer, a->us);
		break;
	case VRRP_ACT_PREEMPT_TIMER:
		if (a->us)
			loop_timer_in(&inst->preempt_timer, a->us);
		else
			loop_timer_stop(&inst->preempt_timer);
		break;
	case VRRP_ACT_STOP_TIMERS:
		loop_timer_stop(&inst->advert_timer);
		loop_timer_stop(&inst->down_timer);
		loop_timer_stop(&inst->preempt_timer);
		break;
	case VRRP_ACT_RIVAL:
		rival_seen(inst);
		break;
	case VRRP_ACT_ANNOUNCE_AGAIN:
		if (inst->rival_heeded)
			lane_push(inst, a, old_state);
		break;
	case VRRP_ACT_NOTIFY:
		if (!told_by_group(inst, a->state))
			lane_push(inst, a, old_state);
		break;
	case VRRP_ACT_RESIGN:
		inst->resigned = true;
		lane_push(inst, a, old_state);
		break;
	case VRRP_ACT_SETTLE:
	case VRRP_ACT_VIPS_ADD:
	case VRRP_ACT_VIPS_REMOVE:
	case VRRP_ACT_ANNOUNCE:
	case VRRP_ACT_STOPPED:
		lane_push(inst, a, old_state);
		break;
	}
}

static void state_changed(struct instance *inst, enum vrrp_state old, const char *cause)
{
	inst->since_us = loop_now_us();
	inst->strays.suspected = true;
	snprintf(inst->cause, sizeof(inst->cause), "%s", cause);
	inst->counters.become_master += inst->fsm.state == VRRP_MASTER;
	inst->counters.release_master += old == VRRP_MASTER;
	/* What was held back about packets may be told again: the situation is new. */
	memset(inst->drop_log, 0, sizeof(inst->drop_log));
	inst->rival_log = (struct log_limit){ 0 };
	if (inst->fsm.state != VRRP_FAULT && (old == VRRP_FAULT || old == VRRP_INIT))
		instance_announce_source(inst);
	instance_record_transition(inst, old, cause);
	instance_note_holder(inst);
}

const char *instance_cause_text(const struct cause *cause, const struct vrrp_event *ev, char *buf)
{
	char addr[IP_STR_MAX];
	va_list args;

	if (!cause->fmt) {
		snprintf(buf, CAUSE_MAX, "%s advertises priority %u, ours is %u", ip_format(&ev->src, addr),
			 ev->priority, cause->ours);
		return buf;
	}
	va_copy(args, *cause->args);
	vsnprintf(buf, CAUSE_MAX, cause->fmt, args);
	va_end(args);
	return buf;
}

static void feed(struct instance *inst, const struct vrrp_event *ev, const struct cause *cause)
{
	enum vrrp_state old = inst->fsm.state;
	struct vrrp_actions actions;
	char text[CAUSE_MAX];

	if (instance_withholds(inst, ev, cause))
		return;
	actions = vrrp_fsm(&inst->fsm, ev);
	if (inst->fsm.state != old)
		state_changed(inst, old, instance_cause_text(cause, ev, text));
	inst->resigned &= inst->fsm.state == old;
	if (old == VRRP_MASTER && inst->fsm.state != old) {
		announce_stop(inst->announce); /* at once, whatever the lane waits for */
		instance_rival_lost_to(inst);
	}
	for (size_t i = 0; i < actions.n; i++)
		act(inst, &actions.a[i], old);
	if (inst->fsm.state != VRRP_MASTER)
		instance_veto_overtaken(inst);
	if (inst->unheard.take_waits && (inst->fsm.state != VRRP_MASTER || instance_is_announced(inst)))
		inst->unheard.take_waits = inst->lane_waits = false;
	run_lane(inst);
	instance_after_advert(inst);
}

static void feed_overslept(struct instance *inst, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void feed_overslept(struct instance *inst, const char *fmt, ...)
{
	const struct vrrp_event ev = { .type = VRRP_EV_OVERSLEPT };
	va_list args;

	va_start(args, fmt);
	feed(inst, &ev, &(struct cause){ .fmt = fmt, .args = &args });
	va_end(args);
}

void instance_look_up(struct instance *inst)
{
	if (instance_overslept(inst))
		feed_overslept(inst, "did not run for %.3f s: another may be master by now, listening first",
			       (double)(loop_now_us() - inst->sent_us) / 1e6);
}

/* Before anything else is answered we look up: the answer could be an advert, or an ARP. */
void instance_feed(struct instance *inst, const struct vrrp_event *ev, const char *fmt, ...)
{
	va_list args;

	instance_look_up(inst);
	va_start(args, fmt);
	feed(inst, ev, &(struct cause){ .fmt = fmt, .args = &args });
	va_end(args);
}

void instance_feed_advert(struct instance *inst, const struct vrrp_event *ev)
{
	instance_look_up(inst);
	feed(inst, ev, &(struct cause){ .ours = inst->fsm.priority });
}

void instance_set_faults(struct instance *inst, unsigned mask, unsigned value, const char *fmt, ...)
{
	unsigned before = inst->faults;
	unsigned after = (before & ~mask) | (value & mask);
	bool was_real = before & ~FAULT_QUIET, is_real = after & ~FAULT_QUIET;
	struct vrrp_event ev = { .type = VRRP_EV_FAULT, .quiet = !is_real };
	char cause[CAUSE_MAX];
	va_list ap;

	inst->faults = after;
	if (before == after)
		return;
	va_start(ap, fmt);
	vsnprintf(cause, sizeof(cause), fmt, ap);
	va_end(ap);
	if (after & ~before & ~(unsigned)(FAULT_GROUP | FAULT_GROUP_PENDING))
		memcpy(inst->fault_cause, cause, sizeof(cause));
	if (inst->fsm.state == VRRP_INIT) {
		tell_group(inst);
		return;
	}
	if (!after) {
		ev.type = VRRP_EV_FAULT_CLEARED;
		instance_feed(inst, &ev, "%s", cause);
	} else if (inst->fsm.state != VRRP_FAULT) { /* maintenance may have withheld an earlier one */
		instance_feed(inst, &ev, "%s", cause);
	} else if (!was_real && is_real) {
		/* No change of state, but the hooks are told now, and why. */
		snprintf(inst->cause, sizeof(inst->cause), "%s", cause);
		instance_record(inst, LOG_NOTICE, JOURNAL_FAULT, "FAULT for good (%s)", cause);
		instance_feed(inst, &ev, "%s", cause);
	} else {
		instance_record(inst, LOG_NOTICE, JOURNAL_FAULT, "still FAULT: %s", cause);
		tell_group(inst);
	}
}

/* --- health and priority ----------------------------------------------------------------------------------------- */

/* Says which required object is down; for the cause of a FAULT. */
static void describe_checks(struct instance *inst)
{
	const struct tracked *t = tracker_obstacle(inst->tracked, inst->n_tracked);

	if (t)
		snprintf(inst->check_cause, sizeof(inst->check_cause), "%s %s: %s", t->what, t->name, t->reason);
	else
		snprintf(inst->check_cause, sizeof(inst->check_cause), "all required checks are up");
}

static void set_priority(struct instance *inst, uint8_t priority)
{
	uint64_t now_us = loop_now_us();
	const struct vrrp_event ev = {
		.type = VRRP_EV_PRIORITY,
		.priority = priority,
		.down_left_us = loop_timer_armed(&inst->down_timer) && inst->down_timer.due_us > now_us
					? inst->down_timer.due_us - now_us
					: 0,
	};
	uint8_t before = inst->fsm.priority;

	if (priority == before) {
		instance_withheld_is_over(inst, VRRP_EV_PRIORITY);
		return;
	}
	instance_feed(inst, &ev, "priority %u -> %u", before, priority);
	if (inst->fsm.priority == before)
		return;
	if (inst->conf->notify_priority_changes && inst->fsm.priority != before)
		notify_priority(inst->notify, vrrp_state_name(inst->fsm.state), inst->fsm.priority);
	instance_record(inst, LOG_NOTICE, JOURNAL_PRIORITY, "priority %u -> %u", before, priority);
}

size_t instance_collect(const struct instance *inst, struct tracked *ret)
{
	const struct track_sources sources = {
		.checker = inst->env.checker,
		.links = inst->env.links,
		.files = inst->env.files,
		.procs = inst->env.procs,
	};

	return tracker_collect(&sources, inst->env.conf, &inst->conf->tracks, ret);
}

void instance_on_checks(struct instance *inst)
{
	struct priority_result sum;

	inst->n_tracked = instance_collect(inst, inst->tracked);
	sum = tracker_sum(inst->conf->priority, inst->tracked, inst->n_tracked);
	describe_checks(inst);
	instance_set_faults(inst, FAULT_CHECK | FAULT_PENDING,
			    (sum.fault ? FAULT_CHECK : 0) | (sum.pending ? FAULT_PENDING : 0), "%s", inst->check_cause);
	set_priority(inst, sum.effective);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static const char *current_state(void *user)
{
	const struct instance *inst = user;

	return inst->fsm.state == VRRP_INIT ? "STOP" : vrrp_state_name(inst->fsm.state);
}

static bool may_announce(void *user)
{
	return !instance_overslept(user);
}

/* --- what the parts take from the configuration, at the start and at each reload --- */

static struct announce_times announce_times(const struct instance *inst)
{
	const struct conf_instance *ci = inst->conf;

	return (struct announce_times){
		.repeat = ci->garp.repeat,
		.delay_us = ci->garp.delay_us,
		.refresh_us = ci->garp.refresh_us,
		.refresh_repeat = ci->garp.refresh_repeat,
		.again_repeat = ci->garp.lower_prio_repeat,
		.again_delay_us = ci->garp.lower_prio_delay_us,
		.arp_interval_us = inst->env.conf->garp_interval_us,
		.na_interval_us = inst->env.conf->gna_interval_us,
	};
}

static struct vrrp_fsm_conf fsm_conf(const struct conf_instance *ci)
{
	return (struct vrrp_fsm_conf){
		.version = ci->version,
		.priority = ci->priority,
		.start_master = ci->state_master,
		.nopreempt = ci->nopreempt,
		.preempt_delay_us = ci->preempt_delay_us,
		.interval_us = ci->advert_us,
		.down_adverts = ci->down_adverts,
		.lower_prio_no_advert = ci->lower_prio_no_advert,
		.higher_prio_send_advert = ci->higher_prio_send_advert,
		.owner_ignore_adverts = ci->owner_ignore_adverts,
		.expired_backup = ci->timer_expired_backup,
		.grouped = ci->sync_group != NULL,
	};
}

/* From inst->next. */
static void take_over(struct instance *inst)
{
	instance_wire_init(inst);
	instance_auth_exchange(inst);
	free(inst->tracked);
	inst->n_tracked = 0;
	inst->tracked = TAKE_PTR(inst->next.tracked);
}

static uint64_t left_us(const struct loop_timer *t)
{
	uint64_t now_us = loop_now_us();

	return loop_timer_armed(t) && t->due_us > now_us ? t->due_us - now_us : 0;
}

void instance_refit(struct instance *inst)
{
	const struct announce_times times = announce_times(inst);
	const struct notify_owner owner = notify_owner_of(inst->conf, inst->env.fifos);
	const struct vrrp_fsm_conf fc = fsm_conf(inst->conf);
	struct vrrp_actions actions;

	take_over(inst);
	notify_exchange(inst->notify, &owner);
	announce_reconf(inst->announce, &times);
	actions = vrrp_fsm_reconf(&inst->fsm, &fc,
				  left_us(inst->fsm.state == VRRP_MASTER ? &inst->advert_timer : &inst->down_timer));
	for (size_t i = 0; i < actions.n; i++)
		act(inst, &actions.a[i], inst->fsm.state);
}

static int init_parts(struct instance *inst)
{
	const struct announce_times times = announce_times(inst);
	const struct notify_owner owner = notify_owner_of(inst->conf, inst->env.fifos);
	int r = instance_auth_init(inst);

	if (r >= 0)
		r = instance_next_make(inst, inst->env.conf, inst->conf);
	if (r >= 0) {
		inst->vips = TAKE_PTR(inst->next.vips);
		take_over(inst);
	}
	instance_next_done(inst);
	if (r >= 0)
		r = announce_new(inst->env.loop, inst->env.announce_socket, &times, &inst->announce);
	if (r >= 0 && inst->env.observe)
		announce_mute(inst->announce);
	if (r >= 0) {
		announce_ask(inst->announce, may_announce, inst);
		announce_pace(inst->announce, inst->env.pacing);
	}
	if (r >= 0)
		r = notify_new(inst->env.loop, &owner, current_state, inst, &inst->notify);
	if (r >= 0)
		r = instance_timers_init(inst);
	if (r >= 0)
		r = instance_veto_init(inst);
	return r;
}

int instance_new(const struct instance_env *env, const struct conf_instance *conf, struct instance **ret)
{
	const struct vrrp_fsm_conf fc = fsm_conf(conf);
	const struct ip_addr nowhere = { .family = AF_UNSPEC };
	struct instance *inst = calloc(1, sizeof(*inst));
	int r;

	if (!inst)
		return -ENOMEM;
	inst->env = *env;
	inst->conf = conf;
	inst->since_us = loop_now_us();
	vrrp_fsm_init(&inst->fsm, &fc, &nowhere);
	r = init_parts(inst);
	if (r >= 0)
		r = instance_wire_expect(inst);
	if (r < 0) {
		instance_free(inst);
		return r;
	}
	*ret = inst;
	return 0;
}

void instance_enter(struct instance *inst)
{
	wire_enter(inst->wire, inst);
	instance_obey(inst);
}

struct instance *instance_free(struct instance *inst)
{
	if (!inst)
		return NULL;
	netif_forget(inst->env.netif, inst);
	if (inst->wire)
		wire_leave(inst->wire, inst);
	instance_timers_done(inst);
	instance_next_done(inst);
	instance_addr_done(inst);
	instance_veto_done(inst);
	instance_auth_done(inst);
	announce_free(inst->announce);
	notify_free(inst->notify);
	free(inst->advertised);
	free(inst->vips);
	free(inst->tracked);
	free(inst->lane);
	free(inst->dropping);
	free(inst);
	return NULL;
}

void instance_look(struct instance *inst)
{
	instance_look_at_link(inst);
	instance_on_checks(inst);
}

void instance_begin(struct instance *inst)
{
	struct vrrp_event ev = { .type = VRRP_EV_START };

	instance_look(inst);
	ev.fault = inst->faults != 0;
	ev.quiet = !(inst->faults & ~FAULT_QUIET);
	if (inst->faults & FAULT_STANDBY)
		instance_feed(inst, &ev, "start: on standby");
	else if (inst->faults & (FAULT_CHECK | FAULT_PENDING))
		instance_feed(inst, &ev, "start: %s", inst->check_cause);
	else if (inst->faults & (FAULT_GROUP | FAULT_GROUP_PENDING))
		instance_feed(inst, &ev, "start: %s", inst->group_cause);
	else if (inst->faults & FAULT_VIP_LINK && !(inst->faults & (FAULT_LINK | FAULT_SOURCE | FAULT_WIRE)))
		instance_feed(inst, &ev, "start: interface %s, which an address belongs on, is missing",
			      instance_missing_device(inst));
	else if (inst->faults & FAULT_NO_PEER)
		instance_feed(inst, &ev, "start: there is no unicast_peer");
	else
		instance_feed(inst, &ev, inst->faults ? "start: %s is not usable" : "start on %s",
			      inst->conf->interface);
}

void instance_start(struct instance *inst)
{
	static const struct vrrp_action remove_stale = { .type = VRRP_ACT_VIPS_REMOVE };

	if (instance_addr_any(inst) && !inst->env.observe) {
		instance_record(inst, LOG_NOTICE, JOURNAL_ADDRESS,
				"removing addresses that an earlier run left behind");
		lane_push(inst, &remove_stale, VRRP_INIT);
	}
	instance_strays_at_start(inst);
	/* Set-up and clean-up are not delayed, the protocol is: in INIT nothing is heard or sent. */
	if (loop_now_us() < inst->env.start_us) {
		snprintf(inst->cause, sizeof(inst->cause), "waits out vrrp_startup_delay or vrrp_delay_after_boot");
		instance_record(inst, LOG_NOTICE, JOURNAL_AGENT, "starts in %.1f s",
				(double)(inst->env.start_us - loop_now_us()) / 1e6);
		loop_timer_at(&inst->start_timer, inst->env.start_us);
		run_lane(inst);
		return;
	}
	instance_begin(inst);
}

void instance_stop(struct instance *inst, void (*released)(void *user), void *user)
{
	const struct vrrp_event ev = { .type = VRRP_EV_STOP };

	loop_timer_stop(&inst->start_timer);
	inst->released = released;
	inst->released_user = user;
	instance_feed(inst, &ev, "stop");
}

void instance_delete(struct instance *inst, void (*released)(void *user), void *user)
{
	inst->deleted = true;
	instance_stop(inst, released, user);
}

void instance_retire(struct instance *inst)
{
	inst->retired = true;
	wire_leave(inst->wire, inst);
	instance_auth_retire(inst);
	inst->group = NULL;
}

bool instance_is_stopping(const struct instance *inst)
{
	return inst->fsm.state == VRRP_INIT && inst->fsm.stopped;
}

void instance_repeat_state(struct instance *inst)
{
	notify_repeat(inst->notify, current_state(inst), inst->fsm.priority);
}

const char *instance_sync_group(const struct instance *inst)
{
	return inst->conf->sync_group ? inst->conf->sync_group->name : NULL;
}

bool instance_is_master(const struct instance *inst)
{
	return inst->fsm.state == VRRP_MASTER;
}

bool instance_idle(const struct instance *inst)
{
	return inst->lane_len == 0 && notify_idle(inst->notify);
}

uint64_t instance_lag_max_us(const struct instance *inst)
{
	return inst->lag_max_us;
}
