/* SPDX-License-Identifier: Apache-2.0 */
/* A read-only check of a server that is alive: is it fit to serve? A connection of its own over libmariadb's
 * non-blocking calls, so that a slow answer never holds up the heartbeat. What is asked and what the answers mean is
 * checks/fitness_rules. The runner starts it when the probe has found the server up, and ends it when it goes down. */
#pragma once

#include "checks/fitness_rules.h"
#include "checks/mysql.h"

struct mysql_fitness_conf {
	const struct mysql_conf *server; /* the vrrp_mysql block that it belongs to */
	struct fitness_conf rules;
	uint64_t interval_us;
	uint64_t timeout_us; /* for one run, in time in which our own loop ran */
};

extern const struct check_type check_mysql_fitness;
