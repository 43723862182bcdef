#include "tests/unit/sdp_text.h"

/* RFC 9143 7.2: an initial offer, each line at a port of its own. */
#define OFFERED                                                                \
	"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"     \
	"t=0 0\r\na=group:BUNDLE foo bar\r\n"                                  \
	"m=audio 10000 RTP/AVP 0\r\na=mid:foo\r\na=rtcp-mux\r\n"               \
	"m=video 10002 RTP/AVP 31\r\na=mid:bar\r\na=rtcp-mux\r\n"

/* And the answer of who bundles. */
#define ANSWERED                                                               \
	"v=0\r\no=- 2 1 IN IP4 198.51.100.2\r\ns=-\r\n"                        \
	"c=IN IP4 198.51.100.2\r\nt=0 0\r\na=group:BUNDLE foo bar\r\n"         \
	"m=audio 20000 RTP/AVP 0\r\na=mid:foo\r\na=rtcp-mux\r\n"               \
	"m=video 20000 RTP/AVP 31\r\na=mid:bar\r\na=rtcp-mux\r\n"

static void assert_carriers(const char *text, const char *want)
{
	struct sdp s;

	ck_assert_int_eq(parse(&s, text), 0);
	ck_assert_uint_eq(s.n, strlen(want));
	for (size_t i = 0; i < s.n; i++) {
		ck_assert_uint_eq(s.media[i].carrier, (unsigned)want[i] - '0');
		ck_assert(s.media[i].bundled == (s.media[i].carrier != i));
	}
}

START_TEST(test_offered_with_a_port_each)
{
	struct sdp s, res = resource(2);

	assert_carriers(OFFERED, "01");
	ck_assert_int_eq(parse(&s, OFFERED), 0);
	ck_assert(sdp_needs_port(&s.media[0]) && sdp_needs_port(&s.media[1]));
	assert_replaced(OFFERED, &res,
			"v=0\r\no=- 1 1 IN IP4 203.0.113.4\r\ns=-\r\n"
			"c=IN IP4 203.0.113.4\r\n"
			"t=0 0\r\na=group:BUNDLE foo bar\r\n"
			"m=audio 30000 RTP/AVP 0\r\na=mid:foo\r\n"
			"a=rtcp-mux\r\n"
			"m=video 30002 RTP/AVP 31\r\na=mid:bar\r\n"
			"a=rtcp-mux\r\n");
}
END_TEST

/* All of them get the port of the first one, as what is bundled must. */
START_TEST(test_answered_as_a_bundle)
{
	struct sdp s, res = resource(2);

	assert_carriers(ANSWERED, "00");
	ck_assert_int_eq(parse(&s, ANSWERED), 0);
	ck_assert(sdp_needs_port(&s.media[0]) && !sdp_needs_port(&s.media[1]));
	assert_replaced(ANSWERED, &res,
			"v=0\r\no=- 2 1 IN IP4 203.0.113.4\r\ns=-\r\n"
			"c=IN IP4 203.0.113.4\r\n"
			"t=0 0\r\na=group:BUNDLE foo bar\r\n"
			"m=audio 30000 RTP/AVP 0\r\na=mid:foo\r\n"
			"a=rtcp-mux\r\n"
			"m=video 30000 RTP/AVP 31\r\na=mid:bar\r\n"
			"a=rtcp-mux\r\n");
}
END_TEST

#define G(mids)      C "a=group:BUNDLE " mids "\n"
#define L(port, mid) "m=audio " port " RTP/AVP 0\na=mid:" mid "\n"
#define LATER(mid)   "m=video 9 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=mid:" mid "\n"

START_TEST(test_who_carries_whom)
{
	/* no group, no line of that name, another kind of group */
	assert_carriers(C L("4", "a") L("4", "b"), "01");
	assert_carriers(G("a x") L("4", "a") L("4", "b"), "01");
	assert_carriers(C "a=group:LS a b\n" L("4", "a") L("4", "b"), "01");
	assert_carriers(C "a=group\n" L("4", "a") L("4", "b"), "01");
	assert_carriers(C L("4", "a") "a=group:BUNDLE a b\n" L("4", "b"), "01");
	/* lower case, spaces, names of which one begins the other */
	assert_carriers(C "a=group:bundle   a  b \n" L("4", "a") L("4", "b"),
			"00");
	assert_carriers(G("a ab") L("4", "a") L("4", "b") L("4", "ab"), "010");
	assert_carriers(G("0 1 2") L("4", "0") L("6", "1") L("4", "2"), "010");
	/* the group's order, not that of the lines */
	assert_carriers(G("b a") L("4", "a") L("4", "b"), "11");
	/* the first one has been refused */
	assert_carriers(G("a b c") L("0", "a") L("4", "b") L("4", "c"), "011");
	/* no line of its own to be carried by, twice named, two groups */
	assert_carriers(G("a a b") L("4", "a") L("4", "b"), "00");
	assert_carriers(G("a b") "a=group:BUNDLE c d\n" L("4", "a") L("4", "b")
				L("4", "c") L("4", "d"),
			"0022");
	/* in two groups, which nobody may be: the first one counts */
	assert_carriers(G("a b") "a=group:BUNDLE c b a\n" L("4", "a")
				L("4", "b") L("4", "c"),
			"002");
	/* another address */
	assert_carriers(G("a b") L("4", "a") L("4", "b") "c=IN IP4 192.0.2.7\n",
			"01");
}
END_TEST

/* Browsers name an address in the first line alone. */
START_TEST(test_without_an_address_of_its_own)
{
	struct sdp res = resource(3);

	assert_carriers(G("a b c") L("4", "a") LATER("b") LATER("c"), "000");
	assert_carriers(G("a b") LATER("a") LATER("b"), "00");
	assert_carriers(C LATER("a") LATER("b"), "01");
	assert_replaced(G("a b") L("4", "a") LATER("b"), &res,
			"v=0\nc=IN IP4 203.0.113.4\na=group:BUNDLE a b\n"
			"m=audio 30000 RTP/AVP 0\na=mid:a\n"
			"m=video 30000 RTP/AVP 0\nc=IN IP4 203.0.113.4\n"
			"a=mid:b\n");
}
END_TEST

/* RFC 9143 6: offered with port 0, and none of the relay's; answered at the
 * port of the others. */
START_TEST(test_bundle_only)
{
	struct sdp s, res = resource(2);

	res.media[1].port = 0;
	ck_assert_int_eq(
		parse(&s, G("a b") L("4", "a") L("0", "b") "a=bundle-only\n"),
		0);
	ck_assert(!sdp_needs_port(&s.media[1]) && !s.media[1].bundled);
	assert_replaced(G("a b") L("4", "a") L("0", "b") "a=bundle-only\n",
			&res,
			"v=0\nc=IN IP4 203.0.113.4\na=group:BUNDLE a b\n"
			"m=audio 30000 RTP/AVP 0\na=mid:a\n"
			"m=audio 0 RTP/AVP 0\na=mid:b\na=bundle-only\n");
	assert_replaced(G("a b") L("4", "a") L("4", "b"), &res,
			"v=0\nc=IN IP4 203.0.113.4\na=group:BUNDLE a b\n"
			"m=audio 30000 RTP/AVP 0\na=mid:a\n"
			"m=audio 30000 RTP/AVP 0\na=mid:b\n");
}
END_TEST

/* One that the answerer left out of the bundle has a port of its own. */
START_TEST(test_not_all_of_them)
{
	struct sdp res = resource(3);

	set_line(&res, 2, "[2001:db8::4]:31000");
	assert_replaced(G("a b") L("4", "a")
				L("4", "b") "a=rtcp:4\na=rtcp-mux\n" L(
					"6", "c") "a=rtcp:7\n",
			&res,
			"v=0\nc=IN IP4 203.0.113.4\na=group:BUNDLE a b\n"
			"m=audio 30000 RTP/AVP 0\na=mid:a\n"
			"m=audio 30000 RTP/AVP 0\na=mid:b\n"
			"a=rtcp:30000\na=rtcp-mux\n"
			"m=audio 31000 RTP/AVP 0\nc=IN IP6 2001:db8::4\n"
			"a=mid:c\na=rtcp:31001\n");
}
END_TEST

/* The most there can be, each named as oddly as may be. */
START_TEST(test_sixteen)
{
	char text[4096] = "v=0\nc=IN IP4 192.0.2.1\na=group:BUNDLE";
	char want[SDP_MEDIA_MAX + 1] = "";

	for (int i = 0; i < SDP_MEDIA_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 " %c", '!' + i);
	strcat(text, " nobody\n");
	for (int i = 0; i < SDP_MEDIA_MAX; i++) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "m=audio 4 RTP/AVP 0\na=mid:%c\n", '!' + i);
		want[i] = '0';
	}
	assert_carriers(text, want);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sdp_bundle");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, test_offered_with_a_port_each);
	tcase_add_test(tc, test_answered_as_a_bundle);
	tcase_add_test(tc, test_who_carries_whom);
	tcase_add_test(tc, test_without_an_address_of_its_own);
	tcase_add_test(tc, test_bundle_only);
	tcase_add_test(tc, test_not_all_of_them);
	tcase_add_test(tc, test_sixteen);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
