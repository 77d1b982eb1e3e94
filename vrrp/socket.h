/* SPDX-License-Identifier: Apache-2.0 */
/* Raw sockets of one interface and family, for a multicast group or for unicast: one to receive, one to send; shared by
 * all instances there. Nothing here blocks. Needs CAP_NET_RAW. */
#pragma once

#include "vrrp/packet.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vrrp_socket {
	int rx; /* -1 when closed */
	int tx;
	int ifindex;
	sa_family_t family;
	bool unicast;
};

/* Opens both sockets on interface `ifindex`, named `ifname`, for the multicast group `group`; with `group` NULL for
 * unicast of `family`. The receiver is bound to the device, hears no groups that it has not joined itself, and lets
 * protocol 112 only through. For a group it is bound to that and joined to it. For unicast it is bound to no address:
 * then it hears no multicast, and what is sent to any address of the interface, also to one that comes or goes while it
 * is open. The sender has loop-back off and drops everything that it could receive. 0 or -errno; nothing stays open on
 * error. */
int vrrp_socket_open(struct vrrp_socket *s, int ifindex, const char *ifname, sa_family_t family,
		     const struct ip_addr *group);
void vrrp_socket_close(struct vrrp_socket *s);

/* One packet as delivered, into buf[0..size) and `*ret`, which points into it. 0, -EAGAIN when there is none, -EMSGSIZE
 * when it was cut (count it and go on), or another -errno. */
int vrrp_socket_recv(struct vrrp_socket *s, uint8_t *buf, size_t size, struct vrrp_packet *ret);

/* Where a packet goes. Over IPv4 `src` and `ttl` stand in the packet itself. */
struct vrrp_route {
	struct ip_addr src, dst;
	uint8_t ttl;
};

/* Sends what vrrp_encode() made. 0 or -errno (-EAGAIN: the queue is full; the advert is lost, as any may be). */
int vrrp_socket_send(struct vrrp_socket *s, const struct vrrp_route *route, const uint8_t *packet, size_t len);
