/* SPDX-License-Identifier: Apache-2.0 */
/* The check scripts that people copy from each other all do one of a few things. This file knows those by their words:
 * no shell is interpreted, so what hides behind variables and functions is found where it stands, or not at all. */
#include "agent/import/mysql.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 65536 };

static const char *const servers[] = { "mysqld", "mariadbd", "mysql", "mariadb", "mysqld_safe" };

/* One word of shell text, its quotes taken off. */
struct word {
	char s[4096];
	bool ends; /* a line, a pipe, a semicolon comes behind it */
};

static bool ends_command(char c)
{
	return c == '\n' || c == ';' || c == '|' || c == '&' || c == '(' || c == ')' || c == '`';
}

/* The next word at `*at`; false at the end. Comments are passed over. */
static bool next_word(const char **at, struct word *w)
{
	const char *p = *at;
	char quote = 0;
	size_t n = 0;

	for (;;) {
		while (*p && (isspace((unsigned char)*p) || ends_command(*p)))
			p++;
		if (*p != '#')
			break;
		p += strcspn(p, "\n");
	}
	if (!*p)
		return false;
	for (; *p && (quote || (!isspace((unsigned char)*p) && !ends_command(*p))); p++) {
		if (quote && *p == quote)
			quote = 0;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else if (n + 1 < sizeof(w->s))
			w->s[n++] = *p;
	}
	w->s[n] = '\0';
	while (*p == ' ' || *p == '\t')
		p++;
	w->ends = !*p || ends_command(*p) || *p == '#';
	*at = p;
	return true;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_server(const char *word)
{
	size_t n = strlen(word);

	if (n > 8 && strcmp(word + n - 8, ".service") == 0)
		n -= 8;
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		if (strlen(servers[i]) == n && strncmp(word, servers[i], n) == 0)
			return true;
	return false;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strcasestr(p, word)); p += n) {
		bool before = p == text || !(isalnum((unsigned char)p[-1]) || p[-1] == '_');

		if (before && !isalnum((unsigned char)p[n]) && p[n] != '_')
			return true;
	}
	return false;
}

/* --- the options of MySQL's clients ------------------------------------------------------------------------------ */

static void keep(char *to, size_t size, const char *value)
{
	/* a variable says nothing to us */
	if (*value && !strchr(value, '$') && strlen(value) < size)
		snprintf(to, size, "%s", value);
}

/* The value of an option in `w`, or in the word behind it; NULL if `w` is another. */
static const char *value_of(const struct word *w, const char *at, struct word *next, char letter, const char *name)
{
	size_t n = strlen(name);

	next->s[0] = '\0';
	if (letter && w->s[0] == '-' && w->s[1] == letter && w->s[2])
		return w->s + 2;
	if (strncmp(w->s, "--", 2) == 0 && strncmp(w->s + 2, name, n) == 0 && w->s[2 + n] == '=')
		return w->s + 3 + n;
	if ((letter && w->s[0] == '-' && w->s[1] == letter && !w->s[2]) ||
	    (strncmp(w->s, "--", 2) == 0 && strcmp(w->s + 2, name) == 0))
		return !w->ends && next_word(&at, next) ? next->s : "";
	return NULL;
}

static bool is_numeric_address(const char *s)
{
	return *s && s[strspn(s, "0123456789.:abcdefABCDEF")] == '\0' && strpbrk(s, ".:") != NULL;
}

static void take_option(const struct word *w, const char *at, struct import_mysql *m)
{
	struct word next;
	const char *v;

	if ((v = value_of(w, at, &next, 'S', "socket")))
		keep(m->socket, sizeof(m->socket), v);
	else if ((v = value_of(w, at, &next, 'u', "user")))
		keep(m->user, sizeof(m->user), v);
	else if ((v = value_of(w, at, &next, 'P', "port")))
		keep(m->port, sizeof(m->port), v);
	else if ((v = value_of(w, at, &next, 0, "defaults-file")) ||
		 (v = value_of(w, at, &next, 0, "defaults-extra-file")))
		keep(m->defaults, sizeof(m->defaults), v);
	else if ((v = value_of(w, at, &next, 'h', "host")) && is_numeric_address(v))
		keep(m->host, sizeof(m->host), v);
	if ((w->s[0] == '-' && w->s[1] == 'p' && w->s[2]) || strncmp(w->s, "--password=", 11) == 0)
		m->has_password = true;
}

/* --- what it does ------------------------------------------------------------------------------------------------ */

/* The words up to the end of one command. */
struct command {
	bool client, admin, ping, statement;
	const char *process; /* a way to look for processes */
	bool status, server;
	bool starts, agent, variable;
	size_t n_words;
};

static bool is_start(const char *word)
{
	static const char *const verbs[] = { "start", "restart", "try-restart", "reload-or-restart" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word, verbs[i]) == 0)
			return true;
	return false;
}

static bool is_agent(const char *word)
{
	return strcmp(word, "keepalived") == 0 || strcmp(word, "keepalived.service") == 0;
}

static void judge_word(struct command *c, const struct word *w)
{
	const char *name = base_name(w->s);

	c->client |= strcmp(name, "mysql") == 0 || strcmp(name, "mariadb") == 0;
	c->admin |= strcmp(name, "mysqladmin") == 0 || strcmp(name, "mariadb-admin") == 0;
	c->ping |= strcmp(w->s, "ping") == 0 || strcmp(w->s, "status") == 0;
	c->statement |= has_word(w->s, "select") || has_word(w->s, "show") || strncmp(w->s, "-e", 2) == 0 ||
			strncmp(w->s, "--execute", 9) == 0;
	if (strcmp(name, "pidof") == 0)
		c->process = "pidof";
	else if (strcmp(name, "pgrep") == 0)
		c->process = "pgrep";
	else if (strcmp(name, "killall") == 0)
		c->process = "killall -0";
	else if (strcmp(name, "systemctl") == 0 || strcmp(name, "service") == 0)
		c->process = "systemctl status";
	c->status |= strcmp(w->s, "-0") == 0 || strcmp(w->s, "is-active") == 0 || strcmp(w->s, "status") == 0;
	c->server |= is_server(name);
	c->starts |= is_start(w->s) || (c->n_words == 0 && strcmp(name, "mysqld_safe") == 0);
	c->agent |= is_agent(name);
	c->variable |= strchr(w->s, '$') != NULL;
	c->n_words++;
}

/* Also if the server's name is in a variable. */
static bool starts_server(const struct command *c)
{
	bool by_manager = c->process && strcmp(c->process, "systemctl status") == 0 && c->variable && !c->agent;

	return c->starts && (by_manager || c->server);
}

static void judge_command(const struct command *c, struct import_mysql *m)
{
	bool looks = c->process && c->server &&
		     (strcmp(c->process, "pidof") == 0 || strcmp(c->process, "pgrep") == 0 || c->status);

	if (starts_server(c))
		beyond_add(&m->beyond, BEYOND_STARTS, "start");
	if (c->admin && c->ping) {
		m->how = "mysqladmin ping";
		m->process_only = false;
	} else if (c->client && c->statement && (!m->how || m->process_only)) {
		m->how = "mysql -e";
		m->process_only = false;
	} else if (looks && !m->how) {
		m->how = c->process;
		m->process_only = true;
	}
}

/* ps … | grep mysqld, netstat | grep 3306 */
static bool looks_through_lists(const char *text)
{
	return has_word(text, "grep") &&
	       ((has_word(text, "ps") && (has_word(text, "mysqld") || has_word(text, "mysql"))) ||
		((has_word(text, "netstat") || has_word(text, "ss")) && has_word(text, "3306")));
}

static bool ends_keepalived(const char *text)
{
	return has_word(text, "keepalived") && (has_word(text, "stop") || has_word(text, "pkill") ||
						has_word(text, "killall") || has_word(text, "kill"));
}

bool import_recognise(const char *text, struct import_mysql *ret)
{
	struct import_mysql m = { 0 };
	struct command c = { 0 };
	const char *at = text;
	struct word w;

	if (strlen(text) > TEXT_MAX)
		return false;
	while (next_word(&at, &w)) {
		judge_word(&c, &w);
		beyond_read(&m.beyond, w.s);
		if (c.client || c.admin)
			take_option(&w, at, &m);
		m.has_password |= strncmp(w.s, "MYSQL_PWD=", 10) == 0;
		if (w.ends) {
			judge_command(&c, &m);
			c = (struct command){ 0 };
		}
	}
	if (!m.how && looks_through_lists(text)) {
		m.how = "grep in a list";
		m.process_only = true;
	}
	m.stops_agent = ends_keepalived(text);
	if (!m.how)
		return false;
	*ret = m;
	return true;
}
