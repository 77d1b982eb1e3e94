/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of addresses against the real kernel: a network of its own for each test, all that the kernel tells, and
 * batches that are waited for. Include after "test/unit/unit.h". */
#pragma once

#include "agent/base/loop.h"
#include "agent/netif/netif.h"
#include "test/unit/addresses.h"
#include "test/unit/netns.h"

#include <linux/rtnetlink.h>

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

static inline void on_link(void *user, const struct netif_link *link, bool gone)
{
	struct world *w = user;

	if (w->n_events < EVENTS_MAX) {
		struct event *e = &w->events[w->n_events];

		*e = (struct event){ .is_link = true, .gone = gone, .ifindex = link->ifindex, .up = link->up };
		strcpy(e->name, link->name);
	}
	w->n_events++;
}

static inline void on_addr(void *user, int ifindex, const struct ip_prefix *prefix, bool gone)
{
	struct world *w = user;
	uint64_t until_us = loop_now_us() + w->slow_us;

	while (w->slow_us && loop_now_us() < until_us)
		;
	if (w->n_events < EVENTS_MAX)
		w->events[w->n_events] = (struct event){ .gone = gone, .ifindex = ifindex, .prefix = *prefix };
	w->n_events++;
}

static inline void on_done(void *user, const struct netif_result *result)
{
	struct outcome *o = user;

	assert_int_equal(o->order, 0);
	o->order = ++o->w->n_done;
	o->result = *result;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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
static inline void settle(struct world *w)
{
	shell("ip link add mark0 type bridge");
	WAIT_FOR(w, netif_link_by_name(w->n, "mark0"));
	shell("ip link del mark0");
	WAIT_FOR(w, !netif_link_by_name(w->n, "mark0"));
}

static inline struct netif_addr vip_on(int ifindex, const char *text, uint8_t len)
{
	return (struct netif_addr){ .ifindex = ifindex, .prefix = prefix(text, len), .scope = RT_SCOPE_UNIVERSE };
}

static inline struct netif_addr nth_vip(const struct world *w, unsigned i)
{
	struct netif_addr a = vip_on(w->v0, "10.9.0.0", 32);

	a.prefix.addr.bytes[2] = (uint8_t)(i / 250);
	a.prefix.addr.bytes[3] = (uint8_t)(1 + i % 250);
	return a;
}

static inline bool here(const struct world *w, const struct netif_addr *a)
{
	return netif_has(w->n, a->ifindex, &a->prefix);
}

/* How often this address was told to have come or gone. */
static inline unsigned told(const struct world *w, const struct netif_addr *a, bool gone)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->n_events && i < EVENTS_MAX; i++) {
		const struct event *e = &w->events[i];

		n += !e->is_link && e->gone == gone && e->ifindex == a->ifindex && e->prefix.len == a->prefix.len &&
		     ip_equal(&e->prefix.addr, &a->prefix.addr);
	}
	return n;
}

static inline unsigned told_link(const struct world *w, const char *name, bool gone, bool up)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->n_events && i < EVENTS_MAX; i++) {
		const struct event *e = &w->events[i];

		n += e->is_link && e->gone == gone && e->up == up && strcmp(e->name, name) == 0;
	}
	return n;
}

static inline struct netif_result take(struct world *w, const struct netif_addr *addrs, size_t n)
{
	struct outcome o = { .w = w };

	assert_int_equal(netif_take(w->n, addrs, n, UINT64_MAX, on_done, &o), 0);
	assert_int_equal(o.order, 0);
	WAIT_FOR(w, o.order);
	return o.result;
}

static inline struct netif_result release(struct world *w, const struct netif_addr *addrs, size_t n)
{
	struct outcome o = { .w = w };

	assert_int_equal(netif_release(w->n, addrs, n, BUDGET_US, on_done, &o), 0);
	assert_int_equal(o.order, 0);
	WAIT_FOR(w, o.order);
	return o.result;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
