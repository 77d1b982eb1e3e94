/* SPDX-License-Identifier: Apache-2.0 */
/* Programs are really run here, on a real loop: /bin/sh with short scripts in a directory of the test's own. */
#include "test/unit/unit.h"

#include "agent/process/exec.h"
#include "test/unit/scratch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { DEADLINE_US = 20000000, STEP_US = 20000, TEXT_MAX = 4096 };

struct fixture {
	sd_event *loop;
	char dir[64];
};

struct run {
	bool done, late;
	unsigned calls;
	struct exec_result result;
};

static void on_done(void *user, const struct exec_result *r)
{
	struct run *run = user;

	run->done = true;
	run->calls++;
	run->result = *r;
}

static void on_late(void *user)
{
	struct run *run = user;

	assert_false(run->done);
	run->late = true;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/sqlvip-exec-XXXXXX");
	scratch_make(f->dir);
	assert_return_code(sd_event_new(&f->loop), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sd_event_unref(f->loop);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

static struct exec_spec sh(char *const argv[])
{
	return (struct exec_spec){ .what = "test", .argv = argv, .uid = getuid(), .gid = getgid() };
}

static void start(struct fixture *f, const struct exec_spec *spec, struct run *run, struct exec_child **ret)
{
	assert_int_equal(exec_start(f->loop, spec, on_done, run, ret), 0);
	assert_false(run->done);
}

/* Runs `script` in the test's directory to its end. */
static struct exec_result run_script(struct fixture *f, const char *script, const char *const *env)
{
	char text[TEXT_MAX];
	char *argv[] = { "sh", "-c", text, "name", "arg one", NULL };
	struct exec_spec spec = sh(argv);
	struct exec_child *c;
	struct run run = { 0 };

	snprintf(text, sizeof(text), "cd %s && { %s\n}", f->dir, script);
	spec.env = env;
	spec.timeout_us = DEADLINE_US;
	start(f, &spec, &run, &c);
	wait_until(f, run.done);
	assert_int_equal(run.calls, 1);
	return run.result;
}

static bool exists(struct fixture *f, const char *name)
{
	return scratch_has(f->dir, name);
}

static const char *content(struct fixture *f, const char *name, char buf[TEXT_MAX])
{
	return scratch_text(f->dir, name, buf, TEXT_MAX);
}

static pid_t pid_in(struct fixture *f, const char *name)
{
	char buf[TEXT_MAX];

	return exists(f, name) ? (pid_t)strtol(content(f, name, buf), NULL, 10) : 0;
}

/* A zombie of somebody else's counts as gone. */
static bool is_running(pid_t pid)
{
	char path[64], buf[256] = "";
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(buf, 1, sizeof(buf) - 1, file);
	fclose(file);
	buf[n] = '\0';
	return strrchr(buf, ')') && strrchr(buf, ')')[2] != 'Z';
}

static void exit_status_is_reported(void **state)
{
	struct exec_result r = run_script(*state, "exit 3", NULL);
	char buf[64];

	assert_int_equal(r.error, 0);
	assert_true(WIFEXITED(r.wait_status));
	assert_int_equal(WEXITSTATUS(r.wait_status), 3);
	assert_false(r.timed_out);
	assert_true(r.ran_us > 0);
	assert_string_equal(exec_describe(&r, buf, sizeof(buf)), "exit 3");
}

static void only_an_end_in_time_with_status_zero_is_success(void **state)
{
	const struct exec_result ok = { .wait_status = W_EXITCODE(0, 0), .ran_us = 1 };
	const struct exec_result bad[] = {
		{ .wait_status = W_EXITCODE(3, 0) },
		{ .wait_status = W_EXITCODE(0, SIGKILL) },
		{ .wait_status = W_EXITCODE(0, 0), .timed_out = true },
		{ .wait_status = W_EXITCODE(0, 0), .error = -ENOENT },
	};

	(void)state;
	assert_true(exec_succeeded(&ok));
	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		assert_false(exec_succeeded(&bad[i]));
}

static void death_by_signal_is_reported(void **state)
{
	struct exec_result r = run_script(*state, "kill -9 $$", NULL);
	char buf[64];

	assert_true(WIFSIGNALED(r.wait_status));
	assert_string_equal(exec_describe(&r, buf, sizeof(buf)), "signal 9 (Killed)");
}

static void arguments_arrive_unchanged(void **state)
{
	char buf[TEXT_MAX];

	run_script(*state, "printf '%s|' \"$0\" \"$@\" >args", NULL);
	assert_string_equal(content(*state, "args", buf), "name|arg one|");
}

static void missing_program_is_reported_through_done(void **state)
{
	char *const argvs[][2] = { { "/nonexistent/program", NULL }, { "sqlvip-no-such-program", NULL } };

	for (size_t i = 0; i < ELEMENTSOF(argvs); i++) {
		struct exec_spec spec = sh(argvs[i]);
		struct exec_child *c;
		struct run run = { 0 };
		char buf[64];

		start(*state, &spec, &run, &c);
		wait_until(*state, run.done);
		assert_int_equal(run.result.error, -ENOENT);
		assert_string_equal(exec_describe(&run.result, buf, sizeof(buf)),
				    "cannot be run: No such file or directory");
	}
}

static void file_that_may_not_be_executed_is_reported(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX_LEN];
	char *argv[] = { path, NULL };
	struct exec_spec spec = sh(argv);
	struct exec_child *c;
	struct run run = { 0 };

	snprintf(path, sizeof(path), "%s/plain", f->dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	start(f, &spec, &run, &c);
	wait_until(f, run.done);
	assert_int_equal(run.result.error, -EACCES);
}

static void empty_command_is_refused_at_once(void **state)
{
	struct fixture *f = *state;
	char *argv[] = { "", NULL };
	struct exec_spec spec = sh(argv);
	struct exec_child *c;

	assert_int_equal(exec_start(f->loop, &spec, on_done, NULL, &c), -EINVAL);
	spec.argv = argv + 1;
	assert_int_equal(exec_start(f->loop, &spec, on_done, NULL, &c), -EINVAL);
}

static void script_without_interpreter_line_goes_to_the_shell(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX_LEN], buf[TEXT_MAX];
	char *argv[] = { path, "one", NULL };
	struct exec_spec spec = sh(argv);
	struct exec_child *c;
	struct run run = { 0 };
	int fd;

	snprintf(path, sizeof(path), "%s/bare", f->dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	assert_true(dprintf(fd, "echo \"$1\" >%s/out\nexit 4\n", f->dir) > 0);
	close(fd);
	start(f, &spec, &run, &c);
	wait_until(f, run.done);
	assert_int_equal(run.result.error, 0);
	assert_int_equal(WEXITSTATUS(run.result.wait_status), 4);
	assert_string_equal(content(f, "out", buf), "one\n");
}

static void environment_is_cleaned_and_extended(void **state)
{
	static const char *const env[] = { "SQLVIP_STATE=MASTER", "SQLVIP_CAUSE=a b=c", NULL };
	char buf[TEXT_MAX];

	setenv("IFS", "x", 1);
	setenv("LD_LIBRARY_PATH", "/nonexistent", 1);
	setenv("NOTIFY_SOCKET", "/nonexistent", 1);
	setenv("SQLVIP_STATE", "old", 1);
	setenv("SQLVIP_TEST_KEPT", "yes", 1);
	run_script(*state, "env >env", env);
	unsetenv("IFS");
	unsetenv("LD_LIBRARY_PATH");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("SQLVIP_STATE");
	content(*state, "env", buf);
	assert_non_null(strstr(buf, "SQLVIP_STATE=MASTER\n"));
	assert_non_null(strstr(buf, "SQLVIP_CAUSE=a b=c\n"));
	assert_non_null(strstr(buf, "SQLVIP_TEST_KEPT=yes\n"));
	assert_non_null(strstr(buf, "PATH="));
	assert_null(strstr(buf, "SQLVIP_STATE=old"));
	assert_null(strstr(buf, "IFS="));
	assert_null(strstr(buf, "LD_LIBRARY_PATH"));
	assert_null(strstr(buf, "NOTIFY_SOCKET"));
}

static void path_is_given_where_we_have_none(void **state)
{
	_cleanup_(freep) char *old = strdup(getenv("PATH"));
	char buf[TEXT_MAX];

	unsetenv("PATH");
	run_script(*state, "env >env", NULL);
	setenv("PATH", old, 1);
	assert_non_null(strstr(content(*state, "env", buf), "PATH=/usr/local/sbin:"));
}

static void standard_descriptors_are_dev_null_and_no_other_is_open(void **state)
{
	char buf[TEXT_MAX];
	int inheritable = open("/etc/passwd", O_RDONLY); /* no O_CLOEXEC on purpose */

	run_script(*state, "(ls -l /proc/$$/fd >fds); true", NULL);
	close(inheritable);
	content(*state, "fds", buf);
	assert_non_null(strstr(buf, " 0 -> /dev/null\n"));
	assert_non_null(strstr(buf, " 1 -> /dev/null\n"));
	assert_non_null(strstr(buf, " 2 -> /dev/null\n"));
	assert_null(strstr(buf, "passwd"));
	assert_null(strstr(buf, "pipe:"));
	assert_null(strstr(buf, "eventpoll"));
}

static void program_leads_a_session_and_group_of_its_own(void **state)
{
	char buf[TEXT_MAX];
	int pid, pgrp, session;

	run_script(*state, "cut -d' ' -f1,5,6 /proc/$$/stat >ids", NULL);
	assert_int_equal(sscanf(content(*state, "ids", buf), "%d %d %d", &pid, &pgrp, &session), 3);
	assert_int_equal(pid, pgrp);
	assert_int_equal(pid, session);
}

static void signals_are_as_a_program_expects_them(void **state)
{
	char buf[TEXT_MAX];
	unsigned long long blocked, ignored;
	sigset_t set, old;

	signal(SIGPIPE, SIG_IGN);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, &old);
	run_script(*state, "grep -E 'SigBlk|SigIgn' /proc/self/status >sig", NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sscanf(content(*state, "sig", buf), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	assert_true(blocked == 0);
	/* 32 and 33 belong to libc, which lets nobody set them; who starts us with posix_spawn() may leave them
	 * ignored. */
	assert_true((ignored & ~(3ull << 31)) == 0);
}

static void scheduling_is_ordinary(void **state)
{
	const struct sched_param rr = { .sched_priority = 1 }, none = { 0 };
	char buf[TEXT_MAX];
	int prio, nice_value;
	unsigned policy;

	/* A host may refuse us this; then the rest is still to be seen. */
	sched_setscheduler(0, SCHED_RR, &rr);
	/* Fields 18 and 19 count from the end of the name; 41 is the policy. */
	run_script(*state, "cut -d' ' -f18,19,41 /proc/self/stat >sched", NULL);
	sched_setscheduler(0, SCHED_OTHER, &none);
	assert_int_equal(sscanf(content(*state, "sched", buf), "%d %d %u", &prio, &nice_value, &policy), 3);
	assert_int_equal(prio, 20);
	assert_int_equal(nice_value, 0);
	assert_int_equal(policy, SCHED_OTHER);
}

/* Ours may be set so that the kernel never picks us; a script that eats all memory is to be picked. We may only make
 * ours worse here, and back again. */
static void kernel_picks_it_for_want_of_memory_like_any_other(void **state)
{
	struct fixture *f = *state;
	FILE *own = fopen("/proc/self/oom_score_adj", "r+e");
	char before[16], buf[TEXT_MAX];

	assert_non_null(own);
	setvbuf(own, NULL, _IONBF, 0);
	assert_non_null(fgets(before, sizeof(before), own));
	rewind(own);
	assert_true(fputs("7", own) >= 0);
	run_script(f, "cat /proc/self/oom_score_adj >out", NULL);
	rewind(own);
	assert_true(fputs(before, own) >= 0);
	fclose(own);
	assert_string_equal(content(f, "out", buf), "0\n");
}

static void user_is_changed_completely(void **state)
{
	struct fixture *f = *state;
	char text[TEXT_MAX], buf[TEXT_MAX];
	char *argv[] = { "/bin/sh", "-c", text, NULL };
	struct exec_spec spec = sh(argv);
	struct exec_child *c;
	struct run run = { 0 };

	assert_int_equal(getuid(), 0);
	snprintf(text, sizeof(text), "grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status >%s/ids", f->dir);
	spec.uid = 65534;
	spec.gid = 65533;
	start(f, &spec, &run, &c);
	wait_until(f, run.done);
	assert_int_equal(run.result.error, 0);
	content(f, "ids", buf);
	assert_non_null(strstr(buf, "Uid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(buf, "Gid:\t65533\t65533\t65533\t65533\n"));
	assert_non_null(strstr(buf, "Groups:\t65533 \n"));
	assert_non_null(strstr(buf, "CapEff:\t0000000000000000\n"));
}

static void program_that_ignores_sigterm_is_killed(void **state)
{
	struct fixture *f = *state;
	char text[TEXT_MAX], buf[64];
	struct exec_spec spec = sh((char *[]){ "/bin/sh", "-c", text, NULL });
	struct exec_child *c;
	struct run run = { 0 };

	snprintf(text, sizeof(text), "trap '>%s/termed' TERM; >%s/up; while :; do tail -f /dev/null & wait $!; done",
		 f->dir, f->dir);
	spec.timeout_us = 300000;
	spec.kill_after_us = 200000;
	spec.late = on_late;
	start(f, &spec, &run, &c);
	wait_until(f, run.late);
	assert_false(run.done);
	wait_until(f, run.done);
	assert_true(exists(f, "termed"));
	assert_true(run.result.timed_out);
	assert_true(run.result.ran_us >= 300000);
	assert_true(WIFSIGNALED(run.result.wait_status));
	assert_int_equal(WTERMSIG(run.result.wait_status), SIGKILL);
	assert_string_equal(exec_describe(&run.result, buf, sizeof(buf)), "timed out after 0.3 s");
}

/* The shell dies of SIGTERM at once; its child does not, and has a moment to clean up. */
static void descendants_of_a_late_program_are_killed_too(void **state)
{
	struct fixture *f = *state;
	char text[TEXT_MAX];
	struct exec_spec spec = sh((char *[]){ "/bin/sh", "-c", text, NULL });
	struct exec_child *c;
	struct run run = { 0 };

	snprintf(text, sizeof(text),
		 "cd %s; (trap '>termed' TERM; sh -c 'echo $PPID' >pid; while :; do tail -f /dev/null & wait $!; done) "
		 "& wait",
		 f->dir);
	spec.timeout_us = 300000;
	spec.kill_after_us = 300000;
	start(f, &spec, &run, &c);
	wait_until(f, run.done);
	assert_true(run.result.timed_out);
	assert_true(exists(f, "termed"));
	assert_true(pid_in(f, "pid") > 0);
	wait_until(f, !is_running(pid_in(f, "pid")));
}

static void polite_end_after_sigterm_is_not_waited_for_longer(void **state)
{
	struct fixture *f = *state;
	struct exec_spec spec = sh((char *[]){ "/bin/sh", "-c", "tail -f /dev/null", NULL });
	struct exec_child *c;
	struct run run = { 0 };
	uint64_t begin_us = loop_now_us();

	spec.timeout_us = 100000;
	spec.kill_after_us = 2 * DEADLINE_US;
	start(f, &spec, &run, &c);
	wait_until(f, run.done);
	assert_true(run.result.timed_out);
	assert_int_equal(WTERMSIG(run.result.wait_status), SIGTERM);
	assert_true(loop_now_us() - begin_us < DEADLINE_US);
}

static void stopped_program_ends_at_its_deadline(void **state)
{
	struct fixture *f = *state;
	struct exec_spec spec = sh((char *[]){ "/bin/sh", "-c", "kill -STOP $$", NULL });
	struct exec_child *c;
	struct run run = { 0 };

	spec.timeout_us = 200000;
	spec.kill_after_us = 2 * DEADLINE_US;
	start(f, &spec, &run, &c);
	wait_until(f, run.done);
	assert_true(run.result.timed_out);
}

static void what_a_program_leaves_behind_in_time_lives_on(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	run_script(f, "tail -f /dev/null & echo $! >pid", NULL);
	pid = pid_in(f, "pid");
	assert_true(is_running(pid));
	kill(pid, SIGKILL);
}

static void terminate_ends_it_and_reports(void **state)
{
	struct fixture *f = *state;
	struct exec_spec spec = sh((char *[]){ "tail", "-f", "/dev/null", NULL });
	struct exec_child *c;
	struct run run = { 0 };

	start(f, &spec, &run, &c);
	assert_true(exec_pid(c) > 0);
	exec_terminate(c); /* most likely before it has even become tail */
	exec_terminate(c);
	wait_until(f, run.done);
	assert_false(run.result.timed_out);
	assert_int_equal(WTERMSIG(run.result.wait_status), SIGTERM);
}

static void abandoned_program_is_reaped_without_a_word(void **state)
{
	struct fixture *f = *state;
	struct exec_spec spec = sh((char *[]){ "tail", "-f", "/dev/null", NULL });
	struct exec_child *c;
	struct run run = { 0 };
	unsigned before;
	pid_t pid;

	run_script(f, "true", NULL);
	before = count_fds();
	start(f, &spec, &run, &c);
	pid = exec_pid(c);
	exec_abandon(c);
	wait_until(f, kill(pid, 0) < 0 && errno == ESRCH);
	wait_until(f, count_fds() == before);
	assert_false(run.done);
}

/* The memory checker is the judge here. */
static void loop_may_end_before_an_abandoned_program(void **state)
{
	struct fixture *f = *state;
	struct exec_spec spec = sh((char *[]){ "tail", "-f", "/dev/null", NULL });
	struct exec_child *c;
	struct run run = { 0 };
	unsigned before;
	pid_t pid;

	run_script(f, "true", NULL);
	before = count_fds();
	start(f, &spec, &run, &c);
	pid = exec_pid(c);
	exec_abandon(c);
	f->loop = sd_event_unref(f->loop);
	assert_return_code(sd_event_new(&f->loop), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(count_fds() <= before);
}

static void program_does_not_outlive_the_agent(void **state)
{
	struct fixture *f = *state;
	char text[TEXT_MAX];
	struct exec_spec spec = sh((char *[]){ "/bin/sh", "-c", text, NULL });
	pid_t agent;

	snprintf(text, sizeof(text), "cd %s; echo $$ >tmp; mv tmp pid; exec tail -f /dev/null", f->dir);
	if (getuid() == 0)
		spec.uid = spec.gid = 65534; /* a change of user must not lose it */
	agent = fork();
	if (agent == 0) {
		struct exec_child *c;
		uint64_t end_us = loop_now_us() + DEADLINE_US;
		sd_event *loop;

		if (sd_event_new(&loop) < 0 || exec_start(loop, &spec, on_done, NULL, &c) < 0)
			_exit(1);
		while (!exists(f, "pid") && loop_now_us() < end_us)
			usleep(STEP_US);
		_exit(0);
	}
	assert_int_equal(waitpid(agent, NULL, 0), agent);
	assert_true(pid_in(f, "pid") > 0);
	wait_until(f, !is_running(pid_in(f, "pid")));
}

static void many_runs_leak_neither_descriptors_nor_zombies(void **state)
{
	struct fixture *f = *state;
	unsigned before;

	run_script(f, "true", NULL);
	before = count_fds();
	for (int i = 0; i < 20; i++) {
		struct exec_spec spec = sh((char *[]){ i % 2 ? "true" : "/nonexistent", NULL });
		struct run runs[5] = { 0 };
		struct exec_child *c;

		for (size_t j = 0; j < ELEMENTSOF(runs); j++)
			start(f, &spec, &runs[j], &c);
		for (size_t j = 0; j < ELEMENTSOF(runs); j++)
			wait_until(f, runs[j].done);
	}
	assert_int_equal(count_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void lack_of_descriptors_is_an_error_and_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	struct exec_spec spec = sh((char *[]){ "true", NULL });
	struct rlimit old, none;
	struct exec_child *c;
	struct run run = { 0 };
	unsigned before;

	run_script(f, "true", NULL);
	before = count_fds();
	assert_return_code(getrlimit(RLIMIT_NOFILE, &old), errno);
	/* The pipe fits, the pidfd does not; and then nothing fits. */
	for (rlim_t spare = 0; spare < 4; spare++) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		int r;

		close(fd);
		none = (struct rlimit){ .rlim_cur = (rlim_t)fd + spare, .rlim_max = old.rlim_max };
		assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
		r = exec_start(f->loop, &spec, on_done, &run, &c);
		assert_return_code(setrlimit(RLIMIT_NOFILE, &old), errno);
		if (r == 0) {
			wait_until(f, run.done);
			run.done = false;
		} else {
			assert_int_equal(r, -EMFILE);
		}
	}
	assert_int_equal(count_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(exit_status_is_reported),
		test(only_an_end_in_time_with_status_zero_is_success),
		test(death_by_signal_is_reported),
		test(arguments_arrive_unchanged),
		test(missing_program_is_reported_through_done),
		test(file_that_may_not_be_executed_is_reported),
		test(empty_command_is_refused_at_once),
		test(script_without_interpreter_line_goes_to_the_shell),
		test(environment_is_cleaned_and_extended),
		test(path_is_given_where_we_have_none),
		test(standard_descriptors_are_dev_null_and_no_other_is_open),
		test(program_leads_a_session_and_group_of_its_own),
		test(signals_are_as_a_program_expects_them),
		test(scheduling_is_ordinary),
		test(kernel_picks_it_for_want_of_memory_like_any_other),
		test(user_is_changed_completely),
		test(program_that_ignores_sigterm_is_killed),
		test(descendants_of_a_late_program_are_killed_too),
		test(polite_end_after_sigterm_is_not_waited_for_longer),
		test(stopped_program_ends_at_its_deadline),
		test(what_a_program_leaves_behind_in_time_lives_on),
		test(terminate_ends_it_and_reports),
		test(abandoned_program_is_reaped_without_a_word),
		test(loop_may_end_before_an_abandoned_program),
		test(program_does_not_outlive_the_agent),
		test(many_runs_leak_neither_descriptors_nor_zombies),
		test(lack_of_descriptors_is_an_error_and_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
