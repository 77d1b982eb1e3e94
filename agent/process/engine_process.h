/* SPDX-License-Identifier: Apache-2.0 */
/* Where engines come from: their process, their descriptors, and the places on disk that they need and must not make
 * themselves. */
#pragma once

#include "agent/conf/conf.h"
#include "agent/options.h"

struct conf_bundle;

/* An engine; pid 0: none, whatever the rest holds. */
struct engine_process {
	pid_t pid;
	int pidfd, sock; /* -1: closed */
};

/* What engines will make and cannot remove. Zeroed memory is nothing. */
struct engine_files {
	char *fifos[_CONF_FIFO_MAX_]; /* paths; ours */
};

/* The files that an engine needs, before the first: its state directory becomes its user's, pid file -p is written.
 * 0, or -errno (logged) of what it could not do without. */
int engine_files_prepare(struct engine_files *h, const struct options *opt, const struct conf *conf);
/* Removes the control socket of an engine that has ended, unless somebody serves it. */
void engine_files_clear_control(const struct conf *conf);
/* After the last: removes what engines left that they could not remove themselves, and the pid files. */
void engine_files_clear(struct engine_files *h, const struct options *opt, const struct conf *conf);

/* Starts one: this program again, with the configuration of `bundle` (which gets the notes of engine.h) and a socket.
 * 0 or -errno; with a pid in `ret` it has been started all the same. */
int engine_process_new(struct conf_bundle *bundle, const struct options *opt, unsigned n_before,
		       struct engine_process *ret);
/* Closes its descriptors; it has ended. */
void engine_process_done(struct engine_process *h);
