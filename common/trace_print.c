#include "common/trace_print.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/ask_call.h"
#include "common/listing.h"

enum {
	DAY_LEN = 32,
	PEER_WIDTH = 21, /* an IPv4 address with its port */
	INDENT = 4,
	US_PER_S = 1000000,
	US_PER_MS = 1000,
	MS_PER_S = 1000,
};

static const char *text_of(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text ? text : "";
}

static int64_t us_of(const json_t *entry)
{
	return json_integer_value(json_object_get(entry, "time_us"));
}

/* As the host's clock on the wall says. */
static struct tm tm_of(const json_t *entry)
{
	time_t s = (time_t)(us_of(entry) / US_PER_S);
	struct tm tm = {0};

	(void)localtime_r(&s, &tm);
	return tm;
}

static const char *arrow_of(const json_t *entry)
{
	const char *dir = text_of(entry, "dir");

	if (!strcmp(dir, "in"))
		return "<-";
	return strcmp(dir, "out") != 0 ? ".." : "->";
}

/* A line of a text, its CRLF left out; returns the one behind it. */
static const char *print_line(const struct trace_print *p, const char *text)
{
	size_t len = strcspn(text, "\r\n");
	char *line = strndup(text, len);

	(void)listing_text(p->out, line ? line : "?", 0);
	(void)fputc('\n', p->out);
	free(line);
	text += len;
	text += *text == '\r';
	return text + (*text == '\n');
}

static void print_whole(const struct trace_print *p, const char *text)
{
	while (*text) {
		(void)fprintf(p->out, "%*s", (int)INDENT, "");
		text = print_line(p, text);
	}
	(void)fputc('\n', p->out);
}

/* In front of a first line: when, which way, and the peer of a message. */
static char *head_of(const json_t *entry, bool note)
{
	struct tm tm = tm_of(entry);
	int ms = (int)(us_of(entry) / US_PER_MS % MS_PER_S);
	char *head;

	if (asprintf(&head, "%02d:%02d:%02d.%03d  %s  %-*s%s", tm.tm_hour,
		     tm.tm_min, tm.tm_sec, ms, arrow_of(entry),
		     note ? 0 : (int)PEER_WIDTH,
		     note ? "" : text_of(entry, "peer"), note ? "" : "  ") < 0)
		return NULL;
	return head;
}

static void print_entry(const struct trace_print *p, const json_t *entry)
{
	const char *text = text_of(entry, "text");
	bool note = *arrow_of(entry) == '.';
	char *head = head_of(entry, note), *line = NULL;

	if (head && asprintf(&line, "%s%.*s", head, (int)strcspn(text, "\r\n"),
			     text) < 0)
		line = NULL;
	(void)listing_text(p->out, line ? line : "?", p->room);
	(void)fputc('\n', p->out);
	free(line);
	free(head);
	if (p->full && !note)
		print_whole(p, text);
}

void trace_print(const struct trace_print *p, const json_t *trace)
{
	const json_t *first = json_array_get(trace, 0);
	struct tm tm = tm_of(first);
	char day[DAY_LEN] = "?";
	json_t *entry;
	size_t i;

	(void)strftime(day, sizeof(day), "%Y-%m-%d %Z", &tm);
	(void)fprintf(p->out, "%s, at %s\n", day, text_of(first, "local"));
	json_array_foreach(trace, i, entry)
	{
		print_entry(p, entry);
	}
}

int trace_command(const char *http, const struct command_args *args,
		  char err[CONF_ERRLEN])
{
	const struct ask q = {
		.http = http,
		.path = "/api/trace",
		.arg = "call",
		.value = command_value(args, "CALL-ID"),
	};
	const struct trace_print p = {
		.out = stdout,
		.room = listing_room(),
		.full = command_value(args, "--full"),
	};
	json_t *trace;
	int ret = ask_call(&trace, &q, err);

	if (ret)
		return ret;
	if (command_value(args, "--json"))
		listing_json(stdout, trace);
	else
		trace_print(&p, trace);
	json_decref(trace);
	return 0;
}
