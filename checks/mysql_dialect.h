/* SPDX-License-Identifier: Apache-2.0 */
/* What servers call things: statements and column names per flavour and version of MySQL and MariaDB, and results as
 * plain tables to look them up in. Pure. Chosen by version, never by trying: a statement that fails fills the server's
 * error log. Columns are found by name, whatever the case, in every spelling that is known; their order differs in each
 * version. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole result. The texts belong to whoever made it. */
struct sql_table {
	size_t n_rows, n_cols;
	const char *const *names; /* n_cols */
	const char *const *cells; /* row by row; NULL is SQL's NULL */
};

/* NULL: there is no such column, or the value is SQL's NULL. */
const char *sql_cell(const struct sql_table *t, size_t row, const char *column);
/* Decimal digits only; a fraction is cut off. False for NULL and for anything else. */
bool sql_number(const char *text, uint64_t *ret);
/* As servers write truth: 0 and OFF are false, NULL (no such variable) too; anything else is true. */
bool sql_truth(const char *text);

struct mysql_dialect {
	bool mariadb;
	unsigned version; /* 80022 for 8.0.22, 101119 for 10.11.19; 0 if not understood */
};

/* From the version text of the server's greeting. */
struct mysql_dialect mysql_dialect_of(const char *server_info);

/* Status of all replication channels; needs dialect_replication_grant(). */
const char *dialect_replica_status(const struct mysql_dialect *d);
/* Counts of heartbeats per channel, where the above lacks them (MySQL); NULL where it does not. */
const char *dialect_heartbeats(const struct mysql_dialect *d);
/* Columns read_only and, where they exist, super_read_only and offline_mode. */
const char *dialect_read_only(const struct mysql_dialect *d);
/* MEMBER_STATE and MEMBER_ROLE of this server; no row where the plugin is not active. NULL: there is no such thing. */
const char *dialect_group_member(const struct mysql_dialect *d);
/* wsrep_on; error 1193 where there is no Galera. Then the status variables, as rows of name and value. */
const char *dialect_wsrep_on(const struct mysql_dialect *d);
const char *dialect_wsrep_status(const struct mysql_dialect *d);

/* The privilege for it, as GRANT wants it: "SLAVE MONITOR ON *.*". */
const char *dialect_replication_grant(const struct mysql_dialect *d);
const char *dialect_schema_grant(const struct mysql_dialect *d);

/* Columns of the above, under their various names. */
enum replica_column {
	REPLICA_CHANNEL,
	REPLICA_HOST,
	REPLICA_PORT,
	REPLICA_IO_RUNNING,
	REPLICA_SQL_RUNNING,
	REPLICA_IO_ERRNO,
	REPLICA_IO_ERROR,
	REPLICA_SQL_ERRNO,
	REPLICA_SQL_ERROR,
	REPLICA_LAG,
	REPLICA_READ_FILE, /* received so far */
	REPLICA_READ_POS,
	REPLICA_EXEC_FILE, /* applied so far */
	REPLICA_EXEC_POS,
	REPLICA_GTID_RECEIVED,
	REPLICA_GTID_APPLIED,
	REPLICA_HEARTBEATS,       /* received so far */
	REPLICA_HEARTBEAT_PERIOD, /* seconds */
	_REPLICA_COLUMN_MAX_,
};

const char *replica_cell(const struct sql_table *t, size_t row, enum replica_column column);
