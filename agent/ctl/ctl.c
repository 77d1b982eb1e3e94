/* SPDX-License-Identifier: Apache-2.0 */
/* sqlvipctl: asks a running sqlvipd over its control socket. Arguments, a question, an answer, an exit code: see
 * enum ctl_exit. How the answers look to people is the business of the files beside it. */
#include "agent/ctl/ctl.h"

#include "agent/base/cleanup.h"
#include "agent/ctl/status.h"
#include "agent/ctl/text.h"
#include "agent/names.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#define SOCKET_DEFAULT  "/run/sqlvip/sqlvipd.sock"
#define SOCKET_OBSERVER "/run/sqlvip/sqlvipd-observe.sock"

/* Options that not every command has. */
enum {
	OPT_COUNT = 1 << 0,
	OPT_SINCE = 1 << 1,
	OPT_KIND = 1 << 2,
	OPT_INSTANCE = 1 << 3,
	OPT_FOLLOW = 1 << 4,
	OPT_FORCE = 1 << 5,
	OPT_OUTPUT = 1 << 6,
	OPT_CONFIG_ID = 1 << 7,
};

/* By bit. */
static const char *const option_names[] = { "-n (--count)",  "-S (--since)", "-k (--kind)",   "-i (--instance)",
					    "-f (--follow)", "--force",      "-o (--output)", "--config-id" };

/* Options without a letter of their own. */
enum { LONG_INSTANCE = 256, LONG_CONFIG_ID };

struct command {
	const char *name;
	uint64_t timeout_us; /* for a question and its answer */
	/* With one of the two: how an answer looks, or all of it. */
	void (*print)(const json_t *result, FILE *out, bool colour);
	enum ctl_exit (*run)(const struct ctl *c);
	unsigned options;
	const char *arg; /* what may follow, for the usage; NULL: nothing */
};

static void print_config(const json_t *result, FILE *out, bool colour)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	(void)colour;
	for (char c; text && (c = *text); text++)
		fputc((unsigned char)c < ' ' && c != '\n' ? '?' : c, out);
}

static const struct command commands[] = {
	{ "status", 5000000, .print = ctl_print_status },
	{ "config", 5000000, .print = print_config },
	{ "import", 0, .run = ctl_import, .options = OPT_OUTPUT | OPT_CONFIG_ID, .arg = "FILE" },
	{ "explain", 5000000, .run = ctl_explain, .arg = "INSTANCE" },
	{ "standby", 5000000, .run = ctl_standby, .options = OPT_FORCE, .arg = "INSTANCE" },
	{ "resume", 5000000, .run = ctl_resume, .arg = "INSTANCE" },
	{ "reload", 60000000, .run = ctl_reload },
	{ "maintenance", 5000000, .run = ctl_maintenance, .arg = "on|off" },
	{ "events", 5000000, .run = ctl_events,
	  .options = OPT_COUNT | OPT_SINCE | OPT_KIND | OPT_INSTANCE | OPT_FOLLOW },
};

struct options {
	struct ctl ctl;
	const struct command *command;
	unsigned given; /* OPT_* */
	const char *i;  /* of -i, which is --config-id of import, as of sqlvipd, and else --instance; NULL: not given */
};

static void usage(FILE *out)
{
	fputs("usage: sqlvipctl [-s SOCKET | -O] [-j] COMMAND\n"
	      "\n"
	      "  status               what the agent, its instances and its checks are doing, and why\n"
	      "  events [-n COUNT] [-S TIME] [-i NAME] [-k KIND] [-f]\n"
	      "                       what happened, with causes and evidence; the last 50\n"
	      "  explain [INSTANCE]   why this host holds the addresses or not, what would change it, how long that "
	      "takes\n"
	      "  standby [--force] [INSTANCE]\n"
	      "                       hand the addresses over now, and stay out until resumed\n"
	      "  resume [INSTANCE]    take part again; without a name all that are on standby\n"
	      "  reload               read the configuration again and put what has changed into effect\n"
	      "  maintenance [on|off] watch and record, but move nothing\n"
	      "\n"
	      "  config               the configuration in effect, without its secrets\n"
	      "  import FILE [-i ID] [-o FILE]\n"
	      "                       explain a keepalived.conf line by line, and suggest a sqlvip.conf\n"
	      "\n"
	      "  -i, --config-id ID   for @ID lines, instead of the host name\n"
	      "  -o, --output FILE    where the suggestion goes, instead of standard output\n"
	      "  -n, --count COUNT    so many of the newest\n"
	      "  -S, --since TIME     from then on: 90s, 10min, 2h, 3d ago, 22:50, 2026-11-25 22:50:01\n"
	      "  -i, --instance NAME  of this instance, group, check or tracked interface only\n"
	      "  -k, --kind KIND      of this kind only; see sqlvipctl(8)\n"
	      "  -f, --follow         then go on with each one that comes\n"
	      "      --force          also if no other router has been heard that could take them\n"
	      "  -s, --socket SOCKET  the agent's control socket (" SOCKET_DEFAULT ")\n"
	      "  -O, --observe        the socket of \"sqlvipd --observe\" (" SOCKET_OBSERVER ")\n"
	      "  -j, --json           the answer as JSON\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        the version\n"
	      "\n"
	      "Exit status: 0 answered, 1 refused or no agent there, 2 wrong usage; of import: 1 the suggestion is not "
	      "valid\nyet, 3 it is, but lacks what was refused.\n",
	      out);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static enum ctl_exit run(const struct options *o)
{
	json_t *result;

	if (o->command->run)
		return o->command->run(&o->ctl);
	result = ctl_ask(&o->ctl, o->command->name, NULL);
	if (!result)
		return CTL_REFUSED;
	if (o->ctl.json)
		ctl_print_json(result);
	else
		o->command->print(result, stdout, o->ctl.colour);
	json_decref(result);
	return ctl_printed();
}

/* --- arguments --------------------------------------------------------------------------------------------------- */

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool parse_count(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (errno == 0 && *end == '\0' && end != text && text[0] != '-' && *ret <= 1000000)
		return true;
	ctl_complain("\"%s\" is no number from 0 to 1000000", text);
	return false;
}

static void complain_of_command(const char *name)
{
	const char *names[ELEMENTSOF(commands) + 1] = { NULL };
	char text[512];

	for (size_t i = 0; i < ELEMENTSOF(commands); i++)
		names[i] = commands[i].name;
	ctl_complain("%s", names_unknown("command", name, names, text, sizeof(text)));
}

static void settle_i(struct options *o)
{
	bool id = o->command->options & OPT_CONFIG_ID;

	if (!o->i)
		return;
	o->given |= id ? OPT_CONFIG_ID : OPT_INSTANCE;
	*(id ? &o->ctl.config_id : &o->ctl.instance) = o->i;
}

static bool parse_words(int argc, char **argv, struct options *o)
{
	int most;

	o->command = find_command(argv[0]);
	if (!o->command) {
		complain_of_command(argv[0]);
		return false;
	}
	most = 1 + (o->command->arg != NULL);
	if (argc > most) {
		ctl_complain("%s takes %s%s, \"%s\" is too much; see sqlvipctl --help", argv[0],
			     o->command->arg ? "one " : "no argument", o->command->arg ? o->command->arg : "",
			     argv[most]);
		return false;
	}
	settle_i(o);
	for (size_t i = 0; i < ELEMENTSOF(option_names); i++)
		if (o->given & ~o->command->options & 1u << i) {
			ctl_complain("%s has no option %s; see sqlvipctl --help", argv[0], option_names[i]);
			return false;
		}
	o->ctl.arg = argc > 1 ? argv[1] : NULL;
	o->ctl.timeout_us = o->command->timeout_us;
	return true;
}

static bool parse_option(int c, struct options *o)
{
	switch (c) {
	case 's':
		o->ctl.socket = optarg;
		break;
	case 'O':
		o->ctl.socket = SOCKET_OBSERVER;
		break;
	case 'j':
		o->ctl.json = true;
		break;
	case 'n':
		o->given |= OPT_COUNT;
		return parse_count(optarg, &o->ctl.count);
	case 'S':
		o->given |= OPT_SINCE;
		o->ctl.since = optarg;
		break;
	case 'i':
		o->i = optarg;
		break;
	case LONG_INSTANCE:
		o->given |= OPT_INSTANCE;
		o->ctl.instance = optarg;
		break;
	case LONG_CONFIG_ID:
		o->given |= OPT_CONFIG_ID;
		o->ctl.config_id = optarg;
		break;
	case 'k':
		o->given |= OPT_KIND;
		o->ctl.kind = optarg;
		break;
	case 'o':
		o->given |= OPT_OUTPUT;
		o->ctl.output = optarg;
		break;
	case 'F':
		o->given |= OPT_FORCE;
		o->ctl.force = true;
		break;
	case 'f':
		o->given |= OPT_FOLLOW;
		o->ctl.follow = true;
		break;
	default: /* getopt has said what is wrong */
		return false;
	}
	return true;
}

/* True if there is something to do; otherwise `*code` is how to end. */
static bool parse(int argc, char **argv, struct options *o, enum ctl_exit *code)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "observe", no_argument, NULL, 'O' },
		{ "json", no_argument, NULL, 'j' },
		{ "count", required_argument, NULL, 'n' },
		{ "since", required_argument, NULL, 'S' },
		{ "instance", required_argument, NULL, LONG_INSTANCE },
		{ "config-id", required_argument, NULL, LONG_CONFIG_ID },
		{ "kind", required_argument, NULL, 'k' },
		{ "follow", no_argument, NULL, 'f' },
		{ "force", no_argument, NULL, 'F' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "output", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:Ojn:S:i:k:o:fhV", longs, NULL)) >= 0) {
		*code = CTL_OK;
		if (c == 'h')
			usage(stdout);
		else if (c == 'V')
			puts("sqlvipctl " SQLVIP_VERSION);
		if (c == 'h' || c == 'V')
			return false;
		*code = CTL_USAGE;
		if (!parse_option(c, o))
			return false;
	}
	*code = CTL_USAGE;
	if (optind == argc) {
		usage(stderr);
		return false;
	}
	return parse_words(argc - optind, argv + optind, o);
}

int main(int argc, char **argv)
{
	struct options o = { .ctl = { .socket = SOCKET_DEFAULT, .count = UINT64_MAX } };
	enum ctl_exit code;

	o.ctl.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return parse(argc, argv, &o, &code) ? (int)run(&o) : (int)code;
}
