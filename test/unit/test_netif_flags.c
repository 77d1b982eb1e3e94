/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked for beside an address, judged by `ip address`; and duplicate detection, step by step. */
#include "test/unit/unit.h"

#include "agent/base/loop.h"
#include "agent/netif/netif.h"
#include "test/unit/addresses.h"
#include "test/unit/netns.h"

struct world {
	struct netns ns;
	sd_event *loop;
	struct netif *n;
	int ifindex;
	bool done;
	struct netif_result result;
	size_t added, gone; /* events about `watched` */
	struct ip_addr watched;
};

static void on_addr(void *user, int ifindex, const struct ip_prefix *prefix, bool gone)
{
	struct world *w = user;

	(void)ifindex;
	if (ip_equal(&prefix->addr, &w->watched))
		*(gone ? &w->gone : &w->added) += 1;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct netif_events events = { .addr = on_addr, .user = w };

	assert_non_null(w);
	w->ns = netns_new();
	assert_int_equal(sd_event_new(&w->loop), 0);
	shell("echo 1 >/proc/sys/net/ipv6/conf/all/accept_dad; echo 1 >/proc/sys/net/ipv6/conf/v0/accept_dad");
	assert_int_equal(netif_new(w->loop, &events, &w->n), 0);
	w->ifindex = netif_link_by_name(w->n, "v0")->ifindex;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	netif_free(w->n);
	sd_event_unref(w->loop);
	netns_done(&w->ns);
	free(w);
	return 0;
}

static void done(void *user, const struct netif_result *result)
{
	struct world *w = user;

	w->done = true;
	w->result = *result;
}

static bool is_done(const struct world *w)
{
	return w->done;
}

static void run_until(struct world *w, bool (*reached)(const struct world *w))
{
	uint64_t until_us = loop_now_us() + 10000000;

	while (!reached(w)) {
		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(w->loop, 10000) >= 0);
	}
}

static struct netif_addr address(struct world *w, const char *text, uint8_t len)
{
	struct netif_addr a = { .ifindex = w->ifindex, .prefix = prefix(text, len) };

	w->watched = a.prefix.addr;
	return a;
}

static void take(struct world *w, const struct netif_addr *a)
{
	w->done = false;
	assert_int_equal(netif_take(w->n, a, 1, UINT64_MAX, done, w), 0);
	run_until(w, is_done);
	assert_int_equal(w->result.error, 0);
}

static void release(struct world *w, const struct netif_addr *a)
{
	w->done = false;
	assert_int_equal(netif_release(w->n, a, 1, 0, done, w), 0);
	run_until(w, is_done);
	assert_int_equal(w->result.error, 0);
}

static bool is_present(const struct world *w)
{
	const struct ip_prefix p = { w->watched, 128 };

	return netif_presence(w->n, w->ifindex, &p) == NETIF_PRESENT;
}

#define SHOW "ip -d address show dev v0"

static void c86_ipv6_host_address_is_deprecated_and_not_looked_for_twice(void **state)
{
	struct world *w = *state;
	struct netif_addr a = address(w, "2001:db8::9", 128);

	take(w, &a);
	run_until(w, is_present);
	assert_true(shell_says(SHOW, "2001:db8::9/128 scope global nodad deprecated"));
	assert_true(shell_says(SHOW, "preferred_lft 0sec"));
	release(w, &a);
	assert_false(shell_says(SHOW, "2001:db8::9"));
}

static void c86_preferred_lifetime_is_as_asked_for(void **state)
{
	struct world *w = *state;
	struct netif_addr a = address(w, "2001:db8::9", 128), b = address(w, "2001:db8:1::9", 64);

	a.has_preferred = b.has_preferred = true;
	a.preferred_lft = UINT32_MAX;
	take(w, &a);
	assert_true(shell_says(SHOW, "2001:db8::9/128 scope global nodad"));
	b.preferred_lft = 5000;
	take(w, &b);
	assert_true(shell_says(SHOW, "preferred_lft 5000sec"));
}

static void c86_flags_are_set_and_an_address_without_them_is_made_anew(void **state)
{
	struct world *w = *state;
	struct netif_addr a = address(w, "2001:db8:1::9", 64);

	shell("ip address add 2001:db8:1::9/64 dev v0 nodad");
	a.flags = IFA_F_NOPREFIXROUTE | IFA_F_HOMEADDRESS;
	take(w, &a);
	assert_true(shell_says(SHOW, "2001:db8:1::9/64 scope global nodad home noprefixroute"));
	assert_false(shell_says("ip -6 route", "2001:db8:1::/64"));
	a = address(w, "2001:db8:2::9", 64);
	a.flags = IFA_F_MANAGETEMPADDR;
	take(w, &a);
	assert_true(shell_says(SHOW, "mngtmpaddr"));
	a = address(w, "198.51.100.9", 24);
	a.flags = IFA_F_NOPREFIXROUTE;
	take(w, &a);
	assert_true(shell_says(SHOW, "noprefixroute"));
	assert_false(shell_says("ip -4 route", "198.51.100.0/24"));
}

static void c86_point_to_point_addresses_have_their_peer_and_go_again(void **state)
{
	struct world *w = *state;
	struct netif_addr a = address(w, "198.51.100.9", 32), b = address(w, "2001:db8::9", 128);

	a.peer = ip("198.51.100.10");
	b.peer = ip("2001:db8::10");
	take(w, &a);
	take(w, &b);
	assert_true(shell_says(SHOW, "198.51.100.9 peer 198.51.100.10/32"));
	assert_true(shell_says(SHOW, "2001:db8::9 peer 2001:db8::10/128"));
	take(w, &a); /* it is there already, just so */
	release(w, &a);
	release(w, &b);
	assert_false(shell_says(SHOW, "198.51.100.9"));
	assert_false(shell_says(SHOW, "2001:db8::9"));
}

static void duplicate_detection_makes_an_address_tentative_then_present(void **state)
{
	struct world *w = *state;
	struct netif_addr a = address(w, "2001:db8::9", 128);

	a.dad = true;
	take(w, &a);
	assert_int_equal(netif_presence(w->n, w->ifindex, &a.prefix), NETIF_TENTATIVE);
	assert_false(netif_has(w->n, w->ifindex, &a.prefix));
	run_until(w, is_present);
	assert_int_equal(w->gone, 0);
	assert_true(w->added >= 2);
}

static bool is_gone(const struct world *w)
{
	return w->gone > 0;
}

/* The neighbour has it already. */
static void duplicate_address_counts_as_lost(void **state)
{
	struct world *w = *state;
	struct netif_addr a = address(w, "2001:db8::9", 128);

	netns_enter(w->ns.there);
	shell("ip address add 2001:db8::9/128 dev p0 nodad");
	netns_enter(w->ns.here);
	a.dad = true;
	take(w, &a);
	run_until(w, is_gone);
	assert_int_equal(netif_presence(w->n, w->ifindex, &a.prefix), NETIF_ABSENT);
	release(w, &a);
	assert_false(shell_says(SHOW, "2001:db8::9"));
}

static bool skip_nothing(void *user, const struct ip_addr *addr)
{
	const uint8_t *b = addr->bytes;

	(void)user;
	return b[0] == 0xfe;
}

static void tentative_address_is_no_source(void **state)
{
	struct world *w = *state;
	struct netif_addr a = address(w, "2001:db8::9", 128);
	struct ip_addr source;

	a.dad = true;
	take(w, &a);
	assert_false(netif_source(w->n, w->ifindex, AF_INET6, skip_nothing, NULL, &source));
	run_until(w, is_present);
	assert_true(netif_source(w->n, w->ifindex, AF_INET6, skip_nothing, NULL, &source));
	assert_true(ip_equal(&source, &a.prefix.addr));
}

static void forwarding_is_read_for_each_interface(void **state)
{
	struct world *w = *state;

	assert_false(netif_forwards6(w->n, w->ifindex));
	shell("echo 1 >/proc/sys/net/ipv6/conf/v0/forwarding");
	assert_true(netif_forwards6(w->n, w->ifindex));
	assert_false(netif_forwards6(w->n, 4711));
}

static void ipv6_addresses_that_go_with_the_link_are_told(void **state)
{
	struct world *w = *state;
	struct netif_addr a = address(w, "2001:db8::9", 128);

	take(w, &a);
	shell("ip link set v0 down");
	run_until(w, is_gone);
	release(w, &a); /* there is nothing to remove, and that is no error */
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(c86_ipv6_host_address_is_deprecated_and_not_looked_for_twice),
		test(c86_preferred_lifetime_is_as_asked_for),
		test(c86_flags_are_set_and_an_address_without_them_is_made_anew),
		test(c86_point_to_point_addresses_have_their_peer_and_go_again),
		test(duplicate_detection_makes_an_address_tentative_then_present),
		test(duplicate_address_counts_as_lost),
		test(tentative_address_is_no_source),
		test(forwarding_is_read_for_each_interface),
		test(ipv6_addresses_that_go_with_the_link_are_told),
	};

	return netns_allowed() ? cmocka_run_group_tests_name("netif_flags", tests, NULL, NULL) : 0;
}
