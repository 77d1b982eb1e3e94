/* SPDX-License-Identifier: Apache-2.0 */
/* One word -> one value: numbers, times, truth, names. Refuses what does not read as a whole or is out of range, and
 * says what would be allowed; never rounds or cuts. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

#include <ctype.h>
#include <inttypes.h>

enum number { NUMBER_OK, NUMBER_NONE, NUMBER_LARGE, NUMBER_FINE };

/* [-]digits[.digits], scaled by 10^decimals. */
static enum number scan_decimal(const char *text, unsigned decimals, int64_t *ret)
{
	bool negative = *text == '-';
	int64_t v = 0;
	unsigned n_digits = 0;
	bool fraction = false;

	for (text += negative; *text; text++) {
		if (*text == '.' && !fraction && decimals > 0) {
			fraction = true;
			continue;
		}
		if (!isdigit((unsigned char)*text))
			return NUMBER_NONE;
		n_digits++;
		if (fraction && decimals == 0) {
			if (*text != '0')
				return NUMBER_FINE;
			continue;
		}
		decimals -= fraction;
		if (v > (INT64_MAX / 10000000 - 9) / 10)
			return NUMBER_LARGE;
		v = v * 10 + (*text - '0');
	}
	if (n_digits == 0)
		return NUMBER_NONE;
	for (; decimals > 0; decimals--)
		v *= 10;
	*ret = negative ? -v : v;
	return NUMBER_OK;
}

bool conf_parse_int(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text, int64_t min,
		    int64_t max, int64_t *ret)
{
	int64_t v = 0;

	switch (scan_decimal(text, 0, &v)) {
	case NUMBER_OK:
		if (v >= min && v <= max) {
			*ret = v;
			return true;
		}
		break;
	case NUMBER_NONE:
	case NUMBER_FINE:
		conf_error(x->f, where, "%s: \"%.64s\" is not a decimal number in %" PRId64 "..%" PRId64, what, text,
			   min, max);
		return false;
	case NUMBER_LARGE:
		break;
	}
	conf_error(x->f, where, "%s: %.64s is not in %" PRId64 "..%" PRId64, what, text, min, max);
	return false;
}

const char *conf_format_time(uint64_t us, char *buf, size_t size)
{
	size_t n;

	snprintf(buf, size, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
	n = strlen(buf);
	while (buf[n - 1] == '0')
		buf[--n] = '\0';
	if (buf[n - 1] == '.')
		buf[n - 1] = '\0';
	return buf;
}

bool conf_parse_time(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text,
		     int64_t min_us, int64_t max_us, uint64_t *ret_us)
{
	char lo[CONF_TIME_STR], hi[CONF_TIME_STR];
	int64_t v = 0;
	enum number n = scan_decimal(text, 6, &v);

	if (n == NUMBER_OK && v >= min_us && v <= max_us) {
		*ret_us = (uint64_t)v;
		return true;
	}
	conf_format_time((uint64_t)min_us, lo, sizeof(lo));
	conf_format_time((uint64_t)max_us, hi, sizeof(hi));
	switch (n) {
	case NUMBER_NONE:
		conf_error(x->f, where, "%s: \"%.64s\" is not a decimal number of seconds in %s..%s", what, text, lo,
			   hi);
		break;
	case NUMBER_FINE:
		conf_error(x->f, where, "%s: %.64s is finer than a microsecond", what, text);
		break;
	case NUMBER_OK:
	case NUMBER_LARGE:
		conf_error(x->f, where, "%s: %.64s is not in %s..%s seconds", what, text, lo, hi);
		break;
	}
	return false;
}

bool conf_parse_bool(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text, bool *ret)
{
	static const char *const words[] = { "off", "on", "false", "true", "no", "yes" };

	for (size_t i = 0; i < ELEMENTSOF(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = i % 2 == 1;
			return true;
		}
	}
	conf_error(x->f, where, "%s: \"%.64s\" is none of on, true, yes, off, false, no", what, text);
	return false;
}

/* Length of the UTF-8 sequence at `s`, 0 if there is none (RFC 3629: no surrogates, nothing overlong). */
static size_t utf8_sequence(const unsigned char *s)
{
	uint32_t code;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	code = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
	    (n == 4 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	return n;
}

bool conf_check_bytes(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text)
{
	for (const char *s = text; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '"') {
			conf_error(x->f, where, "%s: double quotes and control characters cannot be used", what);
			return false;
		}
	}
	/* would be substituted when the printed configuration is read again */
	if (strstr(text, "$_") || strstr(text, "${_")) {
		conf_error(x->f, where, "%s: $_ and ${_ cannot be used", what);
		return false;
	}
	return true;
}

bool conf_check_string(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text)
{
	for (const char *s = text; *s;) {
		size_t n = utf8_sequence((const unsigned char *)s);

		if (n == 0) {
			conf_error(x->f, where, "%s: is not UTF-8", what);
			return false;
		}
		s += n;
	}
	return conf_check_bytes(x, where, what, text);
}

bool conf_check_name(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text)
{
	enum { NAME_MAX_LEN = 255 };

	if (!conf_check_string(x, where, what, text))
		return false;
	if (!*text || strpbrk(text, " \t") || strlen(text) > NAME_MAX_LEN) {
		conf_error(x->f, where, "%s: the name \"%.64s\" must be 1..%d characters without blanks", what, text,
			   NAME_MAX_LEN);
		return false;
	}
	return true;
}

bool conf_parse_ifname(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text,
		       char ret[IFNAMSIZ])
{
	size_t n = strlen(text);

	if (n == 0 || n >= IFNAMSIZ || strpbrk(text, "/ \t:") || strcmp(text, ".") == 0 || strcmp(text, "..") == 0) {
		conf_error(x->f, where, "%s: \"%.64s\" is not the name of a network interface (1..%d characters)", what,
			   text, IFNAMSIZ - 1);
		return false;
	}
	if (!conf_check_string(x, where, what, text))
		return false;
	memset(ret, 0, IFNAMSIZ);
	memcpy(ret, text, n);
	return true;
}

bool conf_count_words(struct conf_ctx *x, const struct conf_arg *a, size_t min, size_t max)
{
	if (a->words.n < min) {
		conf_error(x->f, &a->where, "%s: a value is missing", a->key->name);
		return false;
	}
	if (a->words.n > max)
		conf_warn(x->f, &a->where, "%s: %zu words too many, ignored; a value with blanks needs quotes",
			  a->key->name, a->words.n - max);
	return true;
}
