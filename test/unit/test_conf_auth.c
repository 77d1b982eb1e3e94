/* SPDX-License-Identifier: Apache-2.0 */
/* The auth_hmac block: what is taken for a key and what is not, and that no key is told to anybody. */
#include "test/unit/unit.h"

#include "test/unit/conf_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX       "hex:" DIGITS
#define TEXT      "correct horse battery staple 0123456789!"
#define PLACE     "f.conf:5: "
#define BLOCK     INSTANCE_AT
#define HMAC(x)   INSTANCE(" auth_hmac {\n" x " }\n")
#define NOTHING   ""
#define LONG_TEXT "0123456789012345678901234567890123456789012345678901234567890123"

/* --- keys -------------------------------------------------------------------------------------------------------- */

static void key_is_hex_digits_or_text(void **state)
{
	struct conf *c = load(HMAC(" key 1 " HEX "\n key 255 \"" TEXT "\"\n active_key 255\n"));
	const struct conf_hmac *h = &c->instances[0].auth_hmac;

	(void)state;
	assert_string_equal(said.text, "");
	assert_int_equal(h->n_keys, 2);
	assert_int_equal(h->keys[0].id, 1);
	assert_int_equal(h->keys[0].len, 32);
	for (uint8_t i = 0; i < 32; i++)
		assert_int_equal(h->keys[0].octets[i], i);
	assert_int_equal(h->keys[1].id, 255);
	assert_int_equal(h->keys[1].len, 40);
	assert_memory_equal(h->keys[1].octets, TEXT, 40);
	assert_int_equal(h->active, 255);
	conf_free(c);
}

static void hex_digits_may_be_capitals(void **state)
{
	struct conf *c = load(HMAC(" key 1 hex:ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789\n"));

	(void)state;
	assert_int_equal(c->instances[0].auth_hmac.keys[0].octets[0], 0xab);
	conf_free(c);
}

static void longest_keys_are_taken(void **state)
{
	struct conf *c = load(HMAC(" key 1 hex:" DIGITS DIGITS "\n key 2 " LONG_TEXT "\n active_key 1\n"));

	(void)state;
	assert_int_equal(c->instances[0].auth_hmac.keys[0].len, 64);
	assert_int_equal(c->instances[0].auth_hmac.keys[1].len, 64);
	conf_free(c);
}

static void key_of_another_length_is_refused(void **state)
{
	static const char too_long[] = HMAC(" key 1 " LONG_TEXT "x\n");

	(void)state;
	refuses(HMAC(" key 1 " DIGITS DIGITS "ab\n"),
		PLACE "error: key 1: has 130 octets; 32..64 are allowed (`openssl rand -hex 32` makes a good one: "
		      "hex:DIGITS)\n");
	refuses(too_long, PLACE "error: key 1: has 65 octets; 32..64 are allowed (`openssl rand -hex 32` makes a good "
				"one: hex:DIGITS)\n");
	refuses(HMAC(" key 1 hex:00\n"),
		PLACE "error: key 1: has 1 octets; 32..64 are allowed, that is 64..128 hex digits\n");
	refuses(HMAC(" key 1 hex:" DIGITS DIGITS "00\n"),
		PLACE "error: key 1: has 65 octets; 32..64 are allowed, that is 64..128 hex digits\n");
	refuses(HMAC(" key 1 \"\"\n"), PLACE "error: key 1: has 0 octets; 32..64 are allowed (`openssl rand -hex 32` "
					     "makes a good one: hex:DIGITS)\n");
}

static void odd_or_wrong_hex_digits_are_refused_without_being_told(void **state)
{
	(void)state;
	refuses(HMAC(" key 1 " HEX "0\n"), PLACE "error: key 1: the hex digits are not pairs: there are 65\n");
	refuses(HMAC(" key 1 " HEX "0g\n"), PLACE "error: key 1: character 66 is no hex digit\n");
	refuses(HMAC(" key 1 " HEX "\xff"
		     "0\n"),
		PLACE "error: key 1: character 65 is no hex digit\n");
}

static void key_needs_an_id_and_a_value(void **state)
{
	static const char syntax[] = PLACE "error: key: takes an id of 1..255 and the key: hex:DIGITS, file:PATH, or "
					   "text in quotes\n";

	(void)state;
	assert_null(load_as("f.conf", HMAC(" key\n"), false));
	assert_non_null(strstr(said.text, syntax));
	assert_null(load_as("f.conf", HMAC(" key " HEX "\n"), false));
	assert_non_null(strstr(said.text, syntax));
	assert_null(load_as("f.conf", HMAC(" key 1 correct horse battery staple\n"), false));
	assert_non_null(strstr(said.text, syntax));
	assert_null(strstr(said.text, "horse"));
	assert_null(load_as("f.conf", HMAC(" key " HEX " 1\n"), false));
	assert_non_null(strstr(said.text, syntax));
	assert_null(strstr(said.text, DIGITS));
	assert_null(load_as("f.conf", HMAC(" key 0 " HEX "\n"), false));
	assert_non_null(strstr(said.text, PLACE "error: key: 0 is not in 1..255\n"));
	assert_null(load_as("f.conf", HMAC(" key 256 " HEX "\n"), false));
	assert_non_null(strstr(said.text, PLACE "error: key: 256 is not in 1..255\n"));
}

static void two_keys_with_one_id_are_refused(void **state)
{
	(void)state;
	refuses(HMAC(" key 1 " HEX "\n key 1 " HEX "\n active_key 1\n"),
		"f.conf:6: error: key: there are two with the id 1\n");
}

/* --- the active key ---------------------------------------------------------------------------------------------- */

static void only_key_is_the_active_one(void **state)
{
	struct conf *c = load(HMAC(" key 7 " HEX "\n"));

	(void)state;
	assert_int_equal(c->instances[0].auth_hmac.active, 7);
	conf_free(c);
}

static void active_key_that_is_not_defined_is_refused(void **state)
{
	(void)state;
	refuses(HMAC(" key 1 " HEX "\n active_key 2\n"),
		BLOCK "error: auth_hmac: active_key is 2, and there is no key with that id\n");
	refuses(HMAC(" key 1 " HEX "\n key 2 " HEX "\n"),
		BLOCK "error: auth_hmac: active_key is missing, and there are 2 keys\n");
	refuses(HMAC(NOTHING), BLOCK "error: auth_hmac: has no usable key; write `key ID file:PATH`\n");
	refuses(HMAC(" active_key 0\n key 1 " HEX "\n"), PLACE "error: active_key: 0 is not in 1..255\n");
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

static void defaults_are_the_strict_ones(void **state)
{
	static const struct {
		const char *advert_int;
		unsigned window_s;
	} cases[] = {
		{ " version 3\n advert_int 0.1\n", 5 }, { " advert_int 1\n", 5 },     { " advert_int 2\n", 6 },
		{ " version 3\n advert_int 1.7\n", 6 }, { " advert_int 100\n", 300 }, { " advert_int 255\n", 300 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(freep) char *text = NULL;
		const struct conf_hmac *h;
		struct conf *c;

		assert_true(asprintf(&text,
				     "vrrp_instance V {\n interface eth0\n virtual_router_id 51\n%s"
				     " auth_hmac {\n key 1 %s\n }\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n",
				     cases[i].advert_int, HEX) > 0);
		c = load(text);
		h = &c->instances[0].auth_hmac;
		assert_int_equal(h->window_s, cases[i].window_s);
		assert_int_equal(h->mode, VRRP_AUTH_ENFORCE);
		assert_false(h->monotonic);
		conf_free(c);
	}
}

static void values_are_read_and_wrong_ones_refused(void **state)
{
	struct conf *c = load(HMAC(" key 1 " HEX "\n anti_replay monotonic\n time_window 300\n mode receive-only\n"));

	(void)state;
	assert_true(c->instances[0].auth_hmac.monotonic);
	assert_int_equal(c->instances[0].auth_hmac.window_s, 300);
	assert_int_equal(c->instances[0].auth_hmac.mode, VRRP_AUTH_RECEIVE_ONLY);
	conf_free(c);
	refuses(HMAC(" mode off\n key 1 " HEX "\n"),
		PLACE "error: mode: \"off\" is none of enforce, permissive, receive-only\n");
	refuses(HMAC(" anti_replay none\n key 1 " HEX "\n"),
		PLACE "error: anti_replay: \"none\" is neither time nor monotonic\n");
	refuses(HMAC(" time_window 0\n key 1 " HEX "\n"), PLACE "error: time_window: 0 is not in 1..300\n");
	refuses(HMAC(" time_window 301\n key 1 " HEX "\n"), PLACE "error: time_window: 301 is not in 1..300\n");
	refuses(HMAC(" keys 1\n key 1 " HEX "\n"),
		PLACE "error: keys: no such keyword in auth_hmac; do you mean key?\n");
}

static void auth_hmac_and_authentication_contradict_each_other(void **state)
{
	(void)state;
	refuses(INSTANCE(" auth_hmac {\n key 1 " HEX "\n }\n authentication {\n auth_type PASS\n auth_pass x\n }\n"),
		"f.conf:7: error: authentication: contradicts auth_hmac, which stands in line 4; leave one of them "
		"out\n");
}

static void instance_without_the_block_has_no_keys(void **state)
{
	struct conf *c = load(INSTANCE(""));

	(void)state;
	assert_int_equal(c->instances[0].auth_hmac.n_keys, 0);
	conf_free(c);
}

static void libconfig_grammar_says_the_same(void **state)
{
	struct conf *c = load_as("f.cfg",
				 "vrrp_instance = ( { name = \"V\"; interface = \"eth0\"; virtual_router_id = 51;\n"
				 " auth_hmac = { key = ( (1, \"" HEX "\"), (2, \"" TEXT "\") ); active_key = 2;\n"
				 " mode = \"permissive\"; }; virtual_ipaddress = ( \"10.0.0.1\" ); } );\n",
				 false);

	(void)state;
	assert_string_equal(said.text, "");
	assert_non_null(c);
	assert_int_equal(c->instances[0].auth_hmac.n_keys, 2);
	assert_int_equal(c->instances[0].auth_hmac.active, 2);
	assert_int_equal(c->instances[0].auth_hmac.mode, VRRP_AUTH_PERMISSIVE);
	conf_free(c);
}

/* --- secrets ----------------------------------------------------------------------------------------------------- */

static void what_is_printed_holds_no_key_and_reads_back(void **state)
{
	struct conf *c = load(HMAC(" key 1 file:/k\n"));
	_cleanup_(freep) char *first = NULL;
	_cleanup_(freep) char *second = NULL;

	(void)state;
	conf_free(c);
	c = load(HMAC(" key 1 \"file:/etc/sqlvip/a key\"\n key 2 file:/k\n active_key 2\n anti_replay monotonic\n"
		      " mode permissive\n time_window 77\n"));
	first = print(c);
	conf_free(c);
	assert_non_null(strstr(first, "        key 1 \"file:/etc/sqlvip/a key\"\n        key 2 \"file:/k\"\n"
				      "        active_key 2\n        anti_replay monotonic\n        time_window 77\n"
				      "        mode permissive\n"));
	c = load(first);
	second = print(c);
	conf_free(c);
	assert_string_equal(first, second);
}

static void key_in_the_configuration_is_withheld_and_the_stand_in_refused(void **state)
{
	struct conf *c = load(HMAC(" key 1 " HEX "\n"));
	_cleanup_(freep) char *printed = print(c);

	(void)state;
	conf_free(c);
	assert_null(strstr(printed, DIGITS));
	assert_non_null(strstr(printed, "        key 1 \"" CONF_WITHHELD "\"\n"));
	assert_null(load_as("f.conf", printed, false));
	assert_non_null(strstr(said.text,
			       "error: key 1: ******** stands for one that was not printed; write it, or better "
			       "`key 1 file:PATH`\n"));
}

/* --- files ------------------------------------------------------------------------------------------------------- */

struct files {
	char dir[64], key[96], conf[96], text[512];
};

static void put(const char *path, const char *octets, size_t n, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int files_make(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/sqlvip-conf-auth-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->key, sizeof(f->key), "%s/key", f->dir);
	snprintf(f->conf, sizeof(f->conf), "%s/f.conf", f->dir);
	snprintf(f->text, sizeof(f->text), HMAC(" key 1 file:%s\n"), f->key);
	*state = f;
	return 0;
}

static int files_remove(void **state)
{
	struct files *f = *state;

	unlink(f->key);
	unlink(f->conf);
	rmdir(f->dir);
	free(f);
	return 0;
}

static struct conf *load_with(const struct files *f, const char *octets, size_t n, mode_t mode)
{
	put(f->key, octets, n, mode);
	return load_as(f->conf, f->text, true);
}

static void key_file_holds_what_the_configuration_would(void **state)
{
	static const char *const contents[] = { HEX, HEX "\n", HEX "\r\n", HEX "\n\r\n\n" };
	const struct files *f = *state;

	for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
		struct conf *c = load_with(f, contents[i], strlen(contents[i]), 0600);

		assert_string_equal(said.text, "");
		assert_int_equal(c->instances[0].auth_hmac.keys[0].len, 32);
		assert_int_equal(c->instances[0].auth_hmac.keys[0].octets[31], 31);
		assert_string_equal(c->instances[0].auth_hmac.keys[0].file, f->key);
		conf_free(c);
	}
}

static void key_file_that_others_may_read_is_warned_about(void **state)
{
	const struct files *f = *state;
	struct conf *c = load_with(f, HEX, strlen(HEX), 0604);

	assert_non_null(c);
	assert_non_null(strstr(said.text, "warning: key 1: "));
	assert_non_null(strstr(said.text, "may be used by others (mode 0604); chmod 0600 it\n"));
	conf_free(c);
}

static void key_in_a_configuration_that_others_may_read_is_warned_about(void **state)
{
	const struct files *f = *state;
	struct conf *c;

	put(f->conf, HMAC(" key 1 " HEX "\n"), strlen(HMAC(" key 1 " HEX "\n")), 0644);
	c = load_as(f->conf, HMAC(" key 1 " HEX "\n"), true);
	assert_non_null(c);
	assert_non_null(strstr(said.text,
			       ":5: warning: key 1: others may read this file (mode 0644); chmod 0600 it, or use "
			       "`key 1 file:PATH`\n"));
	conf_free(c);
}

static void key_file_with_something_else_is_refused_without_being_told(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *says;
	} cases[] = {
		{ "", 0, "key 1: has 0 octets in /" },
		{ "secret", 6, "key 1: has 6 octets in /" },
		{ HEX "0", sizeof(HEX), "key 1: the hex digits in /" },
		{ HEX "\n" HEX, 2 * sizeof(HEX) - 1, "must hold one line, the key (hex:DIGITS, or text)\n" },
		{ HEX "\0", sizeof(HEX), "must hold one line, the key (hex:DIGITS, or text)\n" },
	};
	const struct files *f = *state;

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		assert_null(load_with(f, cases[i].octets, cases[i].n, 0600));
		if (!strstr(said.text, cases[i].says))
			fail_msg("case %zu: %s", i, said.text);
		assert_null(strstr(said.text, "secret"));
		assert_null(strstr(said.text, DIGITS));
	}
}

static void key_file_that_is_missing_or_relative_is_refused(void **state)
{
	const struct files *f = *state;

	unlink(f->key);
	assert_null(load_as(f->conf, f->text, true));
	assert_non_null(strstr(said.text, ": no such file\n"));
	refuses(HMAC(" key 1 file:key\n"), PLACE "error: key 1: file:key is not an absolute path\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_hex_digits_or_text),
		cmocka_unit_test(hex_digits_may_be_capitals),
		cmocka_unit_test(longest_keys_are_taken),
		cmocka_unit_test(key_of_another_length_is_refused),
		cmocka_unit_test(odd_or_wrong_hex_digits_are_refused_without_being_told),
		cmocka_unit_test(key_needs_an_id_and_a_value),
		cmocka_unit_test(two_keys_with_one_id_are_refused),
		cmocka_unit_test(only_key_is_the_active_one),
		cmocka_unit_test(active_key_that_is_not_defined_is_refused),
		cmocka_unit_test(defaults_are_the_strict_ones),
		cmocka_unit_test(values_are_read_and_wrong_ones_refused),
		cmocka_unit_test(auth_hmac_and_authentication_contradict_each_other),
		cmocka_unit_test(instance_without_the_block_has_no_keys),
		cmocka_unit_test(libconfig_grammar_says_the_same),
		cmocka_unit_test(what_is_printed_holds_no_key_and_reads_back),
		cmocka_unit_test(key_in_the_configuration_is_withheld_and_the_stand_in_refused),
		cmocka_unit_test_setup_teardown(key_file_holds_what_the_configuration_would, files_make, files_remove),
		cmocka_unit_test_setup_teardown(key_file_that_others_may_read_is_warned_about, files_make,
						files_remove),
		cmocka_unit_test_setup_teardown(key_in_a_configuration_that_others_may_read_is_warned_about, files_make,
						files_remove),
		cmocka_unit_test_setup_teardown(key_file_with_something_else_is_refused_without_being_told, files_make,
						files_remove),
		cmocka_unit_test_setup_teardown(key_file_that_is_missing_or_relative_is_refused, files_make,
						files_remove),
	};

	return cmocka_run_group_tests_name("conf_auth", tests, NULL, NULL);
}
