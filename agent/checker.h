/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the configured checks: probes of mysqld through the contract of checks/check.h, scripts through
 * agent/process/exec. Each object is checked once, however many instances track it; only scripts that somebody tracks
 * are run. Outcomes are counted by checks/health; a change of health is reported at once. */
#pragma once

#include "agent/conf/conf.h"
#include "checks/check.h"

#include <jansson.h>
#include <systemd/sd-event.h>

struct checker;

struct checker_state {
	bool reported; /* an outcome has been counted */
	bool up;
	/* It came with a reload and has not reported yet: for the time that a report takes at most, it is held against
	 * nobody who runs. */
	bool fresh;
	const char *reason; /* why; valid until the loop runs again */
};

/* `changed` is called when the health of any object changed. `conf` is borrowed until the next
 * checker_exchange(). 0 or -errno. */
int checker_new(sd_event *loop, const struct conf *conf, void (*changed)(void *user), void *user, struct checker **ret);
struct checker *checker_free(struct checker *c);

/* Another configuration is to come: makes what it needs, which does nothing yet. 0, or -errno: then nothing is made.
 * checker_call_off() or checker_exchange() must follow; the first does nothing if nothing is prepared. */
int checker_prepare(struct checker *c, const struct conf *conf);
void checker_call_off(struct checker *c);
/* Goes over to what was prepared. Checks are matched by name: those that go on keep their connection, health, counters
 * and runs; a server that is reached in another way is logged in to anew without being thought any worse of. Indices
 * are those of the new configuration from then on; `changed` is not called. */
void checker_exchange(struct checker *c);

/* Starts the first round; until then nothing is connected or run. */
void checker_start(struct checker *c);

struct checker_state checker_script(const struct checker *c, size_t index);
struct checker_state checker_mysql(const struct checker *c, size_t index);
/* Check `i` of that server. Reported only while the server is up: else it counts for nothing. */
struct checker_state checker_fitness(const struct checker *c, size_t mysql_index, size_t i);
/* What the probe knows: for hooks and status. Never NULL. */
const struct check_report *checker_report(const struct checker *c, size_t mysql_index);

/* An array of objects, one for each check; a new reference. */
json_t *checker_status(const struct checker *c);
