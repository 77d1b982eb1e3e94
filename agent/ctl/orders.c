/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that order something: gives the order, and then looks until it can say what came of it. Who takes over
 * is not for the agent to know in advance: a backup is silent, so the proof is the first advert of the new master. */
#include "agent/ctl/ctl.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/ctl/text.h"

#include <poll.h>
#include <string.h>

enum { LOOK_MS = 50, GONE_US = 5000000, PATIENCE_US = 2000000, SAVE_US = 3000000, SAVE_LOOK_MS = 5 };

static const char *name_of(const json_t *o)
{
	const char *s = json_string_value(json_object_get(o, "name"));

	return s ? s : "(no name)";
}

static double number_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void begin_line(const json_t *o)
{
	ctl_print_text(name_of(o), stdout);
	fputs(": ", stdout);
}

/* The instance of that name in a new status; `*status` owns it. NULL after a complaint. */
static const json_t *look(const struct ctl *c, const char *name, json_t **status)
{
	const json_t *all;

	*status = ctl_ask(c, "status", NULL);
	all = json_object_get(*status, "instances");
	for (size_t i = 0; i < json_array_size(all); i++)
		if (strcmp(name_of(json_array_get(all, i)), name) == 0)
			return json_array_get(all, i);
	return NULL;
}

static bool any_present(const json_t *inst)
{
	const json_t *vips = json_object_get(inst, "vips");

	for (size_t i = 0; i < json_array_size(vips); i++)
		if (json_is_true(json_object_get(json_array_get(vips, i), "present")))
			return true;
	return false;
}

/* Who has advertised since the instance came to its present state. */
static const json_t *successor(const json_t *inst)
{
	const json_t *peers = json_object_get(inst, "peers");

	for (size_t i = 0; i < json_array_size(peers); i++) {
		const json_t *p = json_array_get(peers, i);

		if (number_of(p, "last_heard_s") < number_of(inst, "since_s") && number_of(p, "priority") > 0)
			return p;
	}
	return NULL;
}

static void say_successor(const json_t *peer)
{
	const char *address = json_string_value(json_object_get(peer, "address"));

	fputs("away from here, and taken over by ", stdout);
	ctl_print_text(address ? address : "(no address)", stdout);
	printf(" (priority %.0f)\n", number_of(peer, "priority"));
}

/* Looks until somebody has taken over, or would have. */
static enum ctl_exit follow_hand_over(const struct ctl *c, const json_t *ordered)
{
	uint64_t begun_us = loop_now_us();

	for (;;) {
		json_t *status;
		const json_t *inst = look(c, name_of(ordered), &status), *peer = successor(inst);
		uint64_t waited_us = loop_now_us() - begun_us;
		bool gone = inst && !any_present(inst);
		bool late = gone ? waited_us > (uint64_t)(number_of(inst, "down_s") * 1e6) + PATIENCE_US
				 : waited_us > GONE_US;

		if (inst && !late && !(gone && peer)) {
			json_decref(status);
			poll(NULL, 0, LOOK_MS);
			continue;
		}
		if (inst)
			begin_line(ordered);
		if (inst && gone && peer)
			say_successor(peer);
		else if (inst)
			printf("%s; \"sqlvipctl resume\" takes part again\n",
			       gone ? "away from here, and nobody has taken over: no other router is heard"
				    : "the addresses are still here; sqlvipctl explain tells why");
		json_decref(status);
		return inst && gone && peer ? CTL_OK : CTL_REFUSED;
	}
}

/* What became of one of the instances. */
static enum ctl_exit tell(const struct ctl *c, const json_t *ordered)
{
	bool standby = json_is_true(json_object_get(ordered, "standby"));

	if (standby && json_is_true(json_object_get(ordered, "was_master")))
		return follow_hand_over(c, ordered);
	begin_line(ordered);
	if (!json_is_true(json_object_get(ordered, "changed")))
		puts(standby ? "is on standby already" : "is not on standby");
	else
		puts(standby ? "on standby; it did not hold the addresses" : "takes part again");
	return CTL_OK;
}

/* Why the orders are not saved, for the caller to free; NULL: they are, or the agent is older and does not tell. Most
 * are at the second look. */
static char *why_unsaved(const struct ctl *c)
{
	uint64_t begun_us = loop_now_us();

	for (;;) {
		json_t *status = ctl_ask(c, "status", NULL);
		const json_t *orders = json_object_get(status, "orders");
		const char *error = json_string_value(json_object_get(orders, "error"));
		bool waits = json_is_false(json_object_get(orders, "saved"));
		bool late = loop_now_us() - begun_us > SAVE_US;
		char *why = NULL;

		if (!status)
			why = strdup("the agent does not answer any more");
		else if (waits && (error || late))
			why = strdup(error ? error : "the disk does not answer");
		json_decref(status);
		if (why || !waits)
			return why;
		poll(NULL, 0, SAVE_LOOK_MS);
	}
}

/* An order is in force at once, but a restart of the agent, or of its engine, would end one that is not saved. */
static enum ctl_exit tell_whether_saved(const char *why)
{
	if (why)
		ctl_complain(
			"the order is in force now, but not saved: %s; until that is mended, a restart of the agent "
			"or its engine forgets it",
			why);
	return why ? CTL_REFUSED : CTL_OK;
}

static void add_whether_saved(json_t *result, const char *why)
{
	json_object_set_new(result, "saved", json_boolean(!why));
	json_object_set_new(result, "unsaved_why", why ? json_string(why) : json_null());
}

static enum ctl_exit order(const struct ctl *c, const char *command, json_t *arguments)
{
	_cleanup_(freep) char *why = NULL;
	json_t *result, *all;
	enum ctl_exit code = CTL_OK;

	if (c->arg)
		json_object_set_new(arguments, "instance", json_string(c->arg));
	result = ctl_ask(c, command, arguments);
	if (!result)
		return CTL_REFUSED;
	why = why_unsaved(c);
	add_whether_saved(result, why);
	all = json_object_get(result, "instances");
	if (c->json)
		ctl_print_json(result);
	for (size_t i = 0; !c->json && i < json_array_size(all); i++)
		if (tell(c, json_array_get(all, i)) != CTL_OK)
			code = CTL_REFUSED;
	if (!c->json && json_array_size(all) == 0)
		puts("none is on standby");
	json_decref(result);
	if (tell_whether_saved(why) != CTL_OK)
		code = CTL_REFUSED;
	return ctl_printed() == CTL_OK ? code : CTL_REFUSED;
}

enum ctl_exit ctl_standby(const struct ctl *c)
{
	return order(c, "standby", json_pack("{s:b}", "force", c->force));
}

enum ctl_exit ctl_resume(const struct ctl *c)
{
	return order(c, "resume", json_object());
}

enum ctl_exit ctl_maintenance(const struct ctl *c)
{
	bool on = c->arg && strcmp(c->arg, "on") == 0, off = c->arg && strcmp(c->arg, "off") == 0;
	_cleanup_(freep) char *why = NULL;
	json_t *result;
	enum ctl_exit code;

	if (c->arg && !on && !off) {
		ctl_complain("\"%s\" is not understood: maintenance is on or off", c->arg);
		return CTL_USAGE;
	}
	result = ctl_ask(c, "maintenance", c->arg ? json_pack("{s:b}", "on", on) : NULL);
	if (!result)
		return CTL_REFUSED;
	if (c->arg) {
		why = why_unsaved(c);
		add_whether_saved(result, why);
	}
	if (c->json)
		ctl_print_json(result);
	else
		puts(json_is_true(json_object_get(result, "on")) ? "maintenance is on: nothing moves"
								 : "maintenance is off");
	json_decref(result);
	code = tell_whether_saved(why);
	return ctl_printed() == CTL_OK ? code : CTL_REFUSED;
}
