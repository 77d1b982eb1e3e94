/* SPDX-License-Identifier: Apache-2.0 */
/* Tracked files (`track_file` blocks): a number in a file of somebody else's, times a weight. Watched by inotify on the
 * folder and read in the background: the disk, or the server, that holds one may hang, and then costs its own number.
 */
#pragma once

#include "agent/conf/conf.h"
#include "agent/worker.h"

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct track_files;

/* Threads for the worker: so many files may hang before others wait for them. */
enum { TRACK_FILES_AT_ONCE = 32 };

struct track_file_state {
	bool known; /* has been read, or is not there */
	bool fresh; /* a reload brought it */
	int32_t value;
	const char *reason; /* valid until the loop runs again */
};

/* Makes the files that init_file asks for: once, at the start of the agent, with the rights that it has then, and
 * before there are threads. Does not wait for them: a child process for each. Returns their pids for track_files_new(),
 * beside conf.track_files and 0 where there is none; NULL if there is nothing to be done. */
pid_t *track_files_make(const struct conf *conf);

/* Reads all once, and waits for that for at most a second: call before the loop runs. What has not been read by then
 * stays unknown until it has been. `worker` is for this alone. Takes `makers`, which may be NULL: a file that is being
 * made is read afterwards. `changed` is called when a value changed from then on. 0 or -errno. */
int track_files_new(sd_event *loop, struct worker *worker, const struct conf *conf, pid_t *makers,
		    void (*changed)(void *user), void *user, struct track_files **ret);
/* After the worker. */
struct track_files *track_files_free(struct track_files *f);

/* Another configuration is to come: makes what it needs. 0, or -errno: then nothing is made. track_files_call_off() or
 * track_files_exchange() must follow; the first does nothing if nothing is prepared. */
int track_files_prepare(struct track_files *f, const struct conf *conf);
void track_files_call_off(struct track_files *f);
/* Goes over to what was prepared: blocks of the same name and path keep their value, init_file is not looked at.
 * `changed` is not called. */
void track_files_exchange(struct track_files *f);

/* Raises or ends the alarms about files whose reading does not end; now and then. */
void track_files_look(struct track_files *f, uint64_t now_us);

struct track_file_state track_files_state(const struct track_files *f, size_t index);
/* Appends an object for each to the array. */
void track_files_status(const struct track_files *f, json_t *all);

/* A file's beginning as a number: as strtol() reads it with base 0, blanks before it and anything behind it allowed; 0
 * if there is no number. False if it does not fit into 32 bits. */
bool track_file_parse(const char *text, int32_t *ret);
