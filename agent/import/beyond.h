/* SPDX-License-Identifier: Apache-2.0 */
/* What a check script of MySQL looks at beyond whether the server is alive, told by the words in it. */
#pragma once

#include <stdbool.h>

enum beyond {
	BEYOND_REPLICATION,
	BEYOND_ROLE, /* may it be written to? */
	BEYOND_GALERA,
	BEYOND_GROUP,  /* group replication */
	BEYOND_WRITES, /* it changes something in the database */
	BEYOND_STARTS, /* it starts the server */
	BEYOND_OTHER,
	_BEYOND_MAX_
};

struct beyond_words {
	/* The first that was found of each kind, as "slave*"; NULL: none. Never text of the script itself: a
	 * password may hold such a word, too. */
	const char *found[_BEYOND_MAX_];
	bool lag;      /* of replication */
	bool select;   /* within a statement */
	char last[48]; /* the name before */
};

/* Goes on with `text`, a word of a shell script or some of them; words within quotes count one by one. */
void beyond_read(struct beyond_words *b, const char *text);
/* The same for the name of a script that cannot be read. */
void beyond_read_name(struct beyond_words *b, const char *name);
/* Notes that `kind` was found, by `word`, which is static. */
void beyond_add(struct beyond_words *b, enum beyond kind, const char *word);
bool beyond_any(const struct beyond_words *b);

/* What it is that the script looks at, or does: "it looks at replication". */
const char *beyond_what(enum beyond kind);
/* What does it here, or that nothing does. */
const char *beyond_instead(enum beyond kind);
/* The kind of `check` in vrrp_mysql that does it, and what stands in its block but the weight, for a comment; NULL if
 * there is none. `*setting` may become NULL. */
const char *beyond_check(const struct beyond_words *b, enum beyond kind, const char **setting);
