/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink sockets: opening, sending, reading datagrams and dumps.
 *
 * Sends and reads go to the descriptor directly, because libnl folds several errno values into one code (ENOBUFS and
 * ENOMEM, which mean different things here) and allocates for every read. Messages and attributes are libnl's. */
#include "agent/netif/netlink.h"

#include "agent/base/cleanup.h"

#include <errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

int netlink_open(int protocol, int receive_buffer, struct nl_sock **ret)
{
	static const struct timeval patience = { .tv_sec = 1 };
	struct nl_sock *sk = nl_socket_alloc();
	int fd, r;

	if (!sk)
		return -ENOMEM;
	nl_socket_disable_auto_ack(sk);
	errno = 0;
	if (nl_connect(sk, protocol) < 0) { /* close-on-exec is libnl's default */
		r = errno > 0 ? -errno : -EIO;
		nl_socket_free(sk);
		return r;
	}
	fd = nl_socket_get_fd(sk);
	if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer) < 0)
		(void)set_option(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
	/* Errors without a copy of the request, dumps with filters: both optional on the kernels we serve. */
	(void)set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	(void)set_option(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	*ret = sk;
	return 0;
}

struct nl_sock *netlink_close(struct nl_sock *sk)
{
	if (sk)
		nl_socket_free(sk);
	return NULL;
}

int netlink_send(struct nl_sock *sk, const void *buf, size_t len)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do
		n = sendto(nl_socket_get_fd(sk), buf, len, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t netlink_receive(struct nl_sock *sk, void *buf, size_t size, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = buf, .iov_len = size };
		struct msghdr msg = {
			.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
		};
		ssize_t n = recvmsg(nl_socket_get_fd(sk), &msg, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (msg.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue;
		return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
	}
}

int netlink_error(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = nlmsg_data(h);

	if (nlmsg_datalen(h) < (int)sizeof(e->error) || e->error > 0)
		return -EBADMSG;
	return e->error;
}

/* 1 when the dump is complete, 0 when there is more, negative on errors, fn()'s included. */
static int walk_answer(void *buf, int left, uint32_t seq, netlink_message_fn fn, void *user, bool *gaps)
{
	struct nlmsghdr *h;

	for (h = buf; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		int r;

		if (h->nlmsg_seq != seq)
			continue;
		*gaps |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
			r = netlink_error(h); /* both begin with it */
			return r < 0 ? r : 1;
		}
		r = fn(user, h);
		if (r < 0)
			return r;
	}
	return 0;
}

int netlink_dump(struct nl_sock *sk, struct nl_msg *request, void *buf, netlink_message_fn fn, void *user)
{
	struct nlmsghdr *h = nlmsg_hdr(request);
	bool gaps = false;
	int r;

	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = nl_socket_use_seq(sk);
	r = netlink_send(sk, h, h->nlmsg_len);
	while (r == 0) {
		ssize_t n = netlink_receive(sk, buf, NETLINK_READ_MAX, 0);

		r = n < 0 ? (int)n : walk_answer(buf, (int)n, h->nlmsg_seq, fn, user, &gaps);
	}
	if (r < 0)
		return r == -EAGAIN ? -ETIMEDOUT : r;
	return gaps ? -EINTR : 0;
}

int netlink_dump_table(struct nl_sock *sk, int type, const void *header, size_t header_len, int attr, uint32_t value,
		       void *buf, netlink_message_fn fn, void *user)
{
	struct nl_msg *request = nlmsg_alloc_simple(type, 0);
	void *body;
	int r = -ENOMEM;

	if (!request)
		return r;
	body = nlmsg_reserve(request, header_len, NLMSG_ALIGNTO);
	if (body) {
		memcpy(body, header, header_len);
		if (!attr || nla_put_u32(request, attr, value) == 0)
			r = netlink_dump(sk, request, buf, fn, user);
	}
	nlmsg_free(request);
	return r;
}
