/* SPDX-License-Identifier: Apache-2.0 */
/* `vip_pre_take`: a program that is asked, between our first advert as master and the addresses, whether this host
 * should have them. The lane waits for its answer, adverts go on. Exit status 0 is yes; anything else, and no answer in
 * time, is no: then mastership is handed back as at any release, and the instance stays in FAULT for a while, longer
 * each time.
 *
 * Whoever is refused the addresses, or loses mastership before the answer, has never held them: notify_master is not
 * run for that take. A program that is not needed any more gets SIGTERM; the lane does not wait for it to die, but the
 * next question does. */
#include "agent/instance/impl.h"

#include "agent/base/cleanup.h"
#include "agent/process/exec.h"

#include <errno.h>

enum {
	STUCK_AFTER_US = 5000000, /* after SIGKILL: then nobody waits for it any more */
	START_RETRY_US = 200000,  /* after a lack of processes, memory or descriptors */
};

static void ask(struct instance *inst);
static void put_question(struct instance *inst);

static void refuse(struct instance *inst, const char *why)
{
	struct veto *v = &inst->veto;

	v->count++;
	v->hold_us = instance_hold_us(v->hold_us, INSTANCE_HOLD_MAX_US);
	instance_record(inst, LOG_WARNING, JOURNAL_HOOK,
			"vip_pre_take: %s: the addresses are not taken, next try in %.0f s", why,
			(double)v->hold_us / 1e6);
	loop_timer_in(&v->timer, v->hold_us);
	v->step = v->child ? VETO_DYING : VETO_IDLE;
	instance_forget_take(inst);
	/* Before the lane goes on: it must find us in FAULT. */
	instance_set_faults(inst, FAULT_VETO, FAULT_VETO, "vip_pre_take: %s", why);
	instance_lane_go_on(inst);
}

/* A program is gone, or given up. */
static void next_question(struct instance *inst)
{
	bool queued = inst->veto.step == VETO_QUEUED;

	inst->veto.step = VETO_IDLE;
	if (!queued)
		return;
	ask(inst);
}

/* No program could be started. That the host lacks something for the moment is no answer. The lane may be above us on
 * the stack: it hears of it later. */
static void not_started(struct instance *inst, int error)
{
	struct veto *v = &inst->veto;

	v->again = exec_is_shortage(error) && loop_now_us() + START_RETRY_US < v->give_up_us;
	loop_timer_in(&v->stuck, v->again ? START_RETRY_US : 0);
}

static void answered(void *user, const struct exec_result *r)
{
	struct instance *inst = user;
	struct veto *v = &inst->veto;

	v->child = NULL;
	loop_timer_stop(&v->stuck);
	if (v->step != VETO_ASKING) {
		next_question(inst);
		return;
	}
	exec_describe(r, v->last, sizeof(v->last));
	if (r->error < 0) {
		not_started(inst, r->error);
		return;
	}
	if (!exec_succeeded(r)) {
		refuse(inst, v->last);
		return;
	}
	v->step = VETO_IDLE;
	v->hold_us = 0;
	instance_record(inst, LOG_INFO, JOURNAL_HOOK, "vip_pre_take: %s (%.3f s)", v->last, (double)r->ran_us / 1e6);
	instance_addr_take(inst);
}

/* From here on it has to die. */
static void is_late(void *user)
{
	struct instance *inst = user;
	struct veto *v = &inst->veto;

	loop_timer_in(&v->stuck, EXEC_KILL_AFTER_US + STUCK_AFTER_US);
	if (v->step != VETO_ASKING)
		return;
	snprintf(v->last, sizeof(v->last), "timed out after %.1f s", (double)inst->conf->pre_take_timeout_us / 1e6);
	refuse(inst, v->last);
}

/* Also: it could not even be started. */
static void is_stuck(void *user, uint64_t due_us)
{
	struct instance *inst = user;

	(void)due_us;
	if (!inst->veto.child) {
		if (inst->veto.step == VETO_ASKING && inst->veto.again)
			put_question(inst);
		else if (inst->veto.step == VETO_ASKING)
			refuse(inst, inst->veto.last);
		return;
	}
	instance_record(inst, LOG_WARNING, JOURNAL_HOOK, "vip_pre_take: it cannot be ended and is left behind");
	exec_abandon(inst->veto.child);
	inst->veto.child = NULL;
	next_question(inst);
}

static void hold_is_over(void *user, uint64_t due_us)
{
	(void)due_us;
	instance_set_faults(user, FAULT_VETO, 0, "vip_pre_take may be asked again");
}

/* For the take at the head of the lane, in what is left of the time. */
static void put_question(struct instance *inst)
{
	struct veto *v = &inst->veto;
	const uint64_t now_us = loop_now_us();
	const struct conf_command *c = &inst->conf->pre_take;
	struct notify_event ev;
	char peer[IP_STR_MAX];
	_cleanup_(notify_env_freep) char **env = NULL;
	struct exec_spec spec = {
		.what = "vip_pre_take",
		.argv = c->argv,
		.uid = c->uid,
		.gid = c->gid,
		.timeout_us = v->give_up_us > now_us ? v->give_up_us - now_us : 1,
		.late = is_late,
	};
	int r;

	ev = instance_event(&inst->lane[0], CONF_HOOK_MASTER, "MASTER", peer);
	env = notify_env_new(inst->notify, &ev);
	spec.env = (const char *const *)env;
	r = env ? exec_start(inst->env.loop, &spec, answered, inst, &v->child) : -ENOMEM;
	if (r < 0) {
		snprintf(v->last, sizeof(v->last), "cannot be started: %s", strerror(-r));
		not_started(inst, r);
	}
}

/* The lane waits at its first errand, which is the take. */
static void ask(struct instance *inst)
{
	struct veto *v = &inst->veto;

	if (inst->fsm.state != VRRP_MASTER) { /* while an older one was dying */
		instance_forget_take(inst);
		instance_lane_go_on(inst);
		return;
	}
	v->step = VETO_ASKING;
	v->give_up_us = loop_now_us() + inst->conf->pre_take_timeout_us;
	put_question(inst);
}

bool instance_veto_asks(struct instance *inst)
{
	if (!inst->conf->pre_take.argv)
		return false;
	if (inst->veto.child)
		inst->veto.step = VETO_QUEUED;
	else
		ask(inst);
	return true;
}

bool instance_veto_is_asked(const struct instance *inst)
{
	return inst->veto.step == VETO_ASKING || inst->veto.step == VETO_QUEUED;
}

void instance_veto_overtaken(struct instance *inst)
{
	struct veto *v = &inst->veto;

	if (v->step == VETO_QUEUED) {
		v->step = VETO_DYING;
	} else if (v->step == VETO_ASKING) {
		v->step = v->child ? VETO_DYING : VETO_IDLE;
		loop_timer_stop(&v->stuck);
		snprintf(v->last, sizeof(v->last), "overtaken: mastership was lost before the answer");
		instance_record(inst, LOG_NOTICE, JOURNAL_HOOK, "vip_pre_take: not needed any more, is ended");
		if (v->child) {
			exec_terminate(v->child);
			loop_timer_in(&v->stuck, EXEC_KILL_AFTER_US + STUCK_AFTER_US);
		}
	} else {
		return;
	}
	instance_forget_take(inst);
	instance_lane_go_on(inst);
}

int instance_veto_init(struct instance *inst)
{
	int r = loop_timer_init(&inst->veto.timer, inst->env.loop, LOOP_RANK_NORMAL, 1000, hold_is_over, inst);

	if (r >= 0)
		r = loop_timer_init(&inst->veto.stuck, inst->env.loop, LOOP_RANK_NORMAL, 1000, is_stuck, inst);
	return r;
}

void instance_veto_done(struct instance *inst)
{
	loop_timer_done(&inst->veto.timer);
	loop_timer_done(&inst->veto.stuck);
	if (inst->veto.child)
		exec_abandon(inst->veto.child);
}

json_t *instance_veto_status(const struct instance *inst)
{
	const struct veto *v = &inst->veto;
	uint64_t now_us = loop_now_us();
	json_t *retry = loop_timer_armed(&v->timer) && v->timer.due_us > now_us
				? json_real((double)(v->timer.due_us - now_us) / 1e6)
				: json_null();

	if (!inst->conf->pre_take.argv) {
		json_decref(retry);
		return json_null();
	}
	return json_pack("{s:b, s:I, s:s, s:o}", "asking", v->step == VETO_ASKING, "vetoes", (json_int_t)v->count,
			 "last", v->last, "retry_in_s", retry);
}
