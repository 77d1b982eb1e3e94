/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of the effective priority. Knows neither checks nor instances: the caller hands in their states. */
#include "agent/priority.h"

enum { OWNER = 255, HIGHEST = 254, LOWEST = 1, VALUE_MAX = 253, VALUE_FAULT = -254 };

static int64_t product(const struct priority_input *in)
{
	int64_t v = (int64_t)in->value * in->weight;

	return in->reverse ? -v : v;
}

int priority_contribution(const struct priority_input *in)
{
	bool counts = !in->absent && (in->reported || in->silent_is_down);
	bool up = in->reported && in->up;

	if (in->by_value) {
		int64_t v = in->absent || !in->reported ? 0 : product(in);

		return v <= VALUE_FAULT ? 0 : v > VALUE_MAX ? VALUE_MAX : (int)v;
	}
	if (!counts || up != (in->weight > 0))
		return 0;
	return in->reverse ? -in->weight : in->weight;
}

bool priority_forbids(const struct priority_input *in)
{
	if (in->absent || !in->reported)
		return false;
	if (in->by_value)
		return in->weight == 0 ? (in->value != 0) != in->reverse : product(in) <= VALUE_FAULT;
	return in->weight == 0 && in->up == in->reverse;
}

bool priority_waits(const struct priority_input *in)
{
	return !in->absent && in->weight == 0 && !in->reported;
}

struct priority_result priority_sum(uint8_t base, const struct priority_input *in, size_t n)
{
	struct priority_result r = { .effective = base };
	int total = base;

	for (size_t i = 0; i < n; i++) {
		total += priority_contribution(&in[i]);
		r.fault |= priority_forbids(&in[i]);
		r.pending |= priority_waits(&in[i]);
	}
	if (base == OWNER)
		return r;
	if (total > HIGHEST)
		total = HIGHEST;
	if (total < LOWEST)
		total = LOWEST;
	r.effective = (uint8_t)total;
	return r;
}
