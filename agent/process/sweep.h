/* SPDX-License-Identifier: Apache-2.0 */
/* Removing the configured addresses from this host, whoever left them there. */
#pragma once

#include "agent/conf/conf.h"
#include "agent/options.h"

/* -X, for ExecStopPost: whatever ended the agent, its addresses must not outlive it. Returns an exit code. */
int sweep_main(const struct options *opt);

/* The same for a supervisor, prepared: sockets and thread are there before they are needed. */
struct sweep_crew;
int sweep_crew_new(struct sweep_crew **ret); /* 0 or -errno */
struct sweep_crew *sweep_crew_free(struct sweep_crew *c);

/* Removes all addresses of the configuration that are there, connections on them reset, and waits for it. 0, or -errno
 * of the first that could not be removed, -ETIMEDOUT after three seconds. `*resets`: connections. */
int sweep_now(struct sweep_crew *c, const struct conf *conf, size_t *resets);
