/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the user's query. Trouble in getting a connection is no result: the heartbeat watches the server, and "too many
 * connections" must not look like a failed check. What counts is an answer, an error in its place, or none in time. */
#include "checks/mysql_query.h"

#include "agent/base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REST, LOGIN, SESSION, RUN };
enum { TICK_US = 250000 };

void user_query_init(struct user_query *q, const struct mysql_conf *conf)
{
	*q = (struct user_query){
		.sql = conf->query,
		.interval_us = conf->query_interval_us ? conf->query_interval_us : conf->interval_us,
		.timeout_us = conf->timeout_us,
		.next_us = UINT64_MAX,
	};
}

void user_query_reconf(struct user_query *q, const struct mysql_conf *conf)
{
	struct user_query fresh;
	bool same;

	user_query_init(&fresh, conf);
	same = q->sql && fresh.sql ? strcmp(q->sql, fresh.sql) == 0 : q->sql == fresh.sql;
	if (!same || q->interval_us != fresh.interval_us || q->timeout_us != fresh.timeout_us)
		user_query_end(q);
	q->sql = fresh.sql;
	q->interval_us = fresh.interval_us;
	q->timeout_us = fresh.timeout_us;
}

void user_query_begin(struct user_query *q, uint64_t now_us)
{
	if (q->sql && q->next_us == UINT64_MAX && q->phase == REST)
		q->next_us = now_us;
}

void user_query_end(struct user_query *q)
{
	link_drop(&q->link);
	q->phase = REST;
	q->clock.on = false;
	q->next_us = UINT64_MAX;
}

/* The server is to give up a little before we do, else abandoned runs would pile up in there. */
static void start_session(struct user_query *q)
{
	const unsigned limit_ms = (unsigned)(q->timeout_us / 1000 * 9 / 10) + 1;
	char sql[128];

	if (strstr(link_server(&q->link), "MariaDB"))
		snprintf(sql, sizeof(sql), "SET SESSION wait_timeout=604800, max_statement_time=%u.%03u",
			 limit_ms / 1000, limit_ms % 1000);
	else
		snprintf(sql, sizeof(sql), "SET SESSION wait_timeout=604800, max_execution_time=%u", limit_ms);
	q->phase = SESSION;
	link_query(&q->link, sql);
}

static bool is_zero(const char *text)
{
	char *end;

	return strtod(text, &end) == 0 && *end == '\0'; /* so is an empty text */
}

static enum probe_query_result judge(struct user_query *q)
{
	const struct sql_link *l = &q->link;
	bool passed = false;

	if (l->code) {
		/* Refusals of this statement, as opposed to limits and losses of the connection. */
		if (probe_rule_error(l->code).then != PROBE_KEEP && l->code != 1044)
			return PROBE_QUERY_NOT_RUN;
		snprintf(q->text, sizeof(q->text), "query: %u %.70s", l->code, l->error);
	} else if (!l->has_cell) {
		snprintf(q->text, sizeof(q->text), "query returned no row");
	} else if (l->cell_null) {
		snprintf(q->text, sizeof(q->text), "query returned NULL");
	} else {
		snprintf(q->text, sizeof(q->text), "query returned %.40s", l->cell);
		passed = !is_zero(l->cell);
	}
	return passed ? PROBE_QUERY_PASSED : PROBE_QUERY_FAILED;
}

/* Takes each step that is possible now. True if the run is over. */
static bool advance(struct user_query *q, enum probe_query_result *ret)
{
	while (q->link.state != LINK_WORKING) {
		switch (q->phase) {
		case LOGIN:
			if (q->link.code) {
				*ret = PROBE_QUERY_NOT_RUN;
				return true;
			}
			start_session(q);
			break;
		case SESSION: /* an old server may not know one of the variables: no matter */
			if (q->link.code && !probe_is_packet(q->link.code)) {
				*ret = PROBE_QUERY_NOT_RUN;
				return true;
			}
			q->phase = RUN;
			link_query(&q->link, q->sql);
			break;
		case RUN:
			*ret = judge(q);
			return true;
		default:
			return false;
		}
	}
	return false;
}

static void start_run(struct user_query *q, const struct link_target *t, uint64_t now_us)
{
	probe_clock_start(&q->clock, now_us);
	q->next_us = now_us + q->interval_us;
	if (q->link.state == LINK_READY) {
		q->phase = RUN;
		link_query(&q->link, q->sql);
	} else {
		q->phase = LOGIN;
		link_connect(&q->link, t);
	}
}

/* No greeting in time is the heartbeat's business; no answer is a failure. */
static bool is_overdue(struct user_query *q, enum probe_query_result *ret)
{
	if (q->clock.ran_us < q->timeout_us)
		return false;
	snprintf(q->text, sizeof(q->text), "query: no answer for %.1f s", (double)q->clock.ran_us / 1e6);
	*ret = q->phase == RUN ? PROBE_QUERY_FAILED : PROBE_QUERY_NOT_RUN;
	link_drop(&q->link);
	return true;
}

bool user_query_step(struct user_query *q, const struct link_target *t, uint32_t ready, uint64_t now_us,
		     uint64_t lag_us, enum probe_query_result *ret)
{
	bool over;

	probe_clock_tick(&q->clock, now_us, lag_us);
	if (ready && q->link.state == LINK_READY)
		link_drop(&q->link); /* closed by the server while idle */
	if (ready)
		link_resume(&q->link, ready);
	if (q->phase == REST && now_us >= q->next_us)
		start_run(q, t, now_us);
	if (q->phase == REST)
		return false;
	over = advance(q, ret) || is_overdue(q, ret);
	if (!over)
		return false;
	if (q->link.code && probe_rule_error(q->link.code).then != PROBE_KEEP)
		link_drop(&q->link);
	q->phase = REST;
	q->clock.on = false;
	return true;
}

uint64_t user_query_wake_us(const struct user_query *q)
{
	uint64_t left_us;

	if (q->phase == REST)
		return q->next_us;
	left_us = q->timeout_us > q->clock.ran_us ? q->timeout_us - q->clock.ran_us : 0;
	return q->clock.seen_us + (left_us < TICK_US ? left_us : TICK_US);
}
