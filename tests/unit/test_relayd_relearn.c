#include <check.h>

#include "tests/unit/relayd_learn_fixture.h"

static void assert_moved(enum learn_verdict verdict, enum learn_cause cause)
{
	ck_assert_int_eq(verdict, LEARN_RELEARNED);
	ck_assert_int_eq(res.cause, cause);
}

START_TEST(exact_source_displaces_one_of_the_same_ip)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	signal_second();
	prove("198.51.100.5:6666", 6, 3);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_SDP_IP);
	assert_moved(prove("198.51.100.5:4000", 1, 3), LEARN_BY_RANK);
	ck_assert_int_eq(feed("198.51.100.5:6666", 6, 4), LEARN_STRANGER);
}
END_TEST

/* An asymmetric client that now and then sends something from the port it
 * listens on (a keepalive, STUN) goes on being heard. */
START_TEST(a_keepalive_from_the_listening_port_displaces_nothing)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	signal_second();
	prove("198.51.100.5:6666", 6, 3);
	for (uint16_t i = 4; i < 50; i++) {
		ck_assert_int_ge(feed_other(&rtp, NULL, "198.51.100.5:4000"),
				 LEARN_PROBATION);
		ck_assert_int_eq(feed("198.51.100.5:6666", 6, i),
				 LEARN_FORWARD);
	}
}
END_TEST

/* As above with the labels crossed: the phone that moves must not displace
 * the one that talks. */
START_TEST(two_phones_behind_one_nat_one_moves)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.17:4000", "198.51.100.28:1025");
	prove("198.51.100.28:40002", 2, 3); /* the second, taken for first */
	prove("198.51.100.28:40001", 1, 3);
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	for (uint16_t i = 4; i < 4 + LEARN_QUIET_MS / 20; i++)
		ck_assert_int_eq(feed("198.51.100.28:40002", 2, i),
				 LEARN_FORWARD);
	assert_moved(prove("198.51.100.28:40009", 9, 3), LEARN_BY_SIGNALLING);
	ck_assert_int_eq(feed("198.51.100.28:40002", 2, 20), LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40009", 9, 4), LEARN_FORWARD);
}
END_TEST

START_TEST(moves_after_silence_with_ssrc_and_sequence)
{
	two_nats_learned();
	ck_assert_int_eq(feed("198.51.100.28:40007", 11, 101), LEARN_STRANGER);
	now += LEARN_SILENCE_MS;
	ck_assert_int_eq(feed("198.51.100.28:40007", 12, 101), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40007", 11, 100), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40007", 11, 99), LEARN_STRANGER);
	ck_assert_int_eq(
		feed("198.51.100.28:40007", 11, 101 + LEARN_SILENCE_GAP),
		LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.101.28:40007", 11, 101), LEARN_STRANGER);
	assert_moved(feed("198.51.100.28:40007", 11, 101), LEARN_BY_STREAM);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40007");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 102), LEARN_STRANGER);
}
END_TEST

/* A mapping that changes while the phone speaks: heard again within 2 s. */
START_TEST(a_mapping_that_changes_costs_less_than_two_seconds)
{
	unsigned lost = 0;

	two_nats_learned();
	while (feed("198.51.100.28:40007", 11, (uint16_t)(101 + lost)) !=
	       LEARN_RELEARNED)
		lost++;
	ck_assert_uint_lt(lost * 20, 2000);
}
END_TEST

START_TEST(moves_within_the_network_only)
{
	two_nats_learned();
	now += LEARN_SILENCE_MS;
	assert_moved(feed("198.51.100.200:1", 11, 101), LEARN_BY_STREAM);
	assert_sendto(LEARN_FIRST, "198.51.100.200:1");
	/* and the phone of the signalling takes it back at once */
	assert_moved(feed("198.51.100.28:40001", 11, 102), LEARN_BY_RANK);
}
END_TEST

START_TEST(moves_within_64_in_ipv6)
{
	signal_side(&rtp, LEARN_FIRST, "[2001:db8:1:2::1]:4000",
		    "[2001:db8:1:2::1]:5060");
	signal_second();
	feed("[2001:db8:1:2::1]:4000", 1, 65535);
	now += LEARN_SILENCE_MS;
	ck_assert_int_eq(feed("[2001:db8:1:3::9]:4000", 1, 0), LEARN_STRANGER);
	assert_moved(feed("[2001:db8:1:2::9]:4000", 1, 0), LEARN_BY_STREAM);
}
END_TEST

START_TEST(unchanged_signalling_resets_nothing)
{
	two_nats_learned();
	two_nats();
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	assert_sendto(LEARN_SECOND, "203.0.113.77:50001");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40002", 66, 1), LEARN_STRANGER);
	ck_assert_int_eq(feed("203.0.113.77:50001", 22, 201), LEARN_FORWARD);
}
END_TEST

/* An answer comes again (183, 200, retransmissions) while a phone is on its way
 * to proof. */
START_TEST(unchanged_signalling_costs_no_packet)
{
	two_nats();
	feed("198.51.100.28:40001", 11, 1);
	two_nats();
	feed("198.51.100.28:40001", 11, 2);
	two_nats();
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 3), LEARN_LEARNED);
}
END_TEST

/* A mapping that timed out on hold: the re-INVITE repeats the SDP. */
START_TEST(repeated_signalling_frees_a_silent_source)
{
	two_nats_learned();
	now += 60000;
	ck_assert_int_eq(feed("198.51.100.28:40002", 66, 1), LEARN_STRANGER);
	two_nats();
	assert_moved(prove("198.51.100.28:40002", 66, 3), LEARN_BY_REPEAT);
	ck_assert_int_eq(feed("198.51.100.28:40003", 67, 1), LEARN_STRANGER);
}
END_TEST

START_TEST(new_signalling_moves_the_channel)
{
	unsigned waited = 0;

	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(feed("192.0.2.9:9000", 1, 1), LEARN_STRANGER);
	while (feed("198.51.100.28:40005", 1, (uint16_t)waited) ==
	       LEARN_PROBATION)
		waited++;
	assert_moved(res.verdict, LEARN_BY_SIGNALLING);
	/* as long as the old one may still be speaking, and no longer */
	ck_assert_uint_le(waited * 20, LEARN_QUIET_MS);
	ck_assert_int_eq(feed("198.51.100.28:40006", 1, 1), LEARN_STRANGER);
}
END_TEST

/* A stream that goes on need not prove itself again. */
START_TEST(new_signalling_and_the_same_stream)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	now += LEARN_QUIET_MS;
	assert_moved(feed("198.51.100.28:40005", 11, 103), LEARN_BY_SIGNALLING);
}
END_TEST

START_TEST(new_signalling_settles)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	now += LEARN_SETTLE_MS;
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40005", 1, 1), LEARN_STRANGER);
}
END_TEST

/* Wi-Fi to mobile, a re-INVITE from there: heard again with its next packet, or
 * the third where the stream is a new one; though the old network still
 * delivers. */
START_TEST(hand_over_to_another_network)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "100.64.3.4:4000", "192.0.2.80:1024");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	if (_i)
		assert_moved(prove("192.0.2.80:7000", 99, 150),
			     LEARN_BY_SIGNALLING);
	else
		assert_moved(feed("192.0.2.80:7000", 11, 150),
			     LEARN_BY_SIGNALLING);
	assert_sendto(LEARN_FIRST, "192.0.2.80:7000");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 102), LEARN_STRANGER);
}
END_TEST

/* The media is there before the re-INVITE: nothing, as anybody could do it. */
START_TEST(another_network_without_signalling)
{
	two_nats_learned();
	now += LEARN_SILENCE_MS;
	for (uint16_t i = 101; i < 200; i++)
		ck_assert_int_eq(feed("192.0.2.80:7000", 11, i),
				 LEARN_STRANGER);
	signal_side(&rtp, LEARN_FIRST, "100.64.3.4:4000", "192.0.2.80:1024");
	assert_moved(feed("192.0.2.80:7000", 11, 201), LEARN_BY_SIGNALLING);
}
END_TEST

START_TEST(new_public_sdp_is_used_at_once)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	signal_second();
	feed("198.51.100.5:4000", 1, 1);
	signal_side(&rtp, LEARN_FIRST, "198.51.100.6:4000",
		    "198.51.100.5:5060");
	assert_sendto(LEARN_FIRST, "198.51.100.6:4000");
	assert_moved(feed("198.51.100.6:4000", 2, 1), LEARN_BY_SIGNALLING);
}
END_TEST

/* A source taken for one side, until the other one is signalled to be there. */
START_TEST(a_source_is_given_to_the_side_it_fits_better)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", NULL);
	signal_side(&rtp, LEARN_SECOND, "10.0.0.16:4000", "203.0.113.30:1024");
	for (uint16_t i = 0; i < LEARN_PROOF_ELSEWHERE; i++)
		feed("203.0.113.77:4000", 22, i);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	signal_side(&rtp, LEARN_SECOND, "203.0.113.77:4000",
		    "203.0.113.77:5060");
	assert_sendto(LEARN_FIRST, NULL);
	ck_assert_int_eq(feed("203.0.113.77:4000", 22, 6), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		exact_source_displaces_one_of_the_same_ip,
		a_keepalive_from_the_listening_port_displaces_nothing,
		two_phones_behind_one_nat_one_moves,
		moves_after_silence_with_ssrc_and_sequence,
		a_mapping_that_changes_costs_less_than_two_seconds,
		moves_within_the_network_only,
		moves_within_64_in_ipv6,
		unchanged_signalling_resets_nothing,
		unchanged_signalling_costs_no_packet,
		repeated_signalling_frees_a_silent_source,
		new_signalling_moves_the_channel,
		new_signalling_and_the_same_stream,
		new_signalling_settles,
		another_network_without_signalling,
		new_public_sdp_is_used_at_once,
		a_source_is_given_to_the_side_it_fits_better,
	};
	TCase *tc = tcase_create("relearn");
	Suite *s = suite_create("relayd relearn");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_loop_test(tc, hand_over_to_another_network, 0, 2);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
