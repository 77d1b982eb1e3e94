/* SPDX-License-Identifier: Apache-2.0 */
/* Orders as data, to and from their file. What an order does to an instance is the instance's business. */
#include "agent/orders.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/store.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

enum { VERSION = 1, FILE_MAX = 256 * 1024, NAMES_MAX = 1024, NAME_LEN_MAX = 1024 };

struct named {
	struct named *next;
	uint64_t since_us;
	char name[];
};

struct orders {
	struct store *store; /* borrowed */
	struct named *standby, *holders;
	uint64_t maintenance_us;
};

enum list_kind { LIST_STANDBY, LIST_HOLDERS, LIST_MAX_ };

struct name_change {
	const char *from, *to;
	struct named *room[LIST_MAX_]; /* an entry with the new name */
};

struct orders_renaming {
	size_t n;
	struct name_change changes[];
};

static uint64_t wall_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- lists of names ---------------------------------------------------------------------------------------------- */

static struct named *find(struct named *list, const char *name)
{
	while (list && strcmp(list->name, name) != 0)
		list = list->next;
	return list;
}

static struct named *named_new(const char *name)
{
	struct named *n = calloc(1, sizeof(*n) + strlen(name) + 1);

	if (n)
		strcpy(n->name, name);
	return n;
}

/* 1 if the list changed, 0 or -ENOMEM. */
static int list_add(struct named **list, const char *name, uint64_t since_us)
{
	struct named *n;

	if (find(*list, name))
		return 0;
	n = named_new(name);
	if (!n)
		return -ENOMEM;
	n->since_us = since_us;
	n->next = *list;
	*list = n;
	return 1;
}

static int list_drop(struct named **list, const char *name)
{
	for (; *list; list = &(*list)->next)
		if (strcmp((*list)->name, name) == 0) {
			struct named *n = *list;

			*list = n->next;
			free(n);
			return 1;
		}
	return 0;
}

static void list_free(struct named **list)
{
	while (*list)
		list_drop(list, (*list)->name);
}

/* The room that is kept for the new name; *forgotten: there is none, and another one takes the old name. */
static struct name_change *find_change(struct orders_renaming *r, const char *name, bool *forgotten)
{
	*forgotten = false;
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->changes[i].from, name) == 0) {
			*forgotten = false;
			return &r->changes[i];
		}
		*forgotten |= strcmp(r->changes[i].to, name) == 0;
	}
	return NULL;
}

/* Whether the list changed. */
static bool list_rename(struct named **list, struct orders_renaming *r, enum list_kind kind)
{
	bool changed = false, forgotten;

	for (struct named **at = list; *at;) {
		struct named *before = *at, *after;
		struct name_change *c = find_change(r, before->name, &forgotten);

		if (!c && !forgotten) {
			at = &before->next;
			continue;
		}
		after = c ? TAKE_PTR(c->room[kind]) : NULL;
		if (after) {
			after->since_us = before->since_us;
			after->next = before->next;
			*at = after;
			at = &after->next;
		} else {
			*at = before->next;
		}
		free(before);
		changed = true;
	}
	return changed;
}

/* --- the file ---------------------------------------------------------------------------------------------------- */

static json_t *names(const struct named *list)
{
	json_t *all = json_array();

	for (; list; list = list->next)
		json_array_append_new(
			all, json_pack("{s:s, s:I}", "name", list->name, "since_us", (json_int_t)list->since_us));
	return all;
}

void orders_save(const struct orders *o)
{
	json_t *doc =
		json_pack("{s:i, s:I, s:o, s:o}", "version", VERSION, "maintenance_us", (json_int_t)o->maintenance_us,
			  "standby", names(o->standby), "holders", names(o->holders));
	_cleanup_(freep) char *text = json_dumps(doc, JSON_INDENT(1));

	json_decref(doc);
	if (text && o->store)
		store_replace(o->store, ORDERS_FILE, text, strlen(text));
}

static bool read_time(const json_t *o, const char *key, uint64_t *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

static bool read_names(const json_t *all, struct named **list)
{
	if (!json_is_array(all) || json_array_size(all) > NAMES_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		const char *name = json_string_value(json_object_get(o, "name"));
		uint64_t since_us;

		if (!name || strlen(name) > NAME_LEN_MAX || !read_time(o, "since_us", &since_us) ||
		    list_add(list, name, since_us) < 0)
			return false;
	}
	return true;
}

static bool read_document(struct orders *o, const json_t *doc)
{
	return json_integer_value(json_object_get(doc, "version")) == VERSION &&
	       read_time(doc, "maintenance_us", &o->maintenance_us) &&
	       read_names(json_object_get(doc, "standby"), &o->standby) &&
	       read_names(json_object_get(doc, "holders"), &o->holders);
}

static void forget_all(struct orders *o)
{
	list_free(&o->standby);
	list_free(&o->holders);
	o->maintenance_us = 0;
}

static void load(struct orders *o)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;
	int r = store_read(o->store, ORDERS_FILE, FILE_MAX, &text, &len);
	json_t *doc;

	if (r == -ENOENT)
		return;
	doc = r < 0 ? NULL : json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!read_document(o, doc)) {
		forget_all(o);
		log_error("state directory: %s %s: standby and maintenance that were ordered before are not in force",
			  ORDERS_FILE, r < 0 ? strerror(-r) : "is not understood");
	}
	json_decref(doc);
}

int orders_new(struct store *store, struct orders **ret)
{
	struct orders *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->store = store;
	if (store)
		load(o);
	*ret = o;
	return 0;
}

struct orders *orders_free(struct orders *o)
{
	if (o)
		forget_all(o);
	free(o);
	return NULL;
}

/* --- the orders -------------------------------------------------------------------------------------------------- */

uint64_t orders_standby(const struct orders *o, const char *name)
{
	const struct named *n = find(o->standby, name);

	return n ? n->since_us : 0;
}

int orders_set_standby(struct orders *o, const char *name, bool on)
{
	int r = on ? list_add(&o->standby, name, wall_now_us()) : list_drop(&o->standby, name);

	if (r > 0)
		orders_save(o);
	return r < 0 ? r : 0;
}

uint64_t orders_maintenance(const struct orders *o)
{
	return o->maintenance_us;
}

void orders_set_maintenance(struct orders *o, bool on)
{
	if (on == (o->maintenance_us != 0))
		return;
	o->maintenance_us = on ? wall_now_us() : 0;
	list_free(&o->holders);
	orders_save(o);
}

bool orders_holder(const struct orders *o, const char *name)
{
	return find(o->holders, name) != NULL;
}

int orders_set_holder(struct orders *o, const char *name, bool holder)
{
	int r = holder ? list_add(&o->holders, name, wall_now_us()) : list_drop(&o->holders, name);

	if (r > 0)
		orders_save(o);
	return r < 0 ? r : 0;
}

int orders_renaming_new(const struct orders_rename *names, size_t n, struct orders_renaming **ret)
{
	struct orders_renaming *r = calloc(1, sizeof(*r) + n * sizeof(r->changes[0]));

	for (size_t i = 0; r && i < n; i++) {
		struct name_change *c = &r->changes[r->n++];

		*c = (struct name_change){ names[i].from, names[i].to, { NULL } };
		for (size_t k = 0; r && k < LIST_MAX_; k++) {
			c->room[k] = named_new(c->to);
			if (!c->room[k])
				r = orders_renaming_free(r);
		}
	}
	*ret = r;
	return r ? 0 : -ENOMEM;
}

struct orders_renaming *orders_renaming_free(struct orders_renaming *r)
{
	for (size_t i = 0; r && i < r->n; i++)
		for (size_t k = 0; k < LIST_MAX_; k++)
			free(r->changes[i].room[k]);
	free(r);
	return NULL;
}

void orders_rename(struct orders *o, struct orders_renaming *r)
{
	bool standby = list_rename(&o->standby, r, LIST_STANDBY);
	bool holders = list_rename(&o->holders, r, LIST_HOLDERS);

	if (standby || holders)
		orders_save(o);
}
