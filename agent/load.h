/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the configuration for the programs' own use: findings go to the log. */
#pragma once

#include "agent/conf/conf.h"
#include "agent/options.h"

/* 0 and `*ret` (release with conf_free), or -errno as conf_load(); everything found is logged. */
int load_conf(const struct options *opt, struct conf **ret);

/* One line of the log, in a compiler's order: "FILE:LINE: warning: TEXT". `where` may be NULL. */
void load_log_finding(enum conf_level level, const struct conf_where *where, const char *text);

/* Warns of programs and interfaces that this host does not have at present. */
void load_look_at_host(struct conf *c);

struct conf_bundle;

/* The same, and everything that it asked of the host, for another process to read it once more: also if it is not
 * valid. Both the caller's, either may be NULL. `quiet`: nothing is logged. */
int load_bundle(const struct options *opt, bool quiet, struct conf_bundle **bundle, struct conf **ret);

/* The exit code that stands for a -errno of ours. */
int exit_code_of(int r);
