#include <check.h>
#include <stdio.h>
#include <string.h>

#include "relayd/silence.h"

enum { BOTH_MS = 60000, SIDE_MS = 30000 };

static struct silence silence;
static uint64_t last[LEARN_SIDES];
static struct silence_limits limits;

static void setup(void)
{
	memset(&silence, 0, sizeof(silence));
	memset(last, 0, sizeof(last));
	limits = (struct silence_limits){BOTH_MS, 0};
}

static void signal_line(enum learn_side side, const char *line,
			const char *attributes, uint64_t now)
{
	char text[512];
	struct sdp sdp;

	(void)snprintf(text, sizeof(text),
		       "v=0\r\nc=IN IP4 203.0.113.9\r\nm=%s\r\n%s", line,
		       attributes);
	ck_assert_int_eq(sdp_parse(&sdp, text, strlen(text)), 0);
	silence_signal(&silence, side, &sdp, now);
}

static void plain_call(uint64_t now)
{
	signal_line(LEARN_FIRST, "audio 4000 RTP/AVP 0 8", "", now);
	signal_line(LEARN_SECOND, "audio 6000 RTP/AVP 0", "", now);
}

static enum silence_verdict judged(uint64_t now)
{
	return silence_judge(&silence, last, &limits, now);
}

START_TEST(silence_of_both_counts_from_the_last_of_all)
{
	plain_call(1000);
	ck_assert_uint_eq(silence_due(&silence, last, &limits), 1000 + BOTH_MS);
	ck_assert_int_eq(judged(1000 + BOTH_MS - 1), SILENCE_NONE);
	ck_assert_int_eq(judged(1000 + BOTH_MS), SILENCE_BOTH);
	last[LEARN_SECOND] = 5000;
	ck_assert_uint_eq(silence_due(&silence, last, &limits), 5000 + BOTH_MS);
	ck_assert_int_eq(judged(1000 + BOTH_MS), SILENCE_NONE);
	ck_assert_int_eq(judged(5000 + BOTH_MS), SILENCE_BOTH);
}
END_TEST

START_TEST(silence_of_a_side_counts_where_it_is_asked_for)
{
	plain_call(0);
	last[LEARN_FIRST] = 100000;
	ck_assert_int_eq(judged(100000), SILENCE_NONE);
	limits.side_ms = SIDE_MS;
	ck_assert_int_eq(judged(100000), SILENCE_SECOND);
	last[LEARN_SECOND] = 90000;
	ck_assert_uint_eq(silence_due(&silence, last, &limits),
			  90000 + SIDE_MS);
	ck_assert_int_eq(judged(90000 + SIDE_MS - 1), SILENCE_NONE);
	last[LEARN_SECOND] = 130000;
	ck_assert_int_eq(judged(100000 + SIDE_MS), SILENCE_FIRST);
	limits.both_ms = 0;
	ck_assert_int_eq(judged(1000000), SILENCE_FIRST);
}
END_TEST

START_TEST(it_never_counts_where_it_is_switched_off)
{
	limits.both_ms = 0;
	plain_call(0);
	ck_assert_uint_eq(silence_due(&silence, last, &limits), UINT64_MAX);
	ck_assert_int_eq(judged(UINT64_MAX), SILENCE_NONE);
}
END_TEST

START_TEST(it_is_told_once)
{
	plain_call(0);
	silence.told = true;
	ck_assert_int_eq(judged(BOTH_MS), SILENCE_NONE);
	ck_assert_uint_eq(silence_due(&silence, last, &limits), UINT64_MAX);
	silence_again(&silence, 1000);
	ck_assert_int_eq(judged(BOTH_MS), SILENCE_NONE);
	ck_assert_int_eq(judged(BOTH_MS + 1000), SILENCE_BOTH);
}
END_TEST

START_TEST(nobody_has_to_be_heard)
{
	static const struct {
		const char *line, *attributes;
	} cases[] = {
		{"audio 4000 RTP/AVP 0", "a=sendonly\r\n"},
		{"audio 4000 RTP/AVP 0", "a=recvonly\r\n"},
		{"audio 4000 RTP/AVP 0", "a=inactive\r\n"},
		{"audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0\r\n"},
		{"audio 4000 RTP/AVP 0 13", ""},
		{"audio 4000 RTP/AVP 0 19", ""},
		{"audio 4000 RTP/AVP 0 97", "a=rtpmap:97 cn/16000\r\n"},
		{"audio 0 RTP/AVP 0", ""},
		{"image 4000 udptl t38", ""},
		{"message 4000 TCP/MSRP *", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned side = 0; side < LEARN_SIDES; side++) {
			plain_call(0);
			signal_line((enum learn_side)side, cases[i].line,
				    cases[i].attributes, 0);
			ck_assert_msg(judged(10 * BOTH_MS) == SILENCE_NONE,
				      "%s %s", cases[i].line,
				      cases[i].attributes);
		}
	}
}
END_TEST

START_TEST(codecs_with_such_numbers_are_no_comfort_noise)
{
	signal_line(LEARN_FIRST, "audio 4000 RTP/SAVPF 113 119 130", "", 0);
	signal_line(LEARN_SECOND, "audio 6000 UDP/TLS/RTP/SAVPF 113", "", 0);
	ck_assert_int_eq(judged(BOTH_MS), SILENCE_BOTH);
}
END_TEST

START_TEST(one_line_that_is_in_use_is_enough)
{
	plain_call(0);
	signal_line(LEARN_FIRST, "audio 4000 RTP/AVP 0",
		    "m=video 4002 RTP/AVP 34\r\na=inactive\r\n", 0);
	signal_line(LEARN_SECOND, "audio 6000 RTP/AVP 0",
		    "m=video 0 RTP/AVP 34\r\n", 0);
	ck_assert_int_eq(judged(BOTH_MS), SILENCE_BOTH);
	/* each side's line is the other's */
	signal_line(LEARN_SECOND, "audio 0 RTP/AVP 0",
		    "m=video 6002 RTP/AVP 34\r\n", 0);
	ck_assert_int_eq(judged(BOTH_MS), SILENCE_NONE);
}
END_TEST

START_TEST(a_line_with_comfort_noise_is_open_and_one_on_hold_is_not)
{
	plain_call(0);
	ck_assert(silence_is_open(&silence));
	signal_line(LEARN_FIRST, "audio 4000 RTP/AVP 0 13", "", 0);
	ck_assert(silence_is_open(&silence));
	signal_line(LEARN_FIRST, "audio 4000 RTP/AVP 0", "a=inactive\r\n", 0);
	ck_assert(!silence_is_open(&silence));
}
END_TEST

START_TEST(after_a_hold_it_counts_anew)
{
	plain_call(0);
	signal_line(LEARN_FIRST, "audio 4000 RTP/AVP 0", "a=sendonly\r\n",
		    1000);
	signal_line(LEARN_FIRST, "audio 4000 RTP/AVP 0", "a=sendrecv\r\n",
		    500000);
	ck_assert_int_eq(judged(500000 + BOTH_MS - 1), SILENCE_NONE);
	ck_assert_int_eq(judged(500000 + BOTH_MS), SILENCE_BOTH);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_silence");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, silence_of_both_counts_from_the_last_of_all);
	tcase_add_test(tc, silence_of_a_side_counts_where_it_is_asked_for);
	tcase_add_test(tc, it_never_counts_where_it_is_switched_off);
	tcase_add_test(tc, it_is_told_once);
	tcase_add_test(tc, nobody_has_to_be_heard);
	tcase_add_test(tc, codecs_with_such_numbers_are_no_comfort_noise);
	tcase_add_test(tc, one_line_that_is_in_use_is_enough);
	tcase_add_test(
		tc, a_line_with_comfort_noise_is_open_and_one_on_hold_is_not);
	tcase_add_test(tc, after_a_hold_it_counts_anew);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
