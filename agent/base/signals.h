/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as events of a loop. */
#pragma once

#include "agent/base/loop.h"

#include <stddef.h>

struct signal_handler {
	int signal;
	sd_event_signal_handler_t fn;
};

/* For the start of a process, before it has any other thread: blocks the handled ones, ignores SIGPIPE, and leaves the
 * end of a child to be waited for. */
void signals_block(const struct signal_handler *handlers, size_t n);

/* From now on the loop calls each handler with `user`; they go with the loop. 0 or -errno. */
int signals_watch(sd_event *loop, const struct signal_handler *handlers, size_t n, enum loop_rank rank, void *user);
