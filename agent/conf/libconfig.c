/* SPDX-License-Identifier: Apache-2.0 */
/* *.cfg: libconfig reads its own grammar, after a look at what it would get wrong silently. It cuts numbers of more
 * than 32 bits, and its scanner ends the process on an @include of something that cannot be read. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"
#include "agent/conf/file.h"

#include <ctype.h>

enum {
	INCLUDE_DEPTH = 10,   /* libconfig's own limit */
	INCLUDES_MAX = 1024,  /* in all; each may include several */
	SETTINGS_MAX = 10000, /* it compares each name with all before it: 100000 take minutes */
};

/* A place in a text that is looked through. */
struct look {
	struct conf_ctx *x;
	struct conf_where where;
	const char *s;
	unsigned depth;
	unsigned n_settings; /* names with a value, in this file and those that it includes */
};

static unsigned look_through(struct conf_ctx *x, const char *file, const char *text, unsigned depth);

static void skip_to(struct look *l, const char *end)
{
	for (; *l->s && strncmp(l->s, end, strlen(end)) != 0; l->s++)
		l->where.line += *l->s == '\n';
	if (*l->s && *end != '\n')
		l->s += strlen(end);
}

static void skip_string(struct look *l)
{
	for (l->s++; *l->s && *l->s != '"'; l->s++) {
		if (*l->s == '\\' && l->s[1])
			l->s++;
		l->where.line += *l->s == '\n';
	}
	l->s += *l->s == '"';
}

/* A word that begins with a digit. Hexadecimal ones have no sign and 32 bits at most, too. */
static void look_at_number(struct look *l)
{
	size_t n = strspn(l->s, "0123456789abcdefABCDEFxX.+-");
	size_t digits = strspn(l->s, "0123456789");
	char *end;
	bool wide;

	if (digits == n) {
		wide = digits > 10 || strtoll(l->s, NULL, 10) > INT32_MAX;
		if (wide && l->s[n] != 'L')
			conf_error(l->x->f, &l->where, "%.*s does not fit into 32 bits", (int)(n < 40 ? n : 40), l->s);
	} else if (l->s[0] == '0' && (l->s[1] | 0x20) == 'x') {
		wide = strtoull(l->s, &end, 16) > INT32_MAX;
		if (wide && *end != 'L')
			conf_error(l->x->f, &l->where, "%.*s does not fit into 32 bits", (int)(n < 40 ? n : 40), l->s);
	}
	l->s += n;
	while (isalnum((unsigned char)*l->s) || *l->s == '_')
		l->s++;
}

static void look_at_include(struct look *l)
{
	const char *open = l->s + strcspn(l->s, "\"\n");
	size_t n = *open == '"' ? strcspn(open + 1, "\"\n") : 0;
	const char *slash = strrchr(l->x->file, '/');
	_cleanup_(freep) char *path = NULL;
	struct conf_file file;
	int r;

	l->s = open + (*open == '"' ? n + 1 : 0);
	if (*open != '"' || open[n + 1] != '"')
		return; /* libconfig says what is wrong */
	l->s++;
	if (!l->x->files || l->depth == INCLUDE_DEPTH || ++l->x->n_includes > INCLUDES_MAX) {
		conf_error(l->x->f, &l->where, "@include: %s",
			   l->x->files ? "too many, or nested too deeply" : "not possible here");
		return;
	}
	if (open[1] == '/') {
		conf_error(l->x->f, &l->where, "@include: the path begins at this configuration's folder, not with /");
		return;
	}
	if (asprintf(&path, "%.*s%.*s", slash ? (int)(slash - l->x->file + 1) : 0, l->x->file, (int)n, open + 1) < 0) {
		path = NULL;
		return;
	}
	r = conf_file_read(path, &file);
	if (r < 0) {
		conf_error(l->x->f, &l->where, "cannot include %s: %s", path, conf_file_error(r));
		return;
	}
	l->n_settings += look_through(l->x, conf_pool_strdup(l->x->pool, path), file.text, l->depth + 1);
	conf_file_done(&file);
}

/* Returns the number of settings. */
static unsigned look_through(struct conf_ctx *x, const char *file, const char *text, unsigned depth)
{
	struct look l = { .x = x, .where = { .file = file, .line = 1 }, .s = text, .depth = depth };

	conf_findings_file(x->f, file);
	while (*l.s) {
		if (*l.s == '#' || strncmp(l.s, "//", 2) == 0)
			skip_to(&l, "\n");
		else if (strncmp(l.s, "/*", 2) == 0)
			skip_to(&l, "*/");
		else if (*l.s == '"')
			skip_string(&l);
		else if (strncmp(l.s, "@include", 8) == 0)
			look_at_include(&l);
		else if (isdigit((unsigned char)*l.s))
			look_at_number(&l);
		else if (isalpha((unsigned char)*l.s) || *l.s == '*')
			l.s += 1 + strspn(l.s + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-*");
		else {
			l.n_settings += *l.s == '=' || *l.s == ':';
			l.where.line += *l.s++ == '\n';
		}
	}
	return l.n_settings;
}

bool conf_read_libconfig(struct conf_ctx *x, const char *text, size_t len, config_t *tree)
{
	unsigned errors = x->f->errors;
	struct conf_where where = { .file = x->file, .line = 1 };
	const char *slash = strrchr(x->file, '/');
	const char *folder = slash ? conf_pool_strndup(x->pool, x->file, (size_t)(slash - x->file)) : ".";

	x->libconfig = true;
	if (strlen(text) != len) {
		conf_error(x->f, &where, "the file holds a NUL character");
		return false;
	}
	if (look_through(x, x->file, text, 0) > SETTINGS_MAX)
		conf_error(x->f, &where, "more than %d settings", SETTINGS_MAX);
	if (x->f->errors != errors)
		return false;
	config_set_include_dir(tree, *folder ? folder : "/");
	if (config_read_string(tree, text))
		return true;
	where.line = (unsigned)config_error_line(tree);
	if (config_error_file(tree))
		where.file = conf_pool_strdup(x->pool, config_error_file(tree));
	conf_error(x->f, &where, "%s in libconfig's grammar; a file in keepalived's needs another name than *.cfg",
		   config_error_text(tree));
	return false;
}
