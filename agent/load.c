/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as a program starts with it: what is found in it goes to the log, with file and line. */
#include "agent/load.h"

#include "agent/base/log.h"
#include "agent/conf/bundle.h"
#include "agent/conf/report.h"
#include "agent/names.h"
#include "agent/observe.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

enum { INTERFACES_TOLD = 32 };

struct findings {
	unsigned count[CONF_ERROR + 1];
};

void load_log_finding(enum conf_level level, const struct conf_where *where, const char *text)
{
	static const int severity[] = {
		[CONF_NOTE] = LOG_NOTICE, [CONF_WARNING] = LOG_WARNING, [CONF_ERROR] = LOG_ERR
	};
	const char *word = conf_level_name(level);

	if (where && where->file && where->line)
		log_worded(severity[level], "%s:%u: %s: %s", where->file, where->line, word, text);
	else if (where && where->file)
		log_worded(severity[level], "%s: %s: %s", where->file, word, text);
	else
		log_worded(severity[level], "%s: %s", word, text);
}

static void report_finding(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	struct findings *f = user;

	f->count[level]++;
	load_log_finding(level, where, text);
}

int exit_code_of(int r)
{
	switch (-r) {
	case 0:
		return EXIT_OK;
	case EINVAL:
		return EXIT_CONFIG;
	case ENOENT:
		return EXIT_NO_CONFIG;
	case EACCES:
	case EPERM:
		return EXIT_PERMISSION;
	}
	return EXIT_FATAL;
}

int load_conf(const struct options *opt, struct conf **ret)
{
	struct findings f = { 0 };
	int r = conf_load(opt->file, opt->config_id, report_finding, &f, ret);

	if (r == 0 && opt->observe && observe_conf(*ret) < 0) {
		log_error("control_socket %s is too long to get a neighbour for --observe", (*ret)->control_socket);
		*ret = conf_free(*ret);
		return -ENAMETOOLONG;
	}

	if (r == -ENOENT)
		log_notice("sqlvip.conf(5) shows one; \"sqlvipctl import\" makes one of a keepalived.conf; -f names "
			   "another");
	if (r == -EINVAL)
		log_error("%s is not valid: %u error%s, nothing was started", opt->file, f.count[CONF_ERROR],
			  f.count[CONF_ERROR] == 1 ? "" : "s");
	if (r == -EAGAIN)
		log_error("%s cannot be judged at present: the name services of this host fail; nothing was started",
			  opt->file);
	return r;
}

/* --- what the host has ------------------------------------------------------------------------------------------- */

static void look_for_interface(struct conf_findings *f, const char *name, const struct conf_where *where,
			       const char *const *known)
{
	char text[512];

	if (*name && if_nametoindex(name) == 0)
		conf_warn(f, where, "%s", names_unknown("interface", name, known, text, sizeof(text)));
}

static void look_for_interfaces(const struct conf *c, struct conf_findings *f)
{
	struct if_nameindex *all = if_nameindex();
	const char *known[INTERFACES_TOLD + 1] = { NULL };

	for (size_t i = 0; all && all[i].if_index && i < INTERFACES_TOLD; i++)
		known[i] = all[i].if_name;
	for (size_t i = 0; i < c->n_instances; i++) {
		const struct conf_instance *inst = &c->instances[i];

		look_for_interface(f, inst->interface, &inst->where, known);
		for (size_t k = 0; k < inst->n_vips; k++)
			if (strcmp(inst->vips[k].dev, inst->interface) != 0)
				look_for_interface(f, inst->vips[k].dev, &inst->vips[k].where, known);
	}
	if (all)
		if_freenameindex(all);
}

static void log_finding(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user;
	load_log_finding(level, where, text);
}

void load_look_at_host(struct conf *c)
{
	struct conf_findings findings = conf_findings_begin(log_finding, NULL);

	look_for_interfaces(c, &findings);
	conf_look_for_programs(c, &findings);
	conf_findings_end(&findings, &(struct conf_where){ .file = c->file });
}

static void keep_quiet(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user, (void)level, (void)where, (void)text;
}

int load_bundle(const struct options *opt, bool quiet, struct conf_bundle **bundle, struct conf **ret)
{
	int r;

	*bundle = conf_bundle_new();
	if (!*bundle)
		return -ENOMEM;
	conf_bundle_record(*bundle);
	r = quiet ? conf_load(opt->file, opt->config_id, keep_quiet, NULL, ret) : load_conf(opt, ret);
	if (r == 0 && quiet && opt->observe)
		r = observe_conf(*ret);
	conf_bundle_record(NULL);
	return r;
}
