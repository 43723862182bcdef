#include "tests/unit/sdp_text.h"

#define HEAD         "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define HEAD_RELAYED "v=0\r\no=- 1 1 IN IP4 203.0.113.4\r\ns=-\r\nt=0 0\r\n"
#define KEYS                                                                   \
	"a=ice-ufrag:Oyef7uvBlwafI3hT\r\n"                                     \
	"a=ice-pwd:T0teqPLNQQOf+5W+ls+P2p16\r\n"
#define DTLS    "a=fingerprint:sha-256 4A:AD:B9:B1:3F\r\na=setup:actpass\r\n"
#define RELAYED "a=candidate:1 1 UDP 2130706431 203.0.113.4 30000 typ host\r\n"
#define RELAYED_RTCP                                                           \
	"a=candidate:1 2 UDP 2130706430 203.0.113.4 30001 typ host\r\n"
#define END "a=end-of-candidates\r\n"

/* As Chrome has it, of what matters here. */
START_TEST(test_a_browsers_offer)
{
	struct sdp res = resource(2);

	assert_replaced(
		HEAD
		"a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n"
		"m=audio 56500 UDP/TLS/RTP/SAVPF 111 0\r\n"
		"c=IN IP4 198.51.100.28\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
		"a=candidate:1467250027 1 udp 2122260223 10.0.0.16 46243 typ "
		"host generation 0 network-id 1\r\n"
		"a=candidate:842163049 1 udp 1686052607 198.51.100.28 56500 "
		"typ srflx raddr 10.0.0.16 rport 46243\r\n" KEYS
		"a=ice-options:trickle\r\n" DTLS
		"a=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n"
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"
		"a=rtcp:9 IN IP4 0.0.0.0\r\n" KEYS
		"a=ice-options:trickle\r\n" DTLS "a=mid:1\r\na=rtcp-mux\r\n",
		&res,
		HEAD_RELAYED
		"a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n"
		"m=audio 30000 UDP/TLS/RTP/SAVPF 111 0\r\n"
		"c=IN IP4 203.0.113.4\r\n"
		"a=rtcp:30001 IN IP4 203.0.113.4\r\n" KEYS DTLS
		"a=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n" RELAYED END
		"m=video 30000 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 203.0.113.4\r\n"
		"a=rtcp:30000 IN IP4 203.0.113.4\r\n" KEYS DTLS
		"a=mid:1\r\na=rtcp-mux\r\n");
}
END_TEST

/* Without a=rtcp-mux, or where it may still be declined, RTCP is checked too.
 */
START_TEST(test_rtcp_beside_rtp)
{
	struct sdp res = resource(1);

	assert_replaced(
		HEAD "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n"
		     "c=IN IP4 10.0.0.16\r\n" KEYS,
		&res,
		HEAD_RELAYED
		"m=audio 30000 UDP/TLS/RTP/SAVP 0\r\n"
		"c=IN IP4 203.0.113.4\r\n" KEYS RELAYED RELAYED_RTCP END);
	assert_replaced(
		HEAD "m=audio 4000 RTP/SAVPF 0\r\n"
		     "c=IN IP4 10.0.0.16\r\na=rtcp-mux\r\n"
		     "a=candidate:7 2 UDP 1 10.0.0.16 4001 typ host\r\n" KEYS,
		&res,
		HEAD_RELAYED
		"m=audio 30000 RTP/SAVPF 0\r\n"
		"c=IN IP4 203.0.113.4\r\na=rtcp-mux\r\n" KEYS RELAYED
			RELAYED_RTCP END);
}
END_TEST

/* Username and password may be the session's, for all its lines. */
START_TEST(test_ice_of_the_session)
{
	struct sdp res = resource(3);

	assert_replaced(HEAD KEYS
			"a=ice-lite\r\n"
			"a=ice-options:ice2 Trickle rtp+ecn \r\n"
			"m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"
			"c=IN IP4 10.0.0.16\r\na=rtcp-mux\r\n"
			"m=audio 4002 RTP/AVP 0\r\nc=IN IP4 10.0.0.16\r\n"
			"a=ice-options:ice2\r\n"
			"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
			"c=IN IP4 10.0.0.16\r\na=bundle-only\r\n",
			&res,
			HEAD_RELAYED KEYS
			"a=ice-lite\r\n"
			"a=ice-options:ice2 rtp+ecn \r\n"
			"m=audio 30000 UDP/TLS/RTP/SAVPF 0\r\n"
			"c=IN IP4 203.0.113.4\r\na=rtcp-mux\r\n" RELAYED END
			"m=audio 30002 RTP/AVP 0\r\nc=IN IP4 203.0.113.4\r\n"
			"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
			"c=IN IP4 203.0.113.4\r\na=bundle-only\r\n");
}
END_TEST

START_TEST(test_ipv6)
{
	struct sdp res = {0};

	set_line(&res, 0, "[2001:db8::4]:30000");
	assert_replaced(
		HEAD "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		     "c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\n" KEYS,
		&res,
		"v=0\r\no=- 1 1 IN IP6 2001:db8::4\r\ns=-\r\nt=0 0\r\n"
		"m=application 30000 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		"c=IN IP6 2001:db8::4\r\na=rtcp-mux\r\n" KEYS
		"a=candidate:1 1 UDP 2130706431 2001:db8::4 30000 typ "
		"host\r\n" END);
}
END_TEST

/* Any other phone is content without. */
START_TEST(test_left_out)
{
	static const char *const protos[] = {"RTP/AVP", "RTP/SAVP", "udptl",
					     "RTP/AVPF", "udp"};

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		struct sdp res = resource(1);
		char text[1024], want[1024];

		snprintf(text, sizeof(text),
			 HEAD
			 "%sa=ice-lite\r\na=ice-options:ice2\r\n"
			 "m=audio 4000 %s 0\r\nc=IN IP4 10.0.0.16\r\n%s"
			 "a=candidate:1 1 UDP 1 10.0.0.16 4000 typ host\r\n"
			 "a=remote-candidates:1 10.0.0.17 4000\r\n"
			 "a=ice-mismatch\r\na=end-of-candidates\r\n"
			 "a=sendrecv\r\n",
			 KEYS, protos[i], KEYS);
		snprintf(want, sizeof(want),
			 HEAD_RELAYED "m=audio 30000 %s 0\r\n"
				      "c=IN IP4 203.0.113.4\r\na=sendrecv\r\n",
			 protos[i]);
		assert_replaced(text, &res, want);
	}
}
END_TEST

/* A browser's line without ICE is none of a browser. */
START_TEST(test_without_a_username)
{
	struct sdp res = resource(1);

	assert_replaced(HEAD "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"
			     "c=IN IP4 10.0.0.16\r\na=ice-options:trickle\r\n",
			&res,
			HEAD_RELAYED "m=audio 30000 UDP/TLS/RTP/SAVPF 0\r\n"
				     "c=IN IP4 203.0.113.4\r\n");
}
END_TEST

/* Other ways to name addresses that lead past the relay. */
START_TEST(test_precursors)
{
	struct sdp res = resource(1);

	assert_replaced(HEAD
			"m=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.0.16\r\n"
			"a=alt:1 1 : 9B5E52E5 8A 10.0.0.16 4000\r\n"
			"a=altc:1 IP6 2001:db8::1 45678\r\n"
			"a=ccap:1 IN IP6 2001:db8::1\r\na=altogether:1\r\n",
			&res,
			HEAD_RELAYED "m=audio 30000 RTP/AVP 0\r\n"
				     "c=IN IP4 203.0.113.4\r\n"
				     "a=altogether:1\r\n");
}
END_TEST

/* Whatever ends the last line. */
START_TEST(test_candidates_at_the_end)
{
	struct sdp res = resource(1);

	assert_replaced("v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n"
			"c=IN IP4 0.0.0.0\na=rtcp-mux\na=ice-ufrag:abcd",
			&res,
			"v=0\nm=audio 30000 UDP/TLS/RTP/SAVPF 0\n"
			"c=IN IP4 203.0.113.4\na=rtcp-mux\na=ice-ufrag:abcd\r\n"
			"a=candidate:1 1 UDP 2130706431 203.0.113.4 30000 typ "
			"host\na=end-of-candidates\n");
	assert_replaced(
		"v=0\nc=IN IP4 0.0.0.0\na=ice-ufrag:abcd\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 0",
		&res,
		"v=0\nc=IN IP4 203.0.113.4\na=ice-ufrag:abcd\n"
		"m=audio 30000 UDP/TLS/RTP/SAVPF 0\r\n" RELAYED RELAYED_RTCP
			END);
}
END_TEST

/* No candidates where the relay has no port. */
START_TEST(test_refused_by_the_relay)
{
	struct sdp res = resource(1);

	res.media[0].port = 0;
	assert_replaced(HEAD "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"
			     "c=IN IP4 10.0.0.16\r\n" KEYS,
			&res,
			HEAD "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"
			     "c=IN IP4 203.0.113.4\r\n" KEYS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sdp_ice");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, test_a_browsers_offer);
	tcase_add_test(tc, test_rtcp_beside_rtp);
	tcase_add_test(tc, test_ice_of_the_session);
	tcase_add_test(tc, test_ipv6);
	tcase_add_test(tc, test_left_out);
	tcase_add_test(tc, test_without_a_username);
	tcase_add_test(tc, test_precursors);
	tcase_add_test(tc, test_candidates_at_the_end);
	tcase_add_test(tc, test_refused_by_the_relay);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
