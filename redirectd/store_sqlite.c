#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "redirectd/sqlite_writer.h"
#include "redirectd/waiters.h"

#include "redirectd/store_sqlite.h"

enum {
	WAITERS_MAX = 16384, /* requests that wait for a change to be written */
	WAITERS_EACH = 16,   /* of one client */
};

static struct store_sqlite *of(struct store *s)
{
	return (struct store_sqlite *)s;
}

static const struct store_sqlite *of_const(const struct store *s)
{
	return (const struct store_sqlite *)s;
}

/* Say once that writing fails, and once that it works again. */
static void note_health(struct store_sqlite *q, int err, const char *why)
{
	if (err && q->up)
		log_error("the directory cannot be written: registrations "
			  "are refused until it can",
			  LOG_S("store", q->path), LOG_S("error", why));
	else if (!err && !q->up)
		log_warn("the directory is written again",
			 LOG_S("store", q->path));
	q->up = !err;
}

static void written(int err, struct store_change *ch, store_done_h *fn,
		    void *fn_arg, const char *why, void *arg)
{
	struct store_sqlite *q = arg;
	char id[REDIRECT_ID_MAX], victim[REDIRECT_ID_MAX];
	const char *v = store_memory_victim(ch);

	(void)snprintf(id, sizeof(id), "%s", store_memory_id(ch));
	(void)snprintf(victim, sizeof(victim), "%s", v ? v : "");
	note_health(q, err, why);
	if (err)
		store_memory_abort(ch);
	else
		store_memory_commit(ch);
	if (!fn)
		return;
	fn(err, fn_arg);
	waiters_tell(q->waiters, id, 0);
	if (*victim)
		waiters_tell(q->waiters, victim, 0);
}

static int sqlite_put(struct store *s, const char *id, const struct binding *v,
		      size_t n, dir_time now, store_done_h *fn, void *arg)
{
	struct store_sqlite *q = of(s);
	struct store_change *ch;
	int err;

	if (!q->writer)
		return -EROFS;
	store_run(q->memory, now);
	err = store_memory_prepare(&ch, q->memory, id, v, n);
	if (err)
		return err;
	err = sqlite_writer_add(q->writer, ch, now, fn, arg);
	if (err)
		store_memory_abort(ch);
	return err ? err : -EINPROGRESS;
}

/* What was written without a sync is on the disk when this returns. */
static void settle_bulk(const struct store_sqlite *q)
{
	if (store_sqlite_exec(q->db, "PRAGMA synchronous = FULL;"
				     "PRAGMA wal_checkpoint(TRUNCATE)"))
		log_error("the directory may not be on the disk yet",
			  LOG_S("store", q->path),
			  LOG_S("error", sqlite3_errmsg(q->db)));
}

static void sqlite_close(struct store *s)
{
	struct store_sqlite *q = of(s);
	size_t i;

	sqlite_writer_stop(q->writer);
	if (q->cfg.bulk && q->db)
		settle_bulk(q);
	for (i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(q->st[i]);
	if (sqlite3_close(q->db))
		log_error("the directory was not closed cleanly",
			  LOG_S("store", q->path));
	if (q->lock >= 0)
		(void)close(q->lock);
	waiters_free(q->waiters);
	store_close(q->memory);
	free(q->path);
	free(q);
}

static int start_writer(struct store_sqlite *q, char err[CONF_ERRLEN])
{
	sqlite3 *db;
	int e = store_sqlite_connect(&db, q);

	if (!e)
		e = sqlite_writer_start(&q->writer, q->cfg.loop, db, written,
					q);
	if (e)
		(void)snprintf(err, CONF_ERRLEN,
			       "store: %.200s: cannot start writing: %s",
			       q->path, strerror(-e));
	return e;
}

static int fill(struct store_sqlite *q, char err[CONF_ERRLEN])
{
	int e = store_sqlite_open(q, err);

	if (!e && !q->cfg.beside)
		e = store_sqlite_load(q, err);
	if (!e && !q->cfg.beside)
		e = start_writer(q, err);
	if (!e)
		store_sqlite_look(q, q->cfg.now);
	return e;
}

static int sqlite_open(struct store **sp, const char *where,
		       const struct store_config *cfg, char err[CONF_ERRLEN])
{
	struct store_sqlite *q = calloc(1, sizeof(*q));
	int e;

	if (!q || !(q->path = strdup(where)) ||
	    waiters_alloc(&q->waiters, WAITERS_MAX, WAITERS_EACH)) {
		(void)snprintf(err, CONF_ERRLEN, "store: out of memory");
		free(q ? q->path : NULL);
		free(q);
		return -ENOMEM;
	}
	q->base.cls = &store_sqlite_class;
	q->cfg = *cfg;
	q->lock = -1;
	q->up = true;
	e = store_memory_class.open(&q->memory, "", cfg, err);
	if (!e)
		e = fill(q, err);
	if (e)
		sqlite_close(&q->base);
	else
		*sp = &q->base;
	return e;
}

static int sqlite_get(struct client *c, struct store *s, const char *id,
		      const struct store_view *w)
{
	store_sqlite_look(of(s), w->now);
	return store_get(c, of(s)->memory, id, w);
}

/* For the client that an alias stands for the change is under its own id. */
static int sqlite_await(struct store *s, const char *id, store_done_h *fn,
			void *arg)
{
	const struct store_view w = {.now = 0};
	struct store_sqlite *q = of(s);
	struct client c;

	(void)store_get(&c, q->memory, id, &w);
	return waiters_add(q->waiters, c.id, fn, arg);
}

static int sqlite_apply(struct store *s,
			int (*fn)(const struct client *, void *), void *arg)
{
	return store_apply(of(s)->memory, fn, arg);
}

static int sqlite_served(struct store *s, const struct store_served *q,
			 const struct store_view *w)
{
	return store_served(of(s)->memory, q, w);
}

static dir_time sqlite_next(const struct store *s)
{
	return store_next(of_const(s)->memory);
}

static void sqlite_run(struct store *s, dir_time now)
{
	store_sqlite_look(of(s), now);
	store_run(of(s)->memory, now);
}

static struct store_counts sqlite_counts(const struct store *s)
{
	const struct store_sqlite *q = of_const(s);
	struct store_counts n = store_counts(q->memory);

	n.users = q->users;
	n.up = q->up;
	return n;
}

const struct store_class store_sqlite_class = {
	.name = "sqlite",
	.form = "sqlite:PATH",
	.about = "a file, served from memory",
	.where = true,
	.open = sqlite_open,
	.close = sqlite_close,
	.get = sqlite_get,
	.user = store_sqlite_user,
	.await = sqlite_await,
	.put = sqlite_put,
	.edit = store_sqlite_edit,
	.apply = sqlite_apply,
	.walk = store_sqlite_walk,
	.served = sqlite_served,
	.next = sqlite_next,
	.run = sqlite_run,
	.counts = sqlite_counts,
};
