#include <check.h>
#include <stdio.h>
#include <string.h>

#include "proxyd/choice.h"

enum { POOL = 5, CALLS = 2000 };

static void pool_init(struct choice pool[POOL])
{
	char text[ADDR_STRLEN];

	memset(pool, 0, POOL * sizeof(pool[0]));
	for (int i = 0; i < POOL; i++) {
		(void)snprintf(text, sizeof(text), "203.0.113.%d", 40 + i);
		ck_assert_int_eq(addr_parse(&pool[i].at, text, 5060), 0);
		pool[i].weight = 1000;
	}
}

START_TEST(choice_is_the_same_whatever_the_order_of_the_pool)
{
	struct choice pool[POOL], reversed[POOL];
	struct addr a, b;
	char call[32];

	pool_init(pool);
	for (int i = 0; i < POOL; i++)
		reversed[i] = pool[POOL - 1 - i];
	for (int i = 0; i < CALLS; i++) {
		(void)snprintf(call, sizeof(call), "call-%d", i);
		ck_assert(choice_nth(&a, pool, POOL, call, 0));
		ck_assert(choice_nth(&b, reversed, POOL, call, 0));
		ck_assert(addr_eq(&a, &b));
	}
}
END_TEST

START_TEST(choice_spreads_calls_and_moves_only_those_of_a_lost_relay)
{
	struct choice pool[POOL];
	struct addr a, b, second;
	int share[POOL] = {0};
	char call[32];

	pool_init(pool);
	for (int i = 0; i < CALLS; i++) {
		(void)snprintf(call, sizeof(call), "call-%d", i);
		ck_assert(choice_nth(&a, pool, POOL, call, 0));
		ck_assert(choice_nth(&second, pool, POOL, call, 1));
		ck_assert(choice_nth(&b, pool, POOL - 1, call, 0));
		ck_assert(!addr_eq(&a, &second));
		if (addr_eq(&a, &pool[POOL - 1].at))
			ck_assert(addr_eq(&b, &second));
		else
			ck_assert(addr_eq(&b, &a));
		for (int k = 0; k < POOL; k++)
			share[k] += addr_eq(&a, &pool[k].at);
	}
	for (int k = 0; k < POOL; k++) {
		ck_assert_int_gt(share[k], CALLS / POOL / 2);
		ck_assert_int_lt(share[k], CALLS / POOL * 2);
	}
}
END_TEST

START_TEST(choice_ends_with_the_pool)
{
	struct choice pool[POOL];
	struct addr a;
	unsigned seen = 0;

	pool_init(pool);
	for (size_t nth = 0; nth < POOL; nth++) {
		ck_assert(choice_nth(&a, pool, POOL, "call", nth));
		for (int k = 0; k < POOL; k++)
			if (addr_eq(&a, &pool[k].at))
				seen |= 1u << k;
	}
	ck_assert_uint_eq(seen, (1u << POOL) - 1);
	ck_assert(!choice_nth(&a, pool, POOL, "call", POOL));
	ck_assert(!choice_nth(&a, pool, 0, "call", 0));
}
END_TEST

/* How many calls each member gets as the first choice. */
static void shares(int share[POOL], const struct choice pool[POOL])
{
	struct addr a;
	char call[32];

	memset(share, 0, POOL * sizeof(share[0]));
	for (int i = 0; i < CALLS; i++) {
		(void)snprintf(call, sizeof(call), "call-%d", i);
		ck_assert(choice_nth(&a, pool, POOL, call, 0));
		for (int k = 0; k < POOL; k++)
			share[k] += addr_eq(&a, &pool[k].at);
	}
}

START_TEST(choice_gives_calls_in_proportion_to_the_weights)
{
	static const unsigned weights[POOL] = {100, 200, 300, 400, 0};
	struct choice pool[POOL];
	int share[POOL];

	pool_init(pool);
	for (int k = 0; k < POOL; k++)
		pool[k].weight = weights[k];
	shares(share, pool);
	for (int k = 0; k < POOL - 1; k++) {
		int want = (int)weights[k] * CALLS / 1000;

		ck_assert_int_gt(share[k], want * 8 / 10);
		ck_assert_int_lt(share[k], want * 12 / 10);
	}
	ck_assert_int_lt(share[POOL - 1], CALLS / 100);
}
END_TEST

START_TEST(choice_moves_only_the_calls_of_the_member_whose_weight_changes)
{
	struct choice pool[POOL], later[POOL];
	struct addr a, b;
	char call[32];
	int moved = 0;

	pool_init(pool);
	pool_init(later);
	later[2].weight = 500;
	for (int i = 0; i < CALLS; i++) {
		(void)snprintf(call, sizeof(call), "call-%d", i);
		ck_assert(choice_nth(&a, pool, POOL, call, 0));
		ck_assert(choice_nth(&b, later, POOL, call, 0));
		if (!addr_eq(&a, &b)) {
			ck_assert(addr_eq(&a, &pool[2].at));
			moved++;
		}
	}
	ck_assert_int_gt(moved, 0);
}
END_TEST

START_TEST(choice_takes_a_higher_rank_last)
{
	struct choice pool[POOL];
	struct addr a;
	int share[POOL];

	pool_init(pool);
	pool[0].rank = 2;
	pool[1].rank = 1;
	shares(share, pool);
	ck_assert_int_eq(share[0], 0);
	ck_assert_int_eq(share[1], 0);
	ck_assert(choice_nth(&a, pool, POOL, "call", POOL - 2));
	ck_assert(addr_eq(&a, &pool[1].at));
	ck_assert(choice_nth(&a, pool, POOL, "call", POOL - 1));
	ck_assert(addr_eq(&a, &pool[0].at));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_choice");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, choice_is_the_same_whatever_the_order_of_the_pool);
	tcase_add_test(
		tc, choice_spreads_calls_and_moves_only_those_of_a_lost_relay);
	tcase_add_test(tc, choice_ends_with_the_pool);
	tcase_add_test(tc, choice_gives_calls_in_proportion_to_the_weights);
	tcase_add_test(
		tc,
		choice_moves_only_the_calls_of_the_member_whose_weight_changes);
	tcase_add_test(tc, choice_takes_a_higher_rank_last);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
