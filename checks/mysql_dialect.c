/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of names. Knows what servers call things, not what they mean: that is checks/fitness_rules. */
#include "checks/mysql_dialect.h"

#include <assert.h>
#include <string.h>

enum { SPELLINGS = 2, V_8_0_22 = 80022, V_8_0_2 = 80002, V_MARIADB_10_5 = 100500 };

static int column_of(const struct sql_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_cols; i++)
		if (strcasecmp(t->names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *sql_cell(const struct sql_table *t, size_t row, const char *column)
{
	int i = column_of(t, column);

	return i < 0 || row >= t->n_rows ? NULL : t->cells[row * t->n_cols + (size_t)i];
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool sql_number(const char *text, uint64_t *ret)
{
	uint64_t v = 0;

	if (!text || !is_digit(*text))
		return false;
	for (; is_digit(*text); text++) {
		if (v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	if (*text == '.')
		for (text++; is_digit(*text); text++)
			;
	if (*text)
		return false;
	*ret = v;
	return true;
}

bool sql_truth(const char *text)
{
	return text && strcmp(text, "0") != 0 && strcasecmp(text, "OFF") != 0;
}

/* --- who is it --------------------------------------------------------------------------------------------------- */

static unsigned version_number(const char *s)
{
	unsigned part[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		if (!is_digit(*s))
			return 0;
		while (is_digit(*s) && part[i] < 1000)
			part[i] = part[i] * 10 + (unsigned)(*s++ - '0');
		if (part[i] > 99)
			return 0;
		if (i < 2 && *s == '.')
			s++;
		else if (i < 2)
			break;
	}
	return part[0] * 10000 + part[1] * 100 + part[2];
}

struct mysql_dialect mysql_dialect_of(const char *server_info)
{
	static const char disguise[] = "5.5.5-"; /* MariaDB's, for the clients of old */
	struct mysql_dialect d = { .mariadb = strstr(server_info, "MariaDB") != NULL };

	if (d.mariadb && strncmp(server_info, disguise, strlen(disguise)) == 0)
		server_info += strlen(disguise);
	d.version = version_number(server_info);
	return d;
}

/* --- statements -------------------------------------------------------------------------------------------------- */

const char *dialect_replica_status(const struct mysql_dialect *d)
{
	if (d->mariadb) /* the newer SHOW ALL REPLICAS STATUS is the same, and not known before 10.5 */
		return "SHOW ALL SLAVES STATUS";
	return d->version >= V_8_0_22 ? "SHOW REPLICA STATUS" : "SHOW SLAVE STATUS";
}

const char *dialect_heartbeats(const struct mysql_dialect *d)
{
	if (d->mariadb)
		return NULL;
	return "SELECT s.CHANNEL_NAME, s.COUNT_RECEIVED_HEARTBEATS, c.HEARTBEAT_INTERVAL "
	       "FROM performance_schema.replication_connection_status s "
	       "JOIN performance_schema.replication_connection_configuration c ON c.CHANNEL_NAME = s.CHANNEL_NAME";
}

const char *dialect_read_only(const struct mysql_dialect *d)
{
	if (d->mariadb)
		return "SELECT @@global.read_only AS read_only";
	return "SELECT @@global.read_only AS read_only, @@global.super_read_only AS super_read_only, "
	       "@@global.offline_mode AS offline_mode";
}

const char *dialect_group_member(const struct mysql_dialect *d)
{
	if (d->mariadb)
		return NULL;
	if (d->version >= V_8_0_2)
		return "SELECT MEMBER_STATE, MEMBER_ROLE FROM performance_schema.replication_group_members "
		       "WHERE MEMBER_ID = @@server_uuid";
	/* 5.7 knows no roles; the primary's name is empty where all are primaries. */
	return "SELECT MEMBER_STATE, IF((SELECT VARIABLE_VALUE FROM performance_schema.global_status "
	       "WHERE VARIABLE_NAME = 'group_replication_primary_member') IN ('', @@server_uuid), "
	       "'PRIMARY', 'SECONDARY') AS MEMBER_ROLE FROM performance_schema.replication_group_members "
	       "WHERE MEMBER_ID = @@server_uuid";
}

const char *dialect_wsrep_on(const struct mysql_dialect *d)
{
	(void)d;
	return "SELECT @@global.wsrep_on AS wsrep_on";
}

const char *dialect_wsrep_status(const struct mysql_dialect *d)
{
	(void)d;
	return "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_local_state', "
	       "'wsrep_local_state_comment', 'wsrep_cluster_status')";
}

const char *dialect_replication_grant(const struct mysql_dialect *d)
{
	return d->mariadb && d->version >= V_MARIADB_10_5 ? "SLAVE MONITOR ON *.*" : "REPLICATION CLIENT ON *.*";
}

const char *dialect_schema_grant(const struct mysql_dialect *d)
{
	(void)d;
	return "SELECT ON performance_schema.*";
}

/* --- columns ----------------------------------------------------------------------------------------------------- */

const char *replica_cell(const struct sql_table *t, size_t row, enum replica_column column)
{
	static const char *const names[][SPELLINGS] = {
		[REPLICA_CHANNEL] = { "Connection_name", "Channel_Name" },
		[REPLICA_HOST] = { "Master_Host", "Source_Host" },
		[REPLICA_PORT] = { "Master_Port", "Source_Port" },
		[REPLICA_IO_RUNNING] = { "Slave_IO_Running", "Replica_IO_Running" },
		[REPLICA_SQL_RUNNING] = { "Slave_SQL_Running", "Replica_SQL_Running" },
		[REPLICA_IO_ERRNO] = { "Last_IO_Errno" },
		[REPLICA_IO_ERROR] = { "Last_IO_Error" },
		[REPLICA_SQL_ERRNO] = { "Last_SQL_Errno" },
		[REPLICA_SQL_ERROR] = { "Last_SQL_Error" },
		[REPLICA_LAG] = { "Seconds_Behind_Master", "Seconds_Behind_Source" },
		[REPLICA_READ_FILE] = { "Master_Log_File", "Source_Log_File" },
		[REPLICA_READ_POS] = { "Read_Master_Log_Pos", "Read_Source_Log_Pos" },
		[REPLICA_EXEC_FILE] = { "Relay_Master_Log_File", "Relay_Source_Log_File" },
		[REPLICA_EXEC_POS] = { "Exec_Master_Log_Pos", "Exec_Source_Log_Pos" },
		[REPLICA_GTID_RECEIVED] = { "Gtid_IO_Pos", "Retrieved_Gtid_Set" },
		[REPLICA_GTID_APPLIED] = { "Gtid_Slave_Pos", "Executed_Gtid_Set" },
		[REPLICA_HEARTBEATS] = { "Slave_received_heartbeats", "COUNT_RECEIVED_HEARTBEATS" },
		[REPLICA_HEARTBEAT_PERIOD] = { "Slave_heartbeat_period", "HEARTBEAT_INTERVAL" },
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == _REPLICA_COLUMN_MAX_, "each column has a name");
	assert(column < _REPLICA_COLUMN_MAX_);
	for (int i = 0; i < SPELLINGS && names[column][i]; i++)
		if (column_of(t, names[column][i]) >= 0)
			return sql_cell(t, row, names[column][i]);
	return NULL;
}
