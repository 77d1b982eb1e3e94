/* SPDX-License-Identifier: Apache-2.0 */
/* A background thread for what may wait for a disk, or takes long: reading tracked files, looking through /proc. One
 * job at a time, in order, under ordinary scheduling. Not for what a takeover waits for. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

struct worker;

/* The head of a job, which is allocated with malloc(). The worker owns it from worker_push() on and frees it after
 * `done`, or when it is freed itself. */
struct worker_job {
	void (*run)(struct worker_job *job);  /* in the thread; touches nothing but the job */
	void (*done)(struct worker_job *job); /* from the loop */
	/* Releases what the job holds beside itself: instead of `done`, when the worker ends before. May be NULL. */
	void (*drop)(struct worker_job *job);
	struct worker_job *next;
};

/* 0 or -errno. */
int worker_new(sd_event *loop, struct worker **ret);
/* Drops what waits. A job that does not end within a second is left behind with its thread: for the end of the process
 * only. */
struct worker *worker_free(struct worker *w);

void worker_push(struct worker *w, struct worker_job *job);

/* The job that is under way, since when by loop_now_us(); NULL if there is none. It stays valid until the loop runs
 * again, but what it holds is the thread's. */
const struct worker_job *worker_running(struct worker *w, uint64_t *ret_since_us);
