/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance rules for the configuration, each under its number. What a running agent makes of them is in
 * test/e2e. */
#include "test/unit/unit.h"

#include "test/unit/conf_texts.h"

#include <sys/stat.h>

/* Everything here looks at files, too. */
static struct conf *try_on(const char *id, const char *text)
{
	return load_for(id, FOLDER "/f.conf", text, true);
}

static struct conf *load_here(const char *text)
{
	struct conf *c = try_on("here", text);

	if (!c)
		fail_msg("refused: %s", said.text);
	return c;
}

static void refuses_saying(const char *text, const char *finding)
{
	assert_null(try_on("here", text));
	if (!strstr(said.text, finding))
		fail_msg("\"%s\" is not in: %s", finding, said.text);
}

static char *print_here(const char *text)
{
	struct conf *c = load_here(text);
	char *printed = print(c);

	conf_free(c);
	return printed;
}

static void c74_keepalived_file_is_read_and_its_unused_script_named(void **state)
{
	struct conf *c = NULL;
	char buf[IP_STR_MAX];

	(void)state;
	memset(&said, 0, sizeof(said));
	assert_int_equal(conf_load("etc/examples/keepalived/mastersql.conf", "here", keep, NULL, &c), 0);
	assert_non_null(strstr(said.text, "vrrp_script check_mysql: is not run, because no vrrp_instance has "
					  "`track_script { check_mysql }`"));
	assert_int_equal(c->instances[0].n_vips, 1);
	assert_string_equal(ip_format(&c->instances[0].vips[0].prefix.addr, buf), "192.168.1.100");
	assert_int_equal(c->instances[0].vips[0].prefix.len, 32);
	conf_free(c);
}

static void c75_layout_does_not_matter(void **state)
{
	static const char *const same[] = {
		"vrrp_instance V {\n state MASTER\n interface eth0\n virtual_router_id 51\n priority 100\n"
		" authentication {\n auth_type PASS\n auth_pass 1111\n }\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n",
		"vrrp_instance V {\r\n state MASTER\r\n interface eth0\r\n virtual_router_id 51\r\n priority 100\r\n"
		" authentication {\r\n auth_type PASS\r\n auth_pass 1111\r\n }\r\n virtual_ipaddress {\r\n "
		"10.0.0.1\r\n }\r\n}",
		"\tvrrp_instance\tV{\n\t\tstate\tMASTER\n interface   eth0   \nvirtual_router_id 51\n priority 100\n"
		"authentication{\nauth_type PASS\nauth_pass 1111\n}\nvirtual_ipaddress{\n10.0.0.1\n}}\n",
		"vrrp_instance V\n{\n state MASTER\n interface eth0\n virtual_router_id 51\n priority 100\n"
		" authentication\n {\n auth_type PASS\n auth_pass 1111\n }\n virtual_ipaddress\n\n {\n 10.0.0.1\n "
		"}\n}\n",
		"vrrp_instance V { state MASTER\n interface eth0\n virtual_router_id 051\n priority 0100\n"
		" authentication { auth_type PASS\n auth_pass 1111 } virtual_ipaddress { 10.0.0.1 } }\n",
	};
	_cleanup_(freep) char *expected = print_here(same[0]);

	(void)state;
	for (size_t i = 1; i < ELEMENTSOF(same); i++) {
		_cleanup_(freep) char *printed = print_here(same[i]);

		assert_string_equal(printed, expected);
	}
}

static void c76_conditions_definitions_and_includes_give_the_expected_instances(void **state)
{
	static const char text[] =
		"$IF=eth7\n$BODY= \\\n interface ${IF} \\\n virtual_router_id $ID\n"
		"$ID=11\n"
		"vrrp_instance A {\n $BODY\n @one priority 200\n @two priority 150\n @^two nopreempt\n"
		" virtual_ipaddress {\n 10.0.0.1\n }\n}\n"
		"include v-*.conf\n";
	struct conf *c;

	(void)state;
	put_file("v-b.conf", "$ID=13\nvrrp_instance C {\n $BODY\n virtual_ipaddress {\n 10.0.0.3\n }\n}\n", 0644);
	put_file("v-a.conf", "$ID=12\nvrrp_instance B {\n $BODY\n virtual_ipaddress {\n 10.0.0.2\n }\n}\n", 0644);
	c = try_on("one", text);
	if (!c)
		fail_msg("refused: %s", said.text);
	assert_int_equal(c->n_instances, 3);
	assert_string_equal(c->instances[0].interface, "eth7");
	assert_int_equal(c->instances[0].vrid, 11);
	assert_int_equal(c->instances[0].priority, 200);
	assert_true(c->instances[0].nopreempt);
	assert_string_equal(c->instances[1].name, "B");
	assert_int_equal(c->instances[1].vrid, 12);
	assert_int_equal(c->instances[2].vrid, 13);
	conf_free(c);
	c = try_on("two", text);
	assert_int_equal(c->instances[0].priority, 150);
	assert_false(c->instances[0].nopreempt);
	conf_free(c);
	refuses_saying("~SEQ(i,1,3) x\n", "~SEQ is not supported by this version");
	refuses_saying("~LST(i,a,b) x\n", "~LST is not supported by this version");
}

static void c77_comments_begin_anywhere_but_between_quotes(void **state)
{
	struct conf *c = load_here(INSTANCE(
		" priority 7#0\n ! state MASTER\n authentication {\n auth_type PASS # c\n"
		" auth_pass \"a#b!c\" ! d\n }\n notify \"/x '#' !\"\n") "global_defs {\n script_user root\n}\n");

	(void)state;
	assert_string_equal(said.text, "");
	assert_int_equal(c->instances[0].priority, 7);
	assert_false(c->instances[0].state_master);
	assert_memory_equal(c->instances[0].auth_data, "a#b!c\0\0", 8);
	assert_string_equal(c->instances[0].hooks[CONF_HOOK_ANY].argv[1], "#");
	assert_string_equal(c->instances[0].hooks[CONF_HOOK_ANY].argv[2], "!");
	conf_free(c);
}

static void c78_script_may_be_tracked_before_it_is_defined(void **state)
{
	struct conf *c =
		load_here(INSTANCE(" track_script {\n chk weight -10\n }\n") "vrrp_script chk {\n script /x\n}\n");
	const struct conf_tracks *tracks = &c->instances[0].tracks;

	(void)state;
	assert_int_equal(conf_tracks_count(tracks), 1);
	assert_true(conf_is_tracked(c, CONF_TRACK_SCRIPT, 0));
	conf_free(c);
}

static void c79_unknown_block_is_passed_over_and_what_follows_is_read(void **state)
{
	(void)state;
	assert_null(try_on("here", "wonky_block x {\n a {\n b\n }\n c }\n" INSTANCE(
					   " wonky {\n priority 999\n }\n priority 300\n")));
	/* One finding for each block, none for what is inside, and the parent goes on. */
	assert_string_equal(said.text, "f.conf:1: error: wonky_block: no such keyword here\n"
				       "f.conf:9: error: wonky: no such keyword in vrrp_instance\n"
				       "f.conf:12: error: priority: 300 is not in 1..255\n");
	conf_free(
		load_here("virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80 {\n weight 1\n }\n}\n" INSTANCE("")));
	assert_int_equal(said.warnings, 1);
}

static void c80_values_out_of_range_are_refused_with_file_and_line(void **state)
{
	(void)state;
	refuses_saying(
		"vrrp_instance V {\n interface e\n virtual_router_id 0\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n",
		"f.conf:3: error: virtual_router_id: 0 is not in 1..255");
	refuses_saying(
		"vrrp_instance V {\n interface e\n virtual_router_id 256\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n",
		"f.conf:3: error: virtual_router_id: 256 is not in 1..255");
	refuses_saying(INSTANCE(" priority 0\n"), "f.conf:4: error: priority: 0 is not in 1..255");
	refuses_saying(INSTANCE(" priority 256\n"), "f.conf:4: error: priority: 256 is not in 1..255");
	refuses_saying(INSTANCE(" priority 10abc\n"), "f.conf:4: error: priority");
	refuses_saying(INSTANCE(" advert_int 0\n"), "f.conf:4: error: advert_int");
	refuses_saying(
		"vrrp_instance V {\n interface e\n virtual_router_id 1\n virtual_ipaddress {\n 300.1.1.1\n }\n}\n",
		"f.conf:5: error: virtual_ipaddress");
	refuses_saying("vrrp_instance V {\n interface e\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1\n }\n",
		       "f.conf:1: error: vrrp_instance: the block that begins here has no }");
}

static void c81_duplicate_virtual_router_is_refused(void **state)
{
	(void)state;
	refuses_saying(INSTANCE("") "vrrp_instance W {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n"
				    " 10.0.0.2\n }\n}\n",
		       "f.conf:8: error: vrrp_instance W: virtual_router_id 51 on eth0 is that of V (line 1)");
}

static void c82_every_problem_is_reported_at_once(void **state)
{
	(void)state;
	assert_null(try_on("here", "global_defs {\n router_id\n vrrp_version 4\n}\n" INSTANCE(
					   " priority 0\n statte MASTER\n track_script {\n nothing\n }\n")));
	assert_int_equal(said.errors, 5);
}

static void repeated_keywords_count_as_in_keepalived(void **state)
{
	struct conf *c =
		load_here(INSTANCE(" state MASTER\n state BACKUP\n version 3\n version 2\n priority 5\n priority 6\n"
				   " notify /one\n notify /two\n"));

	(void)state;
	assert_int_equal(said.warnings, 5); /* one is about the user of the hook */
	assert_true(c->instances[0].state_master);
	assert_int_equal(c->instances[0].version, 3);
	assert_int_equal(c->instances[0].priority, 6);
	assert_string_equal(c->instances[0].hooks[CONF_HOOK_ANY].argv[0], "/one");
	conf_free(c);
	c = load_here(INSTANCE(" state BACKUP\n state MASTER\n"));
	assert_true(c->instances[0].state_master);
	conf_free(c);
}

static void what_is_left_for_later_is_refused_by_name(void **state)
{
	static const char *const inside[] = { "use_vmac",
					      "vmac_xmit_base",
					      "virtual_routes {\n }",
					      "virtual_rules {\n }",
					      "strict_mode",
					      "no_accept",
					      "use_ipvlan",
					      "vrf red",
					      "track_bfd {\n }",
					      "authentication {\n auth_type AH\n auth_pass x\n }" };
	static const char *const outside[] = { "static_ipaddress {\n }", "static_routes {\n }",
					       "static_rules {\n }",     "garp_group {\n }",
					       "net_namespace red",      "global_defs {\n vrrp_strict\n }" };
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(inside); i++) {
		snprintf(text, sizeof(text),
			 "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n %s\n virtual_ipaddress {\n "
			 "10.0.0.1\n }\n}\n",
			 inside[i]);
		assert_null(try_on("here", text));
		assert_int_equal(said.errors, 1);
	}
	for (size_t i = 0; i < ELEMENTSOF(outside); i++) {
		snprintf(text, sizeof(text), "%s\n" INSTANCE(""), outside[i]);
		assert_null(try_on("here", text));
		assert_int_equal(said.errors, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c74_keepalived_file_is_read_and_its_unused_script_named),
		cmocka_unit_test(c75_layout_does_not_matter),
		cmocka_unit_test(c76_conditions_definitions_and_includes_give_the_expected_instances),
		cmocka_unit_test(c77_comments_begin_anywhere_but_between_quotes),
		cmocka_unit_test(c78_script_may_be_tracked_before_it_is_defined),
		cmocka_unit_test(c79_unknown_block_is_passed_over_and_what_follows_is_read),
		cmocka_unit_test(c80_values_out_of_range_are_refused_with_file_and_line),
		cmocka_unit_test(c81_duplicate_virtual_router_is_refused),
		cmocka_unit_test(c82_every_problem_is_reported_at_once),
		cmocka_unit_test(repeated_keywords_count_as_in_keepalived),
		cmocka_unit_test(what_is_left_for_later_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
