/* SPDX-License-Identifier: Apache-2.0 */
/* Links and addresses as the kernel reports them.
 *
 * Decodes rtnetlink messages (every attribute against a policy, lengths checked) into our own values and keeps the
 * tables. It does not decide what a change means: that is netif.c. Tables are arrays searched in order: a host has few
 * links, and a thousand addresses on one of them still cost less than a microsecond per search. */
#include "agent/netif/cache.h"

#include "agent/base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

bool netif_msg_link(struct nlmsghdr *h, struct netif_link *ret, bool *gone)
{
	static const struct nla_policy policy[IFLA_MAX + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING, .maxlen = IFNAMSIZ },
		[IFLA_MTU] = { .type = NLA_U32 },
	};
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *ifi;
	struct netif_link l = { 0 };

	if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
		return false;
	if (nlmsg_parse(h, sizeof(*ifi), tb, IFLA_MAX, policy) < 0)
		return false;
	ifi = nlmsg_data(h);
	/* A port that leaves a bridge is announced as RTM_DELLINK of family AF_BRIDGE; the link itself stays. */
	if (ifi->ifi_family != AF_UNSPEC || ifi->ifi_index <= 0 || !tb[IFLA_IFNAME])
		return false;
	l.ifindex = ifi->ifi_index;
	nla_strlcpy(l.name, tb[IFLA_IFNAME], sizeof(l.name));
	l.has_mac =
		ifi->ifi_type == ARPHRD_ETHER && tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == (int)sizeof(l.mac);
	if (l.has_mac)
		memcpy(l.mac, nla_data(tb[IFLA_ADDRESS]), sizeof(l.mac));
	l.up = (ifi->ifi_flags & IFF_UP) && (ifi->ifi_flags & IFF_RUNNING);
	l.noarp = (ifi->ifi_flags & IFF_NOARP) != 0;
	l.mtu = tb[IFLA_MTU] ? nla_get_u32(tb[IFLA_MTU]) : 0;
	*ret = l;
	*gone = h->nlmsg_type == RTM_DELLINK;
	return true;
}

/* The attribute as an address of `family`; false if it is absent or of another length. */
static bool attr_addr(const struct nlattr *a, sa_family_t family, struct ip_addr *ret)
{
	if (!a || nla_len(a) != (int)ip_len(family))
		return false;
	*ret = ip_from_bytes(family, nla_data(a));
	return true;
}

bool netif_msg_addr(struct nlmsghdr *h, struct netif_addr *ret, bool *gone)
{
	static const struct nla_policy policy[IFA_MAX + 1] = {
		[IFA_LABEL] = { .type = NLA_STRING, .maxlen = IFNAMSIZ },
		[IFA_FLAGS] = { .type = NLA_U32 },
		[IFA_CACHEINFO] = { .minlen = sizeof(struct ifa_cacheinfo) },
	};
	struct nlattr *tb[IFA_MAX + 1];
	struct ifa_cacheinfo life;
	const struct ifaddrmsg *ifa;
	struct netif_addr a = { 0 };
	struct ip_addr brd, other;

	if (h->nlmsg_type != RTM_NEWADDR && h->nlmsg_type != RTM_DELADDR)
		return false;
	if (nlmsg_parse(h, sizeof(*ifa), tb, IFA_MAX, policy) < 0)
		return false;
	ifa = nlmsg_data(h);
	if ((ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6) || ifa->ifa_index > INT_MAX ||
	    ifa->ifa_prefixlen > 8 * ip_len(ifa->ifa_family))
		return false;
	/* IFA_LOCAL is ours; IFA_ADDRESS is the other end of a point-to-point link, and the only one for plain IPv6. */
	if (!attr_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family, &a.prefix.addr))
		return false;
	a.prefix.len = ifa->ifa_prefixlen;
	a.ifindex = (int)ifa->ifa_index;
	a.scope = ifa->ifa_scope;
	if (tb[IFA_LABEL])
		nla_strlcpy(a.label, tb[IFA_LABEL], sizeof(a.label));
	if (attr_addr(tb[IFA_BROADCAST], AF_INET, &brd))
		memcpy(&a.brd, brd.bytes, sizeof(a.brd));
	if (tb[IFA_CACHEINFO]) {
		memcpy(&life, nla_data(tb[IFA_CACHEINFO]), sizeof(life));
		/* One that runs out right now has 0 seconds left, which is not "for ever". */
		a.lifetime_s = life.ifa_valid == UINT32_MAX ? 0 : life.ifa_valid ? life.ifa_valid : 1;
	}
	if (tb[IFA_LOCAL] && attr_addr(tb[IFA_ADDRESS], ifa->ifa_family, &other) && !ip_equal(&other, &a.prefix.addr))
		a.peer = other;
	a.flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
	*gone = h->nlmsg_type == RTM_DELADDR || (a.flags & IFA_F_DADFAILED);
	*ret = a;
	return true;
}

enum netif_presence netif_addr_presence(const struct netif_addr *a)
{
	bool waits = (a->flags & IFA_F_TENTATIVE) && !(a->flags & IFA_F_OPTIMISTIC);

	return waits ? NETIF_TENTATIVE : NETIF_PRESENT;
}

void netif_cache_done(struct netif_cache *c)
{
	for (size_t i = 0; i < c->n_links; i++)
		free(c->links[i].addrs);
	free(c->links);
	*c = (struct netif_cache){ 0 };
}

struct netif_cached *netif_cache_find(const struct netif_cache *c, int ifindex)
{
	for (size_t i = 0; i < c->n_links; i++)
		if (c->links[i].link.ifindex == ifindex)
			return &c->links[i];
	return NULL;
}

/* n_addrs if it is not there. */
static size_t addr_index(const struct netif_cached *l, const struct ip_prefix *prefix)
{
	size_t i;

	for (i = 0; i < l->n_addrs; i++)
		if (l->addrs[i].prefix.len == prefix->len && ip_equal(&l->addrs[i].prefix.addr, &prefix->addr))
			break;
	return i;
}

enum netif_presence netif_cached_presence(const struct netif_cached *l, const struct ip_prefix *prefix)
{
	size_t i = addr_index(l, prefix);

	return i < l->n_addrs ? l->addrs[i].presence : NETIF_ABSENT;
}

bool netif_link_equal(const struct netif_link *a, const struct netif_link *b)
{
	return a->ifindex == b->ifindex && strcmp(a->name, b->name) == 0 && a->has_mac == b->has_mac &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->up == b->up && a->noarp == b->noarp &&
	       a->mtu == b->mtu;
}

int netif_cache_put_link(struct netif_cache *c, const struct netif_link *link)
{
	struct netif_cached *l = netif_cache_find(c, link->ifindex);

	if (l && netif_link_equal(&l->link, link))
		return 0;
	if (!l) {
		l = reallocarray(c->links, c->n_links + 1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		c->links = l;
		l += c->n_links++;
		*l = (struct netif_cached){ 0 };
	}
	l->link = *link;
	return 1;
}

int netif_cache_drop_link(struct netif_cache *c, int ifindex)
{
	struct netif_cached *l = netif_cache_find(c, ifindex);

	if (!l)
		return 0;
	free(l->addrs);
	c->n_links--;
	memmove(l, l + 1, (size_t)(c->links + c->n_links - l) * sizeof(*l));
	return 1;
}

int netif_cache_put_addr(struct netif_cache *c, int ifindex, const struct ip_prefix *prefix,
			 enum netif_presence presence)
{
	struct netif_cached *l = netif_cache_find(c, ifindex);
	size_t i = l ? addr_index(l, prefix) : 0;
	bool change;

	if (!l)
		return 0;
	if (i < l->n_addrs) {
		change = l->addrs[i].presence != presence;
		l->addrs[i].presence = presence;
		return change;
	}
	if (l->n_addrs == l->addrs_size) {
		size_t size = l->addrs_size ? 2 * l->addrs_size : 8;
		struct netif_cached_addr *p = reallocarray(l->addrs, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->addrs = p;
		l->addrs_size = size;
	}
	l->addrs[l->n_addrs++] = (struct netif_cached_addr){ *prefix, presence };
	return 1;
}

int netif_cache_add_links(struct netif_cache *c, const struct netif_cache *from)
{
	int r = 0;

	for (size_t i = 0; i < from->n_links && r >= 0; i++)
		if (!netif_cache_find(c, from->links[i].link.ifindex))
			r = netif_cache_put_link(c, &from->links[i].link);
	return r < 0 ? r : 0;
}

int netif_cache_add_addrs(struct netif_cache *c, const struct netif_cache *from)
{
	int r = 0;

	for (size_t i = 0; i < from->n_links; i++) {
		const struct netif_cached *l = &from->links[i];

		const struct netif_cached *known = netif_cache_find(c, l->link.ifindex);

		for (size_t k = 0; known && k < l->n_addrs && r >= 0; k++)
			if (netif_cached_presence(known, &l->addrs[k].prefix) == NETIF_ABSENT)
				r = netif_cache_put_addr(c, l->link.ifindex, &l->addrs[k].prefix, l->addrs[k].presence);
	}
	return r < 0 ? r : 0;
}

int netif_cache_drop_addr(struct netif_cache *c, int ifindex, const struct ip_prefix *prefix)
{
	struct netif_cached *l = netif_cache_find(c, ifindex);
	size_t i = l ? addr_index(l, prefix) : 0;

	if (!l || i == l->n_addrs)
		return 0;
	l->n_addrs--;
	memmove(&l->addrs[i], &l->addrs[i + 1], (l->n_addrs - i) * sizeof(*l->addrs));
	return 1;
}
