/* SPDX-License-Identifier: Apache-2.0 */
/* Debounces link states. Knows nothing of instances, and asks the kernel nothing: agent/netif does. */
#include "agent/links.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/journal.h"

#include <errno.h>
#include <string.h>

struct entry {
	struct links *owner;
	const struct conf_link *conf;
	bool up;                 /* what counts */
	struct loop_timer timer; /* armed while the kernel says otherwise */
	char reason[64];
};

struct links {
	sd_event *loop;
	const struct netif *netif;
	void (*changed)(void *user);
	void *user;
	struct entry **entries; /* beside conf.links */
	size_t n;
	struct entry **next; /* while another configuration is prepared */
	size_t n_next;
};

/* What the kernel says. */
static bool is_up(const struct links *l, const char *name, bool *missing)
{
	const struct netif_link *link = netif_link_by_name(l->netif, name);

	*missing = !link;
	return link && link->up;
}

/* True if the words have changed. */
static bool describe(struct entry *e)
{
	bool missing, up = is_up(e->owner, e->conf->name, &missing);
	char text[sizeof(e->reason)];

	snprintf(text, sizeof(text), "%s%s",
		 missing ? "missing"
		 : up    ? "up"
			 : "down",
		 up != e->up ? ", which does not count yet" : "");
	if (strcmp(text, e->reason) == 0)
		return false;
	memcpy(e->reason, text, sizeof(text));
	return true;
}

/* Lets what the kernel says count, or begin to. True if there is something to tell. */
static bool settle(struct entry *e, bool at_once)
{
	bool missing, up = is_up(e->owner, e->conf->name, &missing);
	const uint64_t delay_us = missing || at_once ? 0 : up ? e->conf->up_us : e->conf->down_us;

	if (up == e->up || delay_us == 0) {
		loop_timer_stop(&e->timer);
		e->up = up;
	} else if (!loop_timer_armed(&e->timer)) {
		loop_timer_in(&e->timer, delay_us);
	}
	return describe(e);
}

static void look_again(struct entry *e, bool at_once)
{
	const bool was_up = e->up;
	const struct journal_note note = { .kind = JOURNAL_CHECK, .instance = e->conf->name };

	if (!settle(e, at_once))
		return;
	e->owner->changed(e->owner->user);
	if (e->up != was_up)
		journal_log(LOG_NOTICE, &note, "interface is %s", e->reason);
}

static void delay_over(void *user, uint64_t due_us)
{
	(void)due_us;
	look_again(user, true);
}

void links_on_link(struct links *l)
{
	for (size_t i = 0; i < l->n; i++)
		look_again(l->entries[i], false);
}

static const struct entry *find(const struct links *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->entries[i]->conf->name, name) == 0)
			return l->entries[i];
	return NULL;
}

bool links_is_up(const struct links *l, const char *ifname)
{
	const struct entry *e = find(l, ifname);
	bool missing;

	return e ? e->up : is_up(l, ifname, &missing);
}

struct checker_state links_state(const struct links *l, size_t index)
{
	const struct entry *e = l->entries[index];

	return (struct checker_state){ .reported = true, .up = e->up, .reason = e->reason };
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static struct entry **entries_free(struct entry **entries, size_t n)
{
	for (size_t i = 0; entries && i < n; i++) {
		if (entries[i])
			loop_timer_done(&entries[i]->timer);
		free(entries[i]);
	}
	free(entries);
	return NULL;
}

static struct entry *entry_new(struct links *l, const struct conf_link *conf)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e || loop_timer_init(&e->timer, l->loop, LOOP_RANK_NET, 1000, delay_over, e) < 0) {
		free(e);
		return NULL;
	}
	e->owner = l;
	e->conf = conf;
	return e;
}

int links_prepare(struct links *l, const struct conf *conf)
{
	l->next = calloc(conf->n_links + 1, sizeof(*l->next));
	l->n_next = conf->n_links;
	for (size_t i = 0; l->next && i < l->n_next; i++) {
		l->next[i] = entry_new(l, &conf->links[i]);
		if (!l->next[i])
			links_call_off(l);
	}
	return l->next ? 0 : -ENOMEM;
}

void links_call_off(struct links *l)
{
	l->next = entries_free(l->next, l->n_next);
	l->n_next = 0;
}

void links_exchange(struct links *l)
{
	for (size_t i = 0; i < l->n_next; i++) {
		struct entry *e = l->next[i];
		const struct entry *before = find(l, e->conf->name);
		bool missing;

		e->up = before ? before->up : is_up(l, e->conf->name, &missing);
		settle(e, false);
	}
	entries_free(l->entries, l->n);
	l->entries = TAKE_PTR(l->next);
	l->n = l->n_next;
	l->n_next = 0;
}

int links_new(sd_event *loop, const struct netif *netif, const struct conf *conf, void (*changed)(void *user),
	      void *user, struct links **ret)
{
	struct links *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	*l = (struct links){ .loop = loop, .netif = netif, .changed = changed, .user = user };
	r = links_prepare(l, conf);
	if (r < 0)
		l = links_free(l);
	else
		links_exchange(l);
	*ret = l;
	return r;
}

struct links *links_free(struct links *l)
{
	if (!l)
		return NULL;
	links_call_off(l);
	entries_free(l->entries, l->n);
	free(l);
	return NULL;
}
