/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces count as up: what the kernel says, after the delays of interface_up_down_delays. For an instance's
 * own interface as for those in track_interface; one that has no delay is what agent/netif knows of it. An interface
 * that is missing is down at once, whatever its delay: its addresses went with it. */
#pragma once

#include "agent/checker.h"
#include "agent/conf/conf.h"
#include "agent/netif/netif.h"

struct links;

/* `changed` is called when an interface of the configuration came to count as up or down, or does so for another
 * reason. 0 or -errno. */
int links_new(sd_event *loop, const struct netif *netif, const struct conf *conf, void (*changed)(void *user),
	      void *user, struct links **ret);
struct links *links_free(struct links *l);

/* Another configuration is to come: makes what it needs. 0, or -errno: then nothing is made. links_call_off() or
 * links_exchange() must follow; the first does nothing if nothing is prepared. */
int links_prepare(struct links *l, const struct conf *conf);
void links_call_off(struct links *l);
/* Goes over to what was prepared; delays that run are begun anew. `changed` is not called. */
void links_exchange(struct links *l);

/* For every link event of netif, before anybody else looks at it. */
void links_on_link(struct links *l);

bool links_is_up(const struct links *l, const char *ifname);
/* Of conf.links[index]. */
struct checker_state links_state(const struct links *l, size_t index);
