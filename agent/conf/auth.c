/* SPDX-License-Identifier: Apache-2.0 */
/* auth_hmac blocks: keys, which of them signs, and what is done about replays. Nothing here is replaced by something
 * weaker: what cannot be honoured as written is an error, never an instance without authentication. The value of a key
 * reaches no message. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"
#include "agent/conf/file.h"

#include <ctype.h>
#include <sys/stat.h>

#define HEX_PREFIX  "hex:"
#define FILE_PREFIX "file:"

enum { KEY_IDS = 255, WINDOW_LEAST = 5, WINDOW_ADVERTS = 3, US_PER_S = 1000000 };

/* --- keys -------------------------------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int nibble(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* `source`: "" or " in FILE". */
static void key_from_hex(struct conf_ctx *x, const char *digits, const char *source, struct conf_hmac_key *key)
{
	size_t n = strlen(digits);

	if (n % 2 != 0) {
		conf_error(x->f, &key->where, "key %u: the hex digits%s are not pairs: there are %zu", key->id, source,
			   n);
		return;
	}
	if (n / 2 < VRRP_AUTH_KEY_MIN || n / 2 > VRRP_AUTH_KEY_MAX) {
		conf_error(x->f, &key->where, "key %u: has %zu octets%s; %d..%d are allowed, that is %d..%d hex digits",
			   key->id, n / 2, source, VRRP_AUTH_KEY_MIN, VRRP_AUTH_KEY_MAX, 2 * VRRP_AUTH_KEY_MIN,
			   2 * VRRP_AUTH_KEY_MAX);
		return;
	}
	for (size_t i = 0; i < n; i += 2) {
		int high = nibble(digits[i]), low = nibble(digits[i + 1]);

		if (high < 0 || low < 0) {
			conf_error(x->f, &key->where, "key %u: character %zu%s is no hex digit", key->id,
				   i + (high < 0 ? 1 : 2), source);
			return;
		}
		key->octets[i / 2] = (uint8_t)(high << 4 | low);
	}
	key->len = (uint8_t)(n / 2);
}

static void key_from_text(struct conf_ctx *x, const char *text, const char *source, struct conf_hmac_key *key)
{
	size_t n = strlen(text);

	if (begins(text, HEX_PREFIX)) {
		key_from_hex(x, text + strlen(HEX_PREFIX), source, key);
		return;
	}
	if (n < VRRP_AUTH_KEY_MIN || n > VRRP_AUTH_KEY_MAX) {
		conf_error(x->f, &key->where,
			   "key %u: has %zu octets%s; %d..%d are allowed (`openssl rand -hex 32` makes a good one: "
			   "hex:DIGITS)",
			   key->id, n, source, VRRP_AUTH_KEY_MIN, VRRP_AUTH_KEY_MAX);
		return;
	}
	memcpy(key->octets, text, n);
	key->len = (uint8_t)n;
}

/* What ends the line is the editor's. */
static void key_from_octets(struct conf_ctx *x, const struct conf_file *file, const char *path,
			    struct conf_hmac_key *key)
{
	size_t n = file->len;
	_cleanup_(freep) char *source = NULL;
	char *text;

	while (n > 0 && (file->text[n - 1] == '\n' || file->text[n - 1] == '\r'))
		n--;
	if (memchr(file->text, '\0', n) || memchr(file->text, '\n', n)) {
		conf_error(x->f, &key->where, "key %u: %s must hold one line, the key (hex:DIGITS, or text)", key->id,
			   path);
		return;
	}
	text = conf_pool_strndup(x->pool, file->text, n);
	if (asprintf(&source, " in %s", path) < 0)
		abort();
	key_from_text(x, text, source, key);
}

static void key_from_file(struct conf_ctx *x, const char *path, struct conf_hmac_key *key)
{
	struct conf_file file;
	int r;

	if (path[0] != '/') {
		conf_error(x->f, &key->where, "key %u: file:%.64s is not an absolute path", key->id, path);
		return;
	}
	key->file = path;
	if (!x->files) { /* nothing is read, and nothing will be sent */
		key->len = VRRP_AUTH_KEY_MIN;
		return;
	}
	r = conf_file_read(path, &file);
	if (r < 0) {
		conf_error(x->f, &key->where, "key %u: cannot read %s: %s", key->id, path, conf_file_error(r));
		return;
	}
	if (conf_file_is_public(file.mode, file.gid))
		conf_warn(x->f, &key->where, "key %u: %s may be used by others (mode %04o); chmod 0600 it", key->id,
			  path, file.mode & 07777u);
	key_from_octets(x, &file, path, key);
	conf_file_done(&file);
}

static void key_from_word(struct conf_ctx *x, const char *word, struct conf_hmac_key *key)
{
	struct stat st;

	if (strcmp(word, CONF_WITHHELD) == 0) {
		conf_error(x->f, &key->where,
			   "key %u: " CONF_WITHHELD
			   " stands for one that was not printed; write it, or better `key %u file:PATH`",
			   key->id, key->id);
		return;
	}
	if (!conf_check_bytes(x, &key->where, "key", word))
		return;
	if (begins(word, FILE_PREFIX)) {
		key_from_file(x, word + strlen(FILE_PREFIX), key);
		return;
	}
	key_from_text(x, word, "", key);
	if (x->files && stat(key->where.file, &st) == 0 && conf_file_is_public(st.st_mode, st.st_gid))
		conf_warn(x->f, &key->where,
			  "key %u: others may read this file (mode %04o); chmod 0600 it, or use `key %u file:PATH`",
			  key->id, st.st_mode & 07777u, key->id);
}

static const struct conf_hmac_key *find_key(const struct conf_hmac *h, unsigned id)
{
	for (size_t i = 0; i < h->n_keys; i++) {
		if (h->keys[i].id == id)
			return &h->keys[i];
	}
	return NULL;
}

static void add_key(struct conf_ctx *x, const struct conf_words *w, const struct conf_where *where, struct conf_hmac *h)
{
	struct conf_hmac_key *key = &h->keys[h->n_keys];
	int64_t id;

	/* Whoever has swapped the two must not read his key in the log. */
	if (w->n != 2 || strspn(w->w[0], "0123456789") != strlen(w->w[0])) {
		conf_error(x->f, where,
			   "key: takes an id of 1..%d and the key: hex:DIGITS, file:PATH, or text in quotes", KEY_IDS);
		return;
	}
	if (!conf_parse_int(x, where, "key", w->w[0], 1, KEY_IDS, &id))
		return;
	if (find_key(h, (unsigned)id)) {
		conf_error(x->f, where, "key: there are two with the id %u", (unsigned)id);
		return;
	}
	*key = (struct conf_hmac_key){ .id = (uint8_t)id, .where = *where };
	h->n_keys++; /* also if it is unusable: reported once is enough */
	key_from_word(x, w->w[1], key);
}

void conf_parse_hmac_keys(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_hmac *h = &((struct conf_draft *)obj)->i.auth_hmac;
	unsigned n = (unsigned)config_setting_length(a->setting);

	h->keys = conf_pool_array(x->pool, KEY_IDS + 1, sizeof(*h->keys));
	for (unsigned i = 0; i < n && i < KS_ELEMENTS_MAX; i++) {
		const config_setting_t *s = config_setting_get_elem(a->setting, i);
		struct conf_where where = conf_where_of(x, s);
		struct conf_words w;

		if (conf_entry_words(x, "key", s, &w))
			add_key(x, &w, &where, h);
	}
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

void conf_parse_anti_replay(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_hmac *h = &((struct conf_draft *)obj)->i.auth_hmac;

	if (!conf_count_words(x, a, 1, 1))
		return;
	h->monotonic = strcmp(a->words.w[0], "monotonic") == 0;
	if (!h->monotonic && strcmp(a->words.w[0], "time") != 0)
		conf_error(x->f, &a->where, "anti_replay: \"%.64s\" is neither time nor monotonic", a->words.w[0]);
}

void conf_parse_hmac_mode(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_hmac *h = &((struct conf_draft *)obj)->i.auth_hmac;

	if (!conf_count_words(x, a, 1, 1))
		return;
	for (enum vrrp_auth_mode mode = 0; mode < _VRRP_AUTH_MODE_MAX_; mode++) {
		if (strcmp(a->words.w[0], vrrp_auth_mode_name(mode)) == 0) {
			h->mode = mode;
			return;
		}
	}
	conf_error(x->f, &a->where, "mode: \"%.64s\" is none of enforce, permissive, receive-only", a->words.w[0]);
}

/* Three adverts, but what NTP may be off is not a matter of adverts. */
static unsigned default_window(uint32_t advert_us)
{
	unsigned s = (unsigned)((WINDOW_ADVERTS * (uint64_t)advert_us + US_PER_S - 1) / US_PER_S);

	if (s < WINDOW_LEAST)
		return WINDOW_LEAST;
	return s < VRRP_AUTH_WINDOW_MAX ? s : VRRP_AUTH_WINDOW_MAX;
}

void conf_complete_hmac(struct conf_ctx *x, struct conf_draft *d, const struct conf_where *block,
			const struct conf_where *authentication)
{
	struct conf_hmac *h = &d->i.auth_hmac;

	if (!block)
		return;
	if (authentication)
		conf_error(x->f, authentication,
			   "authentication: contradicts auth_hmac, which stands in %s; leave one of them out",
			   conf_place(block, authentication).text);
	if (h->n_keys == 0)
		conf_error(x->f, block, "auth_hmac: has no usable key; write `key ID file:PATH`");
	if (h->n_keys == 1 && !h->active)
		h->active = h->keys[0].id;
	if (h->n_keys > 0 && !h->active)
		conf_error(x->f, block, "auth_hmac: active_key is missing, and there are %zu keys", h->n_keys);
	else if (h->n_keys > 0 && !find_key(h, h->active))
		conf_error(x->f, block, "auth_hmac: active_key is %u, and there is no key with that id", h->active);
	if (!h->window_s)
		h->window_s = default_window(d->i.advert_us);
}
