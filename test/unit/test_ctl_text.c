/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of the status document, and what they must never see. */
#include "test/unit/unit.h"

#include "agent/ctl/status.h"
#include "agent/ctl/text.h"

static const char example[] =
	"{\"version\":\"0.1.0\",\"pid\":4242,\"uptime_s\":192.3,\"config\":\"/etc/sqlvip/sqlvip.conf\","
	"\"reload\":{\"busy\":false,\"count\":2,\"loaded_ago_s\":61.0,\"failed\":{\"ago_s\":1.0,\"error\":\"x\"}},"
	"\"engine\":{\"pid\":4243,\"user\":\"sqlvip\",\"restarts\":1},"
	"\"realtime\":\"SCHED_RR 1, memory locked\",\"resets\":\"SOCK_DIAG destroy\",\"loop_lag_max_ms\":1.24,"
	"\"instances\":[{\"name\":\"VI_1\",\"state\":\"MASTER\",\"since_s\":123.4,"
	"\"cause\":\"down timer: no advert for 3.0 s\",\"interface\":\"eth0\",\"vrid\":51,\"version\":3,"
	"\"advert_int_s\":1.0,\"vips\":[{\"address\":\"192.168.1.100/32\",\"dev\":\"eth0\",\"present\":true,"
	"\"lease\":{\"length_s\":6,\"left_s\":4.52,\"why_not\":null}}],"
	"\"priority\":{\"effective\":254,\"base\":254,\"contributions\":[{\"name\":\"mysqld\",\"kind\":\"mysql\","
	"\"weight\":0,\"state\":\"up\",\"effect\":\"none\"}]},\"faults\":[],"
	"\"peers\":[{\"address\":\"192.168.1.2\",\"priority\":253,\"last_heard_s\":0.3,\"adverts\":17}],"
	"\"master\":\"192.168.1.1\",\"down_s\":3.0117,\"skew_s\":0.0117,"
	"\"counters\":{\"advert_rcvd\":1,\"advert_sent\":2,\"become_master\":1,\"release_master\":0},"
	"\"hooks\":{\"queued\":0,\"running\":null,\"run\":2,\"failed\":1,\"timed_out\":0,\"overflowed\":0,"
	"\"last\":{\"hook\":\"notify_master\",\"state\":\"MASTER\",\"outcome\":\"exit 1\",\"duration_s\":0.02,"
	"\"ended_ago_s\":120.1}}}],"
	"\"checks\":[{\"name\":\"mysqld\",\"kind\":\"mysql\",\"state\":\"up\",\"verdict\":\"alive\","
	"\"reason\":\"row received\",\"latency_us\":85,\"latency_max_us\":410,\"alive_ago_s\":0.1,\"error\":\"\","
	"\"error_code\":0,\"error_ago_s\":null,\"watch\":\"thread pidfd\",\"server\":\"10.11.19-MariaDB\","
	"\"pid\":4711,\"queries\":123,\"failures\":0,\"connects\":1},{\"name\":\"chk\",\"kind\":\"script\","
	"\"state\":\"down\",\"last\":\"exit 1\",\"runs\":12,\"failures\":1,\"timeouts\":0,\"tracked\":false}]}";

static const char expected[] = "sqlvipd 0.1.0  pid 4242  up 3 min 12 s\n"
			       "\n"
			       "VI_1  MASTER for 2 min 3 s: down timer: no advert for 3.0 s\n"
			       "  VIPs       192.168.1.100/32 on eth0, present, lease of 6 s, 4.5 s left\n"
			       "  master     192.168.1.1\n"
			       "  peers      PEER         PRIORITY  HEARD      ADVERTS\n"
			       "             192.168.1.2  253       0.3 s ago  17\n"
			       "  priority   254, base 254\n"
			       "             TRACKED  KIND   STATE  WEIGHT  EFFECT\n"
			       "             mysqld   mysql  up     0       none\n"
			       "  interface  eth0, VRID 51, VRRPv3, advert every 1 s\n"
			       "  timers     down after 3.012 s, skew 0.012 s\n"
			       "  hooks      2 run, 1 failed\n"
			       "             last notify_master for MASTER, exit 1, ran 20 ms, ended 2 min 0 s ago\n"
			       "  counters   advert_rcvd 1, advert_sent 2, become_master 1\n"
			       "\n"
			       "mysqld  mysql  up: row received\n"
			       "  verdict    alive\n"
			       "  answers    85 us, at most 410 us, alive 0.1 s ago\n"
			       "  server     10.11.19-MariaDB, pid 4711, death is seen by thread pidfd\n"
			       "  queries    123, 0 failed, connections made: 1\n"
			       "\n"
			       "chk  script  down: exit 1\n"
			       "  runs       12, 1 failed, 0 timed out, not tracked by any instance\n"
			       "\n"
			       "agent\n"
			       "  config     /etc/sqlvip/sqlvip.conf\n"
			       "  loaded     1 min 1 s ago, reload 2; the last one failed\n"
			       "  engine     pid 4243, user sqlvip, restarts: 1\n"
			       "  real time  SCHED_RR 1, memory locked\n"
			       "  resets     SOCK_DIAG destroy\n"
			       "  loop lag   1.2 ms at most\n";

/* The document as people see it; the caller frees. */
static char *show(const json_t *doc, bool colour)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	ctl_print_status(doc, out, colour);
	fclose(out);
	return text;
}

static char *show_json(const char *json, bool colour)
{
	json_t *doc = json_loads(json, 0, NULL);
	char *text;

	assert_non_null(doc);
	text = show(doc, colour);
	json_decref(doc);
	return text;
}

static void alarms_come_first(void **state)
{
	_cleanup_(freep) char *text = show_json(
		"{\"version\":\"0.1.0\",\"alarms\":[{\"id\":\"standby\",\"instance\":\"VI_1\",\"text\":\"standby\","
		"\"since_s\":192.3},{\"id\":\"x\",\"instance\":null,\"text\":\"\\u001b[2J\"},7]}",
		false);

	(void)state;
	assert_string_equal(text, "ALARM  VI_1: standby (for 3 min 12 s)\nALARM  \\x1b[2J\nALARM  (no text)\n\n"
				  "sqlvipd 0.1.0\n");
}

static void warning_of_the_engine_follows_the_alarms(void **state)
{
	_cleanup_(freep) char *text =
		show_json("{\"alarms\":[{\"text\":\"standby\"}],\"engine\":{\"warning\":\"there is no user\"}}", false);
	_cleanup_(freep) char *none = show_json("{\"engine\":{\"warning\":null}}", false);

	(void)state;
	assert_string_equal(text, "ALARM  standby\n\nwarning  there is no user\n\nsqlvipd\n");
	assert_string_equal(none, "sqlvipd\n");
}

static void status_reads_as_aligned_text(void **state)
{
	_cleanup_(freep) char *text = show_json(example, false);

	(void)state;
	assert_string_equal(text, expected);
}

static void states_are_coloured_only_on_request(void **state)
{
	_cleanup_(freep) char *text = show_json(example, true), *plain = show_json(example, false);

	(void)state;
	assert_non_null(strstr(text, "\033[32mMASTER\033[0m"));
	assert_non_null(strstr(text, "\033[31mdown\033[0m"));
	assert_null(strchr(plain, '\033'));
}

static void faults_are_listed_one_per_line(void **state)
{
	_cleanup_(freep) char *text = show_json("{\"instances\":[{\"name\":\"V\",\"state\":\"FAULT\",\"faults\":"
						"[\"interface eth0 is down\",7,\"mysqld is down\"]}]}",
						false);

	(void)state;
	assert_string_equal(text, "sqlvipd\n\nV  FAULT\n  fault      interface eth0 is down\n"
				  "             mysqld is down\n");
}

static void sync_groups_are_told_with_their_members(void **state)
{
	_cleanup_(freep) char *text =
		show_json("{\"instances\":[{\"name\":\"V\",\"state\":\"MASTER\",\"sync_group\":\"G\"}],"
			  "\"groups\":[{\"name\":\"G\",\"state\":\"MASTER\",\"since_s\":2,\"cause\":\"all can be\","
			  "\"members\":[\"V\",\"W\"]}]}",
			  false);

	(void)state;
	assert_string_equal(text,
			    "sqlvipd\n\nV  MASTER\n  sync group G\n\nG  sync group  MASTER for 2.0 s: all can be\n"
			    "  members    V, W\n");
}

static void rival_is_told_while_it_lasts_and_afterwards(void **state)
{
	_cleanup_(freep) char *text = show_json(
		"{\"instances\":[{\"name\":\"V\",\"state\":\"MASTER\",\"rival\":{\"address\":\"10.0.0.2\",\"priority\":"
		"150,"
		"\"present\":true,\"for_s\":12,\"last_heard_s\":0.5}},{\"name\":\"W\",\"state\":\"MASTER\",\"rival\":"
		"{\"address\":\"10.0.0.2\",\"priority\":150,\"present\":false,\"for_s\":12,\"last_heard_s\":60}}]}",
		false);

	(void)state;
	assert_string_equal(text,
			    "sqlvipd\n\nV  MASTER\n  rival      10.0.0.2, priority 150, claimed to be master for 12 s, "
			    "STILL DOES: heard 0.5 s ago\n\nW  MASTER\n  rival      10.0.0.2, priority 150, "
			    "claimed to be master for 12 s, last heard 1 min 0 s ago\n");
}

static void texts_cannot_steer_the_terminal(void **state)
{
	_cleanup_(freep) char *text = show_json(
		"{\"instances\":[{\"name\":\"a\\u001b[31m\",\"state\":\"M\\nX\",\"cause\":\"\\u009b2J\\u202e\\u007f\","
		"\"peers\":[{\"address\":\"\\r\\u0007\"}],\"counters\":{\"\\u001b]0;x\":1},"
		"\"vips\":[{\"address\":\"\\u001b\",\"dev\":\"\\b\"}]}],\"checks\":[{\"name\":\"\\u00e4\\u20ac\"}]}",
		false);

	(void)state;
	for (const char *s = text; *s; s++)
		assert_true((unsigned char)*s >= ' ' || *s == '\n');
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_null(strchr(text, 0x7f));
	assert_non_null(strstr(text, "a\\x1b[31m  M\\x0aX: \\x9b2J\\u202e\\x7f\n"));
	assert_non_null(strstr(text, "\xc3\xa4\xe2\x82\xac"));
}

static void invalid_utf8_is_escaped(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	ctl_print_text("\x9b\x80\xff\xc3|\xe2\x80", out);
	fclose(out);
	for (const char *s = text; *s; s++)
		assert_true(*s >= ' ' && *s <= '~');
	free(text);
}

static void many_addresses_are_summed_up(void **state)
{
	json_t *doc = json_pack("{s:[{s:s, s:[]}]}", "instances", "name", "V", "vips");
	json_t *vips = json_object_get(json_array_get(json_object_get(doc, "instances"), 0), "vips");
	char *text;

	(void)state;
	for (int i = 0; i < 1000; i++)
		json_array_append_new(vips, json_pack("{s:s, s:b}", "address",
						      i == 500 ? "192.0.2.7/32" : "192.0.2.1/32", "present", i != 500));
	text = show(doc, false);
	assert_non_null(
		strstr(text, "  VIPs       1000, of which 999 present\n             192.0.2.7/32, not present\n"));
	assert_null(strstr(text, "192.0.2.1/32"));
	free(text);
	json_decref(doc);
}

/* Puts each kind of value in place of each value of the example, one at a time. */
static void replace_everywhere(json_t *root, json_t *at, const json_t *value)
{
	const char *key;
	json_t *child;
	size_t i;

	json_object_foreach(at, key, child)
	{
		json_incref(child);
		json_object_set_new(at, key, json_deep_copy(value));
		free(show(root, true));
		json_object_set(at, key, child);
		replace_everywhere(root, child, value);
		json_decref(child);
	}
	json_array_foreach(at, i, child)
	{
		json_incref(child);
		json_array_set_new(at, i, json_deep_copy(value));
		free(show(root, true));
		json_array_set(at, i, child);
		replace_everywhere(root, child, value);
		json_decref(child);
	}
}

static void any_type_anywhere_is_survived(void **state)
{
	static const char *const values[] = { "null",
					      "true",
					      "-1",
					      "9223372036854775807",
					      "1e308",
					      "-1.5",
					      "\"\"",
					      "\"x\"",
					      "[]",
					      "[[]]",
					      "[1,\"a\",null,{}]",
					      "{}",
					      "{\"name\":7,\"state\":[],\"last\":{\"hook\":\"\"}}" };
	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(values); i++) {
		json_t *root = json_loads(example, 0, NULL), *value = json_loads(values[i], JSON_DECODE_ANY, NULL);

		free(show(value, true));
		replace_everywhere(root, root, value);
		json_decref(value);
		json_decref(root);
	}
}

static void durations_read_naturally(void **state)
{
	static const struct {
		double s;
		const char *text;
	} cases[] = {
		{ 0, "0 ms" },        { 0.1, "0.1 s" },       { 9.94, "9.9 s" },     { 9.96, "10 s" },
		{ 59.4, "59 s" },     { 60, "1 min 0 s" },    { 192, "3 min 12 s" }, { 3600, "1 h 0 min" },
		{ 90000, "1 d 1 h" }, { 1e12, "1.16e+07 d" }, { -1, "?" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		assert_string_equal(ctl_format_span(cases[i].s, buf, sizeof(buf)), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alarms_come_first),
		cmocka_unit_test(warning_of_the_engine_follows_the_alarms),
		cmocka_unit_test(status_reads_as_aligned_text),
		cmocka_unit_test(states_are_coloured_only_on_request),
		cmocka_unit_test(faults_are_listed_one_per_line),
		cmocka_unit_test(sync_groups_are_told_with_their_members),
		cmocka_unit_test(rival_is_told_while_it_lasts_and_afterwards),
		cmocka_unit_test(texts_cannot_steer_the_terminal),
		cmocka_unit_test(invalid_utf8_is_escaped),
		cmocka_unit_test(many_addresses_are_summed_up),
		cmocka_unit_test(any_type_anywhere_is_survived),
		cmocka_unit_test(durations_read_naturally),
	};

	return cmocka_run_group_tests_name("ctl_text", tests, NULL, NULL);
}
