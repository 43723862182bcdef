#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/table.h"
#include "redirectd/store_memory.h"

#include "redirectd/store_sqlite.h"

enum { LOOK_MS = 1000 };

/* Where the hashes stand among the columns, in the order of the algorithms. */
static int read_user(struct user *u, sqlite3_stmt *st)
{
	int err = store_sqlite_text(u->name, sizeof(u->name), st, 0);

	if (!err)
		err = store_sqlite_text(u->realm, sizeof(u->realm), st, 1);
	for (int a = 0; !err && a < DIGEST_ALGORITHMS; a++)
		err = store_sqlite_text(u->ha1[a].hex, sizeof(u->ha1[a].hex),
					st, 2 + a);
	return err;
}

static int select_user(struct user *u, struct store_sqlite *q, const char *id)
{
	sqlite3_stmt *st = q->st[S_USER];
	int rc, err = -ENOENT;

	store_sqlite_bind_str(st, 1, id);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		err = read_user(u, st);
	else if (rc != SQLITE_DONE)
		err = -EIO;
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	return err;
}

int store_sqlite_user(struct user *u, struct store *s, const char *id,
		      const struct store_view *w)
{
	const struct store_view plain = {.now = w->now};
	struct store_sqlite *q = (struct store_sqlite *)s;
	struct client c;

	store_sqlite_look(q, w->now);
	(void)store_get(&c, q->memory, id, &plain);
	return select_user(u, q, c.id);
}

static int select_int(sqlite3_int64 *value, sqlite3_stmt *st)
{
	int err = sqlite3_step(st) == SQLITE_ROW ? 0 : -EIO;

	if (!err)
		*value = sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st);
	return err;
}

static int note_id(const char *id, const char *of, void *arg)
{
	static char present;

	(void)of;
	return table_put(arg, id, strlen(id), &present);
}

static bool is_noted(const char *id, void *arg)
{
	return table_get(arg, id, strlen(id)) != NULL;
}

static int reload_aliases(struct store_sqlite *q)
{
	struct store_visit visit = {.alias = note_id};
	struct table *t;
	int err = table_alloc(&t, q->cfg.max);

	if (err)
		return err;
	visit.arg = t;
	err = store_sqlite_walk_aliases(q, &visit);
	if (!err)
		store_memory_drop_aliases(q->memory, is_noted, t);
	table_free(t);
	return err ? err : store_sqlite_load_aliases(q);
}

void store_sqlite_look(struct store_sqlite *q, dir_time now)
{
	sqlite3_int64 changes, users;
	int err;

	if (q->looked && now < q->looked + LOOK_MS)
		return;
	err = select_int(&changes, q->st[S_CHANGES]);
	if (!err && q->looked && changes == q->changes)
		goto out;
	if (!err)
		err = select_int(&users, q->st[S_USER_COUNT]);
	if (!err && q->looked && !q->cfg.beside)
		err = reload_aliases(q);
	if (err) {
		log_error("users and aliases cannot be read",
			  LOG_S("store", q->path),
			  LOG_S("error", sqlite3_errmsg(q->db)));
		goto out;
	}
	q->users = (size_t)users;
	q->changes = changes;
out:
	q->looked = now;
}

static int put_user(struct store_sqlite *q, const char *id,
		    const struct user *u)
{
	sqlite3_stmt *st = q->st[S_USER_PUT];

	store_sqlite_bind_str(st, 1, id);
	store_sqlite_bind_str(st, 2, u->name);
	store_sqlite_bind_str(st, 3, u->realm);
	for (int a = 0; a < DIGEST_ALGORITHMS; a++)
		store_sqlite_bind_str(st, 4 + a, u->ha1[a].hex);
	return store_sqlite_run(st);
}

static int remove_id(struct store_sqlite *q, enum statement name,
		     const char *id)
{
	int err;

	store_sqlite_bind_str(q->st[name], 1, id);
	err = store_sqlite_run(q->st[name]);
	return !err && !sqlite3_changes(q->db) ? -ENOENT : err;
}

/* Neither is a client called so, nor is there an alias of an alias. */
static int check_alias(struct store_sqlite *q, const char *id, const char *of)
{
	sqlite3_stmt *st = q->st[S_ALIAS_CHECK];
	int rc;

	store_sqlite_bind_str(st, 1, id);
	store_sqlite_bind_str(st, 2, of);
	rc = sqlite3_step(st);
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	if (rc == SQLITE_ROW || !strcmp(id, of))
		return -EEXIST;
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static int put_alias(struct store_sqlite *q, const char *id, const char *of)
{
	int err = check_alias(q, id, of);

	if (err)
		return err;
	store_sqlite_bind_str(q->st[S_ALIAS_PUT], 1, id);
	store_sqlite_bind_str(q->st[S_ALIAS_PUT], 2, of);
	return store_sqlite_run(q->st[S_ALIAS_PUT]);
}

static int edit(struct store_sqlite *q, const struct store_edit *e)
{
	if (e->kind == STORE_USER)
		return e->user ? put_user(q, e->id, e->user)
			       : remove_id(q, S_USER_DEL, e->id);
	return e->alias_of ? put_alias(q, e->id, e->alias_of)
			   : remove_id(q, S_ALIAS_DEL, e->id);
}

int store_sqlite_edit(struct store *s, const struct store_edit *e,
		      store_done_h *fn, void *arg)
{
	struct store_sqlite *q = (struct store_sqlite *)s;
	int err = store_sqlite_exec(q->db, "BEGIN IMMEDIATE");

	(void)fn;
	(void)arg;
	if (!err)
		err = edit(q, e);
	if (!err)
		err = store_sqlite_run(q->st[S_CHANGED]);
	if (!err)
		err = store_sqlite_exec(q->db, "COMMIT");
	if (err && !sqlite3_get_autocommit(q->db))
		(void)store_sqlite_exec(q->db, "ROLLBACK");
	if (err == -EIO)
		log_error("users and aliases cannot be changed",
			  LOG_S("store", q->path),
			  LOG_S("error", sqlite3_errmsg(q->db)));
	if (!err && !q->cfg.beside && e->kind == STORE_ALIAS)
		err = store_memory_alias(q->memory, e->id, e->alias_of);
	q->looked = 0;
	return err;
}

static int walk_users(struct store_sqlite *q, const struct store_visit *visit)
{
	sqlite3_stmt *st = q->st[S_USERS];
	char id[REDIRECT_ID_MAX];
	struct user u;
	int rc = SQLITE_DONE, err = 0;

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = read_user(&u, st);
		if (!err)
			err = store_sqlite_text(id, sizeof(id), st,
						2 + DIGEST_ALGORITHMS);
		if (!err)
			err = visit->user(id, &u, visit->arg);
	}
	(void)sqlite3_reset(st);
	if (err)
		return err;
	return rc == SQLITE_DONE ? 0 : -EIO;
}

int store_sqlite_walk(struct store *s, const struct store_visit *visit,
		      store_done_h *fn, void *arg)
{
	struct store_sqlite *q = (struct store_sqlite *)s;
	int err = 0;

	(void)fn;
	(void)arg;
	if (visit->user)
		err = walk_users(q, visit);
	if (!err && visit->client)
		err = store_sqlite_walk_clients(q, visit);
	if (!err && visit->alias)
		err = store_sqlite_walk_aliases(q, visit);
	return err;
}
