/* SPDX-License-Identifier: Apache-2.0 */
/* sqlvipctl reload: what was found in the files, and what has changed. Findings go to standard error, as a compiler's;
 * changes to standard output. */
#include "agent/ctl/ctl.h"

#include "agent/base/cleanup.h"
#include "agent/ctl/text.h"

#include <string.h>

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_findings(const json_t *findings)
{
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const json_t *f = json_array_get(findings, i);
		const char *file = text_of(f, "file"), *level = text_of(f, "level"), *text = text_of(f, "text");
		json_int_t line = json_integer_value(json_object_get(f, "line"));

		if (file)
			ctl_print_text(file, stderr);
		if (file && line)
			fprintf(stderr, ":%" JSON_INTEGER_FORMAT, line);
		if (file)
			fputs(": ", stderr);
		ctl_print_text(level ? level : "error", stderr);
		fputs(": ", stderr);
		ctl_print_text(text ? text : "(no text)", stderr);
		fputc('\n', stderr);
	}
}

static void print_texts(const char *head, const json_t *texts)
{
	for (size_t i = 0; i < json_array_size(texts); i++) {
		const char *text = json_string_value(json_array_get(texts, i));

		fputs(head, stdout);
		ctl_print_text(text ? text : "(no text)", stdout);
		fputc('\n', stdout);
	}
}

static void print_result(const json_t *result)
{
	const json_t *changes = json_object_get(result, "changes"), *restart = json_object_get(result, "restart");

	print_findings(json_object_get(result, "findings"));
	print_texts("", changes);
	print_texts("takes effect at the next start only: ", restart);
	if (json_array_size(changes) + json_array_size(restart) == 0)
		puts("nothing has changed");
}

static enum ctl_exit refused(const struct ctl *c, const char *error, json_t *details)
{
	json_t *document;

	if (!c->json) {
		print_findings(json_object_get(details, "findings"));
		ctl_complain("%s; nothing was changed", error);
		return CTL_REFUSED;
	}
	document = details ? json_incref(details) : json_object();
	json_object_set_new(document, "error", json_string(error));
	ctl_print_json(document);
	json_decref(document);
	return CTL_REFUSED;
}

enum ctl_exit ctl_reload(const struct ctl *c)
{
	_cleanup_(freep) char *error = NULL;
	json_t *details = NULL, *result = ctl_ask_details(c, "reload", &error, &details);
	enum ctl_exit code = CTL_REFUSED;

	if (error) {
		code = refused(c, error, details);
	} else if (result) {
		if (c->json)
			ctl_print_json(result);
		else
			print_result(result);
		code = ctl_printed();
	}
	json_decref(details);
	json_decref(result);
	return code;
}
