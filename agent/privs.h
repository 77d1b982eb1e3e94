/* SPDX-License-Identifier: Apache-2.0 */
/* What the process asks of the host for itself: scheduling and memory. Failing to get it is never fatal: the agent runs
 * on, less punctual, and says so. */
#pragma once

#include <stddef.h>

/* SCHED_RR at `priority` with reset-on-fork, so that hooks and scripts run as ordinary programs, and memory locked as
 * it is touched. Call before threads are started that should not inherit it. Writes what was achieved, and why not
 * more, to buf. */
void privs_realtime(unsigned priority, char *buf, size_t size);
