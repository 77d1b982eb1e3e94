/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of sqlvipctl share: how they were called, how they ask, how they end.
 *
 *   ctl.c     arguments, the table of commands, one question and its answer
 *   talk.c    the conversation with the agent
 *   status.c  status as text; status_instance.c: its instances; page.c: how it is laid out
 *   text.c    texts that a terminal does not obey, spans of time
 *   events.c  events: page by page, as text, and as they come
 *   explain.c explain
 *   reload.c  reload: what was found and what has changed
 *   import.c  import
 *   orders.c  standby, resume, maintenance: says what comes of them */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum ctl_exit {
	CTL_OK = 0,
	CTL_REFUSED = 1,    /* by the agent or the system, or there is no agent; import: not valid yet */
	CTL_USAGE = 2,      /* wrong usage */
	CTL_INCOMPLETE = 3, /* import: something of the file is missing in what was suggested */
};

/* As called. */
struct ctl {
	const char *socket;
	uint64_t timeout_us; /* for one question and its answer */
	bool json, colour;
	bool follow, force;
	uint64_t count; /* -n; UINT64_MAX: not given */
	const char *since, *kind, *instance;
	const char *output;    /* -o; NULL: standard output */
	const char *config_id; /* of import; NULL: the host name */
	const char *arg;       /* after the command; NULL: none */
};

/* Asks. `arguments` is taken; NULL: none. The result (a new reference), or NULL after a complaint. */
json_t *ctl_ask(const struct ctl *c, const char *command, json_t *arguments);
/* The same, but a refusal is no complaint yet: `*error` (to be freed) says why, `*details` is what came with it (a new
 * reference) or NULL. Both are NULL if there was no answer; that has been complained about. */
json_t *ctl_ask_details(const struct ctl *c, const char *command, char **error, json_t **details);
/* Texts from outside are in it: escaped as a whole. */
void ctl_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Pretty JSON on standard output. */
void ctl_print_json(const json_t *doc);
/* What was printed has arrived, or a complaint. */
enum ctl_exit ctl_printed(void);

/* The commands that are more than a question and an answer. */
enum ctl_exit ctl_events(const struct ctl *c);
enum ctl_exit ctl_explain(const struct ctl *c);
enum ctl_exit ctl_standby(const struct ctl *c);
enum ctl_exit ctl_resume(const struct ctl *c);
enum ctl_exit ctl_reload(const struct ctl *c);
enum ctl_exit ctl_maintenance(const struct ctl *c);
/* Needs no agent. */
enum ctl_exit ctl_import(const struct ctl *c);

/* Turns "10min", "2h", "2026-11-25", "2026-11-25 22:50:01", "22:50" (local time) into microseconds since 1970, seen
 * from `now_us`. False if it is none of these. */
bool ctl_parse_time(const char *text, uint64_t now_us, uint64_t *ret);
/* One event as text: a line, and one more with the evidence for a transition. */
void ctl_print_event(const json_t *event, FILE *out, bool colour);
