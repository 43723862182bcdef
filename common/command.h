#ifndef COMMON_COMMAND_H
#define COMMON_COMMAND_H

#include <stddef.h>

#include "common/conf.h"

/*
 * The commands of a daemon's program ("redirectd user add alice@example.com"),
 * which do one thing and end. Each says its arguments once, as a person reads
 * them, and they are read by that: "ID [--username NAME] [--json] [FILE]".
 */
struct command_args;

struct command {
	const char *name;  /* one word or two: "user add" */
	const char *usage; /* "": none */
	const char *help;  /* one line */
	/* `conf` has been loaded and checked. 0, or a negative errno with one
	 * line in err. */
	int (*run)(const void *conf, const struct command_args *args,
		   char err[CONF_ERRLEN]);
};

/* A row of a daemon's table X(name, usage, help, run), as the prototype of its
 * function and as the struct. */
#define COMMAND_RUN(name, usage, help, run)                                    \
	int run(const void *conf, const struct command_args *args,             \
		char err[CONF_ERRLEN]);
#define COMMAND_ROW(name, usage, help, run) {name, usage, help, run},

enum { COMMAND_ARGS_MAX = 8 };

/* What was given, in the order of the usage. */
struct command_args {
	size_t n;
	struct command_arg {
		const char *name; /* "ID", "--json"; not NUL-terminated */
		size_t len;
		const char *value; /* NULL: not given; "": a flag */
		bool valued;       /* an option that has a value */
		bool optional;
	} v[COMMAND_ARGS_MAX];
};

/*
 * The command that `argv` (NULL ends it) begins with. Returns how many words
 * its name has, or -EINVAL with a line in err that names the nearest one.
 */
int command_find(const struct command **cp, const struct command *list,
		 size_t n, char *const *argv, char err[CONF_ERRLEN]);

/*
 * Read the words behind the name; options may stand anywhere before "--", as
 * "--name value" or "--name=value". Values are borrowed. 0; 1 where -h asks
 * for help; -EINVAL with a line in err.
 */
int command_read(struct command_args *args, const struct command *c,
		 char *const *argv, char err[CONF_ERRLEN]);

/* What was given for an argument of the usage, "ID" or "--json": NULL where
 * nothing was, "" for a flag. */
const char *command_value(const struct command_args *args, const char *name);

/* The list for -h, on stdout. */
void command_print(const struct command *list, size_t n);

/* What one of them takes and does, likewise. */
void command_help(const struct command *c, const char *program);

#endif
