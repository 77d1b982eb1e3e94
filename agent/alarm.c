/* SPDX-License-Identifier: Apache-2.0 */
/* The list of alarms. Knows none of them: who finds something wrong raises it, and ends it. */
#include "agent/alarm.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/journal.h"
#include "agent/json.h"

#include <stdarg.h>
#include <string.h>

struct alarm {
	struct alarm *next;
	char id[24];
	char instance[JOURNAL_NAME_MAX];
	char text[JOURNAL_TEXT_MAX];
	uint64_t since_us;
};

/* One for the process, as the log is: every part may find something wrong. */
static struct alarm *alarms;

/* Where it hangs, or where the next one would. */
static struct alarm **find(const char *id, const char *instance)
{
	struct alarm **at = &alarms;

	while (*at && (strncmp((*at)->id, id, sizeof((*at)->id) - 1) != 0 ||
		       strncmp((*at)->instance, instance ? instance : "", sizeof((*at)->instance) - 1) != 0))
		at = &(*at)->next;
	return at;
}

static void drop(struct alarm **at)
{
	struct alarm *a = *at;

	*at = a->next;
	free(a);
}

void alarm_raise(const char *id, const char *instance, const char *fmt, ...)
{
	const struct journal_note note = { .kind = JOURNAL_ALARM, .instance = instance };
	struct alarm **at = find(id, instance), *a = *at;
	char text[sizeof(a->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!a) {
		journal_log(LOG_WARNING, &note, "alarm: %s", text);
		a = calloc(1, sizeof(*a));
		if (!a)
			return;
		snprintf(a->id, sizeof(a->id), "%s", id);
		snprintf(a->instance, sizeof(a->instance), "%s", instance ? instance : "");
		a->since_us = loop_now_us();
		*at = a;
	}
	memcpy(a->text, text, sizeof(text));
}

void alarm_end(const char *id, const char *instance)
{
	const struct journal_note note = { .kind = JOURNAL_ALARM, .instance = instance };
	struct alarm **at = find(id, instance);

	if (!*at)
		return;
	journal_log(LOG_NOTICE, &note, "alarm is over: %s", (*at)->text);
	drop(at);
}

void alarm_forget(const char *const *ids, size_t n_ids, const char *instance)
{
	for (size_t i = 0; i < n_ids; i++) {
		struct alarm **at = find(ids[i], instance);

		if (*at)
			drop(at);
	}
}

bool alarm_is_raised(const char *id, const char *instance)
{
	return *find(id, instance) != NULL;
}

json_t *alarm_status(void)
{
	json_t *all = json_array();
	uint64_t now_us = loop_now_us();

	for (const struct alarm *a = alarms; a; a = a->next) {
		json_t *name = a->instance[0] ? json_text(a->instance) : json_null();

		json_array_append_new(all,
				      json_pack("{s:s, s:o, s:o, s:f}", "id", a->id, "instance", name, "text",
						json_text(a->text), "since_s", (double)(now_us - a->since_us) / 1e6));
	}
	return all;
}
