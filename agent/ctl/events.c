/* SPDX-License-Identifier: Apache-2.0 */
/* The command "events": asks page by page, from the newest back, prints from the oldest on, and goes on asking with
 * --follow. Trusts neither types nor texts of what it gets. */
#include "agent/ctl/ctl.h"

#include "agent/base/cleanup.h"
#include "agent/ctl/text.h"

#include <poll.h>
#include <string.h>
#include <time.h>

enum { COUNT_DEFAULT = 50, FOLLOW_MS = 500 };

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

/* --- times ------------------------------------------------------------------------------------------------------- */

static bool parse_ago(const char *text, uint64_t now_us, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t s;
	} units[] = { { "s", 1 }, { "min", 60 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || text[0] == '-' || n > 100000000)
		return false;
	for (size_t i = 0; i < ELEMENTSOF(units); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ret = now_us > n * units[i].s * 1000000 ? now_us - n * units[i].s * 1000000 : 0;
			return true;
		}
	return false;
}

bool ctl_parse_time(const char *text, uint64_t now_us, uint64_t *ret)
{
	static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
					       "%Y-%m-%d",          "%H:%M:%S",          "%H:%M" };
	time_t now = (time_t)(now_us / 1000000);

	if (parse_ago(text, now_us, ret))
		return true;
	for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
		struct tm tm;
		const char *end;
		time_t t;

		localtime_r(&now, &tm); /* the day, where none is given */
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		tm.tm_isdst = -1;
		end = strptime(text, formats[i], &tm);
		t = end && *end == '\0' ? mktime(&tm) : -1;
		if (t < 0)
			continue;
		*ret = (uint64_t)t * 1000000;
		return true;
	}
	return false;
}

/* --- an event as text -------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void print_time(const json_t *event, FILE *out)
{
	json_int_t us = json_integer_value(json_object_get(event, "wall_us"));
	time_t s = us / 1000000;
	char day[64] = "?";
	struct tm tm;

	if (us >= 0 && localtime_r(&s, &tm) && strftime(day, sizeof(day), "%F %T", &tm) > 0)
		fprintf(out, "%s.%03d", day, (int)(us / 1000 % 1000));
	else
		fputs("?", out);
}

static void evidence_number(const json_t *event, const char *key, const char *before, const char **sep, FILE *out)
{
	const json_t *v = json_object_get(event, key);

	if (!json_is_integer(v))
		return;
	fprintf(out, "%s%s %" JSON_INTEGER_FORMAT, *sep, before, json_integer_value(v));
	*sep = ", ";
}

static void evidence_span(const json_t *event, const char *key, const char *before, const char **sep, FILE *out)
{
	const json_t *v = json_object_get(event, key);

	if (!json_is_integer(v))
		return;
	fprintf(out, "%s%s %.3f s", *sep, before, (double)json_integer_value(v) / 1e6);
	*sep = ", ";
}

static void print_evidence(const json_t *event, FILE *out)
{
	const char *sep = "                         ";
	const char *peer = text_of(event, "peer"), *mysql = text_of(event, "mysql");

	evidence_number(event, "priority", "our priority", &sep, out);
	if (*peer) {
		fprintf(out, "%slast heard ", sep);
		ctl_print_text(peer, out);
		sep = " ";
		evidence_number(event, "peer_priority", "with", &sep, out);
		sep = ", ";
	} else {
		fprintf(out, "%sno other router heard", sep);
		sep = ", ";
	}
	if (*mysql) {
		fprintf(out, "%smysqld ", sep);
		ctl_print_text(mysql, out);
	}
	evidence_span(event, "down_us", "down time", &sep, out);
	evidence_span(event, "skew_us", "skew", &sep, out);
	fputc('\n', out);
}

void ctl_print_event(const json_t *event, FILE *out, bool colour)
{
	const char *instance = text_of(event, "instance"), *kind = text_of(event, "kind");
	const char *from = text_of(event, "from"), *to = text_of(event, "to");
	bool transition = strcmp(kind, "transition") == 0;

	print_time(event, out);
	fputs("  ", out);
	ctl_print_text(*instance ? instance : "(agent)", out);
	fputs("  ", out);
	fputs(colour && transition ? BOLD : "", out);
	if (!transition) {
		ctl_print_text(kind, out);
		fputs("  ", out);
	}
	if (*to) {
		if (strcmp(from, to) != 0) { /* a check may come to count with its verdict as it was */
			ctl_print_text(from, out);
			fputs(" -> ", out);
		}
		ctl_print_text(to, out);
		fputs("  ", out);
	}
	ctl_print_text(text_of(event, "text"), out);
	fputs(colour && transition ? PLAIN : "", out);
	fputc('\n', out);
	if (transition)
		print_evidence(event, out);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

struct filter {
	const struct ctl *ctl;
	bool observe; /* the agent only watches */
	uint64_t since_us, after;
};

static json_t *ask(const struct filter *f, uint64_t n, json_int_t before)
{
	json_t *q = json_pack("{s:I, s:I, s:I}", "n", (json_int_t)n, "since_us", (json_int_t)f->since_us, "after",
			      (json_int_t)f->after);

	if (before > 0)
		json_object_set_new(q, "before", json_integer(before));
	if (f->ctl->instance)
		json_object_set_new(q, "instance", json_string(f->ctl->instance));
	if (f->ctl->kind)
		json_object_set_new(q, "kind", json_string(f->ctl->kind));
	return ctl_ask(f->ctl, "events", q);
}

/* The newest `n` in order, and in `*last` the number to go on after. NULL after a complaint. */
static json_t *collect(struct filter *f, uint64_t n, uint64_t *last)
{
	json_t *all = json_array();
	json_int_t before = 0;
	bool more = true;

	for (bool first = true; more && (n > 0 || first); first = false) {
		json_t *page = ask(f, n, before), *events = json_object_get(page, "events");
		size_t got = json_array_size(events);

		if (!page) {
			json_decref(all);
			return NULL;
		}
		if (first)
			*last = (uint64_t)json_integer_value(json_object_get(page, "last"));
		f->observe = json_is_true(json_object_get(page, "observe"));
		more = json_is_true(json_object_get(page, "more")) && got > 0;
		before = json_integer_value(json_object_get(json_array_get(events, 0), "seq"));
		for (size_t i = 0; i < got; i++)
			json_array_insert(all, i, json_array_get(events, i));
		n -= got < n ? got : n;
		json_decref(page);
	}
	return all;
}

static void print_all(const struct ctl *c, const json_t *events)
{
	for (size_t i = 0; i < json_array_size(events); i++) {
		const json_t *e = json_array_get(events, i);

		if (!c->json) {
			ctl_print_event(e, stdout, c->colour);
			continue;
		}
		json_dumpf(e, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', stdout);
	}
}

static enum ctl_exit follow(struct filter *f)
{
	for (;;) {
		json_t *events;

		poll(NULL, 0, FOLLOW_MS);
		events = collect(f, UINT64_MAX / 2, &f->after);
		if (!events)
			return CTL_REFUSED;
		print_all(f->ctl, events);
		json_decref(events);
		if (ctl_printed() != CTL_OK)
			return CTL_REFUSED;
	}
}

enum ctl_exit ctl_events(const struct ctl *c)
{
	uint64_t n = c->count != UINT64_MAX ? c->count : c->since ? 1000000 : COUNT_DEFAULT;
	struct filter f = { .ctl = c };
	struct timespec now;
	json_t *events;

	clock_gettime(CLOCK_REALTIME, &now);
	if (c->since && !ctl_parse_time(c->since, (uint64_t)now.tv_sec * 1000000, &f.since_us)) {
		ctl_complain("\"%s\" is no time; such as 10min, 2h, 22:50, 2026-11-25, \"2026-11-25 22:50:01\"",
			     c->since);
		return CTL_USAGE;
	}
	events = collect(&f, n, &f.after);
	if (!events)
		return CTL_REFUSED;
	if (f.observe && !c->json)
		puts("OBSERVE: nothing of this was done; it is what this agent would have done.");
	print_all(c, events);
	json_decref(events);
	if (ctl_printed() != CTL_OK)
		return CTL_REFUSED;
	return c->follow ? follow(&f) : CTL_OK;
}
