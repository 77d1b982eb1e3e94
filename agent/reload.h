/* SPDX-License-Identifier: Apache-2.0 */
/* Reload: obtain a new configuration, and if it is valid, bring what runs over to it. One at a time: who asks while one
 * is under way gets one of his own after it, together with others who wait, since the files may have changed meanwhile.
 *
 * The configuration is obtained in a thread (agent/loader) from a source that the engine names, so it may also be a
 * bundle that another process has read. Carrying it out is agent/apply's business. Whatever fails changes nothing, is
 * told to those who asked with all findings, and stays an alarm until a reload succeeds. */
#pragma once

#include "agent/apply.h"
#include "agent/control.h"
#include "agent/loader.h"

struct reload;

/* `conf` points to the engine's current configuration. Everything is borrowed. 0 or -errno. */
int reload_new(sd_event *loop, const struct loader_source *source, struct conf *const *conf, struct apply *apply,
	       struct reload **ret);
/* Those who wait are told that we are stopping. What the source waits for must have been called off. */
struct reload *reload_free(struct reload *r);

/* Asks for one. `cause` is for the log, such as "SIGHUP"; static. `reply` is taken, and may be NULL: it gets
 *
 *   {"changes": [text], "restart": [text], "findings": [{"level", "file", "line", "text"}], "took_ms": number}
 *
 * or, when nothing was changed, the reason and {"findings": [...]} as details. */
void reload_request(struct reload *r, const char *cause, struct control_reply *reply);

/* The agent is stopping: the present one is called off, further ones are refused. Before apply_stop(). */
void reload_stop(struct reload *r);

/* {"busy", "count", "loaded_ago_s": since the start or the last that succeeded, "failed": null or {"ago_s", "error"}:
 * the last one, if it failed}; a new reference. */
json_t *reload_status(const struct reload *r);
