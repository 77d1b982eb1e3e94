/* SPDX-License-Identifier: Apache-2.0 */
/* The probe of a server that is well, or that complains and is alive. */
#include "test/unit/unit.h"

#include "test/unit/probe_fixture.h"

/* --- alive ------------------------------------------------------------------------------------------------------- */

static void healthy_server_is_alive_and_described(void **state)
{
	struct runner *r = runner_alive(20 * MS, S);

	(void)state;
	RUN_UNTIL(r, r->passes >= 5, 5 * S);
	assert_string_equal(r->report.reason, "row received");
	assert_int_equal(r->report.pid, server.pid);
	assert_non_null(strstr(r->report.server, "MariaDB"));
	assert_int_equal(r->report.connects, 1);
	assert_true(r->report.queries >= 5);
	assert_true(r->report.alive_us > 0);
	assert_true(r->health.up);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

/* Each wake-up costs more than the question and its answer: beyond the question's own only one a second is spent. */
static void server_that_is_well_costs_one_step_for_each_question(void **state)
{
	struct runner *r = runner_alive(200 * MS, S);
	uint64_t queries;
	unsigned steps;

	(void)state;
	RUN_UNTIL(r, r->passes >= 12, 10 * S); /* the hurried rounds are over */
	queries = r->report.queries;
	steps = r->steps;
	RUN_UNTIL(r, r->report.queries >= queries + 15, 20 * S);
	assert_true(r->steps - steps < 27); /* of 30 that they would be if each answer woke us */
	assert_true(r->report.latency_max_us > 0 &&
		    r->report.latency_us < S); /* 0: the answer came within the same wake-up */
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

static void closed_connection_is_seen_while_the_answer_lies(void **state)
{
	struct runner *r = runner_alive(300 * MS, 2 * S);
	uint64_t asked;

	(void)state;
	RUN_UNTIL(r, r->passes >= 12, 20 * S);
	asked = r->report.queries;
	RUN_UNTIL(r, r->report.queries > asked, 5 * S);
	root_sql("KILL USER probe@localhost");
	RUN_UNTIL(r, r->report.connects >= 2, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

static void connection_survives_a_short_wait_timeout(void **state)
{
	struct runner *r;

	(void)state;
	start_server();
	root_sql("SET GLOBAL wait_timeout=1");
	r = runner_alive(200 * MS, S);
	RUN_UNTIL(r, r->passes >= 10, 5 * S); /* the hurried rounds are over */
	r->conf.interval_us = 0;              /* not looked at after init */
	root_sql("SET GLOBAL wait_timeout=28800");
	assert_int_equal(r->report.connects, 1);
	runner_free(r);
}

static void another_configuration_keeps_the_connection_and_the_verdict(void **state)
{
	struct runner *r = runner_alive(200 * MS, S);
	struct mysql_conf other = r->conf;
	char socket[sizeof(server.socket)], user[] = "probe";
	unsigned passes;

	(void)state;
	RUN_UNTIL(r, r->passes >= 10, 5 * S);
	strcpy(socket, server.socket); /* the same in other memory */
	other.socket = socket;
	other.user = user;
	other.interval_us = 20 * MS;
	check_mysql.reconf(r->state, &other);
	memset(&r->conf, 0, sizeof(r->conf));
	passes = r->passes;
	r->step.wake_us = 0;
	RUN_UNTIL(r, r->passes >= passes + 30, 5 * S);
	assert_int_equal(r->report.connects, 1);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

static void another_account_logs_in_anew_and_is_no_death(void **state)
{
	struct runner *r = runner_alive(20 * MS, S);
	struct mysql_conf wrong = r->conf, right = r->conf;
	const int pid = r->report.pid;

	(void)state;
	wrong.password = "wrong";
	right.user = "root";
	check_mysql.reconf(r->state, &wrong);
	memset(&r->conf, 0, sizeof(r->conf));
	r->step.wake_us = 0;
	RUN_UNTIL(r, r->report.verdict == CHECK_DEGRADED, 5 * S);
	assert_int_equal(r->report.pid, pid);
	check_mysql.reconf(r->state, &right);
	memset(&wrong, 0, sizeof(wrong));
	r->step.wake_us = 0;
	RUN_UNTIL(r, r->report.verdict == CHECK_ALIVE, 5 * S);
	assert_int_equal(r->report.connects, 2);
	assert_int_equal(r->fails + r->gones, 0);
	assert_true(r->health.up);
	runner_free(r);
}

static void another_socket_is_used_from_now_on(void **state)
{
	struct runner *r = runner_alive(20 * MS, S);
	struct mysql_conf tcp = r->conf;

	(void)state;
	tcp.socket = NULL;
	tcp.host = (struct ip_addr){ .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
	tcp.port = server.port;
	check_mysql.reconf(r->state, &tcp);
	memset(&r->conf, 0, sizeof(r->conf));
	r->step.wake_us = 0;
	RUN_UNTIL(r, strstr(r->report.watch, "TCP"), 5 * S);
	RUN_UNTIL(r, r->report.connects == 2, 5 * S);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

static void another_query_takes_over(void **state)
{
	struct runner *r = runner_alive(20 * MS, S);
	struct mysql_conf bad = r->conf, good = r->conf;

	(void)state;
	bad.query = "SELECT 0";
	good.query = "SELECT 2";
	check_mysql.reconf(r->state, &bad);
	r->step.wake_us = 0;
	RUN_UNTIL(r, r->report.verdict == CHECK_DEAD, 5 * S);
	check_mysql.reconf(r->state, &good);
	r->step.wake_us = 0;
	RUN_UNTIL(r, r->report.verdict == CHECK_ALIVE && r->health.up, 5 * S);
	assert_int_equal(r->report.connects, 1);
	runner_free(r);
}

static void killed_connections_do_not_matter(void **state)
{
	struct runner *r = runner_alive(20 * MS, S);
	MYSQL *m = client_as("root");

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		const unsigned passes = r->passes;

		sql(m, "KILL USER probe@localhost");
		RUN_UNTIL(r, r->report.connects >= i + 2 && r->passes > passes, 5 * S);
		assert_int_equal(r->report.verdict, CHECK_ALIVE);
	}
	assert_int_equal(r->fails + r->gones, 0);
	mysql_close(m);
	runner_free(r);
}

static void clients_that_leave_in_a_crowd_are_no_crash(void **state)
{
	struct runner *r;
	MYSQL *crowd[60];

	(void)state;
	start_server();
	root_sql("SET GLOBAL thread_cache_size=0");
	for (size_t i = 0; i < ELEMENTSOF(crowd); i++)
		assert_non_null(crowd[i] = client_as("root"));
	r = runner_alive(20 * MS, S);
	for (size_t i = 0; i < ELEMENTSOF(crowd); i++)
		mysql_close(crowd[i]);
	run_for(r, 300 * MS);
	assert_int_equal(r->fails + r->gones, 0);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	runner_free(r);
}

/* --- complaints -------------------------------------------------------------------------------------------------- */

static void too_many_connections_passes_as_degraded(void **state)
{
	struct runner *r = runner_new(50 * MS, S);
	MYSQL *held[10];

	(void)state;
	start_server();
	root_sql("SET GLOBAL max_connections=10");
	for (size_t i = 0; i < ELEMENTSOF(held); i++)
		held[i] = client_as("probe");
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 3, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_DEGRADED);
	assert_string_equal(r->report.reason, "1040 Too many connections");
	assert_int_equal(r->report.error_code, 1040);
	for (size_t i = 0; i < ELEMENTSOF(held); i++)
		if (held[i])
			mysql_close(held[i]);
	RUN_UNTIL(r, r->report.verdict == CHECK_ALIVE, 5 * S);
	assert_int_equal(r->fails + r->gones, 0);
	root_sql("SET GLOBAL max_connections=151");
	runner_free(r);
}

static void wrong_password_passes_as_degraded_and_stays_secret(void **state)
{
	struct runner *r = runner_new(50 * MS, S);

	(void)state;
	start_server();
	r->conf.user = "secret";
	r->conf.password = "hunter2-not-right";
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 2, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_DEGRADED);
	assert_begins(r->report.reason, "1045 ");
	assert_null(memmem(&r->report, sizeof(r->report), "hunter2", 7));
	r->conf.password = "right";
	RUN_UNTIL(r, r->report.verdict == CHECK_ALIVE, 5 * S);
	runner_free(r);
}

static void missing_socket_file_is_an_alarm_and_no_death(void **state)
{
	struct runner *r = runner_new(50 * MS, S);
	char moved[128];

	(void)state;
	start_server();
	snprintf(moved, sizeof(moved), "%s.away", server.socket);
	r->conf.reserved_port = server.extra_port;
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 1, 5 * S);
	assert_int_equal(rename(server.socket, moved), 0);
	r->shift_us += 11 * S; /* the file is looked for every ten seconds */
	RUN_UNTIL(r, r->report.verdict == CHECK_DEGRADED, 5 * S);
	assert_string_equal(r->report.reason, "the socket file is missing: new clients cannot connect");
	assert_int_equal(rename(moved, server.socket), 0);
	root_sql("SET GLOBAL wait_timeout=28800");
	{
		MYSQL *m = client_as("root");

		assert_int_equal(rename(server.socket, moved), 0);
		sql(m, "KILL USER probe@localhost");
		mysql_close(m);
	}
	RUN_UNTIL(r, strcmp(r->report.reason, "the socket file is missing; the reserved port answers") == 0, 5 * S);
	assert_int_equal(rename(moved, server.socket), 0);
	RUN_UNTIL(r, r->report.verdict == CHECK_ALIVE, 5 * S);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

/* --- the configured query ---------------------------------------------------------------------------------------- */

static void query_decides_beside_the_heartbeat(void **state)
{
	struct runner *r = runner_new(20 * MS, 500 * MS);

	(void)state;
	start_server();
	root_sql("CREATE DATABASE IF NOT EXISTS t");
	root_sql("CREATE OR REPLACE TABLE t.ok (v VARCHAR(8)) ENGINE=MyISAM AS SELECT 1 AS v");
	root_sql("GRANT SELECT ON t.* TO probe@localhost");
	r->conf.query = "SELECT v FROM t.ok";
	r->conf.query_interval_us = 30 * MS;
	runner_init(r);
	RUN_UNTIL(r, r->health.up, 5 * S);
	root_sql("UPDATE t.ok SET v=0");
	RUN_UNTIL(r, r->fails >= 2, 5 * S);
	assert_string_equal(r->report.reason, "check failed: query returned 0");
	assert_int_equal(r->report.verdict, CHECK_DEAD);
	assert_false(r->health.up);
	r->passes = 0;
	run_for(r, 200 * MS); /* the heartbeat goes on, and does not count */
	assert_int_equal(r->passes, 0);
	root_sql("UPDATE t.ok SET v=NULL");
	RUN_UNTIL(r, strcmp(r->report.reason, "check failed: query returned NULL") == 0, 5 * S);
	root_sql("DELETE FROM t.ok");
	RUN_UNTIL(r, strcmp(r->report.reason, "check failed: query returned no row") == 0, 5 * S);
	root_sql("DROP TABLE t.ok");
	RUN_UNTIL(r, strncmp(r->report.reason, "check failed: query: 1146", 25) == 0, 5 * S);
	root_sql("CREATE TABLE t.ok ENGINE=MyISAM AS SELECT 'yes' AS v");
	RUN_UNTIL(r, r->health.up, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	assert_int_equal(r->gones, 0);
	runner_free(r);
}

static void query_that_waits_for_a_lock_fails_and_the_heartbeat_does_not(void **state)
{
	struct runner *r = runner_new(20 * MS, 500 * MS);
	MYSQL *m;

	(void)state;
	start_server();
	m = client_as("root");
	sql(m, "CREATE DATABASE IF NOT EXISTS t");
	sql(m, "CREATE OR REPLACE TABLE t.locked ENGINE=MyISAM AS SELECT 1 AS v");
	sql(m, "GRANT SELECT ON t.* TO probe@localhost");
	r->conf.query = "SELECT v FROM t.locked";
	r->conf.query_interval_us = 30 * MS;
	runner_init(r);
	RUN_UNTIL(r, r->health.up, 5 * S);
	sql(m, "LOCK TABLES t.locked WRITE");
	RUN_UNTIL(r, r->fails >= 1, 5 * S);
	assert_begins(r->report.reason, "check failed: query: ");
	assert_true(r->report.latency_us < 500 * MS);
	sql(m, "UNLOCK TABLES");
	RUN_UNTIL(r, r->health.up, 5 * S);
	mysql_close(m);
	runner_free(r);
}

/* A procedure's call has more results than the one that it selects, and the connection waits for them to be read. */
static void query_that_calls_a_procedure_runs_each_time(void **state)
{
	struct runner *r = runner_new(20 * MS, 2 * S);
	MYSQL *m;

	(void)state;
	start_server();
	m = client_as("root");
	sql(m, "CREATE DATABASE IF NOT EXISTS t");
	sql(m, "CREATE OR REPLACE PROCEDURE t.p() BEGIN SELECT 1; SELECT 0; SELECT NULL; END");
	sql(m, "GRANT EXECUTE ON t.* TO probe@localhost");
	r->conf.query = "CALL t.p()";
	r->conf.query_interval_us = 30 * MS;
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 5, 5 * S);
	assert_int_equal(r->report.error_code, 0);
	assert_int_equal(r->fails + r->gones, 0);
	sql(m, "CREATE OR REPLACE PROCEDURE t.p() BEGIN SELECT 1 LIMIT 0; SELECT 1; END"); /* the first one counts */
	RUN_UNTIL(r, strcmp(r->report.reason, "check failed: query returned no row") == 0, 5 * S);
	sql(m, "CREATE OR REPLACE PROCEDURE t.p() BEGIN SELECT 1; SELECT * FROM t.none; END");
	RUN_UNTIL(r, strncmp(r->report.reason, "check failed: query: 1146", 25) == 0, 5 * S);
	sql(m, "CREATE OR REPLACE PROCEDURE t.p() BEGIN SELECT 'yes'; LOOP SELECT 1; END LOOP; END"); /* endless */
	RUN_UNTIL(r, r->health.up, 5 * S);
	mysql_close(m);
	runner_free(r);
}

/* --- small parts ------------------------------------------------------------------------------------------------- */

static enum probe_raw raw_result(struct raw_check *raw, const struct mysql_conf *conf)
{
	const uint64_t until_us = clock_us() + 5 * S;
	enum probe_raw result = raw_start(raw, conf);

	while (result == PROBE_RAW_PENDING && clock_us() < until_us) {
		struct pollfd pfd = { .fd = raw->fd, .events = POLLOUT };

		poll(&pfd, 1, 100);
		result = raw_resume(raw);
	}
	return result;
}

static void raw_check_tells_the_kernels_answers_apart(void **state)
{
	struct mysql_conf conf = { .socket = server.socket };
	struct raw_check raw;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	(void)state;
	start_server();
	raw_init(&raw);
	assert_int_equal(raw_start(&raw, &conf), PROBE_RAW_LISTENING);
	conf.socket = "/tmp/sqlvip-no-such-file";
	assert_int_equal(raw_start(&raw, &conf), PROBE_RAW_MISSING);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/stale", server.dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	conf.socket = un.sun_path;
	assert_int_equal(raw_start(&raw, &conf), PROBE_RAW_REFUSED);
	conf = (struct mysql_conf){ .port = free_port() };
	assert_true(ip_parse("127.0.0.1", &conf.host));
	assert_int_equal(raw_result(&raw, &conf), PROBE_RAW_REFUSED);
	conf.port = server.port;
	assert_int_equal(raw_result(&raw, &conf), PROBE_RAW_LISTENING);
	assert_true(ip_parse("::1", &conf.host)); /* it listens on IPv4 only */
	assert_int_not_equal(raw_result(&raw, &conf), PROBE_RAW_LISTENING);
	raw_drop(&raw);
	assert_int_equal(raw.fd, -1);
}

static size_t open_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void descriptors_are_closed_and_none_outlives_an_exec(void **state)
{
	const size_t before = open_descriptors();
	struct runner *r = runner_alive(20 * MS, S);

	(void)state;
	for (size_t i = 0; i < r->step.n_io; i++)
		assert_true(fcntl(r->step.io[i].fd, F_GETFD) & FD_CLOEXEC);
	runner_free(r);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy_server_is_alive_and_described),
		cmocka_unit_test(server_that_is_well_costs_one_step_for_each_question),
		cmocka_unit_test(closed_connection_is_seen_while_the_answer_lies),
		cmocka_unit_test(connection_survives_a_short_wait_timeout),
		cmocka_unit_test(another_configuration_keeps_the_connection_and_the_verdict),
		cmocka_unit_test(another_account_logs_in_anew_and_is_no_death),
		cmocka_unit_test(another_socket_is_used_from_now_on),
		cmocka_unit_test(another_query_takes_over),
		cmocka_unit_test(killed_connections_do_not_matter),
		cmocka_unit_test(clients_that_leave_in_a_crowd_are_no_crash),
		cmocka_unit_test(too_many_connections_passes_as_degraded),
		cmocka_unit_test(wrong_password_passes_as_degraded_and_stays_secret),
		cmocka_unit_test(missing_socket_file_is_an_alarm_and_no_death),
		cmocka_unit_test(query_decides_beside_the_heartbeat),
		cmocka_unit_test(query_that_waits_for_a_lock_fails_and_the_heartbeat_does_not),
		cmocka_unit_test(query_that_calls_a_procedure_runs_each_time),
		cmocka_unit_test(raw_check_tells_the_kernels_answers_apart),
		cmocka_unit_test(descriptors_are_closed_and_none_outlives_an_exec),
	};

	return cmocka_run_group_tests(tests, install_server, remove_server);
}
