#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/netset.h"
#include "common/strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct addr parse(const char *str)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, str, 5060) == 0, "%s", str);
	return a;
}

struct print_case {
	const char *text, *full, *ip, *host;
	uint16_t port;
	int family;
};

static const struct print_case print_cases[] = {
	{"192.0.2.1", "192.0.2.1:5060", "192.0.2.1", "192.0.2.1", 5060,
	 AF_INET},
	{"192.0.2.1:0", "192.0.2.1:0", "192.0.2.1", "192.0.2.1", 0, AF_INET},
	{"192.0.2.1:65535", "192.0.2.1:65535", "192.0.2.1", "192.0.2.1", 65535,
	 AF_INET},
	{"0.9.10.99:9", "0.9.10.99:9", "0.9.10.99", "0.9.10.99", 9, AF_INET},
	{"100.109.255.1:10", "100.109.255.1:10", "100.109.255.1",
	 "100.109.255.1", 10, AF_INET},
	{"192.0.2.1:10000", "192.0.2.1:10000", "192.0.2.1", "192.0.2.1", 10000,
	 AF_INET},
	{"2001:db8::1", "[2001:db8::1]:5060", "2001:db8::1", "[2001:db8::1]",
	 5060, AF_INET6},
	{"[2001:DB8:0::1]", "[2001:db8::1]:5060", "2001:db8::1",
	 "[2001:db8::1]", 5060, AF_INET6},
	{"[2001:db8::1]:5070", "[2001:db8::1]:5070", "2001:db8::1",
	 "[2001:db8::1]", 5070, AF_INET6},
	{"::ffff:192.0.2.1", "192.0.2.1:5060", "192.0.2.1", "192.0.2.1", 5060,
	 AF_INET},
	{"[::ffff:192.0.2.1]:7", "192.0.2.1:7", "192.0.2.1", "192.0.2.1", 7,
	 AF_INET},
	{"1111:2222:3333:4444:5555:6666:7777:8888",
	 "[1111:2222:3333:4444:5555:6666:7777:8888]:5060",
	 "1111:2222:3333:4444:5555:6666:7777:8888",
	 "[1111:2222:3333:4444:5555:6666:7777:8888]", 5060, AF_INET6},
};

START_TEST(parse_and_print)
{
	const struct print_case *c = &print_cases[_i];
	struct addr a = parse(c->text);
	char buf[ADDR_STRLEN];

	ck_assert_str_eq(addr_str(buf, &a), c->full);
	ck_assert_str_eq(addr_ip_str(buf, &a), c->ip);
	ck_assert_str_eq(addr_host_str(buf, &a), c->host);
	ck_assert_uint_eq(addr_port(&a), c->port);
	ck_assert_int_eq(addr_family(&a), c->family);
}
END_TEST

static const char *const bad[] = {
	"",
	":",
	":5060",
	"example.org",
	"example.org:5060",
	"192.0.2",
	"192.0.2.256",
	"192.0.2.1:",
	"192.0.2.1:65536",
	"192.0.2.1:000001",
	"192.0.2.1:-1",
	"192.0.2.1:+1",
	"192.0.2.1: 1",
	"192.0.2.1:5060x",
	"192.0.2.1 ",
	" 192.0.2.1",
	"192.0.2.1/24",
	"[192.0.2.1]:5060",
	"[2001:db8::1",
	"[2001:db8::1]5060",
	"[2001:db8::1]:",
	"[]:5060",
	"[",
	"2001:db8::g",
	"2001:db8::1]:5060",
	"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd",
};

START_TEST(parse_refuses_and_leaves_untouched)
{
	struct addr a, before = parse("198.51.100.1:9");

	a = before;
	ck_assert_msg(addr_parse(&a, bad[_i], 5060) == -EINVAL, "\"%s\"",
		      bad[_i]);
	ck_assert(memcmp(&a, &before, sizeof(a)) == 0);
}
END_TEST

START_TEST(set_takes_a_length)
{
	struct addr a, b = parse("192.0.2.1:99");

	ck_assert_int_eq(addr_set(&a, "192.0.2.15", 9, 99), 0);
	ck_assert(addr_eq(&a, &b));
	ck_assert_int_eq(addr_set(&a, "[2001:db8::1]", 13, 99), 0);
	b = parse("[2001:db8::1]:99");
	ck_assert(addr_eq(&a, &b));
	ck_assert_int_eq(addr_set(&a, "192.0.2.1\0x", 11, 99), -EINVAL);
	ck_assert_int_eq(addr_set(&a, "192.0.2.1", 0, 99), -EINVAL);
}
END_TEST

START_TEST(none_is_none)
{
	struct addr none = {0}, a = parse("0.0.0.0:0");
	char buf[ADDR_STRLEN];

	ck_assert(addr_is_none(&none));
	ck_assert(!addr_is_none(&a));
	ck_assert_str_eq(addr_str(buf, &none), "-");
	ck_assert_str_eq(addr_ip_str(buf, &none), "-");
	ck_assert_str_eq(addr_host_str(buf, &none), "-");
	ck_assert_uint_eq(addr_port(&none), 0);
	ck_assert_uint_eq(addr_len(&none), 0);
	addr_set_port(&none, 5060);
	ck_assert(addr_is_none(&none));
	ck_assert(!addr_eq(&none, &a));
	ck_assert(addr_eq(&none, &none));
}
END_TEST

START_TEST(from_sa_unmaps)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(77)};
	struct sockaddr unix_sa = {.sa_family = AF_UNIX};
	struct addr a, b = parse("192.0.2.9:77");

	ck_assert_int_eq(
		inet_pton(AF_INET6, "::ffff:192.0.2.9", &in6.sin6_addr), 1);
	ck_assert_int_eq(addr_from_sa(&a, (struct sockaddr *)&in6), 0);
	ck_assert_int_eq(addr_family(&a), AF_INET);
	ck_assert_uint_eq(addr_len(&a), sizeof(struct sockaddr_in));
	ck_assert(addr_eq(&a, &b));
	ck_assert_int_eq(addr_from_sa(&a, &unix_sa), -EAFNOSUPPORT);
}
END_TEST

START_TEST(from_sa_keeps_the_link)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_scope_id = 3};
	struct addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr), 1);
	ck_assert_int_eq(addr_from_sa(&a, (struct sockaddr *)&in6), 0);
	ck_assert_uint_eq(a.u.in6.sin6_scope_id, 3);
}
END_TEST

START_TEST(equality_and_hash)
{
	struct addr a = parse("192.0.2.1:1"), b = parse("::ffff:192.0.2.1");
	struct addr c = parse("[2001:db8::1]:1"), d = parse("192.0.2.2:1");

	ck_assert(addr_ip_eq(&a, &b));
	ck_assert(!addr_eq(&a, &b));
	ck_assert(addr_hash(&a) != addr_hash(&b));
	addr_set_port(&b, 1);
	ck_assert(addr_eq(&a, &b));
	ck_assert(addr_hash(&a) == addr_hash(&b));
	ck_assert(!addr_ip_eq(&a, &c));
	ck_assert(!addr_ip_eq(&a, &d));
	ck_assert(addr_hash(&a) != addr_hash(&d));
	addr_set_port(&c, 2);
	ck_assert_uint_eq(addr_port(&c), 2);
}
END_TEST

START_TEST(local_for_loopback_is_loopback)
{
	struct addr remote = parse("127.0.0.9:5060"), local;
	struct addr want = parse("127.0.0.1:0");

	ck_assert_int_eq(addr_local_for(&local, &remote), 0);
	ck_assert(addr_eq(&local, &want));
}
END_TEST

START_TEST(local_for_none_fails)
{
	struct addr none = {0}, local;

	ck_assert_int_lt(addr_local_for(&local, &none), 0);
}
END_TEST

struct net_case {
	const char *cidr, *in, *out;
};

static const struct net_case net_cases[] = {
	{"203.0.113.0/24", "203.0.113.255", "203.0.114.0"},
	{"203.0.113.7/24", "203.0.113.1", "203.0.112.255"},
	{"203.0.113.128/25", "203.0.113.128", "203.0.113.127"},
	{"10.0.0.0/9", "10.127.255.255", "10.128.0.0"},
	{"203.0.113.1", "203.0.113.1:99", "203.0.113.2"},
	{"203.0.113.1/32", "203.0.113.1", "203.0.113.0"},
	{"0.0.0.0/0", "255.1.2.3", "2001:db8::1"},
	{"::/0", "2001:db8::1", "192.0.2.1"},
	{"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"},
	{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
	{"2001:db8::1", "2001:db8::1", "2001:db8::2"},
};

START_TEST(netset_holds_its_networks)
{
	const struct net_case *c = &net_cases[_i];
	struct addr in = parse(c->in), out = parse(c->out);
	struct netset *set;

	ck_assert_int_eq(netset_alloc(&set), 0);
	ck_assert(!netset_has(set, &in));
	ck_assert_int_eq(netset_add(set, c->cidr), 0);
	ck_assert_msg(netset_has(set, &in), "%s in %s", c->in, c->cidr);
	ck_assert_msg(!netset_has(set, &out), "%s in %s", c->out, c->cidr);
	netset_free(set);
}
END_TEST

static const char *const bad_nets[] = {
	"",
	"/",
	"/24",
	"203.0.113.0/",
	"example/24",
	"203.0.113.0/33",
	"203.0.113.0/-1",
	"203.0.113.0/24x",
	"2001:db8::/129",
	"203.0.113.0:5060",
	"203.0.113.0/0000",
	"10/8",
};

START_TEST(netset_refuses)
{
	struct netset *set;

	ck_assert_int_eq(netset_alloc(&set), 0);
	ck_assert_msg(netset_add(set, bad_nets[_i]) == -EINVAL, "\"%s\"",
		      bad_nets[_i]);
	ck_assert_uint_eq(netset_count(set), 0);
	netset_free(set);
}
END_TEST

START_TEST(netset_grows)
{
	struct addr first = parse("10.0.0.1"), last = parse("10.0.99.1");
	struct addr other = parse("10.0.100.1"), none = {0};
	struct netset *set;
	char cidr[32];

	ck_assert_int_eq(netset_alloc(&set), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(cidr, sizeof(cidr), "10.0.%d.0/24", i);
		ck_assert_int_eq(netset_add(set, cidr), 0);
	}
	ck_assert_uint_eq(netset_count(set), 100);
	ck_assert(netset_has(set, &first));
	ck_assert(netset_has(set, &last));
	ck_assert(!netset_has(set, &other));
	ck_assert(!netset_has(set, &none));
	ck_assert(!netset_has(NULL, &first));
	netset_free(set);
	netset_free(NULL);
}
END_TEST

START_TEST(strbuf_builds)
{
	struct strbuf sb;
	char buf[16];

	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_str_eq(buf, "");
	strbuf_str(&sb, "SIP/");
	strbuf_printf(&sb, "%d.%d", 2, 0);
	strbuf_add(&sb, " 200xxx", 4);
	ck_assert_str_eq(buf, "SIP/2.0 200");
	ck_assert_uint_eq(sb.len, 11);
	ck_assert_int_eq(strbuf_err(&sb), 0);
}
END_TEST

START_TEST(strbuf_takes_all_or_nothing)
{
	struct strbuf sb;
	char buf[8];

	strbuf_init(&sb, buf, sizeof(buf));
	strbuf_str(&sb, "1234567");
	ck_assert_int_eq(strbuf_err(&sb), 0);
	strbuf_add(&sb, "", 0);
	ck_assert_int_eq(strbuf_err(&sb), 0);
	strbuf_str(&sb, "8");
	ck_assert_int_eq(strbuf_err(&sb), -EMSGSIZE);
	ck_assert_str_eq(buf, "1234567");

	strbuf_init(&sb, buf, sizeof(buf));
	strbuf_str(&sb, "123");
	strbuf_printf(&sb, "%d", 45678);
	ck_assert_int_eq(strbuf_err(&sb), -EMSGSIZE);
	ck_assert_str_eq(buf, "123");
	strbuf_str(&sb, "4");
	strbuf_printf(&sb, "5");
	ck_assert_str_eq(buf, "123");
	ck_assert_uint_eq(sb.len, 3);
}
END_TEST

START_TEST(strbuf_without_room)
{
	struct strbuf sb;
	char buf[1] = {'x'};

	strbuf_init(&sb, buf, 0);
	strbuf_str(&sb, "a");
	strbuf_printf(&sb, "a");
	ck_assert_int_eq(strbuf_err(&sb), -EMSGSIZE);
	ck_assert_int_eq(buf[0], 'x');
	strbuf_init(&sb, buf, 1);
	ck_assert_int_eq(strbuf_err(&sb), 0);
	strbuf_str(&sb, "a");
	ck_assert_int_eq(strbuf_err(&sb), -EMSGSIZE);
	ck_assert_int_eq(buf[0], '\0');
}
END_TEST

static TCase *addr_case(void)
{
	TCase *tc = tcase_create("addr");

	tcase_add_loop_test(tc, parse_and_print, 0, COUNT(print_cases));
	tcase_add_loop_test(tc, parse_refuses_and_leaves_untouched, 0,
			    COUNT(bad));
	tcase_add_test(tc, set_takes_a_length);
	tcase_add_test(tc, none_is_none);
	tcase_add_test(tc, from_sa_unmaps);
	tcase_add_test(tc, from_sa_keeps_the_link);
	tcase_add_test(tc, equality_and_hash);
	tcase_add_test(tc, local_for_loopback_is_loopback);
	tcase_add_test(tc, local_for_none_fails);
	return tc;
}

static TCase *netset_case(void)
{
	TCase *tc = tcase_create("netset");

	tcase_add_loop_test(tc, netset_holds_its_networks, 0, COUNT(net_cases));
	tcase_add_loop_test(tc, netset_refuses, 0, COUNT(bad_nets));
	tcase_add_test(tc, netset_grows);
	return tc;
}

static TCase *strbuf_case(void)
{
	TCase *tc = tcase_create("strbuf");

	tcase_add_test(tc, strbuf_builds);
	tcase_add_test(tc, strbuf_takes_all_or_nothing);
	tcase_add_test(tc, strbuf_without_room);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("addr");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, addr_case());
	suite_add_tcase(suite, netset_case());
	suite_add_tcase(suite, strbuf_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
