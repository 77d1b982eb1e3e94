/* SPDX-License-Identifier: Apache-2.0 */
/* What processes and servers may write about themselves: /proc/PID/stat and cmdline against patterns, and the rows of a
 * server's answer against the rules of the fitness checks. */
#include "agent/proc_match.h"
#include "agent/track_file.h"
#include "checks/fitness_rules.h"

#include <stdlib.h>
#include <string.h>

/* Cells as the rules get them: texts of the input, NULL where it says so; names from the input, or real ones. */
static void judge(const char *data, size_t size)
{
	static const char *const servers[] = { "10.11.19-MariaDB", "8.4.3", "5.7.44", "?" };
	static const char *const names[] = { "Connection_name", "Slave_IO_Running",      "Slave_SQL_Running",
					     "Master_Host",     "Seconds_Behind_Master", "Last_IO_Errno",
					     "Last_SQL_Errno",  "Last_SQL_Error",        "Slave_heartbeat_period",
					     "read_only",       "Variable_name",         "Value",
					     "MEMBER_STATE",    "MEMBER_ROLE",           "wsrep_on",
					     "Master_Log_File" };
	enum { COLS = 16, ROWS = 20 };
	const char *cells[COLS * ROWS] = { NULL };
	struct fitness_conf conf = { .has_max_lag = true, .max_lag_s = 10, .max_silence_us = 1000000 };
	struct sql_table t = { .names = names, .cells = cells };
	struct mysql_dialect d;
	struct fitness f;
	size_t n = 0;

	if (size < 4)
		return;
	conf.kind = (enum fitness_kind)((unsigned char)data[0] % _FITNESS_MAX_);
	t.n_cols = 1 + (unsigned char)data[1] % COLS;
	d = mysql_dialect_of(servers[(unsigned char)data[2] % 4]);
	for (const char *s = data + 3; s < data + size && n < COLS * ROWS; s += strlen(s) + 1)
		cells[n++] = *s == '\1' ? NULL : s;
	t.n_rows = n / t.n_cols;
	fitness_init(&f, &conf);
	for (uint64_t now_us = 1; now_us < 5000000; now_us += 2000000)
		for (const char *sql = fitness_begin(&f, &d); sql; sql = fitness_answer(&f, &t, now_us))
			if (strlen(f.reason) >= sizeof(f.reason) || strlen(f.value) >= sizeof(f.value))
				abort();
}

static void match(char *text, size_t size)
{
	char *const argv[] = { (char[]){ "x" }, (char[]){ "-a" }, NULL };
	const char *comm;
	char state;

	for (int params = PROC_PARAMS_EXACT; params <= PROC_PARAMS_PARTIAL; params++)
		for (int how = 0; how < 4; how++) {
			const struct proc_pattern p = { argv, how & 1, how & 2, (enum proc_params)params };

			(void)proc_matches(&p, text, text, size);
		}
	if (proc_parse_stat(text, &comm, &state) && strlen(comm) > size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	int32_t v;

	memcpy(text, data, size);
	text[size] = '\0';
	judge(text, size);
	(void)track_file_parse(text, &v);
	match(text, size);
	free(text);
	return 0;
}
