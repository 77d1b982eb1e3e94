/* SPDX-License-Identifier: Apache-2.0 */
/* One look at every configured address, one release for each instance, with the connections on it reset. Does nothing
 * while an agent runs: then the addresses are its own business. */
#include "agent/sweep.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/control.h"
#include "agent/load.h"
#include "agent/vip.h"

#include <errno.h>

enum { RESET_BUDGET_US = 20000 };

struct sweep {
	struct conf *conf;
	sd_event *loop;
	struct netif *netif;
	size_t pending; /* releases under way */
	int error;
};

static void sweep_done(struct sweep *d)
{
	netif_free(d->netif);
	sd_event_unref(d->loop);
	conf_free(d->conf);
}

static void cleaned(void *user, const struct netif_result *r)
{
	struct sweep *d = user;

	if (r->error < 0) {
		log_error("%zu addresses could not be removed: %s", r->failed, strerror(-r->error));
		d->error = r->error;
	}
	if (--d->pending == 0)
		sd_event_exit(d->loop, 0);
}

static int sweep_instance(struct sweep *d, const struct conf_instance *ci)
{
	_cleanup_(freep) struct netif_addr *left = calloc(ci->n_vips + 1, sizeof(*left));
	size_t n = 0;
	int r;

	for (size_t i = 0; left && i < ci->n_vips; i++) {
		const struct conf_vip *vip = &ci->vips[i];
		const struct netif_link *link = netif_link_by_name(d->netif, vip->dev[0] ? vip->dev : ci->interface);

		if (link && netif_presence(d->netif, link->ifindex, &vip->prefix) != NETIF_ABSENT)
			left[n++] = vip_addr(vip, link->ifindex);
	}
	if (left && n == 0)
		return 0;
	log_notice("%s: removing %zu address%s", ci->name, n, n == 1 ? "" : "es");
	r = left ? netif_release(d->netif, left, n, RESET_BUDGET_US, cleaned, d) : -ENOMEM;
	d->pending += r >= 0;
	return r;
}

int sweep_main(const struct options *opt)
{
	struct sweep sweep = { 0 }, *d = &sweep;
	const struct netif_events none = { 0 };
	int r = load_conf(opt, &d->conf);

	if (r < 0)
		return exit_code_of(r);
	if (control_is_served(d->conf->control_socket)) {
		log_warn("a sqlvipd runs and serves %s: its addresses are left to it", d->conf->control_socket);
		sweep_done(d);
		return EXIT_OK;
	}
	r = sd_event_new(&d->loop);
	if (r >= 0)
		r = netif_new(d->loop, &none, &d->netif);
	for (size_t i = 0; r >= 0 && i < d->conf->n_instances; i++)
		d->error = sweep_instance(d, &d->conf->instances[i]) ?: d->error;
	if (r >= 0 && d->pending > 0)
		r = sd_event_loop(d->loop);
	if (r >= 0)
		r = d->error;
	if (r < 0)
		log_error("cannot clean up: %s", strerror(-r));
	sweep_done(d);
	return exit_code_of(r == -EINVAL ? -EIO : r); /* EINVAL would mean the configuration */
}
