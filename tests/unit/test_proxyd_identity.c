#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "proxyd/identity.h"

enum { CALLS = 3, KEEP = 1000 };

static struct identity *known;
static uint64_t now;

static void setup(void)
{
	const struct identity_config cfg = {CALLS, 2, KEEP, KEEP};

	now = 1000000;
	ck_assert_int_eq(identity_alloc(&known, &cfg), 0);
}

static void teardown(void)
{
	identity_free(known);
}

static struct addr at(const char *text)
{
	struct addr a = {0};

	if (*text)
		ck_assert_int_eq(addr_parse(&a, text, 5060), 0);
	return a;
}

static void begin(const char *call, const char *src)
{
	struct addr a = at(src);

	ck_assert_int_eq(identity_begin(known, now, call, "f", &a, false), 0);
}

static void add(const char *call, enum identity_side side, const char *text)
{
	struct addr a = at(text);

	identity_add(known, now, call, "f", side, &a, false);
}

static enum identity_verdict judge(const char *call, enum identity_side side,
				   const char *src)
{
	struct addr a = at(src);

	return identity_judge(known, now, call, "f", side, &a, false);
}

static enum identity_verdict judge_peer(const char *call,
					enum identity_side side)
{
	struct addr a = at("203.0.113.2");

	return identity_judge(known, now, call, "f", side, &a, true);
}

START_TEST(each_side_from_its_own_place)
{
	begin("c", "198.51.100.28:40000");
	add("c", IDENTITY_CALLEE, "192.0.2.30:5060");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "198.51.100.28:1"),
			 IDENTITY_PARTY);
	ck_assert_int_eq(judge("c", IDENTITY_CALLEE, "192.0.2.30:9"),
			 IDENTITY_PARTY);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.30:5060"),
			 IDENTITY_STRANGER);
	ck_assert_int_eq(judge("c", IDENTITY_CALLEE, "198.51.100.28:40000"),
			 IDENTITY_STRANGER);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "203.0.113.66"),
			 IDENTITY_STRANGER);
}
END_TEST

START_TEST(what_is_not_known_is_not_held_against_anybody)
{
	struct addr a = at("203.0.113.66");

	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "203.0.113.66"),
			 IDENTITY_UNKNOWN);
	begin("c", "198.51.100.28");
	ck_assert_int_eq(judge("c", IDENTITY_CALLEE, "203.0.113.66"),
			 IDENTITY_UNKNOWN);
	ck_assert_int_eq(judge("d", IDENTITY_CALLER, "203.0.113.66"),
			 IDENTITY_UNKNOWN);
	ck_assert_int_eq(identity_judge(known, now, "c", "other",
					IDENTITY_CALLER, &a, false),
			 IDENTITY_UNKNOWN);
	add("c", IDENTITY_CALLEE, "192.0.2.30");
	add("c", IDENTITY_CALLEE, "");
	ck_assert_int_eq(judge("c", IDENTITY_CALLEE, "203.0.113.66"),
			 IDENTITY_UNKNOWN);
}
END_TEST

START_TEST(a_network_and_not_an_address)
{
	begin("c", "198.51.100.28");
	add("c", IDENTITY_CALLEE, "2001:db8:1:2::7");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "198.51.100.29"),
			 IDENTITY_PARTY);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "198.51.101.28"),
			 IDENTITY_STRANGER);
	ck_assert_int_eq(judge("c", IDENTITY_CALLEE, "2001:db8:1:2:ffff::1"),
			 IDENTITY_PARTY);
	ck_assert_int_eq(judge("c", IDENTITY_CALLEE, "2001:db8:1:3::7"),
			 IDENTITY_STRANGER);
	ck_assert_int_eq(judge("c", IDENTITY_CALLEE, "32.1.13.184"),
			 IDENTITY_STRANGER);
}
END_TEST

START_TEST(a_phone_that_moved_is_at_both)
{
	begin("c", "198.51.100.28");
	add("c", IDENTITY_CALLER, "192.0.2.1");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.1"),
			 IDENTITY_PARTY);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "198.51.100.28"),
			 IDENTITY_PARTY);
}
END_TEST

static void named(const char *call, enum identity_side side, const char *id)
{
	identity_name(known, now, call, "f", side, id);
}

static void registered(const char *id, const char *src)
{
	struct addr a = at(src);

	identity_registered(known, now, id, &a);
}

START_TEST(a_phone_that_moved_is_known_by_its_registration)
{
	begin("c", "198.51.100.28");
	named("c", IDENTITY_CALLER, "alice@example.com");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.1"),
			 IDENTITY_STRANGER);
	registered("alice@example.com", "192.0.2.1:40000");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.2"),
			 IDENTITY_STRANGER);
	ck_assert_int_eq(judge("c", IDENTITY_CALLEE, "192.0.2.1"),
			 IDENTITY_UNKNOWN);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.1"),
			 IDENTITY_MOVED);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.1"),
			 IDENTITY_PARTY);
}
END_TEST

/* A desk phone, a mobile one and a browser: each of them may move. */
START_TEST(a_client_has_several_phones)
{
	begin("c", "198.51.100.28");
	named("c", IDENTITY_CALLER, "alice@example.com");
	registered("alice@example.com", "192.0.2.1");
	registered("alice@example.com", "192.0.3.1");
	for (int i = 0; i < 5; i++)
		registered("alice@example.com", "192.0.4.1");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.5.1"),
			 IDENTITY_STRANGER);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.1"),
			 IDENTITY_MOVED);
	registered("alice@example.com", "192.0.5.1");
	registered("alice@example.com", "192.0.6.1");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.3.1"),
			 IDENTITY_STRANGER);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.5.1"),
			 IDENTITY_MOVED);
}
END_TEST

/* Who they are has been said when the call began. */
START_TEST(another_client_is_a_stranger_where_it_is_registered)
{
	begin("c", "198.51.100.28");
	named("c", IDENTITY_CALLER, "alice@example.com");
	registered("mallory@example.com", "192.0.2.66");
	named("c", IDENTITY_CALLER, "mallory@example.com");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.66"),
			 IDENTITY_STRANGER);
	begin("d", "198.51.100.28");
	ck_assert_int_eq(judge("d", IDENTITY_CALLER, "192.0.2.66"),
			 IDENTITY_STRANGER);
}
END_TEST

START_TEST(a_registration_is_forgotten)
{
	begin("c", "198.51.100.28");
	named("c", IDENTITY_CALLER, "alice@example.com");
	registered("alice@example.com", "192.0.2.1");
	now += KEEP - 1;
	(void)judge("c", IDENTITY_CALLER, "198.51.100.28");
	now += 1;
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.2.1"),
			 IDENTITY_STRANGER);
}
END_TEST

START_TEST(the_places_are_bounded)
{
	char text[32];

	begin("c", "198.51.100.28");
	for (int i = 1; i < 100; i++) {
		snprintf(text, sizeof(text), "192.0.%d.1", i);
		add("c", IDENTITY_CALLER, text);
		ck_assert_int_eq(judge("c", IDENTITY_CALLER, text),
				 IDENTITY_PARTY);
	}
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "198.51.100.28"),
			 IDENTITY_PARTY);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.99.1"),
			 IDENTITY_PARTY);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "192.0.50.1"),
			 IDENTITY_STRANGER);
}
END_TEST

/* An INVITE with the Call-ID and tag of a call that is up. */
START_TEST(the_first_is_believed)
{
	begin("c", "198.51.100.28");
	begin("c", "203.0.113.66");
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "203.0.113.66"),
			 IDENTITY_STRANGER);
	add("d", IDENTITY_CALLER, "203.0.113.66");
	ck_assert_uint_eq(identity_count(known), 1);
}
END_TEST

START_TEST(another_proxy_has_looked_itself)
{
	struct addr a = at("203.0.113.2");

	ck_assert_int_eq(identity_begin(known, now, "c", "f", &a, true), 0);
	add("c", IDENTITY_CALLEE, "192.0.2.30");
	ck_assert_int_eq(judge_peer("c", IDENTITY_CALLER), IDENTITY_PARTY);
	ck_assert_int_eq(judge_peer("c", IDENTITY_CALLEE), IDENTITY_STRANGER);
	/* From that host, but as a phone would. */
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "203.0.113.2"),
			 IDENTITY_STRANGER);
	ck_assert_int_eq(judge("c", IDENTITY_CALLER, "203.0.113.66"),
			 IDENTITY_STRANGER);
}
END_TEST

START_TEST(a_call_ends)
{
	begin("c", "198.51.100.28");
	identity_end(known, "c", "x");
	ck_assert_uint_eq(identity_count(known), 1);
	identity_end(known, "c", "f");
	ck_assert_uint_eq(identity_count(known), 0);
}
END_TEST

START_TEST(too_many_calls_and_too_old_ones)
{
	begin("a", "198.51.100.28");
	begin("b", "198.51.100.28");
	begin("c", "198.51.100.28");
	begin("d", "198.51.100.28");
	ck_assert_uint_eq(identity_count(known), CALLS);
	ck_assert_int_eq(judge("a", IDENTITY_CALLER, "203.0.113.66"),
			 IDENTITY_UNKNOWN);
	now += KEEP;
	ck_assert_int_eq(judge("d", IDENTITY_CALLER, "203.0.113.66"),
			 IDENTITY_UNKNOWN);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("identity");
	Suite *s = suite_create("proxyd identity");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_side_from_its_own_place);
	tcase_add_test(tc, what_is_not_known_is_not_held_against_anybody);
	tcase_add_test(tc, a_network_and_not_an_address);
	tcase_add_test(tc, a_phone_that_moved_is_at_both);
	tcase_add_test(tc, a_phone_that_moved_is_known_by_its_registration);
	tcase_add_test(tc, a_client_has_several_phones);
	tcase_add_test(tc, another_client_is_a_stranger_where_it_is_registered);
	tcase_add_test(tc, a_registration_is_forgotten);
	tcase_add_test(tc, the_places_are_bounded);
	tcase_add_test(tc, the_first_is_believed);
	tcase_add_test(tc, another_proxy_has_looked_itself);
	tcase_add_test(tc, a_call_ends);
	tcase_add_test(tc, too_many_calls_and_too_old_ones);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
