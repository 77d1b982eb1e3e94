/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that a reload takes from an instance, when the kernel does not let them go at once.
 * agent/instance/reconf.c is real, everything around it is played here. */
#include "test/unit/unit.h"

#include "agent/instance/impl.h"
#include "test/unit/addresses.h"

enum { ETH0 = 2 };

static struct {
	sd_event *loop;
	struct conf_vip before[2], ours[1], others[1];
	struct conf_instance old, blocks[2];
	struct ip_addr all[2];
	struct conf conf;
	struct instance inst;
	char released[128]; /* by the last try */
	netif_done_fn done;
	unsigned tries, gone_on;
} w;

int netif_release(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t reset_budget_us,
		  netif_done_fn done, void *user)
{
	char text[IP_STR_MAX];

	(void)n, (void)reset_budget_us, (void)user;
	w.released[0] = '\0';
	for (size_t i = 0; i < n_addrs; i++) {
		assert_int_equal(addrs[i].ifindex, ETH0);
		strcat(strcat(w.released, i ? " " : ""), ip_format(&addrs[i].prefix.addr, text));
	}
	w.tries++;
	w.done = done;
	return 0;
}

const struct netif_link *netif_link_by_name(const struct netif *n, const char *name)
{
	static const struct netif_link eth0 = { .ifindex = ETH0, .name = "eth0", .up = true };

	(void)n;
	return strcmp(name, "eth0") == 0 ? &eth0 : NULL;
}

int instance_vip_ifindex(const struct instance *inst, size_t i)
{
	(void)inst, (void)i;
	return ETH0;
}

void instance_lane_go_on(struct instance *inst)
{
	(void)inst;
	w.gone_on++;
}

/* --- what does not matter here ------------------------------------------------------------------------------------ */

int netif_take(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t not_after_us,
	       netif_done_fn done, void *user)
{
	(void)n, (void)addrs, (void)n_addrs, (void)not_after_us, (void)done, (void)user;
	return 0;
}

struct netif_addr *instance_pick_vips(const struct instance *inst, bool (*pick)(const struct instance *inst, size_t i),
				      size_t *n, size_t *homeless)
{
	(void)inst, (void)pick;
	*n = *homeless = 0;
	return NULL;
}

bool instance_vip_is_there(const struct instance *inst, size_t i)
{
	(void)inst, (void)i;
	return false;
}

bool instance_take_again(struct instance *inst, const struct netif_result *r)
{
	(void)inst, (void)r;
	return false;
}

void instance_cannot_add(struct instance *inst, const char *why)
{
	(void)inst, (void)why;
}

void instance_announce_one(struct instance *inst, size_t i)
{
	(void)inst, (void)i;
}

uint64_t instance_awake_until_us(const struct instance *inst)
{
	(void)inst;
	return 0;
}

void instance_look_for_lost(struct instance *inst)
{
	(void)inst;
}

void instance_lane_order(struct instance *inst, enum errand_kind kind)
{
	(void)inst, (void)kind;
}

void instance_record(const struct instance *inst, int level, enum journal_kind kind, const char *fmt, ...)
{
	(void)inst, (void)level, (void)kind, (void)fmt;
}

void instance_look_at_link(struct instance *inst)
{
	(void)inst;
}

void instance_on_checks(struct instance *inst)
{
	(void)inst;
}

void instance_group_hold(struct instance *inst, enum vrrp_hold hold, const char *cause)
{
	(void)inst, (void)hold, (void)cause;
}

void instance_lease_reconf(struct instance *inst, const struct conf_instance *old)
{
	(void)inst, (void)old;
}

void instance_refit(struct instance *inst)
{
	(void)inst;
}

void instance_next_done(struct instance *inst)
{
	free(inst->next.kept);
	inst->next = (struct instance_next){ 0 };
}

void announce_drop(struct announce *a, int ifindex, const struct ip_addr *vip)
{
	(void)a, (void)ifindex, (void)vip;
}

/* --- the tests --------------------------------------------------------------------------------------------------- */

static void retry_due(void *user, uint64_t due_us)
{
	(void)user, (void)due_us;
}

/* A master with .11 and .12 is left with nothing but .13; another instance has .12 from now on. */
static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	assert_true(sd_event_new(&w.loop) >= 0);
	w.before[0].prefix = prefix("192.0.2.11", 24);
	w.before[1].prefix = prefix("192.0.2.12", 24);
	w.ours[0].prefix = prefix("192.0.2.13", 24);
	w.others[0].prefix = prefix("192.0.2.12", 24);
	w.old = (struct conf_instance){ .interface = "eth0", .vips = w.before, .n_vips = 2 };
	w.blocks[0] = (struct conf_instance){ .interface = "eth0", .vips = w.ours, .n_vips = 1 };
	w.blocks[1] = (struct conf_instance){ .interface = "eth0", .vips = w.others, .n_vips = 1 };
	w.all[0] = w.others[0].prefix.addr;
	w.all[1] = w.ours[0].prefix.addr;
	w.conf = (struct conf){ .instances = w.blocks, .n_instances = 2, .all_vips = w.all, .n_all_vips = 2 };
	w.inst.conf = &w.old;
	w.inst.vips = calloc(2, sizeof(*w.inst.vips));
	w.inst.fsm.state = VRRP_MASTER;
	assert_int_equal(loop_timer_init(&w.inst.lane_timer, w.loop, LOOP_RANK_NET, 1000, retry_due, &w.inst), 0);
	w.inst.next = (struct instance_next){
		.conf = &w.conf,
		.block = &w.blocks[0],
		.vips = calloc(2, sizeof(*w.inst.vips)),
		.kept = calloc(3, sizeof(bool)),
		.dropping = calloc(4, sizeof(*w.inst.dropping)),
	};
	instance_reconf_begin(&w.inst);
	assert_true(instance_drop_vips(&w.inst));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_timer_done(&w.inst.lane_timer);
	sd_event_unref(w.loop);
	free(w.inst.dropping);
	free(w.inst.vips);
	return 0;
}

static void ends(int error)
{
	w.done(&w.inst, &(struct netif_result){ .error = error, .failed = error ? 1 : 0 });
}

static void all_are_removed_before_another_instance_adds_its_own(void **state)
{
	(void)state;
	assert_string_equal(w.released, "192.0.2.11 192.0.2.12");
	ends(0);
	assert_int_equal(w.gone_on, 1);
}

static void another_try_leaves_alone_what_another_instance_has_by_now(void **state)
{
	(void)state;
	ends(-ENOBUFS);
	assert_true(loop_timer_armed(&w.inst.lane_timer));
	assert_int_equal(w.gone_on, 0);
	assert_true(instance_drop_again(&w.inst));
	assert_string_equal(w.released, "192.0.2.11");
	ends(0);
	assert_int_equal(w.gone_on, 1);
}

static void other_device_is_no_reason_to_leave_an_address(void **state)
{
	(void)state;
	ends(-ENOBUFS);
	strcpy(w.blocks[1].interface, "eth1");
	assert_true(instance_drop_again(&w.inst));
	assert_string_equal(w.released, "192.0.2.11 192.0.2.12");
	ends(0);
}

static void when_nothing_is_left_the_lane_goes_on(void **state)
{
	(void)state;
	ends(-ENOBUFS);
	w.others[0].prefix = prefix("192.0.2.11", 24);
	w.all[0] = w.others[0].prefix.addr;
	assert_true(instance_drop_again(&w.inst));
	assert_string_equal(w.released, "192.0.2.12");
	ends(-ENOBUFS);
	w.others[0].prefix = prefix("192.0.2.12", 24);
	w.all[0] = w.others[0].prefix.addr;
	assert_false(instance_drop_again(&w.inst));
	assert_int_equal(w.tries, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_are_removed_before_another_instance_adds_its_own),
		TEST(another_try_leaves_alone_what_another_instance_has_by_now),
		TEST(other_device_is_no_reason_to_leave_an_address),
		TEST(when_nothing_is_left_the_lane_goes_on),
	};

	return cmocka_run_group_tests_name("drop_vips", tests, NULL, NULL);
}
