#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/nonce.h"

enum { LIFE = 300000, USED_MAX = 4 };

#define SECRET "a secret of the site"
#define REALM  "example.com"

static const dir_time t0 = 1700000000000;

static struct nonces *nonces;
static char nonce[NONCE_LEN];

static struct nonces *begun(const char *secret)
{
	struct nonces *n = NULL;

	ck_assert_int_eq(nonces_alloc(&n, secret, LIFE, USED_MAX), 0);
	return n;
}

static void setup(void)
{
	nonces = begun(SECRET);
	ck_assert_int_eq(nonces_make(nonce, nonces, REALM, t0), 0);
}

static void teardown(void)
{
	nonces_free(nonces);
}

static int use(uint32_t count, uint64_t request)
{
	return nonces_use(nonces, nonce, count, request, t0 + 1);
}

START_TEST(fresh_until_its_time_is_over)
{
	ck_assert_uint_eq(strlen(nonce), NONCE_LEN - 1);
	ck_assert(nonces_fresh(nonces, nonce, REALM, t0));
	ck_assert(nonces_fresh(nonces, nonce, REALM, t0 + LIFE - 1));
	ck_assert(!nonces_fresh(nonces, nonce, REALM, t0 + LIFE));
	/* Made by another one, whose clock is ahead. */
	ck_assert(nonces_fresh(nonces, nonce, REALM, t0 - 59999));
	ck_assert(!nonces_fresh(nonces, nonce, REALM, t0 - 60000));
}
END_TEST

START_TEST(it_is_for_its_realm)
{
	ck_assert(!nonces_fresh(nonces, nonce, "example.org", t0));
	ck_assert(!nonces_fresh(nonces, nonce, "", t0));
}
END_TEST

START_TEST(any_change_is_noticed)
{
	char bad[NONCE_LEN + 1];
	size_t i;

	for (i = 0; i < NONCE_LEN - 1; i++) {
		strcpy(bad, nonce);
		bad[i] = bad[i] == '0' ? '1' : '0';
		ck_assert(!nonces_fresh(nonces, bad, REALM, t0));
	}
	for (i = 0; i < NONCE_LEN - 1; i++) {
		memcpy(bad, nonce, i);
		bad[i] = '\0';
		ck_assert(!nonces_fresh(nonces, bad, REALM, t0));
	}
	(void)strcat(strcpy(bad, nonce), "0");
	ck_assert(!nonces_fresh(nonces, bad, REALM, t0));
	ck_assert(!nonces_fresh(nonces, "garbage", REALM, t0));
	ck_assert(nonces_fresh(nonces, nonce, REALM, t0));
}
END_TEST

START_TEST(two_of_one_millisecond_differ)
{
	char other[NONCE_LEN];

	ck_assert_int_eq(nonces_make(other, nonces, REALM, t0), 0);
	ck_assert_str_ne(other, nonce);
	ck_assert(nonces_fresh(nonces, other, REALM, t0));
}
END_TEST

START_TEST(one_secret_is_one_site)
{
	struct nonces *same = begun(SECRET);
	struct nonces *other = begun("another secret.....");
	char theirs[NONCE_LEN];

	ck_assert(nonces_fresh(same, nonce, REALM, t0));
	ck_assert(!nonces_fresh(other, nonce, REALM, t0));
	ck_assert_int_eq(nonces_make(theirs, same, REALM, t0), 0);
	ck_assert_str_ne(theirs, nonce);
	ck_assert(nonces_fresh(nonces, theirs, REALM, t0));
	nonces_free(same);
	nonces_free(other);
}
END_TEST

START_TEST(without_a_secret_it_ends_with_the_process)
{
	struct nonces *a = begun(""), *b = begun("");
	char of_a[NONCE_LEN];

	ck_assert_int_eq(nonces_make(of_a, a, REALM, t0), 0);
	ck_assert(nonces_fresh(a, of_a, REALM, t0));
	ck_assert(!nonces_fresh(b, of_a, REALM, t0));
	nonces_free(a);
	nonces_free(b);
}
END_TEST

START_TEST(a_count_is_good_once)
{
	ck_assert_int_eq(use(1, 100), 0);
	ck_assert_int_eq(use(1, 101), -ESTALE);
	ck_assert_int_eq(use(2, 102), 0);
	ck_assert_int_eq(use(2, 103), -ESTALE);
	ck_assert_int_eq(use(1, 104), -ESTALE);
}
END_TEST

/* The answer was lost; or another proxy asks for the same request. */
START_TEST(the_same_request_may_come_again)
{
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(use(1, 100), 0);
	ck_assert_int_eq(use(2, 200), 0);
	ck_assert_int_eq(use(1, 100), 0);
	ck_assert_int_eq(use(2, 100), -ESTALE);
	ck_assert_int_eq(use(1, 200), -ESTALE);
	for (uint32_t i = 3; i < 3 + NONCE_REQUESTS; i++)
		ck_assert_int_eq(use(i, i), 0);
	ck_assert_int_eq(use(1, 100), -ESTALE);
}
END_TEST

START_TEST(counts_may_come_in_another_order)
{
	ck_assert_int_eq(use(70, 70), 0);
	ck_assert_int_eq(use(68, 68), 0);
	ck_assert_int_eq(use(69, 69), 0);
	ck_assert_int_eq(use(68, 1), -ESTALE);
	ck_assert_int_eq(use(69, 1), -ESTALE);
	ck_assert_int_eq(use(7, 7), 0);
	ck_assert_int_eq(use(7, 1), -ESTALE);
	ck_assert_int_eq(use(6, 6), -ESTALE);
	ck_assert_int_eq(use(71, 71), 0);
	ck_assert_int_eq(use(70, 1), -ESTALE);
	ck_assert_int_eq(use(8, 8), 0);
	ck_assert_int_eq(use(7, 1), -ESTALE);
}
END_TEST

START_TEST(a_leap_empties_the_window)
{
	ck_assert_int_eq(use(1, 1), 0);
	ck_assert_int_eq(use(1 + NONCE_WINDOW - 1, 2), 0);
	ck_assert_int_eq(use(1, 3), -ESTALE);
	ck_assert_int_eq(use(1000, 4), 0);
	for (uint32_t i = 999; i > 1000 - NONCE_WINDOW + 1; i--)
		ck_assert_int_eq(use(i, i), 0);
	ck_assert_int_eq(use(1000 - NONCE_WINDOW + 1, 5), 0);
	ck_assert_int_eq(use(1000 - NONCE_WINDOW, 6), -ESTALE);
	ck_assert_int_eq(use(UINT32_MAX, 7), 0);
	ck_assert_int_eq(use(UINT32_MAX, 8), -ESTALE);
	ck_assert_int_eq(use(1001, 9), -ESTALE);
	ck_assert_int_eq(use(UINT32_MAX - 1, 10), 0);
}
END_TEST

/* What has been used is not good again because there were many others. */
START_TEST(a_full_table_forgets_to_the_safe_side)
{
	char many[USED_MAX + 1][NONCE_LEN], unused[NONCE_LEN];

	ck_assert_int_eq(use(1, 100), 0);
	ck_assert_int_eq(nonces_make(unused, nonces, REALM, t0), 0);
	for (unsigned i = 0; i <= USED_MAX; i++) {
		ck_assert_int_eq(nonces_make(many[i], nonces, REALM, t0 + 1),
				 0);
		ck_assert_int_eq(
			nonces_use(nonces, many[i], 1, i + 1, t0 + 2 + i), 0);
	}
	ck_assert(nonces_fresh(nonces, nonce, REALM, t0 + 9));
	ck_assert_int_eq(nonces_use(nonces, nonce, 2, 101, t0 + 9), -ESTALE);
	ck_assert_int_eq(nonces_use(nonces, unused, 1, 102, t0 + 9), -ESTALE);
	ck_assert_int_eq(nonces_use(nonces, many[USED_MAX], 2, 103, t0 + 9), 0);
	ck_assert_int_eq(nonces_use(nonces, many[USED_MAX], 2, 104, t0 + 9),
			 -ESTALE);
	ck_assert_int_eq(nonces_make(unused, nonces, REALM, t0 + 9), 0);
	ck_assert_int_eq(nonces_use(nonces, unused, 1, 105, t0 + 9), 0);
}
END_TEST

/* A reload makes them live longer, when what was used is forgotten already. */
START_TEST(a_longer_life_makes_none_good_again)
{
	const dir_time later = t0 + 2 * LIFE;
	char young[NONCE_LEN];

	ck_assert_int_eq(use(1, 100), 0);
	ck_assert_int_eq(nonces_make(young, nonces, REALM, later), 0);
	ck_assert_int_eq(nonces_use(nonces, young, 1, 1, later), 0);
	nonces_set(nonces, 10 * LIFE);
	ck_assert(nonces_fresh(nonces, nonce, REALM, later));
	ck_assert_int_eq(nonces_use(nonces, nonce, 2, 101, later), -ESTALE);
	ck_assert_int_eq(nonces_use(nonces, young, 2, 2, later), 0);
	ck_assert_int_eq(nonces_make(young, nonces, REALM, later + 1), 0);
	ck_assert_int_eq(nonces_use(nonces, young, 1, 3, later + 1), 0);
	nonces_set(nonces, LIFE);
	ck_assert(!nonces_fresh(nonces, nonce, REALM, later));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("nonce");
	Suite *s = suite_create("redirectd nonce");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fresh_until_its_time_is_over);
	tcase_add_test(tc, it_is_for_its_realm);
	tcase_add_test(tc, any_change_is_noticed);
	tcase_add_test(tc, two_of_one_millisecond_differ);
	tcase_add_test(tc, one_secret_is_one_site);
	tcase_add_test(tc, without_a_secret_it_ends_with_the_process);
	tcase_add_test(tc, a_count_is_good_once);
	tcase_add_test(tc, the_same_request_may_come_again);
	tcase_add_test(tc, counts_may_come_in_another_order);
	tcase_add_test(tc, a_leap_empties_the_window);
	tcase_add_test(tc, a_full_table_forgets_to_the_safe_side);
	tcase_add_test(tc, a_longer_life_makes_none_good_again);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
