#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "proxyd/limits.h"

/* 10 requests a second and 40 at once, 6 failures a minute, 5 minutes out. */
static const struct limits_config config = {
	.requests = 10, .burst = 40, .failures = 6, .ban_ms = 300000};

static struct limits *limits;
static uint64_t now;

static void setup(void)
{
	now = 1000000;
	ck_assert_int_eq(limits_alloc(&limits, 100, &config), 0);
}

static void teardown(void)
{
	limits_free(limits);
}

static struct addr at(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 5060), 0);
	return a;
}

static enum limits_verdict one(const char *src, enum limits_kind kind)
{
	struct addr a = at(src);

	return limits_take(limits, now, &a, kind);
}

/* How many of `n` at once are let through. */
static unsigned through(const char *src, enum limits_kind kind, unsigned n)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++)
		passed += one(src, kind) == LIMITS_PASS;
	return passed;
}

static bool failed(const char *src)
{
	struct addr a = at(src);

	return limits_failed(limits, now, &a);
}

static uint64_t banned(const char *src)
{
	struct addr a = at(src);

	return limits_banned(limits, now, &a);
}

START_TEST(a_burst_and_then_the_rate)
{
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_BEGIN, 100), 30);
	now += 100;
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_BEGIN, 100), 1);
	now += 1000;
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_BEGIN, 100), 10);
	now += 3600000;
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_BEGIN, 100), 30);
}
END_TEST

START_TEST(the_rate_itself_is_never_too_much)
{
	for (int i = 0; i < 10000; i++, now += 100)
		ck_assert_int_eq(one("192.0.2.1", LIMITS_BEGIN), LIMITS_PASS);
}
END_TEST

START_TEST(what_has_begun_may_end)
{
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_BEGIN, 100), 30);
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_END, 100), 10);
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_RESPONSE, 1000), 160);
}
END_TEST

START_TEST(a_source_is_an_address_whatever_the_port)
{
	(void)through("192.0.2.1:5060", LIMITS_BEGIN, 100);
	ck_assert_int_ne(one("192.0.2.1:6000", LIMITS_BEGIN), LIMITS_PASS);
	ck_assert_int_eq(one("192.0.2.2:5060", LIMITS_BEGIN), LIMITS_PASS);
}
END_TEST

START_TEST(a_source_of_ipv6_is_its_64)
{
	(void)through("2001:db8:1:2::1", LIMITS_BEGIN, 100);
	ck_assert_int_ne(one("2001:db8:1:2:ffff::9", LIMITS_BEGIN),
			 LIMITS_PASS);
	ck_assert_int_eq(one("2001:db8:1:3::1", LIMITS_BEGIN), LIMITS_PASS);
}
END_TEST

START_TEST(who_is_over_is_told_once_a_second)
{
	unsigned told = 0;

	(void)through("192.0.2.1", LIMITS_BEGIN, 30);
	for (unsigned i = 0; i < 1000; i++)
		told += one("192.0.2.1", LIMITS_BEGIN) == LIMITS_REFUSE;
	ck_assert_uint_eq(told, 5);
	now += 1000;
	(void)through("192.0.2.1", LIMITS_BEGIN, 10);
	ck_assert_int_eq(one("192.0.2.1", LIMITS_BEGIN), LIMITS_REFUSE);
	ck_assert_int_eq(one("192.0.2.1", LIMITS_BEGIN), LIMITS_DROP);
}
END_TEST

START_TEST(no_limit)
{
	limits_set(limits, &(struct limits_config){0});
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_BEGIN, 100000), 100000);
	for (int i = 0; i < 1000; i++)
		ck_assert(!failed("192.0.2.1"));
	ck_assert_uint_eq(banned("192.0.2.1"), 0);
	ck_assert_uint_eq(limits_count(limits), 0);
}
END_TEST

START_TEST(other_limits_count_at_once)
{
	(void)through("192.0.2.1", LIMITS_BEGIN, 100);
	limits_set(limits,
		   &(struct limits_config){.requests = 10, .burst = 80});
	ck_assert_uint_eq(through("192.0.2.1", LIMITS_BEGIN, 100), 30);
}
END_TEST

START_TEST(too_many_failures_are_a_ban_for_a_time)
{
	for (int i = 0; i < 6; i++)
		ck_assert(!failed("192.0.2.1"));
	ck_assert_uint_eq(banned("192.0.2.1"), 0);
	ck_assert(failed("192.0.2.1"));
	ck_assert_uint_eq(banned("192.0.2.1:9"), 300000);
	ck_assert_uint_eq(banned("192.0.2.2"), 0);
	ck_assert(!failed("192.0.2.1")); /* told once */
	now += 299999;
	ck_assert_uint_eq(banned("192.0.2.1"), 1);
	now += 1;
	ck_assert_uint_eq(banned("192.0.2.1"), 0);
	ck_assert(!failed("192.0.2.1"));
}
END_TEST

START_TEST(rare_failures_are_no_ban)
{
	for (int i = 0; i < 1000; i++, now += 10000)
		ck_assert(!failed("192.0.2.1"));
}
END_TEST

/* Neither do they cost memory, nor does one that is banned get away. */
START_TEST(a_flood_of_sources)
{
	char text[32];

	for (int i = 0; i < 7; i++)
		(void)failed("192.0.2.1");
	for (int i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16,
			 i >> 8 & 255, i & 255);
		ck_assert_int_eq(one(text, LIMITS_BEGIN), LIMITS_PASS);
	}
	ck_assert_uint_le(limits_count(limits), 101);
	ck_assert_uint_ne(banned("192.0.2.1"), 0);
}
END_TEST

START_TEST(what_a_message_is)
{
	static const struct {
		const char *text;
		enum limits_kind kind;
	} cases[] = {
		{"INVITE sip:a SIP/2.0", LIMITS_BEGIN},
		{"ACK sip:a SIP/2.0", LIMITS_END},
		{"BYE sip:a SIP/2.0", LIMITS_END},
		{"CANCEL sip:a SIP/2.0", LIMITS_END},
		{"PRACK sip:a SIP/2.0", LIMITS_END},
		{"BYEBYE sip:a SIP/2.0", LIMITS_BEGIN},
		{"SIP/2.0 200 OK", LIMITS_RESPONSE},
		{"SIP", LIMITS_BEGIN},
		{"BYE", LIMITS_BEGIN},
		{"", LIMITS_BEGIN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(
			limits_kind_of(cases[i].text, strlen(cases[i].text)),
			cases[i].kind);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("limits");
	Suite *s = suite_create("proxyd limits");
	SRunner *sr = srunner_create(s);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_burst_and_then_the_rate);
	tcase_add_test(tc, the_rate_itself_is_never_too_much);
	tcase_add_test(tc, what_has_begun_may_end);
	tcase_add_test(tc, a_source_is_an_address_whatever_the_port);
	tcase_add_test(tc, a_source_of_ipv6_is_its_64);
	tcase_add_test(tc, who_is_over_is_told_once_a_second);
	tcase_add_test(tc, no_limit);
	tcase_add_test(tc, other_limits_count_at_once);
	tcase_add_test(tc, too_many_failures_are_a_ban_for_a_time);
	tcase_add_test(tc, rare_failures_are_no_ban);
	tcase_add_test(tc, a_flood_of_sources);
	tcase_add_test(tc, what_a_message_is);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
