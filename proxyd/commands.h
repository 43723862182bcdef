#ifndef PROXYD_COMMANDS_H
#define PROXYD_COMMANDS_H

#include "common/command.h"
#include "common/trace_print.h"

/* Every command of proxyd, once: name, arguments, help, function (run of struct
 * command). */
#define PROXYD_COMMANDS(X)                                                     \
	X("calls", "[--json]", "the calls that begin or are up, newest first", \
	  command_calls)                                                       \
	X("clients", "[ID] [--json]",                                          \
	  "the clients behind NATs that it serves", command_clients)           \
	X("relays", "[--json]", "the relays it knows, and how they are",       \
	  command_relays)                                                      \
	X("trace", TRACE_COMMAND_USAGE, TRACE_COMMAND_HELP, command_trace)     \
	X("ready", "",                                                         \
	  "whether the one that runs here is ready (exit status)",             \
	  command_ready)                                                       \
	X("doctor", "[--json]",                                                \
	  "what of this host and of the others would break calls",             \
	  command_doctor)

PROXYD_COMMANDS(COMMAND_RUN)

extern const struct command proxyd_commands[];
extern const size_t proxyd_ncommands;

#endif
