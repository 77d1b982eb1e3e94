/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked files on a real file system, with a real loop and worker. */
#include "test/unit/unit.h"

enum { DEADLINE_US = 10000000, STEP_US = 10000 };

#include "agent/alarm.h"
#include "agent/track_file.h"
#include "test/unit/scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static volatile bool *disk_hangs; /* for whoever opens a file named slow..., in this process or in a child */
static _Atomic int late_fd = -1;  /* a file named late...: what was read of it is long in coming */
static _Atomic bool late_is_read;

static struct fixture {
	sd_event *loop;
	char dir[64];
	struct worker *worker;
	unsigned threads;
	struct track_files *files;
	struct conf conf;
	struct conf_track_file blocks[4];
	char paths[4][256];
	unsigned changes;
} t;

/* Takes libc's place. Who is stuck here fails by what he finds afterwards. */
int open(const char *path, int flags, ...)
{
	const uint64_t until_us = loop_now_us() + 2 * DEADLINE_US;
	mode_t mode = 0;
	va_list ap;
	int fd;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	while (strstr(path, "/slow") && disk_hangs && *disk_hangs && loop_now_us() < until_us)
		poll(NULL, 0, 5);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (strstr(path, "/late"))
		late_fd = fd;
	return fd;
}

/* Takes libc's place. */
ssize_t read(int fd, void *buf, size_t size)
{
	const uint64_t until_us = loop_now_us() + 2 * DEADLINE_US;
	const ssize_t n = syscall(SYS_read, fd, buf, size);
	const int error = errno;

	if (fd == late_fd) {
		late_fd = -1;
		late_is_read = true;
		while (*disk_hangs && loop_now_us() < until_us)
			poll(NULL, 0, 5);
		late_is_read = false;
	}
	errno = error;
	return n;
}

static void changed(void *user)
{
	(void)user;
	t.changes++;
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t.dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void block(size_t i, const char *name, const char *file)
{
	snprintf(t.paths[i], sizeof(t.paths[i]), "%s/%s", t.dir, file);
	t.blocks[i].name = (char *)(uintptr_t)name;
	t.blocks[i].path = t.paths[i];
	t.conf.track_files = t.blocks;
	if (t.conf.n_track_files <= i)
		t.conf.n_track_files = i + 1;
}

static void begin(void)
{
	assert_int_equal(sd_event_new(&t.loop), 0);
	assert_int_equal(worker_new(t.loop, t.threads, &t.worker), 0);
	assert_int_equal(track_files_new(t.loop, t.worker, &t.conf, track_files_make(&t.conf), changed, NULL, &t.files),
			 0);
}

static int32_t value(size_t i)
{
	return track_files_state(t.files, i).value;
}

static void wait_value(size_t i, int32_t wanted)
{
	wait_until(&t, value(i) == wanted);
}

static void wait_reason(size_t i, const char *part)
{
	wait_until(&t, strstr(track_files_state(t.files, i).reason, part));
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.threads = TRACK_FILES_AT_ONCE;
	*disk_hangs = false;
	strcpy(t.dir, "/tmp/sqlvip-track-XXXXXX");
	scratch_make(t.dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	worker_free(t.worker);
	track_files_free(t.files);
	sd_event_unref(t.loop);
	scratch_remove(t.dir);
	return 0;
}

static void numbers_are_read_as_c_writes_them(void **state)
{
	static const struct {
		const char *text;
		int32_t value;
	} good[] = { { "5\n", 5 },
		     { " -26", -26 },
		     { "0x10", 16 },
		     { "010", 8 },
		     { "", 0 },
		     { "nonsense", 0 },
		     { "7 and more", 7 },
		     { "2147483647", INT32_MAX },
		     { "-2147483648", INT32_MIN } };
	int32_t v = 42;

	(void)state;
	assert_false(track_file_parse("2147483648", &v));
	assert_false(track_file_parse("99999999999999999999", &v));
	assert_int_equal(v, 42);
	for (size_t i = 0; i < ELEMENTSOF(good); i++) {
		assert_true(track_file_parse(good[i].text, &v));
		assert_int_equal(v, good[i].value);
	}
}

static void content_is_known_from_the_start_and_followed(void **state)
{
	char elsewhere[256];

	(void)state;
	put("a", "5\n");
	block(0, "a", "a");
	block(1, "b", "b");
	begin();
	assert_true(track_files_state(t.files, 0).known);
	assert_int_equal(value(0), 5);
	assert_int_equal(value(1), 0);
	put("a", "-26");
	wait_value(0, -26);
	put("b", "7"); /* made while we watch */
	wait_value(1, 7);
	snprintf(elsewhere, sizeof(elsewhere), "%s/new", t.dir);
	put("new", "9");
	assert_int_equal(rename(elsewhere, t.paths[0]), 0); /* as careful writers do */
	wait_value(0, 9);
	assert_int_equal(unlink(t.paths[0]), 0);
	wait_value(0, 0);
	assert_non_null(strstr(track_files_state(t.files, 0).reason, "no such file"));
	put("a", "nonsense");
	put("b", "99999999999");
	wait_reason(1, "beyond 32 bits");
	assert_int_equal(value(1), 7);
	assert_int_equal(value(0), 0);
}

static void equal_content_is_no_change(void **state)
{
	(void)state;
	put("a", "5");
	put("b", "1");
	block(0, "a", "a");
	block(1, "b", "b");
	begin();
	put("a", "5\n");
	put("b", "2");
	wait_value(1, 2);
	assert_int_equal(t.changes, 1);
}

static void folder_that_is_missing_or_goes_is_waited_for(void **state)
{
	char folder[256], away[280];

	(void)state;
	snprintf(folder, sizeof(folder), "%s/later", t.dir);
	snprintf(away, sizeof(away), "%s.away", folder);
	block(0, "a", "later/a");
	begin();
	assert_int_equal(value(0), 0);
	assert_non_null(strstr(track_files_state(t.files, 0).reason, "folder cannot be watched"));
	assert_int_equal(mkdir(folder, 0755), 0);
	put("later/a", "3");
	wait_value(0, 3);
	assert_int_equal(rename(folder, away), 0);
	wait_value(0, 0);
	assert_int_equal(rename(away, folder), 0);
	wait_value(0, 3);
}

static bool watched(size_t i)
{
	json_t *all = json_array();
	bool yes;

	track_files_status(t.files, all);
	yes = json_is_true(json_object_get(json_array_get(all, i), "watched"));
	json_decref(all);
	return yes;
}

/* With the block's file in it. */
static void remove_folder(const char *name, size_t i)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", t.dir, name);
	assert_int_equal(unlink(t.paths[i]), 0);
	assert_int_equal(rmdir(path), 0);
}

static void make_folder(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", t.dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void folder_that_goes_during_a_read_is_watched_again(void **state)
{
	(void)state;
	make_folder("f");
	put("f/slow", "1");
	block(0, "a", "f/slow");
	block(1, "b", "f/none"); /* shares the watch */
	begin();
	assert_int_equal(value(0), 1);
	*disk_hangs = true;
	put("f/slow", "2");
	wait_until(&t, worker_running(t.worker, &(uint64_t){ 0 }));
	remove_folder("f", 0);
	wait_until(&t, !watched(0));
	make_folder("f");
	put("f/slow", "3");
	*disk_hangs = false;
	wait_value(0, 3);
	wait_until(&t, watched(0) && watched(1));
	put("f/slow", "4");
	wait_value(0, 4);
	put("f/none", "5");
	wait_value(1, 5);
}

static void folder_that_goes_during_the_first_read_is_watched_again(void **state)
{
	(void)state;
	make_folder("f");
	put("f/late", "1");
	block(0, "a", "f/late");
	block(1, "b", "near");
	*disk_hangs = true;
	begin();
	wait_until(&t, late_is_read);
	remove_folder("f", 0);
	put("near", "2");
	wait_value(1, 2); /* what has happened before is known, too */
	*disk_hangs = false;
	wait_until(&t, track_files_state(t.files, 0).known && value(0) == 0);
	make_folder("f");
	put("f/late", "3");
	wait_value(0, 3);
}

static void change_during_the_first_read_is_seen(void **state)
{
	(void)state;
	put("late", "1");
	block(0, "a", "late");
	block(1, "b", "near");
	*disk_hangs = true;
	begin();
	wait_until(&t, late_is_read);
	put("late", "2");
	put("near", "2");
	wait_value(1, 2); /* what has happened before is known, too */
	*disk_hangs = false;
	wait_value(0, 2);
}

/* More than the kernel keeps for us. */
static void have_events_dropped(void)
{
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	char path[256];
	unsigned n;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &n), 1);
	fclose(f);
	snprintf(path, sizeof(path), "%s/any", t.dir);
	for (unsigned i = 0; i < n / 2 + 1; i++) { /* made and removed, at least */
		put("any", "");
		assert_int_equal(unlink(path), 0);
	}
}

static void folder_that_goes_among_too_many_events_is_watched_again(void **state)
{
	(void)state;
	make_folder("f");
	put("f/a", "1");
	block(0, "a", "f/a");
	block(1, "b", "near");
	begin();
	have_events_dropped();
	remove_folder("f", 0);
	make_folder("f");
	put("f/a", "3");
	wait_value(0, 3);
	put("f/a", "4");
	wait_value(0, 4);
}

static void what_is_no_ordinary_file_is_zero_and_never_waited_on(void **state)
{
	(void)state;
	put("c", "1");
	block(0, "pipe", "pipe");
	block(1, "folder", "folder");
	block(2, "c", "c");
	assert_int_equal(mkfifo(t.paths[0], 0600), 0);
	assert_int_equal(mkdir(t.paths[1], 0755), 0);
	begin();
	assert_int_equal(value(0), 0);
	assert_int_equal(value(1), 0);
	assert_non_null(strstr(track_files_state(t.files, 0).reason, "no regular file"));
	put("c", "2");
	wait_value(2, 2);
}

static void missing_file_is_made_if_asked_for_and_a_present_one_kept(void **state)
{
	(void)state;
	put("a", "5");
	put("o", "5");
	block(0, "a", "a");
	block(1, "n", "n");
	block(2, "o", "o");
	for (size_t i = 0; i < 3; i++) {
		t.blocks[i].init = true;
		t.blocks[i].init_value = 3;
	}
	t.blocks[2].init_overwrite = true;
	begin();
	assert_int_equal(value(0), 5);
	assert_int_equal(value(1), 3);
	assert_int_equal(value(2), 3);
}

static void reconf(const struct conf *conf)
{
	assert_int_equal(track_files_prepare(t.files, conf), 0);
	track_files_exchange(t.files);
}

static void another_configuration_keeps_what_is_known(void **state)
{
	struct conf_track_file blocks[2];
	struct conf conf = { .track_files = blocks, .n_track_files = 2 };

	(void)state;
	put("a", "5");
	put("b", "6");
	block(0, "a", "a");
	begin();
	blocks[1] = t.blocks[0];
	block(1, "b", "b");
	blocks[0] = t.blocks[1];
	blocks[0].init = true; /* looked at by a start only */
	blocks[0].init_overwrite = true;
	reconf(&conf);
	assert_true(track_files_state(t.files, 1).known);
	assert_int_equal(value(1), 5);
	wait_value(0, 6);
	put("a", "8");
	wait_value(1, 8);
	conf.n_track_files = 0;
	reconf(&conf);
	put("a", "9"); /* an event of nobody's */
	sd_event_run(t.loop, 10000);
}

static void lack_of_descriptors_is_no_content(void **state)
{
	struct rlimit files;

	(void)state;
	put("a", "5");
	block(0, "a", "a");
	begin();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	put("a", "6");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ .rlim_cur = 3, .rlim_max = files.rlim_max }), 0);
	wait_reason(0, "cannot be read now: Too many open files; 5 stays");
	assert_true(alarm_is_raised("track_file", "a"));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	wait_value(0, 6);
	assert_false(alarm_is_raised("track_file", "a"));
}

static bool known(size_t i)
{
	return track_files_state(t.files, i).known;
}

static void file_that_hangs_costs_its_own_number_only(void **state)
{
	const uint64_t later_us = 60000000;

	(void)state;
	put("slow", "1");
	put("slow2", "2");
	put("near", "3");
	block(0, "a", "slow");
	block(1, "b", "slow2");
	block(2, "c", "near");
	begin();
	*disk_hangs = true;
	put("slow", "10");
	put("slow2", "20");
	put("near", "30");
	wait_value(2, 30);
	put("near", "31");
	wait_value(2, 31);
	assert_int_equal(value(0), 1);
	assert_int_equal(value(1), 2);
	track_files_look(t.files, loop_now_us());
	assert_false(alarm_is_raised("track_file_hangs", "a"));
	track_files_look(t.files, loop_now_us() + later_us);
	assert_true(alarm_is_raised("track_file_hangs", "a"));
	assert_true(alarm_is_raised("track_file_hangs", "b"));
	assert_false(alarm_is_raised("track_file_hangs", "c"));
	*disk_hangs = false;
	wait_value(0, 10);
	wait_value(1, 20);
	track_files_look(t.files, loop_now_us() + later_us);
	assert_false(alarm_is_raised("track_file_hangs", "a"));
}

static void files_beyond_the_number_that_may_hang_wait_and_say_so(void **state)
{
	(void)state;
	t.threads = 2;
	put("slow", "1");
	put("slow2", "2");
	put("near", "3");
	block(0, "a", "slow");
	block(1, "b", "slow2");
	block(2, "c", "near");
	begin();
	*disk_hangs = true;
	put("slow", "10");
	wait_until(&t, worker_running(t.worker, &(uint64_t){ 0 }));
	put("slow2", "20");
	put("near", "30");
	wait_until(&t, (track_files_look(t.files, loop_now_us() + 60000000), alarm_is_raised("track_file_hangs", "c")));
	assert_int_equal(value(2), 3);
	*disk_hangs = false;
	wait_value(2, 30);
}

static void start_does_not_wait_for_a_file_that_hangs(void **state)
{
	const uint64_t before_us = loop_now_us();

	(void)state;
	put("slow", "1");
	put("near", "3");
	block(0, "a", "slow");
	block(1, "b", "near");
	*disk_hangs = true;
	begin();
	assert_true(loop_now_us() - before_us < DEADLINE_US);
	assert_false(known(0));
	assert_false(track_files_state(t.files, 0).fresh); /* with weight 0 it is waited for */
	assert_true(known(1));
	assert_int_equal(value(1), 3);
	assert_int_equal(t.changes, 0);
	put("near", "4");
	wait_value(1, 4);
	assert_false(known(0));
	*disk_hangs = false;
	wait_value(0, 1);
	assert_true(known(0));
	assert_int_equal(t.changes, 2);
}

static void file_that_is_made_late_is_read_when_it_is_there(void **state)
{
	(void)state;
	put("slow_kept", "5");
	block(0, "a", "slow");
	block(1, "b", "slow_kept");
	for (size_t i = 0; i < 2; i++) {
		t.blocks[i].init = true;
		t.blocks[i].init_value = 7;
	}
	*disk_hangs = true;
	begin();
	assert_false(known(0));
	assert_false(known(1));
	*disk_hangs = false;
	wait_until(&t, known(0) && known(1));
	assert_int_equal(value(0), 7);
	assert_int_equal(value(1), 5);
}

static void file_that_a_reload_brings_is_not_waited_for(void **state)
{
	struct conf_track_file blocks[1];
	struct conf conf = { .track_files = blocks, .n_track_files = 1 };

	(void)state;
	put("slow", "1");
	block(0, "a", "slow");
	t.conf.n_track_files = 0;
	begin();
	t.conf.n_track_files = 1;
	blocks[0] = t.blocks[0];
	*disk_hangs = true;
	reconf(&conf);
	assert_false(known(0));
	assert_true(track_files_state(t.files, 0).fresh);
	*disk_hangs = false;
	wait_value(0, 1);
}

int main(void)
{
	disk_hangs = mmap(NULL, sizeof(*disk_hangs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(disk_hangs != MAP_FAILED);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_are_read_as_c_writes_them, set_up, tear_down),
		cmocka_unit_test_setup_teardown(content_is_known_from_the_start_and_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(equal_content_is_no_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folder_that_is_missing_or_goes_is_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folder_that_goes_during_a_read_is_watched_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folder_that_goes_during_the_first_read_is_watched_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(folder_that_goes_among_too_many_events_is_watched_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(change_during_the_first_read_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_ordinary_file_is_zero_and_never_waited_on, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(missing_file_is_made_if_asked_for_and_a_present_one_kept, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(another_configuration_keeps_what_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lack_of_descriptors_is_no_content, set_up, tear_down),
		cmocka_unit_test_setup_teardown(file_that_hangs_costs_its_own_number_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_beyond_the_number_that_may_hang_wait_and_say_so, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(start_does_not_wait_for_a_file_that_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(file_that_is_made_late_is_read_when_it_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(file_that_a_reload_brings_is_not_waited_for, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
