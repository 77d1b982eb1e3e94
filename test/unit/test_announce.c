/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements as a neighbour on the wire receives them. */
#include "test/unit/unit.h"

#include "agent/announce.h"
#include "test/unit/netns.h"
#include "vrrp/arp.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>

enum { FRAMES_MAX = 4096 };

static const uint8_t mac[6] = { 0x02, 0, 0, 0, 0, 0x11 };

struct world {
	struct netns ns;
	sd_event *loop;
	struct announce *a;
	int out;
	int wire; /* everything with type ARP that arrives at p0 */
	ssize_t frame_len;
	int ifindex;
	uint64_t begun_us; /* before the first frame could be sent: frames are stamped when the test reads them */
	size_t n;
	struct {
		uint64_t at_us;
		uint8_t bytes[NA_FRAME_LEN];
	} frames[FRAMES_MAX];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	int size = 4 * 1024 * 1024;

	assert_non_null(w);
	w->ns = netns_new();
	w->frame_len = ARP_FRAME_LEN;
	w->ifindex = (int)if_nametoindex("v0");
	netns_enter(w->ns.there);
	w->wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
	ll.sll_ifindex = (int)if_nametoindex("p0");
	assert_int_equal(bind(w->wire, (struct sockaddr *)&ll, sizeof(ll)), 0);
	assert_int_equal(setsockopt(w->wire, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)), 0);
	netns_enter(w->ns.here);
	w->out = announce_open();
	assert_true(w->out >= 0);
	assert_int_equal(sd_event_new(&w->loop), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	announce_free(w->a);
	sd_event_unref(w->loop);
	close_fd(w->out);
	close_fd(w->wire);
	netns_done(&w->ns);
	free(w);
	return 0;
}

static void start_with(struct world *w, struct announce_times times)
{
	assert_int_equal(announce_new(w->loop, w->out, &times, &w->a), 0);
	w->begun_us = loop_now_us();
}

static struct announce_target target(const struct world *w, unsigned i)
{
	struct announce_target t = { .ifindex = w->ifindex, .vip = { .family = AF_INET } };

	memcpy(t.mac, mac, sizeof(mac));
	t.vip.bytes[0] = 192;
	t.vip.bytes[2] = (uint8_t)(2 + i / 100);
	t.vip.bytes[3] = (uint8_t)(100 + i % 100);
	return t;
}

/* The frames with our sender address, until `at_most` are there in all: what a machine that stood still has sent on top
 * is for later. The kernel's own ARP is none of the test's business. */
static void receive(struct world *w, size_t at_most)
{
	uint8_t buf[256];
	ssize_t n;

	while (w->n < at_most && (n = recv(w->wire, buf, sizeof(buf), 0)) > 0) {
		if (n != w->frame_len || memcmp(buf + 6, mac, sizeof(mac)) != 0)
			continue;
		assert_true(w->n < FRAMES_MAX);
		memcpy(w->frames[w->n].bytes, buf, (size_t)n);
		w->frames[w->n++].at_us = loop_now_us();
	}
}

/* Runs until `n` frames have come in all. That no more do is for wait_quiet() to say. */
static void wait_for(struct world *w, size_t n)
{
	uint64_t until_us = loop_now_us() + 5000000;

	for (receive(w, n); w->n < n; receive(w, n)) {
		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(w->loop, 1000) >= 0);
	}
}

/* Where frames come again and again, some may be under way when the test ends that. */
static void wait_for_all_sent(struct world *w)
{
	wait_for(w, announce_counters(w->a).sent);
}

/* Nothing more comes within `us`, nor has come. */
static void wait_quiet(struct world *w, uint64_t us)
{
	uint64_t until_us = loop_now_us() + us;
	size_t n = w->n;

	while (loop_now_us() < until_us)
		assert_true(sd_event_run(w->loop, 1000) >= 0);
	receive(w, FRAMES_MAX);
	assert_int_equal(w->n, n);
}

static unsigned frames_for(const struct world *w, const struct announce_target *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += memcmp(w->frames[i].bytes + 28, t->vip.bytes, 4) == 0;
	return n;
}

static void set_that_is_large_is_sent_whole(void **state)
{
	struct world *w = *state;
	struct announce_target t = target(w, 0);

	start_with(w, (struct announce_times){ .repeat = 1500 });
	assert_int_equal(announce_start(w->a, &t, 1), 0);
	wait_for(w, 1500);
	wait_quiet(w, 50000);
}

static void frame_is_what_keepalived_sends(void **state)
{
	struct world *w = *state;
	struct announce_target t = target(w, 0);
	uint8_t expected[ARP_FRAME_LEN];

	assert_int_equal(from_hex("ffffffffffff 020000000011 0806 0001 0800 06 04 0001 020000000011 c0000264"
				  "ffffffffffff c0000264",
				  expected, sizeof(expected)),
			 ARP_FRAME_LEN);
	start_with(w, (struct announce_times){ .repeat = 1 });
	assert_int_equal(announce_start(w->a, &t, 1), 0);
	wait_for(w, 1);
	assert_memory_equal(w->frames[0].bytes, expected, ARP_FRAME_LEN);
	assert_int_equal(announce_counters(w->a).sent, 1);
}

static void second_set_follows_after_the_delay_and_then_nothing(void **state)
{
	struct world *w = *state;
	struct announce_target t[2] = { target(w, 0), target(w, 1) };

	start_with(w, (struct announce_times){ .repeat = 5, .delay_us = 50000 });
	assert_int_equal(announce_start(w->a, t, 2), 0);
	wait_for(w, 10);
	wait_for(w, 20);
	assert_true(w->frames[10].at_us - w->begun_us >= 49000);
	wait_quiet(w, 100000);
	assert_int_equal(frames_for(w, &t[0]), 10);
	assert_int_equal(frames_for(w, &t[1]), 10);
}

static void each_round_goes_through_all_targets(void **state)
{
	struct world *w = *state;
	struct announce_target t[3] = { target(w, 0), target(w, 1), target(w, 2) };

	start_with(w, (struct announce_times){ .repeat = 2 });
	assert_int_equal(announce_start(w->a, t, 3), 0);
	wait_for(w, 6);
	for (size_t i = 0; i < 6; i++)
		assert_memory_equal(w->frames[i].bytes + 28, t[i % 3].vip.bytes, 4);
}

static void refresh_repeats_until_stop(void **state)
{
	struct world *w = *state;
	struct announce_target t = target(w, 0);

	start_with(w,
		   (struct announce_times){ .repeat = 1, .delay_us = 20000, .refresh_us = 20000, .refresh_repeat = 2 });
	assert_int_equal(announce_start(w->a, &t, 1), 0);
	wait_for(w, 1 + 1 + 2 + 2 + 2);
	assert_true(w->frames[2].at_us - w->begun_us >= 39000);
	assert_true(w->frames[4].at_us - w->begun_us >= 59000);
	announce_stop(w->a);
	wait_for_all_sent(w);
	wait_quiet(w, 60000);
}

static void rival_is_answered_with_another_pair_of_sets(void **state)
{
	struct world *w = *state;
	struct announce_target t = target(w, 0);

	start_with(w, (struct announce_times){
			      .repeat = 1, .delay_us = 30000, .again_repeat = 3, .again_delay_us = 60000 });
	assert_int_equal(announce_start(w->a, &t, 1), 0);
	announce_again(w->a);
	wait_for(w, 1 + 3);
	wait_for(w, 1 + 3 + 1 + 3); /* the first pair's second set is not lost */
	wait_quiet(w, 100000);
}

static void address_that_is_dropped_is_announced_no_more(void **state)
{
	struct world *w = *state;
	struct announce_target t[3] = { target(w, 0), target(w, 1), target(w, 2) };

	start_with(w,
		   (struct announce_times){ .repeat = 1, .delay_us = 30000, .refresh_us = 20000, .refresh_repeat = 1 });
	assert_int_equal(announce_start(w->a, t, 3), 0);
	wait_for(w, 3);
	announce_drop(w->a, w->ifindex, &t[0].vip);
	wait_for(w, 3 + 2 + 2); /* second set, first refresh */
	assert_int_equal(frames_for(w, &t[0]), 1);
	assert_int_equal(frames_for(w, &t[2]), 3);
	announce_drop(w->a, w->ifindex, &t[1].vip);
	announce_drop(w->a, w->ifindex, &t[2].vip);
	wait_for_all_sent(w);
	assert_int_equal(frames_for(w, &t[0]), 1);
	wait_quiet(w, 60000);
}

static void other_times_hold_from_now_on(void **state)
{
	struct world *w = *state;
	struct announce_target t = target(w, 0);
	struct announce_times times = { .repeat = 1 };

	start_with(w, times);
	assert_int_equal(announce_start(w->a, &t, 1), 0);
	wait_for(w, 1);
	times.refresh_us = 20000;
	times.refresh_repeat = 3;
	announce_reconf(w->a, &times);
	wait_for(w, 1 + 3 + 3);
	times.refresh_us = 0;
	announce_reconf(w->a, &times);
	wait_for_all_sent(w);
	wait_quiet(w, 60000);
}

static void stop_drops_what_is_queued(void **state)
{
	struct world *w = *state;
	struct announce_target t[200];

	for (unsigned i = 0; i < 200; i++)
		t[i] = target(w, i);
	start_with(w, (struct announce_times){ .repeat = 5, .delay_us = 10000 });
	assert_int_equal(announce_start(w->a, t, 200), 0);
	announce_stop(w->a);
	wait_for(w, 64);
	wait_quiet(w, 50000);
	assert_int_equal(announce_counters(w->a).sent, 64);
}

static void many_frames_are_paced(void **state)
{
	struct world *w = *state;
	struct announce_target t[200];
	uint64_t until_us, before, largest, wakeups = 0;

	for (unsigned i = 0; i < 200; i++)
		t[i] = target(w, i);
	start_with(w, (struct announce_times){ .repeat = 5 });
	assert_int_equal(announce_start(w->a, t, 200), 0);
	largest = announce_counters(w->a).sent;
	until_us = loop_now_us() + 5000000;
	for (before = largest; before < 1000; before = announce_counters(w->a).sent) {
		receive(w, FRAMES_MAX);
		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(w->loop, 1000000) > 0);
		largest = announce_counters(w->a).sent - before > largest ? announce_counters(w->a).sent - before
									  : largest;
		wakeups += announce_counters(w->a).sent > before;
	}
	assert_in_range(largest, 1, 64);
	assert_true(wakeups >= 1000 / 64);
	wait_for(w, 1000);
	assert_true(w->frames[999].at_us - w->begun_us >= 14000);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(frames_for(w, &t[i]), 5);
}

static void address_put_back_gets_its_own_pair(void **state)
{
	struct world *w = *state;
	struct announce_target t[2] = { target(w, 0), target(w, 1) }, other = target(w, 7);

	start_with(w, (struct announce_times){ .repeat = 2, .delay_us = 30000 });
	assert_int_equal(announce_start(w->a, t, 2), 0);
	wait_for(w, 4);
	wait_for(w, 8);
	assert_int_equal(announce_one(w->a, &t[1]), 0);
	wait_for(w, 10);
	wait_for(w, 12);
	assert_int_equal(frames_for(w, &t[0]), 4);
	assert_int_equal(frames_for(w, &t[1]), 8);
	assert_int_equal(announce_one(w->a, &other), 0);
	wait_for(w, 16);
	assert_int_equal(frames_for(w, &other), 4);
	wait_quiet(w, 60000);
}

static void start_replaces_the_targets(void **state)
{
	struct world *w = *state;
	struct announce_target t[2] = { target(w, 0), target(w, 1) };

	start_with(w, (struct announce_times){ .repeat = 1, .delay_us = 30000 });
	assert_int_equal(announce_start(w->a, &t[0], 1), 0);
	assert_int_equal(announce_start(w->a, &t[1], 1), 0);
	wait_for(w, 3);
	assert_int_equal(frames_for(w, &t[0]), 1);
	assert_int_equal(frames_for(w, &t[1]), 2);
}

static void interface_that_is_down_costs_the_frames_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct announce_target t[2] = { target(w, 0), target(w, 1) };

	t[0].ifindex = 9999;
	start_with(w, (struct announce_times){ .repeat = 2 });
	assert_int_equal(announce_start(w->a, t, 2), 0);
	wait_for(w, 2);
	assert_int_equal(announce_counters(w->a).failed, 2);
	shell("ip link set v0 down");
	announce_start(w->a, &t[1], 1);
	assert_int_equal(announce_counters(w->a).failed, 4);
}

static void frames_wait_while_the_device_is_full(void **state)
{
	struct world *w = *state;
	struct announce_target t[90];

	for (unsigned i = 0; i < 90; i++)
		t[i] = target(w, i);
	/* 4 frames (of 42 octets, 60 at most with overhead) in the bucket, about 200 a second; beyond that ENOBUFS. */
	shell("tc qdisc add dev v0 root tbf rate 128kbit burst 256 limit 256");
	start_with(w, (struct announce_times){ .repeat = 1 });
	assert_int_equal(announce_start(w->a, t, 90), 0);
	assert_true(announce_counters(w->a).sent < 90);
	wait_for(w, 90);
	assert_int_equal(announce_counters(w->a).failed, 0);
	for (unsigned i = 0; i < 90; i++)
		assert_int_equal(frames_for(w, &t[i]), 1);
}

static bool is_allowed(void *user)
{
	return *(bool *)user;
}

static void frames_wait_while_they_are_not_allowed_and_stop_drops_them(void **state)
{
	struct world *w = *state;
	struct announce_target t = target(w, 0);
	bool allowed = false;

	start_with(w,
		   (struct announce_times){ .repeat = 2, .delay_us = 20000, .refresh_us = 30000, .refresh_repeat = 1 });
	announce_ask(w->a, is_allowed, &allowed);
	assert_int_equal(announce_start(w->a, &t, 1), 0);
	wait_quiet(w, 100000);
	announce_stop(w->a);
	allowed = true;
	wait_quiet(w, 50000);
	announce_free(w->a);
	start_with(w, (struct announce_times){ .repeat = 2 });
	announce_ask(w->a, is_allowed, &allowed);
	allowed = false;
	assert_int_equal(announce_start(w->a, &t, 1), 0);
	allowed = true;
	wait_for(w, 2);
}

/* The frame itself is test_arp.c's matter. */
static void ipv6_address_is_announced_in_the_same_sets(void **state)
{
	struct world *w = *state;
	struct announce_target t = target(w, 0);
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6) };
	uint8_t na[NA_FRAME_LEN];

	netns_enter(w->ns.there);
	close_fd(w->wire);
	w->wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_IPV6));
	ll.sll_ifindex = (int)if_nametoindex("p0");
	assert_int_equal(bind(w->wire, (struct sockaddr *)&ll, sizeof(ll)), 0);
	netns_enter(w->ns.here);
	assert_true(ip_parse("2001:db8::9", &t.vip));
	w->frame_len = NA_FRAME_LEN;
	start_with(w, (struct announce_times){ .repeat = 3, .delay_us = 50000 });
	assert_int_equal(announce_start(w->a, &t, 1), 0);
	wait_for(w, 6);
	wait_quiet(w, 100000);
	assert_true(w->frames[3].at_us - w->begun_us >= 49000);
	na_unsolicited(mac, &t.vip, false, na);
	for (size_t i = 0; i < 6; i++)
		assert_memory_equal(w->frames[i].bytes, na, NA_FRAME_LEN);
	t.router = true;
	na_unsolicited(mac, &t.vip, true, na);
	assert_int_equal(announce_one(w->a, &t), 0);
	wait_for(w, 12);
	assert_memory_equal(w->frames[6].bytes, na, NA_FRAME_LEN);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frame_is_what_keepalived_sends),
		TEST(set_that_is_large_is_sent_whole),
		TEST(second_set_follows_after_the_delay_and_then_nothing),
		TEST(each_round_goes_through_all_targets),
		TEST(refresh_repeats_until_stop),
		TEST(rival_is_answered_with_another_pair_of_sets),
		TEST(address_that_is_dropped_is_announced_no_more),
		TEST(other_times_hold_from_now_on),
		TEST(stop_drops_what_is_queued),
		TEST(many_frames_are_paced),
		TEST(address_put_back_gets_its_own_pair),
		TEST(start_replaces_the_targets),
		TEST(interface_that_is_down_costs_the_frames_and_nothing_else),
		TEST(frames_wait_while_the_device_is_full),
		TEST(frames_wait_while_they_are_not_allowed_and_stop_drops_them),
		TEST(ipv6_address_is_announced_in_the_same_sets),
	};

	return netns_allowed() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
