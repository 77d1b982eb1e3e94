/* SPDX-License-Identifier: Apache-2.0 */
/* One check of the contract in checks/check.h at work: its descriptors, its wake-ups, its health. What the outcome
 * means for anybody is the business of the owner, who is told after each step. */
#pragma once

#include "agent/base/loop.h"
#include "checks/check.h"
#include "checks/health.h"

struct check_run {
	const char *name; /* for messages; borrowed */
	const struct check_type *type;
	const void *conf; /* borrowed */
	void *state;
	/* The check's descriptors live in an epoll set of their own. They come and go with each step, and a number may
	 * be closed and reused within one. The kernel forgets a closed one by itself; the list of the previous step
	 * does not, and is trusted only where the check says same_fds. */
	int epoll;
	bool open;       /* `epoll` is one */
	bool incomplete; /* it lacks a descriptor that could not be added: the next step tries all of them again */
	sd_event_source *io;
	struct loop_timer wake;
	struct check_step step;
	struct check_report report;
	struct health health;
	uint64_t dead_delay_us; /* see health_wait(); the owner's to set */
	void (*stepped)(void *user, bool health_changed);
	void *user;
};

/* In zeroed memory; nothing happens before check_run_start(). 0 or -errno; call check_run_done() in any case. */
int check_run_init(struct check_run *run, sd_event *loop, const char *name, const struct check_type *type,
		   const void *conf, unsigned rise, unsigned fall, enum loop_rank rank,
		   void (*stepped)(void *user, bool health_changed), void *user);
void check_run_done(struct check_run *run);

/* Another configuration: health and what is known stay. check_run_start() must follow unless it is stopped. */
void check_run_reconf(struct check_run *run, const char *name, const void *conf, unsigned rise, unsigned fall);

/* A step, soon, from the loop. */
void check_run_start(struct check_run *run);
/* Drops connections and what was found out; the check may be started anew. */
void check_run_stop(struct check_run *run);
