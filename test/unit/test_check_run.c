/* SPDX-License-Identifier: Apache-2.0 */
/* What the runner of checks watches, on a real loop with a check that does what the test says. */
#include "test/unit/unit.h"

#include "agent/check_run.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { S = 1000000 };

/* The check: what its next step answers, and what the last one was told. */
static struct {
	struct check_io io[2];
	size_t n_io;
	bool same_fds, by_time;
	uint64_t wake_us, early_us;
	unsigned steps;
	struct check_step told;
	uint32_t ready[4]; /* of the first descriptor, step by step */
} check;

static sd_event *loop;
static struct check_run run;

static int check_init(void *state, const void *conf, struct check_report *report)
{
	(void)state, (void)conf, (void)report;
	return 0;
}

static void check_reconf(void *state, const void *conf)
{
	(void)state, (void)conf;
}

static void check_step(void *state, struct check_step *s)
{
	(void)state;
	check.ready[check.steps++ % ELEMENTSOF(check.ready)] = s->io[0].ready;
	check.told = *s;
	memcpy(s->io, check.io, sizeof(check.io));
	s->n_io = check.n_io;
	s->same_fds = check.same_fds;
	s->by_time = check.by_time;
	s->wake_us = check.wake_us;
	s->early_us = check.early_us;
}

static void check_done(void *state)
{
	(void)state;
}

static const struct check_type type = {
	.name = "test",
	.state_size = 1,
	.init = check_init,
	.reconf = check_reconf,
	.step = check_step,
	.done = check_done,
};

static void stepped(void *user, bool health_changed)
{
	(void)user, (void)health_changed;
}

static int set_up(void **state)
{
	(void)state;
	memset(&check, 0, sizeof(check));
	check.wake_us = UINT64_MAX;
	memset(&run, 0, sizeof(run));
	if (sd_event_new(&loop) < 0)
		return -1;
	return check_run_init(&run, loop, "test", &type, NULL, 1, 1, LOOP_RANK_NORMAL, stepped, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	check_run_done(&run);
	loop = sd_event_unref(loop);
	return 0;
}

/* The next step is asked to watch these. */
static void answer(bool same_fds, int fd, uint32_t events)
{
	check.io[0] = (struct check_io){ .fd = fd, .events = events };
	check.n_io = 1;
	check.same_fds = same_fds;
}

static void wait_step(void)
{
	const uint64_t until_us = loop_now_us() + 10 * S;
	const unsigned before = check.steps;

	while (check.steps == before) {
		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(loop, S) >= 0);
	}
}

static void step_now(void)
{
	check_run_start(&run);
	wait_step();
}

static void assert_seen(int fd, uint32_t ready)
{
	wait_step();
	for (size_t i = 0; i < check.told.n_io; i++)
		if (check.told.io[i].fd == fd) {
			assert_int_equal(check.told.io[i].ready, ready);
			return;
		}
	fail_msg("descriptor %d was not watched", fd);
}

/* What has happened is ready at once: no need to wait for what must not come. */
static void assert_not_seen(void)
{
	const unsigned before = check.steps;

	for (unsigned i = 0; i < 10; i++)
		assert_true(sd_event_run(loop, 0) >= 0);
	assert_int_equal(check.steps, before);
}

/* A pipe with something to read, the reading end under the number `at` unless that is -1. Returns the reading end. */
static int full_pipe(int at)
{
	int fds[2], fd;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	close(fds[1]);
	if (at < 0)
		return fds[0];
	fd = dup3(fds[0], at, O_CLOEXEC); /* what was there is closed */
	assert_int_equal(fd, at);
	close(fds[0]);
	return fd;
}

static void unchanged_descriptor_stays_watched(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	answer(false, fds[0], EPOLLIN);
	step_now();
	answer(true, fds[0], EPOLLIN);
	step_now();
	assert_not_seen();
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_seen(fds[0], EPOLLIN);
	assert_seen(fds[0], EPOLLIN); /* it is still there to be read */
	close(fds[0]);
	close(fds[1]);
}

static void descriptor_under_the_number_of_another_is_watched(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	answer(false, fds[0], EPOLLIN);
	step_now();
	full_pipe(fds[0]);
	answer(false, fds[0], EPOLLIN);
	step_now();
	assert_seen(fds[0], EPOLLIN | EPOLLHUP);
	close(fds[0]);
	close(fds[1]);
}

/* The saving: what the check calls the same costs no system call, so it has to be true. */
static void check_is_believed_that_no_descriptor_is_new(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	answer(false, fds[0], EPOLLIN);
	step_now();
	full_pipe(fds[0]);
	answer(true, fds[0], EPOLLIN);
	step_now();
	assert_not_seen();
	close(fds[0]);
	close(fds[1]);
}

static void new_descriptor_is_watched_beside_a_kept_one(void **state)
{
	int kept[2], fresh = full_pipe(-1);

	(void)state;
	assert_int_equal(pipe2(kept, O_CLOEXEC), 0);
	answer(false, kept[0], EPOLLIN);
	step_now();
	answer(true, kept[0], EPOLLIN); /* open since long, and not listed before */
	check.io[check.n_io++] = (struct check_io){ .fd = fresh, .events = EPOLLIN };
	step_now();
	assert_seen(fresh, EPOLLIN | EPOLLHUP);
	assert_int_equal(check.told.io[0].ready, 0);
	assert_int_equal(write(kept[1], "x", 1), 1);
	assert_seen(kept[0], EPOLLIN);
	close(kept[0]);
	close(kept[1]);
	close(fresh);
}

static void descriptor_that_is_not_listed_any_more_is_not_watched(void **state)
{
	int fd, other[2];

	(void)state;
	assert_int_equal(pipe2(other, O_CLOEXEC), 0);
	fd = full_pipe(-1);
	answer(false, fd, EPOLLIN);
	step_now();
	assert_seen(fd, EPOLLIN | EPOLLHUP);
	answer(true, other[0], EPOLLIN);
	step_now();
	assert_not_seen();
	answer(true, fd, EPOLLIN); /* listed anew */
	step_now();
	assert_seen(fd, EPOLLIN | EPOLLHUP);
	check.n_io = 0;
	step_now();
	assert_not_seen();
	close(fd);
	close(other[0]);
	close(other[1]);
}

static void other_events_of_the_same_descriptor_are_waited_for(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	answer(false, fds[0], EPOLLRDHUP);
	step_now();
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_not_seen();
	answer(true, fds[0], EPOLLOUT);
	step_now();
	assert_seen(fds[0], EPOLLOUT);
	answer(true, fds[0], EPOLLIN);
	step_now();
	assert_seen(fds[0], EPOLLIN);
	answer(true, fds[0], EPOLLRDHUP);
	step_now();
	assert_not_seen();
	close(fds[0]);
	close(fds[1]);
}

/* The kernel may lack memory for a moment. Here it refuses a plain file. */
static void descriptor_that_could_not_be_watched_is_tried_again(void **state)
{
	int fds[2], refused = memfd_create("refused", MFD_CLOEXEC);

	(void)state;
	assert_true(refused >= 0);
	answer(false, refused, EPOLLIN);
	step_now();
	assert_not_seen();
	full_pipe(refused);
	answer(true, refused, EPOLLIN);
	step_now();
	assert_seen(refused, EPOLLIN | EPOLLHUP);
	/* and from then on it is not touched again */
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(dup3(fds[0], refused, O_CLOEXEC), refused);
	step_now();
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_not_seen();
	close(refused);
	close(fds[0]);
	close(fds[1]);
}

/* The next step comes before the loop has asked for descriptors: the other end of this one has something. */
static int fill_and_wait_for_an_early_step(bool by_time)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	answer(false, fds[0], EPOLLIN);
	check.by_time = by_time;
	check.wake_us = loop_now_us() + 3600ull * S;
	check.early_us = 3600ull * S;
	step_now();
	check.wake_us = UINT64_MAX;
	check.early_us = 0;
	assert_int_equal(write(fds[1], "x", 1), 1);
	close(fds[1]);
	return fds[0];
}

static void check_that_goes_by_time_is_not_told_of_descriptors_then(void **state)
{
	int fd = fill_and_wait_for_an_early_step(true);

	(void)state;
	check.by_time = false;
	while (check.steps < 3)
		wait_step();
	assert_int_equal(check.ready[1], 0);
	assert_int_equal(check.ready[2], EPOLLIN | EPOLLHUP); /* but right afterwards */
	close(fd);
}

static void other_checks_are_told_of_descriptors_whenever_they_are_called(void **state)
{
	int fd = fill_and_wait_for_an_early_step(false);

	(void)state;
	wait_step();
	assert_int_equal(check.ready[1], EPOLLIN | EPOLLHUP);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unchanged_descriptor_stays_watched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptor_under_the_number_of_another_is_watched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(check_is_believed_that_no_descriptor_is_new, set_up, tear_down),
		cmocka_unit_test_setup_teardown(new_descriptor_is_watched_beside_a_kept_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptor_that_is_not_listed_any_more_is_not_watched, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(other_events_of_the_same_descriptor_are_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptor_that_could_not_be_watched_is_tried_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(check_that_goes_by_time_is_not_told_of_descriptors_then, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(other_checks_are_told_of_descriptors_whenever_they_are_called, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
