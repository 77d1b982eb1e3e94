/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked processes (`vrrp_track_process` blocks): up while enough of them run, and not too many. The kernel's process
 * connector tells of beginnings and ends at once; it exists in the first network namespace only. Elsewhere /proc is
 * looked through each second. Reading /proc, which may wait for a process's memory, is done in the background. */
#pragma once

#include "agent/checker.h"
#include "agent/conf/conf.h"
#include "agent/worker.h"

#include <jansson.h>
#include <systemd/sd-event.h>

struct track_procs;

/* Looks through /proc once, synchronously: call before the loop runs. `worker` is for this alone. `changed` is called
 * when one came to count as up or down. 0 or -errno. */
int track_procs_new(sd_event *loop, struct worker *worker, const struct conf *conf, void (*changed)(void *user),
		    void *user, struct track_procs **ret);
/* After the worker. */
struct track_procs *track_procs_free(struct track_procs *t);

/* Another configuration is to come: makes what it needs. 0, or -errno: then nothing is made. track_procs_call_off() or
 * track_procs_exchange() must follow; the first does nothing if nothing is prepared. */
int track_procs_prepare(struct track_procs *t, const struct conf *conf);
void track_procs_call_off(struct track_procs *t);
/* Goes over to what was prepared: blocks of the same name keep what counts until /proc has been looked through anew.
 * `changed` is not called. */
void track_procs_exchange(struct track_procs *t);

/* Raises or ends the alarm about a process whose reading does not end; now and then. */
void track_procs_look(const struct track_procs *t, uint64_t now_us);

struct checker_state track_procs_state(const struct track_procs *t, size_t index);
/* Appends an object for each to the array. */
void track_procs_status(const struct track_procs *t, json_t *all);
