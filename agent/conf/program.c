/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every program of the configuration, whichever keyword names it: the user it runs as when nobody says,
 * and with enable_script_security, that nobody but root can change what root runs. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"
#include "agent/conf/file.h"

#include <errno.h>

#define DEFAULT_USER "keepalived_script"

/* Every program that is configured. `what` is its keyword. */
typedef void (*program_fn)(struct conf_ctx *x, const char *what, struct conf_command *c);

static void each_hook(struct conf_ctx *x, struct conf_command *hooks, program_fn fn)
{
	for (int i = 0; i < _CONF_HOOK_MAX_; i++) {
		if (hooks[i].argv)
			fn(x, conf_hook_name((enum conf_hook)i), &hooks[i]);
	}
}

static void each_program(struct conf_ctx *x, program_fn fn)
{
	struct conf *c = x->c;

	if (c->startup.command.argv)
		fn(x, "startup_script", &c->startup.command);
	if (c->shutdown.command.argv)
		fn(x, "shutdown_script", &c->shutdown.command);
	for (int i = 0; i < _CONF_FIFO_MAX_; i++) {
		char what[64];

		snprintf(what, sizeof(what), "%s_script", conf_fifo_name((enum conf_fifo_kind)i));
		if (c->fifos[i].script.argv)
			fn(x, what, &c->fifos[i].script);
	}
	for (size_t i = 0; i < c->n_scripts; i++) {
		if (c->scripts[i].command.argv && conf_is_tracked(c, CONF_TRACK_SCRIPT, i))
			fn(x, "script", &c->scripts[i].command);
	}
	for (size_t i = 0; i < c->n_instances; i++) {
		each_hook(x, c->instances[i].hooks, fn);
		if (c->instances[i].pre_take.argv)
			fn(x, "vip_pre_take", &c->instances[i].pre_take);
	}
	for (size_t i = 0; i < c->n_groups; i++)
		each_hook(x, c->groups[i].hooks, fn);
}

/* Name services that fail must not matter to who runs nothing as this user. */
void conf_default_script_user(struct conf_ctx *x, const struct conf_where *where)
{
	struct conf_globals *g = &x->g;

	if (g->script_user)
		return;
	g->script_user_is_fallback =
		!x->files || conf_find_optional_user(x, where, DEFAULT_USER, &g->script_uid, &g->script_gid) < 0;
	g->script_user = g->script_user_is_fallback ? "root" : DEFAULT_USER;
	x->c->script_user = conf_pool_strdup(x->pool, g->script_user);
}

/* What a shell or another interpreter is given to run is not argv[0]. */
static void warn_of_arguments(struct conf_ctx *x, const char *what, const struct conf_command *c)
{
	char path[PATH_MAX], why[CONF_WHY_MAX];

	for (char **arg = c->argv + 1; *arg; arg++) {
		if (**arg == '/' && conf_file_program(*arg, path, why) == -EPERM)
			conf_warn(x->f, &c->where, "%s: its argument %.200s can be changed by others: %s", what, *arg,
				  why);
	}
}

static void secure(struct conf_ctx *x, const char *what, struct conf_command *c)
{
	char path[PATH_MAX], why[CONF_WHY_MAX];
	int r;

	if (c->uid != 0)
		return;
	if (!c->user && x->g.script_user_is_fallback) {
		conf_error(x->f, &c->where,
			   "%s: runs as root because nothing else is said, which enable_script_security forbids; give "
			   "script_user, a user behind the command, or make the user " DEFAULT_USER,
			   what);
		return;
	}
	r = conf_file_program(c->argv[0], path, why);
	if (r < 0) {
		conf_error(x->f, &c->where, "%s: %.200s must not run as root under enable_script_security: %s", what,
			   c->argv[0], why);
		return;
	}
	/* What was judged is what is run, whatever links say later. */
	if (!x->g.use_symlink_paths)
		c->argv[0] = conf_pool_strdup(x->pool, path);
	warn_of_arguments(x, what, c);
}

static void count_defaults(struct conf_ctx *x, const char *what, struct conf_command *c)
{
	(void)what;
	x->n_root_by_default += !c->user && c->uid == 0;
}

void conf_check_programs(struct conf_ctx *x)
{
	if (!x->files)
		return;
	if (x->g.script_security) {
		each_program(x, secure);
		return;
	}
	if (!x->g.script_user_is_fallback || x->f->errors > 0)
		return;
	each_program(x, count_defaults);
	if (x->n_root_by_default > 0)
		conf_warn(x->f, &(struct conf_where){ .file = x->file },
			  "%u program%s of this configuration run%s as root: there is no script_user, and no user "
			  "" DEFAULT_USER " on this host; name one with script_user in global_defs",
			  x->n_root_by_default, x->n_root_by_default == 1 ? "" : "s",
			  x->n_root_by_default == 1 ? "s" : "");
}

/* --- what the host has ------------------------------------------------------------------------------------------- */

/* What is missing may come later, with a package or a mount: no error. */
static void look_for(struct conf_ctx *x, const char *what, struct conf_command *c)
{
	char why[CONF_WHY_MAX];

	if (conf_file_can_run(c->argv[0], c->uid, c->gid, why) == 0)
		return;
	if (strchr(c->argv[0], '/'))
		conf_warn(x->f, &c->where, "%s: %s", what, why);
	else
		conf_warn(x->f, &c->where, "%s: %.200s: %s", what, c->argv[0], why);
}

void conf_look_for_programs(struct conf *c, struct conf_findings *f)
{
	struct conf_ctx x = { .c = c, .f = f, .files = true };

	each_program(&x, look_for);
}
