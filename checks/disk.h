/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about files of mysqld's, each answered in a thread of its own: they lie where mysqld's data may lie, on a
 * disk or a file server that hangs. */
#pragma once

#include <stdbool.h>

/* Each asks one question. A descriptor that becomes readable when the answer is known, which may be never, or -errno.
 * The caller may close it at any time; the thread ends when the disk lets it. */

/* The number in a pid file: above 0, or 0 if the file cannot be read or holds no such number. */
int disk_ask_pid(const char *path);
/* 1 if there is nothing by this name, 0 if there is, or if that cannot be told. */
int disk_ask_missing(const char *path);

/* Whether the answer has come. If so, it is in *ret, and the descriptor can be closed. Never waits. */
bool disk_answer(int fd, int *ret);
