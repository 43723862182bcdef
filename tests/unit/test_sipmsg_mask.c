#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sipmsg.h"
#include "common/strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HEADERS                                                                \
	"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"                       \
	"From: <sip:a@example.com>;tag=1\r\n"                                  \
	"To: <sip:b@example.com>\r\n"                                          \
	"Call-ID: x\r\n"

/* What Sofia-SIP alone would refuse, and what it would not. */
static const char *const methods[] = {
	"PING", "NOVEL", "FOO",   "IN",      "NOT",     "PUB",   "A",     "B",
	"BY",   "CANC",  "INFOX", "INVITES", "FOO+BAR", "a`b'c", "!%*_~", "X",
};

static char text[4096];

static void request(const char *method, const char *in_cseq)
{
	snprintf(text, sizeof(text),
		 "%s sip:b@example.com SIP/2.0\r\n" HEADERS
		 "CSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		 method, in_cseq);
}

static void assert_prints_as_it_came(msg_t *msg)
{
	static char out[4096];
	struct strbuf sb;

	strbuf_init(&sb, out, sizeof(out));
	ck_assert_int_eq(sipmsg_print(&sb, msg), 0);
	ck_assert_str_eq(out, text);
}

START_TEST(an_unknown_method_is_a_method)
{
	msg_t *msg = NULL;

	request(methods[_i], methods[_i]);
	ck_assert_int_eq(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	ck_assert_str_eq(sipmsg_method(sip_object(msg)), methods[_i]);
	ck_assert_int_eq(sip_object(msg)->sip_request->rq_method,
			 sip_method_unknown);
	assert_prints_as_it_came(msg);
	msg_destroy(msg);
}
END_TEST

START_TEST(an_unknown_method_is_answered)
{
	msg_t *msg = NULL;

	snprintf(text, sizeof(text),
		 "SIP/2.0 200 OK\r\n" HEADERS
		 "cseq :\t7  %s\r\nContent-Length: 0\r\n\r\n",
		 methods[_i]);
	ck_assert_int_eq(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	ck_assert_str_eq(sipmsg_method(sip_object(msg)), methods[_i]);
	msg_destroy(msg);
}
END_TEST

START_TEST(two_unknown_methods_do_not_agree)
{
	msg_t *msg = NULL;

	request("PING", "PONG");
	ck_assert_int_ne(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	request("PING", "INVITE");
	ck_assert_int_ne(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	request("INVITE", "PING");
	ck_assert_int_ne(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sipmsg mask");
	TCase *tc = tcase_create("methods");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, an_unknown_method_is_a_method, 0,
			    COUNT(methods));
	tcase_add_loop_test(tc, an_unknown_method_is_answered, 0,
			    COUNT(methods));
	tcase_add_test(tc, two_unknown_methods_do_not_agree);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
