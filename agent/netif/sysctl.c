/* SPDX-License-Identifier: Apache-2.0 */
/* The few kernel switches of an interface that matter for addresses. They are files in /proc, which never wait; the
 * kernel lets whoever may change addresses (CAP_NET_ADMIN) change these, too. */
#include "agent/netif/sysctl.h"

#include "agent/base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

/* 1 if that was otherwise before, 0 if it was so already, or -errno. */
static int switch_promotion(const struct netif *n, int ifindex, bool on)
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

static struct netif_promoted **find_promoted(struct netif *n, int ifindex)
{
	struct netif_promoted **at = netif_promoted(n);

	while (*at && (*at)->ifindex != ifindex)
		at = &(*at)->next;
	return at;
}

int netif_promote_secondaries(struct netif *n, int ifindex)
{
	struct netif_promoted **at = find_promoted(n, ifindex);
	_cleanup_(freep) struct netif_promoted *fresh = *at ? NULL : calloc(1, sizeof(*fresh));
	int r = *at || fresh ? switch_promotion(n, ifindex, true) : -ENOMEM;

	if (r < 0)
		return r;
	if (fresh) {
		fresh->ifindex = ifindex;
		*at = fresh;
		fresh = NULL;
	}
	(*at)->users++;
	(*at)->ours |= r > 0;
	return 0;
}

void netif_promote_no_more(struct netif *n, int ifindex)
{
	struct netif_promoted **at = find_promoted(n, ifindex), *p = *at;

	if (!p || --p->users > 0)
		return;
	*at = p->next;
	if (p->ours) /* on one that is gone there is nothing to undo */
		(void)switch_promotion(n, ifindex, false);
	free(p);
}
