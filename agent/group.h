/* SPDX-License-Identifier: Apache-2.0 */
/* Sync groups at run time: carries what one member says to the others, as vrrp/group decides, and tells the hooks of
 * the group about the state that all members share.
 *
 * Orders are carried out at once, one after the other, until nothing changes any more. The group's hooks are told of a
 * state when everything that its members had to do for it is done, so notify_master comes when all addresses are
 * there. No change is left out but mastership that ended before: neither as a state nor as the old one. */
#pragma once

#include "agent/conf/conf.h"
#include "agent/fifo.h"
#include "agent/instance/instance.h"

struct groups;

/* `instances` has one for each of conf->instances; they are borrowed and must outlive the groups, which take an own
 * reference to `conf`. Before instance_start(). 0 or -errno. */
int groups_new(sd_event *loop, struct conf *conf, struct instance *const *instances, struct fifos *fifos,
	       struct groups **ret);
/* Another configuration is to come, to which a reference is taken: makes what it needs. 0, or -errno: then nothing is
 * made. groups_call_off() or groups_exchange() must follow; the first does nothing if nothing is prepared. */
int groups_prepare(struct groups *gs, struct conf *conf);
void groups_call_off(struct groups *gs);
/* Goes over to what was prepared, and to its instances: groups are matched by name, or else by their members, and keep
 * their state and hooks. Those that are no more run the hooks that wait, to the end. Members are looked at as they are,
 * and nothing is ordered yet. After instance_reconf_begin() of all. */
void groups_exchange(struct groups *gs, struct instance *const *instances);
/* After instance_reconf_end() of all: faults of members hold the others, those of former members no longer. States that
 * differ are left as they are; a member that is backup joins the others that are master when it may, and only when all
 * have joined do the hooks hear of MASTER. */
void groups_settle(struct groups *gs);
struct groups *groups_free(struct groups *gs);

/* No hook of a group is queued or running. */
bool groups_idle(const struct groups *gs);
/* A new reference: [{"name", "state", "since_s", "cause", "members", "hooks"}]. */
json_t *groups_status(const struct groups *gs);
