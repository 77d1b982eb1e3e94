/* SPDX-License-Identifier: Apache-2.0 */
/* Raw IPv4 sockets for one (interface, multicast group): one to receive, one to send; shared by all instances there.
 * Nothing here blocks. Needs CAP_NET_RAW. */
#pragma once

#include "agent/base/addr.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vrrp_socket {
	int rx; /* -1 when closed */
	int tx;
	int ifindex;
};

/* Opens both sockets on interface `ifindex`, named `ifname`. The receiver has a filter that passes protocol 112 only
 * (a pure optimisation), is bound to device and group, has IP_MULTICAST_ALL off and is joined to the group; the sender
 * has IP_HDRINCL, loop-back off and drops everything that it could receive. 0 or -errno; nothing stays open on error.
 */
int vrrp_socket_open(struct vrrp_socket *s, int ifindex, const char *ifname, const struct ip_addr *group);
void vrrp_socket_close(struct vrrp_socket *s);

/* One packet as delivered, IP header included. Length, -EAGAIN when there is none, -EMSGSIZE when it was cut
 * (count it and go on), or another -errno. */
ssize_t vrrp_socket_recv(struct vrrp_socket *s, uint8_t *buf, size_t size);

/* Sends a complete IPv4 packet to `dst`. 0 or -errno (-EAGAIN: the queue is full; the advert is lost, as any may be).
 */
int vrrp_socket_send(struct vrrp_socket *s, const struct ip_addr *dst, const uint8_t *packet, size_t len);
