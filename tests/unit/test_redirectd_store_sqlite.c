#include "tests/unit/store_fixture.h"

START_TEST(sqlite_outlives_a_restart)
{
	struct binding b = make("sip:a@192.0.2.1:1", t0 + 60000);
	struct binding v[2];
	struct client c;

	begin(SQLITE);
	v[0] = b;
	v[1] = make("sip:a@192.0.2.2:2", t0 + 5000);
	ck_assert_int_eq(put_all("alice@a", v, 2, t0), 0);
	ck_assert_int_eq(put("bob@a", "sip:b@192.0.2.3", t0 + 5000), 0);
	close_store();
	open_at(t0 + 5000);
	check_counts(2, 1, 1);
	ck_assert_int_eq(get(&c, "alice@a", t0 + 5000), 0);
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
		ck_assert_int_eq(put_all(id, NULL, 0, t0 + i), 0);
	}
	close_store();
	open_at(t0);
	check_counts(KNOWN_MAX, 0, 0);
	ck_assert_int_eq(get(&c, "u0@a", t0), -ENOENT);
}
END_TEST

START_TEST(sqlite_smaller_known_max_keeps_the_newest)
{
	char err[CONF_ERRLEN] = "";
	struct client c;

	begin(SQLITE);
	ck_assert_int_eq(put_all("old@a", NULL, 0, t0), 0);
	ck_assert_int_eq(put_all("new@a", NULL, 0, t0 + 1), 0);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 9000), 0);
	close_store();
	ck_assert_msg(try_open(t0, 2, err) == 0, "%s", err);
	ck_assert_int_eq(get(&c, "old@a", t0), -ENOENT);
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
	{"PRAGMA user_version = 3", -EPROTO, "schema 3"},
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
	ck_assert_int_eq(try_open(t0, KNOWN_MAX, err), -EBUSY);
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
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.1");
	ck_assert_int_eq(get(&c, "bob@a", t0), -ENOENT);
	check_counts(1, 1, 1);
	ck_assert_int_eq(put("carol@a", "sip:c@192.0.2.1", t0 + 9000), 0);
	close_store();
	open_at(t0);
	check_counts(2, 2, 2);
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.1");
	check_client("carol@a", t0, 1);
}
END_TEST

/* A directory of before there were users. */
START_TEST(sqlite_brings_an_older_file_up)
{
	static const char old[] =
		"CREATE TABLE client (id TEXT PRIMARY KEY, seen INTEGER NOT "
		"NULL) WITHOUT ROWID;"
		"CREATE TABLE binding (client TEXT NOT NULL REFERENCES client "
		"(id) ON DELETE CASCADE, pos INTEGER NOT NULL, url TEXT NOT "
		"NULL, instance TEXT NOT NULL, call_id TEXT NOT NULL, cseq "
		"INTEGER NOT NULL, reg_id INTEGER NOT NULL, q INTEGER NOT "
		"NULL, serving TEXT NOT NULL, registered INTEGER NOT NULL, "
		"expires INTEGER NOT NULL, PRIMARY KEY (client, pos)) WITHOUT "
		"ROWID;"
		"INSERT INTO client VALUES ('alice@a', 1), ('bob@a', 2);"
		"INSERT INTO binding VALUES ('alice@a', 0, "
		"'sip:a@192.0.2.1', '', 'c@p', 4, 0, 1000, "
		"'203.0.113.1:5060', 1, 1700000060000);"
		"PRAGMA application_id = 0x50486472; PRAGMA user_version = 1";
	struct user u = {.name = "alice", .realm = "a"};
	struct client c;

	raw(old);
	begin(SQLITE);
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_uint_eq(c.v[0].cseq, 4);
	check_client("bob@a", t0, 0);
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	close_store();
	open_at(t0);
	ck_assert_int_eq(get_user(&u, "alice@a"), 0);
	ck_assert_uint_eq(store_counts(scene.s).users, 1);
}
END_TEST

/* As a command does it, while the daemon runs. */
START_TEST(sqlite_sees_what_is_changed_beside_it)
{
	struct store_config cfg = {
		.loop = &scene.loop, .max = 9, .now = t0, .beside = true};
	struct user u = {.name = "alice", .realm = "a"};
	struct store *daemon, *beside;
	char err[CONF_ERRLEN] = "";
	struct client c;

	begin(SQLITE);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_msg(!store_open(&beside, scene.spec, &cfg, err), "%s", err);
	daemon = scene.s;
	scene.s = beside;
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	ck_assert_int_eq(edit_alias("1001@a", "alice@a"), 0);
	ck_assert_int_eq(edit_alias("1002@a", "alice@a"), 0);
	ck_assert_int_eq(store_put(beside, "bob@a", NULL, 0, t0, NULL, NULL),
			 -EROFS);
	scene.s = daemon;
	ck_assert_int_eq(get(&c, "1001@a", t0 + 1000), 0);
	ck_assert_str_eq(c.id, "alice@a");
	ck_assert_uint_eq(store_counts(daemon).users, 1);
	scene.s = beside;
	ck_assert_int_eq(edit_alias("1001@a", NULL), 0);
	ck_assert_int_eq(edit_user("alice@a", NULL), 0);
	scene.s = daemon;
	ck_assert_int_eq(get(&c, "1001@a", t0 + 2000), -ENOENT);
	ck_assert_int_eq(get(&c, "1002@a", t0 + 2000), 0);
	ck_assert_uint_eq(store_counts(daemon).users, 0);
	store_close(beside);
}
END_TEST

/* Many at once share a transaction; none is seen before it is written, and one
 * client has but one change at a time. */
START_TEST(sqlite_writes_many_at_once)
{
	enum { MANY = 500 };
	static struct outcome done[MANY];
	struct store_view w = {.now = t0, .change = true};
	char err[CONF_ERRLEN] = "", id[32];
	struct client c;

	begin(SQLITE);
	close_store();
	ck_assert_int_eq(try_open(t0, MANY, err), 0);
	memset(done, 0, sizeof(done));
	for (int i = 0; i < MANY; i++) {
		struct binding b = make("sip:a@192.0.2.1", t0 + 90000);

		(void)snprintf(id, sizeof(id), "u%d@a", i);
		ck_assert_int_eq(
			store_put(scene.s, id, &b, 1, t0, on_done, &done[i]),
			-EINPROGRESS);
	}
	ck_assert_int_eq(store_get(&c, scene.s, "u7@a", &w), -EAGAIN);
	w.change = false;
	ck_assert_int_eq(store_get(&c, scene.s, "u7@a", &w), -ENOENT);
	ck_assert_int_eq(store_put(scene.s, "u7@a", NULL, 0, t0, on_done, NULL),
			 -EAGAIN);
	check_counts(0, 0, 0);
	run_until(done[MANY - 1].called);
	for (int i = 0; i < MANY; i++)
		ck_assert(done[i].called && !done[i].err);
	check_counts(MANY, MANY, MANY);
	close_store();
	ck_assert_int_eq(try_open(t0, MANY, err), 0);
	check_counts(MANY, MANY, MANY);
}
END_TEST

/* What was begun is written, though nobody is told any more. */
START_TEST(sqlite_closed_in_between_has_written)
{
	struct binding b = make("sip:a@192.0.2.1", t0 + 90000);
	struct outcome o = {false, 0};

	begin(SQLITE);
	ck_assert_int_eq(store_put(scene.s, "alice@a", &b, 1, t0, on_done, &o),
			 -EINPROGRESS);
	close_store();
	ck_assert(!o.called);
	open_at(t0);
	check_client("alice@a", t0, 1);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("redirectd_store_sqlite");
	TCase *tc = tcase_create("sqlite");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, sqlite_outlives_a_restart);
	tcase_add_test(tc, sqlite_forgets_on_disk_too);
	tcase_add_test(tc, sqlite_smaller_known_max_keeps_the_newest);
	tcase_add_test(tc, sqlite_too_many_registered_is_said);
	tcase_add_loop_test(tc, sqlite_refuses_a_spoilt_file, 0, COUNT(spoilt));
	tcase_add_test(tc, sqlite_leaves_a_foreign_database_alone);
	tcase_add_test(tc, sqlite_refuses_what_is_no_database);
	tcase_add_test(tc, sqlite_refuses_a_path_that_cannot_be);
	tcase_add_test(tc, sqlite_is_for_one_daemon);
	tcase_add_test(tc, sqlite_full_disk_changes_nothing);
	tcase_add_test(tc, sqlite_brings_an_older_file_up);
	tcase_add_test(tc, sqlite_sees_what_is_changed_beside_it);
	tcase_add_test(tc, sqlite_writes_many_at_once);
	tcase_add_test(tc, sqlite_closed_in_between_has_written);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
