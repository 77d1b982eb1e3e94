/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: one per event, with its cause.
 *
 * Until log_start() lines are written synchronously. Afterwards they go through a bounded ring to a writer thread,
 * so that a full pipe or a slow journal cannot delay an advertisement; lines that do not fit are counted, and the
 * count is logged. A function either logs an error or returns it, never both. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* Highest syslog level that is written; LOG_INFO at start. */
void log_set_level(int level);

/* `timestamps`: prefix each line with local time (stderr is not the journal). */
void log_set_console(bool timestamps);

/* Starts the writer thread. 0 or -errno; on failure logging stays synchronous. */
int log_start(void);

/* Writes out what is queued, waiting at most `timeout_us`, and goes back to synchronous writing. */
void log_stop(uint64_t timeout_us);

/* `instance` may be NULL; it becomes the line's prefix and, in the journal, the field SQLVIP_INSTANCE. */
void log_write(int level, const char *instance, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A line that says itself how grave it is, as a compiler's: "sqlvip.conf:12: warning: ...". */
void log_worded(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)  log_write(LOG_ERR, NULL, __VA_ARGS__)
#define log_warn(...)   log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_debug(...)  log_write(LOG_DEBUG, NULL, __VA_ARGS__)

/* A limit for one kind of message: the first passes at once, later ones at most once in `interval_us`. */
struct log_limit {
	uint64_t next_us;    /* nothing passes before; 0 at start */
	uint64_t suppressed; /* held back since the last that passed */
};

/* True if the message may be written now; `*suppressed` then tells how many were not. */
bool log_limit_pass(struct log_limit *l, uint64_t now_us, uint64_t interval_us, uint64_t *suppressed);
