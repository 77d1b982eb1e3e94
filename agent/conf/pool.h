/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one configuration: allocated piece by piece while it is read, released in one walk. */
#pragma once

#include <stddef.h>

struct conf_pool;

struct conf_pool *conf_pool_new(void);
/* Accepts NULL; returns NULL. Everything that came from the pool is gone afterwards. */
struct conf_pool *conf_pool_free(struct conf_pool *p);

/* Zeroed, aligned for any type, never NULL: without memory the process ends, as it would inside libconfig, which does
 * not look at malloc's answer either. */
void *conf_pool_alloc(struct conf_pool *p, size_t size);
void *conf_pool_array(struct conf_pool *p, size_t n, size_t size);
char *conf_pool_strdup(struct conf_pool *p, const char *s);
char *conf_pool_strndup(struct conf_pool *p, const char *s, size_t n);
