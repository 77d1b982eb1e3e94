/* SPDX-License-Identifier: Apache-2.0 */
/* An instance, or a sync group, of the status document as text. */
#include "agent/ctl/status_instance.h"

#include "agent/base/cleanup.h"
#include "agent/ctl/text.h"

#include <string.h>

enum {
	LINE_WIDTH = 100, /* where lists are wrapped */
	VIPS_LISTED = 8,  /* beyond that only those that are missing, and not all of them */
};

static void peer_row(const json_t *item, struct cells *c)
{
	char span[32];
	const char *heard = value_span(item, "last_heard_s", span, sizeof(span));

	c->text[0] = value_some_text(item, "address");
	c->text[1] = cells_count(c, 1, item, "priority");
	if (heard)
		snprintf(c->own[2], sizeof(c->own[2]), "%s ago", heard);
	c->text[2] = heard ? c->own[2] : NULL;
	c->text[3] = cells_count(c, 3, item, "adverts");
}

static void contribution_row(const json_t *item, struct cells *c)
{
	c->text[0] = value_some_text(item, "name");
	c->text[1] = value_some_text(item, "kind");
	c->text[2] = value_some_text(item, "state");
	c->text[3] = cells_count(c, 3, item, "weight");
	c->text[4] = value_some_text(item, "effect");
}

/* --- an instance ------------------------------------------------------------------------------------------------- */

static void print_peers(struct parts *s, const json_t *peers)
{
	const json_t *peer;
	size_t i;

	if (json_array_size(peers) == 0)
		parts_text(s, "", "unicast to nobody", "");
	json_array_foreach(peers, i, peer) parts_text(s, "unicast to ", json_string_value(peer), "");
}

static void print_wire(struct page *p, const json_t *inst)
{
	const char *family = value_some_text(inst, "family");
	struct parts s = { .page = p, .label = "interface" };
	double s_int;

	parts_text(&s, "", value_text(inst, "interface"), "");
	parts_count(&s, inst, "vrid", "VRID ", "");
	parts_count(&s, inst, "version", "VRRPv", "");
	if (family && strcmp(family, "ipv6") == 0)
		parts_text(&s, "", "IPv6", "");
	if (json_is_true(json_object_get(inst, "unicast")))
		print_peers(&s, json_object_get(inst, "sends_to"));
	if (value_number(inst, "advert_int_s", &s_int)) {
		parts_next(&s);
		fprintf(p->out, "advert every %.3g s", s_int);
	}
	parts_end(&s);
}

static void print_lease(struct page *p, const json_t *lease)
{
	const char *why_not = value_some_text(lease, "why_not");
	double left, length;

	if (why_not) {
		fputs(", no lease: ", p->out);
		ctl_print_text(why_not, p->out);
	} else if (value_number(lease, "left_s", &left) && value_number(lease, "length_s", &length)) {
		fprintf(p->out, ", lease of %.0f s, %.1f s left", length, left);
	}
}

static void print_vip(struct page *p, const json_t *vip)
{
	const char *address = value_some_text(vip, "address"), *dev = value_some_text(vip, "dev");
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
		page_label(p, "VIPs");
		fprintf(p->out, "%zu, of which %zu present\n", n, present);
	}
	/* All or none of many is the ordinary case, and told already. */
	for (size_t i = 0; i < n && listed < VIPS_LISTED && (all || (present && present < n)); i++) {
		const json_t *vip = json_array_get(vips, i);

		if (!all && json_is_true(json_object_get(vip, "present")))
			continue;
		page_label(p, all && listed == 0 ? "VIPs" : "");
		print_vip(p, vip);
		listed++;
	}
}

static void print_priority(struct page *p, const json_t *priority)
{
	static const struct cells headings = { .text = { "TRACKED", "KIND", "STATE", "WEIGHT", "EFFECT" } };
	struct parts s = { .page = p, .label = "priority" };

	parts_count(&s, priority, "effective", "", "");
	parts_count(&s, priority, "base", "base ", "");
	parts_end(&s);
	page_table(p, "", json_object_get(priority, "contributions"), &headings, 5, contribution_row);
}

static void print_faults(struct page *p, const json_t *faults)
{
	for (size_t i = 0; i < json_array_size(faults); i++) {
		const char *text = json_string_value(json_array_get(faults, i));

		if (!text)
			continue;
		page_label(p, i == 0 ? "fault" : "");
		page_coloured(p, PAGE_RED, text);
		fputc('\n', p->out);
	}
}

static void print_timers(struct page *p, const json_t *inst)
{
	struct parts s = { .page = p, .label = "timers" };
	double down_s, skew_s;

	if (value_number(inst, "down_s", &down_s)) {
		parts_next(&s);
		fprintf(p->out, "down after %.3f s", down_s);
	}
	if (value_number(inst, "skew_s", &skew_s)) {
		parts_next(&s);
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
		width = ctl_text_width(key) + 1 + strlen(number) + 2;
		if (column + width > LINE_WIDTH) {
			fputs(any ? ",\n" : "", p->out);
			page_label(p, any ? "" : "counters");
			column = PAGE_LABEL_WIDTH + 3;
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
	const char *hook = value_some_text(last, "hook"), *state = value_some_text(last, "state");
	struct parts s = { .page = p, .label = "" };
	char span[32];

	if (!hook)
		return;
	parts_text(&s, "last ", hook, "");
	if (state) {
		fputs(" for ", p->out);
		ctl_print_text(state, p->out);
	}
	parts_text(&s, "", value_text(last, "outcome"), "");
	parts_text(&s, "ran ", value_span(last, "duration_s", span, sizeof(span)), "");
	parts_text(&s, "ended ", value_span(last, "ended_ago_s", span, sizeof(span)), " ago");
	parts_end(&s);
}

static void print_pre_take(struct page *p, const json_t *pre_take)
{
	struct parts s = { .page = p, .label = "pre-take" };
	double retry_s;
	char text[32];

	if (json_is_true(json_object_get(pre_take, "asking")))
		parts_text(&s, "", "is being asked, the addresses wait", "");
	parts_text(&s, "last: ", value_some_text(pre_take, "last"), "");
	if (value_count(pre_take, "vetoes"))
		parts_count(&s, pre_take, "vetoes", "vetoes: ", "");
	if (value_number(pre_take, "retry_in_s", &retry_s)) {
		snprintf(text, sizeof(text), "%.0f s", retry_s);
		parts_text(&s, "asked again in ", text, "");
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
	const char *running = value_some_text(hooks, "running");
	struct parts s = { .page = p, .label = "hooks" };

	if (!running && value_count(hooks, "run") == 0 && value_count(hooks, "queued") == 0 &&
	    value_count(hooks, "overflowed") == 0)
		return;
	parts_count(&s, hooks, "run", "", " run");
	for (size_t i = 0; i < ELEMENTSOF(counts); i++)
		if (value_count(hooks, counts[i].key))
			parts_count(&s, hooks, counts[i].key, "", counts[i].word);
	parts_text(&s, "", running, " is running");
	parts_end(&s);
	print_last_hook(p, json_object_get(hooks, "last"));
}

static void print_rival(struct page *p, const json_t *rival)
{
	struct parts s = { .page = p, .label = "rival" };
	char span[32];

	parts_text(&s, "", value_some_text(rival, "address"), "");
	if (s.n == 0)
		return;
	parts_count(&s, rival, "priority", "priority ", "");
	parts_text(&s, "claimed to be master for ", value_span(rival, "for_s", span, sizeof(span)), "");
	parts_text(&s, json_is_true(json_object_get(rival, "present")) ? "STILL DOES: heard " : "last heard ",
		   value_span(rival, "last_heard_s", span, sizeof(span)), " ago");
	parts_end(&s);
}

void status_print_instance(struct page *p, const json_t *inst)
{
	static const struct cells headings = { .text = { "PEER", "PRIORITY", "HEARD", "ADVERTS" } };

	page_headline(p, inst, NULL, value_some_text(inst, "cause"));
	print_faults(p, json_object_get(inst, "faults"));
	page_line(p, "withheld", value_text(inst, "withheld"));
	print_vips(p, json_object_get(inst, "vips"));
	page_line(p, "master", value_text(inst, "master"));
	print_rival(p, json_object_get(inst, "rival"));
	page_table(p, "peers", json_object_get(inst, "peers"), &headings, 4, peer_row);
	print_priority(p, json_object_get(inst, "priority"));
	page_line(p, "sync group", value_text(inst, "sync_group"));
	print_wire(p, inst);
	print_timers(p, inst);
	print_pre_take(p, json_object_get(inst, "pre_take"));
	print_hooks(p, json_object_get(inst, "hooks"));
	print_counters(p, json_object_get(inst, "counters"));
}

/* --- a sync group ------------------------------------------------------------------------------------------------ */

void status_print_group(struct page *p, const json_t *group)
{
	const json_t *members = json_object_get(group, "members");
	struct parts s = { .page = p, .label = "members" };

	page_headline(p, group, "sync group", value_some_text(group, "cause"));
	for (size_t i = 0; i < json_array_size(members); i++)
		parts_text(&s, "", json_string_value(json_array_get(members, i)), "");
	parts_end(&s);
	print_hooks(p, json_object_get(group, "hooks"));
}
