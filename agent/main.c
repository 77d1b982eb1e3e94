/* SPDX-License-Identifier: Apache-2.0 */
/* sqlvipd: arguments, and what they ask for. */
#include "agent/base/log.h"
#include "agent/conf/conf.h"
#include "agent/engine.h"
#include "agent/load.h"
#include "agent/process/supervisor.h"
#include "agent/process/sweep.h"

#include <getopt.h>
#include <mysql.h>
#include <string.h>

static void print_advice(void *user, const char *text)
{
	fprintf(user, "%s\n", text);
}

static int test_configuration(const struct options *opt)
{
	struct conf *conf;
	int r = load_conf(opt, &conf);

	if (r < 0)
		return exit_code_of(r);
	load_look_at_host(conf);
	conf_print(conf, stdout);
	conf_advise(conf, print_advice, stderr);
	conf_free(conf);
	return EXIT_OK;
}

/* --- arguments --------------------------------------------------------------------------------------------------- */

static void usage(FILE *out)
{
	fputs("Usage: sqlvipd [OPTION]...\n"
	      "Keeps a virtual IP address on the host whose MySQL serves. Runs in the foreground.\n"
	      "\n"
	      "  -f, --use-file FILE    configuration (default " SQLVIP_SYSCONFDIR "/sqlvip/sqlvip.conf)\n"
	      "  -t, --config-test[=FILE]  check the configuration, print what is in effect, exit\n"
	      "  -i, --config-id ID     for @ID lines (default: the host name)\n"
	      "  -n, --dont-fork        accepted; sqlvipd never forks into the background\n"
	      "  -l, --log-console      log to stderr with time stamps\n"
	      "  -D, --log-detail       log more\n"
	      "  -p, --pid FILE         write the process id to FILE\n"
	      "      --observe          send nothing and touch no address: watch beside another agent, and tell what\n"
	      "                         this one would do (sqlvipctl --observe)\n"
	      "  -r, --vrrp_pid FILE    write the process id of the engine to FILE\n"
	      "  -R, --dont-respawn     end when the engine has died, instead of starting another\n"
	      "  -X, --release-vips     remove the configured addresses from this host and exit\n"
	      "  -v, --version          print the version and exit\n"
	      "  -h, --help             print this and exit\n"
	      "\n"
	      "keepalived's options -C -d -G -g -I -P -S -s -u -V -x are accepted with a warning. See "
	      "sqlvipd(8), sqlvip.conf(5).\n",
	      out);
}

/* Of an option that has no letter. */
enum { OPT_OBSERVE = 256 };

/* 0 to go on, or 1 + an exit code. */
static int parse_arguments(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{ "use-file", required_argument, NULL, 'f' },
		{ "config-test", optional_argument, NULL, 't' },
		{ "config-id", required_argument, NULL, 'i' },
		{ "dont-fork", no_argument, NULL, 'n' },
		{ "log-console", no_argument, NULL, 'l' },
		{ "log-detail", no_argument, NULL, 'D' },
		{ "pid", required_argument, NULL, 'p' },
		{ "observe", no_argument, NULL, OPT_OBSERVE },
		{ "release-vips", no_argument, NULL, 'X' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "vrrp", no_argument, NULL, 'P' },
		{ "vrrp_pid", required_argument, NULL, 'r' },
		{ "dump-conf", no_argument, NULL, 'd' },
		{ "no-syslog", no_argument, NULL, 'G' },
		{ "log-file", optional_argument, NULL, 'g' },
		{ "log-facility", required_argument, NULL, 'S' },
		{ "check", no_argument, NULL, 'C' },
		{ "dont-respawn", no_argument, NULL, 'R' },
		{ "dont-release-vrrp", no_argument, NULL, 'V' },
		{ "dont-release-ipvs", no_argument, NULL, 'I' },
		{ "snmp", no_argument, NULL, 'x' },
		{ "namespace", required_argument, NULL, 's' },
		{ "umask", required_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "f:t::i:nlDp:XvhCdGg::IPRr:S:s:u:Vx", longs, NULL)) != -1) {
		switch (c) {
		case 'f':
			opt->file = optarg;
			break;
		case 't':
			opt->test = true;
			opt->file = optarg ? optarg : opt->file;
			break;
		case 'i':
			opt->config_id = optarg;
			break;
		case 'n':
			break;
		case 'l':
			opt->console = true;
			log_set_console(true);
			break;
		case 'D':
			opt->detail = true;
			log_set_level(LOG_DEBUG);
			break;
		case 'r':
			opt->engine_pid_file = optarg;
			break;
		case 'R':
			opt->no_respawn = true;
			break;
		case 'p':
			opt->pid_file = optarg;
			break;
		case OPT_OBSERVE:
			opt->observe = true;
			break;
		case 'X':
			opt->clean_up = true;
			break;
		case 'v':
			printf("sqlvipd %s (MariaDB Connector/C %s)\n", SQLVIP_VERSION, mysql_get_client_info());
			return 1 + EXIT_OK;
		case 'h':
			usage(stdout);
			return 1 + EXIT_OK;
		case '?':
			usage(stderr);
			return 1 + EXIT_FATAL;
		default: /* keepalived's */
			log_warn("option -%c is keepalived's; it has no effect here", c);
			break;
		}
	}
	if (opt->observe && opt->clean_up) {
		log_error("--observe touches no address, -X removes them: one of the two");
		return 1 + EXIT_FATAL;
	}
	if (optind < argc) {
		log_error("unexpected argument \"%s\"; a configuration is named with -f; see sqlvipd --help",
			  argv[optind]);
		return 1 + EXIT_FATAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options opt = { .file = SQLVIP_SYSCONFDIR "/sqlvip/sqlvip.conf" };
	int r;

	log_set_console(false);
	if (argc == 2 && strcmp(argv[1], ENGINE_ARGUMENT) == 0)
		return engine_main();
	r = parse_arguments(argc, argv, &opt);
	if (r)
		return r - 1;
	if (opt.test)
		return test_configuration(&opt);
	return opt.clean_up ? sweep_main(&opt) : supervisor_main(&opt);
}
