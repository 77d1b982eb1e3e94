/* SPDX-License-Identifier: Apache-2.0 */
/* Rules between blocks: names, virtual routers and addresses are not claimed twice, and what is defined is used. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

/* Block `i` of an array, for the check of names. */
typedef const struct conf_where *(*block_at_fn)(const struct conf *c, size_t i, const char **name);

static const struct conf_where *script_at(const struct conf *c, size_t i, const char **name)
{
	*name = c->scripts[i].name;
	return &c->scripts[i].where;
}

static const struct conf_where *mysql_at(const struct conf *c, size_t i, const char **name)
{
	*name = c->mysqls[i].name;
	return &c->mysqls[i].where;
}

static const struct conf_where *instance_at(const struct conf *c, size_t i, const char **name)
{
	*name = c->instances[i].name;
	return &c->instances[i].where;
}

static const struct conf_where *group_at(const struct conf *c, size_t i, const char **name)
{
	*name = c->groups[i].name;
	return &c->groups[i].where;
}

static const struct conf_where *file_at(const struct conf *c, size_t i, const char **name)
{
	*name = c->track_files[i].name;
	return &c->track_files[i].where;
}

static const struct conf_where *process_at(const struct conf *c, size_t i, const char **name)
{
	*name = c->track_processes[i].name;
	return &c->track_processes[i].where;
}

static void check_names(struct conf_ctx *x, const char *keyword, block_at_fn at, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const char *name, *earlier;
		const struct conf_where *where = at(x->c, i, &name);

		for (size_t k = 0; k < i && *name; k++) {
			const struct conf_where *first = at(x->c, k, &earlier);

			if (strcmp(name, earlier) != 0)
				continue;
			conf_error(x->f, where, "%s %s: there is one of this name in %s", keyword, name,
				   conf_place(first, where).text);
			break;
		}
	}
}

/* Whoever hears a packet could not tell for which of the two it is. Unicast ones are told apart by the sender. */
static bool clash(const struct conf_instance *a, const struct conf_instance *b)
{
	if (a->vrid != b->vrid || a->family != b->family || strcmp(a->interface, b->interface) != 0 ||
	    a->unicast != b->unicast)
		return false;
	if (!a->unicast)
		return ip_equal(&a->group, &b->group);
	for (size_t i = 0; i < a->n_peers; i++)
		for (size_t k = 0; k < b->n_peers; k++)
			if (ip_equal(&a->peers[i].addr, &b->peers[k].addr))
				return true;
	return false;
}

static void check_vrids(struct conf_ctx *x)
{
	const struct conf_instance *a = x->c->instances;

	for (size_t i = 1; i < x->c->n_instances; i++) {
		for (size_t k = 0; k < i && a[i].vrid != 0; k++) {
			if (!clash(&a[i], &a[k]))
				continue;
			conf_error(x->f, &a[i].where,
				   "vrrp_instance %s: virtual_router_id %u on %s is that of %s (%s)%s", a[i].name,
				   a[i].vrid, a[i].interface, a[k].name, conf_place(&a[k].where, &a[i].where).text,
				   a[i].unicast ? ", and they share a unicast_peer" : "");
			break;
		}
	}
}

struct claim {
	const struct conf_vip *vip;
	const struct conf_instance *instance;
	const char *dev;
};

static int by_address(const struct claim *a, const struct claim *b)
{
	const struct ip_addr *x = &a->vip->prefix.addr, *y = &b->vip->prefix.addr;

	return x->family != y->family ? (x->family < y->family ? -1 : 1) : ip_cmp(x, y);
}

static int by_device(const void *p, const void *q)
{
	const struct claim *a = p, *b = q;
	int r = by_address(a, b);

	if (r == 0)
		r = strcmp(a->dev, b->dev);
	return r ? r : (a->vip > b->vip) - (a->vip < b->vip);
}

static int by_instance(const void *p, const void *q)
{
	const struct claim *a = p, *b = q;
	int r = by_address(a, b);

	if (r == 0)
		r = (a->instance > b->instance) - (a->instance < b->instance);
	return r ? r : (a->vip > b->vip) - (a->vip < b->vip);
}

static void report_twice(struct conf_ctx *x, const struct claim *a, const struct claim *b)
{
	char text[IP_STR_MAX];
	bool in_order = conf_same_file(&a->vip->where, &b->vip->where) ? a->vip->where.line <= b->vip->where.line
			: a->instance != b->instance                   ? a->instance < b->instance
								       : a->vip < b->vip;
	const struct claim *first = in_order ? a : b;
	const struct claim *second = first == a ? b : a;

	conf_error(x->f, &second->vip->where, "virtual_ipaddress: %s is an address of vrrp_instance %s already (%s)",
		   ip_format(&a->vip->prefix.addr, text), first->instance->name,
		   conf_place(&first->vip->where, &second->vip->where).text);
}

/* An address once per device, and once per instance. */
static void check_addresses(struct conf_ctx *x)
{
	struct claim *claims;
	size_t n = 0;

	for (size_t i = 0; i < x->c->n_instances; i++)
		n += x->c->instances[i].n_vips;
	claims = conf_pool_array(x->pool, n + 1, sizeof(*claims));
	n = 0;
	for (size_t i = 0; i < x->c->n_instances; i++) {
		const struct conf_instance *in = &x->c->instances[i];

		for (size_t k = 0; k < in->n_vips; k++)
			claims[n++] = (struct claim){ &in->vips[k], in,
						      in->vips[k].dev[0] ? in->vips[k].dev : in->interface };
	}
	qsort(claims, n, sizeof(*claims), by_device);
	for (size_t i = 1; i < n; i++) {
		if (ip_equal(&claims[i - 1].vip->prefix.addr, &claims[i].vip->prefix.addr) &&
		    strcmp(claims[i - 1].dev, claims[i].dev) == 0)
			report_twice(x, &claims[i - 1], &claims[i]);
	}
	qsort(claims, n, sizeof(*claims), by_instance);
	for (size_t i = 1; i < n; i++) {
		if (ip_equal(&claims[i - 1].vip->prefix.addr, &claims[i].vip->prefix.addr) &&
		    claims[i - 1].instance == claims[i].instance && strcmp(claims[i - 1].dev, claims[i].dev) != 0)
			report_twice(x, &claims[i - 1], &claims[i]);
	}
}

static void check_use(struct conf_ctx *x)
{
	const struct conf *c = x->c;

	for (size_t i = 0; i < c->n_scripts; i++) {
		if (!conf_is_tracked(c, CONF_TRACK_SCRIPT, i) && *c->scripts[i].name)
			conf_warn(x->f, &c->scripts[i].where,
				  "vrrp_script %s: is not run, because no vrrp_instance has `track_script { %s }`",
				  c->scripts[i].name, c->scripts[i].name);
	}
	for (size_t i = 0; i < c->n_track_files; i++) {
		if (!conf_is_tracked(c, CONF_TRACK_FILE, i) && *c->track_files[i].name)
			conf_warn(x->f, &c->track_files[i].where,
				  "track_file %s: moves nothing, because no vrrp_instance has `track_file { %s }`",
				  c->track_files[i].name, c->track_files[i].name);
	}
	for (size_t i = 0; i < c->n_track_processes; i++) {
		if (!conf_is_tracked(c, CONF_TRACK_PROC, i) && *c->track_processes[i].name)
			conf_warn(x->f, &c->track_processes[i].where,
				  "vrrp_track_process %s: moves nothing, because no vrrp_instance has "
				  "`track_process { %s }`",
				  c->track_processes[i].name, c->track_processes[i].name);
	}
	for (size_t i = 0; i < c->n_mysqls; i++) {
		if (!conf_is_tracked(c, CONF_TRACK_MYSQL, i) && *c->mysqls[i].name)
			conf_warn(x->f, &c->mysqls[i].where,
				  "vrrp_mysql %s: watches nothing, because no vrrp_instance has `track_mysql { %s }`",
				  c->mysqls[i].name, c->mysqls[i].name);
	}
}

void conf_check(struct conf_ctx *x)
{
	check_names(x, "vrrp_script", script_at, x->c->n_scripts);
	check_names(x, "vrrp_mysql", mysql_at, x->c->n_mysqls);
	check_names(x, "track_file", file_at, x->c->n_track_files);
	check_names(x, "vrrp_track_process", process_at, x->c->n_track_processes);
	check_names(x, "vrrp_instance", instance_at, x->c->n_instances);
	check_names(x, "vrrp_sync_group", group_at, x->c->n_groups);
	check_vrids(x);
	check_addresses(x);
	if (x->f->errors == 0) { /* else it may only follow from what was refused */
		if (x->c->n_instances == 0)
			conf_error(x->f, &(struct conf_where){ .file = x->file, .line = 1 },
				   "there is no vrrp_instance; sqlvip.conf(5) shows a whole configuration");
		check_use(x);
	}
	conf_check_programs(x);
	conf_check_link_delays(x);
}
