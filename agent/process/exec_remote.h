/* SPDX-License-Identifier: Apache-2.0 */
/* The half of exec.c for a process that may not start programs itself; nobody but exec.c includes this. */
#pragma once

#include "agent/process/exec.h"

#include <stdint.h>

/* Every struct exec_child begins with this. */
struct exec_head {
	bool remote;
};

bool exec_remote_on(void);
int exec_remote_start(const struct exec_spec *spec, exec_done_fn done, void *user, struct exec_child **ret);
void exec_remote_terminate(struct exec_head *h);
void exec_remote_abandon(struct exec_head *h);
