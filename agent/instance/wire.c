/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance says: its adverts, to the multicast group or to each unicast peer, and the wire on which it listens
 * for others'. When to speak is the machine's business. */
#include "agent/instance/impl.h"

#include "agent/base/cleanup.h"

#include <errno.h>

enum { SEND_LOG_US = 1000000 };

void instance_wire_init(struct instance *inst)
{
	const struct conf_instance *ci = inst->conf;
	bool learned = inst->format.csum == VRRP_CSUM_GROUP && ci->csum_group_learned;

	free(inst->advertised);
	inst->advertised = TAKE_PTR(inst->next.advertised);
	for (size_t i = 0; i < ci->n_advertised; i++)
		inst->advertised[i] = ci->vips[i].prefix.addr;
	inst->format = (struct vrrp_wire){
		.version = ci->version,
		.family = ci->family,
		.vrid = ci->vrid,
		.auth_type = ci->auth_type,
		.interval_us = ci->advert_us,
		.csum = learned ? VRRP_CSUM_GROUP : ci->csum,
		.csum_group_refused = ci->csum_group_refused,
		.group = ci->group,
		.addrs = inst->advertised,
		.n_addrs = ci->n_advertised,
		.unicast = ci->unicast,
		.ttl = ci->unicast_ttl,
		.peers = ci->peers,
		.n_peers = ci->n_peers,
		.check_peers = ci->check_unicast_src,
	};
	memcpy(inst->format.auth_data, ci->auth_data, sizeof(inst->format.auth_data));
}

static bool from_a_peer(void *user, const struct vrrp_packet *packet)
{
	const struct instance *inst = user;
	struct ip_addr src = vrrp_peek_src(packet);

	return vrrp_find_peer(&inst->format, &src);
}

int instance_wire_expect(struct instance *inst)
{
	const struct conf_instance *ci = inst->conf;
	const struct wire_station station = {
		.vrid = ci->vrid, .rx = instance_on_packet, .knows = from_a_peer, .user = inst
	};

	return wire_expect(inst->env.wires, ci->interface, ci->family, ci->unicast ? NULL : &ci->group, &station,
			   &inst->wire);
}

void instance_wire_fit(struct instance *inst, const struct netif_link *link)
{
	size_t most = link->mtu ? vrrp_addrs_that_fit(&inst->format, link->mtu) : VRRP_ADDRS_MAX;
	size_t n = inst->conf->n_advertised < most ? inst->conf->n_advertised : most;

	if (n != inst->format.n_addrs && n < inst->conf->n_advertised)
		log_write(LOG_ERR, inst->conf->name,
			  "adverts on %s (MTU %u) hold %zu of the %zu addresses; the others are treated as excluded",
			  link->name, link->mtu, n, inst->conf->n_advertised);
	inst->format.n_addrs = n;
}

static int send_to(struct instance *inst, const struct ip_addr *dst, uint8_t priority)
{
	const struct vrrp_route route = { .src = inst->fsm.own, .dst = *dst, .ttl = inst->conf->unicast_ttl };
	uint8_t buf[VRRP_PACKET_MAX];
	size_t len = vrrp_encode(&inst->format, &route.src, dst, priority, inst->ip_id, buf, sizeof(buf));

	return len ? wire_send(inst->wire, &route, buf, len) : -EMSGSIZE;
}

/* Complains now and then. */
static bool sent(struct instance *inst, const struct ip_addr *dst, int r)
{
	char addr[IP_STR_MAX];
	uint64_t suppressed;

	if (r >= 0)
		return true;
	if (inst->fsm.state == VRRP_MASTER)
		inst->unheard.error = r;
	inst->counters.advert_failed++;
	if (log_limit_pass(&inst->send_log, loop_now_us(), SEND_LOG_US, &suppressed))
		log_write(LOG_WARNING, inst->conf->name, "an advert could not be sent to %s: %s", ip_format(dst, addr),
			  strerror(-r));
	return false;
}

/* Nothing is sent over a link that is set down; and that such a link is no fault, was configured. */
static bool nobody_minds(const struct instance *inst)
{
	const char *name = inst->conf->interface;

	return inst->conf->dont_track_primary && netif_link_by_name(inst->env.netif, name) &&
	       !links_is_up(inst->env.links, name);
}

/* It left, or counts as if it had. */
static void has_left(struct instance *inst)
{
	if (inst->fsm.state == VRRP_MASTER)
		inst->unheard.error = 0;
	inst->sent_us = inst->unheard.left_us = loop_now_us();
}

void instance_send_advert(struct instance *inst, uint8_t priority)
{
	const struct conf_instance *ci = inst->conf;
	bool any = ci->unicast && ci->n_peers == 0;

	if (inst->env.observe) {
		has_left(inst);
		return;
	}

	/* 0 would let the kernel choose. All copies of one advert share it. */
	inst->ip_id = inst->ip_id == UINT16_MAX ? 1 : (uint16_t)(inst->ip_id + 1);
	instance_auth_next(inst);
	for (size_t i = 0; ci->unicast && i < ci->n_peers; i++)
		any |= sent(inst, &ci->peers[i].addr, send_to(inst, &ci->peers[i].addr, priority));
	if (!ci->unicast)
		any = sent(inst, &ci->group, send_to(inst, &ci->group, priority));
	if (any || nobody_minds(inst))
		has_left(inst);
	else if (inst->maintenance) /* what we hold stays as it is, for somebody watches */
		inst->sent_us = loop_now_us();
	if (!any)
		return;
	if (priority == VRRP_PRIO_RESIGN)
		inst->counters.pri_zero_sent++;
	else
		inst->counters.advert_sent++;
}
