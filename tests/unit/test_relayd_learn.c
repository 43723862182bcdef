#include <check.h>

#include "tests/unit/relayd_learn_fixture.h"

START_TEST(both_behind_nats)
{
	two_nats();
	assert_sendto(LEARN_FIRST, NULL);
	assert_sendto(LEARN_SECOND, NULL);
	ck_assert_int_eq(prove("203.0.113.77:50001", 22, 200), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(prove("198.51.100.28:40001", 11, 100), LEARN_LEARNED);
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
	signal_second();
	ck_assert_int_eq(feed("198.51.100.5:4000", 1, 1), LEARN_LEARNED);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_EXACT);
}
END_TEST

/* 004 Figs. 2b and 2c, steps 160-164: packets go to the signalled port. */
START_TEST(public_asymmetric_client)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	ck_assert_int_eq(prove("198.51.100.5:7777", 1, 3), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(rtp.ch[LEARN_SECOND].rank, LEARN_SDP_IP);
	assert_sendto(LEARN_SECOND, "198.51.100.5:4000");
	ck_assert_int_eq(feed("198.51.100.5:7777", 1, 4), LEARN_FORWARD);
}
END_TEST

/* 004 step 164: the source's IP is not the SDP's, so the source is answered. */
START_TEST(observed_source_is_answered_where_it_is)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.99:4000",
		    "198.51.100.5:5060");
	signal_second();
	assert_sendto(LEARN_FIRST, "198.51.100.99:4000");
	ck_assert_int_eq(prove("198.51.100.5:7777", 1, 3), LEARN_LEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.5:7777");
}
END_TEST

/* Nothing goes to a source on its way to proof, nor is it a trace that helps
 * another. */
START_TEST(nothing_goes_to_the_unproven)
{
	two_nats();
	for (unsigned i = 0; i < LEARN_PROOF - 1; i++) {
		ck_assert_int_eq(feed("198.51.100.28:40001", 1, (uint16_t)i),
				 LEARN_PROBATION);
		ck_assert_int_eq(
			feed("198.51.100.28:40009", 1, (uint16_t)(100 + i)),
			LEARN_PROBATION);
		assert_sendto(LEARN_FIRST, NULL);
		ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_NONE);
	}
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

/* A private branch exchange with a media server beside it: reachable, as its
 * signalling is private too, but not sent to before it has spoken. */
START_TEST(private_sdp_beside_private_signalling)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.6:4000", "10.0.0.5:5060");
	signal_second();
	assert_sendto(LEARN_FIRST, NULL);
	ck_assert_int_eq(prove("10.0.0.6:4000", 1, 3), LEARN_LEARNED);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_EXACT);
	assert_sendto(LEARN_FIRST, "10.0.0.6:4000");
}
END_TEST

/* The private address of a phone behind a NAT is some other host's here. */
START_TEST(private_sdp_of_a_natted_side_means_nobody_here)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.16:4000", "10.0.0.16:5060");
	ck_assert_int_eq(feed("10.0.0.16:4000", 1, 3), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
}
END_TEST

START_TEST(elsewhere_needs_five_in_sequence)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", NULL);
	signal_second();
	for (uint16_t i = 1; i < LEARN_PROOF_ELSEWHERE; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5, i), LEARN_PROBATION);
	ck_assert_int_eq(feed("192.0.2.9:9000", 6, 5), LEARN_PROBATION);
	for (uint16_t i = 6; i < 9; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 6, i), LEARN_PROBATION);
	ck_assert_int_eq(feed("192.0.2.9:9000", 6, 9), LEARN_LEARNED);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_ELSEWHERE);
	assert_sendto(LEARN_FIRST, "192.0.2.9:9000");
}
END_TEST

START_TEST(random_or_repeated_numbers_prove_nothing)
{
	static const char *const observed[] = {NULL, "192.0.2.9:5060"};

	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", observed[_i]);
	signal_second();
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(
			feed("192.0.2.9:9000", 5, (uint16_t)(i * 7919)),
			LEARN_PROBATION);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5, 7), LEARN_PROBATION);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", i, (uint16_t)i),
				 LEARN_PROBATION);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_NONE);
}
END_TEST

/* Packets may overtake each other, and get lost, at the start of a call too. */
START_TEST(loss_and_order_do_not_matter_much)
{
	two_nats();
	feed("198.51.100.28:40001", 1, 65534);
	feed("198.51.100.28:40001", 1, 1);
	ck_assert_int_eq(feed("198.51.100.28:40001", 1, 0), LEARN_PROBATION);
	ck_assert_int_eq(feed("198.51.100.28:40001", 1, 2), LEARN_LEARNED);
}
END_TEST

START_TEST(elsewhere_yields_to_a_better_rank)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", NULL);
	signal_second();
	for (uint16_t i = 0; i < LEARN_PROOF_ELSEWHERE; i++)
		feed("192.0.2.9:9000", 5, i);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_ELSEWHERE);
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	ck_assert_int_eq(prove("198.51.100.28:40001", 1, 3), LEARN_RELEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	ck_assert_int_eq(feed("192.0.2.9:9000", 5, 5), LEARN_STRANGER);
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

/* STUN, DTLS, T.38: two in a row, from a source that fits. */
START_TEST(not_rtp_is_learned_by_address)
{
	two_nats();
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40001"),
			 LEARN_PROBATION);
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40001"),
			 LEARN_LEARNED);
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40001"),
			 LEARN_FORWARD);
	now += 60000; /* and has no sequence to move by */
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40002"),
				 LEARN_STRANGER);
}
END_TEST

START_TEST(not_rtp_from_elsewhere_is_never_learned)
{
	learn_init(&rtp, LEARN_OPEN);
	two_nats();
	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(feed_other(&rtp, NULL, "192.0.2.9:9000"),
				 LEARN_STRANGER);
}
END_TEST

START_TEST(reads_rtp_and_what_is_not)
{
	static const uint8_t voice[12] = {0x80, 0x88, 0x12, 0x34, 0, 0,
					  0,    1,    0xde, 0xad, 0, 1};
	static const uint8_t report[12] = {0x81, 200, 0, 2, 0xbe, 0xef, 0, 2};
	static const uint8_t stun[20] = {0, 1};
	static const uint8_t dtls[13] = {22, 0xfe};
	struct learn_facts f = {0};

	learn_read(&f, voice, sizeof(voice));
	ck_assert(f.is_rtp && !f.is_rtcp);
	ck_assert_uint_eq(f.seq, 0x1234);
	ck_assert_uint_eq(f.ssrc, 0xdead0001);
	learn_read(&f, voice, sizeof(voice) - 1);
	ck_assert(!f.is_rtp && !f.is_rtcp);
	ck_assert_uint_eq(f.ssrc, 0);
	learn_read(&f, report, sizeof(report));
	ck_assert(!f.is_rtp && f.is_rtcp);
	ck_assert_uint_eq(f.ssrc, 0xbeef0002);
	ck_assert_uint_eq(f.seq, 0);
	learn_read(&f, report, 8);
	ck_assert(f.is_rtcp);
	learn_read(&f, report, 7);
	ck_assert(!f.is_rtcp);
	learn_read(&f, stun, sizeof(stun));
	ck_assert(!f.is_rtp && !f.is_rtcp);
	learn_read(&f, dtls, sizeof(dtls));
	ck_assert(!f.is_rtp && !f.is_rtcp);
	learn_read(&f, NULL, 0);
	ck_assert(!f.is_rtp && !f.is_rtcp);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		both_behind_nats,
		public_sdp_is_used_before_any_packet,
		public_asymmetric_client,
		observed_source_is_answered_where_it_is,
		nothing_goes_to_the_unproven,
		private_sdp_is_not_sent_to,
		private_sdp_beside_private_signalling,
		private_sdp_of_a_natted_side_means_nobody_here,
		elsewhere_needs_five_in_sequence,
		loss_and_order_do_not_matter_much,
		elsewhere_yields_to_a_better_rank,
		refused_line_is_closed,
		not_rtp_is_learned_by_address,
		not_rtp_from_elsewhere_is_never_learned,
		reads_rtp_and_what_is_not,
	};
	TCase *tc = tcase_create("learn");
	Suite *s = suite_create("relayd learn");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_loop_test(tc, random_or_repeated_numbers_prove_nothing, 0, 2);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
