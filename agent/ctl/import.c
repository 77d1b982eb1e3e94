/* SPDX-License-Identifier: Apache-2.0 */
/* sqlvipctl import: the report goes to standard output if the suggestion goes into a file, else to standard error. */
#include "agent/ctl/ctl.h"

#include "agent/base/cleanup.h"
#include "agent/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* For the owner only: it may hold auth_pass. A file that is there is not overwritten. */
static FILE *open_output(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		ctl_complain("cannot create %s: %s", path, strerror(errno));
	return f;
}

enum ctl_exit ctl_import(const struct ctl *c)
{
	_cleanup_(fclosep) FILE *file = NULL;
	int r;

	if (!c->arg) {
		ctl_complain("import: which file? See sqlvipctl --help");
		return CTL_USAGE;
	}
	if (c->json) {
		ctl_complain("import has no answer as JSON");
		return CTL_USAGE;
	}
	if (c->output && !(file = open_output(c->output)))
		return CTL_REFUSED;
	r = import_file(c->arg, c->config_id, file ? stdout : stderr, file ? file : stdout);
	if (file && fflush(file) != 0) {
		ctl_complain("cannot write %s: %s", c->output, strerror(errno));
		return CTL_REFUSED;
	}
	if (file && ftell(file) == 0) /* there was nothing to read: the next attempt may use this name again */
		unlink(c->output);
	if (r < 0)
		return CTL_REFUSED;
	if (ctl_printed() != CTL_OK)
		return CTL_REFUSED;
	return r > 0 ? CTL_INCOMPLETE : CTL_OK;
}
