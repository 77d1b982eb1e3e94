/* SPDX-License-Identifier: Apache-2.0 */
/* Word splitting as keepalived.conf(5) has it. Pure but for the pool; knows nothing of keywords, comments or braces. */
#include "agent/conf/words.h"

#include <string.h>

bool conf_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *conf_split_text(enum conf_split result)
{
	switch (result) {
	case CONF_SPLIT_OK:
		return "fine";
	case CONF_SPLIT_TOO_MANY:
		return "too many words";
	case CONF_SPLIT_QUOTE:
		return "a quote is not closed";
	case CONF_SPLIT_ESCAPE:
		return "an escape sequence is incomplete or stands for the NUL character";
	}
	return "?";
}

/* Words under construction. `out` has room for twice the input: no pass makes text longer, but for one NUL per word. */
struct builder {
	struct conf_pool *pool;
	char *out;
	struct conf_words words;
	size_t room, max;
	bool open; /* a word has begun */
};

static void begin(struct builder *b, struct conf_pool *pool, const char *text, size_t max)
{
	*b = (struct builder){ .pool = pool, .max = max };
	b->out = conf_pool_alloc(pool, 2 * strlen(text) + 2);
}

static bool open_word(struct builder *b)
{
	if (b->open)
		return true;
	if (b->words.n == b->max)
		return false;
	if (b->words.n + 1 >= b->room) {
		size_t room = b->room ? 2 * b->room : 8;
		char **w = conf_pool_array(b->pool, room, sizeof(*w));

		if (b->words.n > 0)
			memcpy(w, b->words.w, b->words.n * sizeof(*w));
		b->words.w = w;
		b->room = room;
	}
	b->words.w[b->words.n++] = b->out;
	b->words.w[b->words.n] = NULL;
	b->open = true;
	return true;
}

static void put(struct builder *b, char c)
{
	*b->out++ = c;
}

static void close_word(struct builder *b)
{
	if (b->open)
		put(b, '\0');
	b->open = false;
}

static enum conf_split finish(struct builder *b, struct conf_words *ret)
{
	close_word(b);
	if (!b->words.w)
		b->words.w = conf_pool_array(b->pool, 1, sizeof(char *));
	*ret = b->words;
	return CONF_SPLIT_OK;
}

enum conf_split conf_split_line(struct conf_pool *p, const char *text, size_t max, struct conf_words *ret)
{
	struct builder b;

	begin(&b, p, text, max);
	while (*text) {
		if (conf_is_blank(*text)) {
			close_word(&b);
			text++;
			continue;
		}
		if (*text == '"') {
			const char *end = strchr(text + 1, '"');

			if (!end)
				return CONF_SPLIT_QUOTE;
			close_word(&b);
			if (!open_word(&b))
				return CONF_SPLIT_TOO_MANY;
			while (++text < end)
				put(&b, *text);
			close_word(&b);
			text = end + 1;
			continue;
		}
		if (!open_word(&b))
			return CONF_SPLIT_TOO_MANY;
		put(&b, *text++);
	}
	return finish(&b, ret);
}

enum conf_split conf_split_command(struct conf_pool *p, const char *text, size_t max, struct conf_words *ret)
{
	struct builder b;
	char quote = 0;

	begin(&b, p, text, max);
	for (; *text; text++) {
		if (!quote && conf_is_blank(*text)) {
			close_word(&b);
			continue;
		}
		if (!open_word(&b))
			return CONF_SPLIT_TOO_MANY;
		if (*text == '\\' && text[1]) {
			put(&b, *text++);
			put(&b, *text);
		} else if (quote && *text == quote) {
			quote = 0;
		} else if (!quote && (*text == '"' || *text == '\'')) {
			quote = *text;
		} else {
			put(&b, *text);
		}
	}
	return quote ? CONF_SPLIT_QUOTE : finish(&b, ret);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `text` stands behind the backslash. Returns what follows the sequence, NULL if it is none. */
static const char *unescape(const char *text, char *ret)
{
	static const char letters[] = "abEfnrtv", values[] = "\a\b\033\f\n\r\t\v";
	const char *letter = *text ? strchr(letters, *text) : NULL;
	unsigned value = 0;
	unsigned digits = 0;

	if (letter) {
		*ret = values[letter - letters];
		return text + 1;
	}
	if (*text == 'c' && text[1]) {
		*ret = (char)(text[1] & 0x1f);
		return *ret ? text + 2 : NULL;
	}
	if (*text == 'x') {
		for (text++; digits < 2 && hex_value(*text) >= 0; digits++)
			value = value * 16 + (unsigned)hex_value(*text++);
	} else if (*text >= '0' && *text <= '7') {
		for (; digits < 3 && *text >= '0' && *text <= '7'; digits++)
			value = value * 8 + (unsigned)(*text++ - '0');
	} else {
		*ret = *text;
		return *text ? text + 1 : NULL;
	}
	*ret = (char)value;
	return value > 0 && value <= 0xff ? text : NULL;
}

enum conf_split conf_split_argv(struct conf_pool *p, const char *text, size_t max, struct conf_words *ret)
{
	struct builder b;
	char quote = 0;

	begin(&b, p, text, max);
	while (*text) {
		char c;

		if (!quote && conf_is_blank(*text)) {
			close_word(&b);
			text++;
			continue;
		}
		if (!open_word(&b))
			return CONF_SPLIT_TOO_MANY;
		if (*text == '\\') {
			text = unescape(text + 1, &c);
			if (!text)
				return CONF_SPLIT_ESCAPE;
			put(&b, c);
		} else if (quote && *text == quote) {
			quote = 0;
			text++;
		} else if (!quote && (*text == '"' || *text == '\'')) {
			quote = *text++;
		} else {
			put(&b, *text++);
		}
	}
	return quote ? CONF_SPLIT_QUOTE : finish(&b, ret);
}
