/* SPDX-License-Identifier: Apache-2.0 */
/* One job at a time: behind one that hangs there would be nothing but more that hang. */
#include "agent/process/state_giver.h"

#include "agent/process/state_directory.h"
#include "agent/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct state_giver {
	struct worker *worker;
	void (*done)(void *user);
	void *user;
	bool busy;
};

struct job {
	struct worker_job head;
	struct state_giver *giver; /* not for the thread */
	uid_t uid, before;
	gid_t gid;
	char *path;
};

static void work(struct worker_job *head)
{
	struct job *j = (struct job *)head;

	state_directory_give(j->path, j->uid, j->gid, j->before);
}

static void release(struct worker_job *head)
{
	free(((struct job *)head)->path);
}

static void finished(struct worker_job *head)
{
	struct state_giver *g = ((struct job *)head)->giver;

	g->busy = false;
	release(head);
	g->done(g->user);
}

bool state_giver_begin(struct state_giver *g, const char *path, uid_t uid, gid_t gid, uid_t before)
{
	struct job *j = g->busy ? NULL : calloc(1, sizeof(*j));

	if (!j)
		return false;
	*j = (struct job){
		.head = { .run = work, .done = finished, .drop = release },
		.giver = g,
		.uid = uid,
		.before = before,
		.gid = gid,
		.path = strdup(path),
	};
	if (!j->path) {
		free(j);
		return false;
	}
	g->busy = true;
	worker_push(g->worker, &j->head);
	return true;
}

int state_giver_new(sd_event *loop, void (*done)(void *user), void *user, struct state_giver **ret)
{
	struct state_giver *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return -ENOMEM;
	*g = (struct state_giver){ .done = done, .user = user };
	r = worker_new(loop, 1, &g->worker);
	if (r < 0) {
		free(g);
		return r;
	}
	*ret = g;
	return 0;
}

struct state_giver *state_giver_free(struct state_giver *g)
{
	if (!g)
		return NULL;
	worker_free(g->worker);
	free(g);
	return NULL;
}
