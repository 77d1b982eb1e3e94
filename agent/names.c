/* SPDX-License-Identifier: Apache-2.0 */
/* What to say about a name that does not exist: what was given, what was meant most likely, and what there is. */
#include "agent/names.h"

#include "agent/conf/report.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MORE_LEN = sizeof(" and 18446744073709551615 more") }; /* with its NUL */

static const char *name_at(const void *user, size_t i)
{
	const char *const *known = user;

	return known[i];
}

static size_t count(const char *const *known)
{
	size_t n = 0;

	while (known[n])
		n++;
	return n;
}

/* Appends what fits with `reserve` to spare, or nothing. */
static bool append(char *buf, size_t size, size_t reserve, const char *sep, const char *text)
{
	size_t used = strlen(buf);

	if (used + strlen(sep) + strlen(text) + reserve >= size)
		return false;
	snprintf(buf + used, size - used, "%s%s", sep, text);
	return true;
}

const char *names_unknown(const char *what, const char *name, const char *const *known, char *buf, size_t size)
{
	const char *near = conf_nearest(name, name_at, known);
	size_t n = count(known), used;

	snprintf(buf, size, "there is no %s \"%.64s\"%s%.64s%s", what, name, near ? "; do you mean " : "",
		 near ? near : "", near ? "?" : "");
	if (n == 0 || (n == 1 && near))
		return buf;
	append(buf, size, MORE_LEN, near ? " T" : "; t", n == 1 ? "here is:" : "here are:");
	for (size_t i = 0; i < n; i++) {
		if (append(buf, size, MORE_LEN, i ? ", " : " ", known[i]))
			continue;
		used = strlen(buf);
		snprintf(buf + used, size - used, " and %zu more", n - i);
		break;
	}
	return buf;
}
