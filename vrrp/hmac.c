/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's EVP_MAC in our words. The context keeps the key; initialising it again without one starts the next
 * message. */
#include "vrrp/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

enum { SHA256_LEN = 32 };

struct vrrp_hmac {
	EVP_MAC_CTX *ctx;
};

static EVP_MAC_CTX *prepare(const uint8_t *key, size_t len)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac); /* the context holds a reference */
	if (ctx && !EVP_MAC_init(ctx, key, len, params)) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

struct vrrp_hmac *vrrp_hmac_new(const uint8_t *key, size_t len)
{
	struct vrrp_hmac *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ctx = prepare(key, len);
	return h->ctx ? h : vrrp_hmac_free(h);
}

struct vrrp_hmac *vrrp_hmac_free(struct vrrp_hmac *h)
{
	if (h)
		EVP_MAC_CTX_free(h->ctx);
	free(h);
	return NULL;
}

bool vrrp_hmac(struct vrrp_hmac *h, const uint8_t *data, size_t len, uint8_t ret[VRRP_AUTH_MAC_LEN])
{
	uint8_t whole[SHA256_LEN];
	size_t n;

	if (!EVP_MAC_init(h->ctx, NULL, 0, NULL) || !EVP_MAC_update(h->ctx, data, len) ||
	    !EVP_MAC_final(h->ctx, whole, &n, sizeof(whole)) || n != sizeof(whole))
		return false;
	memcpy(ret, whole, VRRP_AUTH_MAC_LEN);
	return true;
}
