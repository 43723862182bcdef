#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sipmsg.h"
#include "common/sipmsg_scan.h"
#include "common/strbuf.h"

/*
 * The value of a header as text, whatever its length: Sofia-SIP's own printer
 * loses the parameters where the room is short by a byte.
 */
enum { NAME_MAX_LEN = 1200, TEXT_LEN = 2 * NAME_MAX_LEN };

static const char params[] = ";tag=22a2ec319d39a0a0;x=1";

static void print_value(char text[TEXT_LEN], size_t name)
{
	char user[NAME_MAX_LEN + 1];

	memset(user, 'u', name);
	user[name] = '\0';
	snprintf(text, TEXT_LEN, "\"A\" <sip:%s@example.com>%s", user, params);
}

START_TEST(text_of_any_length)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	char text[TEXT_LEN];

	su_home_init(home);
	for (size_t name = 1; name <= NAME_MAX_LEN; name++) {
		sip_to_t *to;

		print_value(text, name);
		to = sip_to_make(home, text);
		ck_assert_ptr_nonnull(to);
		ck_assert_str_eq(sipmsg_header_text(home, to), text);
	}
	su_home_deinit(home);
}
END_TEST

static msg_t *parse_request(void)
{
	static const char text[] =
		"OPTIONS sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;x=123456789\r\n"
		"From: <sip:alice@example.com>;tag=a\r\n"
		"To: <sip:bob@example.com>\r\n"
		"Call-ID: c\r\n"
		"CSeq: 1 OPTIONS\r\n\r\n";
	msg_t *msg = NULL;

	ck_assert_int_eq(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	msg_fragment_clear(sip_object(msg)->sip_via->v_common);
	return msg;
}

/* A reply either has all of a changed header, or does not fit. */
START_TEST(reply_is_whole_or_none)
{
	const struct sipmsg_reply reply = {.status = 404, .to_tag = "t"};
	msg_t *msg = parse_request();
	char whole[TEXT_LEN], buf[TEXT_LEN];
	struct strbuf sb;
	size_t len;

	strbuf_init(&sb, whole, sizeof(whole));
	ck_assert_int_eq(sipmsg_reply(&sb, sip_object(msg), &reply), 0);
	ck_assert_ptr_nonnull(strstr(whole, ";x=123456789\r\n"));
	len = sb.len;
	for (size_t cap = 1; cap < len + 8; cap++) {
		strbuf_init(&sb, buf, cap);
		if (sipmsg_reply(&sb, sip_object(msg), &reply) == 0)
			ck_assert_str_eq(buf, whole);
		else
			ck_assert_uint_le(cap, len + 1);
	}
	msg_destroy(msg);
}
END_TEST

/* What Sofia-SIP bears and prints as something else, found by fuzzing. */
static const struct {
	const char *start, *via, *cseq, *more;
	int err;
} cases[] = {
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS", "", 0},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP![::1]:5062", "1 OPTIONS", "",
	 -EBADMSG},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1", "", -EBADMSG},
	{"sip:<b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS", "",
	 -EBADMSG},
	{"sip:b>@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS", "",
	 -EBADMSG},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS",
	 "Route: <sip:192.0.2.1;lr>, sip:192.0.2.2>\r\n", -EBADMSG},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS",
	 "Contact: <sip:a<b@192.0.2.1>\r\n", -EBADMSG},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS",
	 "Contact: <sip:a\"b@192.0.2.1>\r\n", -EBADMSG},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS",
	 "Contact: nobody\r\n", -EBADMSG},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS",
	 "Contact: sip:a<b@192.0.2.1\r\n", -EBADMSG},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS",
	 "Contact: \"<a> b\" <tel:+123>;q=0.1\r\n", 0},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS",
	 "Contact: *\r\n", 0},
	{"sip:b@192.0.2.9", "SIP/2.0/UDP 192.0.2.1", "1 OPTIONS",
	 "Subject: a > b, <c < d\r\n", 0},
};

START_TEST(refused_or_not)
{
	char text[TEXT_LEN];
	msg_t *msg = NULL;

	snprintf(text, sizeof(text),
		 "OPTIONS %s SIP/2.0\r\nVia: %s;branch=z9hG4bK1\r\n"
		 "From: <sip:a@example.com>;tag=a\r\n"
		 "To: <sip:b@example.com>\r\nCall-ID: c\r\n"
		 "CSeq: %s\r\n%s\r\n",
		 cases[_i].start, cases[_i].via, cases[_i].cseq,
		 cases[_i].more);
	ck_assert_int_eq(sipmsg_parse(&msg, text, strlen(text), NULL),
			 cases[_i].err);
	msg_destroy(msg);
}
END_TEST

/* Wherever it stands in a line of whatever length. */
START_TEST(control_characters_are_found)
{
	char text[256];
	const char c = (char)_i;
	const bool bad = (_i < 0x20 && c != '\t') || _i == 0x7f;

	for (size_t len = 1; len <= 24; len++) {
		for (size_t at = 0; at < len; at++) {
			char value[25] = {0};

			memset(value, '~', len);
			value[at] = c;
			int n = snprintf(text, sizeof(text),
					 "OPTIONS sip:a@b SIP/2.0\r\n"
					 "Subject:%.*s%c%.*s\r\n\r\n",
					 (int)at, value, c, (int)(len - at - 1),
					 value + at + 1);

			ck_assert_int_eq(sipmsg_scan(text, (size_t)n),
					 bad ? (c == '\n'
							? SIPMSG_FAULT_line_end
							: SIPMSG_FAULT_control)
					     : SIPMSG_FAULT_NONE);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sipmsg_header");
	TCase *tc = tcase_create("text");
	SRunner *runner;
	int failures;

	tcase_add_test(tc, text_of_any_length);
	tcase_add_loop_test(tc, control_characters_are_found, 0, 256);
	tcase_add_test(tc, reply_is_whole_or_none);
	tcase_add_loop_test(tc, refused_or_not, 0,
			    sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
