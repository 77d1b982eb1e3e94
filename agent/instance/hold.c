/* SPDX-License-Identifier: Apache-2.0 */
/* The one rule by which tries become rarer: doubling, up to a limit. When it is over, and what ends it sooner, is up to
 * those who fail: addr.c, veto.c, lost.c, unheard.c; a reload ends all (timer.c). */
#include "agent/instance/hold.h"

uint64_t instance_hold_us(uint64_t last_us, uint64_t max_us)
{
	if (last_us == 0)
		return INSTANCE_HOLD_MIN_US;
	return last_us < max_us / 2 ? last_us * 2 : max_us;
}
