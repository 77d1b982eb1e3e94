/* SPDX-License-Identifier: Apache-2.0 */
/* Link and address messages against arbitrary octets, as one datagram of the kernel's: what is understood goes into the
 * tables, which must then say so. The kernel is no enemy, but its messages grow attributes with every version. */
#include "agent/netif/cache.h"

#include <assert.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_link(struct netif_cache *c, const struct netif_link *link, bool gone)
{
	const struct netif_cached *known;

	assert(link->ifindex > 0 && memchr(link->name, '\0', sizeof(link->name)));
	if (gone) {
		assert(netif_cache_drop_link(c, link->ifindex) >= 0);
		assert(!netif_cache_find(c, link->ifindex));
		return;
	}
	assert(netif_cache_put_link(c, link) >= 0);
	known = netif_cache_find(c, link->ifindex);
	assert(known && netif_link_equal(&known->link, link));
	assert(netif_cache_put_link(c, link) == 0);
}

static void take_addr(struct netif_cache *c, const struct netif_addr *a, bool gone)
{
	const struct netif_cached *l = netif_cache_find(c, a->ifindex);

	assert(a->prefix.addr.family == AF_INET || a->prefix.addr.family == AF_INET6);
	assert(a->prefix.len <= 8 * ip_len(a->prefix.addr.family));
	assert(memchr(a->label, '\0', sizeof(a->label)));
	assert(!ip_is_set(&a->peer) || a->peer.family == a->prefix.addr.family);
	if (gone) {
		int known = l && netif_cached_presence(l, &a->prefix) != NETIF_ABSENT;

		assert(netif_cache_drop_addr(c, a->ifindex, &a->prefix) == known);
		return;
	}
	assert(netif_cache_put_addr(c, a->ifindex, &a->prefix, netif_addr_presence(a)) >= 0);
	if (l)
		assert(netif_cached_presence(netif_cache_find(c, a->ifindex), &a->prefix) == netif_addr_presence(a));
	assert(netif_cache_put_addr(c, a->ifindex, &a->prefix, netif_addr_presence(a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct netif_cache c = { 0 };
	uint8_t *copy = malloc(size ? size : 1); /* aligned, and exactly as long */
	int left = (int)size;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	for (struct nlmsghdr *h = (struct nlmsghdr *)copy; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		struct netif_link link;
		struct netif_addr addr;
		bool gone;

		if (netif_msg_link(h, &link, &gone))
			take_link(&c, &link, gone);
		else if (netif_msg_addr(h, &addr, &gone))
			take_addr(&c, &addr, gone);
	}
	netif_cache_done(&c);
	free(copy);
	return 0;
}
