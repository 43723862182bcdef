#include <errno.h>
#include <stdio.h>

#include "common/ask.h"
#include "redirectd/commands.h"
#include "redirectd/conf.h"

const struct command redirectd_commands[] = {REDIRECTD_COMMANDS(COMMAND_ROW)};
const size_t redirectd_ncommands =
	sizeof(redirectd_commands) / sizeof(redirectd_commands[0]);

int command_id(char id[REDIRECT_ID_MAX], const struct command_args *args,
	       const char *name, char err[CONF_ERRLEN])
{
	const char *text = command_value(args, name);

	if (!redirect_client_id_text(id, text))
		return 0;
	(void)snprintf(
		err, CONF_ERRLEN,
		"%s: expected a client id like alice@example.com, found %.200s",
		name, text);
	return -EINVAL;
}

int command_ready(const void *conf, const struct command_args *args,
		  char err[CONF_ERRLEN])
{
	(void)args;
	return ask_ready(((const struct redirectd_conf *)conf)->http, err);
}
