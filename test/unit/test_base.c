/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/unit.h"

#include "agent/base/addr.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/base/thread.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

/* --- log --------------------------------------------------------------------------------------------------------- */

struct capture {
	int saved;
	int pipe[2];
};

static struct capture capture_stderr(void)
{
	struct capture c;

	assert_int_equal(pipe2(c.pipe, O_CLOEXEC), 0);
	c.saved = dup(STDERR_FILENO);
	assert_true(c.saved >= 0);
	assert_int_equal(dup2(c.pipe[1], STDERR_FILENO), STDERR_FILENO);
	return c;
}

/* Gives stderr back; returns what was written to it meanwhile. */
static void release_stderr(struct capture *c, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r;

	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	close(c->pipe[1]);
	while (n < size - 1 && (r = read(c->pipe[0], buf + n, size - 1 - n)) > 0)
		n += (size_t)r;
	buf[n] = '\0';
	close(c->pipe[0]);
}

static void log_line_names_level_and_instance(void **state)
{
	struct capture c = capture_stderr();
	char text[256];

	(void)state;
	log_write(LOG_WARNING, "VI_1", "the %s", "cause");
	release_stderr(&c, text, sizeof(text));
	assert_string_equal(text, "warning: VI_1: the cause\n");
}

static void log_line_that_names_its_level_itself_gets_no_second_word(void **state)
{
	struct capture c = capture_stderr();
	char text[256];

	(void)state;
	log_worded(LOG_WARNING, "f.conf:%d: warning: %s", 12, "the\ncause");
	log_worded(LOG_DEBUG, "f.conf:13: note: not at this level");
	release_stderr(&c, text, sizeof(text));
	assert_string_equal(text, "f.conf:12: warning: the?cause\n");
}

static void log_text_from_outside_cannot_forge_a_line(void **state)
{
	struct capture c = capture_stderr();
	char text[256];

	(void)state;
	log_write(LOG_NOTICE, NULL, "server says %s", "ok\nerror: all is lost\x1b[2J");
	release_stderr(&c, text, sizeof(text));
	assert_string_equal(text, "server says ok?error: all is lost?[2J\n");
}

static void log_keeps_order_through_its_thread(void **state)
{
	struct capture c = capture_stderr();
	char text[4096];

	(void)state;
	assert_int_equal(log_start(), 0);
	for (int i = 0; i < 100; i++)
		log_write(LOG_NOTICE, NULL, "%d", i);
	log_stop(1000000);
	release_stderr(&c, text, sizeof(text));
	for (int i = 0, n = 0; i < 100; i++) {
		char want[16];

		snprintf(want, sizeof(want), "%d\n", i);
		assert_memory_equal(text + n, want, strlen(want));
		n += (int)strlen(want);
	}
}

/* A reader that has gone to sleep with the pipe full must not stop the agent. */
static void log_to_a_full_pipe_does_not_block_the_caller(void **state)
{
	struct capture c = capture_stderr();
	static char text[1 << 20];
	uint64_t began_us, took_us;

	(void)state;
	assert_int_equal(log_start(), 0);
	began_us = loop_now_us();
	for (int i = 0; i < 5000; i++)
		log_write(LOG_NOTICE, NULL, "line %d: %0900d", i, 0);
	took_us = loop_now_us() - began_us;
	assert_true(took_us < 5000000);
	/* The pipe is emptied, and the lines that did not fit are accounted for. */
	for (struct pollfd p = { .fd = c.pipe[0], .events = POLLIN }; poll(&p, 1, 500) > 0;)
		if (read(c.pipe[0], text, sizeof(text)) <= 0)
			break;
	log_write(LOG_NOTICE, NULL, "after");
	log_stop(1000000);
	release_stderr(&c, text, sizeof(text));
	assert_non_null(strstr(text, "after\n"));
}

/* Reads the log until it says so. */
static void read_until(const struct capture *c, const char *what, char *buf, size_t size)
{
	uint64_t until_us = loop_now_us() + 10000000;
	size_t n = 0;

	for (buf[0] = '\0'; !strstr(buf, what);) {
		struct pollfd p = { .fd = c->pipe[0], .events = POLLIN };

		assert_true(loop_now_us() < until_us && n < size - 1);
		if (poll(&p, 1, 100) > 0)
			n += (size_t)read(c->pipe[0], buf + n, size - 1 - n);
		buf[n] = '\0';
	}
}

static void fill_pipe(const struct capture *c)
{
	int flags = fcntl(c->pipe[1], F_GETFL);
	char dots[1024];

	memset(dots, '.', sizeof(dots));
	assert_int_equal(fcntl(c->pipe[1], F_SETFL, flags | O_NONBLOCK), 0);
	while (write(c->pipe[1], dots, sizeof(dots)) > 0)
		;
	assert_int_equal(fcntl(c->pipe[1], F_SETFL, flags), 0);
}

/* Eight lines each, while nobody reads. */
static void log_keeps_what_all_instances_say_at_once(void **state)
{
	struct capture c = capture_stderr();
	_cleanup_(freep) char *text = calloc(1, 1 << 20);

	(void)state;
	fill_pipe(&c);
	assert_int_equal(log_start(), 0);
	for (int i = 0; i < 8 * 255; i++)
		log_write(LOG_NOTICE, NULL, "line %d", i);
	log_write(LOG_NOTICE, NULL, "last");
	read_until(&c, "last\n", text, 1 << 20);
	log_stop(10000000);
	for (int i = 0; i < 8 * 255; i++) {
		char want[32];

		snprintf(want, sizeof(want), "line %d\n", i);
		assert_non_null(strstr(text, want));
	}
	release_stderr(&c, text, 1 << 20);
	assert_null(strstr(text, "lost"));
}

static void log_counts_the_lines_that_did_not_fit(void **state)
{
	enum { MANY = 10000 };
	struct capture c = capture_stderr();
	_cleanup_(freep) char *text = calloc(1, 1 << 20);
	const char *end, *at;
	unsigned written = 0, lost = 0;

	(void)state;
	fill_pipe(&c);
	assert_int_equal(log_start(), 0);
	for (int i = 0; i < MANY; i++)
		log_write(LOG_NOTICE, NULL, "line %d", i);
	read_until(&c, " log lines were lost", text, 1 << 20);
	log_stop(10000000);
	end = strstr(text, " log lines were lost");
	for (at = text; (at = strstr(at, "line ")) && at < end; at++)
		written++;
	while (end[-1] >= '0' && end[-1] <= '9')
		end--;
	assert_int_equal(sscanf(end, "%u", &lost), 1);
	assert_true(written >= 2000);
	assert_int_equal(written + lost, MANY);
	release_stderr(&c, text, 1 << 20);
}

static void log_limit_passes_first_then_one_per_interval_with_count(void **state)
{
	struct log_limit l = { 0 };
	uint64_t held = 99;

	(void)state;
	assert_true(log_limit_pass(&l, 1000, 100, &held));
	assert_int_equal(held, 0);
	assert_false(log_limit_pass(&l, 1050, 100, &held));
	assert_false(log_limit_pass(&l, 1099, 100, &held));
	assert_true(log_limit_pass(&l, 1100, 100, &held));
	assert_int_equal(held, 2);
}

/* --- timers ------------------------------------------------------------------------------------------------------ */

struct ticks {
	struct loop_timer timer;
	unsigned fired;
	uint64_t due_us;
};

static void tick(void *user, uint64_t due_us)
{
	struct ticks *t = user;

	t->fired++;
	t->due_us = due_us;
}

static void run_until(sd_event *loop, uint64_t until_us)
{
	while (loop_now_us() < until_us)
		assert_true(sd_event_run(loop, until_us - loop_now_us()) >= 0);
}

static void timer_fires_once_not_early_and_knows_its_due_time(void **state)
{
	struct ticks t = { 0 };
	sd_event *loop = NULL;
	uint64_t due_us;

	(void)state;
	assert_true(sd_event_new(&loop) >= 0);
	assert_int_equal(loop_timer_init(&t.timer, loop, LOOP_RANK_NORMAL, 1, tick, &t), 0);
	assert_false(loop_timer_armed(&t.timer));
	due_us = loop_now_us() + 20000;
	loop_timer_at(&t.timer, due_us);
	assert_true(loop_timer_armed(&t.timer));
	while (t.fired == 0)
		assert_true(sd_event_run(loop, 1000000) >= 0);
	assert_true(loop_now_us() >= due_us);
	assert_int_equal(t.due_us, due_us);
	assert_false(loop_timer_armed(&t.timer));
	run_until(loop, due_us + 60000);
	assert_int_equal(t.fired, 1);
	loop_timer_done(&t.timer);
	sd_event_unref(loop);
}

static void stopped_timer_does_not_fire(void **state)
{
	struct ticks t = { 0 };
	sd_event *loop = NULL;

	(void)state;
	assert_true(sd_event_new(&loop) >= 0);
	assert_int_equal(loop_timer_init(&t.timer, loop, LOOP_RANK_NORMAL, 1, tick, &t), 0);
	loop_timer_in(&t.timer, 5000);
	loop_timer_stop(&t.timer);
	run_until(loop, loop_now_us() + 30000);
	assert_int_equal(t.fired, 0);
	loop_timer_done(&t.timer);
	sd_event_unref(loop);
}

static void never_initialised_timer_can_be_stopped_and_done(void **state)
{
	struct loop_timer t = { 0 };

	(void)state;
	loop_timer_stop(&t);
	loop_timer_done(&t);
}

/* --- addresses --------------------------------------------------------------------------------------------------- */

static void addresses_compare_unsigned_in_network_order(void **state)
{
	struct ip_addr low, high;

	(void)state;
	assert_true(ip_parse("10.255.255.255", &low));
	assert_true(ip_parse("200.0.0.1", &high));
	assert_true(ip_cmp(&low, &high) < 0);
	assert_true(ip_equal(&low, &low));
}

static void names_are_no_addresses(void **state)
{
	struct ip_addr a;

	(void)state;
	assert_false(ip_parse("localhost", &a));
	assert_false(ip_parse("10.0.0", &a));
	assert_false(ip_parse("10.0.0.1 ", &a));
	assert_false(ip_parse("", &a));
}

/* --- many timers behind one ----------------------------------------------------------------------------------------
 */

enum { CROWD = 200 };

struct crowd {
	struct loop_timer timer[CROWD];
	uint64_t last_due_us;
	unsigned fired;
	bool ordered;
};

static void crowd_tick(void *user, uint64_t due_us)
{
	struct crowd *c = user;

	c->ordered &= due_us >= c->last_due_us;
	c->last_due_us = due_us;
	c->fired++;
}

static void run_loop_until(sd_event *loop, uint64_t until_us)
{
	while (loop_now_us() < until_us)
		assert_true(sd_event_run(loop, 1000) >= 0);
}

static void timers_of_a_clock_fire_in_the_order_of_their_times(void **state)
{
	struct crowd c = { .ordered = true };
	struct loop_clock *clock;
	sd_event *loop = NULL;
	uint64_t now_us;
	unsigned stopped = 0;

	(void)state;
	assert_true(sd_event_new(&loop) >= 0);
	assert_int_equal(loop_clock_new(loop, LOOP_RANK_ADVERT, 1, &clock), 0);
	now_us = loop_now_us();
	for (unsigned i = 0; i < CROWD; i++) {
		loop_timer_init_on(&c.timer[i], clock, crowd_tick, &c);
		assert_false(loop_timer_armed(&c.timer[i]));
		loop_timer_at(&c.timer[i], now_us + 50000 + i * 7919 % CROWD * 10);
	}
	for (unsigned i = 0; i < CROWD; i += 3) { /* moved, both ways */
		loop_timer_at(&c.timer[i], now_us + 1000000);
		loop_timer_at(&c.timer[i], now_us + 50000 + i * 31 % CROWD * 10);
	}
	for (unsigned i = 0; i < CROWD; i += 5, stopped++) {
		assert_true(loop_timer_armed(&c.timer[i]));
		loop_timer_stop(&c.timer[i]);
	}
	assert_int_equal(c.fired, 0);
	run_loop_until(loop, now_us + 60000);
	assert_int_equal(c.fired, CROWD - stopped);
	assert_true(c.ordered);
	for (unsigned i = 0; i < CROWD; i++) {
		assert_false(loop_timer_armed(&c.timer[i]));
		loop_timer_done(&c.timer[i]);
	}
	loop_clock_free(clock);
	sd_event_unref(loop);
}

struct restless {
	struct loop_timer timer;
	unsigned fired;
};

static void arm_anew(void *user, uint64_t due_us)
{
	struct restless *r = user;

	(void)due_us;
	r->fired++;
	loop_timer_at(&r->timer, 1);
}

static void timer_that_is_always_due_lets_the_rest_of_its_rank_run(void **state)
{
	struct restless r = { 0 };
	struct loop_timer other;
	struct crowd c = { .ordered = true };
	struct loop_clock *clock;
	sd_event *loop = NULL;

	(void)state;
	assert_true(sd_event_new(&loop) >= 0);
	assert_int_equal(loop_clock_new(loop, LOOP_RANK_NET, 1, &clock), 0);
	loop_timer_init_on(&r.timer, clock, arm_anew, &r);
	loop_timer_init_on(&other, clock, crowd_tick, &c);
	loop_timer_at(&r.timer, 1);
	loop_timer_at(&other, 2);
	for (int i = 0; i < 3; i++)
		assert_true(sd_event_run(loop, 1000) >= 0);
	assert_true(r.fired >= 1 && r.fired <= 6);
	assert_int_equal(c.fired, 1);
	loop_timer_done(&r.timer);
	loop_timer_done(&other);
	loop_clock_free(clock);
	sd_event_unref(loop);
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

static void *look_at_mask(void *user)
{
	pthread_sigmask(SIG_SETMASK, NULL, user);
	return NULL;
}

static void thread_gets_no_signals_and_its_maker_still_does(void **state)
{
	sigset_t of_thread, ours;
	pthread_t thread;

	(void)state;
	assert_int_equal(thread_start(&thread, NULL, look_at_mask, &of_thread), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &ours);
	assert_int_equal(sigismember(&of_thread, SIGTERM), 1);
	assert_int_equal(sigismember(&of_thread, SIGPIPE), 1);
	assert_int_equal(sigismember(&ours, SIGTERM), 0);
}

static void condition_is_waited_for_until_its_time(void **state)
{
	static const uint64_t delays_us[] = { 0, 1000, 999999 }; /* the last one carries over */
	pthread_mutex_t lock;
	pthread_cond_t cond;

	(void)state;
	thread_lock_init(&lock);
	thread_cond_init(&cond);
	for (size_t i = 0; i < ELEMENTSOF(delays_us); i++) {
		uint64_t began_us = loop_now_us();
		const struct timespec until = thread_time_in(delays_us[i]);
		uint64_t until_us = (uint64_t)until.tv_sec * 1000000 + (uint64_t)until.tv_nsec / 1000;

		assert_in_range(until_us, began_us + delays_us[i], loop_now_us() + delays_us[i]);
		assert_in_range(until.tv_nsec, 0, 999999999);
		pthread_mutex_lock(&lock);
		while (pthread_cond_timedwait(&cond, &lock, &until) == 0)
			;
		pthread_mutex_unlock(&lock);
		assert_true(loop_now_us() >= until_us);
	}
	pthread_cond_destroy(&cond);
	pthread_mutex_destroy(&lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_of_a_clock_fire_in_the_order_of_their_times),
		cmocka_unit_test(timer_that_is_always_due_lets_the_rest_of_its_rank_run),
		cmocka_unit_test(log_line_names_level_and_instance),
		cmocka_unit_test(log_line_that_names_its_level_itself_gets_no_second_word),
		cmocka_unit_test(log_text_from_outside_cannot_forge_a_line),
		cmocka_unit_test(log_keeps_order_through_its_thread),
		cmocka_unit_test(log_to_a_full_pipe_does_not_block_the_caller),
		cmocka_unit_test(log_keeps_what_all_instances_say_at_once),
		cmocka_unit_test(log_counts_the_lines_that_did_not_fit),
		cmocka_unit_test(log_limit_passes_first_then_one_per_interval_with_count),
		cmocka_unit_test(timer_fires_once_not_early_and_knows_its_due_time),
		cmocka_unit_test(stopped_timer_does_not_fire),
		cmocka_unit_test(never_initialised_timer_can_be_stopped_and_done),
		cmocka_unit_test(addresses_compare_unsigned_in_network_order),
		cmocka_unit_test(names_are_no_addresses),
		cmocka_unit_test(thread_gets_no_signals_and_its_maker_still_does),
		cmocka_unit_test(condition_is_waited_for_until_its_time),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
