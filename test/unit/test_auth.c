/* SPDX-License-Identifier: Apache-2.0 */
/* auth_hmac trailers against vectors that were computed apart from this code (two of them are the draft's own), each
 * way in which one can be wrong, and what is remembered of those that were right. */
#include "test/unit/unit.h"

#include "vrrp/auth.h"
#include "vrrp/hmac.h"

#include <stdio.h>
#include <time.h>

#define K1    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ASCII "correct horse battery staple 0123456789!"

enum { N_MARKS = VRRP_AUTH_MARKS, AT_TYPE = 0, AT_ID = 1, AT_RESERVED = 2, AT_SEQ = 4, AT_MAC = 12 };

static const uint64_t S0 = 0x6800000080000000;
static const uint64_t SECOND = 1ull << 32;

struct scene {
	struct vrrp_auth_key keys[3];
	struct vrrp_auth_mark marks[N_MARKS];
	struct vrrp_auth auth;
	uint8_t msg[64];
	struct vrrp_auth_message message;
	uint8_t trailer[VRRP_AUTH_TRAILER_LEN];
};

/* Ids 1 and 7 are the same key, id 2 another. */
static void scene_init(struct scene *s, const char *src, const char *msg, const char *trailer)
{
	uint8_t key[VRRP_AUTH_KEY_MAX];
	size_t n = from_hex(K1, key, sizeof(key));

	memset(s, 0, sizeof(*s));
	s->keys[0] = (struct vrrp_auth_key){ 1, vrrp_hmac_new(key, n) };
	s->keys[1] = (struct vrrp_auth_key){ 7, vrrp_hmac_new(key, n) };
	s->keys[2] = (struct vrrp_auth_key){ 2, vrrp_hmac_new((const uint8_t *)ASCII, strlen(ASCII)) };
	s->auth = (struct vrrp_auth){
		.window_s = 5,
		.keys = s->keys,
		.n_keys = ELEMENTSOF(s->keys),
		.active = &s->keys[0],
		.hash = vrrp_hmac,
		.state = { .marks = s->marks, .n_marks = N_MARKS },
	};
	for (size_t i = 0; i < ELEMENTSOF(s->keys); i++)
		assert_non_null(s->keys[i].hmac);
	s->message = (struct vrrp_auth_message){ .msg = s->msg, .len = from_hex(msg, s->msg, sizeof(s->msg)) };
	s->message.version = s->msg[0] >> 4;
	s->message.vrid = s->msg[1];
	assert_true(ip_parse(src, &s->message.src));
	if (trailer)
		assert_int_equal(from_hex(trailer, s->trailer, sizeof(s->trailer)), VRRP_AUTH_TRAILER_LEN);
}

static void scene_done(struct scene *s)
{
	for (size_t i = 0; i < ELEMENTSOF(s->keys); i++)
		vrrp_hmac_free(s->keys[i].hmac);
}

static void t16(struct scene *s)
{
	scene_init(s, "192.0.2.11", "3133640100640568c0000264",
		   "010100006800000080000000f4c8a83d2e233334f3b490a9dfbe6009");
}

static enum vrrp_drop judge_at(struct scene *s, uint64_t now)
{
	struct vrrp_auth_seen seen;

	return vrrp_auth_judge(&s->auth, &s->message, s->trailer, now, &seen);
}

static enum vrrp_drop judge(struct scene *s)
{
	return judge_at(s, S0);
}

/* Signs the message of the scene anew. */
static void sign(struct scene *s, uint64_t seq)
{
	assert_true(vrrp_auth_sign(&s->auth, &s->message, seq, s->trailer));
}

static enum vrrp_drop judge_seq(struct scene *s, uint64_t seq, uint64_t now)
{
	sign(s, seq);
	return judge_at(s, now);
}

/* --- vectors ----------------------------------------------------------------------------------------------------- */

static const struct vector {
	const char *name, *src, *msg, *trailer;
} vectors[] = {
	{ "T16, version 3", "192.0.2.11", "3133640100640568c0000264",
	  "010100006800000080000000f4c8a83d2e233334f3b490a9dfbe6009" },
	{ "T17, the checksum without pseudo-header", "192.0.2.11", "313364010064a802c0000264",
	  "010100006800000080000000f4c8a83d2e233334f3b490a9dfbe6009" },
	{ "T18, version 2", "192.0.2.11", "213364010001b865c00002640000000000000000",
	  "010100006800000080000001f6149fd44c2baf214d504122b91747b2" },
	{ "T19, IPv6", "fe80::11", "3133640200648f19fe80000000000000000000000000010020010db8000000000000000000000100",
	  "010100006800000080000000146ba026013bb9a6298e3012961a6687" },
	{ "T20, priority 0, id 7, counter at its end", "192.0.2.11", "3133000100646968c0000264",
	  "01070000680000008000ffff2de93cde05e033ae530ed0ab8375c425" },
	{ "T21, a key as text", "192.0.2.11", "3133640100640568c0000264",
	  "010200006800000080000000ff61b3f7432bc74de2e1653a9cae8569" },
	{ "T22, the draft's over IPv4", "198.51.100.10", "3133c80100644402c0000264",
	  "0101000068000000800000001b84bc4e8e43892dc6d98448f8ee2265" },
	{ "T23, the draft's over IPv6", "fe80::10", "3133c8010064a2e9fe800000000000000000000000000100",
	  "010100006800000080000000c8c56146ebfd66ee10ec4d8186461b78" },
};

static void t16_to_t23_are_signed_and_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct vrrp_auth_seen seen = { 0 };
		uint8_t ours[VRRP_AUTH_TRAILER_LEN];
		uint64_t seq = 0;
		struct scene s;

		scene_init(&s, v->src, v->msg, v->trailer);
		for (size_t k = 0; k < s.auth.n_keys; k++) {
			if (s.keys[k].id == s.trailer[AT_ID])
				s.auth.active = &s.keys[k];
		}
		for (int k = 0; k < 8; k++)
			seq = seq << 8 | s.trailer[AT_SEQ + k];
		assert_true(vrrp_auth_sign(&s.auth, &s.message, seq, ours));
		if (memcmp(ours, s.trailer, sizeof(ours)) != 0)
			fail_msg("%s: another trailer", v->name);
		assert_int_equal(vrrp_auth_judge(&s.auth, &s.message, s.trailer, S0, &seen), VRRP_OK);
		assert_int_equal(seen.seq, seq);
		assert_int_equal(seen.skew_s, 0);
		assert_false(seen.skewed);
		scene_done(&s);
	}
}

static void rfc_4231_case_2_is_computed(void **state)
{
	uint8_t expected[16], ret[VRRP_AUTH_MAC_LEN];
	struct vrrp_hmac *h = vrrp_hmac_new((const uint8_t *)"Jefe", 4);

	(void)state;
	from_hex("5bdcc146bf60754e6a042426089575c7", expected, sizeof(expected));
	assert_non_null(h);
	for (int i = 0; i < 2; i++) { /* the second time from a used context */
		assert_true(vrrp_hmac(h, (const uint8_t *)"what do ya want for nothing?", 28, ret));
		assert_memory_equal(ret, expected, sizeof(ret));
	}
	vrrp_hmac_free(h);
}

/* --- refusals ---------------------------------------------------------------------------------------------------- */

static void changed_message_is_an_invalid_hmac(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	for (size_t i = 0; i < s.message.len; i++) {
		bool covered = i != 6 && i != 7;

		s.msg[i] ^= 1;
		assert_int_equal(judge(&s), covered ? VRRP_DROP_EXT_INVALID_HMAC : VRRP_OK);
		s.msg[i] ^= 1;
	}
	scene_done(&s);
}

static void changed_trailer_is_an_invalid_hmac(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	s.auth.monotonic = true; /* else a changed second is stale before anything is computed */
	for (size_t i = AT_SEQ; i < sizeof(s.trailer); i++) {
		for (int bit = 0; bit < 8; bit++) {
			s.trailer[i] ^= (uint8_t)(1 << bit);
			assert_int_equal(judge(&s), VRRP_DROP_EXT_INVALID_HMAC);
			s.trailer[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_int_equal(judge(&s), VRRP_OK);
	scene_done(&s);
}

static void unknown_type_and_reserved_octets_are_malformed(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	s.trailer[AT_TYPE] = 2;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_MALFORMED);
	s.trailer[AT_TYPE] = 0;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_MALFORMED);
	s.trailer[AT_TYPE] = 1;
	s.trailer[AT_RESERVED + 1] = 1;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_MALFORMED);
	s.trailer[AT_RESERVED + 1] = 0;
	s.trailer[AT_RESERVED] = 0x80;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_MALFORMED);
	scene_done(&s);
}

static void key_id_that_is_not_configured_is_unknown(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	s.trailer[AT_ID] = 9;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_UNKNOWN_KEY);
	s.trailer[AT_ID] = 0;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_UNKNOWN_KEY);
	s.trailer[AT_ID] = 2; /* known, but not the one that signed */
	assert_int_equal(judge(&s), VRRP_DROP_EXT_INVALID_HMAC);
	scene_done(&s);
}

static void other_source_or_vrid_is_an_invalid_hmac(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	s.message.src.bytes[3] = 12;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_INVALID_HMAC);
	s.message.src.bytes[3] = 11;
	s.message.vrid = 52;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_INVALID_HMAC);
	s.message.vrid = 51;
	s.message.version = 2;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_INVALID_HMAC);
	scene_done(&s);
}

static void first_failure_wins(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	vrrp_auth_accept(&s.auth, &s.message.src, S0);
	assert_int_equal(judge(&s), VRRP_DROP_EXT_REPLAY);
	s.trailer[AT_MAC] ^= 1;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_INVALID_HMAC);
	s.trailer[AT_ID] = 9;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_UNKNOWN_KEY);
	assert_int_equal(judge_at(&s, S0 + 6 * SECOND), VRRP_DROP_EXT_STALE);
	s.trailer[AT_TYPE] = 2;
	assert_int_equal(judge_at(&s, S0 + 6 * SECOND), VRRP_DROP_EXT_MALFORMED);
	scene_done(&s);
}

static bool broken_hash(struct vrrp_hmac *key, const uint8_t *data, size_t len, uint8_t ret[VRRP_AUTH_MAC_LEN])
{
	(void)key, (void)data, (void)len;
	memset(ret, 0, VRRP_AUTH_MAC_LEN);
	return false;
}

static void hash_that_fails_neither_signs_nor_accepts(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	s.auth.hash = broken_hash;
	memset(s.trailer + AT_MAC, 0, VRRP_AUTH_MAC_LEN);
	assert_int_equal(judge(&s), VRRP_DROP_EXT_INVALID_HMAC);
	assert_false(vrrp_auth_sign(&s.auth, &s.message, S0, s.trailer));
	scene_done(&s);
}

/* --- clocks ------------------------------------------------------------------------------------------------------ */

static void clock_may_be_off_by_the_window_and_no_more(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	assert_int_equal(judge_at(&s, S0 + 5 * SECOND), VRRP_OK);
	assert_int_equal(judge_at(&s, S0 - 5 * SECOND), VRRP_OK);
	assert_int_equal(judge_at(&s, S0 + 6 * SECOND), VRRP_DROP_EXT_STALE);
	assert_int_equal(judge_at(&s, S0 - 6 * SECOND), VRRP_DROP_EXT_STALE);
	assert_int_equal(judge_at(&s, S0 + (SECOND << 31)), VRRP_DROP_EXT_STALE); /* half of all there is */
	s.auth.monotonic = true;
	assert_int_equal(judge_at(&s, S0 + 600 * SECOND), VRRP_OK);
	scene_done(&s);
}

static void clock_that_is_off_by_more_than_half_the_window_is_told(void **state)
{
	struct vrrp_auth_seen seen;
	struct scene s;

	(void)state;
	t16(&s);
	assert_int_equal(vrrp_auth_judge(&s.auth, &s.message, s.trailer, S0 + 2 * SECOND, &seen), VRRP_OK);
	assert_false(seen.skewed);
	assert_int_equal(vrrp_auth_judge(&s.auth, &s.message, s.trailer, S0 + 4 * SECOND, &seen), VRRP_OK);
	assert_true(seen.skewed);
	assert_int_equal(seen.skew_s, -4);
	assert_int_equal(vrrp_auth_judge(&s.auth, &s.message, s.trailer, S0 - 3 * SECOND, &seen), VRRP_OK);
	assert_true(seen.skewed);
	assert_int_equal(seen.skew_s, 3);
	s.auth.monotonic = true;
	assert_int_equal(vrrp_auth_judge(&s.auth, &s.message, s.trailer, S0 - 3 * SECOND, &seen), VRRP_OK);
	assert_false(seen.skewed);
	scene_done(&s);
}

static void clock_is_seconds_and_a_fraction_of_sixteen_bits(void **state)
{
	(void)state;
	assert_int_equal(vrrp_auth_clock(&(struct timespec){ 0x68000000, 500000000 }), S0);
	assert_int_equal(vrrp_auth_clock(&(struct timespec){ 0x68000000, 999999999 }), 0x68000000ffff0000);
	assert_int_equal(vrrp_auth_clock(&(struct timespec){ 0x168000000, 0 }), 0x6800000000000000);
}

static void seconds_overflow_and_nothing_happens(void **state)
{
	struct scene s;
	uint64_t before = 0xffffffff00000000;

	(void)state;
	t16(&s);
	assert_int_equal(judge_seq(&s, before, before), VRRP_OK);
	vrrp_auth_accept(&s.auth, &s.message.src, before);
	assert_int_equal(judge_seq(&s, before + SECOND, before), VRRP_OK);
	assert_int_equal(judge_seq(&s, before, before + SECOND), VRRP_DROP_EXT_REPLAY);
	s.auth.state.sent = before;
	assert_int_equal(vrrp_auth_next(&s.auth, before + SECOND), before + SECOND);
	scene_done(&s);
}

/* The sender signs with its clock, the receiver judges with its own, and remembers. */
static enum vrrp_drop advertise(struct scene *sender, struct scene *receiver, uint64_t sent_at, uint64_t heard_at)
{
	struct vrrp_auth_seen seen;
	enum vrrp_drop drop;

	assert_true(vrrp_auth_sign(&sender->auth, &sender->message, vrrp_auth_next(&sender->auth, sent_at),
				   receiver->trailer));
	drop = vrrp_auth_judge(&receiver->auth, &sender->message, receiver->trailer, heard_at, &seen);
	if (drop == VRRP_OK)
		vrrp_auth_accept(&receiver->auth, &sender->message.src, seen.seq);
	return drop;
}

static void c71_clocks_stepped_by_an_hour_and_back_are_believed_within_two_adverts(void **state)
{
	const int64_t hour = (int64_t)(3600 * SECOND);

	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		uint64_t stepped = S0 + (uint64_t)(sign * hour);
		struct scene sender, receiver;
		unsigned refused = 0;

		t16(&sender);
		t16(&receiver);
		for (uint64_t i = 0; i < 3; i++)
			assert_int_equal(advertise(&sender, &receiver, S0 + i * SECOND, S0 + i * SECOND), VRRP_OK);
		/* One of the two is wrong: nothing it says is new, or old enough. */
		assert_int_equal(advertise(&sender, &receiver, stepped + 3 * SECOND, S0 + 3 * SECOND),
				 VRRP_DROP_EXT_STALE);
		/* Both are, and then both are right again. */
		assert_int_equal(advertise(&sender, &receiver, stepped + 4 * SECOND, stepped + 4 * SECOND), VRRP_OK);
		for (uint64_t i = 5; i < 7; i++)
			refused += advertise(&sender, &receiver, S0 + i * SECOND, S0 + i * SECOND) != VRRP_OK;
		assert_true(refused <= 1);
		assert_int_equal(advertise(&sender, &receiver, S0 + 7 * SECOND, S0 + 7 * SECOND), VRRP_OK);
		scene_done(&sender);
		scene_done(&receiver);
	}
}

/* --- what is sent ------------------------------------------------------------------------------------------------ */

static void each_advert_has_a_higher_number_whatever_the_clock_does(void **state)
{
	struct scene s;
	uint64_t last = 0;

	(void)state;
	t16(&s);
	for (uint64_t i = 0; i < 1000; i++) {
		/* The clock creeps, stands, and is stepped back by less than the window. */
		uint64_t now = S0 + i / 10 * 65536 - (i > 500 ? 4 * SECOND : 0);
		uint64_t seq = vrrp_auth_next(&s.auth, now);

		assert_true(seq > last);
		last = seq;
	}
	scene_done(&s);
}

static void clock_stepped_back_beyond_the_window_is_followed_in_time_mode_only(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	assert_int_equal(vrrp_auth_next(&s.auth, S0), S0);
	assert_int_equal(vrrp_auth_next(&s.auth, S0 - 5 * SECOND), S0 + 1);
	assert_int_equal(vrrp_auth_next(&s.auth, S0 - 6 * SECOND), S0 - 6 * SECOND);
	s.auth.monotonic = true;
	s.auth.state.sent = S0;
	assert_int_equal(vrrp_auth_next(&s.auth, S0 - 3600 * SECOND), S0 + 1);
	scene_done(&s);
}

static void first_number_is_the_clock_whatever_its_sign(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	assert_int_equal(vrrp_auth_next(&s.auth, 0xf000000000000000), 0xf000000000000000);
	scene_done(&s);
}

/* --- replays ----------------------------------------------------------------------------------------------------- */

static void same_number_or_a_lower_one_is_a_replay(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	assert_int_equal(judge(&s), VRRP_OK);
	assert_int_equal(judge(&s), VRRP_OK); /* judging alone remembers nothing */
	vrrp_auth_accept(&s.auth, &s.message.src, S0);
	assert_int_equal(judge(&s), VRRP_DROP_EXT_REPLAY);
	assert_int_equal(judge_seq(&s, S0 - 1, S0), VRRP_DROP_EXT_REPLAY);
	assert_int_equal(judge_seq(&s, S0 + 1, S0), VRRP_OK);
	scene_done(&s);
}

static void senders_have_marks_of_their_own(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	vrrp_auth_accept(&s.auth, &s.message.src, S0 + 9);
	s.message.src.bytes[3] = 12;
	assert_int_equal(judge_seq(&s, S0, S0), VRRP_OK);
	vrrp_auth_accept(&s.auth, &s.message.src, S0);
	assert_int_equal(judge_seq(&s, S0, S0), VRRP_DROP_EXT_REPLAY);
	s.message.src.bytes[3] = 11;
	assert_int_equal(judge_seq(&s, S0 + 9, S0), VRRP_DROP_EXT_REPLAY);
	scene_done(&s);
}

static void fifth_sender_takes_the_place_of_whoever_was_silent_for_longest(void **state)
{
	struct scene s;
	struct ip_addr *src = &s.message.src;

	(void)state;
	t16(&s);
	for (uint8_t host = 1; host <= 4; host++) {
		src->bytes[3] = host;
		vrrp_auth_accept(&s.auth, src, S0);
	}
	src->bytes[3] = 1;
	vrrp_auth_accept(&s.auth, src, S0 + 1);
	src->bytes[3] = 5;
	vrrp_auth_accept(&s.auth, src, S0);
	for (uint8_t host = 1; host <= 5; host++) {
		src->bytes[3] = host;
		assert_int_equal(judge_seq(&s, S0, S0), host == 2 ? VRRP_OK : VRRP_DROP_EXT_REPLAY);
	}
	scene_done(&s);
}

static void mark_of_a_clock_that_was_wrong_is_forgotten_in_time_mode_only(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	/* The sender was an hour ahead, and so were we; then both clocks were set right. */
	vrrp_auth_accept(&s.auth, &s.message.src, S0 + 3600 * SECOND);
	assert_int_equal(judge(&s), VRRP_OK);
	s.auth.monotonic = true;
	assert_int_equal(judge(&s), VRRP_DROP_EXT_REPLAY);
	s.auth.monotonic = false;
	/* Within the window it counts. */
	vrrp_auth_accept(&s.auth, &s.message.src, S0 + 4 * SECOND);
	assert_int_equal(judge(&s), VRRP_DROP_EXT_REPLAY);
	scene_done(&s);
}

static void marks_and_number_outlive_a_configuration(void **state)
{
	struct vrrp_auth_mark few[2] = { 0 };
	struct vrrp_auth_state next = { .marks = few, .n_marks = ELEMENTSOF(few) };
	struct scene s;
	struct ip_addr *src = &s.message.src;

	(void)state;
	t16(&s);
	vrrp_auth_next(&s.auth, S0);
	for (uint8_t host = 1; host <= 3; host++) {
		src->bytes[3] = host;
		vrrp_auth_accept(&s.auth, src, S0);
	}
	src->bytes[3] = 1;
	vrrp_auth_accept(&s.auth, src, S0 + 1);
	vrrp_auth_inherit(&next, &s.auth.state);
	s.auth.state = next;
	assert_int_equal(vrrp_auth_next(&s.auth, S0), S0 + 1);
	for (uint8_t host = 1; host <= 3; host++) {
		src->bytes[3] = host;
		assert_int_equal(judge_seq(&s, S0, S0), host == 2 ? VRRP_OK : VRRP_DROP_EXT_REPLAY);
	}
	scene_done(&s);
}

static void instance_without_room_for_marks_forgets_everybody(void **state)
{
	struct scene s;

	(void)state;
	t16(&s);
	s.auth.state.n_marks = 0;
	vrrp_auth_accept(&s.auth, &s.message.src, S0);
	assert_int_equal(judge(&s), VRRP_OK);
	scene_done(&s);
}

/* --- cost -------------------------------------------------------------------------------------------------------- */

static double us_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)(now.tv_sec - start->tv_sec) * 1e6 + (double)(now.tv_nsec - start->tv_nsec) / 1e3;
}

static void signing_and_judging_is_cheap_enough_for_a_flood(void **state)
{
	enum { ROUNDS = 20000 };
	struct timespec start;
	double signing, judging;
	struct scene s;

	(void)state;
	t16(&s);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (uint64_t i = 0; i < ROUNDS; i++)
		sign(&s, S0 + i);
	signing = us_since(&start) / ROUNDS;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (uint64_t i = 0; i < ROUNDS; i++)
		assert_int_equal(judge(&s), VRRP_OK);
	judging = us_since(&start) / ROUNDS;
	print_message("one signature %.2f us, one judgement %.2f us\n", signing, judging);
	/* Ten thousand forged adverts a second must leave the core to others. */
	assert_true(judging < 50);
	scene_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t16_to_t23_are_signed_and_accepted),
		cmocka_unit_test(rfc_4231_case_2_is_computed),
		cmocka_unit_test(changed_message_is_an_invalid_hmac),
		cmocka_unit_test(changed_trailer_is_an_invalid_hmac),
		cmocka_unit_test(unknown_type_and_reserved_octets_are_malformed),
		cmocka_unit_test(key_id_that_is_not_configured_is_unknown),
		cmocka_unit_test(other_source_or_vrid_is_an_invalid_hmac),
		cmocka_unit_test(first_failure_wins),
		cmocka_unit_test(hash_that_fails_neither_signs_nor_accepts),
		cmocka_unit_test(clock_may_be_off_by_the_window_and_no_more),
		cmocka_unit_test(clock_that_is_off_by_more_than_half_the_window_is_told),
		cmocka_unit_test(c71_clocks_stepped_by_an_hour_and_back_are_believed_within_two_adverts),
		cmocka_unit_test(clock_is_seconds_and_a_fraction_of_sixteen_bits),
		cmocka_unit_test(seconds_overflow_and_nothing_happens),
		cmocka_unit_test(each_advert_has_a_higher_number_whatever_the_clock_does),
		cmocka_unit_test(clock_stepped_back_beyond_the_window_is_followed_in_time_mode_only),
		cmocka_unit_test(first_number_is_the_clock_whatever_its_sign),
		cmocka_unit_test(same_number_or_a_lower_one_is_a_replay),
		cmocka_unit_test(senders_have_marks_of_their_own),
		cmocka_unit_test(fifth_sender_takes_the_place_of_whoever_was_silent_for_longest),
		cmocka_unit_test(mark_of_a_clock_that_was_wrong_is_forgotten_in_time_mode_only),
		cmocka_unit_test(marks_and_number_outlive_a_configuration),
		cmocka_unit_test(instance_without_room_for_marks_forgets_everybody),
		cmocka_unit_test(signing_and_judging_is_cheap_enough_for_a_flood),
	};

	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
