/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's side of links and addresses: listens to the kernel, keeps the tables, tells what changed, and passes
 * changes on to the writer thread.
 *
 * When the kernel had to drop notifications, the writer thread opens a new view; until it is there the old one is not
 * read, and then the difference is told as if it had been notified. Does not decide whether a lost address matters:
 * that is the instance's business. */
#include "agent/netif/netif.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/netif/netlink.h"
#include "agent/netif/sysctl.h"
#include "agent/netif/view.h"
#include "agent/netif/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <sys/epoll.h>

enum {
	/* Per wake-up; then others have their turn. */
	READS_PER_WAKEUP = 256,
	READING_US = 2000,
	READS_TO_DRAIN = 8192, /* more than the buffer holds; each takes as long as it takes */
	/* A thousand addresses are a thousand notices, and to be woken for each would cost the writer, who has to wake
	 * us, and maybe its core: after some wake-ups the rest of these 5 ms is slept. The first two after 5 ms of
	 * quiet do not wait; beside churn each notice may be up to 5 ms late.
	 *
	 * This also limits how much is read: 100 notices per ms, while the kernel makes 70 to 125. The buffer, which
	 * holds 2500, and a resync are there for those who keep that up. */
	WAKEUPS_BURST = 2,
	WAKEUPS_SPAN_US = 5000,
	RESYNC_RETRY_US = 100 * 1000,
	OVERRUN_LOG_US = 10 * 1000 * 1000,
};

struct netif {
	sd_event *loop;
	struct netif_events events;
	struct netif_writer *writer;
	struct netif_view *view;
	sd_event_source *monitor_src, *ended_src;
	struct netif_job *oldest, *newest; /* handed in and not yet reported */
	bool catching_up;
	bool read_only;
	bool stale;                     /* notifications were lost; the view is behind until the next one is there */
	struct netif_job *resync;       /* while the thread opens that one */
	struct loop_timer resync_retry; /* it failed */
	struct log_limit overrun_log;
	struct netif_promoted *promoted;
};

/* --- what is told ------------------------------------------------------------------------------------------------ */

static void tell_link(const struct netif *n, const struct netif_link *link, bool gone)
{
	if (n->events.link)
		n->events.link(n->events.user, link, gone);
}

static void tell_addr(const struct netif *n, int ifindex, const struct ip_prefix *prefix, bool gone)
{
	if (n->events.addr)
		n->events.addr(n->events.user, ifindex, prefix, gone);
}

/* From one state of a link to the next; NULL = it is not there. A new name is a new link to those who know it by
 * name. */
static void tell_link_change(const struct netif *n, const struct netif_link *before, const struct netif_link *after)
{
	if (before && after && netif_link_equal(before, after))
		return;
	if (before && (!after || strcmp(before->name, after->name) != 0))
		tell_link(n, before, true);
	if (after)
		tell_link(n, after, false);
}

/* --- notifications ------------------------------------------------------------------------------------------------ */

static void resync(struct netif *n);

/* True if a job not yet reported asked for changes to this address. */
static bool asked_for(const struct netif *n, int ifindex, const struct ip_prefix *prefix)
{
	for (struct netif_job *j = n->oldest; j; j = j->newer) {
		if (j->kind == NETIF_JOB_RENEW) /* removes nothing */
			continue;
		for (size_t i = 0; i < j->n_reqs; i++) {
			/* Notifications come in the order of the requests: go on where the last one was found. */
			size_t at = (j->hint + i) % j->n_reqs;
			const struct netif_addr *a = &j->reqs[at].addr;

			if (a->ifindex == ifindex && a->prefix.len == prefix->len &&
			    ip_equal(&a->prefix.addr, &prefix->addr)) {
				j->hint = at + 1;
				return true;
			}
		}
	}
	return false;
}

/* Removals carry the port of the socket that asked, also for the secondary addresses that a removed primary takes
 * along; those nobody asked for. IPv6 notifications carry no port. */
static bool ours(const struct netif *n, const struct nlmsghdr *h, const struct netif_addr *a)
{
	return (a->prefix.addr.family == AF_INET6 || h->nlmsg_pid == netif_writer_port(n->writer)) &&
	       asked_for(n, a->ifindex, &a->prefix);
}

static void on_link(struct netif *n, const struct netif_link *link, bool gone)
{
	struct netif_cache *c = &n->view->cache;
	struct netif_cached *l = netif_cache_find(c, link->ifindex);
	bool known = l != NULL;
	struct netif_link before;

	if (known)
		before = l->link;
	if (!gone) {
		int r = netif_cache_put_link(c, link);

		if (r < 0)
			resync(n);
		else if (r > 0)
			tell_link_change(n, known ? &before : NULL, link);
		return;
	}
	/* The kernel removes the addresses first; should any notice be missing, they are gone all the same. */
	while (known && (l = netif_cache_find(c, link->ifindex)) && l->n_addrs > 0) {
		struct ip_prefix prefix = l->addrs[l->n_addrs - 1].prefix;

		l->n_addrs--;
		tell_addr(n, link->ifindex, &prefix, true);
	}
	if (netif_cache_drop_link(c, link->ifindex) > 0)
		tell_link_change(n, &before, NULL);
}

static void on_addr(struct netif *n, const struct nlmsghdr *h, const struct netif_addr *a, bool gone)
{
	struct netif_cache *c = &n->view->cache;
	int r = gone ? netif_cache_drop_addr(c, a->ifindex, &a->prefix)
		     : netif_cache_put_addr(c, a->ifindex, &a->prefix, netif_addr_presence(a));

	if (r < 0)
		resync(n);
	else if (r > 0 && !(gone && ours(n, h, a)))
		tell_addr(n, a->ifindex, &a->prefix, gone);
}

/* Reads at most `reads` datagrams, and none after `until_us`. Handing on an event may not close the view: that happens
 * in on_ended() only. */
static void read_monitor(struct netif *n, int reads, uint64_t until_us)
{
	struct netif_view *v = n->view;

	while (!n->stale && reads-- > 0 && loop_now_us() < until_us) {
		ssize_t got = netlink_receive(v->monitor, v->in, sizeof(v->in), MSG_DONTWAIT);
		int left = (int)got;

		if (got == -EAGAIN)
			return;
		if (got < 0) {
			resync(n);
			return;
		}
		for (struct nlmsghdr *h = (struct nlmsghdr *)v->in; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			struct netif_link link;
			struct netif_addr addr;
			bool gone;

			if (netif_msg_link(h, &link, &gone))
				on_link(n, &link, gone);
			else if (netif_msg_addr(h, &addr, &gone))
				on_addr(n, h, &addr, gone);
		}
	}
}

static int on_monitor(sd_event_source *s, int fd, uint32_t events, void *user)
{
	(void)s, (void)fd, (void)events;
	read_monitor(user, READS_PER_WAKEUP, loop_now_us() + READING_US);
	return 0;
}

static int watch_view(struct netif *n)
{
	int r;

	n->monitor_src = sd_event_source_disable_unref(n->monitor_src);
	r = loop_io(n->loop, &n->monitor_src, nl_socket_get_fd(n->view->monitor), EPOLLIN, LOOP_RANK_NET, on_monitor,
		    n);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(n->monitor_src, WAKEUPS_SPAN_US, WAKEUPS_BURST);
	if (r < 0) /* its descriptor is about to be closed */
		n->monitor_src = sd_event_source_disable_unref(n->monitor_src);
	return r;
}

/* --- a new view after an overrun ---------------------------------------------------------------------------------- */

static void open_in_thread(struct netif_job *job)
{
	struct netif_view *v = job->user;

	v->error = netif_view_open(v);
}

static void try_resync(void *user, uint64_t due_us)
{
	struct netif *n = user;
	struct netif_view *v = calloc(1, sizeof(*v));
	struct netif_job *j = v ? calloc(1, sizeof(*j)) : NULL;

	(void)due_us;
	if (j) {
		v->deaf_to = netif_writer_renewal_port(n->writer);
		*j = (struct netif_job){ .kind = NETIF_JOB_CALL, .run = open_in_thread, .user = v };
		n->resync = j;
		if (netif_writer_push(n->writer, j) == 0)
			return;
		n->resync = NULL;
	}
	free(j);
	netif_view_free(v);
	loop_timer_in(&n->resync_retry, RESYNC_RETRY_US);
}

static void resync(struct netif *n)
{
	uint64_t suppressed;

	if (n->stale)
		return;
	n->stale = true;
	sd_event_source_set_enabled(n->monitor_src, SD_EVENT_OFF);
	if (log_limit_pass(&n->overrun_log, loop_now_us(), OVERRUN_LOG_US, &suppressed))
		log_warn("netlink: the kernel dropped notifications, reading all links and addresses again");
	try_resync(n, 0);
}

static void tell_difference(const struct netif *n, const struct netif_cache *before, const struct netif_cache *after)
{
	for (size_t i = 0; i < before->n_links; i++) {
		const struct netif_cached *b = &before->links[i], *a = netif_cache_find(after, b->link.ifindex);

		for (size_t k = 0; k < b->n_addrs; k++)
			if (!a || netif_cached_presence(a, &b->addrs[k].prefix) == NETIF_ABSENT)
				tell_addr(n, b->link.ifindex, &b->addrs[k].prefix, true);
		if (!a)
			tell_link_change(n, &b->link, NULL);
	}
	for (size_t i = 0; i < after->n_links; i++) {
		const struct netif_cached *a = &after->links[i], *b = netif_cache_find(before, a->link.ifindex);

		tell_link_change(n, b ? &b->link : NULL, &a->link);
		for (size_t k = 0; k < a->n_addrs; k++)
			if (!b || netif_cached_presence(b, &a->addrs[k].prefix) != a->addrs[k].presence)
				tell_addr(n, a->link.ifindex, &a->addrs[k].prefix, false);
	}
}

static void finish_resync(struct netif *n, struct netif_job *j)
{
	struct netif_view *fresh = j->user, *old = n->view;

	n->resync = NULL;
	free(j);
	if (fresh->error == 0) {
		n->view = fresh;
		fresh->error = watch_view(n);
	}
	if (fresh->error < 0) {
		n->view = old;
		netif_view_free(fresh);
		loop_timer_in(&n->resync_retry, RESYNC_RETRY_US);
		return;
	}
	n->stale = false;
	tell_difference(n, &old->cache, &fresh->cache);
	netif_view_free(old);
}

/* --- jobs --------------------------------------------------------------------------------------------------------- */

static void unlink_job(struct netif *n, struct netif_job *j)
{
	*(j->older ? &j->older->newer : &n->oldest) = j->newer;
	*(j->newer ? &j->newer->older : &n->newest) = j->older;
}

/* While the view is behind, what the job did will not be notified: enter it by hand, for a removal that shows up only
 * as a difference would look like somebody else's. */
static void enter_outcome(struct netif *n, const struct netif_job *j)
{
	for (size_t i = 0; i < j->n_reqs; i++) {
		const struct netif_addr *a = &j->reqs[i].addr;

		if (j->reqs[i].error != 0)
			continue;
		/* It may be under duplicate detection, and remains so. */
		if (j->kind == NETIF_JOB_RENEW && netif_presence(n, a->ifindex, &a->prefix) != NETIF_ABSENT)
			continue;
		if (j->kind == NETIF_JOB_TAKE || j->kind == NETIF_JOB_RENEW)
			(void)netif_cache_put_addr(&n->view->cache, a->ifindex, &a->prefix,
						   a->dad && j->kind == NETIF_JOB_TAKE ? NETIF_TENTATIVE
										       : NETIF_PRESENT);
		else
			(void)netif_cache_drop_addr(&n->view->cache, a->ifindex, &a->prefix);
	}
}

/* The kernel tells of an IPv6 address only when it is through with it: in a moment, or after duplicate detection. */
static void expect_addrs(struct netif *n, const struct netif_job *j)
{
	for (size_t i = 0; i < j->n_reqs; i++) {
		const struct netif_addr *a = &j->reqs[i].addr;

		if (a->prefix.addr.family == AF_INET6 && j->reqs[i].error == 0 &&
		    netif_presence(n, a->ifindex, &a->prefix) == NETIF_ABSENT)
			(void)netif_cache_put_addr(&n->view->cache, a->ifindex, &a->prefix, NETIF_TENTATIVE);
	}
}

static void finish_job(struct netif *n, struct netif_job *j)
{
	netif_done_fn done;
	struct netif_result result = j->result;
	void *user = j->user;

	/* The kernel notified while it worked: read that first, so that netif_has() is right in done(). A renewal
	 * brings and removes nothing. */
	if (j->kind != NETIF_JOB_RENEW)
		read_monitor(n, READS_TO_DRAIN, UINT64_MAX);
	if (n->stale)
		enter_outcome(n, j);
	else if (j->kind == NETIF_JOB_TAKE)
		expect_addrs(n, j);
	done = j->done; /* an event may have led to netif_forget() */
	unlink_job(n, j);
	free(j);
	if (done)
		done(user, &result);
}

void netif_catch_up(struct netif *n)
{
	struct netif_job *next;

	if (n->catching_up) /* called by one of those that are told: the others come first */
		return;
	n->catching_up = true;
	for (struct netif_job *j = netif_writer_pop(n->writer); j; j = next) {
		next = j->next;
		if (j->kind == NETIF_JOB_CALL)
			finish_resync(n, j);
		else
			finish_job(n, j);
	}
	n->catching_up = false;
}

static int on_ended(sd_event_source *s, int fd, uint32_t events, void *user)
{
	(void)s, (void)fd, (void)events;
	netif_catch_up(user);
	return 0;
}

void netif_set_read_only(struct netif *n)
{
	n->read_only = true;
}

static int hand_in(struct netif *n, enum netif_job_kind kind, const struct netif_addr *addrs, size_t n_addrs,
		   uint64_t limit_us, netif_done_fn done, void *user)
{
	struct netif_job *j;
	int r;

	if (n->read_only) /* a job that asks for nothing */
		n_addrs = 0;
	j = calloc(1, sizeof(*j) + n_addrs * sizeof(j->reqs[0]));
	if (!j)
		return -ENOMEM;
	j->kind = kind;
	j->reset_budget_us = kind == NETIF_JOB_RELEASE ? limit_us : 0;
	j->not_after_us = limit_us;
	j->done = done;
	j->user = user;
	j->n_reqs = n_addrs;
	for (size_t i = 0; i < n_addrs; i++)
		j->reqs[i].addr = addrs[i];
	r = netif_writer_push(n->writer, j);
	if (r < 0) {
		free(j);
		return r;
	}
	j->older = n->newest;
	*(n->newest ? &n->newest->newer : &n->oldest) = j;
	n->newest = j;
	return 0;
}

int netif_take(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t not_after_us,
	       netif_done_fn done, void *user)
{
	return hand_in(n, NETIF_JOB_TAKE, addrs, n_addrs, not_after_us, done, user);
}

int netif_release(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t reset_budget_us,
		  netif_done_fn done, void *user)
{
	return hand_in(n, NETIF_JOB_RELEASE, addrs, n_addrs, reset_budget_us, done, user);
}

int netif_renew(struct netif *n, const struct netif_addr *addrs, size_t n_addrs, uint64_t not_after_us,
		netif_done_fn done, void *user, size_t *n_portions)
{
	int r = 0;

	*n_portions = 0;
	for (size_t i = 0, size; r == 0 && i < n_addrs; i += size) {
		size = n_addrs - i < NETIF_BATCH_MAX_IPV6 ? n_addrs - i : NETIF_BATCH_MAX_IPV6;
		r = hand_in(n, NETIF_JOB_RENEW, addrs + i, size, not_after_us, done, user);
		*n_portions += r == 0;
	}
	return r;
}

void netif_forget(struct netif *n, void *user)
{
	for (struct netif_job *j = n->oldest; j; j = j->newer)
		if (j->user == user)
			j->done = NULL;
}

/* --- the object --------------------------------------------------------------------------------------------------- */

int netif_new(sd_event *loop, const struct netif_events *events, struct netif **ret)
{
	struct netif *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->loop = sd_event_ref(loop);
	n->events = *events;
	r = netif_writer_new(&n->writer);
	n->view = r == 0 ? calloc(1, sizeof(*n->view)) : NULL;
	if (r == 0 && !n->view)
		r = -ENOMEM;
	if (r == 0) {
		n->view->deaf_to = netif_writer_renewal_port(n->writer);
		r = netif_view_open(n->view);
	}
	if (r == 0)
		r = loop_timer_init(&n->resync_retry, loop, LOOP_RANK_NET, 1000, try_resync, n);
	if (r == 0)
		r = watch_view(n);
	if (r == 0)
		r = loop_io(loop, &n->ended_src, netif_writer_fd(n->writer), EPOLLIN, LOOP_RANK_DEATH, on_ended, n);
	if (r < 0)
		n = netif_free(n);
	*ret = n;
	return r;
}

struct netif *netif_free(struct netif *n)
{
	if (!n)
		return NULL;
	n->monitor_src = sd_event_source_disable_unref(n->monitor_src);
	n->ended_src = sd_event_source_disable_unref(n->ended_src);
	loop_timer_done(&n->resync_retry);
	netif_writer_free(n->writer);
	while (n->oldest) {
		struct netif_job *j = n->oldest;

		unlink_job(n, j);
		free(j);
	}
	if (n->resync)
		netif_view_free(n->resync->user);
	free(n->resync);
	while (n->promoted) {
		struct netif_promoted *p = n->promoted;

		n->promoted = p->next;
		free(p);
	}
	netif_view_free(n->view);
	sd_event_unref(n->loop);
	free(n);
	return NULL;
}

const struct netif_link *netif_link_by_name(const struct netif *n, const char *name)
{
	const struct netif_cache *c = &n->view->cache;

	for (size_t i = 0; i < c->n_links; i++)
		if (strcmp(c->links[i].link.name, name) == 0)
			return &c->links[i].link;
	return NULL;
}

const struct netif_link *netif_link_by_index(const struct netif *n, int ifindex)
{
	const struct netif_cached *l = netif_cache_find(&n->view->cache, ifindex);

	return l ? &l->link : NULL;
}

bool netif_source(const struct netif *n, int ifindex, sa_family_t family,
		  bool (*skip)(void *user, const struct ip_addr *addr), void *user, struct ip_addr *ret)
{
	const struct netif_cached *l = netif_cache_find(&n->view->cache, ifindex);

	for (size_t i = 0; l && i < l->n_addrs; i++) {
		const struct ip_addr *a = &l->addrs[i].prefix.addr;

		if (a->family != family || l->addrs[i].presence != NETIF_PRESENT || (skip && skip(user, a)))
			continue;
		*ret = *a;
		return true;
	}
	return false;
}

enum netif_presence netif_presence(const struct netif *n, int ifindex, const struct ip_prefix *prefix)
{
	const struct netif_cached *l = netif_cache_find(&n->view->cache, ifindex);

	return l ? netif_cached_presence(l, prefix) : NETIF_ABSENT;
}

bool netif_has(const struct netif *n, int ifindex, const struct ip_prefix *prefix)
{
	return netif_presence(n, ifindex, prefix) == NETIF_PRESENT;
}

static bool same_subnet4(const struct ip_prefix *a, const struct ip_prefix *b)
{
	unsigned whole = a->len / 8, rest = a->len % 8;

	return a->addr.family == AF_INET && b->addr.family == AF_INET && a->len == b->len &&
	       memcmp(a->addr.bytes, b->addr.bytes, whole) == 0 &&
	       (rest == 0 || ((a->addr.bytes[whole] ^ b->addr.bytes[whole]) & 0xff00 >> rest & 0xff) == 0);
}

/* Either switch suffices (IN_DEV_ORCONF). Reading /proc/sys never waits for a disk. */
static bool promotes_secondaries(const char *link)
{
	const char *const names[] = { "all", link };
	char path[128], value;

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_(close_fdp) int fd = -1;

		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/promote_secondaries", names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, &value, 1) == 1 && value != '0')
			return true;
	}
	return false;
}

bool netif_takes_along(const struct netif *n, int ifindex, const struct ip_prefix *prefix,
		       bool (*skip)(void *user, const struct ip_addr *addr), void *user)
{
	const struct netif_cached *l = netif_cache_find(&n->view->cache, ifindex);
	bool primary = false;

	/* Of a subnet's addresses the kernel has the primary first; a host address is a subnet of its own. */
	for (size_t i = 0; l && prefix->addr.family == AF_INET && prefix->len < 32 && i < l->n_addrs; i++) {
		if (!same_subnet4(&l->addrs[i].prefix, prefix))
			continue;
		if (!primary && !ip_equal(&l->addrs[i].prefix.addr, &prefix->addr))
			return false;
		if (primary && !(skip && skip(user, &l->addrs[i].prefix.addr)))
			return !promotes_secondaries(l->link.name);
		primary = true;
	}
	return false;
}

struct netif_promoted **netif_promoted(struct netif *n)
{
	return &n->promoted;
}

const char *netif_reset_support(const struct netif *n)
{
	return netif_writer_reset_support(n->writer);
}
