/* SPDX-License-Identifier: Apache-2.0 */
/* How long an engine may be silent. Pure. */
#pragma once

#include "agent/conf/conf.h"

enum { PATIENCE_LEAST_S = 4 };

/* After how many ticks of a second without a sign of life it is killed: so that its addresses are gone before a peer
 * can take over, but at least PATIENCE_LEAST_S, for the host may be busy. The peers' priorities are not known; 254 is
 * assumed. */
unsigned patience_s(const struct conf *c);
