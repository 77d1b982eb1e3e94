/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a take that comes to nothing, or whose addresses others delete again and again: the hooks that are
 * told, and those that are not, and how long the instance stays away. The lane, the machine, addr.c, lost.c, timer.c
 * and veto.c are real, the kernel, programs and everything else are played here. */
#include "test/unit/unit.h"

#include "agent/base/clock.h"
#include "agent/instance/impl.h"
#include "agent/process/exec.h"

enum { ETH0 = 2, DEADLINE_US = 10000000 };

/* --- the world --------------------------------------------------------------------------------------------------- */

static struct {
	sd_event *loop;
	struct loop_clock *clock;
	bool other_master; /* is heard */
	struct conf conf;
	struct conf_instance block;
	struct conf_vip vip;
	struct vip_state state;
	struct instance *inst;
	char hooks[256];
	unsigned announced, takes;
	netif_done_fn taken, released; /* of what is under way */
	bool exchanged;                /* the checker has another configuration's checks */
	bool deleted;                  /* the VIP, by somebody else */
} w;

static const struct netif_link eth0 = { .ifindex = ETH0, .name = "eth0", .up = true };

const struct netif_link *netif_link_by_index(const struct netif *n, int ifindex)
{
	(void)n;
	return ifindex == ETH0 ? &eth0 : NULL;
}

const struct netif_link *netif_link_by_name(const struct netif *n, const char *name)
{
	(void)n;
	return strcmp(name, "eth0") == 0 ? &eth0 : NULL;
}

enum netif_presence netif_presence(const struct netif *n, int ifindex, const struct ip_prefix *prefix)
{
	(void)n, (void)ifindex, (void)prefix;
	return w.deleted ? NETIF_ABSENT : NETIF_PRESENT;
}

bool netif_source(const struct netif *n, int ifindex, sa_family_t family,
		  bool (*skip)(void *user, const struct ip_addr *addr), void *user, struct ip_addr *ret)
{
	(void)n, (void)ifindex, (void)family, (void)skip, (void)user;
	*ret = w.inst->fsm.own;
	return true;
}

const struct peer *instance_other_master(const struct instance *inst)
{
	static const struct peer other = { .priority = 100 };

	(void)inst;
	return w.other_master ? &other : NULL;
}

int netif_take(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t not_after_us,
	       netif_done_fn done, void *user)
{
	(void)n, (void)addrs, (void)n_addrs, (void)not_after_us, (void)user;
	w.takes++;
	w.taken = done;
	return 0;
}

int netif_release(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t reset_budget_us,
		  netif_done_fn done, void *user)
{
	(void)n, (void)addrs, (void)n_addrs, (void)reset_budget_us, (void)user;
	w.released = done;
	return 0;
}

void notify_push(struct notify *n, const struct notify_event *ev)
{
	(void)n;
	strcat(strcat(w.hooks, w.hooks[0] ? " " : ""), ev->state);
}

int announce_start(struct announce *a, const struct announce_target *targets, size_t n)
{
	(void)a, (void)targets, (void)n;
	w.announced++;
	return 0;
}

const struct check_report *checker_report(const struct checker *c, size_t i)
{
	static const struct check_report up = { .verdict = CHECK_ALIVE };

	(void)c, (void)i;
	assert_false(w.exchanged);
	return &up;
}

int exec_start(sd_event *loop, const struct exec_spec *spec, exec_done_fn done, void *user, struct exec_child **ret)
{
	static char child;

	(void)loop, (void)spec, (void)done, (void)user;
	*ret = (struct exec_child *)(void *)&child;
	return 0;
}

char **notify_env_new(const struct notify *n, const struct notify_event *ev)
{
	static char *none[] = { NULL };

	(void)n, (void)ev;
	return none;
}

/* --- what does not matter here ------------------------------------------------------------------------------------ */

/* Does nothing, and has nothing to say. */
#define NOTHING(type, name, params, ...) \
	type name params                 \
	{                                \
		__VA_ARGS__;             \
	}
#define ZERO(type, name, params, ...) NOTHING(type, name, params, __VA_ARGS__; return 0)

NOTHING(void, announce_again, (struct announce * a), (void)a)
NOTHING(void, announce_stop, (struct announce * a), (void)a)
NOTHING(void, announce_mute, (struct announce * a), (void)a)
NOTHING(void, announce_once, (struct announce * a, const struct announce_target *t), (void)a, (void)t)
ZERO(int, announce_one, (struct announce * a, const struct announce_target *t), (void)a, (void)t)
NOTHING(void, announce_pace, (struct announce * a, struct pacing *p), (void)a, (void)p)
NOTHING(void, announce_reconf, (struct announce * a, const struct announce_times *t), (void)a, (void)t)
NOTHING(void, announce_ask, (struct announce * a, bool (*may)(void *), void *u), (void)a, (void)may, (void)u)
ZERO(struct announce *, announce_free, (struct announce * a), (void)a)
ZERO(int, announce_new, (sd_event * l, int fd, const struct announce_times *t, struct announce **ret), (void)l,
     (void)fd, (void)t, *ret = NULL)

ZERO(struct notify *, notify_free, (struct notify * n), (void)n)
ZERO(bool, notify_idle, (const struct notify *n), (void)n)
ZERO(int, notify_prepare, (struct notify * n, const struct conf_instance *c), (void)n, (void)c)
NOTHING(void, notify_call_off, (struct notify * n), (void)n)
NOTHING(void, notify_exchange, (struct notify * n, const struct notify_owner *o), (void)n, (void)o)
ZERO(int, notify_new,
     (sd_event * l, const struct notify_owner *o, const char *(*s)(void *), void *u, struct notify **ret), (void)l,
     (void)o, (void)s, (void)u, *ret = NULL)
NOTHING(void, notify_priority, (struct notify * n, const char *s, uint8_t p), (void)n, (void)s, (void)p)
NOTHING(void, notify_repeat, (struct notify * n, const char *s, uint8_t p), (void)n, (void)s, (void)p)
NOTHING(void, notify_env_freep, (char ***env), (void)env)

NOTHING(void, exec_abandon, (struct exec_child * c), (void)c)
NOTHING(void, exec_terminate, (struct exec_child * c), (void)c)
ZERO(bool, exec_succeeded, (const struct exec_result *r), (void)r)
ZERO(bool, exec_is_shortage, (int error), (void)error)
ZERO(const char *, exec_describe, (const struct exec_result *r, char *b, size_t s), (void)r, (void)b, (void)s)

NOTHING(void, netif_forget, (struct netif * n, void *u), (void)n, (void)u)
ZERO(bool, netif_forwards6, (const struct netif *n, int i), (void)n, (void)i)
ZERO(int, netif_promote_secondaries, (struct netif * n, int i), (void)n, (void)i)
NOTHING(void, netif_promote_no_more, (struct netif * n, int i), (void)n, (void)i)
ZERO(bool, links_is_up, (const struct links *l, const char *s), (void)l, (void)s; return true)
ZERO(bool, wire_is_open, (const struct wire *x), (void)x; return true)
NOTHING(void, wire_drain, (struct wire * x), (void)x)
NOTHING(void, wire_enter, (struct wire * x, const void *u), (void)x, (void)u)
NOTHING(void, wire_leave, (struct wire * x, const void *u), (void)x, (void)u)

ZERO(size_t, tracker_max, (const struct conf *c, const struct conf_tracks *t), (void)c, (void)t)
ZERO(size_t, tracker_collect,
     (const struct track_sources *s, const struct conf *c, const struct conf_tracks *t, struct tracked *r), (void)s,
     (void)c, (void)t, (void)r)
ZERO(const struct tracked *, tracker_obstacle, (const struct tracked *l, size_t n), (void)l, (void)n)

NOTHING(void, instance_wire_fit, (struct instance * i, const struct netif_link *l), (void)i, (void)l)
NOTHING(void, instance_wire_init, (struct instance * i), (void)i)
ZERO(int, instance_wire_expect, (struct instance * i), (void)i)
NOTHING(void, instance_auth_done, (struct instance * i), (void)i)
ZERO(int, instance_auth_init, (struct instance * i), (void)i)
ZERO(int, instance_auth_prepare, (struct instance * i, const struct conf_instance *c), (void)i, (void)c)
NOTHING(void, instance_auth_call_off, (struct instance * i), (void)i)
NOTHING(void, instance_auth_exchange, (struct instance * i), (void)i)
NOTHING(void, instance_auth_retire, (struct instance * i), (void)i)
ZERO(bool, instance_drop_vips, (struct instance * i), (void)i)
ZERO(bool, instance_drop_again, (struct instance * i), (void)i)
ZERO(bool, instance_add_vips, (struct instance * i), (void)i)
NOTHING(void, instance_note_holder, (struct instance * i), (void)i)
NOTHING(void, instance_obey, (struct instance * i), (void)i)
NOTHING(void, instance_lease_began, (struct instance * i, uint64_t at), (void)i, (void)at)
NOTHING(void, instance_lease_tend, (struct instance * i), (void)i)
ZERO(uint32_t, instance_lease_s, (const struct instance *i, size_t k), (void)i, (void)k)
NOTHING(void, instance_withheld_is_over, (struct instance * i, enum vrrp_event_type t), (void)i, (void)t)
ZERO(bool, instance_withholds, (struct instance * i, const struct vrrp_event *e, const struct cause *c), (void)i,
     (void)e, (void)c)
ZERO(bool, instance_rival_heard, (struct instance * i), (void)i)
NOTHING(void, instance_rival_lost_to, (struct instance * i), (void)i)
NOTHING(void, instance_rival_due, (void *u, uint64_t due), (void)u, (void)due)

struct notify_owner notify_owner_of(const struct conf_instance *conf, struct fifos *fifos)
{
	(void)conf, (void)fifos;
	return (struct notify_owner){ 0 };
}

struct priority_result tracker_sum(uint8_t base, const struct tracked *list, size_t n)
{
	(void)list, (void)n;
	return (struct priority_result){ .effective = base };
}

void instance_strays_at_start(struct instance *inst)
{
	(void)inst;
}

void instance_send_advert(struct instance *inst, uint8_t priority)
{
	(void)priority;
	inst->sent_us = inst->unheard.left_us = loop_now_us();
}

/* --- the tests --------------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	struct instance_env env = { .conf = &w.conf };

	(void)state;
	memset(&w, 0, sizeof(w));
	assert_true(sd_event_new(&w.loop) >= 0);
	assert_int_equal(loop_clock_new(w.loop, LOOP_RANK_ADVERT, 1, &w.clock), 0);
	w.block = (struct conf_instance){ .name = "web",
					  .interface = "eth0",
					  .family = AF_INET,
					  .version = 3,
					  .priority = 200,
					  .advert_us = 1000000,
					  .down_adverts = 3 };
	w.block.vips = &w.vip;
	w.block.n_vips = 1;
	env.loop = w.loop;
	env.adverts = env.downs = w.clock;
	assert_int_equal(instance_new(&env, &w.block, &w.inst), 0);
	instance_begin(w.inst);
	assert_int_equal(w.inst->fsm.state, VRRP_BACKUP);
	assert_string_equal(w.hooks, "BACKUP");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	instance_free(w.inst);
	loop_clock_free(w.clock);
	sd_event_unref(w.loop);
	return 0;
}

#define WAIT_FOR(condition)                                                    \
	for (uint64_t until_us = loop_now_us() + DEADLINE_US; !(condition);) { \
		assert_true(loop_now_us() < until_us);                         \
		assert_true(sd_event_run(w.loop, 10000) >= 0);                 \
	}

static void hear(uint8_t priority)
{
	const uint8_t bytes[] = { 192, 0, 2, 12 };
	const struct vrrp_event ev = { .type = VRRP_EV_ADVERT,
				       .priority = priority,
				       .interval_us = 1000000,
				       .src = ip_from_bytes(AF_INET, bytes) };

	instance_feed(w.inst, &ev, "as heard");
}

static void silence(void)
{
	const struct vrrp_event ev = { .type = VRRP_EV_DOWN_TIMER };

	instance_feed(w.inst, &ev, "nobody is heard");
}

static void become_master(void)
{
	silence();
	assert_int_equal(w.inst->fsm.state, VRRP_MASTER);
}

static void end_job(netif_done_fn *job, int error)
{
	const struct netif_result r = { .error = error, .failed = error ? 1 : 0, .ended_us = loop_now_us() };
	netif_done_fn done = *job;

	assert_non_null(done);
	*job = NULL;
	done(w.inst, &r);
}

static void take_that_succeeds_is_announced_and_told(void **state)
{
	(void)state;
	become_master();
	assert_string_equal(w.hooks, "BACKUP");
	end_job(&w.taken, 0);
	assert_int_equal(w.announced, 1);
	assert_string_equal(w.hooks, "BACKUP MASTER");
}

static void take_that_fails_is_told_as_the_fault_that_it_is(void **state)
{
	(void)state;
	become_master();
	end_job(&w.taken, -EPERM);
	assert_int_equal(w.inst->fsm.state, VRRP_FAULT);
	end_job(&w.released, 0);
	assert_string_equal(w.hooks, "BACKUP FAULT");
	assert_int_equal(w.announced, 0);
}

/* The hold has grown by then: to wait it out would be minutes. */
static void what_failed_is_tried_again_after_a_reload(void **state)
{
	(void)state;
	w.inst->add_hold_us = DEADLINE_US;
	become_master();
	end_job(&w.taken, -EPERM);
	end_job(&w.released, 0);
	assert_int_equal(w.inst->fsm.state, VRRP_FAULT);
	instance_try_again(w.inst);
	WAIT_FOR(w.inst->fsm.state == VRRP_BACKUP);
	become_master();
	end_job(&w.taken, 0);
	assert_string_equal(w.hooks, "BACKUP FAULT BACKUP MASTER");
}

static void take_without_its_interface_is_told_as_the_fault_that_it_is(void **state)
{
	(void)state;
	strcpy(w.vip.dev, "eth9");
	silence();
	WAIT_FOR(w.inst->lane_len == 0);
	assert_int_equal(w.inst->fsm.state, VRRP_FAULT);
	assert_int_equal(w.takes, 0);
	assert_string_equal(w.hooks, "BACKUP FAULT");
}

static void take_that_a_better_master_overtakes_while_it_settles_is_never_told(void **state)
{
	(void)state;
	hear(100);
	become_master();
	assert_int_equal(w.takes, 0);
	hear(250);
	WAIT_FOR(w.released);
	end_job(&w.released, 0);
	assert_int_equal(w.takes, 0);
	assert_string_equal(w.hooks, "BACKUP BACKUP");
}

static void take_that_a_better_master_overtakes_in_the_kernel_is_never_told(void **state)
{
	(void)state;
	become_master();
	hear(250);
	end_job(&w.taken, 0);
	end_job(&w.released, 0);
	assert_int_equal(w.announced, 0);
	assert_string_equal(w.hooks, "BACKUP BACKUP");
}

static void take_that_came_too_late_after_a_pause_is_never_told(void **state)
{
	(void)state;
	become_master();
	w.inst->next_advert_us = 1; /* long ago */
	end_job(&w.taken, -ESTALE);
	assert_int_equal(w.inst->fsm.state, VRRP_BACKUP);
	end_job(&w.released, 0);
	assert_string_equal(w.hooks, "BACKUP BACKUP");
}

/* Overtaken, and master again before the first take had its turn. */
static void each_take_is_told_for_itself(void **state)
{
	(void)state;
	become_master();
	hear(250);
	become_master();
	end_job(&w.taken, 0);
	assert_int_equal(w.announced, 1);
	end_job(&w.released, 0);
	end_job(&w.taken, -EPERM);
	end_job(&w.released, 0);
	assert_string_equal(w.hooks, "BACKUP MASTER BACKUP FAULT");
}

static void instance_that_has_left_does_not_look_at_the_checks_of_those_that_came(void **state)
{
	static struct conf_track track = { .index = 0 };
	static char *argv[] = { "/bin/true", NULL };

	(void)state;
	w.block.tracks.of[CONF_TRACK_MYSQL].t = &track;
	w.block.tracks.of[CONF_TRACK_MYSQL].n = 1;
	w.block.pre_take.argv = argv;
	become_master();
	instance_delete(w.inst, NULL, NULL);
	end_job(&w.released, 0);
	assert_true(instance_is_stopped(w.inst));
	instance_retire(w.inst);
	w.exchanged = true;
	loop_timer_in(&w.inst->veto.stuck, 0); /* it cannot even be killed */
	WAIT_FOR(!loop_timer_armed(&w.inst->veto.stuck));
	assert_null(w.inst->veto.child);
}

static void deletes_the_vip(void)
{
	w.deleted = true;
	w.inst->lost.last_us = 1; /* long ago: an incident of its own */
	instance_on_addr(w.inst, ETH0, &w.vip.prefix, true);
	w.deleted = false;
}

/* Takes the VIP, has it deleted until that is too often, and returns the seconds until it is tried again. */
static unsigned is_robbed(void)
{
	uint64_t now_us = loop_now_us();

	become_master();
	end_job(&w.taken, 0);
	for (unsigned i = 0; i < LOST_MAX; i++) {
		deletes_the_vip();
		end_job(&w.taken, 0); /* put back */
	}
	assert_int_equal(w.inst->fsm.state, VRRP_MASTER);
	deletes_the_vip();
	assert_int_equal(w.inst->fsm.state, VRRP_FAULT);
	end_job(&w.released, 0);
	assert_true(loop_timer_armed(&w.inst->lost.timer));
	return (unsigned)((w.inst->lost.until_us - now_us + 500000) / 1000000);
}

static void tries_again(void)
{
	instance_try_again(w.inst);
	WAIT_FOR(w.inst->fsm.state == VRRP_BACKUP);
}

static void vip_that_is_deleted_again_and_again_is_given_up_for_longer_each_time(void **state)
{
	(void)state;
	for (unsigned s = 5; s < 300; s *= 2) {
		assert_int_equal(is_robbed(), s);
		tries_again(); /* as a reload does: to wait it out would be minutes */
	}
	assert_int_equal(is_robbed(), 300);
	tries_again();
	assert_int_equal(is_robbed(), 300);
}

static void looks_round(void)
{
	loop_timer_in(&w.inst->lost.timer, 0);
	WAIT_FOR(w.inst->fsm.state != VRRP_FAULT ||
		 (loop_timer_armed(&w.inst->lost.timer) && w.inst->lost.timer.due_us > loop_now_us()));
}

static void vip_given_up_is_tried_again_as_soon_as_nobody_else_is_master(void **state)
{
	(void)state;
	is_robbed();
	tries_again();
	assert_int_equal(is_robbed(), 10);
	w.other_master = true;
	looks_round();
	assert_int_equal(w.inst->fsm.state, VRRP_FAULT);
	w.other_master = false;
	looks_round();
	assert_int_equal(w.inst->fsm.state, VRRP_BACKUP);
}

static void deletions_of_long_ago_make_no_wait_longer(void **state)
{
	(void)state;
	is_robbed();
	tries_again();
	assert_int_equal(is_robbed(), 10);
	tries_again();
	w.inst->lost.until_us = loop_now_us() - LOST_GOOD_US - 2 * w.inst->lost.hold_us;
	assert_int_equal(is_robbed(), 5);
}

static void vip_given_up_for_deletions_is_told_as_the_fault_that_it_is(void **state)
{
	(void)state;
	is_robbed();
	assert_string_equal(w.hooks, "BACKUP MASTER FAULT");
	assert_int_equal(w.inst->faults, FAULT_LOST);
	assert_non_null(strstr(w.inst->cause, "deleted by somebody else"));
}

static void vip_that_was_kept_for_a_good_time_is_given_up_as_shortly_as_at_first(void **state)
{
	(void)state;
	is_robbed();
	tries_again();
	assert_int_equal(is_robbed(), 10);
	tries_again();
	become_master();
	end_job(&w.taken, 0);
	w.inst->since_us -= LOST_GOOD_US;
	for (unsigned i = 0; i < LOST_MAX; i++) {
		deletes_the_vip();
		end_job(&w.taken, 0);
	}
	deletes_the_vip();
	assert_int_equal(w.inst->lost.hold_us, 5000000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(take_that_succeeds_is_announced_and_told),
		TEST(take_that_fails_is_told_as_the_fault_that_it_is),
		TEST(what_failed_is_tried_again_after_a_reload),
		TEST(take_without_its_interface_is_told_as_the_fault_that_it_is),
		TEST(take_that_a_better_master_overtakes_while_it_settles_is_never_told),
		TEST(take_that_a_better_master_overtakes_in_the_kernel_is_never_told),
		TEST(take_that_came_too_late_after_a_pause_is_never_told),
		TEST(each_take_is_told_for_itself),
		TEST(vip_given_up_is_tried_again_as_soon_as_nobody_else_is_master),
		TEST(deletions_of_long_ago_make_no_wait_longer),
		TEST(vip_that_is_deleted_again_and_again_is_given_up_for_longer_each_time),
		TEST(vip_given_up_for_deletions_is_told_as_the_fault_that_it_is),
		TEST(vip_that_was_kept_for_a_good_time_is_given_up_as_shortly_as_at_first),
		TEST(instance_that_has_left_does_not_look_at_the_checks_of_those_that_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
