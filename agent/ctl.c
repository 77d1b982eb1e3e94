/* SPDX-License-Identifier: Apache-2.0 */
/* sqlvipctl: asks a running sqlvipd over its control socket. Arguments, one question, one answer, an exit code:
 * 0 answered, 1 refused or not running, 2 wrong usage. How the answer looks to people is in agent/ctl_text.c. */
#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/control.h"
#include "agent/ctl_text.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_DEFAULT "/run/sqlvip/sqlvipd.sock"

enum {
	ANSWER_MAX = 64 << 20,
	BUFFER_MIN = 65536,
};

enum exit_code { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	uint64_t timeout_us; /* for everything together */
	void (*print)(const json_t *result, FILE *out, bool colour);
};

static const struct command commands[] = {
	{ "status", 5000000, ctl_print_status },
};

struct options {
	const char *socket;
	const struct command *command;
	bool json;
};

static void usage(FILE *out)
{
	fputs("usage: sqlvipctl [-s SOCKET] [-j] status\n"
	      "\n"
	      "  status               what the agent, its instances and its checks are doing, and why\n"
	      "\n"
	      "  -s, --socket SOCKET  the agent's control socket (" SOCKET_DEFAULT ")\n"
	      "  -j, --json           the answer as JSON\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        the version\n"
	      "\n"
	      "Exit status: 0 answered, 1 refused or no agent there, 2 wrong usage.\n",
	      out);
}

/* Texts from outside are in it: escaped as a whole. */
static void __attribute__((format(printf, 1, 2))) complain(const char *fmt, ...)
{
	char text[1024];
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

static void explain(const char *path, int error)
{
	complain("%s: %s", path, strerror(-error));
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

/* --- the answer -------------------------------------------------------------------------------------------------- */

static enum exit_code show(const struct options *o, const json_t *doc)
{
	json_t *result = json_object_get(doc, "result");
	const char *error = json_string_value(json_object_get(doc, "error"));

	if (json_integer_value(json_object_get(doc, "version")) != CONTROL_VERSION) {
		complain("the agent answers in a version that is not known here");
		return EXIT_REFUSED;
	}
	if (!json_is_true(json_object_get(doc, "ok")) || !result) {
		complain("the agent refuses: %s", error ? error : "it gives no reason");
		return EXIT_REFUSED;
	}
	if (o->json) {
		json_dumpf(result, stdout,
			   JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		fputc('\n', stdout);
	} else {
		o->command->print(result, stdout, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
	}
	if (fflush(stdout) == EOF || ferror(stdout)) {
		complain("standard output: %s", strerror(errno));
		return EXIT_REFUSED;
	}
	return EXIT_OK;
}

static enum exit_code run(const struct options *o)
{
	_cleanup_(freep) char *request = NULL;
	_cleanup_(freep) char *answer = NULL;
	size_t len = 0;
	json_error_t e;
	json_t *doc;
	enum exit_code code;
	int r = asprintf(&request, "{\"version\":%d,\"command\":\"%s\"}\n", CONTROL_VERSION, o->command->name);

	if (r < 0) {
		request = NULL;
		r = -ENOMEM;
	} else {
		r = converse(o->socket, request, o->command->timeout_us, &answer, &len);
	}
	if (r < 0) {
		explain(o->socket, r);
		return EXIT_REFUSED;
	}
	doc = json_loadb(answer, len, JSON_REJECT_DUPLICATES, &e);
	if (!doc) {
		complain("what answers at %s is no sqlvipd: %s", o->socket, e.text);
		return EXIT_REFUSED;
	}
	code = show(o, doc);
	json_decref(doc);
	return code;
}

/* --- arguments --------------------------------------------------------------------------------------------------- */

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* True if there is something to ask; otherwise `*code` is how to end. */
static bool parse(int argc, char **argv, struct options *o, enum exit_code *code)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*code = EXIT_OK;
	while ((c = getopt_long(argc, argv, "s:jhV", longs, NULL)) >= 0) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			usage(stdout);
			return false;
		case 'V':
			puts("sqlvipctl " SQLVIP_VERSION);
			return false;
		default: /* getopt has said what is wrong */
			*code = EXIT_USAGE;
			return false;
		}
	}
	*code = EXIT_USAGE;
	if (optind == argc) {
		usage(stderr);
		return false;
	}
	o->command = find_command(argv[optind]);
	if (!o->command || optind + 1 < argc)
		complain("\"%s\" is not understood; see sqlvipctl --help", argv[optind + (o->command != NULL)]);
	return o->command && optind + 1 == argc;
}

int main(int argc, char **argv)
{
	struct options o = { .socket = SOCKET_DEFAULT };
	enum exit_code code;

	return parse(argc, argv, &o, &code) ? (int)run(&o) : (int)code;
}
