/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked files (`track_file` blocks): a number in a file of somebody else's, times a weight. Watched by inotify on the
 * folder and read in the background: the disk, or the server, that holds one may hang. */
#pragma once

#include "agent/conf/conf.h"
#include "agent/worker.h"

#include <jansson.h>
#include <systemd/sd-event.h>

struct track_files;

struct track_file_state {
	bool known; /* has been read, or is not there */
	int32_t value;
	const char *reason; /* valid until the loop runs again */
};

/* Makes the files that init_file asks for: once, at the start of the agent, with the rights that it has then. */
void track_files_make(const struct conf *conf);

/* Reads all once, synchronously: call before the loop runs. `worker` is for this alone: a file whose reading hangs must
 * hold up nothing else. `changed` is called when a value changed. 0 or -errno. */
int track_files_new(sd_event *loop, struct worker *worker, const struct conf *conf, void (*changed)(void *user),
		    void *user, struct track_files **ret);
/* After the worker. */
struct track_files *track_files_free(struct track_files *f);

/* Goes over to another configuration: blocks of the same name and path keep their value, init_file is not looked at.
 * `changed` is not called. 0, or -errno: then all is as before. */
int track_files_reconf(struct track_files *f, const struct conf *conf);

/* Raises or ends the alarm about a file whose reading does not end; now and then. */
void track_files_look(const struct track_files *f, uint64_t now_us);

struct track_file_state track_files_state(const struct track_files *f, size_t index);
/* Appends an object for each to the array. */
void track_files_status(const struct track_files *f, json_t *all);

/* A file's beginning as a number: as strtol() reads it with base 0, blanks before it and anything behind it allowed; 0
 * if there is no number. False if it does not fit into 32 bits. */
bool track_file_parse(const char *text, int32_t *ret);
