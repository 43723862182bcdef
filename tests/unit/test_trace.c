#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/trace.h"

enum { KIB = 1024, TEXT_MAX = 4 * KIB };

static struct trace *start(size_t calls, size_t bytes)
{
	struct trace *t;

	ck_assert_int_eq(trace_alloc(&t, calls, bytes), 0);
	return t;
}

static void note(struct trace *t, const char *call_id, const char *text)
{
	trace_add(t, call_id, 1, TRACE_NOTE, NULL, NULL, text, strlen(text));
}

static void noten(struct trace *t, const char *call_id, size_t len)
{
	char *text = malloc(len);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', len);
	trace_add(t, call_id, 1, TRACE_NOTE, NULL, NULL, text, len);
	free(text);
}

/* The calls as "c b a", newest first. */
static void assert_calls(struct trace *t, const char *want)
{
	json_t *list = trace_calls_json(t);
	char got[256] = "";
	size_t i;
	json_t *id;

	json_array_foreach(list, i, id)
	{
		if (i > 0)
			strcat(got, " ");
		strcat(got, json_string_value(id));
	}
	ck_assert_str_eq(got, want);
	json_decref(list);
}

static json_t *text_of(json_t *list, size_t i)
{
	return json_object_get(json_array_get(list, i), "text");
}

START_TEST(json_is_as_promised)
{
	struct trace *t = start(4, 64 * KIB);
	struct addr local, peer;
	json_t *got, *want;

	ck_assert_int_eq(addr_parse(&local, "203.0.113.1:5060", 0), 0);
	ck_assert_int_eq(addr_parse(&peer, "[2001:db8::1]:31000", 0), 0);
	trace_add(t, "a@b", 1700000000000001, TRACE_IN, &local, &peer,
		  "INVITE sip:x", 12);
	trace_add(t, "a@b", 1700000000000002, TRACE_NOTE, NULL, NULL,
		  "natted: \"via\"", 13);
	trace_add(t, "a@b", 1700000000000003, TRACE_OUT, &local, &peer, NULL,
		  0);
	got = trace_json(t, "a@b");
	want = json_pack(
		"[{s:I,s:s,s:s,s:s,s:s},{s:I,s:s,s:s,s:s,s:s},"
		"{s:I,s:s,s:s,s:s,s:s}]",
		"time_us", (json_int_t)1700000000000001, "dir", "in", "local",
		"203.0.113.1:5060", "peer", "[2001:db8::1]:31000", "text",
		"INVITE sip:x", "time_us", (json_int_t)1700000000000002, "dir",
		"note", "local", "-", "peer", "-", "text", "natted: \"via\"",
		"time_us", (json_int_t)1700000000000003, "dir", "out", "local",
		"203.0.113.1:5060", "peer", "[2001:db8::1]:31000", "text", "");
	ck_assert_ptr_nonnull(want);
	ck_assert(json_equal(got, want));
	json_decref(got);
	json_decref(want);
	trace_free(t);
}
END_TEST

START_TEST(unknown_call_is_null)
{
	struct trace *t = start(4, 64 * KIB);

	ck_assert_ptr_null(trace_json(t, "a"));
	assert_calls(t, "");
	trace_free(t);
	trace_free(NULL);
}
END_TEST

START_TEST(too_many_calls_drop_the_longest_silent)
{
	struct trace *t = start(3, 64 * KIB);

	note(t, "a", "1");
	note(t, "b", "2");
	note(t, "c", "3");
	note(t, "a", "4");
	assert_calls(t, "a c b");
	note(t, "d", "5");
	assert_calls(t, "d a c");
	ck_assert_ptr_null(trace_json(t, "b"));
	trace_free(t);
}
END_TEST

START_TEST(too_many_bytes_drop_the_longest_silent)
{
	struct trace *t = start(100, 64 * KIB);
	char id[16];

	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		noten(t, id, 3 * KIB);
	}
	ck_assert_ptr_null(trace_json(t, "c0"));
	json_t *calls = trace_calls_json(t);
	ck_assert_uint_gt(json_array_size(calls), 15);
	ck_assert_uint_le(json_array_size(calls), 64 / 3);
	ck_assert_str_eq(json_string_value(json_array_get(calls, 0)), "c39");
	json_decref(calls);
	trace_free(t);
}
END_TEST

START_TEST(noisy_call_loses_its_own_oldest)
{
	struct trace *t = start(100, 64 * KIB);
	char text[16];
	json_t *list;
	size_t n;

	note(t, "quiet", "still here");
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		note(t, "noisy", text);
	}
	list = trace_json(t, "noisy");
	n = json_array_size(list);
	ck_assert_uint_gt(n, 10);
	ck_assert_uint_lt(n, 1000);
	ck_assert_str_eq(json_string_value(text_of(list, n - 1)), "999");
	json_decref(list);
	assert_calls(t, "noisy quiet");
	trace_free(t);
}
END_TEST

START_TEST(text_is_cut_at_four_kibibytes)
{
	struct trace *t = start(4, 1024 * KIB);
	json_t *list;

	noten(t, "a", 60000);
	list = trace_json(t, "a");
	ck_assert_uint_eq(json_string_length(text_of(list, 0)), TEXT_MAX);
	json_decref(list);
	trace_free(t);
}
END_TEST

START_TEST(no_room_at_all_is_borne)
{
	struct trace *t = start(0, 64 * KIB);

	note(t, "a", "1");
	assert_calls(t, "");
	trace_free(t);
	t = start(4, 0);
	note(t, "a", "1");
	note(t, "b", "1");
	assert_calls(t, "");
	trace_free(t);
}
END_TEST

#define BAD "\xef\xbf\xbd"

static const struct {
	const char *in, *out;
} utf8_cases[] = {
	{"plain", "plain"},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
	 "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	{"a\xff"
	 "b",
	 "a" BAD "b"},
	{"\xc3", BAD},
	{"\xc3(", BAD "("},
	{"\xc0\xaf", BAD BAD},
	{"\xe0\x80\x80", BAD BAD BAD},
	{"\xed\xa0\x80", BAD BAD BAD},
	{"\xf0\x80\x80\x80", BAD BAD BAD BAD},
	{"\xf4\x90\x80\x80", BAD BAD BAD BAD},
	{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	{"\xe2\x82", BAD BAD},
};

START_TEST(bytes_that_are_not_utf8_are_replaced)
{
	struct trace *t = start(4, 64 * KIB);
	json_t *list;

	note(t, utf8_cases[_i].in, utf8_cases[_i].in);
	list = trace_json(t, utf8_cases[_i].in);
	ck_assert_str_eq(json_string_value(text_of(list, 0)),
			 utf8_cases[_i].out);
	json_decref(list);
	assert_calls(t, utf8_cases[_i].out);
	trace_free(t);
}
END_TEST

START_TEST(zero_bytes_are_kept)
{
	struct trace *t = start(4, 64 * KIB);
	json_t *list;

	trace_add(t, "a", 1, TRACE_IN, NULL, NULL, "\0\0x", 3);
	list = trace_json(t, "a");
	ck_assert_uint_eq(json_string_length(text_of(list, 0)), 3);
	json_decref(list);
	trace_free(t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tc = tcase_create("trace");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, json_is_as_promised);
	tcase_add_test(tc, unknown_call_is_null);
	tcase_add_test(tc, too_many_calls_drop_the_longest_silent);
	tcase_add_test(tc, too_many_bytes_drop_the_longest_silent);
	tcase_add_test(tc, noisy_call_loses_its_own_oldest);
	tcase_add_test(tc, text_is_cut_at_four_kibibytes);
	tcase_add_test(tc, no_room_at_all_is_borne);
	tcase_add_loop_test(tc, bytes_that_are_not_utf8_are_replaced, 0,
			    sizeof(utf8_cases) / sizeof(utf8_cases[0]));
	tcase_add_test(tc, zero_bytes_are_kept);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
