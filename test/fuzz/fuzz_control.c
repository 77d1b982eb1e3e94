/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request: the answer is one line, a JSON object of the promised form. */
#include "agent/control.h"
#include "agent/journal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *cmd_echo(void *user, const json_t *request, const char **error)
{
	(void)user;
	(void)error;
	return json_deep_copy(request);
}

static json_t *cmd_refuse(void *user, const json_t *request, const char **error)
{
	(void)user;
	*error = json_string_value(json_object_get(request, "why"));
	return NULL;
}

/* Over a few events, so that filters have something to find. */
static json_t *cmd_events(void *user, const json_t *request, const char **error)
{
	(void)user;
	if (!journal_last(NULL, ~0u))
		for (int k = 0; k < _JOURNAL_KIND_MAX_; k++)
			journal_write(&(struct journal_note){ .kind = (enum journal_kind)k, .instance = "VI_1" }, "%d",
				      k);
	return journal_answer(request, error);
}

static const struct control_command commands[] = {
	{ .name = "events", .fn = cmd_events },
	{ .name = "status", .fn = cmd_echo },
	{ .name = "refuse", .fn = cmd_refuse },
	{ .name = NULL },
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *answer;
	json_t *doc, *ok;

	if (size > CONTROL_REQUEST_MAX)
		return 0;
	answer = control_answer(commands, NULL, (const char *)data, size);
	require(answer);
	require(strchr(answer, '\n') == answer + strlen(answer) - 1);
	doc = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
	ok = json_object_get(doc, "ok");
	require(json_integer_value(json_object_get(doc, "version")) == CONTROL_VERSION);
	require(json_is_boolean(ok));
	require(json_is_true(ok) ? json_object_get(doc, "result") && !json_object_get(doc, "error")
				 : json_is_string(json_object_get(doc, "error")) && !json_object_get(doc, "result"));
	json_decref(doc);
	free(answer);
	return 0;
}
