#include <check.h>

#include "tests/unit/relayd_learn_fixture.h"

/* RTCP is learned apart from RTP, and by it. */

static void two_nats_talk(void)
{
	two_nats_learned();
	signal_side(&rtcp, LEARN_FIRST, "10.0.0.16:4001", "198.51.100.28:1024");
	signal_side(&rtcp, LEARN_SECOND, "10.0.0.16:4001", "203.0.113.77:2048");
}

START_TEST(a_report_of_the_rtp_is_proof)
{
	two_nats_talk();
	ck_assert_int_eq(feed_report("198.51.100.28:40005", 11), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	assert_addr(&rtcp.ch[LEARN_FIRST].sendto, "198.51.100.28:40005");
	assert_addr(&rtcp.ch[LEARN_SECOND].sendto, NULL);
}
END_TEST

START_TEST(a_report_of_another_takes_two)
{
	two_nats_talk();
	ck_assert_int_eq(feed_report("198.51.100.28:40005", 66),
			 LEARN_PROBATION);
	ck_assert_int_eq(feed_report("198.51.100.28:40006", 11), LEARN_LEARNED);
	ck_assert_int_eq(feed_report("198.51.100.28:40005", 66),
			 LEARN_STRANGER);
}
END_TEST

START_TEST(before_its_rtp_it_takes_two)
{
	two_nats();
	signal_side(&rtcp, LEARN_FIRST, "10.0.0.16:4001", "198.51.100.28:1024");
	signal_side(&rtcp, LEARN_SECOND, "10.0.0.16:4001", "203.0.113.77:2048");
	ck_assert_int_eq(feed_report("198.51.100.28:40005", 0),
			 LEARN_PROBATION);
	ck_assert_int_eq(feed_report("198.51.100.28:40005", 0), LEARN_LEARNED);
}
END_TEST

START_TEST(strangers_get_nothing)
{
	two_nats_talk();
	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(feed_report("192.0.2.9:9001", 11),
				 LEARN_STRANGER);
	feed_report("198.51.100.28:40005", 11);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(feed_report("198.51.100.28:40006", 11),
				 LEARN_STRANGER);
	now += LEARN_RTCP_SILENCE_MS;
	ck_assert_int_eq(feed_report("198.51.100.28:40006", 11),
			 LEARN_RELEARNED);
	ck_assert_int_eq(res.cause, LEARN_BY_RTCP);
}
END_TEST

/* RTP was learned elsewhere: its RTCP comes from there too. Then RTP moves, and
 * RTCP may follow. */
START_TEST(it_goes_where_rtp_goes)
{
	signal_side(&rtp, LEARN_FIRST, NULL, NULL);
	signal_side(&rtcp, LEARN_FIRST, NULL, NULL);
	signal_second();
	signal_side(&rtcp, LEARN_SECOND, "203.0.113.5:4001",
		    "203.0.113.5:5060");
	for (uint16_t i = 0; i < LEARN_PROOF_ELSEWHERE; i++)
		feed("192.0.2.9:9000", 5, i);
	ck_assert_int_eq(feed_report("192.0.2.10:9001", 5), LEARN_STRANGER);
	ck_assert_int_eq(feed_report("192.0.2.9:9001", 5), LEARN_LEARNED);
	ck_assert_int_eq(rtcp.ch[LEARN_FIRST].rank, LEARN_PAIRED);
	ck_assert_int_eq(feed_report("192.0.2.9:9002", 5), LEARN_STRANGER);
	now += LEARN_SILENCE_MS;
	ck_assert_int_eq(feed("192.0.2.77:7000", 5, 9), LEARN_RELEARNED);
	ck_assert_int_eq(feed_report("192.0.2.77:7001", 5), LEARN_RELEARNED);
	ck_assert_int_eq(res.cause, LEARN_BY_RTCP);
	now += LEARN_RTCP_SILENCE_MS;
	ck_assert_int_eq(feed_report("192.0.2.9:9001", 5), LEARN_STRANGER);
	ck_assert_int_eq(feed_report("192.0.2.77:7003", 5), LEARN_RELEARNED);
}
END_TEST

START_TEST(a_side_nobody_signalled_takes_none)
{
	two_nats_learned();
	signal_side(&rtcp, LEARN_FIRST, "10.0.0.16:4001", "198.51.100.28:1024");
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(feed_report("198.51.100.28:40005", 11),
				 LEARN_EARLY);
}
END_TEST

START_TEST(strict_takes_the_signalled_one_only)
{
	two_nats_talk();
	rtcp.policy = LEARN_STRICT;
	signal_side(&rtcp, LEARN_SECOND, "203.0.113.5:4001",
		    "203.0.113.5:5060");
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(feed_report("203.0.113.5:4003", 22),
				 LEARN_STRANGER);
		/* though RTP is there */
		ck_assert_int_eq(feed_report("203.0.113.77:50003", 22),
				 LEARN_STRANGER);
	}
	ck_assert_int_eq(feed_report("203.0.113.5:4001", 22), LEARN_LEARNED);
	feed_report("198.51.100.28:40005", 11);
	now += LEARN_RTCP_SILENCE_MS;
	ck_assert_int_eq(feed_report("198.51.100.28:40006", 11),
			 LEARN_STRANGER);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_report_of_the_rtp_is_proof,
		a_report_of_another_takes_two,
		before_its_rtp_it_takes_two,
		strangers_get_nothing,
		it_goes_where_rtp_goes,
		a_side_nobody_signalled_takes_none,
		strict_takes_the_signalled_one_only,
	};
	TCase *tc = tcase_create("learn_rtcp");
	Suite *s = suite_create("relayd learn rtcp");
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
