/* SPDX-License-Identifier: Apache-2.0 */
/* What is tracked, as one list: the states that the checks and their like have found, each with its weight and its
 * words. Whoever has a struct conf_tracks (an instance, a group of them) asks here, and need not know what kinds there
 * are. */
#pragma once

#include "agent/checker.h"
#include "agent/conf/conf.h"
#include "agent/links.h"
#include "agent/priority.h"
#include "agent/track_file.h"
#include "agent/track_proc.h"

/* Who knows the states. */
struct track_sources {
	const struct checker *checker;
	const struct links *links;
	const struct track_files *files;
	const struct track_procs *procs;
};

/* One object. The texts are borrowed and valid until the loop runs again. */
struct tracked {
	const char *kind;   /* short word for status: "mysql" */
	const char *what;   /* for messages: "mysqld", "vrrp_script" */
	const char *name;   /* as configured */
	const char *reason; /* why it is up or down, or what it waits for */
	struct priority_input in;
};

/* How many there are at most; what tracker_collect() needs room for. */
size_t tracker_max(const struct conf *conf, const struct conf_tracks *tracks);
/* Fills `ret`; returns how many. */
size_t tracker_collect(const struct track_sources *src, const struct conf *conf, const struct conf_tracks *tracks,
		       struct tracked *ret);

/* The sum over the list, as priority_sum() has it. */
struct priority_result tracker_sum(uint8_t base, const struct tracked *list, size_t n);
/* Which object holds the instance in FAULT, or back: the first that forbids, else the first that has not reported.
 * NULL if none does. */
const struct tracked *tracker_obstacle(const struct tracked *list, size_t n);
