/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory on disk, which root makes and an engine without root's rights writes to. */
#pragma once

#include <sys/types.h>

/* Makes the directory if it is missing, mode 0750, and gives it to the engine's user, with the files in it that are the
 * former owner's: only one that root owns, or `before`, the user of an engine that has ended, and that is for us alone.
 * What stands against it is logged, and no failure: it is trouble of journal and orders alone. May wait for a disk. */
void state_directory_give(const char *path, uid_t uid, gid_t gid, uid_t before);
