/* SPDX-License-Identifier: Apache-2.0 */
/* Gratuitous ARP and unsolicited neighbour advertisements as bytes of an Ethernet frame. Pure. */
#pragma once

#include "agent/base/addr.h"

#include <stdbool.h>
#include <stdint.h>

enum { ARP_FRAME_LEN = 42, NA_FRAME_LEN = 86 };

/* An ARP request for `vip` from `vip` (RFC 5227 §3, RFC 826), with the target hardware address all-ones as keepalived
 * sends it: some switches learn only from that form. Writes ARP_FRAME_LEN octets. `vip` is IPv4. */
void arp_gratuitous(const uint8_t mac[6], const struct ip_addr *vip, uint8_t frame[ARP_FRAME_LEN]);

/* A neighbour advertisement that nobody asked for (RFC 4861 §4.4, §7.2.6): `vip` is at `mac` now, whatever the
 * neighbours have in their caches. `router`: the host forwards IPv6. Writes NA_FRAME_LEN octets. `vip` is IPv6. */
void na_unsolicited(const uint8_t mac[6], const struct ip_addr *vip, bool router, uint8_t frame[NA_FRAME_LEN]);
