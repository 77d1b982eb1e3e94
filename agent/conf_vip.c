/* SPDX-License-Identifier: Apache-2.0 */
/* virtual_ipaddress: one address line after another, as in keepalived.conf(5). Whether two instances claim the same
 * address is conf_check.c's question. */
#include "agent/conf_internal.h"

#include "agent/base/cleanup.h"

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

/* One line being read. */
struct line {
	struct conf_ctx *x;
	const struct conf_where *where;
	struct conf_vip *vip;
};

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

static const char *const with_value[] = { "dev", "brd", "broadcast", "scope", "label", NULL };
static const char *const unserved[] = { "peer",   "home",          "mngtmpaddr", "noprefixroute", "autojoin",
					"-nodad", "preferred_lft", "use_vmac",   "track_group",   NULL };

static bool one_of(const char *const *list, const char *word)
{
	while (*list && strcmp(*list, word) != 0)
		list++;
	return *list;
}

static const char *option_at(const void *user, size_t i)
{
	(void)user;
	return i < ELEMENTSOF(with_value) - 1 ? with_value[i] : i == ELEMENTSOF(with_value) - 1 ? "no_track" : NULL;
}

static bool take_option(const struct line *l, const char *word, const char *value)
{
	if (strcmp(word, "dev") == 0)
		return conf_parse_ifname(l->x, l->where, word, value, l->vip->dev);
	if (strcmp(word, "scope") == 0)
		return take_scope(l, value);
	if (strcmp(word, "label") == 0)
		return take_label(l, value);
	return take_broadcast(l, value);
}

static bool take_options(const struct line *l, char *const *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *near;

		if (strcmp(w[i], "no_track") == 0) {
			l->vip->no_track = true;
		} else if (one_of(with_value, w[i])) {
			if (i + 1 == n) {
				conf_error(l->x->f, l->where, "%s: a value is missing", w[i]);
				return false;
			}
			if (!take_option(l, w[i], w[i + 1]))
				return false;
			i++;
		} else if (one_of(unserved, w[i])) {
			conf_error(l->x->f, l->where, "%s: not supported by this version", w[i]);
			return false;
		} else {
			near = conf_nearest(w[i], option_at, NULL);
			conf_error(l->x->f, l->where,
				   "\"%.64s\" is no option of an address (one address per line)%s%s%s", w[i],
				   near ? "; do you mean " : "", near ? near : "", near ? "?" : "");
			return false;
		}
	}
	return true;
}

/* ADDR[/LEN] */
static bool take_address(const struct line *l, const char *text)
{
	char copy[IP_STR_MAX];
	size_t n = strcspn(text, "/");
	struct ip_prefix *p = &l->vip->prefix;
	int64_t len = 32;
	bool good = n < sizeof(copy);

	if (good) {
		memcpy(copy, text, n);
		copy[n] = '\0';
		good = ip_parse(copy, &p->addr);
	}
	if (!good) {
		conf_error(l->x->f, l->where, "virtual_ipaddress: \"%.64s\" is not an IPv4 address", text);
		return false;
	}
	if (p->addr.family == AF_INET6) {
		conf_error(l->x->f, l->where, "virtual_ipaddress: %.64s: IPv6 is not supported by this version", text);
		return false;
	}
	if (p->addr.bytes[0] == 0 || p->addr.bytes[0] == 127 || p->addr.bytes[0] >= 224) {
		conf_error(l->x->f, l->where, "virtual_ipaddress: %s is no address of a host (0/8, 127/8, 224/3)",
			   copy);
		return false;
	}
	if (text[n] && !conf_parse_int(l->x, l->where, "prefix length", text + n + 1, 1, 32, &len))
		return false;
	p->len = (uint8_t)len;
	return true;
}

void conf_parse_vips(struct conf_ctx *x, const struct conf_arg *a, void *obj)
{
	struct conf_instance *i = &((struct conf_draft *)obj)->i;
	unsigned n = (unsigned)config_setting_length(a->setting);

	if (n > VRRP_ADDRS_MAX) {
		conf_error(x->f, &a->where, "virtual_ipaddress: %u addresses; an advertisement holds %d", n,
			   VRRP_ADDRS_MAX);
		n = VRRP_ADDRS_MAX;
	}
	i->vips = conf_pool_array(x->pool, n + 1, sizeof(*i->vips));
	for (unsigned k = 0; k < n; k++) {
		const config_setting_t *s = config_setting_get_elem(a->setting, k);
		struct conf_vip vip = { .where = conf_where_of(x, s) };
		struct line l = { .x = x, .where = &vip.where, .vip = &vip };
		struct conf_words w;

		if (conf_entry_words(x, a->key->name, s, &w) && take_address(&l, w.w[0]) &&
		    take_options(&l, w.w + 1, w.n - 1))
			i->vips[i->n_vips++] = vip;
	}
}
