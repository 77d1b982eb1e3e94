/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps the addresses: VRRP, checks, hooks, control socket, wired together and run until a signal ends it. */
#pragma once

#include "agent/options.h"

/* Runs until it is told to stop. Returns an exit code. */
int engine_main(const struct options *opt);
