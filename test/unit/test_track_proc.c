/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked processes: patterns against texts, and real processes found by the connector (in the first network namespace)
 * and without it (in another). */
#include "test/unit/unit.h"

enum { DEADLINE_US = 15000000, STEP_US = 10000 };

#include "agent/alarm.h"
#include "agent/proc_match.h"
#include "agent/track_proc.h"
#include "test/unit/scratch.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* --- patterns ---------------------------------------------------------------------------------------------------- */

static void name_alone_is_what_the_kernel_calls_it(void **state)
{
	struct proc_pattern p = { .argv = (char *[]){ (char *)(uintptr_t) "mysqld", NULL } };
	struct proc_pattern cut = { .argv = (char *[]){ (char *)(uintptr_t) "a-name-that-is-cut", NULL } };

	(void)state;
	assert_true(proc_matches(&p, "mysqld", NULL, 0));
	assert_false(proc_matches(&p, "mysql", NULL, 0));
	assert_false(proc_matches(&p, "mysqld_safe", NULL, 0));
	assert_true(proc_matches(&cut, "a-name-that-is-", NULL, 0));
	assert_false(proc_matches(&cut, "a-name-that-is", NULL, 0));
}

static void arguments_are_compared_as_asked(void **state)
{
	static const char same[] = "/usr/sbin/x\0-a\0bcd", more[] = "/usr/sbin/x\0-a\0bcd\0e",
			  less[] = "/usr/sbin/x\0-a";
	static char name[] = "x", first[] = "-a", second[] = "bcd", begin[] = "b";
	char *argv[] = { name, first, second, NULL };
	struct proc_pattern p = { .argv = argv, .by_command = true };

	(void)state;
	assert_true(proc_matches(&p, "?", same, sizeof(same)));
	assert_false(proc_matches(&p, "?", more, sizeof(more)));
	assert_false(proc_matches(&p, "?", less, sizeof(less)));
	p.full_command = true;
	assert_false(proc_matches(&p, "?", same, sizeof(same)));
	p.full_command = false;
	p.params = PROC_PARAMS_INITIAL;
	assert_true(proc_matches(&p, "?", more, sizeof(more)));
	argv[2] = begin;
	assert_false(proc_matches(&p, "?", more, sizeof(more)));
	p.params = PROC_PARAMS_PARTIAL;
	assert_true(proc_matches(&p, "?", same, sizeof(same)));
	assert_true(proc_matches(&p, "?", more, sizeof(more)));
}

static void hostile_command_lines_are_survived(void **state)
{
	static const char zeros[] = { 0, 0, 0, 0 };
	struct proc_pattern p = { .argv = (char *[]){ (char *)(uintptr_t) "x", NULL }, .by_command = true };
	char stat[] = "12 (a) b) S 1", bad1[] = "12 x", bad2[] = "1 )(", bad3[] = "1 (x)";
	const char *comm;
	char letter;

	(void)state;
	assert_false(proc_matches(&p, "x", "", 0));
	assert_false(proc_matches(&p, "x", zeros, sizeof(zeros)));
	assert_false(proc_matches(&p, "x", "xxxx", 4)); /* no end */
	assert_true(proc_parse_stat(stat, &comm, &letter));
	assert_string_equal(comm, "a) b");
	assert_int_equal(letter, 'S');
	assert_false(proc_parse_stat(bad1, &comm, &letter));
	assert_false(proc_parse_stat(bad2, &comm, &letter));
	assert_false(proc_parse_stat(bad3, &comm, &letter));
}

/* --- real processes ---------------------------------------------------------------------------------------------- */

static struct fixture {
	sd_event *loop;
	char dir[64];
	char program[100], name[16];
	struct worker *worker;
	struct track_procs *procs;
	struct conf conf;
	struct conf_track_process block;
	char *argv[2];
	unsigned changes;
	struct rlimit files;
} t;

static void changed(void *user)
{
	(void)user;
	t.changes++;
}

/* A program with a name of its own, so that nobody else's counts. */
static int set_up(void **state)
{
	char cmd[200];

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &t.files), 0);
	strcpy(t.dir, "/tmp/sqlvip-proc-XXXXXX");
	scratch_make(t.dir);
	snprintf(t.name, sizeof(t.name), "sq%d", (int)getpid());
	snprintf(t.program, sizeof(t.program), "%s/%s", t.dir, t.name);
	snprintf(cmd, sizeof(cmd), "cp /bin/sleep %s", t.program);
	assert_int_equal(system(cmd), 0);
	t.argv[0] = t.name;
	t.block = (struct conf_track_process){
		.name = t.name, .pattern = { .argv = t.argv }, .quorum = 1, .quorum_max = UINT32_MAX
	};
	t.conf.track_processes = &t.block;
	t.conf.n_track_processes = 1;
	assert_int_equal(sd_event_new(&t.loop), 0);
	assert_int_equal(worker_new(t.loop, 1, &t.worker), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	worker_free(t.worker);
	track_procs_free(t.procs);
	sd_event_unref(t.loop);
	scratch_remove(t.dir);
	return 0;
}

static pid_t spawn(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_NOFILE, &t.files);
		execl(t.program, t.name, "600", NULL);
		_exit(127);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool up(void)
{
	return track_procs_state(t.procs, 0).up;
}

static bool told(const char *key, const char *part)
{
	json_t *all = json_array();
	const char *text;
	bool found;

	track_procs_status(t.procs, all);
	text = json_string_value(json_object_get(json_array_get(all, 0), key));
	found = text && strstr(text, part);
	json_decref(all);
	return found;
}

static void begin(void)
{
	assert_int_equal(track_procs_new(t.loop, t.worker, &t.conf, changed, NULL, &t.procs), 0);
}

static void come_and_go(void)
{
	pid_t a, b;

	begin();
	assert_false(up());
	a = spawn();
	wait_until(&t, up());
	b = spawn();
	wait_until(&t, told("reason", "2 running"));
	end(a);
	wait_until(&t, told("reason", "1 running"));
	assert_true(up());
	end(b);
	wait_until(&t, !up());
	assert_int_equal(t.changes, 2);
}

static void connector_tells_of_beginnings_and_ends(void **state)
{
	(void)state;
	come_and_go();
	assert_true(told("method", "process connector"));
	assert_false(told("method", "each second"));
}

/* It has its name only when it has come to be the program. */
static void wait_exec(pid_t pid)
{
	char path[64], comm[32] = "";

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	wait_until(&t, strncmp(scratch_text(path, "comm", comm, sizeof(comm)), t.name, strlen(t.name)) == 0);
}

static void process_that_runs_already_counts_from_the_start(void **state)
{
	pid_t pid = spawn();

	(void)state;
	wait_exec(pid);
	begin();
	assert_true(up());
	assert_int_equal(t.changes, 0);
	end(pid);
	wait_until(&t, !up());
}

static void too_many_are_as_bad_as_too_few(void **state)
{
	pid_t a, b;

	(void)state;
	t.block.quorum_max = 1;
	begin();
	a = spawn();
	wait_until(&t, up());
	b = spawn();
	wait_until(&t, !up());
	end(b);
	wait_until(&t, up());
	end(a);
	wait_until(&t, !up());
}

static void short_absence_within_its_delay_changes_nothing(void **state)
{
	pid_t pid;

	(void)state;
	t.block.terminate_delay_us = 60000000;
	begin();
	pid = spawn();
	wait_until(&t, up());
	end(pid);
	wait_until(&t, told("reason", "0 running, which does not count yet"));
	assert_true(up());
	pid = spawn();
	wait_until(&t, told("reason", "1 running"));
	assert_true(up());
	assert_int_equal(t.changes, 1);
	end(pid);
}

static void new_beginning_counts_after_its_delay(void **state)
{
	uint64_t at_us;
	pid_t pid;

	(void)state;
	t.block.fork_delay_us = 300000;
	begin();
	at_us = loop_now_us();
	pid = spawn();
	wait_until(&t, up());
	assert_true(loop_now_us() - at_us >= 300000);
	end(pid);
}

static void reconf(const struct conf *conf)
{
	assert_int_equal(track_procs_prepare(t.procs, conf), 0);
	track_procs_exchange(t.procs);
}

static void another_configuration_keeps_what_counts_until_it_is_known_anew(void **state)
{
	struct conf_track_process blocks[2];
	struct conf conf = { .track_processes = blocks, .n_track_processes = 2 };
	pid_t pid;

	(void)state;
	begin();
	pid = spawn();
	wait_until(&t, up());
	blocks[0] = blocks[1] = t.block;
	blocks[0].name = (char *)(uintptr_t) "new";
	blocks[0].quorum = 2;
	reconf(&conf);
	assert_true(track_procs_state(t.procs, 1).up);
	wait_until(&t, told("reason", "1 running")); /* the first is the new one */
	assert_false(track_procs_state(t.procs, 0).up);
	assert_true(track_procs_state(t.procs, 1).up);
	end(pid);
	wait_until(&t, !track_procs_state(t.procs, 1).up);
	conf.n_track_processes = 0;
	reconf(&conf);
}

static void same_number_is_judged_by_the_new_configuration(void **state)
{
	struct conf_track_process block;
	struct conf conf = { .track_processes = &block, .n_track_processes = 1 };
	pid_t pid;

	(void)state;
	begin();
	pid = spawn();
	wait_until(&t, up());
	block = t.block;
	block.quorum = 2;
	reconf(&conf);
	wait_until(&t, !up());
	end(pid);
	reconf(&t.conf);
}

static void delay_that_runs_is_not_lost_by_another_configuration(void **state)
{
	struct conf_track_process block;
	struct conf conf = { .track_processes = &block, .n_track_processes = 1 };
	pid_t pid;

	(void)state;
	t.block.terminate_delay_us = 300000;
	begin();
	pid = spawn();
	wait_until(&t, up());
	end(pid);
	wait_until(&t, told("reason", "0 running, which does not count yet"));
	block = t.block;
	reconf(&conf);
	wait_until(&t, !up());
	reconf(&t.conf);
}

/* What is open stays open, and nothing else can be. */
static void allow_files(bool allowed)
{
	const struct rlimit none = { .rlim_cur = 3, .rlim_max = t.files.rlim_max };

	assert_int_equal(setrlimit(RLIMIT_NOFILE, allowed ? &t.files : &none), 0);
}

static void not_being_able_to_look_is_no_result(void **state)
{
	pid_t a, b;

	(void)state;
	t.block.quorum = 2;
	begin();
	a = spawn();
	b = spawn();
	wait_until(&t, up());
	allow_files(false);
	reconf(&t.conf);
	wait_until(&t, alarm_is_raised("track_process", NULL));
	assert_true(told("reason", "2 running, when last seen: /proc cannot be read: Too many open files"));
	end(a);
	a = spawn(); /* what comes and goes meanwhile may be made up for */
	for (int i = 0; i < 20; i++)
		sd_event_run(t.loop, STEP_US);
	assert_true(up());
	end(b);
	allow_files(true);
	wait_until(&t, !up());
	assert_false(alarm_is_raised("track_process", NULL));
	assert_true(told("reason", "1 running"));
	assert_false(told("reason", "seen"));
	assert_int_equal(t.changes, 2);
	end(a);
}

static void process_whose_look_fails_is_found_later(void **state)
{
	pid_t pid;

	(void)state;
	begin();
	wait_until(&t, told("method", "connector") && !told("method", "each second"));
	wait_until(&t, told("reason", "0 running"));
	allow_files(false);
	pid = spawn();
	wait_until(&t, alarm_is_raised("track_process", NULL));
	allow_files(true);
	wait_until(&t, up());
	assert_false(alarm_is_raised("track_process", NULL));
	end(pid);
}

static void what_was_never_counted_holds_back_and_what_a_reload_brings_does_not(void **state)
{
	struct conf_track_process blocks[2] = { t.block, t.block };
	struct conf conf = { .track_processes = blocks, .n_track_processes = 2 };
	struct checker_state s;

	(void)state;
	t.conf.n_track_processes = 0;
	begin();
	blocks[1].name = (char *)(uintptr_t) "other";
	allow_files(false);
	reconf(&conf);
	s = track_procs_state(t.procs, 1);
	assert_true(s.fresh);
	allow_files(true);
	wait_until(&t, told("state", "down"));
	assert_false(track_procs_state(t.procs, 1).fresh);
	t.conf.n_track_processes = 1;
	reconf(&t.conf);
	worker_free(t.worker);
	track_procs_free(t.procs);
	assert_int_equal(worker_new(t.loop, 1, &t.worker), 0);
	allow_files(false);
	begin();
	s = track_procs_state(t.procs, 0);
	assert_false(s.fresh);
	assert_false(s.reported);
	assert_true(told("state", "pending"));
	assert_true(told("reason", "/proc cannot be read"));
	allow_files(true);
	wait_until(&t, track_procs_state(t.procs, 0).reported);
}

static sem_t go_on;

static void wait_for_word(struct worker_job *job)
{
	(void)job;
	while (sem_wait(&go_on) < 0)
		;
}

static void nothing_more(struct worker_job *job)
{
	(void)job;
}

static void look_that_does_not_end_is_an_alarm(void **state)
{
	const uint64_t later_us = 60000000;
	struct worker_job *job = calloc(1, sizeof(*job));
	uint64_t since_us;

	(void)state;
	assert_non_null(job);
	*job = (struct worker_job){ .run = wait_for_word, .done = nothing_more };
	assert_int_equal(sem_init(&go_on, 0, 0), 0);
	begin();
	worker_push(t.worker, job);
	wait_until(&t, worker_running(t.worker, &since_us) == job);
	track_procs_look(t.procs, loop_now_us());
	assert_false(alarm_is_raised("track_process_hangs", NULL));
	track_procs_look(t.procs, loop_now_us() + later_us);
	assert_true(alarm_is_raised("track_process_hangs", NULL));
	sem_post(&go_on);
	wait_until(&t, !worker_running(t.worker, &since_us));
	track_procs_look(t.procs, loop_now_us() + later_us);
	assert_false(alarm_is_raised("track_process_hangs", NULL));
	sem_destroy(&go_on);
}

/* Last: there is no way back. */
static void without_the_connector_proc_is_looked_through_each_second(void **state)
{
	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	come_and_go();
	assert_true(told("method", "/proc each second: the process connector exists in the first"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_alone_is_what_the_kernel_calls_it),
		cmocka_unit_test(arguments_are_compared_as_asked),
		cmocka_unit_test(hostile_command_lines_are_survived),
		cmocka_unit_test_setup_teardown(connector_tells_of_beginnings_and_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(process_that_runs_already_counts_from_the_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many_are_as_bad_as_too_few, set_up, tear_down),
		cmocka_unit_test_setup_teardown(short_absence_within_its_delay_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(new_beginning_counts_after_its_delay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_configuration_keeps_what_counts_until_it_is_known_anew, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(same_number_is_judged_by_the_new_configuration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(delay_that_runs_is_not_lost_by_another_configuration, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(not_being_able_to_look_is_no_result, set_up, tear_down),
		cmocka_unit_test_setup_teardown(process_whose_look_fails_is_found_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_never_counted_holds_back_and_what_a_reload_brings_does_not,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(look_that_does_not_end_is_an_alarm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_the_connector_proc_is_looked_through_each_second, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
