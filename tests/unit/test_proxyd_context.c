#include <check.h>
#include <stdlib.h>

#include "proxyd/context.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* RFC 3261 16.7 step 6: the first of two is the one to go back. */
static const struct {
	int better, worse;
} order[] = {
	{603, 302}, {603, 486}, {302, 486}, {486, 500}, {401, 486},
	{407, 404}, {415, 486}, {420, 404}, {484, 403}, {404, 503},
	{486, 487}, {486, 408}, {480, 487}, {487, 503},
};

START_TEST(the_better_one_is_better)
{
	ck_assert(context_better(order[_i].better, order[_i].worse));
	ck_assert(!context_better(order[_i].worse, order[_i].better));
}
END_TEST

START_TEST(of_equals_the_first_stays)
{
	ck_assert(context_better(486, 0));
	ck_assert(!context_better(486, 404));
	ck_assert(!context_better(404, 486));
	ck_assert(!context_better(407, 401));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd context");
	TCase *tc = tcase_create("context");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, the_better_one_is_better, 0, COUNT(order));
	tcase_add_test(tc, of_equals_the_first_stays);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
