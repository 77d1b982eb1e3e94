/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, notifications and the reset of connections against the real kernel. */
#include "test/unit/unit.h"

#include "agent/base/loop.h"
#include "agent/netif/netif.h"
#include "test/unit/netns.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

enum {
	EVENTS_MAX = 256,
	BUDGET_US = 2000000, /* tests do not measure the machine */
};

struct event {
	bool is_link, gone;
	int ifindex;
	char name[IFNAMSIZ]; /* link */
	bool up;
	struct ip_prefix prefix; /* address */
};

struct world {
	struct netns ns;
	sd_event *loop;
	struct netif *n;
	int v0;
	size_t n_events; /* beyond EVENTS_MAX they are only counted */
	struct event events[EVENTS_MAX];
	size_t n_done;
	uint64_t slow_us; /* what it takes to deal with one address */
};

struct outcome {
	struct world *w;
	size_t order; /* 1 = the first that was reported; 0 = not yet */
	struct netif_result result;
};

static void on_link(void *user, const struct netif_link *link, bool gone)
{
	struct world *w = user;

	if (w->n_events < EVENTS_MAX) {
		struct event *e = &w->events[w->n_events];

		*e = (struct event){ .is_link = true, .gone = gone, .ifindex = link->ifindex, .up = link->up };
		strcpy(e->name, link->name);
	}
	w->n_events++;
}

static void on_addr(void *user, int ifindex, const struct ip_prefix *prefix, bool gone)
{
	struct world *w = user;
	uint64_t until_us = loop_now_us() + w->slow_us;

	while (w->slow_us && loop_now_us() < until_us)
		;
	if (w->n_events < EVENTS_MAX)
		w->events[w->n_events] = (struct event){ .gone = gone, .ifindex = ifindex, .prefix = *prefix };
	w->n_events++;
}

static void on_done(void *user, const struct netif_result *result)
{
	struct outcome *o = user;

	assert_int_equal(o->order, 0);
	o->order = ++o->w->n_done;
	o->result = *result;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct netif_events events = { .link = on_link, .addr = on_addr, .user = w };

	assert_non_null(w);
	w->ns = netns_new();
	w->v0 = (int)if_nametoindex("v0");
	assert_int_equal(sd_event_new(&w->loop), 0);
	assert_int_equal(netif_new(w->loop, &events, &w->n), 0);
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

#define WAIT_FOR(w, condition)                                           \
	do {                                                             \
		uint64_t _until_us = loop_now_us() + 10000000;           \
		while (!(condition)) {                                   \
			assert_true(loop_now_us() < _until_us);          \
			assert_true(sd_event_run((w)->loop, 1000) >= 0); \
		}                                                        \
	} while (0)

/* Waits until all that the kernel has told so far has arrived: a link made now is told last. */
static void settle(struct world *w)
{
	shell("ip link add mark0 type bridge");
	WAIT_FOR(w, netif_link_by_name(w->n, "mark0"));
	shell("ip link del mark0");
	WAIT_FOR(w, !netif_link_by_name(w->n, "mark0"));
}

static struct ip_prefix prefix(const char *text, uint8_t len)
{
	struct ip_prefix p = { .len = len };

	assert_true(ip_parse(text, &p.addr));
	return p;
}

static struct netif_addr vip_on(int ifindex, const char *text, uint8_t len)
{
	return (struct netif_addr){ .ifindex = ifindex, .prefix = prefix(text, len), .scope = RT_SCOPE_UNIVERSE };
}

static struct netif_addr nth_vip(const struct world *w, unsigned i)
{
	struct netif_addr a = vip_on(w->v0, "10.9.0.0", 32);

	a.prefix.addr.bytes[2] = (uint8_t)(i / 250);
	a.prefix.addr.bytes[3] = (uint8_t)(1 + i % 250);
	return a;
}

static bool here(const struct world *w, const struct netif_addr *a)
{
	return netif_has(w->n, a->ifindex, &a->prefix);
}

/* How often this address was told to have come or gone. */
static unsigned told(const struct world *w, const struct netif_addr *a, bool gone)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->n_events && i < EVENTS_MAX; i++) {
		const struct event *e = &w->events[i];

		n += !e->is_link && e->gone == gone && e->ifindex == a->ifindex && e->prefix.len == a->prefix.len &&
		     ip_equal(&e->prefix.addr, &a->prefix.addr);
	}
	return n;
}

static unsigned told_link(const struct world *w, const char *name, bool gone, bool up)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->n_events && i < EVENTS_MAX; i++) {
		const struct event *e = &w->events[i];

		n += e->is_link && e->gone == gone && e->up == up && strcmp(e->name, name) == 0;
	}
	return n;
}

static struct netif_result take(struct world *w, const struct netif_addr *addrs, size_t n)
{
	struct outcome o = { .w = w };

	assert_int_equal(netif_take(w->n, addrs, n, UINT64_MAX, on_done, &o), 0);
	assert_int_equal(o.order, 0);
	WAIT_FOR(w, o.order);
	return o.result;
}

static struct netif_result release(struct world *w, const struct netif_addr *addrs, size_t n)
{
	struct outcome o = { .w = w };

	assert_int_equal(netif_release(w->n, addrs, n, BUDGET_US, on_done, &o), 0);
	assert_int_equal(o.order, 0);
	WAIT_FOR(w, o.order);
	return o.result;
}

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

static bool caught_up(struct world *w, const struct outcome *o)
{
	netif_catch_up(w->n);
	return o->order != 0;
}

static struct netif_result renew(struct world *w, const struct netif_addr *addrs, size_t n, uint64_t not_after_us)
{
	struct outcome o = { .w = w };
	size_t portions;

	assert_int_equal(netif_renew(w->n, addrs, n, not_after_us, on_done, &o, &portions), 0);
	assert_int_equal(portions, 1);
	WAIT_FOR(w, caught_up(w, &o));
	return o.result;
}

#define SHOW "ip -o address show dev v0"

static void take_gives_a_lifetime_and_renewal_extends_it(void **state)
{
	struct world *w = *state;
	struct netif_addr a[3] = { vip_on(w->v0, "192.0.2.100", 32), vip_on(w->v0, "2001:db8::100", 128),
				   vip_on(w->v0, "2001:db8:1::100", 64) };

	for (size_t i = 0; i < 3; i++)
		a[i].lifetime_s = 100;
	assert_int_equal(take(w, a, 3).error, 0);
	WAIT_FOR(w, here(w, &a[1]) && here(w, &a[2]));
	assert_true(shell_says(SHOW " to 192.0.2.100", "valid_lft 100sec preferred_lft 100sec"));
	assert_true(shell_says(SHOW " to 2001:db8::100", "valid_lft 100sec preferred_lft 0sec"));
	assert_true(shell_says(SHOW " to 2001:db8:1::100", "valid_lft 100sec preferred_lft 100sec"));
	for (size_t i = 0; i < 3; i++)
		a[i].lifetime_s = 200;
	assert_int_equal(renew(w, a, 3, UINT64_MAX).error, 0);
	assert_true(shell_says(SHOW " to 192.0.2.100", "valid_lft 200sec preferred_lft 200sec"));
	assert_true(shell_says(SHOW " to 2001:db8::100", "valid_lft 200sec preferred_lft 0sec"));
	assert_true(shell_says(SHOW " to 2001:db8:1::100", "valid_lft 200sec preferred_lft 200sec"));
	for (size_t i = 0; i < 3; i++)
		a[i].lifetime_s = 0;
	assert_int_equal(renew(w, a, 3, UINT64_MAX).error, 0);
	assert_false(shell_says(SHOW " to 192.0.2.100", "sec"));
	assert_false(shell_says(SHOW " to 2001:db8:1::100", "sec"));
	settle(w);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(told(w, &a[i], false), 1);
		assert_int_equal(told(w, &a[i], true), 0);
	}
	assert_int_equal(release(w, a, 3).error, 0);
	assert_false(shell_says(SHOW, "2001:db8"));
}

static void take_of_an_address_that_is_there_sets_its_lifetime(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32);

	shell("ip address add 192.0.2.100/32 dev v0");
	a.lifetime_s = 100;
	assert_int_equal(take(w, &a, 1).error, 0);
	assert_true(shell_says(SHOW, "valid_lft 100sec"));
	a.lifetime_s = 0;
	assert_int_equal(take(w, &a, 1).error, 0);
	assert_false(shell_says(SHOW, "valid_lft 100sec"));
}

static void renewal_brings_no_address_back(void **state)
{
	struct world *w = *state;
	struct netif_addr a[4] = { vip_on(w->v0, "192.0.2.100", 32), vip_on(w->v0, "192.0.2.101", 24),
				   vip_on(w->v0, "2001:db8::100", 128), vip_on(w->v0, "2001:db8:1::100", 64) };
	struct netif_result r;

	for (size_t i = 0; i < 4; i++)
		a[i].lifetime_s = 100;
	r = renew(w, a, 4, UINT64_MAX);
	assert_int_equal(r.error, -EADDRNOTAVAIL);
	assert_int_equal(r.failed, 4);
	settle(w);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(told(w, &a[i], false), 0);
	assert_false(shell_says(SHOW, "192.0.2.10"));
	assert_false(shell_says(SHOW, "2001:db8"));
}

static void renewal_that_comes_too_late_does_nothing(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32);

	a.lifetime_s = 100;
	assert_int_equal(take(w, &a, 1).error, 0);
	a.lifetime_s = 200;
	assert_int_equal(renew(w, &a, 1, loop_now_us() - 1).error, -ESTALE);
	assert_true(shell_says(SHOW, "valid_lft 100sec"));
}

static void take_that_comes_too_late_adds_nothing(void **state)
{
	struct world *w = *state;
	struct netif_addr a[2] = { vip_on(w->v0, "192.0.2.100", 32), vip_on(w->v0, "2001:db8::100", 128) };
	struct outcome o = { .w = w };

	assert_int_equal(netif_take(w->n, a, 2, loop_now_us() - 1, on_done, &o), 0);
	WAIT_FOR(w, o.order);
	assert_int_equal(o.result.error, -ESTALE);
	assert_int_equal(o.result.failed, 2);
	settle(w);
	for (size_t i = 0; i < 2; i++) {
		assert_false(here(w, &a[i]));
		assert_int_equal(told(w, &a[i], false), 0);
	}
	assert_false(shell_says(SHOW, "100/"));
}

static void foreign_removal_beside_a_renewal_is_told(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "2001:db8::100", 128);
	struct outcome o = { .w = w };
	size_t portions;

	a.lifetime_s = 100;
	assert_int_equal(take(w, &a, 1).error, 0);
	WAIT_FOR(w, here(w, &a));
	assert_int_equal(netif_renew(w->n, &a, 1, UINT64_MAX, on_done, &o, &portions), 0);
	shell("ip address del 2001:db8::100/128 dev v0");
	WAIT_FOR(w, caught_up(w, &o) && told(w, &a, true));
	assert_false(here(w, &a));
}

/* Neither its end nor the kernel's notice. */
static void renewal_that_goes_well_does_not_wake_the_loop(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32);
	struct outcome o = { .w = w };
	uint64_t until_us = loop_now_us() + 10000000;
	size_t portions;

	a.lifetime_s = 100;
	assert_int_equal(take(w, &a, 1).error, 0);
	settle(w);
	a.lifetime_s = 200;
	assert_int_equal(netif_renew(w->n, &a, 1, UINT64_MAX, on_done, &o, &portions), 0);
	do {
		assert_true(loop_now_us() < until_us);
		assert_int_equal(sd_event_run(w->loop, 1000), 0);
	} while (!caught_up(w, &o));
	assert_int_equal(o.result.error, 0);
	assert_true(shell_says(SHOW, "valid_lft 200sec"));
	assert_int_equal(sd_event_run(w->loop, 0), 0);
}

static void renewal_that_fails_wakes_the_loop(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32);
	struct outcome o = { .w = w };
	size_t portions;

	a.lifetime_s = 100;
	assert_int_equal(netif_renew(w->n, &a, 1, UINT64_MAX, on_done, &o, &portions), 0);
	WAIT_FOR(w, o.order);
	assert_int_equal(o.result.error, -EADDRNOTAVAIL);
}

/* What is not heard of is the renewals only: the same address, added by the same thread, is. */
static void address_that_was_renewed_is_heard_of_again(void **state)
{
	struct world *w = *state;
	struct netif_addr a = vip_on(w->v0, "192.0.2.100", 32);

	a.lifetime_s = 100;
	assert_int_equal(take(w, &a, 1).error, 0);
	assert_int_equal(renew(w, &a, 1, UINT64_MAX).error, 0);
	shell("ip address del 192.0.2.100/32 dev v0");
	WAIT_FOR(w, !here(w, &a));
	assert_int_equal(take(w, &a, 1).error, 0);
	assert_true(here(w, &a));
	shell("ip address change 192.0.2.100/32 dev v0 valid_lft 1 preferred_lft 1");
	WAIT_FOR(w, !here(w, &a));
}

static void renewals_come_in_portions_and_behind_everything_else(void **state)
{
	struct world *w = *state;
	struct netif_addr a[120], other = vip_on(w->v0, "192.0.2.200", 32);
	struct outcome last = { .w = w };
	size_t portions, n_done;

	for (unsigned i = 0; i < ELEMENTSOF(a); i++) {
		a[i] = nth_vip(w, i);
		a[i].lifetime_s = 100;
	}
	assert_int_equal(take(w, a, ELEMENTSOF(a)).error, 0);
	n_done = w->n_done;
	assert_int_equal(netif_renew(w->n, a, ELEMENTSOF(a), UINT64_MAX, NULL, w, &portions), 0);
	assert_int_equal(portions, 3);
	assert_int_equal(netif_take(w->n, &other, 1, UINT64_MAX, on_done, &last), 0);
	WAIT_FOR(w, last.order);
	assert_int_equal(last.order, n_done + 1);
	assert_int_equal(release(w, a, ELEMENTSOF(a)).error, 0);
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

/* --- lost notifications --------------------------------------------------------------------------------------------
 */

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

/* --- connections ---------------------------------------------------------------------------------------------------
 */

static int listen_on(sa_family_t family, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	if (family == AF_INET)
		assert_int_equal(bind(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
	else
		assert_int_equal(bind(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
	assert_int_equal(listen(fd, 4096), 0);
	return fd;
}

/* A client in the other namespace. */
static int connect_to(const struct world *w, const struct netif_addr *vip, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval patience = { .tv_sec = 5 };
	int fd;

	memcpy(&to.sin_addr, vip->prefix.addr.bytes, 4);
	netns_enter(w->ns.there);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	netns_enter(w->ns.here);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static int accept_on(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void assert_reset(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void assert_alive(int client, int server)
{
	char c = 'x';

	assert_int_equal(send(server, &c, 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(client, &c, 1, 0), 1);
}

static void reach_vips_from_there(const struct world *w)
{
	netns_enter(w->ns.there);
	shell("ip route add 10.9.0.0/16 dev p0");
	netns_enter(w->ns.here);
}

static bool can_reset(const struct world *w)
{
	return strcmp(netif_reset_support(w->n), "available") == 0;
}

static void clients_get_a_reset_and_the_listener_lives(sa_family_t family, struct world *w)
{
	struct netif_addr vip = vip_on(w->v0, "192.0.2.100", 32), host = vip_on(w->v0, "192.0.2.11", 24);
	int listener = listen_on(family, 3306), client, server, unaccepted, bystander, peer;
	struct netif_result r;

	assert_true(can_reset(w));
	assert_int_equal(take(w, &vip, 1).error, 0);
	client = connect_to(w, &vip, 3306);
	server = accept_on(listener);
	bystander = connect_to(w, &host, 3306);
	peer = accept_on(listener);
	assert_alive(client, server);
	unaccepted = connect_to(w, &vip, 3306);
	r = release(w, &vip, 1);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.resets, 2);
	assert_false(r.reset_cut_short);
	assert_reset(client);
	assert_reset(unaccepted);
	assert_alive(bystander, peer);
	close(peer);
	close(bystander);
	close(accept_on(listener)); /* the one that was reset in the queue */
	bystander = connect_to(w, &host, 3306);
	peer = accept_on(listener);
	assert_alive(bystander, peer);
	close(peer);
	close(bystander);
	close(client);
	close(unaccepted);
	close(server);
	close(listener);
}

static void release_resets_clients_and_spares_the_listener(void **state)
{
	clients_get_a_reset_and_the_listener_lives(AF_INET, *state);
}

static void release_resets_ipv4_clients_of_an_ipv6_listener(void **state)
{
	clients_get_a_reset_and_the_listener_lives(AF_INET6, *state);
}

static void half_open_connection_is_reset(void **state)
{
	struct world *w = *state;
	struct netif_addr vip = vip_on(w->v0, "192.0.2.100", 32);
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} syn = {
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_TCP,
			.tot_len = htons(40),
			.saddr = htonl(0xc000024d),
			.daddr = htonl(0xc0000264) },
		.tcp = { .source = htons(40000),
			 .dest = htons(3306),
			 .seq = htonl(1),
			 .doff = 5,
			 .syn = 1,
			 .window = htons(1000) },
	};
	/* Pseudo-header and header, summed by hand: 192.0.2.77 and 192.0.2.100 */
	uint32_t sum = 0xc000 + 0x024d + 0xc000 + 0x0264 + IPPROTO_TCP + 20;
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(0xc0000264) } };
	int listener = listen_on(AF_INET, 3306), raw;
	uint16_t words[10];
	struct netif_result r;

	assert_true(can_reset(w));
	assert_int_equal(take(w, &vip, 1).error, 0);
	memcpy(words, &syn.tcp, sizeof(words));
	for (size_t i = 0; i < ELEMENTSOF(words); i++)
		sum += ntohs(words[i]);
	sum = (sum & 0xffff) + (sum >> 16);
	syn.tcp.check = htons((uint16_t) ~((sum & 0xffff) + (sum >> 16)));
	netns_enter(w->ns.there);
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	netns_enter(w->ns.here);
	assert_int_equal(sendto(raw, &syn, sizeof(syn), 0, (const struct sockaddr *)&to, sizeof(to)), sizeof(syn));
	WAIT_FOR(w, shell_says("ss -Htn state syn-recv", "192.0.2.77"));
	r = release(w, &vip, 1);
	assert_int_equal(r.resets, 1);
	assert_false(shell_says("ss -Htn state syn-recv", "192.0.2.77"));
	close(raw);
	close(listener);
}

static void without_budget_nobody_is_reset(void **state)
{
	struct world *w = *state;
	struct netif_addr vip = vip_on(w->v0, "192.0.2.100", 32);
	struct outcome o = { .w = w };
	int listener = listen_on(AF_INET, 3306), client;

	assert_int_equal(take(w, &vip, 1).error, 0);
	client = connect_to(w, &vip, 3306);
	assert_int_equal(netif_release(w->n, &vip, 1, 0, on_done, &o), 0);
	WAIT_FOR(w, o.order);
	assert_int_equal(o.result.resets, 0);
	assert_false(o.result.reset_cut_short);
	assert_int_equal(send(client, "x", 1, MSG_NOSIGNAL), 1);
	close(client);
	close(listener);
}

static void budget_that_is_too_small_is_said_and_the_address_goes(void **state)
{
	struct world *w = *state;
	struct netif_addr vip = vip_on(w->v0, "192.0.2.100", 32);
	struct outcome o = { .w = w };
	int listener = listen_on(AF_INET, 3306), client;

	assert_true(can_reset(w));
	assert_int_equal(take(w, &vip, 1).error, 0);
	client = connect_to(w, &vip, 3306);
	assert_int_equal(netif_release(w->n, &vip, 1, 1, on_done, &o), 0);
	WAIT_FOR(w, o.order);
	assert_int_equal(o.result.error, 0);
	assert_true(o.result.reset_cut_short);
	assert_false(here(w, &vip));
	close(client);
	close(listener);
}

static void release_after_a_foreign_removal_still_resets(void **state)
{
	struct world *w = *state;
	struct netif_addr vip = vip_on(w->v0, "192.0.2.100", 32);
	int listener = listen_on(AF_INET, 3306), client, server;
	char c;

	assert_true(can_reset(w));
	assert_int_equal(take(w, &vip, 1).error, 0);
	client = connect_to(w, &vip, 3306);
	server = accept_on(listener);
	shell("ip address del 192.0.2.100/32 dev v0");
	assert_int_equal(release(w, &vip, 1).resets, 1);
	assert_int_equal(recv(server, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNABORTED);
	close(client);
	close(server);
	close(listener);
}

/* For few addresses the kernel filters, for many we do: both must find the same. */
static void each_release_counts_its_own_resets(void **state)
{
	struct world *w = *state;
	static const unsigned vips[] = { 1, 2, 7, 8, 9, 255 };
	int listener = listen_on(AF_INET6, 3306);

	assert_true(can_reset(w));
	reach_vips_from_there(w);
	for (size_t k = 0; k < ELEMENTSOF(vips); k++) {
		struct outcome o[255];
		struct netif_addr a[255];
		int clients[255];
		unsigned n = vips[k];

		for (unsigned i = 0; i < n; i++) {
			a[i] = nth_vip(w, i);
			o[i] = (struct outcome){ .w = w };
		}
		assert_int_equal(take(w, a, n).error, 0);
		for (unsigned i = 0; i < n; i++)
			clients[i] = connect_to(w, &a[i], 3306);
		w->n_done = 0;
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(netif_release(w->n, &a[i], 1, BUDGET_US, on_done, &o[i]), 0);
		WAIT_FOR(w, w->n_done == n);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(o[i].order, i + 1);
			assert_int_equal(o[i].result.error, 0);
			assert_int_equal(o[i].result.resets, 1);
			assert_reset(clients[i]);
			close(clients[i]);
			close(accept_on(listener));
		}
	}
	close(listener);
}

static void hundreds_of_connections_are_reset(void **state)
{
	struct world *w = *state;
	struct netif_addr vip = vip_on(w->v0, "192.0.2.100", 32);
	int listener = listen_on(AF_INET6, 3306), clients[400];
	struct netif_result r;

	assert_true(can_reset(w));
	assert_int_equal(take(w, &vip, 1).error, 0);
	for (size_t i = 0; i < ELEMENTSOF(clients); i++)
		clients[i] = connect_to(w, &vip, 3306);
	r = release(w, &vip, 1);
	assert_int_equal(r.resets, ELEMENTSOF(clients));
	for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
		assert_reset(clients[i]);
		close(clients[i]);
	}
	close(listener);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

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
		TEST(take_gives_a_lifetime_and_renewal_extends_it),
		TEST(take_of_an_address_that_is_there_sets_its_lifetime),
		TEST(renewal_brings_no_address_back),
		TEST(renewal_that_comes_too_late_does_nothing),
		TEST(take_that_comes_too_late_adds_nothing),
		TEST(foreign_removal_beside_a_renewal_is_told),
		TEST(renewal_that_goes_well_does_not_wake_the_loop),
		TEST(renewal_that_fails_wakes_the_loop),
		TEST(address_that_was_renewed_is_heard_of_again),
		TEST(renewals_come_in_portions_and_behind_everything_else),
		TEST(address_that_would_take_others_along_is_known),
		TEST(secondary_that_goes_with_its_primary_is_told),
		TEST(removal_that_overtakes_the_next_take_is_still_ours),
		TEST(forgotten_batch_runs_and_is_not_reported),
		TEST(hundreds_of_vips_come_and_go),
		TEST(loop_is_not_woken_for_each_of_many_addresses),
		TEST(others_have_their_turn_while_many_notices_are_dealt_with),
		TEST(waiting_batches_are_dropped_at_the_end),
		TEST(queue_has_an_end),
		TEST(lost_notifications_are_made_good),
		TEST(our_own_removal_is_not_told_even_if_its_notice_was_lost),
		TEST(end_comes_while_lost_notifications_are_made_good),
		TEST(release_resets_clients_and_spares_the_listener),
		TEST(release_resets_ipv4_clients_of_an_ipv6_listener),
		TEST(half_open_connection_is_reset),
		TEST(without_budget_nobody_is_reset),
		TEST(budget_that_is_too_small_is_said_and_the_address_goes),
		TEST(release_after_a_foreign_removal_still_resets),
		TEST(each_release_counts_its_own_resets),
		TEST(hundreds_of_connections_are_reset),
	};

	return netns_allowed() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
