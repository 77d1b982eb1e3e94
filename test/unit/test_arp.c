/* SPDX-License-Identifier: Apache-2.0 */
/* The gratuitous ARP against frames captured from keepalived. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gratuitous_arp_from_an_interface_address_equals_the_captured_frame),
		cmocka_unit_test(gratuitous_arp_from_a_virtual_mac_names_it_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
