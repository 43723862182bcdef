#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/table.h"

#include "redirectd/waiters.h"

struct waiter {
	STAILQ_ENTRY(waiter) link;
	store_done_h *fn;
	void *arg;
};

struct line {
	STAILQ_HEAD(, waiter) all;
	size_t n;
};

struct waiters {
	struct table *lines; /* by id */
	size_t max, each;
	size_t n;
};

int waiters_alloc(struct waiters **wp, size_t max, size_t each)
{
	struct waiters *w = calloc(1, sizeof(*w));

	if (!w || table_alloc(&w->lines, max)) {
		free(w);
		return -ENOMEM;
	}
	w->max = max;
	w->each = each;
	*wp = w;
	return 0;
}

static void line_free(void *value)
{
	struct line *l = value;
	struct waiter *one;

	while ((one = STAILQ_FIRST(&l->all))) {
		STAILQ_REMOVE_HEAD(&l->all, link);
		free(one);
	}
	free(l);
}

void waiters_free(struct waiters *w)
{
	if (!w)
		return;
	table_free_values(w->lines, line_free);
	free(w);
}

static struct line *line_new(struct waiters *w, const char *id)
{
	struct line *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	STAILQ_INIT(&l->all);
	if (!table_put(w->lines, id, strlen(id), l))
		return l;
	free(l);
	return NULL;
}

int waiters_add(struct waiters *w, const char *id, store_done_h *fn, void *arg)
{
	struct line *l = table_get(w->lines, id, strlen(id));
	struct waiter *one;

	if (w->n >= w->max || (l && l->n >= w->each))
		return -ENOBUFS;
	one = malloc(sizeof(*one));
	if (one && !l)
		l = line_new(w, id);
	if (!l || !one) {
		free(one);
		return -ENOMEM;
	}
	one->fn = fn;
	one->arg = arg;
	STAILQ_INSERT_TAIL(&l->all, one, link);
	l->n++;
	w->n++;
	return 0;
}

void waiters_tell(struct waiters *w, const char *id, int err)
{
	struct line *l = table_del(w->lines, id, strlen(id));
	struct waiter *one;

	if (!l)
		return;
	w->n -= l->n;
	while ((one = STAILQ_FIRST(&l->all))) {
		STAILQ_REMOVE_HEAD(&l->all, link);
		one->fn(err, one->arg);
		free(one);
	}
	free(l);
}

size_t waiters_count(const struct waiters *w)
{
	return w->n;
}
