/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that an engine was given, uses, has used: which of them count. Each is known by its router_id. */
#include "test/unit/unit.h"

#include "agent/process/generations.h"

static void ignore(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user, (void)level, (void)where, (void)text;
}

static struct conf *conf(const char *name)
{
	char text[256];
	struct conf *c;

	snprintf(text, sizeof(text),
		 "global_defs {\n router_id %s\n}\nvrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n"
		 " virtual_ipaddress {\n  192.0.2.1\n }\n}\n",
		 name);
	assert_int_equal(conf_load_text("x.conf", text, strlen(text), false, NULL, ignore, NULL, &c), 0);
	return c;
}

static void offer(struct generations *g, uint32_t id, const char *name)
{
	generations_offer(g, id, conf(name), conf_bundle_new());
}

static const char *joined(const struct conf *const *list, size_t n)
{
	static char text[256];

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", list[i]->router_id);
	return text;
}

static const char *listed(const struct generations *g)
{
	const struct conf *list[GENERATIONS_MAX];

	return joined(list, generations_list(g, list));
}

static const char *holding(const struct generations *g)
{
	const struct conf *list[GENERATIONS_MAX];

	return joined(list, generations_holding(g, list));
}

static int setup(void **state)
{
	struct generations *g = calloc(1, sizeof(*g));

	generations_init(g, conf("a"), conf_bundle_new());
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	generations_done(*state);
	free(*state);
	return 0;
}

static void first_is_in_effect_and_listed_once(void **state)
{
	const struct generations *g = *state;

	assert_string_equal(g->current.conf->router_id, "a");
	assert_string_equal(g->born->router_id, "a");
	assert_string_equal(listed(g), "a");
	assert_string_equal(holding(g), "a");
}

static void offered_one_counts_but_is_not_in_effect_until_the_engine_says_so(void **state)
{
	struct generations *g = *state;

	offer(g, 7, "b");
	assert_string_equal(g->current.conf->router_id, "a");
	assert_string_equal(listed(g), "a b");
	assert_string_equal(holding(g), "a b");
	generations_use(g, 7);
	assert_string_equal(g->current.conf->router_id, "b");
	assert_non_null(g->current.bundle);
	assert_string_equal(listed(g), "b a");
	assert_string_equal(holding(g), "b a");
}

static void refused_ones_do_not_displace_the_one_in_effect(void **state)
{
	struct generations *g = *state;

	for (uint32_t id = 1; id <= 20; id++)
		offer(g, id, id < 20 ? "bad" : "worse");
	assert_string_equal(g->current.conf->router_id, "a");
	assert_string_equal(listed(g), "a worse");
}

static void what_was_not_given_cannot_be_used(void **state)
{
	struct generations *g = *state;

	generations_use(g, 1);
	offer(g, 1, "b");
	offer(g, 2, "c");
	generations_use(g, 1);
	generations_use(g, 3);
	assert_string_equal(g->current.conf->router_id, "a");
	generations_use(g, 2);
	generations_use(g, 2);
	generations_use(g, 1);
	assert_string_equal(listed(g), "c a");
}

static void older_ones_are_remembered_within_bounds_and_the_first_for_life(void **state)
{
	static const char names[] = "abcdefghijkl";
	struct generations *g = *state;

	for (uint32_t id = 1; id < 12; id++) {
		char name[2] = { names[id] };

		offer(g, id, name);
		generations_use(g, id);
	}
	assert_string_equal(listed(g), "l k j i h g f e d a");
	assert_string_equal(holding(g), "l k");
	offer(g, 12, "m");
	assert_string_equal(listed(g), "l m k j i h g f e d a");
}

static void next_engine_begins_with_the_one_in_effect(void **state)
{
	struct generations *g = *state;

	offer(g, 1, "b");
	generations_use(g, 1);
	offer(g, 2, "c");
	generations_restart(g);
	assert_string_equal(listed(g), "b");
	assert_string_equal(g->born->router_id, "b");
	/* Its numbers begin anew, too. */
	generations_use(g, 2);
	assert_string_equal(listed(g), "b");
	offer(g, 1, "d");
	generations_use(g, 1);
	assert_string_equal(listed(g), "d b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_is_in_effect_and_listed_once, setup, teardown),
		cmocka_unit_test_setup_teardown(offered_one_counts_but_is_not_in_effect_until_the_engine_says_so, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refused_ones_do_not_displace_the_one_in_effect, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_not_given_cannot_be_used, setup, teardown),
		cmocka_unit_test_setup_teardown(older_ones_are_remembered_within_bounds_and_the_first_for_life, setup,
						teardown),
		cmocka_unit_test_setup_teardown(next_engine_begins_with_the_one_in_effect, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
