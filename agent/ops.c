/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's commands: names become instances, refusals get their reasons. What an order does is the instance's
 * business, keeping it that of agent/orders. */
#include "agent/ops.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/journal.h"
#include "agent/json.h"
#include "agent/names.h"
#include "agent/orders.h"
#include "agent/request.h"

#include <limits.h>
#include <string.h>
#include <time.h>

enum { TEXT_MAX = 480 };

static const struct journal_note order_note = { .kind = JOURNAL_ORDER };

/* --- which instances --------------------------------------------------------------------------------------------- */

struct target {
	const char *name;  /* NULL: all */
	const char *group; /* its sync group, or NULL */
	bool force;
};

/* A sync group is taken as a whole: its addresses move together. */
static bool is_meant(const struct target *t, const struct instance *inst)
{
	const char *group = instance_sync_group(inst);

	return !t->name || strcmp(t->name, instance_name(inst)) == 0 ||
	       (t->group && group && strcmp(t->group, group) == 0);
}

/* The names of the instances, ended by NULL, with room for `more`. NULL without memory. */
static const char **instance_names(const struct ops *o, size_t more)
{
	const char **names = calloc(o->n + more + 1, sizeof(*names));

	for (size_t i = 0; names && i < o->n; i++)
		names[i] = instance_name(o->instances[i]);
	return names;
}

/* `known` may be NULL: no memory. */
static void refuse_unknown(const char *what, const char *name, const char *const *known, struct control_reply *reply)
{
	char text[TEXT_MAX];

	control_reply_error(reply, known ? names_unknown(what, name, known, text, sizeof(text)) : "out of memory",
			    NULL);
}

static void refuse_unknown_instance(const struct ops *o, const char *name, struct control_reply *reply)
{
	const char **names = instance_names(o, 0);

	refuse_unknown("instance", name, names, reply);
	free(names);
}

/* False after a refusal, as the next. */
static bool may_order(const struct ops *o, struct control_reply *reply)
{
	if (o->observe)
		control_reply_error(reply, "this agent only observes: there is nothing to order", NULL);
	return !o->observe;
}

static bool parse_target(const struct ops *o, const json_t *request, struct target *t, struct control_reply *reply)
{
	static const char *const known[] = { "instance", "force", NULL };
	const char *error = NULL;

	*t = (struct target){ 0 };
	if (!request_knows(request, known, &error) || !request_text(request, "instance", &t->name, &error) ||
	    !request_bool(request, "force", &t->force, &error)) {
		control_reply_error(reply, error, NULL);
		return false;
	}
	for (size_t i = 0; i < o->n; i++)
		if (is_meant(t, o->instances[i])) {
			t->group = t->name ? instance_sync_group(o->instances[i]) : NULL;
			return true;
		}
	if (t->name)
		refuse_unknown_instance(o, t->name, reply);
	else
		control_reply_error(reply, "there is no instance", NULL);
	return false;
}

/* --- standby ----------------------------------------------------------------------------------------------------- */

/* Handing over to nobody is an outage. True after a refusal. */
static bool would_hand_to_nobody(const struct ops *o, const struct target *t, struct control_reply *reply)
{
	char text[TEXT_MAX];

	for (size_t i = 0; i < o->n && !t->force; i++) {
		const struct instance *inst = o->instances[i];

		if (!is_meant(t, inst) || !instance_is_master(inst) || instance_heard_anybody(inst))
			continue;
		snprintf(text, sizeof(text),
			 "%.64s holds its addresses, and no other router has been heard since this agent started: if "
			 "there is none, nobody will take them. Backups are silent, so one may be there all the same; "
			 "if "
			 "you know that it is, say --force",
			 instance_name(inst));
		control_reply_error(reply, text, NULL);
		return true;
	}
	return false;
}

/* What was, and what is to be, is known of all of them before the first moves: the others of its sync group go with it
 * at once. */
static json_t *set_standby(const struct ops *o, const struct target *t, bool on)
{
	json_t *all = json_array();

	for (size_t i = 0; i < o->n; i++) {
		struct instance *inst = o->instances[i];
		const char *name = instance_name(inst);
		bool master = instance_is_master(inst), changed = instance_is_standby(inst) != on;

		if (!is_meant(t, inst) || (!t->name && !on && !changed))
			continue;
		if (changed)
			journal_log(LOG_NOTICE, &(struct journal_note){ .kind = JOURNAL_ORDER, .instance = name },
				    on ? "standby%s" : "resume%s", on && t->force ? " (forced)" : "");
		/* Kept first: should the agent end here, the order is in force at its next start. */
		if (orders_set_standby(o->orders, name, on) < 0)
			log_error("%s: no memory to keep the order over a restart", name);
		json_array_append_new(all, json_pack("{s:o, s:b, s:b, s:b}", "name", json_text(name), "standby", on,
						     "changed", changed, "was_master", master));
	}
	for (size_t i = 0; i < o->n; i++)
		if (is_meant(t, o->instances[i]))
			instance_set_standby(o->instances[i], on);
	ops_look(o);
	return json_pack("{s:o}", "instances", all);
}

void ops_standby(const struct ops *o, const json_t *request, struct control_reply *reply)
{
	struct target t;

	if (may_order(o, reply) && parse_target(o, request, &t, reply) && !would_hand_to_nobody(o, &t, reply))
		control_reply_ok(reply, set_standby(o, &t, true));
}

void ops_resume(const struct ops *o, const json_t *request, struct control_reply *reply)
{
	struct target t;

	if (may_order(o, reply) && parse_target(o, request, &t, reply))
		control_reply_ok(reply, set_standby(o, &t, false));
}

/* --- maintenance ------------------------------------------------------------------------------------------------- */

static void show_maintenance(const struct ops *o)
{
	time_t since = (time_t)(orders_maintenance(o->orders) / 1000000);
	char when[64] = "";
	struct tm tm;

	if (!since) {
		alarm_end("maintenance", NULL);
		return;
	}
	if (localtime_r(&since, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	alarm_raise("maintenance", NULL, "maintenance since %s: nothing moves, until \"sqlvipctl maintenance off\"",
		    when);
}

static void set_maintenance(const struct ops *o, bool on)
{
	if (on == (orders_maintenance(o->orders) != 0))
		return;
	journal_log(LOG_NOTICE, &order_note, "maintenance %s", on ? "on" : "off");
	orders_set_maintenance(o->orders, on);
	show_maintenance(o);
	for (size_t i = 0; i < o->n; i++) {
		instance_set_maintenance(o->instances[i], on);
		instance_look_for_alarms(o->instances[i]);
	}
}

json_t *ops_status(const struct ops *o)
{
	uint64_t since_us = orders_maintenance(o->orders);

	return json_pack("{s:b, s:I}", "on", since_us != 0, "since_us", (json_int_t)since_us);
}

void ops_maintenance(const struct ops *o, const json_t *request, struct control_reply *reply)
{
	static const char *const known[] = { "on", NULL };
	bool on = orders_maintenance(o->orders) != 0;
	const char *error = NULL;

	if (!request_knows(request, known, &error) || !request_bool(request, "on", &on, &error)) {
		control_reply_error(reply, error, NULL);
		return;
	}
	if (json_object_get(request, "on") && !may_order(o, reply))
		return;
	set_maintenance(o, on);
	control_reply_ok(reply, ops_status(o));
}

/* --- explain ----------------------------------------------------------------------------------------------------- */

void ops_explain(const struct ops *o, const json_t *request, struct control_reply *reply)
{
	static const char *const known[] = { "instance", NULL };
	struct target t;
	json_t *all;
	const char *error = NULL;

	if (!request_knows(request, known, &error)) {
		control_reply_error(reply, error, NULL);
		return;
	}
	if (!parse_target(o, request, &t, reply))
		return;
	t.group = NULL; /* the one that was asked for */
	all = json_array();
	for (size_t i = 0; i < o->n; i++)
		if (is_meant(&t, o->instances[i]))
			json_array_append_new(all, instance_explain(o->instances[i]));
	control_reply_ok(reply, json_pack("{s:o}", "instances", all));
}

/* --- events ------------------------------------------------------------------------------------------------------ */

/* What the events of this configuration may be about. The strings of `checks` are borrowed. */
static const char **subject_names(const struct ops *o, const json_t *checks)
{
	const struct conf *c = o->conf;
	const char **names = instance_names(o, c->n_groups + c->n_links + json_array_size(checks));
	size_t n = o->n;

	for (size_t i = 0; names && i < c->n_groups; i++)
		names[n++] = c->groups[i].name;
	for (size_t i = 0; names && i < c->n_links; i++)
		names[n++] = c->links[i].name;
	for (size_t i = 0; names && i < json_array_size(checks); i++)
		names[n++] = json_string_value(json_object_get(json_array_get(checks, i), "name"));
	return names;
}

static bool is_among(const char *name, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(*known, name) == 0)
			return true;
	return false;
}

/* A name that was never heard of is a slip, and "no events" would be the wrong answer to it. One that the journal
 * knows is none, whether configured or not; nor is one that is asked for again, as by --follow. True after a refusal.
 */
static bool is_unheard_of(const struct ops *o, const json_t *request, struct control_reply *reply)
{
	const char *name = json_string_value(json_object_get(request, "instance"));
	const char **names;
	json_t *checks;
	bool unknown;

	if (!name || json_integer_value(json_object_get(request, "after")) > 0 || journal_last(name, UINT_MAX))
		return false;
	checks = o->checks(o->user);
	names = subject_names(o, checks);
	unknown = !names || !is_among(name, names);
	if (unknown)
		refuse_unknown("instance, group, check or tracked interface", name, names, reply);
	free(names);
	json_decref(checks);
	return unknown;
}

static bool is_no_kind(const json_t *request, struct control_reply *reply)
{
	const char *kind = json_string_value(json_object_get(request, "kind"));
	const char *names[_JOURNAL_KIND_MAX_ + 1] = { NULL };

	for (enum journal_kind i = 0; i < _JOURNAL_KIND_MAX_; i++)
		names[i] = journal_kind_name(i);
	if (!kind || is_among(kind, names))
		return false;
	refuse_unknown("kind of event", kind, names, reply);
	return true;
}

void ops_events(const struct ops *o, const json_t *request, struct control_reply *reply)
{
	const char *error = NULL;
	json_t *answer;

	if (is_no_kind(request, reply) || is_unheard_of(o, request, reply))
		return;
	answer = journal_answer(request, &error);
	if (answer && o->observe)
		json_object_set_new(answer, "observe", json_true());
	if (answer)
		control_reply_ok(reply, answer);
	else
		control_reply_error(reply, error, NULL);
}

/* --- start, and now and then ------------------------------------------------------------------------------------- */

void ops_tell(const struct ops *o)
{
	if (orders_maintenance(o->orders))
		journal_log(LOG_WARNING, &order_note, "still maintenance, as ordered before this start");
	show_maintenance(o);
}

void ops_look(const struct ops *o)
{
	for (size_t i = 0; i < o->n; i++)
		instance_look_for_alarms(o->instances[i]);
}
