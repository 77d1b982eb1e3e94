/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload finds to be different. */
#include "test/unit/unit.h"

#include "agent/conf/diff.h"

#define INSTANCE(name, rest)                                                                                    \
	"vrrp_instance " name " {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.1\n " \
	"192.0.2.2\n }\n" rest "\n}\n"
#define MYSQL(rest) "vrrp_mysql db {\n socket /run/mysqld.sock\n user probe\n" rest "\n}\n"

static void note_finding(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user;
	if (level == CONF_ERROR)
		fail_msg("line %u: %s", where->line, text);
}

static struct conf *read_conf(const char *text)
{
	struct conf *c = NULL;

	assert_int_equal(conf_load_text("test.conf", text, strlen(text), false, NULL, note_finding, NULL, &c), 0);
	return c;
}

static void add_line(void *user, const char *block, char sign, const char *text)
{
	FILE *out = user;

	fprintf(out, "%s%c%s\n", block, sign, text);
}

static void assert_diff(const char *old_text, const char *fresh_text, const char *expected)
{
	struct conf *old = read_conf(old_text), *fresh = read_conf(fresh_text);
	_cleanup_(freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	conf_diff(old, fresh, add_line, out);
	fclose(out);
	assert_string_equal(text, expected);
	conf_free(old);
	conf_free(fresh);
}

static void same_values_are_no_difference_however_they_are_written(void **state)
{
	(void)state;
	assert_diff(INSTANCE("VI_1", "priority 100"), "# a word\n" INSTANCE("VI_1", "advert_int 1"), "");
}

static void changed_value_is_told_with_its_block(void **state)
{
	(void)state;
	assert_diff(INSTANCE("VI_1", "priority 100"), INSTANCE("VI_1", "priority 150"),
		    "vrrp_instance VI_1-priority 100\nvrrp_instance VI_1+priority 150\n");
	assert_diff(INSTANCE("VI_1", "priority 254"), INSTANCE("VI_1", "priority 252"),
		    "vrrp_instance VI_1-priority 254\nvrrp_instance VI_1+priority 252\n");
}

static void added_address_is_the_only_difference(void **state)
{
	(void)state;
	assert_diff(INSTANCE("VI_1", ""),
		    "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.2\n "
		    "192.0.2.3\n 192.0.2.1\n }\n}\n",
		    "vrrp_instance VI_1+virtual_ipaddress 192.0.2.3/32 dev eth0 scope global\n");
}

static void blocks_that_come_and_go_are_told_as_a_whole(void **state)
{
	(void)state;
	assert_diff(MYSQL("") INSTANCE("VI_1", "track_mysql {\n db\n}"),
		    "vrrp_script s {\n script /bin/true\n user root\n}\n" INSTANCE("VI_1", "track_script {\n s\n}"),
		    "vrrp_mysql db-\nvrrp_instance VI_1-track_mysql db weight 0 noreverse\n"
		    "vrrp_instance VI_1+track_script s weight 0 noreverse\nvrrp_script s+\n");
}

static void another_password_is_told_and_not_shown(void **state)
{
	(void)state;
	assert_diff(MYSQL("password secret1") INSTANCE("VI_1", "track_mysql {\n db\n}"),
		    MYSQL("password secret2") INSTANCE("VI_1", "track_mysql {\n db\n}"),
		    "vrrp_mysql db+another password\n");
}

static void global_values_need_a_restart_unless_known_better(void **state)
{
	(void)state;
	assert_true(conf_global_is_live("router_id x"));
	assert_true(conf_global_is_live("state_directory /var/lib/x"));
	assert_false(conf_global_is_live("router_identity x"));
	assert_false(conf_global_is_live("control_socket /run/x"));
	assert_false(conf_global_is_live("whatever_comes on"));
}

static void router_is_known_by_what_the_peers_see(void **state)
{
	struct conf *a = read_conf(INSTANCE("VI_1", "priority 100"));
	struct conf *b = read_conf(INSTANCE("renamed", "priority 150\nadvert_int 2\nnopreempt"));
	struct conf *c = read_conf(INSTANCE("VI_1", "version 3"));

	(void)state;
	assert_true(conf_same_router(&a->instances[0], &b->instances[0]));
	assert_false(conf_same_router(&a->instances[0], &c->instances[0]));
	conf_free(a);
	conf_free(b);
	conf_free(c);
	a = read_conf(INSTANCE("VI_1", "unicast_peer {\n 192.0.2.7\n }"));
	b = read_conf(INSTANCE("VI_1", "unicast_peer {\n 192.0.2.8\n }"));
	c = read_conf(INSTANCE("VI_1", ""));
	assert_true(conf_same_router(&a->instances[0], &b->instances[0])); /* a peer more or less */
	assert_false(conf_same_router(&a->instances[0], &c->instances[0]));
	conf_free(a);
	conf_free(b);
	conf_free(c);
}

static void address_is_the_same_whatever_is_tracked(void **state)
{
	struct conf *a = read_conf(INSTANCE("VI_1", ""));
	struct conf_vip x = a->instances[0].vips[0], y = x;

	(void)state;
	assert_true(conf_same_vip(&x, &y, "eth0"));
	y.no_track = true;
	strcpy(y.dev, "eth0");
	assert_true(conf_same_vip(&x, &y, "eth0"));
	strcpy(y.label, "eth0:1");
	assert_false(conf_same_vip(&x, &y, "eth0"));
	conf_free(a);
}

static void vip_of_any_instance_is_known(void **state)
{
	struct conf *c = read_conf(INSTANCE("VI_1", "") "vrrp_instance VI_2 {\n interface eth1\n virtual_router_id 7\n "
							"virtual_ipaddress {\n 198.51.100.7/24\n 10.0.0.1\n }\n}\n");
	struct ip_addr addr;

	(void)state;
	for (const char *const *text =
		     (const char *const[]){ "192.0.2.1", "192.0.2.2", "198.51.100.7", "10.0.0.1", NULL };
	     *text; text++) {
		assert_true(ip_parse(*text, &addr));
		assert_true(conf_is_vip(c, &addr));
	}
	for (const char *const *text = (const char *const[]){ "192.0.2.3", "0.0.0.0", "::", "2001:db8::1", NULL };
	     *text; text++) {
		assert_true(ip_parse(*text, &addr));
		assert_false(conf_is_vip(c, &addr));
	}
	conf_free(c);
}

static void configuration_lives_as_long_as_somebody_holds_it(void **state)
{
	struct conf *a = read_conf(INSTANCE("VI_1", "")), *b = conf_ref(a);

	(void)state;
	conf_free(a);
	assert_string_equal(b->instances[0].name, "VI_1");
	conf_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_values_are_no_difference_however_they_are_written),
		cmocka_unit_test(changed_value_is_told_with_its_block),
		cmocka_unit_test(added_address_is_the_only_difference),
		cmocka_unit_test(blocks_that_come_and_go_are_told_as_a_whole),
		cmocka_unit_test(another_password_is_told_and_not_shown),
		cmocka_unit_test(global_values_need_a_restart_unless_known_better),
		cmocka_unit_test(router_is_known_by_what_the_peers_see),
		cmocka_unit_test(address_is_the_same_whatever_is_tracked),
		cmocka_unit_test(vip_of_any_instance_is_known),
		cmocka_unit_test(configuration_lives_as_long_as_somebody_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
