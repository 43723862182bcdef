#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/table.h"

#include "redirectd/store_memory_internal.h"

enum {
	CHANGES_MAX = 65536, /* newcomers that are in before a victim is out */
	PAGE_CLIENTS = 2000, /* looked at for one page of store_served() */
};

static struct store_memory *of(struct store *s)
{
	return store_memory_of(s);
}

static const struct store_memory *of_const(const struct store *s)
{
	return (const struct store_memory *)s;
}

static int memory_open(struct store **sp, const char *where,
		       const struct store_config *cfg, char err[CONF_ERRLEN])
{
	struct store_memory *m = calloc(1, sizeof(*m));

	(void)where;
	if (!m)
		goto out;
	m->base.cls = &store_memory_class;
	m->cfg = *cfg;
	m->now = cfg->now;
	m->counts.up = true;
	TAILQ_INIT(&m->idle);
	TAILQ_INIT(&m->all);
	if (table_alloc(&m->table, cfg->max + CHANGES_MAX) ||
	    table_alloc(&m->users, cfg->max) || deadlines_alloc(&m->deadlines))
		goto out;
	*sp = &m->base;
	return 0;
out:
	(void)snprintf(err, CONF_ERRLEN, "store: out of memory");
	if (m) {
		table_free(m->table);
		table_free(m->users);
		free(m);
	}
	return -ENOMEM;
}

static void memory_close(struct store *s)
{
	struct store_memory *m = of(s);

	table_free_values(m->table, entry_free);
	table_free_values(m->users, free);
	deadlines_free(m->deadlines);
	free(m);
}

static void memory_run(struct store *s, dir_time now)
{
	struct store_memory *m = of(s);

	m->now = now;
	deadlines_run(m->deadlines, now);
}

static int memory_get(struct client *c, struct store *s, const char *id,
		      const struct store_view *w)
{
	struct store_memory *m = of(s);
	struct entry *e;

	memory_run(s, w->now);
	e = entry_find(m, id);
	if (e && e->of) {
		id = e->of;
		e = entry_find(m, id);
	}
	*c = (struct client){.id = id};
	if (e && e->busy && w->change)
		return -EAGAIN;
	if (!e || e->unborn)
		return -ENOENT;
	if (entry_has_expired(e, w->now))
		entry_expire(e);
	*c = (struct client){.id = e->id, .n = e->n, .v = e->v};
	return 0;
}

/* Nothing takes time here, so that nobody ever has to wait. */
static int memory_await(struct store *s, const char *id, store_done_h *fn,
			void *arg)
{
	(void)s;
	(void)id;
	(void)fn;
	(void)arg;
	return -ENOTSUP;
}

static int memory_put(struct store *s, const char *id, const struct binding *v,
		      size_t n, dir_time now, store_done_h *fn, void *arg)
{
	struct store_change *ch;
	int err;

	(void)fn;
	(void)arg;
	memory_run(s, now);
	err = store_memory_prepare(&ch, s, id, v, n);
	if (!err)
		store_memory_commit(ch);
	return err;
}

static int memory_apply(struct store *s,
			int (*fn)(const struct client *, void *), void *arg)
{
	const struct entry *e;
	int err = 0;

	TAILQ_FOREACH(e, &of(s)->all, known)
	{
		const struct client c = {.id = e->id, .n = e->n, .v = e->v};

		err = fn(&c, arg);
		if (err)
			break;
	}
	return err;
}

static int memory_served(struct store *s, const struct store_served *q,
			 const struct store_view *w)
{
	const struct store_memory *m = of(s);
	const struct entry *e = *q->after ? entry_find(m, q->after) : NULL;
	int err = 0;

	(void)w;
	if (*q->after && (!e || e->of || e->unborn))
		return -ESTALE;
	e = e ? TAILQ_NEXT(e, known) : TAILQ_FIRST(&m->all);
	for (size_t i = 0; e && !err; e = TAILQ_NEXT(e, known), i++) {
		const struct client c = {.id = e->id, .n = e->n, .v = e->v};

		if (i == PAGE_CLIENTS)
			return 1;
		err = q->fn(&c, q->arg);
	}
	return err < 0 ? err : e != NULL;
}

static dir_time memory_next(const struct store *s)
{
	return deadlines_next(of_const(s)->deadlines);
}

static struct store_counts memory_counts(const struct store *s)
{
	return of_const(s)->counts;
}

const struct store_class store_memory_class = {
	.name = "memory",
	.form = "memory",
	.about = "forgotten when the daemon ends",
	.open = memory_open,
	.close = memory_close,
	.get = memory_get,
	.user = store_memory_user,
	.await = memory_await,
	.put = memory_put,
	.edit = store_memory_edit,
	.apply = memory_apply,
	.walk = store_memory_walk,
	.served = memory_served,
	.next = memory_next,
	.run = memory_run,
	.counts = memory_counts,
};
