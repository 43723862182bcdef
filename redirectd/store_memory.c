#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/deadlines.h"
#include "common/table.h"

#include "redirectd/store_memory.h"

/* A known client. Without bindings it stands in `idle`, oldest first; in `all`
 * always, in the order in which they became known. */
struct entry {
	TAILQ_ENTRY(entry) link;
	TAILQ_ENTRY(entry) known;
	struct store_memory *store;
	struct binding *v; /* NULL where n is 0 */
	size_t n;
	deadline_id deadline; /* of the binding that ends first */
	char id[];
};

TAILQ_HEAD(entries, entry);

/* The one change that may be under way. */
struct store_change {
	struct store_memory *store;
	struct entry *entry;
	struct entry *victim;
	struct binding *v;
	size_t n;
	deadline_id deadline;
	bool created;
};

struct store_memory {
	struct store base;
	struct table *table; /* owns the entries */
	struct entries idle;
	struct entries all;
	struct deadlines *deadlines;
	struct store_config cfg;
	struct store_counts counts;
	struct store_change change;
	dir_time now; /* of the store_run() under way */
};

static struct store_memory *of(struct store *s)
{
	return (struct store_memory *)s;
}

static const struct store_memory *of_const(const struct store *s)
{
	return (const struct store_memory *)s;
}

static struct entry *entry_new(struct store_memory *m, const char *id)
{
	size_t len = strlen(id);
	struct entry *e = calloc(1, sizeof(*e) + len + 1);

	if (!e)
		return NULL;
	e->store = m;
	memcpy(e->id, id, len + 1);
	return e;
}

static void entry_free(struct entry *e)
{
	free(e->v);
	free(e);
}

/* Take an entry without bindings out of everything. */
static void entry_forget(struct entry *e)
{
	struct store_memory *m = e->store;

	TAILQ_REMOVE(&m->idle, e, link);
	TAILQ_REMOVE(&m->all, e, known);
	(void)table_del(m->table, e->id, strlen(e->id));
	m->counts.known--;
	entry_free(e);
}

/* Exchange the bindings; `deadline` is that of the new ones. */
static void entry_set(struct entry *e, struct binding *v, size_t n,
		      deadline_id deadline)
{
	struct store_memory *m = e->store;

	if (e->n) {
		m->counts.clients--;
		m->counts.contacts -= e->n;
	} else {
		TAILQ_REMOVE(&m->idle, e, link);
	}
	deadlines_cancel(m->deadlines, e->deadline);
	free(e->v);
	e->v = v;
	e->n = n;
	e->deadline = deadline;
	if (e->n) {
		m->counts.clients++;
		m->counts.contacts += e->n;
	} else {
		TAILQ_INSERT_TAIL(&m->idle, e, link);
	}
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

/* Drop what has run out. The survivors stay in their block, whose strings are
 * behind the array, so that nothing has to be allocated. */
static void entry_expire(void *arg)
{
	struct entry *e = arg;
	struct store_memory *m = e->store;
	size_t i, n = 0, before = e->n;

	e->deadline = 0;
	for (i = 0; i < before; i++) {
		if (e->v[i].expires > m->now)
			e->v[n++] = e->v[i];
		else if (m->cfg.expired)
			m->cfg.expired(e->id, &e->v[i], m->cfg.arg);
	}
	if (!n) {
		entry_set(e, NULL, 0, 0);
		return;
	}
	m->counts.contacts -= before - n;
	e->n = n;
	/* Without memory for it the next store_get() still tells the truth,
	 * as it looks at the client's bindings one by one. */
	(void)deadlines_add(&e->deadline, m->deadlines, first_end(e->v, n),
			    entry_expire, e);
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
	TAILQ_INIT(&m->idle);
	TAILQ_INIT(&m->all);
	/* One more: the newcomer is in before its victim is out. */
	if (table_alloc(&m->table, cfg->max + 1) ||
	    deadlines_alloc(&m->deadlines))
		goto out;
	*sp = &m->base;
	return 0;
out:
	(void)snprintf(err, CONF_ERRLEN, "store: out of memory");
	if (m) {
		table_free(m->table);
		free(m);
	}
	return -ENOMEM;
}

static int free_entry(const void *key, size_t len, void *value, void *arg)
{
	(void)key;
	(void)len;
	(void)arg;
	entry_free(value);
	return 0;
}

static void memory_close(struct store *s)
{
	struct store_memory *m = of(s);

	(void)table_apply(m->table, free_entry, NULL);
	table_free(m->table);
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
		      dir_time now)
{
	struct entry *e;

	memory_run(s, now);
	e = table_get(of(s)->table, id, strlen(id));
	if (!e)
		return -ENOENT;
	if (e->n && first_end(e->v, e->n) <= now) {
		deadlines_cancel(e->store->deadlines, e->deadline);
		entry_expire(e);
	}
	*c = (struct client){e->id, e->n, e->v};
	return 0;
}

/* Find the client or make it, with a victim where there is no room. */
static int change_entry(struct store_change *ch, struct store_memory *m,
			const char *id)
{
	size_t len = strlen(id);
	int err;

	ch->entry = table_get(m->table, id, len);
	if (ch->entry)
		return 0;
	if (m->counts.known >= m->cfg.max) {
		ch->victim = TAILQ_FIRST(&m->idle);
		if (!ch->victim)
			return -ENOSPC;
	}
	ch->entry = entry_new(m, id);
	if (!ch->entry)
		return -ENOMEM;
	err = table_put(m->table, id, len, ch->entry);
	if (err) {
		entry_free(ch->entry);
		return err;
	}
	TAILQ_INSERT_TAIL(&m->idle, ch->entry, link);
	TAILQ_INSERT_TAIL(&m->all, ch->entry, known);
	m->counts.known++;
	ch->created = true;
	return 0;
}

int store_memory_prepare(struct store_change **chp, struct store *s,
			 const char *id, const struct binding *v, size_t n)
{
	struct store_memory *m = of(s);
	struct store_change *ch = &m->change;
	int err;

	memset(ch, 0, sizeof(*ch));
	ch->store = m;
	err = change_entry(ch, m, id);
	if (err)
		return err;
	ch->n = n;
	if (n) {
		ch->v = binding_copy(v, n);
		err = ch->v ? deadlines_add(&ch->deadline, m->deadlines,
					    first_end(v, n), entry_expire,
					    ch->entry)
			    : -ENOMEM;
	}
	if (err) {
		store_memory_abort(ch);
		return err;
	}
	*chp = ch;
	return 0;
}

const char *store_memory_victim(const struct store_change *ch)
{
	return ch->victim ? ch->victim->id : NULL;
}

void store_memory_commit(struct store_change *ch)
{
	entry_set(ch->entry, ch->v, ch->n, ch->deadline);
	if (ch->victim)
		entry_forget(ch->victim);
}

void store_memory_abort(struct store_change *ch)
{
	deadlines_cancel(ch->store->deadlines, ch->deadline);
	free(ch->v);
	if (ch->created)
		entry_forget(ch->entry);
}

static int memory_put(struct store *s, const char *id, const struct binding *v,
		      size_t n, dir_time now)
{
	struct store_change *ch;
	int err;

	memory_run(s, now);
	err = store_memory_prepare(&ch, s, id, v, n);
	if (!err)
		store_memory_commit(ch);
	return err;
}

struct apply {
	int (*fn)(const struct client *, void *);
	void *arg;
};

static int apply_entry(const void *key, size_t len, void *value, void *arg)
{
	const struct entry *e = value;
	const struct client c = {e->id, e->n, e->v};
	const struct apply *a = arg;

	(void)key;
	(void)len;
	return a->fn(&c, a->arg);
}

static int memory_apply(struct store *s,
			int (*fn)(const struct client *, void *), void *arg)
{
	struct apply a = {fn, arg};

	return table_apply(of(s)->table, apply_entry, &a);
}

static int memory_after(struct client *c, struct store *s, const char *id)
{
	const struct store_memory *m = of(s);
	const struct entry *e = id ? table_get(m->table, id, strlen(id)) : NULL;

	if (id && !e)
		return -ESTALE;
	e = e ? TAILQ_NEXT(e, known) : TAILQ_FIRST(&m->all);
	if (!e)
		return -ENOENT;
	*c = (struct client){e->id, e->n, e->v};
	return 0;
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
	.about = "forgotten when the daemon ends",
	.open = memory_open,
	.close = memory_close,
	.get = memory_get,
	.put = memory_put,
	.apply = memory_apply,
	.after = memory_after,
	.next = memory_next,
	.run = memory_run,
	.counts = memory_counts,
};
