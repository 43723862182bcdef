#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/counters.h"
#include "relayd/figures.h"

enum { A_SSRC = 0xaaaa, B_SSRC = 0xbbbb, FRAME_US = 20000, FRAME = 160 };

static struct figures f;
static struct figures_line line;
static uint64_t clock_us;

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* What a side says: m= with these a=rtpmap lines. */
static void signal_as(enum learn_side side, const char *proto,
		      const char *attributes)
{
	char text[512];
	struct sdp s;
	int n = snprintf(text, sizeof(text),
			 "v=0\nc=IN IP4 192.0.2.1\nm=audio 2 %s 0\n%s", proto,
			 attributes);

	ck_assert_int_eq(sdp_parse(&s, text, (size_t)n), 0);
	figures_signal(&f, side, &s.media[0]);
}

static void setup(void)
{
	memset(&f, 0, sizeof(f));
	clock_us = 5000000;
	signal_as(LEARN_FIRST, "RTP/AVP", "");
	signal_as(LEARN_SECOND, "RTP/AVP", "");
}

static void give(enum learn_side from, const uint8_t *data, size_t len,
		 bool sent)
{
	const struct figures_packet p = {from, data, len, sent, clock_us};

	if (data[1] >= 192 && data[1] <= 223)
		figures_rtcp(&f, &p);
	else
		figures_rtp(&f, &p);
}

static void rtp(enum learn_side from, uint8_t type, uint16_t seq,
		uint32_t timestamp)
{
	uint8_t d[172] = {0x80, type, (uint8_t)(seq >> 8), (uint8_t)seq};

	put32(d + 4, timestamp);
	put32(d + 8, from == LEARN_FIRST ? A_SSRC : B_SSRC);
	give(from, d, sizeof(d), true);
}

static void talk(enum learn_side from, uint8_t type, uint16_t seq, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		rtp(from, type, (uint16_t)(seq + i), (seq + i) * FRAME);
		clock_us += FRAME_US;
	}
}

static void sender_report(enum learn_side from, uint32_t time, bool sent)
{
	uint8_t d[28] = {0x80, 200, 0, 6};

	put32(d + 10, time);
	give(from, d, sizeof(d), sent);
}

/* `from` reports of what it hears. */
static void receiver_report(enum learn_side from, const struct rtcp_block *b)
{
	uint8_t d[32] = {0x81, 201, 0, 7};

	put32(d + 8, b->ssrc);
	put32(d + 12,
	      (uint32_t)b->fraction << 24 | ((uint32_t)b->lost & 0xffffff));
	put32(d + 16, b->highest);
	put32(d + 20, b->jitter);
	put32(d + 24, b->lsr);
	put32(d + 28, b->dlsr);
	give(from, d, sizeof(d), true);
}

static void read_side(enum learn_side side)
{
	figures_read(&line, &f, side);
}

static void assert_near(double got, double want)
{
	ck_assert_msg(fabs(got - want) < 0.001, "%f, not %f", got, want);
}

START_TEST(static_payload_types)
{
	ck_assert_str_eq(payload_static(0)->name, "PCMU");
	ck_assert_str_eq(payload_static(34)->name, "H263");
	ck_assert_uint_eq(payload_static(34)->rate, 90000);
	ck_assert_uint_eq(payload_static(9)->rate, 8000); /* as in RFC 3551 */
	ck_assert_int_eq(payload_static(13)->kind, PAYLOAD_NOISE);
	ck_assert_ptr_null(payload_static(1));
	ck_assert_ptr_null(payload_static(35));
	ck_assert_ptr_null(payload_static(127));
}
END_TEST

START_TEST(nothing_heard)
{
	struct relayd_counters c = {0};

	read_side(LEARN_FIRST);
	ck_assert_uint_eq(line.heard.expected, 0);
	ck_assert_ptr_null(line.codec);
	ck_assert(!line.reported && !line.has_round_trip);
	ck_assert(line.mos == 0);
	figures_count(&c, &f);
	ck_assert_uint_eq(c.rtp_expected, 0);
	ck_assert_uint_eq(c.mos_streams, 0);
}
END_TEST

START_TEST(a_good_call)
{
	struct relayd_counters c = {0};

	talk(LEARN_FIRST, 0, 0, 100);
	talk(LEARN_SECOND, 8, 0, 49);
	read_side(LEARN_FIRST);
	ck_assert_str_eq(line.codec, "PCMU");
	ck_assert_uint_eq(line.heard.expected, 100);
	ck_assert(line.heard.timed);
	ck_assert_uint_eq(line.heard.jitter_max_us, 0);
	assert_near(line.mos, 4.400);
	/* too short to be judged */
	read_side(LEARN_SECOND);
	ck_assert_str_eq(line.codec, "PCMA");
	ck_assert(line.mos == 0);
	figures_count(&c, &f);
	ck_assert_uint_eq(c.rtp_expected, 149);
	ck_assert_uint_eq(c.mos_streams, 1);
	ck_assert_uint_eq(c.mos_centi, 440);
	ck_assert_uint_eq(c.mos_below_3_6, 0);
}
END_TEST

START_TEST(a_bad_call_is_counted)
{
	struct relayd_counters c = {0};

	for (uint16_t i = 0; i < 100; i += 2)
		rtp(LEARN_FIRST, 0, i, 0);
	rtp(LEARN_FIRST, 0, 98, 0);
	rtp(LEARN_FIRST, 0, 97, 0);
	figures_count(&c, &f);
	ck_assert_uint_eq(c.rtp_expected, 99);
	ck_assert_uint_eq(c.rtp_lost, 48);
	ck_assert_uint_eq(c.rtp_duplicates, 1);
	ck_assert_uint_eq(c.rtp_reordered, 1);
	ck_assert_uint_eq(c.mos_streams, 1);
	ck_assert_uint_eq(c.mos_below_3_6, 1);
}
END_TEST

START_TEST(codec_of_the_sdp)
{
	signal_as(LEARN_FIRST, "RTP/AVP", "a=rtpmap:96 opus/48000/2\n");
	signal_as(LEARN_SECOND, "RTP/AVP", "a=rtpmap:96 iLBC/8000\n");
	talk(LEARN_FIRST, 96, 0, 2); /* what the second wants to receive */
	talk(LEARN_SECOND, 96, 0, 2);
	read_side(LEARN_FIRST);
	ck_assert_str_eq(line.codec, "iLBC");
	read_side(LEARN_SECOND);
	ck_assert_str_eq(line.codec, "opus");
	ck_assert_uint_eq(f.side[LEARN_SECOND].heard.rate, 48000);
	/* its own number, where the other named none */
	signal_as(LEARN_SECOND, "RTP/AVP", "");
	talk(LEARN_FIRST, 96, 2, 2);
	read_side(LEARN_FIRST);
	ck_assert_str_eq(line.codec, "opus");
	/* nobody named it: no clock; the codec was another */
	talk(LEARN_FIRST, 97, 4, 100);
	read_side(LEARN_FIRST);
	ck_assert_str_eq(line.codec, "opus");
	ck_assert_uint_eq(line.heard.expected, 104);
	ck_assert_uint_eq(f.side[LEARN_FIRST].heard.rate, 48000);
}
END_TEST

START_TEST(only_unknown_types)
{
	talk(LEARN_FIRST, 97, 0, 100);
	read_side(LEARN_FIRST);
	ck_assert_ptr_null(line.codec);
	ck_assert(!line.heard.timed);
	ck_assert(line.mos == 0);
}
END_TEST

/* A key pressed while talking: its packets all have the timestamp of its
 * beginning. Comfort noise comes whenever it wants. */
START_TEST(events_and_noise_spoil_nothing)
{
	signal_as(LEARN_SECOND, "RTP/AVP",
		  "a=rtpmap:101 telephone-event/8000\n");
	talk(LEARN_FIRST, 0, 0, 100);
	for (uint16_t i = 100; i < 115; i++) {
		rtp(LEARN_FIRST, 101, i, 100 * FRAME);
		clock_us += FRAME_US;
	}
	rtp(LEARN_FIRST, 13, 115, 7);
	clock_us += FRAME_US;
	talk(LEARN_FIRST, 0, 116, 100);
	read_side(LEARN_FIRST);
	ck_assert_uint_eq(line.heard.expected, 216);
	ck_assert_uint_eq(line.heard.lost, 0);
	ck_assert_uint_eq(line.heard.jitter_max_us, 0);
	ck_assert_str_eq(line.codec, "PCMU");
}
END_TEST

START_TEST(what_the_other_side_reports)
{
	struct rtcp_block b = {
		.ssrc = A_SSRC,
		.fraction = 64,
		.lost = 5,
		.highest = 0x10000 + 98,
		.jitter = 80,
	};

	talk(LEARN_FIRST, 0, 0, 100);
	receiver_report(LEARN_SECOND, &b);
	read_side(LEARN_FIRST);
	ck_assert(line.reported);
	ck_assert_int_eq(line.reported_lost, 5);
	assert_near(line.reported_fraction, 0.25);
	assert_near(line.reported_jitter_ms, 10);
	ck_assert(!line.has_round_trip);
	/* the relay itself has lost nothing; the listener heard 5 % less:
	 * Ie,eff = 475 / 30.1, R = 76.94 */
	ck_assert_uint_eq(line.heard.lost, 0);
	assert_near(line.mos, 3.903);
	read_side(LEARN_SECOND);
	ck_assert(!line.reported);
}
END_TEST

/* Reports of what was never relayed: no figures rather than wrong ones. */
START_TEST(reports_that_do_not_fit)
{
	const struct rtcp_block good = {.ssrc = A_SSRC, .highest = 90};
	struct rtcp_block b[4] = {good, good, good, good};

	b[0].ssrc = B_SSRC;
	b[1].highest = 101;
	b[2].highest = 40000;
	b[3].lost = 101;
	talk(LEARN_FIRST, 0, 0, 100);
	for (size_t i = 0; i < 4; i++)
		receiver_report(LEARN_SECOND, &b[i]);
	receiver_report(LEARN_FIRST, &good); /* of itself */
	read_side(LEARN_FIRST);
	ck_assert(!line.reported);
	read_side(LEARN_SECOND);
	ck_assert(!line.reported);
	receiver_report(LEARN_SECOND, &good);
	read_side(LEARN_FIRST);
	ck_assert(line.reported);
}
END_TEST

START_TEST(srtp_gives_no_reports)
{
	const struct rtcp_block good = {.ssrc = A_SSRC, .highest = 90};

	signal_as(LEARN_SECOND, "UDP/TLS/RTP/SAVPF", "");
	talk(LEARN_FIRST, 0, 0, 100);
	receiver_report(LEARN_SECOND, &good);
	read_side(LEARN_FIRST);
	ck_assert(!line.reported);
	ck_assert_uint_eq(line.heard.expected, 100);
}
END_TEST

START_TEST(round_trips)
{
	struct rtcp_block b = {
		.ssrc = A_SSRC, .highest = 99, .lsr = 77, .dlsr = 65536};

	talk(LEARN_FIRST, 0, 0, 100);
	talk(LEARN_SECOND, 0, 0, 100);
	sender_report(LEARN_FIRST, 77, true);
	clock_us += 1000000 + 80000;
	receiver_report(LEARN_SECOND, &b);
	read_side(LEARN_SECOND);
	ck_assert(line.has_round_trip);
	assert_near(line.round_trip_ms, 80);
	read_side(LEARN_FIRST);
	ck_assert(!line.has_round_trip);
	assert_near(line.mos, 4.379); /* d 20 + 40, R 91.76 */

	/* and the other way */
	sender_report(LEARN_SECOND, 78, true);
	clock_us += 1000000 + 20000;
	b.ssrc = B_SSRC;
	b.lsr = 78;
	receiver_report(LEARN_FIRST, &b);
	read_side(LEARN_FIRST);
	assert_near(line.round_trip_ms, 20);
	assert_near(line.mos, 4.374); /* d 20 + 40 + 10, R 91.52 */
}
END_TEST

/* A sender report that went nowhere cannot have been answered. */
START_TEST(round_trip_of_a_report_not_sent)
{
	struct rtcp_block b = {
		.ssrc = A_SSRC, .highest = 99, .lsr = 77, .dlsr = 0};

	talk(LEARN_FIRST, 0, 0, 100);
	sender_report(LEARN_FIRST, 77, false);
	clock_us += 30000;
	receiver_report(LEARN_SECOND, &b);
	read_side(LEARN_SECOND);
	ck_assert(!line.has_round_trip);
}
END_TEST

/* It takes what was heard, goes on, and gives it back. */
START_TEST(what_the_kernel_forwarded)
{
	struct quality heard;
	struct quality_packet p = {.ssrc = A_SSRC};

	talk(LEARN_FIRST, 0, 0, 60);
	heard = *figures_heard(&f, LEARN_FIRST);
	for (p.seq = 70; p.seq < 160; p.seq++)
		quality_packet(&heard, &p);
	figures_passed(&f, LEARN_FIRST, &heard);
	read_side(LEARN_FIRST);
	ck_assert_uint_eq(line.heard.expected, 160);
	ck_assert_uint_eq(line.heard.lost, 10);
	read_side(LEARN_SECOND);
	ck_assert_uint_eq(line.heard.expected, 0);
}
END_TEST

/* Named by either side's SDP, or static; keys and noise are not timed. */
START_TEST(the_clock_of_a_payload_type)
{
	signal_as(LEARN_SECOND, "RTP/AVP",
		  "a=rtpmap:96 opus/48000/2\n"
		  "a=rtpmap:101 telephone-event/8000\n");
	ck_assert_uint_eq(figures_rate(&f, LEARN_FIRST, 96), 48000);
	ck_assert_uint_eq(figures_rate(&f, LEARN_FIRST, 101), 0);
	ck_assert_uint_eq(figures_rate(&f, LEARN_FIRST, 0), 8000);
	ck_assert_uint_eq(figures_rate(&f, LEARN_FIRST, 13), 0);
	ck_assert_uint_eq(figures_rate(&f, LEARN_FIRST, 100), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_figures");
	TCase *tc = tcase_create("relayd_figures");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, static_payload_types);
	tcase_add_test(tc, nothing_heard);
	tcase_add_test(tc, a_good_call);
	tcase_add_test(tc, a_bad_call_is_counted);
	tcase_add_test(tc, codec_of_the_sdp);
	tcase_add_test(tc, only_unknown_types);
	tcase_add_test(tc, events_and_noise_spoil_nothing);
	tcase_add_test(tc, what_the_other_side_reports);
	tcase_add_test(tc, reports_that_do_not_fit);
	tcase_add_test(tc, srtp_gives_no_reports);
	tcase_add_test(tc, round_trips);
	tcase_add_test(tc, round_trip_of_a_report_not_sent);
	tcase_add_test(tc, what_the_kernel_forwarded);
	tcase_add_test(tc, the_clock_of_a_payload_type);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
