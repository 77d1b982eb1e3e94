/* SPDX-License-Identifier: Apache-2.0 */
/* What two configurations have in common, and what not: for a reload. */
#pragma once

#include "agent/conf/conf.h"

/* The same virtual router: what the peers know it by. Whatever else differs can be changed while it runs. */
bool conf_same_router(const struct conf_instance *a, const struct conf_instance *b);

/* The same address for the kernel; `interface` is that of both instances. Whether it is tracked does not matter. */
bool conf_same_vip(const struct conf_vip *a, const struct conf_vip *b, const char *interface);

/* Compares two configurations as conf_print() prints them, so that no keyword can be forgotten, and what is not printed
 * (passwords) by itself, without telling it. Calls `line` for each difference: `block` is the head of the block
 * ("vrrp_instance VI_1"), `sign` is '-' or '+' for a line of the old or the new one; for a whole block `text` is "".
 * Moved lines are no difference. */
typedef void (*conf_diff_fn)(void *user, const char *block, char sign, const char *text);
void conf_diff(const struct conf *old, const struct conf *fresh, conf_diff_fn line, void *user);

/* For a line of global_defs as conf_diff() tells it: does it take effect without a restart? */
bool conf_global_is_live(const char *text);
