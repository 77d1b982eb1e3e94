/* SPDX-License-Identifier: Apache-2.0 */
/* The real probe against a real mariadbd of its own, driven by a small runner. The runner's clock can be pushed
 * forward, which looks to the probe as if the agent had been frozen. */
#include "test/unit/unit.h"

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

static uint64_t clock_us(void)
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

static pid_t spawn(const char *const *argv)
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

static uint16_t free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	return ntohs(in.sin_port);
}

static MYSQL *client_as(const char *user)
{
	MYSQL *m = mysql_init(NULL);

	if (!mysql_real_connect(m, "localhost", user, NULL, NULL, 0, server.socket, 0)) {
		mysql_close(m);
		return NULL;
	}
	return m;
}

static void sql(MYSQL *m, const char *text)
{
	if (mysql_query(m, text))
		fail_msg("%s: %s", text, mysql_error(m));
	mysql_free_result(mysql_store_result(m));
}

/* Short work as root on a connection of its own. */
static void root_sql(const char *text)
{
	MYSQL *m = client_as("root");

	assert_non_null(m);
	sql(m, text);
	mysql_close(m);
}

static void wait_ready(void)
{
	const uint64_t until_us = clock_us() + 30 * S;
	MYSQL *m;

	while (!(m = client_as("root"))) {
		if (clock_us() > until_us || waitpid(server.pid, NULL, WNOHANG) != 0)
			fail_msg("mariadbd does not start, see %s", server.log);
		poll(NULL, 0, 10);
	}
	mysql_close(m);
}

static void launch_server(void)
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

static void start_server(void)
{
	if (server.pid > 0)
		return;
	launch_server();
	wait_ready();
}

static void end_server(int sig)
{
	if (server.pid <= 0)
		return;
	kill(server.pid, sig);
	kill(server.pid, SIGCONT);
	waitpid(server.pid, NULL, 0);
	server.pid = 0;
}

static int install_server(void **state)
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
	if (status != 0)
		return -1;
	start_server();
	root_sql("CREATE USER probe@localhost");
	root_sql("CREATE USER probe@'127.0.0.1'");
	root_sql("CREATE USER secret@localhost IDENTIFIED BY 'right'");
	return 0;
}

static int remove_server(void **state)
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

static uint64_t runner_now_us(const struct runner *r)
{
	return clock_us() + r->shift_us;
}

static struct runner *runner_new(uint64_t interval_us, uint64_t timeout_us)
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

static void runner_init(struct runner *r)
{
	assert_int_equal(check_mysql.init(r->state, &r->conf, &r->report), 0);
	r->step.wake_us = 0;
}

static void release(struct held *held, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		close(held[i].file);
	*n = 0;
}

static void runner_free(struct runner *r)
{
	release(r->held, &r->n_held);
	release(r->left, &r->n_left);
	check_mysql.done(r->state);
	free(r->state);
	free(r);
}

static void hold(struct runner *r)
{
	for (size_t i = 0; i < r->step.n_io; i++) {
		const int fd = r->step.io[i].fd;

		r->held[i] = (struct held){ .fd = fd, .file = fcntl(fd, F_DUPFD_CLOEXEC, 0) };
		assert_true(r->held[i].file >= 0);
	}
	r->n_held = r->step.n_io;
}

/* False as well if it is closed. */
static bool is_still(const struct held *held)
{
	return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, held->fd, held->file) == 0;
}

/* What the probe calls the same is left alone in the agent's epoll set: another file would never be heard of. */
static void assert_same_fds_are_the_same(const struct runner *r)
{
	for (size_t i = 0; r->step.same_fds && i < r->step.n_io; i++)
		for (size_t j = 0; j < r->n_held; j++)
			if (r->held[j].fd == r->step.io[i].fd && !is_still(&r->held[j]))
				fail_msg("descriptor %d is not the one that it was", r->held[j].fd);
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Whether it is the watch that has something to say, and not only a connection that ended. */
static bool is_for_watch(const struct runner *r)
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
static void assert_burial_is_next(struct runner *r)
{
	assert_int_equal(r->step.n_io, 0);
	assert_true(r->step.wake_us <= r->step.now_us);
	for (size_t i = 0; i < r->n_held; i++)
		assert_true(is_still(&r->held[i]) || !is_socket(r->held[i].file));
	memcpy(r->left, r->held, sizeof(r->left)); /* takes them */
	r->n_left = r->n_held;
	r->n_held = 0;
}

static void assert_buried(struct runner *r)
{
	for (size_t i = 0; i < r->n_left; i++)
		if (is_still(&r->left[i]))
			fail_msg("descriptor %d of a dead server is still open", r->left[i].fd);
	release(r->left, &r->n_left);
}

static void check_descriptors(struct runner *r, bool for_watch)
{
	assert_buried(r);
	assert_same_fds_are_the_same(r);
	if (r->step.outcome == CHECK_GONE && for_watch)
		assert_burial_is_next(r);
	release(r->held, &r->n_held);
	hold(r);
}

static void runner_step(struct runner *r)
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
static void runner_wait(struct runner *r, uint64_t until_us)
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

static void run_for(struct runner *r, uint64_t us)
{
	const uint64_t until_us = clock_us() + us;

	while (clock_us() < until_us)
		runner_wait(r, until_us);
}

static struct runner *runner_alive(uint64_t interval_us, uint64_t timeout_us)
{
	struct runner *r = runner_new(interval_us, timeout_us);

	start_server();
	runner_init(r);
	RUN_UNTIL(r, r->passes >= 1, 5 * S);
	assert_int_equal(r->report.verdict, CHECK_ALIVE);
	return r;
}

static void assert_begins(const char *text, const char *with)
{
	if (strncmp(text, with, strlen(with)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, with);
}

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
		cmocka_unit_test(stopped_server_is_hung_and_comes_back),
		cmocka_unit_test(short_stall_is_not_noticed),
		cmocka_unit_test(server_stopped_before_us_is_unknown_then_hung),
		cmocka_unit_test(frozen_agent_gives_no_verdict),
		cmocka_unit_test(full_backlog_is_no_crash),
		cmocka_unit_test(silent_entry_is_saturated_while_the_reserved_port_answers),
		cmocka_unit_test(query_decides_beside_the_heartbeat),
		cmocka_unit_test(query_that_waits_for_a_lock_fails_and_the_heartbeat_does_not),
		cmocka_unit_test(query_that_calls_a_procedure_runs_each_time),
		cmocka_unit_test(raw_check_tells_the_kernels_answers_apart),
		cmocka_unit_test(descriptors_are_closed_and_none_outlives_an_exec),
		cmocka_unit_test(killed_server_is_seen_by_its_threads),
		cmocka_unit_test(killed_server_is_seen_in_proc),
		cmocka_unit_test(death_is_told_before_the_connection_of_the_query_is_closed),
		cmocka_unit_test(killed_server_is_seen_by_the_closed_connection),
		cmocka_unit_test(clean_stop_is_told_from_a_crash_and_a_restart_needs_rise),
		cmocka_unit_test(server_not_yet_started_is_unknown),
	};

	return cmocka_run_group_tests(tests, install_server, remove_server);
}
