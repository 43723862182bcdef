#include "tests/unit/store_redis_fixture.h"

/* A second daemon with the same server. */
static struct store *other;

static void swap(void)
{
	struct store *s = scene.s;

	scene.s = other;
	other = s;
}

static void begin_two(void)
{
	begin_up();
	swap();
	open_at(t0);
	run_until(is_up());
	swap();
}

static void close_other(void)
{
	store_close(other);
	other = NULL;
}

START_TEST(the_second_of_two_begins_anew)
{
	struct binding b = make("sip:a@192.0.2.2", t0 + 90000);
	struct outcome o = {false, 0};
	struct client c;

	begin_two();
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	swap();
	check_client("alice@a", t0, 1);
	swap();
	ck_assert_int_eq(put_all("alice@a", NULL, 0, t0), 0);
	swap();
	ck_assert_int_eq(
		finish(store_put(scene.s, "alice@a", &b, 1, t0, on_done, &o),
		       &o),
		-EAGAIN);
	check_client("alice@a", t0, 0);
	ck_assert_int_eq(put_once("alice@a", &b, 1, t0), 0);
	swap();
	ck_assert_int_eq(get(&c, "alice@a", t0), 0);
	ck_assert_str_eq(c.v[0].url, "sip:a@192.0.2.2");
	close_other();
}
END_TEST

/* A client that was forgotten and is there again is not what it was. */
START_TEST(a_newcomer_is_taken_once)
{
	struct binding b = make("sip:a@192.0.2.2", t0 + 90000);
	struct outcome o = {false, 0};
	struct client c;

	begin_two();
	swap();
	ck_assert_int_eq(get(&c, "alice@a", t0), -ENOENT);
	swap();
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	swap();
	ck_assert_int_eq(
		finish(store_put(scene.s, "alice@a", &b, 1, t0, on_done, &o),
		       &o),
		-EAGAIN);
	check_client("alice@a", t0, 1);
	close_other();
}
END_TEST

/* What stands where alice's record should. */
static const char *const broken[] = {
	"",
	"x",
	"0123456789abcdef",
	"0123456789abcdef ",
	"0123456789abcdef {}",
	"0123456789abcdef []",
	"0123456789abcdef {\"client\":\"alice@a\"}",
	"0123456789abcdef {\"client\":\"bob@a\",\"bindings\":[]}",
	"0123456789abcdef {\"alias\":\"alice@a\",\"of\":\"alice@a\"}",
	"0123456789abcdef_{\"client\":\"alice@a\",\"bindings\":[]}",
};

START_TEST(a_broken_record_is_said_and_left)
{
	struct binding b = make("sip:a@192.0.2.2", t0 + 90000);
	struct client c;

	begin_up();
	redis_do(&scene.redis, "SET {pinhole}:c:alice@a %s", broken[_i]);
	redis_do(&scene.redis, "ZADD {pinhole}:seen %s alice@a",
		 "1700000090000");
	ck_assert_int_eq(get(&c, "alice@a", t0), -EIO);
	ck_assert(log_has("never wrote"));
	ck_assert_int_eq(put_once("alice@a", &b, 1, t0), -EIO);
	ck_assert(is_up());
	redis_do(&scene.redis, "DEL {pinhole}:c:alice@a");
	ck_assert_int_eq(get(&c, "alice@a", t0), -ENOENT);
	ck_assert_int_eq(put_once("alice@a", &b, 1, t0), 0);
	check_client("alice@a", t0, 1);
}
END_TEST

START_TEST(a_broken_user_is_no_user)
{
	struct user u = make_user("alice"), got;

	begin_up();
	redis_do(&scene.redis, "SET {pinhole}:u:alice@a {}");
	ck_assert_int_eq(get_user(&got, "alice@a"), -EIO);
	ck_assert(log_has("never wrote"));
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	ck_assert_int_eq(get_user(&got, "alice@a"), 0);
}
END_TEST

/* Something else under a key of ours. */
START_TEST(a_foreign_key_is_no_crash)
{
	struct client c;

	begin_up();
	redis_do(&scene.redis, "LPUSH {pinhole}:c:alice@a x");
	ck_assert_int_eq(get(&c, "alice@a", t0), -ENOENT);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), -EIO);
	ck_assert(log_has("WRONGTYPE"));
	ck_assert(is_up());
}
END_TEST

static int count_visits(const struct client *c, void *arg)
{
	size_t *n = arg;

	n[0]++;
	n[1] += c->n;
	return 0;
}

static void open_big(void)
{
	char err[CONF_ERRLEN] = "";

	begin_redis(NULL);
	ck_assert_int_eq(try_open(t0, 10000, err), 0);
	run_until(is_up());
}

enum { MANY = 350 };

static void put_many(void)
{
	char id[32];
	int i;

	for (i = 0; i < MANY; i++) {
		(void)snprintf(id, sizeof(id), "u%04d@a", i);
		ck_assert_int_eq(put(id, "sip:a@192.0.2.1", t0 + 90000), 0);
	}
}

/* Several pages, one of whose records is broken. */
START_TEST(a_walk_goes_page_by_page)
{
	const struct store_visit visit = {.client = count_visits,
					  .arg = (size_t[2]){0, 0}};
	const size_t *n = visit.arg;
	struct outcome o = {false, 0};

	open_big();
	put_many();
	redis_do(&scene.redis, "SET {pinhole}:c:u0007@a x");
	ck_assert_int_eq(finish(store_walk(scene.s, &visit, on_done, &o), &o),
			 0);
	ck_assert_uint_ge(n[0], MANY - 1);
	ck_assert_uint_eq(n[0], n[1]);
}
END_TEST

static struct addr proxy_at(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

/* The ids of all pages that a proxy is told, each only once. */
struct told {
	size_t n, live;
	char last[REDIRECT_ID_MAX];
};

static int tell(const struct client *c, void *arg)
{
	struct told *t = arg;

	ck_assert_int_lt(strcmp(t->last, c->id), 0);
	(void)snprintf(t->last, sizeof(t->last), "%s", c->id);
	t->n++;
	t->live += c->n != 0;
	return 0;
}

static unsigned ask_pages(struct told *t, const char *text, dir_time now)
{
	struct addr proxy = proxy_at(text);
	char after[REDIRECT_ID_MAX] = "";
	struct store_served q = {&proxy, after, tell, t};
	unsigned pages = 0;
	int err = 1;

	memset(t, 0, sizeof(*t));
	while (err && pages < 100) {
		struct store_view w = view_at(now);

		while ((err = store_served(scene.s, &q, &w)) == -EAGAIN) {
			struct outcome o = {false, 0};

			ck_assert_int_eq(
				store_await_served(scene.s, &q, on_done, &o),
				0);
			(void)finish(-EINPROGRESS, &o);
		}
		ck_assert_int_ge(err, 0);
		strcpy(after, t->last);
		pages++;
	}
	return pages;
}

START_TEST(each_proxy_is_told_its_own)
{
	struct binding v[2];
	struct told t;

	open_big();
	v[0] = make("sip:a@192.0.2.1", t0 + 90000);
	v[1] = make("sip:a@192.0.2.2", t0 + 500000);
	v[1].serving = proxy_at("203.0.113.9:5060");
	ck_assert_int_eq(put_all("alice@a", v, 2, t0), 0);
	put_many();
	ck_assert_uint_eq(ask_pages(&t, "203.0.113.1:5060", t0), 4);
	ck_assert_uint_eq(t.live, MANY + 1);
	ck_assert_uint_eq(ask_pages(&t, "203.0.113.9:5060", t0), 1);
	ck_assert_uint_eq(t.live, 1);
	/* It moves wholly to the other. */
	ck_assert_int_eq(put_all("alice@a", &v[1], 1, t0), 0);
	(void)ask_pages(&t, "203.0.113.1:5060", t0);
	ck_assert_uint_eq(t.live, MANY);
	(void)ask_pages(&t, "203.0.113.9:5060", t0);
	ck_assert_uint_eq(t.live, 1);
	/* Those whose bindings have run out are told once more, as such. */
	(void)ask_pages(&t, "203.0.113.1:5060", t0 + 100000);
	ck_assert_uint_eq(t.n, MANY);
	ck_assert_uint_eq(t.live, 0);
	(void)ask_pages(&t, "203.0.113.1:5060", t0 + 100000);
	ck_assert_uint_eq(t.n, 0);
	(void)ask_pages(&t, "203.0.113.9:5060", t0 + 100000);
	ck_assert_uint_eq(t.live, 1);
}
END_TEST

START_TEST(of_two_one_tells_that_it_has_run_out)
{
	begin_two();
	ck_assert_int_eq(put("a@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(put("b@a", "sip:b@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(put("c@a", "sip:c@192.0.2.1", t0 + 900000), 0);
	/* Both find out at the same time. */
	store_run(scene.s, t0 + 90000);
	store_run(other, t0 + 90000);
	run_until(scene.expired >= 2);
	run_at(t0 + 90000);
	swap();
	run_at(t0 + 90000);
	swap();
	ck_assert_uint_eq(scene.expired, 2);
	check_reply(1, redis_say(&scene.redis, "ZCARD {pinhole}:ends"));
	close_other();
}
END_TEST

START_TEST(a_command_beside_changes_no_bindings)
{
	const struct store_config cfg = {.loop = &scene.loop,
					 .max = KNOWN_MAX,
					 .now = t0,
					 .beside = true,
					 .expired = on_expired};
	struct user u = make_user("alice"), got;
	char err[CONF_ERRLEN];
	struct client c;

	begin_up();
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	close_store();
	ck_assert_int_eq(store_open(&scene.s, scene.spec, &cfg, err), 0);
	run_at(t0 + 100000);
	ck_assert_uint_eq(scene.expired, 0);
	check_reply(1, redis_say(&scene.redis, "ZCARD {pinhole}:ends"));
	ck_assert_int_eq(get(&c, "alice@a", t0 + 100000), 0);
	ck_assert_int_eq(
		store_put(scene.s, "alice@a", NULL, 0, t0, on_done, NULL),
		-EROFS);
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	ck_assert_int_eq(get_user(&got, "alice@a"), 0);
}
END_TEST

/* The server forgets by itself, if nobody else does. */
START_TEST(records_have_their_end)
{
	const long long day = 24 * 3600 * 1000;
	redisReply *r;

	begin_up();
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	r = redis_say(&scene.redis, "PTTL {pinhole}:c:alice@a");
	ck_assert_int_gt(r->integer, 29 * day);
	ck_assert_int_le(r->integer, 30 * day + 90000);
	freeReplyObject(r);
	/* Once it is gone, so is the client from all lists. */
	redis_do(&scene.redis, "DEL {pinhole}:c:alice@a");
	run_at(t0 + 90000 + 31 * (dir_time)day);
	check_counts(0, 0, 0);
	check_reply(0, redis_say(&scene.redis, "EXISTS {pinhole}:seen "
					       "{pinhole}:ends"));
}
END_TEST

static long long calls_of(const char *command)
{
	redisReply *r = redis_say(&scene.redis, "INFO commandstats");
	char key[64];
	const char *at;
	long long n = 0;

	(void)snprintf(key, sizeof(key), "cmdstat_%s:calls=", command);
	at = strstr(r->str, key);
	if (at)
		n = atoll(at + strlen(key));
	freeReplyObject(r);
	return n;
}

START_TEST(requests_of_one_moment_ask_once)
{
	struct outcome o[50];
	struct client c;
	size_t i;

	begin_up();
	know_alice();
	redis_do(&scene.redis, "CONFIG RESETSTAT");
	memset(o, 0, sizeof(o));
	for (i = 0; i < 50; i++)
		ck_assert_int_eq(
			store_await(scene.s, "alice@a", on_done, &o[i]), 0);
	for (i = 0; i < 50; i++)
		run_until(o[i].called);
	ck_assert_int_eq(calls_of("mget"), 1);
	/* With an alias that is known it is one question, too. */
	ck_assert_int_eq(get(&c, "sales@a", t0), 0);
	ck_assert_int_eq(calls_of("mget"), 2);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("redirectd_store_redis_records");
	TCase *tc = tcase_create("records");
	SRunner *runner;
	int failed;

	if (!redis_wanted())
		return 0;
	tcase_add_checked_fixture(tc, setup_logged, teardown_logged);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_second_of_two_begins_anew);
	tcase_add_test(tc, a_newcomer_is_taken_once);
	tcase_add_loop_test(tc, a_broken_record_is_said_and_left, 0,
			    COUNT(broken));
	tcase_add_test(tc, a_broken_user_is_no_user);
	tcase_add_test(tc, a_foreign_key_is_no_crash);
	tcase_add_test(tc, a_walk_goes_page_by_page);
	tcase_add_test(tc, each_proxy_is_told_its_own);
	tcase_add_test(tc, of_two_one_tells_that_it_has_run_out);
	tcase_add_test(tc, a_command_beside_changes_no_bindings);
	tcase_add_test(tc, records_have_their_end);
	tcase_add_test(tc, requests_of_one_moment_ask_once);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
