#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/channel.h"
#include "common/deadlines.h"
#include "common/paging.h"
#include "proxyd/clients.h"
#include "proxyd/pinholes.h"

#define BOB  "bob@example.com"
#define CARL "carl@example.com"
#define OWN  "10.0.0.16:5060"
#define URI  "sip:bob@" OWN

enum { MAX = 12, END = 60000 };

static struct {
	struct deadlines *dl;
	struct pinholes *p;
	struct clients *c;
	struct channel at, moved, other_nat;
	size_t moves;
	struct channel from, to;
} t;

static uint64_t now(void *arg)
{
	(void)arg;
	return 0;
}

static bool on_send(const struct channel *at, const char *target, bool marked,
		    void *arg)
{
	(void)at;
	(void)target;
	(void)marked;
	(void)arg;
	return false;
}

static void on_news(const struct channel *at, enum pinholes_news what,
		    const char *why, void *arg)
{
	(void)at;
	(void)what;
	(void)why;
	(void)arg;
}

static void on_moved(const char *id, const struct channel *from,
		     const struct channel *to, void *arg)
{
	(void)arg;
	ck_assert_str_eq(id, BOB);
	t.moves++;
	t.from = *from;
	t.to = *to;
}

static struct channel via(const char *text)
{
	struct channel c;

	ck_assert_int_eq(channel_parse(&c, text), 0);
	return c;
}

static void setup(void)
{
	struct pinholes_config pc = {
		.max = MAX,
		.interval_ms = 20000,
		.now = now,
		.send = on_send,
		.news = on_news,
	};
	struct clients_config cc = {.max = MAX, .moved = on_moved};

	memset(&t, 0, sizeof(t));
	t.at = via("198.51.100.28:40000");
	t.moved = via("198.51.100.28:40001");
	t.other_nat = via("198.51.100.30:40000");
	ck_assert_int_eq(deadlines_alloc(&t.dl), 0);
	pc.deadlines = cc.deadlines = t.dl;
	ck_assert_int_eq(pinholes_alloc(&t.p, &pc), 0);
	cc.pinholes = t.p;
	ck_assert_int_eq(clients_alloc(&t.c, &cc), 0);
}

static void teardown(void)
{
	clients_free(t.c);
	ck_assert_uint_eq(pinholes_count(t.p), 0);
	pinholes_free(t.p);
	ck_assert_uint_eq(deadlines_count(t.dl), 0);
	deadlines_free(t.dl);
}

static int try_put(const char *id, const char *target, const struct channel *at,
		   uint64_t end)
{
	struct clients_phone phone = {*at, target, "", 0, false};

	return clients_put(t.c, id, &phone, 1, end);
}

static void put(const char *id, const char *target, const struct channel *at)
{
	ck_assert_int_eq(try_put(id, target, at, END), 0);
}

static void put_flow(const char *instance, uint32_t reg_id,
		     const struct channel *at)
{
	struct clients_phone phone = {*at, URI, instance, reg_id, false};

	ck_assert_int_eq(clients_put(t.c, BOB, &phone, 1, END), 0);
}

START_TEST(a_client_is_found_at_each_of_its_channels_until_they_expire)
{
	ck_assert_int_eq(try_put(BOB, URI, &t.at, 1000), 0);
	ck_assert_int_eq(try_put(BOB, URI, &t.other_nat, 2000), 0);
	ck_assert_uint_eq(clients_count(t.c), 2);
	ck_assert(clients_at(t.c, BOB, &t.at));
	ck_assert(clients_at(t.c, BOB, &t.other_nat));
	ck_assert(!clients_at(t.c, BOB, &t.moved));
	ck_assert(!clients_at(t.c, CARL, &t.at));
	deadlines_run(t.dl, 1000);
	ck_assert(!clients_at(t.c, BOB, &t.at));
	ck_assert(clients_at(t.c, BOB, &t.other_nat));
	deadlines_run(t.dl, 2000);
	ck_assert(!clients_has(t.c, BOB));
	ck_assert_uint_eq(t.moves, 0);
}
END_TEST

START_TEST(the_same_phone_at_another_channel_takes_the_place_of_the_old)
{
	put(BOB, URI, &t.at);
	put(BOB, URI, &t.at);
	ck_assert_uint_eq(t.moves, 0);
	put(BOB, URI, &t.moved);
	ck_assert_uint_eq(clients_count(t.c), 1);
	ck_assert_uint_eq(pinholes_count(t.p), 1);
	ck_assert(!clients_at(t.c, BOB, &t.at));
	ck_assert_uint_eq(t.moves, 1);
	ck_assert(channel_eq(&t.from, &t.at) && channel_eq(&t.to, &t.moved));
}
END_TEST

START_TEST(flows_of_one_instance_are_told_apart_by_reg_id)
{
	put_flow("\"<urn:uuid:1>\"", 1, &t.at);
	put_flow("\"<urn:uuid:1>\"", 2, &t.moved);
	ck_assert_uint_eq(clients_count(t.c), 2);
	put_flow("\"<urn:uuid:1>\"", 1, &t.other_nat);
	ck_assert_uint_eq(clients_count(t.c), 2);
	ck_assert(!clients_at(t.c, BOB, &t.at));
	put_flow("\"<urn:uuid:2>\"", 1, &t.at);
	ck_assert_uint_eq(clients_count(t.c), 3);
}
END_TEST

START_TEST(what_the_directory_does_not_list_is_forgotten)
{
	struct channel listed = t.moved;

	put(BOB, URI, &t.at);
	put(BOB, "sip:bob@10.0.0.17:5060", &t.moved);
	clients_retain(t.c, BOB, &listed, 1);
	ck_assert_uint_eq(clients_count(t.c), 1);
	ck_assert(clients_at(t.c, BOB, &t.moved));
	ck_assert_uint_eq(t.moves, 0);
	clients_retain(t.c, BOB, NULL, 0);
	ck_assert(!clients_has(t.c, BOB));
	ck_assert_uint_eq(pinholes_count(t.p), 0);
	clients_retain(t.c, BOB, NULL, 0);
}
END_TEST

START_TEST(a_phone_that_registered_behind_another_nat_has_moved)
{
	put(BOB, URI, &t.at);
	put(BOB, URI, &t.other_nat);
	clients_retain(t.c, BOB, &t.other_nat, 1);
	ck_assert_uint_eq(t.moves, 1);
	ck_assert(channel_eq(&t.from, &t.at));
	ck_assert(channel_eq(&t.to, &t.other_nat));
}
END_TEST

START_TEST(a_changed_mapping_is_followed_under_its_registered_name)
{
	struct channel at = t.at;

	put(BOB, URI, &t.at);
	ck_assert(clients_moved(t.c, BOB, OWN, &t.moved, 2));
	ck_assert_uint_eq(t.moves, 1);
	ck_assert(clients_at(t.c, BOB, &t.moved));
	ck_assert(!clients_at(t.c, BOB, &t.at));
	ck_assert(clients_live(&at, t.c, BOB));
	ck_assert(channel_eq(&at, &t.moved));
	/* the directory has the old one: it is its name */
	clients_retain(t.c, BOB, &t.at, 1);
	ck_assert(clients_at(t.c, BOB, &t.moved));
	/* until it registers from there, too */
	put(BOB, URI, &t.moved);
	clients_retain(t.c, BOB, &t.moved, 1);
	ck_assert_uint_eq(clients_count(t.c), 1);
	at = t.at;
	ck_assert(!clients_live(&at, t.c, BOB));
}
END_TEST

START_TEST(nobody_else_moves_a_phone)
{
	struct channel tcp = via("tcp:198.51.100.28:40001");

	put(BOB, URI, &t.at);
	put(CARL, "sip:carl@" OWN, &t.moved);
	ck_assert(!clients_moved(t.c, BOB, "10.0.0.17:5060", &t.moved, 2));
	ck_assert(!clients_moved(t.c, BOB, OWN, &t.other_nat, 2));
	ck_assert(!clients_moved(t.c, BOB, OWN, &tcp, 2));
	ck_assert(!clients_moved(t.c, BOB, OWN, &t.at, 2));
	ck_assert(!clients_moved(t.c, "dave@example.com", OWN, &t.moved, 2));
	ck_assert_uint_eq(t.moves, 0);
	/* two that cannot be told apart */
	put(BOB, "sip:bob2@" OWN, &t.moved);
	tcp = via("198.51.100.28:40009");
	ck_assert(!clients_moved(t.c, BOB, OWN, &tcp, 2));
}
END_TEST

START_TEST(clients_that_share_a_channel_share_its_pinhole)
{
	put(BOB, URI, &t.at);
	put(CARL, "sip:carl@" OWN, &t.at);
	ck_assert_uint_eq(pinholes_count(t.p), 1);
	clients_retain(t.c, BOB, NULL, 0);
	ck_assert_uint_eq(pinholes_count(t.p), 1);
	clients_retain(t.c, CARL, NULL, 0);
	ck_assert_uint_eq(pinholes_count(t.p), 0);
}
END_TEST

START_TEST(the_table_is_bounded_in_all_and_for_each)
{
	char text[32];
	struct channel at;

	for (int i = 0; i <= CLIENT_BINDINGS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "198.51.100.%d:1", i + 1);
		at = via(text);
		ck_assert_int_eq(try_put(BOB, URI, &at, END),
				 i < CLIENT_BINDINGS_MAX ? 0 : -ENOSPC);
	}
	put(CARL, "sip:carl@" OWN, &t.at);
	put("dave@x", "sip:dave@" OWN, &t.at);
	ck_assert_int_eq(try_put("eve@x", URI, &t.at, END), -ENOSPC);
	ck_assert(!clients_has(t.c, "eve@x"));
	ck_assert_uint_eq(clients_count(t.c), MAX);
}
END_TEST

START_TEST(the_table_is_shown)
{
	struct paging page = {.limit = 2, .list = json_array()};
	json_t *one;

	put(BOB, URI, &t.at);
	ck_assert(clients_moved(t.c, BOB, OWN, &t.moved, 2));
	pinholes_mark(t.p, &t.moved, "test");
	clients_page(&page, t.c, NULL, 2);
	ck_assert_uint_eq(json_array_size(page.list), 1);
	one = json_array_get(page.list, 0);
	ck_assert_str_eq(json_string_value(json_object_get(one, "id")), BOB);
	ck_assert_str_eq(json_string_value(json_object_get(one, "channel")),
			 "198.51.100.28:40001");
	ck_assert_str_eq(json_string_value(json_object_get(one, "registered")),
			 "198.51.100.28:40000");
	ck_assert(json_is_true(json_object_get(one, "marked")));
	ck_assert_int_eq(
		json_integer_value(json_object_get(one, "expires_in_ms")),
		END - 2);
	clients_page(&page, t.c, CARL, 2);
	ck_assert_uint_eq(page.seen, 1);
	put(CARL, "sip:carl@" OWN, &t.at);
	clients_page(&page, t.c, CARL, 2);
	ck_assert_uint_eq(json_array_size(page.list), 2);
	one = json_array_get(page.list, 1);
	ck_assert_str_eq(json_string_value(json_object_get(one, "id")), CARL);
	json_decref(page.list);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_clients");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(
		tc,
		a_client_is_found_at_each_of_its_channels_until_they_expire);
	tcase_add_test(
		tc,
		the_same_phone_at_another_channel_takes_the_place_of_the_old);
	tcase_add_test(tc, flows_of_one_instance_are_told_apart_by_reg_id);
	tcase_add_test(tc, what_the_directory_does_not_list_is_forgotten);
	tcase_add_test(tc,
		       a_phone_that_registered_behind_another_nat_has_moved);
	tcase_add_test(tc,
		       a_changed_mapping_is_followed_under_its_registered_name);
	tcase_add_test(tc, nobody_else_moves_a_phone);
	tcase_add_test(tc, clients_that_share_a_channel_share_its_pinhole);
	tcase_add_test(tc, the_table_is_bounded_in_all_and_for_each);
	tcase_add_test(tc, the_table_is_shown);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
