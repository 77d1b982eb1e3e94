/* SPDX-License-Identifier: Apache-2.0 */
/* Steps a check whenever it has something to do, and counts its outcomes. Knows no kinds of checks. */
#include "agent/check_run.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

/* How late a check may be woken, so that its timer can share a wake-up with others. */
enum { WAKE_SLACK_US = 1000 };

static bool is_among(const struct check_io *io, const struct check_io *set, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (set[i].fd == io->fd && set[i].events == io->events)
			return true;
	return false;
}

/* 0 or -errno. */
static int watch_one(const struct check_run *run, const struct check_io *io)
{
	struct epoll_event ev = { .events = io->events, .data.fd = io->fd };

	if (epoll_ctl(run->epoll, EPOLL_CTL_MOD, io->fd, &ev) == 0)
		return 0;
	if (errno == ENOENT && epoll_ctl(run->epoll, EPOLL_CTL_ADD, io->fd, &ev) == 0)
		return 0;
	return -errno;
}

/* Makes the epoll set equal to what the check wants watched. */
static void watch(struct check_run *run, const struct check_io *before, size_t n_before)
{
	const bool incomplete = run->incomplete;

	for (size_t i = 0; i < n_before; i++) {
		bool kept = false;

		for (size_t j = 0; j < run->step.n_io; j++)
			kept |= run->step.io[j].fd == before[i].fd;
		if (!kept) /* fails if the check has closed it: fine */
			epoll_ctl(run->epoll, EPOLL_CTL_DEL, before[i].fd, NULL);
	}
	run->incomplete = false;
	for (size_t i = 0; i < run->step.n_io; i++) {
		const struct check_io *io = &run->step.io[i];
		int r;

		if (run->step.same_fds && !incomplete && is_among(io, before, n_before))
			continue;
		r = watch_one(run, io);
		if (r < 0 && !incomplete) /* once, not with each step */
			log_error("%s: cannot watch descriptor %d: %s; tried again with each step", run->name, io->fd,
				  strerror(-r));
		run->incomplete |= r < 0;
	}
}

static void collect_ready(struct check_run *run, bool any)
{
	struct epoll_event ready[CHECK_IO_MAX];
	int n = any ? epoll_wait(run->epoll, ready, CHECK_IO_MAX, 0) : 0;

	for (size_t i = 0; i < run->step.n_io; i++)
		run->step.io[i].ready = 0;
	for (int j = 0; j < n; j++)
		for (size_t i = 0; i < run->step.n_io; i++)
			if (run->step.io[i].fd == ready[j].data.fd)
				run->step.io[i].ready = ready[j].events;
}

/* `woken`: by a descriptor. */
static void step(struct check_run *run, bool woken)
{
	struct check_io before[CHECK_IO_MAX];
	enum check_outcome outcome;
	uint64_t patience_us;
	size_t n_before;

	collect_ready(run, woken || !run->step.by_time);
	n_before = run->step.n_io;
	memcpy(before, run->step.io, sizeof(before));
	run->step.now_us = loop_now_us();
	run->step.outcome = CHECK_NOTHING;
	run->step.same_fds = run->step.by_time = false;
	run->step.wake_us = UINT64_MAX;
	run->step.early_us = 0;
	run->type->step(run->state, &run->step);
	watch(run, before, n_before);
	outcome = health_wait(&run->health, run->step.outcome, run->step.now_us, run->dead_delay_us);
	patience_us = health_wake_us(&run->health, run->dead_delay_us);
	loop_timer_at(&run->wake, patience_us < run->step.wake_us ? patience_us : run->step.wake_us);
	run->stepped(run->user, health_count(&run->health, outcome));
}

static int on_ready(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	(void)s, (void)fd, (void)revents;
	step(user, true);
	return 0;
}

static void on_wake(void *user, uint64_t due_us)
{
	(void)due_us;
	step(user, false);
}

/* Before the loop goes to sleep again. It was awake for an advert most likely: what is due soon is done now, and its
 * own wake-up saved. */
static int on_ride(sd_event_source *s, void *user)
{
	struct check_run *run = user;

	(void)s;
	if (run->step.early_us && loop_now_us() + run->step.early_us >= run->step.wake_us)
		step(run, false);
	return 0;
}

int check_run_init(struct check_run *run, sd_event *loop, const char *name, const struct check_type *type,
		   const void *conf, unsigned rise, unsigned fall, enum loop_rank rank,
		   void (*stepped)(void *user, bool health_changed), void *user)
{
	int r;

	run->name = name;
	run->type = type;
	run->conf = conf;
	run->stepped = stepped;
	run->user = user;
	health_init(&run->health, rise, fall, false);
	run->state = calloc(1, type->state_size);
	if (!run->state)
		return -ENOMEM;
	r = type->init(run->state, conf, &run->report);
	if (r < 0)
		return r;
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (run->epoll < 0)
		return -errno;
	run->open = true;
	r = loop_io(loop, &run->io, run->epoll, EPOLLIN, rank, on_ready, run);
	if (r >= 0)
		r = sd_event_source_set_prepare(run->io, on_ride);
	if (r >= 0)
		r = loop_timer_init(&run->wake, loop, rank, WAKE_SLACK_US, on_wake, run);
	return r;
}

void check_run_done(struct check_run *run)
{
	loop_timer_done(&run->wake);
	run->io = sd_event_source_disable_unref(run->io);
	if (run->state)
		run->type->done(run->state);
	free(run->state);
	run->state = NULL;
	if (run->open)
		run->epoll = close_fd(run->epoll);
	run->open = false;
}

void check_run_reconf(struct check_run *run, const char *name, const void *conf, unsigned rise, unsigned fall)
{
	run->name = name;
	run->conf = conf;
	health_reconf(&run->health, rise, fall);
	run->type->reconf(run->state, conf);
}

void check_run_start(struct check_run *run)
{
	loop_timer_in(&run->wake, 0);
}

void check_run_stop(struct check_run *run)
{
	loop_timer_stop(&run->wake);
	run->type->done(run->state);
	memset(run->state, 0, run->type->state_size);
	run->step = (struct check_step){ 0 };
	run->incomplete = false;
	run->report = (struct check_report){ 0 };
	health_init(&run->health, run->health.rise, run->health.fall, false);
	/* Has succeeded once, and allocates nothing that could fail now; if it does all the same, so does each step. */
	(void)run->type->init(run->state, run->conf, &run->report);
}
