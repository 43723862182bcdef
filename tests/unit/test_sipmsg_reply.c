#include "tests/unit/sip_text.h"

START_TEST(test_set_body)
{
	msg_t *msg = parsed(GOOD);
	msg_t *bare = parsed(START VIA REST "\r\n");
	const char *text;

	ck_assert_int_eq(sipmsg_set_body(msg, "longer body", 11), 0);
	text = printed(msg);
	ck_assert_ptr_nonnull(strstr(text, "Content-Length: 11\r\n\r\nlonger "
					   "body"));
	ck_assert_int_eq(sipmsg_set_body(msg, NULL, 0), 0);
	text = printed(msg);
	ck_assert_ptr_nonnull(strstr(text, "Content-Length: 0\r\n\r\n"));
	ck_assert_str_eq(text + strlen(text) - 4, "\r\n\r\n");
	ck_assert_int_eq(sipmsg_set_body(bare, "ab", 2), 0);
	ck_assert_str_eq(printed(bare),
			 START VIA REST "Content-Length: 2\r\n\r\nab");
	msg_destroy(msg);
	msg_destroy(bare);
}
END_TEST

START_TEST(test_reply)
{
	struct sipmsg_reply r = {
		.status = 183,
		.to_tag = "t1",
		.extra = "Contact: <sip:x@y>\r\n",
		.ctype = "text/plain",
		.body = "hello",
		.body_len = 5,
	};
	msg_t *msg = parsed(GOOD);
	char buf[1024];
	struct strbuf sb;

	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sipmsg_reply(&sb, sip_object(msg), &r), 0);
	ck_assert_str_eq(buf,
			 "SIP/2.0 183 Session Progress\r\n" VIA
			 "Record-Route: <sip:203.0.113.9;lr;x=%5b>\r\n"
			 "From: \"100% Alice\" <sip:alice@example.com;x=%41>;"
			 "tag=f1;odd=1\r\n"
			 "To : <sip:bob@example.com>;tag=t1\r\n"
			 "Call-ID: c1@10.0.0.16\r\n"
			 "CSeq: 7 INVITE\r\n"
			 "Contact: <sip:x@y>\r\n"
			 "Content-Type: text/plain\r\n"
			 "Content-Length: 5\r\n\r\nhello");
	msg_destroy(msg);
}
END_TEST

START_TEST(test_reply_plain)
{
	static const int statuses[] = {100, 404};

	for (size_t i = 0; i < 2; i++) {
		struct sipmsg_reply r = {.status = statuses[i],
					 .phrase = "Mine",
					 .to_tag = "t1"};
		msg_t *msg = parsed(GOOD);
		char buf[1024], want[1024];
		struct strbuf sb;

		snprintf(want, sizeof(want), "SIP/2.0 %d Mine\r\n%s%s%s%s",
			 r.status, VIA,
			 "From: \"100% Alice\" <sip:alice@example.com;x=%41>;"
			 "tag=f1;odd=1\r\nTo : <sip:bob@example.com>",
			 r.status == 100 ? "" : ";tag=t1",
			 "\r\nCall-ID: c1@10.0.0.16\r\nCSeq: 7 INVITE\r\n"
			 "Content-Length: 0\r\n\r\n");
		strbuf_init(&sb, buf, sizeof(buf));
		ck_assert_int_eq(sipmsg_reply(&sb, sip_object(msg), &r), 0);
		ck_assert_str_eq(buf, want);
		msg_destroy(msg);
	}
}
END_TEST

START_TEST(test_small_buffers)
{
	struct sipmsg_reply r = {.status = 180, .to_tag = "t1"};
	struct addr src = address("198.51.100.28:40000");
	msg_t *msg = parsed(GOOD);
	char whole[2048];
	struct strbuf sb;
	size_t reply_len;

	ck_assert_int_eq(sipmsg_via_received(msg, &src, true), 0);
	strbuf_init(&sb, whole, sizeof(whole));
	ck_assert_int_eq(sipmsg_reply(&sb, sip_object(msg), &r), 0);
	reply_len = sb.len;
	for (size_t cap = 0; cap <= reply_len; cap++) {
		char *buf = malloc(cap ? cap : 1);

		strbuf_init(&sb, buf, cap);
		ck_assert_int_eq(sipmsg_reply(&sb, sip_object(msg), &r),
				 -EMSGSIZE);
		strbuf_init(&sb, buf, cap);
		ck_assert_int_eq(sipmsg_print(&sb, msg), -EMSGSIZE);
		free(buf);
	}
	msg_destroy(msg);
}
END_TEST

START_TEST(test_token)
{
	char a[21], b[21], one[1] = "x";

	sipmsg_token(a, sizeof(a));
	sipmsg_token(b, sizeof(b));
	ck_assert_uint_eq(strlen(a), 20);
	ck_assert_uint_eq(strspn(a, "abcdefghijklmnopqrstuvwxyz234567"), 20);
	ck_assert_str_ne(a, b);
	sipmsg_token(one, 1);
	ck_assert_str_eq(one, "");
	for (int i = 0; i < 100; i++)
		sipmsg_token(a, sizeof(a));
	ck_assert_uint_eq(strlen(a), 20);
}
END_TEST

static const struct {
	const char *via, *dest, *sent_by; /* "-": -EINVAL */
} vias[] = {
	{"192.0.2.1", "192.0.2.1:5060", "192.0.2.1:5060"},
	{"192.0.2.1:5070", "192.0.2.1:5070", "192.0.2.1:5070"},
	{"192.0.2.1:5070;rport", "192.0.2.1:5070", "192.0.2.1:5070"},
	{"192.0.2.1;received=198.51.100.1;rport=4000", "198.51.100.1:4000",
	 "192.0.2.1:5060"},
	{"phone.example;received=198.51.100.1", "198.51.100.1:5060", "-"},
	{"phone.example", "-", "-"},
	{"[2001:db8::1]:5070", "[2001:db8::1]:5070", "[2001:db8::1]:5070"},
	{"h;received=2001:db8::2;rport=9", "[2001:db8::2]:9", "-"},
	{"h;received=[2001:db8::2]", "[2001:db8::2]:5060", "-"},
	{"192.0.2.1;rport=0", "-", "192.0.2.1:5060"},
	{"192.0.2.1:0;received=198.51.100.1;rport=7", "198.51.100.1:7", "-"},
	{"192.0.2.1;rport=65536", "-", "192.0.2.1:5060"},
	{"192.0.2.1;received=x", "-", "192.0.2.1:5060"},
};

START_TEST(test_via)
{
	char text[1024];
	struct addr a;
	msg_t *msg;

	snprintf(text, sizeof(text), "%sVia: SIP/2.0/UDP %s\r\n%s\r\n", START,
		 vias[_i].via, REST);
	msg = parsed(text);
	if (sipmsg_via_dest(&a, sip_object(msg)->sip_via))
		ck_assert_str_eq(vias[_i].dest, "-");
	else
		assert_addr(&a, vias[_i].dest);
	if (sipmsg_via_addr(&a, sip_object(msg)->sip_via))
		ck_assert_str_eq(vias[_i].sent_by, "-");
	else
		assert_addr(&a, vias[_i].sent_by);
	msg_destroy(msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sipmsg_reply");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, test_set_body);
	tcase_add_test(tc, test_reply);
	tcase_add_test(tc, test_reply_plain);
	tcase_add_test(tc, test_small_buffers);
	tcase_add_test(tc, test_token);
	tcase_add_loop_test(tc, test_via, 0, sizeof(vias) / sizeof(vias[0]));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
