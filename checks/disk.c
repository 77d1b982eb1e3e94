/* SPDX-License-Identifier: Apache-2.0 */
/* One thread for one question. It shares nothing with whoever asks but a pipe, so that it may be left behind. What the
 * answers are good for is not known here. */
#include "checks/disk.h"

#include "agent/base/cleanup.h"
#include "agent/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct question {
	int (*look)(const char *path);
	int fd; /* where the answer goes */
	char path[];
};

static int read_pid(const char *path)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char text[16];
	ssize_t n = -1;
	int pid;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	pid = atoi(text);
	return pid > 0 ? pid : 0;
}

static int is_missing(const char *path)
{
	return access(path, F_OK) < 0 && errno == ENOENT;
}

static void *work(void *user)
{
	struct question *q = user;
	const int answer = q->look(q->path);

	(void)!write(q->fd, &answer, sizeof(answer)); /* nobody may be listening any more */
	close(q->fd);
	free(q);
	return NULL;
}

static int start_thread(struct question *q)
{
	pthread_t thread;
	const int r = thread_start(&thread, NULL, work, q);

	if (r == 0)
		pthread_detach(thread);
	return r;
}

static int ask(int (*look)(const char *path), const char *path)
{
	const size_t size = strlen(path) + 1;
	struct question *q = malloc(sizeof(*q) + size);
	int fds[2], r;

	if (!q)
		return -ENOMEM;
	q->look = look;
	memcpy(q->path, path, size);
	r = pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
	if (r == 0) {
		q->fd = fds[1];
		r = start_thread(q);
		if (r == 0)
			return fds[0];
		close(fds[0]);
		close(fds[1]);
	}
	free(q);
	return r;
}

int disk_ask_pid(const char *path)
{
	return ask(read_pid, path);
}

int disk_ask_missing(const char *path)
{
	return ask(is_missing, path);
}

bool disk_answer(int fd, int *ret)
{
	int answer = 0;
	const ssize_t n = read(fd, &answer, sizeof(answer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	*ret = n == (ssize_t)sizeof(answer) ? answer : 0;
	return true;
}
