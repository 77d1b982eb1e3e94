/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists under one lock, a condition for the thread and an eventfd for the loop. */
#include "agent/worker.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

enum { END_WAIT_S = 1 };

struct list {
	struct worker_job *first, **end;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, ended; /* there is something to do; the thread is about to end */
	struct list waiting, done;
	struct worker_job *running;
	uint64_t since_us;
	bool quit, gone;
	int fd;
	sd_event_source *io;
};

static void append(struct list *l, struct worker_job *job)
{
	job->next = NULL;
	*l->end = job;
	l->end = &job->next;
}

static struct worker_job *take(struct list *l)
{
	struct worker_job *job = l->first;

	if (job)
		l->first = job->next;
	if (!l->first)
		l->end = &l->first;
	return job;
}

static void drop_all(struct list *l)
{
	for (struct worker_job *job = take(l); job; job = take(l)) {
		if (job->drop)
			job->drop(job);
		free(job);
	}
}

static void *work(void *arg)
{
	static const uint64_t one = 1;
	struct worker *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		struct worker_job *job = take(&w->waiting);

		if (!job) {
			pthread_cond_wait(&w->work, &w->lock);
			continue;
		}
		w->running = job;
		w->since_us = loop_now_us();
		pthread_mutex_unlock(&w->lock);
		job->run(job);
		pthread_mutex_lock(&w->lock);
		w->running = NULL;
		append(&w->done, job);
		(void)!write(w->fd, &one, sizeof(one)); /* a full counter has woken the loop already */
	}
	w->gone = true;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int on_done(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct worker *w = user;
	uint64_t count;

	(void)s, (void)revents;
	(void)!read(fd, &count, sizeof(count));
	for (;;) {
		struct worker_job *job;

		pthread_mutex_lock(&w->lock);
		job = take(&w->done);
		pthread_mutex_unlock(&w->lock);
		if (!job)
			return 0;
		job->done(job);
		free(job);
	}
}

void worker_push(struct worker *w, struct worker_job *job)
{
	pthread_mutex_lock(&w->lock);
	append(&w->waiting, job);
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

const struct worker_job *worker_running(struct worker *w, uint64_t *ret_since_us)
{
	const struct worker_job *job;

	pthread_mutex_lock(&w->lock);
	job = w->running;
	*ret_since_us = w->since_us;
	pthread_mutex_unlock(&w->lock);
	return job;
}

/* Signals are the loop's. */
static int start_thread(struct worker *w)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int worker_new(sd_event *loop, struct worker **ret)
{
	struct worker *w = calloc(1, sizeof(*w));
	pthread_mutexattr_t mutex;
	pthread_condattr_t attr;
	int r;

	if (!w)
		return -ENOMEM;
	w->waiting.end = &w->waiting.first;
	w->done.end = &w->done.first;
	/* The loop runs at real-time priority, and is woken while the thread has the lock: the thread inherits that. */
	pthread_mutexattr_init(&mutex);
	(void)pthread_mutexattr_setprotocol(&mutex, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&w->lock, &mutex);
	pthread_mutexattr_destroy(&mutex);
	pthread_cond_init(&w->work, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->ended, &attr);
	pthread_condattr_destroy(&attr);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = w->fd < 0 ? -errno : loop_io(loop, &w->io, w->fd, EPOLLIN, LOOP_RANK_NORMAL, on_done, w);
	if (r >= 0)
		r = start_thread(w);
	if (r < 0) {
		w->io = sd_event_source_disable_unref(w->io);
		close_fd(w->fd);
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct worker *worker_free(struct worker *w)
{
	struct timespec until;
	bool gone;

	if (!w)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += END_WAIT_S;
	pthread_mutex_lock(&w->lock);
	drop_all(&w->waiting);
	w->quit = true;
	pthread_cond_signal(&w->work);
	while (!w->gone && pthread_cond_timedwait(&w->ended, &w->lock, &until) == 0)
		;
	gone = w->gone;
	pthread_mutex_unlock(&w->lock);
	w->io = sd_event_source_disable_unref(w->io);
	if (!gone) {
		pthread_detach(w->thread);
		return NULL;
	}
	pthread_join(w->thread, NULL);
	drop_all(&w->done);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->ended);
	close_fd(w->fd);
	free(w);
	return NULL;
}
