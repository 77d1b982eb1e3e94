/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: root, ordinary scheduling, a loop that sleeps and waits for nobody. It keeps the addresses from
 * outliving the engine: when that dies, or its loop stands still, the addresses are removed before anything else
 * happens, and another engine is started, later each time, until it has died too often. What an engine is and does is
 * not known here; what it may have run, and the shape of what it says, is checked (runner, post). */
#include "agent/process/supervisor.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/base/signals.h"
#include "agent/conf/bundle.h"
#include "agent/load.h"
#include "agent/process/conf_reader.h"
#include "agent/process/engine_process.h"
#include "agent/process/generations.h"
#include "agent/process/patience.h"
#include "agent/process/post.h"
#include "agent/process/runner.h"
#include "agent/process/state_giver.h"
#include "agent/process/sweep.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

enum {
	TICK_US = 1000000, /* patience_s() counts them */
	TICK_SLACK_US = 100000,
	TICK_EARLY_US = 200000,  /* with a sign of life, to save a wake-up */
	BACKOFF_MIN_US = 100000, /* before another engine, doubling … */
	BACKOFF_MAX_US = 5000000,
	QUIET_US = 60000000,     /* … until one has lived for so long */
	CRASHES_MAX = 5,         /* within QUIET_US: then we give up */
	START_MAX_US = 30000000, /* for an engine to be ready, or to show that its loop goes round meanwhile */
	GIVE_MAX_US = 1000000,   /* for the state directory to be given to the next engine */
	LEAVE_MAX_US = 3000000,  /* for an engine that has closed its socket to end */
	READ_MAX_US = 25000000,  /* for a configuration to be read; the engine would wait ENGINE_LINK_CONF_WAIT_S */
	ODD_LOG_US = 1000000,
	STOP_MAX_US = 12000000, /* for an engine to stop: releasing, hooks, room */
	LETTERS_PER_WAKEUP = 64,
	LAST_LETTERS_MAX = 8192,
	LOG_FLUSH_US = 1000000,
	LOOK_UP_PAUSE_S = 2,
	MORE_TIME_US = 20000000, /* what the service manager is asked for, tick by tick */
};

struct supervisor {
	const struct options *opt;
	struct generations confs;
	sd_event *loop;
	struct sweep_crew *crew;
	struct runner *runner;
	struct conf_reader *reader;
	struct state_giver *giver;
	uint8_t *buf; /* for a letter */

	struct engine_files files;
	struct engine_process engine; /* pid 0: none */
	sd_event_source *letters, *end;
	struct loop_timer tick, start_timer, stop_timer;
	uint64_t started_us; /* we, not an engine */
	uint64_t born_us, backoff_us;
	uint64_t crashes_us[CRASHES_MAX]; /* a ring */
	unsigned n_engines;
	unsigned missed; /* ticks without a sign of life, of those that came while we ran */
	bool alive;      /* since the last tick */
	bool ready, ever_ready, stopping;
	bool giving;    /* the state directory, which the start of an engine waits for */
	bool reloading; /* the service manager was told so */
	uint32_t wish;  /* the engine's latest for a configuration */
	bool reaped;    /* the engine is, and not yet dealt with */
	struct log_limit odd_log;
};

/* Reaped, its number may be another's. */
static void kill_engine(const struct supervisor *s)
{
	if (s->engine.pid && !s->reaped)
		kill(s->engine.pid, SIGKILL);
}

/* --- the engine's letters ----------------------------------------------------------------------------------------- */

/* One that does not read is dealt with by the tick. */
static void send_letter(void *user, const struct post *p)
{
	struct supervisor *s = user;

	if (s->engine.pid)
		(void)post_send(s->engine.sock, p, -1);
}

static void say(struct supervisor *s, enum post_type type, int error, const char *text)
{
	const struct post p = { .type = type, .error = error, .text = text };

	send_letter(s, &p);
}

static void is_ready(struct supervisor *s)
{
	s->ready = true;
	if (!s->ever_ready)
		sd_notify(false, "READY=1");
	s->ever_ready = true;
	sd_notifyf(false, "STATUS=Engine %d runs; %u before it have ended", (int)s->engine.pid, s->n_engines - 1);
}

/* Also when nothing comes of it. */
static void reload_ends(struct supervisor *s)
{
	if (s->reloading && !s->stopping)
		sd_notify(false, "READY=1");
	s->reloading = false;
}

/* The files as they were then, for the engine to judge. What it may have run follows if they are valid. */
static void conf_is_read(void *user, struct conf_reading *g)
{
	struct supervisor *s = user;
	const struct post conf = { .type = POST_CONF, .id = g->id };
	const int r = g->fd < 0 ? g->fd : post_send(s->engine.sock, &conf, g->fd);
	const struct post keep = { .type = POST_KEEP, .id = g->id, .error = r };

	if (r < 0 && g->fd >= 0)
		log_error("the configuration that was read cannot be handed to the engine: %s", strerror(-r));
	if (r < 0)
		send_letter(s, &keep);
	else if (g->error == 0)
		generations_offer(&s->confs, g->id, TAKE_PTR(g->conf), TAKE_PTR(g->bundle));
}

/* The service manager listens to nobody but us. It is over when the engine says what has come of it; what, sqlvipctl
 * tells. */
static void reload_begins(struct supervisor *s, uint32_t id)
{
	if (s->stopping)
		return;
	s->wish = id;
	if (s->ever_ready && !s->reloading)
		sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)loop_now_us());
	s->reloading = s->ever_ready;
	if (conf_reader_ask(s->reader, id, s->confs.born, s->confs.current.conf->state_directory) < 0)
		conf_is_read(s, &(struct conf_reading){ .id = id, .error = -ENOMEM, .fd = -ENOMEM });
}

/* Where there is no loop yet, as while it reads its state directory, there are no signs of life. */
static bool must_be_alive(const struct supervisor *s)
{
	return s->ready || (s->engine.pid && loop_now_us() - s->born_us > START_MAX_US);
}

/* Two programs may take longer than the service manager waits for us to start or to stop. It is told that this is no
 * hang; but not for ever, for one that cannot be ended is one. */
static void ask_for_time(const struct supervisor *s)
{
	const struct conf_once *startup = &s->confs.current.conf->startup;
	bool starts = !s->ever_ready && startup->command.argv &&
		      loop_now_us() - s->started_us < startup->timeout_us + START_MAX_US;

	if (s->stopping ? loop_timer_armed(&s->stop_timer) : starts)
		sd_notifyf(false, "EXTEND_TIMEOUT_USEC=%d", MORE_TIME_US);
}

/* Signs of life, counted by our own wake-ups: if we stood still as well, it is no wonder that there are none. */
static void on_tick(void *user, uint64_t due_us)
{
	struct supervisor *s = user;

	(void)due_us;
	loop_timer_in(&s->tick, TICK_US);
	s->missed = s->alive || !must_be_alive(s) ? 0 : s->missed + 1;
	s->alive = false;
	if (s->missed >= patience_s(s->confs.current.conf)) {
		log_error("the engine (%d) has given no sign of life for %u s: it is killed", (int)s->engine.pid,
			  s->missed);
		s->missed = 0;
		kill_engine(s);
	}
	sd_notify(false, "WATCHDOG=1");
	ask_for_time(s);
}

static void is_alive(struct supervisor *s)
{
	s->alive = true;
	if (loop_timer_armed(&s->tick) && loop_now_us() + TICK_EARLY_US >= s->tick.due_us)
		on_tick(s, s->tick.due_us);
}

/* A letter that no engine of ours writes: it may send as many as it likes. */
static void is_odd(struct supervisor *s, const char *why)
{
	uint64_t before;

	if (log_limit_pass(&s->odd_log, loop_now_us(), ODD_LOG_US, &before))
		log_error("a letter of the engine is ignored: %s; %llu more since the last such line", why,
			  (unsigned long long)before);
}

static void read_letter(struct supervisor *s, const struct post *p)
{
	const struct conf *confs[GENERATIONS_MAX];

	switch (p->type) {
	case POST_READY:
		is_ready(s);
		break;
	case POST_ALIVE:
		is_alive(s);
		generations_use(&s->confs, p->id);
		if (p->id == s->wish)
			reload_ends(s);
		break;
	case POST_RUN:
	case POST_TERMINATE:
	case POST_ABANDON:
		runner_serve(s->runner, p, confs, generations_list(&s->confs, confs));
		break;
	case POST_RELOAD:
		reload_begins(s, p->id);
		break;
	case POST_REFUSED:
		if (p->id == s->wish)
			reload_ends(s);
		break;
	case POST_STOP:
	case POST_RAN:
	case POST_LATE:
	case POST_CONF:
	case POST_KEEP:
	case POST_HUP:
	case _POST_TYPE_MAX_:
		is_odd(s, "only we may send its like");
		break;
	}
}

/* Some at most. 1: there may be more; 0: there are none now; -1: nor will there be any. */
static int read_letters(struct supervisor *s, int sock)
{
	for (int i = 0; i < LETTERS_PER_WAKEUP; i++) {
		struct post p;
		const char *why;
		int fd, r = post_receive(sock, s->buf, &p, &fd, &why);

		close_fd(fd); /* it has none to give */
		if (r == 1)
			read_letter(s, &p);
		else if (r == -EBADMSG)
			is_odd(s, why);
		else
			return r < 0 ? -1 : 0;
	}
	return 1;
}

static int on_letter(sd_event_source *src, int sock, uint32_t revents, void *user)
{
	struct supervisor *s = user;

	(void)revents;
	if (read_letters(s, sock) >= 0)
		return 0;
	/* Its end is seen elsewhere; it has some time for that. */
	sd_event_source_set_enabled(src, SD_EVENT_OFF);
	if (!s->stopping)
		loop_timer_in(&s->stop_timer, LEAVE_MAX_US);
	return 0;
}

/* --- birth and death of engines ----------------------------------------------------------------------------------- */

static void finish(struct supervisor *s, int code)
{
	sd_event_exit(s->loop, code);
}

static void sweep(struct supervisor *s)
{
	uint64_t began_us = loop_now_us();
	const struct conf *confs[GENERATIONS_MAX];
	size_t n = generations_holding(&s->confs, confs), all = 0;
	int error = 0;

	if (s->opt->observe) /* they are another agent's */
		return;
	for (size_t i = 0; i < n; i++) { /* whatever becomes of the others */
		size_t resets;
		int r = sweep_now(s->crew, confs[i], &resets);

		error = r < 0 && error == 0 ? r : error;
		all += resets;
	}
	if (error < 0)
		log_error("the engine's addresses cannot be removed: %s", strerror(-error));
	else
		log_notice("the engine's addresses are removed in %.1f ms, %zu connections reset",
			   (double)(loop_now_us() - began_us) / 1000, all);
}

/* It has ended. */
static void drop_engine(struct supervisor *s)
{
	s->letters = sd_event_source_disable_unref(s->letters);
	s->end = sd_event_source_disable_unref(s->end);
	engine_process_done(&s->engine);
	if (s->reloading)
		log_warn("the engine has ended during a reload: another goes by the configuration that was in effect");
	conf_reader_forget(s->reader);
	reload_ends(s);
}

/* True if it has died CRASHES_MAX times within QUIET_US, this time included. */
static bool crashes_too_often(struct supervisor *s)
{
	uint64_t now_us = loop_now_us(), *oldest_us = &s->crashes_us[0];

	for (size_t i = 1; i < CRASHES_MAX; i++)
		if (s->crashes_us[i] < *oldest_us)
			oldest_us = &s->crashes_us[i];
	*oldest_us = now_us;
	for (size_t i = 0; i < CRASHES_MAX; i++)
		if (s->crashes_us[i] == 0 || now_us - s->crashes_us[i] > QUIET_US)
			return false;
	return true;
}

/* In backoff_us, which the caller has told of; the next time it will be longer. */
static void start_later(struct supervisor *s)
{
	loop_timer_in(&s->start_timer, s->backoff_us);
	s->backoff_us = s->backoff_us * 2 > BACKOFF_MAX_US ? BACKOFF_MAX_US : s->backoff_us * 2;
}

static void has_died(struct supervisor *s)
{
	if (crashes_too_often(s)) {
		log_error("the engine has died %d times within %d s: giving up; the addresses are removed, and the "
			  "causes are above",
			  CRASHES_MAX, QUIET_US / 1000000);
		sd_notifyf(false, "STATUS=Given up: the engine has died %d times within %d s", CRASHES_MAX,
			   QUIET_US / 1000000);
		finish(s, EXIT_CRASHING);
		return;
	}
	if (loop_now_us() - s->born_us > QUIET_US || s->backoff_us == 0)
		s->backoff_us = BACKOFF_MIN_US;
	log_warn("another engine is started in %.1f s", (double)s->backoff_us / 1e6);
	sd_notifyf(false, "STATUS=The engine has died; another follows in %.1f s", (double)s->backoff_us / 1e6);
	start_later(s);
}

static void engine_ended(struct supervisor *s, int status)
{
	bool orderly = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FATAL;

	if (WIFSIGNALED(status))
		log_error("the engine (%d) was ended by signal %d (%s)", (int)s->engine.pid, WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
	else if (!s->stopping || !orderly)
		log_error("the engine (%d) has ended with exit status %d", (int)s->engine.pid, WEXITSTATUS(status));
	drop_engine(s);
	s->ready = s->alive = false;
	runner_orphan(s->runner);
	loop_timer_stop(&s->stop_timer);
	if (s->stopping)
		finish(s, code);
	else if (!s->ever_ready) /* it has said why it cannot start */
		finish(s, orderly ? EXIT_FATAL : code);
	else if (s->opt->no_respawn)
		finish(s, EXIT_FATAL);
	else
		has_died(s);
}

static int on_end(sd_event_source *src, int fd, uint32_t revents, void *user)
{
	struct supervisor *s = user;
	int status;

	(void)src, (void)fd, (void)revents;
	if (waitpid(s->engine.pid, &status, WNOHANG) != s->engine.pid)
		return 0;
	s->reaped = true;
	/* Whatever it was: before anything else. An engine that was not told to stop may say what it likes. */
	if (!s->stopping || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_OK)
		sweep(s);
	/* Its last words may still lie in the socket. So may those of a child that it should not have. */
	for (int i = 0; i < LAST_LETTERS_MAX / LETTERS_PER_WAKEUP && read_letters(s, s->engine.sock) > 0; i++)
		;
	engine_ended(s, status);
	return 0;
}

/* The path of the control socket, and the user, are for the life of an engine: the next one may serve another, and
 * nobody else would remove what the last one left. */
static void succeed(struct supervisor *s)
{
	const struct conf *was = s->confs.born, *is = s->confs.current.conf;

	if (strcmp(was->control_socket, is->control_socket) != 0)
		engine_files_clear_control(was);
	generations_restart(&s->confs);
}

static int start_engine(struct supervisor *s)
{
	int r;

	if (s->n_engines > 0)
		succeed(s);
	r = engine_process_new(s->confs.current.bundle, s->opt, s->n_engines, &s->engine);
	s->reaped = false; /* it may have been started all the same */
	if (r < 0)
		return r;
	s->n_engines++;
	s->born_us = loop_now_us();
	s->missed = 0;
	r = loop_io(s->loop, &s->end, s->engine.pidfd, EPOLLIN, LOOP_RANK_DEATH, on_end, s);
	if (r == 0)
		r = loop_io(s->loop, &s->letters, s->engine.sock, EPOLLIN, LOOP_RANK_NORMAL, on_letter, s);
	return r;
}

/* A shortage, of processes or descriptors. Unlike deaths of an engine that was there, it says nothing about the engine,
 * and may pass at any time: there is no number of tries after which giving up would be better. */
static void cannot_start(struct supervisor *s, int error)
{
	const double seconds = (double)s->backoff_us / 1e6;

	log_error("another engine cannot be started: %s; tried again in %.1f s", strerror(-error), seconds);
	sd_notifyf(false, "STATUS=An engine cannot be started: %s; tried again in %.1f s", strerror(-error), seconds);
	start_later(s);
}

/* The next engine may be another user, and could not read what the last one wrote; nor could one of the same user,
 * where somebody has given the state directory back to root meanwhile. True: start_due() is called again, when that is
 * done, or takes so long that the engine had better do without. */
static bool give_state(struct supervisor *s)
{
	const struct conf *was = s->confs.born, *is = s->confs.current.conf;

	if (s->giving) {
		log_warn("state_directory %s does not answer: another engine is started without it",
			 is->state_directory);
		s->giving = false;
	} else if (s->n_engines > 0) {
		s->giving = state_giver_begin(s->giver, is->state_directory, is->engine_uid, is->engine_gid,
					      was->engine_uid);
		if (s->giving)
			loop_timer_in(&s->start_timer, GIVE_MAX_US);
	}
	return s->giving;
}

static void start_now(struct supervisor *s)
{
	int r = start_engine(s);

	if (r == 0)
		return;
	if (s->engine.pid) { /* nobody watches it */
		kill_engine(s);
		waitpid(s->engine.pid, NULL, 0);
		sweep(s);
		drop_engine(s);
	}
	cannot_start(s, r);
}

static void start_due(void *user, uint64_t due_us)
{
	struct supervisor *s = user;

	(void)due_us;
	if (!give_state(s))
		start_now(s);
}

/* Maybe for an engine that was started long ago, or for none, as we stop. */
static void is_given(void *user)
{
	struct supervisor *s = user;

	if (!s->giving)
		return;
	s->giving = false;
	loop_timer_stop(&s->start_timer);
	start_now(s);
}

/* --- signals ----------------------------------------------------------------------------------------------------- */

static void stop_is_late(void *user, uint64_t due_us)
{
	struct supervisor *s = user;

	(void)due_us;
	log_error("the engine does not stop: it is killed");
	kill_engine(s);
}

static int on_stop_signal(sd_event_source *src, const struct signalfd_siginfo *si, void *user)
{
	struct supervisor *s = user;

	(void)src;
	if (s->stopping)
		return 0;
	s->stopping = true;
	sd_notify(false, "STOPPING=1");
	loop_timer_stop(&s->start_timer);
	s->giving = false;
	conf_reader_forget(s->reader);
	s->reloading = false;
	if (!s->engine.pid) {
		finish(s, EXIT_OK);
		return 0;
	}
	say(s, POST_STOP, 0, strsignal((int)si->ssi_signo));
	loop_timer_in(&s->stop_timer, STOP_MAX_US + s->confs.current.conf->shutdown.timeout_us);
	return 0;
}

/* keepalived's USR1 and USR2 write dumps; unhandled, they would end us. */
static int on_dump_signal(sd_event_source *src, const struct signalfd_siginfo *si, void *user)
{
	(void)src, (void)user;
	log_notice("%s does nothing here: sqlvipctl status tells state and counters", strsignal((int)si->ssi_signo));
	return 0;
}

static int on_hangup(sd_event_source *src, const struct signalfd_siginfo *si, void *user)
{
	struct supervisor *s = user;

	(void)src, (void)si;
	if (s->engine.pid)
		say(s, POST_HUP, 0, NULL);
	else
		log_warn("there is no engine to reload at present");
	return 0;
}

static const struct signal_handler signals[] = {
	{ SIGTERM, on_stop_signal }, { SIGINT, on_stop_signal },  { SIGQUIT, on_stop_signal },
	{ SIGUSR1, on_dump_signal }, { SIGUSR2, on_dump_signal }, { SIGHUP, on_hangup },
};

/* --- the whole --------------------------------------------------------------------------------------------------- */

static int set_up(struct supervisor *s)
{
	int r = sd_event_new(&s->loop);

	s->buf = malloc(POST_MAX);
	if (r >= 0)
		r = s->buf ? signals_watch(s->loop, signals, ELEMENTSOF(signals), LOOP_RANK_NORMAL, s) : -ENOMEM;
	/* What ends an engine ranks above its letters: by sending without a pause it must not keep that away. */
	if (r >= 0)
		r = loop_timer_init(&s->tick, s->loop, LOOP_RANK_NET, TICK_SLACK_US, on_tick, s);
	if (r >= 0)
		r = loop_timer_init(&s->start_timer, s->loop, LOOP_RANK_NORMAL, 1000, start_due, s);
	if (r >= 0)
		r = loop_timer_init(&s->stop_timer, s->loop, LOOP_RANK_NET, TICK_SLACK_US, stop_is_late, s);
	if (r >= 0)
		r = runner_new(s->loop, send_letter, s, &s->runner);
	if (r >= 0)
		r = conf_reader_new(s->loop, s->opt, READ_MAX_US, conf_is_read, s, &s->reader);
	if (r >= 0)
		r = state_giver_new(s->loop, is_given, s, &s->giver);
	if (r >= 0)
		r = sweep_crew_new(&s->crew);
	if (r < 0)
		log_error("cannot set up the supervisor: %s", strerror(-r));
	return r;
}

static int run(struct supervisor *s)
{
	int r = set_up(s);

	if (r < 0)
		return r;
	r = engine_files_prepare(&s->files, s->opt, s->confs.born);
	if (r < 0)
		return r;
	log_start();
	r = start_engine(s);
	if (r < 0) {
		log_error("an engine cannot be started: %s", strerror(-r));
		return r;
	}
	s->started_us = loop_now_us();
	loop_timer_in(&s->tick, TICK_US);
	return sd_event_loop(s->loop);
}

static void tear_down(struct supervisor *s)
{
	if (s->engine.pid) {
		kill_engine(s);
		waitpid(s->engine.pid, NULL, 0);
		sweep(s);
	}
	drop_engine(s);
	runner_free(s->runner);
	conf_reader_free(s->reader);
	state_giver_free(s->giver);
	sweep_crew_free(s->crew);
	loop_timer_done(&s->tick);
	loop_timer_done(&s->start_timer);
	loop_timer_done(&s->stop_timer);
	sd_event_unref(s->loop);
	engine_files_clear(&s->files, s->opt, s->confs.born);
	free(s->buf);
	generations_done(&s->confs);
}

/* Name services may answer soon, so the service manager shall start us again; but it gives up on who fails five times
 * in ten seconds (systemd's StartLimitBurst=). */
static void pause_before_exit(void)
{
	const struct timespec pause = { .tv_sec = LOOK_UP_PAUSE_S };
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGQUIT);
	sigtimedwait(&stop, NULL, &pause);
}

int supervisor_main(const struct options *opt)
{
	struct supervisor supervisor = { .opt = opt }, *s = &supervisor;
	struct conf_bundle *bundle = NULL;
	struct conf *conf = NULL;
	int r;

	signals_block(signals, ELEMENTSOF(signals));
	r = load_bundle(opt, false, &bundle, &conf);
	if (r < 0) {
		conf_bundle_free(bundle);
		if (r == -EAGAIN)
			pause_before_exit();
		return exit_code_of(r);
	}
	generations_init(&s->confs, conf, bundle);
	r = run(s);
	if (r < 0)
		r = exit_code_of(r) == EXIT_PERMISSION ? EXIT_PERMISSION : EXIT_FATAL;
	tear_down(s);
	log_notice("stopped");
	log_stop(LOG_FLUSH_US);
	return r;
}
