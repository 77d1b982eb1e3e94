/* SPDX-License-Identifier: Apache-2.0 */
/* The status document as text for people, one block for the agent, each instance and each check. It trusts neither
 * types nor texts of the document. Fetching it is agent/ctl/ctl.c's business. */
#include "agent/ctl/status.h"

#include "agent/ctl/page.h"
#include "agent/ctl/status_instance.h"
#include "agent/ctl/text.h"

/* --- a check ----------------------------------------------------------------------------------------------------- */

static void print_answers(struct page *p, const json_t *check)
{
	struct parts s = { .page = p, .label = "answers" };
	char span[32];

	if (value_count(check, "queries") == 0)
		return;
	parts_count(&s, check, "latency_us", "", " us");
	parts_count(&s, check, "latency_max_us", "at most ", " us");
	parts_text(&s, "alive ", value_span(check, "alive_ago_s", span, sizeof(span)), " ago");
	parts_end(&s);
}

static void print_error(struct page *p, const json_t *check)
{
	const char *error = value_some_text(check, "error");
	struct parts s = { .page = p, .label = "last error" };
	char span[32];

	if (!error)
		return;
	if (value_count(check, "error_code"))
		parts_count(&s, check, "error_code", "", "");
	parts_text(&s, "", error, "");
	parts_text(&s, "", value_span(check, "error_ago_s", span, sizeof(span)), " ago");
	parts_end(&s);
}

/* What a check of an alive server saw last, and when. */
static void print_fitness(struct page *p, const json_t *check)
{
	struct parts s = { .page = p, .label = "seen" };
	char span[32];

	parts_text(&s, "", value_text(check, "value"), "");
	parts_text(&s, "", value_span(check, "result_ago_s", span, sizeof(span)), " ago");
	if (json_is_true(json_object_get(check, "complaint")))
		parts_text(&s, "", "see the reason: the check needs attention", "");
	parts_end(&s);
}

static void print_check(struct page *p, const json_t *check)
{
	const char *reason = value_some_text(check, "reason"), *kind = value_some_text(check, "kind");
	struct parts server = { .page = p, .label = "server" }, runs = { .page = p, .label = "runs" };
	struct parts queries = { .page = p, .label = "queries" }, verdict = { .page = p, .label = "verdict" };
	char span[32];

	page_headline(p, check, kind, reason ? reason : value_some_text(check, "last"));
	parts_text(&verdict, "", value_text(check, "verdict"), "");
	parts_text(&verdict, "has ", value_span(check, "dead_delay_left_s", span, sizeof(span)), " to be back");
	parts_end(&verdict);
	print_answers(p, check);
	page_line(p, "file", value_text(check, "path"));
	page_line(p, "seen by", value_text(check, "method"));
	print_fitness(p, check);
	parts_text(&server, "", value_text(check, "server"), "");
	if (value_count(check, "pid"))
		parts_count(&server, check, "pid", "pid ", "");
	parts_text(&server, "death is seen by ", value_text(check, "watch"), "");
	parts_end(&server);
	parts_count(&queries, check, "queries", "", "");
	if (queries.n) {
		parts_count(&queries, check, "failures", "", " failed");
		parts_count(&queries, check, "connects", "connections made: ", "");
	}
	parts_end(&queries);
	parts_count(&runs, check, "runs", "", "");
	if (runs.n) {
		parts_count(&runs, check, "failures", "", " failed");
		parts_count(&runs, check, "timeouts", "", " timed out");
		if (json_is_false(json_object_get(check, "tracked")))
			parts_text(&runs, "", "not tracked by any instance", "");
	}
	parts_end(&runs);
	print_error(p, check);
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static void print_fifo(struct page *p, const json_t *fifo)
{
	struct parts s = { .page = p, .label = "fifo" };

	parts_text(&s, "", value_text(fifo, "path"), "");
	parts_text(&s, "", value_text(fifo, "state"), "");
	parts_count(&s, fifo, "written", "", " lines written");
	if (value_count(fifo, "waiting"))
		parts_count(&s, fifo, "waiting", "waiting: ", "");
	if (value_count(fifo, "lost"))
		parts_count(&s, fifo, "lost", "LOST: ", "");
	parts_text(&s, "its program is ", value_some_text(fifo, "program"), "");
	parts_end(&s);
}

/* That the last one failed is an alarm already. */
static void print_reload(struct page *p, const json_t *reload)
{
	char span[32];
	const char *ago = value_span(reload, "loaded_ago_s", span, sizeof(span));
	json_int_t count = value_count(reload, "count");

	if (count == 0 || !ago)
		return;
	page_label(p, "loaded");
	fprintf(p->out, "%s ago, reload %" JSON_INTEGER_FORMAT "%s\n", ago, count,
		json_is_null(json_object_get(reload, "failed")) ? "" : "; the last one failed");
}

static void print_agent(struct page *p, const json_t *status)
{
	const char *version = value_some_text(status, "version");
	char span[32];
	const char *up = value_span(status, "uptime_s", span, sizeof(span));

	page_coloured(p, PAGE_BOLD, "sqlvipd");
	if (version) {
		fputc(' ', p->out);
		ctl_print_text(version, p->out);
	}
	if (value_count(status, "pid"))
		fprintf(p->out, "  pid %" JSON_INTEGER_FORMAT, value_count(status, "pid"));
	if (up)
		fprintf(p->out, "  up %s", up);
	if (json_is_true(json_object_get(status, "observe")))
		page_coloured(p, PAGE_YELLOW, "  OBSERVE");
	if (json_is_true(json_object_get(status, "stopping")))
		page_coloured(p, PAGE_YELLOW, "  stopping");
	fputc('\n', p->out);
}

static void print_engine(struct page *p, const json_t *engine)
{
	struct parts s = { p, "engine", 0 };

	parts_count(&s, engine, "pid", "pid ", "");
	parts_text(&s, "user ", value_some_text(engine, "user"), "");
	if (value_count(engine, "restarts"))
		parts_count(&s, engine, "restarts", "restarts: ", "");
	parts_end(&s);
}

/* What seldom matters, last. */
static void print_agent_details(struct page *p, const json_t *status)
{
	double lag_ms;

	if (!value_text(status, "config"))
		return;
	fputc('\n', p->out);
	page_coloured(p, PAGE_BOLD, "agent");
	fputc('\n', p->out);
	page_line(p, "config", value_text(status, "config"));
	print_reload(p, json_object_get(status, "reload"));
	print_engine(p, json_object_get(status, "engine"));
	page_line(p, "real time", value_text(status, "realtime"));
	page_line(p, "resets", value_text(status, "resets"));
	if (value_number(status, "loop_lag_max_ms", &lag_ms)) {
		page_label(p, "loop lag");
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
		const char *instance = value_some_text(a, "instance"), *text = value_some_text(a, "text");
		char span[32];
		const char *since = value_span(a, "since_s", span, sizeof(span));

		page_coloured(p, PAGE_BOLD PAGE_RED, "ALARM");
		fputs("  ", p->out);
		if (instance) {
			page_coloured(p, PAGE_BOLD, instance);
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

/* What may stay so, but should be known. */
static void print_warning(struct page *p, const char *text)
{
	if (!text)
		return;
	page_coloured(p, PAGE_YELLOW, "warning");
	fputs("  ", p->out);
	ctl_print_text(text, p->out);
	fputs("\n\n", p->out);
}

void ctl_print_status(const json_t *status, FILE *out, bool colour)
{
	struct page p = { .out = out, .colour = colour };
	const json_t *instances = json_object_get(status, "instances"), *checks = json_object_get(status, "checks");
	const json_t *groups = json_object_get(status, "groups");

	print_alarms(&p, json_object_get(status, "alarms"));
	print_warning(&p, value_some_text(json_object_get(status, "engine"), "warning"));
	print_agent(&p, status);
	for (size_t i = 0; i < json_array_size(instances); i++)
		status_print_instance(&p, json_array_get(instances, i));
	for (size_t i = 0; i < json_array_size(groups); i++)
		status_print_group(&p, json_array_get(groups, i));
	for (size_t i = 0; i < json_array_size(checks); i++)
		print_check(&p, json_array_get(checks, i));
	print_agent_details(&p, status);
}
