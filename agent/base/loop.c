/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot timers and descriptor watches on sd-event, always with an explicit rank and accuracy. Knows nothing of what
 * they are used for. */
#include "agent/base/loop.h"

#include "agent/base/clock.h"

#include <assert.h>
#include <time.h>

uint64_t loop_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int timer_fired(sd_event_source *s, uint64_t due_us, void *user)
{
	struct loop_timer *t = user;

	(void)s;
	t->due_us = UINT64_MAX;
	t->fn(t->user, due_us);
	return 0;
}

int loop_timer_init(struct loop_timer *t, sd_event *loop, enum loop_rank rank, uint64_t slack_us,
		    void (*fn)(void *user, uint64_t due_us), void *user)
{
	int r;

	*t = (struct loop_timer){ .fn = fn, .user = user, .due_us = UINT64_MAX };
	r = sd_event_add_time(loop, &t->src, CLOCK_MONOTONIC, UINT64_MAX, slack_us ? slack_us : 1, timer_fired, t);
	if (r >= 0)
		r = sd_event_source_set_enabled(t->src, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(t->src, rank);
	if (r < 0)
		loop_timer_done(t);
	return r < 0 ? r : 0;
}

void loop_timer_done(struct loop_timer *t)
{
	loop_clock_remove(t);
	t->clock = NULL;
	t->src = sd_event_source_disable_unref(t->src);
	t->due_us = UINT64_MAX;
}

void loop_timer_at(struct loop_timer *t, uint64_t when_us)
{
	int r;

	if (when_us == UINT64_MAX) {
		loop_timer_stop(t);
		return;
	}
	t->due_us = when_us;
	if (t->clock) {
		loop_clock_put(t);
		return;
	}
	/* Both can fail only for a wrong source or in a forked child: our own bugs. */
	r = sd_event_source_set_time(t->src, when_us);
	assert(r >= 0);
	r = sd_event_source_set_enabled(t->src, SD_EVENT_ONESHOT);
	assert(r >= 0);
	(void)r;
}

void loop_timer_in(struct loop_timer *t, uint64_t delay_us)
{
	loop_timer_at(t, loop_now_us() + delay_us);
}

void loop_timer_stop(struct loop_timer *t)
{
	loop_clock_remove(t);
	if (t->src)
		sd_event_source_set_enabled(t->src, SD_EVENT_OFF);
	t->due_us = UINT64_MAX;
}

int loop_io(sd_event *loop, sd_event_source **ret, int fd, uint32_t events, enum loop_rank rank,
	    sd_event_io_handler_t fn, void *user)
{
	sd_event_source *s = NULL;
	int r = sd_event_add_io(loop, &s, fd, events, fn, user);

	if (r >= 0)
		r = sd_event_source_set_priority(s, rank);
	if (r < 0) {
		sd_event_source_disable_unref(s);
		return r;
	}
	*ret = s;
	return 0;
}
