/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as a whole: what the keywords mean, what is refused and with which words, what is printed, and
 * what is advised. */
#include "test/unit/unit.h"

#include "test/unit/conf_fixture.h"
#include "test/unit/scratch.h"

#include <dirent.h>
#include <sys/stat.h>

#define FOLDER SCRATCH_HERE

/* An instance that lacks nothing; `more` goes into it, `before` before it. */
#define INSTANCE(more) \
	"vrrp_instance V {\n interface eth0\n virtual_router_id 51\n" more " virtual_ipaddress {\n 10.0.0.1\n }\n}\n"
#define INSTANCE_AT  "f.conf:4: " /* where `more` begins */
#define MYSQL(more)  "vrrp_mysql m {\n socket /s\n user u\n" more "}\n" INSTANCE(" track_mysql {\n m\n }\n")
#define SCRIPT(more) "vrrp_script s {\n script /x\n" more "}\n" INSTANCE(" track_script {\n s\n }\n")
#define GLOBAL(more) "global_defs {\n" more "}\n" INSTANCE("")
#define VIP(line)    "vrrp_instance V {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n " line "\n }\n}\n"

static void accepts(const char *text)
{
	warns(text, "");
}

static void prints_the_same(const char *a, const char *b)
{
	_cleanup_(freep) char *one = print_text(a);
	_cleanup_(freep) char *two = print_text(b);

	assert_string_equal(one, two);
}

static char *put_file(const char *name, const char *text, mode_t mode)
{
	static char path[256];
	FILE *f;

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* --- what is read ------------------------------------------------------------------------------------------------ */

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
	assert_string_equal(c->script_user, "root");
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

static void lease_that_could_not_hold_is_refused(void **state)
{
	(void)state;
	refuses(INSTANCE(" vip_lease 1\n"),
		INSTANCE_AT "error: vip_lease: \"1\" is none of auto, off and 2..100000 whole seconds\n");
	refuses(INSTANCE(" vip_lease 2.5\n"),
		INSTANCE_AT "error: vip_lease: \"2.5\" is none of auto, off and 2..100000 whole seconds\n");
	refuses(INSTANCE(" vip_lease 2\n"),
		INSTANCE_AT "error: vip_lease: 2 s is too short for advert_int 1: a host is missed after "
			    "3 adverts; at least 3, or auto\n");
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

/* --- what is refused --------------------------------------------------------------------------------------------- */

static void values_out_of_range_are_refused_with_what_is_allowed(void **state)
{
	static const struct {
		const char *text, *finding;
	} cases[] = {
		{ INSTANCE(" priority 0\n"), INSTANCE_AT "error: priority: 0 is not in 1..255\n" },
		{ INSTANCE(" priority 256\n"), INSTANCE_AT "error: priority: 256 is not in 1..255\n" },
		{ INSTANCE(" priority -1\n"), INSTANCE_AT "error: priority: -1 is not in 1..255\n" },
		{ INSTANCE(" priority 99999999999999999999\n"),
		  INSTANCE_AT "error: priority: 99999999999999999999 is not in 1..255\n" },
		{ INSTANCE(" priority 10abc\n"),
		  INSTANCE_AT "error: priority: \"10abc\" is not a decimal number in 1..255\n" },
		{ INSTANCE(" priority 0x10\n"),
		  INSTANCE_AT "error: priority: \"0x10\" is not a decimal number in 1..255\n" },
		{ INSTANCE(" priority 1.5\n"),
		  INSTANCE_AT "error: priority: \"1.5\" is not a decimal number in 1..255\n" },
		{ INSTANCE(" priority \"\"\n"),
		  INSTANCE_AT "error: priority: \"\" is not a decimal number in 1..255\n" },
		{ INSTANCE(" priority\n"), INSTANCE_AT "error: priority: a value is missing\n" },
		{ INSTANCE(" advert_int 0\n"), INSTANCE_AT "error: advert_int: 0 is not in 0.01..255 seconds\n" },
		{ INSTANCE(" advert_int 0.5\n"), INSTANCE_AT
		  "error: advert_int: 0.5 is not a whole number of seconds; version 2 needs 1..255, version "
		  "3 takes 0.01..40.95\n" },
		{ INSTANCE(" advert_int 41\n version 3\n"),
		  INSTANCE_AT "error: advert_int: 41 is not in 0.01..40.95 in steps of 0.01, as version 3 needs\n" },
		{ INSTANCE(" advert_int 0.015\n version 3\n"),
		  INSTANCE_AT "error: advert_int: 0.015 is not in 0.01..40.95 in steps of 0.01, as version 3 needs\n" },
		{ INSTANCE(" advert_int 1.0000001\n"),
		  INSTANCE_AT "error: advert_int: 1.0000001 is finer than a microsecond\n" },
		{ INSTANCE(" advert_int .\n"),
		  INSTANCE_AT "error: advert_int: \".\" is not a decimal number of seconds in 0.01..255\n" },
		{ INSTANCE(" version 4\n"), INSTANCE_AT "error: version: 4 is not in 2..3\n" },
		{ INSTANCE(" state FAULT\n"), INSTANCE_AT "error: state: \"FAULT\" is neither MASTER nor BACKUP\n" },
		{ INSTANCE(" lower_prio_no_advert ON\n"),
		  INSTANCE_AT "error: lower_prio_no_advert: \"ON\" is none of on, true, yes, off, false, no\n" },
		{ INSTANCE(" mcast_dst_ip 10.0.0.1\n"), INSTANCE_AT
		  "error: mcast_dst_ip: \"10.0.0.1\" is not a multicast address (224.0.0.0/4 or ff00::/8)\n" },
		{ INSTANCE(" mcast_src_ip eth0\n"),
		  INSTANCE_AT "error: mcast_src_ip: \"eth0\" is not an IP address\n" },
		{ SCRIPT(" weight 254\n"), "f.conf:3: error: weight: 254 is not in -253..253\n" },
		{ SCRIPT(" weight 1 revers\n"),
		  "f.conf:3: error: weight: \"revers\" is neither reverse nor noreverse\n" },
		{ SCRIPT(" interval 0\n"), "f.conf:3: error: interval: 0 is not in 0.001..4294 seconds\n" },
		{ SCRIPT(" rise 0\n"), "f.conf:3: error: rise: 0 is not in 1..1000000\n" },
		{ MYSQL(" interval 0.01\n"), "f.conf:4: error: interval: 0.01 is not in 0.05..3600 seconds\n" },
		{ MYSQL(" timeout 0.01\n"), "f.conf:4: error: timeout: 0.01 is not in 0.05..3600 seconds\n" },
		{ MYSQL(" reserved_port 65536\n"), "f.conf:4: error: reserved_port: 65536 is not in 1..65535\n" },
		{ GLOBAL(" control_socket x.sock\n"),
		  "f.conf:2: error: control_socket: \"x.sock\" is not an absolute path of at most 107 characters\n" },
		{ GLOBAL(" vrrp_version 1\n"), "f.conf:2: error: vrrp_version: 1 is not in 2..3\n" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		refuses(cases[i].text, cases[i].finding);
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "300.1.1.1", "virtual_ipaddress: \"300.1.1.1\" is not an IP address" },
		{ "10.0.0.1/0", "prefix length: 0 is not in 1..32" },
		{ "10.0.0.1/33", "prefix length: 33 is not in 1..32" },
		{ "10.0.0.1/", "prefix length: \"\" is not a decimal number in 1..32" },
		{ "224.0.0.1", "virtual_ipaddress: 224.0.0.1 is no address of a host (0/8, 127/8, 224/3)" },
		{ "0.0.0.0", "virtual_ipaddress: 0.0.0.0 is no address of a host (0/8, 127/8, 224/3)" },
		{ "10.0.0.1 dev", "dev: a value is missing" },
		{ "10.0.0.1 dev a/b", "dev: \"a/b\" is not the name of a network interface (1..15 characters)" },
		{ "10.0.0.1 brd +", "brd +: an address with /32 has no broadcast address" },
		{ "10.0.0.1 label 0123456789abcdef",
		  "label: \"0123456789abcdef\" must be 1..15 characters without blanks" },
		{ "10.0.0.1 scope nowher", "scope: \"nowher\" is none of global, site, link, host, nowhere, 0..255" },
		{ "10.0.0.1 lable x",
		  "\"lable\" is no option of an address (one address per line); do you mean label?" },
		{ "10.0.0.1 10.0.0.2", "\"10.0.0.2\" is no option of an address (one address per line)" },
		{ "10.0.0.1 use_vmac", "use_vmac: not supported by this version" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		char text[512], expected[512];

		snprintf(text, sizeof(text), VIP("%s"), cases[i][0]);
		snprintf(expected, sizeof(expected), "f.conf:5: error: %s\n", cases[i][1]);
		refuses(text, expected);
	}
	refuses(VIP(""), "f.conf:4: error: virtual_ipaddress: is empty; write an address in each line, such as "
			 "192.168.1.100/24\n");
}

static void more_addresses_than_an_advert_holds_are_refused(void **state)
{
	char text[16384];
	size_t n = (size_t)snprintf(text, sizeof(text),
				    "vrrp_instance V {\n interface e\n virtual_router_id 1\n"
				    " virtual_ipaddress {\n");

	(void)state;
	for (int i = 0; i < 256; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "10.0.%d.%d\n", 1 + i / 200, 1 + i % 200);
	snprintf(text + n, sizeof(text) - n, "}\n}\n");
	refuses(text, "f.conf:4: error: virtual_ipaddress: 256 addresses; virtual_ipaddress_excluded takes those "
		      "beyond what an "
		      "advertisement holds, 255\n");
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

static void contradictions_are_refused_not_resolved(void **state)
{
	(void)state;
	refuses(INSTANCE(" nopreempt\n state MASTER\n priority 9\n"),
		INSTANCE_AT "error: nopreempt: contradicts `state MASTER`; use `state BACKUP` on all hosts\n");
	refuses(INSTANCE(" nopreempt\n state BACKUP\n priority 255\n"),
		INSTANCE_AT "error: nopreempt: contradicts priority 255; use at most 254 on all hosts\n");
	refuses(INSTANCE(" timer_expired_backup\n"), INSTANCE_AT
		"error: timer_expired_backup: needs nopreempt; without it the host would take the addresses "
		"back\n");
	refuses(INSTANCE(" nopreempt\n preempt\n"), INSTANCE_AT "error: nopreempt: preempt is given, too\n");
	refuses(INSTANCE(" preempt_delay 5\n nopreempt\n"),
		INSTANCE_AT "error: preempt_delay: means nothing with `state MASTER`, nopreempt or priority 255\n");
	refuses(INSTANCE(" preempt_delay 5\n state MASTER\n priority 9\n"),
		INSTANCE_AT "error: preempt_delay: means nothing with `state MASTER`, nopreempt or priority 255\n");
	accepts(INSTANCE(" preempt_delay 0\n nopreempt\n"));
	refuses(INSTANCE(" authentication {\n auth_type PASS\n auth_pass x\n }\n version 3\n"), INSTANCE_AT
		"error: authentication: version 3 has none (RFC 9568); leave it out, or use version 2 or auth_hmac\n");
	refuses(INSTANCE(" authentication {\n auth_pass x\n }\n"),
		INSTANCE_AT "error: authentication: auth_type is missing (PASS)\n");
	refuses(INSTANCE(" authentication {\n auth_type PASS\n }\n"),
		INSTANCE_AT "error: authentication: auth_pass is missing\n");
	refuses(INSTANCE(" authentication {\n auth_type PASS\n auth_pass \"\"\n }\n"),
		"f.conf:6: error: auth_pass: must not be empty\n");
	refuses(INSTANCE(" authentication {\n auth_type AH\n auth_pass x\n }\n"),
		"f.conf:5: error: auth_type: AH is not supported by this version; PASS is\n");
}

static void nothing_is_claimed_twice(void **state)
{
	(void)state;
	refuses(INSTANCE("") "vrrp_instance W {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n "
			     "10.0.0.2\n }\n}\n",
		"f.conf:8: error: vrrp_instance W: virtual_router_id 51 on eth0 is that of V (line 1)\n");
	accepts(INSTANCE("") "vrrp_instance W {\n interface eth1\n virtual_router_id 51\n virtual_ipaddress {\n "
			     "10.0.0.2\n }\n}\n");
	refuses(INSTANCE("") "vrrp_instance V {\n interface eth1\n virtual_router_id 52\n virtual_ipaddress {\n "
			     "10.0.0.2\n }\n}\n",
		"f.conf:8: error: vrrp_instance V: there is one of this name in line 1\n");
	refuses(INSTANCE("") "vrrp_instance W {\n interface eth1\n virtual_router_id 52\n virtual_ipaddress {\n "
			     "10.0.0.1 dev "
			     "eth0\n }\n}\n",
		"f.conf:12: error: virtual_ipaddress: 10.0.0.1 is an address of vrrp_instance V already (line 5)\n");
	refuses(VIP("10.0.0.1\n10.0.0.1/24"),
		"f.conf:6: error: virtual_ipaddress: 10.0.0.1 is an address of vrrp_instance V already (line 5)\n");
	refuses(VIP("10.0.0.1\n10.0.0.1 dev eth1"),
		"f.conf:6: error: virtual_ipaddress: 10.0.0.1 is an address of vrrp_instance V already (line 5)\n");
	refuses("vrrp_script s {\n script /x\n}\n" SCRIPT(""),
		"f.conf:4: error: vrrp_script s: there is one of this name in line 1\n");
}

static void references_to_nothing_are_refused_with_the_nearest_name(void **state)
{
	(void)state;
	refuses("vrrp_mysql mysqld {\n socket /s\n user u\n}\n" INSTANCE(" track_mysql {\n mysql\n }\n"),
		"f.conf:9: error: track_mysql: there is no vrrp_mysql mysql; do you mean mysqld?\n");
	refuses(INSTANCE(" track_script {\n x\n }\n"), "f.conf:5: error: track_script: there is no vrrp_script x\n");
	refuses("vrrp_script s {\n script /x\n}\n" INSTANCE(" track_script {\n s\n s weight 3\n }\n"),
		"f.conf:9: error: track_script: s stands here twice\n");
	refuses("vrrp_script s {\n script /x\n}\n" INSTANCE(" track_script {\n s weigth 3\n }\n"),
		"f.conf:8: error: track_script: \"weigth\" is none of weight, reverse, noreverse (one name per "
		"line)\n");
	refuses("vrrp_script s {\n script /x\n}\n" INSTANCE(" track_script {\n s weight\n }\n"),
		"f.conf:8: error: track_script: the weight is missing (-253..253)\n");
}

static void missing_parts_are_named(void **state)
{
	(void)state;
	refuses("vrrp_instance V {\n}\n", "f.conf:1: error: vrrp_instance V: interface is missing\n"
					  "f.conf:1: error: vrrp_instance V: virtual_router_id is missing\n"
					  "f.conf:1: error: vrrp_instance V: virtual_ipaddress is missing\n");
	refuses("", "f.conf:1: error: there is no vrrp_instance; sqlvip.conf(5) shows a whole configuration\n");
	refuses("vrrp_script s {\n}\n" INSTANCE(" track_script {\n s\n }\n"),
		"f.conf:1: error: vrrp_script s: script is missing\n");
	refuses("vrrp_mysql m {\n}\n" INSTANCE(" track_mysql {\n m\n }\n"),
		"f.conf:1: error: vrrp_mysql m: needs socket PATH, or host ADDRESS [port N]\n"
		"f.conf:1: error: vrrp_mysql m: user is missing\n");
	refuses(MYSQL(" host 127.0.0.1\n"),
		"f.conf:4: error: host: vrrp_mysql m has a socket already; give one of the two\n");
	refuses(MYSQL(" port 3306\n"), "f.conf:4: error: port: means nothing without host\n");
}

static void names_and_tls_are_refused_because_they_block(void **state)
{
	(void)state;
	refuses("vrrp_mysql m {\n host db1\n user u\n}\n" INSTANCE(" track_mysql {\n m\n }\n"),
		"f.conf:2: error: host: \"db1\" is not a numeric address; looking names up would block\n");
	refuses(MYSQL(" ssl_ca /x\n"),
		"f.conf:4: error: ssl_ca: refused: the probe speaks no TLS, which would block; use "
		"the socket or a numeric address of this host\n");
}

static void what_would_change_the_vips_fate_is_refused_and_the_rest_ignored(void **state)
{
	(void)state;
	refuses("garp_group G {\n interval 1\n x {\n }\n}\n" INSTANCE(" use_vmac {\n eth1\n }\n no_accept\n"),
		"f.conf:1: error: garp_group: not supported by this version\n"
		"f.conf:9: error: use_vmac: not supported by this version\n"
		"f.conf:12: error: no_accept: refused: nobody could reach MySQL through the address\n");
	refuses(GLOBAL(" set_supplementary_groups\n vrrp_strict\n"),
		"f.conf:2: error: set_supplementary_groups: not supported by this version\n"
		"f.conf:3: error: vrrp_strict: not supported by this version; only `vrrp_strict off` is\n");
	warns(GLOBAL(" vrrp_strict off\n vrrp_no_swap\n notification_email {\n a@b\n }\n lvs_sync_daemon eth0 V\n"
		     " global_dump_file x\n") "virtual_server 10.0.0.1 80 {\n real_server 1 {\n }\n}\nvirtual_server "
					      "10.0.0.1 81 {\n}\n",
	      "f.conf:4: warning: notification_email: known to keepalived, of no use here; ignored\n"
	      "f.conf:7: warning: lvs_sync_daemon: known to keepalived, of no use here; ignored\n"
	      "f.conf:8: warning: global_dump_file: known to keepalived, of no use here; ignored\n"
	      "f.conf:17: warning: virtual_server: known to keepalived, of no use here; ignored\n");
}

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

/* --- secrets ----------------------------------------------------------------------------------------------------- */

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

static void users_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	assert_null(load_as("f.conf", INSTANCE(" notify /x arg1\n notify_stop \"/x\" root nogroup1\n"), true));
	assert_string_equal(said.text,
			    INSTANCE_AT "error: there is no user \"arg1\" on this host (a command with arguments "
					"needs quotes)\n"
					"f.conf:5: error: there is no group \"nogroup1\" on this host\n");
}

/* --- what is printed --------------------------------------------------------------------------------------------- */

static char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 100001);

	assert_non_null(f);
	*n = fread(text, 1, 100000, f);
	fclose(f);
	return text;
}

/* How many files of the folder were accepted; each of them must print what reads back to the same. */
static unsigned read_back_all(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned accepted = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[1024];
		_cleanup_(freep) char *text = NULL, *one = NULL, *two = NULL;
		struct conf *c = NULL;
		bool withheld = false;
		size_t n;

		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] == '.')
			continue;
		text = slurp(path, &n);
		if (conf_load_text(path, text, n, false, "host", NULL, NULL, &c) < 0)
			continue;
		for (size_t i = 0; i < c->n_mysqls; i++)
			withheld |= c->mysqls[i].password_inline;
		accepted++;
		one = print(c);
		conf_free(c);
		if (withheld)
			continue;
		c = load(one);
		two = print(c);
		conf_free(c);
		assert_string_equal(one, two);
	}
	closedir(d);
	return accepted;
}

static void what_is_printed_reads_back_to_the_same(void **state)
{
	(void)state;
	assert_int_equal(read_back_all("etc/examples/keepalived"), 2);
	assert_int_equal(read_back_all("etc/examples/two-hosts"), 3);
	assert_int_equal(read_back_all("etc/examples/unicast"), 2);
	assert_true(read_back_all("test/fuzz/corpus/conf") >= 5);
}

static void awkward_text_survives_printing(void **state)
{
	struct conf *c = load(
		"vrrp_instance \"{a#b!c\" {\n interface e@f\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1 "
		"label \"#{}!\"\n }\n notify \"'a  b' \\042q\\042 \\047 {#!} $X '' \\n\\xff end\"\n"
		" track_script {\n \"@$~\"\n }\n}\nvrrp_script \"@$~\" {\n script \"/a\\\\b\"\n}\n");
	char *one = print(c);
	struct conf *again = load(one);
	char *two = print(again);
	char **argv = again->instances[0].hooks[CONF_HOOK_ANY].argv;

	(void)state;
	assert_string_equal(one, two);
	assert_string_equal(again->instances[0].name, "{a#b!c");
	assert_string_equal(again->instances[0].vips[0].label, "#{}!");
	assert_string_equal(argv[0], "a  b");
	assert_string_equal(argv[1], "\"q\"");
	assert_string_equal(argv[2], "'");
	assert_string_equal(argv[3], "{#!}");
	assert_string_equal(argv[4], "$X");
	assert_string_equal(argv[5], "");
	assert_string_equal(argv[6], "\n\xff");
	assert_string_equal(argv[7], "end");
	assert_null(argv[8]);
	assert_string_equal(again->scripts[0].command.argv[0], "/a\\b");
	conf_free(c);
	conf_free(again);
	free(one);
	free(two);
}

static void text_that_could_not_be_printed_is_refused(void **state)
{
	(void)state;
	assert_null(load_as("f.cfg", "global_defs = { router_id = \"a\\\"b\"; };", false));
	assert_non_null(strstr(said.text, "router_id: double quotes and control characters cannot be used"));
	assert_null(load_as("f.cfg", "global_defs = { router_id = \"a\\nb\"; };", false));
	assert_non_null(strstr(said.text, "router_id: double quotes and control characters cannot be used"));
	assert_null(load_as("f.conf", GLOBAL(" router_id \xff\n"), false));
	assert_non_null(strstr(said.text, "router_id: is not UTF-8"));
	assert_null(load_as("f.cfg", "global_defs = { router_id = \"${_HASH}\"; };", false));
	assert_non_null(strstr(said.text, "router_id: $_ and ${_ cannot be used"));
}

/* --- what is advised --------------------------------------------------------------------------------------------- */

struct advice {
	char top[2048], inside[4][512];
	int instance; /* whose lines come; -1: top level */
	unsigned lines;
};

static void take_advice(void *user, const char *text)
{
	struct advice *a = user;
	char *out;

	a->lines++;
	if (strncmp(text, "# at the top level", 18) == 0)
		a->instance = -1;
	else if (strncmp(text, "# inside vrrp_instance", 22) == 0)
		a->instance++;
	out = a->instance < 0 ? a->top : a->inside[a->instance];
	strcat(out, text);
	strcat(out, "\n");
}

/* Pastes the advice where its comments say and expects a configuration without findings in which MySQL is watched. */
static void advice_works(const char *name, const char *head, const char *first, const char *second, const char *tail)
{
	char text[8192];
	struct advice a = { .instance = -1 };
	struct conf *c;

	snprintf(text, sizeof(text), "%s%s%s%s", head, first, second, tail);
	c = load_as(name, text, false);
	assert_string_equal(said.text, "");
	conf_advise(c, take_advice, &a);
	conf_free(c);
	assert_true(a.lines > 0);
	snprintf(text, sizeof(text), "%s\n%s%s%s%s%s%s", a.top, head, a.inside[0], first, a.inside[1], second, tail);
	c = load_as(name, text, false);
	assert_string_equal(said.text, "");
	for (size_t i = 0; i < c->n_instances; i++)
		assert_int_equal(c->instances[i].tracks.of[CONF_TRACK_MYSQL].n, 1);
	assert_string_equal(c->mysqls[0].probe.socket, "/run/mysqld/mysqld.sock");
	assert_string_equal(c->mysqls[0].probe.user, "sqlvip");
	assert_int_equal(c->mysqls[0].probe.interval_us, 200000);
	assert_int_equal(c->mysqls[0].probe.timeout_us, 1000000);
	memset(&a, 0, sizeof(a));
	conf_advise(c, take_advice, &a);
	assert_int_equal(a.lines, 0);
	conf_free(c);
}

static void pasting_the_advice_makes_mysql_watched(void **state)
{
	(void)state;
	advice_works(
		"f.conf", "vrrp_instance A {\n",
		" interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1\n }\n}\nvrrp_instance B {\n",
		" interface eth0\n virtual_router_id 2\n virtual_ipaddress {\n 10.0.0.2\n }\n}\n", "");
	advice_works("f.cfg", "vrrp_instance = ( { name = \"A\"; interface = \"eth0\";\n",
		     "virtual_router_id = 1; virtual_ipaddress = ( \"10.0.0.1\" ); },\n{ name = \"B\"; interface = "
		     "\"eth0\";\n",
		     "virtual_router_id = 2; virtual_ipaddress = ( \"10.0.0.2\" ); } );\n", "");
}

static void who_tracks_something_gets_no_advice(void **state)
{
	struct advice a = { .instance = -1 };
	struct conf *c = load(SCRIPT(""));

	(void)state;
	conf_advise(c, take_advice, &a);
	assert_int_equal(a.lines, 0);
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
		cmocka_unit_test(lease_that_could_not_hold_is_refused),
		cmocka_unit_test(min_garp_changes_only_what_is_not_given),
		cmocka_unit_test(address_lines_take_their_options_in_any_order),
		cmocka_unit_test(tracking_refers_forward_and_takes_weights_from_its_block),
		cmocka_unit_test(commands_become_argument_vectors_and_users),
		cmocka_unit_test(both_grammars_mean_the_same),
		cmocka_unit_test(layout_changes_nothing),
		cmocka_unit_test(values_out_of_range_are_refused_with_what_is_allowed),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(more_addresses_than_an_advert_holds_are_refused),
		cmocka_unit_test(start_and_owner_rules_are_read),
		cmocka_unit_test(contradictions_are_refused_not_resolved),
		cmocka_unit_test(nothing_is_claimed_twice),
		cmocka_unit_test(references_to_nothing_are_refused_with_the_nearest_name),
		cmocka_unit_test(missing_parts_are_named),
		cmocka_unit_test(names_and_tls_are_refused_because_they_block),
		cmocka_unit_test(what_would_change_the_vips_fate_is_refused_and_the_rest_ignored),
		cmocka_unit_test(everything_wrong_is_reported_at_once),
		cmocka_unit_test(findings_come_in_the_order_of_files_and_lines),
		cmocka_unit_test(what_a_finding_refers_to_in_another_file_is_named_with_it),
		cmocka_unit_test(findings_are_bounded_in_number),
		cmocka_unit_test(terminal_controls_do_not_reach_a_message),
		cmocka_unit_test(warnings_tell_what_keepalived_would_do),
		cmocka_unit_test(libconfig_errors_have_their_place),
		cmocka_unit_test(passwords_in_files_are_read_and_printed_as_the_file),
		cmocka_unit_test(secrets_that_others_may_read_are_refused),
		cmocka_unit_test(an_inline_password_is_withheld_and_the_stand_in_refused),
		cmocka_unit_test(option_files_give_what_the_block_does_not),
		cmocka_unit_test(files_that_cannot_be_read_are_reported),
		cmocka_unit_test(users_that_do_not_exist_are_refused),
		cmocka_unit_test(what_is_printed_reads_back_to_the_same),
		cmocka_unit_test(awkward_text_survives_printing),
		cmocka_unit_test(text_that_could_not_be_printed_is_refused),
		cmocka_unit_test(pasting_the_advice_makes_mysql_watched),
		cmocka_unit_test(who_tracks_something_gets_no_advice),
		cmocka_unit_test(the_commented_reference_is_a_valid_configuration),
	};

	return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
