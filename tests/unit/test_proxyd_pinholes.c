#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/deadlines.h"
#include "proxyd/pinholes.h"

enum {
	INTERVAL = 20000,
	CROWD = 50000,
	BUCKET = 100, /* ms */
	/* 250 on average in a bucket; six standard deviations more */
	BUCKET_MOST = 345,
	MISSES = 3,
};

static struct {
	struct deadlines *dl;
	struct pinholes *p;
	uint64_t now;
	bool owed; /* what the send handler says */
	size_t sent, probes, marked, heard;
	size_t buckets[2 * INTERVAL / BUCKET];
	uint64_t from; /* where the buckets begin */
	unsigned *of;  /* how often each of a crowd was sent one */
	char target[64];
} t;

static uint64_t now(void *arg)
{
	(void)arg;
	return t.now;
}

static bool on_send(const struct channel *at, const char *target, bool marked,
		    void *arg)
{
	uint64_t bucket = (t.now - t.from) / BUCKET;

	(void)arg;
	t.sent++;
	t.probes += marked;
	(void)snprintf(t.target, sizeof(t.target), "%s", target);
	if (t.from && bucket < sizeof(t.buckets) / sizeof(*t.buckets))
		t.buckets[bucket]++;
	if (t.of)
		t.of[ntohl(at->addr.u.in.sin_addr.s_addr) & 0xffff]++;
	return t.owed;
}

static void on_news(const struct channel *at, enum pinholes_news what,
		    const char *why, void *arg)
{
	(void)at;
	(void)arg;
	ck_assert_ptr_nonnull(why);
	t.marked += what == PINHOLES_MARKED;
	t.heard += what == PINHOLES_HEARD;
}

static struct channel via(const char *text)
{
	struct channel c;

	ck_assert_int_eq(channel_parse(&c, text), 0);
	return c;
}

/* The nth of a crowd, each behind a NAT of its own. */
static struct channel member(uint32_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "198.51.%u.%u:40000", n >> 8,
		       n & 0xff);
	return via(text);
}

static void setup(void)
{
	struct pinholes_config cfg = {
		.max = CROWD,
		.interval_ms = INTERVAL,
		.misses = MISSES,
		.now = now,
		.send = on_send,
		.news = on_news,
	};

	memset(&t, 0, sizeof(t));
	t.now = 1000000007;
	ck_assert_int_eq(deadlines_alloc(&t.dl), 0);
	cfg.deadlines = t.dl;
	ck_assert_int_eq(pinholes_alloc(&t.p, &cfg), 0);
}

static void teardown(void)
{
	pinholes_free(t.p);
	ck_assert_uint_eq(deadlines_count(t.dl), 0);
	deadlines_free(t.dl);
	free(t.of);
}

static void run_until(uint64_t end, unsigned step)
{
	for (; t.now < end; t.now += step)
		deadlines_run(t.dl, t.now);
}

static void open_at(const struct channel *at, bool soon)
{
	ck_assert_int_eq(
		pinholes_open(t.p, at, "sip:a@10.0.0.16:5060", t.now, soon), 0);
}

static void crowd_comes(bool soon)
{
	t.of = calloc(1 << 16, sizeof(*t.of));
	ck_assert_ptr_nonnull(t.of);
	t.from = t.now;
	for (uint32_t i = 0; i < CROWD; i++) {
		struct channel at = member(i);

		open_at(&at, soon);
	}
}

static void no_bucket_is_full(size_t from, size_t to, size_t most)
{
	for (size_t i = from; i < to; i++)
		ck_assert_msg(t.buckets[i] <= most, "%zu keepalives in %d ms",
			      t.buckets[i], BUCKET);
}

START_TEST(fifty_thousand_at_one_moment_are_spread_over_every_interval)
{
	size_t round = INTERVAL / BUCKET;

	crowd_comes(false);
	run_until(t.from + INTERVAL + 1, 1);
	for (uint32_t i = 0; i < CROWD; i++)
		ck_assert_uint_eq(t.of[i], 1);
	no_bucket_is_full(0, round, BUCKET_MOST);
	run_until(t.from + 2 * INTERVAL + 1, 1);
	for (uint32_t i = 0; i < CROWD; i++)
		ck_assert_uint_eq(t.of[i], 2);
	no_bucket_is_full(round, 2 * round, BUCKET_MOST);
}
END_TEST

START_TEST(lateness_neither_drifts_nor_bunches)
{
	size_t round = INTERVAL / BUCKET;
	uint64_t last;

	crowd_comes(false);
	run_until(t.from + INTERVAL + 1, 1);
	/* nothing runs for 50 s: each gets one, not one a missed turn */
	t.now += 50000;
	t.sent = 0;
	deadlines_run(t.dl, t.now);
	ck_assert_uint_eq(t.sent, CROWD);
	/* a hundred intervals of turns that come up to 7 ms late */
	run_until(t.now + (uint64_t)100 * INTERVAL, 7);
	run_until(t.now + INTERVAL, 1);
	memset(t.buckets, 0, sizeof(t.buckets));
	t.from = last = t.now;
	t.sent = 0;
	run_until(last + INTERVAL, 1);
	ck_assert_uint_eq(t.sent, CROWD);
	no_bucket_is_full(0, round, BUCKET_MOST);
}
END_TEST

START_TEST(after_a_restart_the_first_one_comes_in_a_quarter_of_the_interval)
{
	size_t quarter = INTERVAL / 4 / BUCKET;

	crowd_comes(true);
	run_until(t.from + INTERVAL / 4 + 2, 1);
	for (uint32_t i = 0; i < CROWD; i++)
		ck_assert_uint_ge(t.of[i], 1);
	/* a quarter of the others' turns are in it as well: 1250 on average */
	no_bucket_is_full(0, quarter, 1500);
	run_until(t.from + 2 * INTERVAL + 2, 1);
	for (uint32_t i = 0; i < CROWD; i++)
		ck_assert_uint_ge(t.of[i], 2);
}
END_TEST

START_TEST(one_that_stops_answering_is_marked_and_unmarked_when_heard)
{
	struct channel at = via("198.51.100.28:40000");

	t.owed = true;
	open_at(&at, false);
	run_until(t.now + INTERVAL + 1, 1);
	ck_assert(pinholes_heard(t.p, &at, true, t.now));
	ck_assert_uint_eq(pinholes_last_heard(t.p, &at), t.now);
	/* asked MISSES times, and found silent at the turn behind the last */
	run_until(t.now + MISSES * INTERVAL, 1);
	ck_assert(!pinholes_marked(t.p, &at));
	run_until(t.now + INTERVAL, 1);
	ck_assert(pinholes_marked(t.p, &at));
	ck_assert_uint_eq(t.marked, 1);
	ck_assert_uint_eq(pinholes_count_marked(t.p), 1);
	/* it is still asked, and knows so */
	ck_assert_uint_eq(t.probes, 1);
	ck_assert(pinholes_heard(t.p, &at, false, t.now));
	ck_assert(!pinholes_marked(t.p, &at));
	ck_assert_uint_eq(t.heard, 1);
	ck_assert_uint_eq(pinholes_count_marked(t.p), 0);
}
END_TEST

START_TEST(one_that_never_answered_is_not_marked_by_silence)
{
	struct channel at = via("198.51.100.28:40000");

	t.owed = true;
	open_at(&at, false);
	for (int i = 0; i < 10; i++) {
		run_until(t.now + INTERVAL, 1);
		/* its REGISTER, which is no answer */
		if (i == 1)
			ck_assert(pinholes_heard(t.p, &at, false, t.now));
	}
	ck_assert(!pinholes_marked(t.p, &at));
	pinholes_mark(t.p, &at, "INVITE not answered");
	pinholes_mark(t.p, &at, "INVITE not answered");
	ck_assert_uint_eq(t.marked, 1);
}
END_TEST

START_TEST(nothing_is_owed_for_a_plain_crlf)
{
	struct channel at = via("198.51.100.28:40000");

	open_at(&at, false);
	run_until(t.now + INTERVAL + 1, 1);
	ck_assert(pinholes_heard(t.p, &at, true, t.now));
	run_until(t.now + (uint64_t)10 * INTERVAL, 1);
	ck_assert(!pinholes_marked(t.p, &at));
}
END_TEST

START_TEST(a_probe_is_one_at_a_time)
{
	struct channel at = via("198.51.100.28:40000");

	t.owed = true;
	open_at(&at, false);
	pinholes_probe(t.p, &at, t.now);
	pinholes_probe(t.p, &at, t.now + 1);
	ck_assert_uint_eq(t.sent, 1);
	pinholes_heard(t.p, &at, true, t.now + 2);
	pinholes_probe(t.p, &at, t.now + 3);
	ck_assert_uint_eq(t.sent, 2);
	pinholes_probe(t.p, &at, t.now + 3000);
	ck_assert_uint_eq(t.sent, 3);
}
END_TEST

START_TEST(a_pinhole_lives_as_long_as_a_client_uses_it)
{
	struct channel at = via("198.51.100.28:40000");
	struct channel other = via("tcp:198.51.100.28:40000");

	open_at(&at, false);
	open_at(&at, false);
	open_at(&other, false);
	ck_assert_uint_eq(pinholes_count(t.p), 2);
	run_until(t.now + INTERVAL + 1, 1);
	ck_assert_uint_eq(t.sent, 2);
	ck_assert_str_eq(t.target, "sip:a@10.0.0.16:5060");
	pinholes_close(t.p, &at);
	pinholes_close(t.p, &other);
	ck_assert_uint_eq(pinholes_count(t.p), 1);
	pinholes_mark(t.p, &at, "test");
	pinholes_close(t.p, &at);
	ck_assert_uint_eq(pinholes_count(t.p), 0);
	ck_assert_uint_eq(pinholes_count_marked(t.p), 0);
	ck_assert(!pinholes_heard(t.p, &at, false, t.now));
	ck_assert_uint_eq(deadlines_count(t.dl), 0);
}
END_TEST

START_TEST(a_connection_that_is_gone_marks_its_own_pinhole)
{
	struct channel at = via("tcp:198.51.100.28:40000");
	struct channel old = at;

	at.conn = 7;
	old.conn = 6;
	open_at(&at, false);
	pinholes_gone(t.p, &old, "connection closed");
	ck_assert(!pinholes_marked(t.p, &at));
	pinholes_gone(t.p, &at, "connection closed");
	ck_assert(pinholes_marked(t.p, &at));
	/* the phone has come back from there on another one */
	old.conn = 8;
	ck_assert(pinholes_heard(t.p, &old, false, t.now));
	ck_assert(pinholes_channel(&at, t.p));
	ck_assert_uint_eq(at.conn, 8);
	/* a directory that names it does not know its connection */
	at.conn = 0;
	open_at(&at, false);
	ck_assert(pinholes_channel(&at, t.p));
	ck_assert_uint_eq(at.conn, 8);
}
END_TEST

START_TEST(the_table_is_bounded)
{
	struct channel at;

	crowd_comes(false);
	at = via("192.0.2.1:5060");
	ck_assert_int_eq(pinholes_open(t.p, &at, "sip:a@x", t.now, false),
			 -ENOSPC);
	at = member(0);
	open_at(&at, false);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_pinholes");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(
		tc,
		fifty_thousand_at_one_moment_are_spread_over_every_interval);
	tcase_add_test(tc, lateness_neither_drifts_nor_bunches);
	tcase_add_test(
		tc,
		after_a_restart_the_first_one_comes_in_a_quarter_of_the_interval);
	tcase_add_test(
		tc, one_that_stops_answering_is_marked_and_unmarked_when_heard);
	tcase_add_test(tc, one_that_never_answered_is_not_marked_by_silence);
	tcase_add_test(tc, nothing_is_owed_for_a_plain_crlf);
	tcase_add_test(tc, a_probe_is_one_at_a_time);
	tcase_add_test(tc, a_pinhole_lives_as_long_as_a_client_uses_it);
	tcase_add_test(tc, a_connection_that_is_gone_marks_its_own_pinhole);
	tcase_add_test(tc, the_table_is_bounded);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
