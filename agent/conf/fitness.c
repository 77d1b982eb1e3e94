/* SPDX-License-Identifier: Apache-2.0 */
/* `check KIND { … }` inside vrrp_mysql: the read-only checks of a server that is alive. There is one table of keywords
 * for all kinds; which of them mean something for which kind is judged here. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

#define ALL_KINDS (~0u)
#define BIT(kind) (1u << (kind))

void conf_parse_fitness_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_fitness *f = obj;

	conf_parse_weight(x, &a->where, a->key->name, a->words.w, a->words.n, &f->weight, &f->reverse);
}

/* What `weight 0` says, in a word. */
void conf_parse_fitness_fail(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_fitness *f = obj;

	if (conf_count_words(x, a, 0, 0))
		f->weight = 0;
}

/* True if the one word is `yes`, false if it is `no`; anything else is reported. */
static bool choose(struct conf_ctx *x, const struct conf_arg *a, const char *yes, const char *no)
{
	const char *word = a->words.n > 0 ? a->words.w[0] : "";

	if (!conf_count_words(x, a, 1, 1))
		return false;
	if (strcmp(word, yes) != 0 && strcmp(word, no) != 0)
		conf_error(x->f, &a->where, "%s: \"%.64s\" is neither %s nor %s", a->key->name, word, yes, no);
	return strcmp(word, yes) == 0;
}

void conf_parse_fitness_denied(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_fitness *f = obj;

	f->check.rules.denied_fails = choose(x, a, "fail", "complain");
}

void conf_parse_fitness_lost(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_fitness *f = obj;

	f->check.rules.primary_lost_fails = choose(x, a, "fail", "pass");
}

void conf_parse_fitness_require(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct fitness_conf *r = &((struct conf_fitness *)obj)->check.rules;

	switch (r->kind) {
	case FITNESS_ROLE:
		r->want_writable = choose(x, a, "writable", "replica");
		break;
	case FITNESS_REPLICATION:
		r->must_replicate = choose(x, a, "replica", "any");
		break;
	case FITNESS_GROUP:
		r->any_member = choose(x, a, "member", "primary");
		break;
	case FITNESS_GALERA:
	case _FITNESS_MAX_: /* reported already */
		break;
	}
}

void conf_parse_fitness_lag(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct fitness_conf *r = &((struct conf_fitness *)obj)->check.rules;
	int64_t v;

	/* Whole seconds, because servers tell no other. */
	if (!conf_count_words(x, a, 1, 1) ||
	    !conf_parse_int(x, &a->where, "max_lag (whole seconds)", a->words.w[0], 0, 30000000, &v))
		return;
	r->has_max_lag = true;
	r->max_lag_s = (unsigned)v;
}

static bool kind_of(const char *name, enum fitness_kind *ret)
{
	for (*ret = 0; *ret < _FITNESS_MAX_; ++*ret)
		if (strcmp(fitness_kind_name(*ret), name) == 0)
			return true;
	return false;
}

static void check_fitness_block(struct conf_ctx *x, const struct conf_fitness *f, const struct conf_frame *frame)
{
	static const struct {
		const char *keyword;
		unsigned kinds;
	} limits[] = {
		{ "require", ALL_KINDS & ~BIT(FITNESS_GALERA) }, { "channel", BIT(FITNESS_REPLICATION) },
		{ "max_lag", BIT(FITNESS_REPLICATION) },         { "max_silence", BIT(FITNESS_REPLICATION) },
		{ "primary_lost", BIT(FITNESS_REPLICATION) },    { "donor_ok", BIT(FITNESS_GALERA) },
	};
	const char *kind = fitness_kind_name(f->check.rules.kind);

	for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
		const struct conf_where *where = conf_given(frame, limits[i].keyword);

		if (where && !(limits[i].kinds & BIT(f->check.rules.kind)))
			conf_error(x->f, where, "%s: means nothing in `check %s`", limits[i].keyword, kind);
	}
	if (f->check.rules.kind == FITNESS_ROLE && !conf_given(frame, "require"))
		conf_error(x->f, &f->where, "check role: needs require writable, or require replica");
	/* Neither is harmless enough to be the default. */
	if (!conf_given(frame, "weight") && !conf_given(frame, "fail"))
		conf_error(x->f, &f->where,
			   "check %s: needs weight W (while it fails, rather the other host), or fail (while it fails, "
			   "this host never)",
			   kind);
	if (conf_given(frame, "weight") && conf_given(frame, "fail"))
		conf_error(x->f, conf_given(frame, "fail"), "fail: there is a weight already; give one of the two");
}

static void read_one(struct conf_ctx *x, config_setting_t *group, struct conf_mysql *m)
{
	struct conf_fitness *f = &m->fitness[m->n_fitness];
	struct conf_frame frame;
	const char *kind = conf_named_name(x, "check", group);
	char name[600];

	*f = (struct conf_fitness){
		.check = { .server = &m->probe, .interval_us = 1000000, .timeout_us = 1000000 },
		.rise = 2,
		.fall = 3,
		.where = conf_where_of(x, group),
	};
	if (!*kind) /* reported */
		return;
	if (!kind_of(kind, &f->check.rules.kind)) {
		conf_error(x->f, &f->where, "check: \"%.64s\" is none of role, replication, galera, group_replication",
			   kind);
		return;
	}
	snprintf(name, sizeof(name), "%s/%s", m->name, kind);
	f->name = conf_pool_strdup(x->pool, name);
	conf_walk(x, &conf_fitness_block, group, f, &frame);
	check_fitness_block(x, f, &frame);
	for (size_t i = 0; i < m->n_fitness; i++) {
		if (m->fitness[i].check.rules.kind != f->check.rules.kind)
			continue;
		conf_error(x->f, &f->where, "check %s: there is one already (%s)", kind,
			   conf_place(&m->fitness[i].where, &f->where).text);
		return;
	}
	m->n_fitness++;
}

void conf_read_fitness(struct conf_ctx *x, config_setting_t *group, struct conf_mysql *m)
{
	size_t n = conf_named_count(x, group, "check");

	m->fitness = conf_pool_array(x->pool, n + 1, sizeof(*m->fitness));
	for (size_t i = 0; i < n; i++)
		read_one(x, conf_named_elem(group, "check", i), m);
}
