#ifndef RELAYD_COMMANDS_H
#define RELAYD_COMMANDS_H

#include "common/command.h"
#include "common/trace_print.h"

/* Every command of relayd, once: name, arguments, help, function (run of struct
 * command). */
#define RELAYD_COMMANDS(X)                                                     \
	X("sessions", "[CALL-ID] [--json]",                                    \
	  "the calls it relays; one in detail", command_sessions)              \
	X("trace", TRACE_COMMAND_USAGE, TRACE_COMMAND_HELP, command_trace)     \
	X("drain", "[--wait SECONDS]",                                         \
	  "take no new sessions; wait until none is left", command_drain)      \
	X("undrain", "", "take new ones again", command_undrain)               \
	X("ready", "",                                                         \
	  "whether the one that runs here is ready (exit status)",             \
	  command_ready)                                                       \
	X("doctor", "[--json]",                                                \
	  "what of this host and of the others would break calls",             \
	  command_doctor)

RELAYD_COMMANDS(COMMAND_RUN)

extern const struct command relayd_commands[];
extern const size_t relayd_ncommands;

#endif
