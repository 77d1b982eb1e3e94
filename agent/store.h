/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: what must survive a restart. Everything is read at the start, before the loop runs; everything
 * is written by a thread of its own, so that neither a slow nor a full disk delays an advert. Trouble with the disk is
 * a complaint (in the log, and in store_status()), never a failure: what cannot be written is still known here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_ERROR_MAX = 192, STORE_WAITING_MAX = 4 << 20 };

struct store;

/* Opens the directory, made with mode 0750 if it is missing, and starts the thread. A directory that cannot be opened
 * is complained about and tried again with each write. 0, or -ENOMEM, -EAGAIN. */
int store_open(const char *path, struct store **ret);
/* Writes what waits, for at most `timeout_us`. A thread that hangs in the disk is left behind. Returns NULL. */
struct store *store_close(struct store *s, uint64_t timeout_us);

/* Reads at most the last `max` bytes of a regular file; for the start. Allocated, with a NUL behind. 0 or -errno. */
int store_read(const struct store *s, const char *name, size_t max, char **ret, size_t *ret_len);

/* Makes a line (allocated, its newline included, the length in `*len`) of what was handed in; NULL without memory. Runs
 * in the thread, so that the loop need not wait for the making. */
typedef char *(*store_line_fn)(const void *data, size_t *len);
/* Adds one line to a file; `data` is copied. A file that would grow beyond `max` bytes becomes NAME.1 first, in place
 * of an older one. Lines that cannot be written, or wait in too great a number, are counted as lost. */
void store_append(struct store *s, const char *name, const void *data, size_t len, store_line_fn line, size_t max);
/* Replaces a small file as a whole: after a crash it is the old or the new one. Tried again until it is written. */
void store_replace(struct store *s, const char *name, const char *text, size_t len);

/* Goes over to another directory after what waits; it is used, or complained about, as by store_open(). `file`, which
 * has to be replaced next, is removed from the directory before once it is in this one: nothing that has passed must be
 * in force again for whoever goes back. NULL: all stays there. False if the store is there already. */
bool store_move(struct store *s, const char *path, const char *file);

struct store_status {
	uint64_t written, lost; /* lines, files */
	size_t waiting;
	bool unsaved;                /* a file to be replaced has not been */
	bool failed;                 /* … and not for want of trying: `error` tells why */
	char error[STORE_ERROR_MAX]; /* what is wrong now; empty if nothing is */
};
void store_status(struct store *s, struct store_status *ret);
