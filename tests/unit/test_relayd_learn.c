#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/relayd_learn_fixture.h"

START_TEST(both_behind_nats)
{
	two_nats();
	assert_sendto(LEARN_FIRST, NULL);
	assert_sendto(LEARN_SECOND, NULL);
	ck_assert_int_eq(feed("203.0.113.77:50001", 22, 200), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 100), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	assert_sendto(LEARN_SECOND, "203.0.113.77:50001");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(res.from, LEARN_FIRST);
}
END_TEST

START_TEST(public_sdp_is_used_before_any_packet)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	assert_sendto(LEARN_FIRST, "198.51.100.5:4000");
	ck_assert_int_eq(feed("198.51.100.5:4000", 1, 1), LEARN_LEARNED);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_EXACT);
}
END_TEST

/* 004 Figs. 2b and 2c, steps 160-164: packets go to the signalled port. */
START_TEST(public_asymmetric_client)
{
	signal_side(&rtp, LEARN_SECOND, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	ck_assert_int_eq(feed("198.51.100.5:7777", 1, 1), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(rtp.ch[LEARN_SECOND].rank, LEARN_SDP_IP);
	assert_sendto(LEARN_SECOND, "198.51.100.5:4000");
	ck_assert_int_eq(feed("198.51.100.5:7777", 1, 2), LEARN_FORWARD);
}
END_TEST

/* 004 step 164: the source's IP is not the SDP's, so the source is answered. */
START_TEST(observed_source_is_answered_where_it_is)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.99:4000",
		    "198.51.100.5:5060");
	assert_sendto(LEARN_FIRST, "198.51.100.99:4000");
	ck_assert_int_eq(feed("198.51.100.5:7777", 1, 1), LEARN_LEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.5:7777");
}
END_TEST

START_TEST(nothing_is_learned_before_signalling)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	for (uint16_t i = 0; i < 20; i++)
		ck_assert_int_eq(feed("203.0.113.77:50001", 22, i),
				 LEARN_EARLY);
	ck_assert_int_eq(rtp.ch[LEARN_SECOND].rank, LEARN_NONE);
}
END_TEST

START_TEST(private_sdp_is_not_sent_to)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	assert_sendto(LEARN_FIRST, NULL);
	signal_side(&rtp, LEARN_SECOND, "127.0.0.1:22", "198.51.100.28:1024");
	assert_sendto(LEARN_SECOND, NULL);
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "10.0.0.16:5060");
	assert_sendto(LEARN_FIRST, "10.0.0.16:4000");
	signal_side(&rtp, LEARN_SECOND, "127.0.0.1:4000", "127.0.0.1:5060");
	assert_sendto(LEARN_SECOND, "127.0.0.1:4000");
	signal_side(&rtp, LEARN_FIRST, "224.0.0.1:4000", "224.0.0.1:5060");
	assert_sendto(LEARN_FIRST, NULL);
	signal_side(&rtp, LEARN_FIRST, NULL, NULL);
	assert_sendto(LEARN_FIRST, NULL);
}
END_TEST

START_TEST(elsewhere_needs_five_in_sequence)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 1; i < LEARN_PROOF_PACKETS; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5, i), LEARN_PROBATION);
	ck_assert_int_eq(feed("192.0.2.9:9000", 6, 5), LEARN_PROBATION);
	for (uint16_t i = 6; i < 9; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 6, i), LEARN_PROBATION);
	ck_assert_int_eq(feed("192.0.2.9:9000", 6, 9), LEARN_LEARNED);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_ELSEWHERE);
	assert_sendto(LEARN_FIRST, "192.0.2.9:9000");
}
END_TEST

START_TEST(elsewhere_random_or_repeated_numbers_prove_nothing)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(
			feed("192.0.2.9:9000", 5, (uint16_t)(i * 7919)),
			LEARN_PROBATION);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5, 7), LEARN_PROBATION);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(feed_other(&rtp, NULL, "192.0.2.9:9000"),
				 LEARN_EARLY);
}
END_TEST

START_TEST(elsewhere_candidate_is_not_evicted_by_a_spray)
{
	char spray[ADDR_STRLEN];

	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 1; i < LEARN_PROOF_PACKETS; i++) {
		feed("192.0.2.9:9000", 5, i);
		for (int k = 0; k < 10; k++) {
			snprintf(spray, sizeof(spray), "192.0.2.66:%d",
				 1000 + k);
			ck_assert_int_eq(feed(spray, 99, (uint16_t)k),
					 LEARN_PROBATION);
		}
	}
	ck_assert_int_eq(feed("192.0.2.9:9000", 5, 5), LEARN_LEARNED);
}
END_TEST

START_TEST(elsewhere_yields_to_a_better_rank)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 0; i < LEARN_PROOF_PACKETS; i++)
		feed("192.0.2.9:9000", 5, i);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_ELSEWHERE);
	ck_assert_int_eq(feed("198.51.100.28:40001", 1, 1), LEARN_RELEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	ck_assert_int_eq(feed("192.0.2.9:9000", 5, 5), LEARN_EARLY);
}
END_TEST

START_TEST(elsewhere_is_refused_where_the_sdp_is_public)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	for (uint16_t i = 0; i < 20; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5, i), LEARN_EARLY);
	assert_sendto(LEARN_FIRST, "198.51.100.5:4000");
}
END_TEST

START_TEST(elsewhere_private_source_only_beside_private_signalling)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 0; i < 20; i++)
		ck_assert_int_eq(feed("10.9.9.9:9000", 5, i), LEARN_EARLY);
	signal_side(&rtp, LEARN_SECOND, "10.0.0.6:4000", "10.0.0.5:5060");
	for (uint16_t i = 0; i < LEARN_PROOF_PACKETS; i++)
		feed("10.0.0.6:9000", 5, i);
	ck_assert_int_eq(res.verdict, LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
}
END_TEST

START_TEST(strangers_get_nothing_once_learned)
{
	struct learn before;

	two_nats_learned();
	before = rtp;
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(
			feed("192.0.2.9:9000", 11, (uint16_t)(101 + i)),
			LEARN_STRANGER);
		ck_assert_int_eq(feed("198.51.100.28:40002", 77, (uint16_t)i),
				 LEARN_STRANGER);
		ck_assert_int_eq(feed_other(&rtp, NULL, "203.0.113.77:6"),
				 LEARN_STRANGER);
	}
	ck_assert_mem_eq(&rtp, &before, sizeof(rtp));
}
END_TEST

/* Fig. 11, last step: alternating. */
START_TEST(two_phones_behind_one_nat_alternate)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.17:4000", "198.51.100.28:1025");
	ck_assert_int_eq(feed("198.51.100.28:40001", 1, 1), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	ck_assert_int_eq(feed("198.51.100.28:40002", 2, 1), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(feed("198.51.100.28:40003", 3, 1), LEARN_STRANGER);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	assert_sendto(LEARN_SECOND, "198.51.100.28:40002");
}
END_TEST

START_TEST(refused_line_is_closed)
{
	two_nats_learned();
	learn_close(&rtp, LEARN_SECOND);
	assert_sendto(LEARN_SECOND, NULL);
	ck_assert_int_eq(feed("203.0.113.77:50001", 22, 201), LEARN_EARLY);
}
END_TEST

START_TEST(not_rtp_is_learned_by_address_alone)
{
	two_nats();
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40001"),
			 LEARN_LEARNED);
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40001"),
			 LEARN_FORWARD);
	now += 60000; /* and has no sequence to move by */
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40002"),
			 LEARN_STRANGER);
}
END_TEST

START_TEST(rtcp_needs_the_ip_of_its_rtp)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtcp, LEARN_FIRST, "10.0.0.16:4001", "198.51.100.28:1024");
	for (uint16_t i = 0; i < LEARN_PROOF_PACKETS; i++)
		feed("192.0.2.9:9000", 5, i);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.10:9001"),
			 LEARN_EARLY);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.9:9001"),
			 LEARN_LEARNED);
	ck_assert_int_eq(rtcp.ch[LEARN_FIRST].rank, LEARN_PAIRED);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.9:9002"),
			 LEARN_EARLY);
	/* a side nobody signalled takes none */
	rtp.ch[LEARN_SECOND] = rtp.ch[LEARN_FIRST];
	addr_set_port(&rtp.ch[LEARN_SECOND].source, 9);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.9:9003"),
			 LEARN_EARLY);
	learn_close(&rtp, LEARN_SECOND);
	/* RTP moves, RTCP may follow */
	feed("198.51.100.28:40001", 1, 1);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "198.51.100.28:40002"),
			 LEARN_RELEARNED);
	now += LEARN_RTCP_SILENCE_MS;
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.9:9001"),
			 LEARN_EARLY);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "198.51.100.28:40003"),
			 LEARN_RELEARNED);
}
END_TEST

START_TEST(reads_rtp_and_what_is_not)
{
	static const uint8_t voice[12] = {0x80, 0x88, 0x12, 0x34, 0, 0,
					  0,    1,    0xde, 0xad, 0, 1};
	static const uint8_t report[12] = {0x81, 200};
	static const uint8_t stun[20] = {0, 1};
	static const uint8_t dtls[13] = {22, 0xfe};
	struct learn_facts f = {0};

	learn_read(&f, voice, sizeof(voice));
	ck_assert(f.is_rtp);
	ck_assert_uint_eq(f.seq, 0x1234);
	ck_assert_uint_eq(f.ssrc, 0xdead0001);
	learn_read(&f, voice, sizeof(voice) - 1);
	ck_assert(!f.is_rtp);
	ck_assert_uint_eq(f.ssrc, 0);
	learn_read(&f, report, sizeof(report));
	ck_assert(!f.is_rtp);
	learn_read(&f, stun, sizeof(stun));
	ck_assert(!f.is_rtp);
	learn_read(&f, dtls, sizeof(dtls));
	ck_assert(!f.is_rtp);
	learn_read(&f, NULL, 0);
	ck_assert(!f.is_rtp);
}
END_TEST

/*
 * Whatever a stranger sends, from wherever but the two networks of the call,
 * neither channel's destination changes while the call talks.
 */
START_TEST(no_stranger_moves_a_live_call)
{
	char src[ADDR_STRLEN];

	srandom((unsigned)_i);
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

int main(void)
{
	const TTest *const tests[] = {
		both_behind_nats,
		public_sdp_is_used_before_any_packet,
		public_asymmetric_client,
		observed_source_is_answered_where_it_is,
		nothing_is_learned_before_signalling,
		private_sdp_is_not_sent_to,
		elsewhere_needs_five_in_sequence,
		elsewhere_random_or_repeated_numbers_prove_nothing,
		elsewhere_candidate_is_not_evicted_by_a_spray,
		elsewhere_yields_to_a_better_rank,
		elsewhere_is_refused_where_the_sdp_is_public,
		elsewhere_private_source_only_beside_private_signalling,
		strangers_get_nothing_once_learned,
		two_phones_behind_one_nat_alternate,
		refused_line_is_closed,
		not_rtp_is_learned_by_address_alone,
		rtcp_needs_the_ip_of_its_rtp,
		reads_rtp_and_what_is_not,
	};
	TCase *tc = tcase_create("learn");
	Suite *s = suite_create("relayd learn");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_loop_test(tc, no_stranger_moves_a_live_call, 0, 10);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
