/* SPDX-License-Identifier: Apache-2.0 */
/* A VIP that is on this host although we are not master: left behind by another program, whatever its prefix length, or
 * put there by hand. It has no lease, and nobody would ever take it away.
 *
 * At the start it goes. Later it is an alarm; and if another host is heard, which has it then, it goes as well, for two
 * hosts must not have it. If nobody is heard, somebody may have meant it. Nor does maintenance move anything. Whoever
 * puts it back again and again is left alone after some times.
 *
 * Only where the VIP would be ours: on another interface, such as lo behind a load balancer, it is somebody else's. Nor
 * is one looked at whose priority is 255: it may be the host's own address. And none is removed that others depend on.
 */
#include "agent/instance/impl.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"

#include <errno.h>

enum {
	OWNER = 255,
	TRIES_MAX = 5,
	QUIET_US = 60000000, /* after so long without one, it is tried as often again */
};

static bool is_other(void *user, const struct ip_addr *addr)
{
	return !ip_equal(user, addr);
}

/* `others`: only with another length than configured. */
static bool find(const struct instance *inst, size_t i, bool others, struct netif_addr *ret)
{
	struct ip_addr addr = inst->conf->vips[i].prefix.addr, found;
	int ifindex = instance_vip_ifindex(inst, i);

	/* Most are not there; and it is rare enough to ask for each length. */
	if (!ifindex || !netif_source(inst->env.netif, ifindex, addr.family, is_other, &addr, &found))
		return false;
	*ret = instance_to_netif(inst, i, ifindex);
	for (unsigned len = 0; len <= 8 * ip_len(addr.family); len++) {
		ret->prefix.len = (uint8_t)len;
		if (others && len == inst->conf->vips[i].prefix.len)
			continue;
		if (netif_presence(inst->env.netif, ifindex, &ret->prefix) != NETIF_ABSENT)
			return true;
	}
	return false;
}

static bool is_vip(void *user, const struct ip_addr *addr)
{
	return conf_is_vip(user, addr);
}

/* The host must not lose its last address there, nor those of the same subnet. */
static bool may_go(const struct instance *inst, const struct netif_addr *a)
{
	struct netif *n = inst->env.netif;
	struct conf *conf = (struct conf *)(uintptr_t)inst->env.conf; /* is only read */
	struct ip_addr addr = a->prefix.addr, found;

	return netif_source(n, a->ifindex, addr.family, is_vip, conf, &found) &&
	       !netif_takes_along(n, a->ifindex, &a->prefix, is_vip, conf);
}

static size_t keep_those_that_may_go(const struct instance *inst, struct netif_addr *a, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (may_go(inst, &a[i]))
			a[kept++] = a[i];
	return kept;
}

static struct netif_addr *find_all(const struct instance *inst, bool others, size_t *n)
{
	struct netif_addr *a = calloc(inst->conf->n_vips + 1, sizeof(*a));

	*n = 0;
	if (inst->conf->priority == OWNER || inst->env.observe)
		return a;
	for (size_t i = 0; a && i < inst->conf->n_vips; i++)
		*n += find(inst, i, others, &a[*n]);
	return a;
}

static void removed(void *user, const struct netif_result *r)
{
	struct instance *inst = user;

	inst->counters.connections_reset += r->resets;
	if (r->error < 0)
		instance_record(inst, LOG_ERR, JOURNAL_ADDRESS, "it could not be removed: %s", strerror(-r->error));
}

/* Whatever we take later comes after it: the kernel is told in this order. */
static void remove_all(struct instance *inst, const struct netif_addr *a, size_t n)
{
	const struct netif_result failed = { .error = -ENOMEM };

	if (netif_release(inst->env.netif, a, n, RESET_BUDGET_US, removed, inst) < 0)
		removed(inst, &failed);
}

void instance_strays_at_start(struct instance *inst)
{
	size_t n;
	_cleanup_(freep) struct netif_addr *a = find_all(inst, true, &n);
	char addr[IP_STR_MAX];

	n = a ? keep_those_that_may_go(inst, a, n) : 0;
	if (n == 0)
		return;
	instance_record(inst, LOG_NOTICE, JOURNAL_ADDRESS, "removing %s/%u, which something else left behind",
			ip_format(&a[0].prefix.addr, addr), a[0].prefix.len);
	remove_all(inst, a, n);
}

/* False: too often. */
static bool may_try(struct strays *s)
{
	uint64_t now_us = loop_now_us();

	if (now_us - s->seen_us >= QUIET_US)
		s->tries = 0;
	s->seen_us = now_us;
	return s->tries < TRIES_MAX;
}

void instance_look_for_strays(struct instance *inst)
{
	bool listening = inst->fsm.state == VRRP_BACKUP || inst->fsm.state == VRRP_FAULT;
	struct strays *s = &inst->strays;
	_cleanup_(freep) struct netif_addr *a = NULL;
	char addr[IP_STR_MAX], from[IP_STR_MAX];
	const struct peer *master;
	size_t n = 0;

	if (listening && s->suspected && inst->lane_len == 0)
		a = find_all(inst, false, &n);
	if (n == 0) {
		s->suspected &= !a;
		alarm_end("stray", inst->conf->name);
		return;
	}
	ip_format(&a[0].prefix.addr, addr);
	alarm_raise(instance_alarm("stray"), inst->conf->name,
		    "%s/%u is on this host, which is not master: who put it there?", addr, a[0].prefix.len);
	master = instance_other_master(inst);
	n = keep_those_that_may_go(inst, a, n);
	if (!may_try(s) || inst->maintenance || !master || n == 0)
		return;
	ip_format(&a[0].prefix.addr, addr);
	s->tries++;
	instance_record(inst, LOG_WARNING, JOURNAL_ADDRESS,
			"%s/%u was added by somebody else: %s has it, removing it%s", addr, a[0].prefix.len,
			ip_format(&master->addr, from),
			s->tries == TRIES_MAX ? " for the last time, unless it stays away for a minute" : "");
	remove_all(inst, a, n);
}
