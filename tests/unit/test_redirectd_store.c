#include "tests/unit/store_fixture.h"

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
	TCase *tc = tcase_create("conformance");
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
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
