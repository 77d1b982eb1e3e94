/* SPDX-License-Identifier: Apache-2.0 */
/* How an instance speaks: address family, multicast group or unicast peers, source, dialect of the checksum. What
 * stands alone is judged keyword by keyword, the rest when all of the block has been read. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

static const char *family_name(sa_family_t family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

static bool is_multicast(const struct ip_addr *a)
{
	return a->family == AF_INET ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

static bool is_loopback_or_none(const struct ip_addr *a)
{
	static const uint8_t zeros[15];

	if (a->family == AF_INET)
		return a->bytes[0] == 0 || a->bytes[0] == 127 || a->bytes[0] >= 240;
	return memcmp(a->bytes, zeros, sizeof(zeros)) == 0 && a->bytes[15] <= 1;
}

/* The key's `min` is the family; AF_UNSPEC: either. */
void conf_parse_group(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct ip_addr *field = (struct ip_addr *)((char *)obj + a->key->offset);
	struct ip_addr addr;
	bool good;

	if (!conf_count_words(x, a, 1, 1))
		return;
	good = ip_parse(a->words.w[0], &addr) && is_multicast(&addr) &&
	       (a->key->min == AF_UNSPEC || addr.family == a->key->min);
	if (good)
		*field = addr;
	else
		conf_error(x->f, &a->where, "%s: \"%.64s\" is not %s", a->key->name, a->words.w[0],
			   a->key->min == AF_INET    ? "an IPv4 multicast address (224.0.0.0/4)"
			   : a->key->min == AF_INET6 ? "an IPv6 multicast address (ff00::/8)"
						     : "a multicast address (224.0.0.0/4 or ff00::/8)");
}

/* An address from which or to which adverts go. */
static bool parse_host(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text,
		       struct ip_addr *ret)
{
	struct ip_addr addr;

	if (!ip_parse(text, &addr)) {
		conf_error(x->f, where, "%s: \"%.64s\" is not an IP address", what, text);
		return false;
	}
	if (is_multicast(&addr) || is_loopback_or_none(&addr)) {
		conf_error(x->f, where, "%s: %.64s is no address of a host", what, text);
		return false;
	}
	*ret = addr;
	return true;
}

void conf_parse_source(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;

	if (conf_count_words(x, a, 1, 1))
		(void)parse_host(x, &a->where, a->key->name, a->words.w[0], &d->i.src_ip);
}

void conf_parse_old_checksum(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;

	if (!conf_count_words(x, a, 0, 1))
		return;
	d->csum_old = a->words.n == 0;
	d->csum_old_never = a->words.n > 0;
	if (a->words.n > 0 && strcmp(a->words.w[0], "never") != 0)
		conf_error(x->f, &a->where, "%s: \"%.64s\" is not never; without a value it means always", a->key->name,
			   a->words.w[0]);
}

/* --- unicast ----------------------------------------------------------------------------------------------------- */

/* ADDR [min_ttl N] [max_ttl N] */
static bool read_peer(struct conf_ctx *x, struct conf_draft *d, const struct conf_where *where,
		      const struct conf_words *w, struct vrrp_unicast_peer *p)
{
	*p = (struct vrrp_unicast_peer){ .min_ttl = 0, .max_ttl = UINT8_MAX };
	if (!parse_host(x, where, "unicast_peer", w->w[0], &p->addr))
		return false;
	for (size_t i = 1; i < w->n; i += 2) {
		bool min = strcmp(w->w[i], "min_ttl") == 0;
		int64_t n;

		if (!min && strcmp(w->w[i], "max_ttl") != 0) {
			conf_error(x->f, where,
				   "unicast_peer: \"%.64s\" is none of min_ttl, max_ttl (one address per line)",
				   w->w[i]);
			return false;
		}
		if (i + 1 == w->n) {
			conf_error(x->f, where, "unicast_peer: %s: a value is missing", w->w[i]);
			return false;
		}
		if (!conf_parse_int(x, where, w->w[i], w->w[i + 1], 0, UINT8_MAX, &n))
			return false;
		*(min ? &p->min_ttl : &p->max_ttl) = (uint8_t)n;
		d->peers_have_ranges = true;
	}
	if (p->min_ttl <= p->max_ttl)
		return true;
	conf_error(x->f, where, "unicast_peer: min_ttl %u is above max_ttl %u", p->min_ttl, p->max_ttl);
	return false;
}

void conf_parse_peers(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;
	unsigned n = (unsigned)config_setting_length(a->setting);

	d->i.peers = conf_pool_array(x->pool, n + 1, sizeof(*d->i.peers));
	d->i.n_peers = 0;
	for (unsigned k = 0; k < n && k < KS_ELEMENTS_MAX; k++) {
		const config_setting_t *s = config_setting_get_elem(a->setting, k);
		struct conf_where where = conf_where_of(x, s);
		struct vrrp_unicast_peer p;
		struct conf_words w;
		bool twice = false;

		if (!conf_entry_words(x, a->key->name, s, &w) || !read_peer(x, d, &where, &w, &p))
			continue;
		for (size_t i = 0; i < d->i.n_peers && !twice; i++)
			twice = ip_equal(&d->i.peers[i].addr, &p.addr);
		if (twice)
			conf_error(x->f, &where, "unicast_peer: %s stands here twice", w.w[0]);
		else
			d->i.peers[d->i.n_peers++] = p;
	}
}

static void complete_unicast(struct conf_ctx *x, struct conf_draft *d, const struct conf_frame *frame)
{
	static const char *const unicast_only[] = { "unicast_ttl", "check_unicast_src", "old_unicast_checksum",
						    "unicast_fault_no_peer" };
	const struct conf_where *peers = conf_given(frame, "unicast_peer"), *src = conf_given(frame, "unicast_src_ip");
	struct conf_instance *i = &d->i;

	i->unicast = peers || src;
	i->check_unicast_src |= d->peers_have_ranges;
	if (src && conf_given(frame, "mcast_src_ip"))
		conf_error(x->f, src, "unicast_src_ip: mcast_src_ip is given, too");
	if (i->unicast && i->n_peers == 0 && !i->unicast_fault_no_peer && x->f->errors == 0)
		conf_warn(x->f, peers ?: src,
			  "vrrp_instance %s: unicast without unicast_peer: nobody is told, so that every host that is "
			  "configured like this takes the addresses; unicast_fault_no_peer would prevent it",
			  i->name);
	for (size_t k = 0; k < ELEMENTSOF(unicast_only) && !i->unicast; k++)
		if (conf_given(frame, unicast_only[k]))
			conf_warn(x->f, conf_given(frame, unicast_only[k]),
				  "%s: is for unicast, and there is no unicast_peer; ignored", unicast_only[k]);
	if (i->unicast)
		return;
	i->unicast_ttl = VRRP_TTL;
	i->check_unicast_src = i->unicast_fault_no_peer = false;
	d->csum_old = d->csum_old_never = false;
}

/* --- the whole block --------------------------------------------------------------------------------------------- */

/* keepalived.conf(5): that of the first address of the block, wherever it stands. */
static sa_family_t find_family(const struct conf_draft *d)
{
	if (d->n_listed > 0)
		return d->listed[0].prefix.addr.family;
	if (d->i.n_peers > 0)
		return d->i.peers[0].addr.family;
	if (ip_is_set(&d->i.src_ip))
		return d->i.src_ip.family;
	return d->native_ipv6 ? AF_INET6 : AF_INET;
}

static void check_families(struct conf_ctx *x, const struct conf_draft *d, const struct conf_frame *frame)
{
	const struct conf_instance *i = &d->i;
	const char *ours = family_name(i->family);
	char text[IP_STR_MAX];

	for (size_t k = 0; k < d->n_listed; k++)
		if (d->listed[k].prefix.addr.family != i->family)
			conf_error(x->f, &d->listed[k].where,
				   "virtual_ipaddress: %s: the first address is %s, and all must be; use "
				   "virtual_ipaddress_excluded, or an instance of its own",
				   ip_format(&d->listed[k].prefix.addr, text), ours);
	if (ip_is_set(&i->src_ip) && i->src_ip.family != i->family)
		conf_error(x->f, conf_given(frame, "unicast_src_ip") ?: conf_given(frame, "mcast_src_ip"),
			   "%s: %s: the instance is %s", i->unicast ? "unicast_src_ip" : "mcast_src_ip",
			   ip_format(&i->src_ip, text), ours);
	for (size_t k = 0; k < i->n_peers; k++)
		if (i->peers[k].addr.family != i->family)
			conf_error(x->f, conf_given(frame, "unicast_peer"), "unicast_peer: %s: the instance is %s",
				   ip_format(&i->peers[k].addr, text), ours);
	for (size_t k = 0; k < i->n_peers; k++)
		if (ip_equal(&i->peers[k].addr, &i->src_ip))
			conf_error(x->f, conf_given(frame, "unicast_peer"),
				   "unicast_peer: %s is unicast_src_ip, too, and so ourselves",
				   ip_format(&i->src_ip, text));
	if (ip_is_set(&i->group) && i->group.family != i->family)
		conf_error(x->f, conf_given(frame, "mcast_dst_ip"), "mcast_dst_ip: %s: the instance is %s",
			   ip_format(&i->group, text), ours);
	if (d->native_ipv6 && i->family == AF_INET)
		conf_error(x->f, conf_given(frame, "native_ipv6"), "native_ipv6: the addresses are IPv4");
}

static void complete_csum(struct conf_ctx *x, struct conf_draft *d, const struct conf_frame *frame)
{
	const struct conf_where *old = conf_given(frame, "old_unicast_checksum");
	struct conf_instance *i = &d->i;
	bool dialects = i->version == 3 && i->family == AF_INET;

	i->csum = d->csum_plain ? VRRP_CSUM_PLAIN : VRRP_CSUM_PSEUDO;
	i->csum_group_refused = d->csum_old_never;
	if (d->csum_old && d->csum_plain && conf_given(frame, "v3_checksum_as_v2"))
		conf_error(x->f, old, "old_unicast_checksum: contradicts v3_checksum_as_v2");
	else if (d->csum_old)
		i->csum = VRRP_CSUM_GROUP;
	i->csum_group_learned = i->unicast && i->csum == VRRP_CSUM_PSEUDO && !i->csum_group_refused;
	if (old && i->unicast && !dialects)
		conf_warn(x->f, old, "old_unicast_checksum: only version 3 over IPv4 has it; of no effect");
}

void conf_complete_wire(struct conf_ctx *x, struct conf_draft *d, const struct conf_frame *frame)
{
	const struct conf_where *version = conf_given(frame, "version");
	struct conf_instance *i = &d->i;

	i->family = find_family(d);
	if (i->family == AF_INET6 && version && i->version == 2)
		conf_error(x->f, version, "version: 2 has no IPv6 (RFC 3768); use version 3");
	if (i->family == AF_INET6)
		i->version = 3;
	complete_unicast(x, d, frame);
	check_families(x, d, frame);
	complete_csum(x, d, frame);
	if (!ip_is_set(&i->group))
		i->group = i->family == AF_INET ? x->g.group4 : x->g.group6;
}
