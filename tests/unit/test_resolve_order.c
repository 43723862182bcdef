#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/resolve_order.h"
#include "tests/unit/dns_zone.h"

enum { ALL = (1u << TRANSPORT_COUNT) - 1, ROUNDS = 20000, SERVICES = 4 };

#define BIT(t) (1u << TRANSPORT_##t)

static struct dns_answer a;
static struct dns_record rr[DNS_RECORDS_MAX];

/* RFC 3263 section 4.1, the example of its text. */
static const char *const rfc3263[] = {
	"example.com NAPTR 50 50 s SIPS+D2T _sips._tcp.example.com",
	"example.com NAPTR 90 50 s SIP+D2T _sip._tcp.example.com",
	"example.com NAPTR 100 50 s SIP+D2U _sip._udp.example.com",
	NULL,
};

static int naptr(struct resolve_service out[SERVICES], const char *const *zone,
		 unsigned transports, bool sips)
{
	zone_answer(&a, rr, zone, DNS_NAPTR, "example.com");
	return resolve_order_naptr(out, SERVICES, &a, transports, sips);
}

START_TEST(naptr_of_rfc_3263)
{
	struct resolve_service s[SERVICES];

	ck_assert_int_eq(naptr(s, rfc3263, BIT(UDP) | BIT(TCP), false), 1);
	ck_assert_int_eq(s[0].transport, TRANSPORT_TCP);
	ck_assert_str_eq(s[0].name, "_sip._tcp.example.com");
	ck_assert_int_eq(naptr(s, rfc3263, ALL, false), 1);
	ck_assert_int_eq(s[0].transport, TRANSPORT_TLS);
	ck_assert_int_eq(naptr(s, rfc3263, BIT(UDP), false), 1);
	ck_assert_int_eq(s[0].transport, TRANSPORT_UDP);
}
END_TEST

START_TEST(sips_takes_sips_services_only)
{
	struct resolve_service s[SERVICES];

	ck_assert_int_eq(naptr(s, rfc3263, ALL, true), 1);
	ck_assert_int_eq(s[0].transport, TRANSPORT_TLS);
	ck_assert_int_eq(naptr(s, rfc3263, BIT(UDP) | BIT(TCP), true),
			 -EPROTONOSUPPORT);
}
END_TEST

START_TEST(equal_order_goes_by_preference)
{
	static const char *const zone[] = {
		"example.com NAPTR 10 30 S sip+d2u u.example.com",
		"example.com NAPTR 10 10 s SIP+D2T t.example.com",
		"example.com NAPTR 10 20 a SIP+D2W w.example.com",
		"example.com NAPTR 11 1 s SIPS+D2T later.example.com",
		NULL,
	};
	struct resolve_service s[SERVICES];

	ck_assert_int_eq(naptr(s, zone, ALL, false), 3);
	ck_assert_str_eq(s[0].name, "t.example.com");
	ck_assert_str_eq(s[1].name, "w.example.com");
	ck_assert(s[1].is_host && !s[0].is_host);
	ck_assert_str_eq(s[2].name, "u.example.com");
}
END_TEST

START_TEST(other_services_are_none)
{
	static const char *const zone[] = {
		"example.com NAPTR 10 10 u E2U+sip x.example.com",
		"example.com NAPTR 10 10 s AAAS+D2T y.example.com",
		"example.com NAPTR 10 10 p SIP+D2U z.example.com",
		NULL,
	};
	struct resolve_service s[SERVICES];

	ck_assert_int_eq(naptr(s, zone, ALL, false), -ENOENT);
}
END_TEST

static size_t srv(uint8_t order[DNS_RECORDS_MAX], const char *const *zone,
		  uint64_t seed)
{
	zone_answer(&a, rr, zone, DNS_SRV, "s");
	return resolve_order_srv(order, &a, &seed);
}

START_TEST(priorities_go_first)
{
	static const char *const zone[] = {
		"s SRV 30 1 1 c",
		"s SRV 10 0 1 a",
		"s SRV 20 100 1 b",
		"s SRV 5 9 1 -",
		NULL,
	};
	uint8_t order[DNS_RECORDS_MAX];

	for (uint64_t seed = 0; seed < 50; seed++) {
		ck_assert_uint_eq(srv(order, zone, seed), 3);
		ck_assert_str_eq(rr[order[0]].u.srv.target, "a");
		ck_assert_str_eq(rr[order[1]].u.srv.target, "b");
		ck_assert_str_eq(rr[order[2]].u.srv.target, "c");
	}
}
END_TEST

/* Each is first as often as its weight says, within 2 % of all. */
START_TEST(weights_share_the_calls)
{
	static const char *const zone[] = {
		"s SRV 1 60 1 a",
		"s SRV 1 30 1 b",
		"s SRV 1 10 1 c",
		"s SRV 1 0 1 d",
		NULL,
	};
	static const double expected[] = {0.6, 0.3, 0.1, 0.01};
	unsigned first[4] = {0};
	uint8_t order[DNS_RECORDS_MAX];

	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		unsigned seen = 0;

		ck_assert_uint_eq(srv(order, zone, seed), 4);
		for (int i = 0; i < 4; i++)
			seen |= 1u << order[i];
		ck_assert_uint_eq(seen, 0xf);
		first[order[0]]++;
	}
	for (int i = 0; i < 4; i++)
		ck_assert_double_eq_tol((double)first[i] / ROUNDS, expected[i],
					0.02);
	ck_assert_uint_gt(first[3], 0); /* a very small chance, not none */
}
END_TEST

START_TEST(without_weights_all_come_first)
{
	static const char *const zone[] = {"s SRV 1 0 1 a", "s SRV 1 0 1 b",
					   NULL};
	uint8_t order[DNS_RECORDS_MAX];

	ck_assert_uint_eq(srv(order, zone, 1), 2);
	ck_assert_uint_ne(order[0], order[1]);
}
END_TEST

START_TEST(one_seed_has_one_order)
{
	static const char *const zone[] = {
		"s SRV 1 5 1 a", "s SRV 1 5 1 b", "s SRV 1 5 1 c",
		"s SRV 1 5 1 d", "s SRV 1 5 1 e", NULL,
	};
	uint8_t one[DNS_RECORDS_MAX], again[DNS_RECORDS_MAX];

	for (uint64_t seed = 0; seed < 20; seed++) {
		ck_assert_uint_eq(srv(one, zone, seed), 5);
		(void)srv(again, zone, seed);
		ck_assert_mem_eq(one, again, 5);
	}
}
END_TEST

START_TEST(srv_names)
{
	char out[DNS_NAME_LEN], large[DNS_NAME_LEN];

	ck_assert_int_eq(resolve_srv_name(out, TRANSPORT_UDP, "x.com"), 0);
	ck_assert_str_eq(out, "_sip._udp.x.com");
	ck_assert_int_eq(resolve_srv_name(out, TRANSPORT_TLS, "x.com"), 0);
	ck_assert_str_eq(out, "_sips._tcp.x.com");
	memset(large, 'a', sizeof(large));
	large[250] = '\0';
	ck_assert_int_eq(resolve_srv_name(out, TRANSPORT_UDP, large), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve_order");
	TCase *tc = tcase_create("resolve_order");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, naptr_of_rfc_3263);
	tcase_add_test(tc, sips_takes_sips_services_only);
	tcase_add_test(tc, equal_order_goes_by_preference);
	tcase_add_test(tc, other_services_are_none);
	tcase_add_test(tc, priorities_go_first);
	tcase_add_test(tc, weights_share_the_calls);
	tcase_add_test(tc, without_weights_all_come_first);
	tcase_add_test(tc, one_seed_has_one_order);
	tcase_add_test(tc, srv_names);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
