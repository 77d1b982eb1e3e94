/* SPDX-License-Identifier: Apache-2.0 */
/* keepalived.conf as a stream of lines and braces: comments, @id conditions, definitions and their substitution, and
 * included files are dealt with here, so that a reader of the stream sees none of them. Knows no keywords. */
#pragma once

#include "agent/conf/pool.h"
#include "agent/conf/report.h"

enum conf_token { LEX_END, LEX_LINE, LEX_OPEN, LEX_CLOSE };

struct conf_lex_env {
	struct conf_pool *pool; /* outlives the configuration: file names live here */
	struct conf_findings *findings;
	const char *config_id; /* what `@id` lines are compared with; never NULL */
	bool files;            /* false: `include` is refused and nothing is read */
	/* Gets each comment before the tokens of its line, or of the next that has any; `alone`: nothing stands before
	 * it. `text` begins after the # or !, and is valid during the call. May be NULL. */
	void (*comment)(void *user, const struct conf_where *where, bool alone, const char *text);
	void *user;
};

struct conf_lex;

/* `text` is borrowed until conf_lex_free(). */
struct conf_lex *conf_lex_new(const struct conf_lex_env *env, const char *path, const char *text, size_t len);
struct conf_lex *conf_lex_free(struct conf_lex *l);

/* The next token. For LEX_LINE `*text` is the trimmed, non-empty line, valid until the next call. `*where` is
 * valid for LEX_END too: the last line. */
enum conf_token conf_lex_next(struct conf_lex *l, const char **text, struct conf_where *where);
