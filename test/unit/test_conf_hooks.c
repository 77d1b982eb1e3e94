/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of programs and pipes: hooks, FIFOs, users, script security. */
#include "test/unit/unit.h"

#include "agent/conf/bundle.h"
#include "test/unit/conf_fixture.h"
#include "test/unit/scratch.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define GLOBAL(more) "global_defs {\n" more "}\n"

static void pipes_and_their_programs_are_read_wherever_they_stand(void **state)
{
	struct conf *c =
		load(GLOBAL(" notify_fifo_script \"/r all\" root\n notify_fifo /run/all.fifo root :root\n") INSTANCE("")
			     GLOBAL(" vrrp_notify_fifo /run/vrrp.fifo\n fifo_write_vrrp_states_on_reload\n"
				    " vrrp_notify_priority_changes\n"));

	(void)state;
	assert_string_equal(c->fifos[CONF_FIFO_ALL].path, "/run/all.fifo");
	assert_string_equal(c->fifos[CONF_FIFO_ALL].user, "root");
	assert_string_equal(c->fifos[CONF_FIFO_ALL].group, "root");
	assert_string_equal(c->fifos[CONF_FIFO_ALL].script.argv[1], "all");
	assert_string_equal(c->fifos[CONF_FIFO_VRRP].path, "/run/vrrp.fifo");
	assert_null(c->fifos[CONF_FIFO_VRRP].script.argv);
	assert_true(c->fifo_states_on_reload);
	assert_true(c->instances[0].notify_priority_changes);
	reads_back(c);
	conf_free(c);
}

static void pipes_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	refuses(GLOBAL(" notify_fifo relative\n") INSTANCE(""),
		"f.conf:2: error: notify_fifo: \"relative\" is not an absolute path of at most 4000 characters\n");
	refuses(GLOBAL(" vrrp_notify_fifo_script /r\n") INSTANCE(""),
		"f.conf:2: error: vrrp_notify_fifo_script: there is no vrrp_notify_fifo for it to read\n");
	refuses(GLOBAL(" notify_fifo /f\n vrrp_notify_fifo /f\n") INSTANCE(""),
		"f.conf:3: error: vrrp_notify_fifo: is the same as notify_fifo, and would get each line twice\n");
}

static void first_pipe_and_first_hook_count_when_given_twice(void **state)
{
	struct conf *c = load(GLOBAL(" notify_fifo /a\n notify_fifo /b\n") INSTANCE(
		" notify_deleted /one\n notify_deleted /two\n notify_priority_changes off\n"));

	(void)state;
	assert_int_equal(said.warnings, 2);
	assert_string_equal(c->fifos[CONF_FIFO_ALL].path, "/a");
	assert_string_equal(c->instances[0].hooks[CONF_HOOK_DELETED].argv[0], "/one");
	reads_back(c);
	conf_free(c);
}

static void programs_without_a_user_run_as_script_user_wherever_that_stands(void **state)
{
	struct conf *c = load_as("f.conf",
				 GLOBAL(" notify_fifo /run/all.fifo\n notify_fifo_script /r\n") INSTANCE(" notify /n\n")
					 GLOBAL(" script_user daemon\n"),
				 true);

	(void)state;
	assert_non_null(c);
	assert_int_not_equal(c->fifos[CONF_FIFO_ALL].script.uid, 0);
	assert_int_equal(c->fifos[CONF_FIFO_ALL].uid, c->fifos[CONF_FIFO_ALL].script.uid);
	assert_int_equal(c->instances[0].hooks[CONF_HOOK_ANY].uid, c->fifos[CONF_FIFO_ALL].script.uid);
	conf_free(c);
}

#define CANNOT_TELL(what, name, why) \
	"error: cannot look up " what " \"" name "\": " why "; whether there is one is to be known first\n"

/* Taken for missing, it would make root of who runs hooks, and of the engine. A shortage ends. */
static void user_that_cannot_be_looked_up_is_not_taken_for_missing(void **state)
{
	struct rlimit usual, none;

	(void)state;
	assert_return_code(getrlimit(RLIMIT_NOFILE, &usual), errno);
	none = (struct rlimit){ 0, usual.rlim_max };
	assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
	conf_free(load_as("f.conf", INSTANCE(" notify /n\n"), true));
	assert_return_code(setrlimit(RLIMIT_NOFILE, &usual), errno);
	assert_string_equal(said.text,
			    "f.conf:0: " CANNOT_TELL("user", "sqlvip", "Too many open files")
				    INSTANCE_AT CANNOT_TELL("user", "keepalived_script", "Too many open files"));
}

/* What name services say of the users that nobody has named, for who goes by the record of it. */
static int load_where(int sqlvip, int keepalived_script, const char *text, struct conf **ret)
{
	struct conf_bundle *b = conf_bundle_new();
	int r;

	assert_non_null(b);
	assert_int_equal(conf_bundle_put(b, CONF_ASK_USER, "sqlvip", sqlvip, "7 8", 3), 0);
	assert_int_equal(conf_bundle_put(b, CONF_ASK_USER, "keepalived_script", keepalived_script, "9 10", 4), 0);
	assert_int_equal(conf_bundle_put(b, CONF_ASK_USER, "root", 0, "0 0", 3), 0);
	assert_int_equal(conf_bundle_put(b, CONF_ASK_USER, "them", -ECONNREFUSED, "", 0), 0);
	memset(&said, 0, sizeof(said));
	*ret = NULL;
	conf_bundle_replay(b);
	r = conf_load_text("f.conf", text, strlen(text), true, "here", keep, NULL, ret);
	conf_bundle_replay(NULL);
	conf_bundle_free(b);
	return r;
}

#define TAKEN_FOR_MISSING(name)                \
	"warning: cannot look up user \"" name \
	"\": Connection refused; as nobody has named it, it is taken for missing\n"

/* sssd is down, and no host of the pair would have an agent. */
static void name_service_that_fails_makes_users_missing_that_nobody_has_named(void **state)
{
	struct conf *c;

	(void)state;
	assert_int_equal(load_where(-ECONNREFUSED, -ECONNREFUSED, INSTANCE(""), &c), 0);
	assert_string_equal(said.text, "f.conf:0: " TAKEN_FOR_MISSING("sqlvip"));
	assert_null(c->engine_user);
	conf_free(c);
	assert_int_equal(load_where(0, -ECONNREFUSED, INSTANCE(" notify /n\n"), &c), 0);
	assert_non_null(strstr(said.text, INSTANCE_AT TAKEN_FOR_MISSING("keepalived_script")));
	assert_non_null(strstr(said.text, "1 program of this configuration runs as root"));
	assert_int_equal(c->engine_uid, 7);
	assert_int_equal(c->instances[0].hooks[CONF_HOOK_ANY].uid, 0);
	conf_free(c);
}

static void user_of_programs_is_looked_for_only_if_one_has_none(void **state)
{
	static const char *const with[] = {
		INSTANCE(" notify /n\n"),
		INSTANCE(" vip_pre_take /n\n"),
		"vrrp_script s {\n script /n\n}\n" INSTANCE(""),
		GLOBAL(" startup_script /n\n") INSTANCE(""),
		GLOBAL(" notify_fifo /run/fifo\n") INSTANCE(""),
		GLOBAL(" notify_fifo /run/fifo root\n notify_fifo_script /n\n") INSTANCE(""),
	};
	static const char *const without[] = {
		INSTANCE(" notify /n root\n"),
		"vrrp_script s {\n script /n\n user root\n}\n" INSTANCE(""),
		GLOBAL(" script_user root\n startup_script /n\n") INSTANCE(" notify /n\n"),
	};
	struct conf *c;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(with); i++) {
		assert_int_equal(load_where(0, -EMFILE, with[i], &c), -EAGAIN);
		assert_int_equal(load_where(0, 0, with[i], &c), 0);
		assert_string_equal(c->script_user, "keepalived_script");
		conf_free(c);
	}
	for (size_t i = 0; i < ELEMENTSOF(without); i++) {
		assert_int_equal(load_where(0, -EMFILE, without[i], &c), 0);
		conf_free(c);
	}
}

/* Whoever starts is started again then, as the file is not known to be wrong. */
static void look_ups_without_an_answer_are_no_invalid_configuration(void **state)
{
	struct conf *c;

	(void)state;
	assert_int_equal(load_where(0, 0, INSTANCE(" notify /n them\n"), &c), -EAGAIN);
	assert_string_equal(said.text, INSTANCE_AT CANNOT_TELL("user", "them", "Connection refused"));
	assert_int_equal(load_where(0, 0, INSTANCE(" notify /n them\n advert_int never\n"), &c), -EINVAL);
}

/* What the supervisor could not find out, the engine does not know either. */
static void failed_look_up_is_one_for_who_goes_by_the_record_too(void **state)
{
	static const struct {
		const char *text, *finding;
		int user, group;
	} cases[] = {
		{ INSTANCE(" notify /n them\n"), INSTANCE_AT CANNOT_TELL("user", "them", "Input/output error"), -EIO,
		  0 },
		{ INSTANCE(" notify /n them theirs\n"),
		  INSTANCE_AT CANNOT_TELL("group", "theirs", "Cannot allocate memory"), 0, -ENOMEM },
		{ INSTANCE(" notify /n them\n"),
		  INSTANCE_AT "error: there is no user \"them\" on this host (a command with arguments needs quotes)\n",
		  -ENOENT, 0 },
		{ INSTANCE(" notify /n them theirs\n"), "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct conf_bundle *b = conf_bundle_new();

		assert_non_null(b);
		assert_int_equal(conf_bundle_put(b, CONF_ASK_USER, "them", cases[i].user, "7 8", 3), 0);
		assert_int_equal(conf_bundle_put(b, CONF_ASK_GROUP, "theirs", cases[i].group, "9 0", 3), 0);
		conf_bundle_replay(b);
		conf_free(load_as("f.conf", cases[i].text, true));
		conf_bundle_replay(NULL);
		assert_string_equal(said.text, cases[i].finding);
		conf_bundle_free(b);
	}
}

static void pre_take_hook_has_a_user_and_a_deadline(void **state)
{
	struct conf *c = load(INSTANCE(" vip_pre_take \"/ask 'the oracle'\" root\n vip_pre_take_timeout 2.5\n"));

	(void)state;
	assert_string_equal(c->instances[0].pre_take.argv[1], "the oracle");
	assert_string_equal(c->instances[0].pre_take.user, "root");
	assert_int_equal(c->instances[0].pre_take_timeout_us, 2500000);
	reads_back(c);
	conf_free(c);
	c = load(INSTANCE(""));
	assert_null(c->instances[0].pre_take.argv);
	assert_int_equal(c->instances[0].pre_take_timeout_us, 5000000);
	conf_free(c);
}

#define SECURE(hook)                                                                   \
	GLOBAL(" enable_script_security\n script_user root\n use_symlink_paths off\n") \
	INSTANCE(" notify_master " hook "\n")

/* /tmp itself is everybody's: what is below cannot be safe, so the programs of the system are the good examples. */
static void c85_what_others_could_change_is_not_run_as_root(void **state)
{
	struct conf *c;

	(void)state;
	put_file("hook", "#!/bin/sh\n", 0755);
	assert_null(load_as("f.conf", SECURE(FOLDER "/hook"), true));
	assert_string_equal(said.text, "f.conf:9: error: notify_master: " FOLDER "/hook must not run as root under "
				       "enable_script_security: /tmp is writable by others (mode 1777)\n");
	c = load_as("f.conf", SECURE("/bin/true"), true);
	if (!c)
		fail_msg("refused: %s", said.text);
	/* Run by its real path: /bin may be a link. */
	assert_string_equal(c->instances[0].hooks[CONF_HOOK_MASTER].argv[0], "/usr/bin/true");
	conf_free(c);
	c = load_as("f.conf", SECURE("true"), true);
	assert_non_null(c);
	conf_free(c);
	assert_null(load_as("f.conf", SECURE("/bin/sqlvip-is-not-there"), true));
	assert_non_null(strstr(said.text, "/usr/bin/sqlvip-is-not-there: no such file"));
	/* A link in everybody's folder to a good program is no good program. */
	assert_return_code(symlink("/bin/true", FOLDER "/link"), errno);
	assert_null(load_as("f.conf", SECURE(FOLDER "/link"), true));
	/* Not root: nothing to protect. */
	c = load_as("f.conf", SECURE("\"" FOLDER "/hook\" daemon"), true);
	assert_non_null(c);
	assert_string_equal(c->instances[0].hooks[CONF_HOOK_MASTER].argv[0], FOLDER "/hook");
	conf_free(c);
	/* What an interpreter is given is not judged, but told. */
	c = load_as("f.conf", SECURE("\"/bin/sh " FOLDER "/hook\""), true);
	assert_non_null(c);
	assert_non_null(strstr(said.text, "its argument " FOLDER "/hook can be changed by others"));
	conf_free(c);
}

static void c85_nothing_falls_back_to_root_under_script_security(void **state)
{
	struct conf *c;

	(void)state;
	assert_null(load_as("f.conf", GLOBAL(" enable_script_security\n") INSTANCE(" notify /bin/true\n"), true));
	assert_non_null(strstr(said.text, "notify: runs as root because nothing else is said"));
	c = load_as("f.conf", INSTANCE(" notify /bin/true\n"), true);
	assert_non_null(c);
	assert_non_null(strstr(said.text, "1 program of this configuration runs as root"));
	conf_free(c);
	c = load_as("f.conf", INSTANCE(""), true);
	assert_int_equal(said.warnings, 0);
	conf_free(c);
}

static void programs_of_start_and_end_have_a_deadline(void **state)
{
	struct conf *c = load(GLOBAL(" startup_script /start\n shutdown_script \"/stop now\" root\n"
				     " shutdown_script_timeout 3\n") INSTANCE(""));

	(void)state;
	assert_string_equal(c->startup.command.argv[0], "/start");
	assert_int_equal(c->startup.timeout_us, 10000000);
	assert_string_equal(c->shutdown.command.argv[1], "now");
	assert_int_equal(c->shutdown.timeout_us, 3000000);
	reads_back(c);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipes_and_their_programs_are_read_wherever_they_stand),
		cmocka_unit_test(pipes_that_make_no_sense_are_refused),
		cmocka_unit_test(first_pipe_and_first_hook_count_when_given_twice),
		cmocka_unit_test(c85_what_others_could_change_is_not_run_as_root),
		cmocka_unit_test(c85_nothing_falls_back_to_root_under_script_security),
		cmocka_unit_test(programs_of_start_and_end_have_a_deadline),
		cmocka_unit_test(pre_take_hook_has_a_user_and_a_deadline),
		cmocka_unit_test(programs_without_a_user_run_as_script_user_wherever_that_stands),
		cmocka_unit_test(user_that_cannot_be_looked_up_is_not_taken_for_missing),
		cmocka_unit_test(failed_look_up_is_one_for_who_goes_by_the_record_too),
		cmocka_unit_test(name_service_that_fails_makes_users_missing_that_nobody_has_named),
		cmocka_unit_test(user_of_programs_is_looked_for_only_if_one_has_none),
		cmocka_unit_test(look_ups_without_an_answer_are_no_invalid_configuration),
	};

	return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
