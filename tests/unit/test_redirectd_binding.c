#include "tests/unit/registration_fixture.h"

/*
 * A second REGISTER, and whether it is the same phone's. Columns: Contact and
 * Call-ID ("": another) of the first, of the second.
 */
static const struct {
	const char *about;
	const char *first;
	const char *second;
	bool same_call;
	size_t bindings;
} phones[] = {
	{"NAT mapping changed", NAT_A, NAT_A_MOVED, true, 1},
	{"NAT mapping changed at a reboot", NAT_A, NAT_A_MOVED, false, 1},
	{"NAT address changed (pool of addresses)", NAT_A, NAT_B, true, 1},
	{"same private address behind another NAT", NAT_A, NAT_B, false, 2},
	{"other private address behind the same NAT", NAT_A,
	 "sip:alice@198.51.100.28:40002;ph-own=10.0.0.17:5060", true, 2},
	{"other user part at the same private address", NAT_A,
	 "sip:line2@198.51.100.28:40002" OWN, true, 2},
	{"other transport", NAT_A, NAT_A_MOVED ";transport=tcp", true, 2},
	{"public, the same URI", "sip:a@192.0.2.1:5060", "sip:a@192.0.2.1:5060",
	 false, 1},
	{"public, another port", "sip:a@192.0.2.1:5060", "sip:a@192.0.2.1:5062",
	 true, 2},
	{"public, host in capitals", "sip:a@Host.Example", "sip:a@host.example",
	 false, 1},
	{"public, user in capitals", "sip:a@192.0.2.1", "sip:A@192.0.2.1", true,
	 2},
	{"public, parameter that does not matter", "sip:a@192.0.2.1",
	 "sip:a@192.0.2.1;x=1", true, 1},
	{"public, transport", "sip:a@192.0.2.1",
	 "sip:a@192.0.2.1;transport=tcp", true, 2},
	{"moved from public to a NAT", "sip:alice@198.51.100.28:40001", NAT_A,
	 true, 2},
};

START_TEST(same_phone)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "<%s>", phones[_i].first);
	ck_assert_int_eq(send_contact(line), 200);
	if (!phones[_i].same_call)
		scene.call_id = "another@10.0.0.16";
	(void)snprintf(line, sizeof(line), "<%s>", phones[_i].second);
	ck_assert_int_eq(send_contact(line), 200);
	ck_assert_msg(bindings() == phones[_i].bindings, "%s",
		      phones[_i].about);
	ck_assert_uint_eq(said_contacts(), phones[_i].bindings);
	if (phones[_i].bindings == 1)
		ck_assert_str_eq(binding(0)->url, phones[_i].second);
}
END_TEST

#define WITH_ID(url, n) "<" url ">;+sip.instance=\"<urn:uuid:" #n ">\""

START_TEST(instance_tells_phones_apart)
{
	ck_assert_int_eq(send_contact(WITH_ID(NAT_A, 1)), 200);
	ck_assert_int_eq(send_contact(WITH_ID(NAT_A_MOVED, 2)), 200);
	ck_assert_uint_eq(bindings(), 2);
	scene.call_id = "other@10.0.0.16";
	ck_assert_int_eq(send_contact(WITH_ID(NAT_B, 1)), 200);
	ck_assert_uint_eq(bindings(), 2);
	check_said(NAT_B);
	check_said(NAT_A_MOVED);
}
END_TEST

START_TEST(reg_id_makes_flows_of_one_phone)
{
	ck_assert_int_eq(send_contact(WITH_ID(NAT_A, 1) ";reg-id=1"), 200);
	ck_assert_int_eq(send_contact(WITH_ID(NAT_A, 1) ";reg-id=2"), 200);
	ck_assert_uint_eq(bindings(), 2);
	scene.path = "Path: <sip:203.0.113.2:5060;lr>\r\n";
	ck_assert_int_eq(
		send_contact(WITH_ID("sip:alice@192.0.2.9", 1) ";reg-id=2"),
		200);
	ck_assert_uint_eq(bindings(), 2);
	check_said("sip:alice@192.0.2.9");
}
END_TEST

START_TEST(other_proxy_makes_another_binding)
{
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 200);
	scene.path = "Path: <sip:203.0.113.2:5060;lr>\r\n";
	ck_assert_int_eq(send_contact("<" NAT_A_MOVED ">"), 200);
	ck_assert_uint_eq(bindings(), 2);
}
END_TEST

START_TEST(contact_said_twice_is_one_binding)
{
	ck_assert_int_eq(send_contact("<" NAT_A ">, <" NAT_A_MOVED ">"), 200);
	ck_assert_uint_eq(bindings(), 1);
	ck_assert_str_eq(binding(0)->url, NAT_A_MOVED);
	ck_assert_uint_eq(scene.n.bindings_added, 1);
}
END_TEST

START_TEST(replacing_all_at_once_fits_the_limit)
{
	ck_assert_int_eq(send_contact("<sip:a@192.0.2.1>, <sip:a@192.0.2.2>, "
				      "<sip:a@192.0.2.3>"),
			 200);
	ck_assert_int_eq(send_contact("<sip:a@192.0.2.4>"), 403);
	ck_assert_int_eq(send_contact("<sip:a@192.0.2.4>, "
				      "<sip:a@192.0.2.1>;expires=0"),
			 200);
	ck_assert_uint_eq(bindings(), CONTACTS_MAX);
}
END_TEST

START_TEST(lowered_limit_does_not_hinder_a_refresh)
{
	ck_assert_int_eq(send_contact("<sip:a@192.0.2.1>, <sip:a@192.0.2.2>"),
			 200);
	scene.reg.limits.contacts_max = 1;
	ck_assert_int_eq(send_contact("<sip:a@192.0.2.1>"), 200);
	ck_assert_int_eq(send_contact("<sip:a@192.0.2.3>"), 403);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("redirectd_binding");
	TCase *tc = tcase_create("binding");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, same_phone, 0, COUNT(phones));
	tcase_add_test(tc, instance_tells_phones_apart);
	tcase_add_test(tc, reg_id_makes_flows_of_one_phone);
	tcase_add_test(tc, other_proxy_makes_another_binding);
	tcase_add_test(tc, contact_said_twice_is_one_binding);
	tcase_add_test(tc, replacing_all_at_once_fits_the_limit);
	tcase_add_test(tc, lowered_limit_does_not_hinder_a_refresh);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
