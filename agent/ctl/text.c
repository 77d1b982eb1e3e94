/* SPDX-License-Identifier: Apache-2.0 */
/* The status document as text for people, one block for the agent, each instance and each check. It trusts neither
 * types nor texts of the document. Fetching it is agent/ctl/ctl.c's business. */
#include "agent/ctl/text.h"

#include "agent/base/cleanup.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
	LABEL_WIDTH = 10,
	LINE_WIDTH = 100,   /* where lists are wrapped */
	VIPS_LISTED = 8,    /* beyond that only those that are missing, and not all of them */
	COLUMNS_MAX = 5,    /* of a table */
	CELL_WIDTH_MAX = 46 /* padding never goes beyond: an IPv6 address fits */
};

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define BOLD   "\033[1m"
#define PLAIN  "\033[0m"

struct page {
	FILE *out;
	bool colour;
};

/* --- values ------------------------------------------------------------------------------------------------------ */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* NULL for an empty text, too. */
static const char *some_text_of(const json_t *o, const char *key)
{
	const char *s = text_of(o, key);

	return s && *s ? s : NULL;
}

static bool number_of(const json_t *o, const char *key, double *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_number(v))
		return false;
	*ret = json_number_value(v);
	return true;
}

static json_int_t count_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* Code points that move the cursor, end the line or turn the direction of the text. */
static bool acts_on_terminal(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Takes one code point off UTF-8; returns its length in bytes. What is not valid (jansson lets none through, the
 * command line does) is taken as 0, bytewise. */
static size_t decode(const char *s, uint32_t *ret)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0xc0 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? u[0] : u[0] & (0xffU >> (n + 1));

	*ret = 0;
	if (n == 1 && c >= 0x80)
		return 1;
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return i;
		c = c << 6 | (u[i] & 0x3f);
	}
	*ret = c;
	return n;
}

void ctl_print_text(const char *text, FILE *out)
{
	while (*text) {
		uint32_t c;
		size_t n = decode(text, &c);

		if (acts_on_terminal(c))
			fprintf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
		else
			fwrite(text, 1, n, out);
		text += n;
	}
}

/* In columns, as ctl_print_text() writes it. Wide characters count as one. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	while (*text) {
		uint32_t c;

		text += decode(text, &c);
		width += !acts_on_terminal(c) ? 1 : c < 0x100 ? 4 : 6;
	}
	return width;
}

const char *ctl_format_span(double s, char *buf, size_t size)
{
	if (!isfinite(s) || s < 0)
		snprintf(buf, size, "?");
	else if (s < 0.0995)
		snprintf(buf, size, "%.0f ms", s * 1e3);
	else if (s < 9.95)
		snprintf(buf, size, "%.1f s", s);
	else if (s < 60)
		snprintf(buf, size, "%.0f s", s);
	else if (s < 3600)
		snprintf(buf, size, "%d min %d s", (int)s / 60, (int)s % 60);
	else if (s < 86400)
		snprintf(buf, size, "%d h %d min", (int)s / 3600, (int)s % 3600 / 60);
	else if (s < 1e9)
		snprintf(buf, size, "%d d %d h", (int)s / 86400, (int)s % 86400 / 3600);
	else
		snprintf(buf, size, "%.3g d", s / 86400);
	return buf;
}

static const char *span_of(const json_t *o, const char *key, char *buf, size_t size)
{
	double s;

	return number_of(o, key, &s) ? ctl_format_span(s, buf, size) : NULL;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

static void label(struct page *p, const char *name)
{
	fprintf(p->out, "  %-*s ", LABEL_WIDTH, name);
}

static void coloured(struct page *p, const char *colour, const char *text)
{
	fputs(p->colour && colour ? colour : "", p->out);
	ctl_print_text(text, p->out);
	fputs(p->colour && colour ? PLAIN : "", p->out);
}

static void text_line(struct page *p, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	label(p, name);
	ctl_print_text(text, p->out);
	fputc('\n', p->out);
}

static const char *state_colour(const char *state)
{
	static const struct {
		const char *state, *colour;
	} known[] = { { "MASTER", GREEN }, { "FAULT", RED }, { "up", GREEN }, { "down", RED }, { "pending", YELLOW } };

	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (strcmp(state, known[i].state) == 0)
			return known[i].colour;
	return NULL;
}

/* Parts of one line, with what stands between them. */
struct parts {
	struct page *page;
	const char *label;
	unsigned n;
};

static void part(struct parts *s)
{
	if (s->n++ == 0)
		label(s->page, s->label);
	else
		fputs(", ", s->page->out);
}

static void parts_end(const struct parts *s)
{
	if (s->n)
		fputc('\n', s->page->out);
}

static void part_text(struct parts *s, const char *before, const char *text, const char *after)
{
	if (!text || !*text)
		return;
	part(s);
	fputs(before, s->page->out);
	ctl_print_text(text, s->page->out);
	fputs(after, s->page->out);
}

static void part_count(struct parts *s, const json_t *o, const char *key, const char *before, const char *after)
{
	if (!json_is_integer(json_object_get(o, key)))
		return;
	part(s);
	fprintf(s->page->out, "%s%" JSON_INTEGER_FORMAT "%s", before, count_of(o, key), after);
}

/* --- tables ------------------------------------------------------------------------------------------------------ */

struct cells {
	const char *text[COLUMNS_MAX]; /* NULL is "-" */
	char own[COLUMNS_MAX][48];     /* for texts made here */
};

typedef void (*row_fn)(const json_t *item, struct cells *c);

static void print_row(struct page *p, const struct cells *c, const size_t *widths, size_t columns)
{
	for (size_t i = 0; i < columns; i++) {
		const char *text = c->text[i] ? c->text[i] : "-";

		ctl_print_text(text, p->out);
		if (i + 1 < columns)
			for (size_t w = width_of(text); w < widths[i] + 2; w++)
				fputc(' ', p->out);
	}
	fputc('\n', p->out);
}

/* A label, then one line for each item, in columns; the first line holds the headings. */
static void table(struct page *p, const char *name, const json_t *items, const struct cells *headings, size_t columns,
		  row_fn row)
{
	size_t widths[COLUMNS_MAX] = { 0 };

	if (json_array_size(items) == 0)
		return;
	for (size_t i = 0; i <= json_array_size(items); i++) {
		struct cells c = *headings;

		if (i > 0)
			row(json_array_get(items, i - 1), &c);
		for (size_t k = 0; k < columns; k++) {
			size_t w = c.text[k] ? width_of(c.text[k]) : 1;

			w = w < CELL_WIDTH_MAX ? w : CELL_WIDTH_MAX;
			widths[k] = w > widths[k] ? w : widths[k];
		}
	}
	label(p, name);
	print_row(p, headings, widths, columns);
	for (size_t i = 0; i < json_array_size(items); i++) {
		struct cells c = { 0 };

		row(json_array_get(items, i), &c);
		label(p, "");
		print_row(p, &c, widths, columns);
	}
}

static const char *own_count(struct cells *c, size_t column, const json_t *item, const char *key)
{
	if (!json_is_integer(json_object_get(item, key)))
		return NULL;
	snprintf(c->own[column], sizeof(c->own[column]), "%" JSON_INTEGER_FORMAT, count_of(item, key));
	return c->own[column];
}

static void peer_row(const json_t *item, struct cells *c)
{
	char span[32];
	const char *heard = span_of(item, "last_heard_s", span, sizeof(span));

	c->text[0] = some_text_of(item, "address");
	c->text[1] = own_count(c, 1, item, "priority");
	if (heard)
		snprintf(c->own[2], sizeof(c->own[2]), "%s ago", heard);
	c->text[2] = heard ? c->own[2] : NULL;
	c->text[3] = own_count(c, 3, item, "adverts");
}

static void contribution_row(const json_t *item, struct cells *c)
{
	c->text[0] = some_text_of(item, "name");
	c->text[1] = some_text_of(item, "kind");
	c->text[2] = some_text_of(item, "state");
	c->text[3] = own_count(c, 3, item, "weight");
	c->text[4] = some_text_of(item, "effect");
}

/* --- an instance ------------------------------------------------------------------------------------------------- */

/* `name`  STATE for 3 min 12 s: cause */
static void headline(struct page *p, const json_t *o, const char *kind, const char *cause)
{
	const char *name = some_text_of(o, "name"), *state = some_text_of(o, "state");
	char span[32];
	const char *since = span_of(o, "since_s", span, sizeof(span));

	fputc('\n', p->out);
	coloured(p, BOLD, name ? name : "(no name)");
	fputs("  ", p->out);
	if (kind) {
		ctl_print_text(kind, p->out);
		fputs("  ", p->out);
	}
	coloured(p, state ? state_colour(state) : NULL, state ? state : "(no state)");
	if (since)
		fprintf(p->out, " for %s", since);
	if (cause) {
		fputs(": ", p->out);
		ctl_print_text(cause, p->out);
	}
	fputc('\n', p->out);
}

static void print_peers(struct parts *s, const json_t *peers)
{
	const json_t *peer;
	size_t i;

	if (json_array_size(peers) == 0)
		part_text(s, "", "unicast to nobody", "");
	json_array_foreach(peers, i, peer) part_text(s, "unicast to ", json_string_value(peer), "");
}

static void print_wire(struct page *p, const json_t *inst)
{
	const char *family = some_text_of(inst, "family");
	struct parts s = { .page = p, .label = "interface" };
	double s_int;

	part_text(&s, "", text_of(inst, "interface"), "");
	part_count(&s, inst, "vrid", "VRID ", "");
	part_count(&s, inst, "version", "VRRPv", "");
	if (family && strcmp(family, "ipv6") == 0)
		part_text(&s, "", "IPv6", "");
	if (json_is_true(json_object_get(inst, "unicast")))
		print_peers(&s, json_object_get(inst, "sends_to"));
	if (number_of(inst, "advert_int_s", &s_int)) {
		part(&s);
		fprintf(p->out, "advert every %.3g s", s_int);
	}
	parts_end(&s);
}

static void print_lease(struct page *p, const json_t *lease)
{
	const char *why_not = some_text_of(lease, "why_not");
	double left, length;

	if (why_not) {
		fputs(", no lease: ", p->out);
		ctl_print_text(why_not, p->out);
	} else if (number_of(lease, "left_s", &left) && number_of(lease, "length_s", &length)) {
		fprintf(p->out, ", lease of %.0f s, %.1f s left", length, left);
	}
}

static void print_vip(struct page *p, const json_t *vip)
{
	const char *address = some_text_of(vip, "address"), *dev = some_text_of(vip, "dev");
	const json_t *present = json_object_get(vip, "present");

	ctl_print_text(address ? address : "-", p->out);
	if (dev) {
		fputs(" on ", p->out);
		ctl_print_text(dev, p->out);
	}
	if (json_is_boolean(present))
		fputs(json_is_true(present) ? ", present" : ", not present", p->out);
	print_lease(p, json_object_get(vip, "lease"));
	fputc('\n', p->out);
}

static void print_vips(struct page *p, const json_t *vips)
{
	size_t n = json_array_size(vips), present = 0, listed = 0;
	bool all = n <= VIPS_LISTED;

	for (size_t i = 0; i < n; i++)
		present += json_is_true(json_object_get(json_array_get(vips, i), "present"));
	if (!all) {
		label(p, "VIPs");
		fprintf(p->out, "%zu, of which %zu present\n", n, present);
	}
	/* All or none of many is the ordinary case, and told already. */
	for (size_t i = 0; i < n && listed < VIPS_LISTED && (all || (present && present < n)); i++) {
		const json_t *vip = json_array_get(vips, i);

		if (!all && json_is_true(json_object_get(vip, "present")))
			continue;
		label(p, all && listed == 0 ? "VIPs" : "");
		print_vip(p, vip);
		listed++;
	}
}

static void print_priority(struct page *p, const json_t *priority)
{
	static const struct cells headings = { .text = { "TRACKED", "KIND", "STATE", "WEIGHT", "EFFECT" } };
	struct parts s = { .page = p, .label = "priority" };

	part_count(&s, priority, "effective", "", "");
	part_count(&s, priority, "base", "base ", "");
	parts_end(&s);
	table(p, "", json_object_get(priority, "contributions"), &headings, 5, contribution_row);
}

static void print_faults(struct page *p, const json_t *faults)
{
	for (size_t i = 0; i < json_array_size(faults); i++) {
		const char *text = json_string_value(json_array_get(faults, i));

		if (!text)
			continue;
		label(p, i == 0 ? "fault" : "");
		coloured(p, RED, text);
		fputc('\n', p->out);
	}
}

static void print_timers(struct page *p, const json_t *inst)
{
	struct parts s = { .page = p, .label = "timers" };
	double down_s, skew_s;

	if (number_of(inst, "down_s", &down_s)) {
		part(&s);
		fprintf(p->out, "down after %.3f s", down_s);
	}
	if (number_of(inst, "skew_s", &skew_s)) {
		part(&s);
		fprintf(p->out, "skew %.3f s", skew_s);
	}
	parts_end(&s);
}

/* Those that counted something, wrapped. */
static void print_counters(struct page *p, json_t *counters)
{
	const char *key;
	json_t *value;
	size_t column = LINE_WIDTH;
	bool any = false;

	json_object_foreach(counters, key, value)
	{
		char number[32];
		size_t width;

		if (!json_is_integer(value) || json_integer_value(value) == 0)
			continue;
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		width = width_of(key) + 1 + strlen(number) + 2;
		if (column + width > LINE_WIDTH) {
			fputs(any ? ",\n" : "", p->out);
			label(p, any ? "" : "counters");
			column = LABEL_WIDTH + 3;
		} else {
			fputs(", ", p->out);
		}
		ctl_print_text(key, p->out);
		fprintf(p->out, " %s", number);
		column += width;
		any = true;
	}
	if (any)
		fputc('\n', p->out);
}

static void print_last_hook(struct page *p, const json_t *last)
{
	const char *hook = some_text_of(last, "hook"), *state = some_text_of(last, "state");
	struct parts s = { .page = p, .label = "" };
	char span[32];

	if (!hook)
		return;
	part_text(&s, "last ", hook, "");
	if (state) {
		fputs(" for ", p->out);
		ctl_print_text(state, p->out);
	}
	part_text(&s, "", text_of(last, "outcome"), "");
	part_text(&s, "ran ", span_of(last, "duration_s", span, sizeof(span)), "");
	part_text(&s, "ended ", span_of(last, "ended_ago_s", span, sizeof(span)), " ago");
	parts_end(&s);
}

static void print_pre_take(struct page *p, const json_t *pre_take)
{
	struct parts s = { .page = p, .label = "pre-take" };
	double retry_s;
	char text[32];

	if (json_is_true(json_object_get(pre_take, "asking")))
		part_text(&s, "", "is being asked, the addresses wait", "");
	part_text(&s, "last: ", some_text_of(pre_take, "last"), "");
	if (count_of(pre_take, "vetoes"))
		part_count(&s, pre_take, "vetoes", "vetoes: ", "");
	if (number_of(pre_take, "retry_in_s", &retry_s)) {
		snprintf(text, sizeof(text), "%.0f s", retry_s);
		part_text(&s, "asked again in ", text, "");
	}
	parts_end(&s);
}

static void print_hooks(struct page *p, const json_t *hooks)
{
	static const struct {
		const char *key, *word;
	} counts[] = { { "failed", " failed" },
		       { "timed_out", " timed out" },
		       { "overflowed", " not run: too many waited" },
		       { "coalesced", " of inferior masters left out" },
		       { "queued", " waiting" } };
	const char *running = some_text_of(hooks, "running");
	struct parts s = { .page = p, .label = "hooks" };

	if (!running && count_of(hooks, "run") == 0 && count_of(hooks, "queued") == 0 &&
	    count_of(hooks, "overflowed") == 0)
		return;
	part_count(&s, hooks, "run", "", " run");
	for (size_t i = 0; i < ELEMENTSOF(counts); i++)
		if (count_of(hooks, counts[i].key))
			part_count(&s, hooks, counts[i].key, "", counts[i].word);
	part_text(&s, "", running, " is running");
	parts_end(&s);
	print_last_hook(p, json_object_get(hooks, "last"));
}

static void print_rival(struct page *p, const json_t *rival)
{
	struct parts s = { .page = p, .label = "rival" };
	char span[32];

	part_text(&s, "", some_text_of(rival, "address"), "");
	if (s.n == 0)
		return;
	part_count(&s, rival, "priority", "priority ", "");
	part_text(&s, "claimed to be master for ", span_of(rival, "for_s", span, sizeof(span)), "");
	part_text(&s, json_is_true(json_object_get(rival, "present")) ? "STILL DOES: heard " : "last heard ",
		  span_of(rival, "last_heard_s", span, sizeof(span)), " ago");
	parts_end(&s);
}

static void print_instance(struct page *p, const json_t *inst)
{
	static const struct cells headings = { .text = { "PEER", "PRIORITY", "HEARD", "ADVERTS" } };

	headline(p, inst, NULL, some_text_of(inst, "cause"));
	print_faults(p, json_object_get(inst, "faults"));
	text_line(p, "withheld", text_of(inst, "withheld"));
	print_vips(p, json_object_get(inst, "vips"));
	text_line(p, "master", text_of(inst, "master"));
	print_rival(p, json_object_get(inst, "rival"));
	table(p, "peers", json_object_get(inst, "peers"), &headings, 4, peer_row);
	print_priority(p, json_object_get(inst, "priority"));
	text_line(p, "sync group", text_of(inst, "sync_group"));
	print_wire(p, inst);
	print_timers(p, inst);
	print_pre_take(p, json_object_get(inst, "pre_take"));
	print_hooks(p, json_object_get(inst, "hooks"));
	print_counters(p, json_object_get(inst, "counters"));
}

/* --- a sync group ------------------------------------------------------------------------------------------------ */

static void print_group(struct page *p, const json_t *group)
{
	const json_t *members = json_object_get(group, "members");
	struct parts s = { .page = p, .label = "members" };

	headline(p, group, "sync group", some_text_of(group, "cause"));
	for (size_t i = 0; i < json_array_size(members); i++)
		part_text(&s, "", json_string_value(json_array_get(members, i)), "");
	parts_end(&s);
	print_hooks(p, json_object_get(group, "hooks"));
}

/* --- a check ----------------------------------------------------------------------------------------------------- */

static void print_answers(struct page *p, const json_t *check)
{
	struct parts s = { .page = p, .label = "answers" };
	char span[32];

	if (count_of(check, "queries") == 0)
		return;
	part_count(&s, check, "latency_us", "", " us");
	part_count(&s, check, "latency_max_us", "at most ", " us");
	part_text(&s, "alive ", span_of(check, "alive_ago_s", span, sizeof(span)), " ago");
	parts_end(&s);
}

static void print_error(struct page *p, const json_t *check)
{
	const char *error = some_text_of(check, "error");
	struct parts s = { .page = p, .label = "last error" };
	char span[32];

	if (!error)
		return;
	if (count_of(check, "error_code"))
		part_count(&s, check, "error_code", "", "");
	part_text(&s, "", error, "");
	part_text(&s, "", span_of(check, "error_ago_s", span, sizeof(span)), " ago");
	parts_end(&s);
}

/* What a check of an alive server saw last, and when. */
static void print_fitness(struct page *p, const json_t *check)
{
	struct parts s = { .page = p, .label = "seen" };
	char span[32];

	part_text(&s, "", text_of(check, "value"), "");
	part_text(&s, "", span_of(check, "result_ago_s", span, sizeof(span)), " ago");
	if (json_is_true(json_object_get(check, "complaint")))
		part_text(&s, "", "see the reason: the check needs attention", "");
	parts_end(&s);
}

static void print_check(struct page *p, const json_t *check)
{
	const char *reason = some_text_of(check, "reason"), *kind = some_text_of(check, "kind");
	struct parts server = { .page = p, .label = "server" }, runs = { .page = p, .label = "runs" };
	struct parts queries = { .page = p, .label = "queries" }, verdict = { .page = p, .label = "verdict" };
	char span[32];

	headline(p, check, kind, reason ? reason : some_text_of(check, "last"));
	part_text(&verdict, "", text_of(check, "verdict"), "");
	part_text(&verdict, "has ", span_of(check, "dead_delay_left_s", span, sizeof(span)), " to be back");
	parts_end(&verdict);
	print_answers(p, check);
	text_line(p, "file", text_of(check, "path"));
	text_line(p, "seen by", text_of(check, "method"));
	print_fitness(p, check);
	part_text(&server, "", text_of(check, "server"), "");
	if (count_of(check, "pid"))
		part_count(&server, check, "pid", "pid ", "");
	part_text(&server, "death is seen by ", text_of(check, "watch"), "");
	parts_end(&server);
	part_count(&queries, check, "queries", "", "");
	if (queries.n) {
		part_count(&queries, check, "failures", "", " failed");
		part_count(&queries, check, "connects", "connections made: ", "");
	}
	parts_end(&queries);
	part_count(&runs, check, "runs", "", "");
	if (runs.n) {
		part_count(&runs, check, "failures", "", " failed");
		part_count(&runs, check, "timeouts", "", " timed out");
		if (json_is_false(json_object_get(check, "tracked")))
			part_text(&runs, "", "not tracked by any instance", "");
	}
	parts_end(&runs);
	print_error(p, check);
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static void print_fifo(struct page *p, const json_t *fifo)
{
	struct parts s = { .page = p, .label = "fifo" };

	part_text(&s, "", text_of(fifo, "path"), "");
	part_text(&s, "", text_of(fifo, "state"), "");
	part_count(&s, fifo, "written", "", " lines written");
	if (count_of(fifo, "waiting"))
		part_count(&s, fifo, "waiting", "waiting: ", "");
	if (count_of(fifo, "lost"))
		part_count(&s, fifo, "lost", "LOST: ", "");
	part_text(&s, "its program is ", some_text_of(fifo, "program"), "");
	parts_end(&s);
}

/* That the last one failed is an alarm already. */
static void print_reload(struct page *p, const json_t *reload)
{
	char span[32];
	const char *ago = span_of(reload, "loaded_ago_s", span, sizeof(span));
	json_int_t count = count_of(reload, "count");

	if (count == 0 || !ago)
		return;
	label(p, "loaded");
	fprintf(p->out, "%s ago, reload %" JSON_INTEGER_FORMAT "%s\n", ago, count,
		json_is_null(json_object_get(reload, "failed")) ? "" : "; the last one failed");
}

static void print_agent(struct page *p, const json_t *status)
{
	const char *version = some_text_of(status, "version");
	char span[32];
	const char *up = span_of(status, "uptime_s", span, sizeof(span));

	coloured(p, BOLD, "sqlvipd");
	if (version) {
		fputc(' ', p->out);
		ctl_print_text(version, p->out);
	}
	if (count_of(status, "pid"))
		fprintf(p->out, "  pid %" JSON_INTEGER_FORMAT, count_of(status, "pid"));
	if (up)
		fprintf(p->out, "  up %s", up);
	if (json_is_true(json_object_get(status, "observe")))
		coloured(p, YELLOW, "  OBSERVE");
	if (json_is_true(json_object_get(status, "stopping")))
		coloured(p, YELLOW, "  stopping");
	fputc('\n', p->out);
}

static void print_engine(struct page *p, const json_t *engine)
{
	struct parts s = { p, "engine", 0 };

	part_count(&s, engine, "pid", "pid ", "");
	part_text(&s, "user ", some_text_of(engine, "user"), "");
	if (count_of(engine, "restarts"))
		part_count(&s, engine, "restarts", "restarts: ", "");
	parts_end(&s);
}

/* What seldom matters, last. */
static void print_agent_details(struct page *p, const json_t *status)
{
	double lag_ms;

	if (!text_of(status, "config"))
		return;
	fputc('\n', p->out);
	coloured(p, BOLD, "agent");
	fputc('\n', p->out);
	text_line(p, "config", text_of(status, "config"));
	print_reload(p, json_object_get(status, "reload"));
	print_engine(p, json_object_get(status, "engine"));
	text_line(p, "real time", text_of(status, "realtime"));
	text_line(p, "resets", text_of(status, "resets"));
	if (number_of(status, "loop_lag_max_ms", &lag_ms)) {
		label(p, "loop lag");
		fprintf(p->out, "%.1f ms at most\n", lag_ms);
	}
	for (size_t i = 0; i < json_array_size(json_object_get(status, "fifos")); i++)
		print_fifo(p, json_array_get(json_object_get(status, "fifos"), i));
}

/* First of all: what is wrong, or must not be forgotten. */
static void print_alarms(struct page *p, const json_t *alarms)
{
	for (size_t i = 0; i < json_array_size(alarms); i++) {
		const json_t *a = json_array_get(alarms, i);
		const char *instance = some_text_of(a, "instance"), *text = some_text_of(a, "text");
		char span[32];
		const char *since = span_of(a, "since_s", span, sizeof(span));

		coloured(p, BOLD RED, "ALARM");
		fputs("  ", p->out);
		if (instance) {
			coloured(p, BOLD, instance);
			fputs(": ", p->out);
		}
		ctl_print_text(text ? text : "(no text)", p->out);
		if (since)
			fprintf(p->out, " (for %s)", since);
		fputc('\n', p->out);
	}
	if (json_array_size(alarms) > 0)
		fputc('\n', p->out);
}

void ctl_print_status(const json_t *status, FILE *out, bool colour)
{
	struct page p = { .out = out, .colour = colour };
	const json_t *instances = json_object_get(status, "instances"), *checks = json_object_get(status, "checks");
	const json_t *groups = json_object_get(status, "groups");

	print_alarms(&p, json_object_get(status, "alarms"));
	print_agent(&p, status);
	for (size_t i = 0; i < json_array_size(instances); i++)
		print_instance(&p, json_array_get(instances, i));
	for (size_t i = 0; i < json_array_size(groups); i++)
		print_group(&p, json_array_get(groups, i));
	for (size_t i = 0; i < json_array_size(checks); i++)
		print_check(&p, json_array_get(checks, i));
	print_agent_details(&p, status);
}
