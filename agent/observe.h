/* SPDX-License-Identifier: Apache-2.0 */
/* Observe mode: everything but sending and addresses, beside whoever really keeps them. What could act by way of the
 * configuration is taken out of it here; the rest are three switches: netif_set_read_only(), wires_mute(),
 * announce_mute(). */
#pragma once

#include "agent/conf/conf.h"

/* No hooks, FIFOs, startup and shutdown scripts, vetoes, sysctls, init_file, lease or real-time scheduling; and a
 * control socket of its own beside the configured one: "-observe" before its last dot. 0, or -ENAMETOOLONG. */
int observe_conf(struct conf *conf);
