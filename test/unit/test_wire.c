/* SPDX-License-Identifier: Apache-2.0 */
/* Stations that join before their turn, and a process that may open no more files. */
#include "test/unit/unit.h"

#include "agent/process/privs.h"
#include "agent/wire.h"
#include "test/unit/netns.h"

#include <sys/resource.h>

enum { VRID = 51 };

static const uint8_t octets[] = { 224, 0, 0, 18 };

static struct {
	struct netns ns;
	sd_event *loop;
	struct netif *netif;
	struct wires *wires;
	struct rlimit files;
	unsigned opened;
} w;

static void on_opened(void *user)
{
	(void)user;
	w.opened++;
}

static void on_link(void *user, const struct netif_link *link, bool gone)
{
	(void)user, (void)link, (void)gone;
}

static void on_addr(void *user, int ifindex, const struct ip_prefix *prefix, bool gone)
{
	(void)user, (void)ifindex, (void)prefix, (void)gone;
}

static int set_up(void **state)
{
	const struct netif_events events = { .link = on_link, .addr = on_addr };

	(void)state;
	memset(&w, 0, sizeof(w));
	w.ns = netns_new();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &w.files), 0);
	assert_int_equal(sd_event_new(&w.loop), 0);
	assert_int_equal(netif_new(w.loop, &events, &w.netif), 0);
	assert_int_equal(wires_new(w.loop, w.netif, on_opened, NULL, &w.wires), 0);
	assert_non_null(netif_link_by_name(w.netif, "v0"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &w.files), 0);
	wires_free(w.wires);
	netif_free(w.netif);
	sd_event_unref(w.loop);
	netns_done(&w.ns);
	return 0;
}

static void count(void *user, const struct vrrp_packet *packet)
{
	(void)packet;
	++*(unsigned *)user;
}

/* `heard` is the station. */
static int expect(unsigned *heard, struct wire **ret)
{
	const struct ip_addr group = ip_from_bytes(AF_INET, octets);
	const struct wire_station station = { .vrid = VRID, .rx = count, .user = heard };

	return wire_expect(w.wires, "v0", AF_INET, &group, &station, ret);
}

static int lowest_free(void)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	close(fd);
	return fd;
}

static void allow_more_files(int n)
{
	const struct rlimit few = { .rlim_cur = (rlim_t)(lowest_free() + n), .rlim_max = w.files.rlim_max };

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

/* Eight octets that look like an advert are enough to be handed on. */
static void somebody_speaks(void)
{
	static const uint8_t advert[] = { 0x31, VRID, 100, 0, 0, 100, 0, 0 };
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xe0000012) };
	int fd;

	netns_enter(w.ns.there);
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, VRRP_IP_PROTO);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "p0", 3), 0);
	assert_int_equal(sendto(fd, advert, sizeof(advert), 0, (const struct sockaddr *)&to, sizeof(to)),
			 sizeof(advert));
	close(fd);
	netns_enter(w.ns.here);
}

static void wait_heard(const unsigned *heard, unsigned n)
{
	uint64_t until_us = loop_now_us() + 10000000;

	while (*heard < n) {
		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(w.loop, 1000) >= 0);
	}
}

static void who_is_expected_hears_nothing_until_it_enters_in_the_place_of_another(void **state)
{
	struct wire *old, *fresh;
	unsigned leaver = 0, comer = 0;
	int before;

	(void)state;
	assert_int_equal(expect(&leaver, &old), 0);
	wire_enter(old, &leaver);
	before = lowest_free();
	assert_int_equal(expect(&comer, &fresh), 0);
	assert_ptr_equal(old, fresh);
	assert_int_equal(lowest_free(), before); /* they share the sockets */
	somebody_speaks();
	wait_heard(&leaver, 1);
	assert_int_equal(comer, 0);
	wire_leave(old, &leaver);
	assert_true(wire_is_open(fresh));
	somebody_speaks(); /* to nobody yet, but about no unknown router */
	assert_true(sd_event_run(w.loop, 10000000) > 0);
	assert_int_equal(comer, 0);
	wire_enter(fresh, &comer);
	somebody_speaks();
	wait_heard(&comer, 1);
	assert_int_equal(leaver, 1);
	assert_int_equal(wire_counters(fresh).vrid_err, 0);
	wire_leave(fresh, &comer);
	assert_false(wire_is_open(fresh));
}

static void lack_of_files_is_told_and_leaves_nothing_open(void **state)
{
	struct wire *wire;
	unsigned heard = 0;
	const int before = lowest_free();

	(void)state;
	for (int n = 0; n < 2; n++) { /* it takes two */
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &w.files), 0);
		allow_more_files(n);
		assert_int_equal(expect(&heard, &wire), -EMFILE);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &w.files), 0);
		assert_int_equal(lowest_free(), before);
	}
	allow_more_files(2);
	assert_int_equal(expect(&heard, &wire), 0);
	assert_true(wire_is_open(wire));
	wire_leave(wire, &heard);
}

static void files_that_are_left_are_counted(void **state)
{
	char text[256], limit[64];

	(void)state;
	allow_more_files(5);
	assert_int_equal(privs_files_left(5), 0);
	assert_int_equal(privs_files_left(6), -EMFILE);
	snprintf(limit, sizeof(limit), "may have %d files open", lowest_free() + 5);
	assert_non_null(strstr(privs_error_text(-EMFILE, text, sizeof(text)), limit));
	assert_non_null(strstr(text, "LimitNOFILE="));
	assert_string_equal(privs_error_text(-ENOMEM, text, sizeof(text)), strerror(ENOMEM));
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(who_is_expected_hears_nothing_until_it_enters_in_the_place_of_another),
		test(lack_of_files_is_told_and_leaves_nothing_open),
		test(files_that_are_left_are_counted),
	};

	if (!netns_allowed())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
