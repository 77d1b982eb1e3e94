/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications that the kernel had no room for. */
#include "test/unit/unit.h"

#include "test/unit/netif_fixture.h"

/* More notifications than any buffer holds, while the loop does not run. */
static void flood(void)
{
	shell("i=0; while [ $i -lt 6000 ]; do echo 'address add 203.0.113.1/32 dev lo';"
	      "echo 'address del 203.0.113.1/32 dev lo'; i=$((i + 1)); done | ip -batch -");
}

static void lost_notifications_are_made_good(void **state)
{
	struct world *w = *state;
	struct netif_addr before = vip_on(w->v0, "192.0.2.200", 32), after = vip_on(w->v0, "192.0.2.201", 32);
	struct netif_addr stays = vip_on(w->v0, "192.0.2.202", 32), host = vip_on(w->v0, "192.0.2.11", 24);

	shell("ip address add 192.0.2.200/32 dev v0; ip link add old0 type bridge");
	assert_int_equal(take(w, &stays, 1).error, 0);
	settle(w);
	assert_true(here(w, &before));
	w->n_events = 0;
	flood();
	shell("ip address del 192.0.2.200/32 dev v0; ip address add 192.0.2.201/32 dev v0; ip link del old0;"
	      "ip link add new0 type bridge; ip link set v0 mtu 1300");
	WAIT_FOR(w, netif_link_by_name(w->n, "new0"));
	assert_true(here(w, &after) && here(w, &stays) && here(w, &host));
	assert_false(here(w, &before));
	assert_null(netif_link_by_name(w->n, "old0"));
	assert_int_equal(netif_link_by_name(w->n, "v0")->mtu, 1300);
	assert_int_equal(told(w, &before, true), 1);
	assert_int_equal(told(w, &after, false), 1);
	assert_int_equal(told(w, &stays, true) + told(w, &host, true), 0);
	assert_int_equal(told_link(w, "old0", true, false), 1);
	assert_int_equal(told_link(w, "new0", false, false), 1);
	/* And it goes on from there. */
	shell("ip address del 192.0.2.201/32 dev v0");
	WAIT_FOR(w, told(w, &after, true));
	settle(w);
}

static void our_own_removal_is_not_told_even_if_its_notice_was_lost(void **state)
{
	struct world *w = *state;
	struct netif_addr ours = vip_on(w->v0, "192.0.2.100", 32), mine = vip_on(w->v0, "192.0.2.101", 32);
	struct netif_addr foreign = vip_on(w->v0, "192.0.2.200", 32);
	struct outcome released = { .w = w }, taken = { .w = w };

	shell("ip address add 192.0.2.200/32 dev v0");
	assert_int_equal(take(w, &ours, 1).error, 0);
	settle(w);
	w->n_events = 0;
	w->n_done = 0;
	flood();
	assert_int_equal(netif_release(w->n, &ours, 1, 0, on_done, &released), 0);
	assert_int_equal(netif_take(w->n, &mine, 1, UINT64_MAX, on_done, &taken), 0);
	shell("ip address del 192.0.2.200/32 dev v0");
	WAIT_FOR(w, taken.order);
	assert_int_equal(released.order, 1);
	assert_true(here(w, &mine));
	assert_false(here(w, &ours));
	WAIT_FOR(w, told(w, &foreign, true));
	settle(w);
	assert_int_equal(told(w, &ours, true), 0);
	assert_true(here(w, &mine));
	assert_false(here(w, &ours));
}

static void end_comes_while_lost_notifications_are_made_good(void **state)
{
	struct world *w = *state;

	flood();
	assert_true(sd_event_run(w->loop, 1000000) > 0);
	w->n = netif_free(w->n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lost_notifications_are_made_good),
		TEST(our_own_removal_is_not_told_even_if_its_notice_was_lost),
		TEST(end_comes_while_lost_notifications_are_made_good),
	};

	return netns_allowed() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
