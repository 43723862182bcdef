#include "common/ask.h"
#include "relayd/commands.h"
#include "relayd/conf.h"

const struct command relayd_commands[] = {RELAYD_COMMANDS(COMMAND_ROW)};
const size_t relayd_ncommands =
	sizeof(relayd_commands) / sizeof(relayd_commands[0]);

int command_ready(const void *conf, const struct command_args *args,
		  char err[CONF_ERRLEN])
{
	(void)args;
	return ask_ready(((const struct relayd_conf *)conf)->http, err);
}

int command_trace(const void *conf, const struct command_args *args,
		  char err[CONF_ERRLEN])
{
	return trace_command(((const struct relayd_conf *)conf)->http, args,
			     err);
}
