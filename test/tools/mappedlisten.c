/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for a server that listens on the dual-stack address `::`, so that IPv4 clients are mapped addresses there.
 *
 *   mappedlisten PORT ID     greets each connection with the byte ID and then says nothing
 *
 * MySQL listens that way by default; MariaDB's `::` takes IPv6 only. It prints "listening" when it does. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "mappedlisten: %s: %s\n", what, strerror(errno));
	exit(1);
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0, on = 1;
	uint8_t id;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc != 3)
		die("usage: mappedlisten PORT ID");
	any.sin6_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	id = (uint8_t)strtoul(argv[2], NULL, 10);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 1024) < 0)
		die("listen");
	puts("listening");
	fflush(stdout);
	for (;;) {
		/* Connections stay open until we end: nobody closes them but the kernel. */
		int client = accept(fd, NULL, NULL);

		if (client >= 0)
			(void)!send(client, &id, 1, MSG_NOSIGNAL);
	}
}
