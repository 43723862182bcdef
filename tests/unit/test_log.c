#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/log.h"

static const char ts[] = "2026-01-31T12:00:00.123Z";

#define HEAD "ts=2026-01-31T12:00:00.123Z level=info daemon=proxyd msg="

static const char *format(const char *msg, const struct log_field *f, size_t n)
{
	static char buf[1024];
	size_t len = log_format(buf, sizeof(buf), ts, LOG_LEVEL_INFO, "proxyd",
				msg, f, n);

	ck_assert_uint_eq(len, strlen(buf));
	return buf;
}

static const char *format_value(const char *value, size_t len)
{
	const struct log_field f = LOG_N("k", value, len);

	return format("m", &f, 1);
}

START_TEST(fields_are_typed)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, "192.0.2.1:5060", 0), 0);
	const struct log_field f[] = {
		LOG_S("call_id", "a84b4c76e66710"),
		LOG_A("src", &a),
		LOG_I("port", -7),
		LOG_N("part", "abcdef", 3),
		LOG_S("none", NULL),
	};

	ck_assert_str_eq(format("NAT found", f, 5),
			 HEAD "\"NAT found\" call_id=a84b4c76e66710 "
			      "src=192.0.2.1:5060 port=-7 part=abc none=-\n");
	ck_assert_str_eq(format("alone", NULL, 0), HEAD "\"alone\"\n");
}
END_TEST

static const struct {
	const char *value;
	size_t len;
	const char *want;
} values[] = {
	{"plain", 5, "plain"},
	{"", 0, "\"\""},
	{"two words", 9, "\"two words\""},
	{"a=b", 3, "\"a=b\""},
	{"say \"hi\"", 8, "\"say \\\"hi\\\"\""},
	{"back\\slash", 10, "\"back\\\\slash\""},
	{"x\nlevel=error", 13, "\"x\\nlevel=error\""},
	{"\r\n\t", 3, "\"\\r\\n\\t\""},
	{"nul\0in", 6, "\"nul\\x00in\""},
	{"\x1b[31m", 5, "\"\\x1b[31m\""},
	{"del\x7f", 4, "\"del\\x7f\""},
	{"\xc3\xa9t\xc3\xa9", 5, "\"\xc3\xa9t\xc3\xa9\""},
	{"\xf0\x9f\x93\x9e", 4, "\"\xf0\x9f\x93\x9e\""},
	{"\xff\xfe", 2, "\"\\xff\\xfe\""},
	{"\xc3", 1, "\"\\xc3\""},                   /* cut short */
	{"\xc3(", 2, "\"\\xc3(\""},                 /* no continuation */
	{"\xc0\x8a", 2, "\"\\xc0\\x8a\""},          /* overlong newline */
	{"\xe0\x80\x8a", 3, "\"\\xe0\\x80\\x8a\""}, /* overlong newline */
	{"\xed\xa0\x80", 3, "\"\\xed\\xa0\\x80\""}, /* surrogate */
	{"\xf4\x90\x80\x80", 4, "\"\\xf4\\x90\\x80\\x80\""},
	{"\xc2\x9b", 2, "\"\\xc2\\x9b\""},          /* C1: CSI */
	{"\xe2\x80\xa8", 3, "\"\\xe2\\x80\\xa8\""}, /* line separator */
};

START_TEST(values_are_escaped)
{
	char want[256];

	snprintf(want, sizeof(want), HEAD "\"m\" k=%s\n", values[_i].want);
	ck_assert_str_eq(format_value(values[_i].value, values[_i].len), want);
}
END_TEST

START_TEST(no_byte_can_forge_a_line)
{
	char all[256];

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	const char *line = format_value(all, sizeof(all));

	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	for (const char *p = line; p[1]; p++)
		ck_assert_int_ge((unsigned char)*p, ' ');
}
END_TEST

START_TEST(message_is_escaped)
{
	ck_assert_str_eq(format("a\"\nb", NULL, 0), HEAD "\"a\\\"\\nb\"\n");
}
END_TEST

/* A quote opened in the line is closed in it. */
static bool is_balanced(const char *line)
{
	bool quoted = false;

	for (; *line; line++) {
		if (*line == '\\' && line[1])
			line++;
		else if (*line == '"')
			quoted = !quoted;
	}
	return !quoted;
}

START_TEST(long_lines_are_cut)
{
	const struct log_field f[] = {
		LOG_S("first", "with \"quotes\" and \xc3\xa9\x01\x02\n"),
		LOG_S("second", "plainly"),
		LOG_S("third", "the end of it"),
	};
	char buf[512];
	size_t full = log_format(buf, sizeof(buf), ts, LOG_LEVEL_INFO, "proxyd",
				 "a message", f, 3);
	size_t cut = 0;

	for (size_t cap = 0; cap <= full + 8; cap++) {
		char *small = malloc(cap ? cap : 1);
		size_t len = log_format(small, cap, ts, LOG_LEVEL_INFO,
					"proxyd", "a message", f, 3);

		ck_assert(len < cap || len == 0);
		if (len && len != full) {
			ck_assert_str_eq(small + len - 5, " ...\n");
			ck_assert(is_balanced(small));
			cut++;
		}
		ck_assert(len > 0 || cap < 8);
		free(small);
	}
	ck_assert_uint_gt(cut, full / 2);
}
END_TEST

START_TEST(levels_have_names)
{
	enum log_level level = LOG_LEVEL_INFO;

	ck_assert_int_eq(log_level_parse(&level, "debug"), 0);
	ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
	ck_assert_int_eq(log_level_parse(&level, "warn"), 0);
	ck_assert_int_eq(level, LOG_LEVEL_WARN);
	ck_assert_int_eq(log_level_parse(&level, "error"), 0);
	ck_assert_int_eq(level, LOG_LEVEL_ERROR);
	ck_assert_int_eq(log_level_parse(&level, "loud"), -EINVAL);
	ck_assert_int_eq(level, LOG_LEVEL_ERROR);
}
END_TEST

static int evaluated;

static const char *expensive(void)
{
	evaluated++;
	return "x";
}

/* stderr into a pipe; what the calls wrote comes back. */
static size_t capture(char *buf, size_t cap, void (*calls)(void))
{
	int fds[2];
	int saved = dup(STDERR_FILENO);

	ck_assert_int_eq(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	calls();
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	close(saved);
	ssize_t n = read(fds[0], buf, cap - 1);

	close(fds[0]);
	ck_assert_int_ge(n, 0);
	buf[n] = '\0';
	return (size_t)n;
}

static void quiet_calls(void)
{
	log_init("relayd", LOG_LEVEL_WARN);
	log_debug("no", LOG_S("k", expensive()));
	log_info("no");
}

static void loud_calls(void)
{
	log_init("relayd", LOG_LEVEL_INFO);
	log_set_level(LOG_LEVEL_DEBUG);
	errno = EAGAIN;
	log_debug("yes", LOG_S("k", expensive()));
	ck_assert_int_eq(errno, EAGAIN);
	log_error("oh");
}

START_TEST(levels_filter)
{
	char buf[1024];

	ck_assert_uint_eq(capture(buf, sizeof(buf), quiet_calls), 0);
	ck_assert_int_eq(evaluated, 0);
	ck_assert(!log_enabled(LOG_LEVEL_INFO));
	ck_assert(log_enabled(LOG_LEVEL_WARN));

	capture(buf, sizeof(buf), loud_calls);
	ck_assert_ptr_nonnull(strstr(
		buf, "Z level=debug daemon=relayd msg=\"yes\" k=x\nts="));
	ck_assert_ptr_nonnull(
		strstr(buf, "Z level=error daemon=relayd msg=\"oh\"\n"));
}
END_TEST

/* time() is behind the clock that is read to the millisecond. */
static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

START_TEST(timestamp_is_utc_with_milliseconds)
{
	char buf[1024];
	struct tm tm = {0};
	int ms = -1, end = 0;

	setenv("TZ", "UTC-14", 1);
	time_t before = seconds();

	capture(buf, sizeof(buf), loud_calls);
	time_t after = seconds();
	const char *rest = strptime(buf, "ts=%Y-%m-%dT%H:%M:%S", &tm);

	ck_assert_ptr_nonnull(rest);
	ck_assert_int_eq(sscanf(rest, ".%3dZ %n", &ms, &end), 1);
	ck_assert_int_eq(end, 6);
	ck_assert_int_ge(timegm(&tm), before);
	ck_assert_int_le(timegm(&tm), after);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_add_test(t, fields_are_typed);
	tcase_add_loop_test(t, values_are_escaped, 0,
			    sizeof(values) / sizeof(values[0]));
	tcase_add_test(t, no_byte_can_forge_a_line);
	tcase_add_test(t, message_is_escaped);
	tcase_add_test(t, long_lines_are_cut);
	tcase_add_test(t, levels_have_names);
	tcase_add_test(t, levels_filter);
	tcase_add_test(t, timestamp_is_utc_with_milliseconds);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
