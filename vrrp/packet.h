/* SPDX-License-Identifier: Apache-2.0 */
/* VRRP advertisements: bytes <-> struct vrrp_advert. Pure: no socket, clock, log or allocation.
 *
 * Decoding judges one received packet against what the instance expects and either yields host values or one reason
 * why not; the caller counts the reasons. The order of the tests follows RFC 9568 §7.1 and RFC 3768 §7.1; where the
 * two are silent, that of keepalived. Encoding yields the complete IPv4 packet for a socket with IP_HDRINCL. */
#pragma once

#include "agent/base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VRRP_IP_PROTO = 112,
	VRRP_TTL = 255,
	VRRP_TOS = 0xc0, /* CS6 */
	VRRP_PRIO_OWNER = 255,
	VRRP_PRIO_MAX = 254, /* of a router that is not the owner */
	VRRP_PRIO_RESIGN = 0,
	VRRP_ADDRS_MAX = 255,
	VRRP_AUTH_LEN = 8,
	VRRP_PACKET_MAX = 60 + 8 + VRRP_ADDRS_MAX * 16 + VRRP_AUTH_LEN,
};

#define VRRP_GROUP4 "224.0.0.18"

/* Auth Type of version 2 (RFC 2338 §5.3.6). */
enum vrrp_auth_type { VRRP_AUTH_NONE = 0, VRRP_AUTH_PASS = 1, VRRP_AUTH_AH = 2 };

/* Which bytes the IPv4 checksum of version 3 covers: with pseudo-header (keepalived's default) or the message alone
 * (RFC 9568 §5.2.8). */
enum vrrp_csum { VRRP_CSUM_PSEUDO, VRRP_CSUM_PLAIN };

/* How an instance speaks; constant while it runs. */
struct vrrp_wire {
	uint8_t version; /* 2 or 3 */
	sa_family_t family;
	uint8_t vrid;
	enum vrrp_auth_type auth_type;
	uint8_t auth_data[VRRP_AUTH_LEN]; /* zero-padded password */
	uint32_t interval_us;             /* own advertisement interval */
	enum vrrp_csum csum;              /* for sending; both are accepted */
	const struct ip_addr *addrs;      /* borrowed; the VIPs, in configuration order */
	size_t n_addrs;                   /* at most VRRP_ADDRS_MAX */
};

struct vrrp_advert {
	struct ip_addr src;
	uint8_t priority;
	uint32_t interval_us;
	bool csum_alt;      /* verified under the dialect that we do not send */
	bool interval_diff; /* version 3: Max Adver Int is not ours; legal, counted */
	bool addrs_differ;  /* the VIP list is not ours; accepted, counted, alarmed */
};

/* Why a packet was refused. VRRP_OK is not a refusal. Names as keepalived prints them where it has one. */
enum vrrp_drop {
	VRRP_OK,
	VRRP_DROP_LENGTH,        /* packet_len_err: shorter or longer than its Count field says */
	VRRP_DROP_VRID,          /* vrid_err: no instance has this VRID */
	VRRP_DROP_PROTOCOL,      /* proto_err: not IPv4 protocol 112, or a fragment */
	VRRP_DROP_TTL,           /* ip_ttl_err */
	VRRP_DROP_VERSION,       /* vers_err */
	VRRP_DROP_TYPE,          /* invalid_type_rcvd */
	VRRP_DROP_AUTH_INVALID,  /* invalid_authtype: not one that version 2 knows */
	VRRP_DROP_AUTH_MISMATCH, /* authtype_mismatch */
	VRRP_DROP_AUTH_FAILURE,  /* auth_failure */
	VRRP_DROP_INTERVAL,      /* advert_interval_err: version 2, not ours */
	VRRP_DROP_INTERVAL_ZERO, /* advert_interval_zero: version 3 */
	VRRP_DROP_CHECKSUM,      /* chk_err */
	VRRP_DROP_CAST,          /* cast_err: not sent to our group */
	VRRP_DROP_OWN_SRC,       /* own_src: source address is one of ours */
	VRRP_DROP_COUNT_ZERO,    /* addr_count_zero */
	_VRRP_DROP_MAX_,
};

/* The counter's name in status and logs. */
const char *vrrp_drop_name(enum vrrp_drop drop);

/* The VRID of an IPv4 packet as a raw socket delivers it, or 0 (no legal VRID) if it is too short to have one. */
uint8_t vrrp_peek_vrid(const uint8_t *packet, size_t len);

/* Judges the IPv4 packet in packet[0..len) as received by a raw socket (header included, IHL may exceed 5).
 * `own` is our source address, `group` the multicast group. Writes `*ret` only on VRRP_OK. */
enum vrrp_drop vrrp_decode(const struct vrrp_wire *wire, const struct ip_addr *own, const struct ip_addr *group,
			   const uint8_t *packet, size_t len, struct vrrp_advert *ret);

/* Encodes one advert with `priority` as an IPv4 packet into buf[0..size). `ip_id` becomes the IP identification; the
 * header checksum stays 0 for the kernel to fill. Returns the length, or 0 if it does not fit. */
size_t vrrp_encode(const struct vrrp_wire *wire, const struct ip_addr *src, const struct ip_addr *dst, uint8_t priority,
		   uint16_t ip_id, uint8_t *buf, size_t size);

/* RFC 1071 sum over `len` octets added to `sum`, folded, not complemented. An odd last octet is padded with zero. */
uint16_t vrrp_csum_add(uint16_t sum, const void *data, size_t len);
