/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets shared by instances, and the way from a packet to its instance. Opening and options are vrrp/socket's. */
#include "agent/wire.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"

#include <assert.h>
#include <errno.h>

enum { PACKETS_PER_WAKEUP = 64, PACKETS_PER_DRAIN = 8192, RETRY_US = 1000000, UNKNOWN_LOG_US = 1000000 };

/* Unicast instances may share a VRID; they are told apart by whom they know. */
struct listed {
	struct wire_station station;
	struct listed *next; /* of the same VRID, in the order in which they joined */
};

struct wire {
	struct wires *set;
	struct wire *next;
	char ifname[IFNAMSIZ];
	sa_family_t family;
	struct ip_addr group; /* AF_UNSPEC: unicast */
	struct vrrp_socket socket;
	sd_event_source *io;
	bool flooded;                 /* the source is ranked last */
	struct listed *stations[256]; /* by VRID */
	struct listed *expected;      /* stations that hear nothing yet */
	unsigned n_stations;          /* both kinds */
	struct wire_counters counters;
	struct log_limit complaint;
};

struct wires {
	sd_event *loop;
	struct netif *netif;
	struct wire *first;
	struct loop_timer retry; /* armed while an interface exists and its sockets do not */
	void (*opened)(void *user);
	void *user;
	bool log_unknown;
	struct log_limit unknown;
	bool mute;
};

/* Of several, the first that knows the sender. With only one there is no question: it judges the sender itself. */
static const struct wire_station *station_for(const struct wire *w, const struct vrrp_packet *packet)
{
	const struct listed *l = w->stations[vrrp_peek_vrid(packet)];

	if (l && l->next)
		while (l && !l->station.knows(l->station.user, packet))
			l = l->next;
	return l ? &l->station : NULL;
}

static void nobodys(struct wire *w, const struct vrrp_packet *packet)
{
	struct ip_addr src = vrrp_peek_src(packet);
	char addr[IP_STR_MAX];
	uint64_t suppressed;

	for (const struct listed *l = w->expected; l; l = l->next)
		if (l->station.vrid == vrrp_peek_vrid(packet))
			return;
	w->counters.vrid_err++;
	if (w->set->log_unknown && log_limit_pass(&w->set->unknown, loop_now_us(), UNKNOWN_LOG_US, &suppressed))
		log_notice("%s on %s speaks for virtual router %u, which no instance here has (%llu more since the "
			   "last such "
			   "line)",
			   ip_format(&src, addr), w->ifname, vrrp_peek_vrid(packet), (unsigned long long)suppressed);
}

/* One packet. False when there is none. */
static bool receive(struct wire *w)
{
	/* One octet more than any advert, so that a longer one is seen to be too long. */
	uint8_t buf[VRRP_PACKET_MAX + 1];
	struct vrrp_packet packet;
	int r = vrrp_socket_recv(&w->socket, buf, sizeof(buf), &packet);
	const struct wire_station *s;

	if (r == -EAGAIN)
		return false;
	if (r == -EMSGSIZE) {
		w->counters.rx_trunc++;
		return true;
	}
	if (r < 0) {
		/* ENETDOWN is reported once when the link goes; the link event does the rest. */
		w->counters.rx_err++;
		return false;
	}
	s = station_for(w, &packet);
	if (s)
		s->rx(s->user, &packet);
	else
		nobodys(w, &packet);
	return true;
}

/* A socket that always has more would, at its rank, keep everything of lower rank from running: a flood has to queue
 * behind it. Timers that depend on what was heard drain the socket themselves. */
static void rank_source(struct wire *w, bool flood)
{
	if (w->flooded != flood)
		sd_event_source_set_priority(w->io, flood ? LOOP_RANK_BACKGROUND + 1 : LOOP_RANK_NET);
	w->flooded = flood;
}

static int readable(sd_event_source *src, int fd, uint32_t revents, void *user)
{
	struct wire *w = user;
	int n = 0;

	(void)src, (void)fd, (void)revents;
	while (n < PACKETS_PER_WAKEUP && w->socket.rx >= 0 && receive(w))
		n++;
	if (w->socket.rx >= 0)
		rank_source(w, n == PACKETS_PER_WAKEUP);
	return 0;
}

void wire_drain(struct wire *w)
{
	for (int i = 0; i < PACKETS_PER_DRAIN && w->socket.rx >= 0; i++)
		if (!receive(w))
			break;
}

static void wire_close(struct wire *w)
{
	w->io = sd_event_source_disable_unref(w->io);
	vrrp_socket_close(&w->socket);
	w->flooded = false;
}

static int wire_open(struct wire *w, const struct netif_link *link)
{
	int r;

	if (w->socket.rx >= 0 && w->socket.ifindex == link->ifindex)
		return 0;
	wire_close(w);
	r = vrrp_socket_open(&w->socket, link->ifindex, link->name, w->family, ip_is_set(&w->group) ? &w->group : NULL);
	if (r < 0)
		return r;
	r = loop_io(w->set->loop, &w->io, w->socket.rx, EPOLLIN, LOOP_RANK_NET, readable, w);
	if (r < 0)
		wire_close(w);
	return r;
}

/* Who asks for so much is to hear of it. */
static bool will_not_get_better(int r)
{
	return r == -EPERM || r == -EMFILE || r == -ENFILE;
}

static void try_later(struct wire *w, const struct netif_link *link, int r)
{
	uint64_t suppressed;

	if (log_limit_pass(&w->complaint, loop_now_us(), 10000000, &suppressed))
		log_error("cannot open the VRRP sockets for %s on %s: %s; trying again",
			  w->family == AF_INET ? "IPv4" : "IPv6", link->name, strerror(-r));
	loop_timer_in(&w->set->retry, RETRY_US);
}

/* Opens, or else complains and sees to it that it is tried again. */
static int wire_try(struct wire *w, const struct netif_link *link)
{
	int r = wire_open(w, link);

	if (r < 0)
		try_later(w, link, r);
	return r;
}

static void retry(void *user, uint64_t due_us)
{
	struct wires *w = user;
	bool opened = false;

	(void)due_us;
	for (struct wire *wire = w->first; wire; wire = wire->next) {
		const struct netif_link *link = netif_link_by_name(w->netif, wire->ifname);

		if (wire->n_stations > 0 && wire->socket.rx < 0 && link)
			opened |= wire_try(wire, link) >= 0;
	}
	if (opened)
		w->opened(w->user);
}

int wires_new(sd_event *loop, struct netif *netif, void (*opened)(void *user), void *user, struct wires **ret)
{
	struct wires *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct wires){ .loop = loop, .netif = netif, .opened = opened, .user = user };
	r = loop_timer_init(&w->retry, loop, LOOP_RANK_NET, 10000, retry, w);
	if (r < 0) {
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

static void unlist(struct listed **at)
{
	struct listed *gone = *at;

	*at = gone->next;
	free(gone);
}

void wires_mute(struct wires *w)
{
	w->mute = true;
}

struct wires *wires_free(struct wires *w)
{
	if (w)
		loop_timer_done(&w->retry);
	while (w && w->first) {
		struct wire *wire = w->first;

		w->first = wire->next;
		wire_close(wire);
		for (size_t i = 0; i < ELEMENTSOF(wire->stations); i++)
			while (wire->stations[i])
				unlist(&wire->stations[i]);
		while (wire->expected)
			unlist(&wire->expected);
		free(wire);
	}
	free(w);
	return NULL;
}

void wires_log_unknown(struct wires *w, bool on)
{
	w->log_unknown = on;
}

void wires_on_link(struct wires *w, const struct netif_link *link, bool gone)
{
	for (struct wire *wire = w->first; wire; wire = wire->next) {
		bool ours = wire->socket.rx >= 0 && wire->socket.ifindex == link->ifindex;
		bool named = strcmp(wire->ifname, link->name) == 0;

		if (ours && (gone || !named))
			wire_close(wire);
		if (!gone && named && wire->n_stations > 0)
			wire_try(wire, link);
	}
}

static struct wire *find(struct wires *w, const char *ifname, sa_family_t family, const struct ip_addr *group)
{
	for (struct wire *wire = w->first; wire; wire = wire->next)
		if (strcmp(wire->ifname, ifname) == 0 && wire->family == family && ip_equal(&wire->group, group))
			return wire;
	return NULL;
}

static struct wire *wire_new(struct wires *w, const char *ifname, sa_family_t family, const struct ip_addr *group)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire)
		return NULL;
	wire->set = w;
	wire->family = family;
	wire->group = *group;
	wire->socket = (struct vrrp_socket){ .rx = -1, .tx = -1 };
	snprintf(wire->ifname, sizeof(wire->ifname), "%s", ifname);
	wire->next = w->first;
	w->first = wire;
	return wire;
}

int wire_expect(struct wires *w, const char *ifname, sa_family_t family, const struct ip_addr *group,
		const struct wire_station *station, struct wire **ret)
{
	static const struct ip_addr unicast = { .family = AF_UNSPEC };
	struct wire *wire = find(w, ifname, family, group ?: &unicast);
	const struct netif_link *link = netif_link_by_name(w->netif, ifname);
	struct listed *l;
	int r;

	if (!wire)
		wire = wire_new(w, ifname, family, group ?: &unicast);
	if (!wire)
		return -ENOMEM;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	r = link ? wire_open(wire, link) : 0;
	if (will_not_get_better(r)) {
		free(l);
		return r;
	}
	if (r < 0)
		try_later(wire, link, r);
	*l = (struct listed){ .station = *station, .next = wire->expected };
	wire->expected = l;
	wire->n_stations++;
	*ret = wire;
	return 0;
}

static struct listed **find_listed(struct listed **at, const void *user)
{
	while (*at && (*at)->station.user != user)
		at = &(*at)->next;
	return at;
}

void wire_enter(struct wire *wire, const void *user)
{
	struct listed **at = find_listed(&wire->expected, user), *l = *at, **last;

	assert(l);
	*at = l->next;
	last = &wire->stations[l->station.vrid];
	assert(!*last || !ip_is_set(&wire->group));
	while (*last)
		last = &(*last)->next;
	l->next = NULL;
	*last = l;
}

static void leave_list(struct wire *wire, struct listed **list, const void *user)
{
	struct listed **at = find_listed(list, user);

	if (!*at)
		return;
	unlist(at);
	wire->n_stations--;
}

void wire_leave(struct wire *wire, const void *user)
{
	for (size_t i = 0; i < ELEMENTSOF(wire->stations); i++)
		leave_list(wire, &wire->stations[i], user);
	leave_list(wire, &wire->expected, user);
	if (wire->n_stations == 0)
		wire_close(wire);
}

bool wire_is_open(const struct wire *wire)
{
	return wire->socket.rx >= 0;
}

int wire_send(struct wire *wire, const struct vrrp_route *route, const uint8_t *packet, size_t len)
{
	if (wire->set->mute)
		return 0;
	if (wire->socket.tx < 0)
		return -ENODEV;
	return vrrp_socket_send(&wire->socket, route, packet, len);
}

struct wire_counters wire_counters(const struct wire *wire)
{
	return wire->counters;
}
