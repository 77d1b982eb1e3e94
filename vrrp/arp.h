/* SPDX-License-Identifier: Apache-2.0 */
/* Gratuitous ARP as bytes of an Ethernet frame. Pure. */
#pragma once

#include "agent/base/addr.h"

#include <stdint.h>

enum { ARP_FRAME_LEN = 42 };

/* An ARP request for `vip` from `vip` (RFC 5227 §3, RFC 826), with the target hardware address all-ones as keepalived
 * sends it: some switches learn only from that form. Writes ARP_FRAME_LEN octets. `vip` is IPv4. */
void arp_gratuitous(const uint8_t mac[6], const struct ip_addr *vip, uint8_t frame[ARP_FRAME_LEN]);
