/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's judgement: what an error number, a silence, a closed connection and a dying process mean, and what to do
 * next. One function for each state. It never looks at the world itself: everything arrives as an event, time included.
 *
 * Two sources feed one count of rise and fall: the heartbeat and the configured query. A heartbeat's success counts
 * only while the query's last result is not a failure, and the query's only while the heartbeat is not dead; failures
 * of either count always. So neither can hide the other's. */
#include "checks/mysql_rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
	SOFT_MIN_US = 20000,
	LAG_TOLERATED_US = 10000,  /* timers are a little late in normal work: many of these must not add up */
	TICK_MAX_US = 250000,      /* how coarsely silence is counted once it is suspicious */
	CONFIRM_US = 5000,         /* between two refusals that make a death */
	RAW_REPEAT_US = 50000,     /* after the first four */
	RETRY_MAX_US = 200000,     /* while the server is away */
	HURRIED_ROUNDS = 8,        /* a `rise` above that fills at `interval` */
	SECOND_PATIENCE_US = 50000 /* for the reserved port's word on a server without a socket file */
};

/* --- error numbers ----------------------------------------------------------------------------------------------- */

bool probe_is_packet(unsigned code)
{
	return !(code >= 2000 && code < 3000) && !(code >= 5000 && code < 6000);
}

#define LOST           CHECK_UNKNOWN, CHECK_NOTHING, PROBE_SUSPECT
#define COMPLAINT      CHECK_DEGRADED, CHECK_PASS, PROBE_RECONNECT
#define OUR_OWN_FAULT  CHECK_UNKNOWN, CHECK_NOTHING, PROBE_RECONNECT
#define OUT_OF_SERVICE CHECK_DEAD, CHECK_GONE, PROBE_RECONNECT

/* MySQL error message reference; MariaDB's numbers above 1900 and the client's from 2000 and 5000. */
static const struct {
	unsigned code;
	struct probe_ruling ruling;
} rulings[] = {
	{ 1040, { COMPLAINT, "Too many connections" } },
	{ 1043, { COMPLAINT, "Bad handshake" } },
	{ 1044, { COMPLAINT, NULL } },
	{ 1045, { COMPLAINT, NULL } },
	{ 1053, { OUT_OF_SERVICE, "stopped: server shutdown in progress" } },
	{ 1129, { COMPLAINT, "our host is blocked because of many connection errors" } },
	{ 1130, { COMPLAINT, "our host is not allowed to connect" } },
	{ 1135, { COMPLAINT, "the server cannot create a new thread" } },
	{ 1152, { LOST, NULL } }, /* aborted connection */
	{ 1158, { LOST, NULL } }, /* to 1161: the server's view of a broken connection */
	{ 1159, { LOST, NULL } },
	{ 1160, { LOST, NULL } },
	{ 1161, { LOST, NULL } },
	{ 1184, { LOST, NULL } },
	{ 1203, { COMPLAINT, "too many connections of this account" } },
	{ 1226, { COMPLAINT, "a limit of this account is exceeded" } },
	{ 1251, { COMPLAINT, NULL } },
	{ 1524, { COMPLAINT, "the account's authentication plugin is not loaded in the server" } },
	{ 1698, { COMPLAINT, NULL } },
	{ 1820, { COMPLAINT, "the account's password has to be changed" } },
	{ 1862, { COMPLAINT, "the account's password has expired" } },
	{ 1927, { LOST, NULL } }, /* MariaDB: this connection was killed */
	{ 2008, { OUR_OWN_FAULT, "the agent is out of memory" } },
	{ 2026, { COMPLAINT, "the server demands TLS" } },
	{ 2049, { COMPLAINT, NULL } }, /* pre-4.1 passwords */
	{ 2058, { COMPLAINT, NULL } }, /* to 2061: after a greeting */
	{ 2059, { COMPLAINT, "the client lacks the account's authentication plugin" } },
	{ 2061, { COMPLAINT, NULL } },
	{ 3032, { OUT_OF_SERVICE, "drained: offline mode" } },
	{ 3118, { COMPLAINT, "the account is locked" } },
	{ 3159, { COMPLAINT, "the server demands TLS" } },
	{ 3169, { LOST, NULL } }, /* this session was killed */
	{ 4031, { LOST, NULL } }, /* closed by the server for idleness */
	{ 4151, { COMPLAINT, "the account is locked" } },
	{ 5010, { COMPLAINT, "the server asks for an authentication plugin that is not allowed" } },
	{ 5012, { COMPLAINT, "the client cannot load the account's authentication plugin" } },
};

struct probe_ruling probe_rule_error(unsigned code)
{
	const struct probe_ruling lost = { LOST, NULL }, packet = { CHECK_DEGRADED, CHECK_PASS, PROBE_KEEP, NULL };

	for (size_t i = 0; i < sizeof(rulings) / sizeof(rulings[0]); i++)
		if (rulings[i].code == code)
			return rulings[i].ruling;
	return probe_is_packet(code) ? packet : lost;
}

/* --- silence ----------------------------------------------------------------------------------------------------- */

void probe_clock_start(struct probe_clock *c, uint64_t now_us)
{
	*c = (struct probe_clock){ .on = true, .seen_us = now_us };
}

void probe_clock_tick(struct probe_clock *c, uint64_t now_us, uint64_t lag_us)
{
	uint64_t passed_us;

	if (!c->on || now_us <= c->seen_us)
		return;
	if (lag_us < LAG_TOLERATED_US)
		lag_us = 0;
	passed_us = now_us - c->seen_us;
	c->ran_us += passed_us > lag_us ? passed_us - lag_us : 0;
	c->seen_us = now_us;
}

/* The time until an overdue answer is looked into. */
static uint64_t overdue_us(uint64_t timeout_us)
{
	return timeout_us / 8 > SOFT_MIN_US ? timeout_us / 8 : SOFT_MIN_US;
}

/* --- small steps ------------------------------------------------------------------------------------------------- */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t retry_us(const struct probe *p)
{
	return min_u64(p->interval_us, RETRY_MAX_US);
}

static void set_reason(struct probe *p, const char *text)
{
	if (strcmp(p->reason, text) != 0)
		snprintf(p->reason, sizeof(p->reason), "%s", text);
}

/* One attempt at an answer: from here on silence counts. */
static void expect_answer(struct probe *p, uint64_t now_us)
{
	probe_clock_start(&p->clock, now_us);
	p->soft_over = p->vetoed = p->second_open = p->second_new = false;
}

static void wait_for(struct probe *p, uint64_t now_us, uint64_t delay_us)
{
	p->state = PROBE_WAIT;
	p->next_us = now_us + delay_us;
	p->clock.on = false;
	p->episode = p->stopping = p->raw_wait = p->second_open = false;
}

static void connect_now(struct probe *p, uint64_t now_us, struct probe_actions *out)
{
	p->state = PROBE_CONNECTING;
	if (!p->clock.on)
		expect_answer(p, now_us);
	out->acts |= PROBE_ACT_CONNECT;
}

/* The heartbeat's success, as far as the configured query lets it count. */
static enum check_outcome gated_pass(const struct probe *p)
{
	if (p->has_query && (p->query_failed || !p->query_known))
		return CHECK_NOTHING;
	return CHECK_PASS;
}

static void proven_alive(struct probe *p, enum check_verdict verdict, const char *reason, struct probe_actions *out)
{
	if (p->verdict == CHECK_DEAD)
		p->hurry = HURRIED_ROUNDS;
	p->seen_alive = true;
	p->verdict = verdict;
	p->death = PROBE_DEATH_NONE;
	p->episode = p->stopping = p->raw_wait = false;
	p->refused = 0;
	set_reason(p, reason);
	out->outcome = gated_pass(p);
}

static uint64_t next_period_us(struct probe *p)
{
	if (p->hurry == 0)
		return p->interval_us;
	p->hurry--;
	return retry_us(p);
}

/* --- verdicts ---------------------------------------------------------------------------------------------------- */

static void dead(struct probe *p, enum probe_death death, const char *reason, uint64_t now_us,
		 struct probe_actions *out)
{
	p->verdict = CHECK_DEAD;
	p->death = death;
	p->hurry = HURRIED_ROUNDS;
	p->query_known = p->query_failed = false;
	set_reason(p, reason);
	out->acts = PROBE_ACT_DROP;
	out->outcome = CHECK_GONE;
	wait_for(p, now_us, retry_us(p));
}

/* Nothing new: it was away, and is. */
static void away(struct probe *p, uint64_t now_us, struct probe_actions *out)
{
	out->acts = PROBE_ACT_DROP;
	if (p->state != PROBE_WAIT)
		wait_for(p, now_us, retry_us(p));
}

/* The process says it itself. Needs no confirmation; a death that is known already keeps its reason. */
static void dying(struct probe *p, const struct probe_proc *proc, uint64_t now_us, struct probe_actions *out)
{
	char reason[CHECK_REASON_MAX];
	const bool stopped = p->stopping || p->death == PROBE_DEATH_STOPPED;

	if (p->death == PROBE_DEATH_CRASHED || p->death == PROBE_DEATH_STOPPED) {
		away(p, now_us, out);
		return;
	}
	if (!p->seen_alive && p->verdict == CHECK_UNKNOWN) {
		set_reason(p, "not running: mysqld is exiting");
		away(p, now_us, out);
		return;
	}
	snprintf(reason, sizeof(reason), "%s: %smysqld (pid %d) is exiting", stopped ? "stopped" : "crashed",
		 proc->by_thread ? "a thread of " : "", proc->pid);
	dead(p, stopped ? PROBE_DEATH_STOPPED : PROBE_DEATH_CRASHED, reason, now_us, out);
}

/* Nobody listens, beyond doubt. What was never seen alive has not died. */
static void not_running(struct probe *p, bool missing, uint64_t now_us, struct probe_actions *out)
{
	if (!p->seen_alive && p->verdict == CHECK_UNKNOWN) {
		set_reason(p, missing ? "not running: no socket file" : "not running: connection refused");
		away(p, now_us, out);
	} else if (p->death == PROBE_DEATH_CRASHED || p->death == PROBE_DEATH_STOPPED) {
		away(p, now_us, out);
	} else if (missing || p->stopping) {
		dead(p, PROBE_DEATH_STOPPED,
		     missing ? "stopped: connection lost and the socket file is gone"
			     : "stopped: nobody listens after a shutdown",
		     now_us, out);
	} else {
		dead(p, PROBE_DEATH_CRASHED, "crashed: connection lost and nobody listens", now_us, out);
	}
}

static const char *state_word(char state)
{
	switch (state) {
	case 'T':
		return "stopped";
	case 't':
		return "traced";
	case 'D':
		return "waiting for a device";
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	default: /* the kernel has more letters, and may get others */
		return "see proc(5)";
	}
}

static void hung(struct probe *p, const char *what, uint64_t now_us, struct probe_actions *out)
{
	const unsigned tenths = (unsigned)((p->clock.ran_us + 50000) / 100000);
	size_t n;

	p->verdict = CHECK_DEAD;
	p->death = PROBE_DEATH_HUNG;
	p->hurry = HURRIED_ROUNDS;
	snprintf(p->reason, sizeof(p->reason), "hung: %s for %u.%u s", what, tenths / 10, tenths % 10);
	n = strlen(p->reason);
	if (p->proc.pid && p->proc.state)
		snprintf(p->reason + n, sizeof(p->reason) - n, " (state of pid %d: %c, %s)", p->proc.pid, p->proc.state,
			 state_word(p->proc.state));
	else if (p->second_new)
		snprintf(p->reason + n, sizeof(p->reason) - n, ", though a new connection was served");
	out->acts |= PROBE_ACT_DROP;
	out->outcome = CHECK_FAIL;
	wait_for(p, now_us, retry_us(p));
}

/* An error number with a verdict of its own: a packet, or trouble on our side. */
static void rule(struct probe *p, const struct probe_event *ev, const struct probe_ruling *r, struct probe_actions *out)
{
	char reason[CHECK_REASON_MAX];
	const char *text = r->text ? r->text : ev->text ? ev->text : "error";

	snprintf(reason, sizeof(reason), "%u %s", ev->code, text);
	if (r->outcome == CHECK_GONE) {
		p->seen_alive = true;
		dead(p, ev->code == 3032 ? PROBE_DEATH_DRAINED : PROBE_DEATH_STOPPED, text, ev->now_us, out);
	} else if (r->outcome == CHECK_PASS) {
		proven_alive(p, r->verdict, reason, out);
	} else if (p->verdict != CHECK_DEAD) {
		p->verdict = p->seen_alive ? CHECK_DEGRADED : CHECK_UNKNOWN;
		set_reason(p, reason);
	}
}

/* --- a lost connection ------------------------------------------------------------------------------------------- */

/* Raw checks at 0, 5, 20, 50 ms after the loss, then each 50 ms. */
static uint64_t raw_due_us(const struct probe *p, uint64_t now_us)
{
	static const unsigned at_us[] = { 0, 5000, 20000, 50000 };
	uint64_t due_us;

	if (p->raws >= sizeof(at_us) / sizeof(at_us[0]))
		return now_us + RAW_REPEAT_US;
	due_us = p->episode_us + at_us[p->raws];
	return due_us > now_us ? due_us : now_us;
}

static void check_raw(struct probe *p, uint64_t now_us, struct probe_actions *out)
{
	if (raw_due_us(p, now_us) > now_us && p->raw_us > now_us) {
		p->raw_us = raw_due_us(p, now_us);
		return;
	}
	p->raws++;
	p->raw_us = UINT64_MAX;
	p->raw_wait = true;
	out->acts |= PROBE_ACT_RAW;
}

static void begin_episode(struct probe *p, uint64_t now_us)
{
	if (p->episode)
		return;
	p->episode = true;
	p->stopping = p->reserved_asked = false;
	p->episode_us = now_us;
	p->raws = p->refused = 0;
	if (!p->clock.on)
		expect_answer(p, now_us);
}

/* The reason is open: a KILL, wait_timeout, a restart, a crash. */
static void suspect(struct probe *p, uint64_t now_us, struct probe_actions *out)
{
	begin_episode(p, now_us);
	p->state = PROBE_SUSPECTING;
	p->raw_us = UINT64_MAX;
	p->raw_wait = false;
	out->acts |= PROBE_ACT_DROP | PROBE_ACT_PROC;
	check_raw(p, now_us, out);
}

/* A refusal proves nothing alone: a server that restarts, or that lost its last listener a moment before. */
static void refused(struct probe *p, bool missing, uint64_t now_us, struct probe_actions *out)
{
	uint64_t patience_us;

	p->state = PROBE_SUSPECTING;
	p->stopping |= missing;
	if (p->refused++ == 0)
		p->refused_us = now_us;
	/* Running without its socket file is no death, and the reserved port can tell. */
	if (missing && p->has_reserved && !p->reserved_asked) {
		p->reserved_asked = p->second_open = true;
		out->acts |= PROBE_ACT_SECOND;
	}
	patience_us = p->has_reserved && p->second_open ? SECOND_PATIENCE_US : CONFIRM_US;
	if (p->refused > 1 && now_us - p->refused_us >= patience_us)
		not_running(p, missing, now_us, out);
	else
		p->raw_us = now_us + CONFIRM_US;
}

static void suspecting_raw(struct probe *p, const struct probe_event *ev, struct probe_actions *out)
{
	p->raw_wait = false;
	switch (ev->raw) {
	case PROBE_RAW_LISTENING:
		p->refused = 0;
		connect_now(p, ev->now_us, out);
		break;
	case PROBE_RAW_REFUSED:
	case PROBE_RAW_MISSING:
		refused(p, ev->raw == PROBE_RAW_MISSING, ev->now_us, out);
		break;
	case PROBE_RAW_SATURATED:
		p->refused = 0;
		p->raw_us = raw_due_us(p, ev->now_us + 1);
		break;
	case PROBE_RAW_DENIED:
		if (p->verdict != CHECK_DEAD) {
			p->verdict = p->seen_alive ? CHECK_DEGRADED : CHECK_UNKNOWN;
			set_reason(p, "the agent may not use the socket file: permission denied");
		}
		wait_for(p, ev->now_us, retry_us(p));
		break;
	case PROBE_RAW_PENDING: /* never an event */
		break;
	}
}

/* --- an overdue answer ------------------------------------------------------------------------------------------- */

/* Looks around once: what the process does, whether somebody listens, whether others are served. */
static void soft_deadline(struct probe *p, struct probe_actions *out)
{
	p->soft_over = true;
	out->acts |= PROBE_ACT_PROC;
	/* What hangs since long is not asked again: a stopped server's backlog would fill with our questions. */
	if (p->has_reserved || p->verdict != CHECK_DEAD) {
		p->second_open = true;
		out->acts |= PROBE_ACT_SECOND;
	}
	if (p->verdict != CHECK_DEAD)
		out->acts |= PROBE_ACT_RAW;
}

static void hard_deadline(struct probe *p, const char *what, uint64_t now_us, struct probe_actions *out)
{
	if (!p->vetoed) {
		hung(p, what, now_us, out);
		return;
	}
	/* A full thread pool queues old and new connections alike; the answer will come. */
	proven_alive(p, CHECK_DEGRADED, "saturated: only the reserved port answers", out);
	expect_answer(p, now_us);
	if (p->state == PROBE_SUSPECTING) {
		begin_episode(p, now_us);
		check_raw(p, now_us, out);
	}
}

/* CONNECTING and BUSY. */
static void overdue(struct probe *p, const char *what, uint64_t now_us, struct probe_actions *out)
{
	if (p->clock.ran_us >= p->timeout_us)
		hard_deadline(p, what, now_us, out);
	else if (!p->soft_over && p->clock.ran_us >= overdue_us(p->timeout_us))
		soft_deadline(p, out);
	else if (p->soft_over)
		out->acts |= PROBE_ACT_PROC;
}

/* The second connection's word: evidence everywhere, a veto only from the reserved port. */
static void second_answered(struct probe *p, const struct probe_event *ev)
{
	const bool served = ev->code == 0 || probe_rule_error(ev->code).outcome == CHECK_PASS;

	p->second_open = false;
	p->vetoed |= served && ev->reserved;
	p->second_new |= ev->code == 0 && !ev->reserved;
}

/* --- one function for each state --------------------------------------------------------------------------------- */

static void answered(struct probe *p, const struct probe_event *ev, uint64_t since_us, struct probe_actions *out)
{
	uint64_t due_us;

	if (ev->entry_missing)
		proven_alive(p, CHECK_DEGRADED, "the socket file is missing: new clients cannot connect", out);
	else
		proven_alive(p, CHECK_ALIVE, "row received", out);
	p->clock.on = false;
	p->state = PROBE_IDLE;
	due_us = since_us + next_period_us(p);
	p->next_us = due_us > ev->now_us ? due_us : ev->now_us; /* keeps its rhythm, does not catch up */
}

static void in_connecting(struct probe *p, const struct probe_event *ev, struct probe_actions *out)
{
	struct probe_ruling r;

	switch (ev->type) {
	case PROBE_EV_ANSWER:
		answered(p, ev, ev->now_us, out);
		break;
	case PROBE_EV_ERROR:
		r = probe_rule_error(ev->code);
		if (r.then == PROBE_SUSPECT) {
			suspect(p, ev->now_us, out);
		} else {
			p->query_known = true; /* it cannot be run: no reason to hold the heartbeat back */
			rule(p, ev, &r, out);
			out->acts |= PROBE_ACT_DROP;
			if (r.outcome != CHECK_GONE)
				wait_for(p, ev->now_us, next_period_us(p));
		}
		break;
	case PROBE_EV_TIMER:
		overdue(p, "no answer to a new connection", ev->now_us, out);
		break;
	case PROBE_EV_SECOND:
		second_answered(p, ev);
		break;
	case PROBE_EV_HUP: /* comes as an error while the library reads */
	case PROBE_EV_RAW: /* evidence for people only */
	case PROBE_EV_START:
	case PROBE_EV_PROC:
	case PROBE_EV_QUERY:
	case _PROBE_EV_MAX_:
		break;
	}
}

static void in_idle(struct probe *p, const struct probe_event *ev, struct probe_actions *out)
{
	switch (ev->type) {
	case PROBE_EV_TIMER:
		p->state = PROBE_BUSY;
		p->sent_us = ev->now_us;
		expect_answer(p, ev->now_us);
		out->acts |= PROBE_ACT_ASK;
		break;
	case PROBE_EV_HUP:
		suspect(p, ev->now_us, out);
		break;
	case PROBE_EV_START:
	case PROBE_EV_ANSWER:
	case PROBE_EV_ERROR:
	case PROBE_EV_PROC:
	case PROBE_EV_RAW:
	case PROBE_EV_SECOND:
	case PROBE_EV_QUERY:
	case _PROBE_EV_MAX_:
		break;
	}
}

static void in_busy(struct probe *p, const struct probe_event *ev, struct probe_actions *out)
{
	struct probe_ruling r;

	switch (ev->type) {
	case PROBE_EV_ANSWER:
		answered(p, ev, p->sent_us, out);
		break;
	case PROBE_EV_ERROR:
		r = probe_rule_error(ev->code);
		if (r.then == PROBE_SUSPECT) {
			suspect(p, ev->now_us, out);
			break;
		}
		rule(p, ev, &r, out);
		if (r.then == PROBE_KEEP) {
			p->clock.on = false;
			p->state = PROBE_IDLE;
			p->next_us = ev->now_us + next_period_us(p);
		} else if (r.outcome != CHECK_GONE) {
			out->acts |= PROBE_ACT_DROP;
			wait_for(p, ev->now_us, next_period_us(p));
		}
		break;
	case PROBE_EV_HUP:
		suspect(p, ev->now_us, out);
		break;
	case PROBE_EV_TIMER:
		overdue(p, "no answer", ev->now_us, out);
		break;
	case PROBE_EV_RAW:
		p->stopping |= ev->raw == PROBE_RAW_MISSING;
		break;
	case PROBE_EV_SECOND:
		second_answered(p, ev);
		break;
	case PROBE_EV_START:
	case PROBE_EV_PROC:
	case PROBE_EV_QUERY:
	case _PROBE_EV_MAX_:
		break;
	}
}

static void in_suspecting(struct probe *p, const struct probe_event *ev, struct probe_actions *out)
{
	switch (ev->type) {
	case PROBE_EV_RAW:
		suspecting_raw(p, ev, out);
		break;
	case PROBE_EV_TIMER:
		if (p->clock.ran_us >= p->timeout_us)
			hard_deadline(p, "connections are not served", ev->now_us, out);
		else if (!p->raw_wait && ev->now_us >= p->raw_us)
			check_raw(p, ev->now_us, out);
		break;
	case PROBE_EV_SECOND:
		second_answered(p, ev);
		if (p->vetoed && p->stopping) {
			proven_alive(p, CHECK_DEGRADED, "the socket file is missing; the reserved port answers", out);
			wait_for(p, ev->now_us, p->interval_us);
		}
		break;
	case PROBE_EV_START:
	case PROBE_EV_ANSWER:
	case PROBE_EV_ERROR:
	case PROBE_EV_HUP:
	case PROBE_EV_PROC:
	case PROBE_EV_QUERY:
	case _PROBE_EV_MAX_:
		break;
	}
}

static void in_wait(struct probe *p, const struct probe_event *ev, struct probe_actions *out)
{
	if (ev->type == PROBE_EV_TIMER)
		connect_now(p, ev->now_us, out);
}

/* --- events that mean the same in every state -------------------------------------------------------------------- */

static void looked_at_process(struct probe *p, const struct probe_event *ev, struct probe_actions *out)
{
	p->proc = ev->proc;
	if (ev->proc.pid && ev->proc.dying && p->state != PROBE_START)
		dying(p, &ev->proc, ev->now_us, out);
}

static void query_done(struct probe *p, const struct probe_event *ev, struct probe_actions *out)
{
	switch (ev->query) {
	case PROBE_QUERY_PASSED:
		p->query_known = true;
		p->query_failed = false;
		if (p->verdict == CHECK_ALIVE || p->verdict == CHECK_DEGRADED)
			out->outcome = CHECK_PASS;
		break;
	case PROBE_QUERY_FAILED:
		p->query_known = true;
		p->query_failed = true;
		snprintf(p->query_reason, sizeof(p->query_reason), "check failed: %s", ev->text ? ev->text : "query");
		out->outcome = CHECK_FAIL;
		break;
	case PROBE_QUERY_NOT_RUN:
		/* No result is no failure, and no reason to hold back the heartbeat for ever. */
		p->query_known = true;
		break;
	}
}

void probe_init(struct probe *p, uint64_t interval_us, uint64_t timeout_us, bool has_reserved, bool has_query)
{
	*p = (struct probe){
		.interval_us = interval_us,
		.timeout_us = timeout_us,
		.has_reserved = has_reserved,
		.has_query = has_query,
		.next_us = UINT64_MAX,
		.raw_us = UINT64_MAX,
		.hurry = HURRIED_ROUNDS,
		.reason = "no answer yet",
	};
}

void probe_reconf(struct probe *p, uint64_t interval_us, uint64_t timeout_us, bool has_reserved, bool has_query,
		  bool new_query)
{
	/* The next question may be due earlier now. */
	if ((p->state == PROBE_IDLE || p->state == PROBE_WAIT) && interval_us < p->interval_us)
		p->next_us -= min_u64(p->next_us, p->interval_us - interval_us);
	p->interval_us = interval_us;
	p->timeout_us = timeout_us;
	p->has_reserved = has_reserved;
	p->has_query = has_query;
	if (new_query)
		p->query_known = p->query_failed = false;
}

void probe_restart(struct probe *p)
{
	const struct probe before = *p;

	probe_init(p, before.interval_us, before.timeout_us, before.has_reserved, before.has_query);
	p->seen_alive = before.seen_alive;
	p->verdict = before.verdict;
	p->death = before.death;
	p->query_known = before.query_known;
	p->query_failed = before.query_failed;
	memcpy(p->reason, before.reason, sizeof(p->reason));
	memcpy(p->query_reason, before.query_reason, sizeof(p->query_reason));
}

void probe_tick(struct probe *p, uint64_t now_us, uint64_t lag_us)
{
	probe_clock_tick(&p->clock, now_us, lag_us);
}

struct probe_actions probe_event(struct probe *p, const struct probe_event *ev)
{
	struct probe_actions out = { .outcome = CHECK_NOTHING };

	assert(ev->type < _PROBE_EV_MAX_);
	if (ev->type == PROBE_EV_PROC) {
		looked_at_process(p, ev, &out);
		return out;
	}
	if (ev->type == PROBE_EV_QUERY) {
		query_done(p, ev, &out);
		return out;
	}
	switch (p->state) {
	case PROBE_START:
		if (ev->type == PROBE_EV_START)
			connect_now(p, ev->now_us, &out);
		break;
	case PROBE_CONNECTING:
		in_connecting(p, ev, &out);
		break;
	case PROBE_IDLE:
		in_idle(p, ev, &out);
		break;
	case PROBE_BUSY:
		in_busy(p, ev, &out);
		break;
	case PROBE_SUSPECTING:
		in_suspecting(p, ev, &out);
		break;
	case PROBE_WAIT:
		in_wait(p, ev, &out);
		break;
	case _PROBE_STATE_MAX_:
		assert(false);
	}
	return out;
}

/* When silence has to be counted again, at the latest: the coarser, the more a late wake-up would weigh. */
static uint64_t silence_due_us(const struct probe *p)
{
	const uint64_t soft_us = overdue_us(p->timeout_us), ran_us = p->clock.ran_us;
	uint64_t left_us;

	if (!p->clock.on)
		return UINT64_MAX;
	left_us = p->timeout_us > ran_us ? p->timeout_us - ran_us : 0;
	if (!p->soft_over && p->state != PROBE_SUSPECTING)
		left_us = min_u64(left_us, soft_us > ran_us ? soft_us - ran_us : 0);
	return p->clock.seen_us + min_u64(left_us, min_u64(soft_us, TICK_MAX_US));
}

uint64_t probe_wake_us(const struct probe *p)
{
	switch (p->state) {
	case PROBE_START:
		return UINT64_MAX;
	case PROBE_CONNECTING:
	case PROBE_BUSY:
		return silence_due_us(p);
	case PROBE_IDLE:
	case PROBE_WAIT:
		return p->next_us;
	case PROBE_SUSPECTING:
		return min_u64(p->raw_wait ? UINT64_MAX : p->raw_us, silence_due_us(p));
	case _PROBE_STATE_MAX_:
		break;
	}
	return UINT64_MAX;
}

static bool is_well(const struct probe *p)
{
	return p->verdict == CHECK_ALIVE && p->hurry == 0 && !p->episode;
}

/* The time left for a second opinion must not suffer: hence the condition on `timeout`. */
uint64_t probe_answer_may_lie_us(const struct probe *p)
{
	if (p->state != PROBE_BUSY || !is_well(p) || p->soft_over || p->timeout_us < 4 * p->interval_us)
		return UINT64_MAX;
	return p->sent_us + p->interval_us;
}

uint64_t probe_early_us(const struct probe *p)
{
	return p->state == PROBE_IDLE && is_well(p) ? p->interval_us / 4 : 0;
}

static bool query_decides(const struct probe *p)
{
	return p->query_failed && (p->verdict == CHECK_ALIVE || p->verdict == CHECK_DEGRADED);
}

enum check_verdict probe_verdict(const struct probe *p)
{
	return query_decides(p) ? CHECK_DEAD : p->verdict;
}

const char *probe_reason(const struct probe *p)
{
	return query_decides(p) ? p->query_reason : p->reason;
}
