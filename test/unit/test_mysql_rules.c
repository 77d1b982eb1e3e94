/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's judgement, event by event, without a server or a clock. Times in here are microseconds on a clock that
 * starts at one second. */
#include "test/unit/unit.h"

#include "checks/mysql_rules.h"

enum { MS = 1000, S = 1000000 };

static struct probe p;
static uint64_t now_us;

#define EV(t, ...) probe_event(&p, &(struct probe_event){ .type = PROBE_EV_##t, .now_us = now_us, ##__VA_ARGS__ })

static void begin(bool reserved, bool query)
{
	now_us = S;
	probe_init(&p, 500 * MS, 2 * S, reserved, query);
	assert_int_equal(EV(START).acts, PROBE_ACT_CONNECT);
}

/* Lets time pass in which our loop ran. */
static void pass(uint64_t us)
{
	now_us += us;
	probe_tick(&p, now_us, 0);
}

static struct probe_actions timer(void)
{
	uint64_t wake_us = probe_wake_us(&p);

	assert_true(wake_us != UINT64_MAX);
	if (wake_us > now_us)
		pass(wake_us - now_us);
	return EV(TIMER);
}

/* Connected, one row received. */
static void begin_alive(bool reserved)
{
	begin(reserved, false);
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	assert_int_equal(p.state, PROBE_IDLE);
}

static void begin_busy(bool reserved)
{
	begin_alive(reserved);
	assert_int_equal(timer().acts, PROBE_ACT_ASK);
	assert_int_equal(p.state, PROBE_BUSY);
}

static struct probe_actions run_until_outcome(unsigned max_timers)
{
	struct probe_actions a = { 0 };

	for (unsigned i = 0; i < max_timers && a.outcome == CHECK_NOTHING; i++)
		a = timer();
	return a;
}

/* --- another configuration --------------------------------------------------------------------------------------- */

static void shorter_interval_takes_effect_at_once(void **state)
{
	uint64_t due_us;

	(void)state;
	begin_alive(false);
	due_us = probe_wake_us(&p);
	probe_reconf(&p, 500 * MS, 3 * S, false, false, false);
	assert_int_equal(probe_wake_us(&p), due_us);
	probe_reconf(&p, 100 * MS, 3 * S, false, false, false);
	assert_true(probe_wake_us(&p) <= now_us + 100 * MS);
	assert_int_equal(timer().acts, PROBE_ACT_ASK);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
}

static void another_entry_is_tried_without_thinking_worse_of_the_server(void **state)
{
	(void)state;
	begin_busy(false);
	probe_restart(&p);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
	assert_int_equal(EV(START).acts, PROBE_ACT_CONNECT);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	assert_int_equal(p.state, PROBE_IDLE);
}

static void server_that_was_dead_stays_dead_until_the_other_entry_answers(void **state)
{
	(void)state;
	begin_busy(false);
	EV(PROC, .proc = { .pid = 4711, .state = 'Z', .dying = true });
	assert_int_equal(probe_verdict(&p), CHECK_DEAD);
	probe_restart(&p);
	assert_int_equal(probe_verdict(&p), CHECK_DEAD);
	EV(START);
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
}

static void another_query_is_waited_for_and_counts_for_nothing_until_then(void **state)
{
	(void)state;
	begin(false, true);
	EV(ANSWER);
	EV(QUERY, .query = PROBE_QUERY_FAILED, .text = "query returned 0");
	assert_int_equal(probe_verdict(&p), CHECK_DEAD);
	probe_reconf(&p, 500 * MS, 2 * S, false, true, true);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
	timer();
	assert_int_equal(EV(ANSWER).outcome, CHECK_NOTHING);
	assert_int_equal(EV(QUERY, .query = PROBE_QUERY_PASSED).outcome, CHECK_PASS);
	probe_reconf(&p, 500 * MS, 2 * S, false, false, true);
	timer();
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
}

/* --- error numbers ----------------------------------------------------------------------------------------------- */

static void complaints_prove_the_server_alive(void **state)
{
	static const unsigned codes[] = {
		1040, 1203, 1226, 1129, 1130, 1045, 1698, 1524, 2059, 1135, 1064, 9999, 5010
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
		struct probe_ruling r = probe_rule_error(codes[i]);

		assert_int_equal(r.verdict, CHECK_DEGRADED);
		assert_int_equal(r.outcome, CHECK_PASS);
		assert_int_not_equal(r.then, PROBE_SUSPECT);
	}
}

static void lost_connections_allow_no_verdict(void **state)
{
	static const unsigned codes[] = { 2000, 2002, 2003, 2006, 2013, 2012, 2027, 2055, 1927, 3169, 4031, 5014 };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
		struct probe_ruling r = probe_rule_error(codes[i]);

		assert_int_equal(r.verdict, CHECK_UNKNOWN);
		assert_int_equal(r.outcome, CHECK_NOTHING);
		assert_int_equal(r.then, PROBE_SUSPECT);
	}
}

static void shutdown_and_offline_mode_are_certain(void **state)
{
	(void)state;
	assert_int_equal(probe_rule_error(1053).outcome, CHECK_GONE);
	assert_int_equal(probe_rule_error(3032).outcome, CHECK_GONE);
	assert_string_equal(probe_rule_error(3032).text, "drained: offline mode");
}

static void refused_statement_keeps_the_connection(void **state)
{
	(void)state;
	begin_busy(false);
	assert_int_equal(EV(ERROR, .code = 1317, .text = "Query execution was interrupted").outcome, CHECK_PASS);
	assert_int_equal(p.state, PROBE_IDLE);
	assert_string_equal(probe_reason(&p), "1317 Query execution was interrupted");
}

static void too_many_connections_is_degraded_and_passes(void **state)
{
	(void)state;
	begin(false, false);
	assert_int_equal(EV(ERROR, .code = 1040, .text = "x").outcome, CHECK_PASS);
	assert_int_equal(probe_verdict(&p), CHECK_DEGRADED);
	assert_string_equal(probe_reason(&p), "1040 Too many connections");
	assert_int_equal(timer().acts, PROBE_ACT_CONNECT);
}

static void offline_mode_drains_until_it_ends(void **state)
{
	(void)state;
	begin_alive(false);
	EV(HUP);
	EV(RAW, .raw = PROBE_RAW_LISTENING);
	assert_int_equal(EV(ERROR, .code = 3032, .text = "The server is currently in offline mode").outcome,
			 CHECK_GONE);
	assert_string_equal(probe_reason(&p), "drained: offline mode");
	assert_int_equal(timer().acts, PROBE_ACT_CONNECT);
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
}

/* --- start ------------------------------------------------------------------------------------------------------- */

static void server_never_seen_stays_unknown(void **state)
{
	(void)state;
	begin(false, false);
	for (unsigned i = 0; i < 5; i++) {
		struct probe_actions a = EV(ERROR, .code = 2002, .text = "x");

		assert_true(a.acts & PROBE_ACT_RAW);
		assert_int_equal(EV(RAW, .raw = PROBE_RAW_REFUSED).outcome, CHECK_NOTHING);
		assert_true(timer().acts & PROBE_ACT_RAW);
		assert_int_equal(EV(RAW, .raw = PROBE_RAW_REFUSED).outcome, CHECK_NOTHING);
		assert_int_equal(p.state, PROBE_WAIT);
		assert_int_equal(probe_verdict(&p), CHECK_UNKNOWN);
		assert_string_equal(probe_reason(&p), "not running: connection refused");
		assert_true(p.next_us - now_us <= 200 * MS);
		assert_int_equal(timer().acts, PROBE_ACT_CONNECT);
	}
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
}

static void hang_during_the_first_connect_is_dead(void **state)
{
	struct probe_actions a;

	(void)state;
	begin(false, false);
	a = timer();
	assert_true(a.acts & PROBE_ACT_PROC);
	EV(PROC, .proc = { .pid = 4711, .state = 'T' });
	assert_int_equal(probe_verdict(&p), CHECK_UNKNOWN);
	a = run_until_outcome(20);
	assert_int_equal(a.outcome, CHECK_FAIL);
	assert_true(a.acts & PROBE_ACT_DROP);
	assert_int_equal(now_us, 3 * S);
	assert_int_equal(probe_verdict(&p), CHECK_DEAD);
	assert_string_equal(probe_reason(&p),
			    "hung: no answer to a new connection for 2.0 s (state of pid 4711: T, stopped)");
}

/* --- rhythm ------------------------------------------------------------------------------------------------------ */

static void asks_each_interval_and_does_not_catch_up(void **state)
{
	(void)state;
	begin_alive(false);
	p.hurry = 0;
	timer();
	pass(1 * MS);
	EV(ANSWER);
	assert_int_equal(p.next_us, p.sent_us + 500 * MS);
	timer();
	pass(1700 * MS); /* slow, and answered in time */
	EV(ANSWER);
	assert_int_equal(p.next_us, now_us);
}

static void returning_server_is_asked_at_the_short_period(void **state)
{
	(void)state;
	begin_alive(false);
	EV(PROC, .proc = { .pid = 1, .dying = true });
	assert_int_equal(p.state, PROBE_WAIT);
	assert_int_equal(p.next_us, now_us + 200 * MS);
	timer();
	EV(ANSWER);
	assert_int_equal(p.next_us, now_us + 200 * MS);
}

/* --- hang -------------------------------------------------------------------------------------------------------- */

static void short_stall_stays_alive(void **state)
{
	(void)state;
	begin_busy(false);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(timer().outcome, CHECK_NOTHING); /* one second */
	assert_int_equal(now_us - p.sent_us, S);
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
}

static void silence_for_timeout_is_hung_and_counts_once(void **state)
{
	struct probe_actions a;

	(void)state;
	begin_busy(false);
	a = timer(); /* the soft deadline */
	assert_int_equal(now_us - p.sent_us, 250 * MS);
	assert_int_equal(a.acts, PROBE_ACT_PROC | PROBE_ACT_RAW | PROBE_ACT_SECOND);
	EV(PROC, .proc = { .pid = 4711, .state = 'T' });
	EV(RAW, .raw = PROBE_RAW_LISTENING);
	a = run_until_outcome(20);
	assert_int_equal(now_us - p.sent_us, 2 * S);
	assert_int_equal(a.outcome, CHECK_FAIL);
	assert_string_equal(probe_reason(&p), "hung: no answer for 2.0 s (state of pid 4711: T, stopped)");
	assert_int_equal(p.state, PROBE_WAIT);
	assert_int_equal(timer().acts, PROBE_ACT_CONNECT);
	a = run_until_outcome(40);
	assert_int_equal(a.outcome, CHECK_FAIL); /* once more for each further timeout */
}

static void overslept_time_is_not_silence(void **state)
{
	uint64_t wake_us;

	(void)state;
	begin_busy(false);
	wake_us = probe_wake_us(&p);
	now_us = wake_us + 5 * S; /* we were stopped */
	probe_tick(&p, now_us, 5 * S);
	assert_int_equal(EV(TIMER).outcome, CHECK_NOTHING);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
	assert_int_equal(run_until_outcome(20).outcome, CHECK_FAIL);
	assert_int_equal(now_us, wake_us + 5 * S + 1750 * MS);
}

static void small_lateness_does_not_prolong_the_timeout(void **state)
{
	(void)state;
	begin_busy(false);
	while (now_us < p.sent_us + 1999 * MS) {
		now_us += 10 * MS; /* each look into /proc is a millisecond late */
		probe_tick(&p, now_us, 1 * MS);
		if (now_us >= probe_wake_us(&p) && now_us < p.sent_us + 1999 * MS)
			assert_int_equal(EV(TIMER).outcome, CHECK_NOTHING);
	}
	assert_int_equal(EV(TIMER).outcome, CHECK_FAIL);
}

static void stopped_agent_finds_the_row_before_the_deadline(void **state)
{
	(void)state;
	begin_busy(false);
	now_us += 10 * S;
	probe_tick(&p, now_us, 9 * S);
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	assert_true(probe_wake_us(&p) >= now_us);
}

static void reserved_port_vetoes_a_hang(void **state)
{
	struct probe_actions a;

	(void)state;
	begin_busy(true);
	timer();
	EV(SECOND, .code = 0, .reserved = true);
	a = run_until_outcome(20);
	assert_int_equal(a.outcome, CHECK_PASS);
	assert_false(a.acts & PROBE_ACT_DROP);
	assert_int_equal(probe_verdict(&p), CHECK_DEGRADED);
	assert_string_equal(probe_reason(&p), "saturated: only the reserved port answers");
	assert_int_equal(p.state, PROBE_BUSY);
	/* the veto lasts for one timeout; then it is asked again */
	a = timer();
	assert_true(a.acts & PROBE_ACT_SECOND);
	assert_int_equal(run_until_outcome(20).outcome, CHECK_FAIL);
}

static void other_answers_are_no_veto(void **state)
{
	(void)state;
	begin_busy(false);
	timer();
	EV(SECOND, .code = 0, .reserved = false);
	assert_int_equal(run_until_outcome(20).outcome, CHECK_FAIL);
	assert_string_equal(probe_reason(&p), "hung: no answer for 2.0 s, though a new connection was served");
	begin_busy(true);
	timer();
	EV(SECOND, .code = 2013, .reserved = true);
	assert_int_equal(run_until_outcome(20).outcome, CHECK_FAIL);
	begin_busy(true);
	timer();
	EV(SECOND, .code = 1053, .reserved = true);
	assert_int_equal(run_until_outcome(20).outcome, CHECK_FAIL);
}

static void hung_server_that_answers_again_is_alive(void **state)
{
	(void)state;
	begin_busy(false);
	run_until_outcome(20);
	timer();
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
}

/* --- death ------------------------------------------------------------------------------------------------------- */

static void dying_process_is_dead_without_confirmation(void **state)
{
	struct probe_actions a;

	(void)state;
	begin_alive(false);
	a = EV(PROC, .proc = { .pid = 4711, .state = 'S', .dying = true, .by_thread = true });
	assert_int_equal(a.outcome, CHECK_GONE);
	assert_true(a.acts & PROBE_ACT_DROP);
	assert_int_equal(probe_verdict(&p), CHECK_DEAD);
	assert_string_equal(probe_reason(&p), "crashed: a thread of mysqld (pid 4711) is exiting");
	/* reported once */
	assert_int_equal(EV(PROC, .proc = { .pid = 4711, .state = 'X', .dying = true }).outcome, CHECK_NOTHING);
}

static void dying_is_seen_in_every_state(void **state)
{
	(void)state;
	begin_busy(false);
	assert_int_equal(EV(PROC, .proc = { .pid = 1, .dying = true }).outcome, CHECK_GONE);
	begin_alive(false);
	EV(HUP);
	assert_int_equal(EV(PROC, .proc = { .pid = 1, .dying = true }).outcome, CHECK_GONE);
	begin_busy(false);
	run_until_outcome(20); /* hung first, then killed */
	assert_int_equal(EV(PROC, .proc = { .pid = 1, .dying = true }).outcome, CHECK_GONE);
	assert_int_equal(p.death, PROBE_DEATH_CRASHED);
}

static void one_refusal_is_not_enough(void **state)
{
	struct probe_actions a;

	(void)state;
	begin_alive(false);
	a = EV(HUP);
	assert_int_equal(a.acts, PROBE_ACT_DROP | PROBE_ACT_PROC | PROBE_ACT_RAW);
	assert_int_equal(EV(RAW, .raw = PROBE_RAW_REFUSED).outcome, CHECK_NOTHING);
	a = timer();
	assert_int_equal(now_us, S + 5 * MS);
	assert_true(a.acts & PROBE_ACT_RAW);
	assert_int_equal(EV(RAW, .raw = PROBE_RAW_REFUSED).outcome, CHECK_GONE);
	assert_string_equal(probe_reason(&p), "crashed: connection lost and nobody listens");
}

static void missing_socket_file_means_stopped(void **state)
{
	(void)state;
	begin_alive(false);
	EV(HUP);
	EV(RAW, .raw = PROBE_RAW_MISSING);
	timer();
	assert_int_equal(EV(RAW, .raw = PROBE_RAW_MISSING).outcome, CHECK_GONE);
	assert_string_equal(probe_reason(&p), "stopped: connection lost and the socket file is gone");
}

static void killed_connection_is_replaced_without_a_word(void **state)
{
	(void)state;
	begin_alive(false);
	for (unsigned i = 0; i < 600; i++) {
		assert_int_equal(EV(HUP).outcome, CHECK_NOTHING);
		assert_true(EV(RAW, .raw = PROBE_RAW_LISTENING).acts & PROBE_ACT_CONNECT);
		pass(100);
		assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
		assert_int_equal(probe_verdict(&p), CHECK_ALIVE);
		pass(100 * MS);
	}
}

static void listener_that_outlives_the_connection_does_not_hide_a_crash(void **state)
{
	struct probe_actions a;

	(void)state;
	begin_alive(false);
	EV(HUP);
	EV(RAW, .raw = PROBE_RAW_LISTENING);
	pass(200);
	a = EV(ERROR, .code = 2013, .text = "Lost connection"); /* accepted by the kernel, then reset */
	assert_int_equal(a.outcome, CHECK_NOTHING);
	a = timer();
	assert_int_equal(now_us, S + 5 * MS);
	assert_true(a.acts & PROBE_ACT_RAW);
	EV(RAW, .raw = PROBE_RAW_REFUSED);
	timer();
	assert_int_equal(EV(RAW, .raw = PROBE_RAW_REFUSED).outcome, CHECK_GONE);
}

static void full_backlog_is_not_a_crash(void **state)
{
	(void)state;
	begin_alive(false);
	EV(HUP);
	EV(RAW, .raw = PROBE_RAW_SATURATED);
	while (now_us < 2 * S) { /* a second of it */
		struct probe_actions a = timer();

		assert_int_equal(a.outcome, CHECK_NOTHING);
		if (a.acts & PROBE_ACT_RAW)
			assert_int_equal(EV(RAW, .raw = PROBE_RAW_SATURATED).outcome, CHECK_NOTHING);
	}
	while (!(timer().acts & PROBE_ACT_RAW))
		;
	EV(RAW, .raw = PROBE_RAW_LISTENING);
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
}

static void full_backlog_for_timeout_is_hung(void **state)
{
	struct probe_actions a = { 0 };

	(void)state;
	begin_alive(false);
	EV(HUP);
	EV(RAW, .raw = PROBE_RAW_SATURATED);
	while (a.outcome == CHECK_NOTHING) {
		a = timer();
		if (a.acts & PROBE_ACT_RAW)
			EV(RAW, .raw = PROBE_RAW_SATURATED);
	}
	assert_int_equal(a.outcome, CHECK_FAIL);
	assert_int_equal(now_us, 3 * S);
	assert_string_equal(probe_reason(&p), "hung: connections are not served for 2.0 s");
}

static void forbidden_socket_is_our_trouble(void **state)
{
	(void)state;
	begin_alive(false);
	EV(HUP);
	assert_int_equal(EV(RAW, .raw = PROBE_RAW_DENIED).outcome, CHECK_NOTHING);
	assert_int_equal(probe_verdict(&p), CHECK_DEGRADED);
	assert_int_equal(timer().acts, PROBE_ACT_CONNECT);
}

static void server_without_socket_file_lives_on_its_reserved_port(void **state)
{
	struct probe_actions a;

	(void)state;
	begin_alive(true);
	EV(HUP);
	a = EV(RAW, .raw = PROBE_RAW_MISSING);
	assert_true(a.acts & PROBE_ACT_SECOND);
	pass(1 * MS);
	a = EV(SECOND, .code = 0, .reserved = true);
	assert_int_equal(a.outcome, CHECK_PASS);
	assert_int_equal(probe_verdict(&p), CHECK_DEGRADED);
	/* and without an answer there it is dead as soon as confirmed */
	begin_alive(true);
	EV(HUP);
	EV(RAW, .raw = PROBE_RAW_MISSING);
	EV(SECOND, .code = 2003, .reserved = true);
	timer();
	assert_int_equal(EV(RAW, .raw = PROBE_RAW_MISSING).outcome, CHECK_GONE);
	assert_int_equal(now_us, S + 5 * MS);
}

static void missing_socket_file_is_reported_while_the_connection_lives(void **state)
{
	(void)state;
	begin_busy(false);
	assert_int_equal(EV(ANSWER, .entry_missing = true).outcome, CHECK_PASS);
	assert_int_equal(probe_verdict(&p), CHECK_DEGRADED);
}

static void shutdown_announced_in_an_answer_is_dead_at_once(void **state)
{
	(void)state;
	begin_busy(false);
	assert_int_equal(EV(ERROR, .code = 1053, .text = "Server shutdown in progress").outcome, CHECK_GONE);
	assert_string_equal(probe_reason(&p), "stopped: server shutdown in progress");
}

/* --- the configured query ---------------------------------------------------------------------------------------- */

static void heartbeat_does_not_hide_a_failing_query(void **state)
{
	struct probe_actions a;

	(void)state;
	begin(false, true);
	assert_int_equal(EV(ANSWER).outcome, CHECK_NOTHING); /* the query has the first word */
	assert_int_equal(EV(QUERY, .query = PROBE_QUERY_PASSED).outcome, CHECK_PASS);
	a = EV(QUERY, .query = PROBE_QUERY_FAILED, .text = "query returned 0");
	assert_int_equal(a.outcome, CHECK_FAIL);
	assert_int_equal(probe_verdict(&p), CHECK_DEAD);
	assert_string_equal(probe_reason(&p), "check failed: query returned 0");
	timer();
	assert_int_equal(EV(ANSWER).outcome, CHECK_NOTHING);
	assert_int_equal(EV(QUERY, .query = PROBE_QUERY_NOT_RUN).outcome, CHECK_NOTHING);
	timer();
	assert_int_equal(EV(ANSWER).outcome, CHECK_NOTHING); /* no result is no success */
	assert_int_equal(EV(QUERY, .query = PROBE_QUERY_PASSED).outcome, CHECK_PASS);
	timer();
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	assert_string_equal(probe_reason(&p), "row received");
}

static void query_does_not_hide_a_hang(void **state)
{
	(void)state;
	begin(false, true);
	EV(ANSWER);
	EV(QUERY, .query = PROBE_QUERY_PASSED);
	timer();
	assert_int_equal(run_until_outcome(20).outcome, CHECK_FAIL);
	assert_int_equal(EV(QUERY, .query = PROBE_QUERY_PASSED).outcome, CHECK_NOTHING);
	assert_int_equal(probe_verdict(&p), CHECK_DEAD);
}

static void query_that_cannot_be_run_does_not_hold_the_heartbeat_back(void **state)
{
	(void)state;
	begin(false, true);
	EV(ANSWER);
	assert_int_equal(EV(QUERY, .query = PROBE_QUERY_NOT_RUN).outcome, CHECK_NOTHING);
	timer();
	assert_int_equal(EV(ANSWER).outcome, CHECK_PASS);
	begin(false, true);
	assert_int_equal(EV(ERROR, .code = 1040).outcome, CHECK_PASS);
}

/* --- robustness -------------------------------------------------------------------------------------------------- */

/* Any order of events must leave the machine with a plan, and no GONE without a server that was once seen. */
static void any_order_of_events_keeps_a_plan(void **state)
{
	uint32_t seed = 12345;

	(void)state;
	for (unsigned run = 0; run < 2000; run++) {
		begin(run & 1, run & 2);
		for (unsigned i = 0; i < 60; i++) {
			static const unsigned codes[] = { 2002, 2013, 2006, 1040, 1053, 3032, 1045, 1317, 2008 };
			struct probe_event ev = { 0 };
			struct probe_actions a;
			const bool seen = p.seen_alive || p.verdict != CHECK_UNKNOWN;

			seed = seed * 1664525 + 1013904223;
			now_us += (seed >> 8) % 100000;
			probe_tick(&p, now_us, (seed >> 4) % 1000);
			ev.now_us = now_us;
			ev.type = (enum probe_event_type)(1 + (seed >> 10) % (_PROBE_EV_MAX_ - 1));
			if (ev.type == PROBE_EV_TIMER && probe_wake_us(&p) > now_us)
				continue;
			ev.code = codes[(seed >> 14) % ELEMENTSOF(codes)];
			ev.raw = (enum probe_raw)(1 + (seed >> 18) % 5);
			ev.reserved = run & 1;
			ev.query = (enum probe_query_result)((seed >> 21) % 3);
			ev.proc = (struct probe_proc){ .pid = 7, .state = 'S', .dying = (seed >> 24) % 8 == 0 };
			a = probe_event(&p, &ev);
			if (a.outcome == CHECK_GONE)
				assert_true(seen || ev.type == PROBE_EV_ERROR);
			if (!(a.acts & PROBE_ACT_RAW) || p.state != PROBE_SUSPECTING)
				assert_true(probe_wake_us(&p) < now_us + 10 * S);
			if (p.state == PROBE_WAIT)
				assert_true(p.next_us <= now_us + 500 * MS);
			assert_true(memchr(p.reason, 0, sizeof(p.reason)) != NULL);
		}
	}
}

/* --- saving wake-ups --------------------------------------------------------------------------------------------- */

static void be_well(void)
{
	begin_alive(false);
	while (p.hurry > 0) {
		timer();
		EV(ANSWER);
	}
}

static void answer_of_a_server_that_is_well_may_lie_until_the_next_question(void **state)
{
	(void)state;
	be_well();
	assert_int_equal(probe_answer_may_lie_us(&p), UINT64_MAX); /* nothing was asked */
	timer();
	assert_int_equal(probe_answer_may_lie_us(&p), now_us + 500 * MS);
}

static void answer_is_awaited_while_anything_is_in_doubt(void **state)
{
	(void)state;
	begin_busy(false); /* hurried rounds: a return is to be seen early */
	assert_int_equal(probe_answer_may_lie_us(&p), UINT64_MAX);
	be_well();
	timer();
	timer(); /* the soft deadline has passed */
	assert_int_equal(probe_answer_may_lie_us(&p), UINT64_MAX);
	be_well();
	timer();
	EV(ANSWER, .entry_missing = true); /* degraded */
	timer();
	assert_int_equal(probe_answer_may_lie_us(&p), UINT64_MAX);
	be_well();
	p.timeout_us = 3 * p.interval_us; /* too short to lose an interval of it */
	timer();
	assert_int_equal(probe_answer_may_lie_us(&p), UINT64_MAX);
}

static void only_the_next_question_to_a_server_that_is_well_may_be_early(void **state)
{
	(void)state;
	begin_alive(false);
	assert_int_equal(probe_early_us(&p), 0);
	be_well();
	assert_int_equal(probe_early_us(&p), 125 * MS);
	timer();
	assert_int_equal(probe_early_us(&p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_of_a_server_that_is_well_may_lie_until_the_next_question),
		cmocka_unit_test(answer_is_awaited_while_anything_is_in_doubt),
		cmocka_unit_test(only_the_next_question_to_a_server_that_is_well_may_be_early),
		cmocka_unit_test(shorter_interval_takes_effect_at_once),
		cmocka_unit_test(another_entry_is_tried_without_thinking_worse_of_the_server),
		cmocka_unit_test(server_that_was_dead_stays_dead_until_the_other_entry_answers),
		cmocka_unit_test(another_query_is_waited_for_and_counts_for_nothing_until_then),
		cmocka_unit_test(complaints_prove_the_server_alive),
		cmocka_unit_test(lost_connections_allow_no_verdict),
		cmocka_unit_test(shutdown_and_offline_mode_are_certain),
		cmocka_unit_test(refused_statement_keeps_the_connection),
		cmocka_unit_test(too_many_connections_is_degraded_and_passes),
		cmocka_unit_test(offline_mode_drains_until_it_ends),
		cmocka_unit_test(server_never_seen_stays_unknown),
		cmocka_unit_test(hang_during_the_first_connect_is_dead),
		cmocka_unit_test(asks_each_interval_and_does_not_catch_up),
		cmocka_unit_test(returning_server_is_asked_at_the_short_period),
		cmocka_unit_test(short_stall_stays_alive),
		cmocka_unit_test(silence_for_timeout_is_hung_and_counts_once),
		cmocka_unit_test(overslept_time_is_not_silence),
		cmocka_unit_test(small_lateness_does_not_prolong_the_timeout),
		cmocka_unit_test(stopped_agent_finds_the_row_before_the_deadline),
		cmocka_unit_test(reserved_port_vetoes_a_hang),
		cmocka_unit_test(other_answers_are_no_veto),
		cmocka_unit_test(hung_server_that_answers_again_is_alive),
		cmocka_unit_test(dying_process_is_dead_without_confirmation),
		cmocka_unit_test(dying_is_seen_in_every_state),
		cmocka_unit_test(one_refusal_is_not_enough),
		cmocka_unit_test(missing_socket_file_means_stopped),
		cmocka_unit_test(killed_connection_is_replaced_without_a_word),
		cmocka_unit_test(listener_that_outlives_the_connection_does_not_hide_a_crash),
		cmocka_unit_test(full_backlog_is_not_a_crash),
		cmocka_unit_test(full_backlog_for_timeout_is_hung),
		cmocka_unit_test(forbidden_socket_is_our_trouble),
		cmocka_unit_test(server_without_socket_file_lives_on_its_reserved_port),
		cmocka_unit_test(missing_socket_file_is_reported_while_the_connection_lives),
		cmocka_unit_test(shutdown_announced_in_an_answer_is_dead_at_once),
		cmocka_unit_test(heartbeat_does_not_hide_a_failing_query),
		cmocka_unit_test(query_does_not_hide_a_hang),
		cmocka_unit_test(query_that_cannot_be_run_does_not_hold_the_heartbeat_back),
		cmocka_unit_test(any_order_of_events_keeps_a_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
