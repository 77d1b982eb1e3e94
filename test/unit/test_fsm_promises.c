/* SPDX-License-Identifier: Apache-2.0 */
/* Every state against every event: what never happens, whatever the order. */
#include "test/unit/unit.h"

#include "test/unit/fsm_fixture.h"

enum { ARMED_ADVERT = 1, ARMED_DOWN = 2, ARMED_PREEMPT = 4 };

struct watch {
	unsigned armed;
	bool has_vips; /* as the lane has been told */
	bool told_master;
	uint32_t random;
};

static unsigned next_random(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

static void watch_immediate(struct watch *w, const struct vrrp_actions *out, size_t i)
{
	const struct vrrp_action *a = &out->a[i];
	unsigned timer = 0;

	if (a->type == VRRP_ACT_STOP_TIMERS)
		w->armed = 0;
	if (a->type == VRRP_ACT_ADVERT_TIMER)
		timer = ARMED_ADVERT;
	if (a->type == VRRP_ACT_DOWN_TIMER)
		timer = ARMED_DOWN;
	if (a->type == VRRP_ACT_PREEMPT_TIMER)
		timer = ARMED_PREEMPT;
	if (timer && a->us == 0)
		assert_int_equal(timer, ARMED_PREEMPT); /* the only one that zero cancels */
	w->armed = a->us || !timer ? w->armed | timer : w->armed & ~timer;
	if (a->type == VRRP_ACT_ADVERT_TIMER)
		assert_int_equal(out->a[i - 1].type, VRRP_ACT_SEND_ADVERT);
	if (a->type == VRRP_ACT_SEND_ADVERT)
		assert_int_equal(out->a[i + 1].type, VRRP_ACT_ADVERT_TIMER);
}

/* The lane's own order: never an ARP for an address that is not there, never a resignation before it is gone. */
static void watch_lane(struct watch *w, const struct vrrp_action *a)
{
	if (a->type == VRRP_ACT_VIPS_ADD) {
		assert_false(w->has_vips);
		w->has_vips = true;
	} else if (a->type == VRRP_ACT_VIPS_REMOVE) {
		assert_true(w->has_vips);
		w->has_vips = false;
	} else if (a->type == VRRP_ACT_ANNOUNCE || a->type == VRRP_ACT_ANNOUNCE_AGAIN) {
		assert_true(w->has_vips);
	} else if (a->type == VRRP_ACT_RESIGN || a->type == VRRP_ACT_STOPPED) {
		assert_false(w->has_vips);
		w->told_master &= a->type != VRRP_ACT_STOPPED; /* notify_stop */
	} else if (a->type == VRRP_ACT_NOTIFY) {
		assert_int_equal(w->has_vips, a->state == VRRP_MASTER);
		w->told_master = a->state == VRRP_MASTER;
	}
}

/* Not to a better one, nor along with one that did, nor because it may have been replaced unheard. */
static bool leaves_by_itself(const struct vrrp_event *ev)
{
	if (ev->type == VRRP_EV_GROUP_BACKUP)
		return ev->resign;
	return ev->type != VRRP_EV_ADVERT && ev->type != VRRP_EV_OVERSLEPT;
}

static void assert_invariants(struct watch *w, const struct vrrp_fsm *f, const struct vrrp_event *ev,
			      enum vrrp_state before, const struct vrrp_actions *out)
{
	unsigned resigns = 0;
	bool lane = false;

	assert_true(out->n <= VRRP_ACTIONS_MAX);
	for (size_t i = 0; i < out->n; i++) {
		if (vrrp_act_in_lane(out->a[i].type))
			watch_lane(w, &out->a[i]);
		else
			watch_immediate(w, out, i);
		resigns += out->a[i].type == VRRP_ACT_RESIGN;
		lane |= vrrp_act_in_lane(out->a[i].type);
	}
	assert_int_equal(w->has_vips, f->state == VRRP_MASTER);
	assert_int_equal(w->told_master, f->state == VRRP_MASTER);
	assert_int_equal(w->armed & (ARMED_ADVERT | ARMED_DOWN), f->state == VRRP_MASTER   ? ARMED_ADVERT
								 : f->state == VRRP_BACKUP ? ARMED_DOWN
											   : 0);
	assert_int_equal(!!(w->armed & ARMED_PREEMPT), f->preempt_pending);
	assert_true(!f->preempt_pending || f->state == VRRP_BACKUP);
	assert_int_equal(resigns, before == VRRP_MASTER && f->state != VRRP_MASTER && leaves_by_itself(ev));
	assert_true(!f->wants_master || (f->state == VRRP_BACKUP && f->conf.grouped));
	if (f->conf.grouped && before != VRRP_MASTER && f->state == VRRP_MASTER)
		assert_int_equal(ev->type, VRRP_EV_GROUP_MASTER);
	if (before == f->state && before != VRRP_MASTER && ev->type != VRRP_EV_STOP && ev->type != VRRP_EV_FAULT)
		assert_false(lane);
}

static struct vrrp_event random_event(struct watch *w, enum vrrp_event_type type)
{
	static const char *const sources[] = { OWN, BELOW, ABOVE, "192.0.2.13" };
	static const uint8_t priorities[] = { 0, 1, 99, 100, 101, 200, 254, 255 };
	static const uint32_t intervals_us[] = { 10 * MS, S, 5 * S, 40950 * MS };

	return (struct vrrp_event){
		.type = type,
		.priority = priorities[next_random(&w->random) % ELEMENTSOF(priorities)],
		.interval_us = intervals_us[next_random(&w->random) % ELEMENTSOF(intervals_us)],
		.src = ip(sources[next_random(&w->random) % ELEMENTSOF(sources)]),
		.down_left_us = next_random(&w->random) % (4 * S),
		.fault = next_random(&w->random) % 2,
		.quiet = next_random(&w->random) % 2,
		.resign = next_random(&w->random) % 2,
	};
}

/* What the caller guarantees: a timer that is not armed may fire late (it was queued), priorities are 1..255. */
static void step_watched(struct watch *w, struct vrrp_fsm *f, enum vrrp_event_type type)
{
	struct vrrp_event ev = random_event(w, type);
	enum vrrp_state before = f->state;
	struct vrrp_actions out;

	if (type == VRRP_EV_PRIORITY && (ev.priority == 0 || f->conf.priority == 255))
		ev.priority = f->conf.priority;
	if (type == VRRP_EV_DOWN_TIMER)
		w->armed &= ~(unsigned)ARMED_DOWN;
	if (type == VRRP_EV_ADVERT_TIMER)
		w->armed &= ~(unsigned)ARMED_ADVERT;
	if (type == VRRP_EV_PREEMPT_TIMER)
		w->armed &= ~(unsigned)ARMED_PREEMPT;
	out = vrrp_fsm(f, &ev);
	assert_invariants(w, f, &ev, before, &out);
}

static struct vrrp_fsm_conf random_conf(struct watch *w)
{
	static const uint8_t priorities[] = { 1, 100, 254, 255 };

	return (struct vrrp_fsm_conf){
		.version = next_random(&w->random) % 2 ? 2 : 3,
		.priority = priorities[next_random(&w->random) % ELEMENTSOF(priorities)],
		.start_master = next_random(&w->random) % 2,
		.nopreempt = next_random(&w->random) % 4 == 0,
		.preempt_delay_us = next_random(&w->random) % 2 ? 0 : 5 * S,
		.interval_us = S,
		.down_adverts = 3,
		.lower_prio_no_advert = next_random(&w->random) % 2,
		.higher_prio_send_advert = next_random(&w->random) % 2,
		.owner_ignore_adverts = next_random(&w->random) % 2,
		.expired_backup = next_random(&w->random) % 2 ? 0 : 254,
		.grouped = next_random(&w->random) % 4 == 0,
	};
}

/* Random walks reach every pair many times; the table proves it. */
static void every_state_answers_every_event_and_keeps_its_promises(void **state)
{
	unsigned seen[_VRRP_STATE_MAX_][_VRRP_EVENT_MAX_] = { { 0 } };
	struct watch w = { .random = 1 };

	(void)state;
	for (unsigned walk = 0; walk < 2000; walk++) {
		struct vrrp_fsm f = fresh(random_conf(&w));

		w = (struct watch){ .random = w.random };
		for (unsigned step = 0; step < 100; step++) {
			enum vrrp_event_type type = next_random(&w.random) % _VRRP_EVENT_MAX_;

			if (next_random(&w.random) % 2) /* or stops and faults would leave little else */
				type = next_random(&w.random) % 2 ? VRRP_EV_ADVERT : VRRP_EV_DOWN_TIMER;
			seen[f.state][type]++;
			step_watched(&w, &f, type);
		}
	}
	for (unsigned s = 0; s < _VRRP_STATE_MAX_; s++) {
		for (unsigned e = 0; e < _VRRP_EVENT_MAX_; e++)
			assert_true(seen[s][e] > 0);
	}
}

static void every_state_and_event_has_a_name(void **state)
{
	(void)state;
	for (unsigned s = 0; s < _VRRP_STATE_MAX_; s++)
		assert_non_null(vrrp_state_name(s));
	for (unsigned e = 0; e < _VRRP_EVENT_MAX_; e++)
		assert_non_null(vrrp_event_name(e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_answers_every_event_and_keeps_its_promises),
		cmocka_unit_test(every_state_and_event_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
