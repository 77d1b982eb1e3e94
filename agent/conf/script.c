/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: vrrp_script blocks, command lines, and the users they run as. One that is missing is no error, as it may
 * come later: agent/conf/program.c warns of it, and agent/process/exec reports when it does not start. */
#include "agent/conf/internal.h"

#include "agent/conf/file.h"

#include <errno.h>
#include <string.h>

enum { ARGV_MAX = 256 };

static const char *describe(int r)
{
	return strerrordesc_np(-r) ?: "unknown error";
}

static int or_error(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *name, int r)
{
	if (r >= 0 || r == -ENOENT)
		return r;
	x->n_unknown++;
	conf_error(x->f, where, "cannot look up %s \"%.64s\": %s; whether there is one is to be known first", what,
		   name, describe(r));
	return r;
}

/* This process or host lacks something, which says nothing about the name services. */
static bool is_shortage(int r)
{
	switch (-r) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EIO:
	case EINTR:
	case EAGAIN:
	case ERANGE:
		return true;
	}
	return false;
}

int conf_find_optional_user(struct conf_ctx *x, const struct conf_where *where, const char *user, uid_t *uid,
			    gid_t *gid)
{
	const struct conf_where file = { .file = x->file };
	int r = conf_file_user(user, uid, gid);

	where = where ? where : &file;
	if (r >= 0 || r == -ENOENT || is_shortage(r))
		return or_error(x, where, "user", user, r);
	conf_warn(x->f, where, "cannot look up user \"%.64s\": %s; as nobody has named it, it is taken for missing",
		  user, describe(r));
	return -ENOENT;
}

bool conf_resolve_user(struct conf_ctx *x, const struct conf_where *where, const char *user, const char *group,
		       uid_t *uid, gid_t *gid)
{
	int r;

	*uid = 0;
	*gid = 0;
	if (!conf_check_name(x, where, "user", user) || (group && !conf_check_name(x, where, "group", group)))
		return false;
	if (!x->files)
		return true;
	r = or_error(x, where, "user", user, conf_file_user(user, uid, gid));
	if (r == -ENOENT)
		conf_error(x->f, where,
			   "there is no user \"%.64s\" on this host (a command with arguments needs quotes)", user);
	if (r < 0 || !group)
		return r == 0;
	r = or_error(x, where, "group", group, conf_file_group(group, gid));
	if (r == -ENOENT)
		conf_error(x->f, where, "there is no group \"%.64s\" on this host", group);
	return r == 0;
}

void conf_default_user(struct conf_ctx *x, struct conf_command *c)
{
	if (c->user || !c->argv)
		return;
	conf_default_script_user(x, &c->where);
	c->uid = x->g.script_uid;
	c->gid = x->g.script_gid;
}

/* The user's words, if any, or the default of global_defs once they have been read. */
static void set_user(struct conf_ctx *x, const struct conf_where *where, struct conf_command *c, char *user,
		     char *group)
{
	if (!user) {
		if (x->g.complete)
			conf_default_user(x, c);
		return;
	}
	if (group && group[0] == ':')
		group++;
	if (!conf_resolve_user(x, where, user, group, &c->uid, &c->gid))
		return;
	c->user = user;
	c->group = group;
}

static bool parse_command(struct conf_ctx *x, const struct conf_arg *a, struct conf_command *c)
{
	enum conf_split split;
	struct conf_words argv;

	if (!conf_count_words(x, a, 1, a->key->kind == KEY_SCRIPT ? 1 : 3))
		return false;
	split = conf_split_argv(x->pool, a->words.w[0], ARGV_MAX, &argv);
	if (split != CONF_SPLIT_OK) {
		conf_error(x->f, &a->where, "%s: %s", a->key->name, conf_split_text(split));
		return false;
	}
	if (argv.n == 0 || !argv.w[0][0]) {
		conf_error(x->f, &a->where, "%s: the command is empty", a->key->name);
		return false;
	}
	if (strncmp(argv.w[0], "</", 2) == 0) {
		conf_error(x->f, &a->where, "%s: a file instead of a command is not supported by this version",
			   a->key->name);
		return false;
	}
	c->argv = argv.w;
	c->where = a->where;
	return true;
}

void conf_parse_hook(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_command *c = (struct conf_command *)((char *)obj + a->key->offset);

	if (parse_command(x, a, c))
		set_user(x, &a->where, c, a->words.n > 1 ? a->words.w[1] : NULL, a->words.n > 2 ? a->words.w[2] : NULL);
}

void conf_parse_script(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_script *s = obj;

	parse_command(x, a, &s->command);
}

void conf_parse_user(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_script *s = obj;

	if (conf_count_words(x, a, 1, 2))
		set_user(x, &a->where, &s->command, a->words.w[0], a->words.n > 1 ? a->words.w[1] : NULL);
}

static bool parse_weight(struct conf_ctx *x, const struct conf_where *where, const char *what, char *const *w, size_t n,
			 int max, int *weight, bool *reverse)
{
	int64_t v;

	if (n == 0) {
		conf_error(x->f, where, "%s: the weight is missing (-%d..%d)", what, max, max);
		return false;
	}
	if (!conf_parse_int(x, where, what, w[0], -max, max, &v))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (strcmp(w[i], "reverse") != 0 && strcmp(w[i], "noreverse") != 0) {
			conf_error(x->f, where, "%s: \"%.64s\" is neither reverse nor noreverse", what, w[i]);
			return false;
		}
		*reverse = w[i][0] == 'r';
	}
	*weight = (int)v;
	return true;
}

bool conf_parse_weight(struct conf_ctx *x, const struct conf_where *where, const char *what, char *const *w, size_t n,
		       int *weight, bool *reverse)
{
	return parse_weight(x, where, what, w, n, 253, weight, reverse);
}

bool conf_parse_wide_weight(struct conf_ctx *x, const struct conf_where *where, const char *what, char *const *w,
			    size_t n, int *weight, bool *reverse)
{
	return parse_weight(x, where, what, w, n, 254, weight, reverse);
}

void conf_parse_script_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_script *s = obj;

	conf_parse_weight(x, &a->where, a->key->name, a->words.w, a->words.n, &s->weight, &s->reverse);
}

static void read_script(struct conf_ctx *x, config_setting_t *group, struct conf_script *s)
{
	struct conf_frame frame;

	*s = (struct conf_script){
		.name = conf_named_name(x, "vrrp_script", group),
		.interval_us = 1000000,
		.rise = 1,
		.fall = 1,
		.where = conf_where_of(x, group),
	};
	conf_walk(x, &conf_script_block, group, s, &frame);
	conf_default_user(x, &s->command);
	if (!conf_given(&frame, "script"))
		conf_error(x->f, &s->where, "vrrp_script %s: script is missing", s->name);
	if (!conf_given(&frame, "timeout"))
		s->timeout_us = s->interval_us;
}

void conf_read_scripts(struct conf_ctx *x, config_setting_t *root)
{
	size_t n = conf_named_count(x, root, "vrrp_script");

	x->c->scripts = conf_pool_array(x->pool, n + 1, sizeof(*x->c->scripts));
	x->c->n_scripts = n;
	for (size_t i = 0; i < n; i++)
		read_script(x, conf_named_elem(root, "vrrp_script", i), &x->c->scripts[i]);
}
