/* SPDX-License-Identifier: Apache-2.0 */
/* Giving is chown of what is open, never of a name: the former owner may be a stranger's by now. */
#include "agent/process/state_directory.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What the owner of the directory left there, who alone could change it until now. Nobody else's: a file of root's that
 * lies in another's directory was perhaps put there for this moment. */
static void give_files(int dir, uid_t owner, uid_t uid, gid_t gid)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!d) {
		close_fd(copy);
		return;
	}
	while ((e = readdir(d))) {
		_cleanup_(close_fdp) int fd =
			openat(dir, e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != owner)
			continue;
		if (fchown(fd, uid, gid) < 0)
			log_warn("%s in the state directory cannot be given to the engine: %s", e->d_name,
				 strerror(errno));
	}
	closedir(d);
}

/* We keep no folders there: a directory with some is somebody else's too, like /var/lib, and named by mistake. */
static bool has_folders(int dir)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;
	struct stat st;
	bool found = false;

	if (!d) {
		close_fd(copy);
		return true;
	}
	while (!found && (e = readdir(d)))
		found = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			strcmp(e->d_name, "lost+found") != 0 &&
			fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
	rewinddir(d); /* the position is shared with `dir` */
	closedir(d);
	return found;
}

void state_directory_give(const char *path, uid_t uid, gid_t gid, uid_t before)
{
	_cleanup_(close_fdp) int dir = -1;
	struct stat st;

	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return; /* the engine cannot open it either, and says so */
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0 || st.st_uid == uid || (st.st_uid != 0 && st.st_uid != before))
		return;
	if (st.st_mode & 0022) {
		log_warn("state_directory %s may be changed by others (mode %04o), so it is not given to the engine",
			 path, st.st_mode & 07777u);
		return;
	}
	if (has_folders(dir)) {
		log_warn("state_directory %s holds other directories, so it is not given to the engine; name one that "
			 "is for sqlvip alone",
			 path);
		return;
	}
	give_files(dir, st.st_uid, uid, gid);
	if (fchown(dir, uid, gid) < 0)
		log_warn("state_directory %s cannot be given to the engine: %s", path, strerror(errno));
}
