/* SPDX-License-Identifier: Apache-2.0 */
/* The journal, its way over a restart, and what a bad disk does to it: nothing but a complaint. */
#include "test/unit/unit.h"

#include "agent/alarm.h"
#include "agent/base/loop.h"
#include "agent/journal.h"
#include "agent/store.h"
#include "test/unit/scratch.h"

#include <fcntl.h>

enum {
	FLUSH_US = 20000000,
	MANY = 4000, /* long lines: more than two files of them, and less than may wait */
};

struct fixture {
	char dir[64];
	struct store *store;
};

static void start(struct fixture *f)
{
	assert_int_equal(store_open(f->dir, &f->store), 0);
	journal_open(f->store, JOURNAL_FILE);
}

static void stop(struct fixture *f)
{
	journal_close();
	f->store = store_close(f->store, FLUSH_US);
}

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .dir = "/tmp/sqlvip-journal-XXXXXX" };
	scratch_make(f.dir);
	start(&f);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	stop(f);
	scratch_remove(f->dir);
	return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text, size_t len)
{
	char path[PATH_MAX_LEN];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

/* What "events" answers to these further fields of a request. */
static json_t *ask(const char *fields)
{
	const char *error = NULL;
	char text[256];
	json_t *request, *answer;

	snprintf(text, sizeof(text), "{\"version\":1,\"command\":\"events\"%s%s}", fields[0] ? "," : "", fields);
	request = json_loads(text, 0, NULL);
	assert_non_null(request);
	answer = journal_answer(request, &error);
	json_decref(request);
	if (!answer)
		fail_msg("refused: %s", error);
	return answer;
}

/* The texts of the events, each with a blank behind. */
static const char *texts(const char *fields)
{
	static char buf[4096];
	json_t *answer = ask(fields), *e;
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach(json_object_get(answer, "events"), i, e)
	{
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s ", json_string_value(json_object_get(e, "text")));
	}
	json_decref(answer);
	return buf;
}

static void assert_refused(const char *fields)
{
	const char *error = NULL;
	char text[256];
	json_t *request;

	snprintf(text, sizeof(text), "{\"version\":1,\"command\":\"events\",%s}", fields);
	request = json_loads(text, 0, NULL);
	assert_non_null(request);
	assert_null(journal_answer(request, &error));
	assert_non_null(error);
	json_decref(request);
}

static void say(const char *instance, const char *text)
{
	journal_write(&(struct journal_note){ .kind = JOURNAL_FAULT, .instance = instance }, "%s", text);
}

static void event_keeps_cause_evidence_and_both_clocks(void **state)
{
	struct journal_note note = {
		.kind = JOURNAL_TRANSITION,
		.instance = "VI_1",
		.from = "BACKUP",
		.to = "MASTER",
		.peer_priority = 254,
		.priority = 253,
		.mysql = "alive",
		.down_us = 3011718,
		.skew_us = 11718,
	};
	uint64_t before_us = loop_now_us();
	const struct journal_entry *e;
	struct journal_entry back;
	_cleanup_(freep) char *line = NULL;
	json_t *o;

	(void)state;
	assert_true(ip_parse("192.168.1.1", &note.peer));
	journal_write(&note, "down timer: no advert for %.1f s", 3.0);
	e = journal_last("VI_1", 1u << JOURNAL_TRANSITION);
	assert_non_null(e);
	assert_true(e->mono_us >= before_us && e->mono_us <= loop_now_us());
	o = journal_entry_json(e);
	line = json_dumps(o, 0);
	json_decref(o);
	memset(&back, 0xff, sizeof(back));
	assert_true(journal_entry_parse(line, strlen(line), &back));
	assert_string_equal(back.text, "down timer: no advert for 3.0 s");
	assert_string_equal(back.from, "BACKUP");
	assert_string_equal(back.to, "MASTER");
	assert_string_equal(back.peer, "192.168.1.1");
	assert_string_equal(back.mysql, "alive");
	assert_int_equal(back.peer_priority, 254);
	assert_int_equal(back.priority, 253);
	assert_int_equal(back.down_us, 3011718);
	assert_int_equal(back.skew_us, 11718);
	assert_int_equal(back.mono_us, e->mono_us);
	assert_int_equal(back.wall_us, e->wall_us);
	assert_int_equal(back.seq, e->seq);
}

static void events_are_filtered_and_paged(void **state)
{
	(void)state;
	say("A", "1");
	say("B", "2");
	say("A", "3");
	journal_write(&(struct journal_note){ .kind = JOURNAL_HOOK, .instance = "A" }, "4");
	assert_string_equal(texts(""), "1 2 3 4 ");
	assert_string_equal(texts("\"n\":2"), "3 4 ");
	assert_string_equal(texts("\"n\":0"), "");
	assert_string_equal(texts("\"instance\":\"A\""), "1 3 4 ");
	assert_string_equal(texts("\"kind\":\"hook\""), "4 ");
	assert_string_equal(texts("\"after\":2"), "3 4 ");
	assert_string_equal(texts("\"before\":3"), "1 2 ");
	assert_string_equal(texts("\"since_us\":4611686018427387903"), "");
}

static void answer_says_whether_older_events_may_match(void **state)
{
	json_t *answer;

	(void)state;
	for (int i = 0; i < JOURNAL_PAGE + 1; i++)
		say("A", "x");
	answer = ask("\"n\":1000000");
	assert_int_equal(json_array_size(json_object_get(answer, "events")), JOURNAL_PAGE);
	assert_true(json_is_true(json_object_get(answer, "more")));
	assert_int_equal(json_integer_value(json_object_get(answer, "last")), JOURNAL_PAGE + 1);
	json_decref(answer);
	answer = ask("\"before\":2");
	assert_int_equal(json_array_size(json_object_get(answer, "events")), 1);
	assert_true(json_is_false(json_object_get(answer, "more")));
	json_decref(answer);
}

static void malformed_arguments_are_refused(void **state)
{
	(void)state;
	assert_refused("\"n\":-1");
	assert_refused("\"n\":1.5");
	assert_refused("\"n\":\"7\"");
	assert_refused("\"instance\":7");
	assert_refused("\"kind\":\"gossip\"");
	assert_refused("\"kind\":null");
	assert_refused("\"since\":1");
	assert_refused("\"after\":[]");
}

static void ring_keeps_the_newest(void **state)
{
	json_t *answer;
	char text[16];

	(void)state;
	for (int i = 1; i <= JOURNAL_KEPT + 10; i++) {
		snprintf(text, sizeof(text), "%d", i);
		say("A", text);
	}
	answer = ask("\"before\":12");
	assert_int_equal(json_array_size(json_object_get(answer, "events")), 1);
	json_decref(answer);
	assert_string_equal(texts("\"n\":1"), "2058 ");
}

static void events_survive_a_restart_and_numbers_go_on(void **state)
{
	struct fixture *f = *state;

	say("A", "before");
	stop(f);
	start(f);
	say("A", "after");
	assert_string_equal(texts(""), "before after ");
	assert_int_equal(journal_last(NULL, ~0u)->seq, 2);
}

static void full_file_is_rotated_once(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX_LEN], long_text[JOURNAL_TEXT_MAX];
	struct stat st;

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	for (int i = 0; i < MANY; i++)
		say("A", long_text);
	stop(f);
	snprintf(path, sizeof(path), "%s/%s", f->dir, JOURNAL_FILE);
	assert_return_code(stat(path, &st), errno);
	assert_true(st.st_size <= JOURNAL_FILE_MAX);
	snprintf(path, sizeof(path), "%s/%s.1", f->dir, JOURNAL_FILE);
	assert_return_code(stat(path, &st), errno);
	assert_true(st.st_size <= JOURNAL_FILE_MAX);
	start(f);
	assert_int_equal(journal_last("A", ~0u)->seq, MANY);
}

static void hostile_lines_are_skipped(void **state)
{
	static const char text[] =
		"{\"v\":1,\"seq\":5,\"wall_us\":1,\"mono_us\":1,\"kind\":\"fault\",\"text\":\"good\"}\n"
		"\n\0\n\xff\xfe\n{\n[]\n7\n"
		"{\"v\":2,\"seq\":6,\"wall_us\":1,\"kind\":\"fault\",\"text\":\"another version\"}\n"
		"{\"v\":1,\"seq\":-6,\"wall_us\":1,\"kind\":\"fault\",\"text\":\"negative\"}\n"
		"{\"v\":1,\"seq\":9223372036854775807,\"wall_us\":1,\"kind\":\"fault\",\"text\":\"huge\"}\n"
		"{\"v\":1,\"seq\":6,\"wall_us\":1,\"kind\":\"nothing\",\"text\":\"unknown\"}\n"
		"{\"v\":1,\"seq\":6,\"wall_us\":1,\"kind\":\"fault\",\"text\":[\"x\"]}\n"
		"{\"v\":1,\"seq\":6,\"wall_us\":1,\"kind\":\"fault\",\"priority\":100000,\"text\":\"range\"}\n"
		"{\"v\":1,\"seq\":7,\"wall_us\":1,\"mono_us\":1,\"kind\":\"fault\",\"text\":\"last\"}\n"
		"{\"v\":1,\"seq\":8,\"wall_us\":1,\"mono_us\":1,\"kind\":\"fault\",\"te";
	struct fixture *f = *state;

	stop(f);
	write_file(f, JOURNAL_FILE, text, sizeof(text) - 1);
	start(f);
	assert_string_equal(texts(""), "good last ");
	/* What follows a line that has no end is a line of its own. */
	say("A", "new");
	stop(f);
	start(f);
	assert_string_equal(texts(""), "good last new ");
	assert_int_equal(journal_last(NULL, ~0u)->seq, 8);
}

static void journal_that_is_no_file_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct store_status s;
	char path[PATH_MAX_LEN];

	stop(f);
	snprintf(path, sizeof(path), "%s/%s", f->dir, JOURNAL_FILE);
	unlink(path);
	assert_return_code(symlink("/dev/full", path), errno);
	start(f);
	say("A", "kept in memory");
	for (uint64_t end_us = loop_now_us() + FLUSH_US; loop_now_us() < end_us;) {
		store_status(f->store, &s);
		if (s.lost)
			break;
		usleep(1000);
	}
	assert_int_equal(s.lost, 1);
	assert_true(s.error[0]);
	assert_string_equal(texts(""), "kept in memory ");
}

static void directory_that_cannot_be_opened_is_a_complaint(void **state)
{
	struct fixture *f = *state;
	struct store_status s;
	char path[PATH_MAX_LEN];

	stop(f);
	write_file(f, "file", "", 0);
	snprintf(path, sizeof(path), "%s/file/state", f->dir);
	assert_int_equal(store_open(path, &f->store), 0);
	journal_open(f->store, JOURNAL_FILE);
	store_status(f->store, &s);
	assert_non_null(strstr(s.error, "/file/state"));
	say("A", "kept in memory");
	assert_string_equal(texts(""), "kept in memory ");
}

static void wait_for_error(struct fixture *f, bool wanted, struct store_status *s)
{
	for (uint64_t end_us = loop_now_us() + FLUSH_US; loop_now_us() < end_us;) {
		store_status(f->store, s);
		if ((s->error[0] != '\0') == wanted && s->waiting == (wanted ? 1 : 0))
			break;
		usleep(1000);
	}
	assert_int_equal(s->error[0] != '\0', wanted);
}

static void file_that_cannot_be_replaced_stays_an_error_whatever_else_can_be_written(void **state)
{
	struct fixture *f = *state;
	struct store_status s;
	char path[PATH_MAX_LEN];
	uint64_t n;

	snprintf(path, sizeof(path), "%s/small.new", f->dir);
	assert_return_code(mkdir(path, 0700), errno);
	store_replace(f->store, "small", "one", 3);
	wait_for_error(f, true, &s);
	assert_true(s.unsaved && s.failed);
	n = s.written;
	say("A", "written");
	for (uint64_t end_us = loop_now_us() + FLUSH_US; s.written == n && loop_now_us() < end_us;) {
		usleep(1000);
		store_status(f->store, &s);
	}
	assert_int_equal(s.written, n + 1);
	wait_for_error(f, true, &s);
	assert_non_null(strstr(s.error, "/small"));
	assert_true(s.unsaved && s.failed);
	assert_return_code(rmdir(path), errno);
	say("A", "wakes it");
	wait_for_error(f, false, &s);
	assert_false(s.unsaved || s.failed);
}

static void small_file_is_replaced_as_a_whole(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) char *text = NULL;
	struct store_status s;
	size_t len;

	store_replace(f->store, "small", "one", 3);
	store_replace(f->store, "small", "three", 5);
	for (uint64_t end_us = loop_now_us() + FLUSH_US; loop_now_us() < end_us;) {
		store_status(f->store, &s);
		if (!s.unsaved)
			break;
		usleep(1000);
	}
	assert_false(s.unsaved);
	assert_int_equal(store_read(f->store, "small", 100, &text, &len), 0);
	assert_string_equal(text, "three");
	assert_int_equal(len, 5);
	assert_int_equal(store_read(f->store, "none", 100, &text, &len), -ENOENT);
}

static void alarm_is_told_once_and_listed_until_it_ends(void **state)
{
	json_t *all;

	(void)state;
	alarm_raise("auth", "VI_1", "first");
	alarm_raise("auth", "VI_1", "second");
	alarm_raise("auth", "VI_2", "other");
	assert_string_equal(texts(""), "alarm: first alarm: other ");
	all = alarm_status();
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(all, 0), "text")), "second");
	json_decref(all);
	alarm_end("auth", "VI_1");
	alarm_end("auth", "VI_1");
	assert_false(alarm_is_raised("auth", "VI_1"));
	assert_string_equal(texts("\"after\":2"), "alarm is over: second ");
	alarm_raise("dead", "VI_2", "of a vrrp_mysql of the same name");
	alarm_forget((const char *const[]){ "standby", "auth" }, 2, "VI_2");
	assert_false(alarm_is_raised("auth", "VI_2"));
	assert_true(alarm_is_raised("dead", "VI_2"));
	alarm_forget((const char *const[]){ "dead" }, 1, "VI_2");
	all = alarm_status();
	assert_int_equal(json_array_size(all), 0);
	json_decref(all);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(event_keeps_cause_evidence_and_both_clocks),
		TEST(events_are_filtered_and_paged),
		TEST(answer_says_whether_older_events_may_match),
		TEST(malformed_arguments_are_refused),
		TEST(ring_keeps_the_newest),
		TEST(events_survive_a_restart_and_numbers_go_on),
		TEST(full_file_is_rotated_once),
		TEST(hostile_lines_are_skipped),
		TEST(journal_that_is_no_file_is_left_alone),
		TEST(directory_that_cannot_be_opened_is_a_complaint),
		TEST(file_that_cannot_be_replaced_stays_an_error_whatever_else_can_be_written),
		TEST(small_file_is_replaced_as_a_whole),
		TEST(alarm_is_told_once_and_listed_until_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
