#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/rows.h"
#include "common/trace_print.h"

static json_t *entry(json_int_t us, const char *dir, const char *peer,
		     const char *text)
{
	return json_pack("{sI,ss,ss,ss,ss}", "time_us", us, "dir", dir, "local",
			 "203.0.113.1:5060", "peer", peer, "text", text);
}

static json_t *ladder(void)
{
	return json_pack(
		"[ooo]",
		entry(1700000000123456, "in", "203.0.113.28:40122",
		      "INVITE sip:bob@example.com SIP/2.0\r\nVia: \x1b[2J\r\n"
		      "\r\nv=0\r\n"),
		entry(1700000000124000, "note", "-",
		      "behind a NAT: via 10.0.0.16 != source 203.0.113.28"),
		entry(1700003661000999, "out", "[2001:db8::1234:5678]:5060",
		      "SIP/2.0 100 Trying\r\n\r\n"));
}

static const char *printed(size_t room, bool full)
{
	static char copy[4096];
	char *text;
	size_t len;
	struct trace_print p = {open_memstream(&text, &len), room, full};
	json_t *trace = ladder();

	trace_print(&p, trace);
	ck_assert_int_eq(fclose(p.out), 0);
	snprintf(copy, sizeof(copy), "%s", text);
	free(text);
	json_decref(trace);
	return copy;
}

START_TEST(a_line_for_each)
{
	ck_assert_str_eq(
		printed(0, false),
		"2023-11-14 UTC, at 203.0.113.1:5060\n"
		"22:13:20.123  <-  203.0.113.28:40122     INVITE "
		"sip:bob@example.com SIP/2.0\n"
		"22:13:20.124  ..  behind a NAT: via 10.0.0.16 != source "
		"203.0.113.28\n"
		"23:14:21.000  ->  [2001:db8::1234:5678]:5060  SIP/2.0 100 "
		"Trying\n");
}
END_TEST

START_TEST(cut_to_the_terminal)
{
	ck_assert_str_eq(printed(44, false),
			 "2023-11-14 UTC, at 203.0.113.1:5060\n"
			 "22:13:20.123  <-  203.0.113.28:40122     IN~\n"
			 "22:13:20.124  ..  behind a NAT: via 10.0.0.~\n"
			 "23:14:21.000  ->  [2001:db8::1234:5678]:506~\n");
}
END_TEST

START_TEST(whole_messages_move_no_cursor)
{
	const char *text = printed(44, true);

	ck_assert_ptr_nonnull(
		strstr(text, "\n    Via: ?[2J\n    \n    v=0\n\n"));
	ck_assert_ptr_null(strchr(text, '\x1b'));
	ck_assert_ptr_null(strchr(text, '\r'));
}
END_TEST

static void sort(json_t *rows, const char *expected)
{
	char *text;

	rows_sort(&rows, "k");
	text = json_dumps(rows, JSON_COMPACT);
	ck_assert_str_eq(text, expected);
	free(text);
	json_decref(rows);
}

START_TEST(rows_are_sorted)
{
	sort(json_pack("[{si},{si},{si}]", "k", 10, "k", -1, "k", 9),
	     "[{\"k\":-1},{\"k\":9},{\"k\":10}]");
	sort(json_pack("[{ss},{ss},{ss}]", "k", "b", "k", "", "k", "a"),
	     "[{\"k\":\"\"},{\"k\":\"a\"},{\"k\":\"b\"}]");
	sort(json_pack("[{si},{}]", "k", 1), "[{},{\"k\":1}]");
	sort(json_array(), "[]");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trace_print");
	TCase *t = tcase_create("trace_print");
	SRunner *r;
	int failures;

	setenv("TZ", "UTC", 1);
	tcase_add_test(t, a_line_for_each);
	tcase_add_test(t, cut_to_the_terminal);
	tcase_add_test(t, whole_messages_move_no_cursor);
	tcase_add_test(t, rows_are_sorted);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
