#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/quality.h"

enum { SSRC = 0x1234, RATE = 8000, FRAME = 160, FRAME_US = 20000 };

static struct quality q;
static struct quality_figures f;
static uint64_t clock_us;

static void setup(void)
{
	memset(&q, 0, sizeof(q));
	clock_us = 1000000;
}

/* A packet at the time that its timestamp asks for, but `late_us` later. */
static void give(uint32_t ssrc, uint16_t seq, uint32_t timestamp,
		 uint64_t late_us, uint32_t rate)
{
	const struct quality_packet p = {
		.arrival_ns = (clock_us + late_us) * 1000,
		.ssrc = ssrc,
		.timestamp = timestamp,
		.rate = rate,
		.seq = seq,
	};

	quality_packet(&q, &p);
	quality_figures(&f, &q);
}

static void feed(const uint16_t *seq, size_t n)
{
	for (size_t i = 0; i < n; i++)
		give(SSRC, seq[i], seq[i] * (uint32_t)FRAME, 0, 0);
}

#define FEED(...)                                                              \
	do {                                                                   \
		const uint16_t feed_s[] = {__VA_ARGS__};                       \
		feed(feed_s, sizeof(feed_s) / sizeof(feed_s[0]));              \
	} while (0)

static void run(uint32_t ssrc, uint16_t from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		give(ssrc, (uint16_t)(from + i), i * (uint32_t)FRAME, 0, 0);
}

static void assert_counts(uint64_t expected, uint64_t lost, uint64_t duplicates,
			  uint64_t reordered)
{
	ck_assert_uint_eq(f.expected, expected);
	ck_assert_uint_eq(f.received, expected - lost);
	ck_assert_uint_eq(f.lost, lost);
	ck_assert_uint_eq(f.duplicates, duplicates);
	ck_assert_uint_eq(f.reordered, reordered);
}

START_TEST(nothing_heard)
{
	quality_figures(&f, &q);
	assert_counts(0, 0, 0, 0);
	ck_assert(!f.timed);
	ck_assert_uint_eq(f.sources, 0);
	ck_assert_uint_eq(quality_expected(&q), 0);
}
END_TEST

static const struct {
	uint16_t seq[8];
	size_t n;
	uint64_t expected, lost, duplicates, reordered;
} patterns[] = {
	{{7}, 1, 1, 0, 0, 0},
	{{7, 8, 9}, 3, 3, 0, 0, 0},
	{{7, 9, 12}, 3, 6, 3, 0, 0},           /* 8, 10, 11 */
	{{7, 9, 8, 10}, 4, 4, 0, 0, 1},        /* swapped */
	{{7, 7, 8, 7, 8}, 5, 2, 0, 3, 0},      /* again and again */
	{{7, 9, 8, 8, 9}, 5, 3, 0, 2, 1},      /* late, then twice */
	{{10, 8, 11}, 3, 4, 1, 0, 1},          /* the first was not the first */
	{{65534, 65535, 0, 1}, 4, 4, 0, 0, 0}, /* over the edge */
	{{65534, 1}, 2, 4, 2, 0, 0},           /* and lost there */
	{{65535, 1, 0, 65535}, 4, 3, 0, 1, 1}, /* late and twice there */
	{{0, 65535}, 2, 2, 0, 0, 1},           /* begun just behind it */
	{{5, 70, 6, 7, 6}, 5, 66, 62, 1, 2},   /* second word of the window */
	{{5, 105, 5, 6}, 4, 101, 98, 1, 1},    /* as late as can be */
	{{5, 3004}, 2, 3000, 2998, 0, 0},      /* a dropout that is none yet */
};

START_TEST(patterns_of_numbers)
{
	feed(patterns[_i].seq, patterns[_i].n);
	assert_counts(patterns[_i].expected, patterns[_i].lost,
		      patterns[_i].duplicates, patterns[_i].reordered);
	ck_assert_uint_eq(f.strays, 0);
	ck_assert_uint_eq(f.restarts, 0);
	ck_assert_uint_eq(f.sources, 1);
}
END_TEST

START_TEST(many_cycles)
{
	for (uint32_t i = 0; i < 200000; i++)
		if (i % 1000 != 500)
			give(SSRC, (uint16_t)(65000 + i), i * FRAME, 0, 0);
	assert_counts(200000, 200, 0, 0);
}
END_TEST

START_TEST(a_stray_changes_nothing)
{
	FEED(100, 101, 40000, 102, 65500, 103);
	assert_counts(4, 0, 0, 0);
	ck_assert_uint_eq(f.strays, 2);
	/* nor do the packets of another one in between, even in sequence */
	for (uint16_t i = 0; i < 10; i++) {
		give(SSRC + 1, i, 0, 0, 0);
		give(SSRC, (uint16_t)(104 + i), 0, 0, 0);
	}
	assert_counts(14, 0, 0, 0);
	ck_assert_uint_eq(f.strays, 12);
	ck_assert_uint_eq(f.sources, 1);
	ck_assert_uint_eq(f.restarts, 0);
}
END_TEST

START_TEST(a_restart_is_no_loss)
{
	FEED(100, 101, 103, 30000, 30001, 30003);
	/* 102 and 30002 */
	assert_counts(8, 2, 0, 0);
	ck_assert_uint_eq(f.restarts, 1);
	ck_assert_uint_eq(f.sources, 1);
	ck_assert_uint_eq(f.strays, 0);
	ck_assert_uint_eq(quality_expected(&q), 4);
	/* far back is a restart, too */
	FEED(20000, 20001);
	assert_counts(10, 2, 0, 0);
	ck_assert_uint_eq(f.restarts, 2);
}
END_TEST

START_TEST(another_ssrc_takes_over)
{
	run(SSRC, 500, 10);
	run(SSRC + 1, 505, 10);
	assert_counts(20, 0, 0, 0);
	ck_assert_uint_eq(f.sources, 2);
	ck_assert_uint_eq(f.strays, 0);
	ck_assert_uint_eq(f.restarts, 0);
	ck_assert_uint_eq(quality_expected(&q), 10);
	/* the old one's last packet, late */
	give(SSRC, 510, 0, 0, 0);
	run(SSRC + 1, 515, 2);
	assert_counts(22, 0, 0, 0);
	ck_assert_uint_eq(f.strays, 1);
}
END_TEST

/*
 * A.8 by hand, scaled by 16, in units of 1/8000 s: transit differences 0, 40
 * (5 ms late), 40 (in time again) give 0, 40, 40 + 40 - (40 + 8) / 16 = 77.
 */
START_TEST(jitter_as_in_a8)
{
	static const uint64_t late[] = {0, 0, 5000, 0};

	for (unsigned i = 0; i < 4; i++) {
		give(SSRC, (uint16_t)i, i * FRAME, late[i], RATE);
		clock_us += FRAME_US;
	}
	ck_assert(f.timed);
	ck_assert_uint_eq(f.jitter_us, 601); /* 77 / 16 / 8000 s */
	ck_assert_uint_eq(f.jitter_max_us, 601);
	ck_assert_uint_eq(f.jitter_mean_us, 304); /* (0 + 40 + 77) / 3 */
}
END_TEST

/* A steady difference is what it converges to: 16 units of 8000 Hz are 2 ms. */
START_TEST(jitter_converges)
{
	for (unsigned i = 0; i < 500; i++) {
		give(SSRC, (uint16_t)i, i * FRAME, i % 2 * 2000, RATE);
		clock_us += FRAME_US;
	}
	ck_assert_uint_ge(f.jitter_us, 1900);
	ck_assert_uint_le(f.jitter_max_us, 2000);
	ck_assert_uint_gt(f.jitter_mean_us, 1800);
}
END_TEST

static void steady(uint16_t seq, unsigned n, uint32_t timestamp, uint32_t rate)
{
	for (unsigned i = 0; i < n; i++) {
		give(SSRC, (uint16_t)(seq + i), timestamp + i * rate / 50, 0,
		     rate);
		clock_us += FRAME_US;
	}
}

/* A timestamp that goes round, and a monotonic clock of many years. */
START_TEST(no_jitter_over_edges)
{
	clock_us = UINT64_C(1) << 60;
	steady(0, 100, UINT32_MAX - 8000, RATE);
	ck_assert(f.timed);
	ck_assert_uint_eq(f.jitter_max_us, 0);
}
END_TEST

/* A key press: twelve packets of one timestamp, which also belong to no known
 * clock here; then speech goes on where it would be. */
START_TEST(events_and_noise_are_not_timed)
{
	steady(0, 20, 0, RATE);
	for (uint16_t i = 20; i < 32; i++) {
		give(SSRC, i, 20 * FRAME, 7000, 0);
		clock_us += FRAME_US;
	}
	steady(32, 20, 32 * FRAME, RATE);
	assert_counts(52, 0, 0, 0);
	ck_assert_uint_eq(f.jitter_max_us, 0);
}
END_TEST

/* So it is where nobody says that they are events, and with the packets of a
 * video frame. */
START_TEST(one_timestamp_is_timed_once)
{
	for (uint16_t i = 0; i < 90; i++) {
		give(SSRC, i, i / 3 * 3000U, i % 3 * 4000, 90000);
		if (i % 3 == 2)
			clock_us += 33333;
	}
	ck_assert(f.timed);
	ck_assert_uint_le(f.jitter_max_us, 10); /* 30 frames/s, rounded */
}
END_TEST

START_TEST(duplicates_and_strays_are_not_timed)
{
	steady(0, 10, 0, RATE);
	give(SSRC, 5, 5 * FRAME, 0, RATE);
	give(SSRC, 30000, 77777, 0, RATE);
	give(SSRC + 1, 10, 99999, 0, RATE);
	steady(10, 10, 10 * FRAME, RATE);
	ck_assert_uint_eq(f.jitter_max_us, 0);
}
END_TEST

START_TEST(another_clock_is_no_jitter)
{
	steady(0, 10, 0, RATE);
	/* 6 s off: the phone began its timestamps anew */
	steady(10, 10, 10 * FRAME + 6 * RATE, RATE);
	ck_assert_uint_eq(f.jitter_max_us, 0);
	/* the same packets by another codec, and back */
	steady(20, 10, 5, 48000);
	steady(30, 10, 30 * FRAME, RATE);
	ck_assert_uint_eq(f.jitter_max_us, 0);
	/* and a new SSRC has timestamps of its own */
	for (uint16_t i = 0; i < 10; i++) {
		give(SSRC + 1, i, 4711 + i * (uint32_t)FRAME, 0, RATE);
		clock_us += FRAME_US;
	}
	ck_assert_uint_eq(f.jitter_max_us, 0);
	ck_assert_uint_eq(f.sources, 2);
}
END_TEST

/* Jitter measured with one clock is as many ms with the next. */
START_TEST(jitter_outlives_a_codec)
{
	uint64_t before;

	for (unsigned i = 0; i < 100; i++) {
		give(SSRC, (uint16_t)i, i * FRAME, i % 2 * 2000, RATE);
		clock_us += FRAME_US;
	}
	before = f.jitter_us;
	give(SSRC, 100, 0, 0, 48000);
	ck_assert_uint_eq(f.jitter_us, before);
	ck_assert_uint_gt(f.jitter_mean_us, 1000);
	ck_assert_uint_lt(f.jitter_mean_us, 2000);
}
END_TEST

/* A minute and more without a packet says nothing of the network, and a clock
 * of a megahertz is none. */
START_TEST(what_is_not_timed)
{
	give(SSRC, 0, 0, 0, RATE);
	clock_us += 61 * 1000000;
	give(SSRC, 1, FRAME, 0, RATE);
	ck_assert(!f.timed);
	clock_us += FRAME_US;
	give(SSRC, 2, 2 * FRAME, 0, RATE);
	ck_assert(f.timed);
	ck_assert_uint_eq(f.jitter_max_us, 0);
	give(SSRC, 3, 0, 5000, QUALITY_RATE_MAX + 1);
	give(SSRC, 4, 1, 9000, QUALITY_RATE_MAX + 1);
	ck_assert_uint_eq(f.jitter_max_us, 0);
}
END_TEST

/* Two CPUs that count at once. */
START_TEST(more_received_than_expected)
{
	run(SSRC, 0, 10);
	q.received++;
	quality_figures(&f, &q);
	assert_counts(10, 0, 0, 0);
}
END_TEST

/* Whatever comes: what was received is never more than was expected. */
START_TEST(any_packets)
{
	srandom((unsigned)_i);
	for (unsigned i = 0; i < 20000; i++) {
		long r = random();

		clock_us += (uint64_t)(r % 40000);
		give(SSRC + (r % 5 == 0),
		     (uint16_t)(i + (unsigned)(r % (1 << r % 17))),
		     (uint32_t)random(), 0, r % 7 ? RATE : 48000);
		quality_figures(&f, &q);
		ck_assert_uint_le(f.received, f.expected);
		ck_assert_uint_lt(f.jitter_max_us, 5000001);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_quality");
	TCase *tc = tcase_create("relayd_quality");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, nothing_heard);
	tcase_add_loop_test(tc, patterns_of_numbers, 0,
			    sizeof(patterns) / sizeof(patterns[0]));
	tcase_add_test(tc, many_cycles);
	tcase_add_test(tc, a_stray_changes_nothing);
	tcase_add_test(tc, a_restart_is_no_loss);
	tcase_add_test(tc, another_ssrc_takes_over);
	tcase_add_test(tc, jitter_as_in_a8);
	tcase_add_test(tc, jitter_converges);
	tcase_add_test(tc, no_jitter_over_edges);
	tcase_add_test(tc, events_and_noise_are_not_timed);
	tcase_add_test(tc, one_timestamp_is_timed_once);
	tcase_add_test(tc, duplicates_and_strays_are_not_timed);
	tcase_add_test(tc, another_clock_is_no_jitter);
	tcase_add_test(tc, jitter_outlives_a_codec);
	tcase_add_test(tc, what_is_not_timed);
	tcase_add_test(tc, more_received_than_expected);
	tcase_add_loop_test(tc, any_packets, 1, 6);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
