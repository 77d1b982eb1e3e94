/* SPDX-License-Identifier: Apache-2.0 */
/* What the process asks of the host for itself, and what it gives up. Failing to get scheduling and memory is never
 * fatal: the agent runs on, less punctual, and says so. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* SCHED_RR at `priority`, which threads inherit until privs_keep_realtime(), and memory locked as it is touched, where
 * its limit can be lifted. Writes what was achieved, and why not more, to buf. */
void privs_realtime(unsigned priority, char *buf, size_t size);
/* As many open files as the hard limit allows: each interface has sockets, each check some files. Programs are run by
 * the supervisor, and keep what it has. */
void privs_many_files(void);
/* Whether `n` more files can be opened. 0 or -errno. (The kernel gives out the lowest number that is free: a few may be
 * taken beyond it, if many have been open before.) */
int privs_files_left(unsigned n);
/* What -errno means, in words; where that is the number of open files, also how many there may be, and what to do.
 * Returns buf. */
const char *privs_error_text(int error, char *buf, size_t size);
/* Threads that are started from now on have ordinary scheduling. */
void privs_keep_realtime(void);

/* Gives up everything but CAP_NET_ADMIN and CAP_NET_RAW, for good (no_new_privs), and becomes this user and group
 * without others; 0: stays who it is. From then on the process also gets SIGTERM when its parent dies. Only what is
 * started afterwards has it all: call before any thread is started, and after privs_realtime(), which it leaves as it
 * is. 0 or -errno: -EPERM if the two are not there to be kept. */
int privs_drop(uid_t uid, gid_t gid);
