/* SPDX-License-Identifier: Apache-2.0 */
/* The probe of a server that hangs, dies, or is not there. */
#include "test/unit/unit.h"

#include "test/unit/probe_fixture.h"

/* --- hangs ------------------------------------------------------------------------------------------------------- */

static void stopped_server_is_hung_and_comes_back(void **state)
{
	struct runner *r = runner_alive(100 * MS, 500 * MS);
	uint64_t from_us = clock_us(), took_us;

	(void)state;
	kill(server.pid, SIGSTOP);
	RUN_UNTIL(r, r->fails >= 1, 5 * S);
	took_us = clock_us() - from_us;
	assert_true(took_us >= 400 * MS);
	assert_int_equal(r->report.verdict, CHECK_DEAD);
	assert_begins(r->report.reason, "hung: no answer for 0.5 s (state of pid ");
	assert_non_null(strstr(r->report.reason, "T, stopped"));
	assert_false(r->health.up);
	kill(server.pid, SIGCONT);
	RUN_UNTIL(r, r->health.up, 5 * S);
	assert_int_equal(r->gones, 0);
	runner_free(r);
}

static void short_stall_is_not_noticed(void **state)
{
	struct runner *r = runner_alive(50 * MS, 2 * S);

	(void)state;
	kill(server.pid, SIGSTOP);
	run_for(r, S);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	kill(server.pid, SIGCONT);
	RUN_UNTIL(r, r->report.latency_max_us > 800 * MS, 5 * S);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

static void server_stopped_before_us_is_unknown_then_hung(void **state)
{
	struct runner *r = runner_new(100 * MS, 500 * MS);

	(void)state;
	start_server();
	kill(server.pid, SIGSTOP);
	runner_init(r);
	run_for(r, 300 * MS);
	assert_int_equal(r->report.verdict, CHECK_UNKNOWN);
	assert_int_equal(r->passes + r->fails + r->gones, 0);
	RUN_UNTIL(r, r->fails >= 1, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_DEAD);
	assert_begins(r->report.reason, "hung: no answer to a new connection for 0.5 s (state of pid ");
	kill(server.pid, SIGCONT);
	RUN_UNTIL(r, r->health.up, 5 * S);
	runner_free(r);
}

static void frozen_agent_gives_no_verdict(void **state)
{
	struct runner *r = runner_alive(50 * MS, 500 * MS);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		const unsigned passes = r->passes;

		kill(server.pid, SIGSTOP); /* so that a question is open */
		run_for(r, 60 * MS);
		r->shift_us += 5 * S;
		if (i & 1) /* else it answers only after we run again */
			kill(server.pid, SIGCONT);
		runner_step(r);
		kill(server.pid, SIGCONT);
		RUN_UNTIL(r, r->passes > passes, 5 * S);
	}
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

static void full_backlog_is_no_crash(void **state)
{
	struct runner *r = runner_alive(50 * MS, 2 * S);
	struct raw_check raw;
	int held[400];
	size_t n = 0;

	(void)state;
	root_sql("KILL USER probe@localhost"); /* it has to connect anew */
	kill(server.pid, SIGSTOP);
	for (; n < ELEMENTSOF(held); n++) {
		struct sockaddr_storage addr;
		unsigned len = raw_sockaddr(&r->conf, &addr);

		held[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(held[n], (struct sockaddr *)&addr, len) < 0)
			break;
	}
	raw_init(&raw);
	assert_int_equal(raw_start(&raw, &r->conf), PROBE_RAW_SATURATED);
	run_for(r, S);
	assert_int_equal(r->fails + r->gones, 0);
	for (size_t i = 0; i <= n && i < ELEMENTSOF(held); i++)
		close(held[i]);
	kill(server.pid, SIGCONT);
	RUN_UNTIL(r, r->report.connects >= 2, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

/* A full thread pool queues old and new connections alike: like an entry where the kernel accepts and nobody speaks. */
static void silent_entry_is_saturated_while_the_reserved_port_answers(void **state)
{
	struct runner *r = runner_new(50 * MS, 400 * MS);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	start_server();
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/mute", server.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 100), 0);
	r->conf.socket = un.sun_path;
	r->conf.reserved_port = server.extra_port;
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 2, 5 * S); /* each timeout anew */
	assert_int_equal(r->report.verdict, CHECK_DEGRADED);
	assert_string_equal(r->report.reason, "saturated: only the reserved port answers");
	assert_int_equal(r->fails + r->gones, 0);
	r->conf.reserved_port = free_port(); /* nobody there */
	RUN_UNTIL(r, r->fails >= 1, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_DEAD);
	runner_free(r);
	close(fd);
}

/* --- deaths ------------------------------------------------------------------------------------------------------ */

static void kill_and_expect(struct runner *r, const char *watch, const char *reason)
{
	assert_begins(r->report.watch, watch);
	kill(server.pid, SIGKILL);
	RUN_UNTIL(r, r->gones >= 1, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_DEAD);
	assert_begins(r->report.reason, reason);
	assert_false(r->health.up);
	end_server(SIGKILL);
	run_for(r, 300 * MS);
	assert_int_equal(r->report.verdict, CHECK_DEAD);
	assert_int_equal(r->fails, 0);
	assert_int_equal(r->gones, 1);
}

static void killed_server_is_seen_by_its_threads(void **state)
{
	struct runner *r = runner_alive(10 * S, 2 * S);

	(void)state;
	if (strcmp(r->report.watch, "thread pidfd") != 0) /* an older kernel */
		kill_and_expect(r, "/proc every 10 ms: this kernel", "crashed: ");
	else
		kill_and_expect(r, "thread pidfd", "crashed: ");
	runner_free(r);
}

static void killed_server_is_seen_in_proc(void **state)
{
	struct runner *r = runner_new(10 * S, 2 * S);

	(void)state;
	start_server();
	r->conf.thread_watch = false;
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 1, 5 * S);
	kill_and_expect(r, "/proc every 10 ms: thread_watch is off", "crashed: ");
	runner_free(r);
}

static void death_is_told_before_the_connection_of_the_query_is_closed(void **state)
{
	struct runner *r = runner_new(10 * S, 2 * S);

	(void)state;
	start_server();
	r->conf.thread_watch = false;
	r->conf.query = "SELECT 1";
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 1, 5 * S);
	assert_int_equal(r->step.n_io, 2);
	kill_and_expect(r, "/proc every 10 ms: thread_watch is off", "crashed: ");
	runner_free(r);
}

static void killed_server_is_seen_by_the_closed_connection(void **state)
{
	struct runner *r = runner_new(10 * S, 2 * S);

	(void)state;
	start_server();
	r->conf.socket = NULL;
	assert_true(ip_parse("127.0.0.1", &r->conf.host));
	r->conf.port = server.port;
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 1, 5 * S);
	kill_and_expect(r, "closed connection: ", "crashed: connection lost and nobody listens");
	runner_free(r);
}

static void clean_stop_is_told_from_a_crash_and_a_restart_needs_rise(void **state)
{
	struct runner *r = runner_alive(50 * MS, 2 * S);
	unsigned passes;

	(void)state;
	kill(server.pid, SIGTERM);
	RUN_UNTIL(r, r->gones >= 1, 5 * S);
	assert_begins(r->report.reason, "stopped: ");
	end_server(SIGTERM);
	passes = r->passes;
	launch_server();
	RUN_UNTIL(r, r->health.up, 20 * S);
	assert_int_equal(r->passes, passes + 2);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	assert_int_equal(r->report.pid, server.pid);
	assert_int_equal(r->fails, 0);
	runner_free(r);
}

static void server_not_yet_started_is_unknown(void **state)
{
	struct runner *r = runner_new(50 * MS, S);

	(void)state;
	end_server(SIGKILL);
	unlink(server.socket);
	runner_init(r);
	run_for(r, 200 * MS);
	assert_int_equal(r->report.verdict, CHECK_UNKNOWN);
	assert_string_equal(r->report.reason, "not running: no socket file");
	assert_int_equal(r->passes + r->fails + r->gones, 0);
	launch_server();
	RUN_UNTIL(r, r->passes >= 1, 20 * S);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stopped_server_is_hung_and_comes_back),
		cmocka_unit_test(short_stall_is_not_noticed),
		cmocka_unit_test(server_stopped_before_us_is_unknown_then_hung),
		cmocka_unit_test(frozen_agent_gives_no_verdict),
		cmocka_unit_test(full_backlog_is_no_crash),
		cmocka_unit_test(silent_entry_is_saturated_while_the_reserved_port_answers),
		cmocka_unit_test(killed_server_is_seen_by_its_threads),
		cmocka_unit_test(killed_server_is_seen_in_proc),
		cmocka_unit_test(death_is_told_before_the_connection_of_the_query_is_closed),
		cmocka_unit_test(killed_server_is_seen_by_the_closed_connection),
		cmocka_unit_test(clean_stop_is_told_from_a_crash_and_a_restart_needs_rise),
		cmocka_unit_test(server_not_yet_started_is_unknown),
	};

	return cmocka_run_group_tests(tests, install_server, remove_server);
}
