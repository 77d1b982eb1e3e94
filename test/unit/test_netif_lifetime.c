/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses with a lifetime, and its renewal. */
#include "test/unit/unit.h"

#include "test/unit/netif_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return netns_allowed() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
