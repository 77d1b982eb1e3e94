/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of status that sqlvipctl prints; nobody but status.c includes this. */
#pragma once

#include "agent/ctl/page.h"

void status_print_instance(struct page *p, const json_t *inst);
void status_print_group(struct page *p, const json_t *group);
