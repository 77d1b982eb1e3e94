/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's lease on the VIPs: each has a lifetime, which is renewed at a third of it, so that a host whose agent
 * has died or stands still loses them without anybody's help.
 *
 * There is no timer: a renewal goes with an advert that was sent anyhow, and only with one, because the right to the
 * addresses is the advert that the others have heard. Nothing waits for a renewal, and its failure means nothing as
 * long as the address is there: what happens when one is gone is addr.c's business. */
#include "agent/instance/impl.h"

#include "agent/base/cleanup.h"

#include <errno.h>

enum { LEASE_LOG_US = 10000000 };

/* Others on the interface: ours go together anyhow. */
static bool is_own_vip(void *user, const struct ip_addr *addr)
{
	const struct instance *inst = user;

	for (size_t i = 0; i < inst->conf->n_vips; i++)
		if (ip_equal(&inst->conf->vips[i].prefix.addr, addr))
			return true;
	return false;
}

uint32_t instance_lease_s(const struct instance *inst, size_t i)
{
	return inst->vips[i].unleased ? 0 : inst->conf->vip_lease_s;
}

/* A lease that ran out must cost nobody else his address. */
static void judge(struct instance *inst, size_t i, int ifindex)
{
	const struct conf_vip *vip = &inst->conf->vips[i];
	bool unleased = netif_takes_along(inst->env.netif, ifindex, &vip->prefix, is_own_vip, inst);
	char addr[IP_STR_MAX];

	if (unleased == inst->vips[i].unleased)
		return;
	inst->vips[i].unleased = unleased;
	if (unleased)
		instance_record(inst, LOG_WARNING, JOURNAL_ADDRESS,
				"%s has no lease any more: " VIP_UNLEASED "; give it the prefix length 32, or set "
				"net.ipv4.conf.%s.promote_secondaries",
				ip_format(&vip->prefix.addr, addr), vip->dev[0] ? vip->dev : inst->conf->interface);
	else
		instance_record(inst, LOG_NOTICE, JOURNAL_ADDRESS, "%s has a lease again",
				ip_format(&vip->prefix.addr, addr));
}

void instance_lease_began(struct instance *inst, uint64_t at_us)
{
	inst->lease_until_us = at_us + inst->conf->vip_lease_s * 1000000ull;
	inst->lease_asked_us = at_us;
}

static void renewed(void *user, const struct netif_result *r)
{
	struct instance *inst = user;
	uint64_t suppressed;

	inst->counters.lease_renewed += r->error == 0;
	inst->counters.lease_failed += r->error < 0;
	inst->lease_ok &= r->error == 0;
	/* Without leases there is no next time, but for this. */
	inst->lease_changed |= r->error < 0 && inst->conf->vip_lease_s == 0;
	/* Gone is told as an event of its own; too late means that we stood still, and is what the lease is for. */
	if (r->error < 0 && r->error != -EADDRNOTAVAIL && r->error != -ESTALE &&
	    log_limit_pass(&inst->lease_log, r->ended_us, LEASE_LOG_US, &suppressed))
		log_write(LOG_WARNING, inst->conf->name, "%zu leases could not be renewed: %s", r->failed,
			  strerror(-r->error));
	if (--inst->lease_portions == 0 && inst->lease_ok)
		instance_lease_began(inst, inst->lease_asked_us);
}

void instance_lease_reconf(struct instance *inst, const struct conf_instance *old)
{
	if (old->vip_lease_s == inst->conf->vip_lease_s)
		return;
	inst->lease_changed = inst->fsm.state == VRRP_MASTER;
	if (old->vip_lease_s == 0)
		inst->lease_until_us = UINT64_MAX; /* they have none yet */
}

static bool is_due(const struct instance *inst)
{
	uint64_t third_us = inst->conf->vip_lease_s * 1000000ull / 3;

	/* Rather one advert early than one late. */
	return loop_now_us() + 2 * INSTANCE_ADVERT_SLACK_US >= inst->lease_asked_us + third_us;
}

void instance_lease_tend(struct instance *inst)
{
	_cleanup_(freep) struct netif_addr *a = NULL;
	size_t n = 0;

	if (inst->lease_portions > 0)
		netif_catch_up(inst->env.netif);
	if ((inst->conf->vip_lease_s == 0 || !is_due(inst)) && !inst->lease_changed)
		return;
	if (inst->fsm.state != VRRP_MASTER || inst->lane_len > 0 || inst->lease_portions > 0 ||
	    loop_now_us() >= instance_fresh_until_us(inst))
		return;
	a = calloc(inst->conf->n_vips + 1, sizeof(*a));
	for (size_t i = 0; a && i < inst->conf->n_vips; i++) {
		int ifindex = instance_vip_ifindex(inst, i);

		if (!ifindex || !instance_vip_is_there(inst, i)) /* duplicate detection may outlast the lease */
			continue;
		judge(inst, i, ifindex);
		a[n++] = instance_to_netif(inst, i, ifindex);
	}
	if (n == 0)
		return;
	inst->lease_changed = false;
	inst->lease_asked_us = loop_now_us();
	inst->lease_ok = netif_renew(inst->env.netif, a, n, instance_fresh_until_us(inst), renewed, inst,
				     &inst->lease_portions) == 0;
}
