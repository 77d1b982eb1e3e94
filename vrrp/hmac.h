/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SHA-256 with a key that is set once (RFC 2104, FIPS 180-4), by OpenSSL. One prepared context for each key: a
 * message costs its two hashes and no look-up of algorithms. Knows nothing of VRRP. */
#pragma once

#include "vrrp/auth.h"

struct vrrp_hmac;

/* NULL if there is no memory, or this OpenSSL offers no HMAC-SHA-256. The key is copied. */
struct vrrp_hmac *vrrp_hmac_new(const uint8_t *key, size_t len);
/* Forgets the key. Accepts NULL, returns NULL. */
struct vrrp_hmac *vrrp_hmac_free(struct vrrp_hmac *h);

/* A vrrp_auth_hash_fn: the first VRRP_AUTH_MAC_LEN octets of the HMAC of data[0..len). */
bool vrrp_hmac(struct vrrp_hmac *h, const uint8_t *data, size_t len, uint8_t ret[VRRP_AUTH_MAC_LEN]);
