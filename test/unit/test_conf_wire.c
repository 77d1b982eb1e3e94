/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of how an instance speaks, address families and unicast above all, and of its addresses. */
#include "test/unit/unit.h"

#include "agent/netif/netif.h"
#include "test/unit/conf_fixture.h"

#define HEAD "vrrp_instance V {\n interface eth0\n virtual_router_id 51\n"
/* `more` begins in line 4; the addresses follow it. */
#define WITH(more, vips) HEAD more " virtual_ipaddress {\n" vips " }\n}\n"
#define SIX(more)        WITH(more, " fe80::100\n 2001:db8::100/64\n")
#define FOUR(more)       WITH(more, " 10.0.0.1\n")
#define UNI(more)        FOUR(" unicast_peer {\n 10.0.0.2\n }\n" more)
#define VIP(line)        HEAD " virtual_ipaddress {\n " line "\n }\n}\n"

static struct conf_instance *only(struct conf *c)
{
	assert_int_equal(c->n_instances, 1);
	return &c->instances[0];
}

static bool is(const struct ip_addr *a, const char *text)
{
	char buf[IP_STR_MAX];

	return strcmp(ip_format(a, buf), text) == 0;
}

/* --- families ---------------------------------------------------------------------------------------------------- */

static void first_address_decides_the_family_and_ipv6_means_version_3(void **state)
{
	struct conf *c =
		load_without_a_word("global_defs {\n vrrp_version 2\n vrrp_mcast_group6 ff02::77\n}\n" SIX(""));

	(void)state;
	assert_int_equal(only(c)->family, AF_INET6);
	assert_int_equal(only(c)->version, 3);
	assert_true(is(&only(c)->group, "ff02::77"));
	assert_int_equal(only(c)->vips[0].prefix.len, 128);
	assert_int_equal(only(c)->vips[1].prefix.len, 64);
	conf_free(c);
	c = load_without_a_word(FOUR(""));
	assert_int_equal(only(c)->family, AF_INET);
	assert_int_equal(only(c)->version, 2);
	assert_true(is(&only(c)->group, "224.0.0.18"));
	conf_free(c);
	c = load_without_a_word(SIX(" native_ipv6\n mcast_dst_ip ff02::99\n mcast_src_ip fe80::1\n"));
	assert_true(is(&only(c)->group, "ff02::99"));
	assert_true(is(&only(c)->src_ip, "fe80::1"));
	conf_free(c);
}

static void families_do_not_mix(void **state)
{
	(void)state;
	refuses(WITH("", " 10.0.0.1\n fe80::1\n"),
		"f.conf:6: error: virtual_ipaddress: fe80::1: the first address is IPv4, and all must be; use "
		"virtual_ipaddress_excluded, or an instance of its own\n");
	refuses(SIX(" version 2\n"), "f.conf:4: error: version: 2 has no IPv6 (RFC 3768); use version 3\n");
	refuses(SIX(" mcast_src_ip 10.0.0.9\n"), "f.conf:4: error: mcast_src_ip: 10.0.0.9: the instance is IPv6\n");
	refuses(SIX(" mcast_dst_ip 224.0.0.18\n"), "f.conf:4: error: mcast_dst_ip: 224.0.0.18: the instance is IPv6\n");
	refuses(FOUR(" unicast_peer {\n fe80::2\n }\n"),
		"f.conf:4: error: unicast_peer: fe80::2: the instance is IPv4\n");
	refuses(FOUR(" native_ipv6\n"), "f.conf:4: error: native_ipv6: the addresses are IPv4\n");
	refuses("global_defs {\n vrrp_mcast_group6 224.0.0.1\n}\n" FOUR(""),
		"f.conf:2: error: vrrp_mcast_group6: \"224.0.0.1\" is not an IPv6 multicast address (ff00::/8)\n");
	refuses("global_defs {\n vrrp_mcast_group4 ff02::1\n}\n" FOUR(""),
		"f.conf:2: error: vrrp_mcast_group4: \"ff02::1\" is not an IPv4 multicast address (224.0.0.0/4)\n");
}

static void a_vrid_is_taken_per_family_group_and_kind(void **state)
{
#define SECOND(more, vip)                                                                                         \
	"vrrp_instance W {\n interface eth0\n virtual_router_id 51\n" more " virtual_ipaddress {\n " vip "\n }\n" \
	"}\n"
	(void)state;
	conf_free(load_without_a_word(FOUR("") SECOND("", "fe80::1")));
	conf_free(load_without_a_word(FOUR("") SECOND(" mcast_dst_ip 224.0.0.77\n", "10.0.0.9")));
	conf_free(load_without_a_word(FOUR("") SECOND(" unicast_peer {\n 10.0.0.2\n }\n", "10.0.0.9")));
	conf_free(load_without_a_word(UNI("") SECOND(" unicast_peer {\n 10.0.0.3\n }\n", "10.0.0.9")));
	refuses(FOUR("") SECOND("", "10.0.0.9"),
		"f.conf:8: error: vrrp_instance W: virtual_router_id 51 on eth0 is that of V (line 1)\n");
	refuses(UNI("") SECOND(" unicast_peer {\n 10.0.0.3\n 10.0.0.2\n }\n", "10.0.0.9"),
		"f.conf:11: error: vrrp_instance W: virtual_router_id 51 on eth0 is that of V (line 1), and they share "
		"a "
		"unicast_peer\n");
	refuses(SIX("") SECOND("", "2001:db8::100"),
		"f.conf:9: error: vrrp_instance W: virtual_router_id 51 on eth0 is that of V (line 1)\n"
		"f.conf:13: error: virtual_ipaddress: 2001:db8::100 is an address of vrrp_instance V already (line "
		"6)\n");
}

/* --- addresses --------------------------------------------------------------------------------------------------- */

static void c11_excluded_addresses_follow_the_others_and_may_be_of_any_family(void **state)
{
	struct conf *c =
		load_without_a_word(FOUR(" virtual_ipaddress_excluded {\n 10.0.0.9/24 dev eth1\n fe80::9\n }\n"));

	(void)state;
	assert_int_equal(only(c)->n_advertised, 1);
	assert_int_equal(only(c)->n_vips, 3);
	assert_true(is(&only(c)->vips[0].prefix.addr, "10.0.0.1"));
	assert_true(is(&only(c)->vips[1].prefix.addr, "10.0.0.9"));
	assert_string_equal(only(c)->vips[1].dev, "eth1");
	assert_true(is(&only(c)->vips[2].prefix.addr, "fe80::9"));
	conf_free(c);
	refuses(FOUR(" virtual_ipaddress_excluded {\n 10.0.0.1\n }\n"),
		"f.conf:8: error: virtual_ipaddress: 10.0.0.1 is an address of vrrp_instance V already (line 5)\n");
}

static void an_instance_may_have_no_addresses_if_it_says_so(void **state)
{
	struct conf *c = load_without_a_word(HEAD " no_virtual_ipaddress\n native_ipv6\n}\n");

	(void)state;
	assert_int_equal(only(c)->n_vips, 0);
	assert_int_equal(only(c)->family, AF_INET6);
	conf_free(c);
	c = load_without_a_word(HEAD " no_virtual_ipaddress\n virtual_ipaddress_excluded {\n 10.0.0.1\n }\n}\n");
	assert_int_equal(only(c)->n_advertised, 0);
	assert_int_equal(only(c)->n_vips, 1);
	conf_free(c);
	refuses(FOUR(" no_virtual_ipaddress\n"),
		"f.conf:4: error: no_virtual_ipaddress: virtual_ipaddress is given, too\n");
	refuses(HEAD "}\n", "f.conf:1: error: vrrp_instance V: virtual_ipaddress is missing\n");
}

static void c86_options_of_an_address_are_understood(void **state)
{
	struct conf *c = load_without_a_word(
		WITH("", " 2001:db8::1/64 -nodad preferred_lft 30 home mngtmpaddr noprefixroute no_track\n"
			 " 2001:db8::2 preferred_lft forever peer 2001:db8::3/127\n"));
	const struct conf_vip *v = only(c)->vips;

	(void)state;
	assert_int_equal(v[0].flags, IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE);
	assert_true(v[0].dad && v[0].has_preferred && v[0].no_track);
	assert_int_equal(v[0].preferred_s, 30);
	assert_false(v[1].dad);
	assert_true(v[1].has_preferred);
	assert_int_equal(v[1].preferred_s, UINT32_MAX);
	assert_int_equal(v[1].prefix.len, 127);
	assert_true(is(&v[1].peer, "2001:db8::3"));
	conf_free(c);
	c = load_without_a_word(VIP("10.0.0.1/24 brd -"));
	assert_int_equal(ntohl(only(c)->vips[0].brd.s_addr), 0x0a000000);
	conf_free(c);
	c = load_without_a_word(VIP("10.0.0.1/24 brd + noprefixroute"));
	assert_int_equal(ntohl(only(c)->vips[0].brd.s_addr), 0x0a0000ff);
	conf_free(c);
	c = load_without_a_word(VIP("10.0.0.1 peer 10.0.0.2"));
	assert_int_equal(only(c)->vips[0].prefix.len, 32);
	conf_free(c);
}

static void wrong_options_of_an_address_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "10.0.0.1 -nodad", "-nodad: is for IPv6 addresses only" },
		{ "10.0.0.1 home", "home: is for IPv6 addresses only" },
		{ "10.0.0.1 preferred_lft 3", "preferred_lft: is for IPv6 addresses only" },
		{ "fe80::1 label x", "label: is for IPv4 addresses only" },
		{ "fe80::1 brd +", "brd: is for IPv4 addresses only" },
		{ "fe80::1 scope link", "scope: is for IPv4 addresses only" },
		{ "fe80::1 autojoin", "autojoin: the kernel takes it for multicast addresses only" },
		{ "fe80::1/65 mngtmpaddr", "mngtmpaddr: needs a prefix length of 64" },
		{ "fe80::1 preferred_lft 4294967295", "preferred_lft: 4294967295 is not in 0..4294967294" },
		{ "10.0.0.1 peer fe80::1", "peer: \"fe80::1\" is not another IPv4 address" },
		{ "10.0.0.1 peer 10.0.0.1", "peer: \"10.0.0.1\" is not another IPv4 address" },
		{ "10.0.0.1/24 peer 10.0.0.2/30",
		  "peer: \"10.0.0.2/30\": the prefix length stands with the address already" },
		{ "10.0.0.1/24 peer 10.0.0.2 brd +", "peer: a point-to-point address has no brd" },
		{ "fe80::1 prefered_lft 3",
		  "\"prefered_lft\" is no option of an address (one address per line); do you "
		  "mean preferred_lft?" },
		{ "ff02::1", "virtual_ipaddress: ff02::1 is no address of a host (::, ::1, ff00::/8, ::ffff:0:0/96)" },
		{ "::", "virtual_ipaddress: :: is no address of a host (::, ::1, ff00::/8, ::ffff:0:0/96)" },
		{ "::1", "virtual_ipaddress: ::1 is no address of a host (::, ::1, ff00::/8, ::ffff:0:0/96)" },
		{ "::ffff:10.0.0.1",
		  "virtual_ipaddress: ::ffff:10.0.0.1 is no address of a host (::, ::1, ff00::/8, ::ffff:0:0/96)" },
		{ "fe80::1/129", "prefix length: 129 is not in 1..128" },
		{ "fe80::1%eth0", "virtual_ipaddress: \"fe80::1%eth0\" is not an IP address" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		char text[512], expected[512];

		snprintf(text, sizeof(text), VIP("%s"), cases[i][0]);
		snprintf(expected, sizeof(expected), "f.conf:5: error: %s\n", cases[i][1]);
		refuses(text, expected);
	}
}

static void c87_five_hundred_excluded_addresses_are_taken(void **state)
{
	char text[65536];
	size_t n = (size_t)snprintf(text, sizeof(text),
				    HEAD " virtual_ipaddress {\n 10.0.0.1\n }\n"
					 " virtual_ipaddress_excluded {\n");
	struct conf *c;

	(void)state;
	for (int i = 0; i < 500; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " 10.1.%d.%d\n", i / 250, i % 250 + 1);
	snprintf(text + n, sizeof(text) - n, " }\n}\n");
	c = load_without_a_word(text);
	assert_int_equal(only(c)->n_vips, 501);
	conf_free(c);
}

/* --- unicast ----------------------------------------------------------------------------------------------------- */

static void peers_make_an_instance_unicast(void **state)
{
	struct conf *c =
		load_without_a_word(FOUR(" version 3\n unicast_src_ip 10.0.0.9\n unicast_ttl 7\n"
					 " unicast_peer {\n 10.0.0.2\n 10.0.0.3 min_ttl 254 max_ttl 255\n }\n"));
	const struct conf_instance *i = only(c);

	(void)state;
	assert_true(i->unicast && i->check_unicast_src); /* implied by the range */
	assert_true(is(&i->src_ip, "10.0.0.9"));
	assert_int_equal(i->unicast_ttl, 7);
	assert_int_equal(i->n_peers, 2);
	assert_int_equal(i->peers[0].min_ttl, 0);
	assert_int_equal(i->peers[0].max_ttl, 255);
	assert_int_equal(i->peers[1].min_ttl, 254);
	assert_true(i->csum == VRRP_CSUM_PSEUDO && i->csum_group_learned && !i->csum_group_refused);
	conf_free(c);
	c = load_without_a_word(UNI(""));
	assert_true(only(c)->unicast && !only(c)->check_unicast_src);
	assert_int_equal(only(c)->unicast_ttl, 255);
	conf_free(c);
	c = load_without_a_word("global_defs {\n vrrp_check_unicast_src\n}\n" UNI(""));
	assert_true(only(c)->check_unicast_src);
	conf_free(c);
	c = load_without_a_word("global_defs {\n vrrp_check_unicast_src\n}\n" FOUR(""));
	assert_false(only(c)->check_unicast_src);
	conf_free(c);
}

static void old_unicast_checksum_is_spoken_learned_or_refused(void **state)
{
	struct conf *c = load_without_a_word(UNI(" version 3\n old_unicast_checksum\n"));

	(void)state;
	assert_true(only(c)->csum == VRRP_CSUM_GROUP && !only(c)->csum_group_learned);
	conf_free(c);
	c = load_without_a_word(UNI(" version 3\n old_unicast_checksum never\n"));
	assert_true(only(c)->csum == VRRP_CSUM_PSEUDO && only(c)->csum_group_refused && !only(c)->csum_group_learned);
	conf_free(c);
	c = load_without_a_word(UNI(" version 3\n v3_checksum_as_v2\n"));
	assert_true(only(c)->csum == VRRP_CSUM_PLAIN && !only(c)->csum_group_learned);
	conf_free(c);
	refuses(UNI(" version 3\n old_unicast_checksum always\n"),
		"f.conf:8: error: old_unicast_checksum: \"always\" is not never; without a value it means always\n");
	refuses(UNI(" version 3\n old_unicast_checksum\n v3_checksum_as_v2\n"),
		"f.conf:8: error: old_unicast_checksum: contradicts v3_checksum_as_v2\n");
	warns(UNI(" version 2\n old_unicast_checksum\n"),
	      "f.conf:8: warning: old_unicast_checksum: only version 3 over IPv4 has it; of no effect\n");
}

static void wrong_peers_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "db1", "unicast_peer: \"db1\" is not an IP address" },
		{ "224.0.0.18", "unicast_peer: 224.0.0.18 is no address of a host" },
		{ "127.0.0.1", "unicast_peer: 127.0.0.1 is no address of a host" },
		{ "10.0.0.2 ttl 3", "unicast_peer: \"ttl\" is none of min_ttl, max_ttl (one address per line)" },
		{ "10.0.0.2 min_ttl", "unicast_peer: min_ttl: a value is missing" },
		{ "10.0.0.2 max_ttl 256", "max_ttl: 256 is not in 0..255" },
		{ "10.0.0.2 min_ttl 9 max_ttl 8", "unicast_peer: min_ttl 9 is above max_ttl 8" },
		{ "10.0.0.3", "unicast_peer: 10.0.0.3 stands here twice" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		char text[512], expected[512];

		snprintf(text, sizeof(text), FOUR(" unicast_peer {\n 10.0.0.3\n %s\n }\n"), cases[i][0]);
		snprintf(expected, sizeof(expected), "f.conf:6: error: %s\n", cases[i][1]);
		refuses(text, expected);
	}
	refuses(UNI(" unicast_src_ip 10.0.0.2\n"),
		"f.conf:4: error: unicast_peer: 10.0.0.2 is unicast_src_ip, too, and so "
		"ourselves\n");
	refuses(UNI(" unicast_src_ip 10.0.0.9\n mcast_src_ip 10.0.0.9\n"),
		"f.conf:7: error: unicast_src_ip: mcast_src_ip is given, too\n");
	refuses(UNI(" unicast_ttl 256\n"), "f.conf:7: error: unicast_ttl: 256 is not in 0..255\n");
}

static void keywords_of_unicast_mean_nothing_without_it(void **state)
{
	(void)state;
	warns(FOUR(" unicast_ttl 3\n check_unicast_src\n old_unicast_checksum\n"),
	      "f.conf:4: warning: unicast_ttl: is for unicast, and there is no unicast_peer; ignored\n"
	      "f.conf:5: warning: check_unicast_src: is for unicast, and there is no unicast_peer; ignored\n"
	      "f.conf:6: warning: old_unicast_checksum: is for unicast, and there is no unicast_peer; ignored\n");
	warns(FOUR(" unicast_src_ip 10.0.0.9\n"),
	      "f.conf:4: warning: vrrp_instance V: unicast without unicast_peer: nobody is told, so that every host "
	      "that is "
	      "configured like this takes the addresses; unicast_fault_no_peer would prevent it\n");
	conf_free(load_without_a_word(FOUR(" unicast_src_ip 10.0.0.9\n unicast_fault_no_peer\n")));
}

static void what_is_printed_reads_back(void **state)
{
	(void)state;
	text_reads_back(SIX(" promote_secondaries\n skip_check_adv_addr\n"));
	text_reads_back(
		"global_defs {\n log_unknown_vrids\n vrrp_mcast_group6 ff02::77\n}\n" SIX(" mcast_src_ip fe80::1\n"));
	text_reads_back(HEAD " no_virtual_ipaddress\n native_ipv6\n}\n");
	text_reads_back(HEAD " no_virtual_ipaddress\n virtual_ipaddress_excluded {\n 10.0.0.1\n fe80::1\n }\n}\n");
	text_reads_back(
		FOUR(" virtual_ipaddress_excluded {\n 10.0.0.9/24 dev eth1 brd + label x scope host noprefixroute\n"
		     " fe80::9/64 -nodad home preferred_lft 9\n fe80::a peer fe80::b preferred_lft forever\n }\n"));
	text_reads_back(UNI(" version 3\n unicast_ttl 7\n check_unicast_src\n old_unicast_checksum\n"));
	text_reads_back(UNI(" version 3\n old_unicast_checksum never\n unicast_src_ip 10.0.0.9\n"));
	text_reads_back(FOUR(" unicast_peer {\n 10.0.0.2 min_ttl 1 max_ttl 9\n 10.0.0.3 max_ttl 9\n }\n"));
	text_reads_back(FOUR(" unicast_src_ip 10.0.0.9\n unicast_fault_no_peer\n"));
	text_reads_back(WITH(" unicast_peer {\n fd00::2\n }\n unicast_src_ip fd00::1\n", " fe80::1\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_address_decides_the_family_and_ipv6_means_version_3),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(a_vrid_is_taken_per_family_group_and_kind),
		cmocka_unit_test(c11_excluded_addresses_follow_the_others_and_may_be_of_any_family),
		cmocka_unit_test(an_instance_may_have_no_addresses_if_it_says_so),
		cmocka_unit_test(c86_options_of_an_address_are_understood),
		cmocka_unit_test(wrong_options_of_an_address_are_refused),
		cmocka_unit_test(c87_five_hundred_excluded_addresses_are_taken),
		cmocka_unit_test(peers_make_an_instance_unicast),
		cmocka_unit_test(old_unicast_checksum_is_spoken_learned_or_refused),
		cmocka_unit_test(wrong_peers_are_refused),
		cmocka_unit_test(keywords_of_unicast_mean_nothing_without_it),
		cmocka_unit_test(what_is_printed_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
