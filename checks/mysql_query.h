/* SPDX-License-Identifier: Apache-2.0 */
/* The user's own query: a connection of its own, its own interval, the probe's `timeout` as its deadline, so that a
 * slow query never holds up the heartbeat. Passes if row 1, column 1 is neither NULL nor 0. */
#pragma once

#include "checks/mysql_link.h"
#include "checks/mysql_rules.h"

struct user_query {
	const char *sql; /* NULL: there is none */
	uint64_t interval_us, timeout_us;
	struct sql_link link;
	unsigned phase;
	struct probe_clock clock;
	uint64_t next_us;            /* when to run it, UINT64_MAX while it must not */
	char text[CHECK_REASON_MAX]; /* of the last result */
};

void user_query_init(struct user_query *q, const struct mysql_conf *conf);

/* New values. What is under way goes on if the query and its times are the same, or else starts over. */
void user_query_reconf(struct user_query *q, const struct mysql_conf *conf);

/* The server came up: run it at once, and then each interval. */
void user_query_begin(struct user_query *q, uint64_t now_us);

/* The server is away: no runs until begin. */
void user_query_end(struct user_query *q);

/* `ready`: of its descriptor. True if there is a result, with its words in `text`. */
bool user_query_step(struct user_query *q, const struct link_target *t, uint32_t ready, uint64_t now_us,
		     uint64_t lag_us, enum probe_query_result *ret);

uint64_t user_query_wake_us(const struct user_query *q);
