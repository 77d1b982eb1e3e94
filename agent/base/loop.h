/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent needs of sd-event, with its two traps closed: accuracy 0 there means 250 ms, and an I/O source
 * ranked above the timers starves them under a packet flood. Times are CLOCK_MONOTONIC microseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* Ranks: lower runs first. Adverts outrank sockets; the down timer ranks with the sockets and drains its own socket
 * before it acts; everything that talks to people or programs comes last. */
enum loop_rank {
	LOOP_RANK_ADVERT = -30,
	LOOP_RANK_DEATH = -20,     /* probes: evidence that mysqld died; completed address writes */
	LOOP_RANK_NET = -10,       /* VRRP sockets, netlink, down timers */
	LOOP_RANK_NORMAL = 0,      /* fitness checks, announcements */
	LOOP_RANK_BACKGROUND = 10, /* hooks, control socket, signals' slow work */
};

uint64_t loop_now_us(void);

/* A one-shot timer in the caller's storage. `fn` gets the time at which it was due. Zeroed memory is a valid,
 * never-armed timer for loop_timer_stop() and loop_timer_done(). */
struct loop_timer {
	sd_event_source *src;     /* its own, */
	struct loop_clock *clock; /* or one that it shares (clock.h), */
	size_t place;             /* where it is armed if this is not 0 */
	void (*fn)(void *user, uint64_t due_us);
	void *user;
	uint64_t due_us; /* UINT64_MAX while not armed */
};

/* `slack_us`: how late the kernel may fire it to group wake-ups; at least 1 is used. 0 or -errno. */
int loop_timer_init(struct loop_timer *t, sd_event *loop, enum loop_rank rank, uint64_t slack_us,
		    void (*fn)(void *user, uint64_t due_us), void *user);
void loop_timer_done(struct loop_timer *t);

void loop_timer_at(struct loop_timer *t, uint64_t when_us);
void loop_timer_in(struct loop_timer *t, uint64_t delay_us);
void loop_timer_stop(struct loop_timer *t);
static inline bool loop_timer_armed(const struct loop_timer *t)
{
	return t->due_us != UINT64_MAX && (t->src || t->clock);
}

/* Watches `fd` (borrowed) for `events` (EPOLL*). 0 or -errno; release `*ret` with sd_event_source_disable_unref(). */
int loop_io(sd_event *loop, sd_event_source **ret, int fd, uint32_t events, enum loop_rank rank,
	    sd_event_io_handler_t fn, void *user);
