/* SPDX-License-Identifier: Apache-2.0 */
/* keepalived.conf grammar -> libconfig tree, the same that libconfig's own grammar yields:
 *
 *     keyword                     keyword = true;
 *     keyword WORD                keyword = "WORD";
 *     keyword WORD WORD …         keyword = ("WORD", "WORD", …);
 *     keyword { … }               keyword = { … };                  (given again: the same group goes on)
 *     keyword NAME { … }          keyword = ( { name = "NAME"; … }, … );
 *     keyword { ENTRY … }         keyword = ( "ENTRY", ("WORD", "WORD", …), … );
 *     keyword WORD WORD …         keyword = ( ("WORD", "WORD", …), … );   where each line adds one
 *     notify_x COMMAND [U [G]]    as words, the command as one of them, its own quotes and escapes still inside
 *
 * The place of each setting is in its hook (struct conf_where, from the pool). Which keyword has which shape is asked
 * of the caller; what a word means, and which words are allowed, is none of this file's business. */
#pragma once

#include "agent/conf/lex.h"

#include <libconfig.h>

enum ks_shape {
	KS_VALUE,
	KS_COMMAND, /* the first word after the keyword is a command line */
	KS_SCRIPT,  /* so is all of it, if it begins without quotes */
	KS_GROUP,
	KS_NAMED,
	KS_ENTRIES,
	KS_REPEATED, /* each line is an entry of the keyword's list */
	KS_SKIP,     /* not served: noted once as `keyword = true`, its block is passed over */
};

struct ks_key {
	enum ks_shape shape;
	bool first_wins;   /* given again: the first counts, as in keepalived; else the last */
	const char *keeps; /* the first counts if it was this word; may be NULL */
	const void *inner; /* KS_GROUP, KS_NAMED: the block for ks_grammar.lookup */
};

struct ks_grammar {
	const void *root; /* the block that the file is */
	/* False: `block` has no such keyword. True only for words that libconfig takes as a name. */
	bool (*lookup)(const void *block, const char *word, struct ks_key *ret);
	/* Reports that. */
	void (*unknown)(struct conf_findings *f, const struct conf_where *where, const void *block, const char *word);
};

/* Bounds on what a file may make us build. */
enum {
	KS_WORDS_MAX = 64,
	KS_MEMBERS_MAX = 512,
	KS_ELEMENTS_MAX = 4096,
	KS_SETTINGS_MAX = 1000000,
	KS_FINDINGS_MAX = 10000
};

/* Adds what `text` says to `tree` (initialised by the caller). Whatever is wrong is reported; the rest is built all
 * the same, so that everything wrong can be reported at once. -ENOMEM or 0. */
int keepalived_syntax_read(const struct conf_lex_env *env, const struct ks_grammar *grammar, const char *path,
			   const char *text, size_t len, config_t *tree);
