/* SPDX-License-Identifier: Apache-2.0 */
/* The real probe against a real mariadbd of its own, driven by a small runner. The runner's clock can be pushed
 * forward, which looks to the probe as if the agent had been frozen. Include after "test/unit/unit.h"; run the group
 * from install_server() to remove_server(). */
#pragma once

#include "checks/health.h"
#include "checks/mysql.h"
#include "checks/mysql_raw.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <mariadb/mysql.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

enum { MS = 1000, S = 1000000 };

static inline uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * S + (uint64_t)ts.tv_nsec / 1000;
}

/* --- the server -------------------------------------------------------------------------------------------------- */

static struct {
	char dir[64], datadir[96], socket[96], log[96];
	pid_t pid;
	uint16_t port, extra_port;
} server;

static inline pid_t spawn(const char *const *argv)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(server.log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd, 1);
		dup2(fd, 2);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static inline uint16_t free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	return ntohs(in.sin_port);
}

static inline MYSQL *client_as(const char *user)
{
	MYSQL *m = mysql_init(NULL);

	if (!mysql_real_connect(m, "localhost", user, NULL, NULL, 0, server.socket, 0)) {
		mysql_close(m);
		return NULL;
	}
	return m;
}

static inline void sql(MYSQL *m, const char *text)
{
	if (mysql_query(m, text))
		fail_msg("%s: %s", text, mysql_error(m));
	mysql_free_result(mysql_store_result(m));
}

/* Short work as root on a connection of its own. */
static inline void root_sql(const char *text)
{
	MYSQL *m = client_as("root");

	assert_non_null(m);
	sql(m, text);
	mysql_close(m);
}

/* The folder does not outlive the test. */
static inline void show_log(void)
{
	const char *const argv[] = { "/bin/tail", "-n", "20", server.log, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static inline void wait_ready(void)
{
	const uint64_t until_us = clock_us() + 30 * S;
	MYSQL *m;

	while (!(m = client_as("root"))) {
		if (clock_us() > until_us || waitpid(server.pid, NULL, WNOHANG) != 0) {
			show_log();
			fail_msg("mariadbd does not start");
		}
		poll(NULL, 0, 10);
	}
	mysql_close(m);
}

static inline void launch_server(void)
{
	char datadir[128], socket[128], pid_file[128], port[32], extra_port[32];
	const char *argv[] = { "/usr/sbin/mariadbd",
			       "--no-defaults",
			       "--user=root",
			       datadir,
			       socket,
			       pid_file,
			       port,
			       extra_port,
			       "--bind-address=127.0.0.1",
			       "--skip-name-resolve",
			       "--extra-max-connections=5",
			       "--innodb-buffer-pool-size=16M",
			       "--performance-schema=OFF",
			       "--innodb-flush-log-at-trx-commit=0",
			       NULL };

	snprintf(datadir, sizeof(datadir), "--datadir=%s", server.datadir);
	snprintf(socket, sizeof(socket), "--socket=%s", server.socket);
	snprintf(pid_file, sizeof(pid_file), "--pid-file=%s/pid", server.dir);
	snprintf(port, sizeof(port), "--port=%u", server.port);
	snprintf(extra_port, sizeof(extra_port), "--extra-port=%u", server.extra_port);
	server.pid = spawn(argv);
}

static inline void start_server(void)
{
	if (server.pid > 0)
		return;
	launch_server();
	wait_ready();
}

static inline void end_server(int sig)
{
	if (server.pid <= 0)
		return;
	kill(server.pid, sig);
	kill(server.pid, SIGCONT);
	waitpid(server.pid, NULL, 0);
	server.pid = 0;
}

static inline int install_server(void **state)
{
	char datadir[128];
	const char *argv[] = { "/usr/bin/mariadb-install-db",
			       "--no-defaults",
			       "--user=root",
			       datadir,
			       "--skip-test-db",
			       "--auth-root-authentication-method=normal",
			       NULL };
	int status;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	snprintf(server.dir, sizeof(server.dir), "/tmp/sqlvip-probe-XXXXXX");
	if (!mkdtemp(server.dir))
		return -1;
	snprintf(server.datadir, sizeof(server.datadir), "%s/data", server.dir);
	snprintf(server.socket, sizeof(server.socket), "%s/s", server.dir);
	snprintf(server.log, sizeof(server.log), "%s/log", server.dir);
	snprintf(datadir, sizeof(datadir), "--datadir=%s", server.datadir);
	server.port = free_port();
	server.extra_port = free_port();
	waitpid(spawn(argv), &status, 0);
	if (status != 0) {
		fprintf(stderr, "mariadb-install-db has failed: status %#x\n", (unsigned)status);
		show_log();
		return -1;
	}
	start_server();
	root_sql("CREATE USER probe@localhost");
	root_sql("CREATE USER probe@'127.0.0.1'");
	root_sql("CREATE USER secret@localhost IDENTIFIED BY 'right'");
	return 0;
}

static inline int remove_server(void **state)
{
	const char *const argv[] = { "/bin/rm", "-rf", server.dir, NULL };

	(void)state;
	end_server(SIGKILL);
	waitpid(spawn(argv), NULL, 0);
	return 0;
}

/* --- the runner -------------------------------------------------------------------------------------------------- */

/* A number among the probe's descriptors, and the open file behind it. */
struct held {
	int fd, file;
};

struct runner {
	struct mysql_conf conf;
	void *state;
	struct check_report report;
	struct check_step step;
	struct health health;
	uint64_t shift_us; /* of our clock against the real one */
	unsigned passes, fails, gones, steps;
	uint64_t slowest_us; /* step */
	/* What the set of the step, and what a dead server has left, referred to. */
	struct held held[CHECK_IO_MAX], left[CHECK_IO_MAX];
	size_t n_held, n_left;
};

static inline uint64_t runner_now_us(const struct runner *r)
{
	return clock_us() + r->shift_us;
}

static inline struct runner *runner_new(uint64_t interval_us, uint64_t timeout_us)
{
	struct runner *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->conf = (struct mysql_conf){
		.socket = server.socket,
		.user = "probe",
		.interval_us = interval_us,
		.timeout_us = timeout_us,
		.thread_watch = true,
	};
	r->state = calloc(1, check_mysql.state_size);
	health_init(&r->health, 2, 1, false);
	return r;
}

static inline void runner_init(struct runner *r)
{
	assert_int_equal(check_mysql.init(r->state, &r->conf, &r->report), 0);
	r->step.wake_us = 0;
}

static inline void release(struct held *held, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		close(held[i].file);
	*n = 0;
}

static inline void runner_free(struct runner *r)
{
	release(r->held, &r->n_held);
	release(r->left, &r->n_left);
	check_mysql.done(r->state);
	free(r->state);
	free(r);
}

static inline void hold(struct runner *r)
{
	for (size_t i = 0; i < r->step.n_io; i++) {
		const int fd = r->step.io[i].fd;

		r->held[i] = (struct held){ .fd = fd, .file = fcntl(fd, F_DUPFD_CLOEXEC, 0) };
		assert_true(r->held[i].file >= 0);
	}
	r->n_held = r->step.n_io;
}

/* False as well if it is closed. */
static inline bool is_still(const struct held *held)
{
	return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, held->fd, held->file) == 0;
}

/* What the probe calls the same is left alone in the agent's epoll set: another file would never be heard of. */
static inline void assert_same_fds_are_the_same(const struct runner *r)
{
	for (size_t i = 0; r->step.same_fds && i < r->step.n_io; i++)
		for (size_t j = 0; j < r->n_held; j++)
			if (r->held[j].fd == r->step.io[i].fd && !is_still(&r->held[j]))
				fail_msg("descriptor %d is not the one that it was", r->held[j].fd);
}

static inline bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Whether it is the watch that has something to say, and not only a connection that ended. */
static inline bool is_for_watch(const struct runner *r)
{
	const bool polls = strncmp(r->report.watch, "/proc every", 11) == 0;
	bool any = false;

	for (size_t i = 0; i < r->step.n_io; i++) {
		if (r->step.io[i].ready && !is_socket(r->step.io[i].fd))
			return true;
		any |= r->step.io[i].ready != 0;
	}
	return !any && polls && r->conf.interval_us >= 10 * S; /* else the timer may be the heartbeat's */
}

/* The VIP is told first: what is left of a server that the watch saw dying is closed in the next step. */
static inline void assert_burial_is_next(struct runner *r)
{
	assert_int_equal(r->step.n_io, 0);
	assert_true(r->step.wake_us <= r->step.now_us);
	for (size_t i = 0; i < r->n_held; i++)
		assert_true(is_still(&r->held[i]) || !is_socket(r->held[i].file));
	memcpy(r->left, r->held, sizeof(r->left)); /* takes them */
	r->n_left = r->n_held;
	r->n_held = 0;
}

static inline void assert_buried(struct runner *r)
{
	for (size_t i = 0; i < r->n_left; i++)
		if (is_still(&r->left[i]))
			fail_msg("descriptor %d of a dead server is still open", r->left[i].fd);
	release(r->left, &r->n_left);
}

static inline void check_descriptors(struct runner *r, bool for_watch)
{
	assert_buried(r);
	assert_same_fds_are_the_same(r);
	if (r->step.outcome == CHECK_GONE && for_watch)
		assert_burial_is_next(r);
	release(r->held, &r->n_held);
	hold(r);
}

static inline void runner_step(struct runner *r)
{
	uint64_t before_us = clock_us(), took_us;
	const bool for_watch = is_for_watch(r);

	r->step.now_us = runner_now_us(r);
	check_mysql.step(r->state, &r->step);
	took_us = clock_us() - before_us;
	check_descriptors(r, for_watch);
	if (took_us > r->slowest_us)
		r->slowest_us = took_us;
	r->steps++;
	r->passes += r->step.outcome == CHECK_PASS;
	r->fails += r->step.outcome == CHECK_FAIL;
	r->gones += r->step.outcome == CHECK_GONE;
	health_count(&r->health, r->step.outcome);
	assert_true(r->step.n_io <= CHECK_IO_MAX);
}

/* Waits for the next thing to happen, not beyond `until_us` of the real clock, and lets the probe see it. */
static inline void runner_wait(struct runner *r, uint64_t until_us)
{
	struct pollfd pfd[CHECK_IO_MAX];
	uint64_t now_us = runner_now_us(r), due_us = r->step.wake_us, limit_us = until_us + r->shift_us;
	struct timespec ts;
	uint64_t left_us;

	if (due_us > limit_us)
		due_us = limit_us;
	left_us = due_us > now_us ? due_us - now_us : 0;
	ts = (struct timespec){ .tv_sec = (time_t)(left_us / S), .tv_nsec = (long)(left_us % S) * 1000 };
	for (size_t i = 0; i < r->step.n_io; i++)
		pfd[i] = (struct pollfd){ .fd = r->step.io[i].fd, .events = (short)r->step.io[i].events };
	ppoll(pfd, r->step.n_io, &ts, NULL);
	for (size_t i = 0; i < r->step.n_io; i++)
		r->step.io[i].ready = (uint32_t)(unsigned short)pfd[i].revents;
	for (size_t i = 0; i < r->step.n_io; i++)
		if (r->step.io[i].ready) {
			runner_step(r);
			return;
		}
	if (runner_now_us(r) >= r->step.wake_us)
		runner_step(r);
}

#define RUN_UNTIL(r, condition, limit_us)                                                                          \
	do {                                                                                                       \
		const uint64_t _until_us = clock_us() + (limit_us);                                                \
		while (!(condition)) {                                                                             \
			if (clock_us() >= _until_us)                                                               \
				fail_msg("not within %u ms: %s (%s: %s)", (unsigned)((limit_us) / MS), #condition, \
					 check_verdict_name((r)->report.verdict), (r)->report.reason);             \
			runner_wait(r, _until_us);                                                                 \
		}                                                                                                  \
	} while (0)

static inline void run_for(struct runner *r, uint64_t us)
{
	const uint64_t until_us = clock_us() + us;

	while (clock_us() < until_us)
		runner_wait(r, until_us);
}

static inline struct runner *runner_alive(uint64_t interval_us, uint64_t timeout_us)
{
	struct runner *r = runner_new(interval_us, timeout_us);

	start_server();
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 1, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	return r;
}

static inline void assert_begins(const char *text, const char *with)
{
	if (strncmp(text, with, strlen(with)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, with);
}
