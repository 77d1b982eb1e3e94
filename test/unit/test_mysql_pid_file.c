/* SPDX-License-Identifier: Apache-2.0 */
/* The probe of a server whose socket systemd has made, so that the kernel names pid 1 for it: mysqld's pid file tells
 * whose process it is, and lies on a disk that hangs. */
#include "test/unit/unit.h"

#include "test/unit/probe_fixture.h"

static bool activated;           /* as if systemd had made the socket and handed it to mysqld */
static volatile bool disk_hangs; /* for whoever opens mysqld's pid file */

/* Takes libc's place. */
int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	const int r = (int)syscall(SYS_getsockopt, fd, level, name, value, len);

	if (r == 0 && activated && level == SOL_SOCKET && name == SO_PEERCRED)
		((struct ucred *)value)->pid = 1;
	return r;
}

/* Takes libc's place. Who is stuck here fails by what he finds afterwards. */
int open(const char *path, int flags, ...)
{
	const uint64_t until_us = clock_us() + 5 * S;
	const size_t len = strlen(path);
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	while (disk_hangs && len > 4 && strcmp(path + len - 4, "/pid") == 0 && clock_us() < until_us)
		poll(NULL, 0, 5);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static int setup(void **state)
{
	(void)state;
	activated = true;
	disk_hangs = false;
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

static void pid_file_on_a_disk_that_hangs_delays_nothing(void **state)
{
	struct runner *r;

	(void)state;
	start_server();
	disk_hangs = true;
	r = runner_alive(20 * MS, S);
	RUN_UNTIL(r, r->passes >= 20, 10 * S);
	assert_true(r->slowest_us < S);
	assert_string_equal(r->report.watch, "closed connection: pid 1 listens, and mysqld's pid file is being read");
	assert_int_equal(r->report.pid, 0);
	root_sql("KILL USER probe@localhost"); /* another connection asks anew */
	RUN_UNTIL(r, r->report.connects == 2 && r->report.verdict == CHECK_ALIVE, 5 * S);
	disk_hangs = false;
	RUN_UNTIL(r, r->report.pid == server.pid, 10 * S);
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

#define test(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(pid_file_tells_whose_process_it_is),
		test(pid_file_on_a_disk_that_hangs_delays_nothing),
		test(answer_that_nobody_waits_for_any_more_does_no_harm),
		test(pid_file_that_is_missing_leaves_the_closed_connection),
	};

	return cmocka_run_group_tests(tests, install_server, remove_server);
}
