#include "tests/unit/sdp_text.h"

START_TEST(test_parse)
{
	const struct sdp_media *m;
	struct sdp s;

	ck_assert_int_eq(parse(&s, OFFER), 0);
	ck_assert_uint_eq(s.n, 3);
	m = &s.media[0];
	ck_assert_str_eq(m->type, "audio");
	ck_assert_str_eq(m->proto, "RTP/AVP");
	ck_assert_str_eq(m->fmt, "0 8 101");
	ck_assert_uint_eq(m->port, 4000);
	assert_addr(&m->rtp, "10.0.0.16:4000");
	assert_addr(&m->rtcp, "10.0.0.17:4009");
	ck_assert(m->sendonly && !m->recvonly && !m->inactive && !m->rtcp_mux);
	m = &s.media[1];
	ck_assert_uint_eq(m->port, 4002);
	assert_addr(&m->rtp, "10.0.0.16:4002");
	assert_addr(&m->rtcp, "10.0.0.16:4003");
	ck_assert(m->rtcp_mux && !m->sendonly);
	m = &s.media[2];
	ck_assert_str_eq(m->proto, "udp");
	ck_assert_uint_eq(m->port, 0);
	assert_addr(&m->rtp, "[2001:db8::7]:0");
	ck_assert(addr_is_none(&m->rtcp));
}
END_TEST

START_TEST(test_borne)
{
	struct sdp s;

	ck_assert_int_eq(parse(&s, "v=0\na=inactive\nm=audio  65535 RTP/AVP\n"
				   "a=sendrecv\nc=IN IP4 host.example \n\nx\n"
				   "m=audio 6 udp\tx \nc=IN IP4 224.2.1.1/127\n"
				   "c=IN IP4 224.2.1.2/127\na=rtcp:0"),
			 0);
	ck_assert_uint_eq(s.n, 2);
	ck_assert_str_eq(s.media[0].fmt, "");
	ck_assert(!s.media[0].inactive);
	ck_assert(addr_is_none(&s.media[0].rtp));
	ck_assert(addr_is_none(&s.media[0].rtcp));
	ck_assert_str_eq(s.media[1].fmt, "x");
	ck_assert(s.media[1].inactive);
	assert_addr(&s.media[1].rtp, "224.2.1.1:6");
	assert_addr(&s.media[1].rtcp, "224.2.1.1:7");
	ck_assert_int_eq(parse(&s, "v=0\nm=audio 0 RTP/AVP 0\n"), 0);
	ck_assert_int_eq(parse(&s, "v=0\nc=IN IP4 ::1\nm=a 1 b 0\n"), 0);
	ck_assert(addr_is_none(&s.media[0].rtp));
}
END_TEST

static void assert_rtpmap(const struct sdp_rtpmap *map, unsigned type,
			  const char *name, unsigned rate)
{
	ck_assert_uint_eq(map->type, type);
	ck_assert_str_eq(map->name, name);
	ck_assert_uint_eq(map->rate, rate);
}

START_TEST(test_rtpmap)
{
	const struct sdp_media *m;
	struct sdp s;

	ck_assert_int_eq(parse(&s,
			       "v=0\nc=IN IP4 192.0.2.1\n"
			       "a=rtpmap:99 of/8000\n" /* no media line yet */
			       "m=audio 2 RTP/AVP 96 0 101 9\n"
			       "a=rtpmap:96 opus/48000/2\n"
			       "a=rtpmap:101  telephone-event/8000 \n"
			       "a=rtpmap:96 again/8000\n"
			       "a=rtpmap:127 x/999999\n"
			       "m=video 4 RTP/AVP 97\n"
			       "a=rtpmap:97 H264/90000\n"),
			 0);
	m = &s.media[0];
	ck_assert_uint_eq(m->nrtpmap, 3);
	assert_rtpmap(&m->rtpmap[0], 96, "opus", 48000);
	assert_rtpmap(&m->rtpmap[1], 101, "telephone-event", 8000);
	assert_rtpmap(&m->rtpmap[2], 127, "x", 999999);
	ck_assert_uint_eq(s.media[1].nrtpmap, 1);
	assert_rtpmap(&s.media[1].rtpmap[0], 97, "H264", 90000);
}
END_TEST

START_TEST(test_broken_rtpmap_is_borne)
{
	static const char *const broken[] = {
		"",
		"96",
		"96 ",
		"96 opus",
		"96 opus/",
		"96 opus/x",
		"96 /8000",
		"96 opus/0",
		"96 opus/8000x",
		"128 opus/48000",
		"-1 opus/48000",
		"x opus/48000",
		"96 opus/1000000",
		"96 opus/4294967296000",
		"96 a-sixteen-letter/8000",
	};
	char text[128];
	struct sdp s;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		snprintf(text, sizeof(text),
			 "v=0\nc=IN IP4 192.0.2.1\nm=audio 2 RTP/AVP 96\n"
			 "a=rtpmap:%s",
			 broken[i]);
		ck_assert_int_eq(parse(&s, text), 0);
		ck_assert_uint_eq(s.media[0].nrtpmap, 0);
	}
}
END_TEST

START_TEST(test_too_many_rtpmaps_are_left_out)
{
	char text[1024] = "v=0\nc=IN IP4 192.0.2.1\nm=audio 2 RTP/AVP 0\n";
	struct sdp s;

	for (int i = 0; i < 20; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "a=rtpmap:%d name/8000\n", 96 + i);
	ck_assert_int_eq(parse(&s, text), 0);
	ck_assert_uint_eq(s.media[0].nrtpmap, SDP_RTPMAP_MAX);
	ck_assert_uint_eq(s.media[0].rtpmap[SDP_RTPMAP_MAX - 1].type, 111);
}
END_TEST

START_TEST(test_long_fmt_is_cut_at_a_word)
{
	char text[512] = "v=0\nc=IN IP4 192.0.2.1\nm=audio 2 RTP/AVP";
	struct sdp s;

	for (int i = 0; i < 60; i++)
		strcat(text, " 101");
	ck_assert_int_eq(parse(&s, text), 0);
	ck_assert_uint_eq(strlen(s.media[0].fmt), SDP_FMT_MAX - 1);
	ck_assert_str_eq(s.media[0].fmt + SDP_FMT_MAX - 1 - 4, " 101");
	strcat(text, "999");
	ck_assert_int_eq(parse(&s, text), 0);
	ck_assert_str_eq(s.media[0].fmt + strlen(s.media[0].fmt) - 4, " 101");
}
END_TEST

static const struct {
	const char *text;
	int err;
} broken[] = {
	{"", -EBADMSG},
	{"s=x\n" C M, -EBADMSG},
	{"\nv=0\nc=IN IP4 192.0.2.1\n" M, -EBADMSG},
	{"v=0\n" M, -EBADMSG},
	{"v=0\n" M "c=IN IP4 192.0.2.1\n" M, -EBADMSG},
	{C "m=audio 65536 RTP/AVP 0\n", -EBADMSG},
	{C "m=audio 99999999999999999999 RTP/AVP 0\n", -EBADMSG},
	{C "m=audio -1 RTP/AVP 0\n", -EBADMSG},
	{C "m=audio x RTP/AVP 0\n", -EBADMSG},
	{C "m=audio /2 RTP/AVP 0\n", -EBADMSG},
	{C "m=audio 4000\n", -EBADMSG},
	{C "m=\n", -EBADMSG},
	{C "m=audio 4000 RTP/AVP 0\x01\n", -EBADMSG},
	{C M "a=rtcp:x\n", -EBADMSG},
	{C M "a=rtcp\n", -EBADMSG},
	{C M "a=rtcp:65536\n", -EBADMSG},
	{C "m=0123456789012345678901234567890123456789 1 RTP/AVP 0\n",
	 -EBADMSG},
	{C "m=audio 1 0123456789012345678901234567890123456789 0\n", -EBADMSG},
	{C M M M M M M M M M M M M M M M M M, -E2BIG},
};

START_TEST(test_broken)
{
	const struct sdp res = resource(SDP_MEDIA_MAX);
	struct strbuf sb;
	char buf[1024];
	struct sdp s;

	ck_assert_int_eq(parse(&s, broken[_i].text), broken[_i].err);
	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sdp_replace(&sb, broken[_i].text,
				     strlen(broken[_i].text), &res),
			 broken[_i].err == -E2BIG ? -EINVAL : -EBADMSG);
}
END_TEST

START_TEST(test_print)
{
	struct sdp res = resource(2), again;
	char buf[1024];
	struct strbuf sb;

	set_line(&res, 1, "[2001:db8::4]:31000");
	addr_set_port(&res.media[1].rtcp, 31009);
	set_line(&res, 2, "203.0.113.4:0");
	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sdp_print(&sb, &res, UINT64_MAX), 0);
	ck_assert_str_eq(buf, "v=0\r\n"
			      "o=- 9223372036854775807 1 IN IP4 203.0.113.4\r\n"
			      "s=-\r\n"
			      "c=IN IP4 203.0.113.4\r\n"
			      "t=0 0\r\n"
			      "m=audio 30000 RTP/AVP 0\r\n"
			      "m=audio 31000 RTP/AVP 0\r\n"
			      "c=IN IP6 2001:db8::4\r\n"
			      "a=rtcp:31009 IN IP6 2001:db8::4\r\n"
			      "m=audio 0 RTP/AVP 0\r\n");
	ck_assert_int_eq(parse(&again, buf), 0);
	ck_assert_uint_eq(again.n, 3);
	assert_addr(&again.media[0].rtp, "203.0.113.4:30000");
	assert_addr(&again.media[1].rtp, "[2001:db8::4]:31000");
	assert_addr(&again.media[1].rtcp, "[2001:db8::4]:31009");
	for (size_t cap = 0; cap <= strlen(buf); cap++) {
		char *small = malloc(cap ? cap : 1);

		strbuf_init(&sb, small, cap);
		ck_assert_int_eq(sdp_print(&sb, &res, UINT64_MAX), -EMSGSIZE);
		free(small);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sdp");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, test_parse);
	tcase_add_test(tc, test_borne);
	tcase_add_test(tc, test_rtpmap);
	tcase_add_test(tc, test_broken_rtpmap_is_borne);
	tcase_add_test(tc, test_too_many_rtpmaps_are_left_out);
	tcase_add_test(tc, test_long_fmt_is_cut_at_a_word);
	tcase_add_loop_test(tc, test_broken, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(tc, test_print);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
