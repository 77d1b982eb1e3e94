/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance writes into the journal: its events with the evidence at hand. */
#include "agent/instance/impl.h"

#include "agent/journal.h"

#include <stdarg.h>

/* Each reason at most once in this time: the journal is bounded, and a flood must not displace
 * what matters. */
enum { REFUSED_US = 60 * 1000000 };

static struct journal_note evidence(const struct instance *inst, enum journal_kind kind)
{
	return (struct journal_note){
		.kind = kind,
		.instance = inst->conf->name,
		.peer = inst->heard.src,
		.peer_priority = inst->heard.priority,
		.priority = inst->fsm.priority,
		.mysql = instance_mysql_verdict(inst),
		.down_us = vrrp_down_us(&inst->fsm),
		.skew_us = vrrp_skew_us(&inst->fsm),
	};
}

void instance_record(const struct instance *inst, int level, enum journal_kind kind, const char *fmt, ...)
{
	const struct journal_note note = evidence(inst, kind);
	char text[JOURNAL_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	journal_log(level, &note, "%s", text);
}

void instance_record_transition(const struct instance *inst, enum vrrp_state old, const char *cause)
{
	struct journal_note note = evidence(inst, JOURNAL_TRANSITION);

	note.from = vrrp_state_name(old);
	note.to = vrrp_state_name(inst->fsm.state);
	journal_write(&note, "%s", cause);
	log_write(LOG_NOTICE, inst->conf->name, "%s -> %s (%s)", note.from, note.to, cause);
}

void instance_record_refusal(struct instance *inst, enum vrrp_drop why, const struct ip_addr *src)
{
	const struct journal_note note = { .kind = JOURNAL_REFUSED, .instance = inst->conf->name };
	char addr[IP_STR_MAX];
	uint64_t before;

	if (log_limit_pass(&inst->refused[why], loop_now_us(), REFUSED_US, &before))
		journal_write(&note, "an advert from %s: %s (%llu in all)", ip_format(src, addr), vrrp_drop_name(why),
			      (unsigned long long)inst->counters.drops[why]);
}
