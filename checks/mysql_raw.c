/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the kernel whether somebody listens at the entry, with calls that never block (but for a socket on a network
 * file system, see link_connect()), and speaks no MySQL. Nothing is sent: the server sees a connection that is closed
 * at once. */
#include "checks/mysql_raw.h"

#include "agent/base/cleanup.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static enum probe_raw from_errno(int error)
{
	switch (error) {
	case 0:
		return PROBE_RAW_LISTENING;
	case ECONNREFUSED:
		return PROBE_RAW_REFUSED;
	case ENOENT:
	case ENOTDIR:
		return PROBE_RAW_MISSING;
	case EACCES:
	case EPERM:
		return PROBE_RAW_DENIED;
	case EINPROGRESS:
		return PROBE_RAW_PENDING;
	default: /* EAGAIN: backlog full. The rest (no route, out of descriptors here) says nothing about the server. */
		return PROBE_RAW_SATURATED;
	}
}

unsigned raw_sockaddr(const struct mysql_conf *conf, struct sockaddr_storage *ret)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	size_t n;

	memset(ret, 0, sizeof(*ret));
	if (conf->socket) {
		n = strlen(conf->socket);
		if (n == 0 || n >= sizeof(un->sun_path))
			return 0;
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, conf->socket, n);
		return (unsigned)sizeof(*un);
	}
	switch (conf->host.family) {
	case AF_INET:
		in->sin_family = AF_INET;
		in->sin_port = htons(conf->port);
		memcpy(&in->sin_addr, conf->host.bytes, sizeof(in->sin_addr));
		return (unsigned)sizeof(*in);
	case AF_INET6:
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(conf->port);
		memcpy(&in6->sin6_addr, conf->host.bytes, sizeof(in6->sin6_addr));
		return (unsigned)sizeof(*in6);
	default:
		return 0;
	}
}

void raw_init(struct raw_check *r)
{
	r->fd = -1;
}

void raw_drop(struct raw_check *r)
{
	r->fd = close_fd(r->fd);
}

enum probe_raw raw_start(struct raw_check *r, const struct mysql_conf *conf)
{
	struct sockaddr_storage addr;
	const unsigned len = raw_sockaddr(conf, &addr);
	enum probe_raw result;

	raw_drop(r);
	if (len == 0)
		return PROBE_RAW_DENIED;
	r->fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return PROBE_RAW_SATURATED;
	result = from_errno(connect(r->fd, (const struct sockaddr *)&addr, len) < 0 ? errno : 0);
	if (result != PROBE_RAW_PENDING)
		raw_drop(r);
	return result;
}

enum probe_raw raw_resume(struct raw_check *r)
{
	struct pollfd pfd = { .fd = r->fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&pfd, 1, 0) <= 0)
		return PROBE_RAW_PENDING;
	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	raw_drop(r);
	return from_errno(error);
}
