/* SPDX-License-Identifier: Apache-2.0 */
/* A configured address as something that an interface has. */
#pragma once

#include "agent/conf/conf.h"
#include "agent/netif/netif.h"

struct netif_addr vip_addr(const struct conf_vip *vip, int ifindex);
