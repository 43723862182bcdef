#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "proxyd/loops.h"

enum { TEXT_MAX = 4096 };

/* A request as it comes; every part has a default. */
struct req {
	const char *method, *uri, *vias, *headers, *to, *call_id;
	unsigned cseq;
};

static const char *or_else(const char *value, const char *fallback)
{
	return value ? value : fallback;
}

static msg_t *make(const struct req *r)
{
	const char *method = or_else(r->method, "INVITE"), *why = "";
	char text[TEXT_MAX];
	msg_t *msg;

	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\r\n%s"
		 "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKphone\r\n"
		 "From: <sip:a@example.com>;tag=f\r\nTo: "
		 "<sip:b@example.com>%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n%s"
		 "Content-Length: 0\r\n\r\n",
		 method, or_else(r->uri, "sip:b@example.com"),
		 or_else(r->vias, ""), or_else(r->to, ""),
		 or_else(r->call_id, "call"), r->cseq ? r->cseq : 1, method,
		 or_else(r->headers, ""));
	ck_assert_msg(!sipmsg_parse(&msg, text, strlen(text), &why), "%s", why);
	return msg;
}

static uint32_t print_of(const struct req *r)
{
	msg_t *msg = make(r);
	uint32_t print = loops_print_of(sip_object(msg));

	msg_destroy(msg);
	return print;
}

#define REQ(...) (&(struct req){__VA_ARGS__})

/* 203.0.113.1 at any port. */
static bool ours(const struct addr *a, const void *arg)
{
	char ip[ADDR_STRLEN];

	return !strcmp(addr_ip_str(ip, a), arg);
}

static enum loops_verdict judge(const struct req *r)
{
	msg_t *msg = make(r);
	enum loops_verdict v =
		loops_judge(sip_object(msg), loops_print_of(sip_object(msg)),
			    ours, "203.0.113.1");

	msg_destroy(msg);
	return v;
}

/* The Via that a proxy at `host` has put on a request. */
static const char *via(const struct req *r, const char *host)
{
	static char text[256];
	char branch[TXN_BRANCH_LEN];

	loops_branch(branch, print_of(r), or_else(r->call_id, "call"));
	snprintf(text, sizeof(text), "Via: SIP/2.0/UDP %s:5060;branch=%s\r\n",
		 host, branch);
	return text;
}

START_TEST(what_decides_where_it_goes)
{
	uint32_t plain = print_of(REQ(0));

	ck_assert_uint_eq(print_of(REQ(0)), plain);
	ck_assert_uint_ne(print_of(REQ(.uri = "sip:c@example.com")), plain);
	ck_assert_uint_ne(print_of(REQ(.uri = "sip:b@example.com;x=1")), plain);
	ck_assert_uint_ne(print_of(REQ(.to = ";tag=t")), plain);
	ck_assert_uint_ne(print_of(REQ(.call_id = "call2")), plain);
	ck_assert_uint_ne(print_of(REQ(.cseq = 2)), plain);
	ck_assert_uint_ne(
		print_of(REQ(.headers = "Route: <sip:192.0.2.1;lr>\r\n")),
		plain);
	ck_assert_uint_ne(print_of(REQ(.headers = "Proxy-Require: x\r\n")),
			  plain);
	ck_assert_uint_ne(print_of(REQ(.headers = "Proxy-Authorization: Digest "
						  "username=\"a\"\r\n")),
			  plain);
}
END_TEST

START_TEST(what_does_not)
{
	uint32_t plain = print_of(REQ(0));

	ck_assert_uint_eq(print_of(REQ(.method = "CANCEL")), plain);
	ck_assert_uint_eq(
		print_of(REQ(.vias = "Via: SIP/2.0/UDP 192.0.2.9\r\n",
			     .headers = "Max-Forwards: 7\r\nSubject: x\r\n")),
		plain);
}
END_TEST

START_TEST(every_branch_is_new)
{
	char one[TXN_BRANCH_LEN], other[TXN_BRANCH_LEN];

	loops_branch(one, 7, "call");
	loops_branch(other, 7, "call");
	ck_assert_str_ne(one, other);
	ck_assert_int_eq(memcmp(one, "z9hG4bK", 7), 0);
	ck_assert_uint_eq(strlen(one), TXN_BRANCH_LEN - 1);
}
END_TEST

START_TEST(the_first_time)
{
	ck_assert_int_eq(judge(REQ(0)), LOOPS_FIRST);
}
END_TEST

START_TEST(a_loop)
{
	ck_assert_int_eq(judge(REQ(.vias = via(REQ(0), "203.0.113.1"))),
			 LOOPS_AGAIN);
}
END_TEST

START_TEST(a_loop_over_others)
{
	char vias[1024];

	snprintf(vias, sizeof(vias),
		 "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx\r\n"
		 "Via: SIP/2.0/TCP pbx.example.com;branch=z9hG4bKy\r\n%s",
		 via(REQ(0), "203.0.113.1"));
	ck_assert_int_eq(judge(REQ(.vias = vias)), LOOPS_AGAIN);
}
END_TEST

START_TEST(a_spiral)
{
	const struct req *before = REQ(.uri = "sip:pbx@example.com");

	ck_assert_int_eq(judge(REQ(.vias = via(before, "203.0.113.1"))),
			 LOOPS_SPIRAL);
}
END_TEST

/* The second time round of a spiral that does not move on. */
START_TEST(a_spiral_that_is_a_loop)
{
	const struct req *before = REQ(.uri = "sip:pbx@example.com");
	char vias[1024];
	size_t n;

	snprintf(vias, sizeof(vias), "%s", via(before, "203.0.113.1"));
	n = strlen(vias);
	snprintf(vias + n, sizeof(vias) - n, "%s", via(REQ(0), "203.0.113.1"));
	ck_assert_int_eq(judge(REQ(.vias = vias)), LOOPS_AGAIN);
}
END_TEST

START_TEST(another_proxys_via_is_none)
{
	ck_assert_int_eq(judge(REQ(.vias = via(REQ(0), "203.0.113.2"))),
			 LOOPS_FIRST);
}
END_TEST

/* Nobody can make us refuse, or take for a spiral, what was never here. */
START_TEST(a_forged_via)
{
	const struct req *other = REQ(.call_id = "call2");
	char vias[256];

	ck_assert_int_eq(
		judge(REQ(.vias = "Via: SIP/2.0/UDP "
				  "203.0.113.1:5060;branch="
				  "z9hG4bKaaaaaaaa0011223344556677\r\n")),
		LOOPS_FIRST);
	ck_assert_int_eq(judge(REQ(.vias = "Via: SIP/2.0/UDP "
					   "203.0.113.1:5060\r\n")),
			 LOOPS_FIRST);
	ck_assert_int_eq(judge(REQ(.vias = via(other, "203.0.113.1"))),
			 LOOPS_FIRST);
	snprintf(vias, sizeof(vias), "%s", via(REQ(0), "203.0.113.1"));
	vias[strlen(vias) - 3] ^= 1;
	ck_assert_int_eq(judge(REQ(.vias = vias)), LOOPS_FIRST);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("loops");
	Suite *s = suite_create("proxyd loops");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, what_decides_where_it_goes);
	tcase_add_test(tc, what_does_not);
	tcase_add_test(tc, every_branch_is_new);
	tcase_add_test(tc, the_first_time);
	tcase_add_test(tc, a_loop);
	tcase_add_test(tc, a_loop_over_others);
	tcase_add_test(tc, a_spiral);
	tcase_add_test(tc, a_spiral_that_is_a_loop);
	tcase_add_test(tc, another_proxys_via_is_none);
	tcase_add_test(tc, a_forged_via);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
