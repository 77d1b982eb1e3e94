/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that lack nothing but what a test puts into them, and files for them to refer to. Include after
 * "test/unit/unit.h"; run the group from scratch_enter() to scratch_leave() where there are files. */
#pragma once

#include "test/unit/conf_fixture.h"
#include "test/unit/scratch.h"

/* An instance that lacks nothing; `more` goes into it, `before` before it. */
#define INSTANCE(more) \
	"vrrp_instance V {\n interface eth0\n virtual_router_id 51\n" more " virtual_ipaddress {\n 10.0.0.1\n }\n}\n"
#define INSTANCE_AT  "f.conf:4: " /* where `more` begins */
#define MYSQL(more)  "vrrp_mysql m {\n socket /s\n user u\n" more "}\n" INSTANCE(" track_mysql {\n m\n }\n")
#define SCRIPT(more) "vrrp_script s {\n script /x\n" more "}\n" INSTANCE(" track_script {\n s\n }\n")
#define GLOBAL(more) "global_defs {\n" more "}\n" INSTANCE("")
#define VIP(line)    "vrrp_instance V {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n " line "\n }\n}\n"
