/* SPDX-License-Identifier: Apache-2.0 */
/* One virtual router at run time. Events come in (packets, timers, links, addresses, health of mysqld), vrrp/fsm
 * decides, and the actions are carried out here: this is the one place where the VIP is touched.
 *
 * Adverts and timers are carried out at once. Address writes, announcements, resignation and hooks form a lane that is
 * carried out strictly in order: what follows an address write waits for its completion. So priority 0 leaves only
 * when the VIP is gone, and an ARP only when it is there; while a slow kernel delays the lane, adverts go on. */
#pragma once

#include "agent/base/clock.h"
#include "agent/checker.h"
#include "agent/conf/conf.h"
#include "agent/fifo.h"
#include "agent/links.h"
#include "agent/netif/netif.h"
#include "agent/orders.h"
#include "agent/pacing.h"
#include "agent/track_file.h"
#include "agent/track_proc.h"
#include "agent/wire.h"
#include "vrrp/group.h"

#include <jansson.h>

struct instance;

/* Advert timers may fire this late, so that those of many instances fire together. */
enum { INSTANCE_ADVERT_SLACK_US = 5000 };

/* What all instances share; borrowed, and outlives them. */
struct instance_env {
	sd_event *loop;
	struct loop_clock *adverts, *downs; /* for the advert and down timers: there are many, and they are busy */
	const struct conf *conf;
	struct netif *netif;
	int announce_socket;   /* see announce_open() */
	struct pacing *pacing; /* of announcements; may be NULL */
	struct wires *wires;
	const struct checker *checker;
	struct orders *orders;
	bool observe; /* netif is read-only, the wires are mute */
	const struct links *links;
	const struct track_files *files;
	const struct track_procs *procs;
	struct fifos *fifos; /* may be NULL */
	uint64_t start_us;   /* nothing is heard or sent before (CLOCK_MONOTONIC) */
};

/* Has all that it needs from the host, and does nothing yet: another may be the same virtual router until
 * instance_enter(). 0 or -errno: -EMFILE if that is more open files than this process may have. */
int instance_new(const struct instance_env *env, const struct conf_instance *conf, struct instance **ret);
/* Takes its place: hears, and obeys what was ordered before. Then instance_look(), and instance_start(). */
void instance_enter(struct instance *inst);
struct instance *instance_free(struct instance *inst);

/* Reads what the world is like, so that all members of a group know each other's faults before the first starts. */
void instance_look(struct instance *inst);
/* The instance is to go over to another block for the same virtual router (conf_same_router()): makes what it needs for
 * that, and is as it was. 0 or -errno: then nothing is made. instance_call_off() or instance_reconf_begin() must
 * follow; the first does nothing if nothing is prepared. */
int instance_prepare(struct instance *inst, const struct conf *conf, const struct conf_instance *block);
void instance_call_off(struct instance *inst);
/* Goes over to the block that was prepared, in two steps, so that all instances have
 * let go of addresses before any takes some; instance_at_rest() must hold. `conf`, which has the block, is borrowed
 * from then on, and nothing of the earlier one is looked at any more. Addresses that are in both stay untouched, and so
 * do state, timers, counters, peers and hooks; what else changes takes effect without a transition, unless a check or a
 * priority asks for one. The checker must know `conf` already. */
void instance_reconf_begin(struct instance *inst);
void instance_reconf_end(struct instance *inst);
/* An address of `block` that could not be added because its device is missing, or NULL. */
const struct conf_vip *instance_homeless_vip(const struct instance *inst, const struct conf_instance *block);

/* Removes what an earlier run left behind, then starts the state machine. */
void instance_start(struct instance *inst);

/* Releases everything (VIP away, then priority 0, then notify_stop); `released` is called once, when the VIP is gone
 * and the resignation is out. Hooks may still run: see instance_idle(). */
void instance_stop(struct instance *inst, void (*released)(void *user), void *user);
/* The same for an instance that is gone from the configuration: ends with notify_deleted. */
void instance_delete(struct instance *inst, void (*released)(void *user), void *user);
/* After that: leaves wire and group, so that another may take its place, while hooks go on. */
void instance_retire(struct instance *inst);
/* No hook is queued or running. */
bool instance_idle(const struct instance *inst);

/* It was told to stop, and may have done so. */
bool instance_is_stopping(const struct instance *inst);

/* Tells the FIFOs the present state again (fifo_write_vrrp_states_on_reload). */
void instance_repeat_state(struct instance *inst);

/* --- the sync group of an instance (agent/group) --- */

/* How its group is told and asked. */
struct instance_group {
	const char *name;
	/* A member's state, wish, faults or lane may have changed; nothing of the instance is under way. */
	void (*changed)(void *user);
	/* An inferior master was heard, and is reacted to. */
	void (*rival)(void *user, const struct instance *inst);
	enum vrrp_state (*state)(void *user);
	void *user;
};

/* Borrowed; before instance_start(). */
void instance_join_group(struct instance *inst, const struct instance_group *group);
struct vrrp_group_member instance_member(const struct instance *inst);
void instance_group_order(struct instance *inst, enum vrrp_group_order order, const char *cause);
void instance_group_hold(struct instance *inst, enum vrrp_hold hold, const char *cause);
void instance_group_rival(struct instance *inst, const char *cause);
const char *instance_name(const struct instance *inst);
/* Of its last change of state; of the last fault of its own that arose. */
const char *instance_cause(const struct instance *inst);
const char *instance_fault_cause(const struct instance *inst);
/* The lane is empty: what was decided has become visible. */
bool instance_at_rest(const struct instance *inst);
/* What it is not at rest for is the answer of vip_pre_take. */
bool instance_veto_is_asked(const struct instance *inst);
/* Ends all its alarms without a word: it is no more. */
void instance_forget_alarms(const struct instance *inst);
/* Stopped, and everything released. */
bool instance_is_stopped(const struct instance *inst);

/* The world outside: to be called for every netif event, and when the health of a check changed. */
void instance_on_link(struct instance *inst, const struct netif_link *link, bool gone);
void instance_on_addr(struct instance *inst, int ifindex, const struct ip_prefix *prefix, bool gone);
/* The sockets of its wire were opened. */
void instance_on_wire(struct instance *inst);
void instance_on_checks(struct instance *inst);
/* An interface came to count as up or down (agent/links). */
void instance_on_links(struct instance *inst);

/* An operator's orders; nothing if they are in force already. Standby hands the addresses over at once (away, then
 * priority 0) and stays out. Maintenance: see agent/maintenance.h; when it ends, what was withheld takes effect. May be
 * called before instance_start(). Keeping them is the caller's business. */
void instance_set_standby(struct instance *inst, bool on);
bool instance_is_standby(const struct instance *inst);
void instance_set_maintenance(struct instance *inst, bool on);
/* After a reload: what was to be tried again later is tried now, for somebody may have mended what it failed for. */
void instance_try_again(struct instance *inst);
/* Another router was heard since the start. A backup is silent, so that a master may have a peer and not know it. */
bool instance_heard_anybody(const struct instance *inst);
/* To be called now and then: raises and ends the instance's alarms. */
void instance_look_for_alarms(struct instance *inst);

bool instance_is_master(const struct instance *inst);
/* NULL if it is in none. */
const char *instance_sync_group(const struct instance *inst);

/* {"name", "state", "lines": [...]}: why it is what it is, in plain words; a new reference, NULL without memory. */
json_t *instance_explain(const struct instance *inst);
/* See sqlvipctl(8) for the fields; a new reference. */
json_t *instance_status(const struct instance *inst);
/* The latest that an advert timer has fired so far. */
uint64_t instance_lag_max_us(const struct instance *inst);
