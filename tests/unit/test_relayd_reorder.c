#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/reorder.h"

enum { WAIT = 50, TEXT = 4096, LONG = 4096, EVER = 1000000 };

static struct reorder *r;
static uint64_t now;
static char said[TEXT]; /* what left: "number@time ..." */
static uint8_t bytes[LONG];

/* The bytes of a packet are made from its number, its length too. */
static size_t make(uint8_t *out, uint16_t seq)
{
	size_t len = 20 + seq % 1000U;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(seq + i);
	out[0] = (uint8_t)(seq >> 8);
	out[1] = (uint8_t)seq;
	return len;
}

static uint16_t check_bytes(const uint8_t *data, size_t len)
{
	uint8_t want[LONG];
	uint16_t seq = (uint16_t)(data[0] << 8 | data[1]);

	ck_assert_uint_eq(make(want, seq), len);
	ck_assert_mem_eq(data, want, len);
	return seq;
}

static void on_out(const uint8_t *data, size_t len, void *arg)
{
	size_t n = strlen(said);

	ck_assert_ptr_eq(arg, &now);
	ck_assert_uint_lt(n + 32, sizeof(said));
	snprintf(said + n, sizeof(said) - n, "%s%u@%u", n ? " " : "",
		 (unsigned)check_bytes(data, len), (unsigned)now);
}

static void setup(void)
{
	now = 0;
	*said = '\0';
	ck_assert_int_eq(reorder_alloc(&r, WAIT, on_out, &now), 0);
}

static void teardown(void)
{
	reorder_free(r);
}

/* As the owner's timer does. */
static void pass_time(uint64_t until)
{
	while (reorder_due(r) <= until) {
		uint64_t due = reorder_due(r);

		ck_assert_uint_ge(due, now);
		now = due;
		reorder_run(r, now);
		ck_assert_uint_gt(reorder_due(r), now);
	}
	now = until;
}

static enum reorder_verdict give(uint32_t ssrc, uint16_t seq)
{
	const struct reorder_packet p = {bytes, make(bytes, seq), ssrc, seq};

	return reorder_push(r, &p, now);
}

/* "number@time ...", "number/ssrc@time" for another SSRC than 1. */
static void play(const char *text)
{
	unsigned seq, ssrc, at;
	int n;

	for (; *text; text += n) {
		ssrc = 1;
		if (sscanf(text, " %u/%u@%u %n", &seq, &ssrc, &at, &n) < 3)
			ck_assert_int_eq(
				sscanf(text, " %u@%u %n", &seq, &at, &n), 2);
		pass_time(at);
		give(ssrc, (uint16_t)seq);
	}
	pass_time(EVER);
}

static const struct {
	const char *in, *out;
	struct reorder_counts n; /* held, given up, late, duplicates */
} cases[] = {
	/* nothing waits that need not */
	{"7@0", "7@0", {0}},
	{"7@0 8@20 9@20 10@100", "7@0 8@20 9@20 10@100", {0}},
	{"65534@0 65535@1 0@2 1@3", "65534@0 65535@1 0@2 1@3", {0}},
	/* out of order, in time */
	{"7@0 9@10 8@15", "7@0 8@15 9@15", {1, 0, 0, 0}},
	{"7@0 9@10 8@59", "7@0 8@59 9@59", {1, 0, 0, 0}},
	{"7@0 10@5 9@6 8@7", "7@0 8@7 9@7 10@7", {2, 0, 0, 0}},
	{"7@0 9@5 11@6 8@7 10@8", "7@0 8@7 9@7 10@8 11@8", {2, 0, 0, 0}},
	{"65535@0 1@5 0@6 2@7", "65535@0 0@6 1@6 2@7", {1, 0, 0, 0}},
	{"65534@0 1@5 0@6 65535@7", "65534@0 65535@7 0@7 1@7", {2, 0, 0, 0}},
	/* lost: given up so long after the first behind it came */
	{"7@0 9@10", "7@0 9@60", {1, 1, 0, 0}},
	{"7@0 9@10 10@30 11@50", "7@0 9@60 10@60 11@60", {3, 1, 0, 0}},
	{"7@0 9@10 10@30 11@70", "7@0 9@60 10@60 11@70", {2, 1, 0, 0}},
	{"7@0 12@10 13@11", "7@0 12@60 13@60", {2, 4, 0, 0}},
	{"65533@0 1@10", "65533@0 1@60", {1, 3, 0, 0}},
	/* two gaps: the second waits from the packet behind it ... */
	{"7@0 9@10 11@20", "7@0 9@60 11@70", {2, 2, 0, 0}},
	/* ... which may be earlier than what is before it */
	{"7@0 11@10 9@20", "7@0 9@60 11@60", {2, 2, 0, 0}},
	{"7@0 11@10 9@20 8@30", "7@0 8@30 9@30 11@60", {2, 1, 0, 0}},
	/* too late: dropped, and what follows does not wait */
	{"7@0 9@10 8@60 10@61", "7@0 9@60 10@61", {1, 1, 1, 0}},
	{"7@0 9@10 8@60 8@61", "7@0 9@60", {1, 1, 2, 0}},
	{"7@0 6@1 8@2", "7@0 8@2", {0, 0, 1, 0}},
	{"0@0 65535@1 1@2", "0@0 1@2", {0, 0, 1, 0}},
	/* twice: what left, what is held */
	{"7@0 7@1 8@2", "7@0 8@2", {0, 0, 0, 1}},
	{"7@0 8@2 7@3 8@4 9@5", "7@0 8@2 9@5", {0, 0, 0, 2}},
	{"7@0 9@5 9@6 8@7 9@8", "7@0 8@7 9@7", {1, 0, 0, 2}},
	/* another SSRC: what is held leaves first, then it begins */
	{"7@0 9@5 3/2@6 4/2@7", "7@0 9@6 3@6 4@7", {1, 1, 0, 0}},
	{"7@0 10@4 9@5 7/2@6", "7@0 9@6 10@6 7@6", {2, 1, 0, 0}},
	{"7@0 8/2@5 7@6 8@7 6/2@8", "7@0 8@5 7@6 8@7 6@8", {0}},
	/* so does a leap, either way */
	{"7@0 9@5 9000@6 9001@7", "7@0 9@6 9000@6 9001@7", {1, 1, 0, 0}},
	{"9000@0 7@5 8@7", "9000@0 7@5 8@7", {0}},
	{"300@0 428@1", "300@0 428@51", {1, 127, 0, 0}}, /* no leap yet */
	{"300@0 429@1", "300@0 429@1", {0}},
	{"300@0 173@1", "300@0", {0, 0, 1, 0}},
	{"300@0 172@1", "300@0 172@1", {0}},
	/* a leap by one packet: it and the next go on at once */
	{"7@0 9000@1 8@2 9@3", "7@0 9000@1 8@2 9@3", {0}},
	/* the sender begins anew a little back, which is not seen at once */
	{"7@0 8@0 9@0 2@1 3@2 4@3 5@4 6@5 7@6 8@7 9@8 10@9",
	 "7@0 8@0 9@0 9@8 10@9",
	 {0, 0, 5, 2}},
	/* but not while it goes on */
	{"20@0 2@1 3@2 4@3 5@4 6@5 7@6 8@7 21@8 9@9",
	 "20@0 21@8",
	 {0, 0, 8, 0}},
};

START_TEST(test_sequences)
{
	const struct reorder_counts *n = reorder_counts(r);

	play(cases[_i].in);
	ck_assert_str_eq(said, cases[_i].out);
	ck_assert_uint_eq(n->held, cases[_i].n.held);
	ck_assert_uint_eq(n->given_up, cases[_i].n.given_up);
	ck_assert_uint_eq(n->late, cases[_i].n.late);
	ck_assert_uint_eq(n->duplicates, cases[_i].n.duplicates);
	ck_assert_uint_eq(reorder_due(r), UINT64_MAX);
}
END_TEST

START_TEST(test_verdicts)
{
	ck_assert_int_eq(give(1, 7), REORDER_PASSED);
	ck_assert_int_eq(give(1, 7), REORDER_DUPLICATE);
	ck_assert_int_eq(give(1, 10), REORDER_HELD);
	ck_assert_int_eq(give(1, 10), REORDER_DUPLICATE);
	ck_assert_int_eq(give(1, 6), REORDER_LATE);
	ck_assert_uint_eq(reorder_due(r), WAIT);
	ck_assert_int_eq(give(1, 8), REORDER_PASSED);
	ck_assert_uint_eq(reorder_due(r), WAIT);
	ck_assert_int_eq(give(1, 9), REORDER_PASSED);
	ck_assert_uint_eq(reorder_due(r), UINT64_MAX);
	ck_assert_str_eq(said, "7@0 8@0 9@0 10@0");
}
END_TEST

/* What comes in order is not copied. */
static void on_same(const uint8_t *data, size_t len, void *arg)
{
	unsigned *n = arg;

	(void)len;
	ck_assert_ptr_eq(data, bytes);
	++*n;
}

START_TEST(test_in_order_is_not_copied)
{
	unsigned n = 0;

	reorder_free(r);
	ck_assert_int_eq(reorder_alloc(&r, WAIT, on_same, &n), 0);
	for (unsigned i = 0; i < 100000; i++) {
		ck_assert_int_eq(give(1, (uint16_t)i), REORDER_PASSED);
		ck_assert_uint_eq(reorder_due(r), UINT64_MAX);
	}
	ck_assert_uint_eq(n, 100000);
}
END_TEST

/* One more than there is room for gives up the first gap, not the others. */
START_TEST(test_overflow)
{
	char want[TEXT] = "1@0";
	int n = (int)strlen(want);

	give(1, 1);
	for (unsigned i = 0; i < REORDER_HELD_MAX; i++)
		give(1, (uint16_t)(i < 10 ? 3 + i : 4 + i)); /* not 2, 13 */
	ck_assert_str_eq(said, want);
	give(1, 36);
	for (unsigned i = 3; i < 13; i++)
		n += snprintf(want + n, sizeof(want) - (size_t)n, " %u@0", i);
	ck_assert_str_eq(said, want);
	ck_assert_uint_eq(reorder_counts(r)->given_up, 1);
	give(1, 13);
	for (unsigned i = 13; i < 37; i++)
		n += snprintf(want + n, sizeof(want) - (size_t)n, " %u@0", i);
	ck_assert_str_eq(said, want);
	ck_assert_uint_eq(reorder_due(r), UINT64_MAX);
}
END_TEST

/* The one that is too much may be the first in order itself. */
START_TEST(test_overflow_at_the_front)
{
	give(1, 1);
	for (unsigned i = 0; i < REORDER_HELD_MAX; i++)
		give(1, (uint16_t)(4 + i));
	give(1, 3);
	ck_assert(!strncmp(said, "1@0 3@0 4@0 5@0", 15));
	ck_assert_uint_eq(reorder_due(r), UINT64_MAX);
	ck_assert_uint_eq(reorder_counts(r)->given_up, 1);
	ck_assert_int_eq(give(1, 2), REORDER_LATE);
}
END_TEST

/* A flood that never fills the first gap: bounded, in order, nothing lost. */
START_TEST(test_burst_behind_a_lost_packet)
{
	give(1, 1);
	for (unsigned i = 3; i < 100; i++)
		give(1, (uint16_t)i);
	ck_assert_uint_eq(reorder_counts(r)->given_up, 1);
	ck_assert_uint_eq(reorder_counts(r)->held, REORDER_HELD_MAX + 1);
	ck_assert_uint_eq(reorder_due(r), UINT64_MAX);
	ck_assert_ptr_nonnull(strstr(said, "98@0 99@0"));
}
END_TEST

static unsigned long_out;

static void on_long(const uint8_t *data, size_t len, void *arg)
{
	(void)data;
	(void)arg;
	if (len > REORDER_LEN_MAX)
		long_out++;
}

/* What cannot be held goes on; what is before it goes first. */
START_TEST(test_too_long_to_hold)
{
	struct reorder_packet p = {bytes, REORDER_LEN_MAX, 1, 5};

	make(bytes, 0);
	reorder_free(r);
	long_out = 0;
	ck_assert_int_eq(reorder_alloc(&r, WAIT, on_long, NULL), 0);
	give(1, 1);
	ck_assert_int_eq(reorder_push(r, &p, now), REORDER_HELD);
	p.seq = 3;
	ck_assert_int_eq(reorder_push(r, &p, now), REORDER_HELD);
	p.seq = 7;
	ck_assert_int_eq(reorder_push(r, &p, now), REORDER_HELD);
	p.seq = 6;
	p.len++;
	ck_assert_int_eq(reorder_push(r, &p, now), REORDER_PASSED);
	ck_assert_uint_eq(long_out, 1);
	ck_assert_uint_eq(reorder_due(r), UINT64_MAX);
	ck_assert_uint_eq(reorder_counts(r)->given_up, 2); /* 2, 4 */
}
END_TEST

/* Its time was over, but nobody has given it up yet: better late than lost. */
START_TEST(test_owner_is_late)
{
	give(1, 7);
	give(1, 9);
	now = 10 * WAIT;
	give(1, 10);
	ck_assert_str_eq(said, "7@0");
	give(1, 8);
	ck_assert_str_eq(said, "7@0 8@500 9@500 10@500");
}
END_TEST

START_TEST(test_letting_go_and_freeing)
{
	give(1, 7);
	give(1, 9);
	give(1, 11);
	reorder_run(r, UINT64_MAX);
	ck_assert_str_eq(said, "7@0 9@0 11@0");
	give(1, 20); /* held when it is freed */
	ck_assert_uint_ne(reorder_due(r), UINT64_MAX);
	reorder_free(NULL);
}
END_TEST

/*
 * Packets 20 ms apart, each late by its own random time, some lost, some
 * twice: whatever the order, what leaves is sorted, leaves once, nothing waits
 * longer than it may, and nothing is lost that came before its time was over.
 */
enum { RUN = 400, FRAME = 20, DELAY = 150, LOSS = 20, TWICE = 15 };

struct arrival {
	uint64_t at;
	uint16_t i;
};

static struct arrival arrivals[2 * RUN];
static uint64_t came[RUN], left_at[RUN]; /* 0: never */
static uint16_t first_seq;
static int last_left;

static void on_random(const uint8_t *data, size_t len, void *arg)
{
	uint16_t i = (uint16_t)(check_bytes(data, len) - first_seq);

	(void)arg;
	ck_assert_uint_lt(i, RUN);
	ck_assert_int_gt(i, last_left);
	ck_assert_uint_eq(left_at[i], 0);
	last_left = i;
	left_at[i] = now;
}

static int by_time(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->i - y->i;
}

static size_t plan(void)
{
	size_t n = 0;

	memset(came, 0, sizeof(came));
	memset(left_at, 0, sizeof(left_at));
	last_left = -1;
	first_seq = (uint16_t)random();
	arrivals[n++] = (struct arrival){1, 0};
	for (uint16_t i = 1; i < RUN; i++) {
		uint64_t sent = 1 + (uint64_t)i * FRAME;

		if (random() % LOSS == 0)
			continue;
		arrivals[n++] = (struct arrival){
			sent + (uint64_t)(random() % DELAY), i};
		if (random() % TWICE == 0)
			arrivals[n++] = (struct arrival){
				sent + (uint64_t)(random() % DELAY), i};
	}
	qsort(arrivals, n, sizeof(arrivals[0]), by_time);
	return n;
}

/* When the first packet behind this one came. */
static uint64_t first_behind(unsigned i)
{
	uint64_t first = UINT64_MAX;

	for (unsigned k = i + 1; k < RUN; k++)
		if (came[k] && came[k] < first)
			first = came[k];
	return first;
}

START_TEST(test_any_order)
{
	size_t n;

	srandom((unsigned)_i);
	n = plan();
	reorder_free(r);
	ck_assert_int_eq(reorder_alloc(&r, WAIT, on_random, NULL), 0);
	for (size_t k = 0; k < n; k++) {
		pass_time(arrivals[k].at);
		if (!came[arrivals[k].i])
			came[arrivals[k].i] = now;
		give(1, (uint16_t)(first_seq + arrivals[k].i));
	}
	pass_time(EVER);
	for (unsigned i = 0; i < RUN; i++) {
		if (left_at[i]) {
			ck_assert_uint_ge(left_at[i], came[i]);
			ck_assert_uint_le(left_at[i], came[i] + WAIT);
		} else if (came[i]) {
			ck_assert_uint_ge(came[i], first_behind(i) + WAIT);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_reorder");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_sequences, 0,
			    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, test_verdicts);
	tcase_add_test(tc, test_in_order_is_not_copied);
	tcase_add_test(tc, test_overflow);
	tcase_add_test(tc, test_overflow_at_the_front);
	tcase_add_test(tc, test_burst_behind_a_lost_packet);
	tcase_add_test(tc, test_too_long_to_hold);
	tcase_add_test(tc, test_owner_is_late);
	tcase_add_test(tc, test_letting_go_and_freeing);
	tcase_add_loop_test(tc, test_any_order, 0, 200);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
