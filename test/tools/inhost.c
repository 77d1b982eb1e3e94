/* SPDX-License-Identifier: Apache-2.0 */
/* A pretended host: namespaces of its own for network, mounts and host name, and programs that run inside.
 *
 *   inhost PARENT hold NAME KEEP...          makes the namespaces, says "ready", keeps them until its input ends
 *   inhost PARENT exec PID [-t] PROGRAM...   becomes PROGRAM inside the host that process PID holds; -t: without huge
 *                                            pages
 *
 * A held host has an empty /run, /tmp and /var/lib, and an /etc whose changes nobody else sees. The folders KEEP stay
 * reachable even if they lie in one of those. What runs inside is killed when its parent, process PARENT, ends. It
 * makes no links and no addresses: that is for whoever started it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEEP_MAX = 8 };

static void die(const char *what)
{
	fprintf(stderr, "inhost: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void make_folders(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		size_t len = slash ? (size_t)(slash - path) : strlen(path);

		if (len >= sizeof(part)) {
			errno = ENAMETOOLONG;
			die(path);
		}
		memcpy(part, path, len);
		part[len] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			die(part);
		if (!slash)
			return;
	}
}

static void cover(const char *folder, const char *mode)
{
	if (mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, mode) < 0)
		die(folder);
}

/* The folder that `fd` was opened on shows at `path` again, if one of our mounts hides it. */
static void uncover(const char *path, int fd)
{
	struct stat before, now;
	char link[64];

	if (fstat(fd, &before) < 0)
		die(path);
	if (stat(path, &now) == 0 && now.st_dev == before.st_dev && now.st_ino == before.st_ino)
		return;
	make_folders(path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (mount(link, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		die(path);
}

static void make_mounts(char **keep, int n_keep)
{
	int fds[KEEP_MAX];

	for (int i = 0; i < n_keep; i++) {
		fds[i] = open(keep[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0)
			die(keep[i]);
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("private mounts");
	cover("/run", "mode=0755");
	cover("/tmp", "mode=1777");
	cover("/var/lib", "mode=0755");
	make_folders("/run/.etc/upper");
	make_folders("/run/.etc/work");
	if (mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir=/run/.etc/upper,workdir=/run/.etc/work") < 0)
		die("overlay on /etc");
	for (int i = 0; i < n_keep; i++) {
		uncover(keep[i], fds[i]);
		close(fds[i]);
	}
}

static int hold(const char *name, char **keep, int n_keep)
{
	char c;

	if (n_keep > KEEP_MAX) {
		errno = E2BIG;
		die("folders to keep");
	}
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS) < 0)
		die("unshare");
	if (sethostname(name, strlen(name)) < 0)
		die("sethostname");
	make_mounts(keep, n_keep);
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		die("stdout");
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

static void enter(const char *pid, const char *kind, int type)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, kind);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, type) < 0)
		die(path);
	close(fd);
}

static int exec_inside(const char *pid, char **argv)
{
	/* The mount namespace last: afterwards /proc/PID of the other kinds might be out of reach. */
	enter(pid, "net", CLONE_NEWNET);
	enter(pid, "uts", CLONE_NEWUTS);
	enter(pid, "mnt", CLONE_NEWNS);
	if (chdir("/") < 0)
		die("/");
	if (!strcmp(argv[0], "-t")) {
		if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
			die("PR_SET_THP_DISABLE");
		argv++;
	}
	if (!argv[0]) {
		errno = EINVAL;
		die("no program");
	}
	execvp(argv[0], argv);
	die(argv[0]);
	return 125;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: inhost PARENT hold NAME KEEP... | inhost PARENT exec PID [-t] PROGRAM...\n");
		return 125;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		die("PR_SET_PDEATHSIG");
	/* A parent that has died by now tells nobody any more. */
	if (getppid() != atoi(argv[1]))
		return 125;
	if (!strcmp(argv[2], "hold"))
		return hold(argv[3], argv + 4, argc - 4);
	if (!strcmp(argv[2], "exec") && argc >= 5)
		return exec_inside(argv[3], argv + 4);
	errno = EINVAL;
	die(argv[2]);
	return 125;
}
