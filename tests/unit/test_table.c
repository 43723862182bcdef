#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/siphash.h"
#include "common/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { MANY = 20000 };

static int values[MANY];

static struct table *start(size_t max)
{
	struct table *t;

	ck_assert_int_eq(table_alloc(&t, max), 0);
	return t;
}

static size_t key_of(char key[32], int i)
{
	return (size_t)snprintf(key, 32, "call-%d@host", i);
}

static void fill(struct table *t, int n)
{
	char key[32];

	for (int i = 0; i < n; i++)
		ck_assert_int_eq(table_put(t, key, key_of(key, i), &values[i]),
				 0);
}

START_TEST(put_get_del)
{
	struct table *t = start(10);

	ck_assert_ptr_null(table_get(t, "a", 1));
	ck_assert_ptr_null(table_del(t, "a", 1));
	ck_assert_int_eq(table_put(t, "a", 1, &values[0]), 0);
	ck_assert_int_eq(table_put(t, "a", 1, &values[1]), -EEXIST);
	ck_assert_ptr_eq(table_get(t, "a", 1), &values[0]);
	ck_assert_uint_eq(table_count(t), 1);
	ck_assert_ptr_eq(table_del(t, "a", 1), &values[0]);
	ck_assert_ptr_null(table_get(t, "a", 1));
	ck_assert_uint_eq(table_count(t), 0);
	table_free(t);
	table_free(NULL);
}
END_TEST

START_TEST(keys_are_bytes_and_copied)
{
	struct table *t = start(10);
	char key[] = {'a', '\0', 'b'};

	ck_assert_int_eq(table_put(t, key, 3, &values[0]), 0);
	ck_assert_int_eq(table_put(t, key, 2, &values[1]), 0);
	ck_assert_int_eq(table_put(t, key, 1, &values[2]), 0);
	ck_assert_int_eq(table_put(t, key, 0, &values[3]), 0);
	memset(key, 'x', sizeof(key));
	ck_assert_ptr_eq(table_get(t, "a\0b", 3), &values[0]);
	ck_assert_ptr_eq(table_get(t, "a\0", 2), &values[1]);
	ck_assert_ptr_eq(table_get(t, "a", 1), &values[2]);
	ck_assert_ptr_eq(table_get(t, "", 0), &values[3]);
	ck_assert_ptr_null(table_get(t, "a\0c", 3));
	table_free(t);
}
END_TEST

START_TEST(bounded)
{
	struct table *t = start(2);

	fill(t, 2);
	ck_assert_int_eq(table_put(t, "more", 4, &values[2]), -ENOSPC);
	ck_assert_int_eq(table_put(t, "call-0@host", 11, &values[2]), -EEXIST);
	ck_assert_uint_eq(table_count(t), 2);
	ck_assert_ptr_nonnull(table_del(t, "call-0@host", 11));
	ck_assert_int_eq(table_put(t, "more", 4, &values[2]), 0);
	table_free(t);
}
END_TEST

START_TEST(grows_and_finds_all)
{
	struct table *t = start(MANY);
	char key[32];

	fill(t, MANY);
	ck_assert_uint_eq(table_count(t), MANY);
	for (int i = 0; i < MANY; i += 2)
		ck_assert_ptr_eq(table_del(t, key, key_of(key, i)), &values[i]);
	for (int i = 0; i < MANY; i++)
		ck_assert_ptr_eq(table_get(t, key, key_of(key, i)),
				 i % 2 ? &values[i] : NULL);
	ck_assert_uint_eq(table_count(t), MANY / 2);
	table_free(t);
}
END_TEST

static int count_visit(const void *key, size_t len, void *value, void *arg)
{
	char want[32];
	int i = (int)((int *)value - values);

	ck_assert_uint_eq(len, key_of(want, i));
	ck_assert_mem_eq(key, want, len);
	values[i]++;
	(void)arg;
	return 0;
}

static int delete_odd(const void *key, size_t len, void *value, void *arg)
{
	if (((int *)value - values) % 2)
		ck_assert_ptr_eq(table_del(arg, key, len), value);
	return 0;
}

static int stop_at_third(const void *key, size_t len, void *value, void *arg)
{
	int *left = arg;

	(void)key;
	(void)len;
	(void)value;
	return --*left == 0 ? 42 : 0;
}

START_TEST(apply_visits_each_once)
{
	struct table *t = start(MANY);

	memset(values, 0, sizeof(values));
	fill(t, 1000);
	ck_assert_int_eq(table_apply(t, count_visit, NULL), 0);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(values[i], i < 1000);
	table_free(t);
}
END_TEST

START_TEST(apply_may_delete_what_it_is_given)
{
	struct table *t = start(MANY);
	char key[32];

	fill(t, 1000);
	ck_assert_int_eq(table_apply(t, delete_odd, t), 0);
	ck_assert_uint_eq(table_count(t), 500);
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_eq(table_get(t, key, key_of(key, i)),
				 i % 2 ? NULL : &values[i]);
	table_free(t);
}
END_TEST

START_TEST(apply_stops_when_told)
{
	struct table *t = start(MANY);
	int left = 3;

	fill(t, 10);
	ck_assert_int_eq(table_apply(t, stop_at_third, &left), 42);
	ck_assert_int_eq(left, 0);
	table_free(t);
}
END_TEST

/* Computed with another implementation, CPython's hash() of bytes. */
static const struct {
	uint8_t key[SIPHASH_KEY_LEN];
	const char *data;
	uint64_t hash;
} siphash_cases[] = {
	{{0}, "a", 0x407448d2b89b1813},
	{{0}, "1234567", 0xa33d651594fdae81},
	{{0}, "12345678", 0x3489982430560a87},
	{{0}, "call-id@198.51.100.28", 0xd979ea380b5400a8},
	{{0x29, 0x23, 0xbe, 0x84, 0xe1, 0x6c, 0xd6, 0xae, 0x52, 0x90, 0x49,
	  0xf1, 0xf1, 0xbb, 0xe9, 0xeb},
	 "1234567",
	 0x84a31031575efe31},
	{{0x29, 0x23, 0xbe, 0x84, 0xe1, 0x6c, 0xd6, 0xae, 0x52, 0x90, 0x49,
	  0xf1, 0xf1, 0xbb, 0xe9, 0xeb},
	 "call-id@198.51.100.28",
	 0x4e568a7855811f25},
};

START_TEST(siphash_agrees_with_others)
{
	ck_assert_uint_eq(siphash13(siphash_cases[_i].key,
				    siphash_cases[_i].data,
				    strlen(siphash_cases[_i].data)),
			  siphash_cases[_i].hash);
}
END_TEST

START_TEST(secret_stays_for_the_process)
{
	uint8_t zero[SIPHASH_KEY_LEN] = {0};

	ck_assert_uint_eq(siphash_secret("a", 1), siphash_secret("a", 1));
	ck_assert_uint_ne(siphash_secret("a", 1), siphash_secret("b", 1));
	ck_assert_uint_ne(siphash_secret("a", 1), siphash13(zero, "a", 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("table");
	TCase *tc = tcase_create("table");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, put_get_del);
	tcase_add_test(tc, keys_are_bytes_and_copied);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, grows_and_finds_all);
	tcase_add_test(tc, apply_visits_each_once);
	tcase_add_test(tc, apply_may_delete_what_it_is_given);
	tcase_add_test(tc, apply_stops_when_told);
	tcase_add_loop_test(tc, siphash_agrees_with_others, 0,
			    COUNT(siphash_cases));
	tcase_add_test(tc, secret_stays_for_the_process);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
