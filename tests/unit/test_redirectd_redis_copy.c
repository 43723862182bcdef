#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "redirectd/redis_copy.h"

static const dir_time t0 = 1700000000000;

static int count_visits(const struct client *c, void *arg)
{
	size_t *n = arg;

	n[0]++;
	n[1] += c->n;
	return 0;
}

static void take(struct redis_copy *copy, int i, bool present)
{
	struct redis_value none = {NULL, 0}, v = none;
	char id[32], text[128];

	(void)snprintf(id, sizeof(id), "u%d@a", i);
	if (present) {
		v.len = (size_t)snprintf(text, sizeof(text),
					 "%016d {\"client\":\"%s\","
					 "\"bindings\":[]}",
					 i, id);
		v.p = text;
	}
	ck_assert_int_eq(redis_copy_take(copy, id, 1, &v, &none), 0);
}

START_TEST(the_copy_is_bounded)
{
	struct redis_copy *copy;
	size_t n[2] = {0, 0};
	int i;

	ck_assert_int_eq(redis_copy_alloc(&copy, 100), 0);
	for (i = 0; i < 300; i++) {
		take(copy, i, true);
		ck_assert_ptr_nonnull(redis_copy_get(copy, "u0@a"));
	}
	for (; i < 5000; i++)
		take(copy, i, false);
	ck_assert_int_eq(redis_copy_apply(copy, t0, count_visits, n), 0);
	ck_assert_uint_eq(n[0], 100);
	ck_assert_ptr_null(redis_copy_get(copy, "u150@a"));
	ck_assert_ptr_null(redis_copy_get(copy, "u400@a"));
	ck_assert_ptr_nonnull(redis_copy_get(copy, "u299@a"));
	ck_assert_ptr_nonnull(redis_copy_get(copy, "u4999@a"));
	/* From one to the other, and back. */
	take(copy, 299, false);
	take(copy, 4999, true);
	n[0] = 0;
	ck_assert_int_eq(redis_copy_apply(copy, t0, count_visits, n), 0);
	ck_assert_uint_eq(n[0], 100);
	redis_copy_forget(copy, "u4999@a");
	ck_assert_ptr_null(redis_copy_get(copy, "u4999@a"));
	redis_copy_free(copy);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("redirectd_redis_copy");
	TCase *tc = tcase_create("copy");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, the_copy_is_bounded);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
