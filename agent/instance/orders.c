/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's orders on an instance: standby, and maintenance, which withholds events from the machine; and the
 * alarms that an instance raises. What maintenance withholds is decided in agent/maintenance. */
#include "agent/instance/impl.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"
#include "agent/json.h"
#include "agent/maintenance.h"
#include "agent/orders.h"

#include <assert.h>
#include <stdarg.h>

/* --- standby ----------------------------------------------------------------------------------------------------- */

bool instance_is_standby(const struct instance *inst)
{
	return inst->faults & FAULT_STANDBY;
}

void instance_set_standby(struct instance *inst, bool on)
{
	if (on == instance_is_standby(inst))
		return;
	instance_set_faults(inst, FAULT_STANDBY, on ? FAULT_STANDBY : 0,
			    on ? "standby was ordered" : "resume was ordered");
}

/* --- maintenance ------------------------------------------------------------------------------------------------- */

static void what_would_be(const struct instance *inst, const struct vrrp_event *ev, const char *cause, char *buf,
			  size_t size)
{
	if (inst->fsm.state == VRRP_BACKUP)
		snprintf(buf, size, "would take over: %s", cause);
	else if (ev->type == VRRP_EV_PRIORITY)
		snprintf(buf, size, "would advertise priority %u instead of %u", ev->priority, inst->fsm.priority);
	else
		snprintf(buf, size, "would give up the addresses: %s", cause);
}

/* What is wrong with it: not that something is to report yet, nor what was ordered. All members of a sync group go on
 * standby together, and hold one another. */
static unsigned real_faults(const struct instance *inst)
{
	unsigned ordered = instance_is_standby(inst) ? FAULT_STANDBY | FAULT_GROUP : 0;

	return inst->faults & ~(FAULT_QUIET | ordered);
}

/* "" if there is none. */
static void first_fault(const struct instance *inst, unsigned faults, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned bit = 0; bit < 32; bit++)
		if (faults & 1u << bit && instance_fault_text(inst, faults & 1u << bit, buf, size))
			return;
}

void instance_withheld_is_over(struct instance *inst, enum vrrp_event_type type)
{
	if (inst->would[0] && inst->withheld == type)
		inst->would[0] = '\0';
}

static void set_entitled(struct instance *inst, bool entitled)
{
	inst->entitled = entitled;
	orders_set_holder(inst->env.orders, inst->conf->name, entitled);
}

static void look_whether_over(struct instance *inst, const struct vrrp_event *ev)
{
	if (ev->type == VRRP_EV_FAULT_CLEARED)
		instance_withheld_is_over(inst, VRRP_EV_FAULT);
	if (ev->type != VRRP_EV_ADVERT || ev->priority == 0 || inst->fsm.state != VRRP_BACKUP)
		return;
	/* Somebody else has the addresses. */
	instance_withheld_is_over(inst, VRRP_EV_DOWN_TIMER);
	instance_withheld_is_over(inst, VRRP_EV_GROUP_MASTER);
	if (inst->entitled)
		set_entitled(inst, false);
}

/* Master, but without the addresses, since they were refused to us: maintenance has nothing to keep here. */
static bool take_failed(const struct instance *inst)
{
	return inst->unheard.take_waits ||
	       (inst->faults & (FAULT_VETO | FAULT_ADDRESS | FAULT_VIP_LINK) && inst->lane_len > 0 &&
		inst->lane[0].kind == ERRAND_ACTION && inst->lane[0].act.type == VRRP_ACT_VIPS_ADD);
}

/* Its own order may be still to come when another member of its sync group takes it along. */
static bool is_ordered_out(const struct instance *inst)
{
	return inst->faults & FAULT_STANDBY || orders_standby(inst->env.orders, inst->conf->name) != 0;
}

static bool maintenance_keeps(const struct instance *inst, const struct vrrp_event *ev)
{
	const struct maintenance_view v = {
		.state = inst->fsm.state,
		.priority = inst->fsm.priority,
		.ordered = is_ordered_out(inst) || take_failed(inst) || inst->unheard.spoken_over,
		.entitled = inst->entitled,
	};

	return maintenance_withholds(&v, ev);
}

bool instance_withholds(struct instance *inst, const struct vrrp_event *ev, const struct cause *cause)
{
	char would[CAUSE_MAX], text[CAUSE_MAX];

	look_whether_over(inst, ev);
	if (!inst->maintenance || !maintenance_keeps(inst, ev))
		return false;
	if (ev->type == VRRP_EV_DOWN_TIMER) /* it may be asked again */
		loop_timer_in(&inst->down_timer, vrrp_down_us(&inst->fsm));
	what_would_be(inst, ev, instance_cause_text(cause, ev, text), would, sizeof(would));
	/* Once for each that is new: the down timer and the checks come back to it. */
	if (strcmp(would, inst->would) != 0)
		instance_record(inst, LOG_WARNING, JOURNAL_WOULD, "maintenance: %s", would);
	snprintf(inst->would, sizeof(inst->would), "%s", would);
	inst->withheld = ev->type;
	return true;
}

/* After each transition. Standby ends the claim, and so does another master that is heard; a stop does not. */
void instance_note_holder(struct instance *inst)
{
	inst->would[0] = '\0';
	if (!inst->maintenance)
		return;
	if (inst->fsm.state == VRRP_MASTER && !inst->entitled)
		set_entitled(inst, true);
	else if (is_ordered_out(inst) && inst->entitled)
		set_entitled(inst, false);
}

static void catch_up(struct instance *inst)
{
	const struct vrrp_event fault = { .type = VRRP_EV_FAULT };
	unsigned real = real_faults(inst);
	char cause[CAUSE_MAX];

	first_fault(inst, real ? real : inst->faults, cause, sizeof(cause));
	if (inst->faults && inst->fsm.state == VRRP_MASTER)
		instance_feed(inst, &fault, "maintenance is over: %s", cause);
	instance_on_checks(inst);
	instance_look_for_lost(inst); /* what could not be put back meanwhile */
}

void instance_set_maintenance(struct instance *inst, bool on)
{
	if (on == inst->maintenance)
		return;
	inst->maintenance = on;
	inst->would[0] = '\0';
	if (!on) {
		inst->entitled = false;
		catch_up(inst);
		return;
	}
	if (inst->fsm.state == VRRP_MASTER)
		set_entitled(inst, true);
	inst->entitled = orders_holder(inst->env.orders, inst->conf->name);
}

void instance_obey(struct instance *inst)
{
	if (!inst->env.orders)
		return;
	if (orders_standby(inst->env.orders, inst->conf->name)) {
		journal_log(LOG_WARNING, &(struct journal_note){ .kind = JOURNAL_ORDER, .instance = inst->conf->name },
			    "still on standby, as ordered before this start");
		instance_set_standby(inst, true);
	}
	instance_set_maintenance(inst, orders_maintenance(inst->env.orders) != 0);
}

/* --- alarms ------------------------------------------------------------------------------------------------------ */

const struct peer *instance_last_peer(const struct instance *inst, uint64_t since_us)
{
	const struct peer *last = NULL;

	for (size_t i = 0; i < PEERS_MAX; i++)
		if (ip_is_set(&inst->peers[i].addr) && inst->peers[i].heard_us >= since_us &&
		    (!last || inst->peers[i].heard_us > last->heard_us))
			last = &inst->peers[i];
	return last;
}

const struct peer *instance_other_master(const struct instance *inst)
{
	uint64_t now_us = loop_now_us(), patience_us = vrrp_down_us(&inst->fsm);
	const struct peer *p = instance_last_peer(inst, now_us > patience_us ? now_us - patience_us : 0);

	return p && p->priority != VRRP_PRIO_RESIGN ? p : NULL;
}

bool instance_heard_anybody(const struct instance *inst)
{
	return instance_last_peer(inst, 0) != NULL;
}

static bool vip_missing(const struct instance *inst)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++)
		if (!inst->conf->vips[i].no_track && !instance_vip_is_there(inst, i))
			return true;
	return false;
}

/* All that instances raise, here and elsewhere: what is not listed outlives its instance. */
static const char *const alarms[] = {
	"standby", "fault", "would", "no_master", "vip_missing", "rival", "auth", "stray",
};

static bool is_listed(const char *id)
{
	for (size_t i = 0; i < ELEMENTSOF(alarms); i++)
		if (strcmp(alarms[i], id) == 0)
			return true;
	return false;
}

void instance_forget_alarms(const struct instance *inst)
{
	alarm_forget(alarms, ELEMENTSOF(alarms), inst->conf->name);
}

const char *instance_alarm(const char *id)
{
	assert(is_listed(id));
	return id;
}

static void alarm_if(bool on, const struct instance *inst, const char *id, const char *text)
{
	if (on)
		alarm_raise(instance_alarm(id), inst->conf->name, "%s", text);
	else
		alarm_end(id, inst->conf->name);
}

void instance_look_for_alarms(struct instance *inst)
{
	uint64_t now_us = loop_now_us(), patience_us = vrrp_down_us(&inst->fsm) + 1000000;
	bool standby = instance_is_standby(inst), master = inst->fsm.state == VRRP_MASTER;
	bool listening = inst->fsm.state == VRRP_BACKUP || (standby && inst->fsm.state == VRRP_FAULT);
	bool alone = listening && now_us - inst->since_us > patience_us &&
		     !instance_last_peer(inst, now_us > patience_us ? now_us - patience_us : 0);

	char fault[CAUSE_MAX], rival[CAUSE_MAX] = "";

	first_fault(inst, real_faults(inst), fault, sizeof(fault));
	alarm_if(standby, inst, "standby", "on standby: it stays out until \"sqlvipctl resume\"");
	alarm_if(real_faults(inst) != 0, inst, "fault", fault);
	alarm_if(inst->would[0], inst, "would", inst->would);
	alarm_if(alone, inst, "no_master", "nobody advertises: no host that is heard here has the addresses");
	alarm_if(master && !inst->env.observe && inst->lane_len == 0 && vip_missing(inst), inst, "vip_missing",
		 "master, and an address is missing");
	instance_look_for_strays(inst);
	alarm_if(!inst->env.observe && instance_rival_text(inst, rival, sizeof(rival)) != NULL, inst, "rival", rival);
}

void instance_orders_status(const struct instance *inst, json_t *status)
{
	uint64_t now_us = loop_now_us();

	if (inst->env.observe)
		json_object_set_new(status, "neighbour_heard_s",
				    inst->neighbour_us ? json_real((double)(now_us - inst->neighbour_us) / 1e6)
						       : json_null());
	json_object_set_new(status, "standby", json_boolean(instance_is_standby(inst)));
	json_object_set_new(status, "withheld", inst->would[0] ? json_text(inst->would) : json_null());
}
