/* SPDX-License-Identifier: Apache-2.0 */
/* The first process: reads the configuration, starts an engine, does for it what needs root, and cleans up after it. */
#pragma once

#include "agent/options.h"

/* Runs until a signal ends it, or the engine cannot be kept alive. Returns an exit code. */
int supervisor_main(const struct options *opt);
