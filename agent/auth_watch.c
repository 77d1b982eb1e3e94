/* SPDX-License-Identifier: Apache-2.0 */
/* Counts how long, not how many: a flood of a second is no second master, a packet a second for a minute is one. */
#include "agent/auth_watch.h"

enum { TELL_US = 1000000 };

/* A silence for so long ends it: a rival's interval may be longer than ours. */
#define QUIET_LEAST_US 5000000ull

bool auth_watch_minds(enum vrrp_drop why)
{
	return auth_watch_text(why)[0] != '\0';
}

static uint64_t quiet_us(uint64_t down_us)
{
	return 2 * down_us > QUIET_LEAST_US ? 2 * down_us : QUIET_LEAST_US;
}

bool auth_watch_failed(struct auth_watch *w, const struct ip_addr *src, enum vrrp_drop why, uint64_t now_us,
		       uint64_t down_us)
{
	if (!w->seen || now_us - w->last_us > quiet_us(down_us))
		*w = (struct auth_watch){ .seen = true, .first_us = now_us };
	w->last_us = now_us;
	if (now_us - w->first_us <= down_us)
		return false;
	/* Whoever floods us under many names must not make us write each of them down. */
	if (w->told_us && now_us - w->told_us < TELL_US)
		return false;
	w->src = *src;
	w->why = why;
	w->told_us = now_us;
	return true;
}

uint64_t auth_watch_end_us(const struct auth_watch *w, uint64_t down_us)
{
	return w->last_us + quiet_us(down_us);
}

const char *auth_watch_text(enum vrrp_drop why)
{
	switch (why) {
	case VRRP_DROP_AUTH_INVALID:
	case VRRP_DROP_AUTH_MISMATCH:
		return "it authenticates in another way than we do (auth_type)";
	case VRRP_DROP_AUTH_FAILURE:
		return "its password is not ours (auth_pass)";
	case VRRP_DROP_EXT_MALFORMED:
		return "its trailer is not one of auth_hmac";
	case VRRP_DROP_EXT_STALE:
		return "its clock and ours differ by more than time_window (is NTP running on both hosts?)";
	case VRRP_DROP_EXT_UNKNOWN_KEY:
		return "it signs with a key id that we do not have";
	case VRRP_DROP_EXT_INVALID_HMAC:
		return "it signs with another key than ours";
	case VRRP_DROP_EXT_REPLAY:
		return "its adverts are old ones sent again, or its clock was set back";
	case VRRP_DROP_EXT_MISSING:
		return "it does not sign, and our auth_hmac mode is enforce";
	case VRRP_OK:
	case VRRP_DROP_LENGTH:
	case VRRP_DROP_VRID:
	case VRRP_DROP_PROTOCOL:
	case VRRP_DROP_TTL:
	case VRRP_DROP_VERSION:
	case VRRP_DROP_TYPE:
	case VRRP_DROP_INTERVAL:
	case VRRP_DROP_INTERVAL_ZERO:
	case VRRP_DROP_CHECKSUM:
	case VRRP_DROP_CAST:
	case VRRP_DROP_OWN_SRC:
	case VRRP_DROP_COUNT_ZERO:
	case VRRP_DROP_UNKNOWN_PEER:
	case _VRRP_DROP_MAX_:
		break;
	}
	return "";
}
