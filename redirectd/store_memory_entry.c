#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/table.h"

#include "redirectd/store_memory_internal.h"

bool entry_is_full(const struct store_memory *m)
{
	return m->counts.known + m->aliases + m->unborn - m->leaving >=
	       m->cfg.max;
}

int entry_add(struct entry **ep, struct store_memory *m, const char *id)
{
	size_t len = strlen(id);
	struct entry *e = calloc(1, sizeof(*e) + len + 1);
	int err;

	if (!e)
		return -ENOMEM;
	e->store = m;
	memcpy(e->id, id, len + 1);
	err = table_put(m->table, id, len, e);
	if (err)
		free(e);
	else
		*ep = e;
	return err;
}

void entry_free(void *entry)
{
	struct entry *e = entry;

	free(e->v);
	free(e->of);
	free(e);
}

void entry_drop(struct entry *e)
{
	(void)table_del(e->store->table, e->id, strlen(e->id));
	entry_free(e);
}

struct entry *entry_find(const struct store_memory *m, const char *id)
{
	return table_get(m->table, id, strlen(id));
}

static dir_time first_end(const struct binding *v, size_t n)
{
	dir_time first = UINT64_MAX;
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].expires < first)
			first = v[i].expires;
	return first;
}

/* Without memory for it the next store_get() still tells the truth, as it looks
 * at the client's bindings one by one. */
static void watch(struct entry *e)
{
	struct deadlines *d = e->store->deadlines;

	deadlines_cancel(d, e->deadline);
	e->deadline = 0;
	if (e->n)
		(void)deadlines_add(&e->deadline, d, first_end(e->v, e->n),
				    entry_expire, e);
}

void entry_set(struct entry *e, struct binding *v, size_t n)
{
	struct store_memory *m = e->store;

	if (e->n) {
		m->counts.clients--;
		m->counts.contacts -= e->n;
	} else if (!e->busy) {
		TAILQ_REMOVE(&m->idle, e, link);
	}
	free(e->v);
	e->v = v;
	e->n = n;
	watch(e);
	if (e->n) {
		m->counts.clients++;
		m->counts.contacts += e->n;
	} else if (!e->busy) {
		TAILQ_INSERT_TAIL(&m->idle, e, link);
	}
}

/* The survivors stay in their block, whose strings are behind the array, so
 * that nothing has to be allocated. */
void entry_expire(void *arg)
{
	struct entry *e = arg;
	struct store_memory *m = e->store;
	size_t i, n = 0, before = e->n;

	for (i = 0; i < before; i++) {
		if (e->v[i].expires > m->now)
			e->v[n++] = e->v[i];
		else if (m->cfg.expired)
			m->cfg.expired(e->id, &e->v[i], m->cfg.arg);
	}
	if (!n) {
		entry_set(e, NULL, 0);
		return;
	}
	m->counts.contacts -= before - n;
	e->n = n;
	watch(e);
}

bool entry_has_expired(const struct entry *e, dir_time now)
{
	return e->n && first_end(e->v, e->n) <= now;
}
