/* SPDX-License-Identifier: Apache-2.0 */
/* The importer: files as people have them, with the report and the suggestion that are expected of each (golden files
 * in test/unit/import), and the recognition of check scripts. */
#include "test/unit/unit.h"

#include "agent/conf/conf.h"
#include "agent/import/import.h"
#include "agent/import/mask.h"
#include "agent/import/mysql.h"
#include "test/unit/scratch.h"

#include <sys/stat.h>

#define DATA "test/unit/import/"

static char *read_file(const char *path)
{
	char *text = calloc(1, 1 << 16);
	FILE *f = fopen(path, "re");

	if (!f)
		fail_msg("%s is missing", path);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	return text;
}

/* Which socket there is depends on the host. */
static void forget_socket(char *text)
{
	for (char *at = text; (at = strstr(at, "    socket /"));)
		memmove(at, at + strcspn(at, "\n"), strlen(at + strcspn(at, "\n")) + 1);
}

static void is_golden(const char *name, const char *kind, char *text)
{
	char path[256];
	char *expected;

	snprintf(path, sizeof(path), DATA "%s.%s", name, kind);
	forget_socket(text);
	if (getenv("SQLVIP_GOLDEN")) { /* to accept what there is; look at the difference afterwards */
		FILE *f = fopen(path, "we");

		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	expected = read_file(path);
	assert_string_equal(text, expected);
	free(expected);
}

static void no_findings(void *user, enum conf_level level, const struct conf_where *where, const char *text)
{
	(void)user;
	if (level == CONF_ERROR)
		fail_msg("line %u: %s", where->line, text);
}

static int import(const char *path, char **report, char **suggestion)
{
	size_t n;
	FILE *r = open_memstream(report, &n), *s = open_memstream(suggestion, &n);
	int code = import_file(path, NULL, r, s);

	fclose(r);
	fclose(s);
	return code;
}

static void golden(const char *name)
{
	char path[256];
	char *report = NULL, *suggestion = NULL;
	struct conf *c = NULL;
	int code;

	snprintf(path, sizeof(path), DATA "%s.conf", name);
	code = import(path, &report, &suggestion);
	assert_int_equal(code, strstr(report, "refused  ") ? 1 : 0);
	/* What is suggested is valid, and not even worth a warning about a keyword. */
	assert_int_equal(
		conf_load_text("suggested.conf", suggestion, strlen(suggestion), true, NULL, no_findings, NULL, &c), 0);
	assert_null(strstr(report, "s3cret"));
	assert_null(strstr(report, "MonPass1"));
	assert_null(strstr(suggestion, "MonPass1"));
	conf_free(c);
	is_golden(name, "report", report);
	is_golden(name, "suggested", suggestion);
	free(report);
	free(suggestion);
}

static int make_folder(void **state)
{
	scratch_enter(state);
	return system("cp " DATA "check_mysql.sh " FOLDER);
}

static void file_of_the_usual_guide_is_explained(void **state)
{
	(void)state;
	golden("guide");
}

static void script_that_stops_keepalived_becomes_a_check(void **state)
{
	(void)state;
	golden("sideeffect");
}

static void groups_definitions_and_what_is_not_served_are_explained(void **state)
{
	(void)state;
	golden("pair");
}

static void scripts_that_look_at_more_than_life_stay(void **state)
{
	(void)state;
	golden("beyond");
}

static void untracked_check_of_a_keepalived_conf_gets_tracked(void **state)
{
	char *report = NULL, *suggestion = NULL;
	struct conf *c = NULL;

	(void)state;
	assert_int_equal(import("etc/examples/keepalived/mastersql.conf", &report, &suggestion), 0);
	assert_int_equal(conf_load_text("s.conf", suggestion, strlen(suggestion), true, NULL, no_findings, NULL, &c),
			 0);
	assert_int_equal(c->n_mysqls, 1);
	assert_int_equal(c->mysqls[0].probe.interval_us, 2000000);
	assert_true(conf_is_tracked(c, CONF_TRACK_MYSQL, 0));
	assert_non_null(strstr(report, "taken for a check of MySQL by its name"));
	conf_free(c);
	free(report);
	free(suggestion);
}

static void what_only_the_operator_can_mend_is_named(void **state)
{
	char *report = NULL, *suggestion = NULL;

	(void)state;
	put_file("bad.conf", "vrrp_instance V {\n interface eth0\n bogus 1\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n",
		 0644);
	assert_int_equal(import(FOLDER "/bad.conf", &report, &suggestion), -EINVAL);
	assert_non_null(strstr(report, "     3  refused     bogus 1\n"));
	assert_non_null(strstr(report, "NOT valid yet"));
	assert_non_null(strstr(report, "vrrp_instance V: virtual_router_id is missing"));
	free(report);
	free(suggestion);
	assert_int_equal(import(FOLDER "/nothing.conf", &report, &suggestion), -ENOENT);
	assert_non_null(strstr(report, "no such file"));
	free(report);
	free(suggestion);
}

static void script_without_quotes_gets_them(void **state)
{
	char *report = NULL, *suggestion = NULL;

	(void)state;
	put_file("words.conf",
		 "global_defs {\n script_user root\n}\nvrrp_script s {\n script sh /tmp/x.sh y\n}\n"
		 "vrrp_instance V {\n interface eth0\n virtual_router_id 7\n track_script {\n s\n }\n"
		 " virtual_ipaddress {\n 10.0.0.1\n }\n}\n",
		 0644);
	assert_int_equal(import(FOLDER "/words.conf", &report, &suggestion), 0);
	assert_non_null(strstr(suggestion, "    script \"sh /tmp/x.sh y\"\n"));
	assert_non_null(strstr(report, "keepalived would run \"sh\" alone"));
	free(report);
	free(suggestion);
	assert_int_equal(import(FOLDER "/x.cfg", &report, &suggestion), -EINVAL);
	assert_non_null(strstr(report, "libconfig's grammar"));
	free(report);
	free(suggestion);
}

static void included_lines_stand_in_their_places(void **state)
{
	char *report = NULL, *suggestion = NULL;

	(void)state;
	put_file("main.conf",
		 "include part.inc\nvrrp_instance V {\n include part2.inc\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n",
		 0644);
	put_file("part.inc", "global_defs {\n smtp_server x\n}\n", 0644);
	put_file("part2.inc", " interface eth0\n virtual_router_id 7\n auth_pass \"a#b\"\n", 0644);
	assert_int_equal(import(FOLDER "/main.conf", &report, &suggestion), 1); /* auth_pass stands in no block */
	assert_non_null(
		strstr(report, "part.inc:\n     1  kept      global_defs {\n     2  ignored     smtp_server x\n"));
	assert_non_null(strstr(suggestion, "vrrp_instance V {\n    interface eth0\n    virtual_router_id 7\n"));
	free(report);
	free(suggestion);
}

/* Explanations that people have written into their files are worth as much as the lines. */
static void comments_stay_with_what_they_precede(void **state)
{
	char *report = NULL, *suggestion = NULL;

	(void)state;
	put_file(
		"comments.conf",
		"! Host A\n#\nglobal_defs { # general\n # mails\n smtp_server x # old\n"
		" # mysqladmin -uroot -pMonPass1 ping\n}\n"
		"vrrp_script chk {\n # is it there?\n script \"pidof mysqld\"\n}\n"
		"vrrp_instance V {\n @other interface eth1 # not here\n interface eth0 # uplink\n\n"
		" virtual_router_id 7\n priority 100\n virtual_ipaddress {\n  # web\n  10.0.0.1 ! the VIP\n  # more to "
		"come\n"
		" }\n track_script {\n  # must run\n  chk # or else\n }\n} # V\n# the end\n",
		0644);
	assert_int_equal(import(FOLDER "/comments.conf", &report, &suggestion), 0);
	forget_socket(suggestion);
	assert_string_equal(suggestion,
			    "# Suggested from " FOLDER "/comments.conf\n"
			    "\n"
			    "# Host A\n"
			    "#\n"
			    "global_defs { # general\n"
			    "    # mails\n"
			    "    # left out: sqlvip sends no mail: a notify hook can\n"
			    "    # smtp_server x # old\n"
			    "    # mysqladmin -uroot -p******** ping\n"
			    "}\n"
			    "\n"
			    "# is it there?\n"
			    "# was vrrp_script chk (pidof)\n"
			    "vrrp_mysql chk {\n"
			    "\n"
			    "    user sqlvip\n"
			    "    # on the primary: CREATE USER IF NOT EXISTS sqlvip@localhost IDENTIFIED BY '...';\n"
			    "    # its password goes into a file with mode 0600; then, without the #:\n"
			    "    # password file:/etc/sqlvip/mysql.password\n"
			    "}\n"
			    "\n"
			    "vrrp_instance V {\n"
			    "    interface eth0 # uplink\n"
			    "    virtual_router_id 7\n"
			    "    priority 100\n"
			    "    virtual_ipaddress {\n"
			    "        # web\n"
			    "        10.0.0.1 # the VIP\n"
			    "        # more to come\n"
			    "    }\n"
			    "    track_mysql {\n"
			    "        # must run\n"
			    "        chk # or else\n"
			    "    }\n"
			    "} # V\n"
			    "\n"
			    "# the end\n");
	free(report);
	free(suggestion);
}

static void lines_for_another_host_are_taken_if_it_is_named(void **state)
{
	char *report = NULL, *suggestion = NULL;
	size_t n;
	FILE *r = open_memstream(&report, &n), *s = open_memstream(&suggestion, &n);

	(void)state;
	put_file("id.conf",
		 "vrrp_instance V {\n interface eth0\n virtual_router_id 7\n @a priority 100\n @b priority 101\n"
		 " virtual_ipaddress {\n 10.0.0.1\n }\n}\n",
		 0644);
	assert_int_equal(import_file(FOLDER "/id.conf", "b", r, s), 0);
	fclose(r);
	fclose(s);
	assert_non_null(strstr(suggestion, "# Suggested from " FOLDER "/id.conf, with the lines for @b\n"));
	assert_non_null(strstr(suggestion, "    priority 101\n"));
	assert_null(strstr(suggestion, "priority 100"));
	free(report);
	free(suggestion);
}

static void usual_checks_are_recognised(void **state)
{
	static const struct {
		const char *text, *how;
	} known[] = {
		{ "/usr/bin/mysqladmin -uroot -pX ping", "mysqladmin ping" },
		{ "mysqladmin --defaults-file=/etc/my.cnf status", "mysqladmin ping" },
		{ "mysql -h 127.0.0.1 -e 'select 1'", "mysql -e" },
		{ "#!/bin/sh\nmysql -u a -N -s -e \"SHOW STATUS\" | grep -q Uptime || exit 1\n", "mysql -e" },
		{ "pidof mysqld", "pidof" },
		{ "pgrep mysqld # is it there?\nexit 1", "pgrep" },
		{ "mysqladmin ping # alive?", "mysqladmin ping" },
		{ "/bin/pidof mariadbd", "pidof" },
		{ "/usr/bin/pgrep mysqld", "pgrep" },
		{ "killall -0 mysqld", "killall -0" },
		{ "/usr/bin/killall -0 mariadbd", "killall -0" },
		{ "systemctl is-active --quiet mysql", "systemctl status" },
		{ "systemctl status mariadb.service", "systemctl status" },
		{ "service mysqld status", "systemctl status" },
		{ "#!/bin/bash\nif [ $(ps -C mysqld --no-header | wc -l) -eq 0 ]; then\nexit 1\nfi\n"
		  "ps aux | grep mysqld\n",
		  "grep in a list" },
		{ "netstat -ntlp | grep 3306", "grep in a list" },
	};
	static const char *const unknown[] = {
		"killall -0 haproxy",
		"pidof nginx",
		"curl http://localhost/mysql",
		"systemctl restart mysqld",
		"killall mysqld",
		"test -e /run/mysqld.pid",
		"# mysqladmin ping",
		"",
		"systemctl is-active nginx",
		"grep mysql /etc/hosts",
	};
	struct import_mysql m;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(known); i++) {
		if (!import_recognise(known[i].text, &m))
			fail_msg("not recognised: %s", known[i].text);
		assert_string_equal(m.how, known[i].how);
	}
	for (size_t i = 0; i < ELEMENTSOF(unknown); i++)
		if (import_recognise(unknown[i], &m))
			fail_msg("recognised as %s: %s", m.how, unknown[i]);
}

static void what_a_check_looks_at_beyond_life_is_told(void **state)
{
	static const struct {
		const char *text;
		unsigned kinds; /* bits */
	} known[] = {
		{ "mysql -e 'SELECT 1'", 0 },
		{ "mysql -e 'select 1 from dual'; mysql -e 'SELECT user FROM mysql.user'", 0 },
		{ "mysqladmin -uroot -pX ping", 0 },
		{ "mysql -e 'SHOW STATUS' | grep -q Uptime; systemctl stop keepalived", 0 },
		{ "mysql -e 'SELECT 1' # SHOW SLAVE STATUS\n", 0 },
		{ "mysqladmin ping || service keepalived restart; apt update", 0 },
		{ "pidof mysqld || systemctl restart nginx", 0 },
		{ "mysql -e 'SHOW SLAVE STATUS\\G' | grep -c 'Running: Yes'", 1u << BEYOND_REPLICATION },
		{ "mysql -e 'show replica status'", 1u << BEYOND_REPLICATION },
		{ "Q='SHOW ALL SLAVES STATUS'\nmysql -e \"$Q\"\n", 1u << BEYOND_REPLICATION },
		{ "mysql -e \"$Q\" | awk '/Seconds_Behind_Master/ { print $2 }'", 1u << BEYOND_REPLICATION },
		{ "mysql -e \"SHOW STATUS LIKE 'wsrep_local_state'\"", 1u << BEYOND_GALERA },
		{ "mysql -e 'SELECT @@read_only'", 1u << BEYOND_ROLE },
		{ "mysql -e 'select @@global.super_read_only'", 1u << BEYOND_ROLE },
		{ "mysql -e 'SELECT * FROM performance_schema.replication_group_members'", 1u << BEYOND_GROUP },
		{ "mysql -e 'INSERT INTO t VALUES (1)'", 1u << BEYOND_WRITES },
		{ "mysql -e 'replace into hb values (1)'", 1u << BEYOND_WRITES },
		{ "mysql -e 'SHOW MASTER STATUS'", 1u << BEYOND_OTHER },
		{ "mysql -e 'SHOW PROCESSLIST'", 1u << BEYOND_OTHER },
		{ "mysql -e 'SELECT v FROM app.t'", 1u << BEYOND_OTHER },
		{ "pidof mysqld || systemctl restart mysqld", 1u << BEYOND_STARTS },
		{ "pidof mysqld || /etc/init.d/mysqld start", 1u << BEYOND_STARTS },
		{ "pidof mysqld || service $DB start", 1u << BEYOND_STARTS },
		{ "mysql -e 'SHOW SLAVE STATUS'; mysql -e 'SELECT @@read_only'",
		  1u << BEYOND_REPLICATION | 1u << BEYOND_ROLE },
	};
	struct import_mysql m;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(known); i++) {
		assert_true(import_recognise(known[i].text, &m));
		for (enum beyond kind = 0; kind < _BEYOND_MAX_; kind++)
			if ((m.beyond.found[kind] != NULL) != (known[i].kinds >> kind & 1))
				fail_msg("%s: it %s: %s", known[i].text, beyond_what(kind),
					 m.beyond.found[kind] ? m.beyond.found[kind] : "not seen");
	}
}

/* A file with one check and one instance that tracks it. */
static void import_check(const char *script, const char *weight, char **report, char **suggestion)
{
	FILE *f = fopen(FOLDER "/check.conf", "we");

	fprintf(f,
		"global_defs {\n script_user root\n}\nvrrp_script chk {\n script \"%s\"\n interval 5\n%s}\n"
		"vrrp_instance V {\n interface eth0\n virtual_router_id 7\n virtual_ipaddress {\n 10.0.0.1\n }\n"
		" track_script {\n  chk # why\n }\n}\n",
		script, weight);
	fclose(f);
	assert_int_equal(import(FOLDER "/check.conf", report, suggestion), 0);
}

static struct conf *load(const char *text)
{
	struct conf *c = NULL;

	assert_int_equal(conf_load_text("s.conf", text, strlen(text), true, NULL, no_findings, NULL, &c), 0);
	return c;
}

/* As an operator does it who takes the # off what stands in vrrp_mysql and in its place in track_mysql. */
static void use_comments(char *suggestion)
{
	for (char *line = suggestion; (line = strstr(line, "    # ")); line++)
		if (strncmp(line + 6, "check ", 6) == 0 || line[6] == ' ' || line[6] == '}' ||
		    strncmp(line + 6, "track_mysql ", 12) == 0)
			line[4] = ' ';
}

/* With weight 0 a failure twice is the same as once, so that both may count. */
static void check_of_replication_stays_beside_what_it_becomes(void **state)
{
	char *report = NULL, *suggestion = NULL;
	struct conf *c;

	(void)state;
	import_check("/usr/bin/mysql -e \\\"SHOW SLAVE STATUS\\\"", "", &report, &suggestion);
	assert_non_null(strstr(report, "     4  kept      vrrp_script chk {\n"));
	assert_non_null(strstr(report, "it looks at replication (slave*): `check replication`"));
	c = load(suggestion);
	assert_int_equal(c->n_scripts, 1);
	assert_int_equal(c->n_mysqls, 1);
	assert_int_equal(c->mysqls[0].n_fitness, 0);
	assert_true(conf_is_tracked(c, CONF_TRACK_SCRIPT, 0));
	assert_true(conf_is_tracked(c, CONF_TRACK_MYSQL, 0));
	conf_free(c);
	use_comments(suggestion);
	c = load(suggestion);
	assert_int_equal(c->mysqls[0].n_fitness, 1);
	assert_int_equal(c->mysqls[0].fitness[0].check.rules.kind, FITNESS_REPLICATION);
	assert_int_equal(c->mysqls[0].fitness[0].weight, 0);
	conf_free(c);
	free(report);
	free(suggestion);
}

/* With another weight a dead server would take it off twice: only one of the two is tracked. */
static void weight_of_a_script_that_stays_counts_once(void **state)
{
	static const struct {
		const char *weight;
		int check;
	} weights[] = { { " weight -20\n", -20 }, { " weight 30\n", -30 } };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(weights); i++) {
		char *report = NULL, *suggestion = NULL;
		struct conf *c;

		import_check("/usr/bin/mysql -e \\\"SHOW STATUS LIKE 'wsrep_local_state'\\\"", weights[i].weight,
			     &report, &suggestion);
		assert_non_null(strstr(report, "it looks at Galera (wsrep*): `check galera`"));
		assert_non_null(strstr(report, "count twice"));
		c = load(suggestion);
		assert_int_equal(c->n_mysqls, 1);
		assert_true(conf_is_tracked(c, CONF_TRACK_SCRIPT, 0));
		assert_false(conf_is_tracked(c, CONF_TRACK_MYSQL, 0));
		conf_free(c);
		use_comments(suggestion);
		c = load(suggestion);
		assert_true(conf_is_tracked(c, CONF_TRACK_MYSQL, 0));
		assert_int_equal(c->mysqls[0].fitness[0].check.rules.kind, FITNESS_GALERA);
		assert_int_equal(c->mysqls[0].fitness[0].weight, weights[i].check);
		conf_free(c);
		free(report);
		free(suggestion);
	}
}

static void check_of_life_alone_is_replaced(void **state)
{
	char *report = NULL, *suggestion = NULL;
	struct conf *c;

	(void)state;
	import_check("/usr/bin/mysql -e 'SELECT 1'", " weight -20\n", &report, &suggestion);
	assert_non_null(strstr(report, "     4  replaced  vrrp_script chk {\n"));
	c = load(suggestion);
	assert_int_equal(c->n_scripts, 0);
	assert_true(conf_is_tracked(c, CONF_TRACK_MYSQL, 0));
	conf_free(c);
	free(report);
	free(suggestion);
}

static void password_of_a_script_that_stays_is_told_of(void **state)
{
	char *report = NULL, *suggestion = NULL;

	(void)state;
	import_check("/usr/bin/mysql -umon -pMonPass1 -e 'SELECT @@read_only'", "", &report, &suggestion);
	assert_non_null(strstr(report, "a password, which stands in the suggestion"));
	assert_null(strstr(report, "MonPass1"));
	free(report);
	free(suggestion);
}

/* A file that is not here is told by its name. */
static void script_named_for_replication_stays(void **state)
{
	char *report = NULL, *suggestion = NULL;
	struct conf *c;

	(void)state;
	import_check("/nowhere/check_mysql_slave.sh", "", &report, &suggestion);
	c = load(suggestion);
	assert_int_equal(c->n_scripts, 1);
	assert_int_equal(c->n_mysqls, 1);
	conf_free(c);
	free(report);
	free(suggestion);
}

static void how_the_script_reaches_mysql_is_taken_over(void **state)
{
	struct import_mysql m;

	(void)state;
	assert_true(import_recognise("mysql -h127.0.0.1 -P 3307 -umon -pX -e 'select 1'", &m));
	assert_string_equal(m.host, "127.0.0.1");
	assert_string_equal(m.port, "3307");
	assert_string_equal(m.user, "mon");
	assert_true(m.has_password);
	assert_true(import_recognise("mysqladmin --socket=/s --user mon --defaults-extra-file=/x ping", &m));
	assert_string_equal(m.socket, "/s");
	assert_string_equal(m.user, "mon");
	assert_string_equal(m.defaults, "/x");
	assert_false(m.has_password);
	assert_true(import_recognise("mysql -h $HOST -u $USER -e 'select 1'; pkill keepalived", &m));
	assert_string_equal(m.host, "");
	assert_string_equal(m.user, "");
	assert_true(m.stops_agent);
	assert_true(import_recognise("MYSQL_PWD=x mysql -h db1 -e 'select 1'", &m));
	assert_string_equal(m.host, ""); /* names are not looked up */
	assert_true(m.has_password);
}

/* Each holds X9 where the secret is, and Kept where nothing is to be taken away. */
static void passwords_are_masked(void **state)
{
	static const char *const texts[] = {
		"Kept \"mysql -uroot -pX9 --password=X9 -Kept 1\"",
		"auth_pass \"X9 X9\" Kept",
		"auth_pass X9 Kept",
		"auth_pass    X9",
		"auth_pass\tX9",
		"auth_pass \t \"X9 X9\"",
		"auth_pass \" X9\" Kept",
		"auth_pass\"X9\"",
		"auth_pass X9\"X9 X9\"",
		"auth_pass \"X9\\\" X9\"",
		"auth_pass \"X9 X9",
		"AUTH_PASS: X9",
		" auth_pass X9 # Kept",
		"the Kept password  \"X9\" Kept",
		"password = X9 Kept",
		"Password: 'X9 X9' Kept",
		"root password:X9 Kept",
		"key 1 hex:X9X9",
		"key 255 \"X9 X9\"",
		"key\t1\t\tX9 X9",
		"key X9",
		"key: X9 Kept",
		"monkey Kept",
		"key 1 file:/Kept",
		"password file:/Kept",
		"password \"file:/Kept\"",
		"auth_pass file:/X9",
		"mysql --password='X9 X9' Kept",
		"mysql --password=\\\"X9 X9\\\" Kept",
		"mysql --pass=X9 --passw=X9 --password2=X9 --pa=X9 Kept",
		"mysql --password X9 --Kept",
		"mysql --password --Kept",
		"mysql -p --Kept",
		"mysql -p'X9 X9' Kept",
		"mysql -p\"X9 X9\" Kept",
		"mysql -p\\\"X9 X9\\\" Kept",
		"mysql -p\\\"X9\\\\\\\"X9 X9\\\" Kept",
		"mysql -p\\\"X9 X9\\\\\\\\\\\" Kept",
		"sh -c \\\"mysql -p\\\\\\\"X9 X9\\\\\\\" Kept\\\" Kept",
		"mysql -p\"X9 X9\\\\\" Kept",
		"mysql -p'X9 X9\\' Kept",
		"mysql -pX9\\\\\"X9\\\" X9\" Kept",
		"mysql -pX9'X9 X9' Kept",
		"mysql -pX9\\ X9 Kept",
		"mysql -NspX9 Kept",
		"check_mysql -p X9 Kept",
		"sh -c 'mysql -pX9' Kept",
		"Kept \"sh -c 'mysql \"-pX9\"' x\"",
		"R=$(mysql -pX9) Kept",
		"OPTS=-pX9 Kept",
		"MYSQL_PWD=X9 Kept",
		"MYSQL_PWD='X9 X9' Kept",
		"\"MYSQL_PWD=X9\" Kept",
		"env DB_PASS=X9 db_password=\"X9 X9\" Kept",
		"curl --api-token=X9 mysql://Kept:X9@Kept/Kept",
		"curl mysql://Kept:X9/X9@Kept/Kept Kept@Kept",
		"curl \"mysql://Kept:X9@X9'X9@Kept/Kept\" http://Kept:80/Kept",
		"curl -u Kept:X9 -uKept:X9 -sSu Kept:X9:X9 -sSuKept:X9 Kept",
		"curl -u 'Kept:X9 X9' -u \"Kept Kept:X9\\\" X9\" -u\\\"Kept:X9 X9\\\" Kept",
		"curl --user Kept:X9 --user=Kept:X9 --proxy-user \"Kept:X9 X9\" -U Kept:X9 --auth=Kept:X9 Kept",
		"\"curl -u Kept:X9\" Kept:Kept",
		"mysql -u Kept Kept:Kept -u -Kept:Kept --user=Kept -u\"Kept\" Kept:Kept",
		"-Kept --port=Kept -P Kept -uKept --socket=/Kept.sock",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		char *text = strdup(texts[i]);
		size_t kept = 0;

		import_mask(text);
		if (strpbrk(text, "X9"))
			fail_msg("`%s` is shown as `%s`", texts[i], text);
		for (const char *p = texts[i]; (p = strstr(p, "Kept")); p++, kept++)
			if (strncmp(text + (p - texts[i]), "Kept", 4) != 0)
				fail_msg("`%s` is shown as `%s`", texts[i], text);
		free(text);
	}
}

/* Wherever a line of the file is shown: as it is, put out of use, changed, quoted in a finding, and in comments. */
static void report_and_comments_show_no_secret(void **state)
{
	static const char conf[] =
		"global_defs {\n script_user root\n}\n"
		"vrrp_script s {\n script /bin/true --password=S3cret\n}\n"
		"vrrp_script t {\n script \"MYSQL_PWD=S3cret check\"\n}\n"
		"vrrp_instance V {\n interface eth0\n virtual_router_id 7\n"
		" # auth_pass\tS3cret\n"
		" authentication {\n  auth_type PASS\n  auth_pass \t S3cret S3cret # S3cret\n  auth_pas S3cret\n }\n"
		" virtual_ipaddress {\n 10.0.0.1\n }\n}\n"
		"vrrp_instance W {\n interface eth0\n virtual_router_id 8\n version 3\n"
		" authentication {\n  auth_type PASS\n  auth_pass  \"S3cret S3cret\"\n }\n"
		" virtual_ipaddress {\n 10.0.0.2\n }\n}\n"
		"vrrp_instance X {\n interface eth0\n virtual_router_id 9\n"
		" auth_hmac {\n  key 1 hex:S3cret\n  kye 2 hex:S3cret\n }\n"
		" virtual_ipaddress {\n 10.0.0.3\n }\n}\n"
		"virtual_server 10.0.0.4 80 {\n SSL {\n  password   S3cret\n }\n}\n";
	char *report = NULL, *suggestion = NULL, *whole, *at;
	FILE *f = fopen(FOLDER "/secrets.conf", "we");

	(void)state;
	fputs(conf, f);
	fclose(f);
	import(FOLDER "/secrets.conf", &report, &suggestion);
	if (strstr(report, "S3cret"))
		fail_msg("%s", report);
	at = whole = suggestion;
	for (char *line; (line = strsep(&at, "\n"));)
		if (line[strspn(line, " ")] == '#' && strstr(line, "S3cret"))
			fail_msg("%s", line);
	free(report);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_of_the_usual_guide_is_explained),
		cmocka_unit_test(script_that_stops_keepalived_becomes_a_check),
		cmocka_unit_test(groups_definitions_and_what_is_not_served_are_explained),
		cmocka_unit_test(scripts_that_look_at_more_than_life_stay),
		cmocka_unit_test(untracked_check_of_a_keepalived_conf_gets_tracked),
		cmocka_unit_test(what_only_the_operator_can_mend_is_named),
		cmocka_unit_test(script_without_quotes_gets_them),
		cmocka_unit_test(included_lines_stand_in_their_places),
		cmocka_unit_test(comments_stay_with_what_they_precede),
		cmocka_unit_test(lines_for_another_host_are_taken_if_it_is_named),
		cmocka_unit_test(usual_checks_are_recognised),
		cmocka_unit_test(what_a_check_looks_at_beyond_life_is_told),
		cmocka_unit_test(check_of_replication_stays_beside_what_it_becomes),
		cmocka_unit_test(weight_of_a_script_that_stays_counts_once),
		cmocka_unit_test(check_of_life_alone_is_replaced),
		cmocka_unit_test(password_of_a_script_that_stays_is_told_of),
		cmocka_unit_test(script_named_for_replication_stays),
		cmocka_unit_test(how_the_script_reaches_mysql_is_taken_over),
		cmocka_unit_test(passwords_are_masked),
		cmocka_unit_test(report_and_comments_show_no_secret),
	};

	return cmocka_run_group_tests(tests, make_folder, scratch_leave);
}
