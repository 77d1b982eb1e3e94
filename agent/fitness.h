/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of one server that is alive (`check` in vrrp_mysql) at work: started when the server comes up, ended when
 * it goes down. What they ask and decide is checks/mysql_fitness. */
#pragma once

#include "agent/checker.h"
#include "agent/conf/conf.h"

#include <jansson.h>

struct fitness_set;

/* `changed` is called when the health of one changed. `conf` is borrowed until the next reconf. 0 or -errno. */
int fitness_set_new(sd_event *loop, const struct conf_mysql *conf, void (*changed)(void *user), void *user,
		    struct fitness_set **ret);
struct fitness_set *fitness_set_free(struct fitness_set *set);

/* Another configuration of the same server is to come: makes what it needs, which does nothing yet. 0 or -errno; in any
 * case it may be called off. */
int fitness_set_prepare(struct fitness_set *set, const struct conf_mysql *conf);
void fitness_set_call_off(struct fitness_set *set);
/* Goes over to what was prepared: checks of a kind that goes on keep what they know. */
void fitness_set_exchange(struct fitness_set *set, const struct conf_mysql *conf);

/* The server is up, or is not: then nobody is asked, and what was found out is forgotten. */
void fitness_set_follow(struct fitness_set *set, bool up);

/* Check `i` of the configuration. Reported only while the server is up and a result is there. */
struct checker_state fitness_set_state(const struct fitness_set *set, size_t i);
json_t *fitness_set_status(const struct fitness_set *set, size_t i, uint64_t now_us);
