/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a sync group, each as a function of what the members say of themselves. Who carries the orders out, and
 * what becomes of them, shows in the members' next states; nothing is remembered here. */
#include "vrrp/group.h"

static bool all_want_master(const struct vrrp_group_member *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].state != VRRP_BACKUP || !m[i].wants_master)
			return false;
	return true;
}

enum vrrp_group_order vrrp_group_order(enum vrrp_state group, const struct vrrp_group_member *before,
				       const struct vrrp_group_member *m, size_t n, size_t who, size_t i)
{
	if (before->state == VRRP_MASTER && m[who].state == VRRP_BACKUP) {
		if (i == who || m[i].state != VRRP_MASTER)
			return VRRP_GROUP_STAY;
		return m[who].resigned ? VRRP_GROUP_GO_BACKUP_RESIGN : VRRP_GROUP_GO_BACKUP;
	}
	if (m[i].state != VRRP_BACKUP)
		return VRRP_GROUP_STAY;
	if (all_want_master(m, n) || (group == VRRP_MASTER && m[i].wants_master))
		return VRRP_GROUP_GO_MASTER;
	return VRRP_GROUP_STAY;
}

enum vrrp_hold vrrp_group_hold(const struct vrrp_group_member *m, size_t n, size_t i)
{
	enum vrrp_hold hold = VRRP_HOLD_NONE;

	for (size_t k = 0; k < n; k++)
		if (k != i && m[k].own > hold)
			hold = m[k].own;
	return hold;
}

enum vrrp_state vrrp_group_state(enum vrrp_state before, const struct vrrp_group_member *m, size_t n)
{
	enum vrrp_hold worst = VRRP_HOLD_NONE;

	for (size_t i = 0; i < n; i++) {
		if (m[i].state != m[0].state)
			return before;
		worst = m[i].own > worst ? m[i].own : worst;
	}
	/* Quiet, unless mastership was lost by it, or a fault was told before: as the members have it. */
	if (n > 0 && m[0].state == VRRP_FAULT && worst != VRRP_HOLD_FAULT)
		return before == VRRP_MASTER || before == VRRP_FAULT ? VRRP_FAULT : VRRP_INIT;
	return n > 0 ? m[0].state : before;
}
