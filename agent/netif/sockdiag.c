/* SPDX-License-Identifier: Apache-2.0 */
/* Destroys the TCP connections on given local addresses.
 *
 * A dump finds them, also those of a server that listens on :: and holds its IPv4 clients under mapped addresses
 * (::ffff:a.b.c.d). For few addresses the kernel filters, for many we do; so a sweep costs one walk over the socket
 * table, however many addresses there are, and one more sweep looks whether the last one missed any. The table is the
 * same for both families, but SOCK_DIAG_BY_FAMILY walks it for one of them: a quarter of a millisecond each, while
 * nobody serves the address. The older TCPDIAG_GETSOCK, which the kernel keeps for old programs, asks for both. Each
 * socket is named by its cookie as well, so that a connection that ends meanwhile is never mistaken for the listener
 * behind it. Knows nothing of links or jobs. */
#include "agent/netif/sockdiag.h"

#include "agent/base/cleanup.h"
#include "agent/base/loop.h"
#include "agent/netif/netlink.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

enum {
	BATCH = 100,    /* sockets per SOCK_DESTROY send: 1.3 ms */
	FILTER_MAX = 8, /* targets that the kernel filters for */
	SWEEPS_MAX = 3, /* the second finds what slipped in or was skipped while the first removed others */
	RECEIVE_BUFFER = 256 * 1024,
	/* Not LISTEN, which is the server; nor TIME_WAIT and CLOSE, where nobody waits any more. */
	STATES = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 |
		 1 << TCP_FIN_WAIT2 | 1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING,
};

struct doomed {
	struct inet_diag_sockid id;
	uint8_t family;
	size_t *resets;
};

struct sockdiag {
	struct nl_sock *finder, *killer;
	const char *support;
	bool usable;
	/* The running reset. */
	struct sockdiag_target *targets;
	size_t n_targets;
	uint64_t until_us;
	size_t found; /* in the running sweep */
	struct doomed doomed[BATCH];
	size_t n_doomed;
	uint32_t seq;
	_Alignas(struct nlmsghdr) uint8_t in[NETLINK_READ_MAX];
	_Alignas(struct nlmsghdr) uint8_t answer[NETLINK_READ_MAX];
};

struct destroy_message {
	struct nlmsghdr h;
	struct inet_diag_req_v2 req;
};
_Static_assert(sizeof(struct destroy_message) % NLMSG_ALIGNTO == 0, "messages follow each other without gaps");

static struct destroy_message destroy_message(uint8_t family, const struct inet_diag_sockid *id, uint32_t seq)
{
	return (struct destroy_message){
		.h = { .nlmsg_len = sizeof(struct destroy_message),
		       .nlmsg_type = SOCK_DESTROY,
		       .nlmsg_flags = NLM_F_REQUEST,
		       .nlmsg_seq = seq },
		.req = { .sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = UINT32_MAX, .id = *id },
	};
}

/* Destroys a socket that cannot exist (port 0) and looks at the refusal. */
static void probe(struct sockdiag *d)
{
	const struct inet_diag_sockid nobody = { .idiag_cookie = { 1, 0 } };
	struct destroy_message m = destroy_message(AF_INET, &nobody, ++d->seq);
	const struct nlmsghdr *h = (const struct nlmsghdr *)d->answer;
	ssize_t n;
	int r;

	m.h.nlmsg_flags |= NLM_F_ACK;
	r = netlink_send(d->killer, &m, sizeof(m));
	n = r < 0 ? r : netlink_receive(d->killer, d->answer, sizeof(d->answer), MSG_DONTWAIT);
	if (n < 0)
		r = (int)n;
	else if (nlmsg_ok(h, (int)n) && h->nlmsg_type == NLMSG_ERROR)
		r = netlink_error(h);
	d->usable = n >= 0 && (r == -ENOENT || r == -ESTALE);
	if (d->usable)
		d->support = "available";
	else if (r == -EOPNOTSUPP)
		d->support = "not available: the kernel lacks INET_DIAG_DESTROY";
	else if (r == -EPERM)
		d->support = "not available: CAP_NET_ADMIN is missing";
	else
		d->support = "not available: the kernel does not answer socket diagnosis";
}

static int open_finder(struct sockdiag *d)
{
	return d->finder ? 0 : netlink_open(NETLINK_SOCK_DIAG, RECEIVE_BUFFER, &d->finder);
}

int sockdiag_new(struct sockdiag **ret)
{
	struct sockdiag *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	r = netlink_open(NETLINK_SOCK_DIAG, RECEIVE_BUFFER, &d->killer);
	if (r == -EPROTONOSUPPORT) {
		d->support = "not available: the kernel lacks INET_DIAG";
		r = 0;
	} else if (r == 0) {
		probe(d);
		if (d->usable)
			(void)open_finder(d); /* now: at a release each moment counts. It is tried again then */
	}
	if (r < 0)
		d = sockdiag_free(d);
	*ret = d;
	return r;
}

struct sockdiag *sockdiag_free(struct sockdiag *d)
{
	if (d) {
		netlink_close(d->finder);
		netlink_close(d->killer);
	}
	free(d);
	return NULL;
}

const char *sockdiag_support(const struct sockdiag *d)
{
	return d->support;
}

static int by_addr(const void *a, const void *b)
{
	const struct ip_addr *x = &((const struct sockdiag_target *)a)->addr;
	const struct ip_addr *y = &((const struct sockdiag_target *)b)->addr;

	return x->family != y->family ? (x->family < y->family ? -1 : 1) : ip_cmp(x, y);
}

static struct sockdiag_target *target_of(const struct sockdiag *d, const struct inet_diag_msg *msg)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *src = (const uint8_t *)msg->id.idiag_src;
	struct sockdiag_target key;

	if (msg->idiag_family == AF_INET6 && memcmp(src, mapped, sizeof(mapped)) == 0)
		key.addr = ip_from_bytes(AF_INET, src + sizeof(mapped));
	else
		key.addr = ip_from_bytes(msg->idiag_family, src);
	return bsearch(&key, d->targets, d->n_targets, sizeof(key), by_addr);
}

/* An error says that the socket was not there any more, or is of a kind that cannot be destroyed. */
static void count_answers(struct sockdiag *d, uint32_t first)
{
	bool failed[BATCH] = { false };
	ssize_t n;

	while ((n = netlink_receive(d->killer, d->answer, sizeof(d->answer), MSG_DONTWAIT)) >= 0) {
		int left = (int)n;

		for (struct nlmsghdr *h = (struct nlmsghdr *)d->answer; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			uint32_t i = h->nlmsg_seq - first;

			if (h->nlmsg_type == NLMSG_ERROR && i < d->n_doomed)
				failed[i] = netlink_error(h) < 0;
		}
	}
	for (size_t i = 0; i < d->n_doomed; i++)
		*d->doomed[i].resets += !failed[i];
}

static int destroy(struct sockdiag *d)
{
	struct destroy_message out[BATCH];
	uint32_t first = d->seq + 1;
	int r;

	if (d->n_doomed == 0)
		return 0;
	if (loop_now_us() >= d->until_us)
		return -ETIME;
	for (size_t i = 0; i < d->n_doomed; i++)
		out[i] = destroy_message(d->doomed[i].family, &d->doomed[i].id, ++d->seq);
	out[d->n_doomed - 1].h.nlmsg_flags |= NLM_F_ACK;
	r = netlink_send(d->killer, out, d->n_doomed * sizeof(out[0]));
	if (r == 0)
		count_answers(d, first);
	d->n_doomed = 0;
	return r;
}

static int on_socket(void *user, struct nlmsghdr *h)
{
	struct sockdiag *d = user;
	const struct inet_diag_msg *msg = nlmsg_data(h);
	const struct sockdiag_target *target;

	if (h->nlmsg_type != TCPDIAG_GETSOCK || nlmsg_datalen(h) < (int)sizeof(*msg) ||
	    (msg->idiag_family != AF_INET && msg->idiag_family != AF_INET6))
		return 0;
	target = target_of(d, msg);
	if (!target || msg->idiag_state == TCP_LISTEN)
		return 0;
	d->found++;
	d->doomed[d->n_doomed++] =
		(struct doomed){ .id = msg->id, .family = msg->idiag_family, .resets = target->resets };
	return d->n_doomed == BATCH ? destroy(d) : 0;
}

/* "The local address is one of the targets" in the kernel's filter language, whose only loop-free form of OR is: if
 * the condition holds, jump to the end; if not, go on with the next. The last one's miss jumps past the end. */
static int put_filter(struct nl_msg *m, const struct sockdiag_target *targets, size_t n)
{
	struct step {
		struct inet_diag_bc_op op;
		struct { /* struct inet_diag_hostcond with room for either family */
			uint8_t family, prefix_len;
			int port;
			uint32_t addr[4];
		} cond;
		struct inet_diag_bc_op jump;
	} steps[FILTER_MAX];
	_Static_assert(offsetof(struct step, cond.addr) ==
			       sizeof(struct inet_diag_bc_op) + sizeof(struct inet_diag_hostcond),
		       "laid out as the kernel reads it");

	for (size_t i = 0; i < n; i++) {
		const struct ip_addr *a = &targets[i].addr;
		size_t rest = (n - 1 - i) * sizeof(struct step);

		steps[i] = (struct step){
			.op = { .code = INET_DIAG_BC_S_COND,
				.yes = offsetof(struct step, jump),
				.no = sizeof(struct step) },
			.cond = { .family = (uint8_t)a->family,
				  .prefix_len = (uint8_t)(8 * ip_len(a->family)),
				  .port = -1 },
			.jump = { .code = INET_DIAG_BC_JMP,
				  .yes = sizeof(struct inet_diag_bc_op),
				  .no = (uint16_t)(sizeof(struct inet_diag_bc_op) + rest) },
		};
		memcpy(steps[i].cond.addr, a->bytes, sizeof(steps[i].cond.addr));
		if (i == n - 1)
			steps[i].op.no = sizeof(struct step) + sizeof(struct inet_diag_bc_op);
	}
	return nla_put(m, INET_DIAG_REQ_BYTECODE, (int)(n * sizeof(struct step)), steps);
}

/* One walk over all sockets. */
static int sweep(struct sockdiag *d)
{
	struct inet_diag_req req = { .idiag_family = AF_INET, .idiag_states = STATES }; /* the family is ignored */
	struct nl_msg *m = nlmsg_alloc_simple(TCPDIAG_GETSOCK, 0);
	int r = m ? 0 : -ENOMEM;

	if (r == 0)
		r = open_finder(d);
	if (r == 0 && (nlmsg_append(m, &req, sizeof(req), NLMSG_ALIGNTO) < 0 ||
		       (d->n_targets <= FILTER_MAX && put_filter(m, d->targets, d->n_targets) < 0)))
		r = -ENOMEM;
	if (r == 0 && loop_now_us() >= d->until_us)
		r = -ETIME;
	if (r == 0)
		r = netlink_dump(d->finder, m, d->in, on_socket, d);
	if (r == -EINTR)
		r = 0;
	if (r < 0)
		d->finder = netlink_close(d->finder); /* with what is left of the dump */
	if (r == 0)
		r = destroy(d);
	d->n_doomed = 0;
	if (m)
		nlmsg_free(m);
	return r;
}

bool sockdiag_reset(struct sockdiag *d, struct sockdiag_target *targets, size_t n, uint64_t until_us)
{
	int r = 0;

	if (!d->usable || n == 0)
		return true;
	qsort(targets, n, sizeof(*targets), by_addr);
	d->targets = targets;
	d->n_targets = n;
	d->until_us = until_us;
	for (int i = 0; i < SWEEPS_MAX && r == 0; i++) {
		d->found = 0;
		r = sweep(d);
		if (d->found == 0)
			break;
	}
	d->targets = NULL;
	return r == 0;
}
