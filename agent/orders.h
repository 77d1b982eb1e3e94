/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator has ordered, and what it takes to keep to it over a restart: which instances are on standby, whether
 * there is maintenance, and who held its addresses then. A small file in the state directory, replaced as a whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct orders;

#define ORDERS_FILE "orders.json"

/* Reads the file. One that is not understood is complained about and taken for none. `store` may be NULL: nothing is
 * kept. 0 or -ENOMEM. */
int orders_new(struct store *store, struct orders **ret);
struct orders *orders_free(struct orders *o);

/* Writes what is in force once more: the store has gone over to another directory. */
void orders_save(const struct orders *o);

/* Since when (microseconds since 1970), 0 if it is not. Names need not be of instances that exist. */
uint64_t orders_standby(const struct orders *o, const char *name);
int orders_set_standby(struct orders *o, const char *name, bool on);

uint64_t orders_maintenance(const struct orders *o);
/* Ending it forgets who held what. */
void orders_set_maintenance(struct orders *o, bool on);

/* Who held its addresses when maintenance began, or took them again since. Only while there is maintenance. */
bool orders_holder(const struct orders *o, const char *name);
int orders_set_holder(struct orders *o, const char *name, bool holder);

struct orders_rename {
	const char *from, *to;
};

struct orders_renaming;

/* Room for new names, so that to give them cannot fail. The texts of `names` are borrowed. 0 or -ENOMEM. */
int orders_renaming_new(const struct orders_rename *names, size_t n, struct orders_renaming **ret);
struct orders_renaming *orders_renaming_free(struct orders_renaming *r);
/* What was ordered for `from` is for `to` from now on, all at once, so that two may swap their names. Who has the name
 * `to` now is another one: what was ordered for it under that name is forgotten unless it is renamed, too. `r` serves
 * once, and may be freed. */
void orders_rename(struct orders *o, struct orders_renaming *r);
