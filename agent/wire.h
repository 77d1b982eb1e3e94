/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that instances share: one pair for each (interface, family, group), opened when the interface is there
 * and again when it comes back under a new index; unicast is a group of its own. Packets are handed to the instance
 * that has their VRID; nothing is judged here. Each wake-up reads a bounded number of packets, so that a flood cannot
 * keep the loop from its timers. */
#pragma once

#include "agent/netif/netif.h"
#include "vrrp/socket.h"

struct wires;
struct wire;

/* An instance on a wire, and how to reach it. */
struct wire_station {
	uint8_t vrid;
	/* A packet with the instance's VRID. */
	void (*rx)(void *user, const struct vrrp_packet *packet);
	/* Where unicast instances share a VRID: is the packet from one of its peers? NULL on multicast. */
	bool (*knows)(void *user, const struct vrrp_packet *packet);
	void *user;
};

struct wire_counters {
	uint64_t vrid_err; /* nobody here has that VRID */
	uint64_t rx_trunc; /* longer than any advert can be */
	uint64_t rx_err;   /* the kernel reported an error */
};

/* `netif` is borrowed and tells which interfaces exist. Sockets that could not be opened are tried again each second;
 * `opened` is called when that succeeds. 0 or -errno. */
int wires_new(sd_event *loop, struct netif *netif, void (*opened)(void *user), void *user, struct wires **ret);
struct wires *wires_free(struct wires *w);
/* Whether packets for nobody here are logged, a line a second at most. They are counted in any case. */
void wires_log_unknown(struct wires *w, bool on);
/* From now on nothing is sent; wire_send() does as if. */
void wires_mute(struct wires *w);
/* To be called for each link event: opens and closes sockets. */
void wires_on_link(struct wires *w, const struct netif_link *link, bool gone);

/* A station is to join the wire of (interface, family, group); `group` NULL: that of unicast. From now on the sockets
 * are open, but it hears nothing before wire_enter(): another may still have its VRID. The station is copied. A missing
 * interface, or sockets that cannot be opened now, are no error: see wire_is_open(). 0, -ENOMEM, -EPERM, or -EMFILE and
 * -ENFILE: this process or the host has too many files open. */
int wire_expect(struct wires *w, const char *ifname, sa_family_t family, const struct ip_addr *group,
		const struct wire_station *station, struct wire **ret);
/* Now it hears. In a multicast group no other may have its VRID. */
void wire_enter(struct wire *wire, const void *user);
/* Also if it was only expected. */
void wire_leave(struct wire *wire, const void *user);
/* False: nothing is heard, and nothing that we say leaves. */
bool wire_is_open(const struct wire *wire);

/* 0, -ENODEV while the interface is missing, or -errno. */
int wire_send(struct wire *wire, const struct vrrp_route *route, const uint8_t *packet, size_t len);
/* Hands out what has arrived by now, bounded: for a timer that must not act on old news. */
void wire_drain(struct wire *wire);

struct wire_counters wire_counters(const struct wire *wire);
