/* SPDX-License-Identifier: Apache-2.0 */
/* What maintenance holds back: decided before an event gets to vrrp/fsm. Pure.
 *
 * Maintenance means that nothing moves for reasons of this host's own. A master stays master, whatever its checks and
 * links say, with the priority that it has; a backup does not become master, even if nobody is heard. Three things are
 * let through. Orders (standby, stop) are what somebody wants now. A better master that is heard has the addresses
 * already, and two holders would be worse than a move. And who held the addresses when maintenance began, or since, is
 * entitled to take them again when nobody has them: that is how they survive a restart of the agent. */
#pragma once

#include "vrrp/fsm.h"

struct maintenance_view {
	enum vrrp_state state;
	uint8_t priority; /* with which we advertise */
	bool ordered;     /* the event is an operator's doing, or there are no addresses to keep */
	bool entitled;    /* we are who held the addresses */
};

bool maintenance_withholds(const struct maintenance_view *v, const struct vrrp_event *ev);
