/* SPDX-License-Identifier: Apache-2.0 */
/* The engine judges what it is given, and may refuse it for reasons that lie in the host; only what it says it uses is
 * in effect. It may be in a stranger's hands: whatever it says, it gets nothing that was not given to it, and the
 * number of configurations is bounded. */
#include "agent/process/generations.h"

#include <string.h>

static void forget(struct generation *gen)
{
	conf_free(gen->conf);
	conf_bundle_free(gen->bundle);
	*gen = (struct generation){ 0 };
}

static void forget_past(struct generations *g)
{
	while (g->n_past > 0)
		conf_free(g->past[--g->n_past]);
}

/* Takes it. */
static void remember(struct generations *g, struct conf *conf)
{
	if (g->n_past == GENERATIONS_PAST_MAX)
		conf_free(g->past[--g->n_past]);
	memmove(g->past + 1, g->past, g->n_past * sizeof(g->past[0]));
	g->past[0] = conf;
	g->n_past++;
}

void generations_init(struct generations *g, struct conf *conf, struct conf_bundle *bundle)
{
	*g = (struct generations){ .current = { .conf = conf, .bundle = bundle }, .born = conf_ref(conf) };
}

void generations_done(struct generations *g)
{
	forget(&g->current);
	forget(&g->offered);
	forget_past(g);
	g->born = conf_free(g->born);
}

void generations_offer(struct generations *g, uint32_t id, struct conf *conf, struct conf_bundle *bundle)
{
	forget(&g->offered);
	g->offered = (struct generation){ .id = id, .conf = conf, .bundle = bundle };
}

void generations_use(struct generations *g, uint32_t id)
{
	if (!g->offered.conf || g->offered.id != id)
		return;
	remember(g, conf_ref(g->current.conf));
	forget(&g->current);
	g->current = g->offered;
	g->offered = (struct generation){ 0 };
}

void generations_restart(struct generations *g)
{
	forget(&g->offered);
	forget_past(g);
	conf_free(g->born);
	g->born = conf_ref(g->current.conf);
	g->current.id = 0;
}

static void add(const struct conf *c, const struct conf **list, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i] == c)
			return;
	if (c)
		list[(*n)++] = c;
}

size_t generations_holding(const struct generations *g, const struct conf *ret[GENERATIONS_MAX])
{
	size_t n = 0;

	add(g->current.conf, ret, &n);
	add(g->offered.conf, ret, &n);
	if (g->n_past > 0)
		add(g->past[0], ret, &n);
	return n;
}

size_t generations_list(const struct generations *g, const struct conf *ret[GENERATIONS_MAX])
{
	size_t n = generations_holding(g, ret);

	for (size_t i = 0; i < g->n_past; i++)
		add(g->past[i], ret, &n);
	add(g->born, ret, &n);
	return n;
}
