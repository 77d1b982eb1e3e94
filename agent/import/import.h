/* SPDX-License-Identifier: Apache-2.0 */
/* An existing keepalived.conf, explained line by line, and a sqlvip.conf suggested in its place. */
#pragma once

#include <stdio.h>

/* Reads `path` and what it includes and names, with `config_id` for @id lines (NULL: host name). Writes what becomes of
 * each line to `report`, and the suggestion to `suggestion`, which may hold passwords of VRRP and in commands. 0; 1 if
 * the suggestion is valid and something of the file was refused; -EINVAL if the suggestion is not valid yet (the report
 * says what is left to do); or -errno, with a line in the report, if the file cannot be read. */
int import_file(const char *path, const char *config_id, FILE *report, FILE *suggestion);
