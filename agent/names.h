/* SPDX-License-Identifier: Apache-2.0 */
/* What to say to somebody who gave a name that does not exist: one manner for sqlvipd and sqlvipctl. */
#pragma once

#include <stddef.h>

/* "there is no instance "VI_l"; do you mean VI_1? There are: VI_1, VI_2": `what` says what was looked for, `known`
 * (ended by NULL) what there is, in the order in which it is to be told. Names that do not fit into `buf` are counted.
 * Returns `buf`. */
const char *names_unknown(const char *what, const char *name, const char *const *known, char *buf, size_t size);
