/* SPDX-License-Identifier: Apache-2.0 */
/* A connect() below libmariadb: does anybody listen? The library cannot tell a full backlog from a crash (it turns
 * EAGAIN into error 2013); the kernel can. */
#pragma once

#include "checks/check.h"
#include "checks/mysql.h"
#include "checks/mysql_rules.h"

struct raw_check {
	int fd; /* of a TCP connect under way, else -1 */
};

void raw_init(struct raw_check *r);

/* PROBE_RAW_PENDING over TCP: wait for EPOLLOUT on `fd`, then raw_resume(). A check under way is dropped. */
enum probe_raw raw_start(struct raw_check *r, const struct mysql_conf *conf);
enum probe_raw raw_resume(struct raw_check *r);
void raw_drop(struct raw_check *r);

/* Fills `ret` for connect(). Returns its length, 0 for an address that does not fit. */
unsigned raw_sockaddr(const struct mysql_conf *conf, struct sockaddr_storage *ret);
