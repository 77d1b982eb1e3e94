/* SPDX-License-Identifier: Apache-2.0 */
/* The words of `sqlvipctl explain`, one function for each question: what is, since when and why, what keeps it so, what
 * would change it, and how long that takes. */
#include "agent/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct page {
	char *buf;
	size_t size, n;
};

enum { SPAN_MAX = 32, US_PER_S = 1000000 };

static void __attribute__((format(printf, 2, 3))) say(struct page *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (p->n >= p->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(p->buf + p->n, p->size - p->n, fmt, ap);
	va_end(ap);
	p->n += n > 0 ? (size_t)n : 0;
}

static const char *span(uint64_t us, char buf[SPAN_MAX])
{
	unsigned long long s = us / US_PER_S;
	unsigned long long ms = (us + 500) / 1000; /* rounded, as everywhere else */

	if (us < 10ull * US_PER_S)
		snprintf(buf, SPAN_MAX, "%llu.%03llu s", ms / 1000, ms % 1000);
	else if (s < 60)
		snprintf(buf, SPAN_MAX, "%llu s", s);
	else if (s < 3600)
		snprintf(buf, SPAN_MAX, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, SPAN_MAX, "%llu h %llu min", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, SPAN_MAX, "%llu d %llu h", s / 86400, s % 86400 / 3600);
	return buf;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "es";
}

static bool preempts(const struct vrrp_fsm *f)
{
	return f->conf.priority == 255 || !f->conf.nopreempt;
}

/* --- what is, since when and why --------------------------------------------------------------------------------- */

static void headline(struct page *p, const struct explain_facts *f)
{
	char a[SPAN_MAX];
	bool master = f->fsm->state == VRRP_MASTER;

	if (f->observe)
		say(p, "OBSERVE: this agent only watches; it says what it would do in the place of another.\n");
	say(p, "%s %s%s %s", f->name, f->observe ? "would " : "",
	    !f->observe ? (master ? "holds" : "does not hold") : (master ? "hold" : "not hold"),
	    f->vip ? f->vip : "any address");
	if (f->n_vips > 1)
		say(p, " and %zu more", f->n_vips - 1);
	say(p, " on this host: %s for %s.\n", vrrp_state_name(f->fsm->state), span(f->since_us, a));
	if (!f->observe && master && f->n_present < f->n_vips)
		say(p, "But %zu of its %zu address%s %s not on the interface.\n", f->n_vips - f->n_present, f->n_vips,
		    plural(f->n_vips), f->n_vips - f->n_present == 1 ? "is" : "are");
	if (!f->observe && !master && f->n_present > 0)
		say(p, "But %zu of its %zu address%s %s on this host.\n", f->n_present, f->n_vips, plural(f->n_vips),
		    f->n_present == 1 ? "is" : "are");
	if (f->observe)
		say(p, "By the doing of others it has %zu of %zu address%s.\n", f->n_present, f->n_vips,
		    plural(f->n_vips));
}

static void history(struct page *p, const struct explain_facts *f)
{
	const struct explain_last *l = &f->last;

	if (!l->time)
		return;
	say(p, "%s: %s -> %s, because: %s.\n", l->time, l->from, l->to, l->cause);
	say(p, "  Then our priority was %d", l->priority);
	if (l->peer && l->peer[0])
		say(p, ", %s had been heard last, with priority %d", l->peer, l->peer_priority);
	else
		say(p, ", no other router had been heard");
	say(p, l->mysql && l->mysql[0] ? ", mysqld was %s.\n" : ".\n", l->mysql ? l->mysql : "");
}

static void priority(struct page *p, const struct explain_facts *f)
{
	if (f->fsm->priority == f->base)
		return;
	say(p, "Its priority is %u: %u is configured", f->fsm->priority, f->base);
	for (size_t i = 0; i < f->n_checks; i++) {
		int adds = priority_contribution(&f->checks[i].in);

		if (adds)
			say(p, ", %+d by %s %s", adds, f->checks[i].what, f->checks[i].name);
	}
	say(p, ".\n");
}

static void maintenance(struct page *p, const struct explain_facts *f)
{
	if (!f->maintenance)
		return;
	if (f->fsm->state == VRRP_MASTER)
		say(p, "Maintenance is on: whatever happens to this host it keeps the addresses, unless it hears a "
		       "better master or is told to give them up.\n");
	else if (f->entitled)
		say(p, "Maintenance is on: this host held the addresses, and takes them again if nobody has them.\n");
	else
		say(p, "Maintenance is on: this host does not take the addresses, whatever happens to the master.\n");
	if (f->withheld)
		say(p, "  Without it, this host %s.\n", f->withheld);
}

/* --- timers, with how they come about ---------------------------------------------------------------------------- */

static void skew(struct page *p, const struct vrrp_fsm *f)
{
	char a[SPAN_MAX], b[SPAN_MAX];
	uint64_t unit_us = f->conf.version == 2 ? US_PER_S : f->master_interval_us;

	say(p, "%s = (256 - %u)/256 x %s", span(vrrp_skew_us(f), a), f->priority, span(unit_us, b));
}

static void down(struct page *p, const struct vrrp_fsm *f)
{
	char a[SPAN_MAX], b[SPAN_MAX];

	say(p, "%s = %u x %s + Skew_Time", span(vrrp_down_us(f), a), f->conf.down_adverts,
	    span(f->master_interval_us, b));
}

/* How soon a check sees that what it looks at is down, or up again. */
static void detection(struct page *p, const struct explain_check *c)
{
	char a[SPAN_MAX], b[SPAN_MAX];

	if (c->mysql) {
		say(p, "dies (seen at once");
		if (c->dead_delay_us)
			say(p, ", but it has %s to be back", span(c->dead_delay_us, a));
		say(p, ") or hangs (seen within %s + %s", span(c->interval_us, a), span(c->timeout_us, b));
		say(p, c->fall > 1 ? ", %u times in a row)" : ")", c->fall);
		return;
	}
	if (strcmp(c->what, "interface") == 0) {
		say(p, c->in.reverse ? "comes up" : "goes down");
		return;
	}
	if (strcmp(c->what, "vrrp_track_process") == 0) {
		say(p,
		    c->in.reverse ? "runs in the number that it should" : "does not run in the number that it should");
		return;
	}
	say(p, c->in.reverse ? "succeeds" : "fails");
	if (c->fall > 1)
		say(p, " %u times in a row", c->in.reverse ? c->rise : c->fall);
	if (c->interval_us)
		say(p, " (looked at each %s)", span(c->interval_us, a));
}

static void recovery(struct page *p, const struct explain_check *c)
{
	char a[SPAN_MAX];

	if (c->rise > 1 && c->interval_us)
		say(p, "; it counts as up again after %u good results, %s apart", c->rise, span(c->interval_us, a));
}

/* --- MASTER ------------------------------------------------------------------------------------------------------ */

static void loses_by_check(struct page *p, const struct explain_facts *f, const struct explain_check *c)
{
	struct priority_input in = c->in;
	int after;

	if (c->in.by_value) {
		say(p, "  - the number in %s %s makes it, by its weight, too little;\n", c->what, c->name);
		return;
	}
	say(p, "  - %s %s ", c->what, c->name);
	detection(p, c);
	if (c->in.weight == 0) {
		say(p, ";\n");
		return;
	}
	in.reported = true;
	in.up = c->in.reverse;
	after = f->fsm->priority - priority_contribution(&c->in) + priority_contribution(&in);
	say(p, ": then its priority is %d, and a backup with a higher one takes over, if it may preempt;\n",
	    after < 1     ? 1
	    : after > 254 ? 254
			  : after);
}

static void master_ends(struct page *p, const struct explain_facts *f)
{
	const struct vrrp_fsm *m = f->fsm;
	char a[SPAN_MAX];

	say(p, !f->maintenance ? "It keeps them until:\n"
	       : f->withheld   ? "But for that and for maintenance it would keep them until:\n"
			       : "Without maintenance it would keep them until:\n");
	for (size_t i = 0; i < f->n_checks; i++)
		loses_by_check(p, f, &f->checks[i]);
	if (f->n_checks == 0)
		say(p, "  (nothing watches MySQL here: a dead mysqld changes nothing)\n");
	say(p, "  - interface %s goes down or loses its address;\n", f->interface);
	if (m->priority == 255)
		say(p, "  - another owner, priority 255, with a higher address than %s is heard;\n",
		    f->own ? f->own : "ours");
	else
		say(p, "  - a master is heard with a priority above %u, or with %u and a higher address than %s;\n",
		    m->priority, m->priority, f->own ? f->own : "ours");
	say(p, "  - \"sqlvipctl standby\", or the agent is stopped.\n");
	say(p,
	    "How long: the addresses go, priority 0 is sent, and the next host takes over after its Skew_Time, "
	    "(256 - its priority)/256 x %s.\n",
	    span(m->conf.version == 2 ? US_PER_S : m->conf.interval_us, a));
	say(p, "  Should this host fall silent, the others first wait for %u x %s.\n", m->conf.down_adverts,
	    span(m->conf.interval_us, a));
}

static void in_master(struct page *p, const struct explain_facts *f)
{
	if (f->rival)
		say(p,
		    "%s also claims to be master, with priority %d, and has to yield. Either it does not hear us, or "
		    "it refuses our adverts.\n",
		    f->rival, f->rival_priority);
	maintenance(p, f);
	master_ends(p, f);
}

/* --- BACKUP ------------------------------------------------------------------------------------------------------ */

static void lower_master(struct page *p, const struct explain_facts *f)
{
	const struct vrrp_fsm *m = f->fsm;
	char a[SPAN_MAX];

	say(p, "Its priority %u is lower than ours, %u, ", m->master_priority, m->priority);
	if (!preempts(m))
		say(p, "but nopreempt is set: this host takes over only if it stops advertising or resigns.\n");
	else if (m->preempt_pending)
		say(p, "and preempt_delay holds this host back for another %s.\n", span(f->preempt_left_us, a));
	else
		say(p, "so this host takes over when its down timer ends, in %s.\n", span(f->down_left_us, a));
}

static void the_master(struct page *p, const struct explain_facts *f)
{
	const struct vrrp_fsm *m = f->fsm;
	char a[SPAN_MAX];

	if (!f->master) {
		if (m->resigning)
			say(p, "The master has resigned: this host takes over in %s.\n", span(f->down_left_us, a));
		else
			say(p, "No master is heard; the down timer ends in %s.\n", span(f->down_left_us, a));
		return;
	}
	say(p, "The master is %s with priority %u", f->master, m->master_priority);
	if (f->heard && strcmp(f->heard, f->master) == 0 && f->heard_us != UINT64_MAX)
		say(p, ", heard %s ago", span(f->heard_us, a));
	say(p, ".\n");
	if (m->resigning)
		say(p, "It fell below our priority: this host takes over in %s.\n", span(f->down_left_us, a));
	else if (m->master_priority > m->priority)
		say(p, "Its priority %u is higher than ours, %u.\n", m->master_priority, m->priority);
	else if (m->master_priority == m->priority)
		say(p, "Its priority is ours, %u, too: who is master stays master.\n", m->priority);
	else
		lower_master(p, f);
}

static bool has_weights(const struct explain_facts *f)
{
	for (size_t i = 0; i < f->n_checks; i++)
		if (f->checks[i].in.weight != 0)
			return true;
	return false;
}

static void backup_ends(struct page *p, const struct explain_facts *f)
{
	const struct vrrp_fsm *m = f->fsm;
	char a[SPAN_MAX];

	say(p, f->maintenance && !f->entitled ? "Without maintenance it would take over if:\n" : "It takes over if:\n");
	if (f->master && !m->resigning) {
		say(p, "  - the master resigns (priority 0): after Skew_Time, ");
		skew(p, m);
		say(p, ";\n  - the master falls silent: after Down_Time, ");
	} else if (m->resigning) {
		say(p, "  - nobody else is faster: after Skew_Time, ");
		skew(p, m);
		say(p, ";\n  - the master falls silent: after Down_Time, ");
	} else {
		say(p, "  - no master is heard until then: after Down_Time, ");
	}
	down(p, m);
	if (f->down_left_us && f->master)
		say(p, "; %s are left now", span(f->down_left_us, a));
	if (f->master && preempts(m) && m->master_priority >= m->priority) {
		say(p, ";\n  - the master's priority falls below %u: after Skew_Time", m->priority);
		if (m->conf.preempt_delay_us)
			say(p, ", once preempt_delay, %s, is over", span(m->conf.preempt_delay_us, a));
		if (has_weights(f))
			say(p, ";\n  - our priority rises above %u: after what is left of Down_Time",
			    m->master_priority);
	}
	say(p, ".\nThen it advertises, adds the addresses and announces them, within milliseconds.\n");
}

static void in_backup(struct page *p, const struct explain_facts *f)
{
	maintenance(p, f);
	the_master(p, f);
	backup_ends(p, f);
}

/* --- FAULT ------------------------------------------------------------------------------------------------------- */

/* Of the check that is in the way. */
static const struct explain_check *obstacle(const struct explain_facts *f)
{
	for (size_t i = 0; i < f->n_checks; i++)
		if (priority_forbids(&f->checks[i].in))
			return &f->checks[i];
	return NULL;
}

static void hold(struct page *p, const struct explain_facts *f, const struct explain_hold *h, bool last)
{
	const struct explain_check *c;

	say(p, "  - %s", h->text);
	switch (h->kind) {
	case EXPLAIN_HOLD_STANDBY:
		say(p, ", until \"sqlvipctl resume %s\"", f->name);
		break;
	case EXPLAIN_HOLD_LINK:
		say(p, "; looked at with each change that the kernel tells");
		break;
	case EXPLAIN_HOLD_CHECK:
		c = obstacle(f);
		if (c)
			recovery(p, c);
		break;
	case EXPLAIN_HOLD_PENDING:
		say(p, "; it takes part as soon as that has been seen alive");
		break;
	case EXPLAIN_HOLD_ADDRESS:
		say(p, "; tried again after a while");
		break;
	case EXPLAIN_HOLD_GROUP:
		say(p, "; a sync group moves as a whole");
		break;
	case EXPLAIN_HOLD_UNHEARD:
		say(p, "; tried again after a while, a minute at most");
		break;
	case EXPLAIN_HOLD_VETO:
		say(p, "; asked again after a while");
		break;
	case EXPLAIN_HOLD_OTHER:
		break;
	}
	say(p, last ? ".\n" : ";\n");
}

static void others(struct page *p, const struct explain_facts *f)
{
	char a[SPAN_MAX];

	if (f->heard_us == UINT64_MAX)
		say(p, "No other router has been heard: nobody who is heard here has the addresses.\n");
	else if (f->heard_us < vrrp_down_us(f->fsm) && f->heard_priority > 0)
		say(p, "The master meanwhile is %s with priority %d, heard %s ago.\n", f->heard, f->heard_priority,
		    span(f->heard_us, a));
	else
		say(p, "Nobody advertises: %s was heard last, %s ago, with priority %d.\n", f->heard,
		    span(f->heard_us, a), f->heard_priority);
}

static void in_fault(struct page *p, const struct explain_facts *f)
{
	say(p, "It takes no part in the election, because of this:\n");
	for (size_t i = 0; i < f->n_holds; i++)
		hold(p, f, &f->holds[i], i + 1 == f->n_holds);
	maintenance(p, f);
	others(p, f);
	say(p, "When nothing of that is left it becomes BACKUP and listens for Down_Time, ");
	down(p, f->fsm);
	say(p, ".\n  Then it takes over unless a better master is heard%s.\n",
	    preempts(f->fsm) ? "" : ", or any at all, since nopreempt is set");
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

const char *explain(const struct explain_facts *f, char *buf, size_t size)
{
	struct page p = { .buf = buf, .size = size };

	buf[0] = '\0';
	headline(&p, f);
	history(&p, f);
	priority(&p, f);
	switch (f->fsm->state) {
	case VRRP_INIT:
		say(&p, "It has not been started, or is being stopped.\n");
		break;
	case VRRP_BACKUP:
		in_backup(&p, f);
		break;
	case VRRP_MASTER:
		in_master(&p, f);
		break;
	case VRRP_FAULT:
		in_fault(&p, f);
		break;
	case _VRRP_STATE_MAX_:
		break;
	}
	return buf;
}
