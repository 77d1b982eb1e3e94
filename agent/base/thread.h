/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the loop: locks that do not cost it its priority, conditions that can be waited for until some time,
 * and threads that get no signals, which are the loop's. */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* The loop may run at real-time priority: while it waits for the lock, the thread that has it inherits that. */
void thread_lock_init(pthread_mutex_t *lock);

/* For waits until a thread_time_in(). */
void thread_cond_init(pthread_cond_t *cond);

/* On CLOCK_MONOTONIC. */
struct timespec thread_time_in(uint64_t delay_us);

/* Scheduled as the caller is unless `attr` (may be NULL) says otherwise. 0 or -errno. */
int thread_start(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *user), void *user);
