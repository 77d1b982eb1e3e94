/* SPDX-License-Identifier: Apache-2.0 */
/* How long an instance stays away after something that may fail again when it is tried again: longer each time. Pure.
 */
#pragma once

#include <stdint.h>

enum {
	INSTANCE_HOLD_MIN_US = 5000000,
	/* Where each try robs a healthy peer of the addresses: takes that fail, vetoes, VIPs that others delete. */
	INSTANCE_HOLD_MAX_US = 300000000,
	/* Where a try disturbs nobody: adverts that do not leave, and so no address is taken. */
	INSTANCE_HOLD_HARMLESS_MAX_US = 60000000,
};

/* `last_us` is how long it was the last time, 0 after a success; `max_us` one of the above. */
uint64_t instance_hold_us(uint64_t last_us, uint64_t max_us);
