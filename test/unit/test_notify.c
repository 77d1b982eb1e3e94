/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of hooks, with real scripts that write down what they are told. */
#include "test/unit/unit.h"

#include "agent/base/log.h"
#include "agent/notify.h"
#include "test/unit/office.h"
#include "test/unit/scratch.h"

#include <errno.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { DEADLINE_US = 60000000, STEP_US = 20000, TEXT_MAX = 32768, HOOK_ARGS = 2 };

struct fixture {
	sd_event *loop;
	struct notify *n;
	struct fifos *fifos;
	struct conf_instance conf;
	struct conf_vip vips[2];
	char dir[64];
	char paths[_CONF_HOOK_MAX_][PATH_MAX_LEN];
	char *argvs[_CONF_HOOK_MAX_][HOOK_ARGS];
	const char *now_state;
};

static const char *now_state(void *user)
{
	return ((struct fixture *)user)->now_state;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_level(LOG_EMERG);
	strcpy(f->dir, "/tmp/sqlvip-notify-XXXXXX");
	scratch_make(f->dir);
	assert_return_code(sd_event_new(&f->loop), 0);
	f->now_state = "MASTER";
	f->conf.name = "VI.1";
	strcpy(f->conf.interface, "eth7");
	f->conf.vrid = 51;
	f->conf.notify_timeout_us = DEADLINE_US;
	assert_true(ip_parse("192.0.2.10", &f->vips[0].prefix.addr));
	f->vips[0].prefix.len = 24;
	assert_true(ip_parse("2001:db8::1", &f->vips[1].prefix.addr));
	f->vips[1].prefix.len = 128;
	f->conf.vips = f->vips;
	f->conf.n_vips = 2;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	notify_free(f->n);
	sd_event_unref(f->loop);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	scratch_remove(f->dir);
	free(f);
	return 0;
}

/* Gives the hook a script; $D is the test's directory. */
static void set_hook(struct fixture *f, enum conf_hook hook, const char *script)
{
	int fd;

	snprintf(f->paths[hook], PATH_MAX_LEN, "%s/hook%d", f->dir, (int)hook);
	fd = open(f->paths[hook], O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(dprintf(fd, "#!/bin/sh\nD=%s\n%s\n", f->dir, script) > 0);
	close(fd);
	f->argvs[hook][0] = f->paths[hook];
	f->conf.hooks[hook] = (struct conf_command){ .argv = f->argvs[hook], .uid = getuid(), .gid = getgid() };
}

static void begin(struct fixture *f)
{
	const struct notify_owner owner = notify_owner_of(&f->conf, f->fifos);

	assert_int_equal(notify_new(f->loop, &owner, now_state, f, &f->n), 0);
	assert_true(notify_idle(f->n));
}

static void push(struct fixture *f, enum conf_hook hook, const char *name, uint8_t priority)
{
	const struct notify_event ev = {
		.hook = hook,
		.state = name,
		.old_state = "BACKUP",
		.priority = priority,
		.cause = "down timer",
		.peer = "192.0.2.2",
		.mysql = "alive",
		.at_us = loop_now_us(),
	};

	notify_push(f->n, &ev);
}

static bool exists(struct fixture *f, const char *name)
{
	return scratch_has(f->dir, name);
}

static const char *content(struct fixture *f, const char *name, char buf[TEXT_MAX])
{
	return scratch_text(f->dir, name, buf, TEXT_MAX);
}

static json_int_t counter(struct fixture *f, const char *name)
{
	json_t *status = notify_status(f->n);
	json_int_t value = json_integer_value(json_object_get(status, name));

	assert_true(json_is_integer(json_object_get(status, name)));
	json_decref(status);
	return value;
}

static void another_configuration_keeps_the_queue_and_runs_the_new_commands(void **state)
{
	struct fixture *f = *state;
	struct conf_instance other;
	struct notify_owner owner;
	char buf[TEXT_MAX];

	set_hook(f, CONF_HOOK_MASTER, "touch $D/up; until [ -e $D/go ]; do sleep 0.02; done; echo old >>$D/out");
	set_hook(f, CONF_HOOK_BACKUP, "echo never >>$D/out");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	push(f, CONF_HOOK_BACKUP, "BACKUP", 2);
	push(f, CONF_HOOK_FAULT, "FAULT", 3); /* nothing is configured for it yet: forgotten */
	push(f, CONF_HOOK_MASTER, "MASTER", 4);
	wait_until(f, exists(f, "up"));

	other = f->conf;
	other.name = strdup("VI.2");
	memset(&f->conf, 0, sizeof(f->conf)); /* whoever looks at the old one finds nothing */
	f->conf = other;
	f->conf.hooks[CONF_HOOK_MASTER].argv = NULL; /* the running one ends as it began */
	f->conf.hooks[CONF_HOOK_BACKUP].argv = NULL;
	set_hook(f, CONF_HOOK_ANY, "echo \"new $*\" >>$D/out");
	owner = notify_owner_of(&f->conf, f->fifos);
	assert_int_equal(notify_prepare(f->n, &f->conf), 0);
	notify_exchange(f->n, &owner);
	assert_int_equal(counter(f, "queued"), 2);
	snprintf(buf, sizeof(buf), "%s/go", f->dir);
	close(open(buf, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	wait_until(f, notify_idle(f->n));
	assert_string_equal(
		content(f, "out", buf),
		"old\nnew INSTANCE VI.2 MASTER 1\nnew INSTANCE VI.2 BACKUP 2\nnew INSTANCE VI.2 MASTER 4\n");
	assert_int_equal(counter(f, "run"), 4);
	free(other.name);
}

static void queue_without_commands_is_idle(void **state)
{
	struct fixture *f = *state;
	struct notify_owner owner;

	set_hook(f, CONF_HOOK_MASTER, "touch $D/out");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	f->conf.hooks[CONF_HOOK_MASTER].argv = NULL;
	owner = notify_owner_of(&f->conf, f->fifos);
	assert_int_equal(notify_prepare(f->n, &f->conf), 0);
	notify_exchange(f->n, &owner);
	assert_true(notify_idle(f->n));
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, STEP_US);
	assert_false(exists(f, "out"));
}

static void specific_hook_runs_before_the_generic_with_keepalived_arguments(void **state)
{
	struct fixture *f = *state;
	char buf[TEXT_MAX];

	set_hook(f, CONF_HOOK_MASTER, "echo \"master $# $*\" >>$D/out");
	set_hook(f, CONF_HOOK_ANY, "echo \"any $# $*\" >>$D/out");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 254);
	assert_false(notify_idle(f->n));
	wait_until(f, notify_idle(f->n));
	assert_string_equal(content(f, "out", buf), "master 0 \nany 4 INSTANCE VI.1 MASTER 254\n");
}

static void configured_words_come_first(void **state)
{
	struct fixture *f = *state;
	char *argv[] = { f->paths[CONF_HOOK_ANY], "two words", NULL };
	char buf[TEXT_MAX];

	set_hook(f, CONF_HOOK_ANY, "printf '%s|' \"$@\" >$D/out");
	f->conf.hooks[CONF_HOOK_ANY].argv = argv;
	begin(f);
	push(f, CONF_HOOK_STOP, "STOP", 1);
	wait_until(f, notify_idle(f->n));
	assert_string_equal(content(f, "out", buf), "two words|INSTANCE|VI.1|STOP|1|");
}

static void lower_priority_hook_runs_without_the_generic(void **state)
{
	struct fixture *f = *state;
	char buf[TEXT_MAX];

	set_hook(f, CONF_HOOK_MASTER_RX_LOWER_PRI, "echo \"lower $#\" >>$D/out");
	set_hook(f, CONF_HOOK_ANY, "echo any >>$D/out");
	begin(f);
	push(f, CONF_HOOK_MASTER_RX_LOWER_PRI, "MASTER", 254);
	push(f, CONF_HOOK_ANY, "MASTER", 254);
	wait_until(f, notify_idle(f->n));
	assert_string_equal(content(f, "out", buf), "lower 0\nany\n");
}

static void event_without_a_hook_is_forgotten(void **state)
{
	struct fixture *f = *state;

	set_hook(f, CONF_HOOK_BACKUP, "true");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 254);
	assert_true(notify_idle(f->n));
}

static void environment_tells_the_whole_event(void **state)
{
	static const char *const expected[] = {
		"SQLVIP_INSTANCE=VI.1\n",
		"SQLVIP_STATE=FAULT\n",
		"SQLVIP_OLD_STATE=MASTER\n",
		"SQLVIP_CURRENT_STATE=BACKUP\n",
		"SQLVIP_PRIORITY=100\n",
		"SQLVIP_CAUSE=mysqld: crashed  thread 7\n",
		"SQLVIP_VIPS=192.0.2.10/24 2001:db8::1/128\n",
		"SQLVIP_PEER=\n",
		"SQLVIP_MYSQL=dead\n",
		"SQLVIP_INTERFACE=eth7\n",
		"SQLVIP_VRID=51\n",
	};
	struct fixture *f = *state;
	char buf[TEXT_MAX];
	const struct notify_event ev = {
		.hook = CONF_HOOK_FAULT,
		.state = "FAULT",
		.old_state = "MASTER",
		.priority = 100,
		.cause = "mysqld: crashed\n\tthread 7",
		.mysql = "dead",
		.at_us = loop_now_us() - 3600000000, /* an hour ago */
	};
	struct tm tm = { 0 };
	const char *when;
	double age_s;

	set_hook(f, CONF_HOOK_FAULT, "env >$D/out");
	f->now_state = "BACKUP";
	begin(f);
	notify_push(f->n, &ev);
	wait_until(f, notify_idle(f->n));
	content(f, "out", buf);
	for (size_t i = 0; i < ELEMENTSOF(expected); i++)
		assert_non_null(strstr(buf, expected[i]));
	when = strstr(buf, "SQLVIP_TIME=");
	assert_non_null(when);
	when = strptime(when + strlen("SQLVIP_TIME="), "%Y-%m-%dT%H:%M:%S", &tm);
	assert_non_null(when);
	assert_true(when[0] == '.' && when[4] == 'Z' && when[5] == '\n');
	age_s = difftime(time(NULL), timegm(&tm));
	assert_true(age_s >= 3599 && age_s < 3660);
}

static void current_state_is_asked_when_the_hook_starts(void **state)
{
	struct fixture *f = *state;
	char buf[TEXT_MAX];

	set_hook(f, CONF_HOOK_ANY,
		 "echo $SQLVIP_STATE $SQLVIP_CURRENT_STATE >>$D/out; while [ ! -e $D/go ]; do sleep 0.02; done");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	push(f, CONF_HOOK_BACKUP, "BACKUP", 1);
	wait_until(f, exists(f, "out"));
	f->now_state = "FAULT";
	close(open(strcat(strcpy(buf, f->dir), "/go"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	wait_until(f, notify_idle(f->n));
	assert_string_equal(content(f, "out", buf), "MASTER MASTER\nBACKUP FAULT\n");
}

static void hundred_transitions_stay_in_order_and_none_is_lost(void **state)
{
	/* Some are slow, some fail, some hang until their deadline. */
	static const char script[] = "p=$SQLVIP_PRIORITY; echo \"${1:-specific} $p\" >>$D/out\n"
				     "case $p in *3) sleep 0.05 ;; *5) exit 1 ;; 7|57) tail -f /dev/null ;; esac";
	struct fixture *f = *state;
	char buf[TEXT_MAX], expected[TEXT_MAX] = "";
	size_t len = 0;

	set_hook(f, CONF_HOOK_MASTER, script);
	set_hook(f, CONF_HOOK_BACKUP, script);
	set_hook(f, CONF_HOOK_ANY, script);
	f->conf.notify_timeout_us = 1000000;
	begin(f);
	for (uint8_t i = 0; i < 100; i++) {
		push(f, i % 2 ? CONF_HOOK_MASTER : CONF_HOOK_BACKUP, i % 2 ? "MASTER" : "BACKUP", i);
		len += (size_t)snprintf(expected + len, sizeof(expected) - len, "specific %u\nINSTANCE %u\n", i, i);
		if (i % 7 == 0)
			loop_turn(f->loop, STEP_US);
	}
	wait_until(f, notify_idle(f->n));
	assert_string_equal(content(f, "out", buf), expected);
	assert_int_equal(counter(f, "run"), 200);
	assert_int_equal(counter(f, "failed"), 20);
	assert_int_equal(counter(f, "timed_out"), 4);
	assert_int_equal(counter(f, "overflowed"), 0);
}

static void full_queue_displaces_nothing_and_counts(void **state)
{
	struct fixture *f = *state;
	char buf[TEXT_MAX];

	set_hook(f, CONF_HOOK_MASTER, "echo $SQLVIP_CAUSE >>$D/out");
	begin(f);
	for (int i = 0; i < NOTIFY_QUEUE_MAX + 5; i++) {
		char cause[16];
		const struct notify_event ev = {
			.hook = CONF_HOOK_MASTER,
			.state = "MASTER",
			.cause = cause,
			.at_us = loop_now_us(),
		};

		snprintf(cause, sizeof(cause), "%d", i);
		notify_push(f->n, &ev);
	}
	assert_int_equal(counter(f, "overflowed"), 5);
	assert_int_equal(counter(f, "queued"), NOTIFY_QUEUE_MAX - 1);
	wait_until(f, notify_idle(f->n));
	assert_int_equal(counter(f, "run"), NOTIFY_QUEUE_MAX);
	assert_true(strncmp(content(f, "out", buf), "0\n1\n2\n", 6) == 0);
	assert_non_null(strstr(buf, "\n1022\n1023\n"));
	assert_null(strstr(buf, "1024"));
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	wait_until(f, notify_idle(f->n));
	assert_int_equal(counter(f, "run"), NOTIFY_QUEUE_MAX + 1);
}

static void inferior_masters_do_not_displace_state_hooks(void **state)
{
	static const char script[] = "echo ${SQLVIP_STATE}$SQLVIP_PRIORITY >>$D/out";
	struct fixture *f = *state;
	char buf[TEXT_MAX];

	set_hook(f, CONF_HOOK_BACKUP, script);
	set_hook(f, CONF_HOOK_FAULT, script);
	set_hook(f, CONF_HOOK_MASTER_RX_LOWER_PRI, script);
	begin(f);
	push(f, CONF_HOOK_BACKUP, "BACKUP", 1);
	for (int i = 0; i < NOTIFY_QUEUE_MAX + 5; i++)
		push(f, CONF_HOOK_MASTER_RX_LOWER_PRI, "MASTER", i == 0 ? 2 : 3);
	push(f, CONF_HOOK_FAULT, "FAULT", 4);
	push(f, CONF_HOOK_MASTER_RX_LOWER_PRI, "MASTER", 5);
	assert_int_equal(counter(f, "queued"), 2);
	assert_int_equal(counter(f, "coalesced"), NOTIFY_QUEUE_MAX + 5);
	assert_int_equal(counter(f, "overflowed"), 0);
	wait_until(f, notify_idle(f->n));
	assert_string_equal(content(f, "out", buf), "BACKUP1\nMASTER2\nFAULT4\n");
	push(f, CONF_HOOK_MASTER_RX_LOWER_PRI, "MASTER", 6);
	wait_until(f, notify_idle(f->n));
	assert_string_equal(content(f, "out", buf), "BACKUP1\nMASTER2\nFAULT4\nMASTER6\n");
}

static void inferior_master_waits_behind_the_hook_for_the_previous_one(void **state)
{
	struct fixture *f = *state;
	char buf[TEXT_MAX];

	set_hook(f, CONF_HOOK_MASTER_RX_LOWER_PRI,
		 "echo $SQLVIP_PRIORITY >>$D/out; while [ ! -e $D/go ]; do sleep 0.02; done");
	begin(f);
	push(f, CONF_HOOK_MASTER_RX_LOWER_PRI, "MASTER", 1);
	wait_until(f, exists(f, "out"));
	for (uint8_t i = 2; i < 6; i++)
		push(f, CONF_HOOK_MASTER_RX_LOWER_PRI, "MASTER", i);
	assert_int_equal(counter(f, "queued"), 1);
	assert_int_equal(counter(f, "coalesced"), 3);
	close(open(strcat(strcpy(buf, f->dir), "/go"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	wait_until(f, notify_idle(f->n));
	assert_string_equal(content(f, "out", buf), "1\n2\n");
}

static void program_that_does_not_exist_does_not_hold_up_the_others(void **state)
{
	struct fixture *f = *state;
	char *argv[] = { "/nonexistent/hook", NULL };
	json_t *status;

	set_hook(f, CONF_HOOK_MASTER, "");
	f->conf.hooks[CONF_HOOK_MASTER].argv = argv;
	set_hook(f, CONF_HOOK_ANY, ">$D/out");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	wait_until(f, counter(f, "run") == 1);
	status = notify_status(f->n);
	assert_string_equal(json_string_value(json_object_get(json_object_get(status, "last"), "outcome")),
			    "cannot be run: No such file or directory");
	json_decref(status);
	wait_until(f, notify_idle(f->n));
	assert_true(exists(f, "out"));
	assert_int_equal(counter(f, "failed"), 1);
}

static void shortage_delays_a_hook_but_does_not_lose_it(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, none;
	uint64_t end_us;

	set_hook(f, CONF_HOOK_MASTER, ">$D/out");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	assert_return_code(getrlimit(RLIMIT_NOFILE, &old), errno);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
	assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
	for (end_us = loop_now_us() + 500000; loop_now_us() < end_us;)
		loop_turn(f->loop, STEP_US);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &old), errno);
	assert_false(notify_idle(f->n));
	wait_until(f, notify_idle(f->n));
	assert_true(exists(f, "out"));
	assert_int_equal(counter(f, "run"), 1);
	assert_int_equal(counter(f, "failed"), 0);
}

static void shortage_of_whoever_starts_programs_loses_no_hook_either(void **state)
{
	static const int shortages[] = { -EAGAIN, -ENOMEM, -EMFILE, -ENFILE };
	struct fixture *f = *state;
	struct office o = { 0 };

	set_hook(f, CONF_HOOK_MASTER, "");
	set_hook(f, CONF_HOOK_FAULT, "");
	begin(f);
	exec_delegate(office_letter, &o);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	push(f, CONF_HOOK_FAULT, "FAULT", 1);
	for (unsigned i = 0; i < ELEMENTSOF(shortages); i++) {
		wait_until(f, o.asked == i + 1);
		assert_string_equal(o.current, i == 0 ? "MASTER" : "FAULT");
		f->now_state = "FAULT"; /* it is told what is the case when it runs at last */
		office_tells(&o, shortages[i]);
		assert_false(notify_idle(f->n));
		assert_int_equal(counter(f, "run"), 0);
		assert_int_equal(counter(f, "queued"), 1);
	}
	wait_until(f, o.asked == ELEMENTSOF(shortages) + 1);
	office_tells(&o, 0);
	assert_int_equal(counter(f, "run"), 1);
	wait_until(f, o.asked == ELEMENTSOF(shortages) + 2);
	office_tells(&o, -ENOENT); /* that is no shortage */
	assert_true(notify_idle(f->n));
	assert_int_equal(counter(f, "run"), 2);
	assert_int_equal(counter(f, "failed"), 1);
	exec_delegate(NULL, NULL);
}

static void shortage_that_does_not_pass_ends_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	struct office o = { 0 };
	unsigned told = 0;

	f->conf.notify_timeout_us = 500000;
	set_hook(f, CONF_HOOK_MASTER, "");
	begin(f);
	exec_delegate(office_letter, &o);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	while (!notify_idle(f->n)) {
		wait_until(f, o.asked > told);
		told = o.asked;
		office_tells(&o, -EAGAIN);
	}
	assert_true(told > 1);
	assert_int_equal(counter(f, "run"), 1);
	assert_int_equal(counter(f, "failed"), 1);
	exec_delegate(NULL, NULL);
}

static void status_names_the_running_and_the_last_hook(void **state)
{
	struct fixture *f = *state;
	json_t *status, *last;

	set_hook(f, CONF_HOOK_BACKUP, ">$D/up; exit 3");
	set_hook(f, CONF_HOOK_ANY, "tail -f /dev/null");
	begin(f);
	status = notify_status(f->n);
	assert_true(json_is_null(json_object_get(status, "running")));
	assert_true(json_is_null(json_object_get(status, "last")));
	json_decref(status);
	push(f, CONF_HOOK_BACKUP, "BACKUP", 1);
	push(f, CONF_HOOK_BACKUP, "BACKUP", 1);
	wait_until(f, counter(f, "run") == 1);
	loop_turn(f->loop, STEP_US);
	status = notify_status(f->n);
	assert_string_equal(json_string_value(json_object_get(status, "running")), "notify");
	assert_int_equal(json_integer_value(json_object_get(status, "queued")), 1);
	last = json_object_get(status, "last");
	assert_string_equal(json_string_value(json_object_get(last, "hook")), "notify_backup");
	assert_string_equal(json_string_value(json_object_get(last, "state")), "BACKUP");
	assert_string_equal(json_string_value(json_object_get(last, "outcome")), "exit 3");
	assert_true(json_real_value(json_object_get(last, "duration_s")) > 0);
	json_decref(status);
}

static void free_ends_the_running_hook(void **state)
{
	struct fixture *f = *state;
	char buf[TEXT_MAX];
	pid_t pid;

	set_hook(f, CONF_HOOK_ANY, "echo $$ >$D/tmp; mv $D/tmp $D/pid; exec tail -f /dev/null");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	push(f, CONF_HOOK_BACKUP, "BACKUP", 1);
	wait_until(f, exists(f, "pid"));
	pid = (pid_t)strtol(content(f, "pid", buf), NULL, 10);
	f->n = notify_free(f->n);
	wait_until(f, kill(pid, 0) < 0 && errno == ESRCH);
}

static void addresses_beyond_what_one_variable_holds_are_left_out_whole(void **state)
{
	enum { MANY = 6000 };
	struct fixture *f = *state;
	struct conf_vip *vips = calloc(MANY, sizeof(*vips));
	_cleanup_(freep) char *buf = calloc(1, 200000);
	char path[PATH_MAX_LEN];
	FILE *file;

	for (size_t i = 0; i < MANY; i++) {
		assert_true(ip_parse("2001:db8:1111:2222:3333:4444:5555:6666", &vips[i].prefix.addr));
		vips[i].prefix.len = 128;
	}
	f->conf.vips = vips;
	f->conf.n_vips = MANY;
	set_hook(f, CONF_HOOK_ANY, "echo \"$SQLVIP_VIPS\" >$D/out");
	begin(f);
	push(f, CONF_HOOK_MASTER, "MASTER", 1);
	wait_until(f, notify_idle(f->n));
	free(vips);
	snprintf(path, sizeof(path), "%s/out", f->dir);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(buf, 200000, file));
	fclose(file);
	assert_true(strlen(buf) > 90000);
	assert_string_equal(buf + strlen(buf) - strlen(":6666/128\n"), ":6666/128\n");
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(specific_hook_runs_before_the_generic_with_keepalived_arguments),
		test(another_configuration_keeps_the_queue_and_runs_the_new_commands),
		test(queue_without_commands_is_idle),
		test(configured_words_come_first),
		test(lower_priority_hook_runs_without_the_generic),
		test(event_without_a_hook_is_forgotten),
		test(environment_tells_the_whole_event),
		test(current_state_is_asked_when_the_hook_starts),
		test(hundred_transitions_stay_in_order_and_none_is_lost),
		test(full_queue_displaces_nothing_and_counts),
		test(inferior_masters_do_not_displace_state_hooks),
		test(inferior_master_waits_behind_the_hook_for_the_previous_one),
		test(program_that_does_not_exist_does_not_hold_up_the_others),
		test(shortage_delays_a_hook_but_does_not_lose_it),
		test(shortage_of_whoever_starts_programs_loses_no_hook_either),
		test(shortage_that_does_not_pass_ends_at_the_deadline),
		test(status_names_the_running_and_the_last_hook),
		test(free_ends_the_running_hook),
		test(addresses_beyond_what_one_variable_holds_are_left_out_whole),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}

/* Stands in until the real one is linked. */
const char *__attribute__((weak)) conf_hook_name(enum conf_hook hook)
{
	static const char *const names[_CONF_HOOK_MAX_] = {
		"notify_master", "notify_backup", "notify_fault", "notify_stop", "notify_master_rx_lower_pri", "notify"
	};

	return names[hook];
}
