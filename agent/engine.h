/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps the addresses: VRRP, checks, control socket, wired together and run until the supervisor ends it. */
#pragma once

/* With this argument alone the program is an engine. For the supervisor, which also gives it the descriptors of
 * engine_link.h; the configuration comes in the bundle, with notes that say the rest. */
#define ENGINE_ARGUMENT "--engine"

/* The notes. */
#define ENGINE_NOTE_FILE      "file"
#define ENGINE_NOTE_CONFIG_ID "config_id" /* may be missing */
#define ENGINE_NOTE_CONSOLE   "console"   /* these three if so */
#define ENGINE_NOTE_DETAIL    "detail"
#define ENGINE_NOTE_OBSERVE   "observe"
#define ENGINE_NOTE_RESTARTS  "restarts" /* how many engines there were before */

/* What is wrong where the configuration names no engine_user and the host has none for us, and what to do. */
#define ENGINE_NO_USER                                                                                              \
	"there is no user sqlvip on this host: the engine keeps user id 0, though without root's rights but "       \
	"CAP_NET_ADMIN and CAP_NET_RAW; make the user (systemd-sysusers, or useradd --system --user-group --shell " \
	"/usr/sbin/nologin sqlvip) and restart, or name another (engine_user in global_defs)"

/* Runs until it is told to stop. Returns an exit code. */
int engine_main(void);
