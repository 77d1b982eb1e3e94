/* SPDX-License-Identifier: Apache-2.0 */
/* Programs on behalf of the engine: looks each wish up in the configuration, starts it through agent/process/exec, and
 * writes back what became of it. Why a program runs is the engine's business. */
#include "agent/process/runner.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/conf/command.h"
#include "agent/process/exec.h"

#include <errno.h>
#include <string.h>

#define DAY_US (86400ull * 1000000)

enum { REFUSED_LOG_US = 1000000, OUTCOME_MAX = 96 };

struct program {
	struct runner *owner;
	struct program *next;
	uint32_t id; /* the engine's; 0: nobody waits for it */
	bool endless;
	const char *what; /* a keyword */
	struct exec_child *child;
};

struct runner {
	sd_event *loop;
	void (*send)(void *user, const struct post *p);
	void *user;
	struct program *first;
	size_t n;
	struct log_limit refused_log;
};

static struct program *find(const struct runner *r, uint32_t id)
{
	struct program *p = r->first;

	while (p && p->id != id)
		p = p->next;
	return id ? p : NULL;
}

static void forget(struct program *p)
{
	struct program **at = &p->owner->first;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->owner->n--;
	free(p);
}

static void answer(struct runner *r, uint32_t id, const struct exec_result *result)
{
	const struct post p = {
		.type = POST_RAN,
		.id = id,
		.error = result->error,
		.wait_status = result->wait_status,
		.timed_out = result->timed_out,
		.ran_us = result->ran_us,
	};

	if (id)
		r->send(r->user, &p);
}

static void ended(void *user, const struct exec_result *result)
{
	struct program *p = user;
	char text[OUTCOME_MAX];

	if (!p->id)
		log_notice("%s, which an earlier engine asked for: %s", p->what,
			   exec_describe(result, text, sizeof(text)));
	answer(p->owner, p->id, result);
	forget(p);
}

static void late(void *user)
{
	const struct program *p = user;
	const struct post letter = { .type = POST_LATE, .id = p->id };

	if (p->id)
		p->owner->send(p->owner->user, &letter);
}

/* Its own copy of the configured words is what is run; only what stands behind them comes from the letter. */
static int start(struct program *p, const struct conf_command *c, const struct post *wish)
{
	char *argv[POST_WORDS_MAX + 1];
	struct exec_spec spec = {
		.what = p->what,
		.argv = argv,
		.env = wish->env,
		.uid = c->uid,
		.gid = c->gid,
		.timeout_us = wish->timeout_us,
		.kill_after_us = wish->kill_after_us,
		.late = late,
	};
	size_t n = 0;

	for (; c->argv[n]; n++)
		argv[n] = c->argv[n];
	for (; n < wish->n_words; n++)
		argv[n] = (char *)(uintptr_t)wish->words[n]; /* execve only reads them */
	argv[n] = NULL;
	return exec_start(p->owner->loop, &spec, ended, p, &p->child);
}

static int refuse(struct runner *r, const struct post *wish)
{
	uint64_t suppressed;

	if (log_limit_pass(&r->refused_log, loop_now_us(), REFUSED_LOG_US, &suppressed))
		log_error(
			"the engine asked for a program that is not configured like this (%.64s as user %u), which is "
			"refused; %llu more since the last such line",
			wish->n_words > 0 ? wish->words[0] : "", (unsigned)wish->uid, (unsigned long long)suppressed);
	return -EPERM;
}

static int run(struct runner *r, const struct post *wish, const struct conf *const *confs, size_t n_confs)
{
	const char *what = NULL;
	const struct conf_command *c = NULL;
	struct program *p;
	int e;

	for (size_t i = 0; !c && i < n_confs; i++)
		c = conf_allows(confs[i], wish->uid, wish->gid, wish->words, wish->n_words, &what);
	if (!c || wish->id == 0 || find(r, wish->id) || wish->timeout_us > 366 * DAY_US || wish->kill_after_us > DAY_US)
		return refuse(r, wish);
	if (r->n >= RUNNER_MAX)
		return -EAGAIN;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct program){
		.owner = r, .next = r->first, .id = wish->id, .endless = wish->timeout_us == 0, .what = what
	};
	r->first = p;
	r->n++;
	e = start(p, c, wish);
	if (e < 0)
		forget(p);
	return e;
}

void runner_serve(struct runner *r, const struct post *p, const struct conf *const *confs, size_t n_confs)
{
	struct program *known = find(r, p->id);
	struct exec_result result = { 0 };

	if (p->type == POST_RUN) {
		result.error = run(r, p, confs, n_confs);
		if (result.error < 0)
			answer(r, p->id, &result);
	} else if (known && p->type == POST_TERMINATE) {
		exec_terminate(known->child);
	} else if (known && p->type == POST_ABANDON) {
		exec_abandon(known->child);
		forget(known);
	}
}

void runner_orphan(struct runner *r)
{
	struct program *next;

	for (struct program *p = r->first; p; p = next) {
		next = p->next;
		p->id = 0;
		if (!p->endless)
			continue;
		exec_abandon(p->child);
		forget(p);
	}
}

int runner_new(sd_event *loop, void (*send)(void *user, const struct post *p), void *user, struct runner **ret)
{
	struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->send = send;
	r->user = user;
	*ret = r;
	return 0;
}

struct runner *runner_free(struct runner *r)
{
	while (r && r->first) {
		exec_abandon(r->first->child);
		forget(r->first);
	}
	free(r);
	return NULL;
}
