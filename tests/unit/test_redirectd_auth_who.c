#include "tests/unit/auth_fixture.h"

/* Who has to authenticate, and who has not. */

START_TEST(modes)
{
	static const struct {
		const char *word;
		enum auth_mode mode;
	} words[] = {
		{"auto", AUTH_AUTO},
		{"always", AUTH_ALWAYS},
		{"never", AUTH_NEVER},
	};
	enum auth_mode m;

	for (unsigned i = 0; i < AUTH_MODE_COUNT; i++) {
		ck_assert_int_eq(auth_mode_find(&m, words[i].word), 0);
		ck_assert_int_eq(m, words[i].mode);
	}
	ck_assert_int_eq(auth_mode_find(&m, "Auto"), -ENOENT);
	ck_assert_int_eq(auth_mode_find(&m, ""), -ENOENT);

	scene.cfg.mode = AUTH_NEVER;
	configure();
	ck_assert_int_eq(send_plain(), 0);
	scene.fake.counts.users = 0;
	ck_assert_int_eq(send_plain(), 0);
	ck_assert_int_eq(auth_mode(scene.auth), AUTH_NEVER);
	scene.cfg.mode = AUTH_ALWAYS;
	configure();
	ck_assert_int_eq(send_plain(), 407);
	scene.vias = FROM_LAN;
	ck_assert_int_eq(send_plain(), 407);
}
END_TEST

/* `auto`, and nobody has a password yet. */
START_TEST(an_open_directory)
{
	static const struct {
		const char *vias;
		int status;
	} from[] = {
		{FROM_HOME, 403},
		{FROM_LAN, 0},
		{PHONE_VIA("127.0.0.1", "5"), 0},
		{PHONE_VIA("10.1.2.3", "5"), 0},
		{PHONE_VIA("172.16.0.1", "5"), 0},
		{PHONE_VIA("172.32.0.1", "5"), 403},
		{PHONE_VIA("100.64.0.1", "5"), 0},
		{PHONE_VIA("169.254.0.1", "5"), 0},
		{PHONE_VIA("fd00::1", "5"), 0},
		{PHONE_VIA("fe80::1", "5"), 0},
		{PHONE_VIA("::1", "5"), 0},
		{PHONE_VIA("2001:db8::1", "5"), 403},
		{PHONE_VIA("64:ff9b::808:808", "5"), 403},
		{PROXY_VIA "Via: SIP/2.0/UDP phone.example;branch=z9\r\n", 403},
		{PROXY_VIA, 0},
	};

	scene.fake.counts.users = 0;
	scene.from = "<sip:bob@example.com>";
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		scene.vias = from[i].vias;
		ck_assert_msg(send_plain() == from[i].status, "%s",
			      from[i].vias);
	}
	scene.vias = FROM_HOME;
	ck_assert_int_eq(send_plain(), 403);
	ck_assert_str_eq(scene.res.phrase,
			 "Directory Is Open To Private Addresses Only");
	to_register();
	scene.to = "<sip:bob@example.com>";
	ck_assert_int_eq(send_plain(), 403);
	ck_assert_uint_eq(scene.n.open_refused, 7);
	ck_assert_uint_eq(scene.n.auth_challenges, 0);
	scene.fake.counts.users = 1;
	ck_assert_int_eq(send_plain(), 401);
}
END_TEST

/* Not being able to read the users does not make a directory open. */
START_TEST(a_store_that_was_never_in_reach)
{
	scene.fake.counts = (struct store_counts){.users = 0, .up = false};
	scene.from = "<sip:bob@example.com>";
	scene.vias = FROM_LAN;
	ck_assert_int_eq(send_plain(), 503);
	check_said("Retry-After: 10\r\n");
	scene.fake.counts.users = 5;
	ck_assert_int_eq(send_plain(), 407);
	ck_assert_uint_eq(scene.n.auth_unavailable, 1);
}
END_TEST

/* It is the store's truth that counts, not what it knew before. */
START_TEST(the_first_user)
{
	scene.vias = FROM_LAN;
	scene.fake.counts.users = 0;
	scene.from = "<sip:bob@example.com>";
	ck_assert_int_eq(send_plain(), 0);
	scene.fake.users_new = 1;
	ck_assert_int_eq(send_plain(), 407);
	scene.fake.counts.users = 0;
	scene.fake.user_err = -EAGAIN;
	ck_assert_int_eq(send_plain(), -EAGAIN);
	ck_assert_str_eq(scene.res.id, "bob@example.com");
	scene.fake.user_err = -EIO;
	ck_assert_int_eq(send_plain(), 503);
	scene.fake.user_err = 0;
	scene.from = ALICE_FROM;
	ck_assert_int_eq(send_plain(), 407);
	scene.from = "<sip:anonymous@anonymous.invalid>";
	ck_assert_int_eq(send_plain(), 0);
	scene.fake.user_err = -EAGAIN;
	ck_assert_int_eq(send_plain(), -EAGAIN);
	ck_assert_str_ne(scene.res.id, "");
}
END_TEST

START_TEST(who_is_never_asked)
{
	scene.method = "ACK";
	ck_assert_int_eq(send_plain(), 0);
	scene.method = "CANCEL";
	ck_assert_int_eq(send_plain(), 0);
	scene.method = "OPTIONS";
	ck_assert_int_eq(send_plain(), 407);
	to_call();
	scene.uri = CALL_BOB ";ph-served";
	ck_assert_int_eq(send_plain(), 0);
	ck_assert(!scene.res.stranger);
	scene.uri = CALL_BOB ";ph-vouched";
	ck_assert_int_eq(send_plain(), 0);
	ck_assert(scene.res.stranger);
	scene.uri = CALL_BOB;
	scene.vias = PROXY_VIA;
	ck_assert_int_eq(send_plain(), 0);
	ck_assert_uint_eq(scene.fake.users_asked, 0);
}
END_TEST

/* The proxy asks where alice is, as she calls somebody of another domain. */
START_TEST(calls_to_other_domains)
{
	scene.uri = "sip:alice@203.0.113.3:5060;ph-domain=example.com;"
		    "ph-abroad=bob%40example.org";
	scene.digest_uri = "sip:bob@example.org";
	ck_assert_int_eq(send_plain(), 407);
	learn();
	ck_assert_int_eq(send_proof(), 0);
	scene.nc++;
	scene.digest_uri = "sip:alice@example.com";
	ck_assert_int_eq(send_proof(), 400);
	scene.uri = "sip:alice@203.0.113.3:5060;ph-domain=example.com;"
		    "ph-abroad=example.org";
	scene.digest_uri = "sip:example.org";
	ck_assert_int_eq(send_proof(), 0);
}
END_TEST

START_TEST(callers_from_other_domains)
{
	const char *const ours[] = {"Example.com", "example.net"};

	scene.cfg.domains = ours;
	scene.cfg.ndomains = 2;
	configure();
	ck_assert_int_eq(send_plain(), 407);
	scene.from = "<sip:carol@EXAMPLE.net>";
	ck_assert_int_eq(send_plain(), 407);
	scene.from = "<sip:example.com>";
	ck_assert_int_eq(send_plain(), 407);
	ck_assert(!scene.res.stranger);
	scene.from = "<sip:carol@example.org>";
	ck_assert_int_eq(send_plain(), 0);
	ck_assert(scene.res.stranger);
	scene.from = "<sip:anonymous@anonymous.invalid>";
	ck_assert_int_eq(send_plain(), 0);
	scene.from = "<tel:+15550100>";
	ck_assert_int_eq(send_plain(), 0);
	to_register();
	scene.to = "<sip:carol@example.org>";
	ck_assert_int_eq(send_plain(), 401);
	scene.cfg.ndomains = 0;
	configure();
	to_call();
	scene.from = "<sip:carol@example.org>";
	ck_assert_int_eq(send_plain(), 407);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("who");
	Suite *s = suite_create("redirectd auth who");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, modes);
	tcase_add_test(tc, an_open_directory);
	tcase_add_test(tc, a_store_that_was_never_in_reach);
	tcase_add_test(tc, the_first_user);
	tcase_add_test(tc, who_is_never_asked);
	tcase_add_test(tc, calls_to_other_domains);
	tcase_add_test(tc, callers_from_other_domains);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
