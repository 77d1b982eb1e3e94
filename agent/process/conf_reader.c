/* SPDX-License-Identifier: Apache-2.0 */
/* A job for a worker, and what makes its result the answer to the wish that counts. A reading cannot be called off: one
 * that nobody waits for any more is left to end, and the next follows it, so that there is never more than one. */
#include "agent/process/conf_reader.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/load.h"
#include "agent/process/state_directory.h"
#include "agent/worker.h"

#include <errno.h>
#include <string.h>

enum { LIMIT_SLACK_US = 100000 };

struct conf_reader {
	const struct options *opt;
	uint64_t limit_us;
	struct loop_timer limit;
	void (*done)(void *user, struct conf_reading *reading);
	void *user;
	struct worker *worker;
	bool busy;   /* there is a job */
	bool counts; /* … whose result is wanted */
	bool again;  /* another has to follow it */
	uint32_t id; /* of the last wish */
	uid_t uid;   /* … and of the engine whose it is */
	gid_t gid;
	char *kept; /* its state directory */
};

struct job {
	struct worker_job head;
	struct conf_reader *reader; /* not for the thread: it may be gone */
	const struct options *opt;
	uid_t uid;
	gid_t gid;
	char *kept;
	struct conf_reading reading;
};

/* --- in the thread ------------------------------------------------------------------------------------------------ */

/* The descriptor is made here as well: there may be much to write. The directory in use is looked at each time: a
 * service manager that makes it gives it back to root, with all that is in it, before it runs what asks for a reload
 * (systemd's StateDirectory=). */
static void work(struct worker_job *head)
{
	struct job *j = (struct job *)head;
	struct conf_reading *g = &j->reading;

	state_directory_give(j->kept, j->uid, j->gid, j->uid);
	g->error = load_bundle(j->opt, true, &g->bundle, &g->conf);
	if (g->error == 0) /* before the engine can go over to it */
		state_directory_give(g->conf->state_directory, j->uid, j->gid, j->uid);
	g->fd = g->bundle ? conf_bundle_write(g->bundle, "sqlvip") : -ENOMEM;
}

static void release(struct worker_job *head)
{
	struct job *j = (struct job *)head;
	struct conf_reading *g = &j->reading;

	free(j->kept);
	close_fd(g->fd);
	conf_bundle_free(g->bundle);
	conf_free(g->conf);
}

/* --- in the loop -------------------------------------------------------------------------------------------------- */

static void fail(struct conf_reader *r, int error)
{
	struct conf_reading none = { .id = r->id, .error = error, .fd = error };

	conf_reader_forget(r);
	r->done(r->user, &none);
}

static void is_late(void *user, uint64_t due_us)
{
	(void)due_us;
	fail(user, -ETIMEDOUT);
}

static int start(struct conf_reader *r);

static void finished(struct worker_job *head)
{
	struct job *j = (struct job *)head;
	struct conf_reader *r = j->reader;

	r->busy = false;
	if (r->counts) {
		conf_reader_forget(r);
		r->done(r->user, &j->reading);
	} else if (r->again && start(r) < 0) {
		fail(r, -ENOMEM);
	}
	release(head);
}

static int start(struct conf_reader *r)
{
	struct job *j = calloc(1, sizeof(*j));
	char *kept = strdup(r->kept);

	if (!j || !kept) {
		free(j);
		free(kept);
		return -ENOMEM;
	}
	*j = (struct job){
		.head = { .run = work, .done = finished, .drop = release },
		.reader = r,
		.opt = r->opt,
		.uid = r->uid,
		.gid = r->gid,
		.kept = kept,
		.reading = { .id = r->id, .fd = -1 },
	};
	r->busy = r->counts = true;
	r->again = false;
	worker_push(r->worker, &j->head);
	return 0;
}

int conf_reader_ask(struct conf_reader *r, uint32_t id, const struct conf *born, const char *kept)
{
	char *copy = strdup(kept);
	int e = 0;

	if (!copy)
		return -ENOMEM;
	free(r->kept);
	r->kept = copy;
	r->id = id;
	r->uid = born->engine_uid;
	r->gid = born->engine_gid;
	r->counts = false;
	r->again = r->busy;
	if (!r->busy)
		e = start(r);
	if (e == 0)
		loop_timer_in(&r->limit, r->limit_us);
	return e;
}

void conf_reader_forget(struct conf_reader *r)
{
	if (!r)
		return;
	r->counts = r->again = false;
	loop_timer_stop(&r->limit);
}

int conf_reader_new(sd_event *loop, const struct options *opt, uint64_t limit_us,
		    void (*done)(void *user, struct conf_reading *reading), void *user, struct conf_reader **ret)
{
	struct conf_reader *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	*r = (struct conf_reader){ .opt = opt, .limit_us = limit_us, .done = done, .user = user };
	e = loop_timer_init(&r->limit, loop, LOOP_RANK_NORMAL, LIMIT_SLACK_US, is_late, r);
	if (e == 0)
		e = worker_new(loop, 1, &r->worker);
	if (e < 0) {
		conf_reader_free(r);
		return e;
	}
	*ret = r;
	return 0;
}

struct conf_reader *conf_reader_free(struct conf_reader *r)
{
	if (!r)
		return NULL;
	loop_timer_done(&r->limit);
	worker_free(r->worker);
	free(r->kept);
	free(r);
	return NULL;
}
