/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses from texts that are right. Include after "test/unit/unit.h". */
#pragma once

#include "agent/base/addr.h"

static inline struct ip_addr ip(const char *text)
{
	struct ip_addr a = { 0 };

	assert_true(ip_parse(text, &a));
	return a;
}

static inline struct ip_prefix prefix(const char *text, uint8_t len)
{
	return (struct ip_prefix){ .addr = ip(text), .len = len };
}
