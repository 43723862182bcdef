#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sipmsg.h"
#include "tests/unit/ws_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct wire wire;
static struct ws *w;

static void setup(void)
{
	wire.len = 0;
	heard_reset();
	ck_assert_int_eq(ws_alloc(&w, NULL), 0);
}

static void teardown(void)
{
	ws_free(w);
	w = NULL;
}

static void start_over(void)
{
	teardown();
	heard_reset();
	ck_assert_int_eq(ws_alloc(&w, NULL), 0);
}

/* Shake hands, and forget it. */
static void open_up(void)
{
	wire_add(&wire, HANDSHAKE, strlen(HANDSHAKE));
	ck_assert_int_eq(heard_input(w, &wire, 0), 0);
	ck_assert(ws_is_open(w));
	wire.len = 0;
	heard_reset();
}

/* A handshake and everything a client may send, cut in two anywhere. */
START_TEST(cut_anywhere)
{
	static char want[LOG_MAX];
	char big[300];

	memset(big, 'x', sizeof(big));
	wire_add(&wire, HANDSHAKE, strlen(HANDSHAKE));
	wire_text(&wire, 0x81, "INVITE one");
	wire_text(&wire, 0x01, "INV");
	wire_text(&wire, 0x89, "are you there?");
	wire_text(&wire, 0x00, "");
	wire_text(&wire, 0x80, "ITE two");
	wire_text(&wire, 0x82, "binary \xfc three");
	wire_frame(&wire, 0x81, big, sizeof(big));
	wire_text(&wire, 0x81, "\r\n\r\nfour");
	wire_text(&wire, 0x81, "\r\n\r\n");
	wire_text(&wire, 0x81, "\r\n");
	wire_text(&wire, 0x81, "");
	wire_text(&wire, 0x8a, "");
	wire_text(&wire, 0x88, "\x03\xe9 bye");
	wire_text(&wire, 0x81, "too late");
	ck_assert_int_eq(heard_input(w, &wire, 0), -ESHUTDOWN);
	memcpy(want, transcript, heard.len + 1);
	for (size_t cut = 1; cut <= wire.len; cut++) {
		start_over();
		ck_assert_int_eq(heard_input(w, &wire, cut), -ESHUTDOWN);
		ck_assert_str_eq(transcript, want);
	}
	big[64] = '\0';
	ck_assert_ptr_nonnull(strstr(want, big));
	ck_assert_ptr_eq(
		strstr(want, "send HTTP/1.1 101 Switching Protocols\n"), want);
	ck_assert_ptr_nonnull(strstr(
		want,
		"\n\nmessage 10 INVITE one\n"
		"send [8a][0e]are you there?\nping\nmessage 10 INVITE two\n"
		"message 14 binary \xfc three\nmessage 300 x"));
	ck_assert_ptr_nonnull(strstr(want, "x\nmessage 4 four\n"
					   "send [81][02]\n\nping\npong\npong\n"
					   "send [88][02][03][e9]\n"));
	ck_assert_str_eq(strrchr(want, ']'), "]\n");
}
END_TEST

START_TEST(byte_by_byte)
{
	wire_add(&wire, HANDSHAKE, strlen(HANDSHAKE));
	wire_text(&wire, 0x81, "INVITE");
	for (size_t i = 0; i < wire.len; i++) {
		char c = wire.data[i];

		ck_assert_int_eq(ws_input(w, &c, 1, &heard_handlers, NULL), 0);
	}
	ck_assert_ptr_nonnull(strstr(transcript, "message 6 INVITE\n"));
}
END_TEST

/* RFC 6455 5.7, those that a client may send. */
START_TEST(examples_of_the_rfc)
{
	open_up();
	wire_add(&wire, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
	wire_add(&wire, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
	ck_assert_int_eq(heard_input(w, &wire, 0), 0);
	ck_assert_str_eq(transcript, "message 5 Hello\npong\n");
}
END_TEST

static const struct {
	unsigned first;
	const char *payload;
	int err;
	const char *sent;
} faults[] = {
	{0xc1, "x", -EPROTO, "[03][ea]"}, /* RSV1 */
	{0xa1, "x", -EPROTO, "[03][ea]"}, /* RSV2 */
	{0x91, "x", -EPROTO, "[03][ea]"}, /* RSV3 */
	{0x83, "x", -EPROTO, "[03][ea]"}, /* unknown opcodes */
	{0x87, "x", -EPROTO, "[03][ea]"},
	{0x8b, "x", -EPROTO, "[03][ea]"},
	{0x8f, "x", -EPROTO, "[03][ea]"},
	{0x80, "x", -EPROTO, "[03][ea]"}, /* continues nothing */
	{0x00, "x", -EPROTO, "[03][ea]"},
	{0x09, "x", -EPROTO, "[03][ea]"}, /* control frames in fragments */
	{0x08, "", -EPROTO, "[03][ea]"},
	{0x88, "x", -EPROTO, "[03][ea]"},        /* half a code */
	{0x88, "\x03\xed", -EPROTO, "[03][ea]"}, /* a code never sent */
	{0x88, "\x03\xe8\xff", -EILSEQ, "[03][ef]"},
	{0x88, "", -ESHUTDOWN, "[03][e8]"},
	{0x88, "\x03\xe9", -ESHUTDOWN, "[03][e9]"},
	{0x88, "\x0f\xa0 own", -ESHUTDOWN, "[0f][a0]"},
	{0x81, "M\xfcller", -EILSEQ, "[03][ef]"},
};

static void closes(int err, const char *sent)
{
	char want[64];

	ck_assert_int_eq(heard_input(w, &wire, 0), err);
	snprintf(want, sizeof(want), "send [88][02]%s\n", sent);
	ck_assert_str_eq(transcript, want);
	ck_assert_str_ne(ws_error(w), "");
	ck_assert(!ws_is_open(w));
	/* Nothing more is heard, nor said. */
	wire.len = 0;
	wire_text(&wire, 0x81, "more");
	ck_assert_int_eq(heard_input(w, &wire, 0), -ESHUTDOWN);
	ws_close(w, WS_GOING_AWAY, &heard_handlers, NULL);
	ck_assert_str_eq(transcript, want);
}

START_TEST(what_closes_it)
{
	open_up();
	wire_text(&wire, faults[_i].first, faults[_i].payload);
	closes(faults[_i].err, faults[_i].sent);
}
END_TEST

START_TEST(a_frame_without_mask)
{
	open_up();
	wire_add(&wire, "\x81\x05Hello", 7);
	closes(-EPROTO, "[03][ea]");
}
END_TEST

START_TEST(a_long_control_frame)
{
	char much[126] = {0};

	open_up();
	wire_frame(&wire, 0x89, much, sizeof(much));
	closes(-EPROTO, "[03][ea]");
}
END_TEST

START_TEST(a_length_of_too_many_bytes)
{
	open_up();
	wire_add(&wire, "\x81\xfe\x00\x05mask", 8);
	closes(-EPROTO, "[03][ea]");
}
END_TEST

START_TEST(a_message_within_a_message)
{
	open_up();
	wire_text(&wire, 0x01, "half");
	wire_text(&wire, 0x81, "another");
	closes(-EPROTO, "[03][ea]");
}
END_TEST

/* The longest message passes; one byte more does not, however it is cut. */
START_TEST(the_longest_message)
{
	static char long_one[SIPMSG_MAX + 1];

	memset(long_one, 'x', sizeof(long_one));
	open_up();
	wire_frame(&wire, 0x81, long_one, SIPMSG_MAX);
	ck_assert_int_eq(heard_input(w, &wire, 70), 0);
	ck_assert_ptr_eq(strstr(transcript, "message 65535 x"), transcript);
	heard_reset();
	wire.len = 0;
	wire_frame(&wire, 0x01, long_one, SIPMSG_MAX);
	ck_assert_int_eq(heard_input(w, &wire, 70), 0);
	wire.len = 0;
	wire_frame(&wire, 0x80, "x", 1);
	closes(-EMSGSIZE, "[03][f1]");
}
END_TEST

START_TEST(a_message_too_long_is_not_waited_for)
{
	open_up();
	wire_add(&wire, "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00mask", 14);
	closes(-EMSGSIZE, "[03][f1]");
}
END_TEST

START_TEST(a_refusal_is_answered_and_final)
{
	wire_add(&wire, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
	ck_assert_int_eq(heard_input(w, &wire, 9), -EACCES);
	ck_assert_ptr_eq(strstr(transcript, "send HTTP/1.1 426 "), transcript);
	ck_assert_ptr_nonnull(strstr(transcript, ws_error(w)));
	heard_reset();
	ck_assert_int_eq(heard_input(w, &wire, 0), -ESHUTDOWN);
	ck_assert_str_eq(transcript, "");
}
END_TEST

static const char *const never_http[] = {
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", /* TLS */
	"GET / HTTP/1.1\r\nHost: \x01\r\n",
};

START_TEST(what_cannot_be_http_is_not_waited_for)
{
	wire_add(&wire, never_http[_i], strlen(never_http[_i]));
	ck_assert_int_eq(heard_input(w, &wire, 0), -EACCES);
	ck_assert_ptr_eq(strstr(transcript, "send HTTP/1.1 400 "), transcript);
}
END_TEST

START_TEST(a_head_without_end)
{
	static const char line[] = "X-Long: 0123456789012345678901234567890\n";
	int err = 0;

	for (unsigned i = 0; !err && i < 1000; i++) {
		wire.len = 0;
		wire_add(&wire, line, strlen(line));
		err = heard_input(w, &wire, 0);
	}
	ck_assert_int_eq(err, -EACCES);
	ck_assert_ptr_eq(strstr(transcript, "send HTTP/1.1 431 "), transcript);
}
END_TEST

START_TEST(pages_of_others)
{
	static const char *const ours[] = {"https://phone.example.com", NULL};

	teardown();
	ck_assert_int_eq(ws_alloc(&w, ours), 0);
	wire_add(&wire, HANDSHAKE, strlen(HANDSHAKE));
	ck_assert_int_eq(heard_input(w, &wire, 0), -EACCES);
	ck_assert_ptr_eq(strstr(transcript, "send HTTP/1.1 403 "), transcript);
}
END_TEST

/* We may close it too, even while a message is being delivered. */
static void hangs_up(char *data, size_t len, void *arg)
{
	heard_message(data, len, arg);
	ws_close(w, WS_GOING_AWAY, &heard_handlers, arg);
}

START_TEST(closed_by_its_own_message)
{
	struct ws_handlers h = heard_handlers;

	h.message = hangs_up;
	open_up();
	wire_text(&wire, 0x81, "one");
	wire_text(&wire, 0x81, "two");
	ck_assert_int_eq(ws_input(w, wire.data, wire.len, &h, NULL),
			 -ESHUTDOWN);
	ck_assert_str_eq(transcript, "message 3 one\nsend [88][02][03][e9]\n");
}
END_TEST

START_TEST(closed_before_the_handshake)
{
	ck_assert(!ws_is_open(w));
	ws_close(w, WS_GOING_AWAY, &heard_handlers, NULL);
	ck_assert_str_eq(transcript, "");
	wire_add(&wire, HANDSHAKE, strlen(HANDSHAKE));
	ck_assert_int_eq(heard_input(w, &wire, 0), -ESHUTDOWN);
}
END_TEST

static TCase *talking(void)
{
	TCase *tc = tcase_create("talking");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, cut_anywhere);
	tcase_add_test(tc, byte_by_byte);
	tcase_add_test(tc, examples_of_the_rfc);
	tcase_add_test(tc, the_longest_message);
	tcase_add_test(tc, closed_by_its_own_message);
	tcase_add_test(tc, closed_before_the_handshake);
	return tc;
}

static TCase *refusing(void)
{
	TCase *tc = tcase_create("refusing");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_closes_it, 0, COUNT(faults));
	tcase_add_test(tc, a_frame_without_mask);
	tcase_add_test(tc, a_long_control_frame);
	tcase_add_test(tc, a_length_of_too_many_bytes);
	tcase_add_test(tc, a_message_within_a_message);
	tcase_add_test(tc, a_message_too_long_is_not_waited_for);
	tcase_add_test(tc, a_refusal_is_answered_and_final);
	tcase_add_loop_test(tc, what_cannot_be_http_is_not_waited_for, 0,
			    COUNT(never_http));
	tcase_add_test(tc, a_head_without_end);
	tcase_add_test(tc, pages_of_others);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("ws");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, talking());
	suite_add_tcase(s, refusing());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
