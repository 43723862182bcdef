#include "common/command.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/conf_near.h"

enum { NAME_MAX_LEN = 64, WIDTH_MAX = 44 };

/* How many words of `argv` are those of a name; 0: it is another. */
static int match(const char *name, char *const *argv)
{
	int n = 0;

	for (;; n++) {
		size_t len = strcspn(name, " ");

		if (!argv[n] || strlen(argv[n]) != len ||
		    strncmp(argv[n], name, len) != 0)
			return 0;
		if (!name[len])
			return n + 1;
		name += len + 1;
	}
}

/* The first two words, as one of the names could have been meant. */
static void typed(char buf[NAME_MAX_LEN], char *const *argv)
{
	(void)snprintf(buf, NAME_MAX_LEN, "%s", argv[0]);
	if (argv[1] && argv[1][0] != '-') {
		size_t len = strlen(buf);

		(void)snprintf(buf + len, NAME_MAX_LEN - len, " %s", argv[1]);
	}
}

static const struct command *nearest(const struct command *list, size_t n,
				     const char *name)
{
	const struct command *best = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		size_t d = conf_near_distance(name, list[i].name);

		if (d < least) {
			least = d;
			best = &list[i];
		}
	}
	return best;
}

int command_find(const struct command **cp, const struct command *list,
		 size_t n, char *const *argv, char err[CONF_ERRLEN])
{
	const struct command *best;
	char name[NAME_MAX_LEN];

	for (size_t i = 0; i < n; i++) {
		int words = match(list[i].name, argv);

		*cp = &list[i];
		if (words)
			return words;
	}
	typed(name, argv);
	best = nearest(list, n, name);
	(void)snprintf(err, CONF_ERRLEN,
		       "unknown command %s, the nearest is %s, -h lists them",
		       name, best ? best->name : "none");
	return -EINVAL;
}

/* One argument of a usage; returns what is behind it. */
static const char *read_usage(struct command_arg *arg, const char *usage)
{
	*arg = (struct command_arg){.optional = *usage == '['};
	arg->name = usage += arg->optional;
	arg->len = strcspn(usage, " ]");
	arg->valued = *arg->name == '-' && arg->name[arg->len] == ' ';
	usage += arg->optional ? strcspn(usage, "]") + 1 : arg->len;
	return usage + (*usage == ' ');
}

static void expect(struct command_args *args, const char *usage)
{
	args->n = 0;
	while (*usage && args->n < COMMAND_ARGS_MAX)
		usage = read_usage(&args->v[args->n++], usage);
}

static int refuse(char err[CONF_ERRLEN], const struct command *c,
		  const char *what, const char *which)
{
	(void)snprintf(err, CONF_ERRLEN, "%s: %s%s%s, expected: %s%s%s",
		       c->name, what, *which ? " " : "", which, c->name,
		       *c->usage ? " " : "", c->usage);
	return -EINVAL;
}

static struct command_arg *find_arg(struct command_args *args, const char *name,
				    size_t len)
{
	for (size_t i = 0; i < args->n; i++)
		if (args->v[i].len == len &&
		    !strncmp(args->v[i].name, name, len))
			return &args->v[i];
	return NULL;
}

/* "--name", "--name value" or "--name=value"; *at moves to its last word. */
static int read_option(struct command_args *args, const struct command *c,
		       char *const **at, char err[CONF_ERRLEN])
{
	const char *word = **at;
	size_t len = strcspn(word, "=");
	struct command_arg *arg = find_arg(args, word, len);

	if (!arg)
		return refuse(err, c, "unknown option", word);
	if (arg->value)
		return refuse(err, c, "given twice:", word);
	if (!arg->valued && word[len])
		return refuse(err, c, "takes no value:", word);
	arg->value = "";
	if (!arg->valued)
		return 0;
	if (word[len])
		arg->value = word + len + 1;
	else if ((*at)[1])
		arg->value = *++*at;
	else
		return refuse(err, c, "needs a value:", word);
	return 0;
}

static int read_word(struct command_args *args, const struct command *c,
		     const char *word, char err[CONF_ERRLEN])
{
	for (size_t i = 0; i < args->n; i++) {
		struct command_arg *arg = &args->v[i];

		if (*arg->name == '-' || arg->value)
			continue;
		arg->value = word;
		return 0;
	}
	return refuse(err, c, "unexpected argument", word);
}

static int check_all(const struct command_args *args, const struct command *c,
		     char err[CONF_ERRLEN])
{
	for (size_t i = 0; i < args->n; i++) {
		const struct command_arg *arg = &args->v[i];
		char name[NAME_MAX_LEN];

		if (arg->optional || arg->value)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)arg->len,
			       arg->name);
		return refuse(err, c, "missing", name);
	}
	return 0;
}

/* "-" alone is a word: a file that is none. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

int command_read(struct command_args *args, const struct command *c,
		 char *const *argv, char err[CONF_ERRLEN])
{
	bool options = true;
	int ret = 0;

	expect(args, c->usage);
	for (; !ret && *argv; argv++) {
		if (!options || !is_option(*argv))
			ret = read_word(args, c, *argv, err);
		else if (!strcmp(*argv, "--"))
			options = false;
		else if (!strcmp(*argv, "-h") || !strcmp(*argv, "--help"))
			return 1;
		else
			ret = read_option(args, c, &argv, err);
	}
	return ret ? ret : check_all(args, c, err);
}

const char *command_value(const struct command_args *args, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < args->n; i++)
		if (args->v[i].len == len &&
		    !strncmp(args->v[i].name, name, len))
			return args->v[i].value;
	return NULL;
}

void command_print(const struct command *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int used = printf("  %s%s%s", list[i].name,
				  *list[i].usage ? " " : "", list[i].usage);

		printf("%*s  %s\n", used < WIDTH_MAX ? WIDTH_MAX - used : 0, "",
		       list[i].help);
	}
}

void command_help(const struct command *c, const char *program)
{
	printf("Usage: %s [-c FILE] %s%s%s\n%s: %s\n", program, c->name,
	       *c->usage ? " " : "", c->usage, c->name, c->help);
}
