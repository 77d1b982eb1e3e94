/* SPDX-License-Identifier: Apache-2.0 */
/* Starting programs and seeing them end. The parent prepares everything that needs memory, forks, and goes on at once;
 * the child, which may only use async-signal-safe calls, looks the program up and becomes it, and reports a failure
 * through a pipe that a successful execve closes. The end is seen on a pidfd. A plain fork rather than vfork: execve
 * reads from disks, and a hung one must not stop the agent. Why a program runs, and what its outcome means, is the
 * caller's business. */
#include "agent/process/exec.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/process/exec_remote.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHASE_US = 50000, /* how often a group whose leader is gone is looked at, while it has time to end */
	TIMER_SLACK_US = 5000,
	EXIT_NOT_STARTED = 127,
};

enum phase {
	RUNNING,
	TERMINATING, /* the group got SIGTERM */
	KILLING,     /* it got SIGKILL at least once */
};

struct exec_child {
	struct exec_head head;
	sd_event_source *exit_src;
	struct loop_timer timer; /* RUNNING: the deadline; later: the next signal, or the next look at the group */
	pid_t pid;               /* also the number of its process group and session */
	int pidfd;               /* -1 once reaped */
	int status_fd;           /* read end: an errno if the child could not become the program */
	char *what;
	enum phase phase;
	bool floating; /* abandoned: the event loop owns exit_src, and us through it */
	uint64_t started_us, kill_after_us;
	uint64_t kill_at_us; /* of the next SIGKILL; valid after RUNNING */
	exec_done_fn done;   /* NULL once abandoned */
	void (*late)(void *user);
	void *user;
	struct exec_result result;
};

/* --- what the child needs, made before the fork ------------------------------------------------------------------ */

struct launch {
	char *const *argv;
	char **sh_argv;    /* "/bin/sh", the path in use, argv[1]…: for a script without "#!" */
	char **candidates; /* paths to try, in order */
	char **env;
	const struct exec_spec *spec;
	int status_fd; /* write end */
	pid_t parent;
};

static void strv_freep(char ***v)
{
	for (char **s = *v; s && *s; s++)
		free(*s);
	free(*v);
}

static bool same_variable(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* What is dropped from our own environment: what changes how a program is loaded or how a shell splits words, and what
 * would let a program speak to the service manager in our name. */
static bool inherited(const char *variable, const char *const *added)
{
	static const char *const dropped[] = { "IFS=",          "NOTIFY_SOCKET=", "WATCHDOG_PID=",   "WATCHDOG_USEC=",
					       "LISTEN_FDS=",   "LISTEN_PID=",    "LISTEN_FDNAMES=", "JOURNAL_STREAM=",
					       "INVOCATION_ID=" };

	if (strncmp(variable, "LD_", 3) == 0)
		return false;
	for (size_t i = 0; i < ELEMENTSOF(dropped); i++)
		if (same_variable(dropped[i], variable))
			return false;
	for (; added && *added; added++)
		if (same_variable(*added, variable))
			return false;
	return true;
}

static char **make_env(const char *const *added)
{
	static const char *const fallback[] = { "PATH=" EXEC_SEARCH_PATH, NULL };
	const char *const *sources[] = { (const char *const *)environ, added, getenv("PATH") ? NULL : fallback };
	_cleanup_(strv_freep) char **env = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ELEMENTSOF(sources); i++)
		for (const char *const *s = sources[i]; s && *s; s++)
			n++;
	env = calloc(n + 1, sizeof(*env));
	if (!env)
		return NULL;
	n = 0;
	for (size_t i = 0; i < ELEMENTSOF(sources); i++)
		for (const char *const *s = sources[i]; s && *s; s++) {
			if (i == 0 && !inherited(*s, added))
				continue;
			env[n] = strdup(*s);
			if (!env[n++])
				return NULL;
		}
	return TAKE_PTR(env);
}

static char **make_candidates(const char *name)
{
	_cleanup_(strv_freep) char **paths = calloc(strchr(name, '/') ? 2 : sizeof(EXEC_SEARCH_PATH), sizeof(*paths));
	size_t n = 0;

	if (!paths)
		return NULL;
	if (strchr(name, '/')) {
		paths[0] = strdup(name);
		return paths[0] ? TAKE_PTR(paths) : NULL;
	}
	for (const char *dir = EXEC_SEARCH_PATH; *dir; dir += *dir == ':') {
		int len = (int)strcspn(dir, ":");

		if (asprintf(&paths[n], "%.*s/%s", len, dir, name) < 0) {
			paths[n] = NULL;
			return NULL;
		}
		n++;
		dir += len;
	}
	return TAKE_PTR(paths);
}

/* Borrows the words of `argv`. */
static char **make_sh_argv(char *const *argv)
{
	static char shell[] = "/bin/sh";
	char **v;
	size_t n = 0;

	while (argv[n])
		n++;
	v = calloc(n + 2, sizeof(*v));
	if (!v)
		return NULL;
	v[0] = shell;
	memcpy(v + 2, argv + 1, (n - 1) * sizeof(*v));
	return v;
}

/* --- in the child: async-signal-safe calls only ------------------------------------------------------------------ */

static int child_become_user(uid_t uid, gid_t gid)
{
	/* Without the right to change groups it is enough that there is nothing to change. */
	if (setgroups(1, &gid) < 0 && (errno != EPERM || uid != geteuid() || gid != getegid()))
		return errno;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return errno;
	return 0;
}

static int child_descriptors(int status_fd)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0)
		return errno;
	for (int fd = 0; fd < 3; fd++) {
		/* dup2 onto itself would keep O_CLOEXEC. */
		int r = null_fd == fd ? fcntl(fd, F_SETFD, 0) : dup2(null_fd, fd);

		if (r < 0)
			return errno;
	}
	if (status_fd > 3 && close_range(3, (unsigned)status_fd - 1, 0) < 0)
		return errno;
	return close_range((unsigned)status_fd + 1, ~0U, 0) < 0 ? errno : 0;
}

/* We may be spared when memory runs out, where a program that eats it must not be. Before the change of user, after
 * which the file is root's. A refusal is no reason not to run. */
static void child_is_no_survivor(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : write(fd, "0", 1);

	(void)n;
	close_fd(fd);
}

static void child_ordinary(void)
{
	const struct sched_param none = { 0 };
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t empty;

	sched_setscheduler(0, SCHED_OTHER, &none);
	setpriority(PRIO_PROCESS, 0, 0);
	umask(022);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);
}

/* Tries all places; a program that may not be run counts for more than one that is not there. */
static int child_become_program(const struct launch *l)
{
	int err = ENOENT;

	for (char **path = l->candidates; *path; path++) {
		execve(*path, l->argv, l->env);
		if (errno == ENOEXEC) {
			l->sh_argv[1] = *path;
			execve(l->sh_argv[0], l->sh_argv, l->env);
			return errno;
		}
		if (errno == EACCES)
			err = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return errno;
	}
	return err;
}

static _Noreturn void child_main(const struct launch *l)
{
	int err = setsid() < 0 || chdir("/") < 0 ? errno : 0;

	if (err == 0)
		err = child_descriptors(l->status_fd);
	child_is_no_survivor();
	if (err == 0)
		err = child_become_user(l->spec->uid, l->spec->gid);
	/* After the change of user, which clears it; the parent may have died before. */
	if (err == 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		err = errno;
	if (err == 0 && getppid() != l->parent)
		_exit(EXIT_NOT_STARTED);
	child_ordinary();
	if (err == 0)
		err = child_become_program(l);
	/* Fits into an empty pipe; if the parent is gone, nobody asks. */
	if (write(l->status_fd, &err, sizeof(err)) < 0)
		_exit(EXIT_NOT_STARTED);
	_exit(EXIT_NOT_STARTED);
}

/* --- in the parent ----------------------------------------------------------------------------------------------- */

/* Sources of an abandoned child belong to the loop: take them back before they are released. */
static sd_event_source *take_back(sd_event_source *src)
{
	sd_event_source_set_destroy_callback(src, NULL);
	sd_event_source_ref(src);
	sd_event_source_set_floating(src, false);
	return src;
}

static void child_stop_watching(struct exec_child *c)
{
	if (c->floating) {
		c->exit_src = take_back(c->exit_src);
		c->timer.src = take_back(c->timer.src);
		c->floating = false;
	}
	c->exit_src = sd_event_source_disable_unref(c->exit_src);
	loop_timer_done(&c->timer);
}

static struct exec_child *child_free(struct exec_child *c)
{
	if (!c)
		return NULL;
	child_stop_watching(c);
	close_fd(c->pidfd);
	close_fd(c->status_fd);
	free(c->what);
	free(c);
	return NULL;
}

/* The loop ends while an abandoned child still lives: only the memory is left to release. */
static void loop_is_gone(void *user)
{
	struct exec_child *c = user;

	c->floating = false;
	c->exit_src = NULL;
	c->timer.src = NULL;
	child_free(c);
}

static void finish(struct exec_child *c)
{
	if (!c->result.timed_out)
		c->result.ran_us = loop_now_us() - c->started_us;
	child_stop_watching(c);
	if (c->done)
		c->done(c->user, &c->result);
	child_free(c);
}

/* Between fork and setsid there is no group yet; then the leader alone is meant. */
static void signal_group(struct exec_child *c, int sig)
{
	if (kill(-c->pid, sig) < 0 && errno == ESRCH && c->pidfd >= 0)
		kill(c->pid, sig);
}

/* Is anybody left in the group of a reaped leader? While there is, the kernel gives its number to nobody else: a
 * process that has it means that the group had ended before. */
static bool group_remains(const struct exec_child *c)
{
	return kill(-c->pid, 0) == 0 && kill(c->pid, 0) < 0 && errno == ESRCH;
}

static void begin_termination(struct exec_child *c)
{
	uint64_t now_us = loop_now_us();

	c->phase = TERMINATING;
	c->kill_at_us = now_us + c->kill_after_us;
	signal_group(c, SIGTERM);
	signal_group(c, SIGCONT); /* a stopped process would not notice */
	loop_timer_at(&c->timer, c->kill_at_us);
}

/* After SIGTERM: what is due now? */
static void chase(struct exec_child *c)
{
	bool reaped = c->pidfd < 0;
	uint64_t now_us = loop_now_us();

	if (reaped && !group_remains(c)) {
		finish(c);
		return;
	}
	if (now_us >= c->kill_at_us) {
		if (c->phase == KILLING)
			log_warn("%s: process %d is still there after SIGKILL", c->what, (int)c->pid);
		c->phase = KILLING;
		signal_group(c, SIGKILL);
		c->kill_at_us = now_us + EXEC_KILL_REPEAT_US;
		/* Whoever is left in the group cannot escape that signal, and is not ours to wait for. */
		if (reaped) {
			finish(c);
			return;
		}
	}
	loop_timer_at(&c->timer, reaped && now_us + CHASE_US < c->kill_at_us ? now_us + CHASE_US : c->kill_at_us);
}

static void on_timer(void *user, uint64_t due_us)
{
	struct exec_child *c = user;

	(void)due_us;
	if (c->phase != RUNNING) {
		chase(c);
		return;
	}
	c->result.timed_out = true;
	c->result.ran_us = loop_now_us() - c->started_us;
	begin_termination(c);
	if (c->late)
		c->late(c->user);
}

static int on_exit_event(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct exec_child *c = user;
	int err = 0;
	pid_t pid = waitpid(c->pid, &c->result.wait_status, WNOHANG);

	(void)s;
	(void)fd;
	(void)revents;
	if (pid == 0)
		return 0;
	if (pid < 0)
		c->result.error = -errno; /* somebody else has reaped it */
	else if (read(c->status_fd, &err, sizeof(err)) == (ssize_t)sizeof(err))
		c->result.error = -err;
	sd_event_source_set_enabled(c->exit_src, SD_EVENT_OFF);
	c->pidfd = close_fd(c->pidfd);
	if (c->phase == RUNNING)
		finish(c);
	else
		chase(c);
	return 0;
}

/* Forks with all signals blocked, so that no handler of ours runs in the child. */
static pid_t fork_child(const struct launch *l)
{
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		child_main(l);
	if (pid < 0)
		pid = -errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid;
}

/* Started, but it cannot be watched. It has barely begun, so it dies at once. */
static void give_up(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int watch(struct exec_child *c, sd_event *loop, uint64_t timeout_us)
{
	int r;

	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0)
		return -errno;
	r = loop_io(loop, &c->exit_src, c->pidfd, EPOLLIN, LOOP_RANK_BACKGROUND, on_exit_event, c);
	if (r < 0)
		return r;
	c->started_us = loop_now_us();
	if (timeout_us)
		loop_timer_at(&c->timer, c->started_us + timeout_us);
	return 0;
}

static int launch(struct exec_child *c, sd_event *loop, const struct exec_spec *spec)
{
	_cleanup_(strv_freep) char **env = make_env(spec->env);
	_cleanup_(strv_freep) char **candidates = make_candidates(spec->argv[0]);
	_cleanup_(freep) char **sh_argv = make_sh_argv(spec->argv);
	struct launch l = { spec->argv, sh_argv, candidates, env, spec, -1, getpid() };
	_cleanup_(close_fdp) int write_fd = -1;
	int fds[2], r;

	if (!env || !candidates || !sh_argv)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	c->status_fd = fds[0];
	/* Above the three that the child redirects, even if we run without them. */
	write_fd = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
	r = write_fd < 0 ? -errno : 0;
	close(fds[1]);
	if (r < 0)
		return r;
	l.status_fd = write_fd;
	c->pid = fork_child(&l);
	if (c->pid < 0)
		return c->pid;
	r = watch(c, loop, spec->timeout_us);
	if (r < 0)
		give_up(c->pid);
	return r;
}

int exec_start(sd_event *loop, const struct exec_spec *spec, exec_done_fn done, void *user, struct exec_child **ret)
{
	struct exec_child *c;
	int r;

	if (!spec->argv || !spec->argv[0] || !*spec->argv[0])
		return -EINVAL;
	if (exec_remote_on())
		return exec_remote_start(spec, done, user, ret);
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->pidfd = c->status_fd = -1;
	c->kill_after_us = spec->kill_after_us ? spec->kill_after_us : EXEC_KILL_AFTER_US;
	c->done = done;
	c->late = spec->late;
	c->user = user;
	c->what = strdup(spec->what);
	r = c->what ? loop_timer_init(&c->timer, loop, LOOP_RANK_BACKGROUND, TIMER_SLACK_US, on_timer, c) : -ENOMEM;
	if (r == 0)
		r = launch(c, loop, spec);
	if (r < 0) {
		child_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void exec_terminate(struct exec_child *c)
{
	if (c->head.remote)
		exec_remote_terminate(&c->head);
	else if (c->phase == RUNNING)
		begin_termination(c);
}

void exec_abandon(struct exec_child *c)
{
	if (c->head.remote) {
		exec_remote_abandon(&c->head);
		return;
	}
	c->done = NULL;
	c->late = NULL;
	exec_terminate(c);
	/* From here on the loop owns the sources, and through exit_src us. */
	sd_event_source_set_destroy_callback(c->exit_src, loop_is_gone);
	sd_event_source_set_floating(c->exit_src, true);
	sd_event_source_unref(c->exit_src);
	sd_event_source_set_floating(c->timer.src, true);
	sd_event_source_unref(c->timer.src);
	c->floating = true;
}

pid_t exec_pid(const struct exec_child *c)
{
	return c->head.remote ? 0 : c->pid;
}

bool exec_is_shortage(int error)
{
	return error == -EAGAIN || error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -ENOBUFS;
}

bool exec_succeeded(const struct exec_result *r)
{
	return r->error == 0 && !r->timed_out && WIFEXITED(r->wait_status) && WEXITSTATUS(r->wait_status) == 0;
}

const char *exec_describe(const struct exec_result *r, char *buf, size_t size)
{
	if (r->error)
		snprintf(buf, size, "cannot be run: %s", strerror(-r->error));
	else if (r->timed_out)
		snprintf(buf, size, "timed out after %.1f s", (double)r->ran_us / 1e6);
	else if (WIFSIGNALED(r->wait_status))
		snprintf(buf, size, "signal %d (%s)", WTERMSIG(r->wait_status), strsignal(WTERMSIG(r->wait_status)));
	else
		snprintf(buf, size, "exit %d", WEXITSTATUS(r->wait_status));
	return buf;
}
