/* SPDX-License-Identifier: Apache-2.0 */
/* Real-time scheduling and locked memory, where the host allows; and the rights of the engine. */
#include "agent/process/privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void privs_realtime(unsigned priority, char *buf, size_t size)
{
	const struct sched_param param = { .sched_priority = (int)priority };
	const struct rlimit unlimited = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	int sched = 0, lock = 0;
	size_t n;

	/* Under a limit, MCL_FUTURE would make malloc fail later on: after we have dropped CAP_IPC_LOCK it binds. */
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0 || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		lock = errno;
	/* A cgroup without real-time bandwidth refuses this (EPERM), root or not. */
	if (sched_setscheduler(0, SCHED_RR, &param) < 0)
		sched = errno;
	n = sched ? (size_t)snprintf(buf, size, "ordinary scheduling (SCHED_RR: %s)", strerror(sched))
		  : (size_t)snprintf(buf, size, "SCHED_RR %u", priority);
	if (n < size)
		snprintf(buf + n, size - n, lock ? ", memory not locked (%s)" : ", memory locked on fault%.0s",
			 strerror(lock));
}

/* libcap-ng's results say at which step it failed; errno is what helps. */
static int become(uid_t uid, gid_t gid)
{
	int r;

	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, CAP_NET_RAW, -1);
	errno = EPERM;
	if (uid != 0 && uid != geteuid())
		r = capng_change_id((int)uid, (int)gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	else /* without the right to shrink the bounding set, no_new_privs has to do */
		r = capng_apply(geteuid() == 0 ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	return r < 0 ? -errno : 0;
}

int privs_drop(uid_t uid, gid_t gid)
{
	pid_t parent = getppid();
	int r = become(uid, gid);

	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	/* A change of user clears it; and the parent may have died before. */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		r = -errno;
	return r == 0 && getppid() != parent ? -ESRCH : r;
}

void privs_many_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

int privs_files_left(unsigned n)
{
	struct rlimit files;
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return getrlimit(RLIMIT_NOFILE, &files) == 0 && (rlim_t)fd + n > files.rlim_cur ? -EMFILE : 0;
}

const char *privs_error_text(int error, char *buf, size_t size)
{
	struct rlimit files;

	if (error == -EMFILE && getrlimit(RLIMIT_NOFILE, &files) == 0)
		snprintf(buf, size,
			 "this process may have %llu files open, and needs more: raise its hard limit (LimitNOFILE= of "
			 "the unit) and restart, or configure less",
			 (unsigned long long)files.rlim_cur);
	else
		snprintf(buf, size, "%s", strerror(-error));
	return buf;
}

void privs_keep_realtime(void)
{
	struct sched_param param;

	if (sched_getscheduler(0) == SCHED_RR && sched_getparam(0, &param) == 0)
		(void)sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param);
}
