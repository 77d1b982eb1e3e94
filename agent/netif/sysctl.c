/* SPDX-License-Identifier: Apache-2.0 */
/* The few kernel switches of an interface that matter for addresses. They are files in /proc, which never wait; the
 * kernel lets whoever may change addresses (CAP_NET_ADMIN) change these, too. */
#include "agent/netif/netif.h"

#include "agent/base/cleanup.h"

#include <errno.h>
#include <stdio.h>

static FILE *open_sysctl(const struct netif *n, int ifindex, const char *family, const char *name, const char *mode)
{
	const struct netif_link *link = netif_link_by_index(n, ifindex);
	char path[96 + IFNAMSIZ];

	errno = ENODEV;
	if (!link)
		return NULL;
	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link->name, name);
	return fopen(path, mode);
}

/* Read when addresses are announced: nobody tells us when it changes. */
bool netif_forwards6(const struct netif *n, int ifindex)
{
	_cleanup_(fclosep) FILE *f = open_sysctl(n, ifindex, "ipv6", "forwarding", "re");
	int c = f ? fgetc(f) : '0';

	return c >= '1' && c <= '9';
}

int netif_promote_secondaries(const struct netif *n, int ifindex, bool on)
{
	_cleanup_(fclosep) FILE *f = open_sysctl(n, ifindex, "ipv4", "promote_secondaries", "r+e");
	int c;

	if (!f)
		return -errno;
	c = fgetc(f);
	if ((c == '1') == on)
		return 0;
	rewind(f);
	if (fputs(on ? "1" : "0", f) < 0 || fflush(f) != 0)
		return -errno;
	return 1;
}
