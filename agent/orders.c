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

/* 1 if the list changed, 0 or -ENOMEM. */
static int list_add(struct named **list, const char *name, uint64_t since_us)
{
	struct named *n;

	if (find(*list, name))
		return 0;
	n = calloc(1, sizeof(*n) + strlen(name) + 1);
	if (!n)
		return -ENOMEM;
	strcpy(n->name, name);
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

/* The name that this one has from now on; NULL: somebody else takes it. */
static const char *new_name(const struct orders_rename *names, size_t n, const char *name)
{
	bool taken = false;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i].from, name) == 0)
			return names[i].to;
		taken |= strcmp(names[i].to, name) == 0;
	}
	return taken ? NULL : name;
}

/* `*ret` is the whole list anew. 1 if it differs, 0 or -ENOMEM. */
static int list_rename(const struct named *list, const struct orders_rename *names, size_t n, struct named **ret)
{
	int changed = 0;

	for (; list; list = list->next) {
		const char *to = new_name(names, n, list->name);

		changed |= !to || strcmp(to, list->name) != 0;
		if (to && list_add(ret, to, list->since_us) < 0)
			return -ENOMEM;
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

int orders_rename(struct orders *o, const struct orders_rename *names, size_t n)
{
	struct named *standby = NULL, *holders = NULL;
	int a = list_rename(o->standby, names, n, &standby), b = list_rename(o->holders, names, n, &holders);

	if (a < 0 || b < 0) {
		list_free(&standby);
		list_free(&holders);
		return -ENOMEM;
	}
	list_free(&o->standby);
	list_free(&o->holders);
	o->standby = standby;
	o->holders = holders;
	if (a || b)
		orders_save(o);
	return 0;
}
