/* SPDX-License-Identifier: Apache-2.0 */
/* The fault of an instance whose addresses the kernel would not take or would not let go: when it arises, and when it
 * goes. agent/instance/addr.c and timer.c are real, everything around them is played here. */
#include "test/unit/unit.h"

#include "agent/instance/impl.h"

enum { ETH0 = 2, DEADLINE_US = 10000000 };

/* --- the world --------------------------------------------------------------------------------------------------- */

static struct {
	sd_event *loop;
	struct conf conf;
	struct conf_instance block;
	struct conf_vip vip;
	struct vip_state state;
	struct instance inst;
	bool link_gone;
	bool other_master;        /* is heard */
	unsigned takes, releases; /* handed in */
	netif_done_fn done;       /* of the last one */
	unsigned gone_on;         /* how often the lane went on */
	void (*next)(void);       /* what comes next in the lane; NULL: nothing */
} w;

const struct netif_link *netif_link_by_index(const struct netif *n, int ifindex)
{
	static const struct netif_link eth0 = { .ifindex = ETH0, .name = "eth0", .up = true };

	(void)n;
	return ifindex == ETH0 && !w.link_gone ? &eth0 : NULL;
}

const struct netif_link *netif_link_by_name(const struct netif *n, const char *name)
{
	(void)name;
	return netif_link_by_index(n, ETH0);
}

int netif_take(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t not_after_us,
	       netif_done_fn done, void *user)
{
	(void)n, (void)addrs, (void)n_addrs, (void)not_after_us, (void)user;
	w.takes++;
	w.done = done;
	return 0;
}

int netif_release(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t reset_budget_us,
		  netif_done_fn done, void *user)
{
	(void)n, (void)addrs, (void)n_addrs, (void)reset_budget_us, (void)user;
	w.releases++;
	w.done = done;
	return 0;
}

const struct peer *instance_other_master(const struct instance *inst)
{
	static const struct peer other = { .priority = 100 };

	(void)inst;
	return w.other_master ? &other : NULL;
}

void instance_set_faults(struct instance *inst, unsigned mask, unsigned value, const char *fmt, ...)
{
	(void)fmt;
	inst->faults = (inst->faults & ~mask) | (value & mask);
}

void instance_lane_go_on(struct instance *inst)
{
	(void)inst;
	w.gone_on++;
	if (w.next)
		w.next();
}

/* --- what does not matter here ------------------------------------------------------------------------------------ */

enum netif_presence netif_presence(const struct netif *n, int ifindex, const struct ip_prefix *prefix)
{
	(void)n, (void)ifindex, (void)prefix;
	return NETIF_ABSENT;
}

bool netif_source(const struct netif *n, int ifindex, sa_family_t family,
		  bool (*skip)(void *user, const struct ip_addr *addr), void *user, struct ip_addr *ret)
{
	(void)n, (void)ifindex, (void)family, (void)skip, (void)user, (void)ret;
	return false;
}

bool netif_forwards6(const struct netif *n, int ifindex)
{
	(void)n, (void)ifindex;
	return false;
}

int netif_promote_secondaries(struct netif *n, int ifindex)
{
	(void)n, (void)ifindex;
	return 0;
}

void netif_promote_no_more(struct netif *n, int ifindex)
{
	(void)n, (void)ifindex;
}

void instance_feed(struct instance *inst, const struct vrrp_event *ev, const char *fmt, ...)
{
	(void)inst, (void)ev, (void)fmt;
}

void instance_record(const struct instance *inst, int level, enum journal_kind kind, const char *fmt, ...)
{
	(void)inst, (void)level, (void)kind, (void)fmt;
}

void instance_forget_take(struct instance *inst)
{
	(void)inst;
}

void instance_look_up(struct instance *inst)
{
	(void)inst;
}

void instance_begin(struct instance *inst)
{
	(void)inst;
}

void instance_on_checks(struct instance *inst)
{
	(void)inst;
}

bool instance_drop_again(struct instance *inst)
{
	(void)inst;
	return false;
}

void instance_rival_due(void *user, uint64_t due_us)
{
	(void)user, (void)due_us;
}

void instance_wire_fit(struct instance *inst, const struct netif_link *link)
{
	(void)inst, (void)link;
}

void instance_lease_began(struct instance *inst, uint64_t at_us)
{
	(void)inst, (void)at_us;
}

void instance_lease_tend(struct instance *inst)
{
	(void)inst;
}

uint32_t instance_lease_s(const struct instance *inst, size_t i)
{
	(void)inst, (void)i;
	return 0;
}

/* --- the tests --------------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	static struct errand head;

	(void)state;
	memset(&w, 0, sizeof(w));
	assert_true(sd_event_new(&w.loop) >= 0);
	w.block = (struct conf_instance){ .name = "web", .interface = "eth0", .family = AF_INET };
	w.block.vips = &w.vip;
	w.block.n_vips = 1;
	w.inst.conf = &w.block;
	w.inst.vips = &w.state;
	w.inst.env.loop = w.loop;
	w.inst.env.conf = &w.conf;
	w.inst.fsm.state = VRRP_FAULT;
	w.inst.lane = &head; /* its first errand waits */
	w.inst.lane_len = 1;
	assert_int_equal(instance_timers_init(&w.inst), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	instance_timers_done(&w.inst);
	sd_event_unref(w.loop);
	return 0;
}

static void ends(int error)
{
	const struct netif_result r = { .error = error, .failed = error ? 1 : 0, .ended_us = loop_now_us() };

	w.done(&w.inst, &r);
}

#define WAIT_FOR(condition)                                                    \
	for (uint64_t until_us = loop_now_us() + DEADLINE_US; !(condition);) { \
		assert_true(loop_now_us() < until_us);                         \
		assert_true(sd_event_run(w.loop, 10000) >= 0);                 \
	}

static bool is_faulty(void)
{
	return w.inst.faults & FAULT_ADDRESS;
}

static void failed_removal_is_a_fault_until_it_succeeds(void **state)
{
	(void)state;
	assert_true(instance_addr_release(&w.inst));
	ends(-EPERM);
	assert_true(is_faulty());
	WAIT_FOR(w.releases == 2);
	ends(-EPERM);
	assert_true(is_faulty());
	assert_int_equal(w.gone_on, 0);
	WAIT_FOR(w.releases == 3);
	ends(0);
	assert_false(is_faulty());
	assert_int_equal(w.gone_on, 1);
}

static void failed_removal_is_no_fault_any_more_when_the_interface_goes(void **state)
{
	(void)state;
	assert_true(instance_addr_release(&w.inst));
	ends(-EPERM);
	assert_true(is_faulty());
	w.link_gone = true;
	WAIT_FOR(w.gone_on == 1);
	assert_int_equal(w.releases, 1);
	assert_false(is_faulty());
}

static void failed_addition_holds_its_time_although_the_removal_after_it_fails_for_a_while(void **state)
{
	(void)state;
	instance_addr_take(&w.inst);
	ends(-EPERM);
	assert_true(is_faulty());
	assert_true(instance_addr_release(&w.inst));
	ends(-EPERM);
	WAIT_FOR(w.releases == 2);
	ends(0);
	assert_true(is_faulty());
	WAIT_FOR(!is_faulty());
}

static void failed_removal_outlasts_the_hold_of_the_addition_before_it(void **state)
{
	(void)state;
	instance_addr_take(&w.inst);
	ends(-EPERM);
	assert_true(instance_addr_release(&w.inst));
	ends(-EPERM);
	WAIT_FOR(!loop_timer_armed(&w.inst.address_timer));
	assert_true(is_faulty());
	WAIT_FOR(w.releases == 2);
	ends(0);
	assert_false(is_faulty());
}

/* Seconds until it is tried again. */
static unsigned fails(void)
{
	uint64_t now_us = loop_now_us();

	instance_addr_take(&w.inst);
	ends(-EPERM);
	assert_true(loop_timer_armed(&w.inst.address_timer));
	return (unsigned)((w.inst.add_until_us - now_us + 500000) / 1000000);
}

static void additions_that_fail_are_tried_more_and_more_rarely_until_one_succeeds(void **state)
{
	(void)state;
	for (unsigned s = 5; s < 300; s *= 2)
		assert_int_equal(fails(), s);
	assert_int_equal(fails(), 300);
	assert_int_equal(fails(), 300);
	instance_addr_take(&w.inst);
	ends(0);
	assert_int_equal(fails(), 5);
}

/* The timer is due before the wait is over. */
static void looks_round(void)
{
	loop_timer_in(&w.inst.address_timer, 0);
	WAIT_FOR(!is_faulty() ||
		 (loop_timer_armed(&w.inst.address_timer) && w.inst.address_timer.due_us > loop_now_us()));
}

static void long_wait_is_over_as_soon_as_nobody_else_is_master(void **state)
{
	(void)state;
	w.other_master = true;
	fails();
	fails();
	assert_int_equal(fails(), 20);
	looks_round();
	assert_true(is_faulty());
	w.other_master = false;
	looks_round();
	assert_false(is_faulty());
}

static void end_of_the_wait_needs_no_look_at_others(void **state)
{
	(void)state;
	w.other_master = true;
	fails();
	w.inst.add_until_us = loop_now_us();
	looks_round();
	assert_false(is_faulty());
}

static void next_addition_fails(void)
{
	w.next = NULL;
	instance_cannot_add(&w.inst, "as told");
}

static void end_of_a_failed_removal_leaves_the_fault_of_what_follows_in_the_lane(void **state)
{
	(void)state;
	assert_true(instance_addr_release(&w.inst));
	ends(-EPERM);
	WAIT_FOR(w.releases == 2);
	w.next = next_addition_fails;
	ends(0);
	assert_int_equal(w.gone_on, 1);
	assert_true(is_faulty());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(failed_removal_is_a_fault_until_it_succeeds),
		TEST(failed_removal_is_no_fault_any_more_when_the_interface_goes),
		TEST(failed_addition_holds_its_time_although_the_removal_after_it_fails_for_a_while),
		TEST(failed_removal_outlasts_the_hold_of_the_addition_before_it),
		TEST(additions_that_fail_are_tried_more_and_more_rarely_until_one_succeeds),
		TEST(long_wait_is_over_as_soon_as_nobody_else_is_master),
		TEST(end_of_the_wait_needs_no_look_at_others),
		TEST(end_of_a_failed_removal_leaves_the_fault_of_what_follows_in_the_lane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
