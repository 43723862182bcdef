#include <check.h>

#include "common/avoid.h"
#include "common/channel.h"
#include "proxyd/directory.h"

enum { N = 3, NOW = 1000 };

static struct avoid *failed;
static struct addr redirect[N];

static void set_up(void)
{
	ck_assert_int_eq(directory_alloc(&failed), 0);
	ck_assert_int_eq(addr_parse(&redirect[0], "203.0.113.3", 5060), 0);
	ck_assert_int_eq(addr_parse(&redirect[1], "203.0.113.3", 5062), 0);
	ck_assert_int_eq(addr_parse(&redirect[2], "[2001:db8::3]", 5060), 0);
}

static void tear_down(void)
{
	avoid_free(failed);
}

static void leave_alone(size_t i, uint64_t ms)
{
	struct channel ch = channel_udp(&redirect[i]);

	avoid_add(failed, &ch, NOW, ms);
}

static size_t choose(uint64_t now, uint32_t asked)
{
	return directory_choose(failed, now, redirect, N, asked);
}

START_TEST(in_the_order_of_the_configuration)
{
	ck_assert_uint_eq(choose(NOW, 0), 0);
	ck_assert_uint_eq(choose(NOW, 1), 1);
	ck_assert_uint_eq(choose(NOW, 3), 2);
	ck_assert_uint_eq(choose(NOW, 2), 0);
	ck_assert_uint_eq(choose(NOW, 7), N);
}
END_TEST

START_TEST(those_that_have_failed_come_last)
{
	leave_alone(0, 500);
	ck_assert_uint_eq(choose(NOW, 0), 1);
	ck_assert_uint_eq(choose(NOW, 2), 2);
	ck_assert_uint_eq(choose(NOW, 6), 0);
	ck_assert_uint_eq(choose(NOW, 7), N);
	ck_assert_uint_eq(choose(NOW + 500, 0), 0);
}
END_TEST

START_TEST(all_have_failed)
{
	for (size_t i = 0; i < N; i++)
		leave_alone(i, 500);
	ck_assert_uint_eq(choose(NOW, 0), 0);
	ck_assert_uint_eq(choose(NOW, 1), 1);
	ck_assert_uint_eq(directory_choose(failed, NOW, redirect, 0, 0), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("directory");
	Suite *s = suite_create("proxyd directory");
	SRunner *sr = srunner_create(s);
	int n;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, in_the_order_of_the_configuration);
	tcase_add_test(tc, those_that_have_failed_come_last);
	tcase_add_test(tc, all_have_failed);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	n = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n != 0;
}
