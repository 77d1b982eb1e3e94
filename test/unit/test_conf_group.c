/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of sync groups: who may be in one, and what its members get from it. */
#include "test/unit/unit.h"

#include "test/unit/conf_fixture.h"

#define MEMBER(name, vrid, more)                                                        \
	"vrrp_instance " name " {\n interface eth0\n virtual_router_id " vrid "\n" more \
	" virtual_ipaddress {\n 10.0.0." vrid "\n }\n}\n"
#define TWO      MEMBER("A", "1", "") MEMBER("B", "2", "")
#define SCRIPT   "vrrp_script s {\n script /bin/true\n}\n"
#define GROUP(x) "vrrp_sync_group G {\n" x "}\n"

static void members_are_found_wherever_the_group_stands(void **state)
{
	struct conf *c = load(GROUP(" group {\n B\n A\n }\n") TWO MEMBER("C", "3", ""));

	(void)state;
	assert_string_equal(said.text, "");
	assert_int_equal(c->n_groups, 1);
	assert_string_equal(c->groups[0].name, "G");
	assert_int_equal(c->groups[0].n_members, 2);
	assert_int_equal(c->groups[0].members[0], 1);
	assert_int_equal(c->groups[0].members[1], 0);
	assert_ptr_equal(c->instances[0].sync_group, &c->groups[0]);
	assert_null(c->instances[2].sync_group);
	reads_back(c);
	conf_free(c);
	c = load(TWO GROUP(" group { A B }\n"));
	assert_int_equal(c->groups[0].n_members, 2);
	conf_free(c);
}

static void groups_without_usable_members_are_refused(void **state)
{
	(void)state;
	refuses(GROUP("") TWO,
		"f.conf:1: error: vrrp_sync_group G: group is missing: group { NAMES of vrrp_instances }\n");
	refuses(GROUP(" group {\n }\n") TWO,
		"f.conf:2: error: group: is empty; write the name of a vrrp_instance in each line\n");
	refuses(GROUP(" group {\n AA\n B\n }\n") TWO,
		"f.conf:3: error: group: there is no vrrp_instance AA; do you mean A?\n");
}

static void instance_is_in_one_group_once(void **state)
{
	(void)state;
	refuses(GROUP(" group {\n A\n B\n A\n }\n") TWO, "f.conf:5: error: group: A stands here twice\n");
	refuses(GROUP(" group {\n A\n B\n }\n") "vrrp_sync_group H {\n group {\n C\n B\n }\n}\n" TWO MEMBER("C", "3",
													    ""),
		"f.conf:10: error: group: B is in vrrp_sync_group G already (line 1)\n");
	refuses(GROUP(" group {\n A\n B\n }\n") "vrrp_sync_group G {\n group {\n C\n D\n }\n}\n" TWO MEMBER(
			"C", "3", "") MEMBER("D", "4", ""),
		"f.conf:7: error: vrrp_sync_group G: there is one of this name in line 1\n");
}

static void what_a_group_tracks_all_members_track(void **state)
{
	struct conf *c = load(SCRIPT GROUP(" group {\n A\n B\n }\n track_script {\n s weight -20\n }\n") TWO);

	(void)state;
	assert_string_equal(said.text, "");
	for (size_t i = 0; i < 2; i++) {
		const struct conf_tracks *t = &c->instances[i].tracks;

		assert_int_equal(t->of[CONF_TRACK_SCRIPT].n, 1);
		assert_int_equal(t->of[CONF_TRACK_SCRIPT].t[0].weight, -20);
		assert_true(t->of[CONF_TRACK_SCRIPT].t[0].inherited);
	}
	assert_true(conf_is_tracked(c, CONF_TRACK_SCRIPT, 0));
	reads_back(c);
	conf_free(c);
}

static void object_is_tracked_by_the_group_or_by_the_member(void **state)
{
	(void)state;
	refuses(SCRIPT GROUP(" group {\n A\n B\n }\n track_script {\n s\n }\n")
			MEMBER("A", "1", " track_script {\n s\n }\n") MEMBER("B", "2", ""),
		"f.conf:17: error: track_script: s is tracked by vrrp_sync_group G already (line 10)\n");
}

static void member_has_a_weight_of_its_own_only_where_the_group_allows_it(void **state)
{
	struct conf *c;

	(void)state;
	refuses(SCRIPT GROUP(" group {\n A\n B\n }\n") MEMBER("A", "1", " track_script {\n s weight 5\n }\n")
			MEMBER("B", "2", ""),
		"f.conf:14: error: track_script: s has weight 5 here, but vrrp_sync_group G (line 4) has its members "
		"share one state: track it in the group, or use weight 0, or allow such weights with "
		"sync_group_tracking_weight in the group\n");
	c = load(SCRIPT GROUP(" group {\n A\n B\n }\n global_tracking\n")
			 MEMBER("A", "1", " track_script {\n s weight 5\n }\n") MEMBER("B", "2", ""));
	assert_true(c->groups[0].tracking_weight);
	reads_back(c);
	conf_free(c);
	c = load(SCRIPT GROUP(" group {\n A\n B\n }\n") MEMBER("A", "1", " track_script {\n s\n }\n")
			 MEMBER("B", "2", ""));
	conf_free(c);
}

static void hooks_of_a_group_are_read(void **state)
{
	struct conf *c = load(GROUP(" group {\n A\n B\n }\n notify_master /bin/m\n notify \"/bin/n x\" nobody\n"
				    " notify_priority_changes\n smtp_alert\n") TWO);
	const struct conf_command *hooks = c->groups[0].hooks;

	(void)state;
	assert_string_equal(said.text, "f.conf:9: warning: smtp_alert: known to keepalived, of no use here; ignored\n");
	assert_string_equal(hooks[CONF_HOOK_MASTER].argv[0], "/bin/m");
	assert_string_equal(hooks[CONF_HOOK_ANY].argv[1], "x");
	assert_string_equal(hooks[CONF_HOOK_ANY].user, "nobody");
	assert_null(hooks[CONF_HOOK_STOP].argv);
	assert_true(c->instances[1].notify_priority_changes);
	reads_back(c);
	conf_free(c);
	refuses(GROUP(" group {\n A\n B\n }\n notify_deleted /bin/m\n") TWO,
		"f.conf:6: error: notify_deleted: belongs into vrrp_instance, not into vrrp_sync_group; is a } missing "
		"before, or one too many?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found_wherever_the_group_stands),
		cmocka_unit_test(groups_without_usable_members_are_refused),
		cmocka_unit_test(instance_is_in_one_group_once),
		cmocka_unit_test(what_a_group_tracks_all_members_track),
		cmocka_unit_test(object_is_tracked_by_the_group_or_by_the_member),
		cmocka_unit_test(member_has_a_weight_of_its_own_only_where_the_group_allows_it),
		cmocka_unit_test(hooks_of_a_group_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
