/* SPDX-License-Identifier: Apache-2.0 */
/* Differences between two configurations. They are taken from the printed form: text that reads back to the same
 * configuration has every value in it, also those of keywords that this file has never heard of. */
#include "agent/conf/diff.h"

#include "agent/base/cleanup.h"

#include <ctype.h>

/* What prints has no failure but this. */
static _Noreturn void out_of_memory(void)
{
	fputs("sqlvip: out of memory while comparing configurations\n", stderr);
	abort();
}

/* --- single questions -------------------------------------------------------------------------------------------- */

bool conf_same_router(const struct conf_instance *a, const struct conf_instance *b)
{
	return a->vrid == b->vrid && a->version == b->version && a->family == b->family && a->unicast == b->unicast &&
	       strcmp(a->interface, b->interface) == 0 && (a->unicast || ip_equal(&a->group, &b->group));
}

static char *vip_text(struct conf_vip vip, const char *interface)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		out_of_memory();
	vip.no_track = false;
	conf_print_vip(&vip, interface, f);
	if (fclose(f) != 0 || !text)
		out_of_memory();
	return text;
}

bool conf_same_vip(const struct conf_vip *a, const struct conf_vip *b, const char *interface)
{
	struct conf_vip x = *a, y = *b;
	_cleanup_(freep) char *s = NULL;
	_cleanup_(freep) char *t = NULL;

	/* The usual case in short. */
	x.where = y.where = (struct conf_where){ 0 };
	if (memcmp(&x, &y, sizeof(x)) == 0)
		return true;
	s = vip_text(*a, interface);
	t = vip_text(*b, interface);
	return strcmp(s, t) == 0;
}

bool conf_global_is_live(const char *text)
{
	static const char *const live[] = { "router_id",
					    "script_user",
					    "shutdown_script",
					    "fifo_write_vrrp_states_on_reload",
					    "startup_script",
					    "startup_script_timeout",
					    "shutdown_script_timeout",
					    "enable_script_security",
					    "use_symlink_paths",
					    "log_unknown_vrids",
					    "state_directory" };
	size_t n = strcspn(text, " ");

	for (size_t i = 0; i < ELEMENTSOF(live); i++)
		if (strlen(live[i]) == n && strncmp(live[i], text, n) == 0)
			return true;
	return false;
}

/* --- printed blocks ---------------------------------------------------------------------------------------------- */

/* Lines without indentation open and close blocks; those between belong to them. A line of an inner block carries that
 * block's word: "virtual_ipaddress 192.0.2.1/32 dev eth0". */
struct block {
	char *head;   /* without its brace */
	char **lines; /* allocated, each */
	size_t n;
	const char *inner; /* the inner block that is open; NULL: none */
	bool matched;
};

struct document {
	char *text;
	struct block *blocks;
	size_t n;
};

static void *grown(void *array, size_t n, size_t size)
{
	/* by doubling: n is the present length */
	if (n & (n - 1))
		return array;
	array = reallocarray(array, n ? 2 * n : 1, size);
	if (!array)
		out_of_memory();
	return array;
}

/* Takes the brace off; false if the line opens no block. */
static bool opens(char *line)
{
	size_t len = strlen(line);

	if (len <= 2 || strcmp(line + len - 2, " {") != 0)
		return false;
	line[len - 2] = '\0';
	return true;
}

static void add_inner(struct block *b, char *line)
{
	line += strspn(line, " ");
	if (*line == '#' || strcmp(line, "}") == 0) {
		b->inner = *line == '}' ? NULL : b->inner;
		return;
	}
	if (opens(line)) {
		b->inner = line;
		return;
	}
	b->lines = grown(b->lines, b->n, sizeof(*b->lines));
	if (asprintf(&b->lines[b->n++], "%s%s%s", b->inner ? b->inner : "", b->inner ? " " : "", line) < 0)
		out_of_memory();
}

static void add_line(struct document *d, char *line)
{
	if (*line == '\0' || *line == '}')
		return;
	if (isspace((unsigned char)*line)) {
		if (d->n)
			add_inner(&d->blocks[d->n - 1], line);
		return;
	}
	d->blocks = grown(d->blocks, d->n, sizeof(*d->blocks));
	opens(line);
	d->blocks[d->n++] = (struct block){ .head = line };
}

static void document_make(struct document *d, const struct conf *c)
{
	size_t len;
	FILE *f = open_memstream(&d->text, &len);

	if (!f)
		out_of_memory();
	conf_print(c, f);
	if (fclose(f) != 0 || !d->text)
		out_of_memory();
	for (char *line = d->text, *end; line && *line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		add_line(d, line);
	}
}

static void document_done(struct document *d)
{
	for (size_t i = 0; i < d->n; i++) {
		for (size_t k = 0; k < d->blocks[i].n; k++)
			free(d->blocks[i].lines[k]);
		free(d->blocks[i].lines);
	}
	free(d->blocks);
	free(d->text);
}

static struct block *find_block(struct document *d, const char *head, size_t hint)
{
	for (size_t i = 0; i < d->n; i++) {
		struct block *b = &d->blocks[(hint + i) % d->n];

		if (!b->matched && strcmp(b->head, head) == 0)
			return b;
	}
	return NULL;
}

/* --- differences ------------------------------------------------------------------------------------------------- */

struct differ {
	conf_diff_fn line;
	void *user;
};

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **sorted(const struct block *b)
{
	char **copy = calloc(b->n + 1, sizeof(*copy));

	if (!copy)
		out_of_memory();
	if (b->n)
		memcpy(copy, b->lines, b->n * sizeof(*copy));
	qsort(copy, b->n, sizeof(*copy), compare_lines);
	return copy;
}

/* A part of a sorted array. */
struct lines {
	char **line;
	size_t n;
};

static int compare_keywords(const char *a, const char *b)
{
	size_t len_a = strcspn(a, " "), len_b = strcspn(b, " ");
	int order = memcmp(a, b, len_a < len_b ? len_a : len_b);

	return order ? order : (len_a > len_b) - (len_a < len_b);
}

/* Takes the lines that begin with this keyword off the front. */
static struct lines take_keyword(struct lines *from, const char *keyword)
{
	struct lines taken = { from->line, 0 };

	while (taken.n < from->n && compare_keywords(from->line[taken.n], keyword) == 0)
		taken.n++;
	from->line += taken.n;
	from->n -= taken.n;
	return taken;
}

static void tell_missing(const struct differ *d, const char *head, char sign, struct lines of, struct lines in)
{
	for (size_t i = 0, k = 0; i < of.n;) {
		int order = k == in.n ? -1 : strcmp(of.line[i], in.line[k]);

		if (order < 0)
			d->line(d->user, head, sign, of.line[i]);
		i += order <= 0;
		k += order >= 0;
	}
}

/* Keyword by keyword, of each what is gone before what has come. */
static void diff_block(const struct differ *d, const struct block *a, const struct block *b)
{
	_cleanup_(freep) char **old = sorted(a);
	_cleanup_(freep) char **fresh = sorted(b);
	struct lines was = { old, a->n }, is = { fresh, b->n };

	while (was.n || is.n) {
		const char *keyword =
			is.n == 0 || (was.n && compare_keywords(*was.line, *is.line) < 0) ? *was.line : *is.line;
		struct lines gone = take_keyword(&was, keyword), come = take_keyword(&is, keyword);

		tell_missing(d, a->head, '-', gone, come);
		tell_missing(d, a->head, '+', come, gone);
	}
}

static void diff_documents(const struct differ *d, struct document *old, struct document *fresh)
{
	for (size_t i = 0; i < old->n; i++) {
		struct block *b = find_block(fresh, old->blocks[i].head, i);

		if (!b) {
			d->line(d->user, old->blocks[i].head, '-', "");
			continue;
		}
		b->matched = true;
		diff_block(d, &old->blocks[i], b);
	}
	for (size_t i = 0; i < fresh->n; i++)
		if (!fresh->blocks[i].matched)
			d->line(d->user, fresh->blocks[i].head, '+', "");
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_keys(const struct conf_hmac *a, const struct conf_hmac *b)
{
	for (size_t i = 0; i < a->n_keys; i++)
		for (size_t k = 0; k < b->n_keys; k++)
			if (a->keys[i].id == b->keys[k].id &&
			    (a->keys[i].len != b->keys[k].len ||
			     memcmp(a->keys[i].octets, b->keys[k].octets, a->keys[i].len) != 0))
				return false;
	return true; /* those that come or go are in the print */
}

static void diff_keys(const struct differ *d, const struct conf *old, const struct conf *fresh)
{
	for (size_t i = 0; i < old->n_instances; i++) {
		for (size_t k = 0; k < fresh->n_instances; k++) {
			const struct conf_instance *a = &old->instances[i], *b = &fresh->instances[k];
			char head[128];

			if (strcmp(a->name, b->name) != 0 || same_keys(&a->auth_hmac, &b->auth_hmac))
				continue;
			snprintf(head, sizeof(head), "vrrp_instance %s", a->name);
			d->line(d->user, head, '+', "another key for auth_hmac");
		}
	}
}

/* What is withheld from the print. */
static void diff_secrets(const struct differ *d, const struct conf *old, const struct conf *fresh)
{
	diff_keys(d, old, fresh);
	for (size_t i = 0; i < old->n_mysqls; i++) {
		for (size_t k = 0; k < fresh->n_mysqls; k++) {
			const struct conf_mysql *a = &old->mysqls[i], *b = &fresh->mysqls[k];
			char head[128];

			if (strcmp(a->name, b->name) != 0 || same_text(a->probe.password, b->probe.password))
				continue;
			snprintf(head, sizeof(head), "vrrp_mysql %s", a->name);
			d->line(d->user, head, '+', "another password");
		}
	}
}

void conf_diff(const struct conf *old, const struct conf *fresh, conf_diff_fn line, void *user)
{
	const struct differ d = { line, user };
	struct document a = { 0 }, b = { 0 };

	document_make(&a, old);
	document_make(&b, fresh);
	diff_documents(&d, &a, &b);
	diff_secrets(&d, old, fresh);
	document_done(&a);
	document_done(&b);
}
