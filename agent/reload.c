/* SPDX-License-Identifier: Apache-2.0 */
/* Who asked, what came of it, and who is told: the control socket, the log, the journal, the service manager. */
#include "agent/reload.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/journal.h"
#include "agent/load.h"

#include <errno.h>

enum { ERROR_MAX = 512, CLIENTS_MAX = CONTROL_CLIENTS_MAX };

/* Those who wait for the same answer. */
struct audience {
	struct control_reply *replies[CLIENTS_MAX];
	size_t n;
};

struct reload {
	sd_event *loop;
	struct loader_source source;
	struct conf *const *conf;
	struct apply *apply;
	struct loader *loader; /* NULL: nothing is being read */
	struct loaded loaded;  /* while it is applied */
	bool busy, again;      /* one is under way; another was asked for meanwhile */
	bool stopping;
	const char *cause, *next_cause;
	struct audience now, next;
	uint64_t began_us;

	uint64_t loaded_us; /* when what is in effect was obtained */
	uint64_t failed_us; /* when the last reload failed; 0: it did not */
	char error[ERROR_MAX];
	uint64_t count; /* that succeeded */
};

static const struct journal_note event = { .kind = JOURNAL_AGENT };

static void start(struct reload *r);

/* --- telling ----------------------------------------------------------------------------------------------------- */

static enum conf_level level_of(const json_t *finding)
{
	const char *name = json_string_value(json_object_get(finding, "level"));
	enum conf_level level = CONF_NOTE;

	while (level < CONF_ERROR && strcmp(name, conf_level_name(level)) != 0)
		level++;
	return level;
}

static void log_findings(const json_t *findings)
{
	size_t i;
	const json_t *f;

	json_array_foreach(findings, i, f)
	{
		const struct conf_where where = {
			.file = json_string_value(json_object_get(f, "file")),
			.line = (unsigned)json_integer_value(json_object_get(f, "line")),
		};

		load_log_finding(level_of(f), &where, json_string_value(json_object_get(f, "text")));
	}
}

static void log_texts(int level, const char *head, const json_t *texts)
{
	size_t i;
	const json_t *t;

	json_array_foreach(texts, i, t) log_write(level, NULL, "%s%s", head, json_string_value(t));
}

/* A copy each: an answer is the owner of its document. */
static void answer(struct audience *a, const char *error, const json_t *document)
{
	for (size_t i = 0; i < a->n; i++) {
		if (error)
			control_reply_error(a->replies[i], error, json_deep_copy(document));
		else
			control_reply_ok(a->replies[i], json_deep_copy(document));
	}
	a->n = 0;
}

static double took_ms(const struct reload *r)
{
	return (double)(loop_now_us() - r->began_us) / 1000;
}

/* --- the end of one ---------------------------------------------------------------------------------------------- */

static void over(struct reload *r)
{
	loaded_done(&r->loaded);
	r->busy = false;
	if (r->stopping)
		return;
	if (!r->again)
		return;
	r->again = false;
	r->now = r->next;
	r->next.n = 0;
	r->cause = r->next_cause;
	start(r);
}

static void failed(struct reload *r, const char *error, json_t *findings)
{
	json_t *details = json_pack("{s:O}", "findings", findings);

	r->failed_us = loop_now_us();
	snprintf(r->error, sizeof(r->error), "%s", error);
	log_findings(findings);
	journal_log(LOG_ERR, &event, "reload (%s): %s; nothing was changed", r->cause, error);
	alarm_raise("reload", NULL, "the last reload failed, the configuration from before is in effect: %s", error);
	if (r->source.refused)
		r->source.refused(r->source.user);
	answer(&r->now, error, details);
	json_decref(details);
	over(r);
}

static void succeeded(struct reload *r)
{
	const struct loaded *l = &r->loaded;
	size_t n = json_array_size(l->changes);
	json_t *document = json_pack("{s:O, s:O, s:O, s:f}", "changes", l->changes, "restart", l->restart, "findings",
				     l->findings, "took_ms", took_ms(r));

	if (r->source.in_effect)
		r->source.in_effect(r->source.user);
	r->count++;
	r->loaded_us = r->began_us;
	r->failed_us = 0;
	r->error[0] = '\0';
	alarm_end("reload", NULL);
	if (n > 0)
		log_findings(l->findings);
	log_texts(LOG_WARNING, "takes effect at the next start only: ", l->restart);
	log_texts(LOG_NOTICE, "", l->changes);
	if (n > 0)
		journal_log(LOG_NOTICE, &event, "reload (%s): %zu difference%s, in effect after %.1f ms", r->cause, n,
			    n == 1 ? "" : "s", took_ms(r));
	else
		log_notice("reload (%s): nothing has changed, %.1f ms", r->cause, took_ms(r));
	answer(&r->now, NULL, document);
	json_decref(document);
	over(r);
}

static void applied(void *user, const char *error)
{
	struct reload *r = user;

	if (error)
		failed(r, error, r->loaded.findings);
	else
		succeeded(r);
}

/* --- the beginning of one ---------------------------------------------------------------------------------------- */

static const char *first_error(const json_t *findings)
{
	size_t i;
	const json_t *f;

	json_array_foreach(findings, i, f)
	{
		if (level_of(f) == CONF_ERROR)
			return json_string_value(json_object_get(f, "text"));
	}
	return NULL;
}

static void obtained(void *user, struct loaded *l)
{
	struct reload *r = user;
	char error[ERROR_MAX];
	const char *first;

	r->loader = NULL;
	r->loaded = *l;
	*l = (struct loaded){ 0 };
	l = &r->loaded;
	if (l->error == 0) {
		apply_start(r->apply, TAKE_PTR(l->conf), applied, r);
		return;
	}
	first = first_error(l->findings);
	if (l->error == -EINVAL)
		snprintf(error, sizeof(error), "%s is not valid: %zu error%s", (*r->conf)->file, l->n_errors,
			 l->n_errors == 1 ? "" : "s");
	else
		snprintf(error, sizeof(error), "%s: %s", (*r->conf)->file, first ? first : strerror(-l->error));
	failed(r, error, l->findings);
}

static void start(struct reload *r)
{
	json_t *none;
	int k;

	r->busy = true;
	r->began_us = loop_now_us();
	k = loader_start(r->loop, &r->source, *r->conf, obtained, r, &r->loader);
	if (k >= 0)
		return;
	none = json_array();
	failed(r, strerror(-k), none);
	json_decref(none);
}

void reload_request(struct reload *r, const char *cause, struct control_reply *reply)
{
	struct audience *a = r->busy ? &r->next : &r->now;

	if (r->stopping || a->n == CLIENTS_MAX) {
		if (reply)
			control_reply_error(reply, r->stopping ? "the agent is stopping" : "too many wait", NULL);
		return;
	}
	if (reply)
		a->replies[a->n++] = reply;
	if (r->busy) {
		r->again = true;
		r->next_cause = cause;
		return;
	}
	r->cause = cause;
	start(r);
}

/* --- the object -------------------------------------------------------------------------------------------------- */

int reload_new(sd_event *loop, const struct loader_source *source, struct conf *const *conf, struct apply *apply,
	       struct reload **ret)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*r = (struct reload){
		.loop = loop, .source = *source, .conf = conf, .apply = apply, .loaded_us = loop_now_us()
	};
	*ret = r;
	return 0;
}

void reload_stop(struct reload *r)
{
	r->stopping = true;
	if (r->loader) {
		loader_abandon(r->loader);
		r->busy = false;
	}
	if (!r->busy)
		answer(&r->now, "the agent is stopping", NULL);
	answer(&r->next, "the agent is stopping", NULL);
}

struct reload *reload_free(struct reload *r)
{
	if (!r)
		return NULL;
	reload_stop(r);
	answer(&r->now, "the agent is stopping", NULL);
	loader_free(r->loader);
	loaded_done(&r->loaded);
	free(r);
	return NULL;
}

json_t *reload_status(const struct reload *r)
{
	uint64_t now_us = loop_now_us();
	json_t *fault = json_null();

	if (r->failed_us)
		fault = json_pack("{s:f, s:s}", "ago_s", (double)(now_us - r->failed_us) / 1e6, "error", r->error);
	return json_pack("{s:b, s:I, s:f, s:o}", "busy", r->busy, "count", (json_int_t)r->count, "loaded_ago_s",
			 (double)(now_us - r->loaded_us) / 1e6, "failed", fault);
}
