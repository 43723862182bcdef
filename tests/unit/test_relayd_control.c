#include "tests/unit/relayd_fixture.h"

START_TEST(resource_is_the_same_when_asked_again)
{
	char first[TEXT_MAX];
	uint16_t a, v;

	ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
	memcpy(first, answer, answer_len + 1);
	a = port_of(0);
	v = port_of(1);
	ck_assert_uint_eq(a % 2, 0);
	ck_assert_uint_ne(a, v);
	ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
	ck_assert_str_eq(answer, first);
	ck_assert_int_eq(reply("c1", "a", "b", 6000, 7000), 302);
	ck_assert_uint_eq(port_of(0), a);
	ck_assert_uint_eq(port_of(1), v);
	ck_assert_uint_eq(sessions_count(sessions), 1);
	ck_assert_uint_eq(atomic_load(&load.streams), 2);
	ck_assert_uint_eq(ports_available(ports, 0), PAIRS - 2);
}
END_TEST

START_TEST(reoffer_adds_and_stops_lines)
{
	uint16_t a, v;

	ck_assert_int_eq(offer("c1", "a", 4000, 0), 302);
	a = port_of(0);
	ck_assert_uint_eq(port_of(1), 0);
	ck_assert_int_eq(reply("c1", "a", "b", 6000, 0), 302);
	ck_assert_int_eq(offer("c1", "b", 6000, 7000), 302);
	ck_assert_uint_eq(port_of(0), a);
	v = port_of(1);
	ck_assert_uint_ne(v, 0);
	ck_assert_int_eq(offer("c1", "a", 4000, 0), 302);
	ck_assert_uint_eq(port_of(1), 0);
	ck_assert_uint_eq(atomic_load(&load.streams), 2);
	ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
	ck_assert_uint_eq(port_of(1), v);
}
END_TEST

/* What another line carries (RFC 9143), and what goes over TCP, needs none;
 * once the bundle is given up it does. */
START_TEST(ports_for_what_needs_them)
{
	static const char bundle[] =
		"v=0\r\nc=IN IP4 127.0.0.1\r\na=group:BUNDLE a v\r\n"
		"m=audio 4000 RTP/AVP 0\r\na=mid:a\r\n"
		"m=video 4000 RTP/AVP 96\r\na=mid:v\r\n"
		"m=message 2855 TCP/MSRP *\r\n";
	static const char tcp[] = "v=0\r\nc=IN IP4 127.0.0.1\r\n"
				  "m=message 2855 TCP/MSRP *\r\n";

	ck_assert_int_eq(ask("INVITE", "c1", "a", NULL, bundle), 302);
	ck_assert_uint_ne(port_of(0), 0);
	ck_assert_uint_eq(port_of(1), 0);
	ck_assert_uint_eq(port_of(2), 0);
	ck_assert_uint_eq(atomic_load(&load.streams), 1);
	ck_assert_int_eq(ask("INVITE", "c1", "a", "b", bundle), 302);
	ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
	ck_assert_uint_ne(port_of(1), 0);
	ck_assert_int_eq(ask("INVITE", "c2", "a", NULL, tcp), 488);
	ck_assert_uint_eq(atomic_load(&load.streams), 2);
}
END_TEST

static void assert_signalled(unsigned line, enum learn_side side, uint16_t port)
{
	const struct session *s = sessions_find(sessions, "c1");
	const struct stream *st = session_stream(s, line);
	const struct learn_channel *ch =
		&stream_learn(st, STREAM_RTP)->ch[side];

	ck_assert_uint_eq(addr_is_none(&ch->sdp) ? 0 : addr_port(&ch->sdp),
			  port);
}

/* An offer that may be refused gets ports for its new lines and moves nothing;
 * that it was accepted is said by the offer once more. */
START_TEST(tentative_offer_moves_nothing)
{
	uint16_t v;

	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
	ck_assert_int_eq(reply("c1", "a", "b", 6000, -1), 302);
	options = ";ph-tentative";
	ck_assert_int_eq(offer("c1", "a", 4100, 5000), 302);
	v = port_of(1);
	ck_assert_uint_ne(v, 0);
	assert_signalled(0, LEARN_FIRST, 4000);
	assert_signalled(1, LEARN_FIRST, 0);
	options = "";
	ck_assert_int_eq(offer("c1", "a", 4100, 5000), 302);
	ck_assert_uint_eq(port_of(1), v);
	assert_signalled(0, LEARN_FIRST, 4100);
	assert_signalled(1, LEARN_FIRST, 5000);
	assert_signalled(0, LEARN_SECOND, 6000);
}
END_TEST

/* The first offer of a call is none that leaves things as they are. */
START_TEST(tentative_offer_begins_a_session)
{
	options = ";ph-tentative";
	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
	options = "";
	assert_signalled(0, LEARN_FIRST, 4000);
}
END_TEST

START_TEST(tags_of_strangers_are_refused)
{
	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
	ck_assert_int_eq(reply("c1", "x", "b", 6000, -1), 403);
	ck_assert_int_eq(reply("c1", "a", "b", 6000, -1), 302);
	ck_assert_int_eq(offer("c1", "x", 6000, -1), 403);
	ck_assert_int_eq(reply("c1", "a", "a", 6000, -1), 403);
	ck_assert_int_eq(reply("c1", "b", "x", 6000, -1), 403);
	ck_assert_int_eq(reply("c1", "b", "a", 4000, -1), 302);
	ck_assert_int_eq(reply("c1", "a", "b2", 6002, -1), 302); /* forked */
	ck_assert_int_eq(offer("c1", "b2", 6002, -1), 302);
	ck_assert_uint_eq(counters.foreign_tag, 4);
}
END_TEST

START_TEST(late_release_of_an_earlier_attempt_frees_nothing)
{
	cseq = 2;
	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
	cseq = 1;
	ck_assert_int_eq(ask("BYE", "c1", "a", NULL, ""), 481);
	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302); /* late as well */
	ck_assert_int_eq(ask("BYE", "c1", "a", NULL, ""), 481);
	ck_assert_uint_eq(sessions_count(sessions), 1);
	ck_assert_int_eq(ask("BYE", "c1", "b", "a", ""), 200);
	ck_assert_uint_eq(sessions_count(sessions), 0);
}
END_TEST

START_TEST(errors_have_their_status)
{
	char text[TEXT_MAX], body[SDP_TEXT];
	struct addr outsider;

	ck_assert_int_eq(reply("none", "a", "b", 4000, -1), 481);
	ck_assert_int_eq(ask("BYE", "none", "a", "b", ""), 481);
	ck_assert_int_eq(ask("INVITE", "c1", "a", NULL, ""), 488);
	ck_assert_int_eq(ask("INVITE", "c1", "a", NULL, "no sdp"), 488);
	ck_assert_int_eq(offer("c1", "a", 0, 0), 488);
	ck_assert_int_eq(ask("SUBSCRIBE", "c1", "a", NULL, ""), 405);
	ck_assert_ptr_nonnull(strstr(answer, "Allow: INVITE, ACK, BYE"));
	ck_assert_int_eq(ask("ACK", "c1", "a", "b", ""), 0);
	addr_parse(&outsider, "127.0.0.2:5070", 0);
	request(text, "INVITE", "c1", "a", NULL, sdp(body, 4000, -1));
	ck_assert_int_eq(ask_from(&outsider, text), 403);
	ck_assert_int_eq(ask_from(&proxy, "not SIP at all"), 0);
	ck_assert_int_eq(ask_from(&proxy, ""), 0);
	ck_assert_uint_eq(counters.untrusted, 1);
	ck_assert_uint_eq(counters.malformed, 2);
	ck_assert_uint_eq(counters.unusable_sdp, 3);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(ports_available(ports, 0), PAIRS);
}
END_TEST

START_TEST(health)
{
	json_t *body;

	offer("c1", "a", 4000, 5000);
	ck_assert_int_eq(ask("OPTIONS", "h", "h", NULL, ""), 200);
	body = json_body();
	ck_assert_int_eq(json_integer_value(json_object_get(body, "sessions")),
			 1);
	ck_assert_int_eq(json_integer_value(json_object_get(body, "streams")),
			 2);
	ck_assert_int_eq(
		json_integer_value(json_object_get(body, "ports_free")),
		PAIRS - 2);
	ck_assert_int_eq(
		json_integer_value(json_object_get(body, "ports_total")),
		PAIRS);
	ck_assert(json_is_false(json_object_get(body, "draining")));
	json_decref(body);
}
END_TEST

/* The patent's own form: the 200 OK itself names the second channel. */
START_TEST(ok_with_sdp_records_the_second_channel)
{
	char text[TEXT_MAX], body[SDP_TEXT];
	uint16_t pa, pb, relay;
	int a = phone(&pa), b = phone(&pb);
	struct addr outsider;

	ck_assert_int_eq(offer("c1", "a", pa, -1), 302);
	relay = port_of(0);
	sdp(body, pb, -1);
	snprintf(text, sizeof(text),
		 "SIP/2.0 200 OK\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK2\r\n"
		 "From: <sip:a@example.com>;tag=a\r\n"
		 "To: <sip:b@example.com>;tag=b\r\n"
		 "Call-ID: c1\r\nCSeq: 1 INVITE\r\n"
		 "Contact: <sip:b@127.0.0.1:5090>\r\n"
		 "Content-Type: application/sdp\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	addr_parse(&outsider, "127.0.0.2:5070", 0);
	ck_assert_int_eq(ask_from(&outsider, text), 0);
	ck_assert(!session_answered(sessions_find(sessions, "c1")));
	ck_assert_int_eq(ask_from(&proxy, text), 0);
	ck_assert(session_answered(sessions_find(sessions, "c1")));
	ck_assert_uint_eq(counters.responses_in, 1);
	send_rtp(a, relay, 7);
	ck_assert_int_eq(heard(b), 7);
	close(a);
	close(b);
}
END_TEST

START_TEST(release_is_answered_alike_when_repeated)
{
	char first[TEXT_MAX];

	offer("c1", "a", 4000, -1);
	ck_assert_int_eq(ask("BYE", "c1", "a", NULL, ""), 200);
	memcpy(first, answer, answer_len + 1);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(ports_quarantined(ports), 1);
	ck_assert_int_eq(ask("BYE", "c1", "a", NULL, ""), 200);
	ck_assert_str_eq(answer, first);
	ck_assert_uint_eq(counters.sessions_released, 1);
	ck_assert_uint_eq(counters.release_repeats, 1);
}
END_TEST

START_TEST(call_is_traced)
{
	json_t *list;

	offer("c1", "a", 4000, -1);
	ask("BYE", "c1", "a", NULL, "");
	list = trace_json(trace, "c1");
	ck_assert_uint_eq(json_array_size(list), 5); /* and a note: released */
	json_decref(list);
}
END_TEST

/* Bytes changed at random: an answer or none, and nothing is lost. */
/* Configuration, and the proxy's wish for its call; for new sessions only, of
 * which every line has it. */
START_TEST(policy_of_learning)
{
	static const struct {
		enum learn_policy configured;
		const char *wanted;
		enum learn_policy is;
	} cases[] = {
		{LEARN_SIGNALLED, "", LEARN_SIGNALLED},
		{LEARN_STRICT, "", LEARN_STRICT},
		{LEARN_STRICT, ";ph-learn=open", LEARN_OPEN},
		{LEARN_OPEN, ";ph-learn=strict", LEARN_STRICT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session_limits lim = {
			.idle_ms = 300000,
			.setup_ms = 200000,
			.policy = cases[i].configured,
		};
		const struct session *s;

		sessions_limit(sessions, &lim);
		options = cases[i].wanted;
		ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
		lim.policy = LEARN_SIGNALLED;
		sessions_limit(sessions, &lim);
		options = ";ph-learn=signalled";
		ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
		s = sessions_find(sessions, "c1");
		ck_assert_int_eq(session_policy(s), cases[i].is);
		for (unsigned line = 0; line < 2; line++)
			ck_assert_int_eq(stream_learn(session_stream(s, line),
						      STREAM_RTP)
						 ->policy,
					 cases[i].is);
		ck_assert_int_eq(ask("BYE", "c1", "a", NULL, ""), 200);
	}
	options = ";ph-learn=careless";
	ck_assert_int_eq(offer("c1", "a", 4000, -1), 400);
}
END_TEST

START_TEST(garbage_does_no_harm)
{
	static const char *const method[] = {"INVITE", "BYE", "OPTIONS"};
	char text[TEXT_MAX], body[SDP_TEXT];

	srandom((unsigned)_i);
	for (unsigned i = 0; i < 2000; i++) {
		request(text, method[random() % 3], random() % 2 ? "c1" : "c2",
			"a", random() % 2 ? "b" : NULL,
			sdp(body, (unsigned)random() % 70000,
			    (int)(random() % 70000)));
		for (long n = random() % 6; n > 0; n--)
			text[(size_t)random() % strlen(text)] =
				(char)(random() % 255 + 1);
		ask_from(&proxy, text);
	}
	ck_assert_uint_eq(ports_available(ports, 0) + ports_quarantined(ports) +
				  atomic_load(&load.streams),
			  PAIRS);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("control");
	Suite *s = suite_create("relayd control");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, resource_is_the_same_when_asked_again);
	tcase_add_test(tc, reoffer_adds_and_stops_lines);
	tcase_add_test(tc, ports_for_what_needs_them);
	tcase_add_test(tc, tentative_offer_moves_nothing);
	tcase_add_test(tc, tentative_offer_begins_a_session);
	tcase_add_test(tc, tags_of_strangers_are_refused);
	tcase_add_test(tc, late_release_of_an_earlier_attempt_frees_nothing);
	tcase_add_test(tc, errors_have_their_status);
	tcase_add_test(tc, health);
	tcase_add_test(tc, ok_with_sdp_records_the_second_channel);
	tcase_add_test(tc, release_is_answered_alike_when_repeated);
	tcase_add_test(tc, call_is_traced);
	tcase_add_test(tc, policy_of_learning);
	tcase_add_loop_test(tc, garbage_does_no_harm, 0, 5);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
