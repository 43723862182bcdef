#include "tests/unit/registration_fixture.h"

START_TEST(answer_has_all_that_rfc_3261_asks)
{
	ck_assert_int_eq(send_contact("<" NAT_A ">;q=0.7;+sip.instance="
				      "\"<urn:uuid:1>\";reg-id=2"),
			 200);
	check_said("SIP/2.0 200 OK\r\n");
	check_said("Contact: <" NAT_A ">;expires=3600;q=0.700;+sip.instance="
		   "\"<urn:uuid:1>\";reg-id=2\r\n");
	check_said("Path: <sip:203.0.113.1:5060;lr>\r\n");
	check_said("Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
	check_said("To: <sip:alice@Example.COM>;tag=");
	ck_assert_uint_eq(scene.n.registers, 1);
	ck_assert_uint_eq(scene.n.registers_ok, 1);
	ck_assert_uint_eq(scene.n.bindings_added, 1);
}
END_TEST

START_TEST(serving_proxy_is_the_top_path)
{
	struct addr want;

	scene.path = "Path: <sip:203.0.113.7:5070;lr>, <sip:192.0.2.1;lr>\r\n";
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 200);
	ck_assert_int_eq(addr_parse(&want, "203.0.113.7:5070", 0), 0);
	ck_assert(addr_eq(&binding(0)->serving, &want));
	check_said("Path: <sip:203.0.113.7:5070;lr>\r\n");
	check_said("Path: <sip:192.0.2.1;lr>\r\n");
}
END_TEST

/* Header lines, and the seconds they get; -1: 423. */
static const struct {
	const char *headers;
	int seconds;
} expiries[] = {
	{"Contact: <" NAT_A ">\r\n", 3600},
	{"Expires: 600\r\nContact: <" NAT_A ">\r\n", 600},
	{"Expires: 600\r\nContact: <" NAT_A ">;expires=900\r\n", 900},
	{"Contact: <" NAT_A ">;expires=60\r\n", 60},
	{"Contact: <" NAT_A ">;expires=7201\r\n", 7200},
	{"Contact: <" NAT_A ">;expires=99999999999999999999\r\n", 7200},
	{"Contact: <" NAT_A ">;expires=soon\r\n", 3600},
	{"Contact: <" NAT_A ">;expires=59\r\n", -1},
	{"Expires: 1\r\nContact: <" NAT_A ">\r\n", -1},
};

START_TEST(expiry)
{
	int status = send_new(expiries[_i].headers);

	if (expiries[_i].seconds < 0) {
		ck_assert_int_eq(status, 423);
		check_said("Min-Expires: 60\r\n");
		ck_assert_uint_eq(bindings(), 0);
		return;
	}
	ck_assert_int_eq(status, 200);
	ck_assert_uint_eq(binding(0)->expires,
			  t0 + (dir_time)expiries[_i].seconds * 1000);
}
END_TEST

/* What cannot be taken: the status, and nothing has changed. */
static const struct {
	const char *headers;
	int status;
	const char *said;
} refused[] = {
	{"Contact: *\r\n", 400, "Expires 0"},
	{"Contact: *\r\nExpires: 60\r\n", 400, "Expires 0"},
	{"Contact: *, <" NAT_B ">\r\nExpires: 0\r\n", 400, "Expires 0"},
	{"Contact: <" NAT_B ">, *\r\nExpires: 0\r\n", 400, "Expires 0"},
	{"Contact: <tel:+123>\r\n", 400, "Not A SIP URI"},
	{"Contact: <" NAT_B ">;+sip.instance=bare\r\n", 400, "sip.instance"},
	{"Contact: <" NAT_A ">;expires=0, <" NAT_B ">;expires=1\r\n", 423,
	 "Min-Expires"},
	{"Contact: <" NAT_A ">;expires=0, <tel:1>\r\n", 400, "Not A SIP URI"},
	{"Require: path, gruu, foo\r\nContact: <" NAT_B ">\r\n", 420,
	 "Unsupported: gruu, foo\r\n"},
	{"Contact: <sip:a@192.0.2.1>, <sip:a@192.0.2.2>, <sip:a@192.0.2.3>\r\n",
	 403, "Too Many"},
};

START_TEST(refusal_changes_nothing)
{
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 200);
	ck_assert_int_eq(send_new(refused[_i].headers), refused[_i].status);
	check_said(refused[_i].said);
	ck_assert_uint_eq(bindings(), 1);
	ck_assert_str_eq(binding(0)->url, NAT_A);
	ck_assert_uint_eq(binding(0)->expires, t0 + 3600000);
	ck_assert_uint_eq(scene.n.registers_rejected, 1);
}
END_TEST

START_TEST(contact_beyond_the_limit_is_refused)
{
	char line[REDIRECT_URL_MAX + 64];

	(void)snprintf(line, sizeof(line), "<sip:a@192.0.2.1;x=%0*d>",
		       REDIRECT_URL_MAX, 1);
	ck_assert_int_eq(send_contact(line), 400);
	check_said("Too Long");
}
END_TEST

START_TEST(endless_contacts_are_refused)
{
	char line[8192];
	struct strbuf sb;
	int i;

	strbuf_init(&sb, line, sizeof(line));
	for (i = 0; i < 200; i++)
		strbuf_printf(&sb, "%s<sip:a@192.0.2.1:%d>", i ? ", " : "",
			      1000 + i);
	ck_assert_int_eq(strbuf_err(&sb), 0);
	ck_assert_int_eq(send_contact(line), 403);
	ck_assert_uint_eq(bindings(), 0);
}
END_TEST

START_TEST(no_user_or_no_path_is_refused)
{
	ck_assert_int_eq(send_as("sip:example.com", "Contact: <" NAT_A ">\r\n"),
			 400);
	check_said("No Client Id");
	scene.path = "";
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 400);
	check_said("Path");
	scene.path = "Path: <sip:proxy.example.com;lr>\r\n";
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 400);
}
END_TEST

START_TEST(asking_changes_nothing)
{
	ck_assert_int_eq(send_new(""), 200);
	ck_assert_uint_eq(said_contacts(), 0);
	ck_assert_uint_eq(store_counts(scene.reg.store).known, 0);
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 200);
	scene.now += 600500;
	ck_assert_int_eq(send_new(""), 200);
	check_said("<" NAT_A ">;expires=3000\r\n");
	ck_assert_uint_eq(binding(0)->cseq, 2);
}
END_TEST

START_TEST(removal_of_nothing_makes_nobody_known)
{
	ck_assert_int_eq(send_contact("<" NAT_A ">;expires=0"), 200);
	ck_assert_int_eq(send_new("Contact: *\r\nExpires: 0\r\n"), 200);
	ck_assert_uint_eq(store_counts(scene.reg.store).known, 0);
}
END_TEST

START_TEST(removal_leaves_the_client_known)
{
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 200);
	ck_assert_int_eq(send_contact("<" NAT_A ">;expires=0"), 200);
	ck_assert_uint_eq(said_contacts(), 0);
	ck_assert_uint_eq(store_counts(scene.reg.store).known, 1);
	ck_assert_uint_eq(store_counts(scene.reg.store).contacts, 0);
	ck_assert_uint_eq(scene.n.bindings_removed, 1);
}
END_TEST

START_TEST(wildcard_removes_all)
{
	ck_assert_int_eq(send_contact("<sip:a@192.0.2.1>, <sip:a@192.0.2.2>"),
			 200);
	ck_assert_uint_eq(said_contacts(), 2);
	ck_assert_int_eq(send_new("Contact: *\r\nExpires: 0\r\n"), 200);
	ck_assert_uint_eq(bindings(), 0);
	ck_assert_uint_eq(scene.n.bindings_removed, 2);
}
END_TEST

START_TEST(retransmission_gets_the_same_answer)
{
	char first[sizeof(scene.answer)];

	ck_assert_int_eq(send_contact("<" NAT_A ">;q=0.5"), 200);
	memcpy(first, scene.answer, sizeof(first));
	ck_assert_int_eq(send_again("Contact: <" NAT_A ">;q=0.5\r\n"), 200);
	ck_assert_str_eq(scene.answer, first);
	scene.now += 1000;
	ck_assert_int_eq(send_again("Contact: <" NAT_A ">;q=0.5\r\n"), 200);
	ck_assert_uint_eq(binding(0)->registered, t0);
	ck_assert_uint_eq(scene.n.bindings_refreshed, 0);
}
END_TEST

/* With a CSeq that is not higher: 500, unless it says exactly the same. */
static const char *const stale[] = {
	"Contact: <" NAT_A ">;expires=0\r\n",
	"Contact: <" NAT_A_MOVED ">\r\n",
	"Contact: <" NAT_A ">;expires=900\r\n",
	"Contact: <" NAT_A ">;q=0.1\r\n",
	"Contact: *\r\nExpires: 0\r\n",
};

START_TEST(older_request_changes_nothing)
{
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 200);
	ck_assert_int_eq(send_again(stale[_i]), 500);
	scene.cseq--;
	ck_assert_int_eq(send_again("Contact: <" NAT_A ">\r\n"), 500);
	ck_assert_str_eq(binding(0)->url, NAT_A);
	ck_assert_uint_eq(binding(0)->expires, t0 + 3600000);
	ck_assert_uint_eq(scene.n.registers_stale, 2);
	scene.call_id = "rebooted@10.0.0.16";
	ck_assert_int_eq(send_again("Contact: <" NAT_A ">;expires=0\r\n"), 200);
	ck_assert_uint_eq(bindings(), 0);
}
END_TEST

START_TEST(path_is_kept_and_returned)
{
	scene.path = "Path: <sip:203.0.113.1:5060;lr>\r\n"
		     "Path: <sip:edge@198.51.100.9;lr;x=y>, <sip:far;lr>\r\n";
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 200);
	check_said("Path: <sip:203.0.113.1:5060;lr>\r\n");
	check_said("<sip:edge@198.51.100.9;lr;x=y>");
	ck_assert_str_eq(binding(0)->path,
			 "<sip:edge@198.51.100.9;lr;x=y>, <sip:far;lr>");
	scene.path = "Path: <sip:203.0.113.1:5060;lr>\r\n";
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 200);
	ck_assert_str_eq(binding(0)->path, "");
}
END_TEST

START_TEST(full_directory_is_503)
{
	ck_assert_int_eq(send_as("sip:x@a", "Contact: <sip:x@192.0.2.1>\r\n"),
			 200);
	ck_assert_int_eq(send_as("sip:y@a", "Contact: <sip:x@192.0.2.1>\r\n"),
			 200);
	ck_assert_int_eq(send_contact("<" NAT_A ">"), 503);
	check_said("Retry-After: ");
	ck_assert_uint_eq(scene.n.registers_failed, 1);
	ck_assert_uint_eq(scene.n.bindings_added, 2);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("redirectd_registration");
	TCase *tc = tcase_create("registration");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answer_has_all_that_rfc_3261_asks);
	tcase_add_test(tc, serving_proxy_is_the_top_path);
	tcase_add_loop_test(tc, expiry, 0, COUNT(expiries));
	tcase_add_loop_test(tc, refusal_changes_nothing, 0, COUNT(refused));
	tcase_add_test(tc, contact_beyond_the_limit_is_refused);
	tcase_add_test(tc, endless_contacts_are_refused);
	tcase_add_test(tc, no_user_or_no_path_is_refused);
	tcase_add_test(tc, asking_changes_nothing);
	tcase_add_test(tc, removal_of_nothing_makes_nobody_known);
	tcase_add_test(tc, removal_leaves_the_client_known);
	tcase_add_test(tc, wildcard_removes_all);
	tcase_add_test(tc, retransmission_gets_the_same_answer);
	tcase_add_loop_test(tc, older_request_changes_nothing, 0, COUNT(stale));
	tcase_add_test(tc, path_is_kept_and_returned);
	tcase_add_test(tc, full_directory_is_503);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
