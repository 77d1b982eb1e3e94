/* SPDX-License-Identifier: Apache-2.0 */
/* Takes out of a configuration whatever would act on the world. vrrp_scripts stay: they look, and are decided upon. */
#include "agent/observe.h"

#include "agent/base/cleanup.h"
#include "agent/conf/pool.h"

#include <errno.h>
#include <sys/un.h>

#define SUFFIX "-observe"

static void no_hooks(struct conf_command *hooks)
{
	for (int i = 0; i < _CONF_HOOK_MAX_; i++)
		hooks[i].argv = NULL;
}

static int own_socket(struct conf *conf)
{
	const char *path = conf->control_socket, *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	size_t head = dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
	char own[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int n = snprintf(own, sizeof(own), "%.*s" SUFFIX "%s", (int)head, path, path + head);

	if ((size_t)n >= sizeof(own))
		return -ENAMETOOLONG;
	conf->control_socket = conf_pool_strdup(conf->pool, own);
	return 0;
}

int observe_conf(struct conf *conf)
{
	for (size_t i = 0; i < conf->n_instances; i++) {
		struct conf_instance *ci = &conf->instances[i];

		no_hooks(ci->hooks);
		ci->pre_take.argv = NULL;
		ci->vip_lease_s = 0;
		ci->promote_secondaries = false;
	}
	for (size_t i = 0; i < conf->n_groups; i++)
		no_hooks(conf->groups[i].hooks);
	for (int i = 0; i < _CONF_FIFO_MAX_; i++)
		conf->fifos[i] = (struct conf_fifo){ 0 };
	for (size_t i = 0; i < conf->n_track_files; i++)
		conf->track_files[i].init = false;
	conf->startup.command.argv = NULL;
	conf->shutdown.command.argv = NULL;
	conf->realtime = false;
	return own_socket(conf);
}
