/* SPDX-License-Identifier: Apache-2.0 */
/* The effective configuration as text in keepalived grammar, defaults included, so that reading it yields the same
 * again. What is quoted needs no escapes: the reader refuses text that quotes could not hold, and command lines carry
 * their own escapes. */
#include "agent/conf/internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#define SAFE_PUNCTUATION "_./:=,+@%-"

static void put_word(FILE *out, const char *s)
{
	bool plain = isalnum((unsigned char)*s) || *s == '/' || *s == '_';

	for (const char *c = s; *c && plain; c++)
		plain = isalnum((unsigned char)*c) || strchr(SAFE_PUNCTUATION, *c);
	fprintf(out, plain ? "%s" : "\"%s\"", s);
}

static void put_string(FILE *out, const char *indent, const char *keyword, const char *s)
{
	fprintf(out, "%s%s ", indent, keyword);
	put_word(out, s);
	fputc('\n', out);
}

static void put_time(FILE *out, const char *keyword, uint64_t us)
{
	char buf[CONF_TIME_STR];

	fprintf(out, "    %s %s\n", keyword, conf_format_time(us, buf, sizeof(buf)));
}

static void put_unsigned(FILE *out, const char *keyword, unsigned v)
{
	fprintf(out, "    %s %u\n", keyword, v);
}

static void put_bool(FILE *out, const char *keyword, bool v)
{
	fprintf(out, "    %s %s\n", keyword, v ? "on" : "off");
}

static void put_weight(FILE *out, int weight, bool reverse)
{
	fprintf(out, "weight %d %s\n", weight, reverse ? "reverse" : "noreverse");
}

/* One argument as the second pass over a command line reads it: blanks need single quotes, the rest octal escapes. */
static void put_argument(FILE *out, const char *arg)
{
	bool quotes = !*arg || strchr(arg, ' ');

	if (quotes)
		fputc('\'', out);
	for (; *arg; arg++) {
		if (isalnum((unsigned char)*arg) || strchr(SAFE_PUNCTUATION, *arg) || *arg == ' ')
			fputc(*arg, out);
		else
			fprintf(out, "\\%03o", (unsigned)(unsigned char)*arg);
	}
	if (quotes)
		fputc('\'', out);
}

static void put_user(FILE *out, const char *user, const char *group)
{
	if (!user)
		return;
	fputc(' ', out);
	put_word(out, user);
	if (!group)
		return;
	fputc(' ', out);
	put_word(out, group);
}

static void put_command(FILE *out, const char *keyword, const struct conf_command *c, bool with_user)
{
	fprintf(out, "    %s \"", keyword);
	for (char **arg = c->argv; *arg; arg++) {
		if (arg != c->argv)
			fputc(' ', out);
		put_argument(out, *arg);
	}
	fputc('"', out);
	if (with_user)
		put_user(out, c->user, c->group);
	fputc('\n', out);
}

static void put_programs(FILE *out, const struct conf *c)
{
	for (int i = 0; i < _CONF_FIFO_MAX_; i++) {
		const struct conf_fifo *f = &c->fifos[i];
		char keyword[64];

		if (!f->path)
			continue;
		fprintf(out, "    %s \"%s\"", conf_fifo_name((enum conf_fifo_kind)i), f->path);
		put_user(out, f->user, f->group);
		fputc('\n', out);
		snprintf(keyword, sizeof(keyword), "%s_script", conf_fifo_name((enum conf_fifo_kind)i));
		if (f->script.argv)
			put_command(out, keyword, &f->script, true);
	}
	if (c->startup.command.argv)
		put_command(out, "startup_script", &c->startup.command, true);
	put_time(out, "startup_script_timeout", c->startup.timeout_us);
	if (c->shutdown.command.argv)
		put_command(out, "shutdown_script", &c->shutdown.command, true);
	put_time(out, "shutdown_script_timeout", c->shutdown.timeout_us);
	put_bool(out, "enable_script_security", c->script_security);
	put_bool(out, "use_symlink_paths", c->use_symlink_paths);
	put_bool(out, "fifo_write_vrrp_states_on_reload", c->fifo_states_on_reload);
}

static void put_globals(FILE *out, const struct conf *c)
{
	fputs("global_defs {\n", out);
	put_string(out, "    ", "router_id", c->router_id);
	if (c->script_user) {
		fputs("    script_user", out);
		put_user(out, c->script_user, c->script_group);
		fputc('\n', out);
	}
	put_bool(out, "log_unknown_vrids", c->log_unknown_vrids);
	if (c->engine_user)
		put_string(out, "    ", "engine_user", c->engine_user);
	put_bool(out, "realtime", c->realtime);
	put_unsigned(out, "vrrp_rt_priority", c->rt_priority);
	put_programs(out, c);
	if (c->garp_interval_us)
		put_time(out, "vrrp_garp_interval", c->garp_interval_us);
	if (c->gna_interval_us)
		put_time(out, "vrrp_gna_interval", c->gna_interval_us);
	if (c->startup_delay_us)
		put_time(out, "vrrp_startup_delay", c->startup_delay_us);
	if (c->delay_after_boot_us)
		put_time(out, "vrrp_delay_after_boot", c->delay_after_boot_us);
	put_string(out, "    ", "control_socket", c->control_socket);
	put_string(out, "    ", "state_directory", c->state_directory);
	fputs("}\n", out);
}

static void put_opening(FILE *out, const char *keyword, const char *name)
{
	fputc('\n', out);
	fprintf(out, "%s ", keyword);
	put_word(out, name);
	fputs(" {\n", out);
}

static void put_link_delays(FILE *out, const struct conf *c)
{
	char down[CONF_TIME_STR], up[CONF_TIME_STR];
	bool any = false;

	for (size_t i = 0; i < c->n_links; i++) {
		const struct conf_link *l = &c->links[i];

		if (l->where.line == 0)
			continue;
		if (!any)
			fputs("\ninterface_up_down_delays {\n", out);
		any = true;
		fputs("    ", out);
		put_word(out, l->name);
		fprintf(out, " %s %s\n", conf_format_time(l->down_us, down, sizeof(down)),
			conf_format_time(l->up_us, up, sizeof(up)));
	}
	if (any)
		fputs("}\n", out);
}

static void put_script(FILE *out, const struct conf_script *s)
{
	put_opening(out, "vrrp_script", s->name);
	put_command(out, "script", &s->command, false);
	put_time(out, "interval", s->interval_us);
	put_time(out, "timeout", s->timeout_us);
	fputs("    ", out);
	put_weight(out, s->weight, s->reverse);
	put_unsigned(out, "rise", s->rise);
	put_unsigned(out, "fall", s->fall);
	if (s->command.user) {
		fputs("    user", out);
		put_user(out, s->command.user, s->command.group);
		fputc('\n', out);
	}
	put_bool(out, "init_fail", s->init_fail);
	fputs("}\n", out);
}

static void put_password(FILE *out, const struct conf_mysql *m)
{
	if (m->password_file) {
		/* always quoted: a path may hold blanks */
		fprintf(out, "    password \"file:%s\"\n", m->password_file);
	} else if (m->password_inline) {
		fputs("    # the password is not printed; `password file:PATH` would keep it out of the "
		      "configuration\n",
		      out);
		fputs("    password \"" CONF_WITHHELD "\"\n", out);
	}
}

static void put_track_file(FILE *out, const struct conf_track_file *f)
{
	put_opening(out, "track_file", f->name);
	put_string(out, "    ", "file", f->path);
	fputs("    ", out);
	put_weight(out, f->weight, f->reverse);
	if (f->init)
		fprintf(out, "    init_file %d%s\n", f->init_value, f->init_overwrite ? " overwrite" : "");
	fputs("}\n", out);
}

static void put_track_process(FILE *out, const struct conf_track_process *p)
{
	static const char *const matches[] = { NULL, "initial", "partial" };

	put_opening(out, "vrrp_track_process", p->name);
	fputs("    process \"", out);
	for (char *const *w = p->pattern.argv; *w; w++) {
		if (w != p->pattern.argv)
			fputc(' ', out);
		put_argument(out, *w);
	}
	fputs("\"\n", out);
	put_bool(out, "full_command", p->pattern.full_command);
	if (matches[p->pattern.params])
		fprintf(out, "    param_match %s\n", matches[p->pattern.params]);
	fputs("    ", out);
	put_weight(out, p->weight, p->reverse);
	if (p->quorum > 0) /* 0: quorum_max 0 alone, none may run */
		put_unsigned(out, "quorum", p->quorum);
	if (p->quorum_max != UINT32_MAX)
		put_unsigned(out, "quorum_max", p->quorum_max);
	put_time(out, "fork_delay", p->fork_delay_us);
	put_time(out, "terminate_delay", p->terminate_delay_us);
	fputs("}\n", out);
}

static void put_fitness(FILE *out, const struct conf_fitness *f)
{
	const struct fitness_conf *r = &f->check.rules;

	fprintf(out, "    check %s {\n", fitness_kind_name(r->kind));
	put_time(out, "    interval", f->check.interval_us);
	put_time(out, "    timeout", f->check.timeout_us);
	fputs("        ", out);
	put_weight(out, f->weight, f->reverse);
	put_unsigned(out, "    rise", f->rise);
	put_unsigned(out, "    fall", f->fall);
	fprintf(out, "        if_denied %s\n", r->denied_fails ? "fail" : "complain");
	switch (r->kind) {
	case FITNESS_ROLE:
		fprintf(out, "        require %s\n", r->want_writable ? "writable" : "replica");
		break;
	case FITNESS_REPLICATION:
		fprintf(out, "        require %s\n", r->must_replicate ? "replica" : "any");
		if (r->channel)
			put_string(out, "        ", "channel", r->channel);
		if (r->has_max_lag)
			put_unsigned(out, "    max_lag", r->max_lag_s);
		if (r->max_silence_us)
			put_time(out, "    max_silence", r->max_silence_us);
		fprintf(out, "        primary_lost %s\n", r->primary_lost_fails ? "fail" : "pass");
		break;
	case FITNESS_GALERA:
		put_bool(out, "    donor_ok", r->donor_ok);
		break;
	case FITNESS_GROUP:
		fprintf(out, "        require %s\n", r->any_member ? "member" : "primary");
		break;
	case _FITNESS_MAX_:
		break;
	}
	fputs("    }\n", out);
}

static void put_mysql(FILE *out, const struct conf_mysql *m)
{
	char addr[IP_STR_MAX];

	put_opening(out, "vrrp_mysql", m->name);
	if (m->probe.socket) {
		put_string(out, "    ", "socket", m->probe.socket);
	} else {
		fprintf(out, "    host %s\n", ip_format(&m->probe.host, addr));
		put_unsigned(out, "port", m->probe.port);
	}
	if (m->probe.reserved_port)
		fprintf(out, "    reserved_port %u %s\n", m->probe.reserved_port,
			ip_format(&m->probe.reserved_host, addr));
	put_string(out, "    ", "user", m->probe.user);
	put_password(out, m);
	if (m->defaults_file)
		put_string(out, "    ", "defaults_file", m->defaults_file);
	if (m->probe.query) {
		put_string(out, "    ", "query", m->probe.query);
		put_time(out, "query_interval", m->probe.query_interval_us);
	}
	put_time(out, "interval", m->probe.interval_us);
	put_time(out, "timeout", m->probe.timeout_us);
	put_unsigned(out, "rise", m->rise);
	put_unsigned(out, "fall", m->fall);
	fputs("    ", out);
	put_weight(out, m->weight, m->reverse);
	put_time(out, "dead_delay", m->dead_delay_us);
	put_time(out, "startup_grace", m->startup_grace_us);
	put_bool(out, "thread_watch", m->probe.thread_watch);
	for (size_t i = 0; i < m->n_fitness; i++)
		put_fitness(out, &m->fitness[i]);
	fputs("}\n", out);
}

static void put_vip_flags(FILE *out, const struct conf_vip *v)
{
	for (size_t i = 0; conf_flag_name(i); i++)
		if (v->flags & conf_flag(i))
			fprintf(out, " %s", conf_flag_name(i));
	if (v->dad)
		fputs(" -nodad", out);
	if (v->has_preferred && v->preferred_s == UINT32_MAX)
		fputs(" preferred_lft forever", out);
	else if (v->has_preferred)
		fprintf(out, " preferred_lft %u", v->preferred_s);
}

void conf_print_vip(const struct conf_vip *v, const char *interface, FILE *out)
{
	char addr[IP_STR_MAX];
	const char *scope = conf_scope_name(v->scope);

	fprintf(out, "        %s/%u dev ", ip_format(&v->prefix.addr, addr), v->prefix.len);
	put_word(out, v->dev[0] ? v->dev : interface);
	if (v->brd.s_addr)
		fprintf(out, " brd %s", inet_ntop(AF_INET, &v->brd, addr, sizeof(addr)));
	if (ip_is_set(&v->peer))
		fprintf(out, " peer %s", ip_format(&v->peer, addr));
	if (v->prefix.addr.family == AF_INET && scope)
		fprintf(out, " scope %s", scope);
	else if (v->prefix.addr.family == AF_INET)
		fprintf(out, " scope %u", v->scope);
	if (v->label[0]) {
		fputs(" label ", out);
		put_word(out, v->label);
	}
	put_vip_flags(out, v);
	fputs(v->no_track ? " no_track\n" : "\n", out);
}

/* Without those that stand in the sync group. */
static size_t own_tracks(const struct conf_tracks *tracks, int kind)
{
	size_t n = 0;

	for (size_t k = 0; k < tracks->of[kind].n; k++)
		n += !tracks->of[kind].t[k].inherited;
	return n;
}

static void put_vips(FILE *out, const char *keyword, const struct conf_vip *vips, size_t n, const char *interface)
{
	fprintf(out, "    %s {\n", keyword);
	for (size_t i = 0; i < n; i++)
		conf_print_vip(&vips[i], interface, out);
	fputs("    }\n", out);
}

static void put_tracks(FILE *out, const struct conf *c, const struct conf_tracks *tracks)
{
	for (int kind = 0; kind < _CONF_TRACK_MAX_; kind++) {
		if (own_tracks(tracks, kind) == 0)
			continue;
		fprintf(out, "    %s {\n", conf_track_keyword(kind));
		for (size_t k = 0; k < tracks->of[kind].n; k++) {
			const struct conf_track *t = &tracks->of[kind].t[k];

			if (t->inherited)
				continue;
			fputs("        ", out);
			put_word(out, conf_track_name(c, kind, t));
			fputc(' ', out);
			put_weight(out, t->weight, t->reverse);
		}
		fputs("    }\n", out);
	}
}

static void put_garp(FILE *out, const struct conf_garp *g)
{
	put_time(out, "garp_master_delay", g->delay_us);
	put_unsigned(out, "garp_master_repeat", g->repeat);
	put_time(out, "garp_master_refresh", g->refresh_us);
	put_unsigned(out, "garp_master_refresh_repeat", g->refresh_repeat);
	put_time(out, "garp_lower_prio_delay", g->lower_prio_delay_us);
	put_unsigned(out, "garp_lower_prio_repeat", g->lower_prio_repeat);
}

static void put_unicast(FILE *out, const struct conf_instance *i)
{
	char addr[IP_STR_MAX];

	put_unsigned(out, "unicast_ttl", i->unicast_ttl);
	put_bool(out, "check_unicast_src", i->check_unicast_src);
	put_bool(out, "unicast_fault_no_peer", i->unicast_fault_no_peer);
	if (i->csum == VRRP_CSUM_GROUP)
		fputs("    old_unicast_checksum\n", out);
	else if (i->csum_group_refused)
		fputs("    old_unicast_checksum never\n", out);
	fputs("    unicast_peer {\n", out);
	for (size_t k = 0; k < i->n_peers; k++) {
		const struct vrrp_unicast_peer *p = &i->peers[k];

		fprintf(out, "        %s", ip_format(&p->addr, addr));
		if (p->min_ttl > 0)
			fprintf(out, " min_ttl %u", p->min_ttl);
		if (p->max_ttl < UINT8_MAX)
			fprintf(out, " max_ttl %u", p->max_ttl);
		fputc('\n', out);
	}
	fputs("    }\n", out);
}

static void put_hmac(FILE *out, const struct conf_hmac *h)
{
	fputs("    auth_hmac {\n", out);
	for (size_t k = 0; k < h->n_keys; k++) {
		if (h->keys[k].file)
			fprintf(out, "        key %u \"file:%s\"\n", h->keys[k].id, h->keys[k].file);
		else
			fprintf(out,
				"        # the key is not printed; `key %u file:PATH` would keep it out of the "
				"configuration\n        key %u \"" CONF_WITHHELD "\"\n",
				h->keys[k].id, h->keys[k].id);
	}
	fprintf(out, "        active_key %u\n        anti_replay %s\n        time_window %u\n        mode %s\n    }\n",
		h->active, h->monotonic ? "monotonic" : "time", h->window_s, vrrp_auth_mode_name(h->mode));
}

static void put_protocol(FILE *out, const struct conf_instance *i)
{
	char addr[IP_STR_MAX];

	put_unsigned(out, "version", i->version);
	fprintf(out, "    state %s\n", i->state_master ? "MASTER" : "BACKUP");
	put_string(out, "    ", "interface", i->interface);
	put_bool(out, "dont_track_primary", i->dont_track_primary);
	put_bool(out, "track_src_ip", i->track_src_ip);
	put_unsigned(out, "virtual_router_id", i->vrid);
	put_unsigned(out, "priority", i->priority);
	put_time(out, "advert_int", i->advert_us);
	fputs(i->nopreempt ? "    nopreempt\n" : "    preempt\n", out);
	put_time(out, "preempt_delay", i->preempt_delay_us);
	put_unsigned(out, "down_timer_adverts", i->down_adverts);
	put_bool(out, "lower_prio_no_advert", i->lower_prio_no_advert);
	put_bool(out, "higher_prio_send_advert", i->higher_prio_send_advert);
	put_bool(out, "owner_ignore_adverts", i->owner_ignore_adverts);
	if (i->timer_expired_backup)
		put_unsigned(out, "timer_expired_backup", i->timer_expired_backup);
	put_bool(out, "v3_checksum_as_v2", i->csum == VRRP_CSUM_PLAIN);
	put_bool(out, "skip_check_adv_addr", i->skip_check_adv_addr);
	if (ip_is_set(&i->src_ip))
		fprintf(out, "    %s_src_ip %s\n", i->unicast ? "unicast" : "mcast", ip_format(&i->src_ip, addr));
	fprintf(out, "    mcast_dst_ip %s\n", ip_format(&i->group, addr));
	if (i->unicast)
		put_unicast(out, i);
	if (i->auth_type == VRRP_AUTH_PASS)
		fprintf(out, "    authentication {\n        auth_type PASS\n        auth_pass \"%.*s\"\n    }\n",
			VRRP_AUTH_LEN, (const char *)i->auth_data);
	if (i->auth_hmac.n_keys > 0)
		put_hmac(out, &i->auth_hmac);
}

static void put_hooks(FILE *out, const struct conf_command *hooks)
{
	for (int hook = 0; hook < _CONF_HOOK_MAX_; hook++) {
		if (hooks[hook].argv)
			put_command(out, conf_hook_name((enum conf_hook)hook), &hooks[hook], true);
	}
}

static void put_instance(FILE *out, const struct conf *c, const struct conf_instance *i)
{
	put_opening(out, "vrrp_instance", i->name);
	put_protocol(out, i);
	put_garp(out, &i->garp);
	put_bool(out, "promote_secondaries", i->promote_secondaries);
	if (i->n_advertised > 0)
		put_vips(out, "virtual_ipaddress", i->vips, i->n_advertised, i->interface);
	else
		fputs(i->family == AF_INET6 ? "    no_virtual_ipaddress\n    native_ipv6\n"
					    : "    no_virtual_ipaddress\n",
		      out);
	if (i->n_vips > i->n_advertised)
		put_vips(out, "virtual_ipaddress_excluded", i->vips + i->n_advertised, i->n_vips - i->n_advertised,
			 i->interface);
	put_tracks(out, c, &i->tracks);
	put_hooks(out, i->hooks);
	if (i->pre_take.argv)
		put_command(out, "vip_pre_take", &i->pre_take, true);
	put_time(out, "vip_pre_take_timeout", i->pre_take_timeout_us);
	put_time(out, "notify_timeout", i->notify_timeout_us);
	put_bool(out, "notify_priority_changes", i->notify_priority_changes);
	if (i->vip_lease_s)
		put_unsigned(out, "vip_lease", i->vip_lease_s);
	else
		fputs("    vip_lease off\n", out);
	fputs("}\n", out);
}

static void put_group(FILE *out, const struct conf *c, const struct conf_group *g)
{
	put_opening(out, "vrrp_sync_group", g->name);
	fputs("    group {\n", out);
	for (size_t k = 0; k < g->n_members; k++) {
		fputs("        ", out);
		put_word(out, c->instances[g->members[k]].name);
		fputc('\n', out);
	}
	fputs("    }\n", out);
	put_tracks(out, c, &g->tracks);
	put_bool(out, "sync_group_tracking_weight", g->tracking_weight);
	put_hooks(out, g->hooks);
	put_time(out, "notify_timeout", g->notify_timeout_us);
	put_bool(out, "notify_priority_changes", g->notify_priority_changes);
	fputs("}\n", out);
}

void conf_print(const struct conf *c, FILE *out)
{
	put_globals(out, c);
	put_link_delays(out, c);
	for (size_t i = 0; i < c->n_scripts; i++)
		put_script(out, &c->scripts[i]);
	for (size_t i = 0; i < c->n_mysqls; i++)
		put_mysql(out, &c->mysqls[i]);
	for (size_t i = 0; i < c->n_track_files; i++)
		put_track_file(out, &c->track_files[i]);
	for (size_t i = 0; i < c->n_track_processes; i++)
		put_track_process(out, &c->track_processes[i]);
	for (size_t i = 0; i < c->n_instances; i++)
		put_instance(out, c, &c->instances[i]);
	for (size_t i = 0; i < c->n_groups; i++)
		put_group(out, c, &c->groups[i]);
}

/* The value of a secret's line begins behind `keyword`; file:PATH is none. NULL if the line holds no secret. */
static const char *secret_in(const char *line)
{
	static const char *const keywords[] = { "auth_pass ", "key ", "password " };
	const char *word = line + strspn(line, " ");

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		const char *value = word + strlen(keywords[i]);

		if (strncmp(word, keywords[i], strlen(keywords[i])) != 0)
			continue;
		return strncmp(value + (*value == '"'), "file:", 5) == 0 ? NULL : value;
	}
	return NULL;
}

char *conf_print_public(const struct conf *c)
{
	char *whole = NULL, *text = NULL, *at;
	size_t n, size;
	FILE *f = open_memstream(&whole, &n);
	FILE *out = f ? open_memstream(&text, &size) : NULL;

	if (!out) {
		if (f)
			fclose(f);
		free(whole);
		return NULL;
	}
	conf_print(c, f);
	fclose(f);
	at = whole;
	for (char *line; (line = strsep(&at, "\n"));) {
		const char *secret = secret_in(line);

		if (secret)
			fprintf(out, "%.*s\"" CONF_WITHHELD "\"", (int)(secret - line), line);
		else
			fputs(line, out);
		if (at)
			fputc('\n', out);
	}
	fclose(out);
	explicit_bzero(whole, n);
	free(whole);
	return text;
}
