/* SPDX-License-Identifier: Apache-2.0 */
/* Names of MySQL's that give away what a script wants to know. Found wherever they stand but in comments of the shell:
 * a statement may be in a variable, a pattern of grep is as telling as the statement. A name too many costs a script
 * that stays in use and a line in the report; one too few costs somebody's failover. */
#include "agent/import/beyond.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct name {
	const char *name; /* may be the beginning of one */
	enum beyond kind;
};

/* The first that fits counts. */
static const struct name names[] = {
	{ "replication_group*", BEYOND_GROUP },
	{ "group_replication*", BEYOND_GROUP },
	{ "slave*", BEYOND_REPLICATION },
	{ "replica*", BEYOND_REPLICATION },
	{ "seconds_behind*", BEYOND_REPLICATION },
	{ "sql_delay", BEYOND_REPLICATION },
	{ "gtid*", BEYOND_REPLICATION },
	{ "heartbeat", BEYOND_REPLICATION },
	{ "read_only", BEYOND_ROLE },
	{ "super_read_only", BEYOND_ROLE },
	{ "innodb_read_only", BEYOND_ROLE },
	{ "offline_mode", BEYOND_ROLE },
	{ "wsrep*", BEYOND_GALERA },
	{ "galera*", BEYOND_GALERA },
	{ "clustercheck", BEYOND_GALERA },
	{ "insert", BEYOND_WRITES },
	{ "update", BEYOND_WRITES },
	{ "replace", BEYOND_WRITES },
	{ "delete", BEYOND_WRITES },
	{ "truncate", BEYOND_WRITES },
	{ "processlist", BEYOND_OTHER },
	{ "threads_*", BEYOND_OTHER },
	{ "max_connections", BEYOND_OTHER },
	{ "max_used_connections", BEYOND_OTHER },
};

/* In the names of scripts. */
static const struct name parts[] = {
	{ "slave", BEYOND_REPLICATION }, { "repl", BEYOND_REPLICATION }, { "lag", BEYOND_REPLICATION },
	{ "galera", BEYOND_GALERA },     { "cluster", BEYOND_GALERA },   { "pxc", BEYOND_GALERA },
	{ "read_only", BEYOND_ROLE },    { "readonly", BEYOND_ROLE },    { "writ", BEYOND_ROLE },
};

static bool fits(const char *pattern, const char *word)
{
	size_t n = strlen(pattern);

	return pattern[n - 1] == '*' ? strncasecmp(pattern, word, n - 1) == 0 : strcasecmp(pattern, word) == 0;
}

void beyond_add(struct beyond_words *b, enum beyond kind, const char *word)
{
	if (!b->found[kind])
		b->found[kind] = word;
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcasecmp(word, *list) == 0)
			return true;
	return false;
}

/* What only two names together tell. */
static void read_pair(struct beyond_words *b, const char *word)
{
	static const char *const of_server[] = { "dual", "mysql", "information_schema", "performance_schema",
						 "sys",  NULL };
	bool status = strcasecmp(word, "status") == 0;

	if (status && strcasecmp(b->last, "master") == 0)
		beyond_add(b, BEYOND_OTHER, "master status");
	else if (status && strcasecmp(b->last, "log") == 0)
		beyond_add(b, BEYOND_OTHER, "binary log status");
	else if (b->select && strcasecmp(b->last, "from") == 0 && !is_one_of(word, of_server))
		beyond_add(b, BEYOND_OTHER, "select from");
	b->select |= strcasecmp(word, "select") == 0;
}

/* `alone`: nothing but it is in a word of the shell. */
static void read_one(struct beyond_words *b, const char *word, bool alone)
{
	b->lag |= strncasecmp(word, "seconds_behind", 14) == 0;
	read_pair(b, word);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!fits(names[i].name, word))
			continue;
		if (names[i].kind != BEYOND_WRITES || !alone) /* `apt update` */
			beyond_add(b, names[i].kind, names[i].name);
		break;
	}
	snprintf(b->last, sizeof(b->last), "%s", word);
}

void beyond_read(struct beyond_words *b, const char *text)
{
	size_t whole = strlen(text), n;
	char word[48];

	b->select = false;
	for (; *text; text += n + (n == 0)) {
		n = 0;
		while (isalnum((unsigned char)text[n]) || text[n] == '_')
			n++;
		if (n > 0 && n < sizeof(word)) {
			memcpy(word, text, n);
			word[n] = '\0';
			read_one(b, word, n == whole);
		}
	}
}

void beyond_read_name(struct beyond_words *b, const char *name)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcasestr(name, parts[i].name))
			beyond_add(b, parts[i].kind, parts[i].name);
}

bool beyond_any(const struct beyond_words *b)
{
	for (enum beyond kind = 0; kind < _BEYOND_MAX_; kind++)
		if (b->found[kind])
			return true;
	return false;
}

static const struct {
	const char *what, *instead, *check;
} kinds[_BEYOND_MAX_] = {
	[BEYOND_REPLICATION] = { "looks at replication", "`check replication` in vrrp_mysql does, without a script",
				 "replication" },
	[BEYOND_ROLE] = { "looks at whether the server may be written to",
			  "`check role` in vrrp_mysql does, without a script", "role" },
	[BEYOND_GALERA] = { "looks at Galera", "`check galera` in vrrp_mysql does, without a script", "galera" },
	[BEYOND_GROUP] = { "looks at group replication",
			   "`check group_replication` in vrrp_mysql does, without a script", "group_replication" },
	[BEYOND_WRITES] = { "writes to the database",
			    "nothing here does; `check role` in vrrp_mysql tells whether the server may be written to",
			    "role" },
	[BEYOND_STARTS] = { "starts MySQL",
			    "nothing here does; Restart= in the server's systemd unit does, and `dead_delay` in "
			    "vrrp_mysql waits for it" },
	[BEYOND_OTHER] = { "looks at more of MySQL",
			   "nothing here does by itself; `query` in vrrp_mysql takes any SELECT that yields 0 if it "
			   "fails" },
};

const char *beyond_what(enum beyond kind)
{
	return kinds[kind].what;
}

const char *beyond_instead(enum beyond kind)
{
	return kinds[kind].instead;
}

const char *beyond_check(const struct beyond_words *b, enum beyond kind, const char **setting)
{
	*setting = NULL;
	if (kind == BEYOND_WRITES && b->found[BEYOND_ROLE]) /* it stands there already */
		return NULL;
	if (kind == BEYOND_ROLE || kind == BEYOND_WRITES)
		*setting = "require writable    # or replica: what the script demands";
	else if (kind == BEYOND_REPLICATION && b->lag)
		*setting = "max_lag 30          # the most that the script allows, in whole seconds";
	return kinds[kind].check;
}
