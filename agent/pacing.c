/* SPDX-License-Identifier: Apache-2.0 */
/* The next free time of each interface and kind. Interfaces come and go: places whose time has passed are used again,
 * so the table never holds more than what waits. */
#include "agent/pacing.h"

#include <stdlib.h>

struct place {
	int ifindex;
	bool v6;
	uint64_t free_us; /* from then on */
};

struct pacing {
	struct place *places;
	size_t n;
};

struct pacing *pacing_new(void)
{
	return calloc(1, sizeof(struct pacing));
}

struct pacing *pacing_free(struct pacing *p)
{
	if (p)
		free(p->places);
	free(p);
	return NULL;
}

static struct place *place_of(struct pacing *p, int ifindex, bool v6, uint64_t now_us)
{
	struct place *grown;

	for (size_t i = 0; i < p->n; i++)
		if (p->places[i].ifindex == ifindex && p->places[i].v6 == v6)
			return &p->places[i];
	for (size_t i = 0; i < p->n; i++) {
		if (p->places[i].free_us <= now_us) {
			p->places[i] = (struct place){ ifindex, v6, now_us };
			return &p->places[i];
		}
	}
	grown = reallocarray(p->places, p->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	p->places = grown;
	p->places[p->n] = (struct place){ ifindex, v6, now_us };
	return &p->places[p->n++];
}

uint64_t pacing_take(struct pacing *p, int ifindex, bool v6, uint64_t interval_us, uint64_t now_us)
{
	struct place *place = place_of(p, ifindex, v6, now_us);
	uint64_t at_us;

	if (!place) /* without memory an announcement too early is better than none */
		return now_us;
	at_us = place->free_us > now_us ? place->free_us : now_us;
	place->free_us = at_us + interval_us;
	return at_us;
}
