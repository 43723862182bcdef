#include <check.h>

#include "proxyd/hunting.h"

static bool is_one_of(int status, const int *v)
{
	while (*v && *v != status)
		v++;
	return *v != 0;
}

/* What a gateway itself says: whether it rang before or not. */
START_TEST(what_a_gateway_says)
{
	static const int unserved[] = {430, 500, 502, 503, 504, 0};

	for (int status = 300; status < 700; status++) {
		bool want = is_one_of(status, unserved);

		ck_assert_int_eq(hunting_unserved(status, true, false), want);
		ck_assert_int_eq(hunting_unserved(status, true, true), want);
	}
}
END_TEST

/* What became of it otherwise: it was silent, not found, or not to be sent. */
START_TEST(what_we_say)
{
	static const int unserved[] = {403, 404, 408, 430, 480,
				       500, 502, 503, 504, 0};

	for (int status = 300; status < 700; status++) {
		ck_assert_int_eq(hunting_unserved(status, false, false),
				 is_one_of(status, unserved));
		ck_assert(!hunting_unserved(status, false, true));
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("hunting");
	Suite *s = suite_create("proxyd hunting");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, what_a_gateway_says);
	tcase_add_test(tc, what_we_say);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
