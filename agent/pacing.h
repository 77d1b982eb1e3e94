/* SPDX-License-Identifier: Apache-2.0 */
/* At most one announcement per interval on each interface and of each kind (vrrp_garp_interval, vrrp_gna_interval),
 * whichever instance sends it. Who wants to send takes the next time that is free and waits for it; so those that wait
 * go round, one frame each. No clock: the caller says what time it is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pacing;

struct pacing *pacing_new(void);
struct pacing *pacing_free(struct pacing *p);

/* When the caller's next frame may leave the interface: now or later, and `interval_us` after the one that was given
 * out before. `v6`: neighbour advertisement, else ARP. What is taken and not used delays the others by one interval. */
uint64_t pacing_take(struct pacing *p, int ifindex, bool v6, uint64_t interval_us, uint64_t now_us);
