/* SPDX-License-Identifier: Apache-2.0 */
/* Removing the configured addresses from this host, whoever left them there. */
#pragma once

#include "agent/options.h"

/* -X, for ExecStopPost: whatever ended the agent, its addresses must not outlive it. Returns an exit code. */
int sweep_main(const struct options *opt);
