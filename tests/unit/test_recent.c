#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/recent.h"

enum { KEEP = 1000 };

static struct recent *recent;

static void setup(void)
{
	ck_assert_int_eq(recent_alloc(&recent, 3, sizeof(uint64_t), KEEP), 0);
}

static void teardown(void)
{
	recent_free(recent);
}

static void put(uint64_t now, const char *key, uint64_t value)
{
	uint64_t *v = recent_put(recent, now, key, strlen(key));

	ck_assert_ptr_nonnull(v);
	*v = value;
}

/* 0 where there is none. */
static uint64_t get(uint64_t now, const char *key)
{
	const uint64_t *v = recent_get(recent, now, key, strlen(key));

	return v ? *v : 0;
}

START_TEST(a_value_is_kept_and_zero_at_first)
{
	uint64_t *v = recent_put(recent, 0, "a", 1);

	ck_assert_uint_eq(*v, 0);
	ck_assert_uint_eq((uintptr_t)v % sizeof(uint64_t), 0);
	put(0, "a", 7);
	put(0, "ab", 8);
	ck_assert_uint_eq(get(1, "a"), 7);
	ck_assert_uint_eq(get(1, "ab"), 8);
	ck_assert_uint_eq(get(1, "b"), 0);
	ck_assert_uint_eq(recent_count(recent), 2);
}
END_TEST

START_TEST(the_longest_unused_makes_room)
{
	put(0, "a", 1);
	put(1, "b", 2);
	put(2, "c", 3);
	ck_assert_uint_eq(get(3, "a"), 1);
	put(4, "d", 4);
	ck_assert_uint_eq(recent_count(recent), 3);
	ck_assert_uint_eq(get(5, "a"), 1);
	ck_assert_uint_eq(get(5, "b"), 0);
	ck_assert_uint_eq(get(5, "c"), 3);
	ck_assert_uint_eq(get(5, "d"), 4);
}
END_TEST

START_TEST(who_is_to_make_room_is_known)
{
	const uint64_t *v;

	put(0, "a", 1);
	put(1, "b", 2);
	ck_assert_ptr_null(recent_next_out(recent));
	put(2, "c", 3);
	v = recent_next_out(recent);
	ck_assert_ptr_nonnull(v);
	ck_assert_uint_eq(*v, 1);
	ck_assert_uint_eq(get(3, "a"), 1);
	v = recent_next_out(recent);
	ck_assert_ptr_nonnull(v);
	ck_assert_uint_eq(*v, 2);
	put(4, "d", 4);
	ck_assert_uint_eq(get(5, "b"), 0);
}
END_TEST

START_TEST(what_is_not_used_is_forgotten)
{
	put(0, "a", 1);
	put(0, "b", 2);
	ck_assert_uint_eq(get(KEEP - 1, "a"), 1);
	ck_assert_uint_eq(get(KEEP, "b"), 0);
	ck_assert_uint_eq(get(2 * KEEP - 2, "a"), 1);
	ck_assert_uint_eq(get(4 * KEEP, "x"), 0);
	ck_assert_uint_eq(recent_count(recent), 0);
}
END_TEST

START_TEST(one_can_be_deleted)
{
	put(0, "a", 1);
	put(0, "b", 2);
	put(0, "c", 3);
	recent_del(recent, "b", 1);
	recent_del(recent, "x", 1);
	ck_assert_uint_eq(get(1, "b"), 0);
	recent_del(recent, "a", 1);
	recent_del(recent, "c", 1);
	ck_assert_uint_eq(recent_count(recent), 0);
	put(1, "d", 4);
	ck_assert_uint_eq(get(1, "d"), 4);
}
END_TEST

/* A flood of keys costs no more than the room there is. */
START_TEST(a_flood_of_keys_is_bounded)
{
	char key[16];

	for (int i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put((uint64_t)i, key, 1);
		ck_assert_uint_le(recent_count(recent), 3);
	}
	ck_assert_uint_eq(get(10000, "9999"), 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("recent");
	Suite *s = suite_create("recent");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_value_is_kept_and_zero_at_first);
	tcase_add_test(tc, the_longest_unused_makes_room);
	tcase_add_test(tc, who_is_to_make_room_is_known);
	tcase_add_test(tc, what_is_not_used_is_forgotten);
	tcase_add_test(tc, one_can_be_deleted);
	tcase_add_test(tc, a_flood_of_keys_is_bounded);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
