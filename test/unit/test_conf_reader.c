/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the configuration in a thread: from real files, and with a look-up of users that does not come to an end,
 * which is a FIFO in the place of /etc/passwd, in mounts of our own. */
#include "test/unit/unit.h"

#include "agent/base/cleanup.h"
#include "agent/process/conf_reader.h"
#include "test/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

enum { DEADLINE_US = 30000000, STEP_US = 10000, SHORT_US = 100000, NEVER_US = 600000000, STRANGER = 54321 };

struct fixture {
	sd_event *loop;
	char dir[64], file[96], fifo[96], kept[96], used[96];
	struct options opt;
	struct conf_reader *reader;
	bool slow;
	int writer; /* of the FIFO */
	struct conf_reading last;
	char router_id[32];
	unsigned done;
};

static void done(void *user, struct conf_reading *g)
{
	struct fixture *f = user;

	f->last = *g;
	f->router_id[0] = '\0';
	if (g->conf)
		snprintf(f->router_id, sizeof(f->router_id), "%s", g->conf->router_id);
	assert_int_equal(g->bundle != NULL, g->fd >= 0);
	f->done++;
}

static void write_conf(const struct fixture *f, const char *router_id, const char *rest)
{
	FILE *file = fopen(f->file, "we");

	assert_non_null(file);
	fprintf(file,
		"global_defs {\n router_id %s\n state_directory %s\n}\nvrrp_instance VI_1 {\n interface eth0\n "
		"virtual_router_id 51\n"
		" virtual_ipaddress {\n  192.0.2.1\n }\n%s}\n",
		router_id, f->kept, rest);
	assert_int_equal(fclose(file), 0);
}

static struct fixture *make(uint64_t limit_us)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->writer = -1;
	strcpy(f->dir, "/tmp/sqlvip-conf-reader-XXXXXX");
	scratch_make(f->dir);
	snprintf(f->file, sizeof(f->file), "%s/x.conf", f->dir);
	snprintf(f->fifo, sizeof(f->fifo), "%s/passwd", f->dir);
	snprintf(f->kept, sizeof(f->kept), "%s/kept", f->dir);
	snprintf(f->used, sizeof(f->used), "%s/used", f->dir);
	f->opt.file = f->file;
	assert_return_code(sd_event_new(&f->loop), 0);
	assert_int_equal(conf_reader_new(f->loop, &f->opt, limit_us, done, f, &f->reader), 0);
	return f;
}

static int setup(void **state)
{
	*state = make(NEVER_US);
	return 0;
}

static int setup_impatient(void **state)
{
	*state = make(SHORT_US);
	return 0;
}

/* From now on who looks for a user waits, */
static void names_are_slow(struct fixture *f)
{
	assert_return_code(mkfifo(f->fifo, 0644), errno);
	assert_return_code(mount(f->fifo, "/etc/passwd", NULL, MS_BIND, NULL), errno);
	f->slow = true;
}

/* … until now: there is no such user, whoever he is. */
static void names_are_there(struct fixture *f)
{
	f->writer = open(f->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(f->writer >= 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->slow && f->writer < 0)
		names_are_there(f);
	conf_reader_free(f->reader);
	if (f->slow)
		assert_return_code(umount2("/etc/passwd", MNT_DETACH), errno);
	close_fd(f->writer);
	sd_event_unref(f->loop);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

/* For an engine that is somebody else, if we may say so. */
static int ask(struct fixture *f, uint32_t id)
{
	const struct conf born = { .engine_uid = geteuid() ? geteuid() : STRANGER,
				   .engine_gid = geteuid() ? getegid() : STRANGER };

	return conf_reader_ask(f->reader, id, &born, f->used);
}

/* The loop goes round meanwhile. */
static void let_some_time_pass(struct fixture *f)
{
	uint64_t end_us = loop_now_us() + SHORT_US;

	while (loop_now_us() < end_us)
		loop_turn(f->loop, STEP_US);
}

static void configuration_is_handed_over_with_its_record(void **state)
{
	struct fixture *f = *state;

	write_conf(f, "one", "");
	assert_int_equal(ask(f, 7), 0);
	wait_until(f, f->done == 1);
	assert_int_equal(f->last.id, 7);
	assert_int_equal(f->last.error, 0);
	assert_string_equal(f->router_id, "one");
	assert_true(f->last.fd >= 0);
}

static void wrong_configuration_comes_as_a_record_for_others_to_judge(void **state)
{
	struct fixture *f = *state;

	write_conf(f, "one", " priority 300\n");
	assert_int_equal(ask(f, 7), 0);
	wait_until(f, f->done == 1);
	assert_int_equal(f->last.error, -EINVAL);
	assert_null(f->last.conf);
	assert_true(f->last.fd >= 0);
}

static void state_directory_is_there_and_the_engines_before_the_engine_hears_of_it(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	write_conf(f, "one", " priority 300\n");
	assert_int_equal(ask(f, 7), 0);
	wait_until(f, f->done == 1);
	assert_int_equal(stat(f->kept, &st), -1); /* nothing comes of a wrong file */
	write_conf(f, "one", "");
	assert_int_equal(ask(f, 8), 0);
	wait_until(f, f->done == 2);
	assert_return_code(stat(f->kept, &st), errno);
	assert_int_equal(st.st_mode, S_IFDIR | 0750);
	assert_int_equal(st.st_uid, geteuid() ? geteuid() : STRANGER);
	assert_int_equal(st.st_gid, geteuid() ? getegid() : STRANGER);
}

static void state_directory_in_use_stays_the_engines_whatever_is_in_the_file(void **state)
{
	const uid_t uid = geteuid() ? geteuid() : STRANGER;
	struct fixture *f = *state;
	char orders[128];
	struct stat st;

	snprintf(orders, sizeof(orders), "%s/orders.json", f->used);
	assert_return_code(mkdir(f->used, 0750), errno);
	assert_return_code(mknod(orders, S_IFREG | 0640, 0), errno);
	write_conf(f, "one", " priority 300\n");
	assert_int_equal(ask(f, 7), 0);
	wait_until(f, f->done == 1);
	assert_int_equal(f->last.error, -EINVAL);
	assert_return_code(stat(f->used, &st), errno);
	assert_int_equal(st.st_uid, uid);
	assert_return_code(stat(orders, &st), errno);
	assert_int_equal(st.st_uid, uid);
}

static void loop_goes_round_during_a_slow_look_up(void **state)
{
	struct fixture *f = *state;

	write_conf(f, "one", "");
	names_are_slow(f);
	assert_int_equal(ask(f, 7), 0);
	let_some_time_pass(f);
	assert_int_equal(f->done, 0);
	names_are_there(f);
	wait_until(f, f->done == 1);
	assert_string_equal(f->router_id, "one");
}

static void newer_wish_is_answered_with_newer_files_and_the_older_not(void **state)
{
	struct fixture *f = *state;

	write_conf(f, "one", "");
	names_are_slow(f);
	assert_int_equal(ask(f, 7), 0);
	assert_int_equal(ask(f, 8), 0);
	let_some_time_pass(f);
	write_conf(f, "two", "");
	assert_int_equal(ask(f, 9), 0);
	names_are_there(f);
	wait_until(f, f->done > 0);
	assert_int_equal(f->last.id, 9);
	assert_string_equal(f->router_id, "two");
	let_some_time_pass(f);
	assert_int_equal(f->done, 1);
}

static void forgotten_wish_is_not_answered(void **state)
{
	struct fixture *f = *state;

	write_conf(f, "one", "");
	names_are_slow(f);
	assert_int_equal(ask(f, 7), 0);
	assert_int_equal(ask(f, 8), 0);
	conf_reader_forget(f->reader);
	names_are_there(f);
	let_some_time_pass(f);
	assert_int_equal(f->done, 0);
	assert_int_equal(ask(f, 9), 0);
	wait_until(f, f->done > 0);
	assert_int_equal(f->last.id, 9);
}

static void reading_that_takes_too_long_is_told_once_and_does_not_end_those_to_come(void **state)
{
	struct fixture *f = *state;

	write_conf(f, "one", "");
	names_are_slow(f);
	assert_int_equal(ask(f, 7), 0);
	wait_until(f, f->done == 1);
	assert_int_equal(f->last.id, 7);
	assert_int_equal(f->last.error, -ETIMEDOUT);
	assert_int_equal(f->last.fd, -ETIMEDOUT);
	assert_int_equal(ask(f, 8), 0);
	wait_until(f, f->done == 2);
	assert_int_equal(f->last.id, 8);
	assert_int_equal(f->last.error, -ETIMEDOUT);
	names_are_there(f);
	let_some_time_pass(f);
	assert_int_equal(f->done, 2);
}

/* Before there is any thread: they would stay behind. */
static bool has_own_mounts(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return true;
	fputs("skipped: no right to make mounts\n", stderr);
	return false;
}

int main(void)
{
	const struct CMUnitTest files[] = {
		cmocka_unit_test_setup_teardown(configuration_is_handed_over_with_its_record, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_configuration_comes_as_a_record_for_others_to_judge, setup,
						teardown),
		cmocka_unit_test_setup_teardown(state_directory_is_there_and_the_engines_before_the_engine_hears_of_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(state_directory_in_use_stays_the_engines_whatever_is_in_the_file, setup,
						teardown),
	};
	const struct CMUnitTest names[] = {
		cmocka_unit_test_setup_teardown(loop_goes_round_during_a_slow_look_up, setup, teardown),
		cmocka_unit_test_setup_teardown(newer_wish_is_answered_with_newer_files_and_the_older_not, setup,
						teardown),
		cmocka_unit_test_setup_teardown(forgotten_wish_is_not_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_that_takes_too_long_is_told_once_and_does_not_end_those_to_come,
						setup_impatient, teardown),
	};
	int failed;
	bool own_mounts = has_own_mounts();

	failed = cmocka_run_group_tests(files, NULL, NULL);
	return own_mounts ? failed + cmocka_run_group_tests(names, NULL, NULL) : failed;
}
