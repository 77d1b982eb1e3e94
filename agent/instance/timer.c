/* SPDX-License-Identifier: Apache-2.0 */
/* The timers of an instance, and what it means when they are late: whoever did not run may have been replaced. */
#include "agent/instance/impl.h"

/* While the advert that is due has not left, another may become master: after so long we must look before we speak. A
 * lateness within what timers are allowed says nothing. */
uint64_t instance_awake_until_us(const struct instance *inst)
{
	uint64_t lag_us = vrrp_lag_max_us(&inst->fsm);

	return inst->next_advert_us + (lag_us > INSTANCE_ADVERT_SLACK_US ? lag_us : INSTANCE_ADVERT_SLACK_US);
}

bool instance_overslept(const struct instance *inst)
{
	return inst->fsm.state == VRRP_MASTER && loop_now_us() > instance_awake_until_us(inst);
}

static void advert_due(void *user, uint64_t due_us)
{
	struct instance *inst = user;
	const struct vrrp_event ev = { .type = VRRP_EV_ADVERT_TIMER };
	uint64_t lag_us = loop_now_us() - due_us;

	if (lag_us > inst->lag_max_us)
		inst->lag_max_us = lag_us;
	if (lag_us > inst->conf->advert_us)
		due_us += lag_us; /* what was missed is not made up for */
	inst->advert_due_us = due_us;
	instance_feed(inst, &ev, "advert timer");
	inst->advert_due_us = 0;
}

void instance_after_advert(struct instance *inst)
{
	if (!inst->advert_tried || inst->fsm.state != VRRP_MASTER)
		return;
	inst->advert_tried = false;
	instance_unheard_look(inst);
	if (inst->fsm.state != VRRP_MASTER)
		return;
	instance_lease_tend(inst);
	instance_addr_restore_due(inst);
}

static void down_due(void *user, uint64_t due_us)
{
	struct instance *inst = user;
	const struct vrrp_event ev = { .type = VRRP_EV_DOWN_TIMER }, overslept = { .type = VRRP_EV_OVERSLEPT };
	char addr[IP_STR_MAX];

	/* An advert that has arrived counts, however busy we were: it re-arms the timer. */
	wire_drain(inst->wire);
	if (loop_timer_armed(&inst->down_timer))
		return;
	/* And if none has, that says little when we were not there to hear it: a paused machine hears nothing. Less
	 * than an interval may be mere load: to listen then would delay take-overs just where hosts are busy, and a
	 * master that lives is heard within an interval all the same. */
	if (loop_now_us() - due_us > inst->conf->advert_us + INSTANCE_ADVERT_SLACK_US) {
		log_write(LOG_NOTICE, inst->conf->name, "the down timer is %.3f s late: listening before taking over",
			  (double)(loop_now_us() - due_us) / 1e6);
		instance_feed(inst, &overslept, "the down timer is late");
		return;
	}
	if (!ip_is_set(&inst->fsm.master))
		instance_feed(inst, &ev,
			      inst->fsm.resigning ? "skew timer: the master resigned" : "down timer: no master heard");
	else if (inst->fsm.resigning)
		instance_feed(inst, &ev, "skew timer: %s fell below our priority", ip_format(&inst->fsm.master, addr));
	else
		instance_feed(inst, &ev, "down timer: no superior advert from %s for %.3f s",
			      ip_format(&inst->fsm.master, addr), (double)vrrp_down_us(&inst->fsm) / 1e6);
}

static void preempt_due(void *user, uint64_t due_us)
{
	const struct vrrp_event ev = { .type = VRRP_EV_PREEMPT_TIMER };

	(void)due_us;
	instance_feed(user, &ev, "preempt_delay is over");
}

static void settled(void *user, uint64_t due_us)
{
	(void)due_us;
	instance_lane_go_on(user);
}

/* After a failed removal, or when an addition could not even be handed in: then nothing is left half done. */
static void lane_retry(void *user, uint64_t due_us)
{
	struct instance *inst = user;
	bool waits = inst->lane[0].kind == ERRAND_DROP_VIPS ? instance_drop_again(inst) : instance_addr_release(inst);

	(void)due_us;
	if (waits)
		return;
	instance_lane_go_on(inst);
	/* What others deleted meanwhile was left for this moment. */
	instance_look_for_lost(inst);
}

bool instance_waits_on(struct instance *inst, struct loop_timer *t, uint64_t until_us)
{
	uint64_t now_us = loop_now_us(), left_us = until_us > now_us ? until_us - now_us : 0;

	if (left_us == 0 || !instance_other_master(inst))
		return false;
	loop_timer_in(t, left_us < INSTANCE_HOLD_MIN_US ? left_us : INSTANCE_HOLD_MIN_US);
	return true;
}

static void address_forgiven(void *user, uint64_t due_us)
{
	struct instance *inst = user;

	(void)due_us;
	if (!instance_waits_on(inst, &inst->address_timer, inst->add_until_us))
		instance_addr_forgive(inst);
}

static void hurry(struct loop_timer *t)
{
	if (loop_timer_armed(t))
		loop_timer_in(t, 0);
}

void instance_try_again(struct instance *inst)
{
	inst->add_until_us = inst->lost.until_us = loop_now_us();
	hurry(&inst->address_timer);
	hurry(&inst->veto.timer);
	hurry(&inst->lost.timer);
	if (inst->fsm.state == VRRP_FAULT)
		hurry(&inst->unheard.timer);
}

static void start_due(void *user, uint64_t due_us)
{
	(void)due_us;
	instance_begin(user);
}

int instance_timers_init(struct instance *inst)
{
	sd_event *loop = inst->env.loop;
	int r;

	loop_timer_init_on(&inst->advert_timer, inst->env.adverts, advert_due, inst);
	loop_timer_init_on(&inst->down_timer, inst->env.downs, down_due, inst);
	r = loop_timer_init(&inst->preempt_timer, loop, LOOP_RANK_NET, 1, preempt_due, inst);
	if (r >= 0)
		r = loop_timer_init(&inst->settle_timer, loop, LOOP_RANK_NET, 1, settled, inst);
	if (r >= 0)
		r = loop_timer_init(&inst->lane_timer, loop, LOOP_RANK_NET, 1000, lane_retry, inst);
	if (r >= 0)
		r = loop_timer_init(&inst->address_timer, loop, LOOP_RANK_NORMAL, 1000, address_forgiven, inst);
	if (r >= 0)
		r = loop_timer_init(&inst->start_timer, loop, LOOP_RANK_NET, 1, start_due, inst);
	if (r >= 0)
		r = loop_timer_init(&inst->rival_timer, loop, LOOP_RANK_NORMAL, 10000, instance_rival_due, inst);
	if (r >= 0)
		r = loop_timer_init(&inst->unheard.timer, loop, LOOP_RANK_NORMAL, 1000, instance_unheard_due, inst);
	if (r >= 0)
		r = loop_timer_init(&inst->lost.timer, loop, LOOP_RANK_NORMAL, 1000, instance_lost_forgiven, inst);
	return r;
}

void instance_timers_done(struct instance *inst)
{
	loop_timer_done(&inst->advert_timer);
	loop_timer_done(&inst->down_timer);
	loop_timer_done(&inst->preempt_timer);
	loop_timer_done(&inst->settle_timer);
	loop_timer_done(&inst->lane_timer);
	loop_timer_done(&inst->address_timer);
	loop_timer_done(&inst->start_timer);
	loop_timer_done(&inst->rival_timer);
	loop_timer_done(&inst->unheard.timer);
	loop_timer_done(&inst->lost.timer);
}
