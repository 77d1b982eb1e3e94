/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that run real programs or sockets on a real loop, with files in a directory of their own. Works on any
 * `struct fixture` with the members `sd_event *loop` and `char dir[]`; the including file names DEADLINE_US
 * and STEP_US for wait_until(). */
#pragma once

#include "agent/base/loop.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_MAX_LEN = 256 };

/* `dir` holds the template, ending in XXXXXX. Anybody may write there: scripts run as other users. */
static inline void scratch_make(char *dir)
{
	assert_non_null(mkdtemp(dir));
	assert_return_code(chmod(dir, 0777), errno);
}

static inline void scratch_remove(const char *dir)
{
	char cmd[PATH_MAX_LEN];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

/* For texts that name files: the same words in every run, and a directory of its own behind them. From
 * scratch_enter() to scratch_leave(), the fixtures of a group. */
#define FOLDER "/proc/self/fd/99"
enum { SCRATCH_FD = 99 };

static inline int scratch_enter(void **state)
{
	char dir[] = "/tmp/sqlvip-test-XXXXXX";
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_return_code(chmod(dir, 0755), errno);
	fd = open(dir, O_PATH | O_DIRECTORY);
	assert_return_code(fd, errno);
	assert_return_code(dup2(fd, SCRATCH_FD), errno); /* for the programs of system(), too */
	close(fd);
	return 0;
}

static inline int scratch_leave(void **state)
{
	char dir[64];
	ssize_t n = readlink(FOLDER, dir, sizeof(dir) - 1);

	(void)state;
	assert_return_code(n, errno);
	dir[n] = '\0';
	close(SCRATCH_FD);
	scratch_remove(dir);
	return 0;
}

/* Into FOLDER. Returns the path, until the next call. */
static inline char *put_file(const char *name, const char *text, mode_t mode)
{
	static char path[PATH_MAX_LEN];
	FILE *f;

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_return_code(chmod(path, mode), errno);
	return path;
}

static inline bool scratch_has(const char *dir, const char *name)
{
	char path[PATH_MAX_LEN];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* The text of a file that must exist, as far as it fits; returns `buf`. */
static inline const char *scratch_text(const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX_LEN];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(buf, 1, size - 1, file);
	fclose(file);
	buf[n] = '\0';
	return buf;
}

/* Descriptors of this process that are open, one for looking included. After a first run: the loop opens its timer
 * descriptor when it needs one. */
static inline unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static inline void loop_turn(sd_event *loop, uint64_t at_most_us)
{
	assert_return_code(sd_event_run(loop, at_most_us), 0);
}

/* Runs the loop until `condition` holds; fails the test at the deadline. */
#define wait_until(f, condition)                                \
	do {                                                    \
		const struct fixture *_f = (f);                 \
		uint64_t _end_us = loop_now_us() + DEADLINE_US; \
		while (!(condition)) {                          \
			assert_true(loop_now_us() < _end_us);   \
			loop_turn(_f->loop, STEP_US);           \
		}                                               \
	} while (0)
