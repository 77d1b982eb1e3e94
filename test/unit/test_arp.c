/* SPDX-License-Identifier: Apache-2.0 */
/* Gratuitous ARP and neighbour advertisements against frames captured from keepalived. */
#include "test/unit/unit.h"

#include "vrrp/arp.h"

static void assert_frame(const uint8_t mac[6], const char *vip, const char *expected_hex)
{
	uint8_t frame[ARP_FRAME_LEN + 1], expected[ARP_FRAME_LEN];
	struct ip_addr a;

	frame[ARP_FRAME_LEN] = 0xa5;
	assert_true(ip_parse(vip, &a));
	assert_int_equal(from_hex(expected_hex, expected, sizeof(expected)), ARP_FRAME_LEN);
	arp_gratuitous(mac, &a, frame);
	assert_memory_equal(frame, expected, ARP_FRAME_LEN);
	assert_int_equal(frame[ARP_FRAME_LEN], 0xa5);
}

static void gratuitous_arp_from_an_interface_address_equals_the_captured_frame(void **state)
{
	const uint8_t mac[6] = { 0x02, 0x00, 0x00, 0x00, 0x00, 0x11 };

	(void)state;
	assert_frame(mac, "192.0.2.100",
		     "ffffffffffff 020000000011 0806" /* Ethernet: to all, from us, ARP */
		     "0001 0800 06 04 0001"           /* Ethernet, IPv4, lengths, request */
		     "020000000011 c0000264"          /* sender: us, the VIP */
		     "ffffffffffff c0000264");        /* target: everybody, the VIP */
}

static void gratuitous_arp_from_a_virtual_mac_names_it_twice(void **state)
{
	const uint8_t mac[6] = { 0x00, 0x00, 0x5e, 0x00, 0x01, 0x33 };

	(void)state;
	assert_frame(mac, "192.0.2.100",
		     "ffffffffffff 00005e000133 0806 0001 0800 06 04 0001"
		     "00005e000133 c0000264 ffffffffffff c0000264");
}

/* 2001:db8::9 at 02:00:00:00:00:11. */
static void assert_na(bool router, const char *expected_hex)
{
	static const uint8_t mac[6] = { 0x02, 0x00, 0x00, 0x00, 0x00, 0x11 };
	uint8_t frame[NA_FRAME_LEN + 1], expected[NA_FRAME_LEN];
	struct ip_addr a;

	frame[NA_FRAME_LEN] = 0xa5;
	assert_true(ip_parse("2001:db8::9", &a));
	assert_int_equal(from_hex(expected_hex, expected, sizeof(expected)), NA_FRAME_LEN);
	na_unsolicited(mac, &a, router, frame);
	assert_memory_equal(frame, expected, NA_FRAME_LEN);
	assert_int_equal(frame[NA_FRAME_LEN], 0xa5);
}

static void c46_neighbour_advertisement_equals_the_captured_frame(void **state)
{
	(void)state;
	assert_na(false, "333300000001 020000000011 86dd"   /* Ethernet: to all nodes, from us, IPv6 */
			 "60000000 0020 3a ff"              /* 32 octets of ICMPv6, hop limit 255 */
			 "20010db8000000000000000000000009" /* from the VIP */
			 "ff020000000000000000000000000001" /* to all nodes */
			 "88 00 f90a 20000000"              /* advertisement, checksum, override */
			 "20010db8000000000000000000000009 02 01 020000000011");
}

static void neighbour_advertisement_of_a_router_says_so(void **state)
{
	(void)state;
	assert_na(true, "333300000001 020000000011 86dd 60000000 0020 3a ff"
			"20010db8000000000000000000000009 ff020000000000000000000000000001"
			"88 00 790a a0000000 20010db8000000000000000000000009 02 01 020000000011");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gratuitous_arp_from_an_interface_address_equals_the_captured_frame),
		cmocka_unit_test(gratuitous_arp_from_a_virtual_mac_names_it_twice),
		cmocka_unit_test(c46_neighbour_advertisement_equals_the_captured_frame),
		cmocka_unit_test(neighbour_advertisement_of_a_router_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
