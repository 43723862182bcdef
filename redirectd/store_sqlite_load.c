#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sipmsg.h"
#include "proto/dialect.h"
#include "redirectd/store_memory.h"

#include "redirectd/store_sqlite.h"

/* One row of `binding` while it is on its way into memory. */
struct row {
	char url[REDIRECT_URL_MAX];
	char instance[BINDING_INSTANCE_MAX];
	char call_id[SIPMSG_CALLID_MAX + 1];
	char path[BINDING_PATH_MAX];
};

struct loader {
	char id[REDIRECT_ID_MAX];
	size_t n;
	struct binding v[BINDINGS_MAX];
	struct row rows[BINDINGS_MAX];
};

int store_sqlite_text(char *buf, size_t cap, sqlite3_stmt *st, int col)
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

	if (store_sqlite_text(row->url, sizeof(row->url), st, 0) ||
	    store_sqlite_text(row->instance, sizeof(row->instance), st, 1) ||
	    store_sqlite_text(row->call_id, sizeof(row->call_id), st, 2) ||
	    column_int(&cseq, st, 3, UINT32_MAX) ||
	    column_int(&reg_id, st, 4, UINT32_MAX) ||
	    column_int(&q, st, 5, 1000) ||
	    store_sqlite_text(serving, sizeof(serving), st, 6) ||
	    column_int(&registered, st, 7, INT64_MAX) ||
	    column_int(&expires, st, 8, INT64_MAX) ||
	    addr_parse(&b->serving, serving, 0) || !*row->url ||
	    !proto_text_ok(row->url, " <>\"") ||
	    !proto_text_ok(row->instance, "") ||
	    store_sqlite_text(row->path, sizeof(row->path), st, 10) ||
	    !proto_text_ok(row->path, ""))
		return -EBADMSG;
	b->url = row->url;
	b->instance = row->instance;
	b->call_id = row->call_id;
	b->path = row->path;
	b->cseq = (uint32_t)cseq;
	b->reg_id = (uint32_t)reg_id;
	b->q = (unsigned)q;
	b->registered = registered;
	b->expires = expires;
	return 0;
}

/* Hand on what has been read of one client. */
static int visit_client(const struct store_visit *visit, const struct loader *l)
{
	const struct client c = {.id = l->id, .n = l->n, .v = l->v};

	return *l->id ? visit->client(&c, visit->arg) : 0;
}

/* Rows come client by client, each in the order of its bindings. */
static int take_row(const struct store_visit *visit, struct loader *l,
		    sqlite3_stmt *st)
{
	char id[REDIRECT_ID_MAX];
	int err = store_sqlite_text(id, sizeof(id), st, 9);

	if (!err && strcmp(id, l->id) != 0) {
		err = visit_client(visit, l);
		l->n = 0;
		memcpy(l->id, id, sizeof(id));
	}
	if (err)
		return err;
	if (l->n == BINDINGS_MAX)
		return -EBADMSG;
	err = read_binding(&l->v[l->n], &l->rows[l->n], st);
	l->n++;
	return err;
}

static int walk_registered(struct store_sqlite *q,
			   const struct store_visit *visit, struct loader *l)
{
	sqlite3_stmt *st = q->st[S_BINDINGS];
	int rc = SQLITE_DONE, err = 0;

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = take_row(visit, l, st);
	if (!err && rc != SQLITE_DONE)
		err = -EIO;
	(void)sqlite3_reset(st);
	return err ? err : visit_client(visit, l);
}

static int walk_idle(struct store_sqlite *q, const struct store_visit *visit,
		     struct loader *l)
{
	sqlite3_stmt *st = q->st[S_IDLE];
	int rc = SQLITE_DONE, err = 0;

	l->n = 0;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = store_sqlite_text(l->id, sizeof(l->id), st, 0);
		if (!err)
			err = visit_client(visit, l);
	}
	if (!err && rc != SQLITE_DONE)
		err = -EIO;
	(void)sqlite3_reset(st);
	return err;
}

int store_sqlite_walk_clients(struct store_sqlite *q,
			      const struct store_visit *visit)
{
	struct loader *l = calloc(1, sizeof(*l));
	int err = l ? walk_registered(q, visit, l) : -ENOMEM;

	if (!err)
		err = walk_idle(q, visit, l);
	free(l);
	return err;
}

static int load_client(const struct client *c, void *arg)
{
	struct store_sqlite *q = arg;
	int err =
		store_put(q->memory, c->id, c->v, c->n, q->cfg.now, NULL, NULL);

	return err == -EAGAIN || err == -EINVAL ? -EBADMSG : err;
}

int store_sqlite_walk_aliases(struct store_sqlite *q,
			      const struct store_visit *visit)
{
	sqlite3_stmt *st = q->st[S_ALIASES];
	char id[REDIRECT_ID_MAX], of[REDIRECT_ID_MAX];
	int rc = SQLITE_DONE, err = 0;

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = store_sqlite_text(id, sizeof(id), st, 0);
		if (!err)
			err = store_sqlite_text(of, sizeof(of), st, 1);
		if (!err)
			err = visit->alias(id, of, visit->arg);
	}
	if (!err && rc != SQLITE_DONE)
		err = -EIO;
	(void)sqlite3_reset(st);
	return err;
}

static int load_alias(const char *id, const char *of, void *arg)
{
	struct store_sqlite *q = arg;

	return store_memory_alias(q->memory, id, of);
}

int store_sqlite_load_aliases(struct store_sqlite *q)
{
	const struct store_visit visit = {.alias = load_alias, .arg = q};

	return store_sqlite_walk_aliases(q, &visit);
}

static void fail(char err[CONF_ERRLEN], const struct store_sqlite *q, int e)
{
	const char *what = "out of memory", *todo = "lower known.max";

	if (e == -EIO) {
		store_sqlite_fail(err, q);
		return;
	}
	if (e == -ENOSPC) {
		what = "more registered clients than known.max";
		todo = "raise it";
	} else if (e == -EBADMSG || e == -EEXIST) {
		what = "holds a record that redirectd never wrote";
		todo = "restore it, or move it away to begin anew";
	}
	(void)snprintf(err, CONF_ERRLEN, "store: %.200s: %s: %s", q->path, what,
		       todo);
}

int store_sqlite_load(struct store_sqlite *q, char err[CONF_ERRLEN])
{
	const struct store_visit visit = {.client = load_client, .arg = q};
	int e = store_sqlite_walk_clients(q, &visit);

	if (!e)
		e = store_sqlite_load_aliases(q);
	if (e)
		fail(err, q, e);
	return e;
}
