/* SPDX-License-Identifier: Apache-2.0 */
/* global_defs: defaults, the few keywords that need more than a table entry, and what follows from one of them for
 * another. Dealing the values out to the instances is instance.c's. */
#include "agent/conf/internal.h"

#include "agent/conf/file.h"

#include <unistd.h>

#define DEFAULT_SOCKET "/run/sqlvip/sqlvipd.sock"
#define DEFAULT_STATE  "/var/lib/sqlvip"

enum { PATH_MAX_LEN = 4000 };

void conf_parse_script_user(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_globals *g = obj;
	const char *group;

	if (!conf_count_words(x, a, 1, 2))
		return;
	group = a->words.n > 1 ? a->words.w[1] + (a->words.w[1][0] == ':') : NULL;
	if (!conf_resolve_user(x, &a->where, a->words.w[0], group, &g->script_uid, &g->script_gid))
		return;
	g->script_user = a->words.w[0];
	g->script_group = group;
}

/* NAME [user [[:]group]]. The program's own keyword may have filled in `script` already. */
void conf_parse_fifo(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_fifo *f = (struct conf_fifo *)((char *)obj + a->key->offset);
	char *const *w = a->words.w;
	char *group;

	if (!conf_count_words(x, a, 1, 3) || !conf_check_string(x, &a->where, a->key->name, w[0]))
		return;
	f->where = a->where;
	f->path = w[0];
	if (w[0][0] != '/' || strlen(w[0]) > PATH_MAX_LEN)
		conf_error(x->f, &a->where, "%s: \"%.64s\" is not an absolute path of at most %d characters",
			   a->key->name, w[0], PATH_MAX_LEN);
	if (a->words.n < 2)
		return;
	group = a->words.n > 2 ? w[2] + (w[2][0] == ':') : NULL;
	if (conf_resolve_user(x, &a->where, w[1], group, &f->uid, &f->gid)) {
		f->user = w[1];
		f->group = group;
	}
}

/* Users of global_defs that were not given are those of script_user, wherever that stands. */
static void complete_fifos(struct conf_ctx *x, struct conf_globals *g)
{
	for (int i = 0; i < _CONF_FIFO_MAX_; i++) {
		struct conf_fifo *f = &g->fifos[i];

		if (!f->user && f->path) {
			conf_default_script_user(x, &f->where);
			f->uid = g->script_uid;
			f->gid = g->script_gid;
		}
		conf_default_user(x, &f->script);
		if (f->script.argv && !f->path)
			conf_error(x->f, &f->script.where, "%s_script: there is no %s for it to read",
				   conf_fifo_name((enum conf_fifo_kind)i), conf_fifo_name((enum conf_fifo_kind)i));
		x->c->fifos[i] = *f;
	}
	if (g->fifos[CONF_FIFO_ALL].path && g->fifos[CONF_FIFO_VRRP].path &&
	    strcmp(g->fifos[CONF_FIFO_ALL].path, g->fifos[CONF_FIFO_VRRP].path) == 0)
		conf_error(x->f, &g->fifos[CONF_FIFO_VRRP].where,
			   "vrrp_notify_fifo: is the same as notify_fifo, and would get each line twice");
}

void conf_garp_complete(struct conf_garp *g, const struct conf_garp *defaults)
{
	if (g->repeat == UINT_MAX)
		g->repeat = defaults->repeat;
	if (g->delay_us == UINT64_MAX)
		g->delay_us = defaults->delay_us;
	if (g->refresh_us == UINT64_MAX)
		g->refresh_us = defaults->refresh_us;
	if (g->refresh_repeat == UINT_MAX)
		g->refresh_repeat = defaults->refresh_repeat;
	if (g->lower_prio_repeat == UINT_MAX)
		g->lower_prio_repeat = defaults->lower_prio_repeat;
	if (g->lower_prio_delay_us == UINT64_MAX)
		g->lower_prio_delay_us = defaults->lower_prio_delay_us;
}

static void complete_garp(struct conf_globals *g)
{
	/* keepalived.conf(5): vrrp_min_garp sends one message and no more, where nothing else is asked for */
	struct conf_garp defaults = {
		.repeat = g->min_garp ? 1 : 5,
		.delay_us = g->min_garp ? 0 : 5000000,
		.refresh_us = 0,
		.refresh_repeat = 1,
	};

	defaults.lower_prio_repeat = g->garp.repeat == UINT_MAX ? defaults.repeat : g->garp.repeat;
	defaults.lower_prio_delay_us = g->garp.delay_us == UINT64_MAX ? defaults.delay_us : g->garp.delay_us;
	conf_garp_complete(&g->garp, &defaults);
}

#define ENGINE_USER "sqlvip"

/* Whoever serves strangers is nobody's but its own user. */
static void complete_engine(struct conf_ctx *x, const struct conf_where *where)
{
	const char *name = x->g.engine_user;

	if (!name && x->files &&
	    conf_find_optional_user(x, where, ENGINE_USER, &x->c->engine_uid, &x->c->engine_gid) == 0)
		name = ENGINE_USER;
	else if (name && !conf_resolve_user(x, where, name, NULL, &x->c->engine_uid, &x->c->engine_gid))
		return;
	x->c->engine_user = name ? conf_pool_strdup(x->pool, name) : NULL;
}

void conf_read_globals(struct conf_ctx *x, config_setting_t *root)
{
	struct conf_globals *g = &x->g;
	struct conf_frame frame;

	*g = (struct conf_globals){
		.control_socket = DEFAULT_SOCKET,
		.state_directory = DEFAULT_STATE,
		.startup.timeout_us = 10000000,
		.shutdown.timeout_us = 10000000,
		.realtime = true,
		.rt_priority = 1,
		.version = 2,
		.garp = CONF_GARP_UNSET,
		.down_adverts = 3,
		.notify_timeout_us = 60000000,
		.vip_lease_s = CONF_LEASE_AUTO,
	};
	ip_parse(VRRP_GROUP4, &g->group4);
	ip_parse(VRRP_GROUP6, &g->group6);
	conf_walk(x, &conf_root_block, root, g, &frame);
	complete_engine(x, conf_given(&frame, "global_defs"));
	complete_garp(g);
	g->complete = true;
	complete_fifos(x, g);
	conf_default_user(x, &g->startup.command);
	conf_default_user(x, &g->shutdown.command);
	x->c->startup = g->startup;
	x->c->shutdown = g->shutdown;
	x->c->script_security = g->script_security;
	x->c->use_symlink_paths = g->use_symlink_paths;
	if (!g->router_id) {
		char host[256] = "";

		gethostname(host, sizeof(host) - 1);
		g->router_id = conf_pool_strdup(x->pool, host[0] ? host : "localhost");
	}
	x->c->router_id = conf_pool_strdup(x->pool, g->router_id);
	x->c->control_socket = conf_pool_strdup(x->pool, g->control_socket);
	x->c->state_directory = conf_pool_strdup(x->pool, g->state_directory);
	x->c->script_user = g->script_user ? conf_pool_strdup(x->pool, g->script_user) : NULL;
	x->c->script_group = g->script_group ? conf_pool_strdup(x->pool, g->script_group) : NULL;
	x->c->fifo_states_on_reload = g->fifo_states_on_reload;
	x->c->realtime = g->realtime;
	x->c->rt_priority = g->rt_priority;
	x->c->garp_interval_us = g->garp_interval_us;
	x->c->gna_interval_us = g->gna_interval_us;
	x->c->startup_delay_us = g->startup_delay_us;
	x->c->delay_after_boot_us = g->delay_after_boot_us;
	x->c->log_unknown_vrids = g->log_unknown_vrids;
}
