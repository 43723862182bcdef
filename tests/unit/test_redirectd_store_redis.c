#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/store_redis_fixture.h"

static void check_away(void)
{
	struct binding b = make("sip:a@192.0.2.2", t0 + 90000);
	struct user u;
	struct client c;

	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert(c.stale);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(get_user(&u, "alice@a"), 0);
	ck_assert_int_eq(get(&c, "sales@a", t0), 0);
	ck_assert(c.stale);
	ck_assert_str_eq(c.id, "alice@a");
	ck_assert_int_eq(get(&c, "bob@a", t0), -EIO);
	ck_assert_int_eq(get(&c, "unknown@a", t0), -EIO);
	ck_assert_int_eq(get_user(&u, "bob@a"), -EIO);
	ck_assert_int_eq(put_once("alice@a", &b, 1, t0), -EIO);
	ck_assert_int_eq(edit_alias("more@a", "alice@a"), -EIO);
	ck_assert_int_eq(
		store_walk(scene.s, &(struct store_visit){0}, on_done, NULL),
		-EIO);
}

START_TEST(a_dead_server_leaves_what_was_known)
{
	struct client c;

	begin_up();
	know_alice();
	redis_stop(&scene.redis);
	run_until(!is_up());
	check_away();
	ck_assert(log_has("is away"));
	redis_start(&scene.redis, NULL);
	run_until(is_up());
	ck_assert(log_has("is back"));
	ck_assert_int_eq(get(&c, "alice@a", t0), -ENOENT);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	check_client("alice@a", t0, 1);
}
END_TEST

/* One that says nothing is found out by what it was asked. */
START_TEST(a_silent_server_is_away_too)
{
	struct binding b = make("sip:a@192.0.2.2", t0 + 90000);
	struct outcome o = {false, 0};
	struct store_view w;
	struct client c;

	begin_up();
	know_alice();
	w = view_at(t0);
	ck_assert_int_eq(get_as(&c, "alice@a", &w), 0);
	ck_assert_int_eq(kill(scene.redis.pid, SIGSTOP), 0);
	ck_assert_int_eq(
		finish(store_put(scene.s, "alice@a", &b, 1, t0, on_done, &o),
		       &o),
		-EIO);
	ck_assert(!is_up());
	check_away();
	ck_assert_int_eq(kill(scene.redis.pid, SIGCONT), 0);
	run_until(is_up());
	/* Whether it was done was not known; the truth is. */
	check_client("alice@a", t0, 1);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.3", t0 + 90000), 0);
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.3");
}
END_TEST

START_TEST(those_who_wait_are_told_when_it_goes)
{
	struct outcome o = {false, 0};
	struct client c;

	begin_up();
	know_alice();
	ck_assert_int_eq(kill(scene.redis.pid, SIGSTOP), 0);
	ck_assert_int_eq(store_await(scene.s, "alice@a", on_done, &o), 0);
	run_until(o.called);
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert(c.stale);
}
END_TEST

START_TEST(no_server_yet_is_no_error)
{
	char err[CONF_ERRLEN] = "";
	struct client c;

	(void)snprintf(scene.spec, sizeof(scene.spec),
		       "redis+unix://%s/redis.sock", scene.dir);
	ck_assert_int_eq(try_open(t0, KNOWN_MAX, err), 0);
	ck_assert_int_eq(get(&c, "alice@a", t0), -EIO);
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), -EIO);
	begin_redis(NULL);
	run_until(is_up());
	ck_assert_int_eq(get(&c, "alice@a", t0), -ENOENT);
}
END_TEST

/* A command that opens the store and edits at once waits for the server. */
START_TEST(the_first_edit_waits_for_the_server)
{
	struct client c;

	begin(REDIS);
	ck_assert(!is_up());
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), 0);
	ck_assert_int_eq(get(&c, "sales@a", t0), -ENOENT);
	ck_assert_str_eq(c.id, "alice@a");
}
END_TEST

/* Nobody is let through for want of users that are not known yet. */
START_TEST(the_first_answer_knows_of_users)
{
	struct client c;

	begin_up();
	know_alice();
	close_store();
	open_at(t0);
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_uint_eq(store_counts(scene.s).users, 1);
}
END_TEST

START_TEST(forgotten_scripts_are_told_again)
{
	begin_up();
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	redis_do(&scene.redis, "SCRIPT FLUSH");
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.2", t0 + 90000), 0);
	redis_do(&scene.redis, "SCRIPT FLUSH");
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), 0);
	check_client("alice@a", t0, 1);
	ck_assert(is_up());
}
END_TEST

START_TEST(another_schema_is_not_touched)
{
	struct client c;

	begin_redis(NULL);
	redis_do(&scene.redis, "SET {pinhole}:schema 2");
	open_at(t0);
	ck_assert_int_eq(get(&c, "alice@a", t0), -EIO);
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), -EIO);
	ck_assert(log_has("made by another redirectd"));
	check_reply(1, redis_say(&scene.redis, "DBSIZE"));
	redis_do(&scene.redis, "SET {pinhole}:schema 1");
	run_until(is_up());
	ck_assert(log_has("is back"));
}
END_TEST

START_TEST(a_full_server_changes_nothing)
{
	struct client c;

	begin_up();
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	redis_do(&scene.redis, "CONFIG SET maxmemory 1");
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.2", t0 + 90000),
			 -ENOSPC);
	ck_assert_int_eq(put("bob@a", "sip:b@192.0.2.2", t0 + 90000), -ENOSPC);
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), -ENOSPC);
	ck_assert(log_has("cannot be written"));
	ck_assert(is_up());
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.1");
	ck_assert_int_eq(get(&c, "bob@a", t0), -ENOENT);
	check_reply(1, redis_say(&scene.redis, "ZCARD {pinhole}:seen"));
	check_reply(1, redis_say(&scene.redis, "ZCARD {pinhole}:ends"));
	redis_do(&scene.redis, "CONFIG SET maxmemory 0");
	ck_assert_int_eq(put("bob@a", "sip:b@192.0.2.2", t0 + 90000), 0);
	ck_assert(log_has("is written again"));
}
END_TEST

static void check_works(void)
{
	run_until(is_up());
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	check_client("alice@a", t0, 1);
}

START_TEST(passwords)
{
	static const char *const options[] = {"--requirepass", "s3cr@t/", NULL};
	struct client c;

	redis_start(&scene.redis, options);
	(void)snprintf(scene.spec, sizeof(scene.spec),
		       "redis+unix://:s3cr%%40t%%2f@%s", scene.redis.path);
	open_at(t0);
	check_works();
	close_store();
	(void)snprintf(scene.spec, sizeof(scene.spec),
		       "redis+unix://default:s3cr%%40t%%2f@%s?db=3",
		       scene.redis.path);
	open_at(t0);
	run_until(is_up());
	ck_assert_int_eq(get(&c, "alice@a", t0), -ENOENT);
	check_works();
	close_store();
	ck_assert(!log_has("server"));
	(void)snprintf(scene.spec, sizeof(scene.spec),
		       "redis+unix://:wrong-one@%s", scene.redis.path);
	open_at(t0);
	ck_assert_int_eq(get(&c, "alice@a", t0), -EIO);
	ck_assert(log_has("cannot be used"));
	ck_assert(!log_has("wrong-one"));
}
END_TEST

static int free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	(void)close(fd);
	return ntohs(in.sin_port);
}

/* By name, of which not every address may have the server. */
START_TEST(over_the_network)
{
	char port[16];
	const char *const options[] = {"--port", port, "--bind", "127.0.0.1",
				       NULL};

	(void)snprintf(port, sizeof(port), "%d", free_port());
	redis_start(&scene.redis, options);
	(void)snprintf(scene.spec, sizeof(scene.spec), "redis://%s:%s/2",
		       _i ? "127.0.0.1" : "localhost", port);
	open_at(t0);
	check_works();
}
END_TEST

/* Of a form that no resolver is asked for. */
START_TEST(a_name_that_is_none)
{
	struct client c;

	strcpy(scene.spec, "redis://no..such.host");
	open_at(t0);
	ck_assert_int_eq(get(&c, "alice@a", t0), -EIO);
	ck_assert(log_has("no..such.host"));
}
END_TEST

START_TEST(a_replica_is_not_used)
{
	struct client c;

	begin_up();
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	redis_do(&scene.redis, "REPLICAOF 127.0.0.1 1");
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.2", t0 + 90000), -EIO);
	ck_assert(!is_up());
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert(c.stale);
	close_store();
	open_at(t0);
	ck_assert_int_eq(get(&c, "alice@a", t0), -EIO);
	ck_assert(log_has("replica"));
	redis_do(&scene.redis, "REPLICAOF NO ONE");
	run_until(is_up());
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.1");
}
END_TEST

/* After so many turns of the loop: while it connects, is greeted, asks. */
START_TEST(closed_at_any_time)
{
	const struct store_edit e = {
		.kind = STORE_ALIAS, .id = "sales@a", .alias_of = "alice@a"};
	struct outcome o[2] = {{false, 0}, {false, 0}};
	bool told;
	int i;

	begin(REDIS);
	ck_assert_int_eq(store_await(scene.s, "alice@a", on_done, &o[0]), 0);
	ck_assert_int_eq(store_edit(scene.s, &e, on_done, &o[1]), -EINPROGRESS);
	for (i = 0; i < _i; i++)
		(void)uv_run(&scene.loop, UV_RUN_NOWAIT);
	told = o[1].called;
	close_store();
	(void)uv_run(&scene.loop, UV_RUN_NOWAIT);
	(void)uv_run(&scene.loop, UV_RUN_NOWAIT);
	ck_assert(o[1].called == told);
}
END_TEST

static void close_in_handler(int err, void *arg)
{
	bool *called = arg;

	(void)err;
	*called = true;
	close_store();
}

START_TEST(closed_by_a_handler)
{
	bool called = false;
	struct outcome o = {false, 0};

	begin_up();
	ck_assert_int_eq(
		store_await(scene.s, "alice@a", close_in_handler, &called), 0);
	ck_assert_int_eq(store_await(scene.s, "bob@a", on_done, &o), 0);
	run_until(called);
	(void)uv_run(&scene.loop, UV_RUN_NOWAIT);
	ck_assert(!o.called);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("redirectd_store_redis");
	TCase *tc = tcase_create("server");
	SRunner *runner;
	int failed;

	if (!redis_wanted())
		return 0;
	tcase_add_checked_fixture(tc, setup_logged, teardown_logged);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_dead_server_leaves_what_was_known);
	tcase_add_test(tc, a_silent_server_is_away_too);
	tcase_add_test(tc, those_who_wait_are_told_when_it_goes);
	tcase_add_test(tc, no_server_yet_is_no_error);
	tcase_add_test(tc, the_first_edit_waits_for_the_server);
	tcase_add_test(tc, the_first_answer_knows_of_users);
	tcase_add_test(tc, forgotten_scripts_are_told_again);
	tcase_add_test(tc, another_schema_is_not_touched);
	tcase_add_test(tc, a_full_server_changes_nothing);
	tcase_add_test(tc, passwords);
	tcase_add_loop_test(tc, over_the_network, 0, 2);
	tcase_add_test(tc, a_name_that_is_none);
	tcase_add_test(tc, a_replica_is_not_used);
	tcase_add_loop_test(tc, closed_at_any_time, 0, 12);
	tcase_add_test(tc, closed_by_a_handler);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
