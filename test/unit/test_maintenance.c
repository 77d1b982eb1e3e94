/* SPDX-License-Identifier: Apache-2.0 */
/* What maintenance withholds, and what an operator's orders become on their way over a restart. */
#include "test/unit/unit.h"

#include "agent/maintenance.h"
#include "agent/orders.h"
#include "agent/store.h"
#include "test/unit/scratch.h"

enum { FLUSH_US = 20000000 };

static bool withheld(enum vrrp_state state, enum vrrp_event_type type, uint8_t priority, bool ordered, bool entitled)
{
	const struct maintenance_view v = { .state = state, .priority = 200, .ordered = ordered, .entitled = entitled };
	const struct vrrp_event ev = { .type = type, .priority = priority };

	return maintenance_withholds(&v, &ev);
}

static void master_stays_master_but_for_orders_and_better_masters(void **state)
{
	(void)state;
	for (int type = 0; type < _VRRP_EVENT_MAX_; type++) {
		bool own_reason = type == VRRP_EV_FAULT || type == VRRP_EV_VIPS_LOST || type == VRRP_EV_PRIORITY;

		assert_int_equal(withheld(VRRP_MASTER, type, 100, false, true), own_reason);
		assert_int_equal(withheld(VRRP_MASTER, type, 100, true, true), type == VRRP_EV_PRIORITY);
		assert_int_equal(withheld(VRRP_MASTER, type, 201, false, true), own_reason && type != VRRP_EV_PRIORITY);
	}
}

static void backup_does_not_become_master_unless_it_was(void **state)
{
	(void)state;
	for (int type = 0; type < _VRRP_EVENT_MAX_; type++) {
		assert_int_equal(withheld(VRRP_BACKUP, type, 100, false, false),
				 type == VRRP_EV_DOWN_TIMER || type == VRRP_EV_GROUP_MASTER);
		assert_false(withheld(VRRP_BACKUP, type, 100, false, true));
	}
}

static void who_takes_no_part_is_left_alone(void **state)
{
	(void)state;
	for (int type = 0; type < _VRRP_EVENT_MAX_; type++) {
		assert_false(withheld(VRRP_INIT, type, 100, false, false));
		assert_false(withheld(VRRP_FAULT, type, 100, false, false));
	}
}

/* --- orders ------------------------------------------------------------------------------------------------------ */

struct fixture {
	char dir[64];
	struct store *store;
	struct orders *orders;
};

static void start(struct fixture *f)
{
	assert_int_equal(store_open(f->dir, &f->store), 0);
	assert_int_equal(orders_new(f->store, &f->orders), 0);
}

static void stop(struct fixture *f)
{
	f->orders = orders_free(f->orders);
	f->store = store_close(f->store, FLUSH_US);
}

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .dir = "/tmp/sqlvip-orders-XXXXXX" };
	scratch_make(f.dir);
	start(&f);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	stop(f);
	scratch_remove(f->dir);
	return 0;
}

static void orders_are_kept_over_a_restart(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(orders_set_standby(f->orders, "A \"quoted\"", true), 0);
	assert_int_equal(orders_set_standby(f->orders, "B", true), 0);
	assert_int_equal(orders_set_standby(f->orders, "B", false), 0);
	orders_set_maintenance(f->orders, true);
	assert_int_equal(orders_set_holder(f->orders, "B", true), 0);
	stop(f);
	start(f);
	assert_true(orders_standby(f->orders, "A \"quoted\"") > 0);
	assert_int_equal(orders_standby(f->orders, "B"), 0);
	assert_true(orders_maintenance(f->orders) > 0);
	assert_true(orders_holder(f->orders, "B"));
	orders_set_maintenance(f->orders, false);
	stop(f);
	start(f);
	assert_int_equal(orders_maintenance(f->orders), 0);
	assert_false(orders_holder(f->orders, "B"));
	assert_true(orders_standby(f->orders, "A \"quoted\"") > 0);
}

static void rename_orders(const struct fixture *f, const struct orders_rename *names, size_t n)
{
	struct orders_renaming *r;

	assert_int_equal(orders_renaming_new(names, n, &r), 0);
	orders_rename(f->orders, r);
	orders_renaming_free(r);
}

static void orders_go_along_with_new_names_even_if_they_are_swapped(void **state)
{
	static const struct orders_rename swap[] = { { "A", "B" }, { "B", "A" } };
	struct fixture *f = *state;
	uint64_t since_us;

	orders_set_maintenance(f->orders, true);
	orders_set_standby(f->orders, "A", true);
	orders_set_standby(f->orders, "other", true);
	orders_set_holder(f->orders, "B", true);
	since_us = orders_standby(f->orders, "A");
	rename_orders(f, swap, ELEMENTSOF(swap));
	stop(f);
	start(f);
	assert_int_equal(orders_standby(f->orders, "A"), 0);
	assert_int_equal(orders_standby(f->orders, "B"), since_us);
	assert_true(orders_standby(f->orders, "other") > 0);
	assert_true(orders_holder(f->orders, "A"));
	assert_false(orders_holder(f->orders, "B"));
}

static void order_that_comes_after_the_renaming_was_prepared_goes_along(void **state)
{
	static const struct orders_rename name = { "A", "B" };
	struct fixture *f = *state;
	struct orders_renaming *r;

	assert_int_equal(orders_renaming_new(&name, 1, &r), 0);
	orders_set_standby(f->orders, "A", true);
	orders_rename(f->orders, r);
	orders_renaming_free(r);
	assert_int_equal(orders_standby(f->orders, "A"), 0);
	assert_true(orders_standby(f->orders, "B") > 0);
}

static void order_is_not_inherited_by_who_takes_the_name(void **state)
{
	static const struct orders_rename taken = { "A", "B" };
	struct fixture *f = *state;

	orders_set_standby(f->orders, "B", true);
	rename_orders(f, &taken, 1);
	assert_int_equal(orders_standby(f->orders, "A"), 0);
	assert_int_equal(orders_standby(f->orders, "B"), 0);
}

static void repeated_order_keeps_its_time(void **state)
{
	struct fixture *f = *state;
	uint64_t since_us;

	orders_set_standby(f->orders, "A", true);
	since_us = orders_standby(f->orders, "A");
	orders_set_standby(f->orders, "A", true);
	assert_int_equal(orders_standby(f->orders, "A"), since_us);
}

static void file_that_is_not_understood_is_no_order(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"\xff",
		"{\"version\":2,\"maintenance_us\":1,\"standby\":[],\"holders\":[]}",
		"{\"version\":1,\"maintenance_us\":-1,\"standby\":[],\"holders\":[]}",
		"{\"version\":1,\"maintenance_us\":1,\"standby\":{},\"holders\":[]}",
		"{\"version\":1,\"maintenance_us\":1,\"standby\":[{\"name\":\"A\",\"since_us\":1}],\"holders\":[7]}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		stop(f);
		assert_int_equal(store_open(f->dir, &f->store), 0);
		store_replace(f->store, ORDERS_FILE, texts[i], strlen(texts[i]));
		f->store = store_close(f->store, FLUSH_US);
		start(f);
		assert_int_equal(orders_maintenance(f->orders), 0);
		assert_int_equal(orders_standby(f->orders, "A"), 0);
	}
}

static void path_in(const struct fixture *f, const char *name, char *path)
{
	snprintf(path, PATH_MAX_LEN, "%s/%s", f->dir, name);
}

/* As after a reload that names it. */
static void go_over(struct fixture *f, const char *path)
{
	assert_true(store_move(f->store, path, ORDERS_FILE));
	orders_save(f->orders);
}

static void orders_go_along_to_another_directory(void **state)
{
	struct fixture *f = *state;
	char other[PATH_MAX_LEN], was[sizeof(f->dir)];

	path_in(f, "other", other);
	assert_int_equal(orders_set_standby(f->orders, "A", true), 0);
	go_over(f, other);
	assert_int_equal(orders_set_standby(f->orders, "B", true), 0);
	stop(f);
	/* What stays behind would be in force for whoever goes back. */
	assert_false(scratch_has(f->dir, ORDERS_FILE));
	strcpy(was, f->dir);
	assert_return_code(snprintf(f->dir, sizeof(f->dir), "%s", other), 0);
	start(f);
	assert_true(orders_standby(f->orders, "A") > 0);
	assert_true(orders_standby(f->orders, "B") > 0);
	strcpy(f->dir, was);
}

static void orders_that_lie_in_the_other_directory_are_replaced(void **state)
{
	struct fixture *f = *state;
	char other[PATH_MAX_LEN], was[sizeof(f->dir)];

	path_in(f, "other", other);
	strcpy(was, f->dir);
	assert_int_equal(orders_set_standby(f->orders, "A", true), 0);
	go_over(f, other);
	assert_int_equal(orders_set_standby(f->orders, "A", false), 0);
	go_over(f, was);
	assert_int_equal(orders_set_standby(f->orders, "B", true), 0);
	go_over(f, other);
	stop(f);
	assert_return_code(snprintf(f->dir, sizeof(f->dir), "%s", other), 0);
	start(f);
	assert_int_equal(orders_standby(f->orders, "A"), 0);
	assert_true(orders_standby(f->orders, "B") > 0);
	strcpy(f->dir, was);
}

static void same_directory_by_another_name_keeps_the_orders(void **state)
{
	struct fixture *f = *state;
	char other[PATH_MAX_LEN];

	assert_int_equal(orders_set_standby(f->orders, "A", true), 0);
	assert_false(store_move(f->store, f->dir, ORDERS_FILE));
	path_in(f, ".", other);
	go_over(f, other);
	stop(f);
	start(f);
	assert_true(orders_standby(f->orders, "A") > 0);
}

static void orders_stay_where_they_are_until_the_other_directory_has_them(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX_LEN];
	struct store_status s;

	assert_int_equal(orders_set_standby(f->orders, "A", true), 0);
	path_in(f, ORDERS_FILE, path); /* no directory */
	strcat(path, "/none");
	go_over(f, path);
	stop(f);
	start(f);
	assert_true(orders_standby(f->orders, "A") > 0);
	/* It is said; and made up for when the directory can be opened. */
	path_in(f, "missing/other", path);
	go_over(f, path);
	for (uint64_t end_us = loop_now_us() + FLUSH_US; loop_now_us() < end_us;) {
		store_status(f->store, &s);
		if (s.error[0])
			break;
		usleep(1000);
	}
	assert_non_null(strstr(s.error, "missing/other"));
	assert_true(scratch_has(f->dir, ORDERS_FILE));
	path_in(f, "missing", path);
	assert_return_code(mkdir(path, 0750), errno);
	orders_save(f->orders);
	stop(f);
	assert_true(scratch_has(f->dir, "missing/other/" ORDERS_FILE));
	assert_false(scratch_has(f->dir, ORDERS_FILE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(master_stays_master_but_for_orders_and_better_masters),
		cmocka_unit_test(backup_does_not_become_master_unless_it_was),
		cmocka_unit_test(who_takes_no_part_is_left_alone),
		cmocka_unit_test_setup_teardown(orders_are_kept_over_a_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(orders_go_along_with_new_names_even_if_they_are_swapped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(order_that_comes_after_the_renaming_was_prepared_goes_along, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(order_is_not_inherited_by_who_takes_the_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(repeated_order_keeps_its_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(file_that_is_not_understood_is_no_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(orders_go_along_to_another_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(orders_that_lie_in_the_other_directory_are_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(same_directory_by_another_name_keeps_the_orders, set_up, tear_down),
		cmocka_unit_test_setup_teardown(orders_stay_where_they_are_until_the_other_directory_has_them, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
