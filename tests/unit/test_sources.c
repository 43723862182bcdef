#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "common/addr.h"
#include "common/sources.h"

static struct sources *s;

static void setup(void)
{
	ck_assert_int_eq(sources_alloc(&s, 4, 2), 0);
}

static void teardown(void)
{
	sources_free(s);
	sources_free(NULL);
}

static struct addr at(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 5060), 0);
	return a;
}

static int enter(const char *text)
{
	struct addr a = at(text);

	return sources_enter(s, &a);
}

static void leave(const char *text)
{
	struct addr a = at(text);

	sources_leave(s, &a);
}

START_TEST(ports_of_one_address_share)
{
	ck_assert_int_eq(enter("192.0.2.1:1"), 0);
	ck_assert_int_eq(enter("192.0.2.1:2"), 0);
	ck_assert_int_eq(enter("192.0.2.1:3"), -EUSERS);
	ck_assert_int_eq(enter("192.0.2.2:1"), 0);
	leave("192.0.2.1:9");
	ck_assert_int_eq(enter("192.0.2.1:3"), 0);
	ck_assert_uint_eq(sources_count(s), 2);
}
END_TEST

START_TEST(subnet_of_ipv6_shares)
{
	ck_assert_int_eq(enter("2001:db8:0:1::1"), 0);
	ck_assert_int_eq(enter("2001:db8:0:1:ffff::2"), 0);
	ck_assert_int_eq(enter("2001:db8:0:1::3"), -EUSERS);
	ck_assert_int_eq(enter("2001:db8:0:2::1"), 0);
}
END_TEST

START_TEST(nothing_is_kept_of_who_is_gone)
{
	ck_assert_int_eq(enter("192.0.2.1"), 0);
	ck_assert_int_eq(enter("192.0.2.2"), 0);
	ck_assert_int_eq(enter("192.0.2.2"), 0);
	ck_assert_int_eq(enter("192.0.2.3"), 0);
	ck_assert_int_eq(enter("192.0.2.4"), -ENOSPC);
	leave("192.0.2.3");
	leave("192.0.2.9");
	ck_assert_uint_eq(sources_count(s), 2);
	ck_assert_int_eq(enter("192.0.2.4"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sources");
	TCase *tc = tcase_create("sources");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ports_of_one_address_share);
	tcase_add_test(tc, subnet_of_ipv6_shares);
	tcase_add_test(tc, nothing_is_kept_of_who_is_gone);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
