/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fitness check: connect once, then its statements each interval. Trouble in getting a connection is no result:
 * the heartbeat watches the server, and "too many connections" must not look like a broken replica. What counts is an
 * answer, an error in its place, or none in time. */
#include "checks/mysql_fitness.h"

#include "agent/base/cleanup.h"
#include "checks/mysql_link.h"
#include "checks/mysql_rules.h"

#include <string.h>

enum phase { REST, LOGIN, SESSION, ASKED };
enum { TICK_US = 250000 };

struct fitness_check {
	const struct mysql_fitness_conf *conf;
	struct check_report *report;
	struct fitness rules;
	struct sql_link link;
	enum phase phase;
	struct probe_clock clock; /* of this run */
	uint64_t began_us;
	uint64_t next_us;
	uint64_t planned_us; /* the wake-up that we asked for */
};

static struct link_target entry(const struct mysql_conf *m)
{
	return (struct link_target){
		.socket = m->socket,
		.host = &m->host,
		.port = m->port,
		.user = m->user,
		.password = m->password,
	};
}

static void connect_to(struct fitness_check *c)
{
	const struct link_target t = entry(c->conf->server);

	c->phase = LOGIN;
	link_connect(&c->link, &t);
	c->link.keeps_table = true;
}

/* The server is to give up a little before we do, else abandoned runs would pile up in there. */
static void start_session(struct fitness_check *c)
{
	const unsigned limit_ms = (unsigned)(c->conf->timeout_us / 1000 * 9 / 10) + 1;
	const struct mysql_dialect d = mysql_dialect_of(link_server(&c->link));
	char sql[128];

	if (d.mariadb)
		snprintf(sql, sizeof(sql), "SET SESSION wait_timeout=604800, max_statement_time=%u.%03u",
			 limit_ms / 1000, limit_ms % 1000);
	else
		snprintf(sql, sizeof(sql), "SET SESSION wait_timeout=604800, max_execution_time=%u", limit_ms);
	c->report->connects++;
	snprintf(c->report->server, sizeof(c->report->server), "%s", link_server(&c->link));
	c->phase = SESSION;
	link_query(&c->link, sql);
}

static void ask(struct fitness_check *c, const char *sql)
{
	c->phase = ASKED;
	c->report->queries++;
	link_query(&c->link, sql);
}

/* True if there is nothing to ask: the verdict is in. */
static bool begin(struct fitness_check *c)
{
	const struct mysql_dialect d = mysql_dialect_of(link_server(&c->link));
	const char *sql = fitness_begin(&c->rules, &d);

	if (!sql)
		return true;
	ask(c, sql);
	return false;
}

/* The connection failed, or was lost: no result. Says so, and is not counted. */
static void not_run(struct fitness_check *c)
{
	c->rules.outcome = CHECK_NOTHING;
	c->rules.complaint = true;
	if (c->link.code)
		snprintf(c->rules.reason, sizeof(c->rules.reason), "cannot be run: %u %.70s", c->link.code,
			 c->link.error);
	else
		snprintf(c->rules.reason, sizeof(c->rules.reason), "cannot be run: %.70s", c->link.error);
	c->rules.error_code = c->link.code;
	snprintf(c->rules.error, sizeof(c->rules.error), "%s", c->link.error);
}

/* True if the run is over. */
static bool answered(struct fitness_check *c, uint64_t now_us)
{
	const char *sql;

	if (c->link.code && probe_rule_error(c->link.code).then != PROBE_KEEP && c->link.code != 1044) {
		not_run(c);
		return true;
	}
	if (c->link.code) {
		fitness_error(&c->rules, c->link.code, c->link.error);
		return true;
	}
	sql = fitness_answer(&c->rules, &c->link.table, now_us);
	if (!sql)
		return true;
	ask(c, sql);
	return false;
}

/* Takes each step that is possible now. True if the run is over. */
static bool advance(struct fitness_check *c, uint64_t now_us)
{
	while (c->link.state != LINK_WORKING) {
		switch (c->phase) {
		case LOGIN:
			if (c->link.code) {
				not_run(c);
				return true;
			}
			start_session(c);
			break;
		case SESSION: /* an old server may not know one of the variables: no matter */
			if (c->link.code && !probe_is_packet(c->link.code)) {
				not_run(c);
				return true;
			}
			if (begin(c))
				return true;
			break;
		case ASKED:
			if (answered(c, now_us))
				return true;
			break;
		case REST:
			return false;
		}
	}
	return false;
}

static bool is_overdue(struct fitness_check *c)
{
	if (c->clock.ran_us < c->conf->timeout_us)
		return false;
	if (c->phase == ASKED) {
		fitness_overdue(&c->rules, c->clock.ran_us);
	} else { /* no greeting in time is the heartbeat's business */
		c->link.code = 0;
		snprintf(c->link.error, sizeof(c->link.error), "no connection within %.1f s",
			 (double)c->conf->timeout_us / 1e6);
		not_run(c);
	}
	link_drop(&c->link);
	return true;
}

static void start_run(struct fitness_check *c, uint64_t now_us)
{
	probe_clock_start(&c->clock, now_us);
	c->began_us = now_us;
	c->next_us = now_us + c->conf->interval_us;
	if (c->link.state == LINK_READY) {
		c->link.code = 0;
		c->phase = SESSION; /* advance() begins at once */
	} else {
		connect_to(c);
	}
}

static void report_result(struct fitness_check *c, struct check_step *s)
{
	struct check_report *r = c->report;
	const struct fitness *f = &c->rules;

	r->tried = true;
	if (f->outcome == CHECK_FAIL)
		r->verdict = CHECK_DEAD;
	else
		r->verdict = f->complaint || f->outcome == CHECK_NOTHING ? CHECK_DEGRADED : CHECK_ALIVE;
	snprintf(r->reason, sizeof(r->reason), "%s", f->reason);
	if (f->error_code || f->error[0]) {
		snprintf(r->error, sizeof(r->error), "%s", f->error);
		r->error_code = f->error_code;
		r->error_us = s->now_us;
	}
	s->outcome = f->outcome;
	if (f->outcome == CHECK_NOTHING)
		return;
	snprintf(r->value, sizeof(r->value), "%s", f->value);
	r->lag_s = f->lag_s;
	r->alive_us = s->now_us;
	r->failures += f->outcome == CHECK_FAIL;
	r->latency_us = s->now_us - c->began_us;
	if (r->latency_us > r->latency_max_us)
		r->latency_max_us = r->latency_us;
}

static uint32_t ready_of(const struct check_step *s, int fd)
{
	for (size_t i = 0; fd >= 0 && i < s->n_io; i++)
		if (s->io[i].fd == fd)
			return s->io[i].ready;
	return 0;
}

static uint64_t wake_us(const struct fitness_check *c)
{
	uint64_t left_us;

	if (c->phase == REST)
		return c->next_us;
	left_us = c->conf->timeout_us > c->clock.ran_us ? c->conf->timeout_us - c->clock.ran_us : 0;
	return c->clock.seen_us + (left_us < TICK_US ? left_us : TICK_US);
}

static void fitness_step(void *state, struct check_step *s)
{
	struct fitness_check *c = state;
	const uint64_t lag_us = s->now_us > c->planned_us ? s->now_us - c->planned_us : 0;
	const uint32_t ready = ready_of(s, link_fd(&c->link));

	probe_clock_tick(&c->clock, s->now_us, lag_us);
	if (ready && c->link.state == LINK_READY)
		link_drop(&c->link); /* closed by the server while idle */
	if (ready)
		link_resume(&c->link, ready);
	if (c->phase == REST && s->now_us >= c->next_us)
		start_run(c, s->now_us);
	if (c->phase != REST && (advance(c, s->now_us) || is_overdue(c))) {
		report_result(c, s);
		if (c->link.code && probe_rule_error(c->link.code).then != PROBE_KEEP)
			link_drop(&c->link);
		c->phase = REST;
		c->clock.on = false;
	}
	s->n_io = link_io(&c->link, &s->io[0]);
	s->wake_us = c->planned_us = wake_us(c);
}

static int fitness_init_check(void *state, const void *conf, struct check_report *report)
{
	struct fitness_check *c = state;

	c->conf = conf;
	c->report = report;
	c->planned_us = UINT64_MAX;
	report->lag_s = -1;
	fitness_init(&c->rules, &c->conf->rules);
	return 0;
}

static void fitness_reconf_check(void *state, const void *conf)
{
	struct fitness_check *c = state;
	struct link_target t;

	c->conf = conf;
	fitness_reconf(&c->rules, &c->conf->rules);
	c->next_us = 0; /* what is new about it should show soon */
	t = entry(c->conf->server);
	if (link_leads_to(&c->link, &t))
		return;
	link_drop(&c->link);
	c->phase = REST;
	c->clock.on = false;
}

static void fitness_done(void *state)
{
	struct fitness_check *c = state;

	link_drop(&c->link);
}

const struct check_type check_mysql_fitness = {
	.name = "fitness",
	.state_size = sizeof(struct fitness_check),
	.init = fitness_init_check,
	.reconf = fitness_reconf_check,
	.step = fitness_step,
	.done = fitness_done,
};
