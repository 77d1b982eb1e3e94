/* SPDX-License-Identifier: Apache-2.0 */
/* Letters as bytes, and their way through the socket. All types have the same shape: numbers, then strings. Whether a
 * letter makes sense coming from that side, and at that time, is for its reader to judge. */
#include "agent/process/post.h"

#include "agent/base/cleanup.h"
#include "vrrp/cursor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void put_string(struct writer *w, const char *s)
{
	wr_bytes(w, s, strlen(s) + 1);
}

size_t post_encode(const struct post *p, uint8_t *buf, size_t size)
{
	struct writer w = { .p = buf, .left = size };

	if (p->n_words > POST_WORDS_MAX || p->n_env > POST_ENV_MAX)
		return 0;
	wr_u8(&w, (uint8_t)p->type);
	wr_u8(&w, p->timed_out);
	wr_be32(&w, p->id);
	wr_be32(&w, p->uid);
	wr_be32(&w, p->gid);
	wr_be64(&w, p->timeout_us);
	wr_be64(&w, p->kill_after_us);
	wr_be64(&w, p->ran_us);
	wr_be32(&w, (uint32_t)-p->error);
	wr_be32(&w, (uint32_t)p->wait_status);
	wr_be16(&w, (uint16_t)p->n_words);
	wr_be16(&w, (uint16_t)p->n_env);
	put_string(&w, p->text ? p->text : "");
	for (size_t i = 0; i < p->n_words; i++)
		put_string(&w, p->words[i]);
	for (size_t i = 0; i < p->n_env; i++)
		put_string(&w, p->env[i]);
	return w.bad ? 0 : w.len;
}

/* Marks the cursor bad and yields "" if no string ends within it. */
static const char *get_string(struct cursor *c)
{
	const char *s = (const char *)c->p;
	const uint8_t *end = c->bad || c->left == 0 ? NULL : memchr(c->p, '\0', c->left);

	c->bad |= !end;
	if (c->bad)
		return "";
	cur_skip(c, (size_t)(end - c->p) + 1);
	return s;
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* A program may look at any variable, and its loader and shell at some: only ours are set. */
static bool is_our_variable(const char *s)
{
	size_t n = strncmp(s, "SQLVIP_", 7) == 0 ? strspn(s + 7, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") : 0;

	return n > 0 && s[7 + n] == '=' && is_plain(s);
}

const char *post_decode(const uint8_t *buf, size_t len, struct post *ret)
{
	struct cursor c = { .p = buf, .left = len };
	uint8_t type = cur_u8(&c), flags = cur_u8(&c);
	struct post p = { .timed_out = flags & 1 };
	uint32_t error;

	p.id = cur_be32(&c);
	p.uid = cur_be32(&c);
	p.gid = cur_be32(&c);
	p.timeout_us = cur_be64(&c);
	p.kill_after_us = cur_be64(&c);
	p.ran_us = cur_be64(&c);
	error = cur_be32(&c);
	p.wait_status = (int)cur_be32(&c);
	p.n_words = cur_be16(&c);
	p.n_env = cur_be16(&c);
	if (c.bad)
		return "too short";
	if (type >= _POST_TYPE_MAX_ || flags > 1)
		return "of no known type";
	if (error > 4095 || p.n_words > POST_WORDS_MAX || p.n_env > POST_ENV_MAX)
		return "a number out of range";
	p.type = (enum post_type)type;
	p.error = -(int)error;
	p.text = get_string(&c);
	for (size_t i = 0; i < p.n_words; i++)
		p.words[i] = get_string(&c);
	for (size_t i = 0; i < p.n_env; i++)
		p.env[i] = get_string(&c);
	if (c.bad || c.left > 0)
		return "cut off, or with something behind it";
	if (!is_plain(p.text))
		return "with control characters";
	for (size_t i = 0; i < p.n_env; i++)
		if (!is_our_variable(p.env[i]))
			return "with a variable that is none of ours";
	*ret = p;
	return NULL;
}

/* --- the socket -------------------------------------------------------------------------------------------------- */

union rights {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

int post_send(int sock, const struct post *p, int fd)
{
	uint8_t small[2048]; /* enough for most */
	_cleanup_(freep) uint8_t *large = NULL;
	struct iovec iov = { small, post_encode(p, small, sizeof(small)) };
	union rights rights = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (iov.iov_len == 0) {
		large = malloc(POST_MAX);
		if (!large)
			return -ENOMEM;
		iov = (struct iovec){ large, post_encode(p, large, POST_MAX) };
		if (iov.iov_len == 0)
			return -E2BIG;
	}
	if (fd >= 0) {
		m.msg_control = &rights;
		m.msg_controllen = sizeof(rights);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						       .cmsg_type = SCM_RIGHTS,
						       .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	}
	return sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The one descriptor that may come along; others are closed. */
static int take_rights(struct msghdr *m)
{
	int fd = -1;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len; at += sizeof(int)) {
			int one;

			memcpy(&one, (char *)h + at, sizeof(one));
			close_fd(fd);
			fd = one;
		}
	}
	return fd;
}

int post_receive(int sock, uint8_t *buf, struct post *ret, int *fd, const char **why)
{
	struct iovec iov = { buf, POST_MAX };
	union rights rights;
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)
	};
	ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*fd = -1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return n == 0 || errno == ECONNRESET ? -EPIPE : -errno;
	*fd = take_rights(&m);
	*why = m.msg_flags & MSG_TRUNC ? "too long" : post_decode(buf, (size_t)n, ret);
	if (!*why)
		return 1;
	*fd = close_fd(*fd);
	return -EBADMSG;
}
