/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where programs are started: execve on an argument vector, as a given user without supplementary
 * groups, in a session and process group of its own, in "/", with ordinary scheduling, an oom_score_adj of 0, default
 * signals, no ambient capabilities, stdin, stdout and stderr on /dev/null, all other descriptors closed, and a
 * deadline. The environment is ours without IFS, LD_* and what belongs to our own service (NOTIFY_SOCKET …), plus what
 * the caller adds. A script without "#!" is given to /bin/sh. If the agent dies, the program gets SIGTERM.
 *
 * At the deadline the group gets SIGTERM, two seconds later SIGKILL, then again every ten seconds until the program is
 * gone. What a program leaves behind in its group when it ends in time is its own business; after a time-out the rest
 * of the group gets the same signals.
 *
 * Nobody else in this process may wait for children, nor ignore SIGCHLD. Call from the main thread only: the signal at
 * the agent's death is tied to the thread that started the program (prctl(2), PR_SET_PDEATHSIG). */
#pragma once

#include "agent/base/loop.h"

#include <sys/types.h>

/* Where a program without a slash in its name is looked for. */
#define EXEC_SEARCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum {
	EXEC_KILL_AFTER_US = 2000000,   /* SIGTERM -> SIGKILL */
	EXEC_KILL_REPEAT_US = 10000000, /* SIGKILL -> SIGKILL */
};

struct exec_child;
struct post;

/* From now on exec_start() has programs started by another process, to which `send` brings the letters (post.h): same
 * contract, but that whoever is there runs configured programs only, and that no pid is known here. NULL: by this
 * process again, forgetting those that run there. One for the process. */
void exec_delegate(int (*send)(void *user, const struct post *p), void *user);
/* What that process answered: POST_RAN, POST_LATE. */
void exec_told(const struct post *p);

struct exec_spec {
	const char *what;       /* for messages: "vrrp_script chk"; copied */
	char *const *argv;      /* argv[0] is looked up in a fixed PATH if it has no slash */
	const char *const *env; /* "NAME=value" to add, NULL-terminated; may be NULL */
	uid_t uid;
	gid_t gid;
	uint64_t timeout_us;      /* 0: no deadline */
	uint64_t kill_after_us;   /* 0: EXEC_KILL_AFTER_US */
	void (*late)(void *user); /* called from the loop at the deadline, well before `done`; may be NULL */
};

struct exec_result {
	int error;       /* -errno if it could not be started at all */
	int wait_status; /* as waitpid(2); valid if error is 0 */
	bool timed_out;
	uint64_t ran_us; /* until its end, or until its deadline */
};

typedef void (*exec_done_fn)(void *user, const struct exec_result *result);

/* Starts it; `done` is called once, from the loop, never from within. 0 and `*ret`, or -errno (then `done` is not
 * called). That the program does not exist is found out by the child and told through `done`: the look-up may have to
 * wait for a disk. The child object is released after `done`. */
int exec_start(sd_event *loop, const struct exec_spec *spec, exec_done_fn done, void *user, struct exec_child **ret);

/* Ends it now: SIGTERM to the group, SIGKILL two seconds later; `done` is still called when it is gone. */
void exec_terminate(struct exec_child *c);
/* As exec_terminate, but `done` is not called any more; the child is reaped in the background. */
void exec_abandon(struct exec_child *c);

/* 0 if another process has started it. */
pid_t exec_pid(const struct exec_child *c);

/* `error`, of exec_start() or of a result, is a want of processes, memory or descriptors: it says nothing about the
 * program, and may pass. */
bool exec_is_shortage(int error);

/* It was started, ended by itself before its deadline, and with status 0. */
bool exec_succeeded(const struct exec_result *r);

/* "exit 3", "signal 9 (Killed)", "timed out after 60.0 s", "cannot be run: Permission denied": for logs. Returns `buf`.
 */
const char *exec_describe(const struct exec_result *r, char *buf, size_t size);
