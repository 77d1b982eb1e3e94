/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's process connector: tells at once of each process of the host that begins, becomes another or ends. It
 * exists in the first network namespace only, and wants CAP_NET_ADMIN; whoever uses it needs another way until it has
 * answered, which it need not ever do. */
#pragma once

#include <stddef.h>
#include <systemd/sd-event.h>

struct proc_events;

/* Threads are not told of. None of these may free it. */
struct proc_events_user {
	void (*works)(void *user);          /* once, first: what happens from here on is told */
	void (*named)(void *user, int pid); /* has begun, runs another program, or has another name */
	void (*ended)(void *user, int pid);
	void (*lost)(void *user);           /* some of these, and no one knows which */
	void (*told)(void *user, size_t n); /* after some of these: so many messages were read */
	void *user;
};

/* `u` is copied. 0 or -errno; -ECONNREFUSED: not in this network namespace. */
int proc_events_new(sd_event *loop, const struct proc_events_user *u, struct proc_events **ret);
struct proc_events *proc_events_free(struct proc_events *p);
