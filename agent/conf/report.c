/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about a configuration, and the guess at what a misspelt word was meant to be. The texts come from the
 * files that find something; where they go is the caller's business (conf_report_fn). */
#include "agent/conf/report.h"

#include "agent/base/cleanup.h"
#include "agent/conf/pool.h"

#include <stdarg.h>

enum { TEXT_MAX = 1024, WORD_MAX = 48 };

struct conf_kept {
	enum conf_level level;
	struct conf_where where; /* file NULL: it is about none */
	const char *text;
	size_t file, at; /* place among the files, and among the findings */
};

struct conf_order {
	struct conf_order *next;
	const char *file;
};

static void make_printable(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

struct conf_findings conf_findings_begin(conf_report_fn report, void *user)
{
	struct conf_findings f = { .report = report, .user = user };

	if (!report)
		return f;
	f.pool = conf_pool_new();
	f.kept = conf_pool_array(f.pool, CONF_FINDINGS_MAX, sizeof(*f.kept));
	return f;
}

bool conf_same_file(const struct conf_where *a, const struct conf_where *b)
{
	return a->file == b->file || (a->file && b->file && strcmp(a->file, b->file) == 0);
}

struct conf_place conf_place(const struct conf_where *other, const struct conf_where *here)
{
	struct conf_place p;

	if (conf_same_file(other, here))
		snprintf(p.text, sizeof(p.text), "line %u", other->line);
	else
		snprintf(p.text, sizeof(p.text), "%s:%u", other->file, other->line);
	return p;
}

void conf_findings_file(struct conf_findings *f, const char *file)
{
	struct conf_order *o;

	if (!f->pool)
		return;
	o = conf_pool_alloc(f->pool, sizeof(*o));
	o->file = conf_pool_strdup(f->pool, file);
	*(f->files_end ? f->files_end : &f->files) = o;
	f->files_end = &o->next;
}

void conf_finding(struct conf_findings *f, enum conf_level level, const struct conf_where *where, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	f->errors += level == CONF_ERROR;
	f->warnings += level == CONF_WARNING;
	if (f->shown >= CONF_FINDINGS_MAX) {
		f->hidden++;
		return;
	}
	if (!f->pool) {
		f->shown++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_printable(text);
	f->kept[f->shown] =
		(struct conf_kept){ .level = level, .text = conf_pool_strdup(f->pool, text), .at = f->shown };
	if (where && where->file)
		f->kept[f->shown].where = (struct conf_where){ conf_pool_strdup(f->pool, where->file), where->line };
	f->shown++;
}

/* A file that nobody told of, such as one that libconfig includes, comes after the others. */
static size_t rank(const struct conf_findings *f, const char *file)
{
	size_t n = 0;

	if (!file)
		return 0;
	for (const struct conf_order *o = f->files; o; o = o->next, n++)
		if (strcmp(o->file, file) == 0)
			break;
	return 1 + n;
}

static int compare_kept(const void *a, const void *b)
{
	const struct conf_kept *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->where.line != y->where.line)
		return x->where.line < y->where.line ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

void conf_findings_end(struct conf_findings *f, const struct conf_where *where)
{
	char text[TEXT_MAX];

	if (!f->pool)
		return;
	for (unsigned i = 0; i < f->shown; i++)
		f->kept[i].file = rank(f, f->kept[i].where.file);
	qsort(f->kept, f->shown, sizeof(*f->kept), compare_kept);
	for (unsigned i = 0; i < f->shown; i++)
		f->report(f->user, f->kept[i].level, &f->kept[i].where, f->kept[i].text);
	if (f->hidden > 0) {
		snprintf(text, sizeof(text), "%u more findings are not shown", f->hidden);
		f->report(f->user, CONF_NOTE, where, text);
	}
	f->pool = conf_pool_free(f->pool);
	f->kept = NULL;
	f->files = NULL;
	f->files_end = NULL;
}

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters inserted, dropped, replaced, or swapped with their neighbour. Both words are at most WORD_MAX long. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= na; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			best = min_of(best, min_of(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = min_of(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	}
	return d[na][nb];
}

const char *conf_nearest(const char *word, const char *(*candidate)(const void *user, size_t i), const void *user)
{
	size_t n = strlen(word);
	unsigned best = 1 + (unsigned)(n / 3); /* a third of the letters may be wrong */
	const char *ret = NULL;
	const char *c;

	if (n > WORD_MAX)
		return NULL;
	for (size_t i = 0; (c = candidate(user, i)); i++) {
		size_t m = strlen(c);
		unsigned d;

		if (m == 0 || m > WORD_MAX || (m > n ? m - n : n - m) > best)
			continue;
		d = distance(word, n, c, m);
		if (d < best || (d == best && !ret)) {
			best = d;
			ret = c;
		}
	}
	return ret;
}
