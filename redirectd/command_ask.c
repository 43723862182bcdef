#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "common/listing.h"
#include "common/rows.h"
#include "common/trace_print.h"
#include "redirectd/conf.h"

#include "redirectd/commands.h"

/* What is asked of the redirectd that runs, over its admin server. */
enum { TRIES = 40, AGAIN_MS = 50 };

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static const struct rows_column binding_columns[] = {
	{"id", "id", ROWS_TEXT},
	{"contact", "contact", ROWS_TEXT},
	{"proxy", "proxy", ROWS_TEXT},
	{"q", "q", ROWS_NUMBER},
	{"expires", "expires", ROWS_LEFT_S},
};

static const struct rows_column relay_columns[] = {
	{"relay", "relay", ROWS_TEXT},
	{"cluster", "cluster", ROWS_TEXT},
	{"q", "q", ROWS_NUMBER},
	{"expires", "expires", ROWS_LEFT_S},
};

static const char *http_of(const void *conf)
{
	return ((const struct redirectd_conf *)conf)->http;
}

/* A line for each binding, and for a client that has none. */
static void add_bindings(json_t *rows, json_t *client)
{
	json_t *id = json_object_get(client, "id"), *binding;
	json_t *bindings = json_object_get(client, "bindings");
	size_t i;

	json_array_foreach(bindings, i, binding)
	{
		(void)json_object_set(binding, "id", id);
		(void)json_array_append(rows, binding);
	}
	if (!json_array_size(bindings))
		(void)json_array_append(rows, client);
}

static void print_clients(const json_t *clients)
{
	json_t *rows = json_array(), *client;
	size_t i;

	json_array_foreach(clients, i, client)
	{
		add_bindings(rows, client);
	}
	rows_print(rows, binding_columns, COUNT(binding_columns));
	json_decref(rows);
}

static int all_clients(const void *conf, const struct command_args *args,
		       char err[CONF_ERRLEN])
{
	const struct ask_list q = {
		.ask = {.http = http_of(conf), .path = "/api/clients"},
		.rows = "clients",
		.key = "id",
	};
	json_t *clients;
	bool more;
	int ret = ask_list(&clients, &more, &q, err);

	if (ret)
		return ret;
	rows_sort(&clients, "id");
	if (command_value(args, "--json"))
		listing_json(stdout, clients);
	else
		print_clients(clients);
	rows_tell_more(clients, more);
	json_decref(clients);
	return 0;
}

/* It may have to be read from Redis first: asked for again soon. */
static int ask_client(json_t **client, const void *conf, const char *id,
		      char err[CONF_ERRLEN])
{
	const struct ask q = {
		.http = http_of(conf),
		.path = "/api/clients",
		.arg = "id",
		.value = id,
	};
	int ret = ask(client, &q, err);

	for (int i = 1; ret == -EAGAIN && i < TRIES; i++) {
		uv_sleep(AGAIN_MS);
		ret = ask(client, &q, err);
	}
	return ret;
}

static int one_client(const void *conf, const struct command_args *args,
		      char err[CONF_ERRLEN])
{
	char id[REDIRECT_ID_MAX], why[CONF_ERRLEN];
	json_t *client, *rows;
	int ret = command_id(id, args, "ID", err);

	if (ret)
		return ret;
	ret = ask_client(&client, conf, id, why);
	if (ret) {
		(void)snprintf(err, CONF_ERRLEN, "%.200s: %.300s", id, why);
		return ret;
	}
	rows = json_pack("[o]", client);
	if (command_value(args, "--json"))
		listing_json(stdout, client);
	else
		print_clients(rows);
	json_decref(rows);
	return 0;
}

int command_clients(const void *conf, const struct command_args *args,
		    char err[CONF_ERRLEN])
{
	return command_value(args, "ID") ? one_client(conf, args, err)
					 : all_clients(conf, args, err);
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
