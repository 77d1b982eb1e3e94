/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and spans of time for people. Texts are trusted with nothing. */
#include "agent/ctl/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Code points that move the cursor, end the line or turn the direction of the text. */
static bool acts_on_terminal(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Takes one code point off UTF-8; returns its length in bytes. What is not valid (jansson lets none through, the
 * command line does) is taken as 0, bytewise. */
static size_t decode(const char *s, uint32_t *ret)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0xc0 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? u[0] : u[0] & (0xffU >> (n + 1));

	*ret = 0;
	if (n == 1 && c >= 0x80)
		return 1;
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return i;
		c = c << 6 | (u[i] & 0x3f);
	}
	*ret = c;
	return n;
}

void ctl_print_text(const char *text, FILE *out)
{
	while (*text) {
		uint32_t c;
		size_t n = decode(text, &c);

		if (acts_on_terminal(c))
			fprintf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
		else
			fwrite(text, 1, n, out);
		text += n;
	}
}

size_t ctl_text_width(const char *text)
{
	size_t width = 0;

	while (*text) {
		uint32_t c;

		text += decode(text, &c);
		width += !acts_on_terminal(c) ? 1 : c < 0x100 ? 4 : 6;
	}
	return width;
}

const char *ctl_format_span(double s, char *buf, size_t size)
{
	if (!isfinite(s) || s < 0)
		snprintf(buf, size, "?");
	else if (s < 0.0995)
		snprintf(buf, size, "%.0f ms", s * 1e3);
	else if (s < 9.95)
		snprintf(buf, size, "%.1f s", s);
	else if (s < 60)
		snprintf(buf, size, "%.0f s", s);
	else if (s < 3600)
		snprintf(buf, size, "%d min %d s", (int)s / 60, (int)s % 60);
	else if (s < 86400)
		snprintf(buf, size, "%d h %d min", (int)s / 3600, (int)s % 3600 / 60);
	else if (s < 1e9)
		snprintf(buf, size, "%d d %d h", (int)s / 86400, (int)s % 86400 / 3600);
	else
		snprintf(buf, size, "%.3g d", s / 86400);
	return buf;
}
