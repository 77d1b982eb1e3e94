/* SPDX-License-Identifier: Apache-2.0 */
/* Gratuitous ARP and unsolicited neighbour advertisements in sets. Each target counts the frames that it still owes;
 * sending goes round the targets, one frame each, until nobody owes any. A set is thus nothing but a number added to
 * the debts, and sets that meet mix fairly.
 *
 * Many frames are sent in portions, a millisecond apart, and a full device queue only delays them; where an interface
 * is given one frame per interval, each waits for its time. Does not know instances or states, nor whether an interface
 * does ARP at all. */
#include "agent/announce.h"

#include "agent/base/cleanup.h"
#include "vrrp/arp.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>

enum {
	PACE_FROM = 100, /* frames; fewer are sent at once */
	PORTION = 64,
	GAP_US = 1000,
	BACKOFF_MAX_US = 100 * 1000, /* while the device takes nothing */
	ASK_AGAIN_US = 10 * 1000,    /* after a frame was not allowed */
	/* More than the queue of a device holds: one that takes nothing must not keep the others from their frames. */
	SEND_BUFFER = 8 * 1024 * 1024,
	OWED_MAX = 1024, /* per target: sets that pile up behind a stuck device; a larger one is whole */
};

enum later_set { LATER_SECOND, LATER_AGAIN, LATER_MAX_ };

struct owed {
	struct announce_target target;
	unsigned frames;
	uint64_t later_us[LATER_MAX_]; /* when the other set of a pair is due; 0 = none is */
};

struct announce {
	bool mute;
	struct announce_times times;
	int fd; /* shared */
	struct owed *owed;
	size_t n;
	size_t next;             /* whose turn it is */
	uint64_t frames;         /* the sum of all debts */
	uint64_t backoff_us;     /* 0 = the device takes frames */
	struct loop_timer pace;  /* the next portion */
	struct loop_timer later; /* the earliest of all later_us */
	struct loop_timer refresh;
	struct announce_counters counters;
	struct pacing *pacing; /* may be NULL */
	struct {
		uint64_t at_us; /* 0: none is taken */
		int ifindex;
		bool v6;
	} turn;                       /* of the next frame */
	bool (*may_send)(void *user); /* NULL: nobody is asked */
	void *user;
};

static void owe(struct announce *a, struct owed *o, unsigned frames)
{
	const unsigned most = frames > OWED_MAX ? frames : OWED_MAX;
	const unsigned room = most > o->frames ? most - o->frames : 0;

	if (a->mute)
		return;
	frames = frames < room ? frames : room;
	o->frames += frames;
	a->frames += frames;
}

/* 0, or -errno: -EAGAIN if the device is full for now. */
static int send_one(const struct announce *a, const struct announce_target *t)
{
	bool v6 = t->vip.family == AF_INET6;
	size_t len = v6 ? NA_FRAME_LEN : ARP_FRAME_LEN;
	uint8_t frame[NA_FRAME_LEN];
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_ARP),
		.sll_ifindex = t->ifindex,
		.sll_halen = ETH_ALEN,
	};

	if (v6)
		na_unsolicited(t->mac, &t->vip, t->router, frame);
	else
		arp_gratuitous(t->mac, &t->vip, frame);
	memcpy(to.sll_addr, frame, ETH_ALEN);
	if (sendto(a->fd, frame, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) >= 0)
		return 0;
	return errno == ENOBUFS || errno == EINTR ? -EAGAIN : -errno;
}

/* Whether the frame for this target may leave now; else the timer is armed for its time. A time is taken for each frame
 * and kept until it comes, so that instances that share an interface go round. */
static bool is_our_turn(struct announce *a, const struct announce_target *t)
{
	bool v6 = t->vip.family == AF_INET6;
	uint64_t interval_us = v6 ? a->times.na_interval_us : a->times.arp_interval_us;
	uint64_t now_us = loop_now_us();

	if (!a->pacing || interval_us == 0)
		return true;
	if (a->turn.at_us == 0 || a->turn.ifindex != t->ifindex || a->turn.v6 != v6) {
		a->turn.at_us = pacing_take(a->pacing, t->ifindex, v6, interval_us, now_us);
		a->turn.ifindex = t->ifindex;
		a->turn.v6 = v6;
	}
	if (now_us < a->turn.at_us) {
		loop_timer_at(&a->pace, a->turn.at_us);
		return false;
	}
	a->turn.at_us = 0;
	return true;
}

/* Sends what may be sent now and arms the timer for the rest. */
static void send_portion(struct announce *a)
{
	uint64_t portion = a->frames < PACE_FROM && a->backoff_us == 0 ? PACE_FROM : PORTION;

	while (a->frames > 0 && portion > 0) {
		struct owed *o = &a->owed[a->next];
		int r;

		if (o->frames > 0) {
			if (a->may_send && !a->may_send(a->user)) {
				loop_timer_in(&a->pace, ASK_AGAIN_US);
				return;
			}
			if (!is_our_turn(a, &o->target))
				return;
			r = send_one(a, &o->target);
			if (r == -EAGAIN) {
				a->backoff_us = a->backoff_us ? 2 * a->backoff_us : GAP_US;
				if (a->backoff_us > BACKOFF_MAX_US)
					a->backoff_us = BACKOFF_MAX_US;
				loop_timer_in(&a->pace, a->backoff_us);
				return;
			}
			*(r == 0 ? &a->counters.sent : &a->counters.failed) += 1;
			a->backoff_us = 0;
			o->frames--;
			a->frames--;
			portion--;
		}
		a->next = (a->next + 1) % a->n;
	}
	if (a->frames > 0)
		loop_timer_in(&a->pace, GAP_US);
}

static void on_pace(void *user, uint64_t due_us)
{
	(void)due_us;
	send_portion(user);
}

/* Frames that were just added go out now, unless earlier ones are being paced. */
static void send_now(struct announce *a)
{
	if (!loop_timer_armed(&a->pace))
		send_portion(a);
}

static void arm_later(struct announce *a)
{
	uint64_t first_us = UINT64_MAX;

	for (size_t i = 0; i < a->n; i++)
		for (int k = 0; k < LATER_MAX_; k++)
			if (a->owed[i].later_us[k] && a->owed[i].later_us[k] < first_us)
				first_us = a->owed[i].later_us[k];
	loop_timer_at(&a->later, first_us);
}

static void on_later(void *user, uint64_t due_us)
{
	struct announce *a = user;
	const unsigned frames[LATER_MAX_] = { [LATER_SECOND] = a->times.repeat, [LATER_AGAIN] = a->times.again_repeat };

	for (size_t i = 0; i < a->n; i++) {
		for (int k = 0; k < LATER_MAX_; k++) {
			uint64_t *later_us = &a->owed[i].later_us[k];

			if (*later_us == 0 || *later_us > due_us)
				continue;
			*later_us = 0;
			owe(a, &a->owed[i], frames[k]);
		}
	}
	arm_later(a);
	send_now(a);
}

static void on_refresh(void *user, uint64_t due_us)
{
	struct announce *a = user;
	uint64_t now_us = loop_now_us();

	for (size_t i = 0; i < a->n; i++)
		owe(a, &a->owed[i], a->times.refresh_repeat);
	/* After a long stall one set is enough. */
	due_us += a->times.refresh_us;
	loop_timer_at(&a->refresh, due_us > now_us ? due_us : now_us + a->times.refresh_us);
	send_now(a);
}

static void pair_of_sets(struct announce *a, struct owed *o, enum later_set k, unsigned frames, uint64_t delay_us)
{
	owe(a, o, frames);
	o->later_us[k] = delay_us ? loop_now_us() + delay_us : 0;
}

int announce_open(void)
{
	const int room = SEND_BUFFER;
	/* Protocol 0: it sends, and no frame is ever queued for it. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* Without CAP_NET_ADMIN as much as the system allows. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return fd;
}

int announce_new(sd_event *loop, int fd, const struct announce_times *times, struct announce **ret)
{
	struct announce *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->times = *times;
	a->fd = fd;
	r = loop_timer_init(&a->pace, loop, LOOP_RANK_NORMAL, 1, on_pace, a);
	if (r == 0)
		r = loop_timer_init(&a->later, loop, LOOP_RANK_NORMAL, GAP_US, on_later, a);
	if (r == 0)
		r = loop_timer_init(&a->refresh, loop, LOOP_RANK_NORMAL, GAP_US, on_refresh, a);
	if (r < 0)
		a = announce_free(a);
	*ret = a;
	return r;
}

void announce_pace(struct announce *a, struct pacing *pacing)
{
	a->pacing = pacing;
}

void announce_ask(struct announce *a, bool (*may_send)(void *user), void *user)
{
	a->may_send = may_send;
	a->user = user;
}

void announce_mute(struct announce *a)
{
	a->mute = true;
}

struct announce *announce_free(struct announce *a)
{
	if (!a)
		return NULL;
	loop_timer_done(&a->pace);
	loop_timer_done(&a->later);
	loop_timer_done(&a->refresh);
	free(a->owed);
	free(a);
	return NULL;
}

void announce_stop(struct announce *a)
{
	loop_timer_stop(&a->pace);
	loop_timer_stop(&a->later);
	loop_timer_stop(&a->refresh);
	free(a->owed);
	a->owed = NULL;
	a->n = a->next = 0;
	a->frames = 0;
	a->turn.at_us = 0;
	a->backoff_us = 0;
}

int announce_start(struct announce *a, const struct announce_target *targets, size_t n)
{
	struct owed *owed = calloc(n ? n : 1, sizeof(*owed));

	if (!owed)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		owed[i].target = targets[i];
	announce_stop(a);
	a->owed = owed;
	a->n = n;
	for (size_t i = 0; i < n; i++)
		pair_of_sets(a, &owed[i], LATER_SECOND, a->times.repeat, a->times.delay_us);
	arm_later(a);
	if (a->times.refresh_us)
		loop_timer_in(&a->refresh, a->times.delay_us + a->times.refresh_us);
	send_now(a);
	return 0;
}

void announce_again(struct announce *a)
{
	for (size_t i = 0; i < a->n; i++)
		pair_of_sets(a, &a->owed[i], LATER_AGAIN, a->times.again_repeat, a->times.again_delay_us);
	arm_later(a);
	send_now(a);
}

int announce_one(struct announce *a, const struct announce_target *target)
{
	struct owed *o = NULL;

	for (size_t i = 0; i < a->n && !o; i++)
		if (a->owed[i].target.ifindex == target->ifindex && ip_equal(&a->owed[i].target.vip, &target->vip))
			o = &a->owed[i];
	if (!o) {
		o = reallocarray(a->owed, a->n + 1, sizeof(*o));
		if (!o)
			return -ENOMEM;
		a->owed = o;
		o += a->n++;
		*o = (struct owed){ 0 };
	}
	o->target = *target;
	pair_of_sets(a, o, LATER_SECOND, a->times.repeat, a->times.delay_us);
	arm_later(a);
	send_now(a);
	return 0;
}

void announce_reconf(struct announce *a, const struct announce_times *times)
{
	uint64_t old_us = a->times.refresh_us;

	a->times = *times;
	if (!times->refresh_us)
		loop_timer_stop(&a->refresh);
	else if (a->n > 0 && old_us != times->refresh_us)
		loop_timer_in(&a->refresh, times->refresh_us);
}

void announce_drop(struct announce *a, int ifindex, const struct ip_addr *vip)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->owed[i].target.ifindex != ifindex || !ip_equal(&a->owed[i].target.vip, vip))
			continue;
		a->frames -= a->owed[i].frames;
		a->owed[i] = a->owed[--a->n];
		break;
	}
	if (a->n == 0)
		announce_stop(a);
	else
		a->next %= a->n;
}

void announce_once(struct announce *a, const struct announce_target *target)
{
	if (!a->mute)
		*(send_one(a, target) == 0 ? &a->counters.sent : &a->counters.failed) += 1;
}

struct announce_counters announce_counters(const struct announce *a)
{
	return a->counters;
}
