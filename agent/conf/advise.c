/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that make a configuration watch MySQL, in the grammar that its file has. They are advice: nothing here
 * changes what runs. */
#include "agent/conf/internal.h"

#include <ctype.h>
#include <stdarg.h>

#define ADVISED_NAME "mysqld"

struct advice {
	void (*line)(void *user, const char *text);
	void *user;
};

static void say(const struct advice *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct advice *a, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	a->line(a->user, text);
}

/* A name as both grammars take it, between quotes where it needs them. */
static const char *quote(const char *name, bool always, char *buf, size_t size)
{
	bool plain = !always && isalpha((unsigned char)*name);
	size_t n = 0;

	for (const char *s = name; *s; s++)
		plain = plain && (isalnum((unsigned char)*s) || *s == '_' || *s == '-');
	if (!plain)
		buf[n++] = '"';
	for (const char *s = name; *s && n + 3 < size; s++) {
		if (always && *s == '\\') /* libconfig's strings have escapes, keepalived's have none */
			buf[n++] = '\\';
		buf[n++] = *s;
	}
	if (!plain)
		buf[n++] = '"';
	buf[n] = '\0';
	return buf;
}

/* A script may look at MySQL; a server is. */
static bool is_watched(const struct conf_instance *i)
{
	return i->tracks.of[CONF_TRACK_MYSQL].n > 0 || i->tracks.of[CONF_TRACK_SCRIPT].n > 0;
}

static void advise_keepalived(const struct advice *a, const struct conf *c, const char *name)
{
	if (c->n_mysqls == 0) {
		say(a, "# at the top level, beside vrrp_instance:");
		say(a, "vrrp_mysql %s {", name);
		say(a, "    socket /run/mysqld/mysqld.sock");
		say(a, "    user sqlvip  # CREATE USER IF NOT EXISTS sqlvip@localhost; with a password: password "
		       "file:PATH");
		say(a, "    interval 0.2");
		say(a, "    timeout 1");
		say(a, "}");
	}
	for (size_t i = 0; i < c->n_instances; i++) {
		if (is_watched(&c->instances[i]))
			continue;
		say(a, "# inside vrrp_instance %s { }:", c->instances[i].name);
		say(a, "    track_mysql {");
		say(a, "        %s", name);
		say(a, "    }");
	}
}

static void advise_libconfig(const struct advice *a, const struct conf *c, const char *name)
{
	if (c->n_mysqls == 0) {
		say(a, "# at the top level, beside vrrp_instance:");
		say(a, "vrrp_mysql = ( { name = %s; socket = \"/run/mysqld/mysqld.sock\"; user = \"sqlvip\";", name);
		say(a, "    interval = 0.2; timeout = 1.0; } );");
	}
	for (size_t i = 0; i < c->n_instances; i++) {
		if (is_watched(&c->instances[i]))
			continue;
		say(a, "# inside vrrp_instance %s:", c->instances[i].name);
		say(a, "    track_mysql = ( { name = %s; } );", name);
	}
}

void conf_advise(const struct conf *c, void (*line)(void *user, const char *text), void *user)
{
	char name[600]; /* twice a name's length */
	const char *mysql = c->n_mysqls > 0 ? c->mysqls[0].name : ADVISED_NAME;
	const struct advice a = { line, user };
	size_t n = strlen(c->file);
	size_t unwatched = 0;
	bool libconfig = n >= 4 && strcmp(c->file + n - 4, ".cfg") == 0;

	for (size_t i = 0; i < c->n_instances; i++)
		unwatched += !is_watched(&c->instances[i]);
	if (unwatched == 0)
		return;
	quote(mysql, libconfig, name, sizeof(name));
	if (libconfig)
		advise_libconfig(&a, c, name);
	else
		advise_keepalived(&a, c, name);
}
