/* SPDX-License-Identifier: Apache-2.0 */
/* The VRRP state machine as one pure function: (machine, event) -> ordered actions. No socket, clock, log or
 * allocation; time comes in as events and leaves as durations.
 *
 * States and rules: RFC 9568 §6.4, with keepalived's FAULT and its words (master, backup). Two rules are ours. Only a
 * sent advert re-arms the advert timer, so that no packet from outside can silence a master. And a backup that may
 * preempt and sees the current master's own priority fall below its own takes over after one Skew_Time.
 *
 * The member of a sync group (vrrp/group) does not become master by itself: when its timer runs out it wants to be,
 * starts the timer anew, and waits for VRRP_EV_GROUP_MASTER.
 *
 * Actions come in two kinds. The immediate ones (adverts, timers) are carried out at once. The others form a lane that
 * is carried out strictly in order, one after the other, across calls: VRRP_ACT_VIPS_* are asynchronous, and what
 * follows them in the lane waits for their completion. That is how priority 0 is sent only once the VIP is gone, and
 * the ARP only once it is there. */
#pragma once

#include "agent/base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vrrp_state {
	VRRP_INIT,
	VRRP_BACKUP,
	VRRP_MASTER,
	VRRP_FAULT,
	_VRRP_STATE_MAX_,
};

/* "INIT", "BACKUP", "MASTER", "FAULT". */
const char *vrrp_state_name(enum vrrp_state state);

enum vrrp_event_type {
	VRRP_EV_START,  /* leave INIT; `fault` tells whether a fault is known already */
	VRRP_EV_STOP,   /* release everything, go to INIT */
	VRRP_EV_ADVERT, /* a valid advert; uses priority, interval_us, src */
	VRRP_EV_ADVERT_TIMER,
	VRRP_EV_DOWN_TIMER,
	VRRP_EV_PREEMPT_TIMER, /* preempt_delay is over */
	VRRP_EV_PRIORITY,      /* effective priority is now `priority` (1..255) */
	VRRP_EV_FAULT,         /* the first fault arose, or a quiet one became a real one; uses `quiet` */
	VRRP_EV_FAULT_CLEARED, /* the last fault is gone */
	VRRP_EV_VIPS_LOST,     /* our addresses are taken away again and again: step down */
	VRRP_EV_SOURCE,        /* our source address is now `src` */
	VRRP_EV_OVERSLEPT,     /* we did not run for so long that others may have acted without us */
	VRRP_EV_GROUP_MASTER,  /* the sync group goes MASTER, whatever our own timer says */
	VRRP_EV_GROUP_BACKUP,  /* another member of the sync group left MASTER; uses `resign` */
	VRRP_EV_GROUP_RIVAL,   /* another member of the sync group heard an inferior master */
	_VRRP_EVENT_MAX_,
};

const char *vrrp_event_name(enum vrrp_event_type type);

struct vrrp_event {
	enum vrrp_event_type type;
	uint8_t priority;
	uint32_t interval_us; /* of the advert; the codec has refused zero */
	struct ip_addr src;
	uint64_t down_left_us; /* VRRP_EV_PRIORITY: what is left on the down timer; 0 when it is not armed */
	bool fault;            /* VRRP_EV_START */
	bool resign;           /* VRRP_EV_GROUP_BACKUP: the other one has said priority 0, so we do, too */
	bool quiet; /* START with fault, FAULT: checks have not reported yet; no FAULT notification, unless it takes
		       mastership away, for then the hooks must hear of it */
};

enum vrrp_action_type {
	/* immediate */
	VRRP_ACT_SEND_ADVERT,   /* with the machine's priority, now */
	VRRP_ACT_ADVERT_TIMER,  /* arm for `us` from now */
	VRRP_ACT_DOWN_TIMER,    /* arm for `us` from now */
	VRRP_ACT_PREEMPT_TIMER, /* arm for `us` from now; 0 cancels */
	VRRP_ACT_STOP_TIMERS,   /* all three */
	VRRP_ACT_RIVAL,         /* an inferior master was heard: log, count, notify_master_rx_lower_pri */
	/* the lane, in order */
	VRRP_ACT_SETTLE, /* wait for `us`: a living master that we preempt hears our advert, and drops the addresses */
	VRRP_ACT_VIPS_ADD,
	VRRP_ACT_VIPS_REMOVE,
	VRRP_ACT_ANNOUNCE,       /* first ARP set now, the second and the refreshes by the announcer's timers */
	VRRP_ACT_ANNOUNCE_AGAIN, /* after a rival was seen */
	VRRP_ACT_RESIGN,         /* advert with priority 0, unless we are master again by then */
	VRRP_ACT_NOTIFY,         /* hooks for `state` */
	VRRP_ACT_STOPPED,        /* everything released: notify_stop, then the instance may be freed */
};

static inline bool vrrp_act_in_lane(enum vrrp_action_type type)
{
	return type >= VRRP_ACT_SETTLE;
}

struct vrrp_action {
	enum vrrp_action_type type;
	enum vrrp_state state; /* NOTIFY */
	uint64_t us;           /* timers */
};

/* The most actions that one event can cause; pinned by a test over all states and events. */
#define VRRP_ACTIONS_MAX 12

/* How long a master that yields may take to reset connections and remove its addresses. */
#define VRRP_SETTLE_US 25000

struct vrrp_actions {
	struct vrrp_action a[VRRP_ACTIONS_MAX];
	size_t n;
};

/* Constant but for vrrp_fsm_reconf(). */
struct vrrp_fsm_conf {
	uint8_t version;
	uint8_t priority;  /* base, 1..255; 255 = owner */
	bool start_master; /* `state MASTER`; only the owner gains anything by it */
	bool nopreempt;
	uint64_t preempt_delay_us;
	uint32_t interval_us;  /* own advertisement interval A */
	unsigned down_adverts; /* N of the Down time, keepalived's down_timer_adverts; 3 in the RFC */
	bool lower_prio_no_advert;
	bool higher_prio_send_advert;
	bool owner_ignore_adverts; /* an owner hears nobody */
	/* keepalived's timer_expired_backup: an oversleeper waits a whole Down time, if a backup of this priority may
	 * have taken over; 0: off. */
	uint8_t expired_backup;
	bool grouped; /* member of a sync group: it asks before it becomes master */
};

struct vrrp_fsm {
	struct vrrp_fsm_conf conf;
	enum vrrp_state state;
	uint8_t priority;            /* effective, P */
	struct ip_addr own;          /* our source address, for the tie-break */
	uint32_t master_interval_us; /* M: learned from adverts in version 3, else A */
	struct ip_addr master;       /* whom we hear as master while backup; AF_UNSPEC when unknown */
	uint8_t master_priority;     /* the last that `master` advertised */
	bool preempt_pending;        /* preempt_delay is running */
	bool preempt_ripe;           /* preempt_delay ran out: lower adverts no longer hold us back */
	bool fault_quiet;            /* in FAULT without a notification */
	uint8_t preempted_priority; /* what an inferior master advertised last, while the down timer runs on; 0: none */
	bool resigning;             /* the down timer runs at Skew: the master resigned (then `master` is unknown)
				       or fell below us */
	bool wants_master;          /* grouped: the down timer ran out, and no better master was heard since */
	bool stopped;               /* VRRP_ACT_STOPPED was given; it is given once */
	/* Two owners (priority 255), and the other one ought to yield. */
	bool owner_degraded;     /* it did not, so we do, with priority 254 until it is gone */
	unsigned rival_ticks;    /* own intervals since the other was first heard, plus 1; 0 when there is none */
	unsigned rival_patience; /* own intervals of its silence until it counts as gone */
};

void vrrp_fsm_init(struct vrrp_fsm *f, const struct vrrp_fsm_conf *conf, const struct ip_addr *own);

/* The one transition function. Every state answers every event, late timers included.
 *
 * In BACKUP the down timer is armed, in MASTER the advert timer, else none. VRRP_EV_PRIORITY moves a running down timer
 * by the change of the Down time, as keepalived does; the machine has no clock, so the caller says what is left. */
struct vrrp_actions vrrp_fsm(struct vrrp_fsm *f, const struct vrrp_event *ev);

/* Another configuration while it runs; not another version. No transition: the state and what was learned of others
 * stay. `left_us` is what is left on the advert timer (MASTER) or the down timer (BACKUP); a shorter interval takes
 * effect at once. The effective priority stays, too: it comes as VRRP_EV_PRIORITY, after this. */
struct vrrp_actions vrrp_fsm_reconf(struct vrrp_fsm *f, const struct vrrp_fsm_conf *conf, uint64_t left_us);

/* Skew_Time: version 2 (256-P)/256 s, version 3 (256-P)*M/256, both in microseconds. RFC 3768 §6.1, RFC 9568 §6.1. */
uint64_t vrrp_skew_us(const struct vrrp_fsm *f);
/* Active_Down_Interval: N*M + Skew_Time, in microseconds. */
uint64_t vrrp_down_us(const struct vrrp_fsm *f);
/* How late the advert timer may be before a backup may have taken over: what is left of the shortest Down time, that of
 * priority 254 or what expired_backup says, when the advert is due. */
uint64_t vrrp_lag_max_us(const struct vrrp_fsm *f);
