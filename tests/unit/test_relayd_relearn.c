#include <check.h>

#include "tests/unit/relayd_learn_fixture.h"

START_TEST(exact_source_displaces_one_of_the_same_ip)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	feed("198.51.100.5:6666", 6, 1);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_SDP_IP);
	ck_assert_int_eq(feed("198.51.100.5:4000", 1, 1), LEARN_RELEARNED);
	ck_assert_int_eq(feed("198.51.100.5:6666", 6, 2), LEARN_EARLY);
}
END_TEST

/* As above with the labels crossed: the phone that moves must not displace
 * the one that talks. */
START_TEST(two_phones_behind_one_nat_one_moves)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.17:4000", "198.51.100.28:1025");
	feed("198.51.100.28:40002", 2, 1); /* the second, taken for first */
	feed("198.51.100.28:40001", 1, 1);
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	for (uint16_t i = 2; i < 10; i++)
		ck_assert_int_eq(feed("198.51.100.28:40002", 2, i),
				 LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40009", 9, 1), LEARN_RELEARNED);
	ck_assert_int_eq(feed("198.51.100.28:40002", 2, 10), LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40009", 9, 2), LEARN_FORWARD);
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
	ck_assert_int_eq(feed("198.51.100.28:40007", 11, 101), LEARN_RELEARNED);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40007");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 102), LEARN_STRANGER);
}
END_TEST

START_TEST(moves_within_the_network_only)
{
	two_nats_learned();
	now += LEARN_SILENCE_MS;
	ck_assert_int_eq(feed("198.51.100.200:1", 11, 101), LEARN_RELEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.200:1");
	/* and the phone of the signalling takes it back at once */
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 102), LEARN_RELEARNED);
}
END_TEST

START_TEST(moves_within_64_in_ipv6)
{
	signal_side(&rtp, LEARN_FIRST, "[2001:db8:1:2::1]:4000",
		    "[2001:db8:1:2::1]:5060");
	feed("[2001:db8:1:2::1]:4000", 1, 65535);
	now += LEARN_SILENCE_MS;
	ck_assert_int_eq(feed("[2001:db8:1:3::9]:4000", 1, 0), LEARN_EARLY);
	ck_assert_int_eq(feed("[2001:db8:1:2::9]:4000", 1, 0), LEARN_RELEARNED);
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

/* A mapping that timed out on hold: the re-INVITE repeats the SDP. */
START_TEST(repeated_signalling_frees_a_silent_source)
{
	two_nats_learned();
	now += 60000;
	ck_assert_int_eq(feed("198.51.100.28:40002", 66, 1), LEARN_STRANGER);
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	ck_assert_int_eq(feed("192.0.2.9:9000", 66, 1), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40002", 66, 1), LEARN_RELEARNED);
	ck_assert_int_eq(feed("198.51.100.28:40003", 67, 1), LEARN_STRANGER);
}
END_TEST

START_TEST(new_signalling_moves_the_channel)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(feed("192.0.2.9:9000", 1, 1), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40005", 1, 1), LEARN_RELEARNED);
	ck_assert_int_eq(feed("198.51.100.28:40006", 1, 1), LEARN_STRANGER);
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

/* Wi-Fi to mobile: a re-INVITE from another network. */
START_TEST(hand_over_to_another_network)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "100.64.3.4:4000", "192.0.2.80:1024");
	ck_assert_int_eq(feed("192.0.2.80:7000", 11, 150), LEARN_RELEARNED);
	assert_sendto(LEARN_FIRST, "192.0.2.80:7000");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_STRANGER);
}
END_TEST

START_TEST(new_public_sdp_is_used_at_once)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	feed("198.51.100.5:4000", 1, 1);
	signal_side(&rtp, LEARN_FIRST, "198.51.100.6:4000",
		    "198.51.100.5:5060");
	assert_sendto(LEARN_FIRST, "198.51.100.6:4000");
	ck_assert_int_eq(feed("198.51.100.6:4000", 2, 1), LEARN_RELEARNED);
}
END_TEST

/* Media that overtakes the answer it belongs to. */
START_TEST(early_media_is_given_to_its_side)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 0; i < LEARN_PROOF_PACKETS; i++)
		feed("203.0.113.77:4000", 22, i);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	signal_side(&rtp, LEARN_SECOND, "203.0.113.77:4000",
		    "203.0.113.77:5060");
	ck_assert_int_eq(feed("203.0.113.77:4000", 22, 6), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	assert_sendto(LEARN_FIRST, NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		exact_source_displaces_one_of_the_same_ip,
		two_phones_behind_one_nat_one_moves,
		moves_after_silence_with_ssrc_and_sequence,
		moves_within_the_network_only,
		moves_within_64_in_ipv6,
		unchanged_signalling_resets_nothing,
		repeated_signalling_frees_a_silent_source,
		new_signalling_moves_the_channel,
		new_signalling_settles,
		hand_over_to_another_network,
		new_public_sdp_is_used_at_once,
		early_media_is_given_to_its_side,
	};
	TCase *tc = tcase_create("relearn");
	Suite *s = suite_create("relayd relearn");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
