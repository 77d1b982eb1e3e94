/* SPDX-License-Identifier: Apache-2.0 */
/* The writer thread: order of acts for taking and releasing addresses.
 *
 * Releases that wait one behind the other are carried out together: all doors are closed, then the sockets are searched
 * once for all of them, then the addresses go; each still gets its own outcome. Allocates nothing that a release
 * depends on. Does not know who asked, nor what the kernel reports afterwards. */
#include "agent/netif/writer.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/base/thread.h"
#include "agent/netif/sockdiag.h"

#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>

enum { QUEUE_MAX = 4096 }; /* several jobs for each of 255 instances in both families, and room */

struct job_list {
	struct netif_job *first, *last;
	size_t n;
};

struct netif_writer {
	struct netif_batch *batch, *renewals; /* each with its own port */
	struct sockdiag *diag;
	pthread_t thread;
	pthread_mutex_t lock; /* queue, later, ended, told, stop */
	pthread_cond_t wake;
	struct job_list queue, ended;
	struct job_list later; /* renewals */
	bool told;             /* `event` is readable */
	bool stop;
	bool started;
	int event;
};

static void list_add(struct job_list *l, struct netif_job *j)
{
	j->next = NULL;
	if (l->last)
		l->last->next = j;
	else
		l->first = j;
	l->last = j;
	l->n++;
}

static struct netif_job *list_take_first(struct job_list *l)
{
	struct netif_job *j = l->first;

	l->first = j->next;
	if (!l->first)
		l->last = NULL;
	l->n--;
	j->next = NULL;
	return j;
}

static void add_all(struct netif_writer *w, enum netif_op op, struct netif_job *j)
{
	for (size_t i = 0; i < j->n_reqs; i++)
		netif_batch_add(w->batch, op, &j->reqs[i]);
}

static void sum_up(struct netif_job *j)
{
	for (size_t i = 0; i < j->n_reqs; i++) {
		if (j->reqs[i].error == 0)
			continue;
		if (j->result.failed++ == 0)
			j->result.error = j->reqs[i].error;
	}
}

/* They are as wanted, but for the time that they have left. */
static void set_lifetimes(struct netif_writer *w, struct netif_request *const *qs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		netif_batch_add(w->batch, NETIF_OP_RENEW, qs[i]);
	netif_batch_flush(w->batch);
}

static void make_anew(struct netif_writer *w, struct netif_request *const *qs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		netif_batch_add(w->batch, NETIF_OP_REMOVE, qs[i]);
	netif_batch_flush(w->batch);
	for (size_t i = 0; i < n; i++)
		netif_batch_add(w->batch, NETIF_OP_ADD, qs[i]);
	netif_batch_flush(w->batch);
}

/* Addresses that were there already: success if they are as wanted. If not, or if the door was closed by a release
 * that was cut off, they are made anew: the kernel opens the door only with a new address, and changes neither scope
 * nor label of an old one. */
static void settle_existing(struct netif_writer *w, struct netif_job *j)
{
	struct netif_request *there[NETIF_BATCH_MAX], *wrong[NETIF_BATCH_MAX];
	size_t i = 0;

	while (i < j->n_reqs) {
		size_t n = 0, n_wrong = 0, n_mortal = 0;
		int r;

		for (; i < j->n_reqs && n < NETIF_BATCH_MAX; i++)
			if (j->reqs[i].error == -EEXIST)
				there[n++] = &j->reqs[i];
		if (n == 0)
			return;
		r = netif_batch_look(w->batch, there, n);
		for (size_t k = 0; k < n; k++) {
			there[k]->error = r;
			if (r == 0 && !(there[k]->same && there[k]->door_open))
				wrong[n_wrong++] = there[k];
			else if (r == 0 && (there[k]->lifetime_s || there[k]->addr.lifetime_s))
				there[n_mortal++] = there[k];
		}
		make_anew(w, wrong, n_wrong);
		set_lifetimes(w, there, n_mortal);
	}
}

/* After a freeze the queue holds what was right before it: another host may have the addresses by now. */
static bool too_late(struct netif_job *j)
{
	if (loop_now_us() <= j->not_after_us)
		return false;
	for (size_t i = 0; i < j->n_reqs; i++)
		j->reqs[i].error = -ESTALE;
	sum_up(j);
	return true;
}

static void take(struct netif_writer *w, struct netif_job *j)
{
	if (too_late(j))
		return;
	add_all(w, NETIF_OP_ADD, j);
	netif_batch_flush(w->batch);
	settle_existing(w, j);
	sum_up(j);
}

static void renew(struct netif_writer *w, struct netif_job *j)
{
	if (too_late(j))
		return;
	for (size_t i = 0; i < j->n_reqs; i++)
		netif_batch_add(w->renewals, NETIF_OP_RENEW, &j->reqs[i]);
	netif_batch_flush(w->renewals);
	sum_up(j);
}

/* True if the time ran out before all were reset. */
static bool reset_connections(struct netif_writer *w, const struct job_list *jobs)
{
	struct sockdiag_target *targets;
	uint64_t budget_us = 0;
	size_t n = 0, at = 0;
	bool complete;

	for (struct netif_job *j = jobs->first; j; j = j->next) {
		n += j->reset_budget_us ? j->n_reqs : 0;
		budget_us = j->reset_budget_us > budget_us ? j->reset_budget_us : budget_us;
	}
	if (n == 0)
		return false;
	targets = calloc(n, sizeof(*targets));
	if (!targets)
		return true;
	for (struct netif_job *j = jobs->first; j; j = j->next)
		for (size_t i = 0; j->reset_budget_us && i < j->n_reqs; i++)
			targets[at++] = (struct sockdiag_target){ .addr = j->reqs[i].addr.prefix.addr,
								  .resets = &j->result.resets };
	complete = sockdiag_reset(w->diag, targets, n, loop_now_us() + budget_us);
	free(targets);
	return !complete;
}

static void release(struct netif_writer *w, const struct job_list *jobs)
{
	bool cut_short;

	for (struct netif_job *j = jobs->first; j; j = j->next)
		add_all(w, NETIF_OP_CLOSE_DOOR, j);
	netif_batch_flush(w->batch);
	cut_short = reset_connections(w, jobs);
	/* A door that would not close is no reason to complain once the address is gone: removing has the last word. */
	for (struct netif_job *j = jobs->first; j; j = j->next)
		add_all(w, NETIF_OP_REMOVE, j);
	netif_batch_flush(w->batch);
	for (struct netif_job *j = jobs->first; j; j = j->next) {
		j->result.reset_cut_short = cut_short && j->reset_budget_us;
		sum_up(j);
	}
}

static void carry_out(struct netif_writer *w, const struct job_list *jobs)
{
	uint64_t began_us = loop_now_us(), ended_us;

	switch (jobs->first->kind) {
	case NETIF_JOB_TAKE:
		take(w, jobs->first);
		break;
	case NETIF_JOB_RELEASE:
		release(w, jobs);
		break;
	case NETIF_JOB_RENEW:
		renew(w, jobs->first);
		break;
	case NETIF_JOB_CALL:
		jobs->first->run(jobs->first);
		break;
	}
	ended_us = loop_now_us();
	for (struct netif_job *j = jobs->first; j; j = j->next) {
		j->result.began_us = began_us;
		j->result.ended_us = ended_us;
	}
}

/* Waits for work; releases come with those that follow them. Empty when it is time to stop. Lock held. */
static struct job_list next_jobs(struct netif_writer *w)
{
	struct job_list l = { 0 };

	while (!w->queue.first && !w->later.first && !w->stop)
		pthread_cond_wait(&w->wake, &w->lock);
	if (w->stop)
		return l;
	if (!w->queue.first) {
		list_add(&l, list_take_first(&w->later));
		return l;
	}
	do
		list_add(&l, list_take_first(&w->queue));
	while (l.first->kind == NETIF_JOB_RELEASE && w->queue.first && w->queue.first->kind == NETIF_JOB_RELEASE);
	return l;
}

/* A renewal that went well changes nothing: the loop hears of it when it is awake anyhow. Lock held. */
static void hand_back(struct netif_writer *w, struct job_list *jobs)
{
	bool tell = false;

	while (jobs->first) {
		struct netif_job *j = list_take_first(jobs);

		tell |= j->kind != NETIF_JOB_RENEW || j->result.error < 0;
		list_add(&w->ended, j);
	}
	if (tell && !w->told)
		w->told = eventfd_write(w->event, 1) == 0; /* never waits: the counter cannot come near its limit */
}

static void *writer_main(void *arg)
{
	struct netif_writer *w = arg;
	struct job_list jobs;
	void *volatile arena; /* else the compiler drops both calls */

	/* malloc() makes an arena at a thread's first call: not in the middle of the first takeover. */
	arena = malloc(1);
	free(arena);
	pthread_mutex_lock(&w->lock);
	while ((jobs = next_jobs(w)).first) {
		pthread_mutex_unlock(&w->lock);
		carry_out(w, &jobs);
		pthread_mutex_lock(&w->lock);
		hand_back(w, &jobs);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int start_thread(struct netif_writer *w)
{
	const int r = thread_start(&w->thread, NULL, writer_main, w);

	w->started = r == 0;
	if (w->started)
		(void)pthread_setname_np(w->thread, "netif");
	return r;
}

int netif_writer_new(struct netif_writer **ret)
{
	struct netif_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	thread_lock_init(&w->lock);
	thread_cond_init(&w->wake);
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = w->event < 0 ? -errno : 0;
	if (r == 0)
		r = netif_batch_new(&w->batch);
	if (r == 0)
		r = netif_batch_new(&w->renewals);
	if (r == 0)
		r = sockdiag_new(&w->diag);
	if (r == 0)
		r = start_thread(w);
	if (r < 0)
		w = netif_writer_free(w);
	*ret = w;
	return r;
}

struct netif_writer *netif_writer_free(struct netif_writer *w)
{
	if (!w)
		return NULL;
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_signal(&w->wake);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	netif_batch_free(w->batch);
	netif_batch_free(w->renewals);
	sockdiag_free(w->diag);
	close_fd(w->event);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

int netif_writer_push(struct netif_writer *w, struct netif_job *job)
{
	struct job_list *queue = job->kind == NETIF_JOB_RENEW ? &w->later : &w->queue;
	bool room;

	job->result.queued_us = loop_now_us();
	pthread_mutex_lock(&w->lock);
	room = queue->n < QUEUE_MAX;
	if (room) {
		list_add(queue, job);
		pthread_cond_signal(&w->wake);
	}
	pthread_mutex_unlock(&w->lock);
	return room ? 0 : -ENOBUFS;
}

int netif_writer_fd(const struct netif_writer *w)
{
	return w->event;
}

struct netif_job *netif_writer_pop(struct netif_writer *w)
{
	struct netif_job *first;
	eventfd_t count;

	pthread_mutex_lock(&w->lock);
	if (w->told)
		(void)eventfd_read(w->event, &count);
	w->told = false;
	first = w->ended.first;
	w->ended = (struct job_list){ 0 };
	pthread_mutex_unlock(&w->lock);
	return first;
}

uint32_t netif_writer_port(const struct netif_writer *w)
{
	return netif_batch_port(w->batch);
}

uint32_t netif_writer_renewal_port(const struct netif_writer *w)
{
	return netif_batch_port(w->renewals);
}

const char *netif_writer_reset_support(const struct netif_writer *w)
{
	return sockdiag_support(w->diag);
}
