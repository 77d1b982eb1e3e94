/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the fitness checks of a server and tells of their changes, and of what keeps them from being made. Decides
 * nothing: verdicts are checks/fitness_rules', weights agent/priority's. */
#include "agent/fitness.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/check_run.h"
#include "agent/journal.h"
#include "agent/json.h"

#include <errno.h>
#include <string.h>

enum { COMPLAINT_INTERVAL_US = 60000000 };

struct fit {
	struct fitness_set *owner;
	const struct conf_fitness *conf; /* NULL: there is none of this kind */
	bool waits;                      /* made for the next configuration */
	struct check_run run;
	bool complaining;
	struct log_limit complaint;
};

struct fitness_set {
	sd_event *loop;
	const struct conf_mysql *conf;
	void (*changed)(void *user);
	void *user;
	bool up;
	struct fit of[_FITNESS_MAX_]; /* one of each kind at most */
};

static void end_complaint(struct fit *f)
{
	if (f->complaining)
		alarm_end("check", f->conf->name);
	f->complaining = false;
}

/* A check that cannot be made is loud: nobody should find out from a failover that it never worked. */
static void complain(struct fit *f)
{
	const struct check_report *r = &f->run.report;
	uint64_t suppressed;

	if (r->verdict != CHECK_DEGRADED) {
		if (r->tried)
			end_complaint(f);
		return;
	}
	if (!f->complaining)
		f->complaint = (struct log_limit){ 0 };
	alarm_raise("check", f->conf->name, "%s", r->reason);
	/* A new alarm is in the log by itself. */
	if (log_limit_pass(&f->complaint, f->run.step.now_us, COMPLAINT_INTERVAL_US, &suppressed) && f->complaining)
		log_warn("check %s: %s", f->conf->name, r->reason);
	f->complaining = true;
}

static void stepped(void *user, bool changed)
{
	struct fit *f = user;
	const bool up = f->run.health.up;
	const struct journal_note note = { .kind = JOURNAL_CHECK, .instance = f->conf->name, .to = up ? "up" : "down" };

	if (changed) { /* first the VIP, then the log */
		f->owner->changed(f->owner->user);
		journal_log(up ? LOG_NOTICE : LOG_WARNING, &note, "check is %s: %s", note.to, f->run.report.reason);
	}
	complain(f);
}

static void fit_done(struct fit *f)
{
	if (!f->conf)
		return;
	end_complaint(f);
	check_run_done(&f->run);
	*f = (struct fit){ 0 };
}

static int fit_init(struct fitness_set *set, const struct conf_fitness *conf, bool waits)
{
	struct fit *f = &set->of[conf->check.rules.kind];
	int r;

	f->owner = set;
	f->conf = conf;
	f->waits = waits;
	r = check_run_init(&f->run, set->loop, conf->name, &check_mysql_fitness, &conf->check, conf->rise, conf->fall,
			   LOOP_RANK_NORMAL, stepped, f);
	if (r < 0)
		fit_done(f);
	return r;
}

int fitness_set_new(sd_event *loop, const struct conf_mysql *conf, void (*changed)(void *user), void *user,
		    struct fitness_set **ret)
{
	struct fitness_set *set = calloc(1, sizeof(*set));
	int r = 0;

	if (!set)
		return -ENOMEM;
	*set = (struct fitness_set){ .loop = loop, .conf = conf, .changed = changed, .user = user };
	for (size_t i = 0; r >= 0 && i < conf->n_fitness; i++)
		r = fit_init(set, &conf->fitness[i], false);
	if (r < 0)
		set = fitness_set_free(set);
	*ret = set;
	return r;
}

struct fitness_set *fitness_set_free(struct fitness_set *set)
{
	for (int kind = 0; set && kind < _FITNESS_MAX_; kind++)
		fit_done(&set->of[kind]);
	free(set);
	return NULL;
}

int fitness_set_prepare(struct fitness_set *set, const struct conf_mysql *conf)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < conf->n_fitness; i++)
		if (!set->of[conf->fitness[i].check.rules.kind].conf)
			r = fit_init(set, &conf->fitness[i], true);
	return r;
}

void fitness_set_call_off(struct fitness_set *set)
{
	for (int kind = 0; kind < _FITNESS_MAX_; kind++)
		if (set->of[kind].waits)
			fit_done(&set->of[kind]);
}

void fitness_set_exchange(struct fitness_set *set, const struct conf_mysql *conf)
{
	const struct conf_fitness *fresh[_FITNESS_MAX_] = { NULL };

	set->conf = conf;
	for (size_t i = 0; i < conf->n_fitness; i++)
		fresh[conf->fitness[i].check.rules.kind] = &conf->fitness[i];
	for (int kind = 0; kind < _FITNESS_MAX_; kind++) {
		struct fit *f = &set->of[kind];

		if (!fresh[kind]) {
			fit_done(f);
			continue;
		}
		if (!f->waits) {
			f->conf = fresh[kind];
			check_run_reconf(&f->run, f->conf->name, &f->conf->check, f->conf->rise, f->conf->fall);
		}
		f->waits = false;
		if (set->up)
			check_run_start(&f->run);
	}
}

void fitness_set_follow(struct fitness_set *set, bool up)
{
	if (up == set->up)
		return;
	set->up = up;
	for (int kind = 0; kind < _FITNESS_MAX_; kind++) {
		struct fit *f = &set->of[kind];

		if (!f->conf || f->waits)
			continue;
		if (up) {
			check_run_start(&f->run);
		} else {
			check_run_stop(&f->run);
			end_complaint(f);
		}
	}
}

struct checker_state fitness_set_state(const struct fitness_set *set, size_t i)
{
	const struct fit *f = &set->of[set->conf->fitness[i].check.rules.kind];
	struct checker_state s = {
		.reported = set->up && f->run.health.reported,
		.up = set->up && f->run.health.up,
		.reason = f->run.report.reason,
	};

	if (!set->up)
		s.reason = "the server is not up: not asked";
	else if (!f->run.report.tried)
		s.reason = "no result yet: counts for nothing";
	return s;
}

static json_t *seconds_ago(uint64_t at_us, uint64_t now_us)
{
	return at_us ? json_real((double)(now_us - at_us) / 1e6) : json_null();
}

json_t *fitness_set_status(const struct fitness_set *set, size_t i, uint64_t now_us)
{
	const struct conf_fitness *conf = &set->conf->fitness[i];
	const struct check_report *r = &set->of[conf->check.rules.kind].run.report;
	const struct checker_state s = fitness_set_state(set, i);

	return json_pack(
		"{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:o, s:i, s:o, s:I, s:I, s:I}", "name",
		json_text(conf->name), "kind", "check", "check", fitness_kind_name(conf->check.rules.kind), "state",
		!s.reported ? "pending"
		: s.up      ? "up"
			    : "down",
		"reason", json_text(s.reason), "value", json_text(r->value), "lag_s",
		r->lag_s >= 0 ? json_integer(r->lag_s) : json_null(), "result_ago_s", seconds_ago(r->alive_us, now_us),
		"complaint", r->verdict == CHECK_DEGRADED, "latency_us", (json_int_t)r->latency_us, "latency_max_us",
		(json_int_t)r->latency_max_us, "error", json_text(r->error), "error_code", (int)r->error_code,
		"error_ago_s", seconds_ago(r->error_us, now_us), "queries", (json_int_t)r->queries, "failures",
		(json_int_t)r->failures, "connects", (json_int_t)r->connects);
}
