/* SPDX-License-Identifier: Apache-2.0 */
/* What all our threads have in common. What they do, and how they are told to end, is their owners' business. */
#include "agent/base/thread.h"

#include <signal.h>
#include <stddef.h>

void thread_lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	(void)pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

void thread_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

struct timespec thread_time_in(uint64_t delay_us)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	delay_us += (uint64_t)t.tv_nsec / 1000;
	t.tv_sec += (time_t)(delay_us / 1000000);
	t.tv_nsec = (long)(delay_us % 1000000) * 1000;
	return t;
}

int thread_start(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *user), void *user)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, attr, fn, user);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}
