/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine asks of anybody who does the agent's work at rest: ten times a second one loop sleeps, sends one
 * advert, reads the answer to its last question and puts the next. Decides nothing, measures nothing, renews nothing.
 * Its CPU time is the yardstick beside which `make bench` puts the agent's.
 *
 *   bareloop SOCKET USER PASSWORD ADVERT     the advert in hexadecimal digits, as the octets behind the IPv4 header */
#include <arpa/inet.h>
#include <err.h>
#include <mariadb/mysql.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { INTERVAL_NS = 100000000, VRRP = 112, ADVERT_MAX = 64, ANSWER_MAX = 4096 };

static const char QUESTION[] = "\x05\0\0\0\x03"
			       "DO 1"; /* COM_QUERY with its header */

static int open_sender(void)
{
	const struct ip_mreqn out = { .imr_ifindex = (int)if_nametoindex("eth0") };
	const int ttl = 255, off = 0;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, VRRP);

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off)) < 0)
		err(1, "cannot open the raw socket");
	return fd;
}

static int log_in(const char *path, const char *user, const char *password)
{
	MYSQL *m = mysql_init(NULL);

	if (!m || !mysql_real_connect(m, "localhost", user, password, NULL, 0, path, 0))
		errx(1, "cannot log in: %s", m ? mysql_error(m) : "no memory");
	return mysql_get_socket(m);
}

static size_t read_hex(const char *text, uint8_t *ret)
{
	size_t n = 0;

	while (n < ADVERT_MAX && sscanf(text + 2 * n, "%2hhx", &ret[n]) == 1)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	const struct itimerspec pace = { { 0, INTERVAL_NS }, { 0, INTERVAL_NS } };
	struct sockaddr_in group = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN };
	uint8_t advert[ADVERT_MAX], answer[ANSWER_MAX];
	int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int sender, server;
	size_t len;

	if (argc != 5)
		errx(2, "usage: bareloop SOCKET USER PASSWORD ADVERT");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sender = open_sender();
	server = log_in(argv[1], argv[2], argv[3]);
	len = read_hex(argv[4], advert);
	inet_pton(AF_INET, "224.0.0.18", &group.sin_addr);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	timerfd_settime(timer, 0, &pace, NULL);
	epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &ev);
	for (bool asked = false;; asked = true) {
		uint64_t ticks;

		if (epoll_wait(epoll, &ev, 1, -1) != 1 || read(timer, &ticks, sizeof(ticks)) < 0)
			err(1, "the timer failed");
		if (sendto(sender, advert, len, 0, (struct sockaddr *)&group, sizeof(group)) < 0)
			err(1, "cannot send");
		if (asked && recv(server, answer, sizeof(answer), 0) <= 0)
			errx(1, "the server is gone");
		if (send(server, QUESTION, sizeof(QUESTION) - 1, MSG_NOSIGNAL) < 0)
			err(1, "cannot ask");
	}
}
