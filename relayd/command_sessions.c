#include <stdio.h>

#include "common/ask_call.h"
#include "common/listing.h"
#include "common/rows.h"
#include "relayd/conf.h"

#include "relayd/commands.h"

enum { LABEL_LEN = 48 };

static const char *const sides[] = {"first", "second"};
static const char *const parts[] = {"rtp", "rtcp"};

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static const struct rows_column session_columns[] = {
	{"call_id", "call_id", ROWS_TEXT},
	{"age", "duration_ms", ROWS_AGE_MS},
	{"answered", "answered", ROWS_IF},
	{"lines", "streams", ROWS_NUMBER},
	{"first", "packets_first", ROWS_NUMBER},
	{"second", "packets_second", ROWS_NUMBER},
};

static const struct rows_column channel_columns[] = {
	{"media", "media", ROWS_TEXT},
	{"side", "side", ROWS_TEXT},
	{"port", "port", ROWS_NUMBER},
	{"signalled", "signalled", ROWS_TEXT},
	{"learned", "learned", ROWS_TEXT},
	{"packets", "packets", ROWS_NUMBER},
	{"dropped", "dropped", ROWS_NUMBER},
	{"fast", "fast", ROWS_TEXT},
};

static const struct rows_column quality_columns[] = {
	{"heard", "media", ROWS_TEXT},
	{"side", "side", ROWS_TEXT},
	{"codec", "codec", ROWS_TEXT},
	{"packets", "expected", ROWS_NUMBER},
	{"lost", "lost", ROWS_NUMBER},
	{"loss_%", "loss_percent", ROWS_NUMBER},
	{"jitter_ms", "jitter_mean_ms", ROWS_NUMBER},
	{"worst", "jitter_max_ms", ROWS_NUMBER},
	{"mos", "mos", ROWS_NUMBER},
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "-";
}

/* A copy of `of` that says which side of which media it is about. */
static void add_row(json_t *rows, json_t *of, const char *media,
		    const char *side)
{
	json_t *row = json_is_object(of) ? json_copy(of) : NULL;

	if (!row)
		return;
	(void)json_object_set_new(row, "media", json_string(media));
	(void)json_object_set_new(row, "side", json_string(side));
	(void)json_array_append_new(rows, row);
}

/* Both sides of RTP, and of RTCP where there was any. */
static void add_channels(json_t *rows, const json_t *stream)
{
	json_int_t port = json_integer_value(json_object_get(stream, "port"));
	char media[LABEL_LEN];

	for (size_t p = 0; p < COUNT(parts); p++)
		for (size_t s = 0; s < COUNT(sides); s++) {
			const json_t *part = json_object_get(stream, parts[p]);
			json_t *side = json_object_get(part, sides[s]);

			(void)snprintf(media, sizeof(media), "%s%s",
				       text_of(stream, "type"),
				       p ? " rtcp" : "");
			if (p && json_is_null(json_object_get(side, "learned")))
				continue;
			(void)json_object_set_new(
				side, "port",
				json_integer(port + (json_int_t)p));
			add_row(rows, side, media, sides[s]);
		}
}

static void add_quality(json_t *rows, const json_t *stream)
{
	const json_t *quality = json_object_get(stream, "quality");

	for (size_t s = 0; s < COUNT(sides); s++)
		add_row(rows, json_object_get(quality, sides[s]),
			text_of(stream, "type"), sides[s]);
}

static void print_head(const json_t *session)
{
	const json_t *stream =
		json_array_get(json_object_get(session, "streams"), 0);
	const json_t *rtp = json_object_get(stream, "rtp");
	char age[LISTING_AGE_LEN];
	int64_t ms =
		json_integer_value(json_object_get(session, "duration_ms"));

	printf("call-id   ");
	(void)listing_text(stdout, text_of(session, "call_id"), 0);
	printf("\nstate     %s, for %s\n",
	       json_is_true(json_object_get(session, "answered"))
		       ? "answered"
		       : "not answered",
	       listing_age(age, ms));
	for (size_t s = 0; s < COUNT(sides); s++)
		printf("%-8s  signals from %s, served at %s\n", sides[s],
		       text_of(session,
			       s ? "observed_second" : "observed_first"),
		       text_of(json_object_get(rtp, sides[s]), "address"));
}

/* One in detail: the channels, and how what came was heard. */
static void print_session(const json_t *session)
{
	json_t *channels = json_array(), *heard = json_array(), *stream;
	size_t i;

	json_array_foreach(json_object_get(session, "streams"), i, stream)
	{
		add_channels(channels, stream);
		add_quality(heard, stream);
	}
	print_head(session);
	printf("\n");
	rows_print(channels, channel_columns, COUNT(channel_columns));
	if (json_array_size(heard)) {
		printf("\n");
		rows_print(heard, quality_columns, COUNT(quality_columns));
	}
	json_decref(channels);
	json_decref(heard);
}

static int one_session(const char *http, const struct command_args *args,
		       char err[CONF_ERRLEN])
{
	const struct ask q = {
		.http = http,
		.path = "/api/sessions",
		.arg = "call",
		.value = command_value(args, "CALL-ID"),
	};
	json_t *session;
	int ret = ask_call(&session, &q, err);

	if (ret)
		return ret;
	if (command_value(args, "--json"))
		listing_json(stdout, session);
	else
		print_session(session);
	json_decref(session);
	return 0;
}

int command_sessions(const void *conf, const struct command_args *args,
		     char err[CONF_ERRLEN])
{
	const char *http = ((const struct relayd_conf *)conf)->http;
	const struct rows_command all = {
		.list = {.ask = {.http = http, .path = "/api/sessions"},
			 .rows = "sessions",
			 .key = "call_id"},
		.sort = "duration_ms",
		.columns = session_columns,
		.n = COUNT(session_columns),
	};

	if (command_value(args, "CALL-ID"))
		return one_session(http, args, err);
	return rows_command(&all, args, err);
}
