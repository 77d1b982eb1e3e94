/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a configuration from beginning to end: file -> text -> tree -> blocks -> rules between them. Each step
 * reports what it finds and the next goes on all the same, so that one look tells everything. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"
#include "agent/conf/file.h"

#include <errno.h>

static bool is_libconfig(const char *path)
{
	size_t n = strlen(path);

	return n >= 4 && strcmp(path + n - 4, ".cfg") == 0;
}

/* keepalived(8) -i: the host name up to its first dot, unless told otherwise. */
static const char *config_id_or_host(const char *config_id, char *buf, size_t size)
{
	if (config_id)
		return config_id;
	buf[0] = '\0';
	gethostname(buf, size - 1);
	buf[size - 1] = '\0';
	buf[strcspn(buf, ".")] = '\0';
	return buf;
}

static int read_tree(struct conf_ctx *x, const char *text, size_t len, const char *config_id, config_t *tree)
{
	char host[256];
	struct conf_lex_env env = {
		.pool = x->pool,
		.findings = x->f,
		.config_id = config_id_or_host(config_id, host, sizeof(host)),
		.files = x->files,
	};

	if (is_libconfig(x->file))
		return conf_read_libconfig(x, text, len, tree) ? 0 : -EINVAL;
	return keepalived_syntax_read(&env, &conf_grammar, x->file, text, len, tree);
}

static int compare_addresses(const void *a, const void *b)
{
	const struct ip_addr *x = a, *y = b;

	return x->family != y->family ? (x->family < y->family ? -1 : 1) : ip_cmp(x, y);
}

/* It is asked for each address of an interface whenever one of them changes, and there may be a thousand. */
static void sort_vips(struct conf_ctx *x)
{
	struct conf *c = x->c;
	size_t n = 0;

	for (size_t i = 0; i < c->n_instances; i++)
		n += c->instances[i].n_vips;
	c->all_vips = conf_pool_array(x->pool, n, sizeof(*c->all_vips));
	for (size_t i = 0; i < c->n_instances; i++)
		for (size_t k = 0; k < c->instances[i].n_vips; k++)
			c->all_vips[c->n_all_vips++] = c->instances[i].vips[k].prefix.addr;
	qsort(c->all_vips, n, sizeof(*c->all_vips), compare_addresses);
}

bool conf_is_vip(const struct conf *c, const struct ip_addr *addr)
{
	return c->n_all_vips > 0 && bsearch(addr, c->all_vips, c->n_all_vips, sizeof(*addr), compare_addresses);
}

int conf_load_text(const char *name, const char *text, size_t len, bool files, const char *config_id,
		   conf_report_fn report, void *user, struct conf **ret)
{
	struct conf_findings findings = conf_findings_begin(report, user);
	struct conf_pool *pool = conf_pool_new();
	struct conf *c = conf_pool_alloc(pool, sizeof(*c));
	struct conf_ctx x = { .c = c, .pool = pool, .f = &findings, .files = files };
	config_t tree;
	int r;

	c->pool = pool;
	atomic_init(&c->refs, 1);
	c->file = conf_pool_strdup(pool, name);
	x.file = c->file;
	config_init(&tree);
	r = read_tree(&x, text, len, config_id, &tree);
	if (r == 0) {
		config_setting_t *root = config_root_setting(&tree);

		conf_read_globals(&x, root);
		conf_read_scripts(&x, root);
		conf_read_mysqls(&x, root);
		conf_read_track_files(&x, root);
		conf_read_track_processes(&x, root);
		conf_read_instances(&x, root);
		conf_read_groups(&x, root);
		conf_check(&x);
		sort_vips(&x);
	}
	config_destroy(&tree);
	conf_findings_end(&findings, &(struct conf_where){ .file = c->file });
	if (r == 0 && findings.errors > 0)
		r = findings.errors > x.n_unknown ? -EINVAL : -EAGAIN;
	if (r < 0) {
		conf_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int conf_load(const char *path, const char *config_id, conf_report_fn report, void *user, struct conf **ret)
{
	struct conf_where where = { .file = path };
	struct conf_file file;
	int r = conf_file_read(path, &file);

	if (r < 0) {
		struct conf_findings findings = conf_findings_begin(report, user);

		conf_error(&findings, &where, "cannot be read: %s", conf_file_error(r));
		conf_findings_end(&findings, &where);
		return r;
	}
	r = conf_load_text(path, file.text, file.len, true, config_id, report, user, ret);
	conf_file_done(&file);
	return r;
}

struct conf *conf_ref(struct conf *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

struct conf *conf_free(struct conf *c)
{
	if (c && atomic_fetch_sub(&c->refs, 1) == 1)
		conf_pool_free(c->pool);
	return NULL;
}

const char *conf_level_name(enum conf_level level)
{
	static const char *const names[] = { [CONF_NOTE] = "note", [CONF_WARNING] = "warning", [CONF_ERROR] = "error" };

	return names[level];
}

const char *conf_hook_name(enum conf_hook hook)
{
	static const char *const names[] = { "notify_master", "notify_backup",  "notify_fault",
					     "notify_stop",   "notify_deleted", "notify_master_rx_lower_pri",
					     "notify" };

	_Static_assert(ELEMENTSOF(names) == _CONF_HOOK_MAX_, "a name for each hook");
	return names[hook];
}

const char *conf_fifo_name(enum conf_fifo_kind kind)
{
	static const char *const names[] = { "notify_fifo", "vrrp_notify_fifo" };

	_Static_assert(ELEMENTSOF(names) == _CONF_FIFO_MAX_, "a name for each FIFO");
	return names[kind];
}
