#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ws_frame.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The examples of RFC 6455 5.7. */
static const struct {
	size_t header_len;
	uint8_t bytes[WS_HEADER_MAX];
	struct ws_frame frame;
} examples[] = {
	{2, {0x81, 0x05}, {.fin = true, .opcode = WS_TEXT, .len = 5}},
	{6,
	 {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d},
	 {.fin = true,
	  .opcode = WS_TEXT,
	  .len = 5,
	  .masked = true,
	  .mask = {0x37, 0xfa, 0x21, 0x3d}}},
	{2, {0x01, 0x03}, {.opcode = WS_TEXT, .len = 3}},
	{2, {0x80, 0x02}, {.fin = true, .opcode = WS_CONTINUATION, .len = 2}},
	{2, {0x89, 0x05}, {.fin = true, .opcode = WS_PING, .len = 5}},
	{6,
	 {0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d},
	 {.fin = true,
	  .opcode = WS_PONG,
	  .len = 5,
	  .masked = true,
	  .mask = {0x37, 0xfa, 0x21, 0x3d}}},
	{4,
	 {0x82, 0x7e, 0x01, 0x00},
	 {.fin = true, .opcode = WS_BINARY, .len = 256}},
	{10,
	 {0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0},
	 {.fin = true, .opcode = WS_BINARY, .len = 65536}},
};

START_TEST(examples_of_the_rfc)
{
	const struct ws_frame *want = &examples[_i].frame;
	struct ws_frame f;

	ck_assert_uint_eq(ws_header_len(examples[_i].bytes),
			  examples[_i].header_len);
	ck_assert_int_eq(ws_header_read(&f, examples[_i].bytes), 0);
	ck_assert_uint_eq(f.len, want->len);
	ck_assert_uint_eq(f.opcode, want->opcode);
	ck_assert_uint_eq(f.reserved, 0);
	ck_assert(f.fin == want->fin && f.masked == want->masked);
	ck_assert_mem_eq(f.mask, want->mask, sizeof(f.mask));
}
END_TEST

START_TEST(unmasks_hello_from_anywhere)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

	for (size_t cut = 0; cut <= 5; cut++) {
		char data[] = "\x7f\x9f\x4d\x51\x58";

		ws_unmask(data, cut, mask, 0);
		ws_unmask(data + cut, 5 - cut, mask, cut);
		ck_assert_str_eq(data, "Hello");
	}
}
END_TEST

/* What is written in more bytes than it needs, or as a negative number. */
START_TEST(bad_lengths)
{
	static const uint8_t bad[][WS_HEADER_MAX] = {
		{0x81, 0x7e, 0, 125},
		{0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff},
		{0x81, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0},
	};
	struct ws_frame f;

	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_int_eq(ws_header_read(&f, bad[i]), -EBADMSG);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
	static const uint64_t lens[] = {0,   1,     125,   126,
					127, 65535, 65536, (uint64_t)1 << 40};

	for (size_t i = 0; i < COUNT(lens); i++) {
		uint8_t header[WS_HEADER_MAX];
		struct ws_frame f;
		size_t n = ws_header_write(header, WS_BINARY, lens[i]);

		ck_assert_uint_eq(ws_header_len(header), n);
		ck_assert_int_eq(ws_header_read(&f, header), 0);
		ck_assert_uint_eq(f.len, lens[i]);
		ck_assert(f.fin && !f.masked && f.opcode == WS_BINARY);
	}
}
END_TEST

START_TEST(control_frames)
{
	uint8_t frame[WS_CONTROL_FRAME_MAX];
	char much[200] = {0};

	ck_assert_uint_eq(ws_frame_close(frame, WS_PROTOCOL_ERROR), 4);
	ck_assert_mem_eq(frame, "\x88\x02\x03\xea", 4);
	ck_assert_uint_eq(ws_frame_control(frame, WS_PING, "Hello", 5), 7);
	ck_assert_mem_eq(frame, "\x89\x05Hello", 7);
	ck_assert_uint_eq(ws_frame_control(frame, WS_PONG, NULL, 0), 2);
	ck_assert_mem_eq(frame, "\x8a\x00", 2);
	ck_assert_uint_eq(ws_frame_control(frame, WS_PING, much, sizeof(much)),
			  WS_CONTROL_FRAME_MAX);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} texts[] = {
	{"", true},
	{"plain", true},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\x9e", true},
	{"\xee\x80\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf", true},
	{"M\xfcller", false},        /* Latin-1 */
	{"\x80", false},             /* nothing it continues */
	{"\xc3", false},             /* cut */
	{"\xe2\x82", false},         /* cut */
	{"\xf0\x9f\x93", false},     /* cut */
	{"\xe2(\xa1", false},        /* no continuation */
	{"\xe2\x82(", false},        /* no continuation */
	{"\xc0\xaf", false},         /* overlong */
	{"\xe0\x9f\xbf", false},     /* overlong */
	{"\xf0\x8f\xbf\xbf", false}, /* overlong */
	{"\xed\xa0\x80", false},     /* a surrogate */
	{"\xf4\x90\x80\x80", false}, /* beyond U+10FFFF */
	{"\xf5\x80\x80\x80", false}, /* beyond U+10FFFF */
	{"\xff", false},
};

START_TEST(utf8)
{
	size_t len = strlen(texts[_i].text);
	char *copy = malloc(len + 1); /* of its own size, for a checker */

	memcpy(copy, texts[_i].text, len + 1);
	ck_assert_int_eq(ws_is_utf8(copy, len), texts[_i].ok);
	free(copy);
}
END_TEST

/* A browser gives up a connection on which text is no UTF-8. */
START_TEST(a_message_of_odd_bytes_is_binary)
{
	uint8_t header[WS_HEADER_MAX];

	ck_assert_uint_eq(ws_frame_message(header, "\xc3\xa9", 2), 2);
	ck_assert_mem_eq(header, "\x81\x02", 2);
	ck_assert_uint_eq(ws_frame_message(header, "\xe9", 1), 2);
	ck_assert_mem_eq(header, "\x82\x01", 2);
}
END_TEST

START_TEST(close_codes)
{
	static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1011,
					1014, 3000, 3999, 4000, 4999};
	static const unsigned bad[] = {0,    999,  1004, 1005, 1006, 1015,
				       1016, 2000, 2999, 5000, 65535};

	for (size_t i = 0; i < COUNT(good); i++)
		ck_assert(ws_code_is_valid(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert(!ws_code_is_valid(bad[i]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ws_frame");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, examples_of_the_rfc, 0, COUNT(examples));
	tcase_add_test(tc, unmasks_hello_from_anywhere);
	tcase_add_test(tc, bad_lengths);
	tcase_add_test(tc, what_is_written_reads_back);
	tcase_add_test(tc, control_frames);
	tcase_add_loop_test(tc, utf8, 0, COUNT(texts));
	tcase_add_test(tc, a_message_of_odd_bytes_is_binary);
	tcase_add_test(tc, close_codes);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
