/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel told about links and addresses: its messages decoded, and the tables that they amount to. No sockets,
 * no callbacks. */
#pragma once

#include "agent/netif/netif.h"

#include <linux/netlink.h>

/* An RTM_NEWLINK or RTM_DELLINK. False if it is something else, speaks of a bridge port or is malformed. */
bool netif_msg_link(struct nlmsghdr *h, struct netif_link *ret, bool *gone);

/* An RTM_NEWADDR or RTM_DELADDR; an IPv6 address that failed at duplicate detection counts as gone. False if it is
 * something else or malformed. */
bool netif_msg_addr(struct nlmsghdr *h, struct netif_addr *ret, bool *gone);

/* The presence that goes with an address that is not gone. */
enum netif_presence netif_addr_presence(const struct netif_addr *a);

struct netif_cached_addr {
	struct ip_prefix prefix;
	enum netif_presence presence; /* never NETIF_ABSENT */
};

/* Addresses in the order in which the kernel has them: primary ones first. */
struct netif_cached {
	struct netif_link link;
	struct netif_cached_addr *addrs;
	size_t n_addrs, addrs_size;
};

struct netif_cache {
	struct netif_cached *links;
	size_t n_links;
};

void netif_cache_done(struct netif_cache *c);

/* NULL if there is none. Valid until the next change. */
struct netif_cached *netif_cache_find(const struct netif_cache *c, int ifindex);
enum netif_presence netif_cached_presence(const struct netif_cached *l, const struct ip_prefix *prefix);
bool netif_link_equal(const struct netif_link *a, const struct netif_link *b);

/* Enter what only `from` has: its links, or those of its addresses whose link is known here. 0 or -ENOMEM. */
int netif_cache_add_links(struct netif_cache *c, const struct netif_cache *from);
int netif_cache_add_addrs(struct netif_cache *c, const struct netif_cache *from);

/* Each returns 1 if that changed the table, 0 if it was so already, -ENOMEM. An address on an unknown link is no
 * change. */
int netif_cache_put_link(struct netif_cache *c, const struct netif_link *link);
int netif_cache_drop_link(struct netif_cache *c, int ifindex);
int netif_cache_put_addr(struct netif_cache *c, int ifindex, const struct ip_prefix *prefix,
			 enum netif_presence presence);
int netif_cache_drop_addr(struct netif_cache *c, int ifindex, const struct ip_prefix *prefix);
