/* SPDX-License-Identifier: Apache-2.0 */
/* What sysctl.c remembers of the switches that it has set; netif.c keeps it. */
#pragma once

#include "agent/netif/netif.h"

/* An interface on which somebody of us relies on promote_secondaries. */
struct netif_promoted {
	struct netif_promoted *next;
	int ifindex;
	size_t users;
	bool ours; /* it was off before */
};

/* The head of the list. */
struct netif_promoted **netif_promoted(struct netif *n);
