/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: a Unix stream socket, one JSON document per request and per answer, each ended by a newline.
 *
 *   {"version": 1, "command": "status"}  ->  {"version": 1, "ok": true, "result": {...}}
 *                                        or  {"version": 1, "ok": false, "error": "...", "details": ...}
 *
 * A connection may carry several requests, one after the other; the end of the stream ends a request, too. Everything
 * that arrives is hostile: requests are bounded in size and time, clients in number; whatever is malformed gets an
 * error document. A client that does not read its answer is dropped. */
#pragma once

#include "agent/base/loop.h"

#include <jansson.h>

enum {
	CONTROL_VERSION = 1,
	CONTROL_REQUEST_MAX = 64 * 1024, /* with its newline */
	CONTROL_CLIENTS_MAX = 16,
	CONTROL_TIMEOUT_US = 5000000, /* for a request to arrive, and for its answer to be taken */
};

/* Answers a request: the result (a new reference), or NULL and `*error` (static text or pointing into `request`). It is
 * called from the loop and must not block. */
typedef json_t *(*control_fn)(void *user, const json_t *request, const char **error);

/* An answer that is owed to a client. Whoever has it must give it in the end, exactly once, with one of the two
 * functions below, be it at once or much later; that the client or the socket is gone by then does not matter. The
 * client waits without a deadline of ours, and its further requests wait with it. */
struct control_reply;
typedef void (*control_later_fn)(void *user, const json_t *request, struct control_reply *reply);

/* Gives the answer and releases `reply`. Both take the JSON. `details` (may be NULL) are for programs, `error` is for
 * people. */
void control_reply_ok(struct control_reply *reply, json_t *result);
void control_reply_error(struct control_reply *reply, const char *error, json_t *details);

/* With one of the two functions. */
struct control_command {
	const char *name;
	control_fn fn;
	control_later_fn later;
};

struct control;

/* Listens on `path`: removes a stale socket, refuses one that somebody serves (-EADDRINUSE), creates the directory,
 * mode 0660, group `sqlvip` where it exists. `commands` is borrowed, ended by a NULL name. 0 or -errno. */
int control_new(sd_event *loop, const char *path, const struct control_command *commands, void *user,
		struct control **ret);
/* True if an agent listens on `path`. */
bool control_is_served(const char *path);
/* Closes and unlinks. */
struct control *control_free(struct control *c);

/* Turns one request document into one answer document (allocated text with newline); the fuzz target. Commands that
 * answer later are refused: there is no client that could wait. */
char *control_answer(const struct control_command *commands, void *user, const char *request, size_t len);
