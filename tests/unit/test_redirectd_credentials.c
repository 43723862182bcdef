#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/credentials.h"

enum { ALL = (1u << DIGEST_ALGORITHMS) - 1, MD5 = 1u << DIGEST_MD5 };

#define R32  "0123456789abcdef0123456789ABCDEF"
#define R64  R32 R32
#define USER "Digest username=\"alice\", realm=\"example.com\", "
#define BASE                                                                   \
	USER "nonce=\"n1\", uri=\"sip:bob@example.com\", response=\"" R32 "\""
#define COUNT ", qop=auth, nc=00000001, cnonce=\"c1\""

static struct credentials c;
static const char *why;

/* Any number of header lines, without their names. */
static int find_in(const char *const *values, size_t n, unsigned algorithms)
{
	char text[16384];
	const char *bad = "";
	size_t len;
	msg_t *msg;
	int err;

	len = (size_t)snprintf(
		text, sizeof(text),
		"REGISTER sip:example.com SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK1\r\n"
		"From: <sip:alice@example.com>;tag=f\r\n"
		"To: <sip:alice@example.com>\r\nCall-ID: 1\r\n"
		"CSeq: 1 REGISTER\r\n");
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"Authorization: %s\r\n", values[i]);
	len += (size_t)snprintf(text + len, sizeof(text) - len,
				"Content-Length: 0\r\n\r\n");
	ck_assert_uint_lt(len, sizeof(text));
	ck_assert_msg(!sipmsg_parse(&msg, text, len, &bad), "%s", bad);
	why = NULL;
	memset(&c, 'x', sizeof(c));
	err = credentials_find(&c, sip_object(msg)->sip_authorization,
			       "example.com", algorithms, &why);
	msg_destroy(msg);
	return err;
}

static int find(const char *value)
{
	return find_in(&value, 1, ALL);
}

START_TEST(all_is_read)
{
	struct digest_parts p;

	ck_assert_int_eq(find(BASE ", algorithm=MD5" COUNT), 0);
	ck_assert_str_eq(c.username, "alice");
	ck_assert_str_eq(c.realm, "example.com");
	ck_assert_str_eq(c.nonce, "n1");
	ck_assert_str_eq(c.uri, "sip:bob@example.com");
	ck_assert_str_eq(c.response, R32);
	ck_assert_str_eq(c.nc, "00000001");
	ck_assert_str_eq(c.cnonce, "c1");
	ck_assert_int_eq(c.with, DIGEST_MD5);
	ck_assert(c.counted);
	ck_assert_uint_eq(c.count, 1);
	p = credentials_parts(&c, "INVITE");
	ck_assert_str_eq(p.method, "INVITE");
	ck_assert_ptr_eq(p.uri, c.uri);
	ck_assert_ptr_eq(p.qop, c.qop);
}
END_TEST

START_TEST(without_qop_it_counts_as_one)
{
	ck_assert_int_eq(find(BASE), 0);
	ck_assert(!c.counted);
	ck_assert_uint_eq(c.count, 1);
	ck_assert_int_eq(c.with, DIGEST_MD5);
	ck_assert_ptr_null(credentials_parts(&c, "INVITE").qop);
	ck_assert_int_eq(find(BASE ", nc=00000007, cnonce=\"c\""), 0);
	ck_assert_uint_eq(c.count, 1);
}
END_TEST

START_TEST(what_phones_write)
{
	ck_assert_int_eq(find("DIGEST Username = \"alice\" ,REALM=\"example."
			      "com\",Nonce=\"n1\",URI=\"sip:bob@example.com\","
			      "response=\"" R32 "\",algorithm=\"md5\",qop="
			      "\"auth\",nc=\"0000000f\",cnonce=c1,opaque=\"\","
			      "auth-param=\"x\""),
			 0);
	ck_assert_uint_eq(c.count, 15);
	ck_assert_str_eq(c.cnonce, "c1");
	ck_assert_int_eq(
		find("Digest username=\"a \\\"l\\\" \\\\ice, J\xc3\xa4s\xc3\xb8"
		     "n\", realm=\"example.com\", nonce=\"\", uri=\"sip:x\", "
		     "response=\"" R32 "\""),
		0);
	ck_assert_str_eq(c.username, "a \"l\" \\ice, J\xc3\xa4s\xc3\xb8n");
	ck_assert_str_eq(c.nonce, "");
	ck_assert_int_eq(find(BASE ", userhash=false"), 0);
	ck_assert_int_eq(find(BASE ", userhash=\"FALSE\""), 0);
}
END_TEST

START_TEST(algorithms)
{
	const char *const sha[] = {
		USER "nonce=\"n\", uri=\"sip:x\", response=\"" R64
		     "\", algorithm=SHA-256",
	};
	const char *const both[] = {sha[0], BASE};

	ck_assert_int_eq(find(sha[0]), 0);
	ck_assert_int_eq(c.with, DIGEST_SHA256);
	ck_assert_int_eq(find(USER "nonce=\"n\", uri=\"sip:x\", response=\"" R64
				   "\", algorithm=sha-512-256"),
			 0);
	ck_assert_int_eq(c.with, DIGEST_SHA512_256);
	ck_assert_int_eq(find_in(sha, 1, MD5), -ENOENT);
	ck_assert_int_eq(find_in(both, 2, MD5), 0);
	ck_assert_int_eq(c.with, DIGEST_MD5);
	ck_assert_int_eq(find_in(both, 2, ALL), 0);
	ck_assert_int_eq(c.with, DIGEST_SHA256);
	ck_assert_int_eq(find(BASE ", algorithm=MD5-sess"), -ENOENT);
	ck_assert_int_eq(find(BASE ", algorithm=SHA-256"), -EBADMSG);
	ck_assert_str_eq(why, "Credentials With Bad response");
}
END_TEST

START_TEST(those_for_our_realm)
{
	const char *const many[] = {
		"Basic YWxpY2U6c2VjcmV0",
		"Digest realm=\"example.org\", username=\"a\", username=\"b\"",
		"Digest username=\"carol\", realm=\"Example.com\"",
		BASE,
		"Digest realm=\"example.com\"",
	};

	ck_assert_int_eq(find_in(many, 5, ALL), 0);
	ck_assert_str_eq(c.username, "alice");
	ck_assert_int_eq(find_in(many, 3, ALL), -ENOENT);
	ck_assert_int_eq(find_in(many, 0, ALL), -ENOENT);
	ck_assert_int_eq(find_in(many + 4, 1, ALL), -EBADMSG);
}
END_TEST

/* RFC 7616 3.4.4: what we do not offer is as good as nothing. */
START_TEST(names_that_are_hidden)
{
	ck_assert_int_eq(find(BASE ", userhash=true"), -ENOENT);
	ck_assert_int_eq(find(BASE ", username*=UTF-8''J%C3%A4s"), -ENOENT);
	ck_assert_int_eq(find("Digest username*=UTF-8''J%C3%A4s, realm="
			      "\"example.com\", nonce=\"n\", uri=\"sip:x\", "
			      "response=\"" R32 "\""),
			 -ENOENT);
}
END_TEST

#define LONG64                                                                 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG256 LONG64 LONG64 LONG64 LONG64

static const struct {
	const char *value, *why;
} bad[] = {
	{"Digest username=\"alice\"", "Credentials Without realm"},
	{"Digest realm=\"example.com\"", "Credentials Without username"},
	{"Digest x", "Credentials Without realm"},
	{"Digest realm", "Credentials Without realm"},
	{"Digest realm=", "Credentials With Bad realm"},
	{"Digest realm=a=\"b\"", "Credentials With Bad realm"},
	{"Digest realm=\"a\", realm=\"example.com\"",
	 "Credentials With Two realm"},
	{USER "username=\"bob\", nonce=\"n\", uri=\"u\", response=\"" R32 "\"",
	 "Credentials With Two username"},
	{USER "uri=\"u\", response=\"" R32 "\"", "Credentials Without nonce"},
	{USER "nonce=\"n\", response=\"" R32 "\"", "Credentials Without uri"},
	{USER "nonce=\"n\", uri=\"u\"", "Credentials Without response"},
	{USER "nonce=\"n\", uri=\"u\", response=\"abc\"",
	 "Credentials With Bad response"},
	{USER "nonce=\"n\", uri=\"u\", response=\"\"",
	 "Credentials With Bad response"},
	{USER "nonce=\"n\", uri=\"u\", response=\"" R64 "\"",
	 "Credentials With Bad response"},
	{USER "nonce=\"n\", uri=\"u\", response=\"" R64 "0\"",
	 "Credentials With Bad response"},
	{USER "nonce=\"n\", uri=\"u\", response=\"0123456789abcdef"
	      "0123456789ABCDEg\"",
	 "Credentials With Bad response"},
	{USER "nonce=\"" LONG256 "\"", "Credentials With Bad nonce"},
	{USER "nonce=\"n\", uri=\"" LONG256 LONG256 "\"",
	 "Credentials With Bad uri"},
	{"Digest realm=\"example.com\", username=\"" LONG64 LONG64 "\"",
	 "Credentials With Bad username"},
	{"Digest realm=\"example.com\", username=\"a\"b",
	 "Credentials With Bad username"},
	{"Digest realm=\"example.com\", username=\"a\" \"b\"",
	 "Credentials With Bad username"},
	{"Digest realm=\"example.com\", username=\"a\tb\"",
	 "Credentials With Bad username"},
	{"Digest realm=\"example.com\", username=\"a\r\n b\"",
	 "Credentials With Bad username"},
	{"Digest realm=\"" LONG256 "\"", "Credentials With Bad realm"},
	{BASE ", algorithm=MD5, algorithm=MD5",
	 "Credentials With Two algorithm"},
	{BASE ", qop=auth-int, nc=00000001, cnonce=\"c\"",
	 "Credentials With A qop That Was Not Offered"},
	{BASE ", qop=auth, nc=00000001", "Credentials Without cnonce"},
	{BASE ", qop=auth, nc=00000001, cnonce=\"\"",
	 "Credentials Without cnonce"},
	{BASE ", qop=auth, cnonce=\"c\"", "Credentials With Bad nc"},
	{BASE ", qop=auth, cnonce=\"c\", nc=1", "Credentials With Bad nc"},
	{BASE ", qop=auth, cnonce=\"c\", nc=0000001g",
	 "Credentials With Bad nc"},
	{BASE ", qop=auth, cnonce=\"c\", nc=-0000001",
	 "Credentials With Bad nc"},
	{BASE ", qop=auth, cnonce=\"c\", nc=000000001",
	 "Credentials With Bad nc"},
	{BASE ", qop=auth, cnonce=\"c\", nc=00000000",
	 "Credentials With Bad nc"},
	{BASE ", qop=auth, qop=auth", "Credentials With Two qop"},
};

START_TEST(malformed)
{
	ck_assert_msg(find(bad[_i].value) == -EBADMSG, "%s", bad[_i].value);
	ck_assert_str_eq(why, bad[_i].why);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("credentials");
	Suite *s = suite_create("redirectd credentials");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, all_is_read);
	tcase_add_test(tc, without_qop_it_counts_as_one);
	tcase_add_test(tc, what_phones_write);
	tcase_add_test(tc, algorithms);
	tcase_add_test(tc, those_for_our_realm);
	tcase_add_test(tc, names_that_are_hidden);
	tcase_add_loop_test(tc, malformed, 0, sizeof(bad) / sizeof(bad[0]));
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
