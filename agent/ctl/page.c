/* SPDX-License-Identifier: Apache-2.0 */
/* How status is laid out: labels, parts of a line, tables. What stands in them is the business of status.c and
 * status_instance.c. */
#include "agent/ctl/page.h"

#include "agent/base/cleanup.h"
#include "agent/ctl/text.h"

#include <string.h>

enum { CELL_WIDTH_MAX = 46 }; /* padding never goes beyond: an IPv6 address fits */

#define GREEN "\033[32m"
#define PLAIN "\033[0m"

/* --- values ------------------------------------------------------------------------------------------------------ */

const char *value_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

const char *value_some_text(const json_t *o, const char *key)
{
	const char *s = value_text(o, key);

	return s && *s ? s : NULL;
}

bool value_number(const json_t *o, const char *key, double *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_number(v))
		return false;
	*ret = json_number_value(v);
	return true;
}

json_int_t value_count(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *value_span(const json_t *o, const char *key, char *buf, size_t size)
{
	double s;

	return value_number(o, key, &s) ? ctl_format_span(s, buf, size) : NULL;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

void page_label(struct page *p, const char *name)
{
	fprintf(p->out, "  %-*s ", PAGE_LABEL_WIDTH, name);
}

void page_coloured(struct page *p, const char *colour, const char *text)
{
	fputs(p->colour && colour ? colour : "", p->out);
	ctl_print_text(text, p->out);
	fputs(p->colour && colour ? PLAIN : "", p->out);
}

void page_line(struct page *p, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	page_label(p, name);
	ctl_print_text(text, p->out);
	fputc('\n', p->out);
}

static const char *state_colour(const char *state)
{
	static const struct {
		const char *state, *colour;
	} known[] = { { "MASTER", GREEN },
		      { "FAULT", PAGE_RED },
		      { "up", GREEN },
		      { "down", PAGE_RED },
		      { "pending", PAGE_YELLOW } };

	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (strcmp(state, known[i].state) == 0)
			return known[i].colour;
	return NULL;
}

void parts_next(struct parts *s)
{
	if (s->n++ == 0)
		page_label(s->page, s->label);
	else
		fputs(", ", s->page->out);
}

void parts_end(const struct parts *s)
{
	if (s->n)
		fputc('\n', s->page->out);
}

void parts_text(struct parts *s, const char *before, const char *text, const char *after)
{
	if (!text || !*text)
		return;
	parts_next(s);
	fputs(before, s->page->out);
	ctl_print_text(text, s->page->out);
	fputs(after, s->page->out);
}

void parts_count(struct parts *s, const json_t *o, const char *key, const char *before, const char *after)
{
	if (!json_is_integer(json_object_get(o, key)))
		return;
	parts_next(s);
	fprintf(s->page->out, "%s%" JSON_INTEGER_FORMAT "%s", before, value_count(o, key), after);
}

/* --- tables ------------------------------------------------------------------------------------------------------ */

static void print_row(struct page *p, const struct cells *c, const size_t *widths, size_t columns)
{
	for (size_t i = 0; i < columns; i++) {
		const char *text = c->text[i] ? c->text[i] : "-";

		ctl_print_text(text, p->out);
		if (i + 1 < columns)
			for (size_t w = ctl_text_width(text); w < widths[i] + 2; w++)
				fputc(' ', p->out);
	}
	fputc('\n', p->out);
}

void page_table(struct page *p, const char *name, const json_t *items, const struct cells *headings, size_t columns,
		page_row_fn row)
{
	size_t widths[PAGE_COLUMNS_MAX] = { 0 };

	if (json_array_size(items) == 0)
		return;
	for (size_t i = 0; i <= json_array_size(items); i++) {
		struct cells c = *headings;

		if (i > 0)
			row(json_array_get(items, i - 1), &c);
		for (size_t k = 0; k < columns; k++) {
			size_t w = c.text[k] ? ctl_text_width(c.text[k]) : 1;

			w = w < CELL_WIDTH_MAX ? w : CELL_WIDTH_MAX;
			widths[k] = w > widths[k] ? w : widths[k];
		}
	}
	page_label(p, name);
	print_row(p, headings, widths, columns);
	for (size_t i = 0; i < json_array_size(items); i++) {
		struct cells c = { 0 };

		row(json_array_get(items, i), &c);
		page_label(p, "");
		print_row(p, &c, widths, columns);
	}
}

const char *cells_count(struct cells *c, size_t column, const json_t *item, const char *key)
{
	if (!json_is_integer(json_object_get(item, key)))
		return NULL;
	snprintf(c->own[column], sizeof(c->own[column]), "%" JSON_INTEGER_FORMAT, value_count(item, key));
	return c->own[column];
}

void page_headline(struct page *p, const json_t *o, const char *kind, const char *cause)
{
	const char *name = value_some_text(o, "name"), *state = value_some_text(o, "state");
	char span[32];
	const char *since = value_span(o, "since_s", span, sizeof(span));

	fputc('\n', p->out);
	page_coloured(p, PAGE_BOLD, name ? name : "(no name)");
	fputs("  ", p->out);
	if (kind) {
		ctl_print_text(kind, p->out);
		fputs("  ", p->out);
	}
	page_coloured(p, state ? state_colour(state) : NULL, state ? state : "(no state)");
	if (since)
		fprintf(p->out, " for %s", since);
	if (cause) {
		fputs(": ", p->out);
		ctl_print_text(cause, p->out);
	}
	fputc('\n', p->out);
}
