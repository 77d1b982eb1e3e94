/* SPDX-License-Identifier: Apache-2.0 */
/* A small reader for whole files. FIFOs, devices and directories are refused: reading them could wait for ever, and
 * libconfig's scanner ends the process on a directory. Does not look at what is in the files. */
#include "agent/conf/file.h"

#include "agent/base/cleanup.h"
#include "agent/conf/bundle.h"
#include "agent/process/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

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

static int read_from_host(const char *path, struct conf_file *ret)
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

int conf_file_mode(const char *path, mode_t *mode, gid_t *gid)
{
	struct stat st;
	char text[64];
	const char *told;
	size_t len;
	int r;

	if (conf_bundle_answer(CONF_ASK_MODE, path, &r, &told, &len)) {
		if (r == 0 && sscanf(told, "%o %u", mode, gid) != 2)
			return -EBADMSG;
		return r;
	}
	r = stat(path, &st) < 0 ? -errno : 0;
	if (r == 0) {
		*mode = st.st_mode;
		*gid = st.st_gid;
		snprintf(text, sizeof(text), "%o %u", st.st_mode, st.st_gid);
	}
	conf_bundle_told(CONF_ASK_MODE, path, r, text, r == 0 ? strlen(text) : 0);
	return r;
}

static int read_from_bundle(const char *path, int r, const char *text, size_t len, struct conf_file *ret)
{
	struct conf_file f = { .len = len };

	if (r < 0)
		return r;
	r = conf_file_mode(path, &f.mode, &f.gid);
	f.text = r == 0 ? calloc(1, len + 1) : NULL;
	if (!f.text)
		return r < 0 ? r : -ENOMEM;
	memcpy(f.text, text, len);
	*ret = f;
	return 0;
}

int conf_file_read(const char *path, struct conf_file *ret)
{
	const char *text;
	size_t len;
	mode_t mode;
	gid_t gid;
	int r;

	if (conf_bundle_answer(CONF_ASK_FILE, path, &r, &text, &len))
		return read_from_bundle(path, r, text, len, ret);
	r = read_from_host(path, ret);
	conf_bundle_told(CONF_ASK_FILE, path, r, r == 0 ? ret->text : NULL, r == 0 ? ret->len : 0);
	conf_file_mode(path, &mode, &gid); /* for the record */
	return r;
}

static char *names_of(const glob_t *g, size_t *size)
{
	char *list, *at;

	*size = 1;
	for (size_t i = 0; i < g->gl_pathc; i++)
		*size += strlen(g->gl_pathv[i]) + 1;
	list = at = calloc(1, *size);
	for (size_t i = 0; list && i < g->gl_pathc; i++)
		at = stpcpy(at, g->gl_pathv[i]) + 1;
	return list;
}

char *conf_file_glob(const char *pattern)
{
	glob_t g = { 0 };
	const char *told;
	char *list = NULL;
	size_t len = 0;
	int r;

	if (conf_bundle_answer(CONF_ASK_GLOB, pattern, &r, &told, &len)) {
		list = r == 0 ? calloc(1, len + 2) : NULL; /* two NULs at the end, whatever it holds */
		return list ? memcpy(list, told, len) : NULL;
	}
	if (glob(pattern, 0, NULL, &g) == 0)
		list = names_of(&g, &len);
	globfree(&g);
	conf_bundle_told(CONF_ASK_GLOB, pattern, list ? 0 : -ENOENT, list, list ? len : 0);
	return list;
}

/* --- users and groups -------------------------------------------------------------------------------------------- */

enum { NSS_BUFFER = 65536, NSS_BUFFER_MAX = 16 << 20 };

static bool ids_answered(enum conf_question kind, const char *name, unsigned ids[2], int *ret)
{
	const char *told;
	size_t len;

	if (!conf_bundle_answer(kind, name, ret, &told, &len))
		return false;
	if (*ret == 0 && sscanf(told, "%u %u", &ids[0], &ids[1]) != 2)
		*ret = -EBADMSG;
	return true;
}

static void ids_told(enum conf_question kind, const char *name, int r, const unsigned ids[2])
{
	char text[64];

	snprintf(text, sizeof(text), "%u %u", ids[0], ids[1]);
	conf_bundle_told(kind, name, r, text, r == 0 ? strlen(text) : 0);
}

/* One question to the name services, with `buf` for the answer. 0 or a positive errno. */
static int ask_nss(enum conf_question kind, const char *name, char *buf, size_t size, unsigned ids[2])
{
	struct passwd pw, *pwp = NULL;
	struct group gr, *grp = NULL;
	int e;

	if (kind == CONF_ASK_USER) {
		e = getpwnam_r(name, &pw, buf, size, &pwp);
		if (pwp) {
			ids[0] = pw.pw_uid;
			ids[1] = pw.pw_gid;
		}
	} else {
		e = getgrnam_r(name, &gr, buf, size, &grp);
		if (grp)
			ids[0] = gr.gr_gid;
	}
	return pwp || grp ? 0 : e ? e : ENOENT;
}

/* getpwnam(3) lists what name services say of a name that they do not know. All else leaves it open whether there is
 * one. */
static int ids_error(int e)
{
	switch (e) {
	case ENOENT:
	case ESRCH:
	case EBADF:
	case EPERM:
		return -ENOENT;
	}
	return -e;
}

/* The last of several name services has the last word: that it does not know the name, or does not answer, hides that
 * the file of the first could not be opened, for want of descriptors or by a bad disk. -ENOENT if it could, or is not
 * there. */
static int look_for_shortage(enum conf_question kind)
{
	_cleanup_(close_fdp) int fd = open(kind == CONF_ASK_USER ? "/etc/passwd" : "/etc/group",
					   O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : -ENOENT;
}

/* A group has a list of its members, which may be long. */
static int look_up(enum conf_question kind, const char *name, unsigned ids[2])
{
	int e = ERANGE, r;

	for (size_t size = NSS_BUFFER; e == ERANGE && size <= NSS_BUFFER_MAX; size *= 4) {
		_cleanup_(freep) char *buf = malloc(size);

		e = buf ? ask_nss(kind, name, buf, size, ids) : ENOMEM;
	}
	r = e == 0 ? 0 : look_for_shortage(kind);
	return r == -ENOENT ? ids_error(e) : r;
}

static int find_ids(enum conf_question kind, const char *name, unsigned ids[2])
{
	int r;

	if (ids_answered(kind, name, ids, &r))
		return r;
	r = look_up(kind, name, ids);
	ids_told(kind, name, r, ids);
	return r;
}

int conf_file_user(const char *name, uid_t *uid, gid_t *gid)
{
	unsigned ids[2] = { 0, 0 };
	int r = find_ids(CONF_ASK_USER, name, ids);

	if (r == 0) {
		*uid = ids[0];
		*gid = ids[1];
	}
	return r;
}

int conf_file_group(const char *name, gid_t *gid)
{
	unsigned ids[2] = { 0, 0 };
	int r = find_ids(CONF_ASK_GROUP, name, ids);

	if (r == 0)
		*gid = ids[0];
	return r;
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

static int find_program(const char *name, char ret[PATH_MAX], char why[CONF_WHY_MAX])
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

int conf_file_program(const char *name, char ret[PATH_MAX], char why[CONF_WHY_MAX])
{
	const char *told;
	char text[PATH_MAX];
	size_t len;
	int r;

	if (conf_bundle_answer(CONF_ASK_PROGRAM, name, &r, &told, &len)) {
		snprintf(r == 0 ? ret : why, r == 0 ? PATH_MAX : CONF_WHY_MAX, "%s", told);
		return r;
	}
	r = find_program(name, text, why);
	if (r == 0)
		strcpy(ret, text);
	conf_bundle_told(CONF_ASK_PROGRAM, name, r, r == 0 ? ret : why, strlen(r == 0 ? ret : why));
	return r;
}

/* Whether the mode lets him run the file or enter the folder. A list of others that it may name is not read. */
static bool may(const char *path, const struct stat *st, uid_t uid, gid_t gid)
{
	mode_t bit = uid == st->st_uid ? 0100 : gid == st->st_gid ? 0010 : 0001;

	if (uid == 0)
		return S_ISDIR(st->st_mode) || (st->st_mode & 0111);
	return (st->st_mode & bit) || getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* Of a real path, which is left as it was. */
static int can_reach(char *path, uid_t uid, gid_t gid, char why[CONF_WHY_MAX])
{
	struct stat st;

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		bool open;

		*slash = '\0';
		open = stat(path, &st) < 0 || may(path, &st, uid, gid);
		if (!open)
			snprintf(why, CONF_WHY_MAX, "%.300s is closed to user %u (mode %04o)", path, (unsigned)uid,
				 (unsigned)st.st_mode & 07777);
		*slash = '/';
		if (!open)
			return -EACCES;
	}
	return 0;
}

static int can_run(const char *name, uid_t uid, gid_t gid, char why[CONF_WHY_MAX])
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (!realpath(name, path) || stat(path, &st) < 0) {
		r = errno == EACCES ? 0 : -errno; /* to us; he is another */
		snprintf(why, CONF_WHY_MAX, "%.300s: %s", name, conf_file_error(-errno));
		return r;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, CONF_WHY_MAX, "%.300s: %s", name,
			 S_ISDIR(st.st_mode) ? "a directory" : conf_file_error(-EINVAL));
		return -EISDIR;
	}
	if (!(st.st_mode & 0111))
		snprintf(why, CONF_WHY_MAX, "%.300s: not executable (mode %04o)", name, (unsigned)st.st_mode & 07777);
	else if (!may(path, &st, uid, gid))
		snprintf(why, CONF_WHY_MAX, "%.300s: not executable by user %u (mode %04o)", name, (unsigned)uid,
			 (unsigned)st.st_mode & 07777);
	else
		return can_reach(path, uid, gid, why);
	return -EACCES;
}

int conf_file_can_run(const char *name, uid_t uid, gid_t gid, char why[CONF_WHY_MAX])
{
	char path[PATH_MAX], text[CONF_WHY_MAX];
	int r = -ENOENT;

	if (strchr(name, '/'))
		return can_run(name, uid, gid, why);
	snprintf(why, CONF_WHY_MAX, "there is no such program in " EXEC_SEARCH_PATH);
	for (const char *dir = EXEC_SEARCH_PATH; *dir; dir += *dir == ':') {
		int len = (int)strcspn(dir, ":"), found = -ENOENT;

		if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", len, dir, name) < sizeof(path))
			found = can_run(path, uid, gid, text);
		if (found == 0)
			return 0;
		if (r == -ENOENT && found != -ENOENT) {
			r = found;
			strcpy(why, text);
		}
		dir += len;
	}
	return r;
}

/* --- who may read ------------------------------------------------------------------------------------------------ */

/* The group of the process is asked as if it had a name: it is that of who reads the files. */
static bool own_group(gid_t gid)
{
	unsigned own[2] = { getegid(), 0 };
	gid_t group;
	int r;

	if (!ids_answered(CONF_ASK_GROUP, "", own, &r))
		ids_told(CONF_ASK_GROUP, "", 0, own);
	return gid == 0 || gid == own[0] || (conf_file_group("sqlvip", &group) == 0 && group == gid);
}

bool conf_file_is_public(mode_t mode, gid_t gid)
{
	return (mode & 0006) != 0 || ((mode & 0060) != 0 && !own_group(gid));
}
