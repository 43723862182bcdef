#include <check.h>

#include "proxyd/refusing.h"

START_TEST(so_many_a_second)
{
	struct refusing r = {.since = 0};
	uint64_t now = 1000000;

	for (int i = 0; i < 3; i++)
		ck_assert(refusing_admit(&r, now + (uint64_t)i, 3));
	ck_assert(!refusing_admit(&r, now + 3, 3));
	ck_assert(!refusing_admit(&r, now + 999, 3));
	ck_assert(refusing_admit(&r, now + 1000, 3));
	ck_assert(refusing_admit(&r, now + 9000, 3));
}
END_TEST

START_TEST(none_where_none_is_configured)
{
	struct refusing r = {.since = 0};

	ck_assert(!refusing_admit(&r, 0, 0));
	ck_assert(!refusing_admit(&r, 5000, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_refusing");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, so_many_a_second);
	tcase_add_test(tc, none_where_none_is_configured);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
