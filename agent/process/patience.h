/* SPDX-License-Identifier: Apache-2.0 */
/* How long an engine may be silent. Pure. */
#pragma once

#include "agent/conf/conf.h"

enum { PATIENCE_LEAST_S = 4 };

/* After how many seconds without a sign of life it is killed: the last whole one before a peer may take over, but at
 * least PATIENCE_LEAST_S, for the host may be busy. The peers' priorities are not known; 254 is assumed. */
unsigned patience_s(const struct conf *c);
