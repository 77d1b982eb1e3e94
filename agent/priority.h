/* SPDX-License-Identifier: Apache-2.0 */
/* Base priority, weights and the states of what is tracked -> effective priority, or a fault. Pure.
 *
 * As keepalived has it: a weight above 0 is added while the object is up, one below 0 while it is down; `reverse`
 * turns the sign of the contribution. Weight 0 means that the object is required: while it is down (with `reverse`:
 * up) the instance is in FAULT. Of a file it is the number in it, times the weight, that is added: at most 253, and
 * -254 or less is FAULT; with weight 0 any number but 0 is. The sum is held within 1..254; an owner (255) keeps its
 * priority. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct priority_input {
	int weight; /* -253..253; by value and for processes -254..254 */
	bool reverse;
	bool up;
	bool reported; /* false: nothing is known yet; with weight 0 that holds the instance back, quietly */
	bool by_value; /* a file: its number times the weight counts; `up` means nothing */
	int32_t value;
	bool absent;         /* counts for nothing now, not even as something to wait for */
	bool silent_is_down; /* an object that has not reported counts as down (mysqld), not as absent (scripts) */
};

struct priority_result {
	uint8_t effective; /* 1..255 */
	bool fault;        /* a required object is down */
	bool pending;      /* a required object has not reported */
};

/* What one object adds: in priority points; 0 for weight 0. */
int priority_contribution(const struct priority_input *in);
/* A required object that forbids running now. */
bool priority_forbids(const struct priority_input *in);
/* A required object that has not reported: holds back, quietly. */
bool priority_waits(const struct priority_input *in);

struct priority_result priority_sum(uint8_t base, const struct priority_input *in, size_t n);
