/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between a check and its runner (agent/checker).
 *
 * A check never blocks and owns no timer: each call of `step` does what can be done now and says what to wait for,
 * as descriptors and one wake-up time. The runner owns the loop. It calls `step` once to start, then whenever one of
 * the descriptors is ready or the wake-up time has come, and counts outcomes through checks/health. Time is handed in,
 * so a check runs under a test's clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the check knows about the server now; what people see. */
enum check_verdict {
	CHECK_UNKNOWN, /* not seen alive since we started */
	CHECK_ALIVE,
	CHECK_DEGRADED, /* alive, with a complaint that does not move the VIP */
	CHECK_DEAD,
	_CHECK_VERDICT_MAX_,
};

const char *check_verdict_name(enum check_verdict verdict);

/* What one step contributes to the rise/fall count. */
enum check_outcome {
	CHECK_NOTHING, /* still waiting, or nothing new */
	CHECK_PASS,
	CHECK_FAIL, /* counts towards `fall` */
	CHECK_GONE, /* certain: down at once, whatever `fall` says */
};

struct check_io {
	int fd;          /* borrowed from the check; valid until the next step */
	uint32_t events; /* EPOLLIN, EPOLLOUT, EPOLLRDHUP; EPOLLHUP and EPOLLERR are implied */
	uint32_t ready;  /* in: what happened, 0 if nothing did */
};

enum { CHECK_IO_MAX = 8, CHECK_REASON_MAX = 160, CHECK_ERROR_MAX = 256 };

/* Refreshed in place by each step; read by status and by the log. No secrets in here. */
struct check_report {
	enum check_verdict verdict;
	char reason[CHECK_REASON_MAX]; /* "row received", "crashed: thread 4711 is exiting", "1040 too many connections"
					*/
	char error[CHECK_ERROR_MAX];   /* last error text, kept when things are fine again */
	unsigned error_code;           /* its MySQL error number, 0 if none */
	uint64_t error_us;             /* when */
	uint64_t alive_us;             /* when last proven alive, 0 = never */
	uint64_t latency_us;           /* of the last answered query */
	uint64_t latency_max_us;
	char watch[CHECK_REASON_MAX]; /* how a death is seen: "thread pidfd", "/proc every 10 ms: no PIDFD_THREAD", … */
	char server[64];              /* version string */
	int pid;                      /* of the server, 0 if not known */
	uint64_t queries, failures, connects;
	bool tried;      /* a fitness check: a run has ended since it was started, with or without a result */
	char value[160]; /* what it saw: "replica of 10.0.0.1:3306, io Yes, sql Yes, lag 0 s" */
	int64_t lag_s;   /* -1: not known */
};

/* In and out of step. */
struct check_step {
	uint64_t now_us;                  /* in */
	struct check_io io[CHECK_IO_MAX]; /* in: the previous set with `ready`; out: the next set */
	size_t n_io;
	bool same_fds;              /* out: none of them was opened since the previous step, be it in `reconf` */
	bool by_time;               /* out: when the time comes, it matters nothing which of them are ready */
	uint64_t wake_us;           /* out: absolute, UINT64_MAX for never */
	uint64_t early_us;          /* out: how much sooner will do, if the loop happens to be awake then; else 0 */
	enum check_outcome outcome; /* out */
};

struct check_type {
	const char *name; /* as in the configuration: "mysql" */
	size_t state_size;
	/* Once for all checks of this type, before any init: may wait for a disk. 0 or -errno. */
	int (*preload)(void);
	/* `state` is zeroed memory; `conf` is borrowed until the next reconf, or done. 0 or -errno. */
	int (*init)(void *state, const void *conf, struct check_report *report);
	/* Another configuration from now on: nothing of the earlier one is looked at any more, and what is known of the
	 * server stays. A step must follow. */
	void (*reconf)(void *state, const void *conf);
	void (*step)(void *state, struct check_step *s);
	/* Releases everything; also after a failed init. Never blocks. */
	void (*done)(void *state);
};
