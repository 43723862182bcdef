#include "tests/unit/store_fixture.h"

START_TEST(gives_back_what_was_put)
{
	char url[] = "sip:alice@198.51.100.28:4711;ph-own=10.0.0.16:5060";
	struct binding b = make(url, t0 + 60000), want;
	struct client c;

	begin(_i);
	want = b;
	want.url = "sip:alice@198.51.100.28:4711;ph-own=10.0.0.16:5060";
	ck_assert_int_eq(put_all("alice@a", &b, 1, t0), 0);
	memset(url, 'x', sizeof(url) - 1);
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_uint_eq(c.n, 1);
	check_same(&c.v[0], &want);
	check_counts(1, 1, 1);
}
END_TEST

START_TEST(unknown_is_not_unregistered)
{
	struct client c;

	begin(_i);
	ck_assert_int_eq(get(&c, "nobody@a", t0), -ENOENT);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(put_all("alice@a", NULL, 0, t0), 0);
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
		v[i] = make(urls[i], t0 + 60000 * (i + 1));
	}
	ck_assert_int_eq(put_all("alice@a", v, BINDINGS_MAX, t0), 0);
	check_counts(1, 1, BINDINGS_MAX);
	ck_assert_int_eq(put_all("alice@a", &v[3], 2, t0), 0);
	check_counts(1, 1, 2);
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	check_same(&c.v[0], &v[3]);
	check_same(&c.v[1], &v[4]);
	ck_assert_uint_eq(store_next(scene.s),
			  _i == REDIS ? UINT64_MAX : t0 + 240000);
}
END_TEST

START_TEST(bindings_run_out_one_by_one)
{
	struct binding v[2];

	begin(_i);
	v[0] = make("sip:a@192.0.2.1", t0 + 2000);
	v[1] = make("sip:a@192.0.2.2", t0 + 1000);
	ck_assert_uint_eq(store_next(scene.s), UINT64_MAX);
	ck_assert_int_eq(put_all("alice@a", v, 2, t0), 0);
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

/* The same of every kind, which may take its time to tell. */
START_TEST(running_out_is_told_once)
{
	struct binding v[2];

	begin(_i);
	v[0] = make("sip:a@192.0.2.1", t0 + 600000);
	v[1] = make("sip:a@192.0.2.2", t0 + 300000);
	ck_assert_int_eq(put_all("alice@a", v, 2, t0), 0);
	run_at(t0 + 100000);
	ck_assert_uint_eq(scene.expired, 0);
	check_counts(1, 1, 2);
	run_at(t0 + 300000);
	ck_assert_uint_eq(scene.expired, 1);
	ck_assert_str_eq(scene.last_expired, "alice@a sip:a@192.0.2.2");
	check_counts(1, 1, 1);
	check_client("alice@a", t0 + 300000, 1);
	run_at(t0 + 600000);
	ck_assert_uint_eq(scene.expired, 2);
	ck_assert_str_eq(scene.last_expired, "alice@a sip:a@192.0.2.1");
	check_counts(1, 0, 0);
	check_client("alice@a", t0 + 600000, 0);
	run_at(t0 + 900000);
	ck_assert_uint_eq(scene.expired, 2);
}
END_TEST

/* Also where it is found out by the change that comes next. */
START_TEST(running_out_is_told_before_a_change)
{
	struct binding b = make("sip:a@192.0.2.2", t0 + 600000);

	begin(_i);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 100000), 0);
	ck_assert_int_eq(put_all("alice@a", &b, 1, t0 + 200000), 0);
	run_at(t0 + 200000);
	ck_assert_uint_eq(scene.expired, 1);
	ck_assert_str_eq(scene.last_expired, "alice@a sip:a@192.0.2.1");
	check_client("alice@a", t0 + 200000, 1);
	check_counts(1, 1, 1);
}
END_TEST

/* KNOWN_MAX ids: the longest unregistered goes first, a registered one never.
 */
START_TEST(known_ids_are_bounded)
{
	struct binding b = make("sip:a@192.0.2.1", t0 + 90000);
	struct client c;
	int i;
	char id[16];

	begin(_i);
	for (i = 0; i < KNOWN_MAX; i++) {
		(void)snprintf(id, sizeof(id), "u%d@a", i);
		ck_assert_int_eq(put(id, "sip:a@192.0.2.1", t0 + 90000), 0);
	}
	ck_assert_int_eq(put("new@a", "sip:a@192.0.2.1", t0 + 90000), -ENOSPC);
	ck_assert_int_eq(get(&c, "new@a", t0), -ENOENT);
	check_counts(KNOWN_MAX, KNOWN_MAX, KNOWN_MAX);
	ck_assert_int_eq(put_all("u2@a", NULL, 0, t0 + 1), 0);
	ck_assert_int_eq(put_all("u1@a", NULL, 0, t0 + 2), 0);
	ck_assert_int_eq(put_all("new@a", &b, 1, t0 + 3), 0);
	ck_assert_int_eq(get(&c, "u2@a", t0), -ENOENT);
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
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(put("bob@a", "sip:b@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(put_all("bob@a", NULL, 0, t0), 0);
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
	ck_assert_int_eq(put(id, "sip:o'h@192.0.2.1", t0 + 90000), 0);
	check_client(id, t0, 1);
}
END_TEST

/* An id is read again only where what was read is older than the request. */
START_TEST(a_request_reads_its_client_once)
{
	const struct store_view none = {.now = t0};
	struct client c;

	begin(_i);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	check_client("alice@a", t0, 1);
	ck_assert_int_eq(store_get(&c, scene.s, "alice@a", &none), 0);
	ck_assert_uint_eq(c.n, 1);
}
END_TEST

/* Until its handler is called nobody sees it, and nobody else may change. */
START_TEST(a_change_under_way_is_not_seen)
{
	struct binding b = make("sip:a@192.0.2.2", t0 + 90000);
	struct outcome o = {false, 0}, again = {false, 0};
	struct store_view w;
	struct client c;
	int err;

	begin(_i);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	w = view_at(t0);
	ck_assert_int_eq(get_as(&c, "alice@a", &w), 0);
	err = store_put(scene.s, "alice@a", &b, 1, t0, on_done, &o);
	if (_i != MEMORY)
		ck_assert_int_eq(err, -EINPROGRESS);
	if (err == -EINPROGRESS) {
		ck_assert_int_eq(store_get(&c, scene.s, "alice@a", &w), 0);
		ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.1");
		w.change = true;
		ck_assert_int_eq(store_get(&c, scene.s, "alice@a", &w),
				 -EAGAIN);
		ck_assert_int_eq(store_put(scene.s, "alice@a", NULL, 0, t0,
					   on_done, &again),
				 -EAGAIN);
		ck_assert_int_eq(
			store_await(scene.s, "alice@a", on_done, &again), 0);
		run_until(again.called);
		ck_assert(o.called);
	}
	ck_assert_int_eq(finish(err, &o), 0);
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.2");
}
END_TEST

/* Handlers of what is under way are not called once it is closed. */
START_TEST(closing_ends_all_that_is_under_way)
{
	struct binding b = make("sip:a@192.0.2.2", t0 + 90000);
	struct outcome o[2] = {{false, 0}, {false, 0}};
	struct client c;

	begin(_i);
	ck_assert_int_eq(get(&c, "alice@a", t0), -ENOENT);
	(void)store_put(scene.s, "alice@a", &b, 1, t0, on_done, &o[0]);
	(void)store_await(scene.s, "alice@a", on_done, &o[1]);
	close_store();
	(void)uv_run(&scene.loop, UV_RUN_NOWAIT);
	ck_assert(!o[0].called && !o[1].called);
}
END_TEST

static const struct {
	const char *spec;
	bool good;
} specs[] = {
	{"memory", true},
	{"sqlite:x", true},
	{"memory:x", false},
	{"sqlite", false},
	{"sqlite:", false},
	{"", false},
	{"mem", false},
	{"redis://x", true},
	{"redis://x:6380/3", true},
	{"redis://u%40:p%2Fw@x.example.com", true},
	{"redis://:p@[2001:db8::1]:6379/0", true},
	{"redis+unix:///run/redis.sock", true},
	{"redis+unix://u:p@/run/redis.sock?db=1", true},
	{"redis", false},
	{"redis:", false},
	{"redis:x", false},
	{"redis://", false},
	{"redis:///1", false},
	{"redis://p@x", false},
	{"redis://u:@x", false},
	{"redis://u:p%@x", false},
	{"redis://u:p%00@x", false},
	{"redis://x:0", false},
	{"redis://x:65536", false},
	{"redis://x:1a", false},
	{"redis://x/y", false},
	{"redis://x/65536", false},
	{"redis://x?db=1", false},
	{"redis://[::1", false},
	{"redis://a b", false},
	{"rediss://x", false},
	{"redis+unix://x/run/redis.sock", false},
	{"redis+unix:///", false},
	{"redis+unix:///run/redis.sock?db=", false},
	{"redis+unix:///run/redis.sock?x=1", false},
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
	TCase *tc = tcase_create("clients");
	SRunner *runner;
	int failed, n = kinds();

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, gives_back_what_was_put, 0, n);
	tcase_add_loop_test(tc, unknown_is_not_unregistered, 0, n);
	tcase_add_loop_test(tc, put_replaces_all, 0, n);
	tcase_add_loop_test(tc, bindings_run_out_one_by_one, 0, REDIS);
	tcase_add_loop_test(tc, refresh_moves_the_end, 0, REDIS);
	tcase_add_loop_test(tc, running_out_is_told_once, 0, n);
	tcase_add_loop_test(tc, running_out_is_told_before_a_change, 0, n);
	tcase_add_loop_test(tc, known_ids_are_bounded, 0, n);
	tcase_add_loop_test(tc, apply_sees_every_client, 0, n);
	tcase_add_loop_test(tc, unusual_ids_are_plain_bytes, 0, n);
	tcase_add_loop_test(tc, a_request_reads_its_client_once, 0, n);
	tcase_add_loop_test(tc, a_change_under_way_is_not_seen, 0, n);
	tcase_add_loop_test(tc, closing_ends_all_that_is_under_way, 0, n);
	tcase_add_loop_test(tc, specifications, 0, COUNT(specs));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
