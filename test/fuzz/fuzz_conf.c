/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration in keepalived grammar, from memory. Beyond not crashing: a refusal has a reported error
 * and an acceptance has none, findings are printable, and what an accepted configuration prints reads back to the
 * same. */
#include "agent/base/cleanup.h"
#include "agent/conf/conf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void count(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	unsigned *errors = user;

	require(where->file != NULL);
	for (; *text; text++)
		require((unsigned char)*text >= 0x20 && *text != 0x7f);
	*errors += level == CONF_ERROR;
}

static struct conf *load(const char *text, size_t size)
{
	unsigned errors = 0;
	struct conf *c = NULL;
	int r = conf_load_text("fuzz.conf", text, size, false, "host", count, &errors, &c);

	require((r == 0) == (errors == 0) && (r == 0) == (c != NULL));
	return c;
}

static char *print(const struct conf *c, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	require(f != NULL);
	conf_print(c, f);
	fclose(f);
	return text;
}

static void ignore(void *user, const char *text)
{
	(void)user;
	require(strchr(text, '\n') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* exactly as large, so that an overread is seen */
	bool withheld = false;
	struct conf *c, *again;

	require(copy != NULL);
	memcpy(copy, data, size);
	c = load(copy, size);
	free(copy);
	for (size_t i = 0; c && i < c->n_mysqls; i++)
		withheld |= c->mysqls[i].password_inline;
	if (c && !withheld) {
		size_t n1, n2;
		char *one = print(c, &n1), *two;

		again = load(one, n1);
		require(again != NULL);
		two = print(again, &n2);
		require(n1 == n2 && memcmp(one, two, n1) == 0);
		free(one);
		free(two);
		conf_free(again);
	}
	if (c)
		conf_advise(c, ignore, NULL);
	conf_free(c);
	return 0;
}
