#ifndef REDIRECTD_STORE_SQLITE_H
#define REDIRECTD_STORE_SQLITE_H

#include <sqlite3.h>

#include "redirectd/store.h"

struct sqlite_writer;
struct waiters;

/* The statements of the connection that the loop reads with, once: name, text.
 * `change` counts what is changed besides registrations, by a command too. */
#define STATEMENTS(X)                                                          \
	X(USER, "SELECT name, realm, md5, sha256, sha512_256 FROM user "       \
		"WHERE id = ?1")                                               \
	X(USERS, "SELECT name, realm, md5, sha256, sha512_256, id FROM user "  \
		 "ORDER BY id")                                                \
	X(USER_COUNT, "SELECT count(*) FROM user")                             \
	X(USER_PUT, "INSERT OR REPLACE INTO user (id, name, realm, md5, "      \
		    "sha256, sha512_256) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")     \
	X(USER_DEL, "DELETE FROM user WHERE id = ?1")                          \
	X(ALIASES, "SELECT id, client FROM alias ORDER BY id")                 \
	X(ALIAS_CHECK, "SELECT 1 FROM client WHERE id = ?1 UNION ALL "         \
		       "SELECT 1 FROM alias WHERE id = ?2 OR client = ?1")     \
	X(ALIAS_PUT,                                                           \
	  "INSERT OR REPLACE INTO alias (id, client) VALUES (?1, ?2)")         \
	X(ALIAS_DEL, "DELETE FROM alias WHERE id = ?1")                        \
	X(CHANGES, "SELECT value FROM meta WHERE name = 'changes'")            \
	X(CHANGED, "UPDATE meta SET value = value + 1 WHERE name = 'changes'") \
	X(IDLE, "SELECT id FROM client WHERE id NOT IN "                       \
		"(SELECT client FROM binding) ORDER BY seen, id")              \
	X(BINDINGS, "SELECT url, instance, call_id, cseq, reg_id, q, "         \
		    "serving, registered, expires, client, path FROM binding " \
		    "ORDER BY client, pos")

enum statement {
#define STATEMENT_ENUM(name, sql) S_##name,
	STATEMENTS(STATEMENT_ENUM)
#undef STATEMENT_ENUM
		STATEMENT_COUNT
};

/*
 * Clients are served from `memory`; the file is read at the start, and written
 * by a thread of its own (sqlite_writer.h). Users are read from it as they are
 * asked for, so that a command can change them beside the daemon.
 */
struct store_sqlite {
	struct store base;
	struct store *memory;
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENT_COUNT];
	struct sqlite_writer *writer; /* NULL: opened beside a daemon */
	struct waiters *waiters;
	struct store_config cfg;
	char *path;
	int lock;        /* of the one daemon that serves the file */
	dir_time looked; /* for changes by a command */
	sqlite3_int64 changes;
	size_t users;
	bool up; /* the last batch was written */
};

/*
 * Open the file, bring the schema up and prepare the statements. 0; -EIO,
 * -EPROTO, -EBUSY with one line in err. What has been opened stays for the
 * caller to close, also on failure.
 */
int store_sqlite_open(struct store_sqlite *q, char err[CONF_ERRLEN]);

/* A further connection to the file. 0 or -EIO. */
int store_sqlite_connect(sqlite3 **dbp, const struct store_sqlite *q);

/* Load all into memory. 0; -EIO, -EBADMSG, -ENOSPC, -ENOMEM, likewise. */
int store_sqlite_load(struct store_sqlite *q, char err[CONF_ERRLEN]);

/* Visit the clients as they are in the file, those without bindings last, the
 * one to be forgotten first in front. 0; -EIO, -EBADMSG, -ENOMEM, or what the
 * visitor returned. */
int store_sqlite_walk_clients(struct store_sqlite *q,
			      const struct store_visit *visit);

int store_sqlite_walk_aliases(struct store_sqlite *q,
			      const struct store_visit *visit);

/* Take over the aliases as they are now. The same without a line. */
int store_sqlite_load_aliases(struct store_sqlite *q);

/* A line for a failure of SQLite. */
void store_sqlite_fail(char err[CONF_ERRLEN], const struct store_sqlite *q);

/* Run SQL text that gives no rows. 0 or -EIO. */
int store_sqlite_exec(sqlite3 *db, const char *sql);

/* Run a statement that gives no rows; its values are unbound then. One that
 * could not be bound is NULL, which the schema refuses. 0 or -EIO. */
int store_sqlite_run(sqlite3_stmt *st);
void store_sqlite_bind_str(sqlite3_stmt *st, int col, const char *str);
void store_sqlite_bind_int(sqlite3_stmt *st, int col, uint64_t value);

/* A text column of a row, copied; -EBADMSG where it is too long or none. */
int store_sqlite_text(char *buf, size_t cap, sqlite3_stmt *st, int col);

/* Users and aliases (store_sqlite_users.c). */
int store_sqlite_user(struct user *u, struct store *s, const char *id,
		      const struct store_view *w);
int store_sqlite_edit(struct store *s, const struct store_edit *e,
		      store_done_h *fn, void *arg);
int store_sqlite_walk(struct store *s, const struct store_visit *visit,
		      store_done_h *fn, void *arg);

/* Notice what a command has changed, once a second. */
void store_sqlite_look(struct store_sqlite *q, dir_time now);

#endif
