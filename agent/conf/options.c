/* SPDX-License-Identifier: Apache-2.0 */
/* A MySQL option file (`defaults_file`): the groups [client] and [sqlvip], of which the latter wins, and in them user,
 * password, socket, host and port. Read once, here, so that the probe's connects touch no disk. What stands in the
 * vrrp_mysql block itself wins over the file.
 *
 * Line format: MySQL Reference Manual, "Using Option Files". Other groups and other options of [client] belong to other
 * programs and are passed over; in our own group an option that we do not know is an error, as are !include lines. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

enum option { OPT_USER, OPT_PASSWORD, OPT_SOCKET, OPT_HOST, OPT_PORT, _OPT_MAX_ };
enum section { SECTION_OTHER, SECTION_CLIENT, SECTION_SQLVIP };

static const char *const option_names[] = { "user", "password", "socket", "host", "port" };
_Static_assert(ELEMENTSOF(option_names) == _OPT_MAX_, "a name for each option");

struct option_value {
	char *text;
	enum section from;
	struct conf_where where;
};

static char *trim(char *s)
{
	size_t n;

	while (conf_is_blank(*s))
		s++;
	n = strlen(s);
	while (n > 0 && conf_is_blank(s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* A `#` outside quotes begins a comment. */
static void cut_comment(char *s)
{
	char quote = 0;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (quote)
			quote = *s == quote ? 0 : quote;
		else if (*s == '"' || *s == '\'')
			quote = *s;
		else if (*s == '#')
			*s = '\0';
		if (!*s)
			return;
	}
}

/* Takes the quotes off, resolves \b \t \n \r \\ \s; other sequences stay as they are. */
static char *unquote(char *s)
{
	static const char letters[] = "btnr\\s\"'", values[] = "\b\t\n\r\\ \"'";
	size_t n = strlen(s);
	char *out;

	if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
		s[n - 1] = '\0';
		s++;
	}
	out = s;
	for (const char *in = s; *in; in++) {
		const char *letter = in[0] == '\\' && in[1] ? strchr(letters, in[1]) : NULL;

		*out++ = letter ? values[letter - letters] : *in;
		in += letter != NULL;
	}
	*out = '\0';
	return s;
}

static enum section section_of(const char *line)
{
	if (strcmp(line, "[client]") == 0)
		return SECTION_CLIENT;
	return strcmp(line, "[sqlvip]") == 0 ? SECTION_SQLVIP : SECTION_OTHER;
}

static void take_option(struct conf_ctx *x, const struct conf_where *where, enum section section, char *line,
			struct option_value *values)
{
	char *equals = strchr(line, '=');
	char *value = equals ? equals + 1 : NULL;

	if (equals)
		*equals = '\0';
	line = trim(line);
	for (size_t i = 0; i < _OPT_MAX_; i++) {
		if (strcmp(line, option_names[i]) != 0)
			continue;
		if (section >= values[i].from)
			values[i] = (struct option_value){ value ? unquote(trim(value)) : NULL, section, *where };
		return;
	}
	if (section == SECTION_SQLVIP)
		conf_error(x->f, where, "%.64s: the group [sqlvip] takes user, password, socket, host and port", line);
}

static void scan(struct conf_ctx *x, const char *file, char *text, struct option_value *values)
{
	struct conf_where where = { .file = file };
	enum section section = SECTION_OTHER;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		where.line++;
		line = trim(line);
		if (!*line || *line == '#' || *line == ';')
			continue;
		if (*line == '!') {
			conf_error(x->f, &where, "files included by an option file are not read");
			continue;
		}
		cut_comment(line);
		line = trim(line);
		if (*line == '[')
			section = section_of(line);
		else if (section != SECTION_OTHER)
			take_option(x, &where, section, line, values);
	}
}

/* The file's own way to say where the server is: `localhost` means the socket, else the host goes first. */
static void apply_place(struct conf_ctx *x, struct option_value *v, struct conf_mysql *m)
{
	const struct option_value *host = &v[OPT_HOST], *port = &v[OPT_PORT], *socket = &v[OPT_SOCKET];
	int64_t n;

	if (host->text && strcmp(host->text, "localhost") != 0) {
		if (!ip_parse(host->text, &m->probe.host))
			conf_error(x->f, &host->where,
				   "host: \"%.64s\" is not a numeric address; looking names up would block",
				   host->text);
		if (port->text && conf_parse_int(x, &port->where, "port", port->text, 1, 65535, &n))
			m->probe.port = (uint16_t)n;
		return;
	}
	if (!socket->text)
		return;
	if (socket->text[0] != '/' || strlen(socket->text) > 107)
		conf_error(x->f, &socket->where, "socket: is not an absolute path of at most 107 characters");
	else if (conf_check_string(x, &socket->where, "socket", socket->text))
		m->probe.socket = socket->text;
}

void conf_read_option_file(struct conf_ctx *x, const struct conf_where *where, struct conf_mysql *m,
			   const struct conf_frame *frame)
{
	struct option_value v[_OPT_MAX_] = { 0 };
	char *text = conf_read_secret(x, where, "defaults_file", m->defaults_file);

	if (!text)
		return;
	scan(x, m->defaults_file, text, v);
	if (!conf_given(frame, "user") && v[OPT_USER].text && *v[OPT_USER].text &&
	    conf_check_string(x, &v[OPT_USER].where, "user", v[OPT_USER].text))
		m->probe.user = v[OPT_USER].text;
	if (!conf_given(frame, "password") && v[OPT_PASSWORD].text && *v[OPT_PASSWORD].text)
		m->probe.password = v[OPT_PASSWORD].text;
	if (!conf_given(frame, "socket") && !conf_given(frame, "host"))
		apply_place(x, v, m);
}
