/* SPDX-License-Identifier: Apache-2.0 */
/* keepalived.conf grammar: what a text becomes as a tree, written down in libconfig's grammar, and what is refused. */
#include "test/unit/unit.h"

#include "agent/conf/internal.h"
#include "test/unit/scratch.h"

#include <sys/stat.h>

struct read_result {
	char *tree;
	char said[8192]; /* "line: text\n" for each finding */
	unsigned errors, warnings;
};

static void keep(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	struct read_result *r = user;
	size_t n = strlen(r->said);
	const char *slash = strrchr(where->file, '/');

	r->errors += level == CONF_ERROR;
	r->warnings += level == CONF_WARNING;
	snprintf(r->said + n, sizeof(r->said) - n, "%s:%u: %s\n", slash ? slash + 1 : where->file, where->line, text);
}

/* Without blanks and line breaks, so that the expectation need not follow libconfig's layout. */
static char *tree_text(config_t *tree)
{
	char *text = NULL, *out;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	bool quoted = false;

	config_write(tree, f);
	fclose(f);
	out = text;
	for (char *s = text; *s; s++) {
		quoted ^= *s == '"' && s[-(s > text)] != '\\';
		if (quoted || (*s != ' ' && *s != '\n'))
			*out++ = *s;
	}
	*out = '\0';
	return text;
}

static struct read_result read_text_as(const char *path, const char *text, size_t len, bool files)
{
	struct read_result r = { 0 };
	struct conf_pool *pool = conf_pool_new();
	struct conf_findings findings = conf_findings_begin(keep, &r);
	struct conf_lex_env env = { .pool = pool, .findings = &findings, .config_id = "here", .files = files };
	config_t tree;

	config_init(&tree);
	assert_int_equal(keepalived_syntax_read(&env, &conf_grammar, path, text, len, &tree), 0);
	conf_findings_end(&findings, &(struct conf_where){ .file = path });
	r.tree = tree_text(&tree);
	config_destroy(&tree);
	conf_pool_free(pool);
	return r;
}

static struct read_result read_text(const char *text)
{
	return read_text_as("f", text, strlen(text), false);
}

static void becomes(const char *text, const char *tree)
{
	struct read_result r = read_text(text);

	assert_string_equal(r.said, "");
	assert_string_equal(r.tree, tree);
	free(r.tree);
}

/* The only finding, with its line. */
static void says(const char *text, const char *finding)
{
	struct read_result r = read_text(text);

	assert_string_equal(r.said, finding);
	free(r.tree);
}

static void blocks_names_and_words_become_groups_lists_and_strings(void **state)
{
	(void)state;
	becomes("global_defs {\n router_id X\n}\n"
		"vrrp_instance VI.1 {\n state BACKUP\n nopreempt\n authentication {\n auth_type PASS\n auth_pass "
		"1111\n }\n"
		" virtual_ipaddress {\n 10.0.0.1\n 10.0.0.2/24 dev eth1\n }\n}\n"
		"vrrp_instance B {\n}\n",
		"global_defs:{router_id=\"X\";};"
		"vrrp_instance=({name=\"VI.1\";state=\"BACKUP\";nopreempt=true;"
		"authentication:{auth_type=\"PASS\";auth_pass=\"1111\";};"
		"virtual_ipaddress=(\"10.0.0.1\",(\"10.0.0.2/24\",\"dev\",\"eth1\"));},{name=\"B\";});");
}

static void layout_does_not_matter(void **state)
{
	static const char *const layouts[] = {
		"vrrp_instance V {\n\tstate BACKUP\n\tvirtual_ipaddress {\n\t\t10.0.0.1\n\t}\n}\n",
		"vrrp_instance V {\r\n state BACKUP\r\n virtual_ipaddress {\r\n 10.0.0.1\r\n }\r\n}\r\n",
		"vrrp_instance V\n{\nstate BACKUP\nvirtual_ipaddress\n\n# comment\n{ 10.0.0.1 }}",
		"vrrp_instance V{state BACKUP\nvirtual_ipaddress{10.0.0.1}}",
		"vrrp_instance V { state BACKUP\n virtual_ipaddress { 10.0.0.1\n } }",
		"  vrrp_instance \"V\"   {\n  \t state   \"BACKUP\" # x\n virtual_ipaddress {\n 10.0.0.1!c\n } }",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(layouts); i++)
		becomes(layouts[i], "vrrp_instance=({name=\"V\";state=\"BACKUP\";virtual_ipaddress=(\"10.0.0.1\");});");
}

static void comments_begin_anywhere_but_in_quotes(void **state)
{
	(void)state;
	becomes("global_defs {\n router_id a#b\n}\n", "global_defs:{router_id=\"a\";};");
	becomes("global_defs {\n router_id a!b\n}\n", "global_defs:{router_id=\"a\";};");
	becomes("global_defs {\n router_id \"a#b!\" # c\n}\n", "global_defs:{router_id=\"a#b!\";};");
	becomes("global_defs {\n router_id a\\#b\\!\n}\n", "global_defs:{router_id=\"a#b!\";};");
	becomes("! \"\n#\n", "");
}

static void quotes_make_words(void **state)
{
	(void)state;
	becomes("global_defs {\n router_id \"\"\n}\n", "global_defs:{router_id=\"\";};");
	becomes("global_defs {\n router_id \"a {b} c\"\n}\n", "global_defs:{router_id=\"a {b} c\";};");
	becomes("global_defs {\n router_id ab\"c d\"e\n}\n", "global_defs:{router_id=(\"ab\",\"c d\",\"e\");};");
	becomes("global_defs {\n router_id it's\n}\n", "global_defs:{router_id=\"it's\";};");
	says("global_defs {\n router_id \"x\n}\n", "f:2: a double quote is not closed in this line\n");
}

static void command_lines_keep_their_inner_quotes_for_later(void **state)
{
	(void)state;
	becomes("vrrp_script s {\n script \"/bin/sh -c 'exit 1'\"\n}\n",
		"vrrp_script=({name=\"s\";script=\"/bin/sh -c 'exit 1'\";});");
	becomes("vrrp_script s {\n script '/bin/x y'\n}\n", "vrrp_script=({name=\"s\";script=\"/bin/x y\";});");
	becomes("vrrp_script s {\n script /bin/x\\ y\n}\n", "vrrp_script=({name=\"s\";script=\"/bin/x\\\\ y\";});");
	becomes("vrrp_instance v {\n notify_master \"/bin/x 1\" joe :staff\n}\n",
		"vrrp_instance=({name=\"v\";notify_master=(\"/bin/x 1\",\"joe\",\":staff\");});");
	says("vrrp_script s {\n script /bin/it's\n}\n", "f:2: script: a quote is not closed\n");
}

static void words_without_quotes_behind_script_are_one_command_line_and_a_warning(void **state)
{
	struct read_result r = read_text("vrrp_script s {\n script sh -c \"exit  1\"\n}\n");

	(void)state;
	assert_string_equal(r.tree, "vrrp_script=({name=\"s\";script=\"sh -c \\\"exit  1\\\"\";});");
	assert_string_equal(r.said, "f:2: script: the words without quotes are taken as one command line; keepalived "
				    "would run \"sh\" alone\n");
	assert_int_equal(r.warnings, 1);
	free(r.tree);
}

static void a_repeated_value_counts_last_and_a_repeated_hook_first(void **state)
{
	struct read_result r = read_text("vrrp_instance v {\n priority 1\n priority 2\n notify a\n notify b\n}\n"
					 "global_defs {\n router_id a\n}\nglobal_defs {\n notify_timeout 2\n}\n");

	(void)state;
	assert_string_equal(r.tree, "vrrp_instance=({name=\"v\";priority=\"2\";notify=\"a\";});"
				    "global_defs:{router_id=\"a\";notify_timeout=\"2\";};");
	assert_string_equal(r.said, "f:3: priority: given again (first in line 2); this one counts\n"
				    "f:5: notify: given again (first in line 4); the first counts\n");
	assert_int_equal(r.errors, 0);
	free(r.tree);
}

static void repeated_lists_add_up(void **state)
{
	(void)state;
	becomes("vrrp_instance v {\n virtual_ipaddress {\n a\n }\n virtual_ipaddress {\n b\n }\n}\n",
		"vrrp_instance=({name=\"v\";virtual_ipaddress=(\"a\",\"b\");});");
}

static void an_unknown_block_is_passed_over_as_a_whole(void **state)
{
	struct read_result r = read_text("vrrp_instance v {\n state BACKUP\n wonk a {\n b { c }\n }\n priority 2\n}\n"
					 "virtual_server 1 2 {\n x {\n y\n }\n}\nvirtual_server 3 4\n{\n}\n");

	(void)state;
	assert_string_equal(r.tree,
			    "vrrp_instance=({name=\"v\";state=\"BACKUP\";priority=\"2\";});virtual_server=true;");
	assert_string_equal(r.said, "f:3: wonk: no such keyword in vrrp_instance\n");
	free(r.tree);
}

static void braces_out_of_place_are_reported_where_they_stand(void **state)
{
	(void)state;
	says("vrrp_instance v {\n state BACKUP\n", "f:1: vrrp_instance: the block that begins here has no }\n");
	says("vrrp_instance v {\n wonky {\n",
	     "f:1: vrrp_instance: the block that begins here has no }\n"
	     "f:2: wonky: no such keyword in vrrp_instance\nf:2: the block that begins here has no }\n");
	says("vrrp_instance v {\n virtual_ipaddress {\n  10.0.0.1\n track_script {\n  s\n }\n}\n",
	     "f:2: virtual_ipaddress: the block that begins here has no } before line 4, where track_script is no part "
	     "of it\n");
	says("global_defs {\n}\n}\n", "f:3: a } without a { before it\n");
	says("{\n router_id x\n}\n", "f:1: a { without a keyword before it\n");
	says("global_defs\nvrrp_instance v {\n}\n", "f:1: global_defs: { is missing\n");
	says("global_defs {\n router_id x {\n y\n}\n}\n", "f:2: router_id: no { may follow\n");
	says("global_defs x {\n}\n", "f:1: global_defs: \"x\" stands where { is expected\n");
	says("vrrp_instance {\n state X\n}\n", "f:1: vrrp_instance: the name is missing\n");
}

static void a_brace_that_is_missing_is_reported_once_and_what_follows_understood(void **state)
{
	struct read_result r =
		read_text("vrrp_instance v {\n virtual_ipaddress {\n  10.0.0.1\n\n priority 7\n"
			  " track_script {\n  s\n state BACKUP\n}\nvrrp_instance w {\n authentication {\n"
			  "  auth_type PASS\nglobal_defs {\n router_id x\n}\n");

	(void)state;
	assert_string_equal(
		r.said,
		"f:2: virtual_ipaddress: the block that begins here has no } before line 5, where priority is no part "
		"of "
		"it\n"
		"f:6: track_script: the block that begins here has no } before line 8, where state is no part of it\n"
		"f:10: vrrp_instance: the block that begins here has no } before line 13, where global_defs is no part "
		"of it\n"
		"f:11: authentication: the block that begins here has no } before line 13, where global_defs is no "
		"part "
		"of it\n");
	assert_string_equal(r.tree, "vrrp_instance=({name=\"v\";virtual_ipaddress=(\"10.0.0.1\");priority=\"7\";"
				    "track_script=(\"s\");state=\"BACKUP\";},{name=\"w\";authentication:{auth_type="
				    "\"PASS\";};});global_defs:{router_id=\"x\";};");
	free(r.tree);
}

/* Somebody may call a script so. */
static void entry_that_is_called_like_a_keyword_is_an_entry_where_no_brace_is_missing(void **state)
{
	(void)state;
	becomes("vrrp_instance v {\n track_script {\n  s\n  priority\n  state weight 5\n }\n}\n",
		"vrrp_instance=({name=\"v\";track_script=(\"s\",\"priority\",(\"state\",\"weight\",\"5\"));});");
}

#define NEVER_CLOSED "f:1: vrrp_instance: the block that begins here has no }\n"

/* Where that is missed is told by what stands behind the } of the block that might have been meant. */
static void block_that_ends_is_not_blamed_for_one_that_does_not(void **state)
{
	(void)state;
	/* valid */
	says("vrrp_instance v {\n track_script {\n  s\n  priority\n }\n virtual_ipaddress {\n  10.0.0.1\n }\n",
	     NEVER_CLOSED);
	says("vrrp_instance v {\n track_script {\n  priority\n  state weight 5\n }\n nopreempt\n"
	     "global_defs {\n router_id x\n}\n",
	     "f:1: vrrp_instance: the block that begins here has no } before line 7, where global_defs is no part of "
	     "it\n");
	/* wrong by itself */
	says("vrrp_instance v {\n authentication {\n  auth_type PASS\n  priority 7\n }\n nopreempt\n", NEVER_CLOSED
	     "f:4: priority: belongs into vrrp_instance, not into authentication; is a } missing before, or "
	     "one too many?\n");
	says("vrrp_instance v {\n state BACKUP\n vrrp_script s {\n  script x\n }\n}\nvrrp_instance w {\n state "
	     "BACKUP\n",
	     "f:3: vrrp_script: belongs at the top of the file, not into vrrp_instance; is a } missing before, or one "
	     "too many?\n"
	     "f:7: vrrp_instance: the block that begins here has no }\n");
	says("vrrp_instance v {\n virtual_ipaddress {\n  10.0.0.1\n  priority 7\n }\n}\nvrrp_instance w {\n "
	     "nopreempt\n",
	     "f:7: vrrp_instance: the block that begins here has no }\n");
	/* Both may be so. */
	says("vrrp_instance v {\n virtual_ipaddress {\n  10.0.0.1\n priority 7\n}\nvrrp_instance w {\n"
	     " track_script {\n  priority\n }\n nopreempt\n",
	     "f:2: virtual_ipaddress: the block that begins here has no } before line 4, where priority is no part of "
	     "it\n"
	     "f:6: vrrp_instance: the block that begins here has no }\n");
}

static void block_is_blamed_where_what_stands_behind_the_next_brace_is_no_part_of_it(void **state)
{
	(void)state;
	says("vrrp_instance v {\n virtual_ipaddress {\n  10.0.0.1\n priority 7\n}\nvrrp_instance w {\n nopreempt\n}\n",
	     "f:2: virtual_ipaddress: the block that begins here has no } before line 4, where priority is no part of "
	     "it\n");
	says("vrrp_instance v {\n virtual_ipaddress {\n  10.0.0.1\n track_script {\n  s\n }\n priority 7\n}\n",
	     "f:2: virtual_ipaddress: the block that begins here has no } before line 4, where track_script is no part "
	     "of it\n");
	says("vrrp_instance v {\n state BACKUP\nvrrp_script s {\n script x\n}\nglobal_defs {\n router_id x\n}\n",
	     "f:1: vrrp_instance: the block that begins here has no } before line 3, where vrrp_script is no part of "
	     "it\n");
}

static void a_keyword_of_another_block_hints_at_a_missing_brace(void **state)
{
	(void)state;
	says("vrrp_instance v {\n state BACKUP\nvrrp_script s {\n script x\n}\n}\n",
	     "f:3: vrrp_script: belongs at the top of the file, not into vrrp_instance; is a } missing before, or one "
	     "too many?\n");
	says("vrrp_instance v {\n prioritiy 7\n}\n",
	     "f:2: prioritiy: no such keyword in vrrp_instance; do you mean priority?\n");
}

static void at_lines_count_for_their_configuration_id_only(void **state)
{
	(void)state;
	becomes("global_defs {\n@here router_id a\n@there router_id b\n@^here router_id c\n"
		"@^there @^x @here notify_timeout 3\n}\n",
		"global_defs:{router_id=\"a\";notify_timeout=\"3\";};");
	says("@ x\n", "f:1: `@` needs the configuration's id behind it\n");
}

static void definitions_are_substituted_at_use(void **state)
{
	(void)state;
	becomes("$A=x\n$B=${A}y\n$A=z\nglobal_defs {\n router_id $B\n control_socket \"/$A\"\n}\n",
		"global_defs:{router_id=\"zy\";control_socket=\"/$A\";};");
	becomes("$A=x\nglobal_defs {\n router_id \"${A}$A\"\n}\n", "global_defs:{router_id=\"x$A\";};");
	becomes("$E=\nglobal_defs {\n router_id a${E}b\n}\n", "global_defs:{router_id=\"ab\";};");
	becomes("global_defs {\n router_id $UNDEFINED\"${TOO}\"\n}\n",
		"global_defs:{router_id=(\"$UNDEFINED\",\"${TOO}\");};");
	becomes("global_defs {\n router_id ${_HASH}${_BANG}${_INSTANCE}\n}\n", "global_defs:{router_id=\"#!here\";};");
	says("global_defs {\n router_id ${TOO}\n}\n", "f:2: ${TOO} is not defined\nf:2: router_id: no { may follow\n");
	says("$A=x${A}\nglobal_defs {\n router_id $A\n}\n", "f:3: substituting $NAME does not come to an end here\n");
}

static void definitions_of_several_lines_bring_several_lines(void **state)
{
	(void)state;
	becomes("$BODY= \\\n state BACKUP \\\n virtual_ipaddress { \\\n 10.0.0.1 \\\n }\nvrrp_instance v {\n "
		"$BODY\n}\n",
		"vrrp_instance=({name=\"v\";state=\"BACKUP\";virtual_ipaddress=(\"10.0.0.1\");});");
	says("$L=a\\\nb\nglobal_defs {\n router_id $L x\n}\n", "f:4: nothing may follow $L, which has several lines\n");
	says("$L=a\\\n", "f:1: $L: the file ends before the definition does\n");
}

static void built_in_names_tell_of_the_surroundings(void **state)
{
	static const char drawn[] = "global_defs {\n router_id $_RANDOM,${_RANDOM}\n}\n";
	struct read_result r;
	unsigned n = 0, m = 0;

	(void)state;
	setenv("SQLVIP_TEST", "from outside", 1);
	becomes("global_defs {\n router_id \"${_ENV SQLVIP_TEST}\"\n}\n", "global_defs:{router_id=\"from outside\";};");
	says("global_defs {\n router_id ${_ENV SQLVIP_NOT_THERE}\n}\n",
	     "f:2: ${_ENV SQLVIP_NOT_THERE}: there is no such variable\n");
	setenv("SQLVIP_TEST", "two\nlines", 1);
	says("global_defs {\n router_id ${_ENV SQLVIP_TEST}\n}\n", "f:2: ${_ENV SQLVIP_TEST}: has several lines\n");
	says("global_defs {\n router_id ${_ENV}\n}\n", "f:2: ${_ENV NAME} needs one name\n");
	becomes("global_defs {\n router_id ${_RANDOM 7 7}\n}\n", "global_defs:{router_id=\"7\";};");
	says("global_defs {\n router_id ${_RANDOM 9 7}\n}\n",
	     "f:2: ${_RANDOM MIN MAX} needs two numbers of 0..2147483647 in their order\n");
	says("global_defs {\n router_id ${_RANDOM  }${_RANDOM x}\n}\n",
	     "f:2: ${_RANDOM MIN MAX} needs two numbers of 0..2147483647 in their order\n");
	says("$Q=\"\nglobal_defs {\n router_id ${_ENV a b c d}\n}\n",
	     "f:1: a double quote is not closed in this line\nf:3: ${_ENV NAME} needs one name\n");
	/* Two draws differ; the same file read again draws the same. */
	r = read_text_as("f", drawn, strlen(drawn), false);
	assert_int_equal(sscanf(r.tree, "global_defs:{router_id=\"%u,%u\"", &n, &m), 2);
	assert_true(n <= 32767 && m <= 32767 && n != m);
	becomes(drawn, r.tree);
	free(r.tree);
	becomes("global_defs {\n router_id ${_PWD}\n}\n", "global_defs:{router_id=\".\";};");
}

static void what_is_not_served_is_refused_by_name(void **state)
{
	(void)state;
	says("~SEQ(i,1,3) x\n", "f:1: ~SEQ is not supported by this version\n");
	says("~LST(i,a,b) x\n", "f:1: ~LST is not supported by this version\n");
	says("include x\n", "f:1: include: not possible here\n");
}

static void lines_that_cannot_be_read_are_errors(void **state)
{
	static const char with_nul[] = "global_defs {\n router_id a\0b\n}\n";
	struct read_result r = read_text_as("f", with_nul, sizeof(with_nul) - 1, false);
	char *text = calloc(1, 70000);

	(void)state;
	assert_string_equal(r.said, "f:2: the line holds a NUL character\n");
	free(r.tree);
	memset(text, 'x', 65537);
	says(text, "f:1: the line is longer than 65536 characters\n");
	memset(text, ' ', 65536);
	text[65536] = '\0';
	says(text, "");
	free(text);
}

static void includes(const char *text, const char *tree, const char *said)
{
	struct read_result r = read_text_as(FOLDER "/main.conf", text, strlen(text), true);

	assert_string_equal(r.said, said);
	assert_string_equal(r.tree, tree);
	free(r.tree);
}

static void included_files_stand_where_the_include_stands(void **state)
{
	(void)state;
	mkdir(FOLDER "/sub", 0700);
	put_file("a.inc", " router_id a\n", 0644);
	put_file("b.inc", " notify_timeout 1\n include sub/c.inc\n", 0644);
	put_file("sub/c.inc", " include d.inc\n", 0644);
	put_file("sub/d.inc", " realtime\n prio\n", 0644);
	put_file("exec.inc", "\n", 0755);
	put_file("loop.inc", "include loop.inc\n", 0644);
	includes("global_defs {\ninclude a.inc\n}\n", "global_defs:{router_id=\"a\";};", "");
	includes("global_defs {\ninclude {a,b}.inc\n vrrp_version 2\n}\n",
		 "global_defs:{router_id=\"a\";notify_timeout=\"1\";realtime=true;vrrp_version=\"2\";};",
		 "d.inc:2: prio: no such keyword in global_defs\n");
	includes("include nothing*.inc\n", "", "");
	includes("include nothing.inc\n", "", "main.conf:1: cannot include " FOLDER "/nothing.inc: no such file\n");
	includes("includem nothing*\n", "", "main.conf:1: cannot include " FOLDER "/nothing*: no such file\n");
	includes("include sub\n", "", "main.conf:1: cannot include " FOLDER "/sub: not a regular file\n");
	includes("include e*.inc\n", "", "main.conf:1: does not include " FOLDER "/exec.inc: it is executable\n");
	includes("global_defs {\nincludeb {a,x}.inc\n}\n", "global_defs:{router_id=\"a\";};",
		 "main.conf:2: cannot include " FOLDER "/x.inc: no such file\n");
	includes("global_defs {\nincludea {a,[b]}.inc\n}\n",
		 "global_defs:{router_id=\"a\";notify_timeout=\"1\";realtime=true;};",
		 "d.inc:2: prio: no such keyword in global_defs\n");
	includes("includew nothing*\n", "", "main.conf:1: cannot include " FOLDER "/nothing*: no such file\n");
	includes("global_defs {\n router_id $_PWD\n}\n", "global_defs:{router_id=\"" FOLDER "\";};", "");
	includes("include exec.inc\n", "", "main.conf:1: cannot include " FOLDER "/exec.inc: it is executable\n");
	includes("include loop.inc\n", "", "loop.inc:1: " FOLDER "/loop.inc: too many files include each other\n");
}

static void sizes_are_bounded(void **state)
{
	size_t n = 0, size = 3000000;
	char *text = malloc(size);
	struct read_result r;

	(void)state;
	n += (size_t)snprintf(text, size, "vrrp_instance v {\n virtual_ipaddress {\n");
	for (int i = 0; i < 5000; i++)
		n += (size_t)snprintf(text + n, size - n, "1\n");
	snprintf(text + n, size - n, "}\n}\n");
	says(text, "f:4099: more than 4096 entries\nf:4099: too much is wrong; the rest is not read\n");
	memset(text, '{', size - 1);
	text[size - 1] = '\0';
	for (size_t i = 60000; i < size - 1; i += 60000)
		text[i] = '\n';
	r = read_text(text);
	assert_int_equal(r.errors, 2);
	free(r.tree);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_names_and_words_become_groups_lists_and_strings),
		cmocka_unit_test(layout_does_not_matter),
		cmocka_unit_test(comments_begin_anywhere_but_in_quotes),
		cmocka_unit_test(quotes_make_words),
		cmocka_unit_test(command_lines_keep_their_inner_quotes_for_later),
		cmocka_unit_test(words_without_quotes_behind_script_are_one_command_line_and_a_warning),
		cmocka_unit_test(a_repeated_value_counts_last_and_a_repeated_hook_first),
		cmocka_unit_test(repeated_lists_add_up),
		cmocka_unit_test(an_unknown_block_is_passed_over_as_a_whole),
		cmocka_unit_test(braces_out_of_place_are_reported_where_they_stand),
		cmocka_unit_test(a_brace_that_is_missing_is_reported_once_and_what_follows_understood),
		cmocka_unit_test(entry_that_is_called_like_a_keyword_is_an_entry_where_no_brace_is_missing),
		cmocka_unit_test(block_that_ends_is_not_blamed_for_one_that_does_not),
		cmocka_unit_test(block_is_blamed_where_what_stands_behind_the_next_brace_is_no_part_of_it),
		cmocka_unit_test(a_keyword_of_another_block_hints_at_a_missing_brace),
		cmocka_unit_test(at_lines_count_for_their_configuration_id_only),
		cmocka_unit_test(definitions_are_substituted_at_use),
		cmocka_unit_test(definitions_of_several_lines_bring_several_lines),
		cmocka_unit_test(built_in_names_tell_of_the_surroundings),
		cmocka_unit_test(what_is_not_served_is_refused_by_name),
		cmocka_unit_test(lines_that_cannot_be_read_are_errors),
		cmocka_unit_test(included_files_stand_where_the_include_stands),
		cmocka_unit_test(sizes_are_bounded),
	};

	return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
