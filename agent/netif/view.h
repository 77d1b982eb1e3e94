/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of links and addresses and the socket that keeps them current are one thing, a view: subscribed first,
 * dumped afterwards, so that no change falls between. What changed in between is both in the tables and on its way to
 * the socket; entering a notification twice does no harm. While the tables do not hold still,
 * several dumps are put together: what has gone meanwhile may then be there until its notification is read. */
#pragma once

#include "agent/netif/cache.h"
#include "agent/netif/netlink.h"

struct netif_view {
	struct netif_cache cache;
	struct nl_sock *monitor;
	uint32_t deaf_to; /* RTM_NEWADDR notifications from this nlmsg_pid do not arrive; 0: all do */
	int error;        /* for the owner's use */
	_Alignas(struct nlmsghdr) uint8_t in[NETLINK_READ_MAX];
};

/* `v` is zeroed memory from calloc(), but for `deaf_to`. Blocks for as long as others hold the kernel's locks. 0 or
 * -errno; release with netif_view_free() in either case. */
int netif_view_open(struct netif_view *v);
struct netif_view *netif_view_free(struct netif_view *v);
