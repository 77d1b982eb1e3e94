/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications for programs that stay: one line for each event into a named pipe, in keepalived's words,
 *
 *   INSTANCE "VI_1" MASTER 100
 *   GROUP "G" FAULT 0
 *
 * and a program of ours beside it that may read them. Lines are in the order of the events. Nobody has to read: what
 * the pipe cannot hold waits in a queue of ours, and what that cannot hold is lost, counted, and logged as an error.
 *
 * A pipe that is not there is created, and removed again at the end; one that is there is used as it is. If it cannot
 * be opened, that is logged and tried again, without waiting for its disk, and the lines wait. */
#pragma once

#include "agent/base/loop.h"
#include "agent/conf/conf.h"

#include <jansson.h>

enum { FIFO_QUEUE_MAX = 1024 }; /* lines that wait for room in the pipe */

struct fifos;

/* `conf` is borrowed and outlives them. Opens the pipes and starts their programs. Pipes are opened here and not later,
 * while the process may still have the rights for it. */
int fifos_new(sd_event *loop, const struct conf *conf, struct fifos **ret);
/* Ends the programs, loses what waits (logged), removes the pipes. */
struct fifos *fifos_free(struct fifos *f);

/* One line into every pipe: `kind` is "INSTANCE" or "GROUP", `state` one of MASTER, BACKUP, FAULT, STOP, DELETED,
 * MASTER_RX_LOWER_PRI, MASTER_PRIORITY, BACKUP_PRIORITY. Never waits. NULL for `f` is fine. */
void fifos_write(struct fifos *f, const char *kind, const char *name, const char *state, unsigned priority);

/* Nothing more will be written. */
void fifos_finish(struct fifos *f);
/* After fifos_finish(): true when all is in the pipes and our own programs have had the time to read it. Polled. */
bool fifos_idle(struct fifos *f);

/* [{"path", "state": "open" or the error, "written", "waiting", "lost", "program": "running"|"waiting"|null}, …]; a new
 * reference. */
json_t *fifos_status(const struct fifos *f);
