#include "tests/unit/sdp_text.h"

#define C "v=0\nc=IN IP4 192.0.2.1\n"
#define M "m=audio 4000 RTP/AVP 0\n"

static void assert_replaced(const char *text, const struct sdp *with,
			    const char *want)
{
	struct sdp again;
	char buf[4096];
	struct strbuf sb;

	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sdp_replace(&sb, text, strlen(text), with), 0);
	ck_assert_str_eq(buf, want);
	ck_assert_int_eq(parse(&again, buf), 0);
	for (size_t cap = 0; cap <= strlen(want); cap++) {
		char *small = malloc(cap ? cap : 1);

		strbuf_init(&sb, small, cap);
		ck_assert_int_eq(sdp_replace(&sb, text, strlen(text), with),
				 -EMSGSIZE);
		free(small);
	}
}

START_TEST(test_replace)
{
	struct sdp res = resource(3);

	assert_replaced(OFFER, &res,
			"v=0\r\n"
			"o=first 2890844526 2890844527 IN IP4 203.0.113.4\r\n"
			"s=A call\r\n"
			"c=IN IP4 203.0.113.4\r\n"
			"t=0 0\r\n"
			"m=audio 30000 RTP/AVP 0 8 101\r\n"
			"a=rtpmap:0 PCMU/8000\r\n"
			"a=rtcp:30001 IN IP4 203.0.113.4\r\n"
			"a=sendonly\r\n"
			"m=video 30002 RTP/AVP 34\r\n"
			"i=eyes\r\n"
			"a=rtcp-mux\r\n"
			"a=rtcp:30003\r\n"
			"m=application 0 udp t38\r\n"
			"c=IN IP4 203.0.113.4\r\n");
}
END_TEST

START_TEST(test_replace_keeps_every_byte)
{
	struct sdp res = resource(2);

	assert_replaced("v=0 \no=x\nc=IN IP4 host.example \t\n"
			"m=audio\t 4000/2  RTP/AVP 0 \r\nz=\xff\n"
			"m=audio 2 RTP/AVP 0\na=icecream\na=candidates",
			&res,
			"v=0 \no=x\nc=IN IP4 203.0.113.4 \t\n"
			"m=audio\t 30000  RTP/AVP 0 \r\nz=\xff\n"
			"m=audio 30002 RTP/AVP 0\na=icecream\na=candidates");
}
END_TEST

START_TEST(test_replace_ipv6)
{
	struct sdp res = {0};

	set_line(&res, 0, "[2001:db8::4]:30000");
	set_line(&res, 1, "[2001:db8::4]:30002");
	assert_replaced("v=0\no=- 1 1 IN IP4 10.0.0.1\nm=a 2 u 0\n"
			"c=IN IP4 10.0.0.1\na=rtcp:9 IN IP4 10.0.0.1\n"
			"m=a 4 u 0\nc=IN IP4 10.0.0.2\n",
			&res,
			"v=0\no=- 1 1 IN IP6 2001:db8::4\nm=a 30000 u 0\n"
			"c=IN IP6 2001:db8::4\na=rtcp:30001 IN IP6 "
			"2001:db8::4\nm=a 30002 u 0\nc=IN IP6 2001:db8::4\n");
}
END_TEST

START_TEST(test_replace_inserts_c)
{
	struct sdp res = resource(3);

	set_line(&res, 1, "203.0.113.5:31000");
	set_line(&res, 2, "[2001:db8::4]:32000");
	assert_replaced(C M "m=a 4 u 0\r\ni=x\na=y\nm=a 6 u 0", &res,
			"v=0\nc=IN IP4 203.0.113.4\n"
			"m=audio 30000 RTP/AVP 0\n"
			"m=a 31000 u 0\r\ni=x\nc=IN IP4 203.0.113.5\r\na=y\n"
			"m=a 32000 u 0\r\nc=IN IP6 2001:db8::4");
}
END_TEST

START_TEST(test_replace_inserts_c_at_the_end)
{
	static const char *const tails[] = {"", " ", "\r", " \t\r", "\r\ni=x"};

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		struct sdp res = resource(2);
		char text[256], want[256];

		set_line(&res, 1, "203.0.113.5:31000");
		snprintf(text, sizeof(text), "%sm=a 4 u 0%s", C M, tails[i]);
		snprintf(want, sizeof(want),
			 "v=0\nc=IN IP4 203.0.113.4\n"
			 "m=audio 30000 RTP/AVP 0\nm=a 31000 u 0%s\r\n"
			 "c=IN IP4 203.0.113.5%s",
			 tails[i], strchr(tails[i], '\n') ? "\r\n" : "");
		assert_replaced(text, &res, want);
	}
}
END_TEST

/* The session's address is that of the first line that carries media. */
START_TEST(test_replace_first_line_refused)
{
	struct sdp res = resource(2);

	res.media[0].port = 0;
	addr_set_port(&res.media[0].rtp, 0);
	set_line(&res, 1, "203.0.113.5:31000");
	assert_replaced(C "m=a 4 u 0\n" M, &res,
			"v=0\nc=IN IP4 203.0.113.5\nm=a 0 u 0\n"
			"m=audio 31000 RTP/AVP 0\n");
}
END_TEST

START_TEST(test_replace_hold)
{
	struct sdp res = resource(1);

	assert_replaced("v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 0.0.0.0\n" M,
			&res,
			"v=0\no=- 1 1 IN IP4 203.0.113.4\nc=IN IP4 0.0.0.0\n"
			"m=audio 30000 RTP/AVP 0\n");
	assert_replaced(C M "c=IN IP4 0.0.0.0\n", &res,
			"v=0\nc=IN IP4 203.0.113.4\nm=audio 30000 RTP/AVP 0\n"
			"c=IN IP4 0.0.0.0\n");
}
END_TEST

START_TEST(test_replace_all_refused)
{
	struct sdp res = resource(1);

	res.media[0].port = 0;
	memset(&res.media[0].rtp, 0, sizeof(res.media[0].rtp));
	memset(&res.media[0].rtcp, 0, sizeof(res.media[0].rtcp));
	assert_replaced("v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\n" M
			"a=rtcp:5\n",
			&res,
			"v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\n"
			"m=audio 0 RTP/AVP 0\na=rtcp:5\n");
}
END_TEST

START_TEST(test_replace_needs_enough_lines)
{
	struct sdp res = resource(2);
	char buf[1024];
	struct strbuf sb;

	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sdp_replace(&sb, OFFER, strlen(OFFER), &res), -EINVAL);
}
END_TEST

/* Whatever parses is replaced by something that parses to the resource. */
static void exercise(const char *text, size_t len)
{
	const struct sdp res = resource(SDP_MEDIA_MAX);
	struct sdp s, again;
	char buf[4096];
	struct strbuf sb;

	if (parse_n(&s, text, len))
		return;
	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sdp_replace(&sb, text, len, &res), 0);
	ck_assert_int_eq(parse_n(&again, buf, sb.len), 0);
	ck_assert_uint_eq(again.n, s.n);
	for (size_t i = 0; i < s.n; i++) {
		bool refused = s.media[i].port == 0;
		bool held = addr_class(&s.media[i].rtp) == ADDR_ANY;

		ck_assert_uint_eq(again.media[i].port,
				  refused ? 0 : res.media[i].port);
		if (!refused && !held)
			ck_assert(addr_ip_eq(&again.media[i].rtp,
					     &res.media[i].rtp));
	}
}

START_TEST(test_truncated_and_flipped)
{
	static const char bytes[] = "\0 \r\n=:/0mcavi\xff";
	const size_t len = strlen(OFFER);
	char *text = strdup(OFFER);

	for (size_t n = 0; n <= len; n++)
		exercise(text, n);
	for (size_t i = 0; i < len; i++) {
		for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
			text[i] = bytes[b];
			exercise(text, len);
		}
		text[i] = OFFER[i];
	}
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sdp_replace");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, test_replace);
	tcase_add_test(tc, test_replace_keeps_every_byte);
	tcase_add_test(tc, test_replace_ipv6);
	tcase_add_test(tc, test_replace_inserts_c);
	tcase_add_test(tc, test_replace_inserts_c_at_the_end);
	tcase_add_test(tc, test_replace_first_line_refused);
	tcase_add_test(tc, test_replace_hold);
	tcase_add_test(tc, test_replace_all_refused);
	tcase_add_test(tc, test_replace_needs_enough_lines);
	tcase_add_test(tc, test_truncated_and_flipped);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
