/* SPDX-License-Identifier: Apache-2.0 */
/* One libmariadb handle and the operation in flight on it, in the shape of a check: start, wait for a descriptor,
 * resume. Nothing in here blocks. Deadlines are the caller's: an operation that takes too long is ended with
 * link_drop(). */
#pragma once

#include "checks/check.h"
#include "checks/mysql.h"
#include "checks/mysql_dialect.h"

enum link_state {
	LINK_CLOSED,
	LINK_WORKING, /* wait for link_io(), then link_resume() */
	LINK_READY,   /* connected, the last operation is over */
};

struct sql_link {
	void *handle; /* MYSQL; the library stays inside mysql_link.c */
	enum link_state state;
	unsigned op;     /* of the operation in flight */
	int wait;        /* MYSQL_WAIT_* */
	unsigned opened; /* connects so far; see check_step.same_fds */
	/* What the library borrows during an operation: copies, since the configuration may be replaced meanwhile. */
	char host[IP_STR_MAX];
	uint16_t port;
	char *socket, *user, *password, *sql;
	unsigned code; /* of the operation that ended last: 0 or a MySQL error number */
	char error[CHECK_ERROR_MAX];
	unsigned results;         /* of the last answer, so far: those after the first one are only read */
	bool has_cell, cell_null; /* row 1, column 1 of the last answer */
	char cell[256];           /* its beginning */
	bool keeps_table;         /* set by the caller: keep whole answers in `table` */
	struct sql_table table;   /* of the last answer; valid until the next query, or until the link is dropped */
	void *result;             /* backs the table */
};

/* Where to; copied. */
struct link_target {
	const char *socket; /* NULL: host and port */
	const struct ip_addr *host;
	uint16_t port;
	const char *user, *password;
};

/* Loads the authentication plugins that may be needed: dlopen() waits for the disk. For start-up. 0 or -errno. */
int link_preload(void);

/* Each drops what was there before. Look at `state` afterwards: an operation may be over at once. When it is, `code`
 * tells how; after a failed connect the link is closed, and after an answer of too many results. */
void link_connect(struct sql_link *l, const struct link_target *t);
void link_query(struct sql_link *l, const char *sql);
void link_resume(struct sql_link *l, uint32_t ready);

/* Abandons whatever is under way and closes. Never blocks; keeps `code` and `error`. */
void link_drop(struct sql_link *l);

/* That it was connected, or is being connected, to this server as this account. */
bool link_leads_to(const struct sql_link *l, const struct link_target *t);

/* False if there is nothing to wait for. An idle connection is watched for its end. */
bool link_io(const struct sql_link *l, struct check_io *ret);

int link_fd(const struct sql_link *l);             /* -1 if none */
const char *link_server(const struct sql_link *l); /* version string of a connected one; borrowed */
