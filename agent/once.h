/* SPDX-License-Identifier: Apache-2.0 */
/* A program that is run once in the life of the agent, and waited for: startup_script, shutdown_script. One that cannot
 * be started for want of processes, memory or descriptors is tried again until its deadline. */
#pragma once

#include "agent/base/loop.h"
#include "agent/conf/conf.h"

/* Zeroed memory is valid for once_runs(), once_drop() and once_done(). */
struct once {
	sd_event *loop;
	const char *what;             /* a keyword */
	const struct conf_once *conf; /* NULL: it does not run */
	void (*ended)(void *user);
	void *user;
	struct exec_child *child;
	struct loop_timer retry; /* armed: a shortage may have passed by then */
	uint64_t give_up_us;     /* the deadline */
	bool complained;         /* of a shortage */
};

int once_init(struct once *o, sd_event *loop);
void once_done(struct once *o);

/* False if there is no such program, or it cannot be started: then `ended` is not called. Borrows `what` and `conf`
 * until then. Outcomes are logged here. One at a time. */
bool once_run(struct once *o, const char *what, const struct conf_once *conf, void (*ended)(void *user), void *user);
bool once_runs(const struct once *o);
/* Ends it; `ended` is not called any more. */
void once_drop(struct once *o);
