/* SPDX-License-Identifier: Apache-2.0 */
/* The verdicts of the read-only checks: role, replication, Galera, group replication. What statements and columns are
 * called is checks/mysql_dialect's knowledge. */
#include "checks/fitness_rules.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *fitness_kind_name(enum fitness_kind kind)
{
	static const char *const names[] = { "role", "replication", "galera", "group_replication" };

	_Static_assert(sizeof(names) / sizeof(names[0]) == _FITNESS_MAX_, "each kind has a name");
	assert(kind < _FITNESS_MAX_);
	return names[kind];
}

static void copy(char *dst, size_t size, const char *src)
{
	snprintf(dst, size, "%s", src ? src : "");
}

/* Why, in words. The caller says what follows. */
#define SAY(f, ...) snprintf((f)->reason, sizeof((f)->reason), __VA_ARGS__)

static void verdict(struct fitness *f, bool passed)
{
	f->outcome = passed ? CHECK_PASS : CHECK_FAIL;
}

static bool is_denied(unsigned code)
{
	return code == 1227 || code == 1142 || code == 1143 || code == 1044 || code == 1370;
}

/* --- role -------------------------------------------------------------------------------------------------------- */

static bool is_writable(const struct sql_table *t)
{
	return !sql_truth(sql_cell(t, 0, "read_only")) && !sql_truth(sql_cell(t, 0, "super_read_only"));
}

static void judge_role(struct fitness *f, const struct sql_table *t)
{
	const bool offline = sql_truth(sql_cell(t, 0, "offline_mode")), writable = is_writable(t);
	const char *want = f->conf->want_writable ? "writable" : "a read-only replica";

	if (!sql_cell(t, 0, "read_only")) {
		SAY(f, "the server did not tell read_only");
		return;
	}
	copy(f->value, sizeof(f->value), offline ? "offline_mode" : writable ? "writable" : "read only");
	verdict(f, !offline && writable == f->conf->want_writable);
	SAY(f, f->outcome == CHECK_PASS ? "%s, as required" : "%s, but %s is required", f->value, want);
}

/* --- replication ------------------------------------------------------------------------------------------------- */

static bool is_yes(const char *running)
{
	return running && strcasecmp(running, "Yes") == 0;
}

static bool is_no(const char *running)
{
	return !running || strcasecmp(running, "No") == 0;
}

static unsigned number_or_0(const char *text)
{
	uint64_t v;

	return sql_number(text, &v) && v <= UINT32_MAX ? (unsigned)v : 0;
}

/* Errors of a receiver that mean that the primary is away, not that replication is set up wrongly: all of the client
 * library's own, and what an overloaded or stopping primary says. */
static bool is_absence(unsigned io_errno)
{
	return io_errno == 0 || (io_errno >= 2000 && io_errno < 3000) || io_errno == 1040 || io_errno == 1053 ||
	       (io_errno >= 1158 && io_errno <= 1161) || io_errno == 1189 || io_errno == 1218;
}

#define HASH_START 0xcbf29ce484222325ull

/* FNV-1a over the texts: equal ones mean that nothing came meanwhile. */
static uint64_t hash(uint64_t h, const char *text)
{
	for (; text && *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ull;
	return (h ^ 0xff) * 0x100000001b3ull;
}

static struct fitness_channel *channel_of(struct fitness *f, const char *name)
{
	char cut[FITNESS_NAME_MAX];

	copy(cut, sizeof(cut), name);
	for (size_t i = 0; i < f->n_channels; i++)
		if (strcmp(f->channels[i].name, cut) == 0)
			return &f->channels[i];
	if (f->n_channels == FITNESS_CHANNELS) /* names came and went */
		f->n_channels = 0;
	f->channels[f->n_channels] = (struct fitness_channel){ 0 };
	copy(f->channels[f->n_channels].name, FITNESS_NAME_MAX, cut);
	return &f->channels[f->n_channels++];
}

static void note_contact(struct fitness_channel *c, uint64_t token, uint64_t now_us)
{
	if (c->contact_us && c->token == token)
		return;
	c->token = token;
	c->contact_us = now_us;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Received so far is applied so far. A replica that has just been started with GTIDs has no file yet: it has received
 * nothing. GTIDs are compared as texts only to find them equal; else the positions tell. */
static bool is_drained(const struct sql_table *t, size_t row)
{
	const char *file = replica_cell(t, row, REPLICA_READ_FILE), *gtid = replica_cell(t, row, REPLICA_GTID_RECEIVED);

	if (file && !*file)
		return true;
	if (gtid && *gtid && same(gtid, replica_cell(t, row, REPLICA_GTID_APPLIED)))
		return true;
	return same(replica_cell(t, row, REPLICA_READ_POS), replica_cell(t, row, REPLICA_EXEC_POS)) &&
	       same(replica_cell(t, row, REPLICA_READ_FILE), replica_cell(t, row, REPLICA_EXEC_FILE));
}

/* False: the server does not tell, and it cannot be known otherwise. What it told last holds while nothing more comes
 * in; it can only have got better since. */
static bool find_lag(struct fitness_channel *c, const struct sql_table *t, size_t row, uint64_t *ret)
{
	c->has_lag |= sql_number(replica_cell(t, row, REPLICA_LAG), &c->lag_s);
	if (!replica_cell(t, row, REPLICA_LAG) && is_drained(t, row)) {
		*ret = 0;
		return true;
	}
	*ret = c->lag_s;
	return c->has_lag;
}

static bool fails(struct fitness *f, unsigned code, const char *error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static bool fails(struct fitness *f, unsigned code, const char *error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->reason, sizeof(f->reason), fmt, ap);
	va_end(ap);
	f->error_code = code;
	copy(f->error, sizeof(f->error), error);
	return false;
}

static bool judge_threads(struct fitness *f, const struct sql_table *t, size_t row)
{
	const char *io = replica_cell(t, row, REPLICA_IO_RUNNING), *sql = replica_cell(t, row, REPLICA_SQL_RUNNING);
	const unsigned io_errno = number_or_0(replica_cell(t, row, REPLICA_IO_ERRNO));
	const unsigned sql_errno = number_or_0(replica_cell(t, row, REPLICA_SQL_ERRNO));
	const char *io_error = replica_cell(t, row, REPLICA_IO_ERROR);
	const char *sql_error = replica_cell(t, row, REPLICA_SQL_ERROR);

	if (!is_yes(sql) && sql_errno)
		return fails(f, sql_errno, sql_error, "the SQL thread stopped: %u %.60s", sql_errno, sql_error);
	if (!is_yes(sql) && is_no(io) && !io_errno)
		return fails(f, 0, NULL, "replication is stopped (on a new primary: RESET REPLICA ALL)");
	if (!is_yes(sql))
		return fails(f, 0, NULL, "the SQL thread is stopped");
	if (is_no(io))
		return fails(f, io_errno, io_error, "the IO thread is stopped: %u %.60s", io_errno, io_error);
	if (!is_yes(io) && !is_absence(io_errno))
		return fails(f, io_errno, io_error, "the primary lets us not in: %u %.60s", io_errno, io_error);
	if (!is_yes(io) && f->conf->primary_lost_fails)
		return fails(f, io_errno, io_error, "the primary cannot be reached: %u %.50s", io_errno, io_error);
	return true;
}

static bool judge_lag(struct fitness *f, struct fitness_channel *c, const struct sql_table *t, size_t row)
{
	uint64_t lag_s;

	if (!find_lag(c, t, row, &lag_s)) {
		if (!f->conf->has_max_lag)
			return true;
		return fails(f, 0, NULL, "the lag is not known, and not everything received is applied");
	}
	if (f->lag_s < 0 || lag_s > (uint64_t)f->lag_s)
		f->lag_s = lag_s > INT32_MAX ? INT32_MAX : (int64_t)lag_s;
	if (f->conf->has_max_lag && lag_s > f->conf->max_lag_s)
		return fails(f, 0, NULL, "%llu s behind, more than max_lag %u s", (unsigned long long)lag_s,
			     f->conf->max_lag_s);
	return true;
}

/* A receiver that is connected, and hears nothing. */
static bool judge_contact(struct fitness *f, const struct fitness_channel *c, uint64_t period_s, const char *io,
			  uint64_t now_us)
{
	const uint64_t silent_us = now_us - c->contact_us;

	if (!f->conf->max_silence_us || !is_yes(io))
		return true;
	if (period_s * 1000000 > f->conf->max_silence_us) {
		f->complaint = true;
		SAY(f,
		    "max_silence is shorter than the heartbeat period, %llu s: CHANGE MASTER/SOURCE TO "
		    "…_HEARTBEAT_PERIOD",
		    (unsigned long long)period_s);
		return true;
	}
	if (silent_us <= f->conf->max_silence_us)
		return true;
	return fails(f, 0, NULL, "nothing from the primary for %.1f s, more than max_silence", (double)silent_us / 1e6);
}

/* The value of the first channel, or of the first that fails. */
static void describe(struct fitness *f, const struct sql_table *t, size_t row)
{
	const char *host = replica_cell(t, row, REPLICA_HOST), *port = replica_cell(t, row, REPLICA_PORT);
	const char *io = replica_cell(t, row, REPLICA_IO_RUNNING), *sql = replica_cell(t, row, REPLICA_SQL_RUNNING);
	const char *lag = replica_cell(t, row, REPLICA_LAG);

	snprintf(f->value, sizeof(f->value), "replica of %.64s:%.8s, io %.12s, sql %.12s, %s%.12s%s", host ? host : "?",
		 port ? port : "?", io ? io : "?", sql ? sql : "?", lag ? "lag " : "", lag ? lag : "lag not told",
		 lag ? " s" : "");
}

static bool judge_channel(struct fitness *f, const struct sql_table *t, size_t row, uint64_t now_us)
{
	const char *name = replica_cell(t, row, REPLICA_CHANNEL);
	struct fitness_channel *c = channel_of(f, name);
	uint64_t period_s = 0;

	sql_number(replica_cell(t, row, REPLICA_HEARTBEAT_PERIOD), &period_s);
	c->position = hash(HASH_START, replica_cell(t, row, REPLICA_READ_FILE));
	c->position = hash(c->position, replica_cell(t, row, REPLICA_READ_POS));
	if (!dialect_heartbeats(&f->dialect))
		note_contact(c, hash(c->position, replica_cell(t, row, REPLICA_HEARTBEATS)), now_us);
	return judge_threads(f, t, row) && judge_lag(f, c, t, row) &&
	       (dialect_heartbeats(&f->dialect) ||
		judge_contact(f, c, period_s, replica_cell(t, row, REPLICA_IO_RUNNING), now_us));
}

static bool is_wanted(const struct fitness *f, const struct sql_table *t, size_t row)
{
	const char *name = replica_cell(t, row, REPLICA_CHANNEL);

	return !f->conf->channel || strcasecmp(name ? name : "", f->conf->channel) == 0;
}

/* Returns whether another statement is needed. */
static const char *judge_replication(struct fitness *f, const struct sql_table *t, uint64_t now_us)
{
	size_t n = 0;
	bool good = true;

	for (size_t i = 0; i < t->n_rows; i++) {
		if (!is_wanted(f, t, i))
			continue;
		if (++n > FITNESS_CHANNELS) {
			good = fails(f, 0, NULL, "more than %d channels; name one with `channel`", FITNESS_CHANNELS);
			break;
		}
		if (good && n == 1)
			describe(f, t, i);
		if (good && !judge_channel(f, t, i, now_us)) {
			describe(f, t, i);
			good = false;
		}
	}
	if (n == 0 && f->conf->must_replicate) {
		verdict(f, false);
		copy(f->value, sizeof(f->value), "not a replica");
		SAY(f, "replicates from nobody, and `require replica` is given");
		return NULL;
	}
	if (n == 0)
		return dialect_read_only(&f->dialect);
	verdict(f, good);
	if (good && !f->complaint)
		SAY(f, "%zu channel%s run%s", n, n == 1 ? "" : "s", n == 1 ? "s" : "");
	return good && f->conf->max_silence_us ? dialect_heartbeats(&f->dialect) : NULL;
}

/* No channel at all: a primary, or a server that somebody has yet to set up. */
static void judge_unconfigured(struct fitness *f, const struct sql_table *t)
{
	verdict(f, is_writable(t));
	copy(f->value, sizeof(f->value), is_writable(t) ? "primary" : "read only, not a replica");
	SAY(f, is_writable(t) ? "replicates from nobody and is writable: a primary"
			      : "read only, and replicates from nobody");
}

/* MySQL keeps the heartbeats in a table of their own. */
static void judge_heartbeats(struct fitness *f, const struct sql_table *t, uint64_t now_us)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		struct fitness_channel *c = channel_of(f, replica_cell(t, i, REPLICA_CHANNEL));
		uint64_t period_s = 0;

		if (!is_wanted(f, t, i))
			continue;
		sql_number(replica_cell(t, i, REPLICA_HEARTBEAT_PERIOD), &period_s);
		note_contact(c, hash(c->position, replica_cell(t, i, REPLICA_HEARTBEATS)), now_us);
		if (!judge_contact(f, c, period_s, "Yes", now_us))
			verdict(f, false);
	}
}

/* --- Galera ------------------------------------------------------------------------------------------------------ */

static const char *status_of(const struct sql_table *t, const char *variable)
{
	for (size_t i = 0; i < t->n_rows && t->n_cols == 2; i++)
		if (t->cells[2 * i] && strcasecmp(t->cells[2 * i], variable) == 0)
			return t->cells[2 * i + 1];
	return NULL;
}

static void judge_galera(struct fitness *f, const struct sql_table *t)
{
	const char *ready = status_of(t, "wsrep_ready"), *status = status_of(t, "wsrep_cluster_status");
	const char *comment = status_of(t, "wsrep_local_state_comment");
	const unsigned state = number_or_0(status_of(t, "wsrep_local_state"));
	const bool synced = state == 4 || (state == 2 && f->conf->donor_ok);

	snprintf(f->value, sizeof(f->value), "%.40s, cluster %.24s, %s", comment ? comment : "state not told",
		 status ? status : "status not told", sql_truth(ready) ? "ready" : "not ready");
	if (!same(status, "Primary") && !same(status, "PRIMARY"))
		SAY(f, "not in the primary component: cluster status %.24s", status ? status : "not told");
	else if (!synced)
		SAY(f, "state %u (%.40s)%s", state, comment ? comment : "?",
		    state == 2 ? ", and donor_ok is off" : ", not 4 (Synced)");
	else if (!sql_truth(ready))
		SAY(f, "wsrep_ready is off");
	else
		SAY(f, "%.40s in the primary component", comment ? comment : "synced");
	verdict(f, synced && sql_truth(ready) && (same(status, "Primary") || same(status, "PRIMARY")));
}

/* --- group replication ------------------------------------------------------------------------------------------- */

static void judge_group(struct fitness *f, const struct sql_table *t)
{
	const char *state = sql_cell(t, 0, "MEMBER_STATE"), *role = sql_cell(t, 0, "MEMBER_ROLE");
	const bool online = state && strcasecmp(state, "ONLINE") == 0;
	const bool primary = role && strcasecmp(role, "PRIMARY") == 0;

	if (t->n_rows == 0) {
		verdict(f, false);
		copy(f->value, sizeof(f->value), "no member");
		SAY(f, "group replication is not active in this server");
		return;
	}
	snprintf(f->value, sizeof(f->value), "%.24s, %.24s", state ? state : "state not told",
		 role && *role ? role : "no role");
	verdict(f, online && (primary || f->conf->any_member));
	if (!online)
		SAY(f, "member state %.24s, not ONLINE", state ? state : "not told");
	else if (!primary && !f->conf->any_member)
		SAY(f, "a secondary of its group, and `require primary` is in effect");
	else
		SAY(f, "%.24s member of its group", primary ? "primary" : "online");
}

/* --- one run ----------------------------------------------------------------------------------------------------- */

void fitness_init(struct fitness *f, const struct fitness_conf *conf)
{
	*f = (struct fitness){ .conf = conf, .lag_s = -1 };
}

void fitness_reconf(struct fitness *f, const struct fitness_conf *conf)
{
	f->conf = conf;
}

const char *fitness_begin(struct fitness *f, const struct mysql_dialect *dialect)
{
	const char *sql = NULL;

	f->dialect = *dialect;
	f->step = 0;
	f->outcome = CHECK_NOTHING;
	f->complaint = false;
	f->lag_s = -1;
	f->reason[0] = f->value[0] = f->error[0] = '\0';
	f->error_code = 0;
	switch (f->conf->kind) {
	case FITNESS_ROLE:
		return dialect_read_only(dialect);
	case FITNESS_REPLICATION:
		return dialect_replica_status(dialect);
	case FITNESS_GALERA:
		return dialect_wsrep_on(dialect);
	case FITNESS_GROUP:
		sql = dialect_group_member(dialect);
		if (!sql) {
			verdict(f, false);
			SAY(f, "MariaDB has no group replication");
		}
		break;
	case _FITNESS_MAX_:
		break;
	}
	return sql;
}

const char *fitness_answer(struct fitness *f, const struct sql_table *rows, uint64_t now_us)
{
	const unsigned step = f->step++;

	switch (f->conf->kind) {
	case FITNESS_ROLE:
		judge_role(f, rows);
		break;
	case FITNESS_REPLICATION:
		if (step == 0)
			return judge_replication(f, rows, now_us);
		if (f->outcome == CHECK_NOTHING)
			judge_unconfigured(f, rows);
		else
			judge_heartbeats(f, rows, now_us);
		break;
	case FITNESS_GALERA:
		if (step > 0) {
			judge_galera(f, rows);
		} else if (sql_truth(sql_cell(rows, 0, "wsrep_on"))) {
			return dialect_wsrep_status(&f->dialect);
		} else {
			verdict(f, false);
			copy(f->value, sizeof(f->value), "wsrep off");
			SAY(f, "wsrep_on is off: not a node of a cluster");
		}
		break;
	case FITNESS_GROUP:
		judge_group(f, rows);
		break;
	case _FITNESS_MAX_:
		break;
	}
	return NULL;
}

static const char *grant_of(const struct fitness *f)
{
	if (f->conf->kind == FITNESS_GROUP || (f->conf->kind == FITNESS_REPLICATION && f->step > 0))
		return dialect_schema_grant(&f->dialect);
	return dialect_replication_grant(&f->dialect);
}

void fitness_error(struct fitness *f, unsigned code, const char *text)
{
	f->error_code = code;
	copy(f->error, sizeof(f->error), text);
	f->complaint = true;
	if (is_denied(code)) {
		SAY(f, "%u: the account lacks a privilege: GRANT %s", code, grant_of(f));
		if (f->conf->denied_fails)
			verdict(f, false);
		return; /* what an earlier statement showed stands */
	}
	verdict(f, false);
	if (code == 1193 && f->conf->kind == FITNESS_GALERA) {
		SAY(f, "this server knows no wsrep_on: not a node of a cluster");
	} else {
		SAY(f, "%u %.80s", code, text);
	}
}

void fitness_overdue(struct fitness *f, uint64_t after_us)
{
	verdict(f, false);
	SAY(f, "no answer for %.1f s", (double)after_us / 1e6);
}
