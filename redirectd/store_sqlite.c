#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "redirectd/store_memory.h"

#include "redirectd/store_sqlite.h"

static struct store_sqlite *of(struct store *s)
{
	return (struct store_sqlite *)s;
}

static const struct store_sqlite *of_const(const struct store *s)
{
	return (const struct store_sqlite *)s;
}

static void bind_str(sqlite3_stmt *st, int col, const char *str)
{
	(void)sqlite3_bind_text(st, col, str, -1, SQLITE_STATIC);
}

static void bind_int(sqlite3_stmt *st, int col, uint64_t value)
{
	(void)sqlite3_bind_int64(st, col, (sqlite3_int64)value);
}

/* Run a statement that gives no rows. A value that could not be bound is NULL,
 * which the schema refuses. */
static int run(struct store_sqlite *q, enum statement name)
{
	sqlite3_stmt *st = q->st[name];
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static int write_seen(struct store_sqlite *q, const char *id, dir_time now)
{
	bind_str(q->st[S_SEEN], 1, id);
	bind_int(q->st[S_SEEN], 2, now);
	return run(q, S_SEEN);
}

static int write_id(struct store_sqlite *q, enum statement name, const char *id)
{
	bind_str(q->st[name], 1, id);
	return run(q, name);
}

static int write_binding(struct store_sqlite *q, const char *id, size_t pos,
			 const struct binding *b)
{
	sqlite3_stmt *st = q->st[S_ADD];
	char serving[ADDR_STRLEN];

	bind_str(st, 1, id);
	bind_int(st, 2, pos);
	bind_str(st, 3, b->url);
	bind_str(st, 4, b->instance);
	bind_str(st, 5, b->call_id);
	bind_int(st, 6, b->cseq);
	bind_int(st, 7, b->reg_id);
	bind_int(st, 8, b->q);
	bind_str(st, 9, addr_str(serving, &b->serving));
	bind_int(st, 10, b->registered);
	bind_int(st, 11, b->expires);
	return run(q, S_ADD);
}

/* Say once that writing fails, and once that it works again. */
static void note_health(struct store_sqlite *q, int err)
{
	if (err && !q->failing)
		log_error("the directory cannot be written: registrations "
			  "are refused until it can",
			  LOG_S("store", q->path),
			  LOG_S("error", sqlite3_errmsg(q->db)));
	else if (!err && q->failing)
		log_warn("the directory is written again",
			 LOG_S("store", q->path));
	q->failing = err;
}

static int write_client(struct store_sqlite *q, const char *id,
			const struct binding *v, size_t n, dir_time now,
			const char *victim)
{
	size_t i;
	int err = store_sqlite_exec(q, "BEGIN IMMEDIATE");

	if (!err)
		err = write_seen(q, id, now);
	if (!err)
		err = write_id(q, S_CLEAR, id);
	for (i = 0; i < n && !err; i++)
		err = write_binding(q, id, i, &v[i]);
	if (!err && victim)
		err = write_id(q, S_FORGET, victim);
	if (!err)
		err = store_sqlite_exec(q, "COMMIT");
	note_health(q, err);
	if (err && !sqlite3_get_autocommit(q->db))
		(void)store_sqlite_exec(q, "ROLLBACK");
	return err;
}

static int sqlite_put(struct store *s, const char *id, const struct binding *v,
		      size_t n, dir_time now)
{
	struct store_sqlite *q = of(s);
	struct store_change *ch;
	int err;

	store_run(q->memory, now);
	err = store_memory_prepare(&ch, q->memory, id, v, n);
	if (err)
		return err;
	err = write_client(q, id, v, n, now, store_memory_victim(ch));
	if (err)
		store_memory_abort(ch);
	else
		store_memory_commit(ch);
	return err;
}

static void sqlite_close(struct store *s)
{
	struct store_sqlite *q = of(s);
	size_t i;

	for (i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(q->st[i]);
	if (sqlite3_close(q->db))
		log_error("the directory was not closed cleanly",
			  LOG_S("store", q->path));
	store_close(q->memory);
	free(q->path);
	free(q);
}

static int sqlite_open(struct store **sp, const char *where,
		       const struct store_config *cfg, char err[CONF_ERRLEN])
{
	struct store_sqlite *q = calloc(1, sizeof(*q));
	int e;

	if (!q || !(q->path = strdup(where))) {
		(void)snprintf(err, CONF_ERRLEN, "store: out of memory");
		free(q);
		return -ENOMEM;
	}
	q->base.cls = &store_sqlite_class;
	e = store_memory_class.open(&q->memory, "", cfg, err);
	if (!e)
		e = store_sqlite_fill(q, cfg, err);
	if (e)
		sqlite_close(&q->base);
	else
		*sp = &q->base;
	return e;
}

static int sqlite_get(struct client *c, struct store *s, const char *id,
		      dir_time now)
{
	return store_get(c, of(s)->memory, id, now);
}

static int sqlite_apply(struct store *s,
			int (*fn)(const struct client *, void *), void *arg)
{
	return store_apply(of(s)->memory, fn, arg);
}

static int sqlite_after(struct client *c, struct store *s, const char *id)
{
	return store_after(c, of(s)->memory, id);
}

static dir_time sqlite_next(const struct store *s)
{
	return store_next(of_const(s)->memory);
}

static void sqlite_run(struct store *s, dir_time now)
{
	store_run(of(s)->memory, now);
}

static struct store_counts sqlite_counts(const struct store *s)
{
	return store_counts(of_const(s)->memory);
}

const struct store_class store_sqlite_class = {
	.name = "sqlite",
	.about = "a file, served from memory",
	.where = true,
	.open = sqlite_open,
	.close = sqlite_close,
	.get = sqlite_get,
	.put = sqlite_put,
	.apply = sqlite_apply,
	.after = sqlite_after,
	.next = sqlite_next,
	.run = sqlite_run,
	.counts = sqlite_counts,
};
