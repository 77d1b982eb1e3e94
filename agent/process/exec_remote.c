/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that another process starts: asked for by letter, known by a number until the letter with their end comes.
 * Which programs may be run, and as whom, that process decides. Its deadlines are the ones that count. */
#include "agent/process/exec_remote.h"

#include "agent/base/cleanup.h"
#include "agent/process/post.h"

#include <errno.h>
#include <string.h>

struct remote {
	struct exec_head head; /* first: it stands for a struct exec_child */
	struct remote *next;
	uint32_t id;
	exec_done_fn done;
	void (*late)(void *user);
	void *user;
};

static struct {
	int (*send)(void *user, const struct post *p);
	void *user;
	struct remote *first;
	uint32_t last_id;
} office;

bool exec_remote_on(void)
{
	return office.send != NULL;
}

void exec_delegate(int (*send)(void *user, const struct post *p), void *user)
{
	while (office.first) {
		struct remote *r = office.first;

		office.first = r->next;
		free(r);
	}
	office.send = send;
	office.user = user;
}

static struct remote *find(uint32_t id)
{
	struct remote *r = office.first;

	while (r && r->id != id)
		r = r->next;
	return r;
}

static void forget(struct remote *r)
{
	struct remote **at = &office.first;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

static bool copy_words(const char **to, size_t max, size_t *n, const char *const *from)
{
	for (*n = 0; from && from[*n]; ++*n) {
		if (*n == max)
			return false;
		to[*n] = from[*n];
	}
	return true;
}

int exec_remote_start(const struct exec_spec *spec, exec_done_fn done, void *user, struct exec_child **ret)
{
	struct remote *r;
	struct post p = { .type = POST_RUN,
			  .uid = spec->uid,
			  .gid = spec->gid,
			  .timeout_us = spec->timeout_us,
			  .kill_after_us = spec->kill_after_us };
	int e;

	if (!copy_words(p.words, POST_WORDS_MAX, &p.n_words, (const char *const *)spec->argv) ||
	    !copy_words(p.env, POST_ENV_MAX, &p.n_env, spec->env))
		return -E2BIG;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	do
		p.id = ++office.last_id;
	while (p.id == 0 || find(p.id));
	e = office.send(office.user, &p);
	if (e < 0) {
		free(r);
		return e;
	}
	*r = (struct remote){ { true }, office.first, p.id, done, spec->late, user };
	office.first = r;
	*ret = (struct exec_child *)r;
	return 0;
}

/* A letter that does not get through is no loss: the other side has the deadline. */
static void write_about(const struct remote *r, enum post_type type)
{
	const struct post p = { .type = type, .id = r->id };

	if (office.send)
		(void)office.send(office.user, &p);
}

void exec_remote_terminate(struct exec_head *h)
{
	write_about((struct remote *)h, POST_TERMINATE);
}

void exec_remote_abandon(struct exec_head *h)
{
	struct remote *r = (struct remote *)h;

	write_about(r, POST_ABANDON);
	forget(r);
}

void exec_told(const struct post *p)
{
	struct remote *r = find(p->id);
	struct exec_result result = {
		.error = p->error, .wait_status = p->wait_status, .timed_out = p->timed_out, .ran_us = p->ran_us
	};
	exec_done_fn done;
	void *user;

	if (!r)
		return; /* abandoned, while its end was on the way */
	if (p->type == POST_LATE) {
		if (r->late)
			r->late(r->user);
		return;
	}
	done = r->done;
	user = r->user;
	forget(r);
	done(user, &result);
}
