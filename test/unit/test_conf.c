/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as a whole: what the keywords mean, and what counts where several of them meet. */
#include "test/unit/unit.h"

#include "test/unit/conf_texts.h"

static void prints_the_same(const char *a, const char *b)
{
	_cleanup_(freep) char *one = print_text(a);
	_cleanup_(freep) char *two = print_text(b);

	assert_string_equal(one, two);
}

static void keepalived_files_run_unchanged(void **state)
{
	struct conf *c = NULL;
	const struct conf_instance *i;

	(void)state;
	memset(&said, 0, sizeof(said));
	assert_int_equal(conf_load("etc/examples/keepalived/mastersql.conf", NULL, keep, NULL, &c), 0);
	assert_int_equal(said.warnings, 2);
	assert_non_null(strstr(said.text, "`track_script { check_mysql }`"));
	assert_string_equal(c->router_id, "LVS_DEVEL");
	assert_int_equal(c->n_scripts, 1);
	assert_string_equal(c->scripts[0].command.argv[0], "sh");
	assert_string_equal(c->scripts[0].command.argv[1], "/tmp/check_mysql.sh");
	assert_null(c->scripts[0].command.argv[2]);
	assert_int_equal(c->scripts[0].interval_us, 2000000);
	assert_int_equal(c->scripts[0].timeout_us, 2000000);
	assert_int_equal(c->n_instances, 1);
	i = &c->instances[0];
	assert_string_equal(i->name, "VI_1");
	assert_string_equal(i->interface, "eth0");
	assert_true(i->state_master);
	assert_int_equal(i->vrid, 51);
	assert_int_equal(i->version, 2);
	assert_int_equal(i->priority, 100);
	assert_int_equal(i->advert_us, 1000000);
	assert_int_equal(i->auth_type, VRRP_AUTH_PASS);
	assert_memory_equal(i->auth_data, "1111\0\0\0", 8);
	assert_int_equal(i->n_vips, 1);
	assert_int_equal(i->vips[0].prefix.len, 32);
	assert_memory_equal(i->vips[0].prefix.addr.bytes, "\xc0\xa8\x01\x64", 4);
	assert_int_equal(i->vips[0].scope, 0);
	assert_string_equal(i->vips[0].dev, "");
	assert_int_equal(i->down_adverts, 3);
	assert_int_equal(i->garp.repeat, 5);
	assert_int_equal(i->garp.delay_us, 5000000);
	assert_int_equal(i->notify_timeout_us, 60000000);
	assert_int_equal(i->vip_lease_s, 6);
	assert_int_equal(i->where.line, 8);
	conf_free(c);
	memset(&said, 0, sizeof(said));
	assert_int_equal(conf_load("etc/examples/keepalived/backupsql.conf", NULL, keep, NULL, &c), 0);
	assert_string_equal(said.text, "");
	assert_int_equal(c->n_scripts, 0);
	conf_free(c);
}

static void defaults_are_as_documented(void **state)
{
	struct conf *c = load(MYSQL(""));
	const struct conf_mysql *m = &c->mysqls[0];
	const struct conf_instance *i = &c->instances[0];

	(void)state;
	assert_string_equal(said.text, "");
	assert_string_equal(c->control_socket, "/run/sqlvip/sqlvipd.sock");
	assert_string_equal(c->state_directory, "/var/lib/sqlvip");
	assert_null(c->script_user);
	assert_true(c->realtime);
	assert_int_equal(c->rt_priority, 1);
	assert_int_equal(m->probe.interval_us, 200000);
	assert_int_equal(m->probe.timeout_us, 1000000);
	assert_int_equal(m->rise, 2);
	assert_int_equal(m->fall, 1);
	assert_int_equal(m->weight, 0);
	assert_int_equal(m->startup_grace_us, 10000000);
	assert_int_equal(m->dead_delay_us, 0);
	assert_true(m->probe.thread_watch);
	assert_null(m->probe.password);
	assert_int_equal(m->probe.reserved_port, 0);
	assert_int_equal(i->tracks.of[CONF_TRACK_MYSQL].n, 1);
	assert_int_equal(i->tracks.of[CONF_TRACK_MYSQL].t[0].index, 0);
	assert_false(i->state_master);
	assert_int_equal(i->priority, 100);
	assert_int_equal(i->version, 2);
	assert_int_equal(i->csum, VRRP_CSUM_PSEUDO);
	assert_int_equal(i->src_ip.family, AF_UNSPEC);
	assert_memory_equal(i->group.bytes, "\xe0\0\0\x12", 4);
	conf_free(c);
}

static void globals_are_the_instances_defaults_wherever_they_stand(void **state)
{
	struct conf *c =
		load(INSTANCE(" garp_master_repeat 7\n") "global_defs {\n vrrp_version 3\n vrrp_mcast_group4 "
							 "239.0.0.1\n vrrp_garp_master_delay 0.5\n"
							 " vrrp_garp_master_repeat 2\n vrrp_garp_master_refresh 60\n "
							 "vrrp_down_timer_adverts 5\n"
							 " vrrp_lower_prio_no_advert\n vrrp_higher_prio_send_advert "
							 "yes\n v3_checksum_as_v2 true\n"
							 " notify_timeout 2.5\n vip_lease 9\n}\n");
	const struct conf_instance *i = &c->instances[0];

	(void)state;
	assert_int_equal(i->version, 3);
	assert_memory_equal(i->group.bytes, "\xef\0\0\x01", 4);
	assert_int_equal(i->garp.delay_us, 500000);
	assert_int_equal(i->garp.repeat, 7);
	assert_int_equal(i->garp.refresh_us, 60000000);
	assert_int_equal(i->garp.lower_prio_delay_us, 500000);
	assert_int_equal(i->garp.lower_prio_repeat, 2);
	assert_int_equal(i->down_adverts, 5);
	assert_true(i->lower_prio_no_advert && i->higher_prio_send_advert);
	assert_int_equal(i->csum, VRRP_CSUM_PLAIN);
	assert_int_equal(i->notify_timeout_us, 2500000);
	assert_int_equal(i->vip_lease_s, 9);
	conf_free(c);
}

static uint32_t lease_of(const char *lines)
{
	char text[512];
	struct conf *c;
	uint32_t lease_s;

	snprintf(text, sizeof(text), "global_defs {\n vrrp_version 3\n vip_lease 30\n}\n" INSTANCE("%s"), lines);
	c = load(text);
	assert_string_equal(said.text, "");
	lease_s = c->instances[0].vip_lease_s;
	conf_free(c);
	return lease_s;
}

static void lease_is_derived_from_the_advert_interval_or_given(void **state)
{
	(void)state;
	assert_int_equal(lease_of(""), 30);
	assert_int_equal(lease_of(" vip_lease 7\n"), 7);
	assert_int_equal(lease_of(" vip_lease off\n"), 0);
	assert_int_equal(lease_of(" vip_lease auto\n"), 6);
	assert_int_equal(lease_of(" vip_lease auto\n advert_int 0.1\n"), 2);
	assert_int_equal(lease_of(" vip_lease auto\n advert_int 0.5\n down_timer_adverts 5\n"), 5);
	assert_int_equal(lease_of(" vip_lease auto\n advert_int 40.95\n down_timer_adverts 100\n"), 8190);
	assert_int_equal(lease_of(" vip_lease 3\n down_timer_adverts 1\n"), 3);
}

static void min_garp_changes_only_what_is_not_given(void **state)
{
	struct conf *c = load(GLOBAL(" vrrp_min_garp\n vrrp_garp_master_repeat 3\n"));

	(void)state;
	assert_int_equal(c->instances[0].garp.repeat, 3);
	assert_int_equal(c->instances[0].garp.delay_us, 0);
	assert_int_equal(c->instances[0].garp.lower_prio_repeat, 3);
	conf_free(c);
	c = load(GLOBAL(" vrrp_min_garp\n"));
	assert_int_equal(c->instances[0].garp.repeat, 1);
	conf_free(c);
}

static void address_lines_take_their_options_in_any_order(void **state)
{
	struct conf *c =
		load(VIP("10.1.2.3/24 no_track label eth0:my scope link brd + dev eth9\n10.1.3.1/30 broadcast -\n"
			 "10.1.4.1/24 brd 10.9.9.9 scope 77 dev eth0"));
	const struct conf_vip *v = c->instances[0].vips;

	(void)state;
	assert_int_equal(c->instances[0].n_vips, 3);
	assert_string_equal(v[0].dev, "eth9");
	assert_string_equal(v[0].label, "eth0:my");
	assert_int_equal(v[0].scope, 253);
	assert_int_equal(v[0].brd.s_addr, inet_addr("10.1.2.255"));
	assert_true(v[0].no_track);
	assert_int_equal(v[1].brd.s_addr, inet_addr("10.1.3.0"));
	assert_int_equal(v[2].brd.s_addr, inet_addr("10.9.9.9"));
	assert_int_equal(v[2].scope, 77);
	assert_string_equal(v[2].dev, "");
	conf_free(c);
}

static void tracking_refers_forward_and_takes_weights_from_its_block(void **state)
{
	struct conf *c =
		load("vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1\n }\n"
		     " track_script {\n b\n a weight 3\n c weight -9 noreverse\n }\n track_mysql {\n m weight 250 "
		     "reverse\n }\n}\n"
		     "vrrp_script a {\n script /a\n weight 1 reverse\n}\nvrrp_script b {\n script /b\n weight -2\n}\n"
		     "vrrp_script c {\n script /c\n weight 1 reverse\n}\n"
		     "vrrp_mysql m {\n host ::1\n port 3310\n user u\n}\n");
	const struct conf_instance *i = &c->instances[0];

	(void)state;
	assert_int_equal(i->tracks.of[CONF_TRACK_SCRIPT].n, 3);
	assert_int_equal(i->tracks.of[CONF_TRACK_SCRIPT].t[0].index, 1);
	assert_int_equal(i->tracks.of[CONF_TRACK_SCRIPT].t[0].weight, -2);
	assert_false(i->tracks.of[CONF_TRACK_SCRIPT].t[0].reverse);
	assert_int_equal(i->tracks.of[CONF_TRACK_SCRIPT].t[1].weight, 3);
	assert_true(i->tracks.of[CONF_TRACK_SCRIPT].t[1].reverse);
	assert_int_equal(i->tracks.of[CONF_TRACK_SCRIPT].t[2].weight, -9);
	assert_false(i->tracks.of[CONF_TRACK_SCRIPT].t[2].reverse);
	assert_int_equal(i->tracks.of[CONF_TRACK_MYSQL].t[0].weight, 250);
	assert_true(i->tracks.of[CONF_TRACK_MYSQL].t[0].reverse);
	assert_int_equal(c->mysqls[0].probe.port, 3310);
	assert_int_equal(c->mysqls[0].probe.host.family, AF_INET6);
	conf_free(c);
}

static void commands_become_argument_vectors_and_users(void **state)
{
	struct conf *c = load_as("f.conf",
				 "global_defs {\n script_user daemon\n}\n" INSTANCE(
					 " notify_master \"/x 'a b' c\\ d \\x41\\t\"\n notify_stop /y root :daemon\n"),
				 true);
	const struct conf_command *m = &c->instances[0].hooks[CONF_HOOK_MASTER];
	const struct conf_command *s = &c->instances[0].hooks[CONF_HOOK_STOP];

	(void)state;
	assert_non_null(c);
	assert_string_equal(m->argv[0], "/x");
	assert_string_equal(m->argv[1], "a b");
	assert_string_equal(m->argv[2], "c d");
	assert_string_equal(m->argv[3], "A\t");
	assert_null(m->argv[4]);
	assert_int_equal(m->uid, 1);
	assert_null(m->user);
	assert_int_equal(s->uid, 0);
	assert_int_equal(s->gid, 1);
	assert_string_equal(s->user, "root");
	assert_null(c->instances[0].hooks[CONF_HOOK_BACKUP].argv);
	conf_free(c);
}

static void both_grammars_mean_the_same(void **state)
{
	static const char cfg[] =
		"global_defs = { router_id = \"LVS\"; vrrp_version = 3; };\n"
		"vrrp_script = ( { name = \"s\"; script = \"/bin/x 'a b'\"; interval = 2; weight = (-5, \"reverse\"); "
		"} );\n"
		"vrrp_mysql = { name = \"m\"; host = \"127.0.0.1\"; port = 3307; user = \"u\"; interval = 0.2; };\n"
		"vrrp_instance = ( { name = \"V\"; state = \"BACKUP\"; nopreempt = true; interface = \"eth0\";\n"
		" virtual_router_id = 0x33; priority = \"254\"; advert_int = 0.05; accept = true;\n"
		" track_mysql = ( { name = \"m\"; weight = 3; reverse = true; } ); track_script = [ \"s\" ];\n"
		" notify = (\"/n\", \"root\");\n"
		" virtual_ipaddress = ( \"10.0.0.1/24 dev eth1\", { address = \"10.0.0.2\"; no_track = true; label = "
		"\"l\"; },\n"
		"   (\"10.0.0.3\", \"scope\", 200) ); } );\n";
	static const char conf[] =
		"global_defs {\n router_id LVS\n vrrp_version 3\n}\n"
		"vrrp_script s {\n script \"/bin/x 'a b'\"\n interval 2\n weight -5 reverse\n}\n"
		"vrrp_mysql m {\n host 127.0.0.1\n port 3307\n user u\n interval 0.2\n}\n"
		"vrrp_instance V {\n state BACKUP\n nopreempt\n interface eth0\n virtual_router_id 51\n priority 254\n"
		" advert_int 0.05\n accept\n track_mysql {\n m weight 3 reverse\n }\n track_script {\n s\n }\n notify "
		"/n root\n"
		" virtual_ipaddress {\n 10.0.0.1/24 dev eth1\n 10.0.0.2 no_track label l\n 10.0.0.3 scope 200\n }\n}\n";
	struct conf *c;
	_cleanup_(freep) char *one = NULL;
	_cleanup_(freep) char *two = print_text(conf);

	(void)state;
	c = load_as("f.cfg", cfg, false);
	assert_string_equal(said.text, "");
	one = print(c);
	assert_string_equal(one, two);
	assert_int_equal(c->instances[0].vips[1].where.line, 8);
	conf_free(c);
}

static void layout_changes_nothing(void **state)
{
	(void)state;
	prints_the_same(INSTANCE(" priority 7\n"),
			"vrrp_instance V{ # c\r\n\tinterface\teth0!x\r\n virtual_router_id 051\n priority 7\n"
			"virtual_ipaddress{10.0.0.1}}");
}

static void start_and_owner_rules_are_read(void **state)
{
	struct conf *c =
		load("global_defs {\n vrrp_startup_delay 5\n vrrp_delay_after_boot 0.5\n"
		     " vrrp_owner_ignore_adverts\n vrrp_garp_interval 0.01\n vrrp_gna_interval 0.000001\n}\n" INSTANCE(
			     " nopreempt\n timer_expired_backup 100\n"));

	(void)state;
	assert_int_equal(c->startup_delay_us, 5000000);
	assert_int_equal(c->delay_after_boot_us, 500000);
	assert_int_equal(c->garp_interval_us, 10000);
	assert_int_equal(c->gna_interval_us, 1);
	assert_true(c->instances[0].owner_ignore_adverts);
	assert_int_equal(c->instances[0].timer_expired_backup, 100);
	conf_free(c);
	c = load(INSTANCE(" nopreempt\n timer_expired_backup\n"));
	assert_int_equal(c->instances[0].timer_expired_backup, 254);
	assert_false(c->instances[0].owner_ignore_adverts);
	conf_free(c);
}

static void the_commented_reference_is_a_valid_configuration(void **state)
{
	struct conf *c = NULL;

	(void)state;
	memset(&said, 0, sizeof(said));
	assert_int_equal(conf_load("etc/sqlvip.conf", NULL, keep, NULL, &c), 0);
	assert_string_equal(said.text, "");
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keepalived_files_run_unchanged),
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(globals_are_the_instances_defaults_wherever_they_stand),
		cmocka_unit_test(lease_is_derived_from_the_advert_interval_or_given),
		cmocka_unit_test(min_garp_changes_only_what_is_not_given),
		cmocka_unit_test(address_lines_take_their_options_in_any_order),
		cmocka_unit_test(tracking_refers_forward_and_takes_weights_from_its_block),
		cmocka_unit_test(commands_become_argument_vectors_and_users),
		cmocka_unit_test(both_grammars_mean_the_same),
		cmocka_unit_test(layout_changes_nothing),
		cmocka_unit_test(start_and_owner_rules_are_read),
		cmocka_unit_test(the_commented_reference_is_a_valid_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
