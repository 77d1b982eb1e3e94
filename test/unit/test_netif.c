/* SPDX-License-Identifier: Apache-2.0 */
/* Links and addresses against the real kernel: known, told, taken and released. */
#include "test/unit/unit.h"

#include "test/unit/netif_fixture.h"

/* --- links and addresses ------------------------------------------------------------------------------------------ */

static void knows_links_and_addresses_from_the_start(void **state)
{
	struct world *w = *state;
	const struct netif_link *l = netif_link_by_name(w->n, "v0"), *lo = netif_link_by_name(w->n, "lo");
	struct netif_addr host = vip_on(w->v0, "192.0.2.11", 24), other = vip_on(w->v0, "192.0.2.11", 32);

	assert_non_null(l);
	assert_ptr_equal(l, netif_link_by_index(w->n, w->v0));
	assert_int_equal(l->ifindex, w->v0);
	assert_true(l->has_mac);
	assert_int_equal(l->mtu, 1500);
	assert_false(l->noarp);
	assert_non_null(lo);
	assert_false(lo->has_mac);
	assert_null(netif_link_by_name(w->n, "nowhere0"));
	assert_null(netif_link_by_index(w->n, 4711));
	assert_true(here(w, &host));
	assert_false(here(w, &other));
}

static bool skip_host(void *user, const struct ip_addr *a)
{
	return ip_equal(a, user);
}

static void source_of_adverts_is_never_a_vip(void **state)
{
	struct world *w = *state;
	struct ip_addr got = { 0 }, host = prefix("192.0.2.11", 24).addr;

	assert_true(netif_source(w->n, w->v0, AF_INET, NULL, NULL, &got));
	assert_true(ip_equal(&got, &host));
	assert_false(netif_source(w->n, w->v0, AF_INET, skip_host, &host, &got));
	shell("ip address add 192.0.2.12/24 dev v0");
	settle(w);
	assert_true(netif_source(w->n, w->v0, AF_INET, skip_host, &host, &got));
	assert_int_equal(got.bytes[3], 12);
	assert_false(netif_source(w->n, 4711, AF_INET, NULL, NULL, &got));
}

static void link_changes_are_told(void **state)
{
	struct world *w = *state;
	char name[] = "v0";

	settle(w);
	assert_true(netif_link_by_name(w->n, name)->up);
	w->n_events = 0;
	shell("ip link set v0 down");
	WAIT_FOR(w, told_link(w, name, false, false));
	assert_false(netif_link_by_name(w->n, name)->up);
	shell("ip link set v0 up");
	WAIT_FOR(w, told_link(w, name, false, true));
	shell("ip link set v0 mtu 1400 address 02:00:00:00:00:44");
	WAIT_FOR(w, netif_link_by_name(w->n, name)->mtu == 1400 && netif_link_by_name(w->n, name)->mac[5] == 0x44);
	shell("ip link set v0 arp off");
	WAIT_FOR(w, netif_link_by_name(w->n, name)->noarp);
}

static void pulled_cable_is_told(void **state)
{
	struct world *w = *state;

	settle(w);
	w->n_events = 0;
	netns_enter(w->ns.there);
	shell("ip link set p0 down");
	netns_enter(w->ns.here);
	WAIT_FOR(w, told_link(w, "v0", false, false));
}

static void link_that_vanishes_takes_its_addresses_along(void **state)
{
	struct world *w = *state;
	struct netif_addr host = vip_on(w->v0, "192.0.2.11", 24);

	settle(w);
	w->n_events = 0;
	shell("ip link del v0");
	WAIT_FOR(w, !netif_link_by_name(w->n, "v0"));
	assert_int_equal(told(w, &host, true), 1);
	assert_int_equal(told_link(w, "v0", true, false), 1);
	shell("ip link add v0 type bridge");
	WAIT_FOR(w, netif_link_by_name(w->n, "v0"));
	assert_int_not_equal(netif_link_by_name(w->n, "v0")->ifindex, w->v0);
}

static void renamed_link_is_a_new_one(void **state)
{
	struct world *w = *state;

	settle(w);
	shell("ip link set v0 down");
	settle(w);
	w->n_events = 0;
	shell("ip link set v0 name eth7");
	WAIT_FOR(w, netif_link_by_name(w->n, "eth7"));
	assert_null(netif_link_by_name(w->n, "v0"));
	assert_int_equal(told_link(w, "v0", true, false), 1);
	assert_true(told_link(w, "eth7", false, false) >= 1);
}

static void port_that_leaves_a_bridge_is_still_a_link(void **state)
{
	struct world *w = *state;

	shell("ip link add br0 type bridge && ip link set v0 master br0 && ip link set v0 nomaster");
	settle(w);
	assert_non_null(netif_link_by_name(w->n, "v0"));
	assert_int_equal(told_link(w, "v0", true, true) + told_link(w, "v0", true, false), 0);
}

static void messages_of_other_processes_are_ignored(void **state)
{
	struct world *w = *state;
	struct netif_addr host = vip_on(w->v0, "192.0.2.11", 24);
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg ifa;
		struct rtattr a;
		uint8_t addr[4];
	} forged = {
		.h = { .nlmsg_len = sizeof(forged), .nlmsg_type = RTM_DELADDR },
		.ifa = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = (unsigned)w->v0 },
		.a = { .rta_len = 8, .rta_type = IFA_LOCAL },
		.addr = { 192, 0, 2, 11 },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	FILE *f = fopen("/proc/self/net/netlink", "re");
	char line[256];
	unsigned sent = 0;

	settle(w);
	w->n_events = 0;
	while (fgets(line, sizeof(line), f)) {
		struct sockaddr_nl to = { .nl_family = AF_NETLINK };
		unsigned protocol;

		if (sscanf(line, "%*s %u %u", &protocol, &to.nl_pid) == 2 && protocol == NETLINK_ROUTE && to.nl_pid)
			sent += sendto(fd, &forged, sizeof(forged), 0, (struct sockaddr *)&to, sizeof(to)) > 0;
	}
	fclose(f);
	close(fd);
	assert_true(sent >= 2);
	settle(w);
	assert_true(here(w, &host));
	assert_int_equal(told(w, &host, true), 0);
}

/* --- taking --------------------------------------------------------------------------------------------------------
 */

static void take_adds_addresses(void **state)
{
	struct world *w = *state;
	struct netif_addr a[2] = { vip_on(w->v0, "192.0.2.100", 32), vip_on(w->v0, "192.0.2.101", 24) };
	struct netif_result r;

	strcpy(a[0].label, "v0:vip");
	a[1].brd.s_addr = htonl(0xc00002ff);
	a[1].scope = RT_SCOPE_UNIVERSE;
	r = take(w, a, 2);
	assert_int_equal(r.error, 0);
	assert_true(r.queued_us <= r.began_us && r.began_us <= r.ended_us);
	assert_true(here(w, &a[0]) && here(w, &a[1]));
	assert_true(shell_says("ip address show dev v0", "inet 192.0.2.100/32 scope global proto 112 v0:vip") ||
		    shell_says("ip address show dev v0", "inet 192.0.2.100/32 scope global proto 0x70 v0:vip") ||
		    shell_says("ip address show dev v0", "inet 192.0.2.100/32 scope global v0:vip"));
	assert_true(shell_says("ip address show dev v0", "192.0.2.101/24 brd 192.0.2.255"));
	assert_int_equal(take(w, NULL, 0).error, 0);
}

static void take_of_an_address_that_is_there_leaves_it_alone(void **state)
{
	struct world *w = *state;
	struct netif_addr a[2] = { vip_on(w->v0, "192.0.2.100", 24), vip_on(w->v0, "192.0.2.101", 32) };

	shell("ip address add 192.0.2.100/24 dev v0");
	assert_int_equal(take(w, a, 2).error, 0);
	assert_int_equal(take(w, a, 2).error, 0);
	settle(w);
	assert_true(here(w, &a[0]) && here(w, &a[1]));
	/* Had it been made anew, it would have been told at least as come again. */
	assert_int_equal(told(w, &a[0], false), 1);
	assert_int_equal(told(w, &a[1], false), 1);
	assert_int_equal(told(w, &a[0], true), 0);
}

static void take_makes_an_address_of_another_scope_anew(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32);

	shell("ip address add 192.0.2.100/32 scope link dev v0");
	settle(w);
	assert_int_equal(take(w, &a, 1).error, 0);
	settle(w);
	assert_true(here(w, &a));
	assert_true(shell_says("ip address show dev v0", "192.0.2.100/32 scope global"));
	assert_int_equal(told(w, &a, true), 0);
}

static void take_reopens_a_door_that_was_left_closed(void **state)
{
	struct world *w = *state;
	struct netif_addr a[2] = { vip_on(w->v0, "192.0.2.100", 32), vip_on(w->v0, "192.0.2.102", 24) };

	assert_int_equal(take(w, a, 2).error, 0);
	shell("ip route del local 192.0.2.100 dev v0 table local && ip route del local 192.0.2.102 dev v0 table local");
	assert_int_equal(take(w, a, 2).error, 0);
	settle(w);
	assert_true(here(w, &a[0]) && here(w, &a[1]));
	assert_true(shell_says("ip route show table local", "local 192.0.2.100 "));
	assert_true(shell_says("ip route show table local", "local 192.0.2.102 "));
	assert_int_equal(release(w, a, 2).error, 0);
	assert_false(shell_says("ip route show table local", "192.0.2.10"));
}

static void take_on_a_missing_link_fails_and_the_rest_goes_on(void **state)
{
	struct world *w = *state;
	struct netif_addr a[3] = { vip_on(4711, "192.0.2.100", 32), vip_on(w->v0, "192.0.2.101", 32),
				   vip_on(4712, "192.0.2.102", 32) };
	struct netif_result r = take(w, a, 3);

	assert_int_equal(r.error, -ENODEV);
	assert_int_equal(r.failed, 2);
	assert_true(here(w, &a[1]));
}

static void ipv6_addresses_are_usable_at_once(void **state)
{
	struct world *w = *state;
	struct netif_addr a[2] = { vip_on(w->v0, "2001:db8::100", 128), vip_on(w->v0, "fe80::100", 64) };

	assert_int_equal(take(w, a, 2).error, 0);
	/* There at once; that nobody is asked about duplicates is for a work queue of the kernel's to find out. */
	assert_true(shell_says("ip -6 address show dev v0", " 2001:db8::100/128 "));
	assert_true(shell_says("ip -6 address show dev v0", " fe80::100/64 "));
	WAIT_FOR(w, here(w, &a[0]) && here(w, &a[1]));
	assert_false(shell_says("ip -6 address show dev v0 to 2001:db8::100", "tentative"));
	assert_int_equal(take(w, a, 2).error, 0);
	assert_int_equal(release(w, a, 2).error, 0);
	assert_int_equal(release(w, a, 2).error, 0);
	assert_false(here(w, &a[0]) || here(w, &a[1]));
	settle(w);
	assert_int_equal(told(w, &a[0], true) + told(w, &a[1], true), 0);
	/* Whole addresses: that of the link itself is made of a random MAC, and may begin like ours. */
	assert_false(shell_says("ip -6 address show dev v0", " 2001:db8::100/128 "));
	assert_false(shell_says("ip -6 address show dev v0", " fe80::100/64 "));
}

/* --- releasing -----------------------------------------------------------------------------------------------------
 */

static void release_of_what_is_not_there_succeeds(void **state)
{
	struct world *w = *state;
	struct netif_addr a[2] = { vip_on(w->v0, "192.0.2.100", 32), vip_on(4711, "192.0.2.100", 32) };

	assert_int_equal(release(w, a, 2).error, 0);
	assert_int_equal(take(w, a, 1).error, 0);
	assert_int_equal(release(w, a, 2).error, 0);
	assert_int_equal(release(w, a, 2).error, 0);
	assert_false(here(w, &a[0]));
	assert_false(shell_says("ip address show dev v0", "192.0.2.100"));
}

static void foreign_removal_is_told_and_our_own_is_not(void **state)
{
	struct world *w = *state;
	struct netif_addr a[2] = { vip_on(w->v0, "192.0.2.100", 32), vip_on(w->v0, "192.0.2.101", 32) };

	assert_int_equal(take(w, a, 2).error, 0);
	shell("ip address del 192.0.2.100/32 dev v0");
	WAIT_FOR(w, told(w, &a[0], true));
	assert_false(here(w, &a[0]));
	assert_int_equal(release(w, a, 2).error, 0);
	settle(w);
	assert_int_equal(told(w, &a[0], true), 1);
	assert_int_equal(told(w, &a[1], true), 0);
}

static void expired_address_is_told(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32);

	assert_int_equal(take(w, &a, 1).error, 0);
	shell("ip address change 192.0.2.100/32 dev v0 valid_lft 1 preferred_lft 1");
	WAIT_FOR(w, told(w, &a, true));
	assert_false(here(w, &a));
}

static void address_that_would_take_others_along_is_known(void **state)
{
	struct world *w = *state;
	struct netif_addr primary = vip_on(w->v0, "198.51.100.1", 24), host = vip_on(w->v0, "192.0.2.11", 24),
			  secondary = vip_on(w->v0, "198.51.100.2", 24);

	shell("echo 0 >/proc/sys/net/ipv4/conf/all/promote_secondaries;"
	      "echo 0 >/proc/sys/net/ipv4/conf/v0/promote_secondaries");
	assert_int_equal(take(w, &primary, 1).error, 0);
	assert_false(netif_takes_along(w->n, w->v0, &primary.prefix, NULL, NULL));
	shell("ip address add 198.51.101.2/24 dev v0; ip address add 198.51.100.2/25 dev v0");
	settle(w);
	assert_false(netif_takes_along(w->n, w->v0, &primary.prefix, NULL, NULL));
	shell("ip address add 198.51.100.2/24 dev v0; ip address add 192.0.2.100/24 dev v0");
	settle(w);
	assert_true(netif_takes_along(w->n, w->v0, &primary.prefix, NULL, NULL));
	assert_true(netif_takes_along(w->n, w->v0, &host.prefix, NULL, NULL));
	assert_false(netif_takes_along(w->n, w->v0, &secondary.prefix, NULL, NULL));
	shell("echo 1 >/proc/sys/net/ipv4/conf/v0/promote_secondaries");
	assert_false(netif_takes_along(w->n, w->v0, &primary.prefix, NULL, NULL));
}

static void secondaries_are_promoted_until_nobody_wants_it(void **state)
{
	struct world *w = *state;

	shell("echo 0 >/proc/sys/net/ipv4/conf/v0/promote_secondaries");
	assert_int_equal(netif_promote_secondaries(w->n, w->v0), 0);
	assert_int_equal(netif_promote_secondaries(w->n, w->v0), 0);
	netif_promote_no_more(w->n, w->v0);
	shell("grep -q 1 /proc/sys/net/ipv4/conf/v0/promote_secondaries");
	netif_promote_no_more(w->n, w->v0);
	shell("grep -q 0 /proc/sys/net/ipv4/conf/v0/promote_secondaries");
	shell("echo 1 >/proc/sys/net/ipv4/conf/v0/promote_secondaries");
	assert_int_equal(netif_promote_secondaries(w->n, w->v0), 0);
	netif_promote_no_more(w->n, w->v0); /* it was not us */
	shell("grep -q 1 /proc/sys/net/ipv4/conf/v0/promote_secondaries");
	assert_int_equal(netif_promote_secondaries(w->n, 4711), -ENODEV);
}

static void secondary_that_goes_with_its_primary_is_told(void **state)
{
	struct world *w = *state;
	struct netif_addr primary = vip_on(w->v0, "198.51.100.1", 24), secondary = vip_on(w->v0, "198.51.100.2", 24);

	shell("echo 0 >/proc/sys/net/ipv4/conf/all/promote_secondaries;"
	      "echo 0 >/proc/sys/net/ipv4/conf/v0/promote_secondaries");
	assert_int_equal(take(w, &primary, 1).error, 0);
	assert_int_equal(take(w, &secondary, 1).error, 0);
	assert_int_equal(release(w, &primary, 1).error, 0);
	assert_int_equal(told(w, &primary, true), 0);
	assert_int_equal(told(w, &secondary, true), 1);
	assert_false(here(w, &secondary));
}

static void removal_that_overtakes_the_next_take_is_still_ours(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32);
	struct outcome o[20];

	for (size_t i = 0; i < ELEMENTSOF(o); i++) {
		o[i] = (struct outcome){ .w = w };
		if (i % 2 == 0)
			assert_int_equal(netif_take(w->n, &a, 1, UINT64_MAX, on_done, &o[i]), 0);
		else
			assert_int_equal(netif_release(w->n, &a, 1, 0, on_done, &o[i]), 0);
	}
	WAIT_FOR(w, w->n_done == ELEMENTSOF(o));
	settle(w);
	assert_int_equal(told(w, &a, true), 0);
	assert_false(here(w, &a));
	for (size_t i = 0; i < ELEMENTSOF(o); i++) {
		assert_int_equal(o[i].order, i + 1);
		assert_int_equal(o[i].result.error, 0);
	}
}

static void forgotten_batch_runs_and_is_not_reported(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32), b = vip_on(w->v0, "192.0.2.101", 32);
	struct outcome forgotten = { .w = w }, kept = { .w = w };

	assert_int_equal(netif_take(w->n, &a, 1, UINT64_MAX, on_done, &forgotten), 0);
	assert_int_equal(netif_take(w->n, &b, 1, UINT64_MAX, on_done, &kept), 0);
	netif_forget(w->n, &forgotten);
	WAIT_FOR(w, kept.order);
	settle(w);
	assert_int_equal(forgotten.order, 0);
	assert_true(here(w, &a));
}

static void hundreds_of_vips_come_and_go(void **state)
{
	struct world *w = *state;
	struct netif_addr a[1000];
	struct netif_result r;

	for (unsigned i = 0; i < ELEMENTSOF(a); i++)
		a[i] = nth_vip(w, i);
	assert_int_equal(take(w, a, ELEMENTSOF(a)).error, 0);
	for (unsigned i = 0; i < ELEMENTSOF(a); i++)
		assert_true(here(w, &a[i]));
	assert_int_equal(take(w, a, ELEMENTSOF(a)).error, 0);
	w->n_events = 0;
	r = release(w, a, ELEMENTSOF(a));
	assert_int_equal(r.error, 0);
	for (unsigned i = 0; i < ELEMENTSOF(a); i++)
		assert_false(here(w, &a[i]));
	assert_int_equal(w->n_events, 0);
	assert_false(shell_says("ip address show dev v0", "inet 10.9."));
}

/* Whoever adds them has to wake us, and that costs more than the address. */
static void loop_is_not_woken_for_each_of_many_addresses(void **state)
{
	struct world *w = *state;
	uint64_t begun_us = loop_now_us(), before, after;
	struct netif_addr a[1000];

	for (unsigned i = 0; i < ELEMENTSOF(a); i++)
		a[i] = nth_vip(w, i);
	assert_int_equal(sd_event_get_iteration(w->loop, &before), 0);
	assert_int_equal(take(w, a, ELEMENTSOF(a)).error, 0);
	assert_int_equal(sd_event_get_iteration(w->loop, &after), 0);
	assert_true(w->n_events >= ELEMENTSOF(a)); /* the link's own address may be told late, too */
	assert_true(after - before < 20 + (loop_now_us() - begun_us) / 1000);
}

static void others_have_their_turn_while_many_notices_are_dealt_with(void **state)
{
	struct world *w = *state;
	size_t most = 0;

	settle(w);
	w->n_events = 0;
	w->slow_us = 1000;
	shell("i=1; while [ $i -le 50 ]; do echo \"address add 203.0.113.$i/32 dev lo\"; i=$((i + 1)); done | ip "
	      "-batch -");
	for (uint64_t until_us = loop_now_us() + 10000000; w->n_events < 50;) {
		size_t before = w->n_events;

		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(w->loop, 1000) >= 0);
		most = w->n_events - before > most ? w->n_events - before : most;
	}
	assert_int_equal(w->n_events, 50);
	assert_in_range(most, 1, 4);
}

static void waiting_batches_are_dropped_at_the_end(void **state)
{
	struct world *w = *state;
	struct netif_addr a[200];
	struct outcome o = { .w = w };

	for (unsigned i = 0; i < ELEMENTSOF(a); i++)
		a[i] = nth_vip(w, i);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(netif_take(w->n, a, ELEMENTSOF(a), UINT64_MAX, on_done, &o), 0);
		assert_int_equal(netif_release(w->n, a, ELEMENTSOF(a), 0, on_done, &o), 0);
	}
	w->n = netif_free(w->n);
	assert_int_equal(o.order, 0);
}

static void queue_has_an_end(void **state)
{
	struct world *w = *state;
	struct netif_addr a[1000];
	int r = 0, accepted;

	for (unsigned i = 0; i < ELEMENTSOF(a); i++)
		a[i] = nth_vip(w, i);
	for (accepted = 0; accepted < 10000; accepted++) {
		r = netif_take(w->n, a, accepted ? 1 : ELEMENTSOF(a), UINT64_MAX, NULL, NULL);
		if (r < 0)
			break;
	}
	assert_true(r == -ENOBUFS || accepted == 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(knows_links_and_addresses_from_the_start),
		TEST(source_of_adverts_is_never_a_vip),
		TEST(link_changes_are_told),
		TEST(pulled_cable_is_told),
		TEST(link_that_vanishes_takes_its_addresses_along),
		TEST(renamed_link_is_a_new_one),
		TEST(port_that_leaves_a_bridge_is_still_a_link),
		TEST(messages_of_other_processes_are_ignored),
		TEST(take_adds_addresses),
		TEST(take_of_an_address_that_is_there_leaves_it_alone),
		TEST(take_makes_an_address_of_another_scope_anew),
		TEST(take_reopens_a_door_that_was_left_closed),
		TEST(take_on_a_missing_link_fails_and_the_rest_goes_on),
		TEST(ipv6_addresses_are_usable_at_once),
		TEST(release_of_what_is_not_there_succeeds),
		TEST(foreign_removal_is_told_and_our_own_is_not),
		TEST(expired_address_is_told),
		TEST(address_that_would_take_others_along_is_known),
		TEST(secondaries_are_promoted_until_nobody_wants_it),
		TEST(secondary_that_goes_with_its_primary_is_told),
		TEST(removal_that_overtakes_the_next_take_is_still_ours),
		TEST(forgotten_batch_runs_and_is_not_reported),
		TEST(hundreds_of_vips_come_and_go),
		TEST(loop_is_not_woken_for_each_of_many_addresses),
		TEST(others_have_their_turn_while_many_notices_are_dealt_with),
		TEST(waiting_batches_are_dropped_at_the_end),
		TEST(queue_has_an_end),
	};

	return netns_allowed() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
