/* SPDX-License-Identifier: Apache-2.0 */
/* The raw sockets of one interface: every option that makes them hear all adverts of a group, or all unicast ones, on
 * that interface and nothing else, and send without hearing anything. What the packets mean is packet.c's business.
 *
 * Over IPv6 the kernel keeps the IP header to itself: hop limit and destination come as ancillary data, source and
 * interface leave that way. It could verify the checksum, too; but then a wrong one would be seen by nobody. */
#include "vrrp/socket.h"

#include "agent/base/cleanup.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>

enum {
	AT_IP_PROTOCOL = 9,
	AT_IP6_DST = 24,
	IP6_MULTICAST = 0xff, /* its first octet */
	WHOLE_PACKET = 0x40000,
	/* All instances of the group share it: the default holds 256 small adverts, one of each and none to spare. */
	RECEIVE_BUFFER = 1024 * 1024,
	AT_CHECKSUM = 6, /* in the message */
};

/* From the kernel's linux/in6.h, which does not go together with netinet/in.h. */
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int attach(int fd, struct sock_filter *code, unsigned short n)
{
	const struct sock_fprog prog = { .len = n, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

static int attach_nothing(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	return attach(fd, code, ELEMENTSOF(code));
}

static int attach_vrrp4(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, AT_IP_PROTOCOL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP_IP_PROTO, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, WHOLE_PACKET),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, code, ELEMENTSOF(code));
}

/* The protocol is the socket's own. One that is bound to no address would hear every group that anybody has joined:
 * over IPv6, IPV6_MULTICAST_ALL is asked only where an address is bound. */
static int attach_vrrp6(int fd, bool unicast)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF + AT_IP6_DST),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IP6_MULTICAST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, unicast ? 0 : WHOLE_PACKET),
		BPF_STMT(BPF_RET | BPF_K, unicast ? WHOLE_PACKET : 0),
	};

	return attach(fd, code, ELEMENTSOF(code));
}

union address {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* Link-local addresses need the interface. Returns the length. */
static socklen_t to_sockaddr(const struct ip_addr *addr, int ifindex, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sa.sa_family = addr->family;
	if (addr->family == AF_INET) {
		memcpy(&ret->in4.sin_addr, addr->bytes, sizeof(ret->in4.sin_addr));
		return sizeof(ret->in4);
	}
	memcpy(&ret->in6.sin6_addr, addr->bytes, sizeof(ret->in6.sin6_addr));
	if (IN6_IS_ADDR_LINKLOCAL(&ret->in6.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&ret->in6.sin6_addr))
		ret->in6.sin6_scope_id = (uint32_t)ifindex;
	return sizeof(ret->in6);
}

/* A raw socket that is deaf from its first moment on but for what arrives before the filter is attached. */
static int open_raw(const char *ifname, sa_family_t family, int *ret)
{
	_cleanup_(close_fdp) int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, VRRP_IP_PROTO);
	int r;

	if (fd < 0)
		return -errno;
	r = attach_nothing(fd);
	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname) + 1) < 0)
		return -errno;
	/* Not the groups that other sockets have joined. */
	r = family == AF_INET ? set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0)
			      : set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	if (r < 0)
		return r;
	*ret = TAKE_FD(fd);
	return 0;
}

/* Bounded: the filter is in place, so what is queued can only become less. */
static void drain(int fd)
{
	uint8_t byte;

	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		;
}

/* Without CAP_NET_ADMIN as much as the system allows; a small buffer is better than no socket. */
static void make_room(int fd)
{
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
}

static int join(int fd, int ifindex, const struct ip_addr *group)
{
	union address a;
	socklen_t len = to_sockaddr(group, ifindex, &a);
	const struct ip_mreqn join4 = { .imr_multiaddr = a.in4.sin_addr, .imr_ifindex = ifindex };
	const struct ipv6_mreq join6 = { .ipv6mr_multiaddr = a.in6.sin6_addr, .ipv6mr_interface = (unsigned)ifindex };
	int r;

	if (bind(fd, &a.sa, len) < 0)
		return -errno;
	if (group->family == AF_INET)
		r = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join4, sizeof(join4));
	else
		r = setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &join6, sizeof(join6));
	return r < 0 ? -errno : 0;
}

/* Bound and joined while still deaf; then emptied of what came before the filter; only then does it listen. */
static int open_rx(const struct vrrp_socket *s, const char *ifname, const struct ip_addr *group, int *ret)
{
	_cleanup_(close_fdp) int fd = -1;
	int r = open_raw(ifname, s->family, &fd);

	if (r < 0)
		return r;
	make_room(fd);
	if (s->family == AF_INET6) {
		r = set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		if (r >= 0)
			r = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	}
	if (r >= 0 && group)
		r = join(fd, s->ifindex, group);
	if (r < 0)
		return r;
	drain(fd);
	r = s->family == AF_INET ? attach_vrrp4(fd) : attach_vrrp6(fd, s->unicast);
	if (r < 0)
		return r;
	*ret = TAKE_FD(fd);
	return 0;
}

static int prepare_tx4(int fd, int ifindex)
{
	const struct ip_mreqn out = { .imr_ifindex = ifindex };
	int r;

	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) < 0)
		return -errno;
	r = set_int(fd, IPPROTO_IP, IP_HDRINCL, 1);
	if (r >= 0)
		r = set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0); /* our own adverts must not come back */
	if (r >= 0) /* the header has it already; this sets the queueing priority */
		r = set_int(fd, IPPROTO_IP, IP_TOS, VRRP_TOS);
	return r;
}

static int prepare_tx6(int fd, int ifindex)
{
	int r = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, ifindex);

	if (r >= 0)
		r = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	if (r >= 0)
		r = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, VRRP_TTL);
	if (r >= 0)
		r = set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, VRRP_TOS);
	if (r >= 0) /* as over IPv4, the configured source need not be there yet */
		r = set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	if (r >= 0) /* over the addresses that it uses in the end */
		r = set_int(fd, IPPROTO_RAW, IPV6_CHECKSUM, AT_CHECKSUM);
	return r;
}

/* Keeps the filter that lets nothing in: a raw socket would else queue every advert on the wire. */
static int open_tx(const struct vrrp_socket *s, const char *ifname, int *ret)
{
	_cleanup_(close_fdp) int fd = -1;
	int r = open_raw(ifname, s->family, &fd);

	if (r < 0)
		return r;
	r = s->family == AF_INET ? prepare_tx4(fd, s->ifindex) : prepare_tx6(fd, s->ifindex);
	if (r >= 0)
		r = set_int(fd, SOL_SOCKET, SO_RCVBUF, 0);
	if (r < 0)
		return r;
	drain(fd);
	*ret = TAKE_FD(fd);
	return 0;
}

int vrrp_socket_open(struct vrrp_socket *s, int ifindex, const char *ifname, sa_family_t family,
		     const struct ip_addr *group)
{
	_cleanup_(close_fdp) int rx = -1;
	_cleanup_(close_fdp) int tx = -1;
	int r;

	*s = (struct vrrp_socket){ .rx = -1, .tx = -1, .ifindex = ifindex, .family = family, .unicast = !group };
	r = open_rx(s, ifname, group, &rx);
	if (r < 0)
		return r;
	r = open_tx(s, ifname, &tx);
	if (r < 0)
		return r;
	s->rx = TAKE_FD(rx);
	s->tx = TAKE_FD(tx);
	return 0;
}

void vrrp_socket_close(struct vrrp_socket *s)
{
	s->rx = close_fd(s->rx);
	s->tx = close_fd(s->tx);
}

/* What the kernel tells beside the bytes. */
static void read_ancillary(struct msghdr *mh, struct vrrp_packet *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_HOPLIMIT && c->cmsg_len == CMSG_LEN(sizeof(int))) {
			memcpy(&ret->hop_limit, CMSG_DATA(c), sizeof(ret->hop_limit));
		} else if (c->cmsg_type == IPV6_PKTINFO && c->cmsg_len == CMSG_LEN(sizeof(info))) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ret->dst = ip_from_bytes(AF_INET6, &info.ipi6_addr);
		}
	}
}

int vrrp_socket_recv(struct vrrp_socket *s, uint8_t *buf, size_t size, struct vrrp_packet *ret)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
	union address from = { .sa.sa_family = AF_UNSPEC };
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr mh = { .msg_name = &from,
			     .msg_namelen = sizeof(from),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(s->rx, &mh, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EMSGSIZE;
	*ret = (struct vrrp_packet){ .family = s->family, .data = buf, .len = (size_t)n, .hop_limit = -1 };
	if (s->family == AF_INET6) {
		ret->src = ip_from_bytes(AF_INET6, &from.in6.sin6_addr);
		read_ancillary(&mh, ret);
	}
	return 0;
}

/* Source, interface and hop limit of an IPv6 packet. */
static void write_ancillary(struct msghdr *mh, const struct vrrp_socket *s, const struct vrrp_route *route)
{
	struct in6_pktinfo info = { .ipi6_ifindex = (unsigned)s->ifindex };
	int hop_limit = route->ttl;
	struct cmsghdr *c = CMSG_FIRSTHDR(mh);

	memcpy(&info.ipi6_addr, route->src.bytes, sizeof(info.ipi6_addr));
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	c = CMSG_NXTHDR(mh, c);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_HOPLIMIT;
	c->cmsg_len = CMSG_LEN(sizeof(hop_limit));
	memcpy(CMSG_DATA(c), &hop_limit, sizeof(hop_limit));
}

int vrrp_socket_send(struct vrrp_socket *s, const struct vrrp_route *route, const uint8_t *packet, size_t len)
{
	_Alignas(struct cmsghdr)
		uint8_t control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	union address to;
	/* sendmsg() reads only */
	struct iovec iov = { .iov_base = (void *)(uintptr_t)packet, .iov_len = len };
	struct msghdr mh = { .msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1 };
	/* A group is never behind a router; a peer may be. */
	int flags = MSG_DONTWAIT | (s->unicast ? 0 : MSG_DONTROUTE);

	mh.msg_namelen = to_sockaddr(&route->dst, s->ifindex, &to);
	if (s->family == AF_INET6) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		write_ancillary(&mh, s, route);
	}
	if (sendmsg(s->tx, &mh, flags) < 0)
		return errno == ENOBUFS ? -EAGAIN : -errno;
	return 0;
}
