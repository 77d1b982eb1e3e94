/* SPDX-License-Identifier: Apache-2.0 */
/* One look at every configured address, one release for each instance, with the connections on it reset. Does nothing
 * while an agent runs: then the addresses are its own business. */
#include "agent/process/sweep.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/control.h"
#include "agent/load.h"
#include "agent/netif/netif.h"
#include "agent/netif/places.h"
#include "agent/netif/writer.h"
#include "agent/vip.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { RESET_BUDGET_US = 20000, CREW_WAIT_US = 3000000, LOOPBACK_IFINDEX = 1 };

struct sweep {
	struct conf *conf;
	sd_event *loop;
	struct netif *netif;
	struct netif_places places; /* read when one is not where it was configured */
	bool looked;
	size_t pending; /* releases under way */
	int error;
};

static void sweep_done(struct sweep *d)
{
	netif_free(d->netif);
	netif_places_done(&d->places);
	sd_event_unref(d->loop);
	conf_free(d->conf);
}

static void cleaned(void *user, const struct netif_result *r)
{
	struct sweep *d = user;

	if (r->error < 0) {
		log_error("%zu addresses could not be removed: %s", r->failed, strerror(-r->error));
		d->error = r->error;
	}
	if (--d->pending == 0)
		sd_event_exit(d->loop, 0);
}

static const char *link_name(const struct sweep *d, int ifindex)
{
	const struct netif_link *l = netif_link_by_index(d->netif, ifindex);

	return l ? l->name : "an interface that has gone";
}

static const struct netif_place *find_place(struct sweep *d, const struct ip_prefix *prefix)
{
	int r = d->looked ? 0 : netif_places_read(&d->places);

	d->looked = true;
	if (r < 0) {
		log_error("cannot look for addresses on interfaces that were renamed: %s", strerror(-r));
		d->error = r;
	}
	return netif_places_find(&d->places, prefix);
}

/* The agent knows interfaces by their index, and one may be renamed under an address. Unlike a supervisor, who saw an
 * engine have it, we know nothing but the mark: what has none may be anybody's, on loopback for a load balancer. */
static int interface_elsewhere(struct sweep *d, const struct conf_instance *ci, const struct conf_vip *vip)
{
	const char *dev = vip->dev[0] ? vip->dev : ci->interface;
	const struct netif_place *at = find_place(d, &vip->prefix);
	bool exists = netif_link_by_name(d->netif, dev);
	char addr[IP_STR_MAX];

	if (!at)
		return 0;
	log_write(exists || at->marked ? LOG_NOTICE : LOG_WARNING, ci->name, "%s/%u is on %s, not on %s%s: %s",
		  ip_format(&vip->prefix.addr, addr), vip->prefix.len, link_name(d, at->ifindex), dev,
		  exists ? "" : ", which does not exist",
		  at->marked ? "an agent put it there, and it is removed"
			     : "it is left there, for nothing tells that an agent put it there");
	return at->marked ? at->ifindex : 0;
}

/* The interface that the address is to be removed from; 0: none. */
static int interface_with(struct sweep *d, const struct conf_instance *ci, const struct conf_vip *vip)
{
	const struct netif_link *link = netif_link_by_name(d->netif, vip->dev[0] ? vip->dev : ci->interface);

	if (link && netif_presence(d->netif, link->ifindex, &vip->prefix) != NETIF_ABSENT)
		return link->ifindex;
	return interface_elsewhere(d, ci, vip);
}

static int sweep_instance(struct sweep *d, const struct conf_instance *ci)
{
	_cleanup_(freep) struct netif_addr *left = calloc(ci->n_vips + 1, sizeof(*left));
	size_t n = 0;
	int r;

	for (size_t i = 0; left && i < ci->n_vips; i++) {
		int ifindex = interface_with(d, ci, &ci->vips[i]);

		if (ifindex)
			left[n++] = vip_addr(&ci->vips[i], ifindex);
	}
	if (left && n == 0)
		return 0;
	log_notice("%s: removing %zu address%s", ci->name, n, n == 1 ? "" : "es");
	r = left ? netif_release(d->netif, left, n, RESET_BUDGET_US, cleaned, d) : -ENOMEM;
	d->pending += r >= 0;
	return r;
}

int sweep_main(const struct options *opt)
{
	struct sweep sweep = { 0 }, *d = &sweep;
	const struct netif_events none = { 0 };
	int r = load_conf(opt, &d->conf);

	if (r < 0)
		return exit_code_of(r);
	if (control_is_served(d->conf->control_socket)) {
		log_warn("a sqlvipd runs and serves %s: its addresses are left to it", d->conf->control_socket);
		sweep_done(d);
		return EXIT_OK;
	}
	r = sd_event_new(&d->loop);
	if (r >= 0)
		r = netif_new(d->loop, &none, &d->netif);
	for (size_t i = 0; r >= 0 && i < d->conf->n_instances; i++)
		d->error = sweep_instance(d, &d->conf->instances[i]) ?: d->error;
	if (r >= 0 && d->pending > 0)
		r = sd_event_loop(d->loop);
	if (r >= 0)
		r = d->error;
	if (r < 0)
		log_error("cannot clean up: %s", strerror(-r));
	sweep_done(d);
	return exit_code_of(r == -EINVAL ? -EIO : r); /* EINVAL would mean the configuration */
}

/* --- for a supervisor -------------------------------------------------------------------------------------------- */

struct sweep_crew {
	struct netif_writer *writer;
	int names;      /* a socket that is asked for interfaces: when it is needed, none may be had */
	size_t overdue; /* releases that were not waited for any longer; they are the writer's until they end */
};

int sweep_crew_new(struct sweep_crew **ret)
{
	struct sweep_crew *c = calloc(1, sizeof(*c));
	int r = c ? netif_writer_new(&c->writer) : -ENOMEM;

	if (c)
		c->names = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r == 0 && c->names < 0)
		r = -errno;
	if (r < 0)
		c = sweep_crew_free(c);
	*ret = c;
	return r;
}

struct sweep_crew *sweep_crew_free(struct sweep_crew *c)
{
	struct netif_job *next;

	if (!c)
		return NULL;
	for (struct netif_job *j = c->writer ? netif_writer_pop(c->writer) : NULL; j; j = next) {
		next = j->next;
		free(j);
	}
	netif_writer_free(c->writer);
	close_fd(c->names);
	free(c);
	return NULL;
}

/* Index, 0: there is none of that name, or -errno. */
static int index_of(const struct sweep_crew *c, const char *dev)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, dev, strnlen(dev, sizeof(request.ifr_name) - 1));
	if (ioctl(c->names, SIOCGIFINDEX, &request) == 0)
		return request.ifr_ifindex;
	return errno == ENODEV ? 0 : -errno;
}

/* Index, 0: it is nowhere, or -errno: that is not known.
 *
 * The engine knows interfaces by their index, and one may be renamed under an address: then it is where one with our
 * mark is. Kernels before 5.18 keep no marks; but loopback addresses are never an engine's, they are what servers
 * behind a load balancer have. `places` is asked for once, when it is needed: an interface that is gone takes a
 * thousand VIPs with it. */
static int interface_of(const struct sweep_crew *c, const struct conf_instance *ci, const struct conf_vip *vip,
			struct netif_places *places)
{
	int ifindex = index_of(c, vip->dev[0] ? vip->dev : ci->interface), r;
	const struct netif_place *at;

	if (ifindex)
		return ifindex;
	r = places->n == 0 ? netif_places_read(places) : 0;
	if (r < 0)
		return r;
	at = netif_places_find(places, &vip->prefix);
	return at && (at->marked || at->ifindex != LOOPBACK_IFINDEX) ? at->ifindex : 0;
}

/* 1: handed to the writer, 0: nothing to remove, or -errno. `*error`: set if an address could not be looked for, which
 * keeps no other from going. Whether one is there, the kernel knows best: removing one that is not succeeds. */
static int hand_in(struct sweep_crew *c, const struct conf_instance *ci, int *error)
{
	struct netif_job *j = calloc(1, sizeof(*j) + ci->n_vips * sizeof(j->reqs[0]));
	struct netif_places places = { 0 };
	int r;

	if (!j)
		return -ENOMEM;
	j->kind = NETIF_JOB_RELEASE;
	j->reset_budget_us = RESET_BUDGET_US;
	for (size_t i = 0; i < ci->n_vips; i++) {
		const struct conf_vip *vip = &ci->vips[i];
		int ifindex = interface_of(c, ci, vip, &places);

		if (ifindex < 0)
			*error = ifindex;
		if (ifindex > 0)
			j->reqs[j->n_reqs++].addr = vip_addr(vip, ifindex);
	}
	netif_places_done(&places);
	r = j->n_reqs > 0 ? netif_writer_push(c->writer, j) : -ENODEV;
	if (r < 0)
		free(j);
	return r < 0 && r != -ENODEV ? r : r == 0;
}

int sweep_now(struct sweep_crew *c, const struct conf *conf, size_t *resets)
{
	uint64_t until_us = loop_now_us() + CREW_WAIT_US, now_us;
	size_t pending = c->overdue;
	int error = 0;

	*resets = 0;
	for (size_t i = 0; i < conf->n_instances; i++) {
		int r = hand_in(c, &conf->instances[i], &error);

		error = r < 0 ? r : error;
		pending += r > 0;
	}
	while (pending > 0 && (now_us = loop_now_us()) < until_us) {
		struct pollfd p = { .fd = netif_writer_fd(c->writer), .events = POLLIN };
		struct netif_job *next;

		(void)poll(&p, 1, (int)((until_us - now_us) / 1000) + 1);
		for (struct netif_job *j = netif_writer_pop(c->writer); j; j = next) {
			next = j->next;
			*resets += j->result.resets;
			error = j->result.error < 0 && error == 0 ? j->result.error : error;
			pending--;
			free(j);
		}
	}
	c->overdue = pending;
	return pending > 0 ? -ETIMEDOUT : error;
}
