#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proxyd/strip.h"

enum { TEXT_MAX = 8192 };

static char out[TEXT_MAX];

static msg_t *parse(const char *text)
{
	const char *why = "";
	msg_t *msg;

	ck_assert_msg(!sipmsg_parse(&msg, text, strlen(text), &why), "%s", why);
	return msg;
}

static const char *printed(msg_t *msg)
{
	struct strbuf sb;

	strbuf_init(&sb, out, sizeof(out));
	ck_assert_int_eq(sipmsg_print(&sb, msg), 0);
	msg_destroy(msg);
	return out;
}

/* One word of the dialect in every place of a request. */
static msg_t *request(const char *w)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text),
		 "REFER sip:b@example.com;x=1%s;y=2 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKphone\r\n"
		 "Record-Route: <sip:192.0.2.5;lr>, <sip:192.0.2.6;lr%s>\r\n"
		 "Record-Route: <sip:192.0.2.7;lr>\r\n"
		 "Route: <sip:203.0.113.1;lr%s>\r\n"
		 "From: <sip:a@example.com%s>;tag=f\r\n"
		 "To: \"B\" <sip:b@example.com%s;user=phone>\r\n"
		 "Call-ID: call\r\nCSeq: 1 REFER\r\n"
		 "Contact: <sip:a@192.0.2.10:5062%s>, <sip:a@192.0.2.11>\r\n"
		 "Path: <sip:192.0.2.6;lr%s>\r\n"
		 "Refer-To: <sip:c@example.com%s?Replaces=c%%3Bto-tag%%3Dx>\r\n"
		 "Referred-By: <sip:a@example.com%s>\r\n"
		 "Reason: SIP;cause=200\r\n"
		 "Content-Length: 0\r\n\r\n",
		 w, w, w, w, w, w, w, w, w);
	return parse(text);
}

static void assert_has(const char *text)
{
	ck_assert_msg(strstr(out, text) != NULL, "no %s in:\n%s", text, out);
}

static void assert_stripped(void)
{
	assert_has("Record-Route: <sip:192.0.2.5;lr>\r\n");
	assert_has("Record-Route: <sip:192.0.2.7;lr>\r\n");
	assert_has("From: <sip:a@example.com>;tag=f\r\n");
	assert_has("To: \"B\" <sip:b@example.com;user=phone>\r\n");
	assert_has("Contact: <sip:a@192.0.2.10:5062>\r\n");
	assert_has("Contact: <sip:a@192.0.2.11>\r\n");
	assert_has("Path: <sip:192.0.2.6;lr>\r\n");
	assert_has("Refer-To: <sip:c@example.com?Replaces=c%3Bto-tag%3Dx>\r\n");
	assert_has("Referred-By: <sip:a@example.com>\r\n");
	ck_assert_ptr_null(strstr(out, "192.0.2.6;lr;"));
}

START_TEST(every_word_everywhere)
{
	char word[64];
	msg_t *msg;

	snprintf(word, sizeof(word), ";%s=203.0.113.66:5060",
		 proto_uri_param_name(_i));
	msg = request(word);
	strip_request(msg, true, false);
	printed(msg);
	assert_stripped();
	assert_has("REFER sip:b@example.com;x=1;y=2 SIP/2.0\r\n");
	/* The hash decides. */
	assert_has(word);
	*strstr(out, word) = '\0';
	ck_assert_ptr_nonnull(strstr(out, "Route: <sip:203.0.113.1;lr"));
}
END_TEST

START_TEST(words_without_a_value_or_in_capitals)
{
	msg_t *msg = request(";PH-OWN;ph-Public");

	strip_request(msg, true, false);
	printed(msg);
	assert_stripped();
}
END_TEST

START_TEST(within_a_dialog_the_target_stays)
{
	msg_t *msg = request(";ph-own=10.0.0.16:5062");

	strip_request(msg, false, false);
	printed(msg);
	assert_has("REFER sip:b@example.com;x=1;ph-own=10.0.0.16:5062;y=2 "
		   "SIP/2.0\r\n");
}
END_TEST

START_TEST(what_has_no_word_is_sent_on_to_the_byte)
{
	static const char text[] =
		"INVITE sip:b@example.com;ph=1;phown=2 SIP/2.0\r\n"
		"v:  SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKphone\r\n"
		"From:   A   <sip:a@example.com>;tag=f\r\n"
		"t: <sip:b@example.com;xph-own=1>\r\n"
		"Call-ID: call\r\nCSeq: 1 INVITE\r\n"
		"m:<sip:a@192.0.2.10:5062;q-ph-own>;expires=5\r\n"
		"Content-Length: 0\r\n\r\n";
	msg_t *msg = parse(text);

	strip_request(msg, true, false);
	strip_identity(msg);
	ck_assert_str_eq(printed(msg), text);
}
END_TEST

START_TEST(nobody_asserts_an_identity)
{
	msg_t *msg = parse("INVITE sip:b@example.com SIP/2.0\r\n"
			   "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKp\r\n"
			   "From: <sip:a@example.com>;tag=f\r\n"
			   "To: <sip:b@example.com>\r\n"
			   "Call-ID: call\r\nCSeq: 1 INVITE\r\n"
			   "P-Asserted-Identity: <sip:boss@example.com>\r\n"
			   "X-Other: y\r\n"
			   "p-asserted-identity: <tel:+15550100>\r\n"
			   "P-Preferred-Identity: <sip:boss@example.com>\r\n"
			   "Privacy: id\r\nContent-Length: 0\r\n\r\n");

	strip_identity(msg);
	printed(msg);
	ck_assert_ptr_null(strcasestr(out, "Identity"));
	assert_has("X-Other: y\r\n");
	assert_has("Privacy: id\r\n");
}
END_TEST

static bool is_example(const char *realm, const void *arg)
{
	ck_assert_str_eq(arg, "arg");
	return !strcmp(realm, "example.com") || !strcmp(realm, "a \"b\"");
}

#define DIGEST "Digest username=\"u\", "

START_TEST(credentials_of_some_realms)
{
	msg_t *msg = parse("BYE sip:b@example.com SIP/2.0\r\n"
			   "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKp\r\n"
			   "From: <sip:a@example.com>;tag=f\r\n"
			   "To: <sip:b@example.com>;tag=t\r\n"
			   "Call-ID: call\r\nCSeq: 1 BYE\r\n"
			   "Proxy-Authorization: " DIGEST
			   "REALM = \"example.com\", response=\"1\"\r\n"
			   "Proxy-Authorization: " DIGEST
			   "realm=\"example.org\", response=\"2\"\r\n"
			   "Authorization: " DIGEST
			   "realm=\"a \\\"b\\\"\", response=\"3\"\r\n"
			   "Authorization: " DIGEST "response=\"4\"\r\n"
			   "Proxy-Authorization: " DIGEST
			   "realm=example.com, response=\"5\"\r\n"
			   "Authorization: Basic dTpw\r\n"
			   "Content-Length: 0\r\n\r\n");

	ck_assert_uint_eq(strip_credentials(msg, is_example, "arg"), 3);
	ck_assert_uint_eq(strip_credentials(msg, is_example, "arg"), 0);
	printed(msg);
	for (const char *gone = "135"; *gone; gone++) {
		char text[] = {'"', *gone, '"', '\0'};

		ck_assert_ptr_null(strstr(out, text));
	}
	assert_has("response=\"2\"");
	assert_has("response=\"4\"");
	assert_has("Basic dTpw");
}
END_TEST

static int realm_of(char realm[STRIP_REALM_MAX], const char *value)
{
	su_home_t *home = su_home_new(sizeof(*home));
	msg_auth_t *auth = sip_www_authenticate_make(home, value);
	int err;

	ck_assert_ptr_nonnull(auth);
	err = strip_realm(realm, auth);
	su_home_unref(home);
	return err;
}

START_TEST(realms)
{
	char realm[STRIP_REALM_MAX], text[2 * STRIP_REALM_MAX];
	int fits = STRIP_REALM_MAX - 1;

	ck_assert_int_eq(realm_of(realm, "Digest realm=\"\", nonce=\"n\""), 0);
	ck_assert_str_eq(realm, "");
	ck_assert_int_eq(realm_of(realm, "Digest nonce=\"realm=x\""), -ENOENT);
	snprintf(text, sizeof(text), "Digest realm=\"%0*d\"", fits, 0);
	ck_assert_int_eq(realm_of(realm, text), 0);
	ck_assert_uint_eq(strlen(realm), (size_t)fits);
	snprintf(text, sizeof(text), "Digest realm=\"%0*d\"", fits + 1, 0);
	ck_assert_int_eq(realm_of(realm, text), -EMSGSIZE);
}
END_TEST

START_TEST(an_answer)
{
	msg_t *msg = parse("SIP/2.0 200 OK\r\n"
			   "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKp\r\n"
			   "Record-Route: <sip:203.0.113.1;lr;ph-mac=0>\r\n"
			   "From: <sip:a@example.com>;tag=f\r\n"
			   "To: <sip:b@example.com>;tag=t\r\n"
			   "Call-ID: call\r\nCSeq: 1 INVITE\r\n"
			   "Contact: <sip:b@192.0.2.9;ph-own=10.0.0.1>\r\n"
			   "Content-Length: 0\r\n\r\n");

	strip_response(msg);
	printed(msg);
	assert_has("Contact: <sip:b@192.0.2.9>\r\n");
	assert_has("Record-Route: <sip:203.0.113.1;lr;ph-mac=0>\r\n");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("strip");
	Suite *s = suite_create("proxyd strip");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, every_word_everywhere, 0,
			    PROTO_URI_PARAM_COUNT);
	tcase_add_test(tc, words_without_a_value_or_in_capitals);
	tcase_add_test(tc, within_a_dialog_the_target_stays);
	tcase_add_test(tc, what_has_no_word_is_sent_on_to_the_byte);
	tcase_add_test(tc, nobody_asserts_an_identity);
	tcase_add_test(tc, credentials_of_some_realms);
	tcase_add_test(tc, realms);
	tcase_add_test(tc, an_answer);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
