/* SPDX-License-Identifier: Apache-2.0 */
/* The probe of a server whose files lie on a disk that hangs: mysqld's pid file, which tells whose process it is where
 * systemd has made the socket and the kernel names pid 1 for it, and the socket file. */
#include "test/unit/unit.h"

#include "test/unit/probe_fixture.h"

static bool activated;           /* as if systemd had made the socket and handed it to mysqld */
static volatile bool disk_hangs; /* for whoever opens mysqld's pid file or looks for its socket */
static volatile unsigned looks;  /* for the socket file */
static volatile unsigned opens;  /* of the pid file */

/* Takes libc's place. */
int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	const int r = (int)syscall(SYS_getsockopt, fd, level, name, value, len);

	if (r == 0 && activated && level == SOL_SOCKET && name == SO_PEERCRED)
		((struct ucred *)value)->pid = 1;
	return r;
}

/* Who is stuck here fails by what he finds afterwards. */
static void wait_for_disk(const char *path, const char *end)
{
	const uint64_t until_us = clock_us() + 5 * S;
	const size_t len = strlen(path), n = strlen(end);

	while (disk_hangs && len > n && strcmp(path + len - n, end) == 0 && clock_us() < until_us)
		poll(NULL, 0, 5);
}

/* Takes libc's place. */
int access(const char *path, int mode)
{
	looks += strcmp(path, server.socket) == 0;
	wait_for_disk(path, "/s");
	return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

/* Takes libc's place. */
int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	opens += strlen(path) > 4 && strcmp(path + strlen(path) - 4, "/pid") == 0;
	wait_for_disk(path, "/pid");
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static int setup(void **state)
{
	(void)state;
	activated = true;
	disk_hangs = false;
	looks = opens = 0;
	return 0;
}

static void pid_file_tells_whose_process_it_is(void **state)
{
	struct runner *r = runner_alive(20 * MS, S);

	(void)state;
	RUN_UNTIL(r, r->report.pid == server.pid, 10 * S);
	kill(server.pid, SIGKILL);
	RUN_UNTIL(r, r->gones > 0, 5 * S);
	assert_begins(r->report.reason, "crashed");
	assert_int_equal(r->fails, 0);
	end_server(SIGKILL);
	runner_free(r);
}

static void log_in_again(struct runner *r)
{
	const uint64_t before = r->report.connects;

	root_sql("KILL USER probe@localhost");
	RUN_UNTIL(r, r->report.connects > before && r->report.verdict == CHECK_ALIVE, 5 * S);
}

/* With the server at work. */
static void pass_eleven_seconds(struct runner *r)
{
	const unsigned before = r->passes;

	r->shift_us += 11 * S;
	RUN_UNTIL(r, r->passes >= before + 3, 10 * S);
}

static void pid_file_on_a_disk_that_hangs_delays_nothing(void **state)
{
	struct runner *r;

	(void)state;
	start_server();
	disk_hangs = true;
	r = runner_alive(20 * MS, S);
	RUN_UNTIL(r, r->passes >= 20 && opens == 1, 10 * S);
	assert_true(r->slowest_us < S);
	assert_string_equal(r->report.watch, "closed connection: pid 1 listens, and mysqld's pid file is being read");
	assert_int_equal(r->report.pid, 0);
	log_in_again(r);
	log_in_again(r);
	assert_int_equal(opens, 1); /* one question at a time */
	assert_string_equal(r->report.watch, "closed connection: pid 1 listens, and mysqld's pid file is being read");
	disk_hangs = false;
	RUN_UNTIL(r, r->report.pid == server.pid, 10 * S);
	assert_int_equal(opens, 2); /* what was asked before the log-in may be about another process */
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

static void answer_that_nobody_waits_for_any_more_does_no_harm(void **state)
{
	struct runner *r;

	(void)state;
	start_server();
	disk_hangs = true;
	r = runner_alive(20 * MS, S);
	RUN_UNTIL(r, r->passes >= 3, 10 * S);
	runner_free(r);
	disk_hangs = false;
	r = runner_alive(20 * MS, S);
	RUN_UNTIL(r, r->report.pid == server.pid, 10 * S);
	runner_free(r);
}

static void pid_file_that_is_missing_leaves_the_closed_connection(void **state)
{
	char path[96];
	struct runner *r;

	(void)state;
	start_server();
	snprintf(path, sizeof(path), "%s/pid", server.dir);
	assert_int_equal(unlink(path), 0);
	r = runner_alive(20 * MS, S);
	RUN_UNTIL(r, strstr(r->report.watch, "pid file cannot be read"), 10 * S);
	assert_int_equal(r->report.pid, 0);
	runner_free(r);
}

static void socket_file_on_a_disk_that_hangs_delays_nothing(void **state)
{
	struct runner *r;
	char moved[128];

	(void)state;
	activated = false;
	start_server();
	snprintf(moved, sizeof(moved), "%s.away", server.socket);
	r = runner_alive(20 * MS, S);
	looks = 0;
	disk_hangs = true;
	r->shift_us += 11 * S; /* it is looked for every ten seconds */
	RUN_UNTIL(r, looks == 1, 10 * S);
	assert_int_equal(rename(server.socket, moved), 0);
	for (int i = 0; i < 3; i++)
		pass_eleven_seconds(r);
	assert_int_equal(looks, 1); /* one question at a time */
	assert_true(r->slowest_us < S);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	disk_hangs = false;
	RUN_UNTIL(r, r->report.verdict == CHECK_DEGRADED, 10 * S);
	assert_string_equal(r->report.reason, "the socket file is missing: new clients cannot connect");
	assert_int_equal(rename(moved, server.socket), 0);
	RUN_UNTIL(r, r->report.verdict == CHECK_ALIVE, 10 * S);
	assert_int_equal(r->fails + r->gones, 0);
	runner_free(r);
}

static void socket_file_is_asked_for_once_by_however_many_connections(void **state)
{
	struct runner *r;
	char moved[128];
	unsigned before;

	(void)state;
	activated = false;
	start_server();
	snprintf(moved, sizeof(moved), "%s.away", server.socket);
	r = runner_alive(20 * MS, S);
	looks = 0;
	disk_hangs = true;
	r->shift_us += 11 * S;
	RUN_UNTIL(r, looks == 1, 10 * S);
	for (int i = 0; i < 3; i++) {
		log_in_again(r);
		pass_eleven_seconds(r);
	}
	assert_int_equal(looks, 1);
	log_in_again(r);
	assert_int_equal(rename(server.socket, moved), 0);
	disk_hangs = false;
	before = r->passes;
	RUN_UNTIL(r, r->passes >= before + 3, 10 * S);
	assert_int_equal(r->report.verdict, CHECK_ALIVE); /* what was asked before the log-in is out of date */
	r->shift_us += 11 * S;
	RUN_UNTIL(r, r->report.verdict == CHECK_DEGRADED, 10 * S);
	assert_int_equal(rename(moved, server.socket), 0);
	RUN_UNTIL(r, r->report.verdict == CHECK_ALIVE, 10 * S);
	assert_int_equal(r->gones, 0);
	runner_free(r);
}

#define test(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(pid_file_tells_whose_process_it_is),
		test(pid_file_on_a_disk_that_hangs_delays_nothing),
		test(answer_that_nobody_waits_for_any_more_does_no_harm),
		test(pid_file_that_is_missing_leaves_the_closed_connection),
		test(socket_file_on_a_disk_that_hangs_delays_nothing),
		test(socket_file_is_asked_for_once_by_however_many_connections),
	};

	return cmocka_run_group_tests(tests, install_server, remove_server);
}
