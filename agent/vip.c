/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the words of an address line become what netif is asked for. */
#include "agent/vip.h"

struct netif_addr vip_addr(const struct conf_vip *vip, int ifindex)
{
	struct netif_addr a = {
		.ifindex = ifindex,
		.prefix = vip->prefix,
		.brd = vip->brd,
		.scope = vip->scope,
		.peer = vip->peer,
		.flags = vip->flags,
		.dad = vip->dad,
		.has_preferred = vip->has_preferred,
		.preferred_lft = vip->preferred_s,
	};

	memcpy(a.label, vip->label, sizeof(a.label));
	return a;
}
