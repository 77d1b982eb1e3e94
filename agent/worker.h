/* SPDX-License-Identifier: Apache-2.0 */
/* Background threads for what may wait for a disk, or takes long: reading tracked files, looking through /proc. With
 * one thread the jobs are done in order; with several, one that hangs holds up no other as long as there are threads
 * left. Under ordinary scheduling: not for what a takeover waits for. */
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

/* `threads`: how many there may be; more than one are started only when they are needed. 0 or -errno. */
int worker_new(sd_event *loop, unsigned threads, struct worker **ret);
/* Drops what waits. A job that does not end within a second is left behind with its thread: for the end of the process
 * only. */
struct worker *worker_free(struct worker *w);

void worker_push(struct worker *w, struct worker_job *job);

/* Waits until all jobs are done, at most so long, and calls `done` of those that are. */
void worker_wait(struct worker *w, uint64_t limit_us);

/* The job that has been under way for longest, since when by loop_now_us(); NULL if there is none. It stays valid until
 * the loop runs again, but what it holds is the thread's. */
const struct worker_job *worker_running(struct worker *w, uint64_t *ret_since_us);
/* Since when this job, which is not done yet, has been under way; 0 while it waits for a thread. */
uint64_t worker_since_us(struct worker *w, const struct worker_job *job);
