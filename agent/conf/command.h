/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs a configuration allows to be run, and with which arguments behind the configured ones. */
#pragma once

#include "agent/conf/conf.h"

/* The configured command that `argv` is, if whoever asks may have it run as this user: its words exactly, and behind
 * them nothing but what that kind of command is given (`notify`: INSTANCE or GROUP, name, state, priority; the program
 * of a FIFO: the path). NULL if there is none. `what` gets its keyword. Every command of struct conf must be known
 * here, or it cannot be run. */
const struct conf_command *conf_allows(const struct conf *c, uid_t uid, gid_t gid, const char *const *argv,
				       size_t n_argv, const char **what);
