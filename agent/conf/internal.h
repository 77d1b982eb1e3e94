/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the configuration reader share while one configuration is being read. */
#pragma once

#include "agent/conf/keys.h"

#include <limits.h>

/* Where the keywords of the block at hand were given. */
struct conf_frame {
	const struct conf_block *block;
	const struct conf_where *given[CONF_KEYS_MAX];
};

/* global_defs, before it is dealt out to the instances. */
struct conf_globals {
	const char *router_id, *control_socket, *state_directory;
	const char *script_user, *script_group, *engine_user; /* NULL: nobody so far */
	bool complete;                                        /* all of global_defs has been read */
	uid_t script_uid;
	gid_t script_gid;
	bool realtime;
	unsigned rt_priority;
	uint8_t version;
	struct ip_addr group4, group6;
	bool check_unicast_src, skip_check_adv_addr, log_unknown_vrids;
	struct conf_garp garp;
	bool min_garp;
	unsigned down_adverts;
	bool lower_prio_no_advert, higher_prio_send_advert, owner_ignore_adverts, csum_plain;
	uint64_t garp_interval_us, gna_interval_us;
	uint64_t startup_delay_us, delay_after_boot_us;
	uint64_t notify_timeout_us;
	bool notify_priority_changes;
	struct conf_fifo fifos[_CONF_FIFO_MAX_];
	struct conf_once startup, shutdown;
	bool script_security, use_symlink_paths;
	bool script_user_is_fallback; /* root, for want of anybody else */
	bool fifo_states_on_reload;
	uint32_t vip_lease_s; /* CONF_LEASE_AUTO: to be derived from advert_int */
};
#define CONF_LEASE_AUTO UINT32_MAX

/* One vrrp_instance before its values are compared with each other. */
struct conf_draft {
	struct conf_instance i;
	bool preempt; /* the keyword was given */
	bool csum_plain;
	bool csum_old, csum_old_never; /* old_unicast_checksum [never] */
	bool native_ipv6;
	bool no_vips;            /* no_virtual_ipaddress */
	bool peers_have_ranges;  /* a min_ttl or max_ttl is given */
	bool listed_wrong;       /* an entry of virtual_ipaddress was refused, and reported */
	struct conf_vip *listed; /* virtual_ipaddress */
	size_t n_listed;
	struct conf_vip *excluded; /* virtual_ipaddress_excluded */
	size_t n_excluded;
	const char *auth_pass; /* NULL: not given */
	const struct conf_where *auth_type_where, *auth_pass_where;
};

struct conf_ctx {
	struct conf *c;
	struct conf_pool *pool;
	struct conf_findings *f;
	const char *file;
	const char *last_file; /* of a setting, to keep one copy of the name */
	bool libconfig;        /* which grammar the tree was read from */
	unsigned n_includes;   /* libconfig's, so far */
	unsigned n_root_by_default;
	unsigned n_unknown; /* errors that are look-ups of users and groups without an answer */
	bool files;         /* other files and the user data base may be looked at */
	size_t links_size;  /* room in c->links */
	struct conf_globals g;
};

/* --- walk.c: the tree, and values in it --- */

/* Reads the settings of `group` by the table of `block` into `obj`; `frame` tells afterwards what was given. */
void conf_walk(struct conf_ctx *x, const struct conf_block *block, config_setting_t *group, void *obj,
	       struct conf_frame *frame);
struct conf_where conf_where_of(struct conf_ctx *x, const config_setting_t *s);
const struct conf_where *conf_keep_where(struct conf_ctx *x, const struct conf_where *where);
/* NULL if the keyword was not given in the block of `frame`. */
const struct conf_where *conf_given(const struct conf_frame *frame, const char *keyword);
/* The words of one list entry; false if it was reported as unusable. A group's members become words: name or address
 * first, then each member's name and value. */
bool conf_entry_words(struct conf_ctx *x, const char *keyword, const config_setting_t *s, struct conf_words *ret);

/* --- value.c: words to values. False: reported under `what`. --- */
bool conf_parse_int(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text, int64_t min,
		    int64_t max, int64_t *ret);
bool conf_parse_time(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text,
		     int64_t min_us, int64_t max_us, uint64_t *ret_us);
bool conf_parse_bool(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text, bool *ret);
/* No control characters and double quotes: what both grammars can hold. */
bool conf_check_bytes(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text);
/* That, and UTF-8: what logs and JSON can hold, too. */
bool conf_check_string(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text);
/* The same without blanks: names of blocks. */
bool conf_check_name(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text);
bool conf_parse_ifname(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *text,
		       char ret[IFNAMSIZ]);
/* Exactly the words that a keyword takes: too few is an error, too many are ignored with a warning. */
bool conf_count_words(struct conf_ctx *x, const struct conf_arg *a, size_t min, size_t max);
/* "0.25" for 250000; up to 6 decimals, no trailing zeros. Returns `buf`. */
const char *conf_format_time(uint64_t us, char *buf, size_t size);
#define CONF_TIME_STR 32

/* --- parse functions and readers of blocks, by file --- */
/* global.c */
void conf_parse_script_user(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_fifo(struct conf_ctx *x, const struct conf_arg *a, void *obj);
/* Also judges what else stands at the root, named blocks excepted. */
void conf_read_globals(struct conf_ctx *x, config_setting_t *root);
/* Nothing given is the mark; completes `g` from `defaults`. */
#define CONF_GARP_UNSET ((struct conf_garp){ UINT_MAX, UINT64_MAX, UINT64_MAX, UINT_MAX, UINT_MAX, UINT64_MAX })
void conf_garp_complete(struct conf_garp *g, const struct conf_garp *defaults);
/* script.c */
void conf_parse_script(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_user(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_hook(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_script_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj);
/* Words `W [reverse|noreverse]`; without the second, *reverse stays as it is. */
bool conf_parse_weight(struct conf_ctx *x, const struct conf_where *where, const char *what, char *const *w, size_t n,
		       int *weight, bool *reverse);
/* The same for -254..254. */
bool conf_parse_wide_weight(struct conf_ctx *x, const struct conf_where *where, const char *what, char *const *w,
			    size_t n, int *weight, bool *reverse);
/* As conf_file_user(), for a name that is not in the file and that most hosts lack: where name services fail, it is
 * missing, with a warning. A shortage here is an error: the same host may have answered otherwise a moment ago. `where`
 * NULL: the file. */
int conf_find_optional_user(struct conf_ctx *x, const struct conf_where *where, const char *user, uid_t *uid,
			    gid_t *gid);
bool conf_resolve_user(struct conf_ctx *x, const struct conf_where *where, const char *user, const char *group,
		       uid_t *uid, gid_t *gid);
/* For a command without a user of its own, once global_defs are complete. */
void conf_default_user(struct conf_ctx *x, struct conf_command *c);
void conf_read_scripts(struct conf_ctx *x, config_setting_t *root);
/* program.c */
/* Somebody at `where` names no user, after global_defs were read: script_user, which is looked for now if need be. */
void conf_default_script_user(struct conf_ctx *x, const struct conf_where *where);
void conf_check_programs(struct conf_ctx *x);
/* mysql.c */
void conf_parse_mysql_host(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_reserved(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_password(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_mysql_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_read_mysqls(struct conf_ctx *x, config_setting_t *root);
/* fitness.c: the checks of a vrrp_mysql */
void conf_parse_fitness_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_fitness_fail(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_fitness_denied(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_fitness_require(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_fitness_lag(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_fitness_lost(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_read_fitness(struct conf_ctx *x, config_setting_t *group, struct conf_mysql *m);
/* watch.c: track_file, vrrp_track_process */
void conf_parse_file_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_init_file(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_read_track_files(struct conf_ctx *x, config_setting_t *root);
void conf_parse_process(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_param_match(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_process_weight(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_process_delay(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_read_track_processes(struct conf_ctx *x, config_setting_t *root);
/* options.c: MySQL option files */
void conf_read_option_file(struct conf_ctx *x, const struct conf_where *where, struct conf_mysql *m,
			   const struct conf_frame *frame);
char *conf_read_secret(struct conf_ctx *x, const struct conf_where *where, const char *what, const char *path);
/* auth.c */
void conf_parse_hmac_keys(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_anti_replay(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_hmac_mode(struct conf_ctx *x, const struct conf_arg *a, void *obj);
/* The rules of an auth_hmac block that was given, and its defaults. NULL: a block that was not given. */
void conf_complete_hmac(struct conf_ctx *x, struct conf_draft *d, const struct conf_where *block,
			const struct conf_where *authentication);
/* instance.c */
void conf_parse_state(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_interface(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_version(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_advert_int(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_auth_type(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_auth_pass(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_expired_backup(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_lease(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_read_instances(struct conf_ctx *x, config_setting_t *root);
/* track.c: interface_up_down_delays; tracked objects: the struct conf_tracks at the keyword's offset in `obj` */
void conf_parse_tracks(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_link_delays(struct conf_ctx *x, const struct conf_arg *a, void *obj);
/* A delay that would outlast the silence after which another host takes over. */
void conf_check_link_delays(struct conf_ctx *x);
/* group.c: sync groups; needs the instances to have been read */
void conf_parse_members(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_read_groups(struct conf_ctx *x, config_setting_t *root);
/* wire.c: how an instance speaks */
void conf_parse_group(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_source(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_peers(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_old_checksum(struct conf_ctx *x, const struct conf_arg *a, void *obj);
/* Family, version, group, unicast and checksum of an instance whose keywords have all been read. */
void conf_complete_wire(struct conf_ctx *x, struct conf_draft *d, const struct conf_frame *frame);
/* vip.c */
void conf_parse_vips(struct conf_ctx *x, const struct conf_arg *a, void *obj);
void conf_parse_excluded(struct conf_ctx *x, const struct conf_arg *a, void *obj);
/* Both lists become one. */
void conf_complete_vips(struct conf_ctx *x, struct conf_draft *d, const struct conf_frame *frame);
/* The name of an address scope, or NULL; and back. */
const char *conf_scope_name(uint8_t scope);
/* The flags that an address may have, one after the other: its word (NULL behind the last), and its bit. */
const char *conf_flag_name(size_t i);
uint32_t conf_flag(size_t i);
/* libconfig.c: libconfig's own grammar. False: reported. */
bool conf_read_libconfig(struct conf_ctx *x, const char *text, size_t len, config_t *tree);
/* check.c: rules between blocks */
void conf_check(struct conf_ctx *x);

/* Makes the list of groups that `keyword` is at the root: its length, and each group; a single group counts as a list
 * of one. Anything else is reported. */
size_t conf_named_count(struct conf_ctx *x, config_setting_t *root, const char *keyword);
config_setting_t *conf_named_elem(config_setting_t *root, const char *keyword, size_t i);
/* The checked name of a named group, "" if it has none (reported). */
char *conf_named_name(struct conf_ctx *x, const char *keyword, config_setting_t *group);
