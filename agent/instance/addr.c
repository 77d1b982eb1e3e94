/* SPDX-License-Identifier: Apache-2.0 */
/* An instance's VIPs as addresses on interfaces: taken, released, announced, put back when somebody else deletes them;
 * and what links and addresses mean for it: faults, the source of its adverts. */
#include "agent/instance/impl.h"

#include "agent/base/cleanup.h"
#include "agent/vip.h"

#include <errno.h>

enum { REMOVE_LOG_US = 10000000, RESTORE_AGAIN_US = 1000000 };

static const char *device_of(const struct instance *inst, const struct conf_vip *vip)
{
	return vip->dev[0] ? vip->dev : inst->conf->interface;
}

static const struct netif_link *link_by_name(const struct instance *inst, const struct conf_vip *vip)
{
	return netif_link_by_name(inst->env.netif, device_of(inst, vip));
}

/* Where the VIP is, or else where it would be put; 0 if there is no such interface. */
int instance_vip_ifindex(const struct instance *inst, size_t i)
{
	const struct netif_link *link = netif_link_by_index(inst->env.netif, inst->vips[i].ifindex);

	if (!link)
		link = link_by_name(inst, &inst->conf->vips[i]);
	return link ? link->ifindex : 0;
}

struct netif_addr instance_to_netif(const struct instance *inst, size_t i, int ifindex)
{
	struct netif_addr a = vip_addr(&inst->conf->vips[i], ifindex);

	a.lifetime_s = instance_lease_s(inst, i);
	return a;
}

struct netif_addr *instance_pick_vips(const struct instance *inst, bool (*pick)(const struct instance *, size_t),
				      size_t *n, size_t *homeless)
{
	struct netif_addr *a = calloc(inst->conf->n_vips + 1, sizeof(*a));

	*n = *homeless = 0;
	for (size_t i = 0; a && i < inst->conf->n_vips; i++) {
		int ifindex = instance_vip_ifindex(inst, i);

		if (pick && !pick(inst, i))
			continue;
		if (ifindex == 0)
			*homeless += !inst->conf->vips[i].no_track;
		else
			a[(*n)++] = instance_to_netif(inst, i, ifindex);
	}
	return a;
}

/* Many addresses in a row are mostly on one device: it is looked for once. */
const char *instance_missing_device(const struct instance *inst)
{
	const struct conf_instance *ci = inst->conf;
	const char *last = ci->interface;
	int last_ifindex = 0;

	for (size_t i = 0; i < ci->n_vips; i++) {
		const struct conf_vip *vip = &ci->vips[i];

		if (!vip->dev[0] || vip->no_track || strcmp(vip->dev, ci->interface) == 0 ||
		    (strcmp(vip->dev, last) == 0 && inst->vips[i].ifindex == last_ifindex))
			continue;
		if (!instance_vip_ifindex(inst, i))
			return vip->dev;
		last = vip->dev;
		last_ifindex = inst->vips[i].ifindex;
	}
	return NULL;
}

/* What the addresses need beside `interface`. */
static void look_at_devices(struct instance *inst)
{
	const char *missing = instance_missing_device(inst);

	if (missing)
		instance_set_faults(inst, FAULT_VIP_LINK, FAULT_VIP_LINK,
				    "interface %s, which an address belongs on, is missing", missing);
	else
		instance_set_faults(inst, FAULT_VIP_LINK, 0, "all interfaces that addresses belong on are there");
}

static enum netif_presence vip_presence(const struct instance *inst, size_t i)
{
	int ifindex = instance_vip_ifindex(inst, i);

	return ifindex ? netif_presence(inst->env.netif, ifindex, &inst->conf->vips[i].prefix) : NETIF_ABSENT;
}

bool instance_vip_is_there(const struct instance *inst, size_t i)
{
	return vip_presence(inst, i) != NETIF_ABSENT;
}

bool instance_addr_any(const struct instance *inst)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++)
		if (instance_vip_is_there(inst, i))
			return true;
	return false;
}

/* From now on the VIPs are where we put them, whatever the interfaces are called. */
static void settle_vips(struct instance *inst, bool here)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		const struct netif_link *link = here ? link_by_name(inst, &inst->conf->vips[i]) : NULL;

		inst->vips[i].ifindex = link ? link->ifindex : 0;
		inst->vips[i].usable = false;
	}
}

/* --- taking and releasing ---------------------------------------------------------------------------------------- */

static const char *plural(size_t n)
{
	return n == 1 ? "" : "es";
}

static double ms_between(uint64_t from_us, uint64_t to_us)
{
	return (double)(to_us - from_us) / 1000;
}

void instance_cannot_add(struct instance *inst, const char *why)
{
	inst->add_hold_us = instance_hold_us(inst->add_hold_us, INSTANCE_HOLD_MAX_US);
	instance_record(inst, LOG_ERR, JOURNAL_ADDRESS, "the addresses cannot be added: %s; trying again in %.0f s%s",
			why, (double)inst->add_hold_us / 1e6, INSTANCE_HOLD_SOONER(inst->add_hold_us));
	inst->add_until_us = loop_now_us() + inst->add_hold_us;
	loop_timer_in(&inst->address_timer, INSTANCE_HOLD_MIN_US);
	instance_set_faults(inst, FAULT_ADDRESS, FAULT_ADDRESS, "the addresses cannot be added: %s", why);
}

bool instance_take_again(struct instance *inst, const struct netif_result *r)
{
	if (r->error != -ESTALE)
		return false;
	instance_look_up(inst);
	return inst->fsm.state == VRRP_MASTER;
}

static void taken(void *user, const struct netif_result *r)
{
	struct instance *inst = user;

	if (instance_take_again(inst, r)) {
		instance_addr_take(inst);
		return;
	}
	instance_lease_began(inst, r->began_us);
	if (r->error == 0)
		inst->add_hold_us = 0;
	if (inst->env.observe)
		instance_record(inst, LOG_NOTICE, JOURNAL_WOULD, "would add %zu address%s and announce them",
				inst->conf->n_vips, plural(inst->conf->n_vips));
	else if (r->error == 0)
		instance_record(inst, LOG_INFO, JOURNAL_ADDRESS, "%zu address%s added in %.1f ms", inst->conf->n_vips,
				plural(inst->conf->n_vips), ms_between(r->queued_us, r->ended_us));
	if (r->error < 0)
		instance_forget_take(inst);
	if (r->error < 0 && r->error != -ESTALE) /* which is no fault: we are no longer master */
		/* Before the lane goes on: it must find us in FAULT. */
		instance_cannot_add(inst, strerror(-r->error));
	instance_lane_go_on(inst);
	/* While the batch was under way, deletions by others were left for this moment. */
	instance_look_for_lost(inst);
}

static void not_taken(struct instance *inst, const char *why)
{
	instance_forget_take(inst);
	/* The lane waits for a completion that will not come. */
	instance_cannot_add(inst, why);
	loop_timer_in(&inst->lane_timer, 0);
}

void instance_addr_take(struct instance *inst)
{
	_cleanup_(freep) struct netif_addr *a = NULL;
	size_t n, homeless;
	int r;

	inst->vips_stale = false;
	inst->restore_again_us = 0;
	settle_vips(inst, true);
	a = instance_pick_vips(inst, NULL, &n, &homeless);
	if (a && homeless) {
		not_taken(inst, "an interface named by `dev` is missing");
		return;
	}
	r = a ? netif_take(inst->env.netif, a, n, instance_awake_until_us(inst), taken, inst) : -ENOMEM;
	if (r < 0)
		not_taken(inst, strerror(-r));
}

/* Call before the lane goes on: the fault that what follows may set is another one, and stays. */
static void removal_is_over(struct instance *inst)
{
	if (!inst->removal_failed)
		return;
	inst->removal_failed = false;
	if (!loop_timer_armed(&inst->address_timer))
		instance_set_faults(inst, FAULT_ADDRESS, 0, "the addresses are removed at last");
}

void instance_addr_forgive(struct instance *inst)
{
	if (!inst->removal_failed)
		instance_set_faults(inst, FAULT_ADDRESS, 0, "trying again to add the addresses");
}

static void released(void *user, const struct netif_result *r)
{
	struct instance *inst = user;
	uint64_t suppressed;

	inst->counters.connections_reset += r->resets;
	if (r->error < 0) {
		/* Priority 0 must not leave while an address is still here, nor may we become master anew. */
		if (log_limit_pass(&inst->remove_log, r->ended_us, REMOVE_LOG_US, &suppressed))
			instance_record(inst, LOG_ERR, JOURNAL_ADDRESS,
					"%zu addresses could not be removed: %s; trying again", r->failed,
					strerror(-r->error));
		instance_set_faults(inst, FAULT_ADDRESS, FAULT_ADDRESS, "the addresses cannot be removed: %s",
				    strerror(-r->error));
		inst->removal_failed = true;
		loop_timer_in(&inst->lane_timer, RETRY_US);
		return;
	}
	settle_vips(inst, false);
	look_at_devices(inst); /* one that was renamed under them is no longer where they belong */
	removal_is_over(inst);
	if (inst->env.observe)
		instance_record(inst, LOG_NOTICE, JOURNAL_WOULD,
				"would reset connections, remove %zu address%s and resign", inst->conf->n_vips,
				plural(inst->conf->n_vips));
	else
		instance_record(inst, LOG_INFO, JOURNAL_ADDRESS,
				"%zu address%s removed in %.1f ms, %zu connection%s reset%s", inst->conf->n_vips,
				plural(inst->conf->n_vips), ms_between(r->queued_us, r->ended_us), r->resets,
				r->resets == 1 ? "" : "s",
				r->reset_cut_short ? " (more were left when the time for it was over)" : "");
	instance_lane_go_on(inst);
}

bool instance_addr_release(struct instance *inst)
{
	size_t n, homeless;
	_cleanup_(freep) struct netif_addr *a = instance_pick_vips(inst, NULL, &n, &homeless);

	inst->vips_stale = false;
	inst->restore_again_us = 0;
	if (a && n == 0) { /* their interfaces are gone, and they with them */
		removal_is_over(inst);
		return false;
	}
	if (!a || netif_release(inst->env.netif, a, n, RESET_BUDGET_US, released, inst) < 0)
		loop_timer_in(&inst->lane_timer, RETRY_US);
	return true;
}

/* False if the device has no use for ARP, or the address is none that may be sent from: one under duplicate detection
 * is announced when the kernel is through with it. Notes the MAC under which the VIP is known from now on. */
static bool target_of(struct instance *inst, size_t i, struct announce_target *ret)
{
	const struct conf_vip *vip = &inst->conf->vips[i];
	int ifindex = instance_vip_ifindex(inst, i);
	const struct netif_link *link = netif_link_by_index(inst->env.netif, ifindex);

	if (!link || !link->has_mac || link->noarp)
		return false;
	memcpy(inst->vips[i].mac, link->mac, sizeof(ret->mac));
	if (vip->dad && vip_presence(inst, i) != NETIF_PRESENT)
		return false;
	*ret = (struct announce_target){
		.ifindex = ifindex,
		.vip = vip->prefix.addr,
		.router = vip->prefix.addr.family == AF_INET6 && netif_forwards6(inst->env.netif, ifindex),
	};
	memcpy(ret->mac, link->mac, sizeof(ret->mac));
	return true;
}

void instance_announce(struct instance *inst)
{
	_cleanup_(freep) struct announce_target *targets = calloc(inst->conf->n_vips + 1, sizeof(*targets));
	size_t n = 0;
	int r = -ENOMEM;

	for (size_t i = 0; targets && i < inst->conf->n_vips; i++)
		n += target_of(inst, i, &targets[n]);
	if (targets)
		r = announce_start(inst->announce, targets, n);
	if (r < 0)
		instance_record(inst, LOG_ERR, JOURNAL_ADDRESS, "the addresses are not announced: %s", strerror(-r));
}

void instance_announce_one(struct instance *inst, size_t i)
{
	struct announce_target target;
	int r = target_of(inst, i, &target) ? announce_one(inst->announce, &target) : 0;

	if (r < 0)
		instance_record(inst, LOG_ERR, JOURNAL_ADDRESS, "an address is not announced: %s", strerror(-r));
}

/* Duplicate detection is over, and nobody else has it. */
static void announce_usable(struct instance *inst, size_t i)
{
	if (inst->fsm.state != VRRP_MASTER || inst->lane_len > 0 || !inst->conf->vips[i].dad || inst->vips[i].usable ||
	    vip_presence(inst, i) != NETIF_PRESENT)
		return;
	inst->vips[i].usable = true;
	instance_announce_one(inst, i);
}

void instance_announce_source(struct instance *inst)
{
	const struct netif_link *link = netif_link_by_name(inst->env.netif, inst->conf->interface);
	struct announce_target target = { .vip = inst->fsm.own };

	if (!inst->conf->unicast || !link || !link->has_mac || link->noarp || !ip_is_set(&inst->fsm.own))
		return;
	target.ifindex = link->ifindex;
	target.router = inst->fsm.own.family == AF_INET6 && netif_forwards6(inst->env.netif, link->ifindex);
	memcpy(target.mac, link->mac, sizeof(target.mac));
	announce_once(inst->announce, &target);
}

/* --- putting back ------------------------------------------------------------------------------------------------ */

static bool vip_lost(const struct instance *inst, size_t i)
{
	return !inst->conf->vips[i].no_track && !inst->vips[i].fresh && !instance_vip_is_there(inst, i);
}

static bool any_lost(const struct instance *inst)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++)
		if (vip_lost(inst, i))
			return true;
	return false;
}

static void restored(void *user, const struct netif_result *r)
{
	const struct vrrp_event lost = { .type = VRRP_EV_VIPS_LOST };
	struct instance *inst = user;
	uint64_t suppressed;

	if (r->error < 0 && r->error != -ESTALE && inst->fsm.state == VRRP_MASTER &&
	    log_limit_pass(&inst->restore_log, loop_now_us(), REMOVE_LOG_US, &suppressed))
		instance_record(inst, LOG_ERR, JOURNAL_ADDRESS, "an address could not be put back: %s",
				strerror(-r->error));
	inst->counters.vips_restored += inst->restoring - r->failed;
	inst->restoring = 0;
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		bool announce =
			inst->vips[i].restoring && instance_vip_is_there(inst, i) && inst->fsm.state == VRRP_MASTER;

		inst->vips[i].restoring = false;
		if (announce)
			instance_announce_one(inst, i);
	}
	if (r->error == 0 || r->error == -ESTALE) { /* too late to be sure of it: as if it were lost only now */
		instance_look_for_lost(inst);
	} else if (inst->lane_len == 0 && any_lost(inst)) {
		/* Nothing would try again, and a master without its addresses keeps others from having them. */
		instance_feed(inst, &lost, "an address could not be put back: %s", strerror(-r->error));
		if (inst->fsm.state == VRRP_MASTER) /* maintenance keeps us */
			inst->restore_again_us = loop_now_us() + RESTORE_AGAIN_US;
	}
}

/* An address may be put back only while nobody else can have taken it: our last advert is younger than the shortest
 * Down time that a peer may have. */
uint64_t instance_fresh_until_us(const struct instance *inst)
{
	return inst->sent_us + (uint64_t)inst->conf->down_adverts * inst->conf->advert_us;
}

static bool mastership_is_fresh(const struct instance *inst)
{
	return loop_now_us() < instance_fresh_until_us(inst);
}

void instance_addr_restore(struct instance *inst)
{
	_cleanup_(freep) struct netif_addr *a = NULL;
	size_t n, homeless;

	if (inst->env.observe) /* not ours to put back */
		return;
	/* One job at a time: a release would have to wait for all of them. What is lost meanwhile, restored() finds. */
	if (inst->restoring)
		return;
	inst->restore_again_us = 0;
	a = instance_pick_vips(inst, vip_lost, &n, &homeless);
	inst->vips_stale = n > 0 && !mastership_is_fresh(inst);
	if (!a || n == 0 || inst->vips_stale)
		return;
	for (size_t i = 0; i < inst->conf->n_vips; i++)
		if (vip_lost(inst, i) && instance_vip_ifindex(inst, i)) {
			inst->vips[i].ifindex = instance_vip_ifindex(inst, i);
			inst->vips[i].restoring = true;
			inst->vips[i].usable = false;
		}
	inst->restoring = n;
	if (netif_take(inst->env.netif, a, n, instance_fresh_until_us(inst), restored, inst) < 0)
		restored(inst, &(struct netif_result){ .error = -ENOMEM, .failed = n });
}

void instance_addr_restore_due(struct instance *inst)
{
	bool again = inst->restore_again_us && loop_now_us() >= inst->restore_again_us && inst->lane_len == 0;

	/* Those that went while we overslept: nobody claims them, and our advert says so. */
	if (inst->vips_stale || again)
		instance_addr_restore(inst);
}

static void reset(void *user, const struct netif_result *r)
{
	struct instance *inst = user;

	inst->counters.connections_reset += r->resets;
}

/* We stood still, and a peer may have the address and its clients by now. Those that were connected here would go on as
 * if nothing had been, should the address come back within seconds: they must not. */
static void lost_while_stale(struct instance *inst, const char *addr)
{
	size_t n, homeless;
	_cleanup_(freep) struct netif_addr *a = instance_pick_vips(inst, vip_lost, &n, &homeless);

	if (inst->vips_stale)
		return;
	instance_record(inst, LOG_WARNING, JOURNAL_ADDRESS,
			"%s is gone, and our last advert is old: putting it back when the next one has left", addr);
	inst->vips_stale = true;
	if (a && n > 0)
		(void)netif_release(inst->env.netif, a, n, RESET_BUDGET_US, reset, inst);
}

/* Those on an interface that is gone are no business of who puts back: they are a fault. */
static bool vip_lacks(const struct instance *inst, size_t i)
{
	return vip_lost(inst, i) && instance_vip_ifindex(inst, i);
}

/* The kernel takes addresses away itself before it removes an interface, and IPv6 ones when it goes down. */
static bool is_cut_off(const struct instance *inst, size_t i)
{
	const struct netif_link *link = netif_link_by_index(inst->env.netif, instance_vip_ifindex(inst, i));

	return link && !link->up;
}

void instance_look_for_lost(struct instance *inst)
{
	char addr[IP_STR_MAX] = "";
	bool ran_out, cut_off = false;
	size_t n = 0;

	/* What the lane is still going to do about addresses comes first; it ends in here again. */
	instance_look_up(inst);
	if (inst->fsm.state != VRRP_MASTER || inst->lane_len > 0 || inst->restoring || inst->env.observe)
		return;
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		if (!vip_lacks(inst, i) || n++ > 0)
			continue;
		ip_format(&inst->conf->vips[i].prefix.addr, addr);
		cut_off = is_cut_off(inst, i);
	}
	if (n == 0)
		return;
	ran_out = inst->conf->vip_lease_s && loop_now_us() >= inst->lease_until_us;
	inst->counters.lease_expired += ran_out;
	if (!mastership_is_fresh(inst)) {
		lost_while_stale(inst, addr);
	} else if (ran_out) {
		instance_record(inst, LOG_WARNING, JOURNAL_ADDRESS,
				"the lease of %s ran out before it could be renewed: putting it back", addr);
		instance_addr_restore(inst);
	} else if (cut_off) {
		instance_record(inst, LOG_WARNING, JOURNAL_ADDRESS,
				"%s is gone, and its interface is down: putting it back if that stays", addr);
		instance_addr_restore(inst);
	} else if (instance_lost_too_often(inst) && !inst->maintenance) {
		instance_lost_give_up(inst, addr);
	} else {
		instance_record(inst, LOG_WARNING, JOURNAL_ADDRESS, "%s was deleted by somebody else: putting it back",
				addr);
		instance_addr_restore(inst);
	}
}

/* --- links and source -------------------------------------------------------------------------------------------- */

static bool is_other(void *user, const struct ip_addr *addr)
{
	return !ip_equal(user, addr);
}

/* Whatever the length of its prefix. */
static bool has_address(const struct instance *inst, const struct netif_link *link, const struct ip_addr *addr)
{
	struct ip_addr wanted = *addr, found;

	return netif_source(inst->env.netif, link->ifindex, addr->family, is_other, &wanted, &found);
}

/* IPv6 adverts leave from a link-local address, but for peers that such an address cannot reach. */
static bool wants_link_local(const struct conf_instance *ci)
{
	return ci->family == AF_INET6 && (!ci->unicast || ci->n_peers == 0 || ip_is_link_local(&ci->peers[0].addr));
}

struct search {
	const struct conf *conf;
	bool any_scope; /* IPv4 */
	bool link_local;
};

/* Adverts never leave from a VIP, whichever instance it belongs to. */
static bool is_no_source(void *user, const struct ip_addr *addr)
{
	const struct search *s = user;

	return conf_is_vip(s->conf, addr) || (!s->any_scope && ip_is_link_local(addr) != s->link_local);
}

static bool find_source(const struct instance *inst, const struct netif_link *link, struct ip_addr *ret)
{
	const struct conf_instance *ci = inst->conf;
	struct search s = { inst->env.conf, ci->family == AF_INET, wants_link_local(ci) };

	if (ip_is_set(&ci->src_ip)) {
		*ret = ci->src_ip;
		return !ci->track_src_ip || has_address(inst, link, ret);
	}
	return netif_source(inst->env.netif, link->ifindex, ci->family, is_no_source, &s, ret);
}

/* Adverts must leave from an address of ours; a new one takes effect with the next advert. */
static bool look_at_source(struct instance *inst, const struct netif_link *link)
{
	struct vrrp_event ev = { .type = VRRP_EV_SOURCE };
	char addr[IP_STR_MAX];

	if (!find_source(inst, link, &ev.src))
		return false;
	if (!ip_equal(&ev.src, &inst->fsm.own)) {
		log_write(LOG_NOTICE, inst->conf->name, "adverts leave from %s", ip_format(&ev.src, addr));
		instance_feed(inst, &ev, "source address");
	}
	return true;
}

/* A device that came back has the switch in its default position. */
static void promote_secondaries(struct instance *inst, const struct netif_link *link)
{
	int r;

	if (inst->conf->promote_secondaries && inst->promoted_ifindex == link->ifindex)
		return;
	instance_addr_done(inst);
	if (!inst->conf->promote_secondaries)
		return;
	inst->promoted_ifindex = link->ifindex;
	r = netif_promote_secondaries(inst->env.netif, link->ifindex);
	inst->promotes = r >= 0;
	if (r < 0)
		log_write(LOG_WARNING, inst->conf->name, "promote_secondaries of %s cannot be set: %s", link->name,
			  strerror(-r));
}

void instance_addr_done(struct instance *inst)
{
	if (inst->promotes)
		netif_promote_no_more(inst->env.netif, inst->promoted_ifindex);
	inst->promotes = false;
	inst->promoted_ifindex = 0;
}

const char *instance_source_kind(const struct instance *inst)
{
	if (inst->conf->family == AF_INET)
		return "IPv4";
	return wants_link_local(inst->conf) ? "IPv6 link-local" : "global IPv6";
}

/* All at once: one fault that goes while another comes is no recovery. */
void instance_look_at_link(struct instance *inst)
{
	const struct netif_link *link = netif_link_by_name(inst->env.netif, inst->conf->interface);
	const unsigned mask = FAULT_LINK | FAULT_SOURCE | FAULT_WIRE | FAULT_NO_PEER | FAULT_VIP_LINK;
	const char *name = inst->conf->interface, *missing = instance_missing_device(inst);
	char addr[IP_STR_MAX];
	unsigned faults = 0;

	if (link) {
		instance_wire_fit(inst, link);
		promote_secondaries(inst, link);
	}
	/* Without carrier, but with dont_track_primary, adverts are lost, and nobody minds. */
	if (!link || (!inst->conf->dont_track_primary && !links_is_up(inst->env.links, name)))
		faults |= FAULT_LINK;
	if (link && !look_at_source(inst, link))
		faults |= FAULT_SOURCE;
	if (link && !wire_is_open(inst->wire))
		faults |= FAULT_WIRE;
	if (inst->conf->unicast_fault_no_peer && inst->conf->n_peers == 0)
		faults |= FAULT_NO_PEER;
	if (missing)
		faults |= FAULT_VIP_LINK;
	if (faults & FAULT_LINK)
		instance_set_faults(inst, mask, faults, "interface %s is %s", name, link ? "down" : "missing");
	else if (faults & FAULT_SOURCE && inst->conf->track_src_ip && ip_is_set(&inst->conf->src_ip))
		instance_set_faults(inst, mask, faults, "interface %s does not have the source address %s", name,
				    ip_format(&inst->conf->src_ip, addr));
	else if (faults & FAULT_SOURCE)
		instance_set_faults(inst, mask, faults, "interface %s has no %s address to send from", name,
				    instance_source_kind(inst));
	else if (faults & FAULT_NO_PEER)
		instance_set_faults(inst, mask, faults, "there is no unicast_peer");
	else if (faults & FAULT_VIP_LINK)
		instance_set_faults(inst, mask, faults, "interface %s, which an address belongs on, is missing",
				    missing);
	else if (faults)
		instance_set_faults(inst, mask, faults, "the VRRP sockets on %s cannot be opened", name);
	else
		instance_set_faults(inst, mask, 0, "interface %s is usable", name);
}

static bool mac_changed(const struct instance *inst, const struct netif_link *link)
{
	for (size_t i = 0; link->has_mac && i < inst->conf->n_vips; i++)
		if (inst->vips[i].ifindex == link->ifindex &&
		    memcmp(inst->vips[i].mac, link->mac, sizeof(link->mac)) != 0)
			return true;
	return false;
}

void instance_on_links(struct instance *inst)
{
	instance_look_at_link(inst);
	instance_on_checks(inst);
}

/* An interface that was down, without that being a fault: nobody knows who answered for our addresses meanwhile. */
static bool came_back(struct instance *inst, const struct netif_link *link)
{
	bool back = false;

	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		if (inst->vips[i].ifindex != link->ifindex)
			continue;
		back |= link->up && inst->vips[i].cut_off;
		inst->vips[i].cut_off = !link->up;
	}
	return back;
}

/* A VIP is there, or belongs there. */
static bool is_for_vips(const struct instance *inst, const struct netif_link *link)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++)
		if (inst->vips[i].ifindex == link->ifindex ||
		    strcmp(device_of(inst, &inst->conf->vips[i]), link->name) == 0)
			return true;
	return false;
}

void instance_on_link(struct instance *inst, const struct netif_link *link, bool gone)
{
	if (strcmp(link->name, inst->conf->interface) == 0)
		instance_look_at_link(inst);
	else
		look_at_devices(inst);
	instance_look_up(inst);
	if (gone || inst->fsm.state != VRRP_MASTER || inst->lane_len > 0 || !is_for_vips(inst, link))
		return;
	if (came_back(inst, link))
		announce_again(inst->announce);
	if (mac_changed(inst, link))
		instance_announce(inst);
	/* A device that came back comes back without our addresses. */
	instance_addr_restore(inst);
}

/* Adverts leave from no VIP, unless they are told to. */
static bool may_be_source(const struct instance *inst, int ifindex, const struct ip_addr *addr)
{
	const struct netif_link *link = netif_link_by_index(inst->env.netif, ifindex);

	return link && strcmp(link->name, inst->conf->interface) == 0 &&
	       (!conf_is_vip(inst->env.conf, addr) || ip_equal(addr, &inst->conf->src_ip));
}

static bool same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_equal(&a->addr, &b->addr);
}

/* Hosts have thousands of addresses that come and go, those of containers and of other instances: what is none of ours
 * must not make us look at all of ours. */
void instance_on_addr(struct instance *inst, int ifindex, const struct ip_prefix *prefix, bool gone)
{
	bool lost = false;

	if (may_be_source(inst, ifindex, &prefix->addr))
		instance_look_at_link(inst);
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		inst->strays.suspected |= !gone && ip_equal(&inst->conf->vips[i].prefix.addr, &prefix->addr);
		if (!same_prefix(&inst->conf->vips[i].prefix, prefix))
			continue;
		/* Wherever it went: its interface may have another number by now. */
		lost |= gone;
		if (!gone && inst->vips[i].ifindex == ifindex)
			announce_usable(inst, i);
	}
	if (lost)
		instance_look_for_lost(inst);
}

void instance_on_wire(struct instance *inst)
{
	instance_look_at_link(inst);
}
