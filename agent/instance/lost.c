/* SPDX-License-Identifier: Apache-2.0 */
/* VIPs that others delete again and again. One is put back (addr.c); but where that happens too often, this host is
 * none to have them: it resigns, so that a peer may, and stays in FAULT for a while. Whoever preempted as soon as it
 * may would begin the game anew, and each round costs clients an interruption: so the while is longer each time, as
 * long as somebody else has them, and until a good time has passed. */
#include "agent/instance/impl.h"

/* Counts incidents, not addresses: a flush takes many at once. */
bool instance_lost_too_often(struct instance *inst)
{
	struct lost *l = &inst->lost;
	uint64_t now_us = loop_now_us();
	uint64_t oldest_us = l->at_us[l->next];

	if (l->last_us && now_us - l->last_us < LOST_GRACE_US)
		return false;
	l->last_us = now_us;
	l->at_us[l->next] = now_us;
	l->next = (l->next + 1) % LOST_MAX;
	if (!oldest_us || now_us - oldest_us >= LOST_WINDOW_US)
		return false;
	memset(l->at_us, 0, sizeof(l->at_us)); /* what follows is judged anew */
	return true;
}

void instance_lost_give_up(struct instance *inst, const char *addr)
{
	struct lost *l = &inst->lost;
	uint64_t now_us = loop_now_us();

	if (now_us - inst->since_us >= LOST_GOOD_US || now_us >= l->until_us + 2 * l->hold_us + LOST_GOOD_US)
		l->hold_us = 0;
	l->hold_us = instance_hold_us(l->hold_us, INSTANCE_HOLD_MAX_US);
	instance_record(inst, LOG_ERR, JOURNAL_ADDRESS,
			"%s was deleted by somebody else too often to be put back; trying again in %.0f s%s", addr,
			(double)l->hold_us / 1e6, INSTANCE_HOLD_SOONER(l->hold_us));
	l->until_us = now_us + l->hold_us;
	loop_timer_in(&l->timer, INSTANCE_HOLD_MIN_US);
	instance_set_faults(inst, FAULT_LOST, FAULT_LOST,
			    "%s was deleted by somebody else, for the %dth time within %d s", addr, LOST_MAX + 1,
			    LOST_WINDOW_US / 1000000);
}

void instance_lost_forgiven(void *user, uint64_t due_us)
{
	struct instance *inst = user;

	(void)due_us;
	if (!instance_waits_on(inst, &inst->lost.timer, inst->lost.until_us))
		instance_set_faults(inst, FAULT_LOST, 0, "trying again whether the addresses are left alone");
}
