/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that lack nothing but what a test puts into them, and the files of scratch.h for them to refer to. Include
 * after "test/unit/unit.h"; run the group from scratch_enter() to scratch_leave() where there are files. */
#pragma once

#include "test/unit/conf_fixture.h"
#include "test/unit/scratch.h"

#define MYSQL(more)  "vrrp_mysql m {\n socket /s\n user u\n" more "}\n" INSTANCE(" track_mysql {\n m\n }\n")
#define SCRIPT(more) "vrrp_script s {\n script /x\n" more "}\n" INSTANCE(" track_script {\n s\n }\n")
#define GLOBAL(more) "global_defs {\n" more "}\n" INSTANCE("")
#define VIP(line)    "vrrp_instance V {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n " line "\n }\n}\n"
