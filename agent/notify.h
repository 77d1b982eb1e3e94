/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of one instance: a bounded queue, one at a time, in order, none skipped. Each event runs the specific hook
 * (notify_master …) and then the generic one (notify), with keepalived's argument vectors; the environment tells the
 * rest (SQLVIP_*), including in SQLVIP_CURRENT_STATE what the state is by the time the hook runs. */
#pragma once

#include "agent/base/loop.h"
#include "agent/conf.h"

#include <jansson.h>

enum { NOTIFY_QUEUE_MAX = 1024 };

struct notify;

/* Everything a hook is told, as values at the time of the event. */
struct notify_event {
	enum conf_hook hook; /* which specific hook; CONF_HOOK_ANY also runs after all but MASTER_RX_LOWER_PRI */
	const char *state;   /* "MASTER", "BACKUP", "FAULT", "STOP" */
	const char *old_state;
	uint8_t priority;
	const char *cause; /* "down timer", … ; copied */
	const char *peer;  /* address of the other router, or "" */
	const char *mysql; /* verdict of the tracked probe, or "" */
	uint64_t at_us;    /* CLOCK_MONOTONIC */
};

/* `conf` is borrowed and must outlive the queue. `current_state` is asked when a hook is about to start. */
int notify_new(sd_event *loop, const struct conf_instance *conf, const char *(*current_state)(void *user), void *user,
	       struct notify **ret);
/* Ends a running hook, drops the queue (each dropped event is logged). */
struct notify *notify_free(struct notify *n);

/* Queues the hooks for one event. A full queue is logged as an error and counted; nothing queued is displaced. */
void notify_push(struct notify *n, const struct notify_event *ev);

/* True when nothing is queued or running; `idle` is called when that becomes so. */
bool notify_idle(const struct notify *n);
void notify_on_idle(struct notify *n, void (*idle)(void *user), void *user);

/* {"queued", "running", "run", "failed", "timed_out", "overflowed", "last": {...}}; a new reference. */
json_t *notify_status(const struct notify *n);
