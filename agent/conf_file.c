/* SPDX-License-Identifier: Apache-2.0 */
/* A small reader for whole files. FIFOs, devices and directories are refused: reading them could wait for ever, and
 * libconfig's scanner ends the process on a directory. Does not look at what is in the files. */
#include "agent/conf_file.h"

#include "agent/base/cleanup.h"

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
