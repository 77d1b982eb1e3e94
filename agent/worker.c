/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists under one lock, a condition for the threads and an eventfd for the loop. */
#include "agent/worker.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/base/thread.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { END_WAIT_US = 1000000 };

struct list {
	struct worker_job *first, **end;
};

struct thread {
	struct worker *owner;
	pthread_t id;
	struct worker_job *running;
	uint64_t since_us;
};

struct worker {
	pthread_mutex_t lock;
	pthread_cond_t work, ended; /* there is something to do; a job or a thread has ended */
	struct list waiting, done;
	size_t n_waiting, busy, gone; /* jobs; threads */
	bool quit;
	int fd;
	sd_event_source *io;
	size_t n, max;
	struct thread threads[];
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

/* Lets go of the lock meanwhile. */
static void do_job(struct thread *t, struct worker_job *job)
{
	static const uint64_t one = 1;
	struct worker *w = t->owner;

	w->n_waiting--;
	w->busy++;
	t->running = job;
	t->since_us = loop_now_us();
	pthread_mutex_unlock(&w->lock);
	job->run(job);
	pthread_mutex_lock(&w->lock);
	t->running = NULL;
	w->busy--;
	append(&w->done, job);
	pthread_cond_signal(&w->ended);
	(void)!write(w->fd, &one, sizeof(one)); /* a full counter has woken the loop already */
}

static void *work(void *arg)
{
	struct thread *t = arg;
	struct worker *w = t->owner;

	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		struct worker_job *job = take(&w->waiting);

		if (job)
			do_job(t, job);
		else
			pthread_cond_wait(&w->work, &w->lock);
	}
	w->gone++;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void hand_back(struct worker *w)
{
	for (;;) {
		struct worker_job *job;

		pthread_mutex_lock(&w->lock);
		job = take(&w->done);
		pthread_mutex_unlock(&w->lock);
		if (!job)
			return;
		job->done(job);
		free(job);
	}
}

static int on_done(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct worker *w = user;
	uint64_t count;

	(void)s, (void)revents;
	(void)!read(fd, &count, sizeof(count));
	hand_back(w);
	return 0;
}

static int start_thread(struct worker *w)
{
	struct thread *t = &w->threads[w->n];
	int r;

	t->owner = w;
	r = thread_start(&t->id, NULL, work, t);
	w->n += r == 0;
	return r;
}

void worker_push(struct worker *w, struct worker_job *job)
{
	bool more;

	pthread_mutex_lock(&w->lock);
	append(&w->waiting, job);
	w->n_waiting++;
	more = w->n_waiting > w->n - w->busy && w->n < w->max;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	if (more)
		(void)start_thread(w); /* else it waits for those that there are */
}

void worker_wait(struct worker *w, uint64_t limit_us)
{
	const struct timespec until = thread_time_in(limit_us);

	pthread_mutex_lock(&w->lock);
	while (w->n_waiting + w->busy > 0 && pthread_cond_timedwait(&w->ended, &w->lock, &until) == 0)
		;
	pthread_mutex_unlock(&w->lock);
	hand_back(w);
}

const struct worker_job *worker_running(struct worker *w, uint64_t *ret_since_us)
{
	const struct thread *oldest = NULL;
	const struct worker_job *job;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n; i++)
		if (w->threads[i].running && (!oldest || w->threads[i].since_us < oldest->since_us))
			oldest = &w->threads[i];
	job = oldest ? oldest->running : NULL;
	*ret_since_us = oldest ? oldest->since_us : 0;
	pthread_mutex_unlock(&w->lock);
	return job;
}

uint64_t worker_since_us(struct worker *w, const struct worker_job *job)
{
	uint64_t since_us = 0;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n; i++)
		if (w->threads[i].running == job)
			since_us = w->threads[i].since_us;
	pthread_mutex_unlock(&w->lock);
	return since_us;
}

int worker_new(sd_event *loop, unsigned threads, struct worker **ret)
{
	struct worker *w = calloc(1, sizeof(*w) + threads * sizeof(w->threads[0]));
	int r;

	if (!w)
		return -ENOMEM;
	w->max = threads;
	w->waiting.end = &w->waiting.first;
	w->done.end = &w->done.first;
	thread_lock_init(&w->lock);
	thread_cond_init(&w->work);
	thread_cond_init(&w->ended);
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
	const struct timespec until = thread_time_in(END_WAIT_US);
	bool gone;

	if (!w)
		return NULL;
	pthread_mutex_lock(&w->lock);
	drop_all(&w->waiting);
	w->quit = true;
	pthread_cond_broadcast(&w->work);
	while (w->gone < w->n && pthread_cond_timedwait(&w->ended, &w->lock, &until) == 0)
		;
	gone = w->gone == w->n;
	pthread_mutex_unlock(&w->lock);
	w->io = sd_event_source_disable_unref(w->io);
	for (size_t i = 0; i < w->n; i++)
		if (gone)
			pthread_join(w->threads[i].id, NULL);
		else
			pthread_detach(w->threads[i].id);
	if (!gone)
		return NULL;
	drop_all(&w->done);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->ended);
	close_fd(w->fd);
	free(w);
	return NULL;
}
