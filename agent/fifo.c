/* SPDX-License-Identifier: Apache-2.0 */
/* Named pipes for notifications, and the programs at their other end. A pipe is opened for reading, too: so it can be
 * opened before there is a reader, survives one that comes and goes, and never raises SIGPIPE. Which events there are
 * is not this file's business. */
#include "agent/fifo.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/process/exec.h"
#include "agent/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum {
	OPEN_RETRY_US = 5000000,
	RESTART_MIN_US = 1000000, /* of the program, doubling … */
	RESTART_MAX_US = 60000000,
	LOST_LOG_US = 1000000,  /* between two lines about lost ones */
	END_GRACE_US = 1000000, /* for a program to read the last lines and to end at the end of file */
};

struct line {
	struct line *next;
	size_t len;
	char text[];
};

struct fifo {
	sd_event *loop; /* borrowed */
	const struct conf_fifo *conf;
	const char *keyword;
	int fd;    /* -1: not open */
	int error; /* of the last try to open it */
	bool ours; /* created by us: removed at the end */
	dev_t dev;
	ino_t ino;
	sd_event_source *room; /* exists while lines wait */
	struct line *head, **tail;
	size_t n_lines, offset; /* `offset`: how much of the first is written */
	uint64_t written, lost;
	struct log_limit lost_log, open_log;
	struct loop_timer retry; /* to open it … */
	struct worker *opener;   /* … in a thread: its disk may hang; from the first retry on */

	struct exec_child *child;
	struct loop_timer restart;
	uint64_t delay_us, started_us;
	bool finishing;
	uint64_t closed_us; /* finishing: when the program got its end of file; 0: not yet */
};

/* In: what to open. Out: what has become of it. */
struct opening {
	struct worker_job head;
	struct fifo *owner;
	uid_t uid;
	gid_t gid;
	int fd, error, chown_error;
	bool made;
	struct stat st;
	char path[]; /* an own copy */
};

struct fifos {
	size_t n;
	struct fifo a[_CONF_FIFO_MAX_];
};

/* --- the pipe ---------------------------------------------------------------------------------------------------- */

/* Touches nothing but the job. */
static int open_pipe(struct opening *o)
{
	_cleanup_(close_fdp) int fd = -1;

	o->made = mkfifo(o->path, 0644) == 0;
	if (!o->made && errno != EEXIST)
		return -errno;
	fd = open(o->path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0 || fstat(fd, &o->st) < 0)
		return -errno;
	if (!S_ISFIFO(o->st.st_mode))
		return -EEXIST;
	if (o->made && (o->st.st_uid != o->uid || o->st.st_gid != o->gid) && fchown(fd, o->uid, o->gid) < 0)
		o->chown_error = errno;
	o->fd = TAKE_FD(fd);
	return 0;
}

static void run(struct worker_job *job)
{
	struct opening *o = (struct opening *)job;

	o->error = open_pipe(o);
}

static void start_program(struct fifo *f);
static void flush_lines(struct fifo *f);

/* Takes the descriptor. */
static void opened(struct worker_job *job)
{
	struct opening *o = (struct opening *)job;
	struct fifo *f = o->owner;
	uint64_t suppressed;

	f->error = o->error;
	if (f->error < 0) {
		if (log_limit_pass(&f->open_log, loop_now_us(), 60 * 1000000ull, &suppressed))
			log_error("%s %s: cannot be opened: %s; trying again", f->keyword, f->conf->path,
				  f->error == -EEXIST ? "it is there and no FIFO" : strerror(-f->error));
		loop_timer_in(&f->retry, OPEN_RETRY_US);
		return;
	}
	if (o->chown_error)
		log_warn("%s %s: cannot be given to its user: %s", f->keyword, f->conf->path, strerror(o->chown_error));
	f->ours |= o->made;
	f->dev = o->st.st_dev;
	f->ino = o->st.st_ino;
	f->fd = TAKE_FD(o->fd);
	flush_lines(f);
	if (!f->child)
		start_program(f);
}

static void drop(struct worker_job *job)
{
	close_fd(((struct opening *)job)->fd);
}

static struct opening *opening_of(struct fifo *f)
{
	const size_t size = strlen(f->conf->path) + 1;
	struct opening *o = calloc(1, sizeof(*o) + size);

	if (!o)
		return NULL;
	o->head.run = run;
	o->head.done = opened;
	o->head.drop = drop;
	o->owner = f;
	o->uid = f->conf->uid;
	o->gid = f->conf->gid;
	o->fd = -1;
	memcpy(o->path, f->conf->path, size);
	return o;
}

static void retry_due(void *user, uint64_t due_us)
{
	struct fifo *f = user;
	struct opening *o = NULL;

	(void)due_us;
	if (f->opener || worker_new(f->loop, 1, &f->opener) == 0)
		o = opening_of(f);
	if (o)
		worker_push(f->opener, &o->head);
	else
		loop_timer_in(&f->retry, OPEN_RETRY_US);
}

static void drop_first(struct fifo *f)
{
	struct line *l = f->head;

	f->head = l->next;
	if (!f->head)
		f->tail = &f->head;
	f->n_lines--;
	f->offset = 0;
	free(l);
}

static int on_room(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	(void)s, (void)fd, (void)revents;
	flush_lines(user);
	return 0;
}

/* Writes what the pipe takes. Lines longer than PIPE_BUF may be cut in two by the pipe, but never by another line of
 * ours. */
static void flush_lines(struct fifo *f)
{
	while (f->fd >= 0 && f->head) {
		ssize_t n = write(f->fd, f->head->text + f->offset, f->head->len - f->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		f->offset += (size_t)n;
		if (f->offset == f->head->len) {
			f->written++;
			drop_first(f);
		}
	}
	if (!f->head || f->fd < 0) {
		f->room = sd_event_source_disable_unref(f->room);
	} else if (!f->room) {
		int r = loop_io(f->loop, &f->room, f->fd, EPOLLOUT, LOOP_RANK_BACKGROUND, on_room, f);

		if (r < 0) /* the next event tries again */
			log_error("%s %s: cannot be watched: %s", f->keyword, f->conf->path, strerror(-r));
	}
}

static void lose(struct fifo *f, const char *kind, const char *name, const char *state)
{
	uint64_t suppressed;

	f->lost++;
	if (log_limit_pass(&f->lost_log, loop_now_us(), LOST_LOG_US, &suppressed))
		log_error("%s %s: nobody reads it, and %d lines wait already: %s %s %s is lost, %" PRIu64 " so far",
			  f->keyword, f->conf->path, FIFO_QUEUE_MAX, kind, name, state, f->lost);
}

static void add_line(struct fifo *f, const char *kind, const char *name, const char *state, unsigned priority)
{
	int len = snprintf(NULL, 0, "%s \"%s\" %s %u\n", kind, name, state, priority);
	struct line *l = f->n_lines < FIFO_QUEUE_MAX ? malloc(sizeof(*l) + (size_t)len + 1) : NULL;

	if (!l) {
		lose(f, kind, name, state);
		return;
	}
	l->next = NULL;
	l->len = (size_t)len;
	snprintf(l->text, l->len + 1, "%s \"%s\" %s %u\n", kind, name, state, priority);
	*f->tail = l;
	f->tail = &l->next;
	f->n_lines++;
	flush_lines(f);
}

/* --- the program at the other end -------------------------------------------------------------------------------- */

static void start_later(struct fifo *f, const char *why)
{
	if (f->finishing)
		return;
	/* One that ran for long enough has not failed because of what it is. */
	if (loop_now_us() - f->started_us > RESTART_MAX_US || f->delay_us == 0)
		f->delay_us = RESTART_MIN_US;
	log_warn("%s_script: %s; starting it again in %.0f s", f->keyword, why, (double)f->delay_us / 1e6);
	loop_timer_in(&f->restart, f->delay_us);
	f->delay_us = f->delay_us * 2 > RESTART_MAX_US ? RESTART_MAX_US : f->delay_us * 2;
}

static void program_ended(void *user, const struct exec_result *r)
{
	struct fifo *f = user;
	char outcome[96];

	f->child = NULL;
	start_later(f, exec_describe(r, outcome, sizeof(outcome)));
}

static void start_program(struct fifo *f)
{
	const struct conf_command *c = &f->conf->script;
	_cleanup_(freep) char **argv = NULL;
	_cleanup_(freep) char *path = NULL;
	_cleanup_(freep) char *what = NULL;
	struct exec_spec spec = { .uid = c->uid, .gid = c->gid };
	size_t n = 0;
	int r = -ENOMEM;

	if (!c->argv)
		return;
	while (c->argv[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	path = strdup(f->conf->path);
	if (asprintf(&what, "%s_script", f->keyword) < 0)
		what = NULL;
	f->started_us = loop_now_us();
	if (argv && path && what) {
		memcpy(argv, c->argv, n * sizeof(*argv));
		argv[n] = path;
		spec.what = what;
		spec.argv = argv;
		r = exec_start(f->loop, &spec, program_ended, f, &f->child);
	}
	if (r < 0)
		start_later(f, strerror(-r));
}

static void restart_due(void *user, uint64_t due_us)
{
	(void)due_us;
	start_program(user);
}

/* With the rights of the start. */
static void open_now(struct fifo *f)
{
	_cleanup_(freep) struct opening *o = opening_of(f);

	if (!o) {
		loop_timer_in(&f->retry, OPEN_RETRY_US);
		return;
	}
	run(&o->head);
	opened(&o->head);
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

int fifos_new(sd_event *loop, const struct conf *conf, struct fifos **ret)
{
	struct fifos *all = calloc(1, sizeof(*all));
	int r = all ? 0 : -ENOMEM;

	for (int i = 0; r >= 0 && i < _CONF_FIFO_MAX_; i++) {
		struct fifo *f;

		if (!conf->fifos[i].path)
			continue;
		f = &all->a[all->n++];
		f->loop = loop;
		f->conf = &conf->fifos[i];
		f->keyword = conf_fifo_name((enum conf_fifo_kind)i);
		f->fd = -1;
		f->tail = &f->head;
		r = loop_timer_init(&f->retry, loop, LOOP_RANK_BACKGROUND, 100000, retry_due, f);
		if (r >= 0)
			r = loop_timer_init(&f->restart, loop, LOOP_RANK_BACKGROUND, 100000, restart_due, f);
	}
	if (r < 0) {
		fifos_free(all);
		return r;
	}
	for (size_t i = 0; i < all->n; i++)
		open_now(&all->a[i]);
	*ret = all;
	return 0;
}

/* Only what we have made, and only if it is still that. */
static void remove_pipe(const struct fifo *f)
{
	struct stat st;

	if (f->ours && lstat(f->conf->path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino &&
	    unlink(f->conf->path) < 0 && errno != EACCES && errno != EPERM) /* then it is the supervisor's to do */
		log_warn("%s %s: cannot be removed: %s", f->keyword, f->conf->path, strerror(errno));
}

static void fifo_done(struct fifo *f)
{
	loop_timer_done(&f->retry);
	loop_timer_done(&f->restart);
	worker_free(f->opener);
	if (f->child)
		exec_abandon(f->child);
	f->room = sd_event_source_disable_unref(f->room);
	if (f->head)
		log_warn("%s %s: %zu lines are lost, nobody has read them", f->keyword, f->conf->path, f->n_lines);
	while (f->head)
		drop_first(f);
	remove_pipe(f);
	f->fd = close_fd(f->fd);
}

struct fifos *fifos_free(struct fifos *f)
{
	for (size_t i = 0; f && i < f->n; i++)
		fifo_done(&f->a[i]);
	free(f);
	return NULL;
}

void fifos_write(struct fifos *f, const char *kind, const char *name, const char *state, unsigned priority)
{
	for (size_t i = 0; f && i < f->n; i++)
		add_line(&f->a[i], kind, name, state, priority);
}

void fifos_finish(struct fifos *f)
{
	for (size_t i = 0; f && i < f->n; i++) {
		f->a[i].finishing = true;
		loop_timer_stop(&f->a[i].restart);
	}
}

static bool is_drained(const struct fifo *f)
{
	int left = 0;

	return f->fd < 0 || (!f->head && (ioctl(f->fd, FIONREAD, &left) < 0 || left == 0));
}

static bool fifo_idle(struct fifo *f)
{
	if (!f->child) /* whoever else reads may do so when we are gone */
		return !f->head || f->fd < 0;
	if (!is_drained(f))
		return false;
	/* Read all of it, and is told that it was all. */
	f->fd = close_fd(f->fd);
	if (!f->closed_us)
		f->closed_us = loop_now_us();
	return loop_now_us() - f->closed_us > END_GRACE_US;
}

bool fifos_idle(struct fifos *f)
{
	bool idle = true;

	for (size_t i = 0; f && i < f->n; i++)
		idle &= fifo_idle(&f->a[i]);
	return idle;
}

static const char *program_state(const struct fifo *f)
{
	if (!f->conf->script.argv)
		return NULL;
	return f->child ? "running" : "waiting";
}

json_t *fifos_status(const struct fifos *f)
{
	json_t *list = json_array();

	for (size_t i = 0; f && i < f->n; i++) {
		const struct fifo *a = &f->a[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:s?}", "path", a->conf->path, "state",
						      a->error ? strerror(-a->error) : "open", "written",
						      (json_int_t)a->written, "waiting", (json_int_t)a->n_lines, "lost",
						      (json_int_t)a->lost, "program", program_state(a)));
	}
	return list;
}
