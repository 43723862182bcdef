#include "tests/unit/store_fixture.h"

START_TEST(an_alias_is_as_its_client)
{
	struct user u = make_user("alice"), got;
	struct client c;

	begin(_i);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), 0);
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	ck_assert_int_eq(get(&c, "sales@a", t0), 0);
	ck_assert_str_eq(c.id, "alice@a");
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(get_user(&got, "sales@a"), 0);
	ck_assert_str_eq(got.name, "alice");
	check_counts(1, 1, 1);
	ck_assert_int_eq(edit_alias("sales@a", "bob@a"), 0);
	ck_assert_int_eq(get(&c, "sales@a", t0), -ENOENT);
	ck_assert_str_eq(c.id, "bob@a");
	ck_assert_int_eq(get_user(&got, "sales@a"), -ENOENT);
	ck_assert_int_eq(edit_alias("sales@a", NULL), 0);
	ck_assert_int_eq(get(&c, "sales@a", t0), -ENOENT);
	ck_assert_str_eq(c.id, "sales@a");
	ck_assert_int_eq(edit_alias("sales@a", NULL), -ENOENT);
	check_client("alice@a", t0, 1);
}
END_TEST

START_TEST(an_alias_is_no_client_and_of_no_alias)
{
	begin(_i);
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), 0);
	ck_assert_int_eq(edit_alias("alice@a", "bob@a"), -EEXIST);
	ck_assert_int_eq(edit_alias("more@a", "sales@a"), -EEXIST);
	ck_assert_int_eq(edit_alias("self@a", "self@a"), -EEXIST);
	ck_assert_int_eq(edit_alias("alice@a", NULL), -ENOENT);
	check_client("alice@a", t0, 1);
}
END_TEST

static void check_user(const struct user *a, const struct user *b)
{
	size_t i;

	ck_assert_str_eq(a->name, b->name);
	ck_assert_str_eq(a->realm, b->realm);
	for (i = 0; i < DIGEST_ALGORITHMS; i++)
		ck_assert_str_eq(a->ha1[i].hex, b->ha1[i].hex);
}

START_TEST(users_come_and_go)
{
	struct user u = make_user("alice"), got;

	begin(_i);
	ck_assert_int_eq(get_user(&got, "alice@a"), -ENOENT);
	ck_assert_int_eq(edit_user("alice@a", NULL), -ENOENT);
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	hurry_counts();
	run_until(store_counts(scene.s).users == 1);
	ck_assert_int_eq(get_user(&got, "alice@a"), 0);
	check_user(&got, &u);
	strcpy(u.name, "alice2");
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	ck_assert_int_eq(get_user(&got, "alice@a"), 0);
	ck_assert_str_eq(got.name, "alice2");
	ck_assert_int_eq(edit_user("alice@a", NULL), 0);
	ck_assert_int_eq(get_user(&got, "alice@a"), -ENOENT);
	hurry_counts();
	run_until(store_counts(scene.s).users == 0);
}
END_TEST

/* What a walk has come by: "USER:alice@a ". */
struct seen {
	char text[512];
	int stop;
};

static void note(struct seen *seen, const char *what, const char *id)
{
	size_t len = strlen(seen->text);

	(void)snprintf(seen->text + len, sizeof(seen->text) - len, "%s:%s ",
		       what, id);
}

static int see_client(const struct client *c, void *arg)
{
	note(arg, c->n ? "registered" : "known", c->id);
	return 0;
}

static int see_user(const char *id, const struct user *u, void *arg)
{
	struct seen *seen = arg;

	note(seen, u->name, id);
	return seen->stop;
}

static int see_alias(const char *id, const char *of, void *arg)
{
	note(arg, id, of);
	return 0;
}

static int walk(struct seen *seen)
{
	const struct store_visit visit = {see_client, see_user, see_alias,
					  seen};
	struct outcome o = {false, 0};

	seen->text[0] = '\0';
	return finish(store_walk(scene.s, &visit, on_done, &o), &o);
}

START_TEST(a_walk_comes_by_everything)
{
	struct user u = make_user("alice");
	struct seen seen = {"", 0};

	begin(_i);
	ck_assert_int_eq(walk(&seen), 0);
	ck_assert_str_eq(seen.text, "");
	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(put_all("bob@a", NULL, 0, t0), 0);
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), 0);
	ck_assert_int_eq(walk(&seen), 0);
	ck_assert_ptr_nonnull(strstr(seen.text, "registered:alice@a "));
	ck_assert_ptr_nonnull(strstr(seen.text, "known:bob@a "));
	ck_assert_ptr_nonnull(strstr(seen.text, "alice:alice@a "));
	ck_assert_ptr_nonnull(strstr(seen.text, "sales@a:alice@a "));
	ck_assert_uint_eq(strlen(seen.text),
			  strlen("registered:alice@a known:bob@a alice:alice@a "
				 "sales@a:alice@a "));
	seen.stop = -ECANCELED;
	ck_assert_int_eq(walk(&seen), -ECANCELED);
	ck_assert_str_eq(seen.text, "alice:alice@a ");
}
END_TEST

static int see_served(const struct client *c, void *arg)
{
	struct seen *seen = arg;

	if (c->n)
		note(seen, c->v[0].url, c->id);
	return seen->stop;
}

static int served(struct seen *seen, const char *after)
{
	struct store_view w = view_at(t0);
	struct store_served q = {NULL, after, see_served, seen};
	struct addr proxy;
	int i, err = -EAGAIN;

	ck_assert_int_eq(addr_parse(&proxy, "203.0.113.1:5060", 0), 0);
	q.proxy = &proxy;
	seen->text[0] = '\0';
	for (i = 0; i < TRIES && err == -EAGAIN; i++) {
		struct outcome o = {false, 0};

		err = store_served(scene.s, &q, &w);
		if (err != -EAGAIN)
			break;
		ck_assert_int_eq(store_await_served(scene.s, &q, on_done, &o),
				 0);
		(void)finish(-EINPROGRESS, &o);
	}
	return err;
}

START_TEST(a_proxy_is_told_whom_it_serves)
{
	struct seen seen = {"", 0};

	begin(_i);
	ck_assert_int_eq(served(&seen, ""), 0);
	ck_assert_str_eq(seen.text, "");
	ck_assert_int_eq(put("a@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(put("b@a", "sip:b@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(put_all("c@a", NULL, 0, t0), 0);
	ck_assert_int_eq(served(&seen, ""), 0);
	ck_assert_str_eq(seen.text, "sip:a@192.0.2.1:a@a sip:b@192.0.2.1:b@a ");
	seen.stop = 1;
	ck_assert_int_eq(served(&seen, ""), 1);
	ck_assert_str_eq(seen.text, "sip:a@192.0.2.1:a@a ");
	seen.stop = 0;
	ck_assert_int_eq(served(&seen, "a@a"), 0);
	ck_assert_str_eq(seen.text, "sip:b@192.0.2.1:b@a ");
	seen.stop = -EMSGSIZE;
	ck_assert_int_eq(served(&seen, ""), -EMSGSIZE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("redirectd_store_lists");
	TCase *tc = tcase_create("lists");
	SRunner *runner;
	int failed, n = kinds();

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, an_alias_is_as_its_client, 0, n);
	tcase_add_loop_test(tc, an_alias_is_no_client_and_of_no_alias, 0, n);
	tcase_add_loop_test(tc, users_come_and_go, 0, n);
	tcase_add_loop_test(tc, a_walk_comes_by_everything, 0, n);
	tcase_add_loop_test(tc, a_proxy_is_told_whom_it_serves, 0, n);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
