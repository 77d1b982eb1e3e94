/* SPDX-License-Identifier: Apache-2.0 */
/* An instance as the member of a sync group: what it says of itself, and what it is told. Which order follows from what
 * is vrrp/group's business, who carries it from one member to the others agent/group's. */
#include "agent/instance/impl.h"

enum { GROUP_FAULTS = FAULT_GROUP | FAULT_GROUP_PENDING };

void instance_join_group(struct instance *inst, const struct instance_group *group)
{
	inst->group = group;
}

struct vrrp_group_member instance_member(const struct instance *inst)
{
	unsigned own = inst->faults & ~(unsigned)GROUP_FAULTS;

	return (struct vrrp_group_member){
		.state = inst->fsm.state,
		.wants_master = inst->fsm.wants_master,
		.own = own & ~(unsigned)FAULT_QUIET ? VRRP_HOLD_FAULT
		       : own                        ? VRRP_HOLD_QUIET
						    : VRRP_HOLD_NONE,
		.resigned = inst->resigned,
	};
}

void instance_group_order(struct instance *inst, enum vrrp_group_order order, const char *cause)
{
	struct vrrp_event ev = { .type = VRRP_EV_GROUP_BACKUP };

	switch (order) {
	case VRRP_GROUP_STAY:
		return;
	case VRRP_GROUP_GO_MASTER:
		ev.type = VRRP_EV_GROUP_MASTER;
		break;
	case VRRP_GROUP_GO_BACKUP:
		break;
	case VRRP_GROUP_GO_BACKUP_RESIGN:
		ev.resign = true;
		break;
	}
	instance_feed(inst, &ev, "%s", cause);
}

void instance_group_hold(struct instance *inst, enum vrrp_hold hold, const char *cause)
{
	static const unsigned faults[] = {
		[VRRP_HOLD_NONE] = 0, [VRRP_HOLD_QUIET] = FAULT_GROUP_PENDING, [VRRP_HOLD_FAULT] = FAULT_GROUP
	};

	if (hold != VRRP_HOLD_NONE)
		snprintf(inst->group_cause, sizeof(inst->group_cause), "%s", cause);
	instance_set_faults(inst, GROUP_FAULTS, faults[hold], "%s", cause);
}

void instance_group_rival(struct instance *inst, const char *cause)
{
	const struct vrrp_event ev = { .type = VRRP_EV_GROUP_RIVAL };

	inst->rival_heeded = true;
	instance_feed(inst, &ev, "%s", cause);
}

const char *instance_name(const struct instance *inst)
{
	return inst->conf->name;
}

const char *instance_fault_cause(const struct instance *inst)
{
	return inst->fault_cause;
}

const char *instance_cause(const struct instance *inst)
{
	return inst->cause;
}

bool instance_at_rest(const struct instance *inst)
{
	return inst->lane_len == 0;
}

bool instance_is_stopped(const struct instance *inst)
{
	return inst->fsm.state == VRRP_INIT && inst->fsm.stopped && inst->lane_len == 0;
}
