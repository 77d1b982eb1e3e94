/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and spans of time for people. */
#pragma once

#include <stddef.h>
#include <stdio.h>

/* Writes `text` (UTF-8) with everything escaped that a terminal might act upon. */
void ctl_print_text(const char *text, FILE *out);
/* Its columns, as ctl_print_text() writes it. Wide characters count as one. */
size_t ctl_text_width(const char *text);

/* "20 ms", "0.3 s", "12 s", "3 min 12 s", "5 h 2 min", "12 d 4 h"; "?" for what is no duration. Returns `buf`. */
const char *ctl_format_span(double seconds, char *buf, size_t size);
