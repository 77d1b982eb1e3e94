/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of checks: owns their descriptors' watch, their wake-up timers and their health. What a server's answer
 * means is decided in checks/; what a change of health means for a VIP, in agent/instance. */
#include "agent/checker.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/check_run.h"
#include "agent/fitness.h"
#include "agent/journal.h"
#include "agent/json.h"
#include "agent/process/exec.h"
#include "checks/health.h"

#include <errno.h>
#include <string.h>

/* How late a check may be woken, so that its timer can share a wake-up with others. */
enum {
	WAKE_SLACK_US = 1000,
	COMPLAINT_INTERVAL_US = 60000000,
	FRESH_MIN_US = 1000000,
	SHORTAGE_RETRY_US = 1000000, /* until a script that could not be started is tried again, if not due sooner */
};

struct probe {
	struct checker *owner;
	const struct conf_mysql *conf;
	struct check_run run;
	struct fitness_set *fitness;
	struct loop_timer grace;
	uint64_t fresh_until_us; /* see struct checker_state */
	enum check_verdict logged_verdict;
	struct log_limit complaint; /* about the same degraded state */
};

struct script {
	struct checker *owner;
	const struct conf_script *conf;
	bool tracked;
	bool judged; /* the present run: a failure at its deadline, though it may take long to die */
	struct loop_timer timer;
	struct exec_child *child;
	uint64_t timeout_us; /* of the present run */
	struct health health;
	uint64_t fresh_until_us;
	char last[96]; /* outcome of the last run */
	uint64_t runs, failures, timeouts;
	struct log_limit complaint; /* about a shortage */
};

/* The checks of one configuration; of the next one, some are those that run. */
struct checks {
	struct probe **probes;
	struct script **scripts;
};

struct checker {
	sd_event *loop;
	const struct conf *conf;
	void (*changed)(void *user);
	void *user;
	struct probe **probes;   /* beside conf->mysqls */
	struct script **scripts; /* beside conf->scripts */
	size_t n_probes, n_scripts;
	struct checks next; /* while another configuration is prepared */
	const struct conf *next_conf;
	bool started;
	struct loop_timer fresh; /* the next that ceases to be fresh */
};

/* --- mysqld ------------------------------------------------------------------------------------------------------ */

static const char *const probe_alarms[] = { "degraded", "dead" };
static const char *const script_alarms[] = { "script", "script_start" };

static void raise_alarms(const struct probe *p)
{
	const struct check_report *r = &p->run.report;
	uint64_t wake_us = health_wake_us(&p->run.health, p->run.dead_delay_us);

	if (r->verdict == CHECK_DEGRADED)
		alarm_raise("degraded", p->conf->name, "mysqld is alive, but: %s", r->reason);
	else
		alarm_end("degraded", p->conf->name);
	if (r->verdict != CHECK_DEAD)
		alarm_end("dead", p->conf->name);
	else if (wake_us != UINT64_MAX)
		alarm_raise("dead", p->conf->name, "mysqld is dead, and has %.1f s to be back: %s",
			    (double)p->run.dead_delay_us / 1e6, r->reason);
	else
		alarm_raise("dead", p->conf->name, "mysqld is dead: %s", r->reason);
}

static void log_verdict(struct probe *p, bool health_changed)
{
	const struct check_report *r = &p->run.report;
	bool alarm = r->verdict == CHECK_DEAD || r->verdict == CHECK_DEGRADED;
	uint64_t suppressed;

	if (r->verdict != p->logged_verdict || health_changed) {
		const struct journal_note note = {
			.kind = JOURNAL_CHECK,
			.instance = p->conf->name,
			.from = check_verdict_name(p->logged_verdict),
			.to = check_verdict_name(r->verdict),
		};

		raise_alarms(p);
		journal_write(&note, "%s%s", r->reason,
			      health_changed && p->run.health.up ? "; counts as up now"
			      : health_changed                   ? "; counts as down now"
			      : p->run.health.gone_us            ? "; counts as up until dead_delay is over"
								 : "");
	}

	if (r->verdict == p->logged_verdict) {
		/* A complaint that goes on is repeated now and then: nobody should find it out from a failover. */
		if (r->verdict == CHECK_DEGRADED &&
		    log_limit_pass(&p->complaint, p->run.step.now_us, COMPLAINT_INTERVAL_US, &suppressed))
			log_warn("mysqld %s is still degraded: %s", p->conf->name, r->reason);
		return;
	}
	log_limit_pass(&p->complaint, p->run.step.now_us, COMPLAINT_INTERVAL_US, &suppressed);
	log_write(alarm ? LOG_WARNING : LOG_NOTICE, NULL, "mysqld %s: %s -> %s (%s)", p->conf->name,
		  check_verdict_name(p->logged_verdict), check_verdict_name(r->verdict), r->reason);
	p->logged_verdict = r->verdict;
}

static void probe_stepped(void *user, bool changed)
{
	struct probe *p = user;

	if (changed) { /* first the VIP, then the rest */
		p->owner->changed(p->owner->user);
		fitness_set_follow(p->fitness, p->run.health.up);
	}
	log_verdict(p, changed);
}

static void fitness_changed(void *user)
{
	struct probe *p = user;

	p->owner->changed(p->owner->user);
}

static void probe_grace_over(void *user, uint64_t due_us)
{
	const struct probe *p = user;
	const struct check_report *r = &p->run.report;

	(void)due_us;
	if (r->verdict == CHECK_UNKNOWN)
		log_warn("mysqld %s has not been seen alive since this agent started: %s%s%s", p->conf->name,
			 r->reason[0] ? r->reason : "no answer yet", r->error[0] ? "; last error: " : "", r->error);
}

static int probe_init(struct probe *p, struct checker *c, const struct conf_mysql *conf)
{
	int r;

	p->owner = c;
	p->conf = conf;
	r = check_run_init(&p->run, c->loop, conf->name, &check_mysql, &conf->probe, conf->rise, conf->fall,
			   LOOP_RANK_DEATH, probe_stepped, p);
	p->run.dead_delay_us = conf->dead_delay_us;
	if (r >= 0)
		r = loop_timer_init(&p->grace, c->loop, LOOP_RANK_BACKGROUND, 100000, probe_grace_over, p);
	if (r >= 0)
		r = fitness_set_new(c->loop, conf, fitness_changed, p, &p->fitness);
	return r;
}

static struct probe *probe_free(struct probe *p)
{
	if (!p)
		return NULL;
	fitness_set_free(p->fitness);
	loop_timer_done(&p->grace);
	check_run_done(&p->run);
	free(p);
	return NULL;
}

static int probe_new(struct checker *c, const struct conf_mysql *conf, struct probe **ret)
{
	struct probe *p = calloc(1, sizeof(*p));
	int r = p ? probe_init(p, c, conf) : -ENOMEM;

	if (r < 0)
		p = probe_free(p);
	*ret = p;
	return r;
}

static void probe_start(struct probe *p, uint64_t fresh_until_us)
{
	p->fresh_until_us = fresh_until_us;
	check_run_start(&p->run);
	loop_timer_in(&p->grace, p->conf->startup_grace_us);
}

/* What is known of the server stays; the check itself finds out whether it has to log in anew. */
static void probe_reconf(struct probe *p, const struct conf_mysql *conf)
{
	p->conf = conf;
	p->run.dead_delay_us = conf->dead_delay_us;
	check_run_reconf(&p->run, conf->name, &conf->probe, conf->rise, conf->fall);
	check_run_start(&p->run);
	fitness_set_exchange(p->fitness, conf);
}

/* --- scripts ----------------------------------------------------------------------------------------------------- */

/* It could not be started, which says nothing of what it looks after: no result. */
static void script_short(struct script *s, int error)
{
	uint64_t now_us = loop_now_us(), before;

	s->runs--;
	if (log_limit_pass(&s->complaint, now_us, COMPLAINT_INTERVAL_US, &before))
		log_warn("vrrp_script %s cannot be started: %s; its last result stands; %llu more since the last such "
			 "line",
			 s->conf->name, strerror(-error), (unsigned long long)before);
	if (s->tracked)
		alarm_raise("script_start", s->conf->name, "vrrp_script cannot be started: %s; its last result stands",
			    strerror(-error));
	if (loop_timer_armed(&s->timer) && s->timer.due_us > now_us + SHORTAGE_RETRY_US)
		loop_timer_at(&s->timer, now_us + SHORTAGE_RETRY_US);
}

static void script_judge(struct script *s, bool ok)
{
	bool was_up = s->health.up, had_reported = s->health.reported;

	alarm_end("script_start", s->conf->name);
	if (!ok)
		s->failures++;
	if (!health_count(&s->health, ok ? CHECK_PASS : CHECK_FAIL))
		return;
	s->owner->changed(s->owner->user);
	if (s->health.up == was_up && had_reported)
		return;
	if (s->health.up)
		alarm_end("script", s->conf->name);
	else
		alarm_raise("script", s->conf->name, "vrrp_script is down: %s", s->last);
	journal_write(&(struct journal_note){ .kind = JOURNAL_CHECK, .instance = s->conf->name },
		      "vrrp_script is %s: %s", s->health.up ? "up" : "down", s->last);
	log_write(s->health.up ? LOG_NOTICE : LOG_WARNING, NULL, "vrrp_script %s is %s: %s", s->conf->name,
		  s->health.up ? "up" : "down", s->last);
}

static void script_late(void *user)
{
	struct script *s = user;

	s->judged = true;
	s->timeouts++;
	snprintf(s->last, sizeof(s->last), "timed out after %.1f s", (double)s->timeout_us / 1e6);
	script_judge(s, false);
}

static void script_ended(void *user, const struct exec_result *r)
{
	struct script *s = user;

	s->child = NULL;
	if (s->judged)
		return;
	if (exec_is_shortage(r->error)) {
		script_short(s, r->error);
		return;
	}
	exec_describe(r, s->last, sizeof(s->last));
	script_judge(s, exec_succeeded(r));
}

/* Due each interval; a run is left out while the previous one lives. */
static void script_due(void *user, uint64_t due_us)
{
	struct script *s = user;
	const struct exec_spec spec = {
		.what = s->conf->name,
		.argv = s->conf->command.argv,
		.uid = s->conf->command.uid,
		.gid = s->conf->command.gid,
		.timeout_us = s->conf->timeout_us,
		.late = script_late,
	};
	uint64_t now_us = loop_now_us();
	int r;

	/* Keeps its rhythm, but does not catch up after a pause. */
	loop_timer_at(&s->timer, due_us + s->conf->interval_us > now_us ? due_us + s->conf->interval_us
									: now_us + s->conf->interval_us);
	if (s->child)
		return;
	s->runs++;
	s->judged = false;
	s->timeout_us = spec.timeout_us;
	r = exec_start(s->owner->loop, &spec, script_ended, s, &s->child);
	if (exec_is_shortage(r)) {
		script_short(s, r);
	} else if (r < 0) {
		snprintf(s->last, sizeof(s->last), "cannot be run: %s", strerror(-r));
		script_judge(s, false);
	}
}

static struct script *script_free(struct script *s)
{
	if (!s)
		return NULL;
	loop_timer_done(&s->timer);
	if (s->child)
		exec_abandon(s->child);
	free(s);
	return NULL;
}

static int script_new(struct checker *c, const struct conf_script *conf, struct script **ret)
{
	struct script *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (s) {
		s->owner = c;
		s->conf = conf;
		health_init(&s->health, conf->rise, conf->fall, conf->init_fail);
		r = loop_timer_init(&s->timer, c->loop, LOOP_RANK_BACKGROUND, WAKE_SLACK_US, script_due, s);
	}
	if (r < 0)
		s = script_free(s);
	*ret = s;
	return r;
}

/* Runs it if somebody tracks it now. A run that is under way ends as it began. */
static void script_follow(struct script *s, bool tracked, bool started)
{
	if (tracked && !s->tracked && started)
		loop_timer_in(&s->timer, 0);
	else if (!tracked)
		loop_timer_stop(&s->timer);
	if (!tracked) {
		alarm_end("script", s->conf->name);
		alarm_end("script_start", s->conf->name);
	}
	s->tracked = tracked;
}

static void script_reconf(struct script *s, const struct conf_script *conf)
{
	uint64_t soonest_us = loop_now_us() + conf->interval_us;

	s->conf = conf;
	health_reconf(&s->health, conf->rise, conf->fall);
	if (loop_timer_armed(&s->timer) && s->timer.due_us > soonest_us)
		loop_timer_at(&s->timer, soonest_us);
}

/* --- the set ----------------------------------------------------------------------------------------------------- */

/* A new check of a running agent counts as well until this long has passed, or it has reported: see checker.h. */
static uint64_t fresh_until(const struct checker *c, uint64_t timeout_us, uint64_t interval_us)
{
	uint64_t patience_us = timeout_us + interval_us;

	return c->started ? loop_now_us() + (patience_us > FRESH_MIN_US ? patience_us : FRESH_MIN_US) : 0;
}

static void sooner(uint64_t *first_us, const struct health *h, uint64_t fresh_until_us, uint64_t now_us)
{
	if (!h->reported && fresh_until_us > now_us && fresh_until_us < *first_us)
		*first_us = fresh_until_us;
}

static void arm_fresh(struct checker *c)
{
	uint64_t now_us = loop_now_us(), first_us = UINT64_MAX;

	for (size_t i = 0; i < c->n_probes; i++)
		sooner(&first_us, &c->probes[i]->run.health, c->probes[i]->fresh_until_us, now_us);
	for (size_t i = 0; i < c->n_scripts; i++)
		sooner(&first_us, &c->scripts[i]->health, c->scripts[i]->fresh_until_us, now_us);
	loop_timer_at(&c->fresh, first_us);
}

static void fresh_over(void *user, uint64_t due_us)
{
	struct checker *c = user;

	(void)due_us;
	arm_fresh(c);
	c->changed(c->user);
}

static void follow_scripts(struct checker *c)
{
	for (size_t i = 0; i < c->n_scripts; i++) {
		struct script *s = c->scripts[i];
		bool tracked = conf_is_tracked(c->conf, CONF_TRACK_SCRIPT, i);

		if (tracked && !s->tracked && !s->health.reported)
			s->fresh_until_us = fresh_until(c, s->conf->timeout_us, s->conf->interval_us);
		script_follow(s, tracked, c->started);
	}
}

static struct probe *find_probe(const struct checker *c, const char *name)
{
	for (size_t i = 0; i < c->n_probes; i++)
		if (strcmp(c->probes[i]->conf->name, name) == 0)
			return c->probes[i];
	return NULL;
}

static struct script *find_script(const struct checker *c, const char *name)
{
	for (size_t i = 0; i < c->n_scripts; i++)
		if (strcmp(c->scripts[i]->conf->name, name) == 0)
			return c->scripts[i];
	return NULL;
}

/* Those of `conf` by name: from `c` if it has them, else new ones. */
static int make_checks(struct checker *c, const struct conf *conf, struct checks *ret)
{
	int r = 0;

	ret->probes = calloc(conf->n_mysqls + 1, sizeof(*ret->probes));
	ret->scripts = calloc(conf->n_scripts + 1, sizeof(*ret->scripts));
	if (!ret->probes || !ret->scripts)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < conf->n_mysqls; i++) {
		ret->probes[i] = find_probe(c, conf->mysqls[i].name);
		if (ret->probes[i])
			r = fitness_set_prepare(ret->probes[i]->fitness, &conf->mysqls[i]);
		else
			r = probe_new(c, &conf->mysqls[i], &ret->probes[i]);
	}
	for (size_t i = 0; r >= 0 && i < conf->n_scripts; i++) {
		ret->scripts[i] = find_script(c, conf->scripts[i].name);
		if (!ret->scripts[i])
			r = script_new(c, &conf->scripts[i], &ret->scripts[i]);
	}
	return r;
}

/* Those that were made for `conf` alone. */
static void drop_checks(const struct conf *conf, struct checks *set)
{
	for (size_t i = 0; set->probes && i < conf->n_mysqls; i++)
		if (set->probes[i] && set->probes[i]->conf == &conf->mysqls[i])
			probe_free(set->probes[i]);
	for (size_t i = 0; set->scripts && i < conf->n_scripts; i++)
		if (set->scripts[i] && set->scripts[i]->conf == &conf->scripts[i])
			script_free(set->scripts[i]);
	free(set->probes);
	free(set->scripts);
}

/* Puts `set` in the place of what `c` has: the checks that are new start, those that are not in it end. */
static void install_checks(struct checker *c, const struct conf *conf, struct checks *set)
{
	struct checks old = { c->probes, c->scripts };
	size_t n_old_probes = c->n_probes, n_old_scripts = c->n_scripts;

	for (size_t i = 0; i < conf->n_mysqls; i++) {
		struct probe *p = set->probes[i];

		if (p->conf != &conf->mysqls[i])
			probe_reconf(p, &conf->mysqls[i]);
		else if (c->started)
			probe_start(p, fresh_until(c, p->conf->probe.timeout_us, p->conf->probe.interval_us));
	}
	for (size_t i = 0; i < conf->n_scripts; i++)
		if (set->scripts[i]->conf != &conf->scripts[i])
			script_reconf(set->scripts[i], &conf->scripts[i]);
	c->probes = set->probes;
	c->n_probes = conf->n_mysqls;
	c->scripts = set->scripts;
	c->n_scripts = conf->n_scripts;
	for (size_t i = 0; i < n_old_probes; i++)
		if (find_probe(c, old.probes[i]->conf->name) != old.probes[i]) {
			alarm_forget(probe_alarms, ELEMENTSOF(probe_alarms), old.probes[i]->conf->name);
			probe_free(old.probes[i]);
		}
	for (size_t i = 0; i < n_old_scripts; i++)
		if (find_script(c, old.scripts[i]->conf->name) != old.scripts[i]) {
			alarm_forget(script_alarms, ELEMENTSOF(script_alarms), old.scripts[i]->conf->name);
			script_free(old.scripts[i]);
		}
	free(old.probes);
	free(old.scripts);
}

int checker_prepare(struct checker *c, const struct conf *conf)
{
	int r;

	c->next_conf = conf;
	r = make_checks(c, conf, &c->next);
	if (r < 0)
		checker_call_off(c);
	return r;
}

void checker_call_off(struct checker *c)
{
	if (!c->next_conf)
		return;
	for (size_t i = 0; i < c->n_probes; i++)
		fitness_set_call_off(c->probes[i]->fitness);
	drop_checks(c->next_conf, &c->next);
	c->next = (struct checks){ 0 };
	c->next_conf = NULL;
}

void checker_exchange(struct checker *c)
{
	install_checks(c, c->next_conf, &c->next);
	c->conf = c->next_conf;
	c->next = (struct checks){ 0 };
	c->next_conf = NULL;
	follow_scripts(c);
	arm_fresh(c);
}

int checker_new(sd_event *loop, const struct conf *conf, void (*changed)(void *user), void *user, struct checker **ret)
{
	struct checker *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->changed = changed;
	c->user = user;
	r = loop_timer_init(&c->fresh, loop, LOOP_RANK_NORMAL, WAKE_SLACK_US, fresh_over, c);
	if (r >= 0)
		r = check_mysql.preload(); /* now, when it may still wait for a disk */
	if (r >= 0)
		r = checker_prepare(c, conf);
	if (r < 0)
		c = checker_free(c);
	else
		checker_exchange(c);
	*ret = c;
	return r;
}

struct checker *checker_free(struct checker *c)
{
	if (!c)
		return NULL;
	checker_call_off(c);
	for (size_t i = 0; i < c->n_probes; i++)
		probe_free(c->probes[i]);
	for (size_t i = 0; i < c->n_scripts; i++)
		script_free(c->scripts[i]);
	loop_timer_done(&c->fresh);
	free(c->probes);
	free(c->scripts);
	free(c);
	return NULL;
}

void checker_start(struct checker *c)
{
	c->started = true;
	for (size_t i = 0; i < c->n_probes; i++)
		probe_start(c->probes[i], 0);
	for (size_t i = 0; i < c->n_scripts; i++)
		if (c->scripts[i]->tracked)
			loop_timer_in(&c->scripts[i]->timer, 0);
}

static bool is_fresh(const struct health *h, uint64_t fresh_until_us)
{
	return !h->reported && fresh_until_us && loop_now_us() < fresh_until_us;
}

struct checker_state checker_script(const struct checker *c, size_t index)
{
	const struct script *s = c->scripts[index];

	return (struct checker_state){
		.reported = s->health.reported,
		.up = s->health.up,
		.fresh = is_fresh(&s->health, s->fresh_until_us),
		.reason = s->last,
	};
}

struct checker_state checker_mysql(const struct checker *c, size_t index)
{
	const struct probe *p = c->probes[index];

	return (struct checker_state){
		.reported = p->run.health.reported,
		.up = p->run.health.up,
		.fresh = is_fresh(&p->run.health, p->fresh_until_us),
		.reason = p->run.report.reason,
	};
}

struct checker_state checker_fitness(const struct checker *c, size_t mysql_index, size_t i)
{
	const struct probe *p = c->probes[mysql_index];

	/* Told first, ended afterwards: a death must not wait until their connections are closed. */
	if (!p->run.health.up)
		return (struct checker_state){ .reason = "the server is not up: not asked" };
	return fitness_set_state(p->fitness, i);
}

const struct check_report *checker_report(const struct checker *c, size_t mysql_index)
{
	return &c->probes[mysql_index]->run.report;
}

/* --- status ------------------------------------------------------------------------------------------------------ */

static const char *health_word(const struct health *h)
{
	if (!h->reported)
		return "pending";
	return h->up ? "up" : "down";
}

static json_t *seconds_ago(uint64_t at_us, uint64_t now_us)
{
	return at_us ? json_real((double)(now_us - at_us) / 1e6) : json_null();
}

static json_t *probe_status(const struct probe *p, uint64_t now_us)
{
	const struct check_report *r = &p->run.report;
	uint64_t wake_us = health_wake_us(&p->run.health, p->run.dead_delay_us);

	json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:i, s:o, s:s, s:o, s:i, s:I, s:I, s:I}",
			      "name", json_text(p->conf->name), "kind", p->run.type->name, "state",
			      health_word(&p->run.health), "verdict", check_verdict_name(r->verdict), "reason",
			      json_text(r->reason), "latency_us", (json_int_t)r->latency_us, "latency_max_us",
			      (json_int_t)r->latency_max_us, "alive_ago_s", seconds_ago(r->alive_us, now_us), "error",
			      json_text(r->error), "error_code", (int)r->error_code, "error_ago_s",
			      seconds_ago(r->error_us, now_us), "watch", r->watch, "server", json_text(r->server),
			      "pid", r->pid, "queries", (json_int_t)r->queries, "failures", (json_int_t)r->failures,
			      "connects", (json_int_t)r->connects);

	/* null, or how long it still has to be back; 0 until the timer is served */
	json_object_set_new(o, "dead_delay_left_s",
			    wake_us == UINT64_MAX ? json_null()
						  : json_real(wake_us > now_us ? (double)(wake_us - now_us) / 1e6 : 0));
	return o;
}

json_t *checker_status(const struct checker *c)
{
	uint64_t now_us = loop_now_us();
	json_t *all = json_array();

	for (size_t i = 0; i < c->n_probes; i++) {
		const struct probe *p = c->probes[i];

		json_array_append_new(all, probe_status(p, now_us));
		for (size_t k = 0; k < p->conf->n_fitness; k++)
			json_array_append_new(all, fitness_set_status(p->fitness, k, now_us));
	}
	for (size_t i = 0; i < c->n_scripts; i++) {
		const struct script *s = c->scripts[i];

		json_array_append_new(all, json_pack("{s:o, s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "name",
						     json_text(s->conf->name), "kind", "script", "state",
						     health_word(&s->health), "last", s->last, "tracked", s->tracked,
						     "runs", (json_int_t)s->runs, "failures", (json_int_t)s->failures,
						     "timeouts", (json_int_t)s->timeouts));
	}
	return all;
}
