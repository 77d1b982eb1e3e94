/* SPDX-License-Identifier: Apache-2.0 */
/* What observe mode leaves of a configuration. */
#include "test/unit/unit.h"

#include "agent/observe.h"

static void no_finding(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user, (void)where;
	if (level == CONF_ERROR)
		fail_msg("%s", text);
}

static struct conf *load(const char *socket)
{
	struct conf *c = NULL;
	char text[2048];

	snprintf(text, sizeof(text),
		 "global_defs {\n control_socket %s\n notify_fifo /tmp/fifo\n startup_script /bin/true\n"
		 " shutdown_script /bin/true\n}\n"
		 "vrrp_track_file tf {\n file /tmp/tf\n init_file 0\n}\n"
		 "vrrp_script chk {\n script /bin/true\n}\n"
		 "vrrp_sync_group G {\n group {\n VI_1\n }\n notify /bin/true\n}\n"
		 "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority 100\n advert_int 1\n"
		 " notify /bin/true\n notify_master /bin/true\n vip_pre_take /bin/true\n promote_secondaries\n"
		 " track_script {\n chk\n }\n virtual_ipaddress {\n 192.168.1.100\n }\n}\n",
		 socket);
	assert_int_equal(conf_load_text("test.conf", text, strlen(text), false, NULL, no_finding, NULL, &c), 0);
	return c;
}

static void observer_runs_nothing_but_checks(void **state)
{
	struct conf *c = load("/run/x/a.sock");

	(void)state;
	assert_non_null(c->instances[0].hooks[CONF_HOOK_MASTER].argv);
	assert_int_equal(observe_conf(c), 0);
	for (int i = 0; i < _CONF_HOOK_MAX_; i++) {
		assert_null(c->instances[0].hooks[i].argv);
		assert_null(c->groups[0].hooks[i].argv);
	}
	assert_null(c->instances[0].pre_take.argv);
	assert_false(c->instances[0].promote_secondaries);
	assert_int_equal(c->instances[0].vip_lease_s, 0);
	assert_null(c->fifos[CONF_FIFO_ALL].path);
	assert_null(c->startup.command.argv);
	assert_null(c->shutdown.command.argv);
	assert_false(c->realtime);
	assert_false(c->track_files[0].init);
	assert_non_null(c->scripts[0].command.argv);
	conf_free(c);
}

static void observer_has_a_socket_of_its_own(void **state)
{
	static const char *const sockets[][2] = {
		{ "/run/sqlvip/sqlvipd.sock", "/run/sqlvip/sqlvipd-observe.sock" },
		{ "/run/sqlvip/control", "/run/sqlvip/control-observe" },
		{ "/run/sqlvip.d/control", "/run/sqlvip.d/control-observe" },
	};
	char path[108];

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(sockets); i++) {
		struct conf *c = load(sockets[i][0]);

		assert_int_equal(observe_conf(c), 0);
		assert_string_equal(c->control_socket, sockets[i][1]);
		conf_free(c);
	}
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[105] = '\0';
	{
		struct conf *c = load(path);

		assert_int_equal(observe_conf(c), -ENAMETOOLONG);
		conf_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(observer_runs_nothing_but_checks),
		cmocka_unit_test(observer_has_a_socket_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
