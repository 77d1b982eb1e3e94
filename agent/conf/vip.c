/* SPDX-License-Identifier: Apache-2.0 */
/* virtual_ipaddress and virtual_ipaddress_excluded: one address line after another, as in keepalived.conf(5). Whether
 * two instances claim the same address is check.c's question. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"
#include "agent/netif/netif.h"

#include <linux/rtnetlink.h>

static const struct {
	const char *name;
	uint8_t scope;
} scopes[] = {
	{ "global", RT_SCOPE_UNIVERSE }, { "site", RT_SCOPE_SITE },       { "link", RT_SCOPE_LINK },
	{ "host", RT_SCOPE_HOST },       { "nowhere", RT_SCOPE_NOWHERE },
};

const char *conf_scope_name(uint8_t scope)
{
	for (size_t i = 0; i < ELEMENTSOF(scopes); i++) {
		if (scopes[i].scope == scope)
			return scopes[i].name;
	}
	return NULL;
}

static const struct {
	const char *name;
	uint32_t flag;
	bool ipv6; /* only */
} flags[] = {
	{ "home", IFA_F_HOMEADDRESS, true },
	{ "mngtmpaddr", IFA_F_MANAGETEMPADDR, true },
	{ "noprefixroute", IFA_F_NOPREFIXROUTE, false },
};

const char *conf_flag_name(size_t i)
{
	return i < ELEMENTSOF(flags) ? flags[i].name : NULL;
}

uint32_t conf_flag(size_t i)
{
	return flags[i].flag;
}

/* One line being read. */
struct line {
	struct conf_ctx *x;
	const char *keyword; /* of the list */
	const struct conf_where *where;
	struct conf_vip *vip;
	bool len_given;
};

static bool is_ipv6(const struct line *l)
{
	return l->vip->prefix.addr.family == AF_INET6;
}

static bool only_for(const struct line *l, const char *word, sa_family_t family)
{
	if (l->vip->prefix.addr.family == family)
		return true;
	conf_error(l->x->f, l->where, "%s: is for %s addresses only", word, family == AF_INET ? "IPv4" : "IPv6");
	return false;
}

static bool take_scope(const struct line *l, const char *text)
{
	int64_t n;

	for (size_t i = 0; i < ELEMENTSOF(scopes); i++) {
		if (strcmp(text, scopes[i].name) == 0) {
			l->vip->scope = scopes[i].scope;
			return true;
		}
	}
	if (text[0] < '0' || text[0] > '9') {
		conf_error(l->x->f, l->where, "scope: \"%.64s\" is none of global, site, link, host, nowhere, 0..255",
			   text);
		return false;
	}
	if (!conf_parse_int(l->x, l->where, "scope", text, 0, 255, &n))
		return false;
	l->vip->scope = (uint8_t)n;
	return true;
}

/* `+` sets all host bits, `-` clears them. */
static bool take_broadcast(const struct line *l, const char *text)
{
	uint32_t host_bits = (uint32_t)((1ull << (32 - l->vip->prefix.len)) - 1);
	uint32_t addr;
	struct ip_addr brd;

	if (strcmp(text, "+") == 0 || strcmp(text, "-") == 0) {
		if (l->vip->prefix.len > 30) {
			conf_error(l->x->f, l->where, "brd %s: an address with /%u has no broadcast address", text,
				   l->vip->prefix.len);
			return false;
		}
		memcpy(&addr, l->vip->prefix.addr.bytes, sizeof(addr));
		addr = ntohl(addr) & ~host_bits;
		l->vip->brd.s_addr = htonl(*text == '+' ? addr | host_bits : addr);
		return true;
	}
	if (!ip_parse(text, &brd) || brd.family != AF_INET) {
		conf_error(l->x->f, l->where, "brd: \"%.64s\" is none of +, -, or an IPv4 address", text);
		return false;
	}
	memcpy(&l->vip->brd, brd.bytes, sizeof(l->vip->brd));
	return true;
}

static bool take_label(const struct line *l, const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n >= IFNAMSIZ || strpbrk(text, " \t")) {
		conf_error(l->x->f, l->where, "label: \"%.64s\" must be 1..%d characters without blanks", text,
			   IFNAMSIZ - 1);
		return false;
	}
	if (!conf_check_string(l->x, l->where, "label", text))
		return false;
	memset(l->vip->label, 0, sizeof(l->vip->label));
	memcpy(l->vip->label, text, n);
	return true;
}

static bool take_preferred(const struct line *l, const char *text)
{
	int64_t n = UINT32_MAX;

	if (strcmp(text, "forever") != 0 &&
	    !conf_parse_int(l->x, l->where, "preferred_lft", text, 0, UINT32_MAX - 1ll, &n))
		return false;
	l->vip->has_preferred = true;
	l->vip->preferred_s = (uint32_t)n;
	return true;
}

/* A numeric address up to a slash; what follows is left in `*rest`. */
static bool split_address(const char *text, struct ip_addr *ret, const char **rest)
{
	char copy[IP_STR_MAX];
	size_t n = strcspn(text, "/");

	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	*rest = text + n;
	return ip_parse(copy, ret);
}

/* The prefix length is the other end's, and may stand with either. */
static bool take_peer(const struct line *l, const char *text)
{
	struct ip_prefix *p = &l->vip->prefix;
	int64_t len = p->len;
	const char *rest;

	if (!split_address(text, &l->vip->peer, &rest) || l->vip->peer.family != p->addr.family ||
	    ip_equal(&l->vip->peer, &p->addr)) {
		conf_error(l->x->f, l->where, "peer: \"%.64s\" is not another %s address", text,
			   is_ipv6(l) ? "IPv6" : "IPv4");
		return false;
	}
	if (!*rest)
		return true;
	if (l->len_given) {
		conf_error(l->x->f, l->where, "peer: \"%.64s\": the prefix length stands with the address already",
			   text);
		return false;
	}
	if (!conf_parse_int(l->x, l->where, "prefix length", rest + 1, 1, is_ipv6(l) ? 128 : 32, &len))
		return false;
	p->len = (uint8_t)len;
	return true;
}

static const struct option {
	const char *word;
	bool (*take)(const struct line *l, const char *value);
	sa_family_t family; /* AF_UNSPEC: both */
} options[] = {
	{ "brd", take_broadcast, AF_INET },
	{ "broadcast", take_broadcast, AF_INET },
	{ "scope", take_scope, AF_INET },
	{ "label", take_label, AF_INET },
	{ "preferred_lft", take_preferred, AF_INET6 },
	{ "peer", take_peer, AF_UNSPEC },
};

static const char *const alone[] = { "dev", "no_track", "-nodad" };
static const char *const unserved[] = { "use_vmac", "track_group", NULL };

static bool one_of(const char *const *list, const char *word)
{
	while (*list && strcmp(*list, word) != 0)
		list++;
	return *list;
}

static const char *option_at(const void *user, size_t i)
{
	(void)user;
	if (i < ELEMENTSOF(options))
		return options[i].word;
	i -= ELEMENTSOF(options);
	if (i < ELEMENTSOF(alone))
		return alone[i];
	return conf_flag_name(i - ELEMENTSOF(alone));
}

static void report_option(const struct line *l, const char *word)
{
	const char *near = conf_nearest(word, option_at, NULL);

	if (strcmp(word, "autojoin") == 0)
		conf_error(l->x->f, l->where, "autojoin: the kernel takes it for multicast addresses only");
	else if (one_of(unserved, word))
		conf_error(l->x->f, l->where, "%s: not supported by this version", word);
	else
		conf_error(l->x->f, l->where, "\"%.64s\" is no option of an address (one address per line)%s%s%s", word,
			   near ? "; do you mean " : "", near ? near : "", near ? "?" : "");
}

/* A word that takes no value. */
static bool take_flag(const struct line *l, const char *word, bool *known)
{
	*known = true;
	if (strcmp(word, "no_track") == 0) {
		l->vip->no_track = true;
		return true;
	}
	if (strcmp(word, "-nodad") == 0) {
		l->vip->dad = true;
		return only_for(l, word, AF_INET6);
	}
	for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
		if (strcmp(word, flags[i].name) != 0)
			continue;
		l->vip->flags |= flags[i].flag;
		return !flags[i].ipv6 || only_for(l, word, AF_INET6);
	}
	*known = false;
	return true;
}

/* The number of words used, 0 if something was wrong (reported). */
static size_t take_option(const struct line *l, char *const *w, size_t n)
{
	const struct option *o = NULL;
	bool known, good = take_flag(l, w[0], &known);

	if (known)
		return good;
	for (size_t i = 0; i < ELEMENTSOF(options) && !o; i++)
		if (strcmp(w[0], options[i].word) == 0)
			o = &options[i];
	if (!o && strcmp(w[0], "dev") != 0) {
		report_option(l, w[0]);
		return 0;
	}
	if (n < 2) {
		conf_error(l->x->f, l->where, "%s: a value is missing", w[0]);
		return 0;
	}
	if (!o)
		return conf_parse_ifname(l->x, l->where, w[0], w[1], l->vip->dev) ? 2 : 0;
	if (o->family != AF_UNSPEC && !only_for(l, w[0], o->family))
		return 0;
	return o->take(l, w[1]) ? 2 : 0;
}

static bool take_options(const struct line *l, char *const *w, size_t n)
{
	for (size_t i = 0, used; i < n; i += used) {
		used = take_option(l, w + i, n - i);
		if (used == 0)
			return false;
	}
	if (l->vip->brd.s_addr && ip_is_set(&l->vip->peer)) {
		conf_error(l->x->f, l->where, "peer: a point-to-point address has no brd");
		return false;
	}
	if ((l->vip->flags & IFA_F_MANAGETEMPADDR) && l->vip->prefix.len != 64) {
		conf_error(l->x->f, l->where, "mngtmpaddr: needs a prefix length of 64");
		return false;
	}
	return true;
}

static bool is_of_a_host(const struct ip_addr *a)
{
	static const uint8_t none[15], mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *b = a->bytes;

	if (a->family == AF_INET)
		return b[0] != 0 && b[0] != 127 && b[0] < 224;
	return b[0] != 0xff && memcmp(b, mapped, sizeof(mapped)) != 0 &&
	       (memcmp(b, none, sizeof(none)) != 0 || b[15] > 1);
}

/* ADDR[/LEN] */
static bool take_address(struct line *l, const char *text)
{
	struct ip_prefix *p = &l->vip->prefix;
	int64_t len, max;
	const char *rest;
	char copy[IP_STR_MAX];

	if (!split_address(text, &p->addr, &rest)) {
		conf_error(l->x->f, l->where, "%s: \"%.64s\" is not an IP address", l->keyword, text);
		return false;
	}
	if (!is_of_a_host(&p->addr)) {
		conf_error(l->x->f, l->where, "%s: %s is no address of a host (%s)", l->keyword,
			   ip_format(&p->addr, copy),
			   is_ipv6(l) ? "::, ::1, ff00::/8, ::ffff:0:0/96" : "0/8, 127/8, 224/3");
		return false;
	}
	len = max = is_ipv6(l) ? 128 : 32;
	l->len_given = *rest;
	if (*rest && !conf_parse_int(l->x, l->where, "prefix length", rest + 1, 1, max, &len))
		return false;
	p->len = (uint8_t)len;
	return true;
}

static void parse_list(struct conf_ctx *x, const struct conf_arg *a, unsigned max, struct conf_vip **vips,
		       size_t *n_vips)
{
	unsigned n = (unsigned)config_setting_length(a->setting);

	if (n > max) {
		conf_error(x->f, &a->where, "%s: %u addresses; %s %u", a->key->name, n,
			   max == VRRP_ADDRS_MAX
				   ? "virtual_ipaddress_excluded takes those beyond what an advertisement holds,"
				   : "at most",
			   max);
		n = max;
	}
	*vips = conf_pool_array(x->pool, n + 1, sizeof(**vips));
	*n_vips = 0;
	for (unsigned k = 0; k < n; k++) {
		const config_setting_t *s = config_setting_get_elem(a->setting, k);
		struct conf_vip vip = { .where = conf_where_of(x, s) };
		struct line l = { .x = x, .keyword = a->key->name, .where = &vip.where, .vip = &vip };
		struct conf_words w;

		if (conf_entry_words(x, a->key->name, s, &w) && take_address(&l, w.w[0]) &&
		    take_options(&l, w.w + 1, w.n - 1))
			(*vips)[(*n_vips)++] = vip;
	}
}

void conf_parse_vips(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;

	parse_list(x, a, VRRP_ADDRS_MAX, &d->listed, &d->n_listed);
	d->listed_wrong = d->n_listed < (size_t)config_setting_length(a->setting);
}

void conf_parse_excluded(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_draft *d = obj;

	parse_list(x, a, KS_ELEMENTS_MAX, &d->excluded, &d->n_excluded);
}

void conf_complete_vips(struct conf_ctx *x, struct conf_draft *d, const struct conf_frame *frame)
{
	const struct conf_where *listed = conf_given(frame, "virtual_ipaddress");
	const struct conf_where *none = conf_given(frame, "no_virtual_ipaddress");
	struct conf_instance *i = &d->i;

	if (!listed && !d->no_vips)
		conf_error(x->f, &i->where, "vrrp_instance %s: virtual_ipaddress is missing", i->name);
	else if (!d->no_vips && d->n_listed == 0 && !d->listed_wrong)
		conf_error(x->f, listed,
			   "virtual_ipaddress: is empty; write an address in each line, such as "
			   "192.168.1.100/24");
	if (d->no_vips && listed)
		conf_error(x->f, none, "no_virtual_ipaddress: virtual_ipaddress is given, too");
	i->n_advertised = d->n_listed;
	i->n_vips = d->n_listed + d->n_excluded;
	i->vips = conf_pool_array(x->pool, i->n_vips + 1, sizeof(*i->vips));
	if (d->n_listed > 0)
		memcpy(i->vips, d->listed, d->n_listed * sizeof(*i->vips));
	if (d->n_excluded > 0)
		memcpy(i->vips + d->n_listed, d->excluded, d->n_excluded * sizeof(*i->vips));
	for (size_t k = 0; k < i->n_vips; k++) {
		if (strcmp(i->vips[k].dev, i->interface) == 0)
			i->vips[k].dev[0] = '\0';
	}
}
