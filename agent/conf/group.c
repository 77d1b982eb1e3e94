/* SPDX-License-Identifier: Apache-2.0 */
/* vrrp_sync_group blocks: who is in which, and what is tracked for all members at once. What a group tracks is added to
 * the list of each member, so that nobody else has to look in two places. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

static const char *instance_name_at(const void *user, size_t i)
{
	const struct conf *c = user;

	return i < c->n_instances ? c->instances[i].name : NULL;
}

static bool find_instance(struct conf_ctx *x, const struct conf_where *where, const char *name, size_t *ret)
{
	const char *near = NULL;

	for (size_t i = 0; i < x->c->n_instances; i++) {
		if (strcmp(x->c->instances[i].name, name) == 0) {
			*ret = i;
			return true;
		}
	}
	if (!conf_findings_full(x->f))
		near = conf_nearest(name, instance_name_at, x->c);
	conf_error(x->f, where, "group: there is no vrrp_instance %.64s%s%s%s", name, near ? "; do you mean " : "",
		   near ? near : "", near ? "?" : "");
	return false;
}

static void add_member(struct conf_ctx *x, const struct conf_where *where, struct conf_group *g, const char *name)
{
	struct conf_instance *inst;
	size_t index;

	if (!find_instance(x, where, name, &index))
		return;
	inst = &x->c->instances[index];
	if (inst->sync_group == g) {
		conf_error(x->f, where, "group: %s stands here twice", name);
		return;
	}
	if (inst->sync_group) {
		conf_error(x->f, where, "group: %s is in vrrp_sync_group %s already (%s)", name, inst->sync_group->name,
			   conf_place(&inst->sync_group->where, where).text);
		return;
	}
	inst->sync_group = g;
	g->members[g->n_members++] = index;
}

/* Names, one or several on a line. */
void conf_parse_members(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	unsigned n = (unsigned)config_setting_length(a->setting);
	struct conf_group *g = obj;

	for (unsigned i = 0; i < n && i < KS_ELEMENTS_MAX; i++) {
		const config_setting_t *s = config_setting_get_elem(a->setting, i);
		struct conf_where where = conf_where_of(x, s);
		struct conf_words w;

		if (!conf_entry_words(x, a->key->name, s, &w))
			continue;
		for (size_t k = 0; k < w.n; k++)
			add_member(x, &where, g, w.w[k]);
	}
}

/* A weight that only one member has would have the members want different masters: none would become it. */
static void check_weights(struct conf_ctx *x, const struct conf_group *g, const struct conf_instance *inst, int kind)
{
	for (size_t k = 0; k < inst->tracks.of[kind].n; k++) {
		const struct conf_track *t = &inst->tracks.of[kind].t[k];

		if (t->weight != 0)
			conf_error(x->f, &t->where,
				   "%s: %s has weight %d here, but vrrp_sync_group %s (%s) has its members share "
				   "one state: track it in the group, or use weight 0, or allow such weights with "
				   "sync_group_tracking_weight in the group",
				   conf_track_keyword(kind), conf_track_name(x->c, kind, t), t->weight, g->name,
				   conf_place(&g->where, &t->where).text);
	}
}

static void inherit(struct conf_ctx *x, const struct conf_group *g, struct conf_instance *inst, int kind)
{
	size_t n_own = inst->tracks.of[kind].n, n = g->tracks.of[kind].n;
	struct conf_track *all;

	if (n == 0)
		return;
	all = conf_pool_array(x->pool, n_own + n, sizeof(*all));
	for (size_t k = 0; k < n_own; k++) {
		const struct conf_track *t = &inst->tracks.of[kind].t[k];

		all[k] = *t;
		for (size_t i = 0; i < n; i++)
			if (g->tracks.of[kind].t[i].index == t->index)
				conf_error(x->f, &t->where, "%s: %s is tracked by vrrp_sync_group %s already (%s)",
					   conf_track_keyword(kind), conf_track_name(x->c, kind, t), g->name,
					   conf_place(&g->tracks.of[kind].t[i].where, &t->where).text);
	}
	for (size_t i = 0; i < n; i++) {
		all[n_own + i] = g->tracks.of[kind].t[i];
		all[n_own + i].inherited = true;
	}
	inst->tracks.of[kind].t = all;
	inst->tracks.of[kind].n = n_own + n;
}

static void complete_member(struct conf_ctx *x, const struct conf_group *g, struct conf_instance *inst)
{
	for (int kind = 0; kind < _CONF_TRACK_MAX_; kind++) {
		if (!g->tracking_weight)
			check_weights(x, g, inst, kind);
		inherit(x, g, inst, kind);
	}
	inst->notify_priority_changes |= g->notify_priority_changes;
}

static void complain_of_few_members(struct conf_ctx *x, const struct conf_group *g, const struct conf_where *where)
{
	if (g->n_members == 0)
		conf_error(x->f, where, "group: is empty; write the name of a vrrp_instance in each line");
	else
		conf_warn(x->f, where, "group: has one member only, which shares its state with nobody");
}

static void read_group(struct conf_ctx *x, config_setting_t *group, struct conf_group *g)
{
	unsigned errors = x->f->errors;
	struct conf_frame frame;

	g->name = conf_named_name(x, "vrrp_sync_group", group);
	g->members = conf_pool_array(x->pool, x->c->n_instances + 1, sizeof(*g->members));
	g->notify_timeout_us = x->g.notify_timeout_us;
	g->where = conf_where_of(x, group);
	conf_walk(x, &conf_group_block, group, g, &frame);
	if (!conf_given(&frame, "group"))
		conf_error(x->f, &g->where, "vrrp_sync_group %s: group is missing: group { NAMES of vrrp_instances }",
			   g->name);
	else if (g->n_members < 2 && x->f->errors == errors) /* after an error it would mislead */
		complain_of_few_members(x, g, conf_given(&frame, "group"));
	for (size_t i = 0; i < g->n_members; i++)
		complete_member(x, g, &x->c->instances[g->members[i]]);
}

void conf_read_groups(struct conf_ctx *x, config_setting_t *root)
{
	size_t n = conf_named_count(x, root, "vrrp_sync_group");

	x->c->groups = conf_pool_array(x->pool, n + 1, sizeof(*x->c->groups));
	x->c->n_groups = n;
	for (size_t i = 0; i < n; i++)
		read_group(x, conf_named_elem(root, "vrrp_sync_group", i), &x->c->groups[i]);
}
