/* SPDX-License-Identifier: Apache-2.0 */
/* Obtaining a configuration in a thread, without anything that runs. */
#include "test/unit/unit.h"

#include "agent/loader.h"
#include "test/unit/scratch.h"

#include <semaphore.h>
#include <stdatomic.h>

enum { DEADLINE_US = 30000000, STEP_US = 10000 };

#define TEXT(rest)                                                                                                  \
	"vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.1\n }\n" rest \
	"\n}\n"

#define HERE "global_defs {\n router_id here\n}\n"

struct fixture {
	sd_event *loop;
	char dir[64];
	const char *text; /* what obtain() finds; NULL: no such file */
	sem_t *wait;      /* it waits for this, if given */
	struct conf *conf;
	struct loader *loader;
	struct loaded result;
	unsigned done;
	atomic_uint obtained;
};

static int obtain(void *user, conf_report_fn report, void *report_user, struct conf **ret)
{
	struct fixture *f = user;
	const struct conf_where nowhere = { .file = "test.conf" };

	if (f->wait)
		sem_wait(f->wait);
	if (f->text)
		return conf_load_text("test.conf", f->text, strlen(f->text), false, NULL, report, report_user, ret);
	report(report_user, CONF_ERROR, &nowhere, "cannot be read: no such file");
	f->obtained++;
	return -ENOENT;
}

static void done(void *user, struct loaded *result)
{
	struct fixture *f = user;

	f->loader = NULL;
	f->result = *result;
	*result = (struct loaded){ 0 };
	f->done++;
}

static void ignore(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user, (void)level, (void)where, (void)text;
}

static int setup(void **state)
{
	static const char text[] = HERE TEXT("priority 100");
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(sd_event_new(&f->loop), 0);
	assert_int_equal(conf_load_text("test.conf", text, strlen(text), false, NULL, ignore, NULL, &f->conf), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loaded_done(&f->result);
	conf_free(f->conf);
	sd_event_unref(f->loop);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	const struct loader_source source = { .obtain = obtain, .user = f };

	assert_int_equal(loader_start(f->loop, &source, f->conf, done, f, &f->loader), 0);
}

static const char *text_at(const json_t *array, size_t i)
{
	return json_string_value(json_array_get(array, i));
}

static void differences_come_with_the_configuration(void **state)
{
	struct fixture *f = *state;

	f->text = "global_defs {\n router_id there\n control_socket /run/x.sock\n}\n" TEXT("priority 150");
	start(f);
	assert_int_equal(f->done, 0);
	wait_until(f, f->done);
	assert_int_equal(f->result.error, 0);
	assert_int_equal(f->result.conf->instances[0].priority, 150);
	assert_string_equal(text_at(f->result.restart, 0), "control_socket /run/x.sock");
	assert_int_equal(json_array_size(f->result.restart), 1);
	assert_string_equal(text_at(f->result.changes, 1), "global_defs: + router_id there");
	assert_string_equal(text_at(f->result.changes, 2), "vrrp_instance VI_1: - priority 100");
	assert_string_equal(text_at(f->result.changes, 3), "vrrp_instance VI_1: + priority 150");
	assert_int_equal(json_array_size(f->result.changes), 4);
}

static void what_is_gone_at_the_next_start_only_is_told(void **state)
{
	static const char text[] =
		"global_defs {\n router_id here\n script_user root\n notify_fifo /run/x.fifo\n realtime on\n}\n" TEXT(
			"");
	struct fixture *f = *state;

	conf_free(f->conf);
	assert_int_equal(conf_load_text("test.conf", text, strlen(text), false, NULL, ignore, NULL, &f->conf), 0);
	f->text = "global_defs {\n router_id here\n script_user root\n realtime off\n}\n" TEXT("");
	start(f);
	wait_until(f, f->done);
	assert_int_equal(json_array_size(f->result.restart), 2);
	assert_string_equal(text_at(f->result.restart, 0), "without notify_fifo \"/run/x.fifo\"");
	assert_string_equal(text_at(f->result.restart, 1), "realtime off");
	assert_int_equal(json_array_size(f->result.changes), 0);
}

static void same_configuration_has_no_differences(void **state)
{
	struct fixture *f = *state;

	f->text = HERE TEXT("priority 100");
	start(f);
	wait_until(f, f->done);
	assert_int_equal(json_array_size(f->result.changes) + json_array_size(f->result.restart), 0);
	assert_non_null(f->result.conf);
}

static void all_findings_of_an_invalid_file_are_told(void **state)
{
	struct fixture *f = *state;
	const json_t *one;

	f->text = TEXT("priority 300\nnonsense 1");
	start(f);
	wait_until(f, f->done);
	assert_int_equal(f->result.error, -EINVAL);
	assert_null(f->result.conf);
	assert_int_equal(f->result.n_errors, 2);
	for (size_t i = 0; i < 2; i++) {
		one = json_array_get(f->result.findings, i);
		assert_string_equal(json_string_value(json_object_get(one, "level")), "error");
		assert_string_equal(json_string_value(json_object_get(one, "file")), "test.conf");
		assert_true(json_integer_value(json_object_get(one, "line")) > 0);
	}
	assert_int_equal(json_array_size(f->result.changes), 0);
}

static void file_that_cannot_be_read_is_an_error_of_its_own(void **state)
{
	struct fixture *f = *state;

	start(f);
	wait_until(f, f->done);
	assert_int_equal(f->result.error, -ENOENT);
	assert_int_equal(f->result.n_errors, 1);
}

static void long_lists_are_cut_and_say_so(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(HERE, out);
	for (int i = 2; i < 250; i++)
		fprintf(out,
			"vrrp_instance VI_%d {\n interface eth0\n virtual_router_id %d\n virtual_ipaddress {\n "
			"10.0.0.%d\n }\n}\n",
			i, i, i);
	fclose(out);
	f->text = text;
	start(f);
	wait_until(f, f->done);
	assert_int_equal(f->result.error, 0);
	assert_int_equal(json_array_size(f->result.changes), 201);
	assert_string_equal(text_at(f->result.changes, 200), "and 49 more");
}

/* The loop goes on while a disk hangs, and whoever has lost patience hears nothing any more. */
static void abandoned_thread_is_waited_for(void **state)
{
	struct fixture *f = *state;
	sem_t wait;

	sem_init(&wait, 0, 0);
	f->wait = &wait;
	start(f);
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, STEP_US);
	assert_int_equal(f->done, 0);
	loader_abandon(f->loader);
	sem_post(&wait);
	f->loader = loader_free(f->loader);
	assert_int_equal(f->obtained, 1);
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, STEP_US);
	assert_int_equal(f->done, 0);
	sem_destroy(&wait);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(differences_come_with_the_configuration),
		test(what_is_gone_at_the_next_start_only_is_told),
		test(same_configuration_has_no_differences),
		test(all_findings_of_an_invalid_file_are_told),
		test(file_that_cannot_be_read_is_an_error_of_its_own),
		test(long_lists_are_cut_and_say_so),
		test(abandoned_thread_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
