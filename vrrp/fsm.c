/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of a virtual router: one function per state, each with an answer to each event. What is to be done
 * comes out as a list; nothing is done here, and no time is known here but as durations.
 *
 * Two rules of order run through the file. Mastership is claimed before the addresses are added, so that a master that
 * yields drops them before our ARP goes out. And whoever gives the addresses up removes them first and says so
 * (priority 0) afterwards; a master that yields to a better one says nothing at all. */
#include "vrrp/fsm.h"

#include <assert.h>

enum {
	OWNER = 255,
	DEGRADED_OWNER = 254,
	HIGHEST_BACKUP = 254,
	RIVAL_TICKS = 3, /* own intervals after which we believe that a second owner will not yield */
	AT_ONCE_US = 1,  /* the shortest that a timer can be armed for */
	US_PER_S = 1000000,
};

const char *vrrp_state_name(enum vrrp_state state)
{
	static const char *const names[] = {
		[VRRP_INIT] = "INIT",
		[VRRP_BACKUP] = "BACKUP",
		[VRRP_MASTER] = "MASTER",
		[VRRP_FAULT] = "FAULT",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == _VRRP_STATE_MAX_, "one name per state");

	assert(state < _VRRP_STATE_MAX_);
	return names[state];
}

const char *vrrp_event_name(enum vrrp_event_type type)
{
	static const char *const names[] = {
		[VRRP_EV_START] = "start",
		[VRRP_EV_STOP] = "stop",
		[VRRP_EV_ADVERT] = "advert",
		[VRRP_EV_ADVERT_TIMER] = "advert timer",
		[VRRP_EV_DOWN_TIMER] = "down timer",
		[VRRP_EV_PREEMPT_TIMER] = "preempt delay over",
		[VRRP_EV_PRIORITY] = "priority",
		[VRRP_EV_FAULT] = "fault",
		[VRRP_EV_FAULT_CLEARED] = "fault cleared",
		[VRRP_EV_VIPS_LOST] = "addresses lost",
		[VRRP_EV_SOURCE] = "source address",
		[VRRP_EV_OVERSLEPT] = "overslept",
		[VRRP_EV_GROUP_MASTER] = "group goes master",
		[VRRP_EV_GROUP_BACKUP] = "group goes backup",
		[VRRP_EV_GROUP_RIVAL] = "group heard a rival",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == _VRRP_EVENT_MAX_, "one name per event");

	assert(type < _VRRP_EVENT_MAX_);
	return names[type];
}

static uint64_t skew_us(const struct vrrp_fsm *f, uint8_t priority)
{
	uint64_t unit_us = f->conf.version == 2 ? US_PER_S : f->master_interval_us;

	return (256u - priority) * unit_us / 256;
}

uint64_t vrrp_skew_us(const struct vrrp_fsm *f)
{
	return skew_us(f, f->priority);
}

uint64_t vrrp_down_us(const struct vrrp_fsm *f)
{
	return (uint64_t)f->conf.down_adverts * f->master_interval_us + vrrp_skew_us(f);
}

/* How long one listens that has overslept: a new master speaks once an interval, and Skew_Time keeps the order. */
static uint64_t listen_us(const struct vrrp_fsm *f)
{
	return f->conf.expired_backup ? vrrp_down_us(f) : f->master_interval_us + vrrp_skew_us(f);
}

uint64_t vrrp_lag_max_us(const struct vrrp_fsm *f)
{
	uint8_t rival = f->conf.expired_backup ? f->conf.expired_backup : HIGHEST_BACKUP;

	return (f->conf.down_adverts - 1) * (uint64_t)f->conf.interval_us + skew_us(f, rival);
}

/* --- building blocks ---------------------------------------------------------------------------------------------- */

static struct vrrp_action *act(struct vrrp_actions *out, enum vrrp_action_type type)
{
	struct vrrp_action *a = &out->a[out->n];

	assert(out->n < VRRP_ACTIONS_MAX);
	out->n++;
	*a = (struct vrrp_action){ .type = type };
	return a;
}

static void act_timer(struct vrrp_actions *out, enum vrrp_action_type type, uint64_t us)
{
	act(out, type)->us = us;
}

static void act_notify(struct vrrp_actions *out, enum vrrp_state state)
{
	act(out, VRRP_ACT_NOTIFY)->state = state;
}

static bool is_owner(const struct vrrp_fsm *f)
{
	return f->conf.priority == OWNER;
}

/* An owner always preempts (RFC 9568 §6.1, Preempt_Mode). */
static bool may_preempt(const struct vrrp_fsm *f)
{
	return is_owner(f) || !f->conf.nopreempt;
}

/* The only place that arms the advert timer: nothing that is received can put our own adverts off. */
static void send_advert(struct vrrp_fsm *f, struct vrrp_actions *out)
{
	act(out, VRRP_ACT_SEND_ADVERT);
	act_timer(out, VRRP_ACT_ADVERT_TIMER, f->conf.interval_us);
}

static void forget_master(struct vrrp_fsm *f)
{
	f->master = (struct ip_addr){ .family = AF_UNSPEC };
	f->master_priority = 0;
}

static void remember_master(struct vrrp_fsm *f, const struct vrrp_event *ev)
{
	f->master = ev->src;
	f->master_priority = ev->priority;
}

/* In version 2 an advert with another interval than ours does not get here. */
static void learn_interval(struct vrrp_fsm *f, const struct vrrp_event *ev)
{
	if (f->conf.version == 3)
		f->master_interval_us = ev->interval_us;
}

static void restore_owner(struct vrrp_fsm *f)
{
	if (f->owner_degraded)
		f->priority = OWNER;
	f->owner_degraded = false;
}

/* `priority` as ordered from outside; a degraded owner stays what it is until the rival is gone. */
static void set_priority(struct vrrp_fsm *f, uint8_t priority)
{
	if (priority != OWNER)
		f->owner_degraded = false;
	f->priority = f->owner_degraded ? DEGRADED_OWNER : priority;
}

/* Forgets what was learned of others. */
static void reset(struct vrrp_fsm *f)
{
	f->master_interval_us = f->conf.interval_us;
	forget_master(f);
	f->preempt_pending = false;
	f->preempt_ripe = false;
	f->fault_quiet = false;
	f->resigning = false;
	f->preempted_priority = 0;
	f->wants_master = false;
	f->rival_ticks = 0;
	f->rival_patience = 0;
}

static void enter_backup(struct vrrp_fsm *f, uint64_t down_us, struct vrrp_actions *out)
{
	f->state = VRRP_BACKUP;
	act_timer(out, VRRP_ACT_DOWN_TIMER, down_us);
}

static void enter_master(struct vrrp_fsm *f, struct vrrp_actions *out)
{
	bool delay_runs = f->preempt_pending, preempting = f->preempted_priority > 0;

	restore_owner(f);
	reset(f);
	f->state = VRRP_MASTER;
	send_advert(f, out);
	if (delay_runs)
		act_timer(out, VRRP_ACT_PREEMPT_TIMER, 0);
	if (preempting)
		act_timer(out, VRRP_ACT_SETTLE, VRRP_SETTLE_US);
	act(out, VRRP_ACT_VIPS_ADD);
	act(out, VRRP_ACT_ANNOUNCE);
	act_notify(out, VRRP_MASTER);
}

static void enter_fault(struct vrrp_fsm *f, bool quiet, struct vrrp_actions *out)
{
	restore_owner(f);
	reset(f);
	f->state = VRRP_FAULT;
	f->fault_quiet = quiet;
	if (!quiet)
		act_notify(out, VRRP_FAULT);
}

/* Every way out of MASTER but yielding: the addresses go first, then the others may know. */
static void release(struct vrrp_actions *out)
{
	act(out, VRRP_ACT_STOP_TIMERS);
	act(out, VRRP_ACT_VIPS_REMOVE);
	act(out, VRRP_ACT_RESIGN);
}

static void stop(struct vrrp_fsm *f, struct vrrp_actions *out)
{
	restore_owner(f);
	reset(f);
	f->state = VRRP_INIT;
	f->stopped = true;
	act(out, VRRP_ACT_STOPPED);
}

/* --- INIT --------------------------------------------------------------------------------------------------------- */

static void start(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	reset(f);
	f->stopped = false;
	if (ev->fault) {
		enter_fault(f, ev->quiet, out);
		return;
	}
	enter_backup(f, is_owner(f) && f->conf.start_master ? AT_ONCE_US : vrrp_down_us(f), out);
	act_notify(out, VRRP_BACKUP);
}

static void in_init(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	switch (ev->type) {
	case VRRP_EV_START:
		start(f, ev, out);
		break;
	case VRRP_EV_STOP: /* never started: nothing to release, but somebody waits to hear so */
		if (!f->stopped)
			stop(f, out);
		break;
	case VRRP_EV_PRIORITY:
		set_priority(f, ev->priority);
		break;
	case VRRP_EV_ADVERT:
	case VRRP_EV_ADVERT_TIMER:
	case VRRP_EV_DOWN_TIMER:
	case VRRP_EV_PREEMPT_TIMER:
	case VRRP_EV_FAULT: /* START will tell */
	case VRRP_EV_FAULT_CLEARED:
	case VRRP_EV_VIPS_LOST:
	case VRRP_EV_SOURCE:
	case VRRP_EV_OVERSLEPT:
	case VRRP_EV_GROUP_MASTER:
	case VRRP_EV_GROUP_BACKUP:
	case VRRP_EV_GROUP_RIVAL:
	case _VRRP_EVENT_MAX_:
		break;
	}
}

/* --- BACKUP ------------------------------------------------------------------------------------------------------- */

/* Whether of two masters, the one that we know and the one that sent this, the latter has to yield. */
static bool loses_to_master(const struct vrrp_fsm *f, const struct vrrp_event *ev)
{
	if (!ip_is_set(&f->master) || ip_equal(&ev->src, &f->master))
		return false;
	if (ev->priority != f->master_priority)
		return ev->priority < f->master_priority;
	return ip_cmp(&ev->src, &f->master) < 0;
}

/* This router is our master, and alive. If it is one that is just about to yield to the master that we know, then a
 * shorter interval of its is not taken over at once: its last word, heard after the other's first one, would have us
 * give the slower one up before its next advert. */
static void accept_master(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	if (!loses_to_master(f, ev) || ev->interval_us > f->master_interval_us)
		learn_interval(f, ev);
	remember_master(f, ev);
	f->resigning = false;
	f->preempted_priority = 0;
	f->wants_master = false;
	act_timer(out, VRRP_ACT_DOWN_TIMER, vrrp_down_us(f));
}

static void cancel_preempt_delay(struct vrrp_fsm *f, struct vrrp_actions *out)
{
	if (f->preempt_pending)
		act_timer(out, VRRP_ACT_PREEMPT_TIMER, 0);
	f->preempt_pending = false;
	f->preempt_ripe = false;
}

/* Whether preempt_delay still holds us back; the first lower advert starts it. */
static bool preempt_delayed(struct vrrp_fsm *f, struct vrrp_actions *out)
{
	if (f->conf.preempt_delay_us == 0 || f->preempt_ripe)
		return false;
	if (!f->preempt_pending)
		act_timer(out, VRRP_ACT_PREEMPT_TIMER, f->conf.preempt_delay_us);
	f->preempt_pending = true;
	return true;
}

/* The down timer runs on, and when it expires we preempt (RFC 9568 §6.4.2). But a master that was at least our equal
 * and now itself says that it is not, has lost something that it needs: that is as good as a resignation, and the
 * order of Skew_Time lets the best of its backups be first. Only its first such word counts, or its later ones would
 * put the takeover off for ever. */
static void hear_lower(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	bool from_master = ip_equal(&ev->src, &f->master);

	f->preempted_priority = ev->priority;
	if (from_master && f->master_priority >= f->priority) {
		f->resigning = true;
		act_timer(out, VRRP_ACT_DOWN_TIMER, vrrp_skew_us(f));
	}
	if (from_master || !ip_is_set(&f->master))
		remember_master(f, ev);
}

/* Only the first: a stream of resignations must not put the takeover off. */
static void hear_resignation(struct vrrp_fsm *f, struct vrrp_actions *out)
{
	forget_master(f);
	f->preempted_priority = 0;
	if (f->resigning)
		return;
	f->resigning = true;
	act_timer(out, VRRP_ACT_DOWN_TIMER, vrrp_skew_us(f));
}

static void backup_hears(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	if (ev->priority == 0) {
		hear_resignation(f, out);
		return;
	}
	if (f->owner_degraded && (ev->priority < f->priority || !ip_equal(&ev->src, &f->master)))
		restore_owner(f); /* the rival is gone */
	if (ev->priority >= f->priority) {
		cancel_preempt_delay(f, out);
		accept_master(f, ev, out);
	} else if (!may_preempt(f) || preempt_delayed(f, out)) {
		accept_master(f, ev, out);
	} else {
		hear_lower(f, ev, out);
	}
}

/* Whether the living master that we are about to take over from, at Skew because it fell below us or at the end of the
 * Down time because we preempt, is our equal again. Not the one that we know as master: if another was heard since, it
 * may be dead. */
static bool takeover_is_off(const struct vrrp_fsm *f)
{
	bool by_fall = f->resigning && ip_is_set(&f->master) && f->master_priority >= f->priority;

	return by_fall || f->preempted_priority >= f->priority;
}

/* The Down time changes, and what is left of it by as much; unless we fell so far that a takeover is off. */
static void backup_priority(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	uint64_t old_down = vrrp_down_us(f);
	uint8_t old = f->priority;
	uint64_t left;

	set_priority(f, ev->priority);
	if (f->priority == old)
		return;
	if (takeover_is_off(f)) {
		f->resigning = false;
		f->preempted_priority = 0;
		f->wants_master = false;
		act_timer(out, VRRP_ACT_DOWN_TIMER, vrrp_down_us(f));
		return;
	}
	left = ev->down_left_us + vrrp_down_us(f); /* the sum first: the difference may be negative */
	act_timer(out, VRRP_ACT_DOWN_TIMER, left > old_down ? left - old_down : AT_ONCE_US);
}

/* In a group it is not ours to decide: we say that we could, and watch on. */
static void backup_expired(struct vrrp_fsm *f, struct vrrp_actions *out)
{
	if (!f->conf.grouped) {
		enter_master(f, out);
		return;
	}
	f->wants_master = true;
	f->resigning = false; /* the next resignation counts again */
	act_timer(out, VRRP_ACT_DOWN_TIMER, vrrp_down_us(f));
}

static void in_backup(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	switch (ev->type) {
	case VRRP_EV_ADVERT:
		backup_hears(f, ev, out);
		break;
	case VRRP_EV_DOWN_TIMER:
		backup_expired(f, out);
		break;
	case VRRP_EV_OVERSLEPT: /* silence counts only while we listen */
		act_timer(out, VRRP_ACT_DOWN_TIMER, listen_us(f));
		break;
	case VRRP_EV_GROUP_MASTER: /* the down timer runs on, or was started anew */
		act(out, VRRP_ACT_STOP_TIMERS);
		enter_master(f, out);
		break;
	case VRRP_EV_PREEMPT_TIMER:
		f->preempt_ripe |= f->preempt_pending;
		f->preempt_pending = false;
		break;
	case VRRP_EV_PRIORITY:
		backup_priority(f, ev, out);
		break;
	case VRRP_EV_FAULT: /* there are no addresses to remove */
		act(out, VRRP_ACT_STOP_TIMERS);
		enter_fault(f, ev->quiet, out);
		break;
	case VRRP_EV_STOP:
		act(out, VRRP_ACT_STOP_TIMERS);
		stop(f, out);
		break;
	case VRRP_EV_START:
	case VRRP_EV_ADVERT_TIMER: /* was already queued when we left MASTER */
	case VRRP_EV_FAULT_CLEARED:
	case VRRP_EV_VIPS_LOST:
	case VRRP_EV_SOURCE:
	case VRRP_EV_GROUP_BACKUP:
	case VRRP_EV_GROUP_RIVAL:
	case _VRRP_EVENT_MAX_:
		break;
	}
}

/* --- MASTER ------------------------------------------------------------------------------------------------------- */

/* To a better master. No priority 0: the other is master already, and the backups have heard it. */
static void yield_to(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	if (f->conf.higher_prio_send_advert)
		send_advert(f, out);
	reset(f);
	learn_interval(f, ev);
	remember_master(f, ev);
	act(out, VRRP_ACT_STOP_TIMERS);
	enter_backup(f, vrrp_down_us(f), out);
	act(out, VRRP_ACT_VIPS_REMOVE);
	act_notify(out, VRRP_BACKUP);
}

/* The addresses go, and another may come; it hears of it only if we `resign`. */
static void step_down(struct vrrp_fsm *f, bool resign, uint64_t down_us, struct vrrp_actions *out)
{
	act(out, VRRP_ACT_STOP_TIMERS);
	reset(f);
	enter_backup(f, down_us, out);
	act(out, VRRP_ACT_VIPS_REMOVE);
	if (resign)
		act(out, VRRP_ACT_RESIGN);
	act_notify(out, VRRP_BACKUP);
}

static void answer_rival(struct vrrp_fsm *f, bool answer, struct vrrp_actions *out)
{
	if (answer && !f->conf.lower_prio_no_advert) /* RFC 9568 §6.4.3; RFC 5798 and 3768 are silent here */
		send_advert(f, out);
	act(out, VRRP_ACT_ANNOUNCE_AGAIN);
}

static void hear_rival(struct vrrp_fsm *f, bool answer, struct vrrp_actions *out)
{
	act(out, VRRP_ACT_RIVAL);
	answer_rival(f, answer, out);
}

/* The other owner has the lower address and ought to yield, but an owner need not listen (RFC 9568 §7.1). If it goes
 * on for some intervals, then two masters would stay two for ever: so we yield. Only the first of its adverts is
 * answered, for an answer puts off the timer that counts. */
static void hear_rival_owner(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	bool first = f->rival_ticks == 0;

	if (f->rival_ticks > RIVAL_TICKS) {
		f->owner_degraded = true;
		f->priority = DEGRADED_OWNER;
		yield_to(f, ev, out);
		return;
	}
	if (first)
		f->rival_ticks = 1;
	f->rival_patience = 2 + ev->interval_us / f->conf.interval_us;
	hear_rival(f, first, out);
}

/* An own interval has passed; a rival that was silent for too many is gone. */
static void count_rival(struct vrrp_fsm *f)
{
	if (f->rival_ticks == 0)
		return;
	f->rival_ticks++;
	f->rival_patience--;
	if (f->rival_patience == 0)
		f->rival_ticks = 0;
}

static void master_hears(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	int by_address = ip_cmp(&ev->src, &f->own);

	if (ev->priority == 0) {
		send_advert(f, out);
	} else if (ev->priority > f->priority) {
		yield_to(f, ev, out);
	} else if (ev->priority < f->priority) {
		f->rival_ticks = 0;
		hear_rival(f, true, out);
	} else if (by_address > 0) {
		yield_to(f, ev, out);
	} else if (by_address < 0 && f->priority == OWNER) {
		hear_rival_owner(f, ev, out);
	} else if (by_address < 0) {
		hear_rival(f, true, out);
	} /* else our own address: somebody has it twice, and nothing we could do would help */
}

/* A fall is told at once: a backup that is better now takes over one Skew_Time later, not an interval later. */
static void master_priority(struct vrrp_fsm *f, uint8_t priority, struct vrrp_actions *out)
{
	uint8_t old = f->priority;

	set_priority(f, priority);
	if (f->priority < old)
		send_advert(f, out);
}

static void in_master(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	switch (ev->type) {
	case VRRP_EV_ADVERT:
		master_hears(f, ev, out);
		break;
	case VRRP_EV_ADVERT_TIMER:
		count_rival(f);
		send_advert(f, out);
		break;
	case VRRP_EV_PRIORITY:
		master_priority(f, ev->priority, out);
		break;
	case VRRP_EV_FAULT:
		release(out);
		enter_fault(f, false, out);
		break;
	case VRRP_EV_STOP:
		release(out);
		stop(f, out);
		break;
	case VRRP_EV_VIPS_LOST: /* a full Down time: at Skew, the better of two would be back before the other is there
				 */
		step_down(f, true, vrrp_down_us(f), out);
		break;
	case VRRP_EV_OVERSLEPT: /* there may be another by now: not a word before we have listened */
		step_down(f, false, listen_us(f), out);
		break;
	case VRRP_EV_GROUP_BACKUP:
		step_down(f, ev->resign, vrrp_down_us(f), out);
		break;
	case VRRP_EV_GROUP_RIVAL:
		answer_rival(f, true, out);
		break;
	case VRRP_EV_START:
	case VRRP_EV_DOWN_TIMER: /* late, both timers */
	case VRRP_EV_PREEMPT_TIMER:
	case VRRP_EV_FAULT_CLEARED:
	case VRRP_EV_SOURCE:
	case VRRP_EV_GROUP_MASTER:
	case _VRRP_EVENT_MAX_:
		break;
	}
}

/* --- FAULT -------------------------------------------------------------------------------------------------------- */

/* A full Down time for everybody, since we have not listened; only an owner that was merely waiting for its checks
 * makes good for its late start. */
static void fault_cleared(struct vrrp_fsm *f, struct vrrp_actions *out)
{
	bool at_once = f->fault_quiet && is_owner(f) && f->conf.start_master;

	reset(f);
	enter_backup(f, at_once ? AT_ONCE_US : vrrp_down_us(f), out);
	act_notify(out, VRRP_BACKUP);
}

static void in_fault(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out)
{
	switch (ev->type) {
	case VRRP_EV_FAULT:
		if (f->fault_quiet && !ev->quiet)
			enter_fault(f, false, out);
		break;
	case VRRP_EV_FAULT_CLEARED:
		fault_cleared(f, out);
		break;
	case VRRP_EV_STOP:
		act(out, VRRP_ACT_STOP_TIMERS);
		stop(f, out);
		break;
	case VRRP_EV_PRIORITY:
		set_priority(f, ev->priority);
		break;
	case VRRP_EV_START:
	case VRRP_EV_ADVERT:
	case VRRP_EV_ADVERT_TIMER:
	case VRRP_EV_DOWN_TIMER:
	case VRRP_EV_PREEMPT_TIMER:
	case VRRP_EV_VIPS_LOST:
	case VRRP_EV_SOURCE:
	case VRRP_EV_OVERSLEPT:
	case VRRP_EV_GROUP_MASTER:
	case VRRP_EV_GROUP_BACKUP:
	case VRRP_EV_GROUP_RIVAL:
	case _VRRP_EVENT_MAX_:
		break;
	}
}

/* --- the outside -------------------------------------------------------------------------------------------------- */

void vrrp_fsm_init(struct vrrp_fsm *f, const struct vrrp_fsm_conf *conf, const struct ip_addr *own)
{
	*f = (struct vrrp_fsm){ .conf = *conf, .state = VRRP_INIT, .priority = conf->priority, .own = *own };
	reset(f);
}

struct vrrp_actions vrrp_fsm(struct vrrp_fsm *f, const struct vrrp_event *ev)
{
	struct vrrp_actions out = { .n = 0 };

	if (ev->type == VRRP_EV_SOURCE) /* the same in every state: known from now on, and no more */
		f->own = ev->src;
	if (ev->type == VRRP_EV_ADVERT && is_owner(f) && f->conf.owner_ignore_adverts)
		return out;
	switch (f->state) {
	case VRRP_INIT:
		in_init(f, ev, &out);
		break;
	case VRRP_BACKUP:
		in_backup(f, ev, &out);
		break;
	case VRRP_MASTER:
		in_master(f, ev, &out);
		break;
	case VRRP_FAULT:
		in_fault(f, ev, &out);
		break;
	case _VRRP_STATE_MAX_:
		break;
	}
	return out;
}

/* --- another configuration --------------------------------------------------------------------------------------- */

static void reconf_backup(struct vrrp_fsm *f, uint64_t old_down_us, uint64_t old_delay_us, uint64_t left_us,
			  struct vrrp_actions *out)
{
	const uint64_t down_us = vrrp_down_us(f);
	const bool takes_over = f->preempted_priority > 0 || (f->resigning && ip_is_set(&f->master));

	/* A delay of another length is begun anew by the next lower advert. */
	if (f->conf.preempt_delay_us != old_delay_us)
		cancel_preempt_delay(f, out);
	if (takes_over && !may_preempt(f)) { /* the master that we were about to preempt is alive */
		f->resigning = false;
		f->preempted_priority = 0;
		act_timer(out, VRRP_ACT_DOWN_TIMER, down_us);
	} else if (!f->resigning && down_us != old_down_us) {
		left_us += down_us;
		act_timer(out, VRRP_ACT_DOWN_TIMER, left_us > old_down_us ? left_us - old_down_us : AT_ONCE_US);
	}
}

struct vrrp_actions vrrp_fsm_reconf(struct vrrp_fsm *f, const struct vrrp_fsm_conf *conf, uint64_t left_us)
{
	struct vrrp_actions out = { .n = 0 };
	const uint64_t old_down_us = vrrp_down_us(f), old_delay_us = f->conf.preempt_delay_us;

	assert(conf->version == f->conf.version);
	f->conf = *conf;
	/* Nobody else's was learned, and in version 2 nobody's can be. */
	if (conf->version == 2 || !ip_is_set(&f->master))
		f->master_interval_us = conf->interval_us;
	if (f->state == VRRP_MASTER && left_us > conf->interval_us)
		act_timer(&out, VRRP_ACT_ADVERT_TIMER, conf->interval_us);
	if (f->state == VRRP_BACKUP)
		reconf_backup(f, old_down_us, old_delay_us, left_us, &out);
	return out;
}
