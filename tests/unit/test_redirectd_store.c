#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "redirectd/store.h"

/* One conformance suite, run against every kind of store. */
enum { MEMORY, SQLITE, KINDS, KNOWN_MAX = 4 };

static const dir_time t0 = 1700000000000;

static struct {
	char dir[64];
	char path[128];
	char spec[160];
	struct store *s;
	unsigned expired;
	char last_expired[64];
} scene;

static void on_expired(const char *id, const struct binding *b, void *arg)
{
	(void)arg;
	scene.expired++;
	(void)snprintf(scene.last_expired, sizeof(scene.last_expired), "%s %s",
		       id, b->url);
}

static int try_open(dir_time now, size_t max, char err[CONF_ERRLEN])
{
	const struct store_config cfg = {max, now, on_expired, NULL};

	return store_open(&scene.s, scene.spec, &cfg, err);
}

static void open_at(dir_time now)
{
	char err[CONF_ERRLEN] = "";

	ck_assert_msg(try_open(now, KNOWN_MAX, err) == 0, "%s", err);
}

static void close_store(void)
{
	store_close(scene.s);
	scene.s = NULL;
}

static void begin(int kind)
{
	if (kind == MEMORY)
		strcpy(scene.spec, "memory");
	else
		(void)snprintf(scene.spec, sizeof(scene.spec), "sqlite:%s",
			       scene.path);
	open_at(t0);
}

static void setup(void)
{
	memset(&scene, 0, sizeof(scene));
	strcpy(scene.dir, "/tmp/redirectd_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scene.dir));
	(void)snprintf(scene.path, sizeof(scene.path), "%s/dir.db", scene.dir);
	log_set_level(LOG_LEVEL_ERROR);
}

static void teardown(void)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[160];
	size_t i;

	close_store();
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", scene.path, ends[i]);
		(void)unlink(name);
	}
	ck_assert_int_eq(rmdir(scene.dir), 0);
}

static struct binding make(const char *url, dir_time expires)
{
	struct binding b = {
		.url = url,
		.instance = "\"<urn:uuid:1>\"",
		.call_id = "call@phone",
		.cseq = 4000000000u,
		.reg_id = 7,
		.q = 700,
		.registered = t0,
		.expires = expires,
	};

	ck_assert_int_eq(addr_parse(&b.serving, "203.0.113.1:5060", 0), 0);
	return b;
}

static int put(const char *id, const char *url, dir_time expires)
{
	struct binding b = make(url, expires);

	return store_put(scene.s, id, &b, 1, t0);
}

static void check_client(const char *id, dir_time now, size_t n)
{
	struct client c;

	ck_assert_int_eq(store_get(&c, scene.s, id, now), 0);
	ck_assert_str_eq(c.id, id);
	ck_assert_uint_eq(c.n, n);
}

static void check_counts(size_t known, size_t clients, size_t contacts)
{
	struct store_counts n = store_counts(scene.s);

	ck_assert_uint_eq(n.known, known);
	ck_assert_uint_eq(n.clients, clients);
	ck_assert_uint_eq(n.contacts, contacts);
}

static void check_same(const struct binding *a, const struct binding *b)
{
	ck_assert_str_eq(a->url, b->url);
	ck_assert_str_eq(a->instance, b->instance);
	ck_assert_str_eq(a->call_id, b->call_id);
	ck_assert_uint_eq(a->cseq, b->cseq);
	ck_assert_uint_eq(a->reg_id, b->reg_id);
	ck_assert_uint_eq(a->q, b->q);
	ck_assert_uint_eq(a->registered, b->registered);
	ck_assert_uint_eq(a->expires, b->expires);
	ck_assert(addr_eq(&a->serving, &b->serving));
}

START_TEST(gives_back_what_was_put)
{
	char url[] = "sip:alice@198.51.100.28:4711;ph-own=10.0.0.16:5060";
	struct binding b = make(url, t0 + 60000), want;
	struct client c;

	begin(_i);
	want = b;
	want.url = "sip:alice@198.51.100.28:4711;ph-own=10.0.0.16:5060";
	ck_assert_int_eq(store_put(scene.s, "alice@a", &b, 1, t0), 0);
	memset(url, 'x', sizeof(url) - 1);
	ck_assert_int_eq(store_get(&c, scene.s, "alice@a", t0), 0);
	ck_assert_uint_eq(c.n, 1);
	check_same(&c.v[0], &want);
	check_counts(1, 1, 1);
}
END_TEST

START_TEST(unknown_is_not_unregistered)
{
	struct client c;

	begin(_i);
	ck_assert_int_eq(store_get(&c, scene.s, "nobody@a", t0), -ENOENT);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 1000), 0);
	ck_assert_int_eq(store_put(scene.s, "alice@a", NULL, 0, t0), 0);
	check_client("alice@a", t0, 0);
	check_counts(1, 0, 0);
}
END_TEST

START_TEST(put_replaces_all)
{
	struct binding v[BINDINGS_MAX];
	char urls[BINDINGS_MAX][32];
	struct client c;
	size_t i;

	begin(_i);
	for (i = 0; i < BINDINGS_MAX; i++) {
		(void)snprintf(urls[i], sizeof(urls[i]), "sip:a@192.0.2.%zu",
			       i);
		v[i] = make(urls[i], t0 + 1000 * (i + 1));
	}
	ck_assert_int_eq(store_put(scene.s, "alice@a", v, BINDINGS_MAX, t0), 0);
	check_counts(1, 1, BINDINGS_MAX);
	ck_assert_int_eq(store_put(scene.s, "alice@a", &v[3], 2, t0), 0);
	check_counts(1, 1, 2);
	ck_assert_int_eq(store_get(&c, scene.s, "alice@a", t0), 0);
	check_same(&c.v[0], &v[3]);
	check_same(&c.v[1], &v[4]);
	ck_assert_uint_eq(store_next(scene.s), t0 + 4000);
}
END_TEST

START_TEST(bindings_run_out_one_by_one)
{
	struct binding v[2];

	begin(_i);
	v[0] = make("sip:a@192.0.2.1", t0 + 2000);
	v[1] = make("sip:a@192.0.2.2", t0 + 1000);
	ck_assert_uint_eq(store_next(scene.s), UINT64_MAX);
	ck_assert_int_eq(store_put(scene.s, "alice@a", v, 2, t0), 0);
	store_run(scene.s, t0 + 999);
	ck_assert_uint_eq(scene.expired, 0);
	ck_assert_uint_eq(store_next(scene.s), t0 + 1000);
	store_run(scene.s, t0 + 1000);
	ck_assert_uint_eq(scene.expired, 1);
	ck_assert_str_eq(scene.last_expired, "alice@a sip:a@192.0.2.2");
	check_counts(1, 1, 1);
	ck_assert_uint_eq(store_next(scene.s), t0 + 2000);
	check_client("alice@a", t0 + 2000, 0);
	ck_assert_uint_eq(scene.expired, 2);
	check_counts(1, 0, 0);
	ck_assert_uint_eq(store_next(scene.s), UINT64_MAX);
}
END_TEST

START_TEST(refresh_moves_the_end)
{
	begin(_i);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 1000), 0);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 5000), 0);
	store_run(scene.s, t0 + 4999);
	ck_assert_uint_eq(scene.expired, 0);
	check_client("alice@a", t0 + 4999, 1);
	store_run(scene.s, t0 + 5000);
	ck_assert_uint_eq(scene.expired, 1);
}
END_TEST

/* KNOWN_MAX ids: the longest unregistered goes first, a registered one never.
 */
START_TEST(known_ids_are_bounded)
{
	struct client c;
	int i;
	char id[16];

	begin(_i);
	for (i = 0; i < KNOWN_MAX; i++) {
		(void)snprintf(id, sizeof(id), "u%d@a", i);
		ck_assert_int_eq(put(id, "sip:a@192.0.2.1", t0 + 9000), 0);
	}
	ck_assert_int_eq(put("new@a", "sip:a@192.0.2.1", t0 + 9000), -ENOSPC);
	ck_assert_int_eq(store_get(&c, scene.s, "new@a", t0), -ENOENT);
	check_counts(KNOWN_MAX, KNOWN_MAX, KNOWN_MAX);
	ck_assert_int_eq(store_put(scene.s, "u2@a", NULL, 0, t0), 0);
	ck_assert_int_eq(store_put(scene.s, "u1@a", NULL, 0, t0), 0);
	ck_assert_int_eq(put("new@a", "sip:a@192.0.2.1", t0 + 9000), 0);
	ck_assert_int_eq(store_get(&c, scene.s, "u2@a", t0), -ENOENT);
	check_client("u1@a", t0, 0);
	check_client("new@a", t0, 1);
	check_counts(KNOWN_MAX, KNOWN_MAX - 1, KNOWN_MAX - 1);
}
END_TEST

static int count_client(const struct client *c, void *arg)
{
	size_t *n = arg;

	n[0]++;
	n[1] += c->n;
	return 0;
}

static int stop_at_once(const struct client *c, void *arg)
{
	(void)c;
	(void)arg;
	return 42;
}

START_TEST(apply_sees_every_client)
{
	size_t n[2] = {0, 0};

	begin(_i);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 9000), 0);
	ck_assert_int_eq(put("bob@a", "sip:b@192.0.2.1", t0 + 9000), 0);
	ck_assert_int_eq(store_put(scene.s, "bob@a", NULL, 0, t0), 0);
	ck_assert_int_eq(store_apply(scene.s, count_client, n), 0);
	ck_assert_uint_eq(n[0], 2);
	ck_assert_uint_eq(n[1], 1);
	ck_assert_int_eq(store_apply(scene.s, stop_at_once, NULL), 42);
}
END_TEST

START_TEST(unusual_ids_are_plain_bytes)
{
	const char *id = "o'hara%\\\";--@a";

	begin(_i);
	ck_assert_int_eq(put(id, "sip:o'h@192.0.2.1", t0 + 9000), 0);
	check_client(id, t0, 1);
}
END_TEST

START_TEST(sqlite_outlives_a_restart)
{
	struct binding b = make("sip:a@192.0.2.1:1", t0 + 60000);
	struct binding v[2];
	struct client c;

	begin(SQLITE);
	v[0] = b;
	v[1] = make("sip:a@192.0.2.2:2", t0 + 5000);
	ck_assert_int_eq(store_put(scene.s, "alice@a", v, 2, t0), 0);
	ck_assert_int_eq(put("bob@a", "sip:b@192.0.2.3", t0 + 5000), 0);
	close_store();
	open_at(t0 + 5000);
	check_counts(2, 1, 1);
	ck_assert_int_eq(store_get(&c, scene.s, "alice@a", t0 + 5000), 0);
	ck_assert_uint_eq(c.n, 1);
	check_same(&c.v[0], &b);
	check_client("bob@a", t0 + 5000, 0);
	store_run(scene.s, t0 + 60000);
	ck_assert_uint_eq(scene.expired, 1);
}
END_TEST

START_TEST(sqlite_forgets_on_disk_too)
{
	struct client c;
	int i;
	char id[16];

	begin(SQLITE);
	for (i = 0; i <= KNOWN_MAX; i++) {
		(void)snprintf(id, sizeof(id), "u%d@a", i);
		ck_assert_int_eq(put(id, "sip:a@192.0.2.1", t0 + 9000), 0);
		ck_assert_int_eq(store_put(scene.s, id, NULL, 0, t0 + i), 0);
	}
	close_store();
	open_at(t0);
	check_counts(KNOWN_MAX, 0, 0);
	ck_assert_int_eq(store_get(&c, scene.s, "u0@a", t0), -ENOENT);
}
END_TEST

START_TEST(sqlite_smaller_known_max_keeps_the_newest)
{
	char err[CONF_ERRLEN] = "";
	struct client c;

	begin(SQLITE);
	ck_assert_int_eq(store_put(scene.s, "old@a", NULL, 0, t0), 0);
	ck_assert_int_eq(store_put(scene.s, "new@a", NULL, 0, t0 + 1), 0);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 9000), 0);
	close_store();
	ck_assert_msg(try_open(t0, 2, err) == 0, "%s", err);
	ck_assert_int_eq(store_get(&c, scene.s, "old@a", t0), -ENOENT);
	check_client("new@a", t0, 0);
	check_client("alice@a", t0, 1);
}
END_TEST

START_TEST(sqlite_too_many_registered_is_said)
{
	char err[CONF_ERRLEN] = "";

	begin(SQLITE);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 9000), 0);
	ck_assert_int_eq(put("bob@a", "sip:b@192.0.2.1", t0 + 9000), 0);
	close_store();
	ck_assert_int_eq(try_open(t0, 1, err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err, "known.max"));
}
END_TEST

static void raw(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(scene.path, &db), SQLITE_OK);
	ck_assert_msg(!sqlite3_exec(db, sql, NULL, NULL, NULL), "%s",
		      sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* What is done to a good file, and what its opening then says. */
static const struct {
	const char *sql;
	int err;
	const char *said;
} spoilt[] = {
	{"PRAGMA user_version = 2", -EPROTO, "schema 2"},
	{"PRAGMA application_id = 1", -EPROTO, "not a directory"},
	{"DROP TABLE binding", -EIO, "no such table"},
	{"UPDATE binding SET serving = 'x'", -EBADMSG, "never wrote"},
	{"UPDATE binding SET cseq = -1", -EBADMSG, "never wrote"},
	{"UPDATE binding SET q = 1001", -EBADMSG, "never wrote"},
	{"UPDATE binding SET url = printf('%01000d', 1)", -EBADMSG,
	 "never wrote"},
};

START_TEST(sqlite_refuses_a_spoilt_file)
{
	char err[CONF_ERRLEN] = "";

	begin(SQLITE);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 9000), 0);
	close_store();
	raw(spoilt[_i].sql);
	ck_assert_int_eq(try_open(t0, KNOWN_MAX, err), spoilt[_i].err);
	ck_assert_msg(strstr(err, spoilt[_i].said) != NULL, "%s", err);
	ck_assert_ptr_nonnull(strstr(err, scene.path));
	ck_assert_ptr_null(strchr(err, '\n'));
}
END_TEST

START_TEST(sqlite_leaves_a_foreign_database_alone)
{
	char err[CONF_ERRLEN] = "";
	struct stat before, after;

	(void)snprintf(scene.spec, sizeof(scene.spec), "sqlite:%s", scene.path);
	raw("CREATE TABLE theirs (x)");
	ck_assert_int_eq(stat(scene.path, &before), 0);
	ck_assert_int_eq(try_open(t0, KNOWN_MAX, err), -EPROTO);
	ck_assert_int_eq(stat(scene.path, &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(before.st_size, after.st_size);
}
END_TEST

START_TEST(sqlite_refuses_what_is_no_database)
{
	char err[CONF_ERRLEN] = "";
	FILE *f = fopen(scene.path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(fprintf(f, "%01000d", 7), 0);
	ck_assert_int_eq(fclose(f), 0);
	(void)snprintf(scene.spec, sizeof(scene.spec), "sqlite:%s", scene.path);
	ck_assert_int_eq(try_open(t0, KNOWN_MAX, err), -EIO);
	ck_assert_msg(strstr(err, "not a database") != NULL, "%s", err);
}
END_TEST

START_TEST(sqlite_refuses_a_path_that_cannot_be)
{
	char err[CONF_ERRLEN] = "";

	(void)snprintf(scene.spec, sizeof(scene.spec), "sqlite:%s/no/x.db",
		       scene.dir);
	ck_assert_int_eq(try_open(t0, KNOWN_MAX, err), -EIO);
	ck_assert_msg(strstr(err, "/no/x.db") != NULL, "%s", err);
}
END_TEST

START_TEST(sqlite_is_for_one_daemon)
{
	char err[CONF_ERRLEN] = "";
	struct store *first;

	begin(SQLITE);
	first = scene.s;
	ck_assert_int_eq(try_open(t0, KNOWN_MAX, err), -EIO);
	ck_assert_msg(strstr(err, "another redirectd") != NULL, "%s", err);
	scene.s = first;
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 9000), 0);
}
END_TEST

static void limit_file_size(rlim_t bytes)
{
	struct rlimit lim;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &lim), 0);
	lim.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

/* No room on the disk: nothing changes, neither here nor after a restart, and
 * it works again as soon as there is room. */
START_TEST(sqlite_full_disk_changes_nothing)
{
	struct client c;

	begin(SQLITE);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 9000), 0);
	ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	limit_file_size(4096);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.9", t0 + 9000), -EIO);
	ck_assert_int_eq(put("bob@a", "sip:b@192.0.2.9", t0 + 9000), -EIO);
	limit_file_size(RLIM_INFINITY);
	ck_assert_int_eq(store_get(&c, scene.s, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.1");
	ck_assert_int_eq(store_get(&c, scene.s, "bob@a", t0), -ENOENT);
	check_counts(1, 1, 1);
	ck_assert_int_eq(put("carol@a", "sip:c@192.0.2.1", t0 + 9000), 0);
	close_store();
	open_at(t0);
	check_counts(2, 2, 2);
	ck_assert_int_eq(store_get(&c, scene.s, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.1");
	check_client("carol@a", t0, 1);
}
END_TEST

static const struct {
	const char *spec;
	bool good;
} specs[] = {
	{"memory", true},  {"sqlite:x", true},   {"memory:x", false},
	{"sqlite", false}, {"sqlite:", false},   {"", false},
	{"mem", false},    {"redis://x", false},
};

START_TEST(specifications)
{
	char why[256] = "";

	ck_assert_int_eq(store_check(specs[_i].spec, why, sizeof(why)) == 0,
			 specs[_i].good);
	ck_assert_int_eq(strstr(why, "sqlite:PATH") == NULL, specs[_i].good);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("redirectd_store");
	TCase *tc = tcase_create("conformance"), *sq = tcase_create("sqlite");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, gives_back_what_was_put, 0, KINDS);
	tcase_add_loop_test(tc, unknown_is_not_unregistered, 0, KINDS);
	tcase_add_loop_test(tc, put_replaces_all, 0, KINDS);
	tcase_add_loop_test(tc, bindings_run_out_one_by_one, 0, KINDS);
	tcase_add_loop_test(tc, refresh_moves_the_end, 0, KINDS);
	tcase_add_loop_test(tc, known_ids_are_bounded, 0, KINDS);
	tcase_add_loop_test(tc, apply_sees_every_client, 0, KINDS);
	tcase_add_loop_test(tc, unusual_ids_are_plain_bytes, 0, KINDS);
	tcase_add_loop_test(tc, specifications, 0, COUNT(specs));
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(sq, setup, teardown);
	tcase_set_timeout(sq, 30);
	tcase_add_test(sq, sqlite_outlives_a_restart);
	tcase_add_test(sq, sqlite_forgets_on_disk_too);
	tcase_add_test(sq, sqlite_smaller_known_max_keeps_the_newest);
	tcase_add_test(sq, sqlite_too_many_registered_is_said);
	tcase_add_loop_test(sq, sqlite_refuses_a_spoilt_file, 0, COUNT(spoilt));
	tcase_add_test(sq, sqlite_leaves_a_foreign_database_alone);
	tcase_add_test(sq, sqlite_refuses_what_is_no_database);
	tcase_add_test(sq, sqlite_refuses_a_path_that_cannot_be);
	tcase_add_test(sq, sqlite_is_for_one_daemon);
	tcase_add_test(sq, sqlite_full_disk_changes_nothing);
	suite_add_tcase(suite, sq);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
