#ifndef RELAYD_COMMANDS_H
#define RELAYD_COMMANDS_H

#include "common/command.h"

/* Every command of relayd, once: name, arguments, help, function (run of struct
 * command). */
#define RELAYD_COMMANDS(X)                                                     \
	X("ready", "",                                                         \
	  "whether the one that runs here is ready (exit status)",             \
	  command_ready)

#define COMMAND_RUN(name, usage, help, run)                                    \
	int run(const void *conf, const struct command_args *args,             \
		char err[CONF_ERRLEN]);
RELAYD_COMMANDS(COMMAND_RUN)
#undef COMMAND_RUN

extern const struct command relayd_commands[];
extern const size_t relayd_ncommands;

#endif
