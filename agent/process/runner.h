/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor runs programs for the engine: those that the configuration names, as the users that it names, and
 * nothing else, whatever the engine asks for. */
#pragma once

#include "agent/conf/conf.h"
#include "agent/process/post.h"

#include <systemd/sd-event.h>

enum { RUNNER_MAX = 4096 }; /* programs at a time */

struct runner;

/* `send` brings a letter to the engine, if there is one. 0 or -ENOMEM. */
int runner_new(sd_event *loop, void (*send)(void *user, const struct post *p), void *user, struct runner **ret);
/* Ends what runs. Returns NULL. */
struct runner *runner_free(struct runner *r);

/* POST_RUN, POST_TERMINATE, POST_ABANDON. A program is allowed if one of the configurations allows it; the first that
 * does names it. What is refused is logged, and answered with POST_RAN and -EPERM. */
void runner_serve(struct runner *r, const struct post *p, const struct conf *const *confs, size_t n_confs);

/* The engine is gone: nobody wants to know of these any more. Programs with a deadline may go on until then; those
 * without are ended, since the next engine starts its own. */
void runner_orphan(struct runner *r);
