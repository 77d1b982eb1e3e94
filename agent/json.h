/* SPDX-License-Identifier: Apache-2.0 */
/* One helper on jansson. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* A JSON string of text that may come from outside: what is no valid UTF-8 is replaced by '?'. */
static inline json_t *json_text(const char *s)
{
	json_t *j = json_string(s);
	char plain[256];
	size_t n;

	if (j)
		return j;
	for (n = 0; s[n] && n < sizeof(plain) - 1; n++)
		plain[n] = (unsigned char)s[n] < 0x80 ? s[n] : '?';
	plain[n] = '\0';
	return json_string(plain);
}
