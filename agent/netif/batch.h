/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to addresses, many to a system call. Blocks for as long as the kernel's rtnl lock is held by others: for
 * the writer thread only. */
#pragma once

#include "agent/netif/netif.h"

struct netif_batch;

enum netif_op {
	NETIF_OP_ADD,    /* -EEXIST if the address is there with this prefix length, whatever its other attributes */
	NETIF_OP_RENEW,  /* sets the lifetime; -EADDRNOTAVAIL if the address is not there */
	NETIF_OP_REMOVE, /* one that is not there is success */
	NETIF_OP_CLOSE_DOOR, /* drops the address's entry in table local: no packet is taken in for it any more */
};

struct netif_request {
	struct netif_addr addr;
	int error; /* of the last operation: 0 or -errno; set by the flush */
	/* What netif_batch_look() found. */
	bool present, same, door_open;
	uint32_t lifetime_s; /* what is left of its lifetime; 0 = for ever */
};

int netif_batch_new(struct netif_batch **ret);
struct netif_batch *netif_batch_free(struct netif_batch *b);

/* Whose changes the notifications show: compare with their nlmsg_pid. */
uint32_t netif_batch_port(const struct netif_batch *b);

/* Requests that fit into one send. */
enum { NETIF_BATCH_MAX = 256, NETIF_BATCH_MAX_IPV6 = 50 };

/* Puts a request into the batch, which is carried out when it is full or by netif_batch_flush(), in order; one that
 * fails does not stop the rest. `q` is borrowed until then. */
void netif_batch_add(struct netif_batch *b, enum netif_op op, struct netif_request *q);
void netif_batch_flush(struct netif_batch *b);

/* Reads back: is the address there, with the same scope, and broadcast address and label if given, and its door open?
 * 0 or -errno; -EAGAIN: the tables would not hold still, so that what seems missing may be there. */
int netif_batch_look(struct netif_batch *b, struct netif_request *const *qs, size_t n);
