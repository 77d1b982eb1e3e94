/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of an address that goes: their connections are reset. */
#include "test/unit/unit.h"

#include "test/unit/netif_fixture.h"

#include <netinet/ip.h>
#include <netinet/tcp.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
