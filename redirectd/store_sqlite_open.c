#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sipmsg.h"

#include "redirectd/store_sqlite.h"

enum {
	APPLICATION_ID = 0x50486472, /* "PHdr" */
	SCHEMA_VERSION = 1,
	BUSY_MS = 2000, /* a predecessor may be ending */
};

static const char *const statement_sql[] = {
#define STATEMENT_SQL(name, sql) sql,
	STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

static const char schema[] =
	"CREATE TABLE client (id TEXT PRIMARY KEY, seen INTEGER NOT NULL) "
	"WITHOUT ROWID;"
	"CREATE TABLE binding ("
	"client TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE, "
	"pos INTEGER NOT NULL, url TEXT NOT NULL, instance TEXT NOT NULL, "
	"call_id TEXT NOT NULL, cseq INTEGER NOT NULL, "
	"reg_id INTEGER NOT NULL, q INTEGER NOT NULL, serving TEXT NOT NULL, "
	"registered INTEGER NOT NULL, expires INTEGER NOT NULL, "
	"PRIMARY KEY (client, pos)) WITHOUT ROWID;";

/* One row of `binding` while it is on its way into memory. */
struct row {
	char url[REDIRECT_URL_MAX];
	char instance[BINDING_INSTANCE_MAX];
	char call_id[SIPMSG_CALLID_MAX + 1];
};

struct loader {
	struct binding v[BINDINGS_MAX];
	struct row rows[BINDINGS_MAX];
};

static int exec_int(struct store_sqlite *q, const char *fmt, int64_t value)
{
	char *sql = sqlite3_mprintf(fmt, (sqlite3_int64)value);
	int err = sql ? store_sqlite_exec(q, sql) : -ENOMEM;

	sqlite3_free(sql);
	return err;
}

/* The one integer a PRAGMA or a count gives. */
static int query_int(int64_t *value, struct store_sqlite *q, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int err = -EIO;

	if (!sqlite3_prepare_v2(q->db, sql, -1, &st, NULL) &&
	    sqlite3_step(st) == SQLITE_ROW) {
		*value = sqlite3_column_int64(st, 0);
		err = 0;
	}
	(void)sqlite3_finalize(st);
	return err;
}

static void fail(char err[CONF_ERRLEN], const struct store_sqlite *q,
		 const char *what, const char *todo)
{
	(void)snprintf(err, CONF_ERRLEN, "store: %.200s: %.120s: %s", q->path,
		       what, todo);
}

static void fail_db(char err[CONF_ERRLEN], const struct store_sqlite *q)
{
	const char *todo = "check the path, its permissions and the disk";

	switch (q->db ? sqlite3_errcode(q->db) : SQLITE_NOMEM) {
	case SQLITE_BUSY:
		todo = "is another redirectd using it?";
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		todo = "move it away to begin with an empty directory, or "
		       "restore it";
		break;
	}
	fail(err, q, q->db ? sqlite3_errmsg(q->db) : "out of memory", todo);
}

/* Exclusive: two daemons with one file would each serve what they read at
 * their start. */
static int open_file(struct store_sqlite *q, char err[CONF_ERRLEN])
{
	if (sqlite3_open_v2(q->path, &q->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ||
	    sqlite3_busy_timeout(q->db, BUSY_MS) ||
	    store_sqlite_exec(q, "PRAGMA locking_mode = EXCLUSIVE")) {
		fail_db(err, q);
		return -EIO;
	}
	return 0;
}

/* Nothing is written to a file before it is known to be ours, or empty. */
static int check_ours(bool *empty, struct store_sqlite *q,
		      char err[CONF_ERRLEN])
{
	int64_t app, version, tables;
	char what[96];

	if (query_int(&app, q, "PRAGMA application_id") ||
	    query_int(&version, q, "PRAGMA user_version") ||
	    query_int(&tables, q, "SELECT count(*) FROM sqlite_schema")) {
		fail_db(err, q);
		return -EIO;
	}
	*empty = !app && !tables;
	if (*empty)
		return 0;
	if (app != APPLICATION_ID) {
		fail(err, q, "not a directory of redirectd",
		     "name another file");
		return -EPROTO;
	}
	if (version == SCHEMA_VERSION)
		return 0;
	(void)snprintf(what, sizeof(what),
		       "made by another redirectd (schema %" PRId64
		       ", this one knows %d)",
		       version, SCHEMA_VERSION);
	fail(err, q, what, "use that version, or another file");
	return -EPROTO;
}

static int make_schema(struct store_sqlite *q)
{
	int err = store_sqlite_exec(q, schema);

	if (!err)
		err = exec_int(q, "PRAGMA application_id = %lld",
			       APPLICATION_ID);
	if (!err)
		err = exec_int(q, "PRAGMA user_version = %lld", SCHEMA_VERSION);
	return err;
}

/* What ran out while nobody was looking, and the oldest of too many ids. */
static int prune(struct store_sqlite *q, const struct store_config *cfg)
{
	int err = exec_int(q, "DELETE FROM binding WHERE expires <= %lld",
			   (int64_t)cfg->now);

	if (err)
		return err;
	return exec_int(q,
			"DELETE FROM client WHERE id IN (SELECT id FROM client "
			"WHERE id NOT IN (SELECT client FROM binding) "
			"ORDER BY seen, id LIMIT max(0, "
			"(SELECT count(*) FROM client) - %lld))",
			(int64_t)cfg->max);
}

/* FULL: a registration is on the disk before its 200 leaves. */
static int make_ready(struct store_sqlite *q, const struct store_config *cfg,
		      bool empty, char err[CONF_ERRLEN])
{
	if (store_sqlite_exec(q, "PRAGMA journal_mode = WAL;"
				 "PRAGMA synchronous = FULL;"
				 "PRAGMA foreign_keys = ON;"
				 "BEGIN IMMEDIATE") ||
	    (empty && make_schema(q)) || prune(q, cfg) ||
	    store_sqlite_exec(q, "COMMIT")) {
		fail_db(err, q);
		return -EIO;
	}
	return 0;
}

static int prepare(struct store_sqlite *q, char err[CONF_ERRLEN])
{
	size_t i;

	for (i = 0; i < STATEMENT_COUNT; i++) {
		if (!sqlite3_prepare_v3(q->db, statement_sql[i], -1,
					SQLITE_PREPARE_PERSISTENT, &q->st[i],
					NULL))
			continue;
		fail_db(err, q);
		return -EIO;
	}
	return 0;
}

static int column_str(char *buf, size_t cap, sqlite3_stmt *st, int col)
{
	const char *text = (const char *)sqlite3_column_text(st, col);
	size_t len = text ? strlen(text) : cap;

	if (len >= cap)
		return -EBADMSG;
	memcpy(buf, text, len + 1);
	return 0;
}

static int column_int(uint64_t *value, sqlite3_stmt *st, int col, uint64_t max)
{
	sqlite3_int64 v = sqlite3_column_int64(st, col);

	if (v < 0 || (uint64_t)v > max)
		return -EBADMSG;
	*value = (uint64_t)v;
	return 0;
}

/* The row the BINDINGS statement stands on. The file is not trusted either. */
static int read_binding(struct binding *b, struct row *row, sqlite3_stmt *st)
{
	uint64_t cseq, reg_id, q, registered, expires;
	char serving[ADDR_STRLEN];

	if (column_str(row->url, sizeof(row->url), st, 0) ||
	    column_str(row->instance, sizeof(row->instance), st, 1) ||
	    column_str(row->call_id, sizeof(row->call_id), st, 2) ||
	    column_int(&cseq, st, 3, UINT32_MAX) ||
	    column_int(&reg_id, st, 4, UINT32_MAX) ||
	    column_int(&q, st, 5, 1000) ||
	    column_str(serving, sizeof(serving), st, 6) ||
	    column_int(&registered, st, 7, INT64_MAX) ||
	    column_int(&expires, st, 8, INT64_MAX) ||
	    addr_parse(&b->serving, serving, 0))
		return -EBADMSG;
	b->url = row->url;
	b->instance = row->instance;
	b->call_id = row->call_id;
	b->cseq = (uint32_t)cseq;
	b->reg_id = (uint32_t)reg_id;
	b->q = (unsigned)q;
	b->registered = registered;
	b->expires = expires;
	return 0;
}

static int load_client(struct store_sqlite *q, struct loader *l, const char *id,
		       dir_time now)
{
	sqlite3_stmt *st = q->st[S_BINDINGS];
	size_t n = 0;
	int rc, err = 0;

	(void)sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !err) {
		err = n < BINDINGS_MAX ? read_binding(&l->v[n], &l->rows[n], st)
				       : -EBADMSG;
		n++;
	}
	if (!err && rc != SQLITE_DONE)
		err = -EIO;
	if (!err)
		err = store_put(q->memory, id, l->v, n, now);
	(void)sqlite3_reset(st);
	return err;
}

static int load(struct store_sqlite *q, const struct store_config *cfg,
		char err[CONF_ERRLEN])
{
	sqlite3_stmt *st = q->st[S_CLIENTS];
	struct loader *l = calloc(1, sizeof(*l));
	char id[REDIRECT_ID_MAX];
	int rc = SQLITE_DONE, e = l ? 0 : -ENOMEM;

	while (!e && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		e = column_str(id, sizeof(id), st, 0);
		if (!e)
			e = load_client(q, l, id, cfg->now);
	}
	if (!e && rc != SQLITE_DONE)
		e = -EIO;
	if (e == -EIO)
		fail_db(err, q);
	else if (e == -ENOSPC)
		fail(err, q, "more registered clients than known.max",
		     "raise it");
	else if (e == -EBADMSG)
		fail(err, q, "holds a record that redirectd never wrote",
		     "restore it, or move it away to begin anew");
	else if (e)
		fail(err, q, "out of memory", "lower known.max");
	(void)sqlite3_reset(st);
	free(l);
	return e;
}

int store_sqlite_exec(struct store_sqlite *q, const char *sql)
{
	return sqlite3_exec(q->db, sql, NULL, NULL, NULL) ? -EIO : 0;
}

int store_sqlite_fill(struct store_sqlite *q, const struct store_config *cfg,
		      char err[CONF_ERRLEN])
{
	bool empty = false;
	int e = open_file(q, err);

	if (!e)
		e = check_ours(&empty, q, err);
	if (!e)
		e = make_ready(q, cfg, empty, err);
	if (!e)
		e = prepare(q, err);
	if (!e)
		e = load(q, cfg, err);
	return e;
}
