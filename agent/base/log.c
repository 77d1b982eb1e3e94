/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to stderr or the journal. After log_start() callers only copy a line into a ring; one thread writes, from the
 * ring, where a line keeps its place until it is out. What the lines say, and how often, is the caller's business. */
#include "agent/base/log.h"

#include "agent/base/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

/* Eight lines for each of 255 instances at once. What is never needed of that is never touched, see release(). */
enum { LINE_MAX_LEN = 1024, RING_LINES = 2048, NAME_MAX_LEN = 64 };

struct line {
	int level;
	bool worded;       /* no word for the level in front */
	struct timeval at; /* wall clock: for people */
	char instance[NAME_MAX_LEN];
	char text[LINE_MAX_LEN]; /* last, so that a short line is a short copy */
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
	size_t head, used; /* the first one used is the thread's, which reads it without the lock */
	uint64_t lost;
} sink = { .level = LOG_INFO };

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
	len = snprintf(buf + n, sizeof(buf) - n, "%s%s%s%s\n", l->worded ? "" : level_word(l->level), l->instance, sep,
		       l->text);
	if (len > 0) {
		ssize_t written = write(STDERR_FILENO, buf, n + (size_t)len);

		(void)written; /* nowhere left to complain */
	}
}

static void write_lost(uint64_t lost)
{
	struct line l = { .level = LOG_WARNING };

	gettimeofday(&l.at, NULL);
	snprintf(l.text, sizeof(l.text), "%" PRIu64 " log lines were lost: the log could not be written fast enough",
		 lost);
	write_line(&l);
}

/* The first line is out. Starting over at each empty ring keeps to the memory that the longest queue needed. */
static void release(void)
{
	sink.head = --sink.used ? (sink.head + 1) % RING_LINES : 0;
	if (sink.used == 0)
		pthread_cond_signal(&sink.drained);
}

static void *writer(void *arg)
{
	pthread_mutex_lock(&sink.lock);
	for (;;) {
		uint64_t lost;

		while (sink.used == 0 && !sink.stopping)
			pthread_cond_wait(&sink.filled, &sink.lock);
		if (sink.used == 0)
			break;
		pthread_mutex_unlock(&sink.lock);
		write_line(&sink.ring[sink.head]);
		pthread_mutex_lock(&sink.lock);
		lost = sink.used == 1 ? sink.lost : 0;
		if (lost) {
			sink.lost = 0;
			pthread_mutex_unlock(&sink.lock);
			write_lost(lost);
			pthread_mutex_lock(&sink.lock);
		}
		release();
	}
	pthread_mutex_unlock(&sink.lock);
	return arg;
}

/* Once and for good: a thread that log_stop() left behind may still use them. */
static void make_locks(void)
{
	thread_lock_init(&sink.lock);
	thread_cond_init(&sink.drained);
	thread_cond_init(&sink.filled);
}

int log_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int r;

	pthread_once(&once, make_locks);
	sink.stopping = false;
	r = thread_start(&sink.thread, NULL, writer, NULL);
	sink.running = r == 0;
	return r;
}

void log_stop(uint64_t timeout_us)
{
	const struct timespec until = thread_time_in(timeout_us);
	bool clean;

	if (!sink.running)
		return;
	pthread_mutex_lock(&sink.lock);
	while (sink.used > 0)
		if (pthread_cond_timedwait(&sink.drained, &sink.lock, &until) == ETIMEDOUT)
			break;
	clean = sink.used == 0;
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
	size_t size = offsetof(struct line, text) + strlen(l->text) + 1;

	pthread_mutex_lock(&sink.lock);
	if (sink.used < RING_LINES) {
		memcpy(&sink.ring[(sink.head + sink.used) % RING_LINES], l, size);
		sink.used++;
		pthread_cond_signal(&sink.filled);
	} else {
		sink.lost++;
	}
	pthread_mutex_unlock(&sink.lock);
}

__attribute__((format(printf, 4, 0))) static void write_text(int level, bool worded, const char *instance,
							     const char *fmt, va_list ap)
{
	struct line l;

	if (level > sink.level)
		return;
	l.level = level;
	l.worded = worded;
	gettimeofday(&l.at, NULL);
	snprintf(l.instance, sizeof(l.instance), "%s", instance ? instance : "");
	vsnprintf(l.text, sizeof(l.text), fmt, ap);
	/* Text from outside (server messages, interface names) may hold control characters. */
	for (char *p = l.text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (sink.running)
		enqueue(&l);
	else
		write_line(&l);
}

void log_write(int level, const char *instance, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_text(level, false, instance, fmt, ap);
	va_end(ap);
}

void log_worded(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_text(level, true, NULL, fmt, ap);
	va_end(ap);
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
