#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/nat.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct detect_case {
	const char *about;
	const char *source, *via, *contact, *media; /* NULL: none */
	bool natted;
	const char *evidence;
};

static const struct detect_case detect_cases[] = {
	{"the patent's client 16 behind a NAT firewall", "198.51.100.28:31000",
	 "10.0.0.16:5060", "10.0.0.16:5060", "10.0.0.16", true,
	 "via 10.0.0.16 != source 198.51.100.28"},
	{"a phone with a public address", "203.0.113.14:5060",
	 "203.0.113.14:5060", "203.0.113.14:5060", "203.0.113.14", false,
	 "via = source 203.0.113.14"},
	{"a phone on our own LAN", "192.168.1.20:5060", "192.168.1.20:5060",
	 "192.168.1.20:5060", "192.168.1.20", false,
	 "via = source 192.168.1.20"},
	{"the Via is a name, the Contact private", "198.51.100.28:31000", NULL,
	 "10.0.0.16:5060", "10.0.0.16", true,
	 "contact 10.0.0.16 != source 198.51.100.28"},
	{"an ALG has rewritten Via and Contact but not the SDP",
	 "198.51.100.28:31000", "198.51.100.28:31000", "198.51.100.28:31000",
	 "10.0.0.16", true, "sdp 10.0.0.16 != source 198.51.100.28"},
	{"an ALG has rewritten only the Via", "198.51.100.28:31000",
	 "198.51.100.28:31000", "10.0.0.16:5060", "198.51.100.28", true,
	 "contact 10.0.0.16 != source 198.51.100.28"},
	{"a public client that sends from another port", "203.0.113.14:40000",
	 "203.0.113.14:5060", "203.0.113.14:5060", NULL, false,
	 "via = source 203.0.113.14"},
	{"a NAT inside a carrier's NAT, seen from within", "100.64.3.7:31000",
	 "192.168.0.5:5060", "192.168.0.5:5060", NULL, true,
	 "via 192.168.0.5 != source 100.64.3.7"},
	{"a carrier's NAT, address taken by STUN for the wrong side",
	 "198.51.100.28:31000", "100.64.3.7:5060", NULL, NULL, true,
	 "via 100.64.3.7 != source 198.51.100.28"},
	{"IPv6 without NAT", "[2001:db8::14]:5060", "[2001:db8::14]:5060",
	 "[2001:db8::14]:5060", "2001:db8::14", false,
	 "via = source 2001:db8::14"},
	{"IPv6 behind a prefix translation", "[2001:db8::14]:5060",
	 "[fd00::14]:5060", "[fd00::14]:5060", NULL, true,
	 "via fd00::14 != source 2001:db8::14"},
	{"IPv6 signalling, IPv4 media behind a NAT", "[2001:db8::14]:5060",
	 "[2001:db8::14]:5060", "[2001:db8::14]:5060", "192.168.0.5", true,
	 "sdp 192.168.0.5 != source 2001:db8::14"},
	{"a link-local SDP address", "203.0.113.14:5060", "203.0.113.14:5060",
	 NULL, "169.254.9.9", true, "sdp 169.254.9.9 != source 203.0.113.14"},
	{"a public Contact other than the source", "198.51.100.28:31000",
	 "198.51.100.28:31000", "203.0.113.77:5060", NULL, true,
	 "contact 203.0.113.77 != source 198.51.100.28"},
	{"a public SDP address other than the source", "203.0.113.14:5060",
	 "203.0.113.14:5060", "203.0.113.14:5060", "203.0.113.99", false,
	 "via = source 203.0.113.14"},
	{"a public call on hold the old way", "203.0.113.14:5060",
	 "203.0.113.14:5060", "203.0.113.14:5060", "0.0.0.0", false,
	 "via = source 203.0.113.14"},
	{"two programs on one host", "127.0.0.1:40000", "127.0.0.1:5060",
	 "127.0.0.1:5060", "127.0.0.1", false, "via = source 127.0.0.1"},
	{"a phone that believes it is 127.0.0.1", "203.0.113.14:5060",
	 "203.0.113.14:5060", "203.0.113.14:5060", "127.0.0.1", true,
	 "sdp 127.0.0.1 != source 203.0.113.14"},
	{"only names", "203.0.113.14:5060", NULL, NULL, NULL, false,
	 "no address other than source 203.0.113.14"},
	{"a Via name and a Contact that agrees", "203.0.113.14:5060", NULL,
	 "203.0.113.14:5060", NULL, false,
	 "no address other than source 203.0.113.14"},
};

static struct addr parse(const char *str)
{
	struct addr a = {0};

	if (str)
		ck_assert_int_eq(addr_parse(&a, str, 0), 0);
	return a;
}

START_TEST(detect_tells_nat_with_evidence)
{
	const struct detect_case *c = &detect_cases[_i];
	struct nat_verdict v;
	struct nat_claims claims = {
		.source = parse(c->source),
		.via = parse(c->via),
		.contact = parse(c->contact),
		.media = parse(c->media),
	};

	memset(&v, 0x55, sizeof(v));
	nat_detect(&v, &claims);
	ck_assert_msg(v.natted == c->natted, "%s: natted=%d (%s)", c->about,
		      v.natted, v.evidence);
	ck_assert_msg(strcmp(v.evidence, c->evidence) == 0, "%s: \"%s\"",
		      c->about, v.evidence);
}
END_TEST

START_TEST(detect_fits_the_longest_addresses)
{
	const char *longest = "1111:2222:3333:4444:5555:6666:7777:888";
	char via[64], source[64];
	struct nat_verdict v;
	struct nat_claims claims = {0};

	strcat(strcpy(via, longest), "8");
	strcat(strcpy(source, longest), "9");
	claims.via = parse(via);
	claims.source = parse(source);
	nat_detect(&v, &claims);
	ck_assert(v.natted);
	ck_assert_str_eq(v.evidence + strlen(v.evidence) - strlen(source),
			 source);
}
END_TEST

struct reach_case {
	const char *a, *b;
	bool reachable;
};

static const struct reach_case reach_cases[] = {
	{"203.0.113.14", "198.51.100.28", true},
	{"10.0.0.16", "192.168.1.1", true},
	{"10.0.0.16", "100.64.0.1", true},
	{"127.0.0.1", "127.0.0.2", true},
	{"2001:db8::1", "2001:db8:1::1", true},
	{"fd00::1", "fd00::2", true},
	{"203.0.113.14", "10.0.0.16", false},
	{"203.0.113.14", "2001:db8::1", false},
	{"10.0.0.16", "fd00::1", false},
	{"127.0.0.1", "203.0.113.14", false},
	{"169.254.0.1", "169.254.0.2", false},
	{"224.0.0.1", "224.0.0.1", false},
	{NULL, "203.0.113.14", true},
	{NULL, "10.0.0.16", true},
	{NULL, NULL, true},
	{"0.0.0.0", "203.0.113.14", true},
	{"::", "203.0.113.14", true},
};

START_TEST(reachable_is_same_family_and_class)
{
	const struct reach_case *c = &reach_cases[_i];
	struct addr a = parse(c->a), b = parse(c->b);

	ck_assert_msg(nat_reachable(&a, &b) == c->reachable, "%s -> %s",
		      c->a ? c->a : "none", c->b ? c->b : "none");
	ck_assert_msg(nat_reachable(&b, &a) == c->reachable, "%s -> %s",
		      c->b ? c->b : "none", c->a ? c->a : "none");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nat");
	TCase *tc = tcase_create("nat");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, detect_tells_nat_with_evidence, 0,
			    COUNT(detect_cases));
	tcase_add_test(tc, detect_fits_the_longest_addresses);
	tcase_add_loop_test(tc, reachable_is_same_family_and_class, 0,
			    COUNT(reach_cases));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
