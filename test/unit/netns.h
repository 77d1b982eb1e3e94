/* SPDX-License-Identifier: Apache-2.0 */
/* Private networks for tests that need a real kernel: the test moves into a network namespace of its own, joined by a
 * veth pair (v0 here, p0 there) with a second one. Include after "test/unit/unit.h". */
#pragma once

#include "agent/base/loop.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct netns {
	int here, there;
};

/* Runs a shell command, which must succeed. */
static inline void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void shell(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	assert_in_range(vsnprintf(cmd, sizeof(cmd), fmt, ap), 1, sizeof(cmd) - 1);
	va_end(ap);
	if (system(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

static inline bool shell_says(const char *cmd, const char *what)
{
	FILE *f = popen(cmd, "re");
	char line[512];
	bool found = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, what) != NULL;
	assert_int_not_equal(pclose(f), -1);
	return found;
}

static inline void netns_enter(int fd)
{
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
}

static inline int netns_fresh(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	shell("echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad;"
	      "ip link set lo up");
	return fd;
}

/* The kernel says from a work queue, up to a second later, that a link has carrier: what went down before that is never
 * told to have been up. */
static inline void netns_wait_running(const char *link)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t until_us = loop_now_us() + 10000000;
	struct ifreq r = { 0 };

	strcpy(r.ifr_name, link);
	assert_true(fd >= 0);
	while (!(r.ifr_flags & IFF_RUNNING)) {
		assert_true(loop_now_us() < until_us);
		usleep(500);
		assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &r), 0);
	}
	close(fd);
}

/* 192.0.2.11/24 on v0 here, 192.0.2.1/24 on p0 there, both with carrier. Must be called before the test has threads. */
static inline struct netns netns_new(void)
{
	struct netns n;

	n.there = netns_fresh();
	n.here = netns_fresh();
	shell("ip link add v0 type veth peer name p0 netns /proc/%d/fd/%d && ip address add 192.0.2.11/24 dev v0 && "
	      "ip link set v0 up",
	      getpid(), n.there);
	netns_enter(n.there);
	shell("ip address add 192.0.2.1/24 dev p0 && ip link set p0 up");
	netns_wait_running("p0");
	netns_enter(n.here);
	netns_wait_running("v0");
	return n;
}

static inline void netns_done(struct netns *n)
{
	n->here = close_fd(n->here);
	n->there = close_fd(n->there);
}

/* Tests that cannot have a namespace are skipped, not failed. */
static inline bool netns_allowed(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && unshare(CLONE_NEWNET) == 0;

	close_fd(fd);
	if (!ok)
		fputs("skipped: no right to make network namespaces\n", stderr);
	return ok;
}
