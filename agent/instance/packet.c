/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance hears: each packet with its VRID is decoded, refused with a reason or understood, counted, and
 * handed to the machine as an event. Nothing is sent from here. */
#include "agent/instance/impl.h"

enum { DROP_LOG_US = 1000000, HEED_US = 10000 };
#define ODD_LOG_US 3600000000ull

static void remember_peer(struct instance *inst, const struct vrrp_advert *ad)
{
	struct peer *p = &inst->peers[0];

	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (ip_equal(&inst->peers[i].addr, &ad->src)) {
			p = &inst->peers[i];
			break;
		}
		/* A free place, or the one that has been silent for longest. */
		if (inst->peers[i].heard_us < p->heard_us)
			p = &inst->peers[i];
	}
	if (!ip_equal(&p->addr, &ad->src))
		*p = (struct peer){ .addr = ad->src };
	p->priority = ad->priority;
	p->heard_us = loop_now_us();
	p->adverts++;
}

static void packet_dropped(struct instance *inst, enum vrrp_drop why, const struct vrrp_packet *packet)
{
	struct ip_addr src = vrrp_peek_src(packet);
	const char *text = auth_watch_text(why);
	char addr[IP_STR_MAX];
	uint64_t suppressed;

	inst->counters.drops[why]++;
	instance_auth_refused(inst, why, &src);
	if (!log_limit_pass(&inst->drop_log[why], loop_now_us(), DROP_LOG_US, &suppressed))
		return;
	instance_record_refusal(inst, why, &src);
	log_write(LOG_WARNING, inst->conf->name,
		  "refused an advert from %s: %s%s%s (%llu more since the last such line)", ip_format(&src, addr),
		  vrrp_drop_name(why), *text ? ": " : "", text, (unsigned long long)suppressed);
}

static void count_oddities(struct instance *inst, const struct vrrp_advert *ad)
{
	char addr[IP_STR_MAX];
	uint64_t suppressed;

	inst->counters.advert_rcvd++;
	inst->counters.csum_alt += ad->csum_alt;
	inst->counters.advert_interval_diff += ad->interval_diff;
	inst->counters.pri_zero_rcvd += ad->priority == VRRP_PRIO_RESIGN;
	if (ad->no_link_local && log_limit_pass(&inst->odd_log, loop_now_us(), ODD_LOG_US, &suppressed))
		log_write(LOG_NOTICE, inst->conf->name,
			  "the first address that %s advertises is not link-local, as RFC 9568 wants it",
			  ip_format(&ad->src, addr));
	if (!ad->addrs_differ || (inst->conf->skip_check_adv_addr && ip_equal(&ad->src, &inst->fsm.master)))
		return;
	inst->counters.addr_list_err++;
	if (log_limit_pass(&inst->differ_log, loop_now_us(), 60 * 1000000ull, &suppressed))
		log_write(LOG_WARNING, inst->conf->name,
			  "%s advertises other addresses than ours: the configurations of the hosts differ",
			  ip_format(&ad->src, addr));
}

/* An inferior advert changes nothing but makes us answer: not as often as somebody likes to send them. */
static bool heeded_enough(struct instance *inst, const struct vrrp_advert *ad)
{
	uint64_t now_us = loop_now_us();

	bool inferior = ad->priority < inst->fsm.priority ||
			(ad->priority == inst->fsm.priority && ip_cmp(&ad->src, &inst->fsm.own) < 0);

	if (inst->fsm.state != VRRP_MASTER || !inferior)
		return false;
	if (now_us < inst->heeded_us + HEED_US) {
		inst->counters.rival_adverts += ad->priority != VRRP_PRIO_RESIGN;
		return true;
	}
	inst->heeded_us = now_us;
	return false;
}

/* As keepalived: a peer of old is answered in its own way from now on. */
static void learn_checksum(struct instance *inst, const struct vrrp_advert *ad)
{
	char addr[IP_STR_MAX];

	if (ad->csum != VRRP_CSUM_GROUP || !inst->conf->csum_group_learned || inst->format.csum == VRRP_CSUM_GROUP)
		return;
	inst->format.csum = VRRP_CSUM_GROUP;
	log_write(LOG_NOTICE, inst->conf->name,
		  "%s sends the old unicast checksum, and so do we from now on; `old_unicast_checksum never` would "
		  "prevent that",
		  ip_format(&ad->src, addr));
}

void instance_on_packet(void *user, const struct vrrp_packet *packet)
{
	struct instance *inst = user;
	struct vrrp_packet now = *packet;
	struct vrrp_advert ad;
	struct vrrp_event ev = { .type = VRRP_EV_ADVERT };
	enum vrrp_drop why;

	if (inst->fsm.state == VRRP_INIT)
		return;
	now.utc = instance_auth_clock(inst);
	why = vrrp_decode(&inst->format, &inst->fsm.own, &now, &ad);
	if (why == VRRP_OK)
		instance_auth_heard(inst, &ad);
	if (inst->fsm.state ==
	    VRRP_FAULT) { /* nothing is counted or decided; but who has the addresses is worth knowing */
		if (why == VRRP_OK)
			remember_peer(inst, &ad);
		return;
	}
	if (why == VRRP_DROP_OWN_SRC && inst->env.observe) {
		inst->neighbour_us = loop_now_us();
		return;
	}
	if (why != VRRP_OK) {
		packet_dropped(inst, why, packet);
		return;
	}
	learn_checksum(inst, &ad);
	inst->heard = ad;
	count_oddities(inst, &ad);
	remember_peer(inst, &ad);
	if (ad.priority != VRRP_PRIO_RESIGN && instance_unheard_gives_way(inst, &ad))
		return;
	if (heeded_enough(inst, &ad))
		return;
	ev.priority = ad.priority;
	ev.interval_us = ad.interval_us;
	ev.src = ad.src;
	instance_feed_advert(inst, &ev);
}
