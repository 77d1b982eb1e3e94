/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of the state directory: a queue of jobs and one thread that carries them out. The loop only copies text
 * into the queue. Knows nothing of what the files mean. */
#include "agent/store.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_LEN = 32, RETRY_US = 5000000, COMPLAINT_US = 60000000 };

enum work { APPEND, REPLACE, MOVE };

struct job {
	struct job *next;
	enum work work;
	char name[NAME_LEN]; /* MOVE: of the file that goes along; may be empty */
	size_t max;          /* of APPEND */
	store_line_fn line;
	size_t len;
	_Alignas(uint64_t) char text[];
};

struct store {
	char *wanted; /* the loop's: where the last MOVE goes */
	pthread_t thread;
	pthread_mutex_t lock; /* everything down to `stop` */
	pthread_cond_t filled, drained;
	struct job *first, **last;
	size_t bytes, n;
	struct store_status status;
	bool busy; /* the thread works without the lock */
	bool stop;

	/* the thread's own, once it runs */
	char *path;
	int dir;
	int before;           /* the directory before this one, as long as something there is to be removed; or -1 */
	char along[NAME_LEN]; /* … which is this file */
	int log_fd;
	char log_name[NAME_LEN];
	size_t log_size;
	bool torn; /* the last line of that file has no end */
	struct log_limit complaint;
};

/* --- the directory ----------------------------------------------------------------------------------------------- */

static int open_dir(struct store *s)
{
	if (s->dir >= 0)
		return 0;
	if (mkdir(s->path, 0750) < 0 && errno != EEXIST)
		return -errno;
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->dir < 0 ? -errno : 0;
}

static int open_regular(int dir, const char *name, int flags, struct stat *st)
{
	int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0640);

	if (fd < 0)
		return -errno;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

int store_read(const struct store *s, const char *name, size_t max, char **ret, size_t *ret_len)
{
	struct stat st;
	_cleanup_(close_fdp) int fd = s->dir < 0 ? -ENOENT : open_regular(s->dir, name, O_RDONLY, &st);
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return fd;
	if (st.st_size > (off_t)max && lseek(fd, st.st_size - (off_t)max, SEEK_SET) < 0)
		return -errno;
	text = malloc(max + 1);
	if (!text)
		return -ENOMEM;
	while (len < max) {
		ssize_t n = read(fd, text + len, max - len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	*ret_len = len;
	*ret = TAKE_PTR(text);
	return 0;
}

/* --- the thread: acts -------------------------------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static bool ends_in_newline(int fd, off_t size)
{
	char c = '\n';

	return size == 0 || (pread(fd, &c, 1, size - 1) == 1 && c == '\n');
}

/* The file for appending; somebody may have removed it under us. */
static int open_log(struct store *s, const char *name)
{
	struct stat st;

	if (s->log_fd >= 0 && strcmp(s->log_name, name) == 0 && fstat(s->log_fd, &st) == 0 && st.st_nlink > 0)
		return 0;
	close_fd(s->log_fd);
	s->log_fd = open_regular(s->dir, name, O_RDWR | O_APPEND | O_CREAT, &st);
	if (s->log_fd < 0)
		return s->log_fd;
	snprintf(s->log_name, sizeof(s->log_name), "%s", name);
	s->log_size = (size_t)st.st_size;
	s->torn = !ends_in_newline(s->log_fd, st.st_size);
	return 0;
}

static int rotate(struct store *s, const char *name)
{
	char old[NAME_LEN + 2];

	snprintf(old, sizeof(old), "%s.1", name);
	s->log_fd = close_fd(s->log_fd);
	return renameat(s->dir, name, s->dir, old) < 0 ? -errno : 0;
}

static int append(struct store *s, const struct job *j)
{
	size_t len = 0;
	_cleanup_(freep) char *line = j->line(j->text, &len);
	int r = line ? open_log(s, j->name) : -ENOMEM;

	if (r == 0 && s->log_size > 0 && s->log_size + len > j->max) {
		r = rotate(s, j->name);
		if (r == 0)
			r = open_log(s, j->name);
	}
	if (r == 0 && s->torn)
		r = write_all(s->log_fd, "\n", 1);
	if (r < 0)
		return r;
	s->torn = true;
	r = write_all(s->log_fd, line, len);
	s->torn = r < 0;
	s->log_size += len;
	return r;
}

static bool same_directory(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The file has been written here: whoever reads the directory before must not take it for what holds. */
static void leave(struct store *s, const char *name)
{
	if (s->before < 0 || strcmp(name, s->along) != 0)
		return;
	if (!same_directory(s->before, s->dir)) /* by another name */
		unlinkat(s->before, name, 0);
	s->before = close_fd(s->before);
}

static int replace(struct store *s, const struct job *j)
{
	char new[NAME_LEN + 4];
	_cleanup_(close_fdp) int fd = -1;
	struct stat st;
	int r;

	snprintf(new, sizeof(new), "%s.new", j->name);
	if (unlinkat(s->dir, new, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = open_regular(s->dir, new, O_WRONLY | O_CREAT | O_EXCL, &st);
	if (fd < 0)
		return TAKE_FD(fd);
	r = write_all(fd, j->text, j->len);
	if (r == 0 && (fsync(fd) < 0 || renameat(s->dir, new, s->dir, j->name) < 0))
		r = -errno;
	if (r == 0 && fsync(s->dir) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(s->dir, new, 0);
	else
		leave(s, j->name);
	return r;
}

/* From now on it is the new one, also if that cannot be opened. */
static int move(struct store *s, const struct job *j)
{
	char *path = strndup(j->text, j->len);

	if (!path)
		return -ENOMEM;
	free(s->path);
	s->path = path;
	s->log_fd = close_fd(s->log_fd);
	if (s->dir >= 0 && j->name[0]) {
		close_fd(s->before);
		s->before = TAKE_FD(s->dir);
		memcpy(s->along, j->name, sizeof(s->along));
	}
	s->dir = close_fd(s->dir);
	return open_dir(s);
}

static int carry_out(struct store *s, const struct job *j)
{
	int r = j->work == MOVE ? 0 : open_dir(s);

	if (r < 0)
		return r;
	switch (j->work) {
	case APPEND:
		return append(s, j);
	case REPLACE:
		return replace(s, j);
	case MOVE:
		break;
	}
	return move(s, j);
}

static void complain(struct store *s, const char *error)
{
	uint64_t before;

	if (log_limit_pass(&s->complaint, loop_now_us(), COMPLAINT_US, &before))
		log_warn("state directory: %s; going on without", error);
}

/* --- the thread: the queue --------------------------------------------------------------------------------------- */

static struct job *take(struct store *s)
{
	struct job *j = s->first;

	s->first = j->next;
	if (!s->first)
		s->last = &s->first;
	s->bytes -= j->len;
	s->n--;
	return j;
}

static void put(struct store *s, struct job *j)
{
	j->next = NULL;
	*s->last = j;
	s->last = &j->next;
	s->bytes += j->len;
	s->n++;
}

/* A newer text for the same file waits. */
static bool is_superseded(const struct store *s, const struct job *j)
{
	for (const struct job *k = s->first; k; k = k->next)
		if (k->work == REPLACE && strcmp(k->name, j->name) == 0)
			return true;
	return false;
}

static void wait_a_while(struct store *s)
{
	const struct timespec until = thread_time_in(RETRY_US);

	pthread_cond_timedwait(&s->filled, &s->lock, &until);
}

/* Lock held. What was appended says nothing of a file that could not be replaced: that stays what is wrong. */
static void note_outcome(struct store *s, const struct job *j, bool last_word, int r)
{
	if (r == 0)
		s->status.written += j->work != MOVE;
	else
		s->status.lost += j->work == APPEND;
	if (j->work == APPEND && (r < 0 ? s->status.failed : s->status.unsaved))
		return;
	if (last_word)
		s->status.failed = r < 0;
	if (r == 0)
		s->status.error[0] = '\0';
	else if (j->work == MOVE)
		snprintf(s->status.error, sizeof(s->status.error), "cannot open %.100s: %s", s->path, strerror(-r));
	else
		snprintf(s->status.error, sizeof(s->status.error), "cannot write %.100s/%s: %s", s->path, j->name,
			 strerror(-r));
}

/* Lock held. A failed append is lost; a failed replacement goes back to the end of the queue; where a move has failed,
 * what follows tries to open the directory again. */
static void ended(struct store *s, struct job *j, int r)
{
	bool last_word = j->work == REPLACE && !is_superseded(s, j);

	note_outcome(s, j, last_word, r);
	if (last_word && r < 0 && !s->stop) {
		put(s, j);
		if (s->first == j)
			wait_a_while(s); /* or until something else is to be written */
		return;
	}
	if (last_word)
		s->status.unsaved = r < 0;
	free(j);
}

static void *writer(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct job *j;
		bool last;
		int r;

		while (!s->first && !s->stop)
			pthread_cond_wait(&s->filled, &s->lock);
		if (!s->first)
			break;
		j = take(s);
		last = !s->first;
		s->busy = true;
		pthread_mutex_unlock(&s->lock);
		r = carry_out(s, j);
		/* Once for a burst: the last lines before a power cut are the ones that will be asked for. */
		if (r == 0 && last && j->work == APPEND)
			fdatasync(s->log_fd);
		pthread_mutex_lock(&s->lock);
		s->busy = false;
		ended(s, j, r);
		if (r < 0) {
			char error[STORE_ERROR_MAX];

			memcpy(error, s->status.error, sizeof(error));
			pthread_mutex_unlock(&s->lock);
			complain(s, error);
			pthread_mutex_lock(&s->lock);
		}
		if (!s->first)
			pthread_cond_signal(&s->drained);
	}
	pthread_cond_signal(&s->drained);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- the loop's side --------------------------------------------------------------------------------------------- */

static struct job *job_new(enum work work, const char *name, const void *data, size_t len)
{
	struct job *j = malloc(sizeof(*j) + len);

	if (!j)
		return NULL;
	*j = (struct job){ .work = work, .len = len };
	snprintf(j->name, sizeof(j->name), "%s", name);
	memcpy(j->text, data, len);
	return j;
}

/* Takes the job; NULL, or one for which there is no room, is lost. */
static void enqueue(struct store *s, struct job *j)
{
	bool room = j != NULL;

	pthread_mutex_lock(&s->lock);
	room = room && (j->work != APPEND || s->bytes + j->len <= STORE_WAITING_MAX);
	if (room) {
		s->status.unsaved |= j->work == REPLACE;
		s->status.failed &= j->work != REPLACE; /* this one has not been tried */
		put(s, j);
		pthread_cond_signal(&s->filled);
	} else {
		s->status.lost++;
	}
	pthread_mutex_unlock(&s->lock);
	if (!room)
		free(j);
}

void store_append(struct store *s, const char *name, const void *data, size_t len, store_line_fn line, size_t max)
{
	struct job *j = job_new(APPEND, name, data, len);

	if (j) {
		j->line = line;
		j->max = max;
	}
	enqueue(s, j);
}

void store_replace(struct store *s, const char *name, const char *text, size_t len)
{
	enqueue(s, job_new(REPLACE, name, text, len));
}

bool store_move(struct store *s, const char *path, const char *file)
{
	char *wanted;
	struct job *j;

	if (strcmp(path, s->wanted) == 0)
		return false;
	wanted = strdup(path);
	j = wanted ? job_new(MOVE, file ?: "", path, strlen(path)) : NULL;
	if (j) {
		free(s->wanted);
		s->wanted = TAKE_PTR(wanted);
	}
	free(wanted);
	enqueue(s, j);
	return true;
}

void store_status(struct store *s, struct store_status *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->status;
	ret->waiting = s->n;
	pthread_mutex_unlock(&s->lock);
}

/* With ordinary scheduling, whatever the loop has. */
static int start_thread(struct store *s)
{
	const struct sched_param ordinary = { 0 };
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
	pthread_attr_setschedparam(&attr, &ordinary);
	r = thread_start(&s->thread, &attr, writer, s);
	pthread_attr_destroy(&attr);
	if (r == 0)
		(void)pthread_setname_np(s->thread, "state");
	return r;
}

static void store_free(struct store *s)
{
	while (s->first)
		free(take(s));
	close_fd(s->dir);
	close_fd(s->before);
	close_fd(s->log_fd);
	pthread_cond_destroy(&s->filled);
	pthread_cond_destroy(&s->drained);
	pthread_mutex_destroy(&s->lock);
	free(s->wanted);
	free(s->path);
	free(s);
}

int store_open(const char *path, struct store **ret)
{
	struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dir = s->before = s->log_fd = -1;
	s->last = &s->first;
	thread_lock_init(&s->lock);
	thread_cond_init(&s->filled);
	thread_cond_init(&s->drained);
	s->path = strdup(path);
	s->wanted = strdup(path);
	r = s->path ? open_dir(s) : 0;
	if (r < 0) {
		snprintf(s->status.error, sizeof(s->status.error), "cannot open %.100s: %s", path, strerror(-r));
		complain(s, s->status.error);
	}
	r = s->path && s->wanted ? start_thread(s) : -ENOMEM;
	if (r < 0) {
		store_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct store *store_close(struct store *s, uint64_t timeout_us)
{
	const struct timespec until = thread_time_in(timeout_us);
	bool clean;

	if (!s)
		return NULL;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->filled);
	while (s->first || s->busy)
		if (pthread_cond_timedwait(&s->drained, &s->lock, &until) == ETIMEDOUT)
			break;
	clean = !s->first && !s->busy;
	pthread_mutex_unlock(&s->lock);
	/* A thread stuck in a disk cannot be joined; it goes with the process, and needs its memory until then. */
	if (clean) {
		pthread_join(s->thread, NULL);
		store_free(s);
	}
	return NULL;
}
