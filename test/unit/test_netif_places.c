/* SPDX-License-Identifier: Apache-2.0 */
/* Finding an address that is not where it was configured, and whose it is. */
#include "test/unit/unit.h"

#include "agent/base/loop.h"
#include "agent/netif/netif.h"
#include "agent/netif/places.h"
#include "test/unit/addresses.h"
#include "test/unit/netns.h"

struct world {
	struct netns ns;
	sd_event *loop;
	struct netif *n;
	bool done;
	struct netif_places places;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct netif_events none = { 0 };

	assert_non_null(w);
	w->ns = netns_new();
	assert_int_equal(sd_event_new(&w->loop), 0);
	assert_int_equal(netif_new(w->loop, &none, &w->n), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	netif_places_done(&w->places);
	netif_free(w->n);
	sd_event_unref(w->loop);
	netns_done(&w->ns);
	free(w);
	return 0;
}

static void done(void *user, const struct netif_result *result)
{
	struct world *w = user;

	assert_int_equal(result->error, 0);
	w->done = true;
}

/* As an agent does. */
static void take(struct world *w, const char *dev, const struct ip_prefix *p)
{
	const struct netif_addr a = { .ifindex = (int)if_nametoindex(dev), .prefix = *p };
	uint64_t until_us = loop_now_us() + 10000000;

	w->done = false;
	assert_int_equal(netif_take(w->n, &a, 1, UINT64_MAX, done, w), 0);
	while (!w->done) {
		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(w->loop, 10000) >= 0);
	}
}

static const struct netif_place *find(struct world *w, const struct ip_prefix *p)
{
	netif_places_done(&w->places);
	assert_int_equal(netif_places_read(&w->places), 0);
	return netif_places_find(&w->places, p);
}

static void address_of_an_agent_is_told_from_somebody_elses(void **state)
{
	static const char *const texts[] = { "192.0.2.100", "2001:db8::100" };
	struct world *w = *state;

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		struct ip_prefix p = prefix(texts[i], i ? 128 : 32);
		const struct netif_place *at;

		assert_null(find(w, &p));
		shell("ip address add %s/%u dev lo", texts[i], p.len);
		at = find(w, &p);
		assert_non_null(at);
		assert_int_equal(at->ifindex, if_nametoindex("lo"));
		assert_false(at->marked);
		/* It comes after the other, and counts. */
		take(w, "v0", &p);
		at = find(w, &p);
		assert_int_equal(at->ifindex, if_nametoindex("v0"));
		assert_true(at->marked);
	}
}

static void address_with_another_prefix_length_is_another(void **state)
{
	struct world *w = *state;
	const struct ip_prefix here = prefix("192.0.2.11", 24), other = prefix("192.0.2.11", 32);

	assert_non_null(find(w, &here));
	assert_null(find(w, &other));
}

static void address_is_found_among_many(void **state)
{
	struct world *w = *state;
	const struct ip_prefix last = prefix("198.51.100.250", 32);

	shell("for i in $(seq 1 250); do echo address add 198.51.100.$i/32 dev v0; done | ip -batch -");
	assert_non_null(find(w, &last));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(address_of_an_agent_is_told_from_somebody_elses),
		test(address_with_another_prefix_length_is_another),
		test(address_is_found_among_many),
	};

	return netns_allowed() ? cmocka_run_group_tests_name("netif_places", tests, NULL, NULL) : 0;
}
