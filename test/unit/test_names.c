/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a name that does not exist. */
#include "test/unit/unit.h"

#include "agent/names.h"

static const char *said(const char *name, const char *const *known)
{
	static char text[120];

	return names_unknown("instance", name, known, text, sizeof(text));
}

static void unknown_name_is_told_with_what_there_is(void **state)
{
	(void)state;
	assert_string_equal(said("web", (const char *[]){ "VI_1", "VI_2", NULL }),
			    "there is no instance \"web\"; there are: VI_1, VI_2");
	assert_string_equal(said("web", (const char *[]){ "VI_1", NULL }),
			    "there is no instance \"web\"; there is: VI_1");
	assert_string_equal(said("web", (const char *[]){ NULL }), "there is no instance \"web\"");
}

static void slip_is_told_with_what_was_meant(void **state)
{
	(void)state;
	assert_string_equal(said("VI_l", (const char *[]){ "VI_1", "local", NULL }),
			    "there is no instance \"VI_l\"; do you mean VI_1? There are: VI_1, local");
	assert_string_equal(said("VI_l", (const char *[]){ "VI_1", NULL }),
			    "there is no instance \"VI_l\"; do you mean VI_1?");
}

static void names_that_do_not_fit_are_counted(void **state)
{
	const char *many[101] = { NULL };
	const char *text;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		many[i] = "VI_1234567";
	text = said("web", many);
	assert_string_equal(text, "there is no instance \"web\"; there are: VI_1234567, VI_1234567, VI_1234567, "
				  "VI_1234567 and 96 more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_name_is_told_with_what_there_is),
		cmocka_unit_test(slip_is_told_with_what_was_meant),
		cmocka_unit_test(names_that_do_not_fit_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
