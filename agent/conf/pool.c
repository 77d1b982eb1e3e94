/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of chunks, filled from the front. Large pieces get a chunk of their own. It does not reuse what a caller
 * drops: a configuration is read once and lives until the next one has replaced it. */
#include "agent/conf/pool.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 16384 };

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) unsigned char data[];
};

struct conf_pool {
	struct chunk *chunks; /* the one being filled comes first */
};

static _Noreturn void out_of_memory(void)
{
	fputs("sqlvip: out of memory while reading the configuration\n", stderr);
	abort();
}

struct conf_pool *conf_pool_new(void)
{
	struct conf_pool *p = calloc(1, sizeof(*p));

	if (!p)
		out_of_memory();
	return p;
}

struct conf_pool *conf_pool_free(struct conf_pool *p)
{
	while (p && p->chunks) {
		struct chunk *c = p->chunks;

		p->chunks = c->next;
		/* passwords lie here */
		explicit_bzero(c->data, c->used);
		free(c);
	}
	free(p);
	return NULL;
}

static struct chunk *chunk_new(size_t size)
{
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		out_of_memory();
	c->size = size;
	return c;
}

void *conf_pool_alloc(struct conf_pool *p, size_t size)
{
	size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct chunk *c = p->chunks;
	void *ret;

	if (need < size)
		out_of_memory();
	if (need > CHUNK_SIZE / 4) {
		c = chunk_new(need);
		if (p->chunks) { /* behind the one that still has room */
			c->next = p->chunks->next;
			p->chunks->next = c;
		} else {
			p->chunks = c;
		}
	} else if (!c || c->size - c->used < need) {
		c = chunk_new(CHUNK_SIZE);
		c->next = p->chunks;
		p->chunks = c;
	}
	ret = c->data + c->used;
	c->used += need;
	return ret;
}

void *conf_pool_array(struct conf_pool *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		out_of_memory();
	return conf_pool_alloc(p, total);
}

char *conf_pool_strndup(struct conf_pool *p, const char *s, size_t n)
{
	char *copy = conf_pool_alloc(p, n + 1);

	memcpy(copy, s, n);
	return copy;
}

char *conf_pool_strdup(struct conf_pool *p, const char *s)
{
	return conf_pool_strndup(p, s, strlen(s));
}
