#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/addr.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct addr parse(const char *str)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, str, 5060) == 0, "%s", str);
	return a;
}

struct class_case {
	const char *text;
	enum addr_class class;
};

static const struct class_case class_cases[] = {
	{"203.0.113.1", ADDR_PUBLIC},
	{"8.8.8.8", ADDR_PUBLIC},
	{"10.0.0.0", ADDR_PRIVATE},
	{"10.255.255.255", ADDR_PRIVATE},
	{"9.255.255.255", ADDR_PUBLIC},
	{"11.0.0.0", ADDR_PUBLIC},
	{"172.15.255.255", ADDR_PUBLIC},
	{"172.16.0.0", ADDR_PRIVATE},
	{"172.31.255.255", ADDR_PRIVATE},
	{"172.32.0.0", ADDR_PUBLIC},
	{"192.167.255.255", ADDR_PUBLIC},
	{"192.168.0.0", ADDR_PRIVATE},
	{"192.169.0.0", ADDR_PUBLIC},
	{"100.63.255.255", ADDR_PUBLIC},
	{"100.64.0.0", ADDR_PRIVATE},
	{"100.127.255.255", ADDR_PRIVATE},
	{"100.128.0.0", ADDR_PUBLIC},
	{"127.0.0.1", ADDR_LOOPBACK},
	{"127.255.255.255", ADDR_LOOPBACK},
	{"169.254.1.1", ADDR_LINKLOCAL},
	{"0.0.0.0", ADDR_ANY},
	{"224.0.0.1", ADDR_MULTICAST},
	{"239.255.255.255", ADDR_MULTICAST},
	{"255.255.255.255", ADDR_MULTICAST},
	{"2001:db8::1", ADDR_PUBLIC},
	{"fc00::1", ADDR_PRIVATE},
	{"fdff::1", ADDR_PRIVATE},
	{"fe00::1", ADDR_PUBLIC},
	{"fe80::1", ADDR_LINKLOCAL},
	{"febf::1", ADDR_LINKLOCAL},
	{"::1", ADDR_LOOPBACK},
	{"::", ADDR_ANY},
	{"ff02::1", ADDR_MULTICAST},
	{"::ffff:10.0.0.1", ADDR_PRIVATE},
	{"240.0.0.1", ADDR_MULTICAST},
	{"64:ff9b::10.0.0.16", ADDR_PRIVATE},
	{"64:ff9b::127.0.0.1", ADDR_LOOPBACK},
	{"64:ff9b::203.0.113.1", ADDR_PUBLIC},
	{"64:ff9b:1::203.0.113.1", ADDR_PRIVATE},
	{"64:ff9b:2::10.0.0.16", ADDR_PUBLIC},
	{"2002:0a00:0010::1", ADDR_PRIVATE},
	{"2002:7f00:0001::1", ADDR_LOOPBACK},
	{"2002:cb00:7101::1", ADDR_PUBLIC},
	{"::10.0.0.16", ADDR_PRIVATE},
	{"::127.0.0.1", ADDR_LOOPBACK},
	{"fec0::1", ADDR_PRIVATE},
	{"ff0e::1", ADDR_MULTICAST},
};

START_TEST(classes)
{
	struct addr a = parse(class_cases[_i].text);

	ck_assert_msg(addr_class(&a) == class_cases[_i].class, "%s is %s",
		      class_cases[_i].text, addr_class_name(addr_class(&a)));
}
END_TEST

START_TEST(what_leads_to_an_ipv4_address)
{
	struct addr a, v4, want = parse("203.0.113.1:5070");

	a = parse("[64:ff9b::203.0.113.1]:5070");
	ck_assert(addr_carried(&v4, &a));
	ck_assert(addr_eq(&v4, &want));
	a = parse("[2002:cb00:7101:ffff::1]:5070");
	ck_assert(addr_carried(&v4, &a));
	ck_assert(addr_eq(&v4, &want));
	a = parse("[2001:db8::203.0.113.1]:5070");
	ck_assert(!addr_carried(&v4, &a));
	ck_assert(!addr_carried(&v4, &want));
}
END_TEST

START_TEST(class_names)
{
	struct addr none = {0};

	ck_assert_int_eq(addr_class(&none), ADDR_NONE);
	ck_assert_str_eq(addr_class_name(ADDR_NONE), "none");
	ck_assert_str_eq(addr_class_name(ADDR_LINKLOCAL), "link-local");
	ck_assert_str_eq(addr_class_name(ADDR_MULTICAST), "multicast");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("class");
	Suite *s = suite_create("addr class");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, classes, 0, COUNT(class_cases));
	tcase_add_test(tc, what_leads_to_an_ipv4_address);
	tcase_add_test(tc, class_names);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
