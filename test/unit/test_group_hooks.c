/* SPDX-License-Identifier: Apache-2.0 */
/* What the hooks of a sync group are told, and when: agent/group.c and vrrp/group.c are real, members and hooks are
 * played here. */
#include "test/unit/unit.h"

#include "agent/group.h"
#include "agent/notify.h"

struct instance {
	struct vrrp_group_member member;
	const struct instance_group *group;
	bool busy; /* its lane is not empty */
};

static struct {
	struct instance inst[2], *list[2];
	struct conf conf;
	struct conf_group group;
	char name[2];
	size_t members[2];
	struct groups *groups;
	sd_event *loop;
	char hooks[128], old_states[128];
	enum vrrp_state told; /* what members did not have to tell when one was to be master */
} w;

struct vrrp_group_member instance_member(const struct instance *inst)
{
	return inst->member;
}

void instance_join_group(struct instance *inst, const struct instance_group *group)
{
	inst->group = group;
}

bool instance_at_rest(const struct instance *inst)
{
	return !inst->busy;
}

bool instance_is_stopped(const struct instance *inst)
{
	(void)inst;
	return false;
}

/* As agent/instance has it: one that is to be master has its addresses later. */
void instance_group_order(struct instance *inst, enum vrrp_group_order order, const char *cause)
{
	(void)cause;
	if (order == VRRP_GROUP_STAY)
		return;
	w.told = inst->group->state(inst->group->user);
	inst->member.state = order == VRRP_GROUP_GO_MASTER ? VRRP_MASTER : VRRP_BACKUP;
	inst->member.wants_master = false;
	inst->busy = order == VRRP_GROUP_GO_MASTER;
	inst->group->changed(inst->group->user);
}

void instance_group_hold(struct instance *inst, enum vrrp_hold hold, const char *cause)
{
	(void)inst, (void)hold, (void)cause;
}

void instance_group_rival(struct instance *inst, const char *cause)
{
	(void)inst, (void)cause;
}

const char *instance_name(const struct instance *inst)
{
	(void)inst;
	return "web";
}

const char *instance_cause(const struct instance *inst)
{
	(void)inst;
	return "as told";
}

const char *instance_fault_cause(const struct instance *inst)
{
	(void)inst;
	return "as told";
}

int notify_new(sd_event *loop, const struct notify_owner *owner, const char *(*current_state)(void *user), void *user,
	       struct notify **ret)
{
	(void)loop, (void)owner, (void)current_state, (void)user;
	*ret = NULL;
	return 0;
}

void notify_exchange(struct notify *n, const struct notify_owner *owner)
{
	(void)n, (void)owner;
}

struct notify *notify_free(struct notify *n)
{
	(void)n;
	return NULL;
}

bool notify_idle(const struct notify *n)
{
	(void)n;
	return true;
}

json_t *notify_status(const struct notify *n)
{
	(void)n;
	return json_null();
}

void notify_push(struct notify *n, const struct notify_event *ev)
{
	(void)n;
	strcat(strcat(w.hooks, w.hooks[0] ? " " : ""), ev->state);
	strcat(strcat(w.old_states, w.old_states[0] ? " " : ""), ev->old_state);
}

/* --- the tests --------------------------------------------------------------------------------------------------- */

/* A group that a reload makes of a master and a backup. */
static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	atomic_init(&w.conf.refs, 1); /* ours, so that nobody frees it */
	w.name[0] = 'G';
	w.members[1] = 1;
	w.group = (struct conf_group){ .name = w.name, .members = w.members, .n_members = 2 };
	w.inst[0].member.state = VRRP_MASTER;
	w.inst[1].member.state = VRRP_BACKUP;
	for (size_t i = 0; i < 2; i++)
		w.list[i] = &w.inst[i];
	assert_int_equal(sd_event_new(&w.loop), 0);
	assert_int_equal(groups_new(w.loop, &w.conf, w.list, NULL, &w.groups), 0);
	w.conf.groups = &w.group;
	w.conf.n_groups = 1;
	assert_int_equal(groups_prepare(w.groups, &w.conf), 0);
	groups_exchange(w.groups, w.list);
	groups_settle(w.groups);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	groups_free(w.groups);
	sd_event_unref(w.loop);
	return 0;
}

static void tells(size_t i)
{
	w.inst[i].group->changed(w.inst[i].group->user);
}

static void becomes(size_t i, enum vrrp_state s)
{
	w.inst[i].member.state = s;
	tells(i);
}

static void wants_master(size_t i)
{
	w.inst[i].member.wants_master = true;
	tells(i);
}

static void has_its_addresses(size_t i)
{
	w.inst[i].busy = false;
	tells(i);
}

static void hooks_of_master_wait_for_the_addresses_of_a_member_that_joins(void **state)
{
	(void)state;
	assert_string_equal(w.hooks, "");
	tells(0);
	assert_string_equal(w.hooks, "");
	wants_master(1);
	assert_int_equal(w.inst[1].member.state, VRRP_MASTER);
	assert_string_equal(w.hooks, "");
	has_its_addresses(1);
	assert_string_equal(w.hooks, "MASTER");
	tells(0);
	assert_string_equal(w.hooks, "MASTER");
}

static void member_that_joins_before_the_group_was_told_tells_its_own_hooks(void **state)
{
	(void)state;
	wants_master(1);
	assert_int_not_equal(w.told, VRRP_MASTER);
	has_its_addresses(1);
	assert_int_equal(w.inst[0].group->state(w.inst[0].group->user), VRRP_MASTER);
}

static void mastership_that_ends_before_all_joined_is_never_told(void **state)
{
	(void)state;
	becomes(0, VRRP_BACKUP);
	assert_string_equal(w.hooks, "BACKUP");
	assert_string_equal(w.old_states, "INIT");
}

/* Both are to be master, and have no addresses yet. */
static void both_take(void)
{
	wants_master(0);
	wants_master(1);
	assert_int_equal(w.inst[0].member.state, VRRP_MASTER);
}

static void loses_mastership(size_t i, enum vrrp_state to)
{
	w.inst[i].busy = false;
	w.inst[i].member.own = to == VRRP_FAULT ? VRRP_HOLD_FAULT : VRRP_HOLD_NONE;
	becomes(i, to);
}

static void hooks_hear_of_no_old_state_that_they_were_not_told(void **state)
{
	(void)state;
	becomes(0, VRRP_BACKUP);
	both_take();
	loses_mastership(0, VRRP_FAULT);
	loses_mastership(1, VRRP_FAULT);
	assert_string_equal(w.hooks, "BACKUP FAULT");
	assert_string_equal(w.old_states, "INIT BACKUP");
}

static void state_that_the_hooks_know_already_is_not_told_after_mastership_that_was_not(void **state)
{
	(void)state;
	becomes(0, VRRP_BACKUP);
	both_take();
	loses_mastership(0, VRRP_BACKUP);
	assert_int_equal(w.inst[0].group->state(w.inst[0].group->user), VRRP_BACKUP);
	assert_string_equal(w.hooks, "BACKUP");
	both_take();
	has_its_addresses(0);
	has_its_addresses(1);
	assert_string_equal(w.hooks, "BACKUP MASTER");
	assert_string_equal(w.old_states, "INIT BACKUP");
}

static void group_that_was_told_is_not_told_again_after_another_member_joined(void **state)
{
	(void)state;
	wants_master(1);
	has_its_addresses(1);
	w.inst[1].member.state = VRRP_BACKUP;
	assert_int_equal(groups_prepare(w.groups, &w.conf), 0);
	groups_exchange(w.groups, w.list);
	groups_settle(w.groups);
	wants_master(1);
	assert_int_equal(w.told, VRRP_MASTER);
	has_its_addresses(1);
	assert_string_equal(w.hooks, "MASTER");
}

static void configuration_that_is_called_off_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(groups_prepare(w.groups, &w.conf), 0);
	wants_master(1);
	groups_call_off(w.groups);
	groups_call_off(w.groups);
	has_its_addresses(1);
	assert_string_equal(w.hooks, "MASTER");
	assert_int_equal(w.inst[0].group->state(w.inst[0].group->user), VRRP_MASTER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hooks_of_master_wait_for_the_addresses_of_a_member_that_joins),
		TEST(member_that_joins_before_the_group_was_told_tells_its_own_hooks),
		TEST(mastership_that_ends_before_all_joined_is_never_told),
		TEST(hooks_hear_of_no_old_state_that_they_were_not_told),
		TEST(state_that_the_hooks_know_already_is_not_told_after_mastership_that_was_not),
		TEST(group_that_was_told_is_not_told_again_after_another_member_joined),
		TEST(configuration_that_is_called_off_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
