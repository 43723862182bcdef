#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/dnsmsg.h"
#include "tests/unit/dns_wire.h"
#include "tests/unit/dns_zone.h"

static struct wire w;
static struct dns_answer a;
static struct dns_record rr[DNS_RECORDS_MAX];

static int parse(enum dns_type type)
{
	return dnsmsg_parse(&a, rr, type, w.data, w.len);
}

static void one_addr(const char *owner, const char *ip, uint32_t ttl)
{
	struct dns_record r;

	zone_record(&r, "A", ip);
	wire_record(&w, owner, DNS_A, ttl);
	wire_data(&w, DNS_A, &r);
	wire_record_end(&w);
}

static const struct {
	enum dns_type type;
	const char *data;
} kinds[] = {
	{DNS_A, "192.0.2.1"},
	{DNS_AAAA, "2001:db8::1"},
	{DNS_SRV, "10 20 5070 a.example.com"},
	{DNS_NAPTR, "50 60 s SIP+D2U _sip._udp.example.com"},
};

START_TEST(each_type_is_read)
{
	enum dns_type type = kinds[_i].type;
	struct dns_record r;

	zone_record(&r, dnsmsg_type_name(type), kinds[_i].data);
	wire_begin(&w, 0, 1, 0, "Example.COM", (unsigned)type);
	wire_record(&w, "@", (unsigned)type, 300);
	wire_data(&w, type, &r);
	wire_record_end(&w);
	ck_assert_int_eq(parse(type), 0);
	ck_assert_int_eq(a.err, 0);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_uint_eq(a.ttl, 300);
	ck_assert_mem_eq(&rr[0], &r, sizeof(r));
}
END_TEST

/* Every prefix of a good message is refused or says less, and nothing is read
 * behind its end (under ASan). */
START_TEST(cut_short_is_refused)
{
	enum dns_type type = kinds[_i].type;
	struct dns_record r;

	zone_record(&r, dnsmsg_type_name(type), kinds[_i].data);
	wire_begin(&w, 0, 1, 0, "example.com", (unsigned)type);
	wire_record(&w, "@", (unsigned)type, 300);
	wire_data(&w, type, &r);
	wire_record_end(&w);
	for (size_t n = 0; n < w.len; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, w.data, n);
		ck_assert_int_eq(dnsmsg_parse(&a, rr, type, copy, n), -EBADMSG);
		ck_assert_uint_eq(a.n, 0);
		free(copy);
	}
}
END_TEST

START_TEST(aliases_are_followed)
{
	wire_begin(&w, 0, 4, 0, "example.com", DNS_A);
	wire_record(&w, "@", WIRE_CNAME, 20);
	wire_name(&w, "www.example.com");
	wire_record_end(&w);
	one_addr("stranger.example.com", "192.0.2.9", 5);
	one_addr("WWW.example.com", "192.0.2.1", 300);
	one_addr("www.example.com", "192.0.2.2", 200);
	ck_assert_int_eq(parse(DNS_A), 0);
	ck_assert_uint_eq(a.n, 2);
	ck_assert_uint_eq(a.ttl, 20);
}
END_TEST

/* Two names that are each other's alias: no record, and an end. */
START_TEST(aliases_in_a_circle_end)
{
	wire_begin(&w, 0, 2, 0, "example.com", DNS_A);
	wire_record(&w, "@", WIRE_CNAME, 20);
	wire_name(&w, "www.example.com");
	wire_record_end(&w);
	wire_record(&w, "www.example.com", WIRE_CNAME, 20);
	wire_pointer(&w, WIRE_QUESTION_AT);
	wire_record_end(&w);
	ck_assert_int_eq(parse(DNS_A), 0);
	ck_assert_uint_eq(a.n, 0);
}
END_TEST

START_TEST(lack_lasts_as_the_soa_says)
{
	wire_begin(&w, 3, 0, 1, "no.example.com", DNS_SRV);
	wire_soa(&w, "example.com", 900, 120);
	ck_assert_int_eq(parse(DNS_SRV), 0);
	ck_assert_int_eq(a.err, -ENOENT);
	ck_assert_uint_eq(a.ttl, 120);

	wire_begin(&w, 0, 0, 1, "no.example.com", DNS_SRV);
	wire_soa(&w, "example.com", 30, 120);
	ck_assert_int_eq(parse(DNS_SRV), 0);
	ck_assert_int_eq(a.err, 0);
	ck_assert_uint_eq(a.n, 0);
	ck_assert_uint_eq(a.ttl, 30);
}
END_TEST

START_TEST(failing_server_is_no_lack)
{
	wire_begin(&w, 2, 0, 0, "example.com", DNS_A);
	ck_assert_int_eq(parse(DNS_A), 0);
	ck_assert_int_eq(a.err, -EIO);
}
END_TEST

/* The good record beside a strange one still counts. */
START_TEST(strange_records_are_left_out)
{
	wire_begin(&w, 0, 6, 0, "example.com", DNS_SRV);
	wire_record(&w, "@", DNS_SRV, 60); /* too short */
	wire_num(&w, 4, 1);
	wire_record_end(&w);
	wire_record(&w, "@", DNS_SRV, 60); /* a space in the name */
	wire_num(&w, 6, 1);
	wire_name(&w, "a b.example.com");
	wire_record_end(&w);
	wire_record(&w, "@", DNS_SRV, 60); /* port 0 */
	wire_num(&w, 6, 0);
	wire_name(&w, "a.example.com");
	wire_record_end(&w);
	wire_record(&w, "@", DNS_SRV, 60); /* bytes behind */
	wire_num(&w, 6, 1);
	wire_name(&w, "a.example.com");
	wire_num(&w, 1, 7);
	wire_record_end(&w);
	wire_record(&w, "@", DNS_NAPTR, 60); /* of another type */
	wire_num(&w, 4, 1);
	wire_record_end(&w);
	wire_record(&w, "@", DNS_SRV, 60);
	wire_num(&w, 6, 5060);
	wire_name(&w, "good.example.com");
	wire_record_end(&w);
	ck_assert_int_eq(parse(DNS_SRV), 0);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_str_eq(rr[0].u.srv.target, "good.example.com");
}
END_TEST

START_TEST(naptr_with_an_expression_is_left_out)
{
	wire_begin(&w, 0, 1, 0, "example.com", DNS_NAPTR);
	wire_record(&w, "@", DNS_NAPTR, 60);
	wire_num(&w, 4, 1);
	wire_string(&w, "s");
	wire_string(&w, "SIP+D2U");
	wire_string(&w, "!.*!sip:x@example.com!");
	wire_name(&w, "");
	wire_record_end(&w);
	ck_assert_int_eq(parse(DNS_NAPTR), 0);
	ck_assert_uint_eq(a.n, 0);
}
END_TEST

START_TEST(pointers_in_a_circle_are_refused)
{
	wire_begin(&w, 0, 1, 0, "example.com", DNS_SRV);
	wire_record(&w, "@", DNS_SRV, 60);
	wire_num(&w, 6, 1);
	wire_pointer(&w, w.len);
	wire_record_end(&w);
	ck_assert_int_eq(parse(DNS_SRV), 0);
	ck_assert_uint_eq(a.n, 0);
	wire_begin(&w, 0, 1, 0, "example.com", DNS_SRV);
	wire_pointer(&w, w.len);
	ck_assert_int_eq(parse(DNS_SRV), -EBADMSG);
}
END_TEST

START_TEST(no_more_records_than_there_is_room_for)
{
	wire_begin(&w, 0, DNS_RECORDS_MAX + 5, 0, "example.com", DNS_A);
	for (int i = 0; i < DNS_RECORDS_MAX + 5; i++)
		one_addr("@", "192.0.2.1", 60);
	ck_assert_int_eq(parse(DNS_A), 0);
	ck_assert_uint_eq(a.n, DNS_RECORDS_MAX);
}
END_TEST

START_TEST(host_names)
{
	static const char *const good[] = {"example.com", "EXAMPLE.com.", "a",
					   "_sip._udp.x-y.example", "1.2.3.x"};
	static const char *const bad[] = {"",
					  ".",
					  "a..b",
					  ".a",
					  "a b",
					  "a/b",
					  "ex\xc3\xa4mple.com",
					  "012345678901234567890123456789012345"
					  "6789012345678901234567890123"
					  ".example"};
	char out[DNS_NAME_LEN], large[DNS_NAME_LEN];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_int_eq(dnsmsg_name(out, good[i], strlen(good[i])), 0);
	ck_assert_int_eq(dnsmsg_name(out, good[1], strlen(good[1])), 0);
	ck_assert_str_eq(out, "example.com");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(dnsmsg_name(out, bad[i], strlen(bad[i])),
				 -EINVAL);
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = i % 2 ? '.' : 'a';
	ck_assert_int_eq(dnsmsg_name(out, large, 253), 0);
	ck_assert_int_eq(dnsmsg_name(out, large, 255), -EINVAL);
}
END_TEST

int main(void)
{
	const int n = (int)(sizeof(kinds) / sizeof(kinds[0]));
	Suite *suite = suite_create("dnsmsg");
	TCase *tc = tcase_create("dnsmsg");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, each_type_is_read, 0, n);
	tcase_add_loop_test(tc, cut_short_is_refused, 0, n);
	tcase_add_test(tc, aliases_are_followed);
	tcase_add_test(tc, aliases_in_a_circle_end);
	tcase_add_test(tc, lack_lasts_as_the_soa_says);
	tcase_add_test(tc, failing_server_is_no_lack);
	tcase_add_test(tc, strange_records_are_left_out);
	tcase_add_test(tc, naptr_with_an_expression_is_left_out);
	tcase_add_test(tc, pointers_in_a_circle_are_refused);
	tcase_add_test(tc, no_more_records_than_there_is_room_for);
	tcase_add_test(tc, host_names);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
