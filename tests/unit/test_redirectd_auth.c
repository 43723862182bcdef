#include "tests/unit/auth_fixture.h"

START_TEST(a_call_is_challenged_by_the_proxy)
{
	ck_assert_int_eq(send_plain(), 407);
	ck_assert_ptr_null(scene.res.phrase);
	ck_assert_int_eq(
		strncmp(scene.res.extra, "Proxy-Authenticate: Digest ", 27), 0);
	check_said("realm=\"example.com\"");
	check_said("qop=\"auth\"");
	check_not_said("stale");
	check_not_said("WWW-Authenticate");
	learn();
	ck_assert_int_eq(send_proof(), 0);
	ck_assert_str_eq(scene.res.extra, "");
	ck_assert_uint_eq(scene.n.auth_challenges, 1);
	ck_assert_uint_eq(scene.n.auth_ok, 1);
	ck_assert_uint_eq(scene.n.auth_failed, 0);
}
END_TEST

START_TEST(a_register_is_challenged_by_the_registrar)
{
	to_register();
	ck_assert_int_eq(send_plain(), 401);
	ck_assert_int_eq(
		strncmp(scene.res.extra, "WWW-Authenticate: Digest ", 25), 0);
	check_not_said("Proxy-Authenticate");
	learn();
	ck_assert_int_eq(send_proof(), 0);
	ck_assert_str_eq(scene.fake.asked_for, ALICE);
}
END_TEST

/* The client of a REGISTER is that of To, whoever sends it. */
START_TEST(a_register_for_another_one)
{
	to_register();
	scene.to = "<sip:bob@example.com>";
	ck_assert_int_eq(send_both(), 401);
	ck_assert_str_eq(scene.fake.asked_for, "bob@example.com");
	scene.to = "<sip:example.com>";
	ck_assert_int_eq(send_plain(), 400);
	ck_assert_str_eq(scene.res.phrase, "No Client Id In To");
}
END_TEST

/* RFC 8760 2.3: one line an algorithm, in the order of the configuration. */
START_TEST(algorithms_in_their_order)
{
	const char *first, *second;

	ck_assert_int_eq(send_plain(), 407);
	first = strstr(scene.res.extra, "algorithm=SHA-256,");
	second = strstr(scene.res.extra, "algorithm=MD5,");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_nonnull(second);
	ck_assert(first < second);
	ck_assert_ptr_null(strstr(scene.res.extra, "SHA-512-256"));
	learn();
	scene.with = DIGEST_SHA256;
	ck_assert_int_eq(send_proof(), 0);
	/* Not offered: as if there were none. */
	scene.with = DIGEST_SHA512_256;
	ck_assert_int_eq(send_proof(), 407);
	check_not_said("stale");
	ck_assert_uint_eq(scene.n.auth_failed, 0);

	scene.cfg.algorithms[0] = DIGEST_SHA512_256;
	scene.cfg.nalgorithms = 1;
	configure();
	ck_assert_int_eq(send_both(), 0);
	check_not_said("MD5");
}
END_TEST

START_TEST(a_realm_of_its_own)
{
	scene.cfg.realm = "Pinhole";
	configure();
	ck_assert_int_eq(send_both(), 407);
	check_said("realm=\"Pinhole\"");
	scene.fake.user = user_of("alice", "Pinhole", "secret");
	ck_assert_int_eq(send_both(), 0);
	/* The password would be right, the realm is another. */
	scene.cfg.realm = "";
	configure();
	scene.fake.user.realm[0] = 'p';
	ck_assert_int_eq(send_both(), 407);
	ck_assert_uint_eq(scene.n.auth_failed, 2);
}
END_TEST

/* RFC 3323: the credentials name who it is. */
START_TEST(an_anonymous_caller)
{
	scene.from = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
	ck_assert_int_eq(send_both(), 0);
	ck_assert_str_eq(scene.fake.asked_for, ALICE);
	scene.from = "<sip:example.com>";
	ck_assert_int_eq(send_both(), 0);
	scene.from = "<tel:+15550100>";
	ck_assert_int_eq(send_both(), 0);
	ck_assert_str_eq(scene.fake.asked_for, ALICE);

	scene.name = "alice@Example.com";
	scene.fake.user = user_of(scene.name, "example.com", "secret");
	ck_assert_int_eq(send_both(), 0);
	ck_assert_str_eq(scene.fake.asked_for, ALICE);

	scene.fake.users_asked = 0;
	scene.name = "al ice";
	ck_assert_int_eq(send_both(), 407);
	ck_assert_uint_eq(scene.fake.users_asked, 0);
	ck_assert_uint_eq(scene.n.auth_failed, 1);
}
END_TEST

START_TEST(an_anonymous_caller_to_nobody)
{
	scene.from = "<sip:anonymous@anonymous.invalid>";
	scene.uri = "sip:203.0.113.3:5060";
	ck_assert_int_eq(send_plain(), 407);
	check_said("realm=\"anonymous.invalid\"");
}
END_TEST

/* Unknown user, wrong name, wrong password: nobody can tell which it was. */
START_TEST(failures_look_alike)
{
	char plain[AUTH_EXTRA_MAX];

	ck_assert_int_eq(send_plain(), 407);
	strcpy(plain, scene.res.extra);
	learn();
	scene.password = "wrong";
	ck_assert_int_eq(send_proof(), 407);
	ck_assert_uint_eq(strlen(scene.res.extra), strlen(plain));
	check_not_said("stale");
	scene.password = "secret";
	scene.name = "bob";
	ck_assert_int_eq(send_proof(), 407);
	ck_assert_uint_eq(strlen(scene.res.extra), strlen(plain));
	scene.name = "alice";
	scene.from = "<sip:nobody@example.com>";
	ck_assert_int_eq(send_proof(), 407);
	ck_assert_uint_eq(strlen(scene.res.extra), strlen(plain));
	ck_assert_uint_eq(scene.n.auth_failed, 3);
	ck_assert_uint_eq(scene.n.auth_ok, 0);
}
END_TEST

/* The right response, but not for what the record says. */
START_TEST(no_way_around_the_record)
{
	strcpy(scene.fake.user.name, "Alice");
	ck_assert_int_eq(send_both(), 407);
	scene.fake.user = user_of("alice", "example.com", "secret");
	strcpy(scene.fake.user.realm, "example.org");
	ck_assert_int_eq(send_both(), 407);
	ck_assert_uint_eq(scene.n.auth_failed, 2);
	strcpy(scene.fake.user.realm, "example.com");
	ck_assert_int_eq(send_both(), 0);
}
END_TEST

static void prove_by(const char *name, const struct digest *ha1)
{
	const struct digest_parts p = {
		"INVITE", "sip:bob@example.com", scene.nonce, NULL, NULL, NULL};
	struct digest d;

	ck_assert_int_eq(send_plain(), 407);
	learn();
	ck_assert_int_eq(digest_response(&d, DIGEST_MD5, ha1, &p), 0);
	snprintf(scene.credentials, sizeof(scene.credentials),
		 "Proxy-Authorization: Digest username=\"%s\", realm=\"%s\", "
		 "nonce=\"%s\", uri=\"sip:bob@example.com\", response=\"%s\""
		 "\r\n",
		 name, scene.realm, scene.nonce, d.hex);
}

/* A record without a hash of this algorithm, and a client without a record. */
START_TEST(the_hash_of_nobody_proves_nothing)
{
	const struct digest empty = {""};
	const struct digest zero = {"00000000000000000000000000000000"};
	const struct digest known = scene.fake.user.ha1[DIGEST_MD5];

	prove_by("alice", &known);
	ck_assert_int_eq(send_as_is(), 0);
	scene.fake.user.ha1[DIGEST_MD5] = empty;
	prove_by("alice", &empty);
	ck_assert_int_eq(send_as_is(), 407);
	prove_by("alice", &zero);
	ck_assert_int_eq(send_as_is(), 407);
	scene.from = "<sip:nobody@example.com>";
	prove_by("", &zero);
	ck_assert_int_eq(send_as_is(), 407);
	ck_assert_uint_eq(scene.n.auth_failed, 3);
	scene.vias = FROM_AFAR;
	scene.from = ALICE_FROM;
	scene.with = DIGEST_SHA256;
	ck_assert_int_eq(send_both(), 0);
}
END_TEST

START_TEST(credentials_of_the_other_kind_are_none)
{
	ck_assert_int_eq(send_plain(), 407);
	learn();
	authorize();
	memmove(scene.credentials, scene.credentials + 6,
		strlen(scene.credentials) - 5);
	ck_assert_int_eq(send_as_is(), 407);
	ck_assert_uint_eq(scene.n.auth_failed, 0);
	ck_assert_uint_eq(scene.n.auth_ok, 0);
}
END_TEST

START_TEST(malformed_credentials)
{
	strcpy(scene.credentials,
	       "Proxy-Authorization: Digest realm=\"example.com\"\r\n");
	ck_assert_int_eq(send_as_is(), 400);
	ck_assert_str_eq(scene.res.phrase, "Credentials Without username");
	ck_assert_str_eq(scene.res.extra, "");
	ck_assert_uint_eq(scene.n.auth_malformed, 1);
}
END_TEST

START_TEST(a_store_that_takes_its_time)
{
	ck_assert_int_eq(send_plain(), 407);
	learn();
	scene.fake.user_err = -EAGAIN;
	ck_assert_int_eq(send_proof(), -EAGAIN);
	ck_assert_str_eq(scene.res.id, ALICE);
	ck_assert_int_eq(send_as_is(), -EAGAIN);
	scene.fake.user_err = 0;
	ck_assert_int_eq(send_as_is(), 0);
	/* What comes behind had to wait too, and all is begun anew. */
	ck_assert_int_eq(send_as_is(), 0);
	scene.fake.user_err = -EIO;
	ck_assert_int_eq(send_proof(), 503);
	ck_assert_str_eq(scene.res.phrase, "Directory Out Of Reach");
	check_said("Retry-After: 10\r\n");
	ck_assert_uint_eq(scene.n.auth_failed, 0);
	ck_assert_uint_eq(scene.n.auth_unavailable, 1);
}
END_TEST

START_TEST(the_store_in_memory)
{
	const struct store_config cfg = {.max = 10, .now = t0};
	const struct user u = user_of("alice", "example.com", "secret");
	struct store_edit e = {.kind = STORE_USER, .id = ALICE, .user = &u};
	char err[CONF_ERRLEN] = "";

	ck_assert_msg(!store_open(&scene.store, "memory", &cfg, err), "%s",
		      err);
	ck_assert_int_eq(send_plain(), 403);
	scene.vias = FROM_LAN;
	ck_assert_int_eq(send_plain(), 0);
	scene.vias = FROM_HOME;
	ck_assert_int_eq(store_edit(scene.store, &e, NULL, NULL), 0);
	ck_assert_int_eq(send_both(), 0);
	e = (struct store_edit){.kind = STORE_ALIAS,
				.id = "100@example.com",
				.alias_of = ALICE};
	ck_assert_int_eq(store_edit(scene.store, &e, NULL, NULL), 0);
	scene.from = "<sip:100@example.com>";
	ck_assert_int_eq(send_both(), 0);
	scene.password = "wrong";
	ck_assert_int_eq(send_both(), 407);
	store_close(scene.store);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("auth");
	Suite *s = suite_create("redirectd auth");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_call_is_challenged_by_the_proxy);
	tcase_add_test(tc, a_register_is_challenged_by_the_registrar);
	tcase_add_test(tc, a_register_for_another_one);
	tcase_add_test(tc, algorithms_in_their_order);
	tcase_add_test(tc, a_realm_of_its_own);
	tcase_add_test(tc, an_anonymous_caller);
	tcase_add_test(tc, an_anonymous_caller_to_nobody);
	tcase_add_test(tc, failures_look_alike);
	tcase_add_test(tc, no_way_around_the_record);
	tcase_add_test(tc, the_hash_of_nobody_proves_nothing);
	tcase_add_test(tc, credentials_of_the_other_kind_are_none);
	tcase_add_test(tc, malformed_credentials);
	tcase_add_test(tc, a_store_that_takes_its_time);
	tcase_add_test(tc, the_store_in_memory);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
