/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that name something on this host to be watched: track_file, vrrp_track_process. */
#include "agent/conf_internal.h"

#include "agent/base/cleanup.h"

/* --- track_file -------------------------------------------------------------------------------------------------- */

static const char *const file_keywords[] = { "track_file", "vrrp_track_file" }; /* the second is the old name */

void conf_parse_file_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_track_file *f = obj;

	conf_parse_wide_weight(x, &a->where, a->key->name, a->words.w, a->words.n, &f->weight, &f->reverse);
}

/* [VALUE] [overwrite] */
void conf_parse_init_file(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_track_file *f = obj;
	int64_t v;

	f->init = true;
	for (size_t i = 0; i < a->words.n; i++) {
		if (strcmp(a->words.w[i], "overwrite") == 0)
			f->init_overwrite = true;
		else if (conf_parse_int(x, &a->where, "init_file", a->words.w[i], INT32_MIN, INT32_MAX, &v))
			f->init_value = (int32_t)v;
	}
}

static void read_file(struct conf_ctx *x, const char *keyword, config_setting_t *group, struct conf_track_file *f)
{
	struct conf_frame frame;

	*f = (struct conf_track_file){
		.name = conf_named_name(x, keyword, group),
		.weight = 1,
		.where = conf_where_of(x, group),
	};
	conf_walk(x, &conf_track_file_block, group, f, &frame);
	if (!conf_given(&frame, "file"))
		conf_error(x->f, &f->where, "%s %s: file is missing", keyword, f->name);
	else if (f->path && f->path[strlen(f->path) - 1] == '/')
		conf_error(x->f, conf_given(&frame, "file"), "file: %.64s is a folder", f->path);
}

void conf_read_track_files(struct conf_ctx *x, config_setting_t *root)
{
	struct conf *c = x->c;
	size_t n = 0;

	for (size_t k = 0; k < ELEMENTSOF(file_keywords); k++)
		n += conf_named_count(x, root, file_keywords[k]);
	c->track_files = conf_pool_array(x->pool, n + 1, sizeof(*c->track_files));
	for (size_t k = 0; k < ELEMENTSOF(file_keywords); k++) {
		size_t n_here = conf_named_count(x, root, file_keywords[k]);

		for (size_t i = 0; i < n_here && c->n_track_files < n; i++)
			read_file(x, file_keywords[k], conf_named_elem(root, file_keywords[k], i),
				  &c->track_files[c->n_track_files++]);
	}
}
