/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's end of the socket pair: tells the supervisor that the loop goes round, has it run programs and read the
 * configuration, and hears what it wants. */
#pragma once

#include "agent/conf/conf.h"

#include <systemd/sd-event.h>

/* The descriptors that an engine is born with. */
enum { ENGINE_LINK_SOCKET = 3, ENGINE_LINK_BUNDLE = 4 };

/* The supervisor's answer comes before, if only that it takes too long. */
enum { ENGINE_LINK_CONF_WAIT_S = 30 };

struct engine_link;

struct engine_link_events {
	void (*stop)(void *user, const char *why); /* told to, or the supervisor is gone */
	void (*reload)(void *user);                /* somebody asked the supervisor for it */
	void *user;
};

/* From now on agent/process/exec delegates to it. `socket` is taken. 0 or -errno. */
int engine_link_new(sd_event *loop, int socket, const struct engine_link_events *events, struct engine_link **ret);
/* From now on nobody gets a configuration any more, or waits for one. NULL is fine. */
void engine_link_close(struct engine_link *s);
/* No thread may be within engine_link_conf(). Returns NULL. */
struct engine_link *engine_link_free(struct engine_link *s);

/* The engine serves; from now on the supervisor expects a sign of life each second. */
int engine_link_ready(struct engine_link *s);

/* What engine_link_conf() got last is in effect: another engine would start with it. From the loop, before it is called
 * again. */
void engine_link_uses(struct engine_link *s);
/* It was asked for, and nothing has come of it: what was in effect still is. From the loop, likewise. */
void engine_link_refuses(struct engine_link *s);

/* Has the configuration read anew, and makes a struct conf of it; as conf_load(). Waits for seconds if it must: for a
 * thread of its own. -ENOTCONN, -ETIMEDOUT or what the supervisor could not do are reported, too. */
int engine_link_conf(struct engine_link *s, const char *file, const char *config_id, conf_report_fn report, void *user,
		     struct conf **ret);
