/* SPDX-License-Identifier: Apache-2.0 */
/* auth_hmac at run time: the keys as prepared contexts, the clock, what is remembered of senders, and the alarm about
 * adverts that keep failing authentication of any kind. What is right and wrong is decided in vrrp/auth. */
#include "agent/instance/impl.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"
#include "vrrp/hmac.h"

#include <errno.h>
#include <time.h>

#define SKEW_LOG_US 60000000ull

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return vrrp_auth_clock(&ts);
}

/* --- configuration ----------------------------------------------------------------------------------------------- */

static void release(struct vrrp_auth *a, struct vrrp_auth_key *keys)
{
	for (size_t i = 0; keys && i < a->n_keys; i++)
		vrrp_hmac_free(keys[i].hmac);
	free(keys);
	free(a->state.marks);
	*a = (struct vrrp_auth){ 0 };
}

static int prepare(const struct conf_hmac *ch, size_t n_peers, struct vrrp_auth *a, struct vrrp_auth_key **ret)
{
	struct vrrp_auth_key *keys = *ret = calloc(ch->n_keys, sizeof(*keys));

	a->state.n_marks = n_peers > VRRP_AUTH_MARKS ? n_peers : VRRP_AUTH_MARKS;
	a->state.marks = calloc(a->state.n_marks, sizeof(*a->state.marks));
	if (!keys || !a->state.marks)
		return -ENOMEM;
	a->mode = ch->mode;
	a->monotonic = ch->monotonic;
	a->window_s = ch->window_s;
	a->keys = keys;
	a->hash = vrrp_hmac;
	for (size_t i = 0; i < ch->n_keys; i++) {
		keys[i].id = ch->keys[i].id;
		keys[i].hmac = vrrp_hmac_new(ch->keys[i].octets, ch->keys[i].len);
		a->n_keys = i + 1;
		if (!keys[i].hmac)
			return -ENOTSUP;
		if (keys[i].id == ch->active)
			a->active = &keys[i];
	}
	return 0;
}

int instance_auth_prepare(struct instance *inst, const struct conf_instance *block)
{
	const struct conf_hmac *ch = &block->auth_hmac;
	int r = ch->n_keys > 0 ? prepare(ch, block->n_peers, &inst->auth.next_hmac, &inst->auth.next_keys) : 0;

	if (r >= 0)
		return 0;
	log_write(LOG_ERR, block->name, "auth_hmac cannot be set up: %s",
		  r == -ENOTSUP ? "this host's OpenSSL offers no HMAC-SHA-256" : strerror(-r));
	instance_auth_call_off(inst);
	return r;
}

void instance_auth_call_off(struct instance *inst)
{
	release(&inst->auth.next_hmac, inst->auth.next_keys);
	inst->auth.next_keys = NULL;
}

void instance_auth_exchange(struct instance *inst)
{
	struct instance_auth *a = &inst->auth;

	vrrp_auth_inherit(&a->next_hmac.state, &a->hmac.state);
	release(&a->hmac, a->keys);
	a->hmac = a->next_hmac;
	a->keys = TAKE_PTR(a->next_keys);
	a->next_hmac = (struct vrrp_auth){ 0 };
	inst->format.auth = inst->conf->auth_hmac.n_keys > 0 ? &a->hmac : NULL;
}

void instance_auth_done(struct instance *inst)
{
	loop_timer_done(&inst->auth.timer);
	release(&inst->auth.hmac, inst->auth.keys);
	inst->auth.keys = NULL;
	inst->format.auth = NULL;
}

/* --- adverts ----------------------------------------------------------------------------------------------------- */

void instance_auth_next(struct instance *inst)
{
	if (inst->format.auth)
		vrrp_auth_next(&inst->auth.hmac, clock_now());
}

uint64_t instance_auth_clock(const struct instance *inst)
{
	return inst->format.auth ? clock_now() : 0;
}

void instance_auth_heard(struct instance *inst, const struct vrrp_advert *ad)
{
	char addr[IP_STR_MAX];
	uint64_t suppressed;
	int32_t skew = ad->auth.skew_s;

	if (!ad->auth.present)
		return;
	vrrp_auth_accept(&inst->auth.hmac, &ad->src, ad->auth.seq);
	if (!ad->auth.skewed)
		return;
	inst->counters.auth_clock_skew++;
	if (log_limit_pass(&inst->auth.skew_log, loop_now_us(), SKEW_LOG_US, &suppressed))
		log_write(LOG_WARNING, inst->conf->name,
			  "the clock of %s is %d s %s ours; beyond time_window (%u s) its adverts will be refused: is "
			  "NTP running on both hosts?",
			  ip_format(&ad->src, addr), skew < 0 ? -skew : skew, skew < 0 ? "behind" : "ahead of",
			  inst->auth.hmac.window_s);
}

/* --- alarm ------------------------------------------------------------------------------------------------------- */

/* Whether we also hear good adverts from there. */
static bool is_heard(const struct instance *inst, const struct ip_addr *src)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		const struct peer *p = &inst->peers[i];

		if (ip_equal(&p->addr, src))
			return loop_now_us() - p->heard_us <= vrrp_down_us(&inst->fsm);
	}
	return false;
}

static void raise_alarm(struct instance *inst)
{
	const struct auth_watch *w = &inst->auth.watch;
	const char *what = "To us it is no master: two masters with different keys may hold the addresses. Give both "
			   "hosts the same";
	char addr[IP_STR_MAX];

	if (is_heard(inst, &w->src))
		what = "Good ones come from there, too: somebody sends in its name, or the network repeats them";
	else if (inst->fsm.state == VRRP_MASTER)
		what = "We are master, too: two masters with different keys, and both hold the addresses. Give both "
		       "hosts the same";
	alarm_raise(instance_alarm("auth"), inst->conf->name,
		    "%s keeps sending adverts for virtual router %u that fail authentication (%s): %s. %s",
		    ip_format(&w->src, addr), inst->conf->vrid, vrrp_drop_name(w->why), auth_watch_text(w->why), what);
}

void instance_auth_refused(struct instance *inst, enum vrrp_drop why, const struct ip_addr *src)
{
	uint64_t down_us = vrrp_down_us(&inst->fsm);

	if (!auth_watch_minds(why) || !auth_watch_failed(&inst->auth.watch, src, why, loop_now_us(), down_us))
		return;
	raise_alarm(inst);
	if (!loop_timer_armed(&inst->auth.timer))
		loop_timer_at(&inst->auth.timer, auth_watch_end_us(&inst->auth.watch, down_us));
}

static void maybe_over(void *user, uint64_t due_us)
{
	struct instance *inst = user;
	uint64_t end_us = auth_watch_end_us(&inst->auth.watch, vrrp_down_us(&inst->fsm));

	(void)due_us;
	if (loop_now_us() < end_us) {
		loop_timer_at(&inst->auth.timer, end_us);
		return;
	}
	inst->auth.watch = (struct auth_watch){ 0 };
	alarm_end("auth", inst->conf->name);
}

void instance_auth_retire(struct instance *inst)
{
	if (!loop_timer_armed(&inst->auth.timer))
		return;
	loop_timer_stop(&inst->auth.timer);
	alarm_end("auth", inst->conf->name);
}

int instance_auth_init(struct instance *inst)
{
	return loop_timer_init(&inst->auth.timer, inst->env.loop, LOOP_RANK_NORMAL, 10000, maybe_over, inst);
}

/* --- status ------------------------------------------------------------------------------------------------------ */

json_t *instance_auth_status(const struct instance *inst)
{
	const struct vrrp_auth *a = inst->format.auth;

	if (!a)
		return json_null();
	return json_pack("{s:s, s:i, s:i, s:s, s:i}", "mode", vrrp_auth_mode_name(a->mode), "active_key", a->active->id,
			 "keys", (int)a->n_keys, "anti_replay", a->monotonic ? "monotonic" : "time", "time_window_s",
			 (int)a->window_s);
}
