/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says, and what an exit tells. */
#pragma once

#include <stdbool.h>

/* keepalived's exit codes, where it has one. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FATAL = 1,
	EXIT_CONFIG = 2,
	EXIT_PERMISSION = 4,
	EXIT_NO_CONFIG = 6,
	EXIT_CRASHING = 8, /* ours: the engine died again and again */
};

struct options {
	const char *file;
	const char *config_id;
	const char *pid_file, *engine_pid_file;
	bool test, clean_up, no_respawn;
	bool console, detail; /* of the log */
	bool observe;         /* send nothing, touch no address */
};
