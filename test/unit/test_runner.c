/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that another process runs: an engine's half of agent/process/exec here, a supervisor's runner in a child
 * process, and a socket between them. */
#include "test/unit/unit.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/process/exec.h"
#include "agent/process/post.h"
#include "agent/process/runner.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const char text[] =
	"vrrp_instance VI {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 192.0.2.1\n }\n"
	" notify_master \"/bin/sh -c 'exit 3'\"\n notify_backup \"/bin/sleep 60\"\n"
	" notify_fault \"/bin/sh -c 'test $SQLVIP_STATE = FAULT'\"\n notify_stop /no/such/program\n}\n";

/* --- the other process -------------------------------------------------------------------------------------------- */

struct office {
	int sock;
	sd_event *loop;
	struct conf *conf;
	struct runner *runner;
};

static uint8_t buf[POST_MAX];

static void ignore(void *user, enum conf_level level, const struct conf_where *where, const char *finding)
{
	(void)user, (void)level, (void)where, (void)finding;
}

static void send_to_engine(void *user, const struct post *p)
{
	(void)post_send(((struct office *)user)->sock, p, -1);
}

static int office_letter(sd_event_source *s, int sock, uint32_t revents, void *user)
{
	struct office *o = user;
	const struct conf *const confs[] = { o->conf };
	struct post p;
	const char *why;
	int fd, r = post_receive(sock, buf, &p, &fd, &why);

	(void)s, (void)revents;
	if (r == 1)
		runner_serve(o->runner, &p, confs, 1);
	else if (r == -EPIPE)
		sd_event_exit(o->loop, 0);
	return 0;
}

static _Noreturn void run_office(int sock)
{
	struct office o = { .sock = sock };
	sd_event_source *src = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (conf_load_text("x.conf", text, strlen(text), false, NULL, ignore, NULL, &o.conf) < 0 ||
	    sd_event_new(&o.loop) < 0 || runner_new(o.loop, send_to_engine, &o, &o.runner) < 0 ||
	    loop_io(o.loop, &src, sock, EPOLLIN, LOOP_RANK_NORMAL, office_letter, &o) < 0)
		_exit(1);
	_exit(sd_event_loop(o.loop) < 0);
}

/* --- this one ----------------------------------------------------------------------------------------------------- */

struct fixture {
	sd_event *loop;
	sd_event_source *src;
	int sock;
	pid_t office;
};

struct run {
	unsigned calls;
	bool late;
	struct exec_result result;
};

static int send_to_office(void *user, const struct post *p)
{
	return post_send(((struct fixture *)user)->sock, p, -1);
}

static int on_letter(sd_event_source *s, int sock, uint32_t revents, void *user)
{
	struct post p;
	const char *why;
	int fd;

	(void)s, (void)revents, (void)user;
	if (post_receive(sock, buf, &p, &fd, &why) == 1)
		exec_told(&p);
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	f->office = fork();
	assert_true(f->office >= 0);
	if (f->office == 0) {
		close(pair[0]);
		run_office(pair[1]);
	}
	close(pair[1]);
	f->sock = pair[0];
	assert_return_code(sd_event_new(&f->loop), 0);
	assert_int_equal(loop_io(f->loop, &f->src, f->sock, EPOLLIN, LOOP_RANK_NORMAL, on_letter, f), 0);
	exec_delegate(send_to_office, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int status;

	exec_delegate(NULL, NULL);
	sd_event_source_disable_unref(f->src);
	close(f->sock);
	assert_int_equal(waitpid(f->office, &status, 0), f->office);
	assert_int_equal(status, 0);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

static void on_done(void *user, const struct exec_result *r)
{
	struct run *run = user;

	run->calls++;
	run->result = *r;
}

static void on_late(void *user)
{
	((struct run *)user)->late = true;
}

static void wait_for(struct fixture *f, const unsigned *calls)
{
	uint64_t until_us = loop_now_us() + 20000000;

	while (*calls == 0) {
		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(f->loop, 20000) >= 0);
	}
}

static struct exec_result run_it(struct fixture *f, char *const *argv, const char *const *env, uid_t uid)
{
	const struct exec_spec spec = {
		.what = "test", .argv = argv, .env = env, .uid = uid, .timeout_us = 20000000, .late = on_late
	};
	struct exec_child *c = NULL;
	struct run run = { 0 };

	assert_int_equal(exec_start(f->loop, &spec, on_done, &run, &c), 0);
	assert_int_equal(run.calls, 0);
	assert_int_equal(exec_pid(c), 0);
	wait_for(f, &run.calls);
	assert_false(run.late);
	return run.result;
}

static void program_is_run_there_and_its_end_told_here(void **state)
{
	static char *const argv[] = { "/bin/sh", "-c", "exit 3", NULL };
	struct exec_result r = run_it(*state, argv, NULL, 0);

	assert_int_equal(r.error, 0);
	assert_true(WIFEXITED(r.wait_status));
	assert_int_equal(WEXITSTATUS(r.wait_status), 3);
}

static void program_gets_our_variables(void **state)
{
	static char *const argv[] = { "/bin/sh", "-c", "test $SQLVIP_STATE = FAULT", NULL };
	static const char *const right[] = { "SQLVIP_STATE=FAULT", NULL }, *const wrong[] = { "SQLVIP_STATE=X", NULL };
	struct exec_result r = run_it(*state, argv, right, 0);

	assert_true(exec_succeeded(&r));
	r = run_it(*state, argv, wrong, 0);
	assert_false(exec_succeeded(&r));
}

static void program_that_is_not_there_is_told(void **state)
{
	static char *const argv[] = { "/no/such/program", NULL };

	assert_int_equal(run_it(*state, argv, NULL, 0).error, -ENOENT);
}

static void what_is_not_configured_is_not_run(void **state)
{
	static char *const other[] = { "/bin/sh", "-c", "exit 4", NULL };
	static char *const more[] = { "/bin/sh", "-c", "exit 3", "more", NULL };
	static char *const fine[] = { "/bin/sh", "-c", "exit 3", NULL };

	assert_int_equal(run_it(*state, other, NULL, 0).error, -EPERM);
	assert_int_equal(run_it(*state, more, NULL, 0).error, -EPERM);
	assert_int_equal(run_it(*state, fine, NULL, 12345).error, -EPERM);
}

static void program_that_is_late_is_told_and_ended(void **state)
{
	static char *const argv[] = { "/bin/sleep", "60", NULL };
	const struct exec_spec spec = { .what = "test", .argv = argv, .timeout_us = 50000, .late = on_late };
	struct exec_child *c;
	struct run run = { 0 };

	assert_int_equal(exec_start(((struct fixture *)*state)->loop, &spec, on_done, &run, &c), 0);
	wait_for(*state, &run.calls);
	assert_true(run.late);
	assert_true(run.result.timed_out);
	assert_true(WIFSIGNALED(run.result.wait_status));
}

static void program_can_be_ended_and_abandoned(void **state)
{
	static char *const argv[] = { "/bin/sleep", "60", NULL };
	static char *const last[] = { "/bin/sh", "-c", "exit 3", NULL };
	const struct exec_spec spec = { .what = "test", .argv = argv, .timeout_us = 60000000 };
	struct exec_child *c;
	struct run ended = { 0 }, abandoned = { 0 };

	assert_int_equal(exec_start(((struct fixture *)*state)->loop, &spec, on_done, &ended, &c), 0);
	exec_terminate(c);
	wait_for(*state, &ended.calls);
	assert_int_equal(WTERMSIG(ended.result.wait_status), SIGTERM);
	assert_int_equal(exec_start(((struct fixture *)*state)->loop, &spec, on_done, &abandoned, &c), 0);
	exec_abandon(c);
	run_it(*state, last, NULL, 0);
	assert_int_equal(abandoned.calls, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(program_is_run_there_and_its_end_told_here), TEST(program_gets_our_variables),
		TEST(program_that_is_not_there_is_told),          TEST(what_is_not_configured_is_not_run),
		TEST(program_that_is_late_is_told_and_ended),     TEST(program_can_be_ended_and_abandoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
