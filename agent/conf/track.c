/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tracked objects, wherever they stand: NAME with weight and direction, one per line. The blocks that
 * they refer to must have been read. What an object's state means for a priority is agent/priority's business. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

/* --- what can be tracked ----------------------------------------------------------------------------------------- */

static const char *mysql_name_at(const void *user, size_t i)
{
	const struct conf *c = user;

	return i < c->n_mysqls ? c->mysqls[i].name : NULL;
}

static const char *script_name_at(const void *user, size_t i)
{
	const struct conf *c = user;

	return i < c->n_scripts ? c->scripts[i].name : NULL;
}

static const char *link_name_at(const void *user, size_t i)
{
	const struct conf *c = user;

	return i < c->n_links ? c->links[i].name : NULL;
}

static const char *file_name_at(const void *user, size_t i)
{
	const struct conf *c = user;

	return i < c->n_track_files ? c->track_files[i].name : NULL;
}

static const char *process_name_at(const void *user, size_t i)
{
	const struct conf *c = user;

	return i < c->n_track_processes ? c->track_processes[i].name : NULL;
}

static const struct kind {
	const char *keyword, *block, *word;
	const char *(*name_at)(const void *user, size_t i);
} kinds[] = {
	[CONF_TRACK_MYSQL] = { "track_mysql", "vrrp_mysql", "mysql", mysql_name_at },
	[CONF_TRACK_SCRIPT] = { "track_script", "vrrp_script", "script", script_name_at },
	[CONF_TRACK_LINK] = { "track_interface", "interface", "interface", link_name_at },
	[CONF_TRACK_FILE] = { "track_file", "track_file", "file", file_name_at },
	[CONF_TRACK_PROC] = { "track_process", "vrrp_track_process", "process", process_name_at },
};
_Static_assert(ELEMENTSOF(kinds) == _CONF_TRACK_MAX_, "each kind is described");

const char *conf_track_keyword(enum conf_track_kind kind)
{
	return kinds[kind].keyword;
}

const char *conf_track_block(enum conf_track_kind kind)
{
	return kinds[kind].block;
}

const char *conf_track_word(enum conf_track_kind kind)
{
	return kinds[kind].word;
}

const char *conf_track_name(const struct conf *c, enum conf_track_kind kind, const struct conf_track *t)
{
	return kinds[kind].name_at(c, t->index);
}

size_t conf_tracks_count(const struct conf_tracks *tracks)
{
	size_t n = 0;

	for (int kind = 0; kind < _CONF_TRACK_MAX_; kind++)
		n += tracks->of[kind].n;
	return n;
}

static bool lists(const struct conf_tracks *tracks, enum conf_track_kind kind, size_t index)
{
	for (size_t i = 0; i < tracks->of[kind].n; i++)
		if (tracks->of[kind].t[i].index == index)
			return true;
	return false;
}

bool conf_is_tracked(const struct conf *c, enum conf_track_kind kind, size_t index)
{
	for (size_t i = 0; i < c->n_instances; i++)
		if (lists(&c->instances[i].tracks, kind, index))
			return true;
	return false;
}

/* --- interfaces -------------------------------------------------------------------------------------------------- */

/* The entry of this name; a new one if there is none. */
static struct conf_link *link_of(struct conf_ctx *x, const char *name)
{
	struct conf *c = x->c;

	for (size_t i = 0; i < c->n_links; i++)
		if (strcmp(c->links[i].name, name) == 0)
			return &c->links[i];
	if (c->n_links == x->links_size) {
		size_t size = x->links_size ? 2 * x->links_size : 16;
		struct conf_link *grown = conf_pool_array(x->pool, size, sizeof(*grown));

		if (c->n_links > 0)
			memcpy(grown, c->links, c->n_links * sizeof(*grown));
		c->links = grown;
		x->links_size = size;
	}
	snprintf(c->links[c->n_links].name, IFNAMSIZ, "%s", name);
	return &c->links[c->n_links++];
}

/* IF DOWN [UP] */
void conf_parse_link_delays(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	const char *what = a->key->name;
	unsigned n = (unsigned)config_setting_length(a->setting);

	(void)obj;
	for (unsigned i = 0; i < n && i < KS_ELEMENTS_MAX; i++) {
		const config_setting_t *s = config_setting_get_elem(a->setting, i);
		struct conf_where where = conf_where_of(x, s);
		char name[IFNAMSIZ];
		uint64_t down_us, up_us = 0;
		struct conf_link *link;
		struct conf_words w;

		if (!conf_entry_words(x, what, s, &w) || !conf_parse_ifname(x, &where, what, w.w[0], name))
			continue;
		if (w.n < 2 || w.n > 3) {
			conf_error(x->f, &where, "%s: takes an interface and one or two delays: IF DOWN [UP]", what);
			continue;
		}
		if (!conf_parse_time(x, &where, what, w.w[1], 0, 255000000, &down_us) ||
		    (w.n > 2 && !conf_parse_time(x, &where, what, w.w[2], 0, 255000000, &up_us)))
			continue;
		link = link_of(x, name);
		if (link->where.line)
			conf_error(x->f, &where, "%s: %s stands here twice (first in %s)", what, name,
				   conf_place(&link->where, &where).text);
		link->down_us = down_us;
		link->up_us = up_us;
		link->where = where;
	}
}

void conf_check_link_delays(struct conf_ctx *x)
{
	for (size_t i = 0; i < x->c->n_instances; i++) {
		const struct conf_instance *in = &x->c->instances[i];
		const uint64_t limit_us = (in->down_adverts - 1) * (uint64_t)in->advert_us;
		char limit[CONF_TIME_STR];

		for (size_t k = 0; k < x->c->n_links; k++) {
			const struct conf_link *l = &x->c->links[k];

			if (strcmp(l->name, in->interface) != 0 || l->down_us == 0 || l->down_us < limit_us)
				continue;
			conf_error(x->f, &l->where,
				   "interface_up_down_delays: %s may go down for less than %s seconds: after that, "
				   "another host of vrrp_instance %s takes over",
				   l->name, conf_format_time(limit_us, limit, sizeof(limit)), in->name);
		}
	}
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static bool find_tracked(struct conf_ctx *x, const struct conf_where *where, const struct kind *kind, const char *name,
			 size_t *ret)
{
	const char *near = NULL;
	const char *s;

	if (kind == &kinds[CONF_TRACK_LINK]) { /* need not be there, nor be named elsewhere */
		char ifname[IFNAMSIZ];

		if (!conf_parse_ifname(x, where, kind->keyword, name, ifname))
			return false;
		*ret = (size_t)(link_of(x, ifname) - x->c->links);
		return true;
	}
	for (size_t i = 0; (s = kind->name_at(x->c, i)); i++) {
		if (strcmp(s, name) == 0) {
			*ret = i;
			return true;
		}
	}
	if (!conf_findings_full(x->f))
		near = conf_nearest(name, kind->name_at, x->c);
	conf_error(x->f, where, "%s: there is no %s %.64s%s%s%s", kind->keyword, kind->block, name,
		   near ? "; do you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

/* What is left out is as in the block that the name stands for. */
static void take_defaults(const struct conf *c, enum conf_track_kind kind, struct conf_track *t)
{
	switch (kind) {
	case CONF_TRACK_MYSQL:
		t->weight = c->mysqls[t->index].weight;
		t->reverse = c->mysqls[t->index].reverse;
		break;
	case CONF_TRACK_SCRIPT:
		t->weight = c->scripts[t->index].weight;
		t->reverse = c->scripts[t->index].reverse;
		break;
	case CONF_TRACK_FILE:
		t->weight = c->track_files[t->index].weight;
		t->reverse = c->track_files[t->index].reverse;
		break;
	case CONF_TRACK_PROC:
		t->weight = c->track_processes[t->index].weight;
		t->reverse = c->track_processes[t->index].reverse;
		break;
	case CONF_TRACK_LINK: /* weight 0 */
	case _CONF_TRACK_MAX_:
		break;
	}
}

/* NAME [weight W] [reverse|noreverse] */
static bool read_track(struct conf_ctx *x, enum conf_track_kind kind, const struct conf_words *w, struct conf_track *t)
{
	const char *keyword = kinds[kind].keyword;

	if (!find_tracked(x, &t->where, &kinds[kind], w->w[0], &t->index))
		return false;
	take_defaults(x->c, kind, t);
	for (size_t i = 1; i < w->n; i++) {
		if (strcmp(w->w[i], "weight") == 0) {
			size_t n = i + 1 < w->n; /* what follows the number is this loop's */

			if (!(kind == CONF_TRACK_FILE || kind == CONF_TRACK_PROC ? conf_parse_wide_weight
										 : conf_parse_weight)(
				    x, &t->where, keyword, w->w + i + 1, n, &t->weight, &t->reverse))
				return false;
			i++;
		} else if (strcmp(w->w[i], "reverse") == 0 || strcmp(w->w[i], "noreverse") == 0) {
			t->reverse = w->w[i][0] == 'r';
		} else {
			conf_error(x->f, &t->where,
				   "%s: \"%.64s\" is none of weight, reverse, noreverse (one name per line)", keyword,
				   w->w[i]);
			return false;
		}
	}
	return true;
}

static enum conf_track_kind kind_of(const char *keyword)
{
	enum conf_track_kind kind = 0;

	while (kind + 1 < _CONF_TRACK_MAX_ && strcmp(kinds[kind].keyword, keyword) != 0)
		kind++;
	return kind;
}

void conf_parse_tracks(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_tracks *tracks = (struct conf_tracks *)((char *)obj + a->key->offset);
	const enum conf_track_kind kind = kind_of(a->key->name);
	unsigned n = (unsigned)config_setting_length(a->setting);
	struct conf_track *list = conf_pool_array(x->pool, n + 1, sizeof(*list));

	tracks->of[kind].t = list;
	tracks->of[kind].n = 0;
	for (unsigned i = 0; i < n && i < KS_ELEMENTS_MAX; i++) {
		const config_setting_t *s = config_setting_get_elem(a->setting, i);
		struct conf_track t = { .where = conf_where_of(x, s) };
		struct conf_words w;

		if (!conf_entry_words(x, a->key->name, s, &w) || !read_track(x, kind, &w, &t))
			continue;
		if (lists(tracks, kind, t.index))
			conf_error(x->f, &t.where, "%s: %s stands here twice", a->key->name, w.w[0]);
		else
			list[tracks->of[kind].n++] = t;
	}
}
