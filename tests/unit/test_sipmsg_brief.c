#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/sipmsg_brief.h"
#include "common/strbuf.h"

#define FIRST_LINE                                                             \
	"INVITE sip:bob@203.0.113.3:5060;ph-domain=example.com SIP/2.0"
#define TOP_VIA "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKq;rport"
#define FROM    "From: \"A <b>\" <sip:alice@example.com>;tag=f1"
#define TO      "To: <sip:bob@example.com>"
#define CALL_ID "Call-ID: call-1@10.0.0.16"
#define CSEQ    "CSeq: 7 INVITE"

static struct sipmsg_brief brief;

static int read_as(const char *text, const char *from)
{
	struct addr src;

	ck_assert_int_eq(addr_parse(&src, from, 0), 0);
	return sipmsg_brief_read(&brief, text, strlen(text), &src);
}

static int read_lines(const char *first, const char *via, const char *from,
		      const char *to, const char *call_id, const char *cseq,
		      const char *more)
{
	static char text[8192];
	int n = snprintf(text, sizeof(text),
			 "%s\r\n%s\r\n%s\r\n%s\r\n%s\r\n%s\r\n%s\r\n", first,
			 via, from, to, call_id, cseq, more);

	ck_assert_int_lt(n, (int)sizeof(text));
	return read_as(text, "203.0.113.1:5060");
}

START_TEST(what_most_look_like_is_read)
{
	char out[2048];
	struct strbuf sb;
	struct addr dst, want;

	ck_assert_int_eq(
		read_lines(FIRST_LINE, TOP_VIA, FROM, TO, CALL_ID, CSEQ,
			   "Via: SIP/2.0/UDP 10.0.0.16:5062;rport=40000;"
			   "branch=z9hG4bKp;received=198.51.100.28;x=y\r\n"
			   "Subject: anything, \"at all\r\n"),
		0);
	ck_assert_int_eq(brief.sip.sip_request->rq_method, sip_method_invite);
	ck_assert_str_eq(brief.sip.sip_request->rq_url->url_user, "bob");
	ck_assert_str_eq(brief.sip.sip_from->a_url->url_user, "alice");
	ck_assert_str_eq(brief.sip.sip_from->a_tag, "f1");
	ck_assert_str_eq(brief.sip.sip_call_id->i_id, "call-1@10.0.0.16");
	ck_assert_uint_eq(brief.sip.sip_cseq->cs_seq, 7);
	ck_assert_int_eq(sipmsg_via_dest(&dst, brief.sip.sip_via->v_next), 0);
	ck_assert_int_eq(addr_parse(&want, "198.51.100.28:40000", 0), 0);
	ck_assert(addr_eq(&dst, &want));
	strbuf_init(&sb, out, sizeof(out));
	ck_assert_int_eq(sipmsg_reply(&sb, &brief.sip,
				      &(struct sipmsg_reply){.status = 480,
							     .to_tag = "t1"}),
			 0);
	ck_assert_str_eq(out,
			 "SIP/2.0 480 Temporarily Unavailable\r\n"
			 "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKq;"
			 "received=203.0.113.1;rport=5060\r\n"
			 "Via: SIP/2.0/UDP 10.0.0.16:5062;rport=40000;"
			 "branch=z9hG4bKp;received=198.51.100.28;x=y\r\n" FROM
			 "\r\n" TO ";tag=t1\r\n" CALL_ID "\r\n" CSEQ "\r\n"
			 "Content-Length: 0\r\n\r\n");
}
END_TEST

/* One line of a good message is another; it takes the whole parser then. */
static const char *const odd[][2] = {
	{FIRST_LINE, "INVITE sip:bob@h SIP/3.0"},
	{FIRST_LINE, "invite sip:bob@h SIP/2.0"},
	{FIRST_LINE, "UNHEARD sip:bob@h SIP/2.0"},
	{FIRST_LINE, "SIP/2.0 200 OK"},
	{TOP_VIA, "v: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKq;rport"},
	{TOP_VIA, "Via: SIP/2.0/TCP 203.0.113.1;branch=z9hG4bKq;rport"},
	{TOP_VIA, "Via: SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKq;rport"},
	{TOP_VIA, "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKq"},
	{TOP_VIA, "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKq;rport=1"},
	{TOP_VIA, "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKq;rport;x"},
	{TOP_VIA, "Via: SIP/2.0/UDP h;branch=z9hG4bKq;rport;received=h"},
	{TOP_VIA, "Via: SIP/2.0/UDP h;rport;branch=z, SIP/2.0/UDP g"},
	{TOP_VIA, "Via: SIP/2.0/UDP h;rport;branch=z9hG4bKq;maddr=g"},
	{FROM, "From: sip:alice@example.com;tag=f1"},
	{FROM, "f: <sip:alice@example.com>;tag=f1"},
	{FROM, "From: \"\\\"\" <sip:alice@example.com>;tag=f1"},
	{FROM, "From: <sip:alice@example.com>;x=y;tag=f1"},
	{FROM, "From: <sip:alice@example.com> ;tag=f1"},
	{FROM, "From : <sip:alice@example.com>;tag=f1"},
	{FROM, "From: <sip:alice@example.com>\r\n ;tag=f1"},
	{TO, "To: <sip:bob@example.com>;tag=\"t\""},
	{TO, "Subject: no To"},
	{CALL_ID, "Call-ID: a b"},
	{CALL_ID, "Call-ID: "},
	{CALL_ID, "Call-ID: a\r\nCall-ID: b"},
	{CSEQ, "CSeq: 7 BYE"},
	{CSEQ, "CSeq: 7  INVITE"},
	{CSEQ, "CSeq: INVITE"},
	{CSEQ, "CSeq: 99999999999 INVITE"},
	{CSEQ, CSEQ "\r\nContent-Length: -1"},
	{CSEQ, CSEQ "\r\nContent-Length: 999999"},
	{CSEQ, CSEQ "\r\nAuthorization: Digest x"},
	{CSEQ, CSEQ "\r\nProxy-Authorization: Digest x"},
	{CSEQ, CSEQ "\r\nno colon"},
};

static const char *either(const char *line, int i)
{
	return strcmp(odd[i][0], line) ? line : odd[i][1];
}

START_TEST(what_looks_odd_is_left_to_the_parser)
{
	ck_assert_int_eq(read_lines(either(FIRST_LINE, _i), either(TOP_VIA, _i),
				    either(FROM, _i), either(TO, _i),
				    either(CALL_ID, _i), either(CSEQ, _i), ""),
			 -EAGAIN);
}
END_TEST

/* Whatever is cut off or too much for it, nothing is written where there is no
 * room. */
START_TEST(too_much_is_left_to_the_parser)
{
	char many[SIPMSG_BRIEF_TEXT + 64] = "";
	struct strbuf sb;

	strbuf_init(&sb, many, sizeof(many));
	for (int i = 0; i < SIPMSG_BRIEF_VIAS; i++)
		strbuf_str(&sb, TOP_VIA "\r\n");
	ck_assert_int_eq(
		read_lines(FIRST_LINE, TOP_VIA, FROM, TO, CALL_ID, CSEQ, many),
		-EAGAIN);
	memset(many, 'x', sizeof(many) - 1);
	memcpy(many, "From: <sip:", 11);
	memcpy(many + sizeof(many) - 10, "@a>;tag=b", 9);
	ck_assert_int_eq(
		read_lines(FIRST_LINE, TOP_VIA, many, TO, CALL_ID, CSEQ, ""),
		-EAGAIN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sipmsg brief");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, what_most_look_like_is_read);
	tcase_add_loop_test(tc, what_looks_odd_is_left_to_the_parser, 0,
			    sizeof(odd) / sizeof(odd[0]));
	tcase_add_test(tc, too_much_is_left_to_the_parser);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
