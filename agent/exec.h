/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where programs are started: execve on an argument vector, as a given user, in a process group of its
 * own, with ordinary scheduling, stdin, stdout and stderr on /dev/null, all other descriptors closed, and a deadline.
 * At the deadline the group gets SIGTERM, two seconds later SIGKILL, then again every ten seconds until it is gone. */
#pragma once

#include "agent/base/loop.h"

#include <sys/types.h>

struct exec_child;

struct exec_spec {
	const char *what;       /* for messages: "vrrp_script chk" */
	char *const *argv;      /* argv[0] is looked up in a fixed PATH if it has no slash */
	const char *const *env; /* "NAME=value" to add, NULL-terminated; may be NULL */
	uid_t uid;
	gid_t gid;
	uint64_t timeout_us;
};

struct exec_result {
	int error;       /* -errno if it could not be started at all */
	int wait_status; /* as waitpid(2); valid if error is 0 */
	bool timed_out;
	uint64_t ran_us;
};

typedef void (*exec_done_fn)(void *user, const struct exec_result *result);

/* Starts it; `done` is called once, from the loop, never from within. 0 and `*ret`, or -errno (then `done` is not
 * called). The child object is released after `done`. */
int exec_start(sd_event *loop, const struct exec_spec *spec, exec_done_fn done, void *user, struct exec_child **ret);

/* Ends it now: SIGTERM to the group, SIGKILL two seconds later; `done` is still called when it is gone. */
void exec_terminate(struct exec_child *c);
/* As exec_terminate, but `done` is not called any more; the child is reaped in the background. */
void exec_abandon(struct exec_child *c);

pid_t exec_pid(const struct exec_child *c);

/* "exit 3", "signal 9 (Killed)", "timed out after 60.0 s": for logs. Returns `buf`. */
const char *exec_describe(const struct exec_result *r, char *buf, size_t size);
