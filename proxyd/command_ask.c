#include <stdio.h>

#include "common/listing.h"
#include "common/rows.h"
#include "common/trace_print.h"
#include "proxyd/conf.h"

#include "proxyd/commands.h"

/* What is asked of the proxyd that runs, over its admin server. */
#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static const struct rows_column call_columns[] = {
	{"call_id", "call_id", ROWS_TEXT}, {"from", "from", ROWS_TEXT},
	{"to", "to", ROWS_TEXT},           {"state", "state", ROWS_TEXT},
	{"age", "age_ms", ROWS_AGE_MS},    {"relay", "relay", ROWS_TEXT},
	{"nat", "nat", ROWS_TEXT},
};

static const struct rows_column client_columns[] = {
	{"id", "id", ROWS_TEXT},
	{"channel", "channel", ROWS_TEXT},
	{"registered", "registered", ROWS_TEXT},
	{"heard", "heard_ago_ms", ROWS_AGE_MS},
	{"expires", "expires_in_ms", ROWS_LEFT_MS},
	{"marked", "marked", ROWS_IF},
};

static const struct rows_column relay_columns[] = {
	{"relay", "relay", ROWS_TEXT},
	{"q", "q", ROWS_NUMBER},
	{"avoided", "avoided_ms", ROWS_LEFT_MS},
	{"configured", "configured", ROWS_IF},
	{"joined", "joined", ROWS_IF},
	{"silent", "silent", ROWS_IF},
	{"draining", "draining", ROWS_IF},
};

static const char *http_of(const void *conf)
{
	return ((const struct proxyd_conf *)conf)->http;
}

/* The table has a word for the two verdicts. */
static const char *nat_of(const json_t *call)
{
	bool caller = json_is_true(json_object_get(call, "caller_natted"));
	bool callee = json_is_true(json_object_get(call, "callee_natted"));

	if (caller && callee)
		return "both";
	return caller ? "caller" : callee ? "callee" : "none";
}

int command_calls(const void *conf, const struct command_args *args,
		  char err[CONF_ERRLEN])
{
	const struct ask_list q = {
		.ask = {.http = http_of(conf), .path = "/api/ongoing"},
		.rows = "calls",
		.key = "session",
	};
	json_t *calls, *call;
	bool more;
	int ret = ask_list(&calls, &more, &q, err);
	size_t i;

	if (ret)
		return ret;
	rows_sort(&calls, "age_ms");
	if (command_value(args, "--json")) {
		listing_json(stdout, calls);
	} else {
		json_array_foreach(calls, i, call)
		{
			(void)json_object_set_new(call, "nat",
						  json_string(nat_of(call)));
		}
		rows_print(calls, call_columns, COUNT(call_columns));
	}
	rows_tell_more(calls, more);
	json_decref(calls);
	return 0;
}

int command_clients(const void *conf, const struct command_args *args,
		    char err[CONF_ERRLEN])
{
	const char *id = command_value(args, "ID");
	const struct rows_command all = {
		.list = {.ask = {.http = http_of(conf),
				 .path = "/api/clients",
				 .arg = id ? "id" : NULL,
				 .value = id}},
		.sort = "id",
		.columns = client_columns,
		.n = COUNT(client_columns),
	};

	return rows_command(&all, args, err);
}

int command_relays(const void *conf, const struct command_args *args,
		   char err[CONF_ERRLEN])
{
	const struct rows_command all = {
		.list = {.ask = {.http = http_of(conf), .path = "/api/relays"}},
		.sort = "relay",
		.columns = relay_columns,
		.n = COUNT(relay_columns),
	};

	return rows_command(&all, args, err);
}

int command_trace(const void *conf, const struct command_args *args,
		  char err[CONF_ERRLEN])
{
	return trace_command(http_of(conf), args, err);
}
