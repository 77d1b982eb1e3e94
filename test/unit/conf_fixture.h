/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations from text, and all that is said about them. Include after "test/unit/unit.h". */
#pragma once

#include "agent/conf/conf.h"

#include <stdio.h>

/* An instance that lacks nothing but `more`. */
#define INSTANCE(more) \
	"vrrp_instance V {\n interface eth0\n virtual_router_id 51\n" more " virtual_ipaddress {\n 10.0.0.1\n }\n}\n"
#define INSTANCE_AT "f.conf:4: " /* where `more` begins */

/* Of the last configuration that was loaded. */
static struct {
	char text[65536]; /* a line for each finding, as "f.conf:4: error: …"; of a path only the name */
	unsigned errors, warnings, notes;
} said;

static inline void keep(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	static const char *const levels[] = { "note", "warning", "error" };
	const char *slash = strrchr(where->file, '/');
	size_t n = strlen(said.text);

	(void)user;
	said.errors += level == CONF_ERROR;
	said.warnings += level == CONF_WARNING;
	said.notes += level == CONF_NOTE;
	snprintf(said.text + n, sizeof(said.text) - n, "%s:%u: %s: %s\n", slash ? slash + 1 : where->file, where->line,
		 levels[level], text);
}

/* NULL if there were errors. The end of the name decides between the two grammars; `files`: whether what the text
 * refers to is looked at; `id` is what @-conditions compare with. */
static inline struct conf *load_for(const char *id, const char *name, const char *text, bool files)
{
	struct conf *c = NULL;
	int r;

	memset(&said, 0, sizeof(said));
	r = conf_load_text(name, text, strlen(text), files, id, keep, NULL, &c);
	if (r != -EAGAIN || !strstr(said.text, "error: cannot look up ")) /* its own tests tell when */
		assert_int_equal(r, said.errors ? -EINVAL : 0);
	return c;
}

static inline struct conf *load_as(const char *name, const char *text, bool files)
{
	return load_for("here", name, text, files);
}

/* Loads what must load; warnings may be given. */
static inline struct conf *load(const char *text)
{
	struct conf *c = load_as("f.conf", text, false);

	if (!c)
		fail_msg("refused: %s", said.text);
	return c;
}

static inline struct conf *load_without_a_word(const char *text)
{
	struct conf *c = load(text);

	assert_string_equal(said.text, "");
	return c;
}

static inline void refuses(const char *text, const char *findings)
{
	assert_null(load_as("f.conf", text, false));
	assert_string_equal(said.text, findings);
}

static inline void warns(const char *text, const char *findings)
{
	conf_free(load(text));
	assert_string_equal(said.text, findings);
}

/* The caller frees it. */
static inline char *print(const struct conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	conf_print(c, f);
	fclose(f);
	return text;
}

static inline char *print_text(const char *text)
{
	struct conf *c = load(text);
	char *printed = print(c);

	conf_free(c);
	return printed;
}

/* Printing and reading what was printed changes nothing. */
static inline void reads_back(const struct conf *c)
{
	_cleanup_(freep) char *printed = print(c);
	_cleanup_(freep) char *again = print_text(printed);

	assert_string_equal(printed, again);
}

static inline void text_reads_back(const char *text)
{
	struct conf *c = load_without_a_word(text);

	reads_back(c);
	conf_free(c);
}
