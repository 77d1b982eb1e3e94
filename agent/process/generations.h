/* SPDX-License-Identifier: Apache-2.0 */
/* Which configurations an engine may go by: the one in effect, one that it was given and has said nothing of yet, and
 * older ones, whose hooks may still wait for their turn. */
#pragma once

#include "agent/conf/bundle.h"
#include "agent/conf/conf.h"

enum {
	GENERATIONS_PAST_MAX = 8,
	GENERATIONS_MAX = GENERATIONS_PAST_MAX + 3,
};

/* Zeroed memory is a set without any. Others read `current` and `born`; conf NULL: there is none. */
struct generations {
	struct generation {
		uint32_t id;
		struct conf *conf;
		struct conf_bundle *bundle;
	} current, offered;
	struct conf *born;                       /* what was in effect when the engine was started: some is for life */
	struct conf *past[GENERATIONS_PAST_MAX]; /* the latest first */
	size_t n_past;
};

/* The first, with id 0. Takes both. */
void generations_init(struct generations *g, struct conf *conf, struct conf_bundle *bundle);
void generations_done(struct generations *g);

/* The engine was given this. What it was given before, and has not said that it uses, it has refused. Takes both. */
void generations_offer(struct generations *g, uint32_t id, struct conf *conf, struct conf_bundle *bundle);
/* It says that this is in effect. One that it was not given, or that was so already, changes nothing. */
void generations_use(struct generations *g, uint32_t id);
/* Another engine is to come, and goes by the one in effect, as id 0. Nothing waits in it. */
void generations_restart(struct generations *g);

/* Those that an engine may go by, each once, the likeliest first. Their number. */
size_t generations_list(const struct generations *g, const struct conf *ret[GENERATIONS_MAX]);
/* Those whose addresses it may hold: one that is going over from one to the next holds some of both. */
size_t generations_holding(const struct generations *g, const struct conf *ret[GENERATIONS_MAX]);
