/* SPDX-License-Identifier: Apache-2.0 */
/* How status is laid out. Every value is optional and of any type: what does not fit is left out. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PAGE_BOLD   "\033[1m"
#define PAGE_RED    "\033[31m"
#define PAGE_YELLOW "\033[33m"

struct page {
	FILE *out;
	bool colour;
};

/* --- values ------------------------------------------------------------------------------------------------------ */

/* NULL if it is no text; the second also if it is empty. */
const char *value_text(const json_t *o, const char *key);
const char *value_some_text(const json_t *o, const char *key);
/* False if it is no number. */
bool value_number(const json_t *o, const char *key, double *ret);
/* 0 if it is no whole number. */
json_int_t value_count(const json_t *o, const char *key);
/* As ctl_format_span(); NULL if it is no number. */
const char *value_span(const json_t *o, const char *key, char *buf, size_t size);

/* --- lines ------------------------------------------------------------------------------------------------------- */

enum { PAGE_LABEL_WIDTH = 10 };

/* What a line of a block begins with. */
void page_label(struct page *p, const char *name);
/* `colour` may be NULL. */
void page_coloured(struct page *p, const char *colour, const char *text);
/* A label and a text; nothing if there is no text. */
void page_line(struct page *p, const char *name, const char *text);
/* "NAME  STATE for 3 min 12 s: cause", after an empty line. `kind` and `cause` may be NULL. */
void page_headline(struct page *p, const json_t *o, const char *kind, const char *cause);

/* Parts of one line, with what stands between them. Without parts there is no line. */
struct parts {
	struct page *page;
	const char *label;
	unsigned n;
};

/* To be called before something is printed as a part; the functions below do. */
void parts_next(struct parts *s);
void parts_text(struct parts *s, const char *before, const char *text, const char *after);
void parts_count(struct parts *s, const json_t *o, const char *key, const char *before, const char *after);
void parts_end(const struct parts *s);

/* --- tables ------------------------------------------------------------------------------------------------------ */

enum { PAGE_COLUMNS_MAX = 5 };

struct cells {
	const char *text[PAGE_COLUMNS_MAX]; /* NULL is "-" */
	char own[PAGE_COLUMNS_MAX][48];     /* for texts made by the row */
};

typedef void (*page_row_fn)(const json_t *item, struct cells *c);

/* A label, then one line for each item, in columns; the first line holds the headings. */
void page_table(struct page *p, const char *name, const json_t *items, const struct cells *headings, size_t columns,
		page_row_fn row);
/* For a row: the number as text, made in `column`; NULL if it is none. */
const char *cells_count(struct cells *c, size_t column, const json_t *item, const char *key);
