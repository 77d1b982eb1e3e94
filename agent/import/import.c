/* SPDX-License-Identifier: Apache-2.0 */
/* Reading somebody's keepalived.conf with our own reader, twice: once line by line, to have something to speak about,
 * and once as a configuration, to find out what is wrong with it. What is found is given to the line it is about; what
 * cannot be used becomes a comment in the suggestion, as keepalived would have passed over it. The suggestion is then
 * read itself, until nothing more is found or nothing more can be done without the operator. */
#include "agent/import/impl.h"

#include "agent/base/cleanup.h"
#include "agent/conf/file.h"
#include "agent/conf/lex.h"

#include <errno.h>
#include <stdarg.h>

enum { ROUNDS_MAX = 8, FINDINGS_KEPT = 400, SCRIPT_MAX = 65536 };

static const char *print_to_pool(struct conf_pool *pool, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *print_to_pool(struct conf_pool *pool, const char *fmt, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return conf_pool_strdup(pool, text ? text : "");
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

static bool opens_keywords(const struct item *i)
{
	return i->key && (i->key->kind == KEY_GROUP || i->key->kind == KEY_NAMED);
}

static void keep_comment(void *user, const struct conf_where *where, bool alone, const char *text)
{
	struct import *m = user;
	struct comment *c = conf_pool_alloc(m->pool, sizeof(*c));
	char *own = conf_pool_strdup(m->pool, text);

	import_mask(own);
	*c = (struct comment){ .text = own, .where = *where, .alone = alone };
	*m->comments_end = c;
	m->comments_end = &c->next;
}

static bool is_line_of(const struct conf_where *a, const struct conf_where *b)
{
	return a->line == b->line && strcmp(a->file, b->file) == 0;
}

/* Those read since the item before. What stood beside a line that gave no item, such as another host's, goes with it.
 */
static void take_comments(struct import *m, struct item *i)
{
	struct comment **above = &i->above;

	for (struct comment *c = m->comments, *next; c; c = next) {
		next = c->next;
		c->next = NULL;
		if (c->alone) {
			*above = c;
			above = &c->next;
		} else if (is_line_of(&c->where, &i->where)) {
			i->beside = c->text;
		}
	}
	m->comments = NULL;
	m->comments_end = &m->comments;
}

static void add_line(struct import *m, const struct item *parent, const char *text, const struct conf_where *where,
		     unsigned depth)
{
	struct item *i = &m->items[m->n_items++];

	i->text = conf_pool_strdup(m->pool, text);
	i->word = conf_pool_strndup(m->pool, text, strcspn(text, " \t\""));
	i->where = *where;
	i->depth = depth;
	i->parent = parent;
	i->block = parent ? opens_keywords(parent) ? parent->key->inner : NULL : &conf_root_block;
	if (i->block)
		i->key = conf_key_find(i->block, i->word);
	take_comments(m, i);
}

static int read_items(struct import *m, const char *text, size_t len)
{
	struct conf_findings silent = { 0 };
	char host[256] = "";
	struct conf_lex_env env = {
		.pool = m->pool,
		.findings = &silent,
		.config_id = m->config_id ? m->config_id : host,
		.files = true,
		.comment = keep_comment,
		.user = m,
	};
	struct conf_lex *lex;
	struct item *stack[64];
	struct conf_where where;
	enum conf_token token;
	const char *line;
	unsigned depth = 0, lost = 0; /* `lost`: braces that no line opens, or too many */

	gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	lex = conf_lex_new(&env, m->path, text, len);
	if (!lex)
		return -ENOMEM;
	m->comments_end = &m->comments;
	m->items = conf_pool_array(m->pool, ITEMS_MAX, sizeof(*m->items));
	while (m->n_items < ITEMS_MAX - 1 && (token = conf_lex_next(lex, &line, &where)) != LEX_END) {
		struct item *last = m->n_items ? &m->items[m->n_items - 1] : NULL;

		if (token == LEX_LINE) {
			add_line(m, depth ? stack[depth - 1] : NULL, line, &where, depth);
		} else if (token == LEX_OPEN && last && !last->close && !last->opens && depth < ELEMENTSOF(stack)) {
			last->opens = true;
			stack[depth++] = last;
		} else if (token == LEX_OPEN) {
			lost++;
		} else if (lost > 0) {
			lost--;
		} else if (depth > 0) {
			stack[--depth]->end = m->n_items;
			m->items[m->n_items] = (struct item){ .close = true, .where = where, .depth = depth };
			take_comments(m, &m->items[m->n_items++]);
		}
	}
	while (depth > 0) /* a } is missing: as if it were at the end */
		stack[--depth]->end = m->n_items - 1;
	conf_lex_free(lex);
	return 0;
}

/* --- findings ---------------------------------------------------------------------------------------------------- */

static void keep_finding(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	struct import *m = user;

	if (m->n_findings < FINDINGS_KEPT)
		m->findings[m->n_findings++] = (struct finding){ .level = level,
								 .file = conf_pool_strdup(m->pool, where->file),
								 .text = conf_pool_strdup(m->pool, text),
								 .line = where->line };
}

/* "priority: 300 is not …" is about the keyword priority; what is said of an entry begins with its list's keyword. */
static bool is_about(const char *text, const char *word)
{
	size_t n = strlen(word);

	return n > 0 && strncmp(text, word, n) == 0 && (text[n] == ':' || text[n] == ' ');
}

/* The line that a finding about line `n` is for; several stand in one if blocks are written in a row. */
static struct item *item_of(struct import *m, const char *file, unsigned n, bool suggested, const char *text)
{
	struct item *any = NULL, *entry = NULL;

	for (size_t k = 0; k < m->n_items; k++) {
		struct item *i = &m->items[k];
		bool here = suggested ? i->line == n : i->where.line == n && strcmp(i->where.file, file) == 0;

		if (i->close || !here)
			continue;
		if (is_about(text, i->word))
			return i;
		if (!entry && i->parent && is_about(text, i->parent->word))
			entry = i;
		if (!any)
			any = i;
	}
	return entry ? entry : any;
}

/* A block with a name is somebody's virtual router: nothing that we could leave out. */
static bool is_dispensable(const struct item *i)
{
	return !(i->key && (i->key->kind == KEY_NAMED || i->key->kind == KEY_GROUP)) ||
	       strcmp(i->word, "authentication") == 0 || strcmp(i->word, "auth_hmac") == 0;
}

static bool within_comment(const struct item *i)
{
	for (; i; i = i->parent)
		if (i->fate != FATE_KEPT && i->fate != FATE_CHANGED)
			return true;
	return false;
}

static void add_note(struct import *m, struct item *i, const char *text)
{
	i->note = i->note ? print_to_pool(m->pool, "%s\n%s", i->note, text) : text;
}

/* Version 2 has whole seconds; keepalived rounds. */
static bool round_interval(struct import *m, struct item *i)
{
	double v;
	char end;

	if (strcmp(i->word, "advert_int") != 0 || i->fate == FATE_CHANGED ||
	    sscanf(i->text, "advert_int %lf%c", &v, &end) != 1 || !(v >= 0 && v <= 255))
		return false;
	i->fate = FATE_CHANGED;
	i->put = print_to_pool(m->pool, "advert_int %.0f", v < 1 ? 1 : v);
	i->why = "version 2 has whole seconds; this is what keepalived makes of it";
	return true;
}

/* Why it is of no use, where more can be said than that. */
static const struct {
	const char *word, *why; /* `word` may be the beginning of one */
} reasons[] = {
	{ "notification_email*", "sqlvip sends no mail: a notify hook can" },
	{ "smtp_*", "sqlvip sends no mail: a notify hook can" },
	{ "virtual_server*", "load balancing is not sqlvip's; `keepalived -C` can go on doing it beside sqlvip" },
	{ "lvs_*", "load balancing is not sqlvip's; `keepalived -C` can go on doing it beside sqlvip" },
	{ "vrrp_strict",
	  "it makes keepalived drop what is sent to the addresses and send no authentication; not served, "
	  "and not wanted for MySQL" },
	{ "strict_mode",
	  "it makes keepalived drop what is sent to the addresses and send no authentication; not served, "
	  "and not wanted for MySQL" },
	{ "nopreempt",
	  "keepalived ignores it, too, beside `state MASTER` or priority 255; for what it says, use `state "
	  "BACKUP` on all hosts" },
};

static bool fits(const char *pattern, const char *word)
{
	size_t n = strlen(pattern);

	return pattern[n - 1] == '*' ? strncmp(pattern, word, n - 1) == 0 : strcmp(pattern, word) == 0;
}

static const char *reason_for(const struct item *i, const char *otherwise)
{
	if (strcmp(i->word, "authentication") == 0 && strstr(otherwise, "version 3"))
		return "version 3 sends no password, and keepalived ignores this block, too";
	for (size_t k = 0; k < ELEMENTSOF(reasons); k++)
		if (fits(reasons[k].word, i->word))
			return reasons[k].why;
	return otherwise;
}

static bool ignores(const struct item *i)
{
	return i->key && i->key->kind == KEY_IGNORED;
}

static const char *rest_of(const struct item *i)
{
	const char *rest = i->text + strlen(i->word);

	return rest + strspn(rest, " \t");
}

/* Gives a finding to its line. True if the suggestion becomes another by it. */
static bool apply(struct import *m, struct finding *f, bool suggested)
{
	struct item *i = item_of(m, f->file, f->line, suggested, f->text);

	if (!i)
		return false;
	if (f->level == CONF_ERROR) {
		f->told = is_dispensable(i) || within_comment(i);
		if (!f->told || within_comment(i))
			return false;
		if (round_interval(m, i))
			return true;
		i->fate = FATE_REFUSED;
		i->why = reason_for(i, f->text);
		return true;
	}
	if (suggested)
		return false;
	f->told = true;
	if (strcmp(i->word, "script") == 0 && i->fate == FATE_KEPT && strstr(f->text, "without quotes") &&
	    !strchr(i->text, '"')) {
		i->fate = FATE_CHANGED;
		i->put = print_to_pool(m->pool, "script \"%s\"", rest_of(i));
		i->why = f->text;
		return true;
	}
	if (ignores(i)) {
		i->fate = FATE_IGNORED;
		i->why = reason_for(i, "of no use here");
		return true;
	}
	add_note(m, i, f->text);
	return true;
}

/* --- checks of MySQL --------------------------------------------------------------------------------------------- */

static struct item *child(struct import *m, const struct item *block, const char *word)
{
	for (size_t k = (size_t)(block - m->items) + 1; k < block->end; k++)
		if (m->items[k].parent == block && !m->items[k].close && strcmp(m->items[k].word, word) == 0)
			return &m->items[k];
	return NULL;
}

/* The script that a command line runs: the program itself, or what a shell is given. NULL if that is no path. */
static const char *script_of(const struct conf_words *argv)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "ksh", "zsh" };
	const char *slash = strrchr(argv->w[0], '/');
	const char *name = slash ? slash + 1 : argv->w[0];

	for (size_t i = 0; i < ELEMENTSOF(shells); i++)
		if (strcmp(name, shells[i]) == 0)
			return argv->n > 1 && argv->w[1][0] == '/' ? argv->w[1] : NULL;
	return argv->w[0][0] == '/' ? argv->w[0] : NULL;
}

static bool recognise_file(struct check *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct conf_file file;
	bool good;
	int r = conf_file_read(path, &file);

	if (r == -ENOENT) {
		c->by_name = strcasestr(slash + 1, "mysql") || strcasestr(slash + 1, "mariadb");
		c->mysql = (struct import_mysql){ .how = "what its name says" };
		beyond_read_name(&c->mysql.beyond, slash + 1);
		return c->by_name;
	}
	if (r < 0)
		return false;
	good = file.len < SCRIPT_MAX && strlen(file.text) == file.len && import_recognise(file.text, &c->mysql);
	conf_file_done(&file);
	return good;
}

static bool recognise(struct import *m, struct check *c, const char *line)
{
	struct conf_words outer, argv;
	const char *script;

	/* without quotes all words are the command, as our own reader has it */
	if (*line == '"' || *line == '\'') {
		if (conf_split_command(m->pool, line, KS_WORDS_MAX, &outer) != CONF_SPLIT_OK || outer.n == 0)
			return false;
		line = outer.w[0];
	}
	if (conf_split_argv(m->pool, line, KS_WORDS_MAX, &argv) != CONF_SPLIT_OK || argv.n == 0)
		return false;
	script = script_of(&argv);
	if (import_recognise(line, &c->mysql))
		return true;
	c->is_file = script && recognise_file(c, script);
	return c->is_file;
}

/* An option file as it is, if our own reader would take it. */
static void look_at_defaults(struct import *m, struct check *c)
{
	struct conf_file file;

	if (c->mysql.defaults[0] != '/' || conf_file_read(c->mysql.defaults, &file) < 0)
		return;
	if (!conf_file_is_public(file.mode, file.gid))
		c->defaults = conf_pool_strdup(m->pool, c->mysql.defaults);
	conf_file_done(&file);
}

/* `weight W [reverse]` in a line; false if it has none. */
static bool read_weight(const char *text, int *w, bool *reverse)
{
	const char *at = strstr(text, "weight");

	if (!at || sscanf(at, "weight %d", w) != 1)
		return false;
	*reverse = strstr(at, " reverse") != NULL;
	return true;
}

/* The script's weight at `entry`, or, if that is NULL, where no other is given. */
static void weight_at(const struct import *m, const struct check *c, const struct item *entry, int *w, bool *reverse)
{
	const struct item *block = c->item;

	*w = 0;
	*reverse = false;
	if (entry && read_weight(entry->text + strlen(entry->word), w, reverse))
		return;
	for (size_t k = (size_t)(block - m->items) + 1; k < block->end; k++)
		if (!m->items[k].close && m->items[k].parent == block && strcmp(m->items[k].word, "weight") == 0)
			read_weight(m->items[k].text, w, reverse);
}

bool import_counts_once(const struct import *m, const struct check *c, const struct item *entry)
{
	int w;
	bool reverse;

	weight_at(m, c, entry, &w, &reverse);
	return w == 0 && !reverse;
}

/* What the script does besides, and what of that the agent could. */
static void explain_beyond(struct import *m, struct check *c)
{
	const struct beyond_words *b = &c->mysql.beyond;

	add_note(m, c->item,
		 print_to_pool(m->pool,
			       "watches MySQL (%s), and more than whether it is alive: the script stays in use, and "
			       "vrrp_mysql %s stands beside it, a connection of the agent's own",
			       c->mysql.how, c->name));
	for (enum beyond kind = 0; kind < _BEYOND_MAX_; kind++)
		if (b->found[kind])
			add_note(m, c->item,
				 print_to_pool(m->pool, "  it %s (%s): %s", beyond_what(kind), b->found[kind],
					       beyond_instead(kind)));
	add_note(m, c->item,
		 "once vrrp_mysql does what the script does, with what stands there behind # in use, take the "
		 "vrrp_script "
		 "and its lines in track_script out; where track_mysql is a comment it takes their place. Read the "
		 "script "
		 "before: it may do more than was seen here");
}

static void explain_replaced(struct import *m, struct check *c)
{
	struct item *i = c->item;

	i->fate = FATE_REPLACED;
	i->why = print_to_pool(m->pool,
			       "watches MySQL (%s): becomes vrrp_mysql %s, a connection of the agent's own that "
			       "sees a death at once and a hang within its timeout, without a script",
			       c->mysql.how, c->name);
	if (c->is_file && !c->by_name)
		add_note(m, i, "whatever else the script does is not taken over: read it");
	if (c->mysql.process_only)
		add_note(m, i,
			 "it asks only whether a process is there; now a server that no longer answers counts as down, "
			 "too");
	if (child(m, i, "user"))
		add_note(m, i, "the probe runs in the agent: `user` has no meaning for it");
}

static void explain_check(struct import *m, struct check *c)
{
	struct item *i = c->item;

	i->check = c;
	c->stays = beyond_any(&c->mysql.beyond);
	weight_at(m, c, NULL, &c->weight, &c->reverse);
	if (c->stays)
		explain_beyond(m, c);
	else
		explain_replaced(m, c);
	if (c->by_name)
		add_note(m, i,
			 "the script is not on this host and was taken for a check of MySQL by its name: make sure "
			 "that it does nothing else");
	if (c->mysql.stops_agent)
		add_note(m, i,
			 c->stays ? "it ends keepalived instead of failing, which moves nothing here: let it exit with "
				    "1 instead"
				  : "it ends keepalived instead of failing; here weight 0 makes the host give the "
				    "addresses up, and take part again when MySQL is back");
	if (c->mysql.has_password)
		add_note(m, i,
			 c->stays ? "it holds a password, which stands in the suggestion as long as the script does; "
				    "vrrp_mysql does not get it: give it with `password file:PATH`"
				  : "it holds a password, which is not copied: give it with `password file:PATH`");
}

static void find_checks(struct import *m)
{
	for (size_t k = 0; k < m->n_items && m->n_checks < CHECKS_MAX; k++) {
		struct item *i = &m->items[k], *script;
		struct check *c = &m->checks[m->n_checks];

		if (i->close || i->parent || !i->opens || strcmp(i->word, "vrrp_script") != 0)
			continue;
		script = child(m, i, "script");
		*c = (struct check){ .item = i, .name = rest_of(i) };
		if (!script || !*c->name || !recognise(m, c, rest_of(script)))
			continue;
		look_at_defaults(m, c);
		m->n_checks++;
		explain_check(m, c);
	}
}

struct check *import_tracked(const struct import *m, const struct item *entry)
{
	if (!entry->parent || strcmp(entry->parent->word, "track_script") != 0 || entry->close)
		return NULL;
	for (size_t k = 0; k < m->n_checks; k++)
		if (strcmp(m->checks[k].name, entry->word) == 0)
			return (struct check *)(uintptr_t)&m->checks[k];
	return NULL;
}

/* Tracked before it is defined: keepalived does not know it then. */
static void look_at_tracking(struct import *m, struct item *entry)
{
	struct check *c = import_tracked(m, entry);
	bool seen = false, defined = false;

	if (c && c->stays) {
		if (!c->tracked)
			weight_at(m, c, entry, &c->weight, &c->reverse);
		c->tracked = true;
		add_note(m, entry,
			 import_counts_once(m, c, entry)
				 ? print_to_pool(m->pool, "beside it: `track_mysql { %s }`", entry->text)
				 : print_to_pool(m->pool,
						 "`track_mysql { %s }` stands beside it as a comment: with both, its "
						 "weight would count twice when MySQL dies",
						 entry->text));
	} else if (c) {
		c->tracked = true;
		entry->fate = FATE_CHANGED;
		entry->put = print_to_pool(m->pool, "track_mysql { %s }", entry->text);
		entry->why = "the check is a vrrp_mysql now";
	}
	if (!entry->parent || strcmp(entry->parent->word, "track_script") != 0)
		return;
	for (size_t k = 0; k < m->n_items; k++) {
		const struct item *i = &m->items[k];

		if (!i->close && !i->parent && strcmp(i->word, "vrrp_script") == 0 &&
		    strcmp(rest_of(i), entry->word) == 0) {
			defined = true;
			seen |= i < entry;
		}
	}
	if (defined && !seen)
		add_note(m, entry,
			 "differs: keepalived ignores it, since the vrrp_script stands further down; here it counts");
}

/* --- what is kept and yet another thing -------------------------------------------------------------------------- */

static const struct {
	const char *block, *word, *text; /* `word` may be the beginning of one */
} differences[] = {
	{ "vrrp_instance", "notify*",
	  "differs: hooks of an instance run one after the other, in order, none left out; "
	  "keepalived starts them side by side" },
	{ "vrrp_sync_group", "notify*",
	  "differs: hooks of a group run one after the other; keepalived starts them side by "
	  "side" },
	{ "vrrp_instance", "preempt_delay",
	  "the same; note that a master which lowers its priority is replaced after one "
	  "Skew_Time, not after Down_Time" },
	{ "vrrp_script", "init_fail", "differs: it has the documented meaning here; in keepalived it has no effect" },
	{ "vrrp_instance", "unicast_ttl",
	  "differs: without unicast_peer it has no effect here; keepalived would send with "
	  "TTL 0, that is, not at all" },
	{ "vrrp_instance", "skip_check_adv_addr", "differs: `off` means off; keepalived switches it on" },
	{ "global_defs", "enable_script_security",
	  "differs: what cannot be run safely is refused at start, not at run time" },
};

static void note_differences(struct import *m, struct item *i)
{
	for (size_t k = 0; k < ELEMENTSOF(differences); k++) {
		if (i->parent && strcmp(i->parent->word, differences[k].block) == 0 &&
		    fits(differences[k].word, i->word))
			add_note(m, i, differences[k].text);
	}
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static void judge_lines(struct import *m)
{
	for (size_t k = 0; k < m->n_items; k++) {
		struct item *i = &m->items[k];

		if (i->close)
			continue;
		look_at_tracking(m, i);
		note_differences(m, i);
		if (ignores(i) && i->fate == FATE_KEPT) { /* given again: the reader says it once */
			i->fate = FATE_IGNORED;
			i->why = reason_for(i, "of no use here");
		}
	}
	for (size_t k = 0; k < m->n_checks; k++)
		if (!m->checks[k].tracked)
			add_note(m, m->checks[k].item,
				 "no instance tracks it, so keepalived never runs it: the suggestion lets those that "
				 "follow "
				 "nothing track it, else leave track_mysql out");
}

/* Under vrrp_strict keepalived sends none: with it, we would not understand each other. */
static void forget_authentication(struct import *m)
{
	bool strict = false;

	for (size_t k = 0; k < m->n_items; k++) {
		struct item *i = &m->items[k];

		if (i->close || !i->parent)
			continue;
		strict |= strcmp(i->word, "vrrp_strict") == 0 && i->fate == FATE_REFUSED;
	}
	for (size_t k = 0; strict && k < m->n_items; k++) {
		struct item *i = &m->items[k];

		if (i->close || i->fate != FATE_KEPT || strcmp(i->word, "authentication") != 0)
			continue;
		i->fate = FATE_REFUSED;
		i->why = "vrrp_strict makes keepalived send none, and so it is left out here, too";
	}
}

/* Users that cannot be looked up now are findings like others. */
static int judged(int r)
{
	return r == -EAGAIN ? -EINVAL : r;
}

/* Reads the suggestion as it is now. 0: valid; 1: it could be made better, and was; -EINVAL: it could not. */
static int try(struct import *m)
{
	_cleanup_(freep) char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct conf *c = NULL;
	bool better = false;
	int r;

	if (!f)
		return -ENOMEM;
	import_put_suggestion(m, f);
	fclose(f);
	m->n_findings = 0;
	r = judged(conf_load_text(m->path, text, n, true, NULL, keep_finding, m, &c));
	conf_free(c);
	for (size_t k = 0; r == -EINVAL && k < m->n_findings; k++)
		if (m->findings[k].level == CONF_ERROR)
			better |= apply(m, &m->findings[k], true);
	return better ? 1 : r;
}

static int judge(struct import *m)
{
	struct conf *c = NULL;
	int r = judged(conf_load(m->path, m->config_id, keep_finding, m, &c));

	conf_free(c);
	if (r < 0 && r != -EINVAL)
		return r;
	find_checks(m);
	m->general = conf_pool_array(m->pool, m->n_findings + 1, sizeof(*m->general));
	for (size_t k = 0; k < m->n_findings; k++) {
		struct finding *f = &m->findings[k];

		apply(m, f, false);
		if (!f->told && f->level == CONF_WARNING)
			m->general[m->n_general++] = f->text;
	}
	judge_lines(m);
	forget_authentication(m);
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		r = try(m);
		if (r <= 0)
			return r;
	}
	return -EINVAL;
}

static bool is_libconfig(const char *path)
{
	size_t n = strlen(path);

	return n >= 4 && strcmp(path + n - 4, ".cfg") == 0;
}

int import_file(const char *path, const char *config_id, FILE *report, FILE *suggestion)
{
	struct import m = { .path = path, .config_id = config_id };
	struct conf_file file;
	int r;

	if (is_libconfig(path)) {
		fprintf(report,
			"%s: its name says that it is in libconfig's grammar; what is read here is keepalived's\n",
			path);
		return -EINVAL;
	}
	r = conf_file_read(path, &file);
	if (r < 0) {
		fprintf(report, "%s: cannot be read: %s\n", path, conf_file_error(r));
		return r;
	}
	m.pool = conf_pool_new();
	m.findings = conf_pool_array(m.pool, FINDINGS_KEPT, sizeof(*m.findings));
	r = read_items(&m, file.text, file.len);
	if (r == 0)
		r = judge(&m);
	if (r == 0 || r == -EINVAL) {
		import_put_suggestion(&m, suggestion);
		import_put_report(&m, report, r == 0);
	}
	if (r == 0 && import_count_refused(&m) > 0)
		r = 1;
	conf_file_done(&file);
	conf_pool_free(m.pool);
	return r;
}
