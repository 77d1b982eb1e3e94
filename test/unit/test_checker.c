/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of checks when its configuration is replaced, with real scripts on a real loop. */
#include "test/unit/unit.h"

#include "agent/alarm.h"
#include "agent/base/log.h"
#include "agent/checker.h"
#include "test/unit/office.h"
#include "test/unit/scratch.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { DEADLINE_US = 30000000, STEP_US = 10000, TEXT_SIZE = 4096 };

struct fixture {
	sd_event *loop;
	char dir[64];
	struct conf *conf, *old;
	struct checker *checker;
	unsigned changes;
};

static void changed(void *user)
{
	struct fixture *f = user;

	f->changes++;
}

static void note_finding(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user;
	if (level == CONF_ERROR)
		fail_msg("line %u: %s", where->line, text);
}

/* An instance that tracks what `tracked` says, with `blocks` before it. */
static struct conf *configure(const char *blocks, const char *tracked)
{
	_cleanup_(freep) char *text = NULL;
	struct conf *conf = NULL;
	int n = asprintf(&text,
			 "%s\nvrrp_instance VI_1 {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n "
			 "192.0.2.1\n }\n%s\n}\n",
			 blocks, tracked);

	assert_true(n > 0);
	assert_int_equal(conf_load_text("test.conf", text, (size_t)n, false, NULL, note_finding, NULL, &conf), 0);
	return conf;
}

static void begin(struct fixture *f, const char *blocks, const char *tracked)
{
	f->conf = configure(blocks, tracked);
	assert_int_equal(checker_new(f->loop, f->conf, changed, f, &f->checker), 0);
	checker_start(f->checker);
}

/* The earlier configuration is gone afterwards: whoever still looks at it is found out. */
static void reload(struct fixture *f, const char *blocks, const char *tracked)
{
	struct conf *fresh = configure(blocks, tracked);

	assert_int_equal(checker_prepare(f->checker, fresh), 0);
	checker_exchange(f->checker);
	conf_free(f->conf);
	f->conf = fresh;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_level(LOG_EMERG);
	strcpy(f->dir, "/tmp/sqlvip-checker-XXXXXX");
	scratch_make(f->dir);
	assert_return_code(sd_event_new(&f->loop), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	checker_free(f->checker);
	conf_free(f->conf);
	sd_event_unref(f->loop);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

/* One number of the check `name` in the status. */
static json_int_t number(struct fixture *f, const char *name, const char *key)
{
	json_t *all = checker_status(f->checker), *one;
	json_int_t ret = -1;
	size_t i;

	json_array_foreach(all, i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
			ret = json_integer_value(json_object_get(one, key));
	}
	json_decref(all);
	return ret;
}

#define TRACK(names) "track_script {\n" names "\n}\n"
#define SCRIPT(name, command, rest) \
	"vrrp_script " name " {\n script \"" command "\"\n interval 1\n timeout 1\n" rest "\n}\n"

static void script_that_is_the_same_keeps_verdict_counters_and_rhythm(void **state)
{
	struct fixture *f = *state;
	json_int_t runs;

	begin(f, SCRIPT("bad", "/bin/false", ""), TRACK("bad"));
	wait_until(f, checker_script(f->checker, 0).reported);
	runs = number(f, "bad", "runs");
	f->changes = 0;
	/* Another one comes before it: its index changes, and no more. */
	reload(f, SCRIPT("good", "/bin/true", "") SCRIPT("bad", "/bin/false", ""), TRACK("good\nbad"));
	assert_int_equal(f->changes, 0);
	assert_true(checker_script(f->checker, 1).reported);
	assert_false(checker_script(f->checker, 1).up);
	assert_false(checker_script(f->checker, 1).fresh);
	assert_string_equal(checker_script(f->checker, 1).reason, "exit 1");
	assert_int_equal(number(f, "bad", "runs"), runs);
	wait_until(f, number(f, "bad", "runs") > runs);
}

static void new_script_counts_as_well_until_it_reports(void **state)
{
	struct fixture *f = *state;

	begin(f, "", "");
	reload(f, SCRIPT("bad", "/bin/false", ""), TRACK("bad"));
	assert_true(checker_script(f->checker, 0).fresh);
	wait_until(f, checker_script(f->checker, 0).reported);
	assert_false(checker_script(f->checker, 0).fresh);
	assert_false(checker_script(f->checker, 0).up);
	assert_true(f->changes > 0);
}

static void new_probe_ceases_to_be_fresh_when_nobody_answers(void **state)
{
	struct fixture *f = *state;

	begin(f, "", "");
	reload(f, "vrrp_mysql db {\n socket /nowhere/mysqld.sock\n user probe\n interval 0.1\n timeout 0.5\n}\n",
	       "track_mysql {\n db\n}\n");
	assert_true(checker_mysql(f->checker, 0).fresh);
	wait_until(f, !checker_mysql(f->checker, 0).fresh);
	assert_false(checker_mysql(f->checker, 0).reported);
	wait_until(f, f->changes > 0);
}

static void changed_command_is_run_and_the_old_verdict_stands_until_then(void **state)
{
	struct fixture *f = *state;

	begin(f, SCRIPT("s", "/bin/false", ""), TRACK("s"));
	wait_until(f, checker_script(f->checker, 0).reported);
	reload(f, SCRIPT("s", "/bin/true", ""), TRACK("s"));
	assert_true(checker_script(f->checker, 0).reported);
	assert_false(checker_script(f->checker, 0).up);
	wait_until(f, checker_script(f->checker, 0).up);
}

static void script_that_nobody_tracks_any_more_is_not_run_and_can_come_back(void **state)
{
	struct fixture *f = *state;
	json_int_t runs;

	begin(f, SCRIPT("s", "/bin/true", "") SCRIPT("clock", "/bin/true", ""), TRACK("s\nclock"));
	wait_until(f, number(f, "s", "runs") > 0);
	reload(f, SCRIPT("s", "/bin/true", "") SCRIPT("clock", "/bin/true", ""), TRACK("clock"));
	runs = number(f, "s", "runs");
	wait_until(f, number(f, "clock", "runs") >= 3);
	assert_int_equal(number(f, "s", "runs"), runs);
	reload(f, SCRIPT("s", "/bin/true", "") SCRIPT("clock", "/bin/true", ""), TRACK("s\nclock"));
	wait_until(f, number(f, "s", "runs") > runs);
}

static void shorter_interval_is_not_waited_out(void **state)
{
	struct fixture *f = *state;

	begin(f, "vrrp_script s {\n script /bin/true\n interval 3600\n}\n", TRACK("s"));
	wait_until(f, checker_script(f->checker, 0).reported);
	reload(f, SCRIPT("s", "/bin/true", ""), TRACK("s"));
	wait_until(f, number(f, "s", "runs") > 1);
}

static void running_script_survives_its_configuration(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) char *blocks = NULL;
	char path[128];

	/* It ends when a file appears. */
	snprintf(path, sizeof(path), "%s/wait", f->dir);
	assert_true(asprintf(&blocks, "vrrp_script s {\n script \"%s\"\n interval 1\n timeout 60\n}\n", path) > 0);
	{
		FILE *file = fopen(path, "we");

		assert_non_null(file);
		fprintf(file, "#!/bin/sh\nuntil [ -e %s/go ]; do sleep 0.05; done\n", f->dir);
		fchmod(fileno(file), 0755);
		fclose(file);
	}
	begin(f, blocks, TRACK("s"));
	wait_until(f, number(f, "s", "runs") == 1);
	reload(f, blocks, TRACK("s"));
	assert_false(checker_script(f->checker, 0).reported);
	snprintf(path, sizeof(path), "%s/go", f->dir);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	wait_until(f, checker_script(f->checker, 0).up);
}

static void removed_checks_are_gone_while_they_run(void **state)
{
	struct fixture *f = *state;

	begin(f, SCRIPT("slow", "/bin/sleep 30", "") "vrrp_mysql db {\n socket /nowhere/mysqld.sock\n user probe\n}\n",
	      TRACK("slow") "track_mysql {\n db\n}\n");
	wait_until(f, number(f, "slow", "runs") > 0);
	reload(f, SCRIPT("other", "/bin/true", ""), TRACK("other"));
	assert_int_equal(number(f, "slow", "runs"), -1);
	assert_int_equal(number(f, "db", "queries"), -1);
	wait_until(f, checker_script(f->checker, 0).up);
}

static void shortage_is_no_result_of_a_script(void **state)
{
	struct fixture *f = *state;
	struct office o = { 0 };

	exec_delegate(office_letter, &o);
	begin(f, SCRIPT("s", "/bin/true", "fall 1"), TRACK("s"));
	wait_until(f, o.asked == 1);
	office_tells(&o, 0);
	assert_true(checker_script(f->checker, 0).up);
	for (unsigned i = 0; i < 2; i++) {
		wait_until(f, o.asked == 2 + i);
		office_tells(&o, i == 0 ? -EAGAIN : -ENOMEM);
		assert_true(checker_script(f->checker, 0).up);
		assert_string_equal(checker_script(f->checker, 0).reason, "exit 0");
		assert_true(alarm_is_raised("script_start", "s"));
		assert_int_equal(number(f, "s", "runs"), 1);
	}
	wait_until(f, o.asked == 4);
	office_tells(&o, -EACCES); /* that is one */
	assert_false(checker_script(f->checker, 0).up);
	assert_false(alarm_is_raised("script_start", "s"));
	exec_delegate(NULL, NULL);
}

static void script_that_could_not_be_started_does_not_wait_for_its_interval(void **state)
{
	struct fixture *f = *state;
	struct office o = { 0 };

	exec_delegate(office_letter, &o);
	begin(f, "vrrp_script s {\n script /bin/true\n interval 3600\n}\n", TRACK("s"));
	wait_until(f, o.asked == 1);
	office_tells(&o, -EAGAIN);
	assert_false(checker_script(f->checker, 0).reported);
	wait_until(f, o.asked == 2);
	office_tells(&o, 0);
	assert_true(checker_script(f->checker, 0).up);
	/* Nobody tracks it any more: neither does it run, nor is there anything to complain about. */
	reload(f, "vrrp_script s {\n script /bin/true\n interval 1\n}\n", TRACK("s"));
	wait_until(f, o.asked == 3);
	reload(f, "vrrp_script s {\n script /bin/true\n interval 1\n}\n", "");
	office_tells(&o, -EAGAIN);
	assert_false(alarm_is_raised("script_start", "s"));
	exec_delegate(NULL, NULL);
}

/* A stand-in for mysqld whose every answer is "too many connections": it lives. */
static int answer(int listener)
{
	static const char busy[] = "\x17\0\0\0\xff\x10\x04Too many connections";
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		(void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL);
		close(fd);
	}
	return fd;
}

static double delay_left(const struct fixture *f)
{
	json_t *all = checker_status(f->checker), *left = json_object_get(json_array_get(all, 0), "dead_delay_left_s");
	double s = json_is_null(left) ? -1 : json_real_value(left);

	json_decref(all);
	return s;
}

static void delay_that_is_over_and_not_served_yet_is_told_as_zero(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char blocks[300];
	uint64_t until_us;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", f->dir);
	assert_return_code(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), errno);
	assert_return_code(listen(fd, 8), errno);
	snprintf(blocks, sizeof(blocks),
		 "vrrp_mysql m {\n socket %s\n user x\n interval 0.1\n timeout 5\n dead_delay 1\n}\n", sun.sun_path);
	begin(f, blocks, "track_mysql {\n m\n}");
	wait_until(f, answer(fd) < 0 && checker_mysql(f->checker, 0).up);
	close(fd);
	unlink(sun.sun_path);
	wait_until(f, delay_left(f) >= 0);
	assert_true(delay_left(f) <= 1);
	/* The loop does not run meanwhile. */
	for (until_us = loop_now_us() + 10000000; delay_left(f) > 0; usleep(STEP_US))
		assert_true(loop_now_us() < until_us);
	assert_true(delay_left(f) == 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(script_that_is_the_same_keeps_verdict_counters_and_rhythm),
		test(new_script_counts_as_well_until_it_reports),
		test(new_probe_ceases_to_be_fresh_when_nobody_answers),
		test(changed_command_is_run_and_the_old_verdict_stands_until_then),
		test(script_that_nobody_tracks_any_more_is_not_run_and_can_come_back),
		test(shorter_interval_is_not_waited_out),
		test(running_script_survives_its_configuration),
		test(removed_checks_are_gone_while_they_run),
		test(shortage_is_no_result_of_a_script),
		test(script_that_could_not_be_started_does_not_wait_for_its_interval),
		test(delay_that_is_over_and_not_served_yet_is_told_as_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
