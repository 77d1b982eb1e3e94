/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: wiring of all parts, the loop, the end. */
#include "agent/engine.h"

#include "agent/alarm.h"
#include "agent/announce.h"
#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/signals.h"
#include "agent/daemon.h"
#include "agent/journal.h"
#include "agent/load.h"
#include "agent/observe.h"
#include "agent/process/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum {
	HOOKS_AT_STOP_US = 5000000, /* how long the last hooks may take */
	RELEASE_MAX_US = 3000000,   /* a kernel that does not let go of the rtnl lock must not keep us for ever */
	LOG_FLUSH_US = 1000000,
	STORE_FLUSH_US = 1000000,
	LOOK_US = 2000000, /* between two looks for alarms */
	LOOK_SLACK_US = 500000,
};

static const struct journal_note agent_event = { .kind = JOURNAL_AGENT };

/* --- events from outside, to every instance ---------------------------------------------------------------------- */

static void on_link(void *user, const struct netif_link *link, bool gone)
{
	struct daemon *d = user;

	/* Also while startup_script runs, which may be what makes the interfaces: nobody tells of them again. */
	links_on_link(d->links);
	wires_on_link(d->wires, link, gone);
	for (size_t i = 0; d->ready && i < d->conf->n_instances; i++)
		instance_on_link(d->instances[i], link, gone);
}

static void on_addr(void *user, int ifindex, const struct ip_prefix *prefix, bool gone)
{
	struct daemon *d = user;

	for (size_t i = 0; d->ready && i < d->conf->n_instances; i++)
		instance_on_addr(d->instances[i], ifindex, prefix, gone);
}

static void on_wire(void *user)
{
	struct daemon *d = user;

	for (size_t i = 0; d->ready && i < d->conf->n_instances; i++)
		instance_on_wire(d->instances[i]);
}

static void on_links(void *user)
{
	struct daemon *d = user;

	for (size_t i = 0; d->ready && i < d->conf->n_instances; i++)
		instance_on_links(d->instances[i]);
}

static void on_health(void *user)
{
	struct daemon *d = user;

	for (size_t i = 0; d->ready && i < d->conf->n_instances; i++)
		instance_on_checks(d->instances[i]);
}

static void look_for_alarms(void *user, uint64_t due_us)
{
	struct daemon *d = user;

	(void)due_us;
	engine_look(d);
	loop_timer_in(&d->look_timer, LOOK_US);
}

/* --- going ------------------------------------------------------------------------------------------------------- */

/* Everything is set up, and startup_script is over. */
static void go(struct daemon *d)
{
	struct ops o = engine_ops(d);

	ops_tell(&o);
	d->ready = true;
	for (size_t i = 0; i < d->conf->n_instances; i++)
		instance_look(d->instances[i]);
	groups_settle(d->groups); /* standby was known before they were members */
	for (size_t i = 0; i < d->conf->n_instances; i++)
		instance_start(d->instances[i]);
	checker_start(d->checker);
	loop_timer_in(&d->look_timer, LOOK_US);
	(void)engine_link_ready(
		d->supervisor); /* a supervisor that does not read is gone, which is noticed elsewhere */
	if (d->hung_up)
		reload_request(d->reload, "SIGHUP", NULL);
}

/* --- stopping ---------------------------------------------------------------------------------------------------- */

static bool all_idle(struct daemon *d)
{
	for (size_t i = 0; i < d->conf->n_instances; i++)
		if (!instance_idle(d->instances[i]))
			return false;
	if (!groups_idle(d->groups) || !apply_idle(d->apply))
		return false;
	fifos_finish(d->fifos);
	return fifos_idle(d->fifos);
}

static void startup_is_over(void *user)
{
	go(user);
}

static void shutdown_is_over(void *user)
{
	struct daemon *d = user;

	loop_timer_in(&d->stop_timer, 0);
}

/* The last program of all, when nothing else is to be done. True while it runs. */
static bool runs_shutdown_script(struct daemon *d)
{
	if (!d->shutdown_done) {
		d->shutdown_done = true;
		once_run(&d->once, "shutdown_script", &d->conf->shutdown, shutdown_is_over, d);
	}
	return once_runs(&d->once);
}

/* Polls for the end: the VIPs are gone within milliseconds, the last hooks take what they take. */
static void stop_step(void *user, uint64_t due_us)
{
	struct daemon *d = user;
	uint64_t waited_us = loop_now_us() - d->stop_us;

	(void)due_us;
	if (d->unreleased > 0 ? waited_us > RELEASE_MAX_US : all_idle(d) || waited_us > HOOKS_AT_STOP_US) {
		if (d->unreleased > 0) {
			/* Tearing down in order would wait for the same kernel. */
			log_error("%zu instances could not release their addresses in time", d->unreleased);
			log_stop(LOG_FLUSH_US);
			_exit(EXIT_FATAL);
		}
		if (!runs_shutdown_script(d)) {
			sd_event_exit(d->loop, EXIT_OK);
			return;
		}
	}
	loop_timer_in(&d->stop_timer, 5000);
}

static void on_released(void *user)
{
	struct daemon *d = user;

	d->unreleased--;
	if (d->unreleased == 0) {
		journal_log(LOG_NOTICE, &agent_event, "everything is released, %.1f ms after the signal",
			    (double)(loop_now_us() - d->stop_us) / 1000);
		loop_timer_in(&d->stop_timer, 0);
	}
}

static void stop(void *user, const char *why)
{
	struct daemon *d = user;

	if (d->stopping)
		return;
	d->stopping = true;
	once_drop(&d->once); /* startup_script */
	d->stop_us = loop_now_us();
	journal_log(LOG_NOTICE, &agent_event, "stopping: %s", why);
	reload_stop(d->reload);
	d->unreleased = apply_stop(d->apply, on_released, d);
	for (size_t i = 0; i < d->conf->n_instances; i++)
		d->unreleased += !instance_is_stopping(d->instances[i]);
	for (size_t i = 0; i < d->conf->n_instances; i++)
		if (!instance_is_stopping(d->instances[i]))
			instance_stop(d->instances[i], on_released, d);
	loop_timer_in(&d->stop_timer, d->unreleased ? RELEASE_MAX_US : 0);
}

static int on_stop_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *user)
{
	(void)s;
	stop(user, strsignal((int)si->ssi_signo));
	return 0;
}

/* They are for the supervisor; unhandled, they would end us with the VIP in place. */
static int on_dump_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *user)
{
	(void)s, (void)user;
	log_notice("%s does nothing in the engine", strsignal((int)si->ssi_signo));
	return 0;
}

static void reload(void *user)
{
	struct daemon *d = user;

	d->hung_up = !d->ready;
	if (d->ready)
		reload_request(d->reload, "SIGHUP", NULL);
}

/* --- starting ---------------------------------------------------------------------------------------------------- */

static const struct signal_handler signals[] = {
	{ SIGTERM, on_stop_signal }, { SIGINT, on_stop_signal },  { SIGQUIT, on_stop_signal },
	{ SIGUSR1, on_dump_signal }, { SIGUSR2, on_dump_signal }, { SIGHUP, on_dump_signal },
};

/* vrrp_startup_delay and vrrp_delay_after_boot: the later of the two ends. */
static uint64_t protocol_start_us(const struct daemon *d)
{
	uint64_t from_start_us = d->started_us + d->conf->startup_delay_us;
	uint64_t now_us = loop_now_us(), from_boot_us = now_us;
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	if (d->conf->delay_after_boot_us > (uint64_t)up.tv_sec * 1000000)
		from_boot_us = now_us + d->conf->delay_after_boot_us - (uint64_t)up.tv_sec * 1000000;
	return from_start_us > from_boot_us ? from_start_us : from_boot_us;
}

static struct instance_env instance_env(const struct daemon *d)
{
	return (struct instance_env){
		.loop = d->loop,
		.adverts = d->adverts,
		.downs = d->downs,
		.conf = d->conf,
		.netif = d->netif,
		.wires = d->wires,
		.checker = d->checker,
		.orders = d->orders,
		.observe = d->observe,
		.links = d->links,
		.files = d->files,
		.procs = d->procs,
		.fifos = d->fifos,
		.announce_socket = d->announce_socket,
		.pacing = d->pacing,
		.start_us = protocol_start_us(d),
	};
}

/* In the loader's thread. */
static int obtain_conf(void *user, conf_report_fn report, void *report_user, struct conf **ret)
{
	const struct daemon *d = user;
	int r = engine_link_conf(d->supervisor, conf_bundle_noted(d->bundle, ENGINE_NOTE_FILE),
				 conf_bundle_noted(d->bundle, ENGINE_NOTE_CONFIG_ID), report, report_user, ret);

	if (r < 0 || !d->observe)
		return r;
	r = observe_conf(*ret);
	if (r < 0)
		*ret = conf_free(*ret);
	return r;
}

static void conf_is_in_effect(void *user)
{
	struct daemon *d = user;

	engine_link_uses(d->supervisor);
	if (store_move(d->store, d->conf->state_directory, d->observe ? NULL : ORDERS_FILE))
		orders_save(d->orders);
	for (size_t i = 0; i < d->conf->n_instances; i++)
		instance_try_again(d->instances[i]);
}

static void conf_is_refused(void *user)
{
	const struct daemon *d = user;

	engine_link_refuses(d->supervisor);
}

static int start_reload(struct daemon *d)
{
	const struct apply_parts parts = {
		.loop = d->loop,
		.conf = &d->conf,
		.instances = &d->instances,
		.groups = d->groups,
		.links = d->links,
		.files = d->files,
		.procs = d->procs,
		.checker = d->checker,
		.env = instance_env(d),
	};
	const struct loader_source source = {
		.obtain = obtain_conf, .in_effect = conf_is_in_effect, .refused = conf_is_refused, .user = d
	};
	int r = apply_new(&parts, &d->apply);

	return r < 0 ? r : reload_new(d->loop, &source, &d->conf, d->apply, &d->reload);
}

static int start_instances(struct daemon *d)
{
	struct instance_env env;
	char text[256];

	d->announce_socket = announce_open();
	if (d->announce_socket < 0) {
		log_error("cannot open the socket for announcements: %s", strerror(-d->announce_socket));
		return d->announce_socket;
	}
	d->pacing = pacing_new();
	env = instance_env(d);
	d->instances = calloc(d->conf->n_instances + 1, sizeof(struct instance *));
	if (!d->instances || !d->pacing)
		return -ENOMEM;
	for (size_t i = 0; i < d->conf->n_instances; i++) {
		int r = instance_new(&env, &d->conf->instances[i], &d->instances[i]);

		if (r < 0) {
			log_error("%s: cannot be set up: %s", d->conf->instances[i].name,
				  privs_error_text(r, text, sizeof(text)));
			return r;
		}
		instance_enter(d->instances[i]);
	}
	return 0;
}

/* What needs root, and from then on is ours. */
static int start_as_root(struct daemon *d)
{
	int r = control_new(d->loop, d->conf->control_socket, engine_commands, d, &d->control);

	if (r == -EADDRINUSE)
		log_error("another sqlvipd serves %s; stop it first, or give this one its own control_socket",
			  d->conf->control_socket);
	else if (r < 0)
		log_error("cannot listen on %s: %s", d->conf->control_socket, strerror(-r));
	if (r < 0)
		return r;
	if (d->restarts == 0 && !d->observe)
		d->makers = track_files_make(d->conf);
	r = fifos_new(d->loop, d->first, &d->fifos);
	if (r < 0)
		log_error("cannot set up the FIFOs: %s", strerror(-r));
	return r;
}

/* Its thread is the one that has our scheduling, and has to be born with it: to ask for it later we lack the right. */
static int start_netif(struct daemon *d)
{
	const struct netif_events events = { .link = on_link, .addr = on_addr, .user = d };
	int r = netif_new(d->loop, &events, &d->netif);

	if (r < 0)
		log_error("cannot talk to the kernel about links and addresses: %s", strerror(-r));
	else if (d->observe)
		netif_set_read_only(d->netif);
	privs_keep_realtime();
	return r;
}

static int start_parts(struct daemon *d)
{
	int r = store_open(d->conf->state_directory, &d->store);

	if (r < 0) {
		log_error("cannot set up the state directory: %s", strerror(-r));
		return r;
	}
	journal_open(d->store, d->observe ? JOURNAL_OBSERVED_FILE : JOURNAL_FILE);
	r = orders_new(d->observe ? NULL : d->store, &d->orders);
	if (r < 0)
		return r;
	r = loop_clock_new(d->loop, LOOP_RANK_ADVERT, INSTANCE_ADVERT_SLACK_US, &d->adverts);
	if (r >= 0)
		r = loop_clock_new(d->loop, LOOP_RANK_NET, 1, &d->downs);
	if (r >= 0)
		r = wires_new(d->loop, d->netif, on_wire, d, &d->wires);
	if (r >= 0 && d->observe)
		wires_mute(d->wires);
	if (r >= 0)
		wires_log_unknown(d->wires, d->conf->log_unknown_vrids);
	if (r >= 0)
		r = worker_new(d->loop, TRACK_FILES_AT_ONCE, &d->file_worker);
	if (r >= 0)
		r = worker_new(d->loop, 1, &d->proc_worker);
	if (r >= 0)
		r = track_files_new(d->loop, d->file_worker, d->conf, TAKE_PTR(d->makers), on_health, d, &d->files);
	if (r >= 0)
		r = track_procs_new(d->loop, d->proc_worker, d->conf, on_health, d, &d->procs);
	if (r >= 0)
		r = links_new(d->loop, d->netif, d->conf, on_links, d, &d->links);
	if (r >= 0)
		r = checker_new(d->loop, d->conf, on_health, d, &d->checker);
	if (r < 0) {
		log_error("cannot set up the checks: %s", strerror(-r));
		return r;
	}
	r = start_instances(d);
	if (r < 0)
		return r;
	r = groups_new(d->loop, d->conf, d->instances, d->fifos, &d->groups);
	if (r < 0)
		log_error("cannot set up the sync groups: %s", strerror(-r));
	if (r >= 0)
		r = start_reload(d);
	return r;
}

/* The lines themselves carry no "warning:", so that they can be copied into the file. */
static void log_advice(void *user, const char *text)
{
	bool *begun = user;

	if (!*begun)
		log_warn(
			"some instance follows nothing that watches MySQL: a dead mysqld would keep its address; add:");
	*begun = true;
	log_notice("  %s", text);
}

static void greet(const struct daemon *d)
{
	bool advised = false;

	journal_log(LOG_NOTICE, &agent_event, "sqlvipd %s started with %s: %zu instance%s; %s; pid %d", SQLVIP_VERSION,
		    d->conf->file, d->conf->n_instances, d->conf->n_instances == 1 ? "" : "s", d->realtime,
		    (int)getpid());
	if (d->observe)
		alarm_raise("observe", NULL,
			    "OBSERVE: this agent sends nothing and touches no address; states are what it would do");
	if (d->restarts == 0)
		conf_advise(d->conf, log_advice, &advised);
}

/* From here on strangers may speak to us. All threads come afterwards, for they keep what they had. */
static int drop_rights(struct daemon *d)
{
	int r = privs_drop(d->conf->engine_uid, d->conf->engine_gid);

	if (r < 0)
		log_error("cannot become %s with CAP_NET_ADMIN and CAP_NET_RAW alone: %s", engine_user(d),
			  strerror(-r));
	return r;
}

static int run(struct daemon *d)
{
	const struct engine_link_events events = { .stop = stop, .reload = reload, .user = d };
	int r = sd_event_new(&d->loop);

	if (r >= 0)
		r = loop_timer_init(&d->stop_timer, d->loop, LOOP_RANK_BACKGROUND, 1000, stop_step, d);
	if (r >= 0)
		r = loop_timer_init(&d->look_timer, d->loop, LOOP_RANK_BACKGROUND, LOOK_SLACK_US, look_for_alarms, d);
	if (r >= 0)
		r = once_init(&d->once, d->loop);
	if (r >= 0)
		r = signals_watch(d->loop, signals, ELEMENTSOF(signals), LOOP_RANK_NET, d);
	if (r < 0) {
		log_error("cannot set up the event loop: %s", strerror(-r));
		return r;
	}
	r = engine_link_new(d->loop, ENGINE_LINK_SOCKET, &events, &d->supervisor);
	if (r >= 0)
		r = start_as_root(d);
	if (r >= 0)
		r = drop_rights(d);
	if (r >= 0)
		r = start_netif(d);
	log_start();
	if (r >= 0)
		r = start_parts(d);
	if (r < 0)
		return r;
	greet(d);
	/* Once in the life of the agent. */
	if (d->restarts > 0 || !once_run(&d->once, "startup_script", &d->conf->startup, startup_is_over, d))
		go(d);
	return sd_event_loop(d->loop);
}

static void tear_down(struct daemon *d)
{
	d->ready = false;
	engine_link_close(d->supervisor); /* the loader's thread may wait for an answer, */
	reload_free(d->reload);           /* … and is waited for */
	apply_free(d->apply);
	control_free(d->control);
	groups_free(d->groups);
	for (size_t i = 0; d->instances && i < d->conf->n_instances; i++)
		instance_free(d->instances[i]);
	free(d->instances);
	pacing_free(d->pacing);
	close_fd(d->announce_socket);
	fifos_free(d->fifos);
	once_done(&d->once);
	checker_free(d->checker);
	links_free(d->links);
	worker_free(d->file_worker);
	worker_free(d->proc_worker);
	track_files_free(d->files);
	track_procs_free(d->procs);
	wires_free(d->wires);
	netif_free(d->netif);
	loop_timer_done(&d->stop_timer);
	loop_timer_done(&d->look_timer);
	loop_clock_free(d->adverts);
	loop_clock_free(d->downs);
	engine_link_free(d->supervisor); /* after those who may have programs running */
	sd_event_unref(d->loop);
	orders_free(d->orders);
	journal_close();
	store_close(d->store, STORE_FLUSH_US);
	conf_free(d->conf);
	conf_free(d->first);
	free(d->makers);
	conf_bundle_free(d->bundle);
}

/* Warnings were told by the supervisor, who has read the same. */
static void report(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user;
	if (level == CONF_ERROR)
		load_log_finding(level, where, text);
}

static int read_bundle(struct daemon *d)
{
	const char *restarts;
	int r;

	d->bundle = conf_bundle_read(ENGINE_LINK_BUNDLE, &r);
	close(ENGINE_LINK_BUNDLE);
	if (!d->bundle) {
		log_error("an engine is started by the supervisor only: %s", strerror(-r));
		return r;
	}
	log_set_console(conf_bundle_noted(d->bundle, ENGINE_NOTE_CONSOLE));
	if (conf_bundle_noted(d->bundle, ENGINE_NOTE_DETAIL))
		log_set_level(LOG_DEBUG);
	restarts = conf_bundle_noted(d->bundle, ENGINE_NOTE_RESTARTS);
	d->restarts = restarts ? (unsigned)strtoul(restarts, NULL, 10) : 0;
	conf_bundle_replay(d->bundle);
	r = conf_load(conf_bundle_noted(d->bundle, ENGINE_NOTE_FILE) ?: "",
		      conf_bundle_noted(d->bundle, ENGINE_NOTE_CONFIG_ID), report, NULL, &d->conf);
	conf_bundle_replay(NULL);
	d->observe = conf_bundle_noted(d->bundle, ENGINE_NOTE_OBSERVE);
	return r == 0 && d->observe ? observe_conf(d->conf) : r;
}

int engine_main(void)
{
	struct daemon daemon = { .announce_socket = -1 }, *d = &daemon;
	int r;

	prctl(PR_SET_NAME, "sqlvipd"); /* it was started as /proc/self/exe */
	signals_block(signals, ELEMENTSOF(signals));
	d->started_us = loop_now_us();
	d->supervisor_pid = getppid();
	r = read_bundle(d);
	if (r < 0)
		return exit_code_of(r);
	d->first = conf_ref(d->conf);
	privs_many_files();
	snprintf(d->realtime, sizeof(d->realtime), "ordinary scheduling, memory not locked (configured)");
	if (d->conf->realtime)
		privs_realtime(d->conf->rt_priority, d->realtime, sizeof(d->realtime));
	r = run(d);
	if (r < 0)
		r = exit_code_of(r) == EXIT_PERMISSION ? EXIT_PERMISSION : EXIT_FATAL;
	if (r == EXIT_PERMISSION)
		log_error("raw sockets and addresses need CAP_NET_RAW and CAP_NET_ADMIN: start sqlvipd as root");
	tear_down(d);
	log_stop(LOG_FLUSH_US);
	return r;
}
