/* SPDX-License-Identifier: Apache-2.0 */
/* Watches mysqld's process for its death. The end of one thread is only an occasion to look: mysqld ends threads in
 * normal work. Death is what cannot be taken back: the main thread has SIGKILL pending, or exits, or is a zombie. The
 * number of threads is no evidence, it halves whenever a crowd of clients leaves. */
#include "checks/mysql_watch.h"

#include "agent/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

enum {
	PIDFD_FOR_THREAD = O_EXCL, /* PIDFD_THREAD, which Debian 12's headers lack */
	FLAG_EXITING = 0x4,        /* PF_EXITING and */
	FLAG_SIGNALED = 0x400,     /* PF_SIGNALED of field 9 in /proc/PID/stat, see proc(5) */
	RECHECK_US = 1000,
	RECHECKS = 5,
	LIST_ENOUGH = 64,
};

/* --- /proc/PID/stat ---------------------------------------------------------------------------------------------- */

/* Skips to the n-th field after the present one; NULL if the line ends before. */
static const char *skip_fields(const char *s, unsigned n)
{
	while (s && n--) {
		s = strchr(s, ' ');
		s = s ? s + 1 : NULL;
	}
	return s;
}

bool watch_parse_stat(const char *line, struct probe_proc *ret)
{
	const char *state = strrchr(line, ')'); /* the name before it may hold anything */
	const char *flags, *pending;
	unsigned long flag_bits, pending_bits;

	if (!state || state[1] != ' ' || !state[2])
		return false;
	state += 2;                       /* field 3 */
	flags = skip_fields(state, 6);    /* field 9 */
	pending = skip_fields(state, 28); /* field 31, of the main thread */
	if (!flags || !pending)
		return false;
	flag_bits = strtoul(flags, NULL, 10);
	pending_bits = strtoul(pending, NULL, 10);
	ret->state = *state;
	ret->dying = *state == 'Z' || *state == 'X' || flag_bits & (FLAG_EXITING | FLAG_SIGNALED) ||
		     pending_bits & 1ul << (SIGKILL - 1);
	return true;
}

struct probe_proc watch_look(const struct watch *w)
{
	struct probe_proc proc = { .pid = w->pid };
	char line[1024];
	ssize_t n;

	if (w->pid == 0 || w->stat_fd < 0)
		return proc;
	n = pread(w->stat_fd, line, sizeof(line) - 1, 0);
	if (n < 0 && errno == ESRCH) {
		proc.state = 'X';
		proc.dying = true;
	} else if (n > 0) {
		line[n] = '\0';
		watch_parse_stat(line, &proc);
	}
	return proc;
}

/* --- pidfds ------------------------------------------------------------------------------------------------------ */

static int open_pidfd(struct watch *w, int id, unsigned flags)
{
	long fd = syscall(SYS_pidfd_open, id, flags);

	w->opened++;
	return fd < 0 ? -errno : (int)fd;
}

static bool is_watched(const struct watch *w, int tid)
{
	for (size_t i = 0; i < WATCH_THREADS; i++)
		if (w->threads[i].fd >= 0 && w->threads[i].tid == tid)
			return true;
	return false;
}

/* The lowest thread, after the main one, that is not watched yet and above `after`: the oldest live longest. */
static int next_thread(const struct watch *w, int after)
{
	char path[32];
	struct dirent *e;
	int best = INT_MAX, seen = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", w->pid);
	d = opendir(path);
	if (!d)
		return -errno;
	/* They come in the order of their creation, and a crowded server has thousands: the first ones will do. */
	while ((e = readdir(d)) && (best == INT_MAX || seen++ < LIST_ENOUGH)) {
		int tid = atoi(e->d_name);

		if (tid > after && tid != w->pid && tid < best && !is_watched(w, tid))
			best = tid;
	}
	closedir(d);
	return best == INT_MAX ? -ESRCH : best;
}

/* Fills the free places. 0 if at least one thread is watched, else -errno. */
static int watch_threads(struct watch *w)
{
	int after = 0, watched = 0, r = -ESRCH;

	for (size_t i = 0; i < WATCH_THREADS; i++) {
		while (w->threads[i].fd < 0) {
			int tid = next_thread(w, after);

			if (tid < 0) {
				r = watched ? 0 : tid;
				break;
			}
			after = tid;
			w->threads[i].fd = open_pidfd(w, tid, PIDFD_FOR_THREAD);
			w->threads[i].tid = tid;
			r = w->threads[i].fd;
			if (r < 0 && r != -ESRCH) /* the thread may have ended, anything else will not get better */
				return watched ? 0 : r;
		}
		watched += w->threads[i].fd >= 0;
	}
	return watched ? 0 : r;
}

/* --- life cycle -------------------------------------------------------------------------------------------------- */

void watch_init(struct watch *w)
{
	*w = (struct watch){ .stat_fd = -1, .process_fd = -1, .poll_us = UINT64_MAX };
	for (size_t i = 0; i < WATCH_THREADS; i++)
		w->threads[i].fd = -1;
	snprintf(w->how, sizeof(w->how), "closed connection: not connected yet");
}

void watch_stop(struct watch *w, const char *how)
{
	w->pid = 0;
	w->stat_fd = close_fd(w->stat_fd);
	w->process_fd = close_fd(w->process_fd);
	for (size_t i = 0; i < WATCH_THREADS; i++)
		w->threads[i].fd = close_fd(w->threads[i].fd);
	w->poll_us = UINT64_MAX;
	w->poll_period_us = 0;
	w->rechecks = 0;
	if (how)
		snprintf(w->how, sizeof(w->how), "%s", how);
}

static int open_stat(int pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The second best: read the state at a fixed pace, and in any case have the end of the process reported. */
static void watch_by_polling(struct watch *w, const char *why, uint64_t now_us)
{
	w->poll_period_us = WATCH_POLL_US;
	w->poll_us = now_us + WATCH_POLL_US;
	snprintf(w->how, sizeof(w->how), "/proc every %d ms: %s", WATCH_POLL_US / 1000, why);
}

static void watch_without_proc(struct watch *w, int stat_error)
{
	const char *why = strerror(-stat_error);

	if (w->process_fd >= 0)
		snprintf(w->how, sizeof(w->how), "process pidfd: /proc/%d/stat: %s", w->pid, why);
	else
		snprintf(w->how, sizeof(w->how), "closed connection: /proc/%d/stat: %s", w->pid, why);
}

void watch_start(struct watch *w, int pid, bool pidfds, uint64_t now_us)
{
	int r;

	/* The same process: only fill the places of threads that have ended. */
	if (w->pid == pid && !watch_look(w).dying) {
		if (w->poll_period_us == 0 && w->stat_fd >= 0)
			watch_threads(w);
		return;
	}
	watch_stop(w, NULL);
	w->pid = pid;
	w->stat_fd = open_stat(pid);
	r = pidfds ? open_pidfd(w, pid, 0) : -ENOTSUP;
	w->process_fd = r < 0 ? -1 : r;
	if (w->stat_fd < 0) {
		watch_without_proc(w, w->stat_fd);
		w->stat_fd = -1;
		if (w->process_fd < 0)
			w->pid = 0;
		return;
	}
	if (!pidfds) {
		watch_by_polling(w, "thread_watch is off", now_us);
		return;
	}
	r = watch_threads(w);
	if (r == 0)
		snprintf(w->how, sizeof(w->how), "thread pidfd");
	else if (r == -EINVAL)
		watch_by_polling(w, "this kernel has no thread pidfds (Linux 6.9)", now_us);
	else
		watch_by_polling(w, strerror(-r), now_us);
}

size_t watch_io(const struct watch *w, struct check_io *io)
{
	size_t n = 0;

	if (w->process_fd >= 0)
		io[n++] = (struct check_io){ .fd = w->process_fd, .events = EPOLLIN };
	for (size_t i = 0; i < WATCH_THREADS; i++)
		if (w->threads[i].fd >= 0)
			io[n++] = (struct check_io){ .fd = w->threads[i].fd, .events = EPOLLIN };
	return n;
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static bool is_ready(int fd, const struct check_io *io, size_t n_io)
{
	for (size_t i = 0; fd >= 0 && i < n_io; i++)
		if (io[i].fd == fd && io[i].ready)
			return true;
	return false;
}

/* Closes the pidfds of ended threads. True if there were any. */
static bool reap_threads(struct watch *w, const struct check_io *io, size_t n_io)
{
	bool any = false;

	for (size_t i = 0; i < WATCH_THREADS; i++) {
		if (!is_ready(w->threads[i].fd, io, n_io))
			continue;
		w->threads[i].fd = close_fd(w->threads[i].fd);
		any = true;
	}
	return any;
}

static void plan_next_look(struct watch *w, bool thread_ended, uint64_t now_us)
{
	if (thread_ended) {
		w->rechecks = RECHECKS;
		if (watch_threads(w) < 0)
			w->poll_period_us = WATCH_POLL_US;
	}
	if (w->rechecks > 0) {
		w->rechecks--;
		w->poll_us = now_us + RECHECK_US;
	} else {
		w->poll_us = w->poll_period_us ? now_us + w->poll_period_us : UINT64_MAX;
	}
}

bool watch_step(struct watch *w, const struct check_io *io, size_t n_io, uint64_t now_us, struct probe_proc *ret)
{
	struct probe_proc proc;
	bool thread_ended;

	if (w->pid == 0)
		return false;
	if (is_ready(w->process_fd, io, n_io)) { /* ready when the whole process is gone */
		*ret = (struct probe_proc){ .pid = w->pid, .state = 'X', .dying = true };
		return true;
	}
	thread_ended = reap_threads(w, io, n_io);
	if (!thread_ended && now_us < w->poll_us)
		return false;
	proc = watch_look(w);
	proc.by_thread = thread_ended;
	if (proc.dying) {
		*ret = proc;
		return true;
	}
	plan_next_look(w, thread_ended, now_us);
	return false;
}
