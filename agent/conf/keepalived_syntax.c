/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and braces -> tree. One keyword or list entry per line; a line waits for the token behind it, because `{` may
 * stand on the next line. A block that nobody asked for is passed over as a whole, and one whose } is missing ends
 * where a line belongs to a block around it, so that one mistake is reported once and what follows is understood. */
#include "agent/conf/keepalived_syntax.h"

#include "agent/base/cleanup.h"
#include "agent/conf/words.h"

#include <errno.h>

enum {
	DEPTH_MAX = 8, /* the keyword tables are flatter */
	KEYWORD_LEN_MAX = 64,
};

enum frame_kind { FRAME_KEYS, FRAME_ENTRIES };

struct frame {
	enum frame_kind kind;
	config_setting_t *setting; /* group or list */
	const void *block;
	const char *keyword; /* for messages; NULL at the root */
	struct conf_where where;
};

/* A brace of the whole, and what stands behind it. */
struct brace {
	bool opens;
	enum conf_token next;
	const char *word; /* LEX_LINE: its first word, from the pool; "" if it is no keyword's */
	size_t end;       /* the first } from here on that closes more than was opened; or how many braces there are */
};

/* What the last line wants of a `{` behind it. */
enum wish { WISH_NONE, WISH_BLOCK, WISH_MAYBE, WISH_NOTHING };

struct parser {
	const struct conf_lex_env *env;
	const struct ks_grammar *grammar;
	const char *path, *text; /* of the whole */
	size_t len;
	struct frame frames[DEPTH_MAX];
	size_t depth;    /* of frames; at least 1 */
	size_t skipping; /* braces open within a block that is passed over */
	struct conf_where skip_where;
	enum wish wish;
	struct frame next; /* WISH_BLOCK: what the `{` opens. WISH_MAYBE, WISH_NOTHING: its keyword */
	size_t n_taken;    /* braces so far */
	bool surveyed;     /* the next three are known */
	long lacking;      /* how many } the whole lacks, but for those that were reported */
	struct brace *braces;
	size_t n_braces;
	unsigned n_settings;
	bool full; /* KS_SETTINGS_MAX was reported */
};

static void set_where(struct parser *p, config_setting_t *s, const struct conf_where *where)
{
	struct conf_where *w = conf_pool_alloc(p->env->pool, sizeof(*w));

	*w = *where;
	config_setting_set_hook(s, w);
}

/* A new member (`name`) or element (NULL) of `parent`; NULL when there are too many. */
static config_setting_t *add(struct parser *p, config_setting_t *parent, const char *name, int type,
			     const struct conf_where *where)
{
	config_setting_t *s = NULL;

	if (!name && config_setting_length(parent) >= KS_ELEMENTS_MAX) {
		if (config_setting_length(parent) == KS_ELEMENTS_MAX && !p->full)
			conf_error(p->env->findings, where, "more than %d entries", KS_ELEMENTS_MAX);
		p->full = true;
		return NULL;
	}
	/* look-up in a group is linear */
	if (p->n_settings < KS_SETTINGS_MAX && (!name || config_setting_length(parent) < KS_MEMBERS_MAX))
		s = config_setting_add(parent, name, type);
	if (!s) {
		if (!p->full)
			conf_error(p->env->findings, where, "the configuration is too large");
		p->full = true;
		return NULL;
	}
	p->n_settings++;
	set_where(p, s, where);
	return s;
}

/* Words as the value of a member or element, in the shapes that the header lists. */
static void add_words(struct parser *p, config_setting_t *parent, const char *name, char *const *w, size_t n,
		      const struct conf_where *where)
{
	config_setting_t *s;

	if (n == 0) {
		s = add(p, parent, name, CONFIG_TYPE_BOOL, where);
		if (s)
			config_setting_set_bool(s, CONFIG_TRUE);
		return;
	}
	if (n == 1) {
		s = add(p, parent, name, CONFIG_TYPE_STRING, where);
		if (s)
			config_setting_set_string(s, w[0]);
		return;
	}
	s = add(p, parent, name, CONFIG_TYPE_LIST, where);
	for (size_t i = 0; s && i < n; i++) {
		config_setting_t *e = add(p, s, NULL, CONFIG_TYPE_STRING, where);

		if (e)
			config_setting_set_string(e, w[i]);
	}
}

/* False if the keyword is there already and stays as it is. */
static bool make_room(struct parser *p, const struct frame *f, const struct ks_key *key, const char *word,
		      const struct conf_where *where)
{
	config_setting_t *old = config_setting_get_member(f->setting, word);
	const struct conf_where *first;
	bool stays = key->first_wins;

	if (!old)
		return true;
	if (key->shape == KS_SKIP)
		return false;
	if (key->keeps && config_setting_type(old) == CONFIG_TYPE_STRING)
		stays |= strcmp(config_setting_get_string(old), key->keeps) == 0;
	first = config_setting_get_hook(old);
	conf_warn(p->env->findings, where, "%s: given again (first in %s); %s counts", word,
		  conf_place(first, where).text, stays ? "the first" : "this one");
	if (stays)
		return false;
	config_setting_remove(f->setting, word);
	return true;
}

/* --- keywords ---------------------------------------------------------------------------------------------------- */

static bool split_or_report(struct parser *p, enum conf_split result, const char *word, const struct conf_where *where)
{
	if (result == CONF_SPLIT_OK)
		return true;
	conf_error(p->env->findings, where, "%s: %s", word, conf_split_text(result));
	return false;
}

/* The rest of a line behind its first word, which ends as conf_split_line() has it. */
static const char *behind_first_word(const char *text)
{
	if (*text == '"')
		text = strchr(text + 1, '"') + 1;
	else
		text += strcspn(text, " \t\n\v\f\r\"");
	while (conf_is_blank(*text))
		text++;
	return text;
}

static void take_command(struct parser *p, const struct frame *f, const struct ks_key *key, const char *word,
			 const char *text, const struct conf_where *where)
{
	const char *rest = behind_first_word(text);
	struct conf_words c;

	if (!split_or_report(p, conf_split_command(p->env->pool, rest, KS_WORDS_MAX, &c), word, where) ||
	    !make_room(p, f, key, word, where))
		return;
	if (key->shape == KS_SCRIPT && c.n > 1 && *rest != '"' && *rest != '\'') {
		char *whole[] = { conf_pool_strdup(p->env->pool, rest) };

		conf_warn(
			p->env->findings, where,
			"%s: the words without quotes are taken as one command line; keepalived would run \"%s\" alone",
			word, c.w[0]);
		add_words(p, f->setting, word, whole, 1, where);
		return;
	}
	add_words(p, f->setting, word, c.w, c.n, where);
}

static config_setting_t *get_or_add(struct parser *p, const struct frame *f, const char *word, int type,
				    const struct conf_where *where)
{
	config_setting_t *s = config_setting_get_member(f->setting, word);

	return s ? s : add(p, f->setting, word, type, where);
}

/* `keyword NAME {`: a new group in the keyword's list. */
static config_setting_t *add_named(struct parser *p, const struct frame *f, char *const *w, size_t n,
				   const struct conf_where *where)
{
	config_setting_t *list, *group, *name;

	if (n < 2) {
		conf_error(p->env->findings, where, "%s: the name is missing", w[0]);
		return NULL;
	}
	if (n > 2)
		conf_warn(p->env->findings, where, "%s %s: the words behind the name are ignored", w[0], w[1]);
	list = get_or_add(p, f, w[0], CONFIG_TYPE_LIST, where);
	group = list ? add(p, list, NULL, CONFIG_TYPE_GROUP, where) : NULL;
	name = group ? add(p, group, "name", CONFIG_TYPE_STRING, where) : NULL;
	if (!name)
		return NULL;
	config_setting_set_string(name, w[1]);
	return group;
}

static void expect_block(struct parser *p, const struct frame *f, const struct ks_key *key, const struct conf_words *w,
			 const struct conf_where *where)
{
	p->wish = WISH_BLOCK;
	p->next.block = key->inner;
	p->next.kind = key->shape == KS_ENTRIES ? FRAME_ENTRIES : FRAME_KEYS;
	if (key->shape == KS_NAMED) {
		p->next.setting = add_named(p, f, w->w, w->n, where);
		return;
	}
	p->next.setting =
		get_or_add(p, f, w->w[0], key->shape == KS_GROUP ? CONFIG_TYPE_GROUP : CONFIG_TYPE_LIST, where);
	if (w->n > 1)
		conf_error(p->env->findings, where, "%s: \"%s\" stands where { is expected", w->w[0], w->w[1]);
}

static void take_repeated(struct parser *p, const struct frame *f, const struct conf_words *w,
			  const struct conf_where *where)
{
	config_setting_t *list = get_or_add(p, f, w->w[0], CONFIG_TYPE_LIST, where);

	if (w->n > KS_WORDS_MAX)
		conf_error(p->env->findings, where, "%s: too many words", w->w[0]);
	else if (list)
		add_words(p, list, NULL, w->w + 1, w->n - 1, where);
}

static void take_keyword(struct parser *p, const struct frame *f, const char *text, const struct conf_where *where)
{
	struct conf_words w;
	struct ks_key key;

	p->wish = WISH_MAYBE;
	p->next = (struct frame){ .keyword = "", .where = *where };
	if (!split_or_report(p, conf_split_line(p->env->pool, text, KS_ELEMENTS_MAX, &w), "line", where))
		return;
	p->next.keyword = w.w[0];
	if (!p->grammar->lookup(f->block, w.w[0], &key)) {
		p->grammar->unknown(p->env->findings, where, f->block, w.w[0]);
		return;
	}
	switch (key.shape) {
	case KS_VALUE:
		p->wish = WISH_NOTHING;
		if (w.n > KS_WORDS_MAX)
			conf_error(p->env->findings, where, "%s: too many words", w.w[0]);
		else if (make_room(p, f, &key, w.w[0], where))
			add_words(p, f->setting, w.w[0], w.w + 1, w.n - 1, where);
		break;
	case KS_REPEATED:
		p->wish = WISH_NOTHING;
		take_repeated(p, f, &w, where);
		break;
	case KS_COMMAND:
	case KS_SCRIPT:
		p->wish = WISH_NOTHING;
		take_command(p, f, &key, w.w[0], text, where);
		break;
	case KS_GROUP:
	case KS_NAMED:
	case KS_ENTRIES:
		expect_block(p, f, &key, &w, where);
		break;
	case KS_SKIP:
		if (make_room(p, f, &key, w.w[0], where))
			add_words(p, f->setting, w.w[0], NULL, 0, where);
		break;
	}
}

static void take_entry(struct parser *p, const struct frame *f, const char *text, const struct conf_where *where)
{
	struct conf_words w;

	p->wish = WISH_NOTHING;
	p->next = (struct frame){ .keyword = f->keyword, .where = *where };
	if (split_or_report(p, conf_split_line(p->env->pool, text, KS_WORDS_MAX, &w), f->keyword, where))
		add_words(p, f->setting, NULL, w.w, w.n, where);
}

/* --- tokens ------------------------------------------------------------------------------------------------------ */

/* The line before is complete without a block. */
static void settle(struct parser *p)
{
	if (p->wish == WISH_BLOCK)
		conf_error(p->env->findings, &p->next.where, "%s: { is missing", p->next.keyword);
	p->wish = WISH_NONE;
}

static void open_brace(struct parser *p, const struct conf_where *where)
{
	enum wish wish = p->wish;

	p->wish = WISH_NONE;
	switch (wish) {
	case WISH_BLOCK:
		if (p->next.setting && p->depth < DEPTH_MAX) {
			p->frames[p->depth++] = p->next;
			return;
		}
		break;
	case WISH_MAYBE:
		break;
	case WISH_NOTHING:
		conf_error(p->env->findings, where, "%s: no { may follow%s", p->next.keyword,
			   p->frames[p->depth - 1].keyword == p->next.keyword ? " in this list; is a } missing before?"
									      : "");
		break;
	case WISH_NONE:
		conf_error(p->env->findings, where, "a { without a keyword before it");
		break;
	}
	p->skipping = 1;
	p->skip_where = wish == WISH_NONE ? *where : p->next.where;
}

static void close_brace(struct parser *p, const struct conf_where *where)
{
	settle(p);
	if (p->depth > 1)
		p->depth--;
	else
		conf_error(p->env->findings, where, "a } without a { before it");
}

/* The first word of a line; "" if it is too long for a keyword. */
static const char *first_word(const char *text, char word[KEYWORD_LEN_MAX])
{
	size_t n = strcspn(text, " \t\n\v\f\r\"");

	if (n >= KEYWORD_LEN_MAX)
		n = 0;
	memcpy(word, text, n);
	word[n] = '\0';
	return word;
}

/* A brace more; NULL without memory. */
static struct brace *add_brace(struct parser *p, bool opens)
{
	struct brace *all = p->braces;

	if ((p->n_braces & (p->n_braces - 1)) == 0) /* full: it grows by doubling */
		all = reallocarray(all, p->n_braces ? 2 * p->n_braces : 1, sizeof(*all));
	if (!all)
		return NULL;
	p->braces = all;
	p->lacking += opens ? 1 : -1;
	all[p->n_braces] = (struct brace){ .opens = opens, .next = LEX_END, .word = "" };
	return &all[p->n_braces++];
}

static void find_ends(struct parser *p)
{
	size_t none = p->n_braces;

	for (size_t i = none; i-- > 0;) {
		struct brace *b = &p->braces[i];
		size_t own = i + 1 < none ? b[1].end : none; /* of the block that it opens */

		b->end = !b->opens ? i : own + 1 < none ? p->braces[own + 1].end : none;
	}
}

/* Goes through the whole once more, included files and all, for its braces. */
static void survey(struct parser *p)
{
	struct conf_findings unheard = { 0 };
	struct conf_lex_env env = *p->env;
	struct conf_lex *lex;
	struct conf_where where;
	enum conf_token token;
	struct brace *last = NULL;
	char word[KEYWORD_LEN_MAX];
	const char *line;

	p->surveyed = true;
	env.findings = &unheard;
	env.comment = NULL;
	lex = conf_lex_new(&env, p->path, p->text, p->len);
	while (lex && (token = conf_lex_next(lex, &line, &where)) != LEX_END) {
		if (last) {
			last->next = token;
			if (token == LEX_LINE)
				last->word = conf_pool_strdup(p->env->pool, first_word(line, word));
		}
		last = NULL;
		if (token == LEX_LINE)
			continue;
		last = add_brace(p, token == LEX_OPEN);
		if (!last)
			break;
	}
	conf_lex_free(lex);
	find_ends(p);
}

static bool has_keyword(const struct parser *p, const struct frame *f, const char *word)
{
	struct ks_key key;

	return f->kind == FRAME_KEYS && p->grammar->lookup(f->block, word, &key);
}

/* The line at hand belongs to the block that the innermost of the first `depth` frames is. Either a } is missing before
 * it, and the next one ends that block; or the line stands in the wrong place, and the next one ends the block that it
 * stands in. What comes behind it shows which; if it does not, the one mistake is likelier than two. */
static bool is_misplaced(const struct parser *p, size_t depth)
{
	size_t at = p->n_taken < p->n_braces ? p->braces[p->n_taken].end : p->n_braces;
	const struct brace *end;

	if (at == p->n_braces)
		return false; /* no block ends any more */
	end = &p->braces[at];
	if (depth == 1)
		return true;
	if (end->next == LEX_CLOSE)
		return depth == 2;
	/* at the end of the whole there is no word */
	return has_keyword(p, &p->frames[p->depth - 2], end->word) && !has_keyword(p, &p->frames[depth - 2], end->word);
}

/* In a file that lacks a }, a line that belongs to a block around this one and not into it shows where. In one that
 * lacks none, or lacks it elsewhere, it is a list's entry of that name, or stands in the wrong place. */
static void close_unclosed(struct parser *p, const char *text, const struct conf_where *where)
{
	size_t depth = p->depth - 1;
	char word[KEYWORD_LEN_MAX];

	if (!*first_word(text, word) || depth == 0 || has_keyword(p, &p->frames[depth], word))
		return;
	while (depth > 0 && !has_keyword(p, &p->frames[depth - 1], word))
		depth--;
	if (depth == 0)
		return;
	if (!p->surveyed)
		survey(p);
	if (p->lacking <= 0 || is_misplaced(p, depth))
		return;
	while (p->depth > depth && p->lacking > 0) {
		const struct frame *f = &p->frames[--p->depth];

		conf_error(p->env->findings, &f->where,
			   "%s: the block that begins here has no } before %s, where %s is no part of it", f->keyword,
			   conf_place(where, &f->where).text, word);
		p->lacking--;
	}
}

static void take_token(struct parser *p, enum conf_token token, const char *text, const struct conf_where *where)
{
	const struct frame *f;

	p->n_taken += token == LEX_OPEN || token == LEX_CLOSE;
	if (p->skipping > 0) {
		p->skipping += token == LEX_OPEN;
		p->skipping -= token == LEX_CLOSE;
	} else if (token == LEX_OPEN) {
		open_brace(p, where);
	} else if (token == LEX_CLOSE) {
		close_brace(p, where);
	} else {
		settle(p);
		close_unclosed(p, text, where);
		f = &p->frames[p->depth - 1];
		if (f->kind == FRAME_KEYS)
			take_keyword(p, f, text, where);
		else
			take_entry(p, f, text, where);
	}
}

static void finish(struct parser *p)
{
	settle(p);
	if (p->skipping > 0)
		conf_error(p->env->findings, &p->skip_where, "the block that begins here has no }");
	while (p->depth > 1) {
		const struct frame *f = &p->frames[--p->depth];

		conf_error(p->env->findings, &f->where, "%s: the block that begins here has no }", f->keyword);
	}
}

int keepalived_syntax_read(const struct conf_lex_env *env, const struct ks_grammar *grammar, const char *path,
			   const char *text, size_t len, config_t *tree)
{
	struct parser p = { .env = env, .grammar = grammar, .path = path, .text = text, .len = len, .depth = 1 };
	struct conf_lex *lex = conf_lex_new(env, path, text, len);
	struct conf_where where;
	enum conf_token token;
	const char *line = NULL;

	if (!lex)
		return -ENOMEM;
	p.frames[0] = (struct frame){ .setting = config_root_setting(tree), .block = grammar->root };
	while ((token = conf_lex_next(lex, &line, &where)) != LEX_END) {
		take_token(&p, token, line, &where);
		if (p.full || env->findings->errors + env->findings->warnings > KS_FINDINGS_MAX) {
			conf_error(env->findings, &where, "too much is wrong; the rest is not read");
			break;
		}
	}
	if (token == LEX_END)
		finish(&p);
	conf_lex_free(lex);
	free(p.braces);
	return 0;
}
