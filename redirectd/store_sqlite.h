#ifndef REDIRECTD_STORE_SQLITE_H
#define REDIRECTD_STORE_SQLITE_H

#include <sqlite3.h>

#include "redirectd/store.h"

/* The statements, once: name, text. */
#define STATEMENTS(X)                                                          \
	X(SEEN, "INSERT INTO client (id, seen) VALUES (?1, ?2) "               \
		"ON CONFLICT (id) DO UPDATE SET seen = ?2")                    \
	X(CLEAR, "DELETE FROM binding WHERE client = ?1")                      \
	X(ADD, "INSERT INTO binding (client, pos, url, instance, call_id, "    \
	       "cseq, reg_id, q, serving, registered, expires) "               \
	       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")        \
	X(FORGET, "DELETE FROM client WHERE id = ?1")                          \
	X(CLIENTS, "SELECT id FROM client ORDER BY seen, id")                  \
	X(BINDINGS, "SELECT url, instance, call_id, cseq, reg_id, q, "         \
		    "serving, registered, expires FROM binding "               \
		    "WHERE client = ?1 ORDER BY pos")

enum statement {
#define STATEMENT_ENUM(name, sql) S_##name,
	STATEMENTS(STATEMENT_ENUM)
#undef STATEMENT_ENUM
		STATEMENT_COUNT
};

/* Everything is served from `memory`; the file is only written, and read once
 * at start. */
struct store_sqlite {
	struct store base;
	struct store *memory;
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENT_COUNT];
	char *path;
	bool failing; /* the last write was not taken */
};

/*
 * Open the file, bring the schema up, prepare the statements and load all into
 * memory. 0; -EIO, -EPROTO, -EBADMSG, -ENOSPC, -ENOMEM with one line in err.
 * What has been opened stays for the caller to close, also on failure.
 */
int store_sqlite_fill(struct store_sqlite *q, const struct store_config *cfg,
		      char err[CONF_ERRLEN]);

/* Run SQL text that gives no rows. 0 or -EIO. */
int store_sqlite_exec(struct store_sqlite *q, const char *sql);

#endif
