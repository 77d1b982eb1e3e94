/* SPDX-License-Identifier: Apache-2.0 */
/* Many timers of one kind behind one timer of the loop. sd-event keeps its timers in two heaps of large objects and
 * goes round the loop once for each that fires: with hundreds that fire ten times a second, that is more work than what
 * they are for. Here they lie in one small heap, and all that are due together fire together.
 *
 * The timers are loop_timers (loop.h) that were set up with loop_timer_init_on(); nothing else about them differs. */
#pragma once

#include "agent/base/loop.h"

struct loop_clock;

/* `slack_us` is that of all its timers. 0 or -errno. */
int loop_clock_new(sd_event *loop, enum loop_rank rank, uint64_t slack_us, struct loop_clock **ret);
/* Its timers must be done. */
struct loop_clock *loop_clock_free(struct loop_clock *c);

/* As loop_timer_init(). The clock is borrowed. */
void loop_timer_init_on(struct loop_timer *t, struct loop_clock *clock, void (*fn)(void *user, uint64_t due_us),
			void *user);

/* For loop.c: takes the timer out, or puts it in at its `due_us`; aborts when there is no memory for one more. */
void loop_clock_remove(struct loop_timer *t);
void loop_clock_put(struct loop_timer *t);
