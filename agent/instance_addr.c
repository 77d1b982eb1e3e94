/* SPDX-License-Identifier: Apache-2.0 */
/* An instance's VIPs as addresses on interfaces: taken, released, announced, put back when somebody else deletes them;
 * and what links and addresses mean for it: faults, the source of its adverts. */
#include "agent/instance_impl.h"

#include "agent/base/cleanup.h"

#include <errno.h>

int instance_vip_ifindex(const struct instance *inst, const struct conf_vip *vip)
{
	const struct netif_link *link =
		netif_link_by_name(inst->env.netif, vip->dev[0] ? vip->dev : inst->conf->interface);

	return link ? link->ifindex : 0;
}

static struct netif_addr to_netif(const struct conf_vip *vip, int ifindex)
{
	struct netif_addr a = { .ifindex = ifindex, .prefix = vip->prefix, .brd = vip->brd, .scope = vip->scope };

	memcpy(a.label, vip->label, sizeof(a.label));
	return a;
}

/* The VIPs that `pick` wants (all if NULL) on interfaces that exist; the array is the caller's. NULL without memory. */
static struct netif_addr *pick_vips(const struct instance *inst, bool (*pick)(const struct instance *, size_t),
				    size_t *n, size_t *homeless)
{
	struct netif_addr *a = calloc(inst->conf->n_vips + 1, sizeof(*a));

	*n = *homeless = 0;
	for (size_t i = 0; a && i < inst->conf->n_vips; i++) {
		int ifindex = instance_vip_ifindex(inst, &inst->conf->vips[i]);

		if (pick && !pick(inst, i))
			continue;
		if (ifindex == 0)
			++*homeless;
		else
			a[(*n)++] = to_netif(&inst->conf->vips[i], ifindex);
	}
	return a;
}

bool instance_addr_any(const struct instance *inst)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		int ifindex = instance_vip_ifindex(inst, &inst->conf->vips[i]);

		if (ifindex && netif_has(inst->env.netif, ifindex, &inst->conf->vips[i].prefix))
			return true;
	}
	return false;
}

/* --- taking and releasing ---------------------------------------------------------------------------------------- */

static double ms_between(uint64_t from_us, uint64_t to_us)
{
	return (double)(to_us - from_us) / 1000;
}

static void cannot_add(struct instance *inst, const char *why)
{
	log_write(LOG_ERR, inst->conf->name, "the addresses cannot be added: %s; trying again in %d s", why,
		  ADDR_FAULT_HOLD_US / 1000000);
	loop_timer_in(&inst->address_timer, ADDR_FAULT_HOLD_US);
	instance_set_faults(inst, FAULT_ADDRESS, FAULT_ADDRESS, "the addresses cannot be added: %s", why);
}

static void taken(void *user, const struct netif_result *r)
{
	struct instance *inst = user;

	if (r->error == 0)
		log_write(LOG_INFO, inst->conf->name, "%zu addresses added in %.1f ms", inst->conf->n_vips,
			  ms_between(r->queued_us, r->ended_us));
	else
		/* Before the lane goes on: it must find us in FAULT, and announce nothing. */
		cannot_add(inst, strerror(-r->error));
	instance_lane_go_on(inst);
}

static void not_taken(struct instance *inst, const char *why)
{
	/* The lane waits for a completion that will not come. */
	cannot_add(inst, why);
	loop_timer_in(&inst->retry_timer, 0);
}

void instance_addr_take(struct instance *inst)
{
	size_t n, homeless;
	_cleanup_(freep) struct netif_addr *a = pick_vips(inst, NULL, &n, &homeless);

	inst->vips_stale = false;
	if (!a)
		not_taken(inst, "out of memory");
	else if (homeless)
		not_taken(inst, "an interface named by `dev` is missing");
	else if (netif_take(inst->env.netif, a, n, taken, inst) < 0)
		not_taken(inst, "out of memory");
}

static void released(void *user, const struct netif_result *r)
{
	struct instance *inst = user;

	inst->counters.connections_reset += r->resets;
	if (r->error < 0) {
		/* Priority 0 must not leave while an address is still here. */
		log_write(LOG_ERR, inst->conf->name, "%zu addresses could not be removed: %s; trying again", r->failed,
			  strerror(-r->error));
		loop_timer_in(&inst->retry_timer, RETRY_US);
		return;
	}
	log_write(LOG_INFO, inst->conf->name, "%zu addresses removed in %.1f ms, %zu connections reset%s",
		  inst->conf->n_vips, ms_between(r->queued_us, r->ended_us), r->resets,
		  r->reset_cut_short ? " (more were left when the time for it was over)" : "");
	instance_lane_go_on(inst);
}

bool instance_addr_release(struct instance *inst)
{
	size_t n, homeless;
	_cleanup_(freep) struct netif_addr *a = pick_vips(inst, NULL, &n, &homeless);

	inst->vips_stale = false;
	if (a && n == 0)
		return false; /* their interfaces are gone, and they with them */
	if (!a || netif_release(inst->env.netif, a, n, RESET_BUDGET_US, released, inst) < 0)
		loop_timer_in(&inst->retry_timer, RETRY_US);
	return true;
}

static bool target_of(const struct instance *inst, const struct conf_vip *vip, struct announce_target *ret)
{
	int ifindex = instance_vip_ifindex(inst, vip);
	const struct netif_link *link = netif_link_by_index(inst->env.netif, ifindex);

	if (!link || !link->has_mac || link->noarp)
		return false;
	*ret = (struct announce_target){ .ifindex = ifindex, .vip = vip->prefix.addr };
	memcpy(ret->mac, link->mac, sizeof(ret->mac));
	return true;
}

void instance_announce(struct instance *inst)
{
	_cleanup_(freep) struct announce_target *targets = calloc(inst->conf->n_vips + 1, sizeof(*targets));
	size_t n = 0;

	for (size_t i = 0; targets && i < inst->conf->n_vips; i++)
		if (target_of(inst, &inst->conf->vips[i], &targets[n]))
			n++;
	if (!targets || announce_start(inst->announce, targets, n) < 0)
		log_write(LOG_ERR, inst->conf->name, "out of memory: the addresses are not announced");
}

/* --- putting back ------------------------------------------------------------------------------------------------ */

static bool vip_missing(const struct instance *inst, size_t i)
{
	const struct conf_vip *vip = &inst->conf->vips[i];
	int ifindex = instance_vip_ifindex(inst, vip);

	return !vip->no_track && ifindex && !netif_has(inst->env.netif, ifindex, &vip->prefix);
}

static void restored(void *user, const struct netif_result *r)
{
	struct instance *inst = user;
	struct announce_target target;

	if (r->error < 0)
		log_write(LOG_ERR, inst->conf->name, "an address could not be put back: %s", strerror(-r->error));
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		bool announce = inst->restoring[i] && r->error == 0 && inst->fsm.state == VRRP_MASTER;

		inst->restoring[i] = false;
		if (announce && target_of(inst, &inst->conf->vips[i], &target))
			announce_one(inst->announce, &target);
	}
}

void instance_addr_restore(struct instance *inst)
{
	size_t n, homeless;
	_cleanup_(freep) struct netif_addr *a = pick_vips(inst, vip_missing, &n, &homeless);

	inst->vips_stale = false;
	if (!a || n == 0)
		return;
	for (size_t i = 0; i < inst->conf->n_vips; i++)
		inst->restoring[i] |= vip_missing(inst, i);
	inst->counters.vips_restored += n;
	if (netif_take(inst->env.netif, a, n, restored, inst) < 0)
		log_write(LOG_ERR, inst->conf->name, "out of memory: an address is not put back");
}

/* An address may be put back only while nobody else can have taken it: our last advert is younger than the shortest
 * Down time that a peer may have. */
static bool mastership_is_fresh(const struct instance *inst)
{
	uint64_t shortest_down_us = (uint64_t)inst->conf->down_adverts * inst->conf->advert_us;

	return loop_now_us() - inst->sent_us < shortest_down_us;
}

static bool too_often(struct instance *inst)
{
	uint64_t now_us = loop_now_us();
	uint64_t oldest_us = inst->restored_us[inst->restored_next];

	inst->restored_us[inst->restored_next] = now_us;
	inst->restored_next = (inst->restored_next + 1) % RESTORE_MAX;
	return oldest_us && now_us - oldest_us < RESTORE_WINDOW_US;
}

static void vip_deleted(struct instance *inst, const struct conf_vip *vip)
{
	const struct vrrp_event lost = { .type = VRRP_EV_VIPS_LOST };
	char addr[IP_STR_MAX];

	ip_format(&vip->prefix.addr, addr);
	if (!mastership_is_fresh(inst)) {
		log_write(LOG_WARNING, inst->conf->name, "%s is gone, and our last advert is old: listening first",
			  addr);
		inst->vips_stale = true;
	} else if (too_often(inst)) {
		instance_feed(inst, &lost, "%s was deleted by somebody else %d times within %d s", addr,
			      RESTORE_MAX + 1, RESTORE_WINDOW_US / 1000000);
	} else {
		log_write(LOG_WARNING, inst->conf->name, "%s was deleted by somebody else: putting it back", addr);
		instance_addr_restore(inst);
	}
}

/* --- links and source -------------------------------------------------------------------------------------------- */

/* Adverts never leave from a VIP, whichever instance it belongs to. */
static bool is_vip(void *user, const struct ip_addr *addr)
{
	const struct conf *conf = user;

	for (size_t i = 0; i < conf->n_instances; i++)
		for (size_t j = 0; j < conf->instances[i].n_vips; j++)
			if (ip_equal(&conf->instances[i].vips[j].prefix.addr, addr))
				return true;
	return false;
}

static bool find_source(const struct instance *inst, const struct netif_link *link, struct ip_addr *ret)
{
	if (ip_is_set(&inst->conf->mcast_src_ip)) {
		*ret = inst->conf->mcast_src_ip;
		return true;
	}
	/* netif_source() only hands the pointer back to is_vip(), which reads. */
	return netif_source(inst->env.netif, link->ifindex, AF_INET, is_vip, (void *)(uintptr_t)inst->env.conf, ret);
}

void instance_look_at_link(struct instance *inst)
{
	const struct netif_link *link = netif_link_by_name(inst->env.netif, inst->conf->interface);
	struct vrrp_event ev = { .type = VRRP_EV_SOURCE };
	char addr[IP_STR_MAX];

	if (!link) {
		instance_set_faults(inst, FAULT_LINK | FAULT_SOURCE, FAULT_LINK, "interface %s is missing",
				    inst->conf->interface);
		return;
	}
	if (find_source(inst, link, &ev.src)) {
		if (!ip_equal(&ev.src, &inst->fsm.own))
			instance_feed(inst, &ev, "adverts leave from %s now", ip_format(&ev.src, addr));
		instance_set_faults(inst, FAULT_SOURCE, 0, "%s has an address again", link->name);
	} else {
		instance_set_faults(inst, FAULT_SOURCE, FAULT_SOURCE, "%s has no IPv4 address to send from",
				    link->name);
	}
	instance_set_faults(inst, FAULT_LINK, link->up ? 0 : FAULT_LINK, "interface %s is %s", link->name,
			    link->up ? "up" : "down");
}

void instance_on_link(struct instance *inst, const struct netif_link *link, bool gone)
{
	bool ours = strcmp(link->name, inst->conf->interface) == 0;

	if (ours)
		instance_look_at_link(inst);
	if (gone || inst->fsm.state != VRRP_MASTER || inst->lane_len > 0)
		return;
	if (ours && memcmp(inst->mac, link->mac, sizeof(inst->mac)) != 0)
		instance_announce(inst);
	memcpy(inst->mac, link->mac, sizeof(inst->mac));
	/* A device that came back comes back without our addresses. */
	instance_addr_restore(inst);
}

void instance_on_addr(struct instance *inst, int ifindex, const struct ip_prefix *prefix, bool gone)
{
	const struct netif_link *link = netif_link_by_name(inst->env.netif, inst->conf->interface);

	if (link && link->ifindex == ifindex)
		instance_look_at_link(inst);
	/* What the lane is still going to do about addresses settles the matter by itself. */
	if (!gone || inst->fsm.state != VRRP_MASTER || inst->lane_len > 0)
		return;
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		const struct conf_vip *vip = &inst->conf->vips[i];

		if (!vip->no_track && instance_vip_ifindex(inst, vip) == ifindex && vip->prefix.len == prefix->len &&
		    ip_equal(&vip->prefix.addr, &prefix->addr)) {
			vip_deleted(inst, vip);
			return;
		}
	}
}
