#include "tests/unit/sdp_text.h"

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

/* Zeros of the family that the other party has (RFC 3264 8.4, RFC 6157). */
START_TEST(test_replace_hold_between_families)
{
	struct sdp res = {0};

	set_line(&res, 0, "[2001:db8::4]:30000");
	assert_replaced("v=0\nc=IN IP4 0.0.0.0 \n" M, &res,
			"v=0\nc=IN IP6 :: \nm=audio 30000 RTP/AVP 0\n");
	res = resource(1);
	assert_replaced("v=0\n" M "c=IN IP6 ::\n", &res,
			"v=0\nm=audio 30000 RTP/AVP 0\nc=IN IP4 0.0.0.0\n");
	assert_replaced("v=0\n" M "c=IN IP6 2001:db8::1\n", &res,
			"v=0\nm=audio 30000 RTP/AVP 0\n"
			"c=IN IP4 203.0.113.4\n");
}
END_TEST

/* RFC 8840 4.1.1: no address yet, which is no hold. */
START_TEST(test_replace_address_to_come)
{
	struct sdp res = resource(2);

	assert_replaced("v=0\nm=audio 9 RTP/AVP 0\nc=IN IP4 0.0.0.0\n"
			"a=rtcp:9 IN IP4 0.0.0.0\n",
			&res,
			"v=0\nm=audio 30000 RTP/AVP 0\nc=IN IP4 203.0.113.4\n"
			"a=rtcp:30001 IN IP4 203.0.113.4\n");
	assert_replaced("v=0\nc=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 0\n", &res,
			"v=0\nc=IN IP4 203.0.113.4\n"
			"m=audio 30000 RTP/AVP 0\n");
	assert_replaced("v=0\nc=IN IP4 0.0.0.0\nm=audio 0 RTP/AVP 0\n" M, &res,
			"v=0\nc=IN IP4 0.0.0.0\nm=audio 0 RTP/AVP 0\n"
			"m=audio 30002 RTP/AVP 0\n");
}
END_TEST

/* Only a multicast has several, and the relay is none. */
START_TEST(test_replace_leaves_one_c)
{
	struct sdp res = resource(2);

	assert_replaced("v=0\nc=IN IP4 224.2.1.1/127\nc=IN IP4 224.2.1.2/127\n"
			"m=audio 4000/2 RTP/AVP 0\n" M
			"c=IN IP4 224.2.1.3/127/2\nb=AS:64\n"
			"c=IN IP4 224.2.1.5/127\n",
			&res,
			"v=0\nc=IN IP4 203.0.113.4\nm=audio 30000 RTP/AVP 0\n"
			"m=audio 30002 RTP/AVP 0\nc=IN IP4 203.0.113.4\n"
			"b=AS:64\n");
}
END_TEST

/* Each line has its family, and what the relay has for it may be another. */
START_TEST(test_replace_family_per_line)
{
	struct sdp res = resource(3);

	set_line(&res, 1, "[2001:db8::4]:31000");
	assert_replaced("v=0\no=- 1 1 IN IP6 2001:db8::7\ns=-\n" M
			"c=IN IP6 2001:db8::7\n" M "c=IN IP4 10.0.0.16\n" M
			"c=IN IP6 2001:db8::8\n",
			&res,
			"v=0\no=- 1 1 IN IP4 203.0.113.4\ns=-\n"
			"m=audio 30000 RTP/AVP 0\nc=IN IP4 203.0.113.4\n"
			"m=audio 31000 RTP/AVP 0\nc=IN IP6 2001:db8::4\n"
			"m=audio 30004 RTP/AVP 0\nc=IN IP4 203.0.113.4\n");
}
END_TEST

/* RFC 5761, RFC 8858: RTCP on the port of RTP is so behind the relay too. */
START_TEST(test_replace_rtcp_mux)
{
	struct sdp res = resource(2);

	assert_replaced(C M "a=rtcp-mux\na=rtcp:4000 IN IP4 10.0.0.16\n" M
			    "a=rtcp:4000\n",
			&res,
			"v=0\nc=IN IP4 203.0.113.4\nm=audio 30000 RTP/AVP 0\n"
			"a=rtcp-mux\na=rtcp:30000 IN IP4 203.0.113.4\n"
			"m=audio 30002 RTP/AVP 0\na=rtcp:30003\n");
}
END_TEST

/* RFC 4568, RFC 5763, RFC 8122: what keys and proves is end to end. */
START_TEST(test_replace_leaves_keys)
{
	static const char keys[] =
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
		"inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32\r\n"
		"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6\r\n"
		"a=fingerprint:SHA-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12\r\n"
		"a=setup:actpass\r\na=connection:new\r\n"
		"a=tls-id:abc3de65cddef001be82\r\n"
		"a=zrtp-hash:1.10 fe30efd02423cb054e50efd0248742ac7a52\r\n"
		"a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO\r\n";
	struct sdp res = resource(1);
	char text[1024], want[1024];

	snprintf(text, sizeof(text),
		 "v=0\nc=IN IP4 10.0.0.16\n%sm=audio 4000 "
		 "RTP/SAVP 0\n%s",
		 keys, keys);
	snprintf(want, sizeof(want),
		 "v=0\nc=IN IP4 203.0.113.4\n%sm=audio "
		 "30000 RTP/SAVP 0\n%s",
		 keys, keys);
	assert_replaced(text, &res, want);
}
END_TEST

/* Audio is taken back, and a fax sent in its place; then the other way round.
 */
START_TEST(test_replace_fax)
{
	struct sdp res = resource(2);

	assert_replaced(C "m=audio 0 RTP/AVP 0\n"
			  "m=image 4000 udptl t38\na=T38FaxVersion:0\n"
			  "a=T38FaxUdpEC:t38UDPRedundancy\n",
			&res,
			"v=0\nc=IN IP4 203.0.113.4\nm=audio 0 RTP/AVP 0\n"
			"m=image 30002 udptl t38\na=T38FaxVersion:0\n"
			"a=T38FaxUdpEC:t38UDPRedundancy\n");
	assert_replaced(C M "m=image 0 udptl t38\n", &res,
			"v=0\nc=IN IP4 203.0.113.4\n"
			"m=audio 30000 RTP/AVP 0\nm=image 0 udptl t38\n");
}
END_TEST

/* A relay of UDP cannot carry it; where it goes to stays what it was. */
START_TEST(test_replace_leaves_tcp)
{
	struct sdp res = resource(4);

	res.media[1].port = res.media[2].port = 0;
	assert_replaced(
		C M "m=message 2855 TCP/MSRP *\ni=chat\n"
		    "a=path:msrp://192.0.2.1:2855/iau39s;tcp\n"
		    "m=image 9 tcp t38\nc=IN IP4 192.0.2.2\na=setup:active\n"
		    "a=rtcp:9\n" M,
		&res,
		"v=0\nc=IN IP4 203.0.113.4\nm=audio 30000 RTP/AVP 0\n"
		"m=message 2855 TCP/MSRP *\ni=chat\n"
		"c=IN IP4 192.0.2.1\n"
		"a=path:msrp://192.0.2.1:2855/iau39s;tcp\n"
		"m=image 9 tcp t38\nc=IN IP4 192.0.2.2\na=setup:active\n"
		"a=rtcp:9\nm=audio 30006 RTP/AVP 0\n");
}
END_TEST

/* Nothing but what no relay carries, or nothing at all (RFC 3264 5). */
START_TEST(test_replace_nothing)
{
	static const char *const texts[] = {
		"v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\nt=0 0\n",
		"v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\n"
		"m=message 2855 TCP/TLS/MSRP *\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sdp res = {.n = 1}, said;

		ck_assert_int_eq(parse(&said, texts[i]), 0);
		ck_assert(!sdp_needs_ports(&said));
		assert_replaced(texts[i], &res, texts[i]);
	}
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
		const struct sdp_media *m = &s.media[i];
		bool kept = m->port == 0 || m->over_tcp;
		uint16_t port = res.media[m->carrier].port;

		ck_assert_uint_eq(again.media[i].port, kept ? m->port : port);
		if (!kept && !sdp_is_held(m))
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
	tcase_add_test(tc, test_replace_hold_between_families);
	tcase_add_test(tc, test_replace_address_to_come);
	tcase_add_test(tc, test_replace_leaves_one_c);
	tcase_add_test(tc, test_replace_family_per_line);
	tcase_add_test(tc, test_replace_rtcp_mux);
	tcase_add_test(tc, test_replace_leaves_keys);
	tcase_add_test(tc, test_replace_fax);
	tcase_add_test(tc, test_replace_leaves_tcp);
	tcase_add_test(tc, test_replace_nothing);
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
