/* SPDX-License-Identifier: Apache-2.0 */
/* vrrp_mysql blocks: how mysqld is reached, with which secret, how often, and what follows. Reads password files while
 * loading, so that the probe never touches the disk; connects to nothing. */
#include "agent/conf/internal.h"

#include "agent/conf/file.h"

#include <sys/stat.h>

#define FILE_PREFIX "file:"

static bool parse_numeric(struct conf_ctx *x, const struct conf_arg *a, const char *text, struct ip_addr *ret)
{
	if (ip_parse(text, ret))
		return true;
	conf_error(x->f, &a->where, "%s: \"%.64s\" is not a numeric address; looking names up would block",
		   a->key->name, text);
	return false;
}

void conf_parse_mysql_host(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_mysql *m = obj;

	if (conf_count_words(x, a, 1, 1))
		parse_numeric(x, a, a->words.w[0], &m->probe.host);
}

void conf_parse_reserved(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_mysql *m = obj;
	int64_t port;

	if (!conf_count_words(x, a, 1, 2) ||
	    !conf_parse_int(x, &a->where, a->key->name, a->words.w[0], 1, 65535, &port))
		return;
	m->probe.reserved_port = (uint16_t)port;
	if (a->words.n > 1)
		parse_numeric(x, a, a->words.w[1], &m->probe.reserved_host);
}

char *conf_read_secret(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *path)
{
	struct conf_file file;
	char *text = NULL;
	int r = conf_file_read(path, &file);

	if (r < 0) {
		conf_error(x->f, where, "%s: cannot read %s: %s", what, path, conf_file_error(r));
		return NULL;
	}
	if (conf_file_is_public(file.mode, file.gid))
		conf_error(x->f, where, "%s: %s may be used by others (mode %04o); chmod 0600 it", what, path,
			   file.mode & 07777u);
	else if (memchr(file.text, '\0', file.len))
		conf_error(x->f, where, "%s: %s holds a NUL character", what, path);
	else
		text = conf_pool_strndup(x->pool, file.text, file.len);
	conf_file_done(&file);
	return text;
}

/* One newline at the end is the editor's, not the password's. */
static void strip_newline(char *s)
{
	size_t n = strlen(s);

	if (n > 0 && s[n - 1] == '\n')
		s[--n] = '\0';
	if (n > 0 && s[n - 1] == '\r')
		s[--n] = '\0';
}

static void password_from_file(struct conf_ctx *x, const struct conf_arg *a, struct conf_mysql *m, const char *path)
{
	char *text;

	if (path[0] != '/') {
		conf_error(x->f, &a->where, "password: file:%.64s is not an absolute path", path);
		return;
	}
	m->password_file = path;
	if (!x->files)
		return;
	text = conf_read_secret(x, &a->where, "password", path);
	if (!text)
		return;
	strip_newline(text);
	if (!*text || strchr(text, '\n')) {
		conf_error(x->f, &a->where, "password: %s must hold one line, the password", path);
		return;
	}
	m->probe.password = text;
}

/* The value must never reach a message. */
void conf_parse_password(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_mysql *m = obj;
	const char *text;
	mode_t mode;
	gid_t gid;

	if (a->words.n != 1) {
		conf_error(x->f, &a->where, "password: takes one word: the password in quotes, or file:PATH");
		return;
	}
	text = a->words.w[0];
	if (a->is_number) {
		conf_error(x->f, &a->where, "password: is text, and needs quotes");
		return;
	}
	if (strcmp(text, CONF_WITHHELD) == 0) {
		conf_error(x->f, &a->where,
			   "password: " CONF_WITHHELD
			   " stands for one that was not printed; write it, or better `password file:PATH`");
		return;
	}
	if (!conf_check_bytes(x, &a->where, "password", text))
		return;
	if (strncmp(text, FILE_PREFIX, strlen(FILE_PREFIX)) == 0) {
		password_from_file(x, a, m, text + strlen(FILE_PREFIX));
		return;
	}
	m->probe.password = text;
	m->password_inline = true;
	if (x->files && conf_file_mode(a->where.file, &mode, &gid) == 0 && conf_file_is_public(mode, gid))
		conf_warn(x->f, &a->where,
			  "password: others may read this file (mode %04o); chmod 0600 it, or use `password file:PATH`",
			  mode & 07777u);
}

void conf_parse_mysql_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_mysql *m = obj;

	conf_parse_weight(x, &a->where, a->key->name, a->words.w, a->words.n, &m->weight, &m->reverse);
}

static void check_mysql_block(struct conf_ctx *x, const struct conf_mysql *m, const struct conf_frame *frame)
{
	const struct conf_where *socket = conf_given(frame, "socket"), *host = conf_given(frame, "host");

	if (socket && host)
		conf_error(x->f, host, "host: vrrp_mysql %s has a socket already; give one of the two", m->name);
	else if (!m->probe.socket && !ip_is_set(&m->probe.host) && !socket && !host)
		conf_error(x->f, &m->where, "vrrp_mysql %s: needs socket PATH, or host ADDRESS [port N]", m->name);
	if (conf_given(frame, "port") && !ip_is_set(&m->probe.host))
		conf_error(x->f, conf_given(frame, "port"), "port: means nothing without host");
	if (!m->probe.user && !conf_given(frame, "user"))
		conf_error(x->f, &m->where, "vrrp_mysql %s: user is missing", m->name);
	if (conf_given(frame, "query_interval") && !m->probe.query)
		conf_warn(x->f, conf_given(frame, "query_interval"), "query_interval: means nothing without query");
	if (m->probe.timeout_us < 500000)
		conf_warn(x->f, conf_given(frame, "timeout") ? conf_given(frame, "timeout") : &m->where,
			  "timeout: a busy server may need 0.5 seconds to answer; below, a load peak can look like a "
			  "hang");
}

static void read_mysql(struct conf_ctx *x, config_setting_t *group, struct conf_mysql *m)
{
	struct conf_frame frame;

	*m = (struct conf_mysql){
		.name = conf_named_name(x, "vrrp_mysql", group),
		.probe = { .port = 3306,
			   .query_interval_us = 1000000,
			   .interval_us = 200000,
			   .timeout_us = 1000000,
			   .thread_watch = true },
		.rise = 2,
		.fall = 1,
		.startup_grace_us = 10000000,
		.where = conf_where_of(x, group),
	};
	ip_parse("127.0.0.1", &m->probe.reserved_host);
	conf_walk(x, &conf_mysql_block, group, m, &frame);
	if (m->defaults_file && x->files)
		conf_read_option_file(x, conf_given(&frame, "defaults_file"), m, &frame);
	check_mysql_block(x, m, &frame);
	conf_read_fitness(x, group, m);
}

void conf_read_mysqls(struct conf_ctx *x, config_setting_t *root)
{
	size_t n = conf_named_count(x, root, "vrrp_mysql");

	x->c->mysqls = conf_pool_array(x->pool, n + 1, sizeof(*x->c->mysqls));
	x->c->n_mysqls = n;
	for (size_t i = 0; i < n; i++)
		read_mysql(x, conf_named_elem(root, "vrrp_mysql", i), &x->c->mysqls[i]);
}
