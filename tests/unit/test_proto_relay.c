#include "proto/relay.h"
#include "tests/unit/sip_text.h"

static struct addr self, relay;

static void setup(void)
{
	self = address("203.0.113.1:5060");
	relay = address("203.0.113.4:5060");
}

static struct relay_request request(void)
{
	return (struct relay_request){
		.call_id = "call-1",
		.from = "<sip:first@example.com>;tag=f1",
		.to = "<sip:third@example.com>",
		.from_tag = "f1",
		.cseq = 7,
	};
}

START_TEST(test_relay_request_oddities)
{
	static const char head[] =
		"INVITE sip:relay@203.0.113.4 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1\r\n"
		"From: <sip:a@b>\r\nTo: <sip:c@d>\r\nCall-ID: c\r\n"
		"CSeq: 1 INVITE\r\n";
	struct relay_request got, bad = request();
	struct proto_hop h = {&self, "z9hG4bK1", &relay};
	struct strbuf sb;
	char text[2048];
	char odd[1024];
	msg_t *msg;

	snprintf(odd, sizeof(odd), "%sContact: <sip:phone.example>\r\n\r\n",
		 head);
	msg = parsed(odd);
	ck_assert_int_eq(relay_request_parse(&got, sip_object(msg)), 0);
	ck_assert_str_eq(got.from_tag, "");
	ck_assert_ptr_null(got.to_tag);
	ck_assert_ptr_null(got.sdp);
	ck_assert(addr_is_none(&got.observed));
	msg_destroy(msg);
	snprintf(odd, sizeof(odd), "%sContent-Type: application/sdp\r\n\r\n",
		 head);
	msg = parsed(odd);
	ck_assert_int_eq(relay_request_parse(&got, sip_object(msg)), -EBADMSG);
	msg_destroy(msg);

	strbuf_init(&sb, text, sizeof(text));
	bad.call_id = "a\r\nX: y";
	ck_assert_int_eq(relay_request_print(&sb, &h, &bad), -EINVAL);
	bad = request();
	bad.to = "<sip:a@b>\r\nX: y";
	ck_assert_int_eq(relay_release_print(&sb, &h, &bad), -EINVAL);
	bad.to = NULL;
	ck_assert_int_eq(relay_request_print(&sb, &h, &bad), -EINVAL);
	bad = request();
	ck_assert_int_eq(relay_gone_print(&sb, &h, &bad, "a\"b"), -EINVAL);
	ck_assert_int_eq(relay_join_print(&sb, &h, &bad, "a b", 0, 1), -EINVAL);
	ck_assert_int_eq(relay_join_print(&sb, &h, &bad, "c", 1001, 1),
			 -EINVAL);
	ck_assert_uint_eq(sb.len, 0);
}
END_TEST

START_TEST(test_relay_answer_without_address)
{
	static const char head[] =
		"Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: c\r\n"
		"CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\n"
		"v=0\r\nc=IN IP4 ";
	static const struct {
		const char *status, *rest;
		int err;
	} cases[] = {
		{"302 Moved", "203.0.113.4\r\nm=audio 30000 RTP/AVP 0\r\n", 0},
		{"302 Moved", "a.example\r\nm=audio 0 RTP/AVP 0\r\n", 0},
		{"302 Moved", "a.example\r\nm=audio 3 RTP/AVP 0\r\n", -EBADMSG},
		{"302 Moved", "203.0.113.4\r\n", -EBADMSG},
		{"200 OK", "203.0.113.4\r\nm=audio 3 RTP/AVP 0\r\n", -EBADMSG},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char data[1024];
		struct sdp got;
		msg_t *msg;

		snprintf(data, sizeof(data), "SIP/2.0 %s\r\n%s%s",
			 cases[i].status, head, cases[i].rest);
		msg = parsed(data);
		ck_assert_int_eq(relay_answer_parse(&got, sip_object(msg)),
				 cases[i].err);
		msg_destroy(msg);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto_relay");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_relay_request_oddities);
	tcase_add_test(tc, test_relay_answer_without_address);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
