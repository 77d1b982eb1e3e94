/* SPDX-License-Identifier: Apache-2.0 */
/* Raw sockets over IPv6 and for unicast, against the real kernel: what is heard, and what else is known about it. */
#include "test/unit/unit.h"

#include "agent/base/loop.h"
#include "test/unit/addresses.h"
#include "test/unit/netns.h"
#include "vrrp/socket.h"

#include <net/if.h>
#include <poll.h>

struct world {
	struct netns ns;
	struct vrrp_wire wire;
	struct ip_addr vip, from, to;
	uint8_t buf[VRRP_PACKET_MAX + 1];
	struct vrrp_packet packet;
};

/* fe80::11 on v0 here, fe80::1 on p0 there, beside the IPv4 addresses. */
static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->ns = netns_new();
	shell("ip address add fe80::11/64 dev v0 nodad");
	netns_enter(w->ns.there);
	shell("ip address add fe80::1/64 dev p0 nodad");
	netns_enter(w->ns.here);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	netns_done(&w->ns);
	free(w);
	return 0;
}

static void speak(struct world *w, sa_family_t family, bool unicast)
{
	bool v6 = family == AF_INET6;

	w->vip = ip(v6 ? "fe80::100" : "192.0.2.100");
	w->from = ip(v6 ? "fe80::1" : "192.0.2.1");
	w->to = ip(v6 ? "fe80::11" : "192.0.2.11");
	w->wire = (struct vrrp_wire){ .version = 3,
				      .family = family,
				      .vrid = 51,
				      .interval_us = 1000000,
				      .group = ip(v6 ? VRRP_GROUP6 : VRRP_GROUP4),
				      .addrs = &w->vip,
				      .n_addrs = 1,
				      .unicast = unicast,
				      .ttl = 255 };
}

static struct vrrp_socket open_here(const struct world *w)
{
	struct vrrp_socket s;

	netns_enter(w->ns.here);
	assert_int_equal(vrrp_socket_open(&s, (int)if_nametoindex("v0"), "v0", w->wire.family,
					  w->wire.unicast ? NULL : &w->wire.group),
			 0);
	return s;
}

static void send_from_there(struct world *w, uint8_t ttl)
{
	struct vrrp_route route = { .src = w->from, .dst = w->wire.unicast ? w->to : w->wire.group, .ttl = ttl };
	uint8_t out[VRRP_PACKET_MAX];
	struct vrrp_socket s;
	size_t len;

	w->wire.ttl = ttl;
	len = vrrp_encode(&w->wire, &route.src, &route.dst, 100, 1, out, sizeof(out));
	netns_enter(w->ns.there);
	assert_int_equal(vrrp_socket_open(&s, (int)if_nametoindex("p0"), "p0", w->wire.family,
					  w->wire.unicast ? NULL : &w->wire.group),
			 0);
	if (w->wire.family == AF_INET6)
		out[6] = out[7] = 0; /* the kernel's to fill */
	assert_int_equal(vrrp_socket_send(&s, &route, out, len), 0);
	vrrp_socket_close(&s);
	netns_enter(w->ns.here);
}

/* Waits for a packet. */
static void hear(struct world *w, struct vrrp_socket *s)
{
	uint64_t until_us = loop_now_us() + 5000000;
	int r;

	while ((r = vrrp_socket_recv(s, w->buf, sizeof(w->buf), &w->packet)) == -EAGAIN) {
		struct pollfd p = { .fd = s->rx, .events = POLLIN };

		assert_true(loop_now_us() < until_us);
		assert_true(poll(&p, 1, 100) >= 0);
	}
	assert_int_equal(r, 0);
}

static void assert_advert(struct world *w, struct vrrp_socket *s)
{
	struct vrrp_advert ad;

	hear(w, s);
	assert_string_equal(vrrp_drop_name(vrrp_decode(&w->wire, &w->to, &w->packet, &ad)), "ok");
	assert_true(ip_equal(&ad.src, &w->from));
}

static void ipv6_adverts_come_with_hop_limit_and_destination(void **state)
{
	struct world *w = *state;
	struct vrrp_socket s;

	speak(w, AF_INET6, false);
	s = open_here(w);
	send_from_there(w, 255);
	assert_advert(w, &s);
	assert_int_equal(w->packet.hop_limit, 255);
	assert_true(ip_equal(&w->packet.dst, &w->wire.group));
	send_from_there(w, 64);
	hear(w, &s);
	assert_int_equal(w->packet.hop_limit, 64);
	vrrp_socket_close(&s);
}

static void ipv6_unicast_comes_with_hop_limit_and_destination(void **state)
{
	struct world *w = *state;
	struct vrrp_socket s;

	speak(w, AF_INET6, true);
	s = open_here(w);
	send_from_there(w, 64);
	assert_advert(w, &s);
	assert_int_equal(w->packet.hop_limit, 64);
	assert_true(ip_equal(&w->packet.dst, &w->to));
	vrrp_socket_close(&s);
}

static void ipv4_unicast_is_heard_at_an_address_that_came_later(void **state)
{
	struct world *w = *state;
	struct vrrp_socket s;

	speak(w, AF_INET, true);
	s = open_here(w);
	send_from_there(w, 64);
	assert_advert(w, &s);
	shell("ip address add 192.0.2.77/24 dev v0");
	w->to = ip("192.0.2.77");
	send_from_there(w, 64);
	assert_advert(w, &s);
	vrrp_socket_close(&s);
}

/* Both sockets are there and both kinds are sent: each hears its own, and then nothing. */
static void unicast_and_multicast_do_not_hear_each_other(void **state)
{
	struct world *w = *state;
	static const sa_family_t families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < 2; i++) {
		struct vrrp_socket uni, multi;

		speak(w, families[i], true);
		uni = open_here(w);
		speak(w, families[i], false);
		multi = open_here(w);
		send_from_there(w, 255);
		speak(w, families[i], true);
		send_from_there(w, 255);
		assert_advert(w, &uni);
		assert_int_equal(vrrp_socket_recv(&uni, w->buf, sizeof(w->buf), &w->packet), -EAGAIN);
		speak(w, families[i], false);
		assert_advert(w, &multi);
		assert_int_equal(vrrp_socket_recv(&multi, w->buf, sizeof(w->buf), &w->packet), -EAGAIN);
		vrrp_socket_close(&uni);
		vrrp_socket_close(&multi);
	}
}

static void a_packet_longer_than_the_buffer_is_told(void **state)
{
	struct world *w = *state;
	struct vrrp_socket s;

	speak(w, AF_INET6, false);
	s = open_here(w);
	send_from_there(w, 255);
	for (uint64_t until_us = loop_now_us() + 5000000;;) {
		int r = vrrp_socket_recv(&s, w->buf, 8, &w->packet);

		if (r == -EMSGSIZE)
			break;
		assert_int_equal(r, -EAGAIN);
		assert_true(loop_now_us() < until_us);
	}
	vrrp_socket_close(&s);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(ipv6_adverts_come_with_hop_limit_and_destination),
		test(ipv6_unicast_comes_with_hop_limit_and_destination),
		test(ipv4_unicast_is_heard_at_an_address_that_came_later),
		test(unicast_and_multicast_do_not_hear_each_other),
		test(a_packet_longer_than_the_buffer_is_told),
	};

	if (!netns_allowed())
		return 0;
	return cmocka_run_group_tests_name("socket6", tests, NULL, NULL);
}
