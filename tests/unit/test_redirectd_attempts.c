#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/attempts.h"

enum { LIMIT = 3, ROOM = 4 };

static const dir_time t0 = 1700000000000;

static struct attempts *attempts;

static void setup(void)
{
	ck_assert_int_eq(attempts_alloc(&attempts, ROOM, LIMIT), 0);
}

static void teardown(void)
{
	attempts_free(attempts);
}

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 5060), 0);
	return a;
}

static void tried(const char *src, const char *id, dir_time now)
{
	const struct addr a = address(src);

	attempts_failed(attempts, now, &a, id);
}

static uint64_t source_wait(const char *src, dir_time now)
{
	const struct addr a = address(src);

	return attempts_source_wait(attempts, now, &a);
}

START_TEST(so_many_are_free)
{
	for (unsigned i = 0; i < LIMIT; i++) {
		ck_assert_uint_eq(source_wait("198.51.100.1", t0 + i), 0);
		ck_assert_uint_eq(attempts_client_wait(attempts, t0 + i, "a@b"),
				  0);
		tried("198.51.100.1", "a@b", t0 + i);
	}
	ck_assert_uint_eq(source_wait("198.51.100.1", t0 + 1000), 59000);
	ck_assert_uint_eq(attempts_client_wait(attempts, t0 + 1000, "a@b"),
			  59000);
	ck_assert_uint_eq(source_wait("198.51.100.2", t0 + 1000), 0);
	ck_assert_uint_eq(attempts_client_wait(attempts, t0 + 1000, "c@b"), 0);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0 + 59999), 1);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0 + 60000), 0);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0 + 70000), 0);
	ck_assert_uint_eq(attempts_client_wait(attempts, t0 + 60000, "a@b"), 0);
}
END_TEST

START_TEST(each_channel_of_a_source)
{
	const struct addr one = address("198.51.100.1:4000"),
			  two = address("198.51.100.1:4002"),
			  six = address("[2001:db8::1]:4000");

	for (unsigned i = 0; i < LIMIT; i++)
		tried("198.51.100.1:4000", "a@b", t0);
	ck_assert_uint_eq(attempts_channel_wait(attempts, t0, &one), 60000);
	ck_assert_uint_eq(attempts_channel_wait(attempts, t0, &two), 0);
	ck_assert_uint_eq(attempts_channel_wait(attempts, t0, &six), 0);
	ck_assert_uint_eq(source_wait("198.51.100.1:4002", t0), 60000);
	ck_assert_uint_eq(attempts_channel_wait(attempts, t0 + 60000, &one), 0);
}
END_TEST

/* Being asked in between makes no minute longer, and the next begins anew. */
START_TEST(a_minute_is_a_minute)
{
	for (unsigned i = 0; i < LIMIT; i++)
		tried("198.51.100.1", "a@b", t0);
	for (dir_time t = t0; t < t0 + 60000; t += 1000)
		ck_assert_uint_ne(source_wait("198.51.100.1", t), 0);
	tried("198.51.100.1", "a@b", t0 + 60000);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0 + 60001), 0);
	tried("198.51.100.1", "a@b", t0 + 60001);
	tried("198.51.100.1", "a@b", t0 + 60002);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0 + 60003), 59997);
}
END_TEST

START_TEST(one_client_from_many_sources)
{
	tried("198.51.100.1", "a@b", t0);
	tried("198.51.100.2", "a@b", t0);
	tried("[2001:db8::1]", "a@b", t0);
	ck_assert_uint_eq(attempts_client_wait(attempts, t0, "a@b"), 60000);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0), 0);
}
END_TEST

START_TEST(a_source_is_an_ip_or_64)
{
	tried("198.51.100.1:1", "a@b", t0);
	tried("198.51.100.1:2", "b@b", t0);
	tried("198.51.100.1:3", "c@b", t0);
	ck_assert_uint_eq(source_wait("198.51.100.1:4", t0), 60000);
	ck_assert_uint_eq(source_wait("198.51.100.2", t0), 0);
	tried("2001:db8:0:1::1", "a@b", t0);
	tried("2001:db8:0:1::2", "b@b", t0);
	tried("2001:db8:0:1:ffff::", "c@b", t0);
	ck_assert_uint_eq(source_wait("2001:db8:0:1:1::7", t0), 60000);
	ck_assert_uint_eq(source_wait("2001:db8:0:2::1", t0), 0);
}
END_TEST

/* The longest unheard is forgotten, nobody is refused for want of room. */
START_TEST(bounded)
{
	char text[32];

	for (unsigned i = 0; i < LIMIT; i++)
		tried("198.51.100.1", "a@b", t0);
	for (unsigned i = 0; i < ROOM; i++) {
		ck_assert_uint_ne(source_wait("198.51.100.1", t0 + i), 0);
		snprintf(text, sizeof(text), "10.0.0.%u", i);
		tried(text, text, t0 + i);
	}
	ck_assert_uint_ne(source_wait("198.51.100.1", t0 + ROOM), 0);
	ck_assert_uint_eq(attempts_client_wait(attempts, t0 + ROOM, "a@b"), 0);
	for (unsigned i = 0; i < LIMIT; i++)
		tried("198.51.100.2", "a@b", t0 + ROOM);
	ck_assert_uint_ne(source_wait("198.51.100.2", t0 + ROOM), 0);
	ck_assert_uint_ne(attempts_client_wait(attempts, t0 + ROOM, "a@b"), 0);
}
END_TEST

START_TEST(no_limit)
{
	attempts_set(attempts, 0);
	for (unsigned i = 0; i < 100; i++)
		tried("198.51.100.1", "a@b", t0);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0), 0);
	ck_assert_uint_eq(attempts_client_wait(attempts, t0, "a@b"), 0);
	attempts_set(attempts, 1);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0), 0);
	tried("198.51.100.1", "a@b", t0);
	ck_assert_uint_ne(source_wait("198.51.100.1", t0), 0);
	attempts_set(attempts, 0);
	ck_assert_uint_eq(source_wait("198.51.100.1", t0), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("attempts");
	Suite *s = suite_create("redirectd attempts");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, so_many_are_free);
	tcase_add_test(tc, each_channel_of_a_source);
	tcase_add_test(tc, a_minute_is_a_minute);
	tcase_add_test(tc, one_client_from_many_sources);
	tcase_add_test(tc, a_source_is_an_ip_or_64);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, no_limit);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
