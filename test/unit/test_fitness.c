/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in, verdict out: the read-only checks of an alive server, with columns as MariaDB 10.11 and MySQL 5.7, 8.0 and
 * 8.4 name and order them, without a server. */
#include "test/unit/unit.h"

#include "checks/fitness_rules.h"

enum { S = 1000000 };

#define MARIADB "10.11.19-MariaDB-0+deb12u1-log"
#define MYSQL84 "8.4.3"

/* One answer, made of "name=value" texts; "name" alone is NULL. Rows are separated by NULL. */
struct answer {
	const char *names[80], *cells[400];
	char text[400][160];
	size_t n_text;
	struct sql_table t;
};

static struct answer answer;

static const char *keep(const char *from, size_t len)
{
	char *to = answer.text[answer.n_text++];

	assert_true(answer.n_text < ELEMENTSOF(answer.text) && len < sizeof(answer.text[0]));
	memcpy(to, from, len);
	to[len] = '\0';
	return to;
}

static const struct sql_table *rows(const char *const *fields, size_t n)
{
	size_t row = 0, col = 0;

	memset(&answer, 0, sizeof(answer));
	for (size_t i = 0; i < n; i++) {
		const char *eq = fields[i] ? strchr(fields[i], '=') : NULL;

		if (!fields[i]) {
			row++;
			col = 0;
			continue;
		}
		if (row == 0) {
			answer.names[col] = keep(fields[i], eq ? (size_t)(eq - fields[i]) : strlen(fields[i]));
			answer.t.n_cols = col + 1;
		}
		answer.cells[row * answer.t.n_cols + col++] = eq ? keep(eq + 1, strlen(eq + 1)) : NULL;
	}
	answer.t.n_rows = n ? row + 1 : 0;
	answer.t.names = answer.names;
	answer.t.cells = answer.cells;
	return &answer.t;
}
#define ROWS(...) rows((const char *const[]){ __VA_ARGS__ }, ELEMENTSOF(((const char *const[]){ __VA_ARGS__ })))
static const struct sql_table no_rows;

static struct fitness f;
static struct fitness_conf conf;
static uint64_t now_us;

static const char *begin(const char *server)
{
	const struct mysql_dialect d = mysql_dialect_of(server);

	return fitness_begin(&f, &d);
}

static void set_up(enum fitness_kind kind)
{
	conf = (struct fitness_conf){ .kind = kind };
	now_us = S;
	fitness_init(&f, &conf);
}

/* The verdict of one run with one answer. */
static enum check_outcome judge(const char *server, const struct sql_table *t)
{
	const char *sql = begin(server);

	assert_non_null(sql);
	sql = fitness_answer(&f, t, now_us);
	assert_null(sql);
	return f.outcome;
}

/* A channel as SHOW ALL SLAVES STATUS of MariaDB tells it: what matters of its columns, in its order. */
#define MARIADB_CHANNEL(name, host, file, pos, exec_file, exec_pos, io, sql, lag, io_no, io_err, sql_no, sql_err,  \
			beats)                                                                                     \
	"Connection_name=" name, "Slave_SQL_State=", "Slave_IO_State=", "Master_Host=" host, "Master_User=repl",   \
		"Master_Port=3306", "Connect_Retry=1", "Master_Log_File=" file, "Read_Master_Log_Pos=" pos,        \
		"Relay_Log_File=relay-bin.000002", "Relay_Log_Pos=700", "Relay_Master_Log_File=" exec_file,        \
		"Slave_IO_Running=" io, "Slave_SQL_Running=" sql, "Last_Errno=0",                                  \
		"Last_Error=", "Exec_Master_Log_Pos=" exec_pos, "Until_Log_Pos=0", "Master_SSL_Allowed=No",        \
		"Seconds_Behind_Master" lag, "Last_IO_Errno=" io_no, "Last_IO_Error=" io_err,                      \
		"Last_SQL_Errno=" sql_no, "Last_SQL_Error=" sql_err, "Master_Server_Id=1", "Using_Gtid=Slave_Pos", \
		"Gtid_IO_Pos=0-1-" pos, "SQL_Delay=0", "Slave_received_heartbeats=" beats,                         \
		"Slave_heartbeat_period=0.500", "Gtid_Slave_Pos=0-1-" exec_pos

#define RUNNING(lag)                                                                                                   \
	MARIADB_CHANNEL("", "10.0.0.1", "bin.000001", "500", "bin.000001", "500", "Yes", "Yes", lag, "0", "", "0", "", \
			"7")
/* The primary cannot be reached; `exec` is applied of the 500 that were received. */
#define AWAY(exec, code, text)                                                                                      \
	MARIADB_CHANNEL("", "10.0.0.1", "bin.000001", "500", "bin.000001", exec, "Connecting", "Yes", , code, text, \
			"0", "", "7")

/* As MySQL 8.0.22 and later names it. */
#define MYSQL_CHANNEL(name, pos, io, sql, lag)                                                                   \
	"Replica_IO_State=", "Source_Host=10.0.0.1", "Source_User=repl", "Source_Port=3306", "Connect_Retry=60", \
		"Source_Log_File=binlog.000001", "Read_Source_Log_Pos=" pos, "Relay_Log_File=relay.000002",      \
		"Relay_Source_Log_File=binlog.000001", "Replica_IO_Running=" io, "Replica_SQL_Running=" sql,     \
		"Exec_Source_Log_Pos=500", "Seconds_Behind_Source" lag, "Last_IO_Errno=0",                       \
		"Last_IO_Error=", "Last_SQL_Errno=0", "Last_SQL_Error=", "Source_Server_Id=1", "SQL_Delay=0",    \
		"Retrieved_Gtid_Set=", "Executed_Gtid_Set=", "Auto_Position=1", "Channel_Name=" name,            \
		"Source_public_key_path=", "Get_Source_public_key=0", "Network_Namespace="

/* --- dialects ---------------------------------------------------------------------------------------------------- */

static void servers_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		bool mariadb;
		unsigned version;
	} all[] = {
		{ "10.11.19-MariaDB-0+deb12u1", true, 101119 },
		{ "5.5.5-10.5.23-MariaDB-log", true, 100523 },
		{ "11.8.9-MariaDB", true, 110809 },
		{ "8.0.40-0ubuntu0.22.04.1", false, 80040 },
		{ "5.7.44-log", false, 50744 },
		{ "9.7.4", false, 90704 },
		{ "8.4", false, 80400 },
		{ "", false, 0 },
		{ "what?", false, 0 },
		{ "99999999999.1.1", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(all); i++) {
		struct mysql_dialect d = mysql_dialect_of(all[i].text);

		assert_int_equal(d.mariadb, all[i].mariadb);
		assert_int_equal(d.version, all[i].version);
	}
}

static void each_server_is_asked_in_its_own_words(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	assert_string_equal(begin("10.5.1-MariaDB"), "SHOW ALL SLAVES STATUS");
	assert_string_equal(begin("11.8.9-MariaDB"), "SHOW ALL SLAVES STATUS");
	assert_string_equal(begin("5.7.44"), "SHOW SLAVE STATUS");
	assert_string_equal(begin("8.0.21"), "SHOW SLAVE STATUS");
	assert_string_equal(begin("8.0.22"), "SHOW REPLICA STATUS");
	assert_string_equal(begin("9.7.4"), "SHOW REPLICA STATUS");
	set_up(FITNESS_ROLE);
	assert_null(strstr(begin(MARIADB), "super_read_only"));
	assert_non_null(strstr(begin(MYSQL84), "super_read_only"));
	set_up(FITNESS_GROUP);
	assert_null(strstr(begin("5.7.44"), "SELECT MEMBER_STATE, MEMBER_ROLE"));
	assert_non_null(strstr(begin(MYSQL84), "SELECT MEMBER_STATE, MEMBER_ROLE"));
}

static void columns_are_found_by_any_of_their_names_and_in_any_case(void **state)
{
	const struct sql_table *t = ROWS("SECONDS_BEHIND_SOURCE=3", "Nothing");

	(void)state;
	assert_string_equal(replica_cell(t, 0, REPLICA_LAG), "3");
	assert_null(replica_cell(t, 0, REPLICA_HOST));
	assert_null(replica_cell(t, 1, REPLICA_LAG));
	assert_null(sql_cell(t, 0, "nothing"));
}

static void numbers_are_numbers_and_nothing_else(void **state)
{
	static const char *const bad[] = { NULL, "", "-1", "x", "3x", "1.2.3", "99999999999999999999", " 1" };
	uint64_t v;

	(void)state;
	assert_true(sql_number("18446744073709551", &v) && v == 18446744073709551);
	assert_true(sql_number("30.000", &v) && v == 30);
	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		assert_false(sql_number(bad[i], &v));
}

/* --- role -------------------------------------------------------------------------------------------------------- */

static void role_is_read_from_all_that_forbids_writing(void **state)
{
	(void)state;
	set_up(FITNESS_ROLE);
	conf.want_writable = true;
	assert_int_equal(judge(MARIADB, ROWS("read_only=0")), CHECK_PASS);
	assert_string_equal(f.value, "writable");
	assert_int_equal(judge(MARIADB, ROWS("read_only=1")), CHECK_FAIL);
	assert_string_equal(f.reason, "read only, but writable is required");
	assert_int_equal(judge(MARIADB, ROWS("read_only=NO_LOCK")), CHECK_FAIL);
	assert_int_equal(judge(MYSQL84, ROWS("read_only=0", "super_read_only=1", "offline_mode=0")), CHECK_FAIL);
	assert_int_equal(judge(MYSQL84, ROWS("read_only=0", "super_read_only=0", "offline_mode=1")), CHECK_FAIL);
	assert_string_equal(f.value, "offline_mode");
}

static void replica_is_required_to_be_read_only(void **state)
{
	(void)state;
	set_up(FITNESS_ROLE);
	assert_int_equal(judge(MARIADB, ROWS("read_only=ON")), CHECK_PASS);
	assert_int_equal(judge(MARIADB, ROWS("read_only=OFF")), CHECK_FAIL);
	assert_string_equal(f.reason, "writable, but a read-only replica is required");
}

/* --- replication ------------------------------------------------------------------------------------------------- */

static void running_replica_passes_and_its_lag_is_told(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=4"))), CHECK_PASS);
	assert_int_equal(f.lag_s, 4);
	assert_string_equal(f.value, "replica of 10.0.0.1:3306, io Yes, sql Yes, lag 4 s");
	assert_int_equal(judge(MYSQL84, ROWS(MYSQL_CHANNEL("", "500", "Yes", "Yes", "=0"))), CHECK_PASS);
	assert_int_equal(f.lag_s, 0);
	assert_string_equal(f.value, "replica of 10.0.0.1:3306, io Yes, sql Yes, lag 0 s");
}

static void old_names_of_mysql_are_understood(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	assert_int_equal(
		judge("5.7.44", ROWS("Slave_IO_State=", "Master_Host=10.0.0.9", "Master_Port=3307",
				     "Slave_IO_Running=Yes", "Slave_SQL_Running=No", "Last_SQL_Errno=1062",
				     "Last_SQL_Error=Duplicate entry", "Seconds_Behind_Master", "Channel_Name=")),
		CHECK_FAIL);
	assert_string_equal(f.reason, "the SQL thread stopped: 1062 Duplicate entry");
	assert_string_equal(f.value, "replica of 10.0.0.9:3307, io Yes, sql No, lag not told");
}

static void stopped_replication_fails(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	assert_int_equal(judge(MARIADB, ROWS(MARIADB_CHANNEL("", "10.0.0.1", "b.1", "5", "b.1", "5", "No", "No", , "0",
							     "", "0", "", "7"))),
			 CHECK_FAIL);
	assert_non_null(strstr(f.reason, "replication is stopped"));
	assert_int_equal(f.lag_s, -1);
}

static void stopped_sql_thread_fails_with_its_error(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	assert_int_equal(judge(MARIADB, ROWS(MARIADB_CHANNEL("", "10.0.0.1", "b.1", "9", "b.1", "5", "Yes", "No", , "0",
							     "", "1146", "Error 'Table t does not exist'", "7"))),
			 CHECK_FAIL);
	assert_int_equal(f.error_code, 1146);
	assert_non_null(strstr(f.reason, "the SQL thread stopped: 1146"));
	assert_string_equal(f.error, "Error 'Table t does not exist'");
	assert_int_equal(judge(MARIADB, ROWS(MARIADB_CHANNEL("", "10.0.0.1", "b.1", "9", "b.1", "5", "Yes", "No", , "0",
							     "", "0", "", "7"))),
			 CHECK_FAIL);
	assert_string_equal(f.reason, "the SQL thread is stopped");
}

static void replica_passes_when_its_primary_has_died(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	conf.has_max_lag = true;
	conf.max_lag_s = 10;
	assert_int_equal(judge(MARIADB, ROWS(AWAY("500", "2003", "Can't connect"))), CHECK_PASS);
	assert_int_equal(f.lag_s, 0);
	assert_int_equal(judge(MARIADB, ROWS(AWAY("500", "2013", "Lost connection"))), CHECK_PASS);
	assert_int_equal(judge(MARIADB, ROWS(AWAY("500", "1040", "Too many connections"))), CHECK_PASS);
	conf.primary_lost_fails = true;
	assert_int_equal(judge(MARIADB, ROWS(AWAY("500", "2003", "Can't connect"))), CHECK_FAIL);
	assert_non_null(strstr(f.reason, "the primary cannot be reached"));
}

static void receiver_that_is_not_let_in_fails(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	assert_int_equal(judge(MARIADB, ROWS(AWAY("500", "1045", "Access denied for user 'repl'"))), CHECK_FAIL);
	assert_non_null(strstr(f.reason, "1045 Access denied"));
	assert_int_equal(judge(MARIADB, ROWS(MARIADB_CHANNEL("", "10.0.0.1", "b.1", "5", "b.1", "5", "No", "Yes", ,
							     "1236", "Got fatal error", "0", "", "7"))),
			 CHECK_FAIL);
	assert_non_null(strstr(f.reason, "the IO thread is stopped: 1236"));
}

static void lag_is_limited_only_if_a_limit_is_given(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=3600"))), CHECK_PASS);
	conf.has_max_lag = true;
	conf.max_lag_s = 10;
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=10"))), CHECK_PASS);
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=11"))), CHECK_FAIL);
	assert_string_equal(f.reason, "11 s behind, more than max_lag 10 s");
	conf.max_lag_s = 0;
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=0"))), CHECK_PASS);
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=1"))), CHECK_FAIL);
}

static void without_a_told_lag_what_was_told_last_counts_until_all_is_applied(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	conf.has_max_lag = true;
	conf.max_lag_s = 10;
	assert_int_equal(judge(MARIADB, ROWS(AWAY("400", "2003", ""))), CHECK_FAIL);
	assert_non_null(strstr(f.reason, "the lag is not known"));
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=4"))), CHECK_PASS);
	assert_int_equal(judge(MARIADB, ROWS(AWAY("400", "2003", ""))), CHECK_PASS);
	assert_int_equal(f.lag_s, 4);
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=90"))), CHECK_FAIL);
	assert_int_equal(judge(MARIADB, ROWS(AWAY("400", "2003", ""))), CHECK_FAIL);
	assert_int_equal(judge(MARIADB, ROWS(AWAY("500", "2003", ""))), CHECK_PASS);
	assert_int_equal(f.lag_s, 0);
}

static void replica_that_has_received_nothing_yet_is_not_behind(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	conf.has_max_lag = true;
	conf.max_lag_s = 10;
	assert_int_equal(judge(MARIADB, ROWS(MARIADB_CHANNEL("", "10.0.0.1", "", "4", "", "0", "Connecting", "Yes", ,
							     "2003", "Can't connect", "0", "", "0"))),
			 CHECK_PASS);
}

static void worst_channel_counts_unless_one_is_named(void **state)
{
	const struct sql_table *t;

	(void)state;
	set_up(FITNESS_REPLICATION);
	t = ROWS(MARIADB_CHANNEL("", "10.0.0.1", "b.1", "5", "b.1", "5", "Yes", "Yes", "=2", "0", "", "0", "", "7"),
		 NULL,
		 MARIADB_CHANNEL("other", "10.0.0.2", "b.1", "5", "b.1", "4", "Yes", "No", , "0", "", "1032", "No key",
				 "7"));
	assert_int_equal(judge(MARIADB, t), CHECK_FAIL);
	assert_string_equal(f.value, "replica of 10.0.0.2:3306, io Yes, sql No, lag not told");
	conf.channel = "OTHER";
	assert_int_equal(judge(MARIADB, t), CHECK_FAIL);
	conf.channel = "";
	assert_int_equal(judge(MARIADB, t), CHECK_PASS);
	assert_string_equal(f.reason, "1 channel runs");
}

static void server_without_replication_passes_if_it_is_writable(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	begin(MARIADB);
	assert_string_equal(fitness_answer(&f, &no_rows, now_us), "SELECT @@global.read_only AS read_only");
	assert_null(fitness_answer(&f, ROWS("read_only=0"), now_us));
	assert_int_equal(f.outcome, CHECK_PASS);
	assert_string_equal(f.value, "primary");
	begin(MARIADB);
	fitness_answer(&f, &no_rows, now_us);
	assert_null(fitness_answer(&f, ROWS("read_only=1"), now_us));
	assert_int_equal(f.outcome, CHECK_FAIL);
	assert_string_equal(f.reason, "read only, and replicates from nobody");
	conf.must_replicate = true;
	assert_int_equal(judge(MARIADB, &no_rows), CHECK_FAIL);
	conf.channel = "x";
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=0"))), CHECK_FAIL);
}

static void silent_primary_is_seen_by_what_does_not_come(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	conf.max_silence_us = 2 * S;
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=0"))), CHECK_PASS);
	now_us += 2 * S;
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=0"))), CHECK_PASS);
	now_us += 1;
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=0"))), CHECK_FAIL);
	assert_string_equal(f.reason, "nothing from the primary for 2.0 s, more than max_silence");
	/* An event or a heartbeat ends it; a lost primary is another matter. */
	assert_int_equal(judge(MARIADB, ROWS(MARIADB_CHANNEL("", "10.0.0.1", "bin.000001", "501", "bin.000001", "501",
							     "Yes", "Yes", "=0", "0", "", "0", "", "7"))),
			 CHECK_PASS);
	now_us += 10 * S;
	assert_int_equal(judge(MARIADB, ROWS(AWAY("500", "2003", ""))), CHECK_PASS);
}

static void heartbeats_of_mysql_come_from_a_table_of_their_own(void **state)
{
	static const char *const beats[] = { "CHANNEL_NAME=", "COUNT_RECEIVED_HEARTBEATS=7",
					     "HEARTBEAT_INTERVAL=0.500" };
	static const char *const more[] = { "CHANNEL_NAME=", "COUNT_RECEIVED_HEARTBEATS=8",
					    "HEARTBEAT_INTERVAL=0.500" };

	(void)state;
	set_up(FITNESS_REPLICATION);
	conf.max_silence_us = 2 * S;
	for (int i = 0; i < 3; i++) {
		const char *sql;

		begin(MYSQL84);
		sql = fitness_answer(&f, ROWS(MYSQL_CHANNEL("", "500", "Yes", "Yes", "=0")), now_us);
		assert_non_null(strstr(sql, "replication_connection_status"));
		assert_null(fitness_answer(&f, rows(i < 2 ? beats : more, 3), now_us));
		assert_int_equal(f.outcome, i == 1 ? CHECK_FAIL : CHECK_PASS);
		now_us += 3 * S;
	}
}

static void silence_limit_below_the_heartbeat_period_is_a_complaint(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	conf.max_silence_us = 400000;
	now_us += 100 * S;
	assert_int_equal(judge(MARIADB, ROWS(RUNNING("=0"))), CHECK_PASS);
	assert_false(f.complaint); /* half a second, cut to 0: not known to be longer */
	conf.max_silence_us = 2 * S;
	assert_int_equal(judge(MARIADB, ROWS("Connection_name=", "Slave_IO_Running=Yes", "Slave_SQL_Running=Yes",
					     "Seconds_Behind_Master=0", "Slave_heartbeat_period=30.000")),
			 CHECK_PASS);
	assert_true(f.complaint);
	assert_non_null(strstr(f.reason, "heartbeat period"));
}

static void any_number_of_channels_is_survived(void **state)
{
	const char *fields[2 * 20];

	(void)state;
	set_up(FITNESS_REPLICATION);
	for (size_t i = 0; i < 20; i++) {
		fields[2 * i] = "Slave_SQL_Running=Yes";
		fields[2 * i + 1] = NULL;
	}
	assert_int_equal(judge(MARIADB, rows(fields, 39)), CHECK_FAIL);
	/* Names that come and go. */
	for (int i = 0; i < 50; i++) {
		char name[40];

		snprintf(name, sizeof(name), "Connection_name=c%d", i);
		assert_int_equal(judge(MARIADB, ROWS(name, "Slave_IO_Running=Yes", "Slave_SQL_Running=Yes")),
				 CHECK_PASS);
	}
}

/* --- clusters ---------------------------------------------------------------------------------------------------- */

static enum check_outcome galera(const char *ready, const char *number, const char *comment, const char *status)
{
	char text[4][64];

	snprintf(text[0], 64, "Value=%s", ready);
	snprintf(text[1], 64, "Value=%s", number);
	snprintf(text[2], 64, "Value=%s", comment);
	snprintf(text[3], 64, "Value=%s", status);
	begin(MARIADB);
	assert_non_null(fitness_answer(&f, ROWS("wsrep_on=1"), now_us));
	assert_null(fitness_answer(&f,
				   ROWS("Variable_name=wsrep_local_state", text[1], NULL,
					"Variable_name=wsrep_local_state_comment", text[2], NULL,
					"Variable_name=wsrep_cluster_status", text[3], NULL,
					"Variable_name=wsrep_ready", text[0]),
				   now_us));
	return f.outcome;
}

static void galera_node_must_be_synced_in_the_primary_component(void **state)
{
	(void)state;
	set_up(FITNESS_GALERA);
	assert_int_equal(galera("ON", "4", "Synced", "Primary"), CHECK_PASS);
	assert_string_equal(f.value, "Synced, cluster Primary, ready");
	assert_int_equal(galera("OFF", "4", "Synced", "Primary"), CHECK_FAIL);
	assert_int_equal(galera("ON", "4", "Synced", "non-Primary"), CHECK_FAIL);
	assert_string_equal(f.reason, "not in the primary component: cluster status non-Primary");
	assert_int_equal(galera("ON", "3", "Joined", "Primary"), CHECK_FAIL);
	assert_int_equal(galera("ON", "2", "Donor/Desynced", "Primary"), CHECK_FAIL);
	assert_non_null(strstr(f.reason, "donor_ok is off"));
	conf.donor_ok = true;
	assert_int_equal(galera("ON", "2", "Donor/Desynced", "Primary"), CHECK_PASS);
}

static void server_that_is_no_node_of_galera_fails(void **state)
{
	(void)state;
	set_up(FITNESS_GALERA);
	assert_int_equal(judge(MARIADB, ROWS("wsrep_on=0")), CHECK_FAIL);
	begin(MYSQL84);
	fitness_error(&f, 1193, "Unknown system variable 'wsrep_on'");
	assert_int_equal(f.outcome, CHECK_FAIL);
	assert_non_null(strstr(f.reason, "not a node"));
}

static void group_member_must_be_online_and_primary(void **state)
{
	(void)state;
	set_up(FITNESS_GROUP);
	assert_int_equal(judge(MYSQL84, ROWS("MEMBER_STATE=ONLINE", "MEMBER_ROLE=PRIMARY")), CHECK_PASS);
	assert_string_equal(f.value, "ONLINE, PRIMARY");
	assert_int_equal(judge(MYSQL84, ROWS("MEMBER_STATE=ONLINE", "MEMBER_ROLE=SECONDARY")), CHECK_FAIL);
	assert_int_equal(judge(MYSQL84, ROWS("MEMBER_STATE=RECOVERING", "MEMBER_ROLE=PRIMARY")), CHECK_FAIL);
	assert_int_equal(judge(MYSQL84, &no_rows), CHECK_FAIL);
	assert_string_equal(f.reason, "group replication is not active in this server");
	conf.any_member = true;
	assert_int_equal(judge(MYSQL84, ROWS("MEMBER_STATE=ONLINE", "MEMBER_ROLE=SECONDARY")), CHECK_PASS);
	assert_null(begin(MARIADB));
	assert_int_equal(f.outcome, CHECK_FAIL);
}

/* --- errors ------------------------------------------------------------------------------------------------------ */

static void missing_privilege_is_a_complaint_that_names_the_grant(void **state)
{
	static const struct {
		const char *server, *grant;
	} all[] = { { MARIADB, "SLAVE MONITOR ON *.*" },
		    { "10.4.34-MariaDB", "REPLICATION CLIENT ON *.*" },
		    { MYSQL84, "REPLICATION CLIENT ON *.*" } };

	(void)state;
	set_up(FITNESS_REPLICATION);
	for (size_t i = 0; i < ELEMENTSOF(all); i++) {
		begin(all[i].server);
		fitness_error(&f, 1227, "Access denied; you need something");
		assert_int_equal(f.outcome, CHECK_NOTHING);
		assert_true(f.complaint);
		assert_non_null(strstr(f.reason, all[i].grant));
	}
	conf.denied_fails = true;
	begin(MARIADB);
	fitness_error(&f, 1227, "Access denied");
	assert_int_equal(f.outcome, CHECK_FAIL);
}

static void missing_right_to_the_heartbeats_leaves_the_rest_of_the_verdict(void **state)
{
	(void)state;
	set_up(FITNESS_REPLICATION);
	conf.max_silence_us = 2 * S;
	begin(MYSQL84);
	assert_non_null(fitness_answer(&f, ROWS(MYSQL_CHANNEL("", "500", "Yes", "Yes", "=0")), now_us));
	fitness_error(&f, 1142, "SELECT command denied");
	assert_int_equal(f.outcome, CHECK_PASS);
	assert_true(f.complaint);
	assert_non_null(strstr(f.reason, "SELECT ON performance_schema.*"));
}

static void other_errors_and_silence_are_failures(void **state)
{
	(void)state;
	set_up(FITNESS_ROLE);
	begin(MARIADB);
	fitness_error(&f, 1064, "You have an error in your SQL syntax");
	assert_int_equal(f.outcome, CHECK_FAIL);
	begin(MARIADB);
	fitness_overdue(&f, 1500000);
	assert_int_equal(f.outcome, CHECK_FAIL);
	assert_string_equal(f.reason, "no answer for 1.5 s");
}

static void a_new_run_forgets_the_old_verdict(void **state)
{
	(void)state;
	set_up(FITNESS_ROLE);
	conf.want_writable = true;
	assert_int_equal(judge(MARIADB, ROWS("read_only=1")), CHECK_FAIL);
	begin(MARIADB);
	assert_int_equal(f.outcome, CHECK_NOTHING);
	assert_string_equal(f.reason, "");
	assert_null(fitness_answer(&f, ROWS("something=1"), now_us));
	assert_int_equal(f.outcome, CHECK_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_told_apart),
		cmocka_unit_test(each_server_is_asked_in_its_own_words),
		cmocka_unit_test(columns_are_found_by_any_of_their_names_and_in_any_case),
		cmocka_unit_test(numbers_are_numbers_and_nothing_else),
		cmocka_unit_test(role_is_read_from_all_that_forbids_writing),
		cmocka_unit_test(replica_is_required_to_be_read_only),
		cmocka_unit_test(running_replica_passes_and_its_lag_is_told),
		cmocka_unit_test(old_names_of_mysql_are_understood),
		cmocka_unit_test(stopped_replication_fails),
		cmocka_unit_test(stopped_sql_thread_fails_with_its_error),
		cmocka_unit_test(replica_passes_when_its_primary_has_died),
		cmocka_unit_test(receiver_that_is_not_let_in_fails),
		cmocka_unit_test(lag_is_limited_only_if_a_limit_is_given),
		cmocka_unit_test(without_a_told_lag_what_was_told_last_counts_until_all_is_applied),
		cmocka_unit_test(replica_that_has_received_nothing_yet_is_not_behind),
		cmocka_unit_test(worst_channel_counts_unless_one_is_named),
		cmocka_unit_test(server_without_replication_passes_if_it_is_writable),
		cmocka_unit_test(silent_primary_is_seen_by_what_does_not_come),
		cmocka_unit_test(heartbeats_of_mysql_come_from_a_table_of_their_own),
		cmocka_unit_test(silence_limit_below_the_heartbeat_period_is_a_complaint),
		cmocka_unit_test(any_number_of_channels_is_survived),
		cmocka_unit_test(galera_node_must_be_synced_in_the_primary_component),
		cmocka_unit_test(server_that_is_no_node_of_galera_fails),
		cmocka_unit_test(group_member_must_be_online_and_primary),
		cmocka_unit_test(missing_privilege_is_a_complaint_that_names_the_grant),
		cmocka_unit_test(missing_right_to_the_heartbeats_leaves_the_rest_of_the_verdict),
		cmocka_unit_test(other_errors_and_silence_are_failures),
		cmocka_unit_test(a_new_run_forgets_the_old_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
