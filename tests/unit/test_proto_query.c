#include "proto/redirect.h"
#include "tests/unit/proto_example.h"

/* What a proxy tells redirectd of a request, beside asking it. */

#define INVITE                                                                 \
	"INVITE sip:third@example.com SIP/2.0\r\n"                             \
	"Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKquery;rport\r\n"      \
	"From: <sip:first@example.com>;tag=f1\r\n"                             \
	"To: <sip:third@example.com>\r\n"                                      \
	"Call-ID: call-1@10.0.0.16\r\n"                                        \
	"CSeq: 7 INVITE\r\n"                                                   \
	"Content-Length: 0\r\n\r\n"

static const struct {
	const char *name;
	int (*make)(msg_t *query);
	bool (*is)(const sip_t *sip);
} query_marks[] = {
	{"ph-served", redirect_query_limit, redirect_query_limited},
	{"ph-vouched", redirect_query_vouch, redirect_query_vouched},
};

START_TEST(test_redirect_query_marks)
{
	msg_t *msg = parsed(INVITE), *again;
	msg_t *copy = sipmsg_copy(msg);
	char want[128];

	ck_assert_int_eq(
		redirect_query_make(copy, &redirect, "third@example.com"), 0);
	ck_assert(!query_marks[_i].is(sip_object(copy)));
	ck_assert_int_eq(query_marks[_i].make(copy), 0);
	ck_assert_int_eq(sipmsg_print(&sb, copy), 0);
	snprintf(want, sizeof(want),
		 "INVITE sip:third@203.0.113.3:5060;ph-domain=example.com;%s "
		 "SIP/2.0\r\n",
		 query_marks[_i].name);
	ck_assert_int_eq(strncmp(text, want, strlen(want)), 0);

	again = parsed(text);
	for (int i = 0; i < 2; i++)
		ck_assert(query_marks[i].is(sip_object(again)) == (i == _i));
	ck_assert(!query_marks[_i].is(sip_object(msg)));
	msg_destroy(msg);
	msg_destroy(copy);
	msg_destroy(again);
}
END_TEST

/* Of a request to another domain: whom it is for, as an id. */
static const struct {
	const char *to, *word, *id;
} abroad[] = {
	{"sip:Bob@Foreign.example:5080;x=y", "ph-abroad=Bob%40foreign.example",
	 "Bob@foreign.example"},
	{"sip:a;b=c@f.example", "ph-abroad=a%3Bb%3Dc%40f.example",
	 "a;b=c@f.example"},
	{"sip:foreign.example", "ph-abroad=foreign.example", ""},
};

START_TEST(test_redirect_query_abroad)
{
	msg_t *msg = parsed(INVITE), *again;
	char id[REDIRECT_ID_MAX];
	const url_t *url = url_make(msg_home(msg), abroad[_i].to);

	ck_assert_int_eq(
		redirect_query_make(msg, &redirect, "first@example.com"), 0);
	ck_assert_int_eq(redirect_query_abroad_id(id, sip_object(msg)),
			 -ENOENT);
	ck_assert_int_eq(redirect_query_abroad(msg, url), 0);
	ck_assert_int_eq(sipmsg_print(&sb, msg), 0);
	ck_assert_msg(strstr(text, abroad[_i].word) != NULL, "%s", text);
	again = parsed(text);
	ck_assert_int_eq(redirect_query_abroad_id(id, sip_object(again)), 0);
	ck_assert_str_eq(id, abroad[_i].id);
	ck_assert_int_eq(
		redirect_client_id(id, sip_object(again)->sip_request->rq_url),
		0);
	ck_assert_str_eq(id, "first@example.com");
	msg_destroy(msg);
	msg_destroy(again);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto query");
	TCase *tc = tcase_create("words");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, test_redirect_query_marks, 0, 2);
	tcase_add_loop_test(tc, test_redirect_query_abroad, 0, 3);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
