#include "common/ask_list.h"

#include <errno.h>
#include <stdio.h>

#include "common/paging.h"

/* What has come so far. */
struct gathering {
	const struct ask_list *q;
	size_t max;
	json_t *rows;
	json_t *seen; /* the keys of those */
};

/* An entry that is known from the page before is left out. */
static int add(struct gathering *g, json_t *row)
{
	const char *key =
		g->q->key ? json_string_value(json_object_get(row, g->q->key))
			  : NULL;

	if (key && json_object_get(g->seen, key))
		return 0;
	if (key && json_object_set_new(g->seen, key, json_true()))
		return -ENOMEM;
	return json_array_append(g->rows, row) ? -ENOMEM : 0;
}

/* Returns how many entries the page has, or a negative errno. */
static int add_page(struct gathering *g, const json_t *answer,
		    char err[CONF_ERRLEN])
{
	const json_t *page =
		g->q->rows ? json_object_get(answer, g->q->rows) : answer;
	int ret = json_is_array(page) ? 0 : -EPROTO;
	size_t i;
	json_t *row;

	json_array_foreach(page, i, row)
	{
		if (!ret && json_array_size(g->rows) < g->max)
			ret = add(g, row);
	}
	if (ret)
		(void)snprintf(err, CONF_ERRLEN, "http: %.200s: %s is no list",
			       g->q->ask.http, g->q->ask.path);
	return ret ? ret : (int)json_array_size(page);
}

/* One entry more than is wanted tells that there are more. */
static int gather(struct gathering *g, bool *more, char err[CONF_ERRLEN])
{
	struct ask q = g->q->ask;
	int n;

	do {
		json_t *answer = NULL;

		q.limit = PAGING_MAX;
		n = ask(&answer, &q, err);
		if (!n)
			n = add_page(g, answer, err);
		json_decref(answer);
		q.offset += PAGING_MAX;
	} while (n == PAGING_MAX && q.offset <= g->max);
	*more = n > 0 && q.offset - PAGING_MAX + (size_t)n > g->max;
	return n < 0 ? n : 0;
}

int ask_list(json_t **out, bool *more, const struct ask_list *q,
	     char err[CONF_ERRLEN])
{
	struct gathering g = {
		.q = q,
		.max = q->max ? q->max : ASK_LIST_MAX,
		.rows = json_array(),
		.seen = json_object(),
	};
	int ret = g.rows && g.seen ? gather(&g, more, err) : -ENOMEM;

	if (ret == -ENOMEM)
		(void)snprintf(err, CONF_ERRLEN, "out of memory");
	json_decref(g.seen);
	if (ret)
		json_decref(g.rows);
	else
		*out = g.rows;
	return ret;
}
