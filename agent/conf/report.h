/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about a configuration: formatted, made safe to print, counted, and bounded in number. */
#pragma once

#include "agent/conf/conf.h"

/* After that many a file is not worth reading line by line; the rest is counted and told as one number. */
enum { CONF_FINDINGS_MAX = 200 };

struct conf_kept; /* a finding that waits to be reported */
struct conf_order;

/* All zero: counts, and reports nothing. */
struct conf_findings {
	conf_report_fn report;
	void *user;
	unsigned errors, warnings;
	unsigned shown, hidden;
	struct conf_pool *pool; /* of what follows; NULL without `report` */
	struct conf_kept *kept;
	struct conf_order *files, **files_end;
};

/* To be followed by conf_findings_end(). `report` may be NULL. */
struct conf_findings conf_findings_begin(conf_report_fn report, void *user);

/* Tells that a file is read now, which orders the findings. */
void conf_findings_file(struct conf_findings *f, const char *file);

/* Keeps one finding. Bytes that a terminal might obey are replaced. */
void conf_finding(struct conf_findings *f, enum conf_level level, const struct conf_where *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define conf_error(f, where, ...) conf_finding(f, CONF_ERROR, where, __VA_ARGS__)
#define conf_warn(f, where, ...)  conf_finding(f, CONF_WARNING, where, __VA_ARGS__)

/* True when further findings are only counted, so that effort on their wording would be lost. */
static inline bool conf_findings_full(const struct conf_findings *f)
{
	return f->shown >= CONF_FINDINGS_MAX;
}

/* Reports everything in the order of files and lines, and last, for `where`, how many findings were held back, if any.
 * Releases what `f` holds, but its numbers. */
void conf_findings_end(struct conf_findings *f, const struct conf_where *where);

bool conf_same_file(const struct conf_where *a, const struct conf_where *b);

/* "line 7", or "/etc/sqlvip/sqlvip.conf:7" where a finding at `here` speaks of another file. */
struct conf_place {
	char text[512];
} conf_place(const struct conf_where *other, const struct conf_where *here);

/* The candidate that `word` is most likely a slip of, or NULL. `candidate(user, i)` yields NULL at the end. */
const char *conf_nearest(const char *word, const char *(*candidate)(const void *user, size_t i), const void *user);
