#include "common/ask_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SHORTEST = 4 }; /* beginning that is looked for */

/* How a listing shows that a text goes on. */
static size_t beginning_of(const char *text)
{
	size_t len = strlen(text);

	return len && text[len - 1] == '~' ? len - 1 : len;
}

/* NULL: none or, with *several, more than one. */
static const char *find(const json_t *calls, const char *text, bool *several)
{
	size_t len = beginning_of(text), i;
	const char *found = NULL;
	json_t *id;

	*several = false;
	if (len < SHORTEST)
		return NULL;
	json_array_foreach(calls, i, id)
	{
		const char *call_id = json_string_value(id);

		if (!call_id || strncmp(call_id, text, len) != 0)
			continue;
		*several = found != NULL;
		if (*several)
			return NULL;
		found = call_id;
	}
	return found;
}

/* `err` stays that of the answer where nothing is found. */
static int ask_beginning(json_t **out, const struct ask *q,
			 char err[CONF_ERRLEN])
{
	struct ask list = {.http = q->http, .path = "/api/calls"};
	struct ask one = *q;
	char why[CONF_ERRLEN];
	json_t *calls = NULL;
	bool several = false;
	int ret = -ENOENT;

	if (!ask(&calls, &list, why))
		one.value = find(calls, q->value, &several);
	else
		one.value = NULL;
	if (several)
		(void)snprintf(err, CONF_ERRLEN,
			       "%.200s: several calls begin so, give more of "
			       "the Call-ID",
			       q->value);
	else if (one.value)
		ret = ask(out, &one, err);
	json_decref(calls);
	return ret;
}

int ask_call(json_t **out, const struct ask *q, char err[CONF_ERRLEN])
{
	char why[CONF_ERRLEN];
	int ret = ask(out, q, why);

	if (ret == -ENOENT) {
		(void)snprintf(err, CONF_ERRLEN, "%.200s: %.200s", q->value,
			       why);
		return ask_beginning(out, q, err);
	}
	if (ret)
		(void)snprintf(err, CONF_ERRLEN, "%s", why);
	return ret;
}
