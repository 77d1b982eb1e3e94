/* SPDX-License-Identifier: Apache-2.0 */
/* The command "explain": the agent has the words (agent/explain.c), this prints them. */
#include "agent/ctl/ctl.h"

#include "agent/ctl/text.h"

static void print_instance(const json_t *inst, bool first)
{
	const json_t *lines = json_object_get(inst, "lines");

	if (!first)
		fputc('\n', stdout);
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const char *line = json_string_value(json_array_get(lines, i));

		ctl_print_text(line ? line : "?", stdout);
		fputc('\n', stdout);
	}
}

enum ctl_exit ctl_explain(const struct ctl *c)
{
	json_t *result = ctl_ask(c, "explain", c->arg ? json_pack("{s:s}", "instance", c->arg) : NULL);
	const json_t *all = json_object_get(result, "instances");

	if (!result)
		return CTL_REFUSED;
	if (c->json)
		ctl_print_json(result);
	for (size_t i = 0; !c->json && i < json_array_size(all); i++)
		print_instance(json_array_get(all, i), i == 0);
	json_decref(result);
	return ctl_printed();
}
