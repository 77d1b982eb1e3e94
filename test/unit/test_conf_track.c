/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of what is tracked: the checks of an alive server, and lists of tracked objects. */
#include "test/unit/unit.h"

#include "test/unit/conf_fixture.h"

#define MYSQL(more)   "vrrp_mysql db {\n socket /s\n user u\n" more "}\n"
#define TRACKS_MYSQL  INSTANCE(" track_mysql {\n db\n }\n")
#define CHECKED(more) MYSQL(more) TRACKS_MYSQL

/* --- checks of a server ------------------------------------------------------------------------------------------ */

#define ALL_CHECKS                                                                                                  \
	" check role {\n require replica\n weight -20 reverse\n}\n"                                                 \
	" check replication {\n fail\n interval 0.5\n timeout 2\n rise 1\n fall 4\n max_lag 10\n channel \"a b\"\n" \
	" max_silence 2.5\n primary_lost fail\n require replica\n if_denied fail\n}\n"                              \
	" check galera {\n weight 0\n donor_ok\n}\n"                                                                \
	" check group_replication {\n weight 10\n require member\n}\n"

static void checks_of_a_server_are_read(void **state)
{
	struct conf *c = load_without_a_word(CHECKED(ALL_CHECKS));
	const struct conf_fitness *f = c->mysqls[0].fitness;

	(void)state;
	assert_int_equal(c->mysqls[0].n_fitness, 4);
	assert_string_equal(f[0].name, "db/role");
	assert_int_equal(f[0].check.rules.kind, FITNESS_ROLE);
	assert_false(f[0].check.rules.want_writable);
	assert_int_equal(f[0].weight, -20);
	assert_true(f[0].reverse);
	assert_int_equal(f[0].check.interval_us, 1000000);
	assert_int_equal(f[0].rise, 2);
	assert_int_equal(f[0].fall, 3);
	assert_ptr_equal(f[0].check.server, &c->mysqls[0].probe);
	assert_int_equal(f[1].check.rules.kind, FITNESS_REPLICATION);
	assert_int_equal(f[1].weight, 0);
	assert_int_equal(f[1].check.interval_us, 500000);
	assert_int_equal(f[1].check.timeout_us, 2000000);
	assert_true(f[1].check.rules.has_max_lag);
	assert_int_equal(f[1].check.rules.max_lag_s, 10);
	assert_int_equal(f[1].check.rules.max_silence_us, 2500000);
	assert_string_equal(f[1].check.rules.channel, "a b");
	assert_true(f[1].check.rules.primary_lost_fails);
	assert_true(f[1].check.rules.must_replicate);
	assert_true(f[1].check.rules.denied_fails);
	assert_int_equal(f[2].check.rules.kind, FITNESS_GALERA);
	assert_true(f[2].check.rules.donor_ok);
	assert_true(f[3].check.rules.any_member);
	conf_free(c);
}

static void checks_of_a_server_are_read_from_libconfig(void **state)
{
	struct conf *c = load_as("f.cfg",
				 "vrrp_mysql = ( { name = \"db\"; socket = \"/s\"; user = \"u\";"
				 "  check = ( { name = \"replication\"; weight = -100; max_lag = 10; },"
				 "            { name = \"role\"; fail = true; require = \"writable\"; } ); } );"
				 "vrrp_instance = ( { name = \"V\"; interface = \"eth0\"; virtual_router_id = 5;"
				 "  virtual_ipaddress = ( \"10.0.0.1\" ); track_mysql = ( \"db\" ); } );",
				 false);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->mysqls[0].n_fitness, 2);
	assert_int_equal(c->mysqls[0].fitness[0].weight, -100);
	assert_int_equal(c->mysqls[0].fitness[0].check.rules.max_lag_s, 10);
	assert_true(c->mysqls[0].fitness[1].check.rules.want_writable);
	conf_free(c);
}

static void checks_are_printed_as_they_are_read(void **state)
{
	(void)state;
	text_reads_back(CHECKED(ALL_CHECKS));
	text_reads_back(CHECKED(" check replication {\n fail\n}\n"));
}

static void check_needs_a_weight_or_fail(void **state)
{
	(void)state;
	refuses(CHECKED(" check galera {\n}\n"),
		"f.conf:4: error: check galera: needs weight W (while it fails, rather the "
		"other host), or fail (while it fails, "
		"this host never)\n");
	refuses(CHECKED(" check galera {\n fail\n weight -3\n}\n"),
		"f.conf:5: error: fail: there is a weight already; give one of the two\n");
}

static void check_takes_only_what_means_something_to_it(void **state)
{
	(void)state;
	refuses(CHECKED(" check role {\n fail\n require writable\n max_lag 3\n donor_ok\n}\n"),
		"f.conf:7: error: max_lag: means nothing in `check role`\nf.conf:8: error: donor_ok: means nothing in "
		"`check "
		"role`\n");
	refuses(CHECKED(" check galera {\n fail\n require x\n}\n"),
		"f.conf:6: error: require: means nothing in `check galera`\n");
	refuses(CHECKED(" check galera {\n fail\n delay 5\n}\n"),
		"f.conf:6: error: delay: no such keyword in check; it takes: interval, timeout, weight, fail, rise, "
		"fall, "
		"if_denied, require, channel, max_lag, max_silence, primary_lost, donor_ok\n");
	refuses(CHECKED(" check role {\n fail\n}\n"),
		"f.conf:4: error: check role: needs require writable, or require replica\n");
	refuses(CHECKED(" check role {\n fail\n require primary\n}\n"),
		"f.conf:6: error: require: \"primary\" is neither writable nor replica\n");
	refuses(CHECKED(" check lag {\n fail\n}\n"),
		"f.conf:4: error: check: \"lag\" is none of role, replication, galera, group_replication\n");
	refuses(CHECKED(" check galera {\n fail\n}\n check galera {\n fail\n}\n"),
		"f.conf:7: error: check galera: there is one already (line 4)\n");
	refuses(CHECKED(" check replication {\n fail\n max_lag -1\n if_denied maybe\n}\n"),
		"f.conf:6: error: max_lag (whole seconds): -1 is not in 0..30000000\n"
		"f.conf:7: error: if_denied: \"maybe\" is neither fail nor complain\n");
}

/* --- interfaces -------------------------------------------------------------------------------------------------- */

#define DELAYS(more) "interface_up_down_delays {\n" more "}\n"

static void tracked_interfaces_need_not_be_declared(void **state)
{
	struct conf *c = load_without_a_word(
		INSTANCE(" track_interface {\n eth1\n eth2 weight -20\n eth3 weight 30 reverse\n }\n"));
	const struct conf_track *t = c->instances[0].tracks.of[CONF_TRACK_LINK].t;

	(void)state;
	assert_int_equal(c->instances[0].tracks.of[CONF_TRACK_LINK].n, 3);
	assert_string_equal(conf_track_name(c, CONF_TRACK_LINK, &t[0]), "eth1");
	assert_int_equal(t[0].weight, 0);
	assert_string_equal(conf_track_name(c, CONF_TRACK_LINK, &t[1]), "eth2");
	assert_int_equal(t[1].weight, -20);
	assert_true(t[2].reverse);
	conf_free(c);
	text_reads_back(INSTANCE(" track_interface {\n eth1\n eth2 weight -20\n }\n dont_track_primary\n"
				 " mcast_src_ip 10.0.0.9\n track_src_ip\n"));
	refuses(INSTANCE(" track_interface {\n a/b\n eth1\n eth1\n }\n"),
		"f.conf:5: error: track_interface: \"a/b\" is not the name of a network interface (1..15 characters)\n"
		"f.conf:7: error: track_interface: eth1 stands here twice\n");
}

static void delays_of_interfaces_are_read_and_printed(void **state)
{
	struct conf *c = load_without_a_word(DELAYS(" eth0 0.5 3\n eth1 2\n") INSTANCE(""));

	(void)state;
	assert_int_equal(c->n_links, 2);
	assert_int_equal(c->links[0].down_us, 500000);
	assert_int_equal(c->links[0].up_us, 3000000);
	assert_int_equal(c->links[1].down_us, 2000000);
	assert_int_equal(c->links[1].up_us, 0);
	conf_free(c);
	text_reads_back(DELAYS(" eth0 0.5 3\n eth1 2\n") INSTANCE(" track_interface {\n eth1\n eth7\n }\n"));
}

static void more_interfaces_than_there_was_room_for_keep_their_places(void **state)
{
	char text[8192] = "";
	struct conf *c;

	(void)state;
	strcat(text, "interface_up_down_delays {\n");
	for (int i = 0; i < 100; i++)
		snprintf(text + strlen(text), 40, " if%d 0.%d\n", i, i + 1);
	strcat(text, "}\n" INSTANCE(" track_interface {\n if77\n new\n }\n"));
	c = load_without_a_word(text);
	assert_int_equal(c->n_links, 101);
	assert_string_equal(conf_track_name(c, CONF_TRACK_LINK, &c->instances[0].tracks.of[CONF_TRACK_LINK].t[0]),
			    "if77");
	assert_string_equal(conf_track_name(c, CONF_TRACK_LINK, &c->instances[0].tracks.of[CONF_TRACK_LINK].t[1]),
			    "new");
	conf_free(c);
}

static void delays_that_outlast_a_peers_patience_are_refused(void **state)
{
	(void)state;
	refuses(DELAYS(" eth0 2\n") INSTANCE(""),
		"f.conf:2: error: interface_up_down_delays: eth0 may go down for less than "
		"2 seconds: after that, another host of "
		"vrrp_instance V takes over\n");
	refuses(DELAYS(" eth1\n eth2 1 2 3\n eth3 256\n eth4 1\n eth4 1\n") INSTANCE(""),
		"f.conf:2: error: interface_up_down_delays: takes an interface and one or two delays: IF DOWN [UP]\n"
		"f.conf:3: error: interface_up_down_delays: takes an interface and one or two delays: IF DOWN [UP]\n"
		"f.conf:4: error: interface_up_down_delays: 256 is not in 0..255 seconds\n"
		"f.conf:6: error: interface_up_down_delays: eth4 stands here twice (first in line 5)\n");
}

static void source_to_be_tracked_must_be_given(void **state)
{
	(void)state;
	refuses(INSTANCE(" track_src_ip\n"), "f.conf:4: error: track_src_ip: there is no mcast_src_ip or "
					     "unicast_src_ip whose address could be missing\n");
}

/* --- files ------------------------------------------------------------------------------------------------------- */

static void tracked_files_are_read_under_both_names(void **state)
{
	struct conf *c = load_without_a_word(
		"track_file a {\n file /run/a\n weight -254 reverse\n init_file 7 overwrite\n}\n"
		"vrrp_track_file b {\n file /b\n init_file\n}\n" INSTANCE(" track_file {\n b weight 254\n a\n }\n"));
	const struct conf_track *t = c->instances[0].tracks.of[CONF_TRACK_FILE].t;

	(void)state;
	assert_int_equal(c->n_track_files, 2);
	assert_string_equal(c->track_files[0].path, "/run/a");
	assert_true(c->track_files[0].init && c->track_files[0].init_overwrite);
	assert_int_equal(c->track_files[0].init_value, 7);
	assert_int_equal(c->track_files[1].weight, 1);
	assert_true(c->track_files[1].init && !c->track_files[1].init_overwrite);
	assert_int_equal(t[0].index, 1);
	assert_int_equal(t[0].weight, 254);
	assert_int_equal(t[1].weight, -254);
	assert_true(t[1].reverse);
	conf_free(c);
	text_reads_back("track_file a {\n file \"/run/a b\"\n weight -254 reverse\n init_file -7 overwrite\n}\n"
			"vrrp_track_file b {\n file /b\n}\n" INSTANCE(" track_file {\n b weight 0\n a\n }\n"));
}

static void tracked_files_are_refused_where_they_make_no_sense(void **state)
{
	(void)state;
	refuses("track_file a {\n}\n" INSTANCE(" track_file {\n a\n c\n }\n"),
		"f.conf:1: error: track_file a: file is missing\n"
		"f.conf:8: error: track_file: there is no track_file c; do you mean a?\n");
	refuses("track_file a {\n file rel\n weight 255\n init_file x\n}\n" INSTANCE(" track_file {\n a\n }\n"),
		"f.conf:2: error: file: \"rel\" is not an absolute path of at most 4000 characters\n"
		"f.conf:3: error: weight: 255 is not in -254..254\n"
		"f.conf:4: error: init_file: \"x\" is not a decimal number in -2147483648..2147483647\n");
	refuses("track_file a {\n file /x/\n}\ntrack_file a {\n file /y\n}\n" INSTANCE(" track_file {\n a\n }\n"),
		"f.conf:2: error: file: /x/ is a folder\nf.conf:4: error: track_file a: there is one of this name in "
		"line 1\n");
}

/* --- processes --------------------------------------------------------------------------------------------------- */

#define PROCESS(more) "vrrp_track_process p {\n" more "}\n" INSTANCE(" track_process {\n p\n }\n")

static void tracked_processes_are_read(void **state)
{
	struct conf *c = load_without_a_word(PROCESS(" process mysqld\n"));
	const struct conf_track_process *p = &c->track_processes[0];

	(void)state;
	assert_string_equal(p->pattern.argv[0], "mysqld");
	assert_null(p->pattern.argv[1]);
	assert_false(p->pattern.by_command);
	assert_int_equal(p->quorum, 1);
	assert_int_equal(p->quorum_max, UINT32_MAX);
	conf_free(c);
	c = load_without_a_word(PROCESS(
		" process \"/usr/sbin/x -a 'b c'\"\n full_command\n param_match partial\n weight -254\n quorum 2\n"
		" quorum_max 5\n delay 3\n terminate_delay 0.5\n"));
	p = &c->track_processes[0];
	assert_string_equal(p->pattern.argv[2], "b c");
	assert_true(p->pattern.by_command && p->pattern.full_command);
	assert_int_equal(p->pattern.params, PROC_PARAMS_PARTIAL);
	assert_int_equal(p->weight, -254);
	assert_int_equal(p->quorum_max, 5);
	assert_int_equal(p->fork_delay_us, 3000000);
	assert_int_equal(p->terminate_delay_us, 500000);
	conf_free(c);
	text_reads_back(PROCESS(" process /x -a b\n param_match initial\n quorum_max 0\n weight 3 reverse\n"));
	text_reads_back(PROCESS(" process \"'tmux: server'\"\n delay 3600\n"));
}

static void tracked_processes_are_refused_where_they_make_no_sense(void **state)
{
	(void)state;
	refuses(PROCESS(" quorum 3\n quorum_max 2\n param_match some\n"),
		"f.conf:1: error: vrrp_track_process p: process is missing\n"
		"f.conf:3: error: quorum_max: 2 is less than quorum, 3\n"
		"f.conf:4: error: param_match: \"some\" is neither initial nor partial\n");
	refuses(PROCESS(" process\n delay 3601\n quorum 0\n"),
		"f.conf:2: error: process: the name is missing\n"
		"f.conf:3: error: delay: 3601 is not in 0..3600 seconds\n"
		"f.conf:4: error: quorum: 0 is not in 1..65535\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_of_a_server_are_read),
		cmocka_unit_test(checks_of_a_server_are_read_from_libconfig),
		cmocka_unit_test(checks_are_printed_as_they_are_read),
		cmocka_unit_test(check_needs_a_weight_or_fail),
		cmocka_unit_test(check_takes_only_what_means_something_to_it),
		cmocka_unit_test(tracked_interfaces_need_not_be_declared),
		cmocka_unit_test(delays_of_interfaces_are_read_and_printed),
		cmocka_unit_test(more_interfaces_than_there_was_room_for_keep_their_places),
		cmocka_unit_test(delays_that_outlast_a_peers_patience_are_refused),
		cmocka_unit_test(source_to_be_tracked_must_be_given),
		cmocka_unit_test(tracked_files_are_read_under_both_names),
		cmocka_unit_test(tracked_files_are_refused_where_they_make_no_sense),
		cmocka_unit_test(tracked_processes_are_read),
		cmocka_unit_test(tracked_processes_are_refused_where_they_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
