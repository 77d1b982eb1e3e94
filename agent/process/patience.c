/* SPDX-License-Identifier: Apache-2.0 */
/* To kill an engine takes all its addresses off the host. While no peer misses it, a silent one harms nobody, and may
 * come back; once one takes over, there are two holders. So the instance that is missed first decides. */
#include "agent/process/patience.h"

enum {
	HIGHEST_BACKUP = 254,
	US_PER_S = 1000000,
	TICK_LONGEST_US = 1100000, /* each is a second, and late by up to a tenth */
	/* The last sign of life came after the tick before, and the first tick after it finds it there. */
	TICKS_AHEAD = 2,
};

/* From the moment in which an engine stands still, which may be just before its advert was due. RFC 9568 §6.1,
 * RFC 3768 §6.1. */
static uint64_t soonest_takeover_us(const struct conf_instance *i)
{
	uint64_t unit_us = i->version == 2 ? US_PER_S : i->advert_us;

	return (uint64_t)(i->down_adverts - 1) * i->advert_us + (256 - HIGHEST_BACKUP) * unit_us / 256;
}

unsigned patience_s(const struct conf *c)
{
	uint64_t least_us = UINT64_MAX, ticks;

	for (size_t i = 0; i < c->n_instances; i++) {
		uint64_t us = soonest_takeover_us(&c->instances[i]);

		least_us = us < least_us ? us : least_us;
	}
	ticks = c->n_instances ? least_us / TICK_LONGEST_US : 0;
	return ticks > PATIENCE_LEAST_S + TICKS_AHEAD ? (unsigned)(ticks - TICKS_AHEAD) : PATIENCE_LEAST_S;
}
