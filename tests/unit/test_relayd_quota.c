#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "relayd/quota.h"

enum { MANY = 1000000 };

static struct quota *q;
static uint64_t now;

static void limit(size_t sessions, uint32_t rate, uint64_t bandwidth)
{
	const struct quota_limits l = {sessions, rate, bandwidth};

	quota_limit(q, &l);
}

static void setup(void)
{
	const struct quota_limits none = {MANY, 0, 0};

	now = 5000;
	ck_assert_int_eq(quota_alloc(&q, &none), 0);
}

static void teardown(void)
{
	quota_free(q);
	quota_free(NULL);
}

/* How many may begin now, up to `max`; the last refusal. */
static unsigned take(unsigned max, int *why)
{
	unsigned n = 0;

	*why = 0;
	while (n < max && !(*why = quota_take(q, now)))
		n++;
	return n;
}

#define assert_takes(max, want, reason)                                        \
	do {                                                                   \
		int why;                                                       \
		ck_assert_uint_eq(take((max), &why), (want));                  \
		ck_assert_int_eq(why, (reason));                               \
	} while (0)

START_TEST(test_sessions)
{
	limit(3, 0, 0);
	assert_takes(10, 3, -EUSERS);
	ck_assert_uint_eq(quota_sessions(q), 3);
	quota_give(q);
	assert_takes(10, 1, -EUSERS);
	limit(5, 0, 0);
	assert_takes(10, 2, -EUSERS);
	/* fewer than there are: those go on */
	limit(2, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		quota_give(q);
		ck_assert_int_eq(quota_take(q, now), -EUSERS);
	}
	quota_give(q);
	assert_takes(10, 1, -EUSERS);
	ck_assert_uint_eq(quota_sessions(q), 2);
}
END_TEST

START_TEST(test_no_limits)
{
	assert_takes(10000, 10000, 0);
}
END_TEST

START_TEST(test_rate)
{
	limit(MANY, 10, 0);
	assert_takes(100, 10, -EAGAIN); /* a second's worth at once */
	now += 99;
	assert_takes(100, 0, -EAGAIN);
	now += 1;
	assert_takes(100, 1, -EAGAIN);
	for (unsigned i = 0; i < 10; i++) { /* parts of one add up */
		now += 50;
		assert_takes(100, i % 2, -EAGAIN);
	}
	now += 600000; /* silence is worth no more than one second */
	assert_takes(100, 10, -EAGAIN);
	/* ten minutes of too many: no more than the rate */
	for (unsigned n = 0, i = 0; i < 60000; i++) {
		int why;

		now += 10;
		n += take(3, &why);
		ck_assert_uint_le(n, i / 10 + 1);
		ck_assert_uint_ge(n, (i + 1) / 10);
	}
}
END_TEST

/* Ends of sessions give back no part of the rate. */
START_TEST(test_rate_is_of_beginnings)
{
	limit(MANY, 2, 0);
	assert_takes(5, 2, -EAGAIN);
	quota_give(q);
	quota_give(q);
	ck_assert_int_eq(quota_take(q, now), -EAGAIN);
	now += 500;
	assert_takes(5, 1, -EAGAIN);
}
END_TEST

/* Nor do refusals for another reason take from it. */
START_TEST(test_refusals_take_nothing)
{
	limit(1, 3, 0);
	assert_takes(50, 1, -EUSERS);
	for (unsigned i = 0; i < 50; i++)
		ck_assert_int_eq(quota_take(q, now), -EUSERS);
	limit(MANY, 3, 0);
	assert_takes(50, 2, -EAGAIN);
	ck_assert_uint_eq(quota_sessions(q), 3);
}
END_TEST

START_TEST(test_rate_changes)
{
	limit(MANY, 5, 0);
	assert_takes(50, 5, -EAGAIN);
	limit(MANY, 50, 0); /* a larger bucket is not a full one */
	assert_takes(50, 0, -EAGAIN);
	now += 100;
	assert_takes(50, 5, -EAGAIN);
	now += 1000;
	limit(MANY, 2, 0); /* a smaller one holds less */
	assert_takes(50, 2, -EAGAIN);
	limit(MANY, 0, 0);
	assert_takes(50, 50, 0);
	limit(MANY, 4, 0);
	assert_takes(50, 4, -EAGAIN);
}
END_TEST

/* Two workers' clocks. */
START_TEST(test_time_does_not_go_back)
{
	limit(MANY, 10, 0);
	assert_takes(50, 10, -EAGAIN);
	now -= 900;
	assert_takes(50, 0, -EAGAIN);
	now += 1000;
	assert_takes(50, 1, -EAGAIN);
}
END_TEST

START_TEST(test_large_numbers)
{
	limit(SIZE_MAX, UINT32_MAX, UINT64_MAX);
	assert_takes(5, 5, 0);
	now = UINT64_MAX;
	assert_takes(5, 5, 0);
}
END_TEST

/* One worker tells its total every quarter of a second. */
static void carry(struct quota_meter *m, uint64_t *bytes, uint64_t a_second,
		  unsigned ms)
{
	for (unsigned i = 0; i < ms / 250; i++) {
		now += 250;
		*bytes += a_second / 4;
		quota_traffic(q, m, *bytes, now);
	}
}

START_TEST(test_bandwidth)
{
	struct quota_meter m = {0};
	uint64_t bytes = 0;

	ck_assert(!quota_wants_traffic(q));
	limit(MANY, 0, 80000);
	ck_assert(quota_wants_traffic(q));
	carry(&m, &bytes, 10000, 2000);
	ck_assert_uint_eq(quota_bandwidth(q), 80000);
	assert_takes(1, 1, 0); /* at the limit, not above */
	carry(&m, &bytes, 12000, 2000);
	ck_assert_uint_eq(quota_bandwidth(q), 96000);
	assert_takes(1, 0, -EDQUOT);
	limit(MANY, 0, 100000);
	assert_takes(1, 1, 0);
	limit(MANY, 0, 80000);
	assert_takes(1, 0, -EDQUOT);
	carry(&m, &bytes, 0, 2000); /* silence */
	ck_assert_uint_eq(quota_bandwidth(q), 0);
	assert_takes(1, 1, 0);
}
END_TEST

/* What was before it was measured is no traffic. */
START_TEST(test_bandwidth_begins)
{
	struct quota_meter m = {0};
	uint64_t bytes = 1ULL << 40;

	carry(&m, &bytes, 1000, 1000);
	ck_assert_uint_eq(quota_bandwidth(q), 0);
	carry(&m, &bytes, 1000, 1000);
	ck_assert_uint_eq(quota_bandwidth(q), 8000);
	/* nobody asked for a while: begun anew */
	now += QUOTA_STALE_MS + 1;
	bytes += 1ULL << 40;
	quota_traffic(q, &m, bytes, now);
	ck_assert_uint_eq(quota_bandwidth(q), 0);
	carry(&m, &bytes, 2000, 1000);
	ck_assert_uint_eq(quota_bandwidth(q), 16000);
	/* a tick that came late */
	now += 3000;
	bytes += 9000;
	quota_traffic(q, &m, bytes, now);
	ck_assert_uint_eq(quota_bandwidth(q), 24000);
}
END_TEST

/* Several workers, each with its own ticks, are summed up. */
START_TEST(test_bandwidth_of_workers)
{
	struct quota_meter a = {0}, b = {0};
	uint64_t of_a = 0, of_b = 0;

	for (unsigned i = 0; i < 40; i++) {
		carry(&a, &of_a, 1000, 250);
		now += 3;
		of_b += 500;
		quota_traffic(q, &b, of_b, now);
		now -= 3;
	}
	ck_assert_uint_eq(quota_bandwidth(q), 8000 + 16000);
}
END_TEST

enum { THREADS = 4, TURNS = 20000, PLACES = 3 };

static void worker(void *arg)
{
	struct quota_meter m = {0};
	unsigned *most = arg;

	for (uint64_t i = 0; i < TURNS; i++) {
		quota_traffic(q, &m, i * 1000, i * 500);
		if (quota_take(q, i))
			continue;
		if (quota_sessions(q) > *most)
			*most = (unsigned)quota_sessions(q);
		quota_give(q);
	}
	quota_traffic(q, &m, 0, (uint64_t)TURNS * 500 + 2 * QUOTA_STALE_MS);
}

START_TEST(test_threads)
{
	uv_thread_t threads[THREADS];
	unsigned most[THREADS] = {0};

	limit(PLACES, 0, UINT64_MAX);
	for (unsigned i = 0; i < THREADS; i++)
		uv_thread_create(&threads[i], worker, &most[i]);
	for (unsigned i = 0; i < THREADS; i++) {
		uv_thread_join(&threads[i]);
		ck_assert_uint_le(most[i], PLACES);
	}
	ck_assert_uint_eq(quota_sessions(q), 0);
	ck_assert_uint_eq(quota_bandwidth(q), 0);
	assert_takes(10, PLACES, -EUSERS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_quota");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_sessions);
	tcase_add_test(tc, test_no_limits);
	tcase_add_test(tc, test_rate);
	tcase_add_test(tc, test_rate_is_of_beginnings);
	tcase_add_test(tc, test_refusals_take_nothing);
	tcase_add_test(tc, test_rate_changes);
	tcase_add_test(tc, test_time_does_not_go_back);
	tcase_add_test(tc, test_large_numbers);
	tcase_add_test(tc, test_bandwidth);
	tcase_add_test(tc, test_bandwidth_begins);
	tcase_add_test(tc, test_bandwidth_of_workers);
	tcase_add_test(tc, test_threads);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
