/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting text into words, in the three ways that keepalived.conf needs. Results live in the pool. */
#pragma once

#include "agent/conf/pool.h"

#include <stdbool.h>

struct conf_words {
	char **w; /* NULL-terminated */
	size_t n;
};

enum conf_split {
	CONF_SPLIT_OK,
	CONF_SPLIT_TOO_MANY, /* more than `max` words */
	CONF_SPLIT_QUOTE,    /* a quote is not closed */
	CONF_SPLIT_ESCAPE,   /* an escape sequence that means nothing, or the NUL character */
};

const char *conf_split_text(enum conf_split result);

/* A line's words: a word that starts with `"` extends to the next `"`, without escapes, and may be empty; a `"` inside
 * a word ends it and starts a new one; `'` is an ordinary character. */
enum conf_split conf_split_line(struct conf_pool *p, const char *text, size_t max, struct conf_words *ret);

/* First pass over a command line: `"` and `'` hold words together, adjacent parts join, backslash sequences are kept
 * as they are. The first word that comes out is the command with its arguments, for conf_split_argv(). */
enum conf_split conf_split_command(struct conf_pool *p, const char *text, size_t max, struct conf_words *ret);

/* Second pass: quotes again, and escapes (\a \b \E \f \n \r \t \v \nnn \xHH \cX; any other \c is c). */
enum conf_split conf_split_argv(struct conf_pool *p, const char *text, size_t max, struct conf_words *ret);

/* True for what separates words: space, tab, FF, VT, CR, LF. */
bool conf_is_blank(char c);
