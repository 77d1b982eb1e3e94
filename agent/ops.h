/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator may order and ask, as control commands: standby, resume, maintenance, explain, events. Each order is
 * carried out on the instances that run now, kept for the next start, and answered with what it did. */
#pragma once

#include "agent/control.h"
#include "agent/instance/instance.h"

/* What there is at the time of the command; borrowed. */
struct ops {
	struct instance *const *instances;
	size_t n;
	const struct conf *conf;
	json_t *(*checks)(void *user); /* their status, a new reference */
	void *user;
	struct orders *orders;
	bool observe; /* there is nothing to order */
};

/* At the start: says what was ordered before and is in force still; the instances see to it themselves. */
void ops_tell(const struct ops *o);
/* {"instance": name (default: all), "force": whether to hand over though no other router has been heard}. */
void ops_standby(const struct ops *o, const json_t *request, struct control_reply *reply);
void ops_resume(const struct ops *o, const json_t *request, struct control_reply *reply);
/* {"on": bool}; without it, only says how it is. */
void ops_maintenance(const struct ops *o, const json_t *request, struct control_reply *reply);
/* {"instance": name (default: all)} -> {"instances": [see instance_explain()]}. */
void ops_explain(const struct ops *o, const json_t *request, struct control_reply *reply);
/* As journal_answer(), for names that there are or were, and with "observe": true if that is so. */
void ops_events(const struct ops *o, const json_t *request, struct control_reply *reply);
/* To be called each few seconds: alarms come and go. */
void ops_look(const struct ops *o);
/* Whether there is maintenance, for status; a new reference. */
json_t *ops_status(const struct ops *o);
