/* SPDX-License-Identifier: Apache-2.0 */
/* What the probe's observations mean. Pure: no socket, clock, log or allocation; checks/mysql feeds events in and
 * carries the actions out.
 *
 * States:  START -> CONNECTING -> IDLE <-> BUSY -> SUSPECT -> CONNECTING ...; WAIT is the pause before a new attempt.
 * CONNECTING covers everything up to the first row of a new connection. SUSPECT: the connection is lost, and it is not
 * yet known whether the server is. The verdict is apart from the state and outlives it.
 *
 * A packet of MySQL, an error packet too, proves the server alive. Nobody listening, seen twice at least 5 ms apart, or
 * a process that is exiting, is a death and certain (CHECK_GONE). Silence for `timeout` is a hang (CHECK_FAIL), unless
 * the reserved port answered meanwhile. Silence is counted in time in which our own loop ran. */
#pragma once

#include "checks/check.h"

/* --- what an error number means ---------------------------------------------------------------------------------- */

enum probe_then {
	PROBE_KEEP,      /* the connection is still good */
	PROBE_SUSPECT,   /* it is lost; that says nothing about the server yet */
	PROBE_RECONNECT, /* drop it, try again at the next interval */
};

struct probe_ruling {
	enum check_verdict verdict; /* CHECK_UNKNOWN: this number alone allows none */
	enum check_outcome outcome;
	enum probe_then then;
	const char *text; /* NULL: the server's own words are as good */
};

/* `code`: of mysql_errno(), not 0. Numbers that we do not know: an error packet, the connection is kept. */
struct probe_ruling probe_rule_error(unsigned code);

/* Did the server send this, as opposed to the client library? */
bool probe_is_packet(unsigned code);

/* --- silence ----------------------------------------------------------------------------------------------------- */

/* Counts time since probe_clock_start() without what our own loop overslept. */
struct probe_clock {
	bool on;
	uint64_t ran_us;  /* counted so far */
	uint64_t seen_us; /* until when */
};

void probe_clock_start(struct probe_clock *c, uint64_t now_us);
void probe_clock_tick(struct probe_clock *c, uint64_t now_us, uint64_t lag_us);

/* --- the state machine ------------------------------------------------------------------------------------------- */

enum probe_state {
	PROBE_START,
	PROBE_CONNECTING,
	PROBE_IDLE,
	PROBE_BUSY,
	PROBE_SUSPECTING,
	PROBE_WAIT,
	_PROBE_STATE_MAX_,
};

/* What connect() says below the library. */
enum probe_raw {
	PROBE_RAW_PENDING,   /* TCP: not known yet; never an event */
	PROBE_RAW_LISTENING, /* the kernel accepts for a stopped server, too */
	PROBE_RAW_REFUSED,   /* ECONNREFUSED: nobody listens */
	PROBE_RAW_MISSING,   /* ENOENT: no socket file */
	PROBE_RAW_SATURATED, /* backlog full, or no answer: somebody may be there */
	PROBE_RAW_DENIED,    /* EACCES: our own trouble */
};

/* Of /proc/PID/stat. */
struct probe_proc {
	int pid;        /* 0: not known, and nothing else here counts */
	char state;     /* as in proc(5), 0 if not readable */
	bool dying;     /* exiting, killed, a zombie, or gone */
	bool by_thread; /* seen by the end of a thread */
};

enum probe_query_result {
	PROBE_QUERY_PASSED,
	PROBE_QUERY_FAILED,
	PROBE_QUERY_NOT_RUN, /* no connection for it: the heartbeat will say why */
};

enum probe_event_type {
	PROBE_EV_START,
	PROBE_EV_TIMER,  /* probe_wake_us() has come */
	PROBE_EV_ANSWER, /* the heartbeat is answered; the first one of a connection, too */
	PROBE_EV_ERROR,  /* code, text: of the heartbeat's connection */
	PROBE_EV_HUP,    /* the idle connection was closed */
	PROBE_EV_PROC,   /* proc: answers PROBE_ACT_PROC, or the watch saw the server dying */
	PROBE_EV_RAW,    /* raw: answers PROBE_ACT_RAW */
	PROBE_EV_SECOND, /* code (0 = row), reserved: answers PROBE_ACT_SECOND */
	PROBE_EV_QUERY,  /* query, text: the configured query */
	_PROBE_EV_MAX_,
};

struct probe_event {
	enum probe_event_type type;
	uint64_t now_us;
	unsigned code;
	const char *text; /* may be NULL */
	struct probe_proc proc;
	enum probe_raw raw;
	bool reserved;
	bool entry_missing; /* ROW: clients cannot reach the server, the socket file is gone */
	enum probe_query_result query;
};

/* Carried out in this order. */
enum probe_act {
	PROBE_ACT_DROP = 1 << 0,    /* abandon the heartbeat's connection, whatever it does */
	PROBE_ACT_CONNECT = 1 << 1, /* connect and ask for a row */
	PROBE_ACT_ASK = 1 << 2,     /* ask for a row on the present connection */
	PROBE_ACT_PROC = 1 << 3,    /* look at the process */
	PROBE_ACT_RAW = 1 << 4,     /* see whether somebody listens */
	PROBE_ACT_SECOND = 1 << 5,  /* a second connection in parallel: to the reserved port if there is one */
};

struct probe_actions {
	unsigned acts; /* of enum probe_act */
	enum check_outcome outcome;
};

/* Why the server counts as dead. */
enum probe_death { PROBE_DEATH_NONE, PROBE_DEATH_HUNG, PROBE_DEATH_CRASHED, PROBE_DEATH_STOPPED, PROBE_DEATH_DRAINED };

struct probe {
	/* from the configuration */
	uint64_t interval_us, timeout_us;
	bool has_reserved;

	enum probe_state state;
	uint64_t next_us; /* IDLE: next question; WAIT: next attempt */
	uint64_t sent_us; /* BUSY: when the question was sent */
	unsigned hurry;   /* this many rounds use the short period: to see a return early */

	/* what we hold to be true */
	bool seen_alive;
	enum check_verdict verdict;
	enum probe_death death;
	char reason[CHECK_REASON_MAX];

	/* silence since the question, or since the connection was lost */
	struct probe_clock clock;
	bool soft_over;   /* the soft deadline has been dealt with */
	bool vetoed;      /* the reserved port answered since the clock was started */
	bool second_open; /* its outcome is awaited */
	bool second_new;  /* a new connection was served (elsewhere than at the reserved port) */
	struct probe_proc proc;

	/* a lost connection until it is explained */
	bool episode;
	bool stopping;       /* clean shutdown: the server said so, or its socket file is gone */
	bool reserved_asked; /* whether it runs without its socket file */
	bool raw_wait;       /* a raw check is under way */
	uint64_t episode_us;
	unsigned raws;       /* raw checks made in this episode */
	uint64_t raw_us;     /* when the next is due, UINT64_MAX if none */
	unsigned refused;    /* in a row */
	uint64_t refused_us; /* the first of these */

	/* the configured query */
	bool has_query;
	bool query_known; /* it has passed, failed, or could not be run, since the server came up */
	bool query_failed;
	char query_reason[CHECK_REASON_MAX];
};

void probe_init(struct probe *p, uint64_t interval_us, uint64_t timeout_us, bool has_reserved, bool has_query);

/* New values while it runs: state and verdict stay. `new_query`: what was known of the query's result is void. */
void probe_reconf(struct probe *p, uint64_t interval_us, uint64_t timeout_us, bool has_reserved, bool has_query,
		  bool new_query);
/* The server is reached in another way from now on, and every connection has been dropped: starts over, without
 * thinking any worse of the server. */
void probe_restart(struct probe *p);

/* First in each step: `lag_us` is how late this wake-up is, time in which the loop did not run. */
void probe_tick(struct probe *p, uint64_t now_us, uint64_t lag_us);

struct probe_actions probe_event(struct probe *p, const struct probe_event *ev);

/* Absolute, UINT64_MAX for never. */
uint64_t probe_wake_us(const struct probe *p);

/* In quiet times each wake-up costs more than what is done in it. While the server is well, the answer to the present
 * question need not wake anybody: it may lie until the next question is due, whose time this returns; that it is
 * missing is then seen soon enough. UINT64_MAX if the answer is to be read when it comes. */
uint64_t probe_answer_may_lie_us(const struct probe *p);

/* How much earlier than probe_wake_us() the next question may be asked, to share a wake-up. 0 if it must not. */
uint64_t probe_early_us(const struct probe *p);

/* With the configured query's result taken into account. */
enum check_verdict probe_verdict(const struct probe *p);
const char *probe_reason(const struct probe *p);
