#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/multipart.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"

#define SDP "application/sdp"
#define NEW "v=0\r\ns=new\r\n"

/* Find in a block of exactly that size, and replace what was found. */
static bool replace(char *out, size_t cap, const char *subtype,
		    const char *boundary, const char *body, size_t len)
{
	char *exact = malloc(len ? len : 1);
	struct multipart_part part;
	struct strbuf sb;
	bool found;

	memcpy(exact, body, len);
	found = multipart_find(&part, exact, len, subtype, boundary, SDP);
	strbuf_init(&sb, out, cap);
	if (found)
		ck_assert_int_eq(multipart_replace(&sb, exact, len, &part, NEW,
						   strlen(NEW)),
				 0);
	free(exact);
	return found;
}

static void assert_replaced(const char *subtype, const char *boundary,
			    const char *body, const char *want)
{
	char out[4096];

	ck_assert(replace(out, sizeof(out), subtype, boundary, body,
			  strlen(body)));
	ck_assert_str_eq(out, want);
}

static void assert_none(const char *boundary, const char *body)
{
	char out[4096];

	ck_assert(!replace(out, sizeof(out), "mixed", boundary, body,
			   strlen(body)));
}

START_TEST(test_sdp_and_isup)
{
	assert_replaced("mixed", "b1",
			"--b1\r\nContent-Type: application/sdp\r\n\r\n"
			"v=0\r\ns=old\r\n\r\n--b1\r\n"
			"Content-Type: application/isup;version=itu\r\n"
			"Content-Disposition: signal;handling=optional\r\n\r\n"
			"\x01\x11\x7f\n--b\r\n\r\n--b1--\r\n",
			"--b1\r\nContent-Type: application/sdp\r\n\r\n" NEW
			"\r\n--b1\r\n"
			"Content-Type: application/isup;version=itu\r\n"
			"Content-Disposition: signal;handling=optional\r\n\r\n"
			"\x01\x11\x7f\n--b\r\n\r\n--b1--\r\n");
}
END_TEST

START_TEST(test_preamble_and_epilogue)
{
	assert_replaced("mixed", "b1",
			"v=0 not this\r\n--b\r\n--b12\r\n --b1\r\n"
			"--b1 \t\r\ncontent-type : Application/SDP ; x=y\r\n"
			"X: 1\r\n\r\nv=0\r\n--b1--  \r\n--b1\r\n"
			"Content-Type: application/sdp\r\n\r\nnor this",
			"v=0 not this\r\n--b\r\n--b12\r\n --b1\r\n"
			"--b1 \t\r\ncontent-type : Application/SDP ; x=y\r\n"
			"X: 1\r\n\r\n" NEW "\r\n--b1--  \r\n--b1\r\n"
			"Content-Type: application/sdp\r\n\r\nnor this");
}
END_TEST

START_TEST(test_lone_lf_and_no_end)
{
	assert_replaced("mixed", "b",
			"--b\nContent-Type: text/plain\n\nhello\n"
			"--b\nContent-Type:\n\tapplication/sdp\n\nv=0\ns=old\n"
			"--b--\n",
			"--b\nContent-Type: text/plain\n\nhello\n"
			"--b\nContent-Type:\n\tapplication/sdp\n\n" NEW
			"\n--b--\n");
	assert_replaced("mixed", "b",
			"--b\r\nContent-Type: application/sdp\r\n\r\nv=0",
			"--b\r\nContent-Type: application/sdp\r\n\r\n" NEW);
}
END_TEST

START_TEST(test_lengths)
{
	assert_replaced("mixed", "b",
			"--b\r\nContent-Length: 3\r\n"
			"Content-Type: application/sdp\r\n\r\nv=0\r\n--b--",
			"--b\r\nContent-Length: 12\r\n"
			"Content-Type: application/sdp\r\n\r\n" NEW
			"\r\n--b--");
	assert_replaced(
		"mixed", "b",
		"--b\r\nc: application/sdp\r\nl:7  \r\n\r\nv=0\r\ns=\r\n"
		"--b\r\nContent-Length: 5\r\n\r\nhello\r\n--b--",
		"--b\r\nc: application/sdp\r\nl:12  \r\n\r\n" NEW "\r\n"
		"--b\r\nContent-Length: 5\r\n\r\nhello\r\n--b--");
}
END_TEST

#define INNER(type)                                                            \
	"--i n\r\nContent-Type: text/html\r\n\r\n<p>\r\n--i n\r\n"             \
	"Content-Type: " type "\r\nContent-Length: 3\r\n\r\n"
#define INNER_END "\r\n--i n--\r\n"
#define OUTER(length)                                                          \
	"--o\r\nContent-Length: " length                                       \
	"\r\nContent-Type: multipart/mixed; charset=\"a;b\"; "                 \
	"boundary=\"i n\"\r\n\r\n"

/* RFC 5621 3: one within the other. Both say anew how long they are. */
START_TEST(test_nested)
{
	assert_replaced("mixed", "o",
			OUTER("1") INNER(SDP) "v=0" INNER_END
					      "\r\n--o\r\n\r\nmore\r\n--o--",
			OUTER("122") "--i n\r\nContent-Type: text/html\r\n\r\n"
				     "<p>\r\n--i n\r\nContent-Type: " SDP "\r\n"
				     "Content-Length: 12\r\n\r\n" NEW INNER_END
				     "\r\n--o\r\n\r\nmore\r\n--o--");
	/* what is deeper is nobody's */
	assert_none("x", "--x\r\nContent-Type: multipart/mixed;boundary=o\r\n"
			 "\r\n" OUTER("1") INNER(SDP) "v=0" INNER_END
						      "\r\n--o--\r\n--x--");
}
END_TEST

/* RFC 2046 5.1.4: who can read several takes the last. */
START_TEST(test_alternative)
{
	static const char body[] =
		"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\n"
		"Content-Type: application/sdp\r\n\r\nv=1\r\n--b\r\n\r\n"
		"v=2\r\n--b--";

	assert_replaced("alternative", "b", body,
			"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
			"--b\r\nContent-Type: application/sdp\r\n\r\n" NEW
			"\r\n--b\r\n\r\nv=2\r\n--b--");
	assert_replaced(
		"Mixed", "b", body,
		"--b\r\nContent-Type: application/sdp\r\n\r\n" NEW
		"\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=1\r\n"
		"--b\r\n\r\nv=2\r\n--b--");
}
END_TEST

START_TEST(test_passed_over)
{
	assert_none("b", "");
	assert_none("b", "v=0\r\n");
	assert_none("b", "Content-Type: application/sdp\r\n\r\nv=0\r\n");
	assert_none("b", "--b");
	assert_none("b",
		    "--b\r\nContent-Type: application/sdp\r\nv=0\r\n--b--");
	assert_none("b", "--b\r\nContent-Type: application/sdp\r\n\r\n--b--");
	assert_none("b", "--b--\r\n--b\r\nContent-Type: application/sdp\r\n\r\n"
			 "v=0");
	assert_none("b", "--b\r\nContent-Type: application/sdpx\r\n\r\nv=0\r\n"
			 "--b--");
	assert_none("b", "--b\r\n\r\nContent-Type: application/sdp\r\n\r\n"
			 "--b--");
	assert_none("b", "--b\r\nContent-Type: application/sdp\r\n"
			 "Content-Transfer-Encoding: base64\r\n\r\ndj0w\r\n"
			 "--b--");
	assert_none("b", "--b\r\nContent-Type: application/sdp\r\n"
			 "Content-Disposition: early-session\r\n\r\nv=0\r\n"
			 "--b--");
	assert_none("b", "--b\r\nContent-Type: multipart/mixed\r\n\r\n--c\r\n"
			 "Content-Type: application/sdp\r\n\r\nv=0\r\n--c--\r\n"
			 "--b--");
}
END_TEST

START_TEST(test_as_many_as_can_be)
{
	char body[4096] = "";

	for (int i = 0; i < MULTIPART_PARTS_MAX; i++)
		strcat(body, "--b\r\n\r\nx\r\n");
	strcat(body, "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
		     "--b--");
	assert_none("b", body);
	ck_assert(replace((char[4096]){0}, 4096, "mixed", "b",
			  body + strlen("--b\r\n\r\nx\r\n"),
			  strlen(body) - strlen("--b\r\n\r\nx\r\n")));
}
END_TEST

static void assert_boundary(const char *value, const char *want)
{
	char out[MULTIPART_BOUNDARY_MAX + 1];

	if (!want) {
		ck_assert(!multipart_boundary(out, value, strlen(value)));
		return;
	}
	ck_assert(multipart_boundary(out, value, strlen(value)));
	ck_assert_str_eq(out, want);
}

START_TEST(test_boundary)
{
	char most[MULTIPART_BOUNDARY_MAX + 2];

	memset(most, 'b', sizeof(most));
	most[MULTIPART_BOUNDARY_MAX + 1] = '\0';
	assert_boundary(most, NULL);
	most[MULTIPART_BOUNDARY_MAX] = '\0';
	assert_boundary(most, most);
	assert_boundary("simple", "simple");
	assert_boundary("\"a b:'c\"", "a b:'c");
	assert_boundary("\"a\\\"b\\\\\"", "a\"b\\");
	assert_boundary("\"", "\"");
	assert_boundary("\"\"", NULL);
	assert_boundary("", NULL);
}
END_TEST

START_TEST(test_truncated)
{
	static const char body[] = OUTER("1")
		INNER(SDP) "v=0" INNER_END "\r\n--o\r\n\r\nmore\r\n--o--";
	char out[4096];

	for (size_t n = 0; n <= strlen(body); n++)
		(void)replace(out, sizeof(out), "mixed", "o", body, n);
}
END_TEST

#define INVITE                                                                 \
	"INVITE sip:b@example.com SIP/2.0\r\n"                                 \
	"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"                       \
	"From: <sip:a@example.com>;tag=a\r\nTo: <sip:b@example.com>\r\n"       \
	"Call-ID: c\r\nCSeq: 1 INVITE\r\n"

/* Through the messages themselves. */
START_TEST(test_in_a_message)
{
	static const char text[] = INVITE
		"Content-Type: multipart/mixed;charset=utf-8;"
		"boundary=\"=_ x\"\r\nContent-Length: 91\r\n\r\n"
		"--=_ x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
		"\r\n--=_ x\r\nContent-Type: x/y\r\n\r\n<>\r\n--=_ x--\r\n";
	char out[4096];
	struct strbuf sb;
	const char *body;
	msg_t *msg;
	size_t len;
	bool sdp;

	ck_assert_int_eq(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	body = sipmsg_body(&len, &sdp, sip_object(msg));
	ck_assert(sdp);
	ck_assert_uint_eq(len, 5);
	ck_assert_mem_eq(body, "v=0\r\n", len);
	ck_assert_int_eq(sipmsg_set_body(msg, NEW, strlen(NEW)), 0);
	body = sipmsg_body(&len, &sdp, sip_object(msg));
	ck_assert(sdp);
	ck_assert_uint_eq(len, strlen(NEW));
	ck_assert_mem_eq(body, NEW, len);
	strbuf_init(&sb, out, sizeof(out));
	ck_assert_int_eq(sipmsg_print(&sb, msg), 0);
	ck_assert_ptr_nonnull(strstr(out, "Content-Length: 98\r\n"));
	ck_assert_str_eq(strstr(out, "\r\n\r\n") + 4,
			 "--=_ x\r\nContent-Type: application/sdp\r\n\r\n" NEW
			 "\r\n--=_ x\r\nContent-Type: x/y\r\n\r\n<>\r\n"
			 "--=_ x--\r\n");
	msg_destroy(msg);
}
END_TEST

START_TEST(test_a_message_without_sdp)
{
	static const char text[] =
		INVITE "Content-Type: multipart/mixed;boundary=b\r\n"
		       "Content-Length: 15\r\n\r\n--b\r\n\r\nx\r\n--b--";
	const char *body;
	msg_t *msg;
	size_t len;
	bool sdp = true;

	ck_assert_int_eq(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	body = sipmsg_body(&len, &sdp, sip_object(msg));
	ck_assert(!sdp);
	ck_assert_uint_eq(len, 15);
	ck_assert_mem_eq(body, "--b\r\n\r\nx\r\n--b--", len);
	msg_destroy(msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("multipart");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, test_sdp_and_isup);
	tcase_add_test(tc, test_preamble_and_epilogue);
	tcase_add_test(tc, test_lone_lf_and_no_end);
	tcase_add_test(tc, test_lengths);
	tcase_add_test(tc, test_nested);
	tcase_add_test(tc, test_alternative);
	tcase_add_test(tc, test_passed_over);
	tcase_add_test(tc, test_as_many_as_can_be);
	tcase_add_test(tc, test_boundary);
	tcase_add_test(tc, test_truncated);
	tcase_add_test(tc, test_in_a_message);
	tcase_add_test(tc, test_a_message_without_sdp);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
