/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and prefixes as values. Bytes are in network order throughout. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* `family` is AF_INET, AF_INET6, or AF_UNSPEC for "no address". Unused bytes are zero. */
struct ip_addr {
	sa_family_t family;
	uint8_t bytes[16];
};

struct ip_prefix {
	struct ip_addr addr;
	uint8_t len; /* 0..32 or 0..128 */
};

#define IP_STR_MAX INET6_ADDRSTRLEN

static inline size_t ip_len(sa_family_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

static inline struct ip_addr ip_from_bytes(sa_family_t family, const void *bytes)
{
	struct ip_addr a = { .family = family };

	memcpy(a.bytes, bytes, ip_len(family));
	return a;
}

static inline bool ip_is_set(const struct ip_addr *a)
{
	return a->family != AF_UNSPEC;
}

/* fe80::/10; IPv4 has no such notion here. */
static inline bool ip_is_link_local(const struct ip_addr *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

/* Unsigned comparison in network order, the tie-break of RFC 9568 §6.4.3. Families must agree. */
static inline int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && ip_cmp(a, b) == 0;
}

/* Writes at most IP_STR_MAX bytes and returns `buf`; "-" for no address. */
static inline const char *ip_format(const struct ip_addr *a, char buf[IP_STR_MAX])
{
	if (!ip_is_set(a) || !inet_ntop(a->family, a->bytes, buf, IP_STR_MAX))
		strcpy(buf, "-");
	return buf;
}

/* Accepts a numeric IPv4 or IPv6 address and nothing else. */
static inline bool ip_parse(const char *text, struct ip_addr *ret)
{
	struct ip_addr a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(a.family, text, a.bytes) != 1)
		return false;
	*ret = a;
	return true;
}
