/* SPDX-License-Identifier: Apache-2.0 */
/* VRRP advertisements: bytes <-> struct vrrp_advert. Pure: no socket, clock, log or allocation.
 *
 * Decoding judges one received packet against what the instance expects and either yields host values or one reason
 * why not; the caller counts the reasons. The order of the tests follows RFC 9568 §7.1 and RFC 3768 §7.1; where the
 * two are silent, that of keepalived. Encoding yields what a raw socket sends: over IPv4 the whole packet (IP_HDRINCL),
 * over IPv6 the message alone. */
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
	VRRP_PRIO_RESIGN = 0,
	VRRP_ADDRS_MAX = 255,
	VRRP_AUTH_LEN = 8,
	VRRP_AUTH_TRAILER_LEN = 28, /* auth_hmac, see vrrp/auth.h */
	VRRP_PACKET_MAX = 60 + 8 + VRRP_ADDRS_MAX * 16 + VRRP_AUTH_LEN + VRRP_AUTH_TRAILER_LEN,
};

#define VRRP_GROUP4 "224.0.0.18"
#define VRRP_GROUP6 "ff02::12"

/* Auth Type of version 2 (RFC 2338 §5.3.6). */
enum vrrp_auth_type { VRRP_AUTH_NONE = 0, VRRP_AUTH_PASS = 1, VRRP_AUTH_AH = 2 };

/* What the checksum of version 3 over IPv4 covers beside the message. Over IPv6 there is but the first. */
enum vrrp_csum {
	VRRP_CSUM_PSEUDO, /* a pseudo-header: keepalived's default */
	VRRP_CSUM_PLAIN,  /* nothing: RFC 9568 §5.2.8 */
	VRRP_CSUM_GROUP,  /* on unicast, a pseudo-header with the multicast group as destination: keepalived up to 1.3.6
			   */
	_VRRP_CSUM_MAX_,
};

/* Somebody whom a unicast instance speaks to, and which TTL or hop limit what comes from there may have. */
struct vrrp_unicast_peer {
	struct ip_addr addr;
	uint8_t min_ttl, max_ttl; /* 0 and 255: any */
};

struct vrrp_auth;

/* How an instance speaks. */
struct vrrp_wire {
	uint8_t version; /* 2 or 3 */
	sa_family_t family;
	uint8_t vrid;
	enum vrrp_auth_type auth_type;
	uint8_t auth_data[VRRP_AUTH_LEN]; /* zero-padded password */
	uint32_t interval_us;             /* own advertisement interval */
	enum vrrp_csum csum;              /* for sending; the others are accepted, too */
	bool csum_group_refused;          /* but not VRRP_CSUM_GROUP */
	struct ip_addr group;             /* multicast: where adverts go; unicast: for VRRP_CSUM_GROUP */
	const struct ip_addr *addrs;      /* borrowed; the VIPs, in configuration order */
	size_t n_addrs;                   /* at most VRRP_ADDRS_MAX */
	bool unicast;
	uint8_t ttl;                           /* of our IPv4 packets on unicast; on multicast it is VRRP_TTL */
	const struct vrrp_unicast_peer *peers; /* borrowed */
	size_t n_peers;
	bool check_peers;             /* nobody but the peers is heard, and they only with their TTL */
	const struct vrrp_auth *auth; /* borrowed; NULL: no auth_hmac */
};

/* A packet as a raw socket delivers it. Over IPv4 the bytes begin with the IP header. Over IPv6 they begin with the
 * VRRP message, and what else is known came as ancillary data. */
struct vrrp_packet {
	sa_family_t family;
	const uint8_t *data; /* borrowed */
	size_t len;
	struct ip_addr src, dst; /* IPv6 only */
	int hop_limit;           /* IPv6 only; -1 = not known */
	uint64_t utc;            /* when it is judged, as vrrp_auth_clock() has it; only auth_hmac asks */
};

/* A trailer that was found good. */
struct vrrp_auth_seen {
	bool present;
	uint64_t seq;
	int32_t skew_s; /* the sender's clock less ours; means something with anti_replay time only */
	bool skewed;    /* by more than half of the window */
};

struct vrrp_advert {
	struct ip_addr src;
	uint8_t priority;
	uint32_t interval_us;
	enum vrrp_csum csum; /* under which dialect the checksum was right */
	bool csum_alt;       /* that is not the one that we send */
	bool interval_diff;  /* version 3: Max Adver Int is not ours; legal, counted */
	bool addrs_differ;   /* the VIP list is not ours; accepted, counted, alarmed */
	struct vrrp_auth_seen auth;
	bool no_link_local; /* IPv6: the first address is not link-local (RFC 9568 §5.2.9); accepted */
};

/* Why a packet was refused. VRRP_OK is not a refusal. Names as keepalived prints them where it has one. */
enum vrrp_drop {
	VRRP_OK,
	VRRP_DROP_LENGTH,        /* packet_len_err: shorter or longer than its Count field says */
	VRRP_DROP_VRID,          /* vrid_err: no instance has this VRID */
	VRRP_DROP_PROTOCOL,      /* proto_err: not protocol 112 of our family, or a fragment */
	VRRP_DROP_TTL,           /* ip_ttl_err: not 255 on multicast, outside the peer's range on unicast */
	VRRP_DROP_VERSION,       /* vers_err */
	VRRP_DROP_TYPE,          /* invalid_type_rcvd */
	VRRP_DROP_AUTH_INVALID,  /* invalid_authtype: not one that version 2 knows */
	VRRP_DROP_AUTH_MISMATCH, /* authtype_mismatch */
	VRRP_DROP_AUTH_FAILURE,  /* auth_failure */
	VRRP_DROP_INTERVAL,      /* advert_interval_err: version 2, not ours */
	VRRP_DROP_INTERVAL_ZERO, /* advert_interval_zero: version 3 */
	VRRP_DROP_CHECKSUM,      /* chk_err */
	VRRP_DROP_CAST,          /* cast_err: multicast to a unicast instance, or not sent to our group */
	VRRP_DROP_OWN_SRC,       /* own_src: source address is one of ours */
	VRRP_DROP_COUNT_ZERO,    /* addr_count_zero */
	VRRP_DROP_UNKNOWN_PEER,  /* unknown_peer: unicast from somebody who is none of the peers */
	/* auth_hmac, see vrrp/auth.h */
	VRRP_DROP_EXT_MALFORMED,    /* auth_ext_malformed: unknown type, or a reserved octet that is not 0 */
	VRRP_DROP_EXT_STALE,        /* auth_ext_stale: the sender's clock and ours differ by more than the window */
	VRRP_DROP_EXT_UNKNOWN_KEY,  /* auth_ext_unknown_key */
	VRRP_DROP_EXT_INVALID_HMAC, /* auth_ext_invalid_hmac: another key, or changed on the way */
	VRRP_DROP_EXT_REPLAY,       /* auth_ext_replay: no newer than what was accepted before */
	VRRP_DROP_EXT_MISSING,      /* auth_ext_missing: no trailer, and one is required */
	_VRRP_DROP_MAX_,
};

/* The counter's name in status and logs. */
const char *vrrp_drop_name(enum vrrp_drop drop);

/* The VRID, or 0 (no legal VRID) if the packet is too short to have one. */
uint8_t vrrp_peek_vrid(const struct vrrp_packet *packet);
/* Who sent it, and to whom; AF_UNSPEC if the packet is too short to tell. */
struct ip_addr vrrp_peek_src(const struct vrrp_packet *packet);
struct ip_addr vrrp_peek_dst(const struct vrrp_packet *packet);

/* NULL if `addr` is none of the peers. */
const struct vrrp_unicast_peer *vrrp_find_peer(const struct vrrp_wire *wire, const struct ip_addr *addr);

/* Judges a packet as received by a raw socket (IPv4: header included, IHL may exceed 5). `own` is our source address.
 * With auth_hmac, whoever acts on the advert calls vrrp_auth_accept(). Writes `*ret` only on VRRP_OK. */
enum vrrp_drop vrrp_decode(const struct vrrp_wire *wire, const struct ip_addr *own, const struct vrrp_packet *packet,
			   struct vrrp_advert *ret);

/* Encodes one advert with `priority` into buf[0..size): over IPv4 a packet with `ip_id` as IP identification and the
 * header checksum 0 for the kernel to fill; over IPv6 the message with its checksum. With auth_hmac it is signed with
 * the number that vrrp_auth_next() gave out last. Returns the length, or 0 if it does not fit or cannot be signed. */
size_t vrrp_encode(const struct vrrp_wire *wire, const struct ip_addr *src, const struct ip_addr *dst, uint8_t priority,
		   uint16_t ip_id, uint8_t *buf, size_t size);

/* How many addresses an advert may hold so that it fits into `mtu` octets with its headers; at most VRRP_ADDRS_MAX. */
size_t vrrp_addrs_that_fit(const struct vrrp_wire *wire, unsigned mtu);

/* RFC 1071 sum over `len` octets added to `sum`, folded, not complemented. An odd last octet is padded with zero. */
uint16_t vrrp_csum_add(uint16_t sum, const void *data, size_t len);
