/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a line of the journal's file: refused, or an event that is written and read back as the same. */
#include "agent/journal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_entry first, second;
	char *line;
	json_t *o;

	if (!journal_entry_parse((const char *)data, size, &first))
		return 0;
	o = journal_entry_json(&first);
	line = json_dumps(o, JSON_COMPACT);
	require(line);
	require(journal_entry_parse(line, strlen(line), &second));
	require(first.seq == second.seq && first.wall_us == second.wall_us && first.kind == second.kind);
	require(first.priority == second.priority && first.down_us == second.down_us);
	free(line);
	json_decref(o);
	return 0;
}
