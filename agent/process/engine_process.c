/* SPDX-License-Identifier: Apache-2.0 */
/* Starting an engine is fork and execve of ourselves: it shares nothing with the supervisor but two descriptors, so
 * neither threads nor memory of the one matter to the other. */
#include "agent/process/engine_process.h"

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/conf/bundle.h"
#include "agent/control.h"
#include "agent/engine.h"
#include "agent/process/engine_link.h"
#include "agent/process/post.h"
#include "agent/process/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

enum { FAR = 64, NOT_STARTED = 127 };

/* --- pid files --------------------------------------------------------------------------------------------------- */

static int write_pid_file(const char *path, pid_t pid)
{
	_cleanup_(fclosep) FILE *f = path ? fopen(path, "we") : NULL;
	int r = 0;

	if (!path)
		return 0;
	if (!f || fprintf(f, "%d\n", (int)pid) < 0 || fflush(f) != 0) {
		r = -errno;
		log_error("cannot write the pid file %s: %s", path, strerror(-r));
	}
	return r;
}

static void remove_pid_file(const char *path, bool mine)
{
	_cleanup_(fclosep) FILE *f = path ? fopen(path, "re") : NULL;
	int pid;

	if (f && fscanf(f, "%d", &pid) == 1 && (!mine || pid == (int)getpid()))
		unlink(path);
}

/* --- places on disk ---------------------------------------------------------------------------------------------- */

/* A FIFO that was not there before the first engine is made by it. */
static void note_fifos(struct engine_files *h, const struct conf *c)
{
	struct stat st;

	for (size_t i = 0; i < _CONF_FIFO_MAX_; i++)
		if (c->fifos[i].path && lstat(c->fifos[i].path, &st) < 0 && errno == ENOENT)
			h->fifos[i] = strdup(c->fifos[i].path);
}

int engine_files_prepare(struct engine_files *h, const struct options *opt, const struct conf *conf)
{
	int r = 0;

	if (control_is_served(conf->control_socket)) {
		log_error("another sqlvipd serves %s; stop it first, or give this one its own control_socket",
			  conf->control_socket);
		r = -EADDRINUSE;
	}
	if (r == 0)
		r = write_pid_file(opt->pid_file, getpid());
	if (r < 0)
		return r;
	state_directory_give(conf->state_directory, conf->engine_uid, conf->engine_gid, 0);
	note_fifos(h, conf);
	if (!conf->engine_user)
		log_warn("%s", ENGINE_NO_USER);
	return 0;
}

static void remove_if(const char *path, mode_t type)
{
	struct stat st;

	if (lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type)
		unlink(path);
}

void engine_files_clear_control(const struct conf *conf)
{
	if (!control_is_served(conf->control_socket))
		remove_if(conf->control_socket, S_IFSOCK);
}

void engine_files_clear(struct engine_files *h, const struct options *opt, const struct conf *conf)
{
	for (size_t i = 0; i < _CONF_FIFO_MAX_; i++) {
		if (h->fifos[i])
			remove_if(h->fifos[i], S_IFIFO);
		free(h->fifos[i]);
	}
	engine_files_clear_control(conf);
	remove_pid_file(opt->pid_file, true);
	remove_pid_file(opt->engine_pid_file, false);
}

/* --- the process ------------------------------------------------------------------------------------------------- */

/* Ours, but for what belongs to our own service. */
static char **make_env(void)
{
	static const char *const dropped[] = { "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=",
					       "LISTEN_FDS=",    "LISTEN_PID=",   "LISTEN_FDNAMES=" };
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 1, sizeof(*env));
	for (size_t i = 0; env && i < n; i++) {
		bool drop = false;

		for (size_t k = 0; k < ELEMENTSOF(dropped); k++)
			drop |= strncmp(environ[i], dropped[k], strlen(dropped[k])) == 0;
		if (!drop)
			env[kept++] = environ[i];
	}
	return env;
}

/* In the child: async-signal-safe calls only. */
static _Noreturn void become_engine(int sock, int bundle, char **env)
{
	static char name[] = "sqlvipd", argument[] = ENGINE_ARGUMENT;
	char *const argv[] = { name, argument, NULL };
	/* First out of the way of each other. */
	int far_sock = fcntl(sock, F_DUPFD, FAR), far_bundle = fcntl(bundle, F_DUPFD, FAR);

	if (far_sock >= 0 && far_bundle >= 0 && dup2(far_sock, ENGINE_LINK_SOCKET) >= 0 &&
	    dup2(far_bundle, ENGINE_LINK_BUNDLE) >= 0 && close_range(ENGINE_LINK_BUNDLE + 1, ~0U, 0) == 0)
		execve("/proc/self/exe", argv, env);
	_exit(NOT_STARTED);
}

/* Ours is the first. */
static int make_socket(int pair[2])
{
	int size = POST_BUFFER, none = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	/* An engine has no descriptors to give, and to close what a stranger chose may take as long as he likes
	 * (SO_LINGER). Older kernels cannot refuse them; there the service manager's watchdog has to do. */
	(void)setsockopt(pair[0], SOL_SOCKET, SO_PASSRIGHTS, &none, sizeof(none));
	return 0;
}

static int write_bundle(struct conf_bundle *b, const struct options *opt, unsigned n_before)
{
	char restarts[16];

	snprintf(restarts, sizeof(restarts), "%u", n_before);
	if (conf_bundle_note(b, ENGINE_NOTE_FILE, opt->file) < 0 ||
	    conf_bundle_note(b, ENGINE_NOTE_CONFIG_ID, opt->config_id) < 0 ||
	    conf_bundle_note(b, ENGINE_NOTE_CONSOLE, opt->console ? "" : NULL) < 0 ||
	    conf_bundle_note(b, ENGINE_NOTE_DETAIL, opt->detail ? "" : NULL) < 0 ||
	    conf_bundle_note(b, ENGINE_NOTE_OBSERVE, opt->observe ? "" : NULL) < 0 ||
	    conf_bundle_note(b, ENGINE_NOTE_RESTARTS, restarts) < 0)
		return -ENOMEM;
	return conf_bundle_write(b, "sqlvip");
}

int engine_process_new(struct conf_bundle *bundle, const struct options *opt, unsigned n_before,
		       struct engine_process *ret)
{
	_cleanup_(freep) char **env = make_env();
	_cleanup_(close_fdp) int fd = write_bundle(bundle, opt, n_before);
	sigset_t all, old;
	int pair[2], r;

	*ret = (struct engine_process){ .pidfd = -1, .sock = -1 };
	if (fd < 0 || !env)
		return fd < 0 ? fd : -ENOMEM;
	r = make_socket(pair);
	if (r < 0)
		return r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret->pid = fork();
	if (ret->pid == 0)
		become_engine(pair[1], fd, env);
	r = ret->pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		ret->pid = 0;
		return r;
	}
	ret->sock = pair[0];
	ret->pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	if (ret->pidfd < 0) {
		r = -errno;
		kill(ret->pid, SIGKILL);
		waitpid(ret->pid, NULL, 0);
		engine_process_done(ret);
		return r;
	}
	/* Wrong from the start, it is refused; later on, a full disk is no reason to be without an engine. */
	r = write_pid_file(opt->engine_pid_file, ret->pid);
	return n_before == 0 ? r : 0;
}

void engine_process_done(struct engine_process *h)
{
	if (h->pid) {
		close_fd(h->pidfd);
		close_fd(h->sock);
	}
	*h = (struct engine_process){ .pidfd = -1, .sock = -1 };
}
