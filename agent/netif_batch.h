/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to addresses, many to a system call. Blocks for as long as the kernel's rtnl lock is held by others: for
 * the writer thread only. */
#pragma once

#include "agent/netif.h"

struct netif_batch;

enum netif_op {
	NETIF_OP_ADD,    /* -EEXIST if the address is there with this prefix length, whatever its other attributes */
	NETIF_OP_REMOVE, /* one that is not there is success */
	NETIF_OP_CLOSE_DOOR, /* drops the address's entry in table local: no packet is taken in for it any more */
};

struct netif_request {
	struct netif_addr addr;
	bool todo; /* requests without it are passed over */
	int error; /* of the last operation: 0 or -errno */
	/* What netif_batch_look() found. */
	bool present, same, door_open;
};

int netif_batch_new(struct netif_batch **ret);
struct netif_batch *netif_batch_free(struct netif_batch *b);

/* Whose changes the notifications show: compare with their nlmsg_pid. */
uint32_t netif_batch_port(const struct netif_batch *b);

/* Carries out `op` for each request that is to do, in order; one that fails does not stop the rest. */
void netif_batch_run(struct netif_batch *b, enum netif_op op, struct netif_request *reqs, size_t n);

/* Reads back: is the address there, with the same scope, and broadcast address and label if given, and its door open? 0
 * or -errno. */
int netif_batch_look(struct netif_batch *b, struct netif_request *reqs, size_t n);
