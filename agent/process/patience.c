/* SPDX-License-Identifier: Apache-2.0 */
/* To kill an engine takes all its addresses off the host. While no peer misses it, a silent one harms nobody, and may
 * come back; once one takes over, there are two holders. So the instance that is missed first decides. */
#include "agent/process/patience.h"

enum { HIGHEST_BACKUP = 254, US_PER_S = 1000000 };

/* RFC 9568 §6.1, RFC 3768 §6.1. */
static uint64_t shortest_down_us(const struct conf_instance *i)
{
	uint64_t unit_us = i->version == 2 ? US_PER_S : i->advert_us;

	return (uint64_t)i->down_adverts * i->advert_us + (256 - HIGHEST_BACKUP) * unit_us / 256;
}

unsigned patience_s(const struct conf *c)
{
	uint64_t least_us = UINT64_MAX;

	for (size_t i = 0; i < c->n_instances; i++) {
		uint64_t down_us = shortest_down_us(&c->instances[i]);

		least_us = down_us < least_us ? down_us : least_us;
	}
	if (c->n_instances == 0 || least_us < (uint64_t)PATIENCE_LEAST_S * US_PER_S)
		return PATIENCE_LEAST_S;
	return (unsigned)(least_us / US_PER_S);
}
