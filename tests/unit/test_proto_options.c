#include "proto/dialect.h"
#include "tests/unit/proto_example.h"

static struct relay_options options(int ms, const char *learn,
				    const char *toward)
{
	struct relay_options o = {.has_resequence = ms >= 0};

	if (ms >= 0)
		o.resequence_ms = (uint16_t)ms;
	snprintf(o.learn, sizeof(o.learn), "%s", learn);
	if (*toward)
		ck_assert_int_eq(addr_parse(&o.toward, toward, 0), 0);
	return o;
}

START_TEST(test_begins)
{
	struct relay_request r = request(), got;
	struct proto_hop h = hop("z9hG4bKx");
	msg_t *msg;

	r.options.begins = true;
	ck_assert_int_eq(relay_request_print(&sb, &h, &r), 0);
	ck_assert_ptr_nonnull(strstr(text, ";ph-begins SIP/2.0\r\n"));
	msg = parsed(text);
	ck_assert_int_eq(relay_request_parse(&got, sip_object(msg)), 0);
	ck_assert(got.options.begins);
	msg_destroy(msg);
}
END_TEST

static void assert_same(const struct relay_options *a,
			const struct relay_options *b)
{
	ck_assert_int_eq(a->has_resequence, b->has_resequence);
	ck_assert_uint_eq(a->resequence_ms, b->resequence_ms);
	ck_assert_str_eq(a->learn, b->learn);
	ck_assert_int_eq(a->begins, b->begins);
	ck_assert(addr_eq(&a->toward, &b->toward));
	ck_assert(a->tentative == b->tentative);
}

START_TEST(test_example)
{
	struct relay_request r = request(), got;
	struct proto_hop h = hop("z9hG4bKopt");
	msg_t *msg;

	r.options = options(60, "strict", "[2001:db8::50]:5060");
	r.sdp_len -= strlen("m=video 4002 RTP/AVP 34\r\n");
	ck_assert_int_eq(relay_request_print(&sb, &h, &r), 0);
	assert_example("relay-request-options");
	msg = parsed(text);
	ck_assert_int_eq(relay_request_parse(&got, sip_object(msg)), 0);
	assert_same(&got.options, &r.options);
	assert_all_small_fail(relay_request_print(&sb, &h, &r));
	msg_destroy(msg);
}
END_TEST

/* A relay of two addresses, asked as above: the one in the body is for the
 * party at PROTO_TOWARD, the one in the Contact for the party that asks. */
START_TEST(test_both_addresses)
{
	struct relay_request r = request();
	struct proto_hop h = hop("z9hG4bKopt");
	struct sdp res = {.n = 1};
	struct addr near, got = {0};
	msg_t *req, *msg;

	ck_assert_int_eq(addr_parse(&near, "203.0.113.4", 0), 0);
	snprintf(res.media[0].type, SDP_TOKEN_MAX, "audio");
	snprintf(res.media[0].proto, SDP_TOKEN_MAX, "RTP/AVP");
	snprintf(res.media[0].fmt, SDP_FMT_MAX, "0 8");
	res.media[0].port = 30000;
	addr_parse(&res.media[0].rtp, "[2001:db8::4]:30000", 0);
	r.sdp_len -= strlen("m=video 4002 RTP/AVP 34\r\n");
	ck_assert_int_eq(relay_request_print(&sb, &h, &r), 0);
	req = parsed(text);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(
		relay_answer_print(&sb, sip_object(req), &relay, &res, &near),
		0);
	assert_example("relay-answer-two-addresses");
	msg = parsed(text);
	ck_assert(relay_answer_near(&got, sip_object(msg)));
	ck_assert(addr_eq(&got, &near));
	assert_all_small_fail(
		relay_answer_print(&sb, sip_object(req), &relay, &res, &near));
	msg_destroy(msg);
	/* of IPv6, and where there is none */
	addr_parse(&near, "2001:db8::5", 0);
	ck_assert_int_eq(
		relay_answer_print(&sb, sip_object(req), &relay, &res, &near),
		0);
	msg = parsed(text);
	ck_assert(relay_answer_near(&got, sip_object(msg)));
	ck_assert(addr_eq(&got, &near));
	msg_destroy(msg);
	ck_assert(!relay_answer_near(&got, sip_object(req)));
	msg_destroy(req);
}
END_TEST

static const struct {
	int ms; /* -1: absent */
	const char *learn, *toward;
	const char *uri; /* the parameters as printed */
	bool tentative;
} cases[] = {
	{-1, "", "", "", false},
	{-1, "", "", ";ph-tentative", true},
	{0, "", "", ";ph-resequence=0", false},
	{200, "", "", ";ph-resequence=200", false},
	{-1, "signalled", "", ";ph-learn=signalled", false},
	{-1, "abcdefghijklmno", "", ";ph-learn=abcdefghijklmno", false},
	{-1, "", "198.51.100.7", ";ph-toward=198.51.100.7", false},
	{-1, "", "198.51.100.7:5060", ";ph-toward=198.51.100.7:5060", false},
	{-1, "", "2001:db8::7", ";ph-toward=2001:db8::7", false},
	{20, "open", "10.0.0.16:1",
	 ";ph-resequence=20;ph-learn=open;ph-toward=10.0.0.16:1", false},
};

/* Printed, and read from the URI by the other end. */
START_TEST(test_print_and_parse)
{
	struct relay_options o =
		options(cases[_i].ms, cases[_i].learn, cases[_i].toward);
	struct relay_request r = request(), got;
	struct proto_hop h = hop("z9hG4bKx");
	msg_t *msg;

	o.tentative = cases[_i].tentative;
	ck_assert_int_eq(relay_options_print(&sb, &o), 0);
	ck_assert_str_eq(text, cases[_i].uri);
	strbuf_init(&sb, text, sizeof(text));
	r.options = o;
	ck_assert_int_eq(relay_request_print(&sb, &h, &r), 0);
	msg = parsed(text);
	ck_assert_int_eq(relay_request_parse(&got, sip_object(msg)), 0);
	assert_same(&got.options, &o);
	msg_destroy(msg);
}
END_TEST

static const struct {
	int ms;
	const char *learn, *toward;
} unsaid[] = {
	{201, "", ""},         {-1, "Strict", ""},  {-1, "a;b", ""},
	{-1, "a b", ""},       {-1, "", "0.0.0.0"}, {-1, "", "224.0.0.1"},
	{-1, "", "[::]:5060"},
};

START_TEST(test_not_to_be_printed)
{
	struct relay_request r = request();
	struct proto_hop h = hop("z9hG4bKx");

	r.options = options(unsaid[_i].ms, unsaid[_i].learn, unsaid[_i].toward);
	ck_assert_int_eq(relay_request_print(&sb, &h, &r), -EINVAL);
	ck_assert_uint_eq(sb.len, 0);
	/* a release has none */
	ck_assert_int_eq(relay_release_print(&sb, &h, &r), 0);
	ck_assert_ptr_null(strstr(text, "ph-"));
}
END_TEST

static const struct {
	const char *uri;
	int err;
} texts[] = {
	{";lr;ph-future=1;x", 0},
	{";PH-Learn=open", 0},
	{";ph-toward=%5B2001:db8::1%5D", 0},
	{";ph-toward=198.51.100.7:0", 0},
	{";ph-resequence", -EINVAL},
	{";ph-resequence=", -EINVAL},
	{";ph-resequence=201", -EINVAL},
	{";ph-resequence=-1", -EINVAL},
	{";ph-resequence=+1", -EINVAL},
	{";ph-resequence=1.5", -EINVAL},
	{";ph-resequence=0020", -EINVAL},
	{";ph-resequence=99999999999999999999999999999999", -EINVAL},
	{";ph-resequence=2%000", -EINVAL},
	{";ph-learn", -EINVAL},
	{";ph-learn=Open", -EINVAL},
	{";ph-learn=abcdefghijklmnop", -EINVAL},
	{";ph-learn=open%00ed", -EINVAL},
	{";ph-learn=open%0D%0AX:y", -EINVAL},
	{";ph-toward=", -EINVAL},
	{";ph-toward=phone.example", -EINVAL},
	{";ph-toward=198.51.100.7:99999", -EINVAL},
	{";ph-toward=0.0.0.0", -EINVAL},
	{";ph-toward=255.255.255.255", -EINVAL},
	{";ph-toward=%5B::1", -EINVAL},
	{";ph-toward=1.2.3.4%00", -EINVAL},
};

START_TEST(test_parse)
{
	struct relay_options got;
	char request_text[1024];
	msg_t *msg;

	snprintf(request_text, sizeof(request_text),
		 "INVITE sip:relay@203.0.113.4%s SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1\r\n"
		 "From: <sip:a@b>\r\nTo: <sip:c@d>\r\nCall-ID: c\r\n"
		 "CSeq: 1 INVITE\r\n\r\n",
		 texts[_i].uri);
	msg = parsed(request_text);
	ck_assert_int_eq(
		relay_options_parse(&got, sip_object(msg)->sip_request->rq_url),
		texts[_i].err);
	msg_destroy(msg);
}
END_TEST

START_TEST(test_words)
{
	ck_assert(relay_options_learn_ok("strict"));
	ck_assert(relay_options_learn_ok("signalled"));
	ck_assert(relay_options_learn_ok("open"));
	ck_assert(!relay_options_learn_ok(""));
	ck_assert(!relay_options_learn_ok("opened"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto_options");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_example);
	tcase_add_test(tc, test_begins);
	tcase_add_test(tc, test_both_addresses);
	tcase_add_loop_test(tc, test_print_and_parse, 0,
			    sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tc, test_not_to_be_printed, 0,
			    sizeof(unsaid) / sizeof(unsaid[0]));
	tcase_add_loop_test(tc, test_parse, 0,
			    sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(tc, test_words);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
