#ifndef REDIRECTD_COMMANDS_H
#define REDIRECTD_COMMANDS_H

#include "common/command.h"
#include "common/trace_print.h"
#include "proto/redirect.h"

/* Every command of redirectd, once: name, arguments, help, function (run of
 * struct command). */
#define REDIRECTD_COMMANDS(X)                                                  \
	X("user add", "ID [--username NAME]",                                  \
	  "let a client authenticate; its password is asked for",              \
	  command_user_add)                                                    \
	X("user passwd", "ID", "another password, asked for likewise",         \
	  command_user_passwd)                                                 \
	X("user del", "ID", "let it authenticate no more", command_user_del)   \
	X("user list", "[--json]", "who may authenticate", command_user_list)  \
	X("alias add", "ALIAS ID", "another name of a client",                 \
	  command_alias_add)                                                   \
	X("alias del", "ALIAS", "no longer", command_alias_del)                \
	X("alias list", "[--json]", "all of them", command_alias_list)         \
	X("clients export", "[FILE]",                                          \
	  "write clients, users and aliases to a file, - for stdout",          \
	  command_clients_export)                                              \
	X("clients import", "[FILE]", "take over such a file, - for stdin",    \
	  command_clients_import)                                              \
	X("clients", "[ID] [--json]", "who is where, one or all of them",      \
	  command_clients)                                                     \
	X("relays", "[--json]", "the pool of relays", command_relays)          \
	X("trace", TRACE_COMMAND_USAGE, TRACE_COMMAND_HELP, command_trace)     \
	X("ready", "",                                                         \
	  "whether the one that runs here is ready (exit status)",             \
	  command_ready)                                                       \
	X("doctor", "[--json]",                                                \
	  "what of this host and of the others would break calls",             \
	  command_doctor)

REDIRECTD_COMMANDS(COMMAND_RUN)

extern const struct command redirectd_commands[];
extern const size_t redirectd_ncommands;

/* What all of them share: the client id that was given for an argument. 0, or
 * -EINVAL with a line in err. */
int command_id(char id[REDIRECT_ID_MAX], const struct command_args *args,
	       const char *name, char err[CONF_ERRLEN]);

#endif
