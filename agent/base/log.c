/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to stderr or the journal. After log_start() callers only copy a line into a ring; one thread writes. What the
 * lines say, and how often, is the caller's business. */
#include "agent/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1024, RING_LINES = 512, NAME_MAX_LEN = 64 };

struct line {
	int level;
	struct timeval at; /* wall clock: for people */
	char instance[NAME_MAX_LEN];
	char text[LINE_MAX_LEN];
};

/* The log is the one thing that is global: every part writes to it, and there is one stderr. */
static struct {
	int level;
	bool timestamps;
	bool journal;
	bool running; /* the thread is */
	bool stopping;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	struct line ring[RING_LINES];
	size_t head, used;
	bool writing; /* the thread is at a line outside the lock */
	uint64_t lost;
} sink = { .level = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER };

void log_set_level(int level)
{
	sink.level = level;
}

/* systemd tells in JOURNAL_STREAM which device and inode our stderr is, if it is the journal's. */
static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return env && sscanf(env, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

void log_set_console(bool timestamps)
{
	sink.timestamps = timestamps;
	sink.journal = !timestamps && stderr_is_journal();
}

static const char *level_word(int level)
{
	if (level <= LOG_ERR)
		return "error: ";
	return level == LOG_WARNING ? "warning: " : "";
}

static void write_line(const struct line *l)
{
	char buf[LINE_MAX_LEN + NAME_MAX_LEN + 64];
	const char *sep = l->instance[0] ? ": " : "";
	size_t n = 0;
	int len;

	if (sink.journal) {
		sd_journal_send("PRIORITY=%i", l->level, "MESSAGE=%s%s%s", l->instance, sep, l->text,
				"SYSLOG_IDENTIFIER=sqlvipd", "SQLVIP_INSTANCE=%s", l->instance, NULL);
		return;
	}
	if (sink.timestamps) {
		struct tm tm;

		localtime_r(&l->at.tv_sec, &tm);
		n = strftime(buf, sizeof(buf), "%F %T", &tm);
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, ".%06ld ", (long)l->at.tv_usec);
	}
	len = snprintf(buf + n, sizeof(buf) - n, "%s%s%s%s\n", level_word(l->level), l->instance, sep, l->text);
	if (len > 0) {
		ssize_t written = write(STDERR_FILENO, buf, n + (size_t)len);

		(void)written; /* nowhere left to complain */
	}
}

static void *writer(void *arg)
{
	pthread_mutex_lock(&sink.lock);
	for (;;) {
		static struct line l; /* this thread's alone */

		while (sink.used == 0 && !sink.stopping)
			pthread_cond_wait(&sink.filled, &sink.lock);
		if (sink.used == 0)
			break;
		l = sink.ring[sink.head];
		sink.head = (sink.head + 1) % RING_LINES;
		sink.used--;
		if (sink.lost && sink.used == 0) {
			struct line note = l;

			snprintf(note.text, sizeof(note.text),
				 "%llu log lines were lost: the log could not be written fast enough",
				 (unsigned long long)sink.lost);
			note.instance[0] = '\0';
			note.level = LOG_WARNING;
			sink.ring[(sink.head + sink.used++) % RING_LINES] = note;
			sink.lost = 0;
		}
		sink.writing = true;
		pthread_mutex_unlock(&sink.lock);
		write_line(&l);
		pthread_mutex_lock(&sink.lock);
		sink.writing = false;
		if (sink.used == 0)
			pthread_cond_signal(&sink.drained);
	}
	pthread_mutex_unlock(&sink.lock);
	return arg;
}

int log_start(void)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int r;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sink.drained, &attr);
	pthread_condattr_destroy(&attr);
	sink.stopping = false;
	/* Signals are for the loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&sink.thread, NULL, writer, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sink.running = r == 0;
	return -r;
}

void log_stop(uint64_t timeout_us)
{
	struct timespec until;
	bool clean;

	if (!sink.running)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_us / 1000000);
	until.tv_nsec += (long)(timeout_us % 1000000) * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&sink.lock);
	while (sink.used > 0 || sink.writing)
		if (pthread_cond_timedwait(&sink.drained, &sink.lock, &until) == ETIMEDOUT)
			break;
	clean = sink.used == 0 && !sink.writing;
	sink.stopping = true;
	pthread_cond_signal(&sink.filled);
	pthread_mutex_unlock(&sink.lock);
	/* A thread stuck in write() to a full pipe cannot be joined; it goes with the process. */
	if (clean)
		pthread_join(sink.thread, NULL);
	sink.running = false;
}

static void enqueue(const struct line *l)
{
	pthread_mutex_lock(&sink.lock);
	/* One slot stays for the note on lost lines. */
	if (sink.used < RING_LINES - 1) {
		sink.ring[(sink.head + sink.used) % RING_LINES] = *l;
		sink.used++;
		pthread_cond_signal(&sink.filled);
	} else {
		sink.lost++;
	}
	pthread_mutex_unlock(&sink.lock);
}

void log_write(int level, const char *instance, const char *fmt, ...)
{
	struct line l;
	va_list ap;

	if (level > sink.level)
		return;
	l.level = level;
	gettimeofday(&l.at, NULL);
	snprintf(l.instance, sizeof(l.instance), "%s", instance ? instance : "");
	va_start(ap, fmt);
	vsnprintf(l.text, sizeof(l.text), fmt, ap);
	va_end(ap);
	/* Text from outside (server messages, interface names) may hold control characters. */
	for (char *p = l.text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (sink.running)
		enqueue(&l);
	else
		write_line(&l);
}

bool log_limit_pass(struct log_limit *l, uint64_t now_us, uint64_t interval_us, uint64_t *suppressed)
{
	if (now_us < l->next_us) {
		l->suppressed++;
		return false;
	}
	*suppressed = l->suppressed;
	l->suppressed = 0;
	l->next_us = now_us + interval_us;
	return true;
}
