/* SPDX-License-Identifier: Apache-2.0 */
/* What is advised to who watches nothing. */
#include "test/unit/unit.h"

#include "test/unit/conf_texts.h"

struct advice {
	char top[2048], inside[4][512];
	int instance; /* whose lines come; -1: top level */
	unsigned lines;
};

static void take_advice(void *user, const char *text)
{
	struct advice *a = user;
	char *out;

	a->lines++;
	if (strncmp(text, "# at the top level", 18) == 0)
		a->instance = -1;
	else if (strncmp(text, "# inside vrrp_instance", 22) == 0)
		a->instance++;
	out = a->instance < 0 ? a->top : a->inside[a->instance];
	strcat(out, text);
	strcat(out, "\n");
}

/* Pastes the advice where its comments say and expects a configuration without findings in which MySQL is watched. */
static void advice_works(const char *name, const char *head, const char *first, const char *second, const char *tail)
{
	char text[8192];
	struct advice a = { .instance = -1 };
	struct conf *c;

	snprintf(text, sizeof(text), "%s%s%s%s", head, first, second, tail);
	c = load_as(name, text, false);
	assert_string_equal(said.text, "");
	conf_advise(c, take_advice, &a);
	conf_free(c);
	assert_true(a.lines > 0);
	snprintf(text, sizeof(text), "%s\n%s%s%s%s%s%s", a.top, head, a.inside[0], first, a.inside[1], second, tail);
	c = load_as(name, text, false);
	assert_string_equal(said.text, "");
	for (size_t i = 0; i < c->n_instances; i++)
		assert_int_equal(c->instances[i].tracks.of[CONF_TRACK_MYSQL].n, 1);
	assert_string_equal(c->mysqls[0].probe.socket, "/run/mysqld/mysqld.sock");
	assert_string_equal(c->mysqls[0].probe.user, "sqlvip");
	assert_int_equal(c->mysqls[0].probe.interval_us, 200000);
	assert_int_equal(c->mysqls[0].probe.timeout_us, 1000000);
	memset(&a, 0, sizeof(a));
	conf_advise(c, take_advice, &a);
	assert_int_equal(a.lines, 0);
	conf_free(c);
}

static void pasting_the_advice_makes_mysql_watched(void **state)
{
	(void)state;
	advice_works(
		"f.conf", "vrrp_instance A {\n",
		" interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1\n }\n}\nvrrp_instance B {\n",
		" interface eth0\n virtual_router_id 2\n virtual_ipaddress {\n 10.0.0.2\n }\n}\n", "");
	advice_works("f.cfg", "vrrp_instance = ( { name = \"A\"; interface = \"eth0\";\n",
		     "virtual_router_id = 1; virtual_ipaddress = ( \"10.0.0.1\" ); },\n{ name = \"B\"; interface = "
		     "\"eth0\";\n",
		     "virtual_router_id = 2; virtual_ipaddress = ( \"10.0.0.2\" ); } );\n", "");
}

static void who_tracks_something_gets_no_advice(void **state)
{
	struct advice a = { .instance = -1 };
	struct conf *c = load(SCRIPT(""));

	(void)state;
	conf_advise(c, take_advice, &a);
	assert_int_equal(a.lines, 0);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pasting_the_advice_makes_mysql_watched),
		cmocka_unit_test(who_tracks_something_gets_no_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
