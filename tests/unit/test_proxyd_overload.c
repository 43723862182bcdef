#include <check.h>
#include <stdio.h>
#include <string.h>

#include "proxyd/overload.h"

static struct overload state;
static uint64_t now;

static void setup(void)
{
	memset(&state, 0, sizeof(state));
	now = 1000000;
}

static void look(uint32_t lag_ms, unsigned busy, unsigned fullness)
{
	const struct overload_load load = {lag_ms, busy, fullness};

	now += OVERLOAD_LOOK_MS;
	ck_assert(overload_due(&state, now));
	overload_look(&state, now, &load);
	ck_assert(!overload_due(&state, now + OVERLOAD_LOOK_MS - 1));
}

/* How many of a thousand are let in. */
static unsigned in(enum overload_class c)
{
	unsigned n = 0;

	for (int i = 0; i < 1000; i++)
		n += overload_admits(&state, c);
	return n;
}

START_TEST(at_rest_everything)
{
	for (int i = 0; i < 100; i++) {
		look(OVERLOAD_LAG_MS - 1, OVERLOAD_BUSY - 1, 899);
		ck_assert_uint_eq(in(OVERLOAD_CALL), 1000);
		ck_assert_uint_eq(in(OVERLOAD_OUTSIDE), 1000);
	}
}
END_TEST

START_TEST(new_calls_go_first)
{
	look(OVERLOAD_LAG_MS, 0, 0);
	ck_assert_uint_eq(in(OVERLOAD_CALL), 750);
	ck_assert_uint_eq(in(OVERLOAD_OUTSIDE), 1000);
	for (int i = 0; i < 3; i++)
		look(OVERLOAD_LAG_MS, 0, 0);
	ck_assert_uint_lt(in(OVERLOAD_CALL), 350);
	ck_assert_uint_gt(in(OVERLOAD_OUTSIDE), 500);
	for (int i = 0; i < 100; i++)
		look(5000, 1000, 0);
	ck_assert_uint_eq(in(OVERLOAD_CALL), 50);
	ck_assert_uint_lt(in(OVERLOAD_OUTSIDE), 200);
	ck_assert_uint_eq(in(OVERLOAD_DIALOG), 1000);
	ck_assert_uint_eq(in(OVERLOAD_END), 1000);
}
END_TEST

START_TEST(a_busy_moment_is_none)
{
	for (int i = 0; i < OVERLOAD_BUSY_LOOKS - 1; i++)
		look(0, 1000, 0);
	ck_assert_uint_eq(in(OVERLOAD_CALL), 1000);
	look(0, 500, 0);
	for (int i = 0; i < OVERLOAD_BUSY_LOOKS - 1; i++)
		look(0, 1000, 0);
	ck_assert_uint_eq(in(OVERLOAD_CALL), 1000);
	look(0, 1000, 0);
	ck_assert_uint_eq(in(OVERLOAD_CALL), 750);
}
END_TEST

START_TEST(afterwards_everything_again)
{
	for (int i = 0; i < 100; i++)
		look(5000, 1000, 0);
	look(0, 0, 0);
	ck_assert_uint_lt(in(OVERLOAD_CALL), 100);
	for (int i = 0; i < 50; i++)
		look(0, 0, 0);
	ck_assert_uint_eq(in(OVERLOAD_CALL), 1000);
	ck_assert_uint_eq(in(OVERLOAD_OUTSIDE), 1000);
}
END_TEST

/* Nobody looks while nothing comes. */
START_TEST(a_quiet_time_counts_as_many_looks)
{
	for (int i = 0; i < 100; i++)
		look(5000, 1000, 0);
	now += 60000;
	look(0, 0, 0);
	ck_assert_uint_eq(in(OVERLOAD_CALL), 1000);
}
END_TEST

START_TEST(tables_that_fill_up)
{
	static const struct {
		unsigned fullness, call, outside, dialog, end;
	} cases[] = {
		{899, 1000, 1000, 1000, 1000}, {900, 0, 1000, 1000, 1000},
		{940, 0, 0, 1000, 1000},       {969, 0, 0, 1000, 1000},
		{970, 0, 0, 0, 1000},          {1000, 0, 0, 0, 1000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		look(0, 0, cases[i].fullness);
		ck_assert_uint_eq(in(OVERLOAD_CALL), cases[i].call);
		ck_assert_uint_eq(in(OVERLOAD_OUTSIDE), cases[i].outside);
		ck_assert_uint_eq(in(OVERLOAD_DIALOG), cases[i].dialog);
		ck_assert_uint_eq(in(OVERLOAD_END), cases[i].end);
	}
}
END_TEST

START_TEST(how_full)
{
	ck_assert_uint_eq(overload_fullness(0, 100), 0);
	ck_assert_uint_eq(overload_fullness(9, 10), 900);
	ck_assert_uint_eq(overload_fullness(11, 10), 1000);
	ck_assert_uint_eq(overload_fullness(11, 0), 0);
	ck_assert_uint_eq(overload_fullness(UINT64_MAX, UINT64_MAX), 1000);
}
END_TEST

static enum overload_class class_of(const char *start, const char *method,
				    const char *to)
{
	enum overload_class c;
	const char *why = "";
	char text[1024];
	msg_t *msg;

	snprintf(text, sizeof(text),
		 "%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
		 "From: <sip:a@example.com>;tag=f\r\nTo: <sip:b@example.com>%s"
		 "\r\nCall-ID: c\r\nCSeq: 1 %s\r\n\r\n",
		 start, to, method);
	ck_assert_msg(!sipmsg_parse(&msg, text, strlen(text), &why), "%s: %s",
		      why, start);
	c = overload_class_of(sip_object(msg));
	msg_destroy(msg);
	return c;
}

START_TEST(classes)
{
	const char *tag = ";tag=t";

#define CLASS(m, to) class_of(m " sip:b@example.com SIP/2.0", m, to)
	ck_assert_int_eq(CLASS("INVITE", ""), OVERLOAD_CALL);
	ck_assert_int_eq(CLASS("INVITE", tag), OVERLOAD_DIALOG);
	ck_assert_int_eq(CLASS("REGISTER", ""), OVERLOAD_OUTSIDE);
	ck_assert_int_eq(CLASS("FOO", ""), OVERLOAD_OUTSIDE);
	ck_assert_int_eq(CLASS("INFO", tag), OVERLOAD_DIALOG);
	ck_assert_int_eq(CLASS("BYE", tag), OVERLOAD_END);
	ck_assert_int_eq(CLASS("ACK", tag), OVERLOAD_END);
	ck_assert_int_eq(CLASS("CANCEL", ""), OVERLOAD_END);
	ck_assert_int_eq(CLASS("PRACK", tag), OVERLOAD_END);
	ck_assert_int_eq(class_of("SIP/2.0 200 OK", "INVITE", tag),
			 OVERLOAD_END);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("overload");
	Suite *s = suite_create("proxyd overload");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, at_rest_everything);
	tcase_add_test(tc, new_calls_go_first);
	tcase_add_test(tc, a_busy_moment_is_none);
	tcase_add_test(tc, afterwards_everything_again);
	tcase_add_test(tc, a_quiet_time_counts_as_many_looks);
	tcase_add_test(tc, tables_that_fill_up);
	tcase_add_test(tc, how_full);
	tcase_add_test(tc, classes);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
