/* SPDX-License-Identifier: Apache-2.0 */
/* An existing keepalived.conf, explained line by line, and a sqlvip.conf suggested in its place. */
#pragma once

#include <stdio.h>

/* Reads `path` and what it includes and names. Writes what becomes of each line to `report`, and the suggestion to
 * `suggestion`, which may hold passwords of VRRP. 0; -EINVAL if the suggestion is not valid yet (the report says what
 * is left to do); or -errno, with a line in the report, if the file cannot be read. */
int import_file(const char *path, FILE *report, FILE *suggestion);
