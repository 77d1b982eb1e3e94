/* SPDX-License-Identifier: Apache-2.0 */
/* What sqlvipctl shows to people: the status document as text. Every field is optional and of any type; what does not
 * fit is left out, and nothing in it reaches the terminal as a control sequence. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* `colour`: mark states with ANSI colours. */
void ctl_print_status(const json_t *status, FILE *out, bool colour);

/* Writes `text` (UTF-8) with everything escaped that a terminal might act upon. */
void ctl_print_text(const char *text, FILE *out);

/* "20 ms", "0.3 s", "12 s", "3 min 12 s", "5 h 2 min", "12 d 4 h"; "?" for what is no duration. Returns `buf`. */
const char *ctl_format_span(double seconds, char *buf, size_t size);
