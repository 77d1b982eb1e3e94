/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of hooks of one instance. Events are copied when they happen and run one after the other from a timer of
 * low rank, so that a transition never waits for a fork. How a program is started and ended is the business of
 * agent/process/exec; which events there are, the instance's. */
#include "agent/notify.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/journal.h"
#include "agent/process/exec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	START_RETRY_US = 200000,   /* after a lack of memory, processes or descriptors */
	STUCK_AFTER_US = 5000000,  /* after SIGKILL: then the queue goes on without it */
	OVERFLOW_LOG_US = 1000000, /* between two lines about a full queue */
	VIPS_TEXT_MAX = 100000,    /* the kernel takes at most 128 KiB in one variable */
	ENV_MAX = 16,
	OUTCOME_MAX = 96,
};

enum step { STEP_SPECIFIC, STEP_GENERIC, STEP_OVER };

struct job {
	struct job *next;
	enum conf_hook hook;
	uint8_t priority;
	uint64_t wall_us; /* since 1970 */
	char *state, *old_state, *cause, *peer, *mysql;
	char text[]; /* what these five point to */
};

struct notify {
	sd_event *loop; /* borrowed */
	struct notify_owner owner;
	const char *(*current_state)(void *user);
	void *user;
	char *vips;
	char *next_vips;          /* while another configuration is prepared */
	struct job *head, **tail; /* the first is at hand */
	const struct job *lower;  /* the one inferior master whose hook has not started; NULL: none */
	size_t n_jobs;
	enum step step; /* of the first */
	struct exec_child *child;
	enum conf_hook running;   /* while there is a child */
	uint64_t timeout_us;      /* of the child */
	struct loop_timer kick;   /* start what is next */
	struct loop_timer stuck;  /* a late hook cannot be ended */
	uint64_t give_up_us;      /* when a hook that cannot be started has failed; 0: none could not */
	struct log_limit crowded; /* for the line about a full queue */
	uint64_t run, failed, timed_out, overflowed, coalesced;
	struct {
		const char *hook; /* NULL: none yet */
		char state[24];
		char outcome[OUTCOME_MAX];
		uint64_t ran_us, ended_us;
	} last;
};

/* --- what a hook is told ----------------------------------------------------------------------------------------- */

struct env {
	char *v[ENV_MAX + 1];
	size_t n;
	bool bad; /* out of memory */
};

static void env_done(struct env *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i]);
}

/* Shell scripts read such things line by line. */
static void blank_control(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
}

static void __attribute__((format(printf, 2, 3))) env_add(struct env *e, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = e->n < ENV_MAX ? vasprintf(&text, fmt, ap) : -1;
	va_end(ap);
	if (r < 0) {
		e->bad = true;
		return;
	}
	blank_control(text);
	e->v[e->n++] = text;
}

/* RFC 3339, UTC, milliseconds. */
static const char *format_time(uint64_t wall_us, char *buf, size_t size)
{
	time_t s = (time_t)(wall_us / 1000000);
	struct tm tm;
	char day[32];

	gmtime_r(&s, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%03uZ", day, (unsigned)(wall_us / 1000 % 1000));
	return buf;
}

static int make_env(const struct notify *n, const struct job *j, struct env *e)
{
	char when[48];

	env_add(e, "SQLVIP_%s=%s", n->owner.kind, n->owner.name);
	env_add(e, "SQLVIP_STATE=%s", j->state);
	env_add(e, "SQLVIP_OLD_STATE=%s", j->old_state);
	env_add(e, "SQLVIP_CURRENT_STATE=%s", n->current_state(n->user));
	env_add(e, "SQLVIP_PRIORITY=%u", j->priority);
	env_add(e, "SQLVIP_CAUSE=%s", j->cause);
	env_add(e, "SQLVIP_VIPS=%s", n->vips);
	env_add(e, "SQLVIP_PEER=%s", j->peer);
	env_add(e, "SQLVIP_MYSQL=%s", j->mysql);
	env_add(e, "SQLVIP_TIME=%s", format_time(j->wall_us, when, sizeof(when)));
	if (n->owner.instance) {
		env_add(e, "SQLVIP_INTERFACE=%s", n->owner.instance->interface);
		env_add(e, "SQLVIP_VRID=%u", n->owner.instance->vrid);
	}
	return e->bad ? -ENOMEM : 0;
}

/* execve(2) takes char *, and writes to none. */
static char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* The configured words, for the generic hook followed by keepalived.conf(5)'s four. Borrows all strings. */
static char **make_argv(const struct notify *n, const struct job *j, enum step step, char *priority, size_t size)
{
	char *const *words = n->owner.hooks[step == STEP_SPECIFIC ? j->hook : CONF_HOOK_ANY].argv;
	char **argv;
	size_t len = 0;

	while (words[len])
		len++;
	argv = calloc(len + 5, sizeof(*argv));
	if (!argv)
		return NULL;
	memcpy(argv, words, len * sizeof(*argv));
	if (step == STEP_GENERIC) {
		snprintf(priority, size, "%u", j->priority);
		argv[len++] = word(n->owner.kind);
		argv[len++] = word(n->owner.name);
		argv[len++] = j->state;
		argv[len++] = priority;
	}
	return argv;
}

/* --- the queue --------------------------------------------------------------------------------------------------- */

/* The hook of that step, or _CONF_HOOK_MAX_ if there is none. */
static enum conf_hook hook_of(const struct notify *n, enum conf_hook event, enum step step)
{
	enum conf_hook hook = step == STEP_SPECIFIC ? event : CONF_HOOK_ANY;

	if (step == STEP_OVER || (step == STEP_SPECIFIC && event == CONF_HOOK_ANY) ||
	    (step == STEP_GENERIC && event == CONF_HOOK_MASTER_RX_LOWER_PRI))
		return _CONF_HOOK_MAX_;
	return n->owner.hooks[hook].argv ? hook : _CONF_HOOK_MAX_;
}

static void pop(struct notify *n)
{
	struct job *j = n->head;

	if (n->lower == j) /* could not be started at all */
		n->lower = NULL;
	n->head = j->next;
	if (!n->head)
		n->tail = &n->head;
	n->n_jobs--;
	n->step = STEP_SPECIFIC;
	free(j);
}

/* Moves to the next hook that is configured; false if nothing is left. */
static bool settle(struct notify *n)
{
	while (n->head) {
		for (; n->step < STEP_OVER; n->step++)
			if (hook_of(n, n->head->hook, n->step) != _CONF_HOOK_MAX_)
				return true;
		pop(n);
	}
	return false;
}

/* `hook`, at hand, is over: takes its outcome on record and goes on. `note` is added to the line. May free `n`. */
static void over(struct notify *n, enum conf_hook hook, const struct exec_result *r, const char *note)
{
	const struct job *j = n->head;
	const struct journal_note event = { .kind = JOURNAL_HOOK, .instance = n->owner.name };

	n->last.hook = conf_hook_name(hook);
	n->last.ran_us = r->ran_us;
	n->last.ended_us = loop_now_us();
	snprintf(n->last.state, sizeof(n->last.state), "%s", j->state);
	exec_describe(r, n->last.outcome, sizeof(n->last.outcome));
	n->run++;
	n->timed_out += r->timed_out;
	n->failed += !r->timed_out && !exec_succeeded(r);
	journal_log(exec_succeeded(r) ? LOG_INFO : LOG_WARNING, &event, "%s for %s: %s (%.3f s)%s", n->last.hook,
		    j->state, n->last.outcome, (double)r->ran_us / 1e6, note);

	loop_timer_stop(&n->stuck);
	n->give_up_us = 0;
	n->step++;
	if (settle(n))
		loop_timer_in(&n->kick, 0);
}

/* It does not run. A shortage passes: within the hook's deadline it is tried again. May free `n`. */
static void not_started(struct notify *n, const struct exec_result *r)
{
	uint64_t now_us = loop_now_us();

	if (!n->give_up_us) {
		n->give_up_us = now_us + n->owner.timeout_us;
		log_write(LOG_WARNING, n->owner.name, "a hook cannot be started yet: %s", strerror(-r->error));
	}
	if (now_us < n->give_up_us)
		loop_timer_in(&n->kick, START_RETRY_US);
	else
		over(n, n->running, r, "");
}

static void hook_ended(void *user, const struct exec_result *r)
{
	struct notify *n = user;

	n->child = NULL;
	if (exec_is_shortage(r->error))
		not_started(n, r);
	else
		over(n, n->running, r, "");
}

static void hook_is_late(void *user)
{
	struct notify *n = user;

	loop_timer_in(&n->stuck, EXEC_KILL_AFTER_US + STUCK_AFTER_US);
}

static void hook_is_stuck(void *user, uint64_t due_us)
{
	struct notify *n = user;
	const struct exec_result r = { .timed_out = true, .ran_us = n->timeout_us };

	(void)due_us;
	exec_abandon(n->child);
	n->child = NULL;
	over(n, n->running, &r, "; it cannot be ended and is left behind");
}

static int start_hook(struct notify *n)
{
	const struct job *j = n->head;
	enum conf_hook hook = hook_of(n, j->hook, n->step);
	_cleanup_(env_done) struct env env = { 0 };
	char priority[8];
	_cleanup_(freep) char **argv = make_argv(n, j, n->step, priority, sizeof(priority));
	const struct exec_spec spec = {
		.what = conf_hook_name(hook),
		.argv = argv,
		.env = (const char *const *)env.v,
		.uid = n->owner.hooks[hook].uid,
		.gid = n->owner.hooks[hook].gid,
		.timeout_us = n->owner.timeout_us,
		.late = hook_is_late,
	};
	int r = argv ? make_env(n, j, &env) : -ENOMEM;

	n->running = hook;
	n->timeout_us = spec.timeout_us;
	return r < 0 ? r : exec_start(n->loop, &spec, hook_ended, n, &n->child);
}

/* Something to do, and nothing runs. */
static void start_next(void *user, uint64_t due_us)
{
	struct notify *n = user;
	struct exec_result result = { 0 };

	(void)due_us;
	result.error = start_hook(n);
	if (result.error < 0)
		not_started(n, &result);
	else if (n->lower == n->head)
		n->lower = NULL;
}

static char *put(char **at, const char *text)
{
	char *start = *at;

	*at = stpcpy(*at, text ? text : "") + 1;
	return start;
}

static struct job *job_new(const struct notify_event *ev)
{
	const char *texts[] = { ev->state, ev->old_state, ev->cause, ev->peer, ev->mysql };
	size_t size = 0;
	struct timespec wall;
	struct job *j;
	char *at;

	for (size_t i = 0; i < ELEMENTSOF(texts); i++)
		size += (texts[i] ? strlen(texts[i]) : 0) + 1;
	j = calloc(1, sizeof(*j) + size);
	if (!j)
		return NULL;
	at = j->text;
	j->hook = ev->hook;
	j->priority = ev->priority;
	j->state = put(&at, ev->state);
	j->old_state = put(&at, ev->old_state);
	j->cause = put(&at, ev->cause);
	j->peer = put(&at, ev->peer);
	j->mysql = put(&at, ev->mysql);
	clock_gettime(CLOCK_REALTIME, &wall);
	j->wall_us = (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000 - (loop_now_us() - ev->at_us);
	return j;
}

void notify_push(struct notify *n, const struct notify_event *ev)
{
	struct job *j;
	uint64_t before;

	fifos_write(n->owner.fifos, n->owner.kind, n->owner.name, ev->state, ev->priority);
	if (hook_of(n, ev->hook, STEP_SPECIFIC) == _CONF_HOOK_MAX_ &&
	    hook_of(n, ev->hook, STEP_GENERIC) == _CONF_HOOK_MAX_)
		return;
	if (ev->hook == CONF_HOOK_MASTER_RX_LOWER_PRI && n->lower) {
		n->coalesced++;
		return;
	}
	j = n->n_jobs < NOTIFY_QUEUE_MAX ? job_new(ev) : NULL;
	if (!j) {
		n->overflowed++;
		if (log_limit_pass(&n->crowded, loop_now_us(), OVERFLOW_LOG_US, &before))
			journal_log(LOG_ERR, &(struct journal_note){ .kind = JOURNAL_HOOK, .instance = n->owner.name },
				    "hooks for %s (%s) are not run: %zu events wait already; %" PRIu64 " lost so far",
				    ev->state, ev->cause ? ev->cause : "", n->n_jobs, n->overflowed);
		return;
	}
	if (ev->hook == CONF_HOOK_MASTER_RX_LOWER_PRI)
		n->lower = j;
	*n->tail = j;
	n->tail = &j->next;
	if (n->n_jobs++ == 0) {
		settle(n);
		loop_timer_in(&n->kick, 0);
	}
}

char **notify_env_new(const struct notify *n, const struct notify_event *ev)
{
	_cleanup_(freep) struct job *j = job_new(ev);
	struct env e = { 0 };
	char **env = j && make_env(n, j, &e) == 0 ? calloc(e.n + 1, sizeof(*env)) : NULL;

	if (env)
		memcpy(env, e.v, e.n * sizeof(*env));
	else
		env_done(&e);
	return env;
}

void notify_env_freep(char ***env)
{
	for (char **v = *env; v && *v; v++)
		free(*v);
	free(*env);
}

void notify_priority(struct notify *n, const char *state, uint8_t priority)
{
	if (strcmp(state, "MASTER") == 0)
		fifos_write(n->owner.fifos, n->owner.kind, n->owner.name, "MASTER_PRIORITY", priority);
	else if (strcmp(state, "BACKUP") == 0)
		fifos_write(n->owner.fifos, n->owner.kind, n->owner.name, "BACKUP_PRIORITY", priority);
}

void notify_repeat(struct notify *n, const char *state, uint8_t priority)
{
	fifos_write(n->owner.fifos, n->owner.kind, n->owner.name, state, priority);
}

/* --- the object -------------------------------------------------------------------------------------------------- */

static char *make_vips(const struct conf_instance *conf)
{
	size_t size = conf->n_vips * (IP_STR_MAX + sizeof("/128")) + 1, len = 0;
	char *text, buf[IP_STR_MAX];

	if (size > VIPS_TEXT_MAX)
		size = VIPS_TEXT_MAX;
	text = calloc(1, size);
	if (!text)
		return NULL;
	for (size_t i = 0; i < conf->n_vips; i++) {
		const struct ip_prefix *p = &conf->vips[i].prefix;
		int r = snprintf(text + len, size - len, "%s%s/%u", i ? " " : "", ip_format(&p->addr, buf), p->len);

		if ((size_t)r >= size - len) {
			text[len] = '\0';
			log_write(LOG_WARNING, conf->name, "SQLVIP_VIPS names only the first %zu of %zu addresses", i,
				  conf->n_vips);
			break;
		}
		len += (size_t)r;
	}
	return text;
}

struct notify_owner notify_owner_of(const struct conf_instance *conf, struct fifos *fifos)
{
	return (struct notify_owner){ .kind = "INSTANCE",
				      .name = conf->name,
				      .hooks = conf->hooks,
				      .timeout_us = conf->notify_timeout_us,
				      .instance = conf,
				      .fifos = fifos };
}

int notify_new(sd_event *loop, const struct notify_owner *owner, const char *(*current_state)(void *user), void *user,
	       struct notify **ret)
{
	struct notify *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->loop = loop;
	n->owner = *owner;
	n->current_state = current_state;
	n->user = user;
	n->tail = &n->head;
	n->vips = owner->instance ? make_vips(owner->instance) : strdup("");
	r = n->vips ? 0 : -ENOMEM;
	if (r == 0)
		r = loop_timer_init(&n->kick, loop, LOOP_RANK_BACKGROUND, 1, start_next, n);
	if (r == 0)
		r = loop_timer_init(&n->stuck, loop, LOOP_RANK_BACKGROUND, START_RETRY_US, hook_is_stuck, n);
	if (r < 0) {
		notify_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

int notify_prepare(struct notify *n, const struct conf_instance *conf)
{
	n->next_vips = make_vips(conf);
	return n->next_vips ? 0 : -ENOMEM;
}

void notify_call_off(struct notify *n)
{
	free(n->next_vips);
	n->next_vips = NULL;
}

void notify_exchange(struct notify *n, const struct notify_owner *owner)
{
	if (n->next_vips) {
		free(n->vips);
		n->vips = TAKE_PTR(n->next_vips);
	}
	n->owner = *owner;
	/* What was next may have lost its command. */
	if (n->head && !n->child) {
		n->give_up_us = 0;
		if (settle(n))
			loop_timer_in(&n->kick, 0);
		else
			loop_timer_stop(&n->kick);
	}
}

struct notify *notify_free(struct notify *n)
{
	if (!n)
		return NULL;
	loop_timer_done(&n->kick);
	loop_timer_done(&n->stuck);
	for (const struct job *j = n->head; j; j = j->next)
		journal_log(LOG_WARNING, &(struct journal_note){ .kind = JOURNAL_HOOK, .instance = n->owner.name },
			    "hooks for %s (%s) %s: we are stopping", j->state, j->cause,
			    j == n->head && n->child ? "are cut short" : "are not run");
	if (n->child)
		exec_abandon(n->child);
	while (n->head)
		pop(n);
	notify_call_off(n);
	free(n->vips);
	free(n);
	return NULL;
}

bool notify_idle(const struct notify *n)
{
	return n->n_jobs == 0;
}

json_t *notify_status(const struct notify *n)
{
	const char *running = n->child ? conf_hook_name(n->running) : NULL;
	json_t *last = json_null();

	if (n->last.hook)
		last = json_pack("{s:s, s:s, s:s, s:f, s:f}", "hook", n->last.hook, "state", n->last.state, "outcome",
				 n->last.outcome, "duration_s", (double)n->last.ran_us / 1e6, "ended_ago_s",
				 (double)(loop_now_us() - n->last.ended_us) / 1e6);
	return json_pack("{s:I, s:s?, s:I, s:I, s:I, s:I, s:I, s:o}", "queued",
			 (json_int_t)(n->n_jobs ? n->n_jobs - 1 : 0), "running", running, "run", (json_int_t)n->run,
			 "failed", (json_int_t)n->failed, "timed_out", (json_int_t)n->timed_out, "overflowed",
			 (json_int_t)n->overflowed, "coalesced", (json_int_t)n->coalesced, "last", last);
}
