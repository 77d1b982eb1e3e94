/* SPDX-License-Identifier: Apache-2.0 */
/* A small reader for whole files. FIFOs, devices and directories are refused: reading them could wait for ever, and
 * libconfig's scanner ends the process on a directory. Does not look at what is in the files. */
#include "agent/conf_file.h"

#include "agent/base/cleanup.h"
#include "agent/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>

static int read_all(int fd, char *buf, size_t size, size_t *ret)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(fd, buf + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	*ret = n;
	return 0;
}

int conf_file_read(const char *path, struct conf_file *ret)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct conf_file f = { 0 };
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > CONF_FILE_MAX)
		return -EFBIG;
	f.mode = st.st_mode;
	f.gid = st.st_gid;
	f.text = calloc(1, (size_t)st.st_size + 1);
	if (!f.text)
		return -ENOMEM;
	r = read_all(fd, f.text, (size_t)st.st_size, &f.len);
	if (r < 0) {
		free(f.text);
		return r;
	}
	*ret = f;
	return 0;
}

void conf_file_done(struct conf_file *f)
{
	if (f->text)
		explicit_bzero(f->text, f->len);
	free(f->text);
	f->text = NULL;
}

const char *conf_file_error(int r)
{
	switch (r) {
	case -EINVAL:
		return "not a regular file";
	case -EFBIG:
		return "larger than 16 MiB";
	case -ENOENT:
		return "no such file";
	default:
		return strerrordesc_np(-r) ? strerrordesc_np(-r) : "unknown error";
	}
}

/* --- programs ---------------------------------------------------------------------------------------------------- */

enum { LINKS_MAX = 40 };

/* What is still to be walked, and where we are. */
struct walk {
	char at[PATH_MAX];   /* real, without a slash at the end; "" is the root */
	char rest[PATH_MAX]; /* relative to it */
	unsigned links;
};

static int judge(const char *path, const struct stat *st, char why[CONF_WHY_MAX])
{
	if (st->st_uid != 0)
		snprintf(why, CONF_WHY_MAX, "%.300s belongs to user %u", path, (unsigned)st->st_uid);
	else if (S_ISLNK(st->st_mode))
		return 0; /* its own mode means nothing */
	else if ((st->st_mode & 0002) || ((st->st_mode & 0020) && st->st_gid != 0))
		snprintf(why, CONF_WHY_MAX, "%.300s is writable by others (mode %04o)", path,
			 (unsigned)st->st_mode & 07777);
	else
		return 0;
	return -EPERM;
}

/* Puts the target of the link at `path` before what is left. */
static int follow(struct walk *w, const char *path)
{
	char target[PATH_MAX], joined[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	target[n] = '\0';
	if (target[0] == '/')
		w->at[0] = '\0';
	if ((size_t)snprintf(joined, sizeof(joined), "%s/%s", target, w->rest) >= sizeof(joined))
		return -ENAMETOOLONG;
	strcpy(w->rest, joined);
	return 0;
}

/* Takes one component off what is left. 0 when there is none, 1, or -errno. */
static int step(struct walk *w, char why[CONF_WHY_MAX])
{
	char *name = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(name, "/"), old = strlen(w->at);
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (n == 0)
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/%.*s", w->at, (int)n, name) >= sizeof(path))
		return -ENAMETOOLONG;
	memmove(w->rest, name + n, strlen(name + n) + 1);
	if (strcmp(path + old, "/.") == 0)
		return 1;
	if (strcmp(path + old, "/..") == 0) {
		char *slash = strrchr(w->at, '/');

		if (slash)
			*slash = '\0';
		return 1;
	}
	if (lstat(path, &st) < 0) {
		r = -errno;
		snprintf(why, CONF_WHY_MAX, "%.300s: %s", path, conf_file_error(r));
		return r;
	}
	r = judge(path, &st, why);
	if (r < 0)
		return r;
	if (S_ISLNK(st.st_mode)) {
		r = follow(w, path);
		return r < 0 ? r : 1;
	}
	strcpy(w->at, path);
	return 1;
}

static int walk_to(const char *path, char ret[PATH_MAX], char why[CONF_WHY_MAX])
{
	struct walk w = { 0 };
	struct stat st;
	int r;

	if (path[0] != '/' || strlen(path) >= sizeof(w.rest)) {
		snprintf(why, CONF_WHY_MAX, "it is no absolute path");
		return -EINVAL;
	}
	strcpy(w.rest, path);
	snprintf(why, CONF_WHY_MAX, "its path leads nowhere");
	r = stat("/", &st) < 0 ? -errno : judge("/", &st, why);
	if (r < 0)
		return r;
	do
		r = step(&w, why);
	while (r > 0);
	if (r == 0)
		strcpy(ret, w.at);
	return r;
}

int conf_file_program(const char *name, char ret[PATH_MAX], char why[CONF_WHY_MAX])
{
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return walk_to(name, ret, why);
	for (const char *dir = EXEC_SEARCH_PATH; *dir; dir += *dir == ':') {
		int len = (int)strcspn(dir, ":");

		if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", len, dir, name) < sizeof(path) &&
		    access(path, X_OK) == 0)
			return walk_to(path, ret, why);
		dir += len;
	}
	snprintf(why, CONF_WHY_MAX, "there is no such program in " EXEC_SEARCH_PATH);
	return -ENOENT;
}

/* --- who may read ------------------------------------------------------------------------------------------------ */

static bool own_group(gid_t gid)
{
	struct group entry, *found = NULL;
	char buf[4096];

	if (gid == 0 || gid == getegid())
		return true;
	return getgrnam_r("sqlvip", &entry, buf, sizeof(buf), &found) == 0 && found && found->gr_gid == gid;
}

bool conf_file_is_public(mode_t mode, gid_t gid)
{
	return (mode & 0006) != 0 || ((mode & 0060) != 0 && !own_group(gid));
}
