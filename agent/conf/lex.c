/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that keepalived.conf(5) prescribes for a line, in their order: take the line, trim it, cut the comment,
 * test `@id`, take definitions, substitute them, follow `include`, separate the braces. What this version does not
 * serve (~SEQ, ~LST) is refused by name, never read as something else.
 *
 * Everything is bounded: lines and their expansions, definitions, included files and their nesting. */
#include "agent/conf/lex.h"

#include "agent/base/cleanup.h"
#include "agent/conf/file.h"
#include "agent/conf/words.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

enum {
	LINE_MAX_LEN = 65536,
	DEFINITIONS_MAX = 1024,
	SUBSTITUTIONS_MAX = 256,  /* in one line */
	EXPANSION_MAX = 64 << 20, /* characters in all */
	INPUTS_MAX = 256,         /* open at a time: including each other, or matched by one pattern */
	INCLUDE_FILES = 1024,
};

struct definition {
	const char *name;
	const char *value;
	bool lines; /* more than one, separated by \n */
};

struct input {
	const char *file; /* from the pool */
	const char *text;
	size_t len, pos;
	unsigned line;
	struct conf_file own; /* of an included file */
};

struct conf_lex {
	struct conf_lex_env env;
	struct input inputs[INPUTS_MAX];
	size_t n_inputs;
	unsigned n_files; /* included so far */
	size_t n_bytes;   /* of included files */
	unsigned n_drawn; /* values of _RANDOM */
	size_t expanded;  /* characters that definitions have brought */
	struct definition defs[DEFINITIONS_MAX];
	size_t n_defs;
	struct conf_where where;      /* of the line in `line` */
	bool fresh;                   /* `rest` is at the start of a line: `include` may follow */
	char *rest;                   /* into `line`; NULL: fetch another */
	char line[LINE_MAX_LEN + 2];  /* room for a quote that was left open */
	char piece[LINE_MAX_LEN + 2]; /* what the caller sees, and scratch for one substitution */
};

struct conf_lex *conf_lex_new(const struct conf_lex_env *env, const char *path, const char *text, size_t len)
{
	struct conf_lex *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->env = *env;
	l->inputs[l->n_inputs++] =
		(struct input){ .file = conf_pool_strdup(env->pool, path), .text = text, .len = len };
	l->where = (struct conf_where){ .file = l->inputs[0].file, .line = 1 };
	conf_findings_file(env->findings, l->inputs[0].file);
	return l;
}

struct conf_lex *conf_lex_free(struct conf_lex *l)
{
	while (l && l->n_inputs > 0)
		conf_file_done(&l->inputs[--l->n_inputs].own);
	free(l);
	return NULL;
}

/* --- one physical line ------------------------------------------------------------------------------------------- */

static void trim(char *s)
{
	size_t lead = strspn(s, " \t");
	size_t n;

	memmove(s, s + lead, strlen(s + lead) + 1);
	n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
}

static void tell_comment(const struct conf_lex *l, bool alone, const char *text)
{
	if (l->env.comment)
		l->env.comment(l->env.user, &l->where, alone, text);
}

/* Cuts `!` and `#` comments, which start anywhere but between double quotes; `\#` and `\!` give the character. */
static void cut_comment(struct conf_lex *l, char *s)
{
	const char *begin = s;
	bool quoted = false;
	char *out = s;

	for (; *s; s++) {
		if (*s == '"') {
			quoted = !quoted;
		} else if (!quoted && *s == '\\' && (s[1] == '#' || s[1] == '!')) {
			s++;
		} else if (!quoted && (*s == '#' || *s == '!')) {
			tell_comment(l, s == begin, s + 1);
			break;
		}
		*out++ = *s;
	}
	*out = '\0';
	if (quoted) { /* what follows then sees a closed one, and reports nothing more */
		conf_error(l->env.findings, &l->where, "a double quote is not closed in this line");
		strcpy(out, "\"");
	}
}

/* Copies the next line of `in` to l->line, without its end. False at the end of the input. A line that cannot be used
 * is reported and comes back empty. */
static bool take_line(struct conf_lex *l, struct input *in)
{
	const char *from = in->text + in->pos;
	const char *end;
	size_t n;

	if (in->pos >= in->len)
		return false;
	end = memchr(from, '\n', in->len - in->pos);
	n = end ? (size_t)(end - from) : in->len - in->pos;
	in->pos += n + 1;
	l->where = (struct conf_where){ .file = in->file, .line = ++in->line };
	l->line[0] = '\0';
	if (n > 0 && from[n - 1] == '\r')
		n--;
	if (n > LINE_MAX_LEN) {
		conf_error(l->env.findings, &l->where, "the line is longer than %d characters", LINE_MAX_LEN);
		return true;
	}
	if (memchr(from, '\0', n)) {
		conf_error(l->env.findings, &l->where, "the line holds a NUL character");
		return true;
	}
	memcpy(l->line, from, n);
	l->line[n] = '\0';
	trim(l->line);
	cut_comment(l, l->line);
	trim(l->line);
	return true;
}

/* `@id rest` is kept if id is ours, `@^id rest` if it is not. The condition is removed; several may follow each other.
 */
static void apply_conditions(struct conf_lex *l)
{
	while (l->line[0] == '@') {
		bool negated = l->line[1] == '^';
		char *id = l->line + 1 + negated;
		size_t n = strcspn(id, " \t");
		bool same = strlen(l->env.config_id) == n && strncmp(id, l->env.config_id, n) == 0;

		if (n == 0)
			conf_error(l->env.findings, &l->where, "`@` needs the configuration's id behind it");
		if (n == 0 || same == negated) {
			l->line[0] = '\0';
			return;
		}
		memmove(l->line, id + n, strlen(id + n) + 1);
		trim(l->line);
	}
}

/* --- definitions ------------------------------------------------------------------------------------------------- */

static size_t name_length(const char *s)
{
	size_t n = 0;

	while (isalpha((unsigned char)s[n]) || s[n] == '_' || (n > 0 && isdigit((unsigned char)s[n])))
		n++;
	return n;
}

static bool is_definition(const char *line)
{
	size_t n = line[0] == '$' ? name_length(line + 1) : 0;

	return n > 0 && line[1 + n] == '=';
}

static void define(struct conf_lex *l, const char *name, const char *value, bool lines)
{
	struct definition *d = NULL;

	for (size_t i = 0; i < l->n_defs && !d; i++) {
		if (strcmp(l->defs[i].name, name) == 0)
			d = &l->defs[i];
	}
	if (!d && l->n_defs == DEFINITIONS_MAX) {
		conf_error(l->env.findings, &l->where, "more than %d definitions", DEFINITIONS_MAX);
		return;
	}
	if (!d)
		d = &l->defs[l->n_defs++];
	*d = (struct definition){ .name = name, .value = conf_pool_strdup(l->env.pool, value), .lines = lines };
}

/* `$NAME=value`. A value that ends in a backslash goes on with the following lines, up to one that does not. */
static void take_definition(struct conf_lex *l, struct input *in)
{
	struct conf_where start = l->where;
	size_t n = name_length(l->line + 1);
	const char *name = conf_pool_strndup(l->env.pool, l->line + 1, n);
	size_t used = 0;
	bool lines = false;

	memmove(l->line, l->line + n + 2, strlen(l->line + n + 2) + 1);
	trim(l->line);
	for (;;) {
		size_t len = strlen(l->line);
		bool more = len > 0 && l->line[len - 1] == '\\';

		len -= more;
		if (used + len + 2 > LINE_MAX_LEN) {
			conf_error(l->env.findings, &start, "$%s: longer than %d characters", name, LINE_MAX_LEN);
			return;
		}
		if (len > 0 && used > 0)
			l->piece[used++] = '\n';
		memcpy(l->piece + used, l->line, len);
		used += len;
		l->piece[used] = '\0';
		if (!more)
			break;
		lines = true;
		if (!take_line(l, in)) {
			conf_error(l->env.findings, &start, "$%s: the file ends before the definition does", name);
			return;
		}
	}
	define(l, name, l->piece, lines);
}

static bool is_name(const char *name, const char *s, size_t n)
{
	return strlen(name) == n && strncmp(name, s, n) == 0;
}

/* The folder of the file at hand, which is where its includes begin. */
static const char *folder_of(struct conf_lex *l)
{
	const char *here = l->inputs[l->n_inputs - 1].file;
	const char *slash = strrchr(here, '/');
	char cwd[PATH_MAX];

	if (slash)
		return slash == here ? "/" : conf_pool_strndup(l->env.pool, here, (size_t)(slash - here));
	return l->env.files && getcwd(cwd, sizeof(cwd)) ? conf_pool_strdup(l->env.pool, cwd) : ".";
}

/* Not really random: the same file read twice on the same host must mean the same, or each reload would change it. */
static const char *draw(struct conf_lex *l, long long min, long long max)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a over who and where we are, then a mixing step */
	char text[32];

	for (const char *c = l->env.config_id; *c; c++)
		h = (h ^ (unsigned char)*c) * 1099511628211u;
	for (const char *c = l->where.file; *c; c++)
		h = (h ^ (unsigned char)*c) * 1099511628211u;
	h = (h ^ l->where.line) * 1099511628211u;
	h = (h ^ ++l->n_drawn) * 1099511628211u;
	h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	snprintf(text, sizeof(text), "%lld", min + (long long)(h % (uint64_t)(max - min + 1)));
	return conf_pool_strdup(l->env.pool, text);
}

/* A built-in with parameters, which are the `n` characters at `args`. NULL: reported. */
static const char *computed(struct conf_lex *l, const char *name, size_t name_len, const char *args, size_t n)
{
	struct conf_words w = { 0 };
	const char *text = conf_pool_strndup(l->env.pool, args, n), *value;
	bool bad = conf_split_line(l->env.pool, text, 3, &w) != CONF_SPLIT_OK;
	char *end = NULL;
	long long v[2] = { 0, 32767 };

	if (is_name("_ENV", name, name_len)) {
		value = !bad && w.n == 1 ? getenv(w.w[0]) : NULL;
		if (bad || w.n != 1)
			conf_error(l->env.findings, &l->where, "${_ENV NAME} needs one name");
		else if (!value)
			conf_error(l->env.findings, &l->where, "${_ENV %.64s}: there is no such variable", w.w[0]);
		if (!value || !strpbrk(value, "\r\n"))
			return value;
		conf_error(l->env.findings, &l->where, "${_ENV %.64s}: has several lines", w.w[0]);
		return NULL;
	}
	for (size_t i = 0; i < w.n && i < 2; i++) {
		v[i] = strtoll(w.w[i], &end, 10);
		bad |= *end || end == w.w[i] || v[i] < 0 || v[i] > INT32_MAX;
	}
	if (bad || w.n > 2 || v[0] > v[1]) {
		conf_error(l->env.findings, &l->where, "${_RANDOM MIN MAX} needs two numbers of 0..%d in their order",
			   INT32_MAX);
		return NULL;
	}
	return draw(l, v[0], v[1]);
}

static bool has_parameters(const char *name, size_t n)
{
	return is_name("_ENV", name, n) || is_name("_RANDOM", name, n);
}

/* The value of the name at s[0..n), or NULL. `*ret_lines`: it has several lines. */
static const char *value_of(struct conf_lex *l, const char *s, size_t n, bool *ret_lines)
{
	struct {
		const char *name, *value;
	} const builtin[] = { { "_HASH", "#" }, { "_BANG", "!" }, { "_INSTANCE", l->env.config_id } };

	*ret_lines = false;
	for (size_t i = 0; i < l->n_defs; i++) {
		if (is_name(l->defs[i].name, s, n)) {
			*ret_lines = l->defs[i].lines;
			return l->defs[i].value;
		}
	}
	for (size_t i = 0; i < ELEMENTSOF(builtin); i++) {
		if (is_name(builtin[i].name, s, n))
			return builtin[i].value;
	}
	return is_name("_PWD", s, n) ? folder_of(l) : NULL;
}

/* If a reference stands at `s`: its name's place and length, and how long the whole of it is. */
static bool is_reference(const char *s, const char **ret_name, size_t *ret_n, size_t *ret_whole)
{
	bool braces = s[1] == '{';
	const char *name = s + 1 + braces;
	size_t n = name_length(name);
	char next = name[n];

	if (n == 0)
		return false;
	/* ${_ENV NAME} and its like have parameters */
	if (braces ? next != '}' && !(next == ' ' && has_parameters(name, n) && strchr(name, '}'))
		   : next && !conf_is_blank(next) && next != ',' && next != ')')
		return false;
	*ret_name = name;
	*ret_n = n;
	*ret_whole = braces ? strcspn(s, "}") + 1 : (size_t)(name - s) + n;
	return true;
}

/* Replaces the reference of `whole` characters at `at` by `value`. False if too much comes of it. */
static bool substitute(struct conf_lex *l, char *at, size_t whole, const char *value)
{
	size_t n = strlen(value);

	l->expanded += n;
	if (strlen(l->line) - whole + n > LINE_MAX_LEN || l->expanded > EXPANSION_MAX)
		return false;
	memmove(at + n, at + whole, strlen(at + whole) + 1);
	memcpy(at, value, n);
	return true;
}

static bool is_quoted(const char *line, const char *at)
{
	bool quoted = false;

	for (; line < at; line++)
		quoted ^= *line == '"';
	return quoted;
}

/* Substitutes until nothing is left to substitute: a value may hold references itself. */
static void substitute_all(struct conf_lex *l)
{
	unsigned count = 0;
	char *s = l->line;

	while ((s = strchr(s, '$'))) {
		const char *name, *value;
		size_t n, whole;
		bool lines;

		if (!is_reference(s, &name, &n, &whole)) {
			s++;
			continue;
		}
		value = value_of(l, name, n, &lines);
		if (!value && has_parameters(name, n)) {
			const char *args = name + n, *end = s[1] == '{' ? s + whole - 1 : args;

			value = computed(l, name, n, args, (size_t)(end - args));
			if (!value) {
				s[0] = '\0';
				return;
			}
		}
		if (!value) { /* undefined names stay as they are, but braces without quotes would not */
			if (s[1] == '{' && !is_quoted(l->line, s))
				conf_error(l->env.findings, &l->where, "${%.*s} is not defined", (int)n, name);
			s++;
			continue;
		}
		if (lines && s[whole]) {
			conf_error(l->env.findings, &l->where, "nothing may follow $%.*s, which has several lines",
				   (int)n, name);
			s[0] = '\0';
			return;
		}
		if (++count > SUBSTITUTIONS_MAX || !substitute(l, s, whole, value)) {
			conf_error(l->env.findings, &l->where, "substituting $NAME does not come to an end here");
			l->line[0] = '\0';
			return;
		}
	}
}

/* --- included files ---------------------------------------------------------------------------------------------- */

/* `found`: by a wildcard, which may find what is no configuration. */
static void push_file(struct conf_lex *l, const char *path, bool found)
{
	struct input *in = &l->inputs[l->n_inputs];
	mode_t mode;
	gid_t gid;
	int r;

	if (conf_file_mode(path, &mode, &gid) == 0 && (!S_ISREG(mode) || (mode & 0111))) {
		conf_finding(l->env.findings, found ? CONF_WARNING : CONF_ERROR, &l->where, "%s %s: %s",
			     found ? "does not include" : "cannot include", path,
			     S_ISREG(mode) ? "it is executable" : "not a regular file");
		return;
	}
	if (l->n_inputs == INPUTS_MAX || l->n_files == INCLUDE_FILES) {
		conf_error(l->env.findings, &l->where, "%s: too many files include each other", path);
		return;
	}
	*in = (struct input){ .file = conf_pool_strdup(l->env.pool, path) };
	r = conf_file_read(path, &in->own);
	if (r < 0) {
		conf_error(l->env.findings, &l->where, "cannot include %s: %s", path, conf_file_error(r));
		return;
	}
	l->n_bytes += in->own.len;
	if (l->n_bytes > CONF_FILE_MAX) {
		conf_error(l->env.findings, &l->where, "cannot include %s: more than 16 MiB in all", path);
		conf_file_done(&in->own);
		return;
	}
	in->text = in->own.text;
	in->len = in->own.len;
	l->n_files++;
	l->n_inputs++;
	conf_findings_file(l->env.findings, in->file);
}

/* What an include demands beside what it may find. */
enum include_demand {
	MUST_MATCH = 1 << 0,   /* something, by any of its alternatives */
	EACH_MATCHES = 1 << 1, /* each alternative in braces matches something */
};

struct matches {
	char **paths; /* from the pool */
	bool *found;  /* by a wildcard */
	size_t n;
};

/* Adds what matches one pattern without braces, in the order of the names. False if there is nothing. */
static bool match_one(struct conf_lex *l, const char *pattern, struct matches *m)
{
	_cleanup_(freep) char *list = conf_file_glob(pattern);

	for (const char *name = list; name && *name && m->n < INPUTS_MAX; name += strlen(name) + 1) {
		bool twice = false;

		for (size_t k = 0; k < m->n; k++)
			twice |= strcmp(m->paths[k], name) == 0;
		if (twice)
			continue;
		m->paths[m->n] = conf_pool_strdup(l->env.pool, name);
		m->found[m->n++] = strcmp(name, pattern) != 0;
	}
	return list != NULL;
}

/* The first group of braces that has no other inside; false if there is none. */
static bool find_braces(const char *text, size_t *open, size_t *close)
{
	bool any = false;

	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '{') {
			*open = i;
			any = true;
		} else if (text[i] == '}' && any) {
			*close = i;
			return true;
		}
	}
	return false;
}

/* {a,b}: every alternative on its own. False if one of them matches nothing; with EACH_MATCHES that is reported. */
static bool match_all(struct conf_lex *l, const char *pattern, unsigned demand, unsigned depth, struct matches *m)
{
	size_t open = 0, close = 0, from;
	bool all = true;

	if (!find_braces(pattern, &open, &close) || depth > 8) {
		all = match_one(l, pattern, m);
		if (!all && (demand & EACH_MATCHES))
			conf_error(l->env.findings, &l->where, "cannot include %s: no such file", pattern);
		return all;
	}
	for (from = open + 1; from <= close && m->n < INPUTS_MAX;) {
		size_t n = strcspn(pattern + from, ",}");
		char *one = conf_pool_alloc(l->env.pool, strlen(pattern) + 1);

		memcpy(one, pattern, open);
		memcpy(one + open, pattern + from, n);
		strcpy(one + open + n, pattern + close + 1);
		all &= match_all(l, one, demand, depth + 1, m);
		from += n + 1;
	}
	return all;
}

/* Files are pushed from the last to the first, so that they come in their order. */
static void include_pattern(struct conf_lex *l, const char *pattern, unsigned demand)
{
	const char *here = l->inputs[l->n_inputs - 1].file;
	const char *slash = strrchr(here, '/');
	_cleanup_(freep) char *path = NULL;
	struct matches m = { .paths = conf_pool_array(l->env.pool, INPUTS_MAX, sizeof(char *)),
			     .found = conf_pool_array(l->env.pool, INPUTS_MAX, sizeof(bool)) };

	if (asprintf(&path, "%.*s%s", pattern[0] == '/' || !slash ? 0 : (int)(slash - here + 1), here, pattern) < 0) {
		path = NULL;
		return;
	}
	match_all(l, path, demand, 0, &m);
	if (m.n == 0 && !(demand & EACH_MATCHES) && ((demand & MUST_MATCH) || !strpbrk(pattern, "*?[{")))
		conf_error(l->env.findings, &l->where, "cannot include %s: no such file", path);
	while (m.n-- > 0)
		push_file(l, m.paths[m.n], m.found[m.n]);
}

/* True if the line is an include, which is then done with. */
static bool take_include(struct conf_lex *l, char *line)
{
	size_t n = strcspn(line, " \t");
	char *pattern = line + n + strspn(line + n, " \t");
	char kind;

	if (strncmp(line, "include", 7) != 0 || n > 8 || (n == 8 && !strchr("rmwba", line[7])))
		return false;
	kind = n == 8 ? line[7] : '\0';
	if (pattern[0] == '"') { /* quotes are for blanks in the name */
		pattern++;
		pattern[strcspn(pattern, "\"")] = '\0';
	}
	if (strchr(line, '\n'))
		conf_error(l->env.findings, &l->where, "include: cannot stand in a definition of several lines");
	else if (!*pattern)
		conf_error(l->env.findings, &l->where, "include: a file name is missing");
	else if (!l->env.files)
		conf_error(l->env.findings, &l->where, "include: not possible here");
	else
		include_pattern(l, pattern,
				(kind == 'm' || kind == 'w' || kind == 'a' ? MUST_MATCH : 0) |
					(kind == 'b' || kind == 'a' ? EACH_MATCHES : 0));
	return true;
}

/* --- tokens ------------------------------------------------------------------------------------------------------ */

/* Makes the next line that may hold tokens the current one. False at the end of everything. */
static bool fetch(struct conf_lex *l)
{
	struct input *in = &l->inputs[l->n_inputs - 1];

	if (l->expanded > EXPANSION_MAX) /* reported */
		return false;
	while (!take_line(l, in)) {
		if (l->n_inputs == 1)
			return false;
		conf_file_done(&in->own);
		in = &l->inputs[--l->n_inputs - 1];
	}
	apply_conditions(l);
	if (is_definition(l->line)) {
		take_definition(l, in);
		l->line[0] = '\0';
	}
	if (strncmp(l->line, "~SEQ", 4) == 0 || strncmp(l->line, "~LST", 4) == 0) {
		conf_error(l->env.findings, &l->where, "%.4s is not supported by this version", l->line);
		l->line[0] = '\0';
	}
	substitute_all(l);
	l->rest = l->line;
	l->fresh = true;
	return true;
}

/* Cuts the text before the next brace or line break off l->rest and copies it, trimmed, to l->piece. */
static void cut_piece(struct conf_lex *l)
{
	bool quoted = false;
	size_t n = 0;

	for (; l->rest[n] && l->rest[n] != '\n'; n++) {
		if (l->rest[n] == '"')
			quoted = !quoted;
		else if (!quoted && (l->rest[n] == '{' || l->rest[n] == '}'))
			break;
	}
	memcpy(l->piece, l->rest, n);
	l->piece[n] = '\0';
	trim(l->piece);
	l->rest += n;
}

enum conf_token conf_lex_next(struct conf_lex *l, const char **text, struct conf_where *where)
{
	for (;;) {
		if (!l->rest) {
			bool more = fetch(l);

			*where = l->where;
			if (!more)
				return LEX_END;
		}
		*where = l->where;
		if (*l->rest == '\n')
			l->fresh = true;
		if (conf_is_blank(*l->rest)) {
			l->rest++;
			continue;
		}
		if (l->fresh && take_include(l, l->rest)) {
			l->rest = NULL;
			continue;
		}
		l->fresh = false;
		switch (*l->rest) {
		case '\0':
			l->rest = NULL;
			continue;
		case '{':
			l->rest++;
			return LEX_OPEN;
		case '}':
			l->rest++;
			return LEX_CLOSE;
		default:
			cut_piece(l);
			if (!l->piece[0])
				continue;
			*text = l->piece;
			return LEX_LINE;
		}
	}
}
