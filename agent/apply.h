/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the running parts over to another configuration. Where it comes from and who asked for it is agent/reload's
 * business; it has been validated.
 *
 * Instances are matched by what the peers know of them (conf_same_router()). Those that go on are not stopped: see
 * instance_reconf_begin(). Whatever may not be had is made first: sockets, instances, room for what goes on. Only then
 * those that are gone, or have become another router, are stopped in order; when their addresses are away, everything
 * else happens at once, and new ones start. Until then nothing has changed. */
#pragma once

#include "agent/checker.h"
#include "agent/conf/conf.h"
#include "agent/group.h"
#include "agent/instance/instance.h"

/* What runs, as the engine has it. `conf` and `instances` point to the engine's own: they change together, and
 * instances[i] is the one of conf->instances[i] at any time. */
struct apply_parts {
	sd_event *loop;
	struct conf **conf; /* the engine holds one reference */
	struct instance ***instances;
	struct groups *groups;
	struct links *links;
	struct track_files *files;
	struct track_procs *procs;
	struct checker *checker;
	struct instance_env env; /* for new instances; its `conf` is not looked at */
};

struct apply;

/* `error` NULL: done. Else why not, and nothing has changed. */
typedef void (*apply_done_fn)(void *user, const char *error);

int apply_new(const struct apply_parts *parts, struct apply **ret);
/* Ends the hooks of instances that have left. */
struct apply *apply_free(struct apply *a);

/* Takes `fresh`. `done` is called once, perhaps from within. Not while another one is under way. */
void apply_start(struct apply *a, struct conf *fresh, apply_done_fn done, void *user);

/* The agent is stopping: calls off what is under way. Returns how many instances are on their way out and still hold
 * something; `released` is called for each of them. */
size_t apply_stop(struct apply *a, void (*released)(void *user), void *user);
/* No hook of an instance that has left is queued or running. */
bool apply_idle(const struct apply *a);
