/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the files that a configuration consists of or names, whole and bounded. Only while loading: it may wait for
 * the disk. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { CONF_FILE_MAX = 16 << 20 };

struct conf_file {
	char *text; /* NUL-terminated; may hold further NULs. Release with conf_file_done() */
	size_t len;
	mode_t mode;
	gid_t gid;
};

/* Every question to the host that reading a configuration needs is asked here, so that a conf_bundle can record it.
 *
 * 0 or -errno; -EINVAL: not a regular file, -EFBIG: more than CONF_FILE_MAX. */
int conf_file_read(const char *path, struct conf_file *ret);
void conf_file_done(struct conf_file *f);

/* Mode and group of what is there. 0 or -errno. */
int conf_file_mode(const char *path, mode_t *mode, gid_t *gid);

/* The files that match, in the order of their names: a list of strings that an empty one ends; the caller's. NULL if
 * there are none. */
char *conf_file_glob(const char *pattern);

/* 0; -ENOENT: there is none of that name; or -errno: whether there is one cannot be told now. */
int conf_file_user(const char *name, uid_t *uid, gid_t *gid);
int conf_file_group(const char *name, gid_t *gid);

/* "no such file", "not a regular file", … for an error of conf_file_read(). */
const char *conf_file_error(int r);

/* A program by its name as execve would find it (agent/process/exec's places if it has no slash): is everything on the
 * way to it in root's hands? Follows the links, as written and one after the other: each folder, link and file must be
 * root's, and writable by no other user or group than root's. 0 and the real path, -EPERM if somebody else could change
 * it, or -errno; then `why` says what and where. */
enum { CONF_WHY_MAX = 512 };
int conf_file_program(const char *name, char ret[PATH_MAX], char why[CONF_WHY_MAX]);

/* Is it a file that this user, with this group alone, may execute and reach by its real path? Links on the way to it,
 * its interpreter and noexec mounts are not looked at. Asks the host itself, not a conf_bundle. 0, also where that
 * cannot be told, or -errno and `why`. */
int conf_file_can_run(const char *name, uid_t uid, gid_t gid, char why[CONF_WHY_MAX]);

/* True if someone besides the owner and the agent's own groups (root's, the process's, `sqlvip`) can read or write a
 * file with this mode and group. */
bool conf_file_is_public(mode_t mode, gid_t gid);
