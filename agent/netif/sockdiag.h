/* SPDX-License-Identifier: Apache-2.0 */
/* Resets TCP connections by their local address (NETLINK_SOCK_DIAG, SOCK_DESTROY): both ends get an error at once.
 * Listening sockets are spared. Blocks while the kernel walks its socket tables: for the writer thread only. */
#pragma once

#include "agent/base/addr.h"

#include <stddef.h>

struct sockdiag;

/* Opens the sockets and asks the kernel whether it can do it, which also loads its module. 0 or -errno; a kernel that
 * cannot is no error. */
int sockdiag_new(struct sockdiag **ret);
struct sockdiag *sockdiag_free(struct sockdiag *d);

/* "available", or why not. */
const char *sockdiag_support(const struct sockdiag *d);

struct sockdiag_target {
	struct ip_addr addr;
	size_t *resets; /* incremented for each connection that was reset; several targets may share it */
};

/* Resets the connections on the targets, IPv4 ones also where the server's socket is an IPv6 one. Sorts the targets.
 * False if `until_us` (CLOCK_MONOTONIC) came before all were done, or the kernel refused. */
bool sockdiag_reset(struct sockdiag *d, struct sockdiag_target *targets, size_t n, uint64_t until_us);
