#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/channel.h"
#include "common/deadlines.h"
#include "proxyd/waiting.h"

enum { MAX = 4, PER_CHANNEL = 2, SAY = 2000, UNTIL = 10000 };

static struct {
	struct deadlines *dl;
	struct waiting *w;
	struct channel at, moved, other;
	uint64_t ended[8], queued[8];
	struct channel to[8];
	size_t nended, nqueued;
	uint64_t cancels; /* the handler cancels this one */
} t;

static void on_end(const struct waiting_ref *ref, const struct channel *at,
		   void *arg)
{
	(void)arg;
	t.ended[t.nended] = ref->request;
	ck_assert_uint_eq(ref->branch, 1);
	if (at)
		t.to[t.nended] = *at;
	t.nended++;
}

static void on_queued(const struct waiting_ref *ref, void *arg)
{
	(void)arg;
	t.queued[t.nqueued++] = ref->request;
	if (t.cancels == ref->request)
		ck_assert(waiting_cancel(t.w, ref));
}

static void setup(void)
{
	struct waiting_config cfg = {
		.max = MAX,
		.max_per_channel = PER_CHANNEL,
		.say_ms = SAY,
		.end = on_end,
		.queued = on_queued,
	};

	memset(&t, 0, sizeof(t));
	ck_assert_int_eq(channel_parse(&t.at, "198.51.100.28:40000"), 0);
	ck_assert_int_eq(channel_parse(&t.moved, "198.51.100.28:40001"), 0);
	ck_assert_int_eq(channel_parse(&t.other, "198.51.100.30:40000"), 0);
	ck_assert_int_eq(deadlines_alloc(&t.dl), 0);
	cfg.deadlines = t.dl;
	ck_assert_int_eq(waiting_alloc(&t.w, &cfg), 0);
}

static void teardown(void)
{
	waiting_free(t.w);
	ck_assert_uint_eq(deadlines_count(t.dl), 0);
	deadlines_free(t.dl);
}

static int try_add(uint64_t request, const struct channel *at, uint64_t until)
{
	return waiting_add(t.w, &(struct waiting_ref){request, 1}, at, 0,
			   until);
}

static void add(uint64_t request, const struct channel *at)
{
	ck_assert_int_eq(try_add(request, at, UNTIL), 0);
}

static bool cancel(uint64_t request)
{
	return waiting_cancel(t.w, &(struct waiting_ref){request, 1});
}

START_TEST(calls_go_on_in_their_order_where_the_phone_is_heard)
{
	add(1, &t.at);
	add(2, &t.other);
	add(3, &t.at);
	ck_assert_uint_eq(waiting_wake(t.w, &t.at, &t.moved, 100), 2);
	/* not from within the function */
	ck_assert_uint_eq(t.nended, 0);
	ck_assert_uint_eq(waiting_wake(t.w, &t.at, &t.at, 100), 0);
	deadlines_run(t.dl, 100);
	ck_assert_uint_eq(t.nended, 2);
	ck_assert_uint_eq(t.ended[0], 1);
	ck_assert_uint_eq(t.ended[1], 3);
	ck_assert(channel_eq(&t.to[0], &t.moved));
	ck_assert(channel_eq(&t.to[1], &t.moved));
	ck_assert_uint_eq(waiting_count(t.w), 1);
}
END_TEST

START_TEST(a_long_wait_is_told_and_ends_in_vain)
{
	add(1, &t.at);
	deadlines_run(t.dl, SAY - 1);
	ck_assert_uint_eq(t.nqueued, 0);
	deadlines_run(t.dl, SAY);
	ck_assert_uint_eq(t.nqueued, 1);
	deadlines_run(t.dl, UNTIL - 1);
	ck_assert_uint_eq(t.nended, 0);
	deadlines_run(t.dl, UNTIL);
	ck_assert_uint_eq(t.nended, 1);
	ck_assert_uint_eq(t.ended[0], 1);
	ck_assert(channel_is_none(&t.to[0]));
	ck_assert_uint_eq(t.nqueued, 1);
	ck_assert_uint_eq(waiting_count(t.w), 0);
}
END_TEST

START_TEST(a_short_wait_is_told_by_its_end_alone)
{
	ck_assert_int_eq(try_add(1, &t.at, SAY), 0);
	deadlines_run(t.dl, UNTIL);
	ck_assert_uint_eq(t.nqueued, 0);
	ck_assert_uint_eq(t.nended, 1);
}
END_TEST

START_TEST(what_was_cancelled_never_ends)
{
	add(1, &t.at);
	add(2, &t.at);
	ck_assert(cancel(1));
	ck_assert(!cancel(1));
	ck_assert_uint_eq(waiting_wake(t.w, &t.at, &t.at, 0), 1);
	/* also when it was to go on at this turn */
	ck_assert(cancel(2));
	deadlines_run(t.dl, UNTIL);
	ck_assert_uint_eq(t.nended, 0);
	t.cancels = 3;
	add(3, &t.at);
	deadlines_run(t.dl, UNTIL);
	ck_assert_uint_eq(t.nqueued, 1);
	ck_assert_uint_eq(t.nended, 0);
}
END_TEST

START_TEST(waiting_is_bounded)
{
	add(1, &t.at);
	ck_assert_int_eq(try_add(1, &t.other, UNTIL), -EEXIST);
	add(2, &t.at);
	ck_assert_int_eq(try_add(3, &t.at, UNTIL), -ENOSPC);
	add(3, &t.other);
	add(4, &t.other);
	ck_assert_int_eq(try_add(5, &t.moved, UNTIL), -ENOSPC);
	ck_assert_uint_eq(waiting_count(t.w), MAX);
	ck_assert(cancel(2));
	add(5, &t.at);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_waiting");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, calls_go_on_in_their_order_where_the_phone_is_heard);
	tcase_add_test(tc, a_long_wait_is_told_and_ends_in_vain);
	tcase_add_test(tc, a_short_wait_is_told_by_its_end_alone);
	tcase_add_test(tc, what_was_cancelled_never_ends);
	tcase_add_test(tc, waiting_is_bounded);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
