/* SPDX-License-Identifier: Apache-2.0 */
/* The process connector: netlink messages from the kernel in, pids out. What the processes are is not looked at here.
 *
 * Only what comes from the kernel counts: every process of the host may send to the socket. */
#include "agent/proc_events.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
	RECEIVE_BUFFER = 1 << 20,
	READS_PER_WAKEUP = 64,
};

struct proc_events {
	struct proc_events_user u;
	int fd;
	bool answered;
	sd_event_source *io;
	size_t n; /* in this wake-up */
};

static void on_event(struct proc_events *p, const struct proc_event *ev)
{
	void *user = p->u.user;

	p->n++;
	switch ((unsigned)ev->what) {
	case PROC_EVENT_NONE:
		if (ev->event_data.ack.err == 0 && !p->answered) {
			p->answered = true;
			p->u.works(user);
		}
		break;
	case PROC_EVENT_FORK: /* of a thread otherwise */
		if (ev->event_data.fork.child_pid == ev->event_data.fork.child_tgid)
			p->u.named(user, ev->event_data.fork.child_pid);
		break;
	case PROC_EVENT_EXEC:
		p->u.named(user, ev->event_data.exec.process_tgid);
		break;
	case PROC_EVENT_COMM:
		if (ev->event_data.comm.process_pid == ev->event_data.comm.process_tgid)
			p->u.named(user, ev->event_data.comm.process_pid);
		break;
	case PROC_EVENT_EXIT:
		if (ev->event_data.exit.process_pid == ev->event_data.exit.process_tgid)
			p->u.ended(user, ev->event_data.exit.process_pid);
		break;
	default:
		break;
	}
}

static void on_datagram(struct proc_events *p, const char *buf, size_t len)
{
	const size_t head = NLMSG_HDRLEN + sizeof(struct cn_msg);
	struct proc_event ev = { 0 };
	struct cn_msg msg;

	if (len < head)
		return;
	memcpy(&msg, buf + NLMSG_HDRLEN, sizeof(msg));
	len -= head;
	len = msg.len < len ? msg.len : len;
	/* Older kernels send less than our headers know; what is read of it lies at the beginning. */
	if (msg.id.idx != CN_IDX_PROC || len < offsetof(struct proc_event, event_data) + 4 * sizeof(int))
		return;
	memcpy(&ev, buf + head, len < sizeof(ev) ? len : sizeof(ev));
	on_event(p, &ev);
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	char buf[1024];
	struct proc_events *p = user;

	(void)s, (void)revents;
	p->n = 0;
	for (int i = 0; i < READS_PER_WAKEUP; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		if (n < 0 && errno == ENOBUFS)
			p->u.lost(p->u.user);
		else if (n < 0)
			break;
		else if (from.nl_pid == 0) /* the kernel's */
			on_datagram(p, buf, (size_t)n);
	}
	p->u.told(p->u.user, p->n);
	return 0;
}

static int listen_to(int fd)
{
	struct sockaddr_nl us = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
	const int size = RECEIVE_BUFFER;
	struct nlmsghdr h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(op)), .nlmsg_type = NLMSG_DONE };
	struct cn_msg msg = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(op) };
	char buf[NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(op))];

	memcpy(buf, &h, sizeof(h));
	memcpy(buf + NLMSG_HDRLEN, &msg, sizeof(msg));
	memcpy(buf + NLMSG_HDRLEN + sizeof(msg), &op, sizeof(op));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&us, sizeof(us)) < 0 || send(fd, buf, sizeof(buf), 0) < 0)
		return -errno;
	return 0;
}

int proc_events_new(sd_event *loop, const struct proc_events_user *u, struct proc_events **ret)
{
	struct proc_events *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->u = *u;
	p->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	r = p->fd < 0 ? -errno : listen_to(p->fd);
	if (r >= 0)
		r = loop_io(loop, &p->io, p->fd, EPOLLIN, LOOP_RANK_NORMAL, on_readable, p);
	if (r < 0) {
		proc_events_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

struct proc_events *proc_events_free(struct proc_events *p)
{
	if (!p)
		return NULL;
	sd_event_source_disable_unref(p->io);
	close_fd(p->fd);
	free(p);
	return NULL;
}
