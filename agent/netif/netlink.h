/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink sockets on top of libnl: errors as -errno instead of NLE_ codes, senders checked, dumps walked. For
 * this folder only; nothing of libnl goes further. */
#pragma once

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct nl_sock;
struct nl_msg;

/* The kernel fills at most 32 KiB per read of a dump. */
enum { NETLINK_READ_MAX = 32 * 1024 };

/* `receive_buffer` in octets, beyond the system's limit where CAP_NET_ADMIN allows it. A blocking read gives up after
 * a second, which the kernel never needs: it answers within the send. 0 or -errno. */
int netlink_open(int protocol, int receive_buffer, struct nl_sock **ret);
/* NULL is fine; returns NULL. */
struct nl_sock *netlink_close(struct nl_sock *sk);

/* 0 or -errno. The requests in `buf` were carried out by the kernel when this returns. */
int netlink_send(struct nl_sock *sk, const void *buf, size_t len);

/* One datagram of the kernel's; what other processes send us is passed over. Its length, or -EAGAIN (nothing there),
 * -ENOBUFS (some were lost), -EMSGSIZE (longer than `size`). `flags`: 0 or MSG_DONTWAIT. */
ssize_t netlink_receive(struct nl_sock *sk, void *buf, size_t size, int flags);

/* Sends `request` as a dump and calls fn() for each message of the answer until it returns an error, which is
 * then returned. After an error other than -EINTR the socket must be closed: the rest is still in it. -EINTR: the
 * tables changed meanwhile and the answer may have gaps or doubles. `buf`: NETLINK_READ_MAX octets. */
typedef int (*netlink_message_fn)(void *user, struct nlmsghdr *h);
int netlink_dump(struct nl_sock *sk, struct nl_msg *request, void *buf, netlink_message_fn fn, void *user);
/* The same with a request of `type` that is `header` and at most one u32 attribute (`attr` 0 = none). */
int netlink_dump_table(struct nl_sock *sk, int type, const void *header, size_t header_len, int attr, uint32_t value,
		       void *buf, netlink_message_fn fn, void *user);

/* The error (0 or -errno) in an NLMSG_ERROR message; -EBADMSG if it is malformed. */
int netlink_error(const struct nlmsghdr *h);
