#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/avoid.h"
#include "common/resolve_cache.h"
#include "tests/unit/dns_zone.h"

/* What a resolver remembers: answers, and destinations that have failed. */
enum { MAX = 8, NOW = 1000000 };

static struct resolve_cache *cache;
static struct avoid *avoid;
static struct dns_record rr[DNS_RECORDS_MAX];

static void setup(void)
{
	ck_assert_int_eq(resolve_cache_alloc(&cache, MAX), 0);
	ck_assert_int_eq(avoid_alloc(&avoid, MAX), 0);
}

static void teardown(void)
{
	resolve_cache_free(cache);
	avoid_free(avoid);
}

static void put(const char *name, int err, uint32_t ttl, size_t n)
{
	struct dns_answer a = {.err = err, .ttl = ttl, .n = n, .rr = rr};

	zone_record(&rr[0], "A", "192.0.2.1");
	zone_record(&rr[1], "A", "192.0.2.2");
	ck_assert_int_eq(resolve_cache_put(cache, DNS_A, name, &a, NOW), 0);
	memset(rr, 0, sizeof(rr));
}

static const struct dns_answer *get(const char *name, uint64_t after_ms)
{
	return resolve_cache_get(cache, DNS_A, name, NOW + after_ms);
}

START_TEST(answers_are_copies)
{
	char ip[ADDR_STRLEN];

	put("a", 0, 60, 2);
	ck_assert_ptr_nonnull(get("a", 0));
	ck_assert_uint_eq(get("a", 0)->n, 2);
	ck_assert_str_eq(addr_ip_str(ip, &get("a", 0)->rr[1].u.addr),
			 "192.0.2.2");
	ck_assert_ptr_null(get("b", 0));
	ck_assert_ptr_null(resolve_cache_get(cache, DNS_AAAA, "a", NOW));
	put("a", -ENOENT, 60, 0);
	ck_assert_int_eq(get("a", 0)->err, -ENOENT);
	ck_assert_uint_eq(resolve_cache_count(cache), 1);
}
END_TEST

static const struct {
	int err;
	uint32_t ttl;
	size_t n;
	uint64_t lasts;
} lives[] = {
	{0, 60, 1, 60000},
	{0, 0, 1, RESOLVE_TTL_MIN_MS},
	{0, INT32_MAX, 1, RESOLVE_TTL_MAX_MS},
	{0, 60, 0, 60000},
	{-ENOENT, 86400, 0, RESOLVE_TTL_LACK_MAX_MS},
	{-ENOENT, 1, 0, RESOLVE_TTL_MIN_MS},
	{-EIO, 3600, 0, RESOLVE_TTL_FAILED_MS},
	{-ETIMEDOUT, 0, 0, RESOLVE_TTL_FAILED_MS},
};

START_TEST(answers_last_within_bounds)
{
	put("a", lives[_i].err, lives[_i].ttl, lives[_i].n);
	ck_assert_ptr_nonnull(get("a", lives[_i].lasts - 1));
	ck_assert_ptr_null(get("a", lives[_i].lasts));
}
END_TEST

START_TEST(the_oldest_makes_room)
{
	char name[16];

	for (int i = 0; i < MAX + 3; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		put(name, 0, 60, 1);
	}
	ck_assert_uint_eq(resolve_cache_count(cache), MAX);
	ck_assert_ptr_null(get("n2", 0));
	ck_assert_ptr_nonnull(get("n3", 0));
	resolve_cache_clear(cache);
	ck_assert_uint_eq(resolve_cache_count(cache), 0);
	ck_assert_ptr_null(get("n5", 0));
}
END_TEST

static struct channel channel(const char *text)
{
	struct channel c;

	ck_assert_int_eq(channel_parse(&c, text), 0);
	return c;
}

START_TEST(failed_ones_go_last_for_a_while)
{
	struct channel v[] = {channel("192.0.2.1"), channel("192.0.2.2"),
			      channel("tcp:192.0.2.1"), channel("192.0.2.3")};
	const struct channel a = v[0], b = v[1], tcp = v[2], c = v[3];

	avoid_add(avoid, &a, NOW, 500);
	avoid_add(avoid, &tcp, NOW, 1000);
	avoid_sort(avoid, v, 4, NOW);
	ck_assert(channel_eq(&v[0], &b) && channel_eq(&v[1], &c));
	ck_assert(channel_eq(&v[2], &a) && channel_eq(&v[3], &tcp));
	ck_assert_uint_eq(avoid_count(avoid, NOW), 2);
	ck_assert(avoid_has(avoid, &a, NOW + 499));
	ck_assert(!avoid_has(avoid, &a, NOW + 500));
	ck_assert(avoid_has(avoid, &tcp, NOW + 500));
	avoid_del(avoid, &tcp);
	ck_assert(!avoid_has(avoid, &tcp, NOW));
	avoid_add(avoid, &b, NOW, UINT64_MAX / 2);
	ck_assert(!avoid_has(avoid, &b, NOW + AVOID_MAX_MS));
}
END_TEST

START_TEST(failed_ones_are_bounded)
{
	struct channel ch = channel("192.0.2.1");

	for (uint16_t i = 0; i < MAX + 2; i++) {
		addr_set_port(&ch.addr, (uint16_t)(5000 + i));
		avoid_add(avoid, &ch, NOW, 1000 + i);
	}
	ck_assert_uint_eq(avoid_count(avoid, NOW), MAX);
	addr_set_port(&ch.addr, 5001);
	ck_assert(!avoid_has(avoid, &ch, NOW)); /* the first to be free again */
	addr_set_port(&ch.addr, 5002);
	ck_assert(avoid_has(avoid, &ch, NOW));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve_cache");
	TCase *tc = tcase_create("resolve_cache");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answers_are_copies);
	tcase_add_loop_test(tc, answers_last_within_bounds, 0,
			    (int)(sizeof(lives) / sizeof(lives[0])));
	tcase_add_test(tc, the_oldest_makes_room);
	tcase_add_test(tc, failed_ones_go_last_for_a_while);
	tcase_add_test(tc, failed_ones_are_bounded);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
