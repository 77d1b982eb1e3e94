/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine tells of itself, and whom it asks for what comes in by the control socket. */
#include "agent/daemon.h"

#include "agent/alarm.h"
#include "agent/engine.h"
#include "agent/json.h"

#include <unistd.h>

static json_t *checks_status(void *user)
{
	const struct daemon *d = user;
	json_t *all = checker_status(d->checker);

	track_files_status(d->files, all);
	track_procs_status(d->procs, all);
	return all;
}

struct ops engine_ops(struct daemon *d)
{
	return (struct ops){
		.instances = d->instances,
		.n = d->conf->n_instances,
		.conf = d->conf,
		.checks = checks_status,
		.user = d,
		.orders = d->orders,
		.observe = d->observe,
	};
}

static void look_at_store(struct daemon *d)
{
	struct store_status s;

	store_status(d->store, &s);
	if (s.error[0])
		alarm_raise("state_directory", NULL, "%s", s.error);
	else
		alarm_end("state_directory", NULL);
}

void engine_look(struct daemon *d)
{
	const uint64_t now_us = loop_now_us();
	struct ops o = engine_ops(d);

	look_at_store(d);
	track_files_look(d->files, now_us);
	track_procs_look(d->procs, now_us);
	ops_look(&o);
}

/* Writing takes a moment: not saved, and no error, is on its way. */
static json_t *orders_status(const struct daemon *d)
{
	struct store_status s;

	store_status(d->store, &s);
	return json_pack("{s:b, s:o}", "saved", !s.unsaved, "error", s.failed ? json_text(s.error) : json_null());
}

const char *engine_user(const struct daemon *d)
{
	return d->first->engine_user ? d->first->engine_user : "root";
}

static json_t *answer_status(void *user, const json_t *request, const char **error)
{
	struct daemon *d = user;
	json_t *instances = json_array();
	uint64_t lag_us = 0;
	json_t *status;
	struct ops o;

	(void)request, (void)error;
	for (size_t i = 0; i < d->conf->n_instances; i++) {
		uint64_t lag = instance_lag_max_us(d->instances[i]);

		lag_us = lag > lag_us ? lag : lag_us;
		json_array_append_new(instances, instance_status(d->instances[i]));
	}
	engine_look(d);
	o = engine_ops(d);
	status = json_pack(
		"{s:s, s:i, s:f, s:s, s:s, s:s, s:f, s:b, s:o, s:o, s:o, s:o, s:o}", "version", SQLVIP_VERSION, "pid",
		(int)d->supervisor_pid, "uptime_s", (double)(loop_now_us() - d->started_us) / 1e6, "config",
		d->conf->file, "realtime", d->realtime, "resets", netif_reset_support(d->netif), "loop_lag_max_ms",
		(double)lag_us / 1e3, "stopping", d->stopping, "alarms", alarm_status(), "instances", instances,
		"groups", groups_status(d->groups), "checks", checks_status(d), "fifos", fifos_status(d->fifos));
	json_object_set_new(status, "maintenance", ops_status(&o));
	json_object_set_new(status, "orders", orders_status(d));
	json_object_set_new(status, "reload", reload_status(d->reload));
	json_object_set_new(status, "observe", json_boolean(d->observe));
	json_object_set_new(status, "engine",
			    json_pack("{s:i, s:s, s:i, s:s?}", "pid", (int)getpid(), "user", engine_user(d), "restarts",
				      (int)d->restarts, "warning", d->first->engine_user ? NULL : ENGINE_NO_USER));
	return status;
}

static void answer_standby(void *user, const json_t *request, struct control_reply *reply)
{
	struct ops o = engine_ops(user);

	ops_standby(&o, request, reply);
}

static void answer_resume(void *user, const json_t *request, struct control_reply *reply)
{
	struct ops o = engine_ops(user);

	ops_resume(&o, request, reply);
}

static void answer_maintenance(void *user, const json_t *request, struct control_reply *reply)
{
	struct ops o = engine_ops(user);

	ops_maintenance(&o, request, reply);
}

static void answer_explain(void *user, const json_t *request, struct control_reply *reply)
{
	struct ops o = engine_ops(user);

	ops_explain(&o, request, reply);
}

static void answer_events(void *user, const json_t *request, struct control_reply *reply)
{
	struct ops o = engine_ops(user);

	ops_events(&o, request, reply);
}

static void answer_reload(void *user, const json_t *request, struct control_reply *reply)
{
	struct daemon *d = user;

	(void)request;
	if (d->ready)
		reload_request(d->reload, "sqlvipctl", reply);
	else
		control_reply_error(reply, "the agent is still starting: startup_script runs", NULL);
}

static json_t *answer_config(void *user, const json_t *request, const char **error)
{
	const struct daemon *d = user;
	char *text = conf_print_public(d->conf);
	json_t *result =
		text ? json_pack("{s:s, s:o}", "file", d->conf->file, "text", json_string(text) ?: json_null()) : NULL;

	(void)request;
	free(text);
	if (!result)
		*error = "out of memory";
	return result;
}

const struct control_command engine_commands[] = {
	{ .name = "status", .fn = answer_status },
	{ .name = "config", .fn = answer_config },
	{ .name = "events", .later = answer_events },
	{ .name = "explain", .later = answer_explain },
	{ .name = "standby", .later = answer_standby },
	{ .name = "resume", .later = answer_resume },
	{ .name = "reload", .later = answer_reload },
	{ .name = "maintenance", .later = answer_maintenance },
	{ .name = NULL },
};
