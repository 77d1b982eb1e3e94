/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked reading and writing of octets, big-endian. The first access past the end sets `bad`; from then on
 * every read yields zero and every write is dropped, so that a decoder tests `bad` once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static inline bool cur_bytes(struct cursor *c, void *dst, size_t n)
{
	c->bad |= c->left < n;
	if (c->bad) {
		memset(dst, 0, n);
		return false;
	}
	memcpy(dst, c->p, n);
	c->p += n;
	c->left -= n;
	return true;
}

static inline bool cur_skip(struct cursor *c, size_t n)
{
	c->bad |= c->left < n;
	if (c->bad)
		return false;
	c->p += n;
	c->left -= n;
	return true;
}

static inline uint8_t cur_u8(struct cursor *c)
{
	uint8_t b;

	cur_bytes(c, &b, 1);
	return b;
}

static inline uint16_t cur_be16(struct cursor *c)
{
	uint8_t b[2];

	cur_bytes(c, b, sizeof(b));
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t cur_be32(struct cursor *c)
{
	uint32_t high = cur_be16(c);

	return high << 16 | cur_be16(c);
}

static inline uint64_t cur_be64(struct cursor *c)
{
	uint64_t high = cur_be32(c);

	return high << 32 | cur_be32(c);
}

struct writer {
	uint8_t *p;
	size_t left;
	size_t len; /* written so far */
	bool bad;
};

static inline void wr_bytes(struct writer *w, const void *src, size_t n)
{
	w->bad |= w->left < n;
	if (w->bad)
		return;
	memcpy(w->p, src, n);
	w->p += n;
	w->left -= n;
	w->len += n;
}

static inline void wr_u8(struct writer *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

static inline void wr_be16(struct writer *w, uint16_t v)
{
	const uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	wr_bytes(w, b, sizeof(b));
}

static inline void wr_be32(struct writer *w, uint32_t v)
{
	wr_be16(w, (uint16_t)(v >> 16));
	wr_be16(w, (uint16_t)v);
}

static inline void wr_be64(struct writer *w, uint64_t v)
{
	wr_be32(w, (uint32_t)(v >> 32));
	wr_be32(w, (uint32_t)v);
}
