/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: a tree (libconfig's config_t, from either syntax) -> const struct conf. This is the only code
 * that knows keywords, ranges and defaults, and the only one besides the parsers that sees libconfig.
 *
 * Everything wrong is reported at once, each with file and line, what was found and what is allowed; nothing wrong is
 * replaced by a default. Keywords that we know and do not serve give one warning, or are refused where ignoring them
 * would change what happens to the VIP: see agent/conf/keys.c. */
#pragma once

#include "agent/base/addr.h"
#include "agent/proc_match.h"
#include "checks/mysql.h"
#include "checks/mysql_fitness.h"
#include "vrrp/auth.h"

#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>

/* Where a setting stands. `file` is owned by the configuration. */
struct conf_where {
	const char *file;
	unsigned line;
};

/* A program with its arguments, resolved to a user. argv is NULL-terminated; NULL = not configured. */
struct conf_command {
	char **argv;
	char *user, *group; /* as written; NULL when not given */
	uid_t uid;
	gid_t gid;
	struct conf_where where;
};

struct conf_vip {
	struct ip_prefix prefix;
	struct ip_addr peer;  /* of a point-to-point address; AF_UNSPEC: none */
	char dev[IFNAMSIZ];   /* empty: the instance's interface */
	struct in_addr brd;   /* 0 = none */
	char label[IFNAMSIZ]; /* empty = none */
	uint8_t scope;        /* RT_SCOPE_* */
	bool no_track;        /* deletion by others is ignored */
	uint32_t flags;       /* NETIF_ADDR_FLAGS of agent/netif/netif.h */
	bool dad;             /* IPv6: `-nodad`, with duplicate detection */
	bool has_preferred;   /* IPv6: preferred_lft is given */
	uint32_t preferred_s; /* seconds; UINT32_MAX = forever */
	struct conf_where where;
};

/* What may move the priority of an instance, or hold it in FAULT. In the order in which it is told. */
enum conf_track_kind {
	CONF_TRACK_MYSQL,  /* index into conf.mysqls */
	CONF_TRACK_SCRIPT, /* index into conf.scripts */
	CONF_TRACK_LINK,   /* index into conf.links */
	CONF_TRACK_FILE,   /* index into conf.track_files */
	CONF_TRACK_PROC,   /* index into conf.track_processes */
	_CONF_TRACK_MAX_,
};

struct conf_track {
	size_t index;
	int weight; /* -253..253, of files and processes -254..254; 0 = down means FAULT */
	bool reverse;
	bool inherited; /* stands in the sync group, for all its members */
	struct conf_where where;
};

struct conf_tracks {
	struct {
		struct conf_track *t;
		size_t n;
	} of[_CONF_TRACK_MAX_];
};

/* An interface that is tracked, or has delays. */
struct conf_link {
	char name[IFNAMSIZ];
	uint64_t down_us, up_us; /* how long until a change counts; interface_up_down_delays */
	struct conf_where where; /* of the delays; line 0 without */
};

/* A `track_file` block. */
struct conf_track_file {
	char *name;
	const char *path;
	int weight; /* -254..254, times the number in the file */
	bool reverse;
	bool init;           /* make it at the start if it is missing */
	bool init_overwrite; /* also if it is there */
	int32_t init_value;
	struct conf_where where;
};

enum { CONF_PROCESSES_MAX = 64 };

/* A `vrrp_track_process` block. */
struct conf_track_process {
	char *name;
	struct proc_pattern pattern;
	int weight; /* -254..254 */
	bool reverse;
	unsigned quorum, quorum_max; /* up while the number of processes is within; UINT32_MAX: no limit */
	uint64_t fork_delay_us, terminate_delay_us; /* until more, or fewer, count */
	struct conf_where where;
};

/* Gratuitous ARP: how many, when. Delays in microseconds, 0 = off. */
struct conf_garp {
	unsigned repeat;
	uint64_t delay_us;
	uint64_t refresh_us;
	unsigned refresh_repeat;
	unsigned lower_prio_repeat;
	uint64_t lower_prio_delay_us;
};

struct conf_script {
	char *name;
	struct conf_command command;
	uint64_t interval_us, timeout_us;
	int weight;
	bool reverse;
	unsigned rise, fall;
	bool init_fail;
	struct conf_where where;
};

/* A `check` of a vrrp_mysql. */
struct conf_fitness {
	char *name; /* of the server and the check: "mysqld/replication" */
	struct mysql_fitness_conf check;
	int weight; /* 0: while it fails, FAULT (`fail`) */
	bool reverse;
	unsigned rise, fall;
	struct conf_where where;
};

struct conf_mysql {
	char *name;
	struct mysql_conf probe;
	int weight;
	bool reverse;
	unsigned rise, fall;
	uint64_t dead_delay_us;    /* a dead server has so long to be back before it counts as down */
	uint64_t startup_grace_us; /* after which a server never seen alive is an alarm */
	struct conf_fitness *fitness;
	size_t n_fitness;
	const char *password_file; /* `password file:PATH`; NULL if not written so */
	const char *defaults_file; /* NULL if none */
	bool password_inline;      /* the password stands in the configuration itself */
	struct conf_where where;
};

/* A named pipe for notifications. */
struct conf_fifo {
	const char *path;   /* NULL: not configured */
	char *user, *group; /* as written; NULL when not given */
	uid_t uid;          /* of the pipe, if we create it */
	gid_t gid;
	struct conf_command script; /* reads it; argv NULL if none */
	struct conf_where where;
};

enum conf_fifo_kind {
	CONF_FIFO_ALL,  /* notify_fifo */
	CONF_FIFO_VRRP, /* vrrp_notify_fifo: gets the same here */
	_CONF_FIFO_MAX_,
};

/* A program that is run once, at the beginning or the end of the agent's life. */
struct conf_once {
	struct conf_command command; /* argv NULL: none */
	uint64_t timeout_us;
};

enum conf_hook {
	CONF_HOOK_MASTER,
	CONF_HOOK_BACKUP,
	CONF_HOOK_FAULT,
	CONF_HOOK_STOP,
	CONF_HOOK_DELETED, /* gone from the configuration at a reload */
	CONF_HOOK_MASTER_RX_LOWER_PRI,
	CONF_HOOK_ANY, /* `notify`: gets INSTANCE name STATE priority */
	_CONF_HOOK_MAX_,
};

/* A key of auth_hmac. */
struct conf_hmac_key {
	uint8_t id;
	uint8_t len; /* VRRP_AUTH_KEY_MIN..VRRP_AUTH_KEY_MAX */
	uint8_t octets[VRRP_AUTH_KEY_MAX];
	const char *file; /* where it was read from; NULL: it stands in the configuration itself */
	struct conf_where where;
};

struct conf_hmac {
	struct conf_hmac_key *keys;
	size_t n_keys;  /* 0: no auth_hmac */
	uint8_t active; /* the id that signs */
	bool monotonic; /* anti_replay; else time */
	unsigned window_s;
	enum vrrp_auth_mode mode;
};

struct conf_instance {
	char *name;
	bool state_master; /* `state MASTER` */
	char interface[IFNAMSIZ];
	sa_family_t family; /* of the adverts and of what they list */
	uint8_t vrid, version, priority;
	uint32_t advert_us;
	bool nopreempt;
	uint64_t preempt_delay_us;
	enum vrrp_auth_type auth_type;
	uint8_t auth_data[VRRP_AUTH_LEN];
	struct conf_hmac auth_hmac;
	enum vrrp_csum csum;
	bool csum_group_refused; /* `old_unicast_checksum never` */
	bool csum_group_learned; /* on unicast: whoever speaks VRRP_CSUM_GROUP is answered so; not where csum was chosen
				  */
	struct ip_addr src_ip;   /* AF_UNSPEC: an address of the interface that is no VIP */
	struct ip_addr group;    /* multicast group */
	bool unicast;            /* there may be no peer all the same */
	struct vrrp_unicast_peer *peers;
	size_t n_peers;
	uint8_t unicast_ttl;
	bool check_unicast_src; /* given, or implied by a peer's range of TTLs */
	bool unicast_fault_no_peer;
	bool skip_check_adv_addr; /* who is master already is not asked again which addresses it has */
	bool dont_track_primary;  /* that `interface` is down is no fault */
	bool track_src_ip;        /* that the host lacks the configured source address is one */
	unsigned down_adverts;
	bool lower_prio_no_advert, higher_prio_send_advert;
	bool owner_ignore_adverts;
	uint8_t timer_expired_backup; /* 1..254; 0 = off */
	struct conf_vip *vips; /* those that adverts list, then the excluded ones, which may be of either family */
	size_t n_vips, n_advertised;
	bool promote_secondaries; /* set the sysctl on the interface */
	struct conf_tracks tracks;
	struct conf_garp garp;
	struct conf_command hooks[_CONF_HOOK_MAX_];
	uint64_t notify_timeout_us;
	bool notify_priority_changes; /* to the FIFOs */
	struct conf_command pre_take; /* vip_pre_take */
	uint64_t pre_take_timeout_us;
	uint32_t vip_lease_s;                /* lifetime of the VIPs unless renewed; 0 = off */
	const struct conf_group *sync_group; /* NULL: in none */
	struct conf_where where;
};

/* A vrrp_sync_group: instances that share one state. */
struct conf_group {
	char *name;
	size_t *members; /* indices into conf.instances */
	size_t n_members;
	struct conf_tracks tracks; /* as written; each member's list has them, too */
	bool tracking_weight;      /* members may have weights of their own */
	struct conf_command hooks[_CONF_HOOK_MAX_];
	uint64_t notify_timeout_us;
	bool notify_priority_changes; /* of the members */
	struct conf_where where;
};

struct conf {
	char *file;
	char *router_id;
	char *control_socket;
	char *state_directory;
	char *script_user;  /* of programs that name no user; NULL: there are none, and nobody has said */
	char *script_group; /* NULL: the user's own */
	char *engine_user;  /* NULL: not given, and there is no user sqlvip */
	uid_t engine_uid;   /* root's if engine_user is NULL */
	gid_t engine_gid;
	bool realtime;                              /* SCHED_RR and locked memory where the host allows; default on */
	unsigned rt_priority;                       /* 1..99, default 1 */
	uint64_t garp_interval_us, gna_interval_us; /* between two on an interface; 0 = none */
	uint64_t startup_delay_us;                  /* of the protocol, from our start */
	uint64_t delay_after_boot_us;               /* the same from the boot of the host */
	bool log_unknown_vrids;
	struct conf_fifo fifos[_CONF_FIFO_MAX_];
	struct conf_once startup, shutdown;
	bool script_security;       /* what root runs is in root's hands alone */
	bool use_symlink_paths;     /* run as written, not by the real path */
	bool fifo_states_on_reload; /* tell the FIFOs every state again after a reload */
	struct conf_script *scripts;
	size_t n_scripts;
	struct conf_mysql *mysqls;
	size_t n_mysqls;
	struct conf_link *links;
	size_t n_links;
	struct conf_track_file *track_files;
	size_t n_track_files;
	struct conf_track_process *track_processes;
	size_t n_track_processes;
	struct conf_instance *instances;
	size_t n_instances;
	struct conf_group *groups;
	size_t n_groups;
	struct ip_addr *all_vips; /* of all instances, sorted: see conf_is_vip() */
	size_t n_all_vips;
	atomic_uint refs; /* a thread that reads another one holds one of them */
	void *pool;       /* everything above lives here */
};

/* One finding about the file. */
enum conf_level { CONF_NOTE, CONF_WARNING, CONF_ERROR };

const char *conf_level_name(enum conf_level level); /* "note", "warning", "error" */

/* Gets the findings when everything has been read, in the order of the files (one that includes another comes before
 * it) and of their lines, whatever their levels. `text` has neither place nor newline; it and `where` are valid during
 * the call. */
typedef void (*conf_report_fn)(void *user, enum conf_level level, const struct conf_where *where, const char *text);

/* Reads `path` (libconfig grammar if it ends in ".cfg", else keepalived's), with `config_id` for @id lines (NULL: host
 * name). Reports every finding. 0 and `*ret` (release with conf_free), -EINVAL if there was an error, -EAGAIN if all
 * errors are users and groups that cannot be looked up now, -ENOENT and the like if the file cannot be read (reported
 * too). Reads the files that it includes and the password and option files
 * that it names, and asks for users and groups; touches nothing else. */
int conf_load(const char *path, const char *config_id, conf_report_fn report, void *user, struct conf **ret);
/* Another holder of the same configuration; each gives it back with conf_free(), in whatever thread. */
struct conf *conf_ref(struct conf *c);
struct conf *conf_free(struct conf *c);

/* The same for text in memory; `name` stands for the path. Unless `files`, nothing else is looked at: includes are
 * refused, passwords in files stay NULL, and users and groups are taken to be root's numbers. */
int conf_load_text(const char *name, const char *text, size_t len, bool files, const char *config_id,
		   conf_report_fn report, void *user, struct conf **ret);

/* Prints the effective configuration in keepalived grammar: every value, defaults included. What it prints reads back
 * to the same, with one exception. Passwords in files are printed as the file's name. A MySQL password that stands in
 * the configuration itself is printed as CONF_WITHHELD, which conf_load refuses by name, and so is a key of auth_hmac.
 * auth_pass is printed: VRRP sends it in clear over the wire every second. */
void conf_print(const struct conf *c, FILE *out);
/* One address; `interface` is its instance's. */
void conf_print_vip(const struct conf_vip *v, const char *interface, FILE *out);
#define CONF_WITHHELD "********"
/* The same for everybody's eyes: auth_pass and keys, too, are CONF_WITHHELD. Allocated; NULL without memory. */
char *conf_print_public(const struct conf *c);

/* What an operator should add so that something watches MySQL: the lines themselves, with comments that say where they
 * go, for `-t` and the start log, in the grammar of the file. Calls `line` for each; nothing if every instance already
 * tracks MySQL or a script. */
void conf_advise(const struct conf *c, void (*line)(void *user, const char *text), void *user);

struct conf_findings;
/* Warns of programs that are not on this host, or that their users cannot run. Changes nothing. */
void conf_look_for_programs(struct conf *c, struct conf_findings *f);

/* Whether any instance has this VIP, whatever its prefix length. */
bool conf_is_vip(const struct conf *c, const struct ip_addr *addr);

const char *conf_hook_name(enum conf_hook hook);      /* "notify_master" … */
const char *conf_fifo_name(enum conf_fifo_kind kind); /* "notify_fifo", "vrrp_notify_fifo" */

/* The keyword of a list of tracked objects ("track_mysql"), of their blocks ("vrrp_mysql"), and the short word of
 * status ("mysql"). */
const char *conf_track_keyword(enum conf_track_kind kind);
const char *conf_track_block(enum conf_track_kind kind);
const char *conf_track_word(enum conf_track_kind kind);
/* What `t` stands for; borrowed from `c`. */
const char *conf_track_name(const struct conf *c, enum conf_track_kind kind, const struct conf_track *t);
/* How many objects are in the lists. */
size_t conf_tracks_count(const struct conf_tracks *tracks);
/* Whether object `index` of this kind is tracked by anybody. */
bool conf_is_tracked(const struct conf *c, enum conf_track_kind kind, size_t index);
