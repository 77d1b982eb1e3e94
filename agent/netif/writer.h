/* SPDX-License-Identifier: Apache-2.0 */
/* The thread behind netif: takes jobs in order, may wait for the kernel as long as it must, and hands the outcome back
 * through a descriptor. The loop is never held up: what both sides share is a queue under a lock that neither keeps. */
#pragma once

#include "agent/netif/batch.h"

enum netif_job_kind {
	NETIF_JOB_TAKE,
	NETIF_JOB_RELEASE,
	NETIF_JOB_RENEW, /* waits behind all others */
	NETIF_JOB_CALL,  /* run() and nothing else */
};

/* Made and freed by the loop's side. The thread reads what is above `result` and writes `result` and `reqs`, between
 * netif_writer_push() and netif_writer_pop(); `done` and `user` belong to the loop always. */
struct netif_job {
	enum netif_job_kind kind;
	struct netif_job *next; /* in the writer's queues */
	void (*run)(struct netif_job *job);
	uint64_t reset_budget_us;
	uint64_t not_after_us; /* NETIF_JOB_TAKE, NETIF_JOB_RENEW: -ESTALE after that */
	size_t n_reqs;
	struct netif_result result;
	netif_done_fn done;
	void *user;
	struct netif_job *older, *newer; /* the loop's list of jobs not yet reported */
	size_t hint;                     /* where the loop looks first for the address of a notification */
	struct netif_request reqs[];
};

struct netif_writer;

/* Opens the sockets and starts the thread, all signals blocked. 0 or -errno. */
int netif_writer_new(struct netif_writer **ret);
/* Waits for the job in progress. Jobs are not freed: the caller has them all in its own list. */
struct netif_writer *netif_writer_free(struct netif_writer *w);

/* -ENOBUFS if too many are waiting, else 0: the job is the writer's until it comes out of netif_writer_pop(). */
int netif_writer_push(struct netif_writer *w, struct netif_job *job);

/* Readable when a job has ended that is not a renewal that went well. */
int netif_writer_fd(const struct netif_writer *w);
/* The jobs that have ended, oldest first, linked by `next`; NULL if none. Makes the descriptor unreadable. */
struct netif_job *netif_writer_pop(struct netif_writer *w);

/* nlmsg_pid in the notifications of its changes, renewals apart; and in those of renewals. IPv4 only. */
uint32_t netif_writer_port(const struct netif_writer *w);
uint32_t netif_writer_renewal_port(const struct netif_writer *w);
const char *netif_writer_reset_support(const struct netif_writer *w);
