#include "relayd/gone.h"
#include "tests/unit/relayd_fixture.h"

enum { SILENCE_MS = 2, IDLE_MS = 300000 };

static struct gone *gone;
static char notice[TEXT_MAX];
static unsigned notices;
static int answered;

static void on_send(const struct gone_call *call, const char *data, size_t len,
		    void *arg)
{
	(void)arg;
	ck_assert(addr_eq(call->proxy, &proxy));
	ck_assert(addr_eq(call->self, &self));
	ck_assert_uint_lt(len, sizeof(notice));
	memcpy(notice, data, len);
	notice[len] = '\0';
	notices++;
}

static void on_answered(const char *call_id, int status, void *arg)
{
	(void)call_id;
	(void)arg;
	answered = status;
}

/* The fixture's relay, with notices. */
static void setup_gone(void)
{
	setup();
	control_free(control);
	sessions_free(sessions);
	notices = 0;
	answered = -1;
	ck_assert_int_eq(
		gone_alloc(&gone,
			   &(struct gone_config){.deadlines = deadlines,
						 .max = 10,
						 .send = on_send,
						 .answered = on_answered}),
		0);
	sessions_alloc(&sessions,
		       &(struct sessions_config){
			       .env = &env,
			       .ports = ports,
			       .deadlines = deadlines,
			       .journal = journal,
			       .gone = gone,
			       .counters = &counters,
			       .load = &load,
			       .quota = quota,
			       .limits = {.idle_ms = IDLE_MS,
					  .setup_ms = 200000,
					  .silence = {SILENCE_MS, 0}}});
	control_alloc(&control, &(struct control_config){.sessions = sessions,
							 .ports = ports,
							 .load = &load,
							 .journal = journal,
							 .gone = gone,
							 .counters = &counters,
							 .trusted = trusted});
}

static void teardown_gone(void)
{
	gone_free(gone);
	teardown();
}

/* The loop's clock goes on by that much. */
static void pass(uint64_t ms)
{
	uint64_t until = uv_now(&loop) + ms;

	while (uv_now(&loop) < until)
		uv_update_time(&loop);
	deadlines_run(deadlines, uv_now(&loop));
}

static void established(void)
{
	ck_assert_int_eq(offer("c", "a", 4000, -1), 302);
	ck_assert_int_eq(reply("c", "a", "b", 6000, -1), 302);
}

static void proxy_answers(int status)
{
	const char *via = strstr(notice, "Via: ");
	char text[TEXT_MAX];

	ck_assert_ptr_nonnull(via);
	snprintf(text, sizeof(text),
		 "SIP/2.0 %d X\r\n%.*s\r\n"
		 "From: <sip:a@example.com>;tag=a\r\n"
		 "To: <sip:b@example.com>;tag=x\r\n"
		 "Call-ID: c\r\nCSeq: 1 BYE\r\n\r\n",
		 status, (int)strcspn(via, "\r"), via);
	ck_assert_int_eq(ask_from(&proxy, text), 0);
}

START_TEST(the_proxy_gets_the_call_as_it_has_told_it)
{
	established();
	pass(SILENCE_MS);
	ck_assert_uint_eq(notices, 1);
	ck_assert_ptr_nonnull(strstr(notice,
				     "From: <sip:a@example.com>;tag=a\r\n"
				     "To: <sip:b@example.com>\r\n"
				     "Call-ID: c\r\n"
				     "CSeq: 1 BYE\r\n"
				     "Reason: SIP;cause=408;"));
	ck_assert_uint_eq(counters.media_gone, 1);
	/* the resource stays until the proxy has released it */
	ck_assert_uint_eq(sessions_count(sessions), 1);
	proxy_answers(200);
	ck_assert_int_eq(answered, 200);
	pass(2 * SILENCE_MS);
	ck_assert_uint_eq(notices, 1);
	ck_assert_int_eq(ask("BYE", "c", "a", NULL, ""), 200);
	ck_assert_uint_eq(deadlines_count(deadlines), 0);
}
END_TEST

/* With a record of the dialog behind the Call-ID, where there is one. */
static int reply_with(const char *record, const char *body)
{
	char call[256];

	(void)snprintf(call, sizeof(call), "c\r\nPinhole-Dialog: %s", record);
	return ask("INVITE", call, "a", "b", body);
}

/* What it has kept last goes with the notice; a repeated request for the
 * resource does not take it away, one of neither party brings none. */
START_TEST(the_record_of_the_dialog_comes_back)
{
	char body[SDP_TEXT];

	established();
	ck_assert_int_eq(reply_with("mac|old|", sdp(body, 6000, -1)), 302);
	ck_assert_int_eq(reply_with("mac|new|", ""), 302);
	ck_assert_int_eq(offer("c", "a", 4000, -1), 302);
	options = ";ph-begins";
	ck_assert_int_eq(offer("c", "a", 4444, -1), 482);
	options = "";
	ck_assert_uint_eq(counters.call_id_in_use, 1);
	pass(SILENCE_MS);
	ck_assert_uint_eq(notices, 1);
	ck_assert_ptr_nonnull(
		strstr(notice, "\r\nPinhole-Dialog: mac|new|\r\n"));
}
END_TEST

START_TEST(without_a_record_a_call_may_begin_again)
{
	established();
	options = ";ph-begins";
	ck_assert_int_eq(offer("c", "a", 4444, -1), 302);
	options = "";
	/* nor is one taken without a session, or from a stranger */
	ck_assert_int_eq(reply_with("mac|x|", ""), 302);
	ck_assert_int_eq(ask("INVITE", "d\r\nPinhole-Dialog: m|", "a", "b", ""),
			 488);
	ck_assert_int_eq(ask("INVITE", "c\r\nPinhole-Dialog: m|", "z", "b", ""),
			 403);
	pass(SILENCE_MS);
	ck_assert_ptr_nonnull(strstr(notice, "\r\nPinhole-Dialog: mac|x|\r\n"));
}
END_TEST

START_TEST(a_call_that_is_not_answered_is_left_alone)
{
	ck_assert_int_eq(offer("c", "a", 4000, -1), 302);
	pass(2 * SILENCE_MS);
	ck_assert_uint_eq(notices, 0);
}
END_TEST

START_TEST(silence_counts_anew_where_it_was_too_early)
{
	established();
	pass(SILENCE_MS);
	proxy_answers(491);
	ck_assert_int_eq(answered, 491);
	session_was_early(sessions_find(sessions, "c"), uv_now(&loop));
	ck_assert_uint_eq(notices, 1);
	pass(SILENCE_MS);
	ck_assert_uint_eq(notices, 2);
}
END_TEST

START_TEST(a_release_takes_the_notice_back)
{
	established();
	pass(SILENCE_MS);
	ck_assert_uint_eq(gone_count(gone), 1);
	ck_assert_int_eq(ask("BYE", "c", "a", NULL, ""), 200);
	ck_assert_uint_eq(gone_count(gone), 0);
	ck_assert_uint_eq(deadlines_count(deadlines), 0);
}
END_TEST

/* Its proxy is told, unless the call may be resumed. */
static void idle(unsigned told)
{
	sessions_limit(sessions,
		       &(struct session_limits){.idle_ms = SILENCE_MS,
						.silence = {IDLE_MS, 0}});
	/* at the next look */
	session_was_early(sessions_find(sessions, "c"), uv_now(&loop));
	pass(SILENCE_MS);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(counters.sessions_expired, 1);
	ck_assert_uint_eq(notices, told);
}

START_TEST(what_is_idle_is_told_and_ended)
{
	established();
	idle(1);
	proxy_answers(200);
	ck_assert_int_eq(answered, 200);
}
END_TEST

START_TEST(what_is_idle_on_hold_is_ended)
{
	static const char held[] = "v=0\r\nc=IN IP4 127.0.0.1\r\n"
				   "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n";

	established();
	ck_assert_int_eq(ask("INVITE", "c", "a", NULL, held), 302);
	idle(0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_vigil");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup_gone, teardown_gone);
	tcase_add_test(tc, the_record_of_the_dialog_comes_back);
	tcase_add_test(tc, without_a_record_a_call_may_begin_again);
	tcase_add_test(tc, the_proxy_gets_the_call_as_it_has_told_it);
	tcase_add_test(tc, a_call_that_is_not_answered_is_left_alone);
	tcase_add_test(tc, silence_counts_anew_where_it_was_too_early);
	tcase_add_test(tc, a_release_takes_the_notice_back);
	tcase_add_test(tc, what_is_idle_is_told_and_ended);
	tcase_add_test(tc, what_is_idle_on_hold_is_ended);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
