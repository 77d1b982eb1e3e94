/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of one instance or sync group: a bounded queue, one at a time, in order, no change of state skipped. Each event
 * runs the specific hook (notify_master …) and then the generic one (notify), with keepalived's argument vectors; the
 * environment tells the rest (SQLVIP_*), including in SQLVIP_CURRENT_STATE what the state is by the time the hook runs.
 *
 *   SQLVIP_INSTANCE SQLVIP_STATE SQLVIP_OLD_STATE SQLVIP_CURRENT_STATE SQLVIP_PRIORITY SQLVIP_CAUSE SQLVIP_PEER
 *   SQLVIP_MYSQL SQLVIP_INTERFACE SQLVIP_VRID
 *   SQLVIP_VIPS   ADDRESS/LENGTH, separated by blanks
 *   SQLVIP_TIME   when it happened, 2024-05-01T10:11:12.345Z
 *
 * Adverts of an inferior master (MASTER_RX_LOWER_PRI) come each second for as long as it lasts, and no state hangs on
 * one of them. Of these at most one waits, in its place in the order and as it was when it was queued; those that come
 * before its hook starts are counted only. So they cannot fill the queue, and a change of state waits for at most two
 * of their hooks, the one that runs included.
 *
 * Every event also goes into the FIFOs (agent/fifo), at once and whatever the hooks do.
 *
 * A hook that is late is ended (agent/process/exec); one that even SIGKILL does not end within five more seconds is
 * left behind, and the queue goes on. Each run's outcome is logged. */
#pragma once

#include "agent/base/loop.h"
#include "agent/conf/conf.h"
#include "agent/fifo.h"

#include <jansson.h>

enum { NOTIFY_QUEUE_MAX = 1024 }; /* events that wait, the one at hand included */

struct notify;

/* Whose hooks they are. Everything is borrowed and outlives the queue. */
struct notify_owner {
	const char *kind; /* "INSTANCE" or "GROUP": first word behind `notify` and in a FIFO's line */
	const char *name;
	const struct conf_command *hooks;     /* _CONF_HOOK_MAX_ of them, by enum conf_hook */
	uint64_t timeout_us;                  /* of each hook */
	const struct conf_instance *instance; /* for SQLVIP_VIPS, _INTERFACE, _VRID; NULL for a group */
	struct fifos *fifos;                  /* may be NULL */
};

/* Everything a hook is told, as values at the time of the event. */
struct notify_event {
	enum conf_hook hook; /* which specific hook; CONF_HOOK_ANY also runs after all but MASTER_RX_LOWER_PRI */
	const char *state;   /* "MASTER", "BACKUP", "FAULT", "STOP", "DELETED", "MASTER_RX_LOWER_PRI" */
	const char *old_state;
	uint8_t priority;  /* 0 for a group */
	const char *cause; /* "down timer", … ; copied, as all texts here; NULL is "" */
	const char *peer;  /* address of the other router, or "" */
	const char *mysql; /* verdict of the tracked probe, or "" */
	uint64_t at_us;    /* CLOCK_MONOTONIC */
};

/* `owner` is copied. `current_state` is asked when a hook is about to start. */
int notify_new(sd_event *loop, const struct notify_owner *owner, const char *(*current_state)(void *user), void *user,
	       struct notify **ret);
/* Other commands are to come, of this instance: makes what it needs. 0 or -ENOMEM. notify_call_off() or
 * notify_exchange() must follow; the first does nothing if nothing is prepared. For a group nothing needs to be
 * prepared. */
int notify_prepare(struct notify *n, const struct conf_instance *conf);
void notify_call_off(struct notify *n);
/* Other commands from now on, for what waits in the queue, too; a hook that runs ends as it began. */
void notify_exchange(struct notify *n, const struct notify_owner *owner);
/* The hooks and FIFO lines of an instance. */
struct notify_owner notify_owner_of(const struct conf_instance *conf, struct fifos *fifos);
/* Ends a running hook, drops the queue (each dropped event is logged). */
struct notify *notify_free(struct notify *n);

/* Queues the hooks for one event; nothing is started from within. A full queue is logged as an error and counted;
 * nothing queued is displaced. An event for which nothing is configured is forgotten; another MASTER_RX_LOWER_PRI while
 * one waits is counted only. */
void notify_push(struct notify *n, const struct notify_event *ev);

/* The environment that a hook would get for `ev`, for a program beside the queue; NULL without memory. */
char **notify_env_new(const struct notify *n, const struct notify_event *ev);
void notify_env_freep(char ***env);

/* For the FIFOs only: the priority has changed in this state; nothing for other states than MASTER and BACKUP. */
void notify_priority(struct notify *n, const char *state, uint8_t priority);
/* For the FIFOs only: the state as it is, again. */
void notify_repeat(struct notify *n, const char *state, uint8_t priority);

/* True when nothing is queued or running. */
bool notify_idle(const struct notify *n);

/* {"queued": events behind the one at hand, "running": "notify_master" or null, "run", "failed", "timed_out",
 * "overflowed", "coalesced", "last": {"hook", "state", "outcome", "duration_s", "ended_ago_s"} or null}; a new
 * reference. `failed` does not include `timed_out`. */
json_t *notify_status(const struct notify *n);
