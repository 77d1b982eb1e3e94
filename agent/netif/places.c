/* SPDX-License-Identifier: Apache-2.0 */
/* One dump, and what it says beyond the tables of cache.c: who put an address there. */
#include "agent/netif/places.h"

#include "agent/base/cleanup.h"
#include "agent/netif/cache.h"
#include "agent/netif/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

enum { RECEIVE_BUFFER = 256 * 1024, DUMP_TRIES = 5 };

static bool is_marked(struct nlmsghdr *h)
{
	const struct nlattr *a = nlmsg_find_attr(h, sizeof(struct ifaddrmsg), IFA_PROTO);

	return a && nla_len(a) == 1 && nla_get_u8(a) == NETIF_PROTO_OURS;
}

static int add(void *user, struct nlmsghdr *h)
{
	struct netif_places *p = user;
	struct netif_place *all = p->all;
	struct netif_addr a;
	bool gone;

	if (!netif_msg_addr(h, &a, &gone) || gone)
		return 0;
	if ((p->n & (p->n - 1)) == 0) /* full: it grows by doubling */
		all = reallocarray(p->all, p->n ? 2 * p->n : 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	p->all = all;
	p->all[p->n++] = (struct netif_place){ .ifindex = a.ifindex, .prefix = a.prefix, .marked = is_marked(h) };
	return 0;
}

/* When the tables do not hold still, what any of the dumps has seen counts: some of it may have gone since. */
int netif_places_read(struct netif_places *ret)
{
	_cleanup_(freep) uint8_t *buf = malloc(NETLINK_READ_MAX);
	const struct ifaddrmsg header = { 0 };
	struct nl_sock *sk = NULL;
	int r = buf ? netlink_open(NETLINK_ROUTE, RECEIVE_BUFFER, &sk) : -ENOMEM;

	*ret = (struct netif_places){ 0 };
	if (r == 0)
		r = -EINTR;
	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++)
		r = netlink_dump_table(sk, RTM_GETADDR, &header, sizeof(header), 0, 0, buf, add, ret);
	netlink_close(sk);
	if (r == 0 || r == -EINTR)
		return 0;
	netif_places_done(ret);
	return r;
}

void netif_places_done(struct netif_places *p)
{
	free(p->all);
	*p = (struct netif_places){ 0 };
}

const struct netif_place *netif_places_find(const struct netif_places *p, const struct ip_prefix *prefix)
{
	const struct netif_place *found = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct netif_place *at = &p->all[i];

		if (at->prefix.len != prefix->len || !ip_equal(&at->prefix.addr, &prefix->addr))
			continue;
		if (at->marked)
			return at;
		found = found ? found : at;
	}
	return found;
}
