#ifndef COMMON_TRACE_PRINT_H
#define COMMON_TRACE_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/command.h"

/*
 * The ladder of one call for people, from what trace_json() says of it: a line
 * for each message that came (<-) or went (->), with the time, the peer and
 * its first line, and for each note (..) of what was found out on the way.
 */
struct trace_print {
	FILE *out;
	size_t room; /* columns, as listing_room(); 0: no end */
	bool full;   /* each message as a whole beneath its line */
};

void trace_print(const struct trace_print *p, const json_t *trace);

/* The command "trace CALL-ID [--full] [--json]" of every daemon: asks the one
 * whose admin server is at `http` and prints. As run() of struct command. */
int trace_command(const char *http, const struct command_args *args,
		  char err[CONF_ERRLEN]);

#define TRACE_COMMAND_USAGE "CALL-ID [--full] [--json]"
#define TRACE_COMMAND_HELP  "the messages of one call, and what was found out"

#endif
