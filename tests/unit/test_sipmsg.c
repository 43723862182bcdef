#include "tests/unit/sip_text.h"

START_TEST(test_parse)
{
	msg_t *msg = parsed("\r\n\r\n" GOOD);
	const sip_t *sip = sip_object(msg);
	const char *body;
	size_t len;
	bool sdp;

	ck_assert_str_eq(sipmsg_method(sip), "INVITE");
	ck_assert_str_eq(sip->sip_call_id->i_id, "c1@10.0.0.16");
	ck_assert_uint_eq(sip->sip_cseq->cs_seq, 7);
	body = sipmsg_body(&len, &sdp, sip);
	ck_assert(sdp);
	ck_assert_uint_eq(len, 5);
	ck_assert_mem_eq(body, "v=0\r\n", 5);
	ck_assert_str_eq(printed(msg), GOOD);
	msg_destroy(msg);
}
END_TEST

START_TEST(test_longer_datagram_is_cut)
{
	msg_t *msg = parsed(GOOD "more");

	ck_assert_str_eq(printed(msg), GOOD);
	msg_destroy(msg);
}
END_TEST

START_TEST(test_response)
{
	msg_t *msg = parsed("SIP/2.0 200 100% fine\r\n" VIA REST "\r\n");
	const sip_t *sip = sip_object(msg);
	size_t len = 9;
	bool sdp = true;

	ck_assert_int_eq(sip->sip_status->st_status, 200);
	ck_assert_str_eq(sipmsg_method(sip), "INVITE");
	ck_assert_str_eq(sipmsg_body(&len, &sdp, sip), "");
	ck_assert_uint_eq(len, 0);
	ck_assert(!sdp);
	msg_destroy(msg);
}
END_TEST

#define LONG64                                                                 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const broken[] = {
	"",
	"\r\n",
	"\r\n\r\n",
	"x",
	START,
	START "\r\n",
	START REST "\r\n",
	START VIA REST,
	START VIA "From: <sip:a@b>;tag=1\r\n\r\n",
	"INVITE sip:bob@example.com SIP/3.0\r\n" VIA REST "\r\n",
	"INVITE sip:bob@example.com\r\n" VIA REST "\r\n",
	"INVITE sip:bob@ SIP/2.0\r\n" VIA REST "\r\n",
	"INVITE sip:b%4 SIP/2.0\r\n" VIA REST "\r\n",
	"INVITE sip:b%zz@h SIP/2.0\r\n" VIA REST "\r\n",
	"INVITE sip:bob@h;x=% SIP/2.0\r\n" VIA REST "\r\n",
	" " START VIA REST "\r\n",
	"BYE sip:bob@example.com SIP/2.0\r\n" VIA REST "\r\n",
	"SIP/2.0 99 Low\r\n" VIA REST "\r\n",
	"SIP/2.0 700 High\r\n" VIA REST "\r\n",
	"SIP/2.0 abc\r\n" VIA REST "\r\n",
	START "Via: nonsense\r\n" VIA REST "\r\n",
	START VIA REST "From: <sip:eve@example.com>;tag=2\r\n\r\n",
	START VIA REST "f: <sip:eve@example.com>;tag=2\r\n\r\n",
	START VIA REST "To: <sip:eve@example.com>\r\n\r\n",
	START VIA REST "Call-ID: c2\r\n\r\n",
	START VIA REST "i: c2\r\n\r\n",
	START VIA REST "CSeq: 8 INVITE\r\n\r\n",
	START VIA REST "Content-Length: 0\r\nl: 0\r\n\r\n",
	START VIA REST "Max-Forwards: 1\r\nMax-Forwards: 70\r\n\r\n",
	START VIA REST "Content-Length: 1\r\n\r\n",
	START VIA REST "Content-Length: -1\r\n\r\n",
	START VIA REST "Content-Length: 1x\r\n\r\nab",
	START VIA REST "Content-Length: 99999999999\r\n\r\n",
	START VIA REST "Contact: %\r\n\r\n",
	START VIA REST "Contact: <sip:a@b\r\n\r\n",
	START VIA REST "Contact: <sip:a@b;x=%4>\r\n\r\n",
	START VIA REST "Contact:\r\n sip:a%\r\n\r\n",
	START VIA REST "Contact: sip:a%@b\r\nX-1: y\r\n\r\n",
	START VIA REST "Contact: <sip:a@b>, sip:a%, <sip:c@d>\r\n\r\n",
	START VIA REST "Record-Route: <sip:%>\r\n\r\n",
	START VIA REST "User-Agent: a\r\nUser-Agent: b\r\n\r\n",
	START VIA REST "Refer-To: <sip:a@b>\r\nr: <sip:c@d>\r\n\r\n",
	START VIA REST "Route: <>\r\n\r\n",
	START VIA REST "Route: <tel:+1>\r\n\r\n",
	START VIA REST "Route: <sip:a;lr>, <sip:a/b;lr>\r\n\r\n",
	START VIA REST "Contact: <sip:a@b>, <sip://b>\r\n\r\n",
	"INVITE sip:bob@b/c SIP/2.0\r\n" VIA REST "\r\n",
	START VIA REST "Contact: <sip:a@b#c>\r\n\r\n",
	START VIA REST "Contact: sip:a#\"\"\r\n\r\n",
	START VIA REST "Contact: sip:a@b?x=y\r\n\r\n",
	START VIA REST "Contact: <sip:a@b>, sip:a@b?x=y;z\r\n\r\n",
	START VIA REST "Contact: <sip:a@[2001:db8:::1]>\r\n\r\n",
	START VIA REST "Contact: sip:a<b\r\n\r\n",
	START VIA REST "Contact: <sip:a@b >\r\n\r\n",
	START VIA REST "Contact: \"a <sip:a@b>\r\n\r\n",
	START VIA REST "Route: <sip:[1::2::3];lr>\r\n\r\n",
	START VIA REST "Max-Forwards: 256\r\n\r\n",
	START VIA REST "Expires: 4294967296\r\n\r\n",
	START VIA REST "Expires:\r\n 99999999999999999999999\r\n\r\n",
	START VIA "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
		  "Call-ID: \r\nCSeq: 7 INVITE\r\n\r\n",
	"INVITE sip:bob@h#c SIP/2.0\r\n" VIA REST "\r\n",
	"INVITE sip:bob@h?a=b SIP/2.0\r\n" VIA REST "\r\n",
	"INVITE  sip:bob@h SIP/2.0\r\n" VIA REST "\r\n",
	"INVITE sip:bob@h SIP/2.0 \r\n" VIA REST "\r\n",
	"INVITE sip:bob@h; lr SIP/2.0\r\n" VIA REST "\r\n",
	"INVITE sip:bob@h SIP/2.0x\r\n" VIA REST "\r\n",
	"INVITE sip:bob@h SIP/\r\n" VIA REST "\r\n",
	"INVITE sip:bob@[2001:db8:::1] SIP/2.0\r\n" VIA REST "\r\n",
	START VIA "From: a, b <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
		  "Call-ID: c1\r\nCSeq: 7 INVITE\r\n\r\n",
	START VIA REST "no colon\r\n\r\n",
	START VIA REST ": no name\r\n\r\n",
	START " folded\r\n" VIA REST "\r\n",
	START VIA REST "X: lone\nY: feed\r\n\r\n",
	START VIA REST "X: lone\rY: return\r\n\r\n",
	START VIA REST "X: \x01\r\n\r\n",
	START VIA REST "X: \x7f\r\n\r\n",
	START VIA REST "\n",
	START VIA "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
		  "Call-ID: c1\r\nCSeq: 4294967296 INVITE\r\n\r\n",
	START VIA "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
		  "Call-ID: c1\r\nCSeq: 2147483648 INVITE\r\n\r\n",
	START VIA "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
		  "Call-ID: two words\r\nCSeq: 1 INVITE\r\n\r\n",
	START VIA "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
		  "Call-ID: " LONG64 LONG64 LONG64 LONG64
		  "\r\nCSeq: 1 INVITE\r\n\r\n",
};

START_TEST(test_broken)
{
	msg_t *msg = NULL;

	ck_assert_msg(parse(&msg, broken[_i], strlen(broken[_i])) == -EBADMSG,
		      "accepted: %s", broken[_i]);
	ck_assert_ptr_null(msg);
}
END_TEST

START_TEST(test_nul_in_header)
{
	static const char text[] = START VIA REST "X: a\0b\r\n\r\n";
	msg_t *msg = NULL;

	ck_assert_int_eq(parse(&msg, text, sizeof(text) - 1), -EBADMSG);
}
END_TEST

/* Whatever was accepted must be printable, and parse again. */
static void exercise(msg_t *msg)
{
	static char buf[2 * SIPMSG_MAX];
	struct addr src = address("198.51.100.28:40000"), a;
	struct sipmsg_reply r = {.status = 180, .to_tag = "t"};
	msg_t *copy = sipmsg_copy(msg), *again = NULL;
	const sip_t *sip = sip_object(msg);
	struct strbuf sb;
	int err;

	ck_assert_ptr_nonnull(copy);
	ck_assert_int_eq(sipmsg_via_received(copy, &src, true), 0);
	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sipmsg_print(&sb, copy), 0);
	err = sipmsg_parse(&again, buf, sb.len, NULL);
	ck_assert_msg(err == 0, "not parsed again: %s", buf);
	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sipmsg_reply(&sb, sip, &r), 0);
	if (sip->sip_contact)
		sipmsg_url_addr(&a, sip->sip_contact->m_url);
	sipmsg_via_dest(&a, sip->sip_via);
	msg_destroy(again);
	msg_destroy(copy);
}

/* Bad values in headers that nobody here reads go through as they came. */
static const char *const borne[] = {
	START VIA REST "X-Percent: 100% <\r\nSubject: 5%\r\n\r\n",
	START VIA REST "Date: never\r\n\r\n",
	START VIA REST "Contact: \"5% \\\" off\" <sip:a@b>\r\n\r\n",
	START VIA REST "Contact: <sip:a@h;maddr=[2001:db8::1]>\r\n\r\n",
	START VIA REST "Contact: *\r\n\r\n",
	START VIA REST "Contact: 5% off <sip:a@b>\r\n\r\n",
	START VIA REST "Reply-To: 5%\r\n\r\n",
	START VIA REST "Contact: <sip:a@[2001:db8::1]:5>;x=%t\r\n\r\n",
	START VIA REST "Contact: sip:a@b;x=%t;y\r\n\r\n",
};

START_TEST(test_borne)
{
	msg_t *msg = parsed(borne[_i]);
	const char *end = strstr(borne[_i], REST) + strlen(REST);
	const char *line = strndupa(end, strlen(end) - 2);

	ck_assert_ptr_nonnull(strstr(printed(msg), line));
	exercise(msg);
	msg_destroy(msg);
}
END_TEST

static char *repeated(const char *head, const char *piece, size_t n,
		      const char *tail)
{
	size_t cap = strlen(head) + n * strlen(piece) + strlen(tail) + 1;
	char *text = malloc(cap);
	struct strbuf sb;

	strbuf_init(&sb, text, cap);
	strbuf_str(&sb, head);
	for (size_t i = 0; i < n; i++)
		strbuf_str(&sb, piece);
	strbuf_str(&sb, tail);
	ck_assert_int_eq(strbuf_err(&sb), 0);
	return text;
}

static int parse_repeated(const char *head, const char *piece, size_t n)
{
	char *text = repeated(head, piece, n, "\r\n\r\n");
	msg_t *msg = NULL;
	int err;

	err = parse(&msg, text, strlen(text));
	msg_destroy(msg);
	free(text);
	return err;
}

START_TEST(test_limits)
{
	const char *lines = START VIA REST "X-1: 0";
	const char *list = START VIA REST "Contact: <sip:a@b>";
	const char *fold = START VIA REST "Contact: <sip:a@b>";

	ck_assert_int_eq(
		parse_repeated(lines, "\r\nX-1: 1", SIPMSG_HEADERS_MAX - 6), 0);
	ck_assert_int_eq(
		parse_repeated(lines, "\r\nX-1: 1", SIPMSG_HEADERS_MAX - 5),
		-EBADMSG);
	ck_assert_int_eq(parse_repeated(list, ",<sip:a@b>", 256), 0);
	ck_assert_int_eq(parse_repeated(list, ",<sip:a@b>", 257), -EBADMSG);
	ck_assert_int_eq(parse_repeated(list, ",<sip:a@b>", 6000), -EBADMSG);
	ck_assert_int_eq(parse_repeated(list, ";a", 20000), -EBADMSG);
	ck_assert_int_eq(parse_repeated(fold, ",\r\n sip:a@b", 257), -EBADMSG);
	ck_assert_int_eq(parse_repeated(lines, "x", SIPMSG_MAX), -EBADMSG);
	ck_assert_int_eq(parse_repeated(lines, "x", SIPMSG_MAX / 2), 0);
}
END_TEST

START_TEST(test_truncated)
{
	for (size_t len = 0; len < strlen(GOOD); len++) {
		msg_t *msg = NULL;

		ck_assert_msg(parse(&msg, GOOD, len) == -EBADMSG,
			      "accepted at %zu", len);
	}
}
END_TEST

START_TEST(test_flipped)
{
	static const char bytes[] = "\0 \t\r\n,;:%<>@\"\\/[]=?#&0Az\x80\xff";
	size_t accepted = 0;
	char *text = strdup(GOOD);

	for (size_t i = 0; i < strlen(GOOD); i++) {
		for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
			msg_t *msg = NULL;

			text[i] = bytes[b];
			if (parse(&msg, text, strlen(GOOD)) == 0) {
				accepted++;
				exercise(msg);
			}
			msg_destroy(msg);
		}
		text[i] = GOOD[i];
	}
	free(text);
	ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(test_copy)
{
	msg_t *msg = parsed(GOOD);
	msg_t *copy = sipmsg_copy(msg);
	struct addr src = address("198.51.100.28:40000");

	ck_assert_int_eq(sipmsg_via_received(copy, &src, false), 0);
	ck_assert_str_eq(printed(msg), GOOD);
	ck_assert_ptr_null(sip_object(msg)->sip_via->v_received);
	msg_destroy(msg);
	ck_assert_str_eq(
		printed(copy), START
		"Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bK1;"
		"x-own=\"a;b\";received=198.51.100.28;rport=40000\r\n" REST
			TAIL);
	msg_destroy(copy);
}
END_TEST

START_TEST(test_received_only_where_it_tells_something)
{
	static const struct {
		const char *via, *src, *marked;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1:9", "192.0.2.1;branch=1"},
		{"192.0.2.1;received=7", "192.0.2.1:9", "192.0.2.1;branch=1"},
		{"192.0.2.1", "192.0.2.2:9",
		 "192.0.2.1;branch=1;received=192.0.2.2"},
		{"a.example", "192.0.2.1:9",
		 "a.example;branch=1;received=192.0.2.1"},
		{"192.0.2.1;rport", "192.0.2.1:9",
		 "192.0.2.1;branch=1;received=192.0.2.1;rport=9"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[1024], *params = strchr(cases[i].via, ';');
		int host = params ? (int)(params - cases[i].via)
				  : (int)strlen(cases[i].via);
		struct addr src = address(cases[i].src);
		msg_t *msg;

		(void)snprintf(text, sizeof(text),
			       "%sVia: SIP/2.0/UDP %.*s;branch=1%s\r\n%s\r\n",
			       START, host, cases[i].via, params ? params : "",
			       REST);
		msg = parsed(text);
		ck_assert_int_eq(sipmsg_via_received(msg, &src, false), 0);
		(void)snprintf(text, sizeof(text), "Via: SIP/2.0/UDP %s\r\n",
			       cases[i].marked);
		ck_assert_ptr_nonnull(strstr(printed(msg), text));
		msg_destroy(msg);
	}
}
END_TEST

START_TEST(test_values_on_one_line)
{
	msg_t *msg =
		parsed(START "v: SIP/2.0/UDP 192.0.2.1;branch=1;received=9,"
			     "SIP/2.0/UDP 192.0.2.2;branch=2\r\n" REST "\r\n");
	struct addr src = address("[2001:db8::9]:40000");

	ck_assert_int_eq(sipmsg_via_received(msg, &src, true), 0);
	ck_assert_str_eq(printed(msg),
			 START "Via: SIP/2.0/UDP 192.0.2.1;branch=1;"
			       "received=2001:db8::9;rport=40000\r\n"
			       "Via: SIP/2.0/UDP 192.0.2.2;branch=2\r\n" REST
			       "Content-Length: 0\r\n\r\n");
	msg_destroy(msg);
}
END_TEST

static void peeked(const char *text, const char *want)
{
	size_t len = 0;
	const char *id = sipmsg_peek_call_id(&len, text, strlen(text));

	if (!want) {
		ck_assert_ptr_null(id);
		return;
	}
	ck_assert_ptr_nonnull(id);
	ck_assert_uint_eq(len, strlen(want));
	ck_assert_int_eq(strncmp(id, want, len), 0);
}

START_TEST(call_id_is_seen_before_parsing)
{
	peeked("BYE sip:a SIP/2.0\r\nTo: b\r\nCall-ID: x@y\r\n\r\n", "x@y");
	peeked("BYE sip:a SIP/2.0\r\ni:x@y \r\n\r\n", "x@y");
	peeked("BYE sip:a SIP/2.0\r\ncall-id :\r\n\tx@y\r\n\r\n", "x@y");
	peeked("BYE sip:a SIP/2.0\r\nCall-ID:", NULL);
	peeked("BYE sip:a SIP/2.0\r\nTo: b\r\n\r\nCall-ID: body\r\n", NULL);
	peeked("", NULL);
	peeked("\r\n\r\n", NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sipmsg");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, call_id_is_seen_before_parsing);
	tcase_add_test(tc, test_parse);
	tcase_add_test(tc, test_longer_datagram_is_cut);
	tcase_add_test(tc, test_response);
	tcase_add_loop_test(tc, test_broken, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(tc, test_nul_in_header);
	tcase_add_loop_test(tc, test_borne, 0,
			    sizeof(borne) / sizeof(borne[0]));
	tcase_add_test(tc, test_limits);
	tcase_add_test(tc, test_truncated);
	tcase_add_test(tc, test_flipped);
	tcase_add_test(tc, test_copy);
	tcase_add_test(tc, test_received_only_where_it_tells_something);
	tcase_add_test(tc, test_values_on_one_line);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
