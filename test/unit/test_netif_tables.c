/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the kernel's tables while somebody changes them all the time. */
#include "test/unit/unit.h"

#include "agent/base/loop.h"
#include "agent/netif/batch.h"
#include "agent/netif/view.h"
#include "test/unit/netns.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
	VIPS = 1000,
	COMERS = 16,           /* addresses that come and go */
	TIME_US = 2 * 1000000, /* for a reader to make a mistake */
};

struct world {
	struct netns ns;
	int v0;
	struct netif_batch *batch;
	struct netif_request vips[VIPS];
	struct netif_request comers[COMERS];
	pthread_t thread;
	atomic_bool stop;
};

static struct netif_request request(int ifindex, unsigned net, unsigned i, uint8_t scope)
{
	struct netif_request q = { .addr = { .ifindex = ifindex, .scope = scope } };

	q.addr.prefix.len = 32;
	q.addr.prefix.addr =
		ip_from_bytes(AF_INET, (uint8_t[]){ 10, (uint8_t)net, (uint8_t)(i / 250), (uint8_t)(1 + i % 250) });
	return q;
}

/* Addresses of a narrower scope are put before the others: each that goes moves all others up. */
static void *come_and_go(void *user)
{
	struct world *w = user;
	struct netif_batch *b;

	if (netif_batch_new(&b) < 0)
		return NULL;
	while (!w->stop) {
		for (unsigned i = 0; i < COMERS; i++) {
			netif_batch_add(b, NETIF_OP_ADD, &w->comers[i]);
			netif_batch_flush(b);
		}
		for (unsigned i = 0; i < COMERS; i++) {
			netif_batch_add(b, NETIF_OP_REMOVE, &w->comers[i]);
			netif_batch_flush(b);
		}
	}
	netif_batch_free(b);
	return w;
}

static void stop_churn(struct world *w)
{
	void *ret;

	w->stop = true;
	assert_int_equal(pthread_join(w->thread, &ret), 0);
	assert_ptr_equal(ret, w);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->ns = netns_new();
	w->v0 = (int)if_nametoindex("v0");
	assert_int_equal(netif_batch_new(&w->batch), 0);
	for (unsigned i = 0; i < VIPS; i++) {
		w->vips[i] = request(w->v0, 9, i, RT_SCOPE_UNIVERSE);
		netif_batch_add(w->batch, NETIF_OP_ADD, &w->vips[i]);
	}
	netif_batch_flush(w->batch);
	for (unsigned i = 0; i < VIPS; i++)
		assert_int_equal(w->vips[i].error, 0);
	for (unsigned i = 0; i < COMERS; i++)
		w->comers[i] = request(w->v0, 8, i, RT_SCOPE_LINK);
	assert_int_equal(pthread_create(&w->thread, NULL, come_and_go, w), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (!w->stop)
		stop_churn(w);
	netif_batch_free(w->batch);
	netns_done(&w->ns);
	free(w);
	return 0;
}

/* How many of the addresses that stay were said to be there. */
static unsigned count_present(struct world *w, int *r)
{
	struct netif_request *qs[NETIF_BATCH_MAX];
	unsigned present = 0;

	for (unsigned i = 0; i < NETIF_BATCH_MAX; i++)
		qs[i] = &w->vips[VIPS - 1 - 3 * i];
	*r = netif_batch_look(w->batch, qs, NETIF_BATCH_MAX);
	for (unsigned i = 0; i < NETIF_BATCH_MAX; i++)
		present += qs[i]->present && qs[i]->same && qs[i]->door_open;
	return present;
}

static void address_that_is_there_is_never_said_to_be_gone(void **state)
{
	struct world *w = *state;
	uint64_t until_us = loop_now_us() + TIME_US;
	unsigned sure = 0, unsure = 0;
	int r;

	do {
		unsigned present = count_present(w, &r);

		if (r == 0)
			assert_int_equal(present, NETIF_BATCH_MAX);
		else
			assert_int_equal(r, -EAGAIN);
		*(r ? &unsure : &sure) += 1;
	} while (loop_now_us() < until_us);
	print_message("%u looks were sure, %u were not\n", sure, unsure);
	stop_churn(w);
	assert_int_equal(count_present(w, &r), NETIF_BATCH_MAX);
	assert_int_equal(r, 0);
}

static void view_has_all_that_did_not_change(void **state)
{
	struct world *w = *state;
	uint64_t until_us = loop_now_us() + TIME_US;

	do {
		struct netif_view *v = calloc(1, sizeof(*v));
		const struct netif_cached *l;
		unsigned known = 0;

		assert_non_null(v);
		assert_int_equal(netif_view_open(v), 0);
		assert_non_null(netif_cache_find(&v->cache, 1));
		l = netif_cache_find(&v->cache, w->v0);
		assert_non_null(l);
		for (unsigned i = 0; i < VIPS; i++)
			known += netif_cached_presence(l, &w->vips[i].addr.prefix) == NETIF_PRESENT;
		assert_int_equal(known, VIPS);
		netif_view_free(v);
	} while (loop_now_us() < until_us);
}

static void put_link(struct netif_cache *c, int ifindex, uint32_t mtu)
{
	const struct netif_link l = { .ifindex = ifindex, .mtu = mtu };

	assert_int_equal(netif_cache_put_link(c, &l), 1);
}

static void put_addr(struct netif_cache *c, int ifindex, unsigned i)
{
	struct netif_request q = request(ifindex, 9, i, RT_SCOPE_UNIVERSE);

	assert_int_equal(netif_cache_put_addr(c, ifindex, &q.addr.prefix, NETIF_PRESENT), 1);
}

static void earlier_dump_fills_gaps_and_the_later_one_has_precedence(void **state)
{
	struct netif_cache c = { 0 }, earlier = { 0 };

	(void)state;
	put_link(&earlier, 1, 1400);
	put_link(&earlier, 2, 1500);
	put_link(&earlier, 3, 1500);
	put_addr(&earlier, 1, 1);
	put_addr(&earlier, 1, 2);
	put_addr(&earlier, 3, 3);
	put_link(&c, 1, 9000);
	assert_int_equal(netif_cache_add_addrs(&c, &earlier), 0);
	assert_int_equal(c.n_links, 1);
	netif_cache_done(&c);

	put_link(&c, 3, 1500);
	put_link(&c, 1, 9000);
	put_addr(&c, 1, 2);
	assert_int_equal(netif_cache_add_links(&c, &earlier), 0);
	assert_int_equal(netif_cache_add_addrs(&c, &earlier), 0);
	assert_int_equal(c.n_links, 3);
	assert_int_equal(c.links[0].link.ifindex, 3);
	assert_int_equal(c.links[2].link.ifindex, 2);
	assert_int_equal(netif_cache_find(&c, 1)->link.mtu, 9000);
	assert_int_equal(netif_cache_find(&c, 1)->n_addrs, 2);
	assert_int_equal(netif_cache_find(&c, 1)->addrs[0].prefix.addr.bytes[3], 3);
	assert_int_equal(netif_cache_find(&c, 1)->addrs[1].prefix.addr.bytes[3], 2);
	assert_int_equal(netif_cache_find(&c, 3)->n_addrs, 1);
	netif_cache_done(&c);
	netif_cache_done(&earlier);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(address_that_is_there_is_never_said_to_be_gone),
		cmocka_unit_test(earlier_dump_fills_gaps_and_the_later_one_has_precedence),
		test(view_has_all_that_did_not_change),
	};

	return netns_allowed() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
