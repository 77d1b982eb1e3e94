/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in text that other people wrote: the report of an import goes to terminals and into tickets. */
#pragma once

#include <stddef.h>

/* Replaces what stands for a password or a key by asterisks, in place, each octet by one: in command lines (-pWORD,
 * --password=WORD, MYSQL_PWD=WORD and their other spellings, -u NAME:WORD, ://NAME:WORD@) and behind words such as
 * auth_pass, password or key. Rather too much than too little; but what no such name precedes, as an argument that only
 * its place tells, is not recognised. `file:/PATH` behind password or key is no secret. */
void import_mask(char *text);

/* The same for text of our own that quotes others' words: of command lines only. */
void import_mask_command(char *text);

/* All that is not blank from `text` on. */
void import_mask_rest(char *text);

/* What `import_mask` leaves of the value of a line whose keyword is `word`, a secret's: nothing, but the id of a `key`
 * and `file:/PATH`. `value` is what stands behind the keyword. */
void import_mask_value(const char *word, char *value);
