#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/addr.h"
#include "redirectd/store_sqlite.h"

#include "redirectd/sqlite_writer.h"

/* The statements of the writing connection, once: name, text. A refresh, which
 * most registrations are, changes one row in its place. */
#define WRITES(X)                                                              \
	X(SEEN, "INSERT INTO client (id, seen) VALUES (?1, ?2) "               \
		"ON CONFLICT (id) DO UPDATE SET seen = ?2")                    \
	X(PUT, "INSERT INTO binding (client, pos, url, instance, call_id, "    \
	       "cseq, reg_id, q, serving, registered, expires, path) VALUES "  \
	       "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "          \
	       "ON CONFLICT (client, pos) DO UPDATE SET url = ?3, "            \
	       "instance = ?4, call_id = ?5, cseq = ?6, reg_id = ?7, q = ?8, " \
	       "serving = ?9, registered = ?10, expires = ?11, path = ?12")    \
	X(CUT, "DELETE FROM binding WHERE client = ?1 AND pos >= ?2")          \
	X(FORGET, "DELETE FROM client WHERE id = ?1")

enum write {
#define WRITE_ENUM(name, sql) W_##name,
	WRITES(WRITE_ENUM)
#undef WRITE_ENUM
		WRITE_COUNT
};

static const char *const write_sql[] = {
#define WRITE_SQL(name, sql) sql,
	WRITES(WRITE_SQL)
#undef WRITE_SQL
};

enum {
	WAITING_MAX = 16384,
	WHY_MAX = 160,
};

struct job {
	STAILQ_ENTRY(job) link;
	struct store_change *ch;
	dir_time now;
	store_done_h *fn;
	void *fn_arg;
	int err;
};

STAILQ_HEAD(jobs, job);

/* Between the threads are the two queues, `why` and `ending`, under the mutex;
 * connection and statements are the writer's alone. */
struct sqlite_writer {
	uv_thread_t thread;
	uv_mutex_t mutex;
	uv_cond_t more;
	uv_async_t async;
	struct jobs todo, done;
	char why[WHY_MAX];
	bool ending;
	sqlite3 *db;
	sqlite3_stmt *st[WRITE_COUNT];
	size_t waiting; /* in either queue or being written; the loop's */
	sqlite_written_h *fn;
	void *arg;
};

static int write_id(struct sqlite_writer *w, enum write name, const char *id)
{
	store_sqlite_bind_str(w->st[name], 1, id);
	return store_sqlite_run(w->st[name]);
}

static int write_binding(struct sqlite_writer *w, const char *id, size_t pos,
			 const struct binding *b)
{
	sqlite3_stmt *st = w->st[W_PUT];
	char serving[ADDR_STRLEN];

	store_sqlite_bind_str(st, 1, id);
	store_sqlite_bind_int(st, 2, pos);
	store_sqlite_bind_str(st, 3, b->url);
	store_sqlite_bind_str(st, 4, b->instance);
	store_sqlite_bind_str(st, 5, b->call_id);
	store_sqlite_bind_int(st, 6, b->cseq);
	store_sqlite_bind_int(st, 7, b->reg_id);
	store_sqlite_bind_int(st, 8, b->q);
	store_sqlite_bind_str(st, 9, addr_str(serving, &b->serving));
	store_sqlite_bind_int(st, 10, b->registered);
	store_sqlite_bind_int(st, 11, b->expires);
	store_sqlite_bind_str(st, 12, b->path);
	return store_sqlite_run(st);
}

/* When it was seen last is of interest for a client without bindings: of the
 * others their ends tell (store_sqlite_open.c). */
static int write_seen(struct sqlite_writer *w, const struct job *j, size_t n)
{
	if (n && !store_memory_is_new(j->ch))
		return 0;
	store_sqlite_bind_int(w->st[W_SEEN], 2, j->now);
	return write_id(w, W_SEEN, store_memory_id(j->ch));
}

static int write_job(struct sqlite_writer *w, const struct job *j)
{
	const char *id = store_memory_id(j->ch);
	const char *victim = store_memory_victim(j->ch);
	size_t n;
	const struct binding *v = store_memory_bindings(&n, j->ch);
	int err = write_seen(w, j, n);

	for (size_t i = 0; i < n && !err; i++)
		err = write_binding(w, id, i, &v[i]);
	if (!err && !store_memory_is_new(j->ch)) {
		store_sqlite_bind_int(w->st[W_CUT], 2, n);
		err = write_id(w, W_CUT, id);
	}
	if (!err && victim)
		err = write_id(w, W_FORGET, victim);
	return err;
}

/* All of a batch or nothing: what fails is the disk, not one of them. */
static int write_batch(struct sqlite_writer *w, const struct jobs *batch,
		       char why[WHY_MAX])
{
	const struct job *j;
	int err = store_sqlite_exec(w->db, "BEGIN IMMEDIATE");

	STAILQ_FOREACH(j, batch, link)
	{
		if (err)
			break;
		err = write_job(w, j);
	}
	if (!err)
		err = store_sqlite_exec(w->db, "COMMIT");
	if (!err)
		return 0;
	(void)snprintf(why, WHY_MAX, "%s", sqlite3_errmsg(w->db));
	if (!sqlite3_get_autocommit(w->db))
		(void)store_sqlite_exec(w->db, "ROLLBACK");
	return err;
}

static void finish_batch(struct sqlite_writer *w, struct jobs *batch, int err,
			 const char *why)
{
	struct job *j;

	STAILQ_FOREACH(j, batch, link)
	j->err = err;
	uv_mutex_lock(&w->mutex);
	if (err)
		(void)snprintf(w->why, sizeof(w->why), "%s", why);
	STAILQ_CONCAT(&w->done, batch);
	uv_mutex_unlock(&w->mutex);
	(void)uv_async_send(&w->async);
}

static void run(void *arg)
{
	struct sqlite_writer *w = arg;
	struct jobs batch = STAILQ_HEAD_INITIALIZER(batch);
	char why[WHY_MAX] = "";

	for (;;) {
		uv_mutex_lock(&w->mutex);
		while (STAILQ_EMPTY(&w->todo) && !w->ending)
			uv_cond_wait(&w->more, &w->mutex);
		STAILQ_CONCAT(&batch, &w->todo);
		uv_mutex_unlock(&w->mutex);
		if (STAILQ_EMPTY(&batch))
			return;
		finish_batch(w, &batch, write_batch(w, &batch, why), why);
	}
}

static void tell(struct sqlite_writer *w)
{
	struct jobs done = STAILQ_HEAD_INITIALIZER(done);
	char why[WHY_MAX];
	struct job *j;

	uv_mutex_lock(&w->mutex);
	STAILQ_CONCAT(&done, &w->done);
	memcpy(why, w->why, sizeof(why));
	uv_mutex_unlock(&w->mutex);
	while ((j = STAILQ_FIRST(&done))) {
		STAILQ_REMOVE_HEAD(&done, link);
		w->waiting--;
		w->fn(j->err, j->ch, w->ending ? NULL : j->fn, j->fn_arg, why,
		      w->arg);
		free(j);
	}
}

static void on_async(uv_async_t *async)
{
	tell(async->data);
}

static int prepare(struct sqlite_writer *w)
{
	for (size_t i = 0; i < WRITE_COUNT; i++)
		if (sqlite3_prepare_v3(w->db, write_sql[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &w->st[i],
				       NULL))
			return -EIO;
	return 0;
}

static void close_db(sqlite3_stmt *st[WRITE_COUNT], sqlite3 *db)
{
	for (size_t i = 0; i < WRITE_COUNT; i++)
		(void)sqlite3_finalize(st[i]);
	(void)sqlite3_close(db);
}

static void closed_cb(uv_handle_t *h)
{
	free(h->data);
}

static void destroy(struct sqlite_writer *w)
{
	close_db(w->st, w->db);
	uv_cond_destroy(&w->more);
	uv_mutex_destroy(&w->mutex);
	uv_close((uv_handle_t *)&w->async, closed_cb);
}

static int alloc(struct sqlite_writer **wp, uv_loop_t *loop)
{
	struct sqlite_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->async.data = w;
	STAILQ_INIT(&w->todo);
	STAILQ_INIT(&w->done);
	if (uv_mutex_init(&w->mutex))
		goto no_mutex;
	if (uv_cond_init(&w->more))
		goto no_cond;
	if (uv_async_init(loop, &w->async, on_async))
		goto no_async;
	*wp = w;
	return 0;
no_async:
	uv_cond_destroy(&w->more);
no_cond:
	uv_mutex_destroy(&w->mutex);
no_mutex:
	free(w);
	return -ENOMEM;
}

int sqlite_writer_start(struct sqlite_writer **wp, uv_loop_t *loop, sqlite3 *db,
			sqlite_written_h *fn, void *arg)
{
	struct sqlite_writer *w;
	int err = alloc(&w, loop);

	if (err) {
		(void)sqlite3_close(db);
		return err;
	}
	w->db = db;
	w->fn = fn;
	w->arg = arg;
	err = prepare(w);
	if (!err)
		err = uv_thread_create(&w->thread, run, w);
	if (err)
		destroy(w);
	else
		*wp = w;
	return err;
}

int sqlite_writer_add(struct sqlite_writer *w, struct store_change *ch,
		      dir_time now, store_done_h *fn, void *fn_arg)
{
	struct job *j;

	if (w->waiting >= WAITING_MAX)
		return -ENOBUFS;
	j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	*j = (struct job){.ch = ch, .now = now, .fn = fn, .fn_arg = fn_arg};
	w->waiting++;
	uv_mutex_lock(&w->mutex);
	STAILQ_INSERT_TAIL(&w->todo, j, link);
	uv_cond_signal(&w->more);
	uv_mutex_unlock(&w->mutex);
	return 0;
}

void sqlite_writer_stop(struct sqlite_writer *w)
{
	if (!w)
		return;
	uv_mutex_lock(&w->mutex);
	w->ending = true;
	uv_cond_signal(&w->more);
	uv_mutex_unlock(&w->mutex);
	(void)uv_thread_join(&w->thread);
	tell(w);
	destroy(w);
}
