/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that name something on this host to be watched: track_file, vrrp_track_process. */
#include "agent/conf/internal.h"

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

/* --- vrrp_track_process ------------------------------------------------------------------------------------------ */

/* NAME [ARGUMENT…], or all of it between quotes. */
void conf_parse_process(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_track_process *p = obj;
	struct conf_words w = a->words;
	enum conf_split split = CONF_SPLIT_OK;

	if (w.n == 1)
		split = conf_split_argv(x->pool, a->words.w[0], KS_WORDS_MAX, &w);
	if (split != CONF_SPLIT_OK) {
		conf_error(x->f, &a->where, "process: %s", conf_split_text(split));
		return;
	}
	if (w.n == 0 || !*w.w[0]) {
		conf_error(x->f, &a->where, "process: the name is missing");
		return;
	}
	for (size_t i = 0; i < w.n; i++)
		if (!conf_check_string(x, &a->where, "process", w.w[i]))
			return;
	p->pattern.argv = w.w;
}

void conf_parse_param_match(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_track_process *p = obj;

	if (!conf_count_words(x, a, 1, 1))
		return;
	if (strcmp(a->words.w[0], "initial") == 0)
		p->pattern.params = PROC_PARAMS_INITIAL;
	else if (strcmp(a->words.w[0], "partial") == 0)
		p->pattern.params = PROC_PARAMS_PARTIAL;
	else
		conf_error(x->f, &a->where, "param_match: \"%.64s\" is neither initial nor partial", a->words.w[0]);
}

void conf_parse_process_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_track_process *p = obj;

	conf_parse_wide_weight(x, &a->where, a->key->name, a->words.w, a->words.n, &p->weight, &p->reverse);
}

/* Both at once. */
void conf_parse_process_delay(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_track_process *p = obj;

	if (!conf_count_words(x, a, 1, 1) ||
	    !conf_parse_time(x, &a->where, "delay", a->words.w[0], 0, 3600000000ll, &p->fork_delay_us))
		return;
	p->terminate_delay_us = p->fork_delay_us;
}

static void read_process(struct conf_ctx *x, config_setting_t *group, struct conf_track_process *p)
{
	const struct conf_where *max;
	struct conf_frame frame;

	*p = (struct conf_track_process){
		.name = conf_named_name(x, "vrrp_track_process", group),
		.quorum = 1,
		.quorum_max = UINT32_MAX,
		.where = conf_where_of(x, group),
	};
	conf_walk(x, &conf_track_process_block, group, p, &frame);
	max = conf_given(&frame, "quorum_max");
	if (!conf_given(&frame, "process"))
		conf_error(x->f, &p->where, "vrrp_track_process %s: process is missing", p->name);
	if (max && !conf_given(&frame, "quorum") && p->quorum_max == 0)
		p->quorum = 0; /* "none at all" */
	if (max && p->quorum_max < p->quorum)
		conf_error(x->f, max, "quorum_max: %u is less than quorum, %u", p->quorum_max, p->quorum);
	if (!p->pattern.argv)
		return;
	/* Without arguments, and without a wish for the command line, it is the kernel's name of it that counts. */
	p->pattern.by_command = p->pattern.argv[1] || p->pattern.full_command || conf_given(&frame, "param_match");
	if (!p->pattern.by_command && strlen(p->pattern.argv[0]) > PROC_COMM_LEN)
		conf_warn(x->f, conf_given(&frame, "process"),
			  "process: the kernel knows the first %d characters of %s only; so does this", PROC_COMM_LEN,
			  p->pattern.argv[0]);
	if (!p->pattern.by_command && strchr(p->pattern.argv[0], '/'))
		conf_warn(x->f, conf_given(&frame, "process"),
			  "process: %s has a path, which the kernel's name of a process has not; add full_command",
			  p->pattern.argv[0]);
}

void conf_read_track_processes(struct conf_ctx *x, config_setting_t *root)
{
	size_t n = conf_named_count(x, root, "vrrp_track_process");

	if (n > CONF_PROCESSES_MAX) {
		struct conf_where where = conf_where_of(x, conf_named_elem(root, "vrrp_track_process", 0));

		conf_error(x->f, &where, "vrrp_track_process: there are %zu; at most %d can be watched", n,
			   CONF_PROCESSES_MAX);
		n = CONF_PROCESSES_MAX;
	}
	x->c->track_processes = conf_pool_array(x->pool, n + 1, sizeof(*x->c->track_processes));
	x->c->n_track_processes = n;
	for (size_t i = 0; i < n; i++)
		read_process(x, conf_named_elem(root, "vrrp_track_process", i), &x->c->track_processes[i]);
}
