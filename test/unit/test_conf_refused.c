/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, and with which words. */
#include "test/unit/unit.h"

#include "test/unit/conf_texts.h"

static void accepts(const char *text)
{
	warns(text, "");
}

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

static void users_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	assert_null(load_as("f.conf", INSTANCE(" notify /x arg1\n notify_stop \"/x\" root nogroup1\n"), true));
	assert_string_equal(said.text,
			    INSTANCE_AT "error: there is no user \"arg1\" on this host (a command with arguments "
					"needs quotes)\n"
					"f.conf:5: error: there is no group \"nogroup1\" on this host\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lease_that_could_not_hold_is_refused),
		cmocka_unit_test(values_out_of_range_are_refused_with_what_is_allowed),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(more_addresses_than_an_advert_holds_are_refused),
		cmocka_unit_test(contradictions_are_refused_not_resolved),
		cmocka_unit_test(nothing_is_claimed_twice),
		cmocka_unit_test(references_to_nothing_are_refused_with_the_nearest_name),
		cmocka_unit_test(missing_parts_are_named),
		cmocka_unit_test(names_and_tls_are_refused_because_they_block),
		cmocka_unit_test(what_would_change_the_vips_fate_is_refused_and_the_rest_ignored),
		cmocka_unit_test(users_that_do_not_exist_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
