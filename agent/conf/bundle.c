/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a reading: a list of questions with their answers, looked through in order, since there are few. Knows
 * nothing of what is asked. What is read back was written by our own root, and is bounds-checked all the same. */
#include "agent/conf/bundle.h"

#include "agent/base/cleanup.h"
#include "vrrp/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct entry {
	struct entry *next;
	enum conf_question kind;
	int r;
	char *key;
	size_t len;
	char text[]; /* and a NUL */
};

struct conf_bundle {
	struct entry *first, **tail;
	size_t size; /* when written */
};

static const char magic[8] = "sqlvip1\n";
enum { ENTRY_SIZE = 1 + 4 + 4 + 4 }; /* kind, r, length of key and text */

/* Each thread that reads a configuration has its own. */
static _Thread_local struct conf_bundle *recorder;
static _Thread_local const struct conf_bundle *source;

struct conf_bundle *conf_bundle_new(void)
{
	struct conf_bundle *b = calloc(1, sizeof(*b));

	if (b) {
		b->tail = &b->first;
		b->size = sizeof(magic);
	}
	return b;
}

static void drop(struct conf_bundle *b, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	if (b->tail == &e->next)
		b->tail = at;
	b->size -= ENTRY_SIZE + strlen(e->key) + e->len;
	explicit_bzero(e->text, e->len);
	free(e->key);
	free(e);
}

struct conf_bundle *conf_bundle_free(struct conf_bundle *b)
{
	if (!b)
		return NULL;
	while (b->first)
		drop(b, &b->first);
	free(b);
	return NULL;
}

static const struct entry *find(const struct conf_bundle *b, enum conf_question kind, const char *key)
{
	const struct entry *e = b->first;

	while (e && (e->kind != kind || strcmp(e->key, key) != 0))
		e = e->next;
	return e;
}

int conf_bundle_put(struct conf_bundle *b, enum conf_question kind, const char *key, int r, const void *text,
		    size_t len)
{
	struct entry *e;

	if (find(b, kind, key))
		return 0;
	if (len > CONF_BUNDLE_MAX || b->size + ENTRY_SIZE + strlen(key) + len > CONF_BUNDLE_MAX)
		return -ENOMEM;
	e = calloc(1, sizeof(*e) + len + 1);
	if (!e)
		return -ENOMEM;
	e->key = strdup(key);
	if (!e->key) {
		free(e);
		return -ENOMEM;
	}
	e->kind = kind;
	e->r = r;
	e->len = len;
	if (len > 0)
		memcpy(e->text, text, len);
	*b->tail = e;
	b->tail = &e->next;
	b->size += ENTRY_SIZE + strlen(key) + len;
	return 0;
}

int conf_bundle_note(struct conf_bundle *b, const char *key, const char *text)
{
	for (struct entry **at = &b->first; *at; at = &(*at)->next)
		if ((*at)->kind == CONF_ASK_NOTE && strcmp((*at)->key, key) == 0) {
			drop(b, at);
			break;
		}
	return text ? conf_bundle_put(b, CONF_ASK_NOTE, key, 0, text, strlen(text)) : 0;
}

const char *conf_bundle_noted(const struct conf_bundle *b, const char *key)
{
	const struct entry *e = find(b, CONF_ASK_NOTE, key);

	return e ? e->text : NULL;
}

/* --- as bytes ---------------------------------------------------------------------------------------------------- */

int conf_bundle_write(const struct conf_bundle *b, const char *name)
{
	_cleanup_(close_fdp) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct writer w = { .left = b->size };

	if (fd < 0 || ftruncate(fd, (off_t)b->size) < 0)
		return -errno;
	w.p = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (w.p == MAP_FAILED)
		return -errno;
	wr_bytes(&w, magic, sizeof(magic));
	for (const struct entry *e = b->first; e; e = e->next) {
		wr_u8(&w, (uint8_t)e->kind);
		wr_be32(&w, (uint32_t)-e->r);
		wr_be32(&w, (uint32_t)strlen(e->key));
		wr_be32(&w, (uint32_t)e->len);
		wr_bytes(&w, e->key, strlen(e->key));
		wr_bytes(&w, e->text, e->len);
	}
	munmap(w.p - w.len, b->size);
	if (w.bad || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return w.bad ? -EINVAL : -errno;
	return TAKE_FD(fd);
}

/* One entry; false at the end or if it is malformed (then the cursor is bad). */
static bool read_entry(struct cursor *c, struct conf_bundle *b)
{
	uint8_t kind = cur_u8(c);
	int r = -(int)(cur_be32(c) & 0xffff);
	size_t key_len = cur_be32(c), len = cur_be32(c);
	_cleanup_(freep) char *key = NULL;

	if (c->bad || kind >= _CONF_QUESTION_MAX_ || key_len > c->left || len > c->left - key_len) {
		c->bad = true;
		return false;
	}
	key = strndup((const char *)c->p, key_len);
	c->bad |= !key || strlen(key) != key_len;
	if (c->bad || conf_bundle_put(b, (enum conf_question)kind, key, r, c->p + key_len, len) < 0) {
		c->bad = true;
		return false;
	}
	cur_skip(c, key_len + len);
	return c->left > 0;
}

struct conf_bundle *conf_bundle_read(int fd, int *error)
{
	struct conf_bundle *b = conf_bundle_new();
	struct stat st;
	struct cursor c = { 0 };
	void *map = MAP_FAILED;
	char start[sizeof(magic)];

	*error = b ? 0 : -ENOMEM;
	if (b && (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(magic) || st.st_size > CONF_BUNDLE_MAX))
		*error = -EBADMSG;
	if (*error == 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		*error = map == MAP_FAILED ? -errno : 0;
	}
	if (*error == 0) {
		c = (struct cursor){ .p = map, .left = (size_t)st.st_size };
		cur_bytes(&c, start, sizeof(start));
		c.bad |= memcmp(start, magic, sizeof(magic)) != 0;
		while (!c.bad && c.left > 0 && read_entry(&c, b))
			;
		munmap(map, (size_t)st.st_size);
		*error = c.bad ? -EBADMSG : 0;
	}
	return *error < 0 ? conf_bundle_free(b) : b;
}

/* --- while a configuration is read ------------------------------------------------------------------------------- */

void conf_bundle_record(struct conf_bundle *b)
{
	recorder = b;
}

void conf_bundle_replay(const struct conf_bundle *b)
{
	source = b;
}

bool conf_bundle_answer(enum conf_question kind, const char *key, int *r, const char **text, size_t *len)
{
	const struct entry *e;

	if (!source)
		return false;
	e = find(source, kind, key);
	*r = e ? e->r : -ENOENT;
	*text = e ? e->text : "";
	*len = e ? e->len : 0;
	return true;
}

void conf_bundle_told(enum conf_question kind, const char *key, int r, const void *text, size_t len)
{
	/* Without memory the other process will find a file missing, and say so. */
	if (recorder)
		(void)conf_bundle_put(recorder, kind, key, r, text, len);
}
