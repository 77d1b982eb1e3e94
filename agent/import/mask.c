/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what may be a secret by what stands before it, in text that follows no grammar in particular: lines of a
 * keepalived.conf, comments, command lines within quotes within quotes. What looks like one and is none costs a reader
 * a word; what is one and does not look like it costs a password. So a value goes on until a blank that no quote holds.
 */
#include "agent/import/mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define BLANKS " \t"

static bool is_blank_or_end(char c)
{
	return !c || isspace((unsigned char)c);
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

static bool is_of_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

void import_mask_rest(char *text)
{
	for (; *text; text++)
		if (!isspace((unsigned char)*text))
			*text = '*';
}

/* Whether a quote behind `n` backslashes closes one that was opened behind `opened` of them: each command line around
 * doubles them and adds one. An even number of them leaves a quote of a command line further out. */
static bool closes(size_t n, size_t opened)
{
	for (; opened % 2 == 1 && n % 2 == 1; opened /= 2)
		n /= 2;
	return n % 2 == 0;
}

/* From behind the opening quote `q`, which had `opened` backslashes, to the closing one. Returns what is behind. */
static char *mask_quoted(char *p, char q, size_t opened)
{
	while (*p) {
		size_t n = strspn(p, "\\");

		if (p[n] == q && (q == '\'' || closes(n, opened))) {
			memset(p, '*', n > opened ? n - opened : 0);
			return p + n + 1;
		}
		n += p[n] != '\0';
		memset(p, '*', n);
		p += n;
	}
	return p;
}

/* One word of a shell or of keepalived, whatever quotes it is put together from. Returns its end. A quote with a blank
 * behind it is the end of a command line around the word, unless the word begins with it and it is closed later. */
static char *mask_word(char *p)
{
	const char *begin = p;

	while (!is_blank_or_end(*p)) {
		size_t slashes = strspn(p, "\\");
		char *quote = p + slashes;

		if (is_quote(*quote)) {
			if (is_blank_or_end(quote[1]) && !(p == begin && strchr(quote + 1, *quote)))
				return quote + 1;
			p = mask_quoted(quote + 1, *quote, slashes);
			continue;
		}
		if (*p == '\\' && p[1])
			*p++ = '*';
		*p++ = '*';
	}
	return p;
}

/* --- command lines ----------------------------------------------------------------------------------------------- */

/* The length of `--NAME`, 0 if there is none. */
static size_t long_name(const char *w)
{
	size_t n = 2;

	if (strncmp(w, "--", 2) != 0)
		return 0;
	while (is_of_name(w[n]) || w[n] == '-')
		n++;
	return n;
}

/* Whether one of `parts`, which end with NULL, stands in the first `n` of `w`. */
static bool has_part(const char *w, size_t n, const char *const *parts)
{
	for (; *parts; parts++) {
		const char *at = strcasestr(w, *parts);

		if (at && at < w + n)
			return true;
	}
	return false;
}

/* `--pa=` to `--password=`, as MySQL's programs let them be cut short, `--password2=`, `--db-password=`. Returns the
 * length of the option without its value; `*apart`: the value is the next word. 0 if it is no such option. */
static size_t long_option(const char *w, bool *apart)
{
	static const char *const parts[] = { "pass", "secret", "token", "pwd", NULL };
	size_t n = long_name(w);

	if (n == 0 || !((n >= 4 && strncasecmp(w + 2, "password", n - 2) == 0) || has_part(w, n, parts)))
		return 0;
	*apart = w[n] != '=';
	return *apart ? n : n + 1;
}

/* `-pWORD`, also behind options that take no value: `-NspWORD`. */
static size_t short_option(const char *w, bool *apart)
{
	static const char alone[] = "ABCEGHILNUVXbcfijnoqrstvw"; /* of mysql(1) and mysqladmin(1) */
	size_t n;

	if (*w != '-')
		return 0;
	n = 1 + strspn(w + 1, alone);
	if (w[n] != 'p')
		return 0;
	*apart = is_blank_or_end(w[n + 1]);
	return n == 1 || !*apart ? n + 1 : 0;
}

/* `-u` as curl has it, also behind others, `--user`, `--proxy-user`: their value may be NAME:WORD. */
static size_t user_option(const char *w, bool *apart)
{
	static const char *const parts[] = { "user", "auth", "cred", NULL };
	size_t n = long_name(w);

	if (n > 0) {
		*apart = w[n] != '=';
		return !has_part(w, n, parts) ? 0 : *apart ? n : n + 1;
	}
	n = 1;
	while (isalpha((unsigned char)w[n]) && !strchr("uU", w[n]))
		n++;
	if (!w[n] || !strchr("uU", w[n]))
		return 0;
	*apart = is_blank_or_end(w[n + 1]);
	return n + 1;
}

/* Of NAME:WORD the latter. Returns the end, or `p` if it is something else. */
static char *mask_behind_name(char *p)
{
	size_t slashes = strspn(p, "\\");
	bool quoted = is_quote(p[slashes]);
	const char stop[] = { ':', quoted ? p[slashes] : ' ', quoted ? '\0' : '\t', '\0' };
	char *begin = quoted ? p + slashes + 1 : p, *colon = begin + strcspn(begin, stop);

	if (*colon != ':')
		return p;
	return mask_word(quoted ? mask_quoted(colon + 1, stop[1], slashes) : colon + 1);
}

/* mysql://user:WORD@host; the word may hold what would end it in a browser. */
static void mask_url(char *p)
{
	while ((p = strstr(p, "://"))) {
		char *colon, *host;

		p += 3;
		host = memrchr(p, '@', strcspn(p, BLANKS));
		colon = host ? memchr(p, ':', (size_t)(host - p)) : NULL;
		while (colon && ++colon < host)
			*colon = '*';
	}
}

static bool begins_word(const char *text, const char *p)
{
	return p == text || isspace((unsigned char)p[-1]) || is_quote(p[-1]) || strchr("=(`;|&", p[-1]);
}

static void mask_options(char *text)
{
	for (char *p = text; *p; p++) {
		bool apart = false, user = false;
		size_t n;

		if (*p != '-' || !begins_word(text, p))
			continue;
		n = long_option(p, &apart);
		if (n == 0)
			n = short_option(p, &apart);
		if (n == 0) {
			n = user_option(p, &apart);
			user = true;
		}
		if (n == 0)
			continue;
		p += n;
		if (apart)
			p += strspn(p, BLANKS);
		if (!apart || *p != '-')
			p = user ? mask_behind_name(p) : mask_word(p);
		p--; /* to be seen by the loop */
	}
}

/* MYSQL_PWD=WORD, DB_PASSWORD=WORD, password: WORD; `spaced`: blanks may stand around the mark. */
static void mask_assignments(char *text, bool spaced)
{
	static const char *const names[] = { "pwd", "pass", "passwd", "password", "secret", "token", "passphrase" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (char *p = text; (p = strcasestr(p, names[i]));) {
			p += strlen(names[i]);
			if (spaced && strchr(BLANKS, *p))
				p += strspn(p, BLANKS);
			if (*p != '=' && !(spaced && *p == ':'))
				continue;
			p++;
			if (spaced)
				p += strspn(p, BLANKS);
			p = mask_word(p);
		}
	}
}

void import_mask_command(char *text)
{
	mask_options(text);
	mask_assignments(text, false);
	mask_url(text);
}

/* --- lines and comments ------------------------------------------------------------------------------------------ */

static bool is_file(const char *value)
{
	return strncmp(value + is_quote(*value), "file:/", 6) == 0;
}

/* The id of a key, with the blanks behind it; 0 if no value follows. */
static size_t key_id(const char *value)
{
	size_t n = strspn(value, "0123456789"), blanks = strspn(value + n, BLANKS);

	return n > 0 && n <= 3 && blanks > 0 && value[n + blanks] ? n + blanks : 0;
}

void import_mask_value(const char *word, char *value)
{
	value += strspn(value, BLANKS);
	if (strcmp(word, "key") == 0)
		value += key_id(value);
	if (strncmp(word, "auth_", 5) == 0 || !is_file(value))
		import_mask_rest(value);
}

static void mask_keyword(char *text, const char *word)
{
	size_t n = strlen(word);

	for (char *p = text; (p = strcasestr(p, word));) {
		bool whole = (p == text || !is_of_name(p[-1])) && p[n] && strchr(BLANKS ":=\"'", p[n]);
		size_t id;

		whole = whole && !(p > text && p[-1] == '-'); /* an option: dealt with */
		p += n;
		if (!whole)
			continue;
		p += strspn(p, BLANKS);
		if (*p == ':' || *p == '=')
			p += 1 + strspn(p + 1, BLANKS);
		id = strcmp(word, "key") == 0 ? key_id(p) : 0;
		p += id;
		if (is_file(p) && strncmp(word, "auth_", 5) != 0)
			continue;
		if (id > 0)
			import_mask_rest(p);
		else
			p = mask_word(p);
	}
}

void import_mask(char *text)
{
	static const char *const words[] = { "auth_pass", "password", "passwd", "key" };

	import_mask_command(text);
	mask_assignments(text, true);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		mask_keyword(text, words[i]);
}
