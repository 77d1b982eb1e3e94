/* SPDX-License-Identifier: Apache-2.0 */
/* The tree, setting by setting: finds each keyword's entry in its table, turns what libconfig holds (numbers, truth
 * values, strings, lists) into words, and stores or hands on. What values mean together is checked elsewhere. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

#include <inttypes.h>

struct conf_where conf_where_of(struct conf_ctx *x, const config_setting_t *s)
{
	const struct conf_where *hook = config_setting_get_hook(s);
	const char *file = config_setting_source_file(s);

	if (hook)
		return *hook;
	if (!file)
		file = x->file;
	else if (x->last_file && strcmp(x->last_file, file) == 0)
		file = x->last_file;
	else
		file = x->last_file = conf_pool_strdup(x->pool, file);
	return (struct conf_where){ .file = file, .line = config_setting_source_line(s) };
}

const struct conf_where *conf_keep_where(struct conf_ctx *x, const struct conf_where *where)
{
	struct conf_where *w = conf_pool_alloc(x->pool, sizeof(*w));

	*w = *where;
	return w;
}

const struct conf_where *conf_given(const struct conf_frame *frame, const char *keyword)
{
	const struct conf_key *key = conf_key_find(frame->block, keyword);

	return key ? frame->given[key - frame->block->keys] : NULL;
}

/* --- settings to words ------------------------------------------------------------------------------------------- */

/* NULL if `s` is an aggregate. `true` is a word here; where a keyword alone means true, the caller looks first. */
static char *scalar_text(struct conf_ctx *x, const config_setting_t *s, bool *is_number)
{
	char buf[64];

	*is_number = config_setting_is_number(s);
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return conf_pool_strdup(x->pool, config_setting_get_string(s));
	case CONFIG_TYPE_BOOL:
		return conf_pool_strdup(x->pool, config_setting_get_bool(s) ? "true" : "false");
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(buf, sizeof(buf), "%lld", config_setting_get_int64(s));
		break;
	case CONFIG_TYPE_FLOAT: /* 0.2 comes out as it was written: a double holds 15 digits */
		snprintf(buf, sizeof(buf), "%.15g", config_setting_get_float(s));
		break;
	default:
		return NULL;
	}
	return conf_pool_strdup(x->pool, buf);
}

static bool words_of(struct conf_ctx *x, struct conf_arg *a)
{
	size_t n = config_setting_is_aggregate(a->setting) ? (size_t)config_setting_length(a->setting) : 1;
	bool is_number = false;

	a->words.w = conf_pool_array(x->pool, n + 1, sizeof(char *));
	if (config_setting_type(a->setting) == CONFIG_TYPE_BOOL && config_setting_get_bool(a->setting))
		return true;
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_is_aggregate(a->setting)
						    ? config_setting_get_elem(a->setting, (unsigned)i)
						    : a->setting;
		char *text = config_setting_is_group(a->setting) ? NULL : scalar_text(x, e, &is_number);

		if (!text) {
			conf_error(x->f, &a->where, "%s: takes no block", a->key->name);
			return false;
		}
		a->is_number |= is_number;
		a->words.w[a->words.n++] = text;
	}
	return true;
}

/* { address = "…"; dev = "eth0"; no_track = true } -> address dev eth0 no_track */
static bool group_words(struct conf_ctx *x, const config_setting_t *s, struct conf_words *ret)
{
	unsigned n = (unsigned)config_setting_length(s);
	const config_setting_t *first = config_setting_get_member(s, "name");
	bool is_number;
	char *text;

	if (!first)
		first = config_setting_get_member(s, "address");
	text = first ? scalar_text(x, first, &is_number) : NULL;
	if (!text)
		return false;
	ret->w = conf_pool_array(x->pool, 2 * n + 1, sizeof(char *));
	ret->w[ret->n++] = text;
	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(s, i);
		bool flag = config_setting_type(e) == CONFIG_TYPE_BOOL;

		if (e == first || (flag && !config_setting_get_bool(e)))
			continue;
		ret->w[ret->n++] = conf_pool_strdup(x->pool, config_setting_name(e));
		if (flag)
			continue;
		text = scalar_text(x, e, &is_number);
		if (!text)
			return false;
		ret->w[ret->n++] = text;
	}
	return true;
}

bool conf_entry_words(struct conf_ctx *x, const char *keyword, const config_setting_t *s, struct conf_words *ret)
{
	struct conf_where where = conf_where_of(x, s);
	bool is_number, good = true;

	*ret = (struct conf_words){ 0 };
	if (config_setting_is_group(s)) {
		good = group_words(x, s, ret);
	} else if (config_setting_is_aggregate(s)) {
		unsigned n = (unsigned)config_setting_length(s);

		ret->w = conf_pool_array(x->pool, n + 1, sizeof(char *));
		for (unsigned i = 0; i < n && good; i++) {
			ret->w[ret->n] = scalar_text(x, config_setting_get_elem(s, i), &is_number);
			good = ret->w[ret->n++] != NULL;
		}
	} else if (x->libconfig && config_setting_type(s) == CONFIG_TYPE_STRING) {
		good = conf_split_line(x->pool, config_setting_get_string(s), KS_WORDS_MAX, ret) == CONF_SPLIT_OK;
	} else {
		ret->w = conf_pool_array(x->pool, 2, sizeof(char *));
		ret->w[ret->n++] = scalar_text(x, s, &is_number);
	}
	if (!good || ret->n == 0) {
		conf_error(x->f, &where, "%s: this entry cannot be read as words", keyword);
		return false;
	}
	return true;
}

/* --- storing ----------------------------------------------------------------------------------------------------- */

static void store_number(struct conf_ctx *x, const struct conf_arg *a, void *field)
{
	int64_t v;

	if (!conf_count_words(x, a, 1, 1) ||
	    !conf_parse_int(x, &a->where, a->key->name, a->words.w[0], a->key->min, a->key->max, &v))
		return;
	if (a->key->kind == KEY_U8)
		*(uint8_t *)field = (uint8_t)v;
	else if (a->key->kind == KEY_U16)
		*(uint16_t *)field = (uint16_t)v;
	else
		*(unsigned *)field = (unsigned)v;
}

static void store_string(struct conf_ctx *x, const struct conf_arg *a, const char **field)
{
	const char *what = a->key->name;

	if (!conf_count_words(x, a, 1, 1))
		return;
	if (a->is_number) {
		conf_error(x->f, &a->where, "%s: is text, and needs quotes", what);
		return;
	}
	if (!conf_check_string(x, &a->where, what, a->words.w[0]))
		return;
	if (!*a->words.w[0]) {
		conf_error(x->f, &a->where, "%s: must not be empty", what);
		return;
	}
	if (a->key->kind == KEY_PATH && (a->words.w[0][0] != '/' || strlen(a->words.w[0]) > (size_t)a->key->max)) {
		conf_error(x->f, &a->where, "%s: \"%.64s\" is not an absolute path of at most %" PRId64 " characters",
			   what, a->words.w[0], a->key->max);
		return;
	}
	*field = a->words.w[0];
}

static bool parse_flag(struct conf_ctx *x, const struct conf_arg *a, bool *ret)
{
	*ret = true;
	return conf_count_words(x, a, 0, 1) &&
	       (a->words.n == 0 || conf_parse_bool(x, &a->where, a->key->name, a->words.w[0], ret));
}

/* Keywords that are known, but not for their value. */
static void note_unserved(struct conf_ctx *x, const struct conf_arg *a, const char *name)
{
	bool on;

	switch ((int)a->key->kind) {
	case KEY_OFF:
		if (parse_flag(x, a, &on) && on)
			conf_error(x->f, &a->where, "%s: not supported by this version; only `%s off` is", name, name);
		break;
	case KEY_IGNORED:
		conf_warn(x->f, &a->where, "%s: known to keepalived, of no use here; ignored", name);
		break;
	case KEY_REFUSED:
		conf_error(x->f, &a->where, "%s: refused: %s", name, a->key->note);
		break;
	case KEY_UNSERVED:
		conf_error(x->f, &a->where, "%s: not supported by this version", name);
		break;
	}
}

static void store(struct conf_ctx *x, struct conf_arg *a, const char *name, void *obj)
{
	void *field = (char *)obj + a->key->offset;
	struct conf_frame inner;

	switch (a->key->kind) {
	case KEY_BOOL: {
		bool v;

		if (words_of(x, a) && parse_flag(x, a, &v))
			*(bool *)field = v;
		break;
	}
	case KEY_U8:
	case KEY_U16:
	case KEY_UINT:
		if (words_of(x, a))
			store_number(x, a, field);
		break;
	case KEY_TIME:
		if (words_of(x, a) && conf_count_words(x, a, 1, 1))
			conf_parse_time(x, &a->where, a->key->name, a->words.w[0], a->key->min, a->key->max, field);
		break;
	case KEY_STRING:
	case KEY_PATH:
		if (words_of(x, a))
			store_string(x, a, field);
		break;
	case KEY_CUSTOM:
	case KEY_COMMAND:
	case KEY_SCRIPT:
		if (words_of(x, a))
			a->key->parse(x, a, obj);
		break;
	case KEY_ENTRIES:
	case KEY_REPEATED:
		if (config_setting_is_aggregate(a->setting) && !config_setting_is_group(a->setting))
			a->key->parse(x, a, obj);
		else
			conf_error(x->f, &a->where, "%s: takes a list", name);
		break;
	case KEY_GROUP:
		if (config_setting_is_group(a->setting))
			conf_walk(x, a->key->inner, a->setting, obj, &inner);
		else
			conf_error(x->f, &a->where, "%s: takes a block", name);
		break;
	case KEY_NAMED: /* read in the order in which they refer to each other */
	case KEY_ACCEPTED:
		break;
	case KEY_OFF:
		if (words_of(x, a))
			note_unserved(x, a, name);
		break;
	case KEY_IGNORED:
	case KEY_REFUSED:
	case KEY_UNSERVED:
		note_unserved(x, a, name);
		break;
	}
}

void conf_walk(struct conf_ctx *x, const struct conf_block *block, config_setting_t *group, void *obj,
	       struct conf_frame *frame)
{
	unsigned n = (unsigned)config_setting_length(group);

	*frame = (struct conf_frame){ .block = block };
	for (unsigned i = 0; i < n; i++) {
		config_setting_t *s = config_setting_get_elem(group, i);
		const char *name = config_setting_name(s);
		struct conf_arg a = { .setting = s, .where = conf_where_of(x, s) };

		if (block->named && strcmp(name, "name") == 0)
			continue;
		a.key = conf_key_find(block, name);
		if (!a.key) {
			conf_key_unknown(x->f, &a.where, block, name);
			continue;
		}
		frame->given[a.key - block->keys] = conf_keep_where(x, &a.where);
		store(x, &a, name, obj);
	}
}

/* --- named blocks ------------------------------------------------------------------------------------------------ */

size_t conf_named_count(struct conf_ctx *x, config_setting_t *root, const char *keyword)
{
	config_setting_t *s = config_setting_get_member(root, keyword);
	struct conf_where where;
	int n;

	if (!s)
		return 0;
	where = conf_where_of(x, s);
	if (config_setting_is_group(s))
		return 1;
	n = config_setting_is_list(s) ? config_setting_length(s) : -1;
	for (int i = 0; i < n; i++) {
		if (!config_setting_is_group(config_setting_get_elem(s, (unsigned)i)))
			n = -1;
	}
	if (n < 0 || n > KS_ELEMENTS_MAX) {
		conf_error(x->f, &where, "%s: takes a list of at most %d blocks: ( { name = \"…\"; … }, … )", keyword,
			   KS_ELEMENTS_MAX);
		return 0;
	}
	return (size_t)n;
}

config_setting_t *conf_named_elem(config_setting_t *root, const char *keyword, size_t i)
{
	config_setting_t *s = config_setting_get_member(root, keyword);

	return config_setting_is_group(s) ? s : config_setting_get_elem(s, (unsigned)i);
}

char *conf_named_name(struct conf_ctx *x, const char *keyword, config_setting_t *group)
{
	struct conf_where where = conf_where_of(x, group);
	const char *name = NULL;

	if (!config_setting_lookup_string(group, "name", &name)) {
		conf_error(x->f, &where, "%s: has no name; write name = \"…\"", keyword);
		return conf_pool_strdup(x->pool, "");
	}
	if (!conf_check_name(x, &where, keyword, name))
		return conf_pool_strdup(x->pool, "");
	return conf_pool_strdup(x->pool, name);
}
