/* SPDX-License-Identifier: Apache-2.0 */
/* state_directory_give() for a loop that must not wait for a disk. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct state_giver;

/* `done` is called from the loop, for each that was begun. 0 or -errno. */
int state_giver_new(sd_event *loop, void (*done)(void *user), void *user, struct state_giver **ret);
/* Returns NULL. As worker_free(). */
struct state_giver *state_giver_free(struct state_giver *g);

/* As state_directory_give(), whose parameters these are; `path` is copied. False: not begun, since the one before has
 * not come to an end, or for want of memory. */
bool state_giver_begin(struct state_giver *g, const char *path, uid_t uid, gid_t gid, uid_t before);
