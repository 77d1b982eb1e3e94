/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the neighbours where a VIP lives: gratuitous ARP or, for IPv6, neighbour advertisements, in sets, repeated and
 * refreshed by timers, and paced when there are many addresses. One announcer per instance. Never blocks. */
#pragma once

#include "agent/base/loop.h"
#include "agent/netif/netif.h"
#include "agent/pacing.h"

struct announce;

struct announce_target {
	int ifindex;
	uint8_t mac[6];
	struct ip_addr vip;
	bool router; /* IPv6: what the advertisement says of this host */
};

struct announce_times {
	unsigned repeat;     /* frames per address in the first and the second set */
	uint64_t delay_us;   /* second set after this; 0 = no second set */
	uint64_t refresh_us; /* then a refresh set each; 0 = off */
	unsigned refresh_repeat;
	unsigned again_repeat; /* after an inferior master was heard */
	uint64_t again_delay_us;
	/* Least time between two frames on an interface, see announce_pace(): ARP, neighbour advertisement; 0 = none */
	uint64_t arp_interval_us, na_interval_us;
};

/* The socket that all announcers send from: the kernel takes so long to close one, some 10 ms in which the loop stands
 * still, that none may come and go with an instance. The descriptor is the caller's; or -errno. Needs CAP_NET_RAW. */
int announce_open(void);
/* Borrows the socket. 0 or -errno. */
int announce_new(sd_event *loop, int fd, const struct announce_times *times, struct announce **ret);
struct announce *announce_free(struct announce *a);
/* Nothing is ever sent. */
void announce_mute(struct announce *a);

/* Asked before each frame: false puts it off a little. For whoever may have slept, and must not claim an address that
 * another may have by now. Without it nobody is asked. */
void announce_ask(struct announce *a, bool (*may_send)(void *user), void *user);

/* With whom the interfaces are shared; borrowed. Without it only our own portions are paced. */
void announce_pace(struct announce *a, struct pacing *pacing);

/* Replaces the targets (copied) and starts over: first set now, the rest by timers. */
int announce_start(struct announce *a, const struct announce_target *targets, size_t n);
/* Another pair of sets for the same targets, because a rival was heard. */
void announce_again(struct announce *a);
/* Nothing more is sent; queued frames are dropped. */
void announce_stop(struct announce *a);

/* A single frame for an address that is none of the targets. */
void announce_once(struct announce *a, const struct announce_target *target);

/* One pair of sets for a single address that was put back. */
int announce_one(struct announce *a, const struct announce_target *target);

/* Other numbers and times from now on; sets that are due stay due. */
void announce_reconf(struct announce *a, const struct announce_times *times);
/* This address is not ours any more: what is still owed for it is dropped. */
void announce_drop(struct announce *a, int ifindex, const struct ip_addr *vip);

struct announce_counters {
	uint64_t sent, failed;
};
struct announce_counters announce_counters(const struct announce *a);
