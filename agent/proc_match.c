/* SPDX-License-Identifier: Apache-2.0 */
/* Names and command lines against a pattern. A process can write anything it likes into both. */
#include "agent/proc_match.h"

#include <string.h>

bool proc_parse_stat(char *text, const char **comm, char *state)
{
	/* A name may hold brackets and blanks; what follows the last bracket is the kernel's own. */
	char *begin = strchr(text, '('), *end = strrchr(text, ')');

	if (!begin || !end || end < begin || end[1] != ' ' || !end[2])
		return false;
	*end = '\0';
	*comm = begin + 1;
	*state = end[2];
	return true;
}

static bool is_name(const struct proc_pattern *p, const char *word)
{
	const char *slash = strrchr(word, '/');

	if (strcmp(word, p->argv[0]) == 0)
		return true;
	return !p->full_command && slash && !strchr(p->argv[0], '/') && strcmp(slash + 1, p->argv[0]) == 0;
}

static bool is_param(const struct proc_pattern *p, size_t i, const char *word)
{
	const bool beginning = p->params == PROC_PARAMS_PARTIAL && !p->argv[i + 1];

	return beginning ? strncmp(word, p->argv[i], strlen(p->argv[i])) == 0 : strcmp(word, p->argv[i]) == 0;
}

bool proc_matches(const struct proc_pattern *p, const char *comm, const char *cmdline, size_t len)
{
	size_t i = 0, at = 0;

	if (!p->by_command)
		return strncmp(comm, p->argv[0], PROC_COMM_LEN) == 0 &&
		       (strlen(comm) == strlen(p->argv[0]) || strlen(comm) == PROC_COMM_LEN);
	while (at < len) {
		const char *word = cmdline + at;
		const char *end = memchr(word, '\0', len - at);

		if (!end) /* cut off, or no command line at all */
			return false;
		if (!p->argv[i])
			return p->params != PROC_PARAMS_EXACT;
		if (!(i == 0 ? is_name(p, word) : is_param(p, i, word)))
			return false;
		i++;
		at += (size_t)(end - word) + 1;
	}
	return i > 0 && !p->argv[i];
}
