/* SPDX-License-Identifier: Apache-2.0 */
/* A master whose adverts do not leave this host: a packet filter drops them, or the kernel has no room. It hears the
 * others, and they do not hear it, so one of them takes the addresses when its Down time is over. Nobody here can know
 * whether there is such a one, and two hosts with the addresses are worse than none: so it is a fault, just before a
 * backup may act, and an instance that has become master takes nothing until an advert has left.
 *
 * Whether adverts can be sent again shows only when some are due: the fault is forgiven after a while, longer each
 * time. Nobody but our own hooks notices the attempt.
 *
 * Not here: links that are down, which are faults of their own unless the configuration says otherwise (wire.c), and
 * single peers that cannot be sent to while others can. */
#include "agent/instance/impl.h"

#include <errno.h>

bool instance_is_announced(const struct instance *inst)
{
	return inst->unheard.left_us >= inst->since_us;
}

/* When we must begin to remove the addresses, so that they are gone before one may act that heard our last advert; or,
 * if none has left, as long after we became master. */
static uint64_t give_up_us(const struct instance *inst)
{
	uint64_t from_us = instance_is_announced(inst) ? inst->unheard.left_us : inst->since_us;
	uint64_t half_us = inst->conf->advert_us / 2;

	return from_us + (uint64_t)inst->conf->down_adverts * inst->conf->advert_us -
	       (half_us < VRRP_SETTLE_US ? half_us : VRRP_SETTLE_US);
}

void instance_unheard_text(const struct instance *inst, char *buf, size_t size)
{
	const char *filter =
		inst->unheard.error == -EPERM ? ": a packet filter of this host must let protocol 112 out" : "";

	snprintf(buf, size, "adverts cannot be sent: %s%s", strerror(-inst->unheard.error), filter);
}

static void hold(struct instance *inst)
{
	struct unheard *u = &inst->unheard;

	u->hold_us = instance_hold_us(u->hold_us, INSTANCE_HOLD_HARMLESS_MAX_US);
	loop_timer_in(&u->timer, u->hold_us);
}

void instance_unheard_look(struct instance *inst)
{
	struct unheard *u = &inst->unheard;
	char text[CAUSE_MAX];

	if (u->error == 0) {
		u->hold_us = 0;
		u->spoken_over = false;
		instance_set_faults(inst, FAULT_UNHEARD, 0, "adverts can be sent again");
	} else if (inst->faults & FAULT_UNHEARD) {
		return;
	} else if (loop_now_us() < give_up_us(inst)) {
		loop_timer_at(&u->timer, give_up_us(inst)); /* for a last attempt */
	} else {
		hold(inst);
		instance_unheard_text(inst, text, sizeof(text));
		instance_set_faults(inst, FAULT_UNHEARD, FAULT_UNHEARD, "%s", text);
	}
}

bool instance_unheard_gives_way(struct instance *inst, const struct vrrp_advert *ad)
{
	const struct vrrp_event fault = { .type = VRRP_EV_FAULT };
	struct unheard *u = &inst->unheard;
	bool withheld = inst->faults & FAULT_UNHEARD;
	char text[CAUSE_MAX], addr[IP_STR_MAX];

	if (inst->fsm.state != VRRP_MASTER || u->error == 0 || !(withheld || u->take_waits))
		return false;
	u->spoken_over = true;
	instance_unheard_text(inst, text, sizeof(text));
	ip_format(&ad->src, addr);
	if (withheld) {
		instance_feed(inst, &fault, "%s; and %s has taken over", text, addr);
		return true;
	}
	hold(inst);
	instance_set_faults(inst, FAULT_UNHEARD, FAULT_UNHEARD, "%s; and %s is master", text, addr);
	return true;
}

void instance_unheard_due(void *user, uint64_t due_us)
{
	const struct vrrp_event attempt = { .type = VRRP_EV_ADVERT_TIMER };
	struct instance *inst = user;

	(void)due_us;
	if (inst->fsm.state == VRRP_MASTER && inst->unheard.error == 0)
		return;
	if (inst->fsm.state == VRRP_MASTER && !(inst->faults & FAULT_UNHEARD)) {
		instance_feed(inst, &attempt, "a last attempt to advertise");
		return;
	}
	if (inst->fsm.state == VRRP_MASTER) { /* kept from giving up; the next advert that leaves ends it */
		loop_timer_in(&inst->unheard.timer, inst->unheard.hold_us);
		return;
	}
	inst->unheard.spoken_over = false;
	instance_set_faults(inst, FAULT_UNHEARD, 0, "trying again whether adverts can be sent");
}
