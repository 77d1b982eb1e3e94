/* SPDX-License-Identifier: Apache-2.0 */
/* The list of programs that a configuration names. Whoever asks for one may be under a stranger's control: what is not
 * said here is not run. */
#include "agent/conf/command.h"

#include "agent/base/cleanup.h"

#include <string.h>

enum { NOTIFY_WORDS = 4 };

struct wish {
	uid_t uid;
	gid_t gid;
	const char *const *argv;
	size_t n;
	const char **what;
};

/* How many words are left behind the command's; -1 if it is another command. */
static ssize_t words_left(const struct conf_command *c, const struct wish *w)
{
	size_t n = 0;

	if (!c->argv || c->uid != w->uid || c->gid != w->gid)
		return -1;
	for (; c->argv[n]; n++)
		if (n == w->n || strcmp(c->argv[n], w->argv[n]) != 0)
			return -1;
	return (ssize_t)(w->n - n);
}

static bool is(const struct conf_command *c, const struct wish *w, const char *what)
{
	if (words_left(c, w) != 0)
		return false;
	*w->what = what;
	return true;
}

static bool is_state(const char *word)
{
	static const char *const states[] = { "MASTER", "BACKUP", "FAULT", "STOP", "DELETED" };

	for (size_t i = 0; i < ELEMENTSOF(states); i++)
		if (strcmp(word, states[i]) == 0)
			return true;
	return false;
}

static bool is_priority(const char *word)
{
	size_t n = strspn(word, "0123456789");

	return n > 0 && n <= 3 && word[n] == '\0';
}

/* `notify` with its four words. */
static bool is_notify(const struct conf_command *c, const struct wish *w, const char *kind, const char *name)
{
	const char *const *word = w->argv + w->n - NOTIFY_WORDS;

	if (words_left(c, w) != NOTIFY_WORDS || strcmp(word[0], kind) != 0 || strcmp(word[1], name) != 0 ||
	    !is_state(word[2]) || !is_priority(word[3]))
		return false;
	*w->what = conf_hook_name(CONF_HOOK_ANY);
	return true;
}

static const struct conf_command *find_hook(const struct conf_command *hooks, const struct wish *w, const char *kind,
					    const char *name)
{
	if (is_notify(&hooks[CONF_HOOK_ANY], w, kind, name))
		return &hooks[CONF_HOOK_ANY];
	for (int h = 0; h < _CONF_HOOK_MAX_; h++)
		if (h != CONF_HOOK_ANY && is(&hooks[h], w, conf_hook_name((enum conf_hook)h)))
			return &hooks[h];
	return NULL;
}

static const struct conf_command *find_fifo_program(const struct conf *c, const struct wish *w)
{
	for (int i = 0; i < _CONF_FIFO_MAX_; i++) {
		const struct conf_fifo *f = &c->fifos[i];

		if (!f->path || words_left(&f->script, w) != 1 || strcmp(w->argv[w->n - 1], f->path) != 0)
			continue;
		*w->what = "notify_fifo_script";
		return &f->script;
	}
	return NULL;
}

const struct conf_command *conf_allows(const struct conf *c, uid_t uid, gid_t gid, const char *const *argv,
				       size_t n_argv, const char **what)
{
	const struct wish w = { uid, gid, argv, n_argv, what };
	const struct conf_command *found = find_fifo_program(c, &w);

	for (size_t i = 0; !found && i < c->n_scripts; i++)
		if (is(&c->scripts[i].command, &w, "vrrp_script"))
			found = &c->scripts[i].command;
	for (size_t i = 0; !found && i < c->n_instances; i++) {
		found = find_hook(c->instances[i].hooks, &w, "INSTANCE", c->instances[i].name);
		if (!found && is(&c->instances[i].pre_take, &w, "vip_pre_take"))
			found = &c->instances[i].pre_take;
	}
	if (!found && is(&c->startup.command, &w, "startup_script"))
		found = &c->startup.command;
	if (!found && is(&c->shutdown.command, &w, "shutdown_script"))
		found = &c->shutdown.command;
	for (size_t i = 0; !found && i < c->n_groups; i++)
		found = find_hook(c->groups[i].hooks, &w, "GROUP", c->groups[i].name);
	return found;
}
