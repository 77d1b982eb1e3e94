/* SPDX-License-Identifier: Apache-2.0 */
/* Links and addresses of this host, over libnl-route: what is there (a cache fed by kernel notifications, re-read in
 * full after an overrun), and changes to it.
 *
 * Changes are asynchronous. An rtnetlink write runs in the caller under the kernel's rtnl lock and may wait for it for
 * tens of milliseconds; so a batch goes to a writer thread, which reports completion through an eventfd. Batches are
 * carried out in the order in which they were handed in.
 *
 * netif.c is the loop's side (events, tables), writer.c the thread (order of acts), batch.c the requests,
 * sockdiag.c the reset of connections, cache.c the tables, places.c a look beyond them, netlink.c the sockets. libnl
 * stays inside these. */
#pragma once

#include "agent/base/addr.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct netif;

struct netif_link {
	int ifindex;
	char name[IFNAMSIZ];
	uint8_t mac[6];
	bool has_mac; /* Ethernet-like, six octets */
	bool up;      /* IFF_UP and IFF_RUNNING */
	bool noarp;
	unsigned mtu;
};

struct netif_addr {
	int ifindex;
	struct ip_prefix prefix;
	struct in_addr brd;   /* 0 = none */
	char label[IFNAMSIZ]; /* empty = none */
	uint32_t lifetime_s;  /* after which the kernel removes it unless it is renewed; 0 = never */
	uint8_t scope;        /* RT_SCOPE_*; IPv4 */
	struct ip_addr peer;  /* the other end, if point to point; the prefix length is then that end's */
	uint32_t flags;       /* IFA_F_*; of those asked for, NETIF_ADDR_FLAGS count */
	/* IPv6 */
	bool dad;               /* duplicate detection, for a second after it was added; else IFA_F_NODAD */
	bool has_preferred;     /* else 0 for host addresses, so that none is the source of new connections; forever for
				   others */
	uint32_t preferred_lft; /* seconds, anew with each renewal; UINT32_MAX = forever */
};

/* The flags that may be asked for. */
#define NETIF_ADDR_FLAGS (IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE)

/* The kernel has it and it is in use; or it still looks for duplicates, and nothing may be sent from it. */
enum netif_presence { NETIF_ABSENT, NETIF_TENTATIVE, NETIF_PRESENT };

/* What happened outside; called from the loop. Pointers are valid during the call. */
struct netif_events {
	/* A link appeared, vanished (`gone`), or changed its flags, MAC or MTU. */
	void (*link)(void *user, const struct netif_link *link, bool gone);
	/* An address was added, became usable, was removed or turned out to be a duplicate, by whomever, except
	   removals that a batch of ours asked for. */
	void (*addr)(void *user, int ifindex, const struct ip_prefix *prefix, bool gone);
	void *user;
};

/* Opens the sockets, subscribes, dumps links and addresses (synchronously: call before the loop runs), starts the
 * writer thread. What is there at that time is not told as events. Call with the rights (CAP_NET_ADMIN) and the user
 * that are to stay: capabilities belong to threads. 0 or -errno. */
int netif_new(sd_event *loop, const struct netif_events *events, struct netif **ret);
/* Waits for the batch in progress (bounded by the kernel's rtnl lock), drops the others. */
struct netif *netif_free(struct netif *n);

/* NULL if there is no such link. The pointer is valid until the loop runs again. */
const struct netif_link *netif_link_by_name(const struct netif *n, const char *name);
const struct netif_link *netif_link_by_index(const struct netif *n, int ifindex);

/* The first usable address of `family` on the link for which skip() is false; the source of adverts. False if none. */
bool netif_source(const struct netif *n, int ifindex, sa_family_t family,
		  bool (*skip)(void *user, const struct ip_addr *addr), void *user, struct ip_addr *ret);

/* Whether exactly this address with this prefix length is on the link, as far as the kernel has told us. */
enum netif_presence netif_presence(const struct netif *n, int ifindex, const struct ip_prefix *prefix);
/* NETIF_PRESENT. */
bool netif_has(const struct netif *n, int ifindex, const struct ip_prefix *prefix);

/* Whether the host forwards IPv6 packets that arrive at the link: then its neighbour advertisements say "router". */
bool netif_forwards6(const struct netif *n, int ifindex);

/* Secondary IPv4 addresses stay when the primary of their subnet is removed, from now on until all who asked for it on
 * this interface want it no more; then it is as before again. 0, or -errno: then nothing is to be undone. */
int netif_promote_secondaries(struct netif *n, int ifindex);
void netif_promote_no_more(struct netif *n, int ifindex);

/* Outcome of a batch. */
struct netif_result {
	int error;          /* 0, or -errno of the first request that failed */
	size_t failed;      /* how many did */
	size_t resets;      /* connections reset (release) */
	uint64_t queued_us; /* when it was handed in, began and ended; CLOCK_MONOTONIC */
	uint64_t began_us, ended_us;
	bool reset_cut_short; /* the time for resets ran out before all were done */
};
typedef void (*netif_done_fn)(void *user, const struct netif_result *result);

/* Adds the addresses. Idempotent: one that is there with the same attributes is success. The array is copied. `done`
 * is called from the loop, never from within; netif_presence() is up to date then, an IPv6 address NETIF_TENTATIVE
 * until the kernel tells that it is in use. Not begun after `not_after_us` (CLOCK_MONOTONIC; -ESTALE, and nothing was
 * added): who stood still between asking and this has lost the right to them. 0, -ENOMEM, or -ENOBUFS if thousands of
 * batches are waiting already. */
int netif_take(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t not_after_us,
	       netif_done_fn done, void *user);

/* Sets the lifetimes of addresses that are there, and never adds one: an address that was lost meanwhile counts as
 * failed
 * (-EADDRNOTAVAIL). Done in portions, so that a take or release that is handed in later still comes first, and not at
 * all after `not_after_us` (CLOCK_MONOTONIC; -ESTALE). `done` is called for each portion; `*n_portions` says how often.
 * What the kernel notifies about it is no event. Returns as netif_take(); after an error some portions may be under
 * way, `*n_portions` of them.
 *
 * A portion that went well does not wake the loop: `done` is then called in netif_catch_up(), or when something else
 * has ended. */
int netif_renew(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t not_after_us,
		netif_done_fn done, void *user, size_t *n_portions);

/* Calls `done` of all that has ended, as the loop does when it is woken. */
void netif_catch_up(struct netif *n);

/* True if the kernel, on removing this address when its lifetime is over, would remove others with it: it is the
 * primary of its subnet, `skip` (may be NULL) is false for one of the secondaries, and the interface does not promote
 * them. IPv4 only. */
bool netif_takes_along(const struct netif *n, int ifindex, const struct ip_prefix *prefix,
		       bool (*skip)(void *user, const struct ip_addr *addr), void *user);

/* Closes the door (removes each address's entry in table local, so that nothing new arrives), resets the TCP
 * connections on the addresses (SOCK_DIAG: AF_INET, and AF_INET6 for mapped addresses; listening sockets are spared;
 * for at most `reset_budget_us`, 0 = none), removes the addresses. Idempotent: one that is not there is success, and
 * its connections are reset all the same (unanswered by then: without the address no RST leaves). Releases that wait
 * one behind the other share one search for connections and the largest of their budgets. Returns as netif_take(). */
int netif_release(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t reset_budget_us,
		  netif_done_fn done, void *user);

/* From now on nothing is written to the kernel: what is handed in ends at once, as a success. */
void netif_set_read_only(struct netif *n);

/* Forgets the completion of everything that was handed in with `user`: it still runs, `done` is not called. */
void netif_forget(struct netif *n, void *user);

/* "destroying connections: available" or why it is not; for status. */
const char *netif_reset_support(const struct netif *n);
