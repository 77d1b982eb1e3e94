/* SPDX-License-Identifier: Apache-2.0 */
/* Is this server fit to serve, though alive? What to ask it, and what the answers mean. Pure: rows in, verdict out;
 * checks/mysql_fitness asks. Nothing in here changes anything in the server.
 *
 * One rule above all: a replica whose primary has died must pass, for that is when it has to take over. Its receiver
 * tries to reconnect then, and the server gives no lag; so that state alone is no failure, and what was received but
 * not applied tells whether it is behind. */
#pragma once

#include "checks/check.h"
#include "checks/mysql_dialect.h"

enum fitness_kind {
	FITNESS_ROLE,        /* writable, or read only */
	FITNESS_REPLICATION, /* threads, lag, contact */
	FITNESS_GALERA,
	FITNESS_GROUP, /* MySQL group replication */
	_FITNESS_MAX_,
};

/* As in the configuration: "role", "replication", "galera", "group_replication". */
const char *fitness_kind_name(enum fitness_kind kind);

struct fitness_conf {
	enum fitness_kind kind;
	bool denied_fails;       /* a missing privilege is a failure, not only a complaint */
	bool want_writable;      /* role; else read only */
	const char *channel;     /* replication: only this one; NULL = all */
	bool must_replicate;     /* a server that replicates from nobody fails, even if it is writable */
	bool primary_lost_fails; /* a receiver that cannot reach its primary fails */
	bool has_max_lag;
	unsigned max_lag_s;
	uint64_t max_silence_us; /* since anything came from the primary; 0 = not looked at */
	bool donor_ok;           /* galera */
	bool any_member;         /* group replication: a secondary will do */
};

enum { FITNESS_CHANNELS = 16, FITNESS_NAME_MAX = 64, FITNESS_VALUE_MAX = 160 };

/* What is remembered of a replication channel from one answer to the next. */
struct fitness_channel {
	char name[FITNESS_NAME_MAX];
	uint64_t position; /* received so far, as a hash */
	uint64_t token;    /* that and the heartbeats: changes whenever something comes from the primary */
	uint64_t contact_us;
	bool has_lag;
	uint64_t lag_s; /* last one that the server told */
};

struct fitness {
	const struct fitness_conf *conf;
	struct mysql_dialect dialect;
	unsigned step;
	struct fitness_channel channels[FITNESS_CHANNELS];
	size_t n_channels;

	/* the verdict, valid when there is no further statement */
	enum check_outcome outcome; /* CHECK_NOTHING: it could not be found out */
	bool complaint;             /* something is wrong with the check itself */
	char reason[CHECK_REASON_MAX];
	char value[FITNESS_VALUE_MAX]; /* what was seen: "writable", "replica of 10.0.0.1:3306, io Yes, sql Yes, …" */
	unsigned error_code;           /* of the server, or of its replication; 0 if none */
	char error[CHECK_ERROR_MAX];
	int64_t lag_s; /* -1: not known, or of no meaning */
};

void fitness_init(struct fitness *f, const struct fitness_conf *conf);

/* Other limits, the same kind; what is remembered stays. */
void fitness_reconf(struct fitness *f, const struct fitness_conf *conf);

/* A new run. The statement to send, or NULL: the verdict is in. */
const char *fitness_begin(struct fitness *f, const struct mysql_dialect *dialect);
/* The same with the answer to it. */
const char *fitness_answer(struct fitness *f, const struct sql_table *rows, uint64_t now_us);
/* The answer was an error packet (as opposed to a lost connection); the verdict is in. */
void fitness_error(struct fitness *f, unsigned code, const char *text);
/* No answer in time; the verdict is in. */
void fitness_overdue(struct fitness *f, uint64_t after_us);
