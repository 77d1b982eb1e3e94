/* SPDX-License-Identifier: Apache-2.0 */
/* An instance goes over to another configuration of the same virtual router. What it knows of addresses moves over to
 * the new list; addresses that are no longer in it are removed as when mastership is given up, connections reset, and
 * only then new ones are added and announced. Does not know how the configuration came about. */
#include "agent/instance/impl.h"

#include "agent/base/cleanup.h"
#include "agent/conf/diff.h"
#include "agent/vip.h"

#include <assert.h>
#include <errno.h>

enum { DROP_TRIES = 10 };

static const char *plural(size_t n)
{
	return n == 1 ? "" : "es";
}

/* --- removing ---------------------------------------------------------------------------------------------------- */

static void forget_dropped(struct instance *inst)
{
	free(inst->dropping);
	inst->dropping = NULL;
	inst->n_dropping = 0;
	inst->drop_tries = 0;
}

static void dropped(void *user, const struct netif_result *r)
{
	struct instance *inst = user;
	char addr[IP_STR_MAX];

	inst->counters.connections_reset += r->resets;
	if (r->error < 0 && ++inst->drop_tries < DROP_TRIES) {
		loop_timer_in(&inst->lane_timer, RETRY_US);
		return;
	}
	if (r->error < 0)
		instance_record(inst, LOG_ERR, JOURNAL_ADDRESS,
				"%zu addresses that were configured away are still here (%s or others): %s", r->failed,
				ip_format(&inst->dropping[0].prefix.addr, addr), strerror(-r->error));
	else if (inst->env.observe)
		instance_record(inst, LOG_NOTICE, JOURNAL_WOULD, "the reload would remove %zu address%s",
				inst->n_dropping, plural(inst->n_dropping));
	else
		instance_record(inst, LOG_INFO, JOURNAL_ADDRESS,
				"%zu address%s removed by the reload, %zu connection%s reset", inst->n_dropping,
				plural(inst->n_dropping), r->resets, r->resets == 1 ? "" : "s");
	forget_dropped(inst);
	instance_lane_go_on(inst);
	/* What others deleted meanwhile was left for this moment. */
	instance_look_for_lost(inst);
}

bool instance_drop_vips(struct instance *inst)
{
	if (inst->n_dropping == 0)
		return false;
	if (netif_release(inst->env.netif, inst->dropping, inst->n_dropping, RESET_BUDGET_US, dropped, inst) < 0)
		loop_timer_in(&inst->lane_timer, RETRY_US);
	return true;
}

/* Whether a block other than ours has it now: whoever runs by that has put it there, or removes it himself. */
static bool is_anothers(const struct instance *inst, const struct netif_addr *a)
{
	const struct conf *conf = inst->env.conf;

	if (!conf_is_vip(conf, &a->prefix.addr))
		return false;
	for (size_t i = 0; i < conf->n_instances; i++) {
		const struct conf_instance *ci = &conf->instances[i];

		for (size_t k = 0; ci != inst->conf && k < ci->n_vips; k++) {
			const struct conf_vip *vip = &ci->vips[k];
			const struct netif_link *link;

			if (!ip_equal(&vip->prefix.addr, &a->prefix.addr) || vip->prefix.len != a->prefix.len)
				continue;
			link = netif_link_by_name(inst->env.netif, vip->dev[0] ? vip->dev : ci->interface);
			if (link && link->ifindex == a->ifindex)
				return true;
		}
	}
	return false;
}

bool instance_drop_again(struct instance *inst)
{
	size_t n = 0;

	/* The first try came before anybody else's addresses were added; this one may come after. */
	for (size_t i = 0; i < inst->n_dropping; i++)
		if (!is_anothers(inst, &inst->dropping[i]))
			inst->dropping[n++] = inst->dropping[i];
	inst->n_dropping = n;
	if (n == 0)
		forget_dropped(inst);
	return instance_drop_vips(inst);
}

static void drop(struct instance *inst, int ifindex, const struct conf_vip *vip)
{
	inst->dropping[inst->n_dropping++] = vip_addr(vip, ifindex);
	announce_drop(inst->announce, ifindex, &vip->prefix.addr);
}

/* --- adding ------------------------------------------------------------------------------------------------------ */

static bool is_fresh(const struct instance *inst, size_t i)
{
	return inst->vips[i].fresh;
}

static void added(void *user, const struct netif_result *r)
{
	struct instance *inst = user;
	size_t n = 0;

	if (instance_take_again(inst, r) && instance_add_vips(inst))
		return;
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		if (!inst->vips[i].fresh)
			continue;
		inst->vips[i].fresh = false;
		n++;
		if (r->error == 0 && inst->fsm.state == VRRP_MASTER)
			instance_announce_one(inst, i);
	}
	if (inst->env.observe)
		instance_record(inst, LOG_NOTICE, JOURNAL_WOULD, "the reload would add %zu address%s", n, plural(n));
	else if (r->error == 0)
		instance_record(inst, LOG_INFO, JOURNAL_ADDRESS, "%zu address%s added by the reload", n, plural(n));
	else if (r->error != -ESTALE)
		instance_cannot_add(inst, strerror(-r->error));
	instance_lane_go_on(inst);
	/* What others deleted meanwhile was left for this moment. */
	instance_look_for_lost(inst);
}

static void not_added(struct instance *inst, const char *why)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++)
		inst->vips[i].fresh = false;
	/* As after a take that failed: everything is released, in order. */
	instance_cannot_add(inst, why);
}

bool instance_add_vips(struct instance *inst)
{
	size_t n, homeless;
	_cleanup_(freep) struct netif_addr *a = NULL;

	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		inst->vips[i].fresh &= inst->fsm.state == VRRP_MASTER; /* else they come with all the others */
		if (inst->vips[i].fresh)
			inst->vips[i].ifindex = instance_vip_ifindex(inst, i);
	}
	a = instance_pick_vips(inst, is_fresh, &n, &homeless);
	if (a && homeless) {
		not_added(inst, "an interface named by `dev` is missing");
		return false;
	}
	if (a && n == 0)
		return false;
	if (!a || netif_take(inst->env.netif, a, n, instance_awake_until_us(inst), added, inst) < 0) {
		not_added(inst, "too much is under way");
		return false;
	}
	return true;
}

/* --- from one list to the other ---------------------------------------------------------------------------------- */

/* The entry of `old` with this address on this device, or old->n_vips. Lists rarely change much: looks on from where
 * the one before was. */
static size_t find_vip(const struct conf_instance *old, const struct conf_vip *vip, size_t hint)
{
	for (size_t k = 0; k < old->n_vips; k++) {
		const struct conf_vip *o = &old->vips[(hint + k) % old->n_vips];

		if (ip_equal(&o->prefix.addr, &vip->prefix.addr) && o->prefix.len == vip->prefix.len &&
		    strcmp(o->dev[0] ? o->dev : old->interface, vip->dev[0] ? vip->dev : old->interface) == 0)
			return (hint + k) % old->n_vips;
	}
	return old->n_vips;
}

/* Hands the states over to the new list and gathers what has to go. */
static void match_vips(struct instance *inst, const struct conf_instance *block)
{
	const struct conf_instance *old = inst->conf;
	const bool master = inst->fsm.state == VRRP_MASTER;
	struct vip_state *states = TAKE_PTR(inst->next.vips);
	bool *kept = inst->next.kept;
	size_t hint = 0;

	for (size_t i = 0; i < block->n_vips; i++) {
		size_t k = find_vip(old, &block->vips[i], hint);

		hint = k + 1;
		if (k < old->n_vips && !kept[k] && conf_same_vip(&old->vips[k], &block->vips[i], old->interface)) {
			kept[k] = true;
			states[i] = inst->vips[k];
		} else {
			states[i].fresh = master;
		}
	}
	for (size_t k = 0; master && k < old->n_vips; k++) {
		int ifindex = instance_vip_ifindex(inst, k);

		if (!kept[k] && ifindex)
			drop(inst, ifindex, &old->vips[k]);
	}
	free(inst->vips);
	inst->vips = states;
}

/* Addresses that became ours to watch over and that we must not have: as at the start. */
static void drop_strays(struct instance *inst, const struct conf_instance *old)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		bool known = old->n_vips && find_vip(old, &inst->conf->vips[i], i) < old->n_vips;

		if (!known && instance_vip_is_there(inst, i))
			drop(inst, instance_vip_ifindex(inst, i), &inst->conf->vips[i]);
	}
}

void instance_reconf_begin(struct instance *inst)
{
	const struct conf_instance *old = inst->conf;

	assert(inst->lane_len == 0);
	forget_dropped(inst);
	inst->dropping = TAKE_PTR(inst->next.dropping);
	match_vips(inst, inst->next.block);
	inst->conf = inst->next.block;
	inst->env.conf = inst->next.conf;
	instance_lease_reconf(inst, old);
	if (inst->fsm.state != VRRP_MASTER && !inst->env.observe)
		drop_strays(inst, old);
	instance_refit(inst);
	instance_next_done(inst);
	if (inst->n_dropping)
		instance_lane_order(inst, ERRAND_DROP_VIPS);
	else
		forget_dropped(inst);
}

void instance_reconf_end(struct instance *inst)
{
	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		if (inst->vips[i].fresh) {
			instance_lane_order(inst, ERRAND_ADD_VIPS);
			break;
		}
	}
	instance_look_at_link(inst);
	instance_on_checks(inst);
	if (!inst->group) /* nobody else would let it go */
		instance_group_hold(inst, VRRP_HOLD_NONE, "is in no sync group any more");
}

const struct conf_vip *instance_homeless_vip(const struct instance *inst, const struct conf_instance *block)
{
	for (size_t i = 0; i < block->n_vips; i++) {
		const struct conf_vip *vip = &block->vips[i];

		if (vip->dev[0] && !vip->no_track && find_vip(inst->conf, vip, i) == inst->conf->n_vips &&
		    !netif_link_by_name(inst->env.netif, vip->dev))
			return vip;
	}
	return NULL;
}
