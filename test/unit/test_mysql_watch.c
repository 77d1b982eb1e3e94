/* SPDX-License-Identifier: Apache-2.0 */
/* The watch on mysqld's process, with a process of our own whose threads end when they are told to. */
#include "test/unit/unit.h"

#include "checks/mysql_watch.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_THREADS = 4, PATIENCE_MS = 10000 };

/* Shared with the process. A thread ends when there is something to read in its pipe. */
static struct {
	atomic_int tid[N_THREADS];
} * crowd;
static int pipes[N_THREADS][2];

static void *thread_main(void *arg)
{
	const size_t i = (size_t)(uintptr_t)arg;
	struct pollfd pfd = { .fd = pipes[i][0], .events = POLLIN };

	atomic_store(&crowd->tid[i], gettid());
	while (poll(&pfd, 1, -1) < 0)
		;
	return NULL;
}

static pid_t start_crowd(void)
{
	pid_t pid;

	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(crowd != MAP_FAILED);
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0; i < N_THREADS; i++) {
			pthread_t t;

			if (pthread_create(&t, NULL, thread_main, (void *)(uintptr_t)i) != 0)
				_exit(1);
		}
		for (;;)
			pause();
	}
	for (size_t i = 0; i < N_THREADS; i++)
		for (int ms = 0; atomic_load(&crowd->tid[i]) == 0; ms++) {
			assert_true(ms < PATIENCE_MS);
			poll(NULL, 0, 1);
		}
	return pid;
}

static void end_crowd(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (size_t i = 0; i < N_THREADS; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	munmap(crowd, sizeof(*crowd));
}

static void end_thread(int tid)
{
	for (size_t i = 0; i < N_THREADS; i++)
		if (atomic_load(&crowd->tid[i]) == tid)
			assert_int_equal(write(pipes[i][1], "x", 1), 1);
}

static bool is_same_file(int a, int b)
{
	return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b) == 0;
}

/* Its pidfd gets the number of the one that was closed: who keeps an epoll set has to be told. */
static void next_thread_takes_the_place_of_one_that_ended_and_counts_as_opened(void **state)
{
	const pid_t pid = start_crowd();
	struct check_io io[WATCH_THREADS + 1];
	struct probe_proc proc;
	struct watch w;
	unsigned opened;
	int fd, ended;

	(void)state;
	watch_init(&w);
	watch_start(&w, pid, true, 0);
	if (strncmp(w.how, "/proc every 10 ms: this kernel", 30) != 0) { /* else it is an older one */
		assert_string_equal(w.how, "thread pidfd");
		assert_int_equal(watch_io(&w, io), WATCH_THREADS + 1);
		opened = w.opened;
		fd = w.threads[0].fd;
		ended = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		end_thread(w.threads[0].tid);
		assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, PATIENCE_MS), 1);
		for (size_t i = 0; i < WATCH_THREADS + 1; i++)
			io[i].ready = io[i].fd == fd ? EPOLLIN : 0;
		assert_false(watch_step(&w, io, WATCH_THREADS + 1, 0, &proc));
		assert_int_equal(watch_io(&w, io), WATCH_THREADS + 1);
		assert_int_equal(w.threads[0].fd, fd);
		assert_false(is_same_file(fd, ended));
		assert_true(w.opened > opened);
		close(ended);
	}
	watch_stop(&w, NULL);
	end_crowd(pid);
}

static void stat_line_is_read_with_care(void **state)
{
	static const char rest[] =
		" 1 2 3 0 -1 %u 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 %u 32 33";
	char line[256], tail[192];
	struct probe_proc proc = { 0 };

	(void)state;
	snprintf(tail, sizeof(tail), rest, 0x400040u, 0u);
	snprintf(line, sizeof(line), "4711 (evil) Z (x) S%s", tail);
	assert_true(watch_parse_stat(line, &proc));
	assert_int_equal(proc.state, 'S');
	assert_false(proc.dying);
	snprintf(tail, sizeof(tail), rest, 0x400044u, 0u); /* exiting */
	snprintf(line, sizeof(line), "4711 (mysqld) S%s", tail);
	assert_true(watch_parse_stat(line, &proc) && proc.dying);
	snprintf(tail, sizeof(tail), rest, 0x400040u, 1u << 8); /* SIGKILL pending */
	snprintf(line, sizeof(line), "4711 (mysqld) R%s", tail);
	assert_true(watch_parse_stat(line, &proc) && proc.dying);
	snprintf(line, sizeof(line), "4711 (mysqld) Z%s", tail);
	assert_true(watch_parse_stat(line, &proc) && proc.dying);
	assert_false(watch_parse_stat("", &proc));
	assert_false(watch_parse_stat("4711 (mysqld)", &proc));
	assert_false(watch_parse_stat("4711 (mysqld) ", &proc));
	assert_false(watch_parse_stat("4711 (mysqld) S 1 2 3", &proc));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_thread_takes_the_place_of_one_that_ended_and_counts_as_opened),
		cmocka_unit_test(stat_line_is_read_with_care),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
