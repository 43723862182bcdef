#include <unistd.h>

#include "tests/unit/auth_fixture.h"

/* What somebody can do who has heard, or guesses. */

START_TEST(a_nonce_is_used_many_times)
{
	ck_assert_int_eq(send_both(), 0);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(send_proof(), 0);
	ck_assert_uint_eq(scene.n.auth_challenges, 1);
	ck_assert_uint_eq(scene.n.auth_ok, 6);
}
END_TEST

START_TEST(the_request_comes_again)
{
	ck_assert_int_eq(send_both(), 0);
	ck_assert_int_eq(send_as_is(), 0);
	/* Through another proxy, which the phone's Via is the same behind. */
	scene.vias = "Via: SIP/2.0/UDP 203.0.113.2:5060;branch=z9hG4bKo\r\n"
		     "Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bKf;"
		     "received=198.51.100.28;rport=40000\r\n";
	ck_assert_int_eq(send_as_is(), 0);
	ck_assert_uint_eq(scene.n.auth_replayed, 0);
}
END_TEST

static void replayed(void)
{
	ck_assert_int_eq(send_as_is(),
			 strcmp(scene.method, "REGISTER") ? 407 : 401);
	check_said("stale=TRUE");
}

START_TEST(heard_and_sent_from_elsewhere)
{
	ck_assert_int_eq(send_both(), 0);
	scene.vias = FROM_AFAR;
	replayed();
	scene.vias = PHONE_VIA("198.51.100.28", "40001");
	replayed();
	scene.vias = FROM_HOME;
	ck_assert_int_eq(send_as_is(), 0);
	ck_assert_uint_eq(scene.n.auth_replayed, 2);
	ck_assert_uint_eq(scene.n.auth_failed, 0);
}
END_TEST

START_TEST(heard_and_sent_with_another_request)
{
	ck_assert_int_eq(send_both(), 0);
	scene.cseq++;
	replayed();
	scene.cseq--;
	scene.call_id = "call-2";
	replayed();
	scene.call_id = "call-1";
	scene.method = "OPTIONS";
	ck_assert_int_eq(send_as_is(), 407);
	check_not_said("stale");
}
END_TEST

/* The credentials are for this callee. */
START_TEST(heard_and_sent_to_another_callee)
{
	ck_assert_int_eq(send_plain(), 407);
	learn();
	authorize();
	scene.uri = "sip:premium@203.0.113.3:5060;ph-domain=example.com";
	ck_assert_int_eq(send_as_is(), 400);
	ck_assert_str_eq(scene.res.phrase, "Credentials For Another URI");
	ck_assert_uint_eq(scene.n.auth_malformed, 1);
	scene.uri = CALL_BOB;
	ck_assert_int_eq(send_as_is(), 0);
}
END_TEST

START_TEST(digest_uris_of_phones)
{
	static const struct {
		const char *uri;
		int status;
	} uris[] = {
		{"sip:bob@example.com", 0},
		{"sip:bob@example.com:5060;transport=tcp", 0},
		{"sip:b%6fb@example.com", 0},
		{"sips:bob@[2001:db8::1]", 0},
		{"sip:bob@203.0.113.1", 0},
		{"sip:example.com", 0},
		{"sip:EXAMPLE.com;transport=udp", 0},
		{"sip:203.0.113.1:5060", 0},
		{"sip:Bob@example.com", 400},
		{"sip:bobb@example.com", 400},
		{"sip:bo@example.com", 400},
		{"sip:alice@bob@example.com", 400},
		{"tel:bob", 400},
		{"bob@example.com", 400},
		{"/", 400},
		{"*", 400},
		{"sip:", 400},
	};

	ck_assert_int_eq(send_plain(), 407);
	learn();
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		scene.digest_uri = uris[i].uri;
		ck_assert_msg(send_proof() == uris[i].status, "%s",
			      uris[i].uri);
	}
	/* The registrar's own name, whatever the phone takes it for. */
	to_register();
	scene.digest_uri = "sip:203.0.113.1";
	ck_assert_int_eq(send_proof(), 0);
}
END_TEST

/* The same request, as far as its Call-ID and CSeq go. */
START_TEST(heard_and_turned_into_another_binding)
{
	static const char *const others[] = {
		"Contact: <sip:mallory@198.51.100.28:40000>\r\n",
		"Contact: <sip:alice@198.51.100.28:40000>;expires=0\r\n",
		"Contact: <sip:alice@198.51.100.28:40000>\r\nExpires: 0\r\n",
		"Contact: *\r\nExpires: 0\r\n",
		"Contact: <sip:alice@198.51.100.28:40000>, <sip:m@m>\r\n",
		"",
	};

	to_register();
	ck_assert_int_eq(send_both(), 0);
	ck_assert_int_eq(send_as_is(), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		scene.extra = others[i];
		replayed();
	}
}
END_TEST

START_TEST(without_qop_a_nonce_is_good_once)
{
	scene.qop = false;
	ck_assert_int_eq(send_both(), 0);
	ck_assert_int_eq(send_as_is(), 0);
	ck_assert_int_eq(send_proof(), 407);
	check_said("stale=TRUE");
	learn();
	ck_assert_int_eq(send_proof(), 0);
}
END_TEST

START_TEST(a_nonce_grows_old)
{
	ck_assert_int_eq(send_both(), 0);
	scene.now = t0 + NONCE_MS;
	ck_assert_int_eq(send_proof(), 407);
	check_said("stale=TRUE");
	ck_assert_uint_eq(scene.n.auth_stale, 1);
	learn();
	ck_assert_int_eq(send_proof(), 0);
	scene.cfg.nonce_ms = 1000;
	configure();
	scene.now += 1000;
	ck_assert_int_eq(send_proof(), 407);
	check_said("stale=TRUE");
}
END_TEST

/* Of a redirectd before its restart, of another site, or of nobody. */
START_TEST(a_nonce_that_is_not_ours)
{
	struct auth *before = scene.auth;

	ck_assert_int_eq(send_plain(), 407);
	learn();
	scene.cfg.secret = "";
	ck_assert_int_eq(auth_alloc(&scene.auth, &scene.cfg, &scene.n), 0);
	ck_assert_int_eq(send_proof(), 407);
	check_said("stale=TRUE");
	strcpy(scene.nonce, "whatever");
	ck_assert_int_eq(send_proof(), 407);
	check_said("stale=TRUE");
	ck_assert_uint_eq(scene.n.auth_stale, 2);
	ck_assert_uint_eq(scene.fake.users_asked, 0);
	auth_free(before);
}
END_TEST

/* Which realm a nonce is for cannot be chosen. */
START_TEST(a_nonce_of_another_realm)
{
	scene.from = "<sip:mallory@example.org>";
	ck_assert_int_eq(send_plain(), 407);
	learn();
	scene.from = ALICE_FROM;
	strcpy(scene.realm, "example.com");
	ck_assert_int_eq(send_proof(), 407);
	check_said("stale=TRUE");
}
END_TEST

static void guess(unsigned times, const char *vias)
{
	scene.vias = vias;
	scene.password = "a guess";
	for (unsigned i = 0; i < times; i++)
		ck_assert_int_eq(send_proof(), 407);
	scene.password = "secret";
}

START_TEST(too_many_guesses)
{
	ck_assert_int_eq(send_plain(), 407);
	learn();
	guess(FAILURES, FROM_AFAR);
	scene.now += 500;
	ck_assert_int_eq(send_proof(), 403);
	ck_assert_str_eq(scene.res.phrase, "Too Many Failed Attempts");
	check_said("Retry-After: 60\r\n");
	check_not_said("Authenticate");
	/* Nothing has been looked up, and a request without is challenged. */
	ck_assert_uint_eq(scene.fake.users_asked, FAILURES);
	ck_assert_int_eq(send_plain(), 407);
	/* Nor from anywhere else: many may guess together. */
	scene.vias = FROM_HOME;
	ck_assert_int_eq(send_proof(), 403);
	ck_assert_uint_eq(scene.n.auth_limited, 2);
	scene.now = t0 + 60000;
	ck_assert_int_eq(send_proof(), 0);
}
END_TEST

START_TEST(guesses_do_not_lock_out_the_phone)
{
	ck_assert_int_eq(send_plain(), 407);
	learn();
	guess(FAILURES, FROM_AFAR);
	scene.vias = FROM_HOME;
	scene.fake.registered = "sip:alice@198.51.100.28:40000;ph-own=10.0.0.1";
	ck_assert_int_eq(send_proof(), 0);
	scene.fake.registered = "sip:alice@198.51.100.29:40000";
	ck_assert_int_eq(send_proof(), 403);
	scene.fake.registered = "sip:alice@phone.example.com";
	ck_assert_int_eq(send_proof(), 403);
	scene.fake.get_err = -EAGAIN;
	ck_assert_int_eq(send_proof(), -EAGAIN);
	ck_assert_str_eq(scene.res.id, ALICE);
	scene.fake.get_err = -EIO;
	ck_assert_int_eq(send_proof(), 403);
	/* It is limited by its own failures all the same. */
	scene.fake.get_err = 0;
	scene.fake.registered = "sip:alice@198.51.100.28:40000";
	guess(FAILURES, FROM_HOME);
	ck_assert_int_eq(send_proof(), 403);
}
END_TEST

/* Behind the same NAT: a phone goes on where it is registered, also when it
 * was its password that was guessed. */
START_TEST(guesses_of_a_neighbour)
{
	ck_assert_int_eq(send_plain(), 407);
	learn();
	guess(FAILURES, PHONE_VIA("198.51.100.28", "40002"));
	ck_assert_int_eq(send_proof(), 403);
	scene.vias = FROM_HOME;
	ck_assert_int_eq(send_proof(), 403);
	scene.fake.registered = "sip:alice@198.51.100.28:40000;ph-own=10.0.0.1";
	ck_assert_int_eq(send_proof(), 0);
	scene.fake.registered = "sip:alice@198.51.100.28:40004";
	ck_assert_int_eq(send_proof(), 403);
	scene.fake.get_err = -EAGAIN;
	ck_assert_int_eq(send_proof(), -EAGAIN);
	ck_assert_str_eq(scene.res.id, ALICE);
}
END_TEST

START_TEST(guesses_of_many_names)
{
	static const char *const names[] = {"<sip:a@example.com>",
					    "<sip:b@example.com>",
					    "<sip:c@example.com>"};

	ck_assert_int_eq(send_plain(), 407);
	learn();
	for (unsigned i = 0; i < FAILURES; i++) {
		scene.from = names[i];
		guess(1, FROM_AFAR);
	}
	scene.from = ALICE_FROM;
	ck_assert_int_eq(send_proof(), 403);
	scene.vias = FROM_HOME;
	ck_assert_int_eq(send_proof(), 0);
	scene.cfg.failures = 0;
	configure();
	scene.vias = FROM_AFAR;
	ck_assert_int_eq(send_proof(), 0);
}
END_TEST

static char logged[4096];

/* One line on stderr, as deploy/fail2ban/pinhole.conf reads it. */
START_TEST(a_failure_is_logged)
{
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(send_plain(), 407);
	learn();
	ck_assert_int_eq(pipe(fds), 0);
	log_set_level(LOG_LEVEL_WARN);
	ck_assert_int_ge(dup2(fds[1], STDERR_FILENO), 0);
	guess(1, FROM_AFAR);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
	close(fds[1]);
	n = read(fds[0], logged, sizeof(logged) - 1);
	close(fds[0]);
	ck_assert_int_gt(n, 0);
	logged[n] = '\0';
	ck_assert_msg(strstr(logged,
			     "level=warn daemon=- msg=\"failed authentication\""
			     " ip=192.0.2.66 src=192.0.2.66:6000 "
			     "client=alice@example.com call_id=call-1 "
			     "reason=\"wrong response\"") != NULL,
		      "%s", logged);
	ck_assert_ptr_eq(strchr(logged, '\n'), logged + n - 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("abuse");
	Suite *s = suite_create("redirectd auth abuse");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_nonce_is_used_many_times);
	tcase_add_test(tc, the_request_comes_again);
	tcase_add_test(tc, heard_and_sent_from_elsewhere);
	tcase_add_test(tc, heard_and_sent_with_another_request);
	tcase_add_test(tc, heard_and_sent_to_another_callee);
	tcase_add_test(tc, digest_uris_of_phones);
	tcase_add_test(tc, heard_and_turned_into_another_binding);
	tcase_add_test(tc, without_qop_a_nonce_is_good_once);
	tcase_add_test(tc, a_nonce_grows_old);
	tcase_add_test(tc, a_nonce_that_is_not_ours);
	tcase_add_test(tc, a_nonce_of_another_realm);
	tcase_add_test(tc, too_many_guesses);
	tcase_add_test(tc, guesses_do_not_lock_out_the_phone);
	tcase_add_test(tc, guesses_of_a_neighbour);
	tcase_add_test(tc, guesses_of_many_names);
	tcase_add_test(tc, a_failure_is_logged);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
