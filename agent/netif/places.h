/* SPDX-License-Identifier: Apache-2.0 */
/* All addresses of this host with the interfaces that they are on, asked for once: for who looks for one that is not
 * where it was configured. */
#pragma once

#include "agent/netif/netif.h"

/* IFA_PROTO (since Linux 5.18, ignored before): VRRP's protocol number marks our addresses in `ip address`. */
enum { NETIF_PROTO_OURS = 112 };

struct netif_place {
	int ifindex;
	struct ip_prefix prefix;
	bool marked; /* an agent of ours put it there */
};

/* Zeroed memory is an empty list. */
struct netif_places {
	struct netif_place *all;
	size_t n;
};

/* Reads them; blocks for as long as others hold the kernel's locks. 0 or -errno. */
int netif_places_read(struct netif_places *ret);
void netif_places_done(struct netif_places *p);

/* Where exactly this address with this prefix length is, a marked one rather than another; NULL: nowhere. */
const struct netif_place *netif_places_find(const struct netif_places *p, const struct ip_prefix *prefix);
