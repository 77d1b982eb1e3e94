/* SPDX-License-Identifier: Apache-2.0 */
/* Gets a configuration in a thread of its own: files may lie on a disk that is slow, and even parsing takes longer than
 * an advert may be late. The result comes through the loop. */
#pragma once

#include "agent/conf/conf.h"

#include <jansson.h>
#include <systemd/sd-event.h>

/* Where a configuration comes from. Called in the thread, may block; reports each finding. Must not touch what belongs
 * to the loop's thread. 0 and `*ret` (the caller releases it with conf_free()), or -errno as conf_load(). */
struct loader_source {
	int (*obtain)(void *user, conf_report_fn report, void *report_user, struct conf **ret);
	/* For a reload, called from the loop: what obtain() gave last is in effect, or it is not and what was before
	 * still is. May be NULL. */
	void (*in_effect)(void *user);
	void (*refused)(void *user);
	void *user;
};

/* Released with loaded_done(). */
struct loaded {
	int error;         /* as of obtain() */
	struct conf *conf; /* NULL after an error; may be taken out */
	json_t *findings;  /* [{"level": "error" | "warning" | "note", "file", "line", "text"}] */
	json_t *changes;   /* texts: "vrrp_instance VI_1: + priority 150"; beyond a number, one more says how many */
	json_t *restart;   /* texts: changes that take effect with the next start only */
	size_t n_errors;
};
void loaded_done(struct loaded *l);

struct loader;

/* Starts. `old` is what to compare with; a reference is held until the end. `done` is called once, from the loop; the
 * loader is released then. 0 or -errno. */
int loader_start(sd_event *loop, const struct loader_source *source, struct conf *old,
		 void (*done)(void *user, struct loaded *result), void *user, struct loader **ret);
/* `done` will not be called. To be freed, after whatever obtain() may wait for has been called off. */
void loader_abandon(struct loader *l);
/* Waits for the thread of an abandoned one, which may still parse: for the end of the process. NULL is fine; returns
 * NULL. */
struct loader *loader_free(struct loader *l);
