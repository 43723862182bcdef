#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/resolve_plan.h"
#include "tests/unit/dns_zone.h"

/*
 * The procedure against zones: what is asked for in which rounds, and what
 * comes out, as text.
 */
enum { ROUNDS_MAX = 8, TEXT = 2048, ASKED_MAX = 64 };

#define BIT(t) (1u << TRANSPORT_##t)

static const unsigned plain = BIT(UDP) | BIT(TCP),
		      all = BIT(UDP) | BIT(TCP) | BIT(TLS);

/* A resolver in which an answer is known once it was asked for. */
struct oracle {
	const char *const *zone;
	struct resolve_question asked[ASKED_MAX];
	size_t nasked;
	struct dns_answer answers[ASKED_MAX];
	struct dns_record rr[ASKED_MAX][DNS_RECORDS_MAX];
};

static struct oracle oracle;
static struct resolve_plan plan;
static struct resolve_query query;
static char text[TEXT];

static const struct dns_answer *lookup(enum dns_type type, const char *name,
				       void *arg)
{
	struct oracle *o = arg;

	for (size_t i = 0; i < o->nasked; i++)
		if (o->asked[i].type == type && !strcmp(o->asked[i].name, name))
			return &o->answers[i];
	return NULL;
}

static void ask(const struct resolve_question *q)
{
	size_t i = oracle.nasked;

	ck_assert_uint_lt(i, ASKED_MAX);
	ck_assert_ptr_null(lookup(q->type, q->name, &oracle));
	oracle.nasked++;
	oracle.asked[i] = *q;
	zone_answer(&oracle.answers[i], oracle.rr[i], oracle.zone, q->type,
		    q->name);
}

static void set(const char *host, uint16_t port, unsigned ip4, unsigned ip6)
{
	memset(&query, 0, sizeof(query));
	ck_assert_int_eq(resolve_query_host(&query, host, strlen(host), port),
			 0);
	query.ip4 = ip4;
	query.ip6 = ip6;
}

/* The whole procedure; *rounds: how often somebody had to be asked. */
static int run(const char *const *zone, int *rounds)
{
	char one[CHANNEL_STRLEN];
	int err;

	oracle.zone = zone;
	oracle.nasked = 0;
	for (*rounds = 0; *rounds < ROUNDS_MAX; ++*rounds) {
		err = resolve_plan(&plan, &query, lookup, &oracle);
		if (err != -EAGAIN)
			break;
		ck_assert_uint_gt(plan.nmissing, 0);
		for (size_t i = 0; i < plan.nmissing; i++)
			ask(&plan.missing[i]);
	}
	ck_assert_int_lt(*rounds, ROUNDS_MAX);
	text[0] = '\0';
	for (size_t i = 0; !err && i < plan.list.n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, channel_str(one, &plan.list.v[i]));
	}
	return err;
}

static void expect(const char *const *zone, const char *channels, int rounds)
{
	int took;

	ck_assert_int_eq(run(zone, &took), 0);
	ck_assert_str_eq(text, channels);
	ck_assert_int_eq(took, rounds);
}

static void expect_err(const char *const *zone, int err)
{
	int took;

	ck_assert_int_eq(run(zone, &took), err);
}

static void expect_asked(size_t i, enum dns_type type, const char *name)
{
	ck_assert_uint_lt(i, oracle.nasked);
	ck_assert_int_eq(oracle.asked[i].type, type);
	ck_assert_str_eq(oracle.asked[i].name, name);
}

static void explicit_transport(enum transport t)
{
	query.has_transport = true;
	query.transport = t;
}

static const char *const nothing[] = {NULL};

/* RFC 3263 section 4.2's example: NAPTR, SRV, addresses. */
static const char *const whole[] = {
	"example.com NAPTR 90 50 s SIP+D2T _sip._tcp.example.com",
	"example.com NAPTR 100 50 s SIP+D2U _sip._udp.example.com",
	"example.com A 192.0.2.99",
	"_sip._tcp.example.com SRV 0 1 5060 server1.example.com",
	"_sip._tcp.example.com SRV 1 2 5070 server2.example.com",
	"_sip._udp.example.com SRV 0 1 5080 server1.example.com",
	"server1.example.com A 192.0.2.1",
	"server1.example.com AAAA 2001:db8::1",
	"server2.example.com A 192.0.2.2",
	NULL,
};

START_TEST(address_needs_no_question)
{
	set("192.0.2.1", 0, plain, 0);
	expect(nothing, "192.0.2.1:5060", 0);
	query.sips = true;
	expect_err(nothing, -EPROTONOSUPPORT);
	set("[2001:db8::1]", 5080, plain, all);
	expect(nothing, "[2001:db8::1]:5080", 0);
	query.sips = true;
	expect(nothing, "tls:[2001:db8::1]:5080", 0);
	set("2001:db8::1", 0, plain, 0);
	expect_err(nothing, -EPROTONOSUPPORT);
	set("192.0.2.1", 0, plain, 0);
	explicit_transport(TRANSPORT_TCP);
	expect(nothing, "tcp:192.0.2.1:5060", 0);
}
END_TEST

START_TEST(naptr_then_srv_then_addresses)
{
	set("Example.com", 0, plain, 0);
	expect(whole, "tcp:192.0.2.1:5060 tcp:192.0.2.2:5070", 3);
	expect_asked(0, DNS_NAPTR, "example.com");
	expect_asked(1, DNS_SRV, "_sip._tcp.example.com");
	ck_assert_uint_eq(oracle.nasked, 4);
}
END_TEST

START_TEST(only_what_we_speak)
{
	set("example.com", 0, BIT(UDP), 0);
	expect(whole, "192.0.2.1:5080", 3);
	set("example.com", 0, BIT(TLS), 0);
	expect_err(whole, -EPROTONOSUPPORT);
}
END_TEST

START_TEST(both_families)
{
	set("example.com", 0, BIT(UDP), BIT(UDP));
	expect(whole, "[2001:db8::1]:5080 192.0.2.1:5080", 3);
	set("example.com", 0, 0, BIT(UDP));
	expect(whole, "[2001:db8::1]:5080", 3);
	ck_assert_uint_eq(oracle.nasked, 3);
}
END_TEST

START_TEST(transport_given_asks_no_naptr)
{
	set("example.com", 0, plain, 0);
	explicit_transport(TRANSPORT_UDP);
	expect(whole, "192.0.2.1:5080", 2);
	expect_asked(0, DNS_SRV, "_sip._udp.example.com");
	query.sips = true;
	expect_err(whole, -EPROTONOSUPPORT);
	set("example.com", 0, all, 0);
	explicit_transport(TRANSPORT_TLS);
	expect(whole, "tls:192.0.2.99:5061", 2);
	expect_asked(0, DNS_SRV, "_sips._tcp.example.com");
}
END_TEST

START_TEST(port_given_asks_addresses_only)
{
	set("example.com", 5090, plain, 0);
	expect(whole, "192.0.2.99:5090", 1);
	ck_assert_uint_eq(oracle.nasked, 1);
	explicit_transport(TRANSPORT_TCP);
	expect(whole, "tcp:192.0.2.99:5090", 1);
}
END_TEST

START_TEST(without_naptr_the_srv_that_there_are)
{
	static const char *const zone[] = {
		"example.com A 192.0.2.99",
		"_sip._tcp.example.com SRV 0 1 5060 a.example.com",
		"_sips._tcp.example.com SRV 0 1 5061 a.example.com",
		"a.example.com A 192.0.2.1",
		NULL,
	};

	set("example.com", 0, all, 0);
	expect(zone, "tcp:192.0.2.1:5060", 3);
	expect_asked(1, DNS_SRV, "_sip._udp.example.com");
	expect_asked(3, DNS_SRV, "_sips._tcp.example.com");
	query.sips = true;
	expect(zone, "tls:192.0.2.1:5061", 3);
	ck_assert_uint_eq(oracle.nasked, 3);
}
END_TEST

START_TEST(without_srv_the_host_itself)
{
	static const char *const zone[] = {"pbx.example.com A 192.0.2.7", NULL};

	set("pbx.example.com", 0, plain, 0);
	expect(zone, "192.0.2.7:5060", 3);
	set("pbx.example.com", 0, BIT(TLS), 0);
	expect(zone, "tls:192.0.2.7:5061", 3);
	set("pbx.example.com", 0, BIT(TCP), 0);
	expect(zone, "tcp:192.0.2.7:5060", 3);
}
END_TEST

START_TEST(naptr_without_its_srv_keeps_the_transport)
{
	static const char *const zone[] = {
		"example.com NAPTR 1 1 s SIP+D2T _sip._tcp.example.com",
		"example.com A 192.0.2.7",
		NULL,
	};

	set("example.com", 0, plain, 0);
	expect(zone, "tcp:192.0.2.7:5060", 3);
}
END_TEST

START_TEST(naptr_may_name_a_host)
{
	static const char *const zone[] = {
		"example.com NAPTR 1 1 a SIP+D2T a.example.com",
		"a.example.com A 192.0.2.7",
		NULL,
	};

	set("example.com", 0, plain, 0);
	expect(zone, "tcp:192.0.2.7:5060", 2);
}
END_TEST

START_TEST(service_that_is_none)
{
	static const char *const zone[] = {
		"example.com A 192.0.2.7",
		"_sip._udp.example.com SRV 0 0 0 -",
		NULL,
	};

	set("example.com", 0, plain, 0);
	expect_err(zone, -ENOENT);
	set("none.example.com", 0, plain, 0);
	expect_err(zone, -ENOENT);
}
END_TEST

START_TEST(silent_servers_are_no_lack)
{
	static const char *const zone[] = {
		"a.example.com NAPTR !",
		"a.example.com A 192.0.2.7",
		"b.example.com A !",
		NULL,
	};

	set("a.example.com", 0, plain, 0);
	expect(zone, "192.0.2.7:5060", 3);
	set("b.example.com", 0, plain, 0);
	expect_err(zone, -ETIMEDOUT);
}
END_TEST

START_TEST(nobody_is_asked_for_invalid)
{
	set("ab12cd.invalid", 0, plain, 0);
	expect_err(nothing, -ENOENT);
	ck_assert_uint_eq(oracle.nasked, 0);
}
END_TEST

/* However much a domain says: no more questions, no more addresses. */
START_TEST(bounded)
{
	static char lines[DNS_RECORDS_MAX * 10][96];
	static const char *zone[DNS_RECORDS_MAX * 10 + 1];
	size_t n = 0;
	int took;

	for (int i = 0; i < DNS_RECORDS_MAX; i++) {
		(void)snprintf(lines[n++], 96,
			       "_sip._udp.big SRV %d 0 5060 h%d.big", i, i);
		for (int j = 0; j < 9 && n < DNS_RECORDS_MAX * 10; j++)
			(void)snprintf(lines[n++], 96, "h%d.big A 192.0.%d.%d",
				       i, i, j);
	}
	for (size_t i = 0; i < n; i++)
		zone[i] = lines[i];
	set("big", 0, BIT(UDP), BIT(UDP));
	ck_assert_int_eq(run(zone, &took), 0);
	ck_assert_uint_eq(plan.list.n, RESOLVE_CHANNELS_MAX);
	ck_assert_uint_le(oracle.nasked, 18);
}
END_TEST

START_TEST(one_address_is_listed_once)
{
	static const char *const zone[] = {
		"_sip._udp.x SRV 1 0 5060 a.x",
		"_sip._udp.x SRV 2 0 5060 b.x",
		"a.x A 192.0.2.1",
		"b.x A 192.0.2.1",
		NULL,
	};

	set("x", 0, BIT(UDP), 0);
	expect(zone, "192.0.2.1:5060", 3);
}
END_TEST

/* One address for each of many calls, shared out by their seeds. */
START_TEST(addresses_share_the_calls)
{
	static const char *const zone[] = {"x A 192.0.2.1", "x A 192.0.2.2",
					   NULL};
	bool first[2] = {false, false};
	int took;

	set("x", 5060, BIT(UDP), 0);
	for (query.seed = 0; query.seed < 32; query.seed++) {
		ck_assert_int_eq(run(zone, &took), 0);
		ck_assert_uint_eq(plan.list.n, 2);
		first[text[8] == '2'] = true;
	}
	ck_assert(first[0] && first[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve_plan");
	TCase *tc = tcase_create("resolve_plan");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, address_needs_no_question);
	tcase_add_test(tc, naptr_then_srv_then_addresses);
	tcase_add_test(tc, only_what_we_speak);
	tcase_add_test(tc, both_families);
	tcase_add_test(tc, transport_given_asks_no_naptr);
	tcase_add_test(tc, port_given_asks_addresses_only);
	tcase_add_test(tc, without_naptr_the_srv_that_there_are);
	tcase_add_test(tc, without_srv_the_host_itself);
	tcase_add_test(tc, naptr_without_its_srv_keeps_the_transport);
	tcase_add_test(tc, naptr_may_name_a_host);
	tcase_add_test(tc, service_that_is_none);
	tcase_add_test(tc, silent_servers_are_no_lack);
	tcase_add_test(tc, nobody_is_asked_for_invalid);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, one_address_is_listed_once);
	tcase_add_test(tc, addresses_share_the_calls);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
