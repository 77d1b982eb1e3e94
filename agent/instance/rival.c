/* SPDX-License-Identifier: Apache-2.0 */
/* Another router that claims to be master while we are, and has to yield to us: who it is, for how long, and when it is
 * over. If it lasted, the addresses are announced once more, since nobody knows when the other one did. What the
 * protocol answers is vrrp/fsm's business. */
#include "agent/instance/impl.h"

#include "agent/json.h"

enum {
	HEED_EACH_US = 1000000, /* hook and announcements, whatever the rate at which it speaks */
	LOG_EACH_US = 60000000,
};

/* Its silence for so long means that it has yielded, or is gone: as long as a backup would wait, and one interval. */
static uint64_t patience_us(const struct instance *inst)
{
	uint64_t interval_us = inst->rival.interval_us;

	if (interval_us < inst->conf->advert_us)
		interval_us = inst->conf->advert_us;
	return (inst->conf->down_adverts + 1) * interval_us;
}

static void remember(struct instance *inst, uint64_t now_us)
{
	struct rival *r = &inst->rival;
	uint64_t suppressed;

	if (!r->present || !ip_equal(&r->addr, &inst->heard.src)) {
		*r = (struct rival){ .addr = inst->heard.src, .present = true, .since_us = now_us };
		/* Another one is news, but not as often as somebody invents names. */
		if (log_limit_pass(&inst->rival_new, now_us, HEED_EACH_US, &suppressed))
			inst->rival_line = (struct log_limit){ 0 };
	}
	r->priority = inst->heard.priority;
	r->interval_us = inst->heard.interval_us;
	r->heard_us = now_us;
	r->adverts++;
	loop_timer_in(&inst->rival_timer, patience_us(inst));
}

bool instance_rival_heard(struct instance *inst)
{
	uint64_t now_us = loop_now_us(), suppressed;
	char addr[IP_STR_MAX];

	inst->counters.rival_adverts++;
	remember(inst, now_us);
	if (log_limit_pass(&inst->rival_line, now_us, LOG_EACH_US, &suppressed))
		instance_record(
			inst, LOG_WARNING, JOURNAL_RIVAL,
			"%s also claims to be master, with priority %u; ours is %u and wins (for %.1f s so far, "
			"%llu adverts)",
			ip_format(&inst->rival.addr, addr), inst->rival.priority, inst->fsm.priority,
			(double)(now_us - inst->rival.since_us) / 1e6, (unsigned long long)inst->rival.adverts);
	/* Whoever can send adverts could otherwise make us run programs and flood the segment at his rate. */
	return log_limit_pass(&inst->rival_log, now_us, HEED_EACH_US, &suppressed);
}

static void over(struct instance *inst, const char *how)
{
	struct rival *r = &inst->rival;
	char addr[IP_STR_MAX];

	r->present = false;
	loop_timer_stop(&inst->rival_timer);
	instance_record(inst, LOG_NOTICE, JOURNAL_RIVAL, "%s %s; it claimed to be master for %.1f s (%llu adverts)",
			ip_format(&r->addr, addr), how, (double)(r->heard_us - r->since_us) / 1e6,
			(unsigned long long)r->adverts);
}

void instance_rival_lost_to(struct instance *inst)
{
	if (inst->rival.present)
		over(inst, "is no longer a rival: we are not master");
}

void instance_rival_due(void *user, uint64_t due_us)
{
	struct instance *inst = user;
	/* One that was heard once yielded to our answer, and what we announced with it came after what it had. */
	bool lasted = inst->rival.adverts > 1;

	(void)due_us;
	if (!inst->rival.present)
		return;
	over(inst, lasted ? "has yielded, the addresses are announced again" : "has yielded");
	if (lasted && inst->fsm.state == VRRP_MASTER && inst->lane_len == 0)
		announce_again(inst->announce);
}

const char *instance_rival_text(const struct instance *inst, char *buf, size_t size)
{
	const struct rival *r = &inst->rival;
	char addr[IP_STR_MAX];

	if (!r->present)
		return NULL;
	snprintf(buf, size, "%s claims to be master, too, with priority %u, for %.0f s: is it cut off from here?",
		 ip_format(&r->addr, addr), r->priority, (double)(loop_now_us() - r->since_us) / 1e6);
	return buf;
}

json_t *instance_rival_status(const struct instance *inst)
{
	const struct rival *r = &inst->rival;
	uint64_t now_us = loop_now_us();
	char addr[IP_STR_MAX];

	if (!ip_is_set(&r->addr))
		return json_null();
	return json_pack("{s:s, s:i, s:b, s:f, s:f, s:f, s:I}", "address", ip_format(&r->addr, addr), "priority",
			 r->priority, "present", r->present, "since_s", (double)(now_us - r->since_us) / 1e6, "for_s",
			 (double)(r->heard_us - r->since_us) / 1e6, "last_heard_s",
			 (double)(now_us - r->heard_us) / 1e6, "adverts", (json_int_t)r->adverts);
}
