/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's wish for a configuration, and when its answer comes. The test is the supervisor, and it is the clock:
 * whoever waits for a configuration waits in here. */
#include "test/unit/unit.h"

#include "agent/base/loop.h"
#include "agent/conf/bundle.h"
#include "agent/process/engine_link.h"
#include "agent/process/post.h"

#include <pthread.h>
#include <sys/socket.h>

static struct fixture {
	sd_event *loop;
	struct engine_link *link;
	int peer; /* the supervisor's end; -1: it is gone */
	uint8_t buf[POST_MAX];
	void (*meanwhile)(struct fixture *f); /* what happens before a wait ends; NULL: nothing */
	bool in_time;                         /* it ends before its time is over, that is */
	unsigned waits;
	uint32_t wish, uses, refused; /* from the engine's latest letters */
	unsigned signs;               /* of life, so far */
	const char *stopped;
	char finding[200];
	struct conf *conf;
} fixture;

/* --- the supervisor, and time ------------------------------------------------------------------------------------- */

static void read_letters(struct fixture *f)
{
	struct post p;
	const char *why;
	int fd;

	while (post_receive(f->peer, f->buf, &p, &fd, &why) == 1) {
		if (p.type == POST_RELOAD)
			f->wish = p.id;
		else if (p.type == POST_ALIVE)
			f->uses = p.id, f->signs++;
		else if (p.type == POST_REFUSED)
			f->refused = p.id;
	}
}

static void turn(struct fixture *f)
{
	assert_return_code(sd_event_run(f->loop, 0), 0);
}

/* Takes libc's place. As there, other threads may have had the lock by the time it returns, whatever it returns. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
	struct fixture *f = &fixture;

	(void)cond, (void)until;
	assert_int_equal(pthread_mutex_unlock(lock), 0);
	read_letters(f);
	f->waits++;
	if (f->meanwhile)
		f->meanwhile(f);
	assert_int_equal(pthread_mutex_lock(lock), 0);
	return f->in_time ? 0 : ETIMEDOUT;
}

/* As the supervisor does with the files that it has read. */
static int bundle(const char *router_id)
{
	struct conf_bundle *b = conf_bundle_new();
	char text[256];
	int fd;

	snprintf(text, sizeof(text),
		 "global_defs {\n router_id %s\n}\nvrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n"
		 " virtual_ipaddress {\n  192.0.2.1\n }\n}\n",
		 router_id);
	assert_int_equal(conf_bundle_put(b, CONF_ASK_FILE, "x.conf", 0, text, strlen(text)), 0);
	assert_int_equal(conf_bundle_put(b, CONF_ASK_MODE, "x.conf", 0, "100600 0", 8), 0);
	fd = conf_bundle_write(b, "test");
	assert_return_code(fd, -fd);
	conf_bundle_free(b);
	return fd;
}

static void hand_over(struct fixture *f, uint32_t wish, const char *router_id)
{
	const struct post p = { .type = POST_CONF, .id = wish };
	int fd = bundle(router_id);

	assert_int_equal(post_send(f->peer, &p, fd), 0);
	close(fd);
	turn(f);
}

static void answer(struct fixture *f)
{
	hand_over(f, f->wish, "new");
}

static void refuse(struct fixture *f)
{
	const struct post p = { .type = POST_KEEP, .id = f->wish, .error = -ENOMEM };

	assert_int_equal(post_send(f->peer, &p, -1), 0);
	turn(f);
}

static void answer_the_one_before(struct fixture *f)
{
	hand_over(f, f->wish - 1, "old");
}

static void leave(struct fixture *f)
{
	f->peer = close_fd(f->peer);
	turn(f);
}

/* --- the engine --------------------------------------------------------------------------------------------------- */

static void stop(void *user, const char *why)
{
	struct fixture *f = user;

	f->stopped = why;
}

static void reload(void *user)
{
	(void)user;
}

static void report(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	struct fixture *f = user;

	(void)where;
	if (level == CONF_ERROR)
		snprintf(f->finding, sizeof(f->finding), "%s", text);
}

static int ask(struct fixture *f)
{
	f->conf = conf_free(f->conf);
	f->finding[0] = '\0';
	return engine_link_conf(f->link, "x.conf", NULL, report, f, &f->conf);
}

static int setup(void **state)
{
	const struct engine_link_events events = { .stop = stop, .reload = reload, .user = &fixture };
	int pair[2];

	fixture = (struct fixture){ 0 };
	assert_return_code(sd_event_new(&fixture.loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	fixture.peer = pair[0];
	assert_int_equal(engine_link_new(fixture.loop, pair[1], &events, &fixture.link), 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	engine_link_free(f->link);
	close_fd(f->peer);
	conf_free(f->conf);
	sd_event_unref(f->loop);
	return 0;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void answer_in_time_is_the_configuration(void **state)
{
	struct fixture *f = *state;

	f->meanwhile = answer;
	f->in_time = true;
	assert_int_equal(ask(f), 0);
	assert_string_equal(f->conf->router_id, "new");
	assert_int_equal(f->waits, 1);
}

static void answer_that_comes_just_as_the_time_is_over_counts(void **state)
{
	struct fixture *f = *state;

	f->meanwhile = answer;
	assert_int_equal(ask(f), 0);
	assert_string_equal(f->conf->router_id, "new");
	assert_string_equal(f->finding, "");
	f->meanwhile = refuse;
	assert_int_equal(ask(f), -ENOMEM);
	assert_non_null(strstr(f->finding, strerror(ENOMEM)));
}

static void silence_is_told_as_such(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f), -ETIMEDOUT);
	assert_non_null(strstr(f->finding, "has not been answered for too long"));
	assert_null(f->conf);
}

/* What the engine then says it goes by would be another configuration than it has. */
static void answer_to_a_wish_that_was_given_up_is_not_that_to_the_next(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f), -ETIMEDOUT);
	answer(f); /* nobody waits */
	f->meanwhile = answer_the_one_before;
	assert_int_equal(ask(f), -ETIMEDOUT);
	assert_null(f->conf);
	f->meanwhile = answer;
	assert_int_equal(ask(f), 0);
	assert_string_equal(f->conf->router_id, "new");
}

static void what_is_in_effect_is_said_before_another_is_asked_for(void **state)
{
	struct fixture *f = *state;
	uint32_t first;

	f->meanwhile = answer;
	assert_int_equal(ask(f), 0);
	assert_int_equal(f->uses, 0);
	first = f->wish;
	engine_link_uses(f->link);
	read_letters(f);
	assert_int_equal(f->uses, first);
	f->uses = 0;
	assert_int_equal(ask(f), 0);
	assert_int_equal(f->uses, first);
	assert_int_not_equal(f->wish, first);
}

static void wish_of_which_nothing_has_come_is_told(void **state)
{
	struct fixture *f = *state;

	engine_link_refuses(f->link); /* there was none */
	f->meanwhile = answer;
	assert_int_equal(ask(f), 0);
	read_letters(f);
	assert_int_equal(f->refused, 0);
	engine_link_refuses(f->link);
	read_letters(f);
	assert_int_equal(f->refused, f->wish);
	assert_int_not_equal(f->uses, f->wish);
}

static void wish_that_was_refused_is_told_late_if_the_letter_did_not_fit(void **state)
{
	struct fixture *f = *state;
	uint64_t end_us = loop_now_us() + 20000000;
	unsigned sent;

	f->meanwhile = answer;
	assert_int_equal(ask(f), 0);
	for (sent = 0; sent < 20000; sent++) /* until no more fits */
		engine_link_uses(f->link);
	engine_link_refuses(f->link);
	read_letters(f);
	assert_true(f->signs < sent);
	assert_int_equal(f->refused, 0);
	while (f->refused == 0) {
		assert_true(loop_now_us() < end_us);
		assert_return_code(sd_event_run(f->loop, 100000), 0);
		read_letters(f);
	}
	assert_int_equal(f->refused, f->wish);
}

static void supervisor_that_goes_is_waited_for_no_longer(void **state)
{
	struct fixture *f = *state;

	f->meanwhile = leave;
	f->in_time = true;
	assert_int_equal(ask(f), -ENOTCONN);
	assert_int_equal(f->waits, 1);
	assert_non_null(f->stopped);
	assert_int_equal(ask(f), -ENOTCONN);
	assert_int_equal(f->waits, 1);
}

struct ticker {
	struct loop_timer timer;
	unsigned ticks;
};

static void tick(void *user, uint64_t due_us)
{
	struct ticker *t = user;

	t->ticks++;
	loop_timer_at(&t->timer, due_us + 50000);
}

/* One that comes by a wake-up of its own is excused a few times: we may not have run when it could have come along. */
static void sign_of_life_comes_along_with_other_work(void **state)
{
	struct fixture *f = *state;
	struct ticker t = { 0 };
	unsigned turns, ticks, before;
	int excuses = 5;

	assert_int_equal(loop_timer_init(&t.timer, f->loop, LOOP_RANK_NORMAL, 1, tick, &t), 0);
	loop_timer_in(&t.timer, 0);
	do {
		assert_true(excuses-- > 0);
		turns = 0;
		ticks = t.ticks;
		for (before = f->signs; f->signs == before; read_letters(f))
			turns += sd_event_run(f->loop, 1000000) > 0;
		/* A sign is sent before the loop sleeps for the next tick, which comes first then. */
	} while (turns > t.ticks - ticks);
	loop_timer_done(&t.timer);
}

static void sign_of_life_comes_without_other_work(void **state)
{
	struct fixture *f = *state;
	const uint64_t until_us = loop_now_us() + 10000000;

	while (f->signs < 2) {
		assert_true(loop_now_us() < until_us);
		assert_true(sd_event_run(f->loop, 1000000) >= 0);
		read_letters(f);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(answer_in_time_is_the_configuration),
		test(answer_that_comes_just_as_the_time_is_over_counts),
		test(silence_is_told_as_such),
		test(answer_to_a_wish_that_was_given_up_is_not_that_to_the_next),
		test(what_is_in_effect_is_said_before_another_is_asked_for),
		test(wish_of_which_nothing_has_come_is_told),
		test(wish_that_was_refused_is_told_late_if_the_letter_did_not_fit),
		test(supervisor_that_goes_is_waited_for_no_longer),
		test(sign_of_life_comes_along_with_other_work),
		test(sign_of_life_comes_without_other_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
