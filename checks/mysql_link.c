/* SPDX-License-Identifier: Apache-2.0 */
/* libmariadb's non-blocking calls, wrapped. Connects without TLS, names or option files, because each of these blocks
 * inside the library; allows only authentication methods that do not hand the password to whoever asks. Does not
 * interpret errors: that is checks/mysql_rules. */
#include "checks/mysql_link.h"

#include "agent/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <mariadb/errmsg.h>
#include <mariadb/mysql.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

/* MYSQL_CLIENT_AUTHENTICATION_PLUGIN: Debian's client_plugin.h includes a header that it lacks. */
enum { AUTHENTICATION_PLUGIN = 2 };

enum { OP_NONE, OP_CONNECT, OP_SEND, OP_WAIT, OP_ANSWER, OP_STORE, OP_NEXT };
enum { TABLE_COLS_MAX = 256, TABLE_ROWS_MAX = 64, RESULTS_MAX = 64 };

/* Whole seconds, and only a ceiling: the library asks to be resumed then, and is not. */
static const unsigned LIBRARY_TIMEOUT_S = 86400;

/* mysql_clear_password and dialog would give the password to any process that took the server's place. */
static const char ALLOWED_PLUGINS[] =
	"mysql_native_password,caching_sha2_password,client_ed25519,sha256_password,unix_socket,auth_socket";

int link_preload(void)
{
	static const char *const plugins[] = { "caching_sha2_password", "client_ed25519", "sha256_password" };
	MYSQL *m = mysql_init(NULL);

	if (!m)
		return -ENOMEM;
	/* One that is not installed is missed only by an account that uses it. */
	for (size_t i = 0; i < ELEMENTSOF(plugins); i++)
		mysql_client_find_plugin(m, plugins[i], AUTHENTICATION_PLUGIN);
	mysql_close(m);
	return 0;
}

/* Server texts go to logs and status: printable bytes only. */
static void copy_text(char *dst, size_t size, const char *src)
{
	size_t i;

	for (i = 0; src[i] && i + 1 < size; i++)
		dst[i] = (unsigned char)src[i] < ' ' || src[i] == 0x7f ? '?' : src[i];
	dst[i] = '\0';
}

static void fail(struct sql_link *l, unsigned code, const char *text)
{
	l->code = code ? code : CR_UNKNOWN_ERROR;
	copy_text(l->error, sizeof(l->error), text);
}

static int set_options(MYSQL *m, bool socket)
{
	const my_bool no = 0;
	const unsigned protocol = socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP, off = 0;
	int bad = 0;

	bad |= mysql_options(m, MYSQL_OPT_NONBLOCK, NULL);
	bad |= mysql_options(m, MYSQL_OPT_RECONNECT, &no); /* would hide a restart */
	bad |= mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &off);
	bad |= mysql_options(m, MYSQL_OPT_PROTOCOL, &protocol);
	bad |= mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &no);
	bad |= mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no); /* on, it asks for TLS (Connector/C 3.4) */
	bad |= mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &LIBRARY_TIMEOUT_S);
	bad |= mysql_options(m, MARIADB_OPT_RESTRICTED_AUTH, ALLOWED_PLUGINS);
	bad |= mysql_options4(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "sqlvipd");
	return bad ? -EINVAL : 0;
}

/* What the library waits for, out of what happened. A hang-up ends both kinds of wait. */
static int happened(const struct sql_link *l, uint32_t ready)
{
	int status = 0;

	if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		status |= l->wait & MYSQL_WAIT_READ;
	if (ready & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		status |= l->wait & MYSQL_WAIT_WRITE;
	if (ready & (EPOLLPRI | EPOLLHUP | EPOLLERR))
		status |= l->wait & MYSQL_WAIT_EXCEPT;
	return status;
}

static void connect_over(struct sql_link *l, MYSQL *ret)
{
	MYSQL *m = l->handle;

	if (ret) {
		l->state = LINK_READY;
		return;
	}
	fail(l, mysql_errno(m), mysql_error(m));
	link_drop(l);
}

static void free_table(struct sql_link *l)
{
	free((void *)(uintptr_t)l->table.names);
	if (l->result)
		mysql_free_result(l->result);
	l->result = NULL;
	l->table = (struct sql_table){ 0 };
}

/* One block for both arrays: names first. Takes the result. */
static void keep_table(struct sql_link *l, MYSQL_RES *res)
{
	const size_t cols = mysql_num_fields(res), rows = (size_t)mysql_num_rows(res);
	const MYSQL_FIELD *fields = mysql_fetch_fields(res);
	const char **all;
	MYSQL_ROW row;

	l->result = res;
	all = cols <= TABLE_COLS_MAX && rows <= TABLE_ROWS_MAX ? calloc(cols * (rows + 1) + 1, sizeof(*all)) : NULL;
	if (!all) {
		fail(l, CR_OUT_OF_MEMORY, "the answer is too large");
		return;
	}
	for (size_t i = 0; i < cols; i++)
		all[i] = fields[i].name;
	mysql_data_seek(res, 0);
	for (size_t r = 1; r <= rows && (row = mysql_fetch_row(res)); r++) {
		for (size_t i = 0; i < cols; i++) {
			if (row[i]) /* in place: it gets no longer */
				copy_text(row[i], strlen(row[i]) + 1, row[i]);
			all[r * cols + i] = row[i];
		}
	}
	l->table = (struct sql_table){ .n_rows = rows, .n_cols = cols, .names = all, .cells = all + cols };
}

/* Takes the result. */
static void keep_answer(struct sql_link *l, MYSQL_RES *res)
{
	MYSQL_ROW row = mysql_fetch_row(res);

	if (row && mysql_num_fields(res) > 0) {
		l->has_cell = true;
		l->cell_null = !row[0];
		copy_text(l->cell, sizeof(l->cell), row[0] ? row[0] : "");
	}
	if (l->keeps_table)
		keep_table(l, res);
	else
		mysql_free_result(res);
}

/* Of several results the first one is the answer. */
static void take_result(struct sql_link *l, MYSQL_RES *res)
{
	MYSQL *m = l->handle;

	if (!res && mysql_errno(m)) /* else a statement without a result */
		fail(l, mysql_errno(m), mysql_error(m));
	if (res && l->results == 0)
		keep_answer(l, res);
	else
		mysql_free_result(res);
	l->results++;
}

/* The answer is not looked for at once: no server is as quick as that. None of it can be in the library's buffer
 * already, where no descriptor would tell of it: each answer is read to its end before the next question. */
static void query_sent(struct sql_link *l, int ret)
{
	MYSQL *m = l->handle;

	if (ret) {
		l->state = LINK_READY;
		fail(l, mysql_errno(m), mysql_error(m));
		return;
	}
	l->op = OP_WAIT;
	l->wait = MYSQL_WAIT_READ;
}

/* A result is here. True if another one has come as well: a procedure's call has several. All are read, since the
 * server takes no other question before; but a procedure that never ends must not keep us. */
static bool result_over(struct sql_link *l, MYSQL_RES *res, int *refused)
{
	MYSQL *m = l->handle;

	take_result(l, res);
	if (mysql_errno(m) || !mysql_more_results(m)) {
		l->state = LINK_READY;
		return false;
	}
	if (l->results >= RESULTS_MAX) {
		link_drop(l);
		return false;
	}
	l->op = OP_NEXT;
	l->wait = mysql_next_result_start(refused, m);
	return l->wait == 0;
}

/* The question has been answered or refused; an answer's rows follow at once. */
static void query_over(struct sql_link *l, int refused)
{
	MYSQL *m = l->handle;
	MYSQL_RES *res = NULL;

	do {
		if (refused) {
			l->state = LINK_READY;
			fail(l, mysql_errno(m), mysql_error(m));
			return;
		}
		l->op = OP_STORE;
		l->wait = mysql_store_result_start(&res, m);
	} while (l->wait == 0 && result_over(l, res, &refused));
}

/* False without memory. NULL is copied as NULL. */
static bool copy(char **ret, const char *s)
{
	*ret = s ? strdup(s) : NULL;
	return *ret || !s;
}

static void forget_copies(struct sql_link *l)
{
	if (l->password)
		explicit_bzero(l->password, strlen(l->password));
	free(l->socket);
	free(l->user);
	free(l->password);
	free(l->sql);
	l->socket = l->user = l->password = l->sql = NULL;
}

void link_connect(struct sql_link *l, const struct link_target *t)
{
	MYSQL *m = NULL, *ret = NULL;

	link_drop(l);
	l->opened++;
	l->code = 0;
	if (copy(&l->socket, t->socket) && copy(&l->user, t->user) && copy(&l->password, t->password))
		m = mysql_init(NULL);
	if (!m) {
		fail(l, CR_OUT_OF_MEMORY, "out of memory");
		return;
	}
	l->handle = m;
	if (set_options(m, t->socket) < 0) {
		fail(l, CR_OUT_OF_MEMORY, "the client library refuses an option");
		link_drop(l);
		return;
	}
	if (!t->socket)
		ip_format(t->host, l->host);
	l->port = t->port;
	l->state = LINK_WORKING;
	l->op = OP_CONNECT;
	/* Looks up the path of a socket, here in the loop, as the library's ways have it. On a local disk that hangs
	 * this does not wait as a rule: a socket that is listened at holds its name and folders in the kernel's memory,
	 * and those of a dead server stay there as long as we ask for them often. A network file system asks its
	 * server, which may be away: the manual says that a socket does not belong there. */
	l->wait = mysql_real_connect_start(&ret, m, t->socket ? "localhost" : l->host, l->user, l->password, NULL,
					   t->port, l->socket, 0);
	if (link_fd(l) >= 0)
		fcntl(link_fd(l), F_SETFD, FD_CLOEXEC); /* the library leaves it to us */
	if (l->wait == 0)
		connect_over(l, ret);
}

void link_query(struct sql_link *l, const char *sql)
{
	int ret = 0;

	l->code = 0;
	l->has_cell = false;
	l->results = 0;
	free_table(l);
	if (l->sql && strcmp(l->sql, sql) != 0) {
		free(l->sql);
		l->sql = NULL;
	}
	if (!l->sql && !copy(&l->sql, sql)) {
		l->state = LINK_READY;
		fail(l, CR_OUT_OF_MEMORY, "out of memory");
		return;
	}
	l->state = LINK_WORKING;
	l->op = OP_SEND;
	l->wait = mysql_send_query_start(&ret, l->handle, l->sql, strlen(l->sql));
	if (l->wait == 0)
		query_sent(l, ret);
}

void link_resume(struct sql_link *l, uint32_t ready)
{
	const int status = happened(l, ready);
	MYSQL *m = l->handle, *connected = NULL;
	MYSQL_RES *res = NULL;
	my_bool refused = 0;
	int ret = 0;

	if (l->state != LINK_WORKING || status == 0)
		return;
	switch (l->op) {
	case OP_CONNECT:
		l->wait = mysql_real_connect_cont(&connected, m, status);
		if (l->wait == 0)
			connect_over(l, connected);
		break;
	case OP_SEND:
		l->wait = mysql_send_query_cont(&ret, m, status);
		if (l->wait == 0)
			query_sent(l, ret);
		break;
	case OP_WAIT:
		l->op = OP_ANSWER;
		l->wait = mysql_read_query_result_start(&refused, m);
		if (l->wait == 0)
			query_over(l, refused);
		break;
	case OP_ANSWER:
		l->wait = mysql_read_query_result_cont(&refused, m, status);
		if (l->wait == 0)
			query_over(l, refused);
		break;
	case OP_STORE:
		l->wait = mysql_store_result_cont(&res, m, status);
		if (l->wait == 0 && result_over(l, res, &ret))
			query_over(l, ret);
		break;
	case OP_NEXT:
		l->wait = mysql_next_result_cont(&ret, m, status);
		if (l->wait == 0)
			query_over(l, ret);
		break;
	}
}

void link_drop(struct sql_link *l)
{
	free_table(l);
	/* Shut down first: the farewell that mysql_close() sends must not wait for a server that does not read. */
	if (l->handle && l->state == LINK_WORKING)
		mariadb_cancel(l->handle);
	if (l->handle)
		mysql_close(l->handle);
	forget_copies(l);
	l->handle = NULL;
	l->state = LINK_CLOSED;
	l->op = OP_NONE;
	l->wait = 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool link_leads_to(const struct sql_link *l, const struct link_target *t)
{
	char host[IP_STR_MAX];

	return same_text(l->socket, t->socket) && same_text(l->user, t->user) && same_text(l->password, t->password) &&
	       (t->socket || (l->port == t->port && strcmp(l->host, ip_format(t->host, host)) == 0));
}

int link_fd(const struct sql_link *l)
{
	my_socket fd;

	if (!l->handle)
		return -1;
	fd = mysql_get_socket(l->handle);
	return fd == MARIADB_INVALID_SOCKET ? -1 : fd;
}

bool link_io(const struct sql_link *l, struct check_io *ret)
{
	struct check_io io = { .fd = link_fd(l) };

	if (io.fd < 0 || l->state == LINK_CLOSED)
		return false;
	if (l->state == LINK_READY)
		io.events = EPOLLIN | EPOLLRDHUP;
	else
		io.events = (l->wait & MYSQL_WAIT_READ ? EPOLLIN : 0u) | (l->wait & MYSQL_WAIT_WRITE ? EPOLLOUT : 0u) |
			    (l->wait & MYSQL_WAIT_EXCEPT ? EPOLLPRI : 0u);
	*ret = io;
	return true;
}

const char *link_server(const struct sql_link *l)
{
	const char *text = l->state != LINK_CLOSED ? mysql_get_server_info(l->handle) : NULL;

	return text ? text : "";
}
