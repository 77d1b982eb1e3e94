/* SPDX-License-Identifier: Apache-2.0 */
/* Counts processes. What is known is a set of pids with the patterns that each matches. Jobs in the worker find out
 * what processes are: all of them (at the start, each second without a connector, after lost messages), or those that
 * the connector has named. Ends need no look: a pid that ends is struck off, and while a job is under way remembered,
 * so that its answer does not bring it back.
 *
 * Not having been able to look is no result: then what counted counts on, until all of /proc could be read. */
#include "agent/track_proc.h"

#include "agent/alarm.h"
#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/base/loop.h"
#include "agent/journal.h"
#include "agent/json.h"
#include "agent/proc_events.h"
#include "agent/proc_match.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
	SCAN_US = 1000000,
	HANGS_US = 5000000, /* no look through /proc takes so long */
	CMDLINE_MAX = 4096,
	LOOK_MAX = 512, /* so many named ones wait; beyond that all are looked at */
	BLIND_MAX = 160,
};

/* Pids, and what each matches: bit i of the mask is pattern i. */
struct found {
	int pid;
	uint64_t mask;
};
_Static_assert(CONF_PROCESSES_MAX <= 64, "each pattern has a bit");

struct set {
	struct found *f;
	size_t n, size;
};

struct proc {
	const struct conf_track_process *conf;
	unsigned count;
	bool known;              /* /proc has been looked through for it */
	bool fresh;              /* it came with a reload: see struct checker_state */
	bool up;                 /* what counts */
	struct loop_timer timer; /* armed while the count says otherwise */
	struct track_procs *owner;
	char reason[BLIND_MAX + 64];
};

struct job;

struct track_procs {
	sd_event *loop;
	struct worker *worker;
	void (*changed)(void *user);
	void *user;
	struct proc **procs; /* beside conf.track_processes */
	size_t n;
	struct proc **next; /* while another configuration is prepared */
	size_t n_next;
	unsigned generation; /* of the patterns: an answer to older ones is of no use */
	struct set known;
	bool stale;            /* nothing is known of these patterns yet: what counted, counts */
	bool begun;            /* reloads from here on */
	char blind[BLIND_MAX]; /* why nothing could be learnt; "" if all is well. What counted, counts */
	struct job *job;       /* under way, or NULL */
	struct set ended;      /* meanwhile */
	struct set to_look;    /* named by the connector */
	bool scan_wanted;
	struct loop_timer scan;
	struct proc_events *connector; /* NULL without */
	bool connected;                /* it has answered */
	char how[128];
	uint64_t scans, looks, events, scan_us; /* of the last scan */
};

struct job {
	struct worker_job head;
	struct track_procs *owner;
	unsigned generation;
	bool all;
	struct proc_pattern patterns[CONF_PROCESSES_MAX]; /* with copies of their words */
	size_t n_patterns;
	char **words;    /* backs the patterns: pointers, then what they point to */
	struct set pids; /* in, unless `all`; out: with their masks */
	_Atomic int at;  /* the process that is being looked at */
	bool missed;     /* out: some that are said to be there could not be read: gone, or hidden? */
	int error;       /* out: 0, or -errno: the masks are not to be believed; -EACCES: processes are hidden */
	uint64_t took_us;
};

static void set_add(struct set *s, int pid, uint64_t mask)
{
	if (s->n == s->size) {
		s->size = s->size ? 2 * s->size : 32;
		s->f = realloc(s->f, s->size * sizeof(*s->f));
		if (!s->f)
			abort(); /* a few bytes per process that matters */
	}
	s->f[s->n++] = (struct found){ pid, mask };
}

static struct found *set_find(const struct set *s, int pid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->f[i].pid == pid)
			return &s->f[i];
	return NULL;
}

static bool set_remove(struct set *s, int pid)
{
	struct found *f = set_find(s, pid);

	if (f)
		*f = s->f[--s->n];
	return f != NULL;
}

static void set_done(struct set *s)
{
	free(s->f);
	*s = (struct set){ 0 };
}

/* --- in the worker ----------------------------------------------------------------------------------------------- */

/* What we lack, not what the process does. */
static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* The length; 0 if it cannot be read: the job knows if that is not because the process has gone. */
static size_t read_proc(struct job *j, int pid, const char *name, char *buf, size_t size)
{
	char path[64];
	_cleanup_(close_fdp) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (n < 0 && is_shortage(errno))
		j->error = -errno;
	n = n > 0 ? n : 0;
	buf[n] = '\0';
	return (size_t)n;
}

/* Which patterns the process matches; 0 if it is gone, or a zombie. */
static uint64_t look_at(struct job *j, int pid)
{
	char stat[512], cmdline[CMDLINE_MAX];
	const char *comm;
	bool has_cmdline = false;
	size_t len = 0;
	uint64_t mask = 0;
	char state;

	j->at = pid;
	if (read_proc(j, pid, "stat", stat, sizeof(stat)) == 0) {
		j->missed = true;
		return 0;
	}
	if (!proc_parse_stat(stat, &comm, &state) || state == 'Z' || state == 'X')
		return 0;
	for (size_t i = 0; i < j->n_patterns; i++) {
		if (j->patterns[i].by_command && !has_cmdline) {
			len = read_proc(j, pid, "cmdline", cmdline, sizeof(cmdline));
			has_cmdline = true;
		}
		if (proc_matches(&j->patterns[i], comm, cmdline, len))
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

static void look_at_all(struct job *j)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	if (!dir) {
		j->error = -errno;
		return;
	}
	for (errno = 0; (e = readdir(dir)); errno = 0) {
		int pid = atoi(e->d_name);
		uint64_t mask = pid > 0 ? look_at(j, pid) : 0;

		if (mask)
			set_add(&j->pids, pid, mask);
	}
	if (errno)
		j->error = -errno;
	closedir(dir);
}

/* With hidepid those of other users are not in the list, or cannot be opened. The first process is always there, and
 * never ours. */
static void look_whether_hidden(struct job *j)
{
	char stat[512];

	if (read_proc(j, 1, "stat", stat, sizeof(stat)) == 0 && !j->error)
		j->error = -EACCES;
}

static void run(struct worker_job *job)
{
	struct job *j = (struct job *)job;
	uint64_t began_us = loop_now_us();

	if (j->all)
		look_at_all(j);
	for (size_t i = 0; !j->all && i < j->pids.n; i++)
		j->pids.f[i].mask = look_at(j, j->pids.f[i].pid);
	if (!j->error && (j->all || j->missed))
		look_whether_hidden(j);
	j->took_us = loop_now_us() - began_us;
}

/* --- what counts ------------------------------------------------------------------------------------------------- */

static bool enough(const struct proc *p)
{
	return p->count >= p->conf->quorum && p->count <= p->conf->quorum_max;
}

static void describe(struct proc *p)
{
	const char *blind = p->owner->blind;

	if (!p->known)
		snprintf(p->reason, sizeof(p->reason), "%s", blind[0] ? blind : "has not been counted yet");
	else
		snprintf(p->reason, sizeof(p->reason), "%u running%s%s%s", p->count,
			 enough(p) != p->up ? ", which does not count yet" : "", blind[0] ? ", when last seen: " : "",
			 blind);
}

/* True if what counts has changed. */
static bool settle(struct proc *p, uint64_t delay_us)
{
	const bool up = enough(p), was_up = p->up;

	if (up == p->up || delay_us == 0) {
		loop_timer_stop(&p->timer);
		p->up = up;
	} else if (!loop_timer_armed(&p->timer)) {
		loop_timer_in(&p->timer, delay_us);
	}
	describe(p);
	return p->up != was_up;
}

static void tell(const struct proc *p)
{
	const struct journal_note note = { .kind = JOURNAL_CHECK,
					   .instance = p->conf->name,
					   .to = p->up ? "up" : "down" };

	p->owner->changed(p->owner->user);
	journal_log(p->up ? LOG_NOTICE : LOG_WARNING, &note, "vrrp_track_process is %s: %s", note.to, p->reason);
}

static void delay_over(void *user, uint64_t due_us)
{
	struct proc *p = user;

	(void)due_us;
	if (p->owner->blind[0]) /* begins anew when it is over */
		return;
	if (settle(p, 0))
		tell(p);
}

static void count_anew(struct track_procs *t, bool at_once)
{
	if (t->stale || t->blind[0])
		return;
	for (size_t i = 0; i < t->n; i++) {
		struct proc *p = t->procs[i];
		unsigned count = 0;

		for (size_t k = 0; k < t->known.n; k++)
			count += (t->known.f[k].mask >> i & 1) != 0;
		/* After a reload the same number may mean something else, or still wait for its delay. */
		const bool waits = enough(p) != p->up && !loop_timer_armed(&p->timer);

		if (count == p->count && p->known && !at_once && !waits)
			continue;
		/* More is the doing of a fork, fewer of an end. */
		const bool more = count != p->count ? count > p->count : enough(p);
		const uint64_t delay_us = more ? p->conf->fork_delay_us : p->conf->terminate_delay_us;
		const bool first = !p->known;

		p->count = count;
		p->known = true;
		if ((settle(p, at_once || first ? 0 : delay_us) || first) && !at_once)
			tell(p);
	}
}

/* --- what cannot be seen ----------------------------------------------------------------------------------------- */

static void describe_all(struct track_procs *t)
{
	for (size_t i = 0; i < t->n; i++)
		describe(t->procs[i]);
}

static void go_blind(struct track_procs *t, int error)
{
	if (error == -EACCES)
		snprintf(t->blind, sizeof(t->blind),
			 "/proc hides the processes of others (hidepid, ProtectProc=): undo that, or mount it with "
			 "gid=%u",
			 (unsigned)getegid());
	else
		snprintf(t->blind, sizeof(t->blind), "/proc cannot be read: %s", strerror(-error));
	alarm_raise("track_process", NULL, "vrrp_track_process: %s; what counted before counts on", t->blind);
	describe_all(t);
	loop_timer_in(&t->scan, SCAN_US);
}

static void see_again(struct track_procs *t)
{
	if (!t->blind[0])
		return;
	t->blind[0] = '\0';
	alarm_end("track_process", NULL);
	describe_all(t);
}

/* --- jobs -------------------------------------------------------------------------------------------------------- */

/* The configuration may be gone when the thread gets to it. */
static bool copy_patterns(struct job *j, const struct track_procs *t)
{
	size_t n_words = 0, n_bytes = 0;
	char **word, *text;

	for (size_t i = 0; i < t->n; i++)
		for (char *const *w = t->procs[i]->conf->pattern.argv;; w++) {
			n_words++;
			if (!*w)
				break;
			n_bytes += strlen(*w) + 1;
		}
	j->words = calloc(n_words + n_bytes / sizeof(*j->words) + 1, sizeof(*j->words));
	if (!j->words)
		return false;
	word = j->words;
	text = (char *)(j->words + n_words);
	for (size_t i = 0; i < t->n; i++) {
		j->patterns[i] = t->procs[i]->conf->pattern;
		j->patterns[i].argv = word;
		for (char *const *w = t->procs[i]->conf->pattern.argv; *w; w++) {
			*word++ = text;
			text = stpcpy(text, *w) + 1;
		}
		*word++ = NULL;
	}
	j->n_patterns = t->n;
	return true;
}

static void release(struct worker_job *job)
{
	struct job *j = (struct job *)job;

	set_done(&j->pids);
	free(j->words);
}

static void done(struct worker_job *job);

static struct job *new_job(struct track_procs *t, bool all)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	*j = (struct job){ .head = { .run = run, .done = done, .drop = release },
			   .owner = t,
			   .generation = t->generation,
			   .all = all };
	if (!copy_patterns(j, t)) {
		free(j);
		return NULL;
	}
	return j;
}

/* One job at a time; what is wanted meanwhile waits. */
static void look(struct track_procs *t)
{
	struct job *j;

	if (t->job || t->n == 0 || (!t->scan_wanted && (t->to_look.n == 0 || t->blind[0])))
		return;
	j = new_job(t, t->scan_wanted);
	if (!j) {
		t->scan_wanted = true;
		loop_timer_in(&t->scan, SCAN_US);
		return;
	}
	if (t->scan_wanted) {
		set_done(&t->to_look);
	} else {
		j->pids = t->to_look;
		t->to_look = (struct set){ 0 };
	}
	t->scan_wanted = false;
	t->ended.n = 0;
	t->job = j;
	worker_push(t->worker, &j->head);
}

static void take(struct track_procs *t, struct job *j)
{
	if (j->error) {
		go_blind(t, j->error);
		return;
	}
	if (j->all) {
		see_again(t);
		struct set old = t->known;

		t->known = j->pids;
		j->pids = old;
		t->stale = false;
		t->scans++;
		t->scan_us = j->took_us;
	}
	for (size_t i = 0; !j->all && i < j->pids.n; i++) {
		const struct found *f = &j->pids.f[i];

		set_remove(&t->known, f->pid);
		if (f->mask)
			set_add(&t->known, f->pid, f->mask);
		t->looks++;
	}
	for (size_t i = 0; i < t->ended.n; i++)
		set_remove(&t->known, t->ended.f[i].pid);
}

static void done(struct worker_job *job)
{
	struct job *j = (struct job *)job;
	struct track_procs *t = j->owner;

	t->job = NULL;
	if (j->generation == t->generation) {
		take(t, j);
		count_anew(t, false);
	}
	release(job);
	look(t);
}

static void scan_due(void *user, uint64_t due_us)
{
	struct track_procs *t = user;

	(void)due_us;
	t->scan_wanted = true;
	if (!t->connected)
		loop_timer_in(&t->scan, SCAN_US);
	look(t);
}

/* --- the connector ----------------------------------------------------------------------------------------------- */

static void on_named(void *user, int pid)
{
	struct track_procs *t = user;

	if (set_find(&t->to_look, pid))
		return;
	if (t->to_look.n < LOOK_MAX)
		set_add(&t->to_look, pid, 0);
	else
		t->scan_wanted = true;
}

static void on_ended(void *user, int pid)
{
	struct track_procs *t = user;

	set_remove(&t->to_look, pid);
	if (t->job)
		set_add(&t->ended, pid, 0);
	set_remove(&t->known, pid);
}

static void on_works(void *user)
{
	struct track_procs *t = user;

	t->connected = true;
	loop_timer_stop(&t->scan);
	t->scan_wanted = true; /* what happened before it did */
	snprintf(t->how, sizeof(t->how), "the kernel's process connector");
}

static void on_lost(void *user)
{
	struct track_procs *t = user;

	t->scan_wanted = true;
}

static void on_told(void *user, size_t n)
{
	struct track_procs *t = user;

	t->events += n;
	count_anew(t, false);
	look(t);
}

/* Its answer comes later, if at all: until then, as without it. */
static void open_connector(struct track_procs *t)
{
	const struct proc_events_user u = {
		.works = on_works, .named = on_named, .ended = on_ended, .lost = on_lost, .told = on_told, .user = t
	};
	int r = proc_events_new(t->loop, &u, &t->connector);

	if (r >= 0)
		snprintf(t->how, sizeof(t->how), "/proc each second: the process connector has not answered");
	else if (r == -ECONNREFUSED)
		snprintf(t->how, sizeof(t->how),
			 "/proc each second: the process connector exists in the first network namespace only");
	else
		snprintf(t->how, sizeof(t->how), "/proc each second: no process connector: %s", strerror(-r));
}

static void close_connector(struct track_procs *t)
{
	t->connector = proc_events_free(t->connector);
	t->connected = false;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static struct proc **procs_free(struct proc **procs, size_t n)
{
	for (size_t i = 0; procs && i < n; i++) {
		if (procs[i])
			loop_timer_done(&procs[i]->timer);
		free(procs[i]);
	}
	free(procs);
	return NULL;
}

static struct proc *proc_new(struct track_procs *t, const struct conf_track_process *conf)
{
	struct proc *p = calloc(1, sizeof(*p));

	if (!p || loop_timer_init(&p->timer, t->loop, LOOP_RANK_NORMAL, 1000, delay_over, p) < 0) {
		free(p);
		return NULL;
	}
	p->owner = t;
	p->conf = conf;
	return p;
}

/* Takes over what is known under its name. */
static void inherit(struct proc *p)
{
	const struct track_procs *t = p->owner;

	p->fresh = t->begun;
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->procs[i]->conf->name, p->conf->name) != 0)
			continue;
		p->up = t->procs[i]->up;
		p->count = t->procs[i]->count;
		p->known = t->procs[i]->known;
		p->fresh = t->procs[i]->fresh;
	}
	describe(p);
}

int track_procs_prepare(struct track_procs *t, const struct conf *conf)
{
	t->next = calloc(conf->n_track_processes + 1, sizeof(*t->next));
	t->n_next = conf->n_track_processes;
	for (size_t i = 0; t->next && i < t->n_next; i++) {
		t->next[i] = proc_new(t, &conf->track_processes[i]);
		if (!t->next[i])
			track_procs_call_off(t);
	}
	return t->next ? 0 : -ENOMEM;
}

void track_procs_call_off(struct track_procs *t)
{
	t->next = procs_free(t->next, t->n_next);
	t->n_next = 0;
}

void track_procs_exchange(struct track_procs *t)
{
	for (size_t i = 0; i < t->n_next; i++)
		inherit(t->next[i]);
	procs_free(t->procs, t->n);
	t->procs = TAKE_PTR(t->next);
	t->n = t->n_next;
	t->n_next = 0;
	t->generation++;
	t->known.n = 0; /* its masks are of the old patterns */
	t->stale = true;
	t->scan_wanted = t->n > 0;
	if (t->n == 0) {
		close_connector(t);
		loop_timer_stop(&t->scan);
		see_again(t);
	} else if (!t->connector) {
		open_connector(t);
		loop_timer_in(&t->scan, SCAN_US);
	}
	look(t);
}

int track_procs_new(sd_event *loop, struct worker *worker, const struct conf *conf, void (*changed)(void *user),
		    void *user, struct track_procs **ret)
{
	const struct conf none = { 0 };
	struct track_procs *t = calloc(1, sizeof(*t));
	struct job *first;
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct track_procs){ .loop = loop, .worker = worker, .changed = changed, .user = user };
	r = loop_timer_init(&t->scan, loop, LOOP_RANK_BACKGROUND, 10000, scan_due, t);
	if (r >= 0)
		r = track_procs_prepare(t, conf->n_track_processes > 0 ? conf : &none);
	if (r < 0)
		return track_procs_free(t), r;
	track_procs_exchange(t);
	*ret = t;
	t->begun = true;
	if (t->n == 0)
		return 0;
	/* What holds now is known before anything starts; the job that is under way tells the same once more. */
	first = new_job(t, true);
	if (!first) {
		*ret = track_procs_free(t);
		return -ENOMEM;
	}
	run(&first->head);
	take(t, first);
	count_anew(t, true);
	release(&first->head);
	free(first);
	return 0;
}

struct track_procs *track_procs_free(struct track_procs *t)
{
	if (!t)
		return NULL;
	close_connector(t);
	loop_timer_done(&t->scan);
	track_procs_call_off(t);
	procs_free(t->procs, t->n);
	set_done(&t->known);
	set_done(&t->ended);
	set_done(&t->to_look);
	free(t);
	return NULL;
}

/* --- what hangs -------------------------------------------------------------------------------------------------- */

void track_procs_look(const struct track_procs *t, uint64_t now_us)
{
	uint64_t since_us;
	const struct worker_job *job = worker_running(t->worker, &since_us);
	const int pid = job && job->run == run ? ((const struct job *)job)->at : 0;

	if (job && now_us > since_us + HANGS_US)
		alarm_raise(
			"track_process_hangs", NULL,
			"vrrp_track_process: reading /proc/%d has taken %.0f s: that process hangs in the kernel; no "
			"%s is seen meanwhile",
			pid, (double)(now_us - since_us) / 1e6, t->connected ? "beginning" : "beginning or end");
	else
		alarm_end("track_process_hangs", NULL);
}

/* --- what it tells ----------------------------------------------------------------------------------------------- */

struct checker_state track_procs_state(const struct track_procs *t, size_t index)
{
	const struct proc *p = t->procs[index];

	return (struct checker_state){
		.reported = p->known, .up = p->up, .fresh = p->fresh && !p->known, .reason = p->reason
	};
}

void track_procs_status(const struct track_procs *t, json_t *all)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct proc *p = t->procs[i];
		json_t *pids = json_array();

		for (size_t k = 0; k < t->known.n && json_array_size(pids) < 16; k++)
			if (t->known.f[k].mask >> i & 1)
				json_array_append_new(pids, json_integer(t->known.f[k].pid));
		json_array_append_new(
			all,
			json_pack("{s:o, s:s, s:s, s:o, s:i, s:i, s:o, s:o, s:s, s:I, s:I, s:I, s:I}", "name",
				  json_text(p->conf->name), "kind", "process", "state",
				  !p->known ? "pending"
				  : p->up   ? "up"
					    : "down",
				  "reason", json_text(p->reason), "count", (int)p->count, "quorum",
				  (int)p->conf->quorum, "quorum_max",
				  p->conf->quorum_max == UINT32_MAX ? json_null() : json_integer(p->conf->quorum_max),
				  "pids", pids, "method", t->how, "scans", (json_int_t)t->scans, "scan_us",
				  (json_int_t)t->scan_us, "looks", (json_int_t)t->looks, "events",
				  (json_int_t)t->events));
	}
}
