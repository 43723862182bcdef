#include "tests/unit/relayd_fixture.h"
#include "relayd/answers.h"

static json_int_t packets(const json_t *body, const char *side)
{
	const json_t *st = json_array_get(json_object_get(body, "streams"), 0);
	const json_t *part = json_object_get(
		json_object_get(json_object_get(st, "rtp"), side), "packets");

	ck_assert(json_is_integer(part));
	return json_integer_value(part);
}

START_TEST(no_ports_is_all_or_nothing)
{
	char call[32];

	quota_limit(quota, &(struct quota_limits){.sessions = 1000});
	for (unsigned i = 0; i < PAIRS - 1; i++) {
		snprintf(call, sizeof(call), "call%u", i);
		ck_assert_int_eq(offer(call, "a", 4000, -1), 302);
	}
	ck_assert_int_eq(offer("two", "a", 4000, 5000), 486);
	ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: "));
	ck_assert_ptr_null(sessions_find(sessions, "two"));
	ck_assert_uint_eq(atomic_load(&load.streams), PAIRS - 1);
	/* a re-offer that cannot be served leaves the session as it was;
	 * the pair that was tried and given back rests */
	ck_assert_int_eq(offer("call0", "a", 4000, 5000), 486);
	ck_assert_int_eq(offer("call0", "a", 4000, -1), 302);
	ck_assert_uint_eq(atomic_load(&load.streams), PAIRS - 1);
	ck_assert_uint_eq(counters.no_ports, 2);
	ck_assert_uint_eq(quota_sessions(quota), PAIRS - 1);
}
END_TEST

START_TEST(limit_and_drain)
{
	char call[32];

	for (unsigned i = 0; i < 10; i++) {
		snprintf(call, sizeof(call), "call%u", i);
		ck_assert_int_eq(offer(call, "a", 4000, -1), 302);
	}
	ck_assert_int_eq(offer("more", "a", 4000, -1), 503);
	for (unsigned i = 1; i < 10; i++) {
		snprintf(call, sizeof(call), "call%u", i);
		ck_assert_int_eq(ask("BYE", call, "a", NULL, ""), 200);
	}
	atomic_store(&load.draining, true);
	ck_assert_int_eq(offer("new", "a", 4000, -1), 503);
	ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: "));
	ck_assert_int_eq(reply("call0", "a", "b", 6000, -1), 302);
	ck_assert_int_eq(ask("BYE", "call0", "a", "b", ""), 200);
	ck_assert_uint_eq(atomic_load(&load.sessions), 0);
	ck_assert_uint_eq(atomic_load(&load.streams), 0);
}
END_TEST

/* Each says why and when to come again, and nothing of the call is left. */
START_TEST(quotas_refuse)
{
	struct quota_meter m = {0};

	quota_limit(quota, &(struct quota_limits){.sessions = 1});
	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
	ck_assert_int_eq(offer("c2", "a", 4000, -1), 503);
	ck_assert_ptr_nonnull(strstr(answer, "503 Too Many Sessions\r\n"));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: 5\r\n"));
	quota_limit(quota, &(struct quota_limits){.sessions = 9, .rate = 1});
	ck_assert_int_eq(offer("c2", "a", 4000, -1), 302);
	ck_assert_int_eq(offer("c3", "a", 4000, -1), 503);
	ck_assert_ptr_nonnull(strstr(answer, "503 Too Many New Sessions\r\n"));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: 1\r\n"));
	quota_limit(quota,
		    &(struct quota_limits){.sessions = 9, .bandwidth = 8000});
	quota_traffic(quota, &m, 0, 1000);
	quota_traffic(quota, &m, 1001, 2000);
	ck_assert_int_eq(offer("c3", "a", 4000, -1), 503);
	ck_assert_ptr_nonnull(strstr(answer, "503 Too Much Media\r\n"));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: 5\r\n"));
	/* those there are go on */
	ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
	ck_assert_int_eq(reply("c1", "a", "b", 6000, 7000), 302);
	ck_assert_uint_eq(atomic_load(&load.sessions), 2);
	ck_assert_uint_eq(quota_sessions(quota), 2);
	ck_assert_uint_eq(sessions_count(sessions), 2);
	ck_assert_uint_eq(counters.full, 1);
	ck_assert_uint_eq(counters.rate_exceeded, 1);
	ck_assert_uint_eq(counters.bandwidth_exceeded, 1);
	ck_assert_uint_eq(counters.overload, 0);
	ck_assert_int_eq(ask("BYE", "c1", "a", "b", ""), 200);
	ck_assert_int_eq(ask("BYE", "c2", "a", NULL, ""), 200);
	ck_assert_uint_eq(quota_sessions(quota), 0);
}
END_TEST

START_TEST(media_flows_and_is_counted)
{
	uint16_t pa, pb, px, relay;
	int a = phone(&pa), b = phone(&pb), x = phone(&px);
	json_t *body;

	ck_assert_int_eq(offer("c1", "a", pa, -1), 302);
	relay = port_of(0);
	ck_assert_int_eq(reply("c1", "a", "b", pb, -1), 302);
	send_rtp(a, relay, 1);
	ck_assert_int_eq(heard(b), 1);
	send_rtp(b, relay, 2);
	ck_assert_int_eq(heard(a), 2);
	send_rtp(x, relay, 3); /* in front of the next: would be heard first */
	send_rtp(a, relay, 4);
	ck_assert_int_eq(heard(b), 4);
	ck_assert_uint_eq(counters.stranger_packets, 1);
	ck_assert_int_eq(ask("BYE", "c1", "a", "b", ""), 200);
	body = json_body();
	ck_assert_int_eq(packets(body, "first"), 2);
	ck_assert_int_eq(packets(body, "second"), 1);
	json_decref(body);
	close(a);
	close(b);
	close(x);
}
END_TEST

START_TEST(answers_are_kept_for_their_time)
{
	struct answers *a;

	ck_assert_int_eq(answers_alloc(&a, 2), 0);
	ck_assert_int_eq(answers_put(a, "one", strdup("1"), 0), 0);
	ck_assert_str_eq(answers_get(a, "one", ANSWERS_KEEP_MS - 1), "1");
	ck_assert_ptr_null(answers_get(a, "one", ANSWERS_KEEP_MS));
	answers_put(a, "one", strdup("1"), 0);
	answers_put(a, "two", strdup("2"), 1);
	answers_put(a, "one", strdup("1b"), 2);
	ck_assert_uint_eq(answers_count(a), 2);
	answers_put(a, "three", strdup("3"), 3);
	ck_assert_uint_eq(answers_count(a), 2);
	ck_assert_ptr_null(answers_get(a, "two", 3));
	ck_assert_str_eq(answers_get(a, "one", 3), "1b");
	answers_free(a);
}
END_TEST

START_TEST(silence_ends_a_session)
{
	uint64_t t = uv_now(&loop);

	offer("ringing", "a", 4000, -1);
	offer("talking", "a", 4000, -1);
	reply("talking", "a", "b", 6000, -1);
	ck_assert_uint_eq(deadlines_count(deadlines), 2);
	/* the clock of the loop stands still: due, but not silent for so
	 * long, is looked at again later */
	deadlines_run(deadlines, t + 200000);
	ck_assert_uint_eq(sessions_count(sessions), 2);
	ck_assert_uint_eq(deadlines_count(deadlines), 2);
	sessions_limit(sessions, &(struct session_limits){.idle_ms = 300000});
	deadlines_run(deadlines, t + 200000);
	ck_assert_ptr_null(sessions_find(sessions, "ringing"));
	ck_assert_ptr_nonnull(sessions_find(sessions, "talking"));
	sessions_limit(sessions, &(struct session_limits){0});
	deadlines_run(deadlines, t + 300000);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(counters.sessions_expired, 2);
	ck_assert_uint_eq(deadlines_count(deadlines), 0);
}
END_TEST

/* An SDP that names the relay, or a proxy's SIP port, is not sent to. */
START_TEST(media_never_goes_to_signalling_or_itself)
{
	const struct stream *st;
	const struct learn *l;
	uint16_t relay;

	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
	relay = port_of(0);
	st = session_stream(sessions_find(sessions, "c1"), 0);
	l = stream_learn(st, STREAM_RTP);
	ck_assert_uint_eq(addr_port(&l->ch[LEARN_FIRST].sendto), 4000);
	for (unsigned i = 0; i < 5; i++) {
		const unsigned bad[] = {5060, 5062, 5069, 5070, relay};

		ck_assert_int_eq(reply("c1", "a", "b", bad[i], -1), 302);
		ck_assert(addr_is_none(&l->ch[LEARN_SECOND].sendto));
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("session");
	Suite *s = suite_create("relayd session");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_ports_is_all_or_nothing);
	tcase_add_test(tc, limit_and_drain);
	tcase_add_test(tc, quotas_refuse);
	tcase_add_test(tc, media_flows_and_is_counted);
	tcase_add_test(tc, answers_are_kept_for_their_time);
	tcase_add_test(tc, silence_ends_a_session);
	tcase_add_test(tc, media_never_goes_to_signalling_or_itself);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
