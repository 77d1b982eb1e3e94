/* SPDX-License-Identifier: Apache-2.0 */
/* Whole adverts with an auth_hmac trailer: against the vectors, then one thing wrong at a time; and what the modes make
 * of adverts that have none. The trailer by itself is test_auth's. */
#include "test/unit/unit.h"

#include "test/unit/addresses.h"
#include "vrrp/auth.h"
#include "vrrp/hmac.h"

#define K1      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define T16_IP  "45c0003c00010000ff701873c000020be0000012"
#define T16_MSG "3133640100640568c0000264"
#define T16_EXT "010100006800000080000000f4c8a83d2e233334f3b490a9dfbe6009"
#define T18_MSG "213364010001b865c00002640000000000000000"
#define T18_EXT "010100006800000080000001f6149fd44c2baf214d504122b91747b2"
#define T19_MSG "3133640200648f19fe80000000000000000000000000010020010db8000000000000000000000100"
#define T19_EXT "010100006800000080000000146ba026013bb9a6298e3012961a6687"
#define T20_MSG "3133000100646968c0000264"
#define T20_EXT "01070000680000008000ffff2de93cde05e033ae530ed0ab8375c425"

enum { IP = 20, EXT = VRRP_AUTH_TRAILER_LEN };

static const uint64_t S0 = 0x6800000080000000;
static const uint64_t SECOND = 1ull << 32;

struct scene {
	struct vrrp_auth_key keys[2];
	struct vrrp_auth_mark marks[VRRP_AUTH_MARKS];
	struct vrrp_auth auth;
	struct vrrp_wire wire;
	struct ip_addr vips[VRRP_ADDRS_MAX], sender, receiver;
	struct vrrp_unicast_peer peer;
	uint8_t bytes[VRRP_PACKET_MAX];
	struct vrrp_packet packet;
	struct vrrp_advert ad;
};

static void scene_init(struct scene *s, uint8_t version, sa_family_t family)
{
	uint8_t key[VRRP_AUTH_KEY_MAX];
	size_t n = from_hex(K1, key, sizeof(key));
	bool v6 = family == AF_INET6;

	memset(s, 0, sizeof(*s));
	s->keys[0] = (struct vrrp_auth_key){ 1, vrrp_hmac_new(key, n) };
	s->keys[1] = (struct vrrp_auth_key){ 7, vrrp_hmac_new(key, n) };
	s->auth = (struct vrrp_auth){
		.window_s = 5,
		.keys = s->keys,
		.n_keys = ELEMENTSOF(s->keys),
		.active = &s->keys[0],
		.hash = vrrp_hmac,
		.state = { .sent = S0, .marks = s->marks, .n_marks = VRRP_AUTH_MARKS },
	};
	s->vips[0] = ip(v6 ? "fe80::100" : "192.0.2.100");
	s->vips[1] = ip("2001:db8::100");
	s->wire = (struct vrrp_wire){
		.version = version,
		.family = family,
		.vrid = 51,
		.interval_us = 1000000,
		.group = ip(v6 ? VRRP_GROUP6 : VRRP_GROUP4),
		.addrs = s->vips,
		.n_addrs = v6 ? 2 : 1,
		.ttl = 255,
		.auth = &s->auth,
	};
	s->sender = ip(v6 ? "fe80::11" : "192.0.2.11");
	s->receiver = ip(v6 ? "fe80::12" : "192.0.2.12");
	s->packet = (struct vrrp_packet){
		.family = family,
		.data = s->bytes,
		.src = s->sender,
		.dst = s->wire.group,
		.hop_limit = 255,
		.utc = S0,
	};
}

static void scene_done(struct scene *s)
{
	vrrp_hmac_free(s->keys[0].hmac);
	vrrp_hmac_free(s->keys[1].hmac);
}

static void encode(struct scene *s, uint8_t priority)
{
	s->packet.len = vrrp_encode(&s->wire, &s->sender, &s->packet.dst, priority, 1, s->bytes, sizeof(s->bytes));
	assert_true(s->packet.len > 0);
}

static const char *decode(struct scene *s)
{
	return vrrp_drop_name(vrrp_decode(&s->wire, &s->receiver, &s->packet, &s->ad));
}

#define ASSERT_DROP(s, name) assert_string_equal(decode(s), name)

static uint8_t *msg_of(struct scene *s)
{
	return s->bytes + (s->wire.family == AF_INET ? IP : 0);
}

static uint8_t *trailer_of(struct scene *s)
{
	return s->bytes + s->packet.len - EXT;
}

/* After the message was changed: both kinds of version 3 checksum, without the trailer; version 2's, too. */
static void fix_checksum(struct scene *s)
{
	uint8_t *msg = msg_of(s);
	size_t len = s->packet.len - IP - EXT;
	uint16_t sum;

	msg[6] = msg[7] = 0;
	sum = (uint16_t)~vrrp_csum_add(0, msg, len);
	msg[6] = (uint8_t)(sum >> 8);
	msg[7] = (uint8_t)sum;
}

/* A new signature under what the message says now. */
static void fix_signature(struct scene *s)
{
	const struct vrrp_auth_message m = {
		.src = s->sender,
		.version = s->wire.version,
		.vrid = s->wire.vrid,
		.msg = msg_of(s),
		.len = s->packet.len - IP - EXT,
	};

	fix_checksum(s);
	assert_true(vrrp_auth_sign(&s->auth, &m, S0, trailer_of(s)));
}

static void t16_t18_t19_t20_are_sent_and_heard(void **state)
{
	static const struct {
		uint8_t version, priority, key;
		sa_family_t family;
		uint64_t seq;
		const char *octets;
	} cases[] = {
		{ 3, 100, 0, AF_INET, 0, T16_MSG T16_EXT },
		{ 2, 100, 0, AF_INET, 1, T18_MSG T18_EXT },
		{ 3, 100, 0, AF_INET6, 0, T19_MSG T19_EXT },
		{ 3, 0, 1, AF_INET, 0xffff, T20_MSG T20_EXT },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		uint8_t expected[128];
		size_t n = from_hex(cases[i].octets, expected, sizeof(expected));
		struct scene s;

		scene_init(&s, cases[i].version, cases[i].family);
		s.auth.active = &s.keys[cases[i].key];
		s.auth.state.sent = S0 + cases[i].seq;
		encode(&s, cases[i].priority);
		assert_int_equal(s.packet.len, n + (cases[i].family == AF_INET ? IP : 0));
		assert_memory_equal(msg_of(&s), expected, n);
		ASSERT_DROP(&s, "ok");
		assert_true(s.ad.auth.present);
		assert_int_equal(s.ad.auth.seq, s.auth.state.sent);
		assert_int_equal(s.ad.priority, cases[i].priority);
		assert_false(s.ad.csum_alt);
		scene_done(&s);
	}
}

static void ip_length_holds_the_trailer_and_the_count_does_not(void **state)
{
	uint8_t header[IP];
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	encode(&s, 100);
	from_hex(T16_IP, header, sizeof(header));
	header[10] = header[11] = 0; /* the kernel's */
	assert_memory_equal(s.bytes, header, IP);
	assert_int_equal(msg_of(&s)[3], 1);
	scene_done(&s);
}

static void t17_other_checksum_has_the_same_trailer(void **state)
{
	uint8_t trailer[EXT];
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	s.wire.csum = VRRP_CSUM_PLAIN;
	encode(&s, 100);
	from_hex(T16_EXT, trailer, sizeof(trailer));
	assert_memory_equal(trailer_of(&s), trailer, EXT);
	s.wire.csum = VRRP_CSUM_PSEUDO;
	ASSERT_DROP(&s, "ok");
	assert_true(s.ad.csum_alt);
	scene_done(&s);
}

static void copies_for_unicast_peers_have_one_trailer(void **state)
{
	uint8_t first[EXT];
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	s.wire.unicast = true;
	vrrp_auth_next(&s.auth, S0 + 1);
	s.packet.dst = ip("192.0.2.12");
	encode(&s, 100);
	memcpy(first, trailer_of(&s), EXT);
	s.packet.dst = ip("192.0.2.13");
	encode(&s, 100);
	assert_memory_equal(trailer_of(&s), first, EXT);
	scene_done(&s);
}

static void c33_each_failure_has_its_own_reason(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	encode(&s, 200);
	msg_of(&s)[2] = 201; /* tampered, and the checksum mended */
	fix_checksum(&s);
	ASSERT_DROP(&s, "auth_ext_invalid_hmac");
	encode(&s, 200);
	trailer_of(&s)[1] = 9;
	ASSERT_DROP(&s, "auth_ext_unknown_key");
	encode(&s, 200);
	trailer_of(&s)[0] = 2;
	ASSERT_DROP(&s, "auth_ext_malformed");
	encode(&s, 200);
	s.packet.utc = S0 + 6 * SECOND;
	ASSERT_DROP(&s, "auth_ext_stale");
	s.packet.utc = S0;
	ASSERT_DROP(&s, "ok");
	vrrp_auth_accept(&s.auth, &s.ad.src, s.ad.auth.seq);
	ASSERT_DROP(&s, "auth_ext_replay");
	s.bytes[3] -= EXT;
	s.packet.len -= EXT;
	ASSERT_DROP(&s, "auth_ext_missing");
	scene_done(&s);
}

static void refused_packet_leaves_the_result_alone(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	encode(&s, 200);
	trailer_of(&s)[EXT - 1] ^= 1;
	s.ad.priority = 77;
	ASSERT_DROP(&s, "auth_ext_invalid_hmac");
	assert_int_equal(s.ad.priority, 77);
	scene_done(&s);
}

static void good_signature_does_not_excuse_the_rest(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	encode(&s, 200);
	msg_of(&s)[6] ^= 1; /* not covered by the signature */
	ASSERT_DROP(&s, "chk_err");
	encode(&s, 200);
	msg_of(&s)[4] = msg_of(&s)[5] = 0;
	fix_signature(&s);
	ASSERT_DROP(&s, "advert_interval_zero");
	scene_done(&s);
	scene_init(&s, 2, AF_INET);
	encode(&s, 200);
	msg_of(&s)[4] = 1;
	fix_signature(&s);
	ASSERT_DROP(&s, "authtype_mismatch");
	encode(&s, 200);
	msg_of(&s)[5] = 2;
	fix_signature(&s);
	ASSERT_DROP(&s, "advert_interval_err");
	scene_done(&s);
}

static void bad_signature_is_told_before_the_rest_of_the_message(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2, AF_INET);
	encode(&s, 200);
	msg_of(&s)[4] = 9; /* no auth type at all */
	ASSERT_DROP(&s, "auth_ext_invalid_hmac");
	encode(&s, 200);
	msg_of(&s)[0] = 0x22; /* but the type comes first */
	ASSERT_DROP(&s, "invalid_type_rcvd");
	encode(&s, 200);
	s.bytes[8] = 254;
	ASSERT_DROP(&s, "ip_ttl_err");
	scene_done(&s);
}

static void c34_permissive_and_receive_only_hear_adverts_without_trailer(void **state)
{
	struct scene s;

	(void)state;
	for (enum vrrp_auth_mode mode = VRRP_AUTH_ENFORCE; mode < _VRRP_AUTH_MODE_MAX_; mode++) {
		scene_init(&s, 3, AF_INET);
		s.auth.mode = mode;
		s.wire.auth = NULL;
		encode(&s, 200);
		s.wire.auth = &s.auth;
		ASSERT_DROP(&s, mode == VRRP_AUTH_ENFORCE ? "auth_ext_missing" : "ok");
		assert_false(s.ad.auth.present);
		/* But what has one must be right. */
		s.auth.mode = VRRP_AUTH_ENFORCE;
		encode(&s, 200);
		s.auth.mode = mode;
		ASSERT_DROP(&s, "ok");
		trailer_of(&s)[EXT - 1] ^= 1;
		ASSERT_DROP(&s, "auth_ext_invalid_hmac");
		scene_done(&s);
	}
}

static void c34_receive_only_sends_none(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	s.auth.mode = VRRP_AUTH_RECEIVE_ONLY;
	encode(&s, 100);
	assert_int_equal(s.packet.len, 32);
	s.auth.mode = VRRP_AUTH_PERMISSIVE;
	encode(&s, 100);
	assert_int_equal(s.packet.len, 60);
	scene_done(&s);
}

static void trailer_is_too_long_for_who_expects_none(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	encode(&s, 100);
	s.wire.auth = NULL;
	ASSERT_DROP(&s, "packet_len_err");
	scene_done(&s);
}

static void only_28_octets_are_a_trailer(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	for (size_t less = 1; less < EXT; less++) {
		encode(&s, 100);
		s.packet.len -= less;
		s.bytes[3] -= (uint8_t)less;
		/* Two octets more than a multiple of four, and short enough: Ethernet padding. */
		ASSERT_DROP(&s, (EXT - less) % 4 == 2 ? "auth_ext_missing" : "packet_len_err");
	}
	encode(&s, 100);
	s.packet.len += 2;
	ASSERT_DROP(&s, "auth_ext_missing"); /* padding of some other kind */
	s.packet.len += 2;
	ASSERT_DROP(&s, "packet_len_err");
	encode(&s, 100);
	s.bytes[3] -= EXT; /* the IP header denies it */
	ASSERT_DROP(&s, "packet_len_err");
	scene_done(&s);
}

static void stranger_on_unicast_is_none_of_the_peers_whatever_he_signs(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	s.wire.unicast = true;
	s.wire.check_peers = false;
	s.packet.dst = s.receiver;
	s.peer = (struct vrrp_unicast_peer){ .addr = s.sender, .max_ttl = 255 };
	s.wire.peers = &s.peer;
	s.wire.n_peers = 1;
	encode(&s, 200);
	ASSERT_DROP(&s, "ok");
	s.peer.addr = ip("192.0.2.99");
	ASSERT_DROP(&s, "unknown_peer");
	scene_done(&s);
}

static void addresses_leave_room_for_the_trailer(void **state)
{
	struct scene s;
	size_t with;

	(void)state;
	scene_init(&s, 3, AF_INET);
	with = vrrp_addrs_that_fit(&s.wire, 1000);
	s.wire.auth = NULL;
	assert_int_equal(vrrp_addrs_that_fit(&s.wire, 1000), with + EXT / 4);
	scene_done(&s);
}

static void largest_advert_of_either_family_is_signed_and_heard(void **state)
{
	struct scene s;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		scene_init(&s, 3, v6 ? AF_INET6 : AF_INET);
		for (size_t i = 0; i < VRRP_ADDRS_MAX; i++) {
			s.vips[i] = s.vips[0];
			s.vips[i].bytes[ip_len(s.wire.family) - 1] = (uint8_t)i;
		}
		s.wire.n_addrs = VRRP_ADDRS_MAX;
		encode(&s, 100);
		ASSERT_DROP(&s, "ok");
		assert_false(s.ad.addrs_differ);
		scene_done(&s);
	}
}

static void any_octet_changed_is_refused_over_ipv6(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET6);
	encode(&s, 100);
	for (size_t i = 0; i < s.packet.len; i++) {
		s.bytes[i] ^= 0x11;
		assert_string_not_equal(decode(&s), "ok");
		s.bytes[i] ^= 0x11;
	}
	ASSERT_DROP(&s, "ok");
	scene_done(&s);
}

static bool broken_hash(struct vrrp_hmac *key, const uint8_t *data, size_t len, uint8_t ret[VRRP_AUTH_MAC_LEN])
{
	(void)key, (void)data, (void)len, (void)ret;
	return false;
}

static void nothing_is_sent_unsigned(void **state)
{
	uint8_t buf[VRRP_PACKET_MAX];
	struct scene s;

	(void)state;
	scene_init(&s, 3, AF_INET);
	s.auth.hash = broken_hash;
	assert_int_equal(vrrp_encode(&s.wire, &s.sender, &s.wire.group, 100, 1, buf, sizeof(buf)), 0);
	s.auth.hash = vrrp_hmac;
	for (size_t size = 0; size < 60; size++)
		assert_int_equal(vrrp_encode(&s.wire, &s.sender, &s.wire.group, 100, 1, buf, size), 0);
	assert_int_equal(vrrp_encode(&s.wire, &s.sender, &s.wire.group, 100, 1, buf, 60), 60);
	scene_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t16_t18_t19_t20_are_sent_and_heard),
		cmocka_unit_test(ip_length_holds_the_trailer_and_the_count_does_not),
		cmocka_unit_test(t17_other_checksum_has_the_same_trailer),
		cmocka_unit_test(copies_for_unicast_peers_have_one_trailer),
		cmocka_unit_test(c33_each_failure_has_its_own_reason),
		cmocka_unit_test(refused_packet_leaves_the_result_alone),
		cmocka_unit_test(good_signature_does_not_excuse_the_rest),
		cmocka_unit_test(bad_signature_is_told_before_the_rest_of_the_message),
		cmocka_unit_test(c34_permissive_and_receive_only_hear_adverts_without_trailer),
		cmocka_unit_test(c34_receive_only_sends_none),
		cmocka_unit_test(trailer_is_too_long_for_who_expects_none),
		cmocka_unit_test(only_28_octets_are_a_trailer),
		cmocka_unit_test(stranger_on_unicast_is_none_of_the_peers_whatever_he_signs),
		cmocka_unit_test(addresses_leave_room_for_the_trailer),
		cmocka_unit_test(largest_advert_of_either_family_is_signed_and_heard),
		cmocka_unit_test(any_octet_changed_is_refused_over_ipv6),
		cmocka_unit_test(nothing_is_sent_unsigned),
	};

	return cmocka_run_group_tests_name("packet_auth", tests, NULL, NULL);
}
