/* SPDX-License-Identifier: Apache-2.0 */
/* The raw sockets against the real kernel. */
#include "test/unit/unit.h"

#include "agent/base/loop.h"
#include "test/unit/netns.h"
#include "vrrp/packet.h"
#include "vrrp/socket.h"

#include <net/if.h>
#include <netinet/ip.h>
#include <poll.h>

/* Rounds: together fewer than a veth queues by default. */
enum { INSTANCES = 255, ROUNDS = 3, ADVERT_LEN = 20 };

struct world {
	struct netns ns;
	struct ip_addr group;
	struct vrrp_socket here, there;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->ns = netns_new();
	assert_true(ip_parse("224.0.0.18", &w->group));
	assert_int_equal(vrrp_socket_open(&w->here, (int)if_nametoindex("v0"), "v0", AF_INET, &w->group), 0);
	netns_enter(w->ns.there);
	assert_int_equal(vrrp_socket_open(&w->there, (int)if_nametoindex("p0"), "p0", AF_INET, &w->group), 0);
	netns_enter(w->ns.here);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vrrp_socket_close(&w->here);
	vrrp_socket_close(&w->there);
	netns_done(&w->ns);
	free(w);
	return 0;
}

static void send_advert(struct world *w, uint8_t vrid)
{
	struct {
		struct iphdr ip;
		uint8_t advert[ADVERT_LEN];
	} p = {
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 255,
			.protocol = VRRP_IP_PROTO,
			.tot_len = htons(sizeof(p)),
			.saddr = htonl(0xc0000201) },
		.advert = { 0x21, vrid, 100, 1 },
	};

	memcpy(&p.ip.daddr, w->group.bytes, sizeof(p.ip.daddr));
	assert_int_equal(
		vrrp_socket_send(&w->there, &(struct vrrp_route){ .dst = w->group }, (const uint8_t *)&p, sizeof(p)),
		0);
}

/* The loop may be late by a few adverts of each; a veth delivers within the send or soon after it. */
static void rounds_of_adverts_of_all_instances_wait_for_a_late_reader(void **state)
{
	struct world *w = *state;
	uint8_t buf[128];
	unsigned n = 0;

	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 1; i <= INSTANCES; i++)
			send_advert(w, (uint8_t)i);
	send_advert(w, 0);
	for (uint64_t until_us = loop_now_us() + 5000000; n <= ROUNDS * INSTANCES;) {
		struct vrrp_packet packet;
		int r = vrrp_socket_recv(&w->here, buf, sizeof(buf), &packet);

		if (r == -EAGAIN) {
			struct pollfd p = { .fd = w->here.rx, .events = POLLIN };

			assert_true(loop_now_us() < until_us);
			assert_true(poll(&p, 1, 100) >= 0);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(packet.len, sizeof(struct iphdr) + ADVERT_LEN);
		assert_int_equal(buf[sizeof(struct iphdr) + 1], n == ROUNDS * INSTANCES ? 0 : 1 + n % INSTANCES);
		n++;
	}
}

static void sender_hears_nothing_and_not_itself(void **state)
{
	struct world *w = *state;
	struct vrrp_packet packet;
	uint8_t buf[128];

	send_advert(w, 1);
	assert_int_equal(vrrp_socket_recv(&w->there, buf, sizeof(buf), &packet), -EAGAIN);
	assert_int_equal(recv(w->there.tx, buf, sizeof(buf), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(rounds_of_adverts_of_all_instances_wait_for_a_late_reader),
		test(sender_hears_nothing_and_not_itself),
	};

	if (!netns_allowed())
		return 0;
	return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
