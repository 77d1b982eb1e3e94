/* SPDX-License-Identifier: Apache-2.0 */
/* How people say times, and how events look to them. */
#include "test/unit/unit.h"

#include "agent/ctl/ctl.h"

#define NOW_US 1764111001500000ull /* 2025-11-25 22:50:01.5 UTC */

static uint64_t at(const char *text)
{
	uint64_t us = 0;

	assert_true(ctl_parse_time(text, NOW_US, &us));
	return us;
}

static void time_is_a_span_ago_or_a_place_on_the_clock(void **state)
{
	(void)state;
	assert_int_equal(at("90s"), NOW_US - 90 * 1000000ull);
	assert_int_equal(at("10min"), NOW_US - 600 * 1000000ull);
	assert_int_equal(at("10m"), NOW_US - 600 * 1000000ull);
	assert_int_equal(at("2h"), NOW_US - 7200 * 1000000ull);
	assert_int_equal(at("3d"), NOW_US - 3 * 86400 * 1000000ull);
	assert_int_equal(at("99999999d"), 0);
	assert_int_equal(at("2025-11-25 22:50:01"), 1764111001000000ull);
	assert_int_equal(at("2025-11-25T22:50:01"), 1764111001000000ull);
	assert_int_equal(at("2025-11-25 22:50"), 1764111000000000ull);
	assert_int_equal(at("2025-11-25"), 1764028800000000ull);
	assert_int_equal(at("22:50"), 1764111000000000ull);
	assert_int_equal(at("22:50:01"), 1764111001000000ull);
}

static void anything_else_is_no_time(void **state)
{
	static const char *const wrong[] = { "",           "yesterday", "10",    "-5min",
					     "5 min",      "5weeks",    "25:00", "22:50x",
					     "2025-13-01", "1e3s",      "min",   "999999999999999999999d" };
	uint64_t us;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
		if (ctl_parse_time(wrong[i], NOW_US, &us))
			fail_msg("\"%s\" was taken for a time", wrong[i]);
}

static void assert_shown(const char *json, const char *expected)
{
	json_t *event = json_loads(json, 0, NULL);
	_cleanup_(freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(event);
	ctl_print_event(event, out, false);
	fclose(out);
	assert_string_equal(text, expected);
	json_decref(event);
}

static void transition_is_shown_with_its_evidence(void **state)
{
	(void)state;
	assert_shown("{\"seq\":7,\"wall_us\":1764111001123456,\"kind\":\"transition\",\"instance\":\"VI_1\","
		     "\"from\":\"BACKUP\",\"to\":\"MASTER\",\"text\":\"skew timer: the master resigned\","
		     "\"priority\":253,\"peer\":\"192.168.1.1\",\"peer_priority\":0,\"mysql\":\"alive\","
		     "\"down_us\":3011718,\"skew_us\":11718}",
		     "2025-11-25 22:50:01.123  VI_1  BACKUP -> MASTER  skew timer: the master resigned\n"
		     "                         our priority 253, last heard 192.168.1.1 with 0, mysqld alive, "
		     "down time 3.012 s, skew 0.012 s\n");
	assert_shown("{\"wall_us\":1764111001123456,\"kind\":\"transition\",\"instance\":\"VI_1\",\"from\":\"INIT\","
		     "\"to\":\"FAULT\",\"text\":\"start\"}",
		     "2025-11-25 22:50:01.123  VI_1  INIT -> FAULT  start\n"
		     "                         no other router heard\n");
}

static void other_events_are_one_line(void **state)
{
	(void)state;
	assert_shown("{\"wall_us\":1764111001123456,\"kind\":\"check\",\"instance\":\"local\",\"from\":\"alive\","
		     "\"to\":\"dead\",\"text\":\"crashed\"}",
		     "2025-11-25 22:50:01.123  local  check  alive -> dead  crashed\n");
	assert_shown("{\"wall_us\":1764111001123456,\"kind\":\"check\",\"instance\":\"local\",\"from\":\"alive\","
		     "\"to\":\"alive\",\"text\":\"row received; counts as up now\"}",
		     "2025-11-25 22:50:01.123  local  check  alive  row received; counts as up now\n");
	assert_shown("{\"wall_us\":1764111001123456,\"kind\":\"agent\",\"text\":\"stopping\"}",
		     "2025-11-25 22:50:01.123  (agent)  agent  stopping\n");
}

static void nothing_in_an_event_reaches_the_terminal_or_breaks_it(void **state)
{
	(void)state;
	assert_shown("{\"wall_us\":\"x\",\"kind\":\"\\u001b[2J\",\"instance\":7,\"text\":\"a\\nb\"}",
		     "1970-01-01 00:00:00.000  (agent)  \\x1b[2J  a\\x0ab\n");
	assert_shown("{\"wall_us\":-5}", "?  (agent)    \n");
	assert_shown("{}", "1970-01-01 00:00:00.000  (agent)    \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_is_a_span_ago_or_a_place_on_the_clock),
		cmocka_unit_test(anything_else_is_no_time),
		cmocka_unit_test(transition_is_shown_with_its_evidence),
		cmocka_unit_test(other_events_are_one_line),
		cmocka_unit_test(nothing_in_an_event_reaches_the_terminal_or_breaks_it),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
