/* SPDX-License-Identifier: Apache-2.0 */
/* startup_script and shutdown_script, with one deadline for the program and for the time in which it could not be
 * started. What the agent does before and after is the engine's business. */
#include "agent/once.h"

#include "agent/base/log.h"
#include "agent/journal.h"
#include "agent/process/exec.h"

#include <errno.h>
#include <string.h>

enum { RETRY_US = 200000, RETRY_SLACK_US = 20000 };

static const struct journal_note agent_event = { .kind = JOURNAL_AGENT };

static void over(struct once *o, const struct exec_result *r)
{
	char text[96];

	o->conf = NULL;
	journal_log(exec_succeeded(r) ? LOG_NOTICE : LOG_WARNING, &agent_event, "%s: %s (%.3f s)", o->what,
		    exec_describe(r, text, sizeof(text)), (double)r->ran_us / 1e6);
	o->ended(o->user);
}

static bool waits_for_better_times(struct once *o, int error)
{
	if (!exec_is_shortage(error) || loop_now_us() + RETRY_US >= o->give_up_us)
		return false;
	if (!o->complained)
		log_warn("%s: cannot be started yet: %s", o->what, strerror(-error));
	o->complained = true;
	loop_timer_in(&o->retry, RETRY_US);
	return true;
}

static void ended(void *user, const struct exec_result *r)
{
	struct once *o = user;

	o->child = NULL;
	if (!waits_for_better_times(o, r->error))
		over(o, r);
}

static int start(struct once *o)
{
	const struct exec_spec spec = {
		.what = o->what,
		.argv = o->conf->command.argv,
		.uid = o->conf->command.uid,
		.gid = o->conf->command.gid,
		.timeout_us = o->give_up_us - loop_now_us(),
	};
	int r = exec_start(o->loop, &spec, ended, o, &o->child);

	return waits_for_better_times(o, r) ? 0 : r;
}

static void try_again(void *user, uint64_t due_us)
{
	struct once *o = user;
	struct exec_result r = { 0 };

	(void)due_us;
	/* 0 would be no deadline at all. */
	r.error = loop_now_us() < o->give_up_us ? start(o) : -EAGAIN;
	if (r.error < 0)
		over(o, &r);
}

int once_init(struct once *o, sd_event *loop)
{
	*o = (struct once){ .loop = loop };
	return loop_timer_init(&o->retry, loop, LOOP_RANK_BACKGROUND, RETRY_SLACK_US, try_again, o);
}

void once_done(struct once *o)
{
	once_drop(o);
	loop_timer_done(&o->retry);
}

bool once_run(struct once *o, const char *what, const struct conf_once *conf, void (*done)(void *user), void *user)
{
	int r;

	if (!conf->command.argv)
		return false;
	o->what = what;
	o->conf = conf;
	o->ended = done;
	o->user = user;
	o->give_up_us = loop_now_us() + conf->timeout_us;
	o->complained = false;
	r = start(o);
	if (r < 0) {
		o->conf = NULL;
		log_warn("%s: cannot be started: %s", what, strerror(-r));
	}
	return r >= 0;
}

bool once_runs(const struct once *o)
{
	return o->conf != NULL;
}

void once_drop(struct once *o)
{
	loop_timer_stop(&o->retry);
	if (o->child)
		exec_abandon(o->child);
	o->child = NULL;
	o->conf = NULL;
}
