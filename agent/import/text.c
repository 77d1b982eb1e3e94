/* SPDX-License-Identifier: Apache-2.0 */
/* What the importer writes: the suggestion, one line of the file after the other, and the report about them. Judges
 * nothing. Passwords of lines reach neither the report nor comments. */
#include "agent/import/impl.h"

#include "agent/base/cleanup.h"

/* What a word without quotes may hold for sure. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

/* Output that knows in which line it is. */
struct page {
	FILE *out;
	unsigned line;
};

static void new_line(struct page *p)
{
	fputc('\n', p->out);
	p->line++;
}

static void indent(struct page *p, unsigned depth)
{
	fprintf(p->out, "%*s", (int)(4 * depth), "");
}

/* As a line of a file: outside quotes, comment characters need a backslash again. */
static void put_text(struct page *p, const char *text)
{
	bool quoted = false;

	for (; *text; text++) {
		quoted ^= *text == '"';
		if (!quoted && (*text == '#' || *text == '!'))
			fputc('\\', p->out);
		fputc(*text, p->out);
	}
}

/* What may quote words of the file. */
static void put_ours(FILE *out, const char *text)
{
	_cleanup_(freep) char *copy = strdup(text);

	if (!copy)
		return;
	import_mask_command(copy);
	fputs(copy, out);
}

/* A keyword of the blocks that hold secrets may be misspelt. */
static bool holds_secret(const struct item *i)
{
	static const char *const words[] = { "auth_pass", "password", "passwd", "key" };

	for (size_t k = 0; k < ELEMENTSOF(words); k++)
		if (strcmp(i->word, words[k]) == 0)
			return true;
	return !i->key && i->parent &&
	       (strcmp(i->parent->word, "authentication") == 0 || strcmp(i->parent->word, "auth_hmac") == 0);
}

/* `text` is that of the line `i`, or what stands in its place. True if something was masked. */
static bool put_masked(FILE *out, const struct item *i, const char *text)
{
	_cleanup_(freep) char *copy = strdup(text);

	if (!copy)
		return false;
	if (text == i->text && holds_secret(i))
		import_mask_value(i->word, copy + strlen(i->word));
	else
		import_mask(copy);
	fputs(copy, out);
	return strcmp(copy, text) != 0;
}

static void put_line(struct page *p, unsigned depth, const char *text)
{
	indent(p, depth);
	fputs(text, p->out);
	new_line(p);
}

static void put_comment(struct page *p, const struct item *i, const char *before, const char *text)
{
	indent(p, i->depth);
	fprintf(p->out, "# %s", before);
	put_ours(p->out, text);
	new_line(p);
}

static void put_above(struct page *p, unsigned depth, const char *before, const struct comment *c)
{
	for (; c; c = c->next) {
		indent(p, depth);
		fprintf(p->out, "%s#%s", before, c->text);
		new_line(p);
	}
}

static void put_beside(struct page *p, const struct item *i)
{
	if (i->beside)
		fprintf(p->out, " #%s", i->beside);
}

/* All comments of items that are not put themselves, each in a line of its own. */
static void put_comments_of(struct page *p, const struct item *i, unsigned depth)
{
	put_above(p, depth, "", i->above);
	if (i->beside) {
		indent(p, depth);
		fprintf(p->out, "#%s", i->beside);
		new_line(p);
	}
}

/* The whole block, if it is one, as comment. Returns the last item of it. */
static size_t put_out_of_use(struct page *p, struct import *m, size_t at)
{
	struct item *first = &m->items[at];
	size_t end = first->opens ? first->end : at;

	put_above(p, first->depth, "", first->above);
	put_comment(p, first, first->fate == FATE_IGNORED ? "left out: " : "not usable: ", first->why);
	for (size_t k = at; k <= end; k++) {
		struct item *i = &m->items[k];
		bool masked = false;

		if (k > at)
			put_above(p, first->depth, "# ", i->above);
		indent(p, first->depth);
		fprintf(p->out, "# %*s", (int)(4 * (i->depth - first->depth)), "");
		if (i->close)
			fputc('}', p->out);
		else
			masked = put_masked(p->out, i, i->text);
		fputs(i->opens ? " {" : "", p->out);
		if (!masked) /* a # in a password that has no quotes */
			put_beside(p, i);
		new_line(p);
	}
	return end;
}

/* --- vrrp_mysql -------------------------------------------------------------------------------------------------- */

static void put_place(struct page *p, const struct check *c)
{
	static const char *const sockets[] = { "/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock",
					       "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock" };
	const struct import_mysql *m = &c->mysql;
	const char *socket = m->socket[0] == '/' ? m->socket : NULL;

	if (!socket && (m->host[0] || (m->port[0] && strcmp(m->port, "3306") != 0))) {
		fprintf(p->out, "    host %s", m->host[0] ? m->host : "127.0.0.1");
		new_line(p);
		if (m->port[0]) {
			fprintf(p->out, "    port %s", m->port);
			new_line(p);
		}
		return;
	}
	for (size_t i = 0; !socket && i < ELEMENTSOF(sockets); i++)
		if (access(sockets[i], F_OK) == 0)
			socket = sockets[i];
	fprintf(p->out, "    socket %s", socket ? socket : sockets[0]);
	new_line(p);
}

static void put_account(struct page *p, const struct check *c)
{
	const char *user = c->mysql.user[0] && strcmp(c->mysql.user, "root") != 0 ? c->mysql.user : "sqlvip";

	if (c->defaults) {
		fprintf(p->out, "    defaults_file \"%s\"", c->defaults);
		new_line(p);
		if (!c->mysql.user[0])
			return;
	}
	fprintf(p->out, user[strspn(user, PLAIN)] ? "    user \"%s\"" : "    user %s", user);
	new_line(p);
	if (c->defaults)
		return;
	if (c->mysql.defaults[0] == '/') {
		fprintf(p->out, "    # the script used the option file %s: on a host that has it, with mode 0600,",
			c->mysql.defaults);
		new_line(p);
		put_line(p, 1, "# `defaults_file` with its path can stand in place of user and password");
	}
	if (!c->mysql.user[0] || strcmp(c->mysql.user, "root") == 0) {
		put_line(p, 1, "# on the primary: CREATE USER IF NOT EXISTS sqlvip@localhost IDENTIFIED BY '...';");
	}
	put_line(p, 1, "# its password goes into a file with mode 0600; then, without the #:");
	put_line(p, 1, "# password file:/etc/sqlvip/mysql.password");
}

/* Values that mean the same in both blocks. */
static void put_values(struct page *p, const struct import *m, const struct item *block)
{
	static const char *const same[] = { "interval", "timeout", "weight", "rise", "fall" };

	for (size_t k = (size_t)(block - m->items) + 1; k < block->end; k++) {
		const struct item *i = &m->items[k];
		double v;

		for (size_t w = 0; w < ELEMENTSOF(same); w++) {
			if (i->close || i->parent != block || strcmp(i->word, same[w]) != 0 || i->fate != FATE_KEPT)
				continue;
			if (w < 2 && sscanf(i->text + strlen(i->word), "%lf", &v) == 1 && v < 0.05)
				fprintf(p->out, "    %s 0.05", i->word);
			else
				fprintf(p->out, "    %s", i->text);
			new_line(p);
		}
	}
}

/* What the script looks at besides, as comments: what each of them must demand, only the operator knows. */
static void put_beyond(struct page *p, const struct check *c)
{
	const struct beyond_words *b = &c->mysql.beyond;

	for (enum beyond kind = 0; kind < _BEYOND_MAX_; kind++) {
		const char *setting, *check = b->found[kind] ? beyond_check(b, kind, &setting) : NULL;

		if (b->found[kind]) {
			fprintf(p->out, "    # the script %s (%s): %s", beyond_what(kind), b->found[kind],
				beyond_instead(kind));
			new_line(p);
		}
		if (!check)
			continue;
		fprintf(p->out, "    # check %s {", check);
		new_line(p);
		if (setting) {
			fprintf(p->out, "    #     %s", setting);
			new_line(p);
		}
		/* a check counts while the server is up only, so it takes off what the script's failure would */
		if (c->weight == 0)
			fputs("    #     fail", p->out);
		else
			fprintf(p->out, "    #     weight %d%s", c->weight < 0 ? c->weight : -c->weight,
				c->reverse ? " reverse" : "");
		new_line(p);
		put_line(p, 1, "# }");
	}
}

static void put_block(struct page *p, const struct import *m, const struct item *block)
{
	const struct check *c = block->check;

	fprintf(p->out, "vrrp_mysql %s {", c->name);
	new_line(p);
	put_place(p, c);
	put_account(p, c);
	put_values(p, m, block);
	put_beyond(p, c);
	put_line(p, 0, "}");
}

static void put_check(struct page *p, const struct import *m, struct item *block)
{
	const struct check *c = block->check;

	for (const struct item *i = block; i <= &m->items[block->end]; i++)
		put_comments_of(p, i, 0);
	fprintf(p->out, "# was vrrp_script %s (%s)", c->name, c->mysql.how);
	new_line(p);
	block->line = p->line;
	put_block(p, m, block);
}

/* The script itself follows as it was. */
static void put_check_beside(struct page *p, const struct import *m, const struct item *block)
{
	fprintf(p->out, "# beside vrrp_script %s (%s), which looks at more", block->check->name,
		block->check->mysql.how);
	new_line(p);
	put_block(p, m, block);
	new_line(p);
}

/* --- tracking ---------------------------------------------------------------------------------------------------- */

static void put_entry(struct page *p, struct item *i)
{
	put_above(p, i->depth, "", i->above);
	i->line = p->line;
	indent(p, i->depth);
	put_text(p, i->text);
	put_beside(p, i);
	new_line(p);
}

static bool is_in_use(const struct item *i)
{
	return !i->close && (i->fate == FATE_KEPT || i->fate == FATE_CHANGED);
}

enum tracked { TRACKED_SCRIPT, TRACKED_SERVER, TRACKED_BOTH };

static enum tracked tracked_as(const struct import *m, const struct item *entry)
{
	const struct check *c = import_tracked(m, entry);

	return !c ? TRACKED_SCRIPT : c->stays ? TRACKED_BOTH : TRACKED_SERVER;
}

/* Whether the entry stands in track_mysql, or if not `servers` in track_script. */
static bool is_tracked_in(const struct import *m, const struct item *entry, bool servers)
{
	enum tracked as = tracked_as(m, entry);

	if (!is_in_use(entry))
		return false;
	if (as == TRACKED_BOTH)
		return !servers || import_counts_once(m, import_tracked(m, entry), entry);
	return (as == TRACKED_SERVER) == servers;
}

/* A track_script block: what has become a vrrp_mysql goes into a track_mysql. */
static size_t put_tracking(struct page *p, struct import *m, size_t at)
{
	struct item *block = &m->items[at];

	for (size_t k = at; k <= block->end; k++)
		if (k == at || !is_in_use(&m->items[k]))
			put_comments_of(p, &m->items[k], block->depth);
	for (int servers = 0; servers < 2; servers++) {
		bool begun = false;

		for (size_t k = at + 1; k < block->end; k++) {
			struct item *i = &m->items[k];

			if (!is_tracked_in(m, i, servers))
				continue;
			if (!begun) {
				block->line = p->line;
				put_line(p, block->depth, servers ? "track_mysql {" : "track_script {");
			}
			begun = true;
			if (servers && tracked_as(m, i) == TRACKED_BOTH) /* its comments are with the script */
				put_line(p, i->depth, i->text);
			else
				put_entry(p, i);
		}
		if (begun)
			put_line(p, block->depth, "}");
	}
	for (size_t k = at + 1; k < block->end; k++) {
		const struct item *i = &m->items[k];

		if (!is_in_use(i) || tracked_as(m, i) != TRACKED_BOTH || is_tracked_in(m, i, true))
			continue;
		put_line(p, block->depth, "# in place of the script, not beside it, where it would count twice:");
		indent(p, block->depth);
		fprintf(p->out, "# track_mysql { %s }", i->text);
		new_line(p);
	}
	return block->end;
}

/* The check of MySQL that nobody tracks, for an instance that follows nothing. */
static const struct check *check_for(const struct import *m, const struct item *instance)
{
	for (size_t k = (size_t)(instance - m->items) + 1; k < instance->end; k++)
		if (m->items[k].parent == instance && !m->items[k].close &&
		    (strcmp(m->items[k].word, "track_script") == 0 || strcmp(m->items[k].word, "track_mysql") == 0))
			return NULL;
	for (size_t k = 0; k < m->n_checks; k++)
		if (!m->checks[k].tracked)
			return &m->checks[k];
	return NULL;
}

static void put_close(struct page *p, const struct import *m, const struct item *close)
{
	put_above(p, close->depth + 1, "", close->above);
	for (size_t k = 0; k < m->n_items && close->depth == 0; k++) {
		const struct item *i = &m->items[k];
		const struct check *c;

		if (!i->opens || &m->items[i->end] != close || i->parent || strcmp(i->word, "vrrp_instance") != 0)
			continue;
		c = check_for(m, i);
		if (!c)
			continue;
		put_line(p, 1, "# keepalived never ran the check, since nothing tracked it");
		put_line(p, 1, "track_mysql {");
		fprintf(p->out, "        %s", c->name);
		new_line(p);
		put_line(p, 1, "}");
	}
	indent(p, close->depth);
	fputc('}', p->out);
	put_beside(p, close);
	new_line(p);
}

void import_put_suggestion(struct import *m, FILE *out)
{
	struct page p = { .out = out, .line = 1 };

	for (size_t k = 0; k < m->n_items; k++)
		m->items[k].line = 0;
	fputs("# Suggested from ", out);
	fputs(m->path, out);
	if (m->config_id)
		fprintf(out, ", with the lines for @%s", m->config_id);
	new_line(&p);
	for (size_t k = 0; k < m->n_items; k++) {
		struct item *i = &m->items[k];

		if (!i->close && i->depth == 0)
			new_line(&p);
		if (i->close) {
			put_close(&p, m, i);
		} else if (i->fate == FATE_REPLACED) {
			put_check(&p, m, i);
			k = i->end;
		} else if (i->fate == FATE_IGNORED || i->fate == FATE_REFUSED) {
			k = put_out_of_use(&p, m, k);
		} else if (i->opens && strcmp(i->word, "track_script") == 0) {
			k = put_tracking(&p, m, k);
		} else {
			if (i->check)
				put_check_beside(&p, m, i);
			put_above(&p, i->depth, "", i->above);
			i->line = p.line;
			indent(&p, i->depth);
			put_text(&p, i->fate == FATE_CHANGED ? i->put : i->text);
			fputs(i->opens ? " {" : "", out);
			put_beside(&p, i);
			new_line(&p);
		}
	}
	if (m->comments)
		new_line(&p);
	for (const struct comment *c = m->comments; c; c = c->next) {
		if (!c->alone)
			continue;
		fprintf(out, "#%s", c->text);
		new_line(&p);
	}
}

/* --- the report -------------------------------------------------------------------------------------------------- */

static const char *fate_name(enum fate fate)
{
	static const char *const names[] = { "kept", "ignored", "refused", "changed", "replaced" };

	return names[fate];
}

static void put_wrapped(FILE *out, const char *text)
{
	fputs("                  ", out);
	put_ours(out, text);
	fputc('\n', out);
}

static void put_item(const struct item *i, FILE *out)
{
	_cleanup_(freep) char *notes = i->note ? strdup(i->note) : NULL;
	char *at = notes;

	fprintf(out, "%6u  %-8s  %*s", i->where.line, fate_name(i->fate), (int)(2 * i->depth), "");
	put_masked(out, i, i->text);
	fputs(i->opens ? " {\n" : "\n", out);
	if (i->fate == FATE_CHANGED) {
		fputs("                  becomes `", out);
		put_masked(out, i, i->put);
		fputs("`\n", out);
	}
	if (i->fate != FATE_KEPT && i->why)
		put_wrapped(out, i->why);
	for (char *line; (line = strsep(&at, "\n"));)
		put_wrapped(out, line);
}

static void put_everywhere(FILE *out)
{
	fputs("\nDifferent everywhere:\n"
	      "  - A host that gives up removes the addresses first and sends priority 0 then; keepalived does it the "
	      "other\n"
	      "    way round. Connections to the addresses are reset, so that no client waits.\n"
	      "  - An address that somebody else deletes is put back and announced; keepalived gives up mastership.\n"
	      "  - When the master's priority falls below a backup's, the backup takes over after one Skew_Time;\n"
	      "    keepalived waits for Down_Time.\n"
	      "  - Values out of range, unknown keywords and references to nothing are refused at start, and an "
	      "invalid\n"
	      "    file changes nothing; keepalived replaces them by defaults and goes on.\n",
	      out);
}

size_t import_count_refused(const struct import *m)
{
	size_t n = 0;

	for (size_t k = 0; k < m->n_items; k++) {
		const struct item *i = &m->items[k];

		n += !i->close && i->fate == FATE_REFUSED;
		if (!i->close && i->opens && i->fate != FATE_KEPT && i->fate != FATE_CHANGED)
			k = i->end;
	}
	return n;
}

void import_put_report(struct import *m, FILE *out, bool valid)
{
	size_t refused = import_count_refused(m);
	const char *file = "";
	bool left = false;

	for (size_t k = 0; k < m->n_items; k++) {
		const struct item *i = &m->items[k];

		if (i->close)
			continue;
		if (strcmp(file, i->where.file) != 0)
			fprintf(out, "%s:\n", i->where.file);
		file = i->where.file;
		put_item(i, out);
		if (i->fate != FATE_KEPT && i->fate != FATE_CHANGED && i->opens)
			k = i->end;
	}
	put_everywhere(out);
	for (size_t k = 0; k < m->n_general; k++) {
		fputs(k == 0 ? "\nAlso, about the file as a whole:\n  - " : "  - ", out);
		put_ours(out, m->general[k]);
		fputc('\n', out);
	}
	if (valid) {
		if (refused > 0)
			fprintf(out,
				"\nNot possible here, and missing in the suggestion: %zu, see \"refused\" above.\n",
				refused);
		fputs("\nThe suggestion is valid. Check it with `sqlvipd -t -f FILE` on the host that it is for.\n",
		      out);
		return;
	}
	fputs("\nThe suggestion is NOT valid yet. Left for you, by line of the suggestion:\n", out);
	for (size_t k = 0; k < m->n_findings; k++) {
		if (m->findings[k].level != CONF_ERROR)
			continue;
		fprintf(out, "%6u  ", m->findings[k].line);
		put_ours(out, m->findings[k].text);
		fputc('\n', out);
		left = true;
	}
	if (!left)
		fputs("        too much is wrong to go on\n", out);
}
