/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms: what is wrong now and an operator should end, or must not forget (standby, maintenance). Shown first in
 * `sqlvipctl status`, as one list; raised and ended in log and journal. One list for the process, as the log is; only
 * the loop's thread may use it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Raises an alarm, or refreshes the text of one that is raised (silently). `id`: one word for programs, such as
 * "auth"; `instance`: an instance's or check's name, or NULL for the agent as a whole. Without memory it is in log and
 * journal only. */
void alarm_raise(const char *id, const char *instance, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Ends it; nothing if it is not raised. */
void alarm_end(const char *id, const char *instance);
/* Ends without a word those of these ids, for what is no more. An instance and checks may have the same name. */
void alarm_forget(const char *const *ids, size_t n_ids, const char *instance);
bool alarm_is_raised(const char *id, const char *instance);

/* [{"id", "instance": name or null, "text", "since_s"}], the oldest first; a new reference. */
json_t *alarm_status(void);
