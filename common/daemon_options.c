#include "common/daemon_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/man.h"

enum {
	FLAG_BASE = 256, /* beyond every letter */
	OPTIONS_MAX = 5 + DAEMON_FLAGS_MAX + 1,
};

/* What -c says where even an installed configuration is not to be read. */
static const char no_file[] = "/dev/null";

static int complain(const struct daemon_class *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int complain(const struct daemon_class *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", c->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -EINVAL;
}

static void print_usage(const struct daemon_class *c)
{
	printf("%s: %s\n\n"
	       "Usage: %s [-c FILE] [-t] [-V] [-h]%s\n"
	       "  -c, --config FILE  read the configuration (JSON) from FILE,"
	       " /dev/null for none;\n"
	       "                     default: " PINHOLE_CONF_DIR
	       "/%s.json, if it is there\n"
	       "  -t, --test         check the configuration and exit\n"
	       "  -V, --version      print the version and exit\n"
	       "  -h, --help         print this and exit\n",
	       c->name, c->about, c->name, c->ncommands ? " [COMMAND]" : "",
	       c->name);
	for (size_t i = 0; i < c->nflags; i++)
		printf("      --%-12s %s\n", c->flags[i].name,
		       c->flags[i].help);
	if (c->ncommands)
		printf("\nCommands, which do one thing and end:\n");
	command_print(c->commands, c->ncommands);
	putchar('\n');
	conf_print(c->keys, c->nkeys, c->name);
}

static int bad_option(const struct daemon_class *c, int opt, char **argv)
{
	if (opt == ':')
		return complain(c, "%s needs a value, -h helps",
				argv[optind - 1]);
	if (optopt)
		return complain(c, "unknown option -%c, -h lists them", optopt);
	return complain(c, "unknown option %s, -h lists them",
			argv[optind - 1]);
}

/* The options that all have, and behind them the flags of this class. */
static void name_options(struct option names[OPTIONS_MAX],
			 const struct daemon_class *c)
{
	static const struct option common[] = {
		{"config", required_argument, NULL, 'c'},
		{"test", no_argument, NULL, 't'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		/* for `make man` alone, and in no list */
		{"man", required_argument, NULL, 'm'},
	};
	const size_t n = sizeof(common) / sizeof(common[0]);

	memset(names, 0, OPTIONS_MAX * sizeof(names[0]));
	memcpy(names, common, sizeof(common));
	for (size_t i = 0; i < c->nflags && i < DAEMON_FLAGS_MAX; i++)
		names[n + i] = (struct option){c->flags[i].name, no_argument,
					       NULL, FLAG_BASE + (int)i};
}

/* What stands behind the options. */
static int read_command(struct daemon_options *o, const struct daemon_class *c,
			char *const *argv)
{
	char err[CONF_ERRLEN];
	int ret;

	if (!c->ncommands)
		return complain(c, "unexpected argument %s, -h helps", *argv);
	ret = command_find(&o->command, c->commands, c->ncommands, argv, err);
	if (ret > 0 && (o->test || o->flags))
		return complain(c, "%s: only -c FILE can stand before it",
				o->command->name);
	if (ret > 0)
		ret = command_read(&o->args, o->command, argv + ret, err);
	if (ret < 0)
		return complain(c, "%s", err);
	if (ret > 0) {
		command_help(o->command, c->name);
		o->done = true;
	}
	return 0;
}

/* One that is there, but not for us to read, is no reason to serve by another
 * configuration. */
static void find_installed(struct daemon_options *o,
			   const struct daemon_class *c)
{
	snprintf(o->installed, sizeof(o->installed),
		 PINHOLE_CONF_DIR "/%s.json", c->name);
	if (!access(o->installed, F_OK) || errno == EACCES)
		o->file = o->installed;
}

int daemon_options_read(struct daemon_options *o, const struct daemon_class *c,
			int argc, char **argv)
{
	struct option names[OPTIONS_MAX];
	int opt;

	name_options(names, c);

	optind = 0; /* begins anew, should main() run twice in a test */
	while ((opt = getopt_long(argc, argv, "+:c:tVh", names, NULL)) != -1) {
		switch (opt) {
		case 'c':
			o->file = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case 'V':
			printf("%s " PINHOLE_VERSION "\n", c->name);
			o->done = true;
			return 0;
		case 'h':
			print_usage(c);
			o->done = true;
			return 0;
		case 'm':
			if (man_print(c, optarg))
				return complain(c, "--man=%s: no such part",
						optarg);
			o->done = true;
			return 0;
		default:
			if (opt >= FLAG_BASE) {
				o->flags |= 1U << (opt - FLAG_BASE);
				break;
			}
			return bad_option(c, opt, argv);
		}
	}
	if (!o->file)
		find_installed(o, c);
	else if (!strcmp(o->file, no_file))
		o->file = NULL;
	return argv[optind] ? read_command(o, c, argv + optind) : 0;
}
