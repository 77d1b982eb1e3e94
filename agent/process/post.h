/* SPDX-License-Identifier: Apache-2.0 */
/* The letters between supervisor and engine: one datagram each over a socket pair of type SOCK_SEQPACKET, of known
 * type, bounded, checked as a whole. The supervisor is root and the engine speaks to strangers, so every letter of the
 * engine may be a stranger's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum post_type {
	/* from the engine */
	POST_READY,     /* it serves */
	POST_ALIVE,     /* each second, and when it goes over to another configuration: id of the wish for that */
	POST_RUN,       /* a program: id, uid, gid, timeout_us, kill_after_us, words, env */
	POST_TERMINATE, /* that program: id */
	POST_ABANDON,   /* the same, and its end is of no interest */
	POST_RELOAD,    /* read the configuration again: id */
	POST_REFUSED,   /* nothing has come of that wish: id */
	/* from the supervisor */
	POST_STOP, /* text: why */
	POST_RAN,  /* a program has ended: id, error, wait_status, timed_out, ran_us */
	POST_LATE, /* a program has passed its deadline: id */
	POST_CONF, /* the configuration as it is now: id of the wish, the descriptor that comes with it */
	POST_KEEP, /* it could not even be read: id, error */
	POST_HUP,  /* somebody asked for a reload */
	_POST_TYPE_MAX_,
};

enum {
	POST_WORDS_MAX = 272,
	POST_ENV_MAX = 32,
	POST_MAX = 176 * 1024, /* of a letter; the kernel takes no program with more */
	POST_BUFFER = 1 << 20, /* of the socket */
};

struct post {
	enum post_type type;
	uint32_t id;
	uint32_t uid, gid;
	uint64_t timeout_us, kill_after_us, ran_us;
	int error, wait_status; /* error: 0 or -errno */
	bool timed_out;
	const char *text; /* never NULL when decoded */
	size_t n_words, n_env;
	const char *words[POST_WORDS_MAX + 1], *env[POST_ENV_MAX + 1]; /* NULL-terminated when decoded */
};

/* Writes the letter into `buf`; its length, or 0 if it does not fit. */
size_t post_encode(const struct post *p, uint8_t *buf, size_t size);

/* Strings point into `buf`. NULL if it is a letter, else what is wrong with it. Variables must be called SQLVIP_*, and
 * no string holds control characters but words. */
const char *post_decode(const uint8_t *buf, size_t len, struct post *ret);

/* Never waits. 0 or -errno; -EAGAIN: the other side does not read. `fd` (-1: none) goes along, and stays ours. */
int post_send(int sock, const struct post *p, int fd);

/* Reads one letter into `buf` (of POST_MAX bytes). 1, 0 if there is none, -EPIPE if the other side is gone, -EBADMSG
 * and `*why`. `*fd` is -1 or a descriptor that came along, the caller's. */
int post_receive(int sock, uint8_t *buf, struct post *ret, int *fd, const char **why);
