/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed reads back to the same. */
#include "test/unit/unit.h"

#include "test/unit/conf_texts.h"

#include <dirent.h>

static char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 100001);

	assert_non_null(f);
	*n = fread(text, 1, 100000, f);
	fclose(f);
	return text;
}

/* How many files of the folder were accepted; each of them must print what reads back to the same. */
static unsigned read_back_all(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned accepted = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[1024];
		_cleanup_(freep) char *text = NULL, *one = NULL, *two = NULL;
		struct conf *c = NULL;
		bool withheld = false;
		size_t n;

		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] == '.')
			continue;
		text = slurp(path, &n);
		if (conf_load_text(path, text, n, false, "host", NULL, NULL, &c) < 0)
			continue;
		for (size_t i = 0; i < c->n_mysqls; i++)
			withheld |= c->mysqls[i].password_inline;
		accepted++;
		one = print(c);
		conf_free(c);
		if (withheld)
			continue;
		c = load(one);
		two = print(c);
		conf_free(c);
		assert_string_equal(one, two);
	}
	closedir(d);
	return accepted;
}

static void what_is_printed_reads_back_to_the_same(void **state)
{
	(void)state;
	assert_int_equal(read_back_all("etc/examples/keepalived"), 2);
	assert_int_equal(read_back_all("etc/examples/two-hosts"), 3);
	assert_int_equal(read_back_all("etc/examples/unicast"), 2);
	assert_true(read_back_all("test/fuzz/corpus/conf") >= 5);
}

static void awkward_text_survives_printing(void **state)
{
	struct conf *c = load(
		"vrrp_instance \"{a#b!c\" {\n interface e@f\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1 "
		"label \"#{}!\"\n }\n notify \"'a  b' \\042q\\042 \\047 {#!} $X '' \\n\\xff end\"\n"
		" track_script {\n \"@$~\"\n }\n}\nvrrp_script \"@$~\" {\n script \"/a\\\\b\"\n}\n");
	char *one = print(c);
	struct conf *again = load(one);
	char *two = print(again);
	char **argv = again->instances[0].hooks[CONF_HOOK_ANY].argv;

	(void)state;
	assert_string_equal(one, two);
	assert_string_equal(again->instances[0].name, "{a#b!c");
	assert_string_equal(again->instances[0].vips[0].label, "#{}!");
	assert_string_equal(argv[0], "a  b");
	assert_string_equal(argv[1], "\"q\"");
	assert_string_equal(argv[2], "'");
	assert_string_equal(argv[3], "{#!}");
	assert_string_equal(argv[4], "$X");
	assert_string_equal(argv[5], "");
	assert_string_equal(argv[6], "\n\xff");
	assert_string_equal(argv[7], "end");
	assert_null(argv[8]);
	assert_string_equal(again->scripts[0].command.argv[0], "/a\\b");
	conf_free(c);
	conf_free(again);
	free(one);
	free(two);
}

static void text_that_could_not_be_printed_is_refused(void **state)
{
	(void)state;
	assert_null(load_as("f.cfg", "global_defs = { router_id = \"a\\\"b\"; };", false));
	assert_non_null(strstr(said.text, "router_id: double quotes and control characters cannot be used"));
	assert_null(load_as("f.cfg", "global_defs = { router_id = \"a\\nb\"; };", false));
	assert_non_null(strstr(said.text, "router_id: double quotes and control characters cannot be used"));
	assert_null(load_as("f.conf", GLOBAL(" router_id \xff\n"), false));
	assert_non_null(strstr(said.text, "router_id: is not UTF-8"));
	assert_null(load_as("f.cfg", "global_defs = { router_id = \"${_HASH}\"; };", false));
	assert_non_null(strstr(said.text, "router_id: $_ and ${_ cannot be used"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_reads_back_to_the_same),
		cmocka_unit_test(awkward_text_survives_printing),
		cmocka_unit_test(text_that_could_not_be_printed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
