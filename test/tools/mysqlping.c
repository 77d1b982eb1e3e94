/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of a MySQL server behind a virtual IP, and when they notice that it moved; JSON lines on stdout.
 *
 *   mysqlping ping ADDRESS PORT [-i INTERVAL_US] [-d DEADLINE_MS]   a fresh connection and SELECT @@server_id at each
 *       interval, whether or not the earlier ones have answered; reports each change of what comes back, and at the
 *       end (SIGTERM) a summary with the longest time without an answer
 *   mysqlping hold ADDRESS PORT [-n CLIENTS] [-r] [-p]              clients that wait for a reply which does not come;
 *       reports when each of them got an error, with -r connects again at once, and reports who answers; -p: the
 *       server is no MySQL but sends its number as one byte and then nothing (mappedlisten)
 *
 * Times are CLOCK_MONOTONIC seconds. It speaks just enough of the protocol for the user `app` without a password; it
 * is no library: one thread, no retries inside an attempt, nothing hidden. */
#include "agent/base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, BUF_MAX = 2048, IDS_MAX = 16, ID_TIMER = CLIENTS_MAX, ID_SIGNAL, EVENTS_MAX = 256 };

enum state { FREE, CONNECTING, GREETING, AUTHENTICATING, ASKING, HOLDING };

struct client {
	enum state state;
	int fd;
	uint64_t started_ns;
	size_t len;       /* bytes in buf */
	unsigned packets; /* of the result so far */
	long id;          /* who answered on this connection */
	bool was_held;    /* held a connection before; now it connects again */
	uint8_t buf[BUF_MAX];
};

struct ping {
	struct sockaddr_in server;
	bool hold, again, plain;
	uint64_t interval_ns, deadline_ns;
	int epoll;
	size_t n_clients, n_held;
	bool done;
	struct client clients[CLIENTS_MAX];

	/* What has come back so far. */
	bool any, failing;
	long last_id;
	uint64_t last_answer_ns, gap_ns, gap_start_ns;
	unsigned long attempts, answers, failures;
	struct {
		long id;
		unsigned long answers;
	} by_id[IDS_MAX];
};

static void die(const char *what)
{
	fprintf(stderr, "mysqlping: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void say(uint64_t at_ns, const char *event)
{
	printf("{\"t\": %" PRIu64 ".%06" PRIu64 ", \"event\": \"%s\"", at_ns / 1000000000, at_ns / 1000 % 1000000,
	       event);
}

/* --- one connection ------------------------------------------------------------------------------------------ */

static void drop(struct client *c)
{
	/* Reset, not closed: thousands of connections in TIME_WAIT would use up the ports. */
	struct linger now = { .l_onoff = 1 };

	if (c->state == FREE)
		return;
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(c->fd);
	c->state = FREE;
}

static void begin(struct ping *p, struct client *c)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.u32 = (uint32_t)(c - p->clients) };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	c->state = CONNECTING;
	c->started_ns = now_ns();
	c->len = 0;
	c->packets = 0;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		die("epoll");
	/* An error at once comes back as an event, too. */
	(void)connect(c->fd, (const struct sockaddr *)&p->server, sizeof(p->server));
	p->attempts++;
}

static void await_input(struct ping *p, struct client *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = (uint32_t)(c - p->clients) };

	epoll_ctl(p->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

static bool send_packet(const struct client *c, uint8_t seq, const void *body, size_t len)
{
	uint8_t out[256] = { (uint8_t)len, (uint8_t)(len >> 8), 0, seq };

	if (len > sizeof(out) - 4)
		return false;
	memcpy(out + 4, body, len);
	return send(c->fd, out, len + 4, MSG_NOSIGNAL) == (ssize_t)len + 4;
}

static bool send_query(struct client *c, const char *text)
{
	char body[128];
	int n = snprintf(body, sizeof(body), "\x03%s", text);

	c->packets = 0;
	return send_packet(c, 0, body, (size_t)n);
}

/* Protocol 4.1, plug-in authentication, user `app`, no password. */
static bool send_login(struct client *c, uint8_t seq)
{
	static const char tail[] = "app\0\0mysql_native_password";
	uint8_t body[32 + sizeof(tail)] = { 0x01, 0x82, 0x08, 0x00, 0, 0, 0, 1, 33 };

	memcpy(body + 32, tail, sizeof(tail));
	return send_packet(c, seq, body, sizeof(body));
}

/* --- what came of it ----------------------------------------------------------------------------------------- */

static void count_id(struct ping *p, long id)
{
	for (size_t i = 0; i < IDS_MAX; i++) {
		if (p->by_id[i].answers && p->by_id[i].id != id)
			continue;
		p->by_id[i].id = id;
		p->by_id[i].answers++;
		return;
	}
}

static void ping_answered(struct ping *p, struct client *c, long id)
{
	uint64_t at_ns = now_ns();

	if (!p->any || p->failing || id != p->last_id) {
		say(at_ns, "answer");
		printf(", \"id\": %ld, \"started\": %" PRIu64 ".%06" PRIu64 "}\n", id, c->started_ns / 1000000000,
		       c->started_ns / 1000 % 1000000);
	}
	if (p->any && at_ns - p->last_answer_ns > p->gap_ns) {
		p->gap_ns = at_ns - p->last_answer_ns;
		p->gap_start_ns = p->last_answer_ns;
	}
	p->any = true;
	p->failing = false;
	p->last_id = id;
	p->last_answer_ns = at_ns;
	p->answers++;
	count_id(p, id);
	(void)!send_packet(c, 0, "\x01", 1);
	drop(c);
}

static void failed(struct ping *p, struct client *c, const char *why)
{
	bool held = c->state == HOLDING;

	drop(c);
	p->failures++;
	if (!p->hold) {
		if (!p->failing) {
			say(now_ns(), "failure");
			printf(", \"reason\": \"%s\"}\n", why);
		}
		p->failing = true;
		return;
	}
	if (held) {
		say(now_ns(), "error");
		printf(", \"client\": %td, \"id\": %ld, \"reason\": \"%s\"}\n", c - p->clients, c->id, why);
		c->was_held = true;
		p->n_held--;
		if (p->again)
			begin(p, c);
		else if (!p->n_held)
			p->done = true;
	}
	/* Whoever failed before it held anything is started again by the timer. */
}

static void identified(struct ping *p, struct client *c, long id)
{
	if (!p->hold) {
		ping_answered(p, c, id);
		return;
	}
	c->id = id;
	if (!p->plain && !send_query(c, "SELECT SLEEP(60)")) {
		failed(p, c, "send");
		return;
	}
	c->state = HOLDING;
	p->n_held++;
	if (c->was_held) {
		say(now_ns(), "reconnected");
		printf(", \"client\": %td, \"id\": %ld}\n", c - p->clients, id);
	} else if (p->n_held == p->n_clients) {
		say(now_ns(), "holding");
		printf(", \"clients\": %zu}\n", p->n_held);
	}
}

static void server_error(struct ping *p, struct client *c, const uint8_t *body, size_t len)
{
	char why[32];

	snprintf(why, sizeof(why), "error %u", len >= 3 ? body[1] | (unsigned)body[2] << 8 : 0);
	failed(p, c, why);
}

/* A row with one column: a length below 251, then the digits. */
static long row_number(const uint8_t *body, size_t len)
{
	char digits[24] = "";

	if (len < 2 || body[0] >= sizeof(digits) || body[0] > len - 1)
		return -1;
	memcpy(digits, body + 1, body[0]);
	return strtol(digits, NULL, 10);
}

static void take_packet(struct ping *p, struct client *c, uint8_t seq, const uint8_t *body, size_t len)
{
	bool ok = true;

	if (len && body[0] == 0xff) {
		server_error(p, c, body, len);
		return;
	}
	switch (c->state) {
	case GREETING:
		ok = send_login(c, (uint8_t)(seq + 1));
		c->state = AUTHENTICATING;
		break;
	case AUTHENTICATING:
		if (len && body[0] == 0xfe) { /* another method: without a password the answer is empty there, too */
			ok = send_packet(c, (uint8_t)(seq + 1), "", 0);
		} else {
			ok = send_query(c, "SELECT @@server_id");
			c->state = ASKING;
		}
		break;
	case ASKING: /* number of columns, column, EOF, row, EOF */
		if (++c->packets == 4)
			c->id = row_number(body, len);
		if (c->packets == 5)
			identified(p, c, c->id);
		break;
	case HOLDING:
		if (++c->packets == 5)
			failed(p, c, "answered");
		break;
	case FREE:
	case CONNECTING:
		break;
	}
	if (!ok)
		failed(p, c, "send");
}

static void take_input(struct ping *p, struct client *c)
{
	size_t at = 0;

	while (c->state != FREE && c->len - at >= 4) {
		const uint8_t *h = c->buf + at;
		size_t len = h[0] | (size_t)h[1] << 8 | (size_t)h[2] << 16;

		if (len > sizeof(c->buf) - 4) {
			failed(p, c, "packet too long");
			return;
		}
		if (c->len - at < len + 4)
			break;
		at += len + 4;
		take_packet(p, c, h[3], h + 4, len);
		/* A connection that began anew meanwhile has nothing in its buffer. */
		if (c->state <= CONNECTING)
			return;
	}
	memmove(c->buf, c->buf + at, c->len - at);
	c->len -= at;
}

static void ready(struct ping *p, struct client *c)
{
	ssize_t n;

	if (c->state == FREE)
		return;
	if (c->state == CONNECTING) {
		int error = 0;
		socklen_t len = sizeof(error);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error) {
			failed(p, c, strerror(error));
			return;
		}
		c->state = GREETING;
		await_input(p, c);
	}
	n = recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		failed(p, c, n ? strerror(errno) : "closed");
		return;
	}
	c->len += (size_t)n;
	if (!p->plain) {
		take_input(p, c);
	} else if (c->state == GREETING) {
		c->len = 0;
		identified(p, c, c->buf[0]);
	}
}

/* --- loop ---------------------------------------------------------------------------------------------------- */

static void tick(struct ping *p)
{
	uint64_t now = now_ns();
	bool begun = false;

	for (size_t i = 0; i < p->n_clients; i++) {
		struct client *c = &p->clients[i];
		/* The crowd that is gathered at first may take its time; who connects again must not miss the moment.
		 */
		uint64_t patience_ns = p->hold && !c->was_held ? 100 * p->deadline_ns : p->deadline_ns;

		if (c->state != FREE && c->state != HOLDING && now - c->started_ns >= patience_ns)
			failed(p, c, "deadline");
		if (c->state == FREE && (p->hold ? !c->was_held || p->again : !begun)) {
			begin(p, c);
			begun = true;
		}
	}
}

static void summary(const struct ping *p)
{
	uint64_t now = now_ns(), gap = p->gap_ns, start = p->gap_start_ns;

	/* An outage that has not ended counts, too. */
	if (p->any && now - p->last_answer_ns > gap) {
		gap = now - p->last_answer_ns;
		start = p->last_answer_ns;
	}
	say(now, "summary");
	printf(", \"attempts\": %lu, \"answers\": %lu, \"failures\": %lu, \"gap_ms\": %.3f, \"gap_start\": %.6f, "
	       "\"by_id\": {",
	       p->attempts, p->answers, p->failures, (double)gap / 1e6, (double)start / 1e9);
	for (size_t i = 0; i < IDS_MAX && p->by_id[i].answers; i++)
		printf("%s\"%ld\": %lu", i ? ", " : "", p->by_id[i].id, p->by_id[i].answers);
	printf("}}\n");
}

static void watch(const struct ping *p, int fd, uint32_t id)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = id };

	if (fd < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll");
}

static void run(struct ping *p)
{
	struct itimerspec each = {
		.it_interval = { (time_t)(p->interval_ns / 1000000000), (long)(p->interval_ns % 1000000000) },
		.it_value.tv_nsec = 1,
	};
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	sigset_t end;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, NULL);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(p, timer, ID_TIMER);
	watch(p, signalfd(-1, &end, SFD_CLOEXEC), ID_SIGNAL);
	timerfd_settime(timer, 0, &each, NULL);
	while (!p->done) {
		struct epoll_event events[EVENTS_MAX];
		int n = epoll_wait(p->epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			uint64_t expired;

			if (events[i].data.u32 == ID_SIGNAL)
				p->done = true;
			else if (events[i].data.u32 != ID_TIMER)
				ready(p, &p->clients[events[i].data.u32]);
			else if (read(timer, &expired, sizeof(expired)) > 0)
				tick(p);
		}
	}
	summary(p);
}

static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (*end || n < min || n > max) {
		errno = ERANGE;
		die(text);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct ping *p = calloc(1, sizeof(*p));
	int opt;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!p || argc < 4 || (strcmp(argv[1], "ping") && strcmp(argv[1], "hold"))) {
		fprintf(stderr, "usage: mysqlping ping|hold ADDRESS PORT [-i US] [-d MS] [-n CLIENTS] [-r] [-p]\n");
		return 2;
	}
	p->hold = !strcmp(argv[1], "hold");
	p->interval_ns = 1000000;
	p->deadline_ns = 50000000;
	p->server =
		(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)number(argv[3], 1, 65535)) };
	if (inet_pton(AF_INET, argv[2], &p->server.sin_addr) != 1)
		die(argv[2]);
	p->n_clients = p->hold ? 10 : 0;
	optind = 4;
	while ((opt = getopt(argc, argv, "i:d:n:rp")) != -1) {
		if (opt == 'i')
			p->interval_ns = number(optarg, 100, 10000000) * 1000;
		else if (opt == 'd')
			p->deadline_ns = number(optarg, 1, 60000) * 1000000;
		else if (opt == 'n')
			p->n_clients = number(optarg, 1, CLIENTS_MAX);
		else if (opt == 'r')
			p->again = true;
		else if (opt == 'p')
			p->plain = true;
		else
			return 2;
	}
	if (!p->n_clients) /* enough that one can begin at each interval while the others wait for their deadline */
		p->n_clients = p->deadline_ns / p->interval_ns + 8;
	if (p->n_clients > CLIENTS_MAX)
		p->n_clients = CLIENTS_MAX;
	run(p);
	free(p);
	return 0;
}
