/* SPDX-License-Identifier: Apache-2.0 */
/* The raw sockets of one (interface, group): every option that makes them hear all adverts of that group on that
 * interface and nothing else, and send without hearing anything. What the packets mean is packet.c's business. */
#include "vrrp/socket.h"

#include "agent/base/cleanup.h"
#include "vrrp/packet.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>

enum {
	AT_IP_PROTOCOL = 9,
	WHOLE_PACKET = 0x40000,
	/* All instances of the group share it: the default holds 256 small adverts, one of each and none to spare. */
	RECEIVE_BUFFER = 1024 * 1024,
};

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

static int attach_vrrp(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, AT_IP_PROTOCOL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP_IP_PROTO, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, WHOLE_PACKET),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, code, ELEMENTSOF(code));
}

static struct sockaddr_in sockaddr_of(const struct ip_addr *addr)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };

	memcpy(&sa.sin_addr, addr->bytes, sizeof(sa.sin_addr));
	return sa;
}

/* A raw socket that is deaf from its first moment on but for what arrives before the filter is attached. */
static int open_raw(const char *ifname, int *ret)
{
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, VRRP_IP_PROTO);
	int r;

	if (fd < 0)
		return -errno;
	r = attach_nothing(fd);
	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname) + 1) < 0)
		return -errno;
	r = set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0); /* not the groups that other sockets have joined */
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

/* Bound and joined while still deaf; then emptied of what came before the filter; only then does it listen. */
static int open_rx(int ifindex, const char *ifname, const struct ip_addr *group, int *ret)
{
	const struct sockaddr_in sa = sockaddr_of(group);
	const struct ip_mreqn join = { .imr_multiaddr = sa.sin_addr, .imr_ifindex = ifindex };
	_cleanup_(close_fdp) int fd = -1;
	int r = open_raw(ifname, &fd);

	if (r < 0)
		return r;
	make_room(fd);
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)) < 0)
		return -errno;
	drain(fd);
	r = attach_vrrp(fd);
	if (r < 0)
		return r;
	*ret = TAKE_FD(fd);
	return 0;
}

/* Keeps the filter that lets nothing in: a raw socket would else queue every advert on the wire. */
static int open_tx(int ifindex, const char *ifname, int *ret)
{
	const struct ip_mreqn out = { .imr_ifindex = ifindex };
	_cleanup_(close_fdp) int fd = -1;
	int r = open_raw(ifname, &fd);

	if (r < 0)
		return r;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) < 0)
		return -errno;
	r = set_int(fd, IPPROTO_IP, IP_HDRINCL, 1);
	if (r < 0)
		return r;
	r = set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0); /* our own adverts must not come back */
	if (r < 0)
		return r;
	r = set_int(fd, IPPROTO_IP, IP_TOS, VRRP_TOS); /* the header has it already; this sets the queueing priority */
	if (r < 0)
		return r;
	r = set_int(fd, SOL_SOCKET, SO_RCVBUF, 0);
	if (r < 0)
		return r;
	drain(fd);
	*ret = TAKE_FD(fd);
	return 0;
}

int vrrp_socket_open(struct vrrp_socket *s, int ifindex, const char *ifname, const struct ip_addr *group)
{
	_cleanup_(close_fdp) int rx = -1;
	_cleanup_(close_fdp) int tx = -1;
	int r;

	*s = (struct vrrp_socket){ .rx = -1, .tx = -1, .ifindex = ifindex };
	if (group->family != AF_INET)
		return -EAFNOSUPPORT;
	r = open_rx(ifindex, ifname, group, &rx);
	if (r < 0)
		return r;
	r = open_tx(ifindex, ifname, &tx);
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

ssize_t vrrp_socket_recv(struct vrrp_socket *s, uint8_t *buf, size_t size)
{
	/* MSG_TRUNC: the length as it was, not as it fitted */
	ssize_t n = recv(s->rx, buf, size, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return -errno;
	return (size_t)n > size ? -EMSGSIZE : n;
}

int vrrp_socket_send(struct vrrp_socket *s, const struct ip_addr *dst, const uint8_t *packet, size_t len)
{
	const struct sockaddr_in sa = sockaddr_of(dst);
	ssize_t n = sendto(s->tx, packet, len, MSG_DONTWAIT | MSG_DONTROUTE, (const struct sockaddr *)&sa, sizeof(sa));

	if (n < 0)
		return errno == ENOBUFS ? -EAGAIN : -errno;
	return 0;
}
