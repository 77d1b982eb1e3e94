/* SPDX-License-Identifier: Apache-2.0 */
/* All that an engine consists of, for those files that know all of it: engine.c has it from start to end, answers.c
 * tells of it. */
#pragma once

#include "agent/apply.h"
#include "agent/base/loop.h"
#include "agent/checker.h"
#include "agent/conf/bundle.h"
#include "agent/conf/conf.h"
#include "agent/control.h"
#include "agent/fifo.h"
#include "agent/group.h"
#include "agent/instance/instance.h"
#include "agent/links.h"
#include "agent/netif/netif.h"
#include "agent/once.h"
#include "agent/ops.h"
#include "agent/orders.h"
#include "agent/pacing.h"
#include "agent/process/engine_link.h"
#include "agent/reload.h"
#include "agent/store.h"
#include "agent/track_file.h"
#include "agent/track_proc.h"
#include "agent/wire.h"
#include "agent/worker.h"

struct daemon {
	struct conf_bundle *bundle; /* from the supervisor */
	struct engine_link *supervisor;
	struct conf *conf;  /* in effect */
	struct conf *first; /* of the start: for what a reload does not reach */
	sd_event *loop;
	struct store *store;
	struct orders *orders;
	struct netif *netif;
	struct wires *wires;
	struct loop_clock *adverts, *downs;
	struct links *links;
	struct worker *file_worker, *proc_worker; /* what hangs in one must not hold up the other */
	struct track_files *files;
	pid_t *makers; /* of tracked files, until they are tracked */
	struct track_procs *procs;
	struct checker *checker;
	struct fifos *fifos;
	struct once once; /* startup_script or shutdown_script */
	bool shutdown_done;
	struct instance **instances;
	struct groups *groups;
	int announce_socket;
	struct pacing *pacing;
	struct apply *apply;
	struct reload *reload;
	struct control *control;
	struct loop_timer stop_timer;
	struct loop_timer look_timer; /* for alarms */
	size_t unreleased;            /* instances that still hold something; while stopping */
	bool stopping, ready;
	bool observe; /* --observe */
	bool hung_up; /* SIGHUP came before we were ready */
	pid_t supervisor_pid;
	unsigned restarts; /* engines that were here before */
	uint64_t started_us, stop_us;
	char realtime[128];
};

/* Whom we run as, whatever a reload says. */
const char *engine_user(const struct daemon *d);
/* For orders of the operator, as things are now: not to be kept. */
struct ops engine_ops(struct daemon *d);
/* Looks for reasons to raise alarms, or to end some. */
void engine_look(struct daemon *d);
/* Ends with one that has no name; their user is the struct daemon. */
extern const struct control_command engine_commands[];
