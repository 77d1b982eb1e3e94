/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the configuration anew for a loop that must not wait for a disk or a name service: in a thread, one reading at
 * a time. The state directories, that of the engine and the one that a valid file names, are made ready there, too. */
#pragma once

#include "agent/conf/bundle.h"
#include "agent/conf/conf.h"
#include "agent/options.h"

#include <systemd/sd-event.h>

struct conf_reader;

/* What came of it. `conf` and `bundle` may be taken out; the rest is released after the call. */
struct conf_reading {
	uint32_t id;                /* of the wish */
	int error;                  /* 0 or -errno, as load_bundle(): is it valid? */
	struct conf *conf;          /* NULL after an error */
	struct conf_bundle *bundle; /* the record of it; NULL without memory */
	int fd;                     /* the same as a memfd, or -errno */
};

/* `done` is called from the loop, never from within another function of here. After `limit_us` it is told -ETIMEDOUT,
 * whatever becomes of the reading. Borrows `opt`. 0 or -errno. */
int conf_reader_new(sd_event *loop, const struct options *opt, uint64_t limit_us,
		    void (*done)(void *user, struct conf_reading *reading), void *user, struct conf_reader **ret);
/* Waits for a thread that reads, but no longer than a second: for the end of the process. NULL is fine; returns NULL.
 */
struct conf_reader *conf_reader_free(struct conf_reader *r);

/* Reads the files as they are from now on, for an engine that runs as the user that `born` says, and that keeps its
 * state in the directory `kept`: that is given to it whatever comes of the reading. A wish before this one gets no
 * answer any more: what it began may have read them as they were. 0 or -ENOMEM. */
int conf_reader_ask(struct conf_reader *r, uint32_t id, const struct conf *born, const char *kept);
/* Nobody wants to know. NULL is fine. */
void conf_reader_forget(struct conf_reader *r);
