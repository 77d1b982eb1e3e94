/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of timers by their time, and one timer of the loop that is armed for the first of them. */
#include "agent/base/clock.h"

#include <errno.h>
#include <stdlib.h>

/* The times stand beside the pointers, so that to compare two timers neither has to be touched. */
struct entry {
	uint64_t due_us;
	struct loop_timer *timer;
};

struct loop_clock {
	struct loop_timer wake;
	uint64_t wake_us; /* what it is armed for, UINT64_MAX if it is not */
	struct entry *heap;
	size_t n, size;
	bool firing;       /* the wake-up is set once, at the end */
	uint64_t fired_us; /* what is armed anew meanwhile is not due before this */
};

static void place(struct loop_clock *c, size_t i, struct entry e)
{
	c->heap[i] = e;
	e.timer->place = i + 1;
}

static void sift_up(struct loop_clock *c, size_t i, struct entry e)
{
	while (i > 0 && e.due_us < c->heap[(i - 1) / 2].due_us) {
		place(c, i, c->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(c, i, e);
}

static void sift_down(struct loop_clock *c, size_t i, struct entry e)
{
	for (size_t child = 2 * i + 1; child < c->n; child = 2 * i + 1) {
		child += child + 1 < c->n && c->heap[child + 1].due_us < c->heap[child].due_us;
		if (e.due_us <= c->heap[child].due_us)
			break;
		place(c, i, c->heap[child]);
		i = child;
	}
	place(c, i, e);
}

static void set_wake(struct loop_clock *c)
{
	uint64_t first_us = c->n ? c->heap[0].due_us : UINT64_MAX;

	if (c->firing || first_us == c->wake_us)
		return;
	c->wake_us = first_us;
	loop_timer_at(&c->wake, first_us);
}

static void take_out(struct loop_clock *c, size_t i)
{
	struct entry last = c->heap[--c->n];

	c->heap[i].timer->place = 0;
	if (i == c->n)
		return;
	if (i > 0 && last.due_us < c->heap[(i - 1) / 2].due_us)
		sift_up(c, i, last);
	else
		sift_down(c, i, last);
}

void loop_clock_remove(struct loop_timer *t)
{
	if (t->place == 0)
		return;
	take_out(t->clock, t->place - 1);
	set_wake(t->clock);
}

void loop_clock_put(struct loop_timer *t)
{
	struct loop_clock *c = t->clock;
	struct entry e = { t->due_us, t };

	/* A timer that is always due must let the others have their turn, and the loop its own. */
	if (c->firing && e.due_us <= c->fired_us)
		e.due_us = c->fired_us + 1;
	if (t->place)
		take_out(c, t->place - 1);
	if (c->n == c->size) {
		size_t size = c->size ? 2 * c->size : 16;
		struct entry *grown = reallocarray(c->heap, size, sizeof(*grown));

		if (!grown) /* a timer that is not armed may mean an address that stays: whoever restarts us removes it
			     */
			abort();
		c->heap = grown;
		c->size = size;
	}
	sift_up(c, c->n++, e);
	set_wake(c);
}

static void fire(void *user, uint64_t due_us)
{
	struct loop_clock *c = user;

	(void)due_us;
	c->wake_us = UINT64_MAX;
	c->firing = true;
	c->fired_us = loop_now_us();
	while (c->n > 0 && c->heap[0].due_us <= c->fired_us) {
		struct loop_timer *t = c->heap[0].timer;
		uint64_t was_due_us = t->due_us;

		take_out(c, 0);
		t->due_us = UINT64_MAX;
		t->fn(t->user, was_due_us);
	}
	c->firing = false;
	set_wake(c);
}

int loop_clock_new(sd_event *loop, enum loop_rank rank, uint64_t slack_us, struct loop_clock **ret)
{
	struct loop_clock *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->wake_us = UINT64_MAX;
	r = loop_timer_init(&c->wake, loop, rank, slack_us, fire, c);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct loop_clock *loop_clock_free(struct loop_clock *c)
{
	if (c) {
		loop_timer_done(&c->wake);
		free(c->heap);
	}
	free(c);
	return NULL;
}

void loop_timer_init_on(struct loop_timer *t, struct loop_clock *clock, void (*fn)(void *user, uint64_t due_us),
			void *user)
{
	*t = (struct loop_timer){ .clock = clock, .fn = fn, .user = user, .due_us = UINT64_MAX };
}
