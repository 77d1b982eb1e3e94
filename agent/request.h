/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of control commands. Each looks at one field of a request: absent leaves `*ret` as it is, wrong is false
 * with static text in `*error`. Texts point into the request. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Refuses fields beside "version", "command" and those in `known` (ended by NULL): a misspelt "force" must not be taken
 * for none. */
bool request_knows(const json_t *request, const char *const *known, const char **error);
bool request_text(const json_t *request, const char *key, const char **ret, const char **error);
bool request_bool(const json_t *request, const char *key, bool *ret, const char **error);
bool request_count(const json_t *request, const char *key, uint64_t *ret, const char **error);
