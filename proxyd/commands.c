#include "common/ask.h"
#include "proxyd/commands.h"
#include "proxyd/conf.h"

const struct command proxyd_commands[] = {PROXYD_COMMANDS(COMMAND_ROW)};
const size_t proxyd_ncommands =
	sizeof(proxyd_commands) / sizeof(proxyd_commands[0]);

int command_ready(const void *conf, const struct command_args *args,
		  char err[CONF_ERRLEN])
{
	(void)args;
	return ask_ready(((const struct proxyd_conf *)conf)->http, err);
}
