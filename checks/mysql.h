/* SPDX-License-Identifier: Apache-2.0 */
/* The probe of the local mysqld: one persistent connection over libmariadb's non-blocking calls, a query each interval,
 * and a watch on mysqld's threads, so that a death is an event. The rules (what an error means, when a silence is a
 * hang) are in checks/mysql_rules and are pure; this file carries them out. Neither TLS nor names: both block. */
#pragma once

#include "agent/base/addr.h"
#include "checks/check.h"

/* A `vrrp_mysql` block. Strings are owned by the configuration. */
struct mysql_conf {
	const char *socket;  /* path, or NULL for TCP */
	struct ip_addr host; /* numeric; used when socket is NULL */
	uint16_t port;
	struct ip_addr reserved_host; /* of the reserved entry (extra_port, admin_port); 127.0.0.1 unless given */
	uint16_t reserved_port;       /* 0 = none */
	const char *user;
	const char *password; /* NULL = none. A secret: never logged, never in a report */
	const char *query; /* NULL = none; runs on a connection of its own, passes if row 1 column 1 is neither NULL nor
			      0 */
	uint64_t query_interval_us;
	uint64_t interval_us; /* between queries on the persistent connection */
	uint64_t timeout_us;  /* of silence, in time in which our loop ran, until a hang is declared */
	bool thread_watch;    /* false: no pidfds, for tests and for kernels where they misbehave */
};

extern const struct check_type check_mysql;
