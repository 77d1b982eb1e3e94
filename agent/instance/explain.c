/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers what agent/explain needs to know of an instance. Decides nothing, words nothing. */
#include "agent/instance/impl.h"

#include "agent/base/cleanup.h"
#include "agent/explain.h"
#include "agent/json.h"

#include <time.h>

enum { TEXT_SIZE = 8192, HOLDS_MAX = 16 };

/* --- checks ------------------------------------------------------------------------------------------------------ */

static void timing_of_mysql(const struct conf_mysql *m, const char *name, struct explain_check *c)
{
	if (strcmp(m->name, name) == 0) {
		c->mysql = true;
		c->rise = m->rise;
		c->fall = m->fall;
		c->interval_us = m->probe.interval_us;
		c->timeout_us = m->probe.timeout_us;
		c->dead_delay_us = m->dead_delay_us;
	}
	for (size_t i = 0; i < m->n_fitness; i++)
		if (strcmp(m->fitness[i].name, name) == 0) {
			c->rise = m->fitness[i].rise;
			c->fall = m->fitness[i].fall;
		}
}

static void timing_of(const struct conf *conf, const struct tracked *t, struct explain_check *c)
{
	bool script = strcmp(t->kind, "script") == 0, mysql = strcmp(t->kind, "mysql") == 0;

	for (size_t i = 0; !script && i < conf->n_mysqls; i++)
		if (mysql || strcmp(t->kind, "check") == 0)
			timing_of_mysql(&conf->mysqls[i], t->name, c);
	for (size_t i = 0; script && i < conf->n_scripts; i++)
		if (strcmp(conf->scripts[i].name, t->name) == 0) {
			c->rise = conf->scripts[i].rise;
			c->fall = conf->scripts[i].fall;
			c->interval_us = conf->scripts[i].interval_us;
			c->timeout_us = conf->scripts[i].timeout_us;
		}
}

static size_t checks_of(const struct instance *inst, const struct tracked *list, size_t n, struct explain_check *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct explain_check){
			.what = list[i].what, .name = list[i].name, .reason = list[i].reason, .in = list[i].in
		};
		timing_of(inst->env.conf, &list[i], &ret[i]);
	}
	return n;
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

static enum explain_hold_kind kind_of(unsigned fault)
{
	switch (fault) {
	case FAULT_STANDBY:
		return EXPLAIN_HOLD_STANDBY;
	case FAULT_LINK:
	case FAULT_SOURCE:
	case FAULT_WIRE:
	case FAULT_NO_PEER:
	case FAULT_VIP_LINK:
		return EXPLAIN_HOLD_LINK;
	case FAULT_CHECK:
		return EXPLAIN_HOLD_CHECK;
	case FAULT_PENDING:
		return EXPLAIN_HOLD_PENDING;
	case FAULT_ADDRESS:
	case FAULT_LOST:
		return EXPLAIN_HOLD_ADDRESS;
	case FAULT_GROUP:
	case FAULT_GROUP_PENDING:
		return EXPLAIN_HOLD_GROUP;
	case FAULT_UNHEARD:
		return EXPLAIN_HOLD_UNHEARD;
	case FAULT_VETO:
		return EXPLAIN_HOLD_VETO;
	}
	return EXPLAIN_HOLD_OTHER;
}

static size_t holds_of(const struct instance *inst, struct explain_hold *ret, char texts[HOLDS_MAX][CAUSE_MAX + 32])
{
	size_t n = 0;

	for (unsigned bit = 0; bit < 32 && n < HOLDS_MAX; bit++) {
		unsigned fault = inst->faults & 1u << bit;

		if (!fault || !instance_fault_text(inst, fault, texts[n], sizeof(texts[n])))
			continue;
		ret[n] = (struct explain_hold){ .kind = kind_of(fault), .text = texts[n] };
		n++;
	}
	return n;
}

static uint64_t left_us(const struct loop_timer *t, uint64_t now_us)
{
	return loop_timer_armed(t) && t->due_us > now_us ? t->due_us - now_us : 0;
}

static struct explain_last last_transition(const struct journal_entry *e, char *when, size_t size)
{
	time_t s = e ? (time_t)(e->wall_us / 1000000) : 0;
	struct tm tm;

	if (!e || !localtime_r(&s, &tm) || strftime(when, size, "%F %T", &tm) == 0)
		return (struct explain_last){ 0 };
	return (struct explain_last){ .time = when,
				      .from = e->from,
				      .to = e->to,
				      .cause = e->text,
				      .peer = e->peer,
				      .peer_priority = e->peer_priority,
				      .priority = e->priority,
				      .mysql = e->mysql };
}

static size_t present(const struct instance *inst)
{
	size_t n = 0;

	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		int ifindex = instance_vip_ifindex(inst, i);

		n += ifindex && netif_has(inst->env.netif, ifindex, &inst->conf->vips[i].prefix);
	}
	return n;
}

static const char *text_of(const struct ip_addr *a, char buf[IP_STR_MAX])
{
	return ip_is_set(a) ? ip_format(a, buf) : NULL;
}

/* The lines as an array: nothing that a terminal might act upon is to come through as one text. */
static json_t *lines_of(const char *text)
{
	json_t *all = json_array();

	while (*text) {
		const char *end = strchr(text, '\n');
		size_t n = end ? (size_t)(end - text) : strlen(text);
		char line[1024];

		snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1), text);
		json_array_append_new(all, json_text(line));
		text += end ? n + 1 : n;
	}
	return all;
}

static json_t *tell(const struct instance *inst, const struct explain_check *checks, size_t n_checks, char *text)
{
	char vip[IP_STR_MAX], heard[IP_STR_MAX], master[IP_STR_MAX], own[IP_STR_MAX], rival[IP_STR_MAX], when[64];
	char texts[HOLDS_MAX][CAUSE_MAX + 32];
	const struct peer *last = instance_last_peer(inst, 0);
	struct explain_hold holds[HOLDS_MAX];
	uint64_t now_us = loop_now_us();
	struct explain_facts f = {
		.name = inst->conf->name,
		.interface = inst->conf->interface,
		.vip = inst->conf->n_vips ? ip_format(&inst->conf->vips[0].prefix.addr, vip) : NULL,
		.n_vips = inst->conf->n_vips,
		.n_present = present(inst),
		.fsm = &inst->fsm,
		.base = inst->conf->priority,
		.since_us = now_us - inst->since_us,
		.down_left_us = left_us(&inst->down_timer, now_us),
		.preempt_left_us = left_us(&inst->preempt_timer, now_us),
		.heard_us = last ? now_us - last->heard_us : UINT64_MAX,
		.heard = last ? ip_format(&last->addr, heard) : NULL,
		.heard_priority = last ? last->priority : 0,
		.master = text_of(&inst->fsm.master, master),
		.own = text_of(&inst->fsm.own, own),
		.maintenance = inst->maintenance,
		.observe = inst->env.observe,
		.entitled = inst->entitled,
		.withheld = inst->would[0] ? inst->would : NULL,
		.holds = holds,
		.n_holds = holds_of(inst, holds, texts),
		.checks = checks,
		.n_checks = n_checks,
	};

	f.last = last_transition(journal_last(inst->conf->name, 1u << JOURNAL_TRANSITION), when, sizeof(when));
	if (inst->rival.present) {
		f.rival = text_of(&inst->rival.addr, rival);
		f.rival_priority = inst->rival.priority;
	}
	return json_pack("{s:o, s:s, s:o}", "name", json_text(inst->conf->name), "state",
			 vrrp_state_name(inst->fsm.state), "lines", lines_of(explain(&f, text, TEXT_SIZE)));
}

json_t *instance_explain(const struct instance *inst)
{
	size_t max = tracker_max(inst->env.conf, &inst->conf->tracks) + 1;
	_cleanup_(freep) struct tracked *list = calloc(max, sizeof(*list));
	_cleanup_(freep) struct explain_check *checks = calloc(max, sizeof(*checks));
	_cleanup_(freep) char *text = malloc(TEXT_SIZE);
	size_t n;

	if (!list || !checks || !text)
		return NULL;
	n = instance_collect(inst, list);
	return tell(inst, checks, checks_of(inst, list, n, checks), text);
}
