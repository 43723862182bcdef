#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/port.h"

enum { LO = 30000, HI = 30199, PAIRS = 100, REST_MS = 30000 };

static struct ports *pool;

/* Ports that something else holds. */
static bool taken_elsewhere[65536];
static unsigned tried;
static int broken; /* what every try returns, if not 0 */

static int try_port(uint16_t port, void *arg)
{
	ck_assert_ptr_eq(arg, &tried);
	tried++;
	if (broken)
		return broken;
	return taken_elsewhere[port] ? -EADDRINUSE : 0;
}

static int take(uint16_t *port, uint64_t now)
{
	return ports_take(port, pool, now, try_port, &tried);
}

static void setup(void)
{
	memset(taken_elsewhere, 0, sizeof(taken_elsewhere));
	tried = 0;
	broken = 0;
	ck_assert_int_eq(ports_alloc(&pool, LO, HI, REST_MS), 0);
}

static void teardown(void)
{
	ports_free(pool);
}

START_TEST(range_is_rounded_to_whole_pairs)
{
	struct ports *p;

	ck_assert_int_eq(ports_alloc(&p, 30001, 30004, 0), 0);
	ck_assert_uint_eq(ports_total(p), 1); /* 30002 and 30003 */
	ports_free(p);
	ck_assert_int_eq(ports_alloc(&p, 30001, 30002, 0), -EINVAL);
	ck_assert_int_eq(ports_alloc(&p, 30000, 30000, 0), -EINVAL);
	ck_assert_int_eq(ports_alloc(&p, 65535, 65535, 0), -EINVAL);
	ck_assert_int_eq(ports_alloc(&p, 1024, 65535, 0), 0);
	ck_assert_uint_eq(ports_total(p), 32256);
	ports_free(p);
	ports_free(NULL);
}
END_TEST

START_TEST(every_pair_is_taken_once)
{
	bool seen[65536] = {false};
	uint16_t port;

	for (unsigned i = 0; i < PAIRS; i++) {
		ck_assert_int_eq(take(&port, 0), 0);
		ck_assert_uint_ge(port, LO);
		ck_assert_uint_lt(port, HI);
		ck_assert_uint_eq(port % 2, 0);
		ck_assert(!seen[port]);
		seen[port] = true;
	}
	ck_assert_int_eq(take(&port, 0), -ENOSPC);
	ck_assert_uint_eq(ports_available(pool, 0), 0);
}
END_TEST

START_TEST(order_is_random)
{
	uint16_t a[PAIRS], b[PAIRS];
	struct ports *other;

	ck_assert_int_eq(ports_alloc(&other, LO, HI, 0), 0);
	for (unsigned i = 0; i < PAIRS; i++) {
		ck_assert_int_eq(take(&a[i], 0), 0);
		ck_assert_int_eq(ports_take(&b[i], other, 0, try_port, &tried),
				 0);
	}
	ck_assert_mem_ne(a, b, sizeof(a));
	ports_free(other);
}
END_TEST

START_TEST(released_pair_rests)
{
	uint16_t port, again;

	for (unsigned i = 0; i < PAIRS; i++)
		ck_assert_int_eq(take(&port, 0), 0);
	ports_give(pool, port, 1000);
	ck_assert_uint_eq(ports_quarantined(pool), 1);
	ck_assert_int_eq(take(&again, 1000 + REST_MS - 1), -ENOSPC);
	ck_assert_int_eq(take(&again, 1000 + REST_MS), 0);
	ck_assert_uint_eq(again, port);
	ck_assert_uint_eq(ports_quarantined(pool), 0);
}
END_TEST

START_TEST(pair_in_use_elsewhere_is_passed_over)
{
	uint16_t port;

	for (unsigned p = LO; p < HI; p++)
		taken_elsewhere[p] = p % 4 == 0;
	for (unsigned i = 0; i < PAIRS / 4; i++) {
		ck_assert_int_eq(take(&port, 0), 0);
		ck_assert_uint_eq(port % 4, 2);
	}
	ck_assert_uint_eq(ports_available(pool, 0) + ports_quarantined(pool),
			  PAIRS - PAIRS / 4);
}
END_TEST

START_TEST(search_is_bounded)
{
	uint16_t port;

	memset(taken_elsewhere, 1, sizeof(taken_elsewhere));
	ck_assert_int_eq(take(&port, 0), -ENOSPC);
	ck_assert_uint_eq(tried, PORTS_TRIES);
	ck_assert_uint_eq(ports_quarantined(pool), PORTS_TRIES);
	ck_assert_uint_eq(ports_available(pool, PORTS_BUSY_REST_MS), PAIRS);
}
END_TEST

START_TEST(other_errors_end_the_search)
{
	uint16_t port;

	broken = -EMFILE;
	ck_assert_int_eq(take(&port, 0), -EMFILE);
	ck_assert_uint_eq(tried, 1);
	ck_assert_uint_eq(ports_available(pool, 0), PAIRS);
}
END_TEST

/* Any mixture of takes, releases and busy pairs: none is lost or doubled. */
START_TEST(no_pair_is_lost)
{
	uint16_t held[PAIRS];
	size_t n = 0;
	uint64_t now = 0;

	srandom((unsigned)_i);
	for (unsigned i = 0; i < 20000; i++) {
		now += (uint64_t)(random() % 500);
		taken_elsewhere[LO + random() % (HI - LO)] = random() % 2;
		if (random() % 2 && n > 0) {
			size_t k = (size_t)random() % n;

			ports_give(pool, held[k], now);
			held[k] = held[--n];
		} else if (take(&held[n], now) == 0) {
			for (size_t k = 0; k < n; k++)
				ck_assert_uint_ne(held[k], held[n]);
			n++;
		}
		ck_assert_uint_eq(ports_available(pool, now) +
					  ports_quarantined(pool) + n,
				  PAIRS);
	}
}
END_TEST

/* A session of another process has its ports already. */
START_TEST(claimed)
{
	uint16_t port;

	ck_assert_int_eq(ports_claim(pool, LO + 10), 0);
	ck_assert_int_eq(ports_claim(pool, LO + 10), -EEXIST);
	ck_assert_uint_eq(ports_available(pool, 0), PAIRS - 1);
	for (unsigned i = 0; i < PAIRS - 1; i++) {
		ck_assert_int_eq(take(&port, 0), 0);
		ck_assert_uint_ne(port, LO + 10);
	}
	ports_give(pool, LO + 10, 0);
	ck_assert_uint_eq(ports_quarantined(pool), 1);
}
END_TEST

/* One of another range, or an odd one, is nothing of the pool's. */
START_TEST(claimed_elsewhere)
{
	const uint16_t ports[] = {LO - 2, HI + 1, LO + 1, 0, 65534};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		ck_assert_int_eq(ports_claim(pool, ports[i]), 0);
		ports_give(pool, ports[i], 0);
	}
	ck_assert_uint_eq(ports_available(pool, 0), PAIRS);
	ck_assert_uint_eq(ports_quarantined(pool), 0);
}
END_TEST

/* What rests goes on to do so in another pool. */
START_TEST(resting_goes_over)
{
	struct ports_resting all[PAIRS];
	struct ports *next;
	uint16_t port;

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(take(&port, 0), 0);
		ports_give(pool, port, i * 1000);
	}
	ck_assert_uint_eq(ports_resting(all, 2, pool), 2);
	ck_assert_uint_eq(ports_resting(all, PAIRS, pool), 3);
	ck_assert_uint_eq(all[0].until, REST_MS);
	ck_assert_uint_eq(all[2].port, port);
	ck_assert_int_eq(ports_alloc(&next, LO, HI, REST_MS), 0);
	for (unsigned i = 0; i < 3; i++) {
		ports_rest(next, &all[i]);
		ports_rest(next, &all[i]); /* again: nothing */
	}
	ck_assert_uint_eq(ports_quarantined(next), 3);
	ck_assert_uint_eq(ports_available(next, REST_MS), PAIRS - 2);
	ports_free(next);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("port");
	Suite *s = suite_create("relayd port");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, claimed);
	tcase_add_test(tc, claimed_elsewhere);
	tcase_add_test(tc, resting_goes_over);
	tcase_add_test(tc, range_is_rounded_to_whole_pairs);
	tcase_add_test(tc, every_pair_is_taken_once);
	tcase_add_test(tc, order_is_random);
	tcase_add_test(tc, released_pair_rests);
	tcase_add_test(tc, pair_in_use_elsewhere_is_passed_over);
	tcase_add_test(tc, search_is_bounded);
	tcase_add_test(tc, other_errors_end_the_search);
	tcase_add_loop_test(tc, no_pair_is_lost, 0, 5);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
