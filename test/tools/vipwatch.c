/* SPDX-License-Identifier: Apache-2.0 */
/* The observer of an end-to-end test: what the hosts of a test network do, as JSON lines on stdout.
 *
 *   vipwatch [-w FILE.pcap] [-e MS] NAME=PID...
 *
 * Each PID lives in the network namespace of the host NAME, with link eth0.
 *
 * Reported are addresses added and removed (from each host's own netlink), VRRP adverts, gratuitous ARP requests and
 * unsolicited neighbour advertisements (from each host's eth0, in both directions). "t" is CLOCK_MONOTONIC in seconds:
 * for packets the kernel's time stamp, for addresses the time at which we read the event, which is later than the event
 * itself by our wake-up; "since" is the last time at which it had certainly not happened. What the hosts send is also
 * written to FILE.pcap, so that somebody else can judge it. The line {"event": "watching"} says that everything from
 * here on is seen.
 *
 * With -e we look every so many ms and wait for a core like everybody else: times of addresses are later by that much
 * or more, but whoever is observed need not wake us for each of them, nor is he kept from his core. */
#include "agent/base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HOSTS_MAX = 16,
	FRAME_MAX = 2048,
	RCVBUF = 8 << 20,
	OFF_IP = 14,
	OFF_ARP = 14,
	ARP_LEN = 28,
	IP6_LEN = 40,
	NA_LEN = 32
};

struct host {
	const char *name;
	int netlink, packets;
	uint64_t since_ns; /* when its netlink socket was last found empty */
	bool dumping;      /* the addresses that were there before us are still coming */
};

struct watch {
	struct host hosts[HOSTS_MAX];
	size_t n_hosts;
	FILE *pcap;
	long every_ms; /* 0 = wait for events */
};

static void die(const char *what)
{
	fprintf(stderr, "vipwatch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void say_time(const char *key, uint64_t ns)
{
	printf("\"%s\": %" PRIu64 ".%06" PRIu64 ", ", key, ns / 1000000000, ns / 1000 % 1000000);
}

/* --- addresses ----------------------------------------------------------------------------------------------- */

static void say_address(const struct host *h, struct nlmsghdr *nh, uint64_t now_ns)
{
	struct ifaddrmsg *ifa = NLMSG_DATA(nh);
	int left = (int)IFA_PAYLOAD(nh);
	const void *local = NULL, *address = NULL;
	char text[INET6_ADDRSTRLEN];

	for (struct rtattr *a = IFA_RTA(ifa); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFA_LOCAL)
			local = RTA_DATA(a);
		else if (a->rta_type == IFA_ADDRESS)
			address = RTA_DATA(a);
	}
	if (!local)
		local = address;
	if (!local || !inet_ntop(ifa->ifa_family, local, text, sizeof(text)))
		return;
	printf("{");
	say_time("t", now_ns);
	say_time("since", h->since_ns);
	printf("\"host\": \"%s\", \"event\": \"address\", \"op\": \"%s\", \"address\": \"%s/%u\", \"initial\": %s}\n",
	       h->name, nh->nlmsg_type == RTM_NEWADDR ? "add" : "del", text, ifa->ifa_prefixlen,
	       h->dumping ? "true" : "false");
}

static void read_addresses(struct host *h)
{
	_Alignas(struct nlmsghdr) char buf[32768];

	for (;;) {
		ssize_t n = recv(h->netlink, buf, sizeof(buf), MSG_DONTWAIT);
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

		if (n < 0 && errno == EAGAIN) {
			h->since_ns = now_ns;
			return;
		}
		if (n < 0) {
			printf("{");
			say_time("t", now_ns);
			printf("\"host\": \"%s\", \"event\": \"overrun\"}\n", h->name);
			return;
		}
		for (size_t at = 0; at + sizeof(struct nlmsghdr) <= (size_t)n;) {
			struct nlmsghdr *nh = (void *)(buf + at);

			if (nh->nlmsg_len < sizeof(*nh) || nh->nlmsg_len > (size_t)n - at)
				break;
			if (nh->nlmsg_type == RTM_NEWADDR || nh->nlmsg_type == RTM_DELADDR)
				say_address(h, nh, now_ns);
			else if (nh->nlmsg_type == NLMSG_DONE)
				h->dumping = false;
			at += NLMSG_ALIGN(nh->nlmsg_len);
		}
	}
}

static int open_netlink(void)
{
	struct {
		struct nlmsghdr nh;
		struct ifaddrmsg ifa;
	} dump = {
		.nh = { .nlmsg_len = sizeof(dump),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};
	struct sockaddr_nl all = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), size = RCVBUF;

	if (fd < 0 || bind(fd, (struct sockaddr *)&all, sizeof(all)) < 0)
		die("netlink socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (send(fd, &dump, sizeof(dump), 0) < 0)
		die("address dump");
	return fd;
}

/* --- packets ------------------------------------------------------------------------------------------------- */

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void say_packet_start(const struct host *h, bool out, uint64_t at_ns)
{
	printf("{");
	say_time("t", at_ns);
	printf("\"host\": \"%s\", \"dir\": \"%s\", ", h->name, out ? "out" : "in");
}

static void say_advert(int family, const uint8_t *src, const uint8_t *dst, unsigned ttl, const uint8_t *v)
{
	char source[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	printf("\"event\": \"advert\", \"source\": \"%s\", \"to\": \"%s\", \"ttl\": %u, \"version\": %d, \"vrid\": %d, "
	       "\"priority\": %d, \"count\": %d, \"interval_cs\": %d}\n",
	       inet_ntop(family, src, source, sizeof(source)), inet_ntop(family, dst, to, sizeof(to)), ttl, v[0] >> 4,
	       v[1], v[2], v[3], v[0] >> 4 == 3 ? (int)(be16(v + 4) & 0xfff) : v[5] * 100);
}

static void say_vrrp(const struct host *h, bool out, uint64_t at_ns, const uint8_t *ip, size_t len)
{
	size_t ihl = len >= 20 ? (ip[0] & 15U) * 4U : 0;

	if (ihl < 20 || len < ihl + 8 || ip[9] != 112)
		return;
	say_packet_start(h, out, at_ns);
	say_advert(AF_INET, ip + 12, ip + 16, ip[8], ip + ihl);
}

/* VRRP, or a neighbour advertisement that nobody asked for. */
static void say_ip6(const struct host *h, bool out, uint64_t at_ns, const uint8_t *ip, size_t len)
{
	const uint8_t *v = ip + IP6_LEN;
	char address[INET6_ADDRSTRLEN];

	if (len >= IP6_LEN + 8 && ip[6] == 112) {
		say_packet_start(h, out, at_ns);
		say_advert(AF_INET6, ip + 8, ip + 24, ip[7], v);
	} else if (len >= IP6_LEN + NA_LEN && ip[6] == 58 && v[0] == 136 && !(v[4] & 0x40)) {
		say_packet_start(h, out, at_ns);
		printf("\"event\": \"na\", \"address\": \"%s\", \"router\": %s, \"mac\": "
		       "\"%02x:%02x:%02x:%02x:%02x:%02x\"}\n",
		       inet_ntop(AF_INET6, v + 8, address, sizeof(address)), v[4] & 0x80 ? "true" : "false", v[26],
		       v[27], v[28], v[29], v[30], v[31]);
	}
}

static void say_arp(const struct host *h, bool out, uint64_t at_ns, const uint8_t *arp, size_t len)
{
	char address[INET_ADDRSTRLEN];

	if (len < ARP_LEN || be16(arp + 2) != ETHERTYPE_IP || memcmp(arp + 14, arp + 24, 4) != 0)
		return;
	say_packet_start(h, out, at_ns);
	printf("\"event\": \"garp\", \"op\": %u, \"address\": \"%s\", \"mac\": \"%02x:%02x:%02x:%02x:%02x:%02x\"}\n",
	       be16(arp + 6), inet_ntop(AF_INET, arp + 14, address, sizeof(address)), arp[8], arp[9], arp[10], arp[11],
	       arp[12], arp[13]);
}

static void pcap_u32(FILE *f, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static FILE *pcap_open(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		die(path);
	pcap_u32(f, 0xa1b2c3d4);
	pcap_u32(f, 2 | 4 << 16); /* version 2.4 */
	pcap_u32(f, 0);
	pcap_u32(f, 0);
	pcap_u32(f, FRAME_MAX);
	pcap_u32(f, 1); /* LINKTYPE_ETHERNET */
	fflush(f);
	return f;
}

static void pcap_write(FILE *f, uint64_t real_ns, const uint8_t *frame, size_t len)
{
	pcap_u32(f, (uint32_t)(real_ns / 1000000000));
	pcap_u32(f, (uint32_t)(real_ns / 1000 % 1000000));
	pcap_u32(f, (uint32_t)len);
	pcap_u32(f, (uint32_t)len);
	fwrite(frame, len, 1, f);
}

/* The kernel's time of the packet, on the wall clock; now, if it gave none. */
static uint64_t stamp_ns(struct msghdr *mh)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		struct timespec ts;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	}
	return clock_ns(CLOCK_REALTIME);
}

static void read_packets(const struct watch *w, const struct host *h)
{
	uint8_t frame[FRAME_MAX];
	char control[256];

	for (;;) {
		struct sockaddr_ll from;
		struct iovec iov = { frame, sizeof(frame) };
		struct msghdr mh = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(h->packets, &mh, MSG_DONTWAIT);
		uint64_t real_ns, at_ns;
		bool out;

		if (n < 0)
			return;
		if (n < OFF_IP)
			continue;
		out = from.sll_pkttype == PACKET_OUTGOING;
		real_ns = stamp_ns(&mh);
		at_ns = real_ns + clock_ns(CLOCK_MONOTONIC) - clock_ns(CLOCK_REALTIME);
		if (out && w->pcap)
			pcap_write(w->pcap, real_ns, frame, (size_t)n);
		if (be16(frame + 12) == ETHERTYPE_IP)
			say_vrrp(h, out, at_ns, frame + OFF_IP, (size_t)n - OFF_IP);
		else if (be16(frame + 12) == ETHERTYPE_IPV6)
			say_ip6(h, out, at_ns, frame + OFF_IP, (size_t)n - OFF_IP);
		else if (be16(frame + 12) == ETHERTYPE_ARP)
			say_arp(h, out, at_ns, frame + OFF_ARP, (size_t)n - OFF_ARP);
	}
}

/* ARP, VRRP over either family, and ICMPv6 (neighbour advertisements). */
static void filter_packets(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 7, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 112, 4, 5),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 112, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { ELEMENTSOF(code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		die("packet filter");
}

static int open_packets(void)
{
	struct sockaddr_ll where = { .sll_family = AF_PACKET };
	/* Nothing is delivered before bind() names a protocol, so nothing passes before the filter is there. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), size = RCVBUF, on = 1;

	if (fd < 0)
		die("packet socket");
	filter_packets(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		die("SO_TIMESTAMPNS");
	where.sll_ifindex = (int)if_nametoindex("eth0");
	where.sll_protocol = htons(ETH_P_ALL);
	if (!where.sll_ifindex || bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0)
		die("eth0");
	return fd;
}

/* --- start and loop ------------------------------------------------------------------------------------------ */

static void add_host(struct watch *w, char *name_pid)
{
	char *eq = strchr(name_pid, '='), path[64];
	struct host *h = &w->hosts[w->n_hosts];
	int ns;

	if (!eq || w->n_hosts == HOSTS_MAX) {
		errno = EINVAL;
		die(name_pid);
	}
	*eq = '\0';
	snprintf(path, sizeof(path), "/proc/%s/ns/net", eq + 1);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die(path);
	close(ns);
	*h = (struct host){ .name = name_pid, .dumping = true };
	h->netlink = open_netlink();
	h->packets = open_packets();
	w->n_hosts++;
}

static void wait_for_events(const struct watch *w, struct pollfd *fds)
{
	const struct timespec pause = { .tv_sec = w->every_ms / 1000, .tv_nsec = w->every_ms % 1000 * 1000000 };

	if (w->every_ms)
		nanosleep(&pause, NULL);
	else if (poll(fds, 2 * w->n_hosts, -1) < 0 && errno != EINTR)
		die("poll");
}

static void watch_forever(struct watch *w)
{
	struct pollfd fds[2 * HOSTS_MAX];
	bool announced = false;

	for (;;) {
		bool dumping = false;

		for (size_t i = 0; i < w->n_hosts; i++) {
			read_addresses(&w->hosts[i]);
			dumping |= w->hosts[i].dumping;
			fds[2 * i] = (struct pollfd){ .fd = w->hosts[i].netlink, .events = POLLIN };
			fds[2 * i + 1] = (struct pollfd){ .fd = w->hosts[i].packets, .events = POLLIN };
		}
		for (size_t i = 0; i < w->n_hosts; i++)
			read_packets(w, &w->hosts[i]);
		if (!dumping && !announced) {
			printf("{");
			say_time("t", clock_ns(CLOCK_MONOTONIC));
			printf("\"event\": \"watching\"}\n");
			announced = true;
		}
		/* Once for all: while we write, who makes the next event may have to wait for the core. */
		fflush(stdout);
		if (w->pcap)
			fflush(w->pcap);
		wait_for_events(w, fds);
	}
}

int main(int argc, char **argv)
{
	struct sched_param rt = { .sched_priority = 10 };
	struct watch w = { 0 };
	int option;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((option = getopt(argc, argv, "w:e:")) != -1) {
		if (option == 'w')
			w.pcap = pcap_open(optarg);
		else if (option == 'e')
			w.every_ms = strtol(optarg, NULL, 10);
	}
	if (optind >= argc) {
		fprintf(stderr, "usage: vipwatch [-w FILE.pcap] [-e MS] NAME=PID...\n");
		return 2;
	}
	for (int i = optind; i < argc; i++)
		add_host(&w, argv[i]);
	/* So that times are those of the events, not of our turn on a busy machine; but not at the expense of the
	 * observed, where that is what counts. */
	if (!w.every_ms)
		sched_setscheduler(0, SCHED_RR, &rt);
	watch_forever(&w);
	return 0;
}
