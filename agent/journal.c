/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of events, and its way to and from the file. An event is a flat struct: writing one is a copy, answering
 * needs no parsing. The file is the store's business; who asks, the control socket's. */
#include "agent/journal.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/json.h"
#include "agent/request.h"
#include "agent/store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

enum { JOURNAL_VERSION = 1 };

/* One for the process, as the log is. Untouched places cost no memory. */
static struct {
	struct journal_entry ring[JOURNAL_KEPT];
	size_t head, used; /* the oldest, and how many */
	uint64_t next_seq;
	struct store *store;
	char file[32];
} journal = { .next_seq = 1 };

const char *journal_kind_name(enum journal_kind kind)
{
	static const char *const names[] = {
		[JOURNAL_AGENT] = "agent",       [JOURNAL_TRANSITION] = "transition", [JOURNAL_FAULT] = "fault",
		[JOURNAL_PRIORITY] = "priority", [JOURNAL_RIVAL] = "rival",           [JOURNAL_ADDRESS] = "address",
		[JOURNAL_REFUSED] = "refused",   [JOURNAL_CHECK] = "check",           [JOURNAL_HOOK] = "hook",
		[JOURNAL_ORDER] = "order",       [JOURNAL_WOULD] = "would",           [JOURNAL_ALARM] = "alarm",
	};
	_Static_assert(ELEMENTSOF(names) == _JOURNAL_KIND_MAX_, "each kind has a name");

	assert(kind < _JOURNAL_KIND_MAX_);
	return names[kind];
}

static bool kind_of(const char *name, enum journal_kind *ret)
{
	for (int k = 0; name && k < _JOURNAL_KIND_MAX_; k++)
		if (strcmp(name, journal_kind_name((enum journal_kind)k)) == 0) {
			*ret = (enum journal_kind)k;
			return true;
		}
	return false;
}

/* --- an event and its line --------------------------------------------------------------------------------------- */

/* RFC 3339, UTC, microseconds: for those who read the file itself. */
static void format_time(uint64_t wall_us, char *buf, size_t size)
{
	time_t s = (time_t)(wall_us / 1000000);
	char day[32] = "";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%06uZ", day, (unsigned)(wall_us % 1000000));
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text[0])
		json_object_set_new(o, key, json_text(text));
}

static void set_number(json_t *o, const char *key, uint64_t value)
{
	if (value)
		json_object_set_new(o, key, json_integer((json_int_t)value));
}

json_t *journal_entry_json(const struct journal_entry *e)
{
	char when[48];
	json_t *o = json_object();

	format_time(e->wall_us, when, sizeof(when));
	json_object_set_new(o, "v", json_integer(JOURNAL_VERSION));
	json_object_set_new(o, "seq", json_integer((json_int_t)e->seq));
	json_object_set_new(o, "time", json_string(when));
	json_object_set_new(o, "wall_us", json_integer((json_int_t)e->wall_us));
	json_object_set_new(o, "mono_us", json_integer((json_int_t)e->mono_us));
	json_object_set_new(o, "kind", json_string(journal_kind_name(e->kind)));
	set_text(o, "instance", e->instance);
	set_text(o, "from", e->from);
	set_text(o, "to", e->to);
	json_object_set_new(o, "text", json_text(e->text));
	set_number(o, "priority", (uint64_t)e->priority);
	set_text(o, "peer", e->peer);
	if (e->peer[0] && e->peer_priority >= 0)
		json_object_set_new(o, "peer_priority", json_integer(e->peer_priority));
	set_text(o, "mysql", e->mysql);
	set_number(o, "down_us", e->down_us);
	set_number(o, "skew_us", e->skew_us);
	return o;
}

static bool get_text(const json_t *o, const char *key, char *buf, size_t size)
{
	const json_t *v = json_object_get(o, key);

	buf[0] = '\0';
	if (v && !json_is_string(v))
		return false;
	if (v)
		snprintf(buf, size, "%s", json_string_value(v));
	return true;
}

static bool get_number(const json_t *o, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *v = json_object_get(o, key);

	*ret = 0;
	if (!v)
		return true;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

static bool entry_from_json(const json_t *o, struct journal_entry *ret)
{
	struct journal_entry e = { 0 };
	uint64_t version, priority, peer_priority;
	bool good;

	good = get_number(o, "v", INT32_MAX, &version) && get_number(o, "seq", INT64_MAX / 2, &e.seq) &&
	       get_number(o, "wall_us", INT64_MAX / 2, &e.wall_us) &&
	       get_number(o, "mono_us", INT64_MAX / 2, &e.mono_us) && get_number(o, "priority", 255, &priority) &&
	       get_number(o, "peer_priority", 255, &peer_priority) &&
	       get_number(o, "down_us", INT64_MAX / 2, &e.down_us) &&
	       get_number(o, "skew_us", INT64_MAX / 2, &e.skew_us) &&
	       get_text(o, "instance", e.instance, sizeof(e.instance)) && get_text(o, "from", e.from, sizeof(e.from)) &&
	       get_text(o, "to", e.to, sizeof(e.to)) && get_text(o, "text", e.text, sizeof(e.text)) &&
	       get_text(o, "peer", e.peer, sizeof(e.peer)) && get_text(o, "mysql", e.mysql, sizeof(e.mysql)) &&
	       kind_of(json_string_value(json_object_get(o, "kind")), &e.kind);
	if (!good || version != JOURNAL_VERSION || e.seq == 0 || e.wall_us == 0)
		return false;
	e.priority = (int16_t)priority;
	e.peer_priority = json_object_get(o, "peer_priority") ? (int16_t)peer_priority : -1;
	*ret = e;
	return true;
}

bool journal_entry_parse(const char *line, size_t len, struct journal_entry *ret)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_is_object(o) && entry_from_json(o, ret);

	json_decref(o);
	return good;
}

/* --- the ring ---------------------------------------------------------------------------------------------------- */

static struct journal_entry *place(void)
{
	size_t at = (journal.head + journal.used) % JOURNAL_KEPT;

	if (journal.used == JOURNAL_KEPT)
		journal.head = (journal.head + 1) % JOURNAL_KEPT;
	else
		journal.used++;
	return &journal.ring[at];
}

/* The i-th from the newest on. */
static const struct journal_entry *newest(size_t i)
{
	return &journal.ring[(journal.head + journal.used - 1 - i) % JOURNAL_KEPT];
}

/* Names are kept cut. */
static bool is_of(const struct journal_entry *e, const char *instance)
{
	return !instance || strncmp(e->instance, instance, sizeof(e->instance) - 1) == 0;
}

static size_t size_of(const struct journal_entry *e)
{
	return offsetof(struct journal_entry, text) + strlen(e->text) + 1;
}

static void keep(const struct journal_entry *e)
{
	memcpy(place(), e, size_of(e));
}

const struct journal_entry *journal_last(const char *instance, unsigned kinds)
{
	for (size_t i = 0; i < journal.used; i++) {
		const struct journal_entry *e = newest(i);

		if (kinds & 1u << e->kind && is_of(e, instance))
			return e;
	}
	return NULL;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

/* In the store's thread. */
static char *line_of(const void *data, size_t *len)
{
	json_t *o = journal_entry_json(data);
	char *line = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (!line)
		return NULL;
	*len = strlen(line);
	line[(*len)++] = '\n'; /* in place of the NUL */
	return line;
}

static void copy(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "");
}

static const char *__attribute__((format(printf, 2, 0)))
write_event(const struct journal_note *note, const char *fmt, va_list ap)
{
	struct journal_entry *e = place();
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	*e = (struct journal_entry){
		.seq = journal.next_seq++,
		.wall_us = (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000,
		.mono_us = loop_now_us(),
		.kind = note->kind,
		.priority = (int16_t)note->priority,
		.peer_priority = ip_is_set(&note->peer) ? (int16_t)note->peer_priority : -1,
		.down_us = note->down_us,
		.skew_us = note->skew_us,
	};
	copy(e->instance, sizeof(e->instance), note->instance);
	copy(e->from, sizeof(e->from), note->from);
	copy(e->to, sizeof(e->to), note->to);
	copy(e->mysql, sizeof(e->mysql), note->mysql);
	if (ip_is_set(&note->peer))
		ip_format(&note->peer, e->peer);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	if (journal.store)
		store_append(journal.store, journal.file, e, size_of(e), line_of, JOURNAL_FILE_MAX);
	return e->text;
}

void journal_write(const struct journal_note *note, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_event(note, fmt, ap);
	va_end(ap);
}

void journal_log(int level, const struct journal_note *note, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = write_event(note, fmt, ap);
	va_end(ap);
	log_write(level, note->instance, "%s", text);
}

/* --- reading back ------------------------------------------------------------------------------------------------ */

/* Returns how many lines were no events. */
static size_t read_lines(const char *text, size_t len)
{
	const char *end = text + len;
	struct journal_entry e;
	size_t bad = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = newline ? (size_t)(newline - text) : (size_t)(end - text);

		if (n > 0 && journal_entry_parse(text, n, &e)) {
			keep(&e);
			if (e.seq >= journal.next_seq)
				journal.next_seq = e.seq + 1;
		} else if (n > 0) {
			bad++;
		}
		text += n + 1;
	}
	return bad;
}

/* Its first line may be cut; a whole file has at most JOURNAL_FILE_MAX. */
static size_t read_file(const char *name)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;
	int r = store_read(journal.store, name, JOURNAL_FILE_MAX, &text, &len);

	if (r < 0) {
		if (r != -ENOENT)
			log_warn("state directory: cannot read %s: %s", name, strerror(-r));
		return 0;
	}
	return read_lines(text, len);
}

void journal_open(struct store *store, const char *file)
{
	char old[sizeof(journal.file) + 2];
	size_t bad;

	journal.store = store;
	snprintf(journal.file, sizeof(journal.file), "%s", file);
	if (!store)
		return;
	snprintf(old, sizeof(old), "%s.1", journal.file);
	bad = read_file(old);
	bad += read_file(journal.file);
	if (bad)
		log_notice("state directory: %zu line%s of %s are no events and were left out", bad,
			   bad == 1 ? "" : "s", file);
}

void journal_close(void)
{
	journal.store = NULL;
	journal.head = journal.used = 0;
	journal.next_seq = 1;
}

/* --- the control command ----------------------------------------------------------------------------------------- */

struct query {
	uint64_t n, since_us, after, before;
	const char *instance;
	const char *kind_name;
	enum journal_kind kind; /* _JOURNAL_KIND_MAX_: any */
};

static bool parse(const json_t *request, struct query *q, const char **error)
{
	static const char *const known[] = { "n", "instance", "kind", "since_us", "after", "before", NULL };

	*q = (struct query){ .n = JOURNAL_PAGE, .before = UINT64_MAX, .kind = _JOURNAL_KIND_MAX_ };
	if (!request_knows(request, known, error) || !request_count(request, "n", &q->n, error) ||
	    !request_count(request, "since_us", &q->since_us, error) ||
	    !request_count(request, "after", &q->after, error) ||
	    !request_count(request, "before", &q->before, error) ||
	    !request_text(request, "instance", &q->instance, error) ||
	    !request_text(request, "kind", &q->kind_name, error))
		return false;
	if (q->kind_name && !kind_of(q->kind_name, &q->kind)) {
		*error = "there is no such kind of event; see sqlvipctl(8)";
		return false;
	}
	if (q->n > JOURNAL_PAGE)
		q->n = JOURNAL_PAGE;
	return true;
}

static bool matches(const struct query *q, const struct journal_entry *e)
{
	return e->seq > q->after && e->seq < q->before && e->wall_us >= q->since_us &&
	       (q->kind == _JOURNAL_KIND_MAX_ || e->kind == q->kind) && is_of(e, q->instance);
}

json_t *journal_answer(const json_t *request, const char **error)
{
	const struct journal_entry *found[JOURNAL_PAGE];
	size_t n = 0, i = 0;
	struct query q;
	json_t *all;

	if (!parse(request, &q, error))
		return NULL;
	for (; i < journal.used && n < q.n; i++)
		if (matches(&q, newest(i)))
			found[n++] = newest(i);
	all = json_array();
	while (n > 0)
		json_array_append_new(all, journal_entry_json(found[--n]));
	return json_pack("{s:o, s:b, s:I}", "events", all, "more", i < journal.used, "last",
			 (json_int_t)(journal.next_seq - 1));
}
