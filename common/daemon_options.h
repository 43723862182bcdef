#ifndef COMMON_DAEMON_OPTIONS_H
#define COMMON_DAEMON_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

#include "common/command.h"

struct daemon_class;

/* What a daemon's program was started with (daemon.h). */
struct daemon_options {
	const char *file; /* given, or the one that is installed; NULL: none */
	bool test;
	bool done;                     /* -V and -h have said all there is */
	unsigned flags;                /* bit i: the class's flag i */
	const struct command *command; /* NULL: serve */
	struct command_args args;
	char installed[PATH_MAX]; /* `file` may be this */
};

/* Fill *o (zeroed). -V and -h are answered here. 0, or -EINVAL after a line on
 * stderr. */
int daemon_options_read(struct daemon_options *o, const struct daemon_class *c,
			int argc, char **argv);

#endif
