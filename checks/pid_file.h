/* SPDX-License-Identifier: Apache-2.0 */
/* The number in a pid file, read in a thread: it lies where mysqld's data may lie, on a disk that hangs. */
#pragma once

/* Asks for it. A descriptor that becomes readable when it is known, which may be never, or -errno. The caller may close
 * it at any time; the thread ends when the disk lets it. */
int pid_file_ask(const char *path);

/* What has come through the descriptor: above 0, or 0 if the file cannot be read or holds no such number. */
int pid_file_answer(int fd);
