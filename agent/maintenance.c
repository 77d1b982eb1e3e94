/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of maintenance, one answer for each state and event. Knows nothing of what is withheld means, nor who
 * records it. */
#include "agent/maintenance.h"

static bool master_withholds(const struct maintenance_view *v, const struct vrrp_event *ev)
{
	switch (ev->type) {
	case VRRP_EV_FAULT:
	case VRRP_EV_VIPS_LOST:
		return !v->ordered;
	case VRRP_EV_PRIORITY: /* lower, a backup would preempt us */
		return ev->priority < v->priority;
	case VRRP_EV_START:
	case VRRP_EV_STOP:
	case VRRP_EV_ADVERT:
	case VRRP_EV_ADVERT_TIMER:
	case VRRP_EV_DOWN_TIMER:
	case VRRP_EV_PREEMPT_TIMER:
	case VRRP_EV_FAULT_CLEARED:
	case VRRP_EV_SOURCE:
	case VRRP_EV_OVERSLEPT: /* others may have taken the addresses */
	case VRRP_EV_GROUP_MASTER:
	case VRRP_EV_GROUP_BACKUP: /* the group has lost them to a better master, or by order */
	case VRRP_EV_GROUP_RIVAL:
	case _VRRP_EVENT_MAX_:
		break;
	}
	return false;
}

bool maintenance_withholds(const struct maintenance_view *v, const struct vrrp_event *ev)
{
	switch (v->state) {
	case VRRP_MASTER:
		return master_withholds(v, ev);
	case VRRP_BACKUP:
		return (ev->type == VRRP_EV_DOWN_TIMER || ev->type == VRRP_EV_GROUP_MASTER) && !v->entitled;
	case VRRP_INIT:
	case VRRP_FAULT: /* to come out of it moves nothing */
	case _VRRP_STATE_MAX_:
		break;
	}
	return false;
}
