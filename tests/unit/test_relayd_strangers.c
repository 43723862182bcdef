#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/relayd_learn_fixture.h"

/* What strangers can do to a stream, state by state (learn.h). */

static const char neighbour[] = "198.51.100.28:40009"; /* of the first phone */

/* Before the answer: a stream, however long, from wherever. */
START_TEST(nothing_is_learned_before_the_answer)
{
	static const char *const sources[] = {
		"192.0.2.9:9000", "198.51.100.28:40009", "198.51.100.5:4000"};
	static const char *const offers[] = {"10.0.0.16:4000", "10.0.0.16:4000",
					     "198.51.100.5:4000"};

	for (uint16_t i = 0; i < 100; i++)
		ck_assert_int_eq(feed(sources[_i], 66, i), LEARN_EARLY);
	signal_side(&rtp, LEARN_FIRST, offers[_i], "198.51.100.28:1024");
	for (uint16_t i = 0; i < 100; i++) {
		ck_assert_int_eq(feed(sources[_i], 66, i), LEARN_EARLY);
		ck_assert_int_eq(feed_other(&rtp, NULL, sources[_i]),
				 LEARN_EARLY);
	}
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_NONE);
	signal_second();
	ck_assert_uint_eq(rtp.plausible.place[0].count, 0);
	ck_assert_uint_eq(rtp.elsewhere.place[0].count, 0);
}
END_TEST

/* Both signalled, nobody has spoken: who fits no side is nobody, whatever he
 * sends, however early; and the phone is not a packet later for it. */
START_TEST(a_race_with_who_does_not_fit)
{
	char src[ADDR_STRLEN];

	two_nats();
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(src, sizeof(src), "192.0.2.%u:9000", i % 20);
		ck_assert_int_eq(feed(src, 66, (uint16_t)(i / 20)),
				 LEARN_STRANGER);
		ck_assert_int_eq(res.stranger, LEARN_FROM_ELSEWHERE);
		assert_sendto(LEARN_FIRST, NULL);
		assert_sendto(LEARN_SECOND, NULL);
	}
	ck_assert_int_eq(prove("198.51.100.28:40001", 11, 100), LEARN_LEARNED);
}
END_TEST

/* A neighbour behind the phone's NAT who sprays: packets, but no stream; one
 * source or many, up to 2000 packets for each of the phone's. */
START_TEST(a_neighbour_who_sprays)
{
	const unsigned sources[] = {1, 3, 50, 2000};
	char src[ADDR_STRLEN];
	unsigned n = 0;

	two_nats();
	for (uint16_t i = 1; i < 4 * CANDIDATE_FIRST_MS / 20; i++) {
		struct learn_facts f = {.is_rtp = true, .ssrc = 66};

		for (unsigned k = 0; k < sources[_i]; k++) {
			snprintf(src, sizeof(src), "198.51.100.28:%u",
				 1024 + n % sources[_i]);
			f.src = at(src);
			f.seq = (uint16_t)(n++ * 997);
			ck_assert_int_eq(
				learn_packet(&res, &rtp, NULL, &f, now),
				LEARN_PROBATION);
		}
		assert_sendto(LEARN_FIRST, NULL);
		now += 20;
	}
	/* the spray lets up, and the phone is in */
	now += CANDIDATE_FIRST_MS + CANDIDATE_UNEVEN_MS;
	ck_assert_int_eq(prove("198.51.100.28:40001", 11, 100), LEARN_LEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
}
END_TEST

/* Five packets from new sources just before each of the phone's: no place is
 * held against a stream for good. */
START_TEST(a_phone_gets_in_between_a_spray)
{
	char src[ADDR_STRLEN];

	two_nats();
	srandom((unsigned)_i);
	for (uint16_t i = 1; i < 500; i++) {
		for (unsigned k = 0; k < 5; k++) {
			snprintf(src, sizeof(src), "198.51.100.28:%ld",
				 1024 + random() % 30000);
			feed(src, 66, (uint16_t)random());
			now -= 18;
		}
		if (feed("198.51.100.28:999", 11, i) == LEARN_LEARNED)
			break;
		now -= 10;
	}
	assert_sendto(LEARN_FIRST, "198.51.100.28:999");
}
END_TEST

START_TEST(nothing_once_learned)
{
	struct learn before;

	two_nats_learned();
	before = rtp;
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(
			feed("192.0.2.9:9000", 11, (uint16_t)(101 + i)),
			LEARN_STRANGER);
		ck_assert_int_eq(res.stranger, LEARN_FROM_ELSEWHERE);
		ck_assert_int_eq(feed("198.51.100.28:40002", 77, (uint16_t)i),
				 LEARN_STRANGER);
		ck_assert_int_eq(res.stranger, LEARN_FROM_BESIDE);
		ck_assert_int_eq(feed_other(&rtp, NULL, "203.0.113.77:6"),
				 LEARN_STRANGER);
	}
	ck_assert_mem_eq(&rtp, &before, sizeof(rtp));
}
END_TEST

/* The right SSRC, the right numbers, the wrong address, next to the true one:
 * from the same IP, the same network, and anywhere; under every policy. */
START_TEST(a_spoofed_stream_beside_the_true_one)
{
	static const char *const sources[] = {neighbour, "198.51.100.77:7",
					      "192.0.2.9:9000"};

	learn_init(&rtp, (enum learn_policy)(_i / 3));
	two_nats_learned();
	for (uint16_t i = 101; i < 400; i++) {
		ck_assert_int_eq(feed(sources[_i % 3], 11, i), LEARN_STRANGER);
		ck_assert_int_eq(feed("198.51.100.28:40001", 11, i),
				 LEARN_FORWARD);
		ck_assert_int_eq(feed(sources[_i % 3], 11, (uint16_t)(i + 1)),
				 LEARN_STRANGER);
	}
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
}
END_TEST

/* A call on hold is silent: a stream of his own gets him nothing. */
START_TEST(a_silent_call_is_not_taken)
{
	two_nats_learned();
	now += 60000;
	for (uint16_t i = 0; i < 500; i++) {
		ck_assert_int_eq(feed(neighbour, 66, i), LEARN_STRANGER);
		ck_assert_int_eq(feed("192.0.2.9:9000", 66, i), LEARN_STRANGER);
	}
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
}
END_TEST

/* Signalling opens the side again, but not to him while the phone speaks. */
START_TEST(new_signalling_is_no_opening_while_the_phone_speaks)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	for (uint16_t i = 101; i < 500; i++) {
		ck_assert_int_eq(feed("198.51.100.28:40001", 11, i),
				 LEARN_FORWARD);
		ck_assert_int_ge(feed(neighbour, 66, i), LEARN_PROBATION);
		ck_assert_int_eq(feed("192.0.2.9:9000", 66, i), LEARN_STRANGER);
	}
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
}
END_TEST

/* Two packets that are not RTP make him the phone, but not against its RTP. */
START_TEST(a_squatter_without_rtp_yields_to_rtp)
{
	two_nats();
	feed_other(&rtp, NULL, neighbour);
	ck_assert_int_eq(feed_other(&rtp, NULL, neighbour), LEARN_LEARNED);
	for (uint16_t i = 0; i < LEARN_QUIET_MS / 20; i++)
		feed("198.51.100.28:40001", 11, i);
	ck_assert_int_eq(res.verdict, LEARN_RELEARNED);
	ck_assert_int_eq(res.cause, LEARN_BY_RTP);
	ck_assert_int_eq(feed_other(&rtp, NULL, neighbour), LEARN_STRANGER);
}
END_TEST

/* Two phones behind one NAT alternate (Fig. 11, last step); a third is one too
 * many. */
START_TEST(two_phones_behind_one_nat)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.17:4000", "198.51.100.28:1025");
	ck_assert_int_eq(prove("198.51.100.28:40001", 1, 3), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	ck_assert_int_eq(prove("198.51.100.28:40002", 2, 3), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(feed("198.51.100.28:40003", 3, 1), LEARN_STRANGER);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	assert_sendto(LEARN_SECOND, "198.51.100.28:40002");
}
END_TEST

START_TEST(the_relay_itself_is_a_stranger)
{
	learn_result_relay(&res);
	ck_assert_int_eq(res.verdict, LEARN_STRANGER);
	ck_assert_int_eq(res.stranger, LEARN_FROM_RELAY);
	ck_assert_str_eq(res.reason, "source is the relay itself");
}
END_TEST

/*
 * Whatever a stranger sends, from wherever but the very addresses of the call,
 * neither channel's destination changes while the call talks.
 */
START_TEST(no_stranger_moves_a_live_call)
{
	char src[ADDR_STRLEN];

	srandom((unsigned)_i);
	learn_init(&rtp, (enum learn_policy)(_i % 3));
	two_nats_learned();
	for (unsigned i = 1; i < 2000; i++) {
		struct learn_facts f = {0};
		bool near = random() % 2; /* same IP as a phone, other port */

		snprintf(src, sizeof(src), "%s:%ld",
			 near ? "198.51.100.28" : "192.0.2.77",
			 1024 + random() % 30000);
		f.src = at(src);
		f.is_rtp = random() % 4;
		f.ssrc = random() % 2 ? 11 : (uint32_t)random();
		f.seq = (uint16_t)(random() % 2 ? 100 + i : random());
		ck_assert_int_ge(learn_packet(&res, &rtp, NULL, &f, now),
				 LEARN_PROBATION);
		ck_assert_int_eq(
			feed("198.51.100.28:40001", 11, (uint16_t)(100 + i)),
			LEARN_FORWARD);
		assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
		assert_sendto(LEARN_SECOND, "203.0.113.77:50001");
	}
}
END_TEST

/* The sides are served at different addresses: what comes in at one of them is
 * never the other one's, not even from its very source. */
START_TEST(a_side_is_not_where_it_is_not_served)
{
	struct learn_facts f = {.ssrc = 2, .is_rtp = true};

	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000", "198.51.100.5");
	signal_side(&rtp, LEARN_SECOND, "203.0.113.50:6000", "203.0.113.50");
	f.src = at("203.0.113.50:6000");
	f.elsewhere = 1U << LEARN_SECOND;
	for (f.seq = 1; f.seq < 20; f.seq++)
		ck_assert_int_eq(learn_packet(&res, &rtp, NULL, &f, now),
				 LEARN_STRANGER);
	f.elsewhere = 1U << LEARN_FIRST;
	ck_assert_int_eq(learn_packet(&res, &rtp, NULL, &f, now),
			 LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	f.elsewhere = 1U << LEARN_SECOND;
	ck_assert_int_eq(learn_packet(&res, &rtp, NULL, &f, now),
			 LEARN_STRANGER);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_race_with_who_does_not_fit,
		nothing_once_learned,
		a_silent_call_is_not_taken,
		new_signalling_is_no_opening_while_the_phone_speaks,
		a_squatter_without_rtp_yields_to_rtp,
		two_phones_behind_one_nat,
		the_relay_itself_is_a_stranger,
		a_side_is_not_where_it_is_not_served,
	};
	TCase *tc = tcase_create("strangers");
	Suite *s = suite_create("relayd strangers");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_loop_test(tc, nothing_is_learned_before_the_answer, 0, 3);
	tcase_add_loop_test(tc, a_neighbour_who_sprays, 0, 4);
	tcase_add_loop_test(tc, a_phone_gets_in_between_a_spray, 0, 20);
	tcase_add_loop_test(tc, a_spoofed_stream_beside_the_true_one, 0, 9);
	tcase_add_loop_test(tc, no_stranger_moves_a_live_call, 0, 12);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
