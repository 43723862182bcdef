#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/rtcp.h"

enum { SEC = 1000000, PACKET_MAX = 1600 };

static struct rtcp_compound c;

/* From a block of exactly that size. */
static int parse(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	int err;

	memcpy(exact, data, len);
	err = rtcp_parse(&c, exact, len);
	free(exact);
	return err;
}

/* SR with one block, then SDES with the CNAME "a" and its padding. */
static const uint8_t compound[] = {
	0x81, 200,  0,    12,   /* SR, one block, 52 bytes */
	0x11, 0x11, 0x11, 0x11, /* sender */
	0xb4, 0x4d, 0xb7, 0x05, 0x20, 0,    0,    0,    /* NTP */
	0,    0,    0,    160,                          /* RTP timestamp */
	0,    0,    0,    50,   0,    0,    0x1f, 0x40, /* packets, octets */
	0x22, 0x22, 0x22, 0x22,                         /* about */
	0x40, 0,    0,    25,                        /* a quarter; 25 in all */
	0,    1,    0xff, 0xfe,                      /* highest, second cycle */
	0,    0,    0,    80,                        /* jitter */
	0xb7, 0x10, 0x80, 0x00, 0,    5,    0x40, 0, /* LSR, DLSR */
	0x81, 202,  0,    2,    0x11, 0x11, 0x11, 0x11, 1, 1, 'a', 0,
};

START_TEST(sender_report)
{
	const struct rtcp_block *b = &c.blocks[0];

	ck_assert_int_eq(parse(compound, sizeof(compound)), 0);
	ck_assert(c.has_sr);
	ck_assert_uint_eq(c.sr_time, 0xb7052000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_uint_eq(b->ssrc, 0x22222222);
	ck_assert_uint_eq(b->fraction, 64);
	ck_assert_int_eq(b->lost, 25);
	ck_assert_uint_eq(b->highest, 0x1fffe);
	ck_assert_uint_eq(b->jitter, 80);
	ck_assert_uint_eq(b->lsr, 0xb7108000);
	ck_assert_uint_eq(b->dlsr, 0x54000);
}
END_TEST

/* A receiver report with n blocks, each about SSRC number i. */
static size_t receiver_report(uint8_t *p, unsigned n)
{
	size_t len = 8 + n * 24;

	memset(p, 0, len);
	p[0] = (uint8_t)(0x80 | n);
	p[1] = 201;
	p[2] = (uint8_t)((len / 4 - 1) >> 8);
	p[3] = (uint8_t)(len / 4 - 1);
	for (unsigned i = 0; i < n; i++)
		p[8 + i * 24 + 3] = (uint8_t)i;
	return len;
}

START_TEST(receiver_reports)
{
	uint8_t p[PACKET_MAX];
	size_t len = receiver_report(p, 31);

	ck_assert_int_eq(parse(p, len), 0);
	ck_assert(!c.has_sr);
	ck_assert_uint_eq(c.n, 31);
	ck_assert_uint_eq(c.blocks[30].ssrc, 30);
	/* more than there is room for */
	len += receiver_report(p + len, 31);
	ck_assert_int_eq(parse(p, len), 0);
	ck_assert_uint_eq(c.n, RTCP_BLOCKS_MAX);
	/* none is a report, too */
	ck_assert_int_eq(parse(p, receiver_report(p, 0)), 0);
	ck_assert_uint_eq(c.n, 0);
}
END_TEST

START_TEST(cumulative_loss_may_be_negative)
{
	uint8_t p[PACKET_MAX];
	size_t len = receiver_report(p, 1);

	memcpy(p + 12, "\x00\xff\xff\xff", 4);
	ck_assert_int_eq(parse(p, len), 0);
	ck_assert_int_eq(c.blocks[0].lost, -1);
	memcpy(p + 12, "\x00\x80\x00\x00", 4);
	ck_assert_int_eq(parse(p, len), 0);
	ck_assert_int_eq(c.blocks[0].lost, -0x800000);
	memcpy(p + 12, "\xff\x7f\xff\xff", 4);
	ck_assert_int_eq(parse(p, len), 0);
	ck_assert_int_eq(c.blocks[0].lost, 0x7fffff);
	ck_assert_uint_eq(c.blocks[0].fraction, 255);
}
END_TEST

START_TEST(cut_anywhere_gives_nothing)
{
	for (size_t len = 0; len < sizeof(compound); len++) {
		/* what stands alone: the sender report */
		int want = len == 52 ? 0 : -EBADMSG;

		ck_assert_int_eq(parse(compound, len), want);
	}
}
END_TEST

START_TEST(garbage_gives_nothing)
{
	static const struct {
		size_t at;
		uint8_t is;
	} broken[] = {
		{0, 0x41},  /* version 1 */
		{0, 0x82},  /* two blocks, room for one */
		{0, 0xa1},  /* padding, and not the last */
		{1, 202},   /* no report first */
		{1, 0},     /* RTP */
		{3, 11},    /* the rest is no packet */
		{3, 255},   /* longer than the datagram */
		{52, 0x01}, /* version 0 behind */
		{53, 100},  /* RTP behind */
		{55, 1},    /* ends within */
		{55, 3},    /* ends outside */
	};
	uint8_t p[sizeof(compound)];

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		memcpy(p, compound, sizeof(p));
		p[broken[i].at] = broken[i].is;
		ck_assert_msg(parse(p, sizeof(p)) == -EBADMSG, "row %zu", i);
	}
	memcpy(p, compound, sizeof(p));
	p[52] = 0xa1; /* the last may be padded */
	ck_assert_int_eq(parse(p, sizeof(p)), 0);
}
END_TEST

/* SRTCP (RFC 3711 3.4): the first 8 bytes are clear, all else looks random,
 * then E and index, then the tag. */
START_TEST(srtcp_gives_nothing)
{
	uint8_t p[sizeof(compound) + 14];

	for (int seed = 0; seed < 1000; seed++) {
		srandom((unsigned)seed);
		memcpy(p, compound, 8);
		for (size_t i = 8; i < sizeof(p); i++)
			p[i] = (uint8_t)random();
		memcpy(p + sizeof(compound), "\x80\x00\x00\x07", 4);
		ck_assert_int_eq(parse(p, sizeof(p)), -EBADMSG);
	}
}
END_TEST

/* One to four bytes changed: never read outside, no more blocks than fit. */
START_TEST(changed_anywhere)
{
	uint8_t p[sizeof(compound)];

	srandom(1);
	for (int i = 0; i < 100000; i++) {
		size_t len = 1 + (size_t)random() % sizeof(p);

		memcpy(p, compound, sizeof(p));
		for (long n = random() % 4; n >= 0; n--)
			p[(size_t)random() % len] = (uint8_t)random();
		if (!parse(p, len))
			ck_assert_uint_le(c.n * 24, len - 8);
	}
}
END_TEST

/* The example of RFC 3550 6.4.1, Figure 2: 6.125 s. */
START_TEST(round_trip_of_figure_2)
{
	const struct rtcp_block b = {.lsr = 0xb7052000, .dlsr = 0x54000};
	const uint64_t sent = UINT64_C(46853125) * SEC / 1000;
	const uint64_t now = UINT64_C(46864500) * SEC / 1000;
	struct rtcp_sent s = {0};
	uint32_t us;

	rtcp_sent(&s, 0xb7052000, sent);
	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, now), 0);
	ck_assert_uint_eq(us, 6125000);
}
END_TEST

START_TEST(round_trip_counts_from_the_report_named)
{
	struct rtcp_block b = {.dlsr = 65536}; /* 1 s */
	struct rtcp_sent s = {0};
	uint32_t us;

	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, 1), -ENOENT);
	for (uint32_t i = 1; i <= 5; i++)
		rtcp_sent(&s, i, (uint64_t)i * 5 * SEC);
	/* the last four are known */
	b.lsr = 1;
	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, 6 * SEC), -ENOENT);
	for (uint32_t i = 2; i <= 5; i++) {
		b.lsr = i;
		ck_assert_int_eq(
			rtcp_round_trip(&us, &s, &b, (i * 5 + 1) * SEC + 30000),
			0);
		ck_assert_uint_eq(us, 30000);
	}
	b.lsr = 0xdeadbeef;
	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, 26 * SEC), -ENOENT);
	/* a report whose time is 0 is none that could be meant */
	rtcp_sent(&s, 0, 30 * SEC);
	b.lsr = 0;
	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, 31 * SEC), -ENOENT);
}
END_TEST

START_TEST(round_trip_of_a_wrong_clock)
{
	struct rtcp_block b = {.lsr = 7, .dlsr = 2 * 65536};
	struct rtcp_sent s = {0};
	uint32_t us = 1;

	rtcp_sent(&s, 7, 10 * SEC);
	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, 11 * SEC), -ERANGE);
	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, 23 * SEC), -ERANGE);
	b.dlsr = UINT32_MAX;
	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, 12 * SEC), -ERANGE);
	ck_assert_uint_eq(us, 1);
	/* a coarse clock */
	b.dlsr = 2 * 65536;
	ck_assert_int_eq(rtcp_round_trip(&us, &s, &b, 12 * SEC - 900), 0);
	ck_assert_uint_eq(us, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_rtcp");
	TCase *tc = tcase_create("relayd_rtcp");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, sender_report);
	tcase_add_test(tc, receiver_reports);
	tcase_add_test(tc, cumulative_loss_may_be_negative);
	tcase_add_test(tc, cut_anywhere_gives_nothing);
	tcase_add_test(tc, garbage_gives_nothing);
	tcase_add_test(tc, srtcp_gives_nothing);
	tcase_add_test(tc, changed_anywhere);
	tcase_add_test(tc, round_trip_of_figure_2);
	tcase_add_test(tc, round_trip_counts_from_the_report_named);
	tcase_add_test(tc, round_trip_of_a_wrong_clock);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
