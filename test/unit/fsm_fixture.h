/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the state machine: what an event causes is written as text, one word per action, so that a test reads
 * like the rule it pins. Include after "test/unit/unit.h". */
#pragma once

#include "test/unit/addresses.h"
#include "vrrp/fsm.h"

enum { MS = 1000, S = 1000000 };

static inline struct vrrp_fsm_conf conf_v2(uint8_t priority)
{
	return (struct vrrp_fsm_conf){ .version = 2, .priority = priority, .interval_us = S, .down_adverts = 3 };
}

static inline struct vrrp_fsm_conf conf_v3(uint8_t priority, uint32_t interval_us)
{
	return (struct vrrp_fsm_conf){
		.version = 3,
		.priority = priority,
		.interval_us = interval_us,
		.down_adverts = 3,
	};
}

static inline void print_action(char *buf, size_t size, const struct vrrp_action *a)
{
	unsigned long us = (unsigned long)a->us;

	switch (a->type) {
	case VRRP_ACT_SEND_ADVERT:
		snprintf(buf, size, "send");
		break;
	case VRRP_ACT_ADVERT_TIMER:
		snprintf(buf, size, "advert=%lu", us);
		break;
	case VRRP_ACT_DOWN_TIMER:
		snprintf(buf, size, "down=%lu", us);
		break;
	case VRRP_ACT_PREEMPT_TIMER:
		snprintf(buf, size, "preempt=%lu", us);
		break;
	case VRRP_ACT_STOP_TIMERS:
		snprintf(buf, size, "stop-timers");
		break;
	case VRRP_ACT_RIVAL:
		snprintf(buf, size, "rival");
		break;
	case VRRP_ACT_SETTLE:
		snprintf(buf, size, "settle=%lu", us);
		break;
	case VRRP_ACT_VIPS_ADD:
		snprintf(buf, size, "add");
		break;
	case VRRP_ACT_VIPS_REMOVE:
		snprintf(buf, size, "remove");
		break;
	case VRRP_ACT_ANNOUNCE:
		snprintf(buf, size, "announce");
		break;
	case VRRP_ACT_ANNOUNCE_AGAIN:
		snprintf(buf, size, "announce-again");
		break;
	case VRRP_ACT_RESIGN:
		snprintf(buf, size, "resign");
		break;
	case VRRP_ACT_NOTIFY:
		snprintf(buf, size, "notify=%s", vrrp_state_name(a->state));
		break;
	case VRRP_ACT_STOPPED:
		snprintf(buf, size, "stopped");
		break;
	}
}

static inline void assert_actions(const struct vrrp_actions *out, const char *expected)
{
	char text[512] = "";

	for (size_t i = 0; i < out->n; i++) {
		char word[48];

		print_action(word, sizeof(word), &out->a[i]);
		if (i)
			strcat(text, " ");
		strcat(text, word);
	}
	assert_string_equal(text, expected);
}

static inline void assert_step(struct vrrp_fsm *f, struct vrrp_event ev, enum vrrp_state state, const char *expected)
{
	struct vrrp_actions out = vrrp_fsm(f, &ev);

	assert_actions(&out, expected);
	assert_string_equal(vrrp_state_name(f->state), vrrp_state_name(state));
}

static inline struct vrrp_event event(enum vrrp_event_type type)
{
	return (struct vrrp_event){ .type = type };
}

static inline struct vrrp_event advert_every(uint8_t priority, const char *src, uint32_t interval_us)
{
	return (struct vrrp_event){
		.type = VRRP_EV_ADVERT,
		.priority = priority,
		.interval_us = interval_us,
		.src = ip(src),
	};
}

static inline struct vrrp_event advert(uint8_t priority, const char *src)
{
	return advert_every(priority, src, S);
}

static inline struct vrrp_event priority_event(uint8_t priority, uint64_t down_left_us)
{
	return (struct vrrp_event){ .type = VRRP_EV_PRIORITY, .priority = priority, .down_left_us = down_left_us };
}

static inline struct vrrp_event fault_event(bool quiet)
{
	return (struct vrrp_event){ .type = VRRP_EV_FAULT, .fault = true, .quiet = quiet };
}

static inline struct vrrp_event start_event(bool fault, bool quiet)
{
	return (struct vrrp_event){ .type = VRRP_EV_START, .fault = fault, .quiet = quiet };
}

/* Our own address is 192.0.2.11; .10 is below it, .12 above. */
#define OWN   "192.0.2.11"
#define BELOW "192.0.2.10"
#define ABOVE "192.0.2.12"

static inline struct vrrp_fsm fresh(struct vrrp_fsm_conf conf)
{
	struct ip_addr own = ip(OWN);
	struct vrrp_fsm f;

	vrrp_fsm_init(&f, &conf, &own);
	return f;
}

static inline struct vrrp_fsm in_state(struct vrrp_fsm_conf conf, enum vrrp_state state)
{
	struct vrrp_fsm f = fresh(conf);
	struct vrrp_event down = event(VRRP_EV_DOWN_TIMER), start = start_event(state == VRRP_FAULT, false);

	if (state != VRRP_INIT)
		vrrp_fsm(&f, &start);
	if (state == VRRP_MASTER)
		vrrp_fsm(&f, &down);
	assert_int_equal(f.state, state);
	return f;
}
