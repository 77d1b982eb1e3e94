/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance tells about itself over the control socket. Reads, changes nothing. */
#include "agent/instance/impl.h"

#include "agent/base/cleanup.h"
#include "agent/json.h"

static json_t *seconds(uint64_t us)
{
	return json_real((double)us / 1e6);
}

static json_t *address(const struct ip_addr *a)
{
	char text[IP_STR_MAX];

	return ip_is_set(a) ? json_string(ip_format(a, text)) : json_null();
}

/* How long the address may last without us; left_s is null where it is not (yet) ours. */
static json_t *lease(const struct instance *inst, size_t i, bool present)
{
	uint64_t now_us = loop_now_us();
	uint32_t length_s = instance_lease_s(inst, i);
	const char *why = inst->vips[i].unleased ? VIP_UNLEASED : NULL;
	bool runs = present && length_s && inst->fsm.state == VRRP_MASTER && inst->lease_until_us;

	return json_pack("{s:i, s:o, s:s?}", "length_s", (int)length_s, "left_s",
			 !runs                           ? json_null()
			 : inst->lease_until_us > now_us ? seconds(inst->lease_until_us - now_us)
							 : json_real(0),
			 "why_not", why);
}

static json_t *vips(const struct instance *inst)
{
	json_t *all = json_array();

	for (size_t i = 0; i < inst->conf->n_vips; i++) {
		const struct conf_vip *vip = &inst->conf->vips[i];
		int ifindex = instance_vip_ifindex(inst, i);
		char text[IP_STR_MAX + 4], addr[IP_STR_MAX];

		snprintf(text, sizeof(text), "%s/%u", ip_format(&vip->prefix.addr, addr), vip->prefix.len);
		bool present = ifindex && netif_has(inst->env.netif, ifindex, &vip->prefix);

		json_array_append_new(all, json_pack("{s:s, s:s, s:b, s:o, s:b}", "address", text, "dev",
						     vip->dev[0] ? vip->dev : inst->conf->interface, "present", present,
						     "lease", lease(inst, i, present), "advertised",
						     i < inst->format.n_addrs));
	}
	return all;
}

static const char *input_state(const struct priority_input *in, char number[16])
{
	if (in->by_value && in->reported) {
		snprintf(number, 16, "%d", in->value);
		return number;
	}
	if (!in->reported)
		return "pending";
	return in->up ? "up" : "down";
}

static const char *input_effect(const struct priority_input *in)
{
	if (priority_forbids(in))
		return "fault";
	if (priority_waits(in))
		return "waits";
	return priority_contribution(in) ? "counts" : "none";
}

static json_t *contribution(const struct tracked *t)
{
	char number[16];

	return json_pack("{s:o, s:s, s:i, s:b, s:s, s:i, s:s, s:o}", "name", json_text(t->name), "kind", t->kind,
			 "weight", t->in.weight, "reverse", t->in.reverse, "state", input_state(&t->in, number), "adds",
			 priority_contribution(&t->in), "effect", input_effect(&t->in), "reason",
			 json_text(t->reason ? t->reason : ""));
}

static json_t *priority(const struct instance *inst)
{
	const struct conf_instance *ci = inst->conf;
	_cleanup_(freep) struct tracked *list = calloc(tracker_max(inst->env.conf, &ci->tracks) + 1, sizeof(*list));
	size_t n = list ? instance_collect(inst, list) : 0;
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, contribution(&list[i]));
	return json_pack("{s:i, s:i, s:o}", "effective", inst->fsm.priority, "base", ci->priority, "contributions",
			 all);
}

bool instance_fault_text(const struct instance *inst, unsigned fault, char *buf, size_t size)
{
	const char *missing;

	switch (fault) {
	case FAULT_STANDBY:
		snprintf(buf, size, "on standby, as ordered");
		return true;
	case FAULT_LINK:
		snprintf(buf, size, "interface %s is missing or down", inst->conf->interface);
		return true;
	case FAULT_SOURCE:
		snprintf(buf, size, "interface %s has no %s address to send from%s", inst->conf->interface,
			 instance_source_kind(inst),
			 inst->conf->track_src_ip ? ", or not the one that track_src_ip demands" : "");
		return true;
	case FAULT_NO_PEER:
		snprintf(buf, size, "there is no unicast_peer");
		return true;
	case FAULT_VIP_LINK:
		missing = instance_missing_device(inst);
		snprintf(buf, size, "interface %s, which an address belongs on, is missing", missing ? missing : "");
		return true;
	case FAULT_WIRE:
		snprintf(buf, size, "the VRRP sockets could not be opened");
		return true;
	case FAULT_CHECK:
	case FAULT_PENDING: /* the same text for both: told once */
		snprintf(buf, size, "%s", inst->check_cause);
		return fault == FAULT_CHECK || !(inst->faults & FAULT_CHECK);
	case FAULT_GROUP:
	case FAULT_GROUP_PENDING:
		snprintf(buf, size, "%s", inst->group_cause);
		return fault == FAULT_GROUP || !(inst->faults & FAULT_GROUP);
	case FAULT_ADDRESS:
		snprintf(buf, size, "the kernel would not add or remove the addresses");
		return true;
	case FAULT_LOST:
		snprintf(buf, size, "others delete the addresses again and again");
		return true;
	case FAULT_UNHEARD:
		instance_unheard_text(inst, buf, size);
		return true;
	case FAULT_VETO:
		snprintf(buf, size, "vip_pre_take: %s", inst->veto.last);
		return true;
	}
	return false;
}

static json_t *faults(const struct instance *inst)
{
	json_t *all = json_array();
	char text[CAUSE_MAX + 32];

	for (unsigned bit = 0; bit < 32; bit++) {
		unsigned fault = inst->faults & 1u << bit;

		if (fault && instance_fault_text(inst, fault, text, sizeof(text)))
			json_array_append_new(all, json_text(text));
	}
	return all;
}

static json_t *peers(const struct instance *inst, uint64_t now_us)
{
	json_t *all = json_array();

	for (size_t i = 0; i < PEERS_MAX; i++) {
		const struct peer *p = &inst->peers[i];

		if (ip_is_set(&p->addr))
			json_array_append_new(all, json_pack("{s:o, s:i, s:o, s:I}", "address", address(&p->addr),
							     "priority", p->priority, "last_heard_s",
							     seconds(now_us - p->heard_us), "adverts",
							     (json_int_t)p->adverts));
	}
	return all;
}

/* To whom adverts go. */
static json_t *sends_to(const struct instance *inst)
{
	const struct conf_instance *ci = inst->conf;
	json_t *all = json_array();

	if (!ci->unicast)
		json_array_append_new(all, address(&ci->group));
	for (size_t i = 0; ci->unicast && i < ci->n_peers; i++)
		json_array_append_new(all, address(&ci->peers[i].addr));
	return all;
}

static json_t *counters(const struct instance *inst)
{
	const struct counters *c = &inst->counters;
	struct announce_counters arp = announce_counters(inst->announce);
	struct wire_counters wire = wire_counters(inst->wire);
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {
		{ "advert_rcvd", c->advert_rcvd },
		{ "advert_sent", c->advert_sent },
		{ "advert_failed", c->advert_failed },
		{ "become_master", c->become_master },
		{ "release_master", c->release_master },
		{ "pri_zero_rcvd", c->pri_zero_rcvd },
		{ "pri_zero_sent", c->pri_zero_sent },
		{ "rival_adverts", c->rival_adverts },
		{ "csum_alt", c->csum_alt },
		{ "advert_interval_diff", c->advert_interval_diff },
		{ "addr_list_err", c->addr_list_err },
		{ "auth_clock_skew", c->auth_clock_skew },
		{ "vips_restored", c->vips_restored },
		{ "connections_reset", c->connections_reset },
		{ "lease_renewed", c->lease_renewed },
		{ "lease_failed", c->lease_failed },
		{ "lease_expired", c->lease_expired },
		{ "arp_sent", arp.sent },
		{ "arp_failed", arp.failed },
		{ "wire_vrid_err", wire.vrid_err },
		{ "wire_rx_trunc", wire.rx_trunc },
		{ "wire_rx_err", wire.rx_err },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_object_set_new(o, all[i].name, json_integer((json_int_t)all[i].value));
	for (int d = VRRP_OK + 1; d < _VRRP_DROP_MAX_; d++)
		json_object_set_new(o, vrrp_drop_name(d), json_integer((json_int_t)c->drops[d]));
	return o;
}

json_t *instance_status(const struct instance *inst)
{
	const struct conf_instance *ci = inst->conf;
	uint64_t now_us = loop_now_us();

	json_t *status = json_pack(
		"{s:o, s:s, s:o, s:o, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:o}",
		"name", json_text(ci->name), "state", vrrp_state_name(inst->fsm.state), "since_s",
		seconds(now_us - inst->since_us), "cause", json_text(inst->cause), "interface", ci->interface, "vrid",
		ci->vrid, "version", ci->version, "advert_int_s", seconds(ci->advert_us), "vips", vips(inst),
		"priority", priority(inst), "faults", faults(inst), "peers", peers(inst, now_us), "master",
		address(inst->fsm.state == VRRP_MASTER ? &inst->fsm.own : &inst->fsm.master), "down_s",
		seconds(vrrp_down_us(&inst->fsm)), "skew_s", seconds(vrrp_skew_us(&inst->fsm)), "counters",
		counters(inst), "hooks", notify_status(inst->notify), "sync_group",
		ci->sync_group ? ci->sync_group->name : NULL, "pre_take", instance_veto_status(inst));

	json_object_set_new(status, "rival", instance_rival_status(inst));
	instance_orders_status(inst, status);
	json_object_set_new(status, "auth_hmac", instance_auth_status(inst));
	json_object_set_new(status, "family", json_string(ci->family == AF_INET6 ? "ipv6" : "ipv4"));
	json_object_set_new(status, "unicast", json_boolean(ci->unicast));
	json_object_set_new(status, "sends_to", sends_to(inst));
	json_object_set_new(status, "source", address(&inst->fsm.own));
	return status;
}
