/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's letters. Nothing here waits for the supervisor but engine_link_conf(), which is for another thread and
 * is woken by the loop's. When the supervisor goes, the engine goes: without it nobody would take the addresses off a
 * dead engine. */
#include "agent/process/engine_link.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/base/thread.h"
#include "agent/conf/bundle.h"
#include "agent/process/exec.h"
#include "agent/process/post.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

enum {
	ALIVE_US = 1000000,
	ALIVE_EARLY_US = 150000, /* if the loop is awake then */
	ALIVE_SLACK_US = 200000,
	LETTERS_PER_WAKEUP = 64,
};

struct engine_link {
	int sock;
	sd_event_source *src;
	struct engine_link_events events;
	struct loop_timer alive;
	uint8_t *buf;
	uint32_t used;        /* the configuration in effect; 0: that of the start */
	uint32_t refused;     /* one of which this is still to be said; 0: none */
	pthread_mutex_t lock; /* the rest */
	pthread_cond_t told;
	bool waits;    /* somebody, for a configuration */
	uint32_t id;   /* of his wish: an answer may belong to one that was given up */
	bool answered; /* `bundle` or `error` is there */
	bool gone;     /* the supervisor is */
	int bundle, error;
};

static int send_letter(void *user, const struct post *p)
{
	struct engine_link *s = user;

	return post_send(s->sock, p, -1);
}

/* If it cannot be sent, the next one comes in a second. */
static void say_alive(struct engine_link *s)
{
	const struct post p = { .type = POST_ALIVE, .id = s->used };

	(void)post_send(s->sock, &p, -1);
}

static void say_refused(struct engine_link *s)
{
	const struct post p = { .type = POST_REFUSED, .id = s->refused };

	if (s->refused && post_send(s->sock, &p, -1) == 0)
		s->refused = 0;
}

static void still_alive(void *user, uint64_t due_us)
{
	struct engine_link *s = user;

	(void)due_us;
	say_alive(s);
	say_refused(s);
	loop_timer_in(&s->alive, ALIVE_US);
}

/* Before the loop goes to sleep again: what is due soon is done now, and its own wake-up saved. */
static int on_ride(sd_event_source *src, void *user)
{
	struct engine_link *s = user;

	(void)src;
	if (loop_timer_armed(&s->alive) && loop_now_us() + ALIVE_EARLY_US >= s->alive.due_us)
		still_alive(s, s->alive.due_us);
	return 0;
}

/* --- the configuration ------------------------------------------------------------------------------------------- */

/* Takes the descriptor. */
static void pass_on(struct engine_link *s, uint32_t id, int bundle, int error)
{
	pthread_mutex_lock(&s->lock);
	if (s->waits && !s->answered && id == s->id) {
		s->bundle = bundle;
		s->error = error;
		s->answered = true;
		bundle = -1;
		pthread_cond_broadcast(&s->told);
	}
	pthread_mutex_unlock(&s->lock);
	close_fd(bundle);
}

/* A bundle, or -errno. */
static int wait_for_bundle(struct engine_link *s)
{
	struct post uses = { .type = POST_ALIVE }, ask = { .type = POST_RELOAD };
	const struct timespec until = thread_time_in(ENGINE_LINK_CONF_WAIT_S * UINT64_C(1000000));
	int r = 0;

	pthread_mutex_lock(&s->lock);
	s->waits = true;
	ask.id = ++s->id;
	s->answered = false;
	s->bundle = -1;
	/* What is in effect first, should that letter not have fitted when it was new: another would replace it. */
	uses.id = s->used;
	if (!s->gone)
		r = post_send(s->sock, &uses, -1);
	if (!s->gone && r == 0)
		r = post_send(s->sock, &ask, -1);
	while (r == 0 && !s->answered && !s->gone)
		r = -pthread_cond_timedwait(&s->told, &s->lock, &until);
	if (s->answered) /* even if the time was over as it came */
		r = s->error < 0 ? s->error : s->bundle;
	else if (r == 0)
		r = -ENOTCONN;
	s->waits = false;
	pthread_mutex_unlock(&s->lock);
	return r;
}

int engine_link_conf(struct engine_link *s, const char *file, const char *config_id, conf_report_fn report, void *user,
		     struct conf **ret)
{
	const struct conf_where where = { .file = file };
	struct conf_bundle *bundle = NULL;
	char text[160];
	int r = wait_for_bundle(s);

	if (r >= 0) {
		int fd = r;

		bundle = conf_bundle_read(fd, &r);
		close(fd);
	}
	if (r < 0) {
		snprintf(text, sizeof(text), "the supervisor could not hand the configuration over: %s",
			 r == -ETIMEDOUT ? "a file or a user look-up has not been answered for too long"
					 : strerror(-r));
		report(user, CONF_ERROR, &where, text);
		return r;
	}
	conf_bundle_replay(bundle);
	r = conf_load(file, config_id, report, user, ret);
	conf_bundle_replay(NULL);
	conf_bundle_free(bundle);
	return r;
}

void engine_link_uses(struct engine_link *s)
{
	pthread_mutex_lock(&s->lock);
	s->used = s->id;
	pthread_mutex_unlock(&s->lock);
	say_alive(s);
}

void engine_link_refuses(struct engine_link *s)
{
	pthread_mutex_lock(&s->lock);
	s->refused = s->id;
	pthread_mutex_unlock(&s->lock);
	say_refused(s);
}

/* --- letters ----------------------------------------------------------------------------------------------------- */

static void read_letter(struct engine_link *s, const struct post *p, int fd)
{
	switch (p->type) {
	case POST_STOP:
		s->events.stop(s->events.user, p->text);
		break;
	case POST_RAN:
	case POST_LATE:
		exec_told(p);
		break;
	case POST_CONF:
		pass_on(s, p->id, fd, fd < 0 ? -EBADF : 0);
		return;
	case POST_KEEP:
		pass_on(s, p->id, -1, p->error < 0 ? p->error : -EIO);
		break;
	case POST_HUP:
		s->events.reload(s->events.user);
		break;
	case POST_READY:
	case POST_ALIVE:
	case POST_RUN:
	case POST_TERMINATE:
	case POST_ABANDON:
	case POST_RELOAD:
	case POST_REFUSED:
	case _POST_TYPE_MAX_:
		break; /* ours */
	}
	close_fd(fd);
}

void engine_link_close(struct engine_link *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->gone = true;
	pthread_cond_broadcast(&s->told);
	pthread_mutex_unlock(&s->lock);
}

static void is_gone(struct engine_link *s)
{
	sd_event_source_set_enabled(s->src, SD_EVENT_OFF);
	loop_timer_stop(&s->alive);
	engine_link_close(s);
	s->events.stop(s->events.user, "the supervisor is gone");
}

static int on_letter(sd_event_source *src, int sock, uint32_t revents, void *user)
{
	struct engine_link *s = user;

	(void)src, (void)revents;
	for (int i = 0; i < LETTERS_PER_WAKEUP; i++) {
		struct post p;
		const char *why;
		int fd, r = post_receive(sock, s->buf, &p, &fd, &why);

		if (r == 0)
			break;
		if (r == 1) {
			read_letter(s, &p, fd);
		} else if (r == -EBADMSG) {
			log_error("a letter of the supervisor cannot be read: %s", why);
		} else {
			is_gone(s);
			break;
		}
	}
	return 0;
}

/* --- the object -------------------------------------------------------------------------------------------------- */

int engine_link_new(sd_event *loop, int sock, const struct engine_link_events *events, struct engine_link **ret)
{
	struct engine_link *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		close(sock);
		return -ENOMEM;
	}
	s->sock = sock;
	s->bundle = -1;
	s->events = *events;
	thread_lock_init(&s->lock);
	thread_cond_init(&s->told);
	s->buf = malloc(POST_MAX);
	r = s->buf ? loop_timer_init(&s->alive, loop, LOOP_RANK_BACKGROUND, ALIVE_SLACK_US, still_alive, s) : -ENOMEM;
	if (r == 0)
		r = loop_io(loop, &s->src, sock, EPOLLIN, LOOP_RANK_NORMAL, on_letter, s);
	if (r == 0)
		r = sd_event_source_set_prepare(s->src, on_ride);
	if (r < 0) {
		engine_link_free(s);
		return r;
	}
	loop_timer_in(&s->alive, ALIVE_US);
	exec_delegate(send_letter, s);
	*ret = s;
	return 0;
}

struct engine_link *engine_link_free(struct engine_link *s)
{
	if (!s)
		return NULL;
	exec_delegate(NULL, NULL);
	s->src = sd_event_source_disable_unref(s->src);
	loop_timer_done(&s->alive);
	close_fd(s->sock);
	pthread_cond_destroy(&s->told);
	pthread_mutex_destroy(&s->lock);
	free(s->buf);
	free(s);
	return NULL;
}

int engine_link_ready(struct engine_link *s)
{
	const struct post p = { .type = POST_READY };

	return post_send(s->sock, &p, -1);
}
