/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first. cmocka.h needs the others before it. */
#pragma once

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "agent/base/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Decodes hex digits (blanks are skipped) into buf; returns the length. Fails the test on anything else. */
static inline size_t from_hex(const char *hex, uint8_t *buf, size_t size)
{
	size_t n = 0;

	for (; *hex; hex++) {
		unsigned byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		assert_true(n < size);
		buf[n++] = (uint8_t)byte;
		hex++;
	}
	return n;
}
