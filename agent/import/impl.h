/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the importer share; nobody else includes this.
 *
 *   import.c reads, judges, iterates
 *   text.c   writes the report and the suggestion
 *   mysql.c  recognises checks of MySQL
 *   beyond.c and what they look at besides
 *   mask.c   takes secrets out of what is shown
 */
#pragma once

#include "agent/conf/internal.h"
#include "agent/import/import.h"
#include "agent/import/mask.h"
#include "agent/import/mysql.h"

enum fate {
	FATE_KEPT,
	FATE_IGNORED,  /* is a comment in the suggestion */
	FATE_REFUSED,  /* as well */
	FATE_CHANGED,  /* `put` stands in its place */
	FATE_REPLACED, /* belongs to a check that has become a vrrp_mysql */
};

/* A comment of the file, without its # or !. */
struct comment {
	struct comment *next;
	const char *text;
	struct conf_where where;
	bool alone; /* in its line */
};

/* One line of the file, as the lexer has it: definitions substituted, includes in their places. */
struct item {
	bool close; /* a }; the rest is void but `where`, `depth` and comments */
	bool opens; /* a block follows, up to the item `end` */
	size_t end;
	const char *text, *word; /* `word`: its first */
	struct conf_where where;
	struct comment *above; /* what stands in lines of its own before it */
	const char *beside;    /* after it in the same line; NULL: nothing */
	unsigned depth;
	const struct item *parent;      /* the line that opens the block around it; NULL at the root */
	const struct conf_block *block; /* of keywords; NULL in lists and in what is passed over */
	const struct conf_key *key;     /* NULL: unknown, or an entry of a list */
	enum fate fate;
	const char *why;     /* not for FATE_KEPT */
	const char *put;     /* FATE_CHANGED */
	const char *note;    /* what is different though it is kept; may hold several lines */
	unsigned line;       /* of the suggestion; 0: none */
	struct check *check; /* this opens a vrrp_script that has become one, or has one beside it */
};

/* A vrrp_script that watches MySQL. */
struct check {
	const char *name;
	struct item *item;
	struct import_mysql mysql;
	bool tracked;
	bool stays;   /* the script is in use beside the vrrp_mysql, since it looks at more */
	bool is_file; /* recognised by the text of a script */
	int weight;   /* of the script, where it is tracked first */
	bool reverse;
	bool by_name;         /* recognised by the name of a file that is not here */
	const char *defaults; /* an option file that can be used as it is; NULL: none */
};

struct finding {
	enum conf_level level;
	const char *file, *text;
	unsigned line;
	bool told; /* in its item */
};

enum { ITEMS_MAX = 100000, CHECKS_MAX = 64 };

struct import {
	struct conf_pool *pool;
	const char *path;
	const char *config_id; /* NULL: the host name */
	struct item *items;
	size_t n_items;
	struct comment *comments,
		**comments_end; /* read and not given to an item yet; in the end those after the last */
	struct check checks[CHECKS_MAX];
	size_t n_checks;
	struct finding *findings;
	size_t n_findings;
	const char **general; /* warnings about the file that no line is to blame for */
	size_t n_general;
};

/* text.c */
void import_put_suggestion(struct import *m, FILE *out);
void import_put_report(struct import *m, FILE *out, bool valid);
/* How many lines of the report are "refused". */
size_t import_count_refused(const struct import *m);
/* The check that a line of track_script names; NULL if it names none. */
struct check *import_tracked(const struct import *m, const struct item *entry);
/* Whether the vrrp_mysql beside a script may be tracked where `entry` tracks the script: both at once are the same as
 * one only with weight 0. */
bool import_counts_once(const struct import *m, const struct check *c, const struct item *entry);
