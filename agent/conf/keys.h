/* SPDX-License-Identifier: Apache-2.0 */
/* The keywords: which stand in which block, what they take, what is allowed, and where the value goes. One table for
 * both grammars. */
#pragma once

#include "agent/conf/keepalived_syntax.h"
#include "agent/conf/report.h"
#include "agent/conf/words.h"

struct conf_ctx;
struct conf_key;

/* One keyword as found. */
struct conf_arg {
	const struct conf_key *key;
	config_setting_t *setting;
	struct conf_where where;
	struct conf_words words; /* not for KEY_GROUP, KEY_NAMED, KEY_ENTRIES */
	bool is_number;          /* written as a number in libconfig's grammar: 0123 has lost its zero */
};

/* Puts the value into `obj`, the struct of the block, or reports what is wrong. */
typedef void (*conf_parse_fn)(struct conf_ctx *x, const struct conf_arg *a, void *obj);

enum conf_kind {
	KEY_BOOL,   /* bool; without a word it means true */
	KEY_U8,     /* uint8_t */
	KEY_U16,    /* uint16_t */
	KEY_UINT,   /* unsigned */
	KEY_TIME,   /* uint64_t, microseconds; written in seconds */
	KEY_STRING, /* const char * */
	KEY_PATH,   /* const char *, absolute, at most `max` bytes */
	KEY_CUSTOM, /* parse() */
	KEY_COMMAND,
	KEY_SCRIPT,
	KEY_GROUP, /* the keys of `inner`, into the same object */
	KEY_NAMED,
	KEY_ENTRIES,  /* parse() gets the whole list */
	KEY_REPEATED, /* the same; may be given more than once, each time for one entry */
	KEY_ACCEPTED, /* what it asks for is so anyhow */
	KEY_OFF,      /* accepted if it is switched off */
	KEY_IGNORED,  /* one warning; its block is passed over */
	KEY_REFUSED,  /* error; `note` says why */
	KEY_UNSERVED, /* error: another version may */
};

struct conf_key {
	const char *name; /* one `*` stands for any letters */
	enum conf_kind kind;
	bool first_wins;   /* when given again */
	const char *keeps; /* the first wins if it was this word; may be NULL */
	size_t offset;
	int64_t min, max; /* KEY_TIME: microseconds */
	const struct conf_block *inner;
	conf_parse_fn parse;
	const char *note;
};

enum { CONF_KEYS_MAX = 128 };

struct conf_block {
	const char *name; /* the keyword that opens it; NULL at the root */
	bool named;       /* libconfig's grammar has a member `name` in it */
	const struct conf_key *keys;
	size_t n;
};

extern const struct conf_block conf_root_block, conf_globals_block, conf_script_block, conf_mysql_block,
	conf_fitness_block, conf_track_file_block, conf_track_process_block, conf_instance_block, conf_group_block;
extern const struct ks_grammar conf_grammar;

/* NULL if `block` has no keyword `name`. */
const struct conf_key *conf_key_find(const struct conf_block *block, const char *name);

/* Reports that `word` is no keyword of `block`, with the nearest that is. */
void conf_key_unknown(struct conf_findings *f, const struct conf_where *where, const void *block, const char *word);
