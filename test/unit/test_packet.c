/* SPDX-License-Identifier: Apache-2.0 */
/* The codec against packets captured from keepalived (192.0.2.11, VRID 51, VIP 192.0.2.100, priority 100, interval 1 s
 * unless stated), and one refusal after the other, each made by changing one thing in a packet that is accepted. */
#include "test/unit/unit.h"

#include "test/unit/addresses.h"
#include "vrrp/packet.h"

#define T1_IP  "45c0002800010000ff701887c000020be0000012"
#define T1_MSG "213364010001b865c00002640000000000000000"
#define T5_MSG "2133640101015503c00002643131313100000000"
#define T9_IP  "45c0002000010000ff70188fc000020be0000012"
#define T9_MSG "3133640100640568c0000264"

enum { IP = 20, BIG = VRRP_PACKET_MAX + 64 };

/* Offsets into a packet without IP options. */
enum {
	AT_TOTAL_LEN = 2,
	AT_FRAGMENT = 6,
	AT_TTL = 8,
	AT_PROTOCOL = 9,
	AT_SRC = 12,
	AT_DST = 16,
	AT_VERTYPE = 20,
	AT_VRID = 21,
	AT_PRIORITY = 22,
	AT_COUNT = 23,
	AT_AUTH_TYPE = 24,
	AT_INTERVAL = 24, /* version 3, two octets */
	AT_ADVER_INT = 25,
	AT_CHECKSUM = 26,
	AT_ADDRS = 28,
	AT_V2_AUTH = 32,
};

struct scene {
	struct vrrp_wire wire;
	struct ip_addr vips[VRRP_ADDRS_MAX];
	struct ip_addr sender, receiver, group;
	uint8_t packet[BIG];
	size_t len;
};

static void scene_init(struct scene *s, uint8_t version)
{
	memset(s, 0, sizeof(*s));
	s->vips[0] = ip("192.0.2.100");
	s->wire = (struct vrrp_wire){
		.version = version,
		.family = AF_INET,
		.vrid = 51,
		.interval_us = 1000000,
		.addrs = s->vips,
		.n_addrs = 1,
	};
	s->sender = ip("192.0.2.11");
	s->receiver = ip("192.0.2.12");
	s->group = s->wire.group = ip(VRRP_GROUP4);
}

static void scene_password(struct scene *s, const char *password)
{
	size_t n = strlen(password);

	s->wire.auth_type = VRRP_AUTH_PASS;
	memset(s->wire.auth_data, 0, VRRP_AUTH_LEN);
	memcpy(s->wire.auth_data, password, n < VRRP_AUTH_LEN ? n : VRRP_AUTH_LEN);
}

static void encode(struct scene *s, uint8_t priority)
{
	s->len = vrrp_encode(&s->wire, &s->sender, &s->group, priority, 1, s->packet, sizeof(s->packet));
	assert_true(s->len > 0);
}

static void load(struct scene *s, const char *hex)
{
	s->len = from_hex(hex, s->packet, sizeof(s->packet));
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* One's complement by the book, RFC 1071 §1: words added in 64 bits, carries folded at the end. */
static uint16_t slow_sum(uint64_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (sum > 0xffff)
		sum = sum % 0x10000 + sum / 0x10000;
	return (uint16_t)sum;
}

/* Makes the checksum right again after a change, so that the change itself is what is judged. */
static void repair(struct scene *s)
{
	size_t header = (size_t)(s->packet[0] & 0xf) * 4;
	uint8_t *msg = s->packet + header;
	size_t msg_len = 8 + (size_t)msg[3] * 4 + (msg[0] >> 4 == 2 ? VRRP_AUTH_LEN : 0);
	uint64_t sum = 0;

	put16(msg + 6, 0);
	if (msg[0] >> 4 == 3) {
		for (size_t i = AT_SRC; i < IP; i += 2)
			sum += be16(s->packet + i);
		sum += VRRP_IP_PROTO + msg_len;
	}
	put16(msg + 6, (uint16_t)~slow_sum(sum, msg, msg_len));
}

static struct vrrp_packet delivered(const struct scene *s)
{
	return (struct vrrp_packet){ .family = AF_INET, .data = s->packet, .len = s->len, .hop_limit = -1 };
}

static enum vrrp_drop decode(const struct scene *s, struct vrrp_advert *ret)
{
	const struct vrrp_packet packet = delivered(s);

	return vrrp_decode(&s->wire, &s->receiver, &packet, ret);
}

static uint8_t peek(const struct scene *s, size_t len)
{
	struct vrrp_packet packet = delivered(s);

	packet.len = len;
	return vrrp_peek_vrid(&packet);
}

/* A refusal leaves the result alone. */
static void assert_dropped(const struct scene *s, enum vrrp_drop expected)
{
	struct vrrp_advert ad, before;

	memset(&before, 0x5a, sizeof(before));
	ad = before;
	assert_string_equal(vrrp_drop_name(decode(s, &ad)), vrrp_drop_name(expected));
	assert_memory_equal(&ad, &before, sizeof(ad));
}

static struct vrrp_advert assert_accepted(const struct scene *s)
{
	struct vrrp_advert ad;

	assert_string_equal(vrrp_drop_name(decode(s, &ad)), "ok");
	return ad;
}

static void assert_message(const struct scene *s, const char *hex)
{
	uint8_t msg[BIG];
	size_t len = from_hex(hex, msg, sizeof(msg));

	assert_int_equal(s->len, IP + len);
	assert_memory_equal(s->packet + IP, msg, len);
}

/* The kernel fills the header checksum; here the test does. */
static void assert_packet(struct scene *s, const char *hex)
{
	uint8_t expected[BIG];
	size_t len = from_hex(hex, expected, sizeof(expected));

	assert_int_equal(be16(s->packet + 10), 0);
	put16(s->packet + 10, (uint16_t)~slow_sum(0, s->packet, IP));
	assert_int_equal(s->len, len);
	assert_memory_equal(s->packet, expected, len);
}

/* --- vectors ------------------------------------------------------------------------------------------------------ */

static void v2_advert_equals_the_captured_packet(void **state)
{
	struct scene s;
	struct vrrp_advert ad;

	(void)state;
	scene_init(&s, 2);
	encode(&s, 100);
	assert_packet(&s, T1_IP T1_MSG);
	ad = assert_accepted(&s);
	assert_int_equal(ad.priority, 100);
	assert_int_equal(ad.interval_us, 1000000);
	assert_true(ip_equal(&ad.src, &s.sender));
	assert_false(ad.csum_alt || ad.interval_diff || ad.addrs_differ);
}

static void v2_resignation_and_priority_150_equal_their_vectors(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	encode(&s, VRRP_PRIO_RESIGN);
	assert_message(&s, "2133000100011c66c00002640000000000000000");
	assert_int_equal(assert_accepted(&s).priority, 0);
	encode(&s, 150);
	assert_message(&s, "2133960100018665c00002640000000000000000");
	assert_int_equal(assert_accepted(&s).priority, 150);
}

static void v2_three_addresses_go_out_in_configuration_order(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	s.wire.vrid = 10;
	s.wire.interval_us = 3000000;
	s.vips[0] = ip("10.0.0.1");
	s.vips[1] = ip("10.0.0.2");
	s.vips[2] = ip("10.0.0.3");
	s.wire.n_addrs = 3;
	encode(&s, 200);
	assert_message(&s, "210ac8030003f8e8" /* 2/1, VRID 10, priority 200, 3 addresses, 3 s */
			   "0a0000010a0000020a0000030000000000000000");
	assert_int_equal(assert_accepted(&s).interval_us, 3000000);
}

static void v2_password_equals_the_captured_packet(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	scene_password(&s, "1111");
	encode(&s, 100);
	assert_packet(&s, T1_IP T5_MSG);
	assert_accepted(&s);
}

static void v2_password_of_eight_octets_fills_the_field(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	scene_password(&s, "secret123");
	encode(&s, 100);
	assert_message(&s, "21336401010149e7c00002647365637265743132");
	assert_accepted(&s);
}

static void v3_advert_equals_the_captured_packet(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	assert_packet(&s, T9_IP T9_MSG);
	assert_false(assert_accepted(&s).csum_alt);
}

static void v3_resignation_equals_its_vector(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, VRRP_PRIO_RESIGN);
	assert_message(&s, "3133000100646968c0000264");
	assert_int_equal(assert_accepted(&s).priority, 0);
}

static void v3_checksum_without_pseudo_header_equals_its_vector(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	s.wire.csum = VRRP_CSUM_PLAIN;
	encode(&s, 100);
	assert_message(&s, "313364010064a802c0000264");
	assert_false(assert_accepted(&s).csum_alt);
}

static void v3_longest_interval_equals_its_vector(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	s.wire.interval_us = 40950000;
	encode(&s, 100);
	assert_message(&s, "313364010ffff5ccc0000264");
	assert_int_equal(assert_accepted(&s).interval_us, 40950000);
}

static void encode_refuses_what_does_not_fit(void **state)
{
	struct scene s;

	(void)state;
	for (uint8_t version = 2; version <= 3; version++) {
		uint8_t buf[64] = { 0 };

		scene_init(&s, version);
		encode(&s, 100);
		for (size_t size = 0; size < s.len; size++) {
			assert_int_equal(vrrp_encode(&s.wire, &s.sender, &s.group, 100, 1, buf, size), 0);
			assert_int_equal(buf[size], 0);
		}
		assert_int_equal(vrrp_encode(&s.wire, &s.sender, &s.group, 100, 1, buf, s.len), s.len);
		s.wire.n_addrs = VRRP_ADDRS_MAX + 1;
		assert_int_equal(vrrp_encode(&s.wire, &s.sender, &s.group, 100, 1, s.packet, sizeof(s.packet)), 0);
	}
}

static void every_version_priority_and_count_comes_back_as_it_was_sent(void **state)
{
	struct scene s;

	(void)state;
	for (unsigned i = 0; i < 4 * 256; i++) {
		unsigned priority = i & 0xff;
		struct vrrp_advert ad;

		scene_init(&s, i & 0x100 ? 2 : 3);
		s.wire.csum = i & 0x200 ? VRRP_CSUM_PLAIN : VRRP_CSUM_PSEUDO;
		s.wire.n_addrs = priority % VRRP_ADDRS_MAX + 1;
		for (unsigned k = 0; k < s.wire.n_addrs; k++)
			s.vips[k] = ip_from_bytes(AF_INET, (uint8_t[]){ 10, (uint8_t)priority, 7, (uint8_t)k });
		encode(&s, (uint8_t)priority);
		assert_int_equal(peek(&s, s.len), 51);
		ad = assert_accepted(&s);
		assert_int_equal(ad.priority, priority);
		assert_false(ad.csum_alt || ad.interval_diff || ad.addrs_differ);
	}
}

static void checksum_equals_the_slow_one_at_every_length_and_start(void **state)
{
	uint8_t data[64];
	uint32_t x = 12345;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(data); i++) {
			x = x * 1103515245 + 12345;
			data[i] = round % 3 ? (uint8_t)(x >> 16) : 0xff;
		}
		for (size_t n = 0; n <= sizeof(data); n++)
			assert_int_equal(vrrp_csum_add((uint16_t)x, data, n), slow_sum((uint16_t)x, data, n));
	}
}

/* --- what is tolerated ------------------------------------------------------------------------------------------- */

static void either_v3_checksum_is_accepted_and_the_other_one_is_reported(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	s.wire.csum = VRRP_CSUM_PLAIN;
	encode(&s, 100);
	s.wire.csum = VRRP_CSUM_PSEUDO;
	assert_true(assert_accepted(&s).csum_alt);
	encode(&s, 100);
	s.wire.csum = VRRP_CSUM_PLAIN;
	assert_true(assert_accepted(&s).csum_alt);
}

static void v3_reserved_bits_are_ignored(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	s.packet[AT_INTERVAL] |= 0xf0;
	repair(&s);
	assert_int_equal(assert_accepted(&s).interval_us, 1000000);
}

static void v3_other_interval_is_accepted_and_reported(void **state)
{
	struct scene s;
	struct vrrp_advert ad;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	put16(s.packet + AT_INTERVAL, 500);
	repair(&s);
	ad = assert_accepted(&s);
	assert_true(ad.interval_diff);
	assert_int_equal(ad.interval_us, 5000000);
}

static void another_address_list_is_accepted_and_reported(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	s.vips[1] = ip("192.0.2.101");
	s.wire.n_addrs = 2;
	encode(&s, 100);
	s.vips[0] = ip("192.0.2.101"); /* the same two the other way round: no difference */
	s.vips[1] = ip("192.0.2.100");
	assert_false(assert_accepted(&s).addrs_differ);
	s.vips[0] = ip("192.0.2.102");
	assert_true(assert_accepted(&s).addrs_differ);
	s.vips[0] = ip("192.0.2.100");
	s.vips[1] = ip("192.0.2.102");
	assert_true(assert_accepted(&s).addrs_differ);
	s.wire.n_addrs = 1;
	assert_true(assert_accepted(&s).addrs_differ);
}

static void ip_options_are_skipped(void **state)
{
	struct scene s;

	(void)state;
	for (uint8_t version = 2; version <= 3; version++) {
		scene_init(&s, version);
		encode(&s, 100);
		memmove(s.packet + IP + 40, s.packet + IP, s.len - IP);
		memset(s.packet + IP, 1, 40); /* no-operation */
		s.packet[0] = 0x4f;
		s.len += 40;
		put16(s.packet + AT_TOTAL_LEN, (unsigned)s.len);
		assert_int_equal(peek(&s, s.len), 51);
		assert_int_equal(assert_accepted(&s).priority, 100);
	}
}

static void v2_auth_data_without_authentication_is_ignored(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	encode(&s, 100);
	memcpy(s.packet + AT_V2_AUTH, "whatever", 8);
	repair(&s);
	assert_accepted(&s);
}

/* Pads by `surplus`, once counted in the IP header and once not. */
static void pad(struct scene *s, uint8_t version, size_t surplus, bool counted)
{
	scene_init(s, version);
	encode(s, 100);
	memset(s->packet + s->len, 0xee, surplus);
	s->len += surplus;
	if (counted)
		put16(s->packet + AT_TOTAL_LEN, (unsigned)s->len);
}

static void padding_to_the_ethernet_minimum_is_accepted(void **state)
{
	struct scene s;

	(void)state;
	for (int counted = 0; counted <= 1; counted++) {
		pad(&s, 3, 46 - 32, counted);
		assert_accepted(&s);
		pad(&s, 2, 46 - 40, counted);
		assert_accepted(&s);
		pad(&s, 3, 42 - 32, counted); /* a VLAN tag counted in */
		assert_accepted(&s);
	}
}

static void an_instance_without_addresses_hears_its_like(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	s.wire.n_addrs = 0;
	encode(&s, 100);
	assert_false(assert_accepted(&s).addrs_differ);
}

/* --- one reason each --------------------------------------------------------------------------------------------- */

static void decode_refuses_every_shorter_packet(void **state)
{
	struct scene s;

	(void)state;
	for (uint8_t version = 2; version <= 3; version++) {
		scene_init(&s, version);
		encode(&s, 100);
		while (s.len-- > 0)
			assert_dropped(&s, VRRP_DROP_LENGTH);
	}
}

static void decode_refuses_surplus_that_is_no_padding(void **state)
{
	struct scene s;

	(void)state;
	for (int counted = 0; counted <= 1; counted++) {
		pad(&s, 3, 4, counted);
		assert_dropped(&s, VRRP_DROP_LENGTH);
		pad(&s, 3, 1, counted);
		assert_dropped(&s, VRRP_DROP_LENGTH);
		pad(&s, 2, 4, counted);
		assert_dropped(&s, VRRP_DROP_LENGTH);
	}
}

static void decode_refuses_padding_of_a_packet_that_needs_none(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	s.wire.n_addrs = 5; /* 48 octets */
	encode(&s, 100);
	assert_accepted(&s);
	s.len += 2;
	put16(s.packet + AT_TOTAL_LEN, (unsigned)s.len);
	assert_dropped(&s, VRRP_DROP_LENGTH);
}

static void decode_refuses_a_count_that_the_length_belies(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	s.packet[AT_COUNT] = 2;
	assert_dropped(&s, VRRP_DROP_LENGTH);
	s.packet[AT_COUNT] = 0;
	assert_dropped(&s, VRRP_DROP_LENGTH);
	s.packet[AT_COUNT] = 255;
	assert_dropped(&s, VRRP_DROP_LENGTH);
}

static void decode_refuses_an_ip_total_length_that_is_not_the_packets(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	put16(s.packet + AT_TOTAL_LEN, 36);
	assert_dropped(&s, VRRP_DROP_LENGTH);
	put16(s.packet + AT_TOTAL_LEN, 28);
	assert_dropped(&s, VRRP_DROP_LENGTH);
	put16(s.packet + AT_TOTAL_LEN, 46); /* as if padded, but the padding is not there */
	assert_dropped(&s, VRRP_DROP_LENGTH);
}

static void decode_refuses_an_ip_header_shorter_than_twenty(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	s.packet[0] = 0x44;
	assert_dropped(&s, VRRP_DROP_LENGTH);
	assert_int_equal(peek(&s, s.len), 0);
}

static void decode_refuses_another_vrid(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	s.packet[AT_VRID] = 52;
	repair(&s);
	assert_dropped(&s, VRRP_DROP_VRID);
}

static void decode_refuses_what_is_not_vrrp_over_ipv4(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	s.packet[AT_PROTOCOL] = 51;
	assert_dropped(&s, VRRP_DROP_PROTOCOL);
	encode(&s, 100);
	s.packet[0] = 0x65;
	assert_dropped(&s, VRRP_DROP_PROTOCOL);
	assert_int_equal(peek(&s, s.len), 0);
}

static void decode_refuses_a_fragment(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	put16(s.packet + AT_FRAGMENT, 0x2000); /* more fragments */
	assert_dropped(&s, VRRP_DROP_PROTOCOL);
	put16(s.packet + AT_FRAGMENT, 0x0001); /* not the first */
	assert_dropped(&s, VRRP_DROP_PROTOCOL);
	put16(s.packet + AT_FRAGMENT, 0x4000); /* must not be fragmented, is not */
	assert_accepted(&s);
}

static void decode_refuses_a_routed_packet(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	encode(&s, 100);
	s.packet[AT_TTL] = 254;
	assert_dropped(&s, VRRP_DROP_TTL);
}

static void decode_refuses_another_version(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	encode(&s, 100);
	s.wire.version = 3;
	assert_dropped(&s, VRRP_DROP_VERSION);
	encode(&s, 100);
	s.wire.version = 2;
	assert_dropped(&s, VRRP_DROP_VERSION);
	for (unsigned version = 0; version < 16; version++) {
		s.packet[AT_VERTYPE] = (uint8_t)(version << 4 | 1);
		if (version != 2 && version != 3)
			assert_dropped(&s, VRRP_DROP_VERSION);
	}
}

static void decode_refuses_another_type(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	scene_password(&s, "1111");
	encode(&s, 100);
	s.packet[AT_VERTYPE] = 0x22;
	s.packet[AT_V2_AUTH] ^= 1; /* the type is judged before the password */
	repair(&s);
	assert_dropped(&s, VRRP_DROP_TYPE);
}

static void decode_refuses_an_unknown_auth_type(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	encode(&s, 100);
	s.packet[AT_AUTH_TYPE] = 3;
	repair(&s);
	assert_dropped(&s, VRRP_DROP_AUTH_INVALID);
}

static void decode_refuses_an_auth_type_that_is_not_ours(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	encode(&s, 100);
	scene_password(&s, "1111");
	assert_dropped(&s, VRRP_DROP_AUTH_MISMATCH); /* none where a password is wanted */
	encode(&s, 100);
	s.wire.auth_type = VRRP_AUTH_NONE;
	assert_dropped(&s, VRRP_DROP_AUTH_MISMATCH); /* a password where none is wanted */
	s.packet[AT_AUTH_TYPE] = VRRP_AUTH_AH;
	repair(&s);
	assert_dropped(&s, VRRP_DROP_AUTH_MISMATCH);
	s.wire.auth_type = VRRP_AUTH_AH; /* the field alone authenticates nothing */
	assert_dropped(&s, VRRP_DROP_AUTH_MISMATCH);
}

static void decode_refuses_a_wrong_password_in_each_octet(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	scene_password(&s, "1111");
	for (size_t i = 0; i < VRRP_AUTH_LEN; i++) {
		encode(&s, 100);
		s.packet[AT_V2_AUTH + i] ^= 0x80;
		repair(&s);
		assert_dropped(&s, VRRP_DROP_AUTH_FAILURE);
	}
}

static void v2_decode_refuses_another_interval(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	encode(&s, 100);
	s.packet[AT_ADVER_INT] = 2;
	repair(&s);
	assert_dropped(&s, VRRP_DROP_INTERVAL);
	s.packet[AT_ADVER_INT] = 0;
	repair(&s);
	assert_dropped(&s, VRRP_DROP_INTERVAL);
}

static void v3_decode_refuses_interval_zero(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	put16(s.packet + AT_INTERVAL, 0xf000); /* the reserved bits do not make it more */
	repair(&s);
	assert_dropped(&s, VRRP_DROP_INTERVAL_ZERO);
}

static void decode_refuses_any_flipped_bit_under_the_checksum(void **state)
{
	struct scene s;

	(void)state;
	for (uint8_t version = 2; version <= 3; version++) {
		for (size_t bit = 0; bit < 8 * (12 + (version == 2 ? 8 : 0)); bit++) {
			size_t at = IP + bit / 8;
			struct vrrp_advert ad;

			scene_init(&s, version);
			encode(&s, 100);
			s.packet[at] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(decode(&s, &ad), VRRP_OK);
			if (at == AT_PRIORITY || at >= AT_CHECKSUM)
				assert_dropped(&s, VRRP_DROP_CHECKSUM);
		}
	}
}

static void decode_refuses_a_packet_that_was_not_sent_to_the_group(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	s.group = s.receiver;
	encode(&s, 100);
	s.group = ip(VRRP_GROUP4);
	assert_dropped(&s, VRRP_DROP_CAST);
}

static void decode_refuses_our_own_source_address(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3);
	encode(&s, 100);
	s.receiver = s.sender;
	assert_dropped(&s, VRRP_DROP_OWN_SRC);
}

static void decode_refuses_an_advert_without_addresses(void **state)
{
	struct scene s;

	(void)state;
	for (uint8_t version = 2; version <= 3; version++) {
		scene_init(&s, version);
		s.wire.n_addrs = 0;
		encode(&s, 100);
		s.wire.n_addrs = 1;
		assert_dropped(&s, VRRP_DROP_COUNT_ZERO);
	}
}

static void of_several_faults_the_first_in_order_is_named(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	scene_password(&s, "1111");
	encode(&s, 100);
	s.packet[AT_CHECKSUM] ^= 1;
	assert_dropped(&s, VRRP_DROP_CHECKSUM);
	s.packet[AT_ADVER_INT] = 9;
	assert_dropped(&s, VRRP_DROP_INTERVAL);
	s.packet[AT_V2_AUTH] ^= 1;
	assert_dropped(&s, VRRP_DROP_AUTH_FAILURE);
	s.packet[AT_AUTH_TYPE] = 0;
	assert_dropped(&s, VRRP_DROP_AUTH_MISMATCH);
	s.packet[AT_AUTH_TYPE] = 7;
	assert_dropped(&s, VRRP_DROP_AUTH_INVALID);
	s.packet[AT_VERTYPE] = 0x2f;
	assert_dropped(&s, VRRP_DROP_TYPE);
	s.wire.version = 3;
	assert_dropped(&s, VRRP_DROP_VERSION);
	s.packet[AT_TTL] = 1;
	assert_dropped(&s, VRRP_DROP_TTL);
	s.len += 4;
	assert_dropped(&s, VRRP_DROP_LENGTH);
	s.packet[AT_VRID] = 1;
	assert_dropped(&s, VRRP_DROP_VRID);
	s.packet[AT_PROTOCOL] = 6;
	assert_dropped(&s, VRRP_DROP_PROTOCOL);
}

static void peek_finds_the_vrid_or_says_there_is_none(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2);
	load(&s, T1_IP T1_MSG);
	assert_int_equal(peek(&s, s.len), 51);
	assert_int_equal(peek(&s, 22), 51);
	for (size_t n = 0; n < 22; n++)
		assert_int_equal(peek(&s, n), 0);
	s.packet[0] = 0x4f; /* options beyond the end */
	assert_int_equal(peek(&s, s.len), 0);
}

static void every_reason_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned a = 0; a < _VRRP_DROP_MAX_; a++) {
		assert_non_null(vrrp_drop_name(a));
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(vrrp_drop_name(a), vrrp_drop_name(b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v2_advert_equals_the_captured_packet),
		cmocka_unit_test(v2_resignation_and_priority_150_equal_their_vectors),
		cmocka_unit_test(v2_three_addresses_go_out_in_configuration_order),
		cmocka_unit_test(v2_password_equals_the_captured_packet),
		cmocka_unit_test(v2_password_of_eight_octets_fills_the_field),
		cmocka_unit_test(v3_advert_equals_the_captured_packet),
		cmocka_unit_test(v3_resignation_equals_its_vector),
		cmocka_unit_test(v3_checksum_without_pseudo_header_equals_its_vector),
		cmocka_unit_test(v3_longest_interval_equals_its_vector),
		cmocka_unit_test(encode_refuses_what_does_not_fit),
		cmocka_unit_test(every_version_priority_and_count_comes_back_as_it_was_sent),
		cmocka_unit_test(checksum_equals_the_slow_one_at_every_length_and_start),
		cmocka_unit_test(either_v3_checksum_is_accepted_and_the_other_one_is_reported),
		cmocka_unit_test(v3_reserved_bits_are_ignored),
		cmocka_unit_test(v3_other_interval_is_accepted_and_reported),
		cmocka_unit_test(another_address_list_is_accepted_and_reported),
		cmocka_unit_test(ip_options_are_skipped),
		cmocka_unit_test(v2_auth_data_without_authentication_is_ignored),
		cmocka_unit_test(padding_to_the_ethernet_minimum_is_accepted),
		cmocka_unit_test(an_instance_without_addresses_hears_its_like),
		cmocka_unit_test(decode_refuses_every_shorter_packet),
		cmocka_unit_test(decode_refuses_surplus_that_is_no_padding),
		cmocka_unit_test(decode_refuses_padding_of_a_packet_that_needs_none),
		cmocka_unit_test(decode_refuses_a_count_that_the_length_belies),
		cmocka_unit_test(decode_refuses_an_ip_total_length_that_is_not_the_packets),
		cmocka_unit_test(decode_refuses_an_ip_header_shorter_than_twenty),
		cmocka_unit_test(decode_refuses_another_vrid),
		cmocka_unit_test(decode_refuses_what_is_not_vrrp_over_ipv4),
		cmocka_unit_test(decode_refuses_a_fragment),
		cmocka_unit_test(decode_refuses_a_routed_packet),
		cmocka_unit_test(decode_refuses_another_version),
		cmocka_unit_test(decode_refuses_another_type),
		cmocka_unit_test(decode_refuses_an_unknown_auth_type),
		cmocka_unit_test(decode_refuses_an_auth_type_that_is_not_ours),
		cmocka_unit_test(decode_refuses_a_wrong_password_in_each_octet),
		cmocka_unit_test(v2_decode_refuses_another_interval),
		cmocka_unit_test(v3_decode_refuses_interval_zero),
		cmocka_unit_test(decode_refuses_any_flipped_bit_under_the_checksum),
		cmocka_unit_test(decode_refuses_a_packet_that_was_not_sent_to_the_group),
		cmocka_unit_test(decode_refuses_our_own_source_address),
		cmocka_unit_test(decode_refuses_an_advert_without_addresses),
		cmocka_unit_test(of_several_faults_the_first_in_order_is_named),
		cmocka_unit_test(peek_finds_the_vrid_or_says_there_is_none),
		cmocka_unit_test(every_reason_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
