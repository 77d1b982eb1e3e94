/* SPDX-License-Identifier: Apache-2.0 */
/* Letters between supervisor and engine, and the record of a configuration: what goes in comes out, and what is not a
 * letter is refused. */
#include "test/unit/unit.h"

#include "agent/base/cleanup.h"
#include "agent/conf/bundle.h"
#include "agent/conf/command.h"
#include "agent/conf/conf.h"
#include "agent/process/post.h"
#include "test/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static uint8_t buf[POST_MAX];

static struct post full(void)
{
	return (struct post){ .type = POST_RUN,
			      .id = 0xfedcba98,
			      .uid = 65534,
			      .gid = 65533,
			      .timeout_us = 60000000,
			      .kill_after_us = 1ull << 40,
			      .ran_us = 3,
			      .error = -EPERM,
			      .wait_status = 0x7f01,
			      .timed_out = true,
			      .text = "why",
			      .n_words = 3,
			      .n_env = 2,
			      .words = { "/bin/x", "", "a\nb" },
			      .env = { "SQLVIP_STATE=MASTER", "SQLVIP_CAUSE=" } };
}

static void letter_comes_out_as_it_went_in(void **state)
{
	const struct post a = full();
	struct post b;
	size_t len = post_encode(&a, buf, sizeof(buf));

	(void)state;
	assert_int_not_equal(len, 0);
	assert_null(post_decode(buf, len, &b));
	assert_int_equal(b.type, a.type);
	assert_int_equal(b.id, a.id);
	assert_int_equal(b.uid, a.uid);
	assert_int_equal(b.gid, a.gid);
	assert_true(b.timeout_us == a.timeout_us && b.kill_after_us == a.kill_after_us && b.ran_us == a.ran_us);
	assert_int_equal(b.error, a.error);
	assert_int_equal(b.wait_status, a.wait_status);
	assert_true(b.timed_out);
	assert_string_equal(b.text, a.text);
	assert_int_equal(b.n_words, 3);
	assert_int_equal(b.n_env, 2);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(b.words[i], a.words[i]);
	assert_null(b.words[3]);
	assert_string_equal(b.env[1], a.env[1]);
	assert_null(b.env[2]);
}

static void letter_that_is_cut_off_anywhere_is_refused(void **state)
{
	const struct post a = full();
	struct post b;
	size_t len = post_encode(&a, buf, sizeof(buf));

	(void)state;
	for (size_t n = 0; n < len; n++) {
		_cleanup_(freep) uint8_t *exact = malloc(n + 1);

		memcpy(exact, buf, n);
		assert_non_null(post_decode(exact, n, &b));
	}
	buf[len] = 0;
	assert_string_equal(post_decode(buf, len + 1, &b), "cut off, or with something behind it");
}

static const char *refused(const struct post *p)
{
	struct post b;

	return post_decode(buf, post_encode(p, buf, sizeof(buf)), &b);
}

static void variables_of_others_are_refused(void **state)
{
	static const char *const bad[] = { "LD_PRELOAD=/x",     "PATH=/x",           "SQLVIP_=x",
					   "SQLVIP_STATE",      "SQLVIP_state=x",    "",
					   "SQLVIP_CAUSE=a\nb", "SQLVIP_CAUSE=\x7f", "XSQLVIP_STATE=x",
					   "SQLVIP_A B=x" };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		const struct post p = { .type = POST_RUN, .n_env = 1, .env = { bad[i] } };

		assert_string_equal(refused(&p), "with a variable that is none of ours");
	}
}

static void numbers_out_of_range_are_refused(void **state)
{
	struct post p = { .type = POST_RUN };

	(void)state;
	p.error = -4096;
	assert_string_equal(refused(&p), "a number out of range");
	p = (struct post){ .type = _POST_TYPE_MAX_ };
	assert_string_equal(refused(&p), "of no known type");
	p = (struct post){ .type = POST_RUN, .n_words = POST_WORDS_MAX + 1 };
	assert_int_equal(post_encode(&p, buf, sizeof(buf)), 0);
	p = (struct post){ .type = POST_STOP, .text = "a\033[2J" };
	assert_string_equal(refused(&p), "with control characters");
}

static void descriptors_travel_and_strays_are_closed(void **state)
{
	const struct post p = { .type = POST_CONF, .text = "x" };
	struct post got;
	struct stat a, b;
	const char *why;
	int pair[2], fd, null_fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(post_receive(pair[0], buf, &got, &fd, &why), 0);
	assert_int_equal(post_send(pair[1], &p, null_fd), 0);
	assert_int_equal(post_receive(pair[0], buf, &got, &fd, &why), 1);
	assert_int_equal(got.type, POST_CONF);
	assert_true(fd >= 0 && fstat(fd, &a) == 0 && fstat(null_fd, &b) == 0 && a.st_rdev == b.st_rdev);
	close(fd);
	assert_int_equal(send(pair[1], "junk", 4, 0), 4);
	assert_int_equal(post_receive(pair[0], buf, &got, &fd, &why), -EBADMSG);
	assert_string_equal(why, "too short");
	close(pair[1]);
	assert_int_equal(post_receive(pair[0], buf, &got, &fd, &why), -EPIPE);
	close(pair[0]);
	close(null_fd);
}

static void large_letters_fit_and_larger_ones_are_an_error(void **state)
{
	char text[120000];
	struct post p = { .type = POST_RUN, .n_env = 1, .env = { text } }, got;
	const char *why;
	int pair[2], fd, size = POST_BUFFER;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "SQLVIP_VIPS=", 12);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(post_send(pair[1], &p, -1), 0);
	assert_int_equal(post_receive(pair[0], buf, &got, &fd, &why), 1);
	assert_string_equal(got.env[0], text);
	p.n_env = 2;
	p.env[1] = text;
	assert_int_equal(post_send(pair[1], &p, -1), -E2BIG);
	close(pair[0]);
	close(pair[1]);
}

/* --- what may be run ---------------------------------------------------------------------------------------------- */

static void fail_on_finding(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user, (void)where;
	if (level == CONF_ERROR)
		fail_msg("%s", text);
}

static const char *allowed(const struct conf *c, uid_t uid, const char *const *argv)
{
	const char *what = NULL;
	size_t n = 0;

	while (argv[n])
		n++;
	return conf_allows(c, uid, 0, argv, n, &what) ? what : NULL;
}

#define ALLOWED(c, ...) allowed(c, 0, (const char *const[]){ __VA_ARGS__, NULL })

static void only_configured_programs_are_allowed(void **state)
{
	static const char text[] = "vrrp_script chk {\n script \"/bin/chk -a 'b c'\"\n}\n"
				   "vrrp_instance VI {\n interface eth0\n virtual_router_id 5\n"
				   " virtual_ipaddress {\n 192.0.2.1\n }\n track_script {\n chk\n }\n"
				   " notify_master /bin/m\n notify /bin/n\n vip_pre_take /bin/v\n}\n";
	struct conf *c = NULL;

	(void)state;
	assert_int_equal(conf_load_text("x.conf", text, strlen(text), false, NULL, fail_on_finding, NULL, &c), 0);
	assert_string_equal(ALLOWED(c, "/bin/chk", "-a", "b c"), "vrrp_script");
	assert_string_equal(ALLOWED(c, "/bin/m"), "notify_master");
	assert_string_equal(ALLOWED(c, "/bin/v"), "vip_pre_take");
	assert_string_equal(ALLOWED(c, "/bin/n", "INSTANCE", "VI", "MASTER", "254"), "notify");
	assert_null(ALLOWED(c, "/bin/chk", "-a"));
	assert_null(ALLOWED(c, "/bin/chk", "-a", "b c", "-exec"));
	assert_null(ALLOWED(c, "/bin/m", "x"));
	assert_null(ALLOWED(c, "/bin/n"));
	assert_null(ALLOWED(c, "/bin/n", "INSTANCE", "other", "MASTER", "254"));
	assert_null(ALLOWED(c, "/bin/n", "GROUP", "VI", "MASTER", "254"));
	assert_null(ALLOWED(c, "/bin/n", "INSTANCE", "VI", "-rf", "254"));
	assert_null(ALLOWED(c, "/bin/n", "INSTANCE", "VI", "MASTER", "2x"));
	assert_null(ALLOWED(c, "/bin/n", "INSTANCE", "VI", "MASTER", "254", "y"));
	assert_null(ALLOWED(c, "/bin/sh"));
	assert_null(allowed(c, 0, (const char *const[]){ NULL }));
	assert_null(allowed(c, 1, (const char *const[]){ "/bin/m", NULL }));
	conf_free(c);
}

/* --- the bundle --------------------------------------------------------------------------------------------------- */

static char *load_and_print(void)
{
	struct conf *c = NULL;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_int_equal(conf_load(FOLDER "/a.conf", NULL, fail_on_finding, NULL, &c), 0);
	conf_print(c, f);
	fprintf(f, "%s\n", c->mysqls[0].probe.password);
	fclose(f);
	conf_free(c);
	return text;
}

static void configuration_reads_the_same_from_the_bundle_alone(void **state)
{
	struct conf_bundle *b = conf_bundle_new(), *copy;
	_cleanup_(freep) char *first = NULL, *second = NULL;
	int fd, r;

	(void)state;
	put_file("a.conf",
		 "include part*.inc\nvrrp_mysql m {\n socket /x\n user u\n password file:" FOLDER "/secret\n}\n"
		 "vrrp_script s {\n script /bin/true\n user root root\n}\n",
		 0600);
	put_file("part1.inc", "global_defs {\n router_id one\n}\n", 0600);
	put_file("part2.inc",
		 "vrrp_instance VI {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 192.0.2.1\n }\n"
		 " track_mysql {\n m\n }\n track_script {\n s\n }\n}\n",
		 0600);
	put_file("secret", "geheim\n", 0600);
	conf_bundle_record(b);
	first = load_and_print();
	conf_bundle_record(NULL);
	conf_bundle_note(b, "n", "old");
	conf_bundle_note(b, "n", "new");
	fd = conf_bundle_write(b, "test");
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), -1); /* sealed */
	copy = conf_bundle_read(fd, &r);
	assert_non_null(copy);
	assert_string_equal(conf_bundle_noted(copy, "n"), "new");
	assert_null(conf_bundle_noted(copy, "other"));
	assert_int_equal(system("rm -r " FOLDER "/*"), 0);
	conf_bundle_replay(copy);
	second = load_and_print();
	conf_bundle_replay(NULL);
	assert_string_equal(first, second);
	assert_non_null(strstr(second, "geheim"));
	conf_bundle_free(b);
	conf_bundle_free(copy);
	close(fd);
}

static void bundle_that_is_damaged_is_refused(void **state)
{
	struct conf_bundle *b = conf_bundle_new();
	char whole[4096], part[] = "/tmp/sqlvip-bundle-XXXXXX";
	int fd, r, file = mkstemp(part);
	ssize_t n;

	(void)state;
	conf_bundle_put(b, CONF_ASK_FILE, "/a", 0, "text", 4);
	conf_bundle_put(b, CONF_ASK_FILE, "/b", -ENOENT, NULL, 0);
	fd = conf_bundle_write(b, "test");
	n = pread(fd, whole, sizeof(whole), 0);
	assert_true(n > 30);
	for (ssize_t len = 0; len < n; len++) {
		struct conf_bundle *got;

		assert_int_equal(ftruncate(file, 0), 0);
		assert_int_equal(pwrite(file, whole, (size_t)len, 0), len);
		got = conf_bundle_read(file, &r);
		/* Between two entries nobody can tell. */
		if (got)
			conf_bundle_free(got);
		else
			assert_int_equal(r, -EBADMSG);
	}
	whole[8] = _CONF_QUESTION_MAX_;
	assert_int_equal(pwrite(file, whole, (size_t)n, 0), n);
	assert_null(conf_bundle_read(file, &r));
	unlink(part);
	close(file);
	close(fd);
	conf_bundle_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letter_comes_out_as_it_went_in),
		cmocka_unit_test(letter_that_is_cut_off_anywhere_is_refused),
		cmocka_unit_test(variables_of_others_are_refused),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(descriptors_travel_and_strays_are_closed),
		cmocka_unit_test(large_letters_fit_and_larger_ones_are_an_error),
		cmocka_unit_test(only_configured_programs_are_allowed),
		cmocka_unit_test(configuration_reads_the_same_from_the_bundle_alone),
		cmocka_unit_test(bundle_that_is_damaged_is_refused),
	};

	return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
