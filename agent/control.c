/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: connections, deadlines, and the envelope around the answers. One step per client and turn of the
 * loop (read, answer one request, or write), at the lowest rank. What the commands answer is the callers' business. */
#include "agent/control.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_GROUP "sqlvip"

enum {
	BACKLOG = 16,
	BUFFER_MIN = 1024,
	ACCEPT_PAUSE_US = 1000000, /* when descriptors or memory have run out */
	TIMER_SLACK_US = 50000,
	TEXT_MAX = 512,
};

struct client {
	struct control *owner;
	int fd; /* -1: this place is free */
	sd_event_source *src;
	struct loop_timer deadline; /* for a whole request to arrive, and again for its answer to be taken */
	char *in;
	size_t in_len, in_size;
	char *out; /* NULL: waiting for a request, or for `reply` */
	size_t out_len, out_sent;
	struct control_reply *reply; /* somebody owes it; NULL: nobody does */
	bool ended;                  /* no more requests: close when the answer is out */
};

struct control_reply {
	struct client *client; /* NULL: it has gone */
};

struct control {
	sd_event *loop; /* borrowed */
	const struct control_command *commands;
	void *user;
	int fd;
	sd_event_source *src;
	struct loop_timer pause; /* no accept until it fires */
	struct log_limit crowded;
	struct sockaddr_un address;
	dev_t dev; /* of the socket file that we made; 0: none yet */
	ino_t ino;
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* --- documents --------------------------------------------------------------------------------------------------- */

/* Whatever goes wrong on the way to an answer, there is one. */
static char *document(json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	size_t len;
	char *line;

	json_decref(answer);
	if (!text)
		text = strdup("{\"version\":1,\"ok\":false,\"error\":\"the answer could not be made\"}");
	if (!text)
		return NULL;
	len = strlen(text);
	line = realloc(text, len + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	strcpy(line + len, "\n");
	return line;
}

/* `text` may hold anything that a client sent. */
static char *error_document(const char *text, json_t *details)
{
	char clean[TEXT_MAX];
	size_t n = 0;

	for (; *text && n + 1 < sizeof(clean); text++)
		clean[n++] = *text >= ' ' && *text <= '~' ? *text : '?';
	clean[n] = '\0';
	return document(json_pack("{s:i, s:b, s:s, s:o*}", "version", CONTROL_VERSION, "ok", 0, "error", clean,
				  "details", details));
}

static char *ok_document(json_t *result)
{
	return document(json_pack("{s:i, s:b, s:o}", "version", CONTROL_VERSION, "ok", 1, "result", result));
}

static char *unknown_command(const struct control_command *commands, const char *name)
{
	char text[TEXT_MAX];
	size_t n;

	if (name)
		snprintf(text, sizeof(text), "unknown command \"%.64s\"; known:", name);
	else
		snprintf(text, sizeof(text), "\"command\" is missing or no string; known:");
	n = strlen(text);
	for (; commands->name && n < sizeof(text); commands++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", commands->name);
	return error_document(text, NULL);
}

static char *malformed(const json_error_t *e)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "malformed JSON at line %d, column %d: %s", e->line, e->column, e->text);
	return error_document(text, NULL);
}

/* NULL: the answer comes later, by `reply`. */
static char *answer_object(const struct control_command *commands, void *user, const json_t *request,
			   struct control_reply *reply)
{
	const json_t *version = json_object_get(request, "version");
	const char *name = json_string_value(json_object_get(request, "command"));
	const char *error = NULL;
	json_t *result;

	if (!json_is_object(request))
		return error_document("a request is a JSON object", NULL);
	if (!json_is_integer(version))
		return error_document("\"version\" is missing or no integer", NULL);
	if (json_integer_value(version) != CONTROL_VERSION)
		return error_document("this \"version\" is not spoken here; 1 is", NULL);
	for (const struct control_command *c = commands; name && c->name; c++) {
		if (strcmp(c->name, name) != 0)
			continue;
		if (c->later && !reply)
			return error_document("this command needs a client that waits", NULL);
		if (c->later) {
			c->later(user, request, reply);
			return NULL;
		}
		result = c->fn(user, request, &error);
		if (!result)
			return error_document(error ? error : "failed", NULL);
		return ok_document(result);
	}
	return unknown_command(commands, name);
}

static char *answer_text(const struct control_command *commands, void *user, const char *request, size_t len,
			 struct control_reply *reply)
{
	json_error_t e;
	json_t *doc = json_loadb(request, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	char *answer = doc ? answer_object(commands, user, doc, reply) : malformed(&e);

	json_decref(doc);
	return answer;
}

char *control_answer(const struct control_command *commands, void *user, const char *request, size_t len)
{
	return answer_text(commands, user, request, len, NULL);
}

/* --- a client ---------------------------------------------------------------------------------------------------- */

static void client_close(struct client *c)
{
	c->src = sd_event_source_disable_unref(c->src);
	loop_timer_done(&c->deadline);
	c->fd = close_fd(c->fd);
	if (c->reply)
		c->reply->client = NULL;
	free(c->in);
	free(c->out);
	*c = (struct client){ .owner = c->owner, .fd = -1 };
}

static void client_late(void *user, uint64_t due_us)
{
	(void)due_us;
	client_close(user);
}

static void client_say(struct client *c, char *answer)
{
	c->out = answer;
	c->out_len = answer ? strlen(answer) : 0;
	c->out_sent = 0;
	loop_timer_in(&c->deadline, CONTROL_TIMEOUT_US);
}

/* --- answers that come later ------------------------------------------------------------------------------------- */

static void reply_say(struct control_reply *reply, char *answer)
{
	struct client *c = reply->client;

	free(reply);
	if (!c) {
		free(answer);
		return;
	}
	c->reply = NULL;
	client_say(c, answer);
	sd_event_source_set_io_events(c->src, EPOLLOUT);
}

void control_reply_ok(struct control_reply *reply, json_t *result)
{
	reply_say(reply, ok_document(result));
}

void control_reply_error(struct control_reply *reply, const char *error, json_t *details)
{
	reply_say(reply, error_document(error, details));
}

/* Answers the request, or notes that somebody will. */
static void client_ask(struct client *c, const char *request, size_t len)
{
	struct control_reply *reply = calloc(1, sizeof(*reply));
	char *answer;

	if (!reply) {
		client_say(c, error_document("out of memory", NULL));
		return;
	}
	reply->client = c;
	c->reply = reply;
	loop_timer_stop(&c->deadline);
	answer = answer_text(c->owner->commands, c->owner->user, request, len, reply);
	if (!answer)
		return; /* `reply` is somebody else's now, or even given back */
	free(reply);
	c->reply = NULL;
	client_say(c, answer);
}

/* --- a client's turn --------------------------------------------------------------------------------------------- */

/* False: drop it. */
static bool client_read(struct client *c)
{
	ssize_t n;

	if (c->in_len == c->in_size) {
		size_t size = c->in_size ? 2 * c->in_size : BUFFER_MIN;
		char *in = realloc(c->in, size);

		if (!in)
			return false;
		c->in = in;
		c->in_size = size;
	}
	n = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->ended = n == 0;
	c->in_len += (size_t)n;
	return true;
}

/* Answers the first request of the buffer, if there is a whole one. The end of the stream ends a request, too. */
static bool client_answer(struct client *c)
{
	const char *end = c->in_len ? memchr(c->in, '\n', c->in_len) : NULL;
	size_t len = end ? (size_t)(end - c->in) : c->in_len, used = end ? len + 1 : len;

	if (!end && len == CONTROL_REQUEST_MAX) {
		client_say(c, error_document("a request has at most 65536 bytes", NULL));
		c->ended = true;
		used = c->in_len;
	} else if (end || (c->ended && len)) {
		client_ask(c, c->in, len);
	} else {
		return !c->ended;
	}
	c->in_len -= used;
	memmove(c->in, c->in + used, c->in_len);
	return c->out || c->reply;
}

static bool client_write(struct client *c)
{
	ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->out_sent += (size_t)n;
	if (c->out_sent < c->out_len)
		return true;
	free(c->out);
	c->out = NULL;
	loop_timer_in(&c->deadline, CONTROL_TIMEOUT_US);
	return !c->ended || c->in_len;
}

static int client_ready(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct client *c = user;
	bool keep, waiting;

	(void)fd;
	if (c->reply) /* nothing is asked for but this: both ends of the stream are closed */
		keep = !(revents & (EPOLLHUP | EPOLLERR));
	else if (c->out)
		keep = client_write(c);
	else if (c->ended || (c->in_len && memchr(c->in, '\n', c->in_len)))
		keep = client_answer(c);
	else
		keep = client_read(c) && client_answer(c);
	if (!keep) {
		client_close(c);
		return 0;
	}
	/* With a request at hand, room to write is what brings us back. */
	waiting = !c->out && !c->ended && !(c->in_len && memchr(c->in, '\n', c->in_len));
	sd_event_source_set_io_events(s, c->reply ? 0 : waiting ? EPOLLIN : EPOLLOUT);
	return 0;
}

/* --- the listening socket ---------------------------------------------------------------------------------------- */

static int client_open(struct client *c, int fd)
{
	sd_event *loop = c->owner->loop;
	int r = loop_timer_init(&c->deadline, loop, LOOP_RANK_BACKGROUND, TIMER_SLACK_US, client_late, c);

	if (r == 0)
		r = loop_io(loop, &c->src, fd, EPOLLIN, LOOP_RANK_BACKGROUND, client_ready, c);
	c->fd = fd;
	if (r < 0)
		client_close(c);
	else
		loop_timer_in(&c->deadline, CONTROL_TIMEOUT_US);
	return r;
}

static void refuse(int fd)
{
	_cleanup_(freep) char *text = error_document("too many clients, at most 16 are served at a time", NULL);

	if (text && send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("control socket: a refused client is not told: %s", strerror(errno));
	close(fd);
}

/* Level-triggered: with nothing to accept into, it would come back at once, for ever. */
static void accept_failed(struct control *c, int error)
{
	uint64_t before;

	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	if (log_limit_pass(&c->crowded, loop_now_us(), 60 * (uint64_t)ACCEPT_PAUSE_US, &before))
		log_warn("control socket %s: accept: %s; trying again every second", c->address.sun_path,
			 strerror(error));
	sd_event_source_set_enabled(c->src, SD_EVENT_OFF);
	loop_timer_in(&c->pause, ACCEPT_PAUSE_US);
}

static void pause_over(void *user, uint64_t due_us)
{
	struct control *c = user;

	(void)due_us;
	sd_event_source_set_enabled(c->src, SD_EVENT_ON);
}

static int somebody_knocks(sd_event_source *s, int listen_fd, uint32_t revents, void *user)
{
	struct control *c = user;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)s;
	(void)revents;
	if (fd < 0) {
		accept_failed(c, errno);
		return 0;
	}
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i].fd < 0) {
			int r = client_open(&c->clients[i], fd);

			if (r < 0)
				accept_failed(c, -r);
			return 0;
		}
	refuse(fd);
	return 0;
}

static bool address_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return false;
	strcpy(ret->sun_path, path);
	return true;
}

/* 0 if somebody listens, -ECONNREFUSED or -ENOENT if nobody does, or another -errno. */
static int try_connect(const struct sockaddr_un *address)
{
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* EAGAIN is a full backlog. */
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return 0;
	return -errno;
}

bool control_is_served(const char *path)
{
	struct sockaddr_un address;

	return address_of(path, &address) && try_connect(&address) == 0;
}

/* The path is free for us: removes what a dead agent left, leaves everything else alone. */
static int clear_path(const struct sockaddr_un *address)
{
	struct stat st;
	int r;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	r = try_connect(address);
	if (r != -ECONNREFUSED)
		return r == 0 ? -EADDRINUSE : r;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int make_directory(const char *path)
{
	struct sockaddr_un copy;
	char *slash;

	strcpy(copy.sun_path, path);
	slash = strrchr(copy.sun_path, '/');
	if (!slash || slash == copy.sun_path)
		return 0;
	*slash = '\0';
	if (mkdir(copy.sun_path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(copy.sun_path, 0755) < 0 ? -errno : 0; /* whatever the umask */
}

/* The kernel takes the mode of the socket file from the socket, less the umask: it is never wider than meant. */
static int bind_privately(struct control *c)
{
	const struct group *group = getgrnam(CONTROL_GROUP);
	const char *path = c->address.sun_path;
	struct stat st;

	if (fchmod(c->fd, 0660) < 0 || bind(c->fd, (const struct sockaddr *)&c->address, sizeof(c->address)) < 0)
		return -errno;
	if (lstat(path, &st) == 0) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
	}
	if (chmod(path, 0660) < 0)
		return -errno;
	if (group && lchown(path, (uid_t)-1, group->gr_gid) < 0)
		log_warn("control socket %s: cannot be given to group %s: %s", path, CONTROL_GROUP, strerror(errno));
	return listen(c->fd, BACKLOG) < 0 ? -errno : 0;
}

static int control_open(struct control *c)
{
	int r = make_directory(c->address.sun_path);

	if (r == 0)
		r = clear_path(&c->address);
	if (r < 0)
		return r;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	r = bind_privately(c);
	if (r == 0)
		r = loop_timer_init(&c->pause, c->loop, LOOP_RANK_BACKGROUND, TIMER_SLACK_US, pause_over, c);
	if (r == 0)
		r = loop_io(c->loop, &c->src, c->fd, EPOLLIN, LOOP_RANK_BACKGROUND, somebody_knocks, c);
	return r;
}

int control_new(sd_event *loop, const char *path, const struct control_command *commands, void *user,
		struct control **ret)
{
	struct control *c;
	int r;

	if (strlen(path) >= sizeof(c->address.sun_path))
		return -ENAMETOOLONG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->commands = commands;
	c->user = user;
	c->fd = -1;
	c->address.sun_family = AF_UNIX;
	strcpy(c->address.sun_path, path);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		c->clients[i] = (struct client){ .owner = c, .fd = -1 };
	r = control_open(c);
	if (r < 0) {
		control_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct control *control_free(struct control *c)
{
	struct stat st;

	if (!c)
		return NULL;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_close(&c->clients[i]);
	c->src = sd_event_source_disable_unref(c->src);
	loop_timer_done(&c->pause);
	close_fd(c->fd);
	/* Somebody may have put another one there. */
	if (c->ino && lstat(c->address.sun_path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino)
		unlink(c->address.sun_path);
	free(c);
	return NULL;
}
