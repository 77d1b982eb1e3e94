/* SPDX-License-Identifier: Apache-2.0 */
/* Why this host holds, or does not hold, the addresses of an instance, in plain words: facts in, text out. Pure. What
 * the text says follows the rules of vrrp/fsm and agent/maintenance; change them together. */
#pragma once

#include "agent/priority.h"
#include "vrrp/fsm.h"

#include <stddef.h>

/* Why an instance takes no part, by what ends it. */
enum explain_hold_kind {
	EXPLAIN_HOLD_OTHER,
	EXPLAIN_HOLD_STANDBY,
	EXPLAIN_HOLD_LINK,
	EXPLAIN_HOLD_CHECK,
	EXPLAIN_HOLD_PENDING,
	EXPLAIN_HOLD_ADDRESS,
	EXPLAIN_HOLD_GROUP,
	EXPLAIN_HOLD_UNHEARD, /* adverts do not leave this host */
	EXPLAIN_HOLD_VETO,
};

struct explain_hold {
	enum explain_hold_kind kind;
	const char *text;
};

struct explain_check {
	const char *what, *name; /* "mysqld", "local" */
	const char *reason;      /* why it is up or down; may be NULL */
	struct priority_input in;
	bool mysql;                       /* its death is an event */
	unsigned rise, fall;              /* 0: it has none */
	uint64_t interval_us, timeout_us; /* 0: unknown */
	uint64_t dead_delay_us;
};

/* The last transition. */
struct explain_last {
	const char *time; /* as people write it; NULL: nothing is known */
	const char *from, *to, *cause, *peer, *mysql;
	int peer_priority, priority;
};

struct explain_facts {
	const char *name, *interface;
	const char *vip; /* the first, as text */
	size_t n_vips, n_present;
	const struct vrrp_fsm *fsm;
	uint8_t base;          /* configured priority */
	uint64_t since_us;     /* how long in this state */
	uint64_t down_left_us; /* on the down timer; 0: not armed */
	uint64_t preempt_left_us;
	uint64_t heard_us; /* how long ago the last advert of anybody came; UINT64_MAX: none did */
	const char *heard; /* from whom */
	int heard_priority;
	const char *master, *own; /* addresses as text; NULL: unknown */
	const char *rival;        /* NULL: none was heard lately */
	int rival_priority;
	bool maintenance, entitled, observe;
	const char *withheld; /* NULL: nothing is */
	struct explain_last last;
	const struct explain_hold *holds;
	size_t n_holds;
	const struct explain_check *checks;
	size_t n_checks;
};

/* Writes lines, each ended by a newline; what does not fit is cut. Returns `buf`. */
const char *explain(const struct explain_facts *f, char *buf, size_t size);
