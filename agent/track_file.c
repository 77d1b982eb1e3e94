/* SPDX-License-Identifier: Apache-2.0 */
/* Files and their values. A job in the worker adds the watch on the folder, if it is missing, and reads the file; what
 * changes meanwhile is read once more. At most one job for each file, so that one that hangs takes one thread. Knows
 * nothing of weights. */
#include "agent/track_file.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/journal.h"
#include "agent/json.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READ_MAX = 127,
	RETRY_US = 1000000,
	HANGS_US = 5000000,     /* no file that is read takes so long */
	START_MAX_US = 1000000, /* nor is the start of the agent put off for longer */
};

static const uint32_t WATCHED = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
				IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

struct file {
	const struct conf_track_file *conf;
	unsigned id; /* finds it again when a job ends; never used twice */
	int wd;      /* -1: the folder is not watched */
	pid_t maker; /* of init_file: to be waited for by the first job; 0: none */
	bool known, dirty;
	bool fresh;            /* a reload brought it */
	bool again;            /* we lacked something to read it with */
	bool watch_lost;       /* since the job under way was begun: what it brings is no watch any more */
	const struct job *job; /* under way, or NULL: what it holds is the thread's */
	uint64_t asked_us;     /* … since then */
	int32_t value;
	uint64_t changed_us;
	uint64_t reads;
	char reason[96];
	bool complaining, hangs; /* the alarms */
};

struct track_files {
	struct worker *worker;
	void (*changed)(void *user);
	void *user;
	struct file *files; /* beside conf.track_files */
	size_t n;
	struct file *next; /* room for those of another configuration, while it is prepared */
	const struct conf *next_conf;
	unsigned next_id;
	bool starting;
	int inotify;
	sd_event_source *io;
	struct loop_timer retry; /* of folders that could not be watched, and files that we had nothing to read with */
};

/* In: where to look. Out: what was found. */
struct job {
	struct worker_job head;
	struct track_files *owner;
	unsigned id;
	int inotify;
	int wd;
	pid_t maker;
	int make_error, watch_error, read_error; /* 0 or errno */
	char text[READ_MAX + 1];
	char path[]; /* an own copy */
};

/* --- in the worker ----------------------------------------------------------------------------------------------- */

static void watch_folder(struct job *j)
{
	char *slash = strrchr(j->path, '/'), kept;

	/* Of "/name", the folder is "/". */
	slash += slash == j->path;
	kept = *slash;
	*slash = '\0';
	j->wd = inotify_add_watch(j->inotify, j->path, WATCHED);
	j->watch_error = j->wd < 0 ? errno : 0;
	*slash = kept;
}

static void read_file(struct job *j)
{
	_cleanup_(close_fdp) int fd = open(j->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	j->text[0] = '\0';
	j->read_error = fd < 0 ? errno : 0;
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		j->read_error = EINVAL;
		return;
	}
	n = read(fd, j->text, READ_MAX);
	j->read_error = n < 0 ? errno : 0;
	j->text[n > 0 ? n : 0] = '\0';
}

static void wait_for_maker(struct job *j)
{
	int status;
	pid_t r;

	do
		r = waitpid(j->maker, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		j->make_error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* First the watch, then the content: what is written in between is noticed. */
static void run(struct worker_job *job)
{
	struct job *j = (struct job *)job;

	if (j->maker > 0)
		wait_for_maker(j);
	if (j->wd < 0)
		watch_folder(j);
	read_file(j);
}

/* --- values ------------------------------------------------------------------------------------------------------ */

bool track_file_parse(const char *text, int32_t *ret)
{
	long v;

	errno = 0;
	v = strtol(text, NULL, 0);
	if (errno == ERANGE || v < INT32_MIN || v > INT32_MAX)
		return false;
	*ret = (int32_t)v;
	return true;
}

/* What we lack: says nothing about the file. */
static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

static void set_reason(struct file *f, const struct job *j, bool fits)
{
	if (f->again)
		snprintf(f->reason, sizeof(f->reason), "cannot be read now: %s; %d stays", strerror(j->read_error),
			 f->value);
	else if (j->watch_error)
		snprintf(f->reason, sizeof(f->reason), "its folder cannot be watched: %s", strerror(j->watch_error));
	else if (j->read_error == ENOENT)
		snprintf(f->reason, sizeof(f->reason), "there is no such file: 0");
	else if (j->read_error == EINVAL)
		snprintf(f->reason, sizeof(f->reason), "is no regular file: 0");
	else if (j->read_error)
		snprintf(f->reason, sizeof(f->reason), "cannot be read: %s: 0", strerror(j->read_error));
	else if (!fits)
		snprintf(f->reason, sizeof(f->reason), "holds a number beyond 32 bits; %d stays", f->value);
	else
		snprintf(f->reason, sizeof(f->reason), "holds %d", f->value);
}

/* What is odd about it, and does not end by itself. */
static void complain(struct file *f, bool odd)
{
	if (odd)
		alarm_raise("track_file", f->conf->name, "track_file %s: %s", f->conf->name, f->reason);
	else if (f->complaining)
		alarm_end("track_file", f->conf->name);
	f->complaining = odd;
}

static void end_hang(struct file *f)
{
	if (f->hangs)
		alarm_end("track_file_hangs", f->conf->name);
	f->hangs = false;
}

/* True if the value is another. */
static bool take(struct file *f, const struct job *j)
{
	const int32_t before = f->value;
	const bool was_known = f->known;
	bool fits = true;

	f->wd = f->watch_lost ? -1 : j->wd;
	f->watch_lost = false;
	f->maker = 0;
	if (j->make_error)
		log_error("track_file %s: init_file cannot make %s: %s", f->conf->name, f->conf->path,
			  strerror(j->make_error));
	f->again = is_shortage(j->read_error);
	if (!f->again) {
		fits = track_file_parse(j->text, &f->value);
		f->known = true;
	}
	f->reads++;
	set_reason(f, j, fits);
	complain(f, j->watch_error || (j->read_error && j->read_error != ENOENT) || !fits);
	if (was_known == f->known && before == f->value)
		return false;
	f->changed_us = loop_now_us();
	return true;
}

static struct file *find(struct track_files *t, unsigned id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->files[i].id == id)
			return &t->files[i];
	return NULL;
}

static struct job *new_job(struct track_files *t, const struct file *f)
{
	const size_t size = strlen(f->conf->path) + 1;
	struct job *j = calloc(1, sizeof(*j) + size);

	if (!j)
		return NULL;
	j->head.run = run;
	j->owner = t;
	j->id = f->id;
	j->inotify = t->inotify;
	j->wd = f->wd;
	j->maker = f->maker;
	memcpy(j->path, f->conf->path, size);
	return j;
}

static void done(struct worker_job *job);

static void look(struct track_files *t, struct file *f)
{
	struct job *j;

	f->dirty = f->job;
	if (f->job)
		return;
	j = new_job(t, f);
	if (!j) {
		loop_timer_in(&t->retry, RETRY_US);
		return;
	}
	j->head.done = done;
	f->job = j;
	f->asked_us = loop_now_us();
	worker_push(t->worker, &j->head);
}

static void done(struct worker_job *job)
{
	const struct job *j = (const struct job *)job;
	struct track_files *t = j->owner;
	struct file *f = find(t, j->id);

	if (!f) /* a reload has taken it away */
		return;
	f->job = NULL;
	if (take(f, j) && !t->starting) {
		t->changed(t->user);
		journal_log(LOG_NOTICE, &(struct journal_note){ .kind = JOURNAL_CHECK, .instance = f->conf->name },
			    "track_file %s", f->reason);
	}
	if (f->wd < 0 || f->again)
		loop_timer_in(&t->retry, RETRY_US);
	if (f->dirty)
		look(t, f);
}

static void retry(void *user, uint64_t due_us)
{
	struct track_files *t = user;

	(void)due_us;
	for (size_t i = 0; i < t->n; i++)
		if ((t->files[i].wd < 0 || t->files[i].again) && !t->files[i].job)
			look(t, &t->files[i]);
}

/* --- what happens in the folders --------------------------------------------------------------------------------- */

/* The first job may have added the watch already: which one it is, is known when the job is done. So until then every
 * event may be about it: it costs another look at most, and where the watch was lost it is added once more, which
 * changes nothing if it is there. Of events that overflowed, each may have been the loss of any watch. */
static bool may_concern(const struct file *f, const struct inotify_event *ev)
{
	return f->wd == ev->wd || (f->wd < 0 && f->job) || (ev->mask & IN_Q_OVERFLOW);
}

static void on_event(struct track_files *t, const struct inotify_event *ev, const char *name)
{
	const bool lost = ev->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW);

	/* Moved away, the folder would be watched on at its new place. */
	if (ev->mask & IN_MOVE_SELF)
		inotify_rm_watch(t->inotify, ev->wd);
	for (size_t i = 0; i < t->n; i++) {
		struct file *f = &t->files[i];

		if (!may_concern(f, ev))
			continue;
		if (lost) {
			f->wd = -1;
			f->watch_lost = f->job;
			look(t, f);
		} else if (name && strcmp(strrchr(f->conf->path, '/') + 1, name) == 0) {
			look(t, f);
		}
	}
}

static int on_inotify(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t at = 0;

	(void)s, (void)revents;
	while (n > 0 && at + sizeof(struct inotify_event) <= (size_t)n) {
		const struct inotify_event *ev = (const struct inotify_event *)(buf + at);

		at += sizeof(*ev) + ev->len;
		if (at > (size_t)n)
			break;
		on_event(user, ev, ev->len ? ev->name : NULL);
	}
	return 0;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

/* 0 or errno. */
static int make_file(const struct conf_track_file *c)
{
	const int how =
		O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (c->init_overwrite ? O_TRUNC : O_EXCL);
	_cleanup_(close_fdp) int fd = open(c->path, how, 0644);
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", c->init_value);

	if (fd < 0)
		return errno == EEXIST && !c->init_overwrite ? 0 : errno;
	return write(fd, text, (size_t)len) == len ? 0 : errno ?: ENOSPC;
}

/* A process, not a thread: it keeps the rights that we are about to drop, and a thread that hangs would have to be
 * asked before we can drop them. */
static pid_t make_in_child(const struct conf_track_file *c)
{
	const struct sched_param ordinary = { 0 };
	const pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
	(void)close_range(STDERR_FILENO + 1, ~0u, 0);
	_exit(getppid() == parent ? make_file(c) : 0);
}

static void init_file(struct track_files *t, struct file *f, const struct conf_track_file *conf)
{
	*f = (struct file){ .conf = conf, .id = t->next_id++, .wd = -1 };
	snprintf(f->reason, sizeof(f->reason), "has not been read yet");
}

static const struct file *same_file(const struct track_files *t, const struct conf_track_file *conf)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->files[i].conf->name, conf->name) == 0 && strcmp(t->files[i].conf->path, conf->path) == 0)
			return &t->files[i];
	return NULL;
}

int track_files_prepare(struct track_files *t, const struct conf *conf)
{
	t->next = calloc(conf->n_track_files + 1, sizeof(*t->next));
	t->next_conf = conf;
	return t->next ? 0 : -ENOMEM;
}

void track_files_call_off(struct track_files *t)
{
	free(t->next);
	t->next = NULL;
	t->next_conf = NULL;
}

void track_files_exchange(struct track_files *t)
{
	const struct conf *conf = TAKE_PTR(t->next_conf);
	struct file *fresh = TAKE_PTR(t->next);

	for (size_t i = 0; i < conf->n_track_files; i++) {
		const struct file *before = same_file(t, &conf->track_files[i]);

		if (before)
			fresh[i] = *before;
		else
			init_file(t, &fresh[i], &conf->track_files[i]);
		fresh[i].fresh = !before || before->fresh;
	}
	/* Watches that nobody needs any more stay: their events mean nothing. */
	for (size_t i = 0; i < t->n; i++) {
		bool kept = false;

		for (size_t k = 0; k < conf->n_track_files; k++)
			kept |= fresh[k].id == t->files[i].id;
		if (!kept) {
			complain(&t->files[i], false);
			end_hang(&t->files[i]);
		}
	}
	free(t->files);
	t->files = fresh;
	t->n = conf->n_track_files;
	for (size_t i = 0; i < t->n; i++) {
		t->files[i].conf = &conf->track_files[i];
		if (!t->files[i].known)
			look(t, &t->files[i]);
	}
}

static int first_look(struct track_files *t, const struct conf *conf, const pid_t *makers)
{
	t->files = calloc(conf->n_track_files + 1, sizeof(*t->files));
	if (!t->files)
		return -ENOMEM;
	t->n = conf->n_track_files;
	t->starting = true;
	for (size_t i = 0; i < t->n; i++) {
		init_file(t, &t->files[i], &conf->track_files[i]);
		t->files[i].maker = makers ? makers[i] : 0;
		look(t, &t->files[i]);
		if (!t->files[i].job)
			return -ENOMEM;
	}
	worker_wait(t->worker, START_MAX_US);
	t->starting = false;
	return 0;
}

pid_t *track_files_make(const struct conf *conf)
{
	pid_t *makers = calloc(conf->n_track_files + 1, sizeof(*makers));

	for (size_t i = 0; i < conf->n_track_files; i++) {
		const struct conf_track_file *c = &conf->track_files[i];
		pid_t pid = c->init && makers ? make_in_child(c) : 0;

		if (c->init && pid <= 0)
			log_error("track_file %s: init_file cannot make %s: %s", c->name, c->path, strerror(errno));
		else if (c->init)
			makers[i] = pid;
	}
	return makers;
}

int track_files_new(sd_event *loop, struct worker *worker, const struct conf *conf, pid_t *makers,
		    void (*changed)(void *user), void *user, struct track_files **ret)
{
	_cleanup_(freep) pid_t *taken = makers;
	struct track_files *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct track_files){ .worker = worker, .changed = changed, .user = user, .next_id = 1 };
	t->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r = t->inotify < 0 ? -errno : 0;
	if (r >= 0)
		r = loop_io(loop, &t->io, t->inotify, EPOLLIN, LOOP_RANK_NORMAL, on_inotify, t);
	if (r >= 0)
		r = loop_timer_init(&t->retry, loop, LOOP_RANK_BACKGROUND, 100000, retry, t);
	if (r >= 0)
		r = first_look(t, conf, taken);
	if (r < 0)
		t = track_files_free(t);
	*ret = t;
	return r;
}

struct track_files *track_files_free(struct track_files *t)
{
	if (!t)
		return NULL;
	loop_timer_done(&t->retry);
	t->io = sd_event_source_disable_unref(t->io);
	close_fd(t->inotify);
	track_files_call_off(t);
	free(t->files);
	free(t);
	return NULL;
}

/* --- what hangs -------------------------------------------------------------------------------------------------- */

/* Until it is read, its last number counts, if there is one. */
static void tell_hang(struct track_files *t, struct file *f, uint64_t now_us)
{
	const bool runs = worker_since_us(t->worker, &f->job->head) != 0;
	char number[32] = "it is not known";

	if (f->known)
		snprintf(number, sizeof(number), "%d counts", f->value);
	f->hangs = true;
	alarm_raise("track_file_hangs", f->conf->name, "track_file %s: reading %s has %s %.0f s (%s); %s meanwhile",
		    f->conf->name, f->conf->path, runs ? "taken" : "waited", (double)(now_us - f->asked_us) / 1e6,
		    runs ? "does a disk or file server hang?" : "for other files that hang", number);
}

void track_files_look(struct track_files *t, uint64_t now_us)
{
	for (size_t i = 0; i < t->n; i++) {
		struct file *f = &t->files[i];

		if (f->job && now_us > f->asked_us + HANGS_US)
			tell_hang(t, f, now_us);
		else
			end_hang(f);
	}
}

/* --- what it tells ----------------------------------------------------------------------------------------------- */

struct track_file_state track_files_state(const struct track_files *t, size_t index)
{
	const struct file *f = &t->files[index];

	return (struct track_file_state){
		.known = f->known, .fresh = f->fresh, .value = f->value, .reason = f->reason
	};
}

void track_files_status(const struct track_files *t, json_t *all)
{
	const uint64_t now_us = loop_now_us();

	for (size_t i = 0; i < t->n; i++) {
		const struct file *f = &t->files[i];

		json_array_append_new(
			all, json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:I}", "name",
				       json_text(f->conf->name), "kind", "file", "state", f->known ? "read" : "pending",
				       "reason", json_text(f->reason), "path", json_text(f->conf->path), "number",
				       f->known ? json_integer(f->value) : json_null(), "changed_ago_s",
				       f->changed_us ? json_real((double)(now_us - f->changed_us) / 1e6) : json_null(),
				       "watched", f->wd >= 0, "reads", (json_int_t)f->reads));
	}
}
