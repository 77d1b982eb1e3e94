/* SPDX-License-Identifier: Apache-2.0 */
/* VIPs that somebody else took away: each is put back once, one job at a time; and what others do on the host costs an
 * instance nothing. agent/instance/addr.c is real, everything around it is played here. */
#include "test/unit/unit.h"

#include "agent/instance/impl.h"

enum { ETH0 = 2, ETH1 = 3, VETH = 9, N_VIPS = 4 };

/* --- the world --------------------------------------------------------------------------------------------------- */

static struct {
	struct conf conf;
	struct conf_instance block;
	struct ip_addr sorted[N_VIPS]; /* their addresses */
	struct conf_vip vips[N_VIPS];  /* the last one on eth1 */
	struct vip_state states[N_VIPS];
	struct instance inst;
	struct netif_link links[3];
	enum netif_presence presence[N_VIPS];
	unsigned looks;        /* at whether an address is there */
	unsigned source_looks; /* at what adverts leave from */
	unsigned announced[N_VIPS];
	size_t n_jobs, n_ended;              /* takes handed in, and reported */
	bool stolen;                         /* what they add is deleted before they are reported */
	size_t n_asked[8], asked[8][N_VIPS]; /* which VIPs, in each of them */
	int asked_on[8];                     /* and where the first of them */
	netif_done_fn done, released;
	unsigned told_deleted;
	unsigned lost_for_good;
} w;

static struct ip_prefix vip_prefix(size_t i)
{
	const uint8_t bytes[] = { 192, 0, 2, (uint8_t)(10 + i) };

	return (struct ip_prefix){ .addr = ip_from_bytes(AF_INET, bytes), .len = 32 };
}

static size_t vip_of(const struct ip_addr *addr)
{
	size_t i = 0;

	while (i < N_VIPS && !ip_equal(&w.vips[i].prefix.addr, addr))
		i++;
	assert_true(i < N_VIPS);
	return i;
}

const struct netif_link *netif_link_by_index(const struct netif *n, int ifindex)
{
	(void)n;
	for (size_t i = 0; i < ELEMENTSOF(w.links); i++)
		if (ifindex && w.links[i].ifindex == ifindex)
			return &w.links[i];
	return NULL;
}

const struct netif_link *netif_link_by_name(const struct netif *n, const char *name)
{
	(void)n;
	for (size_t i = 0; i < ELEMENTSOF(w.links); i++)
		if (w.links[i].ifindex && strcmp(w.links[i].name, name) == 0)
			return &w.links[i];
	return NULL;
}

enum netif_presence netif_presence(const struct netif *n, int ifindex, const struct ip_prefix *prefix)
{
	(void)n, (void)ifindex;
	w.looks++;
	return w.presence[vip_of(&prefix->addr)];
}

int netif_take(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t not_after_us,
	       netif_done_fn done, void *user)
{
	(void)n, (void)not_after_us, (void)user;
	assert_true(w.n_jobs < ELEMENTSOF(w.n_asked));
	for (size_t i = 0; i < n_addrs; i++)
		w.asked[w.n_jobs][i] = vip_of(&addrs[i].prefix.addr);
	w.asked_on[w.n_jobs] = addrs[0].ifindex;
	w.n_asked[w.n_jobs++] = n_addrs;
	w.done = done;
	return 0;
}

bool netif_source(const struct netif *n, int ifindex, sa_family_t family,
		  bool (*skip)(void *user, const struct ip_addr *addr), void *user, struct ip_addr *ret)
{
	(void)n, (void)ifindex, (void)family, (void)skip, (void)user;
	w.source_looks++;
	*ret = w.inst.fsm.own;
	return true;
}

int announce_one(struct announce *a, const struct announce_target *target)
{
	(void)a;
	w.announced[vip_of(&target->vip)]++;
	return 0;
}

void instance_record(const struct instance *inst, int level, enum journal_kind kind, const char *fmt, ...)
{
	(void)inst, (void)level, (void)kind;
	w.told_deleted += strstr(fmt, "deleted by somebody else") != NULL;
}

void instance_feed(struct instance *inst, const struct vrrp_event *ev, const char *fmt, ...)
{
	(void)inst, (void)fmt;
	w.lost_for_good += ev->type == VRRP_EV_VIPS_LOST;
}

int netif_release(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t reset_budget_us,
		  netif_done_fn done, void *user)
{
	(void)n, (void)addrs, (void)n_addrs, (void)reset_budget_us, (void)user;
	w.released = done;
	return 0;
}

void instance_lane_go_on(struct instance *inst)
{
	inst->lane_len = 0;
}

/* --- what does not matter here ------------------------------------------------------------------------------------ */

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

int announce_start(struct announce *a, const struct announce_target *targets, size_t n)
{
	(void)a, (void)targets, (void)n;
	return 0;
}

void announce_again(struct announce *a)
{
	(void)a;
}

void announce_once(struct announce *a, const struct announce_target *target)
{
	(void)a, (void)target;
}

bool links_is_up(const struct links *l, const char *name)
{
	(void)l, (void)name;
	return true;
}

bool wire_is_open(const struct wire *wire)
{
	(void)wire;
	return true;
}

void instance_set_faults(struct instance *inst, unsigned mask, unsigned value, const char *fmt, ...)
{
	(void)inst, (void)mask, (void)value, (void)fmt;
}

void announce_drop(struct announce *a, int ifindex, const struct ip_addr *vip)
{
	(void)a, (void)ifindex, (void)vip;
}

void instance_refit(struct instance *inst)
{
	(void)inst;
}

void instance_next_done(struct instance *inst)
{
	(void)inst;
}

void instance_lane_order(struct instance *inst, enum errand_kind kind)
{
	(void)inst, (void)kind;
}

void instance_group_hold(struct instance *inst, enum vrrp_hold hold, const char *cause)
{
	(void)inst, (void)hold, (void)cause;
}

void instance_lease_reconf(struct instance *inst, const struct conf_instance *old)
{
	(void)inst, (void)old;
}

void instance_forget_take(struct instance *inst)
{
	(void)inst;
}

void instance_look_up(struct instance *inst)
{
	(void)inst;
}

void instance_on_checks(struct instance *inst)
{
	(void)inst;
}

uint64_t instance_awake_until_us(const struct instance *inst)
{
	(void)inst;
	return UINT64_MAX;
}

bool instance_waits_on(struct instance *inst, struct loop_timer *t, uint64_t until_us)
{
	(void)inst, (void)t, (void)until_us;
	return false;
}

void instance_wire_fit(struct instance *inst, const struct netif_link *link)
{
	(void)inst, (void)link;
}

void instance_lease_began(struct instance *inst, uint64_t at_us)
{
	(void)inst, (void)at_us;
}

uint32_t instance_lease_s(const struct instance *inst, size_t i)
{
	(void)inst, (void)i;
	return 0;
}

/* --- the tests --------------------------------------------------------------------------------------------------- */

static struct netif_link link_of(int ifindex, const char *name)
{
	struct netif_link l = { .ifindex = ifindex, .up = true, .has_mac = true };

	snprintf(l.name, sizeof(l.name), "%s", name);
	return l;
}

/* A master of four VIPs, all there, its last advert just sent. */
static int set_up(void **state)
{
	static const uint8_t own[] = { 192, 0, 2, 1 };

	(void)state;
	memset(&w, 0, sizeof(w));
	w.links[0] = link_of(ETH0, "eth0");
	w.links[1] = link_of(ETH1, "eth1");
	w.links[2] = link_of(VETH, "veth0");
	w.block = (struct conf_instance){ .name = "web", .interface = "eth0", .family = AF_INET };
	w.block.vips = w.vips;
	w.block.n_vips = N_VIPS;
	w.block.advert_us = 1000000;
	w.block.down_adverts = 3600;
	for (size_t i = 0; i < N_VIPS; i++) {
		w.vips[i].prefix = vip_prefix(i);
		w.states[i].ifindex = i == N_VIPS - 1 ? ETH1 : ETH0;
		w.presence[i] = NETIF_PRESENT;
		w.sorted[i] = w.vips[i].prefix.addr;
	}
	w.conf.all_vips = w.sorted;
	w.conf.n_all_vips = N_VIPS;
	snprintf(w.vips[N_VIPS - 1].dev, sizeof(w.vips[0].dev), "eth1");
	w.inst.conf = &w.block;
	w.inst.vips = w.states;
	w.inst.env.conf = &w.conf;
	w.inst.fsm.state = VRRP_MASTER;
	w.inst.fsm.own = ip_from_bytes(AF_INET, own);
	w.inst.sent_us = loop_now_us();
	return 0;
}

static void goes(size_t i)
{
	struct ip_prefix p = vip_prefix(i);

	w.presence[i] = NETIF_ABSENT;
	instance_on_addr(&w.inst, w.states[i].ifindex, &p, true);
}

/* The oldest job that is under way. */
static void job_ends(int error)
{
	const struct netif_result r = { .error = error, .failed = error ? w.n_asked[w.n_ended] : 0 };

	assert_true(w.n_ended < w.n_jobs);
	for (size_t i = 0; error == 0 && !w.stolen && i < w.n_asked[w.n_ended]; i++)
		w.presence[w.asked[w.n_ended][i]] = NETIF_PRESENT;
	w.n_ended++;
	w.done(&w.inst, &r);
}

static void flush_puts_each_back_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VIPS; i++)
		goes(i);
	assert_int_equal(w.n_jobs, 1); /* a release would wait behind all that are under way */
	job_ends(0);
	assert_int_equal(w.n_jobs, 2);
	job_ends(0);
	assert_int_equal(w.n_jobs, 2);
	assert_int_equal(w.inst.counters.vips_restored, N_VIPS);
	assert_int_equal(w.n_asked[0] + w.n_asked[1], N_VIPS);
	assert_int_equal(w.told_deleted, 2);
	for (size_t i = 0; i < N_VIPS; i++)
		assert_int_equal(w.announced[i], 1);
}

static void vip_lost_again_while_it_is_put_back_is_put_back_again(void **state)
{
	(void)state;
	goes(0);
	w.stolen = true;
	job_ends(0);
	w.stolen = false;
	assert_int_equal(w.n_jobs, 2);
	assert_int_equal(w.asked[1][0], 0);
	job_ends(0);
	assert_int_equal(w.n_jobs, 2);
	assert_int_equal(w.inst.counters.vips_restored, 2);
}

static void job_that_came_too_late_counts_nothing(void **state)
{
	(void)state;
	goes(0);
	job_ends(-ESTALE);
	job_ends(0);
	assert_int_equal(w.n_jobs, 2);
	assert_int_equal(w.inst.counters.vips_restored, 1);
}

static void vip_that_cannot_be_put_back_is_no_masters(void **state)
{
	(void)state;
	goes(0);
	goes(1);
	job_ends(-EPERM);
	assert_int_equal(w.lost_for_good, 1);
	assert_int_equal(w.inst.counters.vips_restored, 0);
}

/* The event that would end its mastership is withheld. */
static void vip_that_cannot_be_put_back_in_maintenance_is_tried_again(void **state)
{
	(void)state;
	w.inst.maintenance = true;
	goes(0);
	job_ends(-ENOBUFS);
	instance_addr_restore_due(&w.inst);
	assert_int_equal(w.n_jobs, 1);                    /* not at each advert */
	assert_int_not_equal(w.inst.restore_again_us, 0); /* but some time */
	w.inst.restore_again_us = loop_now_us();
	instance_addr_restore_due(&w.inst);
	assert_int_equal(w.n_jobs, 2);
	job_ends(0);
	assert_int_equal(w.inst.counters.vips_restored, 1);
	assert_int_equal(w.presence[0], NETIF_PRESENT);
	instance_addr_restore_due(&w.inst);
	assert_int_equal(w.n_jobs, 2);
}

static struct ip_prefix foreign(void)
{
	const uint8_t bytes[] = { 198, 51, 100, 7 };

	return (struct ip_prefix){ .addr = ip_from_bytes(AF_INET, bytes), .len = 24 };
}

static void addresses_of_others_cost_nothing(void **state)
{
	const struct ip_prefix p = foreign();

	(void)state;
	instance_on_addr(&w.inst, VETH, &p, false);
	instance_on_addr(&w.inst, VETH, &p, true);
	assert_int_equal(w.source_looks, 0);
	instance_on_addr(&w.inst, ETH0, &p, false);
	instance_on_addr(&w.inst, ETH0, &p, true);
	assert_int_equal(w.source_looks, 2); /* adverts may have left from it */
	assert_int_equal(w.looks, 0);
}

static void vips_are_no_source_to_look_for(void **state)
{
	(void)state;
	goes(0);
	assert_int_equal(w.source_looks, 0);
	assert_int_equal(w.n_jobs, 1);
	w.block.src_ip = w.vips[1].prefix.addr;
	w.block.track_src_ip = true;
	goes(1);
	assert_int_equal(w.source_looks, 1);
}

static void links_of_others_cost_nothing(void **state)
{
	(void)state;
	w.presence[0] = w.presence[N_VIPS - 1] = NETIF_ABSENT;
	instance_on_link(&w.inst, &w.links[2], false);
	assert_int_equal(w.looks, 0);
	assert_int_equal(w.n_jobs, 0);
	instance_on_link(&w.inst, &w.links[0], false);
	assert_int_equal(w.n_jobs, 1);
}

static void vip_on_another_device_is_put_back_when_it_goes(void **state)
{
	(void)state;
	goes(N_VIPS - 1);
	assert_int_equal(w.n_jobs, 1);
	assert_int_equal(w.asked[0][0], N_VIPS - 1);
	assert_int_equal(w.asked_on[0], ETH1);
}

static void vip_is_put_back_on_a_device_that_was_made_anew(void **state)
{
	const struct netif_link old = w.links[1];

	(void)state;
	w.presence[N_VIPS - 1] = NETIF_ABSENT;
	w.links[1].ifindex = 0;
	instance_on_link(&w.inst, &old, true);
	assert_int_equal(w.n_jobs, 0);
	w.links[1].ifindex = 12;
	instance_on_link(&w.inst, &w.links[1], false);
	assert_int_equal(w.n_jobs, 1);
	assert_int_equal(w.asked_on[0], 12);
}

static void vip_that_goes_while_a_reload_removes_others_is_put_back_after_that(void **state)
{
	const struct netif_result done = { 0 };

	(void)state;
	w.inst.dropping = calloc(1, sizeof(*w.inst.dropping));
	assert_non_null(w.inst.dropping);
	w.inst.n_dropping = 1;
	w.inst.lane_len = 1;
	assert_true(instance_drop_vips(&w.inst));
	goes(0);
	assert_int_equal(w.n_jobs, 0);
	w.presence[1] = NETIF_ABSENT; /* the reload is about to add it */
	w.states[1].fresh = true;
	w.released(&w.inst, &done);
	assert_int_equal(w.n_jobs, 1);
	assert_int_equal(w.n_asked[0], 1);
	assert_int_equal(w.asked[0][0], 0);
}

static void comes(size_t i, enum netif_presence presence)
{
	struct ip_prefix p = vip_prefix(i);

	w.presence[i] = presence;
	instance_on_addr(&w.inst, w.states[i].ifindex, &p, false);
}

static void restored_vip_is_announced_when_duplicate_detection_is_over(void **state)
{
	(void)state;
	w.vips[0].dad = true;
	comes(0, NETIF_PRESENT);
	comes(0, NETIF_PRESENT);
	assert_int_equal(w.announced[0], 1);
	goes(0);
	w.stolen = true;
	w.presence[0] = NETIF_TENTATIVE;
	job_ends(0);
	assert_int_equal(w.announced[0], 1);
	comes(0, NETIF_PRESENT);
	assert_int_equal(w.announced[0], 2);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flush_puts_each_back_once),
		TEST(vip_lost_again_while_it_is_put_back_is_put_back_again),
		TEST(job_that_came_too_late_counts_nothing),
		TEST(vip_that_cannot_be_put_back_is_no_masters),
		TEST(vip_that_cannot_be_put_back_in_maintenance_is_tried_again),
		TEST(addresses_of_others_cost_nothing),
		TEST(vips_are_no_source_to_look_for),
		TEST(links_of_others_cost_nothing),
		TEST(vip_on_another_device_is_put_back_when_it_goes),
		TEST(vip_is_put_back_on_a_device_that_was_made_anew),
		TEST(vip_that_goes_while_a_reload_removes_others_is_put_back_after_that),
		TEST(restored_vip_is_announced_when_duplicate_detection_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
