/* SPDX-License-Identifier: Apache-2.0 */
/* Address changes in batches: messages are put one after the other into one buffer and sent at once; the kernel carries
 * all of them out, in order, before the send returns, and does not stop at an error.
 *
 * Only the last message asks for an acknowledgement. Errors come unasked and are matched by sequence number, so that
 * the answers of a batch can not overrun the receive buffer; should that happen all the same, the outcome is read back
 * from the kernel. Knows nothing of threads, jobs or order of acts. */
#include "agent/netif/batch.h"

#include "agent/base/cleanup.h"
#include "agent/netif/cache.h"
#include "agent/netif/netlink.h"
#include "agent/netif/places.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

enum {
	LOOK_TRIES = 5,    /* while the tables change under the look */
	MESSAGE_MAX = 192, /* header, ifaddrmsg and all attributes that we use, with room */
	/* The kernel's work on an IPv6 address grows with their number: smaller sends let others at the lock. */
	WEIGHT_IPV4 = 1,
	WEIGHT_IPV6 = (NETIF_BATCH_MAX + NETIF_BATCH_MAX_IPV6 - 1) / NETIF_BATCH_MAX_IPV6,
};

struct netif_batch {
	struct nl_sock *sk;
	struct {
		enum netif_op op;
		struct netif_request *q;
	} pending[NETIF_BATCH_MAX];
	size_t n;     /* pending */
	uint32_t seq; /* of the first pending one; the others' follow */
	unsigned weight;
	size_t out_len, last_at; /* octets in `out`; where its last message begins */
	_Alignas(struct nlmsghdr) uint8_t out[NETIF_BATCH_MAX * MESSAGE_MAX];
	_Alignas(struct nlmsghdr) uint8_t in[NETLINK_READ_MAX];
};

int netif_batch_new(struct netif_batch **ret)
{
	struct netif_batch *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	r = netlink_open(NETLINK_ROUTE, 1024 * 1024, &b->sk);
	if (r < 0) {
		free(b);
		return r;
	}
	b->seq = 1;
	*ret = b;
	return 0;
}

struct netif_batch *netif_batch_free(struct netif_batch *b)
{
	if (b)
		netlink_close(b->sk);
	free(b);
	return NULL;
}

uint32_t netif_batch_port(const struct netif_batch *b)
{
	return nl_socket_get_local_port(b->sk);
}

/* A new address, or one that is made to last. A renewal must not bring back an address that is gone, and the kernel
 * would: it takes RTM_NEWADDR to mean "create" whether or not NLM_F_CREATE is set. So a renewal asks for the multicast
 * group of the address to be joined, too, which is looked at only when an address is created, and which the kernel
 * refuses (EINVAL) for addresses that are no groups: as all of ours. On IPv6 the flag then shows as "autojoin". */
static int put_lifetime(struct nl_msg *m, const struct netif_addr *a, enum netif_op op)
{
	uint32_t valid = a->lifetime_s ? a->lifetime_s : UINT32_MAX;
	/* A host address is never the best source for new connections (preferred lifetime 0), as keepalived has it. */
	uint32_t preferred = a->has_preferred ? a->preferred_lft : a->prefix.len == 128 ? 0 : UINT32_MAX;
	struct ifa_cacheinfo life = { .ifa_valid = valid, .ifa_prefered = preferred < valid ? preferred : valid };
	uint32_t flags = (a->flags & NETIF_ADDR_FLAGS) | (op == NETIF_OP_RENEW ? IFA_F_MCAUTOJOIN : 0);

	/* Duplicate detection would leave it unusable for a second, and for good after a split brain. */
	if (a->prefix.addr.family == AF_INET6 && !a->dad)
		flags |= IFA_F_NODAD;
	return nla_put_u32(m, IFA_FLAGS, flags) | nla_put(m, IFA_CACHEINFO, sizeof(life), &life);
}

static int put_addr(struct nl_msg *m, const struct netif_addr *a, enum netif_op op)
{
	sa_family_t family = a->prefix.addr.family;
	int len = (int)ip_len(family);
	struct ifaddrmsg ifa = {
		.ifa_family = (uint8_t)family,
		.ifa_prefixlen = a->prefix.len,
		.ifa_scope = family == AF_INET ? a->scope : 0,
		.ifa_index = (unsigned)a->ifindex,
	};
	int r = nlmsg_append(m, &ifa, sizeof(ifa), NLMSG_ALIGNTO);

	r |= nla_put(m, IFA_LOCAL, len, a->prefix.addr.bytes);
	r |= nla_put(m, IFA_ADDRESS, len, ip_is_set(&a->peer) ? a->peer.bytes : a->prefix.addr.bytes);
	if (op == NETIF_OP_REMOVE)
		return r;
	r |= put_lifetime(m, a, op);
	if (family == AF_INET) {
		if (a->brd.s_addr)
			r |= nla_put(m, IFA_BROADCAST, sizeof(a->brd), &a->brd);
		if (a->label[0])
			r |= nla_put_string(m, IFA_LABEL, a->label);
	}
	return r | nla_put_u8(m, IFA_PROTO, NETIF_PROTO_OURS);
}

static int put_local_route(struct nl_msg *m, const struct netif_addr *a)
{
	sa_family_t family = a->prefix.addr.family;
	struct rtmsg rt = {
		.rtm_family = (uint8_t)family,
		.rtm_dst_len = (uint8_t)(8 * ip_len(family)),
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_type = RTN_LOCAL,
		.rtm_scope = RT_SCOPE_NOWHERE, /* any */
	};
	int r = nlmsg_append(m, &rt, sizeof(rt), NLMSG_ALIGNTO);

	r |= nla_put(m, RTA_DST, (int)ip_len(family), a->prefix.addr.bytes);
	return r | nla_put_u32(m, RTA_OIF, (uint32_t)a->ifindex);
}

static struct nl_msg *message_new(enum netif_op op, const struct netif_addr *a, uint32_t seq)
{
	struct nl_msg *m = nlmsg_alloc_size(MESSAGE_MAX);
	int r = -1;

	if (!m)
		return NULL;
	switch (op) {
	case NETIF_OP_ADD:
		if (nlmsg_put(m, 0, seq, RTM_NEWADDR, 0, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL))
			r = put_addr(m, a, op);
		break;
	case NETIF_OP_RENEW:
		if (nlmsg_put(m, 0, seq, RTM_NEWADDR, 0, NLM_F_REQUEST | NLM_F_REPLACE))
			r = put_addr(m, a, op);
		break;
	case NETIF_OP_REMOVE:
		if (nlmsg_put(m, 0, seq, RTM_DELADDR, 0, NLM_F_REQUEST))
			r = put_addr(m, a, op);
		break;
	case NETIF_OP_CLOSE_DOOR:
		if (nlmsg_put(m, 0, seq, RTM_DELROUTE, 0, NLM_F_REQUEST))
			r = put_local_route(m, a);
		break;
	}
	if (r) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

/* Errors that mean "it is so already". */
static int outcome(enum netif_op op, int error)
{
	switch (op) {
	case NETIF_OP_ADD:
		return error;
	case NETIF_OP_RENEW:
		return error == -EINVAL ? -EADDRNOTAVAIL : error; /* put_lifetime() */
	case NETIF_OP_REMOVE:
		/* ENXIO: the interface has no IPv6 at all */
		return error == -EADDRNOTAVAIL || error == -ENODEV || error == -ENXIO ? 0 : error;
	case NETIF_OP_CLOSE_DOOR:
		return error == -ESRCH || error == -ENODEV ? 0 : error;
	}
	return error;
}

/* The answers are all there by now: reading never waits. False if the last message's is not among them. */
static bool read_answers(struct netif_batch *b)
{
	for (;;) {
		ssize_t got = netlink_receive(b->sk, b->in, sizeof(b->in), MSG_DONTWAIT);
		int left = (int)got;

		if (got < 0)
			return false;
		for (struct nlmsghdr *h = (struct nlmsghdr *)b->in; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			uint32_t i = h->nlmsg_seq - b->seq;

			if (h->nlmsg_type != NLMSG_ERROR || i >= b->n)
				continue; /* a late answer to an earlier send */
			b->pending[i].q->error = outcome(b->pending[i].op, netlink_error(h));
			if (i == b->n - 1)
				return true;
		}
	}
}

/* After lost answers only the state itself tells. A door that stayed open is made good by the removal. */
static void judge_by_looking(struct netif_batch *b)
{
	struct netif_request *qs[NETIF_BATCH_MAX];
	int r;

	for (size_t i = 0; i < b->n; i++)
		qs[i] = b->pending[i].q;
	r = netif_batch_look(b, qs, b->n);
	for (size_t i = 0; i < b->n; i++) {
		switch (b->pending[i].op) {
		case NETIF_OP_ADD:
			qs[i]->error = r < 0                             ? r
				       : !qs[i]->present                 ? -ENOBUFS
				       : qs[i]->same && qs[i]->door_open ? 0
									 : -EEXIST;
			break;
		case NETIF_OP_RENEW:
			qs[i]->error = r < 0 ? r : qs[i]->present ? 0 : -EADDRNOTAVAIL;
			break;
		case NETIF_OP_REMOVE:
			qs[i]->error = r < 0 ? r : qs[i]->present ? -ENOBUFS : 0;
			break;
		case NETIF_OP_CLOSE_DOOR:
			qs[i]->error = 0;
			break;
		}
	}
}

void netif_batch_flush(struct netif_batch *b)
{
	if (b->n == 0)
		return;
	((struct nlmsghdr *)(b->out + b->last_at))->nlmsg_flags |= NLM_F_ACK;
	if (netlink_send(b->sk, b->out, b->out_len) < 0 || !read_answers(b))
		judge_by_looking(b);
	b->seq += (uint32_t)b->n;
	b->n = 0;
	b->weight = 0;
	b->out_len = 0;
}

void netif_batch_add(struct netif_batch *b, enum netif_op op, struct netif_request *q)
{
	struct nl_msg *m = message_new(op, &q->addr, b->seq + (uint32_t)b->n);

	q->error = m ? 0 : -ENOMEM;
	if (!m)
		return;
	b->pending[b->n].op = op;
	b->pending[b->n++].q = q;
	b->weight += q->addr.prefix.addr.family == AF_INET6 ? WEIGHT_IPV6 : WEIGHT_IPV4;
	b->last_at = b->out_len;
	/* At most MESSAGE_MAX by allocation. */
	memcpy(b->out + b->out_len, nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len);
	b->out_len += NLMSG_ALIGN(nlmsg_hdr(m)->nlmsg_len);
	nlmsg_free(m);
	if (b->weight >= NETIF_BATCH_MAX)
		netif_batch_flush(b);
}

struct look {
	struct netif_request *const *qs;
	size_t n;
};

static int look_addr(void *user, struct nlmsghdr *h)
{
	const struct look *look = user;
	struct netif_addr a;
	bool gone;

	if (!netif_msg_addr(h, &a, &gone) || gone)
		return 0;
	for (size_t i = 0; i < look->n; i++) {
		struct netif_request *q = look->qs[i];
		const struct netif_addr *want = &q->addr;

		if (want->ifindex != a.ifindex || want->prefix.len != a.prefix.len ||
		    !ip_equal(&want->prefix.addr, &a.prefix.addr))
			continue;
		q->present = true;
		q->lifetime_s = a.lifetime_s;
		q->same = (want->flags & NETIF_ADDR_FLAGS) == (a.flags & NETIF_ADDR_FLAGS) &&
			  ip_equal(&a.peer, &want->peer) &&
			  (a.prefix.addr.family == AF_INET6 ||
			   (a.scope == want->scope && (!want->brd.s_addr || a.brd.s_addr == want->brd.s_addr) &&
			    (!want->label[0] || strcmp(a.label, want->label) == 0)));
	}
	return 0;
}

static int look_route(void *user, struct nlmsghdr *h)
{
	const struct look *look = user;
	struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *rt;

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*rt), tb, RTA_MAX, NULL) < 0)
		return 0;
	rt = nlmsg_data(h);
	if (rt->rtm_table != RT_TABLE_LOCAL || rt->rtm_type != RTN_LOCAL || !tb[RTA_DST] || !tb[RTA_OIF] ||
	    nla_len(tb[RTA_OIF]) != sizeof(uint32_t) || (rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6) ||
	    nla_len(tb[RTA_DST]) != (int)ip_len(rt->rtm_family) || rt->rtm_dst_len != 8 * ip_len(rt->rtm_family))
		return 0;
	for (size_t i = 0; i < look->n; i++) {
		struct netif_request *q = look->qs[i];

		if (q->addr.prefix.addr.family == rt->rtm_family && q->addr.ifindex == (int)nla_get_u32(tb[RTA_OIF]) &&
		    nla_memcmp(tb[RTA_DST], q->addr.prefix.addr.bytes, ip_len(rt->rtm_family)) == 0)
			q->door_open = true;
	}
	return 0;
}

static int look_once(struct netif_batch *b, struct look *look)
{
	const struct ifaddrmsg addrs = { 0 };
	int r;

	for (size_t i = 0; i < look->n; i++)
		look->qs[i]->present = look->qs[i]->same = look->qs[i]->door_open = false;
	r = netlink_dump_table(b->sk, RTM_GETADDR, &addrs, sizeof(addrs), 0, 0, b->in, look_addr, look);
	/* The families one by one: a kernel without IPv6 must not spoil the answer for IPv4. */
	for (size_t i = 0; i < 2 && r == 0; i++) {
		struct rtmsg routes = { .rtm_family = i ? AF_INET6 : AF_INET };

		r = netlink_dump_table(b->sk, RTM_GETROUTE, &routes, sizeof(routes), RTA_TABLE, RT_TABLE_LOCAL, b->in,
				       look_route, look);
		if (r != -EINTR && i == 1)
			r = 0;
	}
	return r;
}

int netif_batch_look(struct netif_batch *b, struct netif_request *const *qs, size_t n)
{
	struct look look = { .qs = qs, .n = n };
	int r = -EINTR;

	for (int i = 0; i < LOOK_TRIES && r == -EINTR; i++)
		r = look_once(b, &look);
	return r == -EINTR ? -EAGAIN : r;
}
