/* SPDX-License-Identifier: Apache-2.0 */
/* Real-time scheduling and locked memory, where the host allows. */
#include "agent/privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

static bool limits_do_not_bind(void)
{
	return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK);
}

void privs_realtime(unsigned priority, char *buf, size_t size)
{
	const struct sched_param param = { .sched_priority = (int)priority };
	const struct rlimit unlimited = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	int sched = 0, lock = 0;
	size_t n;

	/* Under a limit that binds us, MCL_FUTURE would make malloc fail later on. */
	if ((setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0 && !limits_do_not_bind()) ||
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		lock = errno;
	/* A cgroup without real-time bandwidth refuses this (EPERM), root or not. */
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) < 0)
		sched = errno;
	n = sched ? (size_t)snprintf(buf, size, "ordinary scheduling (SCHED_RR: %s)", strerror(sched))
		  : (size_t)snprintf(buf, size, "SCHED_RR %u", priority);
	if (n < size)
		snprintf(buf + n, size - n, lock ? ", memory not locked (%s)" : ", memory locked on fault%.0s",
			 strerror(lock));
}
