#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "redirectd/store_sqlite.h"

enum {
	APPLICATION_ID = 0x50486472, /* "PHdr" */
	SCHEMA_VERSION = 2,
	BUSY_MS = 2000, /* a command, or a predecessor that is ending */
	LOCK_TRIES = 20,
	LOCK_US = BUSY_MS * 1000 / LOCK_TRIES,
};

static const char *const statement_sql[] = {
#define STATEMENT_SQL(name, sql) sql,
	STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

/* What each version of the schema has brought. */
static const char *const schema[SCHEMA_VERSION] = {
	"CREATE TABLE client (id TEXT PRIMARY KEY, seen INTEGER NOT NULL) "
	"WITHOUT ROWID;"
	"CREATE TABLE binding ("
	"client TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE, "
	"pos INTEGER NOT NULL, url TEXT NOT NULL, instance TEXT NOT NULL, "
	"call_id TEXT NOT NULL, cseq INTEGER NOT NULL, "
	"reg_id INTEGER NOT NULL, q INTEGER NOT NULL, serving TEXT NOT NULL, "
	"registered INTEGER NOT NULL, expires INTEGER NOT NULL, "
	"PRIMARY KEY (client, pos)) WITHOUT ROWID;",

	"CREATE TABLE user (id TEXT PRIMARY KEY, name TEXT NOT NULL, "
	"realm TEXT NOT NULL, md5 TEXT NOT NULL, sha256 TEXT NOT NULL, "
	"sha512_256 TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE alias (id TEXT PRIMARY KEY, client TEXT NOT NULL) "
	"WITHOUT ROWID;"
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) "
	"WITHOUT ROWID;"
	"INSERT INTO meta (name, value) VALUES ('changes', 0);"
	"ALTER TABLE binding ADD COLUMN path TEXT NOT NULL DEFAULT '';",
};

static int exec_int(struct store_sqlite *q, const char *fmt, int64_t value)
{
	char *sql = sqlite3_mprintf(fmt, (sqlite3_int64)value);
	int err = sql ? store_sqlite_exec(q->db, sql) : -ENOMEM;

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

void store_sqlite_fail(char err[CONF_ERRLEN], const struct store_sqlite *q)
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

/* Two daemons with one file would each serve what they read at their start. The
 * lock is another than those of SQLite, which a command beside the daemon has
 * to get; its descriptor is closed after all of SQLite's, as closing any of a
 * file gives up all its POSIX locks. */
static int lock_file(struct store_sqlite *q, char err[CONF_ERRLEN])
{
	q->lock = open(q->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (q->lock < 0) {
		fail(err, q, strerror(errno),
		     "check the path, its permissions and the disk");
		return -EIO;
	}
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(q->lock, LOCK_EX | LOCK_NB))
			return 0;
		(void)usleep(LOCK_US);
	}
	fail(err, q, "the file is locked", "is another redirectd using it?");
	return -EBUSY;
}

/* A new file is for the daemon alone to read, and of the folder's owner, should
 * a command of root's be the first to need it. What SQLite puts beside it gets
 * the same owner from SQLite. */
static int make_file(const struct store_sqlite *q, char err[CONF_ERRLEN])
{
	int fd = open(q->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char path[PATH_MAX];
	struct stat folder;
	int bad = 0;

	if (fd < 0) /* it is there, or SQLite will say why not */
		return 0;
	(void)snprintf(path, sizeof(path), "%s", q->path);
	if (!geteuid() && (stat(dirname(path), &folder) ||
			   fchown(fd, folder.st_uid, folder.st_gid))) {
		fail(err, q, strerror(errno), "make it the daemon's");
		(void)unlink(q->path); /* or it would be root's next time */
		bad = -EIO;
	}
	close(fd);
	return bad;
}

/* FULL: a registration is on the disk before its 200 leaves. */
static int connect_to(sqlite3 **dbp, const struct store_sqlite *q)
{
	if (sqlite3_open_v2(q->path, dbp,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ||
	    sqlite3_busy_timeout(*dbp, BUSY_MS) ||
	    store_sqlite_exec(*dbp, "PRAGMA foreign_keys = ON"))
		return -EIO;
	return store_sqlite_exec(*dbp, q->cfg.bulk
					       ? "PRAGMA synchronous = OFF"
					       : "PRAGMA synchronous = FULL");
}

int store_sqlite_connect(sqlite3 **dbp, const struct store_sqlite *q)
{
	int err = connect_to(dbp, q);

	if (err)
		(void)sqlite3_close(*dbp);
	return err;
}

/* Nothing is written to a file before it is known to be ours, or empty: then
 * its version is 0. */
static int check_ours(int64_t *version, struct store_sqlite *q,
		      char err[CONF_ERRLEN])
{
	int64_t app, tables;
	char what[96];

	if (query_int(&app, q, "PRAGMA application_id") ||
	    query_int(version, q, "PRAGMA user_version") ||
	    query_int(&tables, q, "SELECT count(*) FROM sqlite_schema")) {
		store_sqlite_fail(err, q);
		return -EIO;
	}
	if (!app && !tables) {
		*version = 0;
		return 0;
	}
	if (app != APPLICATION_ID || *version < 1) {
		fail(err, q, "not a directory of redirectd",
		     "name another file");
		return -EPROTO;
	}
	if (*version <= SCHEMA_VERSION)
		return 0;
	(void)snprintf(what, sizeof(what),
		       "made by another redirectd (schema %" PRId64
		       ", this one knows %d)",
		       *version, SCHEMA_VERSION);
	fail(err, q, what, "use that version, or another file");
	return -EPROTO;
}

static int bring_up(struct store_sqlite *q, int64_t version)
{
	int err = 0;

	if (version == SCHEMA_VERSION)
		return 0;
	for (int64_t i = version; !err && i < SCHEMA_VERSION; i++)
		err = store_sqlite_exec(q->db, schema[i]);
	if (!err)
		err = exec_int(q, "PRAGMA application_id = %lld",
			       APPLICATION_ID);
	if (!err)
		err = exec_int(q, "PRAGMA user_version = %lld", SCHEMA_VERSION);
	return err;
}

/* What ran out while nobody was looking, and the oldest of too many ids: those
 * whose last binding, or who, went the longest ago. */
static int prune(struct store_sqlite *q)
{
	int err = exec_int(q,
			   "UPDATE client SET seen = max(seen, "
			   "(SELECT max(expires) FROM binding "
			   "WHERE client = id)) WHERE id IN (SELECT client "
			   "FROM binding WHERE expires <= %lld)",
			   (int64_t)q->cfg.now);

	if (!err)
		err = exec_int(q, "DELETE FROM binding WHERE expires <= %lld",
			       (int64_t)q->cfg.now);
	if (err)
		return err;
	return exec_int(q,
			"DELETE FROM client WHERE id IN (SELECT id FROM client "
			"WHERE id NOT IN (SELECT client FROM binding) "
			"ORDER BY seen, id LIMIT max(0, "
			"(SELECT count(*) FROM client) - %lld))",
			(int64_t)q->cfg.max);
}

static int make_ready(struct store_sqlite *q, int64_t version,
		      char err[CONF_ERRLEN])
{
	if (store_sqlite_exec(q->db, "PRAGMA journal_mode = WAL;"
				     "BEGIN IMMEDIATE") ||
	    bring_up(q, version) || (!q->cfg.beside && prune(q)) ||
	    store_sqlite_exec(q->db, "COMMIT")) {
		store_sqlite_fail(err, q);
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
		store_sqlite_fail(err, q);
		return -EIO;
	}
	return 0;
}

int store_sqlite_exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) ? -EIO : 0;
}

int store_sqlite_run(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

void store_sqlite_bind_str(sqlite3_stmt *st, int col, const char *str)
{
	(void)sqlite3_bind_text(st, col, str, -1, SQLITE_STATIC);
}

void store_sqlite_bind_int(sqlite3_stmt *st, int col, uint64_t value)
{
	(void)sqlite3_bind_int64(st, col, (sqlite3_int64)value);
}

int store_sqlite_open(struct store_sqlite *q, char err[CONF_ERRLEN])
{
	int64_t version = 0;
	int e = make_file(q, err);

	if (!e && !q->cfg.beside)
		e = lock_file(q, err);
	if (!e && connect_to(&q->db, q)) {
		store_sqlite_fail(err, q);
		e = -EIO;
	}
	if (!e)
		e = check_ours(&version, q, err);
	if (!e)
		e = make_ready(q, version, err);
	if (!e)
		e = prepare(q, err);
	return e;
}
