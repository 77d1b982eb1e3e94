/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of an instance share; nobody else includes this.
 *
 *   instance.c events in, actions out, the lane
 *   timer.c    the timers, and what it means when they are late
 *   packet.c   what is heard
 *   rival.c    another that claims to be master, too
 *   group.c    what its sync group is told, and orders
 *   next.c     what a configuration needs, made before it takes effect
 *   reconf.c   going over to another configuration
 *   wire.c     what is said, and to whom
 *   addr.c     VIPs as addresses on interfaces, faults that come from links and addresses
 *   journal.c  what the journal gets
 *   auth.c     auth_hmac: keys, the clock, what is remembered of senders
 *   veto.c     vip_pre_take
 *   lease.c    the lifetimes of the VIPs
 *   unheard.c  adverts that cannot be sent
 *   lost.c     VIPs that others delete again and again
 *   hold.c     how long to stay away after a failure
 *   stray.c    VIPs that are here although we are not master
 *   orders.c   standby, maintenance, alarms
 *   status.c   what the control socket tells
 *   explain.c  the same in plain words
 */
#pragma once

#include "agent/announce.h"
#include "agent/auth_watch.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/instance/hold.h"
#include "agent/instance/instance.h"
#include "agent/journal.h"
#include "agent/notify.h"
#include "agent/tracker.h"
#include "vrrp/auth.h"
#include "vrrp/fsm.h"

#include <stdarg.h>

enum {
	CAUSE_MAX = 192,
	PEERS_MAX = 8,
	/* Connections on a VIP that leaves are reset for at most this long: clients are told, but the VIP must go. */
	RESET_BUDGET_US = 20000,
	/* VIPs taken away more often than this, within this time, make us step down instead of putting them back. */
	LOST_MAX = 5,
	LOST_WINDOW_US = 60000000,
	LOST_GRACE_US = 1000000,  /* what is lost within this time is one incident: a flush takes many at once */
	LOST_GOOD_US = 300000000, /* who kept them for so long had a good time: earlier ones are forgotten */
	RETRY_US = 100000,        /* a failed removal is tried again */
};

/* Why an instance must not run. */
enum fault {
	FAULT_LINK = 1 << 0,           /* the interface is missing or down */
	FAULT_SOURCE = 1 << 1,         /* no address to send from */
	FAULT_CHECK = 1 << 2,          /* something required is down */
	FAULT_ADDRESS = 1 << 3,        /* the kernel would not take our addresses */
	FAULT_WIRE = 1 << 4,           /* no sockets: we would neither hear nor be heard */
	FAULT_STANDBY = 1 << 8,        /* ordered to stay out */
	FAULT_PENDING = 1 << 5,        /* something required has not reported: holds us back without a notification */
	FAULT_NO_PEER = 1 << 6,        /* unicast_fault_no_peer: there is nobody to speak to */
	FAULT_UNHEARD = 1 << 7,        /* adverts do not leave */
	FAULT_GROUP = 1 << 16,         /* another member of the sync group has a fault */
	FAULT_GROUP_PENDING = 1 << 17, /* something of another member has not reported */
	FAULT_VETO = 1 << 18,          /* vip_pre_take said no */
	FAULT_VIP_LINK = 1 << 19,      /* an interface that an address belongs on is missing */
	FAULT_LOST = 1 << 20,          /* others delete our addresses again and again */
	/* Those that hold us back without a notification. */
	FAULT_QUIET = FAULT_PENDING | FAULT_GROUP_PENDING,
};

#define VIP_UNLEASED "its end would take other addresses of its subnet along"

/* What we know of one VIP beside its configuration. */
struct vip_state {
	int ifindex;    /* where we have put it; 0: nowhere. A device may be renamed under it */
	uint8_t mac[6]; /* with which it was announced */
	bool restoring; /* being put back */
	bool cut_off;   /* its interface was down, so that others may have been believed */
	bool unleased;  /* VIP_UNLEASED */
	bool fresh;     /* came with a reload, and is not added yet */
	bool usable;    /* with duplicate detection: it was announced when that was over */
};

struct peer {
	struct ip_addr addr;
	uint8_t priority;
	uint64_t heard_us;
	uint64_t adverts;
};

/* What a reload wants done about single addresses waits its turn among the actions. */
enum errand_kind { ERRAND_ACTION, ERRAND_DROP_VIPS, ERRAND_ADD_VIPS };

/* Another that claims to be master while we are, and has to yield. */
struct rival {
	struct ip_addr addr; /* AF_UNSPEC: there was none yet */
	uint8_t priority;
	bool present;
	uint32_t interval_us;
	uint64_t since_us, heard_us; /* first and last advert */
	uint64_t adverts;
};

/* An action in the lane, with what was known when it was decided. */
struct errand {
	enum errand_kind kind; /* `act` counts for ERRAND_ACTION only */
	struct vrrp_action act;
	enum vrrp_state old_state;
	uint8_t priority;
	uint64_t at_us;
	struct ip_addr peer;
	const char *mysql; /* verdict */
	char cause[CAUSE_MAX];
};

/* Asking vip_pre_take. */
struct veto {
	enum {
		VETO_IDLE,
		VETO_ASKING, /* the lane waits for the answer */
		VETO_DYING,  /* the answer does not matter any more */
		VETO_QUEUED, /* the lane waits for it to be gone, to ask again */
	} step;
	struct exec_child *child;
	struct loop_timer timer; /* the hold after a veto is over */
	struct loop_timer stuck; /* the program cannot be ended, or could not be started */
	uint64_t give_up_us;     /* no answer by then is a no */
	bool again;              /* it may be possible to start it when `stuck` is due */
	uint64_t hold_us;        /* of the last veto; 0: none since a success */
	uint64_t count;
	char last[96]; /* outcome */
};

/* VIPs that others delete. */
struct lost {
	uint64_t at_us[LOST_MAX]; /* a ring of incidents */
	size_t next;
	uint64_t last_us;
	uint64_t hold_us;        /* of the last fault; 0: none since a good time */
	uint64_t until_us;       /* its end */
	struct loop_timer timer; /* the fault is forgiven, if it is time */
};

/* VIPs that others have put here. */
struct strays {
	bool suspected; /* else there is none */
	unsigned tries; /* to remove them, in a row */
	uint64_t seen_us;
};

/* What became of our adverts. */
struct unheard {
	uint64_t left_us;        /* the last that left */
	int error;               /* 0, or -errno of the last attempt */
	bool take_waits;         /* the lane waits at the take, or what precedes it, for an advert that leaves */
	bool spoken_over;        /* another master was heard meanwhile */
	uint64_t hold_us;        /* of the last fault; 0: none since an advert left */
	struct loop_timer timer; /* the last attempt; in FAULT: it is forgiven */
};

/* Authentication at run time. */
struct instance_auth {
	struct vrrp_auth hmac;      /* what it remembers of senders outlives a configuration */
	struct vrrp_auth_key *keys; /* backs hmac.keys */
	struct vrrp_auth next_hmac; /* while a configuration is prepared */
	struct vrrp_auth_key *next_keys;
	struct auth_watch watch;
	struct loop_timer timer; /* armed while there is an alarm */
	struct log_limit skew_log;
};

struct counters {
	uint64_t advert_rcvd, advert_sent, advert_failed;
	uint64_t pri_zero_rcvd, pri_zero_sent;
	uint64_t become_master, release_master;
	uint64_t csum_alt, advert_interval_diff, addr_list_err, auth_clock_skew;
	uint64_t rival_adverts;
	uint64_t vips_restored, connections_reset;
	uint64_t lease_renewed, lease_failed, lease_expired; /* portions; portions; incidents */
	uint64_t drops[_VRRP_DROP_MAX_];
};

/* Made for a configuration that has not taken effect. */
struct instance_next {
	const struct conf *conf;
	const struct conf_instance *block;
	struct ip_addr *advertised;
	struct tracked *tracked;
	struct vip_state *vips;
	bool *kept;                  /* beside the VIPs of now */
	struct netif_addr *dropping; /* room for all VIPs, those of now and those to come */
};

struct instance {
	struct instance_env env;
	const struct conf_instance *conf;
	struct vrrp_fsm fsm;
	struct vrrp_wire format;
	struct instance_auth auth;
	struct ip_addr *advertised; /* backs format.addrs, of which fewer may be in use: see instance_wire_fit() */
	struct tracked *tracked;    /* one for each tracked object; its texts are stale once the loop has run */
	size_t n_tracked;
	struct instance_next next;
	struct wire *wire;
	struct announce *announce;
	struct notify *notify;

	struct loop_timer advert_timer;  /* armed while master */
	struct loop_timer down_timer;    /* armed while backup */
	struct loop_timer preempt_timer; /* preempt_delay */
	struct loop_timer settle_timer;  /* the lane waits for a master that we preempt */
	struct loop_timer lane_timer;    /* the first of the lane is tried again */
	struct loop_timer rival_timer;   /* a rival is believed to have yielded */
	struct loop_timer start_timer;   /* vrrp_startup_delay */
	struct loop_timer address_timer; /* FAULT_ADDRESS is forgiven */

	unsigned faults; /* enum fault, or-ed */
	uint64_t since_us;
	char cause[CAUSE_MAX];       /* of the last change of state */
	char fault_cause[CAUSE_MAX]; /* of the last fault that arose here */
	char group_cause[CAUSE_MAX]; /* which member of the sync group has a fault, and which */
	char check_cause[CAUSE_MAX]; /* which required check is down, and why */

	const struct instance_group *group; /* NULL: in none */
	bool told;                          /* of any state */
	bool resigned;                      /* left MASTER with priority 0, the last time */
	bool maintenance;                   /* events are withheld */
	bool entitled;                      /* then: held the addresses, may take them again */
	char would[CAUSE_MAX];              /* what is withheld; empty if nothing is */
	enum vrrp_event_type withheld;
	struct rival rival;    /* the last one */
	uint64_t neighbour_us; /* when whoever keeps the addresses on this host was last heard; in observe mode */

	/* The lane: a queue of errands, the first of which may be waiting for the kernel. */
	struct errand *lane;
	size_t lane_len, lane_size;
	bool lane_waits;   /* for the completion of the first */
	bool running_lane; /* somewhere up the stack */

	uint16_t ip_id;
	uint64_t advert_due_us;  /* while the advert timer's event is dealt with: when it was due; else 0 */
	uint64_t next_advert_us; /* while master: when the advert timer is or was due */
	uint64_t sent_us;        /* last advert that left, or that nobody minds; so old is our right to the addresses */
	bool advert_tried;       /* and instance_after_advert() is still to come */
	struct unheard unheard;
	struct strays strays;
	uint64_t lag_max_us;
	uint64_t heeded_us;       /* when an inferior advert was last reacted to */
	struct vrrp_advert heard; /* the last valid one */
	bool rival_heeded;        /* the rival just heard is reacted to, not merely counted */
	struct peer peers[PEERS_MAX];
	struct counters counters;
	struct log_limit drop_log[_VRRP_DROP_MAX_];
	struct log_limit refused[_VRRP_DROP_MAX_]; /* in the journal */
	struct log_limit odd_log, rival_log, differ_log, send_log, remove_log, restore_log, lease_log;
	struct log_limit rival_new, rival_line; /* in the log; reactions are limited by rival_log */

	int promoted_ifindex;   /* where we have asked for promote_secondaries; 0: nowhere */
	bool promotes;          /* and it was granted, so that we have to say when we want it no more */
	struct vip_state *vips; /* beside conf->vips */
	struct lost lost;
	uint64_t add_until_us;     /* the end of the wait that follows; address_timer may be due sooner */
	uint64_t add_hold_us;      /* after the last take that failed; 0: none has since one succeeded */
	bool removal_failed;       /* FAULT_ADDRESS lasts until it succeeds, and until address_timer has run out */
	bool vips_stale;           /* a VIP was lost while our mastership was not fresh */
	uint64_t restore_again_us; /* while maintenance keeps us master: what could not be put back is tried again */
	size_t restoring;          /* VIPs that are being put back, by one job */

	struct veto veto;
	uint64_t lease_until_us; /* all VIPs are there for as long as that; valid while they are */
	uint64_t lease_asked_us; /* when a renewal was handed in last, or what began the lease was done */
	size_t lease_portions;   /* of it that are under way */
	bool lease_ok;           /* none has failed so far */
	bool lease_changed;      /* by a reload: all are to be renewed with the next advert */

	struct netif_addr *dropping; /* gone from the configuration, or not ours to have, and still to be removed */
	size_t n_dropping;
	unsigned drop_tries;
	bool retired; /* the checks are another configuration's by now: what ours says of them means nothing */
	bool deleted; /* gone from the configuration: notify_deleted in the place of notify_stop */

	void (*released)(void *user);
	void *released_user;
};

/* Why an event came, in the words of the log. Most adverts change nothing: the words are made when they are wanted. */
struct cause {
	const char *fmt; /* NULL: an advert was heard */
	va_list *args;
	uint8_t ours; /* our priority when it came */
};

/* instance.c: hands an event to the machine and carries out what it decides. The format string is the cause. */
void instance_feed(struct instance *inst, const struct vrrp_event *ev, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for VRRP_EV_ADVERT. */
void instance_feed_advert(struct instance *inst, const struct vrrp_event *ev);
/* Fills `buf`, of CAUSE_MAX; returns it. */
const char *instance_cause_text(const struct cause *cause, const struct vrrp_event *ev, char *buf);
/* Replaces the faults in `mask` by those in `value` and tells the machine what that means. */
void instance_set_faults(struct instance *inst, unsigned mask, unsigned value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The states of what is tracked, as they are now. */
size_t instance_collect(const struct instance *inst, struct tracked *ret);
void instance_lane_go_on(struct instance *inst);
void instance_lane_order(struct instance *inst, enum errand_kind kind);
/* The first of the lane is part of a take that came to nothing: takes what else belongs to it out of the lane, for
 * addresses that were never there are not announced, and notify_master is not run. */
void instance_forget_take(struct instance *inst);
/* Everything but the addresses takes over what inst->conf says now. */
void instance_refit(struct instance *inst);
/* "" if no mysqld is tracked, or not any more. */
const char *instance_mysql_verdict(const struct instance *inst);

/* status.c */
/* The text of one fault that is set; false if it has none, or is told already with another. */
bool instance_fault_text(const struct instance *inst, unsigned fault, char *buf, size_t size);

/* What hooks are told about an errand; `peer` backs a text in it. */
struct notify_event instance_event(const struct errand *e, enum conf_hook hook, const char *state,
				   char peer[IP_STR_MAX]);

/* veto.c */
int instance_veto_init(struct instance *inst);
void instance_veto_done(struct instance *inst);
/* The take at the head of the lane: true if it has to wait for an answer, which then carries it on. */
bool instance_veto_asks(struct instance *inst);
/* After every event that leaves us other than master. */
void instance_veto_overtaken(struct instance *inst);
/* See sqlvipctl(8); null if nothing is configured. */
json_t *instance_veto_status(const struct instance *inst);
/* Overslept as master: that goes first, before anything is said or decided. */
void instance_look_up(struct instance *inst);
/* Starts the state machine. */
void instance_begin(struct instance *inst);

/* rival.c */
/* An advert of a rival, inst->heard. False: it is counted, but not reacted to again so soon. */
bool instance_rival_heard(struct instance *inst);
/* We are no longer master. */
void instance_rival_lost_to(struct instance *inst);
void instance_rival_due(void *user, uint64_t due_us);
/* For the alarm; NULL if there is none now. */
const char *instance_rival_text(const struct instance *inst, char *buf, size_t size);
json_t *instance_rival_status(const struct instance *inst);

/* timer.c */
int instance_timers_init(struct instance *inst);
void instance_timers_done(struct instance *inst);
/* Master, and silent for so long that a backup may have taken over. */
bool instance_overslept(const struct instance *inst);
/* Master: when that will be, unless an advert leaves before. */
uint64_t instance_awake_until_us(const struct instance *inst);
/* What is done at each advert, not at each tick of the advert timer: whoever makes us answer all the time, so that the
 * timer never runs out, must not keep us from it. */
void instance_after_advert(struct instance *inst);

/* packet.c: a packet with the instance's VRID, for wire_expect(). */
void instance_on_packet(void *user, const struct vrrp_packet *packet);

/* next.c: makes inst->next; -errno, and then some of it may be there. */
int instance_next_make(struct instance *inst, const struct conf *conf, const struct conf_instance *block);
/* What of it was not put to use ends. */
void instance_next_done(struct instance *inst);

/* auth.c. Timers are prepared once; the keys for each configuration: 0 or -errno, logged. They count from
 * instance_auth_exchange() on, after instance_wire_init(). */
int instance_auth_init(struct instance *inst);
int instance_auth_prepare(struct instance *inst, const struct conf_instance *block);
void instance_auth_call_off(struct instance *inst);
void instance_auth_exchange(struct instance *inst);
void instance_auth_done(struct instance *inst);
/* Nothing is heard from now on: it ends its alarm, for nobody else would. */
void instance_auth_retire(struct instance *inst);
/* For vrrp_packet.utc. */
uint64_t instance_auth_clock(const struct instance *inst);
/* Call before the copies of one advert are encoded. */
void instance_auth_next(struct instance *inst);
/* An advert was accepted; one was refused. */
void instance_auth_heard(struct instance *inst, const struct vrrp_advert *ad);
void instance_auth_refused(struct instance *inst, enum vrrp_drop why, const struct ip_addr *src);
/* See sqlvipctl(8); null if nothing is configured. */
json_t *instance_auth_status(const struct instance *inst);

/* stray.c: removes what has another prefix length than ours. */
void instance_strays_at_start(struct instance *inst);
/* Now and then: raises or ends the alarm, removes them where another host has them. */
void instance_look_for_strays(struct instance *inst);

/* unheard.c: an advert has left since we are master. */
bool instance_is_announced(const struct instance *inst);
/* After each attempt to send an advert as master. */
void instance_unheard_look(struct instance *inst);
/* An advert of another master was heard. True if that ended our mastership, since ours do not leave. */
bool instance_unheard_gives_way(struct instance *inst, const struct vrrp_advert *ad);
/* "adverts cannot be sent: ..." */
void instance_unheard_text(const struct instance *inst, char *buf, size_t size);
void instance_unheard_due(void *user, uint64_t due_us);

/* timer.c: a long wait is for the sake of the host that is master meanwhile. When `t` is due: true if there is one and
 * `until_us` has not come; it will be due again soon. */
bool instance_waits_on(struct instance *inst, struct loop_timer *t, uint64_t until_us);
#define INSTANCE_HOLD_SOONER(hold_us) ((hold_us) > INSTANCE_HOLD_MIN_US ? ", or as soon as nobody else is master" : "")

/* lost.c: notes an incident. True if it is one too many: to be put back no more. */
bool instance_lost_too_often(struct instance *inst);
/* Then: FAULT for a while, longer each time. `addr` is the first that is missing. */
void instance_lost_give_up(struct instance *inst, const char *addr);
void instance_lost_forgiven(void *user, uint64_t due_us);

/* reconf.c: true if the lane must wait for a completion. */
bool instance_drop_vips(struct instance *inst);
/* Tries to remove what could not be removed, but for what another instance has by the configuration in effect. */
bool instance_drop_again(struct instance *inst);
bool instance_add_vips(struct instance *inst);

/* wire.c: how the instance speaks, from its configuration, at the start and at each reload. Then, where it will listen:
 * see wire_expect(). */
void instance_wire_init(struct instance *inst);
int instance_wire_expect(struct instance *inst);
/* As many addresses are advertised as the interface's packets hold. */
void instance_wire_fit(struct instance *inst, const struct netif_link *link);
/* One advert, to the group or to each peer. */
void instance_send_advert(struct instance *inst, uint8_t priority);

/* addr.c */
/* The VIPs that `pick` wants (all if NULL) on interfaces that exist; the array is the caller's. NULL without memory. */
struct netif_addr *instance_pick_vips(const struct instance *inst, bool (*pick)(const struct instance *, size_t),
				      size_t *n, size_t *homeless);
bool instance_vip_is_there(const struct instance *inst, size_t i);
/* FAULT for a while, longer each time. */
void instance_cannot_add(struct instance *inst, const char *why);
/* That while is over. */
void instance_addr_forgive(struct instance *inst);
/* One pair of sets for VIP `i`. */
void instance_announce_one(struct instance *inst, size_t i);
void instance_addr_take(struct instance *inst);
/* Whether a take came too late to be carried out, and is to be asked for again: our right to the addresses has been
 * renewed meanwhile. If it has not, we overslept, and are no longer master when this returns. */
bool instance_take_again(struct instance *inst, const struct netif_result *r);
/* False if nothing has to be removed: then no completion follows. */
bool instance_addr_release(struct instance *inst);
bool instance_addr_any(const struct instance *inst);
void instance_announce(struct instance *inst);
/* On unicast, one announcement of our own source, so that whoever is master finds us without asking. */
void instance_announce_source(struct instance *inst);
/* Wants promote_secondaries no more. */
void instance_addr_done(struct instance *inst);
/* Puts back the VIPs that are missing. Only while master. */
void instance_addr_restore(struct instance *inst);
/* After each advert: what could not be put back, or not yet, is tried now if it is time. */
void instance_addr_restore_due(struct instance *inst);
/* To be called whenever a VIP may be missing that nobody of us has removed: puts it back, or steps down. */
void instance_look_for_lost(struct instance *inst);
/* The first interface that an address belongs on and that is missing, or NULL. `interface` itself does not count, nor
 * do addresses with `no_track`: they are left out then. */
const char *instance_missing_device(const struct instance *inst);
/* Reads the link and source address and sets the faults accordingly. */
void instance_look_at_link(struct instance *inst);
int instance_vip_ifindex(const struct instance *inst, size_t i);
/* What it takes to send from, in words: "IPv4". */
const char *instance_source_kind(const struct instance *inst);
struct netif_addr instance_to_netif(const struct instance *inst, size_t i, int ifindex);
/* Until when no peer can have taken over, as far as our adverts can tell. */
uint64_t instance_fresh_until_us(const struct instance *inst);

/* lease.c */
/* The lifetime that VIP `i` is to get; 0: for ever. */
uint32_t instance_lease_s(const struct instance *inst, size_t i);
/* The lifetimes began then, at the earliest. */
void instance_lease_began(struct instance *inst, uint64_t at_us);
/* Call when inst->conf has taken the place of `old`. */
void instance_lease_reconf(struct instance *inst, const struct conf_instance *old);
/* Call after an advert was sent: renews what is due. */
void instance_lease_tend(struct instance *inst);

/* orders.c: true if maintenance keeps this event from the machine; it is recorded then. */
bool instance_withholds(struct instance *inst, const struct vrrp_event *ev, const struct cause *cause);
void instance_note_holder(struct instance *inst);
/* What was ordered before this instance came to be. */
void instance_obey(struct instance *inst);
/* Whoever was heard last, since `since_us`; NULL if nobody was. */
const struct peer *instance_last_peer(const struct instance *inst, uint64_t since_us);
/* It has the addresses, or is about to have them. NULL: nobody was heard for a Down_Time, or he resigned. */
const struct peer *instance_other_master(const struct instance *inst);
/* Such an event would not be withheld any more. */
void instance_withheld_is_over(struct instance *inst, enum vrrp_event_type type);
/* `id`, for alarm_raise(): that it is one of those that end with their instance. */
const char *instance_alarm(const char *id);
/* Adds what was ordered to an instance's status. */
void instance_orders_status(const struct instance *inst, json_t *status);

/* journal.c: into the journal, with who was heard last, priorities, timers and mysqld's verdict; the first two
 * into the log, too. */
void instance_record(const struct instance *inst, int level, enum journal_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void instance_record_transition(const struct instance *inst, enum vrrp_state old, const char *cause);
void instance_record_refusal(struct instance *inst, enum vrrp_drop why, const struct ip_addr *src);
