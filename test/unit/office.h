/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the process that starts programs on the engine's behalf: notes what it is asked for, and answers what
 * the test says. */
#pragma once

#include "test/unit/unit.h"

#include "agent/process/exec.h"
#include "agent/process/post.h"

struct office {
	unsigned asked;
	uint32_t id;      /* of the last program */
	char current[64]; /* what it was told in SQLVIP_CURRENT_STATE */
};

static inline int office_letter(void *user, const struct post *p)
{
	struct office *o = user;

	if (p->type != POST_RUN)
		return 0;
	o->asked++;
	o->id = p->id;
	for (size_t i = 0; i < p->n_env; i++)
		if (strncmp(p->env[i], "SQLVIP_CURRENT_STATE=", 21) == 0)
			snprintf(o->current, sizeof(o->current), "%s", p->env[i] + 21);
	return 0;
}

/* The last program has ended well, or could not be started. */
static inline void office_tells(const struct office *o, int error)
{
	exec_told(&(struct post){ .type = POST_RAN, .id = o->id, .error = error });
}
