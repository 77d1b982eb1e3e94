/* SPDX-License-Identifier: Apache-2.0 */
/* The same for each of our processes: whoever started us may have ignored some signals, as a shell does for what it
 * runs in the background, and that is inherited. What a signal means is not known here. */
#include "agent/base/signals.h"

#include <signal.h>

void signals_block(const struct signal_handler *handlers, size_t n)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < n; i++) {
		signal(handlers[i].signal, SIG_DFL); /* ignored, it would not even reach the loop */
		sigaddset(&set, handlers[i].signal);
	}
	/* Threads to come have the same mask, and leave these to the loop. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would leave us no child's end to wait for */
}

int signals_watch(sd_event *loop, const struct signal_handler *handlers, size_t n, enum loop_rank rank, void *user)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		sd_event_source *src = NULL;

		r = sd_event_add_signal(loop, &src, handlers[i].signal, handlers[i].fn, user);
		if (r >= 0)
			r = sd_event_source_set_priority(src, rank);
		if (r >= 0)
			r = sd_event_source_set_floating(src, true);
		sd_event_source_unref(src);
	}
	return r < 0 ? r : 0;
}
