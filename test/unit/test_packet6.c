/* SPDX-License-Identifier: Apache-2.0 */
/* The codec over IPv6, on unicast, and the dialects of the checksum of version 3 over IPv4; with packets captured from
 * keepalived (VRID 51, priority 100, interval 1 s). c5_… are conformance rules. */
#include "test/unit/unit.h"

#include "test/unit/addresses.h"
#include "vrrp/packet.h"

#define T12_IP  "45c0002000010000ff703695c000020bc000020c"
#define T12_MSG "313364010064236ec0000264"
#define T13_MSG "3133640100640568c0000264"
#define T15_MSG "3133640200643dedfe80000000000000000000000000010020010db8000000000000000000000100"
#define T15P    "fe800000000000000000000000000011ff0200000000000000000000000000120000002800000070"

enum { BIG = VRRP_PACKET_MAX + 64, AT_TTL = 8, AT_DST = 16, AT_VERTYPE = 20, AT_CHECKSUM = 26 };

struct scene {
	struct vrrp_wire wire;
	struct ip_addr vips[VRRP_ADDRS_MAX];
	struct vrrp_unicast_peer peers[3];
	struct ip_addr sender, receiver;
	uint8_t bytes[BIG];
	struct vrrp_packet packet;
};

static void scene6(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->vips[0] = ip("fe80::100");
	s->vips[1] = ip("2001:db8::100");
	s->wire = (struct vrrp_wire){
		.version = 3,
		.family = AF_INET6,
		.vrid = 51,
		.interval_us = 1000000,
		.group = ip(VRRP_GROUP6),
		.addrs = s->vips,
		.n_addrs = 2,
	};
	s->sender = ip("fe80::11");
	s->receiver = ip("fe80::12");
	s->packet = (struct vrrp_packet){
		.family = AF_INET6, .data = s->bytes, .src = s->sender, .dst = s->wire.group, .hop_limit = 255
	};
}

/* Unicast between 192.0.2.11 and 192.0.2.12. */
static void scene4(struct scene *s, uint8_t version)
{
	memset(s, 0, sizeof(*s));
	s->vips[0] = ip("192.0.2.100");
	s->peers[0] = (struct vrrp_unicast_peer){ ip("192.0.2.11"), 0, 255 };
	s->wire = (struct vrrp_wire){
		.version = version,
		.family = AF_INET,
		.vrid = 51,
		.interval_us = 1000000,
		.group = ip(VRRP_GROUP4),
		.addrs = s->vips,
		.n_addrs = 1,
		.unicast = true,
		.ttl = 255,
		.peers = s->peers,
		.n_peers = 1,
	};
	s->sender = ip("192.0.2.11");
	s->receiver = ip("192.0.2.12");
	s->packet = (struct vrrp_packet){ .family = AF_INET, .data = s->bytes, .hop_limit = -1 };
}

static void say(struct scene *s, const struct ip_addr *dst)
{
	s->packet.len = vrrp_encode(&s->wire, &s->sender, dst, 100, 1, s->bytes, sizeof(s->bytes));
	assert_true(s->packet.len > 0);
	s->packet.dst = s->wire.family == AF_INET6 ? *dst : (struct ip_addr){ 0 };
}

static void encode(struct scene *s)
{
	say(s, s->wire.unicast ? &s->receiver : &s->wire.group);
}

static void assert_bytes(const uint8_t *got, size_t len, const char *hex)
{
	uint8_t expected[BIG];

	assert_int_equal(len, from_hex(hex, expected, sizeof(expected)));
	assert_memory_equal(got, expected, len);
}

static struct vrrp_advert accepted(const struct scene *s)
{
	struct vrrp_advert ad;

	assert_string_equal(vrrp_drop_name(vrrp_decode(&s->wire, &s->receiver, &s->packet, &ad)), "ok");
	return ad;
}

static void assert_dropped(const struct scene *s, enum vrrp_drop expected)
{
	struct vrrp_advert ad;

	assert_string_equal(vrrp_drop_name(vrrp_decode(&s->wire, &s->receiver, &s->packet, &ad)),
			    vrrp_drop_name(expected));
}

/* --- IPv6 -------------------------------------------------------------------------------------------------------- */

static void c6_ipv6_message_equals_the_captured_one(void **state)
{
	struct scene s;
	struct vrrp_advert ad;

	(void)state;
	scene6(&s);
	encode(&s);
	assert_bytes(s.bytes, s.packet.len, T15_MSG);
	ad = accepted(&s);
	assert_int_equal(ad.priority, 100);
	assert_int_equal(ad.interval_us, 1000000);
	assert_true(ip_equal(&ad.src, &s.sender));
	assert_false(ad.csum_alt || ad.interval_diff || ad.addrs_differ || ad.no_link_local);
	assert_int_equal(vrrp_peek_vrid(&s.packet), 51);
}

/* T15p with the message must sum up to all ones, by the book. */
static void ipv6_checksum_covers_the_pseudo_header_of_the_book(void **state)
{
	uint8_t all[BIG];
	size_t n = from_hex(T15P T15_MSG, all, sizeof(all));

	(void)state;
	assert_int_equal(vrrp_csum_add(0, all, n), 0xffff);
}

static void ipv6_every_flipped_bit_of_the_message_is_noticed(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	encode(&s);
	for (size_t bit = 0; bit < 8 * s.packet.len; bit++) {
		struct vrrp_advert ad;

		s.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(vrrp_decode(&s.wire, &s.receiver, &s.packet, &ad), VRRP_OK);
		s.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	accepted(&s);
}

static void ipv6_checksum_covers_source_and_destination(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	encode(&s);
	s.packet.src = ip("fe80::13");
	assert_dropped(&s, VRRP_DROP_CHECKSUM);
	s.packet.src = s.sender;
	s.packet.dst = ip("ff02::13");
	assert_dropped(&s, VRRP_DROP_CHECKSUM);
}

static void ipv6_has_no_dialect_without_pseudo_header(void **state)
{
	struct scene s;
	uint16_t sum;

	(void)state;
	scene6(&s);
	s.wire.csum = VRRP_CSUM_PLAIN; /* means nothing here */
	encode(&s);
	assert_bytes(s.bytes, s.packet.len, T15_MSG);
	s.bytes[6] = s.bytes[7] = 0;
	sum = (uint16_t)~vrrp_csum_add(0, s.bytes, s.packet.len);
	s.bytes[6] = (uint8_t)(sum >> 8);
	s.bytes[7] = (uint8_t)sum;
	assert_dropped(&s, VRRP_DROP_CHECKSUM);
}

static void ipv6_hop_limit_must_be_255_and_known(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	encode(&s);
	s.packet.hop_limit = 254;
	assert_dropped(&s, VRRP_DROP_TTL);
	s.packet.hop_limit = -1;
	assert_dropped(&s, VRRP_DROP_TTL);
}

static void ipv6_every_other_length_is_refused(void **state)
{
	struct scene s;
	size_t len;

	(void)state;
	scene6(&s);
	encode(&s);
	len = s.packet.len;
	for (s.packet.len = 0; s.packet.len < len + 64; s.packet.len++)
		if (s.packet.len != len)
			assert_dropped(&s, VRRP_DROP_LENGTH);
}

static void ipv6_to_another_group_or_to_us_alone_is_not_for_a_multicast_instance(void **state)
{
	static const char *const others[] = { "ff02::1", "fe80::12" };
	struct scene s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ip_addr dst = ip(others[i]);

		scene6(&s);
		say(&s, &dst);
		assert_dropped(&s, VRRP_DROP_CAST);
	}
}

static void ipv6_from_our_own_address_is_refused(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	encode(&s);
	s.receiver = s.sender;
	assert_dropped(&s, VRRP_DROP_OWN_SRC);
}

static void ipv6_version_2_is_refused(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	encode(&s);
	s.bytes[0] = 0x21;
	s.packet.len += VRRP_AUTH_LEN;
	assert_dropped(&s, VRRP_DROP_VERSION);
}

static void ipv6_first_address_that_is_not_link_local_is_accepted_and_told(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	s.vips[0] = ip("2001:db8::99");
	encode(&s);
	assert_true(accepted(&s).no_link_local);
	s.vips[0] = ip("febf::1");
	encode(&s);
	assert_false(accepted(&s).no_link_local);
	s.vips[0] = ip("fec0::1");
	encode(&s);
	assert_true(accepted(&s).no_link_local);
}

static void ipv6_another_address_list_is_accepted_and_told(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	encode(&s);
	s.vips[1].bytes[15] ^= 1;
	assert_true(accepted(&s).addrs_differ);
	s.vips[1].bytes[15] ^= 1;
	s.wire.n_addrs = 1;
	assert_true(accepted(&s).addrs_differ);
}

static void a_packet_of_the_other_family_is_refused(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	encode(&s);
	s.packet.family = AF_INET;
	assert_dropped(&s, VRRP_DROP_PROTOCOL);
}

static void ipv6_255_addresses_come_back_as_they_were_sent(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	for (size_t i = 0; i < VRRP_ADDRS_MAX; i++) {
		s.vips[i] = ip("fe80::1");
		s.vips[i].bytes[14] = (uint8_t)i;
	}
	s.wire.n_addrs = VRRP_ADDRS_MAX;
	encode(&s);
	assert_int_equal(s.packet.len, 8 + 255 * 16);
	assert_false(accepted(&s).addrs_differ);
}

static void as_many_addresses_are_advertised_as_fit_into_the_mtu(void **state)
{
	struct scene s;

	(void)state;
	scene6(&s);
	assert_int_equal(vrrp_addrs_that_fit(&s.wire, 1500), (1500 - 40 - 8) / 16);
	assert_int_equal(vrrp_addrs_that_fit(&s.wire, 9000), VRRP_ADDRS_MAX);
	assert_int_equal(vrrp_addrs_that_fit(&s.wire, 40), 0);
	scene4(&s, 2);
	assert_int_equal(vrrp_addrs_that_fit(&s.wire, 576), (576 - 20 - 8 - 8) / 4);
	assert_int_equal(vrrp_addrs_that_fit(&s.wire, 1500), VRRP_ADDRS_MAX);
}

/* --- unicast and dialects ---------------------------------------------------------------------------------------- */

static void c5_unicast_equals_the_captured_packet(void **state)
{
	struct scene s;

	(void)state;
	scene4(&s, 3);
	encode(&s);
	memcpy(s.bytes + 10, "\x36\x95", 2); /* the kernel's to fill */
	assert_bytes(s.bytes, s.packet.len, T12_IP T12_MSG);
	assert_false(accepted(&s).csum_alt);
}

static void c5_old_unicast_checksum_equals_the_captured_packet(void **state)
{
	struct scene s;

	(void)state;
	scene4(&s, 3);
	s.wire.csum = VRRP_CSUM_GROUP;
	encode(&s);
	memcpy(s.bytes + 10, "\x36\x95", 2);
	assert_bytes(s.bytes, s.packet.len, T12_IP T13_MSG);
	assert_false(accepted(&s).csum_alt);
}

/* Each dialect is understood by those who speak another; what fits none is refused. */
static void c20_every_dialect_is_understood_and_named(void **state)
{
	struct scene s;

	(void)state;
	for (enum vrrp_csum spoken = 0; spoken < _VRRP_CSUM_MAX_; spoken++) {
		for (enum vrrp_csum heard = 0; heard < _VRRP_CSUM_MAX_; heard++) {
			scene4(&s, 3);
			s.wire.csum = spoken;
			encode(&s);
			s.wire.csum = heard;
			assert_int_equal(accepted(&s).csum, spoken);
			assert_int_equal(accepted(&s).csum_alt, spoken != heard);
			s.bytes[AT_CHECKSUM] ^= 1;
			assert_dropped(&s, VRRP_DROP_CHECKSUM);
		}
	}
}

static void old_checksum_is_refused_where_that_is_asked_for_and_on_multicast(void **state)
{
	struct scene s;

	(void)state;
	scene4(&s, 3);
	s.wire.csum = VRRP_CSUM_GROUP;
	encode(&s);
	s.wire.csum = VRRP_CSUM_PSEUDO;
	accepted(&s);
	s.wire.csum_group_refused = true;
	assert_dropped(&s, VRRP_DROP_CHECKSUM);
	s.wire.csum_group_refused = false;
	s.wire.unicast = false;
	s.bytes[AT_TTL] = 255;
	assert_dropped(&s, VRRP_DROP_CHECKSUM);
}

static void version_2_has_no_dialects(void **state)
{
	struct scene s;
	uint8_t plain[2];

	(void)state;
	scene4(&s, 2);
	encode(&s);
	memcpy(plain, s.bytes + AT_CHECKSUM, 2);
	s.wire.csum = VRRP_CSUM_GROUP;
	encode(&s);
	assert_memory_equal(plain, s.bytes + AT_CHECKSUM, 2);
	assert_false(accepted(&s).csum_alt);
}

static void c37_multicast_is_not_for_a_unicast_instance(void **state)
{
	struct scene s;

	(void)state;
	scene4(&s, 3);
	say(&s, &s.wire.group);
	assert_dropped(&s, VRRP_DROP_CAST);
	scene6(&s);
	s.wire.unicast = true;
	say(&s, &s.wire.group);
	assert_dropped(&s, VRRP_DROP_CAST);
}

static void c37_unicast_is_not_for_a_multicast_instance(void **state)
{
	struct scene s;

	(void)state;
	scene4(&s, 3);
	encode(&s);
	s.wire.unicast = false;
	assert_dropped(&s, VRRP_DROP_CAST);
}

static void unicast_leaves_with_the_configured_ttl_and_any_is_accepted(void **state)
{
	struct scene s;

	(void)state;
	scene4(&s, 2);
	s.wire.ttl = 3;
	encode(&s);
	assert_int_equal(s.bytes[AT_TTL], 3);
	accepted(&s);
	s.wire.unicast = false; /* where it would keep the advert from leaving */
	encode(&s);
	assert_int_equal(s.bytes[AT_TTL], 255);
}

static void c36_strangers_are_heard_unless_peers_are_checked(void **state)
{
	struct scene s;

	(void)state;
	scene4(&s, 3);
	s.sender = ip("192.0.2.66");
	encode(&s);
	accepted(&s);
	s.wire.check_peers = true;
	assert_dropped(&s, VRRP_DROP_UNKNOWN_PEER);
	s.wire.n_peers = 0;
	assert_dropped(&s, VRRP_DROP_UNKNOWN_PEER);
}

static void c36_a_peers_ttl_must_be_in_its_range(void **state)
{
	static const struct {
		uint8_t ttl;
		enum vrrp_drop drop;
	} cases[] = { { 0, VRRP_DROP_TTL }, { 253, VRRP_DROP_TTL }, { 254, VRRP_OK }, { 255, VRRP_DROP_TTL } };
	struct scene s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrrp_advert ad;

		scene4(&s, 3);
		s.wire.check_peers = true;
		s.peers[0].min_ttl = s.peers[0].max_ttl = 254;
		encode(&s);
		s.bytes[AT_TTL] = cases[i].ttl;
		assert_int_equal(vrrp_decode(&s.wire, &s.receiver, &s.packet, &ad), cases[i].drop);
		scene6(&s);
		s.wire.unicast = s.wire.check_peers = true;
		s.peers[0] = (struct vrrp_unicast_peer){ s.sender, 254, 254 };
		s.wire.peers = s.peers;
		s.wire.n_peers = 1;
		encode(&s);
		s.packet.hop_limit = cases[i].ttl;
		assert_int_equal(vrrp_decode(&s.wire, &s.receiver, &s.packet, &ad), cases[i].drop);
	}
}

static void peek_tells_both_ends_or_none(void **state)
{
	struct scene s;
	struct ip_addr a;

	(void)state;
	scene4(&s, 3);
	encode(&s);
	a = vrrp_peek_src(&s.packet);
	assert_true(ip_equal(&a, &s.sender));
	a = vrrp_peek_dst(&s.packet);
	assert_true(ip_equal(&a, &s.receiver));
	s.packet.len = AT_DST + 3;
	a = vrrp_peek_dst(&s.packet);
	assert_false(ip_is_set(&a));
	scene6(&s);
	encode(&s);
	a = vrrp_peek_src(&s.packet);
	assert_true(ip_equal(&a, &s.sender));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c6_ipv6_message_equals_the_captured_one),
		cmocka_unit_test(ipv6_checksum_covers_the_pseudo_header_of_the_book),
		cmocka_unit_test(ipv6_every_flipped_bit_of_the_message_is_noticed),
		cmocka_unit_test(ipv6_checksum_covers_source_and_destination),
		cmocka_unit_test(ipv6_has_no_dialect_without_pseudo_header),
		cmocka_unit_test(ipv6_hop_limit_must_be_255_and_known),
		cmocka_unit_test(ipv6_every_other_length_is_refused),
		cmocka_unit_test(ipv6_to_another_group_or_to_us_alone_is_not_for_a_multicast_instance),
		cmocka_unit_test(ipv6_from_our_own_address_is_refused),
		cmocka_unit_test(ipv6_version_2_is_refused),
		cmocka_unit_test(ipv6_first_address_that_is_not_link_local_is_accepted_and_told),
		cmocka_unit_test(ipv6_another_address_list_is_accepted_and_told),
		cmocka_unit_test(a_packet_of_the_other_family_is_refused),
		cmocka_unit_test(ipv6_255_addresses_come_back_as_they_were_sent),
		cmocka_unit_test(as_many_addresses_are_advertised_as_fit_into_the_mtu),
		cmocka_unit_test(c5_unicast_equals_the_captured_packet),
		cmocka_unit_test(c5_old_unicast_checksum_equals_the_captured_packet),
		cmocka_unit_test(c20_every_dialect_is_understood_and_named),
		cmocka_unit_test(old_checksum_is_refused_where_that_is_asked_for_and_on_multicast),
		cmocka_unit_test(version_2_has_no_dialects),
		cmocka_unit_test(c37_multicast_is_not_for_a_unicast_instance),
		cmocka_unit_test(c37_unicast_is_not_for_a_multicast_instance),
		cmocka_unit_test(unicast_leaves_with_the_configured_ttl_and_any_is_accepted),
		cmocka_unit_test(c36_strangers_are_heard_unless_peers_are_checked),
		cmocka_unit_test(c36_a_peers_ttl_must_be_in_its_range),
		cmocka_unit_test(peek_tells_both_ends_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
