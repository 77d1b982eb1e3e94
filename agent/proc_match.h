/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes a vrrp_track_process means. Pure: texts in, answer out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum proc_params {
	PROC_PARAMS_EXACT,   /* the same arguments, no more */
	PROC_PARAMS_INITIAL, /* these first, others may follow */
	PROC_PARAMS_PARTIAL, /* the same, and of the last one a beginning will do */
};

struct proc_pattern {
	char *const *argv; /* name and arguments, NULL-terminated */
	bool by_command;   /* look at the command line; else the kernel's name of the process alone counts */
	bool full_command; /* the name is the whole first word of the command line, with its path */
	enum proc_params params;
};

enum { PROC_COMM_LEN = 15 }; /* the kernel cuts names */

/* The name and state letter in the text of /proc/PID/stat. `text` is changed; `*comm` points into it. False if it
 * cannot be understood. */
bool proc_parse_stat(char *text, const char **comm, char *state);

/* `cmdline`: of /proc/PID/cmdline, `len` bytes, a NUL behind each word. */
bool proc_matches(const struct proc_pattern *p, const char *comm, const char *cmdline, size_t len);
