/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that reading a configuration asks of the host, question and answer: the files, whom they belong to, users
 * and groups. A process that may read all that records it; one that may not reads the configuration from the record,
 * with the same code and the same outcome. Travels as the content of a memfd. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_question {
	CONF_ASK_NOTE, /* not asked by the reader: what the two processes tell each other beside */
	CONF_ASK_FILE,
	CONF_ASK_MODE,
	CONF_ASK_GLOB,
	CONF_ASK_USER,
	CONF_ASK_GROUP,
	CONF_ASK_PROGRAM,
	_CONF_QUESTION_MAX_,
};

enum { CONF_BUNDLE_MAX = 64 << 20 };

struct conf_bundle;

struct conf_bundle *conf_bundle_new(void);                            /* NULL without memory */
struct conf_bundle *conf_bundle_free(struct conf_bundle *b);          /* wipes it; returns NULL */
struct conf_bundle *conf_bundle_read(int fd, int *error);             /* fd stays the caller's; NULL and -errno */
int conf_bundle_write(const struct conf_bundle *b, const char *name); /* a sealed memfd or -errno */

/* The first answer to a question is kept. 0 or -ENOMEM. `text` may hold anything, `r` is 0 or -errno. */
int conf_bundle_put(struct conf_bundle *b, enum conf_question kind, const char *key, int r, const void *text,
		    size_t len);
/* A later note takes the place of an earlier one; NULL: no note. */
int conf_bundle_note(struct conf_bundle *b, const char *key, const char *text);
/* NULL if there is none. NUL-terminated; valid as long as the bundle. */
const char *conf_bundle_noted(const struct conf_bundle *b, const char *key);

/* From now on what the reader asks is recorded in, or answered from, this bundle (NULL: neither). For the
 * calling thread. Borrowed. */
void conf_bundle_record(struct conf_bundle *b);
void conf_bundle_replay(const struct conf_bundle *b);

/* For whoever asks the host. False: ask it. True: this is the answer; a question that nobody asked has -ENOENT. */
bool conf_bundle_answer(enum conf_question kind, const char *key, int *r, const char **text, size_t *len);
/* What the host answered. Without a bundle it does nothing. */
void conf_bundle_told(enum conf_question kind, const char *key, int r, const void *text, size_t len);
