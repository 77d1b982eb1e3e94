/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, with clients of all manners in the same process and a real loop. */
#include "test/unit/unit.h"

#include "agent/base/log.h"
#include "agent/control.h"
#include "test/unit/scratch.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { DEADLINE_US = 30000000, STEP_US = 10000, TEXT_SIZE = 256 * 1024, BIG_ANSWER = 2000000 };

#define STATUS "{\"version\":1,\"command\":\"status\"}"

struct fixture {
	sd_event *loop;
	struct control *c;
	char dir[64], path[128];
	unsigned asked;
	struct control_reply *owed;
};

static json_t *cmd_status(void *user, const json_t *request, const char **error)
{
	struct fixture *f = user;

	(void)error;
	assert_true(json_is_object(request));
	if (f)
		f->asked++;
	return json_pack("{s:s}", "name", "VI_1");
}

static json_t *cmd_refuse(void *user, const json_t *request, const char **error)
{
	(void)user;
	*error = json_string_value(json_object_get(request, "why"));
	return NULL;
}

static json_t *cmd_big(void *user, const json_t *request, const char **error)
{
	_cleanup_(freep) char *text = malloc(BIG_ANSWER + 1);

	(void)user;
	(void)request;
	(void)error;
	memset(text, 'x', BIG_ANSWER);
	text[BIG_ANSWER] = '\0';
	return json_string(text);
}

static void cmd_later(void *user, const json_t *request, struct control_reply *reply)
{
	struct fixture *f = user;

	(void)request;
	f->owed = reply;
}

static void cmd_at_once(void *user, const json_t *request, struct control_reply *reply)
{
	(void)user;
	(void)request;
	control_reply_ok(reply, json_string("already"));
}

static const struct control_command commands[] = {
	{ .name = "status", .fn = cmd_status },   { .name = "refuse", .fn = cmd_refuse },
	{ .name = "big", .fn = cmd_big },         { .name = "later", .later = cmd_later },
	{ .name = "soon", .later = cmd_at_once }, { .name = NULL },
};

/* --- the documents ----------------------------------------------------------------------------------------------- */

/* What `request` is answered, as a document that was checked for its form. */
static json_t *ask(const char *request, size_t len)
{
	_cleanup_(freep) char *text = control_answer(commands, NULL, request, len);
	json_t *doc;

	assert_non_null(text);
	assert_true(strlen(text) > 0 && text[strlen(text) - 1] == '\n');
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	assert_int_equal(json_integer_value(json_object_get(doc, "version")), CONTROL_VERSION);
	assert_true(json_is_boolean(json_object_get(doc, "ok")));
	return doc;
}

static void assert_refused(const char *request, const char *why)
{
	json_t *doc = ask(request, strlen(request));

	assert_false(json_is_true(json_object_get(doc, "ok")));
	assert_null(json_object_get(doc, "result"));
	if (!strstr(json_string_value(json_object_get(doc, "error")), why))
		fail_msg("%s: \"%s\" lacks \"%s\"", request, json_string_value(json_object_get(doc, "error")), why);
	json_decref(doc);
}

static void command_is_answered_with_its_result(void **state)
{
	json_t *doc = ask(STATUS, strlen(STATUS));

	(void)state;
	assert_true(json_is_true(json_object_get(doc, "ok")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "result"), "name")), "VI_1");
	json_decref(doc);
}

static void malformed_json_is_refused_with_its_position(void **state)
{
	(void)state;
	assert_refused("", "line 1, column 0");
	assert_refused("{\"version\":1,", "malformed JSON at line 1, column 13");
	assert_refused("nonsense", "malformed JSON at line 1");
	assert_refused(STATUS STATUS, "end of file expected");
	assert_refused("{\"version\":1,\"version\":1,\"command\":\"status\"}", "duplicate");
	assert_refused("{\"version\":1,\"command\":\"\xff\"}", "malformed");
	assert_refused("{\"version\":1,\"command\":\"\\u0000\"}", "malformed");
}

static void nul_bytes_are_refused(void **state)
{
	static const char request[] = "{\"version\":1,\0\"command\":\"status\"}";
	json_t *doc = ask(request, sizeof(request) - 1);

	(void)state;
	assert_false(json_is_true(json_object_get(doc, "ok")));
	json_decref(doc);
}

static void deep_nesting_is_refused(void **state)
{
	enum { DEPTH = CONTROL_REQUEST_MAX };
	_cleanup_(freep) char *text = malloc(DEPTH);
	json_t *doc;

	(void)state;
	memset(text, '[', DEPTH);
	doc = ask(text, DEPTH);
	assert_non_null(strstr(json_string_value(json_object_get(doc, "error")), "depth"));
	json_decref(doc);
}

static void what_is_no_request_is_refused_with_a_reason(void **state)
{
	(void)state;
	assert_refused("[]", "object");
	assert_refused("1", "object");
	assert_refused("null", "object");
	assert_refused("{}", "\"version\" is missing");
	assert_refused("{\"command\":\"status\"}", "\"version\" is missing");
	assert_refused("{\"version\":\"1\",\"command\":\"status\"}", "\"version\" is missing or no integer");
	assert_refused("{\"version\":2,\"command\":\"status\"}", "not spoken");
	assert_refused("{\"version\":1}", "\"command\" is missing");
	assert_refused("{\"version\":1,\"command\":7}", "known: status refuse big later soon");
	assert_refused("{\"version\":1,\"command\":\"drop\"}",
		       "unknown command \"drop\"; known: status refuse big later");
	assert_refused("{\"version\":1,\"command\":\"\\u001b[31m\\n\"}", "unknown command \"?[31m?\"");
}

static void reason_of_a_command_reaches_the_client(void **state)
{
	(void)state;
	assert_refused("{\"version\":1,\"command\":\"refuse\",\"why\":\"not today\"}", "not today");
	assert_refused("{\"version\":1,\"command\":\"refuse\"}", "failed");
}

/* --- the socket -------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_level(LOG_EMERG);
	strcpy(f->dir, "/tmp/sqlvip-control-XXXXXX");
	scratch_make(f->dir);
	snprintf(f->path, sizeof(f->path), "%s/run/control.sock", f->dir);
	assert_return_code(sd_event_new(&f->loop), 0);
	assert_int_equal(control_new(f->loop, f->path, commands, f, &f->c), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_free(f->c);
	sd_event_unref(f->loop);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

static int dial(struct fixture *f)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(sa.sun_path, f->path);
	assert_true(fd >= 0);
	assert_return_code(connect(fd, (const struct sockaddr *)&sa, sizeof(sa)), errno);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

struct heard {
	char text[TEXT_SIZE];
	size_t len, total;
	bool closed;
};

/* Takes what is there; the text keeps the beginning. */
static void hear(int fd, struct heard *h)
{
	static char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		size_t room = sizeof(h->text) - 1 - h->len, len = (size_t)n < room ? (size_t)n : room;

		memcpy(h->text + h->len, buf, len);
		h->len += len;
		h->total += (size_t)n;
		h->text[h->len] = '\0';
	}
	if (n == 0 || errno != EAGAIN)
		h->closed = true;
}

static unsigned lines(const struct heard *h)
{
	unsigned n = 0;

	for (const char *s = h->text; (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

static bool heard_lines(int fd, struct heard *h, unsigned n)
{
	hear(fd, h);
	return lines(h) >= n;
}

static bool heard_end(int fd, struct heard *h)
{
	hear(fd, h);
	return h->closed;
}

static void several_requests_are_answered_in_order_on_one_connection(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	int fd = dial(f);

	say(fd, STATUS "\n");
	wait_until(f, heard_lines(fd, h, 1));
	say(fd, STATUS "\n{}\n" STATUS "\n" STATUS);
	wait_until(f, heard_lines(fd, h, 4));
	assert_int_equal(f->asked, 3);
	say(fd, "\n");
	wait_until(f, heard_lines(fd, h, 5));
	assert_int_equal(f->asked, 4);
	assert_false(h->closed);
	close(fd);
	free(h);
}

#define LATER "{\"version\":1,\"command\":\"later\"}"
#define SOON  "{\"version\":1,\"command\":\"soon\"}"

static void answer_that_comes_later_keeps_its_place_in_the_order(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	int fd = dial(f);

	say(fd, LATER "\n" STATUS "\n");
	wait_until(f, f->owed);
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, STEP_US);
	hear(fd, h);
	assert_int_equal(h->len, 0);
	assert_int_equal(f->asked, 0);
	control_reply_ok(f->owed, json_string("at last"));
	wait_until(f, heard_lines(fd, h, 2));
	assert_ptr_equal(strstr(h->text, "{\"version\":1,\"ok\":true,\"result\":\"at last\"}\n"), h->text);
	assert_int_equal(f->asked, 1);
	say(fd, SOON "\n");
	wait_until(f, heard_lines(fd, h, 3));
	assert_non_null(strstr(h->text, "already"));
	close(fd);
	free(h);
}

static void refusal_that_comes_later_carries_details(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	int fd = dial(f);

	say(fd, LATER);
	assert_return_code(shutdown(fd, SHUT_WR), errno);
	wait_until(f, f->owed);
	control_reply_error(f->owed, "no", json_pack("[s]", "why"));
	wait_until(f, heard_end(fd, h));
	assert_string_equal(h->text, "{\"version\":1,\"ok\":false,\"error\":\"no\",\"details\":[\"why\"]}\n");
	close(fd);
	free(h);
}

static void answer_for_a_client_that_left_goes_nowhere(void **state)
{
	struct fixture *f = *state;
	unsigned before;
	int fd;

	loop_turn(f->loop, STEP_US);
	before = count_fds();
	fd = dial(f);
	say(fd, LATER "\n");
	wait_until(f, f->owed);
	close(fd);
	wait_until(f, count_fds() == before);
	control_reply_ok(f->owed, json_true());
}

static void answer_for_a_socket_that_is_closed_goes_nowhere(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, LATER "\n");
	wait_until(f, f->owed);
	f->c = control_free(f->c);
	control_reply_error(f->owed, "stopping", NULL);
	close(fd);
}

static void request_in_single_bytes_is_answered(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	int fd = dial(f);

	for (const char *s = STATUS "\n"; *s; s++) {
		assert_int_equal(send(fd, s, 1, MSG_NOSIGNAL), 1);
		loop_turn(f->loop, STEP_US);
	}
	wait_until(f, heard_lines(fd, h, 1));
	assert_int_equal(f->asked, 1);
	close(fd);
	free(h);
}

static void end_of_stream_ends_the_request(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	int fd = dial(f);

	say(fd, "{}\n" STATUS);
	assert_return_code(shutdown(fd, SHUT_WR), errno);
	wait_until(f, heard_end(fd, h));
	assert_int_equal(lines(h), 2);
	assert_int_equal(f->asked, 1);
	close(fd);
	free(h);
}

static void client_that_leaves_is_forgotten(void **state)
{
	struct fixture *f = *state;
	unsigned before;
	int fd;

	loop_turn(f->loop, STEP_US);
	before = count_fds();
	for (int i = 0; i < 3 * CONTROL_CLIENTS_MAX; i++) {
		fd = dial(f);
		say(fd, i % 3 == 0 ? "" : i % 3 == 1 ? "{\"vers" : STATUS "\n" STATUS "\n");
		close(fd);
		for (int turns = 0; turns < 4; turns++) /* accept, read, answer, write */
			loop_turn(f->loop, STEP_US);
	}
	wait_until(f, count_fds() == before);
}

static void oversized_request_is_refused_and_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	static char block[4096];
	int fd = dial(f);
	size_t sent = 0;

	memset(block, ' ', sizeof(block));
	while (sent < 2 * CONTROL_REQUEST_MAX && !h->closed) {
		ssize_t n = send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		loop_turn(f->loop, STEP_US);
		hear(fd, h);
	}
	wait_until(f, heard_end(fd, h));
	assert_non_null(strstr(h->text, "at most 65536 bytes"));
	assert_int_equal(lines(h), 1);
	close(fd);
	free(h);
}

static void largest_request_is_served(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	_cleanup_(freep) char *text = malloc(CONTROL_REQUEST_MAX);
	int fd = dial(f);
	size_t sent = 0;

	memset(text, ' ', CONTROL_REQUEST_MAX);
	memcpy(text, STATUS, strlen(STATUS));
	text[CONTROL_REQUEST_MAX - 1] = '\n';
	while (sent < CONTROL_REQUEST_MAX) {
		ssize_t n = send(fd, text + sent, CONTROL_REQUEST_MAX - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		loop_turn(f->loop, STEP_US);
	}
	wait_until(f, heard_lines(fd, h, 1));
	assert_int_equal(f->asked, 1);
	close(fd);
	free(h);
}

static void client_that_dawdles_is_dropped_and_others_are_served(void **state)
{
	struct fixture *f = *state;
	struct heard *slow = calloc(1, sizeof(*slow)), *h = calloc(1, sizeof(*h));
	int slow_fd = dial(f), fd;
	uint64_t begin_us = loop_now_us(), next_us = begin_us;

	while (!heard_end(slow_fd, slow)) {
		assert_true(loop_now_us() - begin_us < DEADLINE_US);
		if (loop_now_us() >= next_us) { /* a byte now and then does not help */
			next_us += 500000;
			send(slow_fd, " ", 1, MSG_NOSIGNAL);
			fd = dial(f);
			say(fd, STATUS "\n");
			h->len = 0;
			wait_until(f, heard_lines(fd, h, 1));
			close(fd);
		}
		loop_turn(f->loop, STEP_US);
	}
	assert_true(loop_now_us() - begin_us >= CONTROL_TIMEOUT_US);
	assert_int_equal(slow->len, 0);
	close(slow_fd);
	free(slow);
	free(h);
}

static void answer_larger_than_the_socket_is_sent_whole(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	int fd = dial(f);

	say(fd, "{\"version\":1,\"command\":\"big\"}\n");
	assert_return_code(shutdown(fd, SHUT_WR), errno);
	wait_until(f, heard_end(fd, h));
	assert_true(h->total > BIG_ANSWER);
	close(fd);
	free(h);
}

static void client_that_does_not_read_is_dropped(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	unsigned before;
	uint64_t begin_us = loop_now_us();

	loop_turn(f->loop, STEP_US);
	before = count_fds();
	say(fd, "{\"version\":1,\"command\":\"big\"}\n");
	wait_until(f, count_fds() < before);
	assert_true(loop_now_us() - begin_us >= CONTROL_TIMEOUT_US / 2);
	close(fd);
}

static void too_many_clients_are_told_and_the_others_served(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	int fds[CONTROL_CLIENTS_MAX], fd;

	for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
		fds[i] = dial(f);
		loop_turn(f->loop, STEP_US);
	}
	for (int i = 0; i < 3; i++) {
		fd = dial(f);
		*h = (struct heard){ 0 };
		wait_until(f, heard_end(fd, h));
		assert_non_null(strstr(h->text, "too many clients"));
		close(fd);
	}
	*h = (struct heard){ 0 };
	say(fds[3], STATUS "\n");
	wait_until(f, heard_lines(fds[3], h, 1));
	close(fds[7]);
	loop_turn(f->loop, STEP_US);
	fd = dial(f);
	*h = (struct heard){ 0 };
	say(fd, STATUS "\n");
	wait_until(f, heard_lines(fd, h, 1));
	assert_int_equal(f->asked, 2);
	close(fd);
	for (size_t i = 0; i < ELEMENTSOF(fds); i++)
		if (i != 7)
			close(fds[i]);
	free(h);
}

static void lack_of_descriptors_pauses_without_spinning(void **state)
{
	struct fixture *f = *state;
	struct heard *h = calloc(1, sizeof(*h));
	struct rlimit old, none;
	struct rusage before, after;
	uint64_t end_us;
	int fd = dial(f), spare;

	say(fd, STATUS "\n");
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(spare);
	assert_return_code(getrlimit(RLIMIT_NOFILE, &old), errno);
	none = (struct rlimit){ .rlim_cur = (rlim_t)spare, .rlim_max = old.rlim_max };
	assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
	getrusage(RUSAGE_SELF, &before);
	for (end_us = loop_now_us() + 500000; loop_now_us() < end_us;)
		loop_turn(f->loop, STEP_US);
	getrusage(RUSAGE_SELF, &after);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &old), errno);
	assert_int_equal(f->asked, 0);
	assert_true(after.ru_utime.tv_sec * 1000000 + after.ru_utime.tv_usec + after.ru_stime.tv_sec * 1000000 +
			    after.ru_stime.tv_usec - before.ru_utime.tv_sec * 1000000 - before.ru_utime.tv_usec -
			    before.ru_stime.tv_sec * 1000000 - before.ru_stime.tv_usec <
		    250000);
	wait_until(f, heard_lines(fd, h, 1));
	close(fd);
	free(h);
}

static void socket_is_for_owner_and_group_whatever_the_umask(void **state)
{
	struct fixture *f = *state;
	struct control *c;
	struct stat st;
	char path[160];
	const mode_t masks[] = { 0, 0777 };

	for (size_t i = 0; i < ELEMENTSOF(masks); i++) {
		mode_t old = umask(masks[i]);
		int r;

		snprintf(path, sizeof(path), "%s/other%zu/s", f->dir, i);
		r = control_new(f->loop, path, commands, f, &c);
		umask(old);
		assert_int_equal(r, 0);
		assert_return_code(stat(path, &st), errno);
		assert_int_equal(st.st_mode & 07777, 0660);
		*strrchr(path, '/') = '\0';
		assert_return_code(stat(path, &st), errno);
		assert_int_equal(st.st_mode & 07777, 0755);
		control_free(c);
	}
}

static void socket_in_use_is_not_taken(void **state)
{
	struct fixture *f = *state;
	struct control *second = NULL;

	assert_int_equal(control_new(f->loop, f->path, commands, f, &second), -EADDRINUSE);
	assert_null(second);
	close(dial(f)); /* the first is still there */
}

static void stale_socket_is_replaced_and_other_files_are_not(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct control *c = NULL;
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/stale", f->dir);
	assert_return_code(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), errno);
	close(fd);
	assert_int_equal(control_new(f->loop, sa.sun_path, commands, f, &c), 0);
	control_free(c);
	assert_int_equal(stat(sa.sun_path, &st), -1);

	close(open(sa.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_int_equal(control_new(f->loop, sa.sun_path, commands, f, &c), -ENOTSOCK);
	assert_return_code(stat(sa.sun_path, &st), errno);
}

static void free_leaves_a_successors_socket_alone(void **state)
{
	struct fixture *f = *state;
	struct control *second;
	struct stat st;

	assert_return_code(unlink(f->path), errno);
	assert_int_equal(control_new(f->loop, f->path, commands, f, &second), 0);
	f->c = control_free(f->c);
	assert_return_code(stat(f->path, &st), errno);
	control_free(second);
	assert_int_equal(stat(f->path, &st), -1);
}

static void path_too_long_for_a_socket_is_refused(void **state)
{
	struct fixture *f = *state;
	struct control *c;
	char path[200];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_new(f->loop, path, commands, f, &c), -ENAMETOOLONG);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_is_answered_with_its_result),
		cmocka_unit_test(malformed_json_is_refused_with_its_position),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(what_is_no_request_is_refused_with_a_reason),
		cmocka_unit_test(reason_of_a_command_reaches_the_client),
		test(several_requests_are_answered_in_order_on_one_connection),
		test(answer_that_comes_later_keeps_its_place_in_the_order),
		test(refusal_that_comes_later_carries_details),
		test(answer_for_a_client_that_left_goes_nowhere),
		test(answer_for_a_socket_that_is_closed_goes_nowhere),
		test(request_in_single_bytes_is_answered),
		test(end_of_stream_ends_the_request),
		test(client_that_leaves_is_forgotten),
		test(oversized_request_is_refused_and_ends_the_connection),
		test(largest_request_is_served),
		test(client_that_dawdles_is_dropped_and_others_are_served),
		test(answer_larger_than_the_socket_is_sent_whole),
		test(client_that_does_not_read_is_dropped),
		test(too_many_clients_are_told_and_the_others_served),
		test(lack_of_descriptors_pauses_without_spinning),
		test(socket_is_for_owner_and_group_whatever_the_umask),
		test(socket_in_use_is_not_taken),
		test(stale_socket_is_replaced_and_other_files_are_not),
		test(free_leaves_a_successors_socket_alone),
		test(path_too_long_for_a_socket_is_refused),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
