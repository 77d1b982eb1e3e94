/* SPDX-License-Identifier: Apache-2.0 */
/* One question to a running sqlvipd, and its answer: the socket, its deadline, the envelope, and what to tell somebody
 * whose agent does not answer. What is asked, and how answers look, is the commands' business. */
#include "agent/ctl/ctl.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/control.h"
#include "agent/ctl/text.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	ANSWER_MAX = 64 << 20,
	BUFFER_MIN = 65536,
};

void ctl_complain(const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fputs("sqlvipctl: ", stderr);
	ctl_print_text(text, stderr);
	fputc('\n', stderr);
}

/* --- the conversation -------------------------------------------------------------------------------------------- */

/* Waits for `events` until `deadline_us`. 0 or -errno. */
static int wait_for(int fd, short events, uint64_t deadline_us)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		uint64_t now_us = loop_now_us();
		int r;

		if (now_us >= deadline_us)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)((deadline_us - now_us) / 1000) + 1);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int connect_to(const char *path, uint64_t deadline_us)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -1;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno != EAGAIN)
			return -errno;
		if (loop_now_us() >= deadline_us)
			return -ETIMEDOUT;
		poll(NULL, 0, 20); /* a full backlog cannot be waited for */
	}
	return TAKE_FD(fd);
}

static int send_all(int fd, const char *text, uint64_t deadline_us)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			text += n;
			left -= (size_t)n;
			continue;
		}
		if (errno == EPIPE)
			return 0; /* refused at the door: the reason can be read */
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline_us);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reads up to the newline that ends the answer. */
static int receive_line(int fd, uint64_t deadline_us, char **ret, size_t *ret_len)
{
	_cleanup_(freep) char *buf = NULL;
	size_t len = 0, size = 0;

	for (;;) {
		char *end;
		ssize_t n;
		int r = wait_for(fd, POLLIN, deadline_us);

		if (r < 0)
			return r;
		if (len == size) {
			char *grown;

			size = size ? 2 * size : BUFFER_MIN;
			grown = size <= ANSWER_MAX ? realloc(buf, size) : NULL;
			if (!grown)
				return -EMSGSIZE;
			buf = grown;
		}
		n = recv(fd, buf + len, size - len, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		end = memchr(buf + len, '\n', (size_t)n);
		len += (size_t)n;
		if (end) {
			*ret_len = (size_t)(end - buf);
			*ret = TAKE_PTR(buf);
			return 0;
		}
	}
}

static int converse(const char *path, const char *request, uint64_t timeout_us, char **ret, size_t *ret_len)
{
	uint64_t deadline_us = loop_now_us() + timeout_us;
	_cleanup_(close_fdp) int fd = connect_to(path, deadline_us);
	int r;

	if (fd < 0)
		return TAKE_FD(fd);
	r = send_all(fd, request, deadline_us);
	return r < 0 ? r : receive_line(fd, deadline_us, ret, ret_len);
}

static void advise(const char *path, int error)
{
	ctl_complain("%s: %s", path, strerror(-error));
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		fputs("No agent listens there. \"systemctl status sqlvip\" and \"journalctl -u sqlvip\" tell whether "
		      "it runs;\n"
		      "if it does, its configuration may name another control_socket: give it with -s.\n",
		      stderr);
		break;
	case EACCES:
	case EPERM:
		fputs("The socket is for root and the members of group sqlvip.\n", stderr);
		break;
	case ETIMEDOUT:
		fputs("The agent is there but does not answer: \"journalctl -u sqlvip\" may tell why.\n", stderr);
		break;
	}
}

/* --- the envelope ------------------------------------------------------------------------------------------------ */

/* The result, or NULL after a complaint. */
static json_t *open_envelope(const json_t *doc)
{
	json_t *result = json_object_get(doc, "result");
	const char *error = json_string_value(json_object_get(doc, "error"));

	if (json_integer_value(json_object_get(doc, "version")) != CONTROL_VERSION) {
		ctl_complain("the agent answers in a version that is not known here");
		return NULL;
	}
	if (!json_is_true(json_object_get(doc, "ok")) || !result) {
		ctl_complain("the agent refuses: %s", error ? error : "it gives no reason");
		return NULL;
	}
	return json_incref(result);
}

/* The answer with its envelope, or NULL after a complaint. */
static json_t *ask(const struct ctl *c, const char *command, json_t *arguments)
{
	json_t *request = arguments ? arguments : json_object();
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *line = NULL;
	_cleanup_(freep) char *answer = NULL;
	size_t len = 0;
	json_error_t e;
	json_t *doc;
	int r = -ENOMEM;

	json_object_set_new(request, "version", json_integer(CONTROL_VERSION));
	json_object_set_new(request, "command", json_string(command));
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (text && asprintf(&line, "%s\n", text) >= 0)
		r = converse(c->socket, line, c->timeout_us, &answer, &len);
	else
		line = NULL;
	if (r < 0) {
		advise(c->socket, r);
		return NULL;
	}
	doc = json_loadb(answer, len, JSON_REJECT_DUPLICATES, &e);
	if (!doc)
		ctl_complain("what answers at %s is no sqlvipd: %s", c->socket, e.text);
	return doc;
}

json_t *ctl_ask(const struct ctl *c, const char *command, json_t *arguments)
{
	json_t *doc = ask(c, command, arguments), *result = doc ? open_envelope(doc) : NULL;

	json_decref(doc);
	return result;
}

json_t *ctl_ask_details(const struct ctl *c, const char *command, char **error, json_t **details)
{
	json_t *doc = ask(c, command, NULL), *result = NULL;
	const char *text = json_string_value(json_object_get(doc, "error"));

	*error = text ? strdup(text) : NULL;
	*details = json_incref(json_object_get(doc, "details"));
	if (doc && !*error)
		result = open_envelope(doc);
	json_decref(doc);
	return result;
}

/* --- output ------------------------------------------------------------------------------------------------------ */

void ctl_print_json(const json_t *doc)
{
	json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	fputc('\n', stdout);
}

enum ctl_exit ctl_printed(void)
{
	if (fflush(stdout) != EOF && !ferror(stdout))
		return CTL_OK;
	ctl_complain("standard output: %s", strerror(errno));
	return CTL_REFUSED;
}
