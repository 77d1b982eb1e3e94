/* SPDX-License-Identifier: Apache-2.0 */
/* The decision journal: every transition, refusal, hold, hook outcome, address put back, rival and alarm, with its
 * cause, the evidence for it, and its time by both clocks. Readable after the fact, also after a restart: the last
 * JOURNAL_KEPT events in memory, more in the state directory (JOURNAL_FILE and JOURNAL_FILE.1, one JSON object a line).
 *
 * One for the process, as the log is: every part writes to it. Only the loop's thread may; writing costs some
 * microseconds and waits for nothing. Before journal_open(), and without a store, events are kept in memory only.
 *
 * What belongs here: whatever somebody will ask for who wants to know why a VIP moved, or did not. Not packets, not
 * probes, not what repeats: callers limit rates as they do for the log. */
#pragma once

#include "agent/base/addr.h"

#include <jansson.h>
#include <stddef.h>

struct store;

#define JOURNAL_FILE          "journal.jsonl"
#define JOURNAL_OBSERVED_FILE "observed.jsonl" /* of observe mode, which may run beside another agent */

enum {
	JOURNAL_KEPT = 2048,
	JOURNAL_FILE_MAX = 1 << 20, /* bytes; two files of it */
	JOURNAL_PAGE = 64,          /* events in one answer: the making of it must not delay an advert */
	JOURNAL_NAME_MAX = 64,
	JOURNAL_TEXT_MAX = 320,
	JOURNAL_WORD_MAX = 16,
};

enum journal_kind {
	JOURNAL_AGENT,      /* start, stop, reload */
	JOURNAL_TRANSITION, /* from one state to another */
	JOURNAL_FAULT,      /* a fault came or went without a transition */
	JOURNAL_PRIORITY,
	JOURNAL_RIVAL,   /* another master was heard that has to yield to us */
	JOURNAL_ADDRESS, /* added, removed, lost, put back, refused by the kernel */
	JOURNAL_REFUSED, /* packets, for one reason */
	JOURNAL_CHECK,   /* a verdict, or up and down */
	JOURNAL_HOOK,    /* a program's outcome, or that it was not run */
	JOURNAL_ORDER,   /* an operator's command */
	JOURNAL_WOULD,   /* what would have happened but for maintenance or observe mode */
	JOURNAL_ALARM,   /* raised or over */
	_JOURNAL_KIND_MAX_,
};

const char *journal_kind_name(enum journal_kind kind);

/* What goes with an event; everything but `kind` may be left out. All is copied. */
struct journal_note {
	enum journal_kind kind;
	const char *instance; /* or the check's name */
	const char *from, *to;
	struct ip_addr peer;
	int peer_priority; /* -1 or 0: none was heard */
	int priority;      /* ours; 0: does not matter */
	const char *mysql; /* verdict */
	uint64_t down_us, skew_us;
};

/* The format string is the cause, in the words of the log. */
void journal_write(const struct journal_note *note, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, and a line in the log. */
void journal_log(int level, const struct journal_note *note, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads back what earlier runs left in `file` (and FILE.1), and writes to it from now on. `store` is borrowed until
 * journal_close(); NULL: memory only. Lines that are no events are skipped. */
void journal_open(struct store *store, const char *file);
void journal_close(void);

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct journal_entry {
	uint64_t seq;     /* from 1 on, one more for each event, also over restarts */
	uint64_t wall_us; /* since 1970 */
	uint64_t mono_us; /* CLOCK_MONOTONIC of its boot */
	uint64_t down_us, skew_us;
	enum journal_kind kind;
	int16_t peer_priority, priority;
	char instance[JOURNAL_NAME_MAX];
	char from[JOURNAL_WORD_MAX], to[JOURNAL_WORD_MAX], mysql[JOURNAL_WORD_MAX];
	char peer[IP_STR_MAX];
	char text[JOURNAL_TEXT_MAX]; /* last: a short text is a short copy */
};

/* The newest event of this instance (NULL: any) for which `kinds` has the bit 1 << kind; NULL if there is none. Valid
 * until the next event. */
const struct journal_entry *journal_last(const char *instance, unsigned kinds);

/* As JSON, a new reference; and back: false if the text is no event. */
json_t *journal_entry_json(const struct journal_entry *e);
bool journal_entry_parse(const char *line, size_t len, struct journal_entry *ret);

/* The control command "events": {"n", "instance", "kind", "since_us", "after", "before"}, all optional. The newest `n`
 * (at most JOURNAL_PAGE) that match, the oldest first: {"events": [...], "more": whether older ones may match, "last":
 * the newest number given so far}. NULL and `*error` if an argument is wrong. */
json_t *journal_answer(const json_t *request, const char **error);
