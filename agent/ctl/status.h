/* SPDX-License-Identifier: Apache-2.0 */
/* What sqlvipctl shows to people: the status document as text. Every field is optional and of any type; what does not
 * fit is left out, and nothing in it reaches the terminal as a control sequence. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* `colour`: mark states with ANSI colours. */
void ctl_print_status(const json_t *status, FILE *out, bool colour);
