/* SPDX-License-Identifier: Apache-2.0 */
/* One thread for one configuration. It shares nothing with the loop but this object, which it fills before it writes to
 * the eventfd, and the old configuration, which is not changed while it runs. */
#include "agent/loader.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/conf/diff.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { CHANGES_MAX = 200 };

struct loader {
	struct loader_source source;
	struct conf *old;
	struct loaded result;
	pthread_t thread;
	size_t n_changes;
	int fd;
	sd_event_source *io;
	void (*done)(void *user, struct loaded *result);
	void *user;
	atomic_int holders; /* thread and loop */
};

void loaded_done(struct loaded *l)
{
	l->conf = conf_free(l->conf);
	json_decref(l->findings);
	json_decref(l->changes);
	json_decref(l->restart);
	*l = (struct loaded){ 0 };
}

static void loader_unref(struct loader *l)
{
	if (atomic_fetch_sub(&l->holders, 1) > 1)
		return;
	loaded_done(&l->result);
	conf_free(l->old);
	close_fd(l->fd);
	free(l);
}

/* --- in the thread ----------------------------------------------------------------------------------------------- */

static void note_finding(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	struct loader *l = user;

	l->result.n_errors += level == CONF_ERROR;
	json_array_append_new(l->result.findings, json_pack("{s:s, s:s?, s:i, s:s}", "level", conf_level_name(level),
							    "file", where ? where->file : NULL, "line",
							    where ? (int)where->line : 0, "text", text));
}

/* What is gone is told as such, unless another value of the same keyword follows, as it does at once. */
static void note_restart(struct loader *l, char sign, const char *text)
{
	static const char without[] = "without ";
	size_t last = json_array_size(l->result.restart) - 1, n = strcspn(text, " ") + 1;
	const char *before = json_string_value(json_array_get(l->result.restart, last));
	char line[512];

	if (sign == '-') {
		snprintf(line, sizeof(line), "%s%s", without, text);
		json_array_append_new(l->result.restart, json_string(line));
		return;
	}
	if (before && strncmp(before, without, strlen(without)) == 0 && strncmp(before + strlen(without), text, n) == 0)
		json_array_remove(l->result.restart, last);
	json_array_append_new(l->result.restart, json_string(text));
}

static void note_change(void *user, const char *block, char sign, const char *text)
{
	struct loader *l = user;
	char line[512];

	if (strcmp(block, "global_defs") == 0 && *text && !conf_global_is_live(text)) {
		note_restart(l, sign, text);
		return;
	}
	if (++l->n_changes > CHANGES_MAX)
		return;
	if (*text)
		snprintf(line, sizeof(line), "%s: %c %s", block, sign, text);
	else
		snprintf(line, sizeof(line), "%c %s", sign, block);
	json_array_append_new(l->result.changes, json_string(line));
}

static void *work(void *user)
{
	struct loader *l = user;
	struct loaded *r = &l->result;
	const uint64_t one = 1;
	char line[64];

	r->error = l->source.obtain(l->source.user, note_finding, l, &r->conf);
	if (r->error == 0)
		conf_diff(l->old, r->conf, note_change, l);
	if (l->n_changes > CHANGES_MAX) {
		snprintf(line, sizeof(line), "and %zu more", l->n_changes - CHANGES_MAX);
		json_array_append_new(r->changes, json_string(line));
	}
	while (write(l->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	loader_unref(l);
	return NULL;
}

/* --- in the loop ------------------------------------------------------------------------------------------------- */

/* Lets go of the loop's part. */
static void leave(struct loader *l)
{
	l->io = sd_event_source_disable_unref(l->io);
	loader_unref(l);
}

static int finished(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct loader *l = user;
	struct loaded result = l->result;

	(void)s, (void)fd, (void)revents;
	l->result = (struct loaded){ 0 };
	l->done(l->user, &result);
	loaded_done(&result);
	pthread_detach(l->thread); /* it is about to end, but of a lower priority than we: nobody waits for it */
	leave(l);
	return 0;
}

static int start_thread(struct loader *l)
{
	int r;

	atomic_store(&l->holders, 2);
	r = pthread_create(&l->thread, NULL, work, l);
	if (r != 0)
		atomic_store(&l->holders, 1);
	return -r;
}

int loader_start(sd_event *loop, const struct loader_source *source, struct conf *old,
		 void (*done)(void *user, struct loaded *result), void *user, struct loader **ret)
{
	struct loader *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	*l = (struct loader){ .source = *source, .old = conf_ref(old), .done = done, .user = user };
	atomic_init(&l->holders, 1);
	l->result.findings = json_array();
	l->result.changes = json_array();
	l->result.restart = json_array();
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = l->fd < 0 ? -errno : loop_io(loop, &l->io, l->fd, EPOLLIN, LOOP_RANK_NORMAL, finished, l);
	if (r >= 0)
		r = start_thread(l);
	if (r < 0) {
		leave(l);
		return r;
	}
	*ret = l;
	return 0;
}

void loader_abandon(struct loader *l)
{
	l->io = sd_event_source_disable_unref(l->io);
}

struct loader *loader_free(struct loader *l)
{
	if (!l)
		return NULL;
	pthread_join(l->thread, NULL);
	leave(l);
	return NULL;
}
