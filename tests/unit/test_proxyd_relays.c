#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "proxyd/relays.h"

static struct relays *relays;
static struct pool_relay a, b;

static void setup(void)
{
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	ck_assert_int_eq(relays_alloc(&relays), 0);
	ck_assert_int_eq(addr_parse(&a.at, "203.0.113.4:5060", 0), 0);
	ck_assert_int_eq(addr_parse(&b.at, "203.0.113.5:5060", 0), 0);
	a.q = b.q = 500;
}

static void teardown(void)
{
	relays_free(relays);
}

static void both_join(uint64_t now)
{
	const struct pool_relay v[] = {a, b};

	relays_listed(relays, v, 2, now);
}

static relay_id id_of(const struct pool_relay *r)
{
	return relays_id(relays, &r->at);
}

/* How many of many calls have it as their nth choice. */
static int chosen(const struct pool_relay *r, size_t nth, uint64_t now)
{
	struct addr at;
	char call[32];
	int n = 0;

	for (int i = 0; i < 100; i++) {
		(void)snprintf(call, sizeof(call), "call-%d", i);
		n += relays_nth(&at, relays, call, nth, now) &&
		     addr_eq(&at, &r->at);
	}
	return n;
}

START_TEST(those_that_have_joined_share_the_calls)
{
	struct addr at;

	ck_assert(!relays_nth(&at, relays, "call", 0, 0));
	both_join(1);
	ck_assert_uint_eq(relays_count(relays), 2);
	ck_assert_uint_eq(relays_usable(relays, 1), 2);
	ck_assert_int_gt(chosen(&a, 0, 1), 20);
	ck_assert_int_gt(chosen(&b, 0, 1), 20);
	ck_assert_int_eq(chosen(&a, 0, 1) + chosen(&b, 0, 1), 100);
}
END_TEST

START_TEST(one_that_has_left_is_a_spare_and_then_forgotten)
{
	both_join(1);
	relays_listed(relays, &a, 1, 2);
	ck_assert_int_eq(chosen(&a, 0, 2), 100);
	ck_assert_int_eq(chosen(&b, 1, 2), 100);
	ck_assert_uint_eq(relays_usable(relays, 2), 1);
	ck_assert_uint_eq(id_of(&b) != 0, 1);
	relays_expire(relays, 1 + RELAYS_KEEP_MS - 1);
	ck_assert_uint_eq(relays_count(relays), 2);
	relays_expire(relays, 1 + RELAYS_KEEP_MS);
	ck_assert_uint_eq(relays_count(relays), 1);
	ck_assert_uint_eq(id_of(&b), 0);
}
END_TEST

START_TEST(a_directory_that_has_forgotten_all_costs_no_call)
{
	both_join(1);
	relays_listed(relays, NULL, 0, 2);
	ck_assert_int_eq(chosen(&a, 0, 2) + chosen(&b, 0, 2), 100);
	/* the first to join again gets the calls, the other is a spare */
	relays_listed(relays, &b, 1, 3);
	ck_assert_int_eq(chosen(&b, 0, 3), 100);
}
END_TEST

START_TEST(one_that_is_silent_comes_last_until_it_answers)
{
	both_join(1);
	relays_silent(relays, id_of(&a));
	ck_assert_int_eq(chosen(&b, 0, 1), 100);
	ck_assert_int_eq(chosen(&a, 1, 1), 100);
	relays_answered(relays, id_of(&a), 500, false);
	ck_assert_int_gt(chosen(&a, 0, 1), 20);
}
END_TEST

START_TEST(one_that_drains_gets_no_call_at_all)
{
	both_join(1);
	relays_answered(relays, id_of(&a), 500, true);
	ck_assert_int_eq(chosen(&b, 0, 1), 100);
	ck_assert_int_eq(chosen(&a, 1, 1), 0);
	relays_answered(relays, id_of(&b), 500, true);
	ck_assert_int_eq(chosen(&a, 0, 1) + chosen(&b, 0, 1), 0);
}
END_TEST

START_TEST(one_that_said_no_is_left_alone_for_a_while)
{
	both_join(1);
	relays_avoid(relays, id_of(&a), 100);
	ck_assert_int_eq(chosen(&b, 0, 99), 100);
	ck_assert_int_gt(chosen(&a, 0, 100), 20);
	/* a health answer does not shorten it */
	relays_avoid(relays, id_of(&a), 200);
	relays_answered(relays, id_of(&a), 500, false);
	relays_avoid(relays, id_of(&a), 150);
	ck_assert_int_eq(chosen(&b, 0, 199), 100);
}
END_TEST

/* What it refused meanwhile is no reason to wait any more. */
START_TEST(one_that_drains_no_more_is_as_good_as_before)
{
	both_join(1);
	relays_avoid(relays, id_of(&a), 30000);
	relays_answered(relays, id_of(&a), 500, true);
	ck_assert_int_eq(chosen(&a, 0, 2) + chosen(&a, 1, 2), 0);
	relays_answered(relays, id_of(&a), 500, false);
	ck_assert_int_gt(chosen(&a, 0, 2), 20);
	relays_avoid(relays, id_of(&a), 30000);
	relays_answered(relays, id_of(&a), 500, true);
	both_join(3);
	ck_assert_int_gt(chosen(&a, 0, 3), 20);
}
END_TEST

START_TEST(one_that_is_full_comes_last)
{
	both_join(1);
	relays_answered(relays, id_of(&a), 0, false);
	ck_assert_int_eq(chosen(&b, 0, 1), 100);
	ck_assert_int_eq(chosen(&a, 1, 1), 100);
}
END_TEST

START_TEST(the_configured_stay)
{
	ck_assert_int_eq(relays_add(relays, &a.at), 0);
	ck_assert_int_eq(relays_add(relays, &a.at), 0);
	ck_assert_uint_eq(relays_count(relays), 1);
	relays_listed(relays, &b, 1, 1);
	relays_listed(relays, NULL, 0, 10 * RELAYS_KEEP_MS);
	ck_assert_uint_eq(relays_count(relays), 1);
	ck_assert_int_eq(chosen(&a, 0, 10 * RELAYS_KEEP_MS), 100);
}
END_TEST

START_TEST(the_table_is_bounded_and_ids_are_never_used_again)
{
	struct pool_relay v = a;
	struct addr at;
	relay_id first;

	for (unsigned i = 0; i < POOL_RELAYS_MAX; i++) {
		addr_set_port(&v.at, (uint16_t)(6000 + i));
		ck_assert_int_eq(relays_add(relays, &v.at), 0);
	}
	ck_assert_int_eq(relays_add(relays, &b.at), -ENOSPC);
	relays_listed(relays, &b, 1, 1);
	ck_assert_uint_eq(relays_count(relays), POOL_RELAYS_MAX);
	ck_assert_uint_eq(relays_each(&at, relays, POOL_RELAYS_MAX), 0);
	relays_free(relays);
	ck_assert_int_eq(relays_alloc(&relays), 0);
	relays_listed(relays, &a, 1, 1);
	first = id_of(&a);
	relays_expire(relays, 1 + RELAYS_KEEP_MS);
	relays_silent(relays, first);
	relays_listed(relays, &a, 1, 2 + RELAYS_KEEP_MS);
	ck_assert_uint_ne(id_of(&a), first);
	ck_assert_uint_eq(relays_usable(relays, 2 + RELAYS_KEEP_MS), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_relays");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, those_that_have_joined_share_the_calls);
	tcase_add_test(tc, one_that_has_left_is_a_spare_and_then_forgotten);
	tcase_add_test(tc, a_directory_that_has_forgotten_all_costs_no_call);
	tcase_add_test(tc, one_that_is_silent_comes_last_until_it_answers);
	tcase_add_test(tc, one_that_drains_gets_no_call_at_all);
	tcase_add_test(tc, one_that_said_no_is_left_alone_for_a_while);
	tcase_add_test(tc, one_that_is_full_comes_last);
	tcase_add_test(tc, one_that_drains_no_more_is_as_good_as_before);
	tcase_add_test(tc, the_configured_stay);
	tcase_add_test(tc, the_table_is_bounded_and_ids_are_never_used_again);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
