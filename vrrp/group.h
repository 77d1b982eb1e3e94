/* SPDX-License-Identifier: Apache-2.0 */
/* A sync group as a pure decision: the members' states and wishes in, orders out. No socket, clock or allocation.
 *
 * The members share one state (keepalived.conf(5), vrrp_sync_group):
 *
 *  - All or none are master. A member whose timer runs out only wants to be; when all want, or when the group is master
 *    already, all that are backup become master at once.
 *  - One that leaves MASTER for BACKUP takes the others along. They say priority 0 only if it did.
 *  - A fault of one holds all others in FAULT, and a quiet one (something has not reported yet) holds them quietly. The
 *    group is free when no member has a fault of its own. */
#pragma once

#include "vrrp/fsm.h"

/* What faults amount to; the greater covers the less. */
enum vrrp_hold {
	VRRP_HOLD_NONE,
	VRRP_HOLD_QUIET, /* something has not reported yet */
	VRRP_HOLD_FAULT,
};

struct vrrp_group_member {
	enum vrrp_state state;
	bool wants_master;  /* struct vrrp_fsm has it */
	enum vrrp_hold own; /* its own faults; those of the others do not count here */
	bool resigned;      /* it left MASTER with priority 0 */
};

static inline bool vrrp_group_member_equal(const struct vrrp_group_member *a, const struct vrrp_group_member *b)
{
	return a->state == b->state && a->wants_master == b->wants_master && a->own == b->own &&
	       a->resigned == b->resigned;
}

enum vrrp_group_order {
	VRRP_GROUP_STAY,
	VRRP_GROUP_GO_MASTER,        /* VRRP_EV_GROUP_MASTER */
	VRRP_GROUP_GO_BACKUP,        /* VRRP_EV_GROUP_BACKUP */
	VRRP_GROUP_GO_BACKUP_RESIGN, /* the same with priority 0 */
};

/* What member i is told after member `who` changed from `before` to what `m[who]` says now. `group` is the group's
 * state so far. */
enum vrrp_group_order vrrp_group_order(enum vrrp_state group, const struct vrrp_group_member *before,
				       const struct vrrp_group_member *m, size_t n, size_t who, size_t i);

/* What the faults of the others make of member i. */
enum vrrp_hold vrrp_group_hold(const struct vrrp_group_member *m, size_t n, size_t i);

/* The group's state, once all orders are carried out: that of its members, VRRP_INIT while something has not reported;
 * `before` while they differ. */
enum vrrp_state vrrp_group_state(enum vrrp_state before, const struct vrrp_group_member *m, size_t n);
