/* SPDX-License-Identifier: Apache-2.0 */
/* The keyword tables. What keepalived knows and we do not serve stands here too, sorted by what leaving it out would
 * mean: nothing for the VIP (KEY_IGNORED), or something (KEY_UNSERVED, KEY_REFUSED). No value is interpreted here. */
#include "agent/conf/internal.h"

#include "agent/base/cleanup.h"

#include <ctype.h>

#define S_US 1000000 /* microseconds in a second */

#define INT_(kw, k, type, field, lo, hi)                                                            \
	{                                                                                           \
		.name = kw, .kind = k, .offset = offsetof(struct type, field), .min = lo, .max = hi \
	}
#define BOOL_(kw, type, field)                                                       \
	{                                                                            \
		.name = kw, .kind = KEY_BOOL, .offset = offsetof(struct type, field) \
	}
#define STR_(kw, type, field)                                                          \
	{                                                                              \
		.name = kw, .kind = KEY_STRING, .offset = offsetof(struct type, field) \
	}
#define PATH_(kw, type, field, hi)                                                              \
	{                                                                                       \
		.name = kw, .kind = KEY_PATH, .offset = offsetof(struct type, field), .max = hi \
	}
#define CUSTOM_(kw, fn)                                     \
	{                                                   \
		.name = kw, .kind = KEY_CUSTOM, .parse = fn \
	}
#define ENTRIES_(kw, fn)                                     \
	{                                                    \
		.name = kw, .kind = KEY_ENTRIES, .parse = fn \
	}
#define TRACKS_(kw, type, field)                                                                                    \
	{                                                                                                           \
		.name = kw, .kind = KEY_ENTRIES, .parse = conf_parse_tracks, .offset = offsetof(struct type, field) \
	}
#define HOOK_(kw, hook)                                                                        \
	{                                                                                      \
		.name = kw, .kind = KEY_COMMAND, .first_wins = true, .parse = conf_parse_hook, \
		.offset = offsetof(struct conf_draft, i.hooks[hook])                           \
	}
#define COMMAND_(kw, type, field)                                                              \
	{                                                                                      \
		.name = kw, .kind = KEY_COMMAND, .first_wins = true, .parse = conf_parse_hook, \
		.offset = offsetof(struct type, field)                                         \
	}
#define FIFO_(kw, which)                                                                      \
	{                                                                                     \
		.name = kw, .kind = KEY_CUSTOM, .first_wins = true, .parse = conf_parse_fifo, \
		.offset = offsetof(struct conf_globals, fifos[which])                         \
	}
#define REFUSED_(kw, why)                                    \
	{                                                    \
		.name = kw, .kind = KEY_REFUSED, .note = why \
	}
#define PLAIN_(kw, k)                 \
	{                             \
		.name = kw, .kind = k \
	}
#define ACCEPTED_(kw) PLAIN_(kw, KEY_ACCEPTED)
#define OFF_(kw)      PLAIN_(kw, KEY_OFF)
#define IGNORED_(kw)  PLAIN_(kw, KEY_IGNORED)
#define UNSERVED_(kw) PLAIN_(kw, KEY_UNSERVED)

enum { COUNT_MAX = 1000000, SUN_PATH_MAX = 107 };

/* --- global_defs ------------------------------------------------------------------------------------------------- */

#define G conf_globals
static const struct conf_key globals_keys[] = {
	STR_("router_id", G, router_id),
	STR_("engine_user", G, engine_user),
	CUSTOM_("script_user", conf_parse_script_user),
	INT_("vrrp_version", KEY_U8, G, version, 2, 3),
	{ .name = "vrrp_mcast_group4",
	  .kind = KEY_CUSTOM,
	  .offset = offsetof(struct G, group4),
	  .min = AF_INET,
	  .parse = conf_parse_group },
	{ .name = "vrrp_mcast_group6",
	  .kind = KEY_CUSTOM,
	  .offset = offsetof(struct G, group6),
	  .min = AF_INET6,
	  .parse = conf_parse_group },
	INT_("vrrp_garp_master_delay", KEY_TIME, G, garp.delay_us, 0, 4294ll * S_US),
	INT_("vrrp_garp_master_repeat", KEY_UINT, G, garp.repeat, 1, COUNT_MAX),
	INT_("vrrp_garp_master_refresh", KEY_TIME, G, garp.refresh_us, 0, 4294ll * S_US),
	INT_("vrrp_garp_master_refresh_repeat", KEY_UINT, G, garp.refresh_repeat, 1, COUNT_MAX),
	INT_("vrrp_garp_lower_prio_delay", KEY_TIME, G, garp.lower_prio_delay_us, 0, 4294ll * S_US),
	INT_("vrrp_garp_lower_prio_repeat", KEY_UINT, G, garp.lower_prio_repeat, 0, COUNT_MAX),
	BOOL_("vrrp_min_garp", G, min_garp),
	INT_("vrrp_down_timer_adverts", KEY_UINT, G, down_adverts, 1, 100),
	BOOL_("vrrp_lower_prio_no_advert", G, lower_prio_no_advert),
	BOOL_("vrrp_higher_prio_send_advert", G, higher_prio_send_advert),
	BOOL_("v3_checksum_as_v2", G, csum_plain),
	BOOL_("vrrp_check_unicast_src", G, check_unicast_src),
	BOOL_("vrrp_skip_check_adv_addr", G, skip_check_adv_addr),
	BOOL_("log_unknown_vrids", G, log_unknown_vrids),
	INT_("vrrp_rt_priority", KEY_UINT, G, rt_priority, 1, 99),
	BOOL_("realtime", G, realtime),
	PATH_("control_socket", G, control_socket, SUN_PATH_MAX),
	PATH_("state_directory", G, state_directory, 4000),
	INT_("notify_timeout", KEY_TIME, G, notify_timeout_us, S_US / 10, 86400ll * S_US),
	{ .name = "vip_lease",
	  .kind = KEY_CUSTOM,
	  .offset = offsetof(struct G, vip_lease_s),
	  .parse = conf_parse_lease },
	ACCEPTED_("vrrp_no_swap"),
	ACCEPTED_("dynamic_interfaces"),
	OFF_("vrrp_strict"),
	BOOL_("vrrp_owner_ignore_adverts", G, owner_ignore_adverts),
	BOOL_("vrrp_notify_priority_changes", G, notify_priority_changes),
	BOOL_("fifo_write_vrrp_states_on_reload", G, fifo_states_on_reload),
	BOOL_("enable_script_security", G, script_security),
	BOOL_("use_symlink_paths", G, use_symlink_paths),
	UNSERVED_("set_supplementary_groups"),
	COMMAND_("startup_script", G, startup.command),
	INT_("startup_script_timeout", KEY_TIME, G, startup.timeout_us, S_US, 1000ll * S_US),
	COMMAND_("shutdown_script", G, shutdown.command),
	INT_("shutdown_script_timeout", KEY_TIME, G, shutdown.timeout_us, S_US, 1000ll * S_US),
	FIFO_("notify_fifo", CONF_FIFO_ALL),
	COMMAND_("notify_fifo_script", G, fifos[CONF_FIFO_ALL].script),
	FIFO_("vrrp_notify_fifo", CONF_FIFO_VRRP),
	COMMAND_("vrrp_notify_fifo_script", G, fifos[CONF_FIFO_VRRP].script),
	INT_("vrrp_startup_delay", KEY_TIME, G, startup_delay_us, S_US / 1000, 86400ll * S_US),
	INT_("vrrp_delay_after_boot", KEY_TIME, G, delay_after_boot_us, S_US / 1000, 86400ll * S_US),
	INT_("vrrp_garp_interval", KEY_TIME, G, garp_interval_us, 1, 1000ll * S_US),
	INT_("vrrp_gna_interval", KEY_TIME, G, gna_interval_us, 1, 1000ll * S_US),
	IGNORED_("notification_email"),
	IGNORED_("notification_email_from"),
	IGNORED_("smtp_*"),
	IGNORED_("no_email_faults"),
	IGNORED_("default_interface"),
	IGNORED_("vrrp_garp_extra_if"),
	IGNORED_("max_auto_priority"),
	IGNORED_("min_auto_priority_delay"),
	IGNORED_("vrrp_priority"),
	IGNORED_("vrrp_cpu_affinity"),
	IGNORED_("vrrp_rlimit_rttime"),
	IGNORED_("vrrp_netlink_*"),
	IGNORED_("vrrp_rx_bufs_*"),
	IGNORED_("vmac_prefix"),
	IGNORED_("vmac_addr_prefix"),
	IGNORED_("nftables*"),
	IGNORED_("vrrp_iptables"),
	IGNORED_("vrrp_ipsets"),
	IGNORED_("disable_local_igmp"),
	IGNORED_("reload_check_config"),
	IGNORED_("reload_time_file"),
	IGNORED_("reload_repeat"),
	IGNORED_("reload_file"),
	IGNORED_("include_check"),
	IGNORED_("tmp_config_directory"),
	IGNORED_("config_save_dir"),
	IGNORED_("random_seed"),
	IGNORED_("umask"),
	IGNORED_("process_name*"),
	IGNORED_("vrrp_process_name"),
	IGNORED_("data_use_instance"),
	IGNORED_("*_dump_file"),
	IGNORED_("json_version"),
	IGNORED_("iproute_*_dir"),
	IGNORED_("snmp_socket"),
	IGNORED_("enable_snmp_*"),
	IGNORED_("enable_traps"),
	IGNORED_("enable_dbus"),
	IGNORED_("dbus_*"),
	IGNORED_("lvs_*"),
	IGNORED_("checker_*"),
	IGNORED_("bfd_*"),
	IGNORED_("rs_init_notifies"),
	IGNORED_("no_checker_emails"),
	IGNORED_("process_monitor_*"),
};
#undef G

/* --- vrrp_script, vrrp_mysql ------------------------------------------------------------------------------------- */

#define C conf_script
static const struct conf_key script_keys[] = {
	{ .name = "script", .kind = KEY_SCRIPT, .parse = conf_parse_script },
	INT_("interval", KEY_TIME, C, interval_us, S_US / 1000, 4294ll * S_US),
	INT_("timeout", KEY_TIME, C, timeout_us, S_US / 1000, 4294ll * S_US),
	CUSTOM_("weight", conf_parse_script_weight),
	INT_("rise", KEY_UINT, C, rise, 1, COUNT_MAX),
	INT_("fall", KEY_UINT, C, fall, 1, COUNT_MAX),
	CUSTOM_("user", conf_parse_user),
	BOOL_("init_fail", C, init_fail),
};
#undef C

#define T conf_track_file
static const struct conf_key track_file_keys[] = {
	{ .name = "file", .kind = KEY_PATH, .first_wins = true, .offset = offsetof(struct T, path), .max = 4000 },
	CUSTOM_("weight", conf_parse_file_weight),
	CUSTOM_("init_file", conf_parse_init_file),
};
#undef T

#define T conf_track_process
static const struct conf_key track_process_keys[] = {
	CUSTOM_("process", conf_parse_process),
	CUSTOM_("param_match", conf_parse_param_match),
	CUSTOM_("weight", conf_parse_process_weight),
	INT_("quorum", KEY_UINT, T, quorum, 1, 65535),
	INT_("quorum_max", KEY_UINT, T, quorum_max, 0, 65535),
	INT_("fork_delay", KEY_TIME, T, fork_delay_us, 0, 3600ll * S_US),
	INT_("terminate_delay", KEY_TIME, T, terminate_delay_us, 0, 3600ll * S_US),
	CUSTOM_("delay", conf_parse_process_delay),
	BOOL_("full_command", T, pattern.full_command),
};
#undef T

/* Which of them belong to which kind of check is fitness.c's knowledge. */
#define F conf_fitness
static const struct conf_key fitness_keys[] = {
	INT_("interval", KEY_TIME, F, check.interval_us, S_US / 20, 86400ll * S_US),
	INT_("timeout", KEY_TIME, F, check.timeout_us, S_US / 20, 3600ll * S_US),
	CUSTOM_("weight", conf_parse_fitness_weight),
	CUSTOM_("fail", conf_parse_fitness_fail),
	INT_("rise", KEY_UINT, F, rise, 1, COUNT_MAX),
	INT_("fall", KEY_UINT, F, fall, 1, COUNT_MAX),
	CUSTOM_("if_denied", conf_parse_fitness_denied),
	CUSTOM_("require", conf_parse_fitness_require),
	STR_("channel", F, check.rules.channel),
	CUSTOM_("max_lag", conf_parse_fitness_lag),
	INT_("max_silence", KEY_TIME, F, check.rules.max_silence_us, S_US / 10, 86400ll * S_US),
	CUSTOM_("primary_lost", conf_parse_fitness_lost),
	BOOL_("donor_ok", F, check.rules.donor_ok),
};
#undef F

#define M        conf_mysql
#define TLS_NOTE "the probe speaks no TLS, which would block; use the socket or a numeric address of this host"
static const struct conf_key mysql_keys[] = {
	PATH_("socket", M, probe.socket, SUN_PATH_MAX),
	CUSTOM_("host", conf_parse_mysql_host),
	INT_("port", KEY_U16, M, probe.port, 1, 65535),
	CUSTOM_("reserved_port", conf_parse_reserved),
	STR_("user", M, probe.user),
	CUSTOM_("password", conf_parse_password),
	PATH_("defaults_file", M, defaults_file, 4000),
	STR_("query", M, probe.query),
	INT_("query_interval", KEY_TIME, M, probe.query_interval_us, S_US / 20, 86400ll * S_US),
	INT_("interval", KEY_TIME, M, probe.interval_us, S_US / 20, 3600ll * S_US),
	INT_("timeout", KEY_TIME, M, probe.timeout_us, S_US / 20, 3600ll * S_US),
	INT_("rise", KEY_UINT, M, rise, 1, COUNT_MAX),
	INT_("fall", KEY_UINT, M, fall, 1, COUNT_MAX),
	CUSTOM_("weight", conf_parse_mysql_weight),
	INT_("dead_delay", KEY_TIME, M, dead_delay_us, 0, 3600ll * S_US),
	INT_("startup_grace", KEY_TIME, M, startup_grace_us, 0, 86400ll * S_US),
	BOOL_("thread_watch", M, probe.thread_watch),
	{ .name = "check", .kind = KEY_NAMED, .inner = &conf_fitness_block },
	REFUSED_("ssl*", TLS_NOTE),
	REFUSED_("tls*", TLS_NOTE),
};
#undef M

/* --- vrrp_instance ----------------------------------------------------------------------------------------------- */

static const struct conf_key auth_keys[] = {
	CUSTOM_("auth_type", conf_parse_auth_type),
	CUSTOM_("auth_pass", conf_parse_auth_pass),
};
static const struct conf_block auth_block = { "authentication", false, auth_keys, ELEMENTSOF(auth_keys) };

#define D conf_draft
static const struct conf_key hmac_keys[] = {
	{ .name = "key", .kind = KEY_REPEATED, .parse = conf_parse_hmac_keys },
	INT_("active_key", KEY_U8, D, i.auth_hmac.active, 1, 255),
	CUSTOM_("anti_replay", conf_parse_anti_replay),
	INT_("time_window", KEY_UINT, D, i.auth_hmac.window_s, VRRP_AUTH_WINDOW_MIN, VRRP_AUTH_WINDOW_MAX),
	CUSTOM_("mode", conf_parse_hmac_mode),
};
static const struct conf_block hmac_block = { "auth_hmac", false, hmac_keys, ELEMENTSOF(hmac_keys) };

static const struct conf_key instance_keys[] = {
	{ .name = "state", .kind = KEY_CUSTOM, .keeps = "MASTER", .parse = conf_parse_state },
	CUSTOM_("interface", conf_parse_interface),
	INT_("virtual_router_id", KEY_U8, D, i.vrid, 1, 255),
	INT_("priority", KEY_U8, D, i.priority, 1, 255),
	CUSTOM_("advert_int", conf_parse_advert_int),
	{ .name = "version", .kind = KEY_CUSTOM, .first_wins = true, .parse = conf_parse_version },
	BOOL_("nopreempt", D, i.nopreempt),
	BOOL_("preempt", D, preempt),
	INT_("preempt_delay", KEY_TIME, D, i.preempt_delay_us, 0, 1000ll * S_US),
	{ .name = "authentication", .kind = KEY_GROUP, .inner = &auth_block },
	{ .name = "auth_hmac", .kind = KEY_GROUP, .inner = &hmac_block },
	CUSTOM_("mcast_src_ip", conf_parse_source),
	CUSTOM_("unicast_src_ip", conf_parse_source),
	ENTRIES_("unicast_peer", conf_parse_peers),
	INT_("unicast_ttl", KEY_U8, D, i.unicast_ttl, 0, 255),
	BOOL_("unicast_fault_no_peer", D, i.unicast_fault_no_peer),
	BOOL_("check_unicast_src", D, i.check_unicast_src),
	CUSTOM_("old_unicast_checksum", conf_parse_old_checksum),
	BOOL_("skip_check_adv_addr", D, i.skip_check_adv_addr),
	BOOL_("native_ipv6", D, native_ipv6),
	{ .name = "mcast_dst_ip",
	  .kind = KEY_CUSTOM,
	  .offset = offsetof(struct D, i.group),
	  .min = AF_UNSPEC,
	  .parse = conf_parse_group },
	ENTRIES_("virtual_ipaddress", conf_parse_vips),
	ENTRIES_("virtual_ipaddress_excluded", conf_parse_excluded),
	BOOL_("no_virtual_ipaddress", D, no_vips),
	BOOL_("promote_secondaries", D, i.promote_secondaries),
	TRACKS_("track_mysql", D, i.tracks),
	TRACKS_("track_script", D, i.tracks),
	TRACKS_("track_interface", D, i.tracks),
	TRACKS_("track_file", D, i.tracks),
	TRACKS_("track_process", D, i.tracks),
	BOOL_("dont_track_primary", D, i.dont_track_primary),
	BOOL_("track_src_ip", D, i.track_src_ip),
	INT_("garp_master_delay", KEY_TIME, D, i.garp.delay_us, 0, 4294ll * S_US),
	INT_("garp_master_repeat", KEY_UINT, D, i.garp.repeat, 1, COUNT_MAX),
	INT_("garp_master_refresh", KEY_TIME, D, i.garp.refresh_us, 0, 4294ll * S_US),
	INT_("garp_master_refresh_repeat", KEY_UINT, D, i.garp.refresh_repeat, 1, COUNT_MAX),
	INT_("garp_lower_prio_delay", KEY_TIME, D, i.garp.lower_prio_delay_us, 0, 4294ll * S_US),
	INT_("garp_lower_prio_repeat", KEY_UINT, D, i.garp.lower_prio_repeat, 0, COUNT_MAX),
	INT_("down_timer_adverts", KEY_UINT, D, i.down_adverts, 1, 100),
	BOOL_("lower_prio_no_advert", D, i.lower_prio_no_advert),
	BOOL_("higher_prio_send_advert", D, i.higher_prio_send_advert),
	BOOL_("v3_checksum_as_v2", D, csum_plain),
	HOOK_("notify_master", CONF_HOOK_MASTER),
	HOOK_("notify_backup", CONF_HOOK_BACKUP),
	HOOK_("notify_fault", CONF_HOOK_FAULT),
	HOOK_("notify_stop", CONF_HOOK_STOP),
	HOOK_("notify_deleted", CONF_HOOK_DELETED),
	HOOK_("notify_master_rx_lower_pri", CONF_HOOK_MASTER_RX_LOWER_PRI),
	HOOK_("notify", CONF_HOOK_ANY),
	COMMAND_("vip_pre_take", D, i.pre_take),
	INT_("vip_pre_take_timeout", KEY_TIME, D, i.pre_take_timeout_us, S_US / 10, 3600ll * S_US),
	INT_("notify_timeout", KEY_TIME, D, i.notify_timeout_us, S_US / 10, 86400ll * S_US),
	{ .name = "vip_lease",
	  .kind = KEY_CUSTOM,
	  .offset = offsetof(struct D, i.vip_lease_s),
	  .parse = conf_parse_lease },
	ACCEPTED_("accept"),
	OFF_("strict_mode"),
	BOOL_("owner_ignore_adverts", D, i.owner_ignore_adverts),
	BOOL_("notify_priority_changes", D, i.notify_priority_changes),
	REFUSED_("no_accept", "nobody could reach MySQL through the address"),
	REFUSED_("track_bfd", "BFD is not served"),
	REFUSED_("use_ipvlan", "ipvlan interfaces are not served"),
	REFUSED_("vrf", "VRFs are not served"),
	UNSERVED_("virtual_routes"),
	UNSERVED_("use_vmac"),
	UNSERVED_("use_vmac_addr"),
	UNSERVED_("vmac_xmit_base"),
	CUSTOM_("timer_expired_backup", conf_parse_expired_backup),
	UNSERVED_("virtual_rules"),
	IGNORED_("garp_extra_if"),
	IGNORED_("smtp_alert"),
	IGNORED_("kernel_rx_buf_size"),
	IGNORED_("debug"),
	IGNORED_("linkbeat_use_polling"),
	IGNORED_("lvs_sync_daemon_interface"),
	IGNORED_("thread_timer_expired"),
	IGNORED_("vmac_garp_intvl"),
};
#undef D

/* --- vrrp_sync_group --------------------------------------------------------------------------------------------- */

#define GROUP_HOOK_(kw, hook) COMMAND_(kw, conf_group, hooks[hook])
static const struct conf_key group_keys[] = {
	ENTRIES_("group", conf_parse_members),
	TRACKS_("track_mysql", conf_group, tracks),
	TRACKS_("track_script", conf_group, tracks),
	TRACKS_("track_interface", conf_group, tracks),
	TRACKS_("track_file", conf_group, tracks),
	TRACKS_("track_process", conf_group, tracks),
	BOOL_("sync_group_tracking_weight", conf_group, tracking_weight),
	BOOL_("global_tracking", conf_group, tracking_weight), /* its old name */
	GROUP_HOOK_("notify_master", CONF_HOOK_MASTER),
	GROUP_HOOK_("notify_backup", CONF_HOOK_BACKUP),
	GROUP_HOOK_("notify_fault", CONF_HOOK_FAULT),
	GROUP_HOOK_("notify_stop", CONF_HOOK_STOP),
	GROUP_HOOK_("notify", CONF_HOOK_ANY),
	INT_("notify_timeout", KEY_TIME, conf_group, notify_timeout_us, S_US / 10, 86400ll * S_US),
	BOOL_("notify_priority_changes", conf_group, notify_priority_changes),
	REFUSED_("track_bfd", "BFD is not served"),
	IGNORED_("smtp_alert"),
};

/* --- the file ---------------------------------------------------------------------------------------------------- */

static const struct conf_key root_keys[] = {
	{ .name = "global_defs", .kind = KEY_GROUP, .inner = &conf_globals_block },
	{ .name = "vrrp_script", .kind = KEY_NAMED, .inner = &conf_script_block },
	{ .name = "vrrp_mysql", .kind = KEY_NAMED, .inner = &conf_mysql_block },
	{ .name = "track_file", .kind = KEY_NAMED, .inner = &conf_track_file_block },
	{ .name = "vrrp_track_process", .kind = KEY_NAMED, .inner = &conf_track_process_block },
	{ .name = "vrrp_track_file", .kind = KEY_NAMED, .inner = &conf_track_file_block },
	{ .name = "vrrp_instance", .kind = KEY_NAMED, .inner = &conf_instance_block },
	{ .name = "vrrp_sync_group", .kind = KEY_NAMED, .inner = &conf_group_block },
	UNSERVED_("mysql_failover"),
	UNSERVED_("static_ipaddress"),
	UNSERVED_("garp_group"),
	ENTRIES_("interface_up_down_delays", conf_parse_link_delays),
	UNSERVED_("net_namespace"),
	IGNORED_("net_namespace_ipvs"),
	IGNORED_("namespace_with_ipsets"),
	IGNORED_("instance"),
	IGNORED_("use_pid_dir"),
	IGNORED_("track_group"),
	UNSERVED_("static_routes"),
	UNSERVED_("static_rules"),
	IGNORED_("linkbeat_interfaces"),
	IGNORED_("linkbeat_use_polling"),
	IGNORED_("child_wait_time"),
	IGNORED_("bfd_instance"),
	IGNORED_("virtual_server"),
	IGNORED_("virtual_server_group"),
	IGNORED_("SSL"),
};

#define BLOCK_(var, kw, has_name, table)                                          \
	const struct conf_block var = { kw, has_name, table, ELEMENTSOF(table) }; \
	_Static_assert(ELEMENTSOF(table) <= CONF_KEYS_MAX, "conf_frame has no room for " #table)
BLOCK_(conf_root_block, NULL, false, root_keys);
BLOCK_(conf_globals_block, "global_defs", false, globals_keys);
BLOCK_(conf_script_block, "vrrp_script", true, script_keys);
BLOCK_(conf_mysql_block, "vrrp_mysql", true, mysql_keys);
BLOCK_(conf_track_file_block, "track_file", true, track_file_keys);
BLOCK_(conf_track_process_block, "vrrp_track_process", true, track_process_keys);
BLOCK_(conf_fitness_block, "check", true, fitness_keys);
BLOCK_(conf_instance_block, "vrrp_instance", true, instance_keys);
BLOCK_(conf_group_block, "vrrp_sync_group", true, group_keys);

/* --- look-up ----------------------------------------------------------------------------------------------------- */

static bool matches(const char *pattern, const char *word)
{
	const char *star = strchr(pattern, '*');
	size_t head, tail, n = strlen(word);

	if (!star)
		return strcmp(pattern, word) == 0;
	head = (size_t)(star - pattern);
	tail = strlen(star + 1);
	return n >= head + tail && strncmp(pattern, word, head) == 0 && strcmp(star + 1, word + n - tail) == 0;
}

/* What libconfig takes as a name; a pattern could match more. */
static bool is_name(const char *word)
{
	if (!isalpha((unsigned char)word[0]) || strlen(word) > 64)
		return false;
	while (isalnum((unsigned char)*word) || *word == '_' || *word == '-')
		word++;
	return *word == '\0';
}

const struct conf_key *conf_key_find(const struct conf_block *block, const char *name)
{
	if (!is_name(name))
		return NULL;
	for (size_t i = 0; i < block->n; i++) {
		if (matches(block->keys[i].name, name))
			return &block->keys[i];
	}
	return NULL;
}

enum { KEYWORDS_TOLD = 16 };

/* Candidates for conf_nearest(): the block's keywords, without patterns. */
static const char *keyword_at(const void *user, size_t i)
{
	const struct conf_block *block = user;

	if (i >= block->n)
		return NULL;
	return strchr(block->keys[i].name, '*') ? "" : block->keys[i].name;
}

static const struct conf_block *home_of(const char *word)
{
	static const struct conf_block *const blocks[] = {
		&conf_root_block, &conf_instance_block, &conf_globals_block, &conf_mysql_block,   &conf_script_block,
		&auth_block,      &hmac_block,          &conf_group_block,   &conf_fitness_block, &conf_track_file_block
	};

	for (size_t i = 0; i < ELEMENTSOF(blocks); i++) {
		if (conf_key_find(blocks[i], word))
			return blocks[i];
	}
	return NULL;
}

/* "; it takes: a, b, c" of a block that has few keywords; else "". */
static const char *keywords_of(const struct conf_block *b, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; b->name && b->n <= KEYWORDS_TOLD && i < b->n; i++)
		if (b->keys[i].kind != KEY_REFUSED && b->keys[i].kind != KEY_IGNORED &&
		    b->keys[i].kind != KEY_UNSERVED && n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "; it takes: ", b->keys[i].name);
	return buf;
}

void conf_key_unknown(struct conf_findings *f, const struct conf_where *where, const void *block, const char *word)
{
	const struct conf_block *b = block;
	const struct conf_block *home = home_of(word);
	const char *near;
	char others[512];

	if (conf_findings_full(f)) {
		conf_error(f, where, "unknown keyword");
		return;
	}
	near = conf_nearest(word, keyword_at, b);
	if (home && home != b)
		conf_error(f, where, "%s: belongs %s%s, not %s%s; is a } missing before, or one too many?", word,
			   home->name ? "into " : "at the top of the file", home->name ? home->name : "",
			   b->name ? "into " : "at the top of the file", b->name ? b->name : "");
	else
		conf_error(f, where, "%.64s: no such keyword %s%s%s%s%s", word, b->name ? "in " : "here",
			   b->name ? b->name : "", near ? "; do you mean " : "",
			   near ? near : keywords_of(b, others, sizeof(others)), near ? "?" : "");
}

static enum ks_shape shape_of(enum conf_kind kind)
{
	switch (kind) {
	case KEY_BOOL:
	case KEY_U8:
	case KEY_U16:
	case KEY_UINT:
	case KEY_TIME:
	case KEY_STRING:
	case KEY_PATH:
	case KEY_CUSTOM:
	case KEY_ACCEPTED:
	case KEY_OFF:
		return KS_VALUE;
	case KEY_COMMAND:
		return KS_COMMAND;
	case KEY_SCRIPT:
		return KS_SCRIPT;
	case KEY_GROUP:
		return KS_GROUP;
	case KEY_NAMED:
		return KS_NAMED;
	case KEY_ENTRIES:
		return KS_ENTRIES;
	case KEY_REPEATED:
		return KS_REPEATED;
	case KEY_IGNORED:
	case KEY_REFUSED:
	case KEY_UNSERVED:
		return KS_SKIP;
	}
	return KS_SKIP;
}

static bool lookup(const void *block, const char *word, struct ks_key *ret)
{
	const struct conf_key *key = conf_key_find(block, word);

	if (!key)
		return false;
	*ret = (struct ks_key){
		.shape = shape_of(key->kind), .first_wins = key->first_wins, .keeps = key->keeps, .inner = key->inner
	};
	return true;
}

const struct ks_grammar conf_grammar = { .root = &conf_root_block, .lookup = lookup, .unknown = conf_key_unknown };
