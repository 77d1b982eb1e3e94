/* SPDX-License-Identifier: Apache-2.0 */
/* Does a keepalived check script watch MySQL, and how? Looks at text only. */
#pragma once

#include "agent/import/beyond.h"

#include <stdbool.h>

struct import_mysql {
	const char *how;    /* what gave it away: "mysqladmin ping"; static */
	bool process_only;  /* it asked whether a process is there, not whether it answers */
	bool stops_agent;   /* it ends keepalived itself, instead of failing */
	bool has_password;  /* one stands in the text */
	char socket[108];   /* "" if it does not say */
	char host[64];      /* a numeric address, or "" */
	char port[8];       /* "" if it does not say */
	char user[64];      /* "" if it does not say */
	char defaults[256]; /* an option file, or "" */
	struct beyond_words beyond;
};

/* `text` is a command line, or the text of a shell script. False if it does not look like a check of MySQL. */
bool import_recognise(const char *text, struct import_mysql *ret);
