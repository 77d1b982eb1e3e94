/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: where they may stand, who may read them, and that they are not printed. */
#include "test/unit/unit.h"

#include "test/unit/conf_texts.h"

static void passwords_in_files_are_read_and_printed_as_the_file(void **state)
{
	char text[1024];
	struct conf *c;
	char *printed;

	(void)state;
	put_file("password", "se cr#et\n", 0600);
	snprintf(text, sizeof(text), MYSQL(" password file:%s\n"), FOLDER "/password");
	c = load_as("f.conf", text, true);
	assert_string_equal(said.text, "");
	assert_string_equal(c->mysqls[0].probe.password, "se cr#et");
	assert_false(c->mysqls[0].password_inline);
	printed = print(c);
	assert_null(strstr(printed, "cr#et"));
	conf_free(c);
	c = load_as("f.conf", printed, true);
	assert_string_equal(c->mysqls[0].probe.password, "se cr#et");
	free(printed);
	conf_free(c);
}

static void secrets_that_others_may_read_are_refused(void **state)
{
	char text[1024];

	(void)state;
	put_file("password", "x\n", 0644);
	snprintf(text, sizeof(text), MYSQL(" password file:%s\n"), FOLDER "/password");
	assert_null(load_as("f.conf", text, true));
	assert_string_equal(said.text, "f.conf:4: error: password: " FOLDER
				       "/password may be used by others (mode 0644); chmod 0600 it\n");
	put_file("password", "a\nb\n", 0600);
	assert_null(load_as("f.conf", text, true));
	assert_non_null(strstr(said.text, "must hold one line"));
	unlink(FOLDER "/password");
	assert_null(load_as("f.conf", text, true));
	assert_non_null(strstr(said.text, "no such file"));
	snprintf(text, sizeof(text), MYSQL(" defaults_file %s\n"), put_file("my.cnf", "[client]\n", 0604));
	assert_null(load_as("f.conf", text, true));
	assert_non_null(strstr(said.text, "may be used by others"));
}

static void an_inline_password_is_withheld_and_the_stand_in_refused(void **state)
{
	char path[256];
	struct conf *c = NULL;
	char *printed;

	(void)state;
	strcpy(path, put_file("inline.conf", MYSQL(" password hunter2\n"), 0644));
	memset(&said, 0, sizeof(said));
	assert_int_equal(conf_load(path, NULL, keep, NULL, &c), 0);
	assert_non_null(strstr(said.text, "inline.conf:4: warning: password: others may read this file (mode 0644)"));
	assert_string_equal(c->mysqls[0].probe.password, "hunter2");
	printed = print(c);
	conf_free(c);
	assert_null(strstr(printed, "hunter2"));
	assert_null(load_as("f.conf", printed, false));
	assert_int_equal(said.errors, 1);
	assert_non_null(strstr(said.text, "stands for one that was not printed"));
	assert_null(strstr(said.text, "hunter2"));
	free(printed);
	chmod(path, 0600);
	memset(&said, 0, sizeof(said));
	assert_int_equal(conf_load(path, NULL, keep, NULL, &c), 0);
	assert_string_equal(said.text, "");
	conf_free(c);
}

static void option_files_give_what_the_block_does_not(void **state)
{
	char text[1024];
	struct conf *c;
	char *printed;

	(void)state;
	put_file(
		"my.cnf",
		"[mysqld]\nuser=mysql\nsocket=/wrong\n[client]\nuser = app\npassword='p#1 \\\\\"' # c\nhost=localhost\n"
		"socket=/run/my.sock\nssl-ca=/x\n; c\n[sqlvip]\nuser=\"probe\"\n",
		0600);
	snprintf(text, sizeof(text),
		 "vrrp_mysql m {\n defaults_file " FOLDER "/my.cnf\n}\n" INSTANCE(" track_mysql {\n m\n }\n"));
	c = load_as("f.conf", text, true);
	assert_string_equal(said.text, "");
	assert_string_equal(c->mysqls[0].probe.user, "probe");
	assert_string_equal(c->mysqls[0].probe.password, "p#1 \\\"");
	assert_string_equal(c->mysqls[0].probe.socket, "/run/my.sock");
	printed = print(c);
	conf_free(c);
	assert_null(strstr(printed, "p#1"));
	c = load_as("f.conf", printed, true);
	assert_string_equal(c->mysqls[0].probe.password, "p#1 \\\"");
	free(printed);
	conf_free(c);
	put_file("my.cnf", "[sqlvip]\nuser=u\nhost=127.0.0.1\nport=3333\n", 0600);
	c = load_as("f.conf", text, true);
	assert_int_equal(c->mysqls[0].probe.port, 3333);
	assert_int_equal(c->mysqls[0].probe.host.family, AF_INET);
	conf_free(c);
	put_file("my.cnf", "!include /x\n[sqlvip]\nuser=u\nssl-ca=/x\nhost=db1\n", 0600);
	assert_null(load_as("f.conf", text, true));
	assert_string_equal(said.text,
			    "f.conf:1: error: vrrp_mysql m: needs socket PATH, or host ADDRESS [port N]\n"
			    "my.cnf:1: error: files included by an option file are not read\n"
			    "my.cnf:4: error: ssl-ca: the group [sqlvip] takes user, password, socket, host and port\n"
			    "my.cnf:5: error: host: \"db1\" is not a numeric address; looking names up would block\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_in_files_are_read_and_printed_as_the_file),
		cmocka_unit_test(secrets_that_others_may_read_are_refused),
		cmocka_unit_test(an_inline_password_is_withheld_and_the_stand_in_refused),
		cmocka_unit_test(option_files_give_what_the_block_does_not),
	};

	return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
