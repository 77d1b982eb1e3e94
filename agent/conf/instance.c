/* SPDX-License-Identifier: Apache-2.0 */
/* vrrp_instance blocks: the keywords that need more than a table entry, what they default to, and which of them
 * contradict each other. Needs vrrp_script and vrrp_mysql to have been read: tracking refers to them by name. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

enum { LEASE_MIN_S = 2, LEASE_MAX_S = 100000 };

void conf_parse_state(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;

	if (!conf_count_words(x, a, 1, 1))
		return;
	if (strcmp(a->words.w[0], "MASTER") != 0 && strcmp(a->words.w[0], "BACKUP") != 0)
		conf_error(x->f, &a->where, "state: \"%.64s\" is neither MASTER nor BACKUP", a->words.w[0]);
	d->i.state_master = a->words.w[0][0] == 'M';
}

void conf_parse_interface(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;

	if (!conf_count_words(x, a, 1, 1) ||
	    !conf_parse_ifname(x, &a->where, a->key->name, a->words.w[0], d->i.interface))
		return;
	if (strcmp(d->i.interface, "lo") == 0)
		conf_error(x->f, &a->where, "interface: lo reaches no other host");
}

void conf_parse_version(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;
	int64_t v;

	if (conf_count_words(x, a, 1, 1) && conf_parse_int(x, &a->where, "version", a->words.w[0], 2, 3, &v))
		d->i.version = (uint8_t)v;
}

void conf_parse_advert_int(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;
	uint64_t us;

	if (conf_count_words(x, a, 1, 1) &&
	    conf_parse_time(x, &a->where, a->key->name, a->words.w[0], 10000, 255000000, &us))
		d->i.advert_us = (uint32_t)us;
}

void conf_parse_expired_backup(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;
	int64_t v = 254;

	if (conf_count_words(x, a, 0, 1) &&
	    (a->words.n == 0 || conf_parse_int(x, &a->where, a->key->name, a->words.w[0], 1, 254, &v)))
		d->i.timer_expired_backup = (uint8_t)v;
}

/* Whole seconds: the kernel's measure. */
void conf_parse_lease(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	uint32_t *field = (uint32_t *)((char *)obj + a->key->offset);
	const char *word = a->words.n > 0 ? a->words.w[0] : "";
	char *end;
	long long v = strtoll(word, &end, 10);

	if (!conf_count_words(x, a, 1, 1))
		return;
	if (strcmp(word, "auto") == 0)
		*field = CONF_LEASE_AUTO;
	else if (strcmp(word, "off") == 0)
		*field = 0;
	else if (*word >= '0' && *word <= '9' && !*end && v >= LEASE_MIN_S && v <= LEASE_MAX_S)
		*field = (uint32_t)v;
	else
		conf_error(x->f, &a->where, "vip_lease: \"%.64s\" is none of auto, off and %d..%d whole seconds", word,
			   LEASE_MIN_S, LEASE_MAX_S);
}

/* --- authentication ---------------------------------------------------------------------------------------------- */

void conf_parse_auth_type(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;

	if (!conf_count_words(x, a, 1, 1))
		return;
	d->auth_type_where = conf_keep_where(x, &a->where);
	if (strcmp(a->words.w[0], "PASS") == 0)
		d->i.auth_type = VRRP_AUTH_PASS;
	else if (strcmp(a->words.w[0], "AH") == 0)
		conf_error(x->f, &a->where, "auth_type: AH is not supported by this version; PASS is");
	else
		conf_error(x->f, &a->where, "auth_type: \"%.64s\" is not PASS", a->words.w[0]);
}

void conf_parse_auth_pass(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;

	if (!conf_count_words(x, a, 1, 1))
		return;
	d->auth_pass_where = conf_keep_where(x, &a->where);
	if (a->is_number) {
		conf_error(x->f, &a->where, "auth_pass: is text, and needs quotes");
		return;
	}
	if (!conf_check_bytes(x, &a->where, "auth_pass", a->words.w[0]))
		return;
	if (!a->words.w[0][0])
		conf_error(x->f, &a->where, "auth_pass: must not be empty");
	d->auth_pass = a->words.w[0];
}

static void complete_auth(struct conf_ctx *x, struct conf_draft *d, const struct conf_where *auth)
{
	size_t n;

	if (!auth)
		return;
	if (d->i.version == 3) {
		conf_error(
			x->f, auth,
			"authentication: version 3 has none (RFC 9568); leave it out, or use version 2 or auth_hmac");
		return;
	}
	if (!d->auth_type_where)
		conf_error(x->f, auth, "authentication: auth_type is missing (PASS)");
	if (!d->auth_pass_where)
		conf_error(x->f, auth, "authentication: auth_pass is missing");
	if (!d->auth_pass)
		return;
	n = strlen(d->auth_pass);
	if (n > VRRP_AUTH_LEN) {
		conf_warn(x->f, d->auth_pass_where, "auth_pass: only the first %d of %zu octets count", VRRP_AUTH_LEN,
			  n);
		n = VRRP_AUTH_LEN;
	}
	memcpy(d->i.auth_data, d->auth_pass, n);
}

/* --- the whole block --------------------------------------------------------------------------------------------- */

static void check_required(struct conf_ctx *x, const struct conf_instance *i, const struct conf_frame *frame)
{
	static const char *const required[] = { "interface", "virtual_router_id" };

	for (size_t k = 0; k < ELEMENTSOF(required); k++) {
		if (!conf_given(frame, required[k]))
			conf_error(x->f, &i->where, "vrrp_instance %s: %s is missing", i->name, required[k]);
	}
}

/* RFC 3768 §5.3.7: whole seconds in eight bits. RFC 9568 §5.2.7: centiseconds in twelve. */
static void check_interval(struct conf_ctx *x, const struct conf_instance *i, const struct conf_frame *frame)
{
	const struct conf_where *where = conf_given(frame, "advert_int");
	char text[CONF_TIME_STR];

	if (!where)
		return;
	conf_format_time(i->advert_us, text, sizeof(text));
	if (i->version == 2 && i->advert_us % 1000000 != 0)
		conf_error(x->f, where,
			   "advert_int: %s is not a whole number of seconds; version 2 needs 1..255, version 3 "
			   "takes 0.01..40.95",
			   text);
	if (i->version == 3 && (i->advert_us % 10000 != 0 || i->advert_us > 40950000))
		conf_error(x->f, where, "advert_int: %s is not in 0.01..40.95 in steps of 0.01, as version 3 needs",
			   text);
}

/* keepalived switches nopreempt and preempt_delay off where they contradict the rest; here nothing is switched off. */
static void check_preempt(struct conf_ctx *x, const struct conf_draft *d, const struct conf_frame *frame)
{
	const struct conf_where *delay = conf_given(frame, "preempt_delay");
	const struct conf_where *no = conf_given(frame, "nopreempt");

	if (d->i.nopreempt && d->preempt)
		conf_error(x->f, no, "nopreempt: preempt is given, too");
	if (d->i.nopreempt && d->i.state_master)
		conf_error(x->f, no, "nopreempt: contradicts `state MASTER`; use `state BACKUP` on all hosts");
	else if (d->i.nopreempt && d->i.priority == VRRP_PRIO_OWNER)
		conf_error(x->f, no, "nopreempt: contradicts priority 255; use at most 254 on all hosts");
	if (d->i.timer_expired_backup && !d->i.nopreempt)
		conf_error(x->f, conf_given(frame, "timer_expired_backup"),
			   "timer_expired_backup: needs nopreempt; without it the host would take the addresses back");
	if (d->i.preempt_delay_us > 0 && (d->i.nopreempt || d->i.state_master || d->i.priority == VRRP_PRIO_OWNER))
		conf_error(x->f, delay, "preempt_delay: means nothing with `state MASTER`, nopreempt or priority 255");
}

/* keepalived.conf(5): the owner of the addresses starts as master, and a master without a priority is the owner. */
static void complete_priority(struct conf_ctx *x, struct conf_instance *i, const struct conf_frame *frame)
{
	const struct conf_where *state = conf_given(frame, "state");

	if (i->priority == 0)
		i->priority = state && i->state_master ? VRRP_PRIO_OWNER : 100;
	if (!state)
		i->state_master = i->priority == VRRP_PRIO_OWNER;
	if (i->priority == VRRP_PRIO_OWNER && !conf_given(frame, "priority"))
		conf_warn(x->f, state,
			  "state: MASTER without priority means priority 255, the owner of the addresses, who "
			  "always preempts; give a priority of 1..254");
}

static uint64_t whole_seconds(uint64_t us)
{
	return (us + 999999) / 1000000;
}

/* It is renewed with an advert, at a third of its length: there must be three in it. A lease that is over before the
 * backups' Down would take the address off a healthy network whenever as many adverts are late as VRRP forgives. */
static void check_lease(struct conf_ctx *x, struct conf_instance *i, const struct conf_where *where)
{
	uint64_t adverts = i->down_adverts > 3 ? i->down_adverts : 3;
	uint64_t least_s = whole_seconds(adverts * i->advert_us);
	char text[CONF_TIME_STR];

	if (i->vip_lease_s > 0 && i->vip_lease_s != CONF_LEASE_AUTO && i->vip_lease_s < least_s)
		conf_error(x->f, where ? where : &i->where,
			   "vip_lease: %u s is too short for advert_int %s: a host is missed after %llu adverts; at "
			   "least %llu, or auto",
			   i->vip_lease_s, conf_format_time(i->advert_us, text, sizeof(text)),
			   (unsigned long long)adverts, (unsigned long long)least_s);
}

/* Twice the time after which a silent host is missed. The kernel's work on an IPv6 address grows with their number:
 * about a microsecond for each that there is; renewing them all may take a twentieth of the time. */
static void complete_leases(struct conf *c)
{
	uint64_t n_ipv6 = 0, ipv6_s;

	for (size_t i = 0; i < c->n_instances; i++)
		for (size_t k = 0; k < c->instances[i].n_vips; k++)
			n_ipv6 += c->instances[i].vips[k].prefix.addr.family == AF_INET6;
	ipv6_s = whole_seconds(3 * 20 * n_ipv6 * n_ipv6);
	for (size_t i = 0; i < c->n_instances; i++) {
		struct conf_instance *ci = &c->instances[i];
		uint64_t adverts = ci->down_adverts > 3 ? ci->down_adverts : 3;
		uint64_t lease_s = whole_seconds(2 * adverts * ci->advert_us);

		if (ci->vip_lease_s != CONF_LEASE_AUTO)
			continue;
		lease_s = lease_s < ipv6_s ? ipv6_s : lease_s;
		lease_s = lease_s < LEASE_MIN_S ? LEASE_MIN_S : lease_s;
		ci->vip_lease_s = lease_s > LEASE_MAX_S ? LEASE_MAX_S : (uint32_t)lease_s;
	}
}

static void read_instance(struct conf_ctx *x, config_setting_t *group, struct conf_instance *ret)
{
	const struct conf_globals *g = &x->g;
	struct conf_frame frame;
	struct conf_draft d = {
		.i = { .name = conf_named_name(x, "vrrp_instance", group),
		       .version = g->version,
		       .advert_us = 1000000,
		       .unicast_ttl = VRRP_TTL,
		       .check_unicast_src = g->check_unicast_src,
		       .skip_check_adv_addr = g->skip_check_adv_addr,
		       .down_adverts = g->down_adverts,
		       .lower_prio_no_advert = g->lower_prio_no_advert,
		       .higher_prio_send_advert = g->higher_prio_send_advert,
		       .owner_ignore_adverts = g->owner_ignore_adverts,
		       .garp = CONF_GARP_UNSET,
		       .notify_timeout_us = g->notify_timeout_us,
		       .pre_take_timeout_us = 5000000,
		       .notify_priority_changes = g->notify_priority_changes,
		       .vip_lease_s = g->vip_lease_s,
		       .where = conf_where_of(x, group) },
		.csum_plain = g->csum_plain,
	};

	conf_walk(x, &conf_instance_block, group, &d, &frame);
	conf_garp_complete(&d.i.garp, &g->garp);
	check_required(x, &d.i, &frame);
	conf_complete_vips(x, &d, &frame);
	conf_complete_wire(x, &d, &frame);
	complete_priority(x, &d.i, &frame);
	check_interval(x, &d.i, &frame);
	check_preempt(x, &d, &frame);
	check_lease(x, &d.i, conf_given(&frame, "vip_lease"));
	complete_auth(x, &d, conf_given(&frame, "authentication"));
	conf_complete_hmac(x, &d, conf_given(&frame, "auth_hmac"), conf_given(&frame, "authentication"));
	if (d.i.track_src_ip && !ip_is_set(&d.i.src_ip))
		conf_error(x->f, conf_given(&frame, "track_src_ip"),
			   "track_src_ip: there is no mcast_src_ip or unicast_src_ip whose address could be missing");
	*ret = d.i;
}

void conf_read_instances(struct conf_ctx *x, config_setting_t *root)
{
	size_t n = conf_named_count(x, root, "vrrp_instance");

	x->c->instances = conf_pool_array(x->pool, n + 1, sizeof(*x->c->instances));
	x->c->n_instances = n;
	for (size_t i = 0; i < n; i++)
		read_instance(x, conf_named_elem(root, "vrrp_instance", i), &x->c->instances[i]);
	complete_leases(x->c);
}
