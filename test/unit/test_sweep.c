/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor removes when an engine has died, also on a machine that is short of everything. */
#include "test/unit/unit.h"

#include "agent/conf/conf.h"
#include "agent/process/sweep.h"
#include "test/unit/addresses.h"
#include "test/unit/netns.h"

#include <errno.h>
#include <sys/resource.h>

struct world {
	struct netns ns;
	struct sweep_crew *crew;
	struct conf_vip vips[2];
	struct conf_instance instance;
	struct conf conf;
	struct rlimit before;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->ns = netns_new();
	assert_int_equal(sweep_crew_new(&w->crew), 0);
	w->vips[0].prefix = prefix("198.51.100.11", 24);
	w->vips[1].prefix = prefix("198.51.100.12", 24);
	w->instance = (struct conf_instance){ .name = "VI_1", .interface = "v0", .vips = w->vips, .n_vips = 2 };
	w->conf = (struct conf){ .instances = &w->instance, .n_instances = 1 };
	shell("ip address add 198.51.100.11/24 dev v0; ip address add 198.51.100.12/24 dev v0");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &w->before), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	sweep_crew_free(w->crew);
	netns_done(&w->ns);
	free(w);
	return 0;
}

static int sweep_without_descriptors(struct world *w, size_t *resets)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = w->before.rlim_max };
	int r;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = sweep_now(w->crew, &w->conf, resets);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &w->before), 0);
	return r;
}

static void addresses_are_removed_and_those_that_are_gone_are_no_error(void **state)
{
	struct world *w = *state;
	size_t resets;

	shell("ip address del 198.51.100.12/24 dev v0");
	assert_int_equal(sweep_now(w->crew, &w->conf, &resets), 0);
	assert_false(shell_says("ip -4 address show dev v0", "198.51.100.1"));
}

static void addresses_are_removed_without_a_free_descriptor(void **state)
{
	struct world *w = *state;
	size_t resets;

	assert_int_equal(sweep_without_descriptors(w, &resets), 0);
	assert_false(shell_says("ip -4 address show dev v0", "198.51.100.1"));
}

static void what_could_not_be_looked_for_is_told_and_keeps_no_other_address(void **state)
{
	struct world *w = *state;
	size_t resets;

	strcpy(w->vips[0].dev, "gone0");
	assert_int_equal(sweep_without_descriptors(w, &resets), -EMFILE);
	assert_true(shell_says("ip -4 address show dev v0", "198.51.100.11"));
	assert_false(shell_says("ip -4 address show dev v0", "198.51.100.12"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(addresses_are_removed_and_those_that_are_gone_are_no_error),
		test(addresses_are_removed_without_a_free_descriptor),
		test(what_could_not_be_looked_for_is_told_and_keeps_no_other_address),
	};

	return netns_allowed() ? cmocka_run_group_tests_name("sweep", tests, NULL, NULL) : 0;
}
