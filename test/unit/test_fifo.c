/* SPDX-License-Identifier: Apache-2.0 */
/* Notification FIFOs: the lines, what happens without a reader, and the program at the other end. */
#include "test/unit/unit.h"

#include "agent/base/log.h"
#include "agent/fifo.h"
#include "agent/notify.h"
#include "test/unit/scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { DEADLINE_US = 60000000, STEP_US = 20000, TEXT_MAX = 1 << 20, MANY = 20000, HANG_US = 40000000 };

static volatile bool disk_hangs, stuck; /* for whoever opens a pipe for writing */

/* Takes libc's place. Who is stuck here fails by what he finds afterwards. */
int open(const char *path, int flags, ...)
{
	const uint64_t until_us = loop_now_us() + HANG_US;
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	while (disk_hangs && strstr(path, "/fifo") && (flags & O_ACCMODE) == O_RDWR && loop_now_us() < until_us) {
		stuck = true;
		poll(NULL, 0, 5);
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

struct fixture {
	sd_event *loop;
	char dir[64];
	struct conf conf;
	struct fifos *fifos;
	char paths[_CONF_FIFO_MAX_][PATH_MAX_LEN];
	char script[PATH_MAX_LEN];
	char *argv[2];
	char *text;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_level(LOG_EMERG);
	strcpy(f->dir, "/tmp/sqlvip-fifo-XXXXXX");
	scratch_make(f->dir);
	assert_return_code(sd_event_new(&f->loop), 0);
	for (int i = 0; i < _CONF_FIFO_MAX_; i++)
		snprintf(f->paths[i], PATH_MAX_LEN, "%s/fifo%d", f->dir, i);
	f->conf.fifos[CONF_FIFO_ALL] =
		(struct conf_fifo){ .path = f->paths[CONF_FIFO_ALL], .uid = getuid(), .gid = getgid() };
	f->text = calloc(1, TEXT_MAX);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fifos_free(f->fifos);
	sd_event_unref(f->loop);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	scratch_remove(f->dir);
	free(f->text);
	free(f);
	return 0;
}

static void begin(struct fixture *f)
{
	assert_int_equal(fifos_new(f->loop, &f->conf, &f->fifos), 0);
}

/* The program that reads; $1 is the pipe, $D the test's directory. */
static void set_script(struct fixture *f, const char *script)
{
	int fd;

	snprintf(f->script, sizeof(f->script), "%s/script", f->dir);
	fd = open(f->script, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(dprintf(fd, "#!/bin/sh\nD=%s\n%s\n", f->dir, script) > 0);
	close(fd);
	f->argv[0] = f->script;
	f->conf.fifos[CONF_FIFO_ALL].script =
		(struct conf_command){ .argv = f->argv, .uid = getuid(), .gid = getgid() };
}

static int open_reader(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	assert_return_code(fd, errno);
	return fd;
}

/* What is in the pipe now, behind what f->text holds. */
static const char *read_some(struct fixture *f, int fd)
{
	size_t n = strlen(f->text);
	ssize_t r = read(fd, f->text + n, TEXT_MAX - n - 1);

	f->text[n + (r > 0 ? (size_t)r : 0)] = '\0';
	return f->text;
}

static json_int_t counter(struct fixture *f, const char *name)
{
	json_t *status = fifos_status(f->fifos);
	json_int_t value = json_integer_value(json_object_get(json_array_get(status, 0), name));

	json_decref(status);
	return value;
}

static bool program_is(struct fixture *f, const char *expected)
{
	json_t *status = fifos_status(f->fifos);
	const char *now = json_string_value(json_object_get(json_array_get(status, 0), "program"));
	bool same = now && strcmp(now, expected) == 0;

	json_decref(status);
	return same;
}

static void lines_are_those_of_keepalived_and_in_order(void **state)
{
	struct fixture *f = *state;
	_cleanup_(close_fdp) int fd = -1;

	begin(f);
	fd = open_reader(f->paths[CONF_FIFO_ALL]);
	fifos_write(f->fifos, "INSTANCE", "V", "MASTER", 100);
	fifos_write(f->fifos, "GROUP", "G", "FAULT", 0);
	fifos_write(f->fifos, "INSTANCE", "V", "MASTER_RX_LOWER_PRI", 254);
	assert_string_equal(read_some(f, fd),
			    "INSTANCE \"V\" MASTER 100\nGROUP \"G\" FAULT 0\nINSTANCE \"V\" MASTER_RX_LOWER_PRI 254\n");
}

static void both_pipes_get_every_line(void **state)
{
	struct fixture *f = *state;
	_cleanup_(close_fdp) int fd = -1;
	_cleanup_(close_fdp) int other = -1;

	f->conf.fifos[CONF_FIFO_VRRP] = f->conf.fifos[CONF_FIFO_ALL];
	f->conf.fifos[CONF_FIFO_VRRP].path = f->paths[CONF_FIFO_VRRP];
	begin(f);
	fd = open_reader(f->paths[CONF_FIFO_ALL]);
	other = open_reader(f->paths[CONF_FIFO_VRRP]);
	fifos_write(f->fifos, "INSTANCE", "V", "STOP", 7);
	assert_string_equal(read_some(f, fd), "INSTANCE \"V\" STOP 7\n");
	f->text[0] = '\0';
	assert_string_equal(read_some(f, other), "INSTANCE \"V\" STOP 7\n");
}

static void pipe_is_created_with_the_documented_mode_and_removed_at_the_end(void **state)
{
	struct fixture *f = *state;
	mode_t mask = umask(0027);
	struct stat st;

	begin(f);
	umask(mask);
	assert_return_code(stat(f->paths[0], &st), errno);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	f->fifos = fifos_free(f->fifos);
	assert_int_equal(access(f->paths[0], F_OK), -1);
}

static void pipe_of_somebody_else_is_used_and_stays(void **state)
{
	struct fixture *f = *state;

	assert_return_code(mkfifo(f->paths[0], 0600), errno);
	begin(f);
	fifos_write(f->fifos, "INSTANCE", "V", "MASTER", 100);
	assert_int_equal(counter(f, "written"), 1);
	f->fifos = fifos_free(f->fifos);
	assert_return_code(access(f->paths[0], F_OK), errno);
}

static void file_in_the_place_of_the_pipe_is_left_alone(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->paths[0], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	close(fd);
	begin(f);
	fifos_write(f->fifos, "INSTANCE", "V", "MASTER", 100);
	assert_int_equal(counter(f, "waiting"), 1);
	assert_return_code(stat(f->paths[0], &st), errno);
	assert_int_equal(st.st_size, 0);
	/* Lines wait for the pipe to become possible. */
	unlink(f->paths[0]);
	wait_until(f, counter(f, "written") == 1);
	assert_int_equal(counter(f, "waiting"), 0);
}

static void pipe_on_a_disk_that_hangs_is_tried_again_without_waiting_for_it(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->paths[0], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	uint64_t since_us;

	close(fd);
	begin(f); /* what is there is no pipe */
	fifos_write(f->fifos, "INSTANCE", "V", "MASTER", 100);
	unlink(f->paths[0]);
	since_us = loop_now_us();
	disk_hangs = true;
	wait_until(f, stuck);
	sd_event_run(f->loop, STEP_US);
	assert_true(loop_now_us() - since_us < HANG_US);
	assert_int_equal(counter(f, "waiting"), 1);
	disk_hangs = false;
	wait_until(f, counter(f, "written") == 1);
}

static void full_pipe_blocks_nobody_and_the_loss_is_counted(void **state)
{
	struct fixture *f = *state;
	_cleanup_(close_fdp) int fd = -1;
	uint64_t begun_us = loop_now_us();
	json_int_t kept;
	unsigned at = 0, number;
	const char *s;

	begin(f);
	for (unsigned i = 0; i < MANY; i++)
		fifos_write(f->fifos, "INSTANCE", "V", "MASTER", i);
	assert_true(loop_now_us() - begun_us < DEADLINE_US);
	assert_int_equal(counter(f, "waiting"), FIFO_QUEUE_MAX);
	kept = counter(f, "written") + counter(f, "waiting");
	assert_int_equal(counter(f, "lost"), MANY - kept);
	assert_true(kept > FIFO_QUEUE_MAX);
	/* What was kept comes whole and in order when somebody reads at last. */
	fd = open_reader(f->paths[0]);
	wait_until(f, (read_some(f, fd), counter(f, "written") == kept));
	s = read_some(f, fd);
	for (; *s; at++) {
		assert_int_equal(sscanf(s, "INSTANCE \"V\" MASTER %u\n", &number), 1);
		assert_int_equal(number, at);
		s = strchr(s, '\n') + 1;
	}
	assert_int_equal(at, kept);
}

static void program_gets_the_path_and_all_lines_to_the_last(void **state)
{
	struct fixture *f = *state;
	char buf[4096];

	set_script(f,
		   "echo \"$*\" >$D/args\nwhile read -r line; do echo \"$line\" >>$D/out; done <$1\necho end >>$D/out");
	begin(f);
	for (unsigned i = 0; i < 50; i++)
		fifos_write(f->fifos, "INSTANCE", "V", i % 2 ? "MASTER" : "BACKUP", i);
	fifos_write(f->fifos, "INSTANCE", "V", "STOP", 50);
	fifos_finish(f->fifos);
	wait_until(f, fifos_idle(f->fifos));
	scratch_text(f->dir, "args", buf, sizeof(buf));
	assert_memory_equal(buf, f->paths[0], strlen(f->paths[0]));
	scratch_text(f->dir, "out", buf, sizeof(buf));
	assert_memory_equal(buf, "INSTANCE \"V\" BACKUP 0\nINSTANCE \"V\" MASTER 1\n", 44);
	assert_non_null(strstr(buf, "INSTANCE \"V\" STOP 50\nend\n"));
}

static void program_that_ends_is_started_again(void **state)
{
	struct fixture *f = *state;

	set_script(f, "[ -e $D/once ] && touch $D/twice\ntouch $D/once\nexit 3");
	begin(f);
	wait_until(f, program_is(f, "waiting"));
	wait_until(f, scratch_has(f->dir, "twice"));
}

static const char *fault_state(void *user)
{
	(void)user;
	return "FAULT";
}

static void events_reach_the_pipe_whatever_the_hooks_do(void **state)
{
	struct fixture *f = *state;
	char *sleeper[] = { "/bin/sleep", "600", NULL };
	struct conf_instance conf = { .name = "VI.1", .notify_timeout_us = DEADLINE_US };
	struct notify_owner owner;
	struct notify *n = NULL;
	_cleanup_(close_fdp) int fd = -1;

	begin(f);
	fd = open_reader(f->paths[0]);
	conf.hooks[CONF_HOOK_ANY] = (struct conf_command){ .argv = sleeper, .uid = getuid(), .gid = getgid() };
	owner = notify_owner_of(&conf, f->fifos);
	assert_int_equal(notify_new(f->loop, &owner, fault_state, NULL, &n), 0);
	for (unsigned i = 0; i < 3; i++)
		notify_push(n, &(struct notify_event){
				       .hook = CONF_HOOK_MASTER_RX_LOWER_PRI,
				       .state = "MASTER_RX_LOWER_PRI",
				       .priority = 200,
				       .at_us = loop_now_us(),
			       });
	notify_push(n,
		    &(struct notify_event){
			    .hook = CONF_HOOK_DELETED, .state = "DELETED", .priority = 200, .at_us = loop_now_us() });
	notify_priority(n, "MASTER", 201);
	notify_priority(n, "FAULT", 201);
	notify_priority(n, "BACKUP", 202);
	notify_repeat(n, "BACKUP", 202);
	assert_string_equal(read_some(f, fd), "INSTANCE \"VI.1\" MASTER_RX_LOWER_PRI 200\n"
					      "INSTANCE \"VI.1\" MASTER_RX_LOWER_PRI 200\n"
					      "INSTANCE \"VI.1\" MASTER_RX_LOWER_PRI 200\n"
					      "INSTANCE \"VI.1\" DELETED 200\n"
					      "INSTANCE \"VI.1\" MASTER_PRIORITY 201\n"
					      "INSTANCE \"VI.1\" BACKUP_PRIORITY 202\n"
					      "INSTANCE \"VI.1\" BACKUP 202\n");
	notify_free(n);
}

static void hooks_of_a_group_are_told_that_it_is_one(void **state)
{
	struct fixture *f = *state;
	struct conf_command hooks[_CONF_HOOK_MAX_] = { 0 };
	const struct notify_owner owner = { "GROUP", "G", hooks, DEADLINE_US, NULL, NULL };
	struct notify *n = NULL;
	char buf[4096];

	set_script(f, "echo \"$* $SQLVIP_GROUP\" >$D/out");
	hooks[CONF_HOOK_ANY] = f->conf.fifos[CONF_FIFO_ALL].script;
	assert_int_equal(notify_new(f->loop, &owner, fault_state, NULL, &n), 0);
	notify_push(n, &(struct notify_event){ .hook = CONF_HOOK_FAULT, .state = "FAULT", .at_us = loop_now_us() });
	wait_until(f, notify_idle(n));
	assert_string_equal(scratch_text(f->dir, "out", buf, sizeof(buf)), "GROUP G FAULT 0 G\n");
	notify_free(n);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(lines_are_those_of_keepalived_and_in_order),
		T(both_pipes_get_every_line),
		T(pipe_is_created_with_the_documented_mode_and_removed_at_the_end),
		T(pipe_of_somebody_else_is_used_and_stays),
		T(file_in_the_place_of_the_pipe_is_left_alone),
		T(pipe_on_a_disk_that_hangs_is_tried_again_without_waiting_for_it),
		T(full_pipe_blocks_nobody_and_the_loss_is_counted),
		T(program_gets_the_path_and_all_lines_to_the_last),
		T(program_that_ends_is_started_again),
		T(events_reach_the_pipe_whatever_the_hooks_do),
		T(hooks_of_a_group_are_told_that_it_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
