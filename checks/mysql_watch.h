/* SPDX-License-Identifier: Apache-2.0 */
/* The watch on mysqld's process. After kill -9 the kernel frees the memory first and closes the sockets last, tens of
 * milliseconds per GiB later; a thread's pidfd tells at once (Linux 6.9). Without it /proc/PID/stat is read every
 * 10 ms, and where that is not readable the pidfd of the process, or only the closed connection, is left. */
#pragma once

#include "checks/check.h"
#include "checks/mysql_rules.h"

enum { WATCH_THREADS = 2, WATCH_POLL_US = 10000 };

struct watch {
	int pid;     /* 0: nobody is watched */
	int stat_fd; /* /proc/PID/stat; refers to this very process, so that a reused pid cannot deceive us */
	int process_fd;
	unsigned opened; /* how many descriptors so far */
	struct {
		int fd; /* pidfd of a thread, -1 if none */
		int tid;
	} threads[WATCH_THREADS];
	uint64_t poll_us;           /* when to look into /proc again, UINT64_MAX if there is no need */
	uint64_t poll_period_us;    /* 0: only on events */
	unsigned rechecks;          /* left, after a thread ended and the process seemed well */
	char how[CHECK_REASON_MAX]; /* for people: what is in use and why not the better one */
};

void watch_init(struct watch *w);

/* Starts anew, or goes on if `pid` is watched already. `pidfds` false: /proc only. */
void watch_start(struct watch *w, int pid, bool pidfds, uint64_t now_us);
void watch_stop(struct watch *w, const char *how);

/* Appends what to wait for; returns how many (at most WATCH_THREADS + 1). */
size_t watch_io(const struct watch *w, struct check_io *io);

/* Looks at what happened. True if the process is dying, and then `ret` is filled. */
bool watch_step(struct watch *w, const struct check_io *io, size_t n_io, uint64_t now_us, struct probe_proc *ret);

/* The process now; `pid` 0 if nobody is watched. */
struct probe_proc watch_look(const struct watch *w);

/* Reads the line of /proc/PID/stat. False if it does not look like one. */
bool watch_parse_stat(const char *line, struct probe_proc *ret);
