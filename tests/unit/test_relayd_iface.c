#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/conf.h"
#include "relayd/iface.h"

static struct ifaces list;
static unsigned asked;     /* of the routing table */
static const char *source; /* what it answers; NULL: no route */

static int route(struct addr *local, const struct addr *peer)
{
	(void)peer;
	asked++;
	return source ? addr_parse(local, source, 0) : -ENETUNREACH;
}

static void host_has(const char *name, const char *ip, bool up)
{
	struct iface_local *a = &list.local[list.nlocal++];

	ck_assert_int_eq(addr_parse(&a->ip, ip, 0), 0);
	snprintf(a->name, sizeof(a->name), "%s", name);
	a->up = up;
}

static int add(const char *bind, const char *advertise)
{
	struct addr b, a = {0};

	ck_assert_int_eq(addr_parse(&b, bind, 0), 0);
	if (advertise)
		ck_assert_int_eq(addr_parse(&a, advertise, 0), 0);
	return iface_add(&list, &b, &a);
}

static void setup(void)
{
	list = (struct ifaces){.route = route};
	asked = 0;
	source = NULL;
	host_has("lo", "127.0.0.1", true);
	host_has("wan", "203.0.113.4", true);
	host_has("wan", "203.0.113.5", true);
	host_has("lan", "192.0.2.1", true);
	host_has("tun", "198.51.100.1", false);
	host_has("lo", "::1", true);
	host_has("wan", "2001:db8::4", true);
	host_has("wan", "fe80::4", true);
	host_has("lan", "fd00::1", true);
	host_has("lan", "2001:db8:1::1", true);
	host_has("lan", "2001:db8:1::2", true);
}

/* The address chosen for a peer, "-" for none. */
static const char *chosen(const char *peer)
{
	static char text[ADDR_STRLEN];
	const struct iface *at;
	struct addr a = {0};

	if (peer)
		ck_assert_int_eq(addr_parse(&a, peer, 0), 0);
	at = iface_choose(&list, &a);
	return at ? addr_ip_str(text, &at->bind) : "-";
}

START_TEST(one_of_a_family_needs_no_route)
{
	add("203.0.113.4", NULL);
	add("2001:db8::4", NULL);
	ck_assert_str_eq(chosen("198.51.100.7"), "203.0.113.4");
	ck_assert_str_eq(chosen("2001:db8:9::7"), "2001:db8::4");
	ck_assert_str_eq(chosen(NULL), "-");
	ck_assert_uint_eq(asked, 0);
}
END_TEST

START_TEST(none_of_its_family)
{
	add("203.0.113.4", NULL);
	ck_assert_str_eq(chosen("2001:db8:9::7"), "-");
}
END_TEST

START_TEST(the_interface_that_leads_there)
{
	add("203.0.113.4", NULL);
	add("192.0.2.1", NULL);
	source = "192.0.2.1";
	ck_assert_str_eq(chosen("192.0.2.77"), "192.0.2.1");
	source = "203.0.113.4";
	ck_assert_str_eq(chosen("198.51.100.7"), "203.0.113.4");
	/* no route, or out of an interface that has no address of the list */
	source = NULL;
	ck_assert_str_eq(chosen("198.51.100.7"), "203.0.113.4");
	source = "198.51.100.1";
	ck_assert_str_eq(chosen("198.51.100.7"), "203.0.113.4");
	ck_assert_uint_eq(asked, 4);
}
END_TEST

/* A virtual address that stands first is used, though packets by themselves
 * would leave from another one of its interface. */
START_TEST(the_first_of_an_interface)
{
	add("192.0.2.1", NULL);
	add("203.0.113.5", NULL);
	add("203.0.113.4", NULL);
	source = "203.0.113.4";
	ck_assert_str_eq(chosen("198.51.100.7"), "203.0.113.5");
}
END_TEST

START_TEST(public_to_the_public)
{
	host_has("eth", "192.168.0.4", true);
	host_has("eth", "192.168.0.5", true);
	add("192.168.0.5", NULL);
	add("192.168.0.4", "203.0.113.77");
	source = "192.168.0.5";
	ck_assert_str_eq(chosen("198.51.100.7"), "192.168.0.4");
	ck_assert_str_eq(chosen("192.168.0.9"), "192.168.0.5");
}
END_TEST

START_TEST(all_of_this_host)
{
	static const char *const want[] = {"203.0.113.5", "192.0.2.1",
					   "2001:db8::4", "fd00::1",
					   "2001:db8:1::1"};
	char text[ADDR_STRLEN];

	add("203.0.113.5", NULL);
	iface_add_others(&list);
	ck_assert_uint_eq(list.n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < list.n; i++)
		ck_assert_str_eq(addr_ip_str(text, &list.v[i].bind), want[i]);
	source = "fd00::1";
	ck_assert_str_eq(chosen("fd00::9"), "fd00::1");
	ck_assert_str_eq(chosen("2001:db8:7::9"), "2001:db8:1::1");
}
END_TEST

START_TEST(loopback_stays_alone)
{
	add("127.0.0.1", NULL);
	iface_add_others(&list);
	ck_assert_uint_eq(list.n, 1);
}
END_TEST

START_TEST(what_does_not_fit)
{
	char ip[ADDR_STRLEN];

	ck_assert_int_eq(add("203.0.113.4", NULL), 0);
	ck_assert_int_eq(add("203.0.113.4", NULL), -EEXIST);
	ck_assert_int_eq(add("203.0.113.5", "2001:db8::5"), -EAFNOSUPPORT);
	for (unsigned i = 1; i < IFACE_MAX; i++) {
		snprintf(ip, sizeof(ip), "198.51.100.%u", i);
		ck_assert_int_eq(add(ip, NULL), 0);
	}
	ck_assert_int_eq(add("198.51.100.99", NULL), -E2BIG);
}
END_TEST

START_TEST(own_addresses_are_known)
{
	struct addr a;

	add("192.0.2.1", "203.0.113.77");
	addr_parse(&a, "203.0.113.77:30000", 0);
	ck_assert(iface_has(&list, &a));
	addr_parse(&a, "192.0.2.1:30000", 0);
	ck_assert(iface_has(&list, &a));
	addr_parse(&a, "203.0.113.4:30000", 0);
	ck_assert(!iface_has(&list, &a));
}
END_TEST

/* What media.address and media.advertise may be: the environment's form. */
static const struct {
	const char *address, *advertise;
	const char *error; /* NULL: none */
	size_t n;
} confs[] = {
	{"192.0.2.1", "", NULL, 1},
	{"192.0.2.1, 2001:db8::1", NULL, NULL, 2},
	{"192.0.2.1, 192.0.2.2", ",203.0.113.9", NULL, 2},
	{"0.0.0.0", "203.0.113.9", NULL, 1},
	{"0.0.0.0, 2001:db8::1", "203.0.113.9", NULL, 2},
	{"192.0.2.1", "203.0.113.9, 203.0.113.8", "media.advertise: more", 0},
	{"192.0.2.1", "2001:db8::9", "media.advertise: 2001:db8::9: of", 0},
	{"192.0.2.1, auto", NULL, "media.address: auto: stands alone", 0},
	{"192.0.2.1, 192.0.2.1", NULL, "media.address: 192.0.2.1: stands", 0},
	{"0.0.0.0, 192.0.2.1", "203.0.113.9", "media.address: 0.0.0.0: s", 0},
	{"1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,"
	 "1.0.0.9",
	 NULL, "media.address: 9 addresses, give 1 to 8", 0},
};

START_TEST(configured)
{
	struct relayd_conf conf = {0};
	char err[CONF_ERRLEN] = "";
	struct addr control;
	int ret;

	addr_parse(&control, "127.0.0.1:5060", 0);
	setenv("RELAYD_MEDIA_ADDRESS", confs[_i].address, 1);
	unsetenv("RELAYD_MEDIA_ADVERTISE");
	if (confs[_i].advertise)
		setenv("RELAYD_MEDIA_ADVERTISE", confs[_i].advertise, 1);
	ret = conf_load(&conf, relayd_keys, relayd_nkeys, "relayd", NULL, err);
	ck_assert_msg(ret == 0, "%s", err);
	ret = relayd_conf_check(&conf, err);
	if (confs[_i].error) {
		ck_assert_int_eq(ret, -EINVAL);
		ck_assert_msg(
			!strncmp(err, confs[_i].error, strlen(confs[_i].error)),
			"%s", err);
	} else {
		ck_assert_int_eq(ret, 0);
		ck_assert_int_eq(relayd_conf_media(&list, &conf, &control), 0);
		ck_assert_uint_eq(list.n, confs[_i].n);
	}
	conf_free(&conf, relayd_keys, relayd_nkeys);
}
END_TEST

/* Phones are elsewhere, as long as this host has a way out. */
START_TEST(automatic_beside_a_loopback_control_socket)
{
	struct relayd_conf conf = {0};
	char err[CONF_ERRLEN] = "", text[ADDR_STRLEN];
	struct addr control, out;

	addr_parse(&control, "127.0.0.1:5060", 0);
	if (addr_local_for(&out, NULL))
		out = control;
	unsetenv("RELAYD_MEDIA_ADDRESS");
	setenv("RELAYD_MEDIA_ADVERTISE", "203.0.113.9", 1);
	ck_assert_int_eq(conf_load(&conf, relayd_keys, relayd_nkeys, "relayd",
				   NULL, err),
			 0);
	ck_assert_int_eq(relayd_conf_check(&conf, err), 0);
	ck_assert_int_eq(relayd_conf_media(&list, &conf, &control), 0);
	ck_assert_uint_ge(list.n, 1);
	ck_assert(addr_ip_eq(&list.v[0].bind, &out));
	ck_assert_str_eq(addr_ip_str(text, &list.v[0].advertise),
			 "203.0.113.9");
	conf_free(&conf, relayd_keys, relayd_nkeys);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("iface");
	Suite *s = suite_create("relayd iface");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, one_of_a_family_needs_no_route);
	tcase_add_test(tc, none_of_its_family);
	tcase_add_test(tc, the_interface_that_leads_there);
	tcase_add_test(tc, the_first_of_an_interface);
	tcase_add_test(tc, public_to_the_public);
	tcase_add_test(tc, all_of_this_host);
	tcase_add_test(tc, loopback_stays_alone);
	tcase_add_test(tc, what_does_not_fit);
	tcase_add_test(tc, own_addresses_are_known);
	tcase_add_loop_test(tc, configured, 0,
			    sizeof(confs) / sizeof(confs[0]));
	tcase_add_test(tc, automatic_beside_a_loopback_control_socket);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
