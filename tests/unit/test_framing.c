#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/framing.h"
#include "common/sipmsg.h"

#define INVITE                                                                 \
	"INVITE sip:b@192.0.2.1 SIP/2.0\r\nSubject: a\r\n b\r\n"               \
	"Content-Length: 5\r\n\r\n"
#define OK "SIP/2.0 200 OK\r\nl:0\r\n\r\n"

enum { TEXT_MAX = 4096 };

/* What came out, in one line: "<" message ">", "P" ping, "p" pong, "!" and
 * then no more where the stream is bad. */
struct told {
	char text[TEXT_MAX];
	int err;
};

static struct framing f;
static struct told told;

static void setup(void)
{
	memset(&f, 0, sizeof(f));
	memset(&told, 0, sizeof(told));
}

static void teardown(void)
{
	framing_reset(&f);
}

static void tell(const char *text)
{
	ck_assert_uint_lt(strlen(told.text) + strlen(text), TEXT_MAX);
	strcat(told.text, text);
}

static void tell_message(char *msg, size_t len)
{
	ck_assert_uint_eq(msg[len], '\0');
	tell("<");
	tell(msg);
	tell(">");
	memset(msg, 'x', len); /* it may be written to */
}

static void feed(const char *data, size_t len)
{
	size_t msg_len;
	char *msg;
	int item;

	if (told.err)
		return;
	ck_assert_int_eq(framing_add(&f, data, len), 0);
	while ((item = framing_next(&f, &msg, &msg_len)) > 0) {
		if (item == FRAMING_MESSAGE)
			tell_message(msg, msg_len);
		else
			tell(item == FRAMING_PING ? "P" : "p");
	}
	told.err = item;
	if (item < 0)
		tell("!");
}

static void feed_text(const char *text)
{
	feed(text, strlen(text));
}

struct sample {
	const char *in, *out;
};

static const struct sample samples[] = {
	{OK, "<" OK ">"},
	{INVITE "hello", "<" INVITE "hello>"},
	{INVITE "hello" OK, "<" INVITE "hello><" OK ">"},
	{INVITE "\r\n\r\n." OK, "<" INVITE "\r\n\r\n.><" OK ">"},
	{"\r\n\r\n" OK, "P<" OK ">"},
	{OK "\r\n\r\n\r\n\r\n" OK, "<" OK ">PP<" OK ">"},
	/* A lone CRLF before a message is nothing (RFC 3261 7.5). */
	{"\r\n" OK, "<" OK ">"},
	{"\r\n\r\n\r\n" OK "\r\n\r\n", "P<" OK ">P"},
	{"A b SIP/2.0\r\nCONTENT-length \t: \t 2 \t\r\n\r\nxy",
	 "<A b SIP/2.0\r\nCONTENT-length \t: \t 2 \t\r\n\r\nxy>"},
	{"A b SIP/2.0\r\nL:\r\n 2\r\n\r\nxy",
	 "<A b SIP/2.0\r\nL:\r\n 2\r\n\r\nxy>"},
	{"A b SIP/7.0\r\nl: 0\r\nLength: 9\r\nX: \r\n l: 7\r\n\r\n",
	 "<A b SIP/7.0\r\nl: 0\r\nLength: 9\r\nX: \r\n l: 7\r\n\r\n>"},
	{"A b sip/2.0\r\nl: 00000\r\n\r\n",
	 "<A b sip/2.0\r\nl: 00000\r\n\r\n>"},
};

static const char *const bad[] = {
	"A b SIP/2.0\r\nTo: c\r\n\r\n", /* no Content-Length */
	"A b SIP/2.0\r\n\r\n",
	"A b SIP/2.0\r\nl: 1\r\nl: 1\r\n\r\nx",
	"A b SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\nx",
	"A b SIP/2.0\r\nl: -1\r\n\r\n",
	"A b SIP/2.0\r\nl: +1\r\n\r\nx",
	"A b SIP/2.0\r\nl: 0x1\r\n\r\nx",
	"A b SIP/2.0\r\nl: 1 1\r\n\r\nx",
	"A b SIP/2.0\r\nl: 1, 1\r\n\r\nx",
	"A b SIP/2.0\r\nl:\r\n\r\n",
	"A b SIP/2.0\r\nl\r\n\r\n",
	"A b SIP/2.0\nl: 0\n\n",
	"A b SIP/2.0\r\nl: 0\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET SIP/2.0 /\r\nl: 0\r\n\r\n",
	"garbage\r\n",
	"SIPS/2.0\r\n",
	"\x16\x03\x01",
	"\n",
	"\rA",
	" A b SIP/2.0\r\n",
	"\r\n\n",
	"\r\n\rA",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Of one sample, each way to cut it in two. */
START_TEST(stream_reads_the_same_wherever_it_is_cut)
{
	const struct sample *s = &samples[_i];
	size_t len = strlen(s->in);

	for (size_t cut = 0; cut <= len; cut++) {
		setup();
		feed(s->in, cut);
		feed(s->in + cut, len - cut);
		ck_assert_msg(!strcmp(told.text, s->out),
			      "cut at %zu: %s instead of %s", cut, told.text,
			      s->out);
		ck_assert_int_eq(told.err, 0);
		ck_assert(!framing_is_partial(&f));
		ck_assert_ptr_null(f.buf);
	}
}
END_TEST

START_TEST(stream_of_single_bytes)
{
	const struct sample *s = &samples[_i];

	for (const char *p = s->in; *p; p++)
		feed(p, 1);
	ck_assert_str_eq(told.text, s->out);
}
END_TEST

START_TEST(garbage_is_found_wherever_it_is_cut)
{
	size_t len = strlen(bad[_i]);

	for (size_t cut = 0; cut <= len; cut++) {
		setup();
		feed_text(OK);
		feed(bad[_i], cut);
		feed(bad[_i] + cut, len - cut);
		ck_assert_msg(told.err == -EBADMSG, "cut at %zu: %d", cut,
			      told.err);
		ck_assert_str_eq(told.text, "<" OK ">!");
		framing_reset(&f);
	}
}
END_TEST

START_TEST(nul_in_the_first_line_is_garbage)
{
	feed("A b\0 SIP/2.0\r\n", 14);
	ck_assert_int_eq(told.err, -EBADMSG);
}
END_TEST

START_TEST(body_may_have_any_byte)
{
	char *msg;
	size_t len;

	ck_assert_int_eq(framing_add(&f, INVITE "\0\xff\r\n\0" OK,
				     strlen(INVITE) + 5 + strlen(OK)),
			 0);
	ck_assert_int_eq(framing_next(&f, &msg, &len), FRAMING_MESSAGE);
	ck_assert_uint_eq(len, strlen(INVITE) + 5);
	ck_assert_mem_eq(msg + strlen(INVITE), "\0\xff\r\n\0", 5);
	ck_assert_int_eq(framing_next(&f, &msg, &len), FRAMING_MESSAGE);
	ck_assert_str_eq(msg, OK);
	ck_assert_int_eq(framing_next(&f, &msg, &len), FRAMING_NONE);
}
END_TEST

START_TEST(pong_is_what_answers_our_ping)
{
	framing_expect_pong(&f);
	feed_text("\r\n");
	ck_assert_str_eq(told.text, "p");
	framing_expect_pong(&f);
	feed_text("\r\n");
	feed_text(OK);
	framing_expect_pong(&f);
	feed_text("\r\n" OK);
	ck_assert_str_eq(told.text, "pp<" OK ">p<" OK ">");
}
END_TEST

/* A ping in two pieces is answered even where a pong was due. */
START_TEST(ping_is_never_lost)
{
	feed_text("\r\n");
	ck_assert_str_eq(told.text, "");
	feed_text("\r");
	feed_text("\n");
	ck_assert_str_eq(told.text, "P");
	framing_expect_pong(&f);
	feed_text("\r\n");
	feed_text("\r\n");
	ck_assert_str_eq(told.text, "PpP");
	framing_expect_pong(&f);
	feed_text("\r\n\r\n");
	ck_assert_str_eq(told.text, "PpPP");
}
END_TEST

/* A message of exactly `len` bytes. */
static char *message_of(size_t len)
{
	static const char head[] = "A b SIP/2.0\r\nl: %5zu\r\n\r\n";
	char *text = malloc(len + 1);
	int n = snprintf(NULL, 0, head, len);

	(void)snprintf(text, len + 1, head, len - (size_t)n);
	memset(text + n, 'x', len - (size_t)n);
	text[len] = '\0';
	return text;
}

START_TEST(longest_message_passes_and_longer_is_refused)
{
	char *text = message_of(SIPMSG_MAX);
	char *msg;
	size_t len;

	ck_assert_int_eq(framing_add(&f, text, SIPMSG_MAX), 0);
	ck_assert_int_eq(framing_next(&f, &msg, &len), FRAMING_MESSAGE);
	ck_assert_uint_eq(len, SIPMSG_MAX);
	ck_assert_str_eq(msg, text);
	free(text);
	text = message_of(SIPMSG_MAX + 1);
	feed(text, 100);
	ck_assert_int_eq(told.err, -EMSGSIZE);
	free(text);
}
END_TEST

static const char *const too_long[] = {
	"A b SIP/2.0\r\nl: 99999999999999999999\r\n\r\n",
	"A b SIP/2.0\r\nl: 65536\r\n\r\n",
	"A b SIP/2.0\r\nl: 65535\r\n\r\n",
};

START_TEST(length_out_of_range)
{
	feed_text(too_long[_i]);
	ck_assert_int_eq(told.err, -EMSGSIZE);
}
END_TEST

START_TEST(header_without_end_is_bounded)
{
	static const char line[] = "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
	size_t n = strlen("A b SIP/2.0\r\n");

	feed_text(_i ? "A b SIP/2.0\r\n" : "A b");
	for (; n <= SIPMSG_MAX; n += strlen(line)) {
		ck_assert_int_eq(told.err, 0);
		feed(_i ? line : "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
		     strlen(line));
	}
	feed_text("y");
	ck_assert_int_eq(told.err, -EMSGSIZE);
	ck_assert_uint_le(f.cap, 4 * SIPMSG_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("framing");
	TCase *tc = tcase_create("framing");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, stream_reads_the_same_wherever_it_is_cut, 0,
			    COUNT(samples));
	tcase_add_loop_test(tc, stream_of_single_bytes, 0, COUNT(samples));
	tcase_add_loop_test(tc, garbage_is_found_wherever_it_is_cut, 0,
			    COUNT(bad));
	tcase_add_test(tc, nul_in_the_first_line_is_garbage);
	tcase_add_test(tc, body_may_have_any_byte);
	tcase_add_test(tc, pong_is_what_answers_our_ping);
	tcase_add_test(tc, ping_is_never_lost);
	tcase_add_test(tc, longest_message_passes_and_longer_is_refused);
	tcase_add_loop_test(tc, length_out_of_range, 0, COUNT(too_long));
	tcase_add_loop_test(tc, header_without_end_is_bounded, 0, 2);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
