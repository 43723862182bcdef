#include "proxyd/doctor_call.h"
#include "tests/unit/doctor_said.h"

/* Verdicts on the call that a doctor has led through a relay. */

static struct doctor_call call;

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

/* One that went well. */
static void setup(void)
{
	begin_findings();
	call = (struct doctor_call){
		.self = address("203.0.113.1:41000"),
		.relay = address("203.0.113.4:5060"),
		.named = address("203.0.113.4:30000"),
		.heard = {3, 3},
		.arrived = {5, 5},
	};
	call.from[0] = call.from[1] = call.named;
}

static void judge(void)
{
	doctor_call_judge(findings, &call);
}

START_TEST(a_call_that_went_well)
{
	judge();
	assert_found(1, 0, 0);
}
END_TEST

START_TEST(media_from_another_address)
{
	call.from[1] = address("203.0.113.9:30000");
	judge();
	assert_found(0, 0, 1);
	assert_said("relay 203.0.113.4:5060 names 203.0.113.4:30000 for media, "
		    "but sends from 203.0.113.9:30000");
}
END_TEST

START_TEST(media_from_another_port)
{
	call.from[0] = address("203.0.113.4:1024");
	judge();
	assert_found(0, 0, 1);
	assert_said("but sends from 203.0.113.4:1024");
}
END_TEST

START_TEST(media_that_does_not_reach_the_relay)
{
	call.heard[0] = 0;
	call.arrived[1] = 0;
	judge();
	assert_found(0, 0, 1);
	assert_said("media does not reach relay 203.0.113.4:5060 at "
		    "203.0.113.4:30000");
}
END_TEST

START_TEST(media_that_does_not_come_back)
{
	call.heard[1] = 0;
	judge();
	assert_found(0, 0, 1);
	assert_said("what it sends on does not arrive here");
}
END_TEST

START_TEST(media_of_which_nothing_is_known)
{
	call.heard[0] = call.heard[1] = 0;
	call.arrived[0] = call.arrived[1] = -1;
	judge();
	assert_found(0, 0, 1);
	assert_said("no media comes back");
}
END_TEST

/* A relay behind a 1:1 NAT, from wherever we and its control socket are. */
START_TEST(media_at_an_address_that_leads_inside)
{
	static const struct {
		const char *self, *relay, *named;
		bool inside;
	} cases[] = {
		{"10.0.0.17:41000", "127.0.0.1:5064", "203.0.113.28:30000",
		 true},
		{"10.0.0.1:41000", "10.0.0.17:5064", "203.0.113.28:30000",
		 true},
		{"[fd00::1]:41000", "[fd00::4]:5064", "[2001:db8::4]:30000",
		 true},
		/* over the internet, and within this network */
		{"203.0.113.1:41000", "10.0.0.17:5064", "203.0.113.28:30000",
		 false},
		{"10.0.0.1:41000", "203.0.113.28:5064", "203.0.113.28:30000",
		 false},
		{"10.0.0.1:41000", "10.0.0.17:5064", "10.0.0.17:30000", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct doctor_call silent = {
			.self = address(cases[i].self),
			.relay = address(cases[i].relay),
			.named = address(cases[i].named),
		};
		struct doctor_call heard = silent;

		heard.heard[0] = heard.heard[1] = 1;
		heard.from[0] = heard.named;
		heard.from[1] = address("10.0.0.17:30002");
		findings_free(findings);
		begin_findings();
		doctor_call_judge(findings, &silent);
		doctor_call_judge(findings, &heard);
		assert_found(0, cases[i].inside * 2, !cases[i].inside * 2);
		heard.from[1] = heard.named;
		doctor_call_judge(findings, &heard);
		assert_found(1, cases[i].inside * 2, !cases[i].inside * 2);
	}
}
END_TEST

START_TEST(the_name_for_phones_on_the_internet)
{
	static const struct {
		const char *self, *named;
		bool fails;
	} cases[] = {
		{"198.51.100.1:5060", "10.0.0.4:30000", true},
		{"198.51.100.1:5060", "127.0.0.1:30000", true},
		{"198.51.100.1:5060", "198.51.100.4:30000", false},
		{"10.0.0.1:5060", "10.0.0.4:30000", false},
		{"198.51.100.1:5060", "[fd00::4]:30000", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr self = address(cases[i].self),
			    named = address(cases[i].named);

		findings_free(findings);
		begin_findings();
		doctor_call_judge_name(findings, &call.relay, &named, &self);
		assert_found(0, 0, cases[i].fails);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_doctor");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, end_findings);
	tcase_add_test(tc, a_call_that_went_well);
	tcase_add_test(tc, media_from_another_address);
	tcase_add_test(tc, media_from_another_port);
	tcase_add_test(tc, media_that_does_not_reach_the_relay);
	tcase_add_test(tc, media_that_does_not_come_back);
	tcase_add_test(tc, media_of_which_nothing_is_known);
	tcase_add_test(tc, media_at_an_address_that_leads_inside);
	tcase_add_test(tc, the_name_for_phones_on_the_internet);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
