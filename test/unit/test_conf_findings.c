/* SPDX-License-Identifier: Apache-2.0 */
/* What is told about a file: all of it at once, where it stands, in the order of the lines, and no more than fits. */
#include "test/unit/unit.h"

#include "test/unit/conf_texts.h"

static void everything_wrong_is_reported_at_once(void **state)
{
	(void)state;
	refuses(INSTANCE(" priority 300\n advertint 1\n state X\n garp_master_delay -1\n"),
		"f.conf:4: error: priority: 300 is not in 1..255\n"
		"f.conf:5: error: advertint: no such keyword in vrrp_instance; do you mean advert_int?\n"
		"f.conf:6: error: state: \"X\" is neither MASTER nor BACKUP\n"
		"f.conf:7: error: garp_master_delay: -1 is not in 0..4294 seconds\n");
}

/* Whoever mends a file goes through it from its beginning. */
static void findings_come_in_the_order_of_files_and_lines(void **state)
{
	(void)state;
	put_file("first.inc", "vrrp_script a {\n script /x\n weight 300\n}\nwonk\n", 0644);
	put_file("second.inc", "wonk\n", 0644);
	assert_null(
		load_as(FOLDER "/f.conf",
			"vrrp_script b {\n script /x\n}\n"
			"include first.inc\ninclude second.inc\ninclude first.inc\n" INSTANCE(" priority 300\n wonk\n"),
			true));
	assert_string_equal(said.text, "f.conf:10: error: priority: 300 is not in 1..255\n"
				       "f.conf:11: error: wonk: no such keyword in vrrp_instance\n"
				       "first.inc:1: error: vrrp_script a: there is one of this name in line 1\n"
				       "first.inc:3: error: weight: 300 is not in -253..253\n"
				       "first.inc:3: error: weight: 300 is not in -253..253\n"
				       "first.inc:5: error: wonk: no such keyword here\n"
				       "first.inc:5: error: wonk: no such keyword here\n"
				       "second.inc:1: error: wonk: no such keyword here\n");
}

/* A line's number alone says nothing when it is that of another file. */
static void what_a_finding_refers_to_in_another_file_is_named_with_it(void **state)
{
	(void)state;
	put_file("first.inc", "vrrp_script a {\n script /x\n}\n\n" INSTANCE(""), 0644);
	put_file("more.inc", "\n\npriority 100\npriority 101\n", 0644);
	assert_null(load_as(FOLDER "/f.conf",
			    "include first.inc\nvrrp_script a {\n script /x\n}\n"
			    "vrrp_instance W {\n interface eth0\n virtual_router_id 51\n"
			    " virtual_ipaddress {\n 10.0.0.1\n }\n priority 99\n include more.inc\n}\n",
			    true));
	assert_string_equal(
		said.text,
		"f.conf:2: error: vrrp_script a: there is one of this name in " FOLDER "/first.inc:1\n"
		"f.conf:5: error: vrrp_instance W: virtual_router_id 51 on eth0 is that of V (" FOLDER "/first.inc:5)\n"
		"f.conf:9: error: virtual_ipaddress: 10.0.0.1 is an address of vrrp_instance V already (" FOLDER
		"/first.inc:9)\n"
		"more.inc:3: warning: priority: given again (first in " FOLDER "/f.conf:11); this one counts\n"
		"more.inc:4: warning: priority: given again (first in line 3); this one counts\n");
}

static void findings_are_bounded_in_number(void **state)
{
	size_t size = 100000, n = 0;
	char *text = malloc(size);

	(void)state;
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, size - n, "wonk %d\n", i);
	assert_null(load_as("f.conf", text, false));
	assert_int_equal(said.errors, 200);
	assert_int_equal(said.notes, 1);
	assert_non_null(strstr(said.text, "800 more findings are not shown"));
	free(text);
}

static void terminal_controls_do_not_reach_a_message(void **state)
{
	(void)state;
	assert_null(load_as("f.conf", "\033[2J {\n}\n", false));
	assert_null(strchr(said.text, '\033'));
}

static void warnings_tell_what_keepalived_would_do(void **state)
{
	(void)state;
	warns(INSTANCE(" state MASTER\n"),
	      INSTANCE_AT "warning: state: MASTER without priority means priority 255, the owner of the addresses, who "
			  "always preempts; give a priority of 1..254\n");
	warns(INSTANCE(" authentication {\n auth_type PASS\n auth_pass 123456789\n }\n"),
	      "f.conf:6: warning: auth_pass: only the first 8 of 9 octets count\n");
	warns(INSTANCE(" priority 7 8\n"),
	      INSTANCE_AT "warning: priority: 1 words too many, ignored; a value with blanks needs quotes\n");
	warns(MYSQL(" timeout 0.2\n"),
	      "f.conf:4: warning: timeout: a busy server may need 0.5 seconds to answer; below, a "
	      "load peak can look like a hang\n");
}

static void libconfig_errors_have_their_place(void **state)
{
	(void)state;
	assert_null(load_as("f.cfg", "vrrp_instance = (\n { name = ; } );\n", false));
	assert_string_equal(said.text, "f.cfg:2: error: syntax error in libconfig's grammar; a file in keepalived's "
				       "needs another name than *.cfg\n");
	assert_null(load_as("f.cfg", "a = 1;\nb = 4294967297;\n", false));
	assert_string_equal(said.text, "f.cfg:2: error: 4294967297 does not fit into 32 bits\n");
	assert_null(load_as("f.cfg", "@include \"x\"\n", false));
	assert_string_equal(said.text, "f.cfg:1: error: @include: not possible here\n");
	assert_null(load_as(FOLDER "/f.cfg", "\n@include \"/tmp\"\n", true));
	assert_non_null(strstr(said.text, "f.cfg:2: error: @include: the path begins at"));
	put_file("sub.inc", "vrrp_instance = ( { name = \"V\"; wonk = 1; } );\n", 0644);
	assert_null(load_as(FOLDER "/f.cfg", "\n@include \"sub.inc\"\n", true));
	assert_non_null(strstr(said.text, "sub.inc:1: error: wonk: no such keyword"));
	assert_null(load_as(FOLDER "/f.cfg", "@include \".\"\n", true));
	assert_non_null(strstr(said.text, "not a regular file"));
	assert_null(load_as("f.cfg", "vrrp_instance = ( { name = \"V\"; authentication = { auth_pass = 0123; }; } );",
			    false));
	assert_non_null(strstr(said.text, "auth_pass: is text, and needs quotes"));
	assert_null(load_as("f.cfg", "vrrp_instance = 5; global_defs = ( 1 ); vrrp_script = ( 1 );", false));
	assert_int_equal(said.errors, 3);
}

static void files_that_cannot_be_read_are_reported(void **state)
{
	struct conf *c = NULL;

	(void)state;
	memset(&said, 0, sizeof(said));
	assert_int_equal(conf_load("/nonexistent/x.conf", NULL, keep, NULL, &c), -ENOENT);
	assert_string_equal(said.text, "x.conf:0: error: cannot be read: no such file\n");
	assert_int_equal(conf_load("/tmp", NULL, keep, NULL, &c), -EINVAL);
	assert_int_equal(conf_load("/dev/zero", NULL, keep, NULL, &c), -EINVAL);
	assert_null(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_wrong_is_reported_at_once),
		cmocka_unit_test(findings_come_in_the_order_of_files_and_lines),
		cmocka_unit_test(what_a_finding_refers_to_in_another_file_is_named_with_it),
		cmocka_unit_test(findings_are_bounded_in_number),
		cmocka_unit_test(terminal_controls_do_not_reach_a_message),
		cmocka_unit_test(warnings_tell_what_keepalived_would_do),
		cmocka_unit_test(libconfig_errors_have_their_place),
		cmocka_unit_test(files_that_cannot_be_read_are_reported),
	};

	return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
