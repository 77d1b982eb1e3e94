/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's hands: carries out what checks/mysql_rules decides, and reports to it what was seen. Four sources of
 * events: the heartbeat's connection, the watch on the process, a raw or second connection while an answer is overdue,
 * and the user's query. In each step they are asked in this order, timers last, so that an answer that has arrived by
 * the deadline is an answer. Decides nothing by itself.
 *
 * A wake-up costs more than the question and the answer together. So the answers of a server that is well are left
 * lying until the next question, all but one in 5 s: that one is timed. The connection's end still wakes us. */
#include "checks/mysql.h"

#include "agent/base/cleanup.h"
#include "checks/disk.h"
#include "checks/mysql_link.h"
#include "checks/mysql_query.h"
#include "checks/mysql_raw.h"
#include "checks/mysql_rules.h"
#include "checks/mysql_watch.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Is parsed and carried out like any statement, and its answer is a single packet: for us half the work of reading a
 * row and what describes it. */
static const char QUESTION[] = "DO 1";

/* What is going on on the heartbeat's connection. */
enum heart_phase { HEART_REST, HEART_LOGIN, HEART_SESSION, HEART_PID_FILE, HEART_ASKED };

enum { QUEUE_MAX = 16, ENTRY_CHECK_US = 10000000, ENTRY_RECHECK_US = 1000000, TIMED_EACH_US = 5000000 };

struct mysql_check {
	const struct mysql_conf *conf;
	struct check_report *report;
	struct probe probe;
	struct watch watch;
	struct raw_check raw;
	struct sql_link heart, second;
	struct user_query query;
	enum heart_phase phase;
	int pid_file;        /* the answer to what mysqld's pid file says; -1: not asked */
	bool pid_file_old;   /* it was asked for another connection */
	char pid_path[256];  /* that file, as named on the present connection; "": not needed there */
	uint64_t asked_us;   /* the present question */
	uint64_t timed_us;   /* the last question whose answer we were woken by */
	bool lies;           /* the answer to the present one may lie until the next question */
	uint64_t planned_us; /* the wake-up that we asked for */
	uint64_t entry_us;   /* when to see again whether the socket file is there */
	int entry;           /* the answer to that; -1: not asked */
	bool entry_old;      /* it was asked before the log-in */
	bool entry_missing;
	/* The watch has seen a death: nobody else is asked in this step, and all that the dead process has left is
	 * closed in the next one, for the VIP is not to wait. A death found in any other way is found late, by closed
	 * connections or by silence: then it is closed at once. */
	bool bury, bury_heart;
	unsigned raw_opened, pid_file_opened; /* descriptors */
	unsigned opened;                      /* by all, until the previous step */

	/* within one step */
	uint64_t now_us;
	enum check_outcome outcome;
	uint32_t heart_ready, second_ready, raw_ready, query_ready, pid_file_ready;
	struct probe_event queue[QUEUE_MAX];
	size_t queue_first, queued;
};

/* --- events out -------------------------------------------------------------------------------------------------- */

static void push(struct mysql_check *c, struct probe_event ev)
{
	assert(c->queued < QUEUE_MAX);
	ev.now_us = c->now_us;
	c->queue[(c->queue_first + c->queued++) % QUEUE_MAX] = ev;
}

static void note_error(struct mysql_check *c, const struct sql_link *l)
{
	snprintf(c->report->error, sizeof(c->report->error), "%s", l->error);
	c->report->error_code = l->code;
	c->report->error_us = c->now_us;
}

static void push_error(struct mysql_check *c)
{
	note_error(c, &c->heart);
	if (probe_rule_error(c->heart.code).outcome == CHECK_PASS)
		c->report->alive_us = c->now_us;
	push(c, (struct probe_event){ .type = PROBE_EV_ERROR, .code = c->heart.code, .text = c->heart.error });
}

/* Looks at the directory, seldom. The answer is not waited for, and on a disk that hangs one question is enough: each
 * is a thread that is stuck. So no other is asked before it is answered, even if its answer is out of date by now. */
static void look_for_entry(struct mysql_check *c)
{
	int missing;

	if (c->entry < 0 && c->conf->socket && c->now_us >= c->entry_us) {
		c->entry_us = c->now_us + ENTRY_RECHECK_US;
		c->entry_old = false;
		c->entry = disk_ask_missing(c->conf->socket);
	}
	if (c->entry < 0 || !disk_answer(c->entry, &missing))
		return;
	c->entry = close_fd(c->entry);
	if (c->entry_old)
		return;
	c->entry_missing = missing;
	c->entry_us = c->now_us + (missing ? ENTRY_RECHECK_US : ENTRY_CHECK_US);
}

/* We came in by it, whatever was seen before. */
static void entry_is_there(struct mysql_check *c)
{
	c->entry_old = true;
	c->entry_missing = false;
	c->entry_us = c->now_us + ENTRY_CHECK_US;
}

static void push_answer(struct mysql_check *c)
{
	struct check_report *r = c->report;

	if (c->lies) { /* it came some time since the question */
		r->alive_us = c->asked_us;
	} else {
		r->alive_us = c->timed_us = c->now_us;
		r->latency_us = c->now_us - c->asked_us;
		if (r->latency_us > r->latency_max_us)
			r->latency_max_us = r->latency_us;
	}
	look_for_entry(c);
	push(c, (struct probe_event){ .type = PROBE_EV_ANSWER, .entry_missing = c->entry_missing });
}

/* --- whose process it is ----------------------------------------------------------------------------------------- */

/* The pid of who listens at the other end, 0 if the kernel does not say, -1 if there is no other end yet. */
static int peer_pid(const struct mysql_check *c)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd = link_fd(&c->heart);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -1;
	return cred.pid;
}

/* True if the pid has to be found by mysqld's pid file: systemd listens in its place. */
static bool adopt_peer(struct mysql_check *c)
{
	int pid;

	if (!c->conf->socket) {
		watch_stop(&c->watch, "closed connection: TCP does not tell whose process it is");
		return false;
	}
	pid = peer_pid(c);
	if (pid == 1)
		return true;
	if (pid > 1)
		watch_start(&c->watch, pid, c->conf->thread_watch, c->now_us);
	else if (pid == 0)
		watch_stop(&c->watch, "closed connection: mysqld is in another pid namespace");
	return false;
}

static void adopt_pid(struct mysql_check *c, int pid)
{
	if (pid > 0)
		watch_start(&c->watch, pid, c->conf->thread_watch, c->now_us);
	else
		watch_stop(&c->watch, "closed connection: pid 1 listens, and mysqld's pid file cannot be read");
}

static void ask_pid_file(struct mysql_check *c)
{
	c->pid_file_old = false;
	c->pid_file = disk_ask_pid(c->pid_path);
	if (c->pid_file >= 0)
		c->pid_file_opened++;
	else
		adopt_pid(c, 0);
}

/* Once, at a connect, the file that mysqld itself named. Who is watched until the answer comes stays so. As long as
 * another connection's question is not answered, ours waits: each is a thread, which is stuck if the disk hangs. */
static void want_pid_file(struct mysql_check *c)
{
	if (c->heart.code || !c->heart.has_cell) {
		adopt_pid(c, 0);
		return;
	}
	snprintf(c->pid_path, sizeof(c->pid_path), "%s", c->heart.cell);
	if (c->watch.pid == 0)
		watch_stop(&c->watch, "closed connection: pid 1 listens, and mysqld's pid file is being read");
	if (c->pid_file < 0)
		ask_pid_file(c);
}

static void hear_pid_file(struct mysql_check *c)
{
	int pid;

	if (!c->pid_file_ready || c->pid_file < 0 || !disk_answer(c->pid_file, &pid))
		return;
	c->pid_file = close_fd(c->pid_file);
	if (!c->pid_file_old)
		adopt_pid(c, pid);
	else if (c->pid_path[0])
		ask_pid_file(c);
}

/* --- the heartbeat ----------------------------------------------------------------------------------------------- */

static struct link_target entry(const struct mysql_check *c)
{
	return (struct link_target){
		.socket = c->conf->socket,
		.host = &c->conf->host,
		.port = c->conf->port,
		.user = c->conf->user,
		.password = c->conf->password,
	};
}

static void ask(struct mysql_check *c)
{
	c->phase = HEART_ASKED;
	c->asked_us = c->now_us;
	c->lies = false;
	c->report->queries++;
	link_query(&c->heart, QUESTION);
}

static void logged_in(struct mysql_check *c)
{
	c->report->connects++;
	entry_is_there(c);
	snprintf(c->report->server, sizeof(c->report->server), "%s", link_server(&c->heart));
	c->phase = adopt_peer(c) ? HEART_PID_FILE : HEART_SESSION;
	/* The server's own wait_timeout may be shorter than our interval. */
	link_query(&c->heart, c->phase == HEART_PID_FILE ? "SELECT @@pid_file" : "SET SESSION wait_timeout=604800");
}

/* Takes each step that is possible now. */
static void heart_advance(struct mysql_check *c)
{
	while (c->heart.state != LINK_WORKING && c->phase != HEART_REST) {
		const unsigned code = c->heart.code;

		if (code && (c->phase == HEART_LOGIN || c->phase == HEART_ASKED || !probe_is_packet(code))) {
			c->phase = HEART_REST;
			push_error(c);
			return;
		}
		switch (c->phase) {
		case HEART_LOGIN:
			logged_in(c);
			break;
		case HEART_PID_FILE:
			want_pid_file(c);
			c->phase = HEART_SESSION;
			link_query(&c->heart, "SET SESSION wait_timeout=604800");
			break;
		case HEART_SESSION: /* refused: no matter, we reconnect then */
			ask(c);
			break;
		case HEART_ASKED:
			c->phase = HEART_REST;
			push_answer(c);
			break;
		case HEART_REST:
			break;
		}
	}
}

static void heart_ready(struct mysql_check *c)
{
	if (!c->heart_ready)
		return;
	if (c->heart.state == LINK_READY) {
		push(c, (struct probe_event){ .type = PROBE_EV_HUP });
		return;
	}
	link_resume(&c->heart, c->heart_ready);
	heart_advance(c);
}

/* --- second opinions --------------------------------------------------------------------------------------------- */

static void second_over(struct mysql_check *c)
{
	if (c->second.state == LINK_WORKING)
		return;
	if (c->conf->reserved_port && probe_is_packet(c->second.code))
		c->report->alive_us = c->now_us; /* 0, a login, passes for a packet as well */
	push(c, (struct probe_event){
			.type = PROBE_EV_SECOND, .code = c->second.code, .reserved = c->conf->reserved_port });
	link_drop(&c->second);
}

static void open_second(struct mysql_check *c)
{
	static const struct ip_addr loopback = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
	struct link_target t = entry(c);

	if (c->conf->reserved_port) {
		t.socket = NULL;
		t.host = ip_is_set(&c->conf->reserved_host) ? &c->conf->reserved_host : &loopback;
		t.port = c->conf->reserved_port;
	}
	c->second_ready = 0;
	link_connect(&c->second, &t);
	second_over(c);
}

static void second_ready(struct mysql_check *c)
{
	if (!c->second_ready || c->second.state != LINK_WORKING)
		return;
	link_resume(&c->second, c->second_ready);
	second_over(c);
}

static void raw_over(struct mysql_check *c, enum probe_raw raw)
{
	if (raw != PROBE_RAW_PENDING)
		push(c, (struct probe_event){ .type = PROBE_EV_RAW, .raw = raw });
}

static void look_at_process(struct mysql_check *c)
{
	struct probe_proc proc;

	if (c->watch.pid == 0)
		adopt_peer(c);
	proc = watch_look(&c->watch);
	if (proc.dying)
		watch_stop(&c->watch, NULL);
	push(c, (struct probe_event){ .type = PROBE_EV_PROC, .proc = proc });
}

/* --- actions ----------------------------------------------------------------------------------------------------- */

static void drop_heart(struct mysql_check *c)
{
	link_drop(&c->heart);
	c->pid_file_old = true;
	c->pid_path[0] = '\0';
	c->phase = HEART_REST;
	c->heart_ready = 0;
}

static void bury(struct mysql_check *c)
{
	if (!c->bury)
		return;
	watch_stop(&c->watch, NULL);
	user_query_end(&c->query);
	if (c->bury_heart)
		drop_heart(c);
	c->bury = c->bury_heart = false;
}

static void carry_out(struct mysql_check *c, unsigned acts)
{
	struct link_target t = entry(c);

	if (acts & PROBE_ACT_DROP) {
		c->bury_heart = c->bury;
		if (!c->bury)
			drop_heart(c);
	}
	if (acts & PROBE_ACT_CONNECT) {
		bury(c);
		drop_heart(c);
		c->phase = HEART_LOGIN;
		link_connect(&c->heart, &t);
		heart_advance(c);
	}
	if (acts & PROBE_ACT_ASK) {
		ask(c);
		heart_advance(c);
	}
	if (acts & PROBE_ACT_PROC)
		look_at_process(c);
	if (acts & PROBE_ACT_RAW) {
		c->raw_ready = 0;
		c->raw_opened++;
		raw_over(c, raw_start(&c->raw, c->conf));
	}
	if (acts & PROBE_ACT_SECOND)
		open_second(c);
}

/* Several events of one step may each have an outcome: the last one stands, but nothing outweighs a death. */
static void count(struct mysql_check *c, enum check_outcome outcome)
{
	if (outcome == CHECK_FAIL || outcome == CHECK_GONE)
		c->report->failures++;
	if (c->probe.verdict == CHECK_DEAD && !c->bury) /* one hang is to count once */
		user_query_end(&c->query);
	if (outcome != CHECK_NOTHING && c->outcome != CHECK_GONE)
		c->outcome = outcome;
}

static void settle(struct mysql_check *c)
{
	while (c->queued > 0) {
		const struct probe_event ev = c->queue[c->queue_first];
		struct probe_actions out;

		c->queue_first = (c->queue_first + 1) % QUEUE_MAX;
		c->queued--;
		out = probe_event(&c->probe, &ev);
		count(c, out.outcome);
		carry_out(c, out.acts);
	}
	if (!c->bury && (c->probe.state == PROBE_IDLE || c->probe.state == PROBE_WAIT)) {
		raw_drop(&c->raw);
		if (c->second.state != LINK_CLOSED)
			link_drop(&c->second);
	}
}

/* --- one step ---------------------------------------------------------------------------------------------------- */

static uint32_t ready_of(const struct check_step *s, int fd)
{
	for (size_t i = 0; fd >= 0 && i < s->n_io; i++)
		if (s->io[i].fd == fd)
			return s->io[i].ready;
	return 0;
}

static void collect_ready(struct mysql_check *c, const struct check_step *s)
{
	struct pollfd pfd = { .fd = link_fd(&c->heart) };
	struct check_io io;

	c->heart_ready = ready_of(s, pfd.fd);
	c->second_ready = ready_of(s, link_fd(&c->second));
	c->raw_ready = ready_of(s, c->raw.fd);
	c->pid_file_ready = ready_of(s, c->pid_file);
	c->query_ready = ready_of(s, link_fd(&c->query.link));
	if (c->lies && !c->heart_ready)
		c->heart_ready = EPOLLIN; /* to read is as cheap as to ask whether there is anything */
	/* Before a deadline is declared missed, the answer is looked for once more. */
	if (c->heart.state == LINK_WORKING && !c->heart_ready && s->now_us >= probe_wake_us(&c->probe) &&
	    link_io(&c->heart, &io)) {
		pfd.events = (short)io.events;
		if (poll(&pfd, 1, 0) > 0)
			c->heart_ready = (uint32_t)pfd.revents;
	}
}

static void ask_watch(struct mysql_check *c, const struct check_step *s)
{
	struct probe_proc proc;

	if (!watch_step(&c->watch, s->io, s->n_io, s->now_us, &proc))
		return;
	c->bury = true;
	push(c, (struct probe_event){ .type = PROBE_EV_PROC, .proc = proc });
}

static void ask_query(struct mysql_check *c, uint64_t lag_us)
{
	struct link_target t = entry(c);
	enum probe_query_result result;

	if (c->probe.state == PROBE_IDLE)
		user_query_begin(&c->query, c->now_us);
	if (!user_query_step(&c->query, &t, c->query_ready, c->now_us, lag_us, &result))
		return;
	if (c->query.link.code)
		note_error(c, &c->query.link);
	push(c, (struct probe_event){ .type = PROBE_EV_QUERY, .query = result, .text = c->query.text });
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When the heartbeat has to be seen to; decides whether its answer is to wake us. */
static uint64_t heart_wake_us(struct mysql_check *c, uint64_t *early_us)
{
	const uint64_t lies_us = probe_answer_may_lie_us(&c->probe);

	c->lies = c->phase == HEART_ASKED && c->heart.state == LINK_WORKING && c->now_us < lies_us &&
		  lies_us != UINT64_MAX && c->now_us < c->timed_us + TIMED_EACH_US;
	*early_us = c->lies ? c->conf->interval_us / 4 : probe_early_us(&c->probe);
	return c->lies ? lies_us : probe_wake_us(&c->probe);
}

static void plan(struct mysql_check *c, struct check_step *s)
{
	const unsigned opened = c->heart.opened + c->second.opened + c->query.link.opened + c->watch.opened +
				c->raw_opened + c->pid_file_opened;
	const uint64_t heart_us = heart_wake_us(c, &s->early_us);

	s->same_fds = opened == c->opened;
	c->opened = opened;

	s->n_io = 0;
	s->wake_us = c->planned_us = s->now_us;
	s->outcome = c->outcome;
	if (c->bury) /* with nothing watched: the next step follows at once, and watches all there is anew */
		return;
	s->n_io += link_io(&c->heart, &s->io[s->n_io]);
	if (c->lies)
		s->io[0].events = EPOLLRDHUP;
	s->n_io += link_io(&c->second, &s->io[s->n_io]);
	s->n_io += link_io(&c->query.link, &s->io[s->n_io]);
	if (c->raw.fd >= 0)
		s->io[s->n_io++] = (struct check_io){ .fd = c->raw.fd, .events = EPOLLOUT };
	if (c->pid_file >= 0)
		s->io[s->n_io++] = (struct check_io){ .fd = c->pid_file, .events = EPOLLIN };
	s->n_io += watch_io(&c->watch, &s->io[s->n_io]);
	_Static_assert(5 + WATCH_THREADS + 1 <= CHECK_IO_MAX, "every source has its place");

	s->wake_us = earliest(heart_us, earliest(c->watch.poll_us, user_query_wake_us(&c->query)));
	if (s->wake_us != heart_us)
		s->early_us = 0;
	/* What lies is read in any case; if the server has died, the descriptor says so right afterwards. */
	s->by_time = c->lies && s->wake_us == heart_us && c->second.state == LINK_CLOSED && c->raw.fd < 0 &&
		     c->pid_file < 0 && c->query.link.state != LINK_WORKING;
	c->planned_us = s->wake_us;
}

static void refresh_report(struct mysql_check *c)
{
	struct check_report *r = c->report;

	r->verdict = probe_verdict(&c->probe);
	if (strcmp(r->reason, probe_reason(&c->probe)) != 0)
		snprintf(r->reason, sizeof(r->reason), "%s", probe_reason(&c->probe));
	if (strcmp(r->watch, c->watch.how) != 0)
		snprintf(r->watch, sizeof(r->watch), "%s", c->watch.how);
	r->pid = c->watch.pid;
}

/* All but the watch. */
static void ask_others(struct mysql_check *c, uint64_t lag_us)
{
	heart_ready(c);
	settle(c);
	if (c->raw_ready && c->raw.fd >= 0)
		raw_over(c, raw_resume(&c->raw));
	second_ready(c);
	settle(c);
	if (probe_wake_us(&c->probe) - probe_early_us(&c->probe) <= c->now_us)
		push(c, (struct probe_event){ .type = PROBE_EV_TIMER });
	settle(c);
	ask_query(c, lag_us);
	settle(c);
}

static void mysql_step(void *state, struct check_step *s)
{
	struct mysql_check *c = state;
	const uint64_t lag_us = s->now_us > c->planned_us ? s->now_us - c->planned_us : 0;

	c->now_us = s->now_us;
	c->outcome = CHECK_NOTHING;
	bury(c);
	probe_tick(&c->probe, s->now_us, lag_us);
	collect_ready(c, s);

	if (c->probe.state == PROBE_START)
		push(c, (struct probe_event){ .type = PROBE_EV_START });
	hear_pid_file(c);
	ask_watch(c, s);
	settle(c);
	if (!c->bury)
		ask_others(c, lag_us);
	plan(c, s);
	refresh_report(c);
}

static int mysql_init_check(void *state, const void *conf, struct check_report *report)
{
	struct mysql_check *c = state;

	c->conf = conf;
	c->report = report;
	c->planned_us = UINT64_MAX;
	c->pid_file = c->entry = -1;
	raw_init(&c->raw);
	watch_init(&c->watch);
	user_query_init(&c->query, c->conf);
	probe_init(&c->probe, c->conf->interval_us, c->conf->timeout_us, c->conf->reserved_port != 0,
		   c->conf->query != NULL);
	refresh_report(c);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The same server, seen in the same way. */
static bool same_server(const struct mysql_conf *a, const struct mysql_conf *b)
{
	return same_text(a->socket, b->socket) && a->thread_watch == b->thread_watch &&
	       (a->socket || (ip_equal(&a->host, &b->host) && a->port == b->port));
}

static bool same_account(const struct mysql_conf *a, const struct mysql_conf *b)
{
	return same_text(a->user, b->user) && same_text(a->password, b->password) &&
	       ip_equal(&a->reserved_host, &b->reserved_host) && a->reserved_port == b->reserved_port;
}

static void mysql_reconf(void *state, const void *conf)
{
	struct mysql_check *c = state;
	const struct mysql_conf *old = c->conf, *fresh = conf;
	const bool same = same_server(old, fresh);

	probe_reconf(&c->probe, fresh->interval_us, fresh->timeout_us, fresh->reserved_port != 0, fresh->query != NULL,
		     !same_text(old->query, fresh->query));
	c->conf = fresh;
	user_query_reconf(&c->query, fresh);
	if (!same) /* else its process is watched on, and may die while we log in anew */
		watch_stop(&c->watch, NULL);
	else if (same_account(old, fresh))
		return;
	user_query_end(&c->query);
	raw_drop(&c->raw);
	link_drop(&c->second);
	drop_heart(c);
	if (!same) { /* its files may lie on another disk, which does not hang */
		c->pid_file = close_fd(c->pid_file);
		c->entry = close_fd(c->entry);
	}
	c->entry_old = true;
	c->entry_us = 0;
	c->entry_missing = false;
	probe_restart(&c->probe);
}

static void mysql_done(void *state)
{
	struct mysql_check *c = state;

	if (!c->conf) /* init was never called */
		return;
	link_drop(&c->heart);
	link_drop(&c->second);
	user_query_end(&c->query);
	raw_drop(&c->raw);
	close_fd(c->pid_file);
	close_fd(c->entry);
	watch_stop(&c->watch, NULL);
}

const struct check_type check_mysql = {
	.name = "mysql",
	.state_size = sizeof(struct mysql_check),
	.preload = link_preload,
	.init = mysql_init_check,
	.reconf = mysql_reconf,
	.step = mysql_step,
	.done = mysql_done,
};
