/* SPDX-License-Identifier: Apache-2.0 */
/* Opens views: subscribes, then dumps. The dump uses a socket of its own, for its pace is that of the kernel's locks
 * and the subscribed one is never waited for. Reading the subscribed socket is left to the owner. */
#include "agent/netif/view.h"

#include "agent/base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
	MONITOR_BUFFER = 2 * 1024 * 1024, /* about 2500 notifications */
	DUMP_BUFFER = 256 * 1024,
	/* While the tables change under the dump. What is skipped stands where one of its messages ends, so that
	 * several may skip the same: only many of them do not. One takes a millisecond for 1000 addresses. */
	DUMP_TRIES = 20,
};

struct netif_view *netif_view_free(struct netif_view *v)
{
	if (v) {
		netif_cache_done(&v->cache);
		netlink_close(v->monitor);
	}
	free(v);
	return NULL;
}

static int fill(void *user, struct nlmsghdr *h)
{
	struct netif_cache *c = user;
	struct netif_link link;
	struct netif_addr addr;
	bool gone;
	int r = 0;

	if (netif_msg_link(h, &link, &gone) && !gone)
		r = netif_cache_put_link(c, &link);
	else if (netif_msg_addr(h, &addr, &gone) && !gone)
		r = netif_cache_put_addr(c, addr.ifindex, &addr.prefix, netif_addr_presence(&addr));
	return r < 0 ? r : 0;
}

/* -EINTR: one of the dumps had gaps, which were filled from `earlier`. */
static int dump_once(struct netif_view *v, struct nl_sock *sk, const struct netif_cache *earlier)
{
	const struct ifinfomsg links = { 0 };
	const struct ifaddrmsg addrs = { 0 };
	int r, r2;

	r = netlink_dump_table(sk, RTM_GETLINK, &links, sizeof(links), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS, v->in,
			       fill, &v->cache);
	if (r == -EINTR && netif_cache_add_links(&v->cache, earlier) < 0)
		return -ENOMEM;
	if (r < 0 && r != -EINTR)
		return r;
	r2 = netlink_dump_table(sk, RTM_GETADDR, &addrs, sizeof(addrs), 0, 0, v->in, fill, &v->cache);
	if (r2 == -EINTR && netif_cache_add_addrs(&v->cache, earlier) < 0)
		return -ENOMEM;
	return r2 < 0 ? r2 : r;
}

/* When the tables do not hold still, what any of the dumps has seen counts: the notice that it went later is on its way
 * to the monitor socket, whereas for what stayed and was skipped there would be none. */
static int view_dump(struct netif_view *v, struct nl_sock *sk)
{
	int r = -EINTR;

	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		struct netif_cache earlier = v->cache;

		v->cache = (struct netif_cache){ 0 };
		r = dump_once(v, sk, &earlier);
		netif_cache_done(&earlier);
	}
	return r == -EINTR ? 0 : r;
}

/* A notification is one datagram of one message, in the host's byte order; a filter loads in the network's. */
static int be_deaf(struct nl_sock *sk, uint32_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWADDR), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog prog = { .len = ELEMENTSOF(code), .filter = code };
	int fd = nl_socket_get_fd(sk);

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

int netif_view_open(struct netif_view *v)
{
	struct nl_sock *sk = NULL;
	int r = netlink_open(NETLINK_ROUTE, MONITOR_BUFFER, &v->monitor);

	if (r == 0 && v->deaf_to)
		r = be_deaf(v->monitor, v->deaf_to);
	if (r == 0 && nl_socket_add_memberships(v->monitor, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
						RTNLGRP_NONE) < 0)
		r = -EIO;
	if (r == 0)
		r = netlink_open(NETLINK_ROUTE, DUMP_BUFFER, &sk);
	if (r == 0)
		r = view_dump(v, sk);
	netlink_close(sk);
	return r;
}
